/* twin.c - tasks of elided programs: threads that hand each other a baton.
 *
 *     spawn      the new task has the baton, its spawner is the first of those that can go on
 *     wait       the first that can go on has it; who is woken is the last of them
 *     sleep, io  likewise, and who is back from there is the last of them, too
 *
 * So one thread of these runs at a time, and the program is sequential wherever the async one on one thread is. Where
 * nobody can go on, all wait for each other, unless some wait for the world or the process has other threads,
 * which may know of a channel of theirs.
 *
 * A thread of the program's own that spawns is a guest. Each has a baton, which it shares with the tasks that it or they
 * spawn: what it waits for in a plain call may be up to another guest. That pool tasks share it is for the sake of the
 * order alone, so they needn't wait while its holder sleeps in the system: such a one gets a baton of its own. */
#define _GNU_SOURCE
#include "twin.h"

#include "exec.h"
#include "fork.h"
#include "lock.h"

#include <ac/elided_task.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* All at file level, since threads are the process's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ac__twin *all;
static unsigned nthreads; /* in the list of all and not over */
static unsigned noutside; /* of these, wait for the world */
static unsigned nheld;    /* batons that somebody has */
static uint64_t nspawned, nfinished; /* tasks so far */

struct ac__baton {
    struct ac__twin *holder, *ready, **ready_end;
    struct ac__twin *sleepers; /* by deadline, while the clock is paused */
    struct ac__twin *ending; /* waits for the end of all local tasks */
    unsigned nlocal;         /* these */
    unsigned nthreads;       /* that share it, and keep it */
    unsigned noutside;       /* of these, wait for the world */
    unsigned nturns;         /* so far */
};
/* The calling thread's task, or what stands for a thread that has spawned some. */
static _Thread_local struct ac__twin *self, guest;
static _Thread_local void *spent; /* the task whose result was taken last */

/* Null if there is no memory. */
static struct ac__baton *new_baton(void)
{
    struct ac__baton *baton = calloc(1, sizeof *baton);
    if (baton != NULL)
        baton->ready_end = &baton->ready;
    return baton;
}

static void share(struct ac__baton *baton, struct ac__twin *twin)
{
    baton->nthreads++;
    twin->baton = baton;
}

/* Once it has been handed on. */
static void let_go(struct ac__baton *baton)
{
    if (--baton->nthreads == 0)
        free(baton);
}

static void enlist(struct ac__twin *twin)
{
    twin->link = &all;
    twin->next = all;
    if (all != NULL)
        all->link = &twin->next;
    all = twin;
    nthreads++;
}

static void delist(struct ac__twin *twin)
{
    *twin->link = twin->next;
    if (twin->next != NULL)
        twin->next->link = twin->link;
    nthreads--;
}

static void put_last(struct ac__twin *twin)
{
    struct ac__baton *baton = twin->baton;
    twin->next_ready = NULL;
    *baton->ready_end = twin;
    baton->ready_end = &twin->next_ready;
}

static void put_first(struct ac__twin *twin)
{
    struct ac__baton *baton = twin->baton;
    twin->next_ready = baton->ready;
    if (baton->ready == NULL)
        baton->ready_end = &twin->next_ready;
    baton->ready = twin;
}

/* Whether it was one of those that are ready. */
static bool take_out(struct ac__twin *twin)
{
    struct ac__baton *baton = twin->baton;
    struct ac__twin **link = &baton->ready;
    while (*link != NULL && *link != twin)
        link = &(*link)->next_ready;
    if (*link == NULL)
        return false;
    *link = twin->next_ready;
    if (*link == NULL)
        baton->ready_end = link;
    return true;
}

/* Whether there are threads in the process that may end what these wait for. If so, that is asked again after a second. */
static bool has_strangers(void)
{
    static time_t next_look_s;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec < next_look_s)
        return true;
    int nparked = ac__nparked;
    bool has = (int)ac__count_threads() > (int)nthreads + nparked || ac__nparked != nparked;
    next_look_s = has ? now.tv_sec + 1 : 0;
    return has;
}

static bool is_ready(const struct ac__twin *twin)
{
    const struct ac__twin *other = twin->baton->ready;
    while (other != NULL && other != twin)
        other = other->next_ready;
    return other != NULL;
}

static void list_all(FILE *out)
{
    for (const struct ac__twin *twin = all; twin != NULL; twin = twin->next) {
        const char *state = twin->baton->holder == twin ? "running" : is_ready(twin) ? "queued" : "suspended";
        fprintf(out, "  '%s': %s\n", twin->name, state);
        if (twin->is_outside)
            fprintf(out, "      awaits time or the world\n");
        else if (twin->waits != NULL && twin->file != NULL)
            fprintf(out, "      %s:%d: awaits %s\n", twin->file, twin->line, twin->waits);
        else if (twin->waits != NULL)
            fprintf(out, "      awaits %s\n", twin->waits);
    }
}

static _Noreturn void stop_all(void)
{
    fflush(stdout);
    fprintf(stderr, "asyncc: all tasks wait for each other, for ever:\n");
    list_all(stderr);
    abort();
}

/* With the lock, as all that follow. Each sleeps on a word of its own, so that handing on wakes one thread. */
static void give_to(struct ac__baton *baton, struct ac__twin *twin)
{
    nheld += twin != NULL;
    nheld -= baton->holder != NULL;
    baton->holder = twin;
    baton->nturns++;
    if (twin == NULL || twin == self)
        return;
    __atomic_store_n(&twin->turns, twin->turns + 1, __ATOMIC_RELAXED);
    ac__futex_wake(&twin->turns);
}

static bool can_none_go_on(void) { return nheld == 0 && noutside == 0; }

static void look_for_end(void)
{
    if (can_none_go_on() && nthreads > 0 && !has_strangers())
        stop_all();
}

/* A paused clock goes on to the next deadline when nobody else can. */
static void wake_sleepers(struct ac__baton *baton)
{
    struct ac__twin *twin = baton->sleepers;
    if (twin == NULL)
        return;
    struct ac__clock *clock = twin->clock;
    if (baton->ready == NULL && baton->noutside == 0 && clock->paused && clock->now_ns < twin->deadline_ns)
        clock->now_ns = twin->deadline_ns;
    while ((twin = baton->sleepers) != NULL && (!clock->paused || twin->deadline_ns <= clock->now_ns)) {
        baton->sleepers = twin->next_ready;
        put_last(twin);
    }
}

static void give_to_next(struct ac__baton *baton)
{
    wake_sleepers(baton);
    struct ac__twin *next = baton->ready;
    if (next != NULL)
        take_out(next);
    give_to(baton, next);
}

/* The holder gives the baton to the next; nobody has it if nobody can go on. */
static void hand_on(void)
{
    give_to_next(self->baton);
    look_for_end();
}

static bool sleeps(const struct ac__twin *twin)
{
    char name[64], text[128], *state = NULL;
    snprintf(name, sizeof name, "/proc/self/task/%d/stat", twin->thread);
    FILE *file = fopen(name, "r");
    if (file == NULL)
        return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    state = strrchr(text, ')'); /* behind the program's name */
    return state != NULL && (state[2] == 'S' || state[2] == 'D');
}

/* A task of the pool has been ready for long, and who has its baton sleeps. */
static void go_on_beside(void)
{
    struct ac__baton *shared = self->baton, *own = new_baton();
    if (own == NULL)
        return;
    if (take_out(self)) {
        share(own, self);
        give_to(own, self);
        let_go(shared);
        return;
    }
    free(own);
}

static void wait_for_baton(void)
{
    while (self->baton->holder != self) {
        unsigned turns = self->turns, nturns = self->baton->nturns;
        pthread_mutex_unlock(&lock);
        bool is_late = ac__futex_wait_1s(&self->turns, turns);
        pthread_mutex_lock(&lock);
        const struct ac__twin *holder = self->baton->holder;
        if (!is_late || holder == self)
            continue;
        /* What looked like another thread of the program's may have been one of ours on its way out. */
        look_for_end();
        if (self->is_pooled && holder != NULL && self->baton->nturns == nturns && sleeps(holder))
            go_on_beside();
    }
}

/* It can go on. */
static void make_ready(struct ac__twin *twin)
{
    put_last(twin);
    if (twin->baton->holder == NULL)
        give_to_next(twin->baton);
}

/* ---- what the blocking twins do ---- */

static bool is_one(void) { return self != NULL; }

/* The word is set with the lock, as who waits for it can't be let go before. */
static void wake(struct ac__parker *parker)
{
    pthread_mutex_lock(&lock);
    struct ac__twin *twin = parker->blocked;
    parker->blocked = NULL;
    __atomic_store_n(&parker->woken, 1, __ATOMIC_RELEASE);
    if (twin != NULL)
        make_ready(twin);
    pthread_mutex_unlock(&lock);
}

static void note_wait(const char *what)
{
    self->waits = what;
    self->file = ac__at_file;
    self->line = ac__at_line;
}

static void block(struct ac__parker *parker)
{
    pthread_mutex_lock(&lock);
    note_wait(parker->function);
    if (__atomic_load_n(&parker->woken, __ATOMIC_RELAXED))
        put_last(self);
    else
        parker->blocked = self;
    hand_on();
    wait_for_baton();
    self->waits = NULL;
    pthread_mutex_unlock(&lock);
}

static void yield(void)
{
    pthread_mutex_lock(&lock);
    put_last(self);
    hand_on();
    wait_for_baton();
    pthread_mutex_unlock(&lock);
}

static void list(FILE *out)
{
    pthread_mutex_lock(&lock);
    fprintf(out, "asyncc: elided, each task a thread: %u task%s\n", nthreads, nthreads == 1 ? "" : "s");
    list_all(out);
    pthread_mutex_unlock(&lock);
}

static void count(struct ac_counts *counts)
{
    pthread_mutex_lock(&lock);
    counts->tasks_spawned += nspawned;
    counts->tasks_alive += nspawned - nfinished;
    pthread_mutex_unlock(&lock);
}

static bool sleep_until(uint64_t deadline_ns)
{
    if (self->clock != ac__clock_of_thread())
        return false;
    pthread_mutex_lock(&lock);
    struct ac__twin **link = &self->baton->sleepers;
    while (*link != NULL && (*link)->deadline_ns <= deadline_ns)
        link = &(*link)->next_ready;
    self->deadline_ns = deadline_ns;
    self->next_ready = *link;
    *link = self;
    self->waits = "time";
    self->file = NULL;
    hand_on();
    wait_for_baton();
    self->waits = NULL;
    pthread_mutex_unlock(&lock);
    return true;
}

static void leave(void)
{
    pthread_mutex_lock(&lock);
    noutside++;
    self->baton->noutside++;
    self->is_outside = 1;
    hand_on();
    pthread_mutex_unlock(&lock);
}

static void enter(void)
{
    pthread_mutex_lock(&lock);
    noutside--;
    self->baton->noutside--;
    self->is_outside = 0;
    make_ready(self);
    wait_for_baton();
    pthread_mutex_unlock(&lock);
}

static const struct ac__twins twins = { is_one, block, wake, yield, sleep_until, list, count, leave, enter };

/* ---- tasks ---- */

void *ac__twin_new(size_t size, size_t result, const char *name, void (*run)(void *), int on_pool)
{
    struct ac__twin *twin = calloc(1, size);
    if (twin == NULL)
        ac__stop("ac_spawn", "no memory for the task '%s'", name);
    twin->name = name;
    twin->run = run;
    twin->is_pooled = on_pool != 0;
    twin->result = (char *)twin + result;
    return twin;
}

void *ac__twin_over(void *task)
{
    struct ac__twin *twin = task;
    twin->is_over = 1;
    return twin;
}

static void *run(void *task)
{
    self = task;
    pthread_mutex_lock(&lock);
    self->thread = gettid();
    wait_for_baton();
    pthread_mutex_unlock(&lock);
    if (self->clock != NULL)
        ac__clock_share(self->clock);
    errno = self->spawner_errno;
    self->run(self);
    free(spent);

    pthread_mutex_lock(&lock);
    struct ac__baton *baton = self->baton;
    delist(self);
    self->is_over = 1;
    nfinished++;
    baton->nlocal -= !self->is_pooled;
    if (self->joiner != NULL)
        make_ready(self->joiner);
    if (baton->nlocal == 0 && baton->ending != NULL) {
        put_last(baton->ending);
        baton->ending = NULL;
    }
    hand_on();
    let_go(baton);
    if (self->is_detached)
        free(self);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Of a thread of the program's own, which may have handed tasks to itself alone. */
void ac__twin_end(void)
{
    if (self != &guest)
        return;
    int saved_errno = errno;
    pthread_mutex_lock(&lock);
    self->waits = "the end of all tasks";
    self->file = NULL;
    while (self->baton->nlocal > 0) {
        self->baton->ending = self;
        hand_on();
        wait_for_baton();
    }
    self->waits = NULL;
    pthread_mutex_unlock(&lock);
    free(spent);
    spent = NULL;
    errno = saved_errno;
}

/* In the child of a fork the others' threads aren't there. Their tasks and batons are kept, since handles name them. */
static void in_child(void)
{
    static struct ac__twin *lost;
    for (struct ac__twin **link = &all; *link != NULL;) {
        struct ac__twin *twin = *link;
        if (twin == self) {
            link = &twin->next;
            continue;
        }
        delist(twin);
        if (twin->run == NULL) /* a guest's, on a stack that may be used again */
            continue;
        twin->next = lost;
        lost = twin;
    }
    noutside = 0;
    nheld = 0;
    if (self == NULL)
        return;
    *self->baton = (struct ac__baton){ .nthreads = 1, .nlocal = self != &guest && !self->is_pooled };
    self->baton->ready_end = &self->baton->ready;
    self->thread = gettid();
    noutside = self->baton->noutside = self->is_outside;
    if (!self->is_outside)
        give_to(self->baton, self);
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_TWINS, &lock, in_child); }

/* A thread of the program's own, that has spawned tasks, is over before they are. */
static void end_guest(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    delist(self);
    hand_on();
    let_go(self->baton);
    pthread_mutex_unlock(&lock);
    self = NULL;
    free(spent);
}

static pthread_key_t guests;
static pthread_once_t first_guest = PTHREAD_ONCE_INIT;
static void begin(void) { pthread_key_create(&guests, end_guest); }

/* The calling thread takes part from now on. */
static void join_in(void)
{
    if (self != NULL)
        return;
    pthread_once(&first_guest, begin);
    pthread_setspecific(guests, &guest);
    struct ac__baton *baton = new_baton();
    if (baton == NULL)
        ac__stop("ac_spawn", "no memory for the baton of a thread");
    pthread_mutex_lock(&lock);
    ac__twins = &twins;
    self = &guest;
    self->name = "main";
    self->clock = ac__clock_of_thread();
    self->thread = gettid();
    enlist(self);
    share(baton, self);
    give_to(baton, self);
    pthread_mutex_unlock(&lock);
}

void *ac__twin_spawn(void *task)
{
    struct ac__twin *twin = task;
    int saved_errno = errno;
    pthread_t thread;
    pthread_attr_t detached;
    join_in();
    twin->spawner_errno = saved_errno;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_mutex_lock(&lock);
    int error = pthread_create(&thread, &detached, run, twin);
    if (error != 0)
        ac__stop("ac_spawn", "no thread for the task '%s': %s", twin->name, strerror(error));
    enlist(twin);
    nspawned++;
    share(self->baton, twin);
    twin->clock = twin->is_pooled ? NULL : self->clock;
    twin->baton->nlocal += !twin->is_pooled;
    put_first(self);
    give_to(twin->baton, twin);
    wait_for_baton();
    pthread_mutex_unlock(&lock);
    pthread_attr_destroy(&detached);
    errno = saved_errno;
    return twin;
}

/* It may be a task of another thread's, and the caller's first. */
static void wait_for_end(struct ac__twin *twin, const char *function)
{
    if (twin == self)
        ac__stop(function, "the task '%s' awaits itself", twin->name);
    join_in();
    pthread_mutex_lock(&lock);
    if (!twin->is_over) {
        twin->joiner = self;
        note_wait(function);
        hand_on();
        wait_for_baton();
        self->waits = NULL;
    }
    pthread_mutex_unlock(&lock);
}

int ac__twin_join(void *task, void *out, size_t size)
{
    struct ac__twin *twin = task;
    if (twin == NULL)
        return -ENOMEM;
    wait_for_end(twin, "ac_join");
    if (out != NULL)
        memcpy(out, twin->result, size);
    free(twin);
    return 0;
}

void *ac__twin_await(void *task)
{
    struct ac__twin *twin = task;
    if (twin == NULL)
        ac__stop("await", "the handle is null: it was awaited before");
    wait_for_end(twin, "a task");
    free(spent);
    spent = twin;
    return twin->result;
}

void *ac__twin_keep(void *task)
{
    struct ac__twin *twin = task;
    twin->is_kept = 1;
    return twin;
}

/* The variable has a type of its own. */
static struct ac__twin *empty_variable(const void *variable)
{
    struct ac__twin *twin, *none = NULL;
    memcpy(&twin, variable, sizeof twin);
    memcpy((void *)variable, &none, sizeof none);
    return twin;
}

void *ac__twin_take(const void *variable)
{
    struct ac__twin *twin = empty_variable(variable);
    if (twin == NULL)
        ac__stop("await", "the future was awaited before");
    if (twin->is_kept) {
        twin->is_kept = 0;
        twin->run(twin);
    }
    free(spent);
    spent = twin;
    return twin->result;
}

void ac__twin_all(void **futures, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ac__twin *twin = futures[i];
        if (twin != NULL && twin->is_kept) {
            twin->is_kept = 0;
            ac__twin_spawn(twin);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (futures[i] != NULL)
            wait_for_end(futures[i], "ac_all");
}

void ac__twin_drop(const void *variable)
{
    free(empty_variable(variable));
}

void ac__twin_cancel(void *task)
{
    if (task == NULL)
        return;
    wait_for_end(task, "ac_cancel");
    free(task);
}

void ac__twin_detach(void *task)
{
    struct ac__twin *twin = task;
    if (twin == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (twin->is_over)
        free(twin);
    else
        twin->is_detached = 1;
    pthread_mutex_unlock(&lock);
}

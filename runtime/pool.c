/* pool.c - the threads of the pool: who polls what, who steals, who sleeps.
 *
 *     ac_spawn, wakes by workers -> the worker's slot -> its ring --steal half--> another worker's ring
 *     ac_spawn, wakes by others --> injector --a share--> a worker's ring
 *
 * A worker runs what is in its slot (the task that was woken last: its data is warm; but a few times only
 * while others wait; and at once, within the poll that is running, if that awaits it), then its ring, then takes a
 * share of the injector, then steals. Every 61 polls, and after one that has spent its budget, it looks at the injector
 * first, and at timers and descriptors if no one else does. These are the rules of Go's scheduler, and of tokio's, which
 * took them from there.
 *
 * Parking. One atomic word, `idle`, counts the workers that search for something to steal (at most one),
 * those that are parked, and the token: one that was parked has been told to go searching, and hasn't left yet. All that is
 * done to it is sequentially consistent, and so are the stores that publish tasks. No wake-up is lost:
 * - Who publishes a task reads `idle` afterwards. If nobody searches and one is parked, he makes one
 *   parked worker a searcher, by the token, and rings the reactor's bell. Any may take the token.
 * - Who parks counts itself in `idle`, and looks at all queues once more afterwards.
 * - Who ceases to search looks at all queues once more afterwards, too.
 * So a task that was published while one searched is seen by that one; while one was on the way to bed, by
 * that one; and later, it rings. Model: tests/models/park.pml.
 *
 * Lingering. Who spawns many tasks that are soon over would ring for each: one is woken, steals the few that there
 * are, finds nothing more, and parks, which takes longer than all that it has run; on one processor the two even
 * take turns. So a thief goes on searching for a while when he has run what he stole, and lets the other threads
 * of his processor run meanwhile, his victim above all. Nobody rings as long as he searches; the price is that a third
 * worker goes on sleeping if the thief has to wait for his processor just then.
 *
 * All parked workers sleep in the reactor, on the one epoll: an event wakes one of them, be it a
 * descriptor's, the alarm's at the next timer's tick, or the bell. So as long as any worker is idle, descriptors
 * and timers are looked after, whatever the others do. */
#define _GNU_SOURCE
#include "pool.h"

#include "fork.h"
#include "lock.h"
#include "ring.h"
#include "seen.h"
#include "sys.h"
#include "thread.h"
#include <ac/pool.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_AROUND = 61,   /* polls between two looks at injector, timers, descriptors        */
    /* Between two such looks, while there is anything in the ring. Two tasks that wake each other would starve it; and
     * one that awaits many others, in turn, goes to the end: then they are over, and it needn't be woken for each. */
    MOST_SLOT_RUNS = 3,
    LINGERS = 8,        /* times that a thief looks once more before he parks              */
    MOST_THREADS = 1024,
};

/* What others than the pool's workers put, and what doesn't fit into a ring. Putting takes no lock: `pushed`
 * is a stack. Workers take the whole of it, and keep it in order under the lock. */
struct injector {
    _Alignas(64) _Atomic(struct ac_task *) pushed; /* last to first */
    pthread_mutex_t lock;
    struct ac_task *first, **end; /* first to last */
    _Atomic size_t length;        /* of that list; written under the lock */
};

struct ac__worker {
    struct ac_exec exec; /* what leaves see: the pool's reactor and wheel, this worker's running task */
    struct ac__ring ring;

    /* The worker's own. */
    struct ac_task *slot;
    struct ac_task *woken, **woken_end; /* by events and timers just now, first to last; they go into the ring together */
    unsigned nwoken;
    unsigned index, slot_runs, seed, lingers;
    unsigned until_look; /* polls until it looks around next                                */
    bool searching; /* it is the one that `idle` counts                                    */
    bool quiet;     /* a batch of tasks is being woken: don't unpark others for each of them */
    pthread_t thread;

    /* Written by the worker, read by anyone. */
    /* The name of the task that it polls for the first time. Not its type, which may stand in the task: see boxes.c. */
    _Atomic(const char *) begins;
    _Atomic uint64_t spawned, finished, polls, wakes, steals, parks, unparks;

    /* The tasks that have been pending, for shutting down. One that is over in its first poll costs
     * nothing here: until then it is in a queue, or polled. */
    pthread_mutex_t lock;
    struct ac_task *all;
};

/* `idle` is made of two bits, of which TOKEN is only set with SEARCHING, and a count. */
#define SEARCHING (1u << 31)
#define TOKEN (1u << 30)
#define PARKED 1u
static unsigned count_parked(unsigned idle) { return idle % TOKEN; }
static bool has_token(unsigned idle) { return idle & TOKEN; }
static bool is_searched(unsigned idle) { return idle & SEARCHING; }

/* Of the pool. While it is ENDING it has no task left, and its threads go; then it takes none that it would have to run. */
enum { NONE, UP, STOPPING, ENDING };

/* At file level, since threads are the process's. */
static struct {
    pthread_mutex_t lock; /* for starting and shutting down */
    pthread_cond_t over;  /* when it isn't UP: a task has finished */
    unsigned wanted;      /* threads; 0: one per core */
    bool is_shutting_down;
    _Atomic int state;
    _Atomic bool leaves; /* the threads are to end */
    unsigned nworkers;
    struct ac__worker **workers;
    struct ac__reactor *reactor;
    struct ac__wheel *wheel;
    unsigned reactor_lock; /* lock.h's */
    pthread_mutex_t wheel_lock;
    uint64_t alarm;             /* tick for which the reactor's alarm is set; under the wheel's lock */
    _Atomic uint64_t next_tick; /* to which the wheel has to be turned next, or UINT64_MAX */
    struct injector injector;
    _Alignas(64) _Atomic unsigned idle;
    _Atomic unsigned nguests;               /* other threads between putting a task and having rung the bell */
    _Atomic uint64_t guests_spawned, guests_wakes, guests_unparks;
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wheel_lock = PTHREAD_MUTEX_INITIALIZER,
    .injector.lock = PTHREAD_MUTEX_INITIALIZER,
};

/* The counter of a worker: nobody else writes it, so it needs no locked operation. */
static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static struct ac__worker *this_worker(void) { return ac__current == NULL ? NULL : ac__current->worker; }

/* ---- parking: the word ---- */

static void ring_bell(void *guest)
{
    pool.reactor->ops->unpark(pool.reactor);
    if (guest != NULL)
        atomic_fetch_sub(&pool.nguests, 1);
}

/* There is a task for a worker that has none. */
static void unpark_one(struct ac__worker *worker)
{
    unsigned idle = atomic_load(&pool.idle);
    do {
        if (is_searched(idle) || count_parked(idle) == 0)
            return;
    } while (!atomic_compare_exchange_weak(&pool.idle, &idle, idle - PARKED + TOKEN + SEARCHING));
    if (worker != NULL)
        count(&worker->unparks);
    else
        atomic_fetch_add_explicit(&pool.guests_unparks, 1, memory_order_relaxed);
    if (ac__may_owe()) {
        if (worker == NULL)
            atomic_fetch_add(&pool.nguests, 1);
        ac__owe(ring_bell, worker == NULL ? &pool : NULL);
    } else {
        ring_bell(NULL);
    }
}

static bool injector_is_empty(void)
{
    return atomic_load(&pool.injector.pushed) == NULL && atomic_load(&pool.injector.length) == 0;
}

/* Whether a task is in a queue from which any worker may take it. */
static bool any_task(void)
{
    if (!injector_is_empty())
        return true;
    for (unsigned i = 0; i < pool.nworkers; i++)
        if (!ac__ring_is_empty(&pool.workers[i]->ring))
            return true;
    return false;
}

static bool begin_search(struct ac__worker *self)
{
    unsigned idle = atomic_load(&pool.idle);
    while (!self->searching && !is_searched(idle))
        self->searching = atomic_compare_exchange_weak(&pool.idle, &idle, idle + SEARCHING);
    return self->searching;
}

/* It has found something. */
static void end_search(struct ac__worker *self)
{
    if (!self->searching)
        return;
    self->searching = false;
    atomic_fetch_sub(&pool.idle, SEARCHING);
    if (any_task())
        unpark_one(self);
}

static void count_as_parked(struct ac__worker *self)
{
    atomic_fetch_add(&pool.idle, self->searching ? PARKED - SEARCHING : PARKED);
    self->searching = false;
}

/* Ends count_as_parked(): as a searcher if there is a token, or if it wants to be one and no other is. If
 * it wants to be one and can't, it stays parked: false. */
static bool leave_parked(struct ac__worker *self, bool searches)
{
    unsigned idle = atomic_load(&pool.idle), after;
    do {
        if (has_token(idle))
            after = idle - TOKEN;
        else if (!searches)
            after = idle - PARKED;
        else if (!is_searched(idle))
            after = idle - PARKED + SEARCHING;
        else
            return false;
    } while (!atomic_compare_exchange_weak(&pool.idle, &idle, after));
    self->searching = has_token(idle) || searches;
    return true;
}

/* ---- queues ---- */

/* A list of tasks, linked by next from the last to the first, as the stack is. */
static void inject(struct ac_task *last, struct ac_task *first)
{
    struct ac_task *top = atomic_load_explicit(&pool.injector.pushed, memory_order_relaxed);
    do
        first->next = top;
    while (!atomic_compare_exchange_weak(&pool.injector.pushed, &top, last));
}

/* Takes a share of what is in the injector: one is returned, more are put into the worker's ring, in which there
 * is room for them, unless `one` says that it wants no more. */
static struct ac_task *take_injected(struct ac__worker *self, bool one)
{
    struct injector *in = &pool.injector;
    if (injector_is_empty())
        return NULL;
    pthread_mutex_lock(&in->lock);
    size_t length = atomic_load_explicit(&in->length, memory_order_relaxed);
    struct ac_task *list = NULL, **end = length > 0 ? in->end : &in->first, **end_after = end;
    for (struct ac_task *task = atomic_exchange(&in->pushed, NULL), *next; task != NULL; task = next) {
        next = task->next;
        task->next = list;
        if (list == NULL)
            end_after = &task->next;
        list = task;
        length++;
    }
    *end = list;
    in->end = end_after;

    struct ac_task *taken = NULL;
    if (length > 0) {
        taken = in->first;
        in->first = taken->next;
        length--;
        size_t share = one ? 0 : length / pool.nworkers;
        if (share > AC__RING_SIZE / 2)
            share = AC__RING_SIZE / 2;
        length -= ac__ring_put_list(&self->ring, &in->first, share);
    }
    atomic_store(&in->length, length);
    pthread_mutex_unlock(&in->lock);
    /* Between the exchange and that store the rest could not be seen. */
    if (length > 0 && !self->searching)
        unpark_one(self);
    return taken;
}

static void put_into_ring(struct ac__worker *self, struct ac_task *task)
{
    while (!ac__ring_put(&self->ring, task)) {
        struct ac_task *first, *last = ac__ring_take_half(&self->ring, &first);
        if (last != NULL) {
            task->next = last;
            inject(task, first);
            break;
        }
    }
    if (!self->quiet)
        unpark_one(self);
}

/* The running task has made another ready, which runs next. */
static void put_into_slot(struct ac__worker *self, struct ac_task *task)
{
    struct ac_task *before = self->slot;
    self->slot = task;
    if (before != NULL)
        put_into_ring(self, before);
}

static void add_woken(struct ac__worker *self, struct ac_task *task)
{
    *self->woken_end = task;
    self->woken_end = &task->next;
    self->nwoken++;
}

/* Until this is called nobody else sees them, so it follows at once. */
static void queue_woken(struct ac__worker *self)
{
    uint64_t nqueued = ac__ring_put_list(&self->ring, &self->woken, self->nwoken);
    for (; nqueued < self->nwoken; nqueued++) {
        struct ac_task *task = self->woken;
        self->woken = task->next;
        put_into_ring(self, task);
    }
    self->woken_end = &self->woken;
    self->nwoken = 0;
}

void ac__pool_schedule(struct ac_task *task)
{
    struct ac__worker *self = this_worker();
    if (self == NULL) {
        atomic_fetch_add(&pool.nguests, 1);
        atomic_fetch_add_explicit(&pool.guests_wakes, 1, memory_order_relaxed);
        inject(task, task);
        unpark_one(NULL);
        atomic_fetch_sub(&pool.nguests, 1);
    } else {
        count(&self->wakes);
        if (self->exec.running != NULL)
            put_into_slot(self, task);
        else /* it wakes whoever waited for an event */
            add_woken(self, task);
    }
}

/* Steals from the others, beginning with any. */
static struct ac_task *steal(struct ac__worker *self)
{
    self->seed = self->seed * 1103515245 + 12345;
    unsigned start = (self->seed >> 16) % pool.nworkers;
    for (unsigned i = 0; i < pool.nworkers; i++) {
        struct ac__worker *victim = pool.workers[(start + i) % pool.nworkers];
        struct ac_task *task = victim == self ? NULL : ac__ring_steal(&victim->ring, &self->ring);
        if (task != NULL) {
            count(&self->steals);
            self->lingers = LINGERS;
            return task;
        }
    }
    return NULL;
}

static struct ac_task *search(struct ac__worker *self)
{
    if (!begin_search(self))
        return NULL;
    struct ac_task *task;
    while ((task = steal(self)) == NULL && self->lingers > 0) {
        self->lingers--;
        sched_yield();
        if ((task = take_injected(self, false)) != NULL)
            break;
    }
    return task;
}

/* A batch of tasks has come into its ring, of which it can run but one at a time. */
static void share(struct ac__worker *self)
{
    if (ac__ring_length(&self->ring) + (self->slot != NULL) > 1)
        unpark_one(self);
}

/* ---- timers and descriptors ---- */

/* Under the wheel's lock, when timers may have changed: what has to be turned when, and an alarm at that time for
 * those who sleep. */
static void note_next_timer(struct ac__wheel *wheel)
{
    uint64_t next;
    if (!ac__wheel_next(wheel, &next))
        next = UINT64_MAX;
    /* Every worker reads it, and arming a timer changes it seldom. */
    if (atomic_load_explicit(&pool.next_tick, memory_order_relaxed) != next)
        atomic_store_explicit(&pool.next_tick, next, memory_order_relaxed);
    /* Who parks later sets it himself, under this lock. */
    if (next < pool.alarm && count_parked(atomic_load(&pool.idle)) > 0) {
        pool.alarm = next;
        pool.reactor->ops->alarm(pool.reactor, next * AC_MS);
    }
}

static void turn_wheel(struct ac__worker *self)
{
    pthread_mutex_lock(&pool.wheel_lock);
    uint64_t now = ac__tick_before(ac__clock_now(self->exec.clock)), next;
    if (pool.alarm <= now)
        pool.alarm = UINT64_MAX; /* it has rung, or will in vain */
    if (ac__wheel_next(pool.wheel, &next) && next <= now)
        ac__wheel_turn(pool.wheel, now);
    note_next_timer(pool.wheel);
    pthread_mutex_unlock(&pool.wheel_lock);
}

/* What a worker that is busy does for those who wait for the world. */
static void look_around(struct ac__worker *self)
{
    self->quiet = true;
    unsigned idle = atomic_load(&pool.idle);
    if (count_parked(idle) == 0 && atomic_load_explicit(&pool.reactor->watches, memory_order_relaxed)) {
        pool.reactor->ops->wait(pool.reactor, 0);
        /* That may have been the ring that was meant for one who sleeps. */
        if (has_token(atomic_load(&pool.idle)))
            pool.reactor->ops->unpark(pool.reactor);
    }
    uint64_t next = atomic_load_explicit(&pool.next_tick, memory_order_relaxed);
    if (next != UINT64_MAX && next <= ac__tick_before(ac__clock_now(self->exec.clock)))
        turn_wheel(self);
    queue_woken(self);
    self->quiet = false;
    share(self);
}

/* Sleeps until there is something to do; with nothing in its own queue. False: the thread is to end. */
static bool park(struct ac__worker *self)
{
    count(&self->parks);
    count_as_parked(self);
    if (any_task() && leave_parked(self, true))
        return true;

    self->quiet = true;
    bool ends, works = false, left = false;
    while (!(ends = atomic_load(&pool.leaves)) && !left) {
        turn_wheel(self);
        queue_woken(self);
        works = !ac__ring_is_empty(&self->ring);
        if (!works) {
            pool.reactor->ops->wait(pool.reactor, -1);
            queue_woken(self);
        }
        works = works || !ac__ring_is_empty(&self->ring);
        /* Woken for nothing, as when another has taken the token, it lies down again. */
        left = works ? leave_parked(self, false)
                     : has_token(atomic_load(&pool.idle)) && leave_parked(self, true);
    }
    self->quiet = false;
    if (ends) {
        pool.reactor->ops->unpark(pool.reactor); /* the others are to end, too */
        return false;
    }
    if (works) {
        end_search(self);
        share(self);
    }
    return true;
}

/* ---- running ---- */

static struct ac_task *next_task(struct ac__worker *self)
{
    struct ac_task *task;
    if (self->until_look-- == 0) {
        self->until_look = LOOK_AROUND - 1;
        look_around(self);
        self->slot_runs = 0;
        if ((task = take_injected(self, true)) != NULL)
            return task;
    }
    if (self->slot != NULL) {
        task = self->slot;
        self->slot = NULL;
        if (self->slot_runs++ < MOST_SLOT_RUNS || ac__ring_length(&self->ring) == 0)
            return task;
        put_into_ring(self, task);
    }
    if ((task = ac__ring_take(&self->ring)) != NULL || (task = take_injected(self, false)) != NULL)
        return task;
    return search(self);
}

/* The task has been pending for the first time: now it has to be found by the shutdown. */
static void add_to_all(struct ac__worker *self, struct ac_task *task)
{
    task->home = (unsigned short)self->index;
    pthread_mutex_lock(&self->lock);
    task->all_next = self->all;
    task->all_link = &self->all;
    if (self->all != NULL)
        self->all->all_link = &task->all_next;
    self->all = task;
    pthread_mutex_unlock(&self->lock);
    /* The shutdown sets the state before it looks at the list, so one sees the other. */
    if (atomic_load(&pool.state) != UP)
        ac__pool_task_cancel(task);
}

static void remove_from_all(struct ac_task *task)
{
    struct ac__worker *home = pool.workers[task->home];
    pthread_mutex_lock(&home->lock);
    *task->all_link = task->all_next;
    if (task->all_next != NULL)
        task->all_next->all_link = task->all_link;
    pthread_mutex_unlock(&home->lock);
}

static bool is_in_all(const struct ac_task *task) { return task->home != POOL_NO_HOME; }

/* Others read it, but don't follow it. */
static void set_running(struct ac__worker *self, struct ac_task *task)
{
    __atomic_store_n(&self->exec.running, task, __ATOMIC_RELAXED);
}
static void set_outer(struct ac__worker *self, struct ac_task *task)
{
    __atomic_store_n(&self->exec.outer, task, __ATOMIC_RELAXED);
}

/* @p cx: with the budget. Inlined, as one of its two places is the loop that all goes through. */
static inline __attribute__((always_inline)) void run(struct ac__worker *self, struct ac_task *task,
                                                      struct ac_context *cx)
{
    int *thread_errno = self->exec.thread_errno;
    const struct ac_future_type *type = task->type;
    bool cancels = ac__pool_task_begin(task) & POOL_CANCEL;
    if (!is_in_all(task)) {
        atomic_store_explicit(&self->begins, type->name, memory_order_relaxed);
        cancels = cancels || atomic_load_explicit(&pool.state, memory_order_relaxed) != UP;
    }
    count(&self->polls);
    set_running(self, task);
    cx->waker = &task->waker;
    *thread_errno = task->saved_errno;
    enum ac_poll poll = (cancels ? type->cancel : type->poll)(task + 1, cx);
    task->saved_errno = *thread_errno;
    if (ac__current != &self->exec)
        ac__stop("fork", "in the child the task '%s' has come back to the pool, which isn't there", type->name);

    if (poll == AC_PENDING) {
        if (!is_in_all(task)) {
            add_to_all(self, task);
            atomic_store_explicit(&self->begins, NULL, memory_order_relaxed);
        }
        if (ac__pool_task_pause(task)) {
            /* If it is all that there is to do here, no other need come for it. */
            self->quiet = self->slot == NULL && ac__ring_is_empty(&self->ring);
            put_into_ring(self, task);
            self->quiet = false;
            if (cx->budget == 0) /* one that has spent all of it has taken long */
                self->until_look = 0;
        }
        set_running(self, NULL);
        return;
    }
    if (is_in_all(task))
        remove_from_all(task);
    else
        atomic_store_explicit(&self->begins, NULL, memory_order_relaxed);
    ac__pool_task_finish(task, cancels);
    set_running(self, NULL);
    count(&self->finished);
    if (atomic_load(&pool.state) != UP) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.over);
        pthread_mutex_unlock(&pool.lock);
    }
}

/* If it is in the slot; and no deeper than that, for the sake of the stack. */
bool ac__pool_run_nested(struct ac_task *task, struct ac_context *cx)
{
    struct ac__worker *self = this_worker();
    if (self == NULL || self->slot != task || cx->exec != &self->exec || self->exec.running == NULL
        || self->exec.outer != NULL || cx->budget == 0 || self->until_look == 0)
        return false;
    struct ac_task *outer = self->exec.running;
    const char *outer_begins = atomic_load_explicit(&self->begins, memory_order_relaxed);
    int outer_errno = *self->exec.thread_errno;
    /* What it takes of the budget the outer one hasn't got any more: together they don't take longer. */
    struct ac_context inner = { .exec = cx->exec, .budget = cx->budget };
    self->slot = NULL;
    self->until_look--;
    set_outer(self, outer);
    run(self, task, &inner);
    set_outer(self, NULL);
    set_running(self, outer);
    atomic_store_explicit(&self->begins, outer_begins, memory_order_relaxed);
    *self->exec.thread_errno = outer_errno;
    cx->budget = inner.budget;
    return true;
}

static void *work(void *argument)
{
    struct ac__worker *self = argument;
    ac__thread_begin();
    /* Held while the pool is being started. */
    pthread_mutex_lock(&pool.lock);
    pthread_mutex_unlock(&pool.lock);
    ac__current = &self->exec;
    self->exec.thread_errno = &errno;
    struct ac_context cx = { .exec = &self->exec };
    do {
        struct ac_task *task;
        while ((task = next_task(self)) != NULL) {
            end_search(self);
            cx.budget = AC__BUDGET;
            run(self, task, &cx);
        }
    } while (park(self));
    if (self->exec.release_jobs != NULL)
        self->exec.release_jobs();
    ac__shelf_empty(&self->exec.shelf);
    ac__current = NULL;
    return NULL;
}

/* ---- starting ---- */

static unsigned count_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    return n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : (unsigned)n;
}

static struct ac__worker *new_worker(unsigned index)
{
    /* The system's clock: a test that stops its own thread's doesn't stop the pool's. */
    static struct ac__clock clock;
    struct ac__worker *worker = ac__sys_aligned_alloc(_Alignof(struct ac__worker), sizeof *worker);
    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof *worker);
    worker->exec.worker = worker;
    worker->exec.clock = &clock;
    worker->exec.reactor = pool.reactor;
    worker->exec.slot = &ac__no_fd;
    worker->exec.wheel = pool.wheel;
    worker->woken_end = &worker->woken;
    worker->index = index;
    worker->until_look = LOOK_AROUND - 1;
    worker->seed = index;
    pthread_mutex_init(&worker->lock, NULL);
    return worker;
}

/* As many threads as can be had. */
static int start_threads(unsigned wanted)
{
    int error = 0;
    while (pool.nworkers < wanted && error == 0) {
        struct ac__worker *worker = new_worker(pool.nworkers);
        error = worker == NULL ? ENOMEM : ac__thread_start(&worker->thread, work, worker);
        if (error == 0)
            pool.workers[pool.nworkers++] = worker;
        else
            free(worker);
    }
    return pool.nworkers > 0 ? 0 : error;
}

/* Under the pool's lock. 0 or an errno. */
static int start_pool(void)
{
    unsigned wanted = pool.wanted != 0 ? pool.wanted : count_cores();
    pool.wheel = ac__sys_calloc(1, sizeof *pool.wheel);
    pool.workers = ac__sys_calloc(wanted, sizeof(struct ac__worker *));
    if (pool.wheel == NULL || pool.workers == NULL)
        return ENOMEM;
    pool.reactor = ac__epoll.open();
    if (pool.reactor == NULL)
        return errno;
    int error = pool.reactor->ops->alarm(pool.reactor, UINT64_MAX);
    if (error < 0)
        return -error;
    pool.reactor->lock = &pool.reactor_lock;
    pool.wheel->lock = &pool.wheel_lock;
    pool.wheel->changed = note_next_timer;
    pool.wheel->tick = ac__tick_before(ac__clock_now(&(struct ac__clock){ 0 }));
    pool.alarm = UINT64_MAX;
    atomic_store(&pool.next_tick, UINT64_MAX);
    atomic_store(&pool.idle, 0);
    atomic_store(&pool.leaves, false);

    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.over, &attr);
    pthread_condattr_destroy(&attr);
    return start_threads(wanted);
}

static void list_pool(FILE *);
static void add_counts(struct ac_counts *);

static void ensure_pool(void)
{
    pthread_mutex_lock(&pool.lock);
    if (atomic_load(&pool.state) == NONE) {
        int error = start_pool();
        if (error != 0)
            ac__stop("ac_spawn", "can't start the pool: %s", strerror(error));
        atomic_store(&ac__seen.list_pool, list_pool);
        atomic_store(&ac__seen.count_pool, add_counts);
        atomic_store(&pool.state, UP);
    }
    pthread_mutex_unlock(&pool.lock);
}

/* What the shutdown does first is to say so, and then it counts guests: it waits for this one, or is seen by it. Returns
 * the pool's state, which isn't NONE. */
static int come_as_guest(void)
{
    int state;
    while (atomic_fetch_add(&pool.nguests, 1), (state = atomic_load(&pool.state)) == NONE) {
        atomic_fetch_sub(&pool.nguests, 1); /* the shutdown that this may wait for waits for guests */
        ensure_pool();
    }
    return state;
}

static void leave_as_guest(void) { atomic_fetch_sub(&pool.nguests, 1); }

static void inject_spawned(struct ac_task *task)
{
    atomic_fetch_add(&pool.guests_spawned, 1);
    inject(task, task);
    unpark_one(NULL);
}

static void queue_spawned(struct ac__worker *self, struct ac_task *task)
{
    count(&self->spawned);
    put_into_slot(self, task);
}

/* The pool doesn't take the task. One that isn't over at once is run all the same, by the next pool if need be. */
static void refuse_as_guest(struct ac_task *task)
{
    leave_as_guest();
    if (ac__pool_task_refuse(task))
        return;
    while (come_as_guest() == ENDING) {
        leave_as_guest();
        sched_yield();
    }
    inject_spawned(task);
    leave_as_guest();
}

ac_task__handle ac_task_spawn(void *frame)
{
    if (frame == NULL)
        return NULL;
    struct ac_task *task = (struct ac_task *)frame - 1;
    if (ac__is_spawned(task))
        ac__stop("ac_spawn", "the task '%s' has been spawned before", task->type->name);
    struct ac__worker *self = this_worker();
    if (self != NULL) {
        if (atomic_load(&pool.state) != UP) {
            if (!ac__pool_task_refuse(task))
                queue_spawned(self, task);
        } else {
            ac__pool_task_start(task, 0, *self->exec.thread_errno);
            queue_spawned(self, task);
        }
        return task;
    }

    if (come_as_guest() != UP) {
        refuse_as_guest(task);
    } else {
        ac__pool_task_start(task, 0, errno);
        inject_spawned(task);
        leave_as_guest();
    }
    return task;
}

int ac_pool_set_threads(unsigned nthreads)
{
    if (nthreads > MOST_THREADS)
        return -EINVAL;
    pthread_mutex_lock(&pool.lock);
    bool up = atomic_load(&pool.state) != NONE;
    if (!up)
        pool.wanted = nthreads;
    pthread_mutex_unlock(&pool.lock);
    return up ? -EBUSY : 0;
}

/* ---- forks ---- */

/* There is no pool, until the child spawns on one. The former's descriptors are closed; its memory is lost, and some of
 * it in use, if a task has forked. That goes on as a plain thread, but back into the worker's loop it may not come. */
static void in_child(void)
{
    if (this_worker() != NULL)
        ac__current = NULL;
    if (atomic_load(&pool.state) != NONE)
        pool.reactor->ops->close(pool.reactor);
    pool.wheel_lock = pool.injector.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    atomic_store(&pool.injector.pushed, NULL);
    atomic_store(&pool.injector.length, 0);
    pool.injector.first = NULL;
    pool.workers = NULL;
    pool.nworkers = 0;
    pool.is_shutting_down = false;
    atomic_store(&pool.idle, 0);
    atomic_store(&pool.nguests, 0);
    atomic_store(&pool.guests_spawned, 0);
    atomic_store(&pool.guests_wakes, 0);
    atomic_store(&pool.guests_unparks, 0);
    atomic_store(&pool.state, NONE);
}

__attribute__((constructor)) static void be_forked(void)
{
    ac__at_fork(AC__FORK_POOL, &pool.lock, in_child);
    ac__at_fork_word(AC__FORK_POOL_REACTOR, &pool.reactor_lock);
}

/* ---- counting ---- */

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

/* Under the pool's lock, with the pool up. */
static void read_counters(struct ac_pool_counts *counts)
{
    uint64_t finished = 0;
    *counts = (struct ac_pool_counts){ .threads = pool.nworkers };
    for (unsigned i = 0; i < pool.nworkers; i++)
        finished += read_counter(&pool.workers[i]->finished);
    /* Afterwards, so that a task that comes between makes the number alive too high and not too low. */
    counts->spawned = atomic_load(&pool.guests_spawned);
    counts->wakes = read_counter(&pool.guests_wakes);
    counts->unparks = read_counter(&pool.guests_unparks);
    for (unsigned i = 0; i < pool.nworkers; i++) {
        const struct ac__worker *worker = pool.workers[i];
        counts->spawned += read_counter(&worker->spawned);
        counts->polls += read_counter(&worker->polls);
        counts->wakes += read_counter(&worker->wakes);
        counts->steals += read_counter(&worker->steals);
        counts->parks += read_counter(&worker->parks);
        counts->unparks += read_counter(&worker->unparks);
    }
    counts->alive = counts->spawned - finished;
}

void ac_pool_count(struct ac_pool_counts *counts)
{
    pthread_mutex_lock(&pool.lock);
    *counts = (struct ac_pool_counts){ 0 };
    if (atomic_load(&pool.state) != NONE)
        read_counters(counts);
    pthread_mutex_unlock(&pool.lock);
}

static uint64_t count_alive(void)
{
    struct ac_pool_counts counts;
    read_counters(&counts);
    return counts.alive;
}

/* ---- shutting down ---- */

static void wait_for_guests(void)
{
    while (atomic_load(&pool.nguests) > 0)
        sched_yield();
}

static void cancel_all(void)
{
    for (unsigned i = 0; i < pool.nworkers; i++) {
        pthread_mutex_lock(&pool.workers[i]->lock);
        for (struct ac_task *task = pool.workers[i]->all; task != NULL; task = task->all_next)
            ac__pool_task_cancel(task);
        pthread_mutex_unlock(&pool.workers[i]->lock);
    }
}

static bool is_polled(const struct ac_task *task)
{
    for (unsigned i = 0; i < pool.nworkers; i++)
        if (__atomic_load_n(&pool.workers[i]->exec.running, __ATOMIC_RELAXED) == task
            || __atomic_load_n(&pool.workers[i]->exec.outer, __ATOMIC_RELAXED) == task)
            return true;
    return false;
}

/* The task is in a worker's list, and the lock of that is held. */
static void list_task(FILE *out, struct ac_task *task)
{
    unsigned word = ac__pool_task_hold(task);
    const char *cancelling = word & POOL_CANCEL ? ", being cancelled" : "";
    if (word & (POOL_OWNED | POOL_FINISHED)) {
        /* A worker may take it at any time. */
        fprintf(out, "  '%s': %s%s\n", task->type->name, is_polled(task) ? "running" : "queued", cancelling);
        return;
    }
    fprintf(out, "  '%s': suspended%s\n", task->type->name, cancelling);
    ac__print_places(out, task->type, task + 1);
    if (ac__pool_task_pause(task))
        ac__pool_schedule(task);
}

/* Each task, up to a number. Returns how many could be found. */
static uint64_t list_tasks(FILE *out, uint64_t most)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < pool.nworkers; i++) {
        struct ac__worker *worker = pool.workers[i];
        const char *name = atomic_load_explicit(&worker->begins, memory_order_relaxed);
        if (name != NULL && n++ < most)
            fprintf(out, "  '%s': running, and has never awaited\n", name);
        pthread_mutex_lock(&worker->lock);
        for (struct ac_task *task = worker->all; task != NULL; task = task->all_next)
            if (n++ < most)
                list_task(out, task);
        pthread_mutex_unlock(&worker->lock);
    }
    if (n > most)
        fprintf(out, "  and more\n");
    return n;
}

static void list_pool(FILE *out)
{
    pthread_mutex_lock(&pool.lock);
    if (atomic_load(&pool.state) != NONE) {
        uint64_t nalive = count_alive();
        fprintf(out, "asyncc: pool of %u threads: %llu task%s\n", pool.nworkers, (unsigned long long)nalive,
                nalive == 1 ? "" : "s");
        uint64_t nlisted = list_tasks(out, UINT64_MAX);
        if (nalive > nlisted)
            fprintf(out, "  and %llu that have not begun\n", (unsigned long long)(nalive - nlisted));
    }
    pthread_mutex_unlock(&pool.lock);
}

static void add_counts(struct ac_counts *sum)
{
    struct ac_pool_counts counts;
    ac_pool_count(&counts);
    sum->pool_threads += counts.threads;
    sum->tasks_spawned += counts.spawned;
    sum->tasks_alive += counts.alive;
    sum->polls += counts.polls;
    sum->wakes += counts.wakes;
    sum->steals += counts.steals;
    sum->parks += counts.parks;
}

/* What is left, up to a number that can still be read. */
static void name_tasks(uint64_t nalive)
{
    enum { MOST = 20 };
    fprintf(stderr, "asyncc: ac_pool_shutdown: %llu tasks have not ended:\n", (unsigned long long)nalive);
    list_tasks(stderr, MOST);
}

/* With the lock. False: the deadline has come, and some are left. */
static bool wait_for_tasks(uint64_t deadline_ns)
{
    uint64_t until = ac__clock_now(&(struct ac__clock){ 0 });
    if (__builtin_add_overflow(until, deadline_ns, &until) || until > INT64_MAX)
        until = INT64_MAX;
    struct timespec at = { .tv_sec = (time_t)(until / AC_S), .tv_nsec = (long)(until % AC_S) };
    while (count_alive() > 0)
        if (pthread_cond_timedwait(&pool.over, &pool.lock, &at) == ETIMEDOUT)
            return count_alive() == 0;
    return true;
}

/* With the lock. Whether no task is left, and none can come: one that a guest has put meanwhile is still run, and who
 * has a bell to ring has rung it. */
static bool end_tasks(uint64_t deadline_ns)
{
    while (wait_for_tasks(deadline_ns)) {
        atomic_store(&pool.state, ENDING);
        wait_for_guests();
        if (count_alive() == 0)
            return true;
        atomic_store(&pool.state, STOPPING);
    }
    return false;
}

/* Without the lock: the threads still take it on their way. */
static void end_threads(void)
{
    atomic_store(&pool.leaves, true);
    pool.reactor->ops->unpark(pool.reactor);
    for (unsigned i = 0; i < pool.nworkers; i++)
        pthread_join(pool.workers[i]->thread, NULL);
}

static void free_pool(void)
{
    for (unsigned i = 0; i < pool.nworkers; i++) {
        pthread_mutex_destroy(&pool.workers[i]->lock);
        free(pool.workers[i]);
    }
    free(pool.workers);
    pool.workers = NULL;
    pool.nworkers = 0;
    pool.reactor->ops->close(pool.reactor);
    free(pool.wheel);
    pthread_cond_destroy(&pool.over);
    atomic_store(&pool.guests_spawned, 0);
    atomic_store(&pool.guests_wakes, 0);
    atomic_store(&pool.guests_unparks, 0);
}

int ac_pool_shutdown(uint64_t deadline_ns)
{
    if (this_worker() != NULL)
        ac__stop("ac_pool_shutdown", "called in a task of the pool, which would wait for its own end");
    pthread_mutex_lock(&pool.lock);
    int error = 0;
    if (pool.is_shutting_down) {
        error = -EALREADY;
    } else if (atomic_load(&pool.state) != NONE) {
        pool.is_shutting_down = true;
        atomic_store(&pool.state, STOPPING);
        wait_for_guests();
        cancel_all();
        if (end_tasks(deadline_ns)) {
            pthread_mutex_unlock(&pool.lock);
            end_threads();
            pthread_mutex_lock(&pool.lock);
            free_pool();
            atomic_store(&pool.state, NONE);
        } else {
            name_tasks(count_alive());
            error = -ETIMEDOUT;
        }
        pool.is_shutting_down = false;
    }
    pthread_mutex_unlock(&pool.lock);
    return error;
}

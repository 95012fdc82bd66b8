/* Scenarios of faults.c, each about one part of the runtime: memory that is cut up, what tasks wait for of each other,
 * signals, an executor in a foreign loop. */
#define _GNU_SOURCE
#include "faults.h"

#include "exec.h"
#include "signals.h"

#include <ac/boxes.h>
#include <ac/embed.h>
#include <ac/memory.h>
#include <ac/observe.h>
#include <signal.h>

/* ---- slabs ---- */

/* So many tasks of one size at once that chunks of both kinds are made, and go again. Of 512 bytes, a header with them,
 * a chunk of 64 kB has 127, and 32 chunks are 2 MB; blocks are taken by the 32. */
enum { CROWD = 33 * 127, SECOND_CHUNK = 96, LARGE_CHUNK = 32 * 127 };
struct waiter {
    struct ac_notified__frame notified;
    char rest[512 - sizeof(struct ac_task) - sizeof(struct ac_notified__frame)];
};
static enum ac_poll waiter__poll(struct waiter *self, struct ac_context *cx)
{
    return ac_notified__poll(&self->notified, cx);
}
FUTURE(waiter, struct waiter);

struct crowd {
    int state, n, error;
    struct ac_notify notify;
    ac_task__handle tasks[CROWD];
    union {
        struct ac_yield_now__frame yield;
        struct ac_join__frame join;
    } leaf;
};

static enum ac_poll crowd__poll(struct crowd *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < CROWD; self->n++) {
        /* Where chunks are made; to try each of so many would take too long. */
        plan.armed = self->n < 2 || self->n / 2 == SECOND_CHUNK / 2 || self->n / 2 == LARGE_CHUNK / 2;
        struct waiter *waiter = ac_task_new(&waiter__type);
        plan.armed = true;
        if (waiter != NULL)
            ac_notified__init(&waiter->notified, &self->notify);
        else
            self->error = -ENOMEM;
        self->tasks[self->n] = ac_task_spawn_local(waiter);
    }
    AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
    ac_notify_all(&self->notify);
    for (self->n = 0; self->n < CROWD; self->n++) {
        AWAIT(self, ac_join__init(&self->leaf.join, self->tasks[self->n], NULL), ac_join__poll(&self->leaf.join, cx));
        ck_assert_int_eq(self->leaf.join.result, self->tasks[self->n] == NULL ? -ENOMEM : 0);
    }
    END;
}
FUTURE(crowd, struct crowd);

int run_slabs(void)
{
    static struct crowd crowd;
    ac_block_on_future(&crowd__type, &crowd);
    return crowd.error;
}

/* ---- what VLAs and alloca take ---- */

int run_blocks(void)
{
    void *blocks = NULL;
    for (int round = 0; round < 3; round++) {
        /* An inner scope that grows each time that it is entered, over the ends of chunks. */
        for (size_t i = 1; i < 12; i++) {
            char *outer = ac__vla(&blocks, 1, 100 * i, 1), *inner = ac__vla(&blocks, 2, i << 12, 64);
            memset(outer, 'o', 100 * i);
            memset(inner, 'i', i << 12);
            char *kept = ac__alloca(&blocks, 500 * i);
            memset(kept, 'k', 500 * i);
            ck_assert(outer[100 * i - 1] == 'o' && inner[(i << 12) - 1] == 'i' && kept[0] == 'k');
            ac__vla_end(&blocks, 2);
            ck_assert_int_eq(outer[0], 'o');
        }
        ac__vla_end(&blocks, 1);
        ac__free_blocks(&blocks);
        /* The first may be what alloca takes. */
        char *first = ac__alloca_with_align(&blocks, 10, 256);
        memset(first, 'a', 10);
        memset(ac__vla(&blocks, 1, 10, 8), 'v', 10);
        ck_assert_int_eq(first[9], 'a');
    }
    ac__free_blocks(&blocks);
    return 0;
}

/* ---- boxes ---- */

/* A call that makes another one until none is left, and then yields; its frames are large, for chunks to be made. */
struct level {
    int left, result;
    bool has_called;
    void *below;
    struct ac_yield_now__frame yield;
    char rest[3000];
};
static enum ac_poll level__poll(void *frame, struct ac_context *cx);
static enum ac_poll level__cancel(void *frame, struct ac_context *cx);
static const struct ac_future_type level__type = {
    "level", sizeof(struct level), _Alignof(struct level), offsetof(struct level, result), sizeof(int),
    level__poll, level__cancel, NULL,
};

static struct level *level__box(struct ac__boxes *boxes, int left)
{
    struct level *self = ac__push(boxes, &level__type);
    self->left = left;
    self->has_called = false;
    ac_yield_now__init(&self->yield);
    return self;
}

static enum ac_poll level__poll(void *frame, struct ac_context *cx)
{
    struct level *self = frame;
    enum ac_poll said;
    self->result = 1;
    if (self->left == 0)
        return ac_yield_now__poll(&self->yield, cx);
    if (!self->has_called) {
        self->has_called = true;
        self->below = level__box(ac__boxes(cx), self->left - 1);
        said = ac__call(cx, self->below);
    } else {
        said = ac__resume(cx, self->below);
    }
    if (said != AC_READY)
        return said;
    self->result += *(int *)ac__result(self->below);
    ac__return(cx, self->below);
    return AC_READY;
}

static enum ac_poll level__cancel(void *frame, struct ac_context *cx)
{
    struct level *self = frame;
    return self->has_called ? ac__cancel(cx, self->below) : AC_READY;
}

/* One call that ends, and one that is cancelled where it yields. */
struct caller {
    int state, result, error;
    ac_task__handle task;
    struct level *below;
    union {
        struct ac_yield_now__frame yield;
        struct ac_cancel__frame cancel;
        struct ac_join__frame join;
    } leaf;
};

static void spawn_level(struct caller *self)
{
    self->task = ac_task_spawn_local(ac__box_task(level__box(ac__new_boxes(), 30)));
    if (self->task == NULL)
        self->error = -ENOMEM;
}

static enum ac_poll caller__poll(struct caller *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, self->below = level__box(ac__new_boxes(), 30), ac__drive(ac__boxes_of(self->below), cx));
    ck_assert_int_eq(*(int *)ac__result(self->below), 31);
    ac__free_boxes(ac__boxes_of(self->below));

    spawn_level(self);
    AWAIT(self, ac_join__init(&self->leaf.join, self->task, &self->result), ac_join__poll(&self->leaf.join, cx));
    ck_assert(self->task == NULL || self->result == 31);

    spawn_level(self);
    AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
    AWAIT(self, ac_cancel__init(&self->leaf.cancel, self->task), ac_cancel__poll(&self->leaf.cancel, cx));
    END;
}
FUTURE(caller, struct caller);

int run_boxes(void)
{
    struct caller caller = { 0 };
    ac_block_on_future(&caller__type, &caller);
    return caller.error;
}

/* ---- plain functions on threads ---- */

enum { CALLS = 3 };
struct calls {
    int state, i;
    struct ac_run_blocking__frame call[CALLS];
    bool is_over[CALLS];
    int values[CALLS];
};

static void add_one(void *value) { ++*(int *)value; }

static enum ac_poll poll_calls(struct calls *self, struct ac_context *cx)
{
    int nover = 0;
    for (int i = 0; i < CALLS; i++) {
        if (!self->is_over[i])
            self->is_over[i] = ac_run_blocking__poll(&self->call[i], cx) == AC_READY;
        nover += self->is_over[i];
    }
    return nover == CALLS ? AC_READY : AC_PENDING;
}

static void init_calls(struct calls *self)
{
    for (int i = 0; i < CALLS; i++) {
        ac_run_blocking__init(&self->call[i], add_one, &self->values[i]);
        self->is_over[i] = false;
    }
}

/* All at once, and again. Where there is no thread they are made here; where some are missing they wait for another. */
static enum ac_poll calls__poll(struct calls *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 2; self->i++) {
        AWAIT(self, init_calls(self), poll_calls(self, cx));
    }
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(self->values[i], 2);
    END;
}
FUTURE(calls, struct calls);

int run_calls(void)
{
    struct calls calls = { 0 };
    ac_block_on_future(&calls__type, &calls);
    return 0;
}

/* ---- mutexes, semaphores, notifications ---- */

enum { TURNS = 5, USERS = 6 };

/* What tasks use by turns. */
struct locks {
    struct ac_mutex mutex;
    struct ac_semaphore semaphore;
    struct ac_notify notify;
    int inside, turns; /* of the mutex's holders */
};

struct user {
    int state, i;
    struct locks *locks;
    union {
        struct ac_mutex_lock__frame lock;
        struct ac_semaphore_acquire__frame acquire;
        struct ac_notified__frame notified;
        struct ac_yield_now__frame yield;
    } leaf;
};

static enum ac_poll user__poll(void *frame, struct ac_context *cx)
{
    struct user *self = frame;
    BEGIN(self);
    for (self->i = 0; self->i < TURNS; self->i++) {
        AWAIT(self, ac_semaphore_acquire__init(&self->leaf.acquire, &self->locks->semaphore, 2),
              ac_semaphore_acquire__poll(&self->leaf.acquire, cx));
        AWAIT(self, ac_mutex_lock__init(&self->leaf.lock, &self->locks->mutex), ac_mutex_lock__poll(&self->leaf.lock, cx));
        ck_assert_int_eq(self->locks->inside++, 0);
        AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
        self->locks->inside--;
        self->locks->turns++;
        ac_mutex_unlock(&self->locks->mutex);
        ac_semaphore_release(&self->locks->semaphore, 2);
    }
    END;
}

/* For ever, until it is cancelled. */
static enum ac_poll listener__poll(void *frame, struct ac_context *cx)
{
    struct user *self = frame;
    BEGIN(self);
    for (;;) {
        AWAIT(self, ac_notified__init(&self->leaf.notified, &self->locks->notify),
              ac_notified__poll(&self->leaf.notified, cx));
    }
    END;
}

static enum ac_poll listener__cancel(void *frame, struct ac_context *cx)
{
    struct user *self = frame;
    return self->state == 0 ? AC_READY : ac_notified__cancel(&self->leaf.notified, cx);
}

static const struct ac_future_type user__type = { "user", sizeof(struct user), _Alignof(struct user), 0, 0, user__poll,
                                                  cancel_nothing, NULL };
static const struct ac_future_type listener__type = { "listener", sizeof(struct user), _Alignof(struct user), 0, 0,
                                                      listener__poll, listener__cancel, NULL };

struct party {
    int state, i, nusers, error;
    bool on_pool;
    FILE *out; /* for a listing; or null */
    struct locks locks;
    ac_task__handle users[USERS], listeners[USERS];
    union {
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
        struct ac_yield_now__frame yield;
    } leaf;
};

static ac_task__handle spawn_user(struct party *self, const struct ac_future_type *type)
{
    struct user *user = ac_task_new(type);
    if (user == NULL) {
        self->error = -ENOMEM;
        return NULL;
    }
    *user = (struct user){ .locks = &self->locks };
    return self->on_pool ? ac_task_spawn(user) : ac_task_spawn_local(user);
}

static enum ac_poll party__poll(struct party *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < USERS; self->i++) {
        self->listeners[self->i] = spawn_user(self, &listener__type);
        self->users[self->i] = spawn_user(self, &user__type);
        self->nusers += self->users[self->i] != NULL;
    }
    for (self->i = 0; self->i < 50; self->i++) {
        if (self->i % 2 == 0)
            ac_notify_one(&self->locks.notify);
        else
            ac_notify_all(&self->locks.notify);
        AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
        if (self->out != NULL)
            ac_dump_tasks(self->out);
    }
    for (self->i = 0; self->i < USERS; self->i++) {
        AWAIT(self, ac_join__init(&self->leaf.join, self->users[self->i], NULL), ac_join__poll(&self->leaf.join, cx));
        AWAIT(self, ac_cancel__init(&self->leaf.cancel, self->listeners[self->i]), ac_cancel__poll(&self->leaf.cancel, cx));
    }
    /* Whoever there was has had all his turns, and everything is back. */
    ck_assert_int_eq(self->locks.turns, self->nusers * TURNS);
    ck_assert_uint_eq(ac_semaphore_permits(&self->locks.semaphore), 3);
    ck_assert_int_eq(ac_mutex_try_lock(&self->locks.mutex), 0);
    END;
}
FUTURE(party, struct party);

static int run_party(bool on_pool)
{
    struct party party = { .on_pool = on_pool };
    ac_mutex_init(&party.locks.mutex);
    ac_semaphore_init(&party.locks.semaphore, 3);
    ac_notify_init(&party.locks.notify);
    ac_block_on_future(&party__type, &party);
    return party.error;
}

int run_sync(void) { return run_party(false); }

int run_sync_pool(void)
{
    ac_pool_set_threads(2);
    int error = run_party(true), shutdown = ac_pool_shutdown(60 * AC_S);
    return error < 0 ? error : shutdown;
}

/* ---- signals ---- */

struct receiver {
    int state, error;
    struct ac_signals signals;
    ac_task__handle task;
    union {
        struct ac_signals_next__frame next;
        struct ac_signal__frame one;
        struct ac_join__frame join;
    } leaf;
};

/* It is sent when somebody waits for it. */
static enum ac_poll raiser__poll(struct receiver *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    raise(SIGUSR1);
    return AC_READY;
}
FUTURE(raiser, struct receiver);

/* False: nobody will. */
static bool spawn_raiser(struct receiver *self)
{
    self->task = ac_task_spawn_local(ac_task_new(&raiser__type));
    return note(&self->error, self->task == NULL ? -ENOMEM : 0);
}

static enum ac_poll receiver__poll(struct receiver *self, struct ac_context *cx)
{
    BEGIN(self);
    int opened = ac_signals_open(&self->signals, AC_SIGNAL(SIGUSR1) | AC_SIGNAL(SIGUSR2));
    if (note(&self->error, opened)) {
        if (!spawn_raiser(self))
            raise(SIGUSR1);
        DO(self, next, ac_signals_next, &self->signals);
        if (note(&self->error, self->leaf.next.result))
            ck_assert_int_eq(self->leaf.next.result, SIGUSR1);
        DO(self, join, ac_join, self->task, NULL);
        raise(SIGUSR2);
        /* One that couldn't be waited for is there still. */
        if (self->error == 0)
            ck_assert_int_eq(ac_signals_try(&self->signals), SIGUSR2);
        ac_signals_close(&self->signals);
    }
    if (spawn_raiser(self)) {
        DO(self, one, ac_signal, SIGUSR1);
        if (note(&self->error, self->leaf.one.result))
            ck_assert_int_eq(self->leaf.one.result, SIGUSR1);
        DO(self, join, ac_join, self->task, NULL);
    }
    END;
}
FUTURE(receiver, struct receiver);

int run_signals(void)
{
    struct receiver receiver = { 0 };
    struct sigaction after;
    signal(SIGUSR1, SIG_IGN); /* by one that isn't received, the process would end */
    signal(SIGUSR2, SIG_IGN);
    ac_block_on_future(&receiver__type, &receiver);
    plan.nkept = ac__signals_descriptor() >= 0;
    ck_assert(sigaction(SIGUSR1, NULL, &after) == 0 && after.sa_handler == SIG_IGN);
    ck_assert(sigaction(SIGUSR2, NULL, &after) == 0 && after.sa_handler == SIG_IGN);
    return receiver.error;
}

/* ---- an executor in a foreign loop ---- */

struct napper {
    int state;
    struct ac_sleep__frame sleep;
};
static enum ac_poll napper__poll(struct napper *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->sleep, AC_MS), ac_sleep__poll(&self->sleep, cx));
    END;
}
FUTURE(napper, struct napper);

int run_embedded(void)
{
    struct ac_exec *exec = ac_exec_new();
    if (exec == NULL)
        return -errno;
    ac_task__handle tasks[3];
    int error = 0;
    ac_exec_enter(exec);
    for (int i = 0; i < 3; i++) {
        struct napper *napper = ac_task_new(&napper__type);
        if (napper != NULL)
            *napper = (struct napper){ 0 };
        tasks[i] = ac_task_spawn_local(napper);
    }
    ac_exec_leave(exec);
    struct pollfd watched = { .fd = ac_exec_fd(exec), .events = POLLIN };
    while (ac_exec_tasks(exec) > 0) {
        poll(&watched, 1, ac_exec_timeout_ms(exec));
        ac_exec_run(exec);
    }
    ac_exec_enter(exec);
    for (int i = 0; i < 3; i++)
        note(&error, ac_exec_try_join(tasks[i], NULL));
    ac_exec_leave(exec);
    ac_exec_free(exec);
    return error;
}

/* ---- tasks that are too large, or too much aligned, for a slab ---- */

struct large {
    int state;
    struct ac_yield_now__frame yield;
    char rest[1 << 16];
};
static enum ac_poll large__poll(struct large *self, struct ac_context *cx)
{
    BEGIN(self);
    memset(self->rest, 'x', sizeof self->rest);
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    ck_assert_int_eq(self->rest[sizeof self->rest - 1], 'x');
    END;
}
FUTURE(large, struct large);

struct aligned {
    int state;
    struct ac_yield_now__frame yield;
    _Alignas(256) char rest[300];
};
static enum ac_poll aligned__poll(struct aligned *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_uint_eq((uintptr_t)self->rest % 256, 0);
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    END;
}
FUTURE(aligned, struct aligned);

struct spawner {
    int state, i, error;
    ac_task__handle tasks[2];
    struct ac_join__frame join;
};
static enum ac_poll spawner__poll(struct spawner *self, struct ac_context *cx)
{
    BEGIN(self);
    struct large *large = ac_task_new(&large__type);
    if (large != NULL)
        large->state = 0;
    self->tasks[0] = ac_task_spawn_local(large);
    struct aligned *aligned = ac_task_new(&aligned__type);
    if (aligned != NULL)
        aligned->state = 0;
    self->tasks[1] = ac_task_spawn_local(aligned);
    for (self->i = 0; self->i < 2; self->i++) {
        AWAIT(self, ac_join__init(&self->join, self->tasks[self->i], NULL), ac_join__poll(&self->join, cx));
        ck_assert_int_eq(self->join.result, self->tasks[self->i] == NULL ? -ENOMEM : 0);
        note(&self->error, self->join.result);
    }
    END;
}
FUTURE(spawner, struct spawner);

int run_large(void)
{
    struct spawner spawner = { 0 };
    ac_block_on_future(&spawner__type, &spawner);
    return spawner.error;
}

/* ---- a program that is elided: a client and its server by turns, of either kind ---- */

static void talk(int client, int server, int *error)
{
    char buffer[40] = "0123456789012345678901234567890123456789", *line;
    struct iovec pieces[2] = { { buffer, 7 }, { buffer + 7, 32 } };
    struct ac_lines lines;
    buffer[38] = '\n';
    if (!note(error, ac_write_all(client, buffer, 20)) || !note(error, ac_read_exact(server, buffer, 20))
        || !note(error, ac_writev_all(server, pieces, 2)))
        return;
    ac_lines_init(&lines, client, buffer, sizeof buffer);
    ssize_t n = ac_read_line(&lines, &line);
    ck_assert(!note(error, n) || n == 39);
}

static int talk_over(int listener, int client)
{
    int error = 0, server = client < 0 ? -1 : ac_accept(listener);
    if (note(&error, client) && note(&error, server))
        talk(client, server, &error);
    ac_close(listener);
    if (client >= 0)
        ac_close(client);
    if (server >= 0)
        ac_close(server);
    return error;
}

int run_elided(void)
{
    int error = 0, listener = ac_tcp_listen("localhost", 0, 0);
    char name[64];
    if (note(&error, listener)) {
        int port = ac_local_port(listener);
        note(&error, talk_over(listener, note(&error, port) ? ac_tcp_connect("127.0.0.1", port) : port));
    }
    snprintf(name, sizeof name, "@asyncc-elided-%d", (int)getpid());
    listener = ac_unix_listen(name, 0);
    if (note(&error, listener))
        note(&error, talk_over(listener, ac_unix_connect(name)));
    return error;
}

/* ---- everywhere, and what can be set ---- */

int run_options(void)
{
    int error = 0, fd = ac_tcp_listen(NULL, 0, 0);
    if (!note(&error, fd))
        return error;
    note(&error, ac_tcp_nodelay(fd, 1));
    note(&error, ac_tcp_keepalive(fd, 30));
    note(&error, ac_tcp_keepalive(fd, 0));
    note(&error, ac_local_port(fd));
    note(&error, ac_close(fd));
    return error;
}

/* ---- a listing ---- */

int run_listing(void)
{
    FILE *out = fopen("/dev/null", "w");
    struct party party = { 0 };
    ck_assert_ptr_nonnull(out);
    ac_mutex_init(&party.locks.mutex);
    ac_semaphore_init(&party.locks.semaphore, 3);
    ac_notify_init(&party.locks.notify);
    party.out = out;
    note(&party.error, ac_dump_on_signal(SIGUSR2));
    ac_block_on_future(&party__type, &party);
    fclose(out);
    return party.error;
}

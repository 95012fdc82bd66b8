/* The pool: tasks on several threads, joined, cancelled and detached from any; timers and descriptors there;
 * its end; and the checked stops. */
#define _GNU_SOURCE
#include "support.h"

#include "ended.h"

#include <ac/boxes.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a probe: counts, and waits as it is told ---- */

struct counts {
    atomic_int polls, cancels, done;
};

struct probe {
    int state;
    int wakes_itself;      /* so many times in its first poll                     */
    int yields;            /* so many polls that wake it at once                  */
    uint64_t sleeps_ns;    /* then it sleeps                                      */
    int cancel_takes;      /* so many more calls of cancel than one               */
    atomic_int *spins;     /* until this is set, the thread with it               */
    atomic_int *started;   /* set in the first poll                               */
    struct counts *counts;
    struct ac_sleep__frame sleep;
    int result;
};

static enum ac_poll probe__poll(struct probe *self, struct ac_context *cx)
{
    if (self->counts != NULL)
        atomic_fetch_add(&self->counts->polls, 1);
    if (self->state == 0) {
        self->state = 1;
        if (self->started != NULL)
            atomic_store(self->started, 1);
        while (self->spins != NULL && atomic_load(self->spins) == 0)
            continue;
        for (int i = 0; i < self->wakes_itself; i++)
            ac_wake_by_ref(cx->waker);
        if (self->wakes_itself > 0)
            return AC_PENDING;
    }
    if (self->yields > 0) {
        self->yields--;
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    if (self->sleeps_ns != 0) {
        enum ac_poll poll = self->state == 1 ? ac_sleep__start(&self->sleep, cx, self->sleeps_ns)
                                             : ac_sleep__poll(&self->sleep, cx);
        self->state = 2;
        if (poll == AC_PENDING)
            return AC_PENDING;
    }
    self->result = 42;
    if (self->counts != NULL)
        atomic_fetch_add(&self->counts->done, 1);
    return AC_READY;
}

static enum ac_poll probe__poll_any(void *frame, struct ac_context *cx) { return probe__poll(frame, cx); }

static enum ac_poll probe__cancel(void *frame, struct ac_context *cx)
{
    struct probe *self = frame;
    if (self->counts != NULL)
        atomic_fetch_add(&self->counts->cancels, 1);
    if (self->state == 2) {
        self->state = 3;
        ck_assert_int_eq(ac_sleep__cancel(&self->sleep, cx), AC_READY);
    }
    if (self->cancel_takes-- > 0) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    return AC_READY;
}

static const struct ac_future_type probe__type = {
    "probe", sizeof(struct probe), _Alignof(struct probe), offsetof(struct probe, result), sizeof(int), probe__poll_any,
    probe__cancel, NULL,
};

static ac_task__handle put(const struct ac_future_type *type, const void *frame)
{
    void *memory = ac_task_new(type);
    ck_assert_ptr_nonnull(memory);
    memcpy(memory, frame, type->size);
    return ac_task_spawn(memory);
}
#define POOL_SPAWN(name_, frame_, ...) put(&name_##__type, &(frame_)__VA_ARGS__)
#define SPAWN_PROBE(...) POOL_SPAWN(probe, struct probe, __VA_ARGS__)

/* ---- a script: the body of a future, with room for what it awaits ---- */

struct script {
    int state, i, result, out;
    enum ac_poll (*poll)(struct script *, struct ac_context *);
    ac_task__handle tasks[8];
    int fds[2];
    char buffer[16];
    union {
        struct ac_await__frame await;
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
        struct ac_sleep__frame sleep;
        struct ac_read__frame read;
        struct ac_write_all__frame write;
        struct ac_yield_now__frame yield;
        struct ac_accept__frame accept;
        struct ac_tcp_connect__frame connect;
    };
};

static enum ac_poll script__poll(struct script *self, struct ac_context *cx) { return self->poll(self, cx); }
FUTURE(script, struct script);

#define JOIN(self, task) AWAIT(self, ac_join__init(&(self)->join, task, &(self)->out), ac_join__poll(&(self)->join, cx))
#define CANCEL(self, task) AWAIT(self, ac_cancel__init(&(self)->cancel, task), ac_cancel__poll(&(self)->cancel, cx))
#define SLEEP(self, ns) AWAIT(self, ac_sleep__init(&(self)->sleep, ns), ac_sleep__poll(&(self)->sleep, cx))

static void set_threads(unsigned n) { ck_assert_int_eq(ac_pool_set_threads(n), 0); }

/* Runs the script here, then once more as a task of the pool, and ends that. */
static void run_here_and_there(enum ac_poll (*poll)(struct script *, struct ac_context *))
{
    struct script here = { .poll = poll };
    ac_block_on_future(&script__type, &here);
    struct script *frame = ac_task_new(&script__type);
    *frame = (struct script){ .poll = poll };
    ac_task__handle task = ac_task_spawn(frame);
    ac_detach(task);
    await_all_tasks();
    ck_assert_int_eq(ac_pool_shutdown(5 * AC_S), 0);
}

/* ---- running and joining ---- */

static enum ac_poll join_results(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 8; self->i++)
        self->tasks[self->i] = SPAWN_PROBE({ .yields = self->i, .sleeps_ns = self->i % 2 * AC_MS });
    for (self->i = 0; self->i < 8; self->i++) {
        self->out = 0;
        JOIN(self, self->tasks[self->i]);
        ck_assert_int_eq(self->join.result, 0);
        ck_assert_int_eq(self->out, 42);
    }
    END;
}

START_TEST(results_are_joined_on_a_thread_and_in_the_pool)
{
    set_threads(2);
    run_here_and_there(join_results);
}
END_TEST

static struct counts seen;

static enum ac_poll wake_often(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    JOIN(self, SPAWN_PROBE({ .wakes_itself = 100, .counts = &seen }));
    END;
}

START_TEST(wakes_during_one_poll_cost_one_more_poll)
{
    struct script script = { .poll = wake_often };
    ac_block_on_future(&script__type, &script);
    ck_assert_int_eq(seen.polls, 2);
}
END_TEST

static struct ac_waker *kept;

static enum ac_poll keep_waker(struct script *self, struct ac_context *cx)
{
    (void)self;
    if (kept == NULL)
        kept = ac_waker_clone(cx->waker);
    return atomic_fetch_add(&seen.polls, 1) < 2 ? AC_PENDING : AC_READY;
}

/* On one thread: nothing else is polled between two awaits. */
static enum ac_poll wake_often_from_without(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = POOL_SPAWN(script, struct script, { .poll = keep_waker });
    while (kept == NULL) {
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    }
    for (int i = 0; i < 100; i++)
        ac_wake_by_ref(kept);
    for (self->i = 0; self->i < 100; self->i++) {
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    }
    ck_assert_int_eq(atomic_load(&seen.polls), 2);
    ac_wake(kept);
    JOIN(self, self->tasks[0]);
    END;
}

static enum ac_poll join_the_waking(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    JOIN(self, POOL_SPAWN(script, struct script, { .poll = wake_often_from_without }));
    END;
}

START_TEST(wakes_before_a_poll_cost_none_more)
{
    set_threads(1);
    struct script script = { .poll = join_the_waking };
    ac_block_on_future(&script__type, &script);
    ck_assert_int_eq(atomic_load(&seen.polls), 3);
}
END_TEST

static atomic_int flags[2];

static enum ac_poll meet(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    /* Each waits for the other with its thread, so they have to run at one time. */
    self->tasks[0] = SPAWN_PROBE({ .started = &flags[0], .spins = &flags[1] });
    self->tasks[1] = SPAWN_PROBE({ .started = &flags[1], .spins = &flags[0] });
    JOIN(self, self->tasks[0]);
    JOIN(self, self->tasks[1]);
    END;
}

START_TEST(tasks_run_on_two_threads_at_a_time)
{
    set_threads(2);
    struct script script = { .poll = meet };
    ac_block_on_future(&script__type, &script);
}
END_TEST

/* The first is in the spawning worker's queue while that one is busy: the other has to steal it. */
static enum ac_poll leave_work(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN_PROBE({ .started = &flags[0] });
    self->tasks[1] = SPAWN_PROBE({ .result = 0 });
    while (atomic_load(&flags[0]) == 0)
        continue;
    JOIN(self, self->tasks[0]);
    JOIN(self, self->tasks[1]);
    END;
}

START_TEST(what_a_busy_worker_has_queued_is_stolen)
{
    set_threads(2);
    struct script *frame = ac_task_new(&script__type);
    *frame = (struct script){ .poll = leave_work };
    ac_detach(ac_task_spawn(frame));
    struct ac_pool_counts counts = await_all_tasks();
    ck_assert_uint_ge(counts.steals, 1);
    ck_assert_uint_eq(counts.spawned, 3);
}
END_TEST

/* Each keeps its thread until all have one. */
static atomic_int nmet;
static enum ac_poll meet_all(struct script *self, struct ac_context *cx)
{
    (void)cx;
    atomic_fetch_add(&nmet, 1);
    while (atomic_load(&nmet) < self->out)
        sched_yield();
    return AC_READY;
}

static void spawn_meeting(int n)
{
    atomic_store(&nmet, 0);
    for (int i = 0; i < n; i++)
        ac_detach(POOL_SPAWN(script, struct script, { .poll = meet_all, .out = 3 }));
}

/* Two of them come into this one's ring, as something else is in the slot: a thief takes one, and another thread has to
 * come for the second. */
static enum ac_poll meet_thieves(struct script *self, struct ac_context *cx)
{
    spawn_meeting(2);
    ac_detach(SPAWN_PROBE({ .result = 0 }));
    self->out = 3;
    return meet_all(self, cx);
}

START_TEST(who_finds_work_sends_another_for_what_is_left)
{
    set_threads(3);
    for (int i = 0; i < 2000; i++) {
        if (i % 2 == 0)
            ac_detach(POOL_SPAWN(script, struct script, { .poll = meet_thieves }));
        else
            spawn_meeting(3);
        await_all_tasks();
    }
}
END_TEST

enum { BATCH = 200, LARGE_BATCH = 5000 }; /* the larger doesn't fit into a ring */
static ac_task__handle batch[LARGE_BATCH];
static int batch_size;

/* So many batches as it is told: spawned at once, awaited in turn. */
static enum ac_poll spawn_batches(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (; self->result > 0; self->result--) {
        for (int i = 0; i < batch_size; i++)
            batch[i] = SPAWN_PROBE({ .result = 0 });
        for (self->i = 0; self->i < batch_size; self->i++) {
            JOIN(self, batch[self->i]);
        }
    }
    END;
}

static struct ac_pool_counts count_batches(int nbatches, int size)
{
    batch_size = size;
    struct script *frame = ac_task_new(&script__type);
    *frame = (struct script){ .poll = spawn_batches, .result = nbatches };
    ac_detach(ac_task_spawn(frame));
    return await_all_tasks();
}

START_TEST(who_awaits_many_tasks_is_not_woken_for_each)
{
    set_threads(1);
    struct ac_pool_counts counts = count_batches(1, BATCH);
    ck_assert_uint_eq(counts.spawned, 1 + BATCH);
    ck_assert_uint_lt(counts.polls, BATCH + 20);
}
END_TEST

START_TEST(more_tasks_than_a_ring_has_room_for_are_all_run)
{
    for (unsigned n = 1; n <= 3; n++) {
        set_threads(n);
        struct ac_pool_counts counts = count_batches(3, LARGE_BATCH);
        ck_assert_uint_eq(counts.spawned, 1 + 3 * LARGE_BATCH);
        ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    }
}
END_TEST

/* On one processor, where a thread that is woken may run at once, in place of its waker. */
START_TEST(a_thief_is_not_woken_for_each_task)
{
    cpu_set_t all, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    set_threads(2);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0); /* the pool's threads inherit it */
    struct ac_pool_counts counts = count_batches(100, BATCH);
    ck_assert_uint_eq(counts.spawned, 1 + 100 * BATCH);
    ck_assert_uint_lt(counts.unparks, 5 * BATCH);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

/* ---- awaiting the task that is next ---- */

/* Begins, or goes on, to await self->tasks[0]. */
static enum ac_poll await_task(struct script *self, struct ac_context *cx)
{
    enum ac_poll poll = self->out ? ac_await__poll(&self->await, cx) : ac_await__start(&self->await, cx, self->tasks[0]);
    self->out = poll == AC_PENDING;
    return poll;
}

static enum ac_poll await_at_once(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 50; self->i++) { /* it looks around after 61 polls */
        errno = 11;
        unsigned budget = cx->budget;
        self->tasks[0] = SPAWN_PROBE({ .counts = &seen });
        ck_assert_int_eq(await_task(self, cx), AC_READY);
        ck_assert_uint_eq(cx->budget, budget - 1);
        ck_assert_int_eq(errno, 11);
        ck_assert_int_eq(*(int *)ac_await__result(&self->await), 42);
        ac_await__end(&self->await);
    }
    END;
}

START_TEST(the_task_that_is_next_runs_within_its_await)
{
    set_threads(1);
    ac_detach(POOL_SPAWN(script, struct script, { .poll = await_at_once }));
    struct ac_pool_counts counts = await_all_tasks();
    ck_assert_int_eq(seen.done, 50);
    ck_assert_uint_eq(counts.polls, 1 + 50);
}
END_TEST

/* Of each kind some, on several threads: what goes on afterwards, elsewhere as well, or sleeps. */
static enum ac_poll await_many(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 300; self->i++) {
        self->tasks[0] = SPAWN_PROBE({ .yields = self->i % 3, .wakes_itself = self->i % 5 / 4,
                                       .sleeps_ns = self->i % 50 == 0 ? AC_MS : 0, .counts = &seen });
        AWAIT(self, (void)0, await_task(self, cx));
        ck_assert_int_eq(*(int *)ac_await__result(&self->await), 42);
        ac_await__end(&self->await);
    }
    END;
}

START_TEST(what_began_within_an_await_goes_on_anywhere)
{
    set_threads(3);
    for (int i = 0; i < 4; i++)
        ac_detach(POOL_SPAWN(script, struct script, { .poll = await_many }));
    await_all_tasks();
    ck_assert_int_eq(seen.done, 4 * 300);
}
END_TEST

/* Each awaits the next: more than the stack has room for, if all were polled within each other. */
static enum ac_poll await_next(struct script *self, struct ac_context *cx)
{
    if (self->i == 0)
        return AC_READY;
    if (self->state++ == 0)
        self->tasks[0] = POOL_SPAWN(script, struct script, { .poll = await_next, .i = self->i - 1 });
    enum ac_poll poll = await_task(self, cx);
    if (poll == AC_READY)
        ac_await__end(&self->await);
    return poll;
}

START_TEST(tasks_that_await_each_other_do_not_fill_the_stack)
{
    set_threads(2);
    ac_detach(POOL_SPAWN(script, struct script, { .poll = await_next, .i = 100000 }));
    struct ac_pool_counts counts = await_all_tasks();
    ck_assert_uint_eq(counts.spawned, 100001);
}
END_TEST

static enum ac_poll keep_errno(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 300; self->i++) {
        errno = self->i;
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
        ck_assert_int_eq(errno, self->i);
    }
    END;
}

static enum ac_poll keep_errno_of_many(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 8; self->i++)
        self->tasks[self->i] = POOL_SPAWN(script, struct script, { .poll = keep_errno });
    for (self->i = 0; self->i < 8; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    END;
}

START_TEST(errno_belongs_to_the_task_on_whatever_thread)
{
    set_threads(3);
    struct script script = { .poll = keep_errno_of_many };
    ac_block_on_future(&script__type, &script);
}
END_TEST

static enum ac_poll hold_handle_of_none(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    JOIN(self, NULL);
    ck_assert_int_eq(self->join.result, -ENOMEM);
    CANCEL(self, NULL);
    ac_detach(NULL);
    END;
}

START_TEST(a_null_handle_joins_with_enomem)
{
    struct script script = { .poll = hold_handle_of_none };
    ac_block_on_future(&script__type, &script);
}
END_TEST

/* ---- cancelling ---- */

static enum ac_poll cancel_sleeper(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN_PROBE({ .sleeps_ns = 3600 * AC_S, .started = &flags[0], .counts = &seen, .cancel_takes = 5 });
    do {
        SLEEP(self, AC_MS);
    } while (atomic_load(&flags[0]) == 0);
    CANCEL(self, self->tasks[0]);
    ck_assert_int_eq(seen.done, 0);
    ck_assert_int_eq(seen.cancels, 6); /* it has taken its time, and that was waited for */
    END;
}

START_TEST(a_cancel_returns_when_the_future_has_cleaned_up)
{
    set_threads(2);
    struct script script = { .poll = cancel_sleeper };
    ac_block_on_future(&script__type, &script);
}
END_TEST

static enum ac_poll cancel_early_and_late(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    /* The one thread is busy: the second task has never been polled when it is cancelled. */
    self->tasks[0] = SPAWN_PROBE({ .started = &flags[0], .spins = &flags[1], .counts = &seen });
    while (atomic_load(&flags[0]) == 0)
        continue;
    self->tasks[1] = SPAWN_PROBE({ .counts = &seen });
    ac_cancel__init(&self->cancel, self->tasks[1]);
    ck_assert_int_eq(ac_cancel__poll(&self->cancel, cx), AC_PENDING);
    atomic_store(&flags[1], 1);
    AWAIT(self, (void)0, ac_cancel__poll(&self->cancel, cx));
    ck_assert_int_eq(seen.polls, 1);
    ck_assert_int_eq(seen.cancels, 1);
    CANCEL(self, self->tasks[0]); /* it has ended by itself */
    ck_assert_int_eq(seen.done, 1);
    ck_assert_int_eq(seen.cancels, 1);
    END;
}

START_TEST(a_task_may_be_cancelled_before_it_begins_and_after_it_has_ended)
{
    set_threads(1);
    struct script script = { .poll = cancel_early_and_late };
    ac_block_on_future(&script__type, &script);
}
END_TEST

static enum ac_poll leave_join(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_join__init(&self->join, SPAWN_PROBE({ .sleeps_ns = 5 * AC_MS, .counts = &seen }), &self->out);
    ck_assert_int_eq(ac_join__poll(&self->join, cx), AC_PENDING);
    ck_assert_int_eq(ac_join__cancel(&self->join, cx), AC_READY);
    while (atomic_load(&seen.done) == 0) {
        SLEEP(self, AC_MS);
    }
    ck_assert_int_eq(seen.cancels, 0);
    END;
}

START_TEST(a_join_that_is_cancelled_leaves_the_task_running)
{
    struct script script = { .poll = leave_join };
    ac_block_on_future(&script__type, &script);
}
END_TEST

/* ---- timers and descriptors ---- */

static enum ac_poll sleep_beside_busy(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN_PROBE({ .started = &flags[0], .spins = &flags[1] });
    while (atomic_load(&flags[0]) == 0)
        continue;
    for (self->i = 0; self->i < 5; self->i++) {
        JOIN(self, SPAWN_PROBE({ .sleeps_ns = 2 * AC_MS }));
    }
    atomic_store(&flags[1], 1);
    JOIN(self, self->tasks[0]);
    END;
}

START_TEST(timers_go_on_while_a_worker_is_busy)
{
    set_threads(2);
    struct script script = { .poll = sleep_beside_busy };
    ac_block_on_future(&script__type, &script);
}
END_TEST

/* Wakes itself until told. */
static enum ac_poll spin_politely(struct script *self, struct ac_context *cx)
{
    (void)self;
    if (atomic_load(&flags[0]) != 0)
        return AC_READY;
    ac_wake_by_ref(cx->waker);
    return AC_PENDING;
}

static enum ac_poll serve(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_accept__init(&self->accept, self->fds[0]), ac_accept__poll(&self->accept, cx));
    self->fds[1] = self->accept.result;
    ck_assert_int_ge(self->fds[1], 0);
    for (self->i = 0; self->i < 200; self->i++) {
        AWAIT(self, ac_read__init(&self->read, self->fds[1], self->buffer, sizeof self->buffer), ac_read__poll(&self->read, cx));
        ck_assert_int_eq(self->read.result, 4);
        AWAIT(self, ac_write_all__init(&self->write, self->fds[1], self->buffer, 4), ac_write_all__poll(&self->write, cx));
    }
    ac_close(self->fds[1]);
    END;
}

static enum ac_poll call(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_tcp_connect__init(&self->connect, "127.0.0.1", self->out), ac_tcp_connect__poll(&self->connect, cx));
    self->fds[1] = self->connect.result;
    ck_assert_int_ge(self->fds[1], 0);
    for (self->i = 0; self->i < 200; self->i++) {
        AWAIT(self, ac_write_all__init(&self->write, self->fds[1], "ping", 4), ac_write_all__poll(&self->write, cx));
        AWAIT(self, ac_read__init(&self->read, self->fds[1], self->buffer, sizeof self->buffer), ac_read__poll(&self->read, cx));
        ck_assert_int_eq(self->read.result, 4);
    }
    ac_close(self->fds[1]);
    END;
}

static int listener;

static enum ac_poll echo_beside_spinners(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    listener = ac_tcp_listen("127.0.0.1", 0, 8);
    for (self->i = 0; self->i < 2; self->i++)
        self->tasks[self->i] = POOL_SPAWN(script, struct script, { .poll = spin_politely });
    for (self->i = 2; self->i < 8; self->i++)
        self->tasks[self->i] = self->i % 2 ? POOL_SPAWN(script, struct script, { .poll = serve, .fds = { listener } })
                                           : POOL_SPAWN(script, struct script, { .poll = call, .out = ac_local_port(listener) });
    for (self->i = 7; self->i >= 0; self->i--) {
        JOIN(self, self->tasks[self->i]);
        if (self->i == 2)
            atomic_store(&flags[0], 1);
    }
    ac_close(listener);
    END;
}

START_TEST(tasks_that_wake_themselves_do_not_starve_sockets)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        set_threads(threads);
        atomic_store(&flags[0], 0);
        struct script script = { .poll = echo_beside_spinners };
        ac_block_on_future(&script__type, &script);
        ck_assert_int_eq(ac_pool_shutdown(AC_S), 0);
    }
}
END_TEST

static enum ac_poll read_pipe(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 100; self->i++) {
        AWAIT(self, ac_read__init(&self->read, self->fds[0], self->buffer, 1), ac_read__poll(&self->read, cx));
        ck_assert_int_eq(self->read.result, 1);
        AWAIT(self, ac_write_all__init(&self->write, self->fds[1], self->buffer, 1), ac_write_all__poll(&self->write, cx));
        ck_assert_int_eq(self->write.result, 0);
    }
    END;
}

static enum ac_poll pass_through_pipes(struct script *self, struct ac_context *cx)
{
    static int pipes[4][2];
    BEGIN(self);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    for (int i = 0; i < 4; i++)
        self->tasks[i] = POOL_SPAWN(script, struct script, { .poll = read_pipe, .fds = { pipes[i][0], pipes[(i + 1) % 4][1] } });
    ck_assert_int_eq(write(pipes[0][1], "x", 1), 1);
    for (self->i = 0; self->i < 4; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    for (int i = 0; i < 4; i++)
        close(pipes[i][0]), close(pipes[i][1]);
    END;
}

START_TEST(a_byte_goes_round_through_pipes)
{
    set_threads(2);
    struct script script = { .poll = pass_through_pipes };
    ac_block_on_future(&script__type, &script);
}
END_TEST

/* What is always ready spends the budget, so that others are polled between. */
static enum ac_poll read_zeroes(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 1000; self->i++) {
        AWAIT(self, ac_read__init(&self->read, self->fds[0], self->buffer, 1), ac_read__poll(&self->read, cx));
    }
    END;
}

static enum ac_poll read_long(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->fds[0] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    JOIN(self, POOL_SPAWN(script, struct script, { .poll = read_zeroes, .fds = { self->fds[0] } }));
    close(self->fds[0]);
    END;
}

START_TEST(what_is_always_ready_spends_a_budget)
{
    struct script script = { .poll = read_long };
    ac_block_on_future(&script__type, &script);
    struct ac_pool_counts counts;
    ac_pool_count(&counts);
    ck_assert_uint_eq(counts.polls, 1000 / 128 + 1);
}
END_TEST

/* ---- the end of the pool ---- */

static enum ac_poll spawn_many(struct script *self, struct ac_context *cx)
{
    (void)cx;
    for (self->i = 0; self->i < 100; self->i++)
        ac_detach(SPAWN_PROBE({ .sleeps_ns = self->i % 2 ? 3600 * AC_S : 0, .yields = self->i % 3, .counts = &seen, .cancel_takes = self->i % 4 }));
    return AC_READY;
}

START_TEST(the_shutdown_cancels_what_sleeps_and_a_new_pool_may_follow)
{
    for (unsigned round = 1; round <= 3; round++) {
        set_threads(round);
        struct script script = { .poll = spawn_many };
        ac_block_on_future(&script__type, &script);
        struct ac_pool_counts counts;
        do
            ac_pool_count(&counts);
        while (counts.alive > 50);
        ck_assert_int_eq(ac_pool_set_threads(1), -EBUSY);
        ck_assert_int_eq(ac_pool_shutdown(5 * AC_S), 0);
        ck_assert_int_eq(seen.done, 50 * (int)round);
        ac_pool_count(&counts);
        ck_assert_uint_eq(counts.spawned, 0);
        ck_assert_int_eq(ac_pool_shutdown(0), 0);
    }
}
END_TEST

/* In its first poll until the shutdown has cancelled all that it can find; then it would wait for ever. */
static enum ac_poll hide(struct script *self, struct ac_context *cx)
{
    struct ac_pool_counts counts;
    (void)self;
    atomic_store(&flags[0], 1);
    for (bool refused = false; !refused; sched_yield()) {
        struct ac_join__frame join;
        refused = ac_join__start(&join, cx, SPAWN_PROBE({ .result = 0 }), NULL) == AC_READY;
        if (!refused)
            ac_join__cancel(&join, cx);
        else
            ck_assert_int_eq(join.result, -ECANCELED);
    }
    ac_pool_count(&counts); /* waits for the lock, and so until the shutdown waits for tasks */
    return AC_PENDING;
}

START_TEST(the_shutdown_cancels_what_has_its_first_poll_meanwhile)
{
    set_threads(1);
    ac_detach(POOL_SPAWN(script, struct script, { .poll = hide }));
    while (atomic_load(&flags[0]) == 0)
        sched_yield();
    ck_assert_int_eq(ac_pool_shutdown(20 * AC_S), 0);
}
END_TEST

/* Reads what was written to stderr meanwhile. */
static int saved_stderr, captured[2];
static void capture(void)
{
    fflush(stderr);
    saved_stderr = dup(2);
    ck_assert_int_eq(pipe(captured), 0);
    dup2(captured[1], 2);
}
static const char *end_capture(void)
{
    static char text[4096];
    fflush(stderr);
    dup2(saved_stderr, 2);
    close(captured[1]);
    ssize_t n = read(captured[0], text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static ac_task__handle late;
static struct counts refused;

static enum ac_poll be_late(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_detach(SPAWN_PROBE({ .spins = &flags[0], .started = &flags[1] }));
    self->tasks[0] = SPAWN_PROBE({ .sleeps_ns = 3600 * AC_S, .cancel_takes = 1000000000, .counts = &seen });
    while (atomic_load(&flags[1]) == 0 || atomic_load(&seen.polls) == 0) {
        SLEEP(self, AC_MS);
    }
    capture();
    ck_assert_int_eq(ac_pool_shutdown(20 * AC_MS), -ETIMEDOUT);
    const char *text = end_capture();
    ck_assert_ptr_nonnull(strstr(text, "2 tasks have not ended"));
    ck_assert_ptr_nonnull(strstr(text, "'probe': running, and has never awaited"));
    /* It wakes itself in each call of its cancel. */
    ck_assert(strstr(text, "'probe': queued, being cancelled") || strstr(text, "'probe': running, being cancelled"));

    /* Meanwhile no other is taken: this one is over before it has begun. */
    for (self->i = 0; self->i < 3; self->i++) {
        late = SPAWN_PROBE({ .cancel_takes = self->i, .counts = &refused });
        JOIN(self, late);
        ck_assert_int_eq(self->join.result, -ECANCELED);
    }
    ck_assert_int_eq(atomic_load(&refused.polls), 0);
    ck_assert_int_ge(atomic_load(&refused.cancels), 1 + 2 + 3);
    atomic_store(&flags[0], 1);
    ck_assert_int_eq(ac_pool_shutdown(20 * AC_MS), -ETIMEDOUT);
    ac_detach(self->tasks[0]);
    END;
}

START_TEST(the_shutdown_names_tasks_that_do_not_end_and_takes_no_new_ones)
{
    set_threads(2);
    struct script script = { .poll = be_late };
    ac_block_on_future(&script__type, &script);
}
END_TEST

static enum ac_poll spawn_too_late(struct script *self, struct ac_context *cx)
{
    (void)cx;
    BEGIN(self);
    ac_detach(SPAWN_PROBE({ .sleeps_ns = 3600 * AC_S, .counts = &seen }));
    ac_detach(SPAWN_PROBE({ 0 })); /* so that the other worker can have the former */
    while (atomic_load(&seen.polls) == 0)
        continue;
    atomic_store(&flags[0], 1);
    while (atomic_load(&seen.cancels) == 0)
        continue;
    for (int i = 0; i < 3; i++)
        ac_detach(SPAWN_PROBE({ .cancel_takes = i, .counts = &refused }));
    struct probe *called = ac__push(ac__new_boxes(), &probe__type);
    *called = (struct probe){ .counts = &refused };
    ac_detach(ac_task_spawn(ac__box_task(called)));
    END;
}

START_TEST(what_is_refused_by_the_shutdown_gives_back_what_it_holds)
{
    set_threads(2);
    ac_detach(POOL_SPAWN(script, struct script, { .poll = spawn_too_late }));
    while (atomic_load(&flags[0]) == 0)
        sched_yield();
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    ck_assert_int_eq(atomic_load(&refused.polls), 0);
    ck_assert_int_ge(atomic_load(&refused.cancels), 1 + 2 + 3 + 1);
}
END_TEST

static enum ac_poll join_cancelled(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN_PROBE({ .sleeps_ns = 3600 * AC_S });
    self->tasks[1] = SPAWN_PROBE({ .yields = 1 });
    JOIN(self, self->tasks[1]);
    ck_assert_int_eq(ac_pool_shutdown(5 * AC_S), 0);
    JOIN(self, self->tasks[0]); /* outlives the pool */
    ck_assert_int_eq(self->join.result, -ECANCELED);
    END;
}

START_TEST(a_join_tells_that_the_task_was_cancelled)
{
    struct script script = { .poll = join_cancelled };
    ac_block_on_future(&script__type, &script);
}
END_TEST

START_TEST(the_number_of_threads_is_checked)
{
    ck_assert_int_eq(ac_pool_set_threads(1025), -EINVAL);
    ck_assert_int_eq(ac_pool_set_threads(0), 0);
    ck_assert_int_eq(ac_pool_shutdown(AC_S), 0);
}
END_TEST

/* ---- checked stops ---- */

static enum ac_poll await_cancelled(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN_PROBE({ .sleeps_ns = 3600 * AC_S });
    ck_assert_int_eq(ac_pool_shutdown(5 * AC_S), 0);
    AWAIT(self, ac_await__init(&self->await, self->tasks[0]), ac_await__poll(&self->await, cx));
    END;
}

START_TEST(awaiting_a_cancelled_task_stops)
{
    struct script script = { .poll = await_cancelled };
    ac_block_on_future(&script__type, &script);
}
END_TEST

static enum ac_poll do_wrong(struct script *self, struct ac_context *cx)
{
    static ac_task__handle myself;
    BEGIN(self);
    switch (self->out) {
    case 0:
        spawn_copy(&probe__type, &(struct probe){ 0 });
        break;
    case 1:
        ac_pool_shutdown(AC_S);
        break;
    case 2:
        ac_block_on_future(&probe__type, &(struct probe){ 0 });
        break;
    case 3:
        ac_clock_pause();
        break;
    default:
        while (atomic_load(&flags[0]) == 0)
            continue;
        memcpy(&myself, &late, sizeof late);
        JOIN(self, myself);
    }
    END;
}

static enum ac_poll spawn_wrong(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    late = POOL_SPAWN(script, struct script, { .poll = do_wrong, .out = self->out });
    atomic_store(&flags[0], 1);
    SLEEP(self, 5 * AC_S);
    END;
}

static void stop_in_pool(int which)
{
    struct script script = { .poll = spawn_wrong, .out = which };
    ac_block_on_future(&script__type, &script);
}
START_TEST(spawning_locally_in_the_pool_stops) { stop_in_pool(0); }
END_TEST
START_TEST(shutting_down_from_within_stops) { stop_in_pool(1); }
END_TEST
START_TEST(blocking_on_a_future_in_the_pool_stops) { stop_in_pool(2); }
END_TEST
START_TEST(pausing_the_clock_in_the_pool_stops) { stop_in_pool(3); }
END_TEST
START_TEST(joining_oneself_stops) { stop_in_pool(4); }
END_TEST

START_TEST(spawning_a_frame_twice_stops)
{
    struct probe *frame = ac_task_new(&probe__type);
    *frame = (struct probe){ .sleeps_ns = 3600 * AC_S };
    ac_task_spawn(frame);
    ac_task_spawn(frame);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        results_are_joined_on_a_thread_and_in_the_pool,
        wakes_during_one_poll_cost_one_more_poll,
        wakes_before_a_poll_cost_none_more,
        tasks_run_on_two_threads_at_a_time,
        what_a_busy_worker_has_queued_is_stolen,
        who_finds_work_sends_another_for_what_is_left,
        who_awaits_many_tasks_is_not_woken_for_each,
        more_tasks_than_a_ring_has_room_for_are_all_run,
        a_thief_is_not_woken_for_each_task,
        the_task_that_is_next_runs_within_its_await,
        what_began_within_an_await_goes_on_anywhere,
        tasks_that_await_each_other_do_not_fill_the_stack,
        errno_belongs_to_the_task_on_whatever_thread,
        a_null_handle_joins_with_enomem,
        a_cancel_returns_when_the_future_has_cleaned_up,
        a_task_may_be_cancelled_before_it_begins_and_after_it_has_ended,
        a_join_that_is_cancelled_leaves_the_task_running,
        timers_go_on_while_a_worker_is_busy,
        tasks_that_wake_themselves_do_not_starve_sockets,
        a_byte_goes_round_through_pipes,
        what_is_always_ready_spends_a_budget,
        the_shutdown_cancels_what_sleeps_and_a_new_pool_may_follow,
        the_shutdown_cancels_what_has_its_first_poll_meanwhile,
        the_shutdown_names_tasks_that_do_not_end_and_takes_no_new_ones,
        what_is_refused_by_the_shutdown_gives_back_what_it_holds,
        a_join_tells_that_the_task_was_cancelled,
        the_number_of_threads_is_checked,
    };
    const TTest *const stops[] = {
        awaiting_a_cancelled_task_stops,        spawning_locally_in_the_pool_stops,   shutting_down_from_within_stops,
        blocking_on_a_future_in_the_pool_stops, pausing_the_clock_in_the_pool_stops, joining_oneself_stops,
        spawning_a_frame_twice_stops,
    };
    return run_suite("pool", tests, COUNT(tests), stops, COUNT(stops));
}

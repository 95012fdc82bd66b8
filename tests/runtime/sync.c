/* Semaphores, mutexes and notifications: who gets what in which order, what a cancelled wait gives back,
 * and that none of it is lost between threads. Meant for ThreadSanitizer as well. The program: [SEED]. */
#include "seed.h"
#include "waiting.h"

#include "exec.h"
#include "lock.h"

#include <ac/embed.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* ---- a wait that is polled by hand ---- */

struct want {
    struct ac_semaphore_acquire__frame frame;
    struct probe probe;
};

static enum ac_poll want(struct want *want, struct ac_semaphore *semaphore, unsigned permits)
{
    probe_init(&want->probe);
    return ac_semaphore_acquire__start(&want->frame, &want->probe.cx, semaphore, permits);
}
static enum ac_poll want_again(struct want *want) { return ac_semaphore_acquire__poll(&want->frame, &want->probe.cx); }
static void give_up(struct want *want)
{
    ck_assert_int_eq(ac_semaphore_acquire__cancel(&want->frame, &want->probe.cx), AC_READY);
}

/* ---- semaphores ---- */

START_TEST(permits_that_are_there_are_taken_at_once)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(3);
    struct want a, b;
    ck_assert_int_eq(want(&a, &semaphore, 1), AC_READY);
    ck_assert_int_eq(want(&b, &semaphore, 2), AC_READY);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 0);
    ck_assert_int_eq(ac_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    ac_semaphore_release(&semaphore, 3);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 3);
    ck_assert_int_eq(ac_semaphore_try_acquire(&semaphore, 3), 0);
    ck_assert_int_eq(a.probe.wakes + b.probe.wakes, 0);
}
END_TEST

START_TEST(first_come_is_first_served)
{
    struct ac_semaphore semaphore;
    ac_semaphore_init(&semaphore, 0);
    struct want wants[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(want(&wants[i], &semaphore, 1), AC_PENDING);
    for (int i = 0; i < 4; i++) {
        ac_semaphore_release(&semaphore, 1);
        for (int j = 0; j < 4; j++)
            ck_assert_int_eq(wants[j].probe.wakes, j <= i);
        ck_assert_int_eq(want_again(&wants[i]), AC_READY);
    }
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 0);
}
END_TEST

START_TEST(who_wants_much_is_not_overtaken_by_who_wants_little)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(2);
    struct want much, little;
    ck_assert_int_eq(want(&much, &semaphore, 3), AC_PENDING);
    ck_assert_int_eq(want(&little, &semaphore, 1), AC_PENDING);
    ck_assert_int_eq(ac_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    ac_semaphore_release(&semaphore, 1);
    ck_assert_int_eq(want_again(&much), AC_READY);
    ck_assert_int_eq(want_again(&little), AC_PENDING);
    ac_semaphore_release(&semaphore, 3);
    ck_assert_int_eq(want_again(&little), AC_READY);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 2);
}
END_TEST

START_TEST(one_release_serves_as_many_as_it_can)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(0);
    struct want wants[3];
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(want(&wants[i], &semaphore, i + 1), AC_PENDING);
    ac_semaphore_release(&semaphore, 5);
    ck_assert_int_eq(wants[0].probe.wakes + wants[1].probe.wakes, 2);
    ck_assert_int_eq(wants[2].probe.wakes, 0);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 2);
    give_up(&wants[2]);
    ck_assert_int_eq(want_again(&wants[1]), AC_READY);
    ck_assert_int_eq(want_again(&wants[0]), AC_READY);
}
END_TEST

START_TEST(who_gives_up_waiting_leaves_the_queue_as_if_he_had_not_come)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(1);
    struct want wants[4];
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(want(&wants[i], &semaphore, i == 0 ? 2 : 1), AC_PENDING);
    give_up(&wants[2]);
    give_up(&wants[0]); /* for whom the one permit was too little */
    ck_assert_int_eq(want_again(&wants[1]), AC_READY);
    ck_assert_int_eq(want_again(&wants[3]), AC_PENDING);
    ac_semaphore_release(&semaphore, 1);
    ck_assert_int_eq(want_again(&wants[3]), AC_READY);
    ck_assert_int_eq(wants[0].probe.wakes + wants[2].probe.wakes, 0);
}
END_TEST

START_TEST(permits_given_to_one_who_is_cancelled_go_to_the_next)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(0);
    struct want a, b;
    want(&a, &semaphore, 1);
    want(&b, &semaphore, 1);
    ac_semaphore_release(&semaphore, 1);
    ck_assert_int_eq(a.probe.wakes, 1);
    give_up(&a);
    ck_assert_int_eq(b.probe.wakes, 1);
    give_up(&b);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 1);
}
END_TEST

START_TEST(a_wait_that_has_not_begun_and_one_that_is_over_are_cancelled_without_effect)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(1);
    struct want a, b;
    probe_init(&a.probe);
    ac_semaphore_acquire__init(&a.frame, &semaphore, 1);
    give_up(&a);
    ck_assert_int_eq(want(&b, &semaphore, 1), AC_READY);
    give_up(&b); /* what was taken is the caller's */
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 0);
}
END_TEST

START_TEST(the_waker_of_the_last_poll_is_woken)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(0);
    struct want a;
    struct probe other;
    probe_init(&other);
    want(&a, &semaphore, 1);
    ck_assert_int_eq(ac_semaphore_acquire__poll(&a.frame, &other.cx), AC_PENDING);
    ac_semaphore_release(&semaphore, 1);
    ck_assert_int_eq(a.probe.wakes, 0);
    ck_assert_int_eq(other.wakes, 1);
    ck_assert_int_eq(want_again(&a), AC_READY);
}
END_TEST

/* ---- mutexes ---- */

START_TEST(unlocking_gives_a_mutex_to_who_has_waited_longest)
{
    static struct ac_mutex mutex = AC_MUTEX_INIT;
    struct ac_mutex_lock__frame locks[3];
    struct probe probes[3];
    for (int i = 0; i < 3; i++) {
        probe_init(&probes[i]);
        ck_assert_int_eq(ac_mutex_lock__start(&locks[i], &probes[i].cx, &mutex), i == 0 ? AC_READY : AC_PENDING);
    }
    ck_assert_int_eq(ac_mutex_try_lock(&mutex), -EAGAIN);
    ac_mutex_unlock(&mutex);
    ck_assert_int_eq(ac_mutex_try_lock(&mutex), -EAGAIN); /* it has never been free */
    ck_assert_int_eq(ac_mutex_lock__poll(&locks[1], &probes[1].cx), AC_READY);
    ck_assert_int_eq(ac_mutex_lock__cancel(&locks[2], &probes[2].cx), AC_READY);
    ac_mutex_unlock(&mutex);
    ck_assert_int_eq(ac_mutex_try_lock(&mutex), 0);
    ck_assert_int_eq(probes[1].wakes, 1);
    ck_assert_int_eq(probes[2].wakes, 0);
}
END_TEST

/* ---- notifications ---- */

struct listener {
    struct ac_notified__frame frame;
    struct probe probe;
};

static enum ac_poll listen_to(struct listener *listener, struct ac_notify *notify)
{
    probe_init(&listener->probe);
    return ac_notified__start(&listener->frame, &listener->probe.cx, notify);
}

START_TEST(one_notification_is_kept_for_who_comes_later)
{
    struct ac_notify notify = AC_NOTIFY_INIT;
    struct listener a;
    ac_notify_one(&notify);
    ac_notify_one(&notify);
    ck_assert_int_eq(listen_to(&a, &notify), AC_READY);
    ck_assert_int_eq(listen_to(&a, &notify), AC_PENDING);
    ac_notify_one(&notify);
    ck_assert_int_eq(ac_notified__poll(&a.frame, &a.probe.cx), AC_READY);
    ck_assert_int_eq(listen_to(&a, &notify), AC_PENDING);
    ac_notified__cancel(&a.frame, &a.probe.cx);
}
END_TEST

START_TEST(notify_all_wakes_those_who_wait_and_keeps_nothing)
{
    struct ac_notify notify;
    struct listener listeners[3], late;
    ac_notify_init(&notify);
    ac_notify_all(&notify);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(listen_to(&listeners[i], &notify), AC_PENDING);
    ac_notify_all(&notify);
    ck_assert_int_eq(listen_to(&late, &notify), AC_PENDING);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ac_notified__poll(&listeners[i].frame, &listeners[i].probe.cx), AC_READY);
    ac_notified__cancel(&listeners[2].frame, &listeners[2].probe.cx); /* it was told, as all were */
    ck_assert_int_eq(late.probe.wakes, 0);
    ac_notified__cancel(&late.frame, &late.probe.cx);
}
END_TEST

START_TEST(a_notification_for_one_who_is_cancelled_goes_to_the_next_or_is_kept)
{
    struct ac_notify notify = AC_NOTIFY_INIT;
    struct listener a, b, c;
    listen_to(&a, &notify);
    listen_to(&b, &notify);
    ac_notify_one(&notify);
    ac_notified__cancel(&a.frame, &a.probe.cx);
    ck_assert_int_eq(b.probe.wakes, 1);
    ac_notify_one(&notify); /* kept: nobody waits who wasn't told */
    ac_notified__cancel(&b.frame, &b.probe.cx);
    ck_assert_int_eq(listen_to(&c, &notify), AC_READY);
    ck_assert_int_eq(listen_to(&c, &notify), AC_PENDING);
    ac_notified__cancel(&c.frame, &c.probe.cx);
}
END_TEST

/* ---- in tasks ---- */

struct hog {
    int state, got;
    bool *over;
    struct ac_semaphore *semaphore;
    struct ac_semaphore_acquire__frame acquire;
    struct ac_await__frame await;
    ac_task__handle other;
};

static enum ac_poll bystander__poll(struct hog *self, struct ac_context *cx)
{
    (void)cx;
    *self->over = true;
    return AC_READY;
}
FUTURE(bystander, struct hog);

static enum ac_poll hog__poll(struct hog *self, struct ac_context *cx)
{
    BEGIN(self);
    self->other = SPAWN(bystander, struct hog, { .over = self->over });
    while (!*self->over && self->got < 100000) {
        AWAIT(self, ac_semaphore_acquire__init(&self->acquire, self->semaphore, 1),
              ac_semaphore_acquire__poll(&self->acquire, cx));
        self->got++;
        ac_semaphore_release(self->semaphore, 1);
    }
    AWAIT(self, ac_await__init(&self->await, self->other), ac_await__poll(&self->await, cx));
    ac_await__end(&self->await);
    END;
}
FUTURE(hog, struct hog);

START_TEST(a_task_that_never_has_to_wait_lets_others_run)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(1);
    bool over = false;
    struct hog hog = { .semaphore = &semaphore, .over = &over };
    ac_block_on_future(&hog__type, &hog);
    ck_assert_int_lt(hog.got, 1000);
}
END_TEST

/* ---- threads ---- */

enum { THREADS = 3, TASKS = 4, ROUNDS = 4000, PERMITS = 3 };

static struct ac_mutex shared_mutex = AC_MUTEX_INIT;
static struct ac_semaphore shared_semaphore = AC_SEMAPHORE_INIT(PERMITS);
static long under_mutex;         /* plain: the mutex makes it one's own */
static long locked_in_all;       /* plain, too */
static atomic_int in_use;

struct worker {
    int state, round, ncancelled;
    unsigned seed, permits;
    bool by_mutex;
    union {
        struct ac_mutex_lock__frame lock;
        struct ac_semaphore_acquire__frame acquire;
        struct ac_yield_now__frame yield;
    };
};

static enum ac_poll worker__poll(struct worker *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->round = 0; self->round < ROUNDS; self->round++) {
        if (random_below(&self->seed, 2) == 0) {
            ac_mutex_lock__init(&self->lock, &shared_mutex);
            if (ac_mutex_lock__poll(&self->lock, cx) == AC_PENDING) {
                if (random_below(&self->seed, 4) == 0) {
                    ck_assert_int_eq(ac_mutex_lock__cancel(&self->lock, cx), AC_READY);
                    self->ncancelled++;
                    continue;
                }
                AWAIT(self, (void)0, ac_mutex_lock__poll(&self->lock, cx));
            }
            ck_assert_int_eq(++under_mutex, 1);
            locked_in_all++;
            if (random_below(&self->seed, 3) == 0) {
                AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
            }
            under_mutex--;
            ac_mutex_unlock(&shared_mutex);
        } else {
            self->permits = 1 + random_below(&self->seed, PERMITS);
            ac_semaphore_acquire__init(&self->acquire, &shared_semaphore, self->permits);
            if (ac_semaphore_acquire__poll(&self->acquire, cx) == AC_PENDING) {
                if (random_below(&self->seed, 4) == 0) {
                    ac_semaphore_acquire__cancel(&self->acquire, cx);
                    self->ncancelled++;
                    continue;
                }
                AWAIT(self, (void)0, ac_semaphore_acquire__poll(&self->acquire, cx));
            }
            ck_assert_int_le(atomic_fetch_add(&in_use, (int)self->permits) + (int)self->permits, PERMITS);
            if (random_below(&self->seed, 3) == 0) {
                AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
            }
            atomic_fetch_sub(&in_use, (int)self->permits);
            ac_semaphore_release(&shared_semaphore, self->permits);
        }
    }
    END;
}
FUTURE(worker, struct worker);

static enum ac_poll team__poll(struct worker *self, struct ac_context *cx)
{
    (void)cx;
    for (int i = 0; i < TASKS; i++)
        ac_detach(SPAWN(worker, struct worker, { .seed = self->seed + (unsigned)i }));
    return AC_READY;
}
FUTURE(team, struct worker);

static void *run_team(void *argument)
{
    struct worker team = { .seed = seed_for((unsigned)(uintptr_t)argument * 100) };
    ac_block_on_future(&team__type, &team);
    return NULL;
}

/* A thread without an executor: it waits in the same queues. */
static void *run_blocking(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        ac_mutex_lock(&shared_mutex);
        ck_assert_int_eq(++under_mutex, 1);
        locked_in_all++;
        under_mutex--;
        ac_mutex_unlock(&shared_mutex);
        ac_semaphore_acquire(&shared_semaphore, PERMITS);
        ck_assert_int_eq(atomic_fetch_add(&in_use, PERMITS), 0);
        atomic_fetch_sub(&in_use, PERMITS);
        ac_semaphore_release(&shared_semaphore, PERMITS);
    }
    return NULL;
}

START_TEST(tasks_of_several_threads_exclude_each_other_whoever_is_cancelled)
{
    pthread_t threads[THREADS + 1];
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, run_team, (void *)(uintptr_t)(t + 1));
    pthread_create(&threads[THREADS], NULL, run_blocking, NULL);
    for (int t = 0; t <= THREADS; t++)
        pthread_join(threads[t], NULL);
    ck_assert_int_gt(locked_in_all, ROUNDS);
    ck_assert_int_eq(ac_mutex_try_lock(&shared_mutex), 0);
    ck_assert_uint_eq(ac_semaphore_permits(&shared_semaphore), PERMITS);
    ck_assert_ptr_null(shared_semaphore.waiters.first);
}
END_TEST

START_TEST(tasks_of_the_pool_exclude_each_other_whoever_is_cancelled)
{
    struct worker workers[12] = { 0 };
    for (unsigned i = 0; i < COUNT(workers); i++)
        workers[i].seed = seed_for(1000 + i);
    run_crew(&worker__type, workers, COUNT(workers));
    ck_assert_int_gt(locked_in_all, ROUNDS);
    ck_assert_int_eq(ac_mutex_try_lock(&shared_mutex), 0);
    ck_assert_uint_eq(ac_semaphore_permits(&shared_semaphore), PERMITS);
}
END_TEST

/* Whoever finds that he is the last frees the memory with the mutex in it, at once. */
struct owned {
    struct ac_mutex mutex;
    int owners;
};
static _Atomic(struct owned *) offered;

static void leave_and_free(struct owned *owned)
{
    ac_mutex_lock(&owned->mutex);
    bool last = --owned->owners == 0;
    ac_mutex_unlock(&owned->mutex);
    if (last)
        free(owned);
}

static void *leave_offered(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS / 8; i++) {
        struct owned *owned;
        while ((owned = atomic_exchange(&offered, NULL)) == NULL)
            sched_yield();
        leave_and_free(owned);
    }
    return NULL;
}

START_TEST(a_mutex_may_be_freed_by_the_last_who_had_it)
{
    pthread_t thread;
    pthread_create(&thread, NULL, leave_offered, NULL);
    for (int i = 0; i < ROUNDS / 8; i++) {
        struct owned *owned = malloc(sizeof *owned);
        ac_mutex_init(&owned->mutex);
        owned->owners = 2;
        while (atomic_load(&offered) != NULL)
            sched_yield();
        atomic_store(&offered, owned);
        leave_and_free(owned);
    }
    pthread_join(thread, NULL);
}
END_TEST

/* ---- stops ---- */

START_TEST(stops_when_polled_after_it_was_ready)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(1);
    struct want a;
    want(&a, &semaphore, 1);
    want_again(&a);
}
END_TEST

START_TEST(stops_when_nobody_holds_the_mutex)
{
    struct ac_mutex mutex = AC_MUTEX_INIT;
    ac_mutex_unlock(&mutex);
}
END_TEST

START_TEST(stops_when_there_are_too_many_permits)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(1);
    ac_semaphore_release(&semaphore, AC_SEMAPHORE_MOST);
}
END_TEST

START_TEST(stops_when_nobody_could_wake_the_only_thread)
{
    struct ac_mutex mutex = AC_MUTEX_INIT;
    if (!__libc_single_threaded)
        abort(); /* under ThreadSanitizer, which has a thread of its own, it would really wait */
    ac_mutex_lock(&mutex);
    ac_mutex_lock(&mutex);
}
END_TEST

static enum ac_poll blocker__poll(struct hog *self, struct ac_context *cx)
{
    (void)cx;
    ac_semaphore_acquire(self->semaphore, 1);
    return AC_READY;
}
FUTURE(blocker, struct hog);

START_TEST(stops_when_a_task_would_block_its_executor)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(0);
    struct hog hog = { .semaphore = &semaphore };
    ac_block_on_future(&blocker__type, &hog);
}
END_TEST

START_TEST(stops_when_a_task_would_block_a_thread_of_the_pool)
{
    static struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(0);
    struct hog hog = { .semaphore = &semaphore };
    run_crew(&blocker__type, &hog, 1);
}
END_TEST

/* ---- unparking ---- */

static struct ac_semaphore watched = AC_SEMAPHORE_INIT(0);
static int nrings;

static void ring(struct ac__reactor *reactor)
{
    nrings++;
    ac__epoll.unpark(reactor);
}

/* Looks whether the lock is free. */
static void ring_unlocked(struct ac__reactor *reactor)
{
    ck_assert_uint_eq(__atomic_load_n(&watched.word, __ATOMIC_RELAXED) & AC__LOCKED, 0);
    ring(reactor);
}

struct waiter {
    int state;
    struct ac_semaphore_acquire__frame acquire;
};
static enum ac_poll waiter__poll(struct waiter *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_semaphore_acquire__init(&self->acquire, &watched, 1), ac_semaphore_acquire__poll(&self->acquire, cx));
    END;
}
FUTURE(waiter, struct waiter);

/* One who waits, in an executor of its own that sleeps. */
static struct ac_exec *begin_to_wait(const struct ac__reactor_ops *ops)
{
    struct ac_exec *exec = ac_exec_new();
    ac_exec_enter(exec);
    ac_detach(SPAWN(waiter, struct waiter, { 0 }));
    ac_exec_leave(exec);
    ac_exec_run(exec);
    exec->reactor->ops = ops;
    return exec;
}

static void end_waiting(struct ac_exec *exec)
{
    while (ac_exec_run(exec))
        continue;
    ck_assert_uint_eq(ac_exec_tasks(exec), 0);
    ac_exec_free(exec);
}

START_TEST(who_sleeps_is_unparked_when_the_lock_is_free)
{
    struct ac__reactor_ops ops = ac__epoll;
    struct ac_exec *execs[8];
    ops.unpark = ring_unlocked;
    for (unsigned n = 1; n <= COUNT(execs); n++) { /* at once */
        for (unsigned i = 0; i < n; i++)
            execs[i] = begin_to_wait(&ops);
        nrings = 0;
        ac_semaphore_release(&watched, n);
        ck_assert_int_eq(nrings, (int)n);
        for (unsigned i = 0; i < n; i++)
            end_waiting(execs[i]);
    }
}
END_TEST

/* More than can be put off are unparked all the same. */
START_TEST(all_who_sleep_are_unparked_however_many_they_are)
{
    struct ac__reactor_ops ops = ac__epoll;
    struct ac_exec *execs[20];
    ops.unpark = ring;
    for (unsigned i = 0; i < COUNT(execs); i++)
        execs[i] = begin_to_wait(&ops);
    ac_semaphore_release(&watched, COUNT(execs));
    ck_assert_int_eq(nrings, (int)COUNT(execs));
    for (unsigned i = 0; i < COUNT(execs); i++)
        end_waiting(execs[i]);
}
END_TEST

int main(int argc, char **argv)
{
    take_seed(argc, argv);
    const TTest *const tests[] = {
        who_sleeps_is_unparked_when_the_lock_is_free,
        all_who_sleep_are_unparked_however_many_they_are,
        permits_that_are_there_are_taken_at_once,
        first_come_is_first_served,
        who_wants_much_is_not_overtaken_by_who_wants_little,
        one_release_serves_as_many_as_it_can,
        who_gives_up_waiting_leaves_the_queue_as_if_he_had_not_come,
        permits_given_to_one_who_is_cancelled_go_to_the_next,
        a_wait_that_has_not_begun_and_one_that_is_over_are_cancelled_without_effect,
        the_waker_of_the_last_poll_is_woken,
        unlocking_gives_a_mutex_to_who_has_waited_longest,
        one_notification_is_kept_for_who_comes_later,
        notify_all_wakes_those_who_wait_and_keeps_nothing,
        a_notification_for_one_who_is_cancelled_goes_to_the_next_or_is_kept,
        a_task_that_never_has_to_wait_lets_others_run,
        tasks_of_several_threads_exclude_each_other_whoever_is_cancelled,
        tasks_of_the_pool_exclude_each_other_whoever_is_cancelled,
        a_mutex_may_be_freed_by_the_last_who_had_it,
    };
    const TTest *const stops[] = {
        stops_when_polled_after_it_was_ready,
        stops_when_nobody_holds_the_mutex,
        stops_when_there_are_too_many_permits,
        stops_when_nobody_could_wake_the_only_thread,
        stops_when_a_task_would_block_its_executor,
        stops_when_a_task_would_block_a_thread_of_the_pool,
    };
    return run_suite("sync", tests, COUNT(tests), stops, COUNT(stops));
}

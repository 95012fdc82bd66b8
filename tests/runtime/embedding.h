/* embedding.h - what an executor has to do for any loop that drives it. Whoever includes this has defined
 *
 *     static void drive(struct ac_exec **execs, int n);      // until none of them has a task */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEXECS = 3, ROUNDS = 200 };

struct fixture {
    struct ac_exec *execs[NEXECS];
};
static void make_execs(struct fixture *f)
{
    for (int i = 0; i < NEXECS; i++) {
        f->execs[i] = ac_exec_new();
        ck_assert_ptr_nonnull(f->execs[i]);
    }
}
static void free_execs(struct fixture *f)
{
    for (int i = 0; i < NEXECS; i++)
        ac_exec_free(f->execs[i]);
}

static ac_task__handle give(struct ac_exec *exec, const struct ac_future_type *type, const void *frame)
{
    ac_exec_enter(exec);
    ac_task__handle task = spawn_copy(type, frame);
    ac_exec_leave(exec);
    return task;
}
static void take_back(struct ac_exec *exec, ac_task__handle task)
{
    ac_exec_enter(exec);
    ck_assert_int_eq(ac_exec_try_join(task, NULL), 0);
    ac_exec_leave(exec);
}

/* ---- timers ---- */

struct sleeper {
    int state, i;
    uint64_t duration_ns;
    int *nslept;
    struct ac_sleep__frame sleep;
};
static enum ac_poll sleeper__poll(struct sleeper *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 5; self->i++) {
        AWAIT(self, ac_sleep__init(&self->sleep, self->duration_ns), ac_sleep__poll(&self->sleep, cx));
        ++*self->nslept;
    }
    END;
}
FUTURE(sleeper, struct sleeper);

START_TEST(sleepers_wake_in_each_of_several_executors)
{
    struct fixture f;
    ac_task__handle tasks[NEXECS][2];
    int nslept = 0;
    make_execs(&f);
    uint64_t start = ac_now();
    for (int i = 0; i < NEXECS; i++)
        for (int k = 0; k < 2; k++) {
            struct sleeper sleeper = { .duration_ns = (1 + 2 * (uint64_t)k) * AC_MS, .nslept = &nslept };
            tasks[i][k] = give(f.execs[i], &sleeper__type, &sleeper);
        }
    drive(f.execs, NEXECS);
    ck_assert_int_eq(nslept, NEXECS * 2 * 5);
    ck_assert_uint_ge(ac_now() - start, 15 * AC_MS);
    for (int i = 0; i < NEXECS; i++)
        for (int k = 0; k < 2; k++)
            take_back(f.execs[i], tasks[i][k]);
    free_execs(&f);
}
END_TEST

/* ---- wakes ---- */

/* Waits to be notified, and says so. */
struct listener {
    int state, i;
    struct ac_notify *notify, *answer;
    _Atomic int *nheard;
    struct ac_notified__frame notified;
};
static enum ac_poll listener__poll(struct listener *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < ROUNDS; self->i++) {
        AWAIT(self, ac_notified__init(&self->notified, self->notify), ac_notified__poll(&self->notified, cx));
        ++*self->nheard;
        if (self->answer != NULL)
            ac_notify_one(self->answer);
    }
    END;
}
FUTURE(listener, struct listener);

struct notifier {
    struct ac_notify *notify;
    _Atomic int *nheard;
};
static void *notify_from_elsewhere(void *argument)
{
    struct notifier *self = argument;
    for (int i = 0; i < ROUNDS; i++) {
        ac_notify_one(self->notify);
        while (*self->nheard <= i)
            sched_yield();
    }
    return NULL;
}

START_TEST(a_wake_from_another_thread_wakes_the_loop)
{
    struct fixture f;
    struct ac_notify notifies[NEXECS] = { 0 };
    _Atomic int nheard[NEXECS] = { 0 };
    struct notifier notifiers[NEXECS];
    pthread_t threads[NEXECS];
    make_execs(&f);
    for (int i = 0; i < NEXECS; i++) {
        struct listener listener = { .notify = &notifies[i], .nheard = &nheard[i] };
        ac_exec_enter(f.execs[i]);
        ac_detach(spawn_copy(&listener__type, &listener));
        ac_exec_leave(f.execs[i]);
        notifiers[i] = (struct notifier){ &notifies[i], &nheard[i] };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, notify_from_elsewhere, &notifiers[i]), 0);
    }
    drive(f.execs, NEXECS);
    for (int i = 0; i < NEXECS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(nheard[i], ROUNDS);
    }
    free_execs(&f);
}
END_TEST

START_TEST(executors_of_one_thread_wake_each_other)
{
    struct fixture f;
    struct ac_notify notifies[NEXECS] = { 0 };
    _Atomic int nheard = 0;
    ac_task__handle tasks[NEXECS];
    make_execs(&f);
    for (int i = 0; i < NEXECS; i++) { /* in a ring */
        struct listener listener = { .notify = &notifies[i], .answer = &notifies[(i + 1) % NEXECS], .nheard = &nheard };
        tasks[i] = give(f.execs[i], &listener__type, &listener);
    }
    ac_notify_one(&notifies[0]);
    drive(f.execs, NEXECS);
    ck_assert_int_eq(nheard, NEXECS * ROUNDS);
    for (int i = 0; i < NEXECS; i++)
        take_back(f.execs[i], tasks[i]);
    free_execs(&f);
}
END_TEST

/* ---- descriptors ---- */

/* Passes a byte to and fro. */
struct player {
    int state, i, fd;
    char byte;
    struct ac_read__frame read;
};
static enum ac_poll player__poll(struct player *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < ROUNDS; self->i++) {
        AWAIT(self, ac_read__init(&self->read, self->fd, &self->byte, 1), ac_read__poll(&self->read, cx));
        ck_assert_int_eq((int)self->read.result, 1);
        ck_assert_int_eq((int)write(self->fd, &self->byte, 1), 1);
    }
    END;
}
FUTURE(player, struct player);

START_TEST(descriptors_wake_the_loop)
{
    struct fixture f;
    int ends[2];
    ac_task__handle tasks[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    make_execs(&f);
    for (int i = 0; i < 2; i++) {
        struct player player = { .fd = ends[i] };
        tasks[i] = give(f.execs[i], &player__type, &player);
    }
    ck_assert_int_eq((int)write(ends[0], "x", 1), 1);
    drive(f.execs, NEXECS);
    for (int i = 0; i < 2; i++)
        take_back(f.execs[i], tasks[i]);
    free_execs(&f);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

/* ---- turns ---- */

/* Yields more often than a turn has polls. */
struct yielder {
    int state, i;
    struct ac_yield_now__frame yield;
};
static enum ac_poll yielder__poll(struct yielder *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 1000; self->i++) {
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    }
    END;
}
FUTURE(yielder, struct yielder);

START_TEST(a_task_that_is_always_ready_is_run_to_its_end)
{
    struct fixture f;
    struct yielder yielder = { 0 };
    make_execs(&f);
    ac_task__handle task = give(f.execs[1], &yielder__type, &yielder);
    drive(f.execs, NEXECS);
    take_back(f.execs[1], task);
    free_execs(&f);
}
END_TEST

#define CASES                                                                                              \
    sleepers_wake_in_each_of_several_executors, a_wake_from_another_thread_wakes_the_loop,                 \
        executors_of_one_thread_wake_each_other, descriptors_wake_the_loop,                                \
        a_task_that_is_always_ready_is_run_to_its_end

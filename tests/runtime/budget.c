/* What is ready at once spends the task's budget, whatever it is: so a loop over it lets others run in time. */
#include "support.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N = 1000, BUDGET = 128 };

/* Awaits the same thing N times. */
struct loop {
    int state, i, out, polls, fds[2];
    enum ac_poll (*poll)(struct loop *, struct ac_context *);
    bool is_of_pool;
    ac_task__handle tasks[N];
    char buffer[N + 2], *line;
    struct ac_address address;
    struct ac_lines lines;
    struct ac_interval interval;
    struct ac_channel *sender, *receiver;
    struct ac_oneshot *promise, *promised;
    struct ac_semaphore semaphore;
    struct ac_mutex mutex;
    struct ac_notify notify;
    union {
        struct ac_await__frame await;
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
        struct ac_sleep__frame sleep;
        struct ac_sleep_until__frame until;
        struct ac_interval_tick__frame tick;
        struct ac_resolve__frame resolve;
        struct ac_tcp_connect__frame tcp;
        struct ac_unix_connect__frame unix_;
        struct ac_read_line__frame read_line;
        struct ac_channel_send__frame send;
        struct ac_channel_receive__frame receive;
        struct ac_oneshot_get__frame get;
        struct ac_semaphore_acquire__frame acquire;
        struct ac_mutex_lock__frame lock;
        struct ac_notified__frame notified;
    };
};
static enum ac_poll loop__poll(struct loop *self, struct ac_context *cx)
{
    self->polls++;
    return self->poll(self, cx);
}
FUTURE(loop, struct loop);

/* A poll of a leaf spends one at most, and one that isn't ready may have spent it for nothing. */
static void run(enum ac_poll (*poll)(struct loop *, struct ac_context *), bool is_of_pool)
{
    static struct loop loop;
    memset(&loop, 0, sizeof loop);
    loop.poll = poll;
    loop.is_of_pool = is_of_pool;
    ac_block_on_future(&loop__type, &loop);
    ck_assert_int_ge(loop.polls, N / BUDGET + 1);
    ck_assert_int_le(loop.polls, 2 * N / BUDGET + 3);
}
#define EACH(self) for ((self)->i = 0; (self)->i < N; (self)->i++)

struct quick {
    int result;
};
static enum ac_poll quick__poll(struct quick *self, struct ac_context *cx)
{
    (void)cx;
    self->result = 42;
    return AC_READY;
}
FUTURE(quick, struct quick);

static ac_task__handle spawn_quick(bool in_pool)
{
    struct quick *frame = ac_task_new(&quick__type);
    *frame = (struct quick){ 0 };
    return in_pool ? ac_task_spawn(frame) : ac_task_spawn_local(frame);
}

/* All are over before the first is awaited. */
static enum ac_poll end_tasks(struct loop *self, struct ac_context *cx)
{
    struct ac_pool_counts counts = { .alive = self->i == 0 };
    for (; self->i < N; self->i++)
        self->tasks[self->i] = spawn_quick(self->is_of_pool);
    if (self->is_of_pool)
        ac_pool_count(&counts);
    if (counts.alive == 0)
        return AC_READY;
    ac_wake_by_ref(cx->waker); /* behind all that are of this thread */
    return AC_PENDING;
}
static enum ac_poll await_tasks(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, self->i = 0, end_tasks(self, cx));
    self->polls = 1;
    EACH(self)
    {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->i]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    END;
}
START_TEST(tasks_that_are_over_are_awaited)
{
    run(await_tasks, false);
    run(await_tasks, true);
}
END_TEST

static enum ac_poll join_tasks(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, self->i = 0, end_tasks(self, cx));
    self->polls = 1;
    EACH(self)
    {
        AWAIT(self, ac_join__init(&self->join, self->tasks[self->i], NULL), ac_join__poll(&self->join, cx));
        ck_assert_int_eq(self->join.result, 0);
    }
    END;
}
START_TEST(tasks_that_are_over_are_joined)
{
    run(join_tasks, false);
    run(join_tasks, true);
}
END_TEST

static enum ac_poll cancel_tasks(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, self->i = 0, end_tasks(self, cx));
    self->polls = 1;
    EACH(self)
    {
        AWAIT(self, ac_cancel__init(&self->cancel, self->tasks[self->i]), ac_cancel__poll(&self->cancel, cx));
    }
    END;
}
START_TEST(tasks_that_are_over_are_cancelled)
{
    run(cancel_tasks, false);
    run(cancel_tasks, true);
}
END_TEST

static enum ac_poll join_none(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_join__init(&self->join, NULL, NULL), ac_join__poll(&self->join, cx));
        ck_assert_int_eq(self->join.result, -ENOMEM);
    }
    END;
}
static enum ac_poll cancel_none(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_cancel__init(&self->cancel, NULL), ac_cancel__poll(&self->cancel, cx));
    }
    END;
}
START_TEST(null_handles)
{
    run(join_none, false);
    run(cancel_none, false);
}
END_TEST

static enum ac_poll sleep_for_nothing(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_sleep__init(&self->sleep, 0), ac_sleep__poll(&self->sleep, cx));
    }
    END;
}
static enum ac_poll sleep_until_the_past(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_sleep_until__init(&self->until, 1), ac_sleep_until__poll(&self->until, cx));
    }
    END;
}
static enum ac_poll miss_ticks(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_interval_init(&self->interval, 1, 1, AC_MISSED_BURST);
    EACH(self)
    {
        AWAIT(self, ac_interval_tick__init(&self->tick, &self->interval), ac_interval_tick__poll(&self->tick, cx));
    }
    END;
}
START_TEST(times_that_have_come)
{
    run(sleep_for_nothing, false);
    run(sleep_until_the_past, false);
    run(miss_ticks, false);
}
END_TEST

static enum ac_poll resolve_number(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_resolve__init(&self->resolve, "127.0.0.1", 80, &self->address, 1), ac_resolve__poll(&self->resolve, cx));
        ck_assert_int_eq(self->resolve.result, 1);
    }
    END;
}
static enum ac_poll resolve_nothing(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_resolve__init(&self->resolve, "", -1, &self->address, 1), ac_resolve__poll(&self->resolve, cx));
        ck_assert_int_eq(self->resolve.result, -EINVAL);
    }
    END;
}
static enum ac_poll connect_to_no_port(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_tcp_connect__init(&self->tcp, "127.0.0.1", 0), ac_tcp_connect__poll(&self->tcp, cx));
        ck_assert_int_eq(self->tcp.result, -EINVAL);
    }
    END;
}
static enum ac_poll connect_to_no_path(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        AWAIT(self, ac_unix_connect__init(&self->unix_, "/nowhere/at/all"), ac_unix_connect__poll(&self->unix_, cx));
        ck_assert_int_eq(self->unix_.result, -ENOENT);
    }
    END;
}
START_TEST(connections_that_fail_at_once)
{
    run(connect_to_no_port, false);
    run(connect_to_no_path, false);
}
END_TEST

START_TEST(addresses_that_are_known)
{
    run(resolve_number, false);
    run(resolve_nothing, false);
}
END_TEST

static enum ac_poll read_empty_lines(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->fds), 0);
    memset(self->buffer, '\n', N);
    ck_assert_int_eq(write(self->fds[1], self->buffer, N), N);
    ac_lines_init(&self->lines, self->fds[0], self->buffer, sizeof self->buffer);
    EACH(self)
    {
        AWAIT(self, ac_read_line__init(&self->read_line, &self->lines, &self->line),
              ac_read_line__poll(&self->read_line, cx));
        ck_assert_int_eq(self->read_line.result, 1);
    }
    ac_close(self->fds[0]);
    close(self->fds[1]);
    END;
}
START_TEST(lines_that_have_been_read) { run(read_empty_lines, false); }
END_TEST

static enum ac_poll send_and_receive(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_int_eq(ac_channel_new(&self->sender, &self->receiver, sizeof(int), 1), 0);
    EACH(self)
    {
        AWAIT(self, ac_channel_send__init(&self->send, self->sender, &self->i), ac_channel_send__poll(&self->send, cx));
        AWAIT(self, ac_channel_receive__init(&self->receive, self->receiver, &self->out),
              ac_channel_receive__poll(&self->receive, cx));
        ck_assert_int_eq(self->out, self->i);
    }
    ac_channel_close_sender(self->sender);
    ac_channel_close_receiver(self->receiver);
    END;
}
static enum ac_poll get_oneshots(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    EACH(self)
    {
        ck_assert_int_eq(ac_oneshot_new(&self->promise, &self->promised, sizeof(int)), 0);
        ck_assert_int_eq(ac_oneshot_put(self->promise, &self->i), 0);
        AWAIT(self, ac_oneshot_get__init(&self->get, self->promised, &self->out), ac_oneshot_get__poll(&self->get, cx));
        ck_assert_int_eq(self->out, self->i);
        ac_oneshot_close_sender(self->promise);
        ac_oneshot_close_receiver(self->promised);
    }
    END;
}
START_TEST(values_that_have_been_sent)
{
    run(send_and_receive, false);
    run(get_oneshots, false);
}
END_TEST

static enum ac_poll take_permits(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_semaphore_init(&self->semaphore, N);
    EACH(self)
    {
        AWAIT(self, ac_semaphore_acquire__init(&self->acquire, &self->semaphore, 1),
              ac_semaphore_acquire__poll(&self->acquire, cx));
    }
    END;
}
static enum ac_poll take_mutex(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_mutex_init(&self->mutex);
    EACH(self)
    {
        AWAIT(self, ac_mutex_lock__init(&self->lock, &self->mutex), ac_mutex_lock__poll(&self->lock, cx));
        ac_mutex_unlock(&self->mutex);
    }
    END;
}
static enum ac_poll be_notified(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_notify_init(&self->notify);
    EACH(self)
    {
        ac_notify_one(&self->notify);
        AWAIT(self, ac_notified__init(&self->notified, &self->notify), ac_notified__poll(&self->notified, cx));
    }
    END;
}
START_TEST(what_nobody_else_holds)
{
    run(take_permits, false);
    run(take_mutex, false);
    run(be_notified, false);
}
END_TEST

/* A timer beside such a loop is looked at whenever the budget is spent, not after so many polls. */
static atomic_bool is_over;
struct napper {
    struct ac_sleep__frame sleep;
    bool sleeps;
};
static enum ac_poll napper__poll(struct napper *self, struct ac_context *cx)
{
    enum ac_poll said = self->sleeps ? ac_sleep__poll(&self->sleep, cx) : ac_sleep__start(&self->sleep, cx, 5 * AC_MS);
    self->sleeps = true;
    if (said == AC_READY)
        atomic_store(&is_over, true);
    return said;
}
FUTURE(napper, struct napper);

static enum ac_poll take_time(struct loop *self, struct ac_context *cx)
{
    BEGIN(self);
    struct napper *napper = ac_task_new(&napper__type);
    *napper = (struct napper){ 0 };
    ac_detach(self->is_of_pool ? ac_task_spawn(napper) : ac_task_spawn_local(napper));
    for (self->i = 0; !atomic_load(&is_over); self->i++) {
        if (self->is_of_pool)
            usleep(100);
        else
            ac_clock_advance(AC_MS);
        AWAIT(self, ac_sleep__init(&self->sleep, 0), ac_sleep__poll(&self->sleep, cx));
    }
    END;
}
START_TEST(a_timer_is_not_starved)
{
    ac_clock_pause();
    struct loop loop = { .poll = take_time };
    ac_block_on_future(&loop__type, &loop);
    ck_assert_int_le(loop.i, 4 * BUDGET);
}
END_TEST
START_TEST(a_timer_of_the_pool_is_not_starved)
{
    ck_assert_int_eq(ac_pool_set_threads(1), 0);
    struct loop *loop = ac_task_new(&loop__type);
    *loop = (struct loop){ .poll = take_time, .is_of_pool = true };
    ac_task__handle task = ac_task_spawn(loop);
    while (!atomic_load(&is_over))
        usleep(1000);
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    ck_assert_int_le(loop->i, 4 * BUDGET);
    (void)task;
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        tasks_that_are_over_are_awaited, tasks_that_are_over_are_joined, tasks_that_are_over_are_cancelled,
        null_handles, times_that_have_come, addresses_that_are_known, connections_that_fail_at_once, lines_that_have_been_read,
        values_that_have_been_sent, what_nobody_else_holds,
        a_timer_is_not_starved, a_timer_of_the_pool_is_not_starved,
    };
    return run_suite("budget", tests, COUNT(tests), NULL, 0);
}

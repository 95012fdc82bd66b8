/* ac_join, ac_cancel and ac_detach of tasks of this thread's executor; more of the pool's in pool.c. */
#include "waiting.h"

struct sleeper {
    int state, result;
    int cancel_takes; /* so many calls of cancel before the last */
    int *cancels;
    uint64_t ns;
    struct ac_sleep__frame sleep;
};

static enum ac_poll sleeper__poll(void *frame, struct ac_context *cx)
{
    struct sleeper *self = frame;
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->sleep, self->ns), ac_sleep__poll(&self->sleep, cx));
    self->result = 42;
    END;
}

static enum ac_poll sleeper__cancel(void *frame, struct ac_context *cx)
{
    struct sleeper *self = frame;
    ++*self->cancels;
    if (self->cancel_takes-- > 0) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    return self->state > 0 ? ac_sleep__cancel(&self->sleep, cx) : AC_READY;
}

static const struct ac_future_type sleeper__type = {
    "sleeper",     sizeof(struct sleeper), _Alignof(struct sleeper), offsetof(struct sleeper, result), sizeof(int),
    sleeper__poll, sleeper__cancel, NULL,
};

static int cancels;
#define SPAWN_SLEEPER(...) spawn_copy(&sleeper__type, &(struct sleeper){ .cancels = &cancels, __VA_ARGS__ })

struct script {
    int state, out;
    enum ac_poll (*poll)(struct script *, struct ac_context *);
    ac_task__handle task;
    union {
        struct ac_await__frame await;
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
        struct ac_sleep__frame sleep;
    };
};
static enum ac_poll script__poll(struct script *self, struct ac_context *cx) { return self->poll(self, cx); }
FUTURE(script, struct script);

static void run(enum ac_poll (*poll)(struct script *, struct ac_context *))
{
    struct script script = { .poll = poll };
    ac_clock_pause();
    ac_block_on_future(&script__type, &script);
    ck_assert_int_eq(script.state, -1);
}

static enum ac_poll join(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_join__init(&self->join, SPAWN_SLEEPER(.ns = AC_S), &self->out), ac_join__poll(&self->join, cx));
    ck_assert_int_eq(self->join.result, 0);
    ck_assert_int_eq(self->out, 42);
    AWAIT(self, ac_join__init(&self->join, SPAWN_SLEEPER(.ns = AC_S), NULL), ac_join__poll(&self->join, cx));
    AWAIT(self, ac_join__init(&self->join, NULL, &self->out), ac_join__poll(&self->join, cx));
    ck_assert_int_eq(self->join.result, -ENOMEM);
    END;
}
START_TEST(a_join_copies_the_result) { run(join); }
END_TEST

static enum ac_poll cancel(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->task = SPAWN_SLEEPER(.ns = 3600 * AC_S, .cancel_takes = 3);
    AWAIT(self, ac_sleep__init(&self->sleep, AC_S), ac_sleep__poll(&self->sleep, cx));
    AWAIT(self, ac_cancel__init(&self->cancel, self->task), ac_cancel__poll(&self->cancel, cx));
    ck_assert_int_eq(cancels, 4);
    AWAIT(self, ac_cancel__init(&self->cancel, SPAWN_SLEEPER(.ns = AC_S)), ac_cancel__poll(&self->cancel, cx));
    ck_assert_int_eq(cancels, 5); /* it had not begun */
    self->task = SPAWN_SLEEPER(.ns = AC_S);
    AWAIT(self, ac_sleep__init(&self->sleep, 2 * AC_S), ac_sleep__poll(&self->sleep, cx));
    AWAIT(self, ac_cancel__init(&self->cancel, self->task), ac_cancel__poll(&self->cancel, cx));
    ck_assert_int_eq(cancels, 5); /* it had ended */
    END;
}
START_TEST(a_cancel_returns_when_the_future_has_cleaned_up)
{
    uint64_t start = ac_now();
    run(cancel);
    ck_assert_uint_lt(ac_now() - start, 60 * AC_S);
}
END_TEST

/* Each of the three that wait for a task leaves it while it runs. */
static enum ac_poll leave(struct script *self, struct ac_context *cx)
{
    static struct probe probes[3];
    BEGIN(self);
    for (int i = 0; i < 3; i++) {
        struct ac_await__frame await;
        self->task = SPAWN_SLEEPER(.ns = AC_S);
        probe_init_in(&probes[i], cx);
        struct ac_context *its = &probes[i].cx;
        switch (i) {
        case 0:
            ck_assert_int_eq(ac_join__start(&self->join, its, self->task, &self->out), AC_PENDING);
            ck_assert_int_eq(ac_join__cancel(&self->join, its), AC_READY);
            break;
        case 1:
            ck_assert_int_eq(ac_await__start(&await, its, self->task), AC_PENDING);
            ck_assert_int_eq(ac_await__cancel(&await, its), AC_READY);
            break;
        case 2:
            ck_assert_int_eq(ac_cancel__start(&self->cancel, its, self->task), AC_PENDING);
            ck_assert_int_eq(ac_cancel__cancel(&self->cancel, its), AC_READY);
            break;
        }
    }
    AWAIT(self, ac_sleep__init(&self->sleep, 2 * AC_S), ac_sleep__poll(&self->sleep, cx));
    ck_assert_int_eq(probes[0].wakes + probes[1].wakes + probes[2].wakes, 0);
    END;
}
START_TEST(who_has_stopped_waiting_for_a_task_is_not_woken_by_its_end) { run(leave); }
END_TEST

static enum ac_poll detach(struct script *self, struct ac_context *cx)
{
    (void)cx;
    BEGIN(self);
    ac_detach(SPAWN_SLEEPER(.ns = AC_S));
    ac_detach(NULL);
    END;
}
START_TEST(a_detached_task_runs_to_its_end)
{
    uint64_t start = ac_now();
    run(detach);
    ck_assert_uint_ge(ac_now() - start, AC_S);
}
END_TEST

/* ---- wakers of one's own: a combinator by hand polls the same leaf with one and with another ---- */

struct child {
    struct ac_waker waker;
    struct ac_waker *task;
    int wakes;
};
/* Who clones it counts the task. */
static struct ac_waker *child_clone(struct ac_waker *waker)
{
    ac_waker_clone(((struct child *)waker)->task);
    return waker;
}
static void child_wake_by_ref(struct ac_waker *waker)
{
    struct child *child = (struct child *)waker;
    child->wakes++;
    ac_wake_by_ref(child->task);
}
static void child_drop(struct ac_waker *waker) { ac_waker_drop(((struct child *)waker)->task); }
static void child_wake(struct ac_waker *waker)
{
    struct child *child = (struct child *)waker;
    child->wakes++;
    ac_wake(child->task);
}
static const struct ac_waker_ops child_ops = { child_clone, child_wake, child_wake_by_ref, child_drop };
static struct child children[2];

static struct ac_context with_child(struct ac_context *cx, int i)
{
    children[i] = (struct child){ { &child_ops }, cx->waker, 0 };
    struct ac_context sub = *cx;
    sub.waker = &children[i].waker;
    return sub;
}

static bool in_pool;
static ac_task__handle spawn_sleeper(uint64_t ns)
{
    struct sleeper *frame = ac_task_new(&sleeper__type);
    *frame = (struct sleeper){ .cancels = &cancels, .ns = ns };
    return in_pool ? ac_task_spawn(frame) : ac_task_spawn_local(frame);
}

static enum ac_poll change_wakers(struct script *self, struct ac_context *cx)
{
    struct ac_context first = with_child(cx, 0), second = with_child(cx, 1);
    if (self->state == 0) {
        self->state = 1;
        ck_assert_int_eq(ac_join__start(&self->join, &first, spawn_sleeper(20 * AC_MS), &self->out), AC_PENDING);
        ck_assert_int_eq(ac_join__poll(&self->join, &second), AC_PENDING);
        ck_assert_int_eq(ac_join__poll(&self->join, &first), AC_PENDING);
    }
    if (ac_join__poll(&self->join, cx) == AC_PENDING)
        return AC_PENDING;
    ck_assert_int_eq(self->out, 42);
    self->state = -1;
    return AC_READY;
}
START_TEST(a_leaf_may_be_polled_with_another_waker)
{
    run(change_wakers);
    in_pool = true;
    run(change_wakers);
}
END_TEST

/* What the leaf was polled with last is woken, and nothing else. */
static enum ac_poll wake_last(struct script *self, struct ac_context *cx)
{
    if (self->state == 0) {
        struct ac_context first = with_child(cx, 0), second = with_child(cx, 1);
        self->state = 1;
        self->task = spawn_sleeper(20 * AC_MS);
        ck_assert_int_eq(ac_await__start(&self->await, &first, self->task), AC_PENDING);
        ck_assert_int_eq(ac_await__poll(&self->await, &second), AC_PENDING);
        return AC_PENDING;
    }
    if (ac_await__poll(&self->await, cx) == AC_PENDING)
        return AC_PENDING;
    ck_assert_int_eq(children[0].wakes, 0);
    ck_assert_int_eq(children[1].wakes, 1);
    ck_assert_int_eq(*(int *)ac_await__result(&self->await), 42);
    ac_await__end(&self->await);
    self->state = -1;
    return AC_READY;
}
START_TEST(the_waker_of_the_last_poll_is_woken)
{
    run(wake_last);
    in_pool = true;
    run(wake_last);
}
END_TEST

static enum ac_poll join_twice(struct script *self, struct ac_context *cx)
{
    struct ac_join__frame second;
    struct ac_context child = with_child(cx, 0);
    self->task = spawn_sleeper(20 * AC_MS);
    ck_assert_int_eq(ac_join__start(&self->join, &child, self->task, &self->out), AC_PENDING);
    ck_assert_int_eq(ac_join__poll(&self->join, cx), AC_PENDING);
    ac_join__start(&second, &child, self->task, &self->out);
    return AC_PENDING;
}
START_TEST(two_joins_of_a_task) { run(join_twice); }
END_TEST
START_TEST(two_joins_of_a_task_of_the_pool)
{
    in_pool = true;
    run(join_twice);
}
END_TEST

/* ---- a handle is used once ---- */

static enum ac_poll use_what_is_detached(struct script *self, struct ac_context *cx)
{
    self->task = spawn_sleeper(20 * AC_MS);
    ac_detach(self->task);
    ac_await__start(&self->await, cx, self->task);
    return AC_PENDING;
}
START_TEST(awaiting_what_is_detached) { run(use_what_is_detached); }
END_TEST

#ifndef __SANITIZE_ADDRESS__
static int which;
static enum ac_poll use_twice(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->task = spawn_sleeper(0);
    AWAIT(self, ac_join__init(&self->join, self->task, NULL), ac_join__poll(&self->join, cx));
    if (in_pool) /* the worker may be about to free it */
        ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    switch (which) {
    case 0:
        ac_detach(self->task);
        break;
    case 1:
        ac_cancel__start(&self->cancel, cx, self->task);
        break;
    default:
        ac_await__start(&self->await, cx, self->task);
    }
    END;
}
static void run_twice(int way, bool pool)
{
    which = way;
    in_pool = pool;
    run(use_twice);
}
START_TEST(detaching_after_a_join) { run_twice(0, false); }
END_TEST
START_TEST(cancelling_after_a_join) { run_twice(1, false); }
END_TEST
START_TEST(awaiting_after_a_join) { run_twice(2, false); }
END_TEST
START_TEST(awaiting_a_task_of_the_pool_after_a_join) { run_twice(2, true); }
END_TEST
START_TEST(detaching_a_task_of_the_pool_after_a_join) { run_twice(0, true); }
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        a_join_copies_the_result,
        a_cancel_returns_when_the_future_has_cleaned_up,
        who_has_stopped_waiting_for_a_task_is_not_woken_by_its_end,
        a_detached_task_runs_to_its_end,
        a_leaf_may_be_polled_with_another_waker,
        the_waker_of_the_last_poll_is_woken,
    };
    const TTest *const stops[] = {
        two_joins_of_a_task, two_joins_of_a_task_of_the_pool, awaiting_what_is_detached,
#ifndef __SANITIZE_ADDRESS__ /* which finds these by itself */
        detaching_after_a_join, cancelling_after_a_join, awaiting_after_a_join,
        awaiting_a_task_of_the_pool_after_a_join, detaching_a_task_of_the_pool_after_a_join,
#endif
    };
    return run_suite("handles", tests, COUNT(tests), stops, COUNT(stops));
}

/* The executor: tasks, wakes on its own thread, handles, errno, and the checked stops. */
#include "support.h"

/* ---- a probe: a future that counts and does as it is told ---- */

struct probe {
    int state;
    int wakes_itself;          /* so many times in its first poll          */
    int pending;               /* in so many polls, and wakes itself in each */
    int *polls;                /* counted here                             */
    const char *name;          /* noted in trace at each poll              */
    unsigned takes;            /* of the budget                            */
    int result;
};

static char trace[256];

static enum ac_poll probe__poll(struct probe *self, struct ac_context *cx)
{
    if (self->polls != NULL)
        ++*self->polls;
    if (self->name != NULL)
        strcat(trace, self->name);
    cx->budget -= self->takes;
    if (self->state++ == 0 && self->wakes_itself > 0) {
        for (int i = 0; i < self->wakes_itself; i++)
            ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    if (self->pending > 0) {
        self->pending--;
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    self->result = 42;
    return AC_READY;
}

static enum ac_poll probe__poll_any(void *frame, struct ac_context *cx) { return probe__poll(frame, cx); }
static const struct ac_future_type probe__type = {
    "probe", sizeof(struct probe), _Alignof(struct probe), offsetof(struct probe, result), sizeof(int), probe__poll_any,
    cancel_nothing, NULL,
};

/* Runs a function as the body of a root future, with up to four tasks spawned and then awaited. */
struct root {
    int state;
    ac_task__handle tasks[4];
    int ntasks, i;
    void (*spawn)(struct root *);
    struct ac_await__frame await;
    int results[4];
};

static enum ac_poll root__poll(struct root *self, struct ac_context *cx)
{
    BEGIN(self);
    self->spawn(self);
    for (self->i = 0; self->i < self->ntasks; self->i++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->i]), ac_await__poll(&self->await, cx));
        self->results[self->i] = *(int *)ac_await__result(&self->await);
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(root, struct root);

static struct root run(void (*spawn)(struct root *))
{
    struct root root = { .spawn = spawn };
    trace[0] = '\0';
    ac_block_on_future(&root__type, &root);
    ck_assert_int_eq(root.state, -1);
    return root;
}

/* ---- block_on ---- */

START_TEST(block_on_polls_to_the_end_and_leaves_the_result_in_the_frame)
{
    int polls = 0;
    struct probe p = { .pending = 3, .polls = &polls };
    ac_block_on_future(&probe__type, &p);
    ck_assert_int_eq(polls, 4);
    ck_assert_int_eq(p.result, 42);
}
END_TEST

START_TEST(wakes_during_one_poll_cost_one_more_poll)
{
    int polls = 0;
    struct probe p = { .wakes_itself = 3, .polls = &polls };
    ac_block_on_future(&probe__type, &p);
    ck_assert_int_eq(polls, 2);
}
END_TEST

START_TEST(block_on_may_be_called_again)
{
    for (int i = 0; i < 3; i++) {
        struct probe p = { .pending = 1 };
        ac_block_on_future(&probe__type, &p);
        ck_assert_int_eq(p.result, 42);
    }
}
END_TEST

/* ---- tasks ---- */

static void spawn_three(struct root *root)
{
    root->ntasks = 3;
    root->tasks[0] = SPAWN(probe, struct probe, { .name = "a", .pending = 2 });
    root->tasks[1] = SPAWN(probe, struct probe, { .name = "b", .pending = 1 });
    root->tasks[2] = SPAWN(probe, struct probe, { .name = "c" });
    strcat(trace, "root ");
}

START_TEST(tasks_take_turns_in_the_order_in_which_they_were_woken)
{
    struct root root = run(spawn_three);
    ck_assert_str_eq(trace, "root abcaba");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(root.results[i], 42);
}
END_TEST

struct aligned {
    _Alignas(256) char c;
    int state;
    int result;
};
static enum ac_poll aligned__poll(struct aligned *self, struct ac_context *cx)
{
    (void)cx;
    ck_assert_uint_eq((uintptr_t)self % 256, 0);
    self->result = 7;
    return AC_READY;
}
static enum ac_poll aligned__poll_any(void *frame, struct ac_context *cx) { return aligned__poll(frame, cx); }
static const struct ac_future_type aligned__type = {
    "aligned", sizeof(struct aligned), 256, offsetof(struct aligned, result), sizeof(int), aligned__poll_any, cancel_nothing,
    NULL,
};
static void spawn_aligned(struct root *root)
{
    root->ntasks = 2;
    root->tasks[0] = SPAWN(aligned, struct aligned, { .state = 0 });
    root->tasks[1] = SPAWN(aligned, struct aligned, { .state = 0 });
}

START_TEST(a_frame_is_aligned_as_its_type_asks)
{
    struct root root = run(spawn_aligned);
    ck_assert_int_eq(root.results[0] + root.results[1], 14);
}
END_TEST

/* A root that spawns and awaits nothing at once; it stores its handle and ends. */
static int unawaited_polls;
struct leaver {
    int state;
    struct ac_await__frame await;
};
static enum ac_poll leaver__poll(struct leaver *self, struct ac_context *cx)
{
    ac_await__init(&self->await, SPAWN(probe, struct probe, { .pending = 5, .polls = &unawaited_polls }));
    ck_assert_int_eq(ac_await__poll(&self->await, cx), AC_PENDING);
    /* The wait goes away, the task goes on. */
    ck_assert_int_eq(ac_await__cancel(&self->await, cx), AC_READY);
    self->state = -1;
    return AC_READY;
}
FUTURE(leaver, struct leaver);

START_TEST(tasks_run_to_their_end_after_the_main_future_and_an_abandoned_wait)
{
    unawaited_polls = 0;
    struct leaver l = { 0 };
    ac_block_on_future(&leaver__type, &l);
    ck_assert_int_eq(unawaited_polls, 6);
}
END_TEST

struct late {
    int state;
    struct ac_yield_now__frame yield;
    struct ac_await__frame await;
    ac_task__handle task;
    int polls;
};
static enum ac_poll late__poll(struct late *self, struct ac_context *cx)
{
    BEGIN(self);
    self->task = SPAWN(probe, struct probe, { .polls = &self->polls });
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    ck_assert_int_eq(self->polls, 1);
    ck_assert_int_eq(ac_await__start(&self->await, cx, self->task), AC_READY);
    ck_assert_int_eq(*(int *)ac_await__result(&self->await), 42);
    ac_await__end(&self->await);

    /* Likewise a finished task whose wait is given up is freed. */
    self->task = SPAWN(probe, struct probe, { .polls = &self->polls });
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    ac_await__init(&self->await, self->task);
    ck_assert_int_eq(ac_await__cancel(&self->await, cx), AC_READY);
    END;
}
FUTURE(late, struct late);

START_TEST(a_finished_task_is_ready_at_once)
{
    struct late late = { 0 };
    ac_block_on_future(&late__type, &late);
    ck_assert_int_eq(late.polls, 2);
}
END_TEST

struct null_spawner {
    int state;
};
static enum ac_poll null_spawner__poll(struct null_spawner *self, struct ac_context *cx)
{
    (void)cx;
    ck_assert_ptr_null(ac_task_spawn_local(NULL));
    self->state = 1;
    return AC_READY;
}
FUTURE(null_spawner, struct null_spawner);

START_TEST(no_memory_for_a_task_gives_a_null_handle)
{
    struct ac_future_type huge = null_spawner__type;
    huge.size = SIZE_MAX - 8;
    ck_assert_ptr_null(ac_task_new(&huge));
    struct null_spawner n = { 0 };
    ac_block_on_future(&null_spawner__type, &n);
    ck_assert_int_eq(n.state, 1);
}
END_TEST

/* ---- awaiting the task that is next ---- */

/* Spawns a probe and awaits it at once; before that, as many others as it is told, which are next then. */
struct impatient {
    int state;
    int nothers, *polls;
    struct probe probe;
    bool was_ready;
    unsigned budget, left; /* before the await, and after it */
    struct ac_await__frame await;
};
static struct ac_waker *impatient_waker;

static enum ac_poll begin_await(struct impatient *self, struct ac_context *cx)
{
    for (int i = 0; i < self->nothers; i++)
        ac_detach(SPAWN(probe, struct probe, { .name = "o" }));
    ac_task__handle task = spawn_copy(&probe__type, &self->probe);
    if (self->budget != 0)
        cx->budget = self->budget;
    enum ac_poll poll = ac_await__start(&self->await, cx, task);
    self->was_ready = poll == AC_READY;
    self->left = cx->budget;
    return poll;
}

static enum ac_poll impatient__poll(struct impatient *self, struct ac_context *cx)
{
    strcat(trace, "(");
    if (self->polls != NULL)
        ++*self->polls;
    impatient_waker = cx->waker;
    if (self->state == 0) {
        self->state = 1;
        if (begin_await(self, cx) == AC_PENDING) {
            strcat(trace, ")");
            return AC_PENDING;
        }
    } else if (ac_await__poll(&self->await, cx) == AC_PENDING) {
        strcat(trace, ")");
        return AC_PENDING;
    }
    ck_assert_int_eq(*(int *)ac_await__result(&self->await), 42);
    ac_await__end(&self->await);
    strcat(trace, ")");
    return AC_READY;
}
FUTURE(impatient, struct impatient);

static struct impatient await_at_once(struct impatient impatient)
{
    trace[0] = '\0';
    ac_block_on_future(&impatient__type, &impatient);
    return impatient;
}

START_TEST(the_task_that_is_next_runs_within_its_await)
{
    struct impatient one = await_at_once((struct impatient){ .probe = { .name = "p" } });
    ck_assert_str_eq(trace, "(p)");
    ck_assert(one.was_ready);
    one = await_at_once((struct impatient){ .probe = { .name = "p", .pending = 1 } });
    ck_assert_str_eq(trace, "(p)p()");
    ck_assert(!one.was_ready);
}
END_TEST

START_TEST(a_task_that_others_are_ready_before_waits_for_its_turn)
{
    struct impatient one = await_at_once((struct impatient){ .nothers = 2, .probe = { .name = "p" } });
    ck_assert_str_eq(trace, "()oop()");
    ck_assert(!one.was_ready);
}
END_TEST

/* Wakes the task that awaits it while both are polled: that has to be polled again once, and be queued once. */
static enum ac_poll wake_outer__poll(struct probe *self, struct ac_context *cx)
{
    strcat(trace, "w");
    for (int i = 0; i < 3; i++)
        ac_wake_by_ref(impatient_waker);
    if (self->pending-- > 0) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    return AC_READY;
}
FUTURE(wake_outer, struct probe);

struct outer {
    int state, polls;
    struct ac_await__frame await;
};
static enum ac_poll outer__poll(struct outer *self, struct ac_context *cx)
{
    strcat(trace, "(");
    self->polls++;
    impatient_waker = cx->waker;
    enum ac_poll poll = self->state == 1 ? ac_await__poll(&self->await, cx)
                        : ac_await__start(&self->await, cx, spawn_copy(&wake_outer__type, &(struct probe){ .pending = 1 }));
    self->state = 1;
    strcat(trace, ")");
    if (poll == AC_READY)
        ac_await__end(&self->await);
    return poll;
}
FUTURE(outer, struct outer);

START_TEST(a_task_that_is_woken_while_another_runs_within_it_is_polled_once_more)
{
    struct outer outer = { 0 };
    trace[0] = '\0';
    ac_block_on_future(&outer__type, &outer);
    /* Both were woken during the first poll, the inner one first in the queue; it wakes the outer one, who is in the
     * queue already, and so does its end. */
    ck_assert_str_eq(trace, "(w)w()");
    ck_assert_int_eq(outer.polls, 2);
}
END_TEST

/* Each awaits the next: far more than the stack has room for, if all were polled within each other. */
enum { GENERATIONS = 100000 };
struct generation {
    int state, left;
    struct ac_await__frame await;
};
static enum ac_poll generation__poll(struct generation *self, struct ac_context *cx);
FUTURE(generation, struct generation);
static enum ac_poll generation__poll(struct generation *self, struct ac_context *cx)
{
    if (self->left == 0)
        return AC_READY;
    enum ac_poll poll
        = self->state == 1
              ? ac_await__poll(&self->await, cx)
              : ac_await__start(&self->await, cx, SPAWN(generation, struct generation, { .left = self->left - 1 }));
    self->state = 1;
    if (poll == AC_READY)
        ac_await__end(&self->await);
    return poll;
}

START_TEST(tasks_that_await_each_other_do_not_fill_the_stack)
{
    struct generation first = { .left = GENERATIONS };
    ac_block_on_future(&generation__type, &first);
}
END_TEST

START_TEST(one_that_runs_within_another_takes_of_its_budget)
{
    struct impatient one = await_at_once((struct impatient){ .budget = 1, .probe = { .name = "p" } });
    ck_assert_str_eq(trace, "(p)");
    ck_assert_uint_eq(one.left, 0);
    one = await_at_once((struct impatient){ .budget = 9, .probe = { .takes = 5, .name = "p" } });
    ck_assert(one.was_ready);
    ck_assert_uint_eq(one.left, 9 - 5 - 1);
    /* The last was the probe's: the await has to wait for its turn. */
    one = await_at_once((struct impatient){ .budget = 5, .probe = { .takes = 5, .name = "p" } });
    ck_assert(!one.was_ready);
    ck_assert_str_eq(trace, "(p)()");
}
END_TEST

/* ---- errno ---- */

/* Sets its own while it runs within another's await. */
struct errno_outer {
    int state;
    struct ac_await__frame await;
};
static enum ac_poll errno_inner__poll(struct probe *self, struct ac_context *cx)
{
    (void)cx;
    ck_assert_int_eq(errno, 11); /* the spawner's */
    errno = 22;
    (void)self;
    return AC_READY;
}
FUTURE(errno_inner, struct probe);
static enum ac_poll errno_outer__poll(struct errno_outer *self, struct ac_context *cx)
{
    errno = 11;
    ac_task__handle task = spawn_copy(&errno_inner__type, &(struct probe){ 0 });
    errno = 33;
    ck_assert_int_eq(ac_await__start(&self->await, cx, task), AC_READY);
    ck_assert_int_eq(errno, 33);
    ac_await__end(&self->await);
    return AC_READY;
}
FUTURE(errno_outer, struct errno_outer);

START_TEST(errno_is_kept_while_another_runs_within_the_await)
{
    struct errno_outer outer = { 0 };
    ac_block_on_future(&errno_outer__type, &outer);
    ck_assert_int_eq(errno, 33);
}
END_TEST

struct errno_keeper {
    int state;
    int mine;
    struct ac_yield_now__frame yield;
    int result;
};
static enum ac_poll errno_keeper__poll(struct errno_keeper *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_int_eq(errno, 77); /* the spawner's */
    errno = self->mine;
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    ck_assert_int_eq(errno, self->mine);
    END;
}
FUTURE(errno_keeper, struct errno_keeper);
static void spawn_errno_keepers(struct root *root)
{
    errno = 77;
    root->ntasks = 2;
    root->tasks[0] = SPAWN(errno_keeper, struct errno_keeper, { .mine = 1 });
    root->tasks[1] = SPAWN(errno_keeper, struct errno_keeper, { .mine = 2 });
}

START_TEST(errno_belongs_to_the_task)
{
    run(spawn_errno_keepers);
    ck_assert_int_eq(errno, 77);
}
END_TEST

/* ---- wakers ---- */

static struct ac_waker *kept;
static enum ac_poll keeper__poll(struct leaver *self, struct ac_context *cx)
{
    (void)self;
    kept = ac_waker_clone(cx->waker);
    return AC_READY;
}
FUTURE(keeper, struct leaver);
static void spawn_keeper(struct root *root)
{
    root->ntasks = 1;
    root->tasks[0] = SPAWN(keeper, struct leaver, { .state = 0 });
}

START_TEST(a_waker_may_outlive_its_task_and_its_executor)
{
    run(spawn_keeper);
    ac_wake_by_ref(kept);
    ac_wake_by_ref(kept);
    struct ac_waker *second = ac_waker_clone(kept);
    ac_wake(kept);
    ac_waker_drop(second);

    struct leaver root = { 0 };
    ac_block_on_future(&keeper__type, &root);
    ac_wake(kept);
}
END_TEST

/* ---- checked stops ---- */

static void block_inside(struct root *root)
{
    (void)root;
    struct probe p = { 0 };
    ac_block_on_future(&probe__type, &p);
}
START_TEST(block_on_inside_async_code) { run(block_inside); }
END_TEST

START_TEST(spawn_outside_a_poll)
{
    struct probe *p = ac_task_new(&probe__type);
    ac_task_spawn_local(p);
}
END_TEST

static void await_null(struct root *root)
{
    root->ntasks = 1;
    root->tasks[0] = NULL;
}
START_TEST(awaiting_a_null_handle) { run(await_null); }
END_TEST

static void await_twice(struct root *root)
{
    root->ntasks = 2;
    root->tasks[0] = SPAWN(probe, struct probe, { .pending = 9 });
    struct root *other = ac_task_new(&root__type);
    *other = (struct root){ .spawn = await_null };
    struct ac_await__frame await;
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    ac_await__start(&await, &cx, root->tasks[0]);
}
START_TEST(awaiting_a_task_twice) { run(await_twice); }
END_TEST

static ac_task__handle myself;
static enum ac_poll narcissus__poll(struct leaver *self, struct ac_context *cx)
{
    return ac_await__start(&self->await, cx, myself);
}
FUTURE(narcissus, struct leaver);
static void spawn_narcissus(struct root *root)
{
    root->ntasks = 1;
    myself = root->tasks[0] = SPAWN(narcissus, struct leaver, { .state = 0 });
}
START_TEST(a_task_that_awaits_itself) { run(spawn_narcissus); }
END_TEST

START_TEST(a_sleep_polled_by_hand_without_an_executor)
{
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    struct ac_sleep__frame sleep;
    ac_sleep__start(&sleep, &cx, 1);
}
END_TEST

START_TEST(a_sleep_polled_after_it_was_ready)
{
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    struct ac_sleep__frame sleep;
    if (ac_sleep__start(&sleep, &cx, 0) == AC_READY)
        ac_sleep__poll(&sleep, &cx);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        block_on_polls_to_the_end_and_leaves_the_result_in_the_frame,
        wakes_during_one_poll_cost_one_more_poll,
        block_on_may_be_called_again,
        tasks_take_turns_in_the_order_in_which_they_were_woken,
        a_frame_is_aligned_as_its_type_asks,
        tasks_run_to_their_end_after_the_main_future_and_an_abandoned_wait,
        a_finished_task_is_ready_at_once,
        no_memory_for_a_task_gives_a_null_handle,
        the_task_that_is_next_runs_within_its_await,
        a_task_that_others_are_ready_before_waits_for_its_turn,
        a_task_that_is_woken_while_another_runs_within_it_is_polled_once_more,
        tasks_that_await_each_other_do_not_fill_the_stack,
        one_that_runs_within_another_takes_of_its_budget,
        errno_belongs_to_the_task,
        errno_is_kept_while_another_runs_within_the_await,
        a_waker_may_outlive_its_task_and_its_executor,
    };
    const TTest *const stops[] = {
        block_on_inside_async_code,     spawn_outside_a_poll,      awaiting_a_null_handle,
        awaiting_a_task_twice,          a_task_that_awaits_itself, a_sleep_polled_by_hand_without_an_executor,
        a_sleep_polled_after_it_was_ready,
    };
    return run_suite("executor", tests, COUNT(tests), stops, COUNT(stops));
}

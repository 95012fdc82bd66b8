/* Counting and listing what other threads run meanwhile; for ThreadSanitizer, above all. */
#include "support.h"

#include <ac/boxes.h>
#include <ac/observe.h>
#include <pthread.h>
#include <stdatomic.h>

enum { NTASKS = 40, NYIELDS = 300, NCALLS = 10000 };

struct busy {
    int state, i;
    struct ac_yield_now__frame yield;
    struct ac_sleep__frame sleep;
};
static atomic_int nended;
static enum ac_poll busy__poll(struct busy *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < NYIELDS; self->i++) {
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
        if (self->i % 50 == 0) {
            AWAIT(self, ac_sleep__init(&self->sleep, AC_MS), ac_sleep__poll(&self->sleep, cx));
        }
    }
    atomic_fetch_add(&nended, 1);
    END;
}
FUTURE(busy, struct busy);

struct spawner {
    int state, i;
    struct ac_yield_now__frame yield;
};
static enum ac_poll spawner__poll(struct spawner *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < NTASKS; self->i++) {
        struct busy *frame = ac_task_new(&busy__type);
        ck_assert_ptr_nonnull(frame);
        *frame = (struct busy){ 0 };
        ac_detach(self->i % 2 ? ac_task_spawn(frame) : ac_task_spawn_local(frame));
    }
    while (atomic_load(&nended) < NTASKS) {
        AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    }
    END;
}
FUTURE(spawner, struct spawner);

static void *look(void *unused)
{
    FILE *null = fopen("/dev/null", "w");
    struct ac_counts counts;
    for (int i = 0; i < 200 && atomic_load(&nended) < NTASKS; i++) {
        ac_dump_tasks(null);
        ac_count(&counts);
        ck_assert_uint_le(counts.tasks_alive, NTASKS + 10);
    }
    fclose(null);
    return unused;
}

START_TEST(others_may_look_while_tasks_run)
{
    pthread_t lookers[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&lookers[i], NULL, look, NULL), 0);
    struct spawner spawner = { 0 };
    ac_block_on_future(&spawner__type, &spawner);
    for (int i = 0; i < 2; i++)
        pthread_join(lookers[i], NULL);
    struct ac_counts counts;
    do /* a task is over a moment after it has said so */
        ac_count(&counts);
    while (counts.tasks_alive > 0);
    ck_assert_uint_ge(counts.tasks_spawned, NTASKS);
    ck_assert_uint_ge(counts.polls, (uint64_t)NTASKS * NYIELDS);
    ck_assert_uint_ge(counts.wakes, (uint64_t)NTASKS / 2 * NYIELDS);
    ck_assert_uint_eq(counts.executors, 0);
    ck_assert_uint_ge(counts.pool_threads, 1);
}
END_TEST

/* A call through a pointer: what kind of future the task is stands in the task. */
struct called {
    int result;
};
static enum ac_poll called__poll(struct called *self, struct ac_context *cx)
{
    (void)cx;
    self->result = 1;
    return AC_READY;
}
FUTURE(called, struct called);

struct caller {
    int state, i, sum;
    struct ac_join__frame join;
};
static atomic_bool is_over;
static enum ac_poll caller__poll(struct caller *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < NCALLS; self->i++) {
        struct called *callee = ac__push(ac__new_boxes(), &called__type);
        *callee = (struct called){ 0 };
        AWAIT(self, ac_join__init(&self->join, ac_task_spawn(ac__box_task(callee)), NULL), ac_join__poll(&self->join, cx));
        ck_assert_int_eq(self->join.result, 0);
    }
    atomic_store(&is_over, true);
    END;
}
FUTURE(caller, struct caller);

static void *list(void *unused)
{
    FILE *null = fopen("/dev/null", "w");
    while (!atomic_load(&is_over))
        ac_dump_tasks(null);
    fclose(null);
    return unused;
}

START_TEST(tasks_end_while_they_are_listed)
{
    pthread_t lister;
    ck_assert_int_eq(ac_pool_set_threads(3), 0);
    ck_assert_int_eq(pthread_create(&lister, NULL, list, NULL), 0);
    struct caller *frame = ac_task_new(&caller__type);
    *frame = (struct caller){ 0 };
    ac_detach(ac_task_spawn(frame));
    pthread_join(lister, NULL);
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
}
END_TEST

/* A task that lists all while it is polled within the one that awaits it. */
static char *listed;
static enum ac_poll dumper__poll(struct called *self, struct ac_context *cx)
{
    (void)cx;
    size_t size;
    FILE *out = open_memstream(&listed, &size);
    ac_dump_tasks(out);
    fclose(out);
    self->result = 1;
    return AC_READY;
}
FUTURE(dumper, struct called);

/* Suspended once before, so it is in the list of all. */
struct outer {
    int state;
    bool in_pool;
    struct ac_sleep__frame sleep;
    struct ac_await__frame await;
};
static ac_task__handle spawn_dumper(bool in_pool)
{
    struct called *frame = ac_task_new(&dumper__type);
    *frame = (struct called){ 0 };
    return in_pool ? ac_task_spawn(frame) : ac_task_spawn_local(frame);
}
static enum ac_poll outer__poll(struct outer *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->sleep, AC_MS), ac_sleep__poll(&self->sleep, cx));
    ck_assert_int_eq(ac_await__start(&self->await, cx, spawn_dumper(self->in_pool)), AC_READY);
    ac_await__end(&self->await);
    END;
}
FUTURE(outer, struct outer);

struct waiter {
    int state;
    bool in_pool;
    struct ac_join__frame join;
};
static enum ac_poll waiter__poll(struct waiter *self, struct ac_context *cx)
{
    BEGIN(self);
    struct outer *frame = ac_task_new(&outer__type);
    *frame = (struct outer){ .in_pool = self->in_pool };
    AWAIT(self, ac_join__init(&self->join, self->in_pool ? ac_task_spawn(frame) : ac_task_spawn_local(frame), NULL),
          ac_join__poll(&self->join, cx));
    END;
}
FUTURE(waiter, struct waiter);

START_TEST(who_awaits_the_task_that_runs_is_listed_as_running)
{
    for (int in_pool = 0; in_pool < 2; in_pool++) {
        struct waiter waiter = { .in_pool = in_pool };
        ac_block_on_future(&waiter__type, &waiter);
        ck_assert_ptr_nonnull(strstr(listed, "'outer': running\n"));
        ck_assert_ptr_nonnull(strstr(listed, "'dumper': running"));
        free(listed);
    }
}
END_TEST

START_TEST(what_a_thread_has_counted_outlives_its_executor)
{
    struct ac_counts before, after;
    ac_count(&before);
    atomic_store(&nended, NTASKS - 1);
    struct busy busy = { 0 };
    ac_block_on_future(&busy__type, &busy);
    ac_count(&after);
    ck_assert_uint_ge(after.polls - before.polls, NYIELDS);
    ck_assert_uint_ge(after.parks - before.parks, 1);
    ck_assert_uint_eq(after.tasks_alive, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        others_may_look_while_tasks_run,
        tasks_end_while_they_are_listed,
        who_awaits_the_task_that_runs_is_listed_as_running,
        what_a_thread_has_counted_outlives_its_executor,
    };
    return run_suite("observe", tests, COUNT(tests), NULL, 0);
}

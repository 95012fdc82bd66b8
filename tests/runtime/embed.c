/* Embedded executors, in a loop by hand, which does no more than the header asks for; and by the system's clock at rest. */
#include <ac/ac.h>
#include <poll.h>

static void drive(struct ac_exec **execs, int n);
#include "embedding.h"

static void drive(struct ac_exec **execs, int n)
{
    for (;;) {
        struct pollfd watched[NEXECS];
        size_t ntasks = 0;
        int timeout_ms = -1;
        for (int i = 0; i < n; i++) {
            int mine = ac_exec_timeout_ms(execs[i]);
            watched[i] = (struct pollfd){ .fd = ac_exec_fd(execs[i]), .events = POLLIN };
            if (mine >= 0 && (timeout_ms < 0 || mine < timeout_ms))
                timeout_ms = mine;
            ntasks += ac_exec_tasks(execs[i]);
        }
        if (ntasks == 0)
            return;
        poll(watched, (nfds_t)n, timeout_ms);
        for (int i = 0; i < n; i++)
            if (watched[i].revents & POLLIN || ac_exec_timeout_ms(execs[i]) == 0)
                ac_exec_run(execs[i]);
    }
}

static bool is_readable(const struct ac_exec *exec)
{
    struct pollfd watched = { .fd = ac_exec_fd(exec), .events = POLLIN };
    return poll(&watched, 1, 0) == 1;
}

START_TEST(the_descriptor_is_readable_while_there_is_something_to_run)
{
    struct ac_exec *exec = ac_exec_new();
    struct yielder yielder = { .i = 0 };
    ck_assert(!is_readable(exec));
    ck_assert_int_eq(ac_exec_timeout_ms(exec), -1);
    ck_assert_uint_eq(ac_exec_deadline(exec), UINT64_MAX);
    ac_task__handle task = give(exec, &yielder__type, &yielder);
    ck_assert(is_readable(exec));
    ck_assert_int_eq(ac_exec_timeout_ms(exec), 0);
    ck_assert(ac_exec_run(exec)); /* a turn doesn't suffice */
    ck_assert_int_eq(ac_exec_timeout_ms(exec), 0);
    ck_assert_uint_eq(ac_exec_deadline(exec), 0);
    ac_exec_enter(exec);
    ck_assert_int_eq(ac_exec_try_join(task, NULL), -EAGAIN);
    ac_exec_leave(exec);
    while (ac_exec_run(exec))
        continue;
    ac_exec_run(exec); /* of the bell that rang at the leaving */
    ck_assert(!is_readable(exec));
    ck_assert_uint_eq(ac_exec_tasks(exec), 0);
    take_back(exec, task);
    ac_exec_free(exec);
}
END_TEST

START_TEST(a_deadline_is_that_of_the_next_timer)
{
    ac_clock_pause();
    ac_clock_advance(AC_MS - ac_now() % AC_MS);
    struct ac_exec *exec = ac_exec_new();
    int nslept = 0;
    struct sleeper sleeper = { .duration_ns = 100 * AC_MS, .nslept = &nslept };
    ac_task__handle task = give(exec, &sleeper__type, &sleeper);
    for (int i = 0; i < 5; i++) {
        ck_assert(!ac_exec_run(exec));
        ck_assert_int_eq(nslept, i);
        ck_assert_uint_eq(ac_exec_deadline(exec), ac_now() + 100 * AC_MS);
        ck_assert_int_eq(ac_exec_timeout_ms(exec), 100);
        ac_clock_advance(99 * AC_MS + 1);
        ck_assert_int_eq(ac_exec_timeout_ms(exec), 1);
        ac_exec_run(exec);
        ck_assert_int_eq(nslept, i);
        ac_clock_advance(AC_MS - 1);
        ck_assert_int_eq(ac_exec_timeout_ms(exec), 0);
    }
    ac_exec_run(exec);
    ck_assert_int_eq(nslept, 5);
    ck_assert_int_eq(ac_exec_timeout_ms(exec), -1);
    take_back(exec, task);
    ac_exec_free(exec);
}
END_TEST

/* Sleeps until it is woken for another reason. */
static struct ac_waker *eternal_waker;
static enum ac_poll eternal__poll(struct sleeper *self, struct ac_context *cx)
{
    if (self->state++ > 0)
        return ac_sleep__cancel(&self->sleep, cx);
    eternal_waker = cx->waker;
    return ac_sleep__start(&self->sleep, cx, UINT64_MAX);
}
FUTURE(eternal, struct sleeper);

START_TEST(a_sleep_without_end_is_no_deadline)
{
    struct ac_exec *exec = ac_exec_new();
    ac_task__handle task = give(exec, &eternal__type, &(struct sleeper){ 0 });
    while (ac_exec_run(exec))
        continue;
    ck_assert_uint_eq(ac_exec_deadline(exec), UINT64_MAX);
    ck_assert_int_eq(ac_exec_timeout_ms(exec), -1);
    ac_exec_enter(exec);
    ac_wake_by_ref(eternal_waker);
    ac_exec_leave(exec);
    ac_exec_run(exec);
    take_back(exec, task);
    ac_exec_free(exec);
}
END_TEST

START_TEST(block_on_works_beside_them)
{
    struct fixture f;
    int nslept = 0;
    struct sleeper sleeper = { .duration_ns = AC_MS, .nslept = &nslept }, other = sleeper;
    make_execs(&f);
    ac_task__handle task = give(f.execs[0], &sleeper__type, &sleeper);
    ac_block_on_future(&sleeper__type, &other);
    ck_assert_int_eq(nslept, 5);
    drive(f.execs, NEXECS);
    ck_assert_int_eq(nslept, 10);
    take_back(f.execs[0], task);
    free_execs(&f);
}
END_TEST

START_TEST(freeing_one_whose_task_sleeps)
{
    struct ac_exec *exec = ac_exec_new();
    int nslept = 0;
    struct sleeper sleeper = { .duration_ns = AC_S, .nslept = &nslept };
    give(exec, &sleeper__type, &sleeper);
    ac_exec_run(exec);
    ac_exec_free(exec);
}
END_TEST

static void *run_foreign(void *exec)
{
    ac_exec_run(exec);
    return NULL;
}

START_TEST(running_that_of_another_thread)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run_foreign, ac_exec_new());
    pthread_join(thread, NULL);
}
END_TEST

static enum ac_poll nested__poll(struct sleeper *self, struct ac_context *cx)
{
    (void)self;
    ac_exec_run(cx->exec);
    return AC_READY;
}
FUTURE(nested, struct sleeper);

START_TEST(running_one_from_inside)
{
    struct ac_exec *exec = ac_exec_new();
    give(exec, &nested__type, &(struct sleeper){ 0 });
    ac_exec_run(exec);
}
END_TEST

START_TEST(entering_twice)
{
    struct ac_exec *exec = ac_exec_new();
    ac_exec_enter(exec);
    ac_exec_enter(exec);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        CASES,
        the_descriptor_is_readable_while_there_is_something_to_run,
        a_deadline_is_that_of_the_next_timer,
        a_sleep_without_end_is_no_deadline,
        block_on_works_beside_them,
    };
    const TTest *const stops[] = { freeing_one_whose_task_sleeps, running_that_of_another_thread, running_one_from_inside,
                                   entering_twice };
    return run_suite("embed", tests, COUNT(tests), stops, COUNT(stops));
}

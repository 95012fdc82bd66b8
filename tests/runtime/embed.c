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

/* ---- its end ---- */

/* Sleeps for ever, spawns one more when it is cancelled, and takes a while for that. */
struct server {
    int state, *nended;
    uint64_t cleanup_ns;
    bool spawns;
    struct ac_sleep__frame sleep;
};
static enum ac_poll server__poll(void *frame, struct ac_context *cx)
{
    struct server *self = frame;
    if (self->state++ == 0)
        ac_sleep__init(&self->sleep, 3600 * AC_S);
    return ac_sleep__poll(&self->sleep, cx);
}
static enum ac_poll server__cancel(void *frame, struct ac_context *cx);
static const struct ac_future_type server__type
    = { "server", sizeof(struct server), _Alignof(struct server), 0, 0, server__poll, server__cancel, NULL };
static enum ac_poll server__cancel(void *frame, struct ac_context *cx)
{
    struct server *self = frame;
    if (self->state >= 0) {
        if (self->state > 0)
            ac_sleep__cancel(&self->sleep, cx);
        self->state = -1;
        if (self->spawns)
            ac_detach(spawn_copy(&server__type, &(struct server){ .nended = self->nended }));
        ac_sleep__init(&self->sleep, self->cleanup_ns);
    }
    if (ac_sleep__poll(&self->sleep, cx) == AC_PENDING)
        return AC_PENDING;
    ++*self->nended;
    return AC_READY;
}

static void serve(struct ac_exec *exec, int n, const struct server *server)
{
    ac_exec_enter(exec);
    for (int i = 0; i < n; i++)
        ac_detach(spawn_copy(&server__type, server));
    ac_exec_leave(exec);
}

START_TEST(a_shutdown_cancels_what_sleeps_what_is_new_and_what_comes)
{
    ac_clock_pause();
    struct ac_exec *exec = ac_exec_new();
    int nended = 0;
    uint64_t start = ac_now();
    serve(exec, 100, &(struct server){ .nended = &nended, .cleanup_ns = AC_S, .spawns = true });
    while (ac_exec_run(exec))
        continue;
    serve(exec, 100, &(struct server){ .nended = &nended, .spawns = true });
    ck_assert_int_eq(ac_exec_shutdown(exec, 10 * AC_S), 0);
    ck_assert_uint_ge(ac_now() - start, AC_S);
    ck_assert_uint_lt(ac_now() - start, 2 * AC_S);
    ck_assert_int_eq(nended, 400);
    ck_assert_uint_eq(ac_exec_tasks(exec), 0);
    /* None is taken any more. */
    ac_exec_enter(exec);
    ac_task__handle late = spawn_copy(&server__type, &(struct server){ .nended = &nended });
    ac_exec_leave(exec);
    ck_assert_int_eq(ac_exec_shutdown(exec, 0), 0);
    ac_exec_enter(exec);
    ck_assert_int_eq(ac_exec_try_join(late, NULL), -ECANCELED);
    ac_exec_leave(exec);
    ck_assert_int_eq(nended, 401);
    ac_exec_free(exec);
}
END_TEST

START_TEST(a_loop_may_drive_the_end_itself)
{
    struct ac_exec *exec = ac_exec_new();
    int nended = 0;
    serve(exec, 3, &(struct server){ .nended = &nended, .cleanup_ns = 5 * AC_MS, .spawns = true });
    while (ac_exec_run(exec))
        continue;
    ac_exec_run(exec);
    ck_assert(!is_readable(exec));
    ac_exec_cancel(exec);
    ck_assert(is_readable(exec));
    drive(&exec, 1);
    ck_assert_int_eq(nended, 6);
    ac_exec_free(exec);
}
END_TEST

START_TEST(a_shutdown_names_what_does_not_end_and_may_be_repeated)
{
    ac_clock_pause();
    struct ac_exec *exec = ac_exec_new();
    int nended = 0, captured[2], saved = dup(2);
    serve(exec, 2, &(struct server){ .nended = &nended, .cleanup_ns = 60 * AC_S });
    serve(exec, 1, &(struct server){ .nended = &nended });
    while (ac_exec_run(exec))
        continue;
    uint64_t start = ac_now();
    ck_assert_int_eq(pipe(captured), 0);
    dup2(captured[1], 2);
    int result = ac_exec_shutdown(exec, 10 * AC_S);
    fflush(stderr);
    dup2(saved, 2);
    close(captured[1]);
    char text[1000];
    ssize_t n = read(captured[0], text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    ck_assert_str_eq(text, "asyncc: ac_exec_shutdown: 2 tasks have not ended:\n"
                           "  'server': suspended, being cancelled\n  'server': suspended, being cancelled\n");
    ck_assert_int_eq(result, -ETIMEDOUT);
    ck_assert_uint_ge(ac_now() - start, 10 * AC_S);
    ck_assert_uint_lt(ac_now() - start, 11 * AC_S);
    ck_assert_int_eq(ac_exec_shutdown(exec, 60 * AC_S), 0);
    ck_assert_int_eq(nended, 3);
    ac_exec_free(exec);
}
END_TEST

START_TEST(shutting_down_one_that_is_entered)
{
    struct ac_exec *exec = ac_exec_new();
    ac_exec_enter(exec);
    ac_exec_shutdown(exec, 0);
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
        a_shutdown_cancels_what_sleeps_what_is_new_and_what_comes,
        a_loop_may_drive_the_end_itself,
        a_shutdown_names_what_does_not_end_and_may_be_repeated,
    };
    const TTest *const stops[] = { freeing_one_whose_task_sleeps, running_that_of_another_thread, running_one_from_inside,
                                   entering_twice, shutting_down_one_that_is_entered };
    return run_suite("embed", tests, COUNT(tests), stops, COUNT(stops));
}

/* Embedded executors in libuv's loop: for each a handle for its descriptor, one for its deadline, and one that looks
 * after both before the loop sleeps. */
#include <ac/ac.h>
#include <uv.h>

static void drive(struct ac_exec **execs, int n);
#include "embedding.h"

struct guest {
    struct ac_exec *exec;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t prepare;
};

static void run(struct guest *guest)
{
    ac_exec_run(guest->exec);
    if (ac_exec_tasks(guest->exec) > 0)
        return;
    uv_close((uv_handle_t *)&guest->poll, NULL);
    uv_close((uv_handle_t *)&guest->timer, NULL);
    uv_close((uv_handle_t *)&guest->prepare, NULL);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    ck_assert_int_eq(status, 0);
    run(poll->data);
}

static void on_deadline(uv_timer_t *timer) { run(timer->data); }

static void before_sleep(uv_prepare_t *prepare)
{
    struct guest *guest = prepare->data;
    int timeout_ms = ac_exec_timeout_ms(guest->exec);
    uv_timer_stop(&guest->timer);
    if (timeout_ms >= 0)
        uv_timer_start(&guest->timer, on_deadline, (uint64_t)timeout_ms, 0);
}

static void drive(struct ac_exec **execs, int n)
{
    uv_loop_t loop;
    struct guest guests[NEXECS];
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    for (int i = 0; i < n; i++) {
        struct guest *guest = &guests[i];
        if (ac_exec_tasks(execs[i]) == 0)
            continue;
        guest->exec = execs[i];
        guest->poll.data = guest->timer.data = guest->prepare.data = guest;
        ck_assert_int_eq(uv_poll_init(&loop, &guest->poll, ac_exec_fd(execs[i])), 0);
        uv_poll_start(&guest->poll, UV_READABLE, on_readable);
        uv_timer_init(&loop, &guest->timer);
        uv_prepare_init(&loop, &guest->prepare);
        uv_prepare_start(&guest->prepare, before_sleep);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

int main(void)
{
    const TTest *const tests[] = { CASES };
    return run_suite("embed in libuv", tests, COUNT(tests), NULL, 0);
}

/* The blocking twins: what an elided program calls in place of the futures. */
#define _GNU_SOURCE
#include <ac/elided.h>

#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

static int listener;

/* Async C, elided: takes one connection and sends back what comes. */
static async int serve(void)
{
    char buffer[1000];
    ssize_t n;
    int s = await ac_accept(listener);
    if (s < 0)
        return s;
    while ((n = await ac_read(s, buffer, sizeof buffer)) > 0)
        await ac_write_all(s, buffer, (size_t)n);
    ac_close(s);
    return (int)n;
}

static void *serve_on_thread(void *argument)
{
    *(int *)argument = serve();
    return NULL;
}

START_TEST(an_elided_client_talks_to_an_elided_server)
{
    pthread_t thread;
    int served, n = 0;
    char buffer[100];
    listener = ac_tcp_listen("localhost", 0, 0);
    pthread_create(&thread, NULL, serve_on_thread, &served);
    int s = await ac_tcp_connect("localhost", ac_local_port(listener));
    ck_assert_int_ge(s, 0);
    ck_assert_int_eq(fcntl(s, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(await ac_write_all(s, "some bytes", 10), 0);
    ck_assert_int_eq(await ac_readable(s), 0);
    while (n < 10) {
        ssize_t k = await ac_read(s, buffer + n, sizeof buffer - (size_t)n);
        ck_assert_int_gt(k, 0);
        n += (int)k;
    }
    ck_assert_mem_eq(buffer, "some bytes", 10);
    ck_assert_int_eq(await ac_writable(s), 0);
    ck_assert_int_eq(ac_shutdown_write(s), 0);
    ck_assert_int_eq(await ac_read(s, buffer, 100), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(served, 0);
    ck_assert_int_eq(ac_close(s), 0);
    ck_assert_int_eq(ac_close(listener), 0);
    ck_assert_int_eq(await ac_read(s, buffer, 1), -EBADF);
}
END_TEST

START_TEST(errors_are_those_of_the_futures)
{
    struct ac_address found[2];
    listener = ac_tcp_listen("127.0.0.1", 0, 0);
    int port = ac_local_port(listener);
    ac_close(listener);
    ck_assert_int_eq(await ac_tcp_connect("127.0.0.1", port), -ECONNREFUSED);
    ck_assert_int_eq(await ac_tcp_connect("127.0.0.1", 0), -EINVAL);
    ck_assert_int_eq(await ac_tcp_connect("127.0.0.1", 65536), -EINVAL);
    ck_assert_int_eq(await ac_tcp_connect("", 80), -ENXIO);
    ck_assert_int_eq(await ac_accept(listener), -EBADF);
    ck_assert_int_eq(await ac_write(-1, "x", 1), -EBADF);
    ck_assert_int_eq(await ac_resolve("localhost", 80, found, 2), 2);
    ck_assert_int_eq(await ac_resolve("::1", 80, found, 2), 1);
    ck_assert_int_eq(await ac_resolve("127.0.0.1", 80, found, 0), -EINVAL);
}
END_TEST

static async int twice(int n) { return 2 * n; }
static int nruns;
static async void run_once(void) { nruns++; }

START_TEST(spawned_calls_run_in_turn_and_time_passes)
{
    ac_task(int) tasks[] = { ac_spawn_local(twice(1)), ac_spawn_local(twice(2)) };
    ac_task(void) none = ac_spawn_local(run_once());
    ck_assert_int_eq(await tasks[0] + await tasks[1], 6);
    await none;
    ck_assert_int_eq(nruns, 1);
    ck_assert_int_eq(ac_block_on(twice(4)), 8);

    uint64_t start = ac_now();
    await ac_sleep(2 * AC_MS);
    ck_assert_uint_ge(ac_now() - start, 2 * AC_MS);
    await ac_yield_now();
    ac_clock_pause();
    start = ac_now();
    await ac_sleep(3600 * AC_S);
    ck_assert_uint_eq(ac_now() - start, 3600 * AC_S);
}
END_TEST

static void *write_later(void *argument)
{
    wait_until_asleep(getpid());
    return write(*(int *)argument, "late", 4) == 4 ? argument : NULL;
}

START_TEST(descriptors_that_do_not_block_are_waited_for)
{
    int ends[2];
    char buffer[10];
    pthread_t thread;
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    pthread_create(&thread, NULL, write_later, &ends[1]);
    ck_assert_int_eq(await ac_read(ends[0], buffer, 10), 4);
    pthread_join(thread, NULL);
    ac_close(ends[0]);
    ac_close(ends[1]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_elided_client_talks_to_an_elided_server,
        errors_are_those_of_the_futures,
        spawned_calls_run_in_turn_and_time_passes,
        descriptors_that_do_not_block_are_waited_for,
    };
    return run_suite("blocking", tests, COUNT(tests), NULL, 0);
}

/* support.h - what the runtime's suites share: futures by hand, in few lines.
 *
 *     struct nap { int state; struct ac_sleep__frame sleep; };
 *     static enum ac_poll nap__poll(struct nap *self, struct ac_context *cx)
 *     {
 *         BEGIN(self);
 *         AWAIT(self, ac_sleep__init(&self->sleep, 5 * AC_MS), ac_sleep__poll(&self->sleep, cx));
 *         END;
 *     }
 *     FUTURE(nap, struct nap);
 *
 *     struct nap nap = { 0 };
 *     ac_block_on_future(&nap__type, &nap);
 *
 * Locals of such a poll don't outlive an AWAIT; what has to stands in the frame. */
#ifndef SUPPORT_H
#define SUPPORT_H
#include <ac/ac.h>
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEGIN(self)                                                                                        \
    switch ((self)->state) {                                                                               \
    case 0:
#define AWAIT(self, init, poll) AWAIT_AT(self, init, poll, __COUNTER__ + 1)
#define AWAIT_AT(self, init, poll, at)                                                                     \
    init;                                                                                                  \
    (self)->state = (at);                                                                                  \
    __attribute__((fallthrough));                                                                          \
    case (at):                                                                                             \
        if ((poll) == AC_PENDING)                                                                          \
            return AC_PENDING
#define END                                                                                                \
    (self)->state = -1;                                                                                    \
    }                                                                                                      \
    return AC_READY

/* A cancel that nothing needs: what these futures hold they give back by themselves. */
static inline enum ac_poll cancel_nothing(void *frame, struct ac_context *cx)
{
    (void)frame;
    (void)cx;
    return AC_READY;
}

/* The type of a future without a result, for executors. */
#define FUTURE(name_, frame_)                                                                              \
    static enum ac_poll name_##__poll_any(void *frame, struct ac_context *cx)                              \
    {                                                                                                      \
        return name_##__poll(frame, cx);                                                                   \
    }                                                                                                      \
    static const struct ac_future_type name_##__type = { #name_,           sizeof(frame_), _Alignof(frame_), 0, 0, \
                                                         name_##__poll_any, cancel_nothing, NULL }

/* Spawns a future whose frame is set from @p value. */
#define SPAWN(name_, frame_, ...) spawn_copy(&name_##__type, &(frame_)__VA_ARGS__)
static inline ac_task__handle spawn_copy(const struct ac_future_type *type, const void *frame)
{
    void *memory = ac_task_new(type);
    ck_assert_ptr_nonnull(memory);
    memcpy(memory, frame, type->size);
    return ac_task_spawn_local(memory);
}

/* Descriptors from elsewhere, which block. */
static inline void make_pipe(int *read_end, int *write_end)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    *read_end = ends[0];
    *write_end = ends[1];
}
static inline void make_pair(int *one_end, int *other_end)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *one_end = ends[0];
    *other_end = ends[1];
}

/* Until the first thread of that process waits in the system. */
static inline void wait_until_asleep(int pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, pid);
    while (state != 'S') {
        FILE *stat = fopen(path, "r");
        if (stat == NULL || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
            abort();
        fclose(stat);
        sched_yield();
    }
}

/* Runs a suite of one case. Returns what main() does. */
static inline int run_suite(const char *name, const TTest *const *tests, size_t ntests, const TTest *const *stops,
                            size_t nstops)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 100); /* a hang, on however busy a machine */
    for (size_t i = 0; i < ntests; i++)
        tcase_add_test(tcase, tests[i]);
    for (size_t i = 0; i < nstops; i++) /* each has to end the program by a checked stop */
        tcase_add_test_raise_signal(tcase, stops[i], 6);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int nfailed = srunner_ntests_failed(runner), nrun = srunner_ntests_run(runner);
    srunner_free(runner);
    printf("%d passed, %d failed\n", nrun - nfailed, nfailed);
    return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#define COUNT(array) (sizeof(array) / sizeof *(array))
#endif

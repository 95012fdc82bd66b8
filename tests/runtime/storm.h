/* storm.h - a round over the pool, as pool_stress and jobs_stress have it: two executors of their own and the pool, beside
 * the threads that wake. */
#ifndef STORM_H
#define STORM_H
#include "stress.h"

static enum ac_poll cancel_root(void *frame, struct ac_context *cx)
{
    (void)frame;
    (void)cx;
    return AC_READY;
}

/* Behind a struct root, which has a seed, a state and an i, and its root__poll(): its type, and a thread that runs one
 * four times. */
#define STORM_ROOT                                                                                         \
    static const struct ac_future_type root__type                                                          \
        = { "root", sizeof(struct root), _Alignof(struct root), 0, 0, root__poll, cancel_root, NULL };     \
    static void *run_root(void *argument)                                                                  \
    {                                                                                                      \
        struct root root = { .seed = (uint32_t)(uintptr_t)argument };                                      \
        for (int i = 0; i < 4; i++) {                                                                      \
            root.state = root.i = 0;                                                                       \
            ac_block_on_future(&root__type, &root);                                                        \
        }                                                                                                  \
        return NULL;                                                                                       \
    }

/* Two threads run @p run_root, with seeds of their own; in the end there is neither a task nor a pool. One round in three
 * ends while all is under way. */
static void run_storm(uint32_t seed, int round, void *(*run_root)(void *))
{
    pthread_t roots[2];
    open_board(seed);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&roots[i], NULL, run_root, (void *)(seed + 7 * i));
    bool early = round % 3 == 0;
    if (early) {
        usleep(seed / 64 % 3000);
        check(ac_pool_shutdown(60 * AC_S) == 0, "everything can be cancelled");
    }
    for (int i = 0; i < 2; i++)
        pthread_join(roots[i], NULL);
    if (!early)
        await_all_tasks();
    check(ac_pool_shutdown(60 * AC_S) == 0, "everything ends");
    close_board();
}
#endif

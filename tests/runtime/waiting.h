/* waiting.h - for the suites of what tasks wait for of each other: a waker that counts, a die. */
#ifndef WAITING_H
#define WAITING_H
#include "support.h"

#include <sched.h>
#include <sys/single_threaded.h>

/* Who polls a leaf by hand. */
struct probe {
    struct ac_waker waker; /* first: its address is the probe's */
    int wakes;
    struct ac_context cx;
};

static inline struct ac_waker *probe_clone(struct ac_waker *waker) { return waker; }
static inline void probe_drop(struct ac_waker *waker) { (void)waker; }
static inline void probe_wake(struct ac_waker *waker) { ((struct probe *)waker)->wakes++; }

static inline void probe_init(struct probe *probe)
{
    static const struct ac_waker_ops ops = { probe_clone, probe_wake, probe_wake, probe_drop };
    *probe = (struct probe){ .waker = { &ops } };
    probe->cx = (struct ac_context){ .waker = &probe->waker };
}

static inline unsigned random_below(unsigned *seed, unsigned limit)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % limit;
}

/* Nobody awaits the task: what cancelling the wait does. */
static inline void detach(ac_task__handle task, struct ac_context *cx)
{
    struct ac_await__frame await;
    ac_await__init(&await, task);
    ac_await__cancel(&await, cx);
}
#endif

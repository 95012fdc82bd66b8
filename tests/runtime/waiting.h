/* waiting.h - for the suites of what tasks wait for of each other: a waker that counts, a die. */
#ifndef WAITING_H
#define WAITING_H
#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/single_threaded.h>

/* Who polls a leaf by hand. Wakes and clones may come from other threads. */
struct probe {
    struct ac_waker waker; /* first: its address is the probe's */
    atomic_int wakes;
    atomic_int clones; /* that haven't been given back */
    struct ac_context cx;
};

static inline struct ac_waker *probe_clone(struct ac_waker *waker)
{
    atomic_fetch_add(&((struct probe *)waker)->clones, 1);
    return waker;
}
static inline void probe_drop(struct ac_waker *waker) { atomic_fetch_sub(&((struct probe *)waker)->clones, 1); }
static inline void probe_wake_by_ref(struct ac_waker *waker) { atomic_fetch_add(&((struct probe *)waker)->wakes, 1); }
static inline void probe_wake(struct ac_waker *waker)
{
    probe_drop(waker);
    probe_wake_by_ref(waker); /* last: who sees it may be gone */
}

static inline void probe_init(struct probe *probe)
{
    static const struct ac_waker_ops ops = { probe_clone, probe_wake, probe_wake_by_ref, probe_drop };
    probe->waker = (struct ac_waker){ &ops };
    atomic_init(&probe->wakes, 0);
    atomic_init(&probe->clones, 0);
    probe->cx = (struct ac_context){ .waker = &probe->waker };
}

/* For a leaf that needs an executor: in a poll of that one's. */
static inline void probe_init_in(struct probe *probe, const struct ac_context *cx)
{
    probe_init(probe);
    probe->cx.exec = cx->exec;
    probe->cx.budget = cx->budget;
}

static inline unsigned random_below(unsigned *seed, unsigned limit)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % limit;
}

/* Tasks of the pool, of which each is awaited. */
struct crew {
    int state;
    unsigned i, n;
    const struct ac_future_type *type;
    const void *frames; /* one for each */
    ac_task__handle tasks[16];
    struct ac_await__frame await;
};

static inline ac_task__handle spawn_on_pool(const struct ac_future_type *type, const void *frame)
{
    void *memory = ac_task_new(type);
    ck_assert_ptr_nonnull(memory);
    memcpy(memory, frame, type->size);
    return ac_task_spawn(memory);
}

static inline enum ac_poll crew__poll(struct crew *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < self->n; self->i++)
        self->tasks[self->i] = spawn_on_pool(self->type, (const char *)self->frames + self->i * self->type->size);
    for (self->i = 0; self->i < self->n; self->i++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->i]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(crew, struct crew);

static inline void run_crew(const struct ac_future_type *type, const void *frames, unsigned n)
{
    struct crew crew = { .type = type, .frames = frames, .n = n };
    ck_assert_int_eq(ac_pool_set_threads(3), 0);
    ac_block_on_future(&crew__type, &crew);
    ck_assert_int_eq(ac_pool_shutdown(10 * AC_S), 0);
}
#endif

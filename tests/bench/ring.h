/* ring.h - the least executor there can be: a ring of tasks that are ready to be polled. What is written by
 * hand here runs on it, and so do futures that asyncc made, to show what they cost by themselves. */
#ifndef RING_H
#define RING_H
#include <ac/future.h>
#include <stdint.h>
#include <stdlib.h>

/* A task: what its poll is told, and behind this header its frame. Nobody wakes it but by ring_wake, so its
 * context has no waker. */
struct ring_task {
    struct ac_context cx; /* first: a context's address is its task's */
    enum ac_poll (*poll)(void *frame, struct ac_context *);
    _Alignas(16) unsigned char frame[];
};

struct ring {
    struct ring_task **slots;
    size_t mask, head, tail;
};
/* One for the program, to which it belongs: so the way to it is short. */
extern __attribute__((visibility("hidden"))) struct ring ring;

static inline void ring_open(size_t room)
{
    size_t n = 2;
    while (n < room + 1)
        n *= 2;
    ring.slots = malloc(n * sizeof *ring.slots);
    ring.mask = n - 1;
    ring.head = ring.tail = 0;
}

static inline void ring_wake(struct ac_context *cx)
{
    ring.slots[ring.tail++ & ring.mask] = (struct ring_task *)cx;
}

/* Memory for a task of a kind, which is in the ring already; its frame is still to be initialised. */
static inline struct ring_task *ring_spawn(const struct ac_future_type *type)
{
    struct ring_task *task = calloc(1, sizeof *task + type->size);
    task->poll = type->poll;
    ring_wake(&task->cx);
    return task;
}

/* Until no task is ready any more. */
static inline void ring_run(void)
{
    while (ring.head != ring.tail) {
        struct ring_task *task = ring.slots[ring.head++ & ring.mask];
        task->poll(task->frame, &task->cx);
    }
}

/* k tasks of a kind, each initialised with n, to their end: the sum of their results. */
static inline uint64_t ring_sum(const struct ac_future_type *type, void (*init)(void *frame, uint64_t n), uint64_t n, uint64_t k)
{
    struct ring_task **tasks = calloc(k, sizeof *tasks);
    uint64_t sum = 0;
    ring_open(k);
    for (uint64_t i = 0; i < k; i++) {
        tasks[i] = ring_spawn(type);
        init(tasks[i]->frame, n);
    }
    ring_run();
    for (uint64_t i = 0; i < k; i++) {
        sum += *(uint64_t *)(tasks[i]->frame + type->result_offset);
        free(tasks[i]);
    }
    free(tasks);
    free(ring.slots);
    return sum;
}

/* The leaf: pending once, having put its task into the ring. What is written by hand uses it the same way. */
struct ring_yield__frame {
    unsigned char yielded;
};
AC_ASYNC void ring_yield(void) AC_FRAME(struct ring_yield__frame);
static inline void ring_yield__init(struct ring_yield__frame *self) { self->yielded = 0; }
static inline enum ac_poll ring_yield__poll(struct ring_yield__frame *self, struct ac_context *cx)
{
    if (self->yielded)
        return AC_READY;
    self->yielded = 1;
    ring_wake(cx);
    return AC_PENDING;
}
static inline enum ac_poll ring_yield__resume(struct ring_yield__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}
static inline enum ac_poll ring_yield__cancel(struct ring_yield__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}
#endif

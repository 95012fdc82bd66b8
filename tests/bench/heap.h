/* heap.h - deadlines for what runs on the ring of ring.h: a binary heap, the earliest first. */
#ifndef HEAP_H
#define HEAP_H
#include "bench.h"
#include "ring.h"

struct alarm {
    uint64_t at; /* as wall_ns() counts */
    struct ring_task *task;
};

struct heap {
    struct alarm *alarms;
    size_t n;
};

static inline void heap_open(struct heap *heap, size_t room)
{
    heap->alarms = malloc(room * sizeof *heap->alarms);
    heap->n = 0;
}

/* The task of this context is woken then. */
static inline void heap_push(struct heap *heap, uint64_t at, struct ac_context *cx)
{
    struct alarm *alarms = heap->alarms;
    size_t i = heap->n++;
    for (; i > 0 && alarms[(i - 1) / 2].at > at; i = (i - 1) / 2)
        alarms[i] = alarms[(i - 1) / 2];
    alarms[i] = (struct alarm){ at, (struct ring_task *)cx };
}

static inline struct ring_task *heap_pop(struct heap *heap)
{
    struct alarm *alarms = heap->alarms, last = alarms[--heap->n];
    struct ring_task *first = alarms[0].task;
    size_t i = 0, child;
    for (; (child = 2 * i + 1) < heap->n; i = child) {
        if (child + 1 < heap->n && alarms[child + 1].at < alarms[child].at)
            child++;
        if (alarms[child].at >= last.at)
            break;
        alarms[i] = alarms[child];
    }
    alarms[i] = last;
    return first;
}

/* Sleeps until the earliest is due, and wakes all that are by then; false if there is none. */
static inline bool heap_wait(struct heap *heap)
{
    uint64_t now = wall_ns();
    if (heap->n == 0)
        return false;
    for (uint64_t at = heap->alarms[0].at; now < at; now = wall_ns()) {
        struct timespec left = { (time_t)((at - now) / 1000000000u), (long)((at - now) % 1000000000u) };
        nanosleep(&left, NULL);
    }
    while (heap->n > 0 && heap->alarms[0].at <= now)
        ring_wake(&heap_pop(heap)->cx);
    return true;
}
#endif

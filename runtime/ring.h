/* ring.h - a worker's queue: a ring of fixed size, filled by its worker and emptied by all.
 *
 *     tasks:   . . . c d e f . .        head = 3: the next to be taken, by whoever moves it
 *                    ^       ^          tail = 7: the next to be filled, by the owner alone
 *
 * The owner puts at the tail and takes at the head: first come, first served. A thief copies
 * half of what there is, up to a number, into his own ring, which is empty, and then claims it all by one compare-and-
 * exchange of the head; if that fails, what he copied was never his. It is the run queue of Go's scheduler
 * (runtime/proc.go: runqput, runqget, runqgrab), with counters that never wrap.
 *
 * The tail is stored in sequentially consistent order, for the sake of pool.c's parking: who puts a
 * task and then finds nobody parked, and who parks and then finds no task, can't both be.
 * Model: tests/models/ring.pml. */
#ifndef AC__RING_H
#define AC__RING_H
#include "exec.h"

enum {
    AC__RING_SIZE = 1024, /* what doesn't fit goes through the injector, whose list runs through the tasks */
    AC__MOST_STOLEN = 128, /* at once: while more are copied the owner takes one, as a rule, and it was in vain */
};

struct ac__ring {
    _Alignas(64) _Atomic uint64_t head; /* moved by whoever takes: release, so that the owner, who acquires
                                           it before he fills a slot again, does so after it was read */
    _Alignas(64) _Atomic uint64_t tail; /* the owner's: release, so that a task's taker sees the task */
    _Atomic(struct ac_task *) tasks[AC__RING_SIZE];
};

static inline _Atomic(struct ac_task *) *ac__ring_slot(struct ac__ring *ring, uint64_t place)
{
    return &ring->tasks[place % AC__RING_SIZE];
}

/* Owner. False: there is no room. */
static inline bool ac__ring_put(struct ac__ring *ring, struct ac_task *task)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&ring->head, memory_order_acquire) == AC__RING_SIZE)
        return false;
    atomic_store_explicit(ac__ring_slot(ring, tail), task, memory_order_relaxed);
    atomic_store(&ring->tail, tail + 1);
    return true;
}

/* Owner. Puts the first @p most of a list by `next`, which has as many, or those for which there is room; the list is
 * the rest from then on. Returns how many: one store shows them all. */
static inline uint64_t ac__ring_put_list(struct ac__ring *ring, struct ac_task **list, uint64_t most)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t room = AC__RING_SIZE - (tail - atomic_load_explicit(&ring->head, memory_order_acquire));
    uint64_t n = most < room ? most : room;
    for (uint64_t i = 0; i < n; i++) {
        atomic_store_explicit(ac__ring_slot(ring, tail + i), *list, memory_order_relaxed);
        *list = (*list)->next;
    }
    if (n > 0)
        atomic_store(&ring->tail, tail + n);
    return n;
}

/* Owner. Null: there is none. */
static inline struct ac_task *ac__ring_take(struct ac__ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    while (head != tail) {
        struct ac_task *task = atomic_load_explicit(ac__ring_slot(ring, head), memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + 1, memory_order_acq_rel,
                                                  memory_order_acquire))
            return task;
    }
    return NULL;
}

/* Owner, of a full ring: takes half of it, as a list by `next` from the last that was put to the first. Null: thieves
 * have made room. */
static inline struct ac_task *ac__ring_take_half(struct ac__ring *ring, struct ac_task **first)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - head != AC__RING_SIZE)
        return NULL;
    /* Claimed before they are linked: until then a thief may have them. The owner, who alone fills slots, is
     * here, so they stay as they are. */
    if (!atomic_compare_exchange_strong_explicit(&ring->head, &head, head + AC__RING_SIZE / 2, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return NULL;
    struct ac_task *last = *first = atomic_load_explicit(ac__ring_slot(ring, head), memory_order_relaxed);
    for (unsigned i = 1; i < AC__RING_SIZE / 2; i++) {
        struct ac_task *task = atomic_load_explicit(ac__ring_slot(ring, head + i), memory_order_relaxed);
        task->next = last;
        last = task;
    }
    return last;
}

/* A thief, with his own ring, in which there is nothing. Takes half of the victim's, rounded up, or the most: one is
 * returned, the rest is in the thief's ring. Null: there is nothing. */
static inline struct ac_task *ac__ring_steal(struct ac__ring *victim, struct ac__ring *own)
{
    uint64_t own_tail = atomic_load_explicit(&own->tail, memory_order_relaxed);
    for (;;) {
        uint64_t head = atomic_load_explicit(&victim->head, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&victim->tail, memory_order_acquire);
        uint64_t n = tail - head;
        n -= n / 2;
        if (n == 0)
            return NULL;
        if (n > AC__RING_SIZE / 2)
            continue; /* the head is of an earlier time than the tail */
        if (n > AC__MOST_STOLEN)
            n = AC__MOST_STOLEN;
        struct ac_task *task = atomic_load_explicit(ac__ring_slot(victim, head), memory_order_relaxed);
        for (uint64_t i = 1; i < n; i++)
            atomic_store_explicit(
                ac__ring_slot(own, own_tail + i - 1),
                atomic_load_explicit(ac__ring_slot(victim, head + i), memory_order_relaxed), memory_order_relaxed);
        if (!atomic_compare_exchange_strong_explicit(&victim->head, &head, head + n, memory_order_acq_rel,
                                                     memory_order_relaxed))
            continue;
        if (n > 1)
            atomic_store(&own->tail, own_tail + n - 1);
        return task;
    }
}

/* Owner. Thieves may have taken some since. */
static inline uint64_t ac__ring_length(const struct ac__ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed)
           - atomic_load_explicit(&ring->head, memory_order_relaxed);
}

/* Any thread. In the one order of all that is sequentially consistent; see above. */
static inline bool ac__ring_is_empty(struct ac__ring *ring)
{
    uint64_t head = atomic_load(&ring->head);
    return atomic_load(&ring->tail) == head;
}
#endif

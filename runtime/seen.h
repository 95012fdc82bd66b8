/* seen.h - what <ac/observe.h> looks at: which executors, pool and threads there are.
 *
 * Nobody counts for the onlooker's sake with a locked operation: each counter has one writer, the executor's or worker's own
 * thread, and the reader adds them up. Those of executors that have ended are kept here. What the pool and the
 * blocking threads know is asked by pointers that they set when they start, so that a program which uses
 * neither has neither in it. */
#ifndef AC__SEEN_H
#define AC__SEEN_H
#include "exec.h"
#include <ac/observe.h>

/* At file level, since threads are the process's. */
struct ac__seen {
    pthread_mutex_t lock;   /* for what follows, up to the pointers, and for what listings are asked of executors */
    pthread_cond_t answered; /* an executor has listed its tasks */
    struct ac_exec *execs;  /* those of block_on, linked by next_seen */
    struct ac_counts ended; /* of those that are over */
    void (*_Atomic count_pool)(struct ac_counts *); /* adds */
    void (*_Atomic list_pool)(FILE *);
    void (*_Atomic count_blocking)(struct ac_counts *);
};
extern struct ac__seen ac__seen;

/* The counter of one thread, which alone writes it. */
static inline void ac__count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t ac__counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

/* Whether all executors keep lists of their tasks, 8 bytes for each that sleeps: in programs that have observe.c in them. */
extern bool ac__lists;

void ac__exec_appear(struct ac_exec *);
/* From now on nobody asks it for anything; what it was asked for stands in its inbox. */
void ac__exec_disappear(struct ac_exec *);
void ac__exec_add_counts(const struct ac_exec *, struct ac_counts *);

/* ---- places.c ---- */

/* Where a suspended future stands, a line for each function on the way to the innermost await. Nobody may poll it
 * meanwhile. */
void ac__print_places(FILE *, const struct ac_future_type *, const void *frame);
/* The same of a task of this thread's executor, with a line for its state. */
void ac__print_task(FILE *, const struct ac_exec *, struct ac_task *);
#endif

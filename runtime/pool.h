/* pool.h - tasks that run on the pool, from the inside: their word, and what its two halves share.
 *
 * The task word. A task of the pool may be polled by any worker, and woken, joined, and cancelled from any
 * thread; what all need to know of it is the one atomic word `shared`, six bits and a count of
 * references. Every change is one atomic operation, here in the order of a task's life:
 *
 *     spawn            OWNED and two references, the pool's and the handle's; then it is queued
 *     wake             + OWNED, if it was idle, and then it is queued; else + WOKEN       by anyone
 *     begin to poll    - WOKEN, if it is set         by the worker that took it from a queue
 *     pending          - OWNED; with WOKEN, nothing, and it is queued                     by the worker
 *     ready            OWNED -> FINISHED             by the worker; wakes the joiner if there is one
 *     list             + OWNED, if it was idle, and then as after a poll that is pending  by anyone
 *
 * OWNED: the task has its one place in a queue, or is polled. It grants all of the task that is not atomic (the
 * frame, saved_errno, home, the place in the list of all) to one after the other: who set it, and puts the task
 * into a queue at once; the worker that takes it from there, for the queue releases and acquires; and that
 * worker clears it when the poll is over, which releases, and the next to set it acquires. After clearing it
 * the worker touches the task no more.
 *
 * WOKEN: a poll is due after what has been queued or begun. Set by whoever wakes or cancels a task that is OWNED. Setting it
 * releases, and what others set between goes on with the chain. The worker that takes the task out clears it
 * before it polls, which acquires: so a hundred wakes before a poll cost none more, the poll sees what was written
 * before each, and a wake that comes during the poll counts. If that finds it set, the worker goes on owning the task,
 * and queues it.
 *
 * FINISHED: the future is over and will not be polled again. Set once, in place of OWNED. It grants the
 * result to whoever holds the handle (release; he acquires). Wakes that come later do
 * nothing.
 *
 * CANCEL: the future's cancel is called instead of its poll from now on. Set by who holds the handle, or by
 * the shutdown; never cleared. Being asked is a wake, so OWNED or WOKEN comes with it. A poll that is running
 * then may still end with a result, and that counts. The cancel runs on whatever worker takes
 * the task next, just as a poll would: to the future it is its own executor.
 *
 * CANCELLED: set with FINISHED when it was the cancel that ended: there is no result.
 *
 * JOINER: the field `joiner` holds a clone of the waker of whoever awaits the task. While JOINER is clear the
 * field is the handle's holder's; by setting it (release) he gives the field to the worker that finishes the
 * task; by clearing it he takes it back, which can fail only because FINISHED came first, and then
 * it is the worker's, which wakes it once. It is a clone because the joiner may be polled for another
 * reason, see FINISHED, go on and end, all between the setting of FINISHED and that wake.
 *
 * Listing (ac__pool_task_hold): who prints where a task waits owns it meanwhile, as a worker does that polls it. He sets OWNED
 * of an idle one, as a wake does, but queues it nowhere; he looks at the frame; and he lets go of it as after a poll that
 * was pending: with WOKEN, which a wake or a cancel has set meanwhile, he queues it. One that is OWNED already or FINISHED he leaves
 * alone. What keeps the memory is no reference but the lock of the list in which he has found the task: it is taken out
 * of that before it is FINISHED.
 *
 * References: the pool has one until FINISHED, the handle one until it is given back, and every clone of the
 * waker one. Who takes the last frees the memory (each giving back releases, the last acquires).
 * What was queued needs none of its own: it isn't FINISHED, so the pool's is there. Who holds the only one has the
 * task for himself, and frees it without an operation on the word.
 *
 * So a join or a cancel that is ready has seen FINISHED: the frame is over, no worker is in it, nor will be.
 *
 * Models: tests/models/task.pml. Where the task goes when it is queued is pool.c's matter. */
#ifndef AC__POOL_H
#define AC__POOL_H
#include "exec.h"

#define POOL_OWNED 1u
#define POOL_WOKEN 2u
#define POOL_FINISHED 4u
#define POOL_CANCEL 8u
#define POOL_CANCELLED 16u
#define POOL_JOINER 32u
#define POOL_REFERENCE 64u

enum { POOL_NO_HOME = 0xffff }; /* the home of a task that is in no worker's list of all */

/* ---- the two changes of each poll ---- */

/* By the worker that took the task from a queue. Returns the word as it was, with CANCEL or not. */
static inline unsigned ac__pool_task_begin(struct ac_task *task)
{
    unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
    return word & POOL_WOKEN ? atomic_fetch_and_explicit(&task->shared, ~POOL_WOKEN, memory_order_acq_rel) : word;
}

/* The poll said AC_PENDING. True: the task was woken meanwhile, and has to be queued. */
static inline bool ac__pool_task_pause(struct ac_task *task)
{
    unsigned word = atomic_load_explicit(&task->shared, memory_order_relaxed);
    while (!(word & POOL_WOKEN)
           && !atomic_compare_exchange_weak_explicit(&task->shared, &word, word & ~POOL_OWNED, memory_order_release,
                                                     memory_order_relaxed))
        continue;
    return word & POOL_WOKEN;
}

/* ---- pool_task.c: all others ---- */

extern const struct ac__task_ops ac__pool_task;

/* A task whose frame has been initialised is the pool's, and due for its first poll. @p spawner_errno: what the elided
 * program, where this is a call, would find. */
static inline void ac__pool_task_start(struct ac_task *task, unsigned flags, int spawner_errno)
{
    task->waker.ops = &ac__pool_task.waker;
    task->joiner = NULL;
    task->word |= TASK_POOL;
    task->home = POOL_NO_HOME;
    task->saved_errno = spawner_errno;
    atomic_init(&task->shared, POOL_OWNED | flags | 2 * POOL_REFERENCE);
}
/* Likewise, but it is cancelled before it has begun, at once and on this thread: the pool takes no tasks any more. False:
 * that isn't over, and has to be gone on with; the task is the caller's to queue. */
bool ac__pool_task_refuse(struct ac_task *);
/* Takes an idle task as a worker does that polls it, only to look at it: pause follows. Returns the word as it was; with
 * OWNED or FINISHED nothing has been done. The task is kept in memory by the caller. */
unsigned ac__pool_task_hold(struct ac_task *);
/* The poll, or the cancel, said AC_READY. */
void ac__pool_task_finish(struct ac_task *, bool cancelled);
/* Asks for the future's end. By whoever knows that the task is in memory. */
void ac__pool_task_cancel(struct ac_task *);

/* ---- pool.c ---- */

/* Puts a task that has been woken into a queue. Any thread. Takes no lock, and polls nothing. */
void ac__pool_schedule(struct ac_task *);
/* Polls a task that the running one awaits at once, within that poll, if it is next anyway. False: nothing was done. By
 * the handle's holder, who hasn't joined it. */
bool ac__pool_run_nested(struct ac_task *, struct ac_context *);
#endif

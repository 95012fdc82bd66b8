/* inbox.pml - wakes from other threads (runtime/task.c: send) and how an executor of one thread goes to sleep
 * (runtime/executor.c: park): no task stays in the inbox while the executor sleeps, and none is in it twice.
 *
 * Two tasks, each woken by two threads that write something before; whatever was written before a wake has been
 * seen by a poll at the end. The bell is an eventfd, edge-triggered: any number of rings make one event, which ends one wait.
 *
 * A store of the executor's goes into its buffer, of one entry, and comes to memory at some time later, or by its next locked
 * operation: so do machines of x86's kind, and what is sequentially consistent is a store and a locked operation in
 * one. What the wakers do to shared words are locked operations all; made relaxed, such a one may be seen late
 * on other machines, as if it were a store. */

// MUTATION PARKED_RELAXED: the executor's store of `parked` is a relaxed one
// MUTATION PUSHED_RELAXED: a push is relaxed, and seen by others after the look at `parked`
// MUTATION PARKS_WITHOUT_LOOKING: who parks doesn't look into the inbox once more
// MUTATION CLEARED_LATE: the bit of the inbox is cleared after the poll
// MUTATION BIT_UNSEEN: a task that is in the inbox is pushed again

#define TASKS 2
#define WAKERS 4
#define EMPTY 9

byte inbox;             /* how many are in it: which, say in_list */
bool in_list[TASKS];
bool marked[TASKS];     /* AC__INBOX */
bool due[TASKS];        /* in the ready queue */
byte written[TASKS], seen[TASKS];
bool parked, bell;
byte stored = EMPTY;    /* the executor's buffer: what `parked` is to be */
byte pushes[WAKERS];    /* a waker's: the task that it has pushed, or EMPTY */
byte nwoken;            /* wakers that are done */

inline drain()
{
    atomic {
        if
        :: stored != EMPTY -> parked = stored; stored = EMPTY
        :: else
        fi
    }
}

inline store_parked(value)
{
#ifdef PARKED_RELAXED
    drain();
    stored = value
#else
    parked = value
#endif
}

inline arrive(task)
{
    assert(!in_list[task]);
    in_list[task] = true;
    inbox++
}

active proctype Executor()
{
    byte i, taken;
    bool any;
    bool got[TASKS];
    do
    :: /* empties the inbox */
        // FROM runtime/task.c: struct ac_task *task = atomic_exchange(&exec->inbox, NULL), *first = NULL;
        atomic {
            if
            :: stored != EMPTY -> parked = stored; stored = EMPTY
            :: else
            fi;
            i = 0;
            do
            :: i < TASKS -> got[i] = in_list[i]; in_list[i] = false; i++
            :: else -> break
            od;
            inbox = 0;
            i = 0
        }
        do
        :: i < TASKS ->
            if
            :: got[i] ->
#ifndef CLEARED_LATE
                // FROM runtime/task.c: if (atomic_fetch_and_explicit(&task->shared, ~AC__INBOX, memory_order_acq_rel) == AC__INBOX)
                atomic { assert(marked[i]); marked[i] = false };
#endif
                seen[i] = written[i]; /* the poll */
#ifdef CLEARED_LATE
                marked[i] = false;
#endif
                got[i] = false
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        if
        :: nwoken == WAKERS && inbox == 0 && stored == EMPTY -> break
        :: else
        fi;
        /* and parks */
        // FROM runtime/executor.c: atomic_store(&exec->parked, 1);
        store_parked(1);
        // FROM runtime/executor.c: bool inbox = atomic_load(&exec->inbox) != NULL;
#ifdef PARKS_WITHOUT_LOOKING
        any = false;
#else
        any = inbox > 0;
#endif
        if
        :: any -> skip
        :: else ->
            if
            :: atomic { bell -> bell = false }
            :: nwoken == WAKERS && inbox == 0 && seen[0] == written[0] && seen[1] == written[1] -> skip /* nobody comes any more */
            fi
        fi;
        // FROM runtime/executor.c: atomic_store(&exec->parked, 0);
        store_parked(0)
    od;
    assert(seen[0] == written[0] && seen[1] == written[1])
}

proctype Waker(byte me, task)
{
    bool was, rings;
    written[task]++;
    // FROM runtime/task.c: if (atomic_fetch_or_explicit(&task->shared, AC__INBOX, memory_order_acq_rel) & AC__INBOX)
    atomic { was = marked[task]; marked[task] = true }
#ifdef BIT_UNSEEN
    was = false;
#endif
    if
    :: !was ->
        // FROM runtime/task.c: while (!atomic_compare_exchange_weak(&exec->inbox, &first, task));
#ifdef PUSHED_RELAXED
        pushes[me] = task;
#else
        atomic { arrive(task) }
#endif
        // FROM runtime/task.c: if (atomic_load(&exec->parked) && atomic_exchange(&exec->parked, 0))
        rings = parked;
        if
        :: rings ->
            atomic {
                rings = parked;
                parked = false;
                if
                :: pushes[me] != EMPTY -> arrive(pushes[me]); pushes[me] = EMPTY
                :: else
                fi
            }
            // FROM runtime/task.c: exec->reactor->ops->unpark(exec->reactor);
            if
            :: rings -> bell = true
            :: else
            fi
        :: else
        fi;
        atomic {
            if
            :: pushes[me] != EMPTY -> arrive(pushes[me]); pushes[me] = EMPTY
            :: else
            fi
        }
    :: else
    fi;
    nwoken++
}

/* What is in the executor's buffer comes to memory at any time. */
proctype Buffer()
{
end:
    do
    :: atomic { stored != EMPTY -> parked = stored; stored = EMPTY }
    od
}

init {
    byte w;
    atomic {
        do
        :: w < WAKERS -> pushes[w] = EMPTY; run Waker(w, w % TASKS); w++
        :: else -> break
        od;
        run Buffer()
    }
}

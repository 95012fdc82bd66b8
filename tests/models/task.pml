/* task.pml - the task word of runtime/pool.h: one task, two workers, two wakers, one who holds the handle.
 *
 * Each step on the word is one atomic operation in pool.h or pool_task.c, so it is one step here; spin's sequential
 * consistency is what operations on one location have. The frame is polled by one worker at a time, the task is in a
 * queue at most once, no wake is lost, whoever joins is woken, nothing is touched after it was freed, and the
 * memory is freed.
 *
 * The task is ready once it has seen the event, which a waker sets before it wakes; the other waker wakes for
 * nothing. Somebody lists it. The handle's holder waits, may leave and come again, may cancel at any time. Who joins is a task, too,
 * which may be polled for other reasons, end, and be freed as soon as it has seen FINISHED. */

// MUTATION WAKE_LOST_WHILE_POLLED: a worker doesn't look at WOKEN after a poll that was pending
// MUTATION LOOKED_BEFORE: it looks, and clears OWNED by another step
// MUTATION QUEUED_WHILE_OWNED: a wake queues the task though it is in a queue, or a worker polls it
// MUTATION CANCEL_WAKES_NOT: a cancel sets its bit, and no other
// MUTATION JOINER_BORROWED: the joiner's waker isn't cloned
// MUTATION REFERENCE_GIVEN_EARLY: the worker gives up its reference before it reads the joiner's field
// MUTATION WOKEN_CLEARED_LATE: WOKEN is cleared after the poll and not before
// MUTATION BORN_IDLE: a task is queued for its first poll without OWNED
// MUTATION LISTED_UNOWNED: who lists the task looks at the frame of one that is polled
// MUTATION WAKE_LOST_WHILE_LISTED: when he lets go of it he doesn't look at WOKEN
// MUTATION ENDS_WHILE_LISTED: the worker doesn't take it off the list before it ends
// MUTATION FREED_BY_ALL: whoever reads that few references are left frees the memory

bool owned, woken, finished, cancel, joiner; /* the word, with */
byte refs;
bool freed;
byte queued; /* times that the task is in a queue */
byte inside; /* workers in its frame */
bool listed, list_locked; /* in its home's list of all; the lock of that */
bool event;  /* what the task waits for */
bool comes;  /* whether it will be; if not, the task is cancelled in the end */

bool field;       /* the joiner's field is somebody's who writes it */
byte joiner_refs; /* of the task that joins: its own and clones */
bool joiner_due;  /* it has been woken */

inline touch() { assert(!freed) }

inline push() {
    // FROM runtime/pool_task.c: ac__pool_schedule(task);
    assert(queued == 0);
    queued++
}

// FROM runtime/pool_task.c: unsigned before = atomic_fetch_sub_explicit(&task->shared, POOL_REFERENCE, memory_order_acq_rel);
// FROM runtime/pool_task.c: if (atomic_load_explicit(&task->shared, memory_order_acquire) / POOL_REFERENCE == 1) {
inline unref() {
    touch();
    if
#ifdef FREED_BY_ALL
    :: refs <= 2 ->
#else
    :: refs == 1 ->
#endif
        atomic {
            touch();
            assert(refs == 1);
            refs = 0;
            freed = true
        }
    :: else ->
        atomic {
            touch();
            assert(refs > 0);
            refs--;
            if
            :: refs == 0 -> freed = true
            :: else
            fi
        }
    fi
}

// FROM runtime/pool_task.c: return word & POOL_FINISHED ? word : word & POOL_OWNED ? word | POOL_WOKEN : word | POOL_OWNED;
// FROM runtime/pool_task.c: } while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, woken(before) | flags,
// FROM-NEXT runtime/pool_task.c: memory_order_acq_rel, memory_order_relaxed));
// FROM-NEXT runtime/pool_task.c: if (!(before & POOL_OWNED))
// FROM-NEXT runtime/pool_task.c: ac__pool_schedule(task);
// FROM runtime/pool_task.c: while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, after, memory_order_acq_rel,
// FROM-NEXT runtime/pool_task.c: memory_order_relaxed));
// FROM-NEXT runtime/pool_task.c: if (is_idle(before))
inline make_due(flag) {
    atomic {
        touch();
        owes = !owned && !finished;
        if
        :: finished
#ifdef CANCEL_WAKES_NOT
        :: !finished && flag -> owes = false
        :: !finished && !flag && owned -> woken = true
        :: !finished && !flag && !owned -> owned = true
#else
        :: !finished && owned ->
            woken = true;
#ifdef QUEUED_WHILE_OWNED
            owes = true
#endif
        :: !finished && !owned -> owned = true
#endif
        fi;
        cancel = cancel || (flag && !finished)
    }
    if
    :: owes -> push()
    :: else
    fi
}

proctype Waker(bool brings) {
    bool owes;
    event = event || (brings && comes);
    make_due(false);
    unref() /* its clone */
}

proctype Worker() {
    bool cancels, ready, had_joiner;
endless:
    do
    :: atomic { queued > 0 -> queued-- }
        // FROM runtime/pool.h: unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
        // FROM-NEXT runtime/pool.h: return word & POOL_WOKEN ? atomic_fetch_and_explicit(&task->shared, ~POOL_WOKEN, memory_order_acq_rel) : word;
        atomic {
            touch();
            assert(owned && !finished);
            ready = woken;
            cancels = cancel
        }
#ifndef WOKEN_CLEARED_LATE
        if
        :: ready -> atomic { touch(); woken = false; cancels = cancel }
        :: else
        fi;
#endif
        atomic { assert(inside == 0); inside++ }
        ready = cancels || event;
        atomic { touch(); inside-- }
        if
        :: !ready ->
            // FROM runtime/pool.c: add_to_all(self, task);
            if
            :: !listed -> atomic { !list_locked -> listed = true }
            :: else
            fi;
            // FROM runtime/pool.h: while (!(word & POOL_WOKEN)
            // FROM-NEXT runtime/pool.h: && !atomic_compare_exchange_weak_explicit(&task->shared, &word, word & ~POOL_OWNED, memory_order_release,
            // FROM-NEXT runtime/pool.h: memory_order_relaxed))
#ifdef LOOKED_BEFORE
            touch();
            ready = woken;
            owned = ready;
#else
            atomic {
                touch();
#ifdef WOKEN_CLEARED_LATE
                woken = false;
#endif
                ready = woken; /* from here on: it has to be queued */
                owned = ready
            }
#endif
#ifndef WAKE_LOST_WHILE_POLLED
            if
            :: ready -> push()
            :: else
            fi
#endif
        :: else ->
#ifndef ENDS_WHILE_LISTED
            // FROM runtime/pool.c: remove_from_all(task);
            if
            :: listed -> atomic { !list_locked -> listed = false }
            :: else
            fi;
#endif
            // FROM runtime/pool_task.c: after = (before & ~POOL_OWNED) | flags;
            // FROM runtime/pool_task.c: after -= POOL_REFERENCE;
            // FROM-NEXT runtime/pool_task.c: } while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, after, memory_order_acq_rel,
            // FROM-NEXT runtime/pool_task.c: memory_order_relaxed));
            // FROM-NEXT runtime/pool_task.c: if (before & POOL_JOINER) {
            // FROM-NEXT runtime/pool_task.c: ac_wake(task->joiner);
            // FROM-NEXT runtime/pool_task.c: unref(task);
            atomic {
                touch();
                owned = false;
                finished = true;
                had_joiner = joiner;
                if
                :: !had_joiner ->
                    refs--;
                    if
                    :: refs == 0 -> freed = true
                    :: else
                    fi
                :: else
                fi
            }
            if
            :: had_joiner ->
#ifdef REFERENCE_GIVEN_EARLY
                unref();
#endif
                atomic { touch(); assert(!field) }
                atomic { assert(joiner_refs > 0); joiner_due = true }
#ifndef JOINER_BORROWED
                atomic { assert(joiner_refs > 0); joiner_refs-- }
#endif
#ifndef REFERENCE_GIVEN_EARLY
                unref()
#endif
            :: else
            fi
        fi
    od
}

/* Holds the handle; a task itself, whose memory goes with its last waker. */
proctype Holder() {
    bool owes, over, offered, has_cancelled;
    do
    :: // FROM runtime/pool_task.c: task->joiner = ac_waker_clone(waker);
        touch();
        over = finished;
        if
        :: over -> break
        :: else
        fi;
        field = true;
#ifndef JOINER_BORROWED
        joiner_refs++;
#endif
        field = false;
        // FROM runtime/pool_task.c: atomic_compare_exchange_weak_explicit(&task->shared, &word, word | POOL_JOINER, memory_order_acq_rel,
        // FROM-NEXT runtime/pool_task.c: memory_order_acquire));
        atomic { touch(); over = finished; joiner = joiner || !over; offered = !over }
        if
        :: over ->
#ifndef JOINER_BORROWED
            joiner_refs--;
#endif
            break
        :: else
        fi;
        if
        :: joiner_due -> joiner_due = false /* polled again */
        :: finished /* polled for another reason */
        :: skip -> /* told to wait for something else, or to cancel */
            if
            :: !has_cancelled ->
                has_cancelled = true;
                make_due(true)
            :: true
            fi
        fi;
        // FROM runtime/pool_task.c: atomic_compare_exchange_weak_explicit(&task->shared, &word, word & ~POOL_JOINER, memory_order_acq_rel,
        // FROM-NEXT runtime/pool_task.c: memory_order_acquire));
        // FROM-NEXT runtime/pool_task.c: ac_waker_drop(task->joiner);
        atomic { touch(); over = finished; joiner = joiner && over }
        if
        :: over -> break
        :: else -> /* the field is the holder's again, with the clone */
            field = true;
#ifndef JOINER_BORROWED
            joiner_refs--;
#endif
            field = false
        fi;
        /* For the model to end, it leaves only so often. */
        if
        :: event || has_cancelled || !comes -> break
        :: true
        fi
    od;
    if
    :: !over && !comes && !has_cancelled -> has_cancelled = true; make_due(true)
    :: else
    fi;
    /* The last wait, without leaving. */
    if
    :: !over ->
        field = true;
#ifndef JOINER_BORROWED
        joiner_refs++;
#endif
        field = false;
        atomic { touch(); over = finished; joiner = joiner || !over }
        if
        :: over ->
#ifndef JOINER_BORROWED
            joiner_refs--
#endif
            skip
        :: else ->
            do
            :: joiner_due -> joiner_due = false; if :: finished -> break :: else fi
            :: finished -> break
            od
        fi
    :: else
    fi;
    /* The frame is over: the result may be read. */
    assert(finished && inside == 0);
    unref();
    atomic { assert(joiner_refs > 0); joiner_refs-- } /* its own: it ends */
}

/* Lists the task, once, if it is ever in the list, whose lock keeps it in memory. */
proctype Lister() {
    bool holds, due;
end:
    atomic { listed && !list_locked -> list_locked = true }
    // FROM runtime/pool_task.c: while (is_idle(word)
    // FROM-NEXT runtime/pool_task.c: && !atomic_compare_exchange_weak_explicit(&task->shared, &word, word | POOL_OWNED, memory_order_acquire,
    // FROM-NEXT runtime/pool_task.c: memory_order_relaxed))
    atomic {
        touch();
#ifdef LISTED_UNOWNED
        holds = !finished;
#else
        holds = !owned && !finished;
        owned = owned || holds
#endif
    }
    if
    :: holds ->
        // FROM runtime/pool.c: ac__print_places(out, task->type, task + 1);
        atomic { touch(); assert(inside == 0); inside++ }
        // FROM-NEXT runtime/pool.c: if (ac__pool_task_pause(task))
        // FROM-NEXT runtime/pool.c: ac__pool_schedule(task);
#ifdef WAKE_LOST_WHILE_LISTED
        atomic { touch(); inside--; owned = false }
#else
        atomic { touch(); inside--; due = woken; owned = due }
        if
        :: due -> push()
        :: else
        fi
#endif
    :: else
    fi;
    list_locked = false
}

/* At the end all is given back. */
proctype Judge() {
    freed && joiner_refs == 0;
    assert(refs == 0 && queued == 0 && inside == 0)
}

init {
    atomic {
        // FROM runtime/pool.h: atomic_init(&task->shared, POOL_OWNED | flags | 2 * POOL_REFERENCE);
#ifndef BORN_IDLE
        owned = true;
#endif
        queued = 1;
        refs = 4; /* the pool's, the handle's, two wakers' */
        joiner_refs = 1;
        if
        :: comes = true
        :: comes = false
        fi;
        run Worker();
        run Worker();
        run Waker(true);
        run Waker(false);
        run Holder();
        run Lister();
        run Judge()
    }
}

/* The semaphore of sync.c: fast paths, queue, cancelling, and memory that goes with its last user.
 *
 * Three tasks share two permits; the first wants both. Two may cancel their wait once, and
 * come again.
 * When it finds that the others are done it frees the memory, whether or not their releases have returned. */

// MUTATION LEAVES_WITHOUT_THE_LOCK: one who was told goes on while who told him is still at it
// MUTATION WAKES_BEFORE_IT_TELLS: the task is woken before its leaf can see why
// MUTATION CANCELLED_KEEPS_PERMITS: one who is cancelled after he was told gives nothing back
// MUTATION CANCEL_SERVES_NOBODY: who is cancelled doesn't look whether the next wants less
// MUTATION RELEASE_OVERTAKES_THE_QUEUE: permits are added by the fast path though somebody waits
// MUTATION QUEUES_WITHOUT_LOOKING_AGAIN: what was given back before the lock was taken isn't seen
// MUTATION UNLOCKS_AND_LOOKS_AGAIN: the unlock isn't the last access

#define N 3
#define MOST 2
#include "waiting.h"

bool waiters; /* WAITERS */
byte permits = MOST, in_use, ndone;
#define WANTS(i) (i == 0 -> 2 : 1)

inline serve() /* with the lock; then unlocks */
{
    do
    :: queue?[first] ->
        queue?<first>;
        if
        // FROM runtime/sync.c: while ((first = semaphore->waiters.first) != NULL && first->wants <= permits) {
        :: WANTS(first) <= given ->
            queue?first;
            // FROM runtime/sync.c: permits -= first->wants;
            given = given - WANTS(first);
            // FROM runtime/sync.c: ac__tell(&semaphore->waiters, AC__TOLD);
            tell(first)
        :: else -> break
        fi
    :: empty(queue) -> break
    od;
    unlock(given)
}

// FROM runtime/sync.c: return permits * PERMIT | (first != NULL ? WAITERS : 0);
inline unlock(bits)
{
    atomic {
        permits = bits;
        waiters = nempty(queue);
        // FROM runtime/sync.c: WAITERS  =>  the queue isn't empty and its first wants more permits than there are
        if
        :: nempty(queue) -> queue?<first>; assert(WANTS(first) > permits)
        :: empty(queue) -> skip
        fi;
        drop_lock();
        given = 0;
        first = 0
    }
#ifdef UNLOCKS_AND_LOOKS_AGAIN
    assert(!freed);
#endif
}

inline release()
{
    atomic {
        assert(!freed);
        slow = true;
        if
#ifdef RELEASE_OVERTAKES_THE_QUEUE
        :: !locked -> permits = permits + WANTS(me); slow = false
#else
        // FROM runtime/sync.c: if (ac__swap(&semaphore->word, &word, sum * PERMIT, __ATOMIC_RELEASE))
        :: !locked && !waiters -> permits = permits + WANTS(me); slow = false
#endif
        :: else
        fi
    }
    if
    :: slow ->
        slow = false;
        take_lock();
        // FROM runtime/sync.c: unsigned sum = ac__lock(&semaphore->word) / PERMIT + permits;
        given = permits + WANTS(me);
        // FROM runtime/sync.c: ac__unlock(&semaphore->word, serve(semaphore, sum < most ? sum : most));
        serve()
    :: else
    fi
}

inline begin()
{
    atomic {
        assert(!freed);
        if
        // FROM runtime/sync.c: while (!(word & (WAITERS | AC__LOCKED)) && word / PERMIT >= permits)
        :: !locked && !waiters && permits >= WANTS(me) ->
            // FROM runtime/sync.c: if (ac__swap(&semaphore->word, &word, word - permits * PERMIT, __ATOMIC_ACQUIRE))
            permits = permits - WANTS(me);
            state[me] = OVER
        :: else
        fi
    }
    if
    :: state[me] == FRESH ->
        take_lock();
        if
#ifndef QUEUES_WITHOUT_LOOKING_AGAIN
        // FROM runtime/sync.c: bool taken = !(word & WAITERS) && word / PERMIT >= self->wait.wants;
        :: !waiters && permits >= WANTS(me) ->
            state[me] = OVER;
            given = permits - WANTS(me);
            unlock(given)
#endif
        :: else ->
            borrowed[me] = true;
            // FROM runtime/sync.c: ac__queue(&semaphore->waiters, &self->wait, waker);
            queue!me;
            state[me] = WAITING;
            given = permits;
            unlock(given)
        fi
    :: else
    fi
}

inline leave_by_ready()
{
#ifndef LEAVES_WITHOUT_THE_LOCK
    atomic {
        assert(!freed);
        if
        // FROM runtime/lock.h: if (__atomic_load_n(word, __ATOMIC_ACQUIRE) & AC__LOCKED)
        :: !locked -> slow = false
        :: else -> slow = true
        fi
    }
    if
    :: slow ->
        slow = false;
        // FROM runtime/lock.h: ac__unlock(word, ac__lock(word));
        take_lock();
        drop_lock()
    :: else
    fi;
#endif
    state[me] = OVER;
    borrowed[me] = false
}

inline cancel()
{
    take_lock();
    // FROM runtime/sync.c: unsigned permits = ac__lock(&semaphore->word) / PERMIT;
    given = permits;
    if
    // FROM runtime/sync.c: ac__unqueue(&semaphore->waiters, wait);
    :: state[me] == WAITING -> queue??eval(me)
#ifndef CANCELLED_KEEPS_PERMITS
    // FROM runtime/sync.c: permits = permits + wait->wants < most ? permits + wait->wants : most;
    :: else -> given = given + WANTS(me)
#else
    :: else
#endif
    fi;
#ifdef CANCEL_SERVES_NOBODY
    unlock(given);
#else
    // FROM runtime/sync.c: ac__unlock(&semaphore->word, serve(semaphore, permits));
    serve();
#endif
    state[me] = FRESH;
    borrowed[me] = false
}

active [N] proctype task()
{
    byte me = _pid, first, given;
    bool slow, may_cancel = me != 2;
    spurious[me] = me == 1;
again:
    begin();
    do
    :: state[me] == OVER -> break
    :: state[me] != OVER ->
        if
        :: until_due(me);
            if
            // FROM runtime/sync.c: ac__lock_pass(&self->semaphore->word);
            :: state[me] == TOLD -> leave_by_ready()
            :: else
            fi
        :: may_cancel -> may_cancel = false; cancel(); goto again
        fi
    od;
    in_use = in_use + WANTS(me);
    assert(in_use <= MOST);
    in_use = in_use - WANTS(me);
    if
    :: me != 0 -> ndone++; release()
    :: me == 0 && ndone == N - 1 -> freed = true /* all is his, so all have given back */
    :: me == 0 && ndone < N - 1 -> release(); state[me] = FRESH; goto again
    fi
}

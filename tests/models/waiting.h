/* waiting.h - what the models share: a lock that is a bit of a word, tasks, their wakers, and memory that
 * somebody frees.
 *
 * Each load, store and locked operation is a step of its own; a compare-and-swap with the load before it is one,
 * since it succeeds only where nothing has changed in between. */
#define FRESH 0
#define WAITING 1
#define TOLD 2
#define OVER 3
#define SENT_AWAY 4

bool locked;     /* AC__LOCKED */
bool freed;      /* the memory with the lock in it */
byte state[N];   /* of each task's leaf: struct ac__waiter */
bool due[N];     /* the task is scheduled */
bool borrowed[N]; /* the leaf is there, and so its waker may be used */
chan queue = [N] of { byte }; /* struct ac__waiters */

/* Waiting for the lock is spinning or sleeping: lock.pml looks into that. */
inline take_lock()
{
    // FROM runtime/lock.h: return !(*bits & AC__LOCKED) && ac__swap(word, bits, *bits | AC__LOCKED, __ATOMIC_ACQUIRE);
    atomic { !locked -> assert(!freed); locked = true }
}

// FROM runtime/lock.h: return __atomic_exchange_n(word, bits, __ATOMIC_RELEASE) & AC__SLEEPERS;
inline drop_lock()
{
    assert(locked && !freed);
    locked = false
}

/* With the lock. What: TOLD, or SENT_AWAY. */
inline tell_that(who, what)
{
#ifdef WAKES_BEFORE_IT_TELLS
    assert(borrowed[who]);
    due[who] = true;
    state[who] = what;
#else
    // FROM runtime/lock.h: ac__waiter_set(waiter, state);
    state[who] = what;
    // FROM runtime/lock.h: ac_wake_by_ref(waker);
    assert(borrowed[who]);
    due[who] = true;
#endif
}
inline tell(who) { tell_that(who, TOLD) }

/* An executor polls what is due, or for reasons of its own, but that is no use to be relied on. */
inline until_due(me)
{
    atomic {
        if
        :: due[me] -> due[me] = false
        :: spurious[me] -> spurious[me] = false
        fi
    }
}
bool spurious[N]; /* one such poll is still allowed */

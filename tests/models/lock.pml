/* The lock of lock.h: spinning is left out, sleeping is not. Each of four tasks takes it once; the last to
 * have it frees the memory with the word in it, though another's futex call may still name it. */

// MUTATION SLEEPS_WITHOUT_SAYING: who sleeps doesn't set SLEEPERS
// MUTATION FORGETS_OTHER_SLEEPERS: who has slept takes the lock as if no one else did
// MUTATION SLEEPS_WITHOUT_LOOKING: the kernel doesn't compare the word
// MUTATION READS_THE_WORD_AFTERWARDS: the unlock isn't the last access
// MUTATION WAKES_NOBODY: the unlock forgets the sleepers

#define N 4

bool locked, sleepers, freed;
byte inside, nleft = N, nasleep;
chan wakeups = [N] of { bit }; /* to those who are asleep */

inline acquire()
{
    saw_locked = true;
    has_slept = false;
    do
    :: atomic {
           assert(!freed);
           if
           // FROM runtime/lock.c: if (!(is & AC__LOCKED)) {
           :: !locked ->
               locked = true;
#ifndef FORGETS_OTHER_SLEEPERS
               // FROM runtime/lock.c: if (ac__swap(word, &is, is | AC__LOCKED | AC__SLEEPERS, __ATOMIC_ACQUIRE))
               sleepers = has_slept;
#endif
               saw_locked = false
           :: else ->
#ifndef SLEEPS_WITHOUT_SAYING
               // FROM runtime/lock.c: } else if (is & AC__SLEEPERS || ac__swap(word, &is, is | AC__SLEEPERS, __ATOMIC_RELAXED)) {
               sleepers = true
#else
               skip
#endif
           fi
       };
       if
       :: !saw_locked -> break
       :: else
       fi;
       /* The kernel looks at the word and puts to sleep in one step. */
       atomic {
           if
#ifdef SLEEPS_WITHOUT_LOOKING
           :: true -> nasleep++; saw_locked = true
#elif defined(SLEEPS_WITHOUT_SAYING)
           :: locked -> nasleep++; saw_locked = true
#else
           // FROM runtime/lock.c: ac__futex_wait(word, is | AC__SLEEPERS);
           :: locked && sleepers -> nasleep++; saw_locked = true
#endif
           :: else -> saw_locked = false
           fi
       };
       if
       :: saw_locked -> wakeups?_; has_slept = true
       :: else -> saw_locked = true; has_slept = true
       fi
    od
}

inline release()
{
    // FROM runtime/lock.h: return __atomic_exchange_n(word, bits, __ATOMIC_RELEASE) & AC__SLEEPERS;
    atomic {
        assert(locked && !freed);
        saw_locked = sleepers;
        locked = false;
        sleepers = false
    }
#ifdef READS_THE_WORD_AFTERWARDS
    assert(!freed);
#endif
#ifndef WAKES_NOBODY
    if
    :: saw_locked ->
        // FROM runtime/lock.h: ac__futex_wake(word);
        atomic {
            if
            :: nasleep > 0 -> nasleep--; wakeups!1
            :: else
            fi
        }
    :: else
    fi
#endif
}

active [N] proctype task()
{
    bool saw_locked, has_slept, last;
    acquire();
    inside++;
    assert(inside == 1);
    inside--;
    nleft--;
    last = nleft == 0;
    release();
    if
    :: last -> freed = true
    :: else
    fi
}

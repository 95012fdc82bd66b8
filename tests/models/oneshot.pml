/* The oneshot: a sender who sends and closes, or only closes; a receiver who waits, may cancel and come again or
 * close, and is polled for no reason once. Whoever finds that the other is gone frees the
 * memory. */

// MUTATION BELIEVES_THE_WORD_OF_A_LOCKED_ONE: a poll while the sender wakes, before SENT is there, waits for another wake
// MUTATION WAKES_WITHOUT_THE_LOCK: the waker is used though the receiver may leave
// MUTATION SENDS_PAST_THE_WAITER: the fast path is taken though somebody waits
// MUTATION CANCEL_STAYS_WAITING: one who is cancelled leaves his waker there
// MUTATION LOOKS_THEN_SETS: a bit is set in another step than the other's is looked at
// MUTATION CLOSES_SILENTLY: a sender who sends nothing wakes nobody

#define N 1
#include "waiting.h"

bool sent, sender_gone, receiver_gone, waits;
byte nleft = 2, value;

/* Sets a bit: see set() in oneshot.c. */
inline set(bit_, other)
{
    atomic {
        assert(!freed);
        gone = other;
        slow = false;
#ifdef LOOKS_THEN_SETS
    }
    atomic {
#endif
        if
        :: gone -> skip
#ifdef SENDS_PAST_THE_WAITER
        :: !gone && !locked -> bit_ = true
#else
        // FROM runtime/oneshot.c: while (!(word & (WAITING | AC__LOCKED | unless)))
        :: !gone && !waits && !locked -> bit_ = true
#endif
        :: else -> slow = true
        fi
    }
    if
    :: slow ->
#ifndef WAKES_WITHOUT_THE_LOCK
        // FROM runtime/oneshot.c: word = ac__lock(&oneshot->word);
        take_lock();
#endif
        gone = other;
        if
#ifdef CLOSES_SILENTLY
        :: waits && !gone && sent -> assert(borrowed[0]); due[0] = true
#else
        // FROM runtime/oneshot.c: ac_wake_by_ref(oneshot->waker);
        :: waits && !gone -> assert(borrowed[0]); due[0] = true
#endif
        :: else
        fi;
        // FROM runtime/oneshot.c: ac__unlock(&oneshot->word, word & unless ? word : (word | bit) & ~(unsigned)WAITING);
        atomic {
            if
            :: !gone -> bit_ = true; waits = false
            :: else
            fi;
#ifndef WAKES_WITHOUT_THE_LOCK
            drop_lock()
#endif
        }
    :: else
    fi
}

inline leave()
{
    if
    // FROM runtime/oneshot.c: free(oneshot);
    :: gone -> assert(!freed); freed = true
    :: else
    fi;
    nleft--;
    assert(nleft > 0 || freed)
}

active proctype receiver()
{
    bool gone, slow, finished, may_cancel = true;
    spurious[0] = true;
    due[0] = true;
again:
    do
    :: until_due(0);
        // FROM runtime/oneshot.c: unsigned word = __atomic_load_n(&oneshot->word, __ATOMIC_ACQUIRE);
        atomic {
            assert(!freed);
            finished = sent || sender_gone;
#ifdef BELIEVES_THE_WORD_OF_A_LOCKED_ONE
            slow = state[0] != WAITING
#else
            // FROM runtime/oneshot.c: if (self->state == AC__WAITING && self->waker == cx->waker && !(word & AC__LOCKED))
            slow = state[0] != WAITING || locked
#endif
        };
        if
        :: !finished && slow ->
            // FROM runtime/oneshot.c: word = ac__lock(&oneshot->word);
            take_lock();
            finished = sent || sender_gone;
            if
            // FROM runtime/oneshot.c: oneshot->waker = self->waker = cx->waker;
            :: !finished -> borrowed[0] = true; state[0] = WAITING
            :: else
            fi;
            // FROM runtime/oneshot.c: ac__unlock(&oneshot->word, waits ? word | WAITING : word);
            atomic {
                if
                :: !finished -> waits = true
                :: else
                fi;
                drop_lock()
            }
        :: else
        fi;
        if
        :: finished -> borrowed[0] = false; break
        :: else
        fi
    :: may_cancel && state[0] == WAITING ->
        may_cancel = false;
        // FROM runtime/oneshot.c: unsigned word = ac__lock(&self->oneshot->word);
        take_lock();
        atomic {
#ifndef CANCEL_STAYS_WAITING
            // FROM runtime/oneshot.c: ac__unlock(&self->oneshot->word, word & ~(unsigned)WAITING);
            waits = false;
#endif
            drop_lock()
        };
        borrowed[0] = false;
        state[0] = FRESH;
        if
        :: due[0] = true; goto again
        :: break
        fi
    od;
    assert(!sent || value == 1);
    set(receiver_gone, sender_gone);
    leave()
}

active proctype sender()
{
    bool gone, slow;
    if
    // FROM runtime/oneshot.c: memcpy(oneshot->value, value, oneshot->size);
    :: value = 1; set(sent, receiver_gone)
    :: true
    fi;
    set(sender_gone, receiver_gone);
    leave()
}

/* The bounded channel: two senders of a value each, two receivers, room for one value. Each may cancel one
 * operation and then tries again. At the end each value was received once, and the memory freed once;
 * or, with RECEIVER_LEAVES, a receiver closes whenever he likes, and the senders may get -EPIPE.
 *
 * Under the lock only what others can see without it takes a step: telling and waking. */

// MUTATION LEAVES_WITHOUT_THE_LOCK: one who was told leaves before he has the lock
// MUTATION WAKES_BEFORE_IT_TELLS: the task is woken before its leaf can see why
// MUTATION CANCELLED_KEEPS_ITS_PLACE: one who is cancelled after he was told gives nothing back
// MUTATION CLOSING_TELLS_NOBODY: those who wait don't hear that an end is closed
// MUTATION ENDS_BEFORE_ALL_IS_TAKEN: -EPIPE while a value is there that may be given back
// MUTATION GIVES_TWICE: a place is promised and free at once
// MUTATION TAKES_WITHOUT_MAKING_ROOM: what was taken leaves no place
// MUTATION CANCELLED_STAYS_COUNTED: who was told and is cancelled counts as one who will come
// MUTATION LAST_VALUE_TELLS_NOBODY: who takes the last value after the end doesn't tell those who wait

#define N 4 /* 0 and 1 send, 2 and 3 receive */
#include "waiting.h"
#define EACH 1
#define IS_SENDER(i) (i < 2)

byte nsenders = 2, nreceivers = 2;
byte count; /* of values that are there, to be checked */
byte room = 1, items; /* nfree of the gates */
byte npassed[2], naway[2]; /* of the gates: of receivers, of senders */
byte nsent, nreceived;
chan senders = [2] of { byte };
chan receivers = [2] of { byte };

// FROM runtime/channel.c: static bool is_over(const struct ac_channel *channel)
#ifdef ENDS_BEFORE_ALL_IS_TAKEN
#define IS_OVER (nsenders == 0)
#else
// FROM runtime/channel.c: return channel->ended && channel->items.nfree == 0 && channel->items.npassed == 0;
#define IS_OVER ((nsenders == 0 || IS_CLOSED) && items == 0 && npassed[0] == 0)
#endif
// FROM runtime/channel.c: if (channel->nreceivers == 0)
// FROM-NEXT runtime/channel.c: channel->closed = true;
#define IS_CLOSED (nreceivers == 0)

inline open_gate(waiters, nfree)
{
    if
    // FROM runtime/channel.c: gate->nfree++;
    :: empty(waiters) -> nfree++
    :: nempty(waiters) ->
        waiters?other;
#ifdef GIVES_TWICE
        nfree++;
#endif
        // FROM runtime/channel.c: gate->npassed++;
        npassed[IS_SENDER(other)]++;
        // FROM runtime/channel.c: ac__tell_at_once(&gate->waiters, AC__TOLD);
        tell(other);
        other = 0
    fi
}

inline close_gate(waiters)
{
    do
    :: nempty(waiters) ->
        waiters?other;
        // FROM runtime/channel.c: gate->naway++;
        naway[IS_SENDER(other)]++;
        // FROM-NEXT runtime/channel.c: ac__tell(&gate->waiters, AC__SENT_AWAY);
        tell_that(other, SENT_AWAY);
        other = 0
    :: empty(waiters) -> break
    od
}

inline wait_at(waiters)
{
    borrowed[me] = true;
    // FROM runtime/channel.c: ac__queue(&gate->waiters, wait, waker);
    waiters!me;
    state[me] = WAITING
}

/* One poll; whether it is a send or a receive the task knows. Sets state to OVER, and piped. */
inline poll()
{
    take_lock();
    if
    // FROM runtime/channel.c: gate->npassed--;
    :: state[me] == TOLD -> npassed[IS_SENDER(me)]--
    // FROM runtime/channel.c: gate->naway--;
    :: state[me] == SENT_AWAY -> naway[IS_SENDER(me)]--
    :: else
    fi;
    if
    :: IS_SENDER(me) ->
        if
        // FROM runtime/channel.c: if (channel->closed)
        :: IS_CLOSED -> piped = true; state[me] = OVER
        // FROM runtime/channel.c: return owned || pass(&channel->room) ? 0 : -EAGAIN;
        :: !IS_CLOSED && (room > 0 || state[me] == TOLD) ->
            if
            :: state[me] == TOLD -> skip
            // FROM runtime/channel.c: gate->nfree--;
            :: state[me] != TOLD -> room--
            fi;
            count++;
            assert(count <= 1);
            nsent++;
            state[me] = OVER;
            // FROM runtime/channel.c: open_gate(&channel->items, alone);
            open_gate(receivers, items)
        // FROM runtime/channel.c: wait_at(&channel->room, &self->wait, state, cx->waker);
        :: else -> wait_at(senders)
        fi
    :: else ->
        if
        // FROM runtime/channel.c: if (!owned && !pass(&channel->items))
        :: items > 0 || state[me] == TOLD ->
            if
            :: state[me] == TOLD -> skip
            :: else -> items--
            fi;
            assert(count > 0);
            count--;
            nreceived++;
            state[me] = OVER;
#ifndef TAKES_WITHOUT_MAKING_ROOM
            // FROM runtime/channel.c: open_gate(&channel->room, false);
            open_gate(senders, room);
#endif
#ifndef LAST_VALUE_TELLS_NOBODY
            if
            // FROM runtime/channel.c: if (is_over(channel))
            // FROM-NEXT runtime/channel.c: close_gate(&channel->items);
            :: IS_OVER -> close_gate(receivers)
            :: else
            fi
#endif
        :: else ->
            if
            // FROM runtime/channel.c: return is_over(channel) ? -EPIPE : -EAGAIN;
            :: IS_OVER -> piped = true; state[me] = OVER
            :: else -> wait_at(receivers)
            fi
        fi
    fi;
    if
    :: state[me] == OVER -> borrowed[me] = false
    :: else
    fi;
    assert(count == items + npassed[0]);
    drop_lock()
}

inline cancel()
{
    take_lock();
    if
    // FROM runtime/channel.c: ac__unqueue(&gate->waiters, wait);
    :: state[me] == WAITING ->
        if
        :: IS_SENDER(me) -> senders??eval(me)
        :: else -> receivers??eval(me)
        fi
    :: else ->
#ifndef CANCELLED_STAYS_COUNTED
        // FROM runtime/channel.c: state = arrive(gate, wait, state);
        if
        :: state[me] == TOLD -> npassed[IS_SENDER(me)]--
        :: state[me] == SENT_AWAY -> naway[IS_SENDER(me)]--
        fi;
#endif
#ifndef CANCELLED_KEEPS_ITS_PLACE
        if
        // FROM runtime/channel.c: else if (state == AC__TOLD)
        // FROM-NEXT runtime/channel.c: open_gate(gate, false);
        :: state[me] == TOLD && IS_SENDER(me) -> open_gate(senders, room)
        :: state[me] == TOLD && !IS_SENDER(me) -> open_gate(receivers, items)
        :: else
        fi
#else
        skip
#endif
    fi;
    drop_lock();
    borrowed[me] = false;
    state[me] = FRESH
}

inline close_end()
{
    take_lock();
    if
    // FROM runtime/channel.c: if (--*owners == 0 && (gate->waiters.first != NULL || gate->npassed + gate->naway > 0))
    :: IS_SENDER(me) -> nsenders--; assert(nsenders > 0 || (empty(senders) && npassed[1] + naway[1] == 0))
    :: else -> nreceivers--; assert(nreceivers > 0 || (empty(receivers) && npassed[0] + naway[0] == 0))
    fi;
#ifndef CLOSING_TELLS_NOBODY
    if
    // FROM runtime/channel.c: close_gate(&channel->room);
    :: IS_CLOSED -> close_gate(senders)
    :: else
    fi;
    if
    // FROM runtime/channel.c: close_gate(&channel->items);
    :: IS_OVER -> close_gate(receivers)
    :: else
    fi;
#endif
    // FROM runtime/channel.c: bool last = channel->nsenders == 0 && channel->nreceivers == 0;
    last = nsenders == 0 && nreceivers == 0;
    drop_lock();
    if
    // FROM runtime/channel.c: free_channel(channel);
    :: last -> assert(!freed); freed = true
    :: else
    fi
}

/* One operation, to its end. */
inline operate()
{
    state[me] = FRESH;
    poll();
    do
    :: state[me] == OVER -> break
    :: state[me] != OVER ->
        if
        :: until_due(me);
            if
            // FROM runtime/channel.c: return state == AC__WAITING ? wait->waker != cx->waker : ac__spend(cx);
            :: state[me] == WAITING -> skip
#ifdef LEAVES_WITHOUT_THE_LOCK
            :: else -> borrowed[me] = false; poll()
#else
            :: else -> poll()
#endif
            fi
        :: may_cancel -> may_cancel = false; cancel(); poll()
        fi
    od;
    due[me] = false
}

active [N] proctype task()
{
    byte me = _pid, other, i;
    bool piped, last, may_cancel = me == 0 || me == 2;
    spurious[me] = me == 3;
    if
    :: IS_SENDER(me) ->
        for (i : 1 .. EACH) {
            operate();
            if
            :: piped -> break
            :: else
            fi
        }
    :: else ->
        do
        :: operate();
            if
            :: piped -> break
#ifdef RECEIVER_LEAVES
            :: !piped -> break
#endif
            :: !piped
            fi
        od;
#ifndef RECEIVER_LEAVES
        if
        :: me == 2 -> nreceivers == 1 /* who knows that all is over need not close for the others to hear of it */
        :: else
        fi;
        assert(nreceived == 2 * EACH && nsent == 2 * EACH)
#endif
    fi;
    close_end()
}

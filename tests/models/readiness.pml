/* readiness.pml - the word of a descriptor in a pool's reactor (runtime/reactor.h, slot.c, io.c): who tries looks at it
 * without the lock, and still no wake-up is lost, and no wait is touched after it is gone.
 *
 * A peer sends a few bytes to a kept descriptor, a stream, and may end or stop at any time. Two workers fetch what the system says of
 * it: each sending makes an edge, fetched later, and told still later. Two tasks read, one operation after the other,
 * with a wait each, which is gone with its operation. Which worker polls them is no matter, so each is a process. One
 * may be polled for nothing once, and cancel once. Where bytes are left, or the end, a task that waits for ever is an
 * end that is none. Nobody closes the descriptor, and the tick doesn't come round.
 *
 * What is done with the lock is one step where no more than one part of it is seen by others without the lock: they see the
 * word, and of a link only who is polled sees his own. So the lock stays taken from one step to the next where a
 * waiter is woken. A compare-and-swap with the load before it is one step. Of the two directions there is one. */

// MUTATION EMPTY_WITHOUT_TICK: who has read all there was clears MAY_READ though an event has come since
// MUTATION EMPTY_AFTER_THE_END: he clears it though the peer has ended, of which no more is told
// MUTATION BLOCKS_WITHOUT_TICK: who tried in vain waits though an event has come since
// MUTATION TICK_NOTED_LATE: the tick is noted after the try
// MUTATION WAITS_WITHOUT_LOOKING: who waits without a try doesn't look again with the lock
// MUTATION TOLD_WITHOUT_TICK: an event doesn't count
// MUTATION WAKES_ONE: an event wakes only who waits first
// MUTATION LINK_NULL_FIRST: the link is null before the wake, as on a thread's own executor
// MUTATION LINKED_GOES_ON: who finds that he is linked doesn't wait for the lock
// MUTATION WOKEN_BY_THE_POLL: nor, once he has it, does he look whether he still is
// MUTATION CANCELS_WITHOUT_THE_LOCK: a cancel unlinks while he is woken

#define N 2
#define FETCHERS 2
#define SENDS 2

bool may_read = true, hung_up; /* the word, with */
byte tick = 1;
bool locked;                    /* the reactor's lock */
chan waiters = [N] of { byte }; /* slot->waiters[AC__READ] */
bool linked[N];                 /* the wait's link isn't null */
bool there[N];                  /* the wait's memory, and its waker */
bool due[N], spurious[N], may_cancel[N];

byte bytes;  /* in the socket */
bool ended;  /* behind them is the end */
bool edge;   /* there is something to fetch */
bool quiet;  /* the peer is done */

// FROM runtime/reactor.h: if (reactor->lock == NULL) {
// FROM-NEXT runtime/reactor.h: ac__set_link(wait, NULL);
// FROM-NEXT runtime/reactor.h: ac_wake_by_ref(waker);
// FROM-NEXT runtime/reactor.h: } else {
// FROM-NEXT runtime/reactor.h: ac_wake_by_ref(waker);
// FROM-NEXT runtime/reactor.h: ac__between();
// FROM-NEXT runtime/reactor.h: ac__set_link(wait, NULL);
inline set_link_null(who) { d_step { assert(there[who]); linked[who] = false } }

inline wake_waker(who) { d_step { assert(there[who]); due[who] = true } }

/* Who has been taken out of the list. */
inline wake(who)
{
#ifdef LINK_NULL_FIRST
    set_link_null(who);
    wake_waker(who)
#else
    wake_waker(who);
    set_link_null(who)
#endif
}

proctype Fetcher()
{
    byte who;
    bool readable, end_seen;
end:
    do
    // FROM runtime/epoll.c: int nevents = ac__sys_epoll_wait(self->epoll, events, BATCH, timeout_ms);
    :: atomic { edge -> edge = false; readable = bytes > 0 || ended; end_seen = ended } /* what is so now */
        // FROM runtime/epoll.c: ac__reactor_lock(reactor);
        // FROM runtime/reactor.h: while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, (word | what) + AC__FD_TICK,
        // FROM-NEXT runtime/reactor.h: memory_order_release, memory_order_relaxed))
        atomic {
            !locked -> locked = true;
            may_read = may_read || readable;
            hung_up = hung_up || end_seen;
#ifndef TOLD_WITHOUT_TICK
            tick++
#endif
        }
        do
        // FROM runtime/slot.c: while ((wait = slot->waiters[direction]) != NULL) {
        // FROM runtime/slot.c: slot->waiters[direction] = wait->next;
        :: atomic { readable && nempty(waiters) -> waiters?who; assert(there[who] && linked[who]) }
            // FROM runtime/slot.c: ac__fd_wake(reactor, wait);
            // FROM runtime/reactor.h: ac__fd_wake(reactor, reader);
            wake(who)
#ifdef WAKES_ONE
            ; break
#endif
        :: else -> break
        od;
        // FROM runtime/epoll.c: ac__reactor_unlock(reactor);
        atomic { locked = false; who = 0; readable = false; end_seen = false }
    od
}

// FROM runtime/io.c: ac__set_link(wait, end);
inline link_wait()
{
    assert(there[me] && !waiters??[eval(me)]);
    waiters!me;
    linked[me] = true;
    seen = 0;
    may = false
}

inline unlink_wait()
{
    if
    // FROM runtime/io.c: *wait->link = wait->next;
    :: linked[me] ->
#ifdef CANCELS_WITHOUT_THE_LOCK
        if
        :: waiters??[eval(me)] -> waiters??eval(me)
        :: else
        fi;
#else
        waiters??eval(me);
#endif
        linked[me] = false
    :: else
    fi
}

// FROM runtime/io.c: wait->seen = word;
// FROM runtime/io.c: wait->seen = seen;
inline note() { seen = tick; may = may_read }

/* The wait's memory is somebody else's from now on. */
inline leave() { d_step { assert(!waiters??[eval(me)]); there[me] = false; seen = 0; may = false } }

inline cancel()
{
    atomic {
        // FROM runtime/io.c: unlink_wait(wait);
#ifndef CANCELS_WITHOUT_THE_LOCK
        !locked -> assert(linked[me] -> waiters??[eval(me)] : !waiters??[eval(me)]);
#endif
        unlink_wait()
    };
    leave()
}

proctype Reader(byte me)
{
    byte seen; /* the tick before the try */
    bool may, empties;
begin:
    // FROM runtime/io.c: uint64_t word = usual_word_again(&self->wait, cx, self->fd);
    atomic { there[me] = true; note(); goto noted };
poll:
#ifndef LINKED_GOES_ON
    // FROM runtime/io.c: if (ac__is_linked(wait) && still_waits(wait, cx))
    if
    :: linked[me] ->
        atomic {
            !locked ->
            if
            // FROM runtime/io.c: bool woken = wait->link == NULL;
#ifndef WOKEN_BY_THE_POLL
            :: linked[me] -> goto wait
#endif
            :: else
            fi
        }
    :: else
    fi;
#endif
    // FROM runtime/io.c: uint64_t word = word_of(slot);
    atomic { note() };
noted:
    if
    // FROM runtime/io.c: if (word != 0 && !(word & ac__fd_may(direction))) {
    :: !may ->
        // FROM runtime/io.c: word = wait_at_once(wait, cx, exec, direction);
        atomic {
            !locked ->
#ifndef WAITS_WITHOUT_LOOKING
            note();
#endif
            if
            // FROM runtime/io.c: return ac__fd_generation_in(word) == wait->generation && !(word & ac__fd_may(direction));
            :: !may -> link_wait(); goto wait
            :: else
            fi
        }
    :: else
    fi;
    /* The try: for one byte, or for more than there are. */
    atomic {
        may = false;
        if
        :: bytes > 0 -> bytes--
        :: bytes > 0 -> bytes = 0; empties = true
        :: bytes == 0 && ended -> goto over
        :: bytes == 0 && !ended -> goto in_vain
        fi
    };
    if
    // FROM runtime/io.c: if (n > 0 && (size_t)n < self->size && word & AC__FD_IS_STREAM)
    :: empties ->
        atomic {
            empties = false;
            if
            // FROM runtime/io.c: if (ac__is_other(word, seen) || word & AC__FD_MARKED)
#ifndef EMPTY_WITHOUT_TICK
            :: tick != seen -> skip
#endif
#ifndef EMPTY_AFTER_THE_END
            :: hung_up -> skip
#endif
            // FROM runtime/io.c: } while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, word & ~AC__FD_MAY_READ, memory_order_relaxed,
            // FROM-NEXT runtime/io.c: memory_order_relaxed));
            :: else -> may_read = false
            fi
        }
    :: else
    fi;
    leave();
    goto begin;

in_vain:
#ifdef TICK_NOTED_LATE
    seen = tick;
#endif
    // FROM runtime/io.c: int error = block(wait, cx, reactor, fd, direction);
    atomic {
        !locked ->
#ifndef BLOCKS_WITHOUT_TICK
        if
        // FROM runtime/io.c: if (word & AC__FD_KEPT && ac__is_other_tick(word, wait->seen))
        :: tick != seen -> seen = 0; goto poll
        :: else
        fi;
#endif
        // FROM runtime/io.c: link_wait(slot, direction, wait, cx);
        link_wait();
        // FROM runtime/io.c: ac__fd_clear(reactor, slot, ac__fd_may(direction));
        may_read = false
    };
wait:
    if
    :: atomic { due[me] -> due[me] = false }; goto poll
    :: atomic { spurious[me] -> spurious[me] = false }; goto poll
    :: atomic { may_cancel[me] -> may_cancel[me] = false }; cancel(); goto begin
    :: quiet && bytes == 0 && !ended -> cancel(); goto done /* nothing comes any more */
    fi;
over:
    leave();
done:
    skip
}

proctype Peer()
{
    byte i;
    do
    :: i < SENDS -> atomic { bytes++; edge = true; i++ }
    :: atomic { ended = true; edge = true }; break
    :: break
    od;
    quiet = true
}

init {
    atomic {
        byte i;
        do
        :: i < N -> run Reader(i); i++
        :: else -> break
        od;
        spurious[0] = true;
        may_cancel[0] = true;
        i = 0;
        do
        :: i < FETCHERS -> run Fetcher(); i++
        :: else -> break
        od;
        run Peer()
    }
}

/* park.pml - how the pool's workers go to sleep (runtime/pool.c): no task waits while a worker sleeps.
 *
 * As many tasks as workers, of which each, once it runs, keeps its worker until all of them run. So a task that is
 * left in a queue, any queue, while a worker sleeps for ever is an end that is none. Tasks come from another
 * thread (the injector), from a descriptor's event (the ring of the worker that meets it), and from the task
 * that runs first (the ring of its worker).
 *
 * Queues are counts, for ring.pml checks the ring. Taking is one step; looking whether there is any task
 * is a step for each queue, as it is there. What others are to see goes through a store buffer of each thread, of one
 * entry, which comes to memory at any time, and at the latest by the thread's next locked operation, as on machines of x86's
 * kind. What is sequentially consistent in the code leaves nothing in it. Locked operations never do there; on other
 * machines they may, where they are relaxed, and then they are stores like any other. The bell is an edge-triggered event: any number of rings make one, which
 * ends one wait, or none if a busy worker meets it when it looks around. */

// MUTATION PARKS_WITHOUT_LOOKING: who parks doesn't look at the queues once more
// MUTATION FINDS_WITHOUT_LOOKING: who ends its search with a task doesn't look once more
// MUTATION TAIL_RELAXED: a ring's tail is stored without sequential consistency
// MUTATION PUSH_RELAXED: so is what is pushed on the injector
// MUTATION PARKED_RELAXED: so is the count of those who park
// MUTATION BELL_TAKEN: a busy worker that meets the bell doesn't ring it again

#define WORKERS 3
#ifndef FROM_GUEST
#define FROM_GUEST (WORKERS - 2)
#endif

byte injected, held; /* seen by all, and by who has the injector's lock */
bool is_taken;       /* that lock */
byte ring[WORKERS];
byte searching, parked, tokens; /* pool.idle */

/* Store buffers, of the workers and the guest. */
#define EMPTY 0
#define PUT 1               /* into the own ring */
#define PUSH 2              /* on the injector */
#define PARK 3
#define PARK_FROM_SEARCH 4
#define GUEST WORKERS
byte buffer[WORKERS + 1];

inline drain(who) {
    d_step {
        if
        :: buffer[who] == PUT -> ring[who]++
        :: buffer[who] == PUSH -> injected++
        :: buffer[who] == PARK -> parked++
        :: buffer[who] == PARK_FROM_SEARCH -> parked++; searching--
        :: else
        fi;
        buffer[who] = EMPTY
    }
}

inline store(who, what) {
    atomic { drain(who); buffer[who] = what }
}
inline store_in_order(who, what) {
    atomic { drain(who); buffer[who] = what; drain(who) }
}
bool bell;
bool event;  /* a descriptor is ready, with a task for it */
byte running;

// FROM runtime/pool.c: if (is_searched(idle) || count_parked(idle) == 0)
// FROM runtime/pool.c: } while (!atomic_compare_exchange_weak(&pool.idle, &idle, idle - PARKED + TOKEN + SEARCHING));
// FROM runtime/pool.c: pool.reactor->ops->unpark(pool.reactor);
inline unpark_one(who) {
    atomic {
        if
        :: searching == 0 && parked > 0 ->
            drain(who);
            parked--;
            tokens++;
            searching++;
            assert(tokens == 1 && searching == 1);
            rings = true
        :: else -> rings = false
        fi
    }
    if
    :: rings -> bell = true
    :: else
    fi
}

// FROM runtime/pool.c: if (!injector_is_empty())
// FROM runtime/pool.c: if (!ac__ring_is_empty(&pool.workers[i]->ring))
inline look_at_queues() {
    any = injected > 0;
    i = 0;
    do
    :: i < WORKERS && !any -> any = ring[i] > 0; i++
    :: else -> break
    od;
    i = 0
}

// FROM runtime/pool.c: after = idle - TOKEN;
// FROM runtime/pool.c: after = idle - PARKED;
// FROM runtime/pool.c: after = idle - PARKED + SEARCHING;
inline leave_parked(wants_to_search) {
    atomic {
        drain(me);
        if
        :: tokens > 0 ->
            tokens--;
            searches = true;
            left = true
        :: tokens == 0 && !wants_to_search ->
            parked--;
            searches = false;
            left = true
        :: tokens == 0 && wants_to_search && searching == 0 ->
            parked--;
            searching++;
            searches = true;
            left = true
        :: else -> left = false
        fi
    }
}

// FROM runtime/pool.c: atomic_fetch_sub(&pool.idle, SEARCHING);
// FROM-NEXT runtime/pool.c: if (any_task())
// FROM-NEXT runtime/pool.c: unpark_one(self);
inline end_search() {
    if
    :: searches ->
        atomic { drain(me); searches = false; searching-- }
#ifndef FINDS_WITHOUT_LOOKING
        look_at_queues();
        if
        :: any -> unpark_one(me)
        :: else
        fi
#endif
    :: else
    fi
}

/* Takes all, and puts back what it doesn't want: between, nobody sees that. */
// FROM runtime/pool.c: if (injector_is_empty())
// FROM runtime/pool.c: atomic_store(&in->length, length);
// FROM-NEXT runtime/pool.c: pthread_mutex_unlock(&in->lock);
// FROM-NEXT runtime/pool.c: /* Between the exchange and that store the rest could not be seen. */
// FROM-NEXT runtime/pool.c: if (length > 0 && !self->searching)
// FROM-NEXT runtime/pool.c: unpark_one(self);
inline put_back() {
    atomic { any = held > 0; injected = injected + held; held = 0; is_taken = false }
#ifndef TAKES_WITHOUT_TELLING
    if
    :: any && !searches -> unpark_one(me)
    :: else
    fi
#endif
}

proctype Worker(byte me) {
    bool searches, rings, any, left, got, works;
    byte i;
next:
    got = false;
    /* It may look around first, while it is busy. */
    // FROM runtime/pool.c: if (count_parked(idle) == 0 && ...
    if
    :: parked == 0 && bell ->
        bell = false;
#ifndef BELL_TAKEN
        // FROM runtime/pool.c: if (has_token(atomic_load(&pool.idle)))
        if
        :: tokens > 0 -> bell = true
        :: else
        fi
#endif
    :: true
    fi;
    if
    :: atomic { ring[me] + (buffer[me] == PUT) > 0 -> drain(me); ring[me]--; got = true }
    :: atomic {
           ring[me] + (buffer[me] == PUT) == 0 && injected > 0 && !is_taken ->
           drain(me);
           held = injected - 1;
           injected = 0;
           is_taken = true;
           got = true
       };
       put_back()
    :: else
    fi;
    if
    :: !got ->
        // FROM runtime/pool.c: self->searching = atomic_compare_exchange_weak(&pool.idle, &idle, idle + SEARCHING);
        atomic {
            if
            :: !searches && searching == 0 -> drain(me); searching++; searches = true
            :: else
            fi
        }
        if
        :: searches ->
search:
            i = 0;
            do
            :: i < WORKERS && !got ->
                if
                :: atomic { i != me && ring[i] > 0 -> drain(me); ring[i]--; got = true }
                :: else
                fi;
                i++
            :: else -> break
            od;
            i = 0;
            /* It may linger, as long as it likes. */
            // FROM runtime/pool.c: while ((task = steal(self)) == NULL && self->lingers > 0) {
            if
            :: !got ->
                if
                :: atomic { injected > 0 && !is_taken -> held = injected - 1; injected = 0; is_taken = true; got = true };
                   put_back()
                :: goto search
                :: true
                fi
            :: else
            fi
        :: else
        fi
    :: else
    fi;

    if
    :: got ->
        end_search();
        atomic { running++; left = running == 1 && FROM_GUEST < WORKERS }
        if
        :: left -> /* the first brings another, and one that woke before it: so it is in the ring */
            // FROM runtime/ring.h: atomic_store(&ring->tail, tail + 1);
#ifdef TAIL_RELAXED
            store(me, PUT);
#else
            store_in_order(me, PUT);
#endif
            unpark_one(me)
        :: else
        fi;
        running == WORKERS; /* its thread waits for that */
        goto done
    :: else
    fi;

    // FROM runtime/pool.c: atomic_fetch_add(&pool.idle, self->searching ? PARKED - SEARCHING : PARKED);
    atomic {
#ifdef PARKED_RELAXED
        store(me, (searches -> PARK_FROM_SEARCH : PARK));
#else
        store_in_order(me, (searches -> PARK_FROM_SEARCH : PARK));
#endif
        searches = false
    }
#ifndef PARKS_WITHOUT_LOOKING
    // FROM runtime/pool.c: if (any_task() && leave_parked(self, true))
    look_at_queues();
    if
    :: any ->
        leave_parked(true);
        if
        :: left -> goto next
        :: else
        fi
    :: else
    fi;
#endif
    do
    :: atomic { bell -> bell = false }
        // FROM runtime/pool.c: : has_token(atomic_load(&pool.idle)) && leave_parked(self, true);
        if
        :: tokens > 0 ->
            leave_parked(true);
            if
            :: left -> goto next
            :: else
            fi
        :: else
        fi
    :: atomic { event -> event = false; store_in_order(me, PUT) }
        // FROM runtime/pool.c: left = works ? leave_parked(self, false)
        leave_parked(false);
        end_search();
        goto next
    od;
done:
    skip
}

/* Another thread, which brings all but two; or all, and there are no others. */
proctype Guest() {
    bool rings;
    byte i;
    do
    :: i < FROM_GUEST ->
        // FROM runtime/pool.c: while (!atomic_compare_exchange_weak(&pool.injector.pushed, &top, last));
#ifdef PUSH_RELAXED
        store(GUEST, PUSH);
#else
        store_in_order(GUEST, PUSH);
#endif
        unpark_one(GUEST);
        i++
    :: else -> break
    od
}

/* What is in a buffer comes to memory at any time. */
proctype Buffers() {
end:
    do
    :: atomic { buffer[0] != EMPTY -> drain(0) }
    :: atomic { buffer[1] != EMPTY -> drain(1) }
    :: atomic { buffer[2] != EMPTY -> drain(2) }
    :: atomic { buffer[GUEST] != EMPTY -> drain(GUEST) }
    od
}

init {
    atomic {
        byte w;
        event = FROM_GUEST == WORKERS - 2;
        do
        :: w < WORKERS -> run Worker(w); w++
        :: else -> break
        od;
        run Guest();
        run Buffers()
    }
}

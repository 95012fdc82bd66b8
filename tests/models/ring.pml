/* ring.pml - a worker's queue and its thieves (runtime/ring.h): every task is taken once, and none is lost.
 *
 * A ring of four places; the owner puts tasks, takes some, and when there is no room takes half away, as for the
 * injector; two thieves steal half, rounded up, into rings of their own and empty these. Counters only grow, as
 * the 64 bits do. What the owner stores goes through a store buffer of one entry, which comes to memory at any time, and at
 * the latest by his next store or locked operation: so much the tail's being released promises, that a place is written before
 * it, and the ring needs no more (that the tail is stored in sequentially consistent order is for park.pml's sake). A
 * place is read before the head is moved, as acquiring and releasing that keeps it. */

// MUTATION CLAIMED_UNSEEN: a thief moves the head without comparing
// MUTATION COPIED_LATE: a thief copies what he has claimed, and not before
// MUTATION FULL_UNSEEN: the owner puts though there is no room
// MUTATION TAIL_FIRST: the owner moves the tail before it fills the place
// MUTATION TAIL_RELAXED: the tail isn't released: it may be seen before the place that is in the buffer
// MUTATION TAIL_UNREAD: the owner reads the tail from memory, past its own buffer
// MUTATION HALF_UNCLAIMED: the owner takes half away without comparing

#define SIZE 4
#define TASKS 5

byte places[SIZE];
byte head, tail;
byte taken[TASKS + 1]; /* tasks are 1, 2, ... */
byte ntaken;
bool over; /* the owner has ended */

/* The owner's buffer: a place's value, or the tail's. */
#define EMPTY 0
#define PLACE 1
#define TAIL 2
byte buffered, at, value;
byte own_tail; /* as the owner reads it: from the buffer, if it is there */

inline drain() {
    d_step {
        if
        :: buffered == PLACE -> places[at] = value
        :: buffered == TAIL -> tail = value
        :: else
        fi;
        buffered = EMPTY;
        at = 0;
        value = 0
    }
}
inline store_place(where, what) {
    atomic { drain(); buffered = PLACE; at = where; value = what }
}
inline store_tail(what) {
#ifdef TAIL_RELAXED
    atomic { tail = what; own_tail = what }
#else
    atomic { drain(); buffered = TAIL; value = what; own_tail = what }
#endif
}
#ifdef TAIL_UNREAD
#define OWN_TAIL tail
#else
#define OWN_TAIL own_tail
#endif

inline take_task(which) {
    assert(which > 0 && taken[which] == 0);
    taken[which]++;
    ntaken++
}

proctype Owner() {
    byte task = 1, h, i, t;
    bool won;
    do
    :: task <= TASKS ->
        // FROM runtime/ring.h: if (tail - atomic_load_explicit(&ring->head, memory_order_acquire) == AC__RING_SIZE)
        h = head;
        if
#ifndef FULL_UNSEEN
        :: OWN_TAIL - h == SIZE ->
            // FROM runtime/ring.h: if (!atomic_compare_exchange_strong_explicit(&ring->head, &head, head + AC__RING_SIZE / 2, memory_order_acq_rel,
            // FROM-NEXT runtime/ring.h: memory_order_relaxed))
            h = head;
            if
            :: OWN_TAIL - h == SIZE ->
#ifdef HALF_UNCLAIMED
                won = true;
                head = h + SIZE / 2;
#else
                atomic {
                    drain();
                    won = head == h;
                    if
                    :: won -> head = h + SIZE / 2
                    :: else
                    fi
                }
#endif
                if
                :: won ->
                    d_step { /* only the owner fills places */
                        i = 0;
                        do
                        :: i < SIZE / 2 -> t = places[(h + i) % SIZE]; take_task(t); i++
                        :: else -> break
                        od;
                        /* and the new one with them */
                        take_task(task);
                        task++
                    }
                :: else
                fi
            :: else
            fi
#endif
        :: else ->
            // FROM runtime/ring.h: atomic_store_explicit(ac__ring_slot(ring, tail), task, memory_order_relaxed);
            // FROM runtime/ring.h: atomic_store(&ring->tail, tail + 1);
            // FROM runtime/ring.h: atomic_store_explicit(ac__ring_slot(ring, tail + i), *list, memory_order_relaxed);
            // FROM runtime/ring.h: atomic_store(&ring->tail, tail + n);
#ifdef TAIL_FIRST
            store_tail(OWN_TAIL + 1);
            store_place((OWN_TAIL - 1) % SIZE, task);
#else
            store_place(OWN_TAIL % SIZE, task);
            if
            :: store_tail(OWN_TAIL + 1)
            :: task < TASKS && OWN_TAIL + 1 - h < SIZE -> /* it puts two at a time, as many as there is room for */
                store_place((OWN_TAIL + 1) % SIZE, task + 1);
                store_tail(OWN_TAIL + 2);
                task++
            fi;
#endif
            task++
        fi
    :: true ->
        /* takes one */
        h = head;
        if
        :: h != OWN_TAIL ->
            // FROM runtime/ring.h: struct ac_task *task = atomic_load_explicit(ac__ring_slot(ring, head), memory_order_relaxed);
            // FROM runtime/ring.h: if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + 1, memory_order_acq_rel,
            // FROM-NEXT runtime/ring.h: memory_order_acquire))
            t = (buffered == PLACE && at == h % SIZE -> value : places[h % SIZE]);
            atomic {
                drain();
                won = head == h;
                if
                :: won -> head = h + 1
                :: else
                fi
            }
            d_step {
                if
                :: won -> take_task(t)
                :: else
                fi;
                t = 0;
                h = 0;
                won = false
            }
        :: h == OWN_TAIL && task > TASKS -> break
        :: else
        fi
    od;
    atomic { drain(); over = true }
}

proctype Thief() {
    byte own[SIZE], h, t, n, i;
    bool won;
    do
    :: over && head == tail -> break
    :: head != tail ->
        // FROM runtime/ring.h: uint64_t head = atomic_load_explicit(&victim->head, memory_order_acquire);
        // FROM runtime/ring.h: uint64_t tail = atomic_load_explicit(&victim->tail, memory_order_acquire);
        h = head;
        t = tail;
        n = t - h;
        n = n - n / 2;
        // FROM runtime/ring.h: if (n > AC__RING_SIZE / 2)
        if
        :: n > 0 && n <= SIZE / 2 ->
            i = 0;
#ifndef COPIED_LATE
            do
            :: i < n -> own[i % SIZE] = places[(h + i) % SIZE]; i++
            :: else -> break
            od;
#endif
            // FROM runtime/ring.h: if (!atomic_compare_exchange_strong_explicit(&victim->head, &head, head + n, memory_order_acq_rel,
            // FROM-NEXT runtime/ring.h: memory_order_relaxed))
#ifdef CLAIMED_UNSEEN
            won = true;
            head = h + n;
#else
            atomic {
                won = head == h;
                if
                :: won -> head = h + n
                :: else
                fi
            }
#endif
            if
            :: won ->
#ifdef COPIED_LATE
                do
                :: i < n -> own[i % SIZE] = places[(h + i) % SIZE]; i++
                :: else -> break
                od;
                skip;
#endif
                d_step { /* his own */
                    i = 0;
                    do
                    :: i < n -> take_task(own[i % SIZE]); i++
                    :: else -> break
                    od
                }
            :: else
            fi
        :: else
        fi;
        d_step { /* nothing of a try is left for the next: the fewer states, the better */
            do
            :: n > 0 -> n--; own[n % SIZE] = 0
            :: else -> break
            od;
            n = 0;
            i = 0;
            h = 0;
            t = 0;
            won = false
        }
    od
}

/* What is in the buffer comes to memory at any time. */
proctype Buffer() {
end:
    do
    :: atomic { buffered != EMPTY -> drain() }
    od
}

/* It is over only when all have been taken. */
proctype Judge() {
    over && head == tail && ntaken == TASKS
}

init {
    atomic {
        run Owner();
        run Thief();
        run Thief();
        run Buffer();
        run Judge()
    }
}

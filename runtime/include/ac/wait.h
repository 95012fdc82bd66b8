/** @file
 *  What the futures of <ac/sync.h> and <ac/channel.h> have in common. Nothing here is for programs. */
#ifndef AC_WAIT_H
#define AC_WAIT_H
#include <ac/future.h>

/* Who waits; a part of the leaf's frame, which keeps its address while it is in a queue. */
struct ac__waiter {
    struct ac__waiter *next, *prev;
    struct ac_waker *waker; /* borrowed from the context of the last poll */
    unsigned wants;         /* so many */
    unsigned char state;    /* last and small: what follows it in a frame is the caller's to use */
};

/* The bytes of a frame that ends with a waiter. */
#define AC__WAITER_USED(frame, waiter) (__builtin_offsetof(frame, waiter.state) + 1)

/* A queue, first come, first served. Zero: an empty one. */
struct ac__waiters {
    struct ac__waiter *first, *last;
};
#endif

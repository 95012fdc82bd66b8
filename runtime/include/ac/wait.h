/** @file
 *  What the futures of <ac/sync.h> and <ac/channel.h> have in common. Nothing here is for programs. */
#ifndef AC_WAIT_H
#define AC_WAIT_H
#include <ac/future.h>

/* Who waits; a part of the leaf's frame, which keeps its address while it is in a queue. */
struct ac__waiter {
    struct ac__waiter *next, *prev;
    struct ac_waker *waker; /* borrowed from the context of the last poll */
    unsigned state;
    unsigned wants; /* so many */
};

/* A queue, first come, first served. Zero: an empty one. */
struct ac__waiters {
    struct ac__waiter *first, *last;
};
#endif

/* park.h - a thread that waits for one future, for the blocking twins of what other tasks and threads end.
 *
 *     AC__PARK_UNTIL("ac_mutex_lock", ac_mutex_lock__poll(&frame, &cx)); */
#ifndef AC__PARK_H
#define AC__PARK_H
#include <ac/future.h>
#include <stdbool.h>

struct ac__parker {
    struct ac_waker waker; /* first: its address is the parker's. Not counted: it is for leaves, which borrow */
    unsigned woken;
    bool is_twin;         /* of a thread that hands a baton on, see twin.c */
    struct ac__twin *blocked; /* twin.c's */
    const char *function; /* whose twin it is */
};

void ac__parker_init(struct ac__parker *, const char *function);
/* Returns after a wake. From inside async code, and where no other thread could wake it, a checked stop. */
void ac__park(struct ac__parker *);

#define AC__PARK_UNTIL(function, poll)                                                                                 \
    struct ac__parker parker;                                                                                          \
    struct ac_context cx = { .waker = &parker.waker };                                                                 \
    ac__parker_init(&parker, function);                                                                                \
    while ((poll) == AC_PENDING)                                                                                       \
    ac__park(&parker)
#endif

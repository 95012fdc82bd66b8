/* twin.h - tasks of elided programs, from the inside: threads of which one runs at a time. See twin.c. */
#ifndef AC__TWIN_H
#define AC__TWIN_H
#include "park.h"

#include <ac/observe.h>
#include <stdbool.h>

/* What the blocking twins need of it. By pointers, which the first spawn sets: a program that spawns nothing
 * has no threads in it. */
struct ac__twins {
    bool (*is_one)(void); /* the calling thread has a task of its own, or has spawned one */
    void (*block)(struct ac__parker *); /* lets others run until it is woken */
    void (*wake)(struct ac__parker *);  /* from then on it may go */
    void (*yield)(void);
    /* Where the clock is paused lets others run until it has come that far; false where it isn't that of others. */
    bool (*sleep_until)(uint64_t deadline_ns);
    void (*list)(FILE *);
    void (*count)(struct ac_counts *); /* adds */
    void (*leave)(void); /* before waiting for the world, while others run; and afterwards */
    void (*enter)(void);
};
extern const struct ac__twins *_Atomic ac__twins;

/* Where this thread calls a blocking twin; null where that isn't known. */
extern _Thread_local const char *ac__at_file;
extern _Thread_local int ac__at_line;

/* Threads of the process, or 0 where that can't be told; and those that wait in ac__park() for what another thread does. */
unsigned ac__count_threads(void);
extern _Atomic int ac__nparked; /* never too many */

/* Around a call that waits for the world: others run meanwhile. errno stays. */
void ac__outside_begin(void);
void ac__outside_end(void);
#endif

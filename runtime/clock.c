/* clock.c - the time of a thread: the system's, or one that a test moves. */
#define _GNU_SOURCE
#include "exec.h"

#include <time.h>

/* Per thread and not per executor, since plain functions and elided programs ask for the time too,
 * where there is no executor. */
static _Thread_local struct ac__clock clock_of_thread;

struct ac__clock *ac__clock_of_thread(void) { return &clock_of_thread; }

static uint64_t system_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * AC_S + (uint64_t)t.tv_nsec;
}

uint64_t ac__clock_now(const struct ac__clock *clock)
{
    return clock->paused ? clock->now_ns : system_now() + clock->ahead_ns;
}

uint64_t ac_now(void) { return ac__clock_now(&clock_of_thread); }

void ac_clock_pause(void)
{
    if (ac__current != NULL && ac__current->worker != NULL)
        ac__stop("ac_clock_pause", "called in a task of the pool, whose threads go by the system's clock");
    clock_of_thread.now_ns = ac_now();
    clock_of_thread.paused = true;
}

void ac_clock_advance(uint64_t duration_ns)
{
    if (!clock_of_thread.paused)
        ac__stop("ac_clock_advance", "the clock of this thread is not paused");
    clock_of_thread.now_ns += duration_ns;
}

void ac_clock_resume(void)
{
    if (!clock_of_thread.paused)
        return;
    /* Unsigned, so that it is right as well where the paused clock has fallen behind. */
    clock_of_thread.ahead_ns = clock_of_thread.now_ns - system_now();
    clock_of_thread.paused = false;
}

/* clock.c - the time of a thread: the system's, or one that a test moves. */
#define _GNU_SOURCE
#include "exec.h"

#include <time.h>

/* Per thread and not per executor, since plain functions and elided programs ask for the time too,
 * where there is no executor. Of an elided program's threads those go by one clock that stand for one executor's tasks. */
static _Thread_local struct ac__clock clock_of_thread, *shared;

struct ac__clock *ac__clock_of_thread(void) { return shared != NULL ? shared : &clock_of_thread; }

void ac__clock_share(struct ac__clock *clock) { shared = clock; }

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

uint64_t ac_now(void) { return ac__clock_now(ac__clock_of_thread()); }

void ac_clock_pause(void)
{
    if (ac__current != NULL && ac__current->worker != NULL)
        ac__stop("ac_clock_pause", "called in a task of the pool, whose threads go by the system's clock");
    struct ac__clock *clock = ac__clock_of_thread();
    clock->now_ns = ac__clock_now(clock);
    clock->paused = true;
}

void ac_clock_advance(uint64_t duration_ns)
{
    struct ac__clock *clock = ac__clock_of_thread();
    if (!clock->paused)
        ac__stop("ac_clock_advance", "the clock of this thread is not paused");
    if (__builtin_add_overflow(clock->now_ns, duration_ns, &clock->now_ns))
        clock->now_ns = UINT64_MAX;
}

void ac_clock_resume(void)
{
    struct ac__clock *clock = ac__clock_of_thread();
    if (!clock->paused)
        return;
    /* Unsigned, so that it is right as well where the paused clock has fallen behind. */
    clock->ahead_ns = clock->now_ns - system_now();
    clock->paused = false;
}

/* time_blocking.c - ac_sleep() for elided programs. */
#define _GNU_SOURCE
#include "exec.h"

#include <errno.h>
#include <time.h>

void ac_sleep(uint64_t duration_ns)
{
    struct ac__clock *clock = ac__clock_of_thread();
    if (clock->paused) {
        clock->now_ns += duration_ns;
        return;
    }
    struct timespec left = { .tv_sec = (time_t)(duration_ns / AC_S), .tv_nsec = (long)(duration_ns % AC_S) };
    int saved_errno = errno;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
    errno = saved_errno;
}

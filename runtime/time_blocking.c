/* time_blocking.c - sleeping, and the ticks of intervals, for elided programs. */
#define _GNU_SOURCE
#include "exec.h"
#include "twin.h"

#include <errno.h>
#include <time.h>

void ac_sleep(uint64_t duration_ns)
{
    struct ac__clock *clock = ac__clock_of_thread();
    if (clock->paused) {
        const struct ac__twins *twins = ac__twins;
        uint64_t deadline_ns = duration_ns > UINT64_MAX - clock->now_ns ? UINT64_MAX : clock->now_ns + duration_ns;
        if (twins != NULL && twins->is_one() && twins->sleep_until(deadline_ns))
            ac_sleep_until(deadline_ns); /* is over, unless the clock goes by itself again */
        else
            clock->now_ns = deadline_ns;
        return;
    }
    struct timespec left = { .tv_sec = (time_t)(duration_ns / AC_S), .tv_nsec = (long)(duration_ns % AC_S) };
    int saved_errno = errno;
    ac__outside_begin();
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
    ac__outside_end();
    errno = saved_errno;
}

void ac_sleep_until(uint64_t deadline_ns)
{
    /* More than once only if nanosleep's clock is a little ahead of ours. */
    for (uint64_t now = ac_now(); now < deadline_ns; now = ac_now())
        ac_sleep(deadline_ns - now);
}

uint64_t ac_interval_tick(struct ac_interval *interval)
{
    ac_sleep_until(interval->next_ns);
    return ac__interval_take(interval, ac_now());
}

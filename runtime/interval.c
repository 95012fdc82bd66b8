/* interval.c - when the ticks of an interval are due. Waiting for them is sleep.c's, or of an elided program
 * time_blocking.c's. */
#include "exec.h"

/* A tick that is no later than this was not missed: on a busy machine any sleep ends so. */
#define TOLERANCE_NS (5 * AC_MS)

static uint64_t later(uint64_t time_ns, uint64_t by_ns)
{
    return time_ns > UINT64_MAX - by_ns ? UINT64_MAX : time_ns + by_ns;
}

void ac_interval_init(struct ac_interval *interval, uint64_t first_ns, uint64_t period_ns, enum ac_missed missed)
{
    if (period_ns == 0)
        ac__stop("ac_interval_init", "the period is 0: each tick would be due at once, for ever");
    *interval = (struct ac_interval){ .next_ns = first_ns, .period_ns = period_ns, .missed = missed };
}

void ac_interval_reset(struct ac_interval *interval) { interval->next_ns = later(ac_now(), interval->period_ns); }

uint64_t ac__interval_take(struct ac_interval *interval, uint64_t now_ns)
{
    uint64_t due = interval->next_ns, period = interval->period_ns, late = now_ns - due;
    if (late <= TOLERANCE_NS || interval->missed == AC_MISSED_BURST)
        interval->next_ns = later(due, period);
    else if (interval->missed == AC_MISSED_DELAY)
        interval->next_ns = later(now_ns, period);
    else
        interval->next_ns = later(now_ns - late % period, period);
    return due;
}

/* sleep.c - sleeping, and the ticks of intervals, as futures: a timer on the executor's wheel. */
#include "exec.h"

/* ENDLESS: until a time that no clock will show, which takes no timer. */
enum { FRESH, ASLEEP, ENDLESS, OVER };

static void init(struct ac__timer *timer, uint64_t wanted_ns)
{
    timer->state = FRESH;
    timer->wanted_ns = wanted_ns;
}

/* Arms the timer, at the time @p now, if it is ever due. */
static enum ac_poll fall_asleep(struct ac__timer *timer, struct ac_context *cx, struct ac_exec *exec,
                                const char *function, uint64_t now, uint64_t due)
{
    if (ac__tick_after(due) > AC__LAST_TICK) {
        timer->state = ENDLESS;
        return AC_PENDING;
    }
    struct ac__wheel *wheel = ac__exec_wheel(exec, function);
    ac__wheel_lock(wheel);
    /* A wheel that has nothing to stop for may as well be at the present, where the new
     * timer changes its level less often. */
    if (ac__wheel_is_empty(wheel))
        ac__wheel_turn(wheel, ac__tick_before(now));
    timer->waker = cx->waker;
    timer->state = ASLEEP;
    ac__timer_start(wheel, timer, ac__tick_after(due));
    if (wheel->changed != NULL)
        wheel->changed(wheel);
    ac__wheel_unlock(wheel);
    return AC_PENDING;
}

/* Polls a timer that has been armed. */
static enum ac_poll sleep_on(struct ac__timer *timer, struct ac_context *cx, const char *function)
{
    if (timer->state == OVER)
        ac__stop(function, "polled after it was ready");
    if (timer->state == ENDLESS)
        return AC_PENDING;
    struct ac_exec *exec = ac__exec_of(cx, function);
    if (!ac__timer_has_fired(timer)) {
        ac__wheel_lock(exec->wheel);
        bool armed = timer->armed;
        timer->waker = cx->waker;
        ac__wheel_unlock(exec->wheel);
        if (armed)
            return AC_PENDING;
    }
    timer->state = OVER;
    return AC_READY;
}

static enum ac_poll sleep_until(struct ac__timer *timer, struct ac_context *cx, const char *function)
{
    if (timer->state != FRESH)
        return sleep_on(timer, cx, function);
    struct ac_exec *exec = ac__exec_of(cx, function);
    uint64_t now = ac__clock_now(exec->clock);
    if (timer->wanted_ns > now)
        return fall_asleep(timer, cx, exec, function, now, timer->wanted_ns);
    if (!ac__spend(cx))
        return AC_PENDING;
    timer->state = OVER;
    return AC_READY;
}

static enum ac_poll cancel(struct ac__timer *timer, struct ac_context *cx, const char *function)
{
    if (timer->state == ASLEEP) {
        struct ac__wheel *wheel = ac__exec_of(cx, function)->wheel;
        ac__wheel_lock(wheel);
        ac__timer_cancel(wheel, timer);
        ac__wheel_unlock(wheel);
    }
    timer->state = OVER;
    return AC_READY;
}

/* ---- ac_sleep ---- */

void ac_sleep__init(struct ac_sleep__frame *self, uint64_t duration_ns) { init(&self->timer, duration_ns); }

enum ac_poll ac_sleep__poll(struct ac_sleep__frame *self, struct ac_context *cx)
{
    struct ac__timer *timer = &self->timer;
    if (timer->state != FRESH)
        return sleep_on(timer, cx, "ac_sleep");
    if (timer->wanted_ns == 0) {
        if (!ac__spend(cx))
            return AC_PENDING;
        timer->state = OVER;
        return AC_READY;
    }
    struct ac_exec *exec = ac__exec_of(cx, "ac_sleep");
    uint64_t now = ac__clock_now(exec->clock), due;
    if (__builtin_add_overflow(now, timer->wanted_ns, &due))
        due = UINT64_MAX;
    return fall_asleep(timer, cx, exec, "ac_sleep", now, due);
}

enum ac_poll ac_sleep__start(struct ac_sleep__frame *self, struct ac_context *cx, uint64_t duration_ns)
{
    ac_sleep__init(self, duration_ns);
    return ac_sleep__poll(self, cx);
}

enum ac_poll ac_sleep__cancel(struct ac_sleep__frame *self, struct ac_context *cx)
{
    return cancel(&self->timer, cx, "ac_sleep");
}

/* ---- ac_sleep_until ---- */

void ac_sleep_until__init(struct ac_sleep_until__frame *self, uint64_t deadline_ns) { init(&self->timer, deadline_ns); }

enum ac_poll ac_sleep_until__poll(struct ac_sleep_until__frame *self, struct ac_context *cx)
{
    return sleep_until(&self->timer, cx, "ac_sleep_until");
}

enum ac_poll ac_sleep_until__start(struct ac_sleep_until__frame *self, struct ac_context *cx, uint64_t deadline_ns)
{
    ac_sleep_until__init(self, deadline_ns);
    return ac_sleep_until__poll(self, cx);
}

enum ac_poll ac_sleep_until__cancel(struct ac_sleep_until__frame *self, struct ac_context *cx)
{
    return cancel(&self->timer, cx, "ac_sleep_until");
}

/* ---- ac_interval_tick ---- */

void ac_interval_tick__init(struct ac_interval_tick__frame *self, struct ac_interval *interval)
{
    init(&self->timer, 0);
    self->interval = interval;
}

enum ac_poll ac_interval_tick__poll(struct ac_interval_tick__frame *self, struct ac_context *cx)
{
    if (self->timer.state == FRESH)
        self->timer.wanted_ns = self->interval->next_ns;
    if (sleep_until(&self->timer, cx, "ac_interval_tick") == AC_PENDING)
        return AC_PENDING;
    self->result = ac__interval_take(self->interval, ac__clock_now(ac__exec_of(cx, "ac_interval_tick")->clock));
    return AC_READY;
}

enum ac_poll ac_interval_tick__start(struct ac_interval_tick__frame *self, struct ac_context *cx,
                                     struct ac_interval *interval)
{
    ac_interval_tick__init(self, interval);
    return ac_interval_tick__poll(self, cx);
}

enum ac_poll ac_interval_tick__cancel(struct ac_interval_tick__frame *self, struct ac_context *cx)
{
    return cancel(&self->timer, cx, "ac_interval_tick");
}

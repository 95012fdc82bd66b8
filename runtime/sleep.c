/* sleep.c - ac_sleep() as a future: a timer on the executor's wheel. */
#include "exec.h"

enum { FRESH, ASLEEP, OVER };

void ac_sleep__init(struct ac_sleep__frame *self, uint64_t duration_ns)
{
    self->state = FRESH;
    self->duration_ns = duration_ns;
}

enum ac_poll ac_sleep__poll(struct ac_sleep__frame *self, struct ac_context *cx)
{
    if (self->state == OVER)
        ac__stop("ac_sleep", "polled after it was ready");
    if (self->state == FRESH) {
        if (self->duration_ns == 0) {
            self->state = OVER;
            return AC_READY;
        }
        struct ac_exec *exec = ac__exec_of(cx, "ac_sleep");
        struct ac__wheel *wheel = ac__exec_wheel(exec, "ac_sleep");
        uint64_t now = ac__clock_now(exec->clock), due;
        if (__builtin_add_overflow(now, self->duration_ns, &due))
            due = UINT64_MAX;
        ac__wheel_lock(wheel);
        /* A wheel that has nothing to stop for may as well be at the present, where the new
         * timer changes its level less often. */
        if (ac__wheel_is_empty(wheel))
            ac__wheel_turn(wheel, ac__tick_before(now));
        self->timer.waker = cx->waker;
        self->state = ASLEEP;
        ac__timer_start(wheel, &self->timer, ac__tick_after(due));
        if (wheel->changed != NULL)
            wheel->changed(wheel);
        ac__wheel_unlock(wheel);
        return AC_PENDING;
    }
    struct ac__wheel *wheel = ac__exec_of(cx, "ac_sleep")->wheel;
    ac__wheel_lock(wheel);
    bool armed = self->timer.armed;
    self->timer.waker = cx->waker;
    ac__wheel_unlock(wheel);
    if (armed)
        return AC_PENDING;
    self->state = OVER;
    return AC_READY;
}

enum ac_poll ac_sleep__start(struct ac_sleep__frame *self, struct ac_context *cx, uint64_t duration_ns)
{
    ac_sleep__init(self, duration_ns);
    return ac_sleep__poll(self, cx);
}

enum ac_poll ac_sleep__cancel(struct ac_sleep__frame *self, struct ac_context *cx)
{
    if (self->state == ASLEEP) {
        struct ac__wheel *wheel = ac__exec_of(cx, "ac_sleep")->wheel;
        ac__wheel_lock(wheel);
        ac__timer_cancel(wheel, &self->timer);
        ac__wheel_unlock(wheel);
    }
    self->state = OVER;
    return AC_READY;
}

/* signals_next.c - waiting for signals, as futures: for the event of a descriptor that all share, after which a
 * registration may have one. */
#include "signals.h"

#include "io.h"

#include <errno.h>

enum { FRESH, OPEN, OVER };

void ac_signals_next__init(struct ac_signals_next__frame *self, struct ac_signals *signals)
{
    ac__io_init(&self->wait);
    self->signals = signals;
    self->state = FRESH;
}

enum ac_poll ac_signals_next__poll(struct ac_signals_next__frame *self, struct ac_context *cx)
{
    if (self->state == OVER)
        ac__stop("ac_signals_next", "polled after it was ready");
    if (self->state == OPEN && !ac__io_woken(&self->wait, cx))
        return AC_PENDING;
    self->state = OPEN;

    int fd = ac__signals_descriptor(), result;
    do {
        if (!ac__spend(cx))
            return AC_PENDING;
        ac__io_note(&self->wait, cx, fd);
        result = ac_signals_try(self->signals);
        if (result == -EAGAIN) {
            result = ac__io_block(&self->wait, cx, fd, AC__READ, "ac_signals_next");
            if (result == 0)
                return AC_PENDING;
        }
    } while (result == -EAGAIN);
    self->state = OVER;
    self->result = result;
    return AC_READY;
}

enum ac_poll ac_signals_next__start(struct ac_signals_next__frame *self, struct ac_context *cx,
                                    struct ac_signals *signals)
{
    ac_signals_next__init(self, signals);
    return ac_signals_next__poll(self, cx);
}

enum ac_poll ac_signals_next__cancel(struct ac_signals_next__frame *self, struct ac_context *cx)
{
    self->state = OVER;
    return ac__io_cancel(&self->wait, cx);
}

/* ---- ac_signal ---- */

void ac_signal__init(struct ac_signal__frame *self, int number)
{
    self->number = number;
    self->state = FRESH;
}

enum ac_poll ac_signal__poll(struct ac_signal__frame *self, struct ac_context *cx)
{
    if (self->state == OVER)
        ac__stop("ac_signal", "polled after it was ready");
    if (self->state == FRESH) { /* not before: until now the frame may have been moved */
        self->state = OVER;
        self->result = ac_signals_open(&self->signals, ac__signals_only(self->number));
        if (self->result < 0)
            return AC_READY;
        ac_signals_next__init(&self->next, &self->signals);
        self->state = OPEN;
    }
    if (ac_signals_next__poll(&self->next, cx) == AC_PENDING)
        return AC_PENDING;
    ac_signals_close(&self->signals);
    self->state = OVER;
    self->result = self->next.result;
    return AC_READY;
}

enum ac_poll ac_signal__start(struct ac_signal__frame *self, struct ac_context *cx, int number)
{
    ac_signal__init(self, number);
    return ac_signal__poll(self, cx);
}

enum ac_poll ac_signal__cancel(struct ac_signal__frame *self, struct ac_context *cx)
{
    if (self->state == OPEN) {
        ac_signals_next__cancel(&self->next, cx);
        ac_signals_close(&self->signals);
    }
    self->state = OVER;
    return AC_READY;
}

/* nap.h - a future that suspends once, by hand: one byte of state. */
#ifndef NAP_H
#define NAP_H
#include <ac/future.h>

struct nap__frame {
    unsigned char state;
};

static inline void nap__init(struct nap__frame *self)
{
    self->state = 0;
}

static inline enum ac_poll nap__poll(struct nap__frame *self, struct ac_context *cx)
{
    if (self->state++)
        return AC_READY;
    ac_wake_by_ref(cx->waker);
    return AC_PENDING;
}

static inline enum ac_poll nap__cancel(struct nap__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}

AC_ASYNC void nap(void) AC_FRAME(struct nap__frame);

#endif

/* tick.h - a future written by hand, in a header that plain C reads too. */
#include <ac/future.h>

struct tick__frame { int left; int result; };
AC_ASYNC int tick(int times) AC_FRAME(struct tick__frame);
static inline void tick__init(struct tick__frame *self, int times)
{
    self->left = times;
    self->result = times * 2;
}
static inline enum ac_poll tick__poll(struct tick__frame *self, struct ac_context *cx)
{
    if (self->left-- == 0)
        return AC_READY;
    ac_wake_by_ref(cx->waker);
    return AC_PENDING;
}
static inline enum ac_poll tick__cancel(struct tick__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}

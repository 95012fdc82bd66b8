/* io.c - reading, writing and waiting for descriptors, as futures. */
#include "io.h"

#include <errno.h>

/* ---- what they share ---- */

enum { FRESH, BEGUN, OVER };

void ac__io_init(struct ac__io_wait *wait)
{
    wait->link = NULL;
    wait->state = FRESH;
}

static void unlink_wait(struct ac__io_wait *wait)
{
    if (wait->link == NULL)
        return;
    *wait->link = wait->next;
    if (wait->next != NULL)
        wait->next->link = wait->link;
    wait->link = NULL;
}

/* Behind those who wait already: the lists are short, as a rule of one. */
static void link_wait(struct ac__fd *slot, enum ac__direction direction, struct ac__io_wait *wait)
{
    struct ac__io_wait **end = &slot->waiters[direction];
    while (*end != NULL)
        end = &(*end)->next;
    wait->next = NULL;
    wait->link = end;
    *end = wait;
}

int ac__io_block(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                 const char *function)
{
    struct ac__reactor *reactor = ac__exec_reactor(ac__exec_of(cx, function));
    if (reactor == NULL)
        return -errno;
    struct ac__fd *slot = ac__fd_slot(reactor, fd);
    if (slot == NULL)
        return -ENOMEM;

    slot->ready[direction] = false;
    wait->waker = cx->waker;
    link_wait(slot, direction, wait);
    if (ac__is_born(slot->generation)) {
        if (slot->registered)
            return 0;
        /* The first event tells how the descriptor stands in both directions. */
        slot->ready[AC__READ] = slot->ready[AC__WRITE] = false;
    }
    int error = reactor->ops->watch(reactor, slot);
    if (error < 0)
        unlink_wait(wait);
    return error;
}

bool ac__io_woken(struct ac__io_wait *wait, struct ac_context *cx)
{
    wait->waker = cx->waker;
    return wait->link == NULL;
}

/* The executor's slot for a descriptor that was born here, if it is registered; else null. */
static struct ac__fd *registered_slot(const struct ac_context *cx, int fd, unsigned generation)
{
    const struct ac_exec *exec = cx->exec;
    if (!ac__is_born(generation) || exec == NULL || exec->reactor == NULL)
        return NULL;
    struct ac__fd *slot = ac__fd_find(exec->reactor, fd, generation);
    return slot != NULL && slot->registered ? slot : NULL;
}

enum ac_poll ac__io_poll(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                         ac__io_try *try, void *self, ssize_t *result, const char *function)
{
    if (wait->state == OVER)
        ac__stop(function, "polled after it was ready");
    if (!ac__io_woken(wait, cx))
        return AC_PENDING;
    unsigned generation = ac__fd_generation(fd);
    if (wait->state == FRESH) {
        wait->generation = generation;
        wait->state = BEGUN;
    } else if (wait->generation != generation) {
        *result = -EBADF; /* closed under us, and the number may be another's by now */
        wait->state = OVER;
        return AC_READY;
    }

    /* A descriptor whose event is outstanding need not be tried. */
    ssize_t n = -EAGAIN;
    const struct ac__fd *slot = registered_slot(cx, fd, generation);
    if (slot == NULL || slot->ready[direction]) {
        if (!ac__spend(cx))
            return AC_PENDING;
        n = try(self, ac__is_born(generation));
    }
    if (n == -EAGAIN) {
        int error = ac__io_block(wait, cx, fd, direction, function);
        if (error == 0)
            return AC_PENDING;
        n = error;
    }
    *result = n;
    wait->state = OVER;
    return AC_READY;
}

/* Reading or writing no bytes: done, whether or not the descriptor is ready. */
static enum ac_poll transfer_nothing(struct ac__io_wait *wait, ssize_t *result, const char *function)
{
    if (wait->state == OVER)
        ac__stop(function, "polled after it was ready");
    wait->state = OVER;
    *result = 0;
    return AC_READY;
}

enum ac_poll ac__io_cancel(struct ac__io_wait *wait)
{
    unlink_wait(wait);
    wait->state = OVER;
    return AC_READY;
}

/* ---- ac_read ---- */

void ac_read__init(struct ac_read__frame *self, int fd, void *buffer, size_t size)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
}

static ssize_t try_read(void *frame, bool born)
{
    struct ac_read__frame *self = frame;
    return ac__try_read(self->fd, self->buffer, self->size, born);
}

enum ac_poll ac_read__poll(struct ac_read__frame *self, struct ac_context *cx)
{
    if (self->size == 0)
        return transfer_nothing(&self->wait, &self->result, "ac_read");
    if (ac__io_poll(&self->wait, cx, self->fd, AC__READ, try_read, self, &self->result, "ac_read") == AC_PENDING)
        return AC_PENDING;
    /* A stream that gave less than there was room for is empty: what comes next will be an event,
     * so that the next read needn't try in vain. Not after the end was seen, which comes but once. */
    struct ac__fd *slot = registered_slot(cx, self->fd, self->wait.generation);
    if (slot != NULL && !slot->hung_up && self->result > 0 && (size_t)self->result < self->size)
        slot->ready[AC__READ] = false;
    return AC_READY;
}

enum ac_poll ac_read__start(struct ac_read__frame *self, struct ac_context *cx, int fd, void *buffer, size_t size)
{
    ac_read__init(self, fd, buffer, size);
    return ac_read__poll(self, cx);
}

enum ac_poll ac_read__cancel(struct ac_read__frame *self, struct ac_context *cx)
{
    (void)cx;
    return ac__io_cancel(&self->wait);
}

/* ---- ac_write ---- */

void ac_write__init(struct ac_write__frame *self, int fd, const void *buffer, size_t size)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
}

static ssize_t try_write(void *frame, bool born)
{
    struct ac_write__frame *self = frame;
    return ac__try_write(self->fd, self->buffer, self->size, born);
}

enum ac_poll ac_write__poll(struct ac_write__frame *self, struct ac_context *cx)
{
    if (self->size == 0)
        return transfer_nothing(&self->wait, &self->result, "ac_write");
    return ac__io_poll(&self->wait, cx, self->fd, AC__WRITE, try_write, self, &self->result, "ac_write");
}

enum ac_poll ac_write__start(struct ac_write__frame *self, struct ac_context *cx, int fd, const void *buffer,
                             size_t size)
{
    ac_write__init(self, fd, buffer, size);
    return ac_write__poll(self, cx);
}

enum ac_poll ac_write__cancel(struct ac_write__frame *self, struct ac_context *cx)
{
    (void)cx;
    return ac__io_cancel(&self->wait);
}

/* ---- ac_write_all ---- */

void ac_write_all__init(struct ac_write_all__frame *self, int fd, const void *buffer, size_t size)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
}

/* Writes until all is written, or no more can be now. */
static ssize_t try_write_all(void *frame, bool born)
{
    struct ac_write_all__frame *self = frame;
    while (self->size > 0) {
        ssize_t n = ac__try_write(self->fd, self->buffer, self->size, born);
        if (n < 0)
            return n;
        self->buffer = (const char *)self->buffer + n;
        self->size -= (size_t)n;
    }
    return 0;
}

enum ac_poll ac_write_all__poll(struct ac_write_all__frame *self, struct ac_context *cx)
{
    ssize_t result;
    enum ac_poll poll
        = self->size == 0
              ? transfer_nothing(&self->wait, &result, "ac_write_all")
              : ac__io_poll(&self->wait, cx, self->fd, AC__WRITE, try_write_all, self, &result, "ac_write_all");
    if (poll == AC_READY)
        self->result = (int)result;
    return poll;
}

enum ac_poll ac_write_all__start(struct ac_write_all__frame *self, struct ac_context *cx, int fd,
                                 const void *buffer, size_t size)
{
    ac_write_all__init(self, fd, buffer, size);
    return ac_write_all__poll(self, cx);
}

enum ac_poll ac_write_all__cancel(struct ac_write_all__frame *self, struct ac_context *cx)
{
    (void)cx;
    return ac__io_cancel(&self->wait);
}

/* ---- ac_readable, ac_writable ---- */

void ac_readable__init(struct ac_readable__frame *self, int fd)
{
    ac__io_init(&self->wait);
    self->fd = fd;
}

static ssize_t try_readable(void *frame, bool born)
{
    (void)born;
    return ac__try_ready(((struct ac_readable__frame *)frame)->fd, AC__READ);
}

enum ac_poll ac_readable__poll(struct ac_readable__frame *self, struct ac_context *cx)
{
    ssize_t result;
    enum ac_poll poll = ac__io_poll(&self->wait, cx, self->fd, AC__READ, try_readable, self, &result, "ac_readable");
    if (poll == AC_READY)
        self->result = (int)result;
    return poll;
}

enum ac_poll ac_readable__start(struct ac_readable__frame *self, struct ac_context *cx, int fd)
{
    ac_readable__init(self, fd);
    return ac_readable__poll(self, cx);
}

enum ac_poll ac_readable__cancel(struct ac_readable__frame *self, struct ac_context *cx)
{
    (void)cx;
    return ac__io_cancel(&self->wait);
}

void ac_writable__init(struct ac_writable__frame *self, int fd)
{
    ac__io_init(&self->wait);
    self->fd = fd;
}

static ssize_t try_writable(void *frame, bool born)
{
    (void)born;
    return ac__try_ready(((struct ac_writable__frame *)frame)->fd, AC__WRITE);
}

enum ac_poll ac_writable__poll(struct ac_writable__frame *self, struct ac_context *cx)
{
    ssize_t result;
    enum ac_poll poll = ac__io_poll(&self->wait, cx, self->fd, AC__WRITE, try_writable, self, &result, "ac_writable");
    if (poll == AC_READY)
        self->result = (int)result;
    return poll;
}

enum ac_poll ac_writable__start(struct ac_writable__frame *self, struct ac_context *cx, int fd)
{
    ac_writable__init(self, fd);
    return ac_writable__poll(self, cx);
}

enum ac_poll ac_writable__cancel(struct ac_writable__frame *self, struct ac_context *cx)
{
    (void)cx;
    return ac__io_cancel(&self->wait);
}

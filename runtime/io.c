/* io.c - reading, writing and waiting for descriptors, as futures. */
#include "io.h"

#include <errno.h>

/* ---- what they share ---- */

/* The busiest leaves have what they share in one piece, and know which call it tries. */
#define BUSY __attribute__((flatten))
#define RARE __attribute__((noinline))

enum { FRESH, BEGUN, ON_THREAD, OVER };

void ac__io_init(struct ac__io_wait *wait)
{
    wait->link = NULL;
    wait->state = FRESH;
    wait->tick = 0;
}

void ac__io_again(struct ac__io_wait *wait)
{
    wait->link = NULL;
    wait->state = BEGUN;
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

/* Under the reactor's lock. */
static int block(struct ac__io_wait *wait, struct ac_context *cx, struct ac__reactor *reactor, int fd,
                 enum ac__direction direction)
{
    struct ac__fd *slot = ac__fd_slot(reactor, fd);
    if (slot == NULL)
        return -ENOMEM;
    if (slot->generation != wait->generation)
        return -EBADF; /* another worker has closed it meanwhile */
    bool born = ac__is_born(slot->generation);
    /* Another worker may have met the event that came after the try: it won't come again. */
    if (born && slot->registered && slot->tick[direction] != wait->tick)
        return -EAGAIN;

    slot->ready[direction] = false;
    wait->waker = cx->waker;
    link_wait(slot, direction, wait);
    if (born) {
        if (slot->registered)
            return 0;
        /* The first event tells how the descriptor stands in both directions. */
        slot->ready[AC__READ] = slot->ready[AC__WRITE] = false;
    }
    atomic_store_explicit(&reactor->watches, true, memory_order_relaxed);
    int error = reactor->ops->watch(reactor, slot);
    if (error < 0)
        unlink_wait(wait);
    return error;
}

int ac__io_block(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                 const char *function)
{
    struct ac__reactor *reactor = ac__exec_reactor(ac__exec_of(cx, function));
    if (reactor == NULL)
        return -errno;
    ac__reactor_lock(reactor);
    int error = block(wait, cx, reactor, fd, direction);
    ac__reactor_unlock(reactor);
    return error;
}

/* The reactor of the executor that polls, if it has been needed before. */
static struct ac__reactor *reactor_of(const struct ac_context *cx)
{
    const struct ac_exec *exec = cx->exec != NULL ? cx->exec : ac__current;
    return exec == NULL ? NULL : exec->reactor;
}

bool ac__io_woken(struct ac__io_wait *wait, struct ac_context *cx)
{
    struct ac__reactor *reactor = reactor_of(cx);
    if (reactor != NULL)
        ac__reactor_lock(reactor);
    wait->waker = cx->waker;
    bool woken = wait->link == NULL;
    if (reactor != NULL)
        ac__reactor_unlock(reactor);
    return woken;
}

/* The reactor's slot for a descriptor that was born here, if it is registered; else null. */
static struct ac__fd *registered_slot(struct ac__reactor *reactor, int fd, unsigned generation)
{
    if (!ac__is_born(generation))
        return NULL;
    struct ac__fd *slot = ac__fd_find(reactor, fd, generation);
    return slot != NULL && slot->registered ? slot : NULL;
}

void ac__io_note(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction)
{
    struct ac__reactor *reactor = reactor_of(cx);
    wait->generation = ac__fd_generation(fd);
    wait->tick = 0;
    if (reactor == NULL)
        return;
    ac__reactor_lock(reactor);
    const struct ac__fd *slot = registered_slot(reactor, fd, wait->generation);
    if (slot != NULL)
        wait->tick = slot->tick[direction];
    ac__reactor_unlock(reactor);
}

static enum ac__io_how how_of(unsigned generation) { return generation & (AC__FD_BORN | AC__FD_FILE); }

enum look { WAITS, MAY_TRY, CLOSED };

/* All that a poll has to know before it tries, by one look under the lock: whether the wait goes on; whether the
 * descriptor is still the one that it was; and whether its event is outstanding, so that trying would be in vain and the
 * wait begins at once. Else notes the descriptor's tick, and gives its slot, if it is registered. */
static inline enum look look(struct ac__io_wait *wait, struct ac_context *cx, struct ac__reactor *reactor, int fd,
                             enum ac__direction direction, struct ac__fd **slot)
{
    *slot = NULL;
    wait->waker = cx->waker;
    if (wait->link != NULL)
        return WAITS;
    unsigned generation = ac__fd_generation(fd);
    if (wait->state == FRESH) {
        wait->generation = generation;
        wait->state = BEGUN;
    } else if (wait->generation != generation) {
        return CLOSED; /* under us, and the number may be another's by now */
    }
    wait->tick = 0;
    if (reactor == NULL || (*slot = registered_slot(reactor, fd, generation)) == NULL)
        return MAY_TRY;
    wait->tick = (*slot)->tick[direction];
    if ((*slot)->ready[direction])
        return MAY_TRY;
    link_wait(*slot, direction, wait);
    return WAITS;
}

/* The try was in vain. AC_PENDING: it waits. AC_READY: @p result is that of the operation, or -EAGAIN: try again. */
static RARE enum ac_poll wait_after_try(struct ac__io_wait *wait, struct ac_context *cx, int fd,
                                        enum ac__direction direction, ac__io_try *try, void *self, ssize_t *result,
                                        const char *function)
{
    if (*result == -EAGAIN) {
        *result = ac__io_block(wait, cx, fd, direction, function);
        if (*result == 0)
            return AC_PENDING;
        if (*result == -EPERM)
            *result = AC__WANTS_THREAD;
    }
    if (*result == AC__WANTS_THREAD) {
        if (ac__io_job_start(wait, cx, try, self, function)) {
            wait->state = ON_THREAD;
            return AC_PENDING;
        }
        *result = try(self, AC__MAY_BLOCK); /* it takes as long as the disk does, and no longer */
    }
    return AC_READY;
}

/* Of one that waits for a thread, or is over. */
static RARE enum ac_poll poll_later(struct ac__io_wait *wait, struct ac_context *cx, ssize_t *result,
                                    const char *function)
{
    if (wait->state == OVER)
        ac__stop(function, "polled after it was ready");
    if (ac__io_job_poll(wait, cx, result) == AC_PENDING)
        return AC_PENDING;
    wait->state = OVER;
    return AC_READY;
}

/* The last try has read all that there was. */
static void is_empty(const struct ac__io_wait *wait, struct ac__reactor *reactor, struct ac__fd *slot)
{
    ac__reactor_lock(reactor);
    if (slot->generation == wait->generation && !slot->hung_up && slot->tick[AC__READ] == wait->tick)
        slot->ready[AC__READ] = false;
    ac__reactor_unlock(reactor);
}

/* A stream that gave less than @p most bytes is empty: what comes next will be an event, so that the next read
 * needn't try in vain. Not after the end was seen, which comes but once. */
static inline enum ac_poll poll(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                                ac__io_try *try, void *self, size_t most, ssize_t *result, const char *function)
{
    if (wait->state > BEGUN)
        return poll_later(wait, cx, result, function);
    ssize_t n;
    do {
        struct ac__reactor *reactor = reactor_of(cx);
        struct ac__fd *slot;
        if (reactor != NULL)
            ac__reactor_lock(reactor);
        enum look seen = look(wait, cx, reactor, fd, direction, &slot);
        if (reactor != NULL)
            ac__reactor_unlock(reactor);
        if (seen == WAITS)
            return AC_PENDING;
        if (seen == CLOSED) {
            n = -EBADF;
            break;
        }
        if (!ac__spend(cx))
            return AC_PENDING;
        n = try(self, how_of(wait->generation));
        if (n > 0 && (size_t)n < most && slot != NULL)
            is_empty(wait, reactor, slot);
        if ((n == -EAGAIN || n == AC__WANTS_THREAD)
            && wait_after_try(wait, cx, fd, direction, try, self, &n, function) == AC_PENDING)
            return AC_PENDING;
    } while (n == -EAGAIN);
    *result = n;
    wait->state = OVER;
    return AC_READY;
}

enum ac_poll ac__io_poll(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                         ac__io_try *try, void *self, ssize_t *result, const char *function)
{
    return poll(wait, cx, fd, direction, try, self, 0, result, function);
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

enum ac_poll ac__io_cancel(struct ac__io_wait *wait, struct ac_context *cx)
{
    if (wait->state == ON_THREAD) {
        if (ac__io_job_cancel(wait, cx) == AC_PENDING)
            return AC_PENDING;
        wait->state = OVER;
        return AC_READY;
    }
    struct ac__reactor *reactor = reactor_of(cx);
    if (reactor != NULL) {
        ac__reactor_lock(reactor);
        unlink_wait(wait);
        ac__reactor_unlock(reactor);
    }
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

static ssize_t try_read(void *frame, enum ac__io_how how)
{
    struct ac_read__frame *self = frame;
    return ac__try_read(self->fd, self->buffer, self->size, how);
}

BUSY enum ac_poll ac_read__poll(struct ac_read__frame *self, struct ac_context *cx)
{
    if (self->size == 0)
        return transfer_nothing(&self->wait, &self->result, "ac_read");
    return poll(&self->wait, cx, self->fd, AC__READ, try_read, self, self->size, &self->result, "ac_read");
}

enum ac_poll ac_read__start(struct ac_read__frame *self, struct ac_context *cx, int fd, void *buffer, size_t size)
{
    ac_read__init(self, fd, buffer, size);
    return ac_read__poll(self, cx);
}

enum ac_poll ac_read__cancel(struct ac_read__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->wait, cx);
}

/* ---- ac_read_exact ---- */

void ac_read_exact__init(struct ac_read_exact__frame *self, int fd, void *buffer, size_t size)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
    self->result = 0;
}

/* Reads until all is there, no more is there now, or the end has come. The result counts what is there. */
static ssize_t try_read_exact(void *frame, enum ac__io_how how)
{
    struct ac_read_exact__frame *self = frame;
    while ((size_t)self->result < self->size) {
        ssize_t n = ac__try_read(self->fd, (char *)self->buffer + self->result, self->size - (size_t)self->result, how);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        self->result += n;
    }
    return 0;
}

enum ac_poll ac_read_exact__poll(struct ac_read_exact__frame *self, struct ac_context *cx)
{
    ssize_t error;
    enum ac_poll poll
        = self->size == 0 ? transfer_nothing(&self->wait, &error, "ac_read_exact")
                          : ac__io_poll(&self->wait, cx, self->fd, AC__READ, try_read_exact, self, &error,
                                        "ac_read_exact");
    if (poll == AC_READY && error < 0)
        self->result = error;
    return poll;
}

enum ac_poll ac_read_exact__start(struct ac_read_exact__frame *self, struct ac_context *cx, int fd, void *buffer,
                                  size_t size)
{
    ac_read_exact__init(self, fd, buffer, size);
    return ac_read_exact__poll(self, cx);
}

enum ac_poll ac_read_exact__cancel(struct ac_read_exact__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->wait, cx);
}

/* ---- ac_write ---- */

void ac_write__init(struct ac_write__frame *self, int fd, const void *buffer, size_t size)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
}

static ssize_t try_write(void *frame, enum ac__io_how how)
{
    struct ac_write__frame *self = frame;
    return ac__try_write(self->fd, self->buffer, self->size, how);
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
    return ac__io_cancel(&self->wait, cx);
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
static ssize_t try_write_all(void *frame, enum ac__io_how how)
{
    struct ac_write_all__frame *self = frame;
    while (self->size > 0) {
        ssize_t n = ac__try_write(self->fd, self->buffer, self->size, how);
        if (n < 0)
            return n;
        self->buffer = (const char *)self->buffer + n;
        self->size -= (size_t)n;
    }
    return 0;
}

BUSY enum ac_poll ac_write_all__poll(struct ac_write_all__frame *self, struct ac_context *cx)
{
    ssize_t result;
    /* Once it has begun the size is what is left, and perhaps another thread's. */
    enum ac_poll poll
        = self->wait.state == FRESH && self->size == 0
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
    return ac__io_cancel(&self->wait, cx);
}

/* ---- ac_readable, ac_writable ---- */

void ac_readable__init(struct ac_readable__frame *self, int fd)
{
    ac__io_init(&self->wait);
    self->fd = fd;
}

static ssize_t try_readable(void *frame, enum ac__io_how how)
{
    (void)how;
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
    return ac__io_cancel(&self->wait, cx);
}

void ac_writable__init(struct ac_writable__frame *self, int fd)
{
    ac__io_init(&self->wait);
    self->fd = fd;
}

static ssize_t try_writable(void *frame, enum ac__io_how how)
{
    (void)how;
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
    return ac__io_cancel(&self->wait, cx);
}

/* io.c - reading, writing and waiting for descriptors, as futures. */
#define _GNU_SOURCE
#include "io.h"
#include "sys.h"

/* ---- what they share ---- */

/* The busiest leaves have what they share in one piece, but for what is rare. */
#define BUSY __attribute__((flatten))
#define RARE __attribute__((noinline))

void ac__io_init(struct ac__io_wait *wait)
{
    wait->link = NULL;
    wait->state = AC__IO_FRESH;
    wait->seen = 0;
}

void ac__io_again(struct ac__io_wait *wait)
{
    wait->link = NULL;
    wait->state = AC__IO_BEGUN;
}

static void unlink_wait(struct ac__io_wait *wait)
{
    if (wait->link == NULL)
        return;
    *wait->link = wait->next;
    if (wait->next != NULL)
        ac__set_link(wait->next, wait->link);
    ac__set_link(wait, NULL);
}

/* Behind those who wait already: the lists are short, as a rule of one. */
static inline void link_wait(struct ac__fd *slot, enum ac__direction direction, struct ac__io_wait *wait,
                             struct ac_context *cx)
{
    struct ac__io_wait **end = &slot->waiters[direction];
    while (*end != NULL)
        end = &(*end)->next;
    wait->waker = cx->waker;
    wait->next = NULL;
    ac__set_link(wait, end);
    *end = wait;
}

static inline uint64_t word_of(const struct ac__fd *slot)
{
    return atomic_load_explicit(&slot->word, memory_order_acquire);
}

/* Under the reactor's lock. */
static int block(struct ac__io_wait *wait, struct ac_context *cx, struct ac__reactor *reactor, int fd,
                 enum ac__direction direction)
{
    struct ac__fd *slot = ac__fd_slot(reactor, fd);
    if (slot == NULL)
        return -ENOMEM;
    uint64_t word = word_of(slot);
    if (ac__fd_generation_in(word) != wait->generation)
        return -EBADF; /* another worker has closed it meanwhile */
    /* Another worker may have met the event that came after the try: it won't come again. */
    if (word & AC__FD_KEPT && ac__is_other_tick(word, wait->seen))
        return -EAGAIN;

    link_wait(slot, direction, wait, cx);
    if (word & AC__FD_KEPT) {
        ac__fd_clear(reactor, slot, ac__fd_may(direction));
        return 0;
    }
    /* The first event tells how the descriptor stands in both directions. */
    bool born = ac__is_born(wait->generation);
    if (born)
        ac__fd_clear(reactor, slot, AC__FD_MAY_READ | AC__FD_MAY_WRITE);
    atomic_store_explicit(&reactor->watches, true, memory_order_relaxed);
    int error = reactor->ops->watch(reactor, slot);
    if (error < 0)
        unlink_wait(wait);
    else if (born)
        atomic_store_explicit(&slot->word, word_of(slot) | AC__FD_KEPT, memory_order_release);
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

/* The executor that polls, or null. */
static inline struct ac_exec *exec_of(const struct ac_context *cx) { return cx->exec != NULL ? cx->exec : ac__current; }

/* Its reactor, if it has been needed before. */
static struct ac__reactor *reactor_of(const struct ac_context *cx)
{
    const struct ac_exec *exec = exec_of(cx);
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

/* One task's operations are on the same descriptor as a rule, so its executor remembers the last slot. */
static inline struct ac__fd *slot_of(struct ac_exec *exec, int fd)
{
    if (exec->slot->fd != fd)
        exec->slot = exec->reactor == NULL ? &ac__no_fd : ac__fd_at(exec->reactor, fd);
    return exec->slot;
}

/* The slot's word, if it is kept and of the generation that the descriptor has now; else 0. */
static inline uint64_t kept_word(const struct ac__fd *slot)
{
    uint64_t word = word_of(slot);
    unsigned now = atomic_load_explicit(atomic_load_explicit(&slot->now, memory_order_relaxed), memory_order_relaxed);
    return word & AC__FD_KEPT && ac__fd_generation_in(word) == now ? word : 0;
}

/* The same of the descriptor's slot; without an executor nothing is kept. */
static inline uint64_t kept_word_of(struct ac_exec *exec, int fd)
{
    return exec == NULL ? 0 : kept_word(slot_of(exec, fd));
}

/* The generation that the descriptor has now. */
static inline unsigned generation_of(uint64_t kept, int fd)
{
    return kept != 0 ? ac__fd_generation_in(kept) : ac__fd_generation(fd);
}

void ac__io_note(struct ac__io_wait *wait, struct ac_context *cx, int fd)
{
    uint64_t word = kept_word_of(exec_of(cx), fd);
    wait->generation = generation_of(word, fd);
    wait->seen = word;
}

static enum ac__io_how how_of(unsigned generation) { return generation & (AC__FD_BORN | AC__FD_FILE); }

/* Of one who was linked a moment ago. False: he has been woken meanwhile. */
static RARE bool still_waits(struct ac__io_wait *wait, struct ac_context *cx) { return !ac__io_woken(wait, cx); }

/* Whether the wait may begin without a try. Under the lock. */
static inline bool is_outstanding(const struct ac__io_wait *wait, uint64_t word, enum ac__direction direction)
{
    return ac__fd_generation_in(word) == wait->generation && !(word & ac__fd_may(direction));
}

static RARE uint64_t wait_in_pool(struct ac__io_wait *wait, struct ac_context *cx, struct ac_exec *exec,
                                  enum ac__direction direction)
{
    ac__reactor_lock(exec->reactor);
    uint64_t word = word_of(exec->slot);
    if (is_outstanding(wait, word, direction)) {
        link_wait(exec->slot, direction, wait, cx);
        word = 0;
    }
    ac__reactor_unlock(exec->reactor);
    return word;
}

/* Waits for the event that is outstanding, and gives 0; or, if it isn't any longer, the word. */
static inline uint64_t wait_at_once(struct ac__io_wait *wait, struct ac_context *cx, struct ac_exec *exec,
                                    enum ac__direction direction)
{
    if (exec->worker != NULL)
        return wait_in_pool(wait, cx, exec, direction);
    link_wait(exec->slot, direction, wait, cx);
    return 0;
}

enum look { WAITS, MAY_TRY, CLOSED };

/* All that a poll has to know before it tries: whether the wait goes on; whether the
 * descriptor is still the one that it was; and whether its event is outstanding, so that trying would be in vain and the
 * wait begins at once. Else notes what is known of the descriptor. */
static enum look look(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction)
{
    if (ac__is_linked(wait) && still_waits(wait, cx))
        return WAITS;
    struct ac_exec *exec = exec_of(cx);
    uint64_t word = kept_word_of(exec, fd);
    unsigned generation = generation_of(word, fd);
    if (wait->state == AC__IO_FRESH) {
        wait->generation = generation;
        wait->state = AC__IO_BEGUN;
    } else if (wait->generation != generation) {
        return CLOSED; /* under us, and the number may be another's by now */
    }
    if (word != 0 && !(word & ac__fd_may(direction))) {
        word = wait_at_once(wait, cx, exec, direction);
        if (word == 0)
            return WAITS;
        if (ac__fd_generation_in(word) != generation)
            return CLOSED;
    }
    wait->seen = word;
    return MAY_TRY;
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
            wait->state = AC__IO_ON_THREAD;
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
    if (wait->state == AC__IO_OVER)
        ac__stop(function, "polled after it was ready");
    if (ac__io_job_poll(wait, cx, result) == AC_PENDING)
        return AC_PENDING;
    wait->state = AC__IO_OVER;
    return AC_READY;
}

/* The last try has read all that there was of a stream when the word was @p seen: unless an event has come since, the next one
 * needn't be made. */
static inline void is_empty(const struct ac_exec *exec, uint64_t seen)
{
    struct ac__fd *slot = exec->slot;
    ac__between();
    uint64_t word = word_of(slot);
    do {
        if (ac__is_other(word, seen) || word & AC__FD_MARKED)
            return;
        if (exec->worker == NULL) {
            atomic_store_explicit(&slot->word, word & ~AC__FD_MAY_READ, memory_order_relaxed);
            return;
        }
    } while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, word & ~AC__FD_MAY_READ, memory_order_relaxed,
                                                    memory_order_relaxed));
}

enum ac_poll ac__io_poll(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                         ac__io_try *try, void *self, ssize_t *result, const char *function)
{
    if (wait->state > AC__IO_BEGUN)
        return poll_later(wait, cx, result, function);
    ssize_t n;
    do {
        enum look seen = look(wait, cx, fd, direction);
        if (seen == WAITS)
            return AC_PENDING;
        if (seen == CLOSED) {
            n = -EBADF;
            break;
        }
        if (!ac__spend(cx))
            return AC_PENDING;
        n = try(self, how_of(wait->generation));
        if ((n == -EAGAIN || n == AC__WANTS_THREAD)
            && wait_after_try(wait, cx, fd, direction, try, self, &n, function) == AC_PENDING)
            return AC_PENDING;
    } while (n == -EAGAIN);
    *result = n;
    wait->state = AC__IO_OVER;
    return AC_READY;
}

/* Reading or writing no bytes: done, whether or not the descriptor is ready. */
static enum ac_poll transfer_nothing(struct ac__io_wait *wait, ssize_t *result, const char *function)
{
    if (wait->state == AC__IO_OVER)
        ac__stop(function, "polled after it was ready");
    wait->state = AC__IO_OVER;
    *result = 0;
    return AC_READY;
}

enum ac_poll ac__io_cancel(struct ac__io_wait *wait, struct ac_context *cx)
{
    if (wait->state == AC__IO_ON_THREAD) {
        if (ac__io_job_cancel(wait, cx) == AC_PENDING)
            return AC_PENDING;
        wait->state = AC__IO_OVER;
        return AC_READY;
    }
    struct ac__reactor *reactor = reactor_of(cx);
    if (reactor != NULL) {
        ac__reactor_lock(reactor);
        unlink_wait(wait);
        ac__reactor_unlock(reactor);
    }
    wait->state = AC__IO_OVER;
    return AC_READY;
}

/* ---- the usual case ----
 *
 * ac_read() and ac_write_all() on a descriptor whose readiness is kept are what a server does all day. They
 * have it by itself: no lock and no call but the system's. What is out of the ordinary goes the way of all others,
 * ac__io_poll(), and goes on there if it has begun here. */

/* The word of such a descriptor, whose slot is the executor's last one then, or 0; for an operation that begins. */
static inline uint64_t usual_word(struct ac__io_wait *wait, struct ac_context *cx, int fd)
{
    wait->link = NULL;
    uint64_t word = kept_word_of(cx->exec, fd);
    wait->generation = ac__fd_generation_in(word);
    wait->state = word != 0 ? AC__IO_BEGUN : AC__IO_FRESH;
    return word;
}

/* The same for one that has begun, and been woken, if the descriptor is still the one that it was. */
static inline uint64_t usual_word_again(const struct ac__io_wait *wait, struct ac_context *cx, int fd)
{
    if (wait->state != AC__IO_BEGUN || ac__is_linked(wait))
        return 0;
    uint64_t word = kept_word_of(cx->exec, fd);
    return ac__fd_generation_in(word) == wait->generation ? word : 0;
}

typedef enum ac_poll poll_function(void *frame, struct ac_context *);

static RARE enum ac_poll unlock_and_poll(void *frame, struct ac_context *cx, poll_function *poll)
{
    ac__reactor_unlock(cx->exec->reactor);
    return poll(frame, cx);
}

static RARE enum ac_poll wake_a_sleeper(unsigned *lock)
{
    ac__futex_wake(lock);
    return AC_PENDING;
}

/* Waits for the event that is outstanding; or, if it isn't any longer, or the lock is taken, polls in the way of all
 * others. Each call is the last thing that is done, so nothing is saved for after it. */
static inline enum ac_poll wait_or_poll(struct ac__io_wait *wait, void *frame, struct ac_context *cx,
                                        enum ac__direction direction, poll_function *poll)
{
    const struct ac_exec *exec = cx->exec;
    if (exec->worker == NULL) {
        link_wait(exec->slot, direction, wait, cx);
        return AC_PENDING;
    }
    unsigned *lock = exec->reactor->lock, bits;
    ac__between();
    if (!ac__lock_if_free(lock, &bits))
        return poll(frame, cx);
    if (!is_outstanding(wait, word_of(exec->slot), direction))
        return unlock_and_poll(frame, cx, poll);
    link_wait(exec->slot, direction, wait, cx);
    return ac__release(lock, 0) ? wake_a_sleeper(lock) : AC_PENDING;
}

/* The call, before which the word was @p seen, has failed with -1, and its errno. 0: it waits. -EAGAIN: it may try again.
 * Else the errno, negative. */
static ssize_t wait_after_failure(struct ac__io_wait *wait, struct ac_context *cx, int fd, enum ac__direction direction,
                                  uint64_t seen, const char *function)
{
    ssize_t error = ac__result_of(-1);
    wait->seen = seen;
    if (error == -EAGAIN)
        error = ac__io_block(wait, cx, fd, direction, function);
    return error == -EINTR ? -EAGAIN : error;
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

static RARE enum ac_poll poll_read(void *frame, struct ac_context *cx)
{
    struct ac_read__frame *self = frame;
    if (self->size == 0)
        return transfer_nothing(&self->wait, &self->result, "ac_read");
    return ac__io_poll(&self->wait, cx, self->fd, AC__READ, try_read, self, &self->result, "ac_read");
}

static RARE enum ac_poll read_failed(struct ac_read__frame *self, struct ac_context *cx, uint64_t word)
{
    ssize_t error = wait_after_failure(&self->wait, cx, self->fd, AC__READ, word, "ac_read");
    if (error == 0)
        return AC_PENDING;
    if (error == -EAGAIN)
        return poll_read(self, cx);
    self->result = error;
    self->wait.state = AC__IO_OVER;
    return AC_READY;
}

/* A stream that gave less than it was asked for is empty: what comes next will be an event, so that the next read
 * needn't try in vain. Not after the end was seen, which comes but once. */
static inline enum ac_poll read_kept(struct ac_read__frame *self, struct ac_context *cx, uint64_t word)
{
    if (cx->budget == 0)
        return poll_read(self, cx);
    cx->budget--;
    ssize_t n = word & AC__FD_IS_FILE ? ac__sys_read(self->fd, self->buffer, self->size)
                                      : ac__sys_recv(self->fd, self->buffer, self->size, MSG_DONTWAIT);
    if (n < 0)
        return read_failed(self, cx, word);
    if (n > 0 && (size_t)n < self->size && word & AC__FD_IS_STREAM)
        is_empty(cx->exec, word);
    self->result = n;
    self->wait.state = AC__IO_OVER;
    return AC_READY;
}

/* These two stand apart from ac_read__start() since a server's next read has to wait as a rule. */
static RARE BUSY enum ac_poll wait_to_read(struct ac_read__frame *self, struct ac_context *cx)
{
    return wait_or_poll(&self->wait, self, cx, AC__READ, poll_read);
}

static RARE enum ac_poll read_at_once(struct ac_read__frame *self, struct ac_context *cx, uint64_t word)
{
    return read_kept(self, cx, word);
}

BUSY enum ac_poll ac_read__poll(struct ac_read__frame *self, struct ac_context *cx)
{
    uint64_t word = usual_word_again(&self->wait, cx, self->fd);
    if (word & AC__FD_MAY_READ)
        return read_kept(self, cx, word);
    return word == 0 ? poll_read(self, cx) : wait_to_read(self, cx);
}

BUSY enum ac_poll ac_read__start(struct ac_read__frame *self, struct ac_context *cx, int fd, void *buffer, size_t size)
{
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
    uint64_t word = usual_word(&self->wait, cx, size == 0 ? -1 : fd);
    if (word & AC__FD_MAY_READ)
        return read_at_once(self, cx, word);
    return word == 0 ? poll_read(self, cx) : wait_to_read(self, cx);
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

static RARE enum ac_poll poll_write_all(void *frame, struct ac_context *cx)
{
    struct ac_write_all__frame *self = frame;
    ssize_t result;
    /* Once it has begun the size is what is left, and perhaps another thread's. */
    enum ac_poll poll
        = self->wait.state == AC__IO_FRESH && self->size == 0
              ? transfer_nothing(&self->wait, &result, "ac_write_all")
              : ac__io_poll(&self->wait, cx, self->fd, AC__WRITE, try_write_all, self, &result, "ac_write_all");
    if (poll == AC_READY)
        self->result = (int)result;
    return poll;
}

/* Of the call @p n bytes have gone, or it has failed with -1. */
static RARE enum ac_poll write_rest(struct ac_write_all__frame *self, struct ac_context *cx, uint64_t word, ssize_t n)
{
    if (n >= 0) { /* no more than that went in */
        self->buffer = (const char *)self->buffer + n;
        self->size -= (size_t)n;
        return poll_write_all(self, cx);
    }
    ssize_t error = wait_after_failure(&self->wait, cx, self->fd, AC__WRITE, word, "ac_write_all");
    if (error == 0)
        return AC_PENDING;
    if (error == -EAGAIN)
        return poll_write_all(self, cx);
    self->result = (int)error;
    self->wait.state = AC__IO_OVER;
    return AC_READY;
}

static inline enum ac_poll write_all_kept(struct ac_write_all__frame *self, struct ac_context *cx, uint64_t word)
{
    if (cx->budget == 0)
        return poll_write_all(self, cx);
    cx->budget--;
    ssize_t n = word & AC__FD_IS_FILE ? ac__sys_write(self->fd, self->buffer, self->size)
                                      : ac__sys_send(self->fd, self->buffer, self->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if ((size_t)n != self->size)
        return write_rest(self, cx, word, n);
    self->result = 0;
    self->wait.state = AC__IO_OVER;
    return AC_READY;
}

static RARE BUSY enum ac_poll wait_to_write_all(struct ac_write_all__frame *self, struct ac_context *cx)
{
    return wait_or_poll(&self->wait, self, cx, AC__WRITE, poll_write_all);
}

BUSY enum ac_poll ac_write_all__poll(struct ac_write_all__frame *self, struct ac_context *cx)
{
    uint64_t word = usual_word_again(&self->wait, cx, self->fd);
    if (word & AC__FD_MAY_WRITE)
        return write_all_kept(self, cx, word);
    return word == 0 ? poll_write_all(self, cx) : wait_to_write_all(self, cx);
}

BUSY enum ac_poll ac_write_all__start(struct ac_write_all__frame *self, struct ac_context *cx, int fd,
                                      const void *buffer, size_t size)
{
    self->fd = fd;
    self->buffer = buffer;
    self->size = size;
    uint64_t word = usual_word(&self->wait, cx, size == 0 ? -1 : fd);
    if (word & AC__FD_MAY_WRITE)
        return write_all_kept(self, cx, word);
    return word == 0 ? poll_write_all(self, cx) : wait_to_write_all(self, cx);
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

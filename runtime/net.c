/* net.c - connecting and accepting, as futures. */
#define _GNU_SOURCE
#include "net.h"

#include "dns.h"
#include "io.h"
#include "sys.h"

/* ---- ac_tcp_connect ----
 *
 *     name    --> lookup --> connect to each address --> socket or the last error
 *     numeric ------------->
 *
 * "localhost" is two numeric addresses. */

enum { FRESH, LOOKING_UP, CONNECTING, OVER };

void ac_tcp_connect__init(struct ac_tcp_connect__frame *self, const char *host, int port)
{
    ac__io_init(&self->wait);
    self->lookup = NULL;
    self->host = host;
    self->port = port;
    self->fd = -1;
    self->next = 0;
    self->state = FRESH;
    self->result = -ENXIO;
}

/* Ends the future with what stands in its result. */
static enum ac_poll finish(struct ac_tcp_connect__frame *self)
{
    if (self->lookup != NULL)
        ac__lookup_free(self->lookup);
    self->lookup = NULL;
    self->state = OVER;
    return AC_READY;
}

static enum ac_poll fail(struct ac_tcp_connect__frame *self, int error)
{
    self->result = error;
    return finish(self);
}

/* The next address to try, or false. */
static bool next_address(struct ac_tcp_connect__frame *self, const struct ac_address **address)
{
    if (self->lookup != NULL) {
        const struct ac_address *found;
        int n = ac__lookup_result(self->lookup, &found);
        *address = found + self->next;
        return self->next++ < n;
    }
    *address = &self->address;
    if (self->next == 0) {
        self->next++;
        return true;
    }
    /* The second loopback. By now the name may have gone, but a family tells which was the first. */
    if (self->next == 1 && self->tries_loopback && ac__address_known(&self->address, "localhost", self->port, 1) == 0) {
        self->next++;
        return true;
    }
    return false;
}

/* Tries addresses until one connects or has to be waited for. Keeps the last error as the result. */
static enum ac_poll connect_next(struct ac_tcp_connect__frame *self, struct ac_context *cx)
{
    const struct ac_address *address;
    while (next_address(self, &address)) {
        int fd = ac__socket_new(address->any.sa_family);
        if (fd < 0) {
            self->result = fd;
            continue;
        }
        int error = ac__sys_connect(fd, &address->any, address->size) == 0 ? 0 : -errno;
        if (error == 0) {
            self->result = fd;
            return finish(self);
        }
        /* After a signal the connection goes on being made, too. */
        if (error == -EINPROGRESS || error == -EINTR) {
            ac__io_note(&self->wait, cx, fd); /* of a new one there is nothing yet */
            error = ac__io_block(&self->wait, cx, fd, AC__WRITE, "ac_tcp_connect");
            if (error == 0) {
                self->fd = fd;
                self->state = CONNECTING;
                return AC_PENDING;
            }
        }
        ac_close(fd);
        self->result = error;
    }
    return finish(self);
}

/* The connection that was being made stands, or it doesn't. */
static enum ac_poll connected(struct ac_tcp_connect__frame *self, struct ac_context *cx)
{
    int error = ac__socket_error(self->fd);
    if (error == 0) {
        self->result = self->fd;
        return finish(self);
    }
    ac_close(self->fd);
    self->fd = -1;
    self->result = error;
    return connect_next(self, cx);
}

enum ac_poll ac_tcp_connect__poll(struct ac_tcp_connect__frame *self, struct ac_context *cx)
{
    switch (self->state) {
    case FRESH: {
        if (!ac__spend(cx)) /* for what fails or connects at once */
            return AC_PENDING;
        if (self->port < 1 || self->port > 65535)
            return fail(self, -EINVAL);
        if (ac__address_known(&self->address, self->host, self->port, 0) == 0) {
            struct ac_address second;
            self->tries_loopback = ac__address_known(&second, self->host, self->port, 1) == 0;
            return connect_next(self, cx);
        }
        int error = ac__lookup_start(&self->lookup, cx, self->host, self->port, "ac_tcp_connect");
        if (error < 0)
            return fail(self, error);
        self->state = LOOKING_UP;
        return AC_PENDING;
    }
    case LOOKING_UP: {
        if (ac__lookup_poll(self->lookup, cx) == AC_PENDING)
            return AC_PENDING;
        const struct ac_address *found;
        int n = ac__lookup_result(self->lookup, &found);
        return n < 0 ? fail(self, n) : connect_next(self, cx);
    }
    case CONNECTING:
        return ac__io_woken(&self->wait, cx) ? connected(self, cx) : AC_PENDING;
    default:
        ac__stop("ac_tcp_connect", "polled after it was ready");
    }
}

enum ac_poll ac_tcp_connect__start(struct ac_tcp_connect__frame *self, struct ac_context *cx, const char *host,
                                   int port)
{
    ac_tcp_connect__init(self, host, port);
    return ac_tcp_connect__poll(self, cx);
}

enum ac_poll ac_tcp_connect__cancel(struct ac_tcp_connect__frame *self, struct ac_context *cx)
{
    if (self->state == CONNECTING) {
        ac__io_cancel(&self->wait, cx);
        ac_close(self->fd);
    }
    return finish(self);
}

/* ---- ac_unix_connect ----
 *
 * A connection is made at once or not at all. When the listener's queue is full, nothing tells of the moment when it
 * isn't any more: so this looks again from time to time. */

enum { UNIX_FRESH, UNIX_PAUSED, UNIX_OVER };
enum { LONGEST_PAUSE_MS = 50 };

void ac_unix_connect__init(struct ac_unix_connect__frame *self, const char *path)
{
    self->path = path;
    self->pause_ms = 1;
    self->fd = -1;
    self->state = UNIX_FRESH;
}

/* 0, -EAGAIN when it has to be tried again, or an error. */
static int try_unix_connect(struct ac_unix_connect__frame *self)
{
    struct sockaddr_un address;
    socklen_t size;
    int error = ac__unix_address(&address, &size, self->path);
    if (error < 0)
        return error;
    if (self->fd < 0) {
        int fd = ac__socket_new(AF_UNIX);
        if (fd < 0)
            return fd;
        self->fd = fd;
    }
    do
        error = ac__sys_connect(self->fd, (struct sockaddr *)&address, size) == 0 ? 0 : -errno;
    while (error == -EINTR);
    return error;
}

static enum ac_poll end_unix_connect(struct ac_unix_connect__frame *self, int error)
{
    if (error < 0 && self->fd >= 0)
        ac_close(self->fd);
    self->result = error < 0 ? error : self->fd;
    self->state = UNIX_OVER;
    return AC_READY;
}

enum ac_poll ac_unix_connect__poll(struct ac_unix_connect__frame *self, struct ac_context *cx)
{
    if (self->state == UNIX_OVER)
        ac__stop("ac_unix_connect", "polled after it was ready");
    if (self->state == UNIX_FRESH && !ac__spend(cx))
        return AC_PENDING;
    for (;;) {
        if (self->state == UNIX_PAUSED && ac_sleep__poll(&self->sleep, cx) == AC_PENDING)
            return AC_PENDING;
        int error = try_unix_connect(self);
        if (error != -EAGAIN)
            return end_unix_connect(self, error);
        ac_sleep__init(&self->sleep, self->pause_ms * AC_MS);
        self->pause_ms = self->pause_ms < LONGEST_PAUSE_MS / 2 ? 2 * self->pause_ms : LONGEST_PAUSE_MS;
        self->state = UNIX_PAUSED;
    }
}

enum ac_poll ac_unix_connect__start(struct ac_unix_connect__frame *self, struct ac_context *cx, const char *path)
{
    ac_unix_connect__init(self, path);
    return ac_unix_connect__poll(self, cx);
}

enum ac_poll ac_unix_connect__cancel(struct ac_unix_connect__frame *self, struct ac_context *cx)
{
    if (self->state == UNIX_PAUSED)
        ac_sleep__cancel(&self->sleep, cx);
    return end_unix_connect(self, -ECANCELED);
}

/* ---- ac_accept ----
 *
 *     try --> no room --> pause --> try again, and that is the result
 *
 * The pause is what keeps a server's loop, which tries again whatever the error, from spinning. The
 * listener stays marked as ready: no event will come for the connection that waits. */

enum { ACCEPTS, ACCEPT_PAUSES, ACCEPTS_AGAIN };

void ac_accept__init(struct ac_accept__frame *self, int listener)
{
    ac__io_init(&self->wait);
    self->listener = listener;
    self->state = ACCEPTS;
}

/* A listener from elsewhere may block, so it is asked first. One who accepts there too and isn't among this process's
 * futures may still be faster; then the call blocks, until another connection comes. */
static int accept_claimed(int listener)
{
    struct ac__claim claim;
    int error = ac__claim_ready(listener, AC__READ, &claim);
    if (error < 0)
        return error;
    int fd = ac__socket_accept(listener, SOCK_NONBLOCK);
    ac__claim_end(&claim);
    return fd;
}

static ssize_t try_accept(void *frame, enum ac__io_how how)
{
    int listener = ((struct ac_accept__frame *)frame)->listener, fd;
    do
        fd = how == AC__BORN ? ac__socket_accept(listener, SOCK_NONBLOCK) : accept_claimed(listener);
    while (fd == -EINTR);
    if (fd >= 0)
        ac__fd_born(fd, how == AC__BORN ? ac__fd_generation(listener) & AC__FD_STREAM : ac__fd_socket_kind(fd));
    return fd;
}

enum ac_poll ac_accept__poll(struct ac_accept__frame *self, struct ac_context *cx)
{
    for (;;) {
        if (self->state == ACCEPT_PAUSES) {
            if (ac_sleep__poll(&self->sleep, cx) == AC_PENDING)
                return AC_PENDING;
            ac__io_again(&self->wait);
            self->state = ACCEPTS_AGAIN;
        }
        ssize_t result;
        if (ac__io_poll(&self->wait, cx, self->listener, AC__READ, try_accept, self, &result, "ac_accept")
            == AC_PENDING)
            return AC_PENDING;
        self->result = (int)result;
        if (self->state == ACCEPTS_AGAIN || !ac__is_shortage(self->result))
            return AC_READY;
        ac_sleep__init(&self->sleep, AC__SHORTAGE_MS * AC_MS);
        self->state = ACCEPT_PAUSES;
    }
}

enum ac_poll ac_accept__start(struct ac_accept__frame *self, struct ac_context *cx, int listener)
{
    ac_accept__init(self, listener);
    return ac_accept__poll(self, cx);
}

enum ac_poll ac_accept__cancel(struct ac_accept__frame *self, struct ac_context *cx)
{
    if (self->state == ACCEPT_PAUSES)
        return ac_sleep__cancel(&self->sleep, cx);
    return ac__io_cancel(&self->wait, cx);
}

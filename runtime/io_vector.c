/* io_vector.c - reading and writing several pieces of memory at a time, as futures. */
#define _GNU_SOURCE
#include "io.h"

#include <errno.h>

static void init(struct ac__io_pieces *self, int fd, const struct iovec *pieces, int npieces)
{
    ac__io_init(&self->wait);
    self->fd = fd;
    self->pieces = pieces;
    self->npieces = npieces;
    self->done = 0;
}

/* A poll of any of the four. AC_READY: *result is an error, or what the last try returned. */
static enum ac_poll poll(struct ac__io_pieces *self, struct ac_context *cx, enum ac__direction direction,
                         ac__io_try *try, ssize_t *result, const char *function)
{
    ssize_t size = 1;
    if (self->wait.state == AC__IO_FRESH)
        size = ac__pieces_size(self->pieces, self->npieces);
    if (size > 0) /* or it has begun, or is over */
        return ac__io_poll(&self->wait, cx, self->fd, direction, try, self, result, function);
    ac__io_cancel(&self->wait, cx); /* nothing to do, and it is over */
    *result = size;
    return AC_READY;
}

static ssize_t try_readv(void *pieces, enum ac__io_how how)
{
    struct ac__io_pieces *self = pieces;
    return ac__try_read_pieces(self->fd, self->pieces, self->npieces, 0, how);
}

static ssize_t try_writev(void *pieces, enum ac__io_how how)
{
    struct ac__io_pieces *self = pieces;
    return ac__try_write_pieces(self->fd, self->pieces, self->npieces, 0, how);
}

/* Until all is there, no more is there now, or the end has come. Both return 0 when no more is to be done. */
static ssize_t try_readv_exact(void *pieces, enum ac__io_how how)
{
    struct ac__io_pieces *self = pieces;
    ssize_t n;
    while ((n = ac__try_read_pieces(self->fd, self->pieces, self->npieces, self->done, how)) > 0)
        self->done += (size_t)n;
    return n;
}

static ssize_t try_writev_all(void *pieces, enum ac__io_how how)
{
    struct ac__io_pieces *self = pieces;
    ssize_t n;
    while ((n = ac__try_write_pieces(self->fd, self->pieces, self->npieces, self->done, how)) > 0)
        self->done += (size_t)n;
    return n;
}

/* ---- ac_readv ---- */

void ac_readv__init(struct ac_readv__frame *self, int fd, const struct iovec *pieces, int npieces)
{
    init(&self->pieces, fd, pieces, npieces);
}

enum ac_poll ac_readv__poll(struct ac_readv__frame *self, struct ac_context *cx)
{
    return poll(&self->pieces, cx, AC__READ, try_readv, &self->result, "ac_readv");
}

enum ac_poll ac_readv__start(struct ac_readv__frame *self, struct ac_context *cx, int fd, const struct iovec *pieces,
                             int npieces)
{
    ac_readv__init(self, fd, pieces, npieces);
    return ac_readv__poll(self, cx);
}

enum ac_poll ac_readv__cancel(struct ac_readv__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->pieces.wait, cx);
}

/* ---- ac_readv_exact ---- */

void ac_readv_exact__init(struct ac_readv_exact__frame *self, int fd, const struct iovec *pieces, int npieces)
{
    init(&self->pieces, fd, pieces, npieces);
}

enum ac_poll ac_readv_exact__poll(struct ac_readv_exact__frame *self, struct ac_context *cx)
{
    ssize_t n;
    if (poll(&self->pieces, cx, AC__READ, try_readv_exact, &n, "ac_readv_exact") == AC_PENDING)
        return AC_PENDING;
    self->result = n < 0 ? n : (ssize_t)self->pieces.done;
    return AC_READY;
}

enum ac_poll ac_readv_exact__start(struct ac_readv_exact__frame *self, struct ac_context *cx, int fd,
                                   const struct iovec *pieces, int npieces)
{
    ac_readv_exact__init(self, fd, pieces, npieces);
    return ac_readv_exact__poll(self, cx);
}

enum ac_poll ac_readv_exact__cancel(struct ac_readv_exact__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->pieces.wait, cx);
}

/* ---- ac_writev ---- */

void ac_writev__init(struct ac_writev__frame *self, int fd, const struct iovec *pieces, int npieces)
{
    init(&self->pieces, fd, pieces, npieces);
}

enum ac_poll ac_writev__poll(struct ac_writev__frame *self, struct ac_context *cx)
{
    return poll(&self->pieces, cx, AC__WRITE, try_writev, &self->result, "ac_writev");
}

enum ac_poll ac_writev__start(struct ac_writev__frame *self, struct ac_context *cx, int fd,
                              const struct iovec *pieces, int npieces)
{
    ac_writev__init(self, fd, pieces, npieces);
    return ac_writev__poll(self, cx);
}

enum ac_poll ac_writev__cancel(struct ac_writev__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->pieces.wait, cx);
}

/* ---- ac_writev_all ---- */

void ac_writev_all__init(struct ac_writev_all__frame *self, int fd, const struct iovec *pieces, int npieces)
{
    init(&self->pieces, fd, pieces, npieces);
}

enum ac_poll ac_writev_all__poll(struct ac_writev_all__frame *self, struct ac_context *cx)
{
    ssize_t n;
    if (poll(&self->pieces, cx, AC__WRITE, try_writev_all, &n, "ac_writev_all") == AC_PENDING)
        return AC_PENDING;
    self->result = (int)n;
    return AC_READY;
}

enum ac_poll ac_writev_all__start(struct ac_writev_all__frame *self, struct ac_context *cx, int fd,
                                  const struct iovec *pieces, int npieces)
{
    ac_writev_all__init(self, fd, pieces, npieces);
    return ac_writev_all__poll(self, cx);
}

enum ac_poll ac_writev_all__cancel(struct ac_writev_all__frame *self, struct ac_context *cx)
{
    return ac__io_cancel(&self->pieces.wait, cx);
}

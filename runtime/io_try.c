/* io_try.c - reading and writing without blocking, whatever the descriptor is.
 *
 *     adopted         as it stands, since it was made non-blocking
 *     socket          MSG_DONTWAIT in the call itself
 *     pipe, file      RWF_NOWAIT, likewise, where the system knows that for them
 *     else a file     AC__WANTS_THREAD: poll(2) and epoll call it ready, if they know it, however long it takes
 *     else            when poll(2) says that the call won't block, one at a time: claim.c
 *
 * So the mode of the others needn't be known, and isn't changed: another process may share it. Only in
 * the last row, for terminals and on older systems, one who reads or writes there too and isn't among this process's
 * futures may be faster: then the call does block, until there is more. */
#define _GNU_SOURCE
#include "io.h"
#include "sys.h"
#include "twin.h"

#include <limits.h>
#include <sys/stat.h>

static int poll_ready(int fd, enum ac__direction direction, int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = direction == AC__READ ? POLLIN | POLLRDHUP : POLLOUT };
    if (fd < 0)
        return -EBADF; /* poll(2) would pass it over */
    int n;
    do
        n = ac__sys_poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -EAGAIN;
    return p.revents & POLLNVAL ? -EBADF : 0;
}

int ac__try_ready(int fd, enum ac__direction direction) { return poll_ready(fd, direction, 0); }

int ac__wait_ready(int fd, enum ac__direction direction)
{
    ac__outside_begin();
    int error = poll_ready(fd, direction, -1);
    ac__outside_end();
    return error;
}

/* ---- one call, again after a signal ---- */

static ssize_t receive(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_recv(fd, buffer, size, MSG_DONTWAIT));
    while (n == -EINTR);
    return n;
}

static ssize_t receive_pieces(int fd, struct iovec *pieces, int npieces)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_recv_pieces(fd, pieces, npieces, MSG_DONTWAIT));
    while (n == -EINTR);
    return n;
}

/* A write to a peer that has gone is an error and no signal. */
static ssize_t transmit(int fd, const void *buffer, size_t size)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_send(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    while (n == -EINTR);
    return n;
}

static ssize_t transmit_pieces(int fd, struct iovec *pieces, int npieces, int flags)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_send_pieces(fd, pieces, npieces, flags | MSG_NOSIGNAL));
    while (n == -EINTR);
    return n;
}

/* One piece by the calls for one, which cost less. */
static ssize_t transfer_once(int fd, struct iovec *pieces, int npieces, enum ac__direction direction, int flags)
{
    bool reads = direction == AC__READ;
    if (npieces == 1 && flags == 0)
        return reads ? ac__sys_read(fd, pieces->iov_base, pieces->iov_len)
                     : ac__sys_write(fd, pieces->iov_base, pieces->iov_len);
    return reads ? ac__sys_read_pieces(fd, pieces, npieces, flags) : ac__sys_write_pieces(fd, pieces, npieces, flags);
}

static ssize_t transfer(int fd, struct iovec *pieces, int npieces, enum ac__direction direction, int flags)
{
    ssize_t n;
    do
        n = ac__result_of(transfer_once(fd, pieces, npieces, direction, flags));
    while (n == -EINTR);
    return n;
}

/* ---- what is no socket ---- */

static bool has_no_readiness(int fd)
{
    struct stat s;
    return ac__sys_fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode));
}

/* What a pipe that has room at all, or a terminal, takes without blocking. */
static int cut_to_room(struct iovec *pieces, int npieces)
{
    size_t room = PIPE_BUF;
    for (int i = 0; i < npieces; i++) {
        if (pieces[i].iov_len >= room) {
            pieces[i].iov_len = room;
            return i + 1;
        }
        room -= pieces[i].iov_len;
    }
    return npieces;
}

static ssize_t try_file(int fd, struct iovec *pieces, int npieces, enum ac__direction direction)
{
    ssize_t n = transfer(fd, pieces, npieces, direction, RWF_NOWAIT);
    if (n != -EAGAIN && n != -EOPNOTSUPP && n != -ENOSYS)
        return n;
    if (has_no_readiness(fd))
        return AC__WANTS_THREAD;
    if (n == -EAGAIN)
        return n;
    if (direction == AC__WRITE)
        npieces = cut_to_room(pieces, npieces);
    do {
        struct ac__claim claim;
        int error = ac__claim_ready(fd, direction, &claim);
        if (error < 0)
            return error;
        n = ac__result_of(transfer_once(fd, pieces, npieces, direction, 0));
        ac__claim_end(&claim);
    } while (n == -EINTR);
    return n;
}

/* Waits in the call, or with poll(2) where the descriptor happens not to block. */
static ssize_t transfer_blocking(int fd, struct iovec *pieces, int npieces, enum ac__direction direction)
{
    for (;;) {
        ssize_t n = direction == AC__WRITE ? transmit_pieces(fd, pieces, npieces, 0) : -ENOTSOCK;
        if (n == -ENOTSOCK)
            n = transfer(fd, pieces, npieces, direction, 0);
        if (n != -EAGAIN)
            return n;
        int error = poll_ready(fd, direction, -1);
        if (error < 0)
            return error;
    }
}

/* ---- the calls ---- */

static bool may_be_socket(enum ac__io_how how) { return how == AC__BARE || how == AC__BORN; }
/* Not all that may be one is. */
static bool says_all(ssize_t n, enum ac__io_how how) { return n != -ENOTSOCK || how == AC__BORN; }

/* What is no socket, or may block. The pieces are the caller's own, to be cut. */
static ssize_t try_else(int fd, struct iovec *pieces, int npieces, enum ac__direction direction, enum ac__io_how how)
{
    if (how == AC__BARE)
        return try_file(fd, pieces, npieces, direction);
    if (how == AC__FILE)
        return transfer(fd, pieces, npieces, direction, 0);
    ac__outside_begin();
    ssize_t n = transfer_blocking(fd, pieces, npieces, direction);
    ac__outside_end();
    return n;
}

static ssize_t try_piece(int fd, struct iovec piece, enum ac__direction direction, enum ac__io_how how)
{
    return try_else(fd, &piece, 1, direction, how);
}

ssize_t ac__try_read(int fd, void *buffer, size_t size, enum ac__io_how how)
{
    if (size == 0)
        return 0;
    ssize_t n = may_be_socket(how) ? receive(fd, buffer, size) : -ENOTSOCK;
    return says_all(n, how) ? n : try_piece(fd, (struct iovec){ buffer, size }, AC__READ, how);
}

ssize_t ac__try_write(int fd, const void *buffer, size_t size, enum ac__io_how how)
{
    if (size == 0)
        return 0;
    ssize_t n = may_be_socket(how) ? transmit(fd, buffer, size) : -ENOTSOCK;
    return says_all(n, how) ? n : try_piece(fd, (struct iovec){ (void *)buffer, size }, AC__WRITE, how);
}

enum { WINDOW = 64 }; /* pieces that one call is given; more are as slow by twos as by thousands */

/* The first pieces of what comes after the first @p skip bytes; how many. */
static int copy_window(struct iovec window[static WINDOW], const struct iovec *pieces, int npieces, size_t skip)
{
    int n = 0;
    for (int i = 0; i < npieces && n < WINDOW; i++) {
        if (skip >= pieces[i].iov_len) {
            skip -= pieces[i].iov_len;
            continue;
        }
        window[n++] = (struct iovec){ (char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip };
        skip = 0;
    }
    return n;
}

ssize_t ac__try_read_pieces(int fd, const struct iovec *pieces, int npieces, size_t skip, enum ac__io_how how)
{
    struct iovec window[WINDOW];
    int n = copy_window(window, pieces, npieces, skip);
    if (n == 0)
        return 0;
    ssize_t nread = may_be_socket(how) ? receive_pieces(fd, window, n) : -ENOTSOCK;
    return says_all(nread, how) ? nread : try_else(fd, window, n, AC__READ, how);
}

ssize_t ac__try_write_pieces(int fd, const struct iovec *pieces, int npieces, size_t skip, enum ac__io_how how)
{
    struct iovec window[WINDOW];
    int n = copy_window(window, pieces, npieces, skip);
    if (n == 0)
        return 0;
    ssize_t nwritten = may_be_socket(how) ? transmit_pieces(fd, window, n, MSG_DONTWAIT) : -ENOTSOCK;
    return says_all(nwritten, how) ? nwritten : try_else(fd, window, n, AC__WRITE, how);
}

ssize_t ac__pieces_size(const struct iovec *pieces, int npieces)
{
    size_t size = 0;
    if (npieces < 0)
        return -EINVAL;
    for (int i = 0; i < npieces; i++) {
        if (pieces[i].iov_len > SSIZE_MAX - size)
            return -EINVAL;
        size += pieces[i].iov_len;
    }
    return (ssize_t)size;
}

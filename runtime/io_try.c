/* io_try.c - reading and writing without blocking, whatever the descriptor is.
 *
 * A socket is asked not to block in the call itself, so that its own mode needn't be known or
 * changed. Other files can't be asked that; they are read or written when poll(2) says
 * that this won't block. Another process that reads the same pipe may be faster: then
 * it does block, until there is more. */
#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int poll_ready(int fd, enum ac__direction direction, int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = direction == AC__READ ? POLLIN | POLLRDHUP : POLLOUT };
    if (fd < 0)
        return -EBADF; /* poll(2) would pass it over */
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -EAGAIN;
    return p.revents & POLLNVAL ? -EBADF : 0;
}

int ac__try_ready(int fd, enum ac__direction direction) { return poll_ready(fd, direction, 0); }
int ac__wait_ready(int fd, enum ac__direction direction) { return poll_ready(fd, direction, -1); }

static ssize_t result_of(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t ac__try_read(int fd, void *buffer, size_t size, bool born)
{
    ssize_t n;
    if (size == 0)
        return 0;
    do
        n = result_of(recv(fd, buffer, size, MSG_DONTWAIT));
    while (n == -EINTR);
    if (n != -ENOTSOCK || born)
        return n;

    int error = ac__try_ready(fd, AC__READ);
    if (error < 0)
        return error;
    do
        n = result_of(read(fd, buffer, size));
    while (n == -EINTR);
    return n;
}

/* How much of a write to something that is ready and no socket won't block: a file takes all; a
 * pipe that has room at all, and a terminal, take this. */
static size_t writable_size(int fd, size_t size)
{
    struct stat s;
    if (size <= PIPE_BUF || (fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode))))
        return size;
    return PIPE_BUF;
}

ssize_t ac__try_write(int fd, const void *buffer, size_t size, bool born)
{
    ssize_t n;
    if (size == 0)
        return 0;
    do
        n = result_of(send(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    while (n == -EINTR);
    if (n != -ENOTSOCK || born)
        return n;

    int error = ac__try_ready(fd, AC__WRITE);
    if (error < 0)
        return error;
    size = writable_size(fd, size);
    do
        n = result_of(write(fd, buffer, size));
    while (n == -EINTR);
    return n;
}

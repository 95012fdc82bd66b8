/* io_socket.h - a socket's read and write that don't block, whatever its mode: one call, again after a signal. Needs
 * _GNU_SOURCE, see sys.h. */
#ifndef AC__IO_SOCKET_H
#define AC__IO_SOCKET_H
#include "sys.h"

/* What a call returned, or its negative errno. */
static inline ssize_t ac__result_of(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static inline ssize_t ac__receive(int fd, void *buffer, size_t size)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_recv(fd, buffer, size, MSG_DONTWAIT));
    while (n == -EINTR);
    return n;
}

/* A write to a peer that has gone is an error and no signal. */
static inline ssize_t ac__transmit(int fd, const void *buffer, size_t size)
{
    ssize_t n;
    do
        n = ac__result_of(ac__sys_send(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    while (n == -EINTR);
    return n;
}
#endif

/* socket.c - what can be done to sockets without waiting. */
#define _GNU_SOURCE
#include "dns.h"
#include "net.h"
#include "reactor.h"

#include <errno.h>
#include <sys/socket.h>

int ac__socket_new(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    ac__fd_born(fd);
    return fd;
}

int ac__socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? -error : -errno;
}

int ac__socket_accept(int listener, int flags)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | flags);
        if (fd >= 0)
            return fd;
        switch (errno) {
        case EAGAIN:
#if EWOULDBLOCK != EAGAIN
        case EWOULDBLOCK:
#endif
            return -EAGAIN;
        /* Errors of the one connection, which Linux reports here; the next may be better. */
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH:
            continue;
        default:
            return -errno;
        }
    }
}

/* Both families on one socket where there is IPv6. */
static int listen_on(const struct ac_address *address, int backlog)
{
    int on = 1, off = 0;
    int fd = ac__socket_new(address->any.sa_family);
    if (fd < 0)
        return fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && (address->any.sa_family != AF_INET6
            || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0)
        && bind(fd, &address->any, address->size) == 0 && listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)
        return fd;
    int error = -errno;
    ac_close(fd);
    return error;
}

int ac_tcp_listen(const char *host, int port, int backlog)
{
    struct ac_address address;
    if (host != NULL) {
        int error = ac__address_known(&address, host, port, 0);
        return error < 0 ? error : listen_on(&address, backlog);
    }
    int error = ac_address_parse(&address, "::", port);
    if (error < 0)
        return error;
    int fd = listen_on(&address, backlog);
    if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL)
        return fd;
    ac_address_parse(&address, "0.0.0.0", port);
    return listen_on(&address, backlog);
}

int ac_shutdown_write(int socket) { return shutdown(socket, SHUT_WR) == 0 ? 0 : -errno; }

int ac_local_port(int socket)
{
    struct ac_address address = { .size = 0 };
    socklen_t size = sizeof address - offsetof(struct ac_address, any);
    if (getsockname(socket, &address.any, &size) != 0)
        return -errno;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port);
    if (address.any.sa_family == AF_INET6)
        return ntohs(address.v6.sin6_port);
    return -EAFNOSUPPORT;
}

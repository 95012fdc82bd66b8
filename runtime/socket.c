/* socket.c - what can be done to sockets without waiting. */
#define _GNU_SOURCE
#include "dns.h"
#include "net.h"
#include "reactor.h"
#include "sys.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>

int ac__socket_new(int family)
{
    int fd = ac__sys_socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    ac__fd_born(fd, family == AF_UNIX ? 0 : AC__FD_STREAM);
    return fd;
}

int ac__socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return ac__sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? -error : -errno;
}

int ac__socket_accept(int listener, int flags)
{
    int fd = ac__sys_accept(listener, SOCK_CLOEXEC | flags);
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
        return -EINTR;
    default:
        return -errno;
    }
}

bool ac__is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Both families on one socket where there is IPv6. */
static int listen_on(const struct ac_address *address, int backlog)
{
    int on = 1, off = 0;
    int fd = ac__socket_new(address->any.sa_family);
    if (fd < 0)
        return fd;
    if (ac__sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && (address->any.sa_family != AF_INET6
            || ac__sys_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0)
        && ac__sys_bind(fd, &address->any, address->size) == 0
        && ac__sys_listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)
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

int ac__unix_address(struct sockaddr_un *address, socklen_t *size, const char *path)
{
    size_t length = path == NULL ? 0 : strlen(path);
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(address->sun_path, path, length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (*path == '@')
        address->sun_path[0] = '\0'; /* an abstract name is as long as the address says */
    else
        ++*size;
    return 0;
}

int ac_unix_listen(const char *path, int backlog)
{
    struct sockaddr_un address;
    socklen_t size;
    int error = ac__unix_address(&address, &size, path);
    if (error < 0)
        return error;
    int fd = ac__socket_new(AF_UNIX);
    if (fd < 0)
        return fd;
    if (ac__sys_bind(fd, (struct sockaddr *)&address, size) == 0) {
        if (ac__sys_listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)
            return fd;
        error = -errno;
        if (*path != '@')
            unlink(path);
    } else {
        error = -errno;
    }
    ac_close(fd);
    return error;
}

static int set_tcp_option(int socket, int option, int value)
{
    return ac__sys_setsockopt(socket, IPPROTO_TCP, option, &value, sizeof value) == 0 ? 0 : -errno;
}

int ac_tcp_nodelay(int socket, int on) { return set_tcp_option(socket, TCP_NODELAY, on != 0); }

int ac_tcp_keepalive(int socket, int idle_s)
{
    int on = idle_s > 0, error = 0;
    if (idle_s < 0 || idle_s > 32767)
        return -EINVAL;
    if (on) {
        error = set_tcp_option(socket, TCP_KEEPIDLE, idle_s);
        if (error == 0)
            error = set_tcp_option(socket, TCP_KEEPINTVL, idle_s);
        if (error == 0)
            error = set_tcp_option(socket, TCP_KEEPCNT, 3);
        if (error < 0)
            return error;
    }
    return ac__sys_setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0 ? 0 : -errno;
}

int ac_shutdown_write(int socket) { return ac__sys_shutdown(socket, SHUT_WR) == 0 ? 0 : -errno; }

int ac_local_port(int socket)
{
    struct ac_address address = { .size = 0 };
    socklen_t size = sizeof address - offsetof(struct ac_address, any);
    if (ac__sys_getsockname(socket, &address.any, &size) != 0)
        return -errno;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port);
    if (address.any.sa_family == AF_INET6)
        return ntohs(address.v6.sin6_port);
    return -EAFNOSUPPORT;
}

/* net_blocking.c - connecting and accepting for elided programs. Their sockets block. */
#define _GNU_SOURCE
#include "net.h"

#include "dns.h"
#include "io.h"
#include "sys.h"
#include "twin.h"

#include <time.h>

static int connect_to(const struct ac_address *address)
{
    int fd = ac__sys_socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ac__outside_begin();
    int error = ac__sys_connect(fd, &address->any, address->size) == 0 ? 0 : -errno;
    ac__outside_end();
    if (error == -EINTR) { /* it goes on being made */
        error = ac__wait_ready(fd, AC__WRITE);
        if (error == 0)
            error = ac__socket_error(fd);
    }
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int ac_tcp_connect(const char *host, int port)
{
    struct ac_address found[AC__MOST_ADDRESSES];
    if (port < 1)
        return -EINVAL;
    int n = ac_resolve(host, port, found, AC__MOST_ADDRESSES), result = n;
    for (int i = 0; i < n; i++) {
        result = connect_to(&found[i]);
        if (result >= 0)
            break;
    }
    return result;
}

int ac_unix_connect(const char *path)
{
    struct sockaddr_un address;
    socklen_t size;
    int error = ac__unix_address(&address, &size, path);
    if (error < 0)
        return error;
    int fd = ac__sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    ac__outside_begin();
    do /* a Unix socket that a signal took out of the listener's queue is as it was before */
        error = ac__sys_connect(fd, (struct sockaddr *)&address, size) == 0 ? 0 : -errno;
    while (error == -EINTR);
    ac__outside_end();
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

static int accept_waiting(int listener)
{
    for (;;) {
        ac__outside_begin(); /* for a listener from elsewhere, which may block */
        int fd = ac__socket_accept(listener, 0);
        ac__outside_end();
        if (fd != -EAGAIN && fd != -EINTR)
            return fd;
        /* The others don't, since ac_tcp_listen() serves asynchronous programs as well. */
        int error = fd == -EAGAIN ? ac__wait_ready(listener, AC__READ) : 0;
        if (error < 0)
            return error;
    }
}

int ac_accept(int listener)
{
    int fd = accept_waiting(listener);
    if (!ac__is_shortage(fd))
        return fd;
    ac__outside_begin();
    nanosleep(&(struct timespec){ .tv_nsec = AC__SHORTAGE_MS * (long)AC_MS }, NULL);
    ac__outside_end();
    return accept_waiting(listener);
}

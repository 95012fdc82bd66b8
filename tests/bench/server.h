/* server.h - what the servers by hand share, for one thread: the listener on loopback, and a level-triggered epoll that
 * reads once per event. */
#ifndef SERVER_H
#define SERVER_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct connection {
    int s;
    uint32_t last; /* four characters of what came (http) */
};

/* Takes what one read gave; false: it is over with this connection. */
static bool serve(struct connection *, const char *data, size_t size);

static inline bool write_all(int s, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(s, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static inline int listen_on_loopback(unsigned port)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    check(s >= 0, "socket");
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    check(bind(s, (struct sockaddr *)&address, size) == 0 && listen(s, 1024) == 0, "listen");
    getsockname(s, (struct sockaddr *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return s;
}

static inline void watch(int epoll, int s)
{
    struct connection *connection = malloc(sizeof *connection);
    *connection = (struct connection){ .s = s };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, s, &event) == 0, "epoll_ctl");
}

static inline void accept_one(int epoll, int listener)
{
    int s = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
    if (s >= 0) {
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(epoll, s);
    }
}

int main(int argc, char **argv)
{
    offer_one_thread(argc, argv, 2);
    raise_descriptors();
    int listener = listen_on_loopback((unsigned)argument(argc, argv, 1, 0)), epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    for (;;) {
        static char buffer[16384];
        struct epoll_event events[256];
        int nevents = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < nevents; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->s == listener) {
                accept_one(epoll, listener);
                continue;
            }
            ssize_t n = recv(connection->s, buffer, sizeof buffer, 0);
            if (n < 0 && errno == EAGAIN)
                continue;
            if (n <= 0 || !serve(connection, buffer, (size_t)n)) {
                close(connection->s);
                free(connection);
            }
        }
    }
}
#endif

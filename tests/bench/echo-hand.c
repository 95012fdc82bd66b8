/* echo-hand PORT - as echo.ac, for one thread: a level-triggered epoll that reads once and writes once per event. */
#define _GNU_SOURCE
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static bool write_all(int s, const char *data, size_t size)
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

static int listen_on_loopback(unsigned port)
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

static void watch(int epoll, int s)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = s };
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, s, &event) == 0, "epoll_ctl");
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
            int s = events[i].data.fd;
            if (s == listener) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
                if (fd >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                    watch(epoll, fd);
                }
                continue;
            }
            ssize_t n = recv(s, buffer, sizeof buffer, 0);
            if (n < 0 && errno == EAGAIN)
                continue;
            if (n <= 0 || !write_all(s, buffer, (size_t)n))
                close(s);
        }
    }
}

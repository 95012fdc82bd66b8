/* echo-load C M R NAME SERVER... - starts a server, a command that prints `port PORT`, and has R messages of M bytes come
 * back on each of C connections, all of which are open at a time. Prints the server's CPU time per message, with
 * that for opening and closing, which is what servers can be compared by however busy the machine is. */
#include "bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct client {
    int fd;
    size_t got;
    uint64_t left;
};

static pid_t start_server(char **command, unsigned *port)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    check(said != NULL && fscanf(said, "port %u", port) == 1, "the server's port");
    fclose(said);
    return child;
}

static int connect_to(unsigned port)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    check(s >= 0, "socket");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    check(connect(s, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return s;
}

static void send_message(const struct client *client, const char *message, size_t size)
{
    check(send(client->fd, message, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
}

int main(int argc, char **argv)
{
    check(argc > 5, "arguments");
    uint64_t nclients = argument(argc, argv, 1, 64), rounds = argument(argc, argv, 3, 1);
    size_t size = argument(argc, argv, 2, 64);
    check(nclients > 0 && size > 0 && size <= 65536 && rounds > 0, "arguments");
    raise_descriptors();
    unsigned port;
    pid_t server = start_server(argv + 5, &port);

    struct client *clients = calloc(nclients, sizeof *clients);
    char *message = malloc(size), *buffer = malloc(size);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)('a' + i % 26);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t started = wall_ns();
    for (uint64_t i = 0; i < nclients; i++) {
        clients[i] = (struct client){ .fd = connect_to(port), .left = rounds };
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) == 0, "epoll_ctl");
    }
    for (uint64_t i = 0; i < nclients; i++)
        send_message(&clients[i], message, size);
    for (uint64_t ndone = 0; ndone < nclients;) {
        struct epoll_event events[256];
        int nevents = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < nevents; i++) {
            struct client *client = events[i].data.ptr;
            ssize_t n = recv(client->fd, buffer, size - client->got, MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN)
                continue;
            check(n > 0 && !memcmp(buffer, message + client->got, (size_t)n), "what comes back");
            client->got += (size_t)n;
            if (client->got < size)
                continue;
            client->got = 0;
            if (--client->left > 0)
                send_message(client, message, size);
            else
                ndone++;
        }
    }
    for (uint64_t i = 0; i < nclients; i++)
        close(clients[i].fd);
    uint64_t took = wall_ns() - started;
    struct rusage used;
    int status;
    kill(server, SIGTERM);
    check(wait4(server, &status, 0, &used) == server && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
          "the server was up to the end");
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e9
                 + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e3;
    double nmessages = (double)(nclients * rounds);
    report_value(argv[4], "server-cpu", cpu / nmessages, "ns/msg");
    report_value(argv[4], "rate", nmessages / ((double)took / 1e9), "msg/s");
    return 0;
}

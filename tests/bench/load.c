/* load.c - drives the servers of echo and http.
 *
 *     bench_load MESSAGE C R NAME SERVER...
 *
 * Starts the server, a command that prints `port PORT`, and has R messages answered on each of C connections, one at a
 * time, all of which are open at a time. MESSAGE is a number of bytes that have to come back, or `http`: a request.
 * Prints the server's CPU time per message, with that for opening and closing, which is what servers can be compared by
 * however busy the machine is. Exits with 77 where the server does: it does not offer its parameters. */
#include "bench.h"
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct client {
    int fd;
    size_t got; /* of the answer under way */
    uint64_t left;
};

/* What is sent, and what has to come back. */
struct exchange {
    const char *request, *answer;
    size_t request_size, answer_size;
};

static struct exchange bytes_there_and_back(size_t size)
{
    char *message = malloc(size);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)('a' + i % 26);
    return (struct exchange){ message, message, size, size };
}

static struct exchange http_get(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    return (struct exchange){ request, http_answer, sizeof request - 1, sizeof http_answer - 1 };
}

static pid_t start_server(char **command, unsigned *port)
{
    int ends[2];
    check(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a check that fails here must not leave it running */
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    if (said == NULL || fscanf(said, "port %u", port) != 1) {
        int status;
        check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 77, "the server's port");
        exit(77);
    }
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

static void send_request(const struct client *client, const struct exchange *exchange)
{
    check(send(client->fd, exchange->request, exchange->request_size, MSG_NOSIGNAL) == (ssize_t)exchange->request_size,
          "send");
}

int main(int argc, char **argv)
{
    check(argc > 5, "arguments");
    bool http = !strcmp(argv[1], "http");
    size_t size = argument(argc, argv, 1, 64);
    uint64_t nclients = argument(argc, argv, 2, 64), rounds = argument(argc, argv, 3, 1);
    check((http || (size > 0 && size <= 65536)) && nclients > 0 && rounds > 0, "arguments");
    struct exchange exchange = http ? http_get() : bytes_there_and_back(size);
    raise_descriptors();
    unsigned port;
    pid_t server = start_server(argv + 5, &port);

    struct client *clients = calloc(nclients, sizeof *clients);
    char *buffer = malloc(exchange.answer_size);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t started = wall_ns();
    for (uint64_t i = 0; i < nclients; i++) {
        clients[i] = (struct client){ .fd = connect_to(port), .left = rounds };
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) == 0, "epoll_ctl");
    }
    for (uint64_t i = 0; i < nclients; i++)
        send_request(&clients[i], &exchange);
    for (uint64_t ndone = 0; ndone < nclients;) {
        struct epoll_event events[256];
        int nevents = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < nevents; i++) {
            struct client *client = events[i].data.ptr;
            ssize_t n = recv(client->fd, buffer, exchange.answer_size - client->got, MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN)
                continue;
            check(n > 0 && !memcmp(buffer, exchange.answer + client->got, (size_t)n), "what comes back");
            client->got += (size_t)n;
            if (client->got < exchange.answer_size)
                continue;
            client->got = 0;
            if (--client->left > 0)
                send_request(client, &exchange);
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

/* brigade-hand N K - as brigade.ac over pipes, for one thread: a task per pipe, woken by an edge-triggered epoll. */
#define _GNU_SOURCE
#include "bench.h"
#include "ring.h"
#include <fcntl.h>
#include <sys/epoll.h>

struct ring ring;

struct member {
    int in, out;
};

static enum ac_poll poll_member(void *frame, struct ac_context *cx)
{
    struct member *self = frame;
    char byte;
    (void)cx;
    while (read(self->in, &byte, 1) == 1)
        check(write(self->out, &byte, 1) == 1, "write");
    return AC_PENDING;
}
static const struct ac_future_type member = { .size = sizeof(struct member), .poll = poll_member };

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 100), k = argument(argc, argv, 2, 500);
    int (*pipes)[2] = malloc((k + 1) * sizeof *pipes), epoll = epoll_create1(EPOLL_CLOEXEC);
    offer_one_thread(argc, argv, 3);
    raise_descriptors();
    for (uint64_t i = 0; i <= k; i++)
        check(pipe2(pipes[i], O_NONBLOCK | O_CLOEXEC) == 0, "pipe");
    ring_open(k);

    double rss = (double)rss_bytes();
    uint64_t started = wall_ns();
    for (uint64_t i = 0; i < k; i++) {
        struct ring_task *task = ring_spawn(&member);
        *(struct member *)task->frame = (struct member){ pipes[i][0], pipes[i + 1][1] };
        struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = task };
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[i][0], &event) == 0, "epoll_ctl");
    }
    ring_run();
    uint64_t created = wall_ns();
    rss = (double)rss_bytes() - rss;

    char byte;
    for (uint64_t i = 0; i < n; i++) {
        byte = (char)i;
        check(write(pipes[0][1], &byte, 1) == 1, "write");
        while (read(pipes[k][0], &byte, 1) != 1) {
            struct epoll_event events[64];
            int nevents = epoll_wait(epoll, events, 64, -1);
            for (int e = 0; e < nevents; e++)
                ring_wake(&((struct ring_task *)events[e].data.ptr)->cx);
            ring_run();
        }
        check(byte == (char)i, "the byte");
    }
    uint64_t finished = wall_ns();
    report_value("brigade/hand", "create", (double)(created - started) / (double)k, "ns/task");
    report_value("brigade/hand", "hop", (double)(finished - created) / (double)(n * k), "ns/hop");
    report_value("brigade/hand", "rss", rss / (double)k, "B/task");
    return 0;
}

/* mem-hand N MS - as mem.ac, for one thread: one small frame per task, woken by a heap of deadlines or, with MS 0,
 * from the list of those that wait for the event. */
#include "bench.h"
#include "ring.h"
#include <stddef.h>

struct ring ring;

struct sleeper {
    struct sleeper *next;
    unsigned char state;
};
static struct sleeper *waiting;
static uint64_t asleep, woken, deadline;

/* A binary heap, the earliest first. */
struct alarm {
    uint64_t at;
    struct ring_task *task;
};
static struct alarm *heap;
static size_t nheap;

static void push_alarm(uint64_t at, struct ring_task *task)
{
    size_t i = nheap++;
    for (; i > 0 && heap[(i - 1) / 2].at > at; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = (struct alarm){ at, task };
}

static struct ring_task *pop_alarm(void)
{
    struct ring_task *first = heap[0].task;
    struct alarm last = heap[--nheap];
    size_t i = 0, child;
    for (; (child = 2 * i + 1) < nheap; i = child) {
        if (child + 1 < nheap && heap[child + 1].at < heap[child].at)
            child++;
        if (heap[child].at >= last.at)
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return first;
}

static enum ac_poll poll_sleeper(void *frame, struct ac_context *cx)
{
    struct sleeper *self = frame;
    if (self->state == 0) {
        self->state = 1;
        asleep++;
        if (deadline) {
            push_alarm(deadline, (struct ring_task *)cx);
        } else {
            self->next = waiting;
            waiting = self;
        }
        return AC_PENDING;
    }
    woken++;
    free(cx);
    return AC_READY;
}
static const struct ac_future_type sleeper = { .size = sizeof(struct sleeper), .poll = poll_sleeper };

static struct ring_task *task_of(struct sleeper *frame)
{
    return (struct ring_task *)((char *)frame - offsetof(struct ring_task, frame));
}

static void wake_by_deadline(void)
{
    while (nheap > 0) {
        int64_t left = (int64_t)(heap[0].at - wall_ns());
        if (left > 0) {
            struct timespec time = { left / 1000000000, left % 1000000000 };
            nanosleep(&time, NULL);
            continue;
        }
        ring_wake(&pop_alarm()->cx);
    }
    ring_run();
}

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 1000000), ms = argument(argc, argv, 2, 4000);
    ring_open(n);
    memset(ring.slots, 1, n * sizeof *ring.slots); /* resident from the start, as are the others' handles */
    heap = malloc(n * sizeof *heap);
    double rss = (double)rss_bytes();
    uint64_t started = wall_ns(), end = started + ms * 1000000;
    deadline = ms ? end : 0;
    for (uint64_t i = 0; i < n; i++)
        ring_spawn(&sleeper);
    ring_run();
    uint64_t created = wall_ns();
    rss = (double)rss_bytes() - rss;
    check(asleep == n, "all asleep");
    check(!ms || created < end, "all asleep before the deadline");
    uint64_t cpu = cpu_ns();
    if (!ms)
        end = wall_ns();
    for (struct sleeper *next; waiting; waiting = next) {
        next = waiting->next;
        ring_wake(&task_of(waiting)->cx);
    }
    ring_run();
    wake_by_deadline();
    cpu = cpu_ns() - cpu;
    uint64_t finished = wall_ns();
    check(woken == n, "all woken");
    report_value("mem/hand", "rss", rss / (double)n, "B/task");
    report_value("mem/hand", "create", (double)(created - started) / (double)n, "ns/task");
    report_value("mem/hand", "finish", (double)(finished - end) / (double)n, "ns/task");
    report_value("mem/hand", "finish-cpu", (double)cpu / (double)n, "ns/task");
    return 0;
}

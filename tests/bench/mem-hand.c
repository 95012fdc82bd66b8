/* mem-hand N MS - as mem.ac, for one thread: one small frame per task, woken by a heap of deadlines or, with MS 0,
 * from the list of those that wait for the event. */
#include "bench.h"
#include "heap.h"
#include "ring.h"
#include <stddef.h>

struct ring ring;

struct sleeper {
    struct sleeper *next;
    unsigned char state;
};
static struct sleeper *waiting;
static struct heap heap;
static uint64_t asleep, woken, deadline;

static enum ac_poll poll_sleeper(void *frame, struct ac_context *cx)
{
    struct sleeper *self = frame;
    if (self->state == 0) {
        self->state = 1;
        asleep++;
        if (deadline) {
            heap_push(&heap, deadline, cx);
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

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 1000000), ms = argument(argc, argv, 2, 4000);
    offer_one_thread(argc, argv, 3);
    ring_open(n);
    memset(ring.slots, 1, n * sizeof *ring.slots); /* resident from the start, as are the others' handles */
    heap_open(&heap, n);
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
    do
        ring_run();
    while (heap_wait(&heap));
    cpu = cpu_ns() - cpu;
    uint64_t finished = wall_ns();
    check(woken == n, "all woken");
    report_value("mem/hand", "rss", rss / (double)n, "B/task");
    report_value("mem/hand", "create", (double)(created - started) / (double)n, "ns/task");
    report_value("mem/hand", "finish", (double)(finished - end) / (double)n, "ns/task");
    report_value("mem/hand", "finish-cpu", (double)cpu / (double)n, "ns/task");
    return 0;
}

/* timers-hand N R - as timers.ac, for one thread: a task on a ring per sleeper, and a heap of deadlines. They are rounded
 * up to whole milliseconds, so that one wait of the thread's ends many of the tasks'. */
#include "bench.h"
#include "heap.h"
#include "ring.h"

enum { MS = 1000000 };

struct ring ring;
static struct heap heap;
static uint64_t fired;

struct sleeper {
    uint64_t rng, left; /* sleeps that have not ended */
    unsigned char state;
};

static uint64_t next_ms(uint64_t *rng)
{
    *rng = *rng * 6364136223846793005u + 1442695040888963407u;
    return 1 + (*rng >> 33) % 100;
}

static enum ac_poll poll_sleeper(void *frame, struct ac_context *cx)
{
    struct sleeper *self = frame;
    switch (self->state) {
    case 0:
        for (; self->left > 0; self->left--) {
            heap_push(&heap, (wall_ns() / MS + 1 + next_ms(&self->rng)) * MS, cx);
            self->state = 1;
            return AC_PENDING;
    case 1:
            fired++;
        }
    }
    free(cx);
    return AC_READY;
}
static const struct ac_future_type sleeper = { .size = sizeof(struct sleeper), .poll = poll_sleeper };

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 100000), rounds = argument(argc, argv, 2, 10);
    offer_one_thread(argc, argv, 3);
    uint64_t wall = wall_ns(), cpu = cpu_ns();
    ring_open(n);
    heap_open(&heap, n);
    for (uint64_t i = 0; i < n; i++)
        *(struct sleeper *)ring_spawn(&sleeper)->frame = (struct sleeper){ .rng = i, .left = rounds };
    do
        ring_run();
    while (heap_wait(&heap));
    cpu = cpu_ns() - cpu;
    wall = wall_ns() - wall;
    check(fired == n * rounds, "all have fired");
    report_value("timers/hand", "cpu", (double)cpu / (double)fired, "ns/timer");
    report_value("timers/hand", "wall", (double)wall / 1e6, "ms");
    return 0;
}

/* spawn-hand N - as spawn.ac, for one thread: an allocation per task and a ring, whose joiner runs what is ready. */
#include "bench.h"
#include "ring.h"

enum { BATCH = 1000 };

struct ring ring;

struct job {
    uint64_t x, result;
    bool done;
};

static enum ac_poll poll_job(void *frame, struct ac_context *cx)
{
    struct job *self = frame;
    (void)cx;
    self->result = opaque(self->x);
    self->done = true;
    return AC_READY;
}
static const struct ac_future_type job = { .size = sizeof(struct job), .poll = poll_job };

static struct ring_task *spawn(uint64_t x)
{
    struct ring_task *task = ring_spawn(&job);
    *(struct job *)task->frame = (struct job){ .x = x };
    return task;
}

static uint64_t join(struct ring_task *task)
{
    const struct job *job = (const struct job *)task->frame;
    if (!job->done)
        ring_run();
    check(job->done, "the job is done");
    uint64_t result = job->result;
    free(task);
    return result;
}

int main(int argc, char **argv)
{
    static struct ring_task *tasks[BATCH];
    uint64_t n = argument(argc, argv, 1, 1000000) / BATCH * BATCH, sum = 0;
    offer_one_thread(argc, argv, 2);
    ring_open(BATCH);

    uint64_t started = wall_ns();
    for (uint64_t i = 0; i < n; i++)
        sum += join(spawn(i));
    report_wall("spawn/hand", "seq", started, n);

    started = wall_ns();
    for (uint64_t i = 0; i < n; i += BATCH) {
        for (uint64_t k = 0; k < BATCH; k++)
            tasks[k] = spawn(i + k);
        for (uint64_t k = 0; k < BATCH; k++)
            sum += join(tasks[k]);
    }
    report_wall("spawn/hand", "batch", started, n);
    check(sum == n * (n - 1), "sum");
    return 0;
}

/* jobs_stress [SEED [ROUNDS]] - storms over the threads that may block, meant for the sanitizers: calls from the pool and
 * from two current-thread executors at once, cancelled at any time, while the limit goes up and down and threads leave
 * as soon as they are idle.
 *
 * All that is random comes from the seed, which is printed; what the threads make of it does not. Each call counts
 * itself in its task's frame, where nobody else may be: a thread that touched a frame too late would show. */
#include "storm.h"

#include "blocking.h"

#include <errno.h>

void ac__between(void) { let_others_come(); }

static atomic_long nbegun, nended;

struct worker {
    uint32_t seed; /* the thread's while it calls */
    uint32_t hook;
    int calls;
    bool waits;
    struct ac_run_blocking__frame call;
    int in, out;
    int result;
};

static void work(void *argument)
{
    struct worker *self = argument;
    check(errno == self->in, "errno is the task's");
    for (volatile uint32_t i = next_random(&self->seed) % 500; i > 0; i--)
        continue;
    if (next_random(&self->seed) % 16 == 0)
        sched_yield();
    self->out = self->in + 1;
    errno = self->out;
}

static enum ac_poll worker__poll(void *frame, struct ac_context *cx)
{
    struct worker *self = frame;
    for (;;) {
        if (!self->waits) {
            if (self->calls-- == 0) {
                atomic_fetch_add(&nended, 1);
                return AC_READY;
            }
            self->in = errno = (int)(next_random(&self->seed) % 100) + 1;
            self->out = 0;
            self->waits = true;
            ac_run_blocking__init(&self->call, work, self);
        }
        if (ac_run_blocking__poll(&self->call, cx) == AC_PENDING) {
            hang(cx->waker, self->hook += 7); /* it is woken for nothing, too */
            return AC_PENDING;
        }
        self->waits = false;
        check(self->out == self->in + 1 && errno == self->out, "the call was made");
        self->result++;
    }
}

static enum ac_poll worker__cancel(void *frame, struct ac_context *cx)
{
    struct worker *self = frame;
    if (self->waits && ac_run_blocking__cancel(&self->call, cx) == AC_PENDING)
        return AC_PENDING;
    check(!self->waits || self->out == 0 || self->out == self->in + 1, "it was made once, or not at all");
    atomic_fetch_add(&nended, 1);
    return AC_READY;
}

static const struct ac_future_type worker__type
    = { "worker", sizeof(struct worker), _Alignof(struct worker), offsetof(struct worker, result), sizeof(int), worker__poll,
        worker__cancel, NULL };

enum { WORKERS = 24 };
struct root {
    uint32_t seed;
    int state, i, out;
    ac_task__handle tasks[WORKERS];
    union {
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
    };
};

static enum ac_poll root__poll(void *frame, struct ac_context *cx)
{
    struct root *self = frame;
    for (; self->state == 0 && self->i < WORKERS; self->i++) {
        struct worker *worker = ac_task_new(&worker__type);
        check(worker != NULL, "there is memory");
        uint32_t random = next_random(&self->seed);
        *worker = (struct worker){ .seed = random, .hook = random, .calls = (int)(random / 4 % 8) };
        atomic_fetch_add(&nbegun, 1);
        self->tasks[self->i] = random % 2 ? ac_task_spawn(worker) : ac_task_spawn_local(worker);
    }
    if (self->state == 0)
        self->i = 0, self->state = 1;
    for (; self->i < WORKERS; self->i++) {
        bool cancels = (self->seed + (uint32_t)self->i) % 3 == 0;
        if (self->state == 1) {
            if (cancels)
                ac_cancel__init(&self->cancel, self->tasks[self->i]);
            else
                ac_join__init(&self->join, self->tasks[self->i], &self->out);
            self->state = 2;
        }
        if ((cancels ? ac_cancel__poll(&self->cancel, cx) : ac_join__poll(&self->join, cx)) == AC_PENDING)
            return AC_PENDING;
        self->state = 1;
        if (next_random(&self->seed) % 4 == 0)
            ac_blocking_set_threads(1 + self->seed / 256 % 6);
    }
    return AC_READY;
}

STORM_ROOT

static void run_round(uint32_t seed, int round)
{
    check(ac_pool_set_threads(1 + seed % 3) == 0, "there is no pool yet");
    ac__jobs_set_idle_time(seed / 8 % 3 * 50 * AC_US);
    atomic_store(&nbegun, 0);
    atomic_store(&nended, 0);
    run_storm(seed, round, run_root);
    /* Those that were cancelled before they began, or that the shutdown refused, end without a call. */
    check(atomic_load(&nended) <= atomic_load(&nbegun), "no task ends twice");
}

int main(int argc, char **argv) { return run_rounds(argc, argv, 30, run_round); }

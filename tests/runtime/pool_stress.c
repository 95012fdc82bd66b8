/* pool_stress [SEED [ROUNDS]] - storms over the pool, meant for the sanitizers: spawning, waking from many threads
 * while tasks are polled, cancelling at any time, shutting down under all that.
 *
 * All that is random comes from the seed, which is printed; what the threads make of it does not. Each round
 * builds a tree of tasks, on one to four threads, from the pool and from two current-thread executors, with
 * two more threads that wake whatever they find; it checks that every task ended once, and was freed by the
 * sanitizer's count. A lost wake-up would be a round that does not end: the alarm says which. The library is the
 * one that can be made to fail: it lets other threads come between at each system call, and where it says so. */
#include "storm.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void ac__between(void) { let_others_come(); }

/* ---- a node of the tree ---- */

static atomic_long nstarted, nended, ncancelled;

enum step { CHOOSE, SLEEPING, JOINING, CANCELLING, ENDED };

struct node {
    uint32_t seed;
    int depth, steps, nchildren;
    enum step step;
    bool started, poll_runs;
    atomic_bool in_poll; /* no two threads at a time */
    ac_task__handle children[3];
    union {
        struct ac_sleep__frame sleep;
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
    };
    int out;
    int result;
};

static enum ac_poll node__poll(void *frame, struct ac_context *cx);
static enum ac_poll node__cancel(void *frame, struct ac_context *cx);
static const struct ac_future_type node__type
    = { "node", sizeof(struct node), _Alignof(struct node), offsetof(struct node, result), sizeof(int), node__poll, node__cancel, NULL };

static struct node *new_node(uint32_t seed, int depth)
{
    struct node *node = ac_task_new(&node__type);
    check(node != NULL, "there is memory");
    *node = (struct node){ .seed = seed, .depth = depth, .steps = 2 + (int)(seed >> 4) % 6 };
    atomic_fetch_add(&nstarted, 1);
    return node;
}

static void end_node(struct node *self)
{
    check(self->step != ENDED, "a node ends once");
    self->step = ENDED;
    atomic_fetch_add(&nended, 1);
}

/* One step of its life; true when it has been started and has to be waited for. */
static bool begin_step(struct node *self, struct ac_context *cx, bool *woken)
{
    uint32_t random = next_random(&self->seed);
    struct ac_waker *waker = cx->waker;
    *woken = false;
    switch (random % 8) {
    case 0: /* wakes itself, once or more */
        for (uint32_t i = random / 8 % 3; i > 0; i--)
            ac_wake_by_ref(waker);
        ac_wake_by_ref(waker);
        *woken = true;
        return true;
    case 1: /* leaves it to another thread to wake it */
        *woken = hang(waker, random / 8);
        return *woken;
    case 2:
        take_down(random / 8);
        return false;
    case 3:
        ac_sleep__init(&self->sleep, random / 8 % 3 * AC_MS);
        self->step = SLEEPING;
        return true;
    case 4:
    case 5:
        if (self->depth > 0 && self->nchildren < 3)
            self->children[self->nchildren++] = ac_task_spawn(new_node(random, self->depth - 1));
        return false;
    case 6:
        if (self->nchildren == 0)
            return false;
        ac_join__init(&self->join, self->children[--self->nchildren], &self->out);
        self->step = JOINING;
        return true;
    default:
        if (self->nchildren == 0)
            return false;
        ac_cancel__init(&self->cancel, self->children[--self->nchildren]);
        self->step = CANCELLING;
        return true;
    }
}

static enum ac_poll poll_step(struct node *self, struct ac_context *cx)
{
    enum ac_poll poll = AC_READY;
    if (self->step == SLEEPING)
        poll = ac_sleep__poll(&self->sleep, cx);
    else if (self->step == JOINING)
        poll = ac_join__poll(&self->join, cx);
    else if (self->step == CANCELLING)
        poll = ac_cancel__poll(&self->cancel, cx);
    if (poll == AC_PENDING)
        return AC_PENDING;
    if (self->step == JOINING)
        check(self->join.result == -ECANCELED || (self->join.result == 0 && self->out == 42), "the result is the node's");
    self->step = CHOOSE;
    return AC_READY;
}

static enum ac_poll go_on(struct node *self, struct ac_context *cx)
{
    for (;;) {
        if (poll_step(self, cx) == AC_PENDING)
            return AC_PENDING;
        if (self->steps > 0) {
            bool woken;
            self->steps--;
            if (begin_step(self, cx, &woken) && woken)
                return AC_PENDING;
        } else if (self->nchildren > 0) { /* none is left behind but those that are detached */
            if (self->seed % 16 == 0) {
                ac_detach(self->children[--self->nchildren]);
                continue;
            }
            ac_join__init(&self->join, self->children[--self->nchildren], &self->out);
            self->step = JOINING;
        } else {
            self->result = 42;
            end_node(self);
            return AC_READY;
        }
    }
}

static enum ac_poll node__poll(void *frame, struct ac_context *cx)
{
    struct node *self = frame;
    check(!atomic_exchange(&self->in_poll, true), "one thread polls a node at a time");
    enum ac_poll poll = go_on(self, cx);
    /* When it is pending it is still this thread's, until the poll has returned. */
    atomic_store(&self->in_poll, false);
    return poll;
}

static enum ac_poll cancel_node(struct node *self, struct ac_context *cx)
{
    if (!self->started) {
        self->started = true;
        atomic_fetch_add(&ncancelled, 1);
        if (self->step == SLEEPING)
            ac_sleep__cancel(&self->sleep, cx);
        else if (self->step == JOINING)
            ac_join__cancel(&self->join, cx);
        /* One that is cancelling goes on with that. */
        if (self->step != CANCELLING)
            self->step = CHOOSE;
        /* Its cleanup awaits, too. */
        if (self->seed % 4 == 0) {
            ac_wake_by_ref(cx->waker);
            return AC_PENDING;
        }
    }
    for (;;) {
        if (poll_step(self, cx) == AC_PENDING)
            return AC_PENDING;
        if (self->nchildren == 0)
            break;
        ac_cancel__init(&self->cancel, self->children[--self->nchildren]);
        self->step = CANCELLING;
    }
    end_node(self);
    return AC_READY;
}

static enum ac_poll node__cancel(void *frame, struct ac_context *cx)
{
    struct node *self = frame;
    check(!atomic_exchange(&self->in_poll, true), "one thread cancels a node at a time");
    enum ac_poll poll = cancel_node(self, cx);
    atomic_store(&self->in_poll, false);
    return poll;
}

/* ---- rounds ---- */

struct root {
    int state, i;
    uint32_t seed;
    ac_task__handle tasks[8];
    union {
        struct ac_join__frame join;
        struct ac_cancel__frame cancel;
    };
    int out;
};

static enum ac_poll root__poll(void *frame, struct ac_context *cx)
{
    struct root *self = frame;
    if (self->state == 0) {
        for (int i = 0; i < 8; i++)
            self->tasks[i] = ac_task_spawn(new_node(next_random(&self->seed), 4));
        self->state = 1;
    }
    for (; self->i < 8; self->i++) {
        bool cancels = (self->seed >> self->i) % 4 == 0;
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
    }
    return AC_READY;
}

STORM_ROOT

static void run_round(uint32_t seed, int round)
{
    check(ac_pool_set_threads(1 + seed % 4) == 0, "there is no pool yet");
    atomic_store(&nstarted, 0);
    atomic_store(&nended, 0);
    run_storm(seed, round, run_root);
    check(atomic_load(&nstarted) == atomic_load(&nended), "every node ends");
}

int main(int argc, char **argv) { return run_rounds(argc, argv, 30, run_round); }

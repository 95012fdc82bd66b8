/* pool_task.c - the task word of pool.h: the changes that are made to it, but for the two of each poll. */
#include "pool.h"

#include <errno.h>
#include <limits.h>

static struct ac_task *task_of(struct ac_waker *waker) { return (struct ac_task *)waker; }

/* Who uses the handle once more finds a task that isn't the pool's, and that nobody has a handle of. */
static inline __attribute__((always_inline)) void end(struct ac_task *task)
{
    task->word = (unsigned short)(ac__fresh_word(task) | TASK_FINISHED);
    ac__task_free(task);
}

static void unref(struct ac_task *task)
{
    /* The only reference is this one, and nobody else can make another of it: that needs no locked operation. */
    if (atomic_load_explicit(&task->shared, memory_order_acquire) / POOL_REFERENCE == 1) {
        end(task);
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&task->shared, POOL_REFERENCE, memory_order_acq_rel);
    if (before / POOL_REFERENCE == 1)
        end(task);
}

/* ---- wakers ---- */

/* The word after a wake. */
static unsigned woken(unsigned word)
{
    return word & POOL_FINISHED ? word : word & POOL_OWNED ? word | POOL_WOKEN : word | POOL_OWNED;
}

static bool is_idle(unsigned word) { return !(word & (POOL_OWNED | POOL_FINISHED)); }

/* Wakes, and queues the task if that has become this thread's to do. */
static void make_due(struct ac_task *task, unsigned flags)
{
    unsigned before = atomic_load_explicit(&task->shared, memory_order_relaxed);
    do {
        if (before & POOL_FINISHED)
            return;
    } while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, woken(before) | flags,
                                                    memory_order_acq_rel, memory_order_relaxed));
    if (!(before & POOL_OWNED))
        ac__pool_schedule(task);
}

static void wake_by_ref(struct ac_waker *waker) { make_due(task_of(waker), 0); }

static struct ac_waker *clone(struct ac_waker *waker)
{
    unsigned before = atomic_fetch_add_explicit(&task_of(waker)->shared, POOL_REFERENCE, memory_order_relaxed);
    if (before > UINT_MAX / 2)
        ac__stop("ac_waker_clone", "the task '%s' has 2^25 wakers", task_of(waker)->type->name);
    return waker;
}

static void drop(struct ac_waker *waker) { unref(task_of(waker)); }

/* Both in one step. */
static void wake(struct ac_waker *waker)
{
    struct ac_task *task = task_of(waker);
    unsigned before = atomic_load_explicit(&task->shared, memory_order_relaxed), after;
    do
        after = woken(before) - POOL_REFERENCE;
    while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, after, memory_order_acq_rel,
                                                  memory_order_relaxed));
    if (is_idle(before))
        ac__pool_schedule(task); /* the pool has its reference still */
    else if (after / POOL_REFERENCE == 0)
        end(task);
}

/* ---- the life of a task ---- */

bool ac__pool_task_refuse(struct ac_task *task)
{
    ac__pool_task_start(task, POOL_CANCEL, errno);
    struct ac_context cx = { .waker = &task->waker, .exec = ac__current, .budget = AC__BUDGET };
    enum ac_poll said = task->type->cancel(task + 1, &cx);
    errno = task->saved_errno;
    if (said == AC_READY)
        ac__pool_task_finish(task, true);
    return said == AC_READY;
}

unsigned ac__pool_task_hold(struct ac_task *task)
{
    unsigned word = atomic_load_explicit(&task->shared, memory_order_relaxed);
    /* Acquires what the worker that polled it last has written. */
    while (is_idle(word)
           && !atomic_compare_exchange_weak_explicit(&task->shared, &word, word | POOL_OWNED, memory_order_acquire,
                                                     memory_order_relaxed))
        continue;
    return word;
}

void ac__pool_task_finish(struct ac_task *task, bool cancelled)
{
    unsigned flags = POOL_FINISHED | (cancelled ? POOL_CANCELLED : 0);
    unsigned before = atomic_load_explicit(&task->shared, memory_order_relaxed), after;
    do {
        after = (before & ~POOL_OWNED) | flags;
        /* With nobody to wake, the pool's reference goes in the same step. */
        if (!(before & POOL_JOINER))
            after -= POOL_REFERENCE;
    } while (!atomic_compare_exchange_weak_explicit(&task->shared, &before, after, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (before & POOL_JOINER) {
        ac_wake(task->joiner);
        unref(task);
    } else if (after / POOL_REFERENCE == 0) {
        end(task);
    }
}

void ac__pool_task_cancel(struct ac_task *task) { make_due(task, POOL_CANCEL); }

/* ---- the handle ---- */

/* Takes the joiner's field back. False: the task has finished, and wakes him. */
static bool retract(struct ac_task *task)
{
    ac__between();
    unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
    do {
        if (word & POOL_FINISHED)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&task->shared, &word, word & ~POOL_JOINER, memory_order_acq_rel,
                                                    memory_order_acquire));
    ac_waker_drop(task->joiner);
    return true;
}

/* Gives the joiner's field away. False: the task has finished, and it isn't taken. */
static bool offer(struct ac_task *task, struct ac_waker *waker)
{
    task->joiner = ac_waker_clone(waker);
    ac__between();
    unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
    do {
        if (word & POOL_FINISHED) {
            ac_waker_drop(waker);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&task->shared, &word, word | POOL_JOINER, memory_order_acq_rel,
                                                    memory_order_acquire));
    return true;
}

static enum ac__joined end_join(struct ac_task **held, struct ac_task *task, unsigned word, struct ac_context *cx)
{
    if (!ac__spend(cx))
        return AC__NOT_YET;
    *held = task;
    return word & POOL_CANCELLED ? AC__ENDED_CANCELLED : AC__ENDED;
}

static enum ac__joined join(struct ac_task **held, struct ac_context *cx, const char *function)
{
    struct ac_task *task = ac__joined_task(*held);
    unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
    if (!(word & POOL_FINISHED)) {
        if (ac__current != NULL && task == ac__current->running)
            ac__stop(function, "the task '%s' awaits itself", task->type->name);
        /* Only the handle's holder changes JOINER, and that is who calls; so it is as it was read. */
        if (word & POOL_JOINER && task->joiner != cx->waker && !ac__joins(*held))
            ac__stop(function, "the task '%s' is awaited twice", task->type->name);
        *held = (struct ac_task *)((uintptr_t)task | AC__JOINS);
        if (word & POOL_JOINER && task->joiner == cx->waker)
            return AC__NOT_YET;
        if ((!(word & POOL_JOINER) || retract(task)) && offer(task, cx->waker))
            return AC__NOT_YET;
        word = atomic_load_explicit(&task->shared, memory_order_acquire);
    }
    return end_join(held, task, word, cx);
}

/* A result is there as a rule, when it is polled again. */
static enum ac_poll await(struct ac_task **held, struct ac_context *cx)
{
    struct ac_task *task = ac__joined_task(*held);
    unsigned word = atomic_load_explicit(&task->shared, memory_order_acquire);
    if (!(word & (POOL_FINISHED | POOL_JOINER)) && ac__pool_run_nested(task, cx))
        word = atomic_load_explicit(&task->shared, memory_order_acquire);
    enum ac__joined joined = word & POOL_FINISHED ? end_join(held, task, word, cx) : join(held, cx, "await");
    if (joined == AC__ENDED_CANCELLED)
        ac__stop_cancelled(task);
    return (enum ac_poll)joined;
}

static void leave(struct ac_task *task)
{
    if (atomic_load_explicit(&task->shared, memory_order_relaxed) & POOL_JOINER)
        retract(task);
}

const struct ac__task_ops ac__pool_task = {
    .waker = { clone, wake, wake_by_ref, drop },
    .join = join,
    .await = await,
    .leave = leave,
    .cancel = ac__pool_task_cancel,
    .give_back = unref,
};

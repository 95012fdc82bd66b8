/* executor.c - the executor of one thread: polls what is ready, and parks when nothing is.
 *
 * A turn of the loop polls at most TURN tasks, or up to one that has spent its budget, in the order in which they were
 * woken, and then looks after timers, descriptors and what other threads have woken, so that tasks which keep waking
 * each other can't starve those that wait for the world. Tasks woken by a poll go behind all that are ready already.
 * One that is awaited when it is next anyway is polled within the poll that awaits it, and doesn't count as one of the
 * turn's: the budget limits both. */
#include "seen.h"
#include "sys_memory.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN = 64, /* polls between two looks at timers and descriptors */
};

struct ac_exec *ac__exec_sought(const struct ac_context *cx, const char *function)
{
    /* A future that stands inside a foreign executor's is still polled on our thread. */
    struct ac_exec *exec = cx->exec != NULL ? cx->exec : ac__current;
    if (exec == NULL)
        ac__stop(function, "polled where no executor runs: it needs ac_block_on");
    if (exec != ac__current)
        ac__stop(function, "polled on a thread that isn't its executor's");
    return exec;
}

struct ac__reactor *ac__exec_open_reactor(struct ac_exec *exec)
{
    exec->reactor = ac__epoll.open();
    return exec->reactor;
}

struct ac__wheel *ac__exec_wheel(struct ac_exec *exec, const char *function)
{
    if (exec->wheel == NULL) {
        exec->wheel = ac__sys_calloc(1, sizeof *exec->wheel);
        if (exec->wheel == NULL)
            ac__stop(function, "no memory for the executor's timers");
        exec->wheel->tick = ac__tick_before(ac__clock_now(exec->clock));
    }
    return exec->wheel;
}

void ac__exec_unref(struct ac_exec *exec)
{
    if (atomic_fetch_sub_explicit(&exec->refs, 1, memory_order_acq_rel) != 1)
        return;
    ac__inbox_empty(exec); /* of wakes that came when all was over */
    if (exec->reactor != NULL)
        exec->reactor->ops->close(exec->reactor);
    free(exec->wheel);
    free(exec->all);
    free(exec);
}

void ac__exec_list(struct ac_task *task)
{
    struct ac_exec *exec = task->exec;
    if (exec->nall == exec->all_room) {
        unsigned room = exec->all_room == 0 ? 64 : 2 * exec->all_room;
        struct ac_task **all = room < exec->all_room ? NULL : ac__sys_realloc(exec->all, room * sizeof(struct ac_task *));
        if (all == NULL)
            return;
        exec->all = all;
        exec->all_room = room;
    }
    ac__set_place(task, exec->nall);
    exec->all[exec->nall++] = task;
    task->word |= TASK_LISTED;
}

void ac__exec_take_from_list(struct ac_task *task)
{
    struct ac_exec *exec = task->exec;
    struct ac_task *last = exec->all[--exec->nall];
    exec->all[ac__place(task)] = last;
    ac__set_place(last, ac__place(task));
    task->word &= (unsigned short)~TASK_LISTED;
}

static inline void empty_inbox(struct ac_exec *exec)
{
    /* The test spares the call and its locked operation where nobody else wakes tasks of this thread. */
    if (atomic_load_explicit(&exec->inbox, memory_order_relaxed) != NULL)
        ac__inbox_empty(exec);
}

/* As a rule another task here. */
static inline void wake_joiner(struct ac_exec *exec, struct ac_waker *waker)
{
    struct ac_task *task = (struct ac_task *)waker;
    if (waker->ops == &ac__task_waker && task->exec == exec)
        ac__exec_schedule(exec, task);
    else
        ac_wake_by_ref(waker);
}

/* The poll is over, and nobody has to poll the task again. @p how: TASK_FINISHED, and TASK_CANCELLED. */
static inline void finish_task(struct ac_exec *exec, struct ac_task *task, unsigned how)
{
    unsigned word = (task->word & ~(unsigned)TASK_SCHEDULED) | how;
    task->word = (unsigned short)word;
    if (word & TASK_ROOT)
        return;
    ac__count(&exec->finished, 1);
    if (task->joiner != NULL)
        wake_joiner(exec, task->joiner);
    if (!(word & TASK_HANDLE)) {
        ac__exec_unlist(task);
        ac__task_release(task);
    } else if (exec->lists_all && !(word & TASK_LISTED) && task->joiner == NULL) { /* a joiner takes it soon */
        ac__exec_list(task);
    }
}

/* Its poll has said AC_PENDING. True: it has been woken while it ran, and is queued. */
static inline bool pause_task(struct ac_exec *exec, struct ac_task *task)
{
    if (task->word & TASK_SCHEDULED) {
        ac__exec_queue(exec, task);
        return true;
    }
    if (exec->lists && !(task->word & TASK_LISTED)) /* those in the queue are found there */
        ac__exec_list(task);
    return false;
}

bool ac__exec_run_nested(struct ac_exec *exec, struct ac_context *cx)
{
    struct ac_task *task = exec->ready;
    /* What it takes of the budget the outer one hasn't got any more: together they don't take longer. */
    struct ac_context inner = { .waker = &task->waker, .exec = exec, .budget = cx->budget };
    int outer_errno = *exec->thread_errno;
    exec->ready = task->next;
    exec->outer = exec->running;
    exec->running = task;
    task->word &= (unsigned short)~TASK_SCHEDULED;
    *exec->thread_errno = task->saved_errno;
    enum ac_poll poll = task->type->poll(task + 1, &inner);
    task->saved_errno = *exec->thread_errno;
    *exec->thread_errno = outer_errno;
    exec->running = exec->outer;
    exec->outer = NULL;
    cx->budget = inner.budget;
    ac__count(&exec->polls, 1);
    if (poll == AC_READY)
        finish_task(exec, task, TASK_FINISHED);
    else
        pause_task(exec, task);
    return poll == AC_READY;
}

/* Polls so many at most. A round of this loop is what switching from one task to another costs. */
static void run_turn(struct ac_exec *exec, int most)
{
    struct ac_context cx = { .exec = exec };
    int *thread_errno = exec->thread_errno;
    struct ac_task *task;
    int n = 0;
    while (n < most && (task = exec->ready) != NULL) {
        n++;
        exec->ready = task->next;
        cx.waker = &task->waker;
        cx.budget = AC__BUDGET;
        unsigned word = task->word;
        task->word = (unsigned short)(word & ~TASK_SCHEDULED);
        exec->running = task;
        if (*thread_errno != task->saved_errno) /* seldom: so nothing waits for a store */
            *thread_errno = task->saved_errno;
        void *frame = ac__task_frame(task);
        enum ac_poll poll;
        if (__builtin_expect(word & TASK_CANCEL, 0))
            poll = task->type->cancel(frame, &cx);
        else
            poll = task->type->poll(frame, &cx);
        if (task->saved_errno != *thread_errno)
            task->saved_errno = *thread_errno;

        if (poll == AC_READY) {
            finish_task(exec, task, TASK_FINISHED | (word & TASK_CANCEL) * (TASK_CANCELLED / TASK_CANCEL));
        } else if (pause_task(exec, task) && cx.budget == 0) { /* one that has spent all of it has taken long */
            break;
        }
    }
    exec->running = NULL;
    ac__count(&exec->polls, (uint64_t)n);
}

static void turn_wheel(struct ac_exec *exec)
{
    uint64_t next;
    if (exec->wheel == NULL || !ac__wheel_next(exec->wheel, &next))
        return;
    uint64_t now = ac__tick_before(ac__clock_now(exec->clock));
    if (next <= now)
        ac__wheel_turn(exec->wheel, now);
}

/* Milliseconds until the wheel has to be turned, rounded up; -1 for never. */
static int until_next_timer(const struct ac_exec *exec)
{
    uint64_t next;
    if (exec->wheel == NULL || !ac__wheel_next(exec->wheel, &next))
        return -1;
    uint64_t now = ac__clock_now(exec->clock), due = next * AC_MS;
    uint64_t wait_ms = due <= now ? 0 : ac__tick_after(due - now);
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

/* Sleeps until there is something to do; called when nothing is ready. */
static void park(struct ac_exec *exec)
{
    struct ac__reactor *reactor = ac__exec_reactor(exec);
    if (reactor == NULL)
        ac__stop("ac_block_on", "can't wait: %s", strerror(errno));

    int timeout_ms = until_next_timer(exec);
    /* The clock of a test jumps, unless a descriptor or another thread comes first. Threads that are at
     * work for us hold clones of our wakers. */
    bool jumps = exec->clock->paused && timeout_ms >= 0 && atomic_load(&exec->refs) == 1;
    /* A thread drops its clone after it has woken us, and that wakes nobody: with a timer to jump to, the
     * clones are counted again every millisecond. */
    if (exec->clock->paused)
        timeout_ms = jumps || timeout_ms == 0 ? 0 : timeout_ms > 0 ? 1 : -1;

    ac__count(&exec->parks, 1);
    atomic_store(&exec->parked, 1);
    bool inbox = atomic_load(&exec->inbox) != NULL;
    int nevents = reactor->ops->wait(reactor, inbox ? 0 : timeout_ms);
    atomic_store(&exec->parked, 0);

    uint64_t next;
    if (jumps && !inbox && nevents == 0 && exec->ready == NULL && ac__wheel_next(exec->wheel, &next)
        && next * AC_MS > exec->clock->now_ns)
        exec->clock->now_ns = next * AC_MS;
}

struct ac_exec *ac__exec_new(void)
{
    struct ac_exec *exec = ac__sys_calloc(1, sizeof *exec);
    if (exec == NULL)
        return NULL;
    exec->clock = ac__clock_of_thread();
    exec->thread_errno = &errno;
    exec->slot = &ac__no_fd;
    exec->lists = exec->lists_all = ac__lists;
    atomic_init(&exec->inbox, NULL);
    atomic_init(&exec->parked, 0);
    atomic_init(&exec->refs, 1);
    return exec;
}

void ac__exec_end(struct ac_exec *exec)
{
    ac__exec_disappear(exec);
    ac__current = exec;
    ac__inbox_empty(exec);
    while (exec->ready != NULL) /* listings that others have asked for */
        run_turn(exec, TURN);
    ac__current = NULL;
    if (exec->release_jobs != NULL)
        exec->release_jobs();
    ac__shelf_empty(&exec->shelf);
    ac__exec_unref(exec);
}

/* What is ready is cancelled. Returns how many there are, up to a turn's: what these make ready is for the next. */
static int cancel_ready(struct ac_exec *exec)
{
    int n = 0;
    for (struct ac_task *task = exec->ready; task != NULL; task = task->next) {
        task->word |= TASK_CANCEL;
        n += n < TURN;
    }
    return n;
}

void ac__exec_cancel(struct ac_exec *exec)
{
    exec->ends = true;
    for (unsigned i = 0; i < exec->nall; i++)
        ac__task_cancel(exec->all[i]);
}

static void turn(struct ac_exec *exec)
{
    turn_wheel(exec);
    empty_inbox(exec);
    run_turn(exec, exec->ends ? cancel_ready(exec) : TURN);
}

void ac__exec_turn(struct ac_exec *exec)
{
    exec->reactor->ops->wait(exec->reactor, 0);
    turn(exec);
}

void ac__exec_round(struct ac_exec *exec)
{
    empty_inbox(exec);
    if (exec->ready == NULL)
        park(exec);
    else if (exec->reactor != NULL)
        exec->reactor->ops->wait(exec->reactor, 0);
    turn(exec);
}

void ac_block_on_future(const struct ac_future_type *type, void *frame)
{
    if (ac__current != NULL)
        ac__stop("ac_block_on", "called for '%s' from inside async code, whose thread it would block; await it",
                 type->name);
    struct ac_exec *exec = ac__exec_new();
    if (exec == NULL)
        ac__stop("ac_block_on", "no memory for an executor");
    exec->root_frame = frame;
    exec->root.type = type;
    ac__current = exec;
    ac__exec_appear(exec);
    ac__task_start_root(exec);

    while (!(exec->root.word & TASK_FINISHED) || ac__exec_ntasks(exec) > 0)
        ac__exec_round(exec);

    int saved_errno = exec->root.saved_errno;
    ac__exec_end(exec);
    errno = saved_errno; /* block_on is a call: it leaves the errno that the sequential one leaves */
}

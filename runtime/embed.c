/* embed.c - executors that a foreign loop drives.
 *
 *     foreign loop --fd readable, or deadline--> ac_exec_run: a turn of executor.c's loop, which doesn't park
 *
 * Between two runs such an executor counts as parked, though it doesn't sleep: so whoever wakes one of its tasks rings
 * the reactor's bell, which makes the reactor's descriptor readable, on which the foreign loop sleeps. */
#include "seen.h"

#include <ac/embed.h>

#include <errno.h>
#include <limits.h>

static void check_thread(const struct ac_exec *exec, const char *function)
{
    if (!ac__exec_is_of_thread(exec))
        ac__stop(function, "the executor belongs to another thread");
}

struct ac_exec *ac_exec_new(void)
{
    struct ac_exec *exec = ac__exec_new();
    if (exec == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    if (ac__exec_reactor(exec) == NULL) {
        int error = errno;
        ac__exec_unref(exec);
        errno = error;
        return NULL;
    }
    exec->lists = true;
    atomic_store(&exec->parked, 1);
    ac__exec_appear(exec);
    return exec;
}

/* From plain code, on its own thread. */
static void check_call(const struct ac_exec *exec, const char *function)
{
    check_thread(exec, function);
    if (ac__current != NULL)
        ac__stop(function, "called from inside async code, or before ac_exec_leave");
}

/* What is left, up to a number that can still be read. */
static void name_tasks(const struct ac_exec *exec, const char *function)
{
    enum { MOST = 20 };
    size_t n = 0, ntasks = ac__exec_ntasks(exec);
    fprintf(stderr, "asyncc: %s: %zu task%s not ended:\n", function, ntasks, ntasks == 1 ? " has" : "s have");
    for (unsigned i = 0; i < exec->nall; i++)
        if (!(exec->all[i]->word & TASK_FINISHED) && n++ < MOST)
            ac__print_task(stderr, exec, exec->all[i]);
    for (struct ac_task *task = exec->ready; task != NULL; task = task->next)
        if (!(task->word & TASK_LISTED) && n++ < MOST)
            ac__print_task(stderr, exec, task);
    if (ntasks > n || n > MOST)
        fprintf(stderr, "  and more\n");
}

void ac_exec_free(struct ac_exec *exec)
{
    check_call(exec, "ac_exec_free");
    if (ac__exec_ntasks(exec) > 0) {
        name_tasks(exec, "ac_exec_free");
        ac__stop("ac_exec_free", "the executor has tasks still; ac_exec_shutdown ends them");
    }
    ac__exec_end(exec);
}

static void ring_if_ready(const struct ac_exec *exec)
{
    if (exec->ready != NULL)
        exec->reactor->ops->unpark(exec->reactor);
}

void ac_exec_cancel(struct ac_exec *exec)
{
    check_call(exec, "ac_exec_cancel");
    ac__current = exec;
    ac__exec_cancel(exec);
    ac__current = NULL;
    ring_if_ready(exec);
}

static bool run_to_the_end(struct ac_exec *exec, uint64_t deadline_ns)
{
    struct ac_waker noop;
    struct ac__timer deadline = { .waker = ac_noop_waker(&noop) };
    struct ac__wheel *wheel = ac__exec_wheel(exec, "ac_exec_shutdown");
    uint64_t at;
    if (__builtin_add_overflow(ac__clock_now(exec->clock), deadline_ns, &at))
        at = UINT64_MAX;
    ac__timer_start(wheel, &deadline, ac__tick_after(at));
    while (ac__exec_ntasks(exec) > 0 && !ac__timer_has_fired(&deadline))
        ac__exec_round(exec);
    ac__timer_cancel(wheel, &deadline);
    return ac__exec_ntasks(exec) == 0;
}

int ac_exec_shutdown(struct ac_exec *exec, uint64_t deadline_ns)
{
    check_call(exec, "ac_exec_shutdown");
    int saved_errno = errno;
    atomic_store(&exec->parked, 0);
    ac__current = exec;
    ac__exec_cancel(exec);
    bool is_over = run_to_the_end(exec, deadline_ns);
    ac__current = NULL;
    atomic_store(&exec->parked, 1); /* as in ac_exec_run() */
    if (!is_over)
        name_tasks(exec, "ac_exec_shutdown");
    errno = saved_errno;
    return is_over ? 0 : -ETIMEDOUT;
}

void ac_exec_enter(struct ac_exec *exec)
{
    check_thread(exec, "ac_exec_enter");
    if (ac__current != NULL)
        ac__stop("ac_exec_enter", "called from inside async code, or while an executor is entered");
    ac__current = exec;
}

void ac_exec_leave(struct ac_exec *exec)
{
    if (ac__current != exec || exec->running != NULL)
        ac__stop("ac_exec_leave", "this executor has not been entered");
    ac__current = NULL;
    ring_if_ready(exec);
}

static bool has_more(const struct ac_exec *exec) { return exec->ready != NULL || atomic_load(&exec->inbox) != NULL; }

bool ac_exec_run(struct ac_exec *exec)
{
    check_call(exec, "ac_exec_run");
    int saved_errno = errno;
    atomic_store(&exec->parked, 0);
    ac__current = exec;
    ac__exec_turn(exec);
    ac__current = NULL;
    /* Sequentially consistent, as a wake's push and its look at `parked` are: either that sees it parked and rings, or
     * what was pushed is seen here. */
    atomic_store(&exec->parked, 1);
    errno = saved_errno;
    return has_more(exec);
}

int ac_exec_fd(const struct ac_exec *exec) { return exec->reactor->ops->descriptor(exec->reactor); }

uint64_t ac_exec_deadline(const struct ac_exec *exec)
{
    check_thread(exec, "ac_exec_deadline");
    uint64_t next;
    if (has_more(exec))
        return 0;
    if (exec->wheel == NULL || !ac__wheel_next(exec->wheel, &next))
        return UINT64_MAX;
    return next * AC_MS;
}

int ac_exec_timeout_ms(const struct ac_exec *exec)
{
    uint64_t deadline = ac_exec_deadline(exec), now = ac_now();
    if (deadline == UINT64_MAX)
        return -1;
    uint64_t wait_ms = deadline <= now ? 0 : ac__tick_after(deadline - now);
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

size_t ac_exec_tasks(const struct ac_exec *exec)
{
    check_thread(exec, "ac_exec_tasks");
    return ac__exec_ntasks(exec);
}

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
    atomic_store(&exec->parked, 1);
    ac__exec_appear(exec);
    return exec;
}

void ac_exec_free(struct ac_exec *exec)
{
    check_thread(exec, "ac_exec_free");
    if (ac__current != NULL)
        ac__stop("ac_exec_free", "called from inside async code, or before ac_exec_leave");
    if (exec->ntasks > 0)
        ac__stop("ac_exec_free", "%zu tasks have not ended", exec->ntasks);
    ac__exec_end(exec);
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
    if (exec->ready != NULL)
        exec->reactor->ops->unpark(exec->reactor);
}

static bool has_more(const struct ac_exec *exec) { return exec->ready != NULL || atomic_load(&exec->inbox) != NULL; }

bool ac_exec_run(struct ac_exec *exec)
{
    check_thread(exec, "ac_exec_run");
    if (ac__current != NULL)
        ac__stop("ac_exec_run", "called from inside async code, or before ac_exec_leave");
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
    return exec->ntasks;
}

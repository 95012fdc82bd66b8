/* blocking.h - jobs that block, on threads that may.
 *
 * A job is the first member of something larger that holds its arguments, as copies, and its result, and
 * that belongs to both sides: the pool, from submitting until `run` has returned, and the task
 * that waits. Threads come when a job finds none idle, up to a limit, and leave when they
 * have been idle for a while. */
#ifndef AC__BLOCKING_H
#define AC__BLOCKING_H
#include <stdbool.h>

struct ac_exec;

struct ac__job {
    struct ac__job *next, **link; /* in the queue; link is null once a thread has taken it */
    void (*run)(struct ac__job *);
};

/* Queues @p job. 0, or a negative errno when there is no thread at all to run it. @p exec will give up
 * its use of the pool when it ends: the last to do so sends the idle threads away and joins them.
 * A thread that is busy then is left to end by itself. */
int ac__job_submit(struct ac_exec *exec, struct ac__job *job);

/* Takes a job back that hasn't begun. False: it has, or it is done. */
bool ac__job_cancel(struct ac__job *job);
#endif

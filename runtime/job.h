/* job.h - a job of blocking.h's that a task waits for.
 *
 *     task --start--> | queue | --> thread: run --done, wake--> task: poll, leave
 *
 * It is the first member of something larger, a block of malloc's, that belongs to two: the task, and the pool until the
 * job has run. Each has a reference, given up under no lock but counted atomically; the last frees the block. `done` and
 * `waker`, a clone, are ac__job_end()'s. */
#ifndef AC__JOB_H
#define AC__JOB_H
#include "blocking.h"
#include "exec.h"

struct ac__task_job {
    struct ac__job job;                 /* first: the pool's handle is this one's address */
    void (*run)(struct ac__task_job *); /* on a thread that may block; what it writes is the task's once it is done */
    _Atomic int refs;
    unsigned char done;
    struct ac_waker *waker; /* a clone; null once it was woken or dropped */
};

/* Queues the job. 0, or a negative errno when there is no thread to run it, and then the block has been freed. */
int ac__task_job_start(struct ac__task_job *, struct ac_exec *, struct ac_context *, enum ac__job_kind,
                       void (*run)(struct ac__task_job *));
/* AC_READY: it has run. The task has it still. */
enum ac_poll ac__task_job_poll(struct ac__task_job *, struct ac_context *);
/* True: it hadn't begun, never will, and the task doesn't have it any more. */
bool ac__task_job_revoke(struct ac__task_job *);
/* The task gives it up, in whatever state it is. */
void ac__task_job_leave(struct ac__task_job *);
#endif

/* blocking.h - jobs that block, on threads that may.
 *
 * A job is the first member of something larger that holds its arguments and its result. Either that belongs to both sides,
 * the pool, from submitting until `run` has returned, and the task that waits; or it is the task's frame, and the task
 * leaves only when it has seen, under the pool's lock, that the job is done. Threads come when a job finds none
 * idle, and leave when they have been idle for a while. Each kind of job has a limit of its own and a queue of its own, so
 * that jobs of one kind that hang hold up none of another. */
#ifndef AC__BLOCKING_H
#define AC__BLOCKING_H
#include <ac/blocking.h>
#include <stdbool.h>
#include <stdint.h>

struct ac_exec;

enum ac__job_kind {
    AC__JOB_CALL,   /* of the program's */
    AC__JOB_FILE,
    AC__JOB_LOOKUP,
    AC__JOB_KINDS
};

/* Queues @p job, whose `run` is set. 0, or a negative errno when there is no thread at all to run it. @p exec will give up
 * its use of the pool when it ends: the last to do so sends the idle threads away and joins them.
 * A thread that is busy then is left to end by itself. */
int ac__job_submit(struct ac_exec *exec, struct ac__job *job, enum ac__job_kind);

/* Takes a job back that hasn't begun. False: it has, or it is done. */
bool ac__job_cancel(struct ac__job *job);

/* By the thread, after which it touches a job in a frame no more: sets *done and takes *waker in one piece, under the pool's
 * lock, and then wakes it, if it isn't null. From then on the thread may be given another job. */
void ac__job_end(unsigned char *done, struct ac_waker **waker);
/* And by the task: whether *done is set. If it isn't, @p mine is who is woken, of which *waker is then a clone. */
bool ac__job_has_ended(const unsigned char *done, struct ac_waker **waker, struct ac_waker *mine);

/* And by a task that waits no longer, for a job that isn't in its frame: drops *waker, if it hasn't been taken. */
void ac__job_forget(struct ac_waker **waker);

/* How long a thread waits for another job before it leaves; for tests. */
void ac__jobs_set_idle_time(uint64_t ns);
#endif

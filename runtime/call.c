/* call.c - calling a plain function that blocks: ac_run_blocking().
 *
 * The job stands in the leaf's own frame, so a call allocates nothing. The frame is pinned until the leaf is finished, and it
 * finishes only when the job was taken back from the queue, or when it has seen `done` under the pool's lock. The thread sets
 * that and takes the waker in one piece under that lock, ac__job_end(): it has no further use for the frame, and the
 * waker, a clone, is its own to wake. */
#include "blocking.h"
#include "exec.h"

#include <errno.h>

/* On a thread of the pool. */
static void run(struct ac__job *job)
{
    struct ac_run_blocking__frame *self = (struct ac_run_blocking__frame *)job;
    errno = self->saved_errno;
    self->run(self->argument);
    self->saved_errno = errno;
    ac__job_end(&self->done, &self->waker);
}

void ac_run_blocking__init(struct ac_run_blocking__frame *self, void (*function)(void *), void *argument)
{
    self->run = function;
    self->argument = argument;
    self->begun = 0;
}

static enum ac_poll begin(struct ac_run_blocking__frame *self, struct ac_context *cx)
{
    struct ac_exec *exec = ac__exec_of(cx, "ac_spawn_blocking");
    self->begun = 1;
    self->done = 0;
    self->job.run = run;
    int saved_errno = self->saved_errno = errno;
    self->waker = ac_waker_clone(cx->waker);
    int error = ac__job_submit(exec, &self->job, AC__JOB_CALL);
    errno = saved_errno;
    if (error == 0)
        return AC_PENDING;
    ac_waker_drop(self->waker);
    self->run(self->argument); /* better than never */
    return AC_READY;
}

enum ac_poll ac_run_blocking__poll(struct ac_run_blocking__frame *self, struct ac_context *cx)
{
    if (!self->begun)
        return begin(self, cx);
    if (!ac__job_has_ended(&self->done, &self->waker, cx->waker))
        return AC_PENDING;
    errno = self->saved_errno;
    return AC_READY;
}

enum ac_poll ac_run_blocking__drive(struct ac_run_blocking__frame *self, struct ac_context *cx, void *argument)
{
    if (!self->begun)
        self->argument = argument;
    return ac_run_blocking__poll(self, cx);
}

enum ac_poll ac_run_blocking__start(struct ac_run_blocking__frame *self, struct ac_context *cx,
                                    void (*function)(void *), void *argument)
{
    ac_run_blocking__init(self, function, argument);
    return begin(self, cx);
}

enum ac_poll ac_run_blocking__cancel(struct ac_run_blocking__frame *self, struct ac_context *cx)
{
    if (!self->begun)
        return AC_READY;
    if (!ac__job_cancel(&self->job)) /* it has begun, and this frame is the thread's */
        return ac_run_blocking__poll(self, cx);
    ac_waker_drop(self->waker);
    return AC_READY;
}

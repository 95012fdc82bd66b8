/* job.c - see job.h. */
#include "job.h"

#include <stdlib.h>

static void unref(struct ac__task_job *self, int refs)
{
    if (atomic_fetch_sub_explicit(&self->refs, refs, memory_order_acq_rel) != refs)
        return;
    free(self);
}

/* On a thread of the pool. */
static void run(struct ac__job *job)
{
    struct ac__task_job *self = (struct ac__task_job *)job;
    self->run(self);
    ac__job_end(&self->done, &self->waker);
    unref(self, 1);
}

int ac__task_job_start(struct ac__task_job *self, struct ac_exec *exec, struct ac_context *cx, enum ac__job_kind kind,
                       void (*its_run)(struct ac__task_job *))
{
    *self = (struct ac__task_job){ .job.run = run, .run = its_run, .refs = 2, .waker = ac_waker_clone(cx->waker) };
    int error = ac__job_submit(exec, &self->job, kind);
    if (error < 0) {
        ac_waker_drop(self->waker);
        unref(self, 2);
    }
    return error;
}

enum ac_poll ac__task_job_poll(struct ac__task_job *self, struct ac_context *cx)
{
    return ac__job_has_ended(&self->done, &self->waker, cx->waker) ? AC_READY : AC_PENDING;
}

bool ac__task_job_revoke(struct ac__task_job *self)
{
    if (!ac__job_cancel(&self->job))
        return false;
    ac_waker_drop(self->waker);
    unref(self, 2);
    return true;
}

void ac__task_job_leave(struct ac__task_job *self)
{
    if (ac__task_job_revoke(self))
        return;
    ac__job_forget(&self->waker);
    unref(self, 1);
}

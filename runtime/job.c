/* job.c - see job.h. */
#include "job.h"

#include <stdlib.h>

static void unref(struct ac__task_job *self, int refs)
{
    if (atomic_fetch_sub_explicit(&self->refs, refs, memory_order_acq_rel) != refs)
        return;
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* On a thread of the pool. */
static void run(struct ac__job *job)
{
    struct ac__task_job *self = (struct ac__task_job *)job;
    self->run(self);
    pthread_mutex_lock(&self->lock);
    self->done = true;
    struct ac_waker *waker = self->waker;
    self->waker = NULL;
    pthread_mutex_unlock(&self->lock);
    if (waker != NULL)
        ac_wake(waker);
    unref(self, 1);
}

int ac__task_job_start(struct ac__task_job *self, struct ac_exec *exec, struct ac_context *cx, enum ac__job_kind kind,
                       void (*its_run)(struct ac__task_job *))
{
    *self = (struct ac__task_job){ .job.run = run, .run = its_run, .refs = 2, .waker = ac_waker_clone(cx->waker) };
    pthread_mutex_init(&self->lock, NULL);
    int error = ac__job_submit(exec, &self->job, kind);
    if (error < 0) {
        ac_waker_drop(self->waker);
        unref(self, 2);
    }
    return error;
}

enum ac_poll ac__task_job_poll(struct ac__task_job *self, struct ac_context *cx)
{
    pthread_mutex_lock(&self->lock);
    struct ac_waker *old = NULL;
    bool done = self->done;
    if (!done && self->waker != cx->waker) {
        old = self->waker;
        self->waker = ac_waker_clone(cx->waker);
    }
    pthread_mutex_unlock(&self->lock);
    if (old != NULL)
        ac_waker_drop(old);
    return done ? AC_READY : AC_PENDING;
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
    pthread_mutex_lock(&self->lock);
    struct ac_waker *waker = self->waker;
    self->waker = NULL;
    pthread_mutex_unlock(&self->lock);
    if (waker != NULL)
        ac_waker_drop(waker);
    unref(self, 1);
}

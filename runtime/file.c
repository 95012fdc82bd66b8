/* file.c - reading and writing regular files: on a thread that may block, when the system hasn't got at hand
 * what is asked for.
 *
 * The call runs on the leaf's own frame, which is pinned and left alone by its task until the job is over; so
 * a leaf that is cancelled waits for a call that has begun. The job has a block of its own, because it would
 * make every frame of a read larger than it need be. It belongs to two, the task and the pool, and the last
 * to give it up frees it. `done` and `waker` are under the job's lock: a task that finds it done
 * has seen the thread's last use of its waker. */
#define _GNU_SOURCE
#include "blocking.h"
#include "io.h"
#include "sys.h"

struct ac__io_job {
    struct ac__job job; /* first: the pool's handle is this one's address */
    ac__io_try *try;
    void *self;
    ssize_t result; /* the thread's until done, then the task's */
    _Atomic int refs;
    pthread_mutex_t lock;
    bool done;
    struct ac_waker *waker; /* a clone; null once it was woken or dropped */
};

static void unref(struct ac__io_job *job)
{
    if (atomic_fetch_sub_explicit(&job->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&job->lock);
    free(job);
}

/* On a thread of the pool. */
static void run(struct ac__job *handle)
{
    struct ac__io_job *job = (struct ac__io_job *)handle;
    ssize_t result = job->try(job->self, AC__MAY_BLOCK);
    pthread_mutex_lock(&job->lock);
    job->result = result;
    job->done = true;
    struct ac_waker *waker = job->waker;
    job->waker = NULL;
    pthread_mutex_unlock(&job->lock);
    ac_wake(waker);
    unref(job);
}

bool ac__io_job_start(struct ac__io_wait *wait, struct ac_context *cx, ac__io_try *try, void *self,
                      const char *function)
{
    struct ac_exec *exec = ac__exec_of(cx, function);
    struct ac__io_job *job = ac__sys_malloc(sizeof *job);
    if (job == NULL)
        return false;
    *job = (struct ac__io_job){ .job.run = run, .try = try, .self = self, .refs = 2 };
    pthread_mutex_init(&job->lock, NULL);
    job->waker = ac_waker_clone(cx->waker);
    if (ac__job_submit(exec, &job->job) < 0) {
        ac_waker_drop(job->waker);
        pthread_mutex_destroy(&job->lock);
        free(job);
        return false;
    }
    wait->job = job;
    return true;
}

enum ac_poll ac__io_job_poll(struct ac__io_wait *wait, struct ac_context *cx, ssize_t *result)
{
    struct ac__io_job *job = wait->job;
    pthread_mutex_lock(&job->lock);
    struct ac_waker *old = NULL;
    bool done = job->done;
    if (!done && job->waker != cx->waker) {
        old = job->waker;
        job->waker = ac_waker_clone(cx->waker);
    }
    pthread_mutex_unlock(&job->lock);
    if (old != NULL)
        ac_waker_drop(old);
    if (!done)
        return AC_PENDING;
    *result = job->result;
    unref(job);
    return AC_READY;
}

enum ac_poll ac__io_job_cancel(struct ac__io_wait *wait, struct ac_context *cx)
{
    struct ac__io_job *job = wait->job;
    ssize_t result;
    if (!ac__job_cancel(&job->job))
        return ac__io_job_poll(wait, cx, &result);
    ac_waker_drop(job->waker);
    unref(job); /* the pool's */
    unref(job);
    return AC_READY;
}

/* file.c - reading and writing regular files: on a thread that may block, when the system hasn't got at hand
 * what is asked for.
 *
 * The call runs on the leaf's own frame, which is pinned and left alone by its task until the job is over; so
 * a leaf that is cancelled waits for a call that has begun. The job has a block of its own, because it would
 * make every frame of a read larger than it need be. */
#define _GNU_SOURCE
#include "io.h"
#include "job.h"
#include "sys.h"

struct ac__io_job {
    struct ac__task_job job;
    ac__io_try *try;
    void *self;
    ssize_t result;
};

static void run(struct ac__task_job *job)
{
    struct ac__io_job *call = (struct ac__io_job *)job;
    call->result = call->try(call->self, AC__MAY_BLOCK);
}

bool ac__io_job_start(struct ac__io_wait *wait, struct ac_context *cx, ac__io_try *try, void *self,
                      const char *function)
{
    struct ac_exec *exec = ac__exec_of(cx, function);
    struct ac__io_job *call = ac__sys_malloc(sizeof *call);
    if (call == NULL)
        return false;
    call->try = try;
    call->self = self;
    if (ac__task_job_start(&call->job, exec, cx, AC__JOB_FILE, run) < 0)
        return false;
    wait->job = call;
    return true;
}

enum ac_poll ac__io_job_poll(struct ac__io_wait *wait, struct ac_context *cx, ssize_t *result)
{
    struct ac__io_job *call = wait->job;
    if (ac__task_job_poll(&call->job, cx) == AC_PENDING)
        return AC_PENDING;
    *result = call->result;
    ac__task_job_leave(&call->job);
    return AC_READY;
}

enum ac_poll ac__io_job_cancel(struct ac__io_wait *wait, struct ac_context *cx)
{
    ssize_t result;
    return ac__task_job_revoke(&wait->job->job) ? AC_READY : ac__io_job_poll(wait, cx, &result);
}

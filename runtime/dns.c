/* dns.c - looking up names without blocking the executor: each is a job of job.h's, with its arguments as copies. */
#include "dns.h"

#include "job.h"
#include "sys_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ac__lookup {
    struct ac__task_job job;
    int result;
    struct ac_address found[AC__MOST_ADDRESSES];
    int port;
    char host[]; /* a copy */
};

static void run_lookup(struct ac__task_job *job)
{
    struct ac__lookup *lookup = (struct ac__lookup *)job;
    lookup->result = ac__address_lookup(lookup->found, AC__MOST_ADDRESSES, lookup->host, lookup->port);
}

int ac__lookup_start(struct ac__lookup **place, struct ac_context *cx, const char *host, int port,
                     const char *function)
{
    struct ac_exec *exec = ac__exec_of(cx, function);
    if (host == NULL || *host == '\0')
        return -ENXIO;
    size_t size = strlen(host) + 1;
    struct ac__lookup *lookup = ac__sys_malloc(sizeof *lookup + size);
    if (lookup == NULL)
        return -ENOMEM;
    lookup->port = port;
    memcpy(lookup->host, host, size);
    int error = ac__task_job_start(&lookup->job, exec, cx, AC__JOB_LOOKUP, run_lookup);
    if (error == 0)
        *place = lookup;
    return error;
}

enum ac_poll ac__lookup_poll(struct ac__lookup *lookup, struct ac_context *cx)
{
    return ac__task_job_poll(&lookup->job, cx);
}

int ac__lookup_result(const struct ac__lookup *lookup, const struct ac_address **found)
{
    *found = lookup->found;
    return lookup->result;
}

void ac__lookup_free(struct ac__lookup *lookup) { ac__task_job_leave(&lookup->job); }

/* ---- ac_resolve ---- */

enum { FRESH, LOOKING, OVER };

void ac_resolve__init(struct ac_resolve__frame *self, const char *host, int port, struct ac_address *found,
                      int nfound)
{
    self->lookup = NULL;
    self->host = host;
    self->port = port;
    self->found = found;
    self->nfound = nfound;
    self->state = FRESH;
}

static enum ac_poll finish(struct ac_resolve__frame *self, int result)
{
    if (self->lookup != NULL)
        ac__lookup_free(self->lookup);
    self->lookup = NULL;
    self->result = result;
    self->state = OVER;
    return AC_READY;
}

enum ac_poll ac_resolve__poll(struct ac_resolve__frame *self, struct ac_context *cx)
{
    if (self->state == OVER)
        ac__stop("ac_resolve", "polled after it was ready");
    if (self->state == FRESH) {
        if (!ac__spend(cx)) /* for what is known without a lookup */
            return AC_PENDING;
        if (self->port < 0 || self->port > 65535 || self->nfound < 1)
            return finish(self, -EINVAL);
        int n = 0;
        while (n < self->nfound && ac__address_known(&self->found[n], self->host, self->port, n) == 0)
            n++;
        if (n > 0)
            return finish(self, n);
        int error = ac__lookup_start(&self->lookup, cx, self->host, self->port, "ac_resolve");
        if (error < 0)
            return finish(self, error);
        self->state = LOOKING;
        return AC_PENDING;
    }
    if (ac__lookup_poll(self->lookup, cx) == AC_PENDING)
        return AC_PENDING;
    const struct ac_address *found;
    int n = ac__lookup_result(self->lookup, &found);
    if (n > self->nfound)
        n = self->nfound;
    if (n > 0)
        memcpy(self->found, found, (size_t)n * sizeof *found);
    return finish(self, n);
}

enum ac_poll ac_resolve__start(struct ac_resolve__frame *self, struct ac_context *cx, const char *host, int port,
                               struct ac_address *found, int nfound)
{
    ac_resolve__init(self, host, port, found, nfound);
    return ac_resolve__poll(self, cx);
}

enum ac_poll ac_resolve__cancel(struct ac_resolve__frame *self, struct ac_context *cx)
{
    (void)cx;
    return finish(self, 0);
}

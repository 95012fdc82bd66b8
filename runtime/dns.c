/* dns.c - looking up names without blocking the executor.
 *
 * A lookup belongs to two: the task that waits for it, and the pool's thread. Each has a reference,
 * given up under no lock but counted atomically; the last frees it. `done` and `waker` are under
 * the lookup's lock, so that a task which goes away (by cancel or by ready) has seen the thread's
 * last use of its waker, and the waker is a clone, since the thread may be the last to hold it. */
#include "dns.h"

#include "blocking.h"
#include "exec.h"
#include "sys_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ac__lookup {
    struct ac__job job; /* first: the pool's handle is the lookup's address */
    _Atomic int refs;
    pthread_mutex_t lock;
    bool done;
    struct ac_waker *waker; /* a clone; null once it was woken or dropped */
    int result;             /* this and found: the thread's until done, then the task's */
    struct ac_address found[AC__MOST_ADDRESSES];
    int port;
    char host[]; /* a copy */
};

static void unref(struct ac__lookup *lookup)
{
    if (atomic_fetch_sub_explicit(&lookup->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static struct ac_waker *take_waker(struct ac__lookup *lookup)
{
    struct ac_waker *waker = lookup->waker;
    lookup->waker = NULL;
    return waker;
}

/* On a thread of the pool. */
static void run_lookup(struct ac__job *job)
{
    struct ac__lookup *lookup = (struct ac__lookup *)job;
    lookup->result = ac__address_lookup(lookup->found, AC__MOST_ADDRESSES, lookup->host, lookup->port);
    pthread_mutex_lock(&lookup->lock);
    lookup->done = true;
    struct ac_waker *waker = take_waker(lookup);
    pthread_mutex_unlock(&lookup->lock);
    if (waker != NULL)
        ac_wake(waker);
    unref(lookup);
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
    lookup->job.run = run_lookup;
    atomic_init(&lookup->refs, 2);
    pthread_mutex_init(&lookup->lock, NULL);
    lookup->done = false;
    lookup->port = port;
    memcpy(lookup->host, host, size);
    lookup->waker = ac_waker_clone(cx->waker);
    int error = ac__job_submit(exec, &lookup->job);
    if (error < 0) {
        ac_waker_drop(lookup->waker);
        pthread_mutex_destroy(&lookup->lock);
        free(lookup);
        return error;
    }
    *place = lookup;
    return 0;
}

enum ac_poll ac__lookup_poll(struct ac__lookup *lookup, struct ac_context *cx)
{
    pthread_mutex_lock(&lookup->lock);
    struct ac_waker *old = NULL;
    bool done = lookup->done;
    if (!done && lookup->waker != cx->waker) {
        old = lookup->waker;
        lookup->waker = ac_waker_clone(cx->waker);
    }
    pthread_mutex_unlock(&lookup->lock);
    if (old != NULL)
        ac_waker_drop(old);
    return done ? AC_READY : AC_PENDING;
}

int ac__lookup_result(const struct ac__lookup *lookup, const struct ac_address **found)
{
    *found = lookup->found;
    return lookup->result;
}

void ac__lookup_free(struct ac__lookup *lookup)
{
    if (ac__job_cancel(&lookup->job))
        unref(lookup); /* the pool's */
    pthread_mutex_lock(&lookup->lock);
    struct ac_waker *waker = take_waker(lookup);
    pthread_mutex_unlock(&lookup->lock);
    if (waker != NULL)
        ac_waker_drop(waker);
    unref(lookup);
}

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

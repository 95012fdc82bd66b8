/* blocking.c - the threads of blocking.h.
 *
 * Everything is under one lock: jobs here take microseconds at the least, mostly milliseconds. A thread
 * that leaves puts itself on the list `gone`, from which whoever comes next joins it: no
 * thread is left over when the last executor has gone, save those that are stuck in a job, which
 * nobody waits for any more; these are detached and leave when it is done. */
#define _GNU_SOURCE
#include "blocking.h"

#include "fork.h"
#include "seen.h"
#include "sys.h"
#include "thread.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
    MOST_CALLS = 512, /* the program's own; it may say another number                       */
    MOST_FILES = 32,
    MOST_LOOKUPS = 4, /* name servers don't like many at once                               */
};

struct worker {
    pthread_t thread;
    struct worker *next; /* in `gone` */
    struct worker *next_busy, **busy_link;
    enum {
        FREE,
        BUSY,     /* runs a job, and is in the list of those that do                       */
        FORSAKEN, /* runs one that nobody waits for: it is detached, and no longer counted */
    } state;
    enum ac__job_kind kind; /* of the job */
};

/* Of a thread of ours: a job that ends says so before it returns. */
static _Thread_local struct worker *this_worker;

struct queue {
    struct ac__job *first, **end; /* end is null before the first one */
    unsigned nqueued;
    unsigned nrunning, most;
};

/* At file level, since threads are the process's: two executors share them. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a job, or idle threads should leave */
    pthread_cond_t left; /* an idle thread has left */
    struct queue queues[AC__JOB_KINDS];
    struct worker *gone; /* have left, not yet joined */
    struct worker *busy; /* run a job */
    unsigned nthreads;   /* that haven't left */
    unsigned nfree;      /* of these, run no job: they wait for one, or are about to look for one */
    unsigned nusers; /* executors; idle threads leave when there is none */
    uint64_t idle_ns; /* how long a thread waits for another job */
} pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .left = PTHREAD_COND_INITIALIZER,
    .queues = { [AC__JOB_CALL] = { .most = MOST_CALLS },
                [AC__JOB_FILE] = { .most = MOST_FILES },
                [AC__JOB_LOOKUP] = { .most = MOST_LOOKUPS } },
    .idle_ns = 5 * AC_S,
};

static void unlink_job(struct ac__job *job)
{
    struct queue *queue = &pool.queues[job->kind];
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
    else
        queue->end = job->link;
    job->link = NULL;
    queue->nqueued--;
}

/* A job that may begin, or null. The runtime's own come first: they are short, and the program waits for them. */
static struct ac__job *next_job(void)
{
    for (unsigned kind = AC__JOB_KINDS; kind-- > 0;) {
        struct queue *queue = &pool.queues[kind];
        if (queue->first != NULL && queue->nrunning < queue->most)
            return queue->first;
    }
    return NULL;
}

/* How many may begin. */
static unsigned count_due(void)
{
    unsigned n = 0;
    for (unsigned kind = 0; kind < AC__JOB_KINDS; kind++) {
        const struct queue *queue = &pool.queues[kind];
        unsigned room = queue->nrunning < queue->most ? queue->most - queue->nrunning : 0;
        n += queue->nqueued < room ? queue->nqueued : room;
    }
    return n;
}

/* Waits for a job, with the lock held. Null: the thread should leave. */
static struct ac__job *wait_for_job(void)
{
    struct ac__job *job = next_job();
    uint64_t until;
    if (job != NULL)
        return job;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (__builtin_add_overflow((uint64_t)now.tv_sec * AC_S + (uint64_t)now.tv_nsec, pool.idle_ns, &until))
        until = INT64_MAX;
    struct timespec deadline = { .tv_sec = (time_t)(until / AC_S), .tv_nsec = (long)(until % AC_S) };
    while ((job = next_job()) == NULL && pool.nusers > 0)
        if (pthread_cond_timedwait(&pool.work, &pool.lock, &deadline) == ETIMEDOUT)
            return next_job();
    return job;
}

static void take_job(struct worker *self, struct ac__job *job)
{
    self->state = BUSY;
    self->kind = job->kind;
    unlink_job(job);
    pool.queues[self->kind].nrunning++;
    pool.nfree--;
    self->next_busy = pool.busy;
    self->busy_link = &pool.busy;
    if (pool.busy != NULL)
        pool.busy->busy_link = &self->next_busy;
    pool.busy = self;
}

static void end_job(struct worker *self)
{
    if (self->state != BUSY)
        return;
    self->state = FREE;
    pool.queues[self->kind].nrunning--;
    pool.nfree++;
    *self->busy_link = self->next_busy;
    if (self->next_busy != NULL)
        self->next_busy->busy_link = self->busy_link;
}

static void *work(void *argument)
{
    struct worker *self = this_worker = argument;
    ac__thread_begin();
    pthread_mutex_lock(&pool.lock);
    for (struct ac__job *job; self->state != FORSAKEN && (job = wait_for_job()) != NULL;) {
        take_job(self, job);
        pthread_mutex_unlock(&pool.lock);
        job->run(job);
        pthread_mutex_lock(&pool.lock);
        end_job(self);
    }
    if (self->state == FORSAKEN) {
        free(self);
    } else {
        pool.nthreads--;
        pool.nfree--;
        self->next = pool.gone;
        pool.gone = self;
        pthread_cond_broadcast(&pool.left);
    }
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Takes the threads that have left, for join_all() to join once the lock is released. */
static struct worker *take_gone(void)
{
    struct worker *gone = pool.gone;
    pool.gone = NULL;
    return gone;
}

static void join_all(struct worker *gone)
{
    while (gone != NULL) {
        struct worker *next = gone->next;
        pthread_join(gone->thread, NULL);
        free(gone);
        gone = next;
    }
}

static int start_thread(void)
{
    struct worker *self = ac__sys_calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    int error = ac__thread_start(&self->thread, work, self);
    if (error != 0) {
        free(self);
        return -error;
    }
    pool.nthreads++;
    pool.nfree++;
    return 0;
}

/* As many as there are jobs that may begin. A negative errno: some couldn't be started. */
static int start_threads(void)
{
    int error = 0;
    while (error == 0 && pool.nfree < count_due())
        error = start_thread();
    return error;
}

/* An executor that has used the pool ends. */
static void release(void)
{
    pthread_mutex_lock(&pool.lock);
    if (--pool.nusers == 0) {
        for (struct worker *w = pool.busy, *next; w != NULL; w = next) {
            next = w->next_busy;
            w->state = FORSAKEN;
            pthread_detach(w->thread);
            pool.nthreads--;
            pool.queues[w->kind].nrunning--;
        }
        pool.busy = NULL;
        pthread_cond_broadcast(&pool.work);
        /* An executor that comes meanwhile keeps those that haven't left yet. */
        while (pool.nthreads > 0 && pool.nusers == 0)
            pthread_cond_wait(&pool.left, &pool.lock);
    }
    struct worker *gone = take_gone();
    pthread_mutex_unlock(&pool.lock);
    join_all(gone);
}

/* ---- forks ---- */

/* No thread of ours is there, so no job will end that was begun or queued; their threads' memory is lost. The users
 * are this thread's executors, which will release it. */
static void in_child(void)
{
    for (unsigned kind = 0; kind < AC__JOB_KINDS; kind++) {
        struct queue *queue = &pool.queues[kind];
        while (queue->first != NULL)
            unlink_job(queue->first);
        queue->nrunning = 0;
    }
    for (struct worker *w = pool.busy; w != NULL; w = w->next_busy)
        w->state = FORSAKEN; /* if it is a job that forks */
    pool.gone = pool.busy = NULL;
    pool.nthreads = pool.nfree = pool.nusers = 0;
    for (const struct ac_exec *exec = ac__seen.execs; exec != NULL; exec = exec->next_seen)
        pool.nusers += exec->release_jobs != NULL && ac__exec_is_of_thread(exec);
    pool.work = pool.left = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_BLOCKING, &pool.lock, in_child); }

static void add_counts(struct ac_counts *counts)
{
    pthread_mutex_lock(&pool.lock);
    counts->blocking_threads += pool.nthreads;
    for (unsigned kind = 0; kind < AC__JOB_KINDS; kind++)
        counts->blocking_jobs += pool.queues[kind].nqueued;
    pthread_mutex_unlock(&pool.lock);
}

int ac__job_submit(struct ac_exec *exec, struct ac__job *job, enum ac__job_kind kind)
{
    struct queue *queue = &pool.queues[kind];
    pthread_mutex_lock(&pool.lock);
    if (queue->end == NULL) {
        queue->end = &queue->first;
        atomic_store(&ac__seen.count_blocking, add_counts);
    }
    if (exec->release_jobs == NULL) {
        exec->release_jobs = release;
        pool.nusers++;
    }
    job->kind = (unsigned char)kind;
    job->next = NULL;
    job->link = queue->end;
    *queue->end = job;
    queue->end = &job->next;
    queue->nqueued++;
    int error = start_threads();
    if (error < 0 && pool.nthreads > 0)
        error = 0; /* one of the others will come to it */
    if (error < 0)
        unlink_job(job);
    else
        pthread_cond_signal(&pool.work);
    struct worker *gone = take_gone();
    pthread_mutex_unlock(&pool.lock);
    join_all(gone);
    return error;
}

bool ac__job_cancel(struct ac__job *job)
{
    pthread_mutex_lock(&pool.lock);
    bool queued = job->link != NULL;
    if (queued)
        unlink_job(job);
    pthread_mutex_unlock(&pool.lock);
    return queued;
}

void ac__job_end(unsigned char *done, struct ac_waker **waker)
{
    pthread_mutex_lock(&pool.lock);
    end_job(this_worker);
    *done = 1;
    struct ac_waker *mine = *waker;
    *waker = NULL;
    pthread_mutex_unlock(&pool.lock);
    if (mine != NULL)
        ac_wake(mine);
}

void ac__job_forget(struct ac_waker **waker)
{
    pthread_mutex_lock(&pool.lock);
    struct ac_waker *mine = *waker;
    *waker = NULL;
    pthread_mutex_unlock(&pool.lock);
    if (mine != NULL)
        ac_waker_drop(mine);
}

bool ac__job_has_ended(const unsigned char *done, struct ac_waker **waker, struct ac_waker *mine)
{
    struct ac_waker *old = NULL;
    pthread_mutex_lock(&pool.lock);
    bool has_ended = *done != 0;
    if (!has_ended && *waker != mine) {
        old = *waker;
        *waker = ac_waker_clone(mine);
    }
    pthread_mutex_unlock(&pool.lock);
    if (old != NULL)
        ac_waker_drop(old);
    return has_ended;
}

void ac__jobs_set_idle_time(uint64_t ns)
{
    pthread_mutex_lock(&pool.lock);
    pool.idle_ns = ns;
    pthread_mutex_unlock(&pool.lock);
}

int ac_blocking_set_threads(unsigned nthreads)
{
    if (nthreads < 1 || nthreads > 65535)
        return -EINVAL;
    pthread_mutex_lock(&pool.lock);
    pool.queues[AC__JOB_CALL].most = nthreads;
    start_threads(); /* for those that have waited for the limit; without, others come to them */
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    return 0;
}

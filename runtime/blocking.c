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
    MOST_THREADS = 4, /* name lookups are all there is so far, and servers don't like many at once */
    IDLE_S = 5,       /* how long a thread waits for another job */
};

struct worker {
    pthread_t thread;
    struct worker *next; /* in `gone` */
    struct worker *next_busy, **busy_link;
};

/* At file level, since threads are the process's: two executors share them. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a job, or idle threads should leave */
    pthread_cond_t left; /* an idle thread has left */
    struct ac__job *first, **end;
    struct worker *gone; /* have left, not yet joined */
    struct worker *busy; /* run a job */
    unsigned nthreads;   /* that haven't left */
    unsigned nidle;
    unsigned nqueued;
    unsigned nusers; /* executors; idle threads leave when there is none */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .left = PTHREAD_COND_INITIALIZER };

static void unlink_job(struct ac__job *job)
{
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
    else
        pool.end = job->link;
    job->link = NULL;
    pool.nqueued--;
}

/* Waits for a job, with the lock held. False: the thread should leave. */
static bool wait_for_job(void)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += IDLE_S;
    pool.nidle++;
    while (pool.first == NULL && pool.nusers > 0)
        if (pthread_cond_timedwait(&pool.work, &pool.lock, &deadline) == ETIMEDOUT)
            break;
    pool.nidle--;
    return pool.first != NULL;
}

static void *work(void *argument)
{
    struct worker *self = argument;
    ac__thread_begin();
    pthread_mutex_lock(&pool.lock);
    bool orphan = false;
    while (!orphan && (pool.first != NULL || wait_for_job())) {
        struct ac__job *job = pool.first;
        unlink_job(job);
        self->next_busy = pool.busy;
        self->busy_link = &pool.busy;
        if (pool.busy != NULL)
            pool.busy->busy_link = &self->next_busy;
        pool.busy = self;
        pthread_mutex_unlock(&pool.lock);

        job->run(job);

        pthread_mutex_lock(&pool.lock);
        orphan = self->busy_link == NULL;
        if (!orphan) {
            *self->busy_link = self->next_busy;
            if (self->next_busy != NULL)
                self->next_busy->busy_link = self->busy_link;
        }
    }
    if (orphan) { /* detached and no longer counted */
        free(self);
    } else {
        pool.nthreads--;
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
    return 0;
}

/* An executor that has used the pool ends. */
static void release(void)
{
    pthread_mutex_lock(&pool.lock);
    if (--pool.nusers == 0) {
        for (struct worker *w = pool.busy, *next; w != NULL; w = next) {
            next = w->next_busy;
            w->busy_link = NULL;
            pthread_detach(w->thread);
            pool.nthreads--;
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
    while (pool.first != NULL)
        unlink_job(pool.first);
    pool.gone = pool.busy = NULL;
    pool.nthreads = pool.nidle = pool.nusers = 0;
    for (const struct ac_exec *exec = ac__seen.execs; exec != NULL; exec = exec->next_seen)
        pool.nusers += exec->release_jobs != NULL && ac__exec_is_of_thread(exec);
    pool.work = pool.left = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_BLOCKING, &pool.lock, in_child); }

static void add_counts(struct ac_counts *counts)
{
    pthread_mutex_lock(&pool.lock);
    counts->blocking_threads += pool.nthreads;
    counts->blocking_jobs += pool.nqueued;
    pthread_mutex_unlock(&pool.lock);
}

int ac__job_submit(struct ac_exec *exec, struct ac__job *job)
{
    pthread_mutex_lock(&pool.lock);
    if (pool.end == NULL) {
        pool.end = &pool.first;
        atomic_store(&ac__seen.count_blocking, add_counts);
    }
    if (exec->release_jobs == NULL) {
        exec->release_jobs = release;
        pool.nusers++;
    }
    if (pool.nidle <= pool.nqueued && pool.nthreads < MOST_THREADS) {
        int error = start_thread();
        if (error < 0 && pool.nthreads == 0) {
            pthread_mutex_unlock(&pool.lock);
            return error;
        }
    }
    job->next = NULL;
    job->link = pool.end;
    *pool.end = job;
    pool.end = &job->next;
    pool.nqueued++;
    pthread_cond_signal(&pool.work);
    struct worker *gone = take_gone();
    pthread_mutex_unlock(&pool.lock);
    join_all(gone);
    return 0;
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

/* seen.c - the list of executors, of seen.h. */
#define _GNU_SOURCE
#include "seen.h"

#include "fork.h"

#include <unistd.h>

struct ac__seen ac__seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER };

/* Of the executors only this thread's are there to be asked for anything. */
static void in_child(void)
{
    struct ac_exec **link = &ac__seen.execs, *exec;
    while ((exec = *link) != NULL) {
        if (ac__exec_is_of_thread(exec)) {
            exec->thread = (long)gettid();
            link = &exec->next_seen;
        } else {
            *link = exec->next_seen;
        }
    }
    /* Those who waited for an answer aren't there either. */
    ac__seen.answered = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_SEEN, &ac__seen.lock, in_child); }

bool ac__lists;

void ac__exec_add_counts(const struct ac_exec *exec, struct ac_counts *counts)
{
    /* First those that have ended, so that a task that comes between makes the number alive too high and not too low. */
    uint64_t finished = ac__counted(&exec->finished), spawned = ac__counted(&exec->spawned);
    counts->tasks_spawned += spawned;
    counts->tasks_alive += spawned - finished;
    counts->polls += ac__counted(&exec->polls);
    counts->parks += ac__counted(&exec->parks);
}

void ac__exec_appear(struct ac_exec *exec)
{
    exec->thread = (long)gettid();
    pthread_mutex_lock(&ac__seen.lock);
    exec->next_seen = ac__seen.execs;
    ac__seen.execs = exec;
    pthread_mutex_unlock(&ac__seen.lock);
}

void ac__exec_disappear(struct ac_exec *exec)
{
    pthread_mutex_lock(&ac__seen.lock);
    struct ac_exec **link = &ac__seen.execs;
    while (*link != exec)
        link = &(*link)->next_seen;
    *link = exec->next_seen;
    ac__exec_add_counts(exec, &ac__seen.ended);
    pthread_mutex_unlock(&ac__seen.lock);
}

/* seen.c - the list of executors, of seen.h. */
#define _GNU_SOURCE
#include "seen.h"

#include <unistd.h>

struct ac__seen ac__seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

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

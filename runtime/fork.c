/* fork.c - see fork.h. */
#include "fork.h"

#include <stddef.h>

/* At file level, since a process has one of it. The lock is held for as long as a fork takes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    pthread_mutex_t *lock;
    void (*in_child)(void);
} parts[AC__FORK_PARTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void hold(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < AC__FORK_PARTS; i++)
        if (parts[i].lock != NULL)
            pthread_mutex_lock(parts[i].lock);
}

static void release(void)
{
    for (int i = AC__FORK_PARTS; i-- > 0;)
        if (parts[i].lock != NULL)
            pthread_mutex_unlock(parts[i].lock);
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (int i = AC__FORK_PARTS; i-- > 0;)
        if (parts[i].in_child != NULL)
            parts[i].in_child();
    release();
}

/* Without memory for that, a child may find locks held. */
static void watch_forks(void) { pthread_atfork(hold, release, in_child); }

void ac__at_fork(enum ac__fork_part part, pthread_mutex_t *its_lock, void (*its_child)(void))
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    parts[part].lock = its_lock;
    parts[part].in_child = its_child;
    pthread_mutex_unlock(&lock);
}

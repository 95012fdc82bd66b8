/* fork.c - see fork.h. */
#include "fork.h"

#include "lock.h"

#include <stddef.h>

/* At file level, since a process has one of it. The lock is held for as long as a fork takes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    pthread_mutex_t *lock;
    unsigned *word;
    void (*in_child)(void);
} parts[AC__FORK_PARTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void hold(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < AC__FORK_PARTS; i++) {
        if (parts[i].lock != NULL)
            pthread_mutex_lock(parts[i].lock);
        if (parts[i].word != NULL)
            ac__lock(parts[i].word);
    }
}

static void release(void)
{
    for (int i = AC__FORK_PARTS; i-- > 0;) {
        if (parts[i].word != NULL)
            ac__unlock(parts[i].word, 0);
        if (parts[i].lock != NULL)
            pthread_mutex_unlock(parts[i].lock);
    }
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

static void set_part(enum ac__fork_part part, pthread_mutex_t *its_lock, unsigned *its_word, void (*its_child)(void))
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    parts[part].lock = its_lock;
    parts[part].word = its_word;
    parts[part].in_child = its_child;
    pthread_mutex_unlock(&lock);
}

void ac__at_fork(enum ac__fork_part part, pthread_mutex_t *its_lock, void (*its_child)(void))
{
    set_part(part, its_lock, NULL, its_child);
}

void ac__at_fork_word(enum ac__fork_part part, unsigned *its_lock) { set_part(part, NULL, its_lock, NULL); }

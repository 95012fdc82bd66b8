/* thread.c - see thread.h.
 *
 * A child inherits the mask of the thread that forks, and keeps it when it executes another program: with all
 * signals blocked it couldn't be told to end. So in a child of one of our threads the mask is the program's again. */
#define _GNU_SOURCE
#include "thread.h"

#include "fork.h"
#include "sys.h"

#include <signal.h>
#include <stdbool.h>

/* Of the thread that started our first one. Written once, before any thread of ours is there to read it. */
static sigset_t program_mask;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool is_ours;

static void in_child(void)
{
    if (is_ours)
        pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
    is_ours = false;
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_THREAD, NULL, in_child); }

static void note_program_mask(void) { pthread_sigmask(SIG_SETMASK, NULL, &program_mask); }

int ac__thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    pthread_once(&once, note_program_mask);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = ac__sys_pthread_create(thread, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void ac__thread_begin(void) { is_ours = true; }

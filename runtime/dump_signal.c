/* dump_signal.c - listings that are asked for by a signal. The handler only posts a semaphore; a thread prints. */
#define _GNU_SOURCE
#include "fork.h"
#include "sys.h"
#include "thread.h"
#include "twin.h"

#include <ac/observe.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

/* At file level, since a handler is told nothing. The thread is never ended, so neither is this. */
static sem_t asked;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static int is_started;

static void in_child(void)
{
    is_started = 0; /* until it asks for listings itself */
}

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_DUMP, &starting, in_child); }

static void ask(int signal)
{
    (void)signal;
    int saved_errno = errno;
    sem_post(&asked);
    errno = saved_errno;
}

/* In one piece, so that what the program writes doesn't come between. */
static void print_listing(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = ac__sys_open_memstream(&text, &size);
    if (memory == NULL) {
        ac_dump_tasks(stderr);
        return;
    }
    ac_dump_tasks(memory);
    fclose(memory);
    if (text != NULL)
        fwrite(text, 1, size, stderr);
    free(text);
}

static void *print(void *unused)
{
    ac__thread_begin();
    ac__nparked++; /* it ends nobody's waiting */
    for (;;)
        if (sem_wait(&asked) == 0)
            print_listing();
    return unused;
}

static int start(void)
{
    pthread_t thread;
    if (is_started)
        return 0;
    sem_init(&asked, 0, 0);
    int error = ac__thread_start(&thread, print, NULL);
    if (error != 0)
        return -error;
    pthread_detach(thread);
    is_started = 1;
    return 0;
}

int ac_dump_on_signal(int signal)
{
    pthread_mutex_lock(&starting);
    int error = start();
    pthread_mutex_unlock(&starting);
    struct sigaction action = { .sa_handler = ask, .sa_flags = SA_RESTART };
    if (error == 0 && ac__sys_sigaction(signal, &action, NULL) < 0)
        error = -errno;
    return error;
}

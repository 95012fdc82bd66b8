/* thread.h - the runtime's own threads. They leave the program's signals to the program's threads. */
#ifndef AC__THREAD_H
#define AC__THREAD_H
#include <pthread.h>

/* Starts a thread that blocks all signals. 0 or an errno. */
int ac__thread_start(pthread_t *, void *(*run)(void *), void *argument);
/* The first thing that such a thread does. */
void ac__thread_begin(void);
#endif

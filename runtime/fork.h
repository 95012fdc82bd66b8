/* fork.h - what a child that fork() makes finds of the runtime.
 *
 *     parent:   .. | hold all | fork | release all | ..
 *     child:                         | start afresh | ..
 *
 * Of the process's threads the child has one, the one that forked. What the others were at is left as it was, at any
 * place: so whoever forks holds the locks at file level meanwhile, and what they protect is whole. In the child
 * each part forgets the threads that aren't there: there is no pool, no blocking thread, and no executor but the forking
 * thread's. What these held is lost: memory, and tasks that nobody will poll. */
#ifndef AC__FORK_H
#define AC__FORK_H
#include <pthread.h>

/* The order in which the locks are taken. Who takes two, outside of a fork, keeps it. */
enum ac__fork_part {
    AC__FORK_DUMP,
    AC__FORK_SEEN,
    AC__FORK_POOL,
    AC__FORK_POOL_REACTOR,
    AC__FORK_BLOCKING,
    AC__FORK_CLAIMS,
    AC__FORK_SIGNALS,
    AC__FORK_SLABS,
    AC__FORK_THREAD,
    AC__FORK_TWINS,
    AC__FORK_PARKED,
    AC__FORK_PARTS
};

/* By a constructor, before the part is used. @p lock is held while a fork goes on, or null; @p in_child, or null, makes
 * what the child finds right, while the lock is held still. */
void ac__at_fork(enum ac__fork_part, pthread_mutex_t *lock, void (*in_child)(void));
/* The same with a lock of lock.h's. */
void ac__at_fork_word(enum ac__fork_part, unsigned *lock);
#endif

/** @file
 *  Tasks of elided programs. For code that `asyncc --emit=elided` makes; a program has no need to call any of it.
 *
 *  A task is a thread, and one thread runs at a time: the one that has the baton. Spawning hands it to the new
 *  thread; who has to wait hands it to the next that can go on, and so does who yields or ends. Who waits for
 *  the world (time, descriptors) does so without it. If nobody can go on, and nobody waits for the world,
 *  the program is stopped, with a list of what each task waits for.
 *
 *  Each thread of the program's own that spawns has a baton for itself and its tasks, as each call of ac_block_on() is an
 *  executor. Who has one and waits in a plain call (pthread_join(), read()) stops these tasks, as it would stop the executor,
 *  but those that ac_spawn() has given to the pool for a second only: then they go on beside it.
 *
 *  A child that fork() makes has of the tasks only the one that forked. What another had finished is still there; who waits
 *  for one that hadn't is stopped likewise. */
#ifndef AC_ELIDED_TASK_H
#define AC_ELIDED_TASK_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The start of what a spawn allocates; arguments and result stand behind it. */
struct ac__twin {
    struct ac__twin *next, **link; /* in the list of all */
    struct ac__twin *next_ready;
    struct ac__baton *baton;
    struct ac__clock *clock; /* null: a pool task's, which goes by the system's */
    unsigned long long deadline_ns;
    struct ac__twin *joiner;
    void (*run)(void *);
    const char *name;
    const char *file, *waits; /* where it waits, and in what; null while it doesn't */
    int line;
    unsigned char is_over, is_detached, is_pooled;
    unsigned char is_kept; /* a future that hasn't begun */
    unsigned char is_outside; /* waits for the world */
    int spawner_errno;
    int thread;     /* its number */
    unsigned turns; /* how often it was given the baton: what its thread sleeps on */
    void *result;
};

/* Who calls a blocking twin next on this thread does it there. */
void ac__at(const char *file, int line);

/* Around a call that blocks: the other tasks run meanwhile. errno stays. */
void ac__outside_begin(void);
void ac__outside_end(void);
static inline char ac__outside_begun(void)
{
    ac__outside_begin();
    return 0;
}
static inline void ac__outside_over(char *begun)
{
    (void)begun;
    ac__outside_end();
}

/** Memory for a task, which begins with a struct ac__twin; the result stands at @p result in it, bytes. No memory is
 *  a checked stop. */
void *ac__twin_new(__SIZE_TYPE__ size, __SIZE_TYPE__ result, const char *name, void (*run)(void *), int on_pool);
/** Gives it the baton. Returns when the caller has it again. @return the handle. */
void *ac__twin_spawn(void *twin);
/** Of a task that ran at once: it is over. @return the handle. */
void *ac__twin_over(void *twin);
/** Waits until the task is over, and gives the handle back. 0; -ENOMEM for null. */
int ac__twin_join(void *twin, void *out, __SIZE_TYPE__ size);
void ac__twin_cancel(void *twin);
void ac__twin_detach(void *twin);
/** Waits likewise; the result, which stays until the thread's next one. Null stops the program. */
void *ac__twin_await(void *twin);
/** A future: nothing runs yet. @return what its variable holds. */
void *ac__twin_keep(void *twin);
/** Makes the call that the variable at @p variable keeps, if ac__twin_all() hasn't. @return the result, which stays until the
 *  thread's next one; the variable is empty then. */
void *ac__twin_take(const void *variable);
/** Has all of them run, each as a task, to their ends. */
void ac__twin_all(void **futures, __SIZE_TYPE__ n);
/** The variable's scope ends. */
void ac__twin_drop(const void *variable);
/** ac_block_on() and main end only after the local tasks of their thread. Weak, for programs that have no tasks. */
__attribute__((weak)) void ac__twin_end(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

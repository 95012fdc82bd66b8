/** @file
 *  Looking into the runtime: what it has done, and what each task waits for.
 *
 *      #include <ac/ac.h>
 *      #include <signal.h>
 *
 *      static async void serve(void)
 *      {
 *          await ac_sleep(100 * AC_MS);
 *      }
 *
 *      async int main(void)
 *      {
 *          ac_dump_on_signal(SIGUSR2);     // kill -USR2 PID lists the tasks on stderr
 *          ac_task(void) serving = ac_spawn(serve());
 *          ac_dump_tasks(stderr);          // so does this
 *          await serving;
 *      }
 *
 *  A listing looks like this, the innermost await last:
 *
 *      asyncc: executor of thread 4242: 2 tasks
 *        'main': running
 *        'handle': suspended
 *            server.ac:31: handle awaits read_line
 *            server.ac:12: read_line awaits ac_read
 *
 *  A program that calls any of this pays for it with 8 bytes for each task that sleeps, in its executor's list; of the
 *  pool's there is a list anyhow. (One that is linked with libac.so.0 always has the list.)
 *
 *  The lines come from tables that asyncc writes beside each function, in read-only memory: polls and frames
 *  know nothing of them. With `asyncc -P` there are no tables, and only names and states are shown; likewise of
 *  futures written by hand.
 *
 *  In an elided program of threads (ac/elided_task.h) these are listed, and main: each that hasn't finished, with the line where it
 *  waits for another. Of the counters only those of the tasks are kept there. */
#ifndef AC_OBSERVE_H
#define AC_OBSERVE_H
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Of all executors and the pool since the process began (of the pool: since it was started last). Each number by
 *  itself is right at some time during the call; together they belong to no one moment, unless nothing runs. */
struct ac_counts {
    unsigned executors;        /**< calls of ac_block_on, main's among them, and of ac_exec_new, not over */
    unsigned pool_threads;     /**< 0 while there is no pool                                         */
    unsigned blocking_threads; /**< that wait for a job which may block, or run one                  */
    unsigned blocking_jobs;    /**< that wait for a thread                                           */
    uint64_t tasks_spawned;    /**< what ac_block_on drives isn't counted as a task                  */
    uint64_t tasks_alive;      /**< of these, those that have not finished                           */
    uint64_t polls;            /**< of tasks and of what ac_block_on drives, cancelling included     */
    uint64_t wakes;            /**< that made an idle one ready                                      */
    uint64_t steals;           /**< times that a thread of the pool took tasks from another's queue  */
    uint64_t parks;            /**< times that a thread found nothing to do and slept                */
};

/** Reads the counters. Threads: any. Cost: a look at each thread, and two locked operations, two more for the pool
 *  and two for the threads that may block; those that count do none. */
void ac_count(struct ac_counts *);

/** Prints each task: the function's name, its state, and where it is suspended. The states are
 *
 *      queued, running, suspended          suspended or queued with "being cancelled", if it was told to end
 *      finished / cancelled, not joined    the handle has not been given back
 *
 *  The tasks of the calling thread's executor are printed by the caller, those of other executors by these, as soon as
 *  the poll that is running there is over; one that isn't within a second is said to be busy. A task
 *  of the pool is kept from being polled while it is printed. Of the pool's tasks those are listed that have been
 *  suspended before; those that have only been queued yet are counted, and those that have finished are not known any
 *  more.
 *
 *  @param out  Written to by other threads, too, during the call. (It may block: the listing is for people.)
 *  Threads: any, in async code or not; not from a signal handler. Cost: O(tasks), up to a second, and locks under
 *  which no executor or pool may begin or end; a listing is no part of what a program does often. An executor that is
 *  asked polls one more task, which is allocated; without memory for it the executor is left out. */
void ac_dump_tasks(FILE *out);

/** From now on a signal prints such a listing on stderr, from a thread of its own.
 *  @param signal  SIGUSR2 for instance; its handler is replaced. Doing it again for another signal adds that.
 *  @return 0, or a negative errno: -EINVAL for a signal that can't be caught; -EAGAIN, -ENOMEM for the thread.
 *  Threads: any. Cost: a thread the first time, which stays; one sigaction(2), two locked operations. */
int ac_dump_on_signal(int signal);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/** @file
 *  The pool: threads that share the tasks of ac_spawn().
 *
 *  The first ac_spawn() starts one thread for each core. A task may be polled by any of them, each time by
 *  another, but never by two at once; what it does before an await has happened before what
 *  it does after. An idle thread takes tasks from the queue of a busy one.
 *
 *      #include <ac/ac.h>
 *
 *      static const int v[] = { 3, 5, 7, 11, 16 };
 *
 *      static async long sum(const int *v, int n)
 *      {
 *          long sum = 0;
 *          for (int i = 0; i < n; i++)
 *              sum += v[i];
 *          return sum;
 *      }
 *
 *      async int main(void)
 *      {
 *          ac_task(long) low = ac_spawn(sum(v, 2)), high = ac_spawn(sum(v + 2, 3));
 *          return await low + await high == 42 ? 0 : 1;
 *      }
 *
 *  The task that a poll has spawned or woken last runs on the same thread when that poll is over, while its data
 *  is in the cache, or at once when that poll awaits it; the ones before it may go to other threads at once. So who
 *  spawns one task and then computes for long had better await something first, ac_yield_now() for instance.
 *
 *  The pool lives until the process ends, or until ac_pool_shutdown(). Its threads block all
 *  signals, see <ac/signal.h>.
 *
 *  What it costs, in locked operations (6 ns each; <ac/sync.h> says what isn't counted), beside those of the
 *  leaves that are awaited:
 *
 *      to spawn, by a task of the pool        0; 1 for the one spawned or woken before it, which goes to the queue
 *      to take a task from the queue          1; none for the one spawned or woken last
 *      a poll that is pending                 1; 2 if the task was woken meanwhile, which goes to the queue
 *        the first, and the end after that    4 more, for the list that ac_pool_shutdown() goes by
 *      the end of a task                      1; 2 and a wake if another waits for it
 *      to await the one spawned or woken last none; it is polled then
 *      to steal half of a queue               4
 *      to take a share of what others than the pool's threads have spawned or woken    5
 *      to sleep, and to be up again           4, two of them to look at the timers
 *      to rouse one who sleeps                1 and a write(2), whoever finds that there is work for him
 *
 *  What a wake costs is in <ac/future.h>, what spawning and joining from elsewhere do in <ac/task.h>. Every 61 polls a
 *  busy thread looks at what those outside have spawned, and if no thread sleeps at descriptors, by an epoll_wait(2).
 *
 *  The method is that of Go's scheduler (runtime/proc.go: a bounded queue for each thread, from which others steal
 *  half; a slot before it for what was made ready last; and one thread that searches before it sleeps, so that none
 *  need be woken while it does), as tokio has it, too; runtime/pool.c and runtime/ring.h say where this differs.
 *
 *  A child that fork() makes has no pool, until it spawns on one of its own; nor has it the tasks of its parent's,
 *  whose handles will never be ready there, and what they hold or wait for (a mutex, a channel) it must not use. It
 *  may use all of the runtime else, if it was made by a plain thread or by a task of the pool: which there goes on as
 *  a plain function that may call ac_block_on() and has to end by _exit() or exec; coming to an await, or to its end,
 *  is a checked stop. In an elided program the child has to do without tasks. */
#ifndef AC_POOL_H
#define AC_POOL_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How many threads the pool will have, from 1 to 1024; 0 for one per core, as is the default.
 *  @return 0; -EBUSY once the pool has been started; -EINVAL for more than 1024.
 *  Threads: any. Cost: two locked operations. */
int ac_pool_set_threads(unsigned nthreads);

/** What has been counted since the pool was started. Each number by itself is right at some time
 *  during the call; together they belong to no one moment, unless nothing runs. */
struct ac_pool_counts {
    unsigned threads;
    uint64_t spawned;  /**< tasks                                            */
    uint64_t alive;    /**< of these, those that have not finished            */
    uint64_t polls;    /**< of tasks, cancelling included                     */
    uint64_t wakes;    /**< that made an idle task ready                      */
    uint64_t steals;   /**< times that a thread took tasks from another's queue */
    uint64_t parks;    /**< times that a thread found nothing to do and slept */
    uint64_t unparks;  /**< times that one was woken for a task               */
};

/** Reads the counters; all 0 while there is no pool. Threads: any. Cost: two locked operations, and a look at each
 *  thread; those that count do none for it. */
void ac_pool_count(struct ac_pool_counts *);

/** Ends the pool: from now on ac_spawn() gives tasks that are cancelled before they begin; all that
 *  there are are cancelled; when the last is over the threads end. The next ac_spawn() starts a new pool.
 *
 *  @param deadline_ns  how long to wait for the tasks, in nanoseconds from now.
 *  @return 0, also when there is no pool. -ETIMEDOUT: tasks remain, which are named on stderr,
 *          with what each is doing; the pool goes on waiting for them and takes no new ones, and the
 *          call may be repeated. -EALREADY: another thread is at it.
 *
 *  Threads: any but the pool's own, where it is a checked stop. It blocks, with no regard to async code. Cost: for each
 *  task that is alive a wake, for each thread the end of it. */
int ac_pool_shutdown(uint64_t deadline_ns);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

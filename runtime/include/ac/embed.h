/** @file
 *  Async code in a program that has an event loop already: an executor that the loop drives.
 *
 *  ac_block_on() has the thread to itself until all is done. Where a toolkit's loop, libuv's, GLib's or one by hand,
 *  has the thread, it watches one descriptor for the executor and runs it when that is readable or its deadline has
 *  come:
 *
 *      #include <ac/ac.h>
 *      #include <poll.h>
 *
 *      static async void serve(int n)
 *      {
 *          while (n-- > 0)
 *              await ac_sleep(10 * AC_MS);
 *      }
 *
 *      int main(void)
 *      {
 *          struct ac_exec *exec = ac_exec_new();
 *          if (exec == NULL)
 *              return 1;
 *          ac_exec_enter(exec);
 *          ac_detach(ac_spawn_local(serve(3)));    // in an .ac file; plain C calls ac_task_spawn_local()
 *          ac_exec_leave(exec);
 *
 *          struct pollfd watched = { .fd = ac_exec_fd(exec), .events = POLLIN };
 *          while (ac_exec_tasks(exec) > 0) {
 *              poll(&watched, 1, ac_exec_timeout_ms(exec));
 *              ac_exec_run(exec);
 *          }
 *          ac_exec_free(exec);                     // ac_exec_shutdown() goes first, where tasks may be left
 *          return 0;
 *      }
 *
 *  A process may have any number of them, on one thread or on many, and run ac_block_on() and the pool beside them. An
 *  executor belongs to the thread that made it: all calls here but ac_exec_fd() are that thread's, in any other they
 *  are a checked stop. Wakes may come from everywhere, and make the descriptor readable. Tasks of several executors
 *  may wait for each other by what <ac/sync.h> and <ac/channel.h> have.
 *
 *  With libuv: a uv_poll_t for the descriptor, and a uv_prepare_t that runs the executor and starts a uv_timer_t with
 *  its timeout. With GLib: a GSource whose prepare tells the timeout, whose check asks whether the descriptor is
 *  ready or the deadline has come, and whose dispatch runs the executor.
 *
 *  Cost: no entry that doesn't say so has a locked operation (6 ns each; see <ac/sync.h>), a system call or an
 *  allocation. A wake that comes while the loop has the thread is a write(2), for the first of them. */
#ifndef AC_EMBED_H
#define AC_EMBED_H
#include <ac/task.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Makes an executor for the calling thread, without tasks.
 *  @return null and errno, when there is no memory or no descriptor to be had (ENOMEM, EMFILE, ENFILE, ENOSPC).
 *  Threads: any, for any number of them. Cost: two allocations, four system calls and three locked operations. */
struct ac_exec *ac_exec_new(void);

/** Frees it. Its tasks have to have ended: any that is left is named on stderr, and a checked stop, since one that is
 *  suspended holds things that only its being cancelled, and run, gives back: ac_exec_shutdown(). Handles of its tasks
 *  are no good afterwards. From async code, or while one is entered: a checked stop.
 *  Cost: seven locked operations, and two system calls (later, if somebody still has a waker of its tasks); the last
 *  executor that has had jobs on threads that may block waits for those threads to leave. */
void ac_exec_free(struct ac_exec *);

/** Begins its end: all its tasks are cancelled, and those that are spawned on it from now on are before they begin. It
 *  returns at once; the loop goes on running the executor, and may free it when ac_exec_tasks() is 0. What a task
 *  awaits while it cleans up goes on as ever. Called from async code, or while it is entered: a checked stop. */
void ac_exec_cancel(struct ac_exec *);

/** The same, and drives it until all its tasks have ended, however long the foreign loop has to wait for that.
 *
 *  @param deadline_ns  how long, in nanoseconds from now. A test's paused clock jumps, as in ac_block_on().
 *  @return 0: it may be freed. -ETIMEDOUT: tasks remain, which are named on stderr, with what each is doing; the
 *          executor may be run on, and the call repeated. */
int ac_exec_shutdown(struct ac_exec *, uint64_t deadline_ns);

/** Makes it the one to which ac_spawn_local() gives tasks, from code that is no task, until ac_exec_leave();
 *  ac_detach() and ac_exec_try_join() are for between the two as well, and ac_close() of a descriptor for which its
 *  tasks wait. From async code, or while any is entered: a checked stop. */
void ac_exec_enter(struct ac_exec *);
/** Ends that. If there is something to run now, the descriptor is readable: by a write(2). One that isn't entered: a
 *  checked stop. */
void ac_exec_leave(struct ac_exec *);

/** Runs what is ready, without blocking, for a turn of 64 polls at most, and of what these await and is next: so the
 *  loop has its own turn in time. Fires the timers that are due and takes what is known of descriptors.
 *  @return true if something is ready still, and the loop should run it again before it sleeps: then
 *          ac_exec_timeout_ms() is 0. From async code, or while one is entered: a checked stop.
 *  Cost: an epoll_wait(2), two locked operations, and those of wakes from other threads, see <ac/future.h>. */
bool ac_exec_run(struct ac_exec *);

/** What the loop watches, for reading: readable when there is something to run, unless it is a timer or was
 *  said by ac_exec_run() already. Level-triggered: it stays so until ac_exec_run(). Only to be watched; it belongs
 *  to the executor. Threads: any. */
int ac_exec_fd(const struct ac_exec *);

/** When the executor has to be run at the latest, on the clock of ac_now(); 0: at once, UINT64_MAX: at no time. To
 *  be asked after each ac_exec_run(). A test's paused clock doesn't move by itself here. */
uint64_t ac_exec_deadline(const struct ac_exec *);
/** The same from now on, by the thread's clock, in milliseconds and rounded up, as poll(2) has it: 0 at once, -1 at
 *  no time. */
int ac_exec_timeout_ms(const struct ac_exec *);

/** How many of its tasks have not ended. */
size_t ac_exec_tasks(const struct ac_exec *);

/** The end of a task of the executor that is entered, if it has come: then its result has been copied to @p out, unless
 *  that is null, and the handle is given back.
 *  @return 0; -ECANCELED, as ac_join(); -EAGAIN if it has not ended, and nothing has changed; -ENOMEM for a null
 *          handle. A task of another executor or the pool: a checked stop. */
int ac_exec_try_join(ac_task__any task, void *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

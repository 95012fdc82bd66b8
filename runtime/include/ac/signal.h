/** @file
 *  Signals as futures: a server that ends when it is told to.
 *
 *      #include <ac/ac.h>
 *      #include <signal.h>
 *
 *      static async void serve(void)
 *      {
 *          for (;;)
 *              await ac_sleep(AC_S);                // accepts and answers
 *      }
 *
 *      async int main(void)
 *      {
 *          struct ac_signals stop;
 *          if (ac_signals_open(&stop, AC_SIGNAL(SIGINT) | AC_SIGNAL(SIGTERM)) < 0)
 *              return 1;
 *          ac_task(void) server = ac_spawn_local(serve());
 *          await ac_signals_next(&stop);
 *          ac_signals_close(&stop);                 // a second ^C ends the program as ever
 *          await ac_cancel(server);
 *          return 0;
 *      }
 *
 *  Whoever wants signals opens a *registration*, for one or several numbers. From then on a signal of these
 *  numbers does not what it did; it is noted in each registration that wants it, whether or not somebody waits
 *  just then. As the kernel does, a registration notes a number once, however often it comes before it is taken.
 *
 *  The first registration for a number installs a handler, for the process; the last to be closed puts back what there
 *  was before (so a signal that is ignored, as under nohup, is ignored again), unless the program has installed another
 *  meanwhile. That handler adds to one word and writes to an eventfd which every executor that waits watches; no
 *  thread is blocked from signals for it, as signalfd(2) would ask of all, and their children inherit no mask.
 *  System calls are restarted (SA_RESTART). A signal that every thread has blocked never comes.
 *
 *  The runtime's own threads block all signals: the program's receive them. A child that fork() makes in a task of the
 *  pool has the mask of the thread by which the runtime's first was started; one by posix_spawn() or vfork() gets
 *  that of the pool's thread, unless it is told another (POSIX_SPAWN_SETSIGMASK). */
#ifndef AC_SIGNAL_H
#define AC_SIGNAL_H
#include <ac/future.h>
#include <ac/io.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A set of one signal, from 1 to 64; sets are joined by |. */
#define AC_SIGNAL(number) (UINT64_C(1) << ((number) - 1))

/** A registration, in the caller's storage, which keeps its address while it is open. */
struct ac_signals {
    struct ac_signals *next, **link; /* in the list of all that are open     */
    uint64_t wanted, pending;        /* sets                                  */
};

/** Opens a registration for the signals of @p wanted.
 *
 *  @return 0. -EINVAL: the set is empty, or has one that can't be waited for: SIGKILL, SIGSTOP, those that tell of
 *          a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL), or the C library's own. -EMFILE, -ENFILE, -ENOMEM: for the
 *          first one, which needs a descriptor. Then nothing has changed.
 *
 *  Threads: any. Cost: a system call for each number that no other registration wants; two locked operations, three
 *  for the process's first. */
int ac_signals_open(struct ac_signals *, uint64_t wanted);

/** Closes it. What it had noted and nobody has taken is dropped. Nobody may wait for it; one that is closed
 *  already is a checked stop. Threads: any. Cost: two system calls for each number that no other registration wants;
 *  two locked operations, three if a signal has come that nobody has looked at. */
void ac_signals_close(struct ac_signals *);

/** Takes a signal if one has come: its number, the lowest of several; else -EAGAIN. From one that is closed: a checked
 *  stop. Threads: any. Cost: two locked operations, three if a signal has come since anyone looked. */
int ac_signals_try(struct ac_signals *);

struct ac_signals_next__frame {
    struct ac__io_wait wait;
    struct ac_signals *signals;
    int result;
    unsigned char state;
};

/** Waits for a signal and takes it. Of several that wait for one registration, one gets it.
 *
 *  @return its number; -EMFILE, -ENFILE, -ENOMEM, -ENOSPC if the executor couldn't watch for it, see <ac/io.h>.
 *
 *  Cancelling: at once; nothing is lost, what comes later is noted. Threads: any, for tasks of the runtime's executors;
 *  polled on one from its start to its end.
 *
 *  Cost: for each look two locked operations, three if a signal has come since anyone looked; in the pool three more
 *  to wait, two when it is woken, two to cancel. An executor's first wait allocates, as <ac/io.h> says, and nothing
 *  else does. A signal that comes wakes every task that waits for any, and each looks; the handler has two and two
 *  system calls. */
AC_ASYNC int ac_signals_next(struct ac_signals *) AC_FRAME(struct ac_signals_next__frame);
void ac_signals_next__init(struct ac_signals_next__frame *, struct ac_signals *);
enum ac_poll ac_signals_next__start(struct ac_signals_next__frame *, struct ac_context *, struct ac_signals *);
enum ac_poll ac_signals_next__poll(struct ac_signals_next__frame *, struct ac_context *);
enum ac_poll ac_signals_next__cancel(struct ac_signals_next__frame *, struct ac_context *);

struct ac_signal__frame {
    struct ac_signals signals;
    struct ac_signals_next__frame next;
    int number, result;
    unsigned char state;
};

/** Waits for the signal @p number once, with a registration that is opened when the future is first polled and
 *  closed when it is over: for who waits all along. One that comes before or after does what it did.
 *
 *  @return @p number, or an error of ac_signals_open() or ac_signals_next().
 *
 *  Cancelling: at once; what has come meanwhile is dropped. Threads: as ac_signals_next(). Cost: that of
 *  ac_signals_open(), ac_signals_next() and ac_signals_close(). */
AC_ASYNC int ac_signal(int number) AC_FRAME(struct ac_signal__frame);
void ac_signal__init(struct ac_signal__frame *, int number);
enum ac_poll ac_signal__start(struct ac_signal__frame *, struct ac_context *, int number);
enum ac_poll ac_signal__poll(struct ac_signal__frame *, struct ac_context *);
enum ac_poll ac_signal__cancel(struct ac_signal__frame *, struct ac_context *);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

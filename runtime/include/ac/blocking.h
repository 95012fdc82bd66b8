/** @file
 *  Plain functions that block, called from async code.
 *
 *  `T await ac_spawn_blocking(fn, argument)` calls `T fn(A)` with the argument on a thread that may block, and is what it
 *  returns. Other tasks of the executor run meanwhile; how many such calls run at once is limited, what exceeds that
 *  waits its turn:
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *
 *      static int lines(const char *path)      // a plain function, which blocks
 *      {
 *          FILE *file = fopen(path, "r");
 *          int c, n = 0;
 *          while (file != NULL && (c = getc(file)) != EOF)
 *              n += c == '\n';
 *          if (file != NULL)
 *              fclose(file);
 *          return n;
 *      }
 *
 *      async int main(int argc, char **argv)
 *      {
 *          ac_future(int) first = ac_spawn_blocking(lines, argv[0]), last = ac_spawn_blocking(lines, argv[argc - 1]);
 *          await ac_all(first, last);          // each on a thread
 *          printf("%d\n", await first + await last);
 *          return 0;
 *      }
 *
 *  It is for calls that wait (for files, for a library that knows no better) and for long computations. A call costs some
 *  microseconds, so what takes less is better called where it stands.
 *
 *  The threads are the process's, shared by all executors. One is started when a call finds none idle, up to the limits: so
 *  many for the program's calls (ac_blocking_set_threads()), and others for what the runtime itself does that blocks, so
 *  that neither waits for the other: 4 for looking up names, 32 for regular files. A thread that has had nothing to do for
 *  five seconds leaves; all do when the last executor that has used them ends. They block all signals. */
#ifndef AC_BLOCKING_H
#define AC_BLOCKING_H
#include <ac/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#ifdef __ASYNCC__
/** Calls `T fn(A)` with @p argument on a thread that may block: a future of T. Await it, keep it, or spawn it; elsewhere, by
 *  ac_block_on().
 *
 *  @param fn        A plain function of one parameter, or a pointer to one. Both operands are evaluated, and the argument
 *                   is converted to the parameter's type, where the call stands.
 *  @param argument  Stands in the future's frame. What it points to has to stay until the future is finished: a
 *                   local of the awaiting function's does.
 *  @return what fn returns. errno is the task's: fn finds what the task had in it, and the task what fn left.
 *
 *  Errors: none of its own. Where not a single thread can be started, fn is called on the calling thread, which it
 *  blocks. Types that no name at file level stands for are refused at compile time.
 *  Threads: fn runs on another thread than its caller, beside all other tasks: what it shares with them needs a lock.
 *  Cancelling: a call that still waits for a thread is taken back, and never made. One that has begun can't be stopped:
 *  the cancelled future waits for its end, and the value is lost.
 *  Cost: no allocation; two switches of threads. A frame of 64 bytes, the argument and the result. */
#define ac_spawn_blocking(fn, ...)                                                                         \
    (*(__typeof__((fn)(__VA_ARGS__)) *)ac__parse_blocking(((void)(fn)(__VA_ARGS__), 0)))
void *ac__parse_blocking(int);
#endif

/* A job of the threads', a part of what waits for it. See runtime/blocking.h. */
struct ac__job {
    struct ac__job *next, **link;
    void (*run)(struct ac__job *);
    unsigned char kind;
};

struct ac_run_blocking__frame {
    struct ac__job job;
    void (*run)(void *);
    void *argument;
    struct ac_waker *waker; /* a clone; the thread's from when it begins until done */
    int saved_errno;        /* the task's, while the call lasts fn's                */
    unsigned char begun;    /* not 0: the job has been handed over, it is pinned    */
    unsigned char done;
};

/** The same for plain C, and for what asyncc makes of ac_spawn_blocking(): calls @p run with @p argument on a thread that
 *  may block. What it points to has to stay until the future is finished. The rest is as above. */
AC_ASYNC void ac_run_blocking(void (*run)(void *), void *argument) AC_FRAME(struct ac_run_blocking__frame);
void ac_run_blocking__init(struct ac_run_blocking__frame *, void (*run)(void *), void *argument);
enum ac_poll ac_run_blocking__start(struct ac_run_blocking__frame *, struct ac_context *, void (*run)(void *), void *argument);
enum ac_poll ac_run_blocking__poll(struct ac_run_blocking__frame *, struct ac_context *);
/* Polls with an argument in place of init's: a frame around this one has its address from the first poll on. */
enum ac_poll ac_run_blocking__drive(struct ac_run_blocking__frame *, struct ac_context *, void *argument);
enum ac_poll ac_run_blocking__cancel(struct ac_run_blocking__frame *, struct ac_context *);

/** How many calls of the program's run at once, from 1 to 65535; 512 unless this is called. Looking up names and regular
 *  files have limits of their own. When it is lowered, calls that run go on.
 *  @return 0; -EINVAL, and nothing has changed.
 *  Threads: any, at any time. */
int ac_blocking_set_threads(unsigned nthreads);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/** @file
 *  Time: sleeping, and the clock that sleeping goes by.
 *
 *  Times are nanoseconds, in uint64_t, on a clock that never goes back (CLOCK_MONOTONIC). Sleeps
 *  end on whole ticks of 1 ms, rounded up: never early, and up to 2 ms late on an idle machine.
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *
 *      async int main(void)
 *      {
 *          uint64_t start = ac_now();
 *          await ac_sleep(250 * AC_MS);
 *          printf("%d ms\n", (int)((ac_now() - start) / AC_MS));
 *      }
 *
 *  In a test nobody wants to wait: after ac_clock_pause() the clock of the thread stands still, and
 *  jumps to the next sleeper's deadline whenever there is nothing else to do. */
#ifndef AC_TIME_H
#define AC_TIME_H
#include <ac/future.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Units, to be multiplied: 10 * AC_MS. */
#define AC_NS 1ull
#define AC_US 1000ull
#define AC_MS 1000000ull
#define AC_S 1000000000ull

/** The time now, by the calling thread's clock. Only differences mean something.
 *  Threads: any. Cost: one clock_gettime, which is no system call as a rule. */
uint64_t ac_now(void);

/* One armed timer; belongs to the runtime. It keeps its address while it is armed. */
struct ac__timer {
    struct ac__timer *next, **link; /* in the list of its slot; link is what points here */
    struct ac_waker *waker;         /* borrowed from the context of the last poll        */
    uint64_t tick;                  /* when it is due, in ms                             */
    unsigned short slot;            /* of the wheel                                      */
    unsigned char armed;
};

struct ac_sleep__frame {
    struct ac__timer timer;
    unsigned char state;
    uint64_t duration_ns;
};

/** Lets @p duration_ns nanoseconds pass, counted from where the sleep starts. 0 is over at once.
 *
 *  Cancelling: at once; nothing is lost. Threads: the task's own. Cost: O(1), no allocation;
 *  hierarchical wheel (Varghese and Lauck, SOSP 1987, scheme 7). A first sleep for whose wheel
 *  there is no memory is a checked stop. */
AC_ASYNC void ac_sleep(uint64_t duration_ns) AC_FRAME(struct ac_sleep__frame);
void ac_sleep__init(struct ac_sleep__frame *, uint64_t duration_ns);
enum ac_poll ac_sleep__start(struct ac_sleep__frame *, struct ac_context *, uint64_t duration_ns);
enum ac_poll ac_sleep__poll(struct ac_sleep__frame *, struct ac_context *);
enum ac_poll ac_sleep__cancel(struct ac_sleep__frame *, struct ac_context *);

/** For tests: stops the clock of the calling thread. From now on the time moves only by
 *  ac_clock_advance(), and by itself, to the next timer, when no task of the thread is ready, no
 *  descriptor that one waits for is ready, and no other thread is at work for one. */
void ac_clock_pause(void);

/** Moves a paused clock forward; timers that fall due fire on the executor's next turn. A clock
 *  that is not paused: a checked stop. */
void ac_clock_advance(uint64_t duration_ns);

/** Ends ac_clock_pause(). Time goes on from where the paused clock stands. */
void ac_clock_resume(void);

#ifdef __cplusplus
}
#endif
#endif

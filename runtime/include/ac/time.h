/** @file
 *  Time: sleeping, intervals, and the clock that both go by.
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
 *  jumps to the next sleeper's deadline whenever there is nothing else to do.
 *
 *  Sleeping is for tasks of the runtime's executors: a future that is polled elsewhere, or on another thread than its
 *  executor's, is a checked stop.
 *
 *  Cost, of what sleeps: O(1), no allocation; hierarchical wheel (Varghese and Lauck, SOSP 1987, scheme 7). On a
 *  thread's own executor no locked operation, and its first sleep allocates the wheel, of 18 kB. In the pool, whose
 *  wheel all of its threads share, two to fall asleep, two to be cancelled, none to wake up but for the wake; whoever
 *  turns the wheel has two for all that are due. If the sleep is to end before all others there, while any thread of
 *  the pool sleeps, there is a timerfd_settime(2). */
#ifndef AC_TIME_H
#define AC_TIME_H
#include <ac/future.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

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
    struct ac__timer *next, **link; /* in the list of its slot; link is what points here   */
    struct ac_waker *waker;         /* borrowed from the context of the last poll          */
    union {
        uint64_t tick;      /* when it is due, in ms                                       */
        uint64_t wanted_ns; /* before it is armed: what the leaf was asked for             */
    };
    unsigned short slot; /* of the wheel                                                   */
    unsigned char armed;
    unsigned char state; /* the leaf's, of which this is the frame                         */
};

struct ac_sleep__frame {
    struct ac__timer timer;
};

/** Lets @p duration_ns nanoseconds pass, counted from where the sleep starts. 0 is over at once.
 *
 *  Cancelling: at once; nothing is lost. Threads and cost: as said above. A first sleep for whose wheel
 *  there is no memory is a checked stop. */
AC_ASYNC void ac_sleep(uint64_t duration_ns) AC_FRAME(struct ac_sleep__frame)
    AC_FRAME_USED(__builtin_offsetof(struct ac_sleep__frame, timer.state) + 1);
void ac_sleep__init(struct ac_sleep__frame *, uint64_t duration_ns);
enum ac_poll ac_sleep__start(struct ac_sleep__frame *, struct ac_context *, uint64_t duration_ns);
enum ac_poll ac_sleep__poll(struct ac_sleep__frame *, struct ac_context *);
enum ac_poll ac_sleep__cancel(struct ac_sleep__frame *, struct ac_context *);

struct ac_sleep_until__frame {
    struct ac__timer timer;
};

/** Sleeps until ac_now() has reached @p deadline_ns: work between two sleeps doesn't add up, as it would with
 *  ac_sleep(). A deadline that has passed is over at once; UINT64_MAX never comes.
 *
 *  Cancelling: at once; nothing is lost. All else is as for ac_sleep(). */
AC_ASYNC void ac_sleep_until(uint64_t deadline_ns) AC_FRAME(struct ac_sleep_until__frame)
    AC_FRAME_USED(__builtin_offsetof(struct ac_sleep_until__frame, timer.state) + 1);
void ac_sleep_until__init(struct ac_sleep_until__frame *, uint64_t deadline_ns);
enum ac_poll ac_sleep_until__start(struct ac_sleep_until__frame *, struct ac_context *, uint64_t deadline_ns);
enum ac_poll ac_sleep_until__poll(struct ac_sleep_until__frame *, struct ac_context *);
enum ac_poll ac_sleep_until__cancel(struct ac_sleep_until__frame *, struct ac_context *);

/** What an interval does about a tick that was taken late, by more than 5 ms: when the ones after it are due.
 *  With a period of 100 ms, and the tick of 200 taken at 450:
 *
 *      AC_MISSED_BURST   300, 400 (both at once), 500, 600   none is left out, the pace is caught up with
 *      AC_MISSED_DELAY   550, 650, 750                       from now on, a period apart at the least
 *      AC_MISSED_SKIP    500, 600, 700                       what was missed is left out, the pace is kept */
enum ac_missed { AC_MISSED_BURST, AC_MISSED_DELAY, AC_MISSED_SKIP };

/** Something that is due again and again. A plain value: nothing is armed between two ticks, and it may be moved
 *  then; there is nothing to be given back. For one task at a time.
 *
 *      struct ac_interval every;
 *      ac_interval_init(&every, ac_now(), 100 * AC_MS, AC_MISSED_SKIP);
 *      for (int i = 0; i < 10; i++) {
 *          await ac_interval_tick(&every);      // the first at once
 *          sample(sensor);
 *      } */
struct ac_interval {
    uint64_t next_ns; /**< when the next tick is due, on the clock of ac_now() */
    uint64_t period_ns;
    enum ac_missed missed;
};

/** The first tick is due at @p first_ns, one that has passed at once, and the others @p period_ns apart from there.
 *  A period of 0 is a checked stop. Threads: any, before others know of it. Cost: none. */
void ac_interval_init(struct ac_interval *, uint64_t first_ns, uint64_t period_ns, enum ac_missed missed);

/** The next tick will be due a whole period from now, by the calling thread's clock, and the others from there.
 *  Threads: any, while nobody waits for a tick of it. Cost: that of ac_now(). */
void ac_interval_reset(struct ac_interval *);

struct ac_interval_tick__frame {
    struct ac__timer timer;
    struct ac_interval *interval;
    uint64_t result;
};

/** Waits for the next tick, and gives the time at which it was due, on the clock of ac_now(): when it comes, it is
 *  later than that by what a sleep may be late.
 *
 *  @param interval  the caller's; it changes as the tick is taken.
 *
 *  Cancelling: at once; the tick stays due. Threads: as ac_sleep(), one at a time for each interval. Cost: that of a
 *  sleep, of none if the tick is due, and two ac_now(). */
AC_ASYNC uint64_t ac_interval_tick(struct ac_interval *interval) AC_FRAME(struct ac_interval_tick__frame);
void ac_interval_tick__init(struct ac_interval_tick__frame *, struct ac_interval *interval);
enum ac_poll ac_interval_tick__start(struct ac_interval_tick__frame *, struct ac_context *,
                                     struct ac_interval *interval);
enum ac_poll ac_interval_tick__poll(struct ac_interval_tick__frame *, struct ac_context *);
enum ac_poll ac_interval_tick__cancel(struct ac_interval_tick__frame *, struct ac_context *);

/** For tests: stops the clock of the calling thread. From now on the time moves only by
 *  ac_clock_advance(), and by itself, to the next timer, when no task of the thread is ready, no
 *  descriptor that one waits for is ready, and no other thread is at work for one.
 *
 *  The pool goes by the system's clock: one of its tasks that is asleep is at work for a task of this thread only if
 *  that waits for it, in ac_join() for instance; else the clock jumps over it. In a task of the pool this is a
 *  checked stop. Paused already: it stays so. Threads: any other, each for itself. Cost: that of ac_now(). */
void ac_clock_pause(void);

/** Moves a paused clock forward; timers that fall due fire on the executor's next turn. A clock
 *  that is not paused: a checked stop. The sum isn't checked: what is above UINT64_MAX begins again at 0, and the clock
 *  has gone back. Threads: any, each for itself. Cost: none. */
void ac_clock_advance(uint64_t duration_ns);

/** Ends ac_clock_pause(). Time goes on from where the paused clock stands. No effect if it isn't paused. Threads:
 *  any, each for itself. Cost: that of ac_now(). */
void ac_clock_resume(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

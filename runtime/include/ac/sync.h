/** @file
 *  Tasks that wait for each other: semaphores, mutexes, notifications.
 *
 *  Each is a few words of the caller's, initialised by its macro or where it stands, that need no
 *  destruction, and keep their address while anyone uses them. Any thread may use them, whichever executor
 *  its tasks run on, and waiting allocates nothing. First come is first served: who comes
 *  while others wait goes behind them, so nobody starves.
 *
 *      #include <ac/ac.h>
 *      #include <stdbool.h>
 *      #include <stdio.h>
 *
 *      struct account { struct ac_mutex lock; long balance; };
 *
 *      static async int log_withdrawal(long amount)
 *      {
 *          char line[32];
 *          return await ac_write_all(1, line, (size_t)snprintf(line, sizeof line, "-%ld\n", amount));
 *      }
 *
 *      static async int withdraw(struct account *account, long amount)
 *      {
 *          await ac_mutex_lock(&account->lock);
 *          bool done = account->balance >= amount && await log_withdrawal(amount) == 0;
 *          if (done)
 *              account->balance -= amount;
 *          ac_mutex_unlock(&account->lock);
 *          return done ? 0 : -1;
 *      }
 *
 *      async int main(void)
 *      {
 *          static struct account account = { AC_MUTEX_INIT, 100 };
 *          ac_task(int) first = ac_spawn(withdraw(&account, 70)), second = ac_spawn(withdraw(&account, 70));
 *          return await first + await second == -1 ? 0 : 1; // one of the two
 *      }
 *
 *  A lock that is held across no await had better be a thread's, pthread_mutex_t; these are for the
 *  others. Who takes one sees all that was written before it was given.
 *
 *  Threads: any, in async code or not, unless an entry says otherwise. What waits is awaited, on any executor, and
 *  polled on one thread at a time.
 *
 *  The cost of each operation is given in locked operations of the processor, which are most of it where
 *  several threads are at work (6 ns each, or many times that if another core has just used the
 *  word). A process that has one thread pays for none of them. They are those of the usual case: who meets another
 *  thread at the same word tries again, or spins, and sleeps in the end. What a wake adds is in <ac/future.h>. Not
 *  counted, here and in the other headers, is what the C library adds: glibc has two for each malloc() or free() that
 *  its thread's cache can't serve, and two around each system call that is a point of cancellation (write, poll,
 *  connect).
 *
 *  The methods: semaphores that hand permits to the first who waits are Dijkstra's ("Cooperating sequential
 *  processes", EWD 123, 1965), the lock around the queue is mutex 3 of Drepper's "Futexes are tricky" (2011). One
 *  word holds the permits, whether anyone waits, and the lock, so that nobody takes the lock while nobody waits.
 *
 *  In an elided program the awaited operations are functions that block the thread. They may also be called
 *  from threads that run no async code. In a process that has one thread nobody could ever wake them:
 *  then waiting is a checked stop, and so it is from inside async code, whose executor would stand still. */
#ifndef AC_SYNC_H
#define AC_SYNC_H
#include <ac/wait.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- semaphores ---- */

/** A number of permits. */
struct ac_semaphore {
    unsigned word; /* the permits, whether anyone waits, and the lock */
    struct ac__waiters waiters;
};

/** The most permits that there can be. */
#define AC_SEMAPHORE_MOST ((1u << 29) - 1)

/** For static ones, and compound literals. */
#define AC_SEMAPHORE_INIT(permits)                                                                     \
    {                                                                                                  \
        (unsigned)(permits) << 3, { 0, 0 }                                                             \
    }
/** Before anyone else knows of it.
 *  @param permits  at most AC_SEMAPHORE_MOST, else a checked stop. Cost: no locked operation. */
void ac_semaphore_init(struct ac_semaphore *, unsigned permits);

struct ac_semaphore_acquire__frame {
    struct ac_semaphore *semaphore;
    struct ac__waiter wait;
};

/** Takes @p permits at once, and waits until there are so many. The first who waits holds up all
 *  others, however few they want.
 *
 *  @param permits  at most AC_SEMAPHORE_MOST, else a checked stop. 0: waits until those who wait already have theirs.
 *
 *  Cancelling: at once; what is lost is the place in the queue: permits that it has been given meanwhile go to the
 *  next.
 *  Cost: O(1); one locked operation. If it has to wait, two to queue up, and none when it is woken. Two to cancel one
 *  that waits. */
AC_ASYNC void ac_semaphore_acquire(struct ac_semaphore *, unsigned permits)
    AC_FRAME(struct ac_semaphore_acquire__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_semaphore_acquire__frame, wait));
void ac_semaphore_acquire__init(struct ac_semaphore_acquire__frame *, struct ac_semaphore *, unsigned permits);
enum ac_poll ac_semaphore_acquire__start(struct ac_semaphore_acquire__frame *, struct ac_context *,
                                         struct ac_semaphore *, unsigned permits);
enum ac_poll ac_semaphore_acquire__poll(struct ac_semaphore_acquire__frame *, struct ac_context *);
enum ac_poll ac_semaphore_acquire__cancel(struct ac_semaphore_acquire__frame *, struct ac_context *);

/** As ac_semaphore_acquire() where that would not wait.
 *  @return 0; -EAGAIN if there are too few permits or others wait, and nothing has changed.
 *  Cost: one locked operation if they are taken, none if not; two in either case if another thread is just queueing
 *  up. */
int ac_semaphore_try_acquire(struct ac_semaphore *, unsigned permits);

/** Gives back @p permits, or adds them: nobody needs to have taken them. More than AC_SEMAPHORE_MOST in
 *  all: a checked stop.
 *  Cost: one locked operation; two and the wakes, if someone waits. O(1) for each who is woken. */
void ac_semaphore_release(struct ac_semaphore *, unsigned permits);

/** How many permits there are now. Other threads may change that at any time. Cost: none. */
unsigned ac_semaphore_permits(const struct ac_semaphore *);

/* ---- mutexes ---- */

/** A lock that tasks can hold across awaits. Unlocking gives it to the first who waits. */
struct ac_mutex {
    struct ac_semaphore one;
};

#define AC_MUTEX_INIT                                                                                  \
    {                                                                                                  \
        AC_SEMAPHORE_INIT(1)                                                                           \
    }
/** A mutex that nobody holds; before anyone else knows of it. */
void ac_mutex_init(struct ac_mutex *);

struct ac_mutex_lock__frame {
    struct ac_semaphore_acquire__frame acquire;
};

/** Waits until the lock is the caller's. A task that locks what it has locked waits for ever.
 *
 *  Cancelling: at once; what is lost is the place in the queue, and a lock that it has been given meanwhile goes to
 *  the next. Cost: as ac_semaphore_acquire(). */
AC_ASYNC void ac_mutex_lock(struct ac_mutex *)
    AC_FRAME(struct ac_mutex_lock__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_mutex_lock__frame, acquire.wait));
void ac_mutex_lock__init(struct ac_mutex_lock__frame *, struct ac_mutex *);
enum ac_poll ac_mutex_lock__start(struct ac_mutex_lock__frame *, struct ac_context *, struct ac_mutex *);
enum ac_poll ac_mutex_lock__poll(struct ac_mutex_lock__frame *, struct ac_context *);
enum ac_poll ac_mutex_lock__cancel(struct ac_mutex_lock__frame *, struct ac_context *);

/** As ac_mutex_lock() where that would not wait.
 *  @return 0: locked; -EAGAIN: it is held, by the caller perhaps. Cost: as ac_semaphore_try_acquire(). */
int ac_mutex_try_lock(struct ac_mutex *);

/** Who holds the lock gives it back; that may be another task or thread than has taken it. One
 *  that nobody holds: a checked stop. As soon as another has the lock he may free its memory, even
 *  if this hasn't returned. Cost: as ac_semaphore_release(). */
void ac_mutex_unlock(struct ac_mutex *);

/* ---- notifications ---- */

/** Tells tasks that something has happened: what that is they find out by themselves, as it is with condition
 *  variables.
 *
 *      while (!queue_has_work(q))
 *          await ac_notified(&q->work); */
struct ac_notify {
    struct ac_semaphore told; /* of one permit at most */
};

#define AC_NOTIFY_INIT                                                                                 \
    {                                                                                                  \
        AC_SEMAPHORE_INIT(0)                                                                           \
    }
/** One of which nobody has been told; before anyone else knows of it. */
void ac_notify_init(struct ac_notify *);

struct ac_notified__frame {
    struct ac_semaphore_acquire__frame acquire;
};

/** Waits for ac_notify_one() or ac_notify_all(). The one that came while nobody waited counts.
 *
 *  Cancelling: at once; the place in the queue is lost, and a notification of ac_notify_one() that has come
 *  already goes to the next, or is kept. Cost: as ac_semaphore_acquire(). */
AC_ASYNC void ac_notified(struct ac_notify *)
    AC_FRAME(struct ac_notified__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_notified__frame, acquire.wait));
void ac_notified__init(struct ac_notified__frame *, struct ac_notify *);
enum ac_poll ac_notified__start(struct ac_notified__frame *, struct ac_context *, struct ac_notify *);
enum ac_poll ac_notified__poll(struct ac_notified__frame *, struct ac_context *);
enum ac_poll ac_notified__cancel(struct ac_notified__frame *, struct ac_context *);

/** Wakes the one who has waited longest. If nobody waits it is kept for the next who would; one only,
 *  however often this was called. Cost: as ac_semaphore_release(). */
void ac_notify_one(struct ac_notify *);

/** Wakes all who wait now, and keeps nothing. A task on another thread that has looked but doesn't wait
 *  yet isn't reached: where that can be, use ac_notify_one() and let each who was woken pass it on.
 *  Cost: none if nobody waits; else two locked operations and the wakes, O(1) for each. */
void ac_notify_all(struct ac_notify *);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

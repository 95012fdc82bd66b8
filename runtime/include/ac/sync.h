/** @file
 *  Tasks that wait for each other: semaphores, mutexes, notifications.
 *
 *  Each is a few words of the caller's, initialised by its macro or where it stands, that need no
 *  destruction, and keep their address while anyone uses them. Any thread may use them, whichever executor
 *  its tasks run on, and waiting allocates nothing. First come is first served: who comes
 *  while others wait goes behind them, so nobody starves.
 *
 *      #include <ac/ac.h>
 *
 *      struct account { struct ac_mutex lock; long balance; };
 *
 *      async int withdraw(struct account *account, long amount)
 *      {
 *          await ac_mutex_lock(&account->lock);
 *          bool done = account->balance >= amount && await log_withdrawal(amount) == 0;
 *          if (done)
 *              account->balance -= amount;
 *          ac_mutex_unlock(&account->lock);
 *          return done ? 0 : -1;
 *      }
 *
 *  A lock that is held across no await had better be a thread's, pthread_mutex_t; these are for the
 *  others. Who takes one sees all that was written before it was given.
 *
 *  The cost of each operation is given in locked operations of the processor, which are most of it where
 *  several threads are at work (6 ns each, or many times that if another core has just used the
 *  word). A process that has one thread pays for none of them.
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
/** @param permits  at most AC_SEMAPHORE_MOST, else a checked stop. */
void ac_semaphore_init(struct ac_semaphore *, unsigned permits);

struct ac_semaphore_acquire__frame {
    struct ac_semaphore *semaphore;
    struct ac__waiter wait;
};

/** Takes @p permits at once, and waits until there are so many. The first who waits holds up all
 *  others, however few they want.
 *
 *  Cancelling: at once; what is lost is the place in the queue. Threads: any.
 *  Cost: O(1); one locked operation. If it has to wait, three: one to try, two to queue up. */
AC_ASYNC void ac_semaphore_acquire(struct ac_semaphore *, unsigned permits)
    AC_FRAME(struct ac_semaphore_acquire__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_semaphore_acquire__frame, wait));
void ac_semaphore_acquire__init(struct ac_semaphore_acquire__frame *, struct ac_semaphore *, unsigned permits);
enum ac_poll ac_semaphore_acquire__start(struct ac_semaphore_acquire__frame *, struct ac_context *,
                                         struct ac_semaphore *, unsigned permits);
enum ac_poll ac_semaphore_acquire__poll(struct ac_semaphore_acquire__frame *, struct ac_context *);
enum ac_poll ac_semaphore_acquire__cancel(struct ac_semaphore_acquire__frame *, struct ac_context *);

/** As ac_semaphore_acquire() where that would not wait.
 *  @return 0; -EAGAIN if there are too few permits or others wait. Any thread, in async code or not. */
int ac_semaphore_try_acquire(struct ac_semaphore *, unsigned permits);

/** Gives back @p permits, or adds them: nobody needs to have taken them. More than AC_SEMAPHORE_MOST in
 *  all: a checked stop. Any thread, in async code or not.
 *  Cost: one locked operation; three and the wakes, if someone waits. */
void ac_semaphore_release(struct ac_semaphore *, unsigned permits);

/** How many permits there are now. Other threads may change that at any time. */
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
void ac_mutex_init(struct ac_mutex *);

struct ac_mutex_lock__frame {
    struct ac_semaphore_acquire__frame acquire;
};

/** Waits until the lock is the caller's. A task that locks what it has locked waits for ever.
 *
 *  Cancelling, threads and cost: as ac_semaphore_acquire(). */
AC_ASYNC void ac_mutex_lock(struct ac_mutex *)
    AC_FRAME(struct ac_mutex_lock__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_mutex_lock__frame, acquire.wait));
void ac_mutex_lock__init(struct ac_mutex_lock__frame *, struct ac_mutex *);
enum ac_poll ac_mutex_lock__start(struct ac_mutex_lock__frame *, struct ac_context *, struct ac_mutex *);
enum ac_poll ac_mutex_lock__poll(struct ac_mutex_lock__frame *, struct ac_context *);
enum ac_poll ac_mutex_lock__cancel(struct ac_mutex_lock__frame *, struct ac_context *);

/** @return 0: locked; -EAGAIN: another holds it. */
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
void ac_notify_init(struct ac_notify *);

struct ac_notified__frame {
    struct ac_semaphore_acquire__frame acquire;
};

/** Waits for ac_notify_one() or ac_notify_all(). The one that came while nobody waited counts.
 *
 *  Cancelling: at once; the place in the queue is lost, and a notification of ac_notify_one() that has come
 *  already goes to the next, or is kept. Threads and cost: as ac_semaphore_acquire(). */
AC_ASYNC void ac_notified(struct ac_notify *)
    AC_FRAME(struct ac_notified__frame) AC_FRAME_USED(AC__WAITER_USED(struct ac_notified__frame, acquire.wait));
void ac_notified__init(struct ac_notified__frame *, struct ac_notify *);
enum ac_poll ac_notified__start(struct ac_notified__frame *, struct ac_context *, struct ac_notify *);
enum ac_poll ac_notified__poll(struct ac_notified__frame *, struct ac_context *);
enum ac_poll ac_notified__cancel(struct ac_notified__frame *, struct ac_context *);

/** Wakes the one who has waited longest. If nobody waits it is kept for the next who would; one only,
 *  however often this was called. Any thread, in async code or not. Cost: as ac_semaphore_release(). */
void ac_notify_one(struct ac_notify *);

/** Wakes all who wait now, and keeps nothing. A task on another thread that has looked but doesn't wait
 *  yet isn't reached: where that can be, use ac_notify_one() and let each who was woken pass it on. */
void ac_notify_all(struct ac_notify *);

#ifdef __cplusplus
}
#endif
#endif

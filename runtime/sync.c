/* sync.c - semaphores, and what is made of them: a mutex is one of one permit, a notification one whose
 * permits don't add up.
 *
 *     word   | permits | WAITERS | SLEEPERS LOCKED |
 *
 * As long as nobody waits, permits come and go by one compare-and-swap. While WAITERS is set the word is changed
 * under the lock only; what is there then is too little for the first, whom nobody overtakes:
 *
 *     WAITERS  =>  the queue isn't empty and its first wants more permits than there are
 *
 * whenever the lock is free. Permits go straight to who is told: they are his from then on, and
 * when he is cancelled before he has been polled he gives them back. */
#include "lock.h"

#include "exec.h"

#include <ac/sync.h>
#include <errno.h>

enum { WAITERS = 1 << AC__FREE_BITS, PERMIT = 2 * WAITERS, SHIFT = AC__FREE_BITS + 1 };

_Static_assert(AC_SEMAPHORE_MOST == ~0u >> SHIFT, "the header says how many permits there is room for");
_Static_assert(PERMIT == 1 << 3, "AC_SEMAPHORE_INIT() puts the permits there");

/* Gives what can be given. Returns the word for ac__unlock(). With the lock. */
static unsigned serve(struct ac_semaphore *semaphore, unsigned permits)
{
    struct ac__waiter *first;
    while ((first = semaphore->waiters.first) != NULL && first->wants <= permits) {
        permits -= first->wants;
        ac__tell(&semaphore->waiters, AC__TOLD);
    }
    return permits * PERMIT | (first != NULL ? WAITERS : 0);
}

/* Takes permits if nobody waits. */
static bool take(struct ac_semaphore *semaphore, unsigned permits)
{
    unsigned word = __atomic_load_n(&semaphore->word, __ATOMIC_RELAXED);
    while (!(word & (WAITERS | AC__LOCKED)) && word / PERMIT >= permits)
        if (ac__swap(&semaphore->word, &word, word - permits * PERMIT, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

/* Adds permits, of which there are no more than @p most then, if nobody waits. */
static bool add(struct ac_semaphore *semaphore, unsigned permits, unsigned most)
{
    unsigned word = __atomic_load_n(&semaphore->word, __ATOMIC_RELAXED);
    while (!(word & (WAITERS | AC__LOCKED))) {
        unsigned is = word / PERMIT, sum = is + permits < most ? is + permits : most;
        /* The swap is needed even if it changes nothing: it releases what this thread has written. */
        if (ac__swap(&semaphore->word, &word, sum * PERMIT, __ATOMIC_RELEASE))
            return true;
    }
    return false;
}

static void give(struct ac_semaphore *semaphore, unsigned permits, unsigned most)
{
    if (add(semaphore, permits, most))
        return;
    unsigned sum = ac__lock(&semaphore->word) / PERMIT + permits;
    ac__unlock(&semaphore->word, serve(semaphore, sum < most ? sum : most));
}

static unsigned permits_of(const struct ac_semaphore *semaphore)
{
    return __atomic_load_n(&semaphore->word, __ATOMIC_RELAXED) / PERMIT;
}

/* ---- waiting ---- */

static void prepare(struct ac_semaphore_acquire__frame *self, struct ac_semaphore *semaphore, unsigned permits)
{
    self->wait.state = AC__FRESH;
    self->wait.wants = permits;
    self->semaphore = semaphore;
}

/* A fresh one takes its permits or queues up. */
static bool begin(struct ac_semaphore_acquire__frame *self, struct ac_waker *waker)
{
    struct ac_semaphore *semaphore = self->semaphore;
    if (take(semaphore, self->wait.wants))
        return true;
    unsigned word = ac__lock(&semaphore->word);
    bool taken = !(word & WAITERS) && word / PERMIT >= self->wait.wants;
    if (!taken)
        ac__queue(&semaphore->waiters, &self->wait, waker);
    ac__unlock(&semaphore->word, taken ? word - self->wait.wants * PERMIT : word | WAITERS);
    return taken;
}

static enum ac_poll poll(struct ac_semaphore_acquire__frame *self, struct ac_context *cx, const char *function)
{
    struct ac__waiter *wait = &self->wait;
    unsigned state = ac__waiter_state(wait);
    if (state == AC__OVER)
        ac__stop(function, "polled after it was ready");
    if (state == AC__WAITING && wait->waker == cx->waker)
        return AC_PENDING;
    if (state != AC__WAITING && !ac__spend(cx))
        return AC_PENDING;
    if (state == AC__FRESH) {
        if (!begin(self, cx->waker))
            return AC_PENDING;
    } else if (state == AC__TOLD) {
        ac__lock_pass(&self->semaphore->word);
    } else { /* another waker than the last time */
        unsigned word = ac__lock(&self->semaphore->word);
        bool waits = ac__waiter_state(wait) == AC__WAITING;
        if (waits)
            wait->waker = cx->waker;
        ac__unlock(&self->semaphore->word, word);
        if (waits)
            return AC_PENDING;
    }
    ac__waiter_set(wait, AC__OVER);
    return AC_READY;
}

static enum ac_poll cancel(struct ac_semaphore_acquire__frame *self, unsigned most)
{
    struct ac_semaphore *semaphore = self->semaphore;
    struct ac__waiter *wait = &self->wait;
    unsigned state = ac__waiter_state(wait);
    if (state == AC__WAITING || state == AC__TOLD) {
        unsigned permits = ac__lock(&semaphore->word) / PERMIT;
        if (ac__waiter_state(wait) == AC__WAITING)
            ac__unqueue(&semaphore->waiters, wait);
        else
            permits = permits + wait->wants < most ? permits + wait->wants : most;
        ac__unlock(&semaphore->word, serve(semaphore, permits)); /* the next may want less */
    }
    ac__waiter_set(wait, AC__OVER);
    return AC_READY;
}

/* ---- semaphores ---- */

static void check_permits(unsigned permits, const char *function)
{
    if (permits > AC_SEMAPHORE_MOST)
        ac__stop(function, "%u permits are more than a semaphore can have", permits);
}

void ac_semaphore_init(struct ac_semaphore *semaphore, unsigned permits)
{
    check_permits(permits, "ac_semaphore_init");
    *semaphore = (struct ac_semaphore)AC_SEMAPHORE_INIT(permits);
}

void ac_semaphore_acquire__init(struct ac_semaphore_acquire__frame *self, struct ac_semaphore *semaphore,
                                unsigned permits)
{
    check_permits(permits, "ac_semaphore_acquire");
    prepare(self, semaphore, permits);
}

enum ac_poll ac_semaphore_acquire__start(struct ac_semaphore_acquire__frame *self, struct ac_context *cx,
                                         struct ac_semaphore *semaphore, unsigned permits)
{
    ac_semaphore_acquire__init(self, semaphore, permits);
    return poll(self, cx, "ac_semaphore_acquire");
}

enum ac_poll ac_semaphore_acquire__poll(struct ac_semaphore_acquire__frame *self, struct ac_context *cx)
{
    return poll(self, cx, "ac_semaphore_acquire");
}

enum ac_poll ac_semaphore_acquire__cancel(struct ac_semaphore_acquire__frame *self, struct ac_context *cx)
{
    (void)cx;
    return cancel(self, AC_SEMAPHORE_MOST);
}

static int try_acquire(struct ac_semaphore *semaphore, unsigned permits)
{
    if (take(semaphore, permits))
        return 0;
    if (!(__atomic_load_n(&semaphore->word, __ATOMIC_RELAXED) & AC__LOCKED))
        return -EAGAIN;
    /* Somebody is about to change it: to what, is known when he has. */
    unsigned word = ac__lock(&semaphore->word);
    bool taken = !(word & WAITERS) && word / PERMIT >= permits;
    ac__unlock(&semaphore->word, taken ? word - permits * PERMIT : word);
    return taken ? 0 : -EAGAIN;
}

int ac_semaphore_try_acquire(struct ac_semaphore *semaphore, unsigned permits)
{
    check_permits(permits, "ac_semaphore_try_acquire");
    return try_acquire(semaphore, permits);
}

void ac_semaphore_release(struct ac_semaphore *semaphore, unsigned permits)
{
    check_permits(permits, "ac_semaphore_release");
    if (permits_of(semaphore) + permits > AC_SEMAPHORE_MOST)
        ac__stop("ac_semaphore_release", "more permits than a semaphore can have");
    give(semaphore, permits, AC_SEMAPHORE_MOST);
}

unsigned ac_semaphore_permits(const struct ac_semaphore *semaphore) { return permits_of(semaphore); }

/* ---- mutexes ---- */

void ac_mutex_init(struct ac_mutex *mutex) { *mutex = (struct ac_mutex)AC_MUTEX_INIT; }

void ac_mutex_lock__init(struct ac_mutex_lock__frame *self, struct ac_mutex *mutex)
{
    prepare(&self->acquire, &mutex->one, 1);
}

enum ac_poll ac_mutex_lock__start(struct ac_mutex_lock__frame *self, struct ac_context *cx, struct ac_mutex *mutex)
{
    prepare(&self->acquire, &mutex->one, 1);
    return poll(&self->acquire, cx, "ac_mutex_lock");
}

enum ac_poll ac_mutex_lock__poll(struct ac_mutex_lock__frame *self, struct ac_context *cx)
{
    return poll(&self->acquire, cx, "ac_mutex_lock");
}

enum ac_poll ac_mutex_lock__cancel(struct ac_mutex_lock__frame *self, struct ac_context *cx)
{
    (void)cx;
    return cancel(&self->acquire, 1);
}

int ac_mutex_try_lock(struct ac_mutex *mutex) { return try_acquire(&mutex->one, 1); }

void ac_mutex_unlock(struct ac_mutex *mutex)
{
    if (permits_of(&mutex->one) != 0)
        ac__stop("ac_mutex_unlock", "nobody holds this mutex");
    give(&mutex->one, 1, 1);
}

/* ---- notifications ---- */

void ac_notify_init(struct ac_notify *notify) { *notify = (struct ac_notify)AC_NOTIFY_INIT; }

void ac_notified__init(struct ac_notified__frame *self, struct ac_notify *notify)
{
    prepare(&self->acquire, &notify->told, 1);
}

enum ac_poll ac_notified__start(struct ac_notified__frame *self, struct ac_context *cx, struct ac_notify *notify)
{
    prepare(&self->acquire, &notify->told, 1);
    return poll(&self->acquire, cx, "ac_notified");
}

enum ac_poll ac_notified__poll(struct ac_notified__frame *self, struct ac_context *cx)
{
    return poll(&self->acquire, cx, "ac_notified");
}

enum ac_poll ac_notified__cancel(struct ac_notified__frame *self, struct ac_context *cx)
{
    (void)cx;
    return cancel(&self->acquire, 1);
}

void ac_notify_one(struct ac_notify *notify) { give(&notify->told, 1, 1); }

void ac_notify_all(struct ac_notify *notify)
{
    struct ac_semaphore *told = &notify->told;
    if (!(__atomic_load_n(&told->word, __ATOMIC_RELAXED) & (WAITERS | AC__LOCKED)))
        return;
    unsigned word = ac__lock(&told->word);
    for (struct ac__waiter *first; (first = told->waiters.first) != NULL;) {
        first->wants = 0; /* one that is cancelled has nothing to pass on */
        ac__tell(&told->waiters, AC__TOLD);
    }
    ac__unlock(&told->word, word & ~(unsigned)WAITERS);
}

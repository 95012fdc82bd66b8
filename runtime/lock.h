/* lock.h - a lock that is two bits of a word, and queues of futures that wait for what it protects.
 *
 * The word has room for what a fast path needs to know: how many permits a semaphore has, whether
 * anyone waits. As long as nobody holds the lock, that is changed by compare-and-swap, which is one
 * locked operation. Who holds it owns all of the word but SLEEPERS, and with the one operation that
 * releases the lock he also says what the rest is from then on:
 *
 *     unsigned word = ac__lock(&semaphore->word);        // the bits above the lock's
 *     ...
 *     ac__unlock(&semaphore->word, word + PERMIT);
 *
 * That operation is the last that he does with the word: whoever takes the lock after him, or finds
 * it free, may free the memory. (What may come then is the waking of a sleeper, of whom only the address
 * is named.)
 *
 * Each holder is quick: he links, unlinks, copies an element and wakes, so others spin before they sleep.
 * The lock isn't fair; the queues are.
 *
 * Drepper, "Futexes are tricky", 2011, mutex 3, with the "2" as a bit; the waking of futures is ours. */
#ifndef AC__LOCK_H
#define AC__LOCK_H
#include <ac/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/single_threaded.h>

enum {
    AC__LOCKED = 1 << 0,
    AC__SLEEPERS = 1 << 1, /* set by who is about to sleep; the release clears it and wakes one */
    AC__FREE_BITS = 2,     /* the shift of the first bit that is the user's                     */
};

/* A process of one thread needs no locked operations. Threads come and go only by calls that no holder of a
 * lock makes, and what was written before a thread began is seen by it. */
static inline bool ac__alone(void) { return __libc_single_threaded; }

/* As a compare-and-swap of C11: false says in @p expected what there was instead. */
static inline bool ac__swap(unsigned *word, unsigned *expected, unsigned desired, int order)
{
    if (ac__alone()) {
        unsigned is = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (is == *expected)
            __atomic_store_n(word, desired, __ATOMIC_RELAXED);
        else
            *expected = is;
        return is == *expected;
    }
    return __atomic_compare_exchange_n(word, expected, desired, false, order, __ATOMIC_RELAXED);
}

/* Sleeps, if the word is @p is, until it is woken, or a little less. */
void ac__futex_wait(unsigned *word, unsigned is);
/* Likewise, but no longer than a second: true if that is over. */
bool ac__futex_wait_1s(unsigned *word, unsigned is);
/* Wakes one, or all. The word needn't exist any more. Both may be called by a signal's handler. */
void ac__futex_wake(unsigned *word);
void ac__futex_wake_all(unsigned *word);

unsigned ac__lock_slowly(unsigned *word);

/* ---- unparking ----
 *
 * Who is woken under a lock may be asleep on another thread, and would, as soon as he is up, find the lock taken. So
 * between ac__defer_unpark() and the release, which follows on the same thread, unparkings are put off until after it, as
 * many as there is room for. By then he may be up for another reason and gone: who owes one keeps what it is about. */
enum { AC__MOST_OWED = 8 };
struct ac__owed {
    bool defers;
    unsigned n;
    struct ac__owed_one {
        void (*unpark)(void *);
        void *whom;
    } each[AC__MOST_OWED];
};
/* At file level: a waker's functions are told nothing of the lock. */
extern _Thread_local __attribute__((tls_model("initial-exec"))) struct ac__owed ac__owed;
void ac__unpark_owed(void);

static inline void ac__defer_unpark(void) { ac__owed.defers = true; }
static inline bool ac__may_owe(void) { return ac__owed.defers && ac__owed.n < AC__MOST_OWED; }
static inline void ac__owe(void (*unpark)(void *), void *whom)
{
    ac__owed.each[ac__owed.n++] = (struct ac__owed_one){ unpark, whom };
}

/* Takes the lock, if it is free; *bits are the user's bits then. One locked operation. */
static inline bool ac__lock_if_free(unsigned *word, unsigned *bits)
{
    *bits = __atomic_load_n(word, __ATOMIC_RELAXED);
    return !(*bits & AC__LOCKED) && ac__swap(word, bits, *bits | AC__LOCKED, __ATOMIC_ACQUIRE);
}

/* Takes the lock. Returns the user's bits, which nobody else changes until the unlock. One locked
 * operation, when the lock is free. */
static inline unsigned ac__lock(unsigned *word)
{
    unsigned bits;
    return ac__lock_if_free(word, &bits) ? bits : ac__lock_slowly(word);
}

/* Releases it, where nobody has been woken under it; the user's bits are @p bits from now on. True: one who sleeps has to
 * be woken by ac__futex_wake(). One locked operation. */
static inline bool ac__release(unsigned *word, unsigned bits)
{
    if (!ac__alone())
        return __atomic_exchange_n(word, bits, __ATOMIC_RELEASE) & AC__SLEEPERS;
    __atomic_store_n(word, bits, __ATOMIC_RELEASE);
    return false;
}

/* Releases it; the user's bits are @p bits from now on. One locked operation. */
static inline void ac__unlock(unsigned *word, unsigned bits)
{
    if (ac__release(word, bits))
        ac__futex_wake(word);
    if (__builtin_expect(ac__owed.defers, 0))
        ac__unpark_owed();
}

/* Returns when all that held the lock before have released it. No locked operation, if they have. */
static inline void ac__lock_pass(unsigned *word)
{
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) & AC__LOCKED)
        ac__unlock(word, ac__lock(word));
}

/* ---- waiters ----
 *
 *     FRESH --queued--> WAITING --told--> TOLD --polled--> OVER
 *       |                  +-----cancelled-----+-------------^
 *       +-- had what it wants at once, or was cancelled -----+
 *
 * The node is the leaf's, in its frame. All but the state is touched by the leaf while it is FRESH, and
 * under the lock afterwards; `waker` is read by the leaf without the lock, too, which alone changes it.
 * Whoever tells a waiter something holds the lock, has taken it out of the queue, sets TOLD and then
 * wakes it: so a poll that finds WAITING will be followed by another, and the waker is last used before
 * the lock is released. A leaf that finds TOLD leaves only when it has seen the lock free after that:
 * by taking it, or by ac__lock_pass(). */

enum { AC__FRESH, AC__WAITING, AC__TOLD, AC__OVER, AC__SENT_AWAY /* as TOLD, without what it waited for */ };

static inline unsigned ac__waiter_state(const struct ac__waiter *waiter)
{
    return __atomic_load_n(&waiter->state, __ATOMIC_ACQUIRE);
}

static inline void ac__waiter_set(struct ac__waiter *waiter, unsigned state)
{
    __atomic_store_n(&waiter->state, (unsigned char)state, __ATOMIC_RELEASE);
}

/* All that follow: with the lock. */

static inline void ac__queue(struct ac__waiters *waiters, struct ac__waiter *waiter, struct ac_waker *waker)
{
    waiter->waker = waker;
    waiter->next = NULL;
    waiter->prev = waiters->last;
    *(waiters->last != NULL ? &waiters->last->next : &waiters->first) = waiter;
    waiters->last = waiter;
    ac__waiter_set(waiter, AC__WAITING);
}

static inline void ac__unqueue(struct ac__waiters *waiters, struct ac__waiter *waiter)
{
    *(waiter->prev != NULL ? &waiter->prev->next : &waiters->first) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->prev : &waiters->last) = waiter->prev;
}

/* Tells the first, for one waits. @p state: TOLD, or SENT_AWAY. */
static inline void ac__tell_at_once(struct ac__waiters *waiters, unsigned state)
{
    struct ac__waiter *waiter = waiters->first;
    waiters->first = waiter->next;
    *(waiter->next != NULL ? &waiter->next->prev : &waiters->last) = NULL;
    struct ac_waker *waker = waiter->waker;
    ac__waiter_set(waiter, state);
    ac_wake_by_ref(waker);
}

static inline void ac__tell(struct ac__waiters *waiters, unsigned state)
{
    ac__defer_unpark();
    ac__tell_at_once(waiters, state);
}
#endif

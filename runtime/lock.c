/* lock.c - the slow ways of lock.h's lock. */
#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local struct ac__owed ac__owed;

void ac__unpark_owed(void)
{
    struct ac__owed_one each[AC__MOST_OWED];
    unsigned n = ac__owed.n;
    ac__owed.defers = false;
    if (n == 0)
        return;
    ac__owed.n = 0;
    memcpy(each, ac__owed.each, sizeof each); /* unparking may lock, and owe, again */
    for (unsigned i = 0; i < n; i++)
        each[i].unpark(each[i].whom);
}

enum { SPINS = 100 }; /* about as long as it takes to wake a thread that has gone to sleep */

static void pause_briefly(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

void ac__futex_wait(unsigned *word, unsigned is)
{
    int saved_errno = errno;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, is, NULL, NULL, 0);
    errno = saved_errno;
}

bool ac__futex_wait_1s(unsigned *word, unsigned is)
{
    int saved_errno = errno;
    struct timespec second = { .tv_sec = 1 };
    bool late = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, is, &second, NULL, 0) < 0 && errno == ETIMEDOUT;
    errno = saved_errno;
    return late;
}

static void futex_wake(unsigned *word, int most)
{
    int saved_errno = errno; /* a word that has gone is -EFAULT, which is nobody's business */
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
    errno = saved_errno;
}

void ac__futex_wake(unsigned *word) { futex_wake(word, 1); }
void ac__futex_wake_all(unsigned *word) { futex_wake(word, INT_MAX); }

unsigned ac__lock_slowly(unsigned *word)
{
    unsigned is;
    for (int i = 0; i < SPINS; i++) {
        is = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (!(is & AC__LOCKED) && ac__swap(word, &is, is | AC__LOCKED, __ATOMIC_ACQUIRE))
            return is;
        pause_briefly();
    }
    for (;;) {
        is = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (!(is & AC__LOCKED)) {
            /* One that has slept can't know whether others do. */
            if (ac__swap(word, &is, is | AC__LOCKED | AC__SLEEPERS, __ATOMIC_ACQUIRE))
                return is;
        } else if (is & AC__SLEEPERS || ac__swap(word, &is, is | AC__SLEEPERS, __ATOMIC_RELAXED)) {
            ac__futex_wait(word, is | AC__SLEEPERS);
        }
    }
}

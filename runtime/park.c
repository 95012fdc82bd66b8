/* park.c - see park.h. */
#include "park.h"

#include "exec.h"
#include "lock.h"
#include "twin.h"

/* Of `woken`. Who wakes one that has parked takes it off their number, and that may be before it has counted itself: so it
 * is never counted when it can go on. */
enum { PARKED = 1, WOKEN };

static struct ac_waker *clone(struct ac_waker *waker) { return waker; }
static void drop(struct ac_waker *waker) { (void)waker; }

static void wake(struct ac_waker *waker)
{
    struct ac__parker *parker = (struct ac__parker *)waker;
    if (parker->is_twin) {
        ac__twins->wake(parker);
        return;
    }
    /* Releases what the waking thread wrote. From here on the parker may go: only its address is used. */
    if (__atomic_exchange_n(&parker->woken, WOKEN, __ATOMIC_ACQ_REL) == PARKED) {
        ac__nparked--;
        ac__futex_wake(&parker->woken);
    }
}

static const struct ac_waker_ops parker_waker = { clone, wake, wake, drop };

void ac__parker_init(struct ac__parker *parker, const char *function)
{
    const struct ac__twins *twins = ac__twins;
    parker->waker.ops = &parker_waker;
    parker->woken = 0;
    parker->is_twin = twins != NULL && twins->is_one();
    parker->blocked = NULL;
    parker->function = function;
}

static _Noreturn void stop(const struct ac__parker *parker)
{
    if (ac__at_file != NULL)
        ac__stop(parker->function, "waits for ever at %s:%d: there is no other thread that could end that",
                 ac__at_file, ac__at_line);
    ac__stop(parker->function, "waits for ever: there is no other thread that could end that");
}

/* Whether all threads wait here, for each other; where there are tasks too, these look (twin.c) and are listed. One that comes while
 * the threads are counted isn't missed twice. */
static bool is_for_ever(void)
{
    for (int i = 0; i < 2; i++) {
        int nparked = ac__nparked, n = (int)ac__count_threads();
        if (n == 0 || n > nparked || ac__nparked != nparked)
            return false;
    }
    return true;
}

void ac__park(struct ac__parker *parker)
{
    if (ac__current != NULL)
        ac__stop(parker->function, "a plain call would block the executor; await it");
    if (parker->is_twin) {
        while (!__atomic_load_n(&parker->woken, __ATOMIC_ACQUIRE))
            ac__twins->block(parker);
        __atomic_store_n(&parker->woken, 0, __ATOMIC_RELAXED);
        return;
    }
    unsigned none = 0;
    if (__atomic_compare_exchange_n(&parker->woken, &none, PARKED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        ac__nparked++;
        while (__atomic_load_n(&parker->woken, __ATOMIC_ACQUIRE) == PARKED)
            if (ac__alone() || (ac__futex_wait_1s(&parker->woken, PARKED) && is_for_ever()))
                stop(parker);
    }
    __atomic_store_n(&parker->woken, 0, __ATOMIC_RELAXED);
}

/* park.c - see park.h. */
#include "park.h"

#include "exec.h"
#include "lock.h"
#include "twin.h"

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
    __atomic_store_n(&parker->woken, 1, __ATOMIC_RELEASE);
    ac__futex_wake(&parker->woken);
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

void ac__park(struct ac__parker *parker)
{
    if (ac__current != NULL)
        ac__stop(parker->function, "a plain call would block the executor; await it");
    while (!__atomic_exchange_n(&parker->woken, 0, __ATOMIC_ACQUIRE)) {
        if (parker->is_twin) {
            ac__twins->block(parker);
            continue;
        }
        if (ac__alone() && ac__at_file != NULL)
            ac__stop(parker->function, "waits for ever at %s:%d: there is no other thread that could end that",
                     ac__at_file, ac__at_line);
        if (ac__alone())
            ac__stop(parker->function, "waits for ever: there is no other thread that could end that");
        ac__futex_wait(&parker->woken, 0);
    }
}

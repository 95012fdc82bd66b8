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
    /* Releases what the waking thread wrote. From here on the parker may go: only its address is used. */
    const struct ac__twins *twins = ac__twins;
    __atomic_store_n(&parker->woken, 1, __ATOMIC_RELEASE);
    ac__futex_wake(&parker->woken);
    if (twins != NULL)
        twins->wake();
}

static const struct ac_waker_ops parker_waker = { clone, wake, wake, drop };

void ac__parker_init(struct ac__parker *parker, const char *function)
{
    parker->waker.ops = &parker_waker;
    parker->woken = 0;
    parker->function = function;
}

void ac__park(struct ac__parker *parker)
{
    if (ac__current != NULL)
        ac__stop(parker->function, "a plain call would block the executor; await it");
    const struct ac__twins *twins = ac__twins;
    while (!__atomic_exchange_n(&parker->woken, 0, __ATOMIC_ACQUIRE)) {
        if (twins != NULL && twins->is_one()) {
            twins->block(parker->function, &parker->woken);
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

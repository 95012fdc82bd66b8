/* signals_blocking.c - waiting for signals, for elided programs. */
#include "signals.h"

#include "lock.h"
#include "twin.h"

#include <errno.h>

int ac_signals_next(struct ac_signals *signals)
{
    for (;;) {
        /* One that comes after the try has changed the news by then, and there is no sleep. */
        unsigned news = __atomic_load_n(&ac__signals_news, __ATOMIC_SEQ_CST);
        int number = ac_signals_try(signals);
        if (number != -EAGAIN)
            return number;
        ac__outside_begin();
        ac__futex_wait(&ac__signals_news, news);
        ac__outside_end();
    }
}

int ac_signal(int number)
{
    struct ac_signals signals;
    int result = ac_signals_open(&signals, ac__signals_only(number));
    if (result < 0)
        return result;
    result = ac_signals_next(&signals);
    ac_signals_close(&signals);
    return result;
}

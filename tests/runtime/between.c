/* What comes between two steps of the library that matter, at the worst moment: a signal, another thread, a fork.
 *
 * Linked with the library's sources that ask before each call whether it fails (AC__FAULTS). It never does here, but what
 * is to come between comes then. */
#define _GNU_SOURCE
#include "support.h"

#include "sys_memory.h"

#include <signal.h>

/* What comes, once, at the next place that the library says. */
static void (*comes)(void);

bool ac__fails(enum ac__call call, size_t *size)
{
    (void)call;
    (void)size;
    return false;
}

void ac__between(void)
{
    if (comes == NULL)
        return;
    void (*now)(void) = comes;
    comes = NULL;
    now();
}

/* ---- signals ---- */

static void terminate(void) { raise(SIGTERM); }

START_TEST(a_signal_that_comes_while_its_registration_is_opened_is_noted)
{
    struct ac_signals s;
    comes = terminate;
    ck_assert_int_eq(ac_signals_open(&s, AC_SIGNAL(SIGTERM)), 0);
    ck_assert_ptr_null(comes);
    ck_assert_int_eq(ac_signals_try(&s), SIGTERM);
    ck_assert_int_eq(ac_signals_try(&s), -EAGAIN);
    ac_signals_close(&s);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_signal_that_comes_while_its_registration_is_opened_is_noted,
    };
    return run_suite("between", tests, COUNT(tests), NULL, 0);
}

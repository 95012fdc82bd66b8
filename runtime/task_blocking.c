/* task_blocking.c - ac_yield_now() for elided programs: there, too, others get their turn. */
#include "twin.h"

#include <ac/task.h>
#include <sched.h>
#include <stddef.h>

void ac_yield_now(void)
{
    const struct ac__twins *twins = ac__twins;
    if (twins != NULL && twins->is_one())
        twins->yield();
    else
        sched_yield();
}

/* task_blocking.c - ac_yield_now() for elided programs: there, too, others get their turn. */
#include <ac/task.h>
#include <sched.h>

void ac_yield_now(void) { sched_yield(); }

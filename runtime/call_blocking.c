/* call_blocking.c - ac_run_blocking() for elided programs: a call, during which the other tasks run. */
#include "twin.h"

#include <ac/blocking.h>

void ac_run_blocking(void (*run)(void *), void *argument)
{
    ac__outside_begin();
    run(argument);
    ac__outside_end();
}

/* outside.c - what blocking twins do for the other tasks of an elided program, if there are any; and where they are called. */
#include "twin.h"

#include <ac/elided_task.h>
#include <errno.h>
#include <stddef.h>

/* At file level, since threads are the process's. */
const struct ac__twins *_Atomic ac__twins;
_Thread_local const char *ac__at_file;
_Thread_local int ac__at_line;

void ac__at(const char *file, int line)
{
    ac__at_file = file;
    ac__at_line = line;
}

void ac__outside_begin(void)
{
    int saved_errno = errno;
    const struct ac__twins *twins = ac__twins;
    if (twins != NULL && twins->is_one())
        twins->leave();
    errno = saved_errno;
}

void ac__outside_end(void)
{
    int saved_errno = errno;
    const struct ac__twins *twins = ac__twins;
    if (twins != NULL && twins->is_one())
        twins->enter();
    errno = saved_errno;
}

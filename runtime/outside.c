/* outside.c - what blocking twins do for the other tasks of an elided program, if there are any; and where they are called. */
#include "fork.h"
#include "twin.h"

#include <ac/elided_task.h>
#include <dirent.h>
#include <errno.h>
#include <stddef.h>

/* At file level, since threads are the process's. */
const struct ac__twins *_Atomic ac__twins;
_Thread_local const char *ac__at_file;
_Thread_local int ac__at_line;

_Atomic int ac__nparked;

unsigned ac__count_threads(void)
{
    unsigned n = 0;
    int saved_errno = errno;
    DIR *threads = opendir("/proc/self/task");
    if (threads != NULL) {
        for (const struct dirent *entry; (entry = readdir(threads)) != NULL;)
            n += entry->d_name[0] != '.';
        closedir(threads);
    }
    errno = saved_errno;
    return n;
}

/* In the child of a fork nobody else is there to be woken. */
static void in_child(void) { ac__nparked = 0; }

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_PARKED, NULL, in_child); }

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

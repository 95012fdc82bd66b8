/* ended.h - what suites wait for, and what is to be left when all is over. */
#ifndef ENDED_H
#define ENDED_H
#include <ac/pool.h>
#include <dirent.h>
#include <sched.h>
#include <stddef.h>

/* Until the pool's tasks have ended, those too that were detached. Returns what was counted then. */
static inline struct ac_pool_counts await_all_tasks(void)
{
    struct ac_pool_counts counts;
    do
        ac_pool_count(&counts);
    while (counts.alive > 0 && sched_yield() == 0);
    return counts;
}

/* Those that are open, and a few more, always as many. */
static inline int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n;
}
#endif

/* sync_blocking.c - the operations of sync.h for elided programs, and for threads that run no async code. They
 * queue up with the tasks. */
#include "park.h"

#include <ac/sync.h>

void ac_semaphore_acquire(struct ac_semaphore *semaphore, unsigned permits)
{
    struct ac_semaphore_acquire__frame frame;
    ac_semaphore_acquire__init(&frame, semaphore, permits);
    AC__PARK_UNTIL("ac_semaphore_acquire", ac_semaphore_acquire__poll(&frame, &cx));
}

void ac_mutex_lock(struct ac_mutex *mutex)
{
    struct ac_mutex_lock__frame frame;
    ac_mutex_lock__init(&frame, mutex);
    AC__PARK_UNTIL("ac_mutex_lock", ac_mutex_lock__poll(&frame, &cx));
}

void ac_notified(struct ac_notify *notify)
{
    struct ac_notified__frame frame;
    ac_notified__init(&frame, notify);
    AC__PARK_UNTIL("ac_notified", ac_notified__poll(&frame, &cx));
}

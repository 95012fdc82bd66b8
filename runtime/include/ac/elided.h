/** @file
 *  Async C as plain C: with this header before it, an .ac file is the sequential program that it
 *  means, for any C compiler, debugger or editor.
 *
 *      cc -include ac/elided.h -x c request.ac -x none libac.a -pthread
 *
 *  `async` and `await` become nothing. The runtime's operations are declared in its headers by the
 *  names of their blocking twins, plain functions that the same library has. A spawned task is
 *  a call that has been made, its handle the value: what was to run at once runs in turn.
 *
 *  The two words vanish from headers that are included afterwards, too; one that uses them as
 *  names has to be included before this one (-include again). */
#ifndef AC_ELIDED_H
#define AC_ELIDED_H
#ifdef __ASYNCC__
#error "ac/elided.h is for plain C compilers; asyncc has --emit=elided"
#endif
#include <ac/task.h>

#define async
#define await

/* A handle on a task of no result is an int, because void has no objects; volatile, so that
 * compilers don't complain of `await task;`, which is left as `task;`. */
#undef ac_task
#define ac_task(T)                                                                                     \
    __typeof__(__builtin_choose_expr(__builtin_types_compatible_p(T, void), *(volatile int *)0,        \
                                     ((__typeof__(T)(*)(void))0)()))
#define ac_spawn_local(call)                                                                           \
    __builtin_choose_expr(__builtin_types_compatible_p(__typeof__(call), void), ((void)(call), 0), (call))
#define ac_spawn(call) ac_spawn_local(call)
/* The task has ended, whatever becomes of its handle. */
#define ac_join(task, out) ac__join_elided((__typeof__(task)[1]){ task }, out, sizeof(task))
#define ac_cancel(task) ((void)(task))
#define ac_detach(task) ((void)(task))
static inline int ac__join_elided(const volatile void *value, void *out, __SIZE_TYPE__ size)
{
    if (out)
        __builtin_memcpy(out, (const void *)value, size);
    return 0;
}
#define ac_block_on(call) (call)
#endif

/** @file
 *  Async C as plain C: with this header before it, an .ac file is the sequential program that it
 *  means, for any C compiler, debugger or editor.
 *
 *      cc -include ac/elided.h -x c request.ac -x none libac.a -pthread
 *
 *  `async` and `await` become nothing. The runtime's operations are declared in its headers by the
 *  names of their blocking twins, plain functions that the same library has. A spawned task is
 *  a call that has been made, its handle the value: what was to run at once runs in turn. So a task must not
 *  wait for what its spawner does afterwards; that is a checked stop, with the line. A program where they wait
 *  for each other is elided by `asyncc --emit=elided`: there each task is a thread, of which one runs at
 *  a time (ac/elided_task.h), and ac_cancel() waits for the task's own end. There main waits for its local tasks if it is
 *  in a file that asyncc has elided, too, and not written by a macro.
 *
 *  The two words vanish from headers that are included afterwards, too; one that uses them as
 *  names has to be included before this one (-include again). */
#ifndef AC_ELIDED_H
#define AC_ELIDED_H
#ifdef __ASYNCC__
#error "ac/elided.h is for plain C compilers; asyncc has --emit=elided"
#endif
#include <ac/channel.h>
#include <ac/elided_task.h>
#include <ac/sync.h>
#include <ac/task.h>

#define async
#define await

/* A value of the call's type; 0 where that is void. */
#define AC__ELIDED_VALUE(call)                                                                         \
    __builtin_choose_expr(__builtin_types_compatible_p(__typeof__(call), void), ((void)(call), 0), (call))

#undef ac_task
#ifdef AC__ELIDED_TASKS /* set by asyncc, which sees where a task is awaited and what is spawned */
/* A handle points to a task, and has a type that tells what its result is. */
struct ac__task_end { char unused; };
struct ac__task_end ac__a_task(void);
#define ac_task(T) __typeof__(__typeof__(T) *(*)(struct ac__task_end))
#define AC__TWIN(task) (ac__at(__FILE__, __LINE__), (void *)(__UINTPTR_TYPE__)(task))
#define AC__TWIN_HAS_NONE(task) __builtin_types_compatible_p(__typeof__((task)(ac__a_task())), void *)
#define AC__TWIN_POINTER(task)                                                                         \
    __typeof__(__builtin_choose_expr(AC__TWIN_HAS_NONE(task), (char *)0, (__typeof__((task)(ac__a_task())))0))
#define AC__TWIN_AWAIT(task)                                                                           \
    __builtin_choose_expr(AC__TWIN_HAS_NONE(task), (void)ac__twin_await(AC__TWIN(task)),               \
                          *(AC__TWIN_POINTER(task))ac__twin_await(AC__TWIN(task)))
/* A future has the type of a task that hasn't begun. */
#define ac_future(T) __attribute__((cleanup(ac__twin_drop))) ac_task(T)
#define AC__TWIN_TAKE(future)                                                                          \
    __builtin_choose_expr(AC__TWIN_HAS_NONE(future), (void)ac__twin_take(&(future)),                   \
                          *(AC__TWIN_POINTER(future))ac__twin_take(&(future)))
#define ac_all(...)                                                                                    \
    __extension__({                                                                                    \
        void *ac__each[] = { __VA_ARGS__ };                                                            \
        ac__at(__FILE__, __LINE__);                                                                    \
        ac__twin_all(ac__each, sizeof ac__each / sizeof *ac__each);                                    \
    })
#define ac_join(task, out)                                                                             \
    ac__twin_join(AC__TWIN(task), out, AC__TWIN_HAS_NONE(task) ? 0 : sizeof *(AC__TWIN_POINTER(task))0)
#define ac_cancel(task) ac__twin_cancel(AC__TWIN(task))
#define ac_detach(task) ac__twin_detach(AC__TWIN(task))
/* These end when their scope is left, and not by exit(). Of calls of main in main the outermost counts. */
#define ac_block_on(call)                                                                              \
    __extension__({                                                                                    \
        __attribute__((cleanup(ac__twin_block_on_ends))) char ac__end = 0;                             \
        (call);                                                                                        \
    })
#define AC__TWIN_MAIN                                                                                  \
    static int ac__mains;                                                                              \
    __attribute__((cleanup(ac__twin_main_ends))) int *ac__main = (ac__mains++, &ac__mains);
static inline void ac__twin_block_on_ends(char *unused)
{
    (void)unused;
    if (ac__twin_end)
        ac__twin_end();
}
static inline void ac__twin_main_ends(int **mains)
{
    if (--**mains == 0 && ac__twin_end)
        ac__twin_end();
}
/* What asyncc has no function for (a call through a pointer, or in a macro) is made at once. */
#define ac_spawn_local(call)                                                                           \
    ((ac_task(__typeof__(call)))(__UINTPTR_TYPE__)__extension__({                                      \
        struct {                                                                                       \
            struct ac__twin twin;                                                                      \
            __typeof__(AC__ELIDED_VALUE(call)) result;                                                 \
        } *ac__now = ac__twin_new(sizeof *ac__now, (__SIZE_TYPE__)((char *)&ac__now->result - (char *)ac__now), #call, 0, 0); \
        ac__now->result = AC__ELIDED_VALUE(call);                                                      \
        ac__twin_over(ac__now);                                                                        \
    }))
#else
/* A handle on a task of no result is an int, because void has no objects; volatile, so that
 * compilers don't complain of `await task;`, which is left as `task;`. */
#define ac_task(T)                                                                                     \
    __typeof__(__builtin_choose_expr(__builtin_types_compatible_p(T, void), *(volatile int *)0,        \
                                     ((__typeof__(T)(*)(void))0)()))
#define ac_spawn_local(call) AC__ELIDED_VALUE(call)
/* A future likewise: its call is made where the variable is. */
#define ac_future(T) ac_task(T)
#define ac_all(...) ((void)0)
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
#define ac_spawn(call) ac_spawn_local(call)

/* A call during which the others run, but not while its operands are evaluated. A constant is passed as it stands: 0 may be
 * for a null pointer. */
#define ac_spawn_blocking(fn, ...)                                                                     \
    __extension__({                                                                                    \
        __auto_type ac__function = (fn);                                                               \
        __auto_type ac__argument = (__VA_ARGS__);                                                      \
        (void)ac__argument;                                                                            \
        __attribute__((cleanup(ac__outside_over))) char ac__outside = ac__outside_begun();             \
        (void)ac__outside;                                                                             \
        ac__function(__builtin_choose_expr(__builtin_constant_p(__VA_ARGS__), (__VA_ARGS__), ac__argument)); \
    })

/* Where a program waits for ever is said with these calls' line. */
#define ac_channel_send(...) (ac__at(__FILE__, __LINE__), ac_channel_send(__VA_ARGS__))
#define ac_channel_receive(...) (ac__at(__FILE__, __LINE__), ac_channel_receive(__VA_ARGS__))
#define ac_oneshot_get(...) (ac__at(__FILE__, __LINE__), ac_oneshot_get(__VA_ARGS__))
#define ac_semaphore_acquire(...) (ac__at(__FILE__, __LINE__), ac_semaphore_acquire(__VA_ARGS__))
#define ac_mutex_lock(...) (ac__at(__FILE__, __LINE__), ac_mutex_lock(__VA_ARGS__))
#define ac_notified(...) (ac__at(__FILE__, __LINE__), ac_notified(__VA_ARGS__))
#endif

/** @file
 *  Tasks: futures that an executor drives.
 *
 *      async int main(void)
 *      {
 *          ac_task(int) a = ac_spawn_local(fetch("x")), b = ac_spawn_local(fetch("y"));
 *          return await a + await b;               // both have been running
 *      }
 *
 *  ac_spawn_local() gives a task to the executor of the calling thread, ac_spawn() to the pool of
 *  <ac/pool.h>, any of whose threads may run it.
 *
 *  What needs no task of its own is a future that the function keeps, in its own frame:
 *
 *          ac_future(int) a = fetch("x"), b = fetch("y");  // neither has started
 *          await ac_all(a, b);                             // both are driven
 *          return await a + await b;                       // their results
 *
 *  ac_task(T), ac_spawn, ac_spawn_local and ac_block_on are generic in T, so they are asyncc's: each
 *  use in an .ac file becomes a call of a function that asyncc writes for the callee (fetch__spawn,
 *  fetch__block_on), and these call what this header declares. */
#ifndef AC_TASK_H
#define AC_TASK_H
#include <ac/future.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ac_task;
typedef struct ac_task *ac_task__handle;

/* What is a task to those who don't mind of what type its result is. */
#ifdef __ASYNCC__
typedef void __attribute__((address_space(7701))) *ac_task__any;
#else
typedef ac_task__handle ac_task__any;
#endif

#ifdef __ASYNCC__
/* What asyncc parses. A task is a type of its own, a pointer into an address space that nothing
 * else uses, so that clang refuses to mix ac_task(int) with int, int * or ac_task(long). */
#define ac_task(T) __typeof__(__typeof__(T) __attribute__((address_space(7701))) *)
#define ac_spawn(call) ((ac_task(__typeof__(call)))ac__parse_spawn(((void)(call), 0)))
#define ac_spawn_local(call) ((ac_task(__typeof__(call)))ac__parse_spawn_local(((void)(call), 0)))
#define ac_block_on(call) (*(__typeof__(call) *)ac__parse_block_on(((void)(call), 0)))
/* Likewise a future; what it is initialised with gets ac__parse_future() around it. */
#define ac_future(T) __typeof__(__typeof__(T) __attribute__((address_space(7702))) *)
typedef void __attribute__((address_space(7702))) *ac_future__any;
ac_future__any ac__parse_future(int);
struct ac_all__frame {
    char unused;
};
AC_ASYNC void ac_all(ac_future__any, ...) AC_FRAME(struct ac_all__frame);
void *ac__parse_spawn(int);
void *ac__parse_spawn_local(int);
void *ac__parse_block_on(int);
#elif !defined AC__KEEP_GENERICS /* set while asyncc has macros expanded */
/** A handle on a task whose result is a T. It is used once: awaiting, joining, cancelling or detaching gives it back,
 *  and passing, returning or assigning it moves it. A local one that is still held on some way out of its function, or
 *  used when it is gone, is an error; a look at it (`if (task)`) says that the program sees to that. What a local holds
 *  where its function is cancelled is detached: the task goes on. */
#define ac_task(T) ac_task__handle
#endif

/* ac_future(T): a future that a local variable keeps, initialised by a call of an async function whose frame is
 * known in the file. The frame stands in that of the variable's function. Nothing of the call runs before the future is awaited, or
 * driven by ac_all; it is awaited once, and one that is still driven when its function is cancelled is
 * cancelled first.
 *
 * `await ac_all(f, g, ...)`: drives the futures, which are such variables, until all have finished. Whenever the task is woken,
 * each that hasn't is polled. Their results stay for `await f`. No allocation. */

/* A future that several places may drive has a byte beside it, for what its last poll said, or this. */
enum { AC__TAKEN = 2 };

/** A checked stop: the future that is awaited there was awaited before. For generated code. */
__attribute__((noreturn, cold)) void ac__future_taken(const char *function, const char *file, int line);

/** Drives a future to its end on the calling thread, which becomes its executor; tasks that it
 *  spawned locally run to their end too. Must not be called from async code: a checked stop. So is no
 *  memory for the executor, and nothing to wait with (no descriptor for epoll), once it has to.
 *
 *  @param type   the kind of future.
 *  @param frame  its frame, initialised by its init function and never polled; the caller's, and
 *                still there, finished, afterwards: the result is in it. */
void ac_block_on_future(const struct ac_future_type *type, void *frame);

/** Memory for one task, header and frame in one allocation.
 *  @return the frame, uninitialised, aligned as @p type asks; null when there is no memory. */
void *ac_task_new(const struct ac_future_type *type);

/** Gives the task to the executor of the calling thread, behind those that are ready already.
 *  @param frame  from ac_task_new, initialised; null is passed through.
 *  @return the handle, which somebody has to await; null for null. Outside of a poll that
 *          ac_block_on drives: a checked stop. */
ac_task__handle ac_task_spawn_local(void *frame);

/** Gives the task to the pool, see <ac/pool.h>, which is started if there is none: to the calling worker, or
 *  from elsewhere to all of them. A pool that can't be started is a checked stop.
 *  @param frame  from ac_task_new, initialised; null is passed through.
 *  @return the handle; null for null. Threads: any. Cost: one allocation, that of ac_task_new. */
ac_task__handle ac_task_spawn(void *frame);

/** A task, to be given to one of these, for a frame in a box that is alone on its stack (ac/boxes.h): a call through
 *  a pointer. The box goes when the task has finished, the result with the task. Null when there is no memory. */
void *ac__box_task(void *frame);

/** `await task`, as a leaf future. When it is ready, the result stands at ac_await__result, in
 *  the task's own memory, until ac_await__end frees that. A null handle (no memory for the
 *  task) and a cancelled task are checked stops. Cancelling the wait leaves the task running
 *  and frees it when it ends. */
struct ac_await__frame {
    struct ac_task *task;
};
void ac_await__init(struct ac_await__frame *, ac_task__handle task);
enum ac_poll ac_await__start(struct ac_await__frame *, struct ac_context *, ac_task__handle task);
enum ac_poll ac_await__poll(struct ac_await__frame *, struct ac_context *);
enum ac_poll ac_await__cancel(struct ac_await__frame *, struct ac_context *);
void *ac_await__result(struct ac_await__frame *);
void ac_await__end(struct ac_await__frame *);

/** Waits for the task's end: then its result has been copied to @p out, unless that is null, and the handle is
 *  given back. 0, -ECANCELED if there is no result because the task was cancelled, or
 *  -ENOMEM for a null handle. Cancelling the wait leaves the task running. */
struct ac_join__frame {
    struct ac_task *task;
    void *out;
    int result;
};
AC_ASYNC int ac_join(ac_task__any task, AC_NOESCAPE void *out) AC_FRAME(struct ac_join__frame);
void ac_join__init(struct ac_join__frame *, ac_task__handle task, void *out);
enum ac_poll ac_join__start(struct ac_join__frame *, struct ac_context *, ac_task__handle task, void *out);
enum ac_poll ac_join__poll(struct ac_join__frame *, struct ac_context *);
enum ac_poll ac_join__cancel(struct ac_join__frame *, struct ac_context *);

/** Cancels the task and waits until it is gone, with all that its cleanups await; or until it has ended by itself,
 *  if that comes first. The handle is given back. A null one is fine, the task itself a checked stop.
 *  Cancelling the wait doesn't stop the task's being cancelled. */
struct ac_cancel__frame {
    struct ac_task *task;
    unsigned char told;
};
AC_ASYNC void ac_cancel(ac_task__any task) AC_FRAME(struct ac_cancel__frame);
void ac_cancel__init(struct ac_cancel__frame *, ac_task__handle task);
enum ac_poll ac_cancel__start(struct ac_cancel__frame *, struct ac_context *, ac_task__handle task);
enum ac_poll ac_cancel__poll(struct ac_cancel__frame *, struct ac_context *);
enum ac_poll ac_cancel__cancel(struct ac_cancel__frame *, struct ac_context *);

/** Gives the handle back. The task goes on, and its result is dropped. */
void ac_detach(ac_task__any task);

/** Lets every other ready task of the executor run once. */
struct ac_yield_now__frame {
    unsigned char yielded;
};
AC_ASYNC void ac_yield_now(void) AC_FRAME(struct ac_yield_now__frame);
static inline void ac_yield_now__init(struct ac_yield_now__frame *self) { self->yielded = 0; }
static inline enum ac_poll ac_yield_now__poll(struct ac_yield_now__frame *self, struct ac_context *cx)
{
    if (self->yielded)
        return AC_READY;
    self->yielded = 1;
    ac_wake_by_ref(cx->waker);
    return AC_PENDING;
}
static inline enum ac_poll ac_yield_now__start(struct ac_yield_now__frame *self, struct ac_context *cx)
{
    ac_yield_now__init(self);
    return ac_yield_now__poll(self, cx);
}
/* Who is woken again has let the others run. */
static inline enum ac_poll ac_yield_now__resume(struct ac_yield_now__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}
static inline enum ac_poll ac_yield_now__cancel(struct ac_yield_now__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}

#ifdef __cplusplus
}
#endif
#endif

/** @file
 *  Tasks: futures that an executor drives.
 *
 *      #include <ac/ac.h>
 *
 *      static async int fetch(int x)
 *      {
 *          await ac_sleep(10 * AC_MS);
 *          return x;
 *      }
 *
 *      static async int kept(void)
 *      {
 *          ac_future(int) a = fetch(3), b = fetch(4);  // neither has started
 *          await ac_all(a, b);                         // both are driven
 *          return await a + await b;                   // their results
 *      }
 *
 *      async int main(void)
 *      {
 *          ac_task(int) a = ac_spawn_local(fetch(1)), b = ac_spawn_local(fetch(2));
 *          int sum = await a + await b;                // both have been running
 *          return sum + await kept() == 10 ? 0 : 1;
 *      }
 *
 *  ac_spawn_local() gives a task to the executor of the calling thread, ac_spawn() to the pool of
 *  <ac/pool.h>, any of whose threads may run it.
 *
 *  What needs no task of its own is a future that the function keeps, in its own frame, as `kept` does.
 *
 *  A task lives until it has ended and its handle is given back: the result stands in it. Of a thread's own executor it
 *  is used on that thread alone: its handle elsewhere is a checked stop. Of the pool any thread may have the handle,
 *  one at a time.
 *
 *  A task that is awaited when it is the next to be run is polled at once, within the poll of the one that awaits it,
 *  which goes on if that was all; and takes of that one's budget. It isn't polled within another that is itself.
 *
 *  Cost, in locked operations (6 ns each; <ac/sync.h> says what isn't counted): all that is said here has none on tasks
 *  of a thread's own executor, unless other threads wake them, see <ac/future.h>. For the pool each entry says how many
 *  there are, and <ac/pool.h> what a poll has.
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
#pragma GCC visibility push(default)

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
/** `ac_task(T) ac_spawn(T call)`: as ac_spawn_local(), on the pool, see <ac/pool.h>, which the first call starts (if
 *  that fails: a checked stop). The task may begin before this returns. What it is given by address is shared with
 *  it: asyncc refuses addresses of the caller's locals.
 *
 *  @return as ac_spawn_local().
 *
 *  Threads: any, in async code or not. Cost: as ac_spawn_local(), without a list from plain threads, and that of
 *  ac_task_spawn(). */
#define ac_spawn(call) ((ac_task(__typeof__(call)))ac__parse_spawn(((void)(call), 0)))
/** `ac_task(T) ac_spawn_local(T call)`: makes a task of a call of an async function, on the executor of the calling
 *  thread: it runs when the caller awaits something, behind those that are ready already. Its errno is the caller's
 *  at first.
 *
 *  @return the handle, the caller's to give back; null when there is no memory (nothing has run then): awaiting that
 *          is a checked stop, ac_join() says -ENOMEM.
 *
 *  Threads: those that run an executor, in async code or between ac_exec_enter() and ac_exec_leave(); elsewhere, and
 *  in a task of the pool, a checked stop. Cost: one allocation, header, frame and result, as a rule from a list of the
 *  executor's own: two locked operations when that is empty, for 32 tasks. */
#define ac_spawn_local(call) ((ac_task(__typeof__(call)))ac__parse_spawn_local(((void)(call), 0)))
/** `T ac_block_on(T call)`: drives a call of an async function to its end, from a plain function, and gives its
 *  result; ac_block_on_future() says what else. The frame is on the C stack. */
#define ac_block_on(call) (*(__typeof__(call) *)ac__parse_block_on(((void)(call), 0)))
/** `ac_future(T) f = call;`: a future that a local variable keeps, initialised by a call of an async function whose
 *  frame is known in the file. The frame stands in that of the variable's function. Nothing of the call runs before
 *  the future is awaited, or driven by ac_all; it is awaited once, and one that is still driven when its function is
 *  cancelled is cancelled first. Threads: the task's. Cost: that of the call. */
/* To asyncc a type likewise; what it is initialised with gets ac__parse_future() around it. */
#define ac_future(T) __typeof__(__typeof__(T) __attribute__((address_space(7702))) *)
typedef void __attribute__((address_space(7702))) *ac_future__any;
ac_future__any ac__parse_future(int);
struct ac_all__frame {
    char unused;
};
/** `await ac_all(f, g, ...)`: drives the futures, which are such variables, until all have finished. Their
 *  results stay for `await f`.
 *
 *  Cancelling: those that have started are cancelled, to their ends; what they lose they say. The results of those that
 *  had finished are lost. Cost: no allocation, no locked operation; whenever the task is woken, each that hasn't
 *  finished is polled. */
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
 *                still there, finished, afterwards: the result is in it.
 *
 *  Threads: any that runs no async code, each with an executor of its own. Cost: one allocation, nine locked
 *  operations, two for each time that it sleeps, and one epoll_wait(2) for each 64 polls once it has slept. */
void ac_block_on_future(const struct ac_future_type *type, void *frame);

/** Memory for one task, header and frame in one allocation.
 *  @return the frame, uninitialised, aligned as @p type asks; null when there is no memory. It is given to a task that
 *          is spawned, or else stays allocated: there is no way to give it back.
 *
 *  Threads: any; whose executor has freed such tasks takes from a list of its own. Cost: no locked operation then; two
 *  where the list is empty, which bring 32 of them, or where there is no executor. Frames of more than 448 bytes, or
 *  aligned to more than 16, are malloc()'s. The method is Bonwick's, "The slab allocator", USENIX 1994, with the
 *  magazines of 2001. */
void *ac_task_new(const struct ac_future_type *type);

/** Gives the task to the executor of the calling thread, behind those that are ready already.
 *  @param frame  from ac_task_new, initialised; null is passed through.
 *  @return the handle, which somebody has to give back; null for null.
 *
 *  Threads: as ac_spawn_local(), with its checked stops. Cost: O(1), no locked operation. */
ac_task__handle ac_task_spawn_local(void *frame);

/** Gives the task to the pool, see <ac/pool.h>, which is started if there is none: to the calling worker, or
 *  from elsewhere to all of them. A pool that can't be started is a checked stop.
 *  @param frame  from ac_task_new, initialised; null is passed through.
 *  @return the handle; null for null.
 *
 *  Threads: any. Cost, in locked operations: in a task of the pool none; one for the task, if there is one, that the
 *  poll has spawned or woken before, which makes room, and then one more and a write(2) if that rouses a parked
 *  thread. From elsewhere four, or six and a write(2). */
ac_task__handle ac_task_spawn(void *frame);

/** A task, to be given to one of these, for a frame in a box that is alone on its stack (ac/boxes.h): a call through
 *  a pointer. The box goes when the task has finished, the result with the task. Null when there is no memory. */
void *ac__box_task(void *frame);

/** `await task`, as a leaf future. When it is ready, the result stands at ac_await__result, in
 *  the task's own memory, until ac_await__end frees that. A null handle (no memory for the
 *  task) and a cancelled task are checked stops. So are a task that awaits itself, and on a thread's own executor one
 *  that is awaited twice at a time.
 *
 *  Cancelling: the task goes on and is freed when it ends; its result is lost. Threads and cost: as ac_join(). */
struct ac_await__frame {
    struct ac_task *task;
};
void ac_await__init(struct ac_await__frame *, ac_task__handle task);
enum ac_poll ac_await__start(struct ac_await__frame *, struct ac_context *, ac_task__handle task);
enum ac_poll ac_await__poll(struct ac_await__frame *, struct ac_context *);
enum ac_poll ac_await__cancel(struct ac_await__frame *, struct ac_context *);
void *ac_await__result(struct ac_await__frame *);
void ac_await__end(struct ac_await__frame *);

/** Waits for the task's end; then the handle is given back.
 *
 *  @param out  Where the result is copied to, or null. Has to stay until this has finished or was cancelled; written
 *              only as it finishes with 0.
 *  @return 0; -ECANCELED if there is no result because the task was cancelled; -ENOMEM for a null handle.
 *
 *  Cancelling: the task goes on, its handle is given back, and its result is lost. Threads: of a task of a thread's own
 *  executor that thread, of the pool's any; polled elsewhere, or by the task itself, a checked stop. Cost: O(1), no
 *  allocation. Of a task of the pool no locked operation if it is over; else two to wait, or three where a thread's own
 *  executor waits, and the wake; one more to cancel that. */
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
 *  if that comes first: then its result is dropped, and with it what the result owns, such as a socket that was
 *  accepted. ac_join() first, with ac_cancel() for what isn't over by then, tells of it. The handle is given back. A
 *  null one is fine, the task itself a checked stop.
 *
 *  Cancelling: doesn't stop the task's being cancelled, and nobody waits for that any more. Threads: as ac_join().
 *  Cost: of a task of the pool, a wake (see <ac/future.h>) and that of ac_join(). */
struct ac_cancel__frame {
    struct ac_task *task;
    unsigned char told;
};
AC_ASYNC void ac_cancel(ac_task__any task) AC_FRAME(struct ac_cancel__frame);
void ac_cancel__init(struct ac_cancel__frame *, ac_task__handle task);
enum ac_poll ac_cancel__start(struct ac_cancel__frame *, struct ac_context *, ac_task__handle task);
enum ac_poll ac_cancel__poll(struct ac_cancel__frame *, struct ac_context *);
enum ac_poll ac_cancel__cancel(struct ac_cancel__frame *, struct ac_context *);

/** Gives the handle back. The task goes on, and its result is dropped, with what it owns. Null is nothing.
 *
 *  Threads: of a task of a thread's own executor that thread, in async code or between ac_exec_enter() and
 *  ac_exec_leave(), else a checked stop; of the pool's any, in async code or not. Cost: O(1). Of a task of the pool one
 *  locked operation, none if it is over. */
void ac_detach(ac_task__any task);

/* A handle leaves a local that may hold none from then on; for generated code. */
#define ac__take(task)                                                                                     \
    __extension__({                                                                                        \
        ac_task__handle ac__taken = (task);                                                                \
        (task) = 0;                                                                                        \
        ac__taken;                                                                                         \
    })

/** Lets every other ready task of the executor run once; in the pool, those of the thread's queue, or other threads
 *  take them meanwhile.
 *
 *  Cancelling: nothing is lost. Threads: any that polls; by hand, too. Cost: a wake of oneself and a poll: on a
 *  thread's own executor no locked operation, in the pool four, and one more if a parked thread is roused for it. */
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

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

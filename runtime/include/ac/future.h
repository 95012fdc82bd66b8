/** @file
 *  The core of async C: what a future is, to whoever drives it or writes one by hand.
 *
 *  A *future* is a struct, its *frame*, and functions on it. asyncc makes them of async functions; this one is by
 *  hand, and `main` drives it by hand, too:
 *
 *      #include <ac/future.h>
 *
 *      // As it would stand in a plain header, which asyncc reads, too: there it is awaited like any other.
 *      struct tick__frame { unsigned char seen; int result; };
 *      AC_ASYNC int tick(void) AC_FRAME(struct tick__frame);
 *      static inline void tick__init(struct tick__frame *self) { self->seen = 0; }
 *      static inline enum ac_poll tick__poll(struct tick__frame *self, struct ac_context *cx)
 *      {
 *          if (self->seen++) { self->result = 1; return AC_READY; }
 *          ac_wake_by_ref(cx->waker);
 *          return AC_PENDING;
 *      }
 *      static inline enum ac_poll tick__cancel(struct tick__frame *self, struct ac_context *cx)
 *      { (void)self; (void)cx; return AC_READY; }
 *
 *      int main(void)
 *      {
 *          struct ac_waker nobody;
 *          struct ac_context cx = { .waker = ac_noop_waker(&nobody) };
 *          struct tick__frame frame;
 *          tick__init(&frame);
 *          while (tick__poll(&frame, &cx) == AC_PENDING)
 *              if (frame.seen > 2)
 *                  return tick__cancel(&frame, &cx);   // is given up, and not polled any more
 *          return frame.result == 1 ? 0 : 1;
 *      }
 *
 *  And `async int fetch(const char *url)` has
 *
 *      struct fetch__frame { ... int result; };
 *      void         fetch__init(struct fetch__frame *, const char *url);
 *      enum ac_poll fetch__start(struct fetch__frame *, struct ac_context *, const char *url);
 *      enum ac_poll fetch__poll(struct fetch__frame *, struct ac_context *);
 *      enum ac_poll fetch__cancel(struct fetch__frame *, struct ac_context *);
 *
 *  `init` stores the arguments and runs nothing. `poll` runs until the future is finished
 *  (AC_READY, the result is in the frame) or has to wait (AC_PENDING): then it has arranged that
 *  the context's *waker* is woken when polling again is worth while. `start` is init and the
 *  first poll in one. `cancel` is called in place of poll, until it says AC_READY: the future
 *  gives back what it holds and finishes without a result.
 *
 *  A frame may be moved until its first poll and is pinned from then on: it keeps its address
 *  until the future has finished.
 *
 *  Of one by hand tick__start is optional: without it asyncc calls init, then poll. So is tick__resume, with the
 *  parameters of poll, which is called in its place where the future is known to have been polled
 *  before. To a plain C compiler the declaration is that of the *blocking twin*, `int tick(void)`,
 *  for whoever defines one.
 *
 *  Threads: a frame is used by one at a time, who sees what the one before did. Cost: nothing here allocates, or does a
 *  locked operation, but for what a waker's functions do.
 *
 *  This header is freestanding, C11 and C++, includes no header of the C library's, and defines no
 *  name that doesn't begin with ac_, AC_ or ac__. */
#ifndef AC_FUTURE_H
#define AC_FUTURE_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** What a poll says. */
enum ac_poll {
    AC_PENDING = 0, /**< not finished; the waker will be woken */
    AC_READY = 1,   /**< finished; the result stands in the frame */
};

struct ac_waker;

/** What can be done to a waker. All four may be called from any thread, under a lock too, and none may poll. What was
 *  written before a wake is seen by the poll that follows it. */
struct ac_waker_ops {
    /** One more owner of the waker; the result is given back by `drop` or `wake`. */
    struct ac_waker *(*clone)(struct ac_waker *);
    /** Wakes and gives up one owner. */
    void (*wake)(struct ac_waker *);
    /** Wakes and keeps it. */
    void (*wake_by_ref)(struct ac_waker *);
    /** Gives up one owner. */
    void (*drop)(struct ac_waker *);
};

/** The handle by which a task is told to poll again. It is the first member of something larger, a
 *  task as a rule, so it is handled by address. A leaf inside a frame *borrows* the context's
 *  waker: the address stays good until the leaf is ready or cancelled. What may outlive the frame
 *  clones it.
 *
 *  The runtime's wakers cost, in locked operations (6 ns each; see <ac/sync.h> for what isn't counted):
 *
 *                                               wake_by_ref             clone   drop
 *      of a thread's own executor, there        0                         2       2
 *        from another thread                    2, or 3 if it is parked   2       2
 *      of the pool, by a thread of the pool     1 to 3                    1     0 or 1
 *        from any other                         5, or 7 if one is parked  1     0 or 1
 *
 *  That is for a task that is suspended. To wake one again before it is polled costs 0 on its executor's own thread,
 *  else 1. Of the pool's, who wakes has 1 on the task's word, a second if another task that the poll has woken or
 *  spawned has to make room for it, a third if that rouses a parked thread. Rousing is a write(2) besides, to an
 *  eventfd; it is put off until a lock under which it is due has been released, for which 2 more are needed but by a
 *  thread of the pool. To be polled after wakes from other threads costs an executor's task 1, and 1 for all that
 *  came together; what a poll costs in the pool is in <ac/pool.h>. `wake` is wake_by_ref and drop, but of the pool's
 *  it costs no more than the first. */
struct ac_waker {
    const struct ac_waker_ops *ops;
};

/** What a poll is told. Made by the executor for one poll; futures pass it on as it is. */
struct ac_context {
    struct ac_waker *waker; /**< who to wake; borrowed, see struct ac_waker */
    struct ac_exec *exec;   /**< the executor that polls, or null when driven by hand */
    unsigned budget;        /**< ready leaves left before the task should let others run */
    struct ac__boxes *boxes; /**< null at first: asyncc's own, the frame stack that is driven; ac/boxes.h */
};

/** One await of an async function: what is known of its child while the function is suspended there. */
struct ac_future_place {
    unsigned line; /**< 0: no await of the text's */
    enum {
        AC_PLACE_LEAF = 0,  /**< nothing more than its name                                        */
        AC_PLACE_CHILD = 1, /**< its frame is at `offset`, and `places` are its own                  */
        AC_PLACE_BOX = 2,   /**< at `offset` is a pointer to its frame, in a box of <ac/boxes.h>      */
        AC_PLACE_TASK = 3,  /**< a task is awaited; a struct ac_await__frame is at `offset`           */
    } kind;
    unsigned offset;                       /**< in the frame */
    const char *awaits;                    /**< the function that is called there */
    const struct ac_future_places *places; /**< or null */
};

/** Where the futures of one async function can be suspended. State n is place[n - 1]; state 0 hasn't begun. */
struct ac_future_places {
    const char *name, *file;
    unsigned state_offset, state_size; /**< of the unsigned number in the frame; of size 0: always state 1 */
    unsigned nplaces;
    const struct ac_future_place *place;
};

/** A kind of future, for whoever has its frame as bytes: executors, boxes. */
struct ac_future_type {
    const char *name;            /**< the async function's, for lists of tasks; a text that stays when the task goes */
    __SIZE_TYPE__ size, align;   /**< of the frame, bytes; the size is a multiple of the alignment, as of any struct */
    __SIZE_TYPE__ result_offset; /**< of the result in the frame, bytes */
    __SIZE_TYPE__ result_size;   /**< bytes; 0 for void */
    enum ac_poll (*poll)(void *frame, struct ac_context *);
    enum ac_poll (*cancel)(void *frame, struct ac_context *);
    const struct ac_future_places *places; /**< for lists of tasks; or null, as of futures by hand and after asyncc -P */
};

/** What a waker's functions do, by their names; threads and cost are theirs. */
static inline struct ac_waker *ac_waker_clone(struct ac_waker *waker) { return waker->ops->clone(waker); }
static inline void ac_wake(struct ac_waker *waker) { waker->ops->wake(waker); }
static inline void ac_wake_by_ref(struct ac_waker *waker) { waker->ops->wake_by_ref(waker); }
static inline void ac_waker_drop(struct ac_waker *waker) { waker->ops->drop(waker); }

static inline struct ac_waker *ac__noop_clone(struct ac_waker *waker) { return waker; }
static inline void ac__noop(struct ac_waker *waker) { (void)waker; }

/** A waker that does nothing, for polling by hand in a loop. Lives in @p storage, for as long as that does. Threads:
 *  any.
 *  @return its address. */
static inline struct ac_waker *ac_noop_waker(struct ac_waker *storage)
{
    static const struct ac_waker_ops noop = { ac__noop_clone, ac__noop, ac__noop, ac__noop };
    storage->ops = &noop;
    return storage;
}

/* AC_ASYNC is `async` for headers that plain C reads too; AC_FRAME names the frame of a future
 * that was written by hand; AC_FRAME_USED(bytes) beside it says that the future's functions never write what of the
 * struct comes after its first bytes, so that the caller's frame may go on there. AC_FRAME_MAX(bytes),
 * beside `async`, makes it an error if the function's frame
 * gets larger than that. AC_NOESCAPE, before a parameter, promises that no copy of the pointer outlives the call, or
 * the future that it makes: then a buffer that is passed there lives no longer than it is used, and shares its
 * place in the frame with others. AC_BOXED, beside `async`, keeps the function's frame out of its callers': each call
 * takes it from a stack of frames, as a recursive one does; for a large frame whose callers seldom get that
 * far. To a plain compiler all six are nothing. */
#ifdef __ASYNCC__
#define AC_ASYNC __asy
#define AC_FRAME(frame) __attribute__((annotate("ac_frame:" #frame)))
#define AC_FRAME_USED(bytes) __attribute__((annotate("ac_frame_used", bytes)))
#define AC_FRAME_MAX(bytes) __attribute__((annotate("ac_frame_max", bytes)))
#define AC_NOESCAPE __attribute__((noescape))
#define AC_BOXED __attribute__((annotate("ac_boxed")))
#elif !defined AC__KEEP_GENERICS /* set while asyncc has macros expanded: the words stay for it to read */
#define AC_ASYNC
#define AC_FRAME(frame)
#define AC_FRAME_USED(bytes)
#define AC_FRAME_MAX(bytes)
#define AC_NOESCAPE
#define AC_BOXED
#endif

/* The version of what asyncc's output, the runtime and another such output expect of each other: the types here and in
 * ac/boxes.h, memory.h, task.h and watch.h, the functions that are made, and who calls what when. To be raised with
 * each change after which an object of before the change and one of after it would link and then misunderstand each
 * other. */
#define AC__ABI 2

/* What asyncc writes: a frame is reached as bytes of a parent's, too, and not every program calls
 * every function that is made. */
#define AC__FRAME __attribute__((may_alias))
#define AC__UNUSED __attribute__((unused))
/* What a header that asyncc made has in each file that includes it: an object that neither compiler nor linker drops,
 * for what it refers to; and assertions on the layout. */
#ifdef __has_attribute
#if __has_attribute(retain)
#define AC__KEPT __attribute__((used, retain))
#endif
#endif
#ifndef AC__KEPT
#define AC__KEPT __attribute__((used))
#endif
#ifdef __cplusplus
#define AC__ASSERT(condition, message) static_assert(condition, message)
#define AC__BEGIN_C extern "C" {
#define AC__END_C }
#else
#define AC__ASSERT(condition, message) _Static_assert(condition, message)
#define AC__BEGIN_C
#define AC__END_C
#endif
/* Stands where a _Generic doesn't choose, as asyncc read it; never defined. */
void ac__not_chosen(void) __attribute__((error("this compiler chooses otherwise in a _Generic than asyncc did")));
/* AddressSanitizer looks at what is compiled. */
#ifdef __SANITIZE_ADDRESS__
#define AC__ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define AC__ASAN 1
#endif
#endif
/* A body that has labels as values, or assembly that may define labels, exists once. */
#ifdef __clang__
#define AC__ONE_BODY __attribute__((noinline))
#else
#define AC__ONE_BODY __attribute__((noinline, noclone))
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

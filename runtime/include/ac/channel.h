/** @file
 *  Channels: what one task gives, another gets.
 *
 *  A channel has two ends, which are handles of types of their own: an ac_sender(T) takes values of
 *  type T, an ac_receiver(T) gives them back in the same order. Handles are pointers, to be passed and stored
 *  at will. Each end counts: it is shared by ac_sender_share() and closed as often; when the last
 *  sender has been closed, receiving ends with -EPIPE once everything was received, and when the last
 *  receiver has been closed, sending does at once. With both ends the channel's memory goes.
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *
 *      static async void count(ac_sender(int) numbers, int n)
 *      {
 *          for (int i = 1; i <= n; i++)
 *              if (await ac_send(numbers, i) < 0)
 *                  break; // nobody listens
 *          ac_sender_close(numbers);
 *      }
 *
 *      async int main(void)
 *      {
 *          ac_sender(int) in;
 *          ac_receiver(int) out;
 *          if (ac_channel_open(&in, &out, 8) < 0)
 *              return 1;
 *          ac_task(void) counting = ac_spawn_local(count(in, 10));
 *          int number, sum = 0;
 *          while (await ac_receive(out, &number) == 0)
 *              sum += number;
 *          await counting;
 *          ac_receiver_close(out);
 *          printf("%d\n", sum);
 *      }
 *
 *  Any thread may use either end, as many tasks as like; a handle stays open while an operation on it
 *  goes on. Who waits is served first come, first served, and allocates nothing. Values are copied as
 *  bytes, and T is any object type but an array. The macros are type-checked, and evaluate the handle
 *  once; C++, and code that is generic at run time, has the functions that they call.
 *
 *  An *oneshot* is the channel for a single value: smaller, and its send never waits.
 *
 *  Everything here returns 0 or a negative errno: -EPIPE if the other end is closed, -EAGAIN from an
 *  ac_try_ operation that would have to wait, -ENOMEM.
 *
 *  Threads: any, in async code or not, unless an entry says otherwise; what waits is awaited, on any executor.
 *
 *  Each operation says how many locked operations of the processor it costs, where the process has more
 *  than one thread; see <ac/sync.h>, also for what isn't counted, and for what the operations do in elided programs.
 *  (There, a spawned task runs to its end at once: a channel into which it sends needs the room.) O(1), all of
 *  them but for closing and stopping, which wake whoever waits, and free what is there.
 *
 *  The method is the bounded buffer of two semaphores, one of free places and one of values (Dijkstra, "Cooperating
 *  sequential processes", EWD 123, 1965), with both counts under one lock, that of <ac/sync.h>; a place or a value goes
 *  straight to the first who waits for it. An unbounded channel is a list of blocks, one of which is kept when it is
 *  empty. An oneshot is one word, in which each end leaves a bit. */
#ifndef AC_CHANNEL_H
#define AC_CHANNEL_H
#include <ac/wait.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ac_channel;
struct ac_oneshot;

/* A handle is a pointer to a function that nobody calls: such types are the same for the same T, wherever they
 * are written, and compilers refuse to mix those of different ones. */
struct ac__sender { char unused; };
struct ac__receiver { char unused; };
struct ac__oneshot_sender { char unused; };
struct ac__oneshot_receiver { char unused; };
#define AC__HANDLE(T, end) __typeof__(__typeof__(T) *(*)(struct end))
/* The T of a handle. It is only named, so there is no function to define. */
struct ac__sender ac__a_sender(void);
struct ac__receiver ac__a_receiver(void);
struct ac__oneshot_sender ac__a_oneshot_sender(void);
struct ac__oneshot_receiver ac__a_oneshot_receiver(void);
#define AC__ELEMENT(handle, end) __typeof__(*(handle)(end()))
#define AC__BEHIND(handle, end) ((__UINTPTR_TYPE__)(handle) + 0 * sizeof(AC__ELEMENT(handle, end) *))
#define AC__SENDER(handle) ((struct ac_channel *)AC__BEHIND(handle, ac__a_sender))
#define AC__RECEIVER(handle) ((struct ac_channel *)AC__BEHIND(handle, ac__a_receiver))
#define AC__ONESHOT(handle, end) ((struct ac_oneshot *)AC__BEHIND(handle, end))
#define AC__VALUE(handle, end, ...) ((AC__ELEMENT(handle, end)[1]){ __VA_ARGS__ })
/* `out`, if it points to the handle's T; else an array has a negative size. */
#define AC__SAME_TYPE(a, b) (0 * sizeof(char[__builtin_types_compatible_p(a, b) ? 1 : -1]))
#define AC__INTO(handle, end, out) ((out) + AC__SAME_TYPE(__typeof__(*(out)), AC__ELEMENT(handle, end)))
/* The size of what both ends are for. */
#define AC__ENDS(sender, end, receiver, other)                                                                   \
    (sizeof(AC__ELEMENT(*(sender), end)) + AC__SAME_TYPE(AC__ELEMENT(*(sender), end), AC__ELEMENT(*(receiver), other)))

/* ---- channels ---- */

/** The ends of a channel of T. Null is no channel: it may be closed, and nothing else. */
#define ac_sender(T) AC__HANDLE(T, ac__sender)
#define ac_receiver(T) AC__HANDLE(T, ac__receiver)

/** A capacity: sending never waits. */
#define AC_UNBOUNDED ((__SIZE_TYPE__)-1)

/** `int ac_channel_open(ac_sender(T) *sender, ac_receiver(T) *receiver, size_t capacity)`
 *
 *  @param capacity  How many values are kept that nobody has received yet, at least 1; there is room for
 *                   them from the start. AC_UNBOUNDED takes memory as it needs it, 1 kB at a
 *                   time, and gives it back.
 *  @return 0; -ENOMEM; -EINVAL for a capacity of 0; then the handles are as they were.
 *
 *  Cost: one allocation, with the places of a bounded channel in it; no locked operation. */
#define ac_channel_open(sender, receiver, capacity)                                                               \
    ac_channel_new((sender), (receiver), AC__ENDS(sender, ac__a_sender, receiver, ac__a_receiver), capacity)

/** `int await ac_send(ac_sender(T) sender, T value)`: queues @p value, and waits until there is room.
 *  (The value may be in braces, as an initialiser.)
 *
 *  @return 0; -EPIPE: all receivers are closed, or have stopped; -ENOMEM: only if the channel is unbounded.
 *
 *  Cancelling: at once; the value was not sent, and the place in the queue is lost.
 *  Cost: two locked operations, four if it has to wait, and the wake of a receiver who waits. Four and an allocation,
 *  if the channel is unbounded and needs another block. Two to cancel one that waits. */
#define ac_send(sender, ...) ac_channel_send(AC__SENDER(sender), AC__VALUE(sender, ac__a_sender, __VA_ARGS__))

/** `int ac_try_send(ac_sender(T) sender, T value)`: as ac_send() where that would not wait, so always if the
 *  channel is unbounded.
 *  @return 0; -EPIPE and -ENOMEM as ac_send(); -EAGAIN: there is no room. Cost: that of an ac_send() that doesn't
 *          wait. */
#define ac_try_send(sender, ...)                                                                                  \
    ac_channel_try_send(AC__SENDER(sender), AC__VALUE(sender, ac__a_sender, __VA_ARGS__))

/** `int await ac_receive(ac_receiver(T) receiver, T *value)`: takes the oldest value, and waits for one.
 *
 *  @param value  Has to stay until the future has finished or was cancelled; written only as it
 *                finishes with 0.
 *  @return 0; -EPIPE: all has been received and all senders are closed.
 *
 *  Cancelling: at once; no value is lost, only the place in the queue: one that was his already goes to the next.
 *  Cost: two locked operations, four if it has to wait, and the wake of a sender who waits. Two to cancel one that
 *  waits. */
#define ac_receive(receiver, value)                                                                               \
    ac_channel_receive(AC__RECEIVER(receiver), AC__INTO(receiver, ac__a_receiver, value))

/** `int ac_try_receive(ac_receiver(T) receiver, T *value)`: as ac_receive() where that would not wait.
 *  @return 0; -EPIPE as ac_receive(); -EAGAIN if there is no value that nobody else waits for, and then @p value is
 *          as it was. Cost: two locked operations, and the wake of a sender who waits. */
#define ac_try_receive(receiver, value)                                                                           \
    ac_channel_try_receive(AC__RECEIVER(receiver), AC__INTO(receiver, ac__a_receiver, value))

/** One more owner of that end: it has to be closed once more. An end that is closed, by its last owner, is a checked
 *  stop while the other is open. @return the handle. Cost: two locked operations. */
#define ac_sender_share(sender)                                                                                   \
    ((AC__HANDLE(AC__ELEMENT(sender, ac__a_sender), ac__sender))(__UINTPTR_TYPE__)ac_channel_share_sender(        \
        AC__SENDER(sender)))
#define ac_receiver_share(receiver)                                                                               \
    ((AC__HANDLE(AC__ELEMENT(receiver, ac__a_receiver), ac__receiver))(__UINTPTR_TYPE__)                          \
         ac_channel_share_receiver(AC__RECEIVER(receiver)))

/** Gives the handle up. Null is nothing. The last receiver's takes with it what was never received: values that
 *  own something are received first, after ac_receiver_stop(). Closing an end more often than it has owners, while
 *  the other end is open, is a checked stop, and so is closing its last handle while an operation on it waits.
 *  Cost: two locked operations, and the wakes of all who wait at the other end if it was the last; what is left is
 *  freed by the last of both ends. */
#define ac_sender_close(sender) ac_channel_close_sender(AC__SENDER(sender))
#define ac_receiver_close(receiver) ac_channel_close_receiver(AC__RECEIVER(receiver))

/** From now on sending is -EPIPE; what has been sent can be received, and then receiving is -EPIPE, too. The handle
 *  stays to be closed. Cost: two locked operations, and the wakes of all senders who wait. */
#define ac_receiver_stop(receiver) ac_channel_stop(AC__RECEIVER(receiver))

/* ---- what the macros call ----
 *
 * For C++, and for code that is generic at run time. A handle is a struct ac_channel *, of either end, and which end a
 * call is about its name says. Errors, threads, cost and cancelling are the macros'. */

/** ac_channel_open(): a channel whose elements are @p size bytes each, 0 as well.
 *  @param sender, receiver  Point to handles of any T, or to struct ac_channel *; both are set to the same address. */
int ac_channel_new(void *sender, void *receiver, __SIZE_TYPE__ size, __SIZE_TYPE__ capacity);
/** ac_try_send(): copies the channel's size of bytes from @p value. */
int ac_channel_try_send(struct ac_channel *, const void *value);
/** ac_try_receive(): copies as many to @p value, if it returns 0. */
int ac_channel_try_receive(struct ac_channel *, void *value);
/** ac_sender_share(), ac_receiver_share(). @return the argument. */
struct ac_channel *ac_channel_share_sender(struct ac_channel *);
struct ac_channel *ac_channel_share_receiver(struct ac_channel *);
/** ac_sender_close(), ac_receiver_close(). */
void ac_channel_close_sender(struct ac_channel *);
void ac_channel_close_receiver(struct ac_channel *);
/** ac_receiver_stop(). */
void ac_channel_stop(struct ac_channel *);

struct ac_channel_send__frame {
    struct ac__waiter wait;
    struct ac_channel *channel;
    const void *value;
    int result;
};
/** ac_send().
 *  @param value  Copied when there is room. Has to stay until the future has finished or was cancelled. */
AC_ASYNC int ac_channel_send(struct ac_channel *, const void *value) AC_FRAME(struct ac_channel_send__frame);
void ac_channel_send__init(struct ac_channel_send__frame *, struct ac_channel *, const void *value);
enum ac_poll ac_channel_send__start(struct ac_channel_send__frame *, struct ac_context *, struct ac_channel *,
                                    const void *value);
enum ac_poll ac_channel_send__poll(struct ac_channel_send__frame *, struct ac_context *);
enum ac_poll ac_channel_send__cancel(struct ac_channel_send__frame *, struct ac_context *);

struct ac_channel_receive__frame {
    struct ac__waiter wait;
    struct ac_channel *channel;
    void *value;
    int result;
};
/** ac_receive().
 *  @param value  Has to stay until the future has finished or was cancelled; written only as it finishes with 0. */
AC_ASYNC int ac_channel_receive(struct ac_channel *, void *value) AC_FRAME(struct ac_channel_receive__frame);
void ac_channel_receive__init(struct ac_channel_receive__frame *, struct ac_channel *, void *value);
enum ac_poll ac_channel_receive__start(struct ac_channel_receive__frame *, struct ac_context *,
                                       struct ac_channel *, void *value);
enum ac_poll ac_channel_receive__poll(struct ac_channel_receive__frame *, struct ac_context *);
enum ac_poll ac_channel_receive__cancel(struct ac_channel_receive__frame *, struct ac_context *);

/* ---- oneshots ---- */

/** The ends of an oneshot of T. Each is closed once, after a send or receive as well as without; with both its memory
 *  goes. */
#define ac_oneshot_sender(T) AC__HANDLE(T, ac__oneshot_sender)
#define ac_oneshot_receiver(T) AC__HANDLE(T, ac__oneshot_receiver)

/** `int ac_oneshot_open(ac_oneshot_sender(T) *sender, ac_oneshot_receiver(T) *receiver)`
 *  @return 0; -ENOMEM, and then the handles are as they were.
 *  Cost: one allocation, with the room for the value; no locked operation. */
#define ac_oneshot_open(sender, receiver)                                                                         \
    ac_oneshot_new((sender), (receiver),                                                                          \
                   AC__ENDS(sender, ac__a_oneshot_sender, receiver, ac__a_oneshot_receiver))

/** `int ac_oneshot_send(ac_oneshot_sender(T) sender, T value)`: a plain call, which never waits. A second
 *  one is a checked stop.
 *  @return 0: the receiver can have it; -EPIPE: he has closed, and the value is lost.
 *  Cost: one locked operation, none if he has closed; two and the wake, if the receiver waits. */
#define ac_oneshot_send(sender, ...)                                                                              \
    ac_oneshot_put(AC__ONESHOT(sender, ac__a_oneshot_sender), AC__VALUE(sender, ac__a_oneshot_sender, __VA_ARGS__))

/** `int await ac_oneshot_receive(ac_oneshot_receiver(T) receiver, T *value)`: takes the value, and waits for it.
 *
 *  @param value  As for ac_receive().
 *  @return 0; -EPIPE: the sender has closed and sent nothing, or the value has been received before.
 *
 *  Cancelling: at once; nothing is lost. Threads: any, but one after the other: a second task that waits is a checked
 *  stop.
 *  Cost: no locked operation, if the value is there; two if it has to wait. Two to cancel one that waits. */
#define ac_oneshot_receive(receiver, value)                                                                       \
    ac_oneshot_get(AC__ONESHOT(receiver, ac__a_oneshot_receiver), AC__INTO(receiver, ac__a_oneshot_receiver, value))

/** `int ac_oneshot_try_receive(ac_oneshot_receiver(T) receiver, T *value)`: as ac_oneshot_receive() where that would
 *  not wait.
 *  @return 0; -EPIPE as ac_oneshot_receive(); -EAGAIN: nothing has been sent yet. Threads: any, but nobody else may
 *          receive at the same time. Cost: no locked operation. */
#define ac_oneshot_try_receive(receiver, value)                                                                   \
    ac_oneshot_try_get(AC__ONESHOT(receiver, ac__a_oneshot_receiver), AC__INTO(receiver, ac__a_oneshot_receiver, value))

/** Give the handle up. Null is nothing. A value that was never received goes with the second. Closing an end again
 *  while the other is open is a checked stop, and so is closing the receiver while a task waits for the value. (The
 *  sender may be closed then: that task gets -EPIPE.)
 *  Cost: one locked operation; the second to close has none, and frees the memory. Closing the sender under a
 *  receiver who waits: two and the wake. */
#define ac_oneshot_sender_close(sender) ac_oneshot_close_sender(AC__ONESHOT(sender, ac__a_oneshot_sender))
#define ac_oneshot_receiver_close(receiver) ac_oneshot_close_receiver(AC__ONESHOT(receiver, ac__a_oneshot_receiver))

/* ---- what these macros call, as above ---- */

/** ac_oneshot_open(): for a value of @p size bytes. @p sender and @p receiver are set to the same address. */
int ac_oneshot_new(void *sender, void *receiver, __SIZE_TYPE__ size);
/** ac_oneshot_send(): copies as many bytes from @p value. */
int ac_oneshot_put(struct ac_oneshot *, const void *value);
/** ac_oneshot_try_receive(): copies as many to @p value, if it returns 0. */
int ac_oneshot_try_get(struct ac_oneshot *, void *value);
/** ac_oneshot_sender_close(), ac_oneshot_receiver_close(). */
void ac_oneshot_close_sender(struct ac_oneshot *);
void ac_oneshot_close_receiver(struct ac_oneshot *);

struct ac_oneshot_get__frame {
    struct ac_oneshot *oneshot;
    void *value;
    struct ac_waker *waker; /* borrowed, while it waits */
    unsigned char state;
    int result;
};
/** ac_oneshot_receive().
 *  @param value  Has to stay until the future has finished or was cancelled; written only as it finishes with 0. */
AC_ASYNC int ac_oneshot_get(struct ac_oneshot *, void *value) AC_FRAME(struct ac_oneshot_get__frame);
void ac_oneshot_get__init(struct ac_oneshot_get__frame *, struct ac_oneshot *, void *value);
enum ac_poll ac_oneshot_get__start(struct ac_oneshot_get__frame *, struct ac_context *, struct ac_oneshot *,
                                   void *value);
enum ac_poll ac_oneshot_get__poll(struct ac_oneshot_get__frame *, struct ac_context *);
enum ac_poll ac_oneshot_get__cancel(struct ac_oneshot_get__frame *, struct ac_context *);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

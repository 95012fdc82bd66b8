/* exec.h - the runtime from the inside: what its files share.
 *
 * An executor drives futures on one thread. Its life is ac_block_on_future() in executor.c (or embed.c, by turns):
 *
 *     ready queue --poll--> futures --wait for--> timers, descriptors, jobs, other tasks
 *         ^                                            |
 *         +----------------- wake ---------------------+
 *
 * It polls what is ready, in the order in which it became so; each leaf future that has to wait
 * leaves the waker of its task somewhere, and whoever has news wakes it, which puts the task into
 * the queue again. With nothing ready the executor parks in its reactor, until a descriptor
 * is ready, a timer is due, or another thread has put something into the inbox.
 *
 * A file per concept: task.c is the task and its word, executor.c the loop, timer.c the wheel,
 * clock.c the time, descriptor.c and epoll.c the reactor, blocking.c the threads that may
 * block, job.c what a task waits for there; seen.c lists the executors for observe.c. On top of them stand the leaf
 * futures: sleep.c, signals_next.c, io.c, net.c, dns.c, call.c. The files named
 * x_blocking.c are the same operations for elided programs and use none of this. */
#ifndef AC__EXEC_H
#define AC__EXEC_H
#include <ac/task.h>
#include <ac/time.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor.h"
#include "slab.h"
#include "timer.h"

/* ---- stop.c ---- */

/* Ends the program: @p function was used in a way that has no meaning. For mistakes of the
 * program's, which it can't handle at run time, and for the few calls that can't return an error. */
_Noreturn __attribute__((format(printf, 2, 3))) void ac__stop(const char *function, const char *why,
                                                              ...);

/* ---- clock.c ---- */

/* The clock of a thread. The executor takes the one of the thread that it runs on. */
struct ac__clock {
    bool paused;
    uint64_t now_ns;   /* while paused: the time that it shows           */
    uint64_t ahead_ns; /* how far it is before the system's, after pauses */
};
struct ac__clock *ac__clock_of_thread(void);
/* From now on the calling thread's is this one. */
void ac__clock_share(struct ac__clock *);
uint64_t ac__clock_now(const struct ac__clock *);

/* ---- interval.c ---- */

/* Takes the tick that is due, at the time @p now_ns: gives when that was, and sets the next. */
uint64_t ac__interval_take(struct ac_interval *, uint64_t now_ns);

/* ---- task.c ---- */

/* A task: this header, and behind it the frame with the result, in one allocation.
 *
 * What a task costs that is asleep, on x86-64:
 *
 *      64   this header
 *      40   frame: an ac_sleep() or ac_notified(), and the state of the function around it; more, where it has locals
 *       0   the allocator's, see slab.h
 *     104   bytes; the handle is the spawner's. tests/runtime/memory.c holds to it.
 *
 * The task word. What the executor's own thread needs to know about a task is in `word`, which is
 * plain: only that thread reads and writes it. A task is polled when it is in the ready queue,
 * and TASK_SCHEDULED says that it is, or that it will be as soon as the poll that is running
 * now is over; so a task is in the queue at most once, and a hundred wakes before a poll cost one
 * poll. A wake sets SCHEDULED and puts the task at the end of the queue, unless it is one that
 * is running, for then the executor does that once the poll has returned AC_PENDING. The executor
 * clears SCHEDULED before the poll, so that a wake that comes during it counts. TASK_FINISHED
 * is set once, after the poll that says AC_READY; from then on wakes do nothing and the frame
 * holds the result. TASK_HANDLE says that somebody holds the handle and will read the
 * result; it is set by spawning, and cleared when the result was taken or nobody wants it.
 * With FINISHED set and HANDLE clear the executor's interest in the task is over. The upper bits are
 * the size of the memory, see slab.h, which stays.
 *
 * Other threads know a task only by its waker, and touch nothing but `shared`, which is atomic:
 * a count of references, each AC__REFERENCE, and the bit AC__INBOX. The executor has one reference
 * for as long as it is interested, and each clone of the waker one. Whoever takes the last
 * frees the task. AC__INBOX says that the task is in the executor's inbox, or about to be pushed by
 * the thread that set the bit (the thread that finds it set need do nothing: that push is owed).
 * Setting it releases what the waking thread wrote; the executor takes the task out, schedules it,
 * and then clears the bit, which acquires it: so the poll that follows sees what was
 * written before the wake. A wake that comes after the clearing pushes again. The bit holds the
 * memory like a reference: who drops the last reference while it is set leaves the task to
 * whoever empties the inbox.
 *
 * The executor is one allocation too, counted by `refs`: one of ac_block_on_future()'s or of the embedder's, and one with each
 * clone. So a waker that outlives block_on finds memory, an inbox that nobody will read, and
 * nobody parked; the last clone frees it.
 *
 * `next`, `saved_errno` and `joiner` are the executor's thread's; `inbox_next` belongs to the
 * pusher until the push, then to the inbox; the rest doesn't change after spawning. */
struct ac_task {
    struct ac_waker waker; /* first: a waker's address is its task's */
    union {
        struct ac_exec *exec;
        struct ac_task **all_link; /* of a pool's task: in the list of all of its home */
    };
    const struct ac_future_type *type;
    struct ac_task *next; /* in the ready queue; of a pool's task: in the injector */
    union {
        struct ac_task *inbox_next;
        struct ac_task *all_next;
    };
    struct ac_waker *joiner; /* who awaits the task, borrowed from his leaf; or null */
    _Atomic unsigned shared;
    unsigned short word;
    unsigned short home; /* of a pool's task: the worker on whose list it is; of others: half of ac__place() */
    int saved_errno;     /* the task's errno while it isn't polled */
    /* Where in its chunk this stands, in steps of 8 bytes, see slab.h. Set before spawning. */
    unsigned block : 18;
    unsigned place_high : 14; /* see ac__place() */
};

enum {
    TASK_SCHEDULED = 1 << 0,
    TASK_FINISHED = 1 << 1,
    TASK_HANDLE = 1 << 2,
    TASK_ROOT = 1 << 3, /* block_on's: the header is in the executor, the frame the caller's */
    TASK_POOL = 1 << 4, /* a pool's, by the rules of pool.h. Set before spawning and never changed */
    TASK_CANCEL = 1 << 5,    /* cancelled instead of polled from now on */
    TASK_CANCELLED = 1 << 6, /* with FINISHED: there is no result */
    TASK_LISTED = 1 << 7,    /* in its executor's list of all, or needs no list */
    TASK_SLAB = 1 << 9,      /* from here on the index of slab.h's size; 0: in memory of malloc's */
};
_Static_assert(AC__SLAB_SIZES <= 1 << 7, "the word has 16 bits");

/* As it is before the task is spawned. */
static inline unsigned ac__fresh_word(const struct ac_task *task) { return task->word & ~(TASK_SLAB - 1u); }
static inline bool ac__is_spawned(const struct ac_task *task) { return task->word & (TASK_SLAB - 1u); }

/* What ac_await, ac_join and ac_cancel have in their frames: the task, and in the pointer's lowest bit, whether it is for
 * this leaf that it knows whom to wake. So a leaf may change its waker, and a second one is told from it. */
#define AC__JOINS ((uintptr_t)1)
static inline struct ac_task *ac__joined_task(struct ac_task *held) { return (struct ac_task *)((uintptr_t)held & ~AC__JOINS); }
static inline bool ac__joins(struct ac_task *held) { return (uintptr_t)held & AC__JOINS; }

/* The task is awaited, and has no result. */
_Noreturn void ac__stop_cancelled(const struct ac_task *);

/* What joining says: the waker will be woken, or the task has finished, with a result or without. */
enum ac__joined { AC__NOT_YET = AC_PENDING, AC__ENDED = AC_READY, AC__ENDED_CANCELLED };

/* What can be done with the handle of a pool's task. Its waker's functions come first, so that the
 * task's pointer to them leads here, and no program has the pool in it but one that spawns on it. */
struct ac__task_ops {
    struct ac_waker_ops waker;
    enum ac__joined (*join)(struct ac_task **held, struct ac_context *, const char *function); /* ended: without the bit */
    enum ac_poll (*await)(struct ac_task **held, struct ac_context *); /* likewise; ended without a result: a stop */
    void (*leave)(struct ac_task *); /* whoever joined it doesn't wait any longer */
    void (*cancel)(struct ac_task *);
    void (*give_back)(struct ac_task *); /* the handle */
};

/* Of one with TASK_LISTED: where it is in its executor's list of all. */
static inline unsigned ac__place(const struct ac_task *task) { return (unsigned)task->place_high << 16 | task->home; }
static inline void ac__set_place(struct ac_task *task, unsigned place)
{
    task->home = (unsigned short)place;
    task->place_high = place >> 16 & 0x3fff;
}

#define AC__INBOX 1u
#define AC__REFERENCE 2u

/* Its executor's root is polled from now on; its type is set, the rest is not. */
void ac__task_start_root(struct ac_exec *);
void ac__task_free(struct ac_task *);
extern const struct ac_waker_ops ac__task_waker;
/* Cancels a task of this thread's executor, if it has not finished. */
void ac__task_cancel(struct ac_task *);
/* The executor's interest in the task is over. */
void ac__task_release(struct ac_task *);
/* A task of no handle is put into the inbox of another thread's executor, which polls it if it isn't about to end;
 * whoever keeps it from ending may call. The poll counts the task itself, in `spawned`. */
void ac__task_post(struct ac_task *, struct ac_exec *);
/* Schedules, or frees, each task that other threads have put into the inbox. */
void ac__inbox_empty(struct ac_exec *);

/* ---- executor.c ---- */

struct ac_exec {
    struct ac_task *ready, *ready_last; /* first and last, linked by next; the last only if there is a first */
    struct ac_task *running;            /* whose poll is on the stack, or null               */
    struct ac_task *outer;              /* who awaits that one, and is being polled, or null */
    int *thread_errno;                  /* of its thread, to find which is a call            */
    struct ac__clock *clock;
    struct ac__wheel *wheel;     /* null until something sleeps */
    struct ac__reactor *reactor; /* null until something waits that only it can wake */
    struct ac__fd *slot;         /* the reactor's that was used last; never null, see reactor.h */
    void (*release_jobs)(void);  /* blocking.c's, once a task of ours has used it */
    struct ac__shelf shelf;      /* memory for tasks to come */
    struct ac__worker *worker;   /* null; or this is the face of a worker of the pool, see pool.h */
    bool lists;     /* keeps a list of its tasks                            */
    bool lists_all; /* with those that have ended, and whose handle is out */
    bool ends;      /* whatever becomes ready is cancelled                  */
    /* For listings, and for ac__exec_cancel(): the tasks that have been pending; for listings also those that have
     * finished and whose handle is still out. */
    struct ac_task **all;
    unsigned nall, all_room;
    long thread;               /* the system's number of it */
    struct ac_exec *next_seen; /* seen.h */
    _Atomic uint64_t spawned, finished, polls, parks; /* read by any thread */

    /* From here on any thread that holds a clone of a waker. */
    _Atomic(struct ac_task *) inbox; /* last to first, linked by inbox_next */
    _Atomic unsigned parked;         /* 1 while the executor sleeps, or is about to, and must be unparked */
    _Atomic unsigned refs;
    struct ac_task root;
    void *root_frame;
};

/* Behind all that are ready. A task of this thread's that isn't queued. */
static inline void ac__exec_queue(struct ac_exec *exec, struct ac_task *task)
{
    task->next = NULL;
    if (exec->ready == NULL)
        exec->ready = task;
    else
        exec->ready_last->next = task;
    exec->ready_last = task;
}

/* Puts a task where its executor will find it. On the executor's thread. */
static inline void ac__exec_schedule(struct ac_exec *exec, struct ac_task *task)
{
    unsigned word = task->word;
    if (word & (TASK_SCHEDULED | TASK_FINISHED))
        return;
    task->word = (unsigned short)(word | TASK_SCHEDULED);
    if (task != exec->running && task != exec->outer)
        ac__exec_queue(exec, task);
}

/* How many were spawned here and haven't finished. On the executor's thread. */
static inline size_t ac__exec_ntasks(const struct ac_exec *exec)
{
    return (size_t)(atomic_load_explicit(&exec->spawned, memory_order_relaxed)
                    - atomic_load_explicit(&exec->finished, memory_order_relaxed));
}

static inline void *ac__task_frame(struct ac_task *task)
{
    return task->word & TASK_ROOT ? task->exec->root_frame : task + 1;
}

/* The executor that runs on this thread, or null. At file level because a plain function, which
 * is handed no context, has to find it: ac_task_spawn_local() must know where it is.
 * Every wake reads it: the model of access spares that a call where the library is position independent. */
extern _Thread_local __attribute__((tls_model("initial-exec"))) struct ac_exec *ac__current;

/* The executor that polls, for a leaf that needs one. Polled by hand outside of one: a stop. */
struct ac_exec *ac__exec_sought(const struct ac_context *, const char *function);
static inline struct ac_exec *ac__exec_of(const struct ac_context *cx, const char *function)
{
    struct ac_exec *exec = cx->exec;
    return exec != NULL && exec == ac__current ? exec : ac__exec_sought(cx, function);
}
/* The reactor and the wheel, made when they are first needed. The reactor may fail: null and errno. */
struct ac__reactor *ac__exec_open_reactor(struct ac_exec *);
static inline struct ac__reactor *ac__exec_reactor(struct ac_exec *exec)
{
    return exec->reactor != NULL ? exec->reactor : ac__exec_open_reactor(exec);
}
struct ac__wheel *ac__exec_wheel(struct ac_exec *, const char *function);
/* Whether the calling thread made it, for itself. */
static inline bool ac__exec_is_of_thread(const struct ac_exec *exec) { return exec->clock == ac__clock_of_thread(); }
/* For the calling thread; null: no memory. Ended when no task is left. */
struct ac_exec *ac__exec_new(void);
void ac__exec_end(struct ac_exec *);
void ac__exec_unref(struct ac_exec *);
/* A turn that doesn't park, of one that has its reactor: what is known of the world, and then what is ready. */
void ac__exec_turn(struct ac_exec *);
/* Whether the task may be polled at once, within the poll of the one that is running and awaits it. That is so where it
 * is next anyway; and no deeper than that, for the sake of the stack. */
static inline bool ac__exec_may_nest(const struct ac_exec *exec, const struct ac_task *task,
                                     const struct ac_context *cx)
{
    return task == exec->ready && exec->outer == NULL && exec->running != NULL && cx->budget > 0
           && !(exec->ends || task->word & TASK_CANCEL);
}
/* Polls it so. True: it has finished. */
bool ac__exec_run_nested(struct ac_exec *, struct ac_context *);
/* A round of the loop: parks until there is something to do, and does it. */
void ac__exec_round(struct ac_exec *);
/* Cancels all its tasks, and from now on each that becomes ready, new ones too. */
void ac__exec_cancel(struct ac_exec *);
/* Into the list of all, if the executor keeps one, and out of it. Without memory for the list the task isn't
 * listed. */
void ac__exec_list(struct ac_task *);
void ac__exec_take_from_list(struct ac_task *);
static inline void ac__exec_unlist(struct ac_task *task)
{
    if (task->word & TASK_LISTED)
        ac__exec_take_from_list(task);
}

enum { AC__BUDGET = 128 }; /* ready leaves a task may take in one poll */

/* Takes one of the context's ready leaves. False: the task has had its share, and is woken; the leaf
 * says AC_PENDING and has consumed nothing. A future that is driven by hand has no limit. */
static inline bool ac__spend(struct ac_context *cx)
{
    if (cx->exec == NULL)
        return true;
    if (cx->budget == 0) {
        ac_wake_by_ref(cx->waker);
        return false;
    }
    cx->budget--;
    return true;
}
#endif

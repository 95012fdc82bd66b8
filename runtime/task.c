/* task.c - tasks: their memory, their wakers, spawning and awaiting them. The rules of who may touch
 * what are beside struct ac_task, in exec.h. */
#include "lock.h"
#include "seen.h"
#include "sys_memory.h"

#include <ac/embed.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Apart from what is usual, which needs no stack frame. */
#define NOINLINE __attribute__((noinline))

static struct ac_task *task_of(struct ac_waker *waker) { return (struct ac_task *)waker; }

/* ---- memory ----
 *
 * A block of slab.h's is the header and the frame. Larger ones:
 *
 *     | padding | struct ac_task | frame, with the result |
 *     ^ what malloc gave         ^ aligned as the type asks
 *
 * The header ends where the frame begins, so each is found from the other; only a frame with an
 * alignment above the header's size has padding before. */

static size_t frame_offset(const struct ac_future_type *type)
{
    size_t align = type->align < sizeof(struct ac_task) ? sizeof(struct ac_task) : type->align;
    return align; /* the header's size and the alignment are powers of two: the larger is both's multiple */
}

_Static_assert((sizeof(struct ac_task) & (sizeof(struct ac_task) - 1)) == 0,
               "frame_offset() takes the header's size for a power of two");

/* Which of slab.h's sizes a task has, if it has one. Its size is a multiple of its alignment. */
static inline bool has_slab(const struct ac_future_type *type)
{
    return AC__SLABS && type->size <= AC__SLAB_MOST - sizeof(struct ac_task) && type->align <= _Alignof(max_align_t);
}
static inline unsigned slab_of(const struct ac_future_type *type)
{
    return (unsigned)((sizeof(struct ac_task) + type->size + AC__SLAB_STEP - 1) / AC__SLAB_STEP);
}

static NOINLINE void give_to_depot(struct ac_task *task, unsigned index)
{
    ac__slab_give(ac__current == NULL ? NULL : &ac__current->shelf, task, index);
}

/* @p exec: the thread's, or null. */
static inline void give_slab(struct ac_exec *exec, struct ac_task *task, unsigned index)
{
    if (exec == NULL || exec->shelf.n[index] == 2 * AC__SLAB_BATCH) {
        give_to_depot(task, index);
        return;
    }
    task->next = exec->shelf.first[index];
    exec->shelf.first[index] = task;
    exec->shelf.n[index]++;
}

static struct ac_task *allocate(const struct ac_future_type *type)
{
    size_t offset = frame_offset(type);
    char *memory;
    if (type->size > PTRDIFF_MAX - 2 * offset)
        return NULL;
    if (type->align <= _Alignof(max_align_t))
        memory = ac__sys_malloc(offset + type->size);
    else /* aligned_alloc wants a size that is a multiple of the alignment */
        memory = ac__sys_aligned_alloc(type->align, (offset + type->size + type->align - 1) & ~(type->align - 1));
    if (memory == NULL)
        return NULL;
    return (struct ac_task *)(memory + offset) - 1;
}

static inline void *begin(struct ac_task *task, const struct ac_future_type *type, unsigned slab)
{
    task->type = type;
    task->word = (unsigned short)(slab * TASK_SLAB);
    return task + 1;
}

/* Where the shelf has none. */
static NOINLINE void *new_task(const struct ac_future_type *type)
{
    unsigned slab = has_slab(type) ? slab_of(type) : 0;
    struct ac_task *task;
    if (slab == 0)
        task = allocate(type);
    else if (ac__fails(AC__MEMORY, NULL))
        task = NULL;
    else
        task = ac__slab_take(ac__current == NULL ? NULL : &ac__current->shelf, slab);
    return task == NULL ? NULL : begin(task, type, slab);
}

void *ac_task_new(const struct ac_future_type *type)
{
    struct ac_exec *exec = ac__current;
    if (exec == NULL || !has_slab(type))
        return new_task(type);
    unsigned slab = slab_of(type);
    struct ac_task *task = exec->shelf.first[slab];
    if (task == NULL)
        return new_task(type);
    if (ac__fails(AC__MEMORY, NULL)) /* any block may be the one that needs a chunk */
        return NULL;
    exec->shelf.first[slab] = task->next;
    exec->shelf.n[slab]--;
    return begin(task, type, slab);
}

static NOINLINE void free_malloced(struct ac_task *task)
{
    free((char *)(task + 1) - frame_offset(task->type));
}

/* @p word: the task's. */
static inline void free_task(struct ac_task *task, unsigned word)
{
    if (word / TASK_SLAB != 0)
        give_slab(ac__current, task, word / TASK_SLAB);
    else if (!(word & TASK_ROOT))
        free_malloced(task);
}

void ac__task_free(struct ac_task *task) { free_task(task, task->word); }

/* ---- wakers ---- */

static void unpark(void *whom)
{
    struct ac_exec *exec = whom;
    exec->reactor->ops->unpark(exec->reactor);
    ac__exec_unref(exec);
}

/* A wake from another thread. The waker's clone, or the lock under which a borrowed one is called,
 * keeps the task and its executor in memory. */
static void send(struct ac_task *task)
{
    struct ac_exec *exec = task->exec;
    if (atomic_fetch_or_explicit(&task->shared, AC__INBOX, memory_order_acq_rel) & AC__INBOX)
        return;

    struct ac_task *first = atomic_load_explicit(&exec->inbox, memory_order_relaxed);
    do
        task->inbox_next = first;
    while (!atomic_compare_exchange_weak(&exec->inbox, &first, task));

    /* Sequentially consistent, as the parking is: either this sees that the executor is parked, or
     * the executor sees what was pushed. Who turns the 1 into 0 owes the unparking. */
    if (atomic_load(&exec->parked) && atomic_exchange(&exec->parked, 0)) {
        if (ac__may_owe()) {
            atomic_fetch_add_explicit(&exec->refs, 1, memory_order_relaxed);
            ac__owe(unpark, exec);
        } else {
            exec->reactor->ops->unpark(exec->reactor);
        }
    }
}

static void wake_by_ref(struct ac_waker *waker)
{
    struct ac_task *task = task_of(waker);
    if (ac__current == task->exec)
        ac__exec_schedule(task->exec, task);
    else
        send(task);
}

static struct ac_waker *clone(struct ac_waker *waker)
{
    struct ac_task *task = task_of(waker);
    atomic_fetch_add_explicit(&task->shared, AC__REFERENCE, memory_order_relaxed);
    atomic_fetch_add_explicit(&task->exec->refs, 1, memory_order_relaxed);
    return waker;
}

/* Who holds the only reference, with the task in no inbox, has it for himself, and needs no locked operation. */
static inline bool is_last(struct ac_task *task)
{
    return atomic_load_explicit(&task->shared, memory_order_acquire) == AC__REFERENCE;
}

/* Gives up a reference to the task, and its memory if that was what held it. */
static inline void unref(struct ac_task *task)
{
    /* Releases what this thread did with the task, and acquires what all others did. */
    if (is_last(task)
        || atomic_fetch_sub_explicit(&task->shared, AC__REFERENCE, memory_order_acq_rel) == AC__REFERENCE)
        free_task(task, task->word);
}

static void drop(struct ac_waker *waker)
{
    struct ac_task *task = task_of(waker);
    struct ac_exec *exec = task->exec;
    unref(task);
    ac__exec_unref(exec);
}

static void wake(struct ac_waker *waker)
{
    wake_by_ref(waker);
    drop(waker);
}

const struct ac_waker_ops ac__task_waker = { clone, wake, wake_by_ref, drop };

void ac__inbox_empty(struct ac_exec *exec)
{
    struct ac_task *task = atomic_exchange(&exec->inbox, NULL), *first = NULL;
    while (task != NULL) { /* first come, first served */
        struct ac_task *next = task->inbox_next;
        task->inbox_next = first;
        first = task;
        task = next;
    }
    while (first != NULL) {
        task = first;
        first = task->inbox_next;
        /* First, while the bit holds the memory: of one that has finished, which this leaves alone, the last reference may
         * go on another thread as soon as the bit is cleared. The poll comes later. */
        ac__exec_schedule(exec, task);
        if (atomic_fetch_and_explicit(&task->shared, ~AC__INBOX, memory_order_acq_rel) == AC__INBOX)
            ac__task_free(task);
    }
}

/* ---- spawning ---- */

static inline void prepare(struct ac_task *task, struct ac_exec *exec, unsigned word)
{
    task->waker.ops = &ac__task_waker;
    task->exec = exec;
    task->joiner = NULL;
    task->word = (unsigned short)word;
    atomic_init(&task->shared, AC__REFERENCE);
}

/* Now, from the executor's thread. */
static inline void start(struct ac_task *task, struct ac_exec *exec, unsigned word)
{
    prepare(task, exec, word | TASK_SCHEDULED);
    /* The errno of whoever spawns: what the elided program, where this is a call, would find. */
    task->saved_errno = *exec->thread_errno;
    ac__exec_queue(exec, task);
}

void ac__task_start_root(struct ac_exec *exec)
{
    start(&exec->root, exec, TASK_ROOT | TASK_LISTED);
}

void ac__task_post(struct ac_task *task, struct ac_exec *exec)
{
    prepare(task, exec, task->word);
    task->saved_errno = errno;
    send(task);
}

void ac__task_release(struct ac_task *task) { unref(task); }

/* What isn't a task to be spawned. */
static NOINLINE ac_task__handle spawn_nothing(const struct ac_exec *exec, void *frame)
{
    if (exec == NULL)
        ac__stop("ac_spawn_local", "called outside async code, where there is no executor to run the task");
    if (exec->worker != NULL)
        ac__stop("ac_spawn_local", "called in a task of the pool, which has no thread of its own; use ac_spawn");
    if (frame != NULL)
        ac__stop("ac_spawn_local", "the task '%s' has been spawned before", ((struct ac_task *)frame - 1)->type->name);
    return NULL;
}

ac_task__handle ac_task_spawn_local(void *frame)
{
    struct ac_exec *exec = ac__current;
    if (exec == NULL || exec->worker != NULL || frame == NULL)
        return spawn_nothing(exec, frame);
    struct ac_task *task = (struct ac_task *)frame - 1;
    if (ac__is_spawned(task))
        return spawn_nothing(exec, frame);
    ac__count(&exec->spawned, 1);
    start(task, exec, task->word | TASK_HANDLE);
    return task;
}

/* ---- handles ---- */

static const struct ac__task_ops *ops_of(const struct ac_task *task)
{
    return (const struct ac__task_ops *)task->waker.ops;
}

/* A current-thread executor's interest in a task ends with its handle or its run, whichever is later. */
static NOINLINE void give_back(struct ac_task *task)
{
    unsigned word = task->word;
    if (word & TASK_POOL) {
        ops_of(task)->give_back(task);
        return;
    }
    task->word = (unsigned short)(word & ~TASK_HANDLE);
    if (word & TASK_FINISHED) {
        ac__exec_unlist(task);
        unref(task);
    }
}

/* A handle that was given back is found out as long as nothing else stands in the task's memory. */
static _Noreturn void stop_given_back(const char *function)
{
    ac__stop(function, "the handle was given back before: it is used once");
}

static _Noreturn void stop_foreign(const struct ac_task *task, const char *function)
{
    if (!(task->word & TASK_HANDLE))
        stop_given_back(function);
    ac__stop(function, "the task '%s' belongs to the executor of another thread", task->type->name);
}

/* Of this thread's executor, which runs. */
static bool is_local(const struct ac_task *task) { return task->word & TASK_HANDLE && task->exec == ac__current; }

static enum ac__joined join(struct ac_task **held, struct ac_context *cx, const char *function)
{
    struct ac_task *task = ac__joined_task(*held);
    if (task->word & TASK_POOL)
        return ops_of(task)->join(held, cx, function);
    if (!is_local(task))
        stop_foreign(task, function);
    if (task->word & TASK_FINISHED) {
        if (!ac__spend(cx))
            return AC__NOT_YET;
        *held = task;
        return task->word & TASK_CANCELLED ? AC__ENDED_CANCELLED : AC__ENDED;
    }
    if (task == task->exec->running)
        ac__stop(function, "the task '%s' awaits itself", task->type->name);
    if (task->joiner != NULL && task->joiner != cx->waker && !ac__joins(*held))
        ac__stop(function, "the task '%s' is awaited twice", task->type->name);
    task->joiner = cx->waker;
    *held = (struct ac_task *)((uintptr_t)task | AC__JOINS);
    return AC__NOT_YET;
}

/* Stops waiting for the task, and gives its handle back. */
static enum ac_poll leave(struct ac_task **held)
{
    struct ac_task *task = ac__joined_task(*held);
    if (task == NULL)
        return AC_READY;
    if (ac__joins(*held)) {
        if (task->word & TASK_POOL)
            ops_of(task)->leave(task);
        else
            task->joiner = NULL;
    }
    give_back(task);
    *held = NULL;
    return AC_READY;
}

void ac__task_cancel(struct ac_task *task)
{
    if (!(task->word & TASK_FINISHED)) {
        task->word |= TASK_CANCEL;
        ac__exec_schedule(task->exec, task);
    }
}

static void cancel_task(struct ac_task *task)
{
    if (task->word & TASK_POOL) {
        ops_of(task)->cancel(task);
        return;
    }
    if (!is_local(task))
        stop_foreign(task, "ac_cancel");
    ac__task_cancel(task);
}

void ac_await__init(struct ac_await__frame *self, ac_task__handle task) { self->task = task; }

_Noreturn void ac__stop_cancelled(const struct ac_task *task)
{
    ac__stop("await", "the task '%s' was cancelled, so it has no result; ac_join tells", task->type->name);
}

static NOINLINE enum ac_poll await(struct ac_await__frame *self, struct ac_context *cx)
{
    if (self->task == NULL)
        ac__stop("await", "the handle is null: there was no memory for the task, or it was awaited before");
    enum ac__joined joined = join(&self->task, cx, "await");
    if (joined == AC__ENDED_CANCELLED)
        ac__stop_cancelled(self->task);
    return (enum ac_poll)joined;
}

/* @p task: the leaf's. @p starts: for the first time. */
static inline enum ac_poll await_usually(struct ac_await__frame *self, struct ac_task *task, struct ac_context *cx,
                                         bool starts)
{
    if (task == NULL)
        return await(self, cx);
    unsigned word = task->word;
    if ((word & (TASK_POOL | TASK_HANDLE | TASK_CANCELLED)) != TASK_HANDLE || task->exec != cx->exec)
        return word & TASK_POOL ? ops_of(task)->await(&self->task, cx) : await(self, cx);
    if (word & TASK_FINISHED) {
        if (cx->budget == 0)
            return await(self, cx);
        cx->budget--;
        self->task = task;
        return AC_READY;
    }
    if (task->joiner != NULL || task == task->exec->running)
        return await(self, cx);
    if (starts && ac__exec_may_nest(task->exec, task, cx) && ac__exec_run_nested(task->exec, cx)) {
        if (cx->budget == 0)
            return await(self, cx);
        cx->budget--;
        return AC_READY;
    }
    task->joiner = cx->waker;
    self->task = (struct ac_task *)((uintptr_t)task | AC__JOINS);
    return AC_PENDING;
}

enum ac_poll ac_await__poll(struct ac_await__frame *self, struct ac_context *cx)
{
    return await_usually(self, ac__joined_task(self->task), cx, false);
}

enum ac_poll ac_await__start(struct ac_await__frame *self, struct ac_context *cx, ac_task__handle task)
{
    self->task = task;
    return await_usually(self, task, cx, true);
}

enum ac_poll ac_await__cancel(struct ac_await__frame *self, struct ac_context *cx)
{
    (void)cx;
    return leave(&self->task);
}

void *ac_await__result(struct ac_await__frame *self)
{
    return (char *)(self->task + 1) + self->task->type->result_offset;
}

void ac_await__end(struct ac_await__frame *self)
{
    struct ac_task *task = self->task;
    unsigned word = task->word;
    self->task = NULL;
    if ((word & (TASK_POOL | TASK_FINISHED | TASK_LISTED)) != TASK_FINISHED || word < TASK_SLAB || !is_last(task)) {
        give_back(task);
        return;
    }
    /* The usual case; what give_back() comes to then. */
    task->word = (unsigned short)(word & ~TASK_HANDLE);
    give_slab(task->exec, task, word / TASK_SLAB);
}

/* ---- ac_join, ac_cancel, ac_detach ---- */

void ac_join__init(struct ac_join__frame *self, ac_task__handle task, void *out)
{
    self->task = task;
    self->out = out;
}

enum ac_poll ac_join__poll(struct ac_join__frame *self, struct ac_context *cx)
{
    if (self->task == NULL) {
        self->result = -ENOMEM;
        return ac__spend(cx) ? AC_READY : AC_PENDING;
    }
    enum ac__joined joined = join(&self->task, cx, "ac_join");
    if (joined == AC__NOT_YET)
        return AC_PENDING;
    struct ac_task *task = self->task;
    if (joined == AC__ENDED && self->out != NULL)
        memcpy(self->out, (char *)(task + 1) + task->type->result_offset, task->type->result_size);
    self->result = joined == AC__ENDED ? 0 : -ECANCELED;
    give_back(task);
    self->task = NULL;
    return AC_READY;
}

enum ac_poll ac_join__start(struct ac_join__frame *self, struct ac_context *cx, ac_task__handle task, void *out)
{
    ac_join__init(self, task, out);
    return ac_join__poll(self, cx);
}

enum ac_poll ac_join__cancel(struct ac_join__frame *self, struct ac_context *cx)
{
    (void)cx;
    return leave(&self->task);
}

void ac_cancel__init(struct ac_cancel__frame *self, ac_task__handle task)
{
    self->task = task;
    self->told = 0;
}

enum ac_poll ac_cancel__poll(struct ac_cancel__frame *self, struct ac_context *cx)
{
    if (self->task == NULL)
        return ac__spend(cx) ? AC_READY : AC_PENDING;
    if (!self->told) {
        self->told = 1;
        if (ac__current != NULL && self->task == ac__current->running)
            ac__stop("ac_cancel", "the task '%s' cancels itself, and would wait for its own end",
                     self->task->type->name);
        cancel_task(self->task);
    }
    if (join(&self->task, cx, "ac_cancel") == AC__NOT_YET)
        return AC_PENDING;
    give_back(self->task);
    self->task = NULL;
    return AC_READY;
}

enum ac_poll ac_cancel__start(struct ac_cancel__frame *self, struct ac_context *cx, ac_task__handle task)
{
    ac_cancel__init(self, task);
    return ac_cancel__poll(self, cx);
}

enum ac_poll ac_cancel__cancel(struct ac_cancel__frame *self, struct ac_context *cx)
{
    (void)cx;
    return leave(&self->task);
}

int ac_exec_try_join(ac_task__handle task, void *out)
{
    if (task == NULL)
        return -ENOMEM;
    if (task->word & TASK_POOL || task->exec != ac__current)
        ac__stop("ac_exec_try_join", "the task '%s' isn't one of the executor that is entered", task->type->name);
    if (!(task->word & TASK_FINISHED))
        return -EAGAIN;
    bool cancelled = task->word & TASK_CANCELLED;
    if (!cancelled && out != NULL)
        memcpy(out, (char *)(task + 1) + task->type->result_offset, task->type->result_size);
    give_back(task);
    return cancelled ? -ECANCELED : 0;
}

void ac_detach(ac_task__handle task)
{
    if (task == NULL)
        return;
    if (!(task->word & TASK_POOL) && !is_local(task))
        stop_foreign(task, "ac_detach");
    give_back(task);
}

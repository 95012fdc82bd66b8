/* observe.c - adding up the counters, and listing the tasks.
 *
 * What a current-thread executor knows of its tasks is its thread's alone. So another thread asks for the listing by
 * putting a task into the executor's inbox: its poll prints. That costs the executor's loop nothing. */
#include "seen.h"
#include "sys_memory.h"
#include "twin.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE_S = 1 };

/* Before anything is spawned. */
__attribute__((constructor)) static void have_lists(void) { ac__lists = true; }

void ac_count(struct ac_counts *counts)
{
    pthread_mutex_lock(&ac__seen.lock);
    *counts = ac__seen.ended;
    for (const struct ac_exec *exec = ac__seen.execs; exec != NULL; exec = exec->next_seen) {
        counts->executors++;
        ac__exec_add_counts(exec, counts);
    }
    pthread_mutex_unlock(&ac__seen.lock);
    /* Each poll of a task but its first was for a wake. */
    counts->wakes = counts->polls > counts->tasks_spawned ? counts->polls - counts->tasks_spawned : 0;

    void (*count_pool)(struct ac_counts *) = atomic_load(&ac__seen.count_pool);
    void (*count_blocking)(struct ac_counts *) = atomic_load(&ac__seen.count_blocking);
    if (count_pool != NULL)
        count_pool(counts);
    if (count_blocking != NULL)
        count_blocking(counts);
    const struct ac__twins *twins = ac__twins;
    if (twins != NULL)
        twins->count(counts);
}

/* ---- one executor, on its thread ---- */

static enum ac_poll answer__poll(void *frame, struct ac_context *cx);
static enum ac_poll answer__cancel(void *frame, struct ac_context *cx);

/* An executor is asked. The requester's; `task` holds a pointer to it until it is answered. */
struct answer {
    FILE *out;
    const char *root; /* what the executor drives */
    long thread;
    struct answer **held; /* in the frame of the task: cleared when the requester goes */
    bool is_there;
};
struct answer__frame {
    struct answer *answer;
};
static const struct ac_future_type answer__type
    = { "ac_dump_tasks", sizeof(struct answer__frame), _Alignof(struct answer__frame), 0, 0, answer__poll, answer__cancel, NULL };

static bool is_listed(const struct ac_exec *exec, const struct ac_task *task)
{
    return !(task->word & TASK_LISTED) && task != &exec->root && task->type != &answer__type;
}

static void list_exec(FILE *out, struct ac_exec *exec)
{
    struct ac_task *const polled[] = { exec->outer, exec->running };
    bool has_root = exec->root.type != NULL; /* a foreign loop's has none */
    size_t n = has_root + exec->nall;
    for (int i = 0; i < 2; i++)
        n += polled[i] != NULL && is_listed(exec, polled[i]);
    for (const struct ac_task *task = exec->ready; task != NULL; task = task->next)
        n += is_listed(exec, task);
    fprintf(out, "asyncc: executor of thread %ld: %zu task%s\n", exec->thread, n, n == 1 ? "" : "s");
    if (has_root)
        ac__print_task(out, exec, &exec->root);
    for (unsigned i = 0; i < exec->nall; i++)
        ac__print_task(out, exec, exec->all[i]);
    for (int i = 0; i < 2; i++)
        if (polled[i] != NULL && is_listed(exec, polled[i]))
            ac__print_task(out, exec, polled[i]);
    /* Those that haven't been polled yet. */
    for (struct ac_task *task = exec->ready; task != NULL; task = task->next)
        if (is_listed(exec, task))
            ac__print_task(out, exec, task);
}

/* ---- the others ---- */

static enum ac_poll answer__poll(void *frame, struct ac_context *cx)
{
    struct answer__frame *self = frame;
    pthread_mutex_lock(&ac__seen.lock);
    ac__count(&cx->exec->spawned, 1); /* nobody did when it came, and it is counted as it ends */
    if (self->answer != NULL) {
        list_exec(self->answer->out, cx->exec);
        self->answer->is_there = true;
        pthread_cond_broadcast(&ac__seen.answered);
    }
    pthread_mutex_unlock(&ac__seen.lock);
    return AC_READY;
}

static enum ac_poll answer__cancel(void *frame, struct ac_context *cx) { return answer__poll(frame, cx); }

static bool all_are_there(const struct answer *answers, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!answers[i].is_there)
            return false;
    return true;
}

/* With the lock. */
static void ask_others(FILE *out)
{
    unsigned n = 0, nothers = 0;
    for (const struct ac_exec *exec = ac__seen.execs; exec != NULL; exec = exec->next_seen)
        nothers += exec != ac__current;
    struct answer *answers = ac__sys_calloc(nothers + 1, sizeof *answers);
    for (struct ac_exec *exec = ac__seen.execs; exec != NULL && answers != NULL; exec = exec->next_seen) {
        struct answer__frame *frame = exec == ac__current ? NULL : ac_task_new(&answer__type);
        if (frame == NULL)
            continue;
        answers[n] = (struct answer){
            .out = out,
            .root = exec->root.type != NULL ? exec->root.type->name : "a foreign loop",
            .thread = exec->thread,
            .held = &frame->answer,
        };
        frame->answer = &answers[n++];
        ac__task_post((struct ac_task *)frame - 1, exec);
    }

    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    while (!all_are_there(answers, n) && pthread_cond_timedwait(&ac__seen.answered, &ac__seen.lock, &deadline) != ETIMEDOUT)
        continue;
    for (unsigned i = 0; i < n; i++) {
        if (answers[i].is_there)
            continue;
        *answers[i].held = NULL;
        fprintf(out, "asyncc: executor of thread %ld is busy with a task of %s\n", answers[i].thread, answers[i].root);
    }
    free(answers);
}

void ac_dump_tasks(FILE *out)
{
    if (ac__current != NULL && ac__current->worker == NULL)
        list_exec(out, ac__current);
    pthread_mutex_lock(&ac__seen.lock);
    ask_others(out);
    pthread_mutex_unlock(&ac__seen.lock);
    void (*list_pool)(FILE *) = atomic_load(&ac__seen.list_pool);
    if (list_pool != NULL)
        list_pool(out);
    const struct ac__twins *twins = ac__twins;
    if (twins != NULL)
        twins->list(out);
    fflush(out);
}

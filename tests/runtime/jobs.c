/* Plain functions and lookups on threads that may block: how many run at once, who waits for whom, and when threads leave.
 * The functions wait at a gate that the test opens; so does getaddrinfo, which is the test's own. */
#define _GNU_SOURCE
#include "support.h"

#include "blocking.h"
#include "exec.h"

#include <ac/observe.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- the gate ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool is_open;
static int nwaiting, nlookups, ncalls;

static void open_gate(void)
{
    pthread_mutex_lock(&lock);
    is_open = true;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

static void pass_gate(int *counter)
{
    pthread_mutex_lock(&lock);
    ++*counter;
    nwaiting++;
    pthread_cond_broadcast(&moved);
    while (!is_open)
        pthread_cond_wait(&moved, &lock);
    nwaiting--;
    pthread_mutex_unlock(&lock);
}

/* Until so many have come to the gate. */
static void wait_until(const int *counter, int n)
{
    pthread_mutex_lock(&lock);
    while (*counter < n)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict result)
{
    (void)host;
    (void)service;
    *result = NULL;
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    pass_gate(&nlookups);
    return EAI_NONAME;
}

static struct ac_counts counted(void)
{
    struct ac_counts counts;
    ac_count(&counts);
    return counts;
}

/* ---- futures ---- */

struct call {
    int in, out, error;
    pthread_t thread;
};

static void stand(void *argument)
{
    struct call *call = argument;
    pass_gate(&ncalls);
    call->out = 2 * call->in;
}

static void pass(void *argument)
{
    struct call *call = argument;
    call->out = 2 * call->in;
    call->error = errno;
    call->thread = pthread_self();
    errno = ENOTTY;
}

struct job {
    struct ac__job job;
    atomic_bool is_done;
};

static void run_job(struct ac__job *job) { atomic_store(&((struct job *)job)->is_done, true); }

enum { MOST = 12 };
struct script {
    int state, i;
    struct ac_run_blocking__frame call, other;
    struct call value;
    struct ac_resolve__frame resolve;
    struct ac_address found;
    struct ac_sleep__frame sleep;
    struct ac_join__frame join;
    struct ac_cancel__frame cancel;
    ac_task__handle tasks[MOST];
    struct job job;
};

#define CALL(self, function)                                                                               \
    AWAIT(self, ac_run_blocking__init(&(self)->call, function, &(self)->value), ac_run_blocking__poll(&(self)->call, cx))
#define JOIN(self, task)                                                                                   \
    AWAIT(self, ac_join__init(&(self)->join, task, NULL), ac_join__poll(&(self)->join, cx))
#define SLEEP(self) AWAIT(self, ac_sleep__init(&(self)->sleep, AC_MS), ac_sleep__poll(&(self)->sleep, cx))
#define RUN(name)                                                                                          \
    struct script s = { .value.in = 21 };                                                                  \
    ac_block_on_future(&name##__type, &s);                                                                 \
    ck_assert_int_eq(s.state, -1)

/* Stands at the gate. Cancelled, it goes on to cancel its call. */
static enum ac_poll stander__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    CALL(self, stand);
    ck_assert_int_eq(self->value.out, 2 * self->value.in);
    END;
}
static enum ac_poll stander__poll_any(void *frame, struct ac_context *cx) { return stander__poll(frame, cx); }
static enum ac_poll stander__cancel(void *frame, struct ac_context *cx)
{
    return ac_run_blocking__cancel(&((struct script *)frame)->call, cx);
}
static const struct ac_future_type stander__type
    = { "stander", sizeof(struct script), _Alignof(struct script), 0, 0, stander__poll_any, stander__cancel, NULL };

static enum ac_poll resolver__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_resolve__init(&self->resolve, "slow.test", 80, &self->found, 1), ac_resolve__poll(&self->resolve, cx));
    ck_assert_int_eq(self->resolve.result, -ENXIO);
    END;
}
FUTURE(resolver, struct script);

/* ---- a call ---- */

static enum ac_poll caller__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    errno = EDOM;
    CALL(self, pass);
    ck_assert_int_eq(self->value.out, 42);
    ck_assert_int_eq(self->value.error, EDOM);
    ck_assert_int_eq(errno, ENOTTY);
    ck_assert(!pthread_equal(self->value.thread, pthread_self()));
    self->tasks[0] = (void *)(uintptr_t)self->value.thread;
    CALL(self, pass);
    ck_assert_int_eq(self->value.error, ENOTTY);
    ck_assert_ptr_eq(self->tasks[0], (void *)(uintptr_t)self->value.thread); /* the thread that was idle */
    ck_assert_uint_eq(counted().blocking_threads, 1);
    END;
}
FUTURE(caller, struct script);

START_TEST(a_function_runs_on_another_thread_and_errno_goes_with_the_task)
{
    RUN(caller);
    ck_assert_uint_eq(counted().blocking_threads, 0); /* nobody may need it any more */
}
END_TEST

static enum ac_poll mover__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_run_blocking__init(&self->other, pass, &self->value);
    AWAIT(self, self->call = self->other, ac_run_blocking__poll(&self->call, cx));
    ck_assert_int_eq(self->value.out, 42);
    ac_run_blocking__init(&self->call, pass, NULL);
    ck_assert_int_eq(ac_run_blocking__cancel(&self->call, cx), AC_READY);
    END;
}
FUTURE(mover, struct script);
START_TEST(a_frame_may_be_moved_or_dropped_before_its_first_poll) { RUN(mover); }
END_TEST

/* ---- limits ---- */

static enum ac_poll crowd__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_int_eq(ac_blocking_set_threads(0), -EINVAL);
    ck_assert_int_eq(ac_blocking_set_threads(65536), -EINVAL);
    ck_assert_int_eq(ac_blocking_set_threads(3), 0);
    for (self->i = 0; self->i < MOST; self->i++)
        self->tasks[self->i] = SPAWN(stander, struct script, { .value.in = self->i });
    SLEEP(self);
    wait_until(&nwaiting, 3);
    ck_assert_uint_eq(counted().blocking_threads, 3);
    ck_assert_uint_eq(counted().blocking_jobs, MOST - 3);
    ck_assert_int_eq(ac_blocking_set_threads(5), 0);
    wait_until(&nwaiting, 5);
    ck_assert_uint_eq(counted().blocking_threads, 5);
    ck_assert_uint_eq(counted().blocking_jobs, MOST - 5);
    open_gate();
    for (self->i = 0; self->i < MOST; self->i++) {
        JOIN(self, self->tasks[self->i]);
        ck_assert_int_eq(self->join.result, 0);
    }
    ck_assert_int_eq(ncalls, MOST);
    ck_assert_uint_le(counted().blocking_threads, 5);
    ck_assert_uint_eq(counted().blocking_jobs, 0);
    END;
}
FUTURE(crowd, struct script);
START_TEST(threads_come_up_to_the_limit_and_what_exceeds_it_waits) { RUN(crowd); }
END_TEST

static enum ac_poll kinds__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_blocking_set_threads(2);
    for (self->i = 0; self->i < 6; self->i++)
        self->tasks[self->i] = SPAWN(resolver, struct script, { 0 });
    SLEEP(self);
    wait_until(&nlookups, 4); /* that is as many as there may be */
    CALL(self, pass);
    ck_assert_int_eq(self->value.out, 42);
    ck_assert_int_eq(nlookups, 4);
    for (; self->i < 10; self->i++)
        self->tasks[self->i] = SPAWN(stander, struct script, { .value.in = self->i });
    SLEEP(self);
    wait_until(&ncalls, 2);
    /* Lookups and calls hang, more of both wait, and a file is read. */
    self->job.job.run = run_job;
    ck_assert_int_eq(ac__job_submit(cx->exec, &self->job.job, AC__JOB_FILE), 0);
    while (!atomic_load(&self->job.is_done)) {
        SLEEP(self);
    }
    ck_assert_int_eq(nwaiting, 6);
    ck_assert_uint_eq(counted().blocking_jobs, 4);
    ck_assert_uint_eq(counted().blocking_threads, 7);
    open_gate();
    for (self->i = 0; self->i < 10; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    END;
}
FUTURE(kinds, struct script);
START_TEST(jobs_of_one_kind_that_hang_hold_up_none_of_another) { RUN(kinds); }
END_TEST

static int order[MOST], norder;
static void note_order(void *argument) { order[norder++] = ((struct call *)argument)->in; }
static enum ac_poll noter__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    CALL(self, note_order);
    END;
}
FUTURE(noter, struct script);
static enum ac_poll orderly__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_blocking_set_threads(1);
    for (self->i = 0; self->i < MOST; self->i++)
        self->tasks[self->i] = SPAWN(noter, struct script, { .value.in = self->i });
    for (self->i = 0; self->i < MOST; self->i++) {
        JOIN(self, self->tasks[self->i]);
        ck_assert_int_eq(order[self->i], self->i);
    }
    END;
}
FUTURE(orderly, struct script);
START_TEST(a_queue_is_first_come_first_served) { RUN(orderly); }
END_TEST

/* ---- idle threads ---- */

static enum ac_poll idler__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac__jobs_set_idle_time(AC_MS);
    for (self->i = 0; self->i < 3; self->i++) {
        CALL(self, pass);
        while (counted().blocking_threads > 0) {
            SLEEP(self);
        }
    }
    ac__jobs_set_idle_time(UINT64_MAX);
    CALL(self, pass);
    SLEEP(self);
    ck_assert_uint_eq(counted().blocking_threads, 1);
    END;
}
FUTURE(idler, struct script);
START_TEST(a_thread_without_work_leaves_after_a_while)
{
    RUN(idler);
    ck_assert_uint_eq(counted().blocking_threads, 0);
}
END_TEST

/* ---- cancelling ---- */

static enum ac_poll canceller__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_blocking_set_threads(1);
    for (self->i = 0; self->i < 3; self->i++)
        self->tasks[self->i] = SPAWN(stander, struct script, { .value.in = self->i });
    SLEEP(self);
    wait_until(&nwaiting, 1);
    /* The second waits for a thread, and is taken back at once; the first has begun. */
    AWAIT(self, ac_cancel__init(&self->cancel, self->tasks[1]), ac_cancel__poll(&self->cancel, cx));
    ck_assert_uint_eq(counted().blocking_jobs, 1);
    ac_cancel__init(&self->cancel, self->tasks[0]);
    for (self->i = 0; self->i < 5; self->i++) {
        ck_assert_int_eq(ac_cancel__poll(&self->cancel, cx), AC_PENDING);
        SLEEP(self);
    }
    open_gate();
    AWAIT(self, (void)0, ac_cancel__poll(&self->cancel, cx));
    JOIN(self, self->tasks[2]);
    ck_assert_int_eq(self->join.result, 0);
    ck_assert_int_eq(ncalls, 2);
    END;
}
FUTURE(canceller, struct script);
START_TEST(a_queued_call_is_taken_back_and_one_that_runs_is_waited_for) { RUN(canceller); }
END_TEST

/* ---- who calls ---- */

static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
static int nnoted;
static void note_many(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&order_lock);
    nnoted++;
    pthread_mutex_unlock(&order_lock);
}
static enum ac_poll many__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 20; self->i++) {
        CALL(self, note_many);
    }
    END;
}
FUTURE(many, struct script);

static void *run_many(void *unused)
{
    struct script s = { 0 };
    ac_block_on_future(&many__type, &s);
    return unused;
}

static enum ac_poll pooled__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < MOST; self->i++) {
        struct script *memory = ac_task_new(&many__type);
        *memory = (struct script){ 0 };
        self->tasks[self->i] = ac_task_spawn(memory);
    }
    for (self->i = 0; self->i < MOST; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    END;
}
FUTURE(pooled, struct script);

START_TEST(executors_and_the_pool_share_the_threads)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_many, NULL);
    RUN(pooled);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(nnoted, 20 * (MOST + 4));
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    ck_assert_uint_eq(counted().blocking_threads, 0);
}
END_TEST

/* ---- elided ---- */

void ac_run_blocking(void (*run)(void *), void *argument);
START_TEST(elided_it_is_a_call)
{
    struct call call = { .in = 21 };
    errno = EDOM;
    ac_run_blocking(pass, &call);
    ck_assert_int_eq(call.out, 42);
    ck_assert_int_eq(call.error, EDOM);
    ck_assert_int_eq(errno, ENOTTY);
    ck_assert(pthread_equal(call.thread, pthread_self()));
}
END_TEST

START_TEST(a_call_outside_of_an_executor_stops)
{
    struct ac_waker waker;
    struct ac_context cx = { .waker = ac_noop_waker(&waker) };
    struct ac_run_blocking__frame frame;
    ac_run_blocking__start(&frame, &cx, pass, NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_function_runs_on_another_thread_and_errno_goes_with_the_task,
        a_frame_may_be_moved_or_dropped_before_its_first_poll,
        threads_come_up_to_the_limit_and_what_exceeds_it_waits,
        jobs_of_one_kind_that_hang_hold_up_none_of_another,
        a_queue_is_first_come_first_served,
        a_thread_without_work_leaves_after_a_while,
        a_queued_call_is_taken_back_and_one_that_runs_is_waited_for,
        executors_and_the_pool_share_the_threads,
        elided_it_is_a_call,
    };
    const TTest *const stops[] = { a_call_outside_of_an_executor_stops };
    return run_suite("jobs", tests, COUNT(tests), stops, COUNT(stops));
}

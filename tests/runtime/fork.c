/* A child that is made by fork() has a runtime of its own, whatever its parent's threads were at. */
#define _GNU_SOURCE
#include "support.h"

#include <ac/observe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
enum { FORKS = 20, MAY_HAVE_THREADS = 0 }; /* it allows none in the child of a process of several */
#else
enum { FORKS = 200, MAY_HAVE_THREADS = 1 };
#endif

/* AddressSanitizer's allocator has locks, too, which a child may find held: where others allocate meanwhile, it can't. */
#ifdef AC__ASAN
enum { MAY_ALLOCATE = 0 };
#else
enum { MAY_ALLOCATE = 1 };
#endif

/* ---- what parent and child do ---- */

/* Check's own assertions have a lock, which a child may find held. */
static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "fork.c:%d: not so\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static ac_task__handle spawn(const struct ac_future_type *type, const void *frame, bool on_pool)
{
    void *memory = ac_task_new(type);
    require(memory != NULL);
    memcpy(memory, frame, type->size);
    return on_pool ? ac_task_spawn(memory) : ac_task_spawn_local(memory);
}

struct nap {
    int state, i;
    union {
        struct ac_yield_now__frame yield;
        struct ac_sleep__frame sleep;
    } leaf;
    char rest[100];
};

static enum ac_poll nap__poll(struct nap *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->leaf.sleep, AC_MS / 10), ac_sleep__poll(&self->leaf.sleep, cx));
    for (self->i = 0; self->i < 3; self->i++) {
        AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
    }
    END;
}
FUTURE(nap, struct nap);

enum { NAPS = 40 };
struct napper {
    int state, i;
    bool on_pool;
    ac_task__handle tasks[NAPS];
    struct ac_join__frame join;
};

static enum ac_poll napper__poll(struct napper *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < NAPS; self->i++)
        self->tasks[self->i] = spawn(&nap__type, &(struct nap){ 0 }, self->on_pool);
    for (self->i = 0; self->i < NAPS; self->i++) {
        AWAIT(self, ac_join__init(&self->join, self->tasks[self->i], NULL), ac_join__poll(&self->join, cx));
        require(self->join.result == 0);
    }
    END;
}
FUTURE(napper, struct napper);

static void run_napper(bool on_pool)
{
    struct napper napper = { .on_pool = on_pool };
    ac_block_on_future(&napper__type, &napper);
}

static _Atomic bool over;

static void *work(void *on_pool)
{
    while (!atomic_load(&over))
        run_napper(on_pool != NULL);
    return NULL;
}

/* Looks at all that has a lock. */
static void *look(void *unused)
{
    FILE *out = fopen("/dev/null", "w");
    while (!atomic_load(&over)) {
        struct ac_counts counts;
        struct ac_signals signals;
        ac_count(&counts);
        ac_dump_tasks(out);
        if (ac_signals_open(&signals, AC_SIGNAL(SIGUSR1)) == 0)
            ac_signals_close(&signals);
    }
    fclose(out);
    return unused;
}

/* A name that is looked up by a blocking thread. */
struct lookup {
    int state;
    struct ac_address address;
    struct ac_resolve__frame resolve;
};
static enum ac_poll lookup__poll(struct lookup *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_resolve__init(&self->resolve, "localhost", 80, &self->address, 1), ac_resolve__poll(&self->resolve, cx));
    END;
}
FUTURE(lookup, struct lookup);

/* A plain function that is called by a blocking thread. */
struct call {
    int state, value;
    struct ac_run_blocking__frame call;
};
static void add_one(void *value) { ++*(int *)value; }
static enum ac_poll call__poll(struct call *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_run_blocking__init(&self->call, add_one, &self->value), ac_run_blocking__poll(&self->call, cx));
    require(self->value == 1);
    END;
}
FUTURE(call, struct call);

static void *call_things(void *unused)
{
    while (!atomic_load(&over)) {
        struct call call = { 0 };
        ac_block_on_future(&call__type, &call);
    }
    return unused;
}

static _Noreturn void be_child(void)
{
    struct ac_counts counts;
    struct ac_signals signals;
    signal(SIGALRM, SIG_DFL);
    alarm(90); /* a hang */
    run_napper(false);
    ac_count(&counts);
    require(counts.executors == 0);
    require(counts.pool_threads == 0);
    require(counts.blocking_threads == 0);
    require(ac_signals_open(&signals, AC_SIGNAL(SIGUSR1)) == 0);
    raise(SIGUSR1);
    require(ac_signals_try(&signals) == SIGUSR1);
    ac_signals_close(&signals);
    if (MAY_HAVE_THREADS) {
        require(ac_pool_set_threads(2) == 0); /* so there is none that is up */
        run_napper(true);
        struct lookup lookup = { 0 };
        ac_block_on_future(&lookup__type, &lookup);
        struct call call = { 0 };
        ac_block_on_future(&call__type, &call);
        FILE *out = fopen("/dev/null", "w");
        ac_dump_tasks(out);
        fclose(out);
        require(ac_pool_shutdown(60 * AC_S) == 0);
    }
    _exit(0);
}

static void expect_end(pid_t child)
{
    int status = 0;
    require(child > 0 && waitpid(child, &status, 0) == child);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- and when ---- */

START_TEST(a_child_of_a_busy_process_has_a_runtime_of_its_own)
{
    pthread_t threads[4];
    require(ac_pool_set_threads(3) == 0);
    require(pthread_create(&threads[0], NULL, work, NULL) == 0);
    require(pthread_create(&threads[1], NULL, work, &threads) == 0);
    require(pthread_create(&threads[2], NULL, look, NULL) == 0);
    require(pthread_create(&threads[3], NULL, call_things, NULL) == 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0)
            be_child();
        expect_end(child);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    require(ac_pool_shutdown(60 * AC_S) == 0); /* the parent's is as it was */
}
END_TEST

struct forker {
    int state;
    bool comes_back;
};
static enum ac_poll forker__poll(struct forker *self, struct ac_context *cx)
{
    (void)cx;
    pid_t child = fork();
    if (child == 0) {
        if (self->comes_back)
            return AC_READY;
        be_child();
    }
    if (!self->comes_back) {
        expect_end(child);
        return AC_READY;
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        abort();
    return AC_READY;
}
FUTURE(forker, struct forker);

static enum ac_poll forkers__poll(struct napper *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 4; self->i++)
        self->tasks[self->i] = spawn(&forker__type, &(struct forker){ .comes_back = self->on_pool }, true);
    for (self->i = 0; self->i < 4; self->i++) {
        AWAIT(self, ac_join__init(&self->join, self->tasks[self->i], NULL), ac_join__poll(&self->join, cx));
    }
    END;
}
FUTURE(forkers, struct napper);

static void run_forkers(bool come_back)
{
    struct napper forkers = { .on_pool = come_back };
    ac_pool_set_threads(3);
    ac_block_on_future(&forkers__type, &forkers);
    require(ac_pool_shutdown(60 * AC_S) == 0);
}

START_TEST(a_task_of_the_pool_may_fork) { run_forkers(false); }
END_TEST

START_TEST(back_into_the_pool_the_child_may_not_come) { run_forkers(true); }
END_TEST

/* One that forks in async code on an executor of its thread alone goes on as a copy: that is what the program says. */
static enum ac_poll copied__poll(struct forker *self, struct ac_context *cx)
{
    static struct napper napper;
    static pid_t child;
    BEGIN(self);
    AWAIT(self, napper = (struct napper){ 0 }, napper__poll(&napper, cx));
    child = fork();
    AWAIT(self, napper = (struct napper){ 0 }, napper__poll(&napper, cx));
    if (child != 0)
        expect_end(child);
    else
        _exit(0);
    END;
}
FUTURE(copied, struct forker);

START_TEST(an_executor_goes_on_in_both)
{
    struct forker forker = { 0 };
    ac_block_on_future(&copied__type, &forker);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { an_executor_goes_on_in_both, a_child_of_a_busy_process_has_a_runtime_of_its_own,
                                   a_task_of_the_pool_may_fork };
    const TTest *const stops[] = { back_into_the_pool_the_child_may_not_come };
    return run_suite("fork", tests, MAY_ALLOCATE ? COUNT(tests) : 1, stops, COUNT(stops));
}

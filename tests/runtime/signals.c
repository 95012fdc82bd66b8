/* Signals as futures: registrations, who is woken, and what is put back afterwards. */
#define _GNU_SOURCE
#include "waiting.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- registrations by themselves ---- */

static void open_for(struct ac_signals *signals, uint64_t wanted) { ck_assert_int_eq(ac_signals_open(signals, wanted), 0); }

START_TEST(a_signal_that_comes_while_nobody_waits_is_noted)
{
    struct ac_signals s;
    open_for(&s, AC_SIGNAL(SIGUSR1));
    ck_assert_int_eq(ac_signals_try(&s), -EAGAIN);
    raise(SIGUSR1);
    raise(SIGUSR1); /* once, however often */
    ck_assert_int_eq(ac_signals_try(&s), SIGUSR1);
    ck_assert_int_eq(ac_signals_try(&s), -EAGAIN);
    ac_signals_close(&s);
}
END_TEST

START_TEST(each_registration_has_what_it_wants)
{
    struct ac_signals one, both, late;
    open_for(&one, AC_SIGNAL(SIGUSR2));
    open_for(&both, AC_SIGNAL(SIGUSR2) | AC_SIGNAL(SIGUSR1));
    raise(SIGUSR2);
    raise(SIGUSR1);
    open_for(&late, AC_SIGNAL(SIGUSR2));
    ck_assert_int_eq(ac_signals_try(&late), -EAGAIN);
    ck_assert_int_eq(ac_signals_try(&one), SIGUSR2);
    ck_assert_int_eq(ac_signals_try(&one), -EAGAIN);
    ck_assert_int_eq(ac_signals_try(&both), SIGUSR1); /* the lowest first */
    ck_assert_int_eq(ac_signals_try(&both), SIGUSR2);
    ck_assert_int_eq(ac_signals_try(&both), -EAGAIN);
    raise(SIGUSR2);
    ac_signals_close(&both);
    ck_assert_int_eq(ac_signals_try(&one), SIGUSR2);
    ck_assert_int_eq(ac_signals_try(&late), SIGUSR2);
    ac_signals_close(&one);
    ac_signals_close(&late);
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_refused)
{
    static const int numbers[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 32, 33 };
    struct ac_signals s;
    struct sigaction before;
    ck_assert_int_eq(sigaction(SIGHUP, NULL, &before), 0);
    ck_assert_int_eq(ac_signals_open(&s, 0), -EINVAL);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        ck_assert_int_eq(ac_signals_open(&s, AC_SIGNAL(numbers[i])), -EINVAL);
        ck_assert_int_eq(ac_signals_open(&s, AC_SIGNAL(SIGHUP) | AC_SIGNAL(numbers[i])), -EINVAL);
    }
    struct sigaction is;
    ck_assert_int_eq(sigaction(SIGHUP, NULL, &is), 0);
    ck_assert(is.sa_handler == before.sa_handler);
    open_for(&s, AC_SIGNAL(64));
    raise(64);
    ck_assert_int_eq(ac_signals_try(&s), 64);
    ac_signals_close(&s);
}
END_TEST

static void ignore(int number) { (void)number; }

static void (*handler_of(int number))(int)
{
    struct sigaction is;
    ck_assert_int_eq(sigaction(number, NULL, &is), 0);
    return is.sa_handler;
}

START_TEST(the_last_to_close_puts_back_what_there_was)
{
    void (*const befores[])(int) = { SIG_DFL, SIG_IGN, ignore };
    for (size_t i = 0; i < COUNT(befores); i++) {
        struct ac_signals a, b;
        void (*interrupted)(int) = handler_of(SIGINT);
        signal(SIGTERM, befores[i]);
        open_for(&a, AC_SIGNAL(SIGTERM));
        open_for(&b, AC_SIGNAL(SIGTERM) | AC_SIGNAL(SIGINT));
        ac_signals_close(&a);
        ck_assert(handler_of(SIGTERM) != befores[i]);
        ac_signals_close(&b);
        ck_assert(handler_of(SIGTERM) == befores[i]);
        ck_assert(handler_of(SIGINT) == interrupted);
    }
}
END_TEST

START_TEST(a_handler_that_the_program_has_set_meanwhile_stays)
{
    struct ac_signals s;
    open_for(&s, AC_SIGNAL(SIGTERM));
    signal(SIGTERM, ignore);
    ac_signals_close(&s);
    ck_assert(handler_of(SIGTERM) == ignore);
}
END_TEST

START_TEST(closing_twice)
{
    struct ac_signals s;
    open_for(&s, AC_SIGNAL(SIGTERM));
    ac_signals_close(&s);
    ac_signals_close(&s);
}
END_TEST

START_TEST(taking_from_one_that_is_closed)
{
    struct ac_signals s;
    open_for(&s, AC_SIGNAL(SIGTERM));
    ac_signals_close(&s);
    ac_signals_try(&s);
}
END_TEST

/* ---- waiting ---- */

/* Waits for `n` signals, and adds to `*ntaken`. */
struct waiter {
    int state, i, n, wants;
    struct ac_signals *signals;
    _Atomic int *ntaken;
    struct ac_signals_next__frame next;
};
static enum ac_poll waiter__poll(struct waiter *self, struct ac_context *cx)
{
    BEGIN(self);
    for (; self->i < self->n; self->i++) {
        AWAIT(self, ac_signals_next__init(&self->next, self->signals), ac_signals_next__poll(&self->next, cx));
        ck_assert_int_eq(self->next.result, self->wants);
        (*self->ntaken)++;
    }
    END;
}
FUTURE(waiter, struct waiter);

/* Has tasks wait, lets them begin, then sends itself signals one by one, each when the last was taken by so many. */
struct sender {
    int state, i, k, nsignals;
    int ntakers; /* of each signal */
    int nwaits;  /* of each task   */
    struct ac_signals *signals[3];
    _Atomic int ntaken;
    ac_task__handle tasks[3];
    struct ac_yield_now__frame yield;
    struct ac_await__frame await;
};
static enum ac_poll sender__poll(struct sender *self, struct ac_context *cx)
{
    BEGIN(self);
    for (int i = 0; i < 3; i++)
        self->tasks[i] = SPAWN(waiter, struct waiter,
                               { .n = self->nwaits, .wants = SIGUSR1, .signals = self->signals[i],
                                 .ntaken = &self->ntaken });
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    for (self->i = 0; self->i < self->nsignals; self->i++) {
        kill(getpid(), SIGUSR1);
        while (self->ntaken < (self->i + 1) * self->ntakers) {
            AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
        }
        ck_assert_int_eq(self->ntaken, (self->i + 1) * self->ntakers);
    }
    for (self->k = 0; self->k < 3; self->k++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->k]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(sender, struct sender);

START_TEST(every_registration_s_waiter_gets_each_signal)
{
    struct ac_signals s[3];
    struct sender sender = { .nsignals = 4, .ntakers = 3, .nwaits = 4, .signals = { &s[0], &s[1], &s[2] } };
    for (int i = 0; i < 3; i++)
        open_for(&s[i], AC_SIGNAL(SIGUSR1));
    ac_block_on_future(&sender__type, &sender);
    for (int i = 0; i < 3; i++)
        ac_signals_close(&s[i]);
}
END_TEST

START_TEST(of_those_who_wait_for_one_registration_one_gets_it)
{
    struct ac_signals s;
    open_for(&s, AC_SIGNAL(SIGUSR1));
    struct sender sender = { .nsignals = 3, .ntakers = 1, .nwaits = 1, .signals = { &s, &s, &s } };
    ac_block_on_future(&sender__type, &sender);
    ac_signals_close(&s);
}
END_TEST

/* Cancels a wait, and finds what comes afterwards; then waits once by ac_signal. */
struct leaver {
    int state;
    struct ac_signals signals;
    struct ac_signals_next__frame next;
    struct ac_signal__frame once;
};
static enum ac_poll leaver__poll(struct leaver *self, struct ac_context *cx)
{
    if (self->state++ == 0) {
        signal(SIGTERM, ignore);
        open_for(&self->signals, AC_SIGNAL(SIGUSR1));
        ck_assert_int_eq(ac_signals_next__start(&self->next, cx, &self->signals), AC_PENDING);
        raise(SIGUSR1);
        ck_assert_int_eq(ac_signals_next__cancel(&self->next, cx), AC_READY);
        ck_assert_int_eq(ac_signals_next__start(&self->next, cx, &self->signals), AC_READY);
        ck_assert_int_eq(self->next.result, SIGUSR1);
        ac_signals_close(&self->signals);

        ck_assert_int_eq(ac_signal__start(&self->once, cx, SIGKILL), AC_READY);
        ck_assert_int_eq(self->once.result, -EINVAL);
        ck_assert_int_eq(ac_signal__start(&self->once, cx, 0), AC_READY);
        ck_assert_int_eq(self->once.result, -EINVAL);
        ck_assert_int_eq(ac_signal__start(&self->once, cx, SIGTERM), AC_PENDING);
        ck_assert_int_eq(ac_signal__cancel(&self->once, cx), AC_READY);
        ck_assert(handler_of(SIGTERM) == ignore);
        ck_assert_int_eq(ac_signal__start(&self->once, cx, SIGTERM), AC_PENDING);
        raise(SIGTERM);
        return AC_PENDING;
    }
    if (ac_signal__poll(&self->once, cx) == AC_PENDING)
        return AC_PENDING;
    ck_assert_int_eq(self->once.result, SIGTERM);
    ck_assert(handler_of(SIGTERM) == ignore);
    return AC_READY;
}
FUTURE(leaver, struct leaver);

START_TEST(a_wait_that_is_cancelled_loses_nothing)
{
    struct leaver leaver = { 0 };
    ac_block_on_future(&leaver__type, &leaver);
}
END_TEST

/* A wait that is polled by one and then by another. */
static enum ac_poll handed_over__poll(struct leaver *self, struct ac_context *cx)
{
    static struct ac_signals_next__frame next;
    static struct probe first, last;
    BEGIN(self);
    open_for(&self->signals, AC_SIGNAL(SIGUSR1));
    probe_init_in(&first, cx);
    probe_init_in(&last, cx);
    ck_assert_int_eq(ac_signals_next__start(&next, &first.cx, &self->signals), AC_PENDING);
    ck_assert_int_eq(ac_signals_next__poll(&next, &last.cx), AC_PENDING);
    AWAIT(self, ac_signal__start(&self->once, cx, SIGUSR1) == AC_PENDING ? raise(SIGUSR1) : 0,
          ac_signal__poll(&self->once, cx));
    ck_assert_int_eq(first.wakes, 0);
    ck_assert_int_eq(last.wakes, 1);
    ck_assert_int_eq(ac_signals_next__poll(&next, &last.cx), AC_READY);
    ck_assert_int_eq(next.result, SIGUSR1);
    ac_signals_close(&self->signals);
    END;
}
FUTURE(handed_over, struct leaver);

START_TEST(the_waker_of_the_last_poll_is_woken)
{
    struct leaver leaver = { 0 };
    ac_block_on_future(&handed_over__type, &leaver);
}
END_TEST

/* Raises a signal while two wait, for it and for time to pass. */
struct racer {
    int state;
    struct ac_signals signals;
    struct ac_signals_next__frame next;
    struct ac_sleep__frame sleep;
};
static enum ac_poll racer__poll(struct racer *self, struct ac_context *cx)
{
    if (self->state++ == 0) {
        open_for(&self->signals, AC_SIGNAL(SIGUSR1));
        ck_assert_int_eq(ac_sleep__start(&self->sleep, cx, AC_S), AC_PENDING);
        ck_assert_int_eq(ac_signals_next__start(&self->next, cx, &self->signals), AC_PENDING);
        raise(SIGUSR1);
        return AC_PENDING;
    }
    /* An executor that looks for the first time is told of the descriptor's state. */
    enum ac_poll slept = ac_sleep__poll(&self->sleep, cx);
    if (ac_signals_next__poll(&self->next, cx) == AC_PENDING)
        return AC_PENDING;
    ck_assert_int_eq(slept, AC_PENDING);
    ac_sleep__cancel(&self->sleep, cx);
    ac_signals_close(&self->signals);
    return AC_READY;
}
FUTURE(racer, struct racer);

START_TEST(a_paused_clock_does_not_jump_over_a_signal)
{
    ac_clock_pause();
    uint64_t start = ac_now();
    for (int i = 0; i < 10; i++) {
        struct racer racer = { 0 };
        ac_block_on_future(&racer__type, &racer);
    }
    ck_assert_uint_eq(ac_now(), start);
}
END_TEST

/* ---- threads ---- */

enum { NTHREADS = 3, ROUNDS = 300 };
static _Atomic int ntaken;

static void *run_executor(void *signals)
{
    struct waiter waiter = { .n = ROUNDS, .wants = SIGUSR1, .signals = signals, .ntaken = &ntaken };
    ac_block_on_future(&waiter__type, &waiter);
    return NULL;
}

/* A thread that runs no async code. */
static void *run_plain(void *signals)
{
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(ac_signals_next(signals), SIGUSR1);
        ntaken++;
    }
    return NULL;
}

static void send_rounds(int ntakers)
{
    for (int i = 1; i <= ROUNDS; i++) {
        kill(getpid(), SIGUSR1);
        while (ntaken < i * ntakers)
            sched_yield();
    }
}

START_TEST(executors_of_several_threads_and_plain_threads_all_get_each)
{
    struct ac_signals s[2 * NTHREADS];
    pthread_t threads[2 * NTHREADS];
    for (int i = 0; i < 2 * NTHREADS; i++) {
        open_for(&s[i], AC_SIGNAL(SIGUSR1));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i % 2 ? run_plain : run_executor, &s[i]), 0);
    }
    send_rounds(2 * NTHREADS);
    for (int i = 0; i < 2 * NTHREADS; i++) {
        pthread_join(threads[i], NULL);
        ac_signals_close(&s[i]);
    }
}
END_TEST

static void *send_to_crew(void *ntakers)
{
    send_rounds(*(int *)ntakers);
    return NULL;
}

START_TEST(tasks_of_the_pool_get_each)
{
    static struct ac_signals s[NTHREADS];
    struct waiter waiters[NTHREADS];
    int ntakers = NTHREADS;
    for (int i = 0; i < NTHREADS; i++) {
        open_for(&s[i], AC_SIGNAL(SIGUSR1));
        waiters[i] = (struct waiter){ .n = ROUNDS, .wants = SIGUSR1, .signals = &s[i], .ntaken = &ntaken };
    }
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, send_to_crew, &ntakers), 0);
    run_crew(&waiter__type, waiters, NTHREADS);
    pthread_join(thread, NULL);
    for (int i = 0; i < NTHREADS; i++)
        ac_signals_close(&s[i]);
}
END_TEST

/* Forks; the child says which of two signals it has blocked. */
struct forker {
    int state, status;
};
static enum ac_poll forker__poll(struct forker *self, struct ac_context *cx)
{
    (void)cx;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGTERM)); /* the worker's own */
    pid_t child = fork();
    if (child == 0) {
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        _exit(sigismember(&mask, SIGTERM) | sigismember(&mask, SIGUSR2) << 1);
    }
    ck_assert_int_eq(waitpid(child, &self->status, 0), child);
    ck_assert(WIFEXITED(self->status));
    ck_assert_int_eq(WEXITSTATUS(self->status), 2);
    return AC_READY;
}
FUTURE(forker, struct forker);

START_TEST(a_child_of_a_task_of_the_pool_has_the_program_s_mask)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    struct forker forker = { 0 };
    run_crew(&forker__type, &forker, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_signal_that_comes_while_nobody_waits_is_noted,
        each_registration_has_what_it_wants,
        what_cannot_be_waited_for_is_refused,
        the_last_to_close_puts_back_what_there_was,
        a_handler_that_the_program_has_set_meanwhile_stays,
        every_registration_s_waiter_gets_each_signal,
        of_those_who_wait_for_one_registration_one_gets_it,
        a_wait_that_is_cancelled_loses_nothing,
        the_waker_of_the_last_poll_is_woken,
        a_paused_clock_does_not_jump_over_a_signal,
        executors_of_several_threads_and_plain_threads_all_get_each,
        tasks_of_the_pool_get_each,
        a_child_of_a_task_of_the_pool_has_the_program_s_mask,
    };
    const TTest *const stops[] = { closing_twice, taking_from_one_that_is_closed };
    return run_suite("signals", tests, COUNT(tests), stops, COUNT(stops));
}

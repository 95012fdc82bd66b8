/* Wakes from other threads: none is lost, however they meet the executor. Meant for ThreadSanitizer as well.
 * The program: [SEED]. */
#include "seed.h"
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* ---- a mailbox: a leaf that another thread fills ---- */

struct mailbox {
    pthread_mutex_t lock;
    struct ac_waker *waker; /* a clone */
    int letters;
};

static void mailbox_put(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->letters++;
    struct ac_waker *waker = box->waker;
    box->waker = NULL;
    pthread_mutex_unlock(&box->lock);
    if (waker != NULL)
        ac_wake(waker);
}

/* How many letters there are; if none, the waker is left. */
static int mailbox_take(struct mailbox *box, struct ac_context *cx)
{
    pthread_mutex_lock(&box->lock);
    int letters = box->letters;
    box->letters = 0;
    if (letters == 0 && box->waker == NULL)
        box->waker = ac_waker_clone(cx->waker);
    pthread_mutex_unlock(&box->lock);
    return letters;
}

struct reader {
    int state;
    int got, wanted;
    struct mailbox *box;
    struct ac_await__frame await;
    ac_task__handle tasks[4];
};

static enum ac_poll reader__poll(struct reader *self, struct ac_context *cx)
{
    int letters;
    while (self->got < self->wanted) {
        if ((letters = mailbox_take(self->box, cx)) == 0)
            return AC_PENDING;
        self->got += letters;
    }
    return AC_READY;
}
FUTURE(reader, struct reader);

enum { LETTERS = 100000, READERS = 4 };
static struct mailbox boxes[READERS];

static void *post(void *argument)
{
    unsigned seed = seed_for((unsigned)(uintptr_t)argument);
    for (int i = 0; i < LETTERS; i++)
        for (int r = 0; r < READERS; r++) {
            mailbox_put(&boxes[r]);
            /* Now and then the executor gets the time to park. */
            if ((seed = seed * 1103515245 + 12345) >> 20 == 0)
                sched_yield();
        }
    return NULL;
}

static enum ac_poll office__poll(struct reader *self, struct ac_context *cx)
{
    BEGIN(self);
    for (int r = 0; r < READERS; r++)
        self->tasks[r] = SPAWN(reader, struct reader, { .box = &boxes[r], .wanted = 2 * LETTERS });
    for (self->got = 0; self->got < READERS; self->got++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->got]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(office, struct reader);

START_TEST(no_wake_of_two_threads_to_four_tasks_is_lost)
{
    pthread_t threads[2];
    for (int r = 0; r < READERS; r++)
        pthread_mutex_init(&boxes[r].lock, NULL);
    for (int t = 0; t < 2; t++)
        pthread_create(&threads[t], NULL, post, (void *)(uintptr_t)(t + 1));
    struct reader office = { 0 };
    ac_block_on_future(&office__type, &office);
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
}
END_TEST

/* ---- wakes that come while the task ends ---- */

static atomic_bool stop_waking;
static _Atomic(struct ac_waker *) given;

static void *wake_for_ever(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop_waking)) {
        struct ac_waker *waker = atomic_exchange(&given, NULL);
        if (waker == NULL)
            continue;
        for (int i = 0; i < 50; i++)
            ac_wake_by_ref(waker);
        ac_wake(waker);
    }
    return NULL;
}

static void end_waking(pthread_t thread)
{
    atomic_store(&stop_waking, true);
    pthread_join(thread, NULL);
    struct ac_waker *last = atomic_load(&given);
    if (last != NULL)
        ac_waker_drop(last);
}

static enum ac_poll giver__poll(struct reader *self, struct ac_context *cx)
{
    struct ac_waker *waker = ac_waker_clone(cx->waker), *nothing = NULL;
    if (!atomic_compare_exchange_strong(&given, &nothing, waker))
        ac_waker_drop(waker);
    if (++self->got < self->wanted)
        ac_wake_by_ref(cx->waker);
    return self->got < self->wanted ? AC_PENDING : AC_READY;
}
FUTURE(giver, struct reader);

START_TEST(wakes_may_come_during_and_after_the_end_of_tasks_and_executors)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wake_for_ever, NULL);
    for (int i = 0; i < 3000; i++) {
        struct reader giver = { .wanted = 1 + i % 3 };
        ac_block_on_future(&giver__type, &giver);
    }
    end_waking(thread);
}
END_TEST

/* The same with tasks, of which whoever drops the last waker frees the memory. */
static enum ac_poll employer__poll(struct reader *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->got = 0; self->got < self->wanted; self->got++) {
        AWAIT(self, ac_await__init(&self->await, SPAWN(giver, struct reader, { .wanted = 1 + self->got % 3 })),
              ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(employer, struct reader);

START_TEST(the_memory_of_a_task_may_go_with_a_waker_on_another_thread)
{
    pthread_t thread;
    struct reader employer = { .wanted = 3000 };
    pthread_create(&thread, NULL, wake_for_ever, NULL);
    ac_block_on_future(&employer__type, &employer);
    end_waking(thread);
}
END_TEST

/* ---- wakes that come while the executor parks ---- */

enum { ROUNDS = 50000 };

/* Answers each waker at once, so that the wake meets the executor on its way to sleep. */
static void *answer(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS;) {
        struct ac_waker *waker = atomic_exchange(&given, NULL);
        if (waker == NULL)
            continue;
        ac_wake(waker);
        i++;
    }
    return NULL;
}

static enum ac_poll asker__poll(struct reader *self, struct ac_context *cx)
{
    if (self->got++ == self->wanted)
        return AC_READY;
    atomic_store(&given, ac_waker_clone(cx->waker));
    /* A little longer each time, so that the answer comes at each step on the way. */
    for (volatile int delay = self->got % 400; delay > 0; delay--)
        continue;
    return AC_PENDING;
}
FUTURE(asker, struct reader);

START_TEST(no_wake_is_lost_that_comes_while_the_executor_parks)
{
    pthread_t thread;
    struct reader asker = { .wanted = ROUNDS };
    pthread_create(&thread, NULL, answer, NULL);
    ac_block_on_future(&asker__type, &asker);
    pthread_join(thread, NULL);
    ck_assert_int_eq(asker.got, ROUNDS + 1);
}
END_TEST

/* ---- several executors ---- */

static enum ac_poll hour__poll(struct ac_sleep__frame *self, struct ac_context *cx) { return ac_sleep__poll(self, cx); }
FUTURE(hour, struct ac_sleep__frame);

static void *sleep_an_hour(void *argument)
{
    struct ac_sleep__frame sleep;
    ac_clock_pause();
    uint64_t start = ac_now();
    ac_sleep__init(&sleep, 3600 * AC_S);
    ac_block_on_future(&hour__type, &sleep);
    *(uint64_t *)argument = ac_now() - start;
    return NULL;
}

START_TEST(each_thread_has_an_executor_and_a_clock_of_its_own)
{
    pthread_t threads[4];
    uint64_t start = ac_now(), slept[4];
    for (int t = 0; t < 4; t++)
        pthread_create(&threads[t], NULL, sleep_an_hour, &slept[t]);
    for (int t = 0; t < 4; t++)
        pthread_join(threads[t], NULL);
    for (int t = 0; t < 4; t++)
        ck_assert_uint_ge(slept[t], 3600 * AC_S);
    ck_assert_uint_lt(ac_now() - start, 3600 * AC_S);
}
END_TEST

int main(int argc, char **argv)
{
    take_seed(argc, argv);
    const TTest *const tests[] = {
        no_wake_of_two_threads_to_four_tasks_is_lost,
        wakes_may_come_during_and_after_the_end_of_tasks_and_executors,
        the_memory_of_a_task_may_go_with_a_waker_on_another_thread,
        no_wake_is_lost_that_comes_while_the_executor_parks,
        each_thread_has_an_executor_and_a_clock_of_its_own,
    };
    return run_suite("threads", tests, COUNT(tests), NULL, 0);
}

/* What comes between: threads that meet at one place each, staged, where a storm meets them there once in a million times.
 *
 * The library is the one that can be made to fail. It calls ac__between() where another thread makes a difference,
 * and ac__fails() before each system call: so one is held up there until the other has come by. And whoever is woken
 * under a lock is woken by a function of ours. */
#define _GNU_SOURCE
#include "ended.h"
#include "waiting.h"

#include "exec.h"
#include "lock.h"

#include <ac/observe.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* What happens at the next such place of this thread. */
static _Thread_local void (*staged)(void);

void ac__between(void)
{
    void (*scene)(void) = staged;
    staged = NULL;
    if (scene != NULL)
        scene();
}

/* Threads that may block, to read a file or to look up a name, wait here. */
static atomic_bool gate_is_open;
static _Thread_local bool may_not_block; /* this thread */

bool ac__fails(enum ac__call call, size_t *size)
{
    (void)size;
    if (call != AC__READ_FILE && call != AC__GETADDRINFO)
        return false;
    while (!may_not_block && !atomic_load(&gate_is_open))
        sched_yield();
    errno = call == AC__READ_FILE ? EAGAIN : ENOENT;
    return may_not_block || call == AC__GETADDRINFO;
}

static void wait_for(const atomic_int *count, int n)
{
    while (atomic_load(count) != n)
        sched_yield();
}

/* ---- a lock that is held while somebody wants it ---- */

static unsigned *word;
static atomic_bool is_held, may_be_wanted;

static bool is_wanted(void) { return __atomic_load_n(word, __ATOMIC_RELAXED) & AC__SLEEPERS; }

/* Another thread does something while this one holds the lock. */
static void hold_while(void *(*other)(void *), void *argument)
{
    pthread_t thread;
    void *result;
    atomic_store(&may_be_wanted, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, other, argument), 0);
    unsigned bits = ac__lock(word);
    atomic_store(&may_be_wanted, true);
    while (!is_wanted())
        sched_yield();
    ac__unlock(word, bits);
    pthread_join(thread, &result);
    ck_assert_ptr_eq(result, argument);
}

static void wait_until_held(void)
{
    while (!atomic_load(&may_be_wanted))
        sched_yield();
}

/* What an acquiring or a release does: to be held up; null if it comes out otherwise. */
struct attempt {
    struct ac_semaphore *semaphore;
    unsigned permits;
    int result; /* of ac_semaphore_try_acquire() */
};

static void *try_to_acquire(void *argument)
{
    struct attempt *attempt = argument;
    wait_until_held();
    return ac_semaphore_try_acquire(attempt->semaphore, attempt->permits) == attempt->result ? attempt : NULL;
}

static void *acquire(void *argument)
{
    struct attempt *attempt = argument;
    struct ac_semaphore_acquire__frame frame;
    struct probe probe;
    probe_init(&probe);
    wait_until_held();
    enum ac_poll poll = ac_semaphore_acquire__start(&frame, &probe.cx, attempt->semaphore, attempt->permits);
    if (poll == AC_PENDING)
        ac_semaphore_acquire__cancel(&frame, &probe.cx);
    return (poll == AC_READY) == (attempt->result == 0) ? attempt : NULL;
}

static void *release(void *argument)
{
    struct attempt *attempt = argument;
    wait_until_held();
    ac_semaphore_release(attempt->semaphore, attempt->permits);
    return attempt;
}

START_TEST(who_finds_a_semaphore_s_lock_taken_gets_and_gives_as_if_it_were_free)
{
    struct ac_semaphore semaphore = AC_SEMAPHORE_INIT(4);
    word = &semaphore.word;
    hold_while(try_to_acquire, &(struct attempt){ &semaphore, 1, 0 });
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 3);
    hold_while(try_to_acquire, &(struct attempt){ &semaphore, 4, -EAGAIN });
    hold_while(acquire, &(struct attempt){ &semaphore, 1, 0 });
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 2);
    hold_while(acquire, &(struct attempt){ &semaphore, 3, -EAGAIN });
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 2);
    hold_while(release, &(struct attempt){ &semaphore, 2, 0 });
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 4);

    /* One waits already, for more than there are. */
    struct ac_semaphore_acquire__frame frame;
    struct probe probe;
    probe_init(&probe);
    ck_assert_int_eq(ac_semaphore_acquire__start(&frame, &probe.cx, &semaphore, 6), AC_PENDING);
    hold_while(try_to_acquire, &(struct attempt){ &semaphore, 1, -EAGAIN });
    hold_while(release, &(struct attempt){ &semaphore, 1, 0 });
    ck_assert_int_eq(probe.wakes, 0);
    hold_while(release, &(struct attempt){ &semaphore, 1, 0 });
    ck_assert_int_eq(probe.wakes, 1);
    ck_assert_int_eq(ac_semaphore_acquire__poll(&frame, &probe.cx), AC_READY);
    ck_assert_uint_eq(ac_semaphore_permits(&semaphore), 0);
}
END_TEST

static void *notify(void *argument)
{
    wait_until_held();
    ac_notify_one(argument);
    return argument;
}

START_TEST(notifications_that_find_the_lock_taken_do_not_add_up)
{
    struct ac_notify told = AC_NOTIFY_INIT;
    word = &told.told.word;
    for (int i = 0; i < 3; i++)
        hold_while(notify, &told);
    ck_assert_uint_eq(ac_semaphore_permits(&told.told), 1);
}
END_TEST

/* ---- one who is woken under a lock, and polled at once ---- */

static atomic_bool has_polled;

/* A waker that stays, with the lock, until it is wanted, or the poll that should want it is over. */
static void linger(struct ac_waker *waker)
{
    (void)waker;
    atomic_store(&is_held, true);
    while (!is_wanted() && !atomic_load(&has_polled))
        sched_yield();
    atomic_store(&is_held, false);
}
static struct ac_waker *same(struct ac_waker *waker) { return waker; }
static const struct ac_waker_ops lingering = { same, linger, linger, linger };

static void *release_one(void *semaphore)
{
    ac_semaphore_release(semaphore, 1);
    return NULL;
}

START_TEST(who_has_a_permit_may_free_the_semaphore)
{
    struct ac_semaphore *semaphore = malloc(sizeof *semaphore);
    struct ac_semaphore_acquire__frame frame;
    struct ac_waker waker = { &lingering };
    struct ac_context cx = { .waker = &waker };
    pthread_t thread;
    ac_semaphore_init(semaphore, 0);
    word = &semaphore->word;
    ck_assert_int_eq(ac_semaphore_acquire__start(&frame, &cx, semaphore, 1), AC_PENDING);
    pthread_create(&thread, NULL, release_one, semaphore);
    while (!atomic_load(&is_held))
        sched_yield();
    ck_assert_int_eq(ac_semaphore_acquire__poll(&frame, &cx), AC_READY);
    bool held = atomic_load(&is_held);
    atomic_store(&has_polled, true);
    ck_assert(!held);
    free(semaphore);
    pthread_join(thread, NULL);
}
END_TEST

static void *send_and_close(void *argument)
{
    ac_oneshot_sender(long) sender = argument;
    ac_oneshot_send(sender, 42);
    ac_oneshot_sender_close(sender);
    return NULL;
}

START_TEST(who_is_woken_for_a_oneshot_s_value_has_it_at_once)
{
    ac_oneshot_sender(long) sender;
    ac_oneshot_receiver(long) receiver;
    struct ac_oneshot_get__frame frame;
    struct ac_waker waker = { &lingering };
    struct ac_context cx = { .waker = &waker };
    pthread_t thread;
    long value = 0;
    ck_assert_int_eq(ac_oneshot_open(&sender, &receiver), 0);
    word = (unsigned *)AC__ONESHOT(receiver, ac__a_oneshot_receiver); /* its first member */
    ac_oneshot_get__init(&frame, AC__ONESHOT(receiver, ac__a_oneshot_receiver), &value);
    ck_assert_int_eq(ac_oneshot_get__poll(&frame, &cx), AC_PENDING);
    pthread_create(&thread, NULL, send_and_close, sender);
    while (!atomic_load(&is_held))
        sched_yield();
    enum ac_poll poll = ac_oneshot_get__poll(&frame, &cx);
    bool held = atomic_load(&is_held);
    atomic_store(&has_polled, true);
    ck_assert_int_eq(poll, AC_READY); /* no other wake comes */
    ck_assert(!held);
    ck_assert_int_eq(value, 42);
    ac_oneshot_receiver_close(receiver);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- a task of the pool that ends while somebody begins to wait for it, or ceases to ---- */

static _Atomic(struct ac_waker *) kept;

struct waiting {
    bool has_begun;
};
static enum ac_poll waiting__poll(struct waiting *self, struct ac_context *cx)
{
    if (self->has_begun)
        return AC_READY;
    self->has_begun = true;
    atomic_store(&kept, ac_waker_clone(cx->waker));
    return AC_PENDING;
}
FUTURE(waiting, struct waiting);

static ac_task__handle spawn_waiting(void)
{
    ac_task__handle task = spawn_on_pool(&waiting__type, &(struct waiting){ 0 });
    while (atomic_load(&kept) == NULL)
        sched_yield();
    return task;
}

static void let_it_end(void)
{
    ac_wake(atomic_exchange(&kept, NULL));
    await_all_tasks();
}

START_TEST(a_task_that_ends_while_one_begins_to_wait_for_it)
{
    struct ac_join__frame join;
    struct probe probe;
    ck_assert_int_eq(ac_pool_set_threads(1), 0);
    ac_task__handle task = spawn_waiting();
    probe_init(&probe);
    staged = let_it_end;
    ck_assert_int_eq(ac_join__start(&join, &probe.cx, task, NULL), AC_READY);
    ck_assert_int_eq(join.result, 0);
    ck_assert_int_eq(probe.wakes, 0);
    ck_assert_int_eq(probe.clones, 0);
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
}
END_TEST

START_TEST(a_task_that_ends_while_another_begins_to_wait_for_it)
{
    struct ac_join__frame join;
    struct probe first, last;
    ck_assert_int_eq(ac_pool_set_threads(1), 0);
    ac_task__handle task = spawn_waiting();
    probe_init(&first);
    probe_init(&last);
    ck_assert_int_eq(ac_join__start(&join, &first.cx, task, NULL), AC_PENDING);
    staged = let_it_end;
    ck_assert_int_eq(ac_join__poll(&join, &last.cx), AC_READY);
    ck_assert_int_eq(first.wakes, 1);
    ck_assert_int_eq(last.wakes, 0);
    ck_assert_int_eq(first.clones + last.clones, 0);
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
}
END_TEST

START_TEST(a_task_that_ends_while_one_ceases_to_wait_for_it)
{
    struct ac_join__frame join;
    struct probe probe;
    ck_assert_int_eq(ac_pool_set_threads(1), 0);
    ac_task__handle task = spawn_waiting();
    probe_init(&probe);
    ck_assert_int_eq(ac_join__start(&join, &probe.cx, task, NULL), AC_PENDING);
    staged = let_it_end;
    ck_assert_int_eq(ac_join__cancel(&join, &probe.cx), AC_READY);
    ck_assert_int_eq(probe.wakes, 1);
    ck_assert_int_eq(probe.clones, 0);
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
}
END_TEST

/* ---- an event between a try in vain and the wait for it ---- */

static int peer;
static struct ac__fd *slot;
static _Atomic bool first_waits;

static enum ac_poll note_waiting(enum ac_poll poll)
{
    if (poll == AC_PENDING)
        atomic_store(&first_waits, true);
    return poll;
}

static void make_event(void)
{
    uint64_t before = atomic_load(&slot->word);
    ck_assert_int_eq(write(peer, "x", 1), 1);
    while (!ac__is_other_tick(atomic_load(&slot->word), before))
        sched_yield();
}

struct late {
    int state, fd;
    enum ac_poll second;
    char buffer[8];
    struct ac_read__frame read;
};
static struct late late;

static enum ac_poll late__poll(struct late *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_read__init(&self->read, self->fd, self->buffer, 8), note_waiting(ac_read__poll(&self->read, cx)));
    ck_assert_int_eq(self->read.result, 1);
    slot = ac__fd_at(cx->exec->reactor, self->fd);
    ck_assert_uint_ne(atomic_load(&slot->word) & AC__FD_MAY_READ, 0);
    staged = make_event; /* when it has found nothing */
    late.second = ac_read__start(&self->read, cx, self->fd, self->buffer, 8);
    if (late.second == AC_PENDING)
        ac_read__cancel(&self->read, cx);
    END;
}
FUTURE(late, struct late);

START_TEST(an_event_between_a_try_and_the_wait_after_it_is_not_lost)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(ac_adopt(ends[0]), 0);
    peer = ends[1];
    ck_assert_int_eq(ac_pool_set_threads(2), 0); /* one fetches the event */
    ac_detach(spawn_on_pool(&late__type, &(struct late){ .fd = ends[0] }));
    while (!atomic_load(&first_waits))
        sched_yield();
    ck_assert_int_eq(write(peer, "x", 1), 1);
    await_all_tasks();
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    ck_assert_int_eq(late.second, AC_READY);
    ac_close(ends[0]);
    close(ends[1]);
}
END_TEST

/* ---- what threads do that may block ---- */

enum { MOST_READS = 2000 };

struct blocked {
    int state, fd, n;
    char buffer[8], buffers[MOST_READS][4];
    struct probe probes[2];
    struct ac_resolve__frame resolve;
    struct ac_address found[1];
    struct ac_read__frame reads[MOST_READS];
};

static void open_file(struct blocked *self, const struct ac_context *cx)
{
    self->fd = open("/proc/self/exe", O_RDONLY);
    ck_assert_int_ge(self->fd, 0);
    for (int i = 0; i < 2; i++)
        probe_init_in(&self->probes[i], cx);
    may_not_block = true;
}

static enum ac_poll handed_over__poll(struct blocked *self, struct ac_context *cx)
{
    struct probe *first = &self->probes[0], *last = &self->probes[1];
    open_file(self, cx);
    ck_assert_int_eq(ac_read__start(&self->reads[0], &first->cx, self->fd, self->buffer, 4), AC_PENDING);
    ck_assert_int_eq(ac_read__poll(&self->reads[0], &last->cx), AC_PENDING);
    ck_assert_int_eq(ac_resolve__start(&self->resolve, &first->cx, "name.test", 80, self->found, 1), AC_PENDING);
    ck_assert_int_eq(ac_resolve__poll(&self->resolve, &last->cx), AC_PENDING);
    ck_assert_int_eq(first->clones, 0);
    atomic_store(&gate_is_open, true);
    wait_for(&last->wakes, 2);
    ck_assert_int_eq(first->wakes, 0);
    ck_assert_int_eq(last->clones, 0);
    ck_assert_int_eq(ac_read__poll(&self->reads[0], &last->cx), AC_READY);
    ck_assert_int_eq(self->reads[0].result, 4);
    ck_assert_int_eq(ac_resolve__poll(&self->resolve, &last->cx), AC_READY);
    ck_assert_int_lt(self->resolve.result, 0);
    close(self->fd);
    return AC_READY;
}
FUTURE(handed_over, struct blocked);

START_TEST(the_waker_of_the_last_poll_is_woken)
{
    static struct blocked blocked;
    ac_block_on_future(&handed_over__type, &blocked);
}
END_TEST

/* Reads until there is one for which no thread is free. */
static enum ac_poll cancelled__poll(struct blocked *self, struct ac_context *cx)
{
    struct probe *probe = &self->probes[0];
    enum ac_poll poll;
    open_file(self, cx);
    do {
        ck_assert_int_lt(self->n, MOST_READS);
        struct ac_read__frame *read = &self->reads[self->n];
        int before = probe->clones;
        ck_assert_int_eq(ac_read__start(read, &probe->cx, self->fd, self->buffers[self->n], 4), AC_PENDING);
        ck_assert_int_eq(probe->clones, before + 1);
        poll = ac_read__cancel(read, &probe->cx);
        ck_assert_int_eq(probe->clones, poll == AC_READY ? before : before + 1);
        self->n += poll == AC_PENDING;
    } while (poll == AC_PENDING);
    atomic_store(&gate_is_open, true);
    while (self->n-- > 0)
        while (ac_read__cancel(&self->reads[self->n], &probe->cx) == AC_PENDING)
            sched_yield();
    wait_for(&probe->clones, 0);
    close(self->fd);
    return AC_READY;
}
FUTURE(cancelled, struct blocked);

START_TEST(a_read_that_is_cancelled_before_a_thread_was_free_gives_its_waker_back)
{
    static struct blocked blocked;
    ac_block_on_future(&cancelled__type, &blocked);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_finds_a_semaphore_s_lock_taken_gets_and_gives_as_if_it_were_free,
        notifications_that_find_the_lock_taken_do_not_add_up,
        who_has_a_permit_may_free_the_semaphore,
        who_is_woken_for_a_oneshot_s_value_has_it_at_once,
        a_task_that_ends_while_one_begins_to_wait_for_it,
        a_task_that_ends_while_another_begins_to_wait_for_it,
        a_task_that_ends_while_one_ceases_to_wait_for_it,
        an_event_between_a_try_and_the_wait_after_it_is_not_lost,
        the_waker_of_the_last_poll_is_woken,
        a_read_that_is_cancelled_before_a_thread_was_free_gives_its_waker_back,
    };
    return run_suite("staged", tests, COUNT(tests), NULL, 0);
}

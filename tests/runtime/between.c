/* What comes between two steps of the library that matter, at the worst moment: a signal, another thread, a fork.
 *
 * Linked with the library's sources that ask before each call whether it fails (AC__FAULTS). It never does here, but what
 * is to come between comes then. */
#define _GNU_SOURCE
#include "support.h"

#include "sys_memory.h"

#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What comes to this thread, once: at the next place that the library says, or before the last of so many calls, which
 * fails if an errno is returned. */
static _Thread_local int (*comes)(void);
static _Thread_local enum ac__call comes_at;
static _Thread_local int comes_after; /* 0: at no call */
static _Thread_local void (*comes_to_who_waits)(void); /* once, before an executor does */

static int come(void)
{
    int (*now)(void) = comes;
    comes = NULL;
    return now != NULL ? now() : 0;
}

bool ac__fails(enum ac__call call, size_t *size)
{
    (void)size;
    if (call == AC__EPOLL_WAIT && comes_to_who_waits != NULL) {
        comes_to_who_waits();
        comes_to_who_waits = NULL;
    }
    if (call != comes_at || comes_after == 0 || --comes_after > 0)
        return false;
    int error = come();
    if (error != 0)
        errno = error;
    return error != 0;
}

void ac__between(void)
{
    if (comes_after == 0)
        come();
}

/* ---- signals ---- */

static int terminate(void) { return raise(SIGTERM); }

START_TEST(a_signal_that_comes_while_its_registration_is_opened_is_noted)
{
    struct ac_signals s;
    comes = terminate;
    ck_assert_int_eq(ac_signals_open(&s, AC_SIGNAL(SIGTERM)), 0);
    ck_assert_ptr_null(comes);
    ck_assert_int_eq(ac_signals_try(&s), SIGTERM);
    ck_assert_int_eq(ac_signals_try(&s), -EAGAIN);
    ac_signals_close(&s);
}
END_TEST

/* ---- descriptors that block ----
 *
 * One task has been told that its call won't block, and another that wants the same comes before it makes the call. */

/* Of one test. What is taken is a connection or a line. */
static struct {
    int fd;                      /* a listener's, or a terminal's */
    int other_fd;                /* another descriptor of the same */
    bool (*supply)(void);        /* makes one to be taken */
    bool terminal;
    struct sockaddr_un address;  /* the listener's */
    socklen_t address_size;
    int keyboard;                /* the other end of the terminal */
    int nclients, clients[4];
    pthread_t other;
    _Atomic int nlooks;          /* the other's polls */
    bool would_block;            /* the first one's call, if nothing had been supplied then */
} scene;

struct taker {
    int state;
    bool is_other;
    ssize_t result;
    char line[8];
    union {
        struct ac_accept__frame accept;
        struct ac_read__frame read;
    } leaf;
};

static enum ac_poll take(struct taker *self, struct ac_context *cx)
{
    enum ac_poll poll = scene.terminal ? ac_read__poll(&self->leaf.read, cx) : ac_accept__poll(&self->leaf.accept, cx);
    if (self->is_other)
        atomic_fetch_add(&scene.nlooks, 1);
    return poll;
}

static enum ac_poll taker__poll(struct taker *self, struct ac_context *cx)
{
    BEGIN(self);
    int fd = self->is_other ? scene.other_fd : scene.fd;
    if (scene.terminal)
        ac_read__init(&self->leaf.read, fd, self->line, sizeof self->line);
    else
        ac_accept__init(&self->leaf.accept, fd);
    AWAIT(self, (void)0, take(self, cx));
    self->result = scene.terminal ? self->leaf.read.result : self->leaf.accept.result;
    ck_assert_int_ge(self->result, 0);
    if (!scene.terminal)
        close((int)self->result);
    END;
}
FUTURE(taker, struct taker);

static void *take_one(void *is_other)
{
    struct taker taker = { .is_other = is_other != NULL };
    ac_block_on_future(&taker__type, &taker);
    return NULL;
}

static bool connect_one(void)
{
    int client = scene.clients[scene.nclients++] = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(client, (struct sockaddr *)&scene.address, scene.address_size) == 0;
}

static bool type_one(void) { return write(scene.keyboard, "x\n", 2) == 2; }

static void listen_blocking(void)
{
    scene.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    scene.address.sun_family = AF_UNIX;
    scene.address_size = sizeof scene.address;
    ck_assert_int_eq(bind(scene.fd, (struct sockaddr *)&scene.address, sizeof scene.address.sun_family), 0);
    ck_assert_int_eq(listen(scene.fd, 4), 0);
    ck_assert_int_eq(getsockname(scene.fd, (struct sockaddr *)&scene.address, &scene.address_size), 0);
    scene.supply = connect_one;
    comes_at = AC__ACCEPT;
    comes_after = 1;
}

/* False: there is none here. */
static bool open_terminal(void)
{
    scene.terminal = true;
    scene.supply = type_one;
    comes_at = AC__READ_FILE;
    comes_after = 2; /* the first is one that doesn't block, which terminals don't know */
    return openpty(&scene.keyboard, &scene.fd, NULL, NULL, NULL) == 0;
}

static void supply(void) { ck_assert(scene.supply()); }

static int see_whether_it_would_block(void)
{
    struct pollfd p = { .fd = scene.fd, .events = POLLIN };
    scene.would_block = poll(&p, 1, 0) == 0;
    if (scene.would_block)
        supply();
    return 0;
}

static void close_scene(void)
{
    while (scene.nclients > 0)
        close(scene.clients[--scene.nclients]);
    close(scene.fd);
    if (scene.terminal)
        close(scene.keyboard);
}

static int another_thread(void)
{
    ck_assert_int_eq(pthread_create(&scene.other, NULL, take_one, &scene), 0);
    while (atomic_load(&scene.nlooks) == 0)
        sched_yield();
    return see_whether_it_would_block();
}

static void take_with_another_thread(void)
{
    comes = another_thread;
    scene.other_fd = dup(scene.fd);
    supply();
    take_one(NULL);
    ck_assert_ptr_null(comes);
    ck_assert(!scene.would_block);
    supply();
    ck_assert_int_eq(pthread_join(scene.other, NULL), 0);
    close(scene.other_fd);
    close_scene();
}

START_TEST(an_accept_does_not_block_since_another_thread_was_faster)
{
    listen_blocking();
    take_with_another_thread();
}
END_TEST

START_TEST(a_read_from_a_terminal_does_not_block_since_another_thread_was_faster)
{
    if (open_terminal())
        take_with_another_thread();
}
END_TEST

/* The call is made, and there is nothing any more. */
static int a_broken_connection(void)
{
    close(accept(scene.fd, NULL, NULL));
    comes = see_whether_it_would_block;
    comes_after = 1;
    return ECONNABORTED;
}

static int a_faster_process_and_a_signal(void)
{
    char line[8];
    ck_assert_int_eq(read(scene.fd, line, sizeof line), 2);
    comes = see_whether_it_would_block;
    comes_after = 1;
    return EINTR;
}

static void take_after(int (*first)(void))
{
    comes = first;
    comes_to_who_waits = supply;
    supply();
    take_one(NULL);
    ck_assert(comes != first);
    ck_assert(!scene.would_block);
    close_scene();
}

START_TEST(an_accept_does_not_block_after_a_connection_that_broke)
{
    listen_blocking();
    take_after(a_broken_connection);
}
END_TEST

START_TEST(a_read_from_a_terminal_does_not_block_again_after_a_signal)
{
    if (open_terminal())
        take_after(a_faster_process_and_a_signal);
}
END_TEST

/* In the child nobody is there who could make the call that the parent's thread was about to make. */
static void *fork_and_take(void *unused)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        take_one(NULL);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    return unused;
}

static int a_child(void)
{
    /* Without an assertion between: those take a lock of check's, which a child would find held for ever. */
    int created = pthread_create(&scene.other, NULL, fork_and_take, NULL);
    int joined = created == 0 ? pthread_join(scene.other, NULL) : -1;
    ck_assert_int_eq(created, 0);
    ck_assert_int_eq(joined, 0);
    return see_whether_it_would_block(); /* another process may be faster */
}

START_TEST(a_child_waits_for_no_thread_of_its_parent)
{
    listen_blocking();
    comes = a_child;
    supply();
    take_one(NULL);
    ck_assert_ptr_null(comes);
    close_scene();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_signal_that_comes_while_its_registration_is_opened_is_noted,
        an_accept_does_not_block_since_another_thread_was_faster,
        a_read_from_a_terminal_does_not_block_since_another_thread_was_faster,
        an_accept_does_not_block_after_a_connection_that_broke,
        a_read_from_a_terminal_does_not_block_again_after_a_signal,
        a_child_waits_for_no_thread_of_its_parent,
    };
    return run_suite("between", tests, COUNT(tests), NULL, 0);
}

/* TCP on loopback, and descriptors of other kinds, through futures written by hand. */
#define _GNU_SOURCE
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- one future that can await any of the operations ---- */

union leaf {
    struct ac_read__frame read;
    struct ac_write__frame write;
    struct ac_write_all__frame write_all;
    struct ac_readable__frame readable;
    struct ac_writable__frame writable;
    struct ac_tcp_connect__frame connect;
    struct ac_accept__frame accept;
    struct ac_sleep__frame sleep;
    struct ac_yield_now__frame yield;
    struct ac_await__frame await;
};

struct script {
    int state;
    int listener, port, client, server, i, n;
    ssize_t total;
    char buffer[65536];
    ac_task__handle task;
    union leaf leaf;
    union leaf other;
};

#define READ(self, fd, buffer, size)                                                                       \
    AWAIT(self, ac_read__init(&(self)->leaf.read, fd, buffer, size), ac_read__poll(&(self)->leaf.read, cx))
#define WRITE_ALL(self, fd, buffer, size)                                                                  \
    AWAIT(self, ac_write_all__init(&(self)->leaf.write_all, fd, buffer, size),                             \
          ac_write_all__poll(&(self)->leaf.write_all, cx))
#define SLEEP(self, ns)                                                                                    \
    AWAIT(self, ac_sleep__init(&(self)->leaf.sleep, ns), ac_sleep__poll(&(self)->leaf.sleep, cx))
#define JOIN(self)                                                                                         \
    AWAIT(self, ac_await__init(&(self)->leaf.await, (self)->task), ac_await__poll(&(self)->leaf.await, cx)); \
    ac_await__end(&(self)->leaf.await)

/* Both ends of a connection in self->client and self->server. */
#define PAIR(self)                                                                                         \
    (self)->listener = ac_tcp_listen("localhost", 0, 0);                                                   \
    ck_assert_int_ge((self)->listener, 0);                                                                 \
    (self)->port = ac_local_port((self)->listener);                                                        \
    AWAIT(self, ac_tcp_connect__init(&(self)->leaf.connect, "127.0.0.1", (self)->port),                    \
          ac_tcp_connect__poll(&(self)->leaf.connect, cx));                                                \
    (self)->client = (self)->leaf.connect.result;                                                          \
    ck_assert_int_ge((self)->client, 0);                                                                   \
    AWAIT(self, ac_accept__init(&(self)->leaf.accept, (self)->listener),                                   \
          ac_accept__poll(&(self)->leaf.accept, cx));                                                      \
    (self)->server = (self)->leaf.accept.result;                                                           \
    ck_assert_int_ge((self)->server, 0)

#define CLOSE_PAIR(self)                                                                                   \
    ck_assert_int_eq(ac_close((self)->server), 0);                                                         \
    ck_assert_int_eq(ac_close((self)->client), 0);                                                         \
    ck_assert_int_eq(ac_close((self)->listener), 0)

#define RUN(name)                                                                                          \
    struct script s = { 0 };                                                                               \
    ac_block_on_future(&name##__type, &s);                                                                 \
    ck_assert_int_eq(s.state, -1)

/* ---- streams ---- */

static enum ac_poll talk__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    for (self->i = 0; self->i < 3; self->i++) {
        WRITE_ALL(self, self->client, "ping", 4);
        ck_assert_int_eq(self->leaf.write_all.result, 0);
        READ(self, self->server, self->buffer, sizeof self->buffer);
        ck_assert_int_eq(self->leaf.read.result, 4);
        WRITE_ALL(self, self->server, self->buffer, 4);
        READ(self, self->client, self->buffer, 3);
        ck_assert_int_eq(self->leaf.read.result, 3);
        READ(self, self->client, self->buffer, 3);
        ck_assert_int_eq(self->leaf.read.result, 1);
    }
    ck_assert_int_eq(ac_shutdown_write(self->client), 0);
    READ(self, self->server, self->buffer, sizeof self->buffer);
    ck_assert_int_eq(self->leaf.read.result, 0);
    READ(self, self->server, self->buffer, sizeof self->buffer); /* the end stays the end */
    ck_assert_int_eq(self->leaf.read.result, 0);
    WRITE_ALL(self, self->server, "bye", 3); /* half-closed */
    READ(self, self->client, self->buffer, sizeof self->buffer);
    ck_assert_int_eq(self->leaf.read.result, 3);
    CLOSE_PAIR(self);
    END;
}
FUTURE(talk, struct script);
START_TEST(two_ends_talk_and_one_closes_half) { RUN(talk); }
END_TEST

enum { MUCH = 8 << 20 };

/* Writes MUCH bytes to self->client, of a pattern, then the end. */
static enum ac_poll pourer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    while (self->total < MUCH) {
        for (size_t i = 0; i < sizeof self->buffer; i++)
            self->buffer[i] = (char)((self->total + (ssize_t)i) % 251);
        WRITE_ALL(self, self->client, self->buffer, sizeof self->buffer);
        ck_assert_int_eq(self->leaf.write_all.result, 0);
        self->total += sizeof self->buffer;
    }
    ac_shutdown_write(self->client);
    END;
}
FUTURE(pourer, struct script);

static enum ac_poll drinker__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    self->task = SPAWN(pourer, struct script, { .client = self->client });
    for (;;) {
        READ(self, self->server, self->buffer, 1 + (size_t)self->i++ % sizeof self->buffer);
        ck_assert_int_ge(self->leaf.read.result, 0);
        if (self->leaf.read.result == 0)
            break;
        bool right = true;
        for (ssize_t i = 0; i < self->leaf.read.result; i++)
            right &= self->buffer[i] == (char)((self->total + i) % 251);
        ck_assert(right);
        self->total += self->leaf.read.result;
    }
    ck_assert_int_eq(self->total, MUCH);
    JOIN(self);
    CLOSE_PAIR(self);
    END;
}
FUTURE(drinker, struct script);
START_TEST(much_more_than_fits_into_the_sockets_arrives_whole) { RUN(drinker); }
END_TEST

static enum ac_poll gone__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    ac_close(self->server);
    SLEEP(self, AC_MS);
    /* The first may still be taken; then the peer's reset is known. */
    for (self->i = 0; self->i < 10; self->i++) {
        AWAIT(self, ac_write__init(&self->leaf.write, self->client, "x", 1), ac_write__poll(&self->leaf.write, cx));
        if (self->leaf.write.result < 0)
            break;
        SLEEP(self, AC_MS);
    }
    ck_assert(self->leaf.write.result == -EPIPE || self->leaf.write.result == -ECONNRESET);
    ac_close(self->client);
    ac_close(self->listener);
    END;
}
FUTURE(gone, struct script);
START_TEST(writing_to_a_peer_that_has_gone_is_an_error_and_no_signal)
{
    signal(SIGPIPE, SIG_DFL);
    RUN(gone);
}
END_TEST

static enum ac_poll nothing__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    READ(self, self->client, NULL, 0);
    ck_assert_int_eq(self->leaf.read.result, 0);
    WRITE_ALL(self, self->client, NULL, 0);
    ck_assert_int_eq(self->leaf.write_all.result, 0);
    READ(self, -1, self->buffer, 1);
    ck_assert_int_eq(self->leaf.read.result, -EBADF);
    AWAIT(self, ac_accept__init(&self->leaf.accept, 1000000), ac_accept__poll(&self->leaf.accept, cx));
    ck_assert_int_eq(self->leaf.accept.result, -EBADF);
    AWAIT(self, ac_readable__init(&self->leaf.readable, -5), ac_readable__poll(&self->leaf.readable, cx));
    ck_assert_int_eq(self->leaf.readable.result, -EBADF);
    CLOSE_PAIR(self);
    ck_assert_int_eq(ac_close(self->client), -EBADF);
    ck_assert_int_eq(ac_shutdown_write(self->client), -EBADF);
    ck_assert_int_eq(ac_local_port(self->client), -EBADF);
    END;
}
FUTURE(nothing, struct script);
START_TEST(empty_reads_and_bad_descriptors_are_answered_at_once) { RUN(nothing); }
END_TEST

/* ---- connecting and listening ---- */

static enum ac_poll refused__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->listener = ac_tcp_listen("127.0.0.1", 0, 0);
    self->port = ac_local_port(self->listener);
    ac_close(self->listener);
    AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "127.0.0.1", self->port),
          ac_tcp_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_eq(self->leaf.connect.result, -ECONNREFUSED);
    AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "localhost", self->port),
          ac_tcp_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_lt(self->leaf.connect.result, 0);
    AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "127.0.0.1", 65536),
          ac_tcp_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_eq(self->leaf.connect.result, -EINVAL);
    AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "127.0.0.1", 0), ac_tcp_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_eq(self->leaf.connect.result, -EINVAL);
    END;
}
FUTURE(refused, struct script);
START_TEST(connecting_where_nobody_listens_is_refused) { RUN(refused); }
END_TEST

START_TEST(listening_needs_a_numeric_address_and_a_free_port)
{
    ck_assert_int_eq(ac_tcp_listen("example.org", 0, 0), -EINVAL);
    ck_assert_int_eq(ac_tcp_listen("", 0, 0), -EINVAL);
    ck_assert_int_eq(ac_tcp_listen("127.0.0.1", -1, 0), -EINVAL);
    ck_assert_int_eq(ac_tcp_listen(NULL, 70000, 0), -EINVAL);
    ck_assert_int_eq(ac_tcp_listen("192.0.2.1", 0, 0), -EADDRNOTAVAIL);
    int all = ac_tcp_listen(NULL, 0, 5), port = ac_local_port(all);
    ck_assert_int_ge(all, 0);
    ck_assert_int_gt(port, 0);
    ck_assert_int_eq(ac_tcp_listen(NULL, port, 5), -EADDRINUSE);
    ck_assert_int_eq(fcntl(all, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(ac_close(all), 0);
}
END_TEST

/* Accepts self->n connections and closes them. */
static enum ac_poll acceptor__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (; self->i < self->n; self->i++) {
        AWAIT(self, ac_accept__init(&self->leaf.accept, self->listener), ac_accept__poll(&self->leaf.accept, cx));
        ck_assert_int_ge(self->leaf.accept.result, 0);
        ck_assert(fcntl(self->leaf.accept.result, F_GETFL) & O_NONBLOCK);
        ac_close(self->leaf.accept.result);
    }
    END;
}
FUTURE(acceptor, struct script);

static enum ac_poll many__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->listener = ac_tcp_listen("localhost", 0, 0);
    self->port = ac_local_port(self->listener);
    /* Two wait for the same listener. */
    self->task = SPAWN(acceptor, struct script, { .listener = self->listener, .n = 25 });
    self->n = 25;
    ac_await__init(&self->other.await, SPAWN(acceptor, struct script, { .listener = self->listener, .n = 25 }));
    for (self->i = 0; self->i < 50; self->i++) {
        AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "localhost", self->port),
              ac_tcp_connect__poll(&self->leaf.connect, cx));
        self->client = self->leaf.connect.result;
        ck_assert_int_ge(self->client, 0);
        READ(self, self->client, self->buffer, 1);
        ck_assert_int_eq(self->leaf.read.result, 0);
        ac_close(self->client); /* so that numbers are used again and again */
    }
    JOIN(self);
    AWAIT(self, (void)0, ac_await__poll(&self->other.await, cx));
    ac_await__end(&self->other.await);
    ac_close(self->listener);
    END;
}
FUTURE(many, struct script);
START_TEST(two_tasks_accept_from_one_listener_and_numbers_are_used_again) { RUN(many); }
END_TEST

/* ---- cancelling and closing ---- */

static enum ac_poll cancelled__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    /* Each is left waiting, then cancelled, and what comes afterwards goes to the next. */
    ck_assert_int_eq(ac_read__start(&self->leaf.read, cx, self->server, self->buffer, 10), AC_PENDING);
    ck_assert_int_eq(ac_read__poll(&self->leaf.read, cx), AC_PENDING);
    ck_assert_int_eq(ac_read__cancel(&self->leaf.read, cx), AC_READY);
    ck_assert_int_eq(ac_readable__start(&self->leaf.readable, cx, self->server), AC_PENDING);
    ck_assert_int_eq(ac_readable__cancel(&self->leaf.readable, cx), AC_READY);
    WRITE_ALL(self, self->client, "x", 1);
    READ(self, self->server, self->buffer, 10);
    ck_assert_int_eq(self->leaf.read.result, 1);

    ck_assert_int_eq(ac_accept__start(&self->leaf.accept, cx, self->listener), AC_PENDING);
    ck_assert_int_eq(ac_accept__cancel(&self->leaf.accept, cx), AC_READY);

    /* A write that has to wait. */
    for (;;) {
        if (ac_write__start(&self->leaf.write, cx, self->client, self->buffer, sizeof self->buffer) == AC_PENDING)
            break;
        ck_assert_int_gt(self->leaf.write.result, 0);
    }
    ck_assert_int_eq(ac_write__cancel(&self->leaf.write, cx), AC_READY);
    ck_assert_int_eq(ac_writable__start(&self->leaf.writable, cx, self->client), AC_PENDING);
    ck_assert_int_eq(ac_writable__cancel(&self->leaf.writable, cx), AC_READY);
    ck_assert_int_eq(ac_write_all__start(&self->leaf.write_all, cx, self->client, "x", 1), AC_PENDING);
    ck_assert_int_eq(ac_write_all__cancel(&self->leaf.write_all, cx), AC_READY);

    /* Cancelled before they began. */
    ac_read__init(&self->leaf.read, self->server, self->buffer, 1);
    ck_assert_int_eq(ac_read__cancel(&self->leaf.read, cx), AC_READY);
    ac_tcp_connect__init(&self->leaf.connect, "localhost", self->port);
    ck_assert_int_eq(ac_tcp_connect__cancel(&self->leaf.connect, cx), AC_READY);

    /* A connection that is being made: nothing stays open. */
    self->n = dup(0);
    close(self->n);
    if (ac_tcp_connect__start(&self->leaf.connect, cx, "127.0.0.1", self->port) == AC_PENDING)
        ck_assert_int_eq(ac_tcp_connect__cancel(&self->leaf.connect, cx), AC_READY);
    else
        ac_close(self->leaf.connect.result);
    ck_assert_int_eq(fcntl(self->n, F_GETFD), -1);
    CLOSE_PAIR(self);
    END;
}
FUTURE(cancelled, struct script);
START_TEST(every_operation_can_be_cancelled_while_it_waits) { RUN(cancelled); }
END_TEST

/* Reads one byte of self->client and stores the result in self->total. */
static ssize_t read_result;
static enum ac_poll waiter__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    READ(self, self->client, self->buffer, 1);
    read_result = self->leaf.read.result;
    END;
}
FUTURE(waiter, struct script);

static enum ac_poll closer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    self->task = SPAWN(waiter, struct script, { .client = self->client });
    SLEEP(self, AC_MS);
    ck_assert_int_eq(ac_close(self->client), 0);
    /* The number is another's at once. */
    ck_assert_int_eq(ac_tcp_listen("localhost", 0, 0), self->client);
    JOIN(self);
    ck_assert_int_eq(read_result, -EBADF);
    ck_assert_int_eq(ac_close(self->client), 0);

    /* The same with a descriptor that wasn't made here. */
    make_pipe(&self->client, &self->n);
    self->task = SPAWN(waiter, struct script, { .client = self->client });
    SLEEP(self, AC_MS);
    ck_assert_int_eq(ac_close(self->client), 0);
    ck_assert_int_eq(dup(self->server), self->client);
    JOIN(self);
    ck_assert_int_eq(read_result, -EBADF);
    close(self->client);
    close(self->n);
    ac_close(self->server);
    ac_close(self->listener);
    END;
}
FUTURE(closer, struct script);
START_TEST(closing_wakes_who_waits_and_he_learns_that_it_has_gone) { RUN(closer); }
END_TEST

/* ---- other descriptors ---- */

/* 64 kB, as much as a pipe holds, through one from self->client to self->server. */
#define POUR(self)                                                                                         \
    (self)->task = SPAWN(pourer, struct script, { .client = (self)->client, .total = MUCH - 65536 });      \
    while ((self)->total < 65536) {                                                                        \
        READ(self, (self)->server, (self)->buffer, 1000);                                                  \
        ck_assert_int_gt((self)->leaf.read.result, 0);                                                     \
        (self)->total += (self)->leaf.read.result;                                                         \
    }                                                                                                      \
    JOIN(self)
/* One who waits for more learns of the end. */
#define CLOSE_PIPE(self)                                                                                   \
    ck_assert_int_eq(ac_read__start(&(self)->leaf.read, cx, (self)->server, (self)->buffer, 1), AC_PENDING); \
    ac_close((self)->client);                                                                              \
    AWAIT(self, (void)0, ac_read__poll(&(self)->leaf.read, cx));                                           \
    ck_assert_int_eq((self)->leaf.read.result, 0);                                                         \
    ac_close((self)->server)

static enum ac_poll piper__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    make_pipe(&self->server, &self->client);
    POUR(self);
    ck_assert_int_eq(fcntl(self->server, F_GETFL) & O_NONBLOCK, 0); /* left as it was */
    CLOSE_PIPE(self);
    END;
}
FUTURE(piper, struct script);
START_TEST(pipes_work_and_stay_blocking) { RUN(piper); }
END_TEST

static enum ac_poll adopter__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    make_pipe(&self->server, &self->client);
    ck_assert_int_eq(ac_adopt(self->server), 0);
    ck_assert_int_eq(ac_adopt(self->client), 0);
    ck_assert_int_ne(fcntl(self->server, F_GETFL) & O_NONBLOCK, 0);
    POUR(self);
    /* Each byte that comes to an empty pipe is heard of, also after a read that wasn't filled. */
    for (self->n = 0; self->n < 3; self->n++) {
        ck_assert_int_eq(ac_read__start(&self->leaf.read, cx, self->server, self->buffer, 2), AC_PENDING);
        ck_assert_int_eq(write(self->client, "x", 1), 1);
        AWAIT(self, (void)0, ac_read__poll(&self->leaf.read, cx));
        ck_assert_int_eq(self->leaf.read.result, 1);
    }
    CLOSE_PIPE(self);

    make_pair(&self->client, &self->server);
    ck_assert_int_eq(ac_adopt(self->client), 0);
    ck_assert_int_eq(close(self->server), 0);
    WRITE_ALL(self, self->client, "x", 1);
    ck_assert_int_eq(self->leaf.write_all.result, -EPIPE); /* and no signal */
    ac_close(self->client);
    ck_assert_int_eq(ac_adopt(self->client), -EBADF);
    self->client = open("/proc/self/exe", O_RDONLY);
    ck_assert_int_eq(ac_adopt(self->client), -EPERM);
    ck_assert_int_eq(fcntl(self->client, F_GETFL) & O_NONBLOCK, 0);
    close(self->client);
    END;
}
FUTURE(adopter, struct script);
START_TEST(a_pipe_that_is_adopted_is_heard_of_without_being_asked_for) { RUN(adopter); }
END_TEST

static enum ac_poll pairs__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    make_pair(&self->client, &self->server);
    /* Two directions of one descriptor wait at once, each registered for one event. */
    for (;;) {
        if (ac_write__start(&self->leaf.write, cx, self->client, self->buffer, sizeof self->buffer) == AC_PENDING)
            break;
    }
    ck_assert_int_eq(ac_read__start(&self->other.read, cx, self->client, self->buffer, 1), AC_PENDING);
    ck_assert_int_eq(write(self->server, "x", 1), 1);
    AWAIT(self, (void)0, ac_read__poll(&self->other.read, cx));
    ck_assert_int_eq(self->other.read.result, 1);
    ck_assert_int_eq(ac_write__poll(&self->leaf.write, cx), AC_PENDING);
    while (recv(self->server, self->buffer, sizeof self->buffer, MSG_DONTWAIT) > 0)
        continue;
    AWAIT(self, (void)0, ac_write__poll(&self->leaf.write, cx));
    ck_assert_int_gt(self->leaf.write.result, 0);
    ac_close(self->client);
    ac_close(self->server);

    /* A file is always ready. */
    self->client = open("/dev/null", O_RDWR);
    READ(self, self->client, self->buffer, 10);
    ck_assert_int_eq(self->leaf.read.result, 0);
    ac_close(self->client);
    self->client = open("/proc/self/exe", O_RDONLY);
    READ(self, self->client, self->buffer, 4);
    ck_assert_int_eq(self->leaf.read.result, 4);
    ck_assert_mem_eq(self->buffer, "\177ELF", 4);
    WRITE_ALL(self, self->client, "x", 1);
    ck_assert_int_eq(self->leaf.write_all.result, -EBADF);
    ac_close(self->client);
    END;
}
FUTURE(pairs, struct script);
START_TEST(sockets_from_elsewhere_and_files_work) { RUN(pairs); }
END_TEST

static enum ac_poll foreign__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    /* A listener that somebody else made, and that blocks. */
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(self->listener, 5), 0); /* on a port that the system chooses */
    self->port = ac_local_port(self->listener);
    ck_assert_int_eq(ac_accept__start(&self->other.accept, cx, self->listener), AC_PENDING);
    AWAIT(self, ac_tcp_connect__init(&self->leaf.connect, "127.0.0.1", self->port),
          ac_tcp_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_ge(self->leaf.connect.result, 0);
    AWAIT(self, (void)0, ac_accept__poll(&self->other.accept, cx));
    ck_assert_int_ge(self->other.accept.result, 0);
    ac_close(self->other.accept.result);
    ac_close(self->leaf.connect.result);
    ac_close(self->listener);
    END;
}
FUTURE(foreign, struct script);
START_TEST(a_listener_from_elsewhere_does_not_block_the_thread) { RUN(foreign); }
END_TEST

static enum ac_poll ready__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    AWAIT(self, ac_writable__init(&self->leaf.writable, self->client), ac_writable__poll(&self->leaf.writable, cx));
    ck_assert_int_eq(self->leaf.writable.result, 0);
    for (self->i = 0; self->i < 3; self->i++) {
        ck_assert_int_eq(ac_readable__start(&self->leaf.readable, cx, self->client), AC_PENDING);
        ck_assert_int_eq(send(self->server, "x", 1, 0), 1);
        AWAIT(self, (void)0, ac_readable__poll(&self->leaf.readable, cx));
        ck_assert_int_eq(self->leaf.readable.result, 0);
        ck_assert_int_eq(recv(self->client, self->buffer, 10, 0), 1);
    }
    CLOSE_PAIR(self);
    END;
}
FUTURE(ready, struct script);
START_TEST(readiness_can_be_awaited_by_itself) { RUN(ready); }
END_TEST

/* ---- sharing the thread ---- */

static bool glutton_has_ended;
static enum ac_poll glutton__poll(struct script *self, struct ac_context *cx)
{
    /* /dev/zero is ready for ever: nothing in this loop waits. */
    BEGIN(self);
    for (self->i = 0; self->i < 1000; self->i++) {
        READ(self, self->client, self->buffer, 1);
        ck_assert_int_eq(self->leaf.read.result, 1);
    }
    glutton_has_ended = true;
    END;
}
FUTURE(glutton, struct script);

static enum ac_poll modest__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->client = open("/dev/zero", O_RDONLY);
    self->task = SPAWN(glutton, struct script, { .client = self->client });
    for (self->i = 0; self->i < 3; self->i++) {
        AWAIT(self, ac_yield_now__init(&self->leaf.yield), ac_yield_now__poll(&self->leaf.yield, cx));
        ck_assert(!glutton_has_ended);
    }
    JOIN(self);
    ac_close(self->client);
    END;
}
FUTURE(modest, struct script);
START_TEST(a_task_whose_reads_are_always_ready_lets_others_run) { RUN(modest); }
END_TEST

static enum ac_poll elsewhere__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    /* Descriptors made on an executor before this one. */
    ck_assert_int_eq(ac_read__start(&self->other.read, cx, self->client, self->buffer, 1), AC_PENDING);
    WRITE_ALL(self, self->server, "y", 1);
    AWAIT(self, (void)0, ac_read__poll(&self->other.read, cx));
    ck_assert_int_eq(self->other.read.result, 1);
    CLOSE_PAIR(self);
    END;
}
FUTURE(elsewhere, struct script);
static enum ac_poll opener__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    PAIR(self);
    WRITE_ALL(self, self->server, "x", 1);
    READ(self, self->client, self->buffer, 1);
    END;
}
FUTURE(opener, struct script);
START_TEST(a_socket_can_go_on_on_another_executor)
{
    RUN(opener);
    struct script t = { .client = s.client, .server = s.server, .listener = s.listener };
    ac_block_on_future(&elsewhere__type, &t);
    ck_assert_int_eq(t.state, -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        two_ends_talk_and_one_closes_half,
        much_more_than_fits_into_the_sockets_arrives_whole,
        writing_to_a_peer_that_has_gone_is_an_error_and_no_signal,
        empty_reads_and_bad_descriptors_are_answered_at_once,
        connecting_where_nobody_listens_is_refused,
        listening_needs_a_numeric_address_and_a_free_port,
        two_tasks_accept_from_one_listener_and_numbers_are_used_again,
        every_operation_can_be_cancelled_while_it_waits,
        closing_wakes_who_waits_and_he_learns_that_it_has_gone,
        pipes_work_and_stay_blocking,
        a_pipe_that_is_adopted_is_heard_of_without_being_asked_for,
        sockets_from_elsewhere_and_files_work,
        a_listener_from_elsewhere_does_not_block_the_thread,
        readiness_can_be_awaited_by_itself,
        a_task_whose_reads_are_always_ready_lets_others_run,
        a_socket_can_go_on_on_another_executor,
    };
    return run_suite("net", tests, COUNT(tests), NULL, 0);
}

/* Reading and writing all of something, in pieces and by lines; Unix sockets; standard input and its like.
 * The blocking twins are called beside the futures. */
#define _GNU_SOURCE
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

struct script {
    int state;
    int in, out, third, i, n, news[2];
    bool flag;
    char buffer[65536];
    char *line;
    struct ac_lines lines;
    struct iovec pieces[200];
    ac_task__handle task;
    union {
        struct ac_read_exact__frame exact;
        struct ac_read__frame read;
        struct ac_write__frame write;
        struct ac_write_all__frame write_all;
        struct ac_readv__frame readv;
        struct ac_readv_exact__frame readv_exact;
        struct ac_writev__frame writev;
        struct ac_writev_all__frame writev_all;
        struct ac_read_line__frame line_of;
        struct ac_unix_connect__frame connect;
        struct ac_accept__frame accept;
        struct ac_yield_now__frame yield;
        struct ac_sleep__frame sleep;
        struct ac_await__frame await;
        struct ac_cancel__frame cancel;
    } leaf;
};

/* Awaits one of the operations. */
#define DO(self, member, name, ...)                                                                        \
    AWAIT(self, name##__init(&(self)->leaf.member, ##__VA_ARGS__), name##__poll(&(self)->leaf.member, cx))
#define JOIN(self)                                                                                         \
    DO(self, await, ac_await, (self)->task);                                                               \
    ac_await__end(&(self)->leaf.await)
#define RUN(name)                                                                                          \
    struct script s = { 0 };                                                                               \
    ac_block_on_future(&name##__type, &s);                                                                 \
    ck_assert_int_eq(s.state, -1)

/* An abstract socket name of this process's. */
static const char *socket_name(const char *what)
{
    static char name[64];
    snprintf(name, sizeof name, "@asyncc-%s-%d", what, (int)getpid());
    return name;
}

/* An empty file, without a name. */
static int make_file(void)
{
    char name[] = "/tmp/asyncc-io-XXXXXX";
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

/* ---- all of it ---- */

/* Writes 10 bytes, one at a time, then ends. */
static enum ac_poll dripper__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 10; self->i++) {
        ck_assert_int_eq(write(self->out, &"0123456789"[self->i], 1), 1);
        DO(self, yield, ac_yield_now);
        DO(self, sleep, ac_sleep, AC_MS);
    }
    close(self->out);
    END;
}
FUTURE(dripper, struct script);

static enum ac_poll exact__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < 2; self->n++) {
        if (self->n == 0)
            make_pair(&self->in, &self->out);
        else
            make_pipe(&self->in, &self->out);
        self->task = SPAWN(dripper, struct script, { .out = self->out });
        DO(self, exact, ac_read_exact, self->in, self->buffer, 7);
        ck_assert_int_eq(self->leaf.exact.result, 7);
        ck_assert_mem_eq(self->buffer, "0123456", 7);
        DO(self, exact, ac_read_exact, self->in, self->buffer, 7);
        ck_assert_int_eq(self->leaf.exact.result, 3); /* what the end left */
        DO(self, exact, ac_read_exact, self->in, self->buffer, 7);
        ck_assert_int_eq(self->leaf.exact.result, 0);
        DO(self, exact, ac_read_exact, self->in, NULL, 0);
        ck_assert_int_eq(self->leaf.exact.result, 0);
        JOIN(self);
        ac_close(self->in);
    }
    DO(self, exact, ac_read_exact, -1, self->buffer, 7);
    ck_assert_int_eq(self->leaf.exact.result, -EBADF);
    END;
}
FUTURE(exact, struct script);
START_TEST(an_exact_read_waits_for_all_or_the_end) { RUN(exact); }
END_TEST

/* ---- pieces ---- */

/* 200 pieces, of 0, 1, 2, ... bytes, in the buffer: 19900 bytes. */
static void cut_buffer(struct script *self)
{
    char *at = self->buffer;
    for (size_t i = 0; i < 200; at += i, i++)
        self->pieces[i] = (struct iovec){ at, i };
}

static enum ac_poll piece_writer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    cut_buffer(self);
    for (size_t i = 0; i < 19900; i++)
        self->buffer[i] = (char)(i % 251);
    for (self->i = 0; self->i < 30; self->i++) {
        DO(self, writev_all, ac_writev_all, self->out, self->pieces, 200);
        ck_assert_int_eq(self->leaf.writev_all.result, 0);
    }
    DO(self, writev, ac_writev, self->out, (&(const struct iovec){ "end", 3 }), 1);
    ck_assert_int_eq(self->leaf.writev.result, 3);
    close(self->out);
    END;
}
FUTURE(piece_writer, struct script);

static enum ac_poll pieces__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < 2; self->n++) {
        if (self->n == 0)
            make_pair(&self->in, &self->out);
        else
            make_pipe(&self->in, &self->out);
        self->task = SPAWN(piece_writer, struct script, { .out = self->out });
        for (self->i = 0; self->i < 30; self->i++) {
            memset(self->buffer, 0, 19900);
            cut_buffer(self);
            DO(self, readv_exact, ac_readv_exact, self->in, self->pieces, 200);
            ck_assert_int_eq(self->leaf.readv_exact.result, 19900);
            bool right = true;
            for (size_t i = 0; i < 19900; i++)
                right &= self->buffer[i] == (char)(i % 251);
            ck_assert(right);
        }
        self->pieces[0] = (struct iovec){ self->buffer, 2 };
        self->pieces[1] = (struct iovec){ self->buffer + 9, 9 };
        DO(self, readv, ac_readv, self->in, self->pieces, 2);
        ck_assert_int_eq(self->leaf.readv.result, 3);
        ck_assert_int_eq(self->buffer[1], 'n');
        ck_assert_int_eq(self->buffer[9], 'd');
        DO(self, readv_exact, ac_readv_exact, self->in, self->pieces, 2);
        ck_assert_int_eq(self->leaf.readv_exact.result, 0);
        JOIN(self);
        close(self->in);
    }
    DO(self, readv, ac_readv, -1, self->pieces, 2);
    ck_assert_int_eq(self->leaf.readv.result, -EBADF);
    DO(self, readv, ac_readv, -1, self->pieces, 0);
    ck_assert_int_eq(self->leaf.readv.result, 0);
    DO(self, writev, ac_writev, -1, self->pieces, -1);
    ck_assert_int_eq(self->leaf.writev.result, -EINVAL);
    self->pieces[0].iov_len = (size_t)-1;
    DO(self, writev_all, ac_writev_all, -1, self->pieces, 2);
    ck_assert_int_eq(self->leaf.writev_all.result, -EINVAL);
    END;
}
FUTURE(pieces, struct script);
START_TEST(pieces_arrive_as_if_they_were_one) { RUN(pieces); }
END_TEST

/* Polls an operation on no bytes that is over; which one is in `n`. */
static enum ac_poll nothing_twice__poll(struct script *self, struct ac_context *cx)
{
#define TWICE(member, name)                                                                                \
    name##__init(&self->leaf.member, -1, self->pieces, 1);                                                 \
    ck_assert_int_eq(name##__poll(&self->leaf.member, cx), AC_READY);                                      \
    return name##__poll(&self->leaf.member, cx)

    switch (self->n) {
    case 0: TWICE(readv, ac_readv);
    case 1: TWICE(readv_exact, ac_readv_exact);
    case 2: TWICE(writev, ac_writev);
    default: TWICE(writev_all, ac_writev_all);
    }
}
FUTURE(nothing_twice, struct script);

static void do_nothing_twice(int n)
{
    struct script s = { .n = n };
    ac_block_on_future(&nothing_twice__type, &s);
}
START_TEST(stops_when_a_readv_of_nothing_is_polled_after_it_was_ready) { do_nothing_twice(0); }
END_TEST
START_TEST(stops_when_a_readv_exact_of_nothing_is_polled_after_it_was_ready) { do_nothing_twice(1); }
END_TEST
START_TEST(stops_when_a_writev_of_nothing_is_polled_after_it_was_ready) { do_nothing_twice(2); }
END_TEST
START_TEST(stops_when_a_writev_all_of_nothing_is_polled_after_it_was_ready) { do_nothing_twice(3); }
END_TEST

START_TEST(the_blocking_twins_do_the_same)
{
    static struct script s;
    make_pair(&s.in, &s.out);
    cut_buffer(&s);
    memset(s.buffer, 'x', 19900);
    ck_assert_int_eq(ac_writev_all(s.out, s.pieces, 200), 0);
    memset(s.buffer, 0, 19900);
    ck_assert_int_eq(ac_readv_exact(s.in, s.pieces, 200), 19900);
    ck_assert_int_eq(s.buffer[0], 'x');
    ck_assert_int_eq(s.buffer[19899], 'x');
    ck_assert_int_eq(ac_writev(s.out, s.pieces, 4), 6);
    ck_assert_int_eq(ac_readv(s.in, s.pieces, 3), 3);
    ck_assert_int_eq(ac_shutdown_write(s.out), 0);
    ck_assert_int_eq(ac_read_exact(s.in, s.buffer, 10), 3);
    ck_assert_int_eq(ac_readv_exact(s.in, s.pieces, 10), 0);
    ck_assert_int_eq(ac_readv(s.in, s.pieces, -1), -EINVAL);
    close(s.in);
    ck_assert_int_eq(ac_write_all(s.out, "x", 1), -EPIPE);
    close(s.out);

    /* A descriptor that doesn't block is waited for with poll. */
    make_pipe(&s.in, &s.out);
    fcntl(s.in, F_SETFL, O_NONBLOCK);
    pid_t child = fork();
    if (child == 0) {
        wait_until_asleep(getppid());
        _exit(write(s.out, "one\ntwo", 7) != 7);
    }
    close(s.out);
    struct ac_lines lines;
    char *line;
    ac_lines_init(&lines, s.in, s.buffer, 8);
    ck_assert_int_eq(ac_read_line(&lines, &line), 4);
    ck_assert_str_eq(line, "one\n");
    ck_assert_int_eq(ac_read_line(&lines, &line), 3);
    ck_assert_str_eq(line, "two");
    ck_assert_int_eq(ac_read_line(&lines, &line), 0);
    close(s.in);

    int listener = ac_unix_listen(socket_name("twins-io"), 5);
    ck_assert_int_ge(listener, 0);
    int client = ac_unix_connect(socket_name("twins-io")), server = ac_accept(listener);
    ck_assert_int_ge(client, 0);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(ac_unix_connect("/nonexistent/socket"), -ENOENT);
    ck_assert_int_eq(ac_unix_connect(""), -EINVAL);
    ac_close(server);
    ac_close(client);
    ac_close(listener);
}
END_TEST

/* ---- lines ---- */

/* Writes a text of lines, @p n bytes at a time. */
static const char text[] = "first\n\nthird, which is longer\n123456789012345\nthis one is much too long for it\n"
                           "last\nunended";
static enum ac_poll typist__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < (int)sizeof text - 1; self->i += self->n) {
        self->third = (int)sizeof text - 1 - self->i;
        DO(self, write_all, ac_write_all, self->out, text + self->i,
           (size_t)(self->third < self->n ? self->third : self->n));
        DO(self, yield, ac_yield_now);
    }
    close(self->out);
    END;
}
FUTURE(typist, struct script);

static enum ac_poll lines__poll(struct script *self, struct ac_context *cx)
{
    /* Every size of what arrives, through the smallest buffer for the longest line but one. */
    static const struct { int n; const char *line; } expected[] = {
        { 6, "first\n" }, { 1, "\n" }, { 24, "third, which is longer\n" }, { 16, "123456789012345\n" },
        { -EMSGSIZE, NULL }, { 5, "last\n" }, { 7, "unended" }, { 0, NULL }, { 0, NULL },
    };
    BEGIN(self);
    for (self->n = 1; self->n < (int)sizeof text; self->n++) {
        make_pipe(&self->in, &self->out);
        self->task = SPAWN(typist, struct script, { .out = self->out, .n = self->n });
        ac_lines_init(&self->lines, self->in, self->buffer, 26);
        for (self->i = 0; self->i < (int)COUNT(expected); self->i++) {
            DO(self, line_of, ac_read_line, &self->lines, &self->line);
            if (expected[self->i].line == NULL) {
                ck_assert_int_eq(self->leaf.line_of.result, expected[self->i].n);
            } else {
                ck_assert_str_eq(self->line, expected[self->i].line);
                ck_assert_int_eq(self->leaf.line_of.result, (int)strlen(self->line));
            }
        }
        JOIN(self);
        close(self->in);
    }
    END;
}
FUTURE(lines, struct script);
START_TEST(lines_come_whole_however_they_arrive_and_too_long_ones_are_passed_over) { RUN(lines); }
END_TEST

static enum ac_poll cancelled_line__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    make_pipe(&self->in, &self->out);
    ac_lines_init(&self->lines, self->in, self->buffer, 100);
    ck_assert_int_eq(write(self->out, "a\nbe", 4), 4);
    DO(self, line_of, ac_read_line, &self->lines, &self->line);
    ck_assert_str_eq(self->line, "a\n");
    ck_assert_int_eq(ac_read_line__start(&self->leaf.line_of, cx, &self->lines, &self->line), AC_PENDING);
    ck_assert_int_eq(ac_read_line__cancel(&self->leaf.line_of, cx), AC_READY);
    ck_assert_int_eq(write(self->out, "gun\nbody", 8), 8);
    DO(self, line_of, ac_read_line, &self->lines, &self->line);
    ck_assert_str_eq(self->line, "begun\n");
    char body[10];
    ck_assert_uint_eq(ac_lines_take(&self->lines, body, 3), 3);
    ck_assert_uint_eq(ac_lines_take(&self->lines, body + 3, 7), 1);
    ck_assert_uint_eq(ac_lines_take(&self->lines, body + 4, 6), 0);
    ck_assert_mem_eq(body, "body", 4);
    close(self->in);
    close(self->out);
    DO(self, line_of, ac_read_line, &self->lines, &self->line);
    ck_assert_int_eq(self->leaf.line_of.result, -EBADF);
    END;
}
FUTURE(cancelled_line, struct script);
START_TEST(a_line_whose_reading_is_cancelled_is_not_lost) { RUN(cancelled_line); }
END_TEST

/* ---- Unix sockets ---- */

static enum ac_poll answerer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < self->n; self->i++) {
        DO(self, accept, ac_accept, self->in);
        self->out = self->leaf.accept.result;
        ck_assert_int_ge(self->out, 0);
        DO(self, exact, ac_read_exact, self->out, self->buffer, 100);
        ck_assert_int_eq(self->leaf.exact.result, 5);
        DO(self, write_all, ac_write_all, self->out, self->buffer, 5); /* half-closed */
        ac_close(self->out);
    }
    END;
}
FUTURE(answerer, struct script);

static enum ac_poll unix__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    snprintf(self->buffer, sizeof self->buffer, "/tmp/asyncc-io-%d", (int)getpid());
    for (self->n = 0; self->n < 2; self->n++) {
        if (self->n == 1)
            snprintf(self->buffer, sizeof self->buffer, "@asyncc-io-%d", (int)getpid());
        self->in = ac_unix_listen(self->buffer, 0);
        ck_assert_int_ge(self->in, 0);
        ck_assert_int_eq(ac_unix_listen(self->buffer, 0), -EADDRINUSE);
        self->task = SPAWN(answerer, struct script, { .in = self->in, .n = 3 });
        for (self->i = 0; self->i < 3; self->i++) {
            DO(self, connect, ac_unix_connect, self->buffer);
            self->out = self->leaf.connect.result;
            ck_assert_int_ge(self->out, 0);
            ck_assert(fcntl(self->out, F_GETFL) & O_NONBLOCK);
            ck_assert_int_eq(fcntl(self->out, F_GETFD), FD_CLOEXEC);
            DO(self, write_all, ac_write_all, self->out, "hello", 5);
            ck_assert_int_eq(ac_shutdown_write(self->out), 0);
            DO(self, exact, ac_read_exact, self->out, self->buffer + 200, 100);
            ck_assert_int_eq(self->leaf.exact.result, 5);
            ac_close(self->out);
        }
        JOIN(self);
        ac_close(self->in);
        DO(self, connect, ac_unix_connect, self->buffer);
        ck_assert_int_eq(self->leaf.connect.result, -ECONNREFUSED);
        unlink(self->buffer);
    }
    DO(self, connect, ac_unix_connect, "/nonexistent/socket");
    ck_assert_int_eq(self->leaf.connect.result, -ENOENT);
    DO(self, connect, ac_unix_connect, "");
    ck_assert_int_eq(self->leaf.connect.result, -EINVAL);
    memset(self->buffer, 'x', 108);
    self->buffer[108] = '\0';
    DO(self, connect, ac_unix_connect, self->buffer);
    ck_assert_int_eq(self->leaf.connect.result, -ENAMETOOLONG);
    ck_assert_int_eq(ac_unix_listen(self->buffer, 0), -ENAMETOOLONG);
    ck_assert_int_eq(ac_unix_listen(NULL, 0), -EINVAL);
    END;
}
FUTURE(unix, struct script);
START_TEST(unix_sockets_are_made_by_path_and_by_name) { RUN(unix); }
END_TEST

static enum ac_poll crowd__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    snprintf(self->buffer, sizeof self->buffer, "@asyncc-crowd-%d", (int)getpid());
    self->in = ac_unix_listen(self->buffer, 1);
    for (self->n = 0; ac_unix_connect__start(&self->leaf.connect, cx, self->buffer) == AC_READY; self->n++) {
        ck_assert_int_ge(self->leaf.connect.result, 0);
        self->pieces[self->n].iov_len = (size_t)self->leaf.connect.result;
        ck_assert_int_lt(self->n, 100);
    }
    ck_assert_int_eq(ac_unix_connect__poll(&self->leaf.connect, cx), AC_PENDING);
    ck_assert_int_eq(ac_unix_connect__cancel(&self->leaf.connect, cx), AC_READY);
    ck_assert_int_eq(ac_unix_connect__start(&self->leaf.connect, cx, self->buffer), AC_PENDING);
    close(ac_accept(self->in)); /* the twin: one place is free */
    AWAIT(self, (void)0, ac_unix_connect__poll(&self->leaf.connect, cx));
    ck_assert_int_ge(self->leaf.connect.result, 0);
    ac_close(self->leaf.connect.result);
    while (self->n-- > 0)
        ac_close((int)self->pieces[self->n].iov_len);
    ac_close(self->in);
    END;
}
FUTURE(crowd, struct script);
START_TEST(a_full_unix_listener_is_waited_for) { RUN(crowd); }
END_TEST

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    ck_assert_int_eq(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

START_TEST(tcp_has_the_options_that_people_expect)
{
    int fd = ac_tcp_listen("localhost", 0, 0), other = ac_unix_listen(socket_name("options"), 0);
    ck_assert_int_eq(ac_tcp_nodelay(fd, 1), 0);
    ck_assert_int_ne(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(ac_tcp_nodelay(fd, 0), 0);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_eq(ac_tcp_keepalive(fd, 30), 0);
    ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    ck_assert_int_eq(ac_tcp_keepalive(fd, 0), 0);
    ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_assert_int_eq(ac_tcp_keepalive(fd, -1), -EINVAL);
    ck_assert_int_eq(ac_tcp_nodelay(other, 1), -EOPNOTSUPP);
    ck_assert_int_eq(ac_tcp_keepalive(other, 1), -EOPNOTSUPP);
    ac_close(other);
    ac_close(fd);
    ck_assert_int_eq(ac_tcp_nodelay(fd, 1), -EBADF);
}
END_TEST

/* ---- files, and what is inherited ---- */

/* A file grows in one task while others run, and is read again. */
static enum ac_poll filer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->in = make_file();
    memset(self->buffer, 'f', sizeof self->buffer);
    for (self->i = 0; self->i < 20; self->i++) {
        DO(self, write_all, ac_write_all, self->in, self->buffer, sizeof self->buffer);
        ck_assert_int_eq(self->leaf.write_all.result, 0);
    }
    ck_assert_int_eq(lseek(self->in, 0, SEEK_SET), 0);
    for (self->i = 0; self->i < 20; self->i++) {
        self->buffer[sizeof self->buffer - 1] = 0;
        DO(self, exact, ac_read_exact, self->in, self->buffer, sizeof self->buffer);
        ck_assert_int_eq(self->leaf.exact.result, sizeof self->buffer);
        ck_assert_int_eq(self->buffer[sizeof self->buffer - 1], 'f');
    }
    DO(self, read, ac_read, self->in, self->buffer, sizeof self->buffer);
    ck_assert_int_eq(self->leaf.read.result, 0);
    ck_assert_int_eq(fcntl(self->in, F_GETFL) & O_NONBLOCK, 0);

    /* One that is under way when it is cancelled: the leaf says so when the thread is done with the buffer. */
    ac_write_all__init(&self->leaf.write_all, self->in, self->buffer, sizeof self->buffer);
    self->flag = ac_write_all__poll(&self->leaf.write_all, cx) == AC_READY;
    AWAIT(self, (void)0, self->flag ? AC_READY : ac_write_all__cancel(&self->leaf.write_all, cx));
    ac_close(self->in);

    /* Of these some kinds can be polled, and are ready for ever. */
    self->in = open("/proc/meminfo", O_RDONLY);
    DO(self, read, ac_read, self->in, self->buffer, 10);
    ck_assert_int_eq(self->leaf.read.result, 10);
    ac_close(self->in);

    self->in = open("/", O_RDONLY);
    DO(self, read, ac_read, self->in, self->buffer, 10);
    ck_assert_int_eq(self->leaf.read.result, -EISDIR);
    ac_close(self->in);
    END;
}
FUTURE(filer, struct script);
START_TEST(files_are_read_and_written_on_threads_that_may_block) { RUN(filer); }
END_TEST
START_TEST(tasks_of_the_pool_read_and_write_files_too)
{
    static struct script frames[6];
    run_crew(&filer__type, frames, 6);
}
END_TEST

/* Reads its input for ever. */
static int reader_polls, reader_cleanups;
static enum ac_poll reader__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    do {
        reader_polls++;
        DO(self, read, ac_read, self->in, self->buffer, sizeof self->buffer);
    } while (self->leaf.read.result > 0);
    self->n = (int)self->leaf.read.result;
    END;
}
static enum ac_poll reader__poll_any(void *frame, struct ac_context *cx) { return reader__poll(frame, cx); }
static enum ac_poll reader__cancel(void *frame, struct ac_context *cx)
{
    struct script *self = frame;
    if (ac_read__cancel(&self->leaf.read, cx) == AC_PENDING)
        return AC_PENDING;
    reader_cleanups++;
    return AC_READY;
}
static const struct ac_future_type reader__type = {
    "reader", sizeof(struct script), _Alignof(struct script), 0, 0, reader__poll_any, reader__cancel, NULL,
};

static enum ac_poll ender__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->task = SPAWN(reader, struct script, { .in = 0 });
    for (self->i = 0; self->i < 3; self->i++) {
        DO(self, yield, ac_yield_now);
    }
    DO(self, cancel, ac_cancel, self->task);
    ck_assert_int_eq(fcntl(0, F_GETFL) & O_NONBLOCK, 0);
    END;
}
FUTURE(ender, struct script);

static void end_while_reading(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    ck_assert_int_eq(dup2(fd, 0), 0);
    reader_polls = 0;
    reader_cleanups = 0;
    RUN(ender);
    ck_assert_int_ge(reader_polls, 1);
    ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
}

/* A container may have none. */
static bool open_terminal(int *master, int *slave)
{
    if (openpty(master, slave, NULL, NULL, NULL) == 0)
        return true;
    printf("without terminals, of which there are none here: %s\n", strerror(errno));
    return false;
}

START_TEST(a_program_ends_at_once_while_a_task_reads_its_input)
{
    struct script s;
    make_pipe(&s.in, &s.out);
    end_while_reading(s.in); /* empty, and nobody ever writes */
    ck_assert_int_eq(reader_cleanups, 1);
    ck_assert_int_eq(write(s.out, "some", 4), 4);
    end_while_reading(s.in);
    ck_assert_int_eq(reader_cleanups, 1);
    close(s.in);
    close(s.out);

    int master, slave;
    if (open_terminal(&master, &slave)) {
        end_while_reading(slave);
        ck_assert_int_eq(reader_cleanups, 1);
        ck_assert_int_eq(write(master, "half a line", 11), 11); /* which a terminal doesn't give yet */
        end_while_reading(slave);
        ck_assert_int_eq(write(master, ", and all\n", 10), 10);
        end_while_reading(slave);
        ck_assert_int_eq(reader_cleanups, 1);
        close(slave);
        close(master);
    }

    int file = make_file();
    ck_assert_int_eq(write(file, "some", 4), 4);
    lseek(file, 0, SEEK_SET);
    end_while_reading(file);
    close(file);

    int null = open("/dev/null", O_RDONLY);
    end_while_reading(null);
    close(null);
}
END_TEST

static enum ac_poll terminal__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    ac_lines_init(&self->lines, self->in, self->buffer, 100);
    ck_assert_int_eq(ac_read_line__start(&self->leaf.line_of, cx, &self->lines, &self->line), AC_PENDING);
    ck_assert_int_eq(write(self->out, "typed\n", 6), 6);
    AWAIT(self, (void)0, ac_read_line__poll(&self->leaf.line_of, cx));
    ck_assert_str_eq(self->line, "typed\n");
    DO(self, write_all, ac_write_all, self->in, "shown\n", 6);
    ck_assert_int_eq(self->leaf.write_all.result, 0);
    DO(self, exact, ac_read_exact, self->out, self->buffer, 14); /* the echo, and what was written, with \r */
    ck_assert_mem_eq(self->buffer, "typed\r\nshown\r\n", 14);
    ck_assert_int_eq(write(self->out, "\4", 1), 1);
    DO(self, line_of, ac_read_line, &self->lines, &self->line);
    ck_assert_int_eq(self->leaf.line_of.result, 0);
    close(self->in);
    close(self->out);
    END;
}
FUTURE(terminal, struct script);
START_TEST(a_terminal_is_read_by_lines_and_ends)
{
    struct script s = { 0 };
    if (!open_terminal(&s.out, &s.in))
        return;
    ac_block_on_future(&terminal__type, &s);
    ck_assert_int_eq(s.state, -1);
}
END_TEST

/* ---- those who wait ---- */

/* A pair of which one end is to be read, bare or adopted. */
static void make_pair_to_read(struct script *self, bool adopted)
{
    make_pair(&self->in, &self->out);
    if (adopted)
        ck_assert_int_eq(ac_adopt(self->in), 0);
}

/* What was written before is heard of together with this. */
#define HEAR_EVENTS(self)                                                                                  \
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, (self)->news), 0);                                \
    AWAIT(self, (void)(ac_read__start(&(self)->leaf.read, cx, (self)->news[0], (self)->buffer, 1) == AC_PENDING \
                       && write((self)->news[1], "x", 1)),                                                 \
          ac_read__poll(&(self)->leaf.read, cx));                                                          \
    ck_assert_int_eq((self)->leaf.read.result, 1);                                                         \
    close((self)->news[0]);                                                                                \
    close((self)->news[1])

static struct probe probes[3];
static struct ac_read__frame *reads[3];

/* Polled by the one and then by the other. */
static enum ac_poll handed_over__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < 2; self->n++) {
        make_pair_to_read(self, self->n);
        reads[0] = malloc(sizeof *reads[0]);
        probe_init_in(&probes[0], cx);
        probe_init_in(&probes[1], cx);
        ck_assert_int_eq(ac_read__start(reads[0], &probes[0].cx, self->in, self->buffer, 10), AC_PENDING);
        ck_assert_int_eq(ac_read__poll(reads[0], &probes[1].cx), AC_PENDING);
        ck_assert_int_eq(write(self->out, "x", 1), 1);
        HEAR_EVENTS(self);
        ck_assert_int_eq(probes[0].wakes, 0);
        ck_assert_int_eq(probes[1].wakes, 1);
        ck_assert_int_eq(ac_read__poll(reads[0], &probes[1].cx), AC_READY);
        free(reads[0]);
        ac_close(self->in);
        ac_close(self->out);
    }
    END;
}
FUTURE(handed_over, struct script);
START_TEST(the_waker_of_the_last_poll_is_woken) { RUN(handed_over); }
END_TEST

/* Of three that wait for one descriptor two go, in each order, and the memory of the first is used for something else. */
static enum ac_poll leavers__poll(struct script *self, struct ac_context *cx)
{
    static const int orders[][2] = { { 0, 1 }, { 1, 0 }, { 1, 2 }, { 2, 0 }, { 0, 2 }, { 2, 1 } };
    BEGIN(self);
    for (self->n = 0; self->n < 2 * (int)COUNT(orders); self->n++) {
        make_pair_to_read(self, self->n % 2);
        for (int i = 0; i < 3; i++) {
            reads[i] = malloc(sizeof *reads[i]);
            probe_init_in(&probes[i], cx);
            ck_assert_int_eq(ac_read__start(reads[i], &probes[i].cx, self->in, self->buffer, 10), AC_PENDING);
        }
        for (int i = 0; i < 2; i++) {
            int who = orders[self->n / 2][i];
            ck_assert_int_eq(ac_read__cancel(reads[who], &probes[who].cx), AC_READY);
            if (i == 0)
                memset(reads[who], 0, sizeof *reads[who]);
        }
        ck_assert_int_eq(write(self->out, "x", 1), 1);
        HEAR_EVENTS(self);
        for (int i = 0; i < 3; i++) {
            bool has_left = i == orders[self->n / 2][0] || i == orders[self->n / 2][1];
            ck_assert_int_eq(probes[i].wakes, !has_left);
            if (!has_left)
                ck_assert_int_eq(ac_read__poll(reads[i], &probes[i].cx), AC_READY);
            free(reads[i]);
        }
        ac_close(self->in);
        ac_close(self->out);
    }
    END;
}
FUTURE(leavers, struct script);
START_TEST(who_has_cancelled_his_wait_is_woken_no_more_and_the_others_are) { RUN(leavers); }
END_TEST

/* A pipe that is full has no room when its reader goes, either: it tells of an error, and of nothing else. */
static enum ac_poll deserted__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < 2; self->n++) {
        make_pipe(&self->in, &self->out);
        if (self->n == 1)
            ck_assert_int_eq(ac_adopt(self->out), 0);
        do
            self->flag = ac_write__start(&self->leaf.write, cx, self->out, self->buffer, sizeof self->buffer) == AC_READY;
        while (self->flag && self->leaf.write.result > 0);
        ck_assert(!self->flag);
        close(self->in);
        AWAIT(self, (void)0, ac_write__poll(&self->leaf.write, cx));
        ck_assert_int_eq(self->leaf.write.result, -EPIPE);
        ac_close(self->out);
    }
    END;
}
FUTURE(deserted, struct script);
START_TEST(who_waits_for_room_in_a_pipe_hears_that_its_reader_has_gone)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(deserted);
}
END_TEST

/* ---- no room ---- */

/* Tries to accept @p n times, whatever comes. */
static enum ac_poll stubborn__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    while (self->n == 0) {
        self->i++;
        DO(self, accept, ac_accept, self->in);
        self->n = self->leaf.accept.result >= 0 ? self->leaf.accept.result : 0;
        ck_assert(self->n > 0 || self->leaf.accept.result == -EMFILE);
    }
    ck_assert_int_lt(self->i, 100); /* each took 10 ms of the time that the test stops */
    ac_close(self->n);
    END;
}
FUTURE(stubborn, struct script);

static enum ac_poll shortage__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->in = ac_unix_listen(socket_name("shortage"), 5);
    ck_assert_int_eq(ac_accept__start(&self->leaf.accept, cx, self->in), AC_PENDING); /* so that it is registered */
    ac_accept__cancel(&self->leaf.accept, cx);
    DO(self, connect, ac_unix_connect, socket_name("shortage"));
    self->out = self->leaf.connect.result;
    DO(self, connect, ac_unix_connect, socket_name("shortage"));
    self->third = self->leaf.connect.result;
    DO(self, accept, ac_accept, self->in); /* and the event has been */
    ac_close(self->leaf.accept.result);

    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)self->third + 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((self->i = dup(self->in)) >= 0) /* the gaps below */
        self->pieces[self->n++].iov_len = (size_t)self->i;
    ac_clock_pause();
    self->task = SPAWN(stubborn, struct script, { .in = self->in });
    DO(self, sleep, ac_sleep, 500 * AC_MS);
    getrlimit(RLIMIT_NOFILE, &limit); /* a variable of before the await is gone */
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    JOIN(self); /* with no new event */
    while (self->n > 0)
        close((int)self->pieces[--self->n].iov_len);
    ac_close(self->out);
    ac_close(self->third);
    ac_close(self->in);
    END;
}
FUTURE(shortage, struct script);
START_TEST(an_accept_without_descriptors_pauses_and_loses_no_connection) { RUN(shortage); }
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_exact_read_waits_for_all_or_the_end,
        pieces_arrive_as_if_they_were_one,
        the_blocking_twins_do_the_same,
        lines_come_whole_however_they_arrive_and_too_long_ones_are_passed_over,
        a_line_whose_reading_is_cancelled_is_not_lost,
        unix_sockets_are_made_by_path_and_by_name,
        a_full_unix_listener_is_waited_for,
        tcp_has_the_options_that_people_expect,
        files_are_read_and_written_on_threads_that_may_block,
        tasks_of_the_pool_read_and_write_files_too,
        a_program_ends_at_once_while_a_task_reads_its_input,
        a_terminal_is_read_by_lines_and_ends,
        the_waker_of_the_last_poll_is_woken,
        who_has_cancelled_his_wait_is_woken_no_more_and_the_others_are,
        who_waits_for_room_in_a_pipe_hears_that_its_reader_has_gone,
        an_accept_without_descriptors_pauses_and_loses_no_connection,
    };
    const TTest *const stops[] = {
        stops_when_a_readv_of_nothing_is_polled_after_it_was_ready,
        stops_when_a_readv_exact_of_nothing_is_polled_after_it_was_ready,
        stops_when_a_writev_of_nothing_is_polled_after_it_was_ready,
        stops_when_a_writev_all_of_nothing_is_polled_after_it_was_ready,
    };
    return run_suite("io", tests, COUNT(tests), stops, COUNT(stops));
}

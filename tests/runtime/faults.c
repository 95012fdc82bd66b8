/* What may fail under the runtime fails, each time that it is called in turn: memory, system calls, threads.
 *
 * Linked with the library's sources built for that (AC__FAULTS). A scenario uses a module or two and says which
 * error it met, if any; it runs in a process of its own for each fault, and there it has to
 * end: without a fault that shows, with an error, or where that is documented with a checked stop;
 * and to leave no descriptor open. Under AddressSanitizer no memory either. */
#define _GNU_SOURCE
#include "ended.h"
#include "faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* ---- the plan of a process, and what the library asks ---- */

struct plan plan;

/* What a signal can interrupt. (A connect that doesn't block isn't among it.) */
static bool is_interruptible(enum ac__call call)
{
    switch (call) {
    case AC__EPOLL_WAIT:
    case AC__ACCEPT:
    case AC__POLL:
    case AC__RECV:
    case AC__SEND:
    case AC__READ_FILE:
    case AC__WRITE_FILE:
    case AC__CLOSE:
        return true;
    default:
        return false;
    }
}

void ac__between(void) {}

bool ac__fails(enum ac__call call, size_t *size)
{
    if (!plan.armed)
        return false;
    int n = atomic_fetch_add(&plan.ncalls[call], 1);
    bool fails = plan.every_other ? is_interruptible(call) && n % 2 == 0
                                  : call == plan.call && n >= plan.first && n - plan.first < plan.times;
    if (fails) {
        atomic_store(&plan.fired, true);
        errno = plan.error;
        return true;
    }
    if (call == AC__GETADDRINFO && plan.knows_no_name) {
        errno = ENOENT;
        return true;
    }
    if (plan.most > 0 && size != NULL && *size > plan.most)
        *size = plan.most;
    return false;
}

/* ---- scenarios ---- */

struct script {
    int state;
    int fd, listener, port, i, n, pending;
    int error; /* the first that was met, negative; 0 */
    int *shared_error;
    char buffer[64];
    ac_task__handle tasks[4];
    struct ac_channel *sender, *receiver;
    struct ac_oneshot *one_sender, *one_receiver;
    struct ac_lines lines;
    char *line;
    struct iovec pieces[3];
    struct ac_address address;
    bool on_pool;
    const struct ac_future_type *type; /* of a task that is run on the pool */
    bool is_first;                     /* what the start of an operation has said: */
    enum ac_poll first;
    union {
        struct ac_read__frame read;
        struct ac_write__frame write;
        struct ac_read_exact__frame exact;
        struct ac_readv_exact__frame readv_exact;
        struct ac_write_all__frame write_all;
        struct ac_writev_all__frame writev_all;
        struct ac_read_line__frame line_of;
        struct ac_tcp_connect__frame connect;
        struct ac_unix_connect__frame unix_connect;
        struct ac_accept__frame accept;
        struct ac_resolve__frame resolve;
        struct ac_join__frame join;
        struct ac_sleep__frame sleep;
        struct ac_channel_send__frame send;
        struct ac_channel_receive__frame receive;
        struct ac_oneshot_get__frame get;
    } leaf;
};

/* As asyncc does it: what begins is told apart from what goes on. */
#define START(self, member, name, ...)                                                                     \
    AWAIT(self, ((self)->first = name##__start(&(self)->leaf.member, cx, __VA_ARGS__), (self)->is_first = true), \
          (self)->is_first ? ((self)->is_first = false, (self)->first) : name##__poll(&(self)->leaf.member, cx));  \
    if (!NOTE(self, (self)->leaf.member.result))                                                           \
    goto out

/* A spawn that need not succeed. */
static ac_task__handle spawn(const struct ac_future_type *type, const struct script *frame, bool on_pool)
{
    struct script *memory = ac_task_new(type);
    if (memory == NULL)
        return NULL;
    *memory = *frame;
    return on_pool ? ac_task_spawn(memory) : ac_task_spawn_local(memory);
}

static enum ac_poll sleeper__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    DO(self, sleep, ac_sleep, AC_MS);
    FINISH(self);
}
FUTURE(sleeper, struct script);

/* Three tasks that sleep; on the pool if n is 1. */
static enum ac_poll tasks__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < 3; self->i++)
        self->tasks[self->i] = spawn(&sleeper__type, &(struct script){ 0 }, self->n);
    for (self->i = 0; self->i < 3; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    FINISH(self);
}
FUTURE(tasks, struct script);

static int run_tasks(void)
{
    struct script s = { 0 };
    ac_block_on_future(&tasks__type, &s);
    return s.error;
}

static int run_pool(void)
{
    struct script s = { .n = 1 };
    ac_pool_set_threads(2);
    ac_block_on_future(&tasks__type, &s);
    int error = ac_pool_shutdown(60 * AC_S);
    return error < 0 ? error : s.error;
}

/* More than a block of an unbounded channel; a bounded one; an oneshot. */
static enum ac_poll channels__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->n = 0; self->n < 2; self->n++) {
        if (!NOTE(self, ac_channel_new(&self->sender, &self->receiver, sizeof(int), self->n ? AC_UNBOUNDED : 300)))
            continue;
        for (self->i = 0; self->i < 300; self->i++) {
            DO(self, send, ac_channel_send, self->sender, &self->i);
            if (!NOTE(self, self->leaf.send.result))
                break;
        }
        ac_channel_close_sender(self->sender);
        /* What was sent before the error arrives. */
        for (self->pending = 0; self->pending < self->i; self->pending++) {
            DO(self, receive, ac_channel_receive, self->receiver, &self->port);
            ck_assert_int_eq(self->leaf.receive.result, 0);
            ck_assert_int_eq(self->port, self->pending);
        }
        ac_channel_close_receiver(self->receiver);
    }
    if (NOTE(self, ac_oneshot_new(&self->one_sender, &self->one_receiver, sizeof(int)))) {
        ac_oneshot_put(self->one_sender, &self->n);
        ac_oneshot_close_sender(self->one_sender);
        DO(self, get, ac_oneshot_get, self->one_receiver, &self->port);
        ck_assert_int_eq(self->port, self->n);
        ac_oneshot_close_receiver(self->one_receiver);
    }
    FINISH(self);
}
FUTURE(channels, struct script);

static int run_channels(void)
{
    struct script s = { 0 };
    ac_block_on_future(&channels__type, &s);
    return s.error;
}

/* Answers one connection with what it says. Closes the listener: then nobody waits for it. */
static enum ac_poll server__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->fd = -1;
    TRY(self, accept, ac_accept, self->listener);
    self->fd = self->leaf.accept.result;
    TRY(self, exact, ac_read_exact, self->fd, self->buffer, 40);
    TRY(self, write_all, ac_write_all, self->fd, self->buffer, (size_t)self->leaf.exact.result);
out:
    if (self->fd >= 0)
        ac_close(self->fd);
    ac_close(self->listener);
    FINISH(self);
}
FUTURE(server, struct script);

static enum ac_poll client__poll(struct script *self, struct ac_context *cx)
{
    static const char bytes[] = "0123456789012345678901234567890123456789";
    BEGIN(self);
    self->fd = -1;
    snprintf(self->buffer, sizeof self->buffer, "@asyncc-faults-%d", (int)getpid());
    self->listener = self->n ? ac_unix_listen(self->buffer, 0) : ac_tcp_listen("127.0.0.1", 0, 0);
    if (!NOTE(self, self->listener))
        goto end;
    self->port = self->n ? 0 : ac_local_port(self->listener);
    if (!NOTE(self, self->port)) {
        ac_close(self->listener);
        goto end;
    }
    self->tasks[0] = spawn(&server__type,
                           &(struct script){ .listener = self->listener, .shared_error = &self->error }, self->on_pool);
    if (self->tasks[0] == NULL) {
        self->error = -ENOMEM;
        ac_close(self->listener);
        goto end;
    }
    if (self->n) {
        DO(self, unix_connect, ac_unix_connect, self->buffer);
        self->fd = self->leaf.unix_connect.result;
    } else {
        DO(self, connect, ac_tcp_connect, "127.0.0.1", self->port);
        self->fd = self->leaf.connect.result;
    }
    if (!NOTE(self, self->fd)) {
        ac_close(self->listener);
        goto out;
    }
    self->pieces[0] = (struct iovec){ (char *)bytes, 7 };
    self->pieces[1] = (struct iovec){ (char *)bytes + 7, 33 };
    TRY(self, writev_all, ac_writev_all, self->fd, self->pieces, 2);
    self->pieces[0] = (struct iovec){ self->buffer, 20 };
    self->pieces[1] = (struct iovec){ self->buffer + 20, 20 };
    TRY(self, readv_exact, ac_readv_exact, self->fd, self->pieces, 2);
    ck_assert(self->error < 0 || memcmp(self->buffer, bytes, (size_t)self->leaf.readv_exact.result) == 0);
    ck_assert(self->error < 0 || self->leaf.readv_exact.result == 40);
out:
    if (self->fd >= 0)
        ac_close(self->fd);
    self->fd = -1;
    JOIN(self, self->tasks[0]);
end:
    FINISH(self);
}
FUTURE(client, struct script);

static int run_client(int n)
{
    struct script s = { .n = n };
    ac_block_on_future(&client__type, &s);
    return s.error;
}
static int run_tcp(void) { return run_client(0); }
static int run_unix(void) { return run_client(1); }

/* Bare descriptors: a pipe, by lines, of which the writer is another task; a file. */
static enum ac_poll writer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    TRY(self, write_all, ac_write_all, self->fd, "one\ntwo\n", 8);
    DO(self, sleep, ac_sleep, AC_MS);
    TRY(self, write_all, ac_write_all, self->fd, "three\n", 6);
out:
    close(self->fd);
    FINISH(self);
}
FUTURE(writer, struct script);

static enum ac_poll bare__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    self->fd = ends[0];
    self->tasks[0] = spawn(&writer__type, &(struct script){ .fd = ends[1], .shared_error = &self->error }, self->on_pool);
    if (self->tasks[0] == NULL)
        close(ends[1]);
    ac_lines_init(&self->lines, self->fd, self->buffer, sizeof self->buffer);
    do {
        TRY(self, line_of, ac_read_line, &self->lines, &self->line);
        self->n += self->leaf.line_of.result > 0;
    } while (self->leaf.line_of.result > 0);
out:
    JOIN(self, self->tasks[0]);
    ck_assert(self->error < 0 || self->n == 3);
    close(self->fd);
    strcpy(self->buffer, "/tmp/asyncc-faults-XXXXXX");
    self->fd = mkstemp(self->buffer);
    unlink(self->buffer);
    for (self->i = 0; self->i < 3; self->i++) {
        DO(self, write_all, ac_write_all, self->fd, "a file's bytes", 14);
        NOTE(self, self->leaf.write_all.result);
    }
    lseek(self->fd, 0, SEEK_SET);
    DO(self, exact, ac_read_exact, self->fd, self->buffer, 42);
    NOTE(self, self->leaf.exact.result);
    ck_assert(self->error < 0 || self->leaf.exact.result == 42);
    close(self->fd);
    FINISH(self);
}
FUTURE(bare, struct script);

static int run_bare(void)
{
    struct script s = { 0 };
    signal(SIGPIPE, SIG_IGN); /* a pipe's, whose reader has met an error */
    ac_block_on_future(&bare__type, &s);
    return s.error;
}

/* Once around and back, a few times, by the operations that servers use all day. */
enum { ROUNDS = 6 };
static enum ac_poll echoer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    do {
        START(self, read, ac_read, self->fd, self->buffer, sizeof self->buffer);
        self->n = (int)self->leaf.read.result;
        for (self->i = 0; self->i < self->n && self->port == 0; self->i += (int)self->leaf.write.result) {
            START(self, write, ac_write, self->fd, self->buffer + self->i, (size_t)(self->n - self->i));
        }
        if (self->i < self->n) {
            START(self, write_all, ac_write_all, self->fd, self->buffer, (size_t)self->n);
        }
        self->i = 0;
        self->port = !self->port; /* by turns */
    } while (self->n > 0);
out:
    ac_close(self->fd);
    FINISH(self);
}
FUTURE(echoer, struct script);

static enum ac_poll caller__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < ROUNDS; self->i++) {
        START(self, write_all, ac_write_all, self->fd, "0123456789", 10);
        for (self->n = 0; self->n < 10; self->n += (int)self->leaf.read.result) {
            START(self, read, ac_read, self->fd, self->buffer + self->n, (size_t)(20 - self->n));
            if (self->leaf.read.result == 0) {
                NOTE(self, -EPIPE);
                goto out;
            }
        }
        ck_assert_mem_eq(self->buffer, "0123456789", 10);
    }
    if (NOTE(self, ac_shutdown_write(self->fd))) {
        START(self, read, ac_read, self->fd, self->buffer, 1);
        ck_assert_int_eq(self->leaf.read.result, 0);
    }
out:
    ac_close(self->fd);
    FINISH(self);
}
FUTURE(caller, struct script);

/* Adopted: where nothing fails before there is anything to be read or written. */
static enum ac_poll echo__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int i = 0; i < 2; i++) {
        NOTE(self, ac_adopt(ends[i]));
        self->tasks[i] = spawn(i == 0 ? &echoer__type : &caller__type,
                               &(struct script){ .fd = ends[i], .shared_error = &self->error }, self->on_pool);
        if (self->tasks[i] == NULL)
            close(ends[i]);
    }
    for (self->i = 0; self->i < 2; self->i++) {
        JOIN(self, self->tasks[self->i]);
    }
    FINISH(self);
}
FUTURE(echo, struct script);

static int run_echo(void)
{
    struct script s = { 0 };
    signal(SIGPIPE, SIG_IGN); /* of a descriptor that couldn't be adopted nothing is known */
    ac_block_on_future(&echo__type, &s);
    return s.error;
}

/* Bare sockets, and a listener from elsewhere: by pieces and whole, more than goes in at once. */
static char much[20000];

/* With less room than that. */
static void make_socket_pair(int ends[2])
{
    int size = 4096;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

static void open_pipe(int ends[2])
{
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
}

static enum ac_poll filler__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    TRY(self, write_all, ac_write_all, self->fd, much, sizeof much);
    self->pieces[0] = (struct iovec){ much, 1000 };
    self->pieces[1] = (struct iovec){ much, sizeof much - 1000 };
    TRY(self, writev_all, ac_writev_all, self->fd, self->pieces, 2);
out:
    close(self->fd);
    FINISH(self);
}
FUTURE(filler, struct script);

static enum ac_poll bare_sockets__poll(struct script *self, struct ac_context *cx)
{
    static char got[sizeof much];
    BEGIN(self);
    self->fd = -1;
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(self->listener, 5), 0);
    self->port = ac_local_port(self->listener);
    if (!NOTE(self, self->port))
        goto out;
    DO(self, connect, ac_tcp_connect, "127.0.0.1", self->port);
    self->fd = self->leaf.connect.result;
    if (!NOTE(self, self->fd))
        goto out;
    TRY(self, accept, ac_accept, self->listener);
    ac_close(self->leaf.accept.result);
    ac_close(self->fd);
    int ends[2];
    make_socket_pair(ends);
    self->fd = ends[0];
    self->tasks[0] = spawn(&filler__type, &(struct script){ .fd = ends[1], .shared_error = &self->error }, self->on_pool);
    if (self->tasks[0] == NULL) {
        NOTE(self, -ENOMEM);
        close(ends[1]);
    }
    TRY(self, exact, ac_read_exact, self->fd, got, sizeof got);
    self->pieces[0] = (struct iovec){ got, 10 };
    self->pieces[1] = (struct iovec){ got + 10, sizeof got - 10 };
    TRY(self, readv_exact, ac_readv_exact, self->fd, self->pieces, 2);
    ck_assert(self->error < 0 || self->leaf.readv_exact.result == (ssize_t)sizeof got);
out:
    close(self->listener);
    if (self->fd >= 0)
        ac_close(self->fd);
    JOIN(self, self->tasks[0]);
    FINISH(self);
}
FUTURE(bare_sockets, struct script);

static int run_bare_sockets(void)
{
    struct script s = { 0 };
    ac_block_on_future(&bare_sockets__type, &s);
    return s.error;
}

/* More than there is room for, through pipes, bare ones of the same numbers and adopted ones of high numbers, and an
 * adopted socket. */
static enum ac_poll pumper__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    START(self, write_all, ac_write_all, self->fd, much, sizeof much);
out:
    if (self->n < 2)
        close(self->fd);
    else
        ac_close(self->fd);
    FINISH(self);
}
FUTURE(pumper, struct script);

static enum ac_poll pumps__poll(struct script *self, struct ac_context *cx)
{
    static char got[sizeof much];
    BEGIN(self);
    for (self->n = 0; self->n < 5 && self->error == 0; self->n++) {
        int ends[2];
        if (self->n < 4)
            open_pipe(ends);
        else
            make_socket_pair(ends);
        for (int i = 0; i < 2 && self->n >= 2; i++) {
            int high = fcntl(ends[i], F_DUPFD, 100 * self->n);
            close(ends[i]);
            ends[i] = high;
            NOTE(self, ac_adopt(high));
        }
        self->fd = ends[0];
        self->tasks[0] = spawn(&pumper__type, &(struct script){ .fd = ends[1], .n = self->n, .shared_error = &self->error },
                               self->on_pool);
        if (self->tasks[0] == NULL) {
            NOTE(self, -ENOMEM);
            close(ends[1]);
        }
        self->i = 0;
        do {
            START(self, read, ac_read, self->fd, got, sizeof got);
            self->i += (int)self->leaf.read.result;
        } while (self->leaf.read.result > 0);
out:
        if (self->n < 2)
            close(self->fd);
        else
            ac_close(self->fd);
        JOIN(self, self->tasks[0]);
        ck_assert(self->error < 0 || self->i == (int)sizeof much);
    }
    FINISH(self);
}
FUTURE(pumps, struct script);

static int run_pumps(void)
{
    struct script s = { 0 };
    signal(SIGPIPE, SIG_IGN);
    ac_block_on_future(&pumps__type, &s);
    return s.error;
}

/* ---- the same as one task of the pool ---- */

static enum ac_poll employer__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = spawn(self->type, &(struct script){ .n = self->n, .on_pool = true, .shared_error = &self->error }, true);
    JOIN(self, self->tasks[0]);
    FINISH(self);
}
FUTURE(employer, struct script);

/* On one thread, since the tasks of a scenario note their errors in one place. */
static int run_on_pool(const struct ac_future_type *type, int n)
{
    struct script s = { .type = type, .n = n };
    ac_pool_set_threads(1);
    signal(SIGPIPE, SIG_IGN);
    ac_block_on_future(&employer__type, &s);
    int error = ac_pool_shutdown(60 * AC_S);
    return error < 0 ? error : s.error;
}

static int run_tcp_pool(void) { return run_on_pool(&client__type, 0); }
static int run_unix_pool(void) { return run_on_pool(&client__type, 1); }
static int run_bare_pool(void) { return run_on_pool(&bare__type, 0); }
static int run_bare_sockets_pool(void) { return run_on_pool(&bare_sockets__type, 0); }
static int run_pumps_pool(void) { return run_on_pool(&pumps__type, 0); }
static int run_echo_pool(void) { return run_on_pool(&echo__type, 0); }

/* A name: it is looked up on a thread, where that fails. */
static enum ac_poll resolver__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    DO(self, resolve, ac_resolve, "name.invalid", 80, &self->address, 1);
    NOTE(self, self->leaf.resolve.result);
    DO(self, connect, ac_tcp_connect, "name.invalid", 80);
    NOTE(self, self->leaf.connect.result);
    ck_assert_int_lt(self->leaf.connect.result, 0);
    FINISH(self);
}
FUTURE(resolver, struct script);

static int run_resolver(void)
{
    struct script s = { 0 };
    plan.knows_no_name = true;
    ac_block_on_future(&resolver__type, &s);
    /* Nobody knows the name: the fault shows in nothing else, or by its error. */
    return s.error == -ENOENT ? 0 : s.error;
}

/* ---- running them ---- */

enum { PASSED = 0, NOT_FIRED = 10 };

/* Which errors may be shown when that one was made. */
static bool may_show(int error, bool transparent)
{
    if (error == 0)
        return true;
    /* A connection that ends early at one end is noticed at the other. */
    return !transparent && (error == -plan.error || error == -EPIPE || error == -ECONNRESET || error == -EBADF);
}

/* Runs a scenario in a process of its own. Transparent: the fault may not show. True: it has come to happen. */
static bool run_child(int (*scenario)(void), bool transparent, const char *what)
{
    int said[2];
    ck_assert_int_eq(pipe(said), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(said[1], 2);
        close(said[0]);
        close(said[1]);
        signal(SIGALRM, SIG_DFL); /* Check's would end its own process */
        alarm(60);                /* a hang */
        int nbefore = count_descriptors();
        plan.armed = true;
        int error = scenario();
        plan.armed = false;
        nbefore += plan.nkept;
        /* A thread that may block gives its last clone of a waker up after the wake, and with it, perhaps, the
         * executor: so this may take a moment. */
        int nafter = count_descriptors();
        for (int i = 0; i < 20000 && nafter != nbefore; i++) {
            usleep(1000);
            nafter = count_descriptors();
        }
        if (nafter != nbefore)
            fprintf(stderr, "%d descriptors before, %d after\n", nbefore, nafter);
        if (!may_show(error, transparent))
            fprintf(stderr, "shows as %s\n", strerror(-error));
        exit(nafter != nbefore || !may_show(error, transparent) ? 1 : atomic_load(&plan.fired) ? PASSED : NOT_FIRED);
    }
    close(said[1]);
    char text[4096];
    size_t size = 0;
    ssize_t n;
    while ((n = read(said[0], text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)n;
    text[size] = '\0';
    close(said[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && (WEXITSTATUS(status) == PASSED || WEXITSTATUS(status) == NOT_FIRED))
        return WEXITSTATUS(status) == PASSED;
    /* The stops that are documented: what can't return an error. */
    bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !transparent
                   && (strstr(text, "no memory for") != NULL || strstr(text, "can't wait") != NULL
                       || strstr(text, "can't start the pool") != NULL);
    ck_assert_msg(stopped, "%s: call %d fails with %s from the %d-th on, %d times: status %#x, and it said: %s", what,
                  (int)plan.call, strerror(plan.error), plan.first, plan.times, status, text);
    return true;
}

#define SCENARIOS                                                                                          \
    { "tasks", run_tasks }, { "pool", run_pool }, { "channels", run_channels }, { "tcp", run_tcp },        \
        { "unix", run_unix }, { "bare", run_bare }, { "resolver", run_resolver }, { "slabs", run_slabs },   \
        { "blocks", run_blocks }, { "boxes", run_boxes }, { "calls", run_calls }, { "sync", run_sync },               \
        { "sync_pool", run_sync_pool },                                                                              \
        { "signals", run_signals }, { "embedded", run_embedded }, { "echo", run_echo },                              \
        { "bare sockets", run_bare_sockets }, { "pumps", run_pumps }, { "listing", run_listing },                   \
        { "large", run_large }, { "elided", run_elided }, { "options", run_options }
#define POOL_SCENARIOS                                                                                     \
    { "tcp, pool", run_tcp_pool }, { "unix, pool", run_unix_pool }, { "bare, pool", run_bare_pool },        \
        { "bare sockets, pool", run_bare_sockets_pool }, { "echo, pool", run_echo_pool },                   \
        { "pumps, pool", run_pumps_pool }
static const struct scenario {
    const char *name;
    int (*run)(void);
} scenarios[] = { SCENARIOS, POOL_SCENARIOS };
enum { NPOOL = 6 };

/* Under a sanitizer a process takes so long that each third has to do, unless there is time for all. */
static int step(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    return getenv("ASYNCC_TEST_ALL") != NULL ? 1 : 3;
#else
    return 1;
#endif
}

/* Fails the first call, the second, and so on, @p times at once, until the scenario runs to its end untouched. */
static void fail_each(const struct scenario *scenario, enum ac__call call, int error, int times, bool transparent)
{
    plan.call = call;
    plan.error = error;
    plan.times = times;
    for (plan.first = 0; plan.first < 200; plan.first += step())
        if (!run_child(scenario->run, transparent, scenario->name))
            return;
    /* How often a loop waits isn't the scenario's to say. */
    ck_assert(call == AC__EPOLL_WAIT || call == AC__POLL);
}

/* One test per scenario, so that each has its time. */
START_TEST(no_memory_at_the_nth_place_is_an_error_or_a_documented_stop)
{
    fail_each(&scenarios[_i], AC__MEMORY, ENOMEM, 1, false);
    fail_each(&scenarios[_i], AC__MEMORY, ENOMEM, 1000000, false); /* and none from there on */
}
END_TEST

START_TEST(each_call_that_fails_is_an_error_or_a_documented_stop)
{
    static const struct { enum ac__call call; int error; } faults[] = {
        { AC__PTHREAD_CREATE, EAGAIN }, { AC__EPOLL_CREATE, EMFILE }, { AC__EPOLL_CTL, ENOSPC },
        { AC__EVENTFD, ENFILE },        { AC__TIMERFD_CREATE, EMFILE }, { AC__SOCKET, EMFILE },
        { AC__BIND, EACCES },           { AC__LISTEN, EADDRINUSE },   { AC__CONNECT, ECONNREFUSED },
        { AC__ACCEPT, EBADF },          { AC__SETSOCKOPT, ENOBUFS },  { AC__GETSOCKOPT, ENOBUFS },
        { AC__POLL, ENOMEM },           { AC__RECV, ECONNRESET },     { AC__SEND, ECONNRESET },
        { AC__READ_FILE, EIO },         { AC__WRITE_FILE, ENOSPC },   { AC__GETADDRINFO, ENOMEM },
        { AC__SIGACTION, EINVAL },      { AC__FCNTL, EPERM },         { AC__FSTAT, EIO },
        { AC__CLOSE, EIO },             { AC__SHUTDOWN, ENOTCONN },   { AC__GETSOCKNAME, ENOBUFS },
    };
    for (size_t i = 0; i < COUNT(faults); i++)
        fail_each(&scenarios[_i], faults[i].call, faults[i].error, 1, false);
}
END_TEST

START_TEST(signals_and_broken_connections_and_one_shortage_do_not_show)
{
    static const enum ac__call interruptible[] = {
        AC__EPOLL_WAIT, AC__ACCEPT, AC__POLL, AC__RECV, AC__SEND, AC__READ_FILE, AC__WRITE_FILE, AC__CLOSE,
    };
    for (size_t i = 0; i < COUNT(interruptible); i++)
        fail_each(&scenarios[_i], interruptible[i], EINTR, 1, true);
    fail_each(&scenarios[_i], AC__ACCEPT, ECONNABORTED, 3, true);
    fail_each(&scenarios[_i], AC__ACCEPT, EMFILE, 1, true);
    fail_each(&scenarios[_i], AC__ACCEPT, ENOBUFS, 2, false);
    plan.error = EINTR;
    plan.every_other = true;
    plan.most = 1;
    run_child(scenarios[_i].run, true, scenarios[_i].name);
}
END_TEST

START_TEST(short_transfers_do_not_show)
{
    plan.times = 0;
    for (plan.most = 1; plan.most < 20; plan.most += 3)
        run_child(scenarios[_i].run, true, scenarios[_i].name);
}
END_TEST

/* Only of bare descriptors: a socket of the runtime's own that says so though it is ready breaks epoll's word. */
START_TEST(descriptors_that_were_ready_and_are_not_are_waited_for_again)
{
    static const struct { struct scenario scenario; enum ac__call calls[3]; int ncalls; } storms[] = {
        { { "bare", run_bare }, { AC__READ_FILE, AC__WRITE_FILE }, 2 },
        { { "bare, pool", run_bare_pool }, { AC__READ_FILE, AC__WRITE_FILE }, 2 },
        { { "bare sockets", run_bare_sockets }, { AC__RECV, AC__SEND, AC__ACCEPT }, 3 },
        { { "bare sockets, pool", run_bare_sockets_pool }, { AC__RECV, AC__SEND, AC__ACCEPT }, 3 },
    };
    for (int times = 1; times < 20; times += 6)
        for (int i = 0; i < storms[_i].ncalls; i++)
            fail_each(&storms[_i].scenario, storms[_i].calls[i], EAGAIN, times, true);
}
END_TEST
enum { NSTORMS = 4 };

/* A Unix listener's queue that is full is looked at from time to time. */
static int run_unix_by_the_clock(void)
{
    ac_clock_pause();
    return run_unix();
}

START_TEST(a_listener_that_is_full_again_and_again_is_connected_to_in_the_end)
{
    static const struct scenario by_the_clock = { "unix, by the clock", run_unix_by_the_clock };
    for (int times = 1; times < 20; times += 6)
        fail_each(&by_the_clock, AC__CONNECT, EAGAIN, times, true);
}
END_TEST

/* When there was no room a second time, an accept says so, however long that lasts. */
static int run_shortage(void) { return run_tcp() == -EMFILE ? 0 : -ENOTRECOVERABLE; }

START_TEST(an_accept_without_descriptors_says_so_after_one_pause)
{
    static const struct scenario shortage = { "shortage", run_shortage };
    plan.call = AC__ACCEPT;
    plan.error = EMFILE;
    for (plan.times = 2; plan.times <= 1000000; plan.times *= 1000)
        ck_assert(run_child(shortage.run, false, shortage.name));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 250);
    int n = COUNT(scenarios);
    tcase_add_loop_test(tcase, no_memory_at_the_nth_place_is_an_error_or_a_documented_stop, 0, n);
#ifdef __SANITIZE_ADDRESS__ /* where each process looks for leaks as it ends: these take too long */
    n -= NPOOL;
#endif
    tcase_add_loop_test(tcase, each_call_that_fails_is_an_error_or_a_documented_stop, 0, n);
    tcase_add_loop_test(tcase, signals_and_broken_connections_and_one_shortage_do_not_show, 0, n);
    tcase_add_loop_test(tcase, short_transfers_do_not_show, 0, n);
    tcase_add_loop_test(tcase, descriptors_that_were_ready_and_are_not_are_waited_for_again, 0, NSTORMS);
    tcase_add_test(tcase, a_listener_that_is_full_again_and_again_is_connected_to_in_the_end);
    tcase_add_test(tcase, an_accept_without_descriptors_says_so_after_one_pause);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int nfailed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

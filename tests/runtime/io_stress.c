/* io_stress [SEED [ROUNDS]] - a storm over the pool's reactor, meant for the sanitizers: tasks read and write both ends
 * of socket pairs, are woken by other threads while they wait, cancel what they wait for and begin again, and close
 * descriptors under others that wait.
 *
 * All that is random comes from the seed, which is printed; what the threads make of it does not. Each operation stands in
 * memory of its own, freed when it is over: who touches it later is seen by the sanitizers. Each byte is
 * checked when it arrives, so nothing is lost or doubled. A lost wake-up would be a round that does not end. The library is the
 * one that can be made to fail: it lets other threads come between at each system call, and where it says so. */
#include "stress.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

static void wait_for_latecomer(void);

void ac__between(void)
{
    wait_for_latecomer();
    let_others_come();
}

enum { PAIRS = 6, STREAM = 50000, MOST = 20000 };

static unsigned char byte_at(uint32_t stream, long i) { return (unsigned char)((i * 31 + (i >> 8)) ^ stream); }

static bool in_step;       /* this round */
static atomic_int nended;  /* tasks that came to their ends */
static atomic_bool is_early; /* some are cancelled, and then their peers find the other end closed */

/* One end of a pair: read by a task and written by another, and closed by whoever is over last. */
struct end {
    int fd;
    atomic_int users;
};

static void leave_end(struct end *end)
{
    if (atomic_fetch_sub(&end->users, 1) == 1)
        check(ac_close(end->fd) == 0, "the descriptor is ours");
}

union operation {
    struct ac_read__frame read;
    struct ac_write__frame write;
    struct ac_write_all__frame write_all;
};

struct stream {
    uint32_t seed, name;
    struct end *end;
    atomic_long *nread; /* of those who write in step, see next_may_go() */
    bool writes, all;
    long n; /* bytes that have gone or come */
    union operation *operation;
    size_t size;
    unsigned char *buffer;
};

/* In step: one piece in two isn't sent before all that was has been read, so that there is no later event to make good for
 * one that was lost. */
static bool next_may_go(const struct stream *self)
{
    return !self->writes || !in_step || self->n / 7 % 2 == 0 || atomic_load(self->nread) == self->n;
}

static void begin(struct stream *self)
{
    self->size = 1 + next_random(&self->seed) % (next_random(&self->seed) % 4 == 0 ? MOST : 300);
    if (self->writes && self->size > (size_t)(STREAM - self->n))
        self->size = (size_t)(STREAM - self->n);
    self->operation = malloc(sizeof *self->operation);
    self->buffer = malloc(self->size);
    check(self->operation != NULL && self->buffer != NULL, "there is memory");
    for (size_t i = 0; self->writes && i < self->size; i++)
        self->buffer[i] = byte_at(self->name, self->n + (long)i);
    self->all = next_random(&self->seed) % 2;
}

static void end_operation(struct stream *self)
{
    free(self->operation);
    free(self->buffer);
    self->operation = NULL;
    self->buffer = NULL;
}

static enum ac_poll poll_operation(struct stream *self, struct ac_context *cx, bool fresh)
{
    union operation *operation = self->operation;
    int fd = self->end->fd;
    if (!self->writes)
        return fresh ? ac_read__start(&operation->read, cx, fd, self->buffer, self->size)
                     : ac_read__poll(&operation->read, cx);
    if (self->all)
        return fresh ? ac_write_all__start(&operation->write_all, cx, fd, self->buffer, self->size)
                     : ac_write_all__poll(&operation->write_all, cx);
    return fresh ? ac_write__start(&operation->write, cx, fd, self->buffer, self->size)
                 : ac_write__poll(&operation->write, cx);
}

static void cancel_operation(struct stream *self, struct ac_context *cx)
{
    union operation *operation = self->operation;
    enum ac_poll poll = !self->writes ? ac_read__cancel(&operation->read, cx)
                        : self->all   ? ac_write_all__cancel(&operation->write_all, cx)
                                      : ac_write__cancel(&operation->write, cx);
    check(poll == AC_READY, "a socket's operation is cancelled at once");
    end_operation(self);
}

/* What has come, or gone. False: it is the end. */
static bool take_result(struct stream *self)
{
    ssize_t n = !self->writes ? self->operation->read.result
                : self->all   ? self->operation->write_all.result
                              : self->operation->write.result;
    check(n >= 0 || atomic_load(&is_early), "no error");
    if (n < 0) {
        end_operation(self);
        return false;
    }
    if (self->writes && self->all)
        n = (ssize_t)self->size;
    for (ssize_t i = 0; !self->writes && i < n; i++)
        check(self->buffer[i] == byte_at(self->name, self->n + i), "what comes is what was sent");
    self->n += n;
    if (!self->writes)
        atomic_store(self->nread, self->n);
    end_operation(self);
    return self->writes ? self->n < STREAM : n > 0;
}

static enum ac_poll stream__poll(void *frame, struct ac_context *cx)
{
    struct stream *self = frame;
    for (;;) {
        bool fresh = self->operation == NULL;
        if (fresh && !next_may_go(self)) {
            ac_wake_by_ref(cx->waker);
            return AC_PENDING;
        }
        if (fresh)
            begin(self);
        if (poll_operation(self, cx, fresh) == AC_READY) {
            if (take_result(self))
                continue;
            check(self->n == STREAM || atomic_load(&is_early), "all has come");
            if (self->writes)
                check(ac_shutdown_write(self->end->fd) == 0 || atomic_load(&is_early), "it can be half-closed");
            leave_end(self->end);
            atomic_fetch_add(&nended, 1);
            return AC_READY;
        }
        uint32_t random = next_random(&self->seed);
        switch (random % 8) {
        case 0: /* polled again while it waits */
            ac_wake_by_ref(cx->waker);
            break;
        case 1:
        case 2: /* likewise, when another thread wants it */
            hang(cx->waker, random / 8);
            break;
        case 3: /* what has gone of an ac_write_all() nobody would know */
            if (!(self->writes && self->all)) {
                cancel_operation(self, cx);
                continue;
            }
        }
        return AC_PENDING;
    }
}

static enum ac_poll stream__cancel(void *frame, struct ac_context *cx)
{
    struct stream *self = frame;
    if (self->operation != NULL)
        cancel_operation(self, cx);
    leave_end(self->end);
    return AC_READY;
}

static const struct ac_future_type stream__type
    = { "stream", sizeof(struct stream), _Alignof(struct stream), 0, 0, stream__poll, stream__cancel, NULL };

static void spawn_stream(uint32_t seed, uint32_t name, struct end *end, atomic_long *nread, bool writes)
{
    struct stream *stream = ac_task_new(&stream__type);
    check(stream != NULL, "there is memory");
    *stream = (struct stream){ .seed = seed, .name = name, .end = end, .nread = nread, .writes = writes };
    ac_detach(ac_task_spawn(stream));
}

/* ---- closing under one who waits ---- */

struct target {
    int fd;
    atomic_bool is_read; /* before that a close would leave the number to another */
};

struct victim {
    struct ac_read__frame read;
    struct target *target;
    bool started;
    char buffer[8];
};

static enum ac_poll victim__poll(void *frame, struct ac_context *cx)
{
    struct victim *self = frame;
    enum ac_poll poll = self->started
                            ? ac_read__poll(&self->read, cx)
                            : ac_read__start(&self->read, cx, self->target->fd, self->buffer, sizeof self->buffer);
    self->started = true;
    atomic_store(&self->target->is_read, true);
    if (poll == AC_PENDING)
        return AC_PENDING;
    check(self->read.result == -EBADF, "who waits learns that his descriptor was closed");
    atomic_fetch_add(&nended, 1);
    return AC_READY;
}

static enum ac_poll victim__cancel(void *frame, struct ac_context *cx)
{
    struct victim *self = frame;
    return self->started ? ac_read__cancel(&self->read, cx) : AC_READY;
}

static const struct ac_future_type victim__type
    = { "victim", sizeof(struct victim), _Alignof(struct victim), 0, 0, victim__poll, victim__cancel, NULL };

struct closer {
    struct target *target;
    uint32_t turns;
};

static enum ac_poll closer__poll(void *frame, struct ac_context *cx)
{
    struct closer *self = frame;
    if (!atomic_load(&self->target->is_read) || self->turns-- > 0) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    check(ac_close(self->target->fd) == 0, "the descriptor is ours");
    atomic_fetch_add(&nended, 1);
    return AC_READY;
}

static enum ac_poll closer__cancel(void *frame, struct ac_context *cx)
{
    (void)cx;
    ac_close(((struct closer *)frame)->target->fd);
    return AC_READY;
}

static const struct ac_future_type closer__type
    = { "closer", sizeof(struct closer), _Alignof(struct closer), 0, 0, closer__poll, closer__cancel, NULL };

static void spawn_closing(struct target *target, uint32_t turns)
{
    struct victim *victim = ac_task_new(&victim__type);
    struct closer *closer = ac_task_new(&closer__type);
    check(victim != NULL && closer != NULL, "there is memory");
    *victim = (struct victim){ .target = target };
    *closer = (struct closer){ .target = target, .turns = turns };
    ac_detach(ac_task_spawn(victim));
    ac_detach(ac_task_spawn(closer));
}

/* ---- rounds ---- */

/* Of TCP, where a read that gets less than it asked for needn't be followed by one in vain; or of Unix, where it has to. */
static void make_pair(int fds[2], bool tcp)
{
    if (tcp) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
        fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0
                  && getsockname(listener, (struct sockaddr *)&address, &size) == 0
                  && connect(fds[0], (struct sockaddr *)&address, size) == 0
                  && (fds[1] = accept(listener, NULL, NULL)) >= 0,
              "there are descriptors");
        close(listener);
        for (int i = 0; i < 2; i++)
            setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    } else {
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "there are descriptors");
    }
    for (int i = 0; i < 2; i++)
        check(ac_adopt(fds[i]) == 0, "a socket can be adopted");
}

static void run_round(uint32_t seed, int round)
{
    static struct end ends[PAIRS][2];
    static struct target targets[PAIRS];
    static atomic_long nread[PAIRS][2];
    int peers[PAIRS];
    check(ac_pool_set_threads(1 + seed % 4) == 0, "there is no pool yet");
    bool early = round % 3 == 0;
    open_board(seed);
    atomic_store(&nended, 0);
    atomic_store(&is_early, early);
    in_step = round % 2 == 0;
    /* All descriptors are made before any is closed. */
    for (int i = 0; i < PAIRS; i++) {
        int fds[2];
        make_pair(fds, i % 3 != 0);
        for (int j = 0; j < 2; j++) {
            ends[i][j].fd = fds[j];
            atomic_store(&ends[i][j].users, 2);
        }
        make_pair(fds, i % 2 == 0);
        targets[i].fd = fds[0];
        atomic_store(&targets[i].is_read, false);
        peers[i] = fds[1];
    }
    for (int i = 0; i < PAIRS; i++) {
        for (int j = 0; j < 2; j++) {
            uint32_t name = next_random(&seed);
            atomic_store(&nread[i][j], 0);
            spawn_stream(next_random(&seed), name, &ends[i][j], &nread[i][j], true);
            spawn_stream(next_random(&seed), name, &ends[i][!j], &nread[i][j], false);
        }
        spawn_closing(&targets[i], next_random(&seed) % 200);
    }
    /* One round in three ends while all is under way. */
    if (early)
        usleep(seed / 64 % 3000);
    else
        await_all_tasks();
    check(ac_pool_shutdown(60 * AC_S) == 0, "everything ends");
    check(early || atomic_load(&nended) == 6 * PAIRS, "every task comes to its end");
    close_board();
    for (int i = 0; i < PAIRS; i++)
        close(peers[i]);
}

/* ---- reading what is being closed ----
 *
 * A read that begins after ac_close() has told those who wait, and before the system knows, waits for what it will never be
 * told by the system. The task that closes is held up there until the other waits, on the other thread. */

enum { NOBODY, BETWEEN, WAITS };
static atomic_int latecomer;
static _Thread_local bool is_closing;

static void wait_for_latecomer(void)
{
    if (!is_closing)
        return;
    is_closing = false;
    atomic_store(&latecomer, BETWEEN);
    while (atomic_load(&latecomer) != WAITS)
        sched_yield();
}

static enum ac_poll latecomer__poll(void *frame, struct ac_context *cx)
{
    struct victim *self = frame;
    if (atomic_load(&latecomer) == NOBODY) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    enum ac_poll poll = victim__poll(frame, cx);
    check(poll == AC_READY || self->started, "it waits");
    atomic_store(&latecomer, WAITS);
    return poll;
}

static enum ac_poll late_closer__poll(void *frame, struct ac_context *cx)
{
    (void)cx;
    is_closing = true;
    check(ac_close(((struct closer *)frame)->target->fd) == 0, "the descriptor is ours");
    return AC_READY;
}

static const struct ac_future_type latecomer__type
    = { "latecomer", sizeof(struct victim), _Alignof(struct victim), 0, 0, latecomer__poll, victim__cancel, NULL };
static const struct ac_future_type late_closer__type
    = { "late_closer", sizeof(struct closer), _Alignof(struct closer), 0, 0, late_closer__poll, closer__cancel, NULL };

static void read_while_closing(bool tcp)
{
    static struct target target;
    int fds[2];
    alarm(60);
    make_pair(fds, tcp);
    target.fd = fds[0];
    atomic_store(&latecomer, NOBODY);
    check(ac_pool_set_threads(2) == 0, "there is no pool yet");
    struct victim *victim = ac_task_new(&latecomer__type);
    struct closer *closer = ac_task_new(&late_closer__type);
    check(victim != NULL && closer != NULL, "there is memory");
    *victim = (struct victim){ .target = &target };
    *closer = (struct closer){ .target = &target };
    ac_detach(ac_task_spawn(victim));
    ac_detach(ac_task_spawn(closer));
    await_all_tasks();
    check(ac_pool_shutdown(60 * AC_S) == 0, "everything ends");
    close(fds[1]);
}

int main(int argc, char **argv)
{
    read_while_closing(false);
    read_while_closing(true);
    return run_rounds(argc, argv, 24, run_round);
}

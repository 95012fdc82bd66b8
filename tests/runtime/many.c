/* As many connections at once as the machine lets a process have: one executor serves them all. Counted in descriptors,
 * not in time. The clients are a process of their own, so that each side has its own limit. */
#define _GNU_SOURCE
#include "support.h"

#include "ended.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { WANTED = 2000 };
#else
enum { WANTED = 20000 };
#endif
enum { OTHERS = 100 }; /* descriptors that each of the two processes needs for itself, and a few more */

static int raise_limit(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur > WANTED + OTHERS ? WANTED : (int)limit.rlim_cur - OTHERS;
}

/* Connects so often, and when all stand it sends a byte on each, gets another back on each, and closes them all. Exit status 0. To many of
 * loopback's addresses: for one there are but 28000 ports on this side, and each is kept for a minute. */
static int be_clients(int port, int n)
{
    int *fds = calloc((size_t)n, sizeof *fds);
    for (int i = 0; i < n; i++) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)i % 100) };
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&to, sizeof to) != 0)
            return 1;
    }
    for (int i = 0; i < n; i++) {
        char byte = (char)i;
        if (send(fds[i], &byte, 1, 0) != 1)
            return 2;
    }
    for (int i = 0; i < n; i++) {
        char byte;
        if (recv(fds[i], &byte, 1, 0) != 1 || byte != (char)(i + 1))
            return 3;
    }
    for (int i = 0; i < n; i++)
        close(fds[i]);
    free(fds);
    return 0;
}

static int nopen, most_open, nserved;

struct service {
    int state, fd;
    char byte;
    union {
        struct ac_read__frame read;
        struct ac_write_all__frame write;
    };
};

static enum ac_poll service__poll(struct service *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_read__init(&self->read, self->fd, &self->byte, 1), ac_read__poll(&self->read, cx));
    ck_assert_int_eq(self->read.result, 1);
    self->byte++;
    AWAIT(self, ac_write_all__init(&self->write, self->fd, &self->byte, 1), ac_write_all__poll(&self->write, cx));
    ck_assert_int_eq(self->write.result, 0);
    AWAIT(self, ac_read__init(&self->read, self->fd, &self->byte, 1), ac_read__poll(&self->read, cx));
    ck_assert_int_eq(self->read.result, 0);
    ck_assert_int_eq(ac_close(self->fd), 0);
    nopen--;
    nserved++;
    END;
}
FUTURE(service, struct service);

struct server {
    int state, listener, i, n;
    struct ac_accept__frame accept;
};

static enum ac_poll server__poll(struct server *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < self->n; self->i++) {
        AWAIT(self, ac_accept__init(&self->accept, self->listener), ac_accept__poll(&self->accept, cx));
        ck_assert_int_ge(self->accept.result, 0);
        if (++nopen > most_open)
            most_open = nopen;
        ac_detach(SPAWN(service, struct service, { .fd = self->accept.result }));
    }
    END;
}
FUTURE(server, struct server);

START_TEST(as_many_connections_as_the_machine_allows_are_open_at_once)
{
    int n = raise_limit(), before = count_descriptors(), listener = ac_tcp_listen("0.0.0.0", 0, 0);
    ck_assert_int_gt(n, 0);
    ck_assert_int_ge(listener, 0);
    int port = ac_local_port(listener);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(be_clients(port, n));
    struct server server = { .listener = listener, .n = n };
    ac_block_on_future(&server__type, &server);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(nserved, n);
    ck_assert_int_eq(most_open, n);
    ck_assert_int_eq(nopen, 0);
    ac_close(listener);
    ck_assert_int_eq(count_descriptors(), before);
    printf("%d connections at once\n", n);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { as_many_connections_as_the_machine_allows_are_open_at_once };
    return run_suite("many", tests, COUNT(tests), NULL, 0);
}

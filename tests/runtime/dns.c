/* Names: the lookups run beside the executor, on a getaddrinfo of the test's own, which answers for
 * *.test, and for slow.test only when it is told to. */
#define _GNU_SOURCE
#include "support.h"

#include <ac/observe.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int nwaiting, nlookups;

static void open_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    gate_open = true;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

static void wait_until_waiting(int n)
{
    pthread_mutex_lock(&gate_lock);
    while (nwaiting != n)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static void pass_gate(void)
{
    pthread_mutex_lock(&gate_lock);
    nwaiting++;
    pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        pthread_cond_wait(&gate_moved, &gate_lock);
    nwaiting--;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

/* One allocation for entry and address. */
struct entry {
    struct addrinfo info;
    struct sockaddr_in6 address;
};

static int add_entry(struct addrinfo ***end, const char *text, int port)
{
    struct entry *entry = calloc(1, sizeof *entry);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&entry->address;
    entry->info.ai_addr = (struct sockaddr *)&entry->address;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        entry->info.ai_addrlen = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &entry->address.sin6_addr) == 1) {
        entry->address.sin6_family = AF_INET6;
        entry->address.sin6_port = htons((uint16_t)port);
        entry->info.ai_addrlen = sizeof entry->address;
    } else {
        free(entry);
        return EAI_NONAME;
    }
    **end = &entry->info;
    *end = &entry->info.ai_next;
    return 0;
}

int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict result)
{
    int port = atoi(service);
    struct addrinfo **list = result;
    *list = NULL;
    if (hints->ai_flags & AI_NUMERICHOST)
        return add_entry(&list, host, port);
    pthread_mutex_lock(&gate_lock);
    nlookups++;
    pthread_mutex_unlock(&gate_lock);
    if (strcmp(host, "slow.test") == 0)
        pass_gate();
    else if (strcmp(host, "busy.test") == 0)
        return EAI_AGAIN;
    else if (strcmp(host, "two.test") == 0) /* nobody is at the first: connections go on to the second */
        return add_entry(&list, "127.0.0.77", port), add_entry(&list, "127.0.0.1", port);
    else if (strcmp(host, "many.test") == 0) {
        for (int i = 0; i < 40; i++)
            add_entry(&list, i % 2 ? "192.0.2.1" : "2001:db8::1", port);
        return 0;
    } else if (strcmp(host, "fast.test") != 0)
        return EAI_NONAME;
    return add_entry(&list, "127.0.0.1", port);
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free((struct entry *)list);
        list = next;
    }
}

/* ---- futures ---- */

struct script {
    int state, i, n, listener, port;
    const char *host;
    struct ac_address found[20];
    ac_task__handle tasks[8];
    struct ac_await__frame await;
    struct ac_resolve__frame resolve;
    struct ac_tcp_connect__frame connect;
    struct ac_sleep__frame sleep;
};

#define RESOLVE(self, host, port, n)                                                                       \
    AWAIT(self, ac_resolve__init(&(self)->resolve, host, port, (self)->found, n),                          \
          ac_resolve__poll(&(self)->resolve, cx))
#define RUN(name)                                                                                          \
    struct script s = { 0 };                                                                               \
    ac_block_on_future(&name##__type, &s);                                                                 \
    ck_assert_int_eq(s.state, -1)

static enum ac_poll numeric__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    RESOLVE(self, "192.0.2.7", 80, 20);
    ck_assert_int_eq(self->resolve.result, 1);
    ck_assert_int_eq(self->found[0].v4.sin_family, AF_INET);
    ck_assert_int_eq(ntohs(self->found[0].v4.sin_port), 80);
    ck_assert_uint_eq(self->found[0].size, sizeof self->found[0].v4);
    RESOLVE(self, "::1", 443, 20);
    ck_assert_int_eq(self->resolve.result, 1);
    ck_assert_int_eq(self->found[0].v6.sin6_family, AF_INET6);
    RESOLVE(self, "localhost", 1, 20);
    ck_assert_int_eq(self->resolve.result, 2);
    RESOLVE(self, "localhost", 1, 1);
    ck_assert_int_eq(self->resolve.result, 1);
    ck_assert_int_eq(nlookups, 0);

    RESOLVE(self, "fast.test", 65536, 20);
    ck_assert_int_eq(self->resolve.result, -EINVAL);
    RESOLVE(self, "fast.test", 80, 0);
    ck_assert_int_eq(self->resolve.result, -EINVAL);
    RESOLVE(self, "", 80, 20);
    ck_assert_int_eq(self->resolve.result, -ENXIO);
    ck_assert_int_eq(nlookups, 0);
    END;
}
FUTURE(numeric, struct script);
START_TEST(numbers_and_localhost_take_no_thread) { RUN(numeric); }
END_TEST

static enum ac_poll names__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    RESOLVE(self, "fast.test", 80, 20);
    ck_assert_int_eq(self->resolve.result, 1);
    ck_assert_int_eq(ntohs(self->found[0].v4.sin_port), 80);
    RESOLVE(self, "nobody.test", 80, 20);
    ck_assert_int_eq(self->resolve.result, -ENXIO);
    RESOLVE(self, "busy.test", 80, 20);
    ck_assert_int_eq(self->resolve.result, -EAGAIN);
    RESOLVE(self, "many.test", 80, 20);
    ck_assert_int_eq(self->resolve.result, 16);
    RESOLVE(self, "many.test", 80, 3);
    ck_assert_int_eq(self->resolve.result, 3);
    END;
}
FUTURE(names, struct script);
START_TEST(names_are_looked_up) { RUN(names); }
END_TEST

START_TEST(an_executor_after_another_starts_threads_again)
{
    for (int i = 0; i < 5; i++) {
        RUN(names);
    }
}
END_TEST

/* ---- the executor goes on meanwhile ---- */

static enum ac_poll slow__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    RESOLVE(self, "slow.test", 80, 20);
    ck_assert_int_eq(self->resolve.result, 1);
    END;
}
FUTURE(slow, struct script);

static enum ac_poll meanwhile__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    for (int i = 0; i < 8; i++) /* more than there are threads */
        self->tasks[i] = SPAWN(slow, struct script, { .state = 0 });
    AWAIT(self, ac_sleep__init(&self->sleep, 5 * AC_MS), ac_sleep__poll(&self->sleep, cx));
    open_gate();
    for (self->i = 0; self->i < 8; self->i++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->i]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
    }
    ck_assert_int_eq(nlookups, 8);
    END;
}
FUTURE(meanwhile, struct script);
START_TEST(tasks_go_on_while_eight_lookups_hang) { RUN(meanwhile); }
END_TEST

/* A paused clock doesn't jump while a thread is at work for a task. */
static enum ac_poll opener__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->sleep, 3600 * AC_S), ac_sleep__poll(&self->sleep, cx));
    END;
}
FUTURE(opener, struct script);
static void *open_after_a_while(void *argument)
{
    (void)argument;
    struct ac_counts counts;
    wait_until_waiting(1);
    do
        ac_count(&counts);
    while (counts.parks == 0 && sched_yield() == 0); /* by now it has looked at the clock, and sleeps */
    open_gate();
    return NULL;
}
static uint64_t looked_up_at;
static enum ac_poll clocked__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->tasks[0] = SPAWN(opener, struct script, { .state = 0 });
    RESOLVE(self, "slow.test", 80, 20);
    looked_up_at = ac_now();
    AWAIT(self, ac_await__init(&self->await, self->tasks[0]), ac_await__poll(&self->await, cx));
    ac_await__end(&self->await);
    END;
}
FUTURE(clocked, struct script);
START_TEST(a_paused_clock_waits_for_lookups)
{
    pthread_t thread;
    pthread_create(&thread, NULL, open_after_a_while, NULL);
    ac_clock_pause();
    uint64_t start = ac_now();
    RUN(clocked);
    ck_assert_uint_eq(looked_up_at, start);
    ck_assert_uint_ge(ac_now(), start + 3600 * AC_S);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- cancelling ---- */

static enum ac_poll canceller__poll(struct script *self, struct ac_context *cx)
{
    /* On the stack, as a frame may that is released once it was cancelled. */
    struct ac_resolve__frame resolves[8];
    char name[] = "slow.test";
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(ac_resolve__start(&resolves[i], cx, name, 80, self->found, 20), AC_PENDING);
    struct ac_tcp_connect__frame connect;
    ck_assert_int_eq(ac_tcp_connect__start(&connect, cx, name, 80), AC_PENDING);
    memset(name, 'x', sizeof name);
    wait_until_waiting(4);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(ac_resolve__poll(&resolves[i], cx), AC_PENDING);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(ac_resolve__cancel(&resolves[i], cx), AC_READY);
    ck_assert_int_eq(ac_tcp_connect__cancel(&connect, cx), AC_READY);
    memset(resolves, 'x', sizeof resolves);
    ck_assert_int_eq(self->found[0].size, 0);
    self->state = -1;
    return AC_READY;
}
FUTURE(canceller, struct script);

static int count_threads(void)
{
    int n = 0;
    DIR *directory = opendir("/proc/self/task");
    while (readdir(directory) != NULL)
        n++;
    closedir(directory);
    return n;
}

static void *end_at_once(void *argument) { return argument; }

START_TEST(cancelled_lookups_hold_nobody_up_and_write_nowhere)
{
    pthread_t thread; /* with the first there is a sanitizer's own, too */
    pthread_create(&thread, NULL, end_at_once, NULL);
    pthread_join(thread, NULL);
    int nthreads = count_threads();
    RUN(canceller); /* returns, with four threads in getaddrinfo still */
    ck_assert_int_eq(nlookups, 4);
    open_gate();
    while (count_threads() > nthreads) /* so that nothing is in use as the process ends */
        sched_yield();
}
END_TEST

/* ---- connecting by name ---- */

static enum ac_poll connector__poll(struct script *self, struct ac_context *cx)
{
    BEGIN(self);
    self->listener = ac_tcp_listen("127.0.0.1", 0, 0);
    self->port = ac_local_port(self->listener);
    for (self->i = 0; self->i < 3; self->i++) {
        static const char *const hosts[] = { "fast.test", "two.test", "localhost" };
        AWAIT(self, ac_tcp_connect__init(&self->connect, hosts[self->i], self->port),
              ac_tcp_connect__poll(&self->connect, cx));
        ck_assert_int_ge(self->connect.result, 0);
        ac_close(self->connect.result);
    }
    ac_close(self->listener);
    AWAIT(self, ac_tcp_connect__init(&self->connect, "two.test", self->port), ac_tcp_connect__poll(&self->connect, cx));
    ck_assert_int_eq(self->connect.result, -ECONNREFUSED);
    AWAIT(self, ac_tcp_connect__init(&self->connect, "nobody.test", 80), ac_tcp_connect__poll(&self->connect, cx));
    ck_assert_int_eq(self->connect.result, -ENXIO);
    END;
}
FUTURE(connector, struct script);
START_TEST(a_name_is_connected_to_at_the_first_address_that_accepts) { RUN(connector); }
END_TEST

START_TEST(addresses_are_parsed_or_left_alone)
{
    struct ac_address a;
    memset(&a, 0x55, sizeof a);
    struct ac_address before = a;
    ck_assert_int_eq(ac_address_parse(&a, "localhost", 80), -EINVAL);
    ck_assert_int_eq(ac_address_parse(&a, "", 80), -EINVAL);
    ck_assert_int_eq(ac_address_parse(&a, NULL, 80), -EINVAL);
    ck_assert_int_eq(ac_address_parse(&a, "127.0.0.1", -1), -EINVAL);
    ck_assert_int_eq(ac_address_parse(&a, "127.0.0.1", 65536), -EINVAL);
    ck_assert_mem_eq(&a, &before, sizeof a);
    ck_assert_int_eq(ac_address_parse(&a, "127.0.0.1", 65535), 0);
    ck_assert_uint_eq(ntohl(a.v4.sin_addr.s_addr), 0x7f000001);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        numbers_and_localhost_take_no_thread,
        names_are_looked_up,
        an_executor_after_another_starts_threads_again,
        tasks_go_on_while_eight_lookups_hang,
        a_paused_clock_waits_for_lookups,
        cancelled_lookups_hold_nobody_up_and_write_nowhere,
        a_name_is_connected_to_at_the_first_address_that_accepts,
        addresses_are_parsed_or_left_alone,
    };
    return run_suite("dns", tests, COUNT(tests), NULL, 0);
}

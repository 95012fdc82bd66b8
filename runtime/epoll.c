/* epoll.c - the reactor on epoll(7).
 *
 * An event carries the descriptor's number and its generation, no pointer: so one that was
 * fetched with others, one of whose tasks then closed its descriptor, is seen to be stale. */
#define _GNU_SOURCE
#include "reactor.h"
#include "sys.h"

#include <ac/time.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BATCH = 128 }; /* events fetched at a time */

struct epoll_reactor {
    struct ac__reactor base;
    int epoll;
    int bell;  /* an eventfd that other threads ring */
    int alarm; /* a timerfd; -1 until it is needed   */
};

_Static_assert(AC__FD_MAY_READ == EPOLLIN && AC__FD_MAY_WRITE == EPOLLOUT, "what is told is taken as it is");
enum { MARKS = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR };

static uint64_t tag(int fd, unsigned generation) { return (uint64_t)generation << 32 | (uint32_t)fd; }

static struct ac__reactor *epoll_open(void)
{
    struct epoll_reactor *self = ac__sys_calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->base.ops = &ac__epoll;
    atomic_init(&self->base.slots, &ac__fd_none);
    self->epoll = ac__sys_epoll_create();
    self->bell = ac__sys_eventfd(EFD_CLOEXEC | EFD_NONBLOCK);
    self->alarm = -1;
    /* Edge-triggered: each ring is an event, and the counter need never be read. */
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = tag(self->bell, 0) };
    if (self->epoll >= 0 && self->bell >= 0 && ac__sys_epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->bell, &event) == 0)
        return &self->base;

    int error = errno;
    if (self->epoll >= 0)
        close(self->epoll);
    if (self->bell >= 0)
        close(self->bell);
    free(self);
    errno = error;
    return NULL;
}

static void epoll_close(struct ac__reactor *reactor)
{
    struct epoll_reactor *self = (struct epoll_reactor *)reactor;
    ac__fd_slots_free(reactor);
    if (self->alarm >= 0)
        close(self->alarm);
    close(self->bell);
    close(self->epoll);
    free(self);
}

static int epoll_alarm(struct ac__reactor *reactor, uint64_t deadline_ns)
{
    struct epoll_reactor *self = (struct epoll_reactor *)reactor;
    if (self->alarm < 0) {
        int fd = ac__sys_timerfd_create(TFD_CLOEXEC | TFD_NONBLOCK);
        if (fd < 0)
            return -errno;
        /* Edge-triggered, like the bell: each time that it goes off is an event. */
        struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = tag(fd, 0) };
        if (ac__sys_epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            int error = errno;
            close(fd);
            return -error;
        }
        self->alarm = fd;
    }
    struct itimerspec at = { .it_value = { 0 } }; /* zero: none */
    if (deadline_ns <= INT64_MAX)
        at.it_value = (struct timespec){ .tv_sec = (time_t)(deadline_ns / AC_S), .tv_nsec = (long)(deadline_ns % AC_S) };
    timerfd_settime(self->alarm, TFD_TIMER_ABSTIME, &at, NULL);
    return 0;
}

static int epoll_watch(struct ac__reactor *reactor, struct ac__fd *slot)
{
    struct epoll_reactor *self = (struct epoll_reactor *)reactor;
    unsigned generation = ac__fd_generation_in(atomic_load_explicit(&slot->word, memory_order_relaxed));
    struct epoll_event event = { .data.u64 = tag(slot->fd, generation) };
    if (ac__is_born(generation))
        event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    else
        event.events = EPOLLONESHOT | (slot->waiters[AC__READ] != NULL ? EPOLLIN | EPOLLRDHUP : 0u)
                       | (slot->waiters[AC__WRITE] != NULL ? EPOLLOUT : 0u);

    /* A bare descriptor may have been closed and opened again without our knowing, so what is noted
     * about its registration is only the better guess. */
    int first = slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int error = ac__sys_epoll_ctl(self->epoll, first, slot->fd, &event) == 0 ? 0 : errno;
    if (error == (first == EPOLL_CTL_ADD ? EEXIST : ENOENT)) {
        int second = first == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
        error = ac__sys_epoll_ctl(self->epoll, second, slot->fd, &event) == 0 ? 0 : errno;
    }
    slot->registered = error == 0;
    return -error;
}

static int epoll_wait_for(struct ac__reactor *reactor, int timeout_ms)
{
    struct epoll_reactor *self = (struct epoll_reactor *)reactor;
    struct epoll_event events[BATCH];
    int nevents = ac__sys_epoll_wait(self->epoll, events, BATCH, timeout_ms); /* -1 for a signal: nothing happened */
    if (nevents <= 0)
        return 0;
    ac__reactor_lock(reactor);
    for (int i = 0; i < nevents; i++) {
        uint32_t what = events[i].events;
        int fd = (int)(uint32_t)events[i].data.u64;
        unsigned generation = (unsigned)(events[i].data.u64 >> 32);
        if (generation == 0 && (fd == self->bell || fd == self->alarm))
            continue;
        uint64_t told = what & (EPOLLIN | EPOLLOUT);
        if (what & MARKS) {
            told |= AC__FD_MARKED | AC__FD_MAY_READ;
            if (what & (EPOLLHUP | EPOLLERR))
                told |= AC__FD_MAY_WRITE;
        }
        ac__fd_event(reactor, fd, generation, told);
    }
    ac__reactor_unlock(reactor);
    return nevents;
}

static int epoll_descriptor(const struct ac__reactor *reactor)
{
    return ((const struct epoll_reactor *)reactor)->epoll;
}

static void epoll_unpark(struct ac__reactor *reactor)
{
    struct epoll_reactor *self = (struct epoll_reactor *)reactor;
    uint64_t one = 1;
    /* It fails only when the counter is full, after 2^64 rings. */
    ssize_t n = write(self->bell, &one, sizeof one);
    (void)n;
}

const struct ac__reactor_ops ac__epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .watch = epoll_watch,
    .wait = epoll_wait_for,
    .alarm = epoll_alarm,
    .descriptor = epoll_descriptor,
    .forget = ac__fd_forget,
    .unpark = epoll_unpark,
};

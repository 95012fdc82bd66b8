/* pool_bench.h - what the benchmarks of the pool share: wall time, lines of output, and a channel of one slot. */
#ifndef POOL_BENCH_H
#define POOL_BENCH_H
#include <ac/future.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t opaque(uint64_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x;
}

static inline void demand(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "check failed: %s\n", what);
        exit(1);
    }
}

/* `started`: what wall_ns() said before the n operations. */
static inline void report_wall(const char *name, const char *metric, uint64_t started, uint64_t n)
{
    printf("%s %s %.4g ns/op\n", name, metric, (double)(wall_ns() - started) / (double)n);
    fflush(stdout);
}

static inline uint64_t number_at(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}

/* ---- a channel of one slot, for one sender and one receiver, each a future by hand ---- */

struct chan {
    pthread_mutex_t lock;
    int full;
    uint64_t slot;
    struct ac_waker *receiver, *sender; /* borrowed from those who wait, and woken under the lock */
};

static inline void chan_init(struct chan *chan)
{
    pthread_mutex_init(&chan->lock, NULL);
    chan->full = 0;
    chan->receiver = chan->sender = NULL;
}

static inline void chan_wake(struct ac_waker **place)
{
    struct ac_waker *waker = *place;
    *place = NULL;
    if (waker)
        ac_wake_by_ref(waker);
}

struct chan_send__frame {
    struct chan *chan;
    uint64_t value;
};
AC_ASYNC void chan_send(struct chan *chan, uint64_t value) AC_FRAME(struct chan_send__frame);
static inline void chan_send__init(struct chan_send__frame *self, struct chan *chan, uint64_t value)
{
    self->chan = chan;
    self->value = value;
}
static inline enum ac_poll chan_send__poll(struct chan_send__frame *self, struct ac_context *cx)
{
    struct chan *chan = self->chan;
    pthread_mutex_lock(&chan->lock);
    int room = !chan->full;
    if (room) {
        chan->slot = self->value;
        chan->full = 1;
        chan->sender = NULL;
        chan_wake(&chan->receiver);
    } else {
        chan->sender = cx->waker;
    }
    pthread_mutex_unlock(&chan->lock);
    return room ? AC_READY : AC_PENDING;
}
static inline enum ac_poll chan_send__cancel(struct chan_send__frame *self, struct ac_context *cx)
{
    (void)cx;
    pthread_mutex_lock(&self->chan->lock);
    self->chan->sender = NULL;
    pthread_mutex_unlock(&self->chan->lock);
    return AC_READY;
}

struct chan_receive__frame {
    struct chan *chan;
    uint64_t result;
};
AC_ASYNC uint64_t chan_receive(struct chan *chan) AC_FRAME(struct chan_receive__frame);
static inline void chan_receive__init(struct chan_receive__frame *self, struct chan *chan) { self->chan = chan; }
static inline enum ac_poll chan_receive__poll(struct chan_receive__frame *self, struct ac_context *cx)
{
    struct chan *chan = self->chan;
    pthread_mutex_lock(&chan->lock);
    int full = chan->full;
    if (full) {
        self->result = chan->slot;
        chan->full = 0;
        chan->receiver = NULL;
        chan_wake(&chan->sender);
    } else {
        chan->receiver = cx->waker;
    }
    pthread_mutex_unlock(&chan->lock);
    return full ? AC_READY : AC_PENDING;
}
static inline enum ac_poll chan_receive__cancel(struct chan_receive__frame *self, struct ac_context *cx)
{
    (void)cx;
    pthread_mutex_lock(&self->chan->lock);
    self->chan->receiver = NULL;
    pthread_mutex_unlock(&self->chan->lock);
    return AC_READY;
}
#endif

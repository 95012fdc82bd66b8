/* watch.c - frames of debug builds: stopping a program that moves, reuses or shares one; see ac/watch.h. */
#include "exec.h"

#include <ac/watch.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Where suspended frames are, by a hash of the address of their watch; one that comes later takes the place.
 * So a frame that is made can be told from one that was released while suspended without a look at
 * memory that nobody has written yet. At file level, since frames are not an executor's. */
enum { NPLACES = 1 << 14 };
static struct place {
    _Atomic uintptr_t at;
    const struct ac__watched *_Atomic of;
} places[NPLACES];

static struct place *place_of(uintptr_t watch)
{
    return &places[(watch * 0x9e3779b97f4a7c15u) >> 40 & (NPLACES - 1)];
}

static const char done; /* its address says that a frame is finished */

/* Its address names the thread. */
static _Thread_local char self;

static int line_of(const struct ac__watched *of, unsigned state)
{
    return state > 0 && state <= (unsigned)of->nawaits ? of->await_lines[state - 1] : of->line;
}

/* Polls of one frame by two threads are what this is to see: so these words may be raced for. Relaxed, since a
 * watch must not be what orders them. */
static const void *load(const void **word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static void store(const void **word, const void *value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }

/* The place of a suspended frame whose watch is at one of so many bytes, or null. */
static const struct place *find_suspended(uintptr_t from, uintptr_t to)
{
    uintptr_t step = _Alignof(struct ac__watch);
    if ((to - from) / step < NPLACES) {
        for (uintptr_t at = from; at < to; at += step) {
            const struct place *place = place_of(at);
            if (atomic_load_explicit(&place->at, memory_order_relaxed) == at)
                return place;
        }
        return NULL;
    }
    for (int i = 0; i < NPLACES; i++) {
        uintptr_t at = atomic_load_explicit(&places[i].at, memory_order_relaxed);
        if (from <= at && at < to)
            return &places[i];
    }
    return NULL;
}

/* Whatever function's frame it was: memory that went back to malloc comes as one of another size, too. */
void ac__watch_init(struct ac__watch *watch, const struct ac__watched *of)
{
    uintptr_t frame = (uintptr_t)watch - of->offset;
    const struct place *place = find_suspended(frame, frame + of->used);
    if (place != NULL) {
        const struct ac__watched *old = atomic_load_explicit(&place->of, memory_order_relaxed);
        uintptr_t at = atomic_load_explicit(&place->at, memory_order_relaxed);
        ac__stop(old->name, "%s:%d: its frame at %p was released while it was suspended: a frame of '%s' is made there", old->file,
                 old->line, (void *)(at - old->offset), of->name);
    }
    store(&watch->at, NULL);
    store(&watch->poller, NULL);
}

void ac__watch_enter(struct ac__watch *watch, const struct ac__watched *of, unsigned state)
{
    const void *poller = __atomic_exchange_n(&watch->poller, &self, __ATOMIC_RELAXED);
    const void *at = load(&watch->at);
    if (at == &done)
        ac__stop(of->name, "%s:%d: its frame at %p was polled after AC_READY", of->file, of->line, (void *)watch);
    if (at != NULL && at != watch)
        ac__stop(of->name, "%s:%d: its frame was moved from %p to %p after its first poll", of->file, line_of(of, state),
                 (void *)(uintptr_t)at, (void *)watch);
    if (poller == &self)
        ac__stop(of->name, "%s:%d: its frame at %p was polled by itself, or after a longjmp out of its poll", of->file,
                 line_of(of, state), (void *)watch);
    if (poller != NULL)
        ac__stop(of->name, "%s:%d: its frame at %p was polled by two threads at once", of->file, line_of(of, state),
                 (void *)watch);
    store(&watch->at, watch);
}

void ac__watch_leave(struct ac__watch *watch, const struct ac__watched *of, enum ac_poll said)
{
    struct place *place = place_of((uintptr_t)watch);
    if (said == AC_READY) {
        store(&watch->at, &done);
        if (atomic_load_explicit(&place->at, memory_order_relaxed) == (uintptr_t)watch)
            atomic_store_explicit(&place->at, 0, memory_order_relaxed);
    } else {
        atomic_store_explicit(&place->of, of, memory_order_relaxed);
        atomic_store_explicit(&place->at, (uintptr_t)watch, memory_order_relaxed);
    }
    store(&watch->poller, NULL);
}

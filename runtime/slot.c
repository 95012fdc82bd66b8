/* slot.c - what a reactor knows about each descriptor: the part that all backends share. */
#include "exec.h"
#include "reactor.h"
#include "sys_memory.h"

#include <stdlib.h>

/* At file level, so that "none" costs nobody a test. */
struct ac__fd ac__no_fd = { .fd = -1, .now = &ac__fd_never };
struct ac__fd_directory ac__fd_none;

/* Wakes all who wait in that direction. Each tries for himself; those who come too late wait again. */
static void wake_waiters(const struct ac__reactor *reactor, struct ac__fd *slot, enum ac__direction direction)
{
    struct ac__io_wait *wait;
    while ((wait = slot->waiters[direction]) != NULL) {
        slot->waiters[direction] = wait->next;
        if (wait->next != NULL)
            ac__set_link(wait->next, &slot->waiters[direction]);
        ac__fd_wake(reactor, wait);
    }
}

/* Makes a new start for another generation. Who waited for the old one will find that it has gone. */
static void reset_slot(const struct ac__reactor *reactor, struct ac__fd *slot, unsigned generation)
{
    uint64_t tick = atomic_load_explicit(&slot->word, memory_order_relaxed) >> 36 << 36;
    atomic_store_explicit(&slot->now, ac__fd_place(slot->fd), memory_order_relaxed);
    /* It may be ready, as far as anyone knows. */
    atomic_store_explicit(&slot->word, tick | (uint64_t)generation << 4 | AC__FD_MAY_READ | AC__FD_MAY_WRITE,
                          memory_order_release);
    slot->registered = false;
    wake_waiters(reactor, slot, AC__READ);
    wake_waiters(reactor, slot, AC__WRITE);
}

/* The directory, with room for a chunk of that number; null: no memory. */
static struct ac__fd_directory *directory_for(struct ac__reactor *reactor, unsigned number)
{
    struct ac__fd_directory *old = atomic_load_explicit(&reactor->slots, memory_order_relaxed);
    unsigned nold = old->nchunks;
    if (number < nold)
        return old;
    unsigned nchunks = number + 1 > 2 * nold ? number + 1 : 2 * nold;
    struct ac__fd_directory *new = ac__sys_malloc(sizeof *new + nchunks * sizeof new->chunks[0]);
    if (new == NULL)
        return NULL;
    new->older = old;
    new->nchunks = nchunks;
    for (unsigned i = 0; i < nchunks; i++)
        atomic_init(&new->chunks[i],
                    i < nold ? atomic_load_explicit(&old->chunks[i], memory_order_relaxed) : NULL);
    atomic_store_explicit(&reactor->slots, new, memory_order_release);
    return new;
}

static struct ac__fd *make_slot(struct ac__reactor *reactor, int fd)
{
    unsigned number = (unsigned)fd / AC__FD_CHUNK;
    struct ac__fd_directory *directory = directory_for(reactor, number);
    struct ac__fd *chunk = directory == NULL ? NULL : ac__sys_calloc(AC__FD_CHUNK, sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    for (unsigned i = 0; i < AC__FD_CHUNK; i++) {
        chunk[i].fd = (int)(number * AC__FD_CHUNK + i);
        atomic_init(&chunk[i].now, ac__fd_place(chunk[i].fd));
        atomic_init(&chunk[i].word, UINT64_C(1) << 36 | AC__FD_MAY_READ | AC__FD_MAY_WRITE);
    }
    atomic_store_explicit(&directory->chunks[number], chunk, memory_order_release);
    return &chunk[(unsigned)fd % AC__FD_CHUNK];
}

struct ac__fd *ac__fd_slot(struct ac__reactor *reactor, int fd)
{
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    if (slot == &ac__no_fd && (slot = make_slot(reactor, fd)) == NULL)
        return NULL;
    unsigned generation = ac__fd_generation(fd);
    if (ac__fd_generation_in(atomic_load_explicit(&slot->word, memory_order_relaxed)) != generation)
        reset_slot(reactor, slot, generation);
    return slot;
}

void ac__fd_clear(const struct ac__reactor *reactor, struct ac__fd *slot, uint64_t bits)
{
    if (reactor->lock != NULL)
        atomic_fetch_and_explicit(&slot->word, ~bits, memory_order_relaxed);
    else
        atomic_store_explicit(&slot->word, atomic_load_explicit(&slot->word, memory_order_relaxed) & ~bits,
                              memory_order_relaxed);
}

void ac__fd_tell(struct ac__reactor *reactor, struct ac__fd *slot, unsigned generation, uint64_t what)
{
    if (what & AC__FD_MAY_READ)
        wake_waiters(reactor, slot, AC__READ);
    if (what & AC__FD_MAY_WRITE)
        wake_waiters(reactor, slot, AC__WRITE);
    /* A bare descriptor was watched for one event, which hasn't served those who wait still. Should
     * that fail they are woken, to try and to meet the error themselves. */
    if (!ac__is_born(generation) && (slot->waiters[AC__READ] != NULL || slot->waiters[AC__WRITE] != NULL)
        && reactor->ops->watch(reactor, slot) < 0)
        reset_slot(reactor, slot, generation);
}

static void forget_slot(const struct ac__reactor *reactor, struct ac__fd *slot)
{
    /* Who waits for a bare descriptor couldn't tell by the table that his has gone, and the number may be
     * another's before he is polled. */
    for (int direction = AC__READ; direction <= AC__WRITE; direction++)
        for (struct ac__io_wait *wait = slot->waiters[direction]; wait != NULL; wait = wait->next)
            wait->generation = ~ac__fd_generation_in(atomic_load_explicit(&slot->word, memory_order_relaxed));
    reset_slot(reactor, slot, ac__fd_generation(slot->fd));
}

void ac__fd_forget(struct ac__reactor *reactor, int fd)
{
    ac__reactor_lock(reactor);
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    if (slot != &ac__no_fd)
        forget_slot(reactor, slot);
    ac__reactor_unlock(reactor);
}

void ac__fd_closed(struct ac__reactor *reactor, int fd)
{
    ac__reactor_lock(reactor);
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    if (slot != &ac__no_fd && (slot->waiters[AC__READ] != NULL || slot->waiters[AC__WRITE] != NULL))
        ac__fd_event(reactor, fd, ac__fd_generation_in(atomic_load_explicit(&slot->word, memory_order_relaxed)),
                     AC__FD_MAY_READ | AC__FD_MAY_WRITE);
    ac__reactor_unlock(reactor);
}

void ac__fd_slots_free(struct ac__reactor *reactor)
{
    struct ac__fd_directory *directory = atomic_load_explicit(&reactor->slots, memory_order_relaxed);
    for (unsigned i = 0; i < directory->nchunks; i++)
        free(atomic_load_explicit(&directory->chunks[i], memory_order_relaxed));
    while (directory != &ac__fd_none) {
        struct ac__fd_directory *older = directory->older;
        free(directory);
        directory = older;
    }
}

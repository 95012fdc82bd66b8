/* slot.c - what a reactor knows about each descriptor: the part that all backends share. */
#include "exec.h"
#include "reactor.h"
#include "sys_memory.h"

#include <stdlib.h>

/* Wakes all who wait in that direction. Each tries for himself; those who come too late wait again. */
static void wake_waiters(struct ac__fd *slot, enum ac__direction direction)
{
    struct ac__io_wait *wait;
    while ((wait = slot->waiters[direction]) != NULL) {
        slot->waiters[direction] = wait->next;
        if (wait->next != NULL)
            wait->next->link = &slot->waiters[direction];
        wait->link = NULL;
        ac_wake_by_ref(wait->waker);
    }
}

/* Makes a new start for another generation. Who waited for the old one will find that it has gone. */
static void reset_slot(struct ac__fd *slot, unsigned generation)
{
    slot->generation = generation;
    slot->registered = false;
    slot->hung_up = false;
    slot->ready[AC__READ] = slot->ready[AC__WRITE] = true; /* as far as anyone knows */
    wake_waiters(slot, AC__READ);
    wake_waiters(slot, AC__WRITE);
}

static bool make_chunk(struct ac__reactor *reactor, unsigned number)
{
    if (number >= reactor->nchunks) {
        unsigned nchunks = number + 1 > 2 * reactor->nchunks ? number + 1 : 2 * reactor->nchunks;
        struct ac__fd **chunks = ac__sys_realloc(reactor->chunks, nchunks * sizeof *chunks);
        if (chunks == NULL)
            return false;
        for (unsigned i = reactor->nchunks; i < nchunks; i++)
            chunks[i] = NULL;
        reactor->chunks = chunks;
        reactor->nchunks = nchunks;
    }
    if (reactor->chunks[number] == NULL) {
        struct ac__fd *chunk = ac__sys_calloc(AC__FD_CHUNK, sizeof *chunk);
        if (chunk == NULL)
            return false;
        for (unsigned i = 0; i < AC__FD_CHUNK; i++) {
            chunk[i].fd = (int)(number * AC__FD_CHUNK + i);
            chunk[i].ready[AC__READ] = chunk[i].ready[AC__WRITE] = true;
            chunk[i].tick[AC__READ] = chunk[i].tick[AC__WRITE] = 1;
        }
        reactor->chunks[number] = chunk;
    }
    return true;
}

struct ac__fd *ac__fd_slot(struct ac__reactor *reactor, int fd)
{
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    if (slot == NULL) {
        if (!make_chunk(reactor, (unsigned)fd / AC__FD_CHUNK))
            return NULL;
        slot = ac__fd_at(reactor, fd);
    }
    unsigned generation = ac__fd_generation(fd);
    if (slot->generation != generation)
        reset_slot(slot, generation);
    return slot;
}

static void become_ready(struct ac__fd *slot, enum ac__direction direction)
{
    slot->ready[direction] = true;
    if (++slot->tick[direction] == 0)
        slot->tick[direction] = 1;
    wake_waiters(slot, direction);
}

void ac__fd_event(struct ac__reactor *reactor, int fd, unsigned generation, bool readable, bool writable,
                  bool hung_up)
{
    struct ac__fd *slot = ac__fd_find(reactor, fd, generation);
    if (slot == NULL)
        return; /* of a descriptor that was closed between the event and now */
    slot->hung_up |= hung_up;
    if (readable)
        become_ready(slot, AC__READ);
    if (writable)
        become_ready(slot, AC__WRITE);
    /* A bare descriptor was watched for one event, which hasn't served those who wait still. Should
     * that fail they are woken, to try and to meet the error themselves. */
    if (!ac__is_born(generation) && (slot->waiters[AC__READ] != NULL || slot->waiters[AC__WRITE] != NULL)
        && reactor->ops->watch(reactor, slot) < 0)
        reset_slot(slot, generation);
}

static void forget_slot(struct ac__fd *slot)
{
    /* Who waits for a bare descriptor couldn't tell by the table that his has gone, and the number may be
     * another's before he is polled. */
    for (int direction = AC__READ; direction <= AC__WRITE; direction++)
        for (struct ac__io_wait *wait = slot->waiters[direction]; wait != NULL; wait = wait->next)
            wait->generation = ~slot->generation;
    reset_slot(slot, ac__fd_generation(slot->fd));
}

void ac__fd_forget(struct ac__reactor *reactor, int fd)
{
    ac__reactor_lock(reactor);
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    if (slot != NULL)
        forget_slot(slot);
    ac__reactor_unlock(reactor);
}

void ac__fd_slots_free(struct ac__reactor *reactor)
{
    for (unsigned i = 0; i < reactor->nchunks; i++)
        free(reactor->chunks[i]);
    free(reactor->chunks);
}

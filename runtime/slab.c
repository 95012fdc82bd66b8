/* slab.c - the depot of slab.h, and its chunks. */
#define _GNU_SOURCE
#include "exec.h"
#include "fork.h"
#include "sys.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SMALL = 1 << 16, HEADER = 64 };
#define HUGE ((size_t)1 << 21)

/* Blocks stand behind the header, and each knows how far. Those that were never taken aren't written before. */
struct chunk {
    struct chunk *next, **link;  /* among those of its size that have free blocks, or link null */
    struct ac_task *free;        /* that were taken once; by next                               */
    unsigned nfree, ncut, nblocks; /* on that list; taken ever; that there is room for          */
    size_t size;                 /* bytes of the chunk                                          */
};
_Static_assert(sizeof(struct chunk) <= HEADER, "the first block stands behind it");

/* At file level, since tasks may be freed on any thread, and live longer than executors. */
static struct {
    pthread_mutex_t lock;
    struct chunk *chunks[AC__SLAB_SIZES]; /* with free blocks        */
    size_t bytes[AC__SLAB_SIZES];         /* of all chunks of a size */
} depot = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What was on the shelves of other threads is lost to a child. */
__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_SLABS, &depot.lock, NULL); }

/* ---- under the lock ---- */

static void link_chunk(struct chunk *chunk, unsigned index)
{
    chunk->next = depot.chunks[index];
    chunk->link = &depot.chunks[index];
    if (chunk->next != NULL)
        chunk->next->link = &chunk->next;
    depot.chunks[index] = chunk;
}

static void unlink_chunk(struct chunk *chunk)
{
    *chunk->link = chunk->next;
    if (chunk->next != NULL)
        chunk->next->link = chunk->link;
    chunk->link = NULL;
}

/* Aligned, so that it may be one page. By no malloc, which would keep it when it is given back. */
static void *map_huge(void)
{
    if (ac__fails(AC__MEMORY, NULL))
        return NULL;
    char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory % HUGE;
    if (before > 0)
        munmap(memory, before);
    munmap(memory + before + HUGE, HUGE - before);
    madvise(memory + before, HUGE, MADV_HUGEPAGE); /* if it fails, the pages are small */
    return memory + before;
}

static struct chunk *add_chunk(unsigned index)
{
    size_t size = depot.bytes[index] < HUGE ? SMALL : HUGE;
    struct chunk *chunk = size == SMALL ? ac__sys_malloc(SMALL) : map_huge();
    if (chunk == NULL)
        return NULL;
    *chunk = (struct chunk){ .nblocks = (unsigned)((size - HEADER) / (index * AC__SLAB_STEP)), .size = size };
    depot.bytes[index] += size;
    link_chunk(chunk, index);
    return chunk;
}

/* Links so many at most behind *end, which follows. Returns how many. */
static unsigned take_free(struct chunk *chunk, unsigned most, struct ac_task ***end)
{
    unsigned n = 0;
    **end = chunk->free;
    for (; n < most && **end != NULL; n++)
        *end = &(**end)->next;
    chunk->free = **end;
    chunk->nfree -= n;
    return n;
}

/* Likewise of those that were never taken: in the order of their addresses, in which memory is read fastest. */
static unsigned take_new(struct chunk *chunk, unsigned index, unsigned most, struct ac_task ***end)
{
    unsigned n = chunk->nblocks - chunk->ncut < most ? chunk->nblocks - chunk->ncut : most;
    size_t size = (size_t)index * AC__SLAB_STEP, offset = HEADER + chunk->ncut * size;
    for (unsigned i = 0; i < n; i++, offset += size) {
        struct ac_task *task = (struct ac_task *)((char *)chunk + offset);
        task->block = (unsigned)(offset / AC__SLAB_STEP) & 0x3ffff;
        **end = task;
        *end = &task->next;
    }
    chunk->ncut += n;
    return n;
}

/* A list of so many, or of as many as there is memory for; and how many. */
static unsigned take_blocks(unsigned index, unsigned most, struct ac_task **list)
{
    unsigned n = 0;
    struct ac_task **end = list;
    while (n < most) {
        struct chunk *chunk = depot.chunks[index];
        if (chunk == NULL && (chunk = add_chunk(index)) == NULL)
            break;
        n += take_free(chunk, most - n, &end);
        n += take_new(chunk, index, most - n, &end);
        if (chunk->nfree == 0 && chunk->ncut == chunk->nblocks)
            unlink_chunk(chunk);
    }
    *end = NULL;
    return n;
}

static inline void give_block(struct ac_task *task, unsigned index)
{
    struct chunk *chunk = (struct chunk *)((char *)task - (size_t)task->block * AC__SLAB_STEP);
    task->next = chunk->free;
    chunk->free = task;
    chunk->nfree++;
    if (chunk->link == NULL)
        link_chunk(chunk, index);
    if (chunk->nfree == chunk->ncut && depot.bytes[index] > SMALL) {
        unlink_chunk(chunk);
        depot.bytes[index] -= chunk->size;
        if (chunk->size == SMALL)
            free(chunk);
        else
            munmap(chunk, HUGE);
    }
}

/* ---- shelves ---- */

struct ac_task *ac__slab_take(struct ac__shelf *shelf, unsigned index)
{
    struct ac_task *task;
    pthread_mutex_lock(&depot.lock);
    unsigned n = take_blocks(index, shelf == NULL ? 1 : AC__SLAB_BATCH, &task);
    pthread_mutex_unlock(&depot.lock);
    if (shelf != NULL && n > 0) {
        shelf->first[index] = task->next;
        shelf->n[index] = (unsigned char)(n - 1);
    }
    return task;
}

static void give_from(struct ac__shelf *shelf, unsigned index, unsigned n)
{
    struct ac_task *task = shelf->first[index];
    shelf->n[index] -= (unsigned char)n;
    for (struct ac_task *next; n > 0; n--, task = next) {
        next = task->next;
        give_block(task, index);
    }
    shelf->first[index] = task;
}

void ac__slab_give(struct ac__shelf *shelf, struct ac_task *task, unsigned index)
{
    pthread_mutex_lock(&depot.lock);
    give_block(task, index);
    if (shelf != NULL)
        give_from(shelf, index, shelf->n[index] < AC__SLAB_BATCH ? shelf->n[index] : AC__SLAB_BATCH);
    pthread_mutex_unlock(&depot.lock);
}

void ac__shelf_empty(struct ac__shelf *shelf)
{
    pthread_mutex_lock(&depot.lock);
    for (unsigned index = 0; index < AC__SLAB_SIZES; index++)
        give_from(shelf, index, shelf->n[index]);
    pthread_mutex_unlock(&depot.lock);
}

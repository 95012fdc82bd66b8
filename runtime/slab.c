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

static struct ac_task *take_block(unsigned index)
{
    struct chunk *chunk = depot.chunks[index];
    if (chunk == NULL && (chunk = add_chunk(index)) == NULL)
        return NULL;
    struct ac_task *task = chunk->free;
    if (task != NULL) {
        chunk->free = task->next;
        chunk->nfree--;
    } else {
        size_t offset = HEADER + (size_t)chunk->ncut++ * index * AC__SLAB_STEP;
        task = (struct ac_task *)((char *)chunk + offset);
        task->block = (unsigned)(offset / AC__SLAB_STEP) & 0x3ffff;
    }
    if (chunk->nfree == 0 && chunk->ncut == chunk->nblocks)
        unlink_chunk(chunk);
    return task;
}

static void give_block(struct ac_task *task, unsigned index)
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
    pthread_mutex_lock(&depot.lock);
    struct ac_task *task = take_block(index);
    /* In the order of their addresses, in which memory is read fastest. */
    struct ac_task **end = shelf != NULL ? &shelf->first[index] : NULL, *more;
    for (int i = 1; task != NULL && shelf != NULL && i < AC__SLAB_BATCH && (more = take_block(index)) != NULL; i++) {
        *end = more;
        end = &more->next;
        shelf->n[index]++;
    }
    if (end != NULL)
        *end = NULL;
    pthread_mutex_unlock(&depot.lock);
    return task;
}

static void give_from(struct ac__shelf *shelf, unsigned index, unsigned n)
{
    for (; n > 0; n--) {
        struct ac_task *task = shelf->first[index];
        shelf->first[index] = task->next;
        shelf->n[index]--;
        give_block(task, index);
    }
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

/* slab.h - memory for tasks: blocks of one size, cut from chunks.
 *
 *     executor's shelf --empty: a batch from the depot--> depot: chunks with free blocks, by size, under a lock
 *                      <--full: a batch back------------
 *
 * Tasks come and go faster than anything else does, and there may be a million of them at once, so a task is
 * a block without an allocator's header before it, and most come from the shelf of the executor that spawns and
 * go back to the one that frees: a list that only its thread touches. Whoever has no executor takes and returns
 * blocks at the depot. Chunks are 64 kB first; a size that has 2 MB of them gets as many at a time, in a huge
 * page if the system has one to give: then 19,000 tasks cost one page fault. A chunk all of whose blocks have come
 * home goes back to the system, but for one small chunk of each size.
 *
 * Bonwick, "The slab allocator", USENIX 1994, and "Magazines and vmem", 2001. Larger tasks, and those with
 * an alignment above malloc's, are malloc's; and all are in a build with AddressSanitizer, which watches what malloc
 * gives; or one with AC__NO_SLABS, for ThreadSanitizer, which watches what is freed. */
#ifndef AC__SLAB_H
#define AC__SLAB_H
#include <ac/future.h>
#include <stddef.h>

struct ac_task;

#if defined AC__ASAN || defined AC__NO_SLABS
#define AC__SLABS 0
#else
#define AC__SLABS 1
#endif

enum {
    AC__SLAB_STEP = 8,
    AC__SLAB_MOST = 512, /* bytes, header included */
    AC__SLAB_SIZES = AC__SLAB_MOST / AC__SLAB_STEP + 1,
    AC__SLAB_BATCH = 32,
};

/* Blocks at hand, of each size in steps; linked by next. All zero: empty. A size that is a multiple of 16 bytes is
 * aligned to that. */
struct ac__shelf {
    struct ac_task *first[AC__SLAB_SIZES];
    unsigned char n[AC__SLAB_SIZES]; /* at most twice a batch */
};

/* From the depot, when the shelf is empty: a block of that size, whose `block` is set, and a batch for the shelf, which
 * is the calling thread's, or null. Null: no memory. */
struct ac_task *ac__slab_take(struct ac__shelf *shelf, unsigned index);
/* To the depot, when the shelf is full: a block, and a batch from the shelf. */
void ac__slab_give(struct ac__shelf *shelf, struct ac_task *, unsigned index);
/* All that is on the shelf goes back to the depot. */
void ac__shelf_empty(struct ac__shelf *);
#endif

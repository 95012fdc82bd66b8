/* memory.c - blocks that a frame owns: VLAs, and what alloca gives. */
#include "exec.h"
#include "sys_memory.h"

#include <ac/memory.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct block {
    struct block *next;
    unsigned place; /* of a VLA; 0: alloca's */
    size_t size;    /* of what begins at memory */
    void *memory;   /* behind this, aligned     */
};

static struct block *new_block(unsigned place, size_t size, size_t align)
{
    size_t room = size + sizeof(struct block) + align;
    struct block *block = room > size && size <= PTRDIFF_MAX ? ac__sys_malloc(room) : NULL;
    if (block == NULL)
        ac__stop(place ? "a variable-length array" : "alloca", "no memory for %zu bytes across an await", size);
    uintptr_t memory = ((uintptr_t)(block + 1) + align - 1) & ~(uintptr_t)(align - 1);
    *block = (struct block){ .place = place, .size = size, .memory = (char *)block + (memory - (uintptr_t)block) };
    return block;
}

void *ac__vla(void **blocks, unsigned place, size_t size, size_t align)
{
    for (struct block *block = *blocks, *before = NULL; block != NULL; before = block, block = block->next) {
        if (block->place != place)
            continue;
        if (block->size >= size)
            return block->memory;
        if (before != NULL)
            before->next = block->next;
        else
            *blocks = block->next;
        free(block);
        break;
    }
    struct block *block = new_block(place, size, align);
    block->next = *blocks;
    *blocks = block;
    return block->memory;
}

static void *take(void **blocks, size_t size, size_t align)
{
    struct block *block = new_block(0, size, align);
    block->next = *blocks;
    *blocks = block;
    return block->memory;
}

void *ac__alloca(void **blocks, size_t size)
{
    return take(blocks, size, _Alignof(max_align_t));
}

void *ac__alloca_with_align(void **blocks, size_t size, size_t align)
{
    return take(blocks, size, align < 8 ? 1 : align / 8);
}

void ac__free_blocks(void **blocks)
{
    for (struct block *block = *blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    *blocks = NULL;
}

/* memory.c - what a frame owns besides itself: VLAs, and what alloca gives.
 *
 *     *blocks -> struct memory --vlas--> chunk | VLA | VLA | free |  --older--> chunk | VLA |
 *                              --allocas--> chunk | .. | .. | free |  --older--> ..
 *
 * The first chunk, of the one list or the other, comes with struct memory and is no larger than it has to be: many
 * functions have one VLA. Each further one is twice as large as the one before, up to MOST. When the last VLA of a
 * chunk goes, the chunk is kept as the spare one if it is larger than that: so what a scope needs that is entered
 * again and again comes to be in one chunk, and it doesn't allocate. To AddressSanitizer what a VLA has taken is out of
 * bounds once its scope is left. */
#include "exec.h"
#include "poison.h"
#include "sys_memory.h"

#include <ac/memory.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { MOST = 256 << 10 };

struct chunk {
    struct chunk *older;
    size_t size;  /* of what follows */
    char *at;     /* the first byte of it that is free */
    char *before; /* the same before the last one was taken */
};

/* Stands before a VLA, as near as its own alignment allows; the VLA itself may be aligned to more. */
struct vla {
    struct vla *below;
    unsigned place;
    char *from; /* where the chunk was free before it */
};

struct memory {
    struct vla *top;
    struct chunk *vlas, *allocas;
    struct chunk *spare; /* or null */
    struct chunk first;
};

static _Noreturn void stop(bool is_vla, size_t size)
{
    ac__stop(is_vla ? "a variable-length array" : "alloca", "no memory for %zu bytes across an await", size);
}

/* What takes so much, at most, with what stands before it and aligns it. */
static size_t most_of(bool is_vla, size_t size, size_t align)
{
    size_t most = (is_vla ? sizeof(struct vla) : 0) + size + align;
    if (size > PTRDIFF_MAX || most < size || most > PTRDIFF_MAX - sizeof(struct memory))
        stop(is_vla, size);
    return most;
}

static struct memory *memory_of(void **blocks, bool is_vla, size_t size, size_t align)
{
    if (*blocks != NULL)
        return *blocks;
    size_t most = most_of(is_vla, size, align);
    struct memory *memory = ac__sys_malloc(sizeof *memory + most);
    if (memory == NULL)
        stop(is_vla, size);
    *memory = (struct memory){ .first = { .size = most, .at = (char *)(memory + 1) } };
    *(is_vla ? &memory->vlas : &memory->allocas) = &memory->first;
    *blocks = memory;
    return memory;
}

/* A newer chunk, in which so much fits; a stop names what it was for. */
static void add_chunk(struct memory *memory, struct chunk **chunks, size_t wanted, size_t size)
{
    struct chunk *chunk = memory->spare;
    size_t room = *chunks == NULL ? 0 : (*chunks)->size < MOST / 2 ? 2 * (*chunks)->size : MOST;
    if (chunk != NULL && chunks == &memory->vlas) {
        memory->spare = NULL;
        if (chunk->size < wanted) {
            /* A scope may want some more each time that it is entered. */
            if (room < wanted + wanted / 2)
                room = wanted + wanted / 2;
            free(chunk);
            chunk = NULL;
        }
    } else {
        chunk = NULL;
    }
    if (chunk == NULL) {
        if (room < wanted)
            room = wanted;
        chunk = ac__sys_malloc(sizeof *chunk + room);
        if (chunk == NULL)
            stop(chunks == &memory->vlas, size);
        chunk->size = room;
    }
    chunk->older = *chunks;
    chunk->at = (char *)(chunk + 1);
    *chunks = chunk;
}

static char *take(struct memory *memory, struct chunk **chunks, size_t size, size_t align)
{
    bool is_vla = chunks == &memory->vlas;
    size_t most = most_of(is_vla, size, align), before = is_vla ? sizeof(struct vla) : 0;
    for (;;) {
        struct chunk *chunk = *chunks;
        if (chunk != NULL) {
            size_t offset = before + (-((uintptr_t)chunk->at + before) & (align - 1));
            size_t room = chunk->size - (size_t)(chunk->at - (char *)(chunk + 1));
            if (offset <= room && size <= room - offset) {
                char *taken = chunk->at + offset;
                ac__unpoison(chunk->at, taken + size);
                chunk->before = chunk->at;
                chunk->at = taken + size;
                return taken;
            }
        }
        add_chunk(memory, chunks, most, size);
    }
}

static void pop(struct memory *memory)
{
    struct chunk *chunk = memory->vlas;
    char *end = chunk->at;
    chunk->at = memory->top->from;
    memory->top = memory->top->below;
    ac__poison(chunk->at, end);
    if (chunk == &memory->first || chunk->at != (char *)(chunk + 1))
        return;
    memory->vlas = chunk->older;
    struct chunk *smaller = memory->spare;
    if (smaller == NULL || smaller->size < chunk->size)
        memory->spare = chunk;
    else
        smaller = chunk;
    free(smaller);
}

void ac__vla_end(void **blocks, unsigned place)
{
    struct memory *memory = *blocks;
    while (memory != NULL && memory->top != NULL && memory->top->place >= place)
        pop(memory);
}

void *ac__vla(void **blocks, unsigned place, size_t size, size_t align)
{
    if (align < _Alignof(struct vla))
        align = _Alignof(struct vla);
    struct memory *memory = memory_of(blocks, true, size, align);
    ac__vla_end(blocks, place);
    char *taken = take(memory, &memory->vlas, size, align);
    struct vla *vla = (struct vla *)(void *)taken - 1;
    *vla = (struct vla){ .below = memory->top, .place = place, .from = memory->vlas->before };
    memory->top = vla;
    return taken;
}

static void *take_for_alloca(void **blocks, size_t size, size_t align)
{
    struct memory *memory = memory_of(blocks, false, size, align);
    return take(memory, &memory->allocas, size, align);
}

void *ac__alloca(void **blocks, size_t size)
{
    return take_for_alloca(blocks, size, _Alignof(max_align_t));
}

void *ac__alloca_with_align(void **blocks, size_t size, size_t align)
{
    return take_for_alloca(blocks, size, align < 8 ? 1 : align / 8);
}

static void free_chunks(struct memory *memory, struct chunk *chunk)
{
    for (struct chunk *older; chunk != NULL; chunk = older) {
        older = chunk->older;
        if (chunk != &memory->first)
            free(chunk);
    }
}

void ac__free_blocks(void **blocks)
{
    struct memory *memory = *blocks;
    if (memory == NULL)
        return;
    free_chunks(memory, memory->vlas);
    free_chunks(memory, memory->allocas);
    free(memory->spare);
    free(memory);
    *blocks = NULL;
}

/* arena.c - memory for one translation unit, growing arrays, text under construction.
 *
 * Memory is cut from chunks in the order it is asked for and given back all at once, so nothing has an
 * owner but the arena. A block too big for what is left of a chunk and bigger than a fraction of one
 * stands apart, so that one long text doesn't cost the rest of the current chunk.
 *
 *     chunk   |tu|fn|name|local|local|........free........|
 *     apart   |the text of a file                         |
 *
 * A compiler that has no memory left can do nothing useful: it says so and ends with status 1. */
#include "asyncc.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = _Alignof(max_align_t), CHUNK = 256 * 1024, APART = CHUNK / 8 };

struct chunk {
    struct chunk *older;
    _Alignas(ALIGN) char bytes[];
};

struct Arena {
    struct chunk *chunks; /* all of them, to be freed */
    char *free;           /* what is left of the current chunk */
    size_t left;
};

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory) {
        fputs("asyncc: error: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

Arena *new_arena(void)
{
    return allocate(sizeof(Arena));
}

void free_arena(Arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *c = arena->chunks, *older; c; c = older) {
        older = c->older;
        free(c);
    }
    free(arena);
}

static char *add_chunk(Arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct chunk))
        size = SIZE_MAX - sizeof(struct chunk); /* More than there is: the allocation says so. */
    struct chunk *chunk = allocate(sizeof *chunk + size);
    chunk->older = arena->chunks;
    arena->chunks = chunk;
    return chunk->bytes;
}

void *take(Arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        size = SIZE_MAX - ALIGN;
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size == 0)
        size = ALIGN; /* Every block has an address of its own. */
    if (size > arena->left) {
        if (size > APART)
            return add_chunk(arena, size);
        arena->free = add_chunk(arena, CHUNK);
        arena->left = CHUNK;
    }
    char *block = arena->free;
    arena->free += size;
    arena->left -= size;
    return block;
}

char *take_text(Arena *arena, const char *text, size_t length)
{
    char *copy = take(arena, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *take_format(Arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = take(arena, (length < 0 ? 0 : (size_t)length) + 1);
    if (length > 0)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *grow(Arena *arena, void *array, int count, int *room, size_t size)
{
    if (count < *room)
        return array;
    int wanted = *room > 0 ? *room : 8;
    while (wanted <= count) {
        if (wanted > INT32_MAX / 2) {
            fputs("asyncc: error: out of memory\n", stderr);
            exit(1);
        }
        wanted *= 2;
    }
    void *bigger = take(arena, (size_t)wanted * size);
    if (count > 0)
        memcpy(bigger, array, (size_t)count * size);
    *room = wanted;
    return bigger;
}

/* Room for `more` bytes and the zero byte behind them. */
static void make_room(Buf *buf, size_t more)
{
    if (buf->text && buf->room - buf->size > more)
        return;
    size_t room = buf->room > 0 ? buf->room : 64;
    while (room - buf->size <= more) {
        if (room > SIZE_MAX / 2) {
            fputs("asyncc: error: out of memory\n", stderr);
            exit(1);
        }
        room *= 2;
    }
    char *text = take(buf->arena, room);
    if (buf->size > 0)
        memcpy(text, buf->text, buf->size);
    buf->text = text;
    buf->room = room;
}

void add_bytes(Buf *buf, const char *bytes, size_t size)
{
    make_room(buf, size);
    if (size > 0)
        memcpy(buf->text + buf->size, bytes, size);
    buf->size += size;
    buf->text[buf->size] = '\0';
}

void add(Buf *buf, const char *text)
{
    add_bytes(buf, text, strlen(text));
}

void add_va(Buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    make_room(buf, 64);
    size_t left = buf->room - buf->size;
    int length = vsnprintf(buf->text + buf->size, left, format, args);
    if (length >= 0 && (size_t)length >= left) {
        make_room(buf, (size_t)length);
        vsnprintf(buf->text + buf->size, (size_t)length + 1, format, again);
    }
    if (length > 0)
        buf->size += (size_t)length;
    buf->text[buf->size] = '\0';
    va_end(again);
}

void add_format(Buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_va(buf, format, args);
    va_end(args);
}

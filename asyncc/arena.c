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

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ALIGN = _Alignof(max_align_t),
    FIRST = 128 << 10, /* enough for a small file */
    CHUNK = 2 << 20, /* a huge page, where the system has these */
    APART = CHUNK / 4,
};

struct chunk {
    struct chunk *older;
    size_t size; /* with this header */
    _Alignas(ALIGN) char bytes[];
};

struct Arena {
    struct chunk *chunks;  /* all of them, to be freed */
    struct chunk *current; /* the one that blocks are cut from */
    char *free;            /* what is left of it */
    size_t left;
    char *clean; /* from here on it has never been used, and is zero */
};

static void *stop_without_memory(void)
{
    fputs("asyncc: error: out of memory\n", stderr);
    exit(1);
}

Arena *new_arena(void)
{
    Arena *arena = calloc(1, sizeof *arena);
    return arena ? arena : stop_without_memory();
}

/* One heap for all threads, since one works here; it grows in big steps, the first of which is in pages as big as the
 * system has. A sanitizer's heap is its own affair. */
void prepare_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 32 << 20);
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    char *from = sbrk(0);
    void *volatile first = malloc(CHUNK);
    free(first);
    char *to = sbrk(0);
    from += -(uintptr_t)from % CHUNK; /* else the call is refused */
    if (from < to)
        madvise(from, (size_t)(to - from), MADV_HUGEPAGE);
}

void free_arena(Arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *c = arena->chunks, *older; c; c = older) {
        older = c->older;
        munmap(c, c->size);
    }
    free(arena);
}

/* SIZE bytes with the header, of the system, zeroed. What will be filled is taken at once and in pages as big as the
 * system has: a fault for each small one costs as much as filling it. Of other blocks that stand apart, pages
 * that are never touched cost nothing. */
static char *add_chunk(Arena *arena, size_t size)
{
    if (size > CHUNK && size <= SIZE_MAX - CHUNK)
        size += -size % CHUNK; /* the system then places it where big pages begin */
    struct chunk *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        stop_without_memory();
    if (size >= CHUNK)
        madvise(chunk, size, MADV_HUGEPAGE); /* Without it things are only slower. */
    if (size == CHUNK)
        madvise(chunk, size, MADV_POPULATE_WRITE);
    chunk->older = arena->chunks;
    chunk->size = size;
    arena->chunks = chunk;
    return chunk->bytes;
}

void empty_arena(Arena *arena)
{
    struct chunk *keep = arena->current;
    for (struct chunk *c = arena->chunks, *older; c; c = older) {
        older = c->older;
        if (c != keep)
            munmap(c, c->size);
    }
    arena->chunks = keep;
    if (!keep)
        return;
    keep->older = NULL;
    if (arena->free > arena->clean)
        arena->clean = arena->free;
    arena->left += (size_t)(arena->free - keep->bytes);
    arena->free = keep->bytes;
}

/* As it was left: zero only if nobody has had it before the arena was emptied. */
static char *take_unclean(Arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        stop_without_memory();
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (size == 0)
        size = ALIGN; /* Every block has an address of its own. */
    if (size > arena->left) {
        if (size > SIZE_MAX - sizeof(struct chunk))
            stop_without_memory();
        if (size > APART)
            return add_chunk(arena, size + sizeof(struct chunk));
        size_t chunk = !arena->chunks && size <= FIRST - sizeof(struct chunk) ? FIRST : CHUNK;
        arena->clean = arena->free = add_chunk(arena, chunk);
        arena->left = chunk - sizeof(struct chunk);
        arena->current = arena->chunks;
    }
    char *block = arena->free;
    arena->free += size;
    arena->left -= size;
    return block;
}

/* The current chunk's last blocks. */
static void clear_from(const Arena *arena, char *block)
{
    char *end = arena->free < arena->clean ? arena->free : arena->clean;
    if (block < end)
        memset(block, 0, (size_t)(end - block));
}

void *take(Arena *arena, size_t size)
{
    char *block = take_unclean(arena, size);
    if (block < arena->clean && block >= arena->current->bytes) /* else it stands apart */
        clear_from(arena, block);
    return block;
}

/* The last block of the chunk grows where it stands, so what is built piece by piece leaves nothing behind. Where
 * it then goes on; null: it can't. */
static char *take_behind(Arena *arena, void *block, size_t size, size_t wanted)
{
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    size_t more = (wanted + ALIGN - 1) / ALIGN * ALIGN - size;
    if (!block || (char *)block + size != arena->free || more > arena->left)
        return NULL;
    arena->free += more;
    arena->left -= more;
    return (char *)block + size;
}

char *take_text(Arena *arena, const char *text, size_t length)
{
    char *copy = take_unclean(arena, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *take_format(Arena *arena, const char *format, ...)
{
    char some[256];
    Buf buf = { .arena = arena, .text = some, .room = sizeof some };
    some[0] = '\0';
    va_list args;
    va_start(args, format);
    add_va(&buf, format, args);
    va_end(args);
    return buf.text == some ? take_text(arena, some, buf.size) : buf.text;
}

void *grow(Arena *arena, void *array, int count, int *room, size_t size)
{
    if (count < *room)
        return array;
    int wanted = *room > 0 ? *room : 4;
    while (wanted <= count) {
        if (wanted > INT32_MAX / 2)
            stop_without_memory();
        wanted *= 2;
    }
    char *behind = take_behind(arena, array, (size_t)*room * size, (size_t)wanted * size);
    *room = wanted;
    if (behind) {
        clear_from(arena, behind);
        return array;
    }
    void *bigger = take(arena, (size_t)wanted * size);
    if (count > 0)
        memcpy(bigger, array, (size_t)count * size);
    return bigger;
}

void reserve(Buf *buf, size_t size)
{
    if (buf->room > size)
        return;
    if (size == SIZE_MAX)
        stop_without_memory();
    if (!take_behind(buf->arena, buf->text, buf->room, size + 1)) {
        char *bigger = take_unclean(buf->arena, size + 1);
        if (buf->size > 0)
            memcpy(bigger, buf->text, buf->size);
        bigger[buf->size] = '\0';
        buf->text = bigger;
    }
    buf->room = size + 1;
}

static void make_more_room(Buf *buf, size_t more)
{
    if (more > SIZE_MAX / 2 - buf->size)
        stop_without_memory();
    size_t wanted = buf->size + more, twice = 2 * buf->room;
    reserve(buf, wanted < 127 ? 127 : wanted < twice ? twice : wanted);
}

/* Room for `more` bytes and the zero byte behind them. */
static inline void make_room(Buf *buf, size_t more)
{
    if (buf->room - buf->size <= more) /* a buffer without text has none */
        make_more_room(buf, more);
}

/* Without the zero byte. */
static inline void copy_bytes(Buf *buf, const char *bytes, size_t size)
{
    make_room(buf, size);
    memcpy(buf->text + buf->size, bytes, size);
    buf->size += size;
}

static inline void put_bytes(Buf *buf, const char *bytes, size_t size)
{
    copy_bytes(buf, bytes, size);
    buf->text[buf->size] = '\0';
}

void add_bytes(Buf *buf, const char *bytes, size_t size)
{
    if (size > 0)
        put_bytes(buf, bytes, size);
    else
        make_room(buf, 0); /* and a zero byte */
}

void add(Buf *buf, const char *text)
{
    put_bytes(buf, text, strlen(text));
}

void add_number(Buf *buf, long long number)
{
    char digits[24], *at = digits + sizeof digits;
    unsigned long long rest = number < 0 ? -(unsigned long long)number : (unsigned long long)number;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    put_bytes(buf, at, (size_t)(digits + sizeof digits - at));
}

/* Nearly all text is made with %s and %d, of short pieces; printf's own way takes five times as long. Many
 * pieces are empty: an optional word, what stands between two conversions. */
void add_va(Buf *buf, const char *format, va_list args)
{
    for (;;) {
        const char *percent = format;
        if (*format != '%') {
            percent = strchrnul(format, '%');
            if (!*percent) {
                put_bytes(buf, format, (size_t)(percent - format));
                return;
            }
            copy_bytes(buf, format, (size_t)(percent - format));
        }
        format = percent + 2;
        if (percent[1] == 's') {
            const char *piece = va_arg(args, const char *);
            if (*piece)
                copy_bytes(buf, piece, strlen(piece));
        } else if (percent[1] == 'd') {
            add_number(buf, va_arg(args, int));
        } else if (!strncmp(percent + 1, "lld", 3)) {
            add_number(buf, va_arg(args, long long));
            format += 2;
        } else {
            va_list again;
            va_copy(again, args);
            make_room(buf, 64);
            size_t left = buf->room - buf->size;
            int length = vsnprintf(buf->text + buf->size, left, percent, args);
            if (length >= 0 && (size_t)length >= left) {
                make_room(buf, (size_t)length);
                vsnprintf(buf->text + buf->size, (size_t)length + 1, percent, again);
            }
            if (length > 0)
                buf->size += (size_t)length;
            buf->text[buf->size] = '\0';
            va_end(again);
            return;
        }
    }
}

void add_format(Buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_va(buf, format, args);
    va_end(args);
}

/* buf.c - text that grows, and random numbers. */
#include "grid_gen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must_allocate(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory) {
        fputs("grid: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

Buf make_buf(void)
{
    Buf buf = { must_allocate(NULL, 64), 0, 64 };
    buf.text[0] = 0;
    return buf;
}

void add_text(Buf *buf, const char *text, size_t len)
{
    if (buf->len + len + 1 > buf->cap) {
        buf->cap = 2 * (buf->len + len + 1);
        buf->text = must_allocate(buf->text, buf->cap);
    }
    memcpy(buf->text + buf->len, text, len);
    buf->len += len;
    buf->text[buf->len] = 0;
}

static void add_formatted(Buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = must_allocate(NULL, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    add_text(buf, text, (size_t)len);
    free(text);
}

void addf(Buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_formatted(buf, format, args);
    va_end(args);
}

char *textf(const char *format, ...)
{
    Buf buf = make_buf();
    va_list args;
    va_start(args, format);
    add_formatted(&buf, format, args);
    va_end(args);
    return buf.text;
}

Rng make_rng(unsigned long long seed)
{
    /* Splitmix64 spreads small seeds, and gives no zero in practice. */
    unsigned long long z = seed + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (Rng){ z ? z : 1 };
}

unsigned pick(Rng *rng, unsigned below)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return (unsigned)((rng->state * 0x2545f4914f6cdd1du) >> 33) % below;
}

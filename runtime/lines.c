/* lines.c - a reader of lines with a bounded buffer.
 *
 *     | lines that were given | what was read ahead |        |
 *     buffer              begin                   end     size
 *
 * Behind a line stands a null byte while the line lives, in place of what follows it; that byte is kept. A last
 * line has one byte of the buffer for it, which is never read into. All that is known is in the
 * reader, nothing in the future's frame: so a future can be cancelled and nothing is lost. */
#include "lines.h"

#include "io.h"

#include <errno.h>
#include <string.h>

void ac_lines_init(struct ac_lines *lines, int fd, void *buffer, size_t size)
{
    if (size < 2)
        ac__stop("ac_lines_init", "a buffer of %zu bytes has no room for a line", size);
    *lines = (struct ac_lines){ .fd = fd, .buffer = buffer, .size = size };
}

/* The line before is the caller's no longer. */
static void restore(struct ac_lines *lines)
{
    if (lines->has_kept)
        lines->buffer[lines->begin] = lines->kept;
    lines->has_kept = 0;
}

/* Gives the next @p n bytes as a line. */
static ssize_t give(struct ac_lines *lines, size_t n, char **line)
{
    *line = lines->buffer + lines->begin;
    lines->begin += n;
    lines->seen = 0;
    lines->kept = lines->buffer[lines->begin];
    lines->has_kept = 1;
    lines->buffer[lines->begin] = '\0';
    return (ssize_t)n;
}

ssize_t ac__lines_next(struct ac_lines *lines, char **line)
{
    restore(lines);
    for (;;) {
        const char *begin = lines->buffer + lines->begin;
        size_t n = lines->end - lines->begin;
        const char *newline = n == 0 ? NULL : memchr(begin + lines->seen, '\n', n - lines->seen);
        if (newline != NULL) {
            n = (size_t)(newline - begin) + 1;
            if (!lines->skips)
                return give(lines, n, line);
            lines->skips = 0; /* the rest of a line that was too long */
            lines->begin += n;
            lines->seen = 0;
            continue;
        }
        lines->seen = n;
        if (lines->skips) {
            lines->begin = lines->end = lines->seen = 0;
        } else if (n == lines->size - 1) {
            lines->skips = 1;
            return -EMSGSIZE;
        } else if (lines->at_end && n > 0) {
            return give(lines, n, line);
        }
        return lines->at_end ? 0 : -EAGAIN;
    }
}

char *ac__lines_room(struct ac_lines *lines, size_t *size)
{
    /* A line that has begun moves to the front only when there is no room behind it. */
    if (lines->begin == lines->end || lines->end == lines->size - 1) {
        memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
        lines->end -= lines->begin;
        lines->begin = 0;
    }
    *size = lines->size - 1 - lines->end;
    return lines->buffer + lines->end;
}

void ac__lines_arrived(struct ac_lines *lines, size_t n)
{
    lines->end += n;
    lines->at_end = n == 0;
}

size_t ac_lines_take(struct ac_lines *lines, void *buffer, size_t size)
{
    restore(lines);
    size_t n = lines->skips ? 0 : lines->end - lines->begin;
    if (n > size)
        n = size;
    if (n > 0)
        memcpy(buffer, lines->buffer + lines->begin, n);
    lines->begin += n;
    lines->seen = 0;
    return n;
}

/* ---- ac_read_line ---- */

enum { FRESH, READING, OVER };

void ac_read_line__init(struct ac_read_line__frame *self, struct ac_lines *lines, char **line)
{
    self->lines = lines;
    self->line = line;
    self->state = FRESH;
}

enum ac_poll ac_read_line__poll(struct ac_read_line__frame *self, struct ac_context *cx)
{
    struct ac_lines *lines = self->lines;
    if (self->state == OVER)
        ac__stop("ac_read_line", "polled after it was ready");
    for (;;) {
        if (self->state == FRESH) {
            if (!ac__spend(cx))
                return AC_PENDING;
            self->result = ac__lines_next(lines, self->line);
            if (self->result != -EAGAIN)
                break;
            size_t size;
            char *room = ac__lines_room(lines, &size);
            ac_read__init(&self->read, lines->fd, room, size);
            self->state = READING;
        }
        if (ac_read__poll(&self->read, cx) == AC_PENDING)
            return AC_PENDING;
        if (self->read.result < 0) {
            self->result = self->read.result;
            break;
        }
        ac__lines_arrived(lines, (size_t)self->read.result);
        self->state = FRESH;
    }
    self->state = OVER;
    return AC_READY;
}

enum ac_poll ac_read_line__start(struct ac_read_line__frame *self, struct ac_context *cx, struct ac_lines *lines,
                                 char **line)
{
    ac_read_line__init(self, lines, line);
    return ac_read_line__poll(self, cx);
}

enum ac_poll ac_read_line__cancel(struct ac_read_line__frame *self, struct ac_context *cx)
{
    if (self->state == READING && ac_read__cancel(&self->read, cx) == AC_PENDING)
        return AC_PENDING;
    self->state = OVER;
    return AC_READY;
}

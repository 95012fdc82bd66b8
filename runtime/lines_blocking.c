/* lines_blocking.c - ac_read_line() for elided programs. */
#include "lines.h"

#include <errno.h>

ssize_t ac_read_line(struct ac_lines *lines, char **line)
{
    ssize_t n;
    while ((n = ac__lines_next(lines, line)) == -EAGAIN) {
        size_t size;
        char *room = ac__lines_room(lines, &size);
        n = ac_read(lines->fd, room, size);
        if (n < 0)
            return n;
        ac__lines_arrived(lines, (size_t)n);
    }
    return n;
}

/* io_blocking.c - the operations of io.h for elided programs. They wait with poll(2) where the descriptor
 * happens not to block. */
#include "io.h"

#include <errno.h>

ssize_t ac_read(int fd, void *buffer, size_t size)
{
    ssize_t n;
    while ((n = ac__try_read(fd, buffer, size, false)) == -EAGAIN) {
        int error = ac__wait_ready(fd, AC__READ);
        if (error < 0)
            return error;
    }
    return n;
}

ssize_t ac_write(int fd, const void *buffer, size_t size)
{
    ssize_t n;
    while ((n = ac__try_write(fd, buffer, size, false)) == -EAGAIN) {
        int error = ac__wait_ready(fd, AC__WRITE);
        if (error < 0)
            return error;
    }
    return n;
}

int ac_write_all(int fd, const void *buffer, size_t size)
{
    while (size > 0) {
        ssize_t n = ac_write(fd, buffer, size);
        if (n < 0)
            return (int)n;
        buffer = (const char *)buffer + n;
        size -= (size_t)n;
    }
    return 0;
}

int ac_readable(int fd) { return ac__wait_ready(fd, AC__READ); }
int ac_writable(int fd) { return ac__wait_ready(fd, AC__WRITE); }

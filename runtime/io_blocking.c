/* io_blocking.c - the operations of io.h for elided programs. They wait with poll(2) where the descriptor
 * happens not to block. */
#include "io.h"

ssize_t ac_read(int fd, void *buffer, size_t size) { return ac__try_read(fd, buffer, size, AC__MAY_BLOCK); }
ssize_t ac_write(int fd, const void *buffer, size_t size) { return ac__try_write(fd, buffer, size, AC__MAY_BLOCK); }

ssize_t ac_read_exact(int fd, void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = ac_read(fd, (char *)buffer + done, size - done);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
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

ssize_t ac_readv(int fd, const struct iovec *pieces, int npieces)
{
    ssize_t size = ac__pieces_size(pieces, npieces);
    return size <= 0 ? size : ac__try_read_pieces(fd, pieces, npieces, 0, AC__MAY_BLOCK);
}

ssize_t ac_writev(int fd, const struct iovec *pieces, int npieces)
{
    ssize_t size = ac__pieces_size(pieces, npieces);
    return size <= 0 ? size : ac__try_write_pieces(fd, pieces, npieces, 0, AC__MAY_BLOCK);
}

typedef ssize_t try_pieces(int fd, const struct iovec *pieces, int npieces, size_t skip, enum ac__io_how);

/* All of them, or what the end leaves: how many bytes, or a negative errno. */
static ssize_t move_all(try_pieces *try, int fd, const struct iovec *pieces, int npieces)
{
    ssize_t size = ac__pieces_size(pieces, npieces), n = size, done = 0;
    while (n > 0 && done < size) {
        n = try(fd, pieces, npieces, (size_t)done, AC__MAY_BLOCK);
        if (n > 0)
            done += n;
    }
    return n < 0 ? n : done;
}

ssize_t ac_readv_exact(int fd, const struct iovec *pieces, int npieces)
{
    return move_all(ac__try_read_pieces, fd, pieces, npieces);
}

int ac_writev_all(int fd, const struct iovec *pieces, int npieces)
{
    ssize_t n = move_all(ac__try_write_pieces, fd, pieces, npieces);
    return n < 0 ? (int)n : 0;
}

int ac_readable(int fd) { return ac__wait_ready(fd, AC__READ); }
int ac_writable(int fd) { return ac__wait_ready(fd, AC__WRITE); }

/* descriptor.c - which descriptors were made by the runtime, and closing them.
 *
 * One table for the process, because descriptors are the process's: a socket may be made by one
 * thread's executor and closed by another's, and its number soon be another socket's. The
 * table has a generation for each number, with a bit that is set while a descriptor that was born here has it. It is
 * in chunks that are made when they are needed and stay. */
#define _GNU_SOURCE
#include "exec.h"
#include "reactor.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = AC__FD_TABLE_CHUNK, NCHUNKS = AC__FD_TABLE_CHUNKS };

/* At file level, as said above. Whoever puts a chunk releases it, whoever uses it acquires it. */
_Atomic(_Atomic unsigned *) ac__fd_table[NCHUNKS];
_Atomic unsigned ac__fd_never;

/* Of a bare descriptor. */
static unsigned next_generation(unsigned generation)
{
    return (generation | AC__FD_BORN | AC__FD_FILE | AC__FD_STREAM) + 1;
}

static bool become_ours(int fd, unsigned kind)
{
    if (fd < 0 || fd >= CHUNK * NCHUNKS)
        return false;
    _Atomic(_Atomic unsigned *) *place = &ac__fd_table[fd / CHUNK];
    _Atomic unsigned *chunk = atomic_load_explicit(place, memory_order_acquire);
    if (chunk == NULL) {
        _Atomic unsigned *mine = ac__sys_calloc(CHUNK, sizeof *mine);
        if (mine == NULL)
            return false;
        if (atomic_compare_exchange_strong_explicit(place, &chunk, mine, memory_order_acq_rel,
                                                    memory_order_acquire))
            chunk = mine;
        else
            free(mine); /* another thread was first, and chunk is its */
    }
    /* If it is born already, the last one was closed behind our back. */
    unsigned generation = atomic_load_explicit(&chunk[fd % CHUNK], memory_order_relaxed);
    atomic_store_explicit(&chunk[fd % CHUNK], next_generation(generation) | kind, memory_order_relaxed);
    return true;
}

bool ac__fd_born(int fd, unsigned kind) { return become_ours(fd, AC__FD_BORN | kind); }

void ac__fd_closing(int fd)
{
    unsigned generation = ac__fd_generation(fd);
    if (ac__is_born(generation))
        atomic_store_explicit(ac__fd_place(fd), next_generation(generation), memory_order_relaxed);
}

unsigned ac__fd_socket_kind(int fd)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    bool is_tcp = ac__sys_getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
    return is_tcp ? AC__FD_STREAM : 0;
}

int ac_adopt(int fd)
{
    struct stat s;
    int flags = ac__sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0 || ac__sys_fstat(fd, &s) != 0)
        return -errno;
    if (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode) || S_ISBLK(s.st_mode))
        return -EPERM;
    if (ac__sys_fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -errno;
    if (become_ours(fd, AC__FD_BORN | (S_ISSOCK(s.st_mode) ? ac__fd_socket_kind(fd) : AC__FD_FILE)))
        return 0;
    fcntl(fd, F_SETFL, flags);
    return -ENOMEM;
}

int ac_close(int fd)
{
    ac__fd_closing(fd);
    struct ac_exec *exec = ac__current;
    if (exec != NULL && exec->reactor != NULL)
        exec->reactor->ops->forget(exec->reactor, fd);
    ac__between();
    /* Linux has closed the descriptor even where it says that a signal came. */
    int error = ac__sys_close(fd) == 0 || errno == EINTR ? 0 : -errno;
    if (exec != NULL && exec->worker != NULL)
        ac__fd_closed(exec->reactor, fd);
    return error;
}

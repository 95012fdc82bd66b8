/* descriptor.c - which descriptors were made by the runtime, and closing them.
 *
 * One table for the process, because descriptors are the process's: a socket may be made by one
 * thread's executor and closed by another's, and its number soon be another socket's. The
 * table has a generation for each number; odd while a descriptor that was born here has it. It is
 * in chunks that are made when they are needed and stay. */
#include "exec.h"
#include "reactor.h"
#include "sys_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = AC__FD_TABLE_CHUNK, NCHUNKS = AC__FD_TABLE_CHUNKS };

/* At file level, as said above. Whoever puts a chunk releases it, whoever uses it acquires it. */
_Atomic(_Atomic unsigned *) ac__fd_table[NCHUNKS];

bool ac__fd_born(int fd)
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
    /* Odd already means that the last one was closed behind our back. */
    unsigned generation = atomic_load_explicit(&chunk[fd % CHUNK], memory_order_relaxed);
    atomic_store_explicit(&chunk[fd % CHUNK], generation + (ac__is_born(generation) ? 2 : 1),
                          memory_order_relaxed);
    return true;
}

void ac__fd_closing(int fd)
{
    unsigned generation = ac__fd_generation(fd);
    if (ac__is_born(generation)) {
        _Atomic unsigned *chunk = atomic_load_explicit(&ac__fd_table[fd / CHUNK], memory_order_acquire);
        atomic_store_explicit(&chunk[fd % CHUNK], generation + 1, memory_order_relaxed);
    }
}

int ac_close(int fd)
{
    ac__fd_closing(fd);
    struct ac_exec *exec = ac__current;
    if (exec != NULL && exec->reactor != NULL)
        exec->reactor->ops->forget(exec->reactor, fd);
    /* Linux has closed the descriptor even where it says that a signal came. */
    return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

/* sys_memory.h - the part of sys.h that needs no header of the system's: what may fail, and memory. */
#ifndef AC__SYS_MEMORY_H
#define AC__SYS_MEMORY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum ac__call {
    AC__MEMORY, /* all that allocate; the errno is always ENOMEM */
    AC__PTHREAD_CREATE,
    AC__EPOLL_CREATE,
    AC__EPOLL_CTL,
    AC__EPOLL_WAIT,
    AC__EVENTFD,
    AC__TIMERFD_CREATE,
    AC__SOCKET,
    AC__BIND,
    AC__LISTEN,
    AC__CONNECT,
    AC__ACCEPT,
    AC__SETSOCKOPT,
    AC__GETSOCKOPT,
    AC__POLL,
    AC__RECV,
    AC__SEND,
    AC__READ_FILE,
    AC__WRITE_FILE,
    AC__SIGACTION,
    AC__FCNTL,
    AC__FSTAT,
    AC__CLOSE, /* closes, and then says that it has failed: as Linux does */
    AC__SHUTDOWN,
    AC__GETSOCKNAME,
    AC__GETADDRINFO, /* the errno goes with EAI_SYSTEM, but for ENOMEM and EAGAIN, which have codes of their own */
    AC__NCALLS
};

#ifdef AC__FAULTS
/* The test's. True: the call fails with the errno that stands. *size, where there is one, is the number of bytes
 * to transfer, which may be made smaller. Any thread. */
bool ac__fails(enum ac__call, size_t *size);
/* Likewise: where another thread that comes between makes a difference. */
void ac__between(void);
#else
static inline bool ac__fails(enum ac__call call, size_t *size)
{
    (void)call;
    (void)size;
    return false;
}
static inline void ac__between(void) {}
#endif

static inline void *ac__sys_malloc(size_t size) { return ac__fails(AC__MEMORY, NULL) ? NULL : malloc(size); }
static inline void *ac__sys_calloc(size_t n, size_t size)
{
    return ac__fails(AC__MEMORY, NULL) ? NULL : calloc(n, size);
}
static inline void *ac__sys_realloc(void *memory, size_t size)
{
    return ac__fails(AC__MEMORY, NULL) ? NULL : realloc(memory, size);
}
static inline void *ac__sys_aligned_alloc(size_t align, size_t size)
{
    return ac__fails(AC__MEMORY, NULL) ? NULL : aligned_alloc(align, size);
}
#endif

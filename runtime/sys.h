/* sys.h - the one seam between the runtime and what may fail under it: system calls and memory.
 *
 *     ssize_t n = ac__sys_recv(fd, buffer, size, flags);      recv(), and nothing else
 *
 * In the library these are the calls themselves. The same sources are built a second time with AC__FAULTS
 * defined, for tests/runtime/faults.c: there ac__fails() (in sys_memory.h, for files that only allocate) is asked
 * before each, and can have it fail with the errno that it sets, or transfer less than it was asked to. Only
 * calls with an error or a short count that the runtime answers to are here; what can't fail, or what
 * nothing depends on, is called by its name. */
#ifndef AC__SYS_H
#define AC__SYS_H
#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before the first header: accept4 and preadv2 are its"
#endif
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sys_memory.h"

/* What a call that transfers has returned, or its negative errno. */
static inline ssize_t ac__result_of(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

/* ---- threads ---- */

static inline int ac__sys_pthread_create(pthread_t *thread, void *(*run)(void *), void *argument)
{
    return ac__fails(AC__PTHREAD_CREATE, NULL) ? errno : pthread_create(thread, NULL, run, argument);
}

/* ---- signals, and listings that are asked for by them ---- */

static inline int ac__sys_sigaction(int number, const struct sigaction *is, struct sigaction *was)
{
    return ac__fails(AC__SIGACTION, NULL) ? -1 : sigaction(number, is, was);
}
static inline FILE *ac__sys_open_memstream(char **text, size_t *size)
{
    return ac__fails(AC__MEMORY, NULL) ? NULL : open_memstream(text, size);
}

/* ---- descriptors of any kind ---- */

static inline int ac__sys_fcntl(int fd, int what, int argument)
{
    return ac__fails(AC__FCNTL, NULL) ? -1 : fcntl(fd, what, argument);
}
static inline int ac__sys_fstat(int fd, struct stat *is) { return ac__fails(AC__FSTAT, NULL) ? -1 : fstat(fd, is); }
static inline int ac__sys_close(int fd)
{
    int result = close(fd);
    return ac__fails(AC__CLOSE, NULL) ? -1 : result;
}

/* ---- the reactor's ---- */

static inline int ac__sys_epoll_create(void)
{
    return ac__fails(AC__EPOLL_CREATE, NULL) ? -1 : epoll_create1(EPOLL_CLOEXEC);
}
static inline int ac__sys_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    return ac__fails(AC__EPOLL_CTL, NULL) ? -1 : epoll_ctl(epoll, what, fd, event);
}
static inline int ac__sys_epoll_wait(int epoll, struct epoll_event *events, int nevents, int timeout_ms)
{
    return ac__fails(AC__EPOLL_WAIT, NULL) ? -1 : epoll_wait(epoll, events, nevents, timeout_ms);
}
static inline int ac__sys_eventfd(int flags) { return ac__fails(AC__EVENTFD, NULL) ? -1 : eventfd(0, flags); }
static inline int ac__sys_timerfd_create(int flags)
{
    return ac__fails(AC__TIMERFD_CREATE, NULL) ? -1 : timerfd_create(CLOCK_MONOTONIC, flags);
}

/* ---- sockets ---- */

static inline int ac__sys_socket(int family, int type, int protocol)
{
    return ac__fails(AC__SOCKET, NULL) ? -1 : socket(family, type, protocol);
}
static inline int ac__sys_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    return ac__fails(AC__BIND, NULL) ? -1 : bind(fd, address, size);
}
static inline int ac__sys_listen(int fd, int backlog)
{
    return ac__fails(AC__LISTEN, NULL) ? -1 : listen(fd, backlog);
}
static inline int ac__sys_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return ac__fails(AC__CONNECT, NULL) ? -1 : connect(fd, address, size);
}
static inline int ac__sys_accept(int fd, int flags)
{
    return ac__fails(AC__ACCEPT, NULL) ? -1 : accept4(fd, NULL, NULL, flags);
}
static inline int ac__sys_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    return ac__fails(AC__SETSOCKOPT, NULL) ? -1 : setsockopt(fd, level, option, value, size);
}
static inline int ac__sys_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
    return ac__fails(AC__GETSOCKOPT, NULL) ? -1 : getsockopt(fd, level, option, value, size);
}
static inline int ac__sys_shutdown(int fd, int how) { return ac__fails(AC__SHUTDOWN, NULL) ? -1 : shutdown(fd, how); }
static inline int ac__sys_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    return ac__fails(AC__GETSOCKNAME, NULL) ? -1 : getsockname(fd, address, size);
}
static inline int ac__sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                                      struct addrinfo **list)
{
    if (ac__fails(AC__GETADDRINFO, NULL))
        return errno == ENOMEM ? EAI_MEMORY : errno == EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
    return getaddrinfo(host, service, hints, list);
}

/* ---- reading and writing ---- */

/* By their names these are points of cancellation in the C library, which is as much work again as the call itself once there
 * is a second thread. syscall() is none; nor may a thread that never waits in them be cancelled there, in the middle of
 * a task's poll. Sanitizers see only the names. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define AC__BY_NAME true
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AC__BY_NAME true
#endif
#endif
#ifndef AC__BY_NAME
#define AC__BY_NAME ((bool)__libc_single_threaded)
#endif
static inline ssize_t ac__recv(int fd, void *buffer, size_t size, int flags)
{
    return AC__BY_NAME ? recv(fd, buffer, size, flags) : syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
}
static inline ssize_t ac__send(int fd, const void *buffer, size_t size, int flags)
{
    return AC__BY_NAME ? send(fd, buffer, size, flags) : syscall(SYS_sendto, fd, buffer, size, flags, NULL, 0);
}

static inline int ac__sys_poll(struct pollfd *p, nfds_t n, int timeout_ms)
{
    return ac__fails(AC__POLL, NULL) ? -1 : poll(p, n, timeout_ms);
}
/* For flags with MSG_DONTWAIT. */
static inline ssize_t ac__sys_recv(int fd, void *buffer, size_t size, int flags)
{
    return ac__fails(AC__RECV, &size) ? -1 : ac__recv(fd, buffer, size, flags);
}
static inline ssize_t ac__sys_send(int fd, const void *buffer, size_t size, int flags)
{
    return ac__fails(AC__SEND, &size) ? -1 : ac__send(fd, buffer, size, flags);
}
static inline ssize_t ac__sys_read(int fd, void *buffer, size_t size)
{
    return ac__fails(AC__READ_FILE, &size) ? -1 : read(fd, buffer, size);
}
static inline ssize_t ac__sys_write(int fd, const void *buffer, size_t size)
{
    return ac__fails(AC__WRITE_FILE, &size) ? -1 : write(fd, buffer, size);
}
#ifdef AC__FAULTS
/* Makes a list of pieces transfer @p size bytes at most, in the last piece that is needed; how many that are. The
 * list is the caller's own copy. */
static inline int ac__sys_cut(struct iovec *pieces, int npieces, size_t size)
{
    for (int i = 0; i < npieces; i++) {
        if (pieces[i].iov_len >= size) {
            pieces[i].iov_len = size;
            return i + 1;
        }
        size -= pieces[i].iov_len;
    }
    return npieces;
}
#else
static inline int ac__sys_cut(struct iovec *pieces, int npieces, size_t size)
{
    (void)pieces;
    (void)size;
    return npieces;
}
#endif

/* Whether the call on these pieces is to fail, and else how many of them are left to transfer. */
static inline bool ac__fails_pieces(enum ac__call call, struct iovec *pieces, int *npieces)
{
    size_t size = (size_t)-1;
    if (ac__fails(call, &size))
        return true;
    if (size != (size_t)-1)
        *npieces = ac__sys_cut(pieces, *npieces, size);
    return false;
}
static inline ssize_t ac__sys_recv_pieces(int fd, struct iovec *pieces, int npieces, int flags)
{
    if (ac__fails_pieces(AC__RECV, pieces, &npieces))
        return -1;
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)npieces };
    return recvmsg(fd, &message, flags);
}
static inline ssize_t ac__sys_send_pieces(int fd, struct iovec *pieces, int npieces, int flags)
{
    if (ac__fails_pieces(AC__SEND, pieces, &npieces))
        return -1;
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)npieces };
    return sendmsg(fd, &message, flags);
}
/* readv and writev where the file stands. RWF_NOWAIT is among the flags: they fail rather than wait. */
static inline ssize_t ac__sys_read_pieces(int fd, struct iovec *pieces, int npieces, int flags)
{
    return ac__fails_pieces(AC__READ_FILE, pieces, &npieces) ? -1 : preadv2(fd, pieces, npieces, -1, flags);
}
static inline ssize_t ac__sys_write_pieces(int fd, struct iovec *pieces, int npieces, int flags)
{
    return ac__fails_pieces(AC__WRITE_FILE, pieces, &npieces) ? -1 : pwritev2(fd, pieces, npieces, -1, flags);
}
#endif

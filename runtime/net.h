/* net.h - what the futures of net.c and the blocking twins share. */
#ifndef AC__NET_H
#define AC__NET_H
#include <ac/net.h>
#include <stdbool.h>
#include <sys/un.h>

/* A stream socket, non-blocking and born here, or a negative errno. */
int ac__socket_new(int family);
/* The error that a connection which was being made has met, negative; 0 if it stands. */
int ac__socket_error(int fd);
/* accept4 with @p flags besides SOCK_CLOEXEC: a connection, -EAGAIN, -EINTR when it was for nothing and is to be made again,
 * or an error of ac_accept()'s. The listener's own mode decides whether it blocks. */
int ac__socket_accept(int listener, int flags);
/* Of such errors the next accept may be free, or not for long. */
bool ac__is_shortage(int error);
enum { AC__SHORTAGE_MS = 10 }; /* how long an accept that met one waits before it tries again */
/* The address of a path or an abstract name. 0, -EINVAL or -ENAMETOOLONG. */
int ac__unix_address(struct sockaddr_un *, socklen_t *size, const char *path);
#endif

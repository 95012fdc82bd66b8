/* net.h - what the futures of net.c and the blocking twins share. */
#ifndef AC__NET_H
#define AC__NET_H
#include <ac/net.h>

/* A TCP socket, non-blocking and born here, or a negative errno. */
int ac__socket_new(int family);
/* The error that a connection which was being made has met, negative; 0 if it stands. */
int ac__socket_error(int fd);
/* accept4 with @p flags besides SOCK_CLOEXEC: a connection, -EAGAIN, or an error of ac_accept()'s. The listener's own
 * mode decides whether it blocks. */
int ac__socket_accept(int listener, int flags);
#endif

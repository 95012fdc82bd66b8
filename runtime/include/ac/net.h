/** @file
 *  TCP and Unix sockets: connecting, listening, accepting. Reading, writing and closing are in <ac/io.h>.
 *
 *  A socket is an int descriptor, from ac_tcp_connect(), ac_unix_connect() or ac_accept(), until ac_close() closes
 *  it; setsockopt() and its like work on it as always. It is closed on exec. What made it decides
 *  how it blocks: the futures make non-blocking sockets, the blocking twins blocking ones.
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *      #include <string.h>
 *
 *      async int main(void)
 *      {
 *          static const char request[] = "GET / HTTP/1.0\r\nHost: example.org\r\n\r\n";
 *          char buffer[4096];
 *          ssize_t n;
 *          int s = await ac_tcp_connect("example.org", 80);
 *          if (s < 0) {
 *              fprintf(stderr, "example.org: %s\n", strerror(-s));
 *              return 1;
 *          }
 *          await ac_write_all(s, request, sizeof request - 1);
 *          ac_shutdown_write(s);
 *          while ((n = await ac_read(s, buffer, sizeof buffer)) > 0)
 *              fwrite(buffer, 1, (size_t)n, stdout);
 *          ac_close(s);
 *      }
 *
 *  Errors are negative errno values, and then nothing is left open.
 *
 *  Threads and waiting, with its errors and its locked operations, are as <ac/io.h> has them; what isn't async may be
 *  called by any thread, is a system call or a few, and has no locked operation of its own. A new socket may have what
 *  ac_adopt() has for the first of 1024 numbers, and one that is given up what ac_close() has. */
#ifndef AC_NET_H
#define AC_NET_H
#include <ac/dns.h>
#include <ac/future.h>
#include <ac/io.h>
#include <ac/time.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ac_tcp_connect__frame {
    struct ac__io_wait wait;
    struct ac__lookup *lookup; /* the addresses of a name, else null */
    struct ac_address address; /* of a host that is given by number  */
    const char *host;
    int port;
    int fd;
    unsigned char next; /* which address to try next */
    unsigned char tries_loopback; /* of both families, for "localhost" */
    unsigned char state;
    int result;
};

/** Connects to a TCP port. The addresses of a name are tried in turn until one accepts.
 *
 *  @param host  A name or a numeric address. Copied when the future starts.
 *  @param port  1 to 65535.
 *  @return the socket; a negative errno: what the last address said (-ECONNREFUSED,
 *          -ETIMEDOUT, -ENETUNREACH, ...), what ac_resolve() said, -EMFILE, -EINVAL for a bad port, an error of
 *          waiting.
 *
 *  Cancelling: at once; the half-made connection is closed. Cost: for each address socket(2), connect(2), a wait and
 *  getsockopt(2); for a name what ac_resolve() costs besides. On a thread's own executor no locked operation, in the
 *  pool five for each address, three of them to wait and two when it is woken, and four to cancel. */
AC_ASYNC int ac_tcp_connect(AC_NOESCAPE const char *host, int port) AC_FRAME(struct ac_tcp_connect__frame);
void ac_tcp_connect__init(struct ac_tcp_connect__frame *, const char *host, int port);
enum ac_poll ac_tcp_connect__start(struct ac_tcp_connect__frame *, struct ac_context *,
                                   const char *host, int port);
enum ac_poll ac_tcp_connect__poll(struct ac_tcp_connect__frame *, struct ac_context *);
enum ac_poll ac_tcp_connect__cancel(struct ac_tcp_connect__frame *, struct ac_context *);

/** Listens on a TCP port. Not async: it doesn't block. The port may be taken over while
 *  connections of a listener before it linger (SO_REUSEADDR).
 *
 *  @param host     A numeric address of this machine or "localhost", which is 127.0.0.1; null for
 *                  all addresses, IPv6 and IPv4.
 *  @param port     0 lets the system choose; ac_local_port() tells which.
 *  @param backlog  How many connections may wait to be accepted; 0 for the system's most.
 *  @return the listener, closed by ac_close(); a negative errno: -EADDRINUSE, -EACCES,
 *          -EADDRNOTAVAIL, -EMFILE, -EINVAL for a host or port that is none of the above.
 *
 *  Threads: any. Cost: four system calls, five for IPv6. */
int ac_tcp_listen(const char *host, int port, int backlog);

struct ac_unix_connect__frame {
    struct ac_sleep__frame sleep;
    const char *path;
    unsigned pause_ms; /* the next */
    int fd;
    unsigned char state;
    int result;
};

/** Connects to a Unix stream socket.
 *
 *  @param path  A path of the file system; or @@name, a name that the system keeps apart from it (an abstract one:
 *               write ./@@name for a file of that name). Has to stay until the future has finished.
 *  @return the socket; a negative errno: -ENOENT, -ECONNREFUSED if nobody listens, -EACCES, -ENAMETOOLONG for
 *          more than 107 bytes, -EINVAL for none, -EMFILE. While the listener has as many waiting for it
 *          as it wants, the future waits, too: it looks again after a millisecond, then less and
 *          less often, at last every 50 ms (by ac_sleep(), with its checked stop).
 *
 *  Cancelling: at once; its turn is lost. Cost: socket(2) and connect(2), and for each look after that a sleep and
 *  connect(2); no locked operation but those of sleeping. */
AC_ASYNC int ac_unix_connect(AC_NOESCAPE const char *path) AC_FRAME(struct ac_unix_connect__frame);
void ac_unix_connect__init(struct ac_unix_connect__frame *, const char *path);
enum ac_poll ac_unix_connect__start(struct ac_unix_connect__frame *, struct ac_context *, const char *path);
enum ac_poll ac_unix_connect__poll(struct ac_unix_connect__frame *, struct ac_context *);
enum ac_poll ac_unix_connect__cancel(struct ac_unix_connect__frame *, struct ac_context *);

/** Listens on a Unix stream socket. Not async: it doesn't block.
 *
 *  @param path     As ac_unix_connect() has it. The file is made here, and stays when the listener is closed: who
 *                  listens again has to unlink() it first. An abstract name goes with its listener.
 *  @param backlog  As ac_tcp_listen() has it.
 *  @return the listener; a negative errno: -EADDRINUSE if the path exists, -EACCES, -ENOENT for a directory
 *          that doesn't, -ENAMETOOLONG, -EINVAL, -EMFILE.
 *
 *  Threads: any. Cost: three system calls. */
int ac_unix_listen(const char *path, int backlog);

struct ac_accept__frame {
    struct ac__io_wait wait;
    struct ac_sleep__frame sleep;
    int listener;
    unsigned char state;
    int result;
};

/** Takes the next connection that somebody made to @p listener, of either kind.
 *
 *  @return the socket; a negative errno: -EMFILE, -ENFILE, -ENOBUFS or -ENOMEM when there was no room for
 *          one more, and 10 ms later there still was none: the connection goes on waiting, and a loop that just
 *          tries again doesn't spin (that is an ac_sleep(), with its checked stop); -EBADF; -EINVAL for a socket that
 *          doesn't listen; -ENOSPC, of waiting. A connection that broke before it was accepted is passed over.
 *
 *  Cancelling: at once; no connection is lost. Several tasks may accept from one listener. Cost: one accept4(2) for
 *  each connection, and one in vain before a wait; a poll(2) before each, if the listener is bare. On a thread's own
 *  executor no locked operation; in the pool none for a connection that is there, three to wait, two to cancel. */
AC_ASYNC int ac_accept(int listener) AC_FRAME(struct ac_accept__frame);
void ac_accept__init(struct ac_accept__frame *, int listener);
enum ac_poll ac_accept__start(struct ac_accept__frame *, struct ac_context *, int listener);
enum ac_poll ac_accept__poll(struct ac_accept__frame *, struct ac_context *);
enum ac_poll ac_accept__cancel(struct ac_accept__frame *, struct ac_context *);

/** Says that no more will be written: the peer reads what is under way, then the end. Reading
 *  goes on. Not async: it doesn't block.
 *  @return 0; -ENOTCONN if the connection is gone already; -EBADF, -ENOTSOCK. Threads: any. Cost: one system call. */
int ac_shutdown_write(int socket);

/** Whether what is written to a TCP socket leaves at once, be it ever so little; if not (as at first), small
 *  writes are gathered until the peer has answered (Nagle's algorithm).
 *  @return 0; -EOPNOTSUPP for a socket that isn't TCP's; -EBADF, -ENOTSOCK. Threads: any. Cost: one system call. */
int ac_tcp_nodelay(int socket, int on);

/** Whether the peer of an idle TCP socket is asked if it is still there: after @p idle_s seconds, and then every
 *  @p idle_s; after three with no answer the connection is broken (-ETIMEDOUT). 0: it isn't asked.
 *  @return 0; -EINVAL for less than 0 or more than 32767; -EOPNOTSUPP for a socket that isn't TCP's;
 *          -EBADF, -ENOTSOCK. Threads: any. Cost: four system calls, one for 0. */
int ac_tcp_keepalive(int socket, int idle_s);

/** The port on this machine's side of a socket or listener.
 *  @return 1 to 65535, 0 for a socket that has none yet; a negative errno: -EBADF, -ENOTSOCK, -EAFNOSUPPORT for one
 *          that isn't IP's. Threads: any. Cost: one system call. */
int ac_local_port(int socket);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

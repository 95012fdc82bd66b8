/** @file
 *  Names and addresses of hosts.
 *
 *  ac_tcp_connect() looks names up by itself; this header is for whoever wants the addresses:
 *
 *      #include <ac/ac.h>
 *
 *      static async int is_dual_stack(const char *host)
 *      {
 *          struct ac_address found[16];
 *          int n = await ac_resolve(host, 443, found, 16), v4 = 0, v6 = 0;
 *          for (int i = 0; i < n; i++)
 *              *(found[i].any.sa_family == AF_INET ? &v4 : &v6) = 1;
 *          return v4 && v6;
 *      }
 *
 *      async int main(void) { return await is_dual_stack("localhost") ? 0 : 1; }
 *
 *  The lookup is the system's (getaddrinfo, with /etc/hosts, nsswitch and all), which blocks, so it
 *  runs on one of a few threads that exist for that; they come when they are needed and leave
 *  when they have been idle. Numeric addresses and "localhost" take no thread. */
#ifndef AC_DNS_H
#define AC_DNS_H
#include <ac/future.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** The address of a TCP port. A value: copied and kept at will. */
struct ac_address {
    socklen_t size; /**< of the member that is in use, bytes */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/** Reads a numeric address, "127.0.0.1", "::1" or "fe80::1%eth0". Plain function, doesn't block.
 *  @return 0; -EINVAL if @p host is none, or @p port not from 0 to 65535; -ENOMEM; and then
 *          @p address is as it was.
 *  Threads: any. Cost: a few allocations of the C library's, no locked operation. */
int ac_address_parse(struct ac_address *address, const char *host, int port);

struct ac__lookup;

struct ac_resolve__frame {
    struct ac__lookup *lookup; /* the job; shared with the thread that does it */
    const char *host;
    struct ac_address *found;
    int port, nfound;
    unsigned char state;
    int result;
};

/** Looks up the addresses of @p host, in the order in which they should be tried.
 *
 *  @param host    A name or a numeric address. Copied when the future starts.
 *  @param port    What the addresses' port is to be, 0 to 65535.
 *  @param found   Where the addresses go. Has to stay until the future has finished or was
 *                 cancelled; written only as it finishes.
 *  @param nfound  How many there is room for; more are left out, and so are all after the 16th.
 *  @return how many were stored; -ENXIO if there is no such name, or none with an address; -EAGAIN
 *          if the name server could not tell now; -EINVAL for a bad port or @p nfound < 1;
 *          -ENOMEM; what else the system says (-EMFILE, ...), or -EIO where it won't say.
 *
 *  Cancelling: at once; nothing is lost. A lookup that a thread has begun goes on there, and is thrown away.
 *
 *  Threads: any, for tasks of the runtime's executors, else a checked stop; polled on one executor from its start to
 *  its end. Cost: of a numeric address or "localhost" as ac_address_parse(), for each. Of a name one allocation, and
 *  a thread of at most four, which is started if none is idle and leaves after 5 s: lookups queue up for them. Locked
 *  operations, beside the condition variable's: four to begin, three in the pool; the wake, from that thread; seven
 *  at the end; five and a waker's drop to cancel, one more if it hadn't begun. */
AC_ASYNC int ac_resolve(AC_NOESCAPE const char *host, int port, AC_NOESCAPE struct ac_address *found, int nfound)
    AC_FRAME(struct ac_resolve__frame);
void ac_resolve__init(struct ac_resolve__frame *, const char *host, int port,
                      struct ac_address *found, int nfound);
enum ac_poll ac_resolve__start(struct ac_resolve__frame *, struct ac_context *, const char *host,
                               int port, struct ac_address *found, int nfound);
enum ac_poll ac_resolve__poll(struct ac_resolve__frame *, struct ac_context *);
enum ac_poll ac_resolve__cancel(struct ac_resolve__frame *, struct ac_context *);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

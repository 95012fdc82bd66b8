/* dns.h - looking up names: the job that ac_resolve() and ac_tcp_connect() share. */
#ifndef AC__DNS_H
#define AC__DNS_H
#include <ac/dns.h>

enum { AC__MOST_ADDRESSES = 16 };

/* ---- address.c ---- */

/* What needs no lookup: a numeric address, or "localhost", the loopback of IPv4 and of IPv6, in the
 * order in which @p which counts them. 0; -ENXIO when there is no address of that number; -EINVAL
 * for a name or a bad port. */
int ac__address_known(struct ac_address *, const char *host, int port, int which);
/* Looks the name up and blocks meanwhile. The number of addresses, or an error of ac_resolve()'s. */
int ac__address_lookup(struct ac_address *found, int nfound, const char *host, int port);

/* ---- dns.c ---- */

/* Begins a lookup on a thread that may block. 0 and the lookup, or a negative errno. */
int ac__lookup_start(struct ac__lookup **, struct ac_context *, const char *host, int port,
                     const char *function);
/* AC_READY: it is over. */
enum ac_poll ac__lookup_poll(struct ac__lookup *, struct ac_context *);
/* Of one that is over: the number of addresses, or a negative errno, and where the addresses are. */
int ac__lookup_result(const struct ac__lookup *, const struct ac_address **);
/* Gives up the task's part of a lookup, in whatever state it is. */
void ac__lookup_free(struct ac__lookup *);
#endif

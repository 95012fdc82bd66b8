/* dns_blocking.c - ac_resolve() for elided programs. */
#include "dns.h"
#include "twin.h"

#include <errno.h>

int ac_resolve(const char *host, int port, struct ac_address *found, int nfound)
{
    if (port < 0 || port > 65535 || nfound < 1)
        return -EINVAL;
    int n = 0;
    while (n < nfound && ac__address_known(&found[n], host, port, n) == 0)
        n++;
    if (n > 0)
        return n;
    ac__outside_begin();
    n = ac__address_lookup(found, nfound < AC__MOST_ADDRESSES ? nfound : AC__MOST_ADDRESSES, host, port);
    ac__outside_end();
    return n;
}

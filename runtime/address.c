/* address.c - addresses from text, with no executor. */
#define _GNU_SOURCE
#include "dns.h"
#include "sys.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void from_addrinfo(struct ac_address *address, const struct addrinfo *info)
{
    memset(address, 0, sizeof *address);
    address->size = info->ai_addrlen;
    memcpy(&address->any, info->ai_addr, info->ai_addrlen);
}

/* Calls getaddrinfo for a TCP port; 0, or an error as ac_resolve() has it. */
static int ask(struct addrinfo **list, const char *host, int port, int flags)
{
    char service[16];
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP,
                              .ai_flags = flags | AI_NUMERICSERV };
    if (port < 0 || port > 65535)
        return -EINVAL;
    snprintf(service, sizeof service, "%d", port);
    errno = 0;
    switch (ac__sys_getaddrinfo(host, service, &hints, list)) {
    case 0:
        return 0;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENXIO;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno != 0 ? -errno : -EIO;
    default:
        return -EIO;
    }
}

int ac_address_parse(struct ac_address *address, const char *host, int port)
{
    struct addrinfo *list;
    /* Null and "" would mean this machine to getaddrinfo. */
    int error = host == NULL || *host == '\0' ? -EINVAL : ask(&list, host, port, AI_NUMERICHOST);
    if (error < 0)
        return error == -ENOMEM ? error : -EINVAL;
    from_addrinfo(address, list);
    freeaddrinfo(list);
    return 0;
}

int ac__address_known(struct ac_address *address, const char *host, int port, int which)
{
    /* IPv4 first: servers that listen on one of the two listen on that one. */
    static const char *const loopback[] = { "127.0.0.1", "::1" };
    bool is_localhost = host != NULL && strcmp(host, "localhost") == 0;
    if (which >= (is_localhost ? 2 : 1))
        return -ENXIO;
    return ac_address_parse(address, is_localhost ? loopback[which] : host, port);
}

int ac__address_lookup(struct ac_address *found, int nfound, const char *host, int port)
{
    struct addrinfo *list;
    if (host == NULL || *host == '\0')
        return -ENXIO;
    int error = ask(&list, host, port, AI_ADDRCONFIG), n = 0;
    if (error < 0)
        return error;
    for (const struct addrinfo *info = list; info != NULL && n < nfound; info = info->ai_next)
        if (info->ai_addrlen <= sizeof(struct ac_address) - offsetof(struct ac_address, any))
            from_addrinfo(&found[n++], info);
    freeaddrinfo(list);
    return n > 0 ? n : -ENXIO;
}

/* claim.c - who may make a call that blocks unless the descriptor is ready.
 *
 *     poll(2): ready --> the call
 *                   ^ another who was told the same makes his call, and this one waits for more
 *
 * So between asking and calling one has a claim on what is behind the descriptor. Who finds it claimed waits in his
 * reactor as if it weren't ready, and is told at once if it still is: nobody waits for a claim, not even where its
 * holder does wait in the call, because another process was faster. Then what comes is the holder's.
 *
 * The mode of the descriptor isn't changed meanwhile, since other processes may share it. */
#define _GNU_SOURCE
#include "fork.h"
#include "io.h"
#include "sys.h"

#include <errno.h>
#include <sys/stat.h>

/* At file level, since descriptors are the process's. Each claim is its holder's, on whose stack it stands; all but the
 * links doesn't change. */
static struct {
    pthread_mutex_t lock;
    struct ac__claim *first;
} claims = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The threads that had claims aren't there. */
static void in_child(void) { claims.first = NULL; }

__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_CLAIMS, &claims.lock, in_child); }

/* One thing may have several descriptors, and is told by its inode; but those without a type, as inotify's, share one. */
static int describe(struct ac__claim *claim, int fd, enum ac__direction direction)
{
    struct stat s;
    if (ac__sys_fstat(fd, &s) != 0)
        return -errno;
    claim->direction = direction;
    claim->device = s.st_dev;
    claim->inode = s.st_ino;
    claim->fd = (s.st_mode & S_IFMT) == 0 ? fd : -1;
    return 0;
}

static bool is_for_the_same(const struct ac__claim *a, const struct ac__claim *b)
{
    return a->direction == b->direction && a->device == b->device && a->inode == b->inode && a->fd == b->fd;
}

/* False: another has one for the same. */
static bool begin(struct ac__claim *claim)
{
    pthread_mutex_lock(&claims.lock);
    const struct ac__claim *other = claims.first;
    while (other != NULL && !is_for_the_same(other, claim))
        other = other->next;
    if (other == NULL) {
        claim->next = claims.first;
        claims.first = claim;
    }
    pthread_mutex_unlock(&claims.lock);
    return other == NULL;
}

int ac__claim_ready(int fd, enum ac__direction direction, struct ac__claim *claim)
{
    int error = describe(claim, fd, direction);
    if (error < 0)
        return error;
    if (!begin(claim))
        return -EAGAIN;
    error = ac__try_ready(fd, direction);
    if (error < 0)
        ac__claim_end(claim);
    return error;
}

void ac__claim_end(struct ac__claim *claim)
{
    pthread_mutex_lock(&claims.lock);
    struct ac__claim **link = &claims.first;
    while (*link != NULL && *link != claim) /* it isn't there in a child that was forked inside the call */
        link = &(*link)->next;
    if (*link == claim)
        *link = claim->next;
    pthread_mutex_unlock(&claims.lock);
}

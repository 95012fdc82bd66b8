/* io.h - what the leaf futures on descriptors have in common.
 *
 *     poll --> try the system call --> done: result
 *                  ^       |
 *                  |       not now (-EAGAIN)
 *                  +-- woken -- wait in the descriptor's list
 *                          |
 *                          a file, or epoll doesn't know such things (-EPERM): the same call on a
 *                          thread that may block
 *
 * Each leaf gives the call, as a function that blocks only where it is told that it may; ac__io_poll()
 * does the rest. */
#ifndef AC__IO_H
#define AC__IO_H
#include "exec.h"

#include <sys/uio.h>

enum { AC__WANTS_THREAD = -4096 }; /* below any errno */

/* What a call may take the descriptor for; all but the last as its generation has it. */
enum ac__io_how {
    AC__BARE = 0,                         /* anything, in any mode                                      */
    AC__BORN = AC__FD_BORN,               /* a socket of the runtime's own                              */
    AC__FILE = AC__FD_BORN | AC__FD_FILE, /* one that was adopted, is no socket, and never blocks       */
    AC__MAY_BLOCK,                        /* anything; and this thread has nothing to do but wait for it */
};

/* Tries once. Returns the result, a negative errno, -EAGAIN when it would have blocked, or AC__WANTS_THREAD
 * when that is all that can be said, because the descriptor is always called ready. */
typedef ssize_t ac__io_try(void *self, enum ac__io_how);

void ac__io_init(struct ac__io_wait *);
/* The state of a wait: initialised and not polled, polled, waiting for a thread, and at its end. */
enum { AC__IO_FRESH, AC__IO_BEGUN, AC__IO_ON_THREAD, AC__IO_OVER };
/* An operation that is over begins again, on the descriptor that it had, as long as that isn't closed. */
void ac__io_again(struct ac__io_wait *);
enum ac_poll ac__io_poll(struct ac__io_wait *, struct ac_context *, int fd, enum ac__direction, ac__io_try *,
                         void *self, ssize_t *result, const char *function);
/* Before a try that ac__io_block() is to follow: for who tries by himself, since that one has failed for one who waits for
 * a descriptor says nothing of the others. */
void ac__io_note(struct ac__io_wait *, struct ac_context *, int fd);
/* Waits for the next event, if none has come since the wait's look at it was noted: else -EAGAIN. By itself it
 * is for what was started by other means and has to go on. 0 or another negative errno. */
int ac__io_block(struct ac__io_wait *, struct ac_context *, int fd, enum ac__direction, const char *function);
/* Whether it has been woken since. If not, the context's waker is the one to wake from now on. */
bool ac__io_woken(struct ac__io_wait *, struct ac_context *);
enum ac_poll ac__io_cancel(struct ac__io_wait *, struct ac_context *);

/* ---- file.c: what has no readiness, on a thread that may block ---- */

/* Begins the call on another thread. False: there is no memory or no thread for that. */
bool ac__io_job_start(struct ac__io_wait *, struct ac_context *, ac__io_try *, void *self, const char *function);
/* AC_READY: it is over, *result is what the call returned, and the job is gone. */
enum ac_poll ac__io_job_poll(struct ac__io_wait *, struct ac_context *, ssize_t *result);
/* The same; a call that hasn't begun by now never does. */
enum ac_poll ac__io_job_cancel(struct ac__io_wait *, struct ac_context *);

/* ---- io_try.c: the calls, for the futures and the blocking twins alike ---- */

ssize_t ac__try_read(int fd, void *buffer, size_t size, enum ac__io_how);
ssize_t ac__try_write(int fd, const void *buffer, size_t size, enum ac__io_how);
/* The same for the bytes of a list of pieces that come after the first @p skip; perhaps not for all of them. */
ssize_t ac__try_read_pieces(int fd, const struct iovec *pieces, int npieces, size_t skip, enum ac__io_how);
ssize_t ac__try_write_pieces(int fd, const struct iovec *pieces, int npieces, size_t skip, enum ac__io_how);
/* How many bytes the pieces have: at most SSIZE_MAX, or -EINVAL. */
ssize_t ac__pieces_size(const struct iovec *pieces, int npieces);
/* 0 if it is ready in that direction, -EAGAIN if not, -EBADF. */
int ac__try_ready(int fd, enum ac__direction);
/* For the twins: waits with poll(2). 0 or a negative errno. */
int ac__wait_ready(int fd, enum ac__direction);

/* ---- claim.c: calls that block unless the descriptor is ready ---- */

struct ac__claim {
    struct ac__claim *next;
    enum ac__direction direction;
    int fd; /* or -1 */
    dev_t device;
    ino_t inode;
};
/* As ac__try_ready(). After a 0 one call in that direction won't block, as far as this process's futures are concerned,
 * and ac__claim_end() follows it. -EAGAIN says no more than that it is to be waited for. */
int ac__claim_ready(int fd, enum ac__direction, struct ac__claim *);
void ac__claim_end(struct ac__claim *);
#endif

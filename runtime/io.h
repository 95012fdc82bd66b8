/* io.h - what the leaf futures on descriptors have in common.
 *
 *     poll --> try the system call --> done: result
 *                  ^       |
 *                  |       not now (-EAGAIN)
 *                  +-- woken -- wait in the descriptor's list
 *
 * Each leaf gives the call, as a function that never blocks; ac__io_poll() does the rest. */
#ifndef AC__IO_H
#define AC__IO_H
#include "exec.h"

/* Tries once. Returns the result, a negative errno, or -EAGAIN when it would have blocked. */
typedef ssize_t ac__io_try(void *self, bool born);

void ac__io_init(struct ac__io_wait *);
enum ac_poll ac__io_poll(struct ac__io_wait *, struct ac_context *, int fd, enum ac__direction, ac__io_try *,
                         void *self, ssize_t *result, const char *function);
/* Waits for the next event, if none has come since the wait's tick was noted: else -EAGAIN. By itself it
 * is for what was started by other means and has to go on. 0 or another negative errno. */
int ac__io_block(struct ac__io_wait *, struct ac_context *, int fd, enum ac__direction, const char *function);
/* Whether it has been woken since. If not, the context's waker is the one to wake from now on. */
bool ac__io_woken(struct ac__io_wait *, struct ac_context *);
enum ac_poll ac__io_cancel(struct ac__io_wait *, struct ac_context *);

/* ---- io_try.c: the calls, for the futures and the blocking twins alike ---- */

ssize_t ac__try_read(int fd, void *buffer, size_t size, bool born);
ssize_t ac__try_write(int fd, const void *buffer, size_t size, bool born);
/* 0 if it is ready in that direction, -EAGAIN if not, -EBADF. */
int ac__try_ready(int fd, enum ac__direction);
/* For the twins: waits with poll(2). 0 or a negative errno. */
int ac__wait_ready(int fd, enum ac__direction);
#endif

/** @file
 *  Descriptors: reading, writing, waiting until one is ready.
 *
 *  A descriptor is an int, as everywhere in C. Those that <ac/net.h> makes are *registered*: the
 *  executor that waits for one hears of it until ac_close() closes it, which has to be
 *  ac_close(), not close(). Any other descriptor that can block (pipes, terminals, sockets from
 *  elsewhere) works too, at the price of one more system call for each wait; it is left as it is
 *  and never made non-blocking, since other processes may share it. So standard input may be read
 *  anywhere: a task that waits for it holds up nobody. Of a regular file is read what the system has at
 *  hand; for the rest, and for writing, the call goes on on a thread that may block (and on
 *  the task's own if there is no memory for that).
 *
 *      #include <ac/ac.h>
 *
 *      static async int copy(int from, int to)     // 0, or a negative errno
 *      {
 *          char buffer[4096];
 *          ssize_t n;
 *          int error = 0;
 *          while (error == 0 && (n = await ac_read(from, buffer, sizeof buffer)) != 0)
 *              error = n < 0 ? (int)n : await ac_write_all(to, buffer, (size_t)n);
 *          return error;
 *      }
 *
 *      async int main(void) { return await copy(0, 1) < 0; }
 *
 *  Errors are negative errno values; EAGAIN, EWOULDBLOCK and EINTR are never among them. errno itself may change.
 *  What has to wait may end with an error of that, too, and has transferred nothing then: -EMFILE, -ENFILE, -ENOMEM
 *  (an executor's first wait takes two descriptors, and memory), or -ENOSPC (more is waited for than
 *  /proc/sys/fs/epoll/max_user_watches allows). -EBADF is also what an operation gets whose descriptor is closed
 *  under it.
 *
 *  A write to a socket whose peer has gone is -EPIPE and raises no signal. One to a pipe that nobody reads any more, or
 *  a FIFO, raises SIGPIPE as ever, be it bare or registered: who wants the -EPIPE ignores that signal.
 *
 *  Each operation says what is lost when it is cancelled. Cancelling is over at once, save for a regular
 *  file's read or write that has begun: that is waited for, and then the place in the file has moved.
 *
 *  What it costs beside the system calls, for a registered descriptor: on a thread's own executor no locked operation
 *  of the processor; on the pool none to try, one for an ac_read() of TCP's that finds less than it asked for (after
 *  which the next one needn't try, as it has to for all else, where there may be more), two to wait where that is
 *  known, three where a try was in vain, one for an event and one to wake who waits for it, three for all that are
 *  fetched together, two if it is polled for another reason meanwhile, two to cancel. recv(2) and send(2) are called
 *  past the C library, where they would be cancellation points, of two more each.
 *
 *  For a bare one: on a thread's own executor none; on the pool none to try, two to wait, and the rest as above. A
 *  try of a socket is one system call; of a pipe two, or three in vain; of what the system can't be asked not to
 *  block for, such as a terminal, five, or four in vain; and a wait is one more, epoll_ctl(2).
 *
 *  What goes on on a thread that may block has an allocation, a change of threads, and four locked operations to
 *  begin, three in the pool, beside a condition variable's; three when it is over. A first wait for any of 64 numbers
 *  allocates what is to be known of these. Nothing else allocates.
 *
 *  Threads: an operation is for tasks of any of the runtime's executors, polled on one from its start to its end; the
 *  pool is one. Polled where none runs, it is a checked stop if it has to wait. Any number of tasks may wait for one
 *  descriptor. Who waits while ac_close() closes it under him, on the same executor, gets -EBADF. On another one, or
 *  where plain close(2) closes a bare descriptor, nobody tells him, and he waits for ever, or until he is cancelled.
 *  There shutdown(2) goes first, which ends all waits for a socket, and who closes it comes last. */
#ifndef AC_IO_H
#define AC_IO_H
#include <ac/future.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Who waits for a descriptor; belongs to the runtime. It keeps its address while it is linked. */
struct ac__io_wait {
    union {
        struct ac__io_wait *next; /* in the descriptor's list of waiters                              */
        struct ac__io_job *job;   /* of one that waits for a thread, see state                         */
        uint64_t seen;            /* of one in no list: what was known of the descriptor before the last try; 0: it
                                     wasn't registered                                                 */
    };
    struct ac__io_wait **link;    /* null: not in a list                                          */
    struct ac_waker *waker;       /* borrowed from the context of the last poll                   */
    unsigned generation;          /* of the descriptor, when the operation began                  */
    unsigned char state;
};

struct ac_read__frame {
    struct ac__io_wait wait;
    int fd;
    void *buffer;
    size_t size;
    ssize_t result;
};

/** Reads what there is, at most @p size bytes, and waits only if there is nothing.
 *
 *  @param buffer  Has to stay until the read has finished or was cancelled.
 *  @return the number of bytes; 0 at the end of the stream, or if @p size is 0; a negative
 *          errno: -ECONNRESET, -EBADF, ... as read(2) has them, or one of waiting.
 *
 *  Cancelling: nothing is lost. */
AC_ASYNC ssize_t ac_read(int fd, AC_NOESCAPE void *buffer, size_t size) AC_FRAME(struct ac_read__frame);
void ac_read__init(struct ac_read__frame *, int fd, void *buffer, size_t size);
enum ac_poll ac_read__start(struct ac_read__frame *, struct ac_context *, int fd, void *buffer,
                            size_t size);
enum ac_poll ac_read__poll(struct ac_read__frame *, struct ac_context *);
enum ac_poll ac_read__cancel(struct ac_read__frame *, struct ac_context *);

struct ac_read_exact__frame {
    struct ac__io_wait wait;
    int fd;
    void *buffer;
    size_t size;
    ssize_t result; /* until the end, how many bytes there are */
};

/** Reads until @p buffer is full or the stream ends.
 *
 *  @param buffer  Has to stay until the read has finished or was cancelled.
 *  @return @p size; fewer, only if the stream ended before; a negative errno as ac_read() has them, and
 *          then what had come is lost, too.
 *
 *  Cancelling: what had come by then is lost: it is in the buffer, and nobody learns how much that is. */
AC_ASYNC ssize_t ac_read_exact(int fd, AC_NOESCAPE void *buffer, size_t size) AC_FRAME(struct ac_read_exact__frame);
void ac_read_exact__init(struct ac_read_exact__frame *, int fd, void *buffer, size_t size);
enum ac_poll ac_read_exact__start(struct ac_read_exact__frame *, struct ac_context *, int fd, void *buffer,
                                  size_t size);
enum ac_poll ac_read_exact__poll(struct ac_read_exact__frame *, struct ac_context *);
enum ac_poll ac_read_exact__cancel(struct ac_read_exact__frame *, struct ac_context *);

struct ac_write__frame {
    struct ac__io_wait wait;
    int fd;
    const void *buffer;
    size_t size;
    ssize_t result;
};

/** Writes what there is room for, at least one byte, and waits only if there is none.
 *
 *  @param buffer  Has to stay, unchanged, until the write has finished or was cancelled.
 *  @return the number of bytes written, perhaps fewer than @p size; 0 only if @p size is 0; a
 *          negative errno: -EPIPE, -ECONNRESET, ... as write(2) has them, or one of waiting.
 *
 *  Cancelling: nothing has been written. */
AC_ASYNC ssize_t ac_write(int fd, AC_NOESCAPE const void *buffer, size_t size) AC_FRAME(struct ac_write__frame);
void ac_write__init(struct ac_write__frame *, int fd, const void *buffer, size_t size);
enum ac_poll ac_write__start(struct ac_write__frame *, struct ac_context *, int fd, const void *buffer,
                             size_t size);
enum ac_poll ac_write__poll(struct ac_write__frame *, struct ac_context *);
enum ac_poll ac_write__cancel(struct ac_write__frame *, struct ac_context *);

struct ac_write_all__frame {
    struct ac__io_wait wait;
    int fd;
    const void *buffer;
    size_t size; /* of what is left */
    int result;
};

/** Writes all of @p buffer.
 *
 *  @param buffer  Has to stay, unchanged, until the write has finished or was cancelled.
 *  @return 0; a negative errno as ac_write() has them, and then a part may have been written.
 *
 *  Cancelling: a part may have been written, and nobody learns how much. */
AC_ASYNC int ac_write_all(int fd, AC_NOESCAPE const void *buffer, size_t size)
    AC_FRAME(struct ac_write_all__frame);
void ac_write_all__init(struct ac_write_all__frame *, int fd, const void *buffer, size_t size);
enum ac_poll ac_write_all__start(struct ac_write_all__frame *, struct ac_context *, int fd,
                                 const void *buffer, size_t size);
enum ac_poll ac_write_all__poll(struct ac_write_all__frame *, struct ac_context *);
enum ac_poll ac_write_all__cancel(struct ac_write_all__frame *, struct ac_context *);

/* What the four operations on several pieces of memory have in common; belongs to the runtime. */
struct ac__io_pieces {
    struct ac__io_wait wait;
    int fd, npieces;
    const struct iovec *pieces;
    size_t done; /* bytes, of those that transfer all */
};

struct ac_readv__frame {
    struct ac__io_pieces pieces;
    ssize_t result;
};

/** Like ac_read(), into @p npieces pieces of memory, each filled before the next is begun.
 *
 *  @param pieces  Unchanged by the call; they and what they point to have to stay until it has
 *                 finished or was cancelled. Of more than 64, a call fills the first 64 at most.
 *  @return as ac_read(); -EINVAL if @p npieces is negative, or the sizes make more than SSIZE_MAX.
 *
 *  Cancelling: nothing is lost. */
AC_ASYNC ssize_t ac_readv(int fd, AC_NOESCAPE const struct iovec *pieces, int npieces)
    AC_FRAME(struct ac_readv__frame);
void ac_readv__init(struct ac_readv__frame *, int fd, const struct iovec *pieces, int npieces);
enum ac_poll ac_readv__start(struct ac_readv__frame *, struct ac_context *, int fd,
                             const struct iovec *pieces, int npieces);
enum ac_poll ac_readv__poll(struct ac_readv__frame *, struct ac_context *);
enum ac_poll ac_readv__cancel(struct ac_readv__frame *, struct ac_context *);

struct ac_readv_exact__frame {
    struct ac__io_pieces pieces;
    ssize_t result;
};

/** Like ac_read_exact(), into pieces as ac_readv() has them, however many.
 *
 *  @return the size of all; fewer bytes, only if the stream ended before; a negative errno as ac_readv() has them, and
 *          then what had come is lost, too.
 *
 *  Cancelling: what had come by then is lost: it is in the pieces, and nobody learns how much that is. */
AC_ASYNC ssize_t ac_readv_exact(int fd, AC_NOESCAPE const struct iovec *pieces, int npieces)
    AC_FRAME(struct ac_readv_exact__frame);
void ac_readv_exact__init(struct ac_readv_exact__frame *, int fd, const struct iovec *pieces, int npieces);
enum ac_poll ac_readv_exact__start(struct ac_readv_exact__frame *, struct ac_context *, int fd,
                                   const struct iovec *pieces, int npieces);
enum ac_poll ac_readv_exact__poll(struct ac_readv_exact__frame *, struct ac_context *);
enum ac_poll ac_readv_exact__cancel(struct ac_readv_exact__frame *, struct ac_context *);

struct ac_writev__frame {
    struct ac__io_pieces pieces;
    ssize_t result;
};

/** Like ac_write(), of pieces as ac_readv() has them: one after the other, as if they were one.
 *
 *  @return as ac_write(); -EINVAL as ac_readv().
 *
 *  Cancelling: nothing has been written. */
AC_ASYNC ssize_t ac_writev(int fd, AC_NOESCAPE const struct iovec *pieces, int npieces)
    AC_FRAME(struct ac_writev__frame);
void ac_writev__init(struct ac_writev__frame *, int fd, const struct iovec *pieces, int npieces);
enum ac_poll ac_writev__start(struct ac_writev__frame *, struct ac_context *, int fd,
                              const struct iovec *pieces, int npieces);
enum ac_poll ac_writev__poll(struct ac_writev__frame *, struct ac_context *);
enum ac_poll ac_writev__cancel(struct ac_writev__frame *, struct ac_context *);

struct ac_writev_all__frame {
    struct ac__io_pieces pieces;
    int result;
};

/** Like ac_write_all(), of pieces as ac_readv() has them, however many.
 *
 *  @return 0; a negative errno as ac_writev() has them, and then a part may have been written.
 *
 *  Cancelling: a part may have been written, and nobody learns how much. */
AC_ASYNC int ac_writev_all(int fd, AC_NOESCAPE const struct iovec *pieces, int npieces)
    AC_FRAME(struct ac_writev_all__frame);
void ac_writev_all__init(struct ac_writev_all__frame *, int fd, const struct iovec *pieces, int npieces);
enum ac_poll ac_writev_all__start(struct ac_writev_all__frame *, struct ac_context *, int fd,
                                  const struct iovec *pieces, int npieces);
enum ac_poll ac_writev_all__poll(struct ac_writev_all__frame *, struct ac_context *);
enum ac_poll ac_writev_all__cancel(struct ac_writev_all__frame *, struct ac_context *);

struct ac_readable__frame {
    struct ac__io_wait wait;
    int fd;
    int result;
};

/** Waits until reading from @p fd would not block: there are bytes, the end, or an error. For
 *  descriptors that something else reads from, a library for instance.
 *
 *  @return 0; -EBADF; an error of waiting. An error of the descriptor's own is told by who reads.
 *
 *  Cancelling: nothing is lost. Cost: a poll(2) to begin with, and another when it is woken. */
AC_ASYNC int ac_readable(int fd) AC_FRAME(struct ac_readable__frame);
void ac_readable__init(struct ac_readable__frame *, int fd);
enum ac_poll ac_readable__start(struct ac_readable__frame *, struct ac_context *, int fd);
enum ac_poll ac_readable__poll(struct ac_readable__frame *, struct ac_context *);
enum ac_poll ac_readable__cancel(struct ac_readable__frame *, struct ac_context *);

struct ac_writable__frame {
    struct ac__io_wait wait;
    int fd;
    int result;
};

/** Waits until writing to @p fd would not block, or would fail.
 *
 *  @return as ac_readable().
 *
 *  Cancelling: nothing is lost. Cost: as ac_readable(). */
AC_ASYNC int ac_writable(int fd) AC_FRAME(struct ac_writable__frame);
void ac_writable__init(struct ac_writable__frame *, int fd);
enum ac_poll ac_writable__start(struct ac_writable__frame *, struct ac_context *, int fd);
enum ac_poll ac_writable__poll(struct ac_writable__frame *, struct ac_context *);
enum ac_poll ac_writable__cancel(struct ac_writable__frame *, struct ac_context *);

/** Makes @p fd, a pipe, socket, terminal, eventfd or the like, one of the registered descriptors: non-blocking from
 *  now on, waited for without a system call each time, and closed by ac_close(). For those that this
 *  process alone has: the mode is shared with whoever else has it open. Not async.
 *
 *  @return 0; -EBADF; -EPERM for a file or directory, which are always ready; -ENOMEM, also for a number above 1048575;
 *          then it is as it was.
 *
 *  Threads: any, before operations on it begin. Cost: three system calls; no locked operation, but for the first of
 *  each 1024 numbers: an allocation of 4 kB and one. */
int ac_adopt(int fd);

/** Closes @p fd, registered or bare. Not async: it doesn't block, save for a socket with SO_LINGER. Tasks of the
 *  calling executor that wait for it are woken and get -EBADF; those of others aren't, see above.
 *
 *  @return 0; -EBADF if it was closed already; another negative errno from the file it was
 *          (-EIO, -ENOSPC), and then it is closed all the same.
 *
 *  Threads: any, in async code or not. Cost: close(2), and no locked operation but in a task of the pool: two there,
 *  and the wakes. */
int ac_close(int fd);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

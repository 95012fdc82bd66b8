/** @file
 *  Reading lines, by a reader whose buffer is the caller's and doesn't grow.
 *
 *      #include <ac/ac.h>
 *      #include <stdio.h>
 *
 *      async int main(void)                     // numbers the lines of standard input
 *      {
 *          char buffer[4096], *line;
 *          struct ac_lines in;
 *          ssize_t n;
 *          int number = 0;
 *          ac_lines_init(&in, 0, buffer, sizeof buffer);
 *          while ((n = await ac_read_line(&in, &line)) > 0)
 *              printf("%4d %s", ++number, line);
 *          return n < 0;
 *      }
 *
 *  The reader reads ahead. What it has of the stream behind the last line, ac_lines_take() gives. One future at
 *  a time reads from a reader, and nobody else uses it meanwhile; any thread may, one after the other. Nothing here
 *  allocates, or does a locked operation but those of ac_read(). */
#ifndef AC_LINES_H
#define AC_LINES_H
#include <ac/future.h>
#include <ac/io.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A reader; its members are the runtime's. Nothing has to be done when it goes. */
struct ac_lines {
    int fd;
    char *buffer;
    size_t size;
    size_t begin, end;     /* of what has been read and not been given    */
    size_t seen;           /* how much of that is known to have no newline */
    char kept;             /* what stood where the line's null byte stands */
    unsigned char has_kept;
    unsigned char skips;   /* the rest of a line that was too long         */
    unsigned char at_end;
};

/** Makes a reader of @p fd.
 *
 *  @param buffer  The caller's; has to stay for as long as the reader is used. The longest line that
 *                 there can be has @p size - 1 bytes with its newline.
 *  @param size    At least 2, else a checked stop.
 *
 *  Threads: any, before others know of it. Cost: O(1), no system call. */
void ac_lines_init(struct ac_lines *lines, int fd, void *buffer, size_t size);

struct ac_read_line__frame {
    struct ac_lines *lines;
    char **line;
    unsigned char state;
    struct ac_read__frame read;
    ssize_t result;
};

/** Reads the next line.
 *
 *  @param line  Is set to the line, with its newline (the last one may have none) and a null byte
 *               behind. It stands in the reader's buffer, may be changed there, and lives until the reader is
 *               next used.
 *  @return the length of the line, newline included, so at least 1; 0 at the end of the stream; -EMSGSIZE for
 *          a line that has no room in the buffer: none of it is given, and the next call goes
 *          on with the line behind it; a negative errno as ac_read() has them, after which one may try again.
 *
 *  Cancelling: nothing is lost: what has come of a line stays in the reader. (But for a regular file: of that,
 *  what a read that is under way brings.)
 *
 *  Threads: as ac_read(). Cost: each byte is looked at once, by memchr(3), and moved to the buffer's beginning when
 *  its line has no room behind; an ac_read() of what fits into the buffer when no line is at hand. */
AC_ASYNC ssize_t ac_read_line(struct ac_lines *lines, AC_NOESCAPE char **line) AC_FRAME(struct ac_read_line__frame);
void ac_read_line__init(struct ac_read_line__frame *, struct ac_lines *lines, char **line);
enum ac_poll ac_read_line__start(struct ac_read_line__frame *, struct ac_context *, struct ac_lines *lines,
                                 char **line);
enum ac_poll ac_read_line__poll(struct ac_read_line__frame *, struct ac_context *);
enum ac_poll ac_read_line__cancel(struct ac_read_line__frame *, struct ac_context *);

/** Takes bytes that have been read ahead, @p size at most, and reads none: for a stream that goes on with
 *  something else than lines. Not async.
 *  @return how many; 0 when all that comes next has to be read from the descriptor.
 *  Threads: any, while no future reads. Cost: one copy. */
size_t ac_lines_take(struct ac_lines *lines, void *buffer, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/** @file
 *  What watches over a frame in a debug build. For code that asyncc makes where AC_DEBUG is defined on its command
 *  line (`asyncc -DAC_DEBUG`); a program has no need to call any of it.
 *
 *  Each frame has a `struct ac__watch` then, and goes by it whenever it is polled or cancelled. A program stops that
 *  moves a frame after its first poll, polls one after AC_READY, polls one while it is being polled, or makes a
 *  new frame, of any function, in memory where a suspended one was: that one has been released. What is released and
 *  not used for a frame again isn't seen: nothing runs then that belongs to the frame, and to look for it in memory that may
 *  be another's by now is no thing to do while other threads run.
 *
 *  The library is the same for both builds, and files of both can be linked: a frame is made, polled and measured by
 *  the file that defines its function. Nothing here orders what threads do, so that ThreadSanitizer sees
 *  the same races with it and without. */
#ifndef AC_WATCH_H
#define AC_WATCH_H
#include <ac/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct ac__watch {
    const void *at;     /* the frame's watch, from the first poll on; null before, ac__watch_init's own at the end */
    const void *poller; /* the thread that polls, or null */
};

/* An async function, to those who report on its frames. */
struct ac__watched {
    const char *name, *file;
    int line;             /* of its definition */
    int nawaits;
    const int *await_lines; /* by state - 1 */
    unsigned long offset;   /* of the watch in the frame */
    unsigned long used;     /* bytes of the frame that no other's fields are in */
};

/** A frame is made. What stood in the memory isn't looked at. */
void ac__watch_init(struct ac__watch *, const struct ac__watched *);
/** A poll begins at @p state, and ends with what it @p said. */
void ac__watch_enter(struct ac__watch *, const struct ac__watched *, unsigned state);
void ac__watch_leave(struct ac__watch *, const struct ac__watched *, enum ac_poll said);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

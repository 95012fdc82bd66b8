/* lines.h - what a reader of lines does without reading. */
#ifndef AC__LINES_H
#define AC__LINES_H
#include <ac/lines.h>

/* Ends the life of the line before, and looks for the next one among what has been read. The call's result, when
 * there is a line, the end or an error; or -EAGAIN, and then more has to be read. */
ssize_t ac__lines_next(struct ac_lines *, char **line);
/* Where to read to, and how much at most; there is always room. */
char *ac__lines_room(struct ac_lines *, size_t *size);
/* What ac_read() into the room has said, but for errors, which change nothing. */
void ac__lines_arrived(struct ac_lines *, size_t n);
#endif

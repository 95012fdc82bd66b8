/* Drives cancelled(4), of the file that is included, by hand: to its end, and cancelled after each number of polls. */
#include <stdlib.h>

#ifndef RESULT
#define RESULT (1 + 1 + 2 + 3 + 4 + 4)
#endif

int main(void)
{
    struct ac_waker waker;
    struct ac_context cx = { .waker = ac_noop_waker(&waker) };
    int polls = 0;
    struct cancelled__frame *frame = malloc(sizeof *frame);
    cancelled__init(frame, 4);
    while (cancelled__poll(frame, &cx) == AC_PENDING)
        polls++;
    int result = frame->result;
    for (int stop = 0; stop <= polls; stop++) {
        cancelled__init(frame, 4);
        for (int i = 0; i < stop; i++)
            if (cancelled__poll(frame, &cx) == AC_READY)
                return 2;
        while (cancelled__cancel(frame, &cx) == AC_PENDING)
            continue;
    }
    free(frame);
    return result == RESULT && polls > 12 ? 0 : 1;
}

/* by_hand.c - drives a future of the module with nothing but ac/future.h: no executor, no library. */
#include "feed.h"
#include <stdio.h>

int main(void)
{
    struct ac_waker nobody;
    struct ac_context context = { ac_noop_waker(&nobody), 0, 128, 0 };
    struct feed__frame frame;
    int polls = 1;
    feed__init(&frame, 1, 3);
    while (feed__poll(&frame, &context) != AC_READY)
        polls++;
    printf("%d in %d turns, %d polls\n", frame.result.sum, frame.result.turns, polls);

    /* One that is given up gives back what it holds. */
    if (feed__start(&frame, &context, 1, 3) != AC_PENDING || feed__cancel(&frame, &context) != AC_READY)
        return 1;
    return 0;
}

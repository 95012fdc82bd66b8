/* blocks.c - a plain caller: C, C++, or of the elided module. */
#include "feed.h"
#include <stdio.h>

int main(void)
{
    struct report report = feed(1, 3);
    printf("%d in %d turns, %d\n", report.sum, report.turns, feed_twice(5));
    return 0;
}

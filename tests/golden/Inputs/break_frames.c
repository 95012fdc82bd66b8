/* break_frames.c - polls the futures of debug-frames.ac as it must not be done, one way per name. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct ac_waker waker;
static struct ac_context cx = { .waker = &waker, .budget = 100 };
static struct again__frame again_frame;
static int by_thread;

static void *poll_from_thread(void *frame)
{
    struct ac_context own = { .waker = &waker, .budget = 100 };
    again__poll(frame, &own);
    return NULL;
}

void fill(char *all);
void fill(char *all) { memset(all, 1, 200000); }

/* In the middle of its poll. */
void poll_again(void);
void poll_again(void)
{
    pthread_t thread;
    if (!by_thread) {
        again__poll(&again_frame, &cx);
        return;
    }
    if (pthread_create(&thread, NULL, poll_from_thread, &again_frame) == 0)
        pthread_join(thread, NULL);
}

static void poll_in_poll(void)
{
    again__init(&again_frame, 1);
    while (again__poll(&again_frame, &cx) == AC_PENDING)
        continue;
}

/* What is allowed: a frame may be moved before its first poll, and be made again when it is finished. */
static int is_fine(void)
{
    struct two_waits__frame a, b;
    struct down__frame down;
    int npolls = 0, failures = 0;
    two_waits__init(&a, 7);
    memcpy(&b, &a, sizeof b);
    while (two_waits__poll(&b, &cx) == AC_PENDING)
        npolls++;
    failures += b.result != 7 || npolls != 2;
    two_waits__init(&b, 8);
    failures += two_waits__poll(&b, &cx) != AC_PENDING || two_waits__cancel(&b, &cx) != AC_READY;
    failures += two_waits__start(&b, &cx, 9) != AC_PENDING || two_waits__cancel(&b, &cx) != AC_READY;
    down__init(&down, 5);
    while (down__poll(&down, &cx) == AC_PENDING)
        continue;
    failures += down.result != 5;
    down__init(&down, 5);
    down__poll(&down, &cx);
    failures += down__cancel(&down, &cx) != AC_READY;
    /* Frames beside each other, and one where others have been. */
    union {
        struct two_waits__frame each[3];
        struct down__frame down;
        struct wide__frame wide;
    } memory;
    for (int i = 0; i < 3; i++)
        failures += two_waits__start(&memory.each[i], &cx, i) != AC_PENDING;
    for (int i = 0; i < 3; i++)
        failures += two_waits__cancel(&memory.each[i], &cx) != AC_READY;
    failures += down__start(&memory.down, &cx, 2) != AC_PENDING || down__cancel(&memory.down, &cx) != AC_READY;
    failures += wide__start(&memory.wide, &cx, 2) != AC_PENDING || wide__cancel(&memory.wide, &cx) != AC_READY;
    return failures != 0;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    struct two_waits__frame a, b;
    ac_noop_waker(&waker);
    if (!strcmp(way, "fine"))
        return is_fine();
#ifndef UNWATCHED
    two_waits__init(&a, 7);
    if (!strcmp(way, "moved")) {
        two_waits__poll(&a, &cx);
        memcpy(&b, &a, sizeof b);
        two_waits__poll(&b, &cx);
    } else if (!strcmp(way, "finished")) {
        while (two_waits__poll(&a, &cx) == AC_PENDING)
            continue;
        two_waits__poll(&a, &cx);
    } else if (!strcmp(way, "cancelled")) {
        two_waits__poll(&a, &cx);
        two_waits__cancel(&a, &cx);
        two_waits__poll(&a, &cx);
    } else if (!strcmp(way, "twice")) {
        by_thread = 1;
        poll_in_poll();
    } else if (!strcmp(way, "itself")) {
        poll_in_poll();
    } else if (!strcmp(way, "released")) {
        two_waits__poll(&a, &cx);
        two_waits__init(&a, 8);
    } else if (!strcmp(way, "replaced") || !strcmp(way, "enclosed")) { /* by one of another function */
        static union {
            struct two_waits__frame each[3];
            struct again__frame again;
            struct wide__frame wide;
        } memory;
        two_waits__start(&memory.each[2], &cx, 8);
        two_waits__start(&memory.each[1], &cx, 8);
        two_waits__cancel(&memory.each[2], &cx);
        again__init(&memory.again, 8);
        again__cancel(&memory.again, &cx);
        if (!strcmp(way, "enclosed"))
            wide__init(&memory.wide, 8);
        else
            again__init((struct again__frame *)((char *)&memory.each[1] - sizeof(void *)), 8);
    } else if (!strcmp(way, "started")) {
        two_waits__poll(&a, &cx);
        two_waits__start(&a, &cx, 8);
    }
    printf("not stopped\n");
#else
    (void)a, (void)b, (void)poll_in_poll;
#endif
    return 0;
}

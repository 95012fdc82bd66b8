/* Stacks of boxed frames: where boxes stand, when memory goes back, who is polled. */
#include "support.h"

#include <ac/boxes.h>
#include <limits.h>
#include <malloc.h>
#include <sys/resource.h>

/* A call that makes another one until none is left, then waits as often as asked. */
struct level {
    int left, waits;
    unsigned char state;
    void *below;
    int result;
};
static int polls, cancels;

static enum ac_poll level__poll(void *frame, struct ac_context *cx);
static enum ac_poll level__cancel(void *frame, struct ac_context *cx);
static struct ac_future_type level = {
    "level", sizeof(struct level), _Alignof(struct level), offsetof(struct level, result), sizeof(int),
    level__poll, level__cancel, NULL,
};

static void *level__box(struct ac__boxes *boxes, int left, int waits)
{
    struct level *self = ac__push(boxes, &level);
    ck_assert_uint_eq((uintptr_t)self % level.align, 0);
    memset(self, 0xa5, level.size);
    *self = (struct level){ .left = left, .waits = waits };
    return self;
}

static enum ac_poll level__poll(void *frame, struct ac_context *cx)
{
    struct level *self = frame;
    enum ac_poll said = AC_READY;
    polls++;
    if (self->left == 0) {
        self->result = 1;
        return self->waits-- > 0 ? AC_PENDING : AC_READY;
    }
    if (self->state++ == 0) {
        self->below = level__box(ac__boxes(cx), self->left - 1, self->waits);
        said = ac__call(cx, self->below);
    } else {
        said = ac__resume(cx, self->below);
    }
    if (said != AC_READY)
        return said;
    self->result = *(int *)ac__result(self->below) + 1;
    ac__return(cx, self->below);
    return AC_READY;
}

static enum ac_poll level__cancel(void *frame, struct ac_context *cx)
{
    struct level *self = frame;
    cancels++;
    return self->state ? ac__cancel(cx, self->below) : AC_READY;
}

static size_t used(void) { return mallinfo2().uordblks + mallinfo2().hblkhd; }

START_TEST(the_innermost_alone_is_polled)
{
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    struct level root = { .left = 1000, .waits = 5 };
    ck_assert_int_eq(level__poll(&root, &cx), AC_PENDING);
    ck_assert_int_eq(polls, 1001);
    ck_assert_ptr_null(cx.boxes);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(level__poll(&root, &cx), AC_PENDING);
    ck_assert_int_eq(polls, 1001 + 4 * 2); /* the owner's, and that of the top */
    ck_assert_int_eq(level__poll(&root, &cx), AC_READY);
    ck_assert_int_eq(root.result, 1001);
}
END_TEST

START_TEST(frames_of_any_size_and_alignment)
{
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    ac__free_boxes(ac__new_boxes()); /* malloc keeps small blocks */
    size_t before = used();
    for (size_t align = 1; align <= 4096; align *= 2)
        for (size_t size = sizeof(struct level); size < 60000; size = size * 3 + 8) {
            level.align = align < _Alignof(struct level) ? _Alignof(struct level) : align;
            level.size = (size + level.align - 1) / level.align * level.align;
            struct level root = { .left = 40, .waits = (int)(size % 2) };
            while (level__poll(&root, &cx) == AC_PENDING)
                continue;
            ck_assert_int_eq(root.result, 41);
        }
    ck_assert_uint_le(used(), before);
}
END_TEST

START_TEST(memory_follows_the_depth)
{
    struct ac__boxes *boxes = ac__new_boxes();
    struct ac_context cx = { .boxes = boxes };
    void *frames[20000];
    size_t before = used();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20000; i++)
            frames[i] = level__box(boxes, 0, 0);
        size_t full = used();
        ck_assert_uint_lt(full - before, 20000 * (sizeof(struct level) + sizeof(struct ac__box)) + (1 << 20));
        for (int i = 20000; i-- > 1;) {
            ac__leave_top(boxes);
            ac__return(&cx, frames[i]);
            if (i == 100 && full > before) /* sanitizers count their own */
                ck_assert_uint_lt(used() - before, (full - before) / 2);
        }
        ck_assert_uint_lt(used() - before, 8000);
        ac__leave_top(boxes);
        ac__return(&cx, frames[0]);
    }
    ac__free_boxes(boxes);
}
END_TEST

START_TEST(cancelling_goes_from_the_innermost_outwards)
{
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    ac__free_boxes(ac__new_boxes());
    size_t before = used();
    struct level root = { .left = 5000, .waits = 1 };
    ck_assert_int_eq(level__poll(&root, &cx), AC_PENDING);
    ck_assert_int_eq(level__cancel(&root, &cx), AC_READY);
    ck_assert_int_eq(cancels, 5001);
    ck_assert_uint_le(used(), before);
}
END_TEST

/* A box that calls again, from an empty chunk into one that is newer still, is given back to its own. */
START_TEST(chunks_that_became_empty_go_together)
{
    struct ac__boxes *boxes = ac__new_boxes();
    struct ac_context cx = { .boxes = boxes };
    void *first = level__box(boxes, 0, 0), *caller = level__box(boxes, 0, 0);
    size_t small = level.size;
    for (level.size = 4000; level.size < 200000; level.size *= 4) {
        void *called = level__box(boxes, 0, 0);
        ac__leave_top(boxes);
        ac__return(&cx, called);
    }
    level.size = small;
    ac__leave_top(boxes);
    ac__return(&cx, caller);
    ck_assert_ptr_null(boxes->chunk);
    ck_assert_ptr_eq(level__box(boxes, 0, 0), caller);
    ac__leave_top(boxes);
    ac__return(&cx, caller);
    ac__leave_top(boxes);
    ac__return(&cx, first);
    ck_assert_ptr_null(boxes->top);
    ac__free_boxes(boxes);
}
END_TEST

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || __has_feature(address_sanitizer) \
    || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Address space of its own, for the process that the test runs in. */
START_TEST(no_memory_is_a_stop)
{
    struct rlimit limit = { 64 << 20, 64 << 20 };
    if (SANITIZED)
        abort(); /* sanitizers have no room in a small address space */
    setrlimit(RLIMIT_AS, &limit);
    struct ac_waker noop;
    struct ac_context cx = { .waker = ac_noop_waker(&noop) };
    struct level root = { .left = INT_MAX };
    level__poll(&root, &cx);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_innermost_alone_is_polled,
        frames_of_any_size_and_alignment,
        memory_follows_the_depth,
        chunks_that_became_empty_go_together,
        cancelling_goes_from_the_innermost_outwards,
    };
    const TTest *const stops[] = { no_memory_is_a_stop };
    return run_suite("boxes", tests, COUNT(tests), stops, COUNT(stops));
}

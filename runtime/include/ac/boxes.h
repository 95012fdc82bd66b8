/** @file
 *  Boxed frames: those of calls that recur, go through a pointer, or cross files, whose frame can't stand
 *  in the caller's. For code that asyncc makes; a program has no need to call any of it.
 *
 *      fact(3)                      the caller's frame holds a pointer to the box of fact(2)
 *        | fact(2) | fact(1) |      a stack of boxes, in chunks that never move
 *                    ^ top          the only one that is polled
 *
 *  The stack belongs to the *owner*, the body that makes the first boxed call: it is there for as long as
 *  that call. The owner drives it (ac__drive): the innermost box is polled, by the owner's poll
 *  and not by its caller's. A body that runs in a box, which the context tells it by its `boxes`, makes
 *  a boxed call by putting the callee's box on top and returning AC__CALL, all the way out to the driver;
 *  it is polled again when the callee is done, finds the result in the callee's frame, and gives that box
 *  back. So neither the C stack nor the cost of a wake-up grows with the depth.
 *
 *  When the owner is polled again, its poll ends in that of the innermost box, which hands on what it says, if that
 *  isn't AC_PENDING, to the stack's `polled`: so waiting once more costs no loop and keeps nothing on the C stack.
 *
 *  A frame that is driven by something else than asyncc's own calls (an executor, a future by hand) is polled
 *  by its f__poll, which hides the stack from it: what it calls then has a stack of its own, and AC__CALL is
 *  never seen. The threads of one stack take turns, so nothing here is locked. */
#ifndef AC_BOXES_H
#define AC_BOXES_H
#include <ac/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What a body in a box says when it has put another on top; see above. No enumerator: nobody else has a case for it. */
#define AC__CALL ((enum ac_poll)2)

/* Stands just before its frame. */
struct ac__box {
    union {
        struct ac__box *below;
        struct ac__boxes *boxes; /* the first box: it has none below */
    } of;
    const struct ac_future_type *type;
};

struct ac__boxes {
    struct ac__box *top;       /* the innermost that isn't done */
    struct ac__box *first;
    struct ac__box *cancelled; /* the innermost that is being cancelled, with all below; or null */
    char *at, *end;            /* what is free of the newest chunk */
    struct ac__box *low;       /* the lowest box of that chunk; null: it is empty */
    struct ac__chunk *chunk;   /* the newest; and one that is kept for the next time, or null */
    struct ac__chunk *spare;
    /* Makes a newer chunk, in which so much fits. By a pointer, so that a file that only defines functions
     * links without the runtime. */
    void (*grow)(struct ac__boxes *, __SIZE_TYPE__ size);
    /* What is done with the outcome of a box's poll; given back to who drives the stack, while that is ac__drive. */
    enum ac_poll (*polled)(struct ac_context *, enum ac_poll said);
    void *owner; /* its frame, if its poll goes on by poll_owner */
    enum ac_poll (*poll_owner)(void *owner, struct ac_context *);
};

/** A stack without a box. No memory is a checked stop, here and where it grows: a call can't say that it
 *  couldn't be made. */
struct ac__boxes *ac__new_boxes(void);

/** A box on top; returns its frame, uninitialised. */
static inline void *ac__push(struct ac__boxes *boxes, const struct ac_future_type *type)
{
    __SIZE_TYPE__ align = type->align < sizeof(struct ac__box) ? sizeof(struct ac__box) : type->align, offset;
    for (;;) {
        /* The header's size is a power of two: what is aligned to it or better leaves the header aligned, too. */
        offset = -((__UINTPTR_TYPE__)boxes->at + sizeof(struct ac__box)) & (align - 1);
        offset += sizeof(struct ac__box);
        __SIZE_TYPE__ room = (__SIZE_TYPE__)(boxes->end - boxes->at);
        if (offset <= room && type->size <= room - offset)
            break;
        boxes->grow(boxes, type->size + align + sizeof(struct ac__box));
    }
    struct ac__box *box = (struct ac__box *)(boxes->at + offset) - 1;
    if (boxes->top != (struct ac__box *)0) {
        box->of.below = boxes->top;
    } else {
        box->of.boxes = boxes;
        boxes->first = box;
    }
    if (boxes->low == (struct ac__box *)0)
        boxes->low = box;
    box->type = type;
    boxes->top = box;
    boxes->at += offset + type->size;
    return box + 1;
}

/** Polls, and calls, until the first box is ready or the innermost one has to wait. Ready at once if it was. */
enum ac_poll ac__drive(struct ac__boxes *, struct ac_context *);
/** Drives the first box, alone on its stack, to its end on the calling thread, as ac_block_on_future() does. */
void ac__block_on_box(void *frame);
/** The innermost box is ready: what it called itself is gone. Its result stands in it until its caller gives it back. */
void ac__leave_top(struct ac__boxes *);
/** The call of @p frame was the last thing on its stack, and is over. */
void ac__free_boxes(struct ac__boxes *);

static inline struct ac__boxes *ac__boxes_of(void *first_frame)
{
    return ((struct ac__box *)first_frame - 1)->of.boxes;
}

static inline const struct ac_future_type *ac__type_of(void *frame) { return ((struct ac__box *)frame - 1)->type; }

/* What follows is for the body that makes the call. In a box or not is always the same for one call, from its
 * start to its end: who polls the body doesn't change. */

/** Where it puts the callee's box. */
static inline struct ac__boxes *ac__boxes(struct ac_context *cx)
{
    return cx->boxes != (struct ac__boxes *)0 ? cx->boxes : ac__new_boxes();
}

/** Starts the callee, whose box is on top. */
static inline enum ac_poll ac__call(struct ac_context *cx, void *frame)
{
    return cx->boxes != (struct ac__boxes *)0 ? AC__CALL : ac__drive(ac__boxes_of(frame), cx);
}

/** Goes on with it. A body in a box isn't polled before its callee is done. */
static inline enum ac_poll ac__resume(struct ac_context *cx, void *frame)
{
    return cx->boxes != (struct ac__boxes *)0 ? AC_READY : ac__drive(ac__boxes_of(frame), cx);
}

/* The short way from whoever polls the owner to the innermost box: the owner's poll ends in that of the box, and is called
 * again, by `polled`, when the call is over. */

/** The call has suspended: @p poll goes on with the @p owner's body. */
static inline void ac__own(struct ac_context *cx, void *frame, void *owner, enum ac_poll (*poll)(void *, struct ac_context *))
{
    if (cx->boxes != (struct ac__boxes *)0)
        return;
    ac__boxes_of(frame)->owner = owner;
    ac__boxes_of(frame)->poll_owner = poll;
}

/** Polls the innermost box, and what follows from that. Only of a call that has suspended, outside of any box. */
static inline enum ac_poll ac__poll_top(struct ac_context *cx, void *frame)
{
    struct ac__boxes *boxes = ac__boxes_of(frame);
    struct ac__box *box = boxes->top;
    cx->boxes = boxes;
    return box->type->poll(box + 1, cx);
}

/** What the poll of a box ends with. */
static inline enum ac_poll ac__polled(struct ac_context *cx, enum ac_poll said)
{
    if (__builtin_expect(said != AC_PENDING, 0))
        return cx->boxes->polled(cx, said);
    cx->boxes = (struct ac__boxes *)0;
    return AC_PENDING;
}

/** What went back is out of bounds: called where AddressSanitizer looks. */
void ac__returned(struct ac__boxes *);

/** The result has been taken from the frame: the box goes back. */
static inline void ac__return(struct ac_context *cx, void *frame)
{
    struct ac__boxes *boxes = cx->boxes;
    if (boxes == (struct ac__boxes *)0) {
        ac__free_boxes(ac__boxes_of(frame));
        return;
    }
    boxes->at = (char *)((struct ac__box *)frame - 1);
    if (boxes->low == (struct ac__box *)frame - 1)
        boxes->low = (struct ac__box *)0; /* the chunk goes when the caller is done, so nothing is called here */
#ifdef AC__ASAN
    ac__returned(boxes);
#endif
}

/** Cancels the callee, from the innermost box on outwards; each box goes back. */
enum ac_poll ac__cancel(struct ac_context *cx, void *frame);

/** Where a callee that isn't known here has put its result. */
static inline void *ac__result(void *frame)
{
    return (char *)frame + ac__type_of(frame)->result_offset;
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

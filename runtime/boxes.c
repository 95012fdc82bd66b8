/* boxes.c - stacks of boxed frames, and driving them. */
#include "exec.h"
#include "poison.h"
#include "sys_memory.h"

#include <ac/boxes.h>
#include <stdlib.h>
#include <string.h>

/*  | struct ac__boxes | box | box |  | struct ac__chunk | box | box | free |   spare
 *    the first chunk                   the newest
 *
 * A chunk is twice as large as the one before, up to MOST. When the last box of a chunk goes, the chunk is kept
 * as the spare one and the former spare is freed: so a depth that goes up and down over a chunk's end
 * doesn't allocate each time, and memory follows the depth down.
 *
 * To AddressSanitizer a box that went back is out of bounds. Boxes are made by ac__push, in files that may know of
 * the sanitizer or not; so after the first went back, `end` is where that was, and each new one has to ask by `grow`. */
enum {
    FIRST = 1000, /* small enough for malloc's quick lists */
    MOST = 256 << 10,
};

struct ac__chunk {
    struct ac__chunk *older; /* null: that is the first, behind struct ac__boxes */
    size_t size;
    /* Of the older one, while this is the newest. */
    char *older_at, *older_end;
    struct ac__box *older_low;
};

/* A frame of its own may be larger than what is left on a machine: the call can't be made. */
static _Noreturn void stop(size_t size)
{
    ac__stop("await", "no memory for %zu bytes of a call's frame", size);
}

static char *end_of_chunk(const struct ac__boxes *boxes)
{
    return boxes->chunk != NULL ? (char *)(boxes->chunk + 1) + boxes->chunk->size : (char *)boxes + FIRST;
}

/* The memory from `at` on is nobody's. */
static void poison_rest(struct ac__boxes *boxes)
{
    if (!ac__poisons() || boxes->end < boxes->at)
        return;
    ac__poison(boxes->at, boxes->end);
    boxes->end = boxes->at;
}

static bool unpoison(struct ac__boxes *boxes, size_t wanted)
{
    char *end = end_of_chunk(boxes);
    if (!ac__poisons() || boxes->end == end || (size_t)(end - boxes->at) < wanted)
        return false;
    boxes->end = boxes->at + wanted;
    ac__unpoison(boxes->at, boxes->end);
    return true;
}

static void grow(struct ac__boxes *boxes, size_t wanted)
{
    if (unpoison(boxes, wanted))
        return;
    struct ac__chunk *chunk = boxes->spare;
    boxes->spare = NULL;
    if (chunk != NULL && chunk->size < wanted) {
        free(chunk);
        chunk = NULL;
    }
    if (chunk == NULL) {
        size_t size = boxes->chunk == NULL ? 2 * FIRST : 2 * boxes->chunk->size;
        if (size > MOST)
            size = MOST;
        if (size < wanted)
            size = wanted;
        chunk = size < PTRDIFF_MAX - sizeof *chunk ? ac__sys_malloc(sizeof *chunk + size) : NULL;
        if (chunk == NULL)
            stop(size);
        chunk->size = size;
    }
    chunk->older = boxes->chunk;
    chunk->older_at = boxes->at;
    chunk->older_end = boxes->end;
    chunk->older_low = boxes->low;
    boxes->chunk = chunk;
    boxes->at = (char *)(chunk + 1);
    boxes->end = boxes->at + chunk->size;
    boxes->low = NULL;
    ac__unpoison(boxes->at, boxes->end); /* of the spare one */
}

/* A chunk is empty. */
static void shrink(struct ac__boxes *boxes)
{
    struct ac__chunk *chunk = boxes->chunk;
    boxes->low = NULL;
    if (chunk == NULL)
        return;
    free(boxes->spare);
    boxes->spare = chunk;
    boxes->chunk = chunk->older;
    boxes->at = chunk->older_at;
    boxes->end = chunk->older_end;
    boxes->low = chunk->older_low;
}

void ac__returned(struct ac__boxes *boxes) { poison_rest(boxes); }

void ac__leave_top(struct ac__boxes *boxes)
{
    /* Before its caller gives it back, its chunk has to be the newest. */
    while (boxes->low == NULL && boxes->chunk != NULL)
        shrink(boxes);
    boxes->top = boxes->top == boxes->first ? NULL : boxes->top->of.below;
}

static enum ac_poll give_back(struct ac_context *cx, enum ac_poll said)
{
    (void)cx;
    return said;
}

/* A box that the owner's poll ended in is done, or has called. */
static enum ac_poll go_on(struct ac_context *cx, enum ac_poll said)
{
    struct ac__boxes *boxes = cx->boxes;
    if (said == AC_READY)
        ac__leave_top(boxes);
    said = ac__drive(boxes, cx);
    return said == AC_READY ? boxes->poll_owner(boxes->owner, cx) : said;
}

struct ac__boxes *ac__new_boxes(void)
{
    struct ac__boxes *boxes = ac__sys_malloc(FIRST);
    if (boxes == NULL)
        stop(FIRST);
    *boxes = (struct ac__boxes){ .at = (char *)(boxes + 1), .end = (char *)boxes + FIRST, .grow = grow,
                                  .polled = go_on };
    return boxes;
}

void ac__free_boxes(struct ac__boxes *boxes)
{
    for (struct ac__chunk *chunk = boxes->chunk, *older; chunk != NULL; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    free(boxes->spare);
    free(boxes);
}

/* What is cancelled has no result, and nobody is there to give its box back. */
static void end_cancelled(struct ac__boxes *boxes, struct ac__box *box)
{
    boxes->cancelled = boxes->top;
    boxes->at = (char *)box;
    poison_rest(boxes);
    if (boxes->low == box)
        shrink(boxes);
}

enum ac_poll ac__drive(struct ac__boxes *boxes, struct ac_context *cx)
{
    enum ac_poll said = AC_READY;
    boxes->polled = give_back;
    while (boxes->top != NULL) {
        /* What a cancelled box calls while it cleans up stands above it, and is polled. */
        cx->boxes = boxes;
        struct ac__box *box = boxes->top;
        bool cancelled = box == boxes->cancelled;
        said = (cancelled ? box->type->cancel : box->type->poll)(box + 1, cx);
        if (said == AC_PENDING)
            break;
        if (said != AC_READY)
            continue;
        ac__leave_top(boxes);
        if (cancelled)
            end_cancelled(boxes, box);
    }
    cx->boxes = NULL;
    boxes->polled = go_on;
    return said;
}

enum ac_poll ac__cancel(struct ac_context *cx, void *frame)
{
    /* In a box, the callee has been cancelled before its caller. */
    if (cx->boxes != NULL)
        return AC_READY;
    struct ac__boxes *boxes = ac__boxes_of(frame);
    if (boxes->cancelled == NULL)
        boxes->cancelled = boxes->top;
    enum ac_poll said = ac__drive(boxes, cx);
    if (said == AC_READY)
        ac__free_boxes(boxes);
    return said;
}

/* ---- a boxed frame as a task ---- */

/* What kind of future a task is, is known by its header to the end; so it stands in the task. */
struct boxed_task {
    struct ac_future_type type;
    void *callee; /* null once it is done */
};

/* For listings: on to the callee. */
static const struct ac_future_place boxed_place = { 0, AC_PLACE_BOX, offsetof(struct boxed_task, callee), "", NULL };
static const struct ac_future_places boxed_places = { "", "", 0, 0, 1, &boxed_place };

static void end_boxed(struct boxed_task *task)
{
    ac__free_boxes(ac__boxes_of(task->callee));
    task->callee = NULL;
}

static enum ac_poll poll_boxed(void *frame, struct ac_context *cx)
{
    struct boxed_task *task = frame;
    const struct ac_future_type *type = ac__type_of(task->callee);
    enum ac_poll said = ac__drive(ac__boxes_of(task->callee), cx);
    if (said == AC_READY) {
        memcpy((char *)frame + task->type.result_offset, (char *)task->callee + type->result_offset, type->result_size);
        end_boxed(task);
    }
    return said;
}

static enum ac_poll cancel_boxed(void *frame, struct ac_context *cx)
{
    struct boxed_task *task = frame;
    enum ac_poll said = ac__cancel(cx, task->callee);
    if (said == AC_READY)
        task->callee = NULL; /* with its stack */
    return said;
}

static enum ac_poll poll_first(void *frame, struct ac_context *cx)
{
    return ac__drive(ac__boxes_of(frame), cx);
}

void ac__block_on_box(void *frame)
{
    struct ac_future_type type = *ac__type_of(frame);
    type.poll = poll_first;
    ac_block_on_future(&type, frame);
}

void *ac__box_task(void *callee)
{
    const struct ac_future_type *of = ac__type_of(callee);
    struct ac_future_type type = { .name = of->name, .result_size = of->result_size, .poll = poll_boxed, .cancel = cancel_boxed,
                                   .places = &boxed_places };
    type.align = of->align < _Alignof(struct boxed_task) ? _Alignof(struct boxed_task) : of->align;
    type.result_offset = (sizeof(struct boxed_task) + type.align - 1) & ~(type.align - 1);
    type.size = (type.result_offset + type.result_size + type.align - 1) & ~(type.align - 1);
    struct boxed_task *task = ac_task_new(&type);
    if (task == NULL) {
        ac__free_boxes(ac__boxes_of(callee));
        return NULL;
    }
    *task = (struct boxed_task){ type, callee };
    ((struct ac_task *)task - 1)->type = &task->type;
    return task;
}

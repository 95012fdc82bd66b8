/* places.c - the lines at which a suspended future waits, from the tables that asyncc makes (ac/future.h). */
#include "seen.h"

#include <ac/boxes.h>
#include <string.h>

enum {
    FIRST = 12, /* lines that are shown of a deep recursion: so many, and the last ones */
    LAST = 4,
};

struct step {
    const struct ac_future_places *places;
    const struct ac_future_place *place;
    const void *frame;
};

static void print_step(FILE *out, const struct step *step)
{
    if (step->place->line == 0)
        return;
    fprintf(out, "      %s:%u: %s awaits ", step->places->file, step->place->line, step->places->name);
    if (step->place->kind != AC_PLACE_TASK) {
        fprintf(out, "%s\n", step->place->awaits);
        return;
    }
    const struct ac_await__frame *await = (const void *)((const char *)step->frame + step->place->offset);
    const struct ac_task *task = ac__joined_task(await->task);
    if (task != NULL)
        fprintf(out, "the task '%s'\n", task->type->name);
    else
        fprintf(out, "a task\n");
}

/* Where the future is suspended. False: it has not begun, or nothing is known of it. */
static bool find_place(const struct ac_future_places *places, const void *frame, struct step *step)
{
    if (places == NULL)
        return false;
    const unsigned char *at = (const unsigned char *)frame + places->state_offset;
    unsigned state = 1;
    if (places->state_size == 1)
        state = *at;
    else if (places->state_size == 2)
        state = *(const unsigned short *)(const void *)at;
    else if (places->state_size != 0)
        state = *(const unsigned *)(const void *)at;
    if (state == 0 || state > places->nplaces)
        return false;
    *step = (struct step){ places, &places->place[state - 1], frame };
    return true;
}

/* The table and the frame of the child that it awaits there, or null. */
static const struct ac_future_places *enter_child(const struct step *step, const void **frame)
{
    const char *at = (const char *)step->frame + step->place->offset;
    if (step->place->kind == AC_PLACE_CHILD) {
        *frame = at;
        return step->place->places;
    }
    if (step->place->kind != AC_PLACE_BOX)
        return NULL;
    memcpy(frame, at, sizeof *frame);
    return *frame == NULL ? NULL : ((const struct ac__box *)*frame - 1)->type->places;
}

void ac__print_places(FILE *out, const struct ac_future_type *type, const void *frame)
{
    struct step step, last[LAST];
    unsigned n = 0;
    for (const struct ac_future_places *places = type->places; find_place(places, frame, &step);
         places = enter_child(&step, &frame)) {
        if (n < FIRST)
            print_step(out, &step);
        else
            last[n % LAST] = step;
        n++;
    }
    if (n > FIRST + LAST)
        fprintf(out, "      ... and so on, %u times\n", n - FIRST - LAST);
    for (unsigned i = n > FIRST + LAST ? n - LAST : FIRST; i < n; i++)
        print_step(out, &last[i % LAST]);
}

void ac__print_task(FILE *out, const struct ac_exec *exec, struct ac_task *task)
{
    bool runs = task == exec->running || task == exec->outer, over = task->word & TASK_FINISHED;
    const char *state = runs ? "running" : over && task->word & TASK_CANCELLED ? "cancelled, not joined"
                        : over ? "finished, not joined" : task->word & TASK_SCHEDULED ? "queued" : "suspended";
    fprintf(out, "  '%s': %s%s\n", task->type->name, state, !over && task->word & TASK_CANCEL ? ", being cancelled" : "");
    if (!runs && !over)
        ac__print_places(out, task->type, ac__task_frame(task));
}

/* budget.c - frames that are larger than the program allows.
 *
 *     serve.ac:3:32: error: the frame of 'serve' takes 4280 bytes, and AC_FRAME_MAX allows 512
 *     serve.ac:9:5: note: the most is in use while this is awaited: 4276 bytes
 *     serve.ac:5:10: note: 'text': 4096 bytes
 *     serve.ac:9:11: note: the frame of 'ac_write_all': 176 bytes
 *     serve.ac:5:10: note: from line 9 on 'text' isn't named, but its address may have been kept: ending its
 *                    scope before that line, or noescape where it is passed, saves 4096 bytes
 *
 * A cure is proposed after it was tried: the frame is laid out again as if it were so. What keeps a local alive
 * that nobody names any more is its address, which somebody may have kept; only the programmer knows that nobody has. */
#include "asyncc.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 8, MOST_CURES = 3 };

static int64_t size_at(const Fn *fn, int point)
{
    int64_t size = 0;
    for (int i = 0; i < fn->nfields; i++)
        if (has_bit(fn->fields[i].live, point))
            size += fn->fields[i].size;
    return size;
}

static int find_fullest(const Fn *fn)
{
    int fullest = 0;
    for (int point = 1; point <= fn->nawaits; point++)
        if (size_at(fn, point) > size_at(fn, fullest))
            fullest = point;
    return fullest;
}

static int end_of_name(const Fn *fn, const Local *local)
{
    int to = local->from, size = fn->tu->source->size;
    for (const char *name = local->name; *name && to < size && fn->tu->source->text[to] == *name; name++)
        to++;
    return to;
}

static int larger_first(const void *left, const void *right)
{
    const Field *a = *(const Field *const *)left, *b = *(const Field *const *)right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return a->offset != b->offset ? a->offset < b->offset ? -1 : 1 : strcmp(a->name, b->name);
}

static void note_field(Tu *tu, const Fn *fn, const Field *field)
{
    const Local *local = field->local;
    long long size = (long long)field->size;
    if (field->kind == FIELD_CHILD && field->await->callee)
        note(tu, field->await->node->from, field->await->node->to, "the frame of '%s': %lld bytes",
             field->await->callee->name, size);
    else if (local && (local->kind == LOCAL_PARAM || local->kind == LOCAL_VAR) && local->from >= 0)
        note(tu, local->from, end_of_name(fn, local), "'%s': %lld bytes", local->name, size);
    else if (local && local->kind == LOCAL_LITERAL)
        note(tu, local->from, local->decl->to, "this literal: %lld bytes", size);
    else
        note(tu, -1, -1, local ? "the value of an operand: %lld bytes" : "what it needs itself: %lld bytes", size);
}

static void note_fields(Fn *fn, int point)
{
    Tu *tu = fn->tu;
    const Field **fields = take(tu->arena, sizeof *fields * (size_t)fn->nfields);
    int n = 0;
    long long rest = 0;
    for (int i = 0; i < fn->nfields; i++)
        if (has_bit(fn->fields[i].live, point) && fn->fields[i].size)
            fields[n++] = &fn->fields[i];
    qsort(fields, (size_t)n, sizeof *fields, larger_first);
    for (int i = 0; i < n; i++)
        if (i < MOST_FIELDS && fields[i]->kind != FIELD_STATE)
            note_field(tu, fn, fields[i]);
        else
            rest += fields[i]->size;
    if (rest > 1)
        note(tu, -1, -1, "all else: %lld bytes", rest);
}

/* ---- cures ---- */

typedef struct Cure {
    Local *local;
    int64_t saves;
    const Await *from; /* where it is first kept for nothing */
} Cure;

/* What else there is of a frame than lay_out_frame() makes. */
typedef struct Kept {
    bool *address_taken, *undefined_ok;
    Event **addresses; /* events that were EVENT_ADDRESS */
    int naddresses, room;
} Kept;

static void lay_out_again(Fn *fn)
{
    find_live_locals(fn);
    place_locals(fn);
    lay_out_frame(fn);
}

/* As if nobody had kept an address of the local. */
static void forget_address(Fn *fn, Local *local, Kept *kept)
{
    local->address_taken = false;
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nevents; k++) {
            Event *event = &fn->blocks[i]->events[k];
            if (event->local != local || event->kind != EVENT_ADDRESS)
                continue;
            event->kind = EVENT_USE;
            *push(fn->tu->arena, kept->addresses, kept->naddresses, kept->room) = event;
        }
}

static Kept keep(Fn *fn)
{
    Kept kept = { 0 };
    kept.address_taken = take(fn->tu->arena, (size_t)fn->nlocals + 1);
    kept.undefined_ok = take(fn->tu->arena, (size_t)fn->nlocals + 1);
    for (int i = 0; i < fn->nlocals; i++) {
        kept.address_taken[i] = fn->locals[i]->address_taken;
        kept.undefined_ok[i] = fn->locals[i]->undefined_ok;
    }
    return kept;
}

static void put_back(Fn *fn, Kept *kept)
{
    for (int i = 0; i < kept->naddresses; i++)
        kept->addresses[i]->kind = EVENT_ADDRESS;
    kept->naddresses = 0;
    for (int i = 0; i < fn->nlocals; i++) {
        fn->locals[i]->address_taken = kept->address_taken[i];
        fn->locals[i]->undefined_ok = kept->undefined_ok[i];
    }
}

static int saves_more(const void *left, const void *right)
{
    const Cure *a = left, *b = right;
    if (a->saves != b->saves)
        return a->saves < b->saves ? 1 : -1;
    return a->local->index - b->local->index;
}

static int find_cures(Fn *fn, int point, Cure *cures)
{
    int64_t size = fn->frame_size;
    int n = 0;
    Kept kept = keep(fn);
    Bits *live = take(fn->tu->arena, sizeof *live * (size_t)(fn->nawaits + 1));
    for (int i = 0; i < fn->nawaits; i++)
        live[i] = fn->awaits[i]->live;
    for (int i = 0; i < fn->nlocals && point > 0; i++) {
        Local *local = fn->locals[i];
        if (!kept.address_taken[i] || local->kind != LOCAL_VAR || !has_bit(live[point - 1], i))
            continue;
        forget_address(fn, local, &kept);
        lay_out_again(fn);
        const Await *from = NULL;
        for (int k = 0; k < fn->nawaits; k++)
            if (has_bit(live[k], i) && !has_bit(fn->awaits[k]->live, i) && (!from || fn->awaits[k]->node->from < from->node->from))
                from = fn->awaits[k];
        if (from && fn->frame_size < size)
            cures[n++] = (Cure){ local, size - fn->frame_size, from };
        put_back(fn, &kept);
    }
    if (n)
        qsort(cures, (size_t)n, sizeof *cures, saves_more);
    return n;
}

static void note_cures(Fn *fn, int point)
{
    Tu *tu = fn->tu;
    int64_t size = fn->frame_size;
    Cure *cures = take(tu->arena, sizeof *cures * (size_t)(fn->nlocals + 1));
    int n = find_cures(fn, point, cures);
    for (int i = 0; i < n && i < MOST_CURES; i++) {
        const Local *local = cures[i].local;
        note(tu, local->from, end_of_name(fn, local),
             "from line %d on '%s' isn't named, but its address may have been kept: ending its scope before that line, or "
             "noescape where it is passed, saves %lld bytes",
             line_of(tu, cures[i].from->node->from), local->name, (long long)cures[i].saves);
    }
    Kept kept = keep(fn);
    for (int i = 0; i < n; i++)
        forget_address(fn, cures[i].local, &kept);
    lay_out_again(fn);
    if (n > 1)
        note(tu, -1, -1, "that of all %d saves %lld bytes", n, (long long)(size - fn->frame_size));
    put_back(fn, &kept);
    lay_out_again(fn);
}

/* ---- the whole ---- */

static const Decl *shown_declaration(const Fn *fn)
{
    for (int i = 0; i < fn->ndecls; i++)
        if (fn->decls[i].is_definition)
            return &fn->decls[i];
    return &fn->decls[0];
}

void check_budget(Fn *fn)
{
    Tu *tu = fn->tu;
    const Options *options = tu->options;
    const Decl *decl = fn->ndecls ? shown_declaration(fn) : NULL;
    long long size = (long long)fn->frame_size;
    if (!decl || !options || options->debug) /* the watches are no part of what is asked for */
        return;
    if (fn->most_frame && size > fn->most_frame) {
        report(tu, ERROR, decl->in_text ? decl->name_from : -1, decl->name_to, "the frame of '%s' takes %lld bytes, and AC_FRAME_MAX allows %lld",
               fn->name, size, (long long)fn->most_frame);
    } else if (fn->body && options->most_frame && size > options->most_frame && !options->no_warnings) {
        bool stern = options->warnings_are_errors || options->most_frame_is_error;
        report_at(tu, stern ? ERROR : WARNING, place_of(tu->source, decl->name_from), decl->name_to - decl->name_from,
                  stern ? "-Werror=frame-larger-than=" : "-Wframe-larger-than=",
                  take_format(tu->arena, "the frame of '%s' takes %lld bytes, more than %lld", fn->name, size,
                              (long long)options->most_frame));
    } else {
        return;
    }
    if (!fn->body)
        return;
    int point = find_fullest(fn);
    if (point)
        note(tu, fn->awaits[point - 1]->node->from, fn->awaits[point - 1]->node->to,
             "the most is in use while this is awaited: %lld bytes", (long long)size_at(fn, point));
    else
        note(tu, -1, -1, "the most is in use before it starts, its arguments: %lld bytes", (long long)size_at(fn, point));
    note_fields(fn, point);
    note_cures(fn, point);
}

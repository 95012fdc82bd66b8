/* emit_frames.c - --emit=frames: what each frame holds, where, and at which suspend points.
 *
 *     twice_later at twice.ac:12: 24 bytes, align 8
 *       offset  size  field                               live
 *            0    16  struct ac_sleep__frame ac_sleep__1  16:await ac_sleep
 *            0     4  int result                          end
 *           16     4  int n                               start, 16:await ac_sleep
 *           20     1  unsigned char state                 always
 *
 * Fields that stand at the same place share it: they are never live together. A child's size is without the padding at
 * its end. */
#include "asyncc.h"
#include <string.h>

static const char *name_field(Tu *tu, const Field *field)
{
    if (field->type)
        return show_type(tu->arena, field->type, field->name);
    const Fn *callee = field->await->callee;
    const char *type = callee && callee->frame_type ? callee->frame_type
                       : callee                     ? take_format(tu->arena, "struct %s__frame", callee->name)
                                                    : "struct ac_await__frame";
    return take_format(tu->arena, field->await->boxed ? "%s *%s" : "%s %s", type, field->name);
}

static const char *name_points(const Fn *fn, const Field *field)
{
    if (field->kind == FIELD_STATE || field->kind == FIELD_WATCH)
        return "always";
    if (field->kind == FIELD_RESULT)
        return "end";
    Buf buf = { .arena = fn->tu->arena };
    add(&buf, "");
    for (int state = 0; state <= fn->nawaits; state++)
        if (has_bit(field->live, state))
            add_format(&buf, "%s%s", buf.size ? ", " : "",
                       state ? name_await(fn->tu, fn->awaits[state - 1]) : "start");
    return buf.text;
}

static void emit_frame(Tu *tu, const Fn *fn)
{
    Buf *out = &tu->out;
    size_t width = strlen("field");
    for (int i = 0; i < fn->nfields; i++) {
        size_t size = strlen(name_field(tu, &fn->fields[i]));
        if (size > width)
            width = size;
    }
    add(out, fn->name);
    if (fn->ndecls && tu->source) {
        const Decl *decl = &fn->decls[0];
        for (int i = 0; i < fn->ndecls; i++)
            if (fn->decls[i].is_definition)
                decl = &fn->decls[i];
        Place place = place_of(tu->source, decl->name_from);
        add_format(out, " at %s:%d", place.file->path, place.line);
    }
    add_format(out, ": %lld bytes, align %d\n", (long long)fn->frame_size, fn->frame_align);
    add_format(out, "  offset  size  %-*s  live\n", (int)width, "field");
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        add_format(out, "  %6lld  %4lld  %-*s  %s\n", (long long)field->offset, (long long)field->size, (int)width,
                   name_field(tu, field), name_points(fn, field));
    }
}

void emit_frames(Tu *tu)
{
    bool first = true;
    for (int i = 0; i < tu->nfns; i++) {
        if (!tu->fns[i]->body)
            continue;
        if (!first)
            add(&tu->out, "\n");
        first = false;
        emit_frame(tu, tu->fns[i]);
    }
}

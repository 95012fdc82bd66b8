/* watch.c - what a debug build (-DAC_DEBUG) adds to frames: a watch, by which each poll goes.
 *
 *     static const struct ac__watched fetch__watched = { "fetch", "main.ac", 12, 1, (const int[]){ 14 }, 16, 30 };
 *     static enum ac_poll fetch__checked(self, cx, state, url)       in the place of the body
 *     {
 *         ac__watch_enter(&self->ac__watch, &fetch__watched, state);
 *         enum ac_poll ac__said = fetch(self, cx, state, url);
 *         ac__watch_leave(&self->ac__watch, &fetch__watched, ac__said);
 *         return ac__said;
 *     }
 *
 * and f__cancel the same of f__cancel_body. The rules are the runtime's, in ac/watch.h. */
#include "lower.h"
#include <string.h>

bool is_watched(const Fn *fn)
{
    return fn->tu->options && fn->tu->options->debug && !fn->is_leaf;
}

static void add_string(const char *text, Buf *out)
{
    add(out, "\"");
    for (; *text; text++)
        add_format(out, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
    add(out, "\"");
}

const char *init_watch(const Fn *fn)
{
    if (!is_watched(fn))
        return "";
    return take_format(fn->tu->arena, "    ac__watch_init(&%s->ac__watch, &%s__watched);\n", fn->self, fn->name);
}

static void add_enter(const Fn *fn, const char *state, Buf *out)
{
    add_format(out, "    ac__watch_enter(&%s->ac__watch, &%s__watched, %s);\n", fn->self, fn->name, state);
}

static void add_leave(const Fn *fn, const char *said, Buf *out)
{
    add_format(out, "    ac__watch_leave(&%s->ac__watch, &%s__watched, %s);\n    return ac__said;\n}", fn->self, fn->name, said);
}

void define_watched(const Fn *fn, const Decl *decl, Buf *out)
{
    Tu *tu = fn->tu;
    Place place = place_of(tu->source, decl->name_from);
    add_format(out, "static const struct ac__watched %s__watched = { \"%s\", ", fn->name, fn->name);
    add_string(place.file->path, out);
    add_format(out, ", %d, %d, ", place.line, fn->nawaits);
    for (int i = 0; i < fn->nawaits; i++)
        add_format(out, "%s%d", i ? ", " : "(const int[]){ ", line_of(tu, fn->awaits[i]->node->from));
    add_format(out, "%s, __builtin_offsetof(%s, ac__watch), %lld };", fn->nawaits ? " }" : "0", fn->frame_type, (long long)fn->frame_used);
}

void define_checked(const Fn *fn, const char *outcome, const char *body, const char *params, const char *args, Buf *out)
{
    bool states = has_states(fn);
    add_format(out, "static %s %s__checked(%s *%s, struct ac_context *%s%s%s%s%s)\n{\n", outcome, fn->name, fn->frame_type, fn->self,
               fn->cx, states ? ", unsigned " : "", states ? fn->state : "", *params ? ", " : "", params);
    add_enter(fn, states ? fn->state : "0", out);
    add_format(out, "    %s ac__said = %s(%s, %s%s%s%s);\n", outcome, body, fn->self, fn->cx, states ? ", " : "", states ? fn->state : "",
               args);
    add_leave(fn, fn->gives_value ? "ac__said.poll" : "ac__said", out);
}

void check_cancel(const Fn *fn, const char *kind, const char *in, Buf *out)
{
    add_format(out, "%senum ac_poll %s__cancel%s(%s *%s, struct ac_context *%s)\n{\n", kind, fn->name, in, fn->frame_type, fn->self,
               fn->cx);
    add_enter(fn, take_format(fn->tu->arena, "%s->%s", fn->self, fn->state_field->name), out);
    add_format(out, "    enum ac_poll ac__said = %s__cancel_body(%s, %s);\n", fn->name, fn->self, fn->cx);
    add_leave(fn, "ac__said", out);
}

/* boxes.c - the text of calls whose callee's frame stands in a box, and of what runs in one.
 *
 *     return n * await fact(n - 1);
 *
 * becomes
 *
 *     if ((fact__said = ac__call(cx, fact__called = fact__box(ac__boxes(cx), n - 1))) != AC_READY) {
 *         self->n = n;
 *         self->fact__1 = fact__called;
 *         self->state = 1;
 *         return fact__said;
 *     fact__1:
 *         if ((fact__said = ac__resume(cx, fact__called = self->fact__1)) != AC_READY)
 *             return fact__said;
 *         n = self->n;
 *     }
 *     int fact__r1 = ((struct fact__frame *)fact__called)->result;
 *     ac__return(cx, fact__called);
 *
 * Where the body runs in a box, ac__call says AC__CALL, and whoever drives the stack polls the new box next;
 * else this body is the stack's owner, and ac__call drives it (ac/boxes.h). A child in the frame that makes
 * such calls says the same, so its parent passes on what it says. Children that can't keep the shorter
 * text of lower.c.
 *
 * f__start, f__poll and f__cancel of a function that makes such calls hide the stack that their caller may be on,
 * since that isn't asyncc's to know; f__start_in and the others are for those who do know. */
#include "lower.h"
#include <string.h>

bool may_say_call(const Await *await)
{
    return await->boxed || (await->callee && await->callee->may_call);
}

bool needs_box(const Fn *fn)
{
    return !fn->is_leaf && (fn->is_boxed || (!fn->is_static && !fn->is_main));
}

static int definition_of(const Fn *fn)
{
    for (int i = 0; i < fn->ndecls; i++)
        if (fn->decls[i].is_definition)
            return fn->decls[i].from;
    return -1;
}

static const char *callee_name(const Await *await)
{
    return await->callee ? await->callee->name : "ac_await";
}

const char *start_of_child(const Fn *fn, const Await *await, const char *args)
{
    Arena *arena = fn->tu->arena;
    const char *comma = *args ? ", " : "";
    if (await->boxed)
        return take_format(arena, "ac__call(%s, %s__called = %s__box(ac__boxes(%s)%s%s))", fn->cx, fn->name,
                           await->callee->name, fn->cx, comma, args);
    return take_format(arena, "%s__start%s(%s, %s%s%s)", callee_name(await), may_say_call(await) ? "_in" : "",
                       address_of_child(fn, await), fn->cx, comma, args);
}

const char *poll_of_child(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->arena;
    if (await->boxed)
        return take_format(arena, "ac__resume(%s, %s__called = %s->%s)", fn->cx, fn->name, fn->self, await->child->name);
    return take_format(arena, "%s__poll%s(%s, %s)", callee_name(await), may_say_call(await) ? "_in" : "",
                       address_of_child(fn, await), fn->cx);
}

const char *cancel_of_child(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->arena;
    if (await->boxed)
        return take_format(arena, "ac__cancel(%s, %s->%s)", fn->cx, fn->self, await->child->name);
    return take_format(arena, "%s__cancel%s(%s, %s)", callee_name(await), may_say_call(await) ? "_in" : "",
                       address_of_child(fn, await), fn->cx);
}

const char *result_of_box(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->arena;
    const Fn *callee = await->callee;
    if (callee == fn || (callee->body && is_defined_before(callee, definition_of(fn))))
        return take_format(arena, "((%s *)%s__called)->result", callee->frame_type, fn->name);
    return take_format(arena, "*(%s)ac__result(%s__called)", declare(arena, await->type, "*", true), fn->name);
}

const char *field_of_box(const Field *field)
{
    const Fn *callee = field->await->callee;
    return take_format(callee->tu->arena, "%s *%s", callee->frame_type, field->name);
}

void declare_box_locals(const Fn *fn, Buf *out)
{
    bool calls = false, boxed = false;
    for (int i = 0; i < fn->nawaits; i++) {
        calls |= may_say_call(fn->awaits[i]);
        boxed |= fn->awaits[i]->boxed;
    }
    if (calls)
        add_format(out, "    enum ac_poll %s__said;\n", fn->name);
    if (boxed)
        add_format(out, "    void *%s__called;\n", fn->name);
}

/* ---- declarations, functions ------------------------------------------------------------------------- */

void declare_box(const Fn *fn, const char *params, Buf *out)
{
    const char *comma = *params ? ", " : "", *name = fn->name, *frame = fn->frame_type;
    if (fn->may_call && fn->body) {
        add_format(out, "static AC__UNUSED enum ac_poll %s__start_in(%s *, struct ac_context *%s%s);\n", name, frame, comma,
                   params);
        add_format(out, "static AC__UNUSED enum ac_poll %s__poll_in(%s *, struct ac_context *);\n", name, frame);
        add_format(out, "static AC__UNUSED enum ac_poll %s__cancel_in(%s *, struct ac_context *);\n", name, frame);
    }
    if (needs_box(fn))
        add_format(out, "%svoid *%s__box(struct ac__boxes *%s%s);\n", fn->is_static ? "static AC__UNUSED " : "", name, comma,
                   params);
}

/* What a caller that isn't asyncc's text calls: `how` is start, poll or cancel, with what it is declared and called with. */
void hide_stack(const Fn *fn, const char *how, const char *params, const char *args, Buf *out)
{
    add_format(out, "%senum ac_poll %s__%s(%s *%s, struct ac_context *%s%s)\n{\n", fn->is_static ? "static AC__UNUSED " : "",
               fn->name, how, fn->frame_type, fn->self, fn->cx, params);
    add_format(out, "    struct ac__boxes *ac__hidden = %s->boxes;\n    %s->boxes = 0;\n", fn->cx, fn->cx);
    add_format(out, "    enum ac_poll ac__said = %s__%s_in(%s, %s%s);\n", fn->name, how, fn->self, fn->cx, args);
    add_format(out, "    %s->boxes = ac__hidden;\n    return ac__said;\n}\n", fn->cx);
}

void define_box(const Fn *fn, const char *params, const char *args, Buf *out)
{
    const char *name = fn->name, *frame = fn->frame_type, *comma = *params ? ", " : "";
    if (!needs_box(fn))
        return;
    if (fn->may_call) {
        static const char *const how[] = { "poll", "cancel" };
        for (int i = 0; i < 2; i++)
            add_format(out,
                       "static enum ac_poll %s__%s_box(void *ac__frame, struct ac_context *ac__cx)\n{\n"
                       "    return %s__%s_in(ac__frame, ac__cx);\n}\n",
                       name, how[i], name, how[i]);
        add_format(out, "static const struct ac_future_type %s__boxed = {\n    \"%s\", sizeof(%s), _Alignof(%s),\n", name, name,
                   frame, frame);
        if (fn->result->kind == TYPE_VOID)
            add(out, "    0, 0,\n");
        else
            add_format(out, "    __builtin_offsetof(%s, result), sizeof(((%s *)0)->result),\n", frame, frame);
        add_format(out, "    %s__poll_box, %s__cancel_box\n};\n", name, name);
    }
    add_format(out, "%svoid *%s__box(struct ac__boxes *ac__stack%s%s)\n{\n", fn->is_static ? "static AC__UNUSED " : "", name,
               comma, params);
    add_format(out, "    %s *ac__frame = ac__push(ac__stack, &%s__%s);\n", frame, name, fn->may_call ? "boxed" : "future");
    add_format(out, "    %s__init(ac__frame%s);\n    return ac__frame;\n}\n", name, args);
}

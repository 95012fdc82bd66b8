/* boxes.c - the text of calls whose callee's frame stands in a box, and of what runs in one.
 *
 *     return n * await fact(n - 1);
 *
 * becomes
 *
 *     if ((fact__said = ac__call(cx, fact__called = fact__box(ac__boxes(cx), n - 1))) != AC_READY) {
 *         self->n = n;
 *         self->state = 1;
 *         self->fact__1 = fact__called;
 *         ac__own(cx, fact__called, self, fact__poll_on);
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
 * since that isn't asyncc's to know; f__start_in and the others are for those who do know.
 *
 * Most resumptions of a deep call are of its innermost box, which waits again. Their way is short: f__poll of the owner ends in
 * f__poll_box of that box (ac__poll_top), and this in nothing else while it says AC_PENDING. If it says something
 * else, the runtime goes on, and calls the owner's f__poll_on when the call is over. */
#include "lower.h"
#include <string.h>

const char *visibility(const Fn *fn)
{
    return fn->visibility ? take_format(fn->tu->arena, "__attribute__((visibility(\"%s\"))) ", fn->visibility) : "";
}

/* Of a future by hand that is pointed to, each file makes the box: weakly, so that it has one address. */
const char *storage(const Fn *fn)
{
    if (!fn->is_leaf && !fn->is_weak)
        return fn->is_static ? "static AC__UNUSED " : visibility(fn);
    return take_format(fn->tu->arena, "__attribute__((weak)) %s", fn->is_static ? "" : visibility(fn));
}

bool may_say_call(const Await *await)
{
    return await->boxed || (await->callee && await->callee->may_call && !await->is_over);
}

bool needs_box(const Fn *fn)
{
    return fn->is_boxed || (!fn->is_static && !fn->is_main && !fn->is_leaf);
}

static const char *callee_name(const Await *await)
{
    return await->callee ? await->callee->name : "ac_await";
}

/* The type of the function that a pointer to an async one really points to. */
static const char *type_of_box(const Fn *callee)
{
    Buf text = { .arena = callee->tu->scratch };
    add(&text, "void *(*)(struct ac__boxes *");
    for (int i = 0; i < callee->nparams; i++) {
        const Type *type = callee->params[i]->type;
        add_format(&text, ", %s",
                   type->variable_size ? "const volatile void *" : declare(callee->tu->scratch, type, "", false));
    }
    add(&text, ")");
    return text.text;
}

const char *start_of_child(const Fn *fn, const Await *await, const char *args, const char *pointer)
{
    Arena *arena = fn->tu->scratch;
    if (await->nfutures) /* they were made before */
        return poll_of_child(fn, await);
    const char *comma = *args ? ", " : "";
    if (await->boxed && pointer)
        return take_format(arena, "ac__call(%s, %s__called = ((%s)(void (*)(void))(%s))(ac__boxes(%s)%s%s))", fn->cx, fn->name,
                           type_of_box(await->callee), pointer, fn->cx, comma, args);
    if (await->boxed)
        return take_format(arena, "ac__call(%s, %s__called = %s__box(ac__boxes(%s)%s%s))", fn->cx, fn->name,
                           await->callee->name, fn->cx, comma, args);
    return take_format(arena, "%s__start%s(%s, %s%s%s)", callee_name(await), may_say_call(await) ? "_in" : "",
                       address_of_child(fn, await), fn->cx, comma, args);
}

const char *poll_of_child(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->scratch;
    if (await->is_all)
        return take_format(arena, "%s__all%d(%s, %s)", fn->name, await->state, fn->self, fn->cx);
    if (await->boxed)
        return take_format(arena, "ac__resume(%s, %s__called = %s->%s)", fn->cx, fn->name, fn->self, await->child->name);
    /* A child that was started here needn't ask whether it was. */
    const char *poll = may_say_call(await) ? "poll_in" : await->callee && !await->nfutures && has_resume(await->callee) ? "resume" : "poll";
    return take_format(arena, "%s__%s(%s, %s)", callee_name(await), poll, address_of_child(fn, await), fn->cx);
}

const char *cancel_of_child(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->scratch;
    if (await->is_all)
        return take_format(arena, "%s__cancel_all%d(%s, %s)", fn->name, await->state, fn->self, fn->cx);
    if (await->boxed)
        return take_format(arena, "ac__cancel(%s, %s->%s)", fn->cx, fn->self, await->child->name);
    return take_format(arena, "%s__cancel%s(%s, %s)", callee_name(await), may_say_call(await) ? "_in" : "",
                       address_of_child(fn, await), fn->cx);
}

const char *result_of_box(const Fn *fn, const Await *await)
{
    Arena *arena = fn->tu->scratch;
    const Fn *callee = await->callee;
    /* Another file's function, in the place of a weak one, may have another frame. */
    if (is_frame_known(callee) && (callee == fn || (callee->body && is_complete_in(callee, fn))))
        return take_format(arena, "((%s *)%s__called)->result", callee->frame_type, fn->name);
    return take_format(arena, "*(%s)ac__result(%s__called)", declare(arena, await->type, "*", true), fn->name);
}

const char *field_of_box(const Field *field)
{
    const Fn *callee = field->await->callee;
    return take_format(callee->tu->scratch, "%s *%s", callee->frame_type, field->name);
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
        add_format(out, "%svoid *%s__box(struct ac__boxes *%s%s);\n", storage(fn), name, comma, params);
}

/* What a caller that isn't asyncc's text calls, and the stack that it may be on is hidden from. */
void hide_stack(const Fn *fn, const char *how, Buf *out)
{
    add_format(out, "%senum ac_poll %s__%s(%s *%s, struct ac_context *%s)\n{\n", storage(fn), fn->name, how, fn->frame_type, fn->self,
               fn->cx);
    add_format(out, "    struct ac__boxes *ac__hidden = %s->boxes;\n    %s->boxes = 0;\n", fn->cx, fn->cx);
    add_format(out, "    enum ac_poll ac__said = %s__%s_in(%s, %s);\n", fn->name, how, fn->self, fn->cx);
    add_format(out, "    %s->boxes = ac__hidden;\n    return ac__said;\n}\n", fn->cx);
}

void add_by_bytes(const Fn *fn, const char *what, const char *how, const char *in, Buf *out)
{
    add_format(out,
               "static enum ac_poll %s__%s%s(void *ac__frame, struct ac_context *ac__cx)\n{\n"
               "    return %s__%s%s(ac__frame, ac__cx);\n}",
               fn->name, what, how, fn->name, what, in);
}

void add_descriptor(const Fn *fn, const char *name, const char *how, Buf *out)
{
    const char *frame = fn->frame_type;
    add_format(out, "const struct ac_future_type %s__%s = {\n    \"%s\", sizeof(%s), _Alignof(%s),\n", fn->name, name,
               fn->name, frame, frame);
    if (fn->result->kind == TYPE_VOID)
        add(out, "    0, 0,\n");
    else
        add_format(out, "    __builtin_offsetof(%s, result), sizeof(((%s *)0)->result),\n", frame, frame);
    add_format(out, "    %s__poll_%s, %s__cancel_%s, ", fn->name, how, fn->name, how);
    if (has_places(fn))
        add_format(out, "&%s__places\n};", fn->name);
    else
        add(out, "0\n};");
}

/* Its poll may end in that of the innermost box, and is told to go on by f__poll_on. */
bool owns_boxes(const Fn *fn)
{
    bool boxed = false;
    for (int i = 0; i < fn->nawaits; i++)
        boxed |= fn->awaits[i]->boxed && fn->awaits[i]->reached;
    return boxed && !is_watched(fn);
}

void define_box(const Fn *fn, const char *params, const char *args, Buf *out)
{
    const char *name = fn->name, *frame = fn->frame_type, *comma = *params ? ", " : "";
    if (!needs_box(fn))
        return;
    if (!fn->may_call) { /* the others' is made with their polls */
        add_format(out, "static enum ac_poll %s__poll_box(void *ac__frame, struct ac_context *ac__cx)\n{\n"
                        "    return ac__polled(ac__cx, %s__poll_any(ac__frame, ac__cx));\n}\n", name, name);
    }
    add_by_bytes(fn, "cancel", "_box", fn->may_call ? "_in" : "", out);
    add(out, "\n");
    declare_places(fn, out);
    add(out, "static ");
    add_descriptor(fn, "boxed", "box", out);
    add(out, "\n");
    add_format(out, "%svoid *%s__box(struct ac__boxes *ac__stack%s%s)\n{\n", storage(fn), name, comma, params);
    add_format(out, "    %s *ac__frame = ac__push(ac__stack, &%s__boxed);\n", frame, name);
    add_format(out, "    %s__init(ac__frame%s);\n    return ac__frame;\n}\n", name, args);
}

/* ---- functions as values, and blocking on what isn't known here ------------------------------------------ */

const char *without_async(const Tu *tu, int from, int to)
{
    char *text = take_text(tu->scratch, tu->source->text + from, (size_t)(to - from));
    const Words *words = &tu->source->words;
    for (int i = first_word(tu->source, from); i < words->n && words->v[i].at < to; i++)
        if (!strncmp(text + words->v[i].at - from, "async", 5))
            memset(text + words->v[i].at - from, ' ', 5);
    return text;
}

void edit_pointers(const Tu *tu, Editor *editor)
{
    const Words *words = &tu->source->words;
    for (int i = first_word(tu->source, editor->from); i < words->n && words->v[i].at < editor->to; i++) {
        int at = words->v[i].at, to = at + words->v[i].size;
        if (strncmp(tu->source->text + at, "async", 5))
            continue;
        while (to < editor->to && tu->source->text[to] == ' ')
            to++;
        replace_text(editor, at, to, "");
    }
    for (int i = first_change(tu->mentions, tu->nmentions, editor->from);
         i < tu->nmentions && tu->mentions[i].from < editor->to; i++)
        replace_text(editor, tu->mentions[i].from, tu->mentions[i].to, tu->mentions[i].text);
}

/* Between the pieces that are replaced as a whole: whether anything has to be edited. */
bool has_pointers(const Tu *tu, int from, int to)
{
    const Words *words = &tu->source->words;
    for (int i = first_word(tu->source, from); i < words->n && words->v[i].at < to; i++)
        if (!strncmp(tu->source->text + words->v[i].at, "async", 5))
            return true;
    int i = first_change(tu->mentions, tu->nmentions, from);
    return i < tu->nmentions && tu->mentions[i].from < to;
}

/* Drives what `call` has put into a box to its end; its value is the last thing. */
static void block_on_box(const Fn *fn, const char *call, Buf *out)
{
    add_format(out, "struct ac__boxes *ac__stack = ac__new_boxes();\n    void *ac__frame = %s;\n", call);
    add(out, "    ac__block_on_box(ac__frame);\n");
    if (fn->result->kind != TYPE_VOID)
        add_format(out, "    %s = *(%s)ac__result(ac__frame);\n", declare(fn->tu->arena, fn->result, "ac__value", true),
                   declare(fn->tu->arena, fn->result, "*", true));
    add(out, "    ac__free_boxes(ac__stack);\n");
}

void block_on_declared(const Fn *fn, const char *args, Buf *out)
{
    add(out, "    ");
    block_on_box(fn, take_format(fn->tu->arena, "%s__box(ac__stack%s)", fn->name, args), out);
    if (fn->result->kind != TYPE_VOID)
        add(out, "    return ac__value;\n");
}

void block_on_pointer(Editor *plain, const Node *node)
{
    const Fn *fn = node->callee;
    Arena *arena = fn->tu->arena;
    Buf whole = { .arena = arena };
    const char *pointer = rendered(plain, node->kids[0]->from, node->kids[0]->to);
    const char *args = node->nkids > 1 ? rendered(plain, node->args_from, node->args_to) : "";
    add(&whole, "__extension__({ ");
    block_on_box(fn, take_format(arena, "((%s)(void (*)(void))(%s))(ac__stack%s%s)", type_of_box(fn), pointer,
                                 *args ? ", " : "", args), &whole);
    add(&whole, fn->result->kind == TYPE_VOID ? "    (void)0; })" : "    ac__value; })");
    for (char *c = whole.text; (c = strchr(c, '\n')); c++)
        *c = ' ';
    replace_text(plain, node->from, node->to, whole.text);
}

void spawn_pointer(Editor *editor, const Node *node)
{
    const Node *pointer = node->kids[0];
    Arena *arena = editor->arena;
    replace_text(editor, node->from, pointer->from,
                 take_format(arena, "ac_task_%s(ac__box_task(((%s)(void (*)(void))(", runner_of(node), type_of_box(node->callee)));
    replace_text(editor, pointer->to, node->args_from, node->nkids > 1 ? "))(ac__new_boxes(), " : "))(ac__new_boxes()");
    replace_text(editor, node->args_to, node->to, ")))");
}

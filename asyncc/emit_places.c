/* emit_places.c - where a suspended future stands: for each function a constant table, from state to line.
 *
 *     static const struct ac_future_place fetch__place[] = {
 *         { 12, AC_PLACE_LEAF, 0, "ac_sleep", 0 },               12: await ac_sleep(...)
 *         { 15, AC_PLACE_CHILD, 8, "parse", &parse__places },    15: await parse(...), whose frame is at byte 8
 *     };
 *
 * The descriptor of a future leads to the table of its function, and that to those of the children in its frame. Polls
 * know nothing of it. The tables stand at the file's end, where every frame is known, and only those that a descriptor
 * leads to are made. With -P there are none. */
#include "lower.h"

/* The function has a table, so its descriptor names it. */
bool has_places(const Fn *fn)
{
    if (fn->tu->options->no_lines || !fn->body)
        return false;
    for (int i = 0; i < fn->nawaits; i++)
        if (fn->awaits[i]->reached)
            return true;
    return false;
}

void declare_places(const Fn *fn, Buf *out)
{
    if (has_places(fn))
        add_format(out, "static const struct ac_future_places %s__places;\n", fn->name);
}

static const Fn *child_with_places(const Await *await)
{
    return await->callee && !await->boxed && has_places(await->callee) ? await->callee : NULL;
}

/* The function, and the children that its table leads to. `marks` are by the functions' order. */
static void mark(const Fn *fn, bool *marks)
{
    if (marks[fn->order])
        return;
    marks[fn->order] = true;
    for (int k = 0; k < fn->nawaits; k++)
        if (fn->awaits[k]->reached && child_with_places(fn->awaits[k]))
            mark(child_with_places(fn->awaits[k]), marks);
}

static void add_place(const Tu *tu, const Await *await, Buf *out)
{
    if (!await->reached) {
        add(out, " { 0, 0, 0, 0, 0 },");
        return;
    }
    const Fn *child = child_with_places(await);
    const char *kind = await->boxed ? "BOX" : !await->callee ? "TASK" : child ? "CHILD" : "LEAF";
    add_format(out, " { %d, AC_PLACE_%s, %lld, \"%s\", ", place_of(tu->source, await->node->from).line, kind,
               (long long)(await->child ? await->child->offset : 0), await->callee ? await->callee->name : "a task");
    if (child)
        add_format(out, "&%s__places },", child->name);
    else
        add(out, "0 },");
}

void add_places(const Tu *tu, bool (*has_descriptor)(const Fn *), Buf *out)
{
    bool *marks = take(tu->arena, ((size_t)tu->nfns + 1) * sizeof *marks);
    for (int i = 0; i < tu->nfns; i++)
        if (has_places(tu->fns[i]) && has_descriptor(tu->fns[i]))
            mark(tu->fns[i], marks);
    for (int i = 0; i < tu->nfns; i++)
        if (marks[tu->fns[i]->order])
            declare_places(tu->fns[i], out);
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        if (!marks[fn->order])
            continue;
        add_format(out, "static const struct ac_future_place %s__place[] = {", fn->name);
        int state = 0;
        for (int k = 0; k < fn->nawaits; k++) {
            for (; state + 1 < fn->awaits[k]->state; state++)
                add(out, " { 0, 0, 0, 0, 0 },");
            add_place(tu, fn->awaits[k], out);
            state++;
        }
        add_format(out, " };\nstatic const struct ac_future_places %s__places = { \"%s\", %s, %lld, %lld, %d, %s__place };\n",
                   fn->name, fn->name, place_of(tu->source, fn->body->from).file->quoted, (long long)fn->state_field->offset,
                   (long long)fn->state_field->size, state, fn->name);
    }
}

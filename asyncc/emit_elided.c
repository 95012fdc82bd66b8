/* emit_elided.c - the sequential program that an async one means.
 *
 *     async int twice(int n)  { return 2 * await get(n); }
 *     int twice(int n)  { return 2 * get(n); }
 *
 * Both words go, with one blank behind them, and little else changes: .ah files are pasted in, macro calls
 * stand as they are. What the text then calls are the runtime's blocking twins.
 *
 *     ac_task(int) t = ac_spawn(get(n));     ac_task(int) t = get__spawn(n);
 *     int got = await t;                     int got = AC__TWIN_AWAIT(t);
 *
 * A task is a thread (ac/elided_task.h); what it is spawned with stands in a struct, with a function that makes the
 * call. A spawn in a macro's body, or through a pointer, is left to a macro that makes the call at once.
 *
 *     ac_future(int) a = get(n);             ac_future(int) a = get__future(n);
 *     got = await a;                         got = AC__TWIN_TAKE(a);
 *
 * The call that a future keeps is made where it is awaited; where ac_all drives several, each is a task. */
#include "lower.h"

#include <string.h>

/* Whether a and b would be read as one token if they came together: `a -await -b`. */
static bool would_join(char a, char b)
{
    return strchr("+-&|<>=*/%#.:", a) && a == b;
}

typedef struct Elider {
    Tu *tu;
    const Source *read; /* what the model is of: macro calls are expanded there */
    Change *changes;
    int nchanges, room;
} Elider;

/* Where a byte of the file stands in the text as the user wrote it; -1 if it isn't in there. */
static int find_offset(const Source *source, Place place)
{
    for (int i = 0; i < source->nsegs; i++) {
        const Seg *seg = &source->segs[i];
        int end = i + 1 < source->nsegs ? source->segs[i + 1].at : source->size;
        if (!seg->made && !strcmp(seg->file->path, place.file->path) && place.offset >= seg->offset &&
            place.offset <= seg->offset + (end - seg->at))
            return seg->at + (place.offset - seg->offset);
    }
    return -1;
}

/* An offset of the model's in the text that is emitted; -1 if it is in made text. */
static int emitted(const Elider *e, int offset)
{
    return is_made_text(e->read, offset) ? -1 : find_offset(e->tu->source, place_of(e->read, offset));
}

/* Changes that begin at the same byte become one. */
static void change(Elider *e, int from, int to, const char *text)
{
    for (int i = 0; i < e->nchanges; i++) {
        Change *other = &e->changes[i];
        if (other->from != from)
            continue;
        other->text = take_format(e->tu->arena, "%s%s", other->to > from ? text : other->text, other->to > from ? other->text : text);
        if (to > other->to)
            other->to = to;
        return;
    }
    *push(e->tu->arena, e->changes, e->nchanges, e->room) = (Change){ from, to, text };
}

/* ---- tasks ---- */

static bool can_spawn(const Fn *fn)
{
    for (int i = 0; i < fn->nparams; i++)
        if (fn->params[i]->type->variable_size)
            return false;
    return !fn->is_pointer && (fn->is_leaf || !fn->decls[0].in_text || !is_made_text(fn->tu->source, fn->decls[0].from));
}

static const char *params_of(const Fn *fn)
{
    Buf out = { .arena = fn->tu->arena };
    for (int i = 0; i < fn->nparams; i++)
        add_format(&out, "%s%s", i ? ", " : "",
                   declare(fn->tu->arena, fn->params[i]->type, take_format(fn->tu->arena, "ac__p%d", i), true));
    return fn->nparams ? out.text : "void";
}

/* f__spawn_local, f__spawn and f__future, as far as they are called. */
static const char *const makers[] = { "spawn_local", "spawn", "future" };
enum { NMAKERS = 3 };

static bool is_made_by(const Fn *fn, int maker) { return maker == 0 ? fn->on_thread : maker == 1 ? fn->on_pool : fn->is_kept; }

/* What ac_spawn_blocking() became the call of is no function of the elided text. */
static const char *plain_blocking(const Fn *fn)
{
    Arena *arena = fn->tu->arena;
    Buf out = { .arena = arena };
    add_format(&out, "AC__UNUSED static %s { ", declare(arena, fn->result, take_format(arena, "%s(%s)", fn->name, params_of(fn)), true));
    const char *calls = fn->calls ? fn->calls : "ac__p0";
    add_format(&out, "%sac_spawn_blocking(%s, ac__p%d); } ", fn->result->kind == TYPE_VOID ? "" : "return ", calls, fn->nparams - 1);
    return out.text;
}

/* They; the struct and the function that makes the call, on one line. */
static const char *spawner_of(const Fn *fn)
{
    Arena *arena = fn->tu->arena;
    const char *name = fn->name;
    bool is_void = fn->result->kind == TYPE_VOID;
    Buf out = { .arena = arena };
    add_format(&out, " struct %s__spawned { struct ac__twin twin; %s; ", name, is_void ? "char result" : declare(arena, fn->result, "result", true));
    for (int i = 0; i < fn->nparams; i++)
        add_format(&out, "%s; ", declare(arena, fn->params[i]->type, take_format(arena, "ac__p%d", i), true));
    add_format(&out, "}; static void %s__run(void *ac__task) { AC__UNUSED struct %s__spawned *ac__spawned = ac__task; ", name, name);
    add_format(&out, "%s%s(", is_void ? "" : "ac__spawned->result = ", name);
    for (int i = 0; i < fn->nparams; i++)
        add_format(&out, "%sac__spawned->ac__p%d", i ? ", " : "", i);
    add(&out, "); }");
    for (int maker = 0; maker < NMAKERS; maker++) {
        if (!is_made_by(fn, maker))
            continue;
        add_format(&out, " AC__UNUSED static ac_task(%s) %s__%s(%s)", declare(arena, fn->result, "", true), name, makers[maker],
                   params_of(fn));
        add_format(&out, " { struct %s__spawned *ac__spawned = ac__twin_new(sizeof *ac__spawned, "
                         "__builtin_offsetof(struct %s__spawned, result), \"%s\", %s__run, %d); ", name, name, name, name, maker == 1);
        for (int i = 0; i < fn->nparams; i++)
            add_format(&out, "__builtin_memcpy((void *)&ac__spawned->ac__p%d, &ac__p%d, sizeof ac__p%d); ", i, i, i);
        add_format(&out, "return (ac_task(%s))(__UINTPTR_TYPE__)ac__twin_%s(ac__spawned); }", declare(arena, fn->result, "", true),
                   maker == 2 ? "keep" : "spawn");
    }
    add(&out, " ");
    return out.text;
}

/* A function's own spawns may stand in its body. */
static const char *spawner_ahead(const Fn *fn)
{
    Buf out = { .arena = fn->tu->arena };
    add(&out, "");
    for (int maker = 0; maker < NMAKERS; maker++) {
        if (!is_made_by(fn, maker))
            continue;
        add_format(&out, "AC__UNUSED static ac_task(%s) %s__%s(%s); ", declare(fn->tu->arena, fn->result, "", true), fn->name,
                   makers[maker], params_of(fn));
    }
    return out.text;
}

static void add_spawners(Elider *e)
{
    const Tu *tu = e->tu;
    int first = tu->first_use;
    for (int i = 0; i < tu->nfns; i++)
        for (int k = 0; k < tu->fns[i]->ndecls; k++) {
            const Decl *decl = &tu->fns[i]->decls[k];
            if (decl->in_text && decl->is_definition && !tu->fns[i]->is_leaf && (first < 0 || decl->from < first))
                first = decl->from;
        }
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        const Decl *decl = &fn->decls[0];
        if ((!fn->spawned && !fn->is_kept) || !can_spawn(fn))
            continue;
        if (fn->is_blocking) { /* before the declaration that it was put before */
            int at = find_offset(tu->source, place_of(e->read, decl->from));
            change(e, at, at, take_format(tu->arena, "%s%s", plain_blocking(fn), spawner_of(fn)));
            continue;
        }
        if (fn->is_leaf || !decl->in_text) {
            int at = emitted(e, first);
            change(e, at, at, spawner_of(fn));
            continue;
        }
        int ahead = emitted(e, decl->from), behind = emitted(e, decl->is_definition ? fn->body->to : decl->to);
        change(e, ahead, ahead, spawner_ahead(fn));
        change(e, behind, behind, spawner_of(fn));
    }
}

/* Where the first statement of a body may stand, which begins at @p at: __label__ has to come before. */
static int after_labels(const Source *text, int at, int end)
{
    Token token = next_token(text->text, at + 1, end);
    int to = at + 1;
    while (token.kind != T_END && token_is(text->text, token, "__label__")) {
        while (token.kind != T_END && !token_is(text->text, token, ";"))
            token = next_token(text->text, token.to, end);
        to = token.to;
        token = next_token(text->text, to, end);
    }
    return to;
}

/* main ends as ac_block_on does, wherever it returns; not one that a macro writes, of which nothing is known. */
static void edit_main(Elider *e, const Fn *fn)
{
    const Source *source = e->tu->source;
    int from = emitted(e, fn->body->from);
    if (from < 0 || source->text[from] != '{')
        return;
    int at = after_labels(source, from, source->size);
    change(e, at, at, " AC__TWIN_MAIN ");
}

static void edit_spawn(Elider *e, const Node *node)
{
    if (node->through_pointer || !node->callee || !can_spawn(node->callee))
        return;
    bool blocks = node->callee->is_blocking;
    int from = emitted(e, node->from), name_to = emitted(e, blocks ? node->args_from : node->name_to),
        end = emitted(e, node->args_to + 1), to = emitted(e, node->to - 1);
    if (from < 0 || name_to < 0 || end < 0 || to < 0 || strncmp(e->tu->source->text + from, "ac_spawn", 8) != 0)
        return;
    change(e, from, name_to, take_format(e->tu->arena, "%s__%s%s", node->callee->name, runner_of(node), blocks ? "(" : ""));
    change(e, end, to + 1, "");
}

static void edit_future(Elider *e, const Node *node)
{
    const Fn *callee = node->await->callee;
    bool blocks = callee->is_blocking; /* then its name is made text, for what the user wrote there */
    int from = blocks ? find_offset(e->tu->source, place_of(e->read, node->from)) : emitted(e, node->from);
    int name_to = emitted(e, blocks ? node->args_from : node->name_to);
    if (from < 0 || name_to < 0 || !can_spawn(callee)) {
        int at = find_offset(e->tu->source, place_of(e->read, node->from));
        report(e->tu, ERROR, at, at + 1, "--emit=elided can't keep this call of '%s'", callee->name);
        return;
    }
    change(e, from, name_to, take_format(e->tu->arena, "%s__future%s", callee->name, blocks ? "(" : ""));
}

static void edit_spawns(Elider *e, const Node *node)
{
    if (!node)
        return;
    if (node->kind == N_SPAWN)
        edit_spawn(e, node);
    if (node->kind == N_FUTURE)
        edit_future(e, node);
    for (int i = 0; i < node->nkids; i++)
        edit_spawns(e, node->kids[i]);
}

/* Before the words are erased: this one's place is taken. */
static void edit_await(Elider *e, const Node *node, const char *taking)
{
    int from = emitted(e, node->from), last = emitted(e, node->to - 1);
    const char *text = e->tu->source->text;
    if (from < 0 || last < 0 || strncmp(text + from, "await", 5) != 0) {
        int at = find_offset(e->tu->source, place_of(e->read, node->from));
        report(e->tu, ERROR, at, at + 1, "--emit=elided can't follow what is awaited in a macro's body");
        return;
    }
    change(e, from, from + 5, take_format(e->tu->arena, node->discarded ? "(void)%s(" : "%s(", taking));
    change(e, last + 1, last + 1, ")");
}

static bool is_changed(const Elider *e, int at)
{
    for (int i = 0; i < e->nchanges; i++)
        if (e->changes[i].from == at && e->changes[i].to > at)
            return true;
    return false;
}

void emit_elided(Tu *tu)
{
    Elider e = { .tu = tu, .read = tu->source };
    tu->out.arena = tu->arena;
    /* As the user wrote it: no macro expanded, nothing inserted for the parse. */
    if (!read_source(tu))
        return;
    const Source *source = tu->source;
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        edit_spawns(&e, fn->body);
        if (fn->is_main && fn->body)
            edit_main(&e, fn);
        for (int k = 0; k < fn->nawaits; k++)
            if (!fn->awaits[k]->callee || awaited_future(fn->awaits[k]))
                edit_await(&e, fn->awaits[k]->node, fn->awaits[k]->callee ? "AC__TWIN_TAKE" : "AC__TWIN_AWAIT");
    }
    for (int i = 0; i < tu->noutside; i++)
        if (tu->outside[i]->kind == N_SPAWN)
            edit_spawn(&e, tu->outside[i]);
    for (int i = 0; i < source->words.n; i++) {
        int at = source->words.v[i].at, to = at + source->words.v[i].size;
        if (source->text[at] == 'd' || is_changed(&e, at))
            continue; /* `defer` is no word to erase. */
        int end = to < source->size && (source->text[to] == ' ' || source->text[to] == '\t') ? to + 1 : to;
        bool joins = at > 0 && end < source->size && would_join(source->text[at - 1], source->text[end]);
        change(&e, at, end, joins ? " " : "");
    }
    add_spawners(&e);
    sort_changes(e.changes, e.nchanges);
    add(&tu->out, "#define AC__ELIDED_TASKS\n#include <ac/elided.h>\n");
    Source *elided = change_source(tu, source, e.changes, e.nchanges);
    if (tu->options->no_lines) {
        add_bytes(&tu->out, elided->text, (size_t)elided->size);
        return;
    }
    Belief said = { 0 };
    add_with_lines(&tu->out, elided, 0, elided->size, &said);
}

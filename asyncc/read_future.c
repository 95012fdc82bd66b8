/* read_future.c - ac_future(T): futures that locals keep.
 *
 *     ac_future(int) a = fetch(x), b = fetch(y);
 *     await ac_all(a, b);
 *     return await a + await b;
 *
 * To clang ac_future(T) is a pointer that nothing else converts to, so that T and a future of T don't mix. What such a
 * variable is initialised with is a call, to clang a T: the next parse sees
 *
 *     ac_future(int) a = ac__parse_future(((void)(fetch(x)), 0)), b = ...
 *
 * and `await *a`, as for tasks. Futures anywhere else (parameters, members, results, arrays, moved ones) are
 * refused by name. */
#include "read.h"
#include <string.h>

static const char parse_future[] = "ac__parse_future(((void)(";

static void refuse(Reader *r, int from, int to, const char *what)
{
    report(r->tu, ERROR, from, to, "%s is not supported yet", what);
    note(r->tu, -1, -1, "so far a future is a local variable with the call of an async function behind it: ac_future(int) a = f(x);");
}

/* From behind the name: the initialiser of a declarator, or false. */
static bool find_initialiser_text(const Tu *tu, int at, int *from, int *to)
{
    const char *text = tu->source->text;
    int size = tu->source->size, depth = 0;
    Token t = next_token(text, at, size);
    if (!token_is(text, t, "="))
        return false;
    *from = *to = skip_blank(text, t.to, size);
    for (t = next_token(text, t.to, size); t.kind != T_END; t = next_token(text, t.to, size)) {
        if (depth == 0 && (token_is(text, t, ",") || token_is(text, t, ";")))
            return *to > *from;
        bool opens = token_is(text, t, "(") || token_is(text, t, "[") || token_is(text, t, "{");
        bool closes = token_is(text, t, ")") || token_is(text, t, "]") || token_is(text, t, "}");
        depth += opens - closes;
        if (depth < 0)
            return false;
        *to = t.to;
    }
    return false;
}

void read_kept_future(Reader *r, Node *var, CXCursor c, CXCursor init)
{
    Tu *tu = r->tu;
    Local *local = var->local;
    int size = (int)strlen(local->name), from, to;
    if (local->from < 0 || var->in_macro || find_call(tu, local->from)) {
        if (!ask_expansion(tu, local->from))
            refuse(r, local->from, local->from + size, "an ac_future in a macro");
        return;
    }
    local->in_place = true;
    if (local->kind != LOCAL_VAR || !find_initialiser_text(tu, local->from + size, &from, &to)) {
        refuse(r, local->from, local->from + size, "a future of another shape");
        return;
    }
    if (r->unevaluated) {
        refuse(r, local->from, local->from + size, "a future where nothing is evaluated");
        return;
    }
    if (!word_at(tu, from, parse_future)) {
        ask_insert(tu, from, parse_future);
        ask_insert(tu, to, "), 0))");
        return;
    }
    CXCursor parsed = core(r, init);
    if (clang_getCursorKind(parsed) != CXCursor_CallExpr)
        return; /* clang has said why */
    CXCursor call = find_parsed_call(r, children(r, parsed));
    if (clang_Cursor_isNull(call))
        return;
    Node *node = new_node(r, N_FUTURE, call);
    node->type = local->type;
    Kids kids;
    Fn *callee = async_callee(r, call, &kids);
    bool chosen = callee && clang_getCursorKind(core(r, kids.v[0])) != CXCursor_DeclRefExpr;
    if (!callee || chosen || find_call(tu, node->from)) {
        if (callee && !chosen && ask_expansion(tu, node->from))
            return;
        if (callee || calls_async_pointer(r, call) || clang_getCursorKind(call) == CXCursor_DeclRefExpr)
            refuse(r, node->from, node->to, callee ? "a future of what _Generic or a macro chooses"
                                            : clang_getCursorKind(call) == CXCursor_DeclRefExpr ? "moving a future"
                                                                                                : "a future of a call through a pointer");
        else if (!is_refused_blocking(r, call))
            report(tu, ERROR, node->from, node->to, "an ac_future is initialised by a call of an async function");
        return;
    }
    mark_called(r, core(r, kids.v[0]));
    if (callee->is_all) {
        refuse(r, node->from, node->to, "a future of ac_all");
        return;
    }
    CXType wanted = clang_getUnqualifiedType(clang_getPointeeType(clang_getCanonicalType(clang_getCursorType(c))));
    CXType given = clang_getUnqualifiedType(clang_getCanonicalType(clang_getCursorType(call)));
    Type *result = type_of(r, clang_getCursorType(call));
    if (!clang_equalTypes(wanted, given)) {
        report(tu, ERROR, node->from, node->to, "'%s' is a future of '%s', and this call's result is of type '%s'", local->name,
               declare(r->arena, local->type->target, "", false), declare(r->arena, result, "", false));
        return;
    }
    read_call_of(r, node, call, kids);
    Await *birth = new_await(r, node, callee, result);
    node->await = local->birth = birth;
    callee->is_kept = true;
    var->kids[0] = node;
    *push(r->arena, r->fn->births, r->fn->nbirths, r->fn->births_room) = birth;
}

static Local *future_named_by(Reader *r, CXCursor c)
{
    c = core(r, c);
    if (clang_getCursorKind(c) != CXCursor_DeclRefExpr)
        return NULL;
    return know(r, clang_getCursorReferenced(c))->local;
}

/* Where it was declared. */
static bool is_refused(const Local *local) { return local && local->type->is_future && !local->birth; }

bool read_awaited_future(Reader *r, CXCursor handle, Await *await)
{
    Local *local = future_named_by(r, handle);
    if (is_refused(local))
        return false;
    if (!is_kept_future(local)) {
        Node *shown = new_node(r, N_OTHER, handle);
        refuse(r, shown->from, shown->to, "awaiting such a future");
        return false;
    }
    local->used = true;
    if (!r->unevaluated)
        local->nmentions++;
    await->callee = local->birth->callee;
    *push(r->arena, await->futures, await->nfutures, await->futures_room) = local;
    return true;
}

void read_all_futures(Reader *r, Kids kids, Await *await)
{
    await->is_all = true;
    for (int i = 1; i < kids.n; i++) {
        if (!is_expr(kids.v[i]))
            continue;
        Local *local = future_named_by(r, kids.v[i]);
        if (is_refused(local))
            continue;
        if (!is_kept_future(local)) {
            Node *shown = new_node(r, N_OTHER, core(r, kids.v[i]));
            if (async_callee(r, core(r, kids.v[i]), &(Kids){ 0 }))
                refuse(r, shown->from, shown->to, "a call among the arguments of ac_all");
            else
                report(r->tu, ERROR, shown->from, shown->to, "ac_all takes futures that local variables keep");
            continue;
        }
        local->used = true;
        if (!r->unevaluated)
            local->nmentions++;
        for (int k = 0; k < await->nfutures; k++)
            if (await->futures[k] == local) {
                Node *shown = new_node(r, N_OTHER, core(r, kids.v[i]));
                report(r->tu, ERROR, shown->from, shown->to, "'%s' is given to ac_all twice", local->name);
            }
        *push(r->arena, await->futures, await->nfutures, await->futures_room) = local;
    }
}

/* The name of a future where it is neither awaited nor driven. */
void refuse_use_of_future(Reader *r, const Node *node, const char *name)
{
    refuse(r, node->from, node->to, take_format(r->arena, "using '%s', a future, but for awaiting it,", name));
}

/* Each ac_future(T) of the text has to be the type of such variables. */
void check_future_words(Reader *r)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    if (!strstr(text, "ac_future"))
        return;
    bool *known = take(tu->arena, (size_t)tu->source->size + 1);
    for (int i = 0; i < tu->nfns; i++)
        for (int k = 0; k < tu->fns[i]->nlocals; k++) {
            const Local *local = tu->fns[i]->locals[k];
            if (!is_kept_future(local))
                continue;
            Token t = next_token(text, local->statement->from, local->from);
            while (t.kind != T_END && !token_is(text, t, "ac_future"))
                t = next_token(text, t.to, local->from);
            known[t.from] = true;
        }
    for (Token t = next_token(text, 0, tu->source->size); t.kind != T_END; t = next_token(text, t.to, tu->source->size)) {
        if (t.kind == T_DIRECTIVE && memmem(text + t.from, (size_t)(t.to - t.from), "ac_future(", 10) && !is_skipped(tu, t.from))
            refuse(r, t.from, t.to, "ac_future in a macro's body");
        if (t.kind == T_NAME && token_is(text, t, "ac_future") && !known[t.from] && !is_skipped(tu, t.from))
            refuse(r, t.from, t.to, "an ac_future here");
    }
}

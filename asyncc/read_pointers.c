/* read_pointers.c - async functions as values, and calls through pointers to them.
 *
 *     async int (*handler)(int) = twice;         int (*handler)(int) = (*(int (*)(int))(void (*)(void))twice__box);
 *     handler = n ? &twice : 0;                  handler = n ? &(*...twice__box) : 0;
 *     return await handler(n);                   a boxed call: the pointer is of the function that makes the box
 *
 * In the output such a pointer has its type without `async`, so that declarators, typedefs, members, tables and
 * macros stay as they are; nobody but an await calls it. Here the mentions of async functions are found that
 * aren't calls, for lower.c and emit_c.c to edit. */
#include "read.h"
#include <string.h>

/* What marks an offset in r->seen: the name of a function that is called there; that is mentioned. */
enum { SEEN_CALL = 2, SEEN_MENTION = 3 };

static CXType function_of(CXType type)
{
    type = clang_getCanonicalType(type);
    return type.kind == CXType_Pointer ? clang_getCanonicalType(clang_getPointeeType(type)) : type;
}

static bool is_function(CXType type)
{
    return type.kind == CXType_FunctionProto || type.kind == CXType_FunctionNoProto;
}

bool is_async_pointer(CXType type)
{
    CXType function = function_of(type);
    return is_function(function) && clang_getFunctionTypeCallingConv(function) == CXCallingConv_PreserveMost;
}

bool calls_async_pointer(Reader *r, CXCursor call)
{
    if (clang_getCursorKind(call) != CXCursor_CallExpr)
        return false;
    Kids kids = children(r, call);
    return kids.n && is_async_pointer(clang_getCursorType(kids.v[0]));
}

Fn *pointer_callee(Reader *r, CXCursor called, const Node *node)
{
    Tu *tu = r->tu;
    CXType type = function_of(clang_getCursorType(called));
    Fn *fn = take(r->arena, sizeof *fn);
    fn->tu = tu;
    fn->name = "call";
    fn->frame_type = "void";
    fn->frame_size = -1;
    fn->frame_align = 1;
    fn->is_pointer = true;
    fn->result = type_of(r, clang_getUnqualifiedType(clang_getResultType(type)));
    if (type.kind == CXType_FunctionNoProto)
        report(tu, ERROR, node->from, node->to, "an async function is called through a pointer without a prototype");
    else if (clang_isFunctionTypeVariadic(type))
        report(tu, ERROR, node->from, node->to, "a variadic async function is called: there can't be one");
    int n = clang_getNumArgTypes(type);
    n = n < 0 ? 0 : n;
    fn->params = take(r->arena, ((size_t)n + 1) * sizeof *fn->params);
    for (int i = 0; i < n; i++) {
        Local *param = take(r->arena, sizeof *param);
        param->kind = LOCAL_PARAM;
        param->name = "";
        param->type = type_of(r, clang_getArgType(type, (unsigned)i));
        fn->params[fn->nparams++] = param;
        if (param->type->local_tag)
            report(tu, ERROR, node->from, node->to, "the type of an argument of this call %s", param->type->local_tag);
    }
    return fn;
}

void mark_called(Reader *r, CXCursor name)
{
    int at = offset_of(r, clang_getCursorLocation(name));
    if (at >= 0)
        r->seen[at] = SEEN_CALL;
    leave_out(r, name);
}

/* calls: of `sizeof f(1)`, where only the type matters. */
void add_mention(Reader *r, CXCursor c, Fn *fn, bool calls)
{
    Tu *tu = r->tu;
    CXSourceLocation place = clang_getCursorLocation(c);
    int from = offset_of(r, place), to = from + (int)strlen(fn->name);
    if (from < 0 || r->seen[from] == SEEN_CALL || r->seen[from] == SEEN_MENTION)
        return;
    if (!is_spelled(r, place) || !word_at(tu, from, fn->name)) {
        ask_expansion(tu, from);
        return;
    }
    r->seen[from] = SEEN_MENTION;
    CXType type = clang_getCursorType(clang_getCursorReferenced(c));
    if (!is_async_pointer(type)) {
        /* Its type doesn't tell clang that it's async, so it could be mixed up with others. */
        report(tu, ERROR, from, to, "the address of async function '%s', a name that compilers know: not supported", fn->name);
        return;
    }
    int nparams = clang_getNumArgTypes(type);
    for (int i = 0; i < nparams; i++)
        if (is_variable(clang_getArgType(clang_getCanonicalType(type), (unsigned)i))) {
            report(tu, ERROR, from, to, "the address of async function '%s', whose parameter %d is variably modified: not supported yet",
                   fn->name, i + 1);
            return;
        }
    Fn *body = r->fn;
    r->fn = NULL; /* the type at file level */
    const char *text = declare(r->arena, type_of(r, type), "(*)", false);
    r->fn = body;
    *push(tu->arena, tu->mentions, tu->nmentions, tu->mentions_room) =
        (Change){ from, to, calls ? take_format(r->arena, "(*(%s)0)", text)
                                  : take_format(r->arena, "(*(%s)(void (*)(void))%s__box)", text, fn->name) };
    use_at_top(r);
}

/* What the tree shows more than once, `assert(await f())`, may only in the end turn out to be a call. */
void drop_calls(Reader *r)
{
    Tu *tu = r->tu;
    int n = 0;
    for (int i = 0; i < tu->nmentions; i++) {
        Change mention = tu->mentions[i];
        if (r->seen[mention.from] == SEEN_CALL)
            continue;
        tu->mentions[n++] = mention;
        Fn *fn = find_fn(r, take_text(r->arena, tu->source->text + mention.from, (size_t)(mention.to - mention.from)));
        fn->is_mentioned |= strstr(mention.text, "__box)") != NULL;
        fn->is_boxed |= fn->is_mentioned;
    }
    tu->nmentions = n;
}

void use_at_top(Reader *r)
{
    if (r->top_at >= 0 && (r->tu->first_use < 0 || r->top_at < r->tu->first_use))
        r->tu->first_use = r->top_at;
}

void find_mention(Reader *r, CXCursor c)
{
    if (clang_getCursorKind(c) != CXCursor_DeclRefExpr)
        return;
    CXCursor decl = clang_getCursorReferenced(c);
    Fn *fn = clang_getCursorKind(decl) == CXCursor_FunctionDecl ? know(r, decl)->fn : NULL;
    if (fn)
        add_mention(r, c, fn, false);
}

/* Also in what has no Node: static initialisers, types. */
void find_mentions(Reader *r)
{
    CXCursor c;
    for (int i = 0; next_cursor(r, CXCursor_DeclRefExpr, &i, &c);)
        find_mention(r, c);
}

/* One async, the other one not, and neither of the type that nothing is called by. */
static bool are_mixed(CXType a, CXType b)
{
    CXType to = function_of(a), from = function_of(b);
    if (!is_function(to) || !is_function(from) || is_async_pointer(to) == is_async_pointer(from))
        return false;
    CXType plain = is_async_pointer(to) ? from : to;
    return clang_getCanonicalType(clang_getResultType(plain)).kind != CXType_Void || clang_getNumArgTypes(plain) > 0;
}

/* A cast that makes a plain pointer of an async one could be called, with arguments that mean something else.
 * Through void (*)(void), which nothing is called by, any of them may go. */
void check_cast(Reader *r, CXCursor cast, CXCursor operand)
{
    if (!are_mixed(clang_getCursorType(cast), clang_getCursorType(operand)))
        return;
    bool to_async = is_async_pointer(clang_getCursorType(cast));
    Node shown = { 0 };
    place_node(r, &shown, cast);
    report(r->tu, ERROR, shown.from, shown.to, "a cast from %s to %s pointer: they aren't called alike",
           to_async ? "a plain function" : "an async function", to_async ? "an async function" : "a plain function");
}

/* Of `c ? f : g` clang would make a pointer to void. */
void check_branches_of(Reader *r, CXCursor conditional)
{
    Kids kids = children(r, conditional);
    if (kids.n != 3 || !are_mixed(clang_getCursorType(core(r, kids.v[1])), clang_getCursorType(core(r, kids.v[2]))))
        return;
    Node shown = { 0 };
    place_node(r, &shown, conditional);
    report(r->tu, ERROR, shown.from, shown.to, "pointers to an async function and to a plain one: they aren't called alike");
}

void check_selection(Reader *r, CXCursor selection, CXCursor control)
{
    if (!is_async_pointer(clang_getCursorType(control)))
        return;
    Node shown = { 0 };
    place_node(r, &shown, selection);
    report(r->tu, ERROR, shown.from, shown.to, "_Generic by the type of an async function is not supported");
}

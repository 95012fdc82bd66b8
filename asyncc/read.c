/* read.c - from libclang's tree to the model's.
 *
 * Fills tu->fns: for each async function its declarations, parameters, locals, awaits and its body
 * as Nodes. Plain functions leave only their ac_spawn_local and ac_block_on behind. Also asks for
 * what the text lacks to be read whole: tu->hard (macro calls that hold an await or come apart at
 * one), tu->inserts (the star that gives `await task` its type); main.c then reads again.
 *
 *     x + await f(y)      N_OTHER { N_REF x, N_AWAIT f { N_REF y } }
 *
 * `await` reaches clang as __extension__, by a macro of the command line: such an operator whose own
 * spelling is in no file is an await. An implicit conversion is an unexposed node with one child of
 * the same extent: a reference below one is read, one without is used as a place. */
#include "read.h"
#include <stdlib.h>
#include <string.h>

/* ---- places ---------------------------------------------------------------------------------- */

typedef struct Kids {
    CXCursor *v;
    int n, room;
    Arena *arena;
} Kids;

static enum CXChildVisitResult collect(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Kids *kids = data;
    *push(kids->arena, kids->v, kids->n, kids->room) = c;
    return CXChildVisit_Continue;
}

static Kids children(Reader *r, CXCursor c)
{
    Kids kids = { .arena = r->arena };
    clang_visitChildren(c, collect, &kids);
    return kids;
}

/* The offset in our text, or -1 when it is in another file. */
static int offset_of(Reader *r, CXSourceLocation at)
{
    CXFile file;
    unsigned offset;
    clang_getFileLocation(at, &file, NULL, NULL, &offset);
    return file && clang_File_isEqual(file, r->file) ? (int)offset : -1;
}

static const Change *call_around(const Tu *tu, int offset)
{
    int low = 0, high = tu->ncalls;
    while (low < high) {
        int middle = (low + high) / 2;
        if (tu->calls[middle].to <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tu->ncalls && tu->calls[low].from <= offset ? &tu->calls[low] : NULL;
}

/* Whether what stands at the location was written there, and not in a macro's body. */
static bool is_spelled(Reader *r, CXSourceLocation at)
{
    CXFile file;
    unsigned spelled, offset;
    clang_getFileLocation(at, NULL, NULL, NULL, &offset);
    clang_getSpellingLocation(at, &file, NULL, NULL, &spelled);
    return file && clang_File_isEqual(file, r->file) && offset == spelled;
}

static void place(Reader *r, Node *node, CXCursor c)
{
    CXSourceRange range = clang_getCursorExtent(c);
    CXSourceLocation start = clang_getRangeStart(range);
    node->from = offset_of(r, start);
    node->to = offset_of(r, clang_getRangeEnd(range));
    if (node->from >= 0 && call_around(r->tu, node->from))
        node->in_macro = !is_spelled(r, start);
}

static Node *new_node(Reader *r, enum node_kind kind, CXCursor c)
{
    Node *node = take(r->arena, sizeof *node);
    node->kind = kind;
    place(r, node, c);
    return node;
}

static void add_kid(Reader *r, Node *node, Node *kid)
{
    if (!(node->nkids & (node->nkids - 1))) { /* full at 0, 1, 2, 4, 8, ... */
        Node **more = take(r->arena, (size_t)(node->nkids ? 2 * node->nkids : 1) * sizeof *more);
        if (node->nkids)
            memcpy(more, node->kids, (size_t)node->nkids * sizeof *more);
        node->kids = more;
    }
    node->kids[node->nkids++] = kid;
    if (kid && kid->has_await && node->kind != N_UNEVALUATED)
        node->has_await = true;
}

/* The call of a macro at the offset has to be expanded before the text can be translated. */
static void make_hard(Reader *r, int offset)
{
    const Change *call = call_around(r->tu, offset);
    if (!call)
        return;
    Tu *tu = r->tu;
    for (int i = tu->nhard - 1; i >= 0; i--)
        if (tu->hard[i].from == call->from)
            return;
    *push(tu->arena, tu->hard, tu->nhard, tu->hard_room) = *call;
}

/* ---- what names refer to ---------------------------------------------------------------------- */

static Known *find_known(Reader *r, const void *key)
{
    size_t mask = r->known_room - 1;
    size_t at = ((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u >> 40 & mask;
    while (r->known[at].key && r->known[at].key != key)
        at = (at + 1) & mask;
    if (!r->known[at].key) {
        if (++r->nknown * 2 > (int)r->known_room) {
            Known *old = r->known;
            size_t room = r->known_room;
            r->known_room *= 2;
            r->known = take(r->arena, r->known_room * sizeof *r->known);
            r->nknown = 1;
            for (size_t i = 0; i < room; i++)
                if (old[i].key)
                    *find_known(r, old[i].key) = old[i];
            return find_known(r, key);
        }
        r->known[at].key = key;
    }
    return &r->known[at];
}

static const char *copy_string(Reader *r, CXString string)
{
    const char *text = clang_getCString(string);
    char *copy = take_text(r->arena, text ? text : "", text ? strlen(text) : 0);
    clang_disposeString(string);
    return copy;
}

static bool is_async(CXCursor function)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(function));
    return clang_getFunctionTypeCallingConv(type) == CXCallingConv_PreserveMost;
}

static int reserved_name(const char *name)
{
    static const char *const names[] = { "self", "cx", "state" };
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i]))
            return i + 1;
    return 0;
}

static Fn *find_fn(Tu *tu, const char *name)
{
    for (int i = 0; i < tu->nfns; i++)
        if (!strcmp(tu->fns[i]->name, name))
            return tu->fns[i];
    return NULL;
}

static Known *know(Reader *r, CXCursor decl)
{
    Known *known = find_known(r, decl.data[0]);
    if (known->what)
        return known;
    enum CXCursorKind kind = clang_getCursorKind(decl);
    const char *name = copy_string(r, clang_getCursorSpelling(decl));
    known->name_is = reserved_name(name);
    known->what = kind == CXCursor_FunctionDecl || kind == CXCursor_EnumConstantDecl ? KNOWN_CONSTANT : KNOWN_OTHER;
    if (kind == CXCursor_FunctionDecl) {
        if (!strcmp(name, "ac__parse_spawn_local"))
            known->what = KNOWN_SPAWN;
        else if (!strcmp(name, "ac__parse_block_on"))
            known->what = KNOWN_BLOCK_ON;
        else if (is_async(decl) || !strcmp(name, "main"))
            known->fn = find_fn(r->tu, name);
    }
    return known;
}

/* ---- locals --------------------------------------------------------------------------------------- */

static Local *add_local(Reader *r, enum local_kind kind, const char *name, Type *type, int from)
{
    Fn *fn = r->fn;
    Local *local = take(r->arena, sizeof *local);
    local->kind = kind;
    local->name = local->field = name;
    local->type = type;
    local->from = from;
    local->scope = r->scope;
    local->index = fn->nlocals;
    local->in_place = type->kind != TYPE_SCALAR || type->is_volatile || type->is_atomic;
    if (type->local_tag)
        local->refused = type->local_tag;
    if (type->variable_size)
        local->refused = "is variably modified";
    *push(r->arena, fn->locals, fn->nlocals, fn->locals_room) = local;
    int which = reserved_name(name);
    if (which)
        fn->uses_name[which - 1] = true;
    return local;
}

/* An address of (a part of) what the expression designates may be kept by somebody. */
static void take_address(Node *node)
{
    if (!node)
        return;
    if ((node->kind == N_REF || node->kind == N_LITERAL) && node->local) {
        node->local->address_taken = node->local->in_place = true;
    } else if (node->kind == N_OTHER || node->kind == N_COND || node->kind == N_ELVIS || node->kind == N_COMMA ||
               node->kind == N_ASSIGN || node->kind == N_STEP) {
        for (int i = 0; i < node->nkids; i++)
            if (node->kids[i] && node->kids[i]->is_lvalue)
                take_address(node->kids[i]);
    }
}

/* ---- expressions ------------------------------------------------------------------------------------ */

static Node *read_expr(Reader *r, CXCursor c);
static Node *read_stmt(Reader *r, CXCursor c);

static bool same_extent(CXCursor a, CXCursor b)
{
    return clang_equalRanges(clang_getCursorExtent(a), clang_getCursorExtent(b));
}

static bool is_expr(CXCursor c)
{
    return clang_isExpression(clang_getCursorKind(c));
}

static CXCursor only_expr(Kids kids)
{
    for (int i = kids.n - 1; i >= 0; i--)
        if (is_expr(kids.v[i]))
            return kids.v[i];
    return clang_getNullCursor();
}

/* Through parentheses and implicit conversions. */
static CXCursor core(Reader *r, CXCursor c)
{
    for (;;) {
        enum CXCursorKind kind = clang_getCursorKind(c);
        if (kind != CXCursor_ParenExpr && kind != CXCursor_UnexposedExpr)
            return c;
        Kids kids = children(r, c);
        if (kids.n != 1 || !is_expr(kids.v[0]) || (kind == CXCursor_UnexposedExpr && !same_extent(c, kids.v[0])))
            return c;
        c = kids.v[0];
    }
}

static bool is_await(Reader *r, CXCursor c)
{
    if (clang_getCursorKind(c) != CXCursor_UnaryOperator ||
        clang_getCursorUnaryOperatorKind(c) != CXUnaryOperator_Extension)
        return false;
    CXFile file = NULL;
    clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(c)), &file, NULL, NULL, NULL);
    if (!file)
        return true;
    CXString name = clang_getFileName(file);
    bool no_file = !clang_getCString(name) || clang_getCString(name)[0] == '<';
    clang_disposeString(name);
    (void)r;
    return no_file;
}

static bool word_at(const Tu *tu, int offset, const char *word)
{
    size_t size = strlen(word);
    return offset >= 0 && offset + (int)size <= tu->source->size && !memcmp(tu->source->text + offset, word, size);
}

/* If c is a direct call of an async function: the function. */
static Fn *async_callee(Reader *r, CXCursor c, Kids *kids)
{
    if (clang_getCursorKind(c) != CXCursor_CallExpr)
        return NULL;
    *kids = children(r, c);
    if (!kids->n)
        return NULL;
    CXCursor callee = core(r, kids->v[0]);
    if (clang_getCursorKind(callee) != CXCursor_DeclRefExpr)
        return NULL;
    CXCursor decl = clang_getCursorReferenced(callee);
    return clang_getCursorKind(decl) == CXCursor_FunctionDecl ? know(r, decl)->fn : NULL;
}

static bool calls_async_pointer(Reader *r, CXCursor c)
{
    if (clang_getCursorKind(c) != CXCursor_CallExpr)
        return false;
    Kids kids = children(r, c);
    if (!kids.n)
        return false;
    CXType type = clang_getCanonicalType(clang_getCursorType(kids.v[0]));
    if (type.kind == CXType_Pointer)
        type = clang_getPointeeType(type);
    return clang_getFunctionTypeCallingConv(type) == CXCallingConv_PreserveMost;
}

/* Fills the parts of a call whose arguments stay as text: name_to, args_from, args_to, kids. */
static void read_call_of(Reader *r, Node *node, CXCursor call, Kids kids)
{
    const Tu *tu = r->tu;
    CXSourceRange callee = clang_getCursorExtent(kids.v[0]);
    node->name_to = offset_of(r, clang_getRangeEnd(callee));
    int end = offset_of(r, clang_getRangeEnd(clang_getCursorExtent(call)));
    Token open = next_token(tu->source->text, node->name_to, end);
    node->args_from = open.to;
    node->args_to = end - 1;
    for (int i = 1; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            add_kid(r, node, read_expr(r, kids.v[i]));
}

static Await *new_await(Reader *r, Node *node, Fn *callee, Type *type)
{
    Await *await = take(r->arena, sizeof *await);
    await->node = node;
    await->callee = callee;
    await->type = type;
    return await;
}

static Node *read_await(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, N_AWAIT, c);
    node->type = type_of(r, clang_getCursorType(c));
    node->in_macro = !word_at(tu, node->from, "await");
    if (node->from >= 0)
        r->seen[node->from] = 1;
    if (node->in_macro || call_around(tu, node->from)) {
        if (r->fn && !r->unevaluated)
            make_hard(r, node->from);
    }
    if (!r->fn) {
        report(tu, ERROR, node->from, node->from + 5, "'await' outside of an async function");
        return node;
    }
    CXCursor operand = core(r, only_expr(children(r, c)));
    Kids kids;
    Fn *callee = async_callee(r, operand, &kids);
    if (callee) {
        read_call_of(r, node, operand, kids);
    } else {
        Type *type = type_of(r, clang_getCursorType(operand));
        if (type->is_task) {
            /* The star makes clang see the task's result where the task is awaited. */
            if (!node->in_macro)
                *push(tu->arena, tu->inserts, tu->ninserts, tu->inserts_room) =
                    (Change){ node->from + 5, node->from + 5, "*" };
        } else if (clang_getCursorKind(operand) == CXCursor_UnaryOperator &&
                   clang_getCursorUnaryOperatorKind(operand) == CXUnaryOperator_Deref &&
                   word_at(tu, node->from + 5, "*")) {
            CXCursor handle = only_expr(children(r, operand));
            Type *task = type_of(r, clang_getCursorType(handle));
            if (task->is_task) {
                add_kid(r, node, read_expr(r, handle));
                node->type = task->target;
                goto done;
            }
            goto no_future;
        } else if (calls_async_pointer(r, operand)) {
            report(tu, ERROR, node->from, node->to, "a call through an async function pointer is not supported yet");
        } else {
        no_future:
            if (clang_getCursorKind(operand) != CXCursor_InvalidFile) {
                Node *shown = new_node(r, N_OTHER, operand);
                if (shown->from < node->from || shown->to < shown->from)
                    shown->from = node->from, shown->to = node->to;
                report(tu, ERROR, shown->from, shown->to, "what is awaited is no future: it has type '%s'",
                       declare(r->arena, type_of(r, clang_getCursorType(operand)), "", false));
                note(tu, -1, -1, "await takes a call of an async function or a task");
            }
        }
    }
done:
    if (!r->unevaluated) {
        node->await = new_await(r, node, callee, node->type);
        node->has_await = true;
        *push(r->arena, r->fn->awaits, r->fn->nawaits, r->fn->awaits_room) = node->await;
        node->await->state = r->fn->nawaits;
    }
    return node;
}

static Node *read_generic_runner(Reader *r, CXCursor c, Kids kids, int what)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, what == KNOWN_SPAWN ? N_SPAWN : N_BLOCK_ON, c);
    const char *word = what == KNOWN_SPAWN ? "ac_spawn_local" : "ac_block_on";
    /* The macro's parameter comes as the left side of a comma: ((void)(call), 0). */
    CXCursor comma = kids.n > 1 ? core(r, kids.v[1]) : clang_getNullCursor();
    Kids sides = children(r, comma);
    CXCursor cast = sides.n ? core(r, sides.v[0]) : clang_getNullCursor();
    CXCursor call = core(r, only_expr(children(r, cast)));
    Kids parts;
    Fn *callee = async_callee(r, call, &parts);
    const Change *macro = call_around(tu, node->from);
    if (macro) {
        node->from = macro->from;
        node->to = macro->to;
        if (!word_at(tu, node->from, word)) {
            if (r->fn)
                make_hard(r, node->from);
            else
                report(tu, ERROR, node->from, node->to, "%s in a macro, outside of an async function, is not supported yet",
                       word);
            return node;
        }
    }
    if (!callee) {
        if (calls_async_pointer(r, call))
            report(tu, ERROR, node->from, node->to, "%s of a call through an async function pointer is not supported yet", word);
        else
            report(tu, ERROR, node->from, node->to, "%s takes a call of an async function", word);
        return node;
    }
    node->callee = callee;
    if (what == KNOWN_SPAWN)
        callee->spawned = true;
    else
        callee->blocked_on = true;
    read_call_of(r, node, call, parts);
    if (what == KNOWN_BLOCK_ON && r->fn)
        report(tu, ERROR, node->from, node->to, "ac_block_on inside of an async function would stop its executor");
    if (!r->fn)
        *push(tu->arena, tu->outside, tu->noutside, tu->outside_room) = node;
    return node;
}

static Node *read_kids(Reader *r, Node *node, Kids kids)
{
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            add_kid(r, node, read_expr(r, kids.v[i]));
    return node;
}

/* The leaves of an initialiser list, in the order of the text; designators are constants. */
static void read_init_leaves(Reader *r, Node *list, CXCursor c)
{
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++) {
        CXCursor kid = kids.v[i];
        if (!is_expr(kid))
            continue;
        while (clang_getCursorKind(kid) == CXCursor_UnexposedExpr) {
            Kids inner = children(r, kid);
            CXCursor last = only_expr(inner);
            if (clang_Cursor_isNull(last) || same_extent(kid, last))
                break;
            /* `.x = value`: the value ends where the initialiser ends. */
            int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(kid)));
            if (!word_at(r->tu, from, ".") && !word_at(r->tu, from, "["))
                break;
            kid = last;
        }
        if (clang_getCursorKind(kid) == CXCursor_InitListExpr)
            read_init_leaves(r, list, kid);
        else
            add_kid(r, list, read_expr(r, kid));
    }
}

/* A local, or a member of one: a place that needs no evaluation. */
static bool is_local_path(const Node *node)
{
    while (node->kind == N_OTHER && node->is_lvalue && node->nkids == 1 && node->kids[0]->is_lvalue &&
           node->kids[0]->type->kind == TYPE_RECORD)
        node = node->kids[0];
    return node->kind == N_REF && node->is_lvalue;
}

static Node *read_binary(Reader *r, CXCursor c)
{
    enum CXBinaryOperatorKind op = clang_getCursorBinaryOperatorKind(c);
    enum node_kind kind = N_OTHER;
    int code = 0;
    if (op == CXBinaryOperator_LAnd)
        kind = N_AND;
    else if (op == CXBinaryOperator_LOr)
        kind = N_OR;
    else if (op == CXBinaryOperator_Comma)
        kind = N_COMMA;
    else if (op == CXBinaryOperator_Assign)
        kind = N_ASSIGN;
    else if (op >= CXBinaryOperator_MulAssign && op <= CXBinaryOperator_OrAssign)
        kind = N_ASSIGN, code = '=';
    Node *node = new_node(r, kind, c);
    node->op = code;
    return read_kids(r, node, children(r, c));
}

static Node *read_unary(Reader *r, CXCursor c)
{
    enum CXUnaryOperatorKind op = clang_getCursorUnaryOperatorKind(c);
    if (is_await(r, c))
        return read_await(r, c);
    Node *node = new_node(r, N_OTHER, c);
    if (op == CXUnaryOperator_AddrOf)
        node->kind = N_ADDRESS;
    else if (op == CXUnaryOperator_PreInc || op == CXUnaryOperator_PreDec || op == CXUnaryOperator_PostInc ||
             op == CXUnaryOperator_PostDec)
        node->kind = N_STEP;
    read_kids(r, node, children(r, c));
    if (node->kind == N_ADDRESS) {
        Node *kid = node->nkids ? node->kids[0] : NULL;
        take_address(kid);
    }
    node->is_lvalue = op == CXUnaryOperator_Deref || op == CXUnaryOperator_Real || op == CXUnaryOperator_Imag ||
                      op == CXUnaryOperator_Extension;
    return node;
}

static Node *read_ref(Reader *r, CXCursor c)
{
    CXCursor decl = clang_getCursorReferenced(c);
    Node *node = new_node(r, N_OTHER, c);
    node->is_lvalue = true;
    Known *known = know(r, decl);
    if (known->name_is && r->fn)
        r->fn->uses_name[known->name_is - 1] = true;
    if (known->fn) {
        if (!r->unevaluated)
            report(r->tu, ERROR, node->from, node->to, "the address of async function '%s': not supported yet",
                   known->fn->name);
        node->kind = N_CONSTANT;
    } else if (known->what == KNOWN_CONSTANT) {
        node->kind = N_CONSTANT;
        node->is_lvalue = false;
    } else if (known->local && r->fn) {
        node->kind = N_REF;
        node->local = known->local;
        known->local->used = true;
    }
    return node;
}

/* A call that isn't an ordinary one: of an async function, of the generic runners. Else null. */
static Node *read_special_call(Reader *r, CXCursor c, Kids *call)
{
    Fn *callee = async_callee(r, c, call);
    Kids kids = *call;
    if (callee) {
        Node *node = new_node(r, N_OTHER, c);
        if (!r->unevaluated) {
            const char *name = callee->name;
            report(r->tu, ERROR, node->from, node->to, "the future of '%s' is never awaited", name);
            note(r->tu, -1, -1, "nothing of its body runs; write 'await %s(...)' or give it to ac_spawn_local", name);
            if (r->fn && !call_around(r->tu, node->from))
                fixit(r->tu, node->from, node->from, "await ");
        }
        return node;
    }
    if (kids.n) {
        CXCursor direct = core(r, kids.v[0]);
        if (clang_getCursorKind(direct) == CXCursor_DeclRefExpr) {
            CXCursor decl = clang_getCursorReferenced(direct);
            if (clang_getCursorKind(decl) == CXCursor_FunctionDecl) {
                int what = know(r, decl)->what;
                if (what == KNOWN_SPAWN || what == KNOWN_BLOCK_ON)
                    return read_generic_runner(r, c, kids, what);
            }
        }
        if (!r->unevaluated && calls_async_pointer(r, c)) {
            Node *node = new_node(r, N_OTHER, c);
            report(r->tu, ERROR, node->from, node->to, "a call through an async function pointer is not supported yet");
            return node;
        }
    }
    return NULL;
}

static Node *read_call(Reader *r, CXCursor c)
{
    Kids kids;
    Node *node = read_special_call(r, c, &kids);
    return node ? node : read_kids(r, new_node(r, N_CALL, c), kids);
}

static bool contains_await(Reader *r, CXCursor c)
{
    if (is_await(r, c))
        return true;
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++)
        if (contains_await(r, kids.v[i]))
            return true;
    return false;
}

static Node *read_unevaluated(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_UNEVALUATED, c);
    bool before = r->unevaluated;
    r->unevaluated = true;
    read_kids(r, node, children(r, c));
    r->unevaluated = before;
    return node;
}

static Node *read_literal_object(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_LITERAL, c);
    node->is_lvalue = true;
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++)
        if (clang_getCursorKind(kids.v[i]) == CXCursor_InitListExpr) {
            Node *list = new_node(r, N_INIT, kids.v[i]);
            read_init_leaves(r, list, kids.v[i]);
            add_kid(r, node, list);
        }
    if (r->fn) {
        int n = 0;
        for (int i = 0; i < r->fn->nlocals; i++)
            n += r->fn->locals[i]->kind == LOCAL_LITERAL;
        const char *name = take_format(r->arena, "%s__lit%d", r->fn->name, n + 1);
        node->local = add_local(r, LOCAL_LITERAL, name, type_of(r, clang_getCursorType(c)), node->from);
        node->local->decl = node;
    }
    return node;
}

static Node *read_unexposed(Reader *r, CXCursor c)
{
    Kids kids = children(r, c);
    if (kids.n == 1 && is_expr(kids.v[0]) && same_extent(c, kids.v[0])) {
        /* An implicit conversion: what is below is read, not used as a place. Or __func__, whose child is
         * the name as a string. */
        if (r->fn && clang_getCursorKind(kids.v[0]) == CXCursor_StringLiteral)
            r->fn->shows_name = true;
        Node *node = read_expr(r, kids.v[0]);
        CXType inner = clang_getCanonicalType(clang_getCursorType(kids.v[0]));
        Type *type = type_of(r, clang_getCursorType(c));
        if (node->kind == N_AWAIT && node->await && node->type->kind == TYPE_VOID)
            return node;
        if ((inner.kind == CXType_ConstantArray || inner.kind == CXType_IncompleteArray ||
             inner.kind == CXType_VariableArray) &&
            type->kind == TYPE_SCALAR) {
            if (node->is_lvalue)
                take_address(node);
            else if (node->kind == N_OTHER)
                node->op = 'a'; /* points into a value that is gone after the full expression */
        }
        if (node->kind == N_AWAIT)
            return node; /* its own type is that of the child's result */
        node->is_lvalue = false;
        node->type = type;
        return node;
    }
    Node *node = new_node(r, N_OTHER, c);
    int nexprs = 0;
    for (int i = 0; i < kids.n; i++)
        nexprs += is_expr(kids.v[i]);
    if (nexprs == 4) { /* a ?: b comes as a, and three more of which the first two show a again */
        Token mark = next_token(r->tu->source->text,
                                offset_of(r, clang_getRangeEnd(clang_getCursorExtent(kids.v[0]))), node->to);
        if (token_is(r->tu->source->text, mark, "?") || node->in_macro || call_around(r->tu, node->from)) {
            node->kind = N_ELVIS;
            add_kid(r, node, read_expr(r, kids.v[0]));
            add_kid(r, node, read_expr(r, kids.v[3]));
            return node;
        }
    }
    if (word_at(r->tu, node->from, "__func__") || word_at(r->tu, node->from, "__FUNCTION__") ||
        word_at(r->tu, node->from, "__PRETTY_FUNCTION__")) {
        if (r->fn)
            r->fn->shows_name = true;
        node->kind = N_CONSTANT;
        return node;
    }
    if (r->fn && kids.n == 1 && clang_getCursorKind(kids.v[0]) == CXCursor_StringLiteral)
        r->fn->shows_name = true;
    node->op = '!'; /* va_arg, atomics: not known to be without effect */
    read_kids(r, node, kids);
    for (int i = 0; i < node->nkids; i++)
        if (node->kids[i]->is_lvalue)
            take_address(node->kids[i]);
    return node;
}

static Node *read_expr_kind(Reader *r, CXCursor c)
{
    switch (clang_getCursorKind(c)) {
    case CXCursor_ParenExpr: {
        CXCursor inner = only_expr(children(r, c));
        return clang_Cursor_isNull(inner) ? new_node(r, N_CONSTANT, c) : read_expr(r, inner);
    }
    case CXCursor_DeclRefExpr:
        return read_ref(r, c);
    case CXCursor_UnexposedExpr:
        return read_unexposed(r, c);
    case CXCursor_CallExpr:
        return read_call(r, c);
    case CXCursor_BinaryOperator:
    case CXCursor_CompoundAssignOperator:
        return read_binary(r, c);
    case CXCursor_UnaryOperator:
        return read_unary(r, c);
    case CXCursor_UnaryExpr:
        return read_unevaluated(r, c);
    case CXCursor_ConditionalOperator:
        return read_kids(r, new_node(r, N_COND, c), children(r, c));
    case CXCursor_IntegerLiteral:
    case CXCursor_FloatingLiteral:
    case CXCursor_ImaginaryLiteral:
    case CXCursor_StringLiteral:
    case CXCursor_CharacterLiteral:
        return new_node(r, N_CONSTANT, c);
    case CXCursor_AddrLabelExpr:
        if (r->fn)
            r->fn->labels_as_values = true;
        return new_node(r, N_CONSTANT, c);
    case CXCursor_InitListExpr: {
        Node *list = new_node(r, N_INIT, c);
        read_init_leaves(r, list, c);
        return list;
    }
    case CXCursor_CompoundLiteralExpr:
        return read_literal_object(r, c);
    case CXCursor_StmtExpr: {
        Node *node = new_node(r, N_STMT_EXPR, c);
        Kids kids = children(r, c);
        if (kids.n)
            add_kid(r, node, read_stmt(r, kids.v[0]));
        return node;
    }
    case CXCursor_MemberRefExpr: {
        Node *node = read_kids(r, new_node(r, N_OTHER, c), children(r, c));
        node->is_lvalue = !node->nkids || node->kids[0]->is_lvalue || node->kids[0]->type->kind == TYPE_SCALAR;
        return node;
    }
    case CXCursor_ArraySubscriptExpr: {
        Kids kids = children(r, c);
        Node *node = new_node(r, N_OTHER, c);
        node->is_lvalue = true;
        for (int i = 0; i < kids.n; i++) {
            CXCursor kid = kids.v[i];
            CXCursor inner = core(r, kid);
            CXType type = clang_getCanonicalType(clang_getCursorType(inner));
            bool array = type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray;
            Node *operand = read_expr(r, array ? inner : kid);
            if (array && !is_local_path(operand)) {
                if (operand->is_lvalue)
                    take_address(operand);
                else if (operand->kind == N_OTHER)
                    operand->op = 'a';
                operand->is_lvalue = false;
                operand->type = type_of(r, clang_getCursorType(kid));
            }
            add_kid(r, node, operand);
        }
        return node;
    }
    case CXCursor_GenericSelectionExpr: {
        Node *node = new_node(r, N_OTHER, c);
        if (contains_await(r, c)) {
            report(r->tu, ERROR, node->from, node->to, "an await in _Generic is not supported yet");
            return node;
        }
        return read_kids(r, node, children(r, c));
    }
    case CXCursor_CStyleCastExpr: {
        /* What stands before the operand is in the type's name. */
        Node *node = new_node(r, N_OTHER, c);
        Kids kids = children(r, c);
        CXCursor operand = only_expr(kids);
        bool before = r->unevaluated;
        r->unevaluated = true;
        for (int i = 0; i < kids.n; i++)
            if (is_expr(kids.v[i]) && !clang_equalCursors(kids.v[i], operand)) {
                Node *in_type = new_node(r, N_UNEVALUATED, kids.v[i]);
                add_kid(r, in_type, read_expr(r, kids.v[i]));
                in_type->type = type_of(r, clang_getCursorType(kids.v[i]));
                add_kid(r, node, in_type);
            }
        r->unevaluated = before;
        if (!clang_Cursor_isNull(operand))
            add_kid(r, node, read_expr(r, operand));
        return node;
    }
    default:
        return read_kids(r, new_node(r, N_OTHER, c), children(r, c));
    }
}

static Node *read_expr(Reader *r, CXCursor c)
{
    Node *node = read_expr_kind(r, c);
    if (!node->type)
        node->type = type_of(r, clang_getCursorType(c));
    return node;
}

/* ---- statements ------------------------------------------------------------------------------------- */

/* The alignment in `_Alignas(16)` or `aligned(16)` at the offset, or -1 when it isn't a number. */
static int read_alignment(const char *text, size_t at, size_t size)
{
    while (at < size && text[at] != '(' && text[at] != ';')
        at++;
    Token number = next_token(text, (int)at + 1, (int)size);
    if (at >= size || text[at] != '(' || number.kind != T_NUMBER || !token_is(text, next_token(text, number.to, (int)size), ")"))
        return -1;
    long value = strtol(text + number.from, NULL, 0);
    return value > 0 && value <= 64 ? (int)value : -1;
}

static void align_local(Reader *r, Local *local, const char *text, size_t at, size_t size)
{
    int alignment = read_alignment(text, at, size);
    if (alignment < 0) {
        local->refused = "is over-aligned";
    } else if (alignment > local->type->align) {
        Type *type = take(r->arena, sizeof *type);
        *type = *local->type;
        type->align = local->alignment = alignment;
        local->type = type;
        local->in_place = true;
    }
}

static void read_variable(Reader *r, Node *declare_node, CXCursor c)
{
    Tu *tu = r->tu;
    enum CX_StorageClass storage = clang_Cursor_getStorageClass(c);
    if (storage == CX_SC_Static || storage == CX_SC_Extern) {
        const char *name = copy_string(r, clang_getCursorSpelling(c));
        int which = reserved_name(name);
        if (which)
            r->fn->uses_name[which - 1] = true;
        return;
    }
    Node *var = new_node(r, N_VAR, c);
    Known *known = find_known(r, c.data[0]);
    known->what = KNOWN_OTHER;
    CXSourceLocation name_at = clang_getCursorLocation(c);
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    Local *local = add_local(r, LOCAL_VAR, name, type_of(r, clang_getCursorType(c)), offset_of(r, name_at));
    known->local = local;
    local->decl = var;
    var->local = local;
    var->type = local->type;
    var->in_macro = local->from < 0 || (call_around(tu, local->from) && !is_spelled(r, name_at));

    CXCursor init = clang_Cursor_getVarDeclInitializer(c);
    add_kid(r, var, NULL);
    Kids kids = children(r, c);
    for (int i = 0; i < kids.n; i++) {
        CXCursor kid = kids.v[i];
        enum CXCursorKind kind = clang_getCursorKind(kid);
        if (clang_isAttribute(kind)) {
            CXFile file;
            unsigned at;
            clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(kid)), &file, NULL, NULL, &at);
            size_t size = 0;
            const char *text = file ? clang_getFileContents(r->unit, file, &size) : NULL;
            if (text && at + 7 < size && (!strncmp(text + at, "cleanup", 7) || !strncmp(text + at, "__clean", 7)))
                local->refused = "has a cleanup";
            else if (text && at + 7 < size && (!strncmp(text + at, "_Align", 6) || !strncmp(text + at, "aligned", 7)))
                align_local(r, local, text, at, size);
            else if (kind == CXCursor_AlignedAttr)
                local->refused = "is over-aligned";
        } else if (is_expr(kid) && !clang_equalCursors(kid, init)) {
            bool before = r->unevaluated;
            Node *in_type;
            if (local->type->variable_size) {
                in_type = read_expr(r, kid);
            } else {
                r->unevaluated = true;
                in_type = new_node(r, N_UNEVALUATED, kid);
                add_kid(r, in_type, read_expr(r, kid));
                r->unevaluated = before;
            }
            add_kid(r, var, in_type);
        }
    }
    if (!clang_Cursor_isNull(init)) {
        var->kids[0] = read_expr(r, init);
        if (var->kids[0]->has_await)
            var->has_await = true;
    }
    add_kid(r, declare_node, var);
}


static enum CXChildVisitResult hide_names(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Reader *r = data;
    Fn *fn = r->fn;
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    if (*name && clang_isDeclaration(clang_getCursorKind(c)))
        *push(r->arena, fn->hidings, fn->nhidings, fn->hidings_room) = (Hiding){ name, r->scope };
    return clang_getCursorKind(c) == CXCursor_EnumDecl ? CXChildVisit_Recurse : CXChildVisit_Continue;
}

static Node *read_declare(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_DECLARE, c);
    Kids kids = children(r, c);
    clang_visitChildren(c, hide_names, r);
    for (int i = 0; i < kids.n; i++) {
        enum CXCursorKind kind = clang_getCursorKind(kids.v[i]);
        if (kind == CXCursor_VarDecl) {
            read_variable(r, node, kids.v[i]);
        } else if (kind == CXCursor_FunctionDecl && is_async(kids.v[i])) {
            report(r->tu, ERROR, node->from, node->to, "an async function declared inside a function is not supported yet");
        }
    }
    /* The type may come from a macro; names and initialisers have to be there to be edited. */
    const Change *call = node->from >= 0 ? call_around(r->tu, node->from) : NULL;
    node->in_macro = call && call->to >= node->to;
    for (int i = 0; i < node->nkids; i++)
        node->in_macro |= node->kids[i]->in_macro;
    if (!node->nkids)
        node->kind = N_EMPTY;
    return node;
}

/* Past the semicolon that ends an expression statement, which clang leaves out. */
static void reach_semicolon(Reader *r, Node *node)
{
    Tu *tu = r->tu;
    int at = skip_blank(tu->source->text, node->to, tu->source->size);
    if (at < tu->source->size && tu->source->text[at] == ';')
        node->to = at + 1;
}

static Node *read_sub(Reader *r, Node *node, CXCursor c)
{
    Node *kid = read_stmt(r, c);
    add_kid(r, node, kid);
    if (kid->end > node->to && !node->in_macro)
        node->to = kid->end;
    return kid;
}

static Node *read_for(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, N_FOR, c);
    Node *outer = r->scope;
    r->scope = node;
    Kids kids = children(r, c);
    CXCursor part[3];
    bool has[3] = { false, false, false };
    if (kids.n == 4) {
        for (int i = 0; i < 3; i++)
            part[i] = kids.v[i], has[i] = true;
    } else if (kids.n > 1) {
        if (node->in_macro || !word_at(tu, node->from, "for")) {
            make_hard(r, node->from); /* which part is absent can be seen in the text alone */
        } else {
            Token open = next_token(tu->source->text, node->from + 3, node->to);
            int close = find_closing(tu->source->text, open.from, node->to);
            int semi[2] = { close, close }, nsemi = 0;
            for (int at = open.to; at < close && nsemi < 2;) {
                Token token = next_token(tu->source->text, at, close);
                if (token.kind == T_END)
                    break;
                at = token.to;
                char first = tu->source->text[token.from];
                if (first == ';') {
                    semi[nsemi++] = token.from;
                } else if (token.kind == T_PUNCT && (first == '(' || first == '[' || first == '{')) {
                    int end = find_closing(tu->source->text, token.from, close);
                    at = end < 0 ? close : end + 1;
                }
            }
            for (int i = 0; i + 1 < kids.n; i++) {
                int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(kids.v[i])));
                int which = from < semi[0] ? 0 : from < semi[1] ? 1 : 2;
                part[which] = kids.v[i];
                has[which] = true;
            }
        }
    }
    for (int i = 0; i < 3; i++) {
        if (!has[i])
            add_kid(r, node, NULL);
        else if (i == 0 && clang_getCursorKind(part[i]) == CXCursor_DeclStmt)
            add_kid(r, node, read_declare(r, part[i]));
        else
            add_kid(r, node, read_expr(r, part[i]));
    }
    if (has[0] && node->kids[0]->kind != N_DECLARE)
        node->kids[0]->discarded = true;
    if (has[2])
        node->kids[2]->discarded = true;
    if (kids.n)
        read_sub(r, node, kids.v[kids.n - 1]);
    r->scope = outer;
    return node;
}

static Node *read_stmt_kind(Reader *r, CXCursor c)
{
    enum CXCursorKind kind = clang_getCursorKind(c);
    Node *node;
    Kids kids;
    switch (kind) {
    case CXCursor_CompoundStmt: {
        node = new_node(r, N_COMPOUND, c);
        Node *outer = r->scope;
        r->scope = node;
        kids = children(r, c);
        for (int i = 0; i < kids.n; i++)
            add_kid(r, node, read_stmt(r, kids.v[i]));
        r->scope = outer;
        return node;
    }
    case CXCursor_DeclStmt:
        return read_declare(r, c);
    case CXCursor_IfStmt:
    case CXCursor_WhileStmt:
    case CXCursor_SwitchStmt:
        node = new_node(r, kind == CXCursor_IfStmt ? N_IF : kind == CXCursor_WhileStmt ? N_WHILE : N_SWITCH, c);
        kids = children(r, c);
        for (int i = 0; i < kids.n; i++) {
            if (i == 0)
                add_kid(r, node, read_expr(r, kids.v[i]));
            else
                read_sub(r, node, kids.v[i]);
        }
        if (kind == CXCursor_IfStmt && kids.n == 2)
            add_kid(r, node, NULL);
        return node;
    case CXCursor_DoStmt:
        node = new_node(r, N_DO, c);
        kids = children(r, c);
        if (kids.n == 2) {
            add_kid(r, node, read_stmt(r, kids.v[0]));
            add_kid(r, node, read_expr(r, kids.v[1]));
        }
        reach_semicolon(r, node);
        return node;
    case CXCursor_ForStmt:
        return read_for(r, c);
    case CXCursor_CaseStmt:
    case CXCursor_DefaultStmt:
        node = new_node(r, N_CASE, c);
        node->op = kind == CXCursor_DefaultStmt ? 'd' : 0;
        kids = children(r, c);
        if (kids.n)
            read_sub(r, node, kids.v[kids.n - 1]);
        return node;
    case CXCursor_LabelStmt:
        node = new_node(r, N_LABEL, c);
        node->name = copy_string(r, clang_getCursorSpelling(c));
        kids = children(r, c);
        if (kids.n)
            read_sub(r, node, kids.v[kids.n - 1]);
        return node;
    case CXCursor_GotoStmt:
        node = new_node(r, N_GOTO, c);
        kids = children(r, c);
        node->name = kids.n ? copy_string(r, clang_getCursorSpelling(kids.v[0])) : "";
        reach_semicolon(r, node);
        return node;
    case CXCursor_IndirectGotoStmt:
        node = read_kids(r, new_node(r, N_GOTO_ANY, c), children(r, c));
        reach_semicolon(r, node);
        return node;
    case CXCursor_BreakStmt:
    case CXCursor_ContinueStmt:
        node = new_node(r, kind == CXCursor_BreakStmt ? N_BREAK : N_CONTINUE, c);
        reach_semicolon(r, node);
        return node;
    case CXCursor_ReturnStmt:
        node = new_node(r, N_RETURN, c);
        kids = children(r, c);
        add_kid(r, node, kids.n ? read_expr(r, kids.v[0]) : NULL);
        reach_semicolon(r, node);
        if (node->in_macro)
            make_hard(r, node->from);
        return node;
    case CXCursor_NullStmt:
        return new_node(r, N_EMPTY, c);
    case CXCursor_GCCAsmStmt:
        node = read_kids(r, new_node(r, N_ASM, c), children(r, c));
        for (int i = 0; i < node->nkids; i++)
            if (node->kids[i]->is_lvalue)
                take_address(node->kids[i]);
        reach_semicolon(r, node);
        return node;
    case CXCursor_UnexposedStmt:
        kids = children(r, c);
        for (int i = kids.n - 1; i >= 0; i--)
            if (!clang_isAttribute(clang_getCursorKind(kids.v[i])))
                return read_stmt(r, kids.v[i]);
        return new_node(r, N_EMPTY, c);
    default:
        if (clang_isStatement(kind)) {
            node = new_node(r, N_EMPTY, c);
            report(r->tu, ERROR, node->from, node->to, "this kind of statement is not supported in async functions");
            return node;
        }
        node = read_expr(r, c);
        node->discarded = true;
        Node *whole = node;
        CXSourceRange range = clang_getCursorExtent(c);
        int from = offset_of(r, clang_getRangeStart(range)), to = offset_of(r, clang_getRangeEnd(range));
        if (from != node->from || to != node->to) { /* parentheses around all of it */
            whole = new_node(r, N_OTHER, c);
            whole->type = node->type;
            whole->discarded = true;
            whole->op = '(';
            add_kid(r, whole, node);
        }
        return whole;
    }
}

static Node *read_stmt(Reader *r, CXCursor c)
{
    Node *node = read_stmt_kind(r, c);
    if (node->type) { /* clang leaves the semicolon of an expression out */
        node->end = skip_blank(r->tu->source->text, node->to, r->tu->source->size);
        node->end = node->end < r->tu->source->size && r->tu->source->text[node->end] == ';' ? node->end + 1 : node->to;
    } else {
        node->end = node->to;
    }
    return node;
}

/* ---- functions ---------------------------------------------------------------------------------------- */

/* The names of attributes that mean the same on a poll function, or nothing there. The others are
 * refused: const, pure, noreturn or malloc on a poll would miscompile. */
static bool is_harmless_attribute(const char *name, size_t size)
{
    static const char *const harmless[] = {
        "unused",    "maybe_unused", "deprecated", "warn_unused_result", "nodiscard", "noinline",
        "cold",      "hot",          "nonnull",    "access",             "annotate",  "preserve_most",
        "no_sanitize", "used",       "always_inline", "flatten",         "artificial", "nothrow",
    };
    while (size > 4 && !strncmp(name, "__", 2) && !strncmp(name + size - 2, "__", 2))
        name += 2, size -= 4;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strlen(harmless[i]) == size && !memcmp(name, harmless[i], size))
            return true;
    return false;
}

/* The first word of an attribute as it was written, wherever that is. */
static const char *attribute_name(Reader *r, CXCursor c)
{
    CXFile file;
    unsigned at;
    clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(c)), &file, NULL, NULL, &at);
    size_t size = 0;
    const char *text = file ? clang_getFileContents(r->unit, file, &size) : NULL;
    if (!text || at >= size)
        return "annotate";
    size_t end = at;
    while (end < size && (text[end] == '_' || (text[end] | 32) - 'a' + 0u < 26u || text[end] - '0' + 0u < 10u))
        end++;
    const char *name = take_text(r->arena, text + at, end - at);
    if (!strcmp(name, "__asy") || !strcmp(name, "AC_FRAME") || !*name)
        return "annotate";
    return name;
}

typedef struct Head {
    Reader *r;
    CXCursor body;
    bool has_body;
    const char *frame;
    Kids params;
    const char *bad_attribute;
} Head;

static enum CXChildVisitResult visit_head(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Head *head = data;
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (kind == CXCursor_CompoundStmt) {
        head->body = c;
        head->has_body = true;
    } else if (kind == CXCursor_ParmDecl) {
        *push(head->r->arena, head->params.v, head->params.n, head->params.room) = c;
    } else if (kind == CXCursor_AnnotateAttr) {
        const char *text = copy_string(head->r, clang_getCursorSpelling(c));
        if (!strncmp(text, "ac_frame:", 9))
            head->frame = text + 9;
    } else if (clang_isAttribute(kind)) {
        const char *name = attribute_name(head->r, c);
        if (!is_harmless_attribute(name, strlen(name)))
            head->bad_attribute = name;
    }
    return CXChildVisit_Continue;
}

/* Where `async` stands among the specifiers before the name: its offset, or -1. */
static int find_async(const Tu *tu, int from, int to)
{
    for (int at = from;;) {
        Token token = next_token(tu->source->text, at, to);
        if (token.kind == T_END)
            return -1;
        if (token_is(tu->source->text, token, "async") || token_is(tu->source->text, token, "AC_ASYNC"))
            return token.from;
        at = token.to;
    }
}

static bool has_word(const Tu *tu, int from, int to, const char *word)
{
    for (int at = from;;) {
        Token token = next_token(tu->source->text, at, to);
        if (token.kind == T_END)
            return false;
        if (token_is(tu->source->text, token, word))
            return true;
        at = token.to;
    }
}

/* From the declaration's cursor to its text. False where the text isn't all there. */
static bool read_decl_text(Reader *r, CXCursor c, Fn *fn, Decl *decl, bool is_definition)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Node span = { 0 };
    place(r, &span, c);
    decl->name_from = offset_of(r, clang_getCursorLocation(c));
    decl->name_to = decl->name_from + (int)strlen(fn->name);
    decl->from = span.from;
    decl->to = span.to;
    decl->is_definition = is_definition;
    if (span.from < 0 || decl->name_from < 0)
        return false; /* in another file: a plain header, by AC_ASYNC */
    decl->in_text = true;
    if (!word_at(tu, decl->name_from, fn->name) || (call_around(tu, span.from) && !word_at(tu, span.from, "AC_ASYNC"))) {
        make_hard(r, word_at(tu, decl->name_from, fn->name) ? span.from : decl->name_from);
        return true;
    }
    int end = is_definition ? span.to : tu->source->size;
    int at = decl->name_to;
    Token token = next_token(text, at, end);
    while (token_is(text, token, ")"))
        token = next_token(text, token.to, end);
    int close = token_is(text, token, "(") ? find_closing(text, token.from, end) : -1;
    if (close < 0) {
        /* The parameters come from a typedef or a macro. */
        report(tu, ERROR, decl->name_from, decl->name_to, "the parameters of async function '%s' have to stand after its name",
               fn->name);
        return true;
    }
    decl->params_from = token.to;
    decl->params_to = close;
    if (is_definition) {
        Token brace = next_token(text, close + 1, span.to);
        if (brace.kind == T_NAME && memcmp(text + brace.from, "__a", 3) && !token_is(text, brace, "__attribute__"))
            report(tu, ERROR, decl->name_from, decl->name_to, "async function '%s' can't be defined in K&R style", fn->name);
        while (brace.kind != T_END && !token_is(text, brace, "{"))
            brace = next_token(text, brace.to, span.to);
        decl->to = brace.from;
    } else {
        Token semi = next_token(text, span.to, tu->source->size);
        if (token_is(text, semi, ",")) {
            report(tu, ERROR, decl->name_from, decl->name_to,
                   "an async function has to be declared in a declaration of its own");
        }
        decl->to = token_is(text, semi, ";") ? semi.to : span.to;
    }
    int async_at = find_async(tu, decl->from, decl->name_from);
    if (async_at < 0) {
        report(tu, ERROR, decl->name_from, decl->name_to, "'%s' is async, but this declaration doesn't say so", fn->name);
        if (fn->ndecls)
            note(tu, fn->decls[0].in_text ? fn->decls[0].name_from : -1,
                 fn->decls[0].in_text ? fn->decls[0].name_to : -1, "previous declaration is here");
        fixit(tu, decl->from, decl->from, "async ");
    } else {
        r->seen[async_at] = 1;
    }
    fn->is_inline |= has_word(tu, decl->from, decl->name_from, "inline");
    int end_of_head = decl->is_definition ? decl->to : span.to;
    if (has_word(tu, decl->from, end_of_head, "_Noreturn") || has_word(tu, decl->from, end_of_head, "noreturn") ||
        has_word(tu, decl->from, end_of_head, "__noreturn__"))
        report(tu, ERROR, decl->name_from, decl->name_to,
               "attribute 'noreturn' on async function '%s': its poll function does return", fn->name);
    return true;
}

static void read_params(Reader *r, Fn *fn, Kids params, CXType type, bool named)
{
    fn->nparams = 0;
    fn->params = take(r->arena, (size_t)(params.n + 1) * sizeof *fn->params);
    for (int i = 0; i < params.n; i++) {
        const char *name = copy_string(r, clang_getCursorSpelling(params.v[i]));
        CXType param = clang_getArgType(type, (unsigned)i);
        if (param.kind != CXType_Typedef && param.kind != CXType_Elaborated)
            param = clang_getArgType(clang_getCanonicalType(type), (unsigned)i); /* an array as a pointer */
        Type *t = type_of(r, param);
        if (!*name) {
            int at = offset_of(r, clang_getCursorLocation(params.v[i]));
            if (named)
                report(r->tu, ERROR, at, at, "a parameter of an async definition needs a name");
            name = take_format(r->arena, "%s__p%d", fn->name, i + 1);
        }
        Local *local = add_local(r, LOCAL_PARAM, name, t, offset_of(r, clang_getCursorLocation(params.v[i])));
        /* The function type drops a parameter's own const and volatile; the body has them. */
        CXType own = clang_getCanonicalType(clang_getCursorType(params.v[i]));
        if (clang_isVolatileQualifiedType(own))
            local->in_place = true;
        if (clang_isConstQualifiedType(own))
            local->in_place = true;
        if (own.kind == CXType_VariableArray || t->variable_size)
            local->refused = "is variably modified";
        Known *known = find_known(r, params.v[i].data[0]);
        known->what = KNOWN_OTHER;
        known->local = local;
        fn->params[fn->nparams++] = local;
    }
}

static int by_name(const void *a, const void *b)
{
    const Local *x = *(Local *const *)a, *y = *(Local *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->index - y->index;
}

/* Two locals of one name, in different blocks, are x and x__2 in the frame. */
static void name_fields(Reader *r, Fn *fn)
{
    Local **sorted = take(r->arena, ((size_t)fn->nlocals + 1) * sizeof *sorted);
    for (int i = 0; i < fn->nlocals; i++)
        sorted[i] = fn->locals[i];
    if (fn->nlocals)
        qsort(sorted, (size_t)fn->nlocals, sizeof *sorted, by_name);
    for (int i = 0, same = 0; i < fn->nlocals; i++) {
        same = i && !strcmp(sorted[i]->name, sorted[i - 1]->name) ? same + 1 : 0;
        bool ours = !strcmp(sorted[i]->name, "state") || !strcmp(sorted[i]->name, "result");
        if (same || ours)
            sorted[i]->field = take_format(r->arena, "%s__%d", sorted[i]->name, same + 1);
    }
}

static void read_async_function(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    const char *name = copy_string(r, clang_getCursorSpelling(c));
    CXType type = clang_getCursorType(c);
    Head head = { .r = r, .params = { .arena = r->arena } };
    clang_visitChildren(c, visit_head, &head);

    Fn *fn = find_fn(tu, name);
    if (!fn) {
        fn = take(r->arena, sizeof *fn);
        fn->tu = tu;
        fn->name = name;
        fn->frame_type = take_format(r->arena, "struct %s__frame", name);
        fn->frame_size = -1;
        fn->frame_align = 1;
        fn->is_main = !strcmp(name, "main");
        *push(tu->arena, tu->fns, tu->nfns, tu->fns_room) = fn;
    }
    find_known(r, c.data[0])->fn = fn;
    find_known(r, c.data[0])->what = KNOWN_CONSTANT;
    fn->result = type_of(r, clang_getUnqualifiedType(clang_getCanonicalType(clang_getResultType(type)).kind ==
                                                     CXType_Void
                                                 ? clang_getCanonicalType(clang_getResultType(type))
                                                 : clang_getResultType(type)));
    if (clang_Cursor_getStorageClass(c) == CX_SC_Static)
        fn->is_static = true;

    Decl decl = { 0 };
    read_decl_text(r, c, fn, &decl, head.has_body);
    int at = decl.in_text ? decl.name_from : -1, to = decl.in_text ? decl.name_to : -1;
    if (clang_Cursor_isVariadic(c) && clang_getCanonicalType(type).kind == CXType_FunctionProto) {
        report(tu, ERROR, at, to, "async function '%s' can't be variadic", name);
        note(tu, -1, -1, "its arguments outlive the call; pass a struct or an array");
    } else if (clang_getCanonicalType(type).kind == CXType_FunctionNoProto) {
        report(tu, ERROR, at, to, "async function '%s' needs a prototype", name);
        if (decl.in_text && decl.params_from)
            fixit(tu, decl.params_from, decl.params_to, "void");
    }
    if (head.bad_attribute)
        report(tu, ERROR, at, to, "attribute '%s' can't be given to async function '%s'", head.bad_attribute, name);
    if (fn->result->kind != TYPE_VOID && (fn->result->size < 0 || fn->result->local_tag))
        report(tu, ERROR, at, to, "the result of async function '%s' needs a complete type that has a name", name);
    *push(r->arena, fn->decls, fn->ndecls, fn->decls_room) = decl;

    if (head.frame) {
        fn->is_leaf = true;
        fn->frame_type = head.frame;
    }
    if (!head.has_body) {
        if (!fn->body) { /* the parameters' types, for whoever spawns it */
            r->fn = fn;
            fn->nlocals = 0;
            read_params(r, fn, head.params, type, false);
            r->fn = NULL;
        }
        return;
    }
    if (!decl.in_text) {
        report_at(tu, ERROR, (Place){ 0 }, 0, NULL,
                  take_format(r->arena, "async function '%s' is defined in a plain header; only .ac and .ah files are translated",
                              name));
        return;
    }
    r->fn = fn;
    r->scope = NULL;
    fn->nlocals = fn->nawaits = fn->nparams = fn->nhidings = 0;
    if (fn->is_main)
        tu->has_main = true;
    read_params(r, fn, head.params, type, true);
    fn->body = read_stmt(r, head.body);
    name_fields(r, fn);
    r->fn = NULL;
}

/* ---- the whole file --------------------------------------------------------------------------------------- */

/* Whether a macro stringises or pastes, itself or by those that its body names. */
typedef struct Macro {
    const char *name;
    CXCursor definition;
    int hashes; /* 0: not known yet, 1: no, 2: yes */
} Macro;

typedef struct Macros {
    Reader *r;
    Macro *v;
    int n, room;
} Macros;

static enum CXChildVisitResult visit_macros(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Macros *macros = data;
    if (clang_getCursorKind(c) == CXCursor_MacroDefinition) {
        Macro macro = { copy_string(macros->r, clang_getCursorSpelling(c)), c, 0 };
        *push(macros->r->arena, macros->v, macros->n, macros->room) = macro;
    }
    return CXChildVisit_Continue;
}

static int by_macro_name(const void *a, const void *b)
{
    return strcmp(((const Macro *)a)->name, ((const Macro *)b)->name);
}

static bool has_hash(Macros *macros, const char *name)
{
    Macro key = { .name = name };
    Macro *macro = bsearch(&key, macros->v, (size_t)macros->n, sizeof *macros->v, by_macro_name);
    if (!macro)
        return false;
    if (macro->hashes)
        return macro->hashes == 2;
    macro->hashes = 1;
    CXSourceRange range = clang_getCursorExtent(macro->definition);
    CXFile file;
    unsigned from, to;
    clang_getSpellingLocation(clang_getRangeStart(range), &file, NULL, NULL, &from);
    clang_getSpellingLocation(clang_getRangeEnd(range), NULL, NULL, NULL, &to);
    size_t size = 0;
    const char *text = file ? clang_getFileContents(macros->r->unit, file, &size) : NULL;
    if (!text || to > size)
        return false; /* predefined */
    for (int at = (int)from; at < (int)to;) {
        Token token = next_token(text, at, (int)to);
        if (token.kind == T_END)
            break;
        at = token.to;
        if (token.kind == T_DIRECTIVE || text[token.from] == '#')
            macro->hashes = 2;
        else if (token.kind == T_NAME && token.from > (int)from &&
                 has_hash(macros, take_text(macros->r->arena, text + token.from, (size_t)(token.to - token.from))))
            macro->hashes = 2;
    }
    return macro->hashes == 2;
}

/* Marks (by text) the calls of macros that stringise or paste: a name in their arguments can't be edited. */
static void find_hashed_calls(Reader *r)
{
    Tu *tu = r->tu;
    Macros macros = { .r = r };
    for (int i = 0; i < tu->ncalls; i++) {
        bool in_body = false;
        for (int k = 0; k < tu->nfns && !in_body; k++)
            in_body = tu->fns[k]->body && tu->fns[k]->body->from < tu->calls[i].from && tu->calls[i].from < tu->fns[k]->body->to;
        if (!in_body)
            continue;
        if (!macros.n) {
            clang_visitChildren(clang_getTranslationUnitCursor(r->unit), visit_macros, &macros);
            if (macros.n)
                qsort(macros.v, (size_t)macros.n, sizeof *macros.v, by_macro_name);
        }
        Token name = next_token(tu->source->text, tu->calls[i].from, tu->calls[i].to);
        if (has_hash(&macros, take_text(r->arena, tu->source->text + name.from, (size_t)(name.to - name.from))))
            tu->calls[i].text = "#";
    }
}

static enum CXChildVisitResult visit_plain(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Reader *r = data;
    switch (clang_getCursorKind(c)) {
    case CXCursor_UnaryOperator:
        if (is_await(r, c)) {
            read_await(r, c);
            return CXChildVisit_Continue;
        }
        return CXChildVisit_Recurse;
    case CXCursor_UnaryExpr:
        return CXChildVisit_Continue;
    case CXCursor_CStyleCastExpr: {
        CXCursor operand = only_expr(children(r, c)); /* and not what its type's name says */
        if (!clang_Cursor_isNull(operand) && visit_plain(operand, c, r) == CXChildVisit_Recurse)
            clang_visitChildren(operand, visit_plain, r);
        return CXChildVisit_Continue;
    }
    case CXCursor_CallExpr: {
        Kids kids;
        return read_special_call(r, c, &kids) ? CXChildVisit_Continue : CXChildVisit_Recurse;
    }
    case CXCursor_DeclRefExpr: {
        CXCursor decl = clang_getCursorReferenced(c);
        if (clang_getCursorKind(decl) == CXCursor_FunctionDecl && know(r, decl)->fn)
            read_ref(r, c);
        return CXChildVisit_Continue;
    }
    case CXCursor_VarDecl:
        if (type_of(r, clang_getCursorType(c))->is_async_pointer) {
            int at = offset_of(r, clang_getCursorLocation(c));
            report(r->tu, ERROR, at, at, "an async function pointer is not supported yet");
        }
        return CXChildVisit_Recurse;
    default:
        return CXChildVisit_Recurse;
    }
}

/* A name that the program declares and that could be one of asyncc's. */
typedef struct Taken {
    const char *name;
    int from;
} Taken;

typedef struct Top {
    Reader *r;
    Taken *taken;
    int ntaken, taken_room;
    Kids functions, macros;
    struct {
        const char *name;
        CXCursor decl;
    } *frames;
    int nframes, frames_room;
    CXCursor *starts;
    int nstarts, starts_room;
} Top;

static void note_async_pointer(Reader *r, CXCursor c)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(c));
    while (type.kind == CXType_Pointer || type.kind == CXType_ConstantArray)
        type = clang_getCanonicalType(type.kind == CXType_Pointer ? clang_getPointeeType(type)
                                                                  : clang_getArrayElementType(type));
    if (clang_getFunctionTypeCallingConv(type) != CXCallingConv_PreserveMost)
        return;
    int at = offset_of(r, clang_getCursorLocation(c));
    int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
    if (at < 0)
        return;
    int async_at = find_async(r->tu, from, at);
    if (async_at >= 0)
        r->seen[async_at] = 1;
    CXString name = clang_getCursorSpelling(c);
    report(r->tu, ERROR, at, at + (int)strlen(clang_getCString(name)), "an async function pointer is not supported yet");
    clang_disposeString(name);
}

static enum CXChildVisitResult visit_pointers(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (kind == CXCursor_FieldDecl || kind == CXCursor_ParmDecl)
        note_async_pointer(data, c);
    return CXChildVisit_Recurse;
}

static void take_name(Top *top, CXCursor c)
{
    CXString string = clang_getCursorSpelling(c);
    const char *name = clang_getCString(string);
    const char *made = name ? strstr(name, "__") : NULL;
    if (made && made > name)
        *push(top->r->arena, top->taken, top->ntaken, top->taken_room) =
            (Taken){ take_text(top->r->arena, name, strlen(name)), offset_of(top->r, clang_getCursorLocation(c)) };
    clang_disposeString(string);
}

static enum CXChildVisitResult take_enumerator(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    take_name(data, c);
    return CXChildVisit_Continue;
}

/* f__poll and the like, declared by the program, for an f whose functions are made here. */
static void check_clashes(Reader *r, Top *top)
{
    static const char *const made[] = { "frame", "init", "start", "poll", "cancel", "future", "body", "spawn_local",
                                        "block_on", "poll_any", "cancel_any" };
    for (int i = 0; i < top->ntaken; i++) {
        const Taken *taken = &top->taken[i];
        for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
            size_t size = strlen(taken->name), tail = strlen(made[k]);
            if (size < tail + 3 || strcmp(taken->name + size - tail, made[k]) || memcmp(taken->name + size - tail - 2, "__", 2))
                continue;
            Fn *fn = find_fn(r->tu, take_text(r->arena, taken->name, size - tail - 2));
            if (!fn || fn->is_leaf)
                continue;
            report(r->tu, ERROR, taken->from, taken->from < 0 ? -1 : taken->from + (int)size,
                   "'%s' clashes with a name that asyncc makes for async function '%s'", taken->name, fn->name);
        }
    }
}

static enum CXChildVisitResult visit_top(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Top *top = data;
    Reader *r = top->r;
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (clang_isDeclaration(kind) || kind == CXCursor_MacroDefinition)
        take_name(top, c);
    if (kind == CXCursor_EnumDecl)
        clang_visitChildren(c, take_enumerator, top);
    switch (kind) {
    case CXCursor_FunctionDecl: {
        int at = offset_of(r, clang_getCursorLocation(c));
        if (at >= 0 || is_async(c)) {
            *push(r->arena, top->functions.v, top->functions.n, top->functions.room) = c;
        } else {
            CXString name = clang_getCursorSpelling(c);
            const char *text = clang_getCString(name);
            size_t size = strlen(text);
            if (size > 7 && !strcmp(text + size - 7, "__start"))
                *push(r->arena, top->starts, top->nstarts, top->starts_room) = c;
            clang_disposeString(name);
        }
        break;
    }
    case CXCursor_StructDecl: {
        CXString name = clang_getCursorSpelling(c);
        const char *text = clang_getCString(name);
        size_t size = strlen(text);
        if (size > 7 && !strcmp(text + size - 7, "__frame") && clang_isCursorDefinition(c)) {
            push(r->arena, top->frames, top->nframes, top->frames_room);
            top->frames[top->nframes - 1].name = take_text(r->arena, text, size);
            top->frames[top->nframes - 1].decl = c;
        }
        clang_disposeString(name);
        if (offset_of(r, clang_getCursorLocation(c)) >= 0)
            clang_visitChildren(c, visit_pointers, r);
        break;
    }
    case CXCursor_VarDecl:
    case CXCursor_TypedefDecl:
        if (offset_of(r, clang_getCursorLocation(c)) >= 0)
            note_async_pointer(r, c);
        break;
    case CXCursor_MacroExpansion: {
        CXSourceRange range = clang_getCursorExtent(c);
        CXSourceLocation start = clang_getRangeStart(range);
        int from = offset_of(r, start), to = offset_of(r, clang_getRangeEnd(range));
        if (from < 0 || to <= from || !is_spelled(r, start))
            break;
        CXString name = clang_getCursorSpelling(c);
        const char *text = clang_getCString(name);
        if (!is_keyword_spelling(text, (int)strlen(text)))
            *push(r->arena, r->tu->calls, r->tu->ncalls, r->tu->calls_room) = (Change){ from, to, NULL };
        clang_disposeString(name);
        break;
    }
    default:
        break;
    }
    return CXChildVisit_Continue;
}

static int by_from(const void *a, const void *b)
{
    const Change *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to ? -1 : x->to < y->to);
}

/* Only the outermost calls stay: what an argument calls is expanded with it. */
static void sort_calls(Tu *tu)
{
    if (tu->ncalls)
        qsort(tu->calls, (size_t)tu->ncalls, sizeof *tu->calls, by_from);
    int n = 0;
    for (int i = 0; i < tu->ncalls; i++)
        if (!n || tu->calls[i].from >= tu->calls[n - 1].to)
            tu->calls[n++] = tu->calls[i];
    tu->ncalls = n;
}

static void find_skipped(Reader *r)
{
    Tu *tu = r->tu;
    CXSourceRangeList *list = clang_getSkippedRanges(r->unit, r->file);
    for (unsigned i = 0; list && i < list->count; i++) {
        int from = offset_of(r, clang_getRangeStart(list->ranges[i]));
        int to = offset_of(r, clang_getRangeEnd(list->ranges[i]));
        *push(tu->arena, tu->skipped, tu->nskipped, tu->skipped_room) = (Change){ from, to, NULL };
    }
    if (list)
        clang_disposeSourceRangeList(list);
}

static bool is_skipped(const Tu *tu, int offset)
{
    for (int i = 0; i < tu->nskipped; i++)
        if (tu->skipped[i].from <= offset && offset < tu->skipped[i].to)
            return true;
    return false;
}

/* Every await and async of the text has to be some node's; the parse passes over a stray one. */
static void check_keywords(Reader *r)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Token before = { 0 };
    for (int at = 0;;) {
        Token token = next_token(text, at, tu->source->size);
        if (token.kind == T_END)
            return;
        at = token.to;
        bool await = token_is(text, token, "await"), async = token_is(text, token, "async");
        bool keyword = (await || async) && memcmp(text + token.from, tu->source->parse + token.from, 5);
        if (keyword && !r->seen[token.from] && !call_around(tu, token.from) && !is_skipped(tu, token.from)) {
            if (async) {
                Token next = next_token(text, at, tu->source->size);
                if (token_is(text, next, "{"))
                    report(tu, ERROR, token.from, token.to, "async blocks are not supported yet");
                else
                    report(tu, ERROR, token.from, token.to, "'async' belongs to the declaration of a function");
            } else if (token_is(text, before, "await")) {
                report(tu, ERROR, token.from, token.to, "what is awaited is no future: it is awaited already");
            } else {
                report(tu, ERROR, token.from, token.to, "'await' before what is no expression");
            }
        }
        before = token;
    }
}

static void find_leaf_frames(Reader *r, Top *top)
{
    Tu *tu = r->tu;
    for (int i = 0; i < tu->nfns; i++) {
        Fn *fn = tu->fns[i];
        if (!fn->is_leaf)
            continue;
        const char *tag = strncmp(fn->frame_type, "struct ", 7) ? fn->frame_type : fn->frame_type + 7;
        for (int k = 0; k < top->nframes; k++) {
            if (strcmp(top->frames[k].name, tag))
                continue;
            CXType type = clang_getCursorType(top->frames[k].decl);
            fn->frame_size = clang_Type_getSizeOf(type);
            fn->frame_align = (int)clang_Type_getAlignOf(type);
        }
        const char *start = take_format(r->arena, "%s__start", fn->name);
        for (int k = 0; k < top->nstarts; k++) {
            CXString name = clang_getCursorSpelling(top->starts[k]);
            fn->has_start |= !strcmp(clang_getCString(name), start);
            clang_disposeString(name);
        }
        if (fn->frame_size < 0) {
            const Decl *decl = &fn->decls[0];
            int from = decl->in_text ? decl->name_from : -1, to = decl->in_text ? decl->name_to : -1;
            report(tu, ERROR, from, to, "the frame '%s' of '%s' isn't defined", fn->frame_type, fn->name);
        }
    }
}

static void visit_inclusion(CXFile file, CXSourceLocation *stack, unsigned depth, CXClientData data)
{
    Reader *r = data;
    Tu *tu = r->tu;
    if (!depth)
        return;
    const char *path = copy_string(r, clang_getFileName(file));
    for (int i = 0; i < tu->nincludes; i++)
        if (!strcmp(tu->includes[i], path))
            return;
    int room = tu->includes_room, n = tu->nincludes;
    bool system = clang_Location_isInSystemHeader(clang_getLocationForOffset(r->unit, file, 0));
    *push(tu->arena, tu->includes, tu->nincludes, tu->includes_room) = path;
    *push(tu->arena, tu->include_is_system, n, room) = system;
    size_t size = strlen(path);
    if (size > 3 && !strcmp(path + size - 3, ".ah")) {
        /* Those that stand in our text have been pasted; this one came through a plain header. */
        CXFile from;
        unsigned line;
        clang_getFileLocation(stack[0], &from, &line, NULL, NULL);
        const char *by = from ? copy_string(r, clang_getFileName(from)) : "";
        report_at(tu, ERROR, (Place){ 0 }, 0, NULL,
                  take_format(r->arena, "%s:%u: a plain header includes '%s'; only .ac and .ah files can", by, line, path));
    }
}

static const char *parse_path(const Tu *tu)
{
    return strcmp(tu->options->input, "-") ? tu->options->input : "stdin.c";
}

bool read_functions(Tu *tu)
{
    Reader *r = take(tu->arena, sizeof *r);
    tu->reader = r;
    r->tu = tu;
    r->arena = tu->arena;
    r->type_room = r->known_room = 1024;
    r->types = take(r->arena, r->type_room * sizeof *r->types);
    r->known = take(r->arena, r->known_room * sizeof *r->known);
    r->seen = take(r->arena, (size_t)tu->source->size + 1);
    tu->nfns = tu->noutside = tu->nhard = tu->ninserts = tu->ncalls = tu->nskipped = tu->nincludes = 0;
    tu->has_main = false;

    static const char *const own[] = {
        "-xc",
        "-D__ASYNCC__=1",
        "-D__awt=__extension__",
        "-D__asy=__attribute__((annotate(\"async\"),preserve_most))",
        "-D__dfr=[[clang::suppress]]",
        "-fbracket-depth=4096",
        "-ferror-limit=0",
        "-Wno-unknown-warning-option",
        "-Werror=incompatible-function-pointer-types",
    };
    int nown = (int)(sizeof own / sizeof *own), n = 0;
    const char **args = take(r->arena, (size_t)(nown + tu->options->nclang_args) * sizeof *args);
    for (int i = 0; i < tu->options->nclang_args; i++)
        args[n++] = tu->options->clang_args[i];
    for (int i = 0; i < nown; i++)
        args[n++] = own[i];
    struct CXUnsavedFile text = { parse_path(tu), tu->source->parse, (unsigned long)tu->source->size };
    r->index = clang_createIndex(0, 0);
    enum CXErrorCode error =
        clang_parseTranslationUnit2(r->index, parse_path(tu), args, n, &text, 1,
                                    CXTranslationUnit_DetailedPreprocessingRecord, &r->unit);
    if (error) {
        Buf message = { .arena = r->arena };
        add(&message, error == CXError_Crashed ? "libclang crashed on this file" : "libclang can't parse with these options:");
        for (int i = 0; i < tu->options->nclang_args && error != CXError_Crashed; i++)
            add_format(&message, " %s", tu->options->clang_args[i]);
        report_at(tu, ERROR, (Place){ .file = tu->main_file }, 0, NULL, message.text);
        return false;
    }
    r->file = clang_getFile(r->unit, parse_path(tu));
    pass_on_messages(r);
    find_skipped(r);

    Top top = { .r = r, .functions = { .arena = r->arena } };
    clang_visitChildren(clang_getTranslationUnitCursor(r->unit), visit_top, &top);
    sort_calls(tu);
    for (int i = 0; i < top.functions.n; i++) {
        CXCursor c = top.functions.v[i];
        /* main loses its calling convention; the annotation tells. */
        bool async = is_async(c);
        if (!async) {
            CXString name = clang_getCursorSpelling(c);
            if (!strcmp(clang_getCString(name), "main")) {
                int from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
                int at = offset_of(r, clang_getCursorLocation(c));
                async = from >= 0 && find_async(tu, from, at) >= 0;
            }
            clang_disposeString(name);
        }
        if (async)
            read_async_function(r, c);
        else
            clang_visitChildren(c, visit_plain, r);
    }
    find_leaf_frames(r, &top);
    check_clashes(r, &top);
    find_hashed_calls(r);
    if (!tu->nhard)
        check_keywords(r);
    clang_getInclusions(r->unit, visit_inclusion, r);
    if (tu->nhard)
        qsort(tu->hard, (size_t)tu->nhard, sizeof *tu->hard, by_from);
    if (tu->ninserts)
        qsort(tu->inserts, (size_t)tu->ninserts, sizeof *tu->inserts, by_from);
    return !count_errors(tu);
}

void free_reader(Tu *tu)
{
    if (!tu->reader)
        return;
    if (tu->reader->unit)
        clang_disposeTranslationUnit(tu->reader->unit);
    if (tu->reader->index)
        clang_disposeIndex(tu->reader->index);
    tu->reader = NULL;
}

/* read_expr.c - expressions.
 *
 *     x + await f(y)      N_OTHER { N_REF x, N_AWAIT f { N_REF y } }
 *
 * `await` reaches clang as __extension__; which of these were awaits, the text's words tell. An implicit
 * conversion is an unexposed node with one child of the same extent: a reference below one is read, one
 * without is used as a place. */
#include "read.h"
#include <string.h>

bool is_expr(CXCursor c)
{
    return clang_isExpression(clang_getCursorKind(c));
}

CXCursor only_expr(Kids kids)
{
    for (int i = kids.n - 1; i >= 0; i--)
        if (is_expr(kids.v[i]))
            return kids.v[i];
    return clang_getNullCursor();
}

CXCursor core(Reader *r, CXCursor c)
{
    for (;;) {
        enum CXCursorKind kind = clang_getCursorKind(c);
        if (kind != CXCursor_ParenExpr && kind != CXCursor_UnexposedExpr)
            return c;
        Kids kids = children(r, c);
        if (kids.n != 1 || !is_expr(kids.v[0]) || (kind == CXCursor_UnexposedExpr && !is_wrapper(r, c, kids.v[0])))
            return c;
        c = kids.v[0];
    }
}

bool is_await(Reader *r, CXCursor c)
{
    if (clang_getCursorKind(c) != CXCursor_UnaryOperator ||
        clang_getCursorUnaryOperatorKind(c) != CXUnaryOperator_Extension)
        return false;
    CXFile file = NULL;
    unsigned at;
    clang_getSpellingLocation(clang_getCursorLocation(c), &file, NULL, NULL, &at);
    return file && clang_File_isEqual(file, r->file) && find_word(r->tu->source, (int)at);
}

Fn *async_callee(Reader *r, CXCursor c, Kids *kids)
{
    if (clang_getCursorKind(c) != CXCursor_CallExpr)
        return NULL;
    *kids = children(r, c);
    if (!kids->n)
        return NULL;
    CXCursor callee = core(r, kids->v[0]);
    if (clang_getCursorKind(callee) == CXCursor_GenericSelectionExpr &&
        (!calls_async_pointer(r, c) || !chooses_function(r, callee, &callee)))
        return NULL;
    if (clang_getCursorKind(callee) != CXCursor_DeclRefExpr)
        return NULL;
    CXCursor decl = clang_getCursorReferenced(callee);
    return clang_getCursorKind(decl) == CXCursor_FunctionDecl ? know(r, decl)->fn : NULL;
}

void read_call_of(Reader *r, Node *node, CXCursor call, Kids kids)
{
    const Tu *tu = r->tu;
    node->name_to = end_of(r, kids.v[0]);
    int end = end_of(r, call);
    Token open = next_token(tu->source->text, node->name_to, end);
    node->args_from = open.to;
    node->args_to = end - 1;
    bool before = r->quiet;
    r->quiet = false; /* its place will be asked for */
    if (node->through_pointer)
        add_kid(r, node, read_expr(r, kids.v[0]));
    r->quiet = before;
    for (int i = 1; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            add_kid(r, node, read_expr(r, kids.v[i]));
}

Await *new_await(Reader *r, Node *node, Fn *callee, Type *type)
{
    Await *await = take(r->arena, sizeof *await);
    await->node = node;
    await->callee = callee;
    await->type = type;
    return await;
}

/* ac_join(task, out) copies a T, of which its declaration in task.h can't tell. */
static void check_join(Reader *r, CXCursor task, CXCursor out)
{
    CXType handle = clang_getCanonicalType(clang_getCursorType(core(r, task)));
    CXType to = clang_getCanonicalType(clang_getCursorType(core(r, out)));
    bool is_array = to.kind == CXType_ConstantArray || to.kind == CXType_VariableArray;
    /* What is no pointer here is a null: clang lets no other number pass. */
    if (r->unevaluated || handle.kind != CXType_Pointer || (to.kind != CXType_Pointer && !is_array))
        return;
    CXType result = clang_getUnqualifiedType(clang_getPointeeType(handle));
    CXType place = clang_getUnqualifiedType(is_array ? clang_getArrayElementType(to) : clang_getPointeeType(to));
    if (place.kind == CXType_Void || clang_equalTypes(result, place))
        return;
    Node *node = new_node(r, N_OTHER, out);
    report(r->tu, ERROR, node->from, node->to, "ac_join copies a result of type '%s' to where there is a '%s'",
           declare(r->arena, type_of(r, result), "", false), declare(r->arena, type_of(r, place), "", false));
}

Node *read_await(Reader *r, CXCursor c)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, N_AWAIT, c);
    node->type = type_of(r, clang_getCursorType(c));
    node->in_macro = !word_at(tu, node->from, "await");
    if (node->from >= 0)
        r->seen[node->from] = 1;
    if (node->in_macro || find_call(tu, node->from)) {
        if (r->fn && !r->unevaluated)
            ask_expansion(tu, node->from);
    }
    if (!r->fn) {
        report(tu, ERROR, node->from, node->from + 5, "'await' outside of an async function");
        return node;
    }
    CXCursor operand = core(r, only_expr(children(r, c)));
    Kids kids;
    Await kept = { 0 }; /* its futures, if it has any */
    Fn *callee = async_callee(r, operand, &kids);
    if (callee && callee->is_all) {
        mark_called(r, core(r, kids.v[0]));
        read_all_futures(r, kids, &kept);
    } else if (callee) {
        /* Of `await nap(1)`, where a macro makes that ac_sleep(1 * AC_MS), the arguments aren't in the text. */
        int callee_from = start_of(r, kids.v[0]);
        if (!r->unevaluated && find_call(tu, callee_from))
            ask_expansion(tu, callee_from);
        CXCursor called = core(r, kids.v[0]);
        mark_called(r, called);
        read_call_of(r, node, operand, kids);
        node->lends = find_lends(r, clang_getCursorReferenced(called));
        if (callee->is_leaf && !strcmp(callee->name, "ac_join") && kids.n == 3)
            check_join(r, kids.v[1], kids.v[2]);
    } else {
        Type *type = type_of(r, clang_getCursorType(operand));
        if (type->is_task || type->is_future) {
            /* The star makes clang see the task's result where the task is awaited. */
            if (!node->in_macro)
                ask_insert(tu, node->from + 5, "*");
        } else if (clang_getCursorKind(operand) == CXCursor_UnaryOperator &&
                   clang_getCursorUnaryOperatorKind(operand) == CXUnaryOperator_Deref &&
                   word_at(tu, node->from + 5, "*")) {
            CXCursor handle = only_expr(children(r, operand));
            Type *task = type_of(r, clang_getCursorType(handle));
            if (task->is_future && !read_awaited_future(r, handle, &kept))
                return node;
            if (task->is_future) {
                callee = kept.callee;
                node->type = task->target;
                goto done;
            }
            if (task->is_task) {
                add_kid(r, node, read_expr(r, handle));
                node->type = task->target;
                goto done;
            }
            goto no_future;
        } else if (calls_async_pointer(r, operand)) {
            node->through_pointer = true;
            callee = pointer_callee(r, kids.v[0], node);
            read_call_of(r, node, operand, kids);
        } else {
        no_future:
            if (clang_getCursorKind(operand) != CXCursor_InvalidFile && !is_refused_blocking(r, operand)) {
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
        node->await->futures = kept.futures;
        node->await->nfutures = kept.nfutures;
        node->await->is_all = kept.is_all;
        CXCursor by = callee && !kept.nfutures ? core(r, kids.v[0]) : operand;
        if (callee && !node->through_pointer && !kept.nfutures && clang_getCursorKind(by) == CXCursor_GenericSelectionExpr)
            node->await->choice = read_choice_of_function(r, by);
        node->has_await = true;
        *push(r->arena, r->fn->awaits, r->fn->nawaits, r->fn->awaits_room) = node->await;
        node->await->state = r->fn->nawaits;
    }
    return node;
}

/* Whether the lvalue is (a part of) an object that goes with a function's frame or block. */
static bool is_in_local(Reader *r, CXCursor c)
{
    c = core(r, c);
    CXCursor decl = clang_getCursorReferenced(c);
    Kids kids = children(r, c);
    switch (clang_getCursorKind(c)) {
    case CXCursor_DeclRefExpr:
        return clang_getCursorKind(decl) == CXCursor_ParmDecl ||
               (clang_getCursorKind(decl) == CXCursor_VarDecl && clang_getCursorLinkage(decl) == CXLinkage_NoLinkage &&
                clang_Cursor_getStorageClass(decl) != CX_SC_Static);
    case CXCursor_CompoundLiteralExpr:
        return true;
    case CXCursor_MemberRefExpr:
    case CXCursor_ArraySubscriptExpr: /* of an array or a struct, not of what a pointer points to */
        return kids.n && clang_getCanonicalType(clang_getCursorType(core(r, kids.v[0]))).kind != CXType_Pointer &&
               is_in_local(r, kids.v[0]);
    default:
        return false;
    }
}

/* Whether the value is seen to be an address in such an object. What comes by way of a variable isn't. */
static bool points_to_local(Reader *r, CXCursor c)
{
    c = core(r, c);
    Kids kids = children(r, c);
    switch (clang_getCanonicalType(clang_getCursorType(c)).kind) {
    case CXType_ConstantArray:
    case CXType_VariableArray:
        return is_in_local(r, c);
    default:
        break;
    }
    switch (clang_getCursorKind(c)) {
    case CXCursor_UnaryOperator:
        return clang_getCursorUnaryOperatorKind(c) == CXUnaryOperator_AddrOf && kids.n && is_in_local(r, kids.v[0]);
    case CXCursor_CStyleCastExpr:
    case CXCursor_BinaryOperator:
    case CXCursor_ConditionalOperator:
        for (int i = 0; i < kids.n; i++)
            if (is_expr(kids.v[i]) && points_to_local(r, kids.v[i]))
                return true;
        return false;
    default:
        return false;
    }
}

/* What goes to another thread with a task: so far, no address in what may be gone while the task runs. */
static void check_sent(Reader *r, CXCursor argument, const Fn *callee)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(argument));
    if (r->unevaluated || type.kind != CXType_Pointer || !points_to_local(r, argument))
        return;
    Node *node = new_node(r, N_OTHER, argument);
    report(r->tu, ERROR, node->from, node->to,
           "the address of a local goes to another thread with '%s', and the local may be gone before the task is",
           shown_name(callee));
    note(r->tu, -1, -1, "pass a copy, or memory that belongs to the task; ac_spawn_local keeps it on this thread");
}

/* `ac_block_on(call)` may stand among the arguments of another macro, whose call is all that libclang tells. */
static bool place_runner(const Tu *tu, Node *node, const char *word, int call_from)
{
    const char *text = tu->source->text;
    int size = (int)strlen(word), at = call_from;
    for (int left = 2; left > 0; left--) { /* its parenthesis, then the word's end */
        while (at > 0 && strchr(" \t\n", text[at - 1]))
            at--;
        if (left == 2 && (at <= 0 || text[--at] != '('))
            return false;
    }
    if (at < size || !word_at(tu, at - size, word))
        return false;
    int open = skip_blank(text, at, tu->source->size), close = find_closing(text, open, tu->source->size);
    if (close < 0)
        return false;
    node->from = at - size;
    node->to = close + 1;
    return true;
}

CXCursor find_parsed_call(Reader *r, Kids kids)
{
    CXCursor comma = kids.n > 1 ? core(r, kids.v[1]) : clang_getNullCursor();
    Kids sides = children(r, comma);
    CXCursor cast = sides.n ? core(r, sides.v[0]) : clang_getNullCursor();
    return core(r, only_expr(children(r, cast)));
}

static Node *read_generic_runner(Reader *r, CXCursor c, Kids kids, int what)
{
    Tu *tu = r->tu;
    Node *node = new_node(r, what == KNOWN_BLOCK_ON ? N_BLOCK_ON : N_SPAWN, c);
    const char *word = what == KNOWN_SPAWN ? "ac_spawn" : what == KNOWN_SPAWN_LOCAL ? "ac_spawn_local" : "ac_block_on";
    CXCursor call = find_parsed_call(r, kids);
    Kids parts;
    Fn *callee = async_callee(r, call, &parts);
    if (callee)
        mark_called(r, core(r, parts.v[0]));
    const Change *macro = find_call(tu, node->from);
    Node shown = { .from = -1 };
    if (!clang_Cursor_isNull(call))
        place_node(r, &shown, call);
    if (macro && !(shown.from >= 0 && !shown.in_macro && place_runner(tu, node, word, shown.from))) {
        node->from = macro->from;
        node->to = macro->to;
        if (!word_at(tu, node->from, word)) {
            if (r->fn)
                ask_expansion(r->tu, node->from);
            else
                report(tu, ERROR, node->from, node->to, "%s in a macro, outside of an async function, is not supported yet",
                       word);
            return node;
        }
    }
    bool chosen = clang_getCursorKind(call) == CXCursor_CallExpr && parts.n &&
                  clang_getCursorKind(core(r, parts.v[0])) == CXCursor_GenericSelectionExpr;
    if (!callee && !chosen && calls_async_pointer(r, call)) {
        node->through_pointer = tu->has_boxes = true;
        callee = pointer_callee(r, parts.v[0], node);
    }
    if (!callee || chosen) {
        if (is_refused_blocking(r, call))
            return node;
        if (chosen)
            report(tu, ERROR, node->from, node->to, "%s of a call of what _Generic chooses is not supported yet", word);
        else
            report(tu, ERROR, node->from, node->to, "%s takes a call of an async function", word);
        return node;
    }
    node->callee = callee;
    node->on_pool = what == KNOWN_SPAWN;
    callee->spawned |= what != KNOWN_BLOCK_ON;
    callee->on_thread |= what == KNOWN_SPAWN_LOCAL;
    callee->on_pool |= what == KNOWN_SPAWN;
    callee->blocked_on |= what == KNOWN_BLOCK_ON;
    read_call_of(r, node, call, parts);
    for (int i = 1; node->on_pool && i < parts.n; i++)
        if (is_expr(parts.v[i]))
            check_sent(r, parts.v[i], callee);
    if (what == KNOWN_BLOCK_ON && r->fn)
        report(tu, ERROR, node->from, node->to, "ac_block_on inside of an async function would stop its executor");
    if (r->fn)
        r->fn->has_handles |= what != KNOWN_BLOCK_ON;
    else
        *push(tu->arena, tu->outside, tu->noutside, tu->outside_room) = node;
    use_at_top(r);
    return node;
}

/* Whether no keyword stands in it, so that no pass will ask where its operands are: but for names, of
 * course, and for the conditions that control may branch on. */
static bool is_quiet(const Reader *r, const Node *node)
{
    if (r->placing || node->kind == N_AND || node->kind == N_OR || node->kind == N_COND || node->kind == N_ELVIS)
        return false;
    if (r->quiet)
        return true;
    const Words *words = &r->tu->source->words;
    int next = first_word(r->tu->source, node->from);
    return node->from >= 0 && (next == words->n || words->v[next].at >= node->to);
}

Node *read_kids(Reader *r, Node *node, Kids kids)
{
    bool before = r->quiet;
    r->quiet = is_quiet(r, node);
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            add_kid(r, node, read_expr(r, kids.v[i]));
    r->quiet = before;
    return node;
}

/* A node whose place matters only where an operand of it can be moved. */
static Node *new_operand(Reader *r, enum node_kind kind, CXCursor c)
{
    if (!r->quiet || r->placing || kind == N_AND || kind == N_OR || kind == N_COND)
        return new_node(r, kind, c);
    Node *node = take(r->arena, sizeof *node);
    node->kind = kind;
    node->from = node->to = -1;
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
            if (clang_Cursor_isNull(last) || is_wrapper(r, kid, last))
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
    Node *node = new_operand(r, kind, c);
    node->op = code;
    return read_kids(r, node, children(r, c));
}

static Node *read_unary(Reader *r, CXCursor c)
{
    enum CXUnaryOperatorKind op = clang_getCursorUnaryOperatorKind(c);
    if (is_await(r, c))
        return read_await(r, c);
    Node *node = new_operand(r, N_OTHER, c);
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

Node *read_ref(Reader *r, CXCursor c)
{
    CXCursor decl = clang_getCursorReferenced(c);
    Node *node = new_node(r, N_OTHER, c);
    node->is_lvalue = true;
    leave_out(r, c);
    Known *known = know(r, decl);
    if (known->name_is && r->fn)
        r->fn->uses_name[known->name_is - 1] = true;
    if (known->fn) {
        add_mention(r, c, known->fn, false);
        node->kind = N_CONSTANT;
        node->is_lvalue = false;
    } else if (known->what == KNOWN_CONSTANT || known->what == KNOWN_REFUSED) {
        if (known->what == KNOWN_REFUSED && r->fn && !r->unevaluated && !r->jump) {
            r->jump = node;
            r->jump_name = copy_string(r, clang_getCursorSpelling(decl));
        }
        node->kind = N_CONSTANT;
        node->is_lvalue = false;
    } else if (!known->local && clang_getCursorKind(decl) == CXCursor_VarDecl && clang_getCursorTLSKind(decl) == CXTLS_None &&
               clang_getCanonicalType(clang_getCursorType(decl)).kind == CXType_ConstantArray) {
        node->op = 'g'; /* a static array: the pointer that it becomes never changes */
    } else if (known->local && r->fn) {
        node->kind = N_REF;
        node->local = known->local;
        known->local->used = true;
        node->type = known->local->type; /* of `int a[]` as a parameter libclang says that it's an array */
        if (node->type->is_future)
            refuse_use_of_future(r, node, known->local->name);
    }
    return node;
}

/* A call that isn't an ordinary one: of an async function, of the generic runners. Else null. */
Node *read_special_call(Reader *r, CXCursor c, Kids *call)
{
    Fn *callee = async_callee(r, c, call);
    Kids kids = *call;
    if (callee) {
        Node *node = new_node(r, N_OTHER, c);
        if (r->unevaluated) {
            add_mention(r, core(r, kids.v[0]), callee, true);
        } else {
            const char *name = shown_name(callee);
            mark_called(r, core(r, kids.v[0]));
            report(r->tu, ERROR, node->from, node->to, "the future of '%s' is never awaited", name);
            note(r->tu, -1, -1, "nothing of its body runs; write 'await %s(...)' or give it to ac_spawn", name);
            if (r->fn && !find_call(r->tu, node->from))
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
                if (what == KNOWN_SPAWN || what == KNOWN_SPAWN_LOCAL || what == KNOWN_BLOCK_ON)
                    return read_generic_runner(r, c, kids, what);
                if (what == KNOWN_BLOCKING) {
                    r->left_blocking = true;
                    return new_node(r, N_OTHER, c);
                }
            }
        }
        if (!r->unevaluated && calls_async_pointer(r, c)) {
            Node *node = new_node(r, N_OTHER, c);
            report(r->tu, ERROR, node->from, node->to, "the future of this call is never awaited");
            note(r->tu, -1, -1, "nothing runs of the function that is pointed to; write 'await' before the call");
            return node;
        }
    }
    return NULL;
}

/* 'A', 'B' where an alignment is given; 0 for other functions. */
static int alloca_called(Reader *r, CXCursor callee)
{
    if (clang_getCursorKind(callee) != CXCursor_DeclRefExpr)
        return 0;
    (void)r;
    CXString string = clang_getCursorSpelling(callee);
    const char *name = clang_getCString(string);
    int which = !name                                                ? 0
                : !strcmp(name, "__builtin_alloca_with_align")       ? 'B'
                : !strcmp(name, "alloca") || !strcmp(name, "__builtin_alloca") ? 'A'
                                                                     : 0;
    clang_disposeString(string);
    return which;
}

static Node *read_call(Reader *r, CXCursor c)
{
    Kids kids;
    Node *node = read_special_call(r, c, &kids);
    if (node)
        return node;
    node = read_kids(r, new_operand(r, N_CALL, c), kids);
    CXCursor direct = r->fn && kids.n ? core(r, kids.v[0]) : clang_getNullCursor();
    int which = alloca_called(r, direct);
    if (clang_getCursorKind(direct) == CXCursor_DeclRefExpr)
        node->lends = find_lends(r, clang_getCursorReferenced(direct));
    if (which && !r->unevaluated) {
        node->op = which;
        r->fn->has_allocas = true;
    }
    return node;
}

/* `sizeof(int[n++])`, `sizeof *p` of a p that points to a VLA: the one sizeof that evaluates its operand. */
static bool has_variable_size(Reader *r, CXCursor c, Kids kids)
{
    bool some = false;
    for (int i = 0; i < kids.n; i++)
        some |= is_expr(kids.v[i]);
    if (!some || !r->fn)
        return false;
    CXEvalResult value = clang_Cursor_Evaluate(c);
    bool constant = value && clang_EvalResult_getKind(value) == CXEval_Int;
    if (value)
        clang_EvalResult_dispose(value);
    return !constant;
}

static Node *read_unevaluated(Reader *r, CXCursor c)
{
    Kids all = children(r, c), kids = { 0 };
    for (int i = 0; i < all.n; i++) { /* a bound comes twice: as the expression's, and as its type's */
        bool again = false;
        for (int k = 0; k < kids.n; k++)
            again |= is_expr(all.v[i]) && is_expr(kids.v[k]) &&
                     clang_equalRanges(clang_getCursorExtent(kids.v[k]), clang_getCursorExtent(all.v[i]));
        if (!again)
            *push(r->arena, kids.v, kids.n, kids.room) = all.v[i];
    }
    bool evaluated = has_variable_size(r, c, kids);
    Node *node = new_node(r, evaluated ? N_OTHER : N_UNEVALUATED, c);
    bool before = r->unevaluated;
    r->unevaluated |= !evaluated;
    read_kids(r, node, kids);
    r->unevaluated = before;
    if (evaluated) {
        node->op = '!';
    }
    return node;
}

/* `(int (*)[n])p`: its kids so far are what is evaluated in the type's name. */
static void bind_type_name(Reader *r, Node *node, CXType type)
{
    if (!r->fn || r->unevaluated || !node->nkids)
        return;
    sort_kids_by_place(node, 0);
    read_name_bounds(r, node, type, node->from);
}

static Node *read_literal_object(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_LITERAL, c);
    node->is_lvalue = true;
    Kids kids = children(r, c);
    bool evaluated = is_variable(clang_getCursorType(c));
    for (int i = 0; i < kids.n; i++) { /* the bounds of its type, or what only names that: (typeof(x)){ 0 } */
        if (!is_expr(kids.v[i]) || clang_getCursorKind(kids.v[i]) == CXCursor_InitListExpr)
            continue;
        bool before = r->unevaluated;
        r->unevaluated |= !evaluated;
        Node *kid = read_expr(r, kids.v[i]);
        r->unevaluated = before;
        if (evaluated) {
            add_kid(r, node, kid);
        } else {
            Node *quiet = new_node(r, N_UNEVALUATED, kids.v[i]);
            add_kid(r, quiet, kid);
            add_kid(r, node, quiet);
        }
    }
    bind_type_name(r, node, clang_getCursorType(c));
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

/* A string literal that stands in the text as one. */
static bool is_quoted(Reader *r, CXCursor literal)
{
    int at = plain_offset(r, clang_getCursorLocation(literal));
    return at >= 0 && strchr("\"LuU", r->tu->source->text[at]);
}

/* The type of a conversion. To clang the value of `await *task` is a place in the address space that marks tasks, so an array
 * in it becomes a pointer to there, which is what a task itself looks like. */
static Type *type_of_decayed(Reader *r, CXCursor c, const Type *from)
{
    Type *type = type_of(r, clang_getCursorType(c));
    if ((!type->is_task && !type->is_future) || !from || from->kind != TYPE_ARRAY)
        return type;
    const char *star = type->target->kind == TYPE_ARRAY ? "(*" : "*", *end = type->target->kind == TYPE_ARRAY ? ")" : "";
    Type *pointer = take(r->arena, sizeof *pointer);
    *pointer = *type;
    pointer->is_task = pointer->is_future = false;
    pointer->target = NULL;
    pointer->before = pointer->bare_before = take_format(r->arena, "%s%s", type->target->before, star);
    pointer->after = pointer->bare_after = take_format(r->arena, "%s%s", end, type->target->after);
    return pointer;
}

static Node *read_unexposed(Reader *r, CXCursor c)
{
    Kids kids = children(r, c);
    if (kids.n == 1 && is_expr(kids.v[0]) && is_wrapper(r, c, kids.v[0])) {
        /* An implicit conversion: what is below is read, not used as a place. Or __func__, whose child is
         * the name as a string. */
        if (r->fn && clang_getCursorKind(kids.v[0]) == CXCursor_StringLiteral && !is_quoted(r, kids.v[0]))
            r->fn->shows_name = true;
        Node *node = read_expr(r, kids.v[0]);
        Type *type = type_of_decayed(r, c, node->type);
        if (type->is_vector && !node->type->is_vector) /* an operand beside a vector: compilers don't convert it elsewhere */
            type = node->type;
        if (type->kind == TYPE_ARRAY || type->kind == TYPE_FUNCTION) /* what is read of such a parameter is a pointer */
            type = node->type;
        if (type->bound_unknown && node->type->is_pointer) /* an argument: the bound is a parameter of the callee's */
            type = node->type;
        if (node->kind == N_AWAIT && node->await && node->type->kind == TYPE_VOID)
            return node;
        if (node->type && node->type->kind == TYPE_ARRAY && type->kind == TYPE_SCALAR) {
            if (node->kind == N_OTHER && node->op == 'g')
                node->kind = N_CONSTANT;
            else if (node->is_lvalue)
                take_address(node), node->decays = true;
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
                                end_offset(r, clang_getRangeEnd(clang_getCursorExtent(kids.v[0]))), node->to);
        if (token_is(r->tu->source->text, mark, "?") || node->in_macro || find_call(r->tu, node->from)) {
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

static bool is_parameter(CXCursor c)
{
    return clang_getCursorKind(c) == CXCursor_DeclRefExpr &&
           clang_getCursorKind(clang_getCursorReferenced(c)) == CXCursor_ParmDecl;
}

/* `f(x).in.list`: the value may have to be put somewhere, for as long as pointers into it are used. */
static bool is_array_of_value(Reader *r, CXCursor c)
{
    if (clang_getArraySize(clang_getCanonicalType(clang_getCursorType(c))) < 0)
        return false;
    while (clang_getCursorKind(c) == CXCursor_MemberRefExpr) {
        c = core(r, only_expr(children(r, c)));
        if (clang_Cursor_isNull(c) || clang_getCanonicalType(clang_getCursorType(c)).kind != CXType_Record)
            return false; /* through a pointer: a place */
    }
    enum CXCursorKind kind = clang_getCursorKind(c);
    return kind != CXCursor_DeclRefExpr && kind != CXCursor_ArraySubscriptExpr && kind != CXCursor_UnaryOperator;
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
        check_branches_of(r, c);
        return read_kids(r, new_operand(r, N_COND, c), children(r, c));
    case CXCursor_IntegerLiteral:
    case CXCursor_FloatingLiteral:
    case CXCursor_ImaginaryLiteral:
    case CXCursor_StringLiteral:
    case CXCursor_CharacterLiteral:
        return new_operand(r, N_CONSTANT, c);
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
        bool before = r->quiet;
        r->quiet = false; /* statements are lowered wherever they stand */
        if (kids.n)
            add_kid(r, node, read_stmt(r, kids.v[0]));
        r->quiet = before;
        return node;
    }
    case CXCursor_MemberRefExpr: {
        bool before = r->placing;
        r->placing |= is_array_of_value(r, c);
        Node *node = read_kids(r, new_operand(r, N_OTHER, c), children(r, c));
        r->placing = before;
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
            bool array = (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray) && !is_parameter(inner);
            Node *operand = read_expr(r, array ? inner : kid);
            if (array && !is_local_path(operand)) {
                if (operand->kind == N_OTHER && operand->op == 'g')
                    operand->kind = N_CONSTANT;
                else if (operand->is_lvalue)
                    take_address(operand);
                else if (operand->kind == N_OTHER)
                    operand->op = 'a';
                operand->is_lvalue = false;
                operand->type = type_of_decayed(r, kid, operand->type);
            }
            add_kid(r, node, operand);
        }
        return node;
    }
    case CXCursor_GenericSelectionExpr:
        return read_generic(r, c);
    case CXCursor_CStyleCastExpr: {
        /* What stands before the operand is in the type's name. */
        Node *node = new_node(r, N_OTHER, c);
        Kids kids = children(r, c);
        CXCursor operand = only_expr(kids);
        CXType type = clang_getCursorType(c);
        bool before = r->unevaluated, evaluated = is_variable(type);
        r->unevaluated |= !evaluated;
        for (int i = 0; i < kids.n; i++)
            if (is_expr(kids.v[i]) && !clang_equalCursors(kids.v[i], operand)) {
                Node *in_type = read_expr(r, kids.v[i]);
                if (!evaluated) {
                    Node *quiet = new_node(r, N_UNEVALUATED, kids.v[i]);
                    add_kid(r, quiet, in_type);
                    quiet->type = in_type->type;
                    in_type = quiet;
                }
                add_kid(r, node, in_type);
            }
        if (evaluated)
            bind_type_name(r, node, type);
        r->unevaluated = before;
        if (!clang_Cursor_isNull(operand)) {
            check_cast(r, c, operand);
            add_kid(r, node, read_expr(r, operand));
        }
        return node;
    }
    default:
        return read_kids(r, new_node(r, N_OTHER, c), children(r, c));
    }
}

Node *read_expr(Reader *r, CXCursor c)
{
    Node *node = read_expr_kind(r, c);
    if (!node->type)
        node->type = type_of(r, clang_getCursorType(c));
    return node;
}

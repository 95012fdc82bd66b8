/* read_vla.c - the bounds of variably modified declarations.
 *
 *     int (*p[3])[n][m]        p: array of 3, pointers to, arrays of n (f__b1), arrays of m (f__b2), int
 *
 * libclang doesn't say which expression is the bound of which array type. So the declarator is read from the
 * text, from its name outwards, side by side with the type; what remains of the type then is that of the
 * specifiers, whose bounds are known from where it was defined. An array type is known by its canonical
 * address: clang makes a new one for each time that a bound is written. */
#include "read.h"
#include <string.h>

enum layer_kind { LAYER_ARRAY, LAYER_POINTER, LAYER_FUNCTION };
typedef struct Layer {
    enum layer_kind kind;
    int from, to; /* LAYER_ARRAY: what stands between the brackets */
} Layer;

typedef struct Layers {
    Layer *v;
    int n, room;
} Layers;

const void *array_key(CXType type)
{
    return (const void *)((uintptr_t)clang_getCanonicalType(type).data[0] & ~(uintptr_t)15);
}

static bool is_qualifier(const char *text, Token token)
{
    static const char *const words[] = { "const", "volatile", "restrict", "__restrict", "__restrict__", "_Atomic",
                                         "__const", "__volatile__" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (token_is(text, token, words[i]))
            return true;
    return false;
}

/* The declarator around the name, outermost first: what is nearest to the name. */
static Layers read_layers(Reader *r, int from, int name_from, int name_to)
{
    Layers layers = { 0 };
    const Source *source = r->tu->source;
    const char *text = source->text;
    Token *left = NULL;
    int nleft = 0, left_room = 0;
    for (Token token = next_token(text, from, name_from); token.kind != T_END; token = next_token(text, token.to, name_from))
        *push(r->arena, left, nleft, left_room) = token;
    for (int at = name_to;;) {
        Token token = next_token(text, at, source->size);
        if (token_is(text, token, "[") || token_is(text, token, "(")) {
            int close = find_closing(text, token.from, source->size);
            if (close < 0)
                return layers;
            enum layer_kind kind = text[token.from] == '[' ? LAYER_ARRAY : LAYER_FUNCTION;
            *push(r->arena, layers.v, layers.n, layers.room) = (Layer){ kind, token.to, close };
            at = close + 1;
            continue;
        }
        for (; nleft && (token_is(text, left[nleft - 1], "*") || is_qualifier(text, left[nleft - 1])); nleft--)
            if (token_is(text, left[nleft - 1], "*"))
                *push(r->arena, layers.v, layers.n, layers.room) = (Layer){ .kind = LAYER_POINTER };
        if (!nleft || !token_is(text, left[nleft - 1], "(") || !token_is(text, token, ")"))
            return layers;
        nleft--;
        at = token.to;
    }
}

static Local *new_bound(Reader *r, Node *var, Node *expression)
{
    static Type size = {
        .kind = TYPE_SCALAR, .before = "__SIZE_TYPE__ ", .after = "", .bare_before = "__SIZE_TYPE__ ", .bare_after = "",
        .size = sizeof(size_t), .align = _Alignof(size_t),
    };
    int n = 0;
    for (int i = 0; i < r->fn->nlocals; i++)
        n += r->fn->locals[i]->kind == LOCAL_BOUND;
    Local *bound = add_local(r, LOCAL_BOUND, take_format(r->arena, "%s__b%d", r->fn->name, n + 1), &size, -1);
    bound->used = true;
    bound->decl = expression;
    BoundUse **last = &var->uses;
    while (*last)
        last = &(*last)->next;
    *last = take(r->arena, sizeof **last);
    (*last)->local = bound;
    return bound;
}

static CXType inside(CXType type)
{
    type = clang_getCanonicalType(type);
    return type.kind == CXType_Pointer                                                       ? clang_getPointeeType(type)
           : type.kind == CXType_FunctionProto || type.kind == CXType_FunctionNoProto ? clang_getResultType(type)
                                                                                             : clang_getArrayElementType(type);
}

void read_bounds(Reader *r, Node *var, CXType type, CXType also, int from, int name_from, int name_to)
{
    /* The declarator has to be in the text, to be read side by side with the type. */
    if (find_call(r->tu, name_from) && ask_expansion(r->tu, name_from))
        return;
    Layers layers = read_layers(r, from, name_from, name_to);
    for (int i = 0; i < layers.n; i++, type = inside(type), also = inside(also)) {
        if (layers.v[i].kind != LAYER_ARRAY)
            continue;
        Node *expression = NULL;
        for (int k = 1; k < var->nkids && !expression; k++)
            if (layers.v[i].from <= var->kids[k]->from && var->kids[k]->to <= layers.v[i].to)
                expression = var->kids[k];
        bool variable = clang_getCanonicalType(type).kind == CXType_VariableArray;
        if (!expression || (!variable && clang_getCanonicalType(also).kind != CXType_VariableArray))
            continue;
        Local *bound = new_bound(r, var, expression);
        if (variable)
            find_known(r, array_key(type))->bound = bound;
        if (clang_getCanonicalType(also).kind == CXType_VariableArray)
            find_known(r, array_key(also))->bound = bound;
    }
}

static Node *innermost(Node *node, int at)
{
    for (int i = 0; i < node->nkids; i++)
        if (node->kids[i] && node->kids[i]->from <= at && at < node->kids[i]->to)
            return innermost(node->kids[i], at);
    return node;
}

/* `(row *)p` and `sizeof(row)`, too, need the bounds of the typedef row. */
void read_type_uses(Reader *r, Fn *fn)
{
    bool some = false;
    for (int i = 0; i < fn->nlocals; i++)
        some |= fn->locals[i]->kind == LOCAL_TYPEDEF;
    CXCursor c;
    for (int i = 0; some && nth_cursor(r, i, &c); i++) {
        if (clang_getCursorKind(c) != CXCursor_TypeRef)
            continue;
        CXCursor decl = clang_getCursorReferenced(c);
        Local *local = find_known(r, decl.data[0])->local;
        if (!local || local->kind != LOCAL_TYPEDEF)
            continue;
        CXSourceLocation at = clang_getCursorLocation(c);
        int from = offset_of(r, at);
        *push(r->arena, fn->type_uses, fn->ntype_uses, fn->type_uses_room) =
            (TypeUse){ from, from + (int)strlen(local->name), !is_spelled(r, at), local };
        Node *node = innermost(fn->body, from);
        if (node->kind == N_VAR)
            continue; /* its type tells */
        for (const BoundUse *bound = local->type->bounds; bound; bound = bound->next) {
            BoundUse *use = take(r->arena, sizeof *use);
            *use = (BoundUse){ bound->local, node->uses };
            node->uses = use;
        }
    }
}

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

static bool is_one_of(const char *text, Token token, const char *const *words, size_t nwords)
{
    for (size_t i = 0; i < nwords; i++)
        if (token_is(text, token, words[i]))
            return true;
    return false;
}

static bool is_qualifier(const char *text, Token token)
{
    static const char *const words[] = { "const", "volatile", "restrict", "__restrict", "__restrict__", "_Atomic",
                                         "__const", "__volatile__" };
    return is_one_of(text, token, words, sizeof words / sizeof *words);
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

/* The local that keeps an array's bound; node is the N_VAR or the N_BOUND that gives it its value. */
static Local *new_bound(Reader *r, Node *node, Node *expression)
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
    bound->scope = NULL; /* the value of a statement expression may have a type that is made inside */
    bound->decl = expression;
    bound->statement = node;
    if (node->kind == N_BOUND) {
        node->local = bound;
        return bound;
    }
    BoundUse **last = &node->uses;
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

/* A type's name stands in parentheses behind it. */
static bool names_type(const char *text, Token token)
{
    static const char *const words[] = { "typeof", "__typeof__", "__typeof", "typeof_unqual", "__typeof_unqual__",
                                         "__typeof_unqual", "_Atomic" };
    return is_one_of(text, token, words, sizeof words / sizeof *words);
}

static bool has_parentheses(const char *text, Token token)
{
    static const char *const words[] = { "__attribute__", "__attribute", "_BitInt", "_Alignas", "alignas" };
    return names_type(text, token) || is_one_of(text, token, words, sizeof words / sizeof *words);
}

/* Of `int (*[3])[n]`, where a name would stand. Among the words before that only typeof and the like have
 * parentheses of their own, as have attributes. */
static int place_of_name(const char *text, int from, int to)
{
    bool owns = false;
    for (int at = from;;) {
        Token token = next_token(text, at, to);
        char first = text[token.from];
        if (token.kind == T_END || (token.kind == T_PUNCT && first != '*' && first != '(' && first != '{'))
            return token.from;
        at = token.to;
        if (first == '(' && !owns) {
            char next = text[next_token(text, at, to).from];
            if (next != '*' && next != '(' && next != '[')
                return token.from;
        } else if (first == '(' || first == '{') {
            int close = find_closing(text, token.from, to);
            at = close < 0 ? to : close + 1;
        }
        owns = has_parentheses(text, token);
    }
}

/* A declarator and its type, or what is left of that behind the layers that have been read. */
typedef struct Match {
    Reader *r;
    Node *node; /* the bounds are among its kids */
    CXType type, also;
} Match;

static void match_bound(Match *m, Layer layer)
{
    Node *node = m->node;
    int which = -1;
    for (int k = 0; k < node->nkids && which < 0; k++)
        if (node->kids[k] && node->kids[k]->kind != N_BOUND && layer.from <= node->kids[k]->from && node->kids[k]->to <= layer.to)
            which = k;
    bool variable = clang_getCanonicalType(m->type).kind == CXType_VariableArray;
    bool also = clang_getCanonicalType(m->also).kind == CXType_VariableArray;
    if (which < 0 || (!variable && !also))
        return;
    Node *expression = node->kids[which], *owner = node;
    if (node->kind != N_VAR) {
        owner = take(m->r->arena, sizeof *owner);
        owner->kind = N_BOUND;
        owner->from = layer.from - 1; /* its bracket */
        owner->to = layer.to + 1;
        owner->type = expression->type;
        add_kid(m->r, owner, expression);
        node->kids[which] = owner;
    }
    Local *bound = new_bound(m->r, owner, expression);
    if (variable)
        find_known(m->r, array_key(m->type))->bound = bound;
    if (also)
        find_known(m->r, array_key(m->also))->bound = bound;
}

/* False after asking for an expansion: the declarator has to be in the text, to be read side by side with the type. */
static bool is_in_text(Reader *r, int from, int to)
{
    for (int at = from; at < to;) {
        Token token = next_token(r->tu->source->text, at, to);
        if (token.kind == T_END)
            return true;
        if (token.kind == T_NAME && find_call(r->tu, token.from))
            return !ask_expansion(r->tu, token.from);
        at = token.to;
        int close = token_is(r->tu->source->text, token, "[") ? find_closing(r->tu->source->text, token.from, to) : -1;
        if (close >= 0)
            at = close + 1;
    }
    return true;
}

static void match_declarator(Match *m, int from, int name_from, int name_to)
{
    const char *text = m->r->tu->source->text;
    Layers layers = read_layers(m->r, from, name_from, name_to);
    for (int i = 0; i < layers.n; i++, m->type = inside(m->type), m->also = inside(m->also))
        if (layers.v[i].kind == LAYER_ARRAY)
            match_bound(m, layers.v[i]);
    if (!is_variable(m->type))
        return;
    /* `typeof(int[n]) a`: the rest of the type is that of the name between the parentheses. */
    for (int at = from; at < name_from;) {
        Token token = next_token(text, at, name_from);
        at = token.to;
        if (token.kind == T_END)
            return;
        if (!names_type(text, token))
            continue;
        Token open = next_token(text, token.to, name_from);
        int close = token_is(text, open, "(") ? find_closing(text, open.from, name_from) : -1;
        if (close < 0 || !is_in_text(m->r, open.to, close))
            return;
        int place = place_of_name(text, open.to, close);
        match_declarator(m, open.to, place, place);
        return;
    }
}

void read_bounds(Reader *r, Node *var, CXType type, CXType also, int from, int name_from, int name_to)
{
    if (find_call(r->tu, name_from) && ask_expansion(r->tu, name_from))
        return;
    Match match = { r, var, type, also };
    match_declarator(&match, from, name_from, name_to);
}

void read_name_bounds(Reader *r, Node *node, CXType type, int open)
{
    const Source *source = r->tu->source;
    int close = word_at(r->tu, open, "(") ? find_closing(source->text, open, source->size) : -1;
    if ((close < 0 || find_call(r->tu, open)) && ask_expansion(r->tu, open))
        return;
    if (close < 0 || !is_in_text(r, open + 1, close))
        return;
    int place = place_of_name(source->text, open + 1, close);
    Match match = { r, node, type, type };
    match_declarator(&match, open + 1, place, place);
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
    for (int i = 0; some && next_cursor(r, CXCursor_TypeRef, &i, &c);) {
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

/* read_tree.c - a function's cursors, visited at once, and where they stand in the text.
 *
 * Asking libclang for the children of one cursor at a time costs more than reading them; so a function is
 * visited whole, and children() answers from
 *
 *     c       function  body  x = f(y)  x  f(y)  f  y       in the order of the visit
 *     parent     0       0       1      2   2    4  4
 *     kids    body | x = f(y) | x, f(y) | - | f, y | - | -   by parent
 *
 * Likewise an extent: libclang looks up for each where its last token ends. Where no macro has a part in
 * it, an expression begins with its first operand and ends with its last or with the bracket behind that,
 * and the text says the rest. What is not as simple is asked for, once. */
#include "read.h"
#include <string.h>

enum { NOT_KNOWN = -2, NOT_PLAIN = -1 };

typedef struct Visited {
    CXCursor c;
    Extent extent;
    int parent;
    bool is_read; /* next_cursor() passes it over */
} Visited;

struct Tree {
    Visited *v;
    int n, room;
    int *open; /* the path to the cursor that is visited */
    int nopen, open_room;
    CXCursor *kids;
    int *first; /* kids of i: from first[i] to first[i + 1] */
    int kids_room;
    int *slots; /* by hash: 1 + index, 0: free */
    size_t nslots;
    bool good, hashed;
};

static bool is_statement(CXCursor c)
{
    return (c.kind >= CXCursor_FirstExpr && c.kind <= CXCursor_LastExpr) ||
           (c.kind >= CXCursor_FirstStmt && c.kind <= CXCursor_LastStmt);
}

/* What tells cursors of this kind apart; null for kinds that are not looked up. */
static const void *key_of(CXCursor c)
{
    return is_statement(c) ? c.data[1] : c.kind == CXCursor_VarDecl ? c.data[0] : NULL;
}

/* As a parent, a statement doesn't say whose it is. */
static bool is_same(CXCursor a, CXCursor b)
{
    return a.kind == b.kind && (is_statement(a) ? a.data[1] == b.data[1] : a.data[0] == b.data[0]);
}

static enum CXChildVisitResult record(CXCursor c, CXCursor parent, CXClientData data)
{
    Reader *r = data;
    Tree *t = r->tree;
    while (t->nopen && !is_same(t->v[t->open[t->nopen - 1]].c, parent))
        t->nopen--;
    if (!t->nopen) {
        t->good = false;
        return CXChildVisit_Break;
    }
    int above = t->open[t->nopen - 1];
    *push(r->arena, t->open, t->nopen, t->open_room) = t->n;
    c.xdata = t->n + 1; /* C's statements and expressions have no use for it */
    *push(r->arena, t->v, t->n, t->room) = (Visited){ c, { NOT_KNOWN, NOT_KNOWN }, above, false };
    return CXChildVisit_Recurse;
}

static int *find_slot(const Tree *t, CXCursor c, const void *key)
{
    size_t mask = t->nslots - 1;
    size_t at = ((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u >> 32 & mask;
    while (t->slots[at] && (key_of(t->v[t->slots[at] - 1].c) != key || t->v[t->slots[at] - 1].c.kind != c.kind))
        at = (at + 1) & mask;
    return &t->slots[at];
}

static void sort_kids(Reader *r, Tree *t)
{
    if (t->kids_room <= t->n) {
        t->kids_room = t->room + 1;
        t->kids = take(r->arena, (size_t)t->kids_room * sizeof *t->kids);
        t->first = take(r->arena, ((size_t)t->kids_room + 2) * sizeof *t->first);
    }
    memset(t->first, 0, ((size_t)t->n + 2) * sizeof *t->first);
    for (int i = 1; i < t->n; i++)
        t->first[t->v[i].parent + 2]++;
    for (int i = 2; i < t->n + 2; i++)
        t->first[i] += t->first[i - 1];
    for (int i = 1; i < t->n; i++)
        t->kids[t->first[t->v[i].parent + 1]++] = t->v[i].c;
}

/* For cursors that don't come from the visit: those that libclang gives as part of another one. */
static void hash_visited(Reader *r, Tree *t)
{
    size_t wanted = 64;
    while (wanted < 2 * (size_t)t->n)
        wanted *= 2;
    if (wanted > t->nslots) {
        t->nslots = wanted;
        t->slots = take(r->arena, wanted * sizeof *t->slots);
    } else {
        memset(t->slots, 0, t->nslots * sizeof *t->slots);
    }
    for (int i = 0; i < t->n; i++) {
        const void *key = key_of(t->v[i].c);
        int *slot = key ? find_slot(t, t->v[i].c, key) : NULL;
        if (slot && !*slot)
            *slot = i + 1;
    }
    t->hashed = true;
}

void visit_tree(Reader *r, CXCursor root)
{
    if (!r->tree)
        r->tree = take(r->arena, sizeof *r->tree);
    Tree *t = r->tree;
    t->n = t->nopen = 0;
    t->good = true;
    t->hashed = false;
    *push(r->arena, t->open, t->nopen, t->open_room) = 0;
    *push(r->arena, t->v, t->n, t->room) = (Visited){ root, { NOT_KNOWN, NOT_KNOWN }, 0, false };
    clang_visitChildren(root, record, r);
    if (t->good)
        sort_kids(r, t);
}

static int find_visited(Reader *r, CXCursor c)
{
    Tree *t = r->tree;
    if (!t || !t->good)
        return -1;
    if (c.xdata > 0 && c.xdata <= t->n) { /* or of an earlier visit */
        const CXCursor *there = &t->v[c.xdata - 1].c;
        if (there->kind == c.kind && there->data[0] == c.data[0] && there->data[1] == c.data[1])
            return c.xdata - 1;
    }
    if (is_same(t->v[0].c, c))
        return 0;
    const void *key = key_of(c);
    if (!key)
        return -1;
    if (!t->hashed)
        hash_visited(r, t);
    return *find_slot(t, c, key) - 1;
}

static Kids kids_of(const Tree *t, int at)
{
    return (Kids){ .v = t->kids + t->first[at], .n = t->first[at + 1] - t->first[at] };
}

static enum CXChildVisitResult collect(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Reader *r = data;
    *push(r->arena, r->collected, r->ncollected, r->collected_room) = c;
    return CXChildVisit_Continue;
}

Kids children(Reader *r, CXCursor c)
{
    int at = find_visited(r, c);
    if (at >= 0)
        return kids_of(r->tree, at);
    r->ncollected = 0;
    clang_visitChildren(c, collect, r);
    Kids kids = { .n = r->ncollected };
    if (kids.n) {
        kids.v = take(r->arena, (size_t)kids.n * sizeof *kids.v);
        memcpy(kids.v, r->collected, (size_t)kids.n * sizeof *kids.v);
    }
    return kids;
}

bool next_cursor(Reader *r, enum CXCursorKind kind, int *n, CXCursor *c)
{
    const Tree *t = r->tree;
    int i = *n;
    while (t && i < t->n && (t->v[i].c.kind != kind || t->v[i].is_read))
        i++;
    *n = i + 1;
    if (!t || i >= t->n)
        return false;
    *c = t->v[i].c;
    return true;
}

void leave_out(Reader *r, CXCursor c)
{
    int at = find_visited(r, c);
    if (at >= 0)
        r->tree->v[at].is_read = true;
}

static bool is_tag(CXCursor c)
{
    return c.kind == CXCursor_StructDecl || c.kind == CXCursor_UnionDecl || c.kind == CXCursor_EnumDecl;
}

bool declares_types(Reader *r)
{
    const Tree *t = r->tree;
    for (int i = 0; t && i < t->n; i++)
        if (t->v[i].c.kind == CXCursor_TypedefDecl || is_tag(t->v[i].c))
            return true;
    return false;
}

static bool has_same_name(CXCursor a, CXCursor b)
{
    CXString name = clang_getCursorSpelling(a), other = clang_getCursorSpelling(b);
    bool same = !strcmp(clang_getCString(name), clang_getCString(other));
    clang_disposeString(name);
    clang_disposeString(other);
    return same;
}

bool has_own_typedef(Reader *r, CXCursor decl)
{
    const Tree *t = r->tree;
    for (int i = 0; t && i < t->n; i++)
        if (t->v[i].c.kind == CXCursor_TypedefDecl && has_same_name(t->v[i].c, decl))
            return true;
    return false;
}

bool has_other_tag(Reader *r, CXCursor decl)
{
    const Tree *t = r->tree;
    for (int i = 0; t && i < t->n; i++)
        if (is_tag(t->v[i].c) && has_same_name(t->v[i].c, decl) &&
            !clang_equalCursors(clang_getCanonicalCursor(t->v[i].c), clang_getCanonicalCursor(decl)))
            return true;
    return false;
}

/* ---- places --------------------------------------------------------------------------------------- */

void find_text(Reader *r)
{
    r->text_size = 0;
    unsigned size = (unsigned)r->tu->source->parse_size;
    CXSourceLocation first = clang_getLocationForOffset(r->unit, r->file, 0);
    CXSourceLocation later = clang_getLocationForOffset(r->unit, r->file, size / 2);
    unsigned most = FIRST_MACRO - 1;
    if (later.int_data != first.int_data + size / 2 || later.ptr_data[0] != first.ptr_data[0] ||
        first.int_data > most || size > most - first.int_data)
        return;
    r->text_at = first;
    r->text_size = size + 1; /* its end is a place too */
}

int plain_offset(Reader *r, CXSourceLocation at)
{
    unsigned offset = at.int_data - r->text_at.int_data;
    if (offset >= r->text_size || at.ptr_data[0] != r->text_at.ptr_data[0])
        return NOT_PLAIN;
    /* Neighbours are asked for mostly: between the same two keywords. */
    if ((int)offset < r->same_from || (int)offset >= r->same_to) {
        const Words *words = &r->tu->source->words;
        int at = text_offset(r->tu->source, (int)offset, &r->hint);
        const Word *word = r->hint ? &words->v[r->hint - 1] : NULL;
        r->same_from = word ? word->parse_at + word->parse_size : 0;
        r->same_shift = word ? word->at + word->size - r->same_from : 0;
        r->same_to = r->hint < words->n ? words->v[r->hint].parse_at : (int)r->text_size;
        return at;
    }
    return (int)offset + r->same_shift;
}

/* Past the spelling that follows at once or after blanks and comments; -1 if something else does. */
static int pass(const Reader *r, int at, const char *spelling)
{
    const char *text = r->tu->source->text;
    int size = r->tu->source->size, length = (int)strlen(spelling);
    if (at < 0)
        return NOT_PLAIN;
    at = skip_blank(text, at, size);
    return at + length <= size && !memcmp(text + at, spelling, (size_t)length) ? at + length : NOT_PLAIN;
}

static Extent token_extent(const Reader *r, int from)
{
    return from < 0 ? (Extent){ NOT_PLAIN, NOT_PLAIN }
                    : (Extent){ from, next_token(r->tu->source->text, from, r->tu->source->size).to };
}

bool is_wrapper(Reader *r, CXCursor c, CXCursor kid)
{
    if (r->quiet && kid.kind != CXCursor_DeclRefExpr &&
        clang_equalLocations(clang_getCursorLocation(c), clang_getCursorLocation(kid))) {
        enum CXTypeKind kind = clang_getCanonicalType(clang_getCursorType(kid)).kind;
        if (kind != CXType_Vector && kind != CXType_ExtVector)
            return true;
    }
    Extent outer = plain_extent(r, c), inner = plain_extent(r, kid);
    if (outer.from >= 0 && inner.from >= 0)
        return outer.from == inner.from && outer.to == inner.to;
    return clang_equalRanges(clang_getCursorExtent(c), clang_getCursorExtent(kid));
}

/* An implicit conversion has its operand's place; `v.xy` of a vector alone begins with it and goes on. */
static bool has_place_of(Reader *r, int own, const CXCursor *kid, Extent extent)
{
    int at = kid->kind == CXCursor_MemberRefExpr ? plain_offset(r, clang_getCursorLocation(*kid)) : extent.from;
    return at == own && pass(r, extent.to, ".") < 0;
}

int start_of(Reader *r, CXCursor c)
{
    Extent extent = plain_extent(r, c);
    return extent.from >= 0 ? extent.from : offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
}

int end_of(Reader *r, CXCursor c)
{
    Extent extent = plain_extent(r, c);
    return extent.from >= 0 ? extent.to : end_offset(r, clang_getRangeEnd(clang_getCursorExtent(c)));
}

static Extent visited_extent(Reader *r, int at);

/* Of one of children(). */
static Extent extent_of_kid(Reader *r, const CXCursor *kid)
{
    return visited_extent(r, kid->xdata - 1);
}

static int end_of_kid(Reader *r, const CXCursor *kid)
{
    Extent extent = extent_of_kid(r, kid);
    return extent.from >= 0 ? extent.to : end_of(r, *kid);
}

/* The block's brace, behind its last statement and that one's semicolon. */
static int pass_brace(const Reader *r, int at)
{
    int semicolon = pass(r, at, ";");
    return pass(r, semicolon < 0 ? at : semicolon, "}");
}

/* From is -1 where the cursor's own place and the children don't tell; or to is. */
static Extent work_out(Reader *r, const CXCursor *c, int own, Kids kids)
{
    Extent first = { NOT_PLAIN, NOT_PLAIN }, last = first;
    switch (c->kind) {
    case CXCursor_DeclRefExpr:
    case CXCursor_IntegerLiteral:
    case CXCursor_FloatingLiteral:
    case CXCursor_CharacterLiteral:
        return token_extent(r, own);
    case CXCursor_ParenExpr:
    case CXCursor_CStyleCastExpr:
    case CXCursor_BinaryOperator:
    case CXCursor_CompoundAssignOperator:
    case CXCursor_ConditionalOperator:
    case CXCursor_CallExpr:
    case CXCursor_MemberRefExpr:
    case CXCursor_ArraySubscriptExpr:
    case CXCursor_UnaryOperator:
    case CXCursor_UnexposedExpr:
    case CXCursor_IfStmt:
    case CXCursor_WhileStmt:
    case CXCursor_ForStmt:
    case CXCursor_SwitchStmt:
    case CXCursor_CaseStmt:
    case CXCursor_DefaultStmt:
    case CXCursor_LabelStmt:
        break;
    case CXCursor_DeclStmt:
        return (Extent){ own, kids.n ? pass(r, end_of_kid(r, &kids.v[kids.n - 1]), ";") : NOT_PLAIN };
    case CXCursor_CompoundStmt:
        return (Extent){ own, kids.n ? pass_brace(r, extent_of_kid(r, &kids.v[kids.n - 1]).to) : NOT_PLAIN };
    case CXCursor_BreakStmt:
    case CXCursor_ContinueStmt:
        return token_extent(r, own);
    case CXCursor_ReturnStmt:
        if (!kids.n)
            return token_extent(r, own);
        break;
    default:
        return first;
    }
    if (!kids.n)
        return first;
    bool statement = c->kind >= CXCursor_FirstStmt && c->kind <= CXCursor_LastStmt;
    if (statement)
        return (Extent){ own, end_of_kid(r, &kids.v[kids.n - 1]) };
    if (!is_expr(kids.v[kids.n - 1]))
        return first;
    last = extent_of_kid(r, &kids.v[kids.n - 1]);
    first = kids.n == 1 ? last : extent_of_kid(r, &kids.v[0]);
    switch (c->kind) {
    case CXCursor_ParenExpr:
        return (Extent){ own, pass(r, last.to, ")") };
    case CXCursor_CStyleCastExpr:
        return (Extent){ own, last.to };
    case CXCursor_CallExpr:
        return (Extent){ first.from, pass(r, kids.n > 1 ? last.to : pass(r, first.to, "("), ")") };
    case CXCursor_MemberRefExpr:
        return (Extent){ first.from, kids.n == 1 ? token_extent(r, own).to : NOT_PLAIN };
    case CXCursor_ArraySubscriptExpr:
        return (Extent){ first.from, pass(r, last.to, "]") };
    case CXCursor_UnexposedExpr:
        return kids.n == 1 && has_place_of(r, own, &kids.v[0], last) ? last : (Extent){ NOT_PLAIN, NOT_PLAIN };
    case CXCursor_UnaryOperator: {
        enum CXUnaryOperatorKind op = clang_getCursorUnaryOperatorKind(*c);
        if (op == CXUnaryOperator_PostInc || op == CXUnaryOperator_PostDec)
            return (Extent){ last.from, pass(r, last.to, op == CXUnaryOperator_PostInc ? "++" : "--") };
        return (Extent){ own, last.to };
    }
    default:
        return (Extent){ first.from, last.to };
    }
}

static Extent ask_extent(Reader *r, CXCursor c)
{
    CXSourceRange range = clang_getCursorExtent(c);
    return (Extent){ plain_offset(r, clang_getRangeStart(range)), plain_offset(r, clang_getRangeEnd(range)) };
}

static Extent visited_extent(Reader *r, int at)
{
    Extent *known = &r->tree->v[at].extent;
    if (known->from != NOT_KNOWN)
        return *known;
    const CXCursor *c = &r->tree->v[at].c;
    Extent extent = { NOT_PLAIN, NOT_PLAIN };
    int own = plain_offset(r, clang_getCursorLocation(*c));
    if (own >= 0) {
        extent = work_out(r, c, own, kids_of(r->tree, at));
        if (extent.from < 0 || extent.to < extent.from)
            extent = ask_extent(r, *c);
        if (extent.from < 0 || extent.to < extent.from)
            extent = (Extent){ NOT_PLAIN, NOT_PLAIN };
    }
    *known = extent;
    return extent;
}

Extent plain_extent(Reader *r, CXCursor c)
{
    int at = find_visited(r, c);
    return at < 0 ? (Extent){ NOT_PLAIN, NOT_PLAIN } : visited_extent(r, at);
}

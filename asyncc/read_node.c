/* read_node.c - what all readers need: nodes and their kids, what a name refers to, locals. */
#include "read.h"
#include <string.h>

/* Where the location is in the parse, of what a macro expanded to the place of the call; -1 in another file. */
static int parse_offset(Reader *r, CXSourceLocation at)
{
    CXFile file;
    unsigned offset;
    clang_getFileLocation(at, &file, NULL, NULL, &offset);
    return file && clang_File_isEqual(file, r->file) ? (int)offset : -1;
}

/* Whether what is at that place of the parse is spelled there, and not in a macro's body. */
static bool is_spelled_at(Reader *r, CXSourceLocation at, int offset)
{
    CXFile file;
    unsigned spelled;
    clang_getSpellingLocation(at, &file, NULL, NULL, &spelled);
    return file && clang_File_isEqual(file, r->file) && offset == (int)spelled;
}

/* The offset in our text, or -1; *macro_at is where in the parse a macro is called that has a part in it, or -1. */
static int locate(Reader *r, CXSourceLocation at, int *macro_at)
{
    int plain = plain_offset(r, at);
    *macro_at = -1;
    if (plain >= 0 || (r->text_size && at.int_data < FIRST_MACRO))
        return plain;
    *macro_at = parse_offset(r, at);
    return *macro_at < 0 ? -1 : text_offset(r->tu->source, *macro_at, &r->hint);
}

/* The offset in our text, or -1 when it is in another file. */
int offset_of(Reader *r, CXSourceLocation at)
{
    int macro_at;
    return locate(r, at, &macro_at);
}

/* Whether what stands at the location was written there, and not in a macro's body. */
bool is_spelled(Reader *r, CXSourceLocation at)
{
    return plain_offset(r, at) >= 0 || is_spelled_at(r, at, parse_offset(r, at));
}

/* Where something ends in our text, or -1. A last token out of an inner macro's arguments, written in the body
 * of the outer one, comes with the place where the call begins. */
int end_offset(Reader *r, CXSourceLocation end)
{
    int macro_at, at = locate(r, end, &macro_at);
    const Change *call = macro_at >= 0 ? find_call(r->tu, at) : NULL;
    return call && !is_spelled_at(r, end, macro_at) ? call->to : at;
}

void place_node(Reader *r, Node *node, CXCursor c)
{
    Extent plain = plain_extent(r, c);
    if (plain.from >= 0) {
        node->from = plain.from;
        node->to = plain.to;
        return;
    }
    CXSourceRange range = clang_getCursorExtent(c);
    CXSourceLocation start = clang_getRangeStart(range);
    int macro_at;
    node->from = locate(r, start, &macro_at);
    node->to = end_offset(r, clang_getRangeEnd(range));
    if (macro_at >= 0 && find_call(r->tu, node->from))
        node->in_macro = !is_spelled_at(r, start, macro_at);
}

Node *new_node(Reader *r, enum node_kind kind, CXCursor c)
{
    Node *node = take(r->arena, sizeof *node);
    node->kind = kind;
    place_node(r, node, c);
    return node;
}

void add_kid(Reader *r, Node *node, Node *kid)
{
    if (!(node->nkids & (node->nkids - 1)) && node->nkids != 1) { /* full at 0, 2, 4, 8, ... */
        Node **more = take(r->arena, (size_t)(node->nkids ? 2 * node->nkids : 2) * sizeof *more);
        if (node->nkids)
            memcpy(more, node->kids, (size_t)node->nkids * sizeof *more);
        node->kids = more;
    }
    node->kids[node->nkids++] = kid;
    if (kid && kid->has_await && node->kind != N_UNEVALUATED)
        node->has_await = true;
}

/* Where what is known by the key is, or would be. */
static Known **find_known_slot(const Reader *r, const void *key)
{
    size_t mask = r->known_room - 1;
    size_t at = ((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u >> 40 & mask;
    while (r->known[at] && r->known[at]->key != key)
        at = (at + 1) & mask;
    return &r->known[at];
}

Known *find_known(Reader *r, const void *key)
{
    Known **slot = find_known_slot(r, key);
    if (*slot)
        return *slot;
    if (++r->nknown * 2 > (int)r->known_room) {
        Known **old = r->known;
        size_t room = r->known_room;
        r->known_room *= 2;
        r->known = take(r->arena, r->known_room * sizeof(Known *));
        for (size_t i = 0; i < room; i++)
            if (old[i])
                *find_known_slot(r, old[i]->key) = old[i];
        slot = find_known_slot(r, key);
    }
    *slot = take(r->arena, sizeof **slot);
    (*slot)->key = key;
    return *slot;
}

const char *copy_string(Reader *r, CXString string)
{
    const char *text = clang_getCString(string);
    char *copy = take_text(r->arena, text ? text : "", text ? strlen(text) : 0);
    clang_disposeString(string);
    return copy;
}

bool is_async(CXCursor function)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(function));
    return clang_getFunctionTypeCallingConv(type) == CXCallingConv_PreserveMost;
}

int reserved_name(const char *name)
{
    static const char *const names[] = { "self", "cx", "state" };
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i]))
            return i + 1;
    return 0;
}

static size_t hash_name(const char *name)
{
    size_t hash = 14695981039346656037u; /* FNV-1a */
    while (*name)
        hash = (hash ^ (unsigned char)*name++) * 1099511628211u;
    return hash;
}

/* Where the function of that name is, or would be, in r->named. */
static Fn **find_named(Reader *r, const char *name)
{
    size_t mask = r->named_room - 1, at = hash_name(name) & mask;
    while (r->named[at] && strcmp(r->named[at]->name, name))
        at = (at + 1) & mask;
    return &r->named[at];
}

Fn *find_fn(Reader *r, const char *name)
{
    return r->named_room ? *find_named(r, name) : NULL;
}

void add_fn(Reader *r, Fn *fn)
{
    Tu *tu = r->tu;
    *push(tu->arena, tu->fns, tu->nfns, tu->fns_room) = fn;
    if (2 * (size_t)tu->nfns <= r->named_room) {
        *find_named(r, fn->name) = fn;
        return;
    }
    r->named_room = r->named_room ? 4 * r->named_room : 64;
    r->named = take(r->arena, r->named_room * sizeof(Fn *));
    for (int i = 0; i < tu->nfns; i++)
        *find_named(r, tu->fns[i]->name) = tu->fns[i];
}

/* What such a function keeps or copies, registers and the caller's arguments, isn't the same after an await. */
static bool tells_of_the_stack(const char *name)
{
    static const char *const names[] = {
        "setjmp", "_setjmp", "sigsetjmp", "__sigsetjmp", "__builtin_setjmp", "__builtin_longjmp", "getcontext",
        "__builtin_apply", "__builtin_apply_args", "__builtin_return", "vfork",
        "__builtin_alloca_with_align_and_max",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

Known *know(Reader *r, CXCursor decl)
{
    Known *known = find_known(r, decl.data[0]);
    if (known->what)
        return known;
    enum CXCursorKind kind = clang_getCursorKind(decl);
    const char *name = copy_string(r, clang_getCursorSpelling(decl));
    known->name_is = reserved_name(name);
    known->what = kind == CXCursor_FunctionDecl || kind == CXCursor_EnumConstantDecl ? KNOWN_CONSTANT : KNOWN_OTHER;
    if (kind == CXCursor_FunctionDecl) {
        if (tells_of_the_stack(name))
            known->what = KNOWN_REFUSED;
        else if (!strcmp(name, "ac__parse_spawn"))
            known->what = KNOWN_SPAWN;
        else if (!strcmp(name, "ac__parse_spawn_local"))
            known->what = KNOWN_SPAWN_LOCAL;
        else if (!strcmp(name, "ac__parse_block_on"))
            known->what = KNOWN_BLOCK_ON;
        else if (!strcmp(name, "ac__parse_blocking"))
            known->what = KNOWN_BLOCKING;
        else if (is_async(decl) || r->knows_by_text || !strcmp(name, "main"))
            known->fn = find_fn(r, name);
    }
    return known;
}

Local *add_local(Reader *r, enum local_kind kind, const char *name, Type *type, int from)
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
    fn->has_handles |= type->is_task;
    if (type->local_tag)
        local->refused = type->local_tag;
    if (type->bound_unknown)
        local->refused = "has a type whose bounds stand in no declaration";
    *push(r->arena, fn->locals, fn->nlocals, fn->locals_room) = local;
    int which = reserved_name(name);
    if (which)
        fn->uses_name[which - 1] = true;
    return local;
}

/* An address of (a part of) what the expression designates may be kept by somebody. */
void take_address(Node *node)
{
    if (!node)
        return;
    if ((node->kind == N_REF || node->kind == N_LITERAL) && node->local) {
        node->local->naddresses++;
    } else if (node->kind == N_OTHER || node->kind == N_COND || node->kind == N_ELVIS || node->kind == N_COMMA ||
               node->kind == N_ASSIGN || node->kind == N_STEP) {
        for (int i = 0; i < node->nkids; i++)
            if (node->kids[i] && node->kids[i]->is_lvalue)
                take_address(node->kids[i]);
    }
}

void ask_insert(Tu *tu, int at, const char *text)
{
    *push(tu->arena, tu->inserts, tu->ninserts, tu->inserts_room) = (Change){ at, at, text };
}

bool word_at(const Tu *tu, int offset, const char *word)
{
    size_t size = strlen(word);
    return offset >= 0 && offset + (int)size <= tu->source->size && !memcmp(tu->source->text + offset, word, size);
}

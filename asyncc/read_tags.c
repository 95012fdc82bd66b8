/* read_tags.c - structs and unions that the file level can't name, and what made text calls them.
 *
 *     struct point { int x, y; } p;        struct point       nothing else in the function has that name
 *     struct { int z; } u;                 struct f__tag1     a tag that the definition is given
 *     { struct point { char c; } q; ... }  f__point__2        a typedef that is put before the definition
 *
 *     extern struct { int z; } v;          f__tag2            in a header: typedef __typeof__(v) f__tag2;
 *
 * Where such a type is defined has to be in the text, to be edited: a macro's body is expanded first. */
#include "read.h"
#include <string.h>

/* What in a header has an unnamed type, as an expression. */
typedef struct Search {
    Reader *r;
    CXCursor decl;
    const char *base;  /* a value of the record whose fields are visited */
    const char *found; /* or null */
} Search;

static enum CXVisitorResult visit_field(CXCursor, CXClientData);

static void try_value(Search *s, CXType type, const char *value)
{
    for (;;) {
        type = clang_getCanonicalType(type);
        if (type.kind == CXType_Pointer)
            type = clang_getPointeeType(type);
        else if (type.kind == CXType_ConstantArray || type.kind == CXType_IncompleteArray)
            type = clang_getArrayElementType(type);
        else
            break;
        value = take_format(s->r->arena, "(*%s)", value);
    }
    if (type.kind != CXType_Record)
        return;
    CXCursor decl = clang_getTypeDeclaration(type);
    if (clang_equalCursors(clang_getCanonicalCursor(decl), s->decl)) {
        if (!clang_isConstQualifiedType(type) && !clang_isVolatileQualifiedType(type))
            s->found = value;
        return;
    }
    /* Those that have a name are visited for themselves. */
    CXString name = clang_getCursorSpelling(decl);
    const char *text = clang_getCString(name);
    bool named = text && *text && !strchr(text, '(');
    clang_disposeString(name);
    if (named)
        return;
    const char *outer = s->base;
    s->base = value;
    clang_Type_visitFields(type, visit_field, s);
    s->base = outer;
}

static enum CXVisitorResult visit_field(CXCursor c, CXClientData data)
{
    Search *s = data;
    const char *name = copy_string(s->r, clang_getCursorSpelling(c));
    const char *value = *name ? take_format(s->r->arena, "%s.%s", s->base, name) : s->base;
    try_value(s, clang_getCursorType(c), value);
    return s->found ? CXVisit_Break : CXVisit_Continue;
}

static enum CXChildVisitResult visit_outer(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Search *s = data;
    Arena *arena = s->r->arena;
    enum CXCursorKind kind = clang_getCursorKind(c);
    bool record = kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl;
    if (kind != CXCursor_VarDecl && kind != CXCursor_TypedefDecl && !(record && clang_isCursorDefinition(c)))
        return CXChildVisit_Continue;
    const char *name = copy_string(s->r, clang_getCursorSpelling(c));
    if (!*name || strchr(name, '('))
        return CXChildVisit_Continue;
    if (kind == CXCursor_VarDecl) {
        try_value(s, clang_getCursorType(c), name);
    } else if (kind == CXCursor_TypedefDecl) {
        try_value(s, clang_getTypedefDeclUnderlyingType(c), take_format(arena, "(*(%s *)0)", name));
    } else {
        /* "struct holder", or what a typedef lends */
        s->base = take_format(arena, "(*(%s *)0)", copy_string(s->r, clang_getTypeSpelling(clang_getCursorType(c))));
        clang_Type_visitFields(clang_getCursorType(c), visit_field, s);
    }
    return s->found ? CXChildVisit_Break : CXChildVisit_Continue;
}

/* A type without a name, of a header, which can't be edited: what has it says it. */
static void name_by_value(Reader *r, Tag *tag, CXCursor decl, int number)
{
    Search search = { .r = r, .decl = decl };
    if (r->fn && !is_function_local(decl))
        clang_visitChildren(clang_getTranslationUnitCursor(r->unit), visit_outer, &search);
    if (!search.found) {
        tag->refused = "has a type without a name, which is defined in a header";
        return;
    }
    tag->is_of_file = true;
    tag->value = search.found;
    tag->spelled = take_format(r->arena, "%s__tag%d", r->fn->name, number);
    *push(r->arena, r->fn->outer_tags, r->fn->nouter_tags, r->fn->outer_tags_room) = tag;
}

Tag *find_tag(Reader *r, CXCursor decl)
{
    decl = clang_getCanonicalCursor(decl);
    Known *known = find_known(r, decl.data[0]);
    if (known->tag)
        return known->tag;
    Tu *tu = r->tu;
    Tag *tag = known->tag = take(r->arena, sizeof *tag);
    int number = ++r->ntags;
    tag->word = clang_getCursorKind(decl) == CXCursor_UnionDecl ? "union" : "struct";
    tag->from = tag->keyword_to = -1;
    const char *name = copy_string(r, clang_getCursorSpelling(decl));
    bool named = *name && !strchr(name, '(');
    CXCursor definition = clang_getCursorDefinition(decl);
    if (!clang_Cursor_isNull(definition)) {
        CXSourceLocation start = clang_getRangeStart(clang_getCursorExtent(definition));
        tag->from = offset_of(r, start);
        if (tag->from < 0) {
            const char *type = copy_string(r, clang_getTypeSpelling(clang_getCursorType(decl)));
            named &= !strncmp(type, "struct ", 7) || !strncmp(type, "union ", 6); /* not lent by a typedef */
            if (!named)
                name_by_value(r, tag, decl, number);
        } else if (word_at(tu, tag->from, tag->word)) {
            tag->keyword_to = tag->from + (int)strlen(tag->word);
            Token next = next_token(tu->source->text, tag->keyword_to, tu->source->size);
            /* A typedef lends its name to an unnamed struct. */
            named &= !token_is(tu->source->text, next, "{");
        } else {
            tag->in_macro = true;
        }
    }
    tag->name = named ? name : NULL;
    if (tag->is_of_file)
        return tag;
    if (r->fn && named && !is_function_local(decl)) {
        /* Of the file, and hidden somewhere in the function: a typedef before it. */
        known->tag = NULL; /* another function may see it */
        tag->from = -1;
        tag->refused = NULL;
        tag->name = name;
        tag->spelled = take_format(r->arena, "%s__%s__%d", r->fn->name, name, number);
        *push(r->arena, r->fn->outer_tags, r->fn->nouter_tags, r->fn->outer_tags_room) = tag;
        return tag;
    }
    const char *owner = r->fn ? r->fn->name : "ac";
    if (!named) {
        tag->spelled = take_format(r->arena, "%s %s__tag%d", tag->word, owner, number);
    } else if (has_other_tag(r, decl)) {
        tag->is_ambiguous = true;
        tag->spelled = take_format(r->arena, "%s__%s__%d", owner, name, number);
    } else {
        tag->spelled = take_format(r->arena, "%s %s", tag->word, name);
    }
    if (r->fn && !r->scope && is_function_local(decl))
        tag->refused = "has a type that is declared in a list of parameters";
    return known->tag = tag;
}

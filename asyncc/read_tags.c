/* read_tags.c - structs and unions that the file level can't name, and what made text calls them.
 *
 *     struct point { int x, y; } p;        struct point       nothing else in the function has that name
 *     struct { int z; } u;                 struct f__tag1     a tag that the definition is given
 *     { struct point { char c; } q; ... }  f__point__2        a typedef that is put before the definition
 *
 * Where such a type is defined has to be in the text, to be edited: a macro's body is expanded first. */
#include "read.h"
#include <string.h>

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
            tag->refused = "has a type without a name, which is defined in a header";
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

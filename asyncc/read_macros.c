/* read_macros.c - the calls of macros in the text, which of them stringise or paste, and what the
 * preprocessor left out. */
#include "read.h"
#include <stdlib.h>
#include <string.h>

/* Only the outermost calls stay: what an argument calls is expanded with it. */
void sort_calls(Tu *tu)
{
    sort_changes(tu->calls, tu->ncalls);
    int n = 0;
    for (int i = 0; i < tu->ncalls; i++)
        if (!n || tu->calls[i].from >= tu->calls[n - 1].to)
            tu->calls[n++] = tu->calls[i];
    tu->ncalls = n;
}

void find_skipped(Reader *r)
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

/* Whether a macro stringises or pastes, itself or by those that its body names. */
typedef struct Definition {
    const char *name;
    CXCursor cursor;
    int hashes; /* 0: not known yet, 1: no, 2: yes */
} Definition;

typedef struct Definitions {
    Reader *r;
    Definition *v;
    int n, room;
} Definitions;

static enum CXChildVisitResult visit_macros(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    Definitions *macros = data;
    if (clang_getCursorKind(c) == CXCursor_MacroDefinition) {
        Definition macro = { copy_string(macros->r, clang_getCursorSpelling(c)), c, 0 };
        *push(macros->r->arena, macros->v, macros->n, macros->room) = macro;
    }
    return CXChildVisit_Continue;
}

static int by_macro_name(const void *a, const void *b)
{
    return strcmp(((const Definition *)a)->name, ((const Definition *)b)->name);
}

static bool has_hash(Definitions *macros, const char *name)
{
    Definition key = { .name = name };
    Definition *macro = bsearch(&key, macros->v, (size_t)macros->n, sizeof *macros->v, by_macro_name);
    if (!macro)
        return false;
    if (macro->hashes)
        return macro->hashes == 2;
    macro->hashes = 1;
    CXSourceRange range = clang_getCursorExtent(macro->cursor);
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

static void mark_if_hashed(Definitions *macros, Change *call)
{
    Reader *r = macros->r;
    if (!macros->n) {
        clang_visitChildren(clang_getTranslationUnitCursor(r->unit), visit_macros, macros);
        if (macros->n)
            qsort(macros->v, (size_t)macros->n, sizeof *macros->v, by_macro_name);
    }
    const char *text = r->tu->source->text;
    Token name = next_token(text, call->from, call->to);
    if (has_hash(macros, take_text(r->arena, text + name.from, (size_t)(name.to - name.from))))
        call->text = "#";
}

/* Marks (by text) the calls of macros that stringise or paste: a name in their arguments can't be edited. */
void find_hashed_calls(Reader *r)
{
    Tu *tu = r->tu;
    Definitions macros = { .r = r };
    for (int k = 0; k < tu->nfns; k++) {
        const Node *body = tu->fns[k]->body;
        if (!body)
            continue;
        for (int i = first_change(tu->calls, tu->ncalls, body->from); i < tu->ncalls && tu->calls[i].from < body->to; i++)
            mark_if_hashed(&macros, &tu->calls[i]);
    }
    for (int i = 0; i < tu->nmentions; i++) {
        const Change *call = find_call(tu, tu->mentions[i].from);
        if (call && !call->text)
            mark_if_hashed(&macros, &tu->calls[call - tu->calls]);
    }
}

static int by_name_and_place(const void *a, const void *b)
{
    const Macro *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->from - y->from;
}

static enum CXChildVisitResult visit_definition(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    if (clang_getCursorKind(c) != CXCursor_MacroDefinition)
        return CXChildVisit_Continue;
    Reader *r = data;
    Tu *tu = r->tu;
    CXSourceRange range = clang_getCursorExtent(c);
    Macro macro = {
        .name = copy_string(r, clang_getCursorSpelling(c)),
        .from = offset_of(r, clang_getRangeStart(range)),
        .has_parameters = clang_Cursor_isMacroFunctionLike(c),
    };
    CXFile file;
    unsigned from, to;
    clang_getSpellingLocation(clang_getRangeStart(range), &file, NULL, NULL, &from);
    clang_getSpellingLocation(clang_getRangeEnd(range), NULL, NULL, NULL, &to);
    size_t size = 0;
    const char *text = file ? clang_getFileContents(r->unit, file, &size) : NULL;
    if (text && to <= size) {
        Token body = next_token(text, (int)(from + strlen(macro.name)), (int)to);
        macro.is_itself = token_is(text, body, macro.name) && next_token(text, body.to, (int)to).kind == T_END;
    }
    *push(tu->arena, tu->macros, tu->nmacros, tu->macros_room) = macro;
    return CXChildVisit_Continue;
}

void find_macros(Tu *tu)
{
    tu->nmacros = 0;
    clang_visitChildren(clang_getTranslationUnitCursor(tu->reader->unit), visit_definition, tu->reader);
    if (tu->nmacros)
        qsort(tu->macros, (size_t)tu->nmacros, sizeof *tu->macros, by_name_and_place);
}

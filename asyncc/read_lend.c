/* read_lend.c - what functions say of the pointers that they are given: __attribute__((noescape)) on a parameter,
 * or that they are the C library's. */
#include "read.h"
#include <string.h>

static enum CXChildVisitResult visit_attributes(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    bool *found = data;
    if (!clang_isAttribute(clang_getCursorKind(c)))
        return CXChildVisit_Continue;
    CXFile file;
    unsigned at;
    CXTranslationUnit unit = clang_Cursor_getTranslationUnit(c);
    clang_getSpellingLocation(clang_getRangeStart(clang_getCursorExtent(c)), &file, NULL, NULL, &at);
    size_t size = 0;
    const char *text = file ? clang_getFileContents(unit, file, &size) : NULL;
    static const char *const names[] = { "noescape", "__noescape__", "clang::noescape", "_Clang::noescape" };
    for (int i = 0; text && i < 4; i++) {
        size_t length = strlen(names[i]);
        if (at + length < size && !memcmp(text + at, names[i], length) && !(text[at + length] == '_'))
            *found = true;
    }
    return CXChildVisit_Continue;
}

static bool says_noescape(CXCursor parameter)
{
    bool found = false;
    clang_visitChildren(parameter, visit_attributes, &found);
    return found;
}

/* Declared by a system header, and defined nowhere else: a function of the same name that is the program's own,
 * or declared by hand, may do anything. */
static bool is_of_library(CXCursor function)
{
    CXCursor declarations[] = { function, clang_getCanonicalCursor(function), clang_getCursorDefinition(function) };
    if (clang_getCursorLinkage(function) != CXLinkage_External)
        return false;
    for (int i = 0; i < 3; i++) {
        if (i == 2 && clang_Cursor_isNull(declarations[i]))
            continue;
        if (!clang_Location_isInSystemHeader(clang_getCursorLocation(declarations[i])))
            return false;
    }
    return true;
}

static const char *find_class(Reader *r, CXCursor function)
{
    const char *name = copy_string(r, clang_getCursorSpelling(function));
    if (!strncmp(name, "__builtin_", 10)) /* nobody else can declare it */
        return pointer_classes(name + 10);
    const char *classes = pointer_classes(name);
    return classes && is_of_library(function) ? classes : NULL;
}

const char *find_lends(Reader *r, CXCursor function)
{
    if (clang_getCursorKind(function) != CXCursor_FunctionDecl)
        return NULL;
    Known *known = know(r, function);
    if (known->has_lends)
        return known->lends;
    int n = clang_Cursor_getNumArguments(function);
    CXCursor first = clang_getCanonicalCursor(function);
    char *said = n > 0 ? take(r->arena, (size_t)n + 1) : NULL;
    bool some = false;
    int nfirst = clang_equalCursors(first, function) ? 0 : clang_Cursor_getNumArguments(first);
    for (int i = 0; i < n; i++) {
        bool noescape = says_noescape(clang_Cursor_getArgument(function, (unsigned)i)) ||
                        (i < nfirst && says_noescape(clang_Cursor_getArgument(first, (unsigned)i)));
        said[i] = noescape ? 'n' : '-';
        some |= noescape;
    }
    const char *classes = some ? said : known->fn ? NULL : find_class(r, function); /* nothing async is the library's */
    known->has_lends = true;
    known->lends = classes;
    return classes;
}

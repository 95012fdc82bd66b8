/* messages.c - libclang's diagnostics, told as the user wrote the program: with `await` where clang
 * saw __extension__, and `async` where it saw an attribute. */
#include "read.h"
#include <string.h>

static const char *replace_all(Arena *arena, const char *text, const char *what, const char *by)
{
    Buf out = { .arena = arena };
    size_t size = strlen(what);
    for (const char *hit; (hit = strstr(text, what)); text = hit + size) {
        add_bytes(&out, text, (size_t)(hit - text));
        add(&out, by);
    }
    add(&out, text);
    return out.text;
}

/* 'int ((*))(int) __attribute__((preserve_most))' -> 'async int (*)(int)', in each pair of quotes. */
static const char *name_async(Arena *arena, const char *text)
{
    static const char attribute[] = " __attribute__((preserve_most))";
    Buf out = { .arena = arena };
    for (const char *close; *text; text = close) {
        size_t plain = strcspn(text, "'");
        add_bytes(&out, text, plain);
        text += plain;
        close = *text ? strchr(text + 1, '\'') : NULL;
        if (!close) {
            add(&out, text);
            break;
        }
        const char *type = take_text(arena, text + 1, (size_t)(close++ - text - 1));
        bool async = strstr(type, attribute) && !strstr(type, "async ");
        type = replace_all(arena, type, attribute, "");
        add_format(&out, "'%s%s'", async ? "async " : "", async ? replace_all(arena, type, "((*))", "(*)") : type);
    }
    return out.text ? out.text : text;
}

static const char *as_user_wrote(Arena *arena, const char *text)
{
    if (strstr(text, " __attribute__((preserve_most))"))
        text = name_async(arena, text);
    static const char *const words[][2] = {
        { "__attribute__((preserve_most))", "" },
        { " without calling convention", " without 'async'" },
        { "declared 'cdecl' here was previously declared 'preserve_most'",
          "declared here without 'async' was previously declared 'async'" },
        { "declared 'preserve_most' here", "declared 'async' here" },
        { "'preserve_most' only applies to function types; type here is",
          "'async' belongs to the declaration of a function; type here is" },
        { "'preserve_most'", "'async'" },
        { "__asy", "async" },
        { " ')", "')" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i][0]))
            text = replace_all(arena, text, words[i][0], words[i][1]);
    if (strstr(text, "address_space(7701)")) {
        text = replace_all(arena, text, "typeof(__attribute__((address_space(7701))) typeof(", "ac_task(");
        text = replace_all(arena, text, ") *)' (aka", ")' (aka");
        text = replace_all(arena, text, "__attribute__((address_space(7701))) ", "task of ");
    }
    if (strstr(text, "address_space(7702)")) {
        text = replace_all(arena, text, "typeof(__attribute__((address_space(7702))) typeof(", "ac_future(");
        text = replace_all(arena, text, ") *)' (aka", ")' (aka");
        text = replace_all(arena, text, "__attribute__((address_space(7702))) ", "future of ");
    }
    return text;
}

static Place place_at(Reader *r, CXSourceLocation at)
{
    CXFile file;
    unsigned offset, line, column;
    clang_getFileLocation(at, &file, &line, &column, &offset);
    if (!file)
        return (Place){ 0 };
    if (r->file && clang_File_isEqual(file, r->file))
        return place_of(r->tu->source, text_offset(r->tu->source, (int)offset, &r->hint));
    CXString name = clang_getFileName(file);
    File *opened = open_file(r->tu, clang_getCString(name));
    clang_disposeString(name);
    return (Place){ .file = opened, .offset = (int)offset, .line = (int)line, .column = (int)column };
}

static int length_of(Reader *r, CXSourceRange range)
{
    CXFile a, b;
    unsigned from, to;
    clang_getFileLocation(clang_getRangeStart(range), &a, NULL, NULL, &from);
    clang_getFileLocation(clang_getRangeEnd(range), &b, NULL, NULL, &to);
    if (!a || !b || !clang_File_isEqual(a, b))
        return 0;
    int begin = (int)from, end = (int)to;
    if (r->file && clang_File_isEqual(a, r->file)) {
        begin = text_offset(r->tu->source, begin, &r->hint);
        end = text_offset(r->tu->source, end, &r->hint);
    }
    return end > begin ? end - begin : 0;
}

/* A note about a parameter of a function that read_blocking.c made. */
static bool is_at_made_parameter(Reader *r, CXDiagnostic message)
{
    static const char start[] = "passing argument to parameter";
    CXString text = clang_getDiagnosticSpelling(message);
    int at = strncmp(clang_getCString(text), start, sizeof start - 1) ? -1 : offset_of(r, clang_getDiagnosticLocation(message));
    clang_disposeString(text);
    return at >= 0 && is_made_text(r->tu->source, at);
}

static void pass_on(Reader *r, CXDiagnostic message, bool child)
{
    Tu *tu = r->tu;
    enum CXDiagnosticSeverity severity = clang_getDiagnosticSeverity(message);
    CXString text = clang_getDiagnosticSpelling(message);
    CXString option = clang_getDiagnosticOption(message, NULL);
    const char *words = as_user_wrote(tu->arena, clang_getCString(text));
    const char *flag = clang_getCString(option);
    flag = flag && *flag ? take_text(tu->arena, flag, strlen(flag)) : NULL;
    Place at = place_at(r, clang_getDiagnosticLocation(message));
    if (child)
        note_at(tu, at, 0, words);
    else
        report_at(tu, severity >= CXDiagnostic_Error ? ERROR : severity == CXDiagnostic_Warning ? WARNING : NOTE, at, 0,
                  flag, words);
    unsigned n = clang_getDiagnosticNumRanges(message);
    for (unsigned i = 0; i < n; i++) {
        CXSourceRange range = clang_getDiagnosticRange(message, i);
        range_at(tu, place_at(r, clang_getRangeStart(range)), length_of(r, range));
    }
    n = child ? 0 : clang_getDiagnosticNumFixIts(message);
    for (unsigned i = 0; i < n; i++) {
        CXSourceRange range;
        CXString by = clang_getDiagnosticFixIt(message, i, &range);
        fixit_at(tu, place_at(r, clang_getRangeStart(range)), length_of(r, range),
                 as_user_wrote(tu->arena, clang_getCString(by)));
        clang_disposeString(by);
    }
    clang_disposeString(text);
    clang_disposeString(option);
    if (child)
        return;
    CXDiagnosticSet children = clang_getChildDiagnostics(message);
    n = clang_getNumDiagnosticsInSet(children);
    for (unsigned i = 0; i < n; i++) {
        CXDiagnostic note = clang_getDiagnosticInSet(children, i);
        if (!is_at_made_parameter(r, note))
            pass_on(r, note, true);
        clang_disposeDiagnostic(note);
    }
}

/* A warning about the star that gives `await task` its type. */
static bool is_at_star(Reader *r, CXDiagnostic message)
{
    CXFile file;
    unsigned at;
    clang_getFileLocation(clang_getDiagnosticLocation(message), &file, NULL, NULL, &at);
    CXString option = clang_getDiagnosticOption(message, NULL);
    bool about_star = !strcmp(clang_getCString(option), "-Wunused-value") ||
                      !strcmp(clang_getCString(option), "-Wvoid-ptr-dereference");
    clang_disposeString(option);
    if (!about_star || !file || !r->file || !clang_File_isEqual(file, r->file))
        return false;
    int offset = text_offset(r->tu->source, (int)at, &r->hint);
    return offset >= 5 && !strncmp(r->tu->source->text + offset - 5, "await*", 6);
}

/* read.c tells of a stray async better than clang does. */
static bool is_stray_async(CXDiagnostic message)
{
    static const char start[] = "'preserve_most' only applies";
    CXString text = clang_getDiagnosticSpelling(message);
    bool is = !strncmp(clang_getCString(text), start, sizeof start - 1);
    clang_disposeString(text);
    return is;
}

bool is_stray_at(Reader *r, int offset)
{
    bool found = false;
    unsigned n = clang_getNumDiagnostics(r->unit);
    for (unsigned i = 0; i < n && !found; i++) {
        CXDiagnostic message = clang_getDiagnostic(r->unit, i);
        CXString text = clang_getDiagnosticSpelling(message);
        if (strstr(clang_getCString(text), "preserve_most")) {
            int at = offset_of(r, clang_getDiagnosticLocation(message));
            found = at >= offset && at < offset + 5;
        }
        clang_disposeString(text);
        clang_disposeDiagnostic(message);
    }
    return found;
}

static void pass_on_some(Reader *r, bool stray)
{
    unsigned n = clang_getNumDiagnostics(r->unit);
    for (unsigned i = 0; i < n; i++) {
        CXDiagnostic message = clang_getDiagnostic(r->unit, i);
        if (clang_getDiagnosticSeverity(message) >= CXDiagnostic_Warning && is_stray_async(message) == stray &&
            (stray || !is_at_star(r, message)))
            pass_on(r, message, false);
        clang_disposeDiagnostic(message);
    }
}

void pass_on_messages(Reader *r)
{
    pass_on_some(r, false);
}

void pass_on_stray(Reader *r)
{
    pass_on_some(r, true);
}

/* asyncify.c - makes an async program of a plain one.
 *
 *     static int twice(int n)                 static async int twice(int n)
 *     {                                       {
 *         return n + n;                           return n + n;
 *     }                                       }
 *     int main(void)                          async int main(void)
 *     {                                       {
 *         return pair(1, 2).a + twice(3);         return (await pair(1, 2)).a + await twice(3);
 *     }                                       }
 *
 * A function that the file defines becomes async if it is only ever called by its name, from async
 * functions. The others stay as they are; --report says why. Because of serial elision nothing may
 * change by it: whatever C program goes in is a test of asyncc.
 *
 * libclang says what is called where; the text is changed by insertions alone, at offsets. Whatever
 * name of a function is left that neither libclang nor these rules account for keeps it plain. */
#include "asyncc.h"

#include <clang-c/Index.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: asyncify [options] [cc's flags] file.c -o file.ac\n"
    "\n"
    "Writes the program with every function async that can be, and every call of one awaited.\n"
    "\n"
    "  --macros      calls in bodies of macros are awaited there; else what they call stays plain\n"
    "  --yield       every async function begins with a yield, so that every await really suspends\n"
    "  --yield=each  every await has a yield before it too, in the same expression\n"
    "  --kept        calls are kept as futures, driven by ac_all, and then awaited, by turns, where that may be\n"
    "  --blocking    calls of functions of one parameter that stay plain are made by ac_spawn_blocking, where async ones are awaited\n"
    "  --recursive   functions that call themselves, or each other in a circle, become async too\n"
    "  --library     only static functions: others are called from other files\n"
    "  --report      names on stderr what stays plain, with the reason\n"
    "\n"
    "The last line on stderr is the sum. The exit status is 1 if libclang can't read the program.\n";

typedef struct Function Function;

/* One declaration in the file. */
typedef struct Declaration {
    int from, name; /* where its specifiers begin; its name */
    int params;     /* after the ( of an empty parameter list that is to say void, else -1 */
    int body;       /* after the {, else -1 */
    bool no_type;   /* an implicit int */
    bool group;     /* shares its specifiers with other declarators */
} Declaration;

struct Function {
    const char *name;
    const char *why;  /* it stays plain; null: it becomes async */
    CXCursor first;   /* its first declaration */
    bool defined;     /* in this file */
    bool visited, external;
    bool empty_params; /* as () in some declaration */
    bool needs_prototype;
    Declaration *decls;
    int ndecls, decls_room;
    int *calls; /* those that it makes, by index */
    int ncalls, calls_room;
    int order, low; /* Tarjan's, in search of circles */
    bool on_stack, in_circle;
    Function *next; /* of the same hash */
};

/* One call by name, or one expansion of it. */
typedef struct Call {
    Function *caller, *callee;
    int name;    /* where the name is written: in the text, or in a macro's body */
    int from;    /* the parentheses around the name, if any, begin there         */
    int to;      /* past the closing one; -1: it isn't where the name is         */
    int open;     /* its parenthesis, or 0                                       */
    bool has_no_prototype; /* there                                              */
    bool in_body; /* the name stands in a macro's body                           */
    bool postfix; /* something is applied to the value that binds closer         */
} Call;

typedef struct Insertion {
    int at, order;
    bool closes; /* belongs to what ends there; comes before what begins there */
    const char *text;
} Insertion;

enum { NHASH = 4096 };

typedef struct Program {
    Arena *arena;
    const Options *options;
    bool macros, yields, yields_each, kept, blocking, recursive, library, report;
    CXTranslationUnit unit;
    CXFile file;
    const char *text;
    int size;
    Function *functions[NHASH];
    Function **in_order; /* as the file mentions them */
    int nfunctions, functions_room;
    Call *calls;
    int ncalls, calls_room;
    unsigned char *known; /* by offset: a name that libclang accounted for */
    Insertion *insertions;
    int ninsertions, insertions_room;
    Function **stack;
    int nstack, stack_room, norder;
} Program;

/* A cursor and those around it, while they are visited. */
typedef struct Frame {
    Program *program;
    const struct Frame *outer;
    CXCursor cursor, callee; /* of a call by name: the reference to what is called */
    Function *function;      /* whose declaration this is */
} Frame;

/* What the C library or the compiler calls by itself, if clang doesn't know it as a builtin. */
static bool is_a_library_name(const char *name)
{
    static const char *const names[] = {
        "abort",  "alloca", "bcmp",    "bcopy",   "bzero",   "calloc",  "exit",     "free",     "fprintf", "fputs",
        "ffs",    "index",  "malloc",  "memchr",  "memcmp",  "memcpy",  "memmove",  "mempcpy",  "memset",  "printf",
        "putchar", "puts",  "realloc", "rindex",  "snprintf", "sprintf", "stpcpy",  "strcat",   "strchr",  "strcmp",
        "strcpy", "strcspn", "strlen", "strncat", "strncmp", "strncpy", "strpbrk",  "strrchr",  "strspn",  "strstr",
        "vprintf", "vsnprintf", "vsprintf", "fputc", "fwrite", "abs", "labs", "llabs", "strdup", "strnlen", "vfprintf",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return !strncmp(name, "__", 2);
}

/* What can't be said of a function that is resumed, or would be said of another function then. */
static bool is_bad_attribute(const char *name, size_t size)
{
    static const char *const names[] = {
        "alias",       "const",      "constructor", "destructor", "fastcall", "gnu_inline", "ifunc",   "interrupt",
        "leaf",        "malloc",     "ms_abi",      "naked",      "noreturn", "_Noreturn",  "pure",    "regparm",
        "returns_twice", "signal",   "stdcall",     "sysv_abi",   "target",   "target_clones", "thiscall", "vectorcall",
        "weak",        "weakref",    "alloc_size",  "alloc_align", "assume_aligned", "returns_nonnull", "error", "warning",
        "no_instrument_function", "simd", "format", "format_arg", "sentinel", "section", "optimize", "transaction_safe",
        "visibility",  "symver",     "no_stack_protector", "stack_protect", "no_split_stack", "patchable_function_entry",
    };
    while (size > 4 && !strncmp(name, "__", 2) && !strncmp(name + size - 2, "__", 2))
        name += 2, size -= 4;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && !memcmp(name, names[i], size))
            return true;
    return false;
}

/* ---- the text ---------------------------------------------------------------------------------- */

static Token token_at(const Program *p, int at)
{
    return next_token(p->text, at, p->size);
}

static bool is_word(const Program *p, int at, const char *word)
{
    size_t size = strlen(word);
    if (at < 0 || at + (int)size > p->size || memcmp(p->text + at, word, size))
        return false;
    Token token = token_at(p, at);
    return token.from == at && token.to == at + (int)size;
}

static void insert(Program *p, int at, const char *text, bool closes)
{
    int n = p->ninsertions;
    *push(p->arena, p->insertions, p->ninsertions, p->insertions_room) = (Insertion){ at, n, closes, text };
}

static int compare_insertions(const void *a, const void *b)
{
    const Insertion *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->closes != y->closes)
        return x->closes ? -1 : 1;
    return x->order - y->order;
}

/* ---- what libclang says ------------------------------------------------------------------------ */

static int offset_of(const Program *p, CXSourceLocation at)
{
    CXFile file;
    unsigned offset;
    clang_getFileLocation(at, &file, NULL, NULL, &offset);
    return file && clang_File_isEqual(file, p->file) ? (int)offset : -1;
}

/* Where a token was written, were it in a macro's body; -1: in another file, or nowhere (pasted). */
static int spelling_of(const Program *p, CXSourceLocation at)
{
    CXFile file;
    unsigned offset;
    clang_getSpellingLocation(at, &file, NULL, NULL, &offset);
    return file && clang_File_isEqual(file, p->file) ? (int)offset : -1;
}

static const char *copy_string(Program *p, CXString string)
{
    const char *text = clang_getCString(string);
    const char *copy = take_text(p->arena, text ? text : "", text ? strlen(text) : 0);
    clang_disposeString(string);
    return copy;
}

static unsigned hash(const char *name)
{
    unsigned h = 5381;
    while (*name)
        h = h * 33 + (unsigned char)*name++;
    return h % NHASH;
}

static Function *find_function(const Program *p, const char *name)
{
    Function *f = p->functions[hash(name)];
    while (f && strcmp(f->name, name))
        f = f->next;
    return f;
}

static Function *know_function(Program *p, const char *name)
{
    Function *f = find_function(p, name);
    if (f)
        return f;
    f = take(p->arena, sizeof *f);
    f->name = name;
    f->next = p->functions[hash(name)];
    p->functions[hash(name)] = f;
    *push(p->arena, p->in_order, p->nfunctions, p->functions_room) = f;
    return f;
}

/* The first reason stays. */
static void keep_plain(Function *f, const char *why)
{
    if (!f->why)
        f->why = why;
}

static enum CXChildVisitResult take_first(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    *(CXCursor *)data = c;
    return CXChildVisit_Break;
}

static CXCursor first_child(CXCursor c)
{
    CXCursor first = clang_getNullCursor();
    clang_visitChildren(c, take_first, &first);
    return first;
}

static bool is_function_ref(CXCursor c)
{
    return clang_getCursorKind(c) == CXCursor_DeclRefExpr &&
           clang_getCursorKind(clang_getCursorReferenced(c)) == CXCursor_FunctionDecl;
}

/* f in `f(x)`, and in `(f)(x)`; else null. */
static CXCursor find_callee(CXCursor call)
{
    CXCursor c = first_child(call);
    while (!clang_Cursor_isNull(c)) {
        enum CXCursorKind kind = clang_getCursorKind(c);
        if (is_function_ref(c))
            return c;
        if (kind != CXCursor_UnexposedExpr && kind != CXCursor_ParenExpr)
            break;
        c = first_child(c);
    }
    return clang_getNullCursor();
}

/* Whether .member, [index] or (arguments) is applied to the value of the call. */
static bool is_under_postfix(const Frame *call)
{
    CXCursor inner = call->cursor;
    for (const Frame *f = call->outer; f; f = f->outer) {
        switch (clang_getCursorKind(f->cursor)) {
        case CXCursor_UnexposedExpr:
            inner = f->cursor;
            continue;
        case CXCursor_MemberRefExpr:
        case CXCursor_CallExpr:
        case CXCursor_ArraySubscriptExpr:
            return clang_equalCursors(first_child(f->cursor), inner);
        default:
            return false;
        }
    }
    return false;
}

static void read_call(Program *p, const Frame *frame, CXCursor ref, Function *callee)
{
    Function *caller = NULL;
    for (const Frame *f = frame; f && !caller; f = f->outer) {
        if (clang_getCursorKind(f->cursor) == CXCursor_ParmDecl)
            keep_plain(callee, "called in a parameter's type");
        caller = f->function;
    }
    if (!caller)
        keep_plain(callee, "called outside of functions");
    CXSourceLocation at = clang_getCursorLocation(ref);
    int offset = offset_of(p, at), spelled = spelling_of(p, at);
    if (offset < 0 || spelled < 0 || !is_word(p, spelled, callee->name)) {
        keep_plain(callee, "called from a header's macro, or by a pasted name");
        return;
    }
    p->known[spelled] = 1;

    Call call = { caller, callee, spelled, spelled, -1, 0, false, offset != spelled, is_under_postfix(frame) };
    CXType type = clang_getCanonicalType(clang_getCursorType(ref));
    int nargs = clang_Cursor_getNumArguments(frame->cursor);
    if (type.kind == CXType_FunctionNoProto && nargs > 0)
        keep_plain(callee, "called without a prototype");
    if (type.kind == CXType_FunctionNoProto)
        callee->needs_prototype = call.has_no_prototype = true;
    if (offset_of(p, clang_getCursorLocation(clang_getCursorReferenced(ref))) == offset)
        keep_plain(callee, "called before it is declared");

    Token open = token_at(p, spelled + (int)strlen(callee->name));
    while (token_is(p->text, open, ")"))
        open = token_at(p, open.to);
    if (token_is(p->text, open, "(") && (call.open = open.from) >= 0)
        call.to = find_closing(p->text, open.from, p->size) + 1;
    if (!call.in_body) {
        int from = offset_of(p, clang_getRangeStart(clang_getCursorExtent(frame->cursor)));
        Token token = { .to = from };
        /* What is around the name is parentheses, if this is the call's beginning. */
        if (from >= 0 && from < spelled) {
            do
                token = token_at(p, token.to);
            while (token_is(p->text, token, "("));
            if (token.from == spelled)
                call.from = from;
        }
    }
    bool apart = call.to <= 0; /* the name is an argument of a macro that adds the parentheses */
    if ((call.in_body || apart) && !p->macros)
        keep_plain(callee, "called from a macro's body");
    if (apart && call.postfix)
        keep_plain(callee, "called from a macro's body in parts");
    if (apart)
        call.to = -1;
    int index = p->ncalls;
    *push(p->arena, p->calls, p->ncalls, p->calls_room) = call;
    if (caller)
        *push(p->arena, caller->calls, caller->ncalls, caller->calls_room) = index;
}

static void read_reference(Program *p, const Frame *frame)
{
    CXCursor decl = clang_getCursorReferenced(frame->cursor);
    Function *f = know_function(p, copy_string(p, clang_getCursorSpelling(decl)));
    for (const Frame *outer = frame->outer; outer; outer = outer->outer) {
        enum CXCursorKind kind = clang_getCursorKind(outer->cursor);
        if (kind == CXCursor_UnexposedExpr || kind == CXCursor_ParenExpr)
            continue;
        if (kind == CXCursor_CallExpr && clang_equalCursors(outer->callee, frame->cursor)) {
            read_call(p, outer, frame->cursor, f);
            return;
        }
        break;
    }
    keep_plain(f, "its address is used");
}

/* Attributes that libclang doesn't know aren't in its tree, so the text is searched. */
static void check_words(Program *p, Function *f, int from, int to)
{
    for (Token t = next_token(p->text, from, to); t.kind != T_END; t = next_token(p->text, t.to, to)) {
        if (t.kind != T_NAME)
            continue;
        Token before = { 0 }, after = next_token(p->text, t.to, to);
        if (t.from > from) {
            int at = t.from - 1;
            while (at > from && (p->text[at] == ' ' || p->text[at] == '\n' || p->text[at] == '\t'))
                at--;
            before = (Token){ T_PUNCT, at, at + 1 };
        }
        /* noreturn: as <stdnoreturn.h> has it */
        bool listed = token_is(p->text, t, "_Noreturn") || token_is(p->text, t, "noreturn") ||
                      ((token_is(p->text, before, "(") || token_is(p->text, before, ",") || token_is(p->text, before, "[")) &&
                       (token_is(p->text, after, ")") || token_is(p->text, after, ",") || token_is(p->text, after, "(") ||
                        token_is(p->text, after, "]")));
        if (listed && is_bad_attribute(p->text + t.from, (size_t)(t.to - t.from)))
            keep_plain(f, take_format(p->arena, "attribute %.*s", t.to - t.from, p->text + t.from));
        if (token_is(p->text, t, "asm") || token_is(p->text, t, "__asm__") || token_is(p->text, t, "__asm"))
            keep_plain(f, "it has a name for the assembler");
    }
}

/* Local labels are declared before all else in their block. */
static int skip_labels(const Program *p, int body)
{
    Token token = token_at(p, body);
    while (token_is(p->text, token, "__label__")) {
        while (token.kind != T_END && !token_is(p->text, token, ";"))
            token = token_at(p, token.to);
        body = token.to;
        token = token_at(p, body);
    }
    return body;
}

static void read_declaration(Program *p, Function *f, CXCursor c)
{
    CXSourceLocation at = clang_getCursorLocation(c);
    CXSourceRange extent = clang_getCursorExtent(c);
    Declaration decl = { offset_of(p, clang_getRangeStart(extent)), offset_of(p, at), -1, -1, false, false };
    if (decl.name < 0) {
        keep_plain(f, "declared in a header");
        return;
    }
    if (!f->visited)
        f->first = c;
    f->visited = true;
    /* clang puts a declaration of its own before that of a library function that it knows. */
    if (!clang_equalCursors(clang_getCanonicalCursor(c), f->first))
        keep_plain(f, "a name of the C library's");
    bool defines = clang_isCursorDefinition(c);
    f->defined |= defines;
    f->external |= clang_getCursorLinkage(c) == CXLinkage_External;
    if (decl.from < 0 || decl.name != spelling_of(p, at) || !is_word(p, decl.name, f->name)) {
        keep_plain(f, "declared by a macro");
        return;
    }
    if (p->known[decl.name])
        return; /* libclang visits what stands in a type's definition twice */
    p->known[decl.name] = 1;
    if (clang_Cursor_isVariadic(c) && clang_getCanonicalType(clang_getCursorType(c)).kind == CXType_FunctionProto)
        keep_plain(f, "variadic");

    int end = offset_of(p, clang_getRangeEnd(extent));
    int after = decl.name + (int)strlen(f->name);
    Token open = token_at(p, after);
    while (token_is(p->text, open, ")"))
        open = token_at(p, open.to);
    int close = token_is(p->text, open, "(") ? find_closing(p->text, open.from, p->size) : -1;
    if (close < 0) {
        keep_plain(f, "its parameters stand elsewhere");
        return;
    }
    /* In C23 () is a prototype; with (void) it is one everywhere. */
    Token first = token_at(p, open.to), second = token_at(p, first.to);
    CXCursor parameter = clang_Cursor_getArgument(c, 0);
    bool is_list = first.kind == T_NAME && (token_is(p->text, second, ",") || token_is(p->text, second, ")")) &&
                   clang_Cursor_getNumArguments(c) > 0 &&
                   token_is(p->text, first, copy_string(p, clang_getCursorSpelling(parameter)));
    if (is_list && defines) {
        keep_plain(f, "defined in K&R style");
    } else if (clang_getCanonicalType(clang_getCursorType(c)).kind == CXType_FunctionNoProto) {
        if (token_at(p, open.to).from == close) {
            decl.params = open.to;
            f->empty_params = true;
        } else {
            keep_plain(f, "defined in K&R style");
        }
    } else if (clang_Cursor_getNumArguments(c) > 0) {
        f->needs_prototype = true;
        if (token_at(p, open.to).from == close)
            keep_plain(f, "declared without a prototype");
    }
    int head = close;
    Token token = token_at(p, close + 1);
    if (defines) {
        while (token.kind != T_END && !token_is(p->text, token, "{")) {
            if (token.from >= end) {
                keep_plain(f, "its body stands elsewhere");
                return;
            }
            if (token_is(p->text, token, "("))
                token.to = find_closing(p->text, token.from, p->size) + 1;
            head = token.to;
            token = token_at(p, token.to);
        }
        decl.body = skip_labels(p, token.to);
    } else {
        while (token.kind != T_END && !token_is(p->text, token, ";") && !token_is(p->text, token, ",")) {
            if (token_is(p->text, token, "("))
                token.to = find_closing(p->text, token.from, p->size) + 1;
            head = token.to;
            token = token_at(p, token.to);
        }
        decl.group = token_is(p->text, token, ",");
    }
    check_words(p, f, decl.from, decl.name);
    check_words(p, f, close, head);

    decl.no_type = true;
    for (Token t = next_token(p->text, decl.from, decl.name); t.kind != T_END; t = next_token(p->text, t.to, decl.name)) {
        if (token_is(p->text, t, ",") || token_is(p->text, t, "}"))
            decl.group |= token_is(p->text, t, ",");
        if (token_is(p->text, t, "__attribute__") || token_is(p->text, t, "__attribute")) {
            int shut = find_closing(p->text, t.to + (int)strspn(p->text + t.to, " \t\n"), decl.name);
            if (shut > 0)
                t.to = shut + 1;
            continue;
        }
        static const char *const storage[] = { "static", "extern", "inline", "__inline", "__inline__", "register", "(" };
        bool found = false;
        for (size_t i = 0; i < sizeof storage / sizeof *storage; i++)
            found |= token_is(p->text, t, storage[i]);
        decl.no_type &= found;
    }
    if (decl.group)
        keep_plain(f, "declared together with others");
    *push(p->arena, f->decls, f->ndecls, f->decls_room) = decl;
}

static enum CXChildVisitResult visit(CXCursor c, CXCursor parent, CXClientData data)
{
    (void)parent;
    const Frame *outer = data;
    Program *p = outer->program;
    Frame frame = { p, outer, c, clang_getNullCursor(), NULL };
    enum CXCursorKind kind = clang_getCursorKind(c);
    if (kind == CXCursor_FunctionDecl) {
        frame.function = know_function(p, copy_string(p, clang_getCursorSpelling(c)));
        read_declaration(p, frame.function, c);
    } else if (is_function_ref(c)) {
        read_reference(p, &frame);
    } else {
        int at = offset_of(p, clang_getCursorLocation(c));
        if (at >= 0 && kind != CXCursor_CallExpr)
            p->known[at] = 1;
        if (kind == CXCursor_CallExpr)
            frame.callee = find_callee(c);
    }
    clang_visitChildren(c, visit, &frame);
    return CXChildVisit_Continue;
}

/* ---- who stays plain ---------------------------------------------------------------------------- */

static Function *function_at(const Program *p, Token t)
{
    if (t.kind != T_NAME)
        return NULL;
    return find_function(p, take_text(p->arena, p->text + t.from, (size_t)(t.to - t.from)));
}

/* alias("f") and its like */
static bool names_functions(const Program *p, Token word)
{
    static const char *const words[] = { "alias", "__alias__", "weakref", "__weakref__", "ifunc", "__ifunc__",
                                         "asm",   "__asm__",   "__asm" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (token_is(p->text, word, words[i]))
            return true;
    return false;
}

/* cleanup(f) in a macro's body */
static void check_cleanups(Program *p, int from, int to)
{
    for (Token t = next_token(p->text, from, to); t.kind != T_END; t = next_token(p->text, t.to, to)) {
        if (!token_is(p->text, t, "cleanup") && !token_is(p->text, t, "__cleanup__"))
            continue;
        Function *f = function_at(p, next_token(p->text, next_token(p->text, t.to, to).to, to));
        if (f)
            keep_plain(f, "mentioned where libclang sees no call");
    }
}

/* Names in attributes, in pragmas, and wherever else libclang doesn't look. */
static void check_mentions(Program *p)
{
    CXSourceRangeList *skipped = clang_getSkippedRanges(p->unit, p->file);
    Token before = { 0 }, word = { 0 }; /* the token before, and the name before that */
    for (Token t = token_at(p, 0); t.kind != T_END; word = before, before = t, t = token_at(p, t.to)) {
        if (t.kind == T_DIRECTIVE) {
            int hash_to = t.from + 1;
            Token name = next_token(p->text, hash_to, t.to);
            if (token_is(p->text, name, "define"))
                check_cleanups(p, name.to, t.to);
            if (!token_is(p->text, name, "pragma"))
                continue;
            for (name = next_token(p->text, name.to, t.to); name.kind != T_END; name = next_token(p->text, name.to, t.to)) {
                Function *f = function_at(p, name);
                if (f)
                    keep_plain(f, "named by a pragma");
            }
            continue;
        }
        if (t.kind == T_STRING && token_is(p->text, before, "(") && names_functions(p, word)) {
            Function *f = find_function(p, take_text(p->arena, p->text + t.from + 1, (size_t)(t.to - t.from - 2)));
            if (f)
                keep_plain(f, "named by a string");
            continue;
        }
        if (t.kind != T_NAME || p->known[t.from])
            continue;
        Function *f = function_at(p, t);
        if (!f || f->why)
            continue;
        if (token_is(p->text, before, "goto") || token_is(p->text, before, "struct") || token_is(p->text, before, "union") ||
            token_is(p->text, before, "enum") || token_is(p->text, before, ".") || token_is(p->text, before, "->") ||
            token_is(p->text, before, "&&") || token_is(p->text, token_at(p, t.to), ":"))
            continue;
        bool is_skipped = false;
        for (unsigned i = 0; skipped && i < skipped->count && !is_skipped; i++)
            is_skipped = t.from >= offset_of(p, clang_getRangeStart(skipped->ranges[i])) &&
                         t.from < offset_of(p, clang_getRangeEnd(skipped->ranges[i]));
        if (!is_skipped)
            keep_plain(f, "mentioned where libclang sees no call");
    }
    if (skipped)
        clang_disposeSourceRangeList(skipped);
}

/* Tarjan's algorithm: who stands with others, or with itself, in a circle of calls. */
static void find_circles(Program *p, Function *f)
{
    f->order = f->low = ++p->norder;
    f->on_stack = true;
    *push(p->arena, p->stack, p->nstack, p->stack_room) = f;
    bool calls_itself = false;
    for (int i = 0; i < f->ncalls; i++) {
        Function *callee = p->calls[f->calls[i]].callee;
        calls_itself |= callee == f;
        if (!callee->order)
            find_circles(p, callee);
        if (callee->on_stack && callee->low < f->low)
            f->low = callee->low;
    }
    if (f->low != f->order)
        return;
    bool alone = p->stack[p->nstack - 1] == f;
    for (;;) {
        Function *member = p->stack[--p->nstack];
        member->on_stack = false;
        member->in_circle = !alone || calls_itself;
        if (member->in_circle && !p->recursive)
            keep_plain(member, "recursive");
        if (member == f)
            return;
    }
}

static void decide(Program *p)
{
    for (int i = 0; i < p->nfunctions; i++) {
        Function *f = p->in_order[i];
        if (!f->defined)
            keep_plain(f, "not defined here");
        if (is_a_library_name(f->name))
            keep_plain(f, "a name of the C library's");
        if (p->library && f->external && strcmp(f->name, "main"))
            keep_plain(f, "called from other files");
        if (f->empty_params && f->needs_prototype)
            for (int k = 0; k < f->ndecls; k++)
                if (f->decls[k].params < 0)
                    keep_plain(f, "declared without a prototype");
    }
    check_mentions(p);
    for (int i = 0; i < p->nfunctions; i++)
        if (!p->in_order[i]->order)
            find_circles(p, p->in_order[i]);
    /* By offset: a call of a plain function is named there. A macro's argument may name another by turns. */
    unsigned char *plain = take(p->arena, (size_t)p->size + 1);
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < p->ncalls; i++) {
            const Call *call = &p->calls[i];
            if (call->callee->why) {
                changed |= !plain[call->name];
                plain[call->name] = 1;
            } else if (plain[call->name] || (call->caller && call->caller->why)) {
                keep_plain(call->callee, plain[call->name] ? "called from a macro by turns" : "called from a plain function");
                changed = true;
            }
        }
    }
}

/* ---- the new text ------------------------------------------------------------------------------- */

/* `({ ac_future(int) ac_kept7 = f(x); await ac_kept7; })`: the type of f's result, if it can be said, and f is to be
 * kept: in no circle, where a future would be boxed, and not void, of which ac/elided.h makes no object. */
static const char *kept_type(Program *p, const Call *call)
{
    if (!p->kept || call->to < 0 || call->postfix || call->callee->in_circle)
        return NULL;
    CXType type = clang_getCanonicalType(clang_getCursorResultType(call->callee->first));
    const char *text = copy_string(p, clang_getTypeSpelling(type));
    bool named = type.kind != CXType_Void && !strstr(text, " at ") && !strchr(text, '(') && *text;
    return named ? text : NULL;
}

static void put_kept(Program *p, const Call *call, int number, const char *type)
{
    const char *all = number % 2 ? take_format(p->arena, "await ac_all(ac_kept%d); ", number) : "";
    insert(p, call->from, take_format(p->arena, "__extension__({ ac_future(%s) ac_kept%d = ", type, number), false);
    insert(p, call->to, take_format(p->arena, "; %sawait ac_kept%d; })", all, number), true);
}

/* What looks at its caller's stack, or ends the thread that it is on. */
static bool needs_its_thread(const char *name)
{
    static const char *const names[] = { "alloca", "setjmp", "_setjmp", "exit", "_exit", "_Exit", "quick_exit", "getcontext",
                                         "pthread_exit", "va_end" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return !strncmp(name, "__builtin_", 10);
}

/* `(await ac_spawn_blocking(f,(x)))`, where f stays plain and is to be called so. */
static bool put_blocking(Program *p, const Call *call)
{
    const Function *callee = call->callee;
    CXType type = clang_getCanonicalType(clang_getCursorType(callee->first));
    if (!p->blocking || call->has_no_prototype || !call->caller || call->caller->why || call->in_body || call->to < 0 || needs_its_thread(callee->name) ||
        type.kind != CXType_FunctionProto || clang_isFunctionTypeVariadic(type) || clang_getNumArgTypes(type) != 1 ||
        strstr(copy_string(p, clang_getTypeSpelling(type)), " at "))
        return false;
    insert(p, call->from, "(await ac_spawn_blocking(", false);
    insert(p, call->open, ",", false);
    insert(p, call->to, "))", true);
    return true;
}

static void put_insertions(Program *p)
{
    for (int i = 0; i < p->nfunctions; i++) {
        Function *f = p->in_order[i];
        if (f->why)
            continue;
        for (int k = 0; k < f->ndecls; k++) {
            const Declaration *decl = &f->decls[k];
            insert(p, decl->from, "async ", false);
            if (decl->no_type)
                insert(p, decl->name, "int ", false);
            if (decl->params >= 0)
                insert(p, decl->params, "void", false);
            if (decl->body >= 0 && p->yields)
                insert(p, decl->body, " await ac_yield_now();", false);
        }
    }
    /* Of several expansions of a macro's body one may need the parentheses. */
    unsigned char *done = take(p->arena, (size_t)p->size + 1), *postfix = take(p->arena, (size_t)p->size + 1);
    for (int i = 0; i < p->ncalls; i++)
        postfix[p->calls[i].name] |= p->calls[i].postfix;
    for (int i = 0; i < p->ncalls; i++) {
        const Call *call = &p->calls[i];
        if (done[call->name])
            continue;
        if (call->callee->why) {
            done[call->name] = put_blocking(p, call);
            continue;
        }
        done[call->name] = 1;
        const char *type = postfix[call->name] ? NULL : kept_type(p, call);
        if (type) {
            put_kept(p, call, i, type);
            continue;
        }
        bool each = p->yields_each && call->to >= 0;
        bool brackets = (postfix[call->name] || each) && call->to >= 0;
        insert(p, call->from,
               take_format(p->arena, "%s%sawait ", brackets ? "(" : "", each ? "await ac_yield_now(), " : ""), false);
        if (brackets)
            insert(p, call->to, ")", true);
    }
    if (p->ninsertions)
        qsort(p->insertions, (size_t)p->ninsertions, sizeof *p->insertions, compare_insertions);
}

static bool write_text(Program *p)
{
    bool named = p->options->output && strcmp(p->options->output, "-");
    FILE *out = named ? fopen(p->options->output, "w") : stdout;
    if (!out) {
        perror(p->options->output);
        return false;
    }
    if (p->yields || p->yields_each || p->kept)
        fputs("#include <ac/task.h>\n", out);
    if (p->blocking)
        fputs("#include <ac/blocking.h>\n", out);
    int at = 0;
    for (int i = 0; i < p->ninsertions; i++) {
        const Insertion *insertion = &p->insertions[i];
        fwrite(p->text + at, 1, (size_t)(insertion->at - at), out);
        fputs(insertion->text, out);
        at = insertion->at;
    }
    fwrite(p->text + at, 1, (size_t)(p->size - at), out);
    bool good = !ferror(out);
    good &= !(named ? fclose(out) : fflush(out));
    if (!good)
        perror(p->options->output);
    return good;
}

static int compare_reasons(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_sum(const Program *p)
{
    int nasync = 0, nplain = 0;
    const char **reasons = take(p->arena, (size_t)(p->nfunctions + 1) * sizeof *reasons);
    for (int i = 0; i < p->nfunctions; i++) {
        const Function *f = p->in_order[i];
        if (!f->defined)
            continue;
        if (p->report && f->why)
            fprintf(stderr, "plain %s: %s\n", f->name, f->why);
        if (f->why)
            reasons[nplain++] = f->why;
        else
            nasync++;
    }
    fprintf(stderr, "asyncify: %d functions async, %d plain", nasync, nplain);
    qsort(reasons, (size_t)nplain, sizeof *reasons, compare_reasons);
    for (int i = 0, n; i < nplain; i += n) {
        for (n = 1; i + n < nplain && !strcmp(reasons[i], reasons[i + n]);)
            n++;
        fprintf(stderr, "%s%s: %d", i ? ", " : " (", reasons[i], n);
    }
    fprintf(stderr, "%s\n", nplain ? ")" : "");
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static bool parse(Program *p, CXIndex index)
{
    static const char *const own[] = { "-xc", "-fbracket-depth=4096", "-ferror-limit=0", "-Wno-unknown-warning-option" };
    int nown = (int)(sizeof own / sizeof *own), n = 0;
    const char **args = take(p->arena, (size_t)(nown + p->options->nclang_args) * sizeof *args);
    for (int i = 0; i < p->options->nclang_args; i++)
        args[n++] = p->options->clang_args[i];
    for (int i = 0; i < nown; i++)
        args[n++] = own[i];
    if (clang_parseTranslationUnit2(index, p->options->input, args, n, NULL, 0,
                                    CXTranslationUnit_DetailedPreprocessingRecord, &p->unit)) {
        fprintf(stderr, "asyncify: error: libclang can't read '%s'\n", p->options->input);
        return false;
    }
    bool good = true;
    for (unsigned i = 0; i < clang_getNumDiagnostics(p->unit); i++) {
        CXDiagnostic d = clang_getDiagnostic(p->unit, i);
        if (clang_getDiagnosticSeverity(d) >= CXDiagnostic_Error) {
            CXString text = clang_formatDiagnostic(d, CXDiagnostic_DisplaySourceLocation);
            fprintf(stderr, "%s\n", clang_getCString(text));
            clang_disposeString(text);
            good = false;
        }
        clang_disposeDiagnostic(d);
    }
    if (!good)
        return false;
    p->file = clang_getFile(p->unit, p->options->input);
    size_t size = 0;
    const char *text = clang_getFileContents(p->unit, p->file, &size);
    p->text = take_text(p->arena, text ? text : "", size);
    p->size = (int)size;
    p->known = take(p->arena, size + 1);
    for (Token t = token_at(p, 0); t.kind != T_END; t = token_at(p, t.to))
        if (token_is(p->text, t, "async") || token_is(p->text, t, "await") || token_is(p->text, t, "defer")) {
            fprintf(stderr, "asyncify: error: the program uses the name '%.*s'\n", t.to - t.from, p->text + t.from);
            return false;
        }
    return true;
}

static bool asyncify(Program *p)
{
    CXIndex index = clang_createIndex(0, 0);
    bool good = parse(p, index);
    if (good) {
        Frame top = { p, NULL, clang_getTranslationUnitCursor(p->unit), clang_getNullCursor(), NULL };
        clang_visitChildren(top.cursor, visit, &top);
        decide(p);
        put_insertions(p);
        good = write_text(p);
        print_sum(p);
    }
    if (p->unit)
        clang_disposeTranslationUnit(p->unit);
    clang_disposeIndex(index);
    return good;
}

typedef struct Run {
    Program *program;
    bool good;
} Run;

static void *run(void *data)
{
    Run *r = data;
    r->good = asyncify(r->program);
    return NULL;
}

/* Takes our options out of argv; the others are cc's. */
static int take_options(Program *p, int argc, char **argv)
{
    int n = 1;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "--macros"))
            p->macros = true;
        else if (!strcmp(word, "--yield"))
            p->yields = true;
        else if (!strcmp(word, "--yield=each"))
            p->yields = p->yields_each = true;
        else if (!strcmp(word, "--kept"))
            p->kept = true;
        else if (!strcmp(word, "--blocking"))
            p->blocking = true;
        else if (!strcmp(word, "--recursive"))
            p->recursive = true;
        else if (!strcmp(word, "--keep-recursive"))
            p->recursive = false;
        else if (!strcmp(word, "--library"))
            p->library = true;
        else if (!strcmp(word, "--report"))
            p->report = true;
        else
            argv[n++] = argv[i];
    }
    argv[n] = NULL;
    return n;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return 0;
    }
    Arena *arena = new_arena();
    Options options = { 0 };
    Program program = { .arena = arena, .options = &options };
    argc = take_options(&program, argc, argv);
    int status = read_options(arena, argc, argv, &options);
    if (status < 0) {
        /* libclang would parse on a thread of its own, with a stack of 8 MB. */
        setenv("LIBCLANG_NOTHREADS", "1", 1);
        Run r = { &program, false };
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, (size_t)512 << 20);
        if (pthread_create(&thread, &attributes, run, &r))
            run(&r);
        else
            pthread_join(thread, NULL);
        pthread_attr_destroy(&attributes);
        status = r.good ? 0 : 1;
    }
    free_arena(arena);
    return status;
}

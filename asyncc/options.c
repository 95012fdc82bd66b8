/* options.c - the command line, as cc has it.
 *
 *     asyncc -Iinc -DN=3 -std=c11 -fno-common -MMD in.ac -o out.c
 *            ~~~~~~~~~~~~~~~~~~~~                        to libclang, and to --cc as it stands
 *                                 ~~~~~~~~~~             to --cc only
 *                                            ~~~~        the depfile is ours
 *
 * What only tunes the code that a compiler makes is kept from libclang: it refuses flags that it doesn't
 * know, and gcc has many. Of -f it gets those that change what the source means (types, predefined macros,
 * dialect), of -m all but a list. Our own headers come last, as system headers, to both. */
#include "asyncc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef ASYNCC_VERSION
#define ASYNCC_VERSION "unknown"
#endif

static const char usage[] =
    "Usage: asyncc [options] file.ac [-o file.c]\n"
    "       asyncc [options] --run file.ac [arguments]\n"
    "       asyncc [options] --emit=header file.ah [file.ac...] [-o file.h]\n"
    "\n"
    "Translates async C to plain C. '-' is standard input, or standard output.\n"
    "\n"
    "  -o FILE            write to FILE; without it in.ac gives in.c, with -c in.o\n"
    "  -c                 go on to an object file, through the C compiler\n"
    "  --run              compile, link with the runtime, and run; what follows the\n"
    "                     file are the program's arguments\n"
    "  --emit=WHAT        c (the default), header (for other files, plain C ones too: the\n"
    "                     frames and functions of what file.ah declares and file.ac, or\n"
    "                     those named, define), elided (the sequential program that it means),\n"
    "                     frames (a table of each function's frame), dot (state machines\n"
    "                     for Graphviz), json (both, for tools)\n"
    "  --cc=CC            the C compiler that will compile the output (default: cc)\n"
    "  -P                 no #line directives\n"
    "  -Rframe            say which calls are boxed, and why\n"
    "  --dump=PASS        stop after a pass of the compiler and print what it found\n"
    "  -MD -MMD -MF FILE -MT TARGET -MQ TARGET -MP\n"
    "                     dependencies for make, as cc writes them\n"
    "  -I -isystem -iquote -idirafter -D -U -include -std= -f... -m... -W... -O... -g\n"
    "                     as for cc; -Wframe-larger-than=BYTES is of the frames, too\n"
    "  -fdiagnostics-format=json\n"
    "                     messages as JSON, in gcc's schema\n"
    "  -fdiagnostics-color=always|never|auto\n"
    "  --help, --version\n";

/* What a flag is for. */
enum use {
    USE_BOTH,        /* libclang and --cc */
    USE_CC,          /* --cc only */
    USE_LINK,        /* --run's link only */
    USE_SHAPE,       /* -f: USE_BOTH if it changes the meaning of the source */
    USE_MACHINE,     /* -m: USE_BOTH unless it is gcc's alone */
    USE_WARNING,     /* -W */
    USE_INCLUDE,     /* -I, -isystem */
    USE_AFTER,       /* -idirafter */
    USE_QUOTE,       /* -iquote */
    USE_OUTPUT,      /* from here on: ours */
    USE_CC_NAME,
    USE_EMIT,
    USE_DUMP,
    USE_FRAME_NOTES,
    USE_COMPILE,
    USE_RUN,
    USE_NO_LINES,
    USE_DEPS_ALL,
    USE_DEPS_USER,
    USE_DEPS_FILE,
    USE_DEPS_TARGET,
    USE_DEPS_QUOTED,
    USE_DEPS_PHONY,
    USE_LANGUAGE,
    USE_NO_WARNINGS,
    USE_COLOUR,
    USE_NO_COLOUR,
    USE_COLOUR_WHEN,
    USE_FORMAT,
    USE_HELP,
    USE_VERSION,
};

enum form {
    ALONE,    /* -c */
    JOINED,   /* -std=c11; the value may be empty: -O */
    SEPARATE, /* -include file */
    EITHER,   /* -Idir, -I dir; --cc=gcc, --cc gcc */
};

/* The first that fits: longer names stand before those that begin them. */
static const struct flag {
    const char *name;
    enum form form;
    enum use use;
} flags[] = {
    { "--cc=", EITHER, USE_CC_NAME },
    { "--emit=", EITHER, USE_EMIT },
    { "--dump=", EITHER, USE_DUMP },
    { "-Rframe", ALONE, USE_FRAME_NOTES },
    { "--run", ALONE, USE_RUN },
    { "--help", ALONE, USE_HELP },
    { "-h", ALONE, USE_HELP },
    { "--version", ALONE, USE_VERSION },
    { "--sysroot=", JOINED, USE_BOTH },
    { "--target=", JOINED, USE_BOTH },
    { "--param=", EITHER, USE_CC },
    { "-c", ALONE, USE_COMPILE },
    { "-P", ALONE, USE_NO_LINES },
    { "-MMD", ALONE, USE_DEPS_USER },
    { "-MD", ALONE, USE_DEPS_ALL },
    { "-MF", EITHER, USE_DEPS_FILE },
    { "-MT", EITHER, USE_DEPS_TARGET },
    { "-MQ", EITHER, USE_DEPS_QUOTED },
    { "-MP", ALONE, USE_DEPS_PHONY },
    { "-isystem", EITHER, USE_INCLUDE },
    { "-iquote", EITHER, USE_QUOTE },
    { "-idirafter", EITHER, USE_AFTER },
    { "-isysroot", EITHER, USE_BOTH },
    { "-include", EITHER, USE_BOTH },
    { "-imacros", EITHER, USE_BOTH },
    { "-I", EITHER, USE_INCLUDE },
    { "-D", EITHER, USE_BOTH },
    { "-U", EITHER, USE_BOTH },
    { "-undef", ALONE, USE_BOTH },
    { "-std=", JOINED, USE_BOTH },
    { "-ansi", ALONE, USE_BOTH },
    { "-pedantic-errors", ALONE, USE_WARNING },
    { "-pedantic", ALONE, USE_WARNING },
    { "-trigraphs", ALONE, USE_BOTH },
    { "-nostdinc", ALONE, USE_BOTH },
    { "-pthread", ALONE, USE_BOTH },
    { "-fdiagnostics-format=", JOINED, USE_FORMAT },
    { "-fdiagnostics-color=", JOINED, USE_COLOUR_WHEN },
    { "-fdiagnostics-color", ALONE, USE_COLOUR },
    { "-fcolor-diagnostics", ALONE, USE_COLOUR },
    { "-fno-diagnostics-color", ALONE, USE_NO_COLOUR },
    { "-fno-color-diagnostics", ALONE, USE_NO_COLOUR },
    { "-flto", JOINED, USE_CC },
    { "-f", JOINED, USE_SHAPE },
    { "-m", JOINED, USE_MACHINE },
    { "-Wl,", JOINED, USE_LINK },
    { "-Wa,", JOINED, USE_CC },
    { "-Wp,-D", JOINED, USE_BOTH },
    { "-Wp,-U", JOINED, USE_BOTH },
    { "-Wp,", JOINED, USE_CC },
    { "-W", JOINED, USE_WARNING },
    { "-w", ALONE, USE_NO_WARNINGS },
    { "-O", JOINED, USE_BOTH },
    { "-g", JOINED, USE_CC },
    { "-pg", ALONE, USE_CC },
    { "-pipe", ALONE, USE_CC },
    { "-p", ALONE, USE_CC },
    { "-B", EITHER, USE_CC },
    { "-specs=", JOINED, USE_CC },
    { "-Xassembler", SEPARATE, USE_CC },
    { "-Xlinker", SEPARATE, USE_LINK },
    { "-L", EITHER, USE_LINK },
    { "-l", EITHER, USE_LINK },
    { "-static-libgcc", ALONE, USE_LINK },
    { "-static-pie", ALONE, USE_LINK },
    { "-static", ALONE, USE_LINK },
    { "-rdynamic", ALONE, USE_LINK },
    { "-no-pie", ALONE, USE_LINK },
    { "-pie", ALONE, USE_LINK },
    { "-s", ALONE, USE_LINK },
    { "-x", EITHER, USE_LANGUAGE },
    { "-o", EITHER, USE_OUTPUT },
};

/* -f flags, without -f and no-, that libclang has to know: types, predefined macros, dialect. */
static const char *const shaping[] = {
    "asm",          "blocks",       "bounds-",          "builtin",            "cf-protection",    "char8_t",
    "common",       "complex-",     "cx-",              "dollars-in-",        "exceptions",       "excess-precision=",
    "fast-math",    "finite-math",  "file-prefix-map=", "freestanding",       "gnu89-inline",     "honor-",
    "hosted",       "long-double",  "macro-prefix-map=", "math-errno",        "ms-",              "openmp",
    "pack-struct",  "PIC",          "pic",              "PIE",                "pie",              "sanitize=",
    "short-",       "signed-",      "stack-protector",  "strict-flex-arrays", "trapping-math",    "trapv",
    "unsafe-math",  "unsigned-",    "visibility=",      "wrapv",
};

/* Of these, what clang 19 refuses all the same. */
static const char *const refused[] = {
    "-fbuiltin-",           "-fstack-protector-explicit",    "-fwrapv-pointer",
    "-fno-cf-protection",   "-fno-freestanding",             "-fno-hosted",
    "-fno-signed-bitfields", "-fno-stack-protector-all",     "-fno-stack-protector-explicit",
    "-fno-stack-protector-strong", "-fno-trapv",             "-fno-unsigned-bitfields",
    "-fno-wrapv-pointer",
};

/* The sanitizers that a program can see by a predefined macro; of the others clang knows but some. */
static bool is_visible_sanitizer(const char *argument)
{
    return strcmp(argument, "-fsanitize=address") == 0 || strcmp(argument, "-fsanitize=thread") == 0 ||
           strcmp(argument, "-fsanitize=undefined") == 0 || strcmp(argument, "-fsanitize=address,undefined") == 0 ||
           strcmp(argument, "-fsanitize=undefined,address") == 0 || strcmp(argument, "-fsanitize=leak") == 0;
}

/* -m flags that clang 19 refuses or that only tune; a name that ends in = or - begins many. */
static const char *const tuning[] = {
    "8bit-idiv", "96bit-", "abm", "accumulate-", "addr", "align-", "avx256-", "avx512er", "avx512pf",
    "avx5124", "branch-cost=", "call-ms2sysv-", "cet-switch", "cld", "direct-extern-access", "dispatch-",
    "dump-", "fancy-math-387", "fentry-", "force-drap", "force-indirect-", "fp-ret-in-387", "fused-madd",
    "hard-float", "harden-", "hle", "incoming-", "indirect-", "function-return=", "inline-", "instrument-",
    "intel-syntax", "large-data-", "manual-endbr", "memcpy-", "memset-", "mitigate-", "move-max=", "mwait",
    "needed", "nop-mcount", "pc32", "pc64", "pc80", "pcommit", "prefer-avx128", "preferred-", "prefetchwt1",
    "push-args", "recip", "record-", "relax-", "skip-rax-", "sse2avx", "sse5", "sseregparm", "store-max=",
    "string", "stv", "tls-dialect=", "tune", "tune-ctrl=", "vect8-", "veclibabi=", "stack-arg-probe",
};

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Whether flag, behind its letter, is in the table: the whole of it, or what ends in = or -, or up to =. */
static bool listed(const char *const *table, size_t n, const char *flag)
{
    if (begins(flag, "no-"))
        flag += 3;
    for (size_t i = 0; i < n; i++)
        if (begins(flag, table[i])) {
            size_t length = strlen(table[i]);
            char last = table[i][length - 1], next = flag[length];
            if (last == '=' || last == '-' || next == '\0' || next == '=' || next == '-')
                return true;
        }
    return false;
}

static bool is_shaping(const char *argument)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(argument, refused[i]) == 0)
            return false;
    if (strstr(argument, "sanitize"))
        return is_visible_sanitizer(argument);
    return listed(shaping, sizeof shaping / sizeof *shaping, argument + 2);
}

/* ---- complaints ----------------------------------------------------------------------------------- */

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("asyncc: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 2;
}

/* Levenshtein's distance of two short words. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    int n = (int)strlen(b), row[LONGEST + 1];
    if (n > LONGEST || strlen(a) > LONGEST)
        return INT_MAX;
    for (int k = 0; k <= n; k++)
        row[k] = k;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int k = 1; k <= n; k++) {
            int change = diagonal + (a[i - 1] != b[k - 1]);
            diagonal = row[k];
            int gap = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            row[k] = change < gap ? change : gap;
        }
    }
    return row[n];
}

static int unknown(Arena *arena, const char *option)
{
    const char *equals = strchr(option, '=');
    const char *name = equals ? take_text(arena, option, (size_t)(equals - option + 1)) : option;
    const char *nearest = NULL;
    int least = (int)strlen(name) / 3 + 1;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        /* A short flag is near to everything. */
        int d = strlen(flags[i].name) > 3 ? distance(name, flags[i].name) : INT_MAX;
        if (d < least) {
            least = d;
            nearest = flags[i].name;
        }
    }
    if (nearest)
        return complain("unknown option '%s'; did you mean '%s'?", option, nearest);
    return complain("unknown option '%s'; 'asyncc --help' lists those that there are", option);
}

/* ---- where the runtime is --------------------------------------------------------------------------- */

/* `relative` from the directory above that of the executable, if it exists. */
static const char *beside_executable(Arena *arena, const char *relative, const char *probe)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    const char *directory = directory_of(arena, directory_of(arena, path));
    const char *found = take_format(arena, "%s/%s", strcmp(directory, "/") == 0 ? "" : directory, relative);
    struct stat st;
    return stat(take_format(arena, "%s%s", found, probe), &st) == 0 ? found : NULL;
}

const char *runtime_include_dir(Arena *arena)
{
    const char *installed = beside_executable(arena, "include", "/ac/future.h");
#ifdef ASYNCC_INCLUDE_DIR
    return installed ? installed : ASYNCC_INCLUDE_DIR;
#else
    return installed ? installed : "/usr/local/include";
#endif
}

const char *runtime_library(Arena *arena)
{
    const char *installed = beside_executable(arena, "lib/libac.a", "");
#ifdef ASYNCC_LIBRARY
    return installed ? installed : ASYNCC_LIBRARY;
#else
    return installed ? installed : "/usr/local/lib/libac.a";
#endif
}

/* ---- reading ---------------------------------------------------------------------------------------- */

typedef struct List {
    Arena *arena;
    const char **v;
    int n, room;
} List;

static void append(List *list, const char *text)
{
    *push(list->arena, list->v, list->n, list->room) = text;
}

/* What was collected on the way. */
typedef struct Call {
    Arena *arena;
    Options *options;
    List clang, cc, link, quote, include, system, after;
    bool no_standard_dirs, warns;
    bool is_pic;     /* -fPIC */
    int is_semantic; /* -fsemantic-interposition: 1, or its contrary: -1 */
} Call;

const char *quote_for_make(Arena *arena, const char *path)
{
    Buf buf = { .arena = arena };
    add(&buf, "");
    for (const char *p = path; *p; p++) {
        if (*p == ' ' || *p == '\t') {
            for (const char *q = p; q > path && q[-1] == '\\'; q--)
                add_bytes(&buf, "\\", 1); /* make halves backslashes before a blank */
            add_bytes(&buf, "\\", 1);
        } else if (*p == '$') {
            add_bytes(&buf, "$", 1);
        } else if (*p == '#') {
            add_bytes(&buf, "\\", 1);
        }
        add_bytes(&buf, p, 1);
    }
    return buf.text;
}

static void add_target(Call *call, const char *target)
{
    const char *old = call->options->deps_target;
    call->options->deps_target = old ? take_format(call->arena, "%s %s", old, target) : target;
}

static int read_emit(Options *options, const char *value)
{
    static const char *const names[] = { "c", "header", "elided", "frames", "dot", "json" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0) {
            options->emit = (enum emit)i;
            return -1;
        }
    return complain("'--emit=%s' is none of c, header, elided, frames, dot, json", value);
}

/* The flag as the user wrote it, to those who get it. */
static void pass_on(Call *call, const char *argument, const char *value, bool separate, bool clang)
{
    List *lists[] = { &call->cc, clang ? &call->clang : NULL };
    for (int i = 0; i < 2; i++)
        if (lists[i]) {
            append(lists[i], argument);
            if (separate)
                append(lists[i], value);
        }
}

/* -Wframe-larger-than=512, 4KiB, with no- and error=. Whether it is one, and isn't well-formed. */
static bool read_most_frame(Options *o, const char *argument)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = { { "", 1 },           { "kB", 1000 },    { "KB", 1000 },       { "KiB", 1024 },
                  { "MB", 1000000 },   { "MiB", 1 << 20 }, { "GB", 1000000000 }, { "GiB", 1 << 30 } };
    static const char name[] = "frame-larger-than=";
    const char *at = argument + 2;
    if (!strcmp(at, "no-frame-larger-than"))
        o->most_frame = 0;
    bool stern = !strncmp(at, "error=", 6);
    at += stern ? 6 : 0;
    if (strncmp(at, name, sizeof name - 1) != 0)
        return false;
    at += sizeof name - 1;
    char *end;
    errno = 0;
    long long n = strtoll(at, &end, 10);
    if (end == at || errno || n < 0 || n > INT64_MAX >> 30)
        return true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].name)) {
            o->most_frame = n * units[i].bytes;
            o->most_frame_is_error = stern;
            return false;
        }
    return true;
}

/* One flag and its value. -1 to go on. */
static void note_sharing(Call *call, const char *flag)
{
    if (!strcmp(flag, "PIC") || !strcmp(flag, "pic"))
        call->is_pic = true;
    else if (!strcmp(flag, "PIE") || !strcmp(flag, "pie") || !strcmp(flag, "no-pic") || !strcmp(flag, "no-PIC"))
        call->is_pic = false;
    else if (!strcmp(flag, "semantic-interposition"))
        call->is_semantic = 1;
    else if (!strcmp(flag, "no-semantic-interposition"))
        call->is_semantic = -1;
}

/* As the compiler of the output sees it: gcc calls through the table that the loader fills, unless it is told not
 * to; clang takes a function that it sees for the one that will run, unless it is told not to. */
static bool may_interpose(const Call *call)
{
    const char *slash = strrchr(call->options->cc, '/'), *cc = slash ? slash + 1 : call->options->cc;
    bool is_clang = !strncmp(cc, "clang", 5);
    return call->is_pic && (is_clang ? call->is_semantic > 0 : call->is_semantic >= 0);
}

static int use_flag(Call *call, const struct flag *flag, const char *argument, const char *value, bool separate)
{
    Options *o = call->options;
    switch (flag->use) {
    case USE_BOTH:
        call->no_standard_dirs |= strcmp(flag->name, "-nostdinc") == 0;
        pass_on(call, argument, value, separate, true);
        break;
    case USE_CC:
        pass_on(call, argument, value, separate, false);
        break;
    case USE_LINK:
        append(&call->link, argument);
        if (separate)
            append(&call->link, value);
        break;
    case USE_SHAPE:
        note_sharing(call, argument + 2);
        pass_on(call, argument, value, separate, is_shaping(argument));
        break;
    case USE_MACHINE:
        pass_on(call, argument, value, separate, !listed(tuning, sizeof tuning / sizeof *tuning, argument + 2));
        break;
    case USE_WARNING:
        call->warns = true;
        if (strcmp(argument, "-Werror") == 0)
            o->warnings_are_errors = true;
        else if (strcmp(argument, "-Wno-error") == 0)
            o->warnings_are_errors = false;
        else if (read_most_frame(o, argument))
            return complain("'%s' needs a number of bytes", argument);
        /* gcc's units are nothing to clang, and what takes space there is done by the compiler of the output. */
        pass_on(call, argument, value, separate, !strstr(argument, "frame-larger-than"));
        break;
    case USE_INCLUDE:
        append(strcmp(flag->name, "-I") == 0 ? &call->include : &call->system, value);
        pass_on(call, argument, value, separate, true);
        break;
    case USE_AFTER:
        append(&call->after, value);
        pass_on(call, argument, value, separate, true);
        break;
    case USE_QUOTE:
        append(&call->quote, value);
        pass_on(call, argument, value, separate, true);
        break;
    case USE_NO_WARNINGS:
        o->no_warnings = call->warns = true;
        pass_on(call, argument, value, separate, true);
        break;
    case USE_OUTPUT:
        if (o->output)
            return complain("more than one output: '%s' and '%s'", o->output, value);
        if (!*value)
            return complain("the argument of '-o' is empty");
        o->output = value;
        break;
    case USE_CC_NAME:
        if (!*value)
            return complain("the argument of '--cc' is empty");
        o->cc = value;
        break;
    case USE_EMIT:
        return read_emit(o, value);
    case USE_FRAME_NOTES:
        o->frame_notes = true;
        break;
    case USE_DUMP:
        o->dump = value;
        break;
    case USE_COMPILE:
        o->compile = true;
        break;
    case USE_RUN:
        o->run = true;
        break;
    case USE_NO_LINES:
        o->no_lines = true;
        break;
    case USE_DEPS_ALL:
        o->deps = DEPS_ALL;
        break;
    case USE_DEPS_USER:
        o->deps = DEPS_USER;
        break;
    case USE_DEPS_FILE:
        o->deps_file = value;
        break;
    case USE_DEPS_TARGET:
        add_target(call, value);
        break;
    case USE_DEPS_QUOTED:
        add_target(call, quote_for_make(call->arena, value));
        break;
    case USE_DEPS_PHONY:
        o->deps_phony = true;
        break;
    case USE_LANGUAGE:
        if (strcmp(value, "c") != 0 && strcmp(value, "none") != 0)
            return complain("language '%s' is not supported, only c", value);
        break;
    case USE_COLOUR:
    case USE_NO_COLOUR:
        o->colour = flag->use == USE_COLOUR ? COLOUR_ALWAYS : COLOUR_NEVER;
        /* The spelling that gcc and clang share. */
        append(&call->cc, flag->use == USE_COLOUR ? "-fdiagnostics-color=always" : "-fdiagnostics-color=never");
        break;
    case USE_COLOUR_WHEN:
        if (strcmp(value, "always") == 0)
            o->colour = COLOUR_ALWAYS;
        else if (strcmp(value, "never") == 0)
            o->colour = COLOUR_NEVER;
        else if (strcmp(value, "auto") == 0)
            o->colour = COLOUR_AUTO;
        else
            return complain("'%s' is none of always, never, auto", argument);
        append(&call->cc, argument);
        break;
    case USE_FORMAT:
        if (strcmp(value, "json") == 0 || strcmp(value, "json-stderr") == 0)
            o->json_diagnostics = true;
        else if (strcmp(value, "text") == 0 || strcmp(value, "clang") == 0)
            o->json_diagnostics = false;
        else
            return complain("'%s' is none of text, json", argument);
        break;
    case USE_HELP:
        fputs(usage, stdout);
        return 0;
    case USE_VERSION:
        puts("asyncc " ASYNCC_VERSION);
        return 0;
    }
    return -1;
}

static const struct flag *find_flag(const char *argument)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const char *name = flags[i].name;
        size_t length = strlen(name);
        bool joined = flags[i].form == JOINED || flags[i].form == EITHER;
        if (joined ? begins(argument, name) : strcmp(argument, name) == 0)
            return &flags[i];
        /* "--cc" for "--cc=" */
        if (flags[i].form == EITHER && name[length - 1] == '=' && strlen(argument) == length - 1 &&
            begins(name, argument))
            return &flags[i];
    }
    return NULL;
}

/* src/in.ac gives src/in.c: beside it, so that its #include lines mean the same. An object goes where cc
 * puts one, into the current directory. */
static const char *default_output(Arena *arena, const Options *o)
{
    if (strcmp(o->input, "-") == 0 && !o->compile)
        return "-";
    if (o->emit == EMIT_HEADER)
        return take_format(arena, "%.*sh", (int)strlen(o->input) - 2, o->input);
    if (o->emit != EMIT_C && o->emit != EMIT_ELIDED)
        return "-";
    const char *name = strcmp(o->input, "-") == 0 ? "a.ac" : o->input;
    if (o->compile && strrchr(name, '/'))
        name = strrchr(name, '/') + 1;
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".ac") == 0)
        length -= 3;
    return take_format(arena, "%.*s%s", (int)length, name, o->compile ? ".o" : ".c");
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), length = strlen(end);
    return size > length && strcmp(text + size - length, end) == 0;
}

/* m.ah is defined by the files that are named behind it, or by m.ac. */
static int check_modules(const Call *call)
{
    Options *o = call->options;
    if (o->emit != EMIT_HEADER)
        return o->nmodules ? complain("more than one input: '%s' and '%s'", o->input, o->modules[0]) : -1;
    if (!ends_in(o->input, ".ah"))
        return complain("--emit=header makes a header of an .ah file, and '%s' is none", o->input);
    for (int i = 0; i < o->nmodules; i++)
        if (!ends_in(o->modules[i], ".ac"))
            return complain("what '%s' declares is defined in .ac files, and '%s' is none", o->input, o->modules[i]);
    if (!o->nmodules)
        *push(call->arena, o->modules, o->nmodules, o->modules_room) =
            take_format(call->arena, "%.*sc", (int)strlen(o->input) - 1, o->input);
    return -1;
}

/* What the flags say together. */
static int check_call(const Call *call)
{
    Options *o = call->options;
    if (!o->input)
        return complain("no input file");
    int status = check_modules(call);
    if (status >= 0)
        return status;
    if ((o->compile || o->run) && o->emit != EMIT_C && o->emit != EMIT_ELIDED)
        return complain("'%s' needs C: --emit=c or --emit=elided", o->compile ? "-c" : "--run");
    if (o->compile && o->run)
        return complain("'-c' and '--run' exclude each other");
    if (!o->output && !o->run)
        o->output = default_output(call->arena, o);
    if (o->output && same_file(o->output, o->input))
        return complain("the output '%s' is the input", o->output);
    for (int i = 0; o->output && i < o->nmodules; i++)
        if (same_file(o->output, o->modules[i]))
            return complain("the output '%s' is an input", o->output);
    if (o->compile && strcmp(o->output, "-") == 0)
        return complain("an object can't go to standard output: '-c' needs '-o FILE'");
    bool has_name = o->deps_file || (o->output && strcmp(o->output, "-") != 0);
    if (o->deps != DEPS_NONE && !o->run && !has_name)
        return complain("'%s' needs '-MF FILE' when the output is no file", o->deps == DEPS_ALL ? "-MD" : "-MMD");
    if (o->deps == DEPS_NONE && (o->deps_file || o->deps_target || o->deps_phony))
        return complain("'-MF', '-MT', '-MQ' and '-MP' need '-MD' or '-MMD'");
    return -1;
}

/* The directories in which an #include is looked up, in cc's order. */
static void list_dirs(Call *call, const char *runtime)
{
    Options *o = call->options;
    o->quote_dirs = call->quote.v;
    o->nquote_dirs = o->quote_dirs_room = call->quote.n;
    List all = { .arena = call->arena };
    const List *parts[] = { &call->include, &call->system };
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < parts[i]->n; k++)
            append(&all, parts[i]->v[k]);
    append(&all, runtime);
    if (!call->no_standard_dirs) {
        append(&all, "/usr/local/include");
        append(&all, "/usr/include");
    }
    for (int k = 0; k < call->after.n; k++)
        append(&all, call->after.v[k]);
    o->include_dirs = all.v;
    o->ninclude_dirs = all.n;
    o->include_dirs_room = all.room;
}

/* As the preprocessor takes -D and -U, the last one counts. */
static bool defines_debug(const List *args)
{
    static const char name[] = "AC_DEBUG";
    bool debug = false;
    for (int i = 0; i < args->n; i++) {
        const char *arg = args->v[i];
        if (strncmp(arg, "-D", 2) && strncmp(arg, "-U", 2))
            continue;
        const char *macro = arg[2] || i + 1 == args->n ? arg + 2 : args->v[i + 1];
        const char *value = macro + sizeof name - 1;
        if (!strncmp(macro, name, sizeof name - 1) && (!*value || *value == '='))
            debug = arg[1] == 'D' && strcmp(value, "=0") != 0;
    }
    return debug;
}

int read_options(Arena *arena, int argc, char **argv, Options *options)
{
    *options = (Options){ .cc = "cc" };
    Call call = { .arena = arena, .options = options };
    List *lists[] = { &call.clang, &call.cc, &call.link, &call.quote, &call.include, &call.system, &call.after };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        lists[i]->arena = arena;
    /* clang need not know all that gcc warns of. */
    append(&call.clang, "-Wno-unknown-warning-option");

    bool only_files = false; /* behind "--" */
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        /* The program's own arguments follow --run and the input, whichever comes last. */
        if (options->run && options->input) {
            options->run_args = argv + i;
            options->nrun_args = argc - i;
            break;
        }
        if (only_files || argument[0] != '-' || strcmp(argument, "-") == 0) {
            if (!*argument)
                return complain("the name of the input is empty");
            if (options->input)
                *push(arena, options->modules, options->nmodules, options->modules_room) = argument;
            else
                options->input = argument;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            only_files = true;
            continue;
        }
        const struct flag *flag = find_flag(argument);
        if (!flag)
            return unknown(arena, argument);
        size_t length = strlen(flag->name);
        bool separate = flag->form == SEPARATE || (flag->form == EITHER && strlen(argument) <= length &&
                                                   !(argument[length - 1] == '=' && flag->name[length - 1] == '='));
        const char *value = strlen(argument) >= length ? argument + length : "";
        if (separate) {
            if (i + 1 >= argc)
                return complain("the argument of '%s' is missing", argument);
            value = argv[++i];
        }
        int status = use_flag(&call, flag, argument, value, separate);
        if (status >= 0)
            return status;
    }
    int status = check_call(&call);
    if (status >= 0)
        return status;
    options->interposes = may_interpose(&call);

    const char *runtime = runtime_include_dir(arena);
    append(&call.clang, "-isystem");
    append(&call.clang, runtime);
    append(&call.cc, "-isystem");
    append(&call.cc, runtime);
    list_dirs(&call, runtime);
    /* The compiler of the output has its own warnings by default, at the same lines: no need to say them twice. */
    if (!call.warns)
        append(&call.clang, "-w");
    options->clang_args = call.clang.v;
    options->nclang_args = call.clang.n;
    options->cc_args = call.cc.v;
    options->ncc_args = call.cc.n;
    options->debug = defines_debug(&call.clang);
    options->link_args = call.link.v;
    options->nlink_args = call.link.n;
    return -1;
}

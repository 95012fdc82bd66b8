/* expand.c - what the compiler of the output makes of macro calls and conditionals.
 *
 *     x = TWICE(await f(1));     is fed to   cc -E -P   as
 *     x =  ac__mark_b0 TWICE(await f(1)) ac__mark_e0 ;
 *
 * and what comes out between the marks takes the call's place. All calls go through one run, with #line
 * directives, so that __LINE__ and __FILE__ are those of the user's files. The text stays as many lines
 * long as it was. `async` and `await` are plain names in that run; AC__KEEP_GENERICS keeps the runtime's
 * headers from expanding what only asyncc understands. A mark that doesn't come out again stood where the
 * compiler doesn't read on: that is how conditionals are checked. */
#include "asyncc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MARK "ac__mark_"

/* A mark that is put into the text at an offset; `end` and `begin` at one offset stand in that order. */
typedef struct Mark {
    int at;
    char kind; /* 'b', 'e': begin and end of a call; 'c': a conditional's branch, on a line of its own */
    int number;
} Mark;

/* Macros of the system's whose expansion libclang doesn't understand where it is gcc's, <tgmath.h>'s and
 * <stdatomic.h>'s for instance. They use each argument's value once, so a call of one can stay. */
static bool is_kept(const Macro *macro)
{
    return macro && macro->from < 0 && macro->has_parameters &&
           (!strncmp(macro->name, "atomic_", 7) || is_library_name(macro->name));
}

static bool has_include(const char *text, int from, int to)
{
    for (Token line = next_directive(text, from, to); line.kind != T_END; line = next_directive(text, line.to, to))
        if (token_is(text, next_token(text, line.from + 1, line.to), "include"))
            return true;
    return false;
}

/* In the expansions of others they stay, too. */
static void add_undefs(Buf *buf, const Tu *tu, int at)
{
    add(buf, "\n");
    for (int i = 0; i < tu->nmacros; i++)
        if ((!i || strcmp(tu->macros[i].name, tu->macros[i - 1].name)) && is_kept(find_macro(tu, tu->macros[i].name, at)))
            add_format(buf, "#undef %s\n", tu->macros[i].name);
}

static void add_marked_text(Buf *buf, const Tu *tu, const Source *source, const Mark *marks, int nmarks)
{
    Belief said = { 0 };
    int at = 0, undefs = -1; /* where they were added last */
    for (int i = 0; i < nmarks; i++) {
        add_with_lines(buf, source, at, marks[i].at, &said);
        at = marks[i].at;
        if (marks[i].kind == 'b' && (undefs < 0 || has_include(source->text, undefs, at))) {
            add_undefs(buf, tu, at);
            undefs = at;
            add_line_directive(buf, place_of(source, at).file, place_of(source, at).line);
        }
        if (marks[i].kind == 'c') {
            add_format(buf, MARK "c%d\n", marks[i].number);
            said.file = NULL; /* The next line has another number than a reader thinks. */
        } else {
            add_format(buf, " " MARK "%c%d ", marks[i].kind, marks[i].number);
        }
    }
    add_with_lines(buf, source, at, source->size, &said);
    if (buf->size == 0 || buf->text[buf->size - 1] != '\n')
        add(buf, "\n");
}

/* The first line of a compiler's messages that says why. */
static const char *first_error(Tu *tu, const char *path)
{
    File *file = open_file(tu, path);
    const char *text = file ? file->text : "";
    const char *line = strstr(text, "error:");
    if (!line)
        line = text;
    while (line > text && line[-1] != '\n')
        line--;
    size_t length = strcspn(line, "\n");
    return length > 0 ? take_text(tu->arena, line, length) : "it gave no reason";
}

/* The marked text as tu->options->cc preprocesses it; null after a report at `blame`. */
static const File *preprocess(Tu *tu, const Mark *marks, int nmarks, Change blame)
{
    Buf text = { .arena = tu->arena };
    add_marked_text(&text, tu, tu->source, marks, nmarks);

    const char *scratch = make_scratch(tu->arena);
    if (!scratch) {
        report(tu, ERROR, blame.from, blame.to, "macros can't be expanded: there is no place for temporary files");
        return NULL;
    }
    /* In a directory where there is nothing else, so that "x.h" is looked for where the user meant. */
    const char *input = take_format(tu->arena, "%s/in.c", scratch);
    const char *output = take_format(tu->arena, "%s/out.c", scratch);
    const char *errors = take_format(tu->arena, "%s/errors", scratch);
    File *result = NULL;
    FILE *file = fopen(input, "wb");
    bool written = file && fwrite(text.text, 1, text.size, file) == text.size;
    if (file && fclose(file) != 0)
        written = false;
    if (!written) {
        report(tu, ERROR, blame.from, blame.to, "macros can't be expanded: cannot write '%s': %s", input,
               strerror(errno));
    } else {
        Command command = { .arena = tu->arena };
        start_compiler(tu, &command);
        static const char *const flags[] = {
            "-DAC__KEEP_GENERICS=1", "-E", "-P", "-g0", "-w", "-fdiagnostics-color=never", "-xc",
        };
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            add_argument(&command, flags[i]);
        add_argument(&command, input);
        int status = run_command(&command, output, errors);
        if (status < 0)
            report(tu, ERROR, blame.from, blame.to,
                   "this has to be expanded by the C compiler, but '%s' can't be run: %s", tu->options->cc,
                   strerror(errno));
        else if (status != 0)
            report(tu, ERROR, blame.from, blame.to,
                   "this has to be expanded by the C compiler, but '%s' says: %s", tu->options->cc,
                   first_error(tu, errors));
        else if (!(result = open_file(tu, output)))
            report(tu, ERROR, blame.from, blame.to, "what '%s' expanded can't be read: %s", tu->options->cc,
                   strerror(errno));
    }
    remove_scratch(scratch);
    return result;
}

/* Just past mark `kind` `number` at or after offset, its start in *start; -1 if there is none. */
static int find_mark(const File *file, int offset, char kind, int number, int *start)
{
    char mark[40];
    int length = snprintf(mark, sizeof mark, MARK "%c%d", kind, number);
    for (const char *p = file->text + offset; (p = strstr(p, mark)); p++)
        if (p[length] < '0' || p[length] > '9') {
            *start = (int)(p - file->text);
            return *start + length;
        }
    return -1;
}

/* One line of text that isn't indented any more. A line that is a directive becomes an operator: `#pragma x`
 * came from _Pragma("x"), and is that again. */
static void add_line(Buf *buf, const char *line, size_t length)
{
    while (length > 0 && strchr(" \t\r", *line)) {
        line++;
        length--;
    }
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        length--;
    if (length == 0)
        return;
    if (buf->size > 0)
        add(buf, " ");
    if (length < 8 || memcmp(line, "#pragma ", 8) != 0) {
        add_bytes(buf, line, length);
        return;
    }
    add(buf, "_Pragma(\"");
    for (size_t i = 8; i < length; i++) {
        if (line[i] == '"' || line[i] == '\\')
            add(buf, "\\");
        add_bytes(buf, line + i, 1);
    }
    add(buf, "\")");
}

static bool touches(char before, char after)
{
    return !strchr(" \t\n\r(,;[{}", before) && !strchr(" \t\n\r),;]{}", after);
}

static bool is_keyword(const char *text, Token token)
{
    static const char *const words[] = { "if", "while", "for", "switch", "return", "sizeof", "typeof", "asm", "goto", "case" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (token_is(text, token, words[i]))
            return true;
    return text[token.from] == '_';
}

/* The runtime's macros that AC__KEEP_GENERICS leaves for asyncc's parse to expand. */
static bool is_generic(const Macro *macro)
{
    static const char *const names[] = { "ac_task", "ac_spawn", "ac_spawn_local", "ac_block_on", "ac_spawn_blocking", "AC_ASYNC", "AC_FRAME",
                                         "AC_FRAME_MAX", "AC_NOESCAPE", "AC_BOXED", "ac_future" };
    for (size_t i = 0; macro->from < 0 && i < sizeof names / sizeof *names; i++)
        if (!strcmp(macro->name, names[i]))
            return true;
    return false;
}

/* A macro isn't expanded again in its own expansion: `#define check(x) check(#x)`. In the text it would be, so
 * there the call becomes `(check)("a")`. False after a report, where no such way leads, or with a macro that has
 * to be renamed first: `#define n (n + 1)`. */
static bool keep_from_expanding(Tu *tu, Buf *buf, Change call, const Macro **renamed)
{
    const char *text = buf->text;
    Buf kept = { .arena = buf->arena };
    int copied = 0, size = (int)buf->size;
    for (int at = 0;;) {
        Token token = next_token(text, at, size);
        if (token.kind == T_END)
            break;
        at = token.to;
        if (token.kind != T_NAME)
            continue;
        const Macro *macro =
            find_macro(tu, take_text(tu->arena, text + token.from, (size_t)(token.to - token.from)), call.from);
        bool called = token_is(text, next_token(text, at, size), "(");
        if (!macro || macro->is_itself || is_kept(macro) || is_generic(macro) || (macro->has_parameters && !called))
            continue;
        if (!macro->has_parameters && macro->from >= 0) {
            *renamed = macro;
            return false;
        }
        if (!macro->has_parameters || is_keyword(text, token)) {
            report(tu, ERROR, call.from, call.to, "what is expanded here names macro '%s' again, and that can't be renamed: not supported yet",
                   macro->name);
            return false;
        }
        add_bytes(&kept, text + copied, (size_t)(token.from - copied));
        add_format(&kept, "(%s)", macro->name);
        copied = token.to;
    }
    if (copied) {
        add_bytes(&kept, text + copied, (size_t)(size - copied));
        *buf = kept;
    }
    return true;
}

/* The expansion of a call: on one line, then the newlines that the call had. */
static const char *make_replacement(Tu *tu, const char *expansion, int size, Change call, const Macro **renamed)
{
    const Source *source = tu->source;
    Buf buf = { .arena = tu->arena };
    add(&buf, "");
    for (const char *p = expansion, *end = expansion + size; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        add_line(&buf, p, (size_t)(stop - p));
        p = stop + 1;
    }
    if (!keep_from_expanding(tu, &buf, call, renamed))
        return NULL;
    /* Tokens that were apart stay apart: -M where M is -1. */
    char first = buf.size > 0 ? buf.text[0] : 'x', last = buf.size > 0 ? buf.text[buf.size - 1] : 'x';
    bool before = call.from > 0 && touches(source->text[call.from - 1], first);
    bool after = call.to < source->size && touches(last, source->text[call.to]);
    Buf whole = { .arena = tu->arena };
    add(&whole, before ? " " : "");
    add(&whole, buf.text);
    add(&whole, after ? " " : "");
    for (int i = call.from; i < call.to; i++)
        if (source->text[i] == '\n')
            add(&whole, "\n");
    return whole.text;
}

static bool takes_values(Tu *tu, Change call)
{
    Token name = next_token(tu->source->text, call.from, call.to);
    return is_kept(find_macro(tu, take_text(tu->arena, tu->source->text + name.from, (size_t)(name.to - name.from)), call.from));
}

/* `sqrt(await f())` stays a call of the macro: ({ __auto_type sqrt__1 = (await f()); sqrt(sqrt__1); }) */
static const char *keep_call(Tu *tu, Change call)
{
    const char *text = tu->source->text;
    Token name = next_token(text, call.from, call.to), open = next_token(text, name.to, call.to);
    int spelled = name.to - name.from, n = 0;
    Buf before = { .arena = tu->arena }, kept = { .arena = tu->arena };
    add(&before, "({ ");
    add_format(&kept, "%.*s(", spelled, text + name.from);
    for (int at = open.to, from = open.to; at < call.to;) {
        Token token = next_token(text, at, call.to);
        if (token.kind == T_END)
            break;
        at = token.to;
        if (token_is(text, token, "(")) {
            int close = find_closing(text, token.from, call.to);
            at = close < 0 ? call.to : close + 1;
        }
        if (at < call.to && !token_is(text, token, ","))
            continue;
        int to = token.from;
        Token first = next_token(text, from, to);
        if (first.kind == T_NUMBER && next_token(text, first.to, to).kind == T_END) {
            add_format(&kept, "%s%.*s", n ? ", " : "", first.to - first.from, text + first.from);
            n++;
        } else if (first.kind != T_END) {
            n++;
            add_format(&before, "__auto_type %.*s__%d = (%.*s); ", spelled, text + name.from, n, to - from, text + from);
            add_format(&kept, "%s%.*s__%d", n > 1 ? ", " : "", spelled, text + name.from, n);
        }
        from = at;
    }
    add_format(&before, "%s); })", kept.text);
    int lines = 0;
    for (int i = call.from; i < call.to; i++)
        lines += text[i] == '\n';
    for (const char *p = before.text; *p; p++)
        lines -= *p == '\n';
    while (lines-- > 0)
        add(&before, "\n");
    return before.text;
}

/* ---- macros that name themselves ---------------------------------------------------------------------- */

/* Where the tokens of [from, to) are that say the name, but for what a directive of ours defines it as. */
static void find_names(Tu *tu, const char *name, int from, int to, Change **changes, int *nchanges, int *room)
{
    const char *text = tu->source->text;
    const char *made = take_format(tu->arena, "%s__macro", name);
    for (int at = from; at < to;) {
        Token token = next_token(text, at, to);
        if (token.kind == T_END)
            return;
        at = token.to;
        if (token.kind == T_NAME && token_is(text, token, name)) {
            *push(tu->arena, *changes, *nchanges, *room) = (Change){ token.from, token.to, made };
        } else if (token.kind == T_DIRECTIVE) {
            Token word = next_token(text, token.from + 1, token.to), first = next_token(text, word.to, token.to);
            bool ours = token_is(text, word, "define") && token_is(text, first, name);
            if (!token_is(text, word, "include"))
                find_names(tu, name, word.to, ours ? first.to : token.to, changes, nchanges, room);
            if (token_is(text, word, "undef") && token_is(text, first, name))
                return;
        }
    }
}

/* `#define n (n + 1)` becomes `#define n__macro (n + 1)`, and so do its uses: then what they expand to can stand in
 * the text. Right is what leaves the preprocessor's output as it was. */
static Source *rename_macro(Tu *tu, const Macro *macro, Change blame)
{
    Source *old = tu->source;
    int from = macro->from;
    Token line = next_directive(old->text, 0, old->size);
    while (line.kind != T_END && line.to <= macro->from)
        line = next_directive(old->text, line.to, old->size);
    if (line.kind != T_END && line.from < from)
        from = line.from;
    Change *changes = NULL;
    int nchanges = 0, room = 0;
    find_names(tu, macro->name, from, old->size, &changes, &nchanges, &room);
    Source *changed = change_source(tu, old, changes, nchanges);
    const File *before = preprocess(tu, NULL, 0, blame);
    tu->source = changed;
    const File *after = before ? preprocess(tu, NULL, 0, blame) : NULL;
    tu->source = old;
    if (!after)
        return NULL;
    if (before->size == after->size && !memcmp(before->text, after->text, (size_t)before->size))
        return changed;
    report(tu, ERROR, blame.from, blame.to,
           "what is expanded here names macro '%s' again, and that can't be renamed: not supported yet", macro->name);
    return NULL;
}

Source *expand_macros(Tu *tu, const Change *ranges, int nranges)
{
    if (nranges == 0)
        return tu->source;
    Mark *marks = take(tu->arena, (size_t)nranges * 2 * sizeof *marks);
    for (int i = 0; i < nranges; i++) {
        marks[2 * i] = (Mark){ ranges[i].from, 'b', i };
        marks[2 * i + 1] = (Mark){ ranges[i].to, 'e', i };
    }
    const File *expanded = preprocess(tu, marks, 2 * nranges, ranges[0]);
    if (!expanded)
        return NULL;
    Change *changes = take(tu->arena, (size_t)nranges * sizeof *changes);
    bool ok = true;
    const Macro *renamed = NULL;
    for (int i = 0, at = 0; i < nranges; i++) {
        int start, end;
        int from = find_mark(expanded, at, 'b', i, &start);
        int to = from < 0 ? -1 : find_mark(expanded, from, 'e', i, &end);
        if (to < 0) {
            report(tu, ERROR, ranges[i].from, ranges[i].to,
                   "'%s', which is to compile the output, leaves this macro call out", tu->options->cc);
            note(tu, -1, 0,
                 "an #if around it is decided otherwise there; use --cc and the same flags as for the output");
            ok = false;
            continue;
        }
        changes[i] = ranges[i];
        changes[i].text = takes_values(tu, ranges[i])
                              ? keep_call(tu, ranges[i])
                              : make_replacement(tu, expanded->text + from, end - from, ranges[i], &renamed);
        if (renamed)
            return rename_macro(tu, renamed, ranges[i]);
        ok &= changes[i].text != NULL;
        at = to;
    }
    return ok ? change_source(tu, tu->source, changes, nranges) : NULL;
}

bool check_conditionals(Tu *tu, const Change *branches, int nbranches, bool *taken)
{
    if (nbranches == 0)
        return true;
    Mark *marks = take(tu->arena, (size_t)nbranches * sizeof *marks);
    for (int i = 0; i < nbranches; i++)
        marks[i] = (Mark){ branches[i].from, 'c', i };
    const File *result = preprocess(tu, marks, nbranches, branches[0]);
    if (!result)
        return false;
    memset(taken, 0, (size_t)nbranches * sizeof *taken);
    for (const char *p = result->text; (p = strstr(p, MARK "c"));) {
        p += sizeof MARK; /* past the c too */
        int number = 0;
        for (; *p >= '0' && *p <= '9' && number < nbranches; p++)
            number = 10 * number + (*p - '0');
        if (number < nbranches)
            taken[number] = true;
    }
    return true;
}

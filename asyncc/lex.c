/* lex.c - C tokens in text as it stands, before any preprocessing.
 *
 *     x = await f("async", 'a'); // await     x  =  await  f  (  "async"  ,  'a'  )  ;
 *     #define TWICE(f) \
 *         (await f(), await f())              one token, T_DIRECTIVE
 *
 * What is unterminated (a string, a comment) ends with its line or with the text: clang reports it.
 * A backslash at a line's end joins it to the next one wherever it stands, inside a name too. Trigraphs
 * are not known, as in the GNU dialects. */
#include "asyncc.h"

#include <string.h>

/* Length of a joined line end at i (backslash, blanks, newline), else 0. gcc and clang allow the blanks. */
static int splice(const char *text, int i, int end)
{
    if (i >= end || text[i] != '\\')
        return 0;
    int j = i + 1;
    while (j < end && (text[j] == ' ' || text[j] == '\t' || text[j] == '\r' || text[j] == '\f' || text[j] == '\v'))
        j++;
    return j < end && text[j] == '\n' ? j + 1 - i : 0;
}

/* Past the joined line ends at i. */
static int join(const char *text, int i, int end)
{
    for (int n; (n = splice(text, i, end)) > 0;)
        i += n;
    return i;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A character that can stand in a name: every byte of UTF-8 too, and '$'. */
bool is_name_char(char c)
{
    static const bool yes[256] = {
        ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['_'] = true, ['$'] = true, [0x80 ... 0xff] = true,
    };
    return yes[(unsigned char)c];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* Past a name that starts at i, or the rest of one. */
static int skip_name(const char *text, int i, int end)
{
    for (;;) {
        while (i < end && is_name_char(text[i]))
            i++;
        if (i >= end || text[i] != '\\')
            return i;
        int at = join(text, i, end);
        if (at < end && is_name_char(text[at]))
            i = at + 1;
        else if (at + 1 < end && text[at] == '\\' && (text[at + 1] == 'u' || text[at + 1] == 'U'))
            i = at + 2; /* A universal character name; its digits follow. */
        else
            return i;
    }
}

static int skip_number(const char *text, int i, int end)
{
    char last = 0;
    for (;;) {
        int at = join(text, i, end);
        if (at >= end)
            return i;
        char c = text[at];
        bool sign = (c == '+' || c == '-') && (last == 'e' || last == 'E' || last == 'p' || last == 'P');
        bool separator = c == '\'' && at + 1 < end && is_name_char(text[at + 1]); /* C23: 1'000 */
        if (!is_name_char(c) && c != '.' && !sign && !separator)
            return i;
        last = c;
        i = at + 1;
    }
}

/* Past the literal whose quote is at i; one that isn't closed ends before its newline. */
static int skip_quoted(const char *text, int i, int end)
{
    char quote = text[i++];
    while (i < end) {
        int at = join(text, i, end);
        if (at >= end)
            return at;
        if (text[at] == '\n')
            return at;
        if (text[at] == '\\') {
            at = join(text, at + 1, end);
            if (at >= end || text[at] == '\n')
                return at;
        } else if (text[at] == quote) {
            return at + 1;
        }
        i = at + 1;
    }
    return end;
}

/* Past the comment at i, or i if there is none. A line comment ends before its newline. */
static int skip_comment(const char *text, int i, int end)
{
    if (i >= end || text[i] != '/')
        return i;
    int at = join(text, i + 1, end);
    if (at >= end)
        return i;
    if (text[at] == '/') {
        for (at++; at < end && text[at] != '\n'; at++) {
            int n = splice(text, at, end);
            if (n > 0)
                at += n - 1;
        }
        return at;
    }
    if (text[at] != '*')
        return i;
    for (at++; at < end; at++)
        if (text[at] == '*') {
            int slash = join(text, at + 1, end);
            if (slash < end && text[slash] == '/')
                return slash + 1;
        }
    return end;
}

/* Past comments and blanks; *newline is set when a line ended on the way. */
static int skip_lines(const char *text, int i, int end, bool *newline)
{
    while (i < end) {
        int n;
        if (is_blank(text[i]))
            *newline |= text[i++] == '\n';
        else if (text[i] != '/' && text[i] != '\\')
            break;
        else if ((n = splice(text, i, end)) > 0)
            i += n;
        else if ((n = skip_comment(text, i, end)) > i)
            i = n;
        else
            break;
    }
    return i;
}

int skip_blank(const char *text, int offset, int end)
{
    bool newline = false;
    return skip_lines(text, offset, end, &newline);
}

/* Whether a line starts at i, or blanks before i. */
static bool starts_line(const char *text, int i)
{
    while (i > 0 && is_blank(text[i - 1]) && text[i - 1] != '\n')
        i--;
    if (i == 0)
        return true;
    return text[i - 1] == '\n' && !(i > 1 && text[i - 2] == '\\') &&
           !(i > 2 && text[i - 2] == '\r' && text[i - 3] == '\\');
}

/* Past a directive whose '#' is at i: its newline, which isn't part of it, ends it. */
static int skip_directive(const char *text, int i, int end)
{
    bool header = false; /* behind `include`: <..> is one token, and its // and ' mean nothing */
    bool first = true;
    for (i++; i < end && text[i] != '\n';) {
        int n = splice(text, i, end);
        if (n > 0) {
            i += n;
        } else if ((n = skip_comment(text, i, end)) > i) {
            i = n;
        } else if (text[i] == '"' || text[i] == '\'') {
            i = skip_quoted(text, i, end);
        } else if (first && is_name_char(text[i])) {
            int name = i;
            i = skip_name(text, i, end);
            int length = i - name;
            header = (length >= 6 && memcmp(text + name, "includ", 6) == 0) ||
                     (length == 6 && memcmp(text + name, "import", 6) == 0) ||
                     (length == 5 && memcmp(text + name, "embed", 5) == 0);
            first = false;
        } else if (header && text[i] == '<') {
            while (i < end && text[i] != '\n' && text[i] != '>')
                i++;
            header = false;
        } else if (is_digit(text[i])) {
            i = skip_number(text, i, end); /* An apostrophe in it is no quote. */
        } else if (is_name_char(text[i])) {
            i = skip_name(text, i, end);
        } else {
            i++;
        }
    }
    /* "\r\n": the carriage return belongs to the line's end. */
    return i > 0 && i < end && text[i - 1] == '\r' ? i - 1 : i;
}

/* Those of more than one character, longest first. */
static const char *const punctuators[] = {
    "%:%:", "...", "<<=", ">>=", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "*=", "/=",
    "%=",   "+=",  "-=",  "&=",  "^=", "|=", "##", "<:", ":>", "<%", "%>", "%:", "::",
};

/* Past the spelling at i, if it stands there (line ends may be joined inside), else 0. */
static int match(const char *text, int i, int end, const char *spelling)
{
    for (const char *p = spelling; *p; p++) {
        if (p != spelling)
            i = join(text, i, end);
        if (i >= end || text[i] != *p)
            return 0;
        i++;
    }
    return i;
}

/* A punctuator that no longer one begins with. */
static bool stands_alone(char c)
{
    static const bool alone[256] = { ['('] = true, [')'] = true, ['['] = true, [']'] = true, ['{'] = true, ['}'] = true,
                                     [','] = true, [';'] = true, ['?'] = true, ['~'] = true };
    return alone[(unsigned char)c];
}

/* Past the punctuator at i, or any other character. */
static int skip_punctuator(const char *text, int i, int end)
{
    /* What can be its second character. */
    static const bool second[128] = { ['.'] = true, ['<'] = true, ['>'] = true, ['='] = true, ['+'] = true, ['-'] = true,
                                      ['&'] = true, ['|'] = true, ['#'] = true, [':'] = true, ['%'] = true, ['\\'] = true };
    unsigned char c = (unsigned char)text[i], next = i + 1 < end ? (unsigned char)text[i + 1] : 0;
    if (c >= 128 || stands_alone(text[i]) || next >= 128 || !second[next])
        return i + 1;
    for (size_t k = 0; k < sizeof punctuators / sizeof *punctuators; k++) {
        int to = punctuators[k][0] == text[i] ? match(text, i, end, punctuators[k]) : 0;
        if (to > 0)
            return to;
    }
    return i + 1;
}

/* What a name is if a quote follows it at once: u8"", L''. */
static bool is_prefix(const char *text, int from, int to)
{
    int length = to - from;
    return (length == 1 && (text[from] == 'L' || text[from] == 'u' || text[from] == 'U')) ||
           (length == 2 && text[from] == 'u' && text[from + 1] == '8');
}

Token next_token(const char *text, int offset, int end)
{
    bool newline = false;
    int i = skip_lines(text, offset, end, &newline);
    Token token = { T_END, i, i };
    if (i >= end)
        return (Token){ T_END, end, end };
    char c = text[i];
    int second = c == '.' ? join(text, i + 1, end) : end;
    if (is_digit(c) || (second < end && is_digit(text[second]))) {
        token.kind = T_NUMBER;
        token.to = skip_number(text, i + 1, end);
    } else if (is_name_char(c) ||
               (c == '\\' && i + 1 < end && (text[i + 1] == 'u' || text[i + 1] == 'U'))) {
        token.kind = T_NAME;
        token.to = skip_name(text, i, end);
        if (token.to < end && (text[token.to] == '"' || text[token.to] == '\'') && is_prefix(text, i, token.to)) {
            token.kind = text[token.to] == '"' ? T_STRING : T_CHAR;
            token.to = skip_quoted(text, token.to, end);
        }
    } else if (c == '"' || c == '\'') {
        token.kind = c == '"' ? T_STRING : T_CHAR;
        token.to = skip_quoted(text, i, end);
    } else {
        token.kind = T_PUNCT;
        token.to = skip_punctuator(text, i, end);
        bool hash = (c == '#' && token.to == i + 1) || (c == '%' && token.to > i + 1 && match(text, i, end, "%:") == token.to);
        if (hash && (newline || starts_line(text, offset))) {
            token.kind = T_DIRECTIVE;
            token.to = skip_directive(text, token.to - 1, end);
        }
    }
    return token;
}

/* Where the next directive could begin, or -1: a quick look, which doesn't know comments and strings. */
static int find_hash(const char *text, int from, int end)
{
    const char *hash = from < end ? memchr(text + from, '#', (size_t)(end - from)) : NULL;
    int stop = hash ? (int)(hash - text) : end;
    /* %: is another spelling, which a joined line end may part. */
    for (int i = from; i < stop; i++) {
        const char *percent = memchr(text + i, '%', (size_t)(stop - i));
        if (!percent)
            break;
        i = (int)(percent - text);
        if (i + 1 < end && (text[i + 1] == ':' || text[i + 1] == '\\'))
            return i;
    }
    return hash ? stop : -1;
}

Token next_directive(const char *text, int offset, int end)
{
    int hash = offset - 1;
    for (Token token = { .to = offset };;) {
        if (token.to > hash && (hash = find_hash(text, token.to, end)) < 0)
            return (Token){ T_END, end, end };
        token = next_token(text, token.to, end);
        if (token.kind == T_DIRECTIVE || token.kind == T_END)
            return token;
    }
}

bool token_is(const char *text, Token token, const char *spelling)
{
    int i = token.from;
    for (; *spelling; spelling++, i++) {
        i = join(text, i, token.to);
        if (i >= token.to || text[i] != *spelling)
            return false;
    }
    return i == token.to;
}

/* '(' for any spelling of an opening bracket, its partner for a closing one, else 0; `<:` is `[`. */
static char bracket(const char *text, Token token)
{
    if (token.kind != T_PUNCT)
        return 0;
    char c = text[token.from];
    if (token.to - token.from == 1)
        return strchr("()[]{}", c) && c ? c : 0;
    if (token.to - token.from != 2)
        return 0;
    char second = text[token.from + 1];
    if (c == '<')
        return second == ':' ? '[' : second == '%' ? '{' : 0;
    if (second == '>')
        return c == ':' ? ']' : c == '%' ? '}' : 0;
    return 0;
}

/* The word behind a directive's '#'. */
static Token directive_name(const char *text, Token directive)
{
    int i = directive.from + 1;
    if (text[directive.from] == '%')
        i = match(text, directive.from, directive.to, "%:");
    /* Not at a line's start, so a second '#' is a plain token. */
    return next_token(text, i, directive.to);
}

/* Branches of a conditional are alternatives: each #else starts at the depth its #if had, and what
 * follows the #endif goes on from that of the last branch. */
int find_closing(const char *text, int open, int end)
{
    enum { DEEPEST_IF = 64 };
    int depth = 0, ifs = 0, depth_at_if[DEEPEST_IF];
    char opener = bracket(text, next_token(text, open, end));
    for (Token t = next_token(text, open, end); t.kind != T_END; t = next_token(text, t.to, end)) {
        if (t.kind == T_DIRECTIVE) {
            Token name = directive_name(text, t);
            if (token_is(text, name, "if") || token_is(text, name, "ifdef") || token_is(text, name, "ifndef")) {
                if (ifs < DEEPEST_IF)
                    depth_at_if[ifs] = depth;
                ifs++;
            } else if (ifs > 0 && ifs <= DEEPEST_IF &&
                       (token_is(text, name, "else") || token_is(text, name, "elif") ||
                        token_is(text, name, "elifdef") || token_is(text, name, "elifndef"))) {
                depth = depth_at_if[ifs - 1];
            } else if (ifs > 0 && token_is(text, name, "endif")) {
                ifs--;
            }
            continue;
        }
        char b = bracket(text, t);
        if (b == '(' || b == '[' || b == '{') {
            depth++;
        } else if (b && --depth <= 0) {
            bool fits = (opener == '(' && b == ')') || (opener == '[' && b == ']') || (opener == '{' && b == '}');
            return fits && depth == 0 ? t.from : -1;
        } else if (depth == 0) {
            return -1; /* There is no bracket at `open`. */
        }
    }
    return -1;
}

/* What stands in for a keyword while libclang reads the text. An async function is told apart by its type, an
 * await by a unary operator that C programmers have little use for, a defer by its statement's attribute. */
static const struct {
    const char *word, *stand_in;
} keywords[] = {
    { "async", "__attribute__((preserve_most))" },
    { "await", "__extension__" },
    { "defer", "[[clang::suppress]]" },
};

typedef struct Replacing {
    const char *text;
    Buf out;
    int copied; /* of text */
    Words *found;
    bool in_directive;
} Replacing;

/* A stand-in has as many lines as its keyword, in which line ends may be joined. */
static void replace_word(Replacing *r, Token t, const char *stand_in)
{
    add_bytes(&r->out, r->text + r->copied, (size_t)(t.from - r->copied));
    int at = (int)r->out.size;
    add(&r->out, stand_in);
    for (int i = t.from; i < t.to; i++)
        if (r->text[i] == '\n')
            add(&r->out, "\\\n");
    r->copied = t.to;
    *push(r->out.arena, r->found->v, r->found->n, r->found->room) =
        (Word){ t.from, t.to - t.from, at, (int)r->out.size - at, r->in_directive };
}

static void replace_in(Replacing *r, int from, int end);

/* Names in a directive are keywords only where the directive's text becomes part of the program. */
static void replace_in_directive(Replacing *r, Token directive)
{
    static const char *const raw[] = { "include", "include_next", "import", "embed", "error",
                                       "warning", "pragma",       "line",   "ident", "sccs" };
    Token name = directive_name(r->text, directive);
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
        if (token_is(r->text, name, raw[i]))
            return;
    r->in_directive = true;
    replace_in(r, name.to, directive.to);
    r->in_directive = false;
}

/* Past what is no keyword at a glance, most of any text: blanks, brackets, names with another first letter. */
static int skip_others(const char *text, int i, int end, bool *member)
{
    for (int to; i < end; i = to) {
        char c = text[i];
        to = i + 1;
        if (is_blank(c))
            continue;
        if (is_name_char(c) && !is_digit(c) && c != 'a' && c != 'd') {
            while (to < end && is_name_char(text[to]))
                to++;
            if (to < end && (text[to] == '\\' || text[to] == '"' || text[to] == '\''))
                return i;
        } else if (!stands_alone(c)) {
            return i;
        }
        *member = false;
    }
    return i;
}

static void replace_in(Replacing *r, int from, int end)
{
    const char *text = r->text;
    bool member = false; /* behind . or -> */
    for (int at = from;;) {
        Token t = next_token(text, skip_others(text, at, end, &member), end);
        if (t.kind == T_END)
            return;
        char c = text[t.from];
        at = t.to;
        if (t.kind == T_DIRECTIVE) {
            replace_in_directive(r, t);
            continue;
        }
        if (t.kind == T_PUNCT) {
            member = c == '.' ? t.to == t.from + 1 : c == '-' && token_is(text, t, "->");
            continue;
        }
        if (t.kind == T_NAME && !member && (c == 'a' || c == 'd'))
            for (size_t k = 0; k < sizeof keywords / sizeof *keywords; k++)
                if (token_is(text, t, keywords[k].word))
                    replace_word(r, t, keywords[k].stand_in);
        member = false;
    }
}

char *replace_keywords(Arena *arena, const char *text, int size, Words *found, int *parse_size)
{
    *found = (Words){ 0 };
    Replacing r = { .text = text, .out = { .arena = arena }, .found = found };
    reserve(&r.out, (size_t)size + (size_t)size / 4);
    replace_in(&r, 0, size);
    add_bytes(&r.out, text + r.copied, (size_t)(size - r.copied));
    *parse_size = (int)r.out.size;
    return r.out.text;
}

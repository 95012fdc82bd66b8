/* read_heads.c - types that the head of an async function declares.
 *
 *     async struct s { int a; } f(enum e { A, B } x);
 *
 * becomes, before it is read again,
 *
 *     struct s { int a; }; enum e { A, B }; async struct s f(enum e x);
 *
 * since the head is written several times in the output. A type in the list of parameters is the function's own;
 * where the file says its name elsewhere, too, it stays refused. */
#include "read.h"
#include <string.h>

/* `struct s { .. }`, attributes included. */
typedef struct Definition {
    Token word, name; /* name.to == name.from: it has none */
    int open, close, to;
} Definition;

static int skip_attribute(const char *text, int at, int end)
{
    for (;;) {
        Token token = next_token(text, at, end);
        bool word = token_is(text, token, "__attribute__") || token_is(text, token, "__attribute");
        int open = word ? next_token(text, token.to, end).from : token.from;
        if (!word && !(token_is(text, token, "[") && text[token.from + 1] == '['))
            return at;
        int close = find_closing(text, open, end);
        if (close < 0)
            return at;
        at = close + 1;
    }
}

/* The first one in [from, to). */
static bool find_definition(const char *text, int from, int to, Definition *found)
{
    if (from >= to || !memchr(text + from, '{', (size_t)(to - from)))
        return false;
    for (int at = from; at < to;) {
        Token word = next_token(text, at, to);
        if (word.kind == T_END)
            return false;
        at = word.to;
        bool is_enum = token_is(text, word, "enum");
        if (!is_enum && !token_is(text, word, "struct") && !token_is(text, word, "union"))
            continue;
        int after = skip_attribute(text, word.to, to);
        Token name = next_token(text, after, to);
        if (name.kind == T_NAME)
            after = skip_attribute(text, name.to, to);
        else
            name = (Token){ T_END, after, after };
        Token brace = next_token(text, after, to);
        while (is_enum && brace.kind != T_END && !token_is(text, brace, "{") && !token_is(text, brace, ",") &&
               !token_is(text, brace, ")")) /* enum e : short { */
            brace = next_token(text, brace.to, to);
        int close = token_is(text, brace, "{") ? find_closing(text, brace.from, to) : -1;
        if (close < 0)
            continue;
        *found = (Definition){ word, name, brace.from, close, skip_attribute(text, close + 1, to) };
        return true;
    }
    return false;
}

static bool same_token(const char *text, Token a, Token b)
{
    return a.to - a.from == b.to - b.from && !memcmp(text + a.from, text + b.from, (size_t)(a.to - a.from));
}

static bool is_tag_word(const char *text, Token token)
{
    return token_is(text, token, "struct") || token_is(text, token, "union") || token_is(text, token, "enum");
}

/* Outside of [from, to) the file says the name: as a tag, or, of an enumerator, in any way. */
static bool is_said_elsewhere(const Source *source, Token name, bool is_tag, int from, int to)
{
    const char *text = source->text;
    bool after_word = false;
    for (int at = 0; at < source->size;) {
        Token token = next_token(text, at, source->size);
        if (token.kind == T_END)
            return false;
        at = token.to;
        if (token.from >= from && token.from < to) {
            at = to;
            continue;
        }
        if (token.kind == T_NAME && (after_word || !is_tag) && same_token(text, token, name))
            return true;
        after_word = is_tag_word(text, token);
    }
    return false;
}

/* Null, or what the file says elsewhere. */
static const char *find_clash(Reader *r, const Definition *d, int from, int to)
{
    const Source *source = r->tu->source;
    const char *text = source->text;
    if (d->name.to > d->name.from && is_said_elsewhere(source, d->name, true, from, to))
        return take_text(r->arena, text + d->name.from, (size_t)(d->name.to - d->name.from));
    bool constant = token_is(text, d->word, "enum");
    for (int at = d->open + 1; at < d->close;) {
        Token token = next_token(text, at, d->close);
        if (token.kind == T_END)
            break;
        at = token.to;
        if (constant && token.kind == T_NAME && is_said_elsewhere(source, token, false, from, to))
            return take_text(r->arena, text + token.from, (size_t)(token.to - token.from));
        constant = token_is(text, d->word, "enum") && token_is(text, token, ",");
    }
    return NULL;
}

static bool has_directive(const char *text, int from, int to)
{
    return next_directive(text, from, to).kind != T_END;
}

bool move_definitions(Reader *r, const Fn *fn, const Decl *decl, int end)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    Buf moved = { .arena = r->arena };
    int first = tu->ninserts;
    Definition d;
    for (int at = decl->from; find_definition(text, at, decl->params_to, &d); at = d.to) {
        if (d.to > decl->name_from && d.word.from < decl->name_to)
            return false;
        const char *clash = d.word.from > decl->name_to ? find_clash(r, &d, decl->from, end) : NULL;
        bool in_macro = find_call(tu, d.word.from) || find_call(tu, d.open) || find_call(tu, d.close);
        if (clash || in_macro || has_directive(text, decl->from, d.to)) {
            report(tu, ERROR, d.word.from, d.open,
                   clash      ? "a type that is defined among the parameters of async function '%s' names '%s', as does "
                                "something else in this file: that has to stand before it"
                   : in_macro ? "a type is defined by a macro in the head of async function '%s': that has to stand before it"
                              : "a type is defined in the head of async function '%s', which has directives in it: that has "
                                "to stand before it",
                   fn->name, clash);
            tu->ninserts = first;
            return true;
        }
        const char *word = one_line(tu, d.word.from, d.word.to), *name = one_line(tu, d.name.from, d.name.to);
        const char *attributes = one_line(tu, d.word.to, d.name.from);
        if (d.name.to == d.name.from)
            name = take_format(r->arena, "%s__type%d", fn->name, ++tu->naligns);
        add_format(&moved, "%s %s %s %s; ", word, attributes, name,
                   one_line(tu, d.name.to > d.name.from ? d.name.to : d.open, d.to));
        Buf left = { .arena = r->arena };
        add_format(&left, "%s %s ", word, name);
        for (int i = d.word.from; i < d.to; i++)
            if (text[i] == '\n')
                add(&left, "\n");
        *push(tu->arena, tu->inserts, tu->ninserts, tu->inserts_room) = (Change){ d.word.from, d.to, left.text };
    }
    if (tu->ninserts == first)
        return false;
    Change *begins = &tu->inserts[first];
    if (begins->from == decl->from)
        begins->text = take_format(tu->arena, "%s%s", moved.text, begins->text);
    else
        ask_insert(tu, decl->from, moved.text);
    return true;
}

void declare_tag_before(Reader *r, const Decl *decl, const Tag *tag)
{
    Tu *tu = r->tu;
    if (tag->refused && tag->name && tag->from < 0 && decl->in_text)
        ask_insert(tu, decl->from, take_format(tu->arena, "%s %s; ", tag->word, tag->name));
}

void declare_result_before(Reader *r, CXType type, const Decl *decl)
{
    while ((type = clang_getCanonicalType(type)).kind == CXType_Pointer)
        type = clang_getPointeeType(type);
    if (type.kind != CXType_Record || !decl->in_text)
        return;
    CXCursor first = clang_getCanonicalCursor(clang_getTypeDeclaration(type));
    int at = offset_of(r, clang_getCursorLocation(first));
    if (at < decl->from || at >= decl->name_from || clang_isCursorDefinition(first))
        return;
    const char *word = clang_getCursorKind(first) == CXCursor_UnionDecl ? "union" : "struct";
    const char *name = copy_string(r, clang_getCursorSpelling(first));
    ask_insert(r->tu, decl->from, take_format(r->tu->arena, "%s %s; ", word, name));
}

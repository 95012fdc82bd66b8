/* twin.c - writes the sequenced twin of an async function: the grid's oracle.
 *
 *     x += await aw_i(1) ? op_i(2) : v;
 *
 *     Q q1 = tw_aw_i(1);                               // Q is __auto_type
 *     __typeof__(tw_aw_i(1) ? op_i(2) : v) q2;
 *     if (q1) { Q q3 = op_i(2); q2 = q3; }
 *     else { Q q4 = v; q2 = q4; }
 *     Q q5 = (x += q2);
 *
 * Tokens, with the macros of the tables expanded; a recursive descent parser for the subset of C
 * that cases are written in; then one walk that puts each operand into a statement of its own,
 * operands from left to right, the left side of an assignment after its right side.
 *
 * It also finds cases that the language leaves open: operands of one operator that have effects on
 * each other, with no await among them. These have no oracle and are refused. */
#include "grid_gen.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum token { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_PUNCT, TOKEN_END };

typedef struct Token {
    enum token kind;
    char *text;
} Token;

typedef struct Tokens {
    Token *at;
    int count, cap;
} Tokens;

enum node {
    /* expressions */
    NAME, CONSTANT, PAREN, CALL, INDEX, DOT, ARROW, POST_STEP, PRE_STEP, UNARY, ADDRESS, DEREF, CAST,
    COMPOUND, BRACES, ITEM, BINARY, LOGICAL, COND, ASSIGN, COMMA, BLOCK_VALUE, VERBATIM, AWAIT,
    /* statements */
    EXPRESSION, DECLARATION, DECLARATOR, IF, WHILE, DO, FOR, SWITCH, RETURN, BLOCK, LABEL, CASE, JUMP,
    EMPTY, FALLTHROUGH,
};

typedef struct Node {
    enum node kind;
    int from, to;   /* its tokens                                                              */
    int token;      /* operator, member, label or name                                         */
    int type_from, type_to; /* of casts, compound literals, declarations; designators of items */
    struct Node **kids;     /* an absent one is null                                           */
    int nkids;
} Node;

typedef struct Names {
    char *name[64];
    int count;
} Names;

/* One translation. */
typedef struct Seq {
    const Macro *macros;
    Tokens tokens;
    int at;             /* the parser's place */
    Names typedefs;     /* local ones         */
    Names locals;       /* for the sets of struct effects */
    Twin *twin;
    jmp_buf failed;

    Buf *out;           /* statements                                            */
    Buf *head;          /* declarations at the beginning of the user's own block */
    int ntemps;
    int nlabels;
    int continue_label; /* of the innermost loop */
} Seq;

static _Noreturn void fail(Seq *seq, const char *why)
{
    seq->twin->error = why;
    longjmp(seq->failed, 1);
}

/* Tokens */

static void add_token(Tokens *tokens, Token token)
{
    if (tokens->count == tokens->cap) {
        tokens->cap = tokens->cap ? 2 * tokens->cap : 64;
        tokens->at = realloc(tokens->at, (size_t)tokens->cap * sizeof *tokens->at);
        if (!tokens->at)
            abort();
    }
    tokens->at[tokens->count++] = token;
}

static const char *const puncts[] = {
    "...", "<<=", ">>=", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
    "+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", "##",
};

static Tokens split_tokens(const char *text)
{
    Tokens tokens = { 0 };
    const char *p = text;
    for (;;) {
        while (isspace((unsigned char)*p))
            p++;
        if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
            continue;
        }
        if (p[0] == '/' && p[1] == '/') {
            p += strcspn(p, "\n");
            continue;
        }
        const char *start = p;
        enum token kind = TOKEN_PUNCT;
        if (!*p)
            break;
        if (isalpha((unsigned char)*p) || *p == '_') {
            kind = TOKEN_NAME;
            while (isalnum((unsigned char)*p) || *p == '_')
                p++;
        } else if (isdigit((unsigned char)*p)) {
            kind = TOKEN_NUMBER;
            while (isalnum((unsigned char)*p) || *p == '.')
                p++;
        } else if (*p == '"' || *p == '\'') {
            kind = TOKEN_STRING;
            char quote = *p++;
            while (*p && *p != quote)
                p += p[0] == '\\' ? 2 : 1;
            p++;
        } else {
            p++;
            for (size_t i = 0; i < sizeof puncts / sizeof *puncts; i++)
                if (!strncmp(start, puncts[i], strlen(puncts[i]))) {
                    p = start + strlen(puncts[i]);
                    break;
                }
        }
        add_token(&tokens, (Token){ kind, textf("%.*s", (int)(p - start), start) });
    }
    return tokens;
}

static bool same(Token token, const char *text) { return !strcmp(token.text, text); }

static char *spell(const Tokens *tokens)
{
    Buf buf = make_buf();
    for (int i = 0; i < tokens->count; i++)
        addf(&buf, "%s%s", i ? " " : "", tokens->at[i].text);
    return buf.text;
}

/* Macro expansion, with # and ## and __VA_ARGS__. A macro is hidden while its own body is
 * rescanned, which is what the standard asks for as far as the tables go. */
static Tokens expand(Seq *seq, const Tokens *in, const Names *hidden);

static const Macro *find_macro(Seq *seq, const char *name, const Names *hidden)
{
    for (int i = 0; hidden && i < hidden->count; i++)
        if (!strcmp(hidden->name[i], name))
            return NULL;
    for (const Macro *m = seq->macros; m && m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}

static int find_param(const Tokens *params, const char *name)
{
    if (!strcmp(name, "__VA_ARGS__"))
        name = "...";
    int n = 0;
    for (int i = 0; i < params->count; i++) {
        if (same(params->at[i], ","))
            continue;
        if (same(params->at[i], name))
            return n;
        n++;
    }
    return -1;
}

static Tokens substitute(Seq *seq, const Macro *macro, Tokens *args, const Names *hidden)
{
    Tokens params = split_tokens(macro->params ? macro->params : ""), body = split_tokens(macro->body), out = { 0 };
    for (int i = 0; i < body.count; i++) {
        Token t = body.at[i];
        int param = t.kind == TOKEN_NAME ? find_param(&params, t.text) : -1;
        bool pasted = (i && same(body.at[i - 1], "##")) || (i + 1 < body.count && same(body.at[i + 1], "##"));
        if (same(t, "#") && i + 1 < body.count) {
            param = find_param(&params, body.at[++i].text);
            Buf quoted = make_buf();
            for (const char *p = spell(&args[param]); *p; p++)
                addf(&quoted, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
            add_token(&out, (Token){ TOKEN_STRING, textf("\"%s\"", quoted.text) });
        } else if (param >= 0) {
            Tokens arg = pasted ? args[param] : expand(seq, &args[param], hidden);
            for (int k = 0; k < arg.count; k++)
                add_token(&out, arg.at[k]);
        } else {
            add_token(&out, t);
        }
    }
    Tokens joined = { 0 };
    for (int i = 0; i < out.count; i++) {
        if (same(out.at[i], "##") && joined.count && i + 1 < out.count) {
            Token *last = &joined.at[joined.count - 1];
            last->text = textf("%s%s", last->text, out.at[++i].text);
        } else {
            add_token(&joined, out.at[i]);
        }
    }
    return joined;
}

static Tokens expand(Seq *seq, const Tokens *in, const Names *hidden)
{
    Tokens out = { 0 };
    for (int i = 0; i < in->count; i++) {
        Token t = in->at[i];
        const Macro *macro = t.kind == TOKEN_NAME ? find_macro(seq, t.text, hidden) : NULL;
        bool called = i + 1 < in->count && same(in->at[i + 1], "(");
        if (!macro || (macro->params && !called)) {
            add_token(&out, t);
            continue;
        }
        Tokens args[8] = { { 0 } };
        if (macro->params) {
            Tokens params = split_tokens(macro->params);
            int nparams = 0, nargs = 0, depth = 0;
            for (int k = 0; k < params.count; k++)
                nparams += !same(params.at[k], ",");
            for (i += 2; i < in->count; i++) {
                Token a = in->at[i];
                if (!depth && same(a, ")"))
                    break;
                if (!depth && same(a, ",") && nargs + 1 < nparams) {
                    nargs++;
                    continue;
                }
                depth += same(a, "(") - same(a, ")");
                add_token(&args[nargs], a);
            }
        }
        Tokens body = substitute(seq, macro, args, hidden);
        Names inner = hidden ? *hidden : (Names){ .count = 0 };
        inner.name[inner.count++] = (char *)macro->name;
        Tokens again = expand(seq, &body, &inner);
        for (int k = 0; k < again.count; k++)
            add_token(&out, again.at[k]);
    }
    return out;
}

/* The parser */

static Token peek(Seq *seq) { return seq->tokens.at[seq->at]; }
static Token peek_next(Seq *seq) { return seq->tokens.at[seq->at + (peek(seq).kind != TOKEN_END)]; }
static bool sees(Seq *seq, const char *text) { return same(peek(seq), text) && peek(seq).kind != TOKEN_STRING; }

static bool accept(Seq *seq, const char *text)
{
    if (!sees(seq, text))
        return false;
    seq->at++;
    return true;
}

static void expect(Seq *seq, const char *text)
{
    if (!accept(seq, text))
        fail(seq, textf("expected '%s' before '%s'", text, peek(seq).text));
}

static Node *make_node(enum node kind, int from)
{
    Node *node = calloc(1, sizeof *node);
    if (!node)
        abort();
    node->kind = kind;
    node->from = from;
    node->token = from;
    return node;
}

static Node *end_node(Seq *seq, Node *node)
{
    node->to = seq->at;
    return node;
}

static void add_kid(Node *node, Node *kid)
{
    node->kids = realloc(node->kids, (size_t)(node->nkids + 1) * sizeof *node->kids);
    if (!node->kids)
        abort();
    node->kids[node->nkids++] = kid;
}

/* Goes from an opening bracket past the one that closes it. */
static void skip_balanced(Seq *seq)
{
    int depth = 0;
    do {
        Token t = peek(seq);
        if (t.kind == TOKEN_END)
            fail(seq, "unbalanced brackets");
        if (t.kind == TOKEN_PUNCT) {
            depth += same(t, "(") || same(t, "[") || same(t, "{");
            depth -= same(t, ")") || same(t, "]") || same(t, "}");
        }
        seq->at++;
    } while (depth);
}

static const char *const type_words[] = {
    "void", "char", "short", "int", "long", "unsigned", "signed", "float", "double", "_Bool", "const", "volatile",
    "static", "register", "auto", "struct", "union", "enum", "typedef", "__auto_type", "__typeof__", "typeof",
    "_Alignas", "_Atomic", "_Complex", "size_t", "ptrdiff_t", "fn2", "vec4",
};

static bool starts_type(Seq *seq)
{
    Token t = peek(seq);
    if (t.kind != TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof type_words / sizeof *type_words; i++)
        if (same(t, type_words[i]))
            return true;
    for (int i = 0; i < seq->typedefs.count; i++)
        if (same(t, seq->typedefs.name[i]))
            return true;
    return same(t, "__attribute__");
}

static Node *parse_expression(Seq *seq);
static Node *parse_assignment(Seq *seq);
static Node *parse_cast(Seq *seq);
static Node *parse_statement(Seq *seq);
static Node *parse_block(Seq *seq);

static Node *parse_braces(Seq *seq)
{
    Node *braces = make_node(BRACES, seq->at);
    expect(seq, "{");
    while (!sees(seq, "}")) {
        Node *item = make_node(ITEM, seq->at);
        item->type_from = seq->at;
        while (sees(seq, ".") || sees(seq, "[")) {
            if (accept(seq, "."))
                seq->at++;
            else
                skip_balanced(seq);
        }
        item->type_to = seq->at;
        if (item->type_to > item->type_from)
            expect(seq, "=");
        add_kid(item, sees(seq, "{") ? parse_braces(seq) : parse_assignment(seq));
        add_kid(braces, end_node(seq, item));
        if (!accept(seq, ","))
            break;
    }
    expect(seq, "}");
    return end_node(seq, braces);
}

/* _Generic(0, double: .., int: what is chosen, default: ..) */
static Node *parse_choice(Seq *seq, Node *node)
{
    seq->at += 3;
    while (accept(seq, ",")) {
        bool chosen = sees(seq, "int");
        while (!accept(seq, ":"))
            seq->at++;
        if (chosen)
            add_kid(node, parse_assignment(seq));
        while (!sees(seq, ",") && !sees(seq, ")"))
            skip_balanced(seq);
    }
    expect(seq, ")");
    node->kind = PAREN;
    return end_node(seq, node);
}

static Node *parse_primary(Seq *seq)
{
    Node *node = make_node(CONSTANT, seq->at);
    Token t = peek(seq);
    if (same(t, "_Generic") && seq->at + 2 < seq->tokens.count && same(seq->tokens.at[seq->at + 2], "0"))
        return parse_choice(seq, node);
    if (t.kind == TOKEN_NAME && (same(t, "_Generic") || same(t, "__builtin_offsetof") || same(t, "offsetof") ||
                                 same(t, "__builtin_types_compatible_p"))) {
        node->kind = VERBATIM;
        seq->at++;
        skip_balanced(seq);
        return end_node(seq, node);
    }
    if (t.kind == TOKEN_NAME) {
        node->kind = NAME;
        seq->at++;
        return end_node(seq, node);
    }
    if (t.kind == TOKEN_NUMBER) {
        seq->at++;
        return end_node(seq, node);
    }
    if (t.kind == TOKEN_STRING) {
        while (peek(seq).kind == TOKEN_STRING)
            seq->at++;
        return end_node(seq, node);
    }
    if (sees(seq, "(") && same(peek_next(seq), "{")) {
        node->kind = BLOCK_VALUE;
        seq->at++;
        add_kid(node, parse_block(seq));
        expect(seq, ")");
        return end_node(seq, node);
    }
    if (accept(seq, "(")) {
        if (starts_type(seq)) { /* a compound literal; casts don't come here */
            node->kind = COMPOUND;
            seq->at--;
            node->type_from = seq->at;
            skip_balanced(seq);
            node->type_to = seq->at;
            add_kid(node, parse_braces(seq));
            return end_node(seq, node);
        }
        node->kind = PAREN;
        add_kid(node, parse_expression(seq));
        expect(seq, ")");
        return end_node(seq, node);
    }
    fail(seq, textf("expected an expression before '%s'", t.text));
}

static Node *parse_postfix(Seq *seq)
{
    Node *left = parse_primary(seq);
    for (;;) {
        Node *node = make_node(CALL, left->from);
        node->token = seq->at;
        add_kid(node, left);
        if (accept(seq, "(")) {
            while (!sees(seq, ")")) {
                add_kid(node, parse_assignment(seq));
                if (!accept(seq, ","))
                    break;
            }
            expect(seq, ")");
        } else if (accept(seq, "[")) {
            node->kind = INDEX;
            add_kid(node, parse_expression(seq));
            expect(seq, "]");
        } else if (accept(seq, ".") || accept(seq, "->")) {
            node->kind = same(seq->tokens.at[node->token], ".") ? DOT : ARROW;
            node->token = seq->at++;
        } else if (accept(seq, "++") || accept(seq, "--")) {
            node->kind = POST_STEP;
        } else {
            return left;
        }
        left = end_node(seq, node);
    }
}

static Node *parse_unary(Seq *seq)
{
    Node *node = make_node(UNARY, seq->at);
    if (accept(seq, "++") || accept(seq, "--")) {
        node->kind = PRE_STEP;
        add_kid(node, parse_unary(seq));
    } else if (accept(seq, "sizeof") || accept(seq, "_Alignof")) {
        int counted = seq->twin->nawaits;
        node->kind = VERBATIM;
        if (sees(seq, "("))
            skip_balanced(seq);
        else
            parse_unary(seq);
        seq->twin->nawaits = counted;
    } else if (accept(seq, "&&")) {
        node->kind = VERBATIM;
        seq->at++;
    } else if (accept(seq, "&")) {
        node->kind = ADDRESS;
        add_kid(node, parse_cast(seq));
    } else if (accept(seq, "*")) {
        node->kind = DEREF;
        add_kid(node, parse_cast(seq));
    } else if (accept(seq, "await")) {
        node->kind = AWAIT;
        seq->twin->nawaits++;
        add_kid(node, parse_cast(seq));
    } else if (accept(seq, "+") || accept(seq, "-") || accept(seq, "~") || accept(seq, "!") ||
               accept(seq, "__real__") || accept(seq, "__imag__")) {
        add_kid(node, parse_cast(seq));
    } else {
        return parse_postfix(seq);
    }
    return end_node(seq, node);
}

static Node *parse_cast(Seq *seq)
{
    int from = seq->at;
    if (accept(seq, "(") && starts_type(seq)) {
        seq->at = from;
        Node *node = make_node(CAST, from);
        node->type_from = from;
        skip_balanced(seq);
        node->type_to = seq->at;
        if (!sees(seq, "{")) {
            add_kid(node, parse_cast(seq));
            return end_node(seq, node);
        }
    }
    seq->at = from;
    return parse_unary(seq);
}

static int precedence(Token t)
{
    static const char *const levels[][5] = {
        { "||" }, { "&&" }, { "|" }, { "^" }, { "&" }, { "==", "!=" }, { "<", ">", "<=", ">=" },
        { "<<", ">>" }, { "+", "-" }, { "*", "/", "%" },
    };
    if (t.kind == TOKEN_PUNCT)
        for (size_t level = 0; level < sizeof levels / sizeof *levels; level++)
            for (int i = 0; i < 5 && levels[level][i]; i++)
                if (same(t, levels[level][i]))
                    return (int)level + 1;
    return 0;
}

static Node *parse_binary(Seq *seq, int least)
{
    Node *left = parse_cast(seq);
    for (int level; (level = precedence(peek(seq))) >= least && level;) {
        Node *node = make_node(level <= 2 ? LOGICAL : BINARY, left->from);
        node->token = seq->at++;
        add_kid(node, left);
        add_kid(node, parse_binary(seq, level + 1));
        left = end_node(seq, node);
    }
    return left;
}

static Node *parse_assignment(Seq *seq)
{
    static const char *const ops[] = { "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=" };
    Node *left = parse_binary(seq, 1);
    if (sees(seq, "?")) {
        Node *node = make_node(COND, left->from);
        seq->at++;
        add_kid(node, left);
        add_kid(node, sees(seq, ":") ? NULL : parse_expression(seq));
        expect(seq, ":");
        add_kid(node, parse_assignment(seq));
        return end_node(seq, node);
    }
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (sees(seq, ops[i])) {
            Node *node = make_node(ASSIGN, left->from);
            node->token = seq->at++;
            add_kid(node, left);
            add_kid(node, parse_assignment(seq));
            return end_node(seq, node);
        }
    return left;
}

static Node *parse_expression(Seq *seq)
{
    Node *left = parse_assignment(seq);
    while (sees(seq, ",")) {
        Node *node = make_node(COMMA, left->from);
        seq->at++;
        add_kid(node, left);
        add_kid(node, parse_assignment(seq));
        left = end_node(seq, node);
    }
    return left;
}

/* DECLARATOR: token is the name, type_from..type_to what stands before and after it; kids are
 * the initialiser (or null), then the bounds that are expressions, in order. */
static Node *parse_declarator(Seq *seq, bool is_typedef)
{
    Node *d = make_node(DECLARATOR, seq->at);
    d->type_from = seq->at;
    add_kid(d, NULL);
    while (sees(seq, "*") || sees(seq, "const") || sees(seq, "volatile"))
        seq->at++;
    if (sees(seq, "(")) {
        int inside = seq->at + 1;
        while (same(seq->tokens.at[inside], "*") || same(seq->tokens.at[inside], "const"))
            inside++;
        d->token = inside;
        skip_balanced(seq);
    } else {
        d->token = seq->at++;
    }
    if (seq->tokens.at[d->token].kind != TOKEN_NAME)
        fail(seq, textf("expected a name before '%s'", seq->tokens.at[d->token].text));
    while (sees(seq, "[") || sees(seq, "(")) {
        if (accept(seq, "[")) {
            if (!sees(seq, "]"))
                add_kid(d, parse_assignment(seq));
            expect(seq, "]");
        } else {
            skip_balanced(seq);
        }
    }
    if (accept(seq, "__attribute__"))
        skip_balanced(seq);
    d->type_to = seq->at;
    if (is_typedef)
        seq->typedefs.name[seq->typedefs.count++] = seq->tokens.at[d->token].text;
    if (accept(seq, "="))
        d->kids[0] = sees(seq, "{") ? parse_braces(seq) : parse_assignment(seq);
    return end_node(seq, d);
}

static Node *parse_declaration(Seq *seq)
{
    Node *node = make_node(DECLARATION, seq->at);
    bool is_typedef = sees(seq, "typedef");
    bool named = false; /* a typedef name counts only as the first type word */
    node->type_from = seq->at;
    for (;; seq->at++) {
        if (sees(seq, "struct") || sees(seq, "union") || sees(seq, "enum")) {
            seq->at++;
            if (!sees(seq, "{"))
                seq->at++;
            if (sees(seq, "{"))
                skip_balanced(seq);
            seq->at--;
            named = true;
        } else if (sees(seq, "__typeof__") || sees(seq, "typeof") || sees(seq, "_Alignas") ||
                   sees(seq, "__attribute__")) {
            int counted = seq->twin->nawaits;
            seq->at++;
            skip_balanced(seq);
            seq->at--;
            seq->twin->nawaits = counted;
        } else if (!starts_type(seq)) {
            break;
        } else {
            bool is_local_name = false;
            for (int i = 0; i < seq->typedefs.count; i++)
                is_local_name |= sees(seq, seq->typedefs.name[i]);
            if (is_local_name && named)
                break;
            named = true;
        }
    }
    node->type_to = seq->at;
    while (!sees(seq, ";")) {
        add_kid(node, parse_declarator(seq, is_typedef));
        if (!accept(seq, ","))
            break;
    }
    expect(seq, ";");
    return end_node(seq, node);
}

static Node *parse_block(Seq *seq)
{
    Node *block = make_node(BLOCK, seq->at);
    expect(seq, "{");
    while (!sees(seq, "}"))
        add_kid(block, parse_statement(seq));
    expect(seq, "}");
    return end_node(seq, block);
}

static Node *parse_condition(Seq *seq)
{
    expect(seq, "(");
    Node *condition = parse_expression(seq);
    expect(seq, ")");
    return condition;
}

static Node *parse_statement(Seq *seq)
{
    Node *node = make_node(EMPTY, seq->at);
    Token t = peek(seq);
    if (t.kind == TOKEN_END)
        fail(seq, "unexpected end");
    if (sees(seq, "{"))
        return parse_block(seq);
    if (accept(seq, ";"))
        return end_node(seq, node);
    if (sees(seq, "__attribute__") && same(seq->tokens.at[seq->at + 3], "fallthrough")) {
        node->kind = FALLTHROUGH;
        seq->at++;
        skip_balanced(seq);
        expect(seq, ";");
        return end_node(seq, node);
    }
    if (accept(seq, "if")) {
        node->kind = IF;
        add_kid(node, parse_condition(seq));
        add_kid(node, parse_statement(seq));
        add_kid(node, accept(seq, "else") ? parse_statement(seq) : NULL);
        return end_node(seq, node);
    }
    if (sees(seq, "while") || sees(seq, "switch")) {
        node->kind = sees(seq, "while") ? WHILE : SWITCH;
        seq->at++;
        add_kid(node, parse_condition(seq));
        add_kid(node, parse_statement(seq));
        return end_node(seq, node);
    }
    if (accept(seq, "do")) {
        node->kind = DO;
        add_kid(node, parse_statement(seq));
        expect(seq, "while");
        add_kid(node, parse_condition(seq));
        expect(seq, ";");
        return end_node(seq, node);
    }
    if (accept(seq, "for")) {
        node->kind = FOR;
        expect(seq, "(");
        if (starts_type(seq)) {
            add_kid(node, parse_declaration(seq));
        } else {
            add_kid(node, sees(seq, ";") ? NULL : parse_expression(seq));
            expect(seq, ";");
        }
        add_kid(node, sees(seq, ";") ? NULL : parse_expression(seq));
        expect(seq, ";");
        add_kid(node, sees(seq, ")") ? NULL : parse_expression(seq));
        expect(seq, ")");
        add_kid(node, parse_statement(seq));
        return end_node(seq, node);
    }
    if (accept(seq, "return")) {
        node->kind = RETURN;
        add_kid(node, sees(seq, ";") ? NULL : parse_expression(seq));
        expect(seq, ";");
        return end_node(seq, node);
    }
    if (sees(seq, "break") || sees(seq, "continue") || sees(seq, "goto")) {
        node->kind = JUMP;
        if (accept(seq, "goto"))
            while (!sees(seq, ";"))
                seq->at++;
        else
            seq->at++;
        expect(seq, ";");
        return end_node(seq, node);
    }
    if (sees(seq, "case") || sees(seq, "default")) {
        node->kind = CASE;
        while (!sees(seq, ":"))
            seq->at++;
        seq->at++;
        node->type_from = node->from;
        node->type_to = seq->at;
        return end_node(seq, node);
    }
    if (t.kind == TOKEN_NAME && same(peek_next(seq), ":")) {
        node->kind = LABEL;
        seq->at += 2;
        return end_node(seq, node);
    }
    if (starts_type(seq))
        return parse_declaration(seq);
    node->kind = EXPRESSION;
    add_kid(node, parse_expression(seq));
    expect(seq, ";");
    return end_node(seq, node);
}

/* What an expression does, to find the cases whose order nobody fixes. */

enum {
    WRITES_TRACE = 1,
    READS_MEMORY = 2,
    WRITES_MEMORY = 4,
};

struct effects {
    unsigned bits;
    unsigned long long reads, writes; /* locals by name, directly */
    bool awaits;
};

static struct effects find_effects(Seq *seq, Node *node);

static unsigned long long name_bit(Seq *seq, char *name)
{
    for (int i = 0; i < seq->locals.count; i++)
        if (!strcmp(seq->locals.name[i], name))
            return 1ull << i;
    if (seq->locals.count == 64)
        fail(seq, "ambiguous, perhaps: too many names to tell");
    seq->locals.name[seq->locals.count] = name;
    return 1ull << seq->locals.count++;
}

static Node *strip(Node *node)
{
    while (node->kind == PAREN)
        node = node->kids[0];
    return node;
}

static bool is_lvalue(Node *node)
{
    node = strip(node);
    return node->kind == NAME || node->kind == INDEX || node->kind == DEREF || node->kind == ARROW ||
           node->kind == COMPOUND || (node->kind == DOT && is_lvalue(node->kids[0]));
}

/* A spelling of an object that is named without a call: `r->c`, however it is cast or put in
 * parentheses. Compilers warn about these as about locals. */
static char *spell_place(Seq *seq, Node *node)
{
    node = strip(node);
    char *base = node->nkids && node->kids[0] && node->kind != CALL ? spell_place(seq, node->kids[0]) : NULL;
    switch (node->kind) {
    case NAME:
        return seq->tokens.at[node->from].text;
    case CAST:
        return base;
    case DEREF:
        return base ? textf("*%s", base) : NULL;
    case DOT:
    case ARROW:
        return base ? textf("%s.%s", base, seq->tokens.at[node->token].text) : NULL;
    case INDEX: {
        Buf index = make_buf();
        for (int i = node->kids[1]->from; i < node->kids[1]->to; i++)
            addf(&index, "%s", seq->tokens.at[i].text);
        return base && !strchr(index.text, '(') ? textf("%s[%s]", base, index.text) : NULL;
    }
    default:
        return NULL;
    }
}

static unsigned long long place_bit(Seq *seq, Node *node)
{
    char *name = spell_place(seq, node);
    return name ? name_bit(seq, name) : 0;
}

static struct effects join(struct effects a, struct effects b)
{
    return (struct effects){ a.bits | b.bits, a.reads | b.reads, a.writes | b.writes, a.awaits || b.awaits };
}

static void check_unordered(Seq *seq, const struct effects *of, int count)
{
    bool awaits = false;
    for (int i = 0; i < count; i++)
        awaits |= of[i].awaits;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < count; k++) {
            if (i == k)
                continue;
            if (of[i].writes & (of[k].reads | of[k].writes))
                fail(seq, "ambiguous: a local is changed beside another use");
            if (awaits)
                continue;
            if (of[i].bits & of[k].bits & WRITES_TRACE)
                fail(seq, "ambiguous: two side effects, no await among the operands");
            if (of[i].bits & WRITES_MEMORY && of[k].bits & (READS_MEMORY | WRITES_MEMORY))
                fail(seq, "ambiguous: memory is changed beside another use");
        }
}

/* Compilers warn about `x == x` and `x = x`. */
static void check_not_same(Seq *seq, Node *node)
{
    Node *left = strip(node->kids[0]), *right = strip(node->kids[1]);
    int count = left->to - left->from;
    if (count != right->to - right->from)
        return;
    for (int i = 0; i < count; i++)
        if (!same(seq->tokens.at[left->from + i], seq->tokens.at[right->from + i].text))
            return;
    fail(seq, "ambiguous: an operand beside itself");
}

/* Of finding out where it is, not of reading it. */
static struct effects find_place_effects(Seq *seq, Node *node)
{
    node = strip(node);
    switch (node->kind) {
    case NAME:
        return (struct effects){ 0 };
    case DEREF:
    case ARROW:
        return find_effects(seq, node->kids[0]);
    case DOT:
        return is_lvalue(node->kids[0]) ? find_place_effects(seq, node->kids[0]) : find_effects(seq, node->kids[0]);
    case INDEX: {
        struct effects of[2] = { find_effects(seq, node->kids[0]), find_effects(seq, node->kids[1]) };
        check_unordered(seq, of, 2);
        return join(of[0], of[1]);
    }
    default:
        return find_effects(seq, node);
    }
}

static struct effects find_effects(Seq *seq, Node *node)
{
    struct effects all = { 0 }, of[16] = { all };
    int count = 0;
    if (!node)
        return all;
    switch (node->kind) {
    case NAME: {
        const char *name = seq->tokens.at[node->from].text;
        if (isupper((unsigned char)*name) && name[1])
            return all;
        return (struct effects){ READS_MEMORY, place_bit(seq, node), 0, false };
    }
    case INDEX:
    case DOT:
    case ARROW:
    case DEREF:
        all = find_place_effects(seq, node);
        all.bits |= READS_MEMORY;
        all.reads |= place_bit(seq, node);
        return all;
    case ADDRESS:
        return find_place_effects(seq, node->kids[0]);
    case POST_STEP:
    case PRE_STEP:
        all = find_place_effects(seq, node->kids[0]);
        all.bits |= READS_MEMORY | WRITES_MEMORY;
        all.writes |= place_bit(seq, node->kids[0]);
        return all;
    case ASSIGN: {
        check_not_same(seq, node);
        of[0] = find_place_effects(seq, node->kids[0]);
        of[1] = find_effects(seq, node->kids[1]);
        unsigned long long target = place_bit(seq, node->kids[0]);
        bool simple = same(seq->tokens.at[node->token], "=");
        if (of[1].writes & target)
            fail(seq, "ambiguous: a local is assigned twice");
        if (!simple)
            of[0].bits |= READS_MEMORY;
        /* The store itself comes after both. */
        check_unordered(seq, of, 2);
        all = join(of[0], of[1]);
        all.bits |= WRITES_MEMORY;
        all.writes |= target;
        return all;
    }
    case CALL: {
        Node *callee = strip(node->kids[0]);
        const char *name = callee->kind == NAME ? seq->tokens.at[callee->from].text : "";
        for (int i = 0; i < node->nkids; i++) {
            if (count == 16)
                fail(seq, "too many arguments");
            of[count++] = i || strlen(name) < 3 ? find_effects(seq, node->kids[i]) : (struct effects){ 0 };
        }
        check_unordered(seq, of, count);
        for (int i = 0; i < count; i++)
            all = join(all, of[i]);
        all.bits |= WRITES_TRACE | READS_MEMORY | (strstr(name, "set") ? WRITES_MEMORY : 0);
        return all;
    }
    case BINARY:
        check_not_same(seq, node);
        of[0] = find_effects(seq, node->kids[0]);
        of[1] = find_effects(seq, node->kids[1]);
        check_unordered(seq, of, 2);
        return join(of[0], of[1]);
    case BRACES: {
        /* Pairwise against what came before is the same, and has no limit. */
        for (int i = 0; i < node->nkids; i++) {
            of[1] = find_effects(seq, node->kids[i]);
            of[0] = all;
            check_unordered(seq, of, 2);
            all = join(of[0], of[1]);
        }
        return all;
    }
    case AWAIT:
        all = find_effects(seq, node->kids[0]);
        all.awaits = true;
        return all;
    case VERBATIM:
    case CONSTANT:
        return all;
    case BLOCK_VALUE:
        all.bits = WRITES_TRACE | READS_MEMORY | WRITES_MEMORY;
        all = join(all, find_effects(seq, node->kids[0]));
        return all;
    default: /* sequenced: logical, conditional, comma; and one operand; and statements */
        for (int i = 0; i < node->nkids; i++)
            all = join(all, find_effects(seq, node->kids[i]));
        return all;
    }
}

/* The twin */

static bool is_async_name(const char *name)
{
    return !strncmp(name, "aw_", 3) || !strncmp(name, "hw_", 3) || !strncmp(name, "in_", 3) || !strncmp(name, "case_", 5) ||
           !strcmp(name, "ac_yield_now");
}

/* The text of tokens, elided, with async functions replaced by their twins. */
static char *text_of(Seq *seq, int from, int to)
{
    Buf buf = make_buf();
    for (int i = from; i < to; i++) {
        Token t = seq->tokens.at[i];
        if (t.kind == TOKEN_NAME && (same(t, "await") || same(t, "async")))
            continue;
        bool member = i && (same(seq->tokens.at[i - 1], ".") || same(seq->tokens.at[i - 1], "->"));
        bool mapped = t.kind == TOKEN_NAME && !member && is_async_name(t.text);
        addf(&buf, "%s%s%s", buf.len ? " " : "", mapped ? "tw_" : "", t.text);
    }
    return buf.text;
}

static char *text_of_node(Seq *seq, Node *node) { return text_of(seq, node->from, node->to); }

static char *new_temp(Seq *seq) { return textf("q%d", ++seq->ntemps); }

static char *keep(Seq *seq, const char *expression)
{
    char *temp = new_temp(seq);
    addf(seq->out, "Q %s = %s;\n", temp, expression);
    return temp;
}

static bool is_void(Seq *seq, Node *node)
{
    node = strip(node);
    switch (node->kind) {
    case AWAIT:
        return is_void(seq, node->kids[0]);
    case CALL: {
        Node *callee = strip(node->kids[0]);
        const char *name = seq->tokens.at[callee->from].text;
        size_t len = strlen(name);
        return callee->kind == NAME &&
               (!strncmp(name, "tr_", 3) || (len > 2 && !strcmp(name + len - 2, "_v")) || !strcmp(name, "ac_yield_now"));
    }
    case CAST:
        return node->type_to == node->type_from + 3 && same(seq->tokens.at[node->type_from + 1], "void");
    case COMMA:
        return is_void(seq, node->kids[1]);
    case COND:
        return is_void(seq, node->kids[2]);
    case BLOCK_VALUE: {
        Node *block = node->kids[0];
        Node *last = block->nkids ? block->kids[block->nkids - 1] : NULL;
        return !last || last->kind != EXPRESSION || is_void(seq, last->kids[0]);
    }
    default:
        return false;
    }
}

static bool is_bit_field(Seq *seq, Node *node)
{
    node = strip(node);
    return (node->kind == DOT || node->kind == ARROW) && !strncmp(seq->tokens.at[node->token].text, "bf", 2);
}

static char *value(Seq *seq, Node *node);
static char *place(Seq *seq, Node *node);
static void discard(Seq *seq, Node *node);
static void put_statement(Seq *seq, Node *node);
static void put_in_block(Seq *seq, Node *node, const char *result);

/* The initialiser's text, its operands evaluated into temporaries. */
static char *braces(Seq *seq, Node *node)
{
    Buf buf = make_buf();
    addf(&buf, "{ ");
    for (int i = 0; i < node->nkids; i++) {
        Node *item = node->kids[i], *kid = item->kids[0];
        char *text = kid->kind == BRACES ? braces(seq, kid) : value(seq, kid);
        addf(&buf, "%s%s%s%s", i ? ", " : "", text_of(seq, item->type_from, item->type_to),
             item->type_to > item->type_from ? " = " : "", text);
    }
    addf(&buf, " }");
    return buf.text;
}

/* A compound literal is an object of the block that it stands in. */
static char *compound(Seq *seq, Node *node)
{
    char *object = new_temp(seq), *type = text_of(seq, node->type_from, node->type_to);
    char *open_bound = strstr(type, "[ ]");
    /* The operands' names may not be declared yet where the object is: only the type goes there. */
    if (open_bound)
        type = textf("%.*s[%d%s", (int)(open_bound - type), type, node->kids[0]->nkids, open_bound + 2);
    addf(seq->head, "__attribute__((unused)) __typeof__%s %s;\n", type, object);
    char *text = braces(seq, node->kids[0]);
    if (strchr(type, '[')) {
        addf(seq->out, "memcpy(%s, %s%s, sizeof %s);\n", object, type, text, object);
        seq->twin->uses_memcpy = true;
    } else {
        addf(seq->out, "%s = %s%s;\n", object, type, text);
    }
    return object;
}

/* An lvalue's text in which nothing is left to be evaluated. */
static char *place(Seq *seq, Node *node)
{
    switch (node->kind) {
    case PAREN:
        return place(seq, node->kids[0]);
    case NAME:
        return text_of_node(seq, node);
    case DEREF:
        return textf("(*%s)", value(seq, node->kids[0]));
    case INDEX: {
        char *base = value(seq, node->kids[0]);
        char *index = value(seq, node->kids[1]);
        return textf("%s[%s]", base, index);
    }
    case ARROW:
        return textf("%s->%s", value(seq, node->kids[0]), seq->tokens.at[node->token].text);
    case DOT: {
        char *base = is_lvalue(node->kids[0]) ? place(seq, node->kids[0]) : value(seq, node->kids[0]);
        return textf("%s.%s", base, seq->tokens.at[node->token].text);
    }
    case COMPOUND:
        return compound(seq, node);
    case CONSTANT: /* a string */
        return text_of_node(seq, node);
    default:
        fail(seq, "not an lvalue");
    }
}

static char *call(Seq *seq, Node *node)
{
    Node *callee = strip(node->kids[0]);
    const char *name = callee->kind == NAME ? seq->tokens.at[callee->from].text : "";
    /* Functions have long names here, and pointers to them short ones. */
    char *text = strlen(name) > 2 ? text_of_node(seq, callee) : value(seq, callee);
    Buf buf = make_buf();
    addf(&buf, "%s(", text);
    for (int i = 1; i < node->nkids; i++)
        addf(&buf, "%s%s", i > 1 ? ", " : "", value(seq, node->kids[i]));
    addf(&buf, ")");
    return buf.text;
}

/* Gives a name or a constant that holds the value; all that it takes is done by then. */
static char *value(Seq *seq, Node *node)
{
    const char *op = seq->tokens.at[node->token].text;
    switch (node->kind) {
    case PAREN:
        return value(seq, node->kids[0]);
    case CONSTANT:
        return text_of_node(seq, node);
    case VERBATIM:
        return keep(seq, text_of_node(seq, node));
    case NAME: {
        const char *name = text_of_node(seq, node);
        if (isupper((unsigned char)*name) && name[1])
            return textf("%s", name);
        return keep(seq, name);
    }
    case INDEX:
    case DOT:
    case ARROW:
    case DEREF: {
        char *where = place(seq, node);
        return keep(seq, is_bit_field(seq, node) ? textf("%s + 0", where) : where);
    }
    case COMPOUND:
        return keep(seq, compound(seq, node));
    case ADDRESS:
        return keep(seq, textf("&%s", place(seq, node->kids[0])));
    case CALL:
        return keep(seq, call(seq, node));
    case AWAIT:
        return value(seq, node->kids[0]);
    case POST_STEP:
    case PRE_STEP: {
        char *where = place(seq, node->kids[0]);
        return keep(seq, textf("(%s%s%s)%s", node->kind == PRE_STEP ? op : "", where, node->kind == PRE_STEP ? "" : op,
                               is_bit_field(seq, node->kids[0]) ? " + 0" : ""));
    }
    case UNARY:
        return keep(seq, textf("%s %s", op, value(seq, node->kids[0])));
    case CAST: {
        char *operand = value(seq, node->kids[0]);
        return keep(seq, textf("%s%s", text_of(seq, node->type_from, node->type_to), operand));
    }
    case BINARY: {
        char *left = value(seq, node->kids[0]);
        char *right = value(seq, node->kids[1]);
        return keep(seq, textf("%s %s %s", left, op, right));
    }
    case ASSIGN: {
        char *right = value(seq, node->kids[1]);
        char *left = place(seq, node->kids[0]);
        return keep(seq, textf("(%s %s %s)%s", left, op, right, is_bit_field(seq, node->kids[0]) ? " + 0" : ""));
    }
    case LOGICAL: {
        char *result = new_temp(seq);
        char *left = value(seq, node->kids[0]);
        bool is_and = !strcmp(op, "&&");
        addf(seq->out, "int %s = %d;\nif (%s%s) {\n", result, !is_and, is_and ? "" : "!", left);
        char *right = value(seq, node->kids[1]);
        addf(seq->out, "%s = !!%s;\n}\n", result, right);
        return result;
    }
    case COND: {
        char *result = new_temp(seq);
        addf(seq->out, "__typeof__(%s) %s;\n", text_of_node(seq, node), result);
        char *test = value(seq, node->kids[0]);
        addf(seq->out, "if (%s) {\n", test);
        char *yes = node->kids[1] ? value(seq, node->kids[1]) : test;
        addf(seq->out, "%s = %s;\n} else {\n", result, yes);
        char *no = value(seq, node->kids[2]);
        addf(seq->out, "%s = %s;\n}\n", result, no);
        return result;
    }
    case COMMA:
        discard(seq, node->kids[0]);
        return value(seq, node->kids[1]);
    case BLOCK_VALUE: {
        char *result = new_temp(seq);
        addf(seq->out, "__typeof__(%s) %s;\n", text_of_node(seq, node), result);
        put_in_block(seq, node->kids[0], result);
        return result;
    }
    default:
        fail(seq, "not an expression");
    }
}

static void discard(Seq *seq, Node *node)
{
    node = strip(node);
    if (!is_void(seq, node)) {
        char *unused = value(seq, node);
        addf(seq->out, "(void)%s;\n", unused);
        return;
    }
    switch (node->kind) {
    case AWAIT:
        discard(seq, node->kids[0]);
        break;
    case CALL: {
        char *text = call(seq, node);
        addf(seq->out, "%s;\n", text);
        break;
    }
    case CAST:
        discard(seq, node->kids[0]);
        break;
    case COMMA:
        discard(seq, node->kids[0]);
        discard(seq, node->kids[1]);
        break;
    case COND: {
        char *test = value(seq, node->kids[0]);
        addf(seq->out, "if (%s) {\n", test);
        discard(seq, node->kids[1]);
        addf(seq->out, "} else {\n");
        discard(seq, node->kids[2]);
        addf(seq->out, "}\n");
        break;
    }
    default: /* BLOCK_VALUE */
        put_in_block(seq, node->kids[0], NULL);
    }
}

/* A statement in braces of its own; a block's last expression goes to @p result, if there is one. */
static void put_in_block(Seq *seq, Node *node, const char *result)
{
    Buf head = make_buf(), body = make_buf(), *out = seq->out, *outer_head = seq->head;
    seq->out = &body;
    seq->head = &head;
    if (node->kind != BLOCK) {
        put_statement(seq, node);
    } else {
        for (int i = 0; i < node->nkids; i++) {
            if (result && i + 1 == node->nkids) {
                char *last = value(seq, node->kids[i]->kids[0]);
                addf(seq->out, "%s = %s;\n", result, last);
            } else {
                put_statement(seq, node->kids[i]);
            }
        }
    }
    seq->out = out;
    seq->head = outer_head;
    addf(out, "{\n%s%s}\n", head.text, body.text);
}

static void put_declarator(Seq *seq, const char *type, Node *d)
{
    /* Bounds become temporaries; the text of the declarator is put together around them. */
    Buf text = make_buf();
    int from = d->type_from;
    bool is_static = !strncmp(type, "static", 6);
    for (int i = 1; i < d->nkids; i++) {
        Node *bound = d->kids[i];
        if (bound->kind == CONSTANT || is_static)
            continue;
        char *count = value(seq, bound);
        addf(&text, "%s %s ", text_of(seq, from, bound->from), count);
        from = bound->to;
    }
    addf(&text, "%s", text_of(seq, from, d->type_to));
    Node *init = d->kids[0];
    char *initial = NULL;
    if (init && is_static)
        initial = text_of_node(seq, init);
    else if (init)
        initial = init->kind == BRACES ? braces(seq, init) : value(seq, init);
    addf(seq->out, "%s %s%s%s;\n", type, text.text, initial ? " = " : "", initial ? initial : "");
}

static void put_loop(Seq *seq, Node *condition, Node *step, Node *body, bool test_first)
{
    int outer = seq->continue_label;
    int label = ++seq->nlabels;
    seq->continue_label = label;
    addf(seq->out, "for (;;) {\n");
    if (condition && test_first) {
        char *test = value(seq, condition);
        addf(seq->out, "if (!%s) break;\n", test);
    }
    put_in_block(seq, body, NULL);
    addf(seq->out, "next%d: __attribute__((unused));\n", label);
    if (step)
        discard(seq, step);
    if (condition && !test_first) {
        char *test = value(seq, condition);
        addf(seq->out, "if (!%s) break;\n", test);
    }
    addf(seq->out, "}\n");
    seq->continue_label = outer;
}

static void put_statement(Seq *seq, Node *node)
{
    switch (node->kind) {
    case EXPRESSION:
        discard(seq, node->kids[0]);
        break;
    case DECLARATION: {
        char *type = text_of(seq, node->type_from, node->type_to);
        if (!node->nkids)
            addf(seq->out, "%s;\n", type);
        if (node->nkids > 1 && strchr(type, '{'))
            fail(seq, "a struct is defined and used by several declarators");
        for (int i = 0; i < node->nkids; i++)
            put_declarator(seq, type, node->kids[i]);
        break;
    }
    case IF: {
        char *test = value(seq, node->kids[0]);
        addf(seq->out, "if (%s)\n", test);
        put_in_block(seq, node->kids[1], NULL);
        if (node->kids[2]) {
            addf(seq->out, "else\n");
            put_in_block(seq, node->kids[2], NULL);
        }
        break;
    }
    case WHILE:
        put_loop(seq, node->kids[0], NULL, node->kids[1], true);
        break;
    case DO:
        put_loop(seq, node->kids[1], NULL, node->kids[0], false);
        break;
    case FOR:
        addf(seq->out, "{\n");
        if (node->kids[0] && node->kids[0]->kind == DECLARATION)
            put_statement(seq, node->kids[0]);
        else if (node->kids[0])
            discard(seq, node->kids[0]);
        put_loop(seq, node->kids[1], node->kids[2], node->kids[3], true);
        addf(seq->out, "}\n");
        break;
    case SWITCH: {
        char *test = value(seq, node->kids[0]);
        addf(seq->out, "switch (%s)\n", test);
        put_in_block(seq, node->kids[1], NULL);
        break;
    }
    case RETURN:
        if (node->kids[0]) {
            if (is_void(seq, node->kids[0]))
                fail(seq, "a void value is returned");
            char *result = value(seq, node->kids[0]);
            addf(seq->out, "return %s;\n", result);
        } else {
            addf(seq->out, "return;\n");
        }
        break;
    case BLOCK:
        put_in_block(seq, node, NULL);
        break;
    case LABEL:
        addf(seq->out, "%s: __attribute__((unused));\n", seq->tokens.at[node->from].text);
        break;
    case CASE:
        addf(seq->out, "%s;\n", text_of(seq, node->type_from, node->type_to));
        break;
    case JUMP:
        if (same(seq->tokens.at[node->from], "continue"))
            addf(seq->out, "goto next%d;\n", seq->continue_label);
        else
            addf(seq->out, "%s\n", text_of_node(seq, node));
        break;
    case FALLTHROUGH:
        addf(seq->out, "%s\n", text_of_node(seq, node));
        break;
    case EMPTY:
        addf(seq->out, ";\n");
        break;
    default:
        fail(seq, "not a statement");
    }
}

Twin write_twin(const char *functions, const Macro *macros)
{
    Twin twin = { 0 };
    Seq seq = { .macros = macros, .twin = &twin };
    Tokens plain = split_tokens(functions);
    seq.tokens = expand(&seq, &plain, NULL);
    add_token(&seq.tokens, (Token){ TOKEN_END, "the end" });
    Buf out = make_buf(), head = make_buf();
    if (setjmp(seq.failed))
        return twin;
    while (peek(&seq).kind != TOKEN_END) {
        int from = seq.at;
        while (!sees(&seq, "{")) {
            if (sees(&seq, "("))
                skip_balanced(&seq);
            else
                seq.at++;
            if (peek(&seq).kind == TOKEN_END)
                fail(&seq, "expected a function");
        }
        int to = seq.at;
        seq.locals.count = 0;
        Node *body = parse_block(&seq);
        find_effects(&seq, body);
        addf(&out, "%s\n", text_of(&seq, from, to));
        seq.out = &out;
        seq.head = &head;
        seq.ntemps = 0;
        put_in_block(&seq, body, NULL);
    }
    twin.text = out.text;
    return twin;
}

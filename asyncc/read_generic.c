/* read_generic.c - _Generic with awaits in what it chooses from, and calls of what it chooses.
 *
 *     _Generic(x, int: await fi(x), char *: await fs(x))        await _Generic(x, int: fi, char *: fs)(x)
 *
 * Only what is chosen is evaluated, and libclang doesn't say which that is. So the next parse is asked, by a
 * probe around the control, whose size tells:
 *
 *     _Generic(((void)sizeof(char[1 + _Generic(x, int: 0, char *: 1)]), x), int: ..., char *: ...)
 *
 * The output has the same expression, with what isn't chosen replaced by something that no compiler lets pass
 * where it's evaluated: one that chooses otherwise is told so. Without an await, all that may be chosen counts as
 * read, and nothing of it as done for sure. */
#include "read.h"
#include <string.h>

static const char probe[] = "((void)sizeof(char[1 + _Generic(";

/* An association, `int: fi(x)`; the offsets are those of its expression. */
typedef struct Choice {
    int from, to;
} Choice;

typedef struct Choices {
    int control_from, control_to;
    Choice *v;
    int n, room;
} Choices;

/* To the first of the marks that isn't in brackets; to `end` of the text if there's none. */
static int find_mark(const char *text, int at, int end, const char *a, const char *b)
{
    for (Token token = next_token(text, at, end); token.kind != T_END; token = next_token(text, token.to, end)) {
        if (token_is(text, token, a) || token_is(text, token, b))
            return token.from;
        if (token.kind == T_DIRECTIVE)
            return end;
        if (token_is(text, token, "(") || token_is(text, token, "[") || token_is(text, token, "{")) {
            int close = find_closing(text, token.from, end);
            if (close < 0)
                return end;
            token.to = close + 1;
        }
    }
    return end;
}

static int before_blanks(const char *text, int from, int to)
{
    while (to > from && strchr(" \t\n", text[to - 1]))
        to--;
    return to;
}

/* As the text has it. False where macros or directives have a part in it. */
static bool find_choices(Reader *r, int at, Choices *found)
{
    const char *text = r->tu->source->text;
    int size = r->tu->source->size;
    Token word = next_token(text, at, size), open = next_token(text, word.to, size);
    int close = token_is(text, word, "_Generic") && token_is(text, open, "(") ? find_closing(text, open.from, size) : -1;
    if (close < 0)
        return false;
    found->control_from = skip_blank(text, open.to, close);
    int comma = find_mark(text, open.to, close, ",", ",");
    found->control_to = before_blanks(text, open.to, comma);
    while (comma < close) {
        int colon = find_mark(text, comma + 1, close, ":", ":");
        if (colon == close)
            return false;
        comma = find_mark(text, colon + 1, close, ",", ",");
        int from = skip_blank(text, colon + 1, comma);
        *push(r->arena, found->v, found->n, found->room) = (Choice){ from, before_blanks(text, from, comma) };
    }
    return true;
}

static bool has_await_word(const Tu *tu, int from, int to)
{
    const Words *words = &tu->source->words;
    for (int i = first_word(tu->source, from); i < words->n && words->v[i].at < to; i++)
        if (word_at(tu, words->v[i].at, "await"))
            return true;
    return false;
}

/* What the parse answered; -1: it wasn't asked yet; -2: it had no answer, for there are errors. */
static int probed_choice(Reader *r, CXCursor control, const Choices *choices)
{
    int at = choices->control_from;
    if (!word_at(r->tu, at, probe) || !is_made_text(r->tu->source, at))
        return -1;
    CXCursor size = core(r, control);
    while (clang_getCursorKind(size) != CXCursor_UnaryExpr) { /* through the comma and the cast */
        Kids kids = children(r, size);
        if (!kids.n)
            return -2;
        size = core(r, kids.v[0]);
    }
    CXEvalResult value = clang_Cursor_Evaluate(size);
    int choice = value && clang_EvalResult_getKind(value) == CXEval_Int ? clang_EvalResult_getAsInt(value) - 1 : -2;
    if (value)
        clang_EvalResult_dispose(value);
    return choice >= 0 && choice < choices->n ? choice : -2;
}

static void ask(Reader *r, const Choices *choices)
{
    Tu *tu = r->tu;
    const char *text = tu->source->text;
    int from = choices->control_from, at = choices->control_to;
    for (int i = 0, type = at; i < choices->n; type = choices->v[i++].to)
        if (memchr(text + type, '{', (size_t)(choices->v[i].from - type))) {
            int begin = skip_blank(text, type + 1, choices->v[i].from);
            report(tu, ERROR, begin, choices->v[i].from, "a type that is defined in a _Generic that awaits is not supported");
            return;
        }
    for (int i = 0; i < tu->ninserts; i++)
        if (tu->inserts[i].from == from)
            return; /* asked for already: its awaits were read twice */
    Buf open = { .arena = r->arena };
    add(&open, probe);
    add_bytes(&open, text + from, (size_t)(at - from));
    for (int i = 0; i < choices->n; at = choices->v[i++].to) {
        add_bytes(&open, text + at, (size_t)(choices->v[i].from - at));
        add_format(&open, "%d", i);
    }
    add(&open, ")]), ");
    ask_insert(tu, from, open.text);
    ask_insert(tu, choices->control_to, ")");
}

static void report_untold(Reader *r, const Node *node)
{
    report(r->tu, ERROR, node->from, node->to, "what this _Generic chooses can't be told");
}

static Node *read_unevaluated_kid(Reader *r, CXCursor c)
{
    bool before = r->unevaluated;
    r->unevaluated = true;
    Node *node = new_node(r, N_UNEVALUATED, c), *kid = read_expr(r, c);
    r->unevaluated = before;
    add_kid(r, node, kid);
    node->type = kid->type;
    return node;
}

/* What the probe stands around. */
static void find_control(const Tu *tu, Node *control, const Choices *choices)
{
    const char *text = tu->source->text;
    int close = choices->control_to - 1, comma = find_mark(text, choices->control_from + 1, close, ",", ",");
    control->from = skip_blank(text, comma + 1, close);
    control->to = close;
}

/* Which of them is chosen is known: choice, or none of their values is wanted. */
static Node *read_chosen(Reader *r, Node *node, const CXCursor *kids, const Choices *choices, int choice, bool for_name)
{
    node->op = 'G';
    node->args_from = choices->control_from;
    node->args_to = choices->control_to;
    add_kid(r, node, read_unevaluated_kid(r, kids[0]));
    find_control(r->tu, node->kids[0], choices);
    for (int i = 0; i < choices->n; i++) {
        Node *kid = i == choice && !for_name ? read_expr(r, kids[i + 1]) : read_unevaluated_kid(r, kids[i + 1]);
        if (i == choice)
            node->type = kid->type;
        if (i == choice && !for_name)
            node->is_lvalue = kid->is_lvalue;
        if (kid->kind == N_UNEVALUATED && (i != choice || for_name)) {
            kid->op = i == choice ? 'y' : 'n';
            kid->from = choices->v[i].from;
            kid->to = choices->v[i].to;
        }
        add_kid(r, node, kid);
    }
    return node;
}

static int expressions(Reader *r, CXCursor c, CXCursor **found)
{
    Kids kids = children(r, c);
    int n = 0;
    *found = take(r->arena, ((size_t)kids.n + 1) * sizeof **found);
    for (int i = 0; i < kids.n; i++)
        if (is_expr(kids.v[i]))
            (*found)[n++] = kids.v[i];
    return n;
}

Node *read_generic(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_OTHER, c);
    CXCursor *kids;
    int n = expressions(r, c, &kids);
    Choices choices = { 0 };
    bool known = node->from >= 0 && !node->in_macro && !find_call(r->tu, node->from) && find_choices(r, node->from, &choices) &&
                 (n == choices.n || n == choices.n + 1);
    bool has_control = !known || n == choices.n + 1; /* newer compilers take a type there */
    if (known && r->fn && !r->unevaluated && has_await_word(r->tu, choices.control_to, node->to)) {
        int choice = has_control ? probed_choice(r, kids[0], &choices) : -1;
        if (choice >= 0)
            return read_chosen(r, node, kids, &choices, choice, false);
        if (choice == -2)
            report_untold(r, node);
        else if (has_control)
            ask(r, &choices);
        else
            report(r->tu, ERROR, node->from, node->to, "an await in a _Generic that is controlled by a type is not supported");
    }
    if (has_control && n)
        check_selection(r, c, kids[0]);
    for (int i = 0; i < n; i++) {
        /* In a macro it isn't known what the first one is. It may be evaluated, like the others. */
        if (i == 0 && known && has_control) {
            add_kid(r, node, read_unevaluated_kid(r, kids[i]));
            continue;
        }
        Node *may = new_node(r, N_OTHER, kids[i]), *kid = read_expr(r, kids[i]);
        may->op = 'u';
        may->type = kid->type;
        may->is_lvalue = kid->is_lvalue;
        add_kid(r, may, kid);
        add_kid(r, node, may);
    }
    if (node->has_await && !known && !r->tu->nhard)
        report(r->tu, ERROR, node->from, node->to, "an await in a _Generic with directives or macros in its list is not supported");
    return node;
}

bool chooses_function(Reader *r, CXCursor c, CXCursor *chosen)
{
    CXCursor *kids;
    int n = expressions(r, c, &kids), from = offset_of(r, clang_getRangeStart(clang_getCursorExtent(c)));
    Choices choices = { 0 };
    if (!r->fn || from < 0 || find_call(r->tu, from) || !find_choices(r, from, &choices) || n != choices.n + 1)
        return false;
    int choice = probed_choice(r, kids[0], &choices);
    if (choice == -1)
        ask(r, &choices);
    else if (choice < 0)
        report_untold(r, new_node(r, N_OTHER, c));
    else
        *chosen = core(r, kids[choice + 1]);
    return choice >= 0;
}

Node *read_choice_of_function(Reader *r, CXCursor c)
{
    Node *node = new_node(r, N_OTHER, c);
    CXCursor *kids;
    int n = expressions(r, c, &kids);
    for (int i = 1; i < n; i++)
        mark_called(r, core(r, kids[i])); /* or not at all */
    Choices choices = { 0 };
    find_choices(r, node->from, &choices);
    return read_chosen(r, node, kids, &choices, probed_choice(r, kids[0], &choices), true);
}

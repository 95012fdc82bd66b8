/* emit.c - what people and tools are told of frames and state machines. */
#include "model.h"

/* Gives the model a text: its nodes point into it by from_text(). */
static void set_text(const char *text)
{
    File *file = take(tu->arena, sizeof *file);
    *file = (File){ .path = "t.ac", .quoted = "\"t.ac\"", .text = text, .size = (int)strlen(text) };
    file->line_at = take(tu->arena, sizeof *file->line_at * (strlen(text) + 1));
    file->nlines = 1;
    for (int i = 0; text[i]; i++)
        if (text[i] == '\n')
            file->line_at[file->nlines++] = i + 1;
    Source *source = take(tu->arena, sizeof *source);
    Seg *seg = take(tu->arena, sizeof *seg);
    *seg = (Seg){ .file = file };
    *source = (Source){ .text = text, .parse = text, .size = file->size, .segs = seg, .nsegs = 1 };
    tu->source = source;
    tu->main_file = file;
}

static Node *from_text(const char *words, Node *node)
{
    const char *found = strstr(tu->source->text, words);
    ck_assert_ptr_nonnull(found);
    node->from = (int)(found - tu->source->text);
    node->to = node->from + (int)strlen(words);
    return node;
}

static void analyse(Node *body)
{
    function(body);
    order_calls(tu);
    build_cfg(fn);
    find_live_locals(fn);
    lay_out_frame(fn);
}

/* The edge between two states: "-" if there is none, "" if it has no condition. */
static const char *edge(int from, int to)
{
    int nedges;
    const Edge *edges = find_edges(fn, &nedges);
    Buf buf = { .arena = tu->arena };
    for (int i = 0; i < nedges; i++) {
        if (edges[i].from != from || edges[i].to != to)
            continue;
        add(&buf, "");
        for (int k = 0; k < edges[i].npaths; k++)
            add_format(&buf, "%s%s", k ? " | " : "", edges[i].paths[k]);
        if (edges[i].more)
            add(&buf, " | ...");
        return buf.text;
    }
    return "-";
}

START_TEST(one_line_has_neither_comments_nor_newlines)
{
    set_text("a +\n    /* of \" all */ b // c\n * d");
    ck_assert_str_eq(one_line(tu, 0, tu->source->size), "a + b * d");
    ck_assert_str_eq(one_line(tu, 0, 100), "");
}
END_TEST

START_TEST(the_table_names_lines_and_shares)
{
    set_text("async int f(int n)\n{\n    await g();\n    return n;\n}\n");
    Local *n = param("n", int_type);
    analyse(list(from_text("await g()", drop(await(leaf("g", 16, 8)))), node(N_RETURN, use(n))));
    emit_frames(tu);
    ck_assert_str_eq(tu->out.text, "f: 24 bytes, align 8\n"
                                   "  offset  size  field                 live\n"
                                   "       0    16  struct g__frame g__1  3:await g\n"
                                   "       0     4  int result            end\n"
                                   "      16     4  int n                 start, 3:await g\n"
                                   "      20     1  unsigned char state   always\n");
}
END_TEST

START_TEST(a_loop_is_an_edge_with_its_test)
{
    set_text("n > 0");
    Local *n = param("n", int_type);
    Node *test = from_text("n > 0", node(N_OTHER, use(n)));
    analyse(list(node(N_WHILE, test, list(drop(await(leaf("g", 8, 8)))))));
    ck_assert_str_eq(edge(0, 1), "n > 0");
    ck_assert_str_eq(edge(0, 2), "!(n > 0)");
    ck_assert_str_eq(edge(1, 1), "n > 0");
    ck_assert_str_eq(edge(1, 2), "!(n > 0)");
}
END_TEST

START_TEST(tests_that_decide_nothing_are_not_shown)
{
    set_text("verbose x");
    Local *v = param("verbose", int_type), *x = param("x", int_type);
    Node *statements[40];
    for (int i = 0; i < 38; i++) /* 2 to the 38th ways */
        statements[i] = node(N_IF, from_text("verbose", use(v)), assign(at(x), constant()), NULL);
    statements[38] = node(N_IF, from_text("x", use(x)), drop(await(leaf("g", 8, 8))), NULL);
    statements[39] = node(N_WHILE, from_text("verbose", use(v)), use(x));
    analyse(make_node(N_COMPOUND, 40, statements));
    ck_assert_str_eq(edge(0, 1), "x");
    ck_assert_str_eq(edge(0, 2), "!x");
    ck_assert_str_eq(edge(1, 2), "");
}
END_TEST

START_TEST(short_circuits_and_cases_are_conditions)
{
    set_text("a b case 1: case 2: default:");
    Local *a = param("a", int_type), *b = param("b", int_type);
    Fn *g = leaf("g", 8, 8);
    Node *one = from_text("case 1:", node(N_CASE, drop(await(g))));
    Node *other = from_text("default:", node(N_CASE, drop(await(g))));
    other->op = 'd';
    one->kids[0]->from = one->to;
    analyse(list(node(N_IF, node(N_AND, from_text("a", use(a)), drop(await(g))), drop(await(g)), NULL),
                 node(N_SWITCH, from_text("b", use(b)), list(one, bare(N_BREAK), other))));
    /* states: 1 and 2 in the switch, since they are made first; 3 in the test, 4 below it */
    ck_assert_str_eq(edge(0, 3), "a");
    ck_assert_str_eq(edge(0, 1), "!a && case 1");
    ck_assert_str_eq(edge(0, 2), "!a && default");
    ck_assert_str_eq(edge(4, 1), "case 1");
    ck_assert_str_eq(edge(1, 5), "");
}
END_TEST

START_TEST(every_edge_is_there_however_many_ways_there_are)
{
    set_text("c");
    Local *c = param("c", int_type);
    Fn *g = leaf("g", 8, 8);
    Node *statements[30];
    for (int i = 0; i < 30; i++) /* each may await, so each decides */
        statements[i] = node(N_IF, from_text("c", use(c)), drop(await(g)), NULL);
    analyse(make_node(N_COMPOUND, 30, statements));
    for (int to = 1; to <= 31; to++)
        ck_assert_str_ne(edge(0, to), "-");
    ck_assert_str_eq(edge(0, 3), "!c && !c && c");
    ck_assert_str_eq(edge(0, 20), "... && !c && !c && !c && !c && !c && !c && !c && c"); /* 12 more before them */
}
END_TEST

START_TEST(exponentially_many_ways_are_cut_off)
{
    set_text("c");
    Local *c = param("c", int_type);
    Fn *g = leaf("g", 8, 8);
    /* if (c) { if (c) goto out; } 20 times: out or next, by two tests each; then an await behind each */
    Node *statements[41];
    for (int i = 0; i < 20; i++) {
        Node *inner = node(N_IF, from_text("c", use(c)), jump("out"), node(N_IF, from_text("c", use(c)), use(c), NULL));
        statements[i] = node(N_IF, from_text("c", use(c)), inner, NULL);
    }
    statements[20] = drop(await(g));
    statements[21] = label("out", bare(N_EMPTY));
    analyse(make_node(N_COMPOUND, 22, statements));
    ck_assert_str_ne(edge(0, 1), "-");
    ck_assert_str_ne(edge(0, 2), "-");
    ck_assert_uint_lt(strlen(edge(0, 1)), 2000);
}
END_TEST

START_TEST(dot_quotes_what_it_shows)
{
    set_text("s == \"a\\n\"");
    Local *s = param("s", pointer_type);
    analyse(list(node(N_IF, from_text("s == \"a\\n\"", node(N_OTHER, use(s))), drop(await(leaf("g", 8, 8))), NULL)));
    emit_dot(tu);
    ck_assert_ptr_nonnull(strstr(tu->out.text, "\"f:0\" -> \"f:1\" [label=\"s == \\\"a\\\\n\\\"\"];\n"));
    ck_assert_ptr_nonnull(strstr(tu->out.text, "\"f:0\" -> \"f:done\" [label=\"!(s == \\\"a\\\\n\\\")\"];\n"));
    ck_assert_ptr_nonnull(strstr(tu->out.text, "\"f:1\" -> \"f:done\";\n"));
}
END_TEST

/* ---- a reader of JSON that only checks the syntax ---- */

static const char *skip_value(const char *p);

static const char *skip_space(const char *p) { return p + strspn(p, " \n"); }

static const char *skip_string(const char *p)
{
    ck_assert_int_eq(*p++, '"');
    while (*p != '"') {
        ck_assert_int_ge((unsigned char)*p, ' ');
        if (*p++ == '\\') {
            ck_assert_ptr_nonnull(strchr("\"\\u", *p));
            p += *p == 'u' ? 5 : 1;
        }
    }
    return p + 1;
}

static const char *skip_list(const char *p, char end, bool keys)
{
    p = skip_space(p + 1);
    for (bool first = true; *p != end; first = false) {
        if (!first) {
            ck_assert_int_eq(*p, ',');
            p = skip_space(p + 1);
        }
        if (keys) {
            p = skip_space(skip_string(p));
            ck_assert_int_eq(*p++, ':');
        }
        p = skip_space(skip_value(p));
    }
    return p + 1;
}

static const char *skip_value(const char *p)
{
    p = skip_space(p);
    if (*p == '{')
        return skip_list(p, '}', true);
    if (*p == '[')
        return skip_list(p, ']', false);
    if (*p == '"')
        return skip_string(p);
    size_t size = strspn(p, "-0123456789truefalsn");
    ck_assert_uint_gt(size, 0);
    return p + size;
}

START_TEST(json_is_valid_whatever_the_source_holds)
{
    set_text("c == '\\x' /* */ + \"\xff\xe4\xb8\xad\t\"");
    Local *c = param("c", int_type);
    analyse(list(node(N_IF, from_text("c == '\\x' /* */ + \"\xff\xe4\xb8\xad\t\"", use(c)),
                      from_text("c", drop(await(leaf("g", 8, 8)))), NULL),
                 use(c)));
    emit_json(tu);
    const char *end = skip_space(skip_value(tu->out.text));
    ck_assert_int_eq(*end, '\0');
    ck_assert_ptr_nonnull(strstr(tu->out.text, "\"c == '\\\\x' + \\\"\\ufffd\xe4\xb8\xad\\u0009\\\"\""));
    ck_assert_ptr_nonnull(strstr(tu->out.text, "\"calls\": [\"g\"]"));
    ck_assert_ptr_nonnull(strstr(tu->out.text, "{\"state\": 2, \"kind\": \"done\"}"));
}
END_TEST

START_TEST(a_file_without_async_functions_has_empty_outputs)
{
    tu->nfns = 0;
    emit_frames(tu);
    emit_json(tu);
    skip_value(tu->out.text);
    tu->out.size = 0;
    emit_dot(tu);
    ck_assert_str_eq(tu->out.text, "digraph asyncc {\n    node [shape=box];\n}\n");
}
END_TEST

RUN_CASES("emit", &one_line_has_neither_comments_nor_newlines, &the_table_names_lines_and_shares,
          &a_loop_is_an_edge_with_its_test, &tests_that_decide_nothing_are_not_shown,
          &short_circuits_and_cases_are_conditions, &every_edge_is_there_however_many_ways_there_are,
          &exponentially_many_ways_are_cut_off, &dot_quotes_what_it_shows, &json_is_valid_whatever_the_source_holds,
          &a_file_without_async_functions_has_empty_outputs)

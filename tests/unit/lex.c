/* lex.c - tokens of text as it stands, closing brackets, keywords replaced. */
#include "asyncc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;

static void set_up(void) { arena = new_arena(); }
static void tear_down(void) { free_arena(arena); }

/* "nx p= n2 s"a"": a letter for the kind and the spelling of each token. */
static const char *tokens(const char *text)
{
    static const char kinds[] = { [T_NAME] = 'n', [T_NUMBER] = '1', [T_STRING] = 's',
                                  [T_CHAR] = 'c', [T_PUNCT] = 'p',  [T_DIRECTIVE] = 'd' };
    Buf buf = { .arena = arena };
    int end = (int)strlen(text);
    add(&buf, "");
    for (Token t = next_token(text, 0, end); t.kind != T_END; t = next_token(text, t.to, end)) {
        ck_assert_int_gt(t.to, t.from);
        add_format(&buf, "%s%c%.*s", buf.size ? " " : "", kinds[t.kind], t.to - t.from, text + t.from);
    }
    return buf.text;
}

START_TEST(tokens_are_as_long_as_they_can_be)
{
    ck_assert_str_eq(tokens("a+++b->c...d<<=2"), "na p++ p+ nb p-> nc p... nd p<<= 12");
    ck_assert_str_eq(tokens("x=.5e+3.q 0x1p-3 1'000 1..2"), "nx p= 1.5e+3.q 10x1p-3 11'000 11..2");
    ck_assert_str_eq(tokens("a<:0:>b%:c"), "na p<: 10 p:> nb p%: nc");
    ck_assert_str_eq(tokens("$a \xC3\xA9t\xC3\xA9 \\u00e9x"), "n$a n\xC3\xA9t\xC3\xA9 n\\u00e9x");
}
END_TEST

START_TEST(strings_and_characters_have_prefixes_and_escapes)
{
    ck_assert_str_eq(tokens("L\"a\\\"b\" u8\"c\" U'\\'' u'x' R\"y\""),
                     "sL\"a\\\"b\" su8\"c\" cU'\\'' cu'x' nR s\"y\"");
    ck_assert_str_eq(tokens("\"/* // */\" a"), "s\"/* // */\" na");
}
END_TEST

START_TEST(comments_are_skipped)
{
    ck_assert_str_eq(tokens("a/**/b // c\nd /* e\n f */ g // h \\\n i\nj"), "na nb nd ng nj");
    ck_assert_str_eq(tokens("a /\\\n* b *\\\n/ c"), "na nc");
}
END_TEST

START_TEST(what_is_not_closed_ends_with_its_line)
{
    ck_assert_str_eq(tokens("\"abc\nd 'e\nf"), "s\"abc nd c'e nf");
    ck_assert_str_eq(tokens("a /* b"), "na");
    ck_assert_str_eq(tokens("a \"b"), "na s\"b");
    ck_assert_str_eq(tokens("a \"b\\"), "na s\"b\\");
    ck_assert_str_eq(tokens("'"), "c'");
}
END_TEST

START_TEST(a_directive_is_one_token_up_to_its_newline)
{
    ck_assert_str_eq(tokens("#if A // b\nc"), "d#if A // b nc");
    ck_assert_str_eq(tokens("  # define X \\\n 1 /* \n */ 2\nc"), "d# define X \\\n 1 /* \n */ 2 nc");
    ck_assert_str_eq(tokens("a #b\n/* x */ #c\r\nd"), "na p# nb d#c nd");
    ck_assert_str_eq(tokens("%:define X\n#include <a//b'c>\nd"), "d%:define X d#include <a//b'c> nd");
    ck_assert_str_eq(tokens("#error don't /* x\ny"), "d#error don't /* x ny");
    ck_assert_str_eq(tokens("#"), "d#");
}
END_TEST

START_TEST(a_joined_line_is_one_line)
{
    ck_assert_str_eq(tokens("ab\\\ncd -\\\n>e"), "nab\\\ncd p-\\\n> ne");
    Token t = next_token("as\\\nync", 0, 7);
    ck_assert(token_is("as\\\nync", t, "async"));
    ck_assert(!token_is("as\\\nync", t, "asyn"));
    ck_assert(!token_is("as\\\nync", t, "asyncs"));
    ck_assert_str_eq(tokens("a \\\n#b"), "na p# nb");
}
END_TEST

/* Where the bracket at the start is closed. */
static int closing(const char *text)
{
    return find_closing(text, 0, (int)strlen(text));
}

START_TEST(a_bracket_is_closed_by_its_own_kind)
{
    ck_assert_int_eq(closing("(a[b{c}])d)"), 8);
    ck_assert_int_eq(closing("(\")\" ')' /*)*/ )"), 15);
    ck_assert_int_eq(closing("{\n#define X }\n}"), 14);
    ck_assert_int_eq(closing("<% a %>"), 5);
    ck_assert_int_eq(closing("(a]"), -1);
    ck_assert_int_eq(closing("(a"), -1);
    ck_assert_int_eq(closing("a)"), -1);
    ck_assert_int_eq(closing(""), -1);
}
END_TEST

START_TEST(branches_of_a_conditional_are_alternatives)
{
    const char *text = "{\n#if A\nif (a) {\n#else\nif (b) {\n#endif\n} }";
    ck_assert_int_eq(closing(text), (int)strlen(text) - 1);
}
END_TEST

static const char *replaced(const char *text)
{
    Words found;
    int size;
    char *copy = replace_keywords(arena, text, (int)strlen(text), &found, &size);
    ck_assert_uint_eq(strlen(copy), (size_t)size);
    return copy;
}

START_TEST(keywords_are_replaced_where_they_are_names)
{
    ck_assert_str_eq(replaced("async int f(void) { defer g(); return await h(); }"),
                     "__attribute__((preserve_most)) int f(void) { [[clang::suppress]] g(); return __extension__ h(); }");
    ck_assert_str_eq(replaced("asyncs await_ \"await\" 'async' /* async */ // await"),
                     "asyncs await_ \"await\" 'async' /* async */ // await");
    ck_assert_str_eq(replaced("#define A(f) await f\n#if async\n"), "#define A(f) __extension__ f\n#if __attribute__((preserve_most))\n");
    ck_assert_str_eq(replaced("#include <async>\n#include \"await.h\"\n#error async\n#pragma defer\n"),
                     "#include <async>\n#include \"await.h\"\n#error async\n#pragma defer\n");
    ck_assert_str_eq(replaced("as\\\nync"), "__attribute__((preserve_most))\\\n");
    /* Next to what is passed at a glance. */
    ck_assert_str_eq(replaced("(await){await}[await];await~await?await,x await"),
                     "(__extension__){__extension__}[__extension__];__extension__~__extension__?__extension__,x __extension__");
    ck_assert_str_eq(replaced("L\"await\" f(u8'await') x\\\nawait  \n  #if 1 await\n {}/**/# await"),
                     "L\"await\" f(u8'await') x\\\nawait  \n  #if 1 __extension__\n {}/**/# __extension__");
    ck_assert_str_eq(replaced("\n /* a */ #error await\n;#error await"), "\n /* a */ #error await\n;#error __extension__");
}
END_TEST

START_TEST(members_keep_their_names)
{
    ck_assert_str_eq(replaced("a.async + b->await, .defer = await c, 1 ... await"),
                     "a.async + b->await, .defer = __extension__ c, 1 ... __extension__");
    ck_assert_str_eq(replaced("a. /* x */\n async"), "a. /* x */\n async");
}
END_TEST

START_TEST(every_keyword_is_found_with_its_stand_in)
{
    const char *text = "async int f;\n#define A await\nx = aw\\\nait f();";
    Words found;
    int size;
    const char *copy = replace_keywords(arena, text, (int)strlen(text), &found, &size);
    ck_assert_int_eq(found.n, 3);
    static const char *const stand_ins[] = { "__attribute__((preserve_most))", "__extension__", "__extension__\\\n" };
    static const int places[] = { 0, 23, 33 };
    for (int i = 0; i < 3; i++) {
        const Word *word = &found.v[i];
        ck_assert_int_eq(word->parse_size, (int)strlen(stand_ins[i]));
        ck_assert(!strncmp(copy + word->parse_at, stand_ins[i], strlen(stand_ins[i])));
        ck_assert_int_eq(word->at, places[i]);
        ck_assert_int_eq(word->size, i == 2 ? 7 : 5);
        ck_assert_int_eq(word->in_directive, i == 1);
    }
}
END_TEST

START_TEST(no_text_of_few_characters_makes_it_read_beyond)
{
    /* Every text of up to four of these; the copy ends where an allocation does, for the sanitizer. */
    static const char set[] = "#\"'\\/*\n\r.a%<";
    enum { N = sizeof set - 1 };
    for (int length = 0; length <= 4; length++) {
        int count = 1;
        for (int i = 0; i < length; i++)
            count *= N;
        for (int k = 0; k < count; k++) {
            char *text = malloc((size_t)length + 1);
            for (int i = 0, rest = k; i < length; i++, rest /= N)
                text[i] = set[rest % N];
            char *exact = malloc(length ? (size_t)length : 1);
            memcpy(exact, text, (size_t)length);
            int steps = 0;
            for (Token t = next_token(exact, 0, length); t.kind != T_END; t = next_token(exact, t.to, length))
                ck_assert_int_le(++steps, length);
            find_closing(exact, 0, length);
            skip_blank(exact, 0, length);
            free(exact);
            free(text);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lex");
    TCase *tests = tcase_create("lex");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, tokens_are_as_long_as_they_can_be);
    tcase_add_test(tests, strings_and_characters_have_prefixes_and_escapes);
    tcase_add_test(tests, comments_are_skipped);
    tcase_add_test(tests, what_is_not_closed_ends_with_its_line);
    tcase_add_test(tests, a_directive_is_one_token_up_to_its_newline);
    tcase_add_test(tests, a_joined_line_is_one_line);
    tcase_add_test(tests, a_bracket_is_closed_by_its_own_kind);
    tcase_add_test(tests, branches_of_a_conditional_are_alternatives);
    tcase_add_test(tests, keywords_are_replaced_where_they_are_names);
    tcase_add_test(tests, members_keep_their_names);
    tcase_add_test(tests, every_keyword_is_found_with_its_stand_in);
    tcase_add_test(tests, no_text_of_few_characters_makes_it_read_beyond);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}

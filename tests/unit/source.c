/* source.c - pasted headers, places, changes; and what is made of a source: elided text, expanded macros. */
#include "text.h"

/* Each segment: "path:line" of its first byte, with ! where it was made. */
static const char *segments(const Source *source)
{
    Buf buf = { .arena = tu.arena };
    add(&buf, "");
    for (int i = 0; i < source->nsegs; i++) {
        ck_assert(i == 0 ? source->segs[i].at == 0 : source->segs[i].at > source->segs[i - 1].at);
        Place place = place_of(source, source->segs[i].at);
        add_format(&buf, "%s%s:%d%s", i ? " " : "", place.file->path, place.line, source->segs[i].made ? "!" : "");
    }
    ck_assert_int_eq((int)strlen(source->text), source->size);
    ck_assert_int_eq((int)strlen(source->parse), source->parse_size);
    return buf.text;
}

START_TEST(offsets_of_the_parse_are_those_of_the_text)
{
    const Source *s = read_text("async int f(void) { return await g() + await h(); }");
    const char *parse = s->parse;
    int hint = 0;
    ck_assert_int_eq(text_offset(s, 0, &hint), 0);
    ck_assert_int_eq(text_offset(s, 3, &hint), 3);
    ck_assert_int_eq(text_offset(s, 20, &hint), 4); /* in the attribute: the last letter of async */
    static const char *const words[] = { "int f", "g()", "h()", "return", " g()", "}" };
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(text_offset(s, (int)(strstr(parse, words[i]) - parse), &hint), at(words[i]));
    ck_assert_int_eq(text_offset(s, s->parse_size, &hint), s->size);
    int await = (int)(strstr(parse, "__extension__") - parse);
    ck_assert_ptr_nonnull(find_word(s, await));
    ck_assert_int_eq(find_word(s, await)->at, at("await g"));
    ck_assert_ptr_null(find_word(s, await + 1));
}
END_TEST

START_TEST(a_plain_file_is_itself)
{
    const Source *s = read_text("async int x;\nint y;");
    ck_assert_str_eq(s->text, "async int x;\nint y;");
    ck_assert_str_eq(s->parse, "__attribute__((preserve_most)) int x;\nint y;");
    ck_assert_str_eq(segments(s), "m.ac:1");
    Place place = place_of(s, at("y;"));
    ck_assert_int_eq(place.line, 2);
    ck_assert_int_eq(place.column, 5);
    place = place_of(s, s->size);
    ck_assert_int_eq(place.offset, s->size);
}
END_TEST

START_TEST(an_empty_file_has_a_place)
{
    const Source *s = read_text("");
    ck_assert_int_eq(s->size, 0);
    ck_assert_int_eq(place_of(s, 0).line, 1);
}
END_TEST

START_TEST(an_ah_takes_the_place_of_its_include)
{
    put("a.ah", "async int a(void);");
    const Source *s = read_text("int x;\n  #include \"a.ah\" // a\nint y;\n");
    ck_assert_str_eq(s->text, "int x;\nasync int a(void);\nint y;\n");
    ck_assert_str_eq(segments(s), "m.ac:1 a.ah:1 a.ah:1! m.ac:3");
    ck_assert_int_eq(tu.nah_files, 1);
}
END_TEST

START_TEST(an_include_that_is_not_found_or_no_ah_stays)
{
    put("a.h", "int a;");
    const char *text = "#include \"a.h\"\n#include \"none.ah\"\n#include <none.ah>\n#include A\n";
    ck_assert_str_eq(read_text(text)->text, text);
}
END_TEST

START_TEST(directories_are_searched_as_cc_does)
{
    const char *quote[] = { "sub" }, *include[] = { "inc" };
    options.quote_dirs = quote;
    options.nquote_dirs = 1;
    options.include_dirs = include;
    options.ninclude_dirs = 1;
    put("sub/a.ah", "sub_a\n");
    put("inc/a.ah", "inc_a\n");
    put("inc/b.ah", "inc_b\n");
    put("b.ah", "own_b\n");
    ck_assert_str_eq(read_text("#include \"a.ah\"\n#include <a.ah>\n#include \"b.ah\"\n#include <b.ah>\n")->text,
                     "sub_a\ninc_a\nown_b\ninc_b\n");
}
END_TEST

START_TEST(a_file_that_includes_itself_is_pasted_once)
{
    put("a.ah", "#include \"b.ah\"\na\n");
    put("b.ah", "#include \"a.ah\"\nb\n#include \"m.ac\"\n");
    ck_assert_str_eq(read_text("#include \"a.ah\"\n")->text, "b\n#include \"m.ac\"\na\n");
}
END_TEST

START_TEST(pragma_once_is_blanked_or_becomes_a_guard)
{
    put("a.ah", "#pragma once\na\n");
    ck_assert_str_eq(read_text("#include \"a.ah\"\n")->text, "\na\n");
    const Source *s = read_text("#if X\n#include \"a.ah\"\n#else\n#include \"./a.ah\"\n#endif\n");
    const char *guarded = "#ifndef ac__once_1\n#define ac__once_1\n\na\n#endif\n";
    ck_assert_str_eq(s->text, take_format(tu.arena, "#if X\n%s#else\n%s#endif\n", guarded, guarded));
    ck_assert_int_eq(place_of(s, at("a\n")).line, 2);
}
END_TEST

START_TEST(a_pasted_files_own_headers_are_still_found)
{
    const char *include[] = { "inc" };
    options.include_dirs = include;
    options.ninclude_dirs = 1;
    put("sub/a.ah", "#include \"y.h\"\n#include \"z.h\"\n#include <y.h>\n");
    put("sub/y.h", "");
    put("inc/b.ah", "#include \"w.h\"\n#include \"y.h\"\n");
    put("inc/w.h", "");
    const Source *s = read_text("#include \"sub/a.ah\"\n#include <b.ah>\n");
    ck_assert_str_eq(s->text, "#include \"sub/y.h\"\n"
                              "#include \"z.h\"\n#include <y.h>\n#include \"w.h\"\n#include \"y.h\"\n");
    put("y.h", "");
    put("inc/y.h", "");
    s = read_text("#include <b.ah>\n");
    ck_assert_str_eq(s->text, "#include \"w.h\"\n#include \"inc/y.h\"\n");
}
END_TEST

START_TEST(what_is_no_text_is_refused)
{
    put_bytes("m.ac", "int x;\nint\0y;", 13);
    ck_assert(!read_source(&tu));
    ck_assert_ptr_nonnull(strstr(messages(), "m.ac:2:4: error: the file is not text"));
    forget_diagnostics(&tu);
    tu.main_file = NULL;
    put("m.ac", "char *x = \"\001Lx\";");
    ck_assert(!read_source(&tu));
    ck_assert_ptr_nonnull(strstr(messages(), "m.ac:1:12: error:"));
    forget_diagnostics(&tu);
    tu.main_file = NULL;
    options.input = "none.ac";
    ck_assert(!read_source(&tu));
    ck_assert_str_eq(messages(), "asyncc: error: cannot read 'none.ac': No such file or directory\n"
                                 "1 error generated.\n");
    forget_diagnostics(&tu);
    tu.main_file = NULL;
    options.input = ".";
    ck_assert(!read_source(&tu));
}
END_TEST

START_TEST(what_would_run_on_into_its_includer_is_refused)
{
    static const char *const bad[][2] = {
        { "int a;\n#if 1\n", "a.ah:2:1: error: unterminated conditional directive" },
        { "#endif\n", "a.ah:1:1: error: #endif without #if" },
        { "int a; /* b\nc", "a.ah:1:8: error: unterminated /* comment" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forget_diagnostics(&tu);
        tu.nfiles = 0; /* read it again */
        put("a.ah", bad[i][0]);
        put("m.ac", "#include \"a.ah\"\nint x;\n");
        tu.main_file = NULL;
        ck_assert(!read_source(&tu));
        ck_assert_msg(strstr(messages(), bad[i][1]) != NULL, "%s", messages());
    }
    forget_diagnostics(&tu);
    tu.nfiles = 0;
    put("a.ah", "int a; // b \\");
    ck_assert_str_eq(read_text("#include \"a.ah\"\nint x;\n")->text, "int a; // b \\\n\nint x;\n");
}
END_TEST

START_TEST(line_ends_and_marks_of_other_systems_are_fine)
{
    put("a.ah", "\xEF\xBB\xBFint a;\r\n");
    const Source *s = read_text("\xEF\xBB\xBF#include \"a.ah\"\r\nasync int y;\r\n");
    ck_assert_str_eq(s->text, "int a;\r\nasync int y;\r\n");
    ck_assert_int_eq(place_of(s, at("y;")).line, 2);
    ck_assert_int_eq(place_of(s, at("y;")).column, 11);
}
END_TEST

START_TEST(a_change_keeps_the_places_of_the_rest)
{
    put("a.ah", "int a;\n");
    const Source *s = read_text("#include \"a.ah\"\nint x = f(1);\nint y;\n");
    int call = at("f(1)"), y = at("y;");
    Change changes[] = {
        { at("a;"), at("a;"), "*" },
        { call, call + 4, "(g(1)\n+ await h())" },
        { y, y + 1, "" },
    };
    Source *changed = change_source(&tu, s, changes, 3);
    ck_assert_str_eq(changed->text, "int *a;\nint x = (g(1)\n+ await h());\nint ;\n");
    ck_assert_str_eq(changed->parse, "int *a;\nint x = (g(1)\n+ __extension__ h());\nint ;\n");
    tu.source = changed;
    ck_assert_str_eq(segments(changed), "a.ah:1 a.ah:1! a.ah:1 m.ac:2 m.ac:2! m.ac:2 m.ac:3");
    ck_assert_int_eq(place_of(changed, at("h()")).column, 9);
    ck_assert_int_eq(place_of(changed, at(";\nint ;")).column, 13);

    /* A change of what was made still stands for the same place. */
    Change again = { at("h()"), at("h()") + 1, "k" };
    changed = change_source(&tu, changed, &again, 1);
    tu.source = changed;
    ck_assert_int_eq(place_of(changed, at("k()")).column, 9);
}
END_TEST

START_TEST(files_are_read_once)
{
    put("a.h", "1");
    File *file = open_file(&tu, "a.h");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_eq(open_file(&tu, "a.h"), file);
    ck_assert_ptr_null(open_file(&tu, "none.h"));
}
END_TEST

START_TEST(the_elided_text_lacks_two_words)
{
    put("a.ah", "async int g(int);\n");
    read_text("#include \"a.ah\"\nasync int f(int x)\n{\n"
              "\treturn await g(x) -await\n g(1) - await(g(x.await)) + -await-g(2);\n}\n");
    options.no_lines = true;
    emit_elided(&tu);
    ck_assert_str_eq(tu.out.text, "#define AC__ELIDED_TASKS\n#include <ac/elided.h>\nint g(int);\nint f(int x)\n{\n"
                                  "\treturn g(x) -\n g(1) - (g(x.await)) + - -g(2);\n}\n");
    options.no_lines = false;
    tu.out = (Buf){ 0 };
    emit_elided(&tu);
    const char *start = "#define AC__ELIDED_TASKS\n#include <ac/elided.h>\n#line 1 \"a.ah\"\nint g(int);\n#line 2 \"m.ac\"\nint f(int x)\n{";
    ck_assert_str_eq(take_text(tu.arena, tu.out.text, strlen(start)), start);
}
END_TEST

/* The calls of macros whose names begin with M are expanded. */
static const char *expanded(const char *text)
{
    const Source *s = read_text(text);
    Change ranges[20];
    int n = 0;
    for (Token t = next_token(s->text, 0, s->size); t.kind != T_END; t = next_token(s->text, t.to, s->size)) {
        if (t.kind != T_NAME || s->text[t.from] != 'M')
            continue;
        int open = skip_blank(s->text, t.to, s->size);
        int to = s->text[open] == '(' ? find_closing(s->text, open, s->size) + 1 : t.to;
        ranges[n++] = (Change){ .from = t.from, .to = to };
        t.to = to;
    }
    Source *result = expand_macros(&tu, ranges, n);
    return result ? strstr(result->text, "begin") : NULL;
}

START_TEST(macro_calls_become_what_the_compiler_makes_of_them)
{
    ck_assert_str_eq(expanded("#define MT(f) (await f + await f)\n"
                              "#define MS(...) #__VA_ARGS__, __LINE__, __FILE__\n"
                              "#define MBEGIN for (;;) {\n"
                              "#define MINUS -1\n"
                              "begin\n"
                              "a = MT(g(1)); b = MS(await  g(x)); MBEGIN -MINUS;\n"
                              "MT(g(1,\n  2)) end\n"),
                     "begin\n"
                     "a = (await g(1) + await g(1)); b = \"await g(x)\", 6, \"m.ac\"; for (;;) { - -1;\n"
                     "(await g(1, 2) + await g(1, 2))\n end\n");
}
END_TEST

START_TEST(pragmas_in_an_expansion_stay_operators)
{
    ck_assert_str_eq(expanded("#define MP(x) _Pragma(\"GCC diagnostic ignored \\\"-Wall\\\"\") x;\nbegin MP(y) z\n"),
                     "begin _Pragma(\"GCC diagnostic ignored \\\"-Wall\\\"\") y; z\n");
}
END_TEST

START_TEST(a_call_that_the_compiler_leaves_out_is_an_error)
{
    ck_assert_ptr_null(expanded("#define M 1\nbegin\n#if 0\nM\n#endif\n"));
    ck_assert_ptr_nonnull(strstr(messages(), "m.ac:4:1: error: 'cc', which is to compile the output, leaves this"));
    forget_diagnostics(&tu);
    options.cc = "no-such-compiler";
    ck_assert_ptr_null(expanded("#define M 1\nbegin M\n"));
    ck_assert_ptr_nonnull(strstr(messages(), "can't be run"));
    forget_diagnostics(&tu);
    options.cc = "cc";
    ck_assert_ptr_null(expanded("#define M 1\nbegin M\n#include \"none.h\"\n"));
    ck_assert_ptr_nonnull(strstr(messages(), "none.h: No such file"));
}
END_TEST

START_TEST(branches_are_decided_as_the_compiler_decides_them)
{
    const char *flags[] = { "-DA=1" };
    options.cc_args = flags;
    options.ncc_args = 1;
    const Source *s = read_text("#if A\n1\n#if B\n2\n#else\n3\n#endif\n#elif 1\n4\n#endif\n#ifdef A\n5\n#endif\n");
    Change branches[5];
    bool taken[5];
    for (int i = 0; i < 5; i++) {
        char line[] = { '\n', (char)('1' + i), '\n', 0 };
        branches[i].from = branches[i].to = at(line) + 1;
    }
    ck_assert(check_conditionals(&tu, branches, 5, taken));
    ck_assert(taken[0] && !taken[1] && taken[2] && !taken[3] && taken[4]);
    ck_assert_ptr_nonnull(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *read = tcase_create("reading");
    tcase_add_checked_fixture(read, enter_directory, leave_directory);
    tcase_add_test(read, offsets_of_the_parse_are_those_of_the_text);
    tcase_add_test(read, offsets_of_the_parse_are_those_of_the_text);
    tcase_add_test(read, a_plain_file_is_itself);
    tcase_add_test(read, an_empty_file_has_a_place);
    tcase_add_test(read, an_ah_takes_the_place_of_its_include);
    tcase_add_test(read, an_include_that_is_not_found_or_no_ah_stays);
    tcase_add_test(read, directories_are_searched_as_cc_does);
    tcase_add_test(read, a_file_that_includes_itself_is_pasted_once);
    tcase_add_test(read, pragma_once_is_blanked_or_becomes_a_guard);
    tcase_add_test(read, a_pasted_files_own_headers_are_still_found);
    tcase_add_test(read, what_is_no_text_is_refused);
    tcase_add_test(read, what_would_run_on_into_its_includer_is_refused);
    tcase_add_test(read, line_ends_and_marks_of_other_systems_are_fine);
    suite_add_tcase(suite, read);
    TCase *change = tcase_create("changing");
    tcase_add_checked_fixture(change, enter_directory, leave_directory);
    tcase_add_test(change, a_change_keeps_the_places_of_the_rest);
    tcase_add_test(change, files_are_read_once);
    tcase_add_test(change, the_elided_text_lacks_two_words);
    tcase_add_test(change, macro_calls_become_what_the_compiler_makes_of_them);
    tcase_add_test(change, pragmas_in_an_expansion_stay_operators);
    tcase_add_test(change, a_call_that_the_compiler_leaves_out_is_an_error);
    tcase_add_test(change, branches_are_decided_as_the_compiler_decides_them);
    suite_add_tcase(suite, change);
    return run_suite(suite);
}

/* diag.c - what messages look like: order, carets, ranges, fix-its, width, JSON. */
#include "text.h"

START_TEST(a_message_shows_its_line_caret_and_range)
{
    read_text("int x;\n\tint y = await f(1);\n");
    report(&tu, ERROR, at("f(1)"), at("f(1)") + 4, "'%s' is bad", "f");
    ck_assert_str_eq(messages(), "m.ac:2:16: error: 'f' is bad\n"
                                 "    2 |         int y = await f(1);\n"
                                 "      |                       ^~~~\n"
                                 "1 error generated.\n");
}
END_TEST

START_TEST(messages_come_in_the_order_of_the_source)
{
    put("a.ah", "int a;\n");
    read_text("int x;\n#include \"a.ah\"\nint y;\n");
    report(&tu, WARNING, at("y;"), at("y;") + 1, "third");
    report(&tu, ERROR, at("a;"), at("a;") + 1, "second");
    report(&tu, ERROR, at("x;"), at("x;") + 1, "first");
    report(&tu, ERROR, at("x;"), at("x;") + 1, "also there");
    report_at(&tu, ERROR, (Place){ 0 }, 0, NULL, "nowhere");
    const char *text = messages();
    static const char *const order[] = { "asyncc: error: nowhere", "m.ac:1:5: error: first",
                                         "m.ac:1:5: error: also there", "a.ah:1:5: error: second",
                                         "m.ac:3:5: warning: third", "1 warning and 4 errors generated.\n" };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        text = strstr(text, order[i]);
        ck_assert_msg(text, "'%s' is not where it should be", order[i]);
    }
    ck_assert_int_eq(count_errors(&tu), 4);
}
END_TEST

START_TEST(nothing_is_said_twice)
{
    read_text("x\n");
    for (int i = 0; i < 3; i++) {
        report(&tu, ERROR, 0, 1, "same");
        report(&tu, ERROR, 0, 1, "other");
    }
    ck_assert_ptr_nonnull(strstr(messages(), "2 errors generated."));
    forget_diagnostics(&tu);
    ck_assert_int_eq(count_errors(&tu), 0);
    ck_assert_str_eq(messages(), "");
}
END_TEST

START_TEST(notes_follow_their_message)
{
    read_text("a\nb\n");
    report(&tu, ERROR, 2, 3, "bad");
    note(&tu, 0, 1, "see %d", 1);
    note(&tu, -1, 0, "no place");
    ck_assert_str_eq(messages(), "m.ac:2:1: error: bad\n    2 | b\n      | ^\n"
                                 "m.ac:1:1: note: see 1\n    1 | a\n      | ^\n"
                                 "note: no place\n1 error generated.\n");
}
END_TEST

START_TEST(fixits_stand_under_their_place)
{
    read_text("  f(x);\n");
    report(&tu, ERROR, 2, 6, "bad");
    fixit(&tu, 2, 2, "await ");
    fixit(&tu, 4, 5, "longer");
    fixit(&tu, 6, 7, "");
    ck_assert_str_eq(messages(), "m.ac:1:3: error: bad\n"
                                 "    1 |   f(x);\n"
                                 "      |   ^~~~\n"
                                 "      |   await  longer\n"
                                 "1 error generated.\n");
}
END_TEST

START_TEST(an_option_is_named_and_warnings_may_be_errors)
{
    read_text("x\n");
    report_at(&tu, WARNING, place_of(tu.source, 0), 0, "-Wfoo", "clang's");
    report(&tu, WARNING, 0, 1, "ours");
    ck_assert_ptr_nonnull(strstr(messages(), "warning: clang's [-Wfoo]\n"));
    ck_assert_ptr_nonnull(strstr(messages(), "warning: ours\n"));
    forget_diagnostics(&tu);
    options.warnings_are_errors = true;
    report_at(&tu, ERROR, place_of(tu.source, 0), 0, "-Wfoo", "clang's");
    report(&tu, WARNING, 0, 1, "ours");
    ck_assert_ptr_nonnull(strstr(messages(), "error: clang's [-Werror,-Wfoo]\n"));
    ck_assert_ptr_nonnull(strstr(messages(), "error: ours [-Werror]\n"));
    forget_diagnostics(&tu);
    options.no_warnings = true;
    report(&tu, WARNING, 0, 1, "ours");
    note(&tu, 0, 1, "of ours");
    fixit(&tu, 0, 1, "y");
    ck_assert_str_eq(messages(), "");
}
END_TEST

START_TEST(a_range_over_several_lines_ends_with_the_first)
{
    read_text("f(a,  \n  b)\n");
    report(&tu, ERROR, 0, at(")") + 1, "bad");
    ck_assert_str_eq(messages(), "m.ac:1:1: error: bad\n    1 | f(a,  \n      | ^~~~\n1 error generated.\n");
}
END_TEST

START_TEST(more_ranges_than_one)
{
    read_text("aa + bb;\n");
    report_at(&tu, ERROR, place_of(tu.source, 3), 0, NULL, "bad");
    range_at(&tu, place_of(tu.source, 0), 2);
    range_at(&tu, place_of(tu.source, 5), 2);
    ck_assert_ptr_nonnull(strstr(messages(), "      | ~~ ^ ~~\n"));
}
END_TEST

START_TEST(the_caret_stands_under_wide_and_odd_characters)
{
    /* An e with a combining accent, a character of two columns, a control character, a bad byte. */
    read_text("e\xCC\x81 \xE6\xBC\xA2 \x07 \xFF x;\n");
    report(&tu, ERROR, at("x;"), at("x;") + 1, "bad");
    ck_assert_str_eq(messages(), "m.ac:1:13: error: bad\n"
                                 "    1 | e\xCC\x81 \xE6\xBC\xA2 <U+0007> <FF> x;\n"
                                 "      |                    ^\n"
                                 "1 error generated.\n");
}
END_TEST

START_TEST(the_end_of_the_text_has_a_place)
{
    read_text("int x");
    report(&tu, ERROR, 5, 5, "bad");
    ck_assert_str_eq(messages(), "m.ac:1:6: error: bad\n    1 | int x\n      |      ^\n1 error generated.\n");
    forget_diagnostics(&tu);
    read_text("int x;\n");
    report(&tu, ERROR, 7, 7, "bad");
    ck_assert_str_eq(messages(), "m.ac:2:1: error: bad\n    2 | \n      | ^\n1 error generated.\n");
}
END_TEST

START_TEST(a_very_long_line_is_shown_around_its_caret)
{
    Buf text = { .arena = tu.arena };
    for (int i = 0; i < 300; i++)
        add_format(&text, "%s a%03d;", i == 150 ? "here" : "long", i);
    read_text(text.text);
    static const char *const words[] = { "a000", "here", "a299" };
    for (int i = 0; i < 3; i++) {
        forget_diagnostics(&tu);
        report(&tu, ERROR, at(words[i]), at(words[i]) + 4, "bad");
        char *line = strchr(messages(), '\n') + 1, *marks = strchr(line, '\n') + 1;
        ck_assert_int_lt(marks - line, 200);
        ck_assert_int_eq(strncmp(line + (strchr(marks, '^') - marks), words[i], 4), 0);
        ck_assert_int_eq(strncmp(strchr(marks, '^'), "^~~~\n", 5), 0);
    }
}
END_TEST

START_TEST(colour_is_clangs)
{
    read_text("x\n");
    options.colour = COLOUR_ALWAYS;
    report(&tu, ERROR, 0, 1, "bad");
    ck_assert_str_eq(messages(), "\033[1mm.ac:1:1: \033[0m\033[0;1;31merror: \033[0m\033[1mbad\033[0m\n"
                                 "    1 | x\n      | \033[0;1;32m^\033[0m\n1 error generated.\n");
}
END_TEST

START_TEST(a_made_text_is_reported_where_it_was_made)
{
    read_text("int x = M(1);\n");
    Change change = { at("M"), at(";"), "(f(1) + g(2))" };
    tu.source = change_source(&tu, tu.source, &change, 1);
    report(&tu, ERROR, at("g(2)"), at("g(2)") + 4, "bad");
    ck_assert_ptr_nonnull(strstr(messages(), "m.ac:1:9: error: bad\n    1 | int x = M(1);\n      |         ^\n"));
}
END_TEST

START_TEST(json_has_gccs_schema)
{
    options.json_diagnostics = true;
    ck_assert_str_eq(messages(), "[]\n");
    read_text("\tf(x);\n");
    report(&tu, WARNING, 1, 5, "a \"quoted\"\n\\ %s", "\xFF\xE6\xBC\xA2");
    fixit(&tu, 1, 1, "await ");
    note(&tu, -1, 0, "see");
    ck_assert_str_eq(
        messages(),
        "[{\"kind\": \"warning\", \"message\": \"a \\\"quoted\\\"\\n\\\\ \\ufffd\xE6\xBC\xA2\", \"locations\": [{"
        "\"caret\": {\"file\": \"m.ac\", \"line\": 1, \"column\": 2, \"byte-column\": 2, \"display-column\": 9}, "
        "\"start\": {\"file\": \"m.ac\", \"line\": 1, \"column\": 2, \"byte-column\": 2, \"display-column\": 9}, "
        "\"finish\": {\"file\": \"m.ac\", \"line\": 1, \"column\": 5, \"byte-column\": 5, \"display-column\": 12}}], "
        "\"fixits\": [{"
        "\"start\": {\"file\": \"m.ac\", \"line\": 1, \"column\": 2, \"byte-column\": 2, \"display-column\": 9}, "
        "\"next\": {\"file\": \"m.ac\", \"line\": 1, \"column\": 2, \"byte-column\": 2, \"display-column\": 9}, "
        "\"string\": \"await \"}], \"children\": ["
        "{\"kind\": \"note\", \"message\": \"see\", \"locations\": [], \"fixits\": [], \"children\": [], "
        "\"column-origin\": 1}], \"column-origin\": 1}]\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("diag");
    TCase *tests = tcase_create("diag");
    tcase_add_checked_fixture(tests, enter_directory, leave_directory);
    tcase_add_test(tests, a_message_shows_its_line_caret_and_range);
    tcase_add_test(tests, messages_come_in_the_order_of_the_source);
    tcase_add_test(tests, nothing_is_said_twice);
    tcase_add_test(tests, notes_follow_their_message);
    tcase_add_test(tests, fixits_stand_under_their_place);
    tcase_add_test(tests, an_option_is_named_and_warnings_may_be_errors);
    tcase_add_test(tests, a_range_over_several_lines_ends_with_the_first);
    tcase_add_test(tests, more_ranges_than_one);
    tcase_add_test(tests, the_caret_stands_under_wide_and_odd_characters);
    tcase_add_test(tests, the_end_of_the_text_has_a_place);
    tcase_add_test(tests, a_very_long_line_is_shown_around_its_caret);
    tcase_add_test(tests, colour_is_clangs);
    tcase_add_test(tests, a_made_text_is_reported_where_it_was_made);
    tcase_add_test(tests, json_has_gccs_schema);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}

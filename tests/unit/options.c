/* options.c - the command line; and drive.c: where the output goes. */
#include "text.h"

#include <fcntl.h>

/* The status of a call, as words separated by single blanks; what it says on stderr goes to said. */
static char said[4096];
static int call(const char *line)
{
    static char *argv[64];
    int argc = 0;
    argv[argc++] = "asyncc";
    for (char *word = strtok(take_text(tu.arena, line, strlen(line)), " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    fflush(stderr);
    int saved = dup(STDERR_FILENO), file = open("stderr", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    int status = read_options(tu.arena, argc, argv, &options);
    fflush(stderr);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    said[n < 0 ? 0 : n] = '\0';
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    return status;
}

/* The words without our own headers' directory, which comes last. */
static const char *words(const char *const *v, int n)
{
    Buf buf = { .arena = tu.arena };
    add(&buf, "");
    for (int i = 0; i < n; i++) {
        if (i == n - 2 && strcmp(v[i], "-isystem") == 0) {
            ck_assert_str_eq(v[i + 1], runtime_include_dir(tu.arena));
            break;
        }
        add_format(&buf, "%s%s", i ? " " : "", v[i]);
    }
    return buf.text;
}

static const char *for_clang(void) { return words(options.clang_args + 1, options.nclang_args - 1); }
static const char *for_cc(void) { return words(options.cc_args, options.ncc_args); }

START_TEST(flags_go_to_those_they_concern)
{
    ck_assert_int_eq(call("-Ifoo -I bar -DX=1 -D Y -U Z -include a.h -isystem d "
                          "-iquote e -idirafter f -std=c11 -Wall in.ac"), -1);
    ck_assert_str_eq(for_cc(), "-Ifoo -I bar -DX=1 -D Y -U Z -include a.h -isystem d "
                               "-iquote e -idirafter f -std=c11 -Wall");
    ck_assert_str_eq(for_clang(), for_cc());
    /* Without a word on warnings they are left to the compiler of the output. */
    ck_assert_int_eq(call("-DX in.ac"), -1);
    ck_assert_str_eq(for_cc(), "-DX");
    ck_assert_str_eq(options.clang_args[options.nclang_args - 1], "-w");
    ck_assert_int_eq(call("-pedantic in.ac"), -1);
    ck_assert_str_ne(options.clang_args[options.nclang_args - 1], "-w");
    ck_assert_int_eq(call("-g -O2 -Wall -Wfoo -fPIC -fno-tree-vectorize -fsigned-char "
                          "-mavx2 -mtune=native -pipe in.ac"), -1);
    ck_assert_str_eq(for_cc(), "-g -O2 -Wall -Wfoo -fPIC -fno-tree-vectorize -fsigned-char "
                               "-mavx2 -mtune=native -pipe");
    ck_assert_str_eq(for_clang(), "-O2 -Wall -Wfoo -fPIC -fsigned-char -mavx2");
    ck_assert_int_eq(call("-Wl,-z -lm -L d -w -pthread -ansi -pedantic -nostdinc --param a=b -xc in.ac"), -1);
    ck_assert_str_eq(for_cc(), "-w -pthread -ansi -pedantic -nostdinc --param a=b");
    ck_assert_str_eq(for_clang(), "-w -pthread -ansi -pedantic -nostdinc");
    ck_assert_str_eq(words(options.link_args, options.nlink_args), "-Wl,-z -lm -L d");
    ck_assert(options.no_warnings);
}
END_TEST

START_TEST(the_most_that_a_frame_may_take_has_gccs_units)
{
    static const struct {
        const char *call;
        long long bytes;
        bool is_error;
    } calls[] = {
        { "-Wframe-larger-than=512 a.ac", 512, false },   { "-Wframe-larger-than=4KiB a.ac", 4096, false },
        { "-Wframe-larger-than=3kB a.ac", 3000, false },  { "-Werror=frame-larger-than=9 a.ac", 9, true },
        { "-Wframe-larger-than=512 -Wno-frame-larger-than a.ac", 0, false },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ck_assert_int_eq(call(calls[i].call), -1);
        ck_assert_int_eq(options.most_frame, calls[i].bytes);
        ck_assert_int_eq(options.most_frame_is_error, calls[i].is_error);
    }
    ck_assert_str_eq(for_clang(), "");
    ck_assert_int_eq(call("-Wframe-larger-than= a.ac"), 2);
    ck_assert_int_eq(call("-Wframe-larger-than=5XB a.ac"), 2);
    ck_assert_int_eq(call("-Wframe-larger-than=-5 a.ac"), 2);
    ck_assert_int_eq(call("-Wframe-larger-than=99999999999999999999 a.ac"), 2);
}
END_TEST

START_TEST(headers_are_looked_up_in_ccs_order)
{
    ck_assert_int_eq(call("-idirafter z -isystem s -Ia -iquoteq -I b in.ac"), -1);
    ck_assert_str_eq(words(options.quote_dirs, options.nquote_dirs), "q");
    ck_assert_int_eq(options.ninclude_dirs, 7);
    ck_assert_str_eq(words(options.include_dirs, 3), "a b s");
    ck_assert_str_eq(options.include_dirs[3], runtime_include_dir(tu.arena));
    ck_assert_str_eq(words(options.include_dirs + 4, 3), "/usr/local/include /usr/include z");
}
END_TEST

START_TEST(the_output_has_a_name_of_its_own)
{
    static const char *const calls[][2] = {
        { "src/in.ac", "src/in.c" },   { "in", "in.c" },           { "-", "-" },
        { "-c src/in.ac", "in.o" },    { "-c -o x.o in.ac", "x.o" }, { "-ox.c in.ac", "x.c" },
        { "--emit=frames in.ac", "-" }, { "--emit=elided in.ac", "in.c" }, { "--emit dot in.ac -o x", "x" },
        { "-- -in.ac", "-in.c" },      { "--emit=header src/in.ah", "src/in.h" },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ck_assert_int_eq(call(calls[i][0]), -1);
        ck_assert_str_eq(options.output, calls[i][1]);
    }
}
END_TEST

START_TEST(arguments_of_the_program_follow_run_and_the_input)
{
    ck_assert_int_eq(call("-O2 --run in.ac -a b --run"), -1);
    ck_assert(options.run);
    ck_assert_str_eq(words((const char *const *)options.run_args, options.nrun_args), "-a b --run");
    ck_assert_int_eq(call("in.ac --run -c"), -1);
    ck_assert(!options.compile);
    ck_assert_str_eq(words((const char *const *)options.run_args, options.nrun_args), "-c");
}
END_TEST

START_TEST(a_header_is_of_the_ac_file_beside_it_or_of_those_named)
{
    ck_assert_int_eq(call("src/in.ah --emit=header"), -1);
    ck_assert_str_eq(words(options.modules, options.nmodules), "src/in.ac");
    ck_assert_int_eq(call("--emit=header in.ah a.ac -o x.h b.ac"), -1);
    ck_assert_str_eq(options.input, "in.ah");
    ck_assert_str_eq(words(options.modules, options.nmodules), "a.ac b.ac");
}
END_TEST

START_TEST(dependencies_are_asked_for_as_from_cc)
{
    ck_assert_int_eq(call("-MMD -MP -MF x.d -MT a -MQ b$# in.ac"), -1);
    ck_assert_int_eq(options.deps, DEPS_USER);
    ck_assert(options.deps_phony);
    ck_assert_str_eq(options.deps_file, "x.d");
    ck_assert_str_eq(options.deps_target, "a b$$\\#");
    ck_assert_str_eq(quote_for_make(tu.arena, "a b\\ c"), "a\\ b\\\\\\ c");
    ck_assert_int_eq(call("-MD -"), 2);
    ck_assert_int_eq(call("-MP in.ac"), 2);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_status_2)
{
    static const char *const calls[][2] = {
        { "--foo in.ac", "asyncc: error: unknown option '--foo'; 'asyncc --help' lists those that there are\n" },
        { "--emti=c in.ac", "asyncc: error: unknown option '--emti=c'; did you mean '--emit='?\n" },
        { "--versoin", "asyncc: error: unknown option '--versoin'; did you mean '--version'?\n" },
        { "", "asyncc: error: no input file\n" },
        { "-O2", "asyncc: error: no input file\n" },
        { "a.ac b.ac", "asyncc: error: more than one input: 'a.ac' and 'b.ac'\n" },
        { "a.ac -o", "asyncc: error: the argument of '-o' is missing\n" },
        { "a.ac -o x -o y", "asyncc: error: more than one output: 'x' and 'y'\n" },
        { "--emit=x a.ac", "asyncc: error: '--emit=x' is none of c, header, elided, frames, dot, json\n" },
        { "--emit=", "asyncc: error: '--emit=' is none of c, header, elided, frames, dot, json\n" },
        { "-c --emit=dot a.ac", "asyncc: error: '-c' needs C: --emit=c or --emit=elided\n" },
        { "--emit=header a.ac", "asyncc: error: --emit=header makes a header of an .ah file, and 'a.ac' is none\n" },
        { "--emit=header -", "asyncc: error: --emit=header makes a header of an .ah file, and '-' is none\n" },
        { "--emit=header a.ah b.c", "asyncc: error: what 'a.ah' declares is defined in .ac files, and 'b.c' is none\n" },
        { "-c --emit=header a.ah", "asyncc: error: '-c' needs C: --emit=c or --emit=elided\n" },
        { "-c -o - a.ac", "asyncc: error: an object can't go to standard output: '-c' needs '-o FILE'\n" },
        { "-x c++ a.ac", "asyncc: error: language 'c++' is not supported, only c\n" },
        { "-fdiagnostics-format=xml a.ac", "asyncc: error: '-fdiagnostics-format=xml' is none of text, json\n" },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ck_assert_int_eq(call(calls[i][0]), 2);
        ck_assert_str_eq(said, calls[i][1]);
    }
    put("m.ac", "");
    ck_assert_int_eq(call("m.ac -o ./m.ac"), 2);
    ck_assert_str_eq(said, "asyncc: error: the output './m.ac' is the input\n");
}
END_TEST

START_TEST(messages_have_a_form_and_a_colour)
{
    ck_assert_int_eq(call("-fdiagnostics-format=json -fcolor-diagnostics a.ac"), -1);
    ck_assert(options.json_diagnostics && options.colour == COLOUR_ALWAYS);
    ck_assert_int_eq(call("-fdiagnostics-color=never a.ac"), -1);
    ck_assert(!options.json_diagnostics && options.colour == COLOUR_NEVER);
    ck_assert_int_eq(call("-Werror a.ac"), -1);
    ck_assert(options.warnings_are_errors);
}
END_TEST

/* The text of a file. */
static const char *text_of(const char *path)
{
    tu.nfiles = 0;
    File *file = open_file(&tu, path);
    ck_assert_msg(file, "there is no '%s'", path);
    return file->text;
}

static int deliver_text(const char *text)
{
    tu.out = (Buf){ .arena = tu.arena };
    add(&tu.out, text);
    return deliver(&tu);
}

START_TEST(an_output_is_replaced_as_a_whole)
{
    put("out.c", "old");
    chmod("out.c", 0640);
    ck_assert_int_eq(symlink("out.c", "link.c"), 0);
    ck_assert_int_eq(call("in.ac -o link.c"), -1);
    ck_assert_int_eq(deliver_text("new\n"), 0);
    ck_assert_str_eq(text_of("out.c"), "new\n");
    struct stat st;
    ck_assert_int_eq(lstat("link.c", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(stat("out.c", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    ck_assert_int_eq(call("in.ac -o /dev/null"), -1);
    ck_assert_int_eq(deliver_text("new\n"), 0);
}
END_TEST

START_TEST(an_output_that_cant_be_written_is_said)
{
    ck_assert_int_eq(call("in.ac -o none/out.c"), -1);
    ck_assert_int_eq(deliver_text("x"), 1);
    ck_assert_int_eq(call("in.ac -o ."), -1);
    ck_assert_int_eq(deliver_text("x"), 1);
    ck_assert_int_eq(call("in.ac -o /dev/full"), -1);
    ck_assert_int_eq(deliver_text("x"), 1);
}
END_TEST

START_TEST(a_depfile_names_every_file_once)
{
    static const char *includes[] = { "a b.h", "sys.h", "a b.h" };
    static bool system[] = { false, true, false };
    static File ah = { .path = "x.ah" };
    static File *ahs[] = { &ah };
    tu.includes = includes;
    tu.include_is_system = system;
    tu.nincludes = 3;
    tu.ah_files = ahs;
    tu.nah_files = 1;
    ck_assert_int_eq(call("-MMD -MP sub/in.ac -o out.c"), -1);
    ck_assert_int_eq(deliver_text("x"), 0);
    ck_assert_str_eq(text_of("out.d"), "out.c: sub/in.ac \\\n  x.ah \\\n  a\\ b.h\nx.ah:\na\\ b.h:\n");
    ck_assert_int_eq(call("-MD -MF y.d -MT t in.ac -o out.c"), -1);
    ck_assert_int_eq(deliver_text("x"), 0);
    ck_assert_str_eq(text_of("y.d"), "t: in.ac \\\n  x.ah \\\n  a\\ b.h \\\n  sys.h\n");
}
END_TEST

START_TEST(an_object_is_compiled_with_the_users_flags)
{
    put("sub/h.h", "#define Y 1\n");
    ck_assert_int_eq(call("-c -DX=1 sub/in.ac -o out.o"), -1);
    ck_assert_int_eq(deliver_text("#include \"h.h\"\nint x[X == Y ? 1 : -1];\n"), 0);
    ck_assert_int_eq(access("out.o", R_OK), 0);
    ck_assert_int_eq(call("-c in.ac --cc /nonexistent/cc"), -1);
    ck_assert_int_eq(deliver_text("int x;\n"), 1);
}
END_TEST

START_TEST(a_command_ends_with_its_status)
{
    static const struct {
        const char *script;
        int status;
    } cases[] = { { "exit 0", 0 }, { "exit 7", 7 }, { "kill -TERM $$", 128 + 15 }, { "echo out; echo err >&2", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Command command = { .arena = tu.arena };
        add_argument(&command, "sh");
        add_argument(&command, "-c");
        add_argument(&command, cases[i].script);
        ck_assert_int_eq(run_command(&command, "out", "err"), cases[i].status);
    }
    ck_assert_str_eq(text_of("out"), "out\n");
    ck_assert_str_eq(text_of("err"), "err\n");
    Command command = { .arena = tu.arena };
    add_argument(&command, "no-such-command");
    ck_assert_int_eq(run_command(&command, NULL, NULL), -1);
}
END_TEST

START_TEST(the_compiler_may_be_two_words)
{
    ck_assert_int_eq(call("--cc=x -DA src/in.ac"), -1);
    options.cc = "ccache  gcc";
    Command command = { .arena = tu.arena };
    start_compiler(&tu, &command);
    ck_assert_str_eq(words(command.argv, command.argc), "ccache gcc -iquote src -DA");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *reading = tcase_create("reading");
    tcase_add_checked_fixture(reading, enter_directory, leave_directory);
    tcase_add_test(reading, flags_go_to_those_they_concern);
    tcase_add_test(reading, the_most_that_a_frame_may_take_has_gccs_units);
    tcase_add_test(reading, headers_are_looked_up_in_ccs_order);
    tcase_add_test(reading, the_output_has_a_name_of_its_own);
    tcase_add_test(reading, arguments_of_the_program_follow_run_and_the_input);
    tcase_add_test(reading, a_header_is_of_the_ac_file_beside_it_or_of_those_named);
    tcase_add_test(reading, dependencies_are_asked_for_as_from_cc);
    tcase_add_test(reading, what_is_wrong_is_said_with_status_2);
    tcase_add_test(reading, messages_have_a_form_and_a_colour);
    suite_add_tcase(suite, reading);
    TCase *writing = tcase_create("writing");
    tcase_add_checked_fixture(writing, enter_directory, leave_directory);
    tcase_add_test(writing, an_output_is_replaced_as_a_whole);
    tcase_add_test(writing, an_output_that_cant_be_written_is_said);
    tcase_add_test(writing, a_depfile_names_every_file_once);
    tcase_add_test(writing, an_object_is_compiled_with_the_users_flags);
    tcase_add_test(writing, a_command_ends_with_its_status);
    tcase_add_test(writing, the_compiler_may_be_two_words);
    suite_add_tcase(suite, writing);
    return run_suite(suite);
}

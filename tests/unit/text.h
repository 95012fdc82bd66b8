/* text.h - a translation unit around a text that stands in a file of its own, for suites. */
#ifndef TEXT_H
#define TEXT_H
#include "asyncc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Tu tu;
static Options options;
static char start_directory[4096];
static char *directory; /* where the test's files are; also the current one */

/* The files of a test stand in a new directory, so that paths in messages are short. */
static inline void enter_directory(void)
{
    tu = (Tu){ .arena = new_arena(), .options = &options };
    options = (Options){ .cc = "cc", .input = "m.ac", .colour = COLOUR_NEVER };
    ck_assert_ptr_nonnull(getcwd(start_directory, sizeof start_directory));
    directory = take_format(tu.arena, "%s/asyncc-unit-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static inline void leave_directory(void)
{
    ck_assert_int_eq(chdir(start_directory), 0);
    remove_scratch(take_format(tu.arena, "%s/sub", directory));
    remove_scratch(take_format(tu.arena, "%s/inc", directory));
    remove_scratch(directory);
    free_arena(tu.arena);
}

static inline void put_bytes(const char *path, const char *text, size_t size)
{
    if (strchr(path, '/'))
        mkdir(directory_of(tu.arena, path), 0777);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* m.ac with this text, read. */
static inline const Source *read_text(const char *text)
{
    put("m.ac", text);
    tu.main_file = NULL;
    ck_assert(read_source(&tu));
    return tu.source;
}

/* What print_diagnostics says. */
static inline char *messages(void)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    print_diagnostics(&tu, file);
    Buf text = { .arena = tu.arena };
    add(&text, "");
    rewind(file);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        add_bytes(&text, part, n);
    fclose(file);
    return text.text;
}

/* Where `word` first stands in the source. */
static inline int at(const char *word)
{
    const char *p = strstr(tu.source->text, word);
    ck_assert_msg(p, "'%s' is not in the text", word);
    return (int)(p - tu.source->text);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
#endif

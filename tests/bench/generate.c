/* generate.c - writes an .ac file of a given length, for measuring what translating it costs.
 *
 *     generate LINES [hard|small]
 *
 * Functions of some twenty lines, each a little different, in groups of ten that await one
 * another; loops, switches, arrays, structs and calls as programs have them. With `hard`, each
 * function awaits once through a macro whose body has the await, so that asyncc has to have the
 * call expanded. With `small`, they are of five lines, and what a function costs by itself shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 10 };

static const char *const head[] = {
    "#include <ac/ac.h>",
    "#include <errno.h>",
    "#include <stdio.h>",
    "#include <stdlib.h>",
    "#include <string.h>",
    "",
    "#define TRY(call) do { int error_ = await (call); if (error_ < 0) return error_; } while (0)",
    "#define LENGTH(array) (sizeof (array) / sizeof (array)[0])",
    "",
    "struct item { int key; long weight; char name[24]; };",
    "",
    "static async int leaf(int n) { await ac_yield_now(); return n + 1; }",
    "",
};

/* `%d` is the function's number, `@` what it awaits of the one before it. */
static const char *const body[] = {
    "/* Sums what the items of function %d weigh, one after the other. */",
    "static async int sum_%d(struct item *items, int count, int start)",
    "{",
    "    long total = start; // carried over every await",
    "    char text[64];",
    "    for (int i = 0; i < count; i++) {",
    "        struct item *item = &items[i];",
    "        if (item->key %% 3 == 0)",
    "            continue;",
    "        total += item->weight * (await leaf(item->key) + %d);",
    "        switch (item->key & 3) {",
    "        case 0: total -= await leaf(i); break;",
    "        case 1: item->weight++; /* fall through */",
    "        default: total ^= i; break;",
    "        }",
    "    }",
    "    int length = snprintf(text, sizeof text, \"%d: %%ld\", total);",
    "    if (length > 0 && await leaf(length) < (int)LENGTH(text))",
    "        total += strlen(text);",
    "    !", /* the hard call, or one written out */
    "    return (int)total + @;",
    "}",
    "",
};

static const char *const small_body[] = {
    "static async int add_%d(int n)",
    "{",
    "    int first = @;",
    "    int second = await leaf(first + %d);",
    "    return first - second;",
    "}",
    "",
};

/* The functions that are generated, and how one is called: by its number, from main, from the next one. */
typedef struct Kind {
    const char *const *body;
    int nlines;
    const char *call, *arguments, *inner;
} Kind;

static const Kind usual = { body, (int)(sizeof body / sizeof body[0]), "await sum_%d(", "items, 3, 0",
                            "items, count - 1, %d" };
static const Kind small = { small_body, (int)(sizeof small_body / sizeof small_body[0]), "await add_%d(", "1", "n" };

int main(int argc, char **argv)
{
    int lines = argc > 1 ? atoi(argv[1]) : 0;
    int hard = argc > 2 && strcmp(argv[2], "hard") == 0;
    const Kind *kind = argc > 2 && strcmp(argv[2], "small") == 0 ? &small : &usual;
    if (lines < 1) {
        fprintf(stderr, "usage: generate LINES [hard|small]\n");
        return 2;
    }
    int written = 0;
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++, written++)
        puts(head[i]);
    for (int n = 0; written < lines; n++) {
        for (int i = 0; i < kind->nlines; i++, written++) {
            const char *line = kind->body[i], *at = strchr(line, '@');
            if (strchr(line, '!') && !strchr(line, '(')) {
                puts(hard ? "    TRY(leaf((int)total));" : "    total += await leaf((int)total);");
            } else if (at) {
                printf("%.*s", (int)(at - line), line);
                printf(n % GROUP ? kind->call : "await leaf(", n - 1);
                printf(n % GROUP ? kind->inner : "%d", n);
                printf(")%s\n", at + 1);
            } else {
                printf(line, n);
                putchar('\n');
            }
        }
    }
    printf("async int main(void)\n{\n    struct item items[3] = { { 1, 2, \"a\" }, { 2, 3, \"b\" } };\n    return ");
    for (int n = GROUP - 1; n < (lines - (int)(sizeof head / sizeof head[0])) / kind->nlines; n += GROUP) {
        printf(kind->call, n);
        printf("%s) + ", kind->arguments);
    }
    printf("0;\n}\n");
    return 0;
}

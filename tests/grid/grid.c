/* grid.c - numbers the cases of the await grid, chooses among them, writes files of them.
 *
 *     grid [--all] [--seed N --count N]             which cases there are
 *          --list                                   prints number and name of each, or
 *          --batch N --of N --output STEM           writes STEM.ac and STEM_drive.c
 *          [--only FILE] [--skip FILE]              numbers, one a line, to take or to leave
 *
 * Without --seed it is the fixed set that the tests run; --all puts every form into more statement
 * forms and adds more random bodies. The same arguments give the same cases everywhere. */
#include "grid_gen.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Case {
    char *name;
    char *text;      /* its async functions */
    char *twin;      /* theirs              */
} Case;

typedef struct Cases {
    Case *at;
    int count, cap;
    int nrefused; /* texts without an oracle, see twin.c */
} Cases;

typedef struct Options {
    bool all, list, has_seed, why;
    unsigned long long seed;
    int count, batch, of;
    const char *output, *only, *skip, *children;
} Options;

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "grid: %s\n", why);
    exit(2);
}

/* Whether the name stands in the text as a word that is not a member or designator. */
static bool uses_name(const char *text, const char *name)
{
    size_t len = strlen(name);
    bool in_string = false;
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            in_string = !in_string;
        bool inside = p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '.' || p[-1] == '>' || p[-1] == '\'');
        bool at_member = p > text + 1 && p[-1] == '>' && p[-2] == '-';
        if (inside && !at_member && p[-1] == '>')
            inside = false;
        if (!in_string && !inside && !strncmp(p, name, len) && !isalnum((unsigned char)p[len]) && p[len] != '_')
            return true;
    }
    return false;
}

/* The body with the locals that it names before it and their traces behind it. */
static char *with_locals(const char *body, bool traced)
{
    Buf front = make_buf(), back = make_buf();
    for (const Local *local = grid_locals; local->name; local++) {
        bool used = uses_name(body, local->name);
        if (!strcmp(local->name, "v"))
            used |= uses_name(body, "lp");
        if (!used)
            continue;
        addf(&front, "%s\n", local->declaration);
        if (traced)
            addf(&back, "%s\n", local->trace);
        else
            addf(&front, "(void)%s;\n", local->name);
    }
    /* A label must not stand last, and a trace must not be in the scope of a goto's variable. */
    return textf("%s%s\n%s", front.text, body, back.len ? back.text : ";\n");
}

static char *replace_all(const char *text, const char *from, const char *to)
{
    Buf out = make_buf();
    for (const char *p = text; *p; p++) {
        if (!strncmp(p, from, strlen(from)) && (p == text || !isalnum((unsigned char)p[-1]))) {
            addf(&out, "%s", to);
            p += strlen(from) - 1;
        } else {
            add_text(&out, p, 1);
        }
    }
    return out.text;
}

/* Adds a case unless its text has no oracle or no await. Its number is where it comes to stand. */
static void add_case(Cases *cases, const Options *options, char *name, const char *functions, const char *body)
{
    int number = cases->count;
    char *text = textf("%sasync void case_%d(void)\n{\n%s}\n", functions, number, body);
    text = replace_all(text, "in_", textf("in_%d_", number));
    Twin twin = write_twin(text, grid_macros);
    if (twin.error || !twin.nawaits) {
        const char *why = twin.error ? twin.error : "no await";
        cases->nrefused++;
        if (twin.error && (options->why || strncmp(why, "ambiguous", 9)))
            fprintf(stderr, "grid: %s: %s\n%s", name, why, text);
        return;
    }
    if (cases->count == cases->cap) {
        cases->cap = cases->cap ? 2 * cases->cap : 1024;
        cases->at = realloc(cases->at, (size_t)cases->cap * sizeof *cases->at);
        if (!cases->at)
            give_up("out of memory");
    }
    cases->at[cases->count++] = (Case){ name, text, twin.text };
}

/* Which places to fill with awaits: all subsets of few, a choice of many. */
static int list_masks(int nplaces, unsigned masks[16])
{
    int n = 0;
    if (nplaces <= 3) {
        for (unsigned mask = 0; mask < 1u << nplaces; mask++)
            masks[n++] = mask;
        return n;
    }
    unsigned all = (1u << nplaces) - 1;
    for (int i = 0; i < nplaces && i < 8; i++)
        masks[n++] = 1u << i;
    masks[n++] = all;
    masks[n++] = 0x5555u & all;
    masks[n++] = 0xaaaau & all;
    masks[n++] = 0;
    return n;
}

static bool fits(const Form *form, const Context *context)
{
    if (!strchr(context->types, form->type))
        return false;
    if (form->flags & FORM_ADDRESS && context->flags & (CONTEXT_COND | CONTEXT_RETURN | CONTEXT_CLOSED))
        return false;
    return true;
}

static void add_form_case(Cases *cases, const Options *options, const Form *form, unsigned mask, const Context *context)
{
    Fill how = { .mask = mask, .next_id = 1, .inner = form, .context = context };
    char *name = textf("%s [%s] %x", context->name, form->text, mask);
    char *body = fill(&how, context->text);
    char *functions = "";
    if (context->flags & CONTEXT_RETURN) {
        functions = textf("static async %s in_f(void)\n{\n%s}\n", type_name(form->type), with_locals(body, false));
        body = textf("%s(await in_f());\n", tracer_of(form->type));
    } else {
        body = with_locals(body, true);
    }
    add_case(cases, options, name, functions, body);
}

/* Every form with every choice of awaited places, in one statement form after the other. */
static void add_forms(Cases *cases, const Options *options, int contexts_each)
{
    size_t count;
    const Form *forms = get_forms(&count);
    int ncontexts = 0;
    while (grid_contexts[ncontexts].name)
        ncontexts++;
    int next = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned masks[16];
        int nmasks = list_masks(count_places(forms[i].text), masks);
        for (int m = 0; m < nmasks; m++)
            for (int made = 0, tried = 0; made < contexts_each && tried < ncontexts; tried++) {
                const Context *context = &grid_contexts[next++ % ncontexts];
                if (fits(&forms[i], context)) {
                    add_form_case(cases, options, &forms[i], masks[m], context);
                    made++;
                }
            }
        /* A step that shares no factor with the number of contexts lets the pairs vary. */
        next += 7;
    }
}

/* Every statement form with a few forms of each type that it takes. */
static void add_contexts(Cases *cases, const Options *options)
{
    static const struct {
        const char *text;
        unsigned mask;
    } chosen[] = {
        { "$i", 1 }, { "$i + $i", 1 }, { "$i + $i", 2 }, { "$i + $i", 3 }, { "$i && $i", 2 }, { "$b ? $c : $d", 2 }, { "$i ? $c : $d", 6 },
        { "$d", 1 }, { "$s", 1 }, { "$S", 1 }, { "$p", 1 }, { "$F", 1 }, { "$v", 1 },
        { "await aw_add(#, await aw_add(#, $i))", 1 }, { "v + await aw_set(#, &v)", 0 }, { "v += await aw_set(#, &v)", 0 },
        { "({ int x_ = $i; x_ + $i; })", 2 }, { "(struct small){ $i, $c, $h }", 2 }, { "$i ? $v : $v", 6 }, { "$v, $i", 3 },
        { "a[$i & 7] = $i", 3 }, { "mk_s($i, $i)", 2 }, { "$b ? $S : $S", 5 }, { "AWAIT_I(#) + $i", 0 },
    };
    size_t count;
    const Form *forms = get_forms(&count);
    for (const Context *context = grid_contexts; context->name; context++)
        for (size_t k = 0; k < sizeof chosen / sizeof *chosen; k++)
            for (size_t i = 0; i < count; i++)
                if (!strcmp(forms[i].text, chosen[k].text) && fits(&forms[i], context))
                    add_form_case(cases, options, &forms[i], chosen[k].mask, context);
}

static void add_templates(Cases *cases, const Options *options)
{
    for (const Manual *template = grid_templates; template->name; template++) {
        unsigned masks[16];
        int nmasks = list_masks(count_places(template->text), masks);
        for (int m = 0; m < nmasks; m++) {
            Fill how = { .mask = masks[m], .next_id = 1 };
            char *text = fill(&how, template->text), *functions = "", *split = strstr(text, "%%");
            if (split) {
                functions = text;
                *split = 0;
                text = split + 3;
            }
            add_case(cases, options, textf("%s %x", template->name, masks[m]), functions, with_locals(text, true));
        }
    }
}

static void add_random(Cases *cases, const Options *options, unsigned long long seed, int count)
{
    for (unsigned long long n = 0; count > 0; n++) {
        Rng rng = make_rng(seed * 1000003 + n);
        int depth = 2 + (int)pick(&rng, 3), before = cases->count;
        char *body = with_locals(make_random_body(&rng, depth), true);
        add_case(cases, options, textf("random %llu.%llu", seed, n), "", body);
        count -= cases->count - before;
    }
}

/* Output */

static void put_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", file);
        else if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else
            fputc(*text, file);
    }
    fputc('"', file);
}

/* Lines in braces are set in by their depth, so that a failing case can be read. */
static void put_indented(FILE *file, const char *text)
{
    int depth = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        int closing = 0, balance = 0;
        for (size_t i = 0; i < len; i++) {
            if (text[i] == '}' && balance == 0 && i == (size_t)closing)
                closing++;
            balance += (text[i] == '{') - (text[i] == '}');
        }
        bool is_label = len && text[len - 1] == ':' && !memchr(text, ' ', len);
        int indent = depth - closing - (is_label && depth > 0);
        fprintf(file, "%*s%.*s\n", indent > 0 ? 4 * indent : 0, "", (int)len, text);
        depth += balance;
        text += len + (text[len] == '\n');
    }
}

static FILE *open_output(const char *stem, const char *suffix)
{
    char *path = textf("%s%s", stem, suffix);
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(2);
    }
    return file;
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(2);
    }
    Buf buf = make_buf();
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        add_text(&buf, part, n);
    fclose(file);
    return buf.text;
}

/* The async children that the cases call, and their twins: only those, an unused one is a warning. */
static void put_children(FILE *file, const Options *options, const Cases *cases, const bool *taken)
{
    Buf used = make_buf(), children = make_buf();
    for (int i = 0; i < cases->count; i++)
        if (taken[i])
            addf(&used, "%s%s", cases->at[i].text, cases->at[i].twin);
    for (const char *p = "bchiulwfdeptsSqQF"; *p; p++)
        addf(&children,
             "static async %s aw_%c(int k)\n{\ntr_k(k);\nfor (int n = grid_suspends(k); n > 0; n--)\nawait ac_yield_now();\n"
             "%s result = val_%c(k);\ntr_k(-k);\nreturn result;\n}\n\n",
             type_name(*p), *p, type_name(*p), *p);
    addf(&children, "%s", read_all(options->children));
    /* A child may call one that stands before it. */
    char *pieces[64];
    int npieces = 0;
    for (char *piece = children.text; *piece && npieces < 64;) {
        char *end = strstr(piece, "\n\n");
        if (!end)
            break;
        *end = 0;
        pieces[npieces++] = strncmp(piece, "/*", 2) ? piece : strstr(piece, "*/") + 3;
        piece = end + 2;
    }
    bool wanted[64] = { 0 };
    for (int i = npieces - 1; i >= 0; i--) {
        char *name = strstr(pieces[i], "aw_"), *end = strchr(name, '(');
        name = textf("%.*s", (int)(end - name), name);
        /* Macros paste names together, from these three letters only. */
        bool pasted = strstr(used.text, "AWAIT_") && strlen(name) == 4 && strchr("isSd", name[3]);
        wanted[i] = uses_name(used.text, name) || uses_name(used.text, textf("tw_%s", name)) || pasted;
        if (wanted[i])
            addf(&used, "%s", pieces[i]);
    }
    for (int i = 0; i < npieces; i++) {
        if (!wanted[i])
            continue;
        Twin twin = write_twin(pieces[i], NULL);
        if (twin.error)
            give_up(textf("%s in:\n%s", twin.error, pieces[i]));
        fputc('\n', file);
        put_indented(file, pieces[i]);
        /* A case may await a child only where it is not evaluated. */
        fprintf(file, "__attribute__((unused))\n");
        put_indented(file, twin.text);
    }
}

static void put_main(FILE *file, const Cases *cases, const bool *taken)
{
    fprintf(file, "\nasync int main(void)\n{\n");
    for (int i = 0, n = 0; i < cases->count; i++)
        if (taken[i]) {
            fprintf(file, "    grid_begin(%d);\n    await case_%d();\n    grid_end(%d);\n", n, i, n);
            n++;
        }
    fprintf(file, "    return grid_finish();\n}\n");
}

static void put_files(const Options *options, const Cases *cases, const bool *taken)
{
    FILE *file = open_output(options->output, ".ac");
    fprintf(file, "/* A batch of the await grid, written by tests/grid/grid.c. */\n#include \"grid.h\"\n\n");
    for (const Macro *m = grid_macros; m->name; m++)
        fprintf(file, "#define %s%s%s%s %s\n", m->name, m->params ? "(" : "", m->params ? m->params : "", m->params ? ")" : "", m->body);
    put_children(file, options, cases, taken);
    for (int i = 0; i < cases->count; i++) {
        if (!taken[i])
            continue;
        fprintf(file, "\n/* case %d: %s */\n", i, cases->at[i].name);
        put_indented(file, cases->at[i].text);
        put_indented(file, cases->at[i].twin);
    }
    put_main(file, cases, taken);
    if (fclose(file))
        give_up("cannot write");

    file = open_output(options->output, "_drive.c");
    const char *base = strrchr(options->output, '/');
    base = base ? base + 1 : options->output;
    fprintf(file,
            "/* Drives the batch by hand, then its async main. */\n"
            "#define main grid_async_main\n#include \"%s.c\"\n#undef main\n\n"
            "#ifdef GRID_ELIDED\n"
            "#define CASE(n, name, text) { name, text, tw_case_##n, 0, 0, 0, 0, 0, 0, case_##n },\n"
            "#define DRIVER(n)\n"
            "#else\n"
            "#define CASE(n, name, text) \\\n"
            "    { name, text, tw_case_##n, sizeof(struct case_##n##__frame), \\\n"
            "      _Alignof(struct case_##n##__frame), init_##n, start_##n, poll_##n, cancel_##n, 0 },\n"
            "#define DRIVER(n) \\\n"
            "    static void init_##n(void *frame) { case_##n##__init(frame); } \\\n"
            "    static enum ac_poll start_##n(void *frame, struct ac_context *cx) { return case_##n##__start(frame, cx); } \\\n"
            "    static enum ac_poll poll_##n(void *frame, struct ac_context *cx) { return case_##n##__poll(frame, cx); } \\\n"
            "    static enum ac_poll cancel_##n(void *frame, struct ac_context *cx) { return case_##n##__cancel(frame, cx); }\n"
            "#endif\n\n",
            base);
    int count = 0;
    for (int i = 0; i < cases->count; i++)
        if (taken[i])
            fprintf(file, "DRIVER(%d)\n", i);
    fprintf(file, "\nstatic const struct grid_case all[] = {\n");
    for (int i = 0; i < cases->count; i++)
        if (taken[i]) {
            fprintf(file, "CASE(%d, ", i);
            put_string(file, textf("%d: %s", i, cases->at[i].name));
            fprintf(file, ", ");
            put_string(file, cases->at[i].text);
            fprintf(file, ")\n");
            count++;
        }
    fprintf(file,
            "};\n\n"
            "static int run_async(int argc, char **argv)\n{\n    (void)argc;\n    (void)argv;\n"
            "#if defined GRID_ELIDED || defined GRID_NO_RUNTIME\n    return 0;\n#else\n    return grid_async_main();\n#endif\n}\n\n"
            "int main(int argc, char **argv) { return grid_run(argc, argv, all, %d, run_async); }\n",
            count);
    if (fclose(file))
        give_up("cannot write");
}

/* The chosen numbers, as marks. */
static void mark_numbers(const char *path, bool *marks, int count)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(2);
    }
    for (int n; fscanf(file, "%d%*[^\n]", &n) == 1;)
        if (n >= 0 && n < count)
            marks[n] = true;
    fclose(file);
}

static Options read_options(int argc, char **argv)
{
    Options options = { .of = 1, .count = 500, .children = "children.ac" };
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const char *operand = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(arg, "--all")) {
            options.all = true;
            continue;
        }
        if (!strcmp(arg, "--list")) {
            options.list = true;
            continue;
        }
        if (!strcmp(arg, "--why")) { /* also tells which texts were left out as ambiguous */
            options.why = true;
            continue;
        }
        if (!operand)
            give_up(textf("'%s': unknown, or it lacks an operand", arg));
        i++;
        if (!strcmp(arg, "--seed")) {
            options.has_seed = true;
            options.seed = strtoull(operand, NULL, 10);
        } else if (!strcmp(arg, "--count")) {
            options.count = atoi(operand);
        } else if (!strcmp(arg, "--batch")) {
            options.batch = atoi(operand);
        } else if (!strcmp(arg, "--of")) {
            options.of = atoi(operand);
        } else if (!strcmp(arg, "--output")) {
            options.output = operand;
        } else if (!strcmp(arg, "--only")) {
            options.only = operand;
        } else if (!strcmp(arg, "--skip")) {
            options.skip = operand;
        } else if (!strcmp(arg, "--children")) {
            options.children = operand;
        } else {
            give_up(textf("unknown option '%s'", arg));
        }
    }
    if (options.of < 1)
        give_up("--of needs a positive number");
    return options;
}

int main(int argc, char **argv)
{
    Options options = read_options(argc, argv);
    Cases cases = { 0 };
    if (options.has_seed) {
        add_random(&cases, &options, options.seed, options.count);
    } else {
        add_templates(&cases, &options);
        add_contexts(&cases, &options);
        add_forms(&cases, &options, options.all ? 6 : 1);
        add_random(&cases, &options, 1, options.all ? 2000 : 250);
    }
    bool *taken = calloc((size_t)cases.count + 1, sizeof *taken), *left = calloc((size_t)cases.count + 1, sizeof *left);
    if (!taken || !left)
        give_up("out of memory");
    if (options.only)
        mark_numbers(options.only, taken, cases.count);
    if (options.skip)
        mark_numbers(options.skip, left, cases.count);
    for (int i = 0; i < cases.count; i++)
        taken[i] = (options.only ? taken[i] : i % options.of == options.batch) && !left[i];
    if (options.list)
        for (int i = 0; i < cases.count; i++)
            if (!options.only || taken[i])
                printf("%d %s\n", i, cases.at[i].name);
    if (options.output)
        put_files(&options, &cases, taken);
    if (options.why)
        fprintf(stderr, "grid: %d cases, %d left out\n", cases.count, cases.nrefused);
    return 0;
}

/* layout.c - random async functions, and what their frames have to hold.
 *
 *     layout write SEED COUNT >x.ac                            as many functions, and a main that calls them
 *     asyncc --emit=json x.ac | layout check SEED COUNT        whether the frames are right, and how large
 *     asyncc --emit=json x.ac | layout assert                  static assertions on each field of each frame
 *
 * `check` makes the same functions again, and finds by itself what is live where: by a walk over their
 * statements, not over a graph of blocks. A frame holds what is live at some suspend point, at just those points
 * of which the compiler says so, and nothing else. It is not larger than a C struct of what is held at
 * the worst moment (an array or a struct that lives across an await is in the frame between two awaits, too). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LOCALS = 60, MOST_STATEMENTS = 400, MOST_AWAITS = 200, MOST_FUNCTIONS = 2000 };

typedef uint64_t Set; /* of locals */
#define ONE(i) ((Set)1 << (i))

enum kind { CHAR, SHORT, INT, LONG, DOUBLE, BYTES, INTS, S5, S24, S32 };
static const struct {
    const char *name;
    int size, align;
} types[] = {
    { "signed char", 1, 1 }, { "short", 2, 2 }, { "int", 4, 4 },        { "long long", 8, 8 },   { "double", 8, 8 },
    { "char", 1, 1 },        { "int", 4, 4 },   { "struct s5", 5, 1 }, { "struct s24", 24, 8 }, { "struct s32", 32, 32 },
};

typedef struct Local {
    enum kind kind;
    int count; /* of an array's elements */
    bool is_param, is_counter;
    bool is_lent; /* an array that is only given to functions that keep nothing of it */
} Local;

enum what { DECLARE, DEFINE, FILL, USE, AWAIT, IF, LOOP };
typedef struct Statement {
    enum what what;
    int local;            /* the one that is declared, defined, used; AWAIT: that takes the value, or -1 */
    int argument;         /* AWAIT: passed to the callee, or -1 */
    bool fresh;           /* AWAIT: the local is declared by it */
    int callee;           /* AWAIT: a function's number, or below 0 a leaf's */
    int state;
    struct Statement *kids, *more; /* IF: the branches; LOOP: the body */
    Set own, own_more;             /* which locals they declare */
    Set begun;                     /* arrays whose address is out before it */
    struct Statement *next;
} Statement;

enum { NAP = -1, WIDE = -2, ALIGNED = -3 };
static const struct {
    const char *name;
    int size, align;
} leaves[] = { { "", 0, 1 }, { "nap", 1, 1 }, { "wide", 24, 8 }, { "aligned", 32, 16 } };

typedef struct Function {
    int number, level;
    Local locals[MOST_LOCALS];
    int nlocals, nparams, result;
    Statement statements[MOST_STATEMENTS];
    int nstatements;
    Statement *body;
    int nawaits, callees[MOST_AWAITS];
    Set live[MOST_AWAITS];     /* at each await, from 1 on */
    Set said[MOST_AWAITS + 1]; /* what the compiler keeps at each point */
    Set crossing;
    Set moments[MOST_STATEMENTS]; /* placed locals, between awaits */
    int nmoments;
    int64_t size;
} Function;

/* ---- dice ---- */

static uint64_t seed;
static unsigned throw_dice(unsigned sides)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (unsigned)((seed >> 11) % sides);
}

static bool is_array(const Local *local) { return local->kind == BYTES || local->kind == INTS; }
static bool is_placed(const Local *local) { return local->kind >= BYTES; }
static int64_t size_of(const Local *local) { return (int64_t)types[local->kind].size * (is_array(local) ? local->count : 1); }

/* ---- functions ---- */

static Function functions[MOST_FUNCTIONS];

static int add_local(Function *f, enum kind kind)
{
    Local *local = &f->locals[f->nlocals];
    *local = (Local){ .kind = kind };
    if (is_array(local)) {
        local->count = 1 + (int)throw_dice(throw_dice(4) ? 12 : 200);
        local->is_lent = throw_dice(2);
    }
    return f->nlocals++;
}

static Statement *add_statement(Function *f, Statement ***end, enum what what, int local)
{
    Statement *statement = &f->statements[f->nstatements++];
    *statement = (Statement){ .what = what, .local = local, .argument = -1 };
    **end = statement;
    *end = &statement->next;
    return statement;
}

/* One of the locals in sight, that is (not) a scalar, or -1. */
static int pick_local(const Function *f, Set sight, bool scalar)
{
    int found = -1, n = 0;
    for (int i = 0; i < f->nlocals; i++)
        if ((sight & ONE(i)) && is_placed(&f->locals[i]) != scalar && throw_dice((unsigned)++n) == 0)
            found = i;
    return found;
}

static enum kind pick_kind(void)
{
    static const enum kind often[] = { CHAR, SHORT, INT, INT, LONG, LONG, DOUBLE, BYTES, BYTES, INTS, S5, S24 };
    return throw_dice(60) == 0 ? S32 : often[throw_dice(sizeof often / sizeof *often)];
}

static void add_await(Function *f, Statement ***end, Set *sight, Set *own)
{
    Statement *await = add_statement(f, end, AWAIT, -1);
    unsigned which = throw_dice(6);
    await->callee = which < 2 ? NAP : which == 2 ? WIDE : which == 3 ? ALIGNED : NAP;
    if (which > 3 && f->number > 0) {
        int callee = (int)throw_dice((unsigned)f->number);
        if (functions[callee].level < 3)
            await->callee = callee;
    }
    if (await->callee >= 0 && f->level <= functions[await->callee].level)
        f->level = functions[await->callee].level + 1;
    await->state = ++f->nawaits;
    f->callees[await->state] = await->callee;
    if (await->callee == NAP)
        return;
    await->argument = pick_local(f, *sight, true);
    if (throw_dice(4) == 0)
        return;
    if (throw_dice(2) && f->nlocals < MOST_LOCALS) {
        await->local = add_local(f, throw_dice(2) ? LONG : INT);
        await->fresh = true;
        *own |= ONE(await->local);
        *sight |= ONE(await->local);
    } else {
        await->local = pick_local(f, *sight, true);
        if (await->local >= 0 && f->locals[await->local].is_counter)
            await->local = -1;
    }
}

static Statement *make_block(Function *f, Set sight, int depth, Set *own)
{
    Statement *first = NULL, **end = &first;
    int n = 2 + (int)throw_dice(6);
    *own = 0;
    for (int i = 0; i < n && f->nstatements < MOST_STATEMENTS - 20 && f->nawaits < MOST_AWAITS - 10; i++) {
        unsigned what = throw_dice(12);
        int local;
        if (what < 3 && f->nlocals < MOST_LOCALS - 2) {
            local = add_local(f, pick_kind());
            add_statement(f, &end, DECLARE, local);
            *own |= ONE(local);
            sight |= ONE(local);
        } else if (what < 4) {
            local = pick_local(f, sight, throw_dice(2));
            if (local >= 0 && !f->locals[local].is_counter)
                add_statement(f, &end, is_array(&f->locals[local]) ? FILL : DEFINE, local);
        } else if (what < 7) {
            local = pick_local(f, sight, throw_dice(2));
            if (local >= 0)
                add_statement(f, &end, USE, local);
        } else if (what < 10 || depth >= 3) {
            add_await(f, &end, &sight, own);
        } else if (what == 10) {
            local = pick_local(f, sight, true);
            if (local < 0)
                continue;
            Statement *branch = add_statement(f, &end, IF, local);
            branch->kids = make_block(f, sight, depth + 1, &branch->own);
            branch->more = make_block(f, sight, depth + 1, &branch->own_more);
        } else if (f->nlocals < MOST_LOCALS - 2) {
            local = add_local(f, INT);
            f->locals[local].is_counter = true;
            Statement *loop = add_statement(f, &end, LOOP, local);
            loop->kids = make_block(f, sight | ONE(local), depth + 1, &loop->own);
        }
    }
    return first;
}

static void make_function(int number)
{
    Function *f = &functions[number];
    Set own;
    do {
        memset(f, 0, sizeof *f);
        f->number = number;
        f->nparams = 1 + (int)throw_dice(4);
        for (int i = 0; i < f->nparams; i++) {
            enum kind kind = i ? pick_kind() : LONG; /* the first is what callers pass */
            add_local(f, is_array(&(Local){ .kind = kind }) ? LONG : kind);
            f->locals[i].is_param = true;
        }
        f->body = make_block(f, ONE(f->nparams) - 1, 0, &own);
    } while (f->nawaits == 0);
    f->result = pick_local(f, (ONE(f->nparams) - 1) | own, true);
}

/* ---- what is live ---- */

/* Those whose address is out. */
static Set arrays_of(const Function *f, Set set)
{
    for (int i = 0; i < f->nlocals; i++)
        if (!is_array(&f->locals[i]) || f->locals[i].is_lent)
            set &= ~ONE(i);
    return set;
}

/* Forward: they are in use from their first mention to the end of their block. */
static Set begin(Function *f, Statement *block, Set own, Set begun)
{
    begun &= ~own;
    for (Statement *s = block; s; s = s->next) {
        Set more, less;
        s->begun = begun;
        switch (s->what) {
        case DECLARE:
        case FILL:
        case USE:
            begun |= arrays_of(f, ONE(s->local));
            break;
        case IF:
            more = begin(f, s->kids, s->own, begun);
            less = begin(f, s->more, s->own_more, begun);
            begun = more | less;
            break;
        case LOOP:
            begun |= begin(f, s->kids, s->own, begun);
            begun |= begin(f, s->kids, s->own, begun);
            s->begun = begun;
            break;
        default:
            break;
        }
    }
    return begun & ~own;
}

static Set scalars_of(const Function *f, Set set) { return set & ~arrays_of(f, set); }

static Set find_live(Function *f, Statement *s, Set live)
{
    if (!s)
        return live;
    live = find_live(f, s->next, live);
    switch (s->what) {
    case DECLARE:
    case DEFINE:
        return live & ~scalars_of(f, ONE(s->local));
    case FILL: /* whatever isn't written stays */
    case USE:
        return live | scalars_of(f, ONE(s->local));
    case AWAIT:
        if (s->local >= 0)
            live &= ~ONE(s->local);
        f->live[s->state] = live | s->begun;
        if (s->argument >= 0)
            live |= ONE(s->argument);
        return live;
    case IF:
        return find_live(f, s->kids, live) | find_live(f, s->more, live) | ONE(s->local);
    case LOOP: {
        Set counter = ONE(s->local), head = live | counter;
        for (int i = 0; i < 3; i++) /* to a fixed point: a block adds what it needs in one round */
            head |= find_live(f, s->kids, head);
        return head & ~counter;
    }
    }
    return live;
}

/* Where a placed local is written, all placed ones hold something that do so after it. */
static Set find_moments(Function *f, Statement *s, Set live)
{
    if (!s)
        return live;
    live = find_moments(f, s->next, live);
    Set placed = 0;
    for (int i = 0; i < f->nlocals; i++)
        if (is_placed(&f->locals[i]) && (f->crossing & ONE(i)))
            placed |= ONE(i);
    switch (s->what) {
    case DECLARE:
    case DEFINE:
    case FILL:
        if (placed & ONE(s->local))
            f->moments[f->nmoments++] = placed & (live | s->begun | ONE(s->local));
        return s->what == FILL ? live | scalars_of(f, ONE(s->local)) : live & ~scalars_of(f, ONE(s->local));
    case USE:
        if ((placed & ONE(s->local)) && f->locals[s->local].is_lent) /* for all that is known it is written, too */
            f->moments[f->nmoments++] = placed & (live | s->begun | ONE(s->local));
        return live | scalars_of(f, ONE(s->local));
    case AWAIT:
        return live;
    case IF:
        return find_moments(f, s->kids, live) | find_moments(f, s->more, live);
    case LOOP: {
        Set head = live;
        int n = f->nmoments;
        for (int i = 0; i < 3; i++) {
            f->nmoments = n;
            head |= find_moments(f, s->kids, head);
        }
        return head;
    }
    }
    return live;
}

static void analyse(Function *f)
{
    Set result = f->result >= 0 ? ONE(f->result) : 0;
    begin(f, f->body, 0, 0);
    find_live(f, f->body, result);
    for (int i = 1; i <= f->nawaits; i++)
        f->crossing |= f->live[i];
    find_moments(f, f->body, result);
}

static Set uses_of(const Statement *s)
{
    Set uses = 0;
    for (; s; s = s->next) {
        if (s->what != AWAIT || s->local >= 0)
            uses |= ONE(s->local);
        if (s->argument >= 0)
            uses |= ONE(s->argument);
        uses |= uses_of(s->kids) | uses_of(s->more);
    }
    return uses;
}

/* Of the struct of these locals and of a child, largest alignment first: no padding but at the end. */
static int64_t struct_size(const Function *f, Set set, int64_t child, int *align)
{
    int64_t size = child + 1;
    for (int i = 0; i < f->nlocals; i++)
        if (set & ONE(i)) {
            size += size_of(&f->locals[i]);
            if (types[f->locals[i].kind].align > *align)
                *align = types[f->locals[i].kind].align;
        }
    return size;
}

/* ---- writing ---- */

static void indent(int depth) { printf("%*s", depth * 4, ""); }

static void write_declaration(const Local *local, int i)
{
    printf("%s v%d", types[local->kind].name, i);
    if (is_array(local))
        printf("[%d]", local->count);
}

static void write_value(const Local *local)
{
    if (local->kind >= S5)
        printf("make_%s(source())", types[local->kind].name + strlen("struct "));
    else
        printf("(%s)source()", types[local->kind].name);
}

/* What isn't the same in every order of evaluation is no argument. */
static void write_argument(const Local *local)
{
    if (local->kind >= S5)
        printf("make_%s(%u)", types[local->kind].name + strlen("struct "), throw_dice(100));
    else
        printf("%u", throw_dice(100));
}

static const char *name_callee(const Statement *s)
{
    static char name[20];
    if (s->callee < 0)
        return leaves[-s->callee].name;
    snprintf(name, sizeof name, "f%d", s->callee);
    return name;
}

static void write_call(const Statement *s)
{
    printf("await %s(", name_callee(s));
    if (s->callee != NAP) {
        const char *cast = s->callee == ALIGNED ? "int" : "long long";
        if (s->argument < 0)
            printf("(%s)%u", cast, throw_dice(100));
        else
            printf("(%s)v%d", cast, s->argument);
    }
    for (int i = 1; s->callee >= 0 && i < functions[s->callee].nparams; i++) {
        printf(", ");
        write_argument(&functions[s->callee].locals[i]);
    }
    printf(")");
}

static void write_block(const Function *f, const Statement *s, int depth)
{
    for (; s; s = s->next) {
        const Local *local = s->local >= 0 ? &f->locals[s->local] : NULL;
        const char *lent = local && local->is_lent ? "lent_" : "";
        indent(depth);
        switch (s->what) {
        case DECLARE:
            write_declaration(local, s->local);
            if (is_array(local)) {
                printf("; %sfill(v%d, sizeof v%d);\n", lent, s->local, s->local);
            } else {
                printf(" = ");
                write_value(local);
                printf(";\n");
            }
            break;
        case DEFINE:
            printf("v%d = ", s->local);
            write_value(local);
            printf(";\n");
            break;
        case FILL:
            printf("%sfill(v%d, sizeof v%d);\n", lent, s->local, s->local);
            break;
        case USE:
            if (is_array(local))
                printf("%stake(v%d, sizeof v%d);\n", lent, s->local, s->local);
            else if (local->kind >= S5)
                printf("use_%s(v%d);\n", types[local->kind].name + strlen("struct "), s->local);
            else
                printf("sink((long long)v%d);\n", s->local);
            break;
        case AWAIT:
            if (local && s->fresh)
                printf("%s ", types[local->kind].name);
            if (local)
                printf("v%d = (%s)", s->local, types[local->kind].name);
            write_call(s);
            printf(";\n");
            break;
        case IF:
            printf("if ((int)v%d & 1) {\n", s->local);
            write_block(f, s->kids, depth + 1);
            indent(depth);
            printf("} else {\n");
            write_block(f, s->more, depth + 1);
            indent(depth);
            printf("}\n");
            break;
        case LOOP:
            printf("for (int v%d = 0; v%d < 2; v%d++) {\n", s->local, s->local, s->local);
            write_block(f, s->kids, depth + 1);
            indent(depth);
            printf("}\n");
            break;
        }
    }
}

static void write_function(const Function *f)
{
    printf("\nasync long long f%d(", f->number);
    for (int i = 0; i < f->nparams; i++) {
        printf("%s", i ? ", " : "");
        write_declaration(&f->locals[i], i);
    }
    printf(")\n{\n");
    write_block(f, f->body, 1);
    if (f->result >= 0)
        printf("    return (long long)v%d;\n}\n", f->result);
    else
        printf("    return 0;\n}\n");
}

static void write_all(int n)
{
    printf("// Made by layout.c.\n#include \"support.h\"\n");
    for (int i = 0; i < n; i++)
        write_function(&functions[i]);
    printf("\nasync int main(void)\n{\n");
    for (int i = 0; i < n; i++) {
        printf("    sink(");
        write_call(&(Statement){ .callee = i, .argument = -1 });
        printf(");\n    printf(\"%d %%llx\\n\", hash);\n", i);
    }
    printf("    return 0;\n}\n");
}

/* ---- checking ---- */

static int nwrong;
static void wrong(const Function *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(const Function *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stdout, "error: f%d: ", f->number);
    vfprintf(stdout, format, args);
    fprintf(stdout, "\n");
    va_end(args);
    nwrong++;
}

/* The number behind `"name": ` in the line, or fallback. */
static int64_t number_of(const char *line, const char *name, int64_t fallback)
{
    char key[40];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(line, key);
    return at ? strtoll(at + strlen(key), NULL, 10) : fallback;
}

static bool text_of(const char *line, const char *name, char *text, size_t size)
{
    char key[40];
    snprintf(key, sizeof key, "\"%s\": \"", name);
    const char *at = strstr(line, key);
    if (!at)
        return false;
    at += strlen(key);
    size_t length = strcspn(at, "\"");
    snprintf(text, size, "%.*s", (int)length, at);
    return true;
}

/* One that has several slots has them at different points. */
static void read_live(Function *f, int local, const char *line)
{
    const char *at = strstr(line, "\"live\": [");
    if (local >= f->nlocals || !at) {
        wrong(f, "what is v%d?", local);
        return;
    }
    for (at += strlen("\"live\": ["); *at && *at != ']'; at += strspn(at, ", ")) {
        char *end;
        long state = strtol(at, &end, 10);
        if (end == at || state < 0 || state > f->nawaits)
            break;
        if (f->said[state] & ONE(local))
            wrong(f, "v%d is kept twice at suspend point %ld", local, state);
        f->said[state] |= ONE(local);
        at = end;
    }
}

static void check_live(const Function *f)
{
    for (int i = 1; i <= f->nawaits; i++)
        for (int local = 0; local < f->nlocals; local++)
            if ((f->said[i] ^ f->live[i]) & ONE(local))
                wrong(f, "v%d is %s at suspend point %d", local, f->said[i] & ONE(local) ? "kept for nothing" : "not kept", i);
}

static void check_size(const Function *f, int64_t align, double *sum, double *worst)
{
    int64_t most = 0;
    int largest = 8; /* the result's */
    Set params = (uses_of(f->body) | (f->result >= 0 ? ONE(f->result) : 0)) & (ONE(f->nparams) - 1);
    for (int i = 0; i <= f->nawaits + f->nmoments; i++) {
        int64_t child = 0;
        Set set = i == 0 ? params : i <= f->nawaits ? f->live[i] : f->moments[i - f->nawaits - 1];
        if (i > 0 && i <= f->nawaits)
            child = f->callees[i] < 0 ? leaves[-f->callees[i]].size : functions[f->callees[i]].size;
        if (i > 0 && i <= f->nawaits && f->callees[i] < 0 && leaves[-f->callees[i]].align > largest)
            largest = leaves[-f->callees[i]].align;
        int64_t size = struct_size(f, set, child, &largest);
        if (size > most)
            most = size;
    }
    if (most < 9)
        most = 9; /* the result beside the state */
    int64_t bound = (most + largest - 1) / largest * largest;
    if (align > largest)
        bound = (most + align - 1) / align * align; /* a child of a child is aligned to more */
    double ratio = (double)f->size / (double)bound;
    *sum += ratio;
    if (ratio > *worst)
        *worst = ratio;
    if (f->size > bound)
        wrong(f, "%" PRId64 " bytes, a C struct of what is live has %" PRId64, f->size, bound);
}

static int check_all(int n)
{
    char line[8192], name[80];
    Function *f = NULL;
    int nseen = 0;
    double sum = 0, worst = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "      \"name\": ", 14)) {
            if (f)
                check_live(f);
            f = NULL;
            if (text_of(line, "name", name, sizeof name) && name[0] == 'f' && atoi(name + 1) < n)
                f = &functions[atoi(name + 1)];
        } else if (f && !strncmp(line, "        \"size\": ", 16)) {
            f->size = number_of(line, "size", -1);
            nseen++;
        } else if (f && !strncmp(line, "        \"align\": ", 17)) {
            check_size(f, number_of(line, "align", 1), &sum, &worst);
        } else if (f && strstr(line, "\"kind\": \"local\", \"offset\"")) {
            text_of(line, "name", name, sizeof name);
            if (name[0] != 'v')
                wrong(f, "'%s' is kept", name);
            else
                read_live(f, atoi(name + 1), line);
            if (f->locals[atoi(name + 1)].is_param)
                continue;
            if (!(f->crossing & ONE(atoi(name + 1))))
                wrong(f, "%s lives across no await", name);
        }
    }
    if (nseen != n)
        printf("error: %d frames of %d\n", nseen, n), nwrong++;
    double mean = nseen ? sum / nseen : 0;
    printf("%d frames: mean %.4f, worst %.4f of a C struct of what is live\n", nseen, mean, worst);
    if (mean > 1.03)
        printf("error: the mean is above 1.03\n"), nwrong++;
    return nwrong != 0;
}

/* ---- assertions ---- */

static int write_assertions(void)
{
    static char line[65536];
    char frame[300] = "", name[300] = "";
    int n = 0;
    while (fgets(line, sizeof line, stdin)) {
        int64_t size = number_of(line, "size", -1), align = number_of(line, "align", -1);
        if (!strncmp(line, "        \"type\": ", 16)) {
            text_of(line, "type", frame, sizeof frame);
        } else if (!strncmp(line, "        \"size\": ", 16)) {
            printf("_Static_assert(sizeof(%s) == %" PRId64 ", \"\");\n", frame, size);
        } else if (!strncmp(line, "        \"align\": ", 17)) {
            printf("_Static_assert(_Alignof(%s) == %" PRId64 ", \"\");\n", frame, align);
        } else if (strstr(line, "\"extent\"") && text_of(line, "name", name, sizeof name)) {
            printf("_Static_assert(__builtin_offsetof(%s, %s) == %" PRId64 " && sizeof(((%s *)0)->%s) == %" PRId64 ", \"%s\");\n",
                   frame, name, number_of(line, "offset", -1), frame, name, number_of(line, "extent", -1), name);
            n++;
        }
    }
    fprintf(stderr, "%d fields\n", n);
    return n == 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "assert"))
        return write_assertions();
    int n = argc == 4 ? atoi(argv[3]) : 0;
    if (n < 1 || n > MOST_FUNCTIONS) {
        fprintf(stderr, "usage: layout write|check SEED COUNT | layout assert\n");
        return 2;
    }
    seed = (uint64_t)strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u;
    for (int i = 0; i < n; i++)
        make_function(i);
    if (!strcmp(argv[1], "write")) {
        write_all(n);
        return 0;
    }
    for (int i = 0; i < n; i++)
        analyse(&functions[i]);
    return check_all(n);
}

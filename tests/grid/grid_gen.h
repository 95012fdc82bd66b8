/* grid_gen.h - the generator of the await grid, as one story.
 *
 * A *case* is the body of an async function, written in a small subset of C. It comes from the
 * tables of forms.c, with awaits put into every place an expression can stand, or from random.c.
 *
 *     tr_i(op_i(1) + await aw_i(2));
 *
 * twin.c reads that text and writes the *sequenced twin*: a plain function in which each operand
 * stands in a statement of its own, in the order that the language promises.
 *
 *     Q q1 = op_i(1);
 *     Q q2 = tw_aw_i(2);
 *     Q q3 = q1 + q2;
 *     tr_i(q3);
 *
 * Both record what they do in a trace (support.c), and the driver compares the traces. The twin is
 * the oracle, so twin.c is kept simple: it knows no types, it lets __auto_type find them.
 *
 * grid.c numbers the cases, chooses among them and writes the files. Memory is never given back;
 * the generator is a short-lived program. */
#ifndef GRID_GEN_H
#define GRID_GEN_H
#include <stdbool.h>
#include <stddef.h>

/* buf.c: text that grows, and the random numbers of a case. */

typedef struct Buf {
    char *text; /* ends with a zero, never null */
    size_t len, cap;
} Buf;

Buf make_buf(void);
void add_text(Buf *buf, const char *text, size_t len);
__attribute__((format(printf, 2, 3))) void addf(Buf *buf, const char *format, ...);
__attribute__((format(printf, 1, 2))) char *textf(const char *format, ...);

/* xorshift64*, so that a seed gives the same cases on every machine. */
typedef struct Rng {
    unsigned long long state;
} Rng;

Rng make_rng(unsigned long long seed);
unsigned pick(Rng *rng, unsigned below); /* 0 .. below - 1 */

/* twin.c: the oracle. */

typedef struct Macro {
    const char *name;
    const char *params; /* "x, y"; null for an object-like macro */
    const char *body;
} Macro;

/* What twin.c says about a case's text. */
typedef struct Twin {
    const char *error;  /* null when the text is a case; else why it cannot be one  */
    int nawaits;        /* evaluated ones, counted where they stand after expansion */
    char *text;         /* the twin's functions                                     */
    bool uses_memcpy;
} Twin;

/* Reads async function definitions and writes their twins: `async T f(P) {..}` gives `T tw_f(P)
 * {..}`. An error is returned for text whose meaning the language leaves open (two side effects
 * in one operator with no await among its operands), and for what the reader does not know. */
Twin write_twin(const char *functions, const Macro *macros);

/* forms.c: what there is to choose from. */

/* An expression form: `$x` is a place for an operand of type x, `#` a fresh number. */
typedef struct Form {
    char type;         /* of the whole expression, one of type_names */
    const char *text;
    unsigned flags;
} Form;

enum {
    FORM_NO_COND = 1,  /* compilers warn when it is a condition by itself */
    FORM_LEAF = 2,     /* stands without parentheses anywhere             */
    FORM_FLAT = 4,     /* its places take leaves only: else it may overflow */
    FORM_FIXED = 8,    /* not for random bodies: grows, or leaves its array */
    FORM_ASSIGN = 16,  /* compilers ask for parentheses in a condition    */
    FORM_COMMA = 32,   /* needs parentheses as an argument or initialiser */
    FORM_PRODUCT = 128, /* compilers warn when it is part of a condition   */
    FORM_ADDRESS = 64, /* of something local, or never null: no condition, no result */
};

/* A statement form around `@`, an expression; `@T` is its type and `@t` what traces it. */
typedef struct Context {
    const char *name;
    const char *types; /* the types of `@` that it takes; "" when it has no `@` */
    const char *text;
    unsigned flags;
} Context;

enum {
    CONTEXT_COND = 1,   /* `@` is a condition                         */
    CONTEXT_RETURN = 2, /* the text is the body of a function of @T   */
    CONTEXT_OPEN = 4,   /* a comma in `@` needs no parentheses        */
    CONTEXT_MACRO = 8,  /* `@` is a macro's argument                  */
    CONTEXT_CLOSED = 16, /* an address of a local dies with the `@`   */
};

/* A local that a case has when its text names it. */
typedef struct Local {
    const char *name;
    char type;               /* what reading it gives; 0: not for random reads */
    const char *declaration;
    const char *trace;       /* a statement that shows its value at the end */
} Local;

typedef struct Manual {
    const char *name;
    const char *text; /* of the case's body; or of functions, when it begins with "static" */
    const char *twin; /* null: written by twin.c */
} Manual;

extern const Macro grid_macros[];   /* these five end with a null name or text */
extern const Context grid_contexts[];
extern const Local grid_locals[];
extern const Manual grid_manuals[];
extern const Manual grid_templates[]; /* statement forms with places of their own */

const Form *get_forms(size_t *count); /* the table and the products of operators and types */
const char *type_name(char type);
const char *tracer_of(char type);

/* fill.c: templates to text. */

typedef struct Fill {
    unsigned mask;  /* place n gets an await when bit n is set; not for random filling */
    int nplaces;    /* counted while filling  */
    int next_id;    /* of operands; ids are what the trace shows */
    Rng *rng;       /* null: operands are leaves, chosen by mask  */
    int depth;      /* left for forms in places, when random      */
    const Form *inner;      /* what stands for `@`, and   */
    const Context *context; /* where; null without a `@`  */
} Fill;

char *fill(Fill *how, const char *text);
char *fill_form(Fill *how, const Form *form); /* as fill, without parentheses around it */
int count_places(const char *text);

/* random.c */

/* A body of a few random statements around random expressions of up to the given depth. */
char *make_random_body(Rng *rng, int depth);

#endif

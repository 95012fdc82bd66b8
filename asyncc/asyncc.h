/* asyncc.h - the story of one translation, and the model that its passes share.
 *
 *     file.ac --source--> text, and the same with keywords replaced, .ah files pasted in
 *       --read--> functions: statements, expressions, locals, calls, awaits   (libclang)
 *       --expand--> hard macro calls expanded in place; read again
 *       --check--> diagnostics          --calls--> who awaits whom, in which order
 *       --sequence--> which operands have to wait for an await in temporaries
 *       --cfg, liveness--> what lives across which suspend point
 *       --frame--> one struct per function: fields, offsets, shared space
 *       --lower--> edits of the user's text that make a body resumable
 *       --emit--> c | header | elided | frames | dot | json
 *
 * Example, used throughout:
 *
 *     async int twice_later(int n)
 *     {
 *         int noise = n % 7;               noise: STACK   dead before the await
 *         printf("%d\n", noise);
 *         await ac_sleep(AC_MS);           suspend point 1, child ac_sleep
 *         return 2 * n;                    n: SAVED       read after it
 *     }
 *
 * Offsets (from, to) are bytes into Source.text, half open. Everything is taken from the Tu's arena
 * and released with it. */
#ifndef ASYNCC_H
#define ASYNCC_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Tu Tu;
typedef struct Fn Fn;
typedef struct Node Node;
typedef struct Local Local;
typedef struct Await Await;
typedef struct Block Block;
typedef struct Owed Owed;

/* ---- arena.c: memory, growing arrays, text ------------------------------------------------- */

typedef struct Arena Arena;
void prepare_heap(void); /* once, before a thread is started */
Arena *new_arena(void);
void free_arena(Arena *);
void empty_arena(Arena *); /* releases all that was taken; for what is done again and again */
void *take(Arena *, size_t size); /* zeroed, aligned for anything; never null */
char *take_text(Arena *, const char *text, size_t length);
char *take_format(Arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A growing array: `T *v; int nv, room;` kept by the caller; the old one stays in the arena. */
void *grow(Arena *, void *array, int count, int *room, size_t size);
#define push(arena, array, count, room) \
    ((array) = (count) < (room) ? (array) : grow((arena), (array), (count), &(room), sizeof *(array)), \
     &(array)[(count)++])

/* Text under construction. Always ends in a zero byte, which size doesn't count. */
typedef struct Buf {
    Arena *arena;
    char *text;
    size_t size, room;
} Buf;
void add(Buf *, const char *text);
void add_bytes(Buf *, const char *bytes, size_t size);
void add_format(Buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void add_va(Buf *, const char *format, va_list);
void add_number(Buf *, long long);
/* Room for as many bytes, taken at once: text that may get long isn't copied while it grows. */
void reserve(Buf *, size_t size);

/* ---- options.c: the command line ------------------------------------------------------------ */

enum emit { EMIT_C, EMIT_HEADER, EMIT_ELIDED, EMIT_FRAMES, EMIT_DOT, EMIT_JSON };

typedef struct Options {
    const char *input, *output; /* "-": standard input, standard output                  */
    const char **modules;       /* EMIT_HEADER: the .ac files that define what the input declares */
    int nmodules, modules_room;
    const char *cc;             /* --cc: compiles the output                             */
    const char **clang_args;    /* what libclang is given of the user's flags            */
    int nclang_args;
    const char **cc_args; /* the same flags as the user wrote them, for --cc          */
    int ncc_args;
    const char **quote_dirs, **include_dirs; /* -iquote; -I, -isystem, -idirafter in cc's order */
    int nquote_dirs, ninclude_dirs, quote_dirs_room, include_dirs_room;
    enum emit emit;
    const char *dump; /* --dump=PASS, or null                                    */
    bool no_lines;    /* -P                                                      */
    bool frame_notes; /* -Rframe: why a frame is as it is                        */
    bool compile;     /* -c: on to an object                                     */
    bool debug;       /* -DAC_DEBUG: frames are watched                          */
    bool interposes;  /* -fPIC: what a shared library shows may be replaced when it is loaded */
    bool run;         /* --run: compile, link, run with run_args                 */
    char **run_args;
    int nrun_args;
    const char **link_args; /* -l, -L, -Wl,.. and their like, for --run                     */
    int nlink_args;
    enum { DEPS_NONE, DEPS_USER, DEPS_ALL } deps; /* -MMD, -MD                           */
    const char *deps_file, *deps_target;          /* -MF, -MT and -MQ as make reads them  */
    bool deps_phony;                              /* -MP                                 */
    bool json_diagnostics;
    bool no_warnings, warnings_are_errors; /* -w, -Werror                               */
    int64_t most_frame;         /* -Wframe-larger-than=; 0: any size will do               */
    bool most_frame_is_error;   /* -Werror=frame-larger-than=                              */
    enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour;
} Options;

/* Fills options, or says on stderr what is wrong. Returns -1 to go on, else the exit status
 * (0 after --help and --version, 2 for a wrong call). */
int read_options(Arena *, int argc, char **argv, Options *options);
/* Where ac/future.h and libac.a are: beside the executable if it was installed, else in the build tree. */
const char *runtime_include_dir(Arena *);
const char *runtime_library(Arena *);
/* A path with what make would take for something else escaped, as -MQ has it. */
const char *quote_for_make(Arena *, const char *path);

/* ---- source.c: the text, and where each byte of it comes from -------------------------------- */

typedef struct File {
    const char *path; /* as the user named it, or as it was found; for #line and messages   */
    const char *quoted; /* the path as a string of C */
    const char *text;
    int size;
    int *line_at; /* line_at[i]: offset of line i + 1 */
    int nlines;
    int near; /* the line, less one, that place_of() found last */
} File;

/* A stretch of Source.text: from `at` to the next segment's at. */
typedef struct Seg {
    int at;
    File *file;
    int offset; /* in file, of the byte at `at`                                               */
    bool made;  /* the stretch isn't in the file, it all stands for the byte at offset:
                   an expanded macro call, a character inserted for the parse                 */
} Seg;

/* A keyword of the text, and where its stand-in is in what libclang reads. */
typedef struct Word {
    int at, size;             /* in text                                                        */
    int parse_at, parse_size; /* in parse                                                       */
    bool in_directive;
} Word;

typedef struct Words {
    Word *v; /* in their order */
    int n, room;
} Words;

typedef struct Source {
    const char *text;  /* the user's words; .ah files pasted in where they are included       */
    const char *parse; /* what libclang reads: the same with C in the place of keywords       */
    int size, parse_size;
    Words words;
    Seg *segs;
    int nsegs;
} Source;

typedef struct Place {
    File *file;
    int offset;       /* in file                                         */
    int line, column; /* from 1; the column counts bytes                  */
} Place;

/* One change of text, to make a new Source of an old one. Ordered by from, not overlapping. */
typedef struct Change {
    int from, to;
    const char *text;
} Change;

/* Reads tu->options' input (and, following "#include "x.ah"" as cc would, .ah files) into tu->source.
 * Reports and returns false if a file can't be read, isn't text, or is malformed as such. */
bool read_source(Tu *);
Source *change_source(Tu *, const Source *, const Change *, int nchanges);
Place place_of(const Source *, int offset);
bool is_made_text(const Source *, int offset); /* not in the file as it stands there */
/* Of an offset in source->parse: the one in source->text; inside of a stand-in, one in the keyword. `hint` is
 * the caller's, 0 at first: asked for neighbours, the search is short. */
int text_offset(const Source *, int parse_offset, int *hint);
/* The first keyword at or behind an offset of the text, by its place in words.v; words.n: there is none. */
int first_word(const Source *, int offset);
/* The keyword whose stand-in begins there, or null. */
const Word *find_word(const Source *, int parse_offset);
/* Path of a file that is read for messages only (a header), from a cache in tu; null if unreadable. */
File *open_file(Tu *, const char *path);
/* The #include "x.ah" that were pasted, for the depfile: in tu->ah_files. */
/* `#line 7 "file.ac"` and a newline, the path escaped. */
void add_line_directive(Buf *, const File *, int line);
/* Where a reader of text written so far believes its next byte to come from. */
typedef struct Belief {
    File *file;
    int line;
} Belief;
/* [from, to) of the text, with #line directives where a reader would be mistaken; `said` goes on. */
void add_with_lines(Buf *, const Source *, int from, int to, Belief *said);
bool is_same_file(const char *a, const char *b); /* both are there, and two names of one */
/* Up to the last slash: "" for "m.ac", "src" for "src/m.ac", "/" for "/m.ac". */
const char *directory_of(Arena *, const char *path);

/* ---- lex.c: C tokens in text, no preprocessing ------------------------------------------------ */

enum token_kind { T_END, T_NAME, T_NUMBER, T_STRING, T_CHAR, T_PUNCT, T_DIRECTIVE };
/* T_DIRECTIVE: a whole preprocessor line, '#' to before its newline, continued lines included. */
typedef struct Token {
    enum token_kind kind;
    int from, to;
} Token;

/* The token at or after offset, comments and blanks skipped. T_END at `end`. `line_start`: whether a
 * '#' found before anything else begins a directive; false when inside one. */
Token next_token(const char *text, int offset, int end);
bool token_is(const char *text, Token, const char *spelling);
bool is_name_char(char); /* of identifiers, $ and all that isn't ASCII among them */
/* Past comments and blanks. */
int skip_blank(const char *text, int offset, int end);
/* The offset of the bracket that closes the one at `open`, or -1. Strings, comments, directives skipped. */
int find_closing(const char *text, int open, int end);
/* The text with C in the place of async, await and defer (not in strings, comments, #include lines and member
 * names): an attribute, __extension__, an attribute. Its size is *parse_size. */
char *replace_keywords(Arena *, const char *text, int size, Words *found, int *parse_size);
Token next_directive(const char *text, int offset, int end); /* at or after offset, or T_END */

/* ---- diag.c: what the user is told ------------------------------------------------------------- */

enum severity { NOTE, WARNING, ERROR };

/* A diagnostic at [from, to) of tu->source; the caret stands at from, the range is underlined. They
 * are printed, in the order of the source, by print_diagnostics. */
void report(Tu *, enum severity, int from, int to, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Belongs to the last report; from < 0: no place. */
void note(Tu *, int from, int to, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Of the last report: replacing [from, to) by text would mend it. */
void fixit(Tu *, int from, int to, const char *text);
/* The same at a place of any file (a header, or nowhere: file null). For libclang's own messages. */
void report_at(Tu *, enum severity, Place, int length, const char *option, const char *message);
void range_at(Tu *, Place from, int length); /* one more underlined range of the last report/note     */
void note_at(Tu *, Place, int length, const char *message);
void fixit_at(Tu *, Place, int length, const char *text);
int count_errors(const Tu *);
void forget_diagnostics(Tu *); /* those of a parse that is done again */
void print_diagnostics(Tu *, FILE *);

/* ---- the model: types --------------------------------------------------------------------------- */

enum type_kind { TYPE_VOID, TYPE_SCALAR, TYPE_ARRAY, TYPE_RECORD, TYPE_FUNCTION };

/* A struct or union that only the body of a function can name. What is made there says `struct point`, or a
 * name that is made: of a tag that the definition is given, or of a typedef where the user's is declared twice. */
typedef struct Tag {
    const char *name;     /* the user's, or null                                                  */
    const char *spelled;  /* as the body says it: "struct point", "struct f__tag1", "f__point__2" */
    const char *word;     /* "struct" or "union"                                                  */
    int from, keyword_to; /* the definition, and the end of its first word; -1: there is none     */
    bool in_macro;        /* which comes from a macro's body                                      */
    bool is_ambiguous;    /* spelled is a typedef's name                                          */
    bool is_of_file;      /* it is, and the typedef is put before the function                    */
    const char *value;    /* then, if it has no name: an expression of the type: "x.member"       */
    bool is_named;        /* the definition has been given its tag, and the attribute             */
    bool is_needed;       /* made text says it                                                    */
    bool has_alias;       /* the typedef stands                                                   */
    const char *refused;  /* why it can't be named, or null                                       */
} Tag;
typedef struct TagUse {
    Tag *tag;
    struct TagUse *next;
} TagUse;

/* A made local that keeps the bound of an array, as one that names it sees it. */
typedef struct BoundUse {
    Local *local;
    struct BoundUse *next;
} BoundUse;

/* Printed as before NAME after: `int (*` name `)[3]`. */
typedef struct Type {
    enum type_kind kind;
    const char *before, *after; /* top-level qualifiers included                                  */
    const char *bare_before;    /* without the top-level const (and that of array elements)       */
    const char *bare_after;
    int64_t size; /* bytes; -1 where it isn't constant                                          */
    int align;
    bool is_const, is_volatile, is_atomic;
    bool variable_size; /* a VLA, or a pointer to one                                            */
    bool has_const;     /* a record with a const member: an object of it can't be assigned       */
    bool is_flexible;   /* a record that ends in an array without a size                          */
    bool takes_zero;    /* a record whose first scalar `{ 0 }` can be for: it isn't without elements */
    bool is_vector;     /* or an array of vectors                                               */
    bool is_pointer;
    bool is_task;       /* ac_task(T); target is T                                               */
    bool is_future;     /* ac_future(T), likewise                                                */
    bool is_async_pointer;
    BoundUse *bounds;       /* of a variably modified one, as far as they are known               */
    bool bound_unknown;     /* some aren't: they don't stand in a declarator                      */
    const char *extent;     /* of a VLA: its size, as an expression                               */
    TagUse *tags;           /* the body alone can name it, by these                                */
    const char *local_tag; /* why not even the body can, or null                                  */
    struct Type *target;
} Type;
/* "int (*name)[3]", "unsigned char"; bare: without top-level const. */
const char *declare(Arena *, const Type *, const char *name, bool bare);
const char *zero_of(const Type *); /* its initialiser */
/* local_types.c: the same as the user would write it, for people. */
/* local_types.c: a tag that the type needs is defined inside of the node. */
bool defines_tag_of(const Type *, const Node *);
const char *show_type(Arena *, const Type *, const char *name);

/* ---- the model: statements and expressions -------------------------------------------------------- */

/* kids stand in fixed places; one that is absent is null. */
enum node_kind {
    /* Statements. */
    N_COMPOUND, /* { kids }                                                                   */
    N_DECLARE,  /* T a = .., b;            kids: an N_VAR for each variable that is no static  */
    N_VAR,      /* a declarator            0: initialiser or null, then expressions in its type;
                   uses: the bounds that it defines                                            */
    N_IF,       /* if (0) 1 else 2                                                             */
    N_WHILE,    /* while (0) 1                                                                 */
    N_DO,       /* do 0 while (1);                                                             */
    N_FOR,      /* for (0; 1; 2) 3         0: N_DECLARE or expression                          */
    N_SWITCH,   /* switch (0) 1                                                                */
    N_CASE,     /* case ..: 0              also default:, then op is 'd'                       */
    N_LABEL,    /* name: 0                                                                     */
    N_GOTO,     /* goto name;                                                                  */
    N_GOTO_ANY, /* goto *0;                                                                    */
    N_BREAK,
    N_CONTINUE,
    N_RETURN, /* return 0;                                                                   */
    N_EMPTY,  /* ;  or a declaration that declares no variable; op 's': of a constexpr one, 't': a typedef,
               'd': async functions, 'a': the parse's own                                       */
    N_ASM,    /* kids: operands                                                              */
    /* Expressions. An expression can stand where a statement can. */
    N_REF,         /* a local of this function                                               */
    N_ASSIGN,      /* 0 = 1, or 0 op= 1 (then op is not 0); 1 is evaluated first             */
    N_STEP,        /* ++0, 0--                                                               */
    N_ADDRESS,     /* &0                                                                     */
    N_AND,         /* 0 && 1                                                                 */
    N_OR,          /* 0 || 1                                                                 */
    N_COND,        /* 0 ? 1 : 2                                                              */
    N_ELVIS,       /* 0 ?: 1                                                                 */
    N_COMMA,       /* 0, 1                                                                   */
    N_CALL,        /* 0(1, 2, ..)                                                            */
    N_AWAIT,       /* await f(kids), or await kids[0] of a task                              */
    N_SPAWN,       /* ac_spawn_local(f(kids)), and on_pool ac_spawn(f(kids))                 */
    N_FUTURE,      /* f(kids), which a local ac_future(T) keeps                              */
    N_BLOCK_ON,    /* ac_block_on(f(kids))                                                   */
    N_STMT_EXPR,   /* ({ 0 })                0: N_COMPOUND                                   */
    N_INIT,        /* { kids }               an initialiser list, in the order of the text   */
    N_LITERAL,     /* (T){ .. }              bounds in T, then N_INIT; local: the object     */
    N_BOUND,       /* [0] in a type's name     local: what keeps the bound, where that is wanted */
    N_UNEVALUATED, /* sizeof, typeof, ...    kids are not evaluated; only their text matters */
    N_CONSTANT,    /* a literal, an enumerator, a function's name                            */
    N_OTHER,       /* anything else: kids are its operands, left to right                    */
};

struct Node {
    /* There are many of these: what is small stands together. */
    enum node_kind kind : 8;
    char op;      /* N_ASSIGN: 0 or the operator's first character; N_CASE: 'd' for default;
                     N_OTHER: 'G' a _Generic whose choice is known, 'u' an operand that may not be evaluated */
    bool tested;            /* handles.c: N_REF of a task's handle that is only looked at       */
    bool through_pointer;   /* N_AWAIT, N_SPAWN, N_BLOCK_ON: kids[0] is what is called, the arguments follow */
    bool is_lvalue;         /* used for its place, not its value                               */
    bool in_macro;          /* some of its text is in a macro's body: it can't be edited        */
    bool has_await;         /* an await is evaluated in it (N_UNEVALUATED: false)              */
    bool discarded;         /* its value is not used                                           */
    bool on_pool;           /* N_SPAWN: ac_spawn                                               */
    bool decays;            /* an array, used as the address of its first element                   */
    bool lent;              /* lend.c: an address that is gone when the call is done                 */
    bool in_result;         /* frame.c, of what is returned: it stands where the result does         */
    int from, to; /* a statement's `to` is past its semicolon, but for an expression's           */
    int end;      /* of a statement, past its semicolon                                          */
    int nkids;
    int name_to;      /* N_SPAWN, N_BLOCK_ON, N_FUTURE, N_AWAIT of a call: end of the callee's name */
    int args_from, args_to; /* the same: what stands between the call's parentheses; 'G': the control
                               with the probe around it                                         */
    Node **kids;
    Type *type;   /* expressions: after conversion to what the context takes                   */
    Local *local; /* N_REF, N_VAR, N_LITERAL, N_BOUND                                          */
    union {
        Await *await;     /* N_AWAIT; N_FUTURE: the birth                                      */
        Fn *callee;       /* N_SPAWN, N_BLOCK_ON                                               */
        const char *name; /* N_LABEL, N_GOTO                                                   */
    };
    BoundUse *uses;         /* bounds of the type that it names                                */
    const char *lends;      /* N_CALL, N_AWAIT: what becomes of pointers, see pointer_classes(), or null */

    /* scopes.c, of N_RETURN, N_GOTO, N_BREAK, N_CONTINUE, and of N_COMPOUND and N_FOR at their ends: what is
     * owed there, up to what stays open where control goes. */
    const Owed *owed, *kept;

    /* sequence.c */
    Local *temp; /* its value is put there first; the text then has the temp's name             */
};

static inline Node *kid(const Node *node, int i) { return i < node->nkids ? node->kids[i] : NULL; }

/* ---- the model: locals, awaits, functions ------------------------------------------------------------ */

enum local_kind {
    LOCAL_PARAM,
    LOCAL_VAR,
    LOCAL_TEMP,
    LOCAL_LITERAL,
    LOCAL_BOUND,   /* made, for the bound of an array: twice_later__b1     */
    LOCAL_TYPEDEF, /* no object: a variably modified typedef of the block's */
    LOCAL_STATIC,  /* variably modified or declared beside such a one; never in the frame  */
};

/* Where a local lives in the output. */
enum home {
    HOME_STACK,  /* a C local: never live at a suspend point                                  */
    HOME_SAVED,  /* a C local, put into the frame where its function suspends, and back        */
    HOME_PLACED, /* always in the frame, the text says self->name                             */
};

struct Local {
    const char *name;  /* the user's; a temporary's is made: twice_later__t1                  */
    const char *field; /* in the frame; differs from name where two locals share a name        */
    enum local_kind kind;
    Type *type;
    int index;          /* in fn->locals                                                       */
    int from;           /* offset of the declared name; -1 for temporaries                     */
    Node *decl;         /* N_VAR; LOCAL_BOUND: the expression                                  */
    Node *statement;    /* N_DECLARE, of a variable; LOCAL_BOUND: the N_VAR or N_BOUND         */
    bool lowered;       /* vla.c: its declaration, variably modified, doesn't stay             */
    Node *scope;        /* the N_COMPOUND, N_FOR, ... whose end is the local's; null for a param */
    bool address_taken; /* by &, by an array's decay, by an asm operand; not where it is lent   */
    int naddresses;     /* the reader's: how often                                              */
    bool in_place;      /* must be HOME_PLACED if it is live at a suspend point: address taken,
                           array, struct, volatile, _Atomic                                    */
    bool used;
    bool by_type;        /* a parameter that is declared by its type, not by its text: an array, or without a name */
    bool is_thread;      /* LOCAL_STATIC: one for each thread */
    int alignment;       /* _Alignas, or 0 */
    const char *refused; /* why it can't live across an await yet ("is a VLA"), or null         */
    const char *cleanup; /* the function that its attribute names, or null                     */
    bool is_owed;       /* scopes.c: the output calls it, not the compiler of the output        */
    bool is_freed;      /* scopes.c: a VLA, whose memory goes back where its scope is left     */
    bool wrapped;       /* sequence.c: a literal whose address leaves the block put around its statement */
    bool own_type;      /* sequence.c: a temporary whose value defines its type                    */
    bool undefined_ok;  /* liveness.c: may be saved before anything was assigned to it          */
    bool is_constant;   /* liveness.c: a SAVED parameter that is never assigned                  */
    bool is_nulled;     /* liveness.c: a task's handle that is set to null where it is taken     */
    bool is_macro;      /* sequence.c: from some place in the body on, its name is a macro's        */
    enum home home;     /* liveness.c                                                          */
    struct Field *slot; /* frame.c: null for HOME_STACK; the first of several                  */
    Await *birth;       /* an ac_future(T): the call whose frame it is, no suspend point         */
    Local *said;        /* of a future that more than one place may drive: what its last poll said, or that
                           it was awaited; see futures.c                                      */
    int nmentions;      /* of a future: places that await it, or drive it                       */
    bool is_asked;      /* of a future: some await has to ask whether it was awaited before      */
};

/* Of a task. */
static inline bool is_handle(const Local *local) { return local && local->type && local->type->is_task; }

/* A set of locals (or of anything that is numbered). */
typedef struct Bits {
    uint64_t *words;
    int nwords;
} Bits;
Bits new_bits(Arena *, int nbits);
static inline bool has_bit(Bits b, int i) { return b.words[i >> 6] >> (i & 63) & 1; }
static inline void set_bit(Bits b, int i) { b.words[i >> 6] |= (uint64_t)1 << (i & 63); }
static inline void clear_bit(Bits b, int i) { b.words[i >> 6] &= ~((uint64_t)1 << (i & 63)); }

/* One suspend point; or, in fn->births, a call whose future a local keeps: then only node, callee, type, boxed
 * and child are in use. */
struct Await {
    Node *node;
    Fn *callee;    /* null: a task handle is awaited                                            */
    Local **futures; /* kept ones that are driven instead of a child of its own: one, or those of ac_all */
    int nfutures, futures_room;
    bool is_all;       /* they are ac_all's                                                     */
    bool may_be_taken; /* futures.c: on some path the future was awaited before                 */
    bool is_over;      /* futures.c: it has finished: there is nothing to wait for               */
    Node *choice;  /* the _Generic that chooses the callee, or null                              */
    int state;     /* 1, 2, ... in the order of the text; 0 is "not started"                    */
    const Owed *owed; /* scopes.c: if the function is cancelled there                           */
    Type *type;    /* of the value                                                              */
    Local *result; /* sequence.c: where the value goes when ready, or null (void, discarded, or
                      read from the child's frame where it is used)                            */
    Bits overlaps; /* cfg.c: locals written before the value is out of the child's frame        */
    Bits live;     /* liveness.c: locals that live across it                                    */
    bool reached;  /* liveness.c: some path from the start leads here                           */
    Bits held;     /* handles.c: those that may hold a task; no words where there is none       */
    Bits perhaps_held; /* of these, those that may have been taken                              */
    struct Field *child; /* frame.c; of a boxed call a pointer to the frame                     */
    bool boxed;    /* calls.c: the callee's frame comes from a stack                            */
};

/* What a declaration of an async function looks like in the text. */
typedef struct Decl {
    int from, to; /* `async` (or what stands before it) to past the semicolon or the body's brace */
    int name_from, name_to;
    int params_from, params_to; /* between the parentheses                                     */
    bool is_definition;
    bool in_text;   /* in tu->source, so it is replaced; else in a plain header (AC_ASYNC)      */
} Decl;

/* A name that a block declares for something that is no local: it hides a local of that name. */
typedef struct Hiding {
    const char *name;
    Node *scope;
} Hiding;

typedef struct TypeUse {
    int from, to;
    bool in_macro;
    Local *local; /* LOCAL_TYPEDEF */
} TypeUse;

struct Fn {
    Tu *tu;
    const char *name;
    Type *result;  /* the value's type                                                          */
    Local **params; /* also the first of locals                                                 */
    int nparams;
    bool is_static, is_inline, is_main;
    bool name_is_taken;      /* the body can't have it: a parameter or the C library does               */
    bool is_pointer;         /* no function: stands for what a pointer points to, is in no list        */
    bool is_mentioned;       /* its address is taken                                            */
    bool is_weak;            /* another file's may take its place                               */
    bool is_interposable;    /* another library's may take its place                             */
    const char *visibility;  /* "hidden", where an attribute or a pragma says so, or null           */
    bool is_leaf;            /* AC_FRAME: written by hand                                       */
    bool is_blocking;        /* leaf: made of ac_spawn_blocking, by read_blocking.c             */
    const char *calls;       /* what it calls; null: its first parameter                        */
    bool is_all;             /* ac_all: no function, what it does is written where it is awaited */
    bool has_start, has_resume; /* leaf: name__start, name__resume are declared                 */
    bool has_box;               /* leaf: of a header that asyncc made; the module has name__box and name__future */
    bool is_noinline;        /* said by an attribute                                           */
    bool gives_value;        /* emit_c.c: the body returns its value, which stays in a register */
    const char *frame_type;  /* "struct fetch__frame"                                           */
    int64_t frame_size;      /* leaf: from libclang; else frame.c. -1: unknown                   */
    int64_t frame_used;      /* frame.c: without the padding at its end, which the parent may use;
                                of a leaf AC_FRAME_USED's or 0, or with has_box that of its module  */
    int frame_align;
    Decl *decls;
    int ndecls, decls_room;
    Node *body; /* null: only declared                                                        */
    int nbounds; /* so many of the body's first kids are bounds of array parameters, with effects */
    Local **locals;
    int nlocals, locals_room;
    Hiding *hidings;
    int nhidings, hidings_room;
    Await **awaits; /* by state: awaits[0] is state 1 */
    int nawaits, awaits_room;
    Await **births; /* of the futures that locals keep, in the order of the text */
    int nbirths, births_room;
    bool spawned, blocked_on; /* fetch__spawn or fetch__spawn_local, fetch__block_on are needed  */
    bool has_handles;         /* a local of its is a task's handle, or it spawns one               */
    bool on_pool, on_thread;  /* which of the two when spawned                                   */
    bool is_kept;             /* a future of it is, in some local                                */
    bool is_awaited;          /* emit_c.c: by a function of this file                            */
    bool is_awaited_early;    /* emit_c.c: by one that is defined before it                      */
    const char *self, *cx, *state; /* names of the body's parameters, free of clashes             */
    bool shows_name;          /* __func__ and its like are used                                */
    Tag **outer_tags; /* of the file, hidden by those of the function: typedefs are put before it  */
    int nouter_tags, outer_tags_room;
    struct TypeUse *type_uses; /* where the names of variably modified typedefs stand          */
    int ntype_uses, type_uses_room;
    bool has_allocas;          /* alloca is called                                             */
    bool has_blocks;           /* vla.c: it keeps memory besides the frame                     */
    bool labels_as_values;    /* &&label, or asm that may define labels: the body exists once    */
    bool uses_name[3];        /* the body mentions self, cx, state as names of its own or global */
    int64_t most_frame;       /* AC_FRAME_MAX, or 0                                              */
    int awaited_from;         /* calls.c: where the first body begins that awaits it, or 0             */
    int order;                /* calls.c: a callee with a body has a smaller one, unless it's boxed */
    bool wants_box;           /* AC_BOXED                                                       */
    bool is_boxed;            /* calls.c: by some await here                                    */
    bool may_call;            /* calls.c: some await of its is boxed, or of its children's: then its poll may
                                 say AC__CALL where it runs in a box                            */
    int seen, circle;         /* calls.c's own                                                  */
    bool is_open;

    /* cfg.c */
    Block **blocks; /* [0] is the entry                                                        */
    int nblocks, blocks_room;

    /* frame.c */
    struct Field *fields; /* in the order of offset                                            */
    int nfields;
    struct Field *state_field, *result_field;
};

/* For messages. */
static inline const char *shown_name(const Fn *fn) { return fn->is_blocking ? "ac_spawn_blocking" : fn->name; }

/* ---- scopes.c: what is owed when a scope is left ------------------------------------------------------- */

/* What is open at some place, the innermost first: the cleanup of a local, or the memory of a VLA. Lists share
 * their tails. */
struct Owed {
    Local *local;
    const Owed *outer;
    bool is_memory; /* of a VLA that is freed                                                       */
    int depth; /* 1: nothing outside of it                                                         */
};
/* The first in the list, before `kept`, that the output has to do; null: there is none. */
const Owed *next_owed(const Owed *, const Owed *kept);
/* Of labels that have its name the one that a goto means: with __label__ there may be more. */
int choose_label(const Node *body, const Node *const *labels, int nlabels, const Node *jump);
/* Fills Node.owed and kept, Await.owed, Local.is_owed and is_freed. */
void find_owed(Fn *);
/* All cleanups, before memory that is freed where the function ends. */
void own_cleanups(Fn *);

/* ---- cfg.c: the order in which things happen ----------------------------------------------------------- */

enum event_kind {
    EVENT_USE,     /* local's value is read                                                     */
    EVENT_DEF,     /* all of local is assigned                                                  */
    EVENT_PART,    /* some of it is assigned, or it may be (a member; an array's element)       */
    EVENT_ADDRESS, /* its address is taken: from here on it may be read and written unseen      */
    EVENT_DECLARE, /* its declaration is reached: no earlier value is seen any more             */
    EVENT_ENTER,   /* its block is entered: a new object                                        */
    EVENT_LEAVE,   /* its block is left                                                         */
};
typedef struct Event {
    enum event_kind kind;
    Local *local;
} Event;

/* A task's handle leaves a local: it is awaited, passed on, or given back. */
typedef struct Move {
    int at;           /* before that event of the block                                         */
    Local *local;     /* null: the program ends                                                 */
    const Node *node; /* what takes it; null: the local is set to none                          */
} Move;

/* How control leaves a block. An await ends its block, so a state is a block's end. */
enum exit {
    EXIT_JUMP,   /* to next[0]                                                                  */
    EXIT_BRANCH, /* on test: next[0] when it holds, next[1] when not                            */
    EXIT_SWITCH, /* on test: to one of next, labelled by cases                                  */
    EXIT_AWAIT,  /* poll child: while pending, leave; when ready, next[0]                        */
    EXIT_RETURN, /* the function is done                                                        */
};
struct Block {
    int index;
    Event *events;
    int nevents, events_room;
    Move *moves;
    int nmoves, moves_room;
    enum exit exit;
    Node *test;         /* EXIT_RETURN: the N_RETURN, or null at the function's end                */
    Await *await;
    Block **next;
    const Node **cases; /* EXIT_SWITCH: the N_CASE of next[i]; null where none matches           */
    int nnext, next_room, cases_room;
    Bits live_in, live_out;
};
/* Needs Node.temp, Await.result. Fills Fn.blocks; leaves out what can't be reached. */
void build_cfg(Fn *);

/* flow.c: forward over the blocks, a byte of bits for each local, joined by "or". `entry` holds at the start; `walk` makes of
 * what holds before a block what holds behind it. Called for each block once more at the end, *last then being true. */
void flow_states(Fn *, const unsigned char *entry, void (*walk)(void *, Block *, unsigned char *state), void *data, bool *last);

/* ---- handles.c: tasks that nobody waits for ------------------------------------------------------------------- */

/* Before the CFG: which mentions of a handle only look at it. Reports handles that nobody keeps. */
void mark_tested_handles(Fn *);
/* Needs Fn.blocks. Reports handles that are lost on some path, or used when they are gone. Fills Await.held. */
void check_handles(Fn *);

/* ---- futures.c: futures that locals keep ------------------------------------------------------------------------ */

/* Before the CFG: gives each future that may be driven at more than one place its Local.said. */
void mark_futures(Fn *);
/* Needs Fn.blocks. Reports futures that are lost, or used when they are gone; finds awaits that are over. */
void check_futures(Fn *);
static inline bool is_kept_future(const Local *local) { return local && local->birth; }
/* What an await of a kept future drives, or null. */
static inline Local *awaited_future(const Await *await)
{
    return await->nfutures == 1 && !await->is_all ? await->futures[0] : NULL;
}
/* The call that an await of the function, or a birth behind these, makes; calls.c orders functions by them. */
static inline Await *call_of(const Fn *fn, int i) { return i < fn->nawaits ? fn->awaits[i] : fn->births[i - fn->nawaits]; }
static inline int count_calls(const Fn *fn) { return fn->nawaits + fn->nbirths; }

/* ---- liveness.c: which locals have to outlive a suspension ------------------------------------------------ */

/* Needs Fn.blocks. Fills Block.live_in, live_out, Await.live and reached, Local.home. */
void find_live_locals(Fn *);

/* ---- frame.c: fields, offsets, shared space --------------------------------------------------------------- */

typedef struct Field {
    enum { FIELD_LOCAL, FIELD_CHILD, FIELD_RESULT, FIELD_STATE, FIELD_BLOCKS, FIELD_WATCH } kind;
    const char *name; /* twice, fetch__1, result, state                                          */
    Local *local;
    Await *await; /* the child's                                                               */
    Type *type;   /* null for a child                                                          */
    int64_t offset;
    int64_t size;   /* of what it holds: a child's without the padding at its end               */
    int64_t extent; /* of the C object                                                          */
    int align;
    bool packed; /* the result of a frame that would be larger if this were aligned            */
    Bits live; /* suspend points (by state; 0: not started) at which it is live                  */
    struct Field *more; /* a SAVED local's next slot, which is live at later points              */
} Field;
/* Needs liveness, and the callees' frames. Fills fields, frame_size, frame_used, frame_align, Local.slot,
 * Await.child. */
void lay_out_frame(Fn *);
/* Where a local is at a suspend point; 0: before the start. */
const Field *slot_at(const Local *, int point);

/* ---- budget.c: frames that are too large --------------------------------------------------------------------- */

/* Reports one that is above what AC_FRAME_MAX or -Wframe-larger-than= allows, with what fills it. Lays it out
 * again for that, and leaves it as it was. */
void check_budget(Fn *);

/* ---- the translation unit ------------------------------------------------------------------------------------- */

/* A macro of the program's. */
typedef struct Macro {
    const char *name;
    int from;       /* where in the text it is defined; -1: elsewhere, so before it               */
    bool has_parameters;
    bool is_itself; /* #define stdin stdin                                                        */
} Macro;

struct Tu {
    Arena *arena;
    Arena *scratch; /* for work on one function, emptied after each */
    Arena *work;    /* of blocks, flow sets, interference: scratch where no more than C is asked for, else arena */
    const Options *options;
    Source *source;
    File *main_file;
    File **ah_files;
    int nah_files, ah_files_room;
    const char **includes; /* every file that the parse read, for the depfile                       */
    bool *include_is_system;
    int nincludes, includes_room;
    File **files; /* open_file's cache                                                          */
    int nfiles, files_room;
    struct Diags *diags;
    Fn **fns; /* async functions, in the order of their first declaration                       */
    int nfns, fns_room;
    bool macro_name[3]; /* self, cx, state are macros somewhere                                    */
    Node **outside; /* N_SPAWN and N_BLOCK_ON in plain functions                                 */
    int noutside, outside_room;
    Change *hard; /* macro calls in async functions that have to be expanded before the next read */
    int nhard, hard_room;
    Macro *macros; /* if there are such calls: what their expansions could be taken for           */
    int nmacros, macros_room;
    Change *inserts; /* characters that the next parse needs: the star of `await *task`           */
    int ninserts, inserts_room;
    int naligns; /* names that were made for the parse: read_stmt.c, read_heads.c */
    Change *mentions; /* async functions as values, and the text that they become                   */
    int nmentions, mentions_room;
    int first_use; /* a declaration at file level, the first that needs what is made for functions; or -1 */
    Change *calls; /* every outermost macro call in the text, by from                             */
    int ncalls, calls_room;
    Change *skipped; /* stretches that the preprocessor left out                                  */
    int nskipped, skipped_room;
    int pointer_size; /* bytes, of the target */
    bool has_main;
    bool has_boxes; /* a call through a pointer is spawned or blocked on                         */
    Tu **modules;   /* EMIT_HEADER: options->modules, each translated                            */
    struct Reader *reader; /* read.c's own                                                      */
    Buf out;               /* the output                                                        */
};

/* library.c: compilers know a function of that name, and which type it has. */
bool is_library_name(const char *);
/* library.c: what a function of the C library's does with each pointer that it is given, "rn-" of memcpy: n, it
 * keeps no copy of it; r, it returns it; k, it keeps it; -, no pointer; the last before a * holds for all that
 * follow. Null: not known. */
const char *pointer_classes(const char *name);
/* lend.c: finds the addresses that are only lent to calls; Local.address_taken is then of the others. */
void lend_addresses(Fn *);
/* The local in whose memory a lent address points. */
Local *lent_local(const Node *);
void sort_changes(Change *, int n); /* macro.c: by from, the longer one first */
/* macro.c: the first that ends behind an offset, of sorted ones that don't overlap; n: there is none. */
int first_change(const Change *, int n, int offset);
/* read_macros.c: all definitions that the last read saw, by name, in tu->macros. */
void find_macros(Tu *);
/* macro.c: the one of that name that is defined at an offset of the text, or null. */
const Macro *find_macro(const Tu *, const char *name, int at);
/* macro.c: whether #undef stands there. */
bool is_undefined(const char *text, int from, int to, const char *name);
/* macro.c: whether it is defined there, without parameters. */
bool is_defined_in(const char *text, int from, int to, const char *name);
/* macro.c: the outermost macro call around an offset of the text, or null. */
const Change *find_call(const Tu *, int offset);
/* Puts that call into tu->hard. False where none is. */
bool ask_expansion(Tu *, int offset);
bool is_skipped(const Tu *, int offset); /* by the preprocessor */
/* The next #if, #elif, #else, #endif or one like them, or T_END. */
Token next_conditional(const char *text, int offset, int end);

/* read.c: text -> functions, by libclang. Reports clang's errors, and ours that need no flow. False: stop. */
bool read_functions(Tu *);
void free_reader(Tu *);
/* expand.c: each range of tu->source, a macro call, by what tu->options->cc expands it to. The result has
 * as many lines. Null after a report. */
Source *expand_macros(Tu *, const Change *ranges, int nranges);
/* Each branch[i].from stands just after the line of an #if, #elif or #else: taken[i] says whether the
 * compiler of the output reads on there. False after a report. */
bool check_conditionals(Tu *, const Change *branches, int nbranches, bool *taken);
/* calls.c: in this file, for good. */
bool is_frame_known(const Fn *);
/* calls.c: which awaits are boxed; orders tu->fns so that callees come before those that hold their frames. */
void order_calls(Tu *);
/* check.c: refuses what can't live across an await yet. Needs liveness. */
bool check_locals(Tu *);
/* check.c: refuses an #if in an async body that tu->options->cc decides otherwise than libclang. */
bool check_branches(Tu *);
/* sequence.c: whether it does more than to have a value. */
bool has_effect(const Node *);
/* sequence.c: the last statement, behind its labels: what a statement expression has its value from. */
Node *last_of_block(const Node *body);
/* vla.c: which variably modified declarations don't stay as they are: Local.lowered, Fn.has_blocks. */
void lower_variable_types(Fn *);
void keep_bounds_of(Fn *, const Type *); /* made text says the type, so its bounds are kept */
bool has_await_in_scope(const Fn *, const Local *);
bool is_vla(const Local *); /* an array, not a pointer to one */
/* sequence.c: one more local of the function's. */
Local *new_temp(Fn *, const char *name, Type *);
/* local_types.c: unsigned char, short or int. */
Type *unsigned_type(Arena *, int size);
/* sequence.c: fills Node.temp and Await.result. */
void sequence_operands(Fn *);
/* After liveness: placed are literals of statements that lowering wraps, and locals that are hidden by an
 * inner one of their name where they would have to be saved. */
void place_locals(Fn *);

/* emit_c.c and the others: what is asked for, into tu->out. */
void name_parameters(Tu *); /* Fn.self, cx, state */
/* False after asking, by tu->hard, for macro calls to be expanded. */
bool emit_c(Tu *);
void emit_header(Tu *); /* of an .ah file; needs tu->modules */
void emit_elided(Tu *);
void emit_frames(Tu *);
void emit_dot(Tu *);
/* emit_dot.c: how a function gets from one suspend point to the next. */
typedef struct Edge {
    int from, to; /* states; 0 is the start, nawaits + 1 the end                                 */
    const char **paths; /* each way there: "n > 3 && !done"; none if there is no condition       */
    int npaths, room;
    bool more; /* there are further ways                                                         */
} Edge;
Edge *find_edges(Fn *, int *nedges);
void emit_json(Tu *);

/* dump.c: the model after a pass, as text. */
void dump_functions(Tu *, const char *pass, FILE *);
/* What [from, to) of the source says, on one line and without comments. */
const char *one_line(Tu *, int from, int to);
/* The line that a byte of the source came from, as the user counts; 0 where there is no source. */
int line_of(Tu *, int offset);
/* "12:await fetch" */
const char *name_await(Tu *, const Await *);

/* drive.c: depfile, output to a temporary file that is renamed, -c, --run. Returns the exit status. */
int deliver(Tu *);
/* A new directory under TMPDIR, null after a message on stderr; and its end, files and all. */
const char *make_scratch(Arena *);
void remove_scratch(const char *directory);
/* A command line under construction. */
typedef struct Command {
    Arena *arena;
    const char **argv;
    int argc, room;
} Command;
void add_argument(Command *, const char *);
/* A command to its end: 0 to 255, 128 + n where signal n killed it, -1 (errno set) where it can't be run.
 * Its standard output and error go to the files named, null: where ours go. Signals that would end us
 * are passed on to it, so that what called this can clean up. */
int run_command(Command *, const char *output, const char *errors);
/* The words of --cc ("ccache gcc" is two), and -iquote with the input's directory: what is compiled stands
 * elsewhere, and must find its headers. Then the user's flags. */
void start_compiler(Tu *, Command *);

#endif

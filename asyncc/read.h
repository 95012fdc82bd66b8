/* read.h - what the files share that read the source through libclang. Nothing of libclang goes
 * further than read.c, messages.c and types.c. */
#ifndef ASYNCC_READ_H
#define ASYNCC_READ_H
#include "asyncc.h"
#include <clang-c/Index.h>

/* The address spaces that mark ac_task(T) and ac_future(T) in the parse; runtime/include/ac/task.h has them too. */
enum { TASK_SPACE = 7701, FUTURE_SPACE = 7702 };

/* So many _Alignas of a declaration's that are no numbers. */
enum { MOST_ALIGNMENTS = 8 };

/* Locations of libclang from here on are of what a macro expanded to. */
#define FIRST_MACRO (1u << 31)

typedef struct TypeSlot {
    const void *key;
    Type *type;
} TypeSlot;

/* What a declaration that some name refers to is to us. */
typedef struct Known {
    const void *key;  /* clang's declaration */
    Fn *fn;           /* an async function   */
    Local *local;     /* of the function that is being read */
    Tag *tag;         /* a struct or union */
    Local *bound;     /* of a variable array type: its bound, once evaluated */
    const char *lends; /* a function: Node.lends of its calls */
    bool has_lends;    /* that is known */
    enum { KNOWN_OTHER = 1, KNOWN_CONSTANT, KNOWN_SPAWN, KNOWN_SPAWN_LOCAL, KNOWN_BLOCK_ON, KNOWN_BLOCKING, KNOWN_REFUSED } what;
    int name_is;      /* 1 + the place of its name in {self, cx, state}, or 0 */
} Known;

/* A stretch of our text. */
typedef struct Extent {
    int from, to;
} Extent;

/* A name that the program declares and that could be one of asyncc's. */
typedef struct Taken {
    const char *name;
    int from;
} Taken;

typedef struct Tree Tree;

/* The children of a cursor. */
typedef struct Kids {
    CXCursor *v;
    int n, room;
} Kids;

typedef struct Reader {
    Tu *tu;
    Arena *arena;
    CXIndex index;
    CXTranslationUnit unit;
    CXFile file; /* the text that is translated */
    CXSourceLocation text_at; /* where it begins; libclang numbers the bytes of a file in their order */
    unsigned text_size;       /* 0 if it doesn't: then each location is asked for                     */
    int hint;                 /* text_offset()'s                                                      */
    int same_from, same_to, same_shift; /* a stretch of the parse, and how far its text stands before it */
    Tree *tree; /* read_tree.c's own: the function that is read                                       */
    CXCursor *collected;      /* children()'s own                                                     */
    int ncollected, collected_room;
    TypeSlot *types;
    size_t type_room;
    int ntypes, ntags;
    bool hides_types; /* the function that is read declares types of its own */
    Known **known; /* by their keys' hash */
    size_t known_room;
    int nknown;
    Fn **named; /* tu->fns by their names' hash */
    size_t named_room;
    Taken *taken;
    int ntaken, taken_room;
    Taken *members; /* macros that have names of frames' members */
    int nmembers, members_room;
    /* While a function is read. */
    Fn *fn;      /* null in a plain function */
    Node *scope; /* the innermost block      */
    Node *jump;  /* the first call, if any, of setjmp and the like: no await may be in its function */
    const char *jump_name;
    int next_alignments[MOST_ALIGNMENTS]; /* of the next declaration, where the last parse asked for them; or 0 */
    const int *alignments;                /* of this one                                                        */
    int nalignments;
    int top_at;  /* where the declaration at file level begins, if it is in our text */
    bool unevaluated;
    bool quiet; /* in an expression without a keyword */
    bool placing; /* in a value that may have to be kept: its place matters there, too */
    bool left_blocking; /* an ac_spawn_blocking was met that is left for read_blocking.c, or was refused */
    bool knows_by_text; /* some async function's type doesn't say that it's async                      */
    unsigned char *seen; /* by offset: an await, async that the parse accounts for */
} Reader;

/* read_tree.c */
void visit_tree(Reader *, CXCursor function);      /* for the children() that follow; theirs end with the next */
Kids children(Reader *, CXCursor);
void find_text(Reader *);                          /* fills text_at, text_size */
int plain_offset(Reader *, CXSourceLocation);      /* in our text, or -1 also where a macro has a part in it */
Extent plain_extent(Reader *, CXCursor);           /* likewise; from is -1 where it isn't plain       */
int start_of(Reader *, CXCursor);                  /* of any cursor                                   */
int end_of(Reader *, CXCursor);
/* Whether an unexposed node only stands for its child: an implicit conversion. */
bool is_wrapper(Reader *, CXCursor, CXCursor kid);

/* read_node.c */
int offset_of(Reader *, CXSourceLocation);         /* in our text, or -1 when it is in another file     */
int end_offset(Reader *, CXSourceLocation end);     /* of a range                                       */
bool is_spelled(Reader *, CXSourceLocation);       /* written there, and not in a macro's body          */
void place_node(Reader *, Node *, CXCursor);          /* from, to, in_macro */
Node *new_node(Reader *, enum node_kind, CXCursor);
void add_kid(Reader *, Node *, Node *kid);
Known *find_known(Reader *, const void *key);      /* a new one says KNOWN_... 0                        */
Known *know(Reader *, CXCursor decl);
const char *copy_string(Reader *, CXString);       /* and disposes of it                                */
bool is_async(CXCursor function);
int reserved_name(const char *name);               /* 1 + its place in {self, cx, state}, or 0          */
Fn *find_fn(Reader *, const char *name);
void add_fn(Reader *, Fn *);
Local *add_local(Reader *, enum local_kind, const char *name, Type *, int from);
void take_address(Node *);                         /* somebody may keep an address of what it designates */
bool word_at(const Tu *, int offset, const char *word);
void ask_insert(Tu *, int at, const char *text);   /* into what the next parse reads                  */

/* read_expr.c */
bool is_expr(CXCursor);
CXCursor only_expr(Kids);                          /* the last expression, or null                      */
CXCursor core(Reader *, CXCursor);                 /* through parentheses and implicit conversions      */
bool is_await(Reader *, CXCursor);
Node *read_expr(Reader *, CXCursor);
Node *read_kids(Reader *, Node *, Kids);
Node *read_await(Reader *, CXCursor);
/* If it is a direct call of an async function, or of one that a _Generic chooses: the function, and the call's kids. */
Fn *async_callee(Reader *, CXCursor, Kids *);
/* Of ac__parse_spawn(((void)(call), 0)), by its kids: the call. */
CXCursor find_parsed_call(Reader *, Kids);
/* Fills the parts of a call whose arguments stay as text: name_to, args_from, args_to, kids. */
void read_call_of(Reader *, Node *, CXCursor call, Kids);
Await *new_await(Reader *, Node *, Fn *callee, Type *);
/* read_future.c: a variable that is an ac_future(T); what is awaited, if `handle` names one (else it is refused); what
 * ac_all drives; another use; and ac_future wherever else it stands. */
void read_kept_future(Reader *, Node *var, CXCursor, CXCursor init);
bool read_awaited_future(Reader *, CXCursor handle, Await *);
void read_all_futures(Reader *, Kids, Await *);
void refuse_use_of_future(Reader *, const Node *, const char *name);
void check_future_words(Reader *);
Node *read_ref(Reader *, CXCursor);
/* A call that isn't an ordinary one: of an async function, of the generic runners. Else null. */
Node *read_special_call(Reader *, CXCursor, Kids *);

/* read_generic.c */
Node *read_generic(Reader *, CXCursor);
/* What a _Generic chooses to be called. False: the next parse will tell, or it never can. */
bool chooses_function(Reader *, CXCursor generic, CXCursor *chosen);
Node *read_choice_of_function(Reader *, CXCursor generic); /* once it's known */
/* read_lend.c: what a function says of its pointers: Node.lends of its calls, or null. */
const char *find_lends(Reader *, CXCursor function);

/* read_blocking.c: asks for what ac_spawn_blocking becomes, by expansions or changes. */
void replace_blocking(Reader *, Kids functions);
const char *called_by_blocking(Reader *, const char *name); /* by what was made: a function's name, "": a pointer; null: it wasn't */
void check_blocking_words(Reader *);
bool is_refused_blocking(Reader *, CXCursor);      /* an expression that was left as it is, after a report */

/* read_pointers.c */
bool is_async_pointer(CXType);                     /* or the function itself                            */
bool calls_async_pointer(Reader *, CXCursor call);
Fn *pointer_callee(Reader *, CXCursor called, const Node *); /* what stands for it: no function of the program's */
void mark_called(Reader *, CXCursor name);         /* this mention of an async function is a call       */
void add_mention(Reader *, CXCursor ref, Fn *, bool calls); /* this one isn't, or isn't evaluated       */
void drop_calls(Reader *);                         /* from the mentions, when all has been read         */
void find_mention(Reader *, CXCursor);             /* if it is a mention                                */
void find_mentions(Reader *);                      /* of the function that is read                      */
void check_cast(Reader *, CXCursor cast, CXCursor operand);
void check_branches_of(Reader *, CXCursor conditional);
void check_selection(Reader *, CXCursor selection, CXCursor control);
void use_at_top(Reader *); /* what is at r->top_at needs declarations that are made                       */

/* read_stmt.c */
Node *read_stmt(Reader *, CXCursor);
void sort_kids_by_place(Node *, int first); /* from the first one on */

/* read.c */
int top_offset(Reader *, CXCursor);                /* where a declaration at file level begins, or -1   */
void take_name(Reader *, const char *name, CXSourceLocation); /* of a declaration, if asyncc could make the same */

/* read_fn.c */
void read_async_function(Reader *, CXCursor);
/* read_heads.c */
/* Definitions of types in the head of a declaration that ends there: before it. False: there are none. */
bool move_definitions(Reader *, const Fn *, const Decl *, int end);
/* A struct that the list of parameters is the first to name. */
void declare_tag_before(Reader *, const Decl *, const Tag *);
/* Or that its result is. */
void declare_result_before(Reader *, CXType, const Decl *);
int find_async(const Tu *, int from, int to);      /* the offset of `async` in a declaration, or -1     */
int before_attributes(const char *text, int from); /* where `[[nodiscard]] int f(void)` begins          */

/* read_macros.c */
void sort_calls(Tu *);                             /* by place, the outermost only                      */
void find_hashed_calls(Reader *);                  /* marks by text those that stringise or paste       */
void find_skipped(Reader *);

Type *type_of(Reader *, CXType);
bool is_function_local(CXCursor decl);
/* read_vla.c: makes the bounds of what the cursor declares, whose expressions are kids of var from 1 on.
 * The declaration begins at `from`; `also` is the type of a parameter as it was written. */
void read_bounds(Reader *, Node *var, CXType type, CXType also, int from, int name_from, int name_to);
/* Of a type's name between parentheses: kids that are bounds become N_BOUND. */
void read_name_bounds(Reader *, Node *, CXType type, int open);
void read_type_uses(Reader *, Fn *);
const void *array_key(CXType); /* what find_known() knows a variable array type by */
bool is_variable(CXType);
/* read_tree.c: of the function that is read, the cursors of a kind, from the n-th on; false: no more. */
bool next_cursor(Reader *, enum CXCursorKind, int *n, CXCursor *);
void leave_out(Reader *, CXCursor); /* it needs no second look */
/* read_tags.c: what made text calls a struct or union that has no name, or a function's own. */
Tag *find_tag(Reader *, CXCursor decl);
/* read_tree.c: whether the function that is read declares another one, or an enum, of that name. */
bool has_other_tag(Reader *, CXCursor decl);
bool has_own_typedef(Reader *, CXCursor decl); /* likewise a typedef; decl isn't one of the function's */
bool declares_types(Reader *);                 /* whether it declares any type: names may be hidden   */
void forget_types(Reader *);                   /* types.c: type_of() starts anew */
/* libclang's diagnostics of r->unit as ours, the keywords as the user spelled them. */
void pass_on_messages(Reader *);
bool is_stray_at(Reader *, int offset); /* clang found no function that this `async` could belong to */
void pass_on_stray(Reader *); /* those that are left to us, where nothing was found to say */

#endif

/* lower.h - the text-edit engine, between lower.c, which decides the edits of a body, and emit_c.c,
 * which prints the file. */
#ifndef ASYNCC_LOWER_H
#define ASYNCC_LOWER_H
#include "asyncc.h"

/* Marks inside text under construction; print_text in emit_c.c turns them into #line directives.
 * A mark is MARK, a letter, an offset in decimal, MARK.
 *   S<offset>  what follows stands at that offset of the source
 *   B<offset>  made text begins, which stands for that offset; E ends it               */
#define MARK "\001"

typedef struct Edit {
    int from, to; /* from == to: an insertion */
    const char *text;
    bool after; /* insertion: belongs to what ends here, not to what begins here */
    struct Edit *next;
} Edit;

/* The edits that begin at one offset. */
typedef struct Spot {
    int at;
    Edit *edits;
} Spot;

/* Edits of one stretch of Source.text. */
typedef struct Editor {
    Arena *arena;
    const Source *source;
    int from, to;
    Spot *spots; /* by their offsets */
    int nspots, room;
} Editor;

Editor *new_editor(Arena *, const Source *, int from, int to);
void replace_text(Editor *, int from, int to, const char *text);
void insert_before(Editor *, int at, const char *text); /* outside of earlier ones at the same place */
void insert_after(Editor *, int at, const char *text);
/* The stretch with its edits, outermost ones first. */
void render(const Editor *, int from, int to, Buf *);
const char *rendered(const Editor *, int from, int to);

/* Edits fn's body so that it can be left and entered at its awaits. Needs lay_out_frame. False: a PLACED
 * local is used in a macro's body; fn->tu->hard says which calls have to be expanded first. */
bool lower_body(Fn *, Editor *);
/* What the body returns: `AC_PENDING`, or `(struct f__ready){ .poll = AC_READY, .value = x }`; value may be null. */
const char *leaving(const Fn *, const char *poll, const char *value);
/* There is a f__resume. Of functions that are made, static ones have it: its callers are all here. */
bool has_resume(const Fn *);
/* Some of its awaits can be reached: it can be suspended. */
bool has_states(const Fn *);
/* `&self->g__1`; for a callee whose frame isn't complete yet, bytes of its size, cast. */
const char *address_of_child(const Fn *, const Await *);

/* `to = value;`, as a copy where const members are in the way of an assignment. */
const char *assignment(Arena *, const char *to, const Type *, const char *value);
/* ---- local_types.c: what only the body can name ---- */

/* A placed local whose field is bytes. */
bool is_bytes(const Local *);
/* How the body reaches a placed local, as a place: `self->x`, `(*(struct point *)self->p)`; and its address. */
const char *place_of_local(const Fn *, const Local *);
const char *memory_of(const Fn *, const Local *);
/* The field's declaration, or null if its own type does. */
const char *bytes_field(Arena *, const Field *);
/* A SAVED local into its slot at a suspend point, and back. */
void add_save(const Fn *, const Local *, int state, Buf *);
void add_restore(const Fn *, const Local *, int state, Buf *);
/* The compiler of the output has to agree on the size of the bytes. */
void add_size_assertion(const Fn *, const Local *, Buf *);
void need_tags(const Type *);
/* Gives the definitions of needed types their tags. False: a macro has to be expanded first. */
bool name_tags(Fn *, Editor *);
bool name_file_tags(Tu *, Editor **); /* those outside of functions; makes the editor if there are any */
/* The typedefs that what is defined in a declaration needs before it. */
const char *alias_tags(Fn *, int from, int to);
bool check_aliases(Fn *); /* all of them stand */
/* The definition of a type among a declaration's specifiers, rendered; or null. */
const char *kept_definition(const Editor *, int from, int to);

/* ---- vla.c: what is variably modified ---- */

/* Kept as a pointer to void: a VLA, a pointer to one. How the body reaches it. */
bool is_pointer_kept(const Local *);
const char *place_of_pointer(const Fn *, const Local *);
void declare_bounds(const Fn *, Buf *);
void add_bound(const Local *, const char *value, Buf *);
/* The declaration of one that is kept as a pointer; value may be null. */
void add_variable_object(const Fn *, const Local *, const char *value, Buf *);
/* Of a static one, or one that is declared beside such; value may be null. */
void add_static(const Fn *, const Local *, const char *value, bool is_list, Buf *out);
void free_variable_object(const Fn *, const Local *, Buf *);
/* What is owed where the function ends, or nothing. */
const char *free_blocks(const Fn *);
bool has_variable_params(const Fn *);
/* The names of typedefs that are no more. False: a macro has to be expanded first. */
bool edit_type_uses(Fn *, Editor *);

/* ---- scopes.c: what is left of cleanups ---- */

/* The calls that are owed where control leaves for a place at which `kept` stays open; and by f__cancel. */
void add_owed(const Fn *, const Owed *, const Owed *kept, Buf *);
/* Some of them are more than to free what is freed where the function ends, too. */
bool owes_calls(const Owed *, const Owed *kept);
void add_owed_calls(const Fn *, const Owed *, const Owed *kept, Buf *); /* those alone */
void add_owed_when_cancelled(const Fn *, const Await *, Buf *);

/* ---- boxes.c: frames that come from a stack ---- */

/* How an await starts its child, goes on with it, cancels it: calls that give an enum ac_poll, or with gives_value
 * a struct. */
const char *start_of_child(const Fn *, const Await *, const char *args, const char *pointer);
const char *poll_of_child(const Fn *, const Await *);
const char *cancel_of_child(const Fn *, const Await *);
/* They may say AC__CALL, which is passed on. */
bool may_say_call(const Await *);
const char *result_of_box(const Fn *, const Await *);
const char *field_of_box(const Field *);
bool needs_box(const Fn *); /* f__box is made */
bool owns_boxes(const Fn *);
void declare_box_locals(const Fn *, Buf *);
void declare_box(const Fn *, const char *params, Buf *);
/* f__poll_any by f__poll, f__cancel_box by f__cancel_in; and the descriptor that names two of them. */
void add_by_bytes(const Fn *, const char *what, const char *how, const char *in, Buf *);
void add_descriptor(const Fn *, const char *name, const char *how, Buf *);
/* After f__init and the others. params: all of them, "int n"; args: what follows the frame, ", n". */
void define_box(const Fn *, const char *params, const char *args, Buf *);
const char *storage(const Fn *); /* of what is made for others to call */
const char *visibility(const Fn *); /* of it: an attribute that the function has, or ""                    */
/* Async functions as values: the words that aren't C, and the names that become those of boxes. First of all edits. */
void edit_pointers(const Tu *, Editor *);
bool has_pointers(const Tu *, int from, int to);
const char *without_async(const Tu *, int from, int to);
/* The body of f__block_on where the frame isn't known; ac_block_on and ac_spawn_local through a pointer. */
void block_on_declared(const Fn *, const char *args, Buf *);
void block_on_pointer(Editor *, const Node *);
void spawn_pointer(Editor *, const Node *);
/* f__cancel by f__cancel_in. */
void hide_stack(const Fn *, const char *how, Buf *);

/* ---- emit_c.c: what emit_header.c writes the same way ---- */

/* The parameters as the user wrote them, but for those that can't stay so; with the editor's edits, if there is one. */
const char *params_text(const Fn *, const Decl *, const Editor *);
/* ", n, s": the arguments of a call that passes its caller's on; `prefix` stands before each. */
void add_names(const Fn *, const char *prefix, Buf *);

/* ---- emit_header.c: what says that a header is of this layout ---- */

/* Its name: f__layout_ and a hash. Null for a function that no .ah file declares, so that no header has it. */
const char *layout_symbol(const Fn *);

/* ---- watch.c: debug builds ---- */

bool is_watched(const Fn *);
/* A line of f__init and f__start, or nothing. */
const char *init_watch(const Fn *);
void define_watched(const Fn *, const Decl *, Buf *); /* f__watched */
/* f__checked, in the place of the body; args with a comma before them. */
void define_checked(const Fn *, const char *outcome, const char *body, const char *params, const char *args, Buf *);
/* f__cancel or f__cancel_in, in the place of what is then f__cancel_body. */
void check_cancel(const Fn *, const char *kind, const char *in, Buf *);

/* ---- emit_places.c: the lines at which futures are suspended ---- */

bool has_places(const Fn *);
void declare_places(const Fn *, Buf *); /* before the descriptor */
void add_places(const Tu *, bool (*has_descriptor)(const Fn *), Buf *);

/* Its frame is complete where the user is defined. */
bool is_complete_in(const Fn *, const Fn *user);

/* futures.c: f__all1 and f__cancel_all1, which drive what an ac_all is given. Each between `start` and `end`. */
void add_drivers(const Fn *, const char *start, const char *end, Buf *);
/* What a call that isn't awaited becomes: fetch__spawn(...). */
static inline const char *runner_of(const Node *node)
{
    return node->kind == N_BLOCK_ON ? "block_on" : node->on_pool ? "spawn" : "spawn_local";
}
#endif

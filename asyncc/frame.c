/* frame.c - one struct per function: which fields, at which offsets.
 *
 *     async int both(char *path)      offset  size  field
 *     {                                    0    40  open__1    while open is awaited
 *         int fd = await open(path);       0    24  count__2
 *         int n = await count(fd);         0    16  close__3
 *         await close(fd);                 0     8  path       until the start
 *         return n;                        0     4  result     at the end
 *     }                                   16     4  n          while close is awaited
 *                                         24     4  fd         while count is awaited
 *                                         40     1  state      always
 *
 * Two fields may share space unless they interfere: unless there is a moment at which both hold
 * something. What a field holds, and when, depends on what it is:
 *   - a parameter's slot holds the argument while the function isn't started ("point 0");
 *   - a SAVED local's slot is written where its function suspends and read where it resumes;
 *   - a PLACED local is in use wherever it is live, also between awaits;
 *   - a child is in use from its start to the reading of its result;
 *   - the result is written by the last thing that a function does. What it is computed from may stand
 *     in the frame, so one that is copied in pieces shares with no field that is read then; but what is
 *     returned as it is, `return await next();` or `return local;`, may be the result's own bytes: copying
 *     it onto itself changes nothing;
 *   - the state is in use always.
 *
 * A SAVED local has one slot, as a rule. It may as well have another at each suspend point, since it is a C local
 * in between; so it has where the frame would else be larger than all that is live at its worst point:
 *
 *     wide__1 24, a 8, b 8           while wide is awaited
 *     aligned__2 32 (to 16), a 8     while aligned is: clear of it, of the state, and of b if a has one slot
 *     aligned__3 32 (to 16), b 8     the same
 *
 * The padding at a child's end is used like any other space: nothing copies frames that have begun, and a
 * store to a member leaves the bytes behind the last one alone, as C++ has it of its base classes. Where only
 * the result would make a frame more aligned, and larger for that, the result isn't aligned.
 *
 * The offsets are first fit by a few orders, of which the best counts: what is large and aligned first as
 * a rule leaves no holes. Where it does, what ends last is tried earlier, some hundred times. (That is interval
 * colouring with general interference, NP-hard.) */
#include "asyncc.h"
#include <stdlib.h>
#include <string.h>

typedef struct Layout {
    Fn *fn;
    Arena *arena, *work;
    int room;
    int *field_of; /* by local's index; -1: none */
    int *child_of; /* by await's state - 1 */
    int result, state, blocks, watch;
    Bits placed; /* the locals whose home is the frame, by index */
    Bits *rows; /* rows[i]: the fields that field i interferes with */
    bool apart; /* a SAVED local has a field for each point */
    int64_t enough; /* bytes: no frame can do with less */
    int64_t *returned; /* by field: where in it the result stands that is returned as it is; -1: nowhere */
} Layout;

/* ---- fields ---- */

static Field *add_field(Layout *l, const char *name, Type *type, int64_t size, int align)
{
    Fn *fn = l->fn;
    Field *field = push(l->work, fn->fields, fn->nfields, l->room);
    *field = (Field){ .name = name, .type = type, .size = size > 0 ? size : 0, .align = align > 0 ? align : 1 };
    field->extent = field->size;
    field->live = new_bits(l->arena, fn->nawaits + 1);
    return field;
}

static int pointer_size(const Layout *l) { return l->fn->tu->pointer_size ? l->fn->tu->pointer_size : 8; }

static void add_typed(Layout *l, const char *name, Type *type)
{
    if (type->size < 0) /* kept as a pointer */
        add_field(l, name, type, pointer_size(l), pointer_size(l));
    else
        add_field(l, name, type, type->size, type->align);
}

static bool is_placed(const Local *local) { return local->home == HOME_PLACED; }

/* The frame of a callee, or what leads to it: a box, struct ac_await__frame. */
static void add_child(Layout *l, const char *name, Await *await)
{
    const Fn *callee = await->boxed ? NULL : await->callee;
    Field *field = callee ? add_field(l, name, NULL, callee->frame_size, callee->frame_align)
                          : add_field(l, name, NULL, pointer_size(l), pointer_size(l));
    if (callee && callee->frame_used > 0 && callee->frame_used < callee->frame_size)
        field->size = callee->frame_used;
    field->kind = FIELD_CHILD;
    field->await = await;
}

static Field *add_local(Layout *l, Local *local)
{
    const char *name = local->field ? local->field : local->name;
    if (is_kept_future(local))
        add_child(l, name, local->birth);
    else
        add_typed(l, name, local->type);
    Field *field = &l->fn->fields[l->fn->nfields - 1];
    field->local = local;
    return field;
}

static void add_locals(Layout *l)
{
    Fn *fn = l->fn;
    l->placed = new_bits(l->work, fn->nlocals);
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        bool argument = local->kind == LOCAL_PARAM && local->used;
        l->field_of[i] = -1;
        if (!argument && local->home == HOME_STACK)
            continue;
        l->field_of[i] = fn->nfields;
        Field *field = add_local(l, local);
        if (is_placed(local))
            set_bit(l->placed, i);
        bool used = local->kind == LOCAL_PARAM;
        if (used)
            set_bit(field->live, 0);
        for (int k = 0; k < fn->nawaits && local->home != HOME_STACK; k++) {
            if (!has_bit(fn->awaits[k]->live, i))
                continue;
            if (used && l->apart && local->home == HOME_SAVED)
                field = add_local(l, local);
            set_bit(field->live, fn->awaits[k]->state);
            used = true;
        }
    }
}

static void add_children(Layout *l)
{
    Fn *fn = l->fn;
    for (int i = 0; i < fn->nawaits; i++) {
        Await *await = fn->awaits[i];
        const Fn *callee = await->callee;
        l->child_of[i] = await->is_all ? -1 : awaited_future(await) ? l->field_of[awaited_future(await)->index] : fn->nfields;
        if (await->nfutures)
            continue;
        add_child(l, take_format(l->arena, "%s__%d", callee ? callee->name : "task", await->state), await);
        set_bit(fn->fields[fn->nfields - 1].live, await->state);
    }
}

static void add_result(Layout *l)
{
    Type *type = l->fn->result;
    l->result = -1;
    if (!type || type->kind == TYPE_VOID)
        return;
    l->result = l->fn->nfields;
    add_typed(l, "result", type);
    l->fn->fields[l->result].kind = FIELD_RESULT;
}

/* 0, the suspend points, and one for "done" have to fit. */
static void add_state(Layout *l)
{
    int nvalues = l->fn->nawaits + 2;
    Type *type = unsigned_type(l->arena, nvalues <= 1 << 8 ? 1 : nvalues <= 1 << 16 ? 2 : 4);
    l->state = l->fn->nfields;
    const Fn *fn = l->fn;
    const char *name = fn->tu->macro_name[2] ? take_format(fn->tu->arena, "%s__state", fn->name) : "state";
    Field *field = add_field(l, name, type, type->size, type->align);
    field->kind = FIELD_STATE;
    for (int i = 0; i <= l->fn->nawaits; i++)
        set_bit(field->live, i);
}

/* What VLAs and alloca have taken; freed at the end. */
static void add_blocks(Layout *l)
{
    l->blocks = -1;
    if (!l->fn->has_blocks)
        return;
    Type *pointer = take(l->arena, sizeof *pointer);
    *pointer = (Type){ .kind = TYPE_SCALAR, .before = "void *", .after = "", .bare_before = "void *", .bare_after = "",
                       .size = -1 };
    l->blocks = l->fn->nfields;
    add_typed(l, "ac__blocks", pointer);
    l->fn->fields[l->blocks].kind = FIELD_BLOCKS;
    for (int i = 1; i <= l->fn->nawaits; i++)
        set_bit(l->fn->fields[l->blocks].live, i);
}

/* That of a debug build: an address, and a thread. */
static void add_watch(Layout *l)
{
    const Options *options = l->fn->tu->options;
    l->watch = -1;
    if (!options || !options->debug)
        return;
    Type *type = take(l->arena, sizeof *type);
    *type = (Type){ .kind = TYPE_RECORD, .before = "struct ac__watch ", .after = "", .bare_before = "struct ac__watch ",
                    .bare_after = "", .size = 2 * pointer_size(l), .align = pointer_size(l) };
    l->watch = l->fn->nfields;
    add_typed(l, "ac__watch", type);
    l->fn->fields[l->watch].kind = FIELD_WATCH;
    for (int i = 0; i <= l->fn->nawaits; i++)
        set_bit(l->fn->fields[l->watch].live, i);
}

/* ---- interference ---- */

static void include(Bits to, Bits more)
{
    for (int i = 0; i < to.nwords; i++)
        to.words[i] |= more.words[i];
}

static void clear_bits(Bits bits)
{
    for (int i = 0; i < bits.nwords; i++)
        bits.words[i] = 0;
}

/* The first one from i on; -1: none. */
static int next_bit(Bits bits, int i)
{
    for (int k = i >> 6; k < bits.nwords; k++, i = k * 64) {
        uint64_t word = bits.words[k] >> (i & 63);
        if (word)
            return i + __builtin_ctzll(word);
    }
    return -1;
}

static void interfere(Layout *l, int a, int b)
{
    if (a == b || a < 0 || b < 0)
        return;
    set_bit(l->rows[a], b);
    set_bit(l->rows[b], a);
}

/* Fields that hold something at one suspend point, or before the start. */
static void interfere_at_points(Layout *l)
{
    Fn *fn = l->fn;
    Bits present = new_bits(l->work, fn->nfields);
    for (int point = 0; point <= fn->nawaits; point++) {
        clear_bits(present);
        for (int i = 0; i < fn->nfields; i++)
            if (has_bit(fn->fields[i].live, point))
                set_bit(present, i);
        for (int i = 0; i < fn->nfields; i++)
            if (has_bit(present, i))
                include(l->rows[i], present);
    }
}

/* Of a set of locals, the fields of those that are placed. */
static void add_placed(Layout *l, Bits to, Bits locals)
{
    for (int i = 0; i < locals.nwords; i++)
        for (uint64_t word = locals.words[i] & l->placed.words[i]; word; word &= word - 1)
            set_bit(to, l->field_of[i * 64 + __builtin_ctzll(word)]);
}

/* Placed locals that hold something at once anywhere, also between two awaits. A value begins where
 * it is written, so it is enough to look at who is live at the writes, and at the blocks' starts. */
static void interfere_in_blocks(Layout *l)
{
    Fn *fn = l->fn;
    bool some = false;
    for (int i = 0; i < l->placed.nwords; i++)
        some |= l->placed.words[i] != 0;
    if (!some)
        return;
    Bits before = new_bits(l->work, fn->nfields), begun = new_bits(l->work, fn->nfields);
    Bits live = new_bits(l->work, fn->nfields), out = new_bits(l->work, fn->nfields); /* out: their addresses are */
    for (int f = 0; f < fn->nfields; f++)
        if (fn->fields[f].local && fn->fields[f].local->address_taken)
            set_bit(out, f);
    Bits *after = NULL; /* after[i]: who is live after event i, by later reads */
    int nafter = 0, after_room = 0;
    for (int i = 0; i < fn->nblocks; i++) {
        const Block *block = fn->blocks[i];
        clear_bits(before);
        add_placed(l, before, block->live_in);
        for (int f = next_bit(before, 0); f >= 0; f = next_bit(before, f + 1))
            include(l->rows[f], before);

        clear_bits(live);
        add_placed(l, live, block->live_out);
        for (int w = 0; w < live.nwords; w++) {
            live.words[w] &= ~out.words[w];
            begun.words[w] = before.words[w] & out.words[w];
        }
        for (int k = block->nevents; k-- > 0;) {
            Event event = block->events[k];
            while (nafter <= k)
                *push(l->work, after, nafter, after_room) = new_bits(l->work, fn->nfields);
            if (!is_placed(event.local))
                continue;
            int f = l->field_of[event.local->index];
            clear_bits(after[k]);
            include(after[k], live);
            if (event.local->address_taken || event.kind == EVENT_PART)
                continue;
            if (event.kind == EVENT_USE)
                set_bit(live, f);
            else
                clear_bit(live, f);
        }
        for (int k = 0; k < block->nevents; k++) {
            Event event = block->events[k];
            if (!is_placed(event.local))
                continue;
            int f = l->field_of[event.local->index];
            if (event.kind == EVENT_ENTER || event.kind == EVENT_LEAVE) {
                clear_bit(begun, f);
                continue;
            }
            if (event.local->address_taken && event.kind != EVENT_DECLARE)
                set_bit(begun, f);
            include(l->rows[f], after[k]);
            include(l->rows[f], begun);
        }
    }
}

/* While a value is still in the child's frame alone, what is written then mustn't hit it. */
static void interfere_with_children(Layout *l)
{
    Fn *fn = l->fn;
    for (int k = 0; k < fn->nawaits; k++)
        if (fn->awaits[k]->overlaps.words && l->child_of[k] >= 0)
            add_placed(l, l->rows[l->child_of[k]], fn->awaits[k]->overlaps);
}

/* No copy of a scalar up to a pointer's size is made in pieces. */
static bool is_copied_at_once(const Layout *l, const Type *type)
{
    return type->kind == TYPE_SCALAR && type->size >= 0 && type->size <= pointer_size(l);
}

/* What a return statement reads while the result is written. */
static void read_by_return(Layout *l, const Node *node)
{
    if (!node || node->kind == N_UNEVALUATED)
        return;
    if (node->temp && is_placed(node->temp))
        interfere(l, l->result, l->field_of[node->temp->index]);
    if (node->local && is_placed(node->local))
        interfere(l, l->result, l->field_of[node->local->index]);
    if (node->kind == N_AWAIT && node->await && !node->await->result)
        interfere(l, l->result, l->child_of[node->await->state - 1]);
    for (int i = 0; i < node->nkids; i++)
        read_by_return(l, node->kids[i]);
}

static bool is_result_type(const Layout *l, const Type *type)
{
    const Type *result = l->fn->result;
    return type && type->kind == result->kind && type->size == result->size && !type->is_volatile && !type->is_atomic;
}

/* Of a return of a value that stands in a field as it is: which field, and where in it; else -1. */
static int find_returned(const Layout *l, const Node *value, int64_t *at)
{
    *at = 0;
    if (value->temp)
        return -1;
    if (value->kind == N_REF && is_placed(value->local) && is_result_type(l, value->local->type))
        return l->field_of[value->local->index];
    if (value->kind != N_AWAIT || !value->await || value->await->result || !value->await->callee || value->await->boxed ||
        value->await->nfutures)
        return -1;
    const Fn *callee = value->await->callee;
    if (!callee->result_field || !is_result_type(l, callee->result))
        return -1;
    int child = l->child_of[value->await->state - 1];
    *at = callee->result_field->offset;
    return *at + callee->result_field->size <= l->fn->fields[child].size ? child : -1; /* else it is elsewhere */
}

static void interfere_with_return(Layout *l, const Node *node)
{
    if (!node)
        return;
    if (node->kind != N_RETURN) {
        for (int i = 0; i < node->nkids; i++)
            interfere_with_return(l, node->kids[i]);
        return;
    }
    if (!node->nkids || !node->kids[0])
        return;
    int64_t at;
    int field = find_returned(l, node->kids[0], &at);
    if (field >= 0) {
        l->returned[field] = at;
        return;
    }
    read_by_return(l, node->kids[0]);
    /* Of those whose address is out anything may be read. */
    for (int i = 0; i < l->fn->nlocals; i++)
        if (is_placed(l->fn->locals[i]) && l->fn->locals[i]->address_taken)
            interfere(l, l->result, l->field_of[i]);
}

/* What turned out to stand where the result does needn't be copied there. */
static void mark_returned(const Layout *l, Node *node)
{
    if (!node)
        return;
    for (int i = 0; i < node->nkids; i++)
        mark_returned(l, node->kids[i]);
    if (node->kind != N_RETURN || !node->nkids || !node->kids[0])
        return;
    int64_t at;
    int field = find_returned(l, node->kids[0], &at);
    node->kids[0]->in_result = field >= 0 && l->returned[field] >= 0 &&
                               l->fn->fields[field].offset + at == l->fn->fields[l->result].offset;
}

static void interfere_with_result(Layout *l)
{
    if (l->result < 0 || is_copied_at_once(l, l->fn->result))
        return;
    interfere_with_return(l, l->fn->body);
    for (int i = 0; i < l->fn->nfields; i++) {
        if (has_bit(l->rows[l->result], i))
            l->returned[i] = -1;
        else if (l->returned[i] >= 0)
            interfere(l, l->result, i);
    }
}

static void find_interference(Layout *l)
{
    int nfields = l->fn->nfields;
    l->rows = take(l->work, sizeof *l->rows * (size_t)nfields);
    for (int i = 0; i < nfields; i++)
        l->rows[i] = new_bits(l->work, nfields);
    l->returned = take(l->work, sizeof *l->returned * (size_t)nfields);
    for (int i = 0; i < nfields; i++)
        l->returned[i] = -1;
    interfere_at_points(l);
    interfere_in_blocks(l);
    interfere_with_children(l);
    interfere_with_result(l);
    for (int i = 0; i < nfields; i++) {
        interfere(l, l->state, i);
        interfere(l, l->blocks, i);
        interfere(l, l->watch, i);
    }
    for (int i = 0; i < nfields; i++)
        for (int k = next_bit(l->rows[i], 0); k >= 0; k = next_bit(l->rows[i], k + 1))
            set_bit(l->rows[k], i);
}

/* ---- offsets ---- */

/* A field as the orders see it. */
typedef struct Rank {
    int index, align, span;
    int64_t size;
} Rank;

static int by_index(const Rank *a, const Rank *b) { return a->index - b->index; }
static int by_size(const Rank *a, const Rank *b) { return (a->size < b->size) - (a->size > b->size); }
static int by_align(const Rank *a, const Rank *b) { return b->align - a->align; }
static int by_span(const Rank *a, const Rank *b) { return b->span - a->span; }

static int align_first(const void *a, const void *b)
{
    int order = by_align(a, b);
    order = order ? order : by_size(a, b);
    return order ? order : by_index(a, b);
}

static int size_first(const void *a, const void *b)
{
    int order = by_size(a, b);
    order = order ? order : by_align(a, b);
    return order ? order : by_index(a, b);
}

static int span_first(const void *a, const void *b)
{
    int order = by_span(a, b);
    order = order ? order : by_align(a, b);
    order = order ? order : by_size(a, b);
    return order ? order : by_index(a, b);
}

/* One way to place the fields: an order, and what becomes of it. */
typedef struct Placing {
    int64_t *offsets; /* by field */
    int *placed;      /* the fields that have an offset, by it */
    int nplaced;
} Placing;

/* The result, and what is returned as it is, at the same place. */
static bool coincide(const Layout *l, int field, int64_t offset, int other, int64_t other_offset)
{
    if (field == l->result)
        return l->returned[other] >= 0 && offset == other_offset + l->returned[other];
    return other == l->result && l->returned[field] >= 0 && other_offset == offset + l->returned[field];
}

/* The first offset from `offset` on at which the field is in nobody's way. */
static int64_t first_fit(const Layout *l, const Placing *p, int field, int64_t offset)
{
    const Field *fields = l->fn->fields;
    int64_t size = fields[field].size, align = fields[field].align;
    for (int k = 0; k < p->nplaced && p->offsets[p->placed[k]] < offset + size; k++) {
        int other = p->placed[k];
        int64_t to = p->offsets[other] + fields[other].size;
        if (to > offset && has_bit(l->rows[field], other) && fields[other].size &&
            !coincide(l, field, offset, other, p->offsets[other])) {
            offset = (to + align - 1) / align * align;
            if (field == l->result || l->returned[field] >= 0)
                k = -1; /* what coincided there doesn't here */
        }
    }
    return offset;
}

/* Where the local is at another point, if it can be there at this one, too; -1: it can't. */
static int64_t stay(const Layout *l, const Placing *p, int field)
{
    const Field *fields = l->fn->fields;
    for (int k = 0; k < p->nplaced; k++) {
        int other = p->placed[k];
        int64_t at = p->offsets[other];
        if (fields[other].local == fields[field].local && at + fields[field].size <= l->enough &&
            first_fit(l, p, field, at) == at)
            return at;
    }
    return -1;
}

static int64_t choose_offset(const Layout *l, const Placing *p, int field)
{
    int64_t best = l->apart && l->fn->fields[field].local ? stay(l, p, field) : -1;
    if (best >= 0)
        return best;
    best = first_fit(l, p, field, 0);
    if (field != l->result && l->returned[field] < 0)
        return best;
    for (int k = 0; k < p->nplaced; k++) {
        int other = p->placed[k];
        int64_t at = -1;
        if (field == l->result && l->returned[other] >= 0)
            at = p->offsets[other] + l->returned[other];
        else if (other == l->result && l->returned[field] >= 0)
            at = p->offsets[other] - l->returned[field];
        if (at >= 0 && at < best && at % l->fn->fields[field].align == 0 && first_fit(l, p, field, at) == at)
            best = at;
    }
    return best;
}

/* Returns the space taken. */
static int64_t place_fields(const Layout *l, const int *order, Placing *p)
{
    int64_t end = 0;
    p->nplaced = 0;
    for (int i = 0; i < l->fn->nfields; i++) {
        int field = order[i], at = p->nplaced;
        int64_t offset = choose_offset(l, p, field), to = offset + l->fn->fields[field].size;
        p->offsets[field] = offset;
        while (at > 0 && p->offsets[p->placed[at - 1]] > offset)
            at--;
        memmove(p->placed + at + 1, p->placed + at, (size_t)(p->nplaced++ - at) * sizeof *p->placed);
        p->placed[at] = field;
        if (to > end)
            end = to;
    }
    return end;
}

/* What is live at one point has to fit beside each other: no order can do better. */
static int64_t least_space(const Fn *fn)
{
    int64_t least = 0;
    for (int point = 0; point <= fn->nawaits; point++) {
        int64_t size = 0;
        for (int i = 0; i < fn->nfields; i++)
            if (has_bit(fn->fields[i].live, point))
                size += fn->fields[i].size;
        if (size > least)
            least = size;
    }
    return least;
}

static void keep_offsets(Fn *fn, const Placing *p)
{
    for (int i = 0; i < fn->nfields; i++)
        fn->fields[i].offset = p->offsets[i];
}

static void sort_fields(const Layout *l, int *order, int (*compare)(const void *, const void *))
{
    Fn *fn = l->fn;
    Rank *ranks = take(l->work, sizeof *ranks * (size_t)fn->nfields);
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        ranks[i] = (Rank){ .index = i, .align = field->align, .size = field->size };
        for (int k = 0; k < l->rows[i].nwords; k++)
            ranks[i].span += __builtin_popcountll(l->rows[i].words[k]);
    }
    qsort(ranks, (size_t)fn->nfields, sizeof *ranks, compare);
    for (int i = 0; i < fn->nfields; i++)
        order[i] = ranks[i].index;
}

/* So many orders are tried, as long as it takes no more than so many looks at a pair of fields. */
enum { MOST_ROUNDS = 2000, MOST_STEPS = 2000000 };

/* Tries orders with one field elsewhere, mostly what ends last, and earlier: whatever one throws of dice that
 * always fall alike. One that isn't worse is gone on from. */
static int64_t improve_order(const Layout *l, int *order, Placing *p, int64_t best, int64_t enough)
{
    const Fn *fn = l->fn;
    int n = fn->nfields, *tried = take(l->work, sizeof *tried * (size_t)n);
    int64_t now = place_fields(l, order, p), steps = (int64_t)n * n;
    int last = -1;
    uint64_t dice = 88172645463325252u;
    for (int round = 0; round < MOST_ROUNDS && steps * round < MOST_STEPS && best > enough; round++) {
        for (int i = 0; i < n && last < 0; i++)
            if (p->offsets[order[i]] + fn->fields[order[i]].size == now)
                last = i;
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        int from = round % 3 ? last : (int)(dice % (uint64_t)n);
        int to = (int)(dice / 1024 % (uint64_t)(round % 3 ? from + 1 : n));
        memcpy(tried, order, sizeof *tried * (size_t)n);
        if (to < from)
            memmove(tried + to + 1, tried + to, sizeof *tried * (size_t)(from - to));
        else
            memmove(tried + from, tried + from + 1, sizeof *tried * (size_t)(to - from));
        tried[to] = order[from];
        int64_t end = place_fields(l, tried, p);
        if (end > now)
            continue; /* last is still that of `order` */
        now = end;
        last = -1;
        memcpy(order, tried, sizeof *tried * (size_t)n);
        if (end < best) {
            best = end;
            keep_offsets(l->fn, p);
        }
    }
    return best;
}

static int64_t round_up(int64_t size, int align) { return (size + align - 1) / align * align; }

/* Without the result, which needn't be aligned. */
static int find_alignment(const Layout *l)
{
    int align = 1;
    for (int i = 0; i < l->fn->nfields; i++)
        if (i != l->result && l->fn->fields[i].align > align)
            align = l->fn->fields[i].align;
    return align;
}

static void assign_offsets(Layout *l)
{
    static int (*const compares[])(const void *, const void *) = { align_first, size_first, span_first };
    Fn *fn = l->fn;
    size_t nfields = (size_t)fn->nfields;
    int *order = take(l->work, sizeof *order * nfields), *best_order = take(l->work, sizeof *order * nfields);
    Placing p = { take(l->work, sizeof *p.offsets * nfields), take(l->work, sizeof *p.placed * nfields), 0 };
    int64_t best = -1;
    l->enough = round_up(least_space(fn), find_alignment(l));
    for (size_t i = 0; i < sizeof compares / sizeof *compares && (best < 0 || best > l->enough); i++) {
        sort_fields(l, order, compares[i]);
        int64_t end = place_fields(l, order, &p);
        if (best >= 0 && end >= best)
            continue;
        best = end;
        memcpy(best_order, order, sizeof *order * nfields);
        keep_offsets(fn, &p);
    }
    if (best > l->enough)
        best = improve_order(l, best_order, &p, best, l->enough);
    fn->frame_used = best;
}

/* Some caller stands before the function in the text: it reads the result by a cast of bytes. */
static bool is_awaited_before_definition(const Fn *fn)
{
    return fn->awaited_from && fn->awaited_from < fn->body->from;
}

static void choose_size(Layout *l)
{
    Fn *fn = l->fn;
    int align = find_alignment(l);
    Field *result = l->result < 0 ? NULL : &fn->fields[l->result];
    if (result && result->align > align) {
        /* Its offset stays a multiple of its size, so that it is aligned where the frame happens to be. */
        bool plain = is_copied_at_once(l, fn->result) && !fn->result->is_atomic && !fn->result->is_vector;
        if (plain && round_up(fn->frame_used, align) < round_up(fn->frame_used, result->align) &&
            !is_awaited_before_definition(fn)) {
            result->packed = true;
            result->align = align;
        } else {
            align = result->align;
        }
    }
    fn->frame_align = align;
    fn->frame_size = round_up(fn->frame_used, align);
}

/* ---- slots of one local ---- */

enum { MOST_APART = 1000 }; /* fields, for which it is tried */

static bool may_be_apart(const Fn *fn)
{
    int nfields = 0, nlocals = 0;
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        int npoints = 0;
        for (int k = 0; k < field->live.nwords; k++)
            npoints += __builtin_popcountll(field->live.words[k]);
        bool several = field->local && field->local->home == HOME_SAVED && npoints > 1;
        nlocals += several;
        nfields += several ? npoints : 1;
    }
    return nlocals && nfields <= MOST_APART;
}

static int first_point(const Field *field) { return next_bit(field->live, 0); }

/* Those at one offset are one field; of others, all but that of the first point have names of their own. */
static void join_fields(Fn *fn)
{
    int n = 0;
    for (int i = 0; i < fn->nfields; i++) {
        Field *field = &fn->fields[i], *same = NULL;
        for (int k = 0; k < n && !same && field->local; k++)
            if (fn->fields[k].local == field->local && fn->fields[k].offset == field->offset)
                same = &fn->fields[k];
        if (same)
            include(same->live, field->live);
        else
            fn->fields[n++] = *field;
    }
    fn->nfields = n;
}

static bool has_own_name(const Fn *fn, const Field *field)
{
    for (int i = 0; i < fn->nfields; i++)
        if (&fn->fields[i] != field && !strcmp(fn->fields[i].name, field->name))
            return false;
    return true;
}

static void name_apart(const Layout *l)
{
    Fn *fn = l->fn;
    for (int i = 0; i < fn->nfields; i++) {
        Field *field = &fn->fields[i];
        bool first = true;
        for (int k = 0; k < fn->nfields && field->local; k++)
            first &= fn->fields[k].local != field->local || first_point(field) <= first_point(&fn->fields[k]);
        const char *name = field->name;
        for (int k = first_point(field); !first && !has_own_name(fn, field); k++)
            field->name = take_format(l->arena, "%s__at%d", name, k);
    }
}

const Field *slot_at(const Local *local, int point)
{
    const Field *slot = local->slot;
    while (slot->more && !has_bit(slot->live, point))
        slot = slot->more;
    return slot;
}

/* ---- the whole ---- */

static int compare_fields(const void *left, const void *right)
{
    const Field *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    if (a->kind == FIELD_LOCAL)
        return a->local->index - b->local->index;
    return a->kind == FIELD_CHILD ? a->await->state - b->await->state : 0;
}

static void link_fields(Fn *fn)
{
    for (int i = 0; i < fn->nlocals; i++)
        fn->locals[i]->slot = NULL;
    fn->result_field = fn->state_field = NULL;
    for (int i = 0; i < fn->nfields; i++) {
        Field *field = &fn->fields[i], **at;
        switch (field->kind) {
        case FIELD_LOCAL:
            at = &field->local->slot;
            while (*at && first_point(*at) < first_point(field))
                at = &(*at)->more;
            field->more = *at;
            *at = field;
            break;
        case FIELD_CHILD:
            field->await->child = field;
            if (field->local)
                field->local->slot = field;
            break;
        case FIELD_RESULT:
            fn->result_field = field;
            break;
        case FIELD_STATE:
            fn->state_field = field;
            break;
        case FIELD_BLOCKS:
        case FIELD_WATCH:
            break;
        }
    }
}

static Layout place_all(Fn *fn, bool apart)
{
    Layout l = { .fn = fn, .arena = fn->tu->arena, .work = fn->tu->work, .apart = apart };
    l.field_of = take(l.work, sizeof *l.field_of * (size_t)(fn->nlocals + 1));
    l.child_of = take(l.work, sizeof *l.child_of * (size_t)(fn->nawaits + 1));
    l.room = fn->nlocals + fn->nawaits + 4; /* with the result, the blocks, the watch and the state */
    fn->fields = take(l.work, (size_t)l.room * sizeof *fn->fields); /* until it's known how many there are */
    fn->nfields = 0;
    add_locals(&l);
    add_children(&l);
    add_result(&l);
    add_blocks(&l);
    add_watch(&l);
    add_state(&l);
    find_interference(&l);
    assign_offsets(&l);
    choose_size(&l);
    return l;
}

void lay_out_frame(Fn *fn)
{
    Layout l = place_all(fn, false);
    if (fn->frame_size > l.enough && may_be_apart(fn)) {
        const Fn whole = *fn;
        Layout apart = place_all(fn, true);
        if (fn->frame_size < whole.frame_size)
            l = apart;
        else
            *fn = whole;
    }
    if (l.result >= 0 && !is_copied_at_once(&l, fn->result))
        mark_returned(&l, fn->body);
    if (l.apart) {
        join_fields(fn);
        name_apart(&l);
    }
    qsort(fn->fields, (size_t)fn->nfields, sizeof *fn->fields, compare_fields);
    Field *fields = take(l.arena, (size_t)fn->nfields * sizeof *fields);
    memcpy(fields, fn->fields, (size_t)fn->nfields * sizeof *fields);
    fn->fields = fields;
    link_fields(fn);
    for (int i = 0; i < fn->nawaits; i++)
        if (awaited_future(fn->awaits[i]))
            fn->awaits[i]->child = awaited_future(fn->awaits[i])->slot;
}

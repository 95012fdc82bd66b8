/* cfg.c - the order in which things happen, as blocks of events.
 *
 *     x = f(a, await g(b));          block 1: USE a, DEF t, USE b, then AWAIT g
 *     if (x)                         block 2: DEF r, USE t, USE r, DEF x, USE x, then BRANCH x
 *         h(&x);                     block 3: ADDRESS x, then JUMP
 *
 * (t is the temporary that sequence.c gave `a`, r the await's result.)
 *
 * A statement that holds an await is lowered into pieces: the awaits and the temporaries come first,
 * each in its place (`hoist`), and what is left of the user's text is evaluated after them (`rest`).
 * The events follow that order, because a local is live where the *output* reads it.
 *
 * A temporary that takes the value of && || ?: or ({ }) is defined once, where the branches meet:
 * whatever the lowered text puts into it earlier isn't read again.
 *
 * Blocks are numbered in reverse postorder, which makes the dataflow after this converge in few sweeps.
 * What the events mean for anyone's life belongs to liveness.c. */
#include "asyncc.h"
#include <stdlib.h>
#include <string.h>

/* Past so many nodes an operand is taken to have effects; it keeps the search linear. */
#define PLAIN_LIMIT 200

/* A scope that holds locals whose entry and end matter. */
typedef struct Scope {
    const Node *node;
    Local **locals;
    int nlocals;
} Scope;

/* Where break or continue goes, and how many scopes are still open there. */
typedef struct Target {
    Block *block;
    int nscopes;
} Target;

typedef struct Builder {
    Fn *fn;
    Arena *arena;
    Block *now; /* never null: after a jump it is a block that nothing leads to */
    Block *fresh, *spare; /* the last such; one that was left as it was */
    const Node **labels;
    Block **label_blocks; /* label_blocks[i] begins at labels[i] */
    int nlabels, labels_room, label_blocks_room;
    bool has_all_labels;
    Local **scoped; /* in_place locals, those of a scope side by side */
    int nscoped;
    Scope *scopes; /* those that are open */
    int nscopes, scopes_room;
    Target on_break, on_continue;
    Block *switch_head;
    bool switch_has_default;
    Await **unread; /* of this full expression: values that stand in the child's frame alone */
    int nunread, unread_room;
} Builder;

static void walk(Builder *, Node *);
static void walk_block(Builder *, Node *, Local *value);
static void hoist(Builder *, Node *);
static void rest(Builder *, Node *);
static void use_types(Builder *, const Node *);

/* ---- blocks and events ---- */

static Block *new_block(Builder *b)
{
    Block *block = b->spare ? b->spare : take(b->arena, sizeof *block);
    b->spare = b->fresh = NULL;
    block->index = -1;
    block->exit = EXIT_JUMP;
    block->test = NULL;
    return block;
}

static void add_next(Builder *b, Block *block, Block *next, const Node *cause)
{
    int ncases = block->nnext;
    *push(b->arena, block->next, block->nnext, block->next_room) = next;
    *push(b->arena, block->cases, ncases, block->cases_room) = cause;
}

/* Ends the current block; what follows is unreachable until start(). */
static void finish(Builder *b, enum exit how)
{
    b->now->exit = how;
    b->now = new_block(b);
    b->fresh = b->now;
}

static void start(Builder *b, Block *block)
{
    if (b->now && b->now == b->fresh && !b->now->nevents && !b->now->nmoves && !b->now->nnext) /* nothing has been put into it, so nobody knows it */
        b->spare = b->now;
    b->now = block;
}

static void go_to(Builder *b, Block *block)
{
    add_next(b, b->now, block, NULL);
    finish(b, EXIT_JUMP);
}

static void go_into(Builder *b, Block *block)
{
    go_to(b, block);
    start(b, block);
}

static void add_event(Builder *, enum event_kind, Local *);

/* Bounds of a declaration that is lowered: locals of their own. */
static void use_bounds(Builder *b, const BoundUse *use)
{
    for (; use; use = use->next)
        if (use->local->lowered)
            add_event(b, EVENT_USE, use->local);
}

static void emit(Builder *b, enum event_kind kind, Local *local)
{
    if (!local)
        return;
    bool whole_life = kind == EVENT_ENTER || kind == EVENT_LEAVE;
    if (local->type && !whole_life)
        use_bounds(b, local->type->bounds);
    if (local->kind == LOCAL_STATIC)
        return;
    if (local->type && is_vla(local)) { /* a pointer, which is set once */
        if (whole_life || kind == EVENT_DECLARE)
            return;
        kind = EVENT_USE;
    }
    add_event(b, kind, local);
}

static void add_event(Builder *b, enum event_kind kind, Local *local)
{
    Block *block = b->now;
    *push(b->arena, block->events, block->nevents, block->events_room) = (Event){ kind, local };
    if (kind == EVENT_USE || kind == EVENT_ENTER || kind == EVENT_LEAVE)
        return;
    for (int i = 0; i < b->nunread; i++)
        set_bit(b->unread[i]->overlaps, local->index);
}

/* ---- handles of tasks ---- */

static void add_move(Builder *b, Local *local, const Node *node)
{
    Block *block = b->now;
    *push(b->arena, block->moves, block->nmoves, block->moves_room) = (Move){ block->nevents, local, node };
}

/* NULL, 0, {}: with all that may stand around it. */
static bool is_constant(const Node *node)
{
    if (node->kind != N_CONSTANT && node->kind != N_OTHER && node->kind != N_INIT)
        return false;
    for (int i = 0; i < node->nkids; i++)
        if (node->kids[i] && !is_constant(node->kids[i]))
            return false;
    return true;
}

/* After a handle has got this value. */
static void note_value(Builder *b, Local *local, const Node *value)
{
    if (is_handle(local) && value && is_constant(value))
        add_move(b, local, NULL);
}

/* exit() and the like, after which nothing is lost. */
static void note_end(Builder *b, const Node *call)
{
    static const char *const names[] = { "exit", "abort", "_exit", "_Exit", "quick_exit" };
    const Node *callee = kid(call, 0);
    const Source *source = b->fn->tu ? b->fn->tu->source : NULL;
    if (!b->fn->has_handles || !callee || callee->kind != N_CONSTANT || !source || !source->text || callee->to > source->size)
        return;
    Token name = next_token(source->text, callee->from, callee->to);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (token_is(source->text, name, names[i]))
            add_move(b, NULL, call);
}

/* ---- scopes ---- */

static int compare_scopes(const void *left, const void *right)
{
    const Local *a = *(Local *const *)left, *b = *(Local *const *)right;
    uintptr_t scope_a = (uintptr_t)a->scope, scope_b = (uintptr_t)b->scope;
    if (scope_a != scope_b)
        return scope_a < scope_b ? -1 : 1;
    return a->index - b->index;
}

static void sort_scopes(Builder *b)
{
    Fn *fn = b->fn;
    b->scoped = take(b->arena, sizeof *b->scoped * (size_t)(fn->nlocals + 1));
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i]->in_place && fn->locals[i]->scope)
            b->scoped[b->nscoped++] = fn->locals[i];
    if (b->nscoped)
        qsort(b->scoped, (size_t)b->nscoped, sizeof *b->scoped, compare_scopes);
}

static void enter_scope(Builder *b, const Node *node)
{
    int low = 0, high = b->nscoped;
    while (low < high) {
        int middle = (low + high) / 2;
        if ((uintptr_t)b->scoped[middle]->scope < (uintptr_t)node)
            low = middle + 1;
        else
            high = middle;
    }
    Scope scope = { node, b->scoped + low, 0 };
    while (low < b->nscoped && b->scoped[low]->scope == node)
        emit(b, EVENT_ENTER, b->scoped[low++]), scope.nlocals++;
    if (scope.nlocals)
        *push(b->arena, b->scopes, b->nscopes, b->scopes_room) = scope;
}

static void leave(Builder *b, const Scope *scope)
{
    for (int i = scope->nlocals; i-- > 0;)
        emit(b, EVENT_LEAVE, scope->locals[i]);
}

static void leave_scope(Builder *b, const Node *node)
{
    if (b->nscopes && b->scopes[b->nscopes - 1].node == node)
        leave(b, &b->scopes[--b->nscopes]);
}

static void jump_out(Builder *b, Target target)
{
    for (int i = b->nscopes; i-- > target.nscopes;)
        leave(b, &b->scopes[i]);
    if (target.block)
        go_to(b, target.block);
    else
        finish(b, EXIT_RETURN); /* a break outside of any loop, which clang has refused */
}

/* The calls that are owed read their variables. */
static void pay(Builder *b, const Owed *owed, const Owed *kept)
{
    for (owed = next_owed(owed, kept); owed; owed = next_owed(owed->outer, kept))
        if (!owed->is_memory)
            add_event(b, EVENT_USE, owed->local);
}

/* ---- labels ---- */

/* The block that a label begins. Labels are known one by one as they are met, all of them from the
 * first goto on. */
static Block *label_block(Builder *b, const Node *node)
{
    for (int i = 0; i < b->nlabels; i++)
        if (b->labels[i] == node)
            return b->label_blocks[i];
    Block *block = new_block(b);
    int nblocks = b->nlabels;
    *push(b->arena, b->label_blocks, nblocks, b->label_blocks_room) = block;
    *push(b->arena, b->labels, b->nlabels, b->labels_room) = node;
    return block;
}

static void collect_labels_in(Builder *b, const Node *node)
{
    if (!node)
        return;
    if (node->kind == N_LABEL)
        label_block(b, node);
    for (int i = 0; i < node->nkids; i++)
        collect_labels_in(b, node->kids[i]);
}

static void collect_labels(Builder *b)
{
    if (!b->has_all_labels)
        collect_labels_in(b, b->fn->body);
    b->has_all_labels = true;
}

static bool contains(const Node *outer, const Node *inner)
{
    return outer->from <= inner->from && inner->to <= outer->to;
}

static void jump_to_label(Builder *b, const Node *jump)
{
    collect_labels(b);
    int chosen = choose_label(b->fn->body, b->labels, b->nlabels, jump);
    if (chosen < 0) {
        finish(b, EXIT_RETURN);
        return;
    }
    for (int i = b->nscopes; i-- > 0 && !contains(b->scopes[i].node, b->labels[chosen]);)
        leave(b, &b->scopes[i]);
    go_to(b, b->label_blocks[chosen]);
}

/* Which labels' addresses a program keeps isn't known here, so a jump may lead to any. */
static void jump_to_any_label(Builder *b, Node *test, Block *else_to)
{
    Block *block = b->now;
    collect_labels(b);
    block->test = test;
    for (int i = 0; i < b->nlabels; i++)
        add_next(b, block, b->label_blocks[i], b->labels[i]);
    if (else_to)
        add_next(b, block, else_to, NULL);
    finish(b, EXIT_SWITCH);
}

/* ---- expressions ---- */

/* Nothing in it is conditional but uses: no branch is needed to say what happens in it. */
static bool is_plain(const Node *node, int *budget)
{
    if (!node)
        return true;
    if (--*budget < 0 || node->has_await || node->temp)
        return false;
    switch (node->kind) {
    case N_UNEVALUATED:
        return true;
    case N_OTHER:
        if (node->op == 'u')
            return false;
        break;
    case N_ASSIGN:
    case N_STEP:
    case N_ADDRESS:
    case N_AWAIT:
    case N_STMT_EXPR:
    case N_LITERAL:
    case N_BOUND:
        return false;
    default:
        break;
    }
    for (int i = 0; i < node->nkids; i++)
        if (!is_plain(node->kids[i], budget))
            return false;
    return true;
}

static bool waits(const Node *node) { return node && (node->has_await || node->temp); }

/* && || ?: whose later operands only use locals: whether they are evaluated makes no difference. */
static bool can_stay_whole(const Node *node)
{
    int budget = PLAIN_LIMIT;
    for (int i = 1; i < node->nkids; i++)
        if (!is_plain(node->kids[i], &budget))
            return false;
    return true;
}

/* It becomes statements: an operand waits, and another is evaluated only after it, or instead. */
static bool is_split(const Node *node)
{
    bool some = false;
    switch (node->kind) {
    case N_AND:
    case N_OR:
    case N_ELVIS:
    case N_COND:
        for (int i = 0; i < node->nkids; i++)
            some |= waits(node->kids[i]);
        return some && !can_stay_whole(node);
    case N_STMT_EXPR:
        return node->has_await;
    default:
        return false;
    }
}

static void evaluate(Builder *b, Node *node)
{
    if (node) {
        hoist(b, node);
        rest(b, node);
    }
}

/* 1 and 0 for tests that are always, or never, true; -1 for others. */
static int constant_test(const Builder *b, const Node *test)
{
    if (!test)
        return 1;
    const Source *source = b->fn->tu ? b->fn->tu->source : NULL;
    int size = test->to - test->from;
    if (test->kind != N_CONSTANT || !source || !source->text || size <= 0 || test->to > source->size)
        return -1;
    const char *text = source->text + test->from;
    if (size == 4 && memcmp(text, "true", 4) == 0)
        return 1;
    if (size == 5 && memcmp(text, "false", 5) == 0)
        return 0;
    int value = 0;
    for (int i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value |= text[i] - '0';
    }
    return value != 0;
}

/* Evaluates test, and goes to yes or to no. */
static void branch(Builder *b, Node *test, Block *yes, Block *no)
{
    int constant = constant_test(b, test);
    if (constant >= 0) {
        go_to(b, constant ? yes : no);
        return;
    }
    if ((test->kind == N_AND || test->kind == N_OR) && !test->temp && !can_stay_whole(test)) {
        Block *right = new_block(b);
        if (test->kind == N_AND)
            branch(b, kid(test, 0), right, no);
        else
            branch(b, kid(test, 0), yes, right);
        start(b, right);
        branch(b, kid(test, 1), yes, no);
        return;
    }
    evaluate(b, test);
    b->now->test = test;
    add_next(b, b->now, yes, NULL);
    add_next(b, b->now, no, NULL);
    finish(b, EXIT_BRANCH);
}

/* The operands of && || ?:, each completely. */
static void evaluate_branches(Builder *b, Node *node)
{
    Block *end = new_block(b), *yes = new_block(b), *no = end;
    if (node->kind == N_COND)
        no = new_block(b);
    if (node->kind == N_AND || node->kind == N_COND)
        branch(b, kid(node, 0), yes, no);
    else
        branch(b, kid(node, 0), end, yes);
    start(b, yes);
    evaluate(b, kid(node, 1));
    go_to(b, end);
    if (no != end) {
        start(b, no);
        evaluate(b, kid(node, 2));
        go_to(b, end);
    }
    start(b, end);
}

static bool is_scalar_of(const Node *node, const Type *type)
{
    return node->type && type && node->type->kind == TYPE_SCALAR && type->kind == TYPE_SCALAR &&
           node->type->size == type->size;
}

static bool is_base(const Node *node)
{
    return node && (node->is_lvalue || (node->kind == N_REF && node->local && node->local->type &&
                                        node->local->type->kind == TYPE_ARRAY));
}

/* What may be evaluated or not: each local in it may be read, may be assigned to, and none is for sure. */
static void walk_uncertain(Builder *b, const Node *node)
{
    if (!node)
        return;
    if (node->kind == N_UNEVALUATED) {
        use_types(b, node);
        return;
    }
    use_bounds(b, node->uses);
    if (node->local && (node->kind == N_REF || node->kind == N_LITERAL)) {
        emit(b, node->local->address_taken ? EVENT_ADDRESS : EVENT_USE, node->local);
        emit(b, EVENT_PART, node->local);
    }
    for (int i = 0; i < node->nkids; i++)
        walk_uncertain(b, node->kids[i]);
}

/* Evaluates what an lvalue needs, its subscripts for instance. The local in whose storage it is, or
 * null; *whole is left true if it is all of that local. */
static Local *find_place(Builder *b, Node *node, bool *whole)
{
    if (!node)
        return NULL;
    bool uncertain = node->kind == N_OTHER && node->op == 'u';
    if (node->temp || uncertain || (node->kind != N_REF && node->kind != N_OTHER && node->kind != N_LITERAL)) {
        *whole = false;
        rest(b, node);
        return NULL;
    }
    if (node->kind == N_REF)
        return node->local;
    if (node->kind == N_LITERAL) {
        rest(b, node);
        return node->local;
    }
    Node *base = NULL;
    for (int i = 0; i < node->nkids; i++)
        if (!base && is_base(node->kids[i]))
            base = node->kids[i];
        else
            rest(b, node->kids[i]);
    Local *local = find_place(b, base, whole);
    if (local && !is_scalar_of(node, local->type))
        *whole = false;
    return local;
}

/* Assigns to an lvalue whose awaits are done; its old value counts if `reads`. */
static void assign(Builder *b, Node *left, bool reads)
{
    bool whole = true;
    Local *local = find_place(b, left, &whole);
    if (reads)
        emit(b, EVENT_USE, local);
    emit(b, whole || (left->kind == N_REF && !left->temp) ? EVENT_DEF : EVENT_PART, local);
}

/* `sizeof a` needs what tells the size of a. */
static void use_types(Builder *b, const Node *node)
{
    if (!node)
        return;
    use_bounds(b, node->uses);
    if (node->kind == N_REF && node->local && node->local->lowered)
        emit(b, EVENT_USE, node->local);
    for (int i = 0; i < node->nkids; i++)
        use_types(b, node->kids[i]);
}

/* A call reads and writes what it is lent, before it is done. */
static void use_lent(Builder *b, const Node *node)
{
    Local *local = node->lent ? lent_local(node) : NULL;
    if (!local || local->address_taken)
        return;
    emit(b, EVENT_USE, local);
    emit(b, EVENT_PART, local);
}

static bool is_lent(const Node *node)
{
    const Local *local = node->lent ? lent_local(node) : NULL;
    return local && !local->address_taken;
}

/* What remains of a node when the awaits and temporaries inside it have their values. */
static void evaluate_self(Builder *b, Node *node)
{
    bool whole = true;
    use_bounds(b, node->uses);
    switch (node->kind) {
    case N_REF:
        emit(b, node->is_lvalue && node->local && node->local->address_taken ? EVENT_ADDRESS : EVENT_USE,
             node->local);
        if (is_handle(node->local) && !node->is_lvalue && !node->tested)
            add_move(b, node->local, node);
        break;
    case N_ASSIGN:
        rest(b, kid(node, 1));
        assign(b, kid(node, 0), node->op != 0);
        note_value(b, kid(node, 0)->local, kid(node, 1));
        break;
    case N_STEP:
        assign(b, kid(node, 0), true);
        break;
    case N_ADDRESS: {
        Local *local = find_place(b, kid(node, 0), &whole);
        if (!is_lent(node))
            emit(b, EVENT_ADDRESS, local);
        break;
    }
    case N_AND:
    case N_OR:
    case N_COND:
    case N_ELVIS:
        if (is_split(node))
            break; /* hoist has done it */
        if (can_stay_whole(node))
            for (int i = 0; i < node->nkids; i++)
                rest(b, node->kids[i]);
        else
            evaluate_branches(b, node);
        break;
    case N_COMMA:
        if (!waits(kid(node, 0)) && !waits(kid(node, 1)))
            rest(b, kid(node, 0));
        rest(b, kid(node, 1));
        break;
    case N_AWAIT:
        if (node->await && !node->discarded)
            emit(b, EVENT_USE, node->await->result);
        break;
    case N_STMT_EXPR:
        if (!is_split(node))
            walk(b, kid(node, 0));
        break;
    case N_LITERAL:
        for (int i = 0; i < node->nkids; i++)
            rest(b, kid(node, i));
        emit(b, EVENT_DEF, node->local);
        break;
    case N_BOUND:
        rest(b, kid(node, 0));
        if (node->local->lowered)
            emit(b, EVENT_DEF, node->local);
        break;
    case N_UNEVALUATED:
        use_types(b, node);
        break;
    case N_CONSTANT:
        break;
    case N_OTHER:
        if (node->op == 'u') {
            walk_uncertain(b, kid(node, 0));
            break;
        }
        /* A read of a place: the local it is in is read, or, an array's, handed out. */
        if (node->is_lvalue) {
            Local *local = find_place(b, node, &whole);
            emit(b, local && local->address_taken ? EVENT_ADDRESS : EVENT_USE, local);
            break;
        }
        /* fall through */
    default:
        for (int i = 0; i < node->nkids; i++)
            rest(b, node->kids[i]);
        if (node->kind == N_CALL)
            note_end(b, node);
    }
    use_lent(b, node);
}

static void rest(Builder *b, Node *node)
{
    if (!node)
        return;
    if (!node->temp)
        evaluate_self(b, node);
    else if (!node->discarded)
        emit(b, EVENT_USE, node->temp);
}

/* What an await drives, if that isn't a child of its own. */
static void use_futures(Builder *b, const Await *await)
{
    for (int i = 0; i < await->nfutures; i++) {
        emit(b, EVENT_USE, await->futures[i]);
        if (await->futures[i]->said) {
            emit(b, EVENT_USE, await->futures[i]->said);
            emit(b, EVENT_PART, await->futures[i]->said);
        }
    }
}

static void hoist_await(Builder *b, Node *node)
{
    Await *await = node->await;
    for (int i = 0; i < node->nkids; i++)
        hoist(b, node->kids[i]);
    for (int i = 0; i < node->nkids; i++)
        rest(b, node->kids[i]);
    if (!await)
        return;
    use_futures(b, await);
    Block *after = new_block(b);
    b->now->await = await;
    add_next(b, b->now, after, NULL);
    finish(b, EXIT_AWAIT);
    start(b, after);
    for (int i = 0; i < node->nkids; i++)
        use_lent(b, node->kids[i]);
    pay(b, await->owed, NULL); /* instead of what follows, if the function is cancelled */

    int nunread = b->nunread;
    if (!node->discarded && await->type && await->type->kind != TYPE_VOID)
        *push(b->arena, b->unread, b->nunread, b->unread_room) = await;
    emit(b, EVENT_DEF, await->result);
    use_futures(b, await); /* whose result that is */
    if (node->temp && node->temp != await->result) {
        emit(b, EVENT_USE, await->result);
        emit(b, EVENT_DEF, node->temp);
    }
    if (await->result || node->temp)
        b->nunread = nunread;
}

/* The awaits in node and what has to come before them, and node itself if it has a temporary. */
static void hoist(Builder *b, Node *node)
{
    if (!waits(node))
        return;
    if (node->kind == N_AWAIT) {
        hoist_await(b, node);
        return;
    }
    if (node->kind == N_STMT_EXPR && is_split(node))
        walk_block(b, kid(node, 0), node->temp);
    else if (node->kind == N_STMT_EXPR)
        ;
    else if (is_split(node))
        evaluate_branches(b, node);
    else if (node->kind == N_COMMA && (waits(kid(node, 0)) || waits(kid(node, 1)))) {
        evaluate(b, kid(node, 0)); /* completely, before the right side begins */
        hoist(b, kid(node, 1));
    } else if (node->kind == N_ASSIGN) {
        hoist(b, kid(node, 1));
        hoist(b, kid(node, 0));
    } else if (node->kind != N_UNEVALUATED) {
        for (int i = 0; i < node->nkids; i++)
            hoist(b, node->kids[i]);
    }
    if (!node->temp)
        return;
    if (node->is_lvalue) {
        bool whole = true; /* the temporary holds the place's address */
        Local *temp = node->temp;
        node->temp = NULL;
        emit(b, EVENT_ADDRESS, find_place(b, node, &whole));
        node->temp = temp;
    } else {
        evaluate_self(b, node);
    }
    emit(b, EVENT_DEF, node->temp);
}

/* ---- statements ---- */

static bool mentions(const Node *node, const Local *local)
{
    if (!node || node->kind == N_UNEVALUATED)
        return false;
    if (node->kind == N_REF && node->local == local)
        return true;
    for (int i = 0; i < node->nkids; i++)
        if (mentions(node->kids[i], local))
            return true;
    return false;
}

static void walk_variable(Builder *b, Node *node)
{
    int nunread = b->nunread;
    for (int i = 1; i < node->nkids; i++) {
        evaluate(b, node->kids[i]);
        for (const BoundUse *use = node->uses; use; use = use->next)
            if (use->local->decl == node->kids[i] && use->local->lowered)
                emit(b, EVENT_DEF, use->local);
    }
    Node *value = kid(node, 0);
    if (!value || mentions(value, node->local))
        emit(b, EVENT_DECLARE, node->local);
    /* A VLA comes into being at its declaration, so that is what gives it its (hidden) value. */
    bool allocates = node->local && node->local->type && node->local->type->variable_size;
    evaluate(b, value);
    if (node->local && node->local->type && is_vla(node->local))
        add_event(b, EVENT_DEF, node->local);
    else if (value || allocates)
        emit(b, EVENT_DEF, node->local);
    if (is_kept_future(node->local) && node->local->said)
        emit(b, EVENT_DEF, node->local->said);
    note_value(b, node->local, value);
    b->nunread = nunread;
}

static void walk_expression(Builder *b, Node *node)
{
    int nunread = b->nunread;
    evaluate(b, node);
    b->nunread = nunread;
}

static void walk_test(Builder *b, Node *test, Block *yes, Block *no)
{
    int nunread = b->nunread;
    branch(b, test, yes, no);
    b->nunread = nunread;
}

static void walk_if(Builder *b, Node *node)
{
    Block *yes = new_block(b), *end = new_block(b);
    Block *no = kid(node, 2) ? new_block(b) : end;
    walk_test(b, kid(node, 0), yes, no);
    start(b, yes);
    walk(b, kid(node, 1));
    go_to(b, end);
    if (no != end) {
        start(b, no);
        walk(b, kid(node, 2));
        go_to(b, end);
    }
    start(b, end);
}

static void walk_loop_body(Builder *b, Node *body, Block *on_break, Block *on_continue)
{
    Target outer_break = b->on_break, outer_continue = b->on_continue;
    b->on_break = (Target){ on_break, b->nscopes };
    b->on_continue = (Target){ on_continue, b->nscopes };
    walk(b, body);
    b->on_break = outer_break;
    b->on_continue = outer_continue;
}

static void walk_while(Builder *b, Node *node)
{
    Block *head = new_block(b), *body = new_block(b), *end = new_block(b);
    go_into(b, head);
    walk_test(b, kid(node, 0), body, end);
    start(b, body);
    walk_loop_body(b, kid(node, 1), end, head);
    go_to(b, head);
    start(b, end);
}

static void walk_do(Builder *b, Node *node)
{
    Block *body = new_block(b), *test = new_block(b), *end = new_block(b);
    go_into(b, body);
    walk_loop_body(b, kid(node, 0), end, test);
    go_into(b, test);
    walk_test(b, kid(node, 1), body, end);
    start(b, end);
}

static void walk_for(Builder *b, Node *node)
{
    Block *head = new_block(b), *body = new_block(b), *step = new_block(b), *end = new_block(b);
    if (kid(node, 0))
        walk(b, kid(node, 0));
    go_into(b, head);
    walk_test(b, kid(node, 1), body, end);
    start(b, body);
    walk_loop_body(b, kid(node, 3), end, step);
    go_into(b, step);
    walk_expression(b, kid(node, 2));
    go_to(b, head);
    start(b, end);
}

static void walk_switch(Builder *b, Node *node)
{
    Block *end = new_block(b), *outer_head = b->switch_head;
    bool outer_has_default = b->switch_has_default;
    Target outer_break = b->on_break;
    walk_expression(b, kid(node, 0));
    b->switch_head = b->now;
    b->switch_has_default = false;
    b->on_break = (Target){ end, b->nscopes };
    b->now->test = kid(node, 0);
    finish(b, EXIT_SWITCH);
    walk(b, kid(node, 1));
    go_to(b, end);
    if (!b->switch_has_default)
        add_next(b, b->switch_head, end, NULL);
    b->switch_head = outer_head;
    b->switch_has_default = outer_has_default;
    b->on_break = outer_break;
    start(b, end);
}

static void walk_case(Builder *b, Node *node)
{
    Block *block = new_block(b);
    go_into(b, block);
    if (b->switch_head)
        add_next(b, b->switch_head, block, node);
    if (node->op == 'd')
        b->switch_has_default = true;
    walk(b, kid(node, 0));
}

/* `asm goto` names labels behind its operands, which the model doesn't show. */
static bool is_asm_goto(const Builder *b, const Node *node)
{
    const Source *source = b->fn->tu ? b->fn->tu->source : NULL;
    if (!source || !source->text || node->to > source->size)
        return false;
    for (int i = node->from; i + 4 < node->to && source->text[i] != '('; i++)
        if (memcmp(source->text + i, "goto", 4) == 0)
            return true;
    return node->in_macro;
}

static void walk_asm(Builder *b, Node *node)
{
    int nunread = b->nunread;
    for (int i = 0; i < node->nkids; i++)
        hoist(b, node->kids[i]);
    for (int i = 0; i < node->nkids; i++)
        if (node->kids[i] && !node->kids[i]->is_lvalue)
            rest(b, node->kids[i]);
    /* Whether a place is an input, an output or both stands in a string: it may be either. */
    for (int i = 0; i < node->nkids; i++)
        if (node->kids[i] && node->kids[i]->is_lvalue) {
            bool whole = true;
            Local *local = find_place(b, node->kids[i], &whole);
            emit(b, local && local->address_taken ? EVENT_ADDRESS : EVENT_USE, local);
            emit(b, EVENT_PART, local);
        }
    if (is_asm_goto(b, node)) {
        Block *after = new_block(b);
        jump_to_any_label(b, NULL, after);
        start(b, after);
    }
    b->nunread = nunread;
}

static void walk_statement(Builder *b, Node *node)
{
    switch (node->kind) {
    case N_COMPOUND:
    case N_DECLARE:
        for (int i = 0; i < node->nkids; i++)
            walk(b, node->kids[i]);
        break;
    case N_VAR:
        walk_variable(b, node);
        break;
    case N_IF:
        walk_if(b, node);
        break;
    case N_WHILE:
        walk_while(b, node);
        break;
    case N_DO:
        walk_do(b, node);
        break;
    case N_FOR:
        walk_for(b, node);
        break;
    case N_SWITCH:
        walk_switch(b, node);
        break;
    case N_CASE:
        walk_case(b, node);
        break;
    case N_LABEL:
        go_into(b, label_block(b, node));
        walk(b, kid(node, 0));
        break;
    case N_GOTO:
        pay(b, node->owed, node->kept);
        jump_to_label(b, node);
        break;
    case N_GOTO_ANY:
        walk_expression(b, kid(node, 0));
        jump_to_any_label(b, kid(node, 0), NULL);
        break;
    case N_BREAK:
        pay(b, node->owed, node->kept);
        jump_out(b, b->on_break);
        break;
    case N_CONTINUE:
        pay(b, node->owed, node->kept);
        jump_out(b, b->on_continue);
        break;
    case N_RETURN:
        walk_expression(b, kid(node, 0));
        pay(b, node->owed, node->kept);
        b->now->test = node;
        finish(b, EXIT_RETURN);
        break;
    case N_EMPTY:
        break;
    case N_ASM:
        walk_asm(b, node);
        break;
    default:
        walk_expression(b, node);
    }
}

/* One that has a value puts it into a temporary before it is left. */
static void walk_block(Builder *b, Node *node, Local *value)
{
    enter_scope(b, node);
    walk_statement(b, node);
    if (node->kind == N_COMPOUND || node->kind == N_FOR) {
        if (value && next_owed(node->owed, node->kept))
            emit(b, EVENT_DEF, value);
        pay(b, node->owed, node->kept);
    }
    leave_scope(b, node);
}

static void walk(Builder *b, Node *node)
{
    if (node)
        walk_block(b, node, NULL);
}

/* ---- the whole ---- */

/* Fills fn->blocks with what can be reached from entry, in reverse postorder. */
static void order_blocks(Builder *b, Block *entry)
{
    Fn *fn = b->fn;
    Block **path = NULL, **done = NULL;
    int *at = NULL, npath = 0, path_room = 0, nat = 0, at_room = 0, ndone = 0, done_room = 0;
    *push(b->arena, path, npath, path_room) = entry;
    *push(b->arena, at, nat, at_room) = 0;
    entry->index = 0;
    while (npath) {
        Block *block = path[npath - 1];
        if (at[nat - 1] < block->nnext) {
            /* The last successor first: the first one then follows its block in the order. */
            Block *next = block->next[block->nnext - ++at[nat - 1]];
            if (next->index < 0) {
                next->index = 0;
                *push(b->arena, path, npath, path_room) = next;
                *push(b->arena, at, nat, at_room) = 0;
            }
            continue;
        }
        *push(b->arena, done, ndone, done_room) = block;
        npath--, nat--;
    }
    fn->blocks = NULL;
    fn->nblocks = fn->blocks_room = 0;
    for (int i = ndone; i-- > 0;) {
        done[i]->index = fn->nblocks;
        *push(b->arena, fn->blocks, fn->nblocks, fn->blocks_room) = done[i];
    }
}

void build_cfg(Fn *fn)
{
    Builder b = { .fn = fn, .arena = fn->tu->work };
    Block *entry = new_block(&b);
    start(&b, entry);
    for (int i = 0; i < fn->nawaits; i++)
        fn->awaits[i]->overlaps = new_bits(b.arena, fn->nlocals);
    sort_scopes(&b);
    for (int i = 0; i < fn->nparams; i++) {
        Node *param = fn->params[i]->decl;
        for (int k = 1; param && k < param->nkids; k++)
            evaluate(&b, param->kids[k]);
        for (const BoundUse *use = param ? param->uses : NULL; use; use = use->next)
            emit(&b, EVENT_DEF, use->local);
    }
    walk(&b, fn->body);
    finish(&b, EXIT_RETURN);
    order_blocks(&b, entry);
}

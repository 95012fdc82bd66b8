/* sequence.c - which operands have to be evaluated before an await, into temporaries.
 *
 *     f(a(), await g(), b(), c())       a() and the await and b() first, in this order:
 *
 *     int t1 = a();
 *     ...await g()... int r1 = its result;
 *     int t2 = b();
 *     f(t1, r1, t2, c())
 *
 * Where an await is among a node's operands, they are evaluated from left to right, each
 * completely. So all that stand before the last one with an effect get a temporary, unless their
 * value can't change meanwhile. The left side of an assignment comes after its right side.
 * Only Node.temp and Await.result are filled; lower.c writes them down, cfg.c sees them happen. */
#include "asyncc.h"
#include <string.h>

typedef struct Sequencer {
    Fn *fn;
    int ntemps;
    Node *scope; /* the block that is being gone through */
} Sequencer;

static void sequence(Sequencer *s, Node *node);
static void sequence_stmt(Sequencer *s, Node *node);

Local *new_temp(Fn *fn, const char *name, Type *type)
{
    Local *temp = take(fn->tu->arena, sizeof *temp);
    temp->kind = LOCAL_TEMP;
    temp->name = temp->field = name;
    temp->type = type;
    temp->from = -1;
    temp->used = true;
    temp->index = fn->nlocals;
    temp->in_place = type->has_const; /* it couldn't be put back */
    if (type->local_tag)
        temp->refused = type->local_tag;
    if (type->bound_unknown)
        temp->refused = "has a type whose bounds stand in no declaration";
    keep_bounds_of(fn, type);
    *push(fn->tu->arena, fn->locals, fn->nlocals, fn->locals_room) = temp;
    return temp;
}

/* Where the value is that an array is a member of: `f(x).in.list` gives `f(x)`. */
static Node **value_around(Node *array)
{
    Node **value = &array->kids[0];
    while ((*value)->kind == N_OTHER && (*value)->op != '!' && (*value)->nkids && !(*value)->kids[0]->is_lvalue &&
           (*value)->kids[0]->type->kind == TYPE_RECORD)
        value = &(*value)->kids[0];
    return value;
}

/* A value is put, as it is evaluated, into an object of the frame, as if it were written as a literal. */
static void keep_value(Sequencer *s, Node **value)
{
    Arena *arena = s->fn->tu->arena;
    Node *literal = take(arena, sizeof *literal), *list = take(arena, sizeof *list);
    Node **kids = take(arena, 2 * sizeof *kids);
    kids[0] = list;
    kids[1] = *value;
    *list = (Node){ .kind = N_INIT, .from = (*value)->from, .to = (*value)->to, .nkids = 1, .kids = &kids[1],
                    .type = (*value)->type, .has_await = (*value)->has_await, .in_macro = (*value)->in_macro };
    *literal = *list;
    literal->kind = N_LITERAL;
    literal->op = 'v';
    literal->kids = kids;
    literal->is_lvalue = true;
    Local *local = new_temp(s->fn, take_format(arena, "%s__v%d", s->fn->name, ++s->ntemps), (*value)->type);
    local->kind = LOCAL_LITERAL;
    local->decl = literal;
    local->scope = s->scope;
    local->in_place = local->address_taken = local->wrapped = true;
    literal->local = local;
    *value = literal;
}

static void keep_arrays(Sequencer *s, Node *node, bool points);

static void give_temp(Sequencer *s, Node *node)
{
    if (node->temp || node->type->kind == TYPE_VOID)
        return;
    keep_arrays(s, node, node->type->is_pointer || node->is_lvalue);
    node->temp = new_temp(s->fn, take_format(s->fn->tu->arena, "%s__t%d", s->fn->name, ++s->ntemps), node->type);
    if (!defines_tag_of(node->type, node))
        return;
    node->temp->own_type = true;
    if (node->kind == N_STMT_EXPR || node->kind == N_COND || node->kind == N_ELVIS)
        report(s->fn->tu, ERROR, node->from, node->to,
               "a value that has to be kept, of a type that is defined inside of the expression, is not supported yet");
}

/* A temporary that may point into an array inside of a value, `(await f()).list + 1`: the value stays, too. */
static void keep_arrays(Sequencer *s, Node *node, bool points)
{
    if (!node || node->kind == N_UNEVALUATED || node->kind == N_CALL || node->kind == N_AWAIT || node->kind == N_STMT_EXPR)
        return;
    if (node->kind == N_OTHER && node->op == 'a' && node->nkids) {
        Node **value = value_around(node);
        bool awaited = (*value)->kind == N_AWAIT && (*value)->await;
        if (points && (*value)->has_await && !awaited)
            give_temp(s, *value);
        Local *whole = awaited ? (*value)->await->result : (*value)->temp;
        if (whole) {
            whole->in_place = whole->address_taken = whole->wrapped = true;
            whole->scope = s->scope;
        } else if (points && (*value)->kind != N_LITERAL) {
            keep_value(s, value);
        }
    }
    for (int i = 0; i < node->nkids; i++)
        keep_arrays(s, node->kids[i], points);
}

bool has_effect(const Node *node)
{
    if (!node || node->kind == N_UNEVALUATED)
        return false;
    switch (node->kind) {
    case N_CALL:
    case N_ASSIGN:
    case N_STEP:
    case N_AWAIT:
    case N_SPAWN:
    case N_FUTURE:
    case N_BLOCK_ON:
    case N_STMT_EXPR:
        return true;
    default:
        break;
    }
    if (node->kind == N_OTHER && (node->op == '!' || (node->type && node->type->is_volatile)))
        return true;
    if (node->kind == N_REF && node->local->type->is_volatile)
        return true;
    for (int i = 0; i < node->nkids; i++)
        if (has_effect(node->kids[i]))
            return true;
    return false;
}

static bool assigns(const Node *node, const Local *local)
{
    if (!node || node->kind == N_UNEVALUATED)
        return false;
    if ((node->kind == N_ASSIGN || node->kind == N_STEP) && node->kids[0]->kind == N_REF &&
        node->kids[0]->local == local)
        return true;
    if (node->kind == N_ASM || (node->lent && lent_local(node) == local))
        return true;
    for (int i = 0; i < node->nkids; i++)
        if (assigns(node->kids[i], local))
            return true;
    return false;
}

/* The value can't change while what comes after it (kids from next on) is evaluated. */
static bool is_stable(const Node *node, Node *const *kids, int next, int nkids)
{
    switch (node->kind) {
    case N_CONSTANT:
    case N_UNEVALUATED:
        return true;
    case N_BOUND:
        return is_stable(node->kids[0], kids, next, nkids);
    case N_REF:
        if (node->is_lvalue && node->type->kind != TYPE_SCALAR)
            return true; /* a place */
        if (node->local->address_taken || node->local->type->is_volatile || node->local->in_place)
            return false;
        for (int i = next; i < nkids; i++)
            if (assigns(kids[i], node->local))
                return false;
        return true;
    case N_OTHER:
        /* A member of a local, used as a place. */
        return node->is_lvalue && node->nkids == 1 && node->kids[0]->is_lvalue && node->type->kind != TYPE_SCALAR &&
               node->op != '!' && is_stable(node->kids[0], kids, next, nkids);
    default:
        return false;
    }
}

/* What is left of a lowered node when its operands have been evaluated is only a name. */
static bool is_settled(const Node *node)
{
    return node->temp || node->kind == N_AWAIT || node->kind == N_CONSTANT || node->kind == N_UNEVALUATED;
}

static void spill(Sequencer *s, Node *kid)
{
    if (kid->kind == N_INIT || kid->kind == N_BOUND) {
        for (int i = 0; i < kid->nkids; i++)
            spill(s, kid->kids[i]);
    } else if (!is_settled(kid)) {
        give_temp(s, kid);
    }
}

static void sequence_kids(Sequencer *s, Node **kids, int nkids)
{
    int last = -1; /* the last operand with an effect: those before it are evaluated before it */
    for (int i = 0; i < nkids; i++) {
        if (!kids[i])
            continue;
        if (kids[i]->has_await)
            sequence(s, kids[i]);
        if (has_effect(kids[i]))
            last = i;
    }
    for (int i = 0; i < last; i++)
        if (kids[i] && !is_stable(kids[i], kids, i + 1, last + 1))
            spill(s, kids[i]);
    for (int i = last + 1; i < nkids; i++)
        if (kids[i] && last >= 0 && !is_stable(kids[i], kids, nkids, nkids)) {
            spill(s, kids[last]);
            break;
        }
}

static bool is_trivial_place(const Node *node)
{
    return node->kind == N_REF || (node->kind == N_OTHER && node->nkids == 1 && node->is_lvalue &&
                                   node->kids[0]->is_lvalue && is_trivial_place(node->kids[0]));
}

static void sequence_assign(Sequencer *s, Node *node)
{
    Node *left = node->kids[0], *right = node->kids[1];
    if (right->has_await)
        sequence(s, right);
    if (left->has_await) {
        if (!is_stable(right, &left, 0, 1))
            spill(s, right);
        sequence(s, left);
    } else if (!is_settled(right)) {
        bool clash = is_trivial_place(left) ? node->op != 0 && has_effect(right)
                                            : has_effect(left) || has_effect(right);
        if (clash)
            give_temp(s, right);
    }
}

/* Literals below the statement whose address is kept: the statement gets a block of its own. */
static void mark_literals(Node *node)
{
    if (!node)
        return;
    if (node->kind == N_LITERAL && node->local && node->local->address_taken)
        node->local->wrapped = true;
    for (int i = 0; i < node->nkids; i++)
        mark_literals(node->kids[i]);
}

Node *last_of_block(const Node *body)
{
    Node *last = body->nkids ? body->kids[body->nkids - 1] : NULL;
    while (last && last->kind == N_LABEL && last->nkids)
        last = last->kids[last->nkids - 1];
    return last;
}

static void sequence(Sequencer *s, Node *node)
{
    if (!node || !node->has_await)
        return;
    switch (node->kind) {
    case N_AWAIT:
        sequence_kids(s, node->kids, node->nkids);
        if (!node->discarded && node->type->kind != TYPE_VOID)
            node->await->result = new_temp(
                s->fn, take_format(s->fn->tu->arena, "%s__r%d", s->fn->name, node->await->state), node->type);
        return;
    case N_ASSIGN:
        sequence_assign(s, node);
        return;
    case N_AND:
    case N_OR:
    case N_ELVIS:
        sequence(s, node->kids[0]);
        if (node->kids[1]->has_await) {
            node->kids[1]->discarded = node->discarded;
            sequence(s, node->kids[1]);
            if (!node->discarded)
                give_temp(s, node);
        }
        return;
    case N_COND:
        sequence(s, node->kids[0]);
        if (node->kids[1]->has_await || node->kids[2]->has_await) {
            for (int i = 1; i < 3; i++) {
                node->kids[i]->discarded = node->discarded;
                sequence(s, node->kids[i]);
            }
            if (!node->discarded)
                give_temp(s, node);
        }
        return;
    case N_COMMA:
        node->kids[0]->discarded = true;
        node->kids[1]->discarded = node->discarded;
        sequence(s, node->kids[0]);
        sequence(s, node->kids[1]);
        return;
    case N_STMT_EXPR: {
        Node *body = node->kids[0];
        Node *last = last_of_block(body);
        /* Its value is the expression's, through parentheses. */
        for (Node *value = node->discarded ? NULL : last; value && value->type;
             value = value->kind == N_OTHER && value->op == '(' ? value->kids[0] : NULL)
            value->discarded = false;
        for (int i = 0; i < body->nkids; i++)
            sequence_stmt(s, body->kids[i]);
        if (!node->discarded)
            give_temp(s, node);
        return;
    }
    case N_LITERAL:
        if (node->nkids == 1 || (node->nkids == 2 && node->kids[0]->kind == N_UNEVALUATED))
            sequence_kids(s, node->kids[node->nkids - 1]->kids, node->kids[node->nkids - 1]->nkids);
        else
            sequence_kids(s, node->kids, node->nkids);
        return;
    default:
        if (node->discarded && node->kind == N_OTHER && node->nkids == 1)
            node->kids[0]->discarded = node->kids[0]->type->kind == TYPE_VOID || node->op == '(';
        sequence_kids(s, node->kids, node->nkids);
        return;
    }
}

/* A value that goes straight to where it's wanted is read from the child's frame there. */
static void read_in_place(Node *value)
{
    /* A task's result goes with the task, and a boxed one with the box, so they are copied at once; a kept future's,
     * because its variable may be given another one next. */
    if (value && value->kind == N_AWAIT && value->await->result && value->await->callee && !value->await->boxed &&
        !value->await->nfutures) {
        value->await->result->used = false;
        value->await->result = NULL;
    }
}

static bool is_register(const Node *node)
{
    return node->kind == N_REF && !node->local->in_place;
}

static void sequence_stmt(Sequencer *s, Node *node)
{
    if (!node || !node->has_await)
        return;
    Node *outer = s->scope;
    switch (node->kind) {
    case N_COMPOUND:
        s->scope = node;
        /* fall through */
    case N_DECLARE:
    case N_CASE:
    case N_LABEL:
    case N_IF:
    case N_WHILE:
    case N_DO:
    case N_FOR:
    case N_SWITCH:
        for (int i = 0; i < node->nkids; i++) {
            Node *kid = node->kids[i];
            sequence_stmt(s, kid);
            if (kid && kid->type && kid->kind != N_VAR && kid->has_await)
                mark_literals(kid);
        }
        s->scope = outer;
        return;
    case N_VAR:
        for (int i = 0; i < node->nkids; i++)
            sequence(s, node->kids[i]);
        if (!node->local->in_place)
            read_in_place(node->kids[0]);
        return;
    case N_RETURN:
        sequence(s, node->kids[0]);
        read_in_place(node->kids[0]);
        mark_literals(node);
        return;
    case N_ASM:
    case N_GOTO_ANY:
        sequence_kids(s, node->kids, node->nkids);
        return;
    default:
        if (!node->type)
            return;
        sequence(s, node);
        mark_literals(node);
        if (node->kind == N_ASSIGN && is_register(node->kids[0]) && !node->op)
            read_in_place(node->kids[1]);
        return;
    }
}

void sequence_operands(Fn *fn)
{
    Sequencer s = { .fn = fn };
    sequence_stmt(&s, fn->body);
}

static bool is_within(const Node *inner, const Node *outer)
{
    return inner && (!outer || (outer->from <= inner->from && inner->to <= outer->to && inner != outer));
}

/* At some await where the local is live, its name means something that the inner scope declares. */
static bool is_hidden(const Fn *fn, const Local *local, const Node *scope)
{
    if (!is_within(scope, local->scope))
        return false;
    for (int i = 0; i < fn->nawaits; i++)
        if (has_bit(fn->awaits[i]->live, local->index) && scope->from <= fn->awaits[i]->node->from &&
            fn->awaits[i]->node->to <= scope->to)
            return true;
    return false;
}

/* The calls that are owed name it where something else may have its name. */
static bool is_hidden_somewhere(const Fn *fn, const Local *local)
{
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i] != local && fn->locals[i]->kind == LOCAL_VAR && !strcmp(fn->locals[i]->name, local->name) &&
            is_within(fn->locals[i]->scope, local->scope))
            return true;
    for (int i = 0; i < fn->nhidings; i++)
        if (!strcmp(fn->hidings[i].name, local->name) && is_within(fn->hidings[i].scope, local->scope))
            return true;
    return false;
}

/* What is saved and put back at very many awaits makes the output, and the time that compilers take for it, grow
 * with the square of the function's size. */
enum { MANY_SAVES = 2000, MANY_AWAITS = 32 };

static void place_long_lived(Fn *fn)
{
    int nsaves = 0;
    int *lives = take(fn->tu->arena, ((size_t)fn->nlocals + 1) * sizeof *lives);
    for (int i = 0; i < fn->nawaits; i++)
        for (int k = 0; k < fn->nlocals; k++)
            if (fn->locals[k]->home == HOME_SAVED && has_bit(fn->awaits[i]->live, k))
                nsaves++, lives[k]++;
    for (int k = 0; k < fn->nlocals && nsaves > MANY_SAVES; k++) {
        Local *local = fn->locals[k];
        bool plain = local->kind == LOCAL_PARAM || local->kind == LOCAL_VAR || local->kind == LOCAL_TEMP;
        if (lives[k] > MANY_AWAITS && plain && !local->type->variable_size)
            local->home = HOME_PLACED;
    }
}

static bool is_macro_in(const Fn *fn, const char *name)
{
    return is_defined_in(fn->tu->source->text, fn->body->from, fn->body->to, name);
}

void place_locals(Fn *fn)
{
    place_long_lived(fn);
    bool has_macros = next_directive(fn->tu->source->text, fn->body->from, fn->body->to).kind != T_END;
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        /* The block that lowering puts around a statement would end the lifetime of a literal in it. */
        if (local->wrapped && local->home == HOME_STACK)
            local->home = HOME_PLACED;
        if (local->is_owed && is_hidden_somewhere(fn, local))
            local->home = HOME_PLACED;
        bool is_named = local->kind == LOCAL_VAR || local->kind == LOCAL_PARAM;
        local->is_macro = has_macros && is_named && is_macro_in(fn, local->name);
        /* Or it was, before expand.c renamed it. */
        if (local->is_macro || (has_macros && is_named && is_macro_in(fn, take_format(fn->tu->arena, "%s__macro", local->name)))) {
            local->field = take_format(fn->tu->arena, "%s__%s", fn->name, local->name);
            if (local->home == HOME_SAVED)
                local->home = HOME_PLACED;
        }
        if (local->home != HOME_SAVED || local->kind == LOCAL_TEMP)
            continue;
        /* A jump back to before the declaration, and one past it, keep the value; the name isn't known there. */
        for (int k = 0; k < fn->nawaits && local->kind == LOCAL_VAR && !local->type->variable_size; k++)
            if (has_bit(fn->awaits[k]->live, i) && fn->awaits[k]->node->from < local->from)
                local->home = HOME_PLACED;
        for (int k = 0; k < fn->nlocals && local->home == HOME_SAVED; k++)
            if (k != i && fn->locals[k]->kind == LOCAL_VAR && !strcmp(fn->locals[k]->name, local->name) &&
                is_hidden(fn, local, fn->locals[k]->scope))
                local->home = HOME_PLACED;
        for (int k = 0; k < fn->nhidings && local->home == HOME_SAVED; k++)
            if (!strcmp(fn->hidings[k].name, local->name) && is_hidden(fn, local, fn->hidings[k].scope))
                local->home = HOME_PLACED;
    }
}

/* lend.c - addresses that are only lent.
 *
 *     char line[80];
 *     snprintf(line, sizeof line, "%d", n);     lent: known to keep no pointer
 *     total += measure(line);                   lent, if measure's parameter says noescape
 *     await next();                             line isn't live here
 *
 * What is lent to a call is read and written by it, and not after it. So a local whose address is only lent is
 * live as one that has no address: from a write to the last read. The reader counts all addresses that
 * are taken of a local; this takes those that are lent off the count.
 *
 * An argument is lent if the parameter says so (or the C library's function is known), and if it is nothing
 * but an address: `&x`, `&s.member`, `array`, `array + n`, with casts. An argument of a call with an await among its
 * arguments is evaluated before it, and kept meanwhile, so it isn't lent. To an awaited call it is lent until the
 * call is done. */
#include "asyncc.h"
#include <string.h>


static Local *local_of(const Node *node)
{
    return node->kind == N_REF || node->kind == N_LITERAL ? node->local : NULL;
}

static bool has_place(const Node *node)
{
    return node->kind == N_REF || node->kind == N_LITERAL || node->kind == N_OTHER;
}

/* The local that the place is in: `x`, `x.member`, `x[i]`. */
static Local *local_of_place(const Node *node)
{
    for (;;) {
        if (local_of(node))
            return local_of(node);
        Node *base = kid(node, 0);
        if (node->kind != N_OTHER || !base || !has_place(base))
            return NULL;
        /* A pointer's target is elsewhere; an array is where its element is. */
        bool array = base->is_lvalue || (local_of(base) && local_of(base)->type->kind == TYPE_ARRAY);
        if (!array)
            return NULL;
        node = base;
    }
}

/* Through casts and sums: `&place`, or an array that decays. */
static Node *core_of(Node *node)
{
    while (node->kind != N_ADDRESS && !node->decays) {
        if (node->kind != N_OTHER || node->op || !node->type || !node->type->is_pointer)
            return NULL;
        Node *pointer = NULL;
        for (int i = 0; i < node->nkids; i++) {
            Node *operand = node->kids[i];
            bool points = operand->kind == N_ADDRESS || operand->decays || (operand->type && operand->type->is_pointer);
            if (points && pointer)
                return NULL;
            if (points)
                pointer = operand;
        }
        if (!pointer)
            return NULL;
        node = pointer;
    }
    return node;
}

Local *lent_local(const Node *node)
{
    return local_of_place(node->kind == N_ADDRESS ? node->kids[0] : node);
}

/* What take_address() counted. */
static void give_back(Node *node)
{
    if (!node)
        return;
    if (local_of(node))
        node->local->naddresses--;
    else if (node->kind == N_OTHER)
        for (int i = 0; i < node->nkids; i++)
            if (node->kids[i] && node->kids[i]->is_lvalue)
                give_back(node->kids[i]);
}

static void lend(Node *argument, bool to_await)
{
    Node *core = core_of(argument);
    Local *local = core ? lent_local(core) : NULL;
    if (!local || local->type->variable_size || local->lowered)
        return;
    core->lent = true;
    if (to_await)
        local->in_place = true;
    give_back(core->kind == N_ADDRESS ? core->kids[0] : core);
}

static void lend_arguments(Node *call, bool discarded)
{
    int first = call->kind == N_CALL; /* the callee is a call's first kid */
    for (int i = first; i < call->nkids; i++)
        if (!call->kids[i] || call->kids[i]->has_await)
            return;
    const char *class = call->lends;
    for (int i = first; i < call->nkids && *class; i++) {
        if (*class == 'n' || (*class == 'r' && discarded))
            lend(call->kids[i], call->kind == N_AWAIT);
        if (class[1] != '*')
            class++;
    }
}

/* What the parent does with the value: not known, it is the parent's own (of a statement expression), nothing. */
enum use { SOME_USE, OWN_VALUE, NO_USE };

static void visit(Node *node, enum use use)
{
    if (!node || node->kind == N_UNEVALUATED)
        return;
    if (node->lends && (node->kind == N_CALL || (node->kind == N_AWAIT && node->await)))
        lend_arguments(node, use == NO_USE || (node->discarded && use != OWN_VALUE));
    for (int i = 0; i < node->nkids; i++) {
        enum use of_kid = SOME_USE;
        if (node->kind == N_STMT_EXPR || (use == OWN_VALUE && i == node->nkids - 1 && !node->type))
            of_kid = OWN_VALUE;
        else if (node->kind == N_OTHER && node->type && node->type->kind == TYPE_VOID && node->nkids == 1)
            of_kid = NO_USE; /* (void)f() */
        visit(node->kids[i], of_kid);
    }
}

void lend_addresses(Fn *fn)
{
    visit(fn->body, SOME_USE);
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i]->naddresses > 0)
            fn->locals[i]->address_taken = fn->locals[i]->in_place = true;
}

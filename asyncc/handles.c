/* handles.c - tasks that nobody waits for.
 *
 *     ac_task(int) t = ac_spawn(fetch(x));        t: HELD
 *     if (await connect() < 0)
 *         return -1;                              error: 't' may still hold a task
 *     int n = await t;                            t: GONE
 *     return n + await t;                         error: 't' holds no task any more
 *
 * A handle is used once: whoever awaits it, joins it, cancels it, detaches it, returns it, passes it on or assigns
 * it to something else has it then. Forward dataflow over what a handle may be on the paths that lead to a place.
 * A handle that is looked at (`if (t)`) may be anything afterwards: what the program makes of that isn't followed.
 * Handles that others may see, by their address, in arrays or in structures, aren't followed either.
 *
 * Where the function is cancelled, nobody comes to take what its handles hold: it gives them back, and the tasks go on.
 * (So it does with those that are its arguments, if it hasn't begun.)
 * One that may have been taken by then is set to null wherever it is taken, for giving none back is fine. Those that can't
 * be set, const and volatile ones, are given back only where they hold a task on all paths. */
#include "asyncc.h"
#include <string.h>

enum {
    HELD = 1,   /* somebody has to take it                                                    */
    GONE = 2,   /* it was taken, or it never held any                                           */
    UNSURE = 4, /* it was looked at                                                           */
    /* Of its value, whoever looked: */
    TASK = 8,   /* a task that somebody has to take                                           */
    STALE = 16, /* one that was taken, none, or nothing                                       */
    FOREIGN = 32, /* what a call that was lent the variable has put there                       */
};

static bool reads_handle(const Node *node) { return node->kind == N_REF && is_handle(node->local) && !node->is_lvalue; }

/* Whether the value of that kid only decides something, or is dropped. */
static bool only_looks(const Node *node, int i)
{
    switch (node->kind) {
    case N_COMPOUND:
    case N_AND:
    case N_OR:
    case N_LABEL:
    case N_CASE:
        return true;
    case N_IF:
    case N_COND:
        return i == 0 || node->kind == N_IF;
    case N_WHILE:
    case N_DO:
    case N_FOR:
        return true;
    case N_COMMA:
        return i == 0;
    case N_OTHER: /* !t, t == u, (void)t; a cast to a pointer hands it on */
        return node->type && !node->type->is_pointer && !node->type->is_task;
    default:
        return false;
    }
}

static bool makes_handle(const Node *node)
{
    return (node->kind == N_OTHER || node->kind == N_SPAWN || node->kind == N_CALL || node->kind == N_AWAIT) && node->type &&
           node->type->is_task;
}

/* Whether that kid is a new handle that nobody keeps. */
static bool drops(const Node *node, const Node *kid)
{
    bool to_void = node->kind == N_OTHER && node->type && node->type->kind == TYPE_VOID;
    return (kid->discarded || to_void) && makes_handle(kid);
}

static void mark(const Fn *fn, Node *node)
{
    if (!node || node->kind == N_UNEVALUATED)
        return;
    for (int i = 0; i < node->nkids; i++) {
        Node *kid = node->kids[i];
        if (!kid)
            continue;
        if (reads_handle(kid))
            kid->tested = only_looks(node, i);
        if (drops(node, kid)) {
            report(fn->tu, ERROR, kid->from, kid->to, "nobody keeps the handle of this task");
            note(fn->tu, -1, -1, "ac_detach gives it back, and the task goes on");
        }
        mark(fn, kid);
    }
}

void mark_tested_handles(Fn *fn)
{
    if (fn->has_handles)
        mark(fn, fn->body);
}

typedef struct Check {
    Fn *fn;
    bool reports;
    bool *reported; /* by local */
} Check;

static bool is_followed(const Local *local)
{
    return (local->kind == LOCAL_VAR || local->kind == LOCAL_PARAM) && is_handle(local) && !local->address_taken;
}

static void report_lost(Check *check, const Local *local, const Node *where, const char *how)
{
    Tu *tu = check->fn->tu;
    if (!check->reports || check->reported[local->index])
        return;
    check->reported[local->index] = true;
    int from = local->from;
    report(tu, ERROR, from, from + (int)strlen(local->name), "'%s' may still hold a task that nobody waits for %s", local->name,
           how);
    if (where)
        note(tu, where->from, where->to, "on the way that leads here");
    note(tu, -1, -1, "await it, join it, cancel it, or give it back with ac_detach");
}

static void take_move(Check *check, unsigned char *state, const Move *move)
{
    if (!move->local) {
        for (int i = 0; i < check->fn->nlocals; i++)
            state[i] = 0;
        return;
    }
    if (!is_followed(move->local))
        return;
    unsigned char *now = &state[move->local->index];
    if (move->node && (*now & (HELD | GONE | UNSURE)) == GONE && check->reports) {
        report(check->fn->tu, ERROR, move->node->from, move->node->to, "'%s' holds no task here: a handle is used once",
               move->local->name);
        check->reported[move->local->index] = true;
    }
    *now = GONE | STALE;
}

static void take_event(Check *check, unsigned char *state, const Event *event, bool moved)
{
    const Local *local = event->local;
    if (!is_followed(local))
        return;
    unsigned char *now = &state[local->index];
    switch (event->kind) {
    case EVENT_USE:
        if (!moved && *now)
            *now = (unsigned char)((*now & (TASK | STALE | FOREIGN)) | UNSURE);
        break;
    case EVENT_DECLARE:
    case EVENT_DEF:
        if (*now & HELD)
            report_lost(check, local, NULL, event->kind == EVENT_DEF ? "when it is given another" : "when it is declared again");
        *now = event->kind == EVENT_DEF ? HELD | TASK : GONE | STALE;
        break;
    default:
        *now = UNSURE | FOREIGN;
    }
}

static bool can_be_nulled(const Local *local) { return is_followed(local) && !local->type->is_const && !local->in_place; }

/* What the await that ends the block finds, and its cancelling with it. */
static void note_held(const Fn *fn, Await *await, const unsigned char *state)
{
    for (int i = 0; i < fn->nlocals; i++) {
        bool perhaps = state[i] & STALE;
        if (!(state[i] & TASK) || state[i] & FOREIGN || (perhaps && !can_be_nulled(fn->locals[i])))
            continue;
        if (!await->held.words) {
            await->held = new_bits(fn->tu->arena, fn->nlocals);
            await->perhaps_held = new_bits(fn->tu->arena, fn->nlocals);
        }
        set_bit(await->held, i);
        if (perhaps)
            set_bit(await->perhaps_held, i);
    }
}

/* What the handles may be behind the block; `state` is what they may be before it. */
static void walk_block(void *data, Block *block, unsigned char *state)
{
    Check *check = data;
    int next = 0;
    for (int k = 0; k <= block->nevents; k++) {
        for (; next < block->nmoves && block->moves[next].at == k; next++)
            take_move(check, state, &block->moves[next]);
        if (k == block->nevents)
            break;
        const Event *event = &block->events[k];
        bool moved = next < block->nmoves && block->moves[next].at == k + 1 && block->moves[next].local == event->local;
        take_event(check, state, event, moved);
    }
    for (int i = 0; block->exit == EXIT_RETURN && i < check->fn->nlocals; i++)
        if ((state[i] & (HELD | UNSURE)) == HELD)
            report_lost(check, check->fn->locals[i], block->test, "when the function ends");
    if (check->reports && block->exit == EXIT_AWAIT)
        note_held(check->fn, block->await, state);
}

void check_handles(Fn *fn)
{
    if (!fn->has_handles || !fn->nblocks)
        return;
    Arena *arena = fn->tu->work;
    Check check = { .fn = fn, .reported = take(arena, (size_t)fn->nlocals + 1) };
    unsigned char *entry = take(arena, (size_t)fn->nlocals + 1);
    for (int i = 0; i < fn->nparams; i++)
        if (is_followed(fn->params[i]))
            entry[fn->params[i]->index] = HELD | TASK;
    flow_states(fn, entry, walk_block, &check, &check.reports);
}

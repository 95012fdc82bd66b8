/* futures.c - futures that locals keep: what becomes of each, and the code that drives several.
 *
 *     ac_future(int) a = fetch(x), b = fetch(y);      a, b: WAITING
 *     await ac_all(a, b);                             a, b: DONE
 *     if (failed)
 *         return -1;                                  warning if a were WAITING: it never started
 *     return await a                                  a: TAKEN
 *          + await a;                                 error: 'a' is used twice
 *
 * A future is awaited once, and what has finished isn't polled again. Where one place alone may drive it, that is seen
 * from the text; else a byte beside it, `a__said`, keeps what its last poll said, or that it was awaited. Forward
 * dataflow over the same tells where an await finds the future finished, so that nothing is left to be waited for, and
 * what is wrong on every path; what may be wrong on some path is asked when the program runs.
 *
 * Cancelling needs nothing of its own: a future that has started and not finished is one that its function waits for,
 * there (in `await a`, or in ac_all), so the await's cancelling is the future's. */
#include "lower.h"
#include <string.h>

/* ---- who needs the byte ---- */

static bool has_jumps(const Node *node)
{
    if (!node)
        return false;
    if (node->kind == N_LABEL || node->kind == N_GOTO_ANY || node->kind == N_CASE || node->kind == N_WHILE || node->kind == N_DO ||
        node->kind == N_FOR)
        return true;
    for (int i = 0; i < node->nkids; i++)
        if (has_jumps(node->kids[i]))
            return true;
    return false;
}

static bool drives(const Await *await, const Local *local)
{
    for (int i = 0; i < await->nfutures; i++)
        if (await->futures[i] == local)
            return true;
    return false;
}

void mark_futures(Fn *fn)
{
    if (!fn->nbirths)
        return;
    Arena *arena = fn->tu->arena;
    bool jumps = has_jumps(fn->body);
    for (int i = 0, n = fn->nlocals; i < n; i++) {
        Local *local = fn->locals[i];
        if (!is_kept_future(local))
            continue;
        bool in_all = false;
        for (int k = 0; k < fn->nawaits; k++)
            in_all |= fn->awaits[k]->is_all && drives(fn->awaits[k], local);
        if (!in_all && !jumps && local->nmentions < 2)
            continue;
        local->said = new_temp(fn, take_format(arena, "%s__said", local->field), unsigned_type(arena, 1));
        local->said->in_place = true;
    }
}

/* ---- what becomes of each ---- */

enum { WAITING = 1, DONE = 2, TAKEN = 4, UNMADE = 8 };

typedef struct Check {
    Fn *fn;
    bool *reported; /* by local */
    bool reports;
} Check;

/* At what takes the future, or at the variable. */
static void complain(Check *check, enum severity severity, const Local *local, const Node *at, const char *message)
{
    if (!check->reports || check->reported[local->index])
        return;
    check->reported[local->index] = true;
    Tu *tu = check->fn->tu;
    int from = local->from, to = from + (int)strlen(local->name);
    report(tu, severity, at ? at->from : from, at ? at->to : to, "%s", take_format(tu->arena, "'%s' %s", local->name, message));
    if (at)
        note(tu, from, to, "it is made here");
}

static void take_await(Check *check, unsigned char *state, Await *await)
{
    Local *taken = awaited_future(await);
    for (int i = 0; i < await->nfutures; i++) {
        Local *local = await->futures[i];
        unsigned char *now = &state[local->index];
        if (*now & UNMADE)
            complain(check, ERROR, local, await->node, "may not have been made here: a jump leads past its declaration");
        else if (*now == TAKEN && taken)
            complain(check, ERROR, local, await->node, "has been awaited before: a future is used once");
        if (check->reports && taken) {
            await->is_over = *now == DONE;
            await->may_be_taken = *now & TAKEN;
            local->is_asked |= await->may_be_taken;
        }
        *now = taken ? TAKEN : (unsigned char)((*now & TAKEN) | (*now & (WAITING | DONE) ? DONE : 0));
    }
}

static void walk_block(void *data, Block *block, unsigned char *state)
{
    Check *check = data;
    const Fn *fn = check->fn;
    for (int k = 0; k < block->nevents; k++) {
        const Local *local = block->events[k].local;
        if (!is_kept_future(local) || block->events[k].kind != EVENT_DEF)
            continue;
        if (state[local->index] & WAITING)
            complain(check, WARNING, local, NULL, "is made again where it may not have been awaited");
        state[local->index] = WAITING;
    }
    if (block->await)
        take_await(check, state, block->await);
    for (int i = 0; block->exit == EXIT_RETURN && i < fn->nlocals; i++)
        if (is_kept_future(fn->locals[i]) && state[i] & WAITING)
            complain(check, fn->locals[i]->nmentions ? WARNING : ERROR, fn->locals[i], NULL,
                     fn->locals[i]->nmentions ? "is never awaited on some path: nothing of the call runs there"
                                              : "is never awaited: nothing of the call runs");
}

void check_futures(Fn *fn)
{
    if (!fn->nbirths || !fn->nblocks)
        return;
    Check check = { .fn = fn, .reported = take(fn->tu->work, (size_t)fn->nlocals + 1) };
    unsigned char *entry = take(fn->tu->work, (size_t)fn->nlocals + 1);
    memset(entry, UNMADE, (size_t)fn->nlocals);
    flow_states(fn, entry, walk_block, &check, &check.reports);
    for (int b = 0; b < fn->nblocks; b++)
        if (fn->blocks[b]->await && fn->blocks[b]->await->is_over)
            fn->blocks[b]->exit = EXIT_JUMP;
}

/* ---- the code ---- */

static void add_driver(const Fn *fn, const Await *await, const char *word, const char *name, Buf *out)
{
    Arena *arena = fn->tu->arena;
    Buf all = { .arena = arena };
    add_format(out, "static inline enum ac_poll %s__%s%d(%s *%s, struct ac_context *%s)\n{\n", fn->name, name, await->state,
               fn->frame_type, fn->self, fn->cx);
    for (int i = 0; i < await->nfutures; i++) {
        const Local *local = await->futures[i];
        const char *said = take_format(arena, "%s->%s", fn->self, local->said->slot->name);
        add_format(out, "    if (%s == AC_PENDING)\n        %s = %s__%s(%s, %s);\n", said, said, local->birth->callee->name, word,
                   address_of_child(fn, local->birth), fn->cx);
        add_format(&all, "%s%s != AC_PENDING", i ? " && " : "", said);
    }
    add_format(out, "    return %s ? AC_READY : AC_PENDING;\n}", all.text);
}

void add_drivers(const Fn *fn, const char *start, const char *end, Buf *out)
{
    for (int i = 0; i < fn->nawaits; i++) {
        const Await *await = fn->awaits[i];
        if (!await->is_all)
            continue;
        add(out, start);
        add_driver(fn, await, "poll", "all", out);
        add(out, "\n");
        add_driver(fn, await, "cancel", "cancel_all", out);
        add(out, end);
    }
}

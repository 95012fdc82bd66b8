/* calls.c - who awaits whom, and whose frame stands in a box.
 *
 *     async int even(int n) { return n ? await odd(n - 1) : 1; }
 *     async int odd(int n) { return n ? await even(n - 1) : 0; }     this await is boxed
 *
 * A child's frame stands inside its parent's, so in each circle of calls there has to be one that is boxed:
 * its frame comes from a stack, as do those of functions whose frame isn't known here, and of those that
 * ask for it. tu->fns is put into an order in which each frame can be laid out, and defined, before it is
 * needed: callees come first.
 *
 * Which calls of a circle? As few call sites as possible: for each strongly connected component (Tarjan, 1972)
 * an order of its functions such that the least number of awaits leads from an earlier one to a later one
 * or to itself; those are boxed. That is a minimum feedback arc set. It is found exactly, by dynamic
 * programming over the sets of functions that come first (Lawler, "A comment on minimum feedback arc
 * sets", 1964), for components of up to MOST_EXACT functions; for larger ones it is NP-hard and close enough
 * is found greedily (Eades, Lin, Smyth, "A fast and effective heuristic for the feedback arc set problem",
 * 1993). Among equals the order in which the functions are found, depth first from the first one of the
 * text, decides. */
#include "asyncc.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_EXACT = 16 };

typedef struct Walk {
    Tu *tu;
    Fn **ordered;
    int nordered;
    Fn **open; /* Tarjan's stack */
    int nopen, open_room;
    int nseen; /* by find_circles() */
} Walk;

enum { UNSEEN = -1, OPEN = -2 }; /* Fn.order while it isn't known */

bool is_frame_known(const Fn *fn)
{
    return (fn->body && !fn->is_weak && !fn->is_interposable) || fn->is_leaf;
}

/* The callee's frame stands in the caller's. What an await of a kept future calls is its birth's. */
static bool is_embedded(const Await *await) { return await->callee && !await->boxed && !await->nfutures; }

/* ---- boxes ------------------------------------------------------------------------------------------ */

/* The note of -Rframe says why. */
static void box(Await *await, const Fn *fn, const char *why)
{
    Tu *tu = fn->tu;
    await->boxed = await->callee->is_boxed = true;
    if (await->node && await->node->kind == N_FUTURE) {
        report(tu, ERROR, await->node->from, await->node->to, "a future of '%s' that is kept would be boxed, which is not supported yet",
               await->callee->name);
        note(tu, -1, -1, "%s", why);
        return;
    }
    if (tu->options && tu->options->frame_notes && await->node)
        report(tu, NOTE, await->node->from, await->node->to, "this call of '%s' is boxed: %s", await->callee->name, why);
}

/* Those that no order of functions would help. */
static void box_unknown(Tu *tu)
{
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        for (int k = 0; k < count_calls(fn); k++) {
            Await *await = call_of(fn, k);
            Fn *callee = await->callee;
            await->boxed = false;
            if (!callee || callee->is_leaf || await->nfutures)
                continue;
            if (callee->wants_box)
                box(await, fn, "its declaration says AC_BOXED");
            else if (callee->is_pointer)
                box(await, fn, "it goes through a pointer");
            else if (!is_frame_known(callee))
                box(await, fn,
                    !callee->body    ? "the frame isn't known in this file"
                    : callee->is_weak ? "a weak function may be another file's"
                                      : "with -fPIC, another library may replace what isn't static or hidden");
            else if (callee == fn)
                box(await, fn, "a function's frame can't hold itself");
        }
    }
}

/* ---- circles ---------------------------------------------------------------------------------------- */

/* A strongly connected component: calls[i * n + k] awaits in fns[i] call fns[k]. */
typedef struct Circle {
    Fn **fns;
    int n;
    int *calls;
    int *order; /* of fns, callees first */
} Circle;

/* best[S]: the fewest boxed awaits when the functions of S come first, in the order that last[] tells. */
static void order_exactly(Arena *arena, Circle *c)
{
    size_t nsets = (size_t)1 << c->n;
    int *best = take(arena, nsets * sizeof *best);
    unsigned char *last = take(arena, nsets);
    for (size_t set = 1; set < nsets; set++) {
        best[set] = INT32_MAX;
        for (int i = 0; i < c->n; i++) {
            if (!(set >> i & 1))
                continue;
            int cost = best[set & ~((size_t)1 << i)];
            for (int k = 0; k < c->n; k++)
                if (!(set >> k & 1))
                    cost += c->calls[i * c->n + k];
            if (cost <= best[set]) { /* what was found last comes last */
                best[set] = cost;
                last[set] = (unsigned char)i;
            }
        }
    }
    size_t set = nsets - 1;
    for (int at = c->n; at-- > 0;) {
        c->order[at] = last[set];
        set &= ~((size_t)1 << last[set]);
    }
}

/* From the functions that are left: those that call none of them come first, those that none calls last, and
 * else the one that most calls are settled by. */
static void order_greedily(Arena *arena, Circle *c)
{
    int n = c->n, first = 0, end = n;
    int *calls = take(arena, (size_t)n * sizeof *calls), *called = take(arena, (size_t)n * sizeof *called);
    bool *taken = take(arena, (size_t)n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            calls[i] += c->calls[i * n + k], called[k] += c->calls[i * n + k];
    while (first < end) {
        int chosen = -1;
        bool is_last = false;
        for (int i = 0; i < n && (chosen < 0 || calls[chosen]); i++)
            if (!taken[i] && (chosen < 0 || !calls[i] || called[i] - calls[i] > called[chosen] - calls[chosen]))
                chosen = i;
        for (int i = 0; i < n && calls[chosen] && !is_last; i++)
            if (!taken[i] && !called[i]) {
                chosen = i;
                is_last = true;
            }
        taken[chosen] = true;
        c->order[is_last ? --end : first++] = chosen;
        for (int i = 0; i < n; i++) {
            calls[i] -= c->calls[i * n + chosen];
            called[i] -= c->calls[chosen * n + i];
        }
    }
}

static int by_order(const void *a, const void *b)
{
    const Fn *x = *(Fn *const *)a, *y = *(Fn *const *)b;
    return x->order - y->order;
}

static void break_circle(Tu *tu, Fn **fns, int n)
{
    if (n == 1)
        return;
    Circle c = { .fns = fns, .n = n };
    qsort(fns, (size_t)n, sizeof *fns, by_order);
    Arena *arena = tu->arena;
    int *place = take(arena, (size_t)n * sizeof *place);
    c.calls = take(arena, (size_t)n * (size_t)n * sizeof *c.calls);
    c.order = take(arena, (size_t)n * sizeof *c.order);
    for (int i = 0; i < n; i++)
        fns[i]->circle = i;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < count_calls(fns[i]); k++) {
            const Await *await = call_of(fns[i], k);
            if (is_embedded(await) && await->callee->circle >= 0)
                c.calls[i * n + await->callee->circle] += await->node && await->node->kind == N_FUTURE ? MOST_EXACT * MOST_EXACT : 1;
        }
    if (n <= MOST_EXACT)
        order_exactly(arena, &c);
    else
        order_greedily(arena, &c);
    for (int i = 0; i < n; i++)
        place[c.order[i]] = i;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < count_calls(fns[i]); k++) {
            Await *await = call_of(fns[i], k);
            if (is_embedded(await) && await->callee->circle >= 0 &&
                place[await->callee->circle] > place[i])
                box(await, fns[i],
                    take_format(tu->arena, "it closes a circle, '%s' awaits '%s' in turn", await->callee->name, fns[i]->name));
        }
    for (int i = 0; i < n; i++)
        fns[i]->circle = -1;
}

/* The first of the functions that some path from fn comes back to, as seen; Fn.order is by who is finished first. */
static int find_circles(Walk *w, Fn *fn)
{
    int own = w->nseen++, low = own, at = w->nopen;
    fn->seen = own;
    fn->order = OPEN;
    fn->is_open = true;
    *push(w->tu->arena, w->open, w->nopen, w->open_room) = fn;
    for (int i = 0; i < count_calls(fn); i++) {
        const Await *await = call_of(fn, i);
        if (!is_embedded(await))
            continue;
        int reached = own;
        if (await->callee->order == UNSEEN)
            reached = find_circles(w, await->callee);
        else if (await->callee->is_open)
            reached = await->callee->seen;
        if (reached < low)
            low = reached;
    }
    fn->order = w->nordered++;
    if (low < own)
        return low;
    for (int i = at; i < w->nopen; i++)
        w->open[i]->is_open = false;
    break_circle(w->tu, w->open + at, w->nopen - at);
    w->nopen = at;
    return low;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static void visit(Walk *w, Fn *fn)
{
    fn->order = OPEN;
    for (int i = 0; i < count_calls(fn); i++) {
        const Await *await = call_of(fn, i);
        if (is_embedded(await) && await->callee->order == UNSEEN)
            visit(w, await->callee);
        if (await->boxed || (await->callee && await->callee->may_call))
            fn->may_call = true;
    }
    fn->order = w->nordered;
    w->ordered[w->nordered++] = fn;
}

static void note_callers(const Fn *fn)
{
    for (int i = 0; fn->body && i < count_calls(fn); i++) {
        Fn *callee = call_of(fn, i)->callee;
        if (callee && (!callee->awaited_from || fn->body->from < callee->awaited_from))
            callee->awaited_from = fn->body->from;
    }
}

void order_calls(Tu *tu)
{
    Walk w = { .tu = tu };
    w.ordered = take(tu->arena, sizeof *w.ordered * (size_t)(tu->nfns + 1));
    box_unknown(tu);
    for (int i = 0; i < tu->nfns; i++) {
        tu->fns[i]->order = UNSEEN;
        tu->fns[i]->circle = -1;
        note_callers(tu->fns[i]);
    }
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->order == UNSEEN)
            find_circles(&w, tu->fns[i]);
    w.nordered = 0;
    for (int i = 0; i < tu->nfns; i++)
        tu->fns[i]->order = UNSEEN;
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->order == UNSEEN)
            visit(&w, tu->fns[i]);
    if (tu->nfns)
        memcpy(tu->fns, w.ordered, sizeof *w.ordered * (size_t)tu->nfns);
}

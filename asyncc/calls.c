/* calls.c - who awaits whom: callees come before their callers.
 *
 *     async int even(int n) { return n ? await odd(n - 1) : 1; }
 *     async int odd(int n) { return n ? await even(n - 1) : 0; }
 *
 * A child's frame stands inside its parent's, so a function that awaits itself, however indirectly, has no
 * frame of any size, and one that is only declared has an unknown one. Both are refused here; otherwise
 * tu->fns is put into an order in which each frame can be laid out, and defined, before it is needed. */
#include "asyncc.h"
#include <string.h>

typedef struct Walk {
    Tu *tu;
    Fn **ordered;
    int nordered;
    Await **path; /* the awaits that led to the function that is being visited */
    int npath, path_room;
    Fn **path_fns; /* whose await path[i] is */
    int npath_fns, path_fns_room;
    bool starts_declared;
    bool failed;
} Walk;

enum { UNSEEN = -1, OPEN = -2 }; /* Fn.order while it isn't known */

static bool is_frame_known(const Fn *fn) { return fn->body || fn->is_leaf; }

static void refuse_declared(Walk *w, const Fn *callee, const Node *node)
{
    w->failed = true;
    report(w->tu, ERROR, node->from, node->to, "'%s' is only declared here: its frame isn't known", callee->name);
    if (callee->ndecls)
        note(w->tu, callee->decls[0].name_from, callee->decls[0].name_to,
             "this declares '%s'; a call that crosses files needs a boxed frame, which isn't supported yet",
             callee->name);
    else
        note(w->tu, -1, -1, "a call that crosses files needs a boxed frame, which isn't supported yet");
}

/* The path from `callee` to the await that comes back to it. */
static void refuse_cycle(Walk *w, const Fn *callee)
{
    int first = w->npath;
    while (first > 0 && w->path_fns[first - 1] != callee)
        first--;
    first--;
    const Await *last = w->path[w->npath - 1];
    const Fn *last_fn = w->path_fns[w->npath - 1];
    w->failed = true;
    if (last_fn == callee)
        report(w->tu, ERROR, last->node->from, last->node->to,
               "'%s' awaits itself: its frame would have to hold itself", callee->name);
    else
        report(w->tu, ERROR, last->node->from, last->node->to,
               "'%s' is recursive: '%s' awaits '%s' here, whose frame would have to hold itself", last_fn->name,
               last_fn->name, callee->name);
    for (int i = first; i < w->npath - 1; i++)
        note(w->tu, w->path[i]->node->from, w->path[i]->node->to, "'%s' awaits '%s' here", w->path_fns[i]->name,
             w->path[i]->callee->name);
    note(w->tu, -1, -1, "recursion needs a boxed frame, which isn't supported yet");
}

/* Spawned and blocked-on calls have their frame elsewhere, so they may be recursive; but it has to be known. */
static void check_started(Walk *w, const Node *node)
{
    if (!node)
        return;
    if ((node->kind == N_SPAWN || node->kind == N_BLOCK_ON) && node->callee && !is_frame_known(node->callee))
        refuse_declared(w, node->callee, node);
    for (int i = 0; i < node->nkids; i++)
        check_started(w, node->kids[i]);
}

/* Whether there is anything for check_started to find: a look at every expression costs. */
static bool starts_declared(const Tu *tu)
{
    for (int i = 0; i < tu->nfns; i++)
        if (!is_frame_known(tu->fns[i]) && (tu->fns[i]->spawned || tu->fns[i]->blocked_on))
            return true;
    return false;
}

static void visit(Walk *w, Fn *fn)
{
    fn->order = OPEN;
    for (int i = 0; i < fn->nawaits; i++) {
        Await *await = fn->awaits[i];
        Fn *callee = await->callee;
        if (!callee)
            continue;
        int nfns = w->npath_fns;
        *push(w->tu->arena, w->path, w->npath, w->path_room) = await;
        *push(w->tu->arena, w->path_fns, w->npath_fns, w->path_fns_room) = fn;
        if (!is_frame_known(callee))
            refuse_declared(w, callee, await->node);
        else if (callee->order == OPEN)
            refuse_cycle(w, callee);
        else if (callee->order == UNSEEN)
            visit(w, callee);
        w->npath--;
        w->npath_fns = nfns;
    }
    if (w->starts_declared)
        check_started(w, fn->body);
    fn->order = w->nordered;
    w->ordered[w->nordered++] = fn;
}

bool order_calls(Tu *tu)
{
    Walk w = { .tu = tu, .starts_declared = starts_declared(tu) };
    w.ordered = take(tu->arena, sizeof *w.ordered * (size_t)(tu->nfns + 1));
    for (int i = 0; i < tu->nfns; i++)
        tu->fns[i]->order = UNSEEN;
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->order == UNSEEN)
            visit(&w, tu->fns[i]);
    for (int i = 0; i < tu->noutside; i++)
        check_started(&w, tu->outside[i]);
    if (tu->nfns)
        memcpy(tu->fns, w.ordered, sizeof *w.ordered * (size_t)tu->nfns);
    return !w.failed;
}

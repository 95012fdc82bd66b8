/* emit_dot.c - --emit=dot: each function's state machine, for Graphviz.
 *
 *     async int last(int n)                start -> 3:await next    n > 0
 *     {                                    start -> done            !(n > 0)
 *         while (n > 0)                    3:await next -> itself   n > 0
 *             n = await next(n);           3:await next -> done     !(n > 0)
 *         return n;
 *     }
 *
 * A state is a suspend point, an edge the ways through the blocks from one to the next. Of a way only
 * those tests are shown that decide where it ends: where both sides of a branch meet again before any
 * suspend point (at the branch's immediate postdominator, found as in Cooper, Harvey and Kennedy, "A
 * Simple, Fast Dominance Algorithm", 2001), the branch is stepped over. The search for ways is bounded; every
 * edge is there however many ways it has. */
#include "asyncc.h"
#include <string.h>

enum {
    MAX_STEPS = 2000, /* of the search, for one state */
    MAX_PATHS = 16,   /* to one state, while they are merged */
    MAX_SHOWN = 4,
    MAX_TESTS = 8,  /* the last ones of a way */
    MAX_LABEL = 72, /* bytes of one condition */
};

/* A decision: at a branch or a switch, for next[way]. */
typedef struct Choice {
    const Block *block;
    int way;
} Choice;

typedef struct Path {
    Choice *choices;
    int nchoices;
    bool cut; /* there are more before them */
} Path;

/* The ways to one state. */
typedef struct Goal {
    Path paths[MAX_PATHS];
    int npaths;
    bool reached, more;
} Goal;

typedef struct Search {
    Fn *fn;
    Arena *arena;
    int *meet; /* by block: where its branches meet, or nblocks (nowhere), or -1 */
    bool *on_path;
    Choice *choices; /* of the way that is being walked */
    int nchoices, room;
    Goal *goals; /* by state; nawaits + 1: the end */
    int *touched;
    int ntouched;
    int nsteps;
    const Block **queue; /* of search_rest */
    Choice *came_by;
    bool *seen;
    const char ***texts; /* by block and way, once described */
} Search;

/* ---- where branches meet ---- */

static bool is_end(const Block *block) { return block->exit == EXIT_AWAIT || block->exit == EXIT_RETURN; }

static int common(const int *meet, const int *rank, int a, int b)
{
    while (a != b) {
        while (rank[a] < rank[b])
            a = meet[a];
        while (rank[b] < rank[a])
            b = meet[b];
    }
    return a;
}

/* meet[i]: the immediate postdominator of block i, where awaits and returns are exits. */
static int *find_meets(Fn *fn)
{
    Arena *arena = fn->tu->arena;
    int n = fn->nblocks, exit = n;
    size_t room = (size_t)n + 2;
    int *meet = take(arena, sizeof *meet * room), *rank = take(arena, sizeof *rank * room);
    int *nbefore = take(arena, sizeof *nbefore * room), *order = take(arena, sizeof *order * room);
    int **before = take(arena, sizeof *before * room);
    for (int pass = 0; pass < 2; pass++) { /* predecessors: counted, then filled in */
        for (int i = 0; i <= n && pass; i++) {
            before[i] = take(arena, sizeof **before * (size_t)(nbefore[i] + 1));
            nbefore[i] = 0;
        }
        for (int i = 0; i < n; i++) {
            const Block *block = fn->blocks[i];
            int nnext = is_end(block) ? 1 : block->nnext;
            for (int k = 0; k < nnext; k++) {
                int next = is_end(block) ? exit : block->next[k]->index;
                if (pass)
                    before[next][nbefore[next]] = i;
                nbefore[next]++;
            }
        }
    }
    /* Postorder of the reversed graph, from the exit; rank: its number from 1, 0: leads to no exit. */
    int *stack = take(arena, sizeof *stack * room), *at = take(arena, sizeof *at * room);
    bool *seen = take(arena, sizeof *seen * room);
    int depth = 0, norder = 0;
    stack[depth++] = exit;
    seen[exit] = true;
    while (depth) {
        int block = stack[depth - 1];
        if (at[block] < nbefore[block]) {
            int next = before[block][at[block]++];
            if (!seen[next]) {
                seen[next] = true;
                stack[depth++] = next;
            }
            continue;
        }
        order[norder++] = block;
        rank[block] = norder;
        depth--;
    }
    for (int i = 0; i <= n; i++)
        meet[i] = -1;
    meet[exit] = exit;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = norder - 1; i-- > 0;) {
            const Block *block = fn->blocks[order[i]];
            int found = is_end(block) ? exit : -1;
            for (int k = 0; k < block->nnext && !is_end(block); k++) {
                int next = block->next[k]->index;
                if (meet[next] >= 0)
                    found = found < 0 ? next : common(meet, rank, found, next);
            }
            changed |= meet[order[i]] != found;
            meet[order[i]] = found;
        }
    }
    return meet;
}

/* ---- ways ---- */

static void reach(Search *s, int state)
{
    Goal *goal = &s->goals[state];
    if (!goal->reached)
        s->touched[s->ntouched++] = state;
    goal->reached = true;
    if (goal->npaths == MAX_PATHS) {
        goal->more = true;
        return;
    }
    bool cut = s->nchoices > MAX_TESTS;
    int nchoices = cut ? MAX_TESTS : s->nchoices;
    size_t size = sizeof(Choice) * (size_t)nchoices;
    Path path = { take(s->arena, size + 1), nchoices, cut };
    if (size)
        memcpy(path.choices, s->choices + s->nchoices - nchoices, size);
    goal->paths[goal->npaths++] = path;
}

static void search(Search *s, const Block *block)
{
    if (s->on_path[block->index])
        return;
    s->nsteps++;
    s->on_path[block->index] = true;
    int meet = s->meet[block->index];
    if (block->exit == EXIT_AWAIT) {
        reach(s, block->await->state);
    } else if (block->exit == EXIT_RETURN) {
        reach(s, s->fn->nawaits + 1);
    } else if (block->nnext == 1) {
        search(s, block->next[0]);
    } else if (meet >= 0 && meet < s->fn->nblocks) {
        search(s, s->fn->blocks[meet]);
    } else {
        for (int i = 0; i < block->nnext && s->nsteps < MAX_STEPS; i++) {
            *push(s->arena, s->choices, s->nchoices, s->room) = (Choice){ block, i };
            search(s, block->next[i]);
            s->nchoices--;
        }
    }
    s->on_path[block->index] = false;
}

/* What the bounded search may have missed: one shortest way to every state that can be reached. */
static void search_rest(Search *s, const Block *start)
{
    size_t n = (size_t)s->fn->nblocks;
    int head = 0, tail = 0;
    if (!s->queue) {
        s->queue = take(s->arena, sizeof *s->queue * n);
        s->came_by = take(s->arena, sizeof *s->came_by * n);
        s->seen = take(s->arena, n);
    }
    const Block **queue = s->queue;
    Choice *came_by = s->came_by;
    bool *seen = s->seen;
    memset(seen, 0, n);
    queue[tail++] = start;
    seen[start->index] = true;
    while (head < tail) {
        const Block *block = queue[head++];
        if (is_end(block)) {
            int state = block->exit == EXIT_AWAIT ? block->await->state : s->fn->nawaits + 1;
            if (s->goals[state].reached)
                continue;
            Choice *back = NULL;
            int nback = 0, room = 0;
            for (const Block *b = block; b != start && nback <= MAX_TESTS; b = came_by[b->index].block)
                if (came_by[b->index].block->nnext > 1)
                    *push(s->arena, back, nback, room) = came_by[b->index];
            while (nback)
                *push(s->arena, s->choices, s->nchoices, s->room) = back[--nback];
            reach(s, state);
            s->goals[state].more = true;
            s->nchoices = 0;
            continue;
        }
        for (int i = 0; i < block->nnext; i++) {
            const Block *next = block->next[i];
            if (seen[next->index])
                continue;
            seen[next->index] = true;
            came_by[next->index] = (Choice){ block, i };
            queue[tail++] = next;
        }
    }
}

/* Two ways that differ in one test's outcome alone are one, without that test. */
static bool merge(Path *a, const Path *b)
{
    if (a->nchoices != b->nchoices || a->cut || b->cut)
        return false;
    int where = -1;
    for (int i = 0; i < a->nchoices; i++) {
        if (a->choices[i].block != b->choices[i].block)
            return false;
        if (a->choices[i].way == b->choices[i].way)
            continue;
        if (where >= 0 || a->choices[i].block->exit != EXIT_BRANCH)
            return false;
        where = i;
    }
    if (where < 0)
        return true;
    a->nchoices--;
    memmove(a->choices + where, a->choices + where + 1, sizeof *a->choices * (size_t)(a->nchoices - where));
    return true;
}

static void merge_paths(Goal *goal)
{
    for (int i = 0; i < goal->npaths; i++)
        for (int k = i + 1; k < goal->npaths; k++)
            if (merge(&goal->paths[i], &goal->paths[k])) {
                goal->paths[k] = goal->paths[--goal->npaths];
                i = -1;
                break;
            }
}

/* ---- labels ---- */

static const char *shorten(Arena *arena, const char *text)
{
    size_t size = strlen(text);
    if (size <= MAX_LABEL)
        return text;
    size = MAX_LABEL - 3;
    while (size && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--; /* not inside a character */
    return take_format(arena, "%.*s...", (int)size, text);
}

static bool is_name(const char *text)
{
    Token token = next_token(text, 0, (int)strlen(text));
    return token.kind == T_NAME && text[token.to] == '\0';
}

static const char *describe_case(Tu *tu, const Node *node)
{
    const char *text;
    switch (node->kind) {
    case N_LABEL:
        return take_format(tu->arena, "goto %s", node->name);
    case N_CASE:
        if (node->op == 'd')
            return "default";
        text = one_line(tu, node->from, node->nkids && node->kids[0] ? node->kids[0]->from : node->to);
        /* `case 1:`, or `case 1 ... 5:`; a statement that follows is another's. */
        return strlen(text) && text[strlen(text) - 1] == ':'
                   ? take_format(tu->arena, "%.*s", (int)strlen(text) - 1, text)
                   : text;
    default:
        return "";
    }
}

static const char *describe_choice(Tu *tu, Choice choice)
{
    const Block *block = choice.block;
    const char *test = block->test ? one_line(tu, block->test->from, block->test->to) : "";
    if (!*test)
        test = "?";
    if (block->exit == EXIT_SWITCH) {
        const Node *label = block->cases[choice.way];
        return label ? describe_case(tu, label) : "no case";
    }
    if (choice.way == 0)
        return test;
    if (is_name(test))
        return take_format(tu->arena, "!%s", test);
    return take_format(tu->arena, "!(%s)", test);
}

static const char *describe(Search *s, Choice choice)
{
    const char ***texts = &s->texts[choice.block->index];
    if (!*texts)
        *texts = take(s->arena, sizeof **texts * (size_t)choice.block->nnext);
    if (!(*texts)[choice.way])
        (*texts)[choice.way] = shorten(s->arena, describe_choice(s->fn->tu, choice));
    return (*texts)[choice.way];
}

static void describe_paths(Search *s, Edge *edge, const Goal *goal)
{
    edge->more = goal->more || goal->npaths > MAX_SHOWN;
    for (int i = 0; i < goal->npaths; i++) {
        const Path *path = &goal->paths[i];
        if (!path->nchoices) {
            edge->npaths = 0;
            edge->more = false;
            return;
        }
        if (edge->npaths == MAX_SHOWN)
            continue; /* only one without a condition would change anything */
        char text[MAX_TESTS * (MAX_LABEL + 16)];
        Buf buf = { .arena = s->arena, .text = text, .room = sizeof text };
        add(&buf, path->cut ? "... && " : "");
        for (int k = 0; k < path->nchoices; k++) {
            if (k)
                add(&buf, " && ");
            add(&buf, describe(s, path->choices[k]));
        }
        bool is_new = true;
        for (int k = 0; k < edge->npaths && is_new; k++)
            is_new = strcmp(edge->paths[k], buf.text) != 0;
        if (is_new)
            *push(s->arena, edge->paths, edge->npaths, edge->room) = take_text(s->arena, buf.text, buf.size);
    }
}

Edge *find_edges(Fn *fn, int *nedges)
{
    Arena *arena = fn->tu->arena;
    int nstates = fn->nawaits + 2, room = 0;
    Edge *edges = NULL;
    *nedges = 0;
    if (!fn->nblocks)
        return NULL;
    Search s = { .fn = fn, .arena = arena, .meet = find_meets(fn) };
    s.on_path = take(arena, (size_t)fn->nblocks);
    s.texts = take(arena, sizeof *s.texts * (size_t)fn->nblocks);
    s.goals = take(arena, sizeof *s.goals * (size_t)nstates);
    s.touched = take(arena, sizeof *s.touched * (size_t)nstates);
    const Block **starts = take(arena, sizeof *starts * (size_t)nstates);
    starts[0] = fn->blocks[0];
    for (int i = 0; i < fn->nblocks; i++)
        if (fn->blocks[i]->exit == EXIT_AWAIT)
            starts[fn->blocks[i]->await->state] = fn->blocks[i]->next[0];
    for (int from = 0; from < nstates; from++) {
        if (!starts[from])
            continue;
        s.nsteps = s.nchoices = s.ntouched = 0;
        search(&s, starts[from]);
        s.nchoices = 0;
        if (s.nsteps >= MAX_STEPS)
            search_rest(&s, starts[from]);
        for (int i = 0; i < s.ntouched; i++)
            for (int k = i; k > 0 && s.touched[k - 1] > s.touched[k]; k--) {
                int swap = s.touched[k];
                s.touched[k] = s.touched[k - 1];
                s.touched[k - 1] = swap;
            }
        for (int i = 0; i < s.ntouched; i++) {
            Goal *goal = &s.goals[s.touched[i]];
            Edge *edge = push(arena, edges, *nedges, room);
            *edge = (Edge){ .from = from, .to = s.touched[i] };
            merge_paths(goal);
            describe_paths(&s, edge, goal);
            goal->npaths = 0;
            goal->reached = goal->more = false;
        }
    }
    return edges;
}

/* ---- output ---- */

static void add_quoted(Buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            add(out, "\\");
        if (c >= ' ' && c != 0x7F)
            add_bytes(out, text, 1);
    }
}

static void add_state(Buf *out, const Fn *fn, int state)
{
    add(out, "\"");
    add_quoted(out, fn->name);
    if (state > fn->nawaits)
        add(out, ":done\"");
    else
        add_format(out, ":%d\"", state);
}

static void emit_machine(Tu *tu, Fn *fn)
{
    Buf *out = &tu->out;
    add_format(out, "    subgraph \"cluster_%s\" {\n        label=\"%s\";\n", fn->name, fn->name);
    for (int state = 0; state <= fn->nawaits + 1; state++) {
        const Await *await = state && state <= fn->nawaits ? fn->awaits[state - 1] : NULL;
        add(out, "        ");
        add_state(out, fn, state);
        add(out, " [label=\"");
        add_quoted(out, await ? name_await(tu, await) : state ? "done" : "start");
        add(out, await ? await->reached ? "\"];\n" : "\", style=dashed];\n" : "\", shape=oval];\n");
    }
    int nedges;
    const Edge *edges = find_edges(fn, &nedges);
    for (int i = 0; i < nedges; i++) {
        add(out, "        ");
        add_state(out, fn, edges[i].from);
        add(out, " -> ");
        add_state(out, fn, edges[i].to);
        if (edges[i].npaths) {
            add(out, " [label=\"");
            for (int k = 0; k < edges[i].npaths; k++) {
                if (k)
                    add(out, "\\nor ");
                add_quoted(out, edges[i].paths[k]);
            }
            add(out, edges[i].more ? "\\nor ...\"]" : "\"]");
        }
        add(out, ";\n");
    }
    add(out, "    }\n");
}

void emit_dot(Tu *tu)
{
    add(&tu->out, "digraph asyncc {\n    node [shape=box];\n");
    for (int i = 0; i < tu->nfns; i++)
        if (tu->fns[i]->body)
            emit_machine(tu, tu->fns[i]);
    add(&tu->out, "}\n");
}

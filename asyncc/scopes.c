/* scopes.c - what is owed when a scope is left: the calls of cleanup functions, and the memory of VLAs.
 *
 *     FREED char *name = copy();         owed from here on: free_name(&name)
 *     for (;;) {
 *         CLOSED int fd = await open();  close_fd(&fd), and then free_name(&name)
 *         if (fd < 0)
 *             break;                     { close_fd(&fd); break; }
 *         if (!await talk(fd, name))     cancelled here: close_fd(&fd); free_name(&name);
 *             return 1;                  { close_fd(&fd); free_name(&name); self->result = 1; return AC_READY; }
 *     }                                  close_fd(&fd); }
 *     await tell(name);                  cancelled here: free_name(&name);
 * }                                      free_name(&name); }
 *
 * Where an await stands while a cleanup is owed, it can't be left to the compiler of the output: a function that
 * suspends would run it, and no goto, as by which it resumes, may lead past the declaration. So the declaration
 * loses its attribute, and each way out of the scope makes the calls, which are few as a rule. The rest
 * stays as it is, but for what has to come before a call that is made: the compiler's come at the very jump.
 *
 * What is owed hangs on the nodes by which scopes are left and on the awaits, as lists from the innermost
 * outwards. A variable's cleanup is owed when its initialiser is done, as with gcc and clang; a goto back to
 * before its declaration leaves its scope, too. No jump leads into one: clang refuses that. */
#include "lower.h"
#include <string.h>

typedef struct Walker {
    Fn *fn;
    Arena *arena;
    const Owed *open;
    const Owed *at_break, *at_continue;
    Node **exits; /* nodes by which something that is owed is left */
    int nexits, exits_room;
    Node **gotos;
    int ngotos, gotos_room;
    const Node **labels; /* their owed: what is open at the label */
    int nlabels, labels_room;
} Walker;

static void walk(Walker *, Node *);

static bool is_inside(const Node *inner, const Node *outer)
{
    return !outer || (outer->from <= inner->from && inner->to <= outer->to);
}

/* ---- labels ---- */

/* How deep the innermost node stands that holds both. */
static int common_depth(const Node *node, const Node *a, const Node *b)
{
    for (int depth = 0;; depth++) {
        const Node *kid = NULL;
        for (int i = 0; i < node->nkids && !kid; i++)
            if (node->kids[i] && is_inside(a, node->kids[i]) && is_inside(b, node->kids[i]))
                kid = node->kids[i];
        if (!kid)
            return depth;
        node = kid;
    }
}

int choose_label(const Node *body, const Node *const *labels, int nlabels, const Node *jump)
{
    int best = -1, best_depth = -1;
    for (int i = 0; i < nlabels; i++) {
        if (strcmp(labels[i]->name, jump->name) != 0)
            continue;
        if (best < 0) {
            best = i;
            continue;
        }
        if (best_depth < 0)
            best_depth = common_depth(body, labels[best], jump);
        int depth = common_depth(body, labels[i], jump);
        if (depth > best_depth) {
            best_depth = depth;
            best = i;
        }
    }
    return best;
}

/* ---- what is open, and where ---- */

static void leave_to(Walker *w, Node *node, const Owed *kept)
{
    node->owed = w->open;
    node->kept = kept;
    if (node->owed != kept)
        *push(w->arena, w->exits, w->nexits, w->exits_room) = node;
}

static void walk_kids(Walker *w, Node *node)
{
    for (int i = 0; i < node->nkids; i++)
        walk(w, node->kids[i]);
}

static void open_owed(Walker *w, Local *local, bool is_memory)
{
    Owed *owed = take(w->arena, sizeof *owed);
    *owed = (Owed){ local, w->open, is_memory, w->open ? w->open->depth + 1 : 1 };
    w->open = owed;
}

static void walk_variable(Walker *w, Node *node)
{
    walk_kids(w, node);
    if (node->local->is_freed)
        open_owed(w, node->local, true);
    if (node->local->cleanup)
        open_owed(w, node->local, false);
}

/* break and continue in the last kid lead to here. */
static void walk_loop(Walker *w, Node *node, Node *body)
{
    const Owed *outer_break = w->at_break, *outer_continue = w->at_continue;
    for (int i = 0; i < node->nkids; i++) {
        if (node->kids[i] == body) {
            w->at_break = w->open;
            if (node->kind != N_SWITCH)
                w->at_continue = w->open;
        }
        walk(w, node->kids[i]);
        if (node->kids[i] == body) {
            w->at_break = outer_break;
            w->at_continue = outer_continue;
        }
    }
}

static void walk(Walker *w, Node *node)
{
    if (!node)
        return;
    const Owed *outer = w->open;
    switch (node->kind) {
    case N_UNEVALUATED:
        return;
    case N_COMPOUND:
        walk_kids(w, node);
        leave_to(w, node, outer);
        w->open = outer;
        return;
    case N_FOR:
        walk_loop(w, node, node->kids[3]);
        leave_to(w, node, outer);
        w->open = outer;
        return;
    case N_WHILE:
    case N_SWITCH:
        walk_loop(w, node, node->kids[1]);
        return;
    case N_DO:
        walk_loop(w, node, node->kids[0]);
        return;
    case N_VAR:
        walk_variable(w, node);
        return;
    case N_AWAIT:
        walk_kids(w, node);
        if (node->await)
            node->await->owed = w->open;
        return;
    case N_LABEL:
        node->owed = w->open;
        *push(w->arena, w->labels, w->nlabels, w->labels_room) = node;
        walk_kids(w, node);
        return;
    case N_GOTO:
        *push(w->arena, w->gotos, w->ngotos, w->gotos_room) = node;
        node->owed = w->open;
        return;
    case N_BREAK:
        leave_to(w, node, w->at_break);
        return;
    case N_CONTINUE:
        leave_to(w, node, w->at_continue);
        return;
    case N_RETURN:
        walk_kids(w, node);
        leave_to(w, node, NULL);
        return;
    default:
        walk_kids(w, node);
    }
}

/* What is open at both places. */
static const Owed *common(const Owed *a, const Owed *b)
{
    while (a != b) {
        if (a && (!b || a->depth >= b->depth))
            a = a->outer;
        else
            b = b->outer;
    }
    return a;
}

/* ---- whose cleanups the output calls ---- */

/* A goto back to before the declaration, in its block, where awaits are: while the variable isn't owed, it may live. */
static void own_left(const Node *label, const Node *jump)
{
    for (const Owed *owed = jump->owed; owed != jump->kept; owed = owed->outer)
        if (!owed->is_memory && is_inside(label, owed->local->scope) && owed->local->scope->has_await)
            owed->local->is_owed = true;
}

static void resolve_gotos(Walker *w)
{
    for (int i = 0; i < w->ngotos; i++) {
        Node *jump = w->gotos[i];
        int chosen = choose_label(w->fn->body, w->labels, w->nlabels, jump);
        if (chosen < 0) /* clang has refused it */
            continue;
        const Node *label = w->labels[chosen];
        jump->kept = common(jump->owed, label->owed);
        if (jump->owed == jump->kept)
            continue;
        *push(w->arena, w->exits, w->nexits, w->exits_room) = jump;
        own_left(label, jump);
    }
}

static bool is_ours(const Owed *owed) { return owed->is_memory || owed->local->is_owed; }

/* What stands inside of something that is owed and is left with it comes first. Whether anything changed. */
static bool own_inner(const Node *exit)
{
    bool changed = false;
    const Owed *outermost = NULL;
    for (const Owed *owed = exit->owed; owed != exit->kept; owed = owed->outer)
        if (is_ours(owed))
            outermost = owed;
    for (const Owed *owed = exit->owed; outermost && owed != outermost; owed = owed->outer) {
        changed |= !is_ours(owed);
        if (!owed->is_memory)
            owed->local->is_owed = true;
    }
    return changed;
}

static bool has_cleanups(const Fn *fn)
{
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i]->cleanup)
            return true;
    return false;
}

/* Not what has no await in its scope, which stays the compiler's. */
static bool find_freed(Fn *fn)
{
    bool some = false;
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        local->is_freed = local->kind == LOCAL_VAR && local->decl && local->type->kind == TYPE_ARRAY && local->type->variable_size &&
                          local->type->size < 0 && has_await_in_scope(fn, local);
        some |= local->is_freed;
    }
    return some;
}

/* gcc 12 and its neighbours save the stack pointer for a VLA where the block begins if a cleanup stands between, and a
 * function that resumes further in would restore what was never saved. */
static bool stands_before_vla(const Fn *fn, const Local *local)
{
    for (int i = 0; i < fn->nlocals; i++) {
        const Local *other = fn->locals[i];
        if (other->scope == local->scope && other->from > local->from && other->type->kind == TYPE_ARRAY &&
            other->type->variable_size)
            return true;
    }
    return false;
}

/* The call is made in the body, and for cancelling outside of it: there the name has to mean the same. */
static void check_name(const Fn *fn, const Local *local)
{
    bool hidden = false;
    for (int i = 0; i < fn->nlocals; i++)
        hidden |= fn->locals[i]->from >= 0 && !strcmp(fn->locals[i]->name, local->cleanup);
    for (int i = 0; i < fn->nhidings; i++)
        hidden |= !strcmp(fn->hidings[i].name, local->cleanup);
    if (hidden)
        report(fn->tu, ERROR, local->from, local->from < 0 ? -1 : local->from + (int)strlen(local->name),
               "the cleanup '%s' of '%s' has a name that is declared in the function, too: not supported yet",
               local->cleanup, local->name);
}

/* Only a compiler's own cleanup is run by an exception that passes through. */
static void warn_of_unwinding(const Fn *fn)
{
    const Options *options = fn->tu->options;
    bool unwinds = false;
    for (int i = 0; options && i < options->ncc_args; i++)
        unwinds = !strcmp(options->cc_args[i], "-fexceptions") || (unwinds && strcmp(options->cc_args[i], "-fno-exceptions"));
    for (int i = 0; unwinds && i < fn->nlocals; i++) {
        const Local *local = fn->locals[i];
        if (!local->is_owed)
            continue;
        report(fn->tu, WARNING, local->from, local->from < 0 ? -1 : local->from + (int)strlen(local->name),
               "what unwinds the stack through '%s' (-fexceptions) does not run the cleanup of '%s'", fn->name, local->name);
        return;
    }
}

void find_owed(Fn *fn)
{
    bool frees = find_freed(fn);
    if ((!has_cleanups(fn) && !frees) || !fn->nawaits)
        return;
    Walker w = { .fn = fn, .arena = fn->tu->arena };
    walk(&w, fn->body);
    for (int i = 0; i < fn->nawaits; i++)
        for (const Owed *owed = fn->awaits[i]->owed; owed; owed = owed->outer)
            if (!owed->is_memory)
                owed->local->is_owed = true;
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        if (!local->cleanup)
            continue;
        if (local->statement->has_await) /* its declaration is made anew */
            local->is_owed = true;
        if (local->scope && local->scope->has_await && stands_before_vla(fn, local))
            local->is_owed = true;
    }
    resolve_gotos(&w);
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < w.nexits; i++)
            changed |= own_inner(w.exits[i]);
    }
    for (int i = 0; i < fn->nlocals; i++)
        if (fn->locals[i]->is_owed)
            check_name(fn, fn->locals[i]);
    warn_of_unwinding(fn);
}

void own_cleanups(Fn *fn)
{
    bool warned = false;
    for (int i = 0; i < fn->nlocals; i++)
        warned |= fn->locals[i]->is_owed;
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        if (!local->cleanup || local->is_owed)
            continue;
        local->is_owed = true;
        check_name(fn, local);
    }
    if (!warned)
        warn_of_unwinding(fn);
}

const Owed *next_owed(const Owed *owed, const Owed *kept)
{
    while (owed != kept && !is_ours(owed))
        owed = owed->outer;
    return owed == kept ? NULL : owed;
}

bool owes_calls(const Owed *owed, const Owed *kept)
{
    for (; owed != kept; owed = owed->outer)
        if (!owed->is_memory && owed->local->is_owed)
            return true;
    return false;
}

/* ---- the calls ---- */

/* A macro of that name would take the call for its own. */
static const char *callable(const Fn *fn, const Local *local)
{
    Tu *tu = fn->tu;
    if (!tu->nmacros)
        find_macros(tu);
    for (int i = 0; i < tu->nmacros; i++)
        if (!strcmp(tu->macros[i].name, local->cleanup))
            return take_format(tu->arena, "(%s)", local->cleanup);
    return local->cleanup;
}

static void add_each_owed(const Fn *fn, const Owed *owed, const Owed *kept, bool memory, Buf *out)
{
    for (; (owed = next_owed(owed, kept)); owed = owed->outer) {
        const Local *local = owed->local;
        const char *at = local->name;
        if (owed->is_memory) {
            if (memory)
                free_variable_object(fn, local, out);
            continue;
        }
        if (is_vla(local))
            at = take_format(fn->tu->arena, "(void *)%s%s%s", local->home == HOME_PLACED ? fn->self : "",
                             local->home == HOME_PLACED ? "->" : "", local->home == HOME_PLACED ? local->slot->name : at);
        else if (local->home == HOME_PLACED || is_pointer_kept(local))
            at = take_format(fn->tu->arena, "&%s", place_of_local(fn, local));
        else
            at = take_format(fn->tu->arena, "&%s", at);
        add_format(out, "%s(%s);\n", callable(fn, local), at);
    }
}

void add_owed(const Fn *fn, const Owed *owed, const Owed *kept, Buf *out)
{
    add_each_owed(fn, owed, kept, true, out);
}

void add_owed_calls(const Fn *fn, const Owed *owed, const Owed *kept, Buf *out)
{
    add_each_owed(fn, owed, kept, false, out);
}

void add_owed_when_cancelled(const Fn *fn, const Await *await, Buf *out)
{
    for (const Owed *owed = await->owed; (owed = next_owed(owed, NULL)); owed = owed->outer) {
        const Local *local = owed->local;
        if (owed->is_memory) /* goes with the frame's end */
            continue;
        /* The types that the body declares have no names outside of it. */
        bool untyped = is_pointer_kept(local) || local->type->tags || is_bytes(local);
        bool is_address = is_vla(local) || is_bytes(local); /* what the field says */
        add_format(out, "        %s(%s%s%s->%s);\n", callable(fn, local), untyped ? "(void *)" : "", is_address ? "" : "&",
                   fn->self, slot_at(local, await->state)->name);
    }
}

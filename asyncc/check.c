/* check.c - what can't be translated yet although it is C, found when it is known what lives across an
 * await. Refused by name, each with its place. */
#include "asyncc.h"
#include <string.h>

static bool is_inside(const Node *node, const Node *scope)
{
    return !scope || (scope->from <= node->from && node->to <= scope->to);
}

/* A jump into the scope of a variably modified object isn't C, even if it's dead. */
static const Await *await_in_scope(const Fn *fn, const Local *local)
{
    for (int i = 0; i < fn->nawaits; i++) {
        const Await *await = fn->awaits[i];
        if (await->reached && await->node->from > local->from && is_inside(await->node, local->scope))
            return await;
    }
    return NULL;
}

static void check_local(Fn *fn, Local *local)
{
    Tu *tu = fn->tu;
    if (local->cleanup && !local->is_owed && local->home != HOME_STACK)
        local->refused = "has a cleanup that the compiler of the output calls";
    if (!local->refused)
        return;
    bool modified = local->type->variable_size && (local->lowered || local->kind == LOCAL_TEMP);
    bool jumped = local->kind != LOCAL_TEMP && local->lowered;
    const Await *await = jumped ? await_in_scope(fn, local) : NULL;
    if (local->home == HOME_STACK && !await && !modified)
        return;
    int from = local->from, to = from;
    if (local->kind == LOCAL_TEMP) {
        report(tu, ERROR, fn->body->from, fn->body->from, "an operand that has to be kept across an await %s: not supported yet",
               local->refused);
        return;
    }
    while (to < tu->source->size && to - from < 1000 && local->name[to - from])
        to++;
    if (local->kind == LOCAL_LITERAL)
        to = local->decl->to;
    report(tu, ERROR, from, to, "'%s' lives across an await and %s: not supported yet",
           local->kind == LOCAL_LITERAL ? "the literal" : local->name, local->refused);
    if (await)
        note(tu, await->node->from, await->node->to, "the await is here");
}

bool check_locals(Tu *tu)
{
    for (int i = 0; i < tu->nfns; i++) {
        Fn *fn = tu->fns[i];
        for (int k = 0; fn->body && k < fn->nlocals; k++)
            check_local(fn, fn->locals[k]);
    }
    return !count_errors(tu);
}

/* Lowering decides the #ifs of async bodies once and for all, by what libclang saw: the compiler of the
 * output has to see the same. */
bool check_branches(Tu *tu)
{
    const char *text = tu->source->text;
    Change *branches = NULL;
    int n = 0, room = 0;
    for (int i = 0; i < tu->nfns; i++) {
        const Node *body = tu->fns[i]->body;
        if (!body)
            continue;
        for (Token token = next_conditional(text, body->from, body->to); token.kind != T_END;
             token = next_conditional(text, token.to, body->to))
            if (!token_is(text, next_token(text, token.from + 1, token.to), "endif"))
                *push(tu->arena, branches, n, room) = (Change){ token.to + 1, token.to + 1, NULL };
    }
    if (!n)
        return true;
    sort_changes(branches, n); /* functions come in the order of their declarations */
    bool *taken = take(tu->arena, (size_t)n * sizeof *taken);
    if (!check_conditionals(tu, branches, n, taken))
        return false;
    for (int i = 0; i < n; i++) {
        int line = branches[i].from - 1, from = line;
        while (from > 0 && text[from - 1] != '\n')
            from--;
        if (taken[i] != !is_skipped(tu, branches[i].from))
            report(tu, ERROR, skip_blank(text, from, line), line, "'%s' %s this branch, and libclang, which asyncc reads with, %s it",
                   tu->options->cc, taken[i] ? "takes" : "leaves out", taken[i] ? "leaves out" : "takes");
    }
    return !count_errors(tu);
}

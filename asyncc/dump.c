/* dump.c - the model after a pass, as text: how a pass is debugged.
 *
 *     $ asyncc --dump=liveness twice.ac
 *     twice_later
 *       0:                           in: n
 *         use n, def noise
 *         use noise
 *         await 1 ac_sleep -> 1      out: n
 *       1:                           in: n
 *         use n
 *         return
 *       noise: stack
 *       n: saved at 1
 *
 * Every pass up to `sequence` shows the statements as a tree, `cfg` and `liveness` the blocks, `frame`
 * the fields. The text is for people and tests of ours; tools read --emit=json. */
#include "asyncc.h"
#include <string.h>

const char *one_line(Tu *tu, int from, int to)
{
    Buf buf = { .arena = tu->arena };
    add(&buf, "");
    if (!tu->source || !tu->source->text || from < 0 || to > tu->source->size)
        return buf.text;
    const char *text = tu->source->text;
    int end = from;
    for (Token token = next_token(text, from, to); token.kind != T_END; token = next_token(text, token.to, to)) {
        if (token.kind == T_DIRECTIVE)
            continue;
        if (buf.size && token.from > end)
            add(&buf, " ");
        add_bytes(&buf, text + token.from, (size_t)(token.to - token.from));
        end = token.to;
    }
    return buf.text;
}

int line_of(Tu *tu, int offset)
{
    if (!tu->source || !tu->source->nsegs || offset < 0)
        return 0;
    return place_of(tu->source, offset).line;
}

const char *name_await(Tu *tu, const Await *await)
{
    int line = await->node ? line_of(tu, await->node->from) : 0;
    if (await->callee)
        return take_format(tu->arena, "%d:await %s", line, awaited_future(await) ? awaited_future(await)->name : await->callee->name);
    const Node *task = await->node && await->node->nkids ? await->node->kids[0] : NULL;
    const char *text = task ? one_line(tu, task->from, task->to) : "";
    return take_format(tu->arena, "%d:await %s", line, *text ? text : "task");
}

/* ---- trees ---- */

static const char *const node_names[] = {
    [N_COMPOUND] = "compound", [N_DECLARE] = "declare",     [N_VAR] = "var",
    [N_IF] = "if",             [N_WHILE] = "while",         [N_DO] = "do",
    [N_FOR] = "for",           [N_SWITCH] = "switch",       [N_CASE] = "case",
    [N_LABEL] = "label",       [N_GOTO] = "goto",           [N_GOTO_ANY] = "goto any",
    [N_BREAK] = "break",       [N_CONTINUE] = "continue",   [N_RETURN] = "return",
    [N_EMPTY] = "empty",       [N_ASM] = "asm",             [N_REF] = "ref",
    [N_ASSIGN] = "assign",     [N_STEP] = "step",           [N_ADDRESS] = "address",
    [N_AND] = "and",           [N_OR] = "or",               [N_COND] = "cond",
    [N_ELVIS] = "elvis",       [N_COMMA] = "comma",         [N_CALL] = "call",
    [N_AWAIT] = "await",       [N_SPAWN] = "spawn",         [N_BLOCK_ON] = "block on",
    [N_STMT_EXPR] = "({ })",   [N_INIT] = "init",           [N_LITERAL] = "literal",
    [N_BOUND] = "bound",
    [N_UNEVALUATED] = "unevaluated", [N_CONSTANT] = "constant", [N_OTHER] = "other",
};

static void dump_owed(const Owed *owed, const Owed *kept, FILE *out)
{
    const char *word = " owes";
    for (owed = next_owed(owed, kept); owed; owed = next_owed(owed->outer, kept), word = "")
        fprintf(out, "%s %s%s", word, owed->local->name, owed->is_memory ? "[]" : "");
}

static void dump_node(Tu *tu, const Node *node, int depth, FILE *out)
{
    fprintf(out, "%*s", 2 * depth, "");
    if (!node) {
        fputs("-\n", out);
        return;
    }
    fputs(node_names[node->kind], out);
    if (node->local)
        fprintf(out, " %s", node->local->name);
    if ((node->kind == N_LABEL || node->kind == N_GOTO) && node->name)
        fprintf(out, " %s", node->name);
    if ((node->kind == N_SPAWN || node->kind == N_BLOCK_ON) && node->callee)
        fprintf(out, " %s", node->callee->name);
    bool awaits = node->kind == N_AWAIT && node->await;
    if (awaits)
        fprintf(out, " %d %s", node->await->state, node->await->callee ? node->await->callee->name : "task");
    if (awaits && node->await->result)
        fprintf(out, " -> %s", node->await->result->name);
    if (node->temp)
        fprintf(out, " => %s", node->temp->name);
    if (node->type)
        fprintf(out, " : %s", declare(tu->arena, node->type, "", false));
    fprintf(out, "%s%s%s%s", node->is_lvalue ? " lvalue" : "", node->in_macro ? " in_macro" : "",
            node->has_await ? " has_await" : "", node->discarded ? " discarded" : "");
    if (node->kind != N_LABEL)
        dump_owed(node->owed, node->kept, out);
    if (awaits)
        dump_owed(node->await->owed, NULL, out);
    if (!node->nkids && tu->source)
        fprintf(out, "   `%s`", one_line(tu, node->from, node->to));
    fputc('\n', out);
    for (int i = 0; i < node->nkids; i++)
        dump_node(tu, node->kids[i], depth + 1, out);
}

static void dump_tree(const Fn *fn, FILE *out)
{
    static const char *const kinds[] = { [LOCAL_PARAM] = "param", [LOCAL_VAR] = "var", [LOCAL_TEMP] = "temp",
                                         [LOCAL_LITERAL] = "literal", [LOCAL_BOUND] = "bound", [LOCAL_TYPEDEF] = "typedef",
                                         [LOCAL_STATIC] = "static" };
    for (int i = 0; i < fn->nlocals; i++) {
        const Local *local = fn->locals[i];
        fprintf(out, "  %s %s%s%s%s", kinds[local->kind], declare(fn->tu->arena, local->type, local->name, false),
                local->address_taken ? " address_taken" : "", local->in_place ? " in_place" : "",
                local->used ? "" : " unused");
        if (local->cleanup)
            fprintf(out, " cleanup %s%s", local->cleanup, local->is_owed ? " owed" : "");
        fputc('\n', out);
    }
    if (fn->body)
        dump_node(fn->tu, fn->body, 1, out);
}

/* ---- blocks ---- */

static void dump_set(const Fn *fn, const char *title, Bits set, FILE *out)
{
    fprintf(out, " %s", title);
    for (int i = 0; set.words && i < fn->nlocals; i++)
        if (has_bit(set, i))
            fprintf(out, " %s", fn->locals[i]->name);
}

static void dump_exit(Tu *tu, const Block *block, FILE *out)
{
    fputs("    ", out);
    switch (block->exit) {
    case EXIT_JUMP:
        fputs("jump", out);
        break;
    case EXIT_BRANCH:
        fputs("branch", out);
        break;
    case EXIT_SWITCH:
        fputs("switch", out);
        break;
    case EXIT_AWAIT:
        fprintf(out, "await %d %s", block->await->state, block->await->callee ? block->await->callee->name : "task");
        break;
    case EXIT_RETURN:
        fputs("return", out);
        break;
    }
    const char *test = block->test ? one_line(tu, block->test->from, block->test->to) : "";
    if (*test)
        fprintf(out, " `%s`", test);
    for (int i = 0; i < block->nnext; i++)
        fprintf(out, "%s%d", i ? ", " : " -> ", block->next[i]->index);
}

static void dump_blocks(const Fn *fn, bool live, FILE *out)
{
    static const char *const names[] = {
        [EVENT_USE] = "use",         [EVENT_DEF] = "def",     [EVENT_PART] = "part",   [EVENT_ADDRESS] = "address",
        [EVENT_DECLARE] = "declare", [EVENT_ENTER] = "enter", [EVENT_LEAVE] = "leave",
    };
    for (int i = 0; i < fn->nblocks; i++) {
        const Block *block = fn->blocks[i];
        fprintf(out, "  %d:", block->index);
        if (live)
            dump_set(fn, "in:", block->live_in, out);
        if (block->nevents)
            fputs("\n    ", out);
        for (int k = 0; k < block->nevents; k++)
            fprintf(out, "%s%s %s", k ? ", " : "", names[block->events[k].kind], block->events[k].local->name);
        fputc('\n', out);
        dump_exit(fn->tu, block, out);
        if (live)
            dump_set(fn, "out:", block->live_out, out);
        fputc('\n', out);
    }
}

static void dump_homes(const Fn *fn, FILE *out)
{
    static const char *const homes[] = { [HOME_STACK] = "stack", [HOME_SAVED] = "saved", [HOME_PLACED] = "placed" };
    for (int i = 0; i < fn->nlocals; i++) {
        const Local *local = fn->locals[i];
        fprintf(out, "  %s: %s", local->name, homes[local->home]);
        const char *separator = " at ";
        for (int k = 0; k < fn->nawaits; k++)
            if (fn->awaits[k]->live.words && has_bit(fn->awaits[k]->live, i)) {
                fprintf(out, "%s%d", separator, fn->awaits[k]->state);
                separator = " ";
            }
        fputs(local->undefined_ok ? ", maybe undefined\n" : "\n", out);
    }
    for (int k = 0; k < fn->nawaits; k++)
        if (!fn->awaits[k]->reached)
            fprintf(out, "  await %d: never reached\n", fn->awaits[k]->state);
}

/* ---- frames ---- */

static void dump_frame(const Fn *fn, FILE *out)
{
    fprintf(out, "  size %lld align %d\n", (long long)fn->frame_size, fn->frame_align);
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        fprintf(out, "  %lld %lld %s", (long long)field->offset, (long long)field->size, field->name);
        const char *separator = " at ";
        for (int k = 0; k <= fn->nawaits; k++)
            if (has_bit(field->live, k)) {
                fprintf(out, "%s%d", separator, k);
                separator = " ";
            }
        fputc('\n', out);
    }
}

void dump_functions(Tu *tu, const char *pass, FILE *out)
{
    for (int i = 0; i < tu->nfns; i++) {
        const Fn *fn = tu->fns[i];
        fprintf(out, "%s%s\n", fn->name, fn->body ? "" : fn->is_leaf ? " (leaf)" : " (only declared)");
        if (!fn->body)
            continue;
        if (strcmp(pass, "cfg") == 0) {
            dump_blocks(fn, false, out);
        } else if (strcmp(pass, "liveness") == 0) {
            dump_blocks(fn, true, out);
            dump_homes(fn, out);
        } else if (strcmp(pass, "frame") == 0) {
            dump_frame(fn, out);
        } else {
            dump_tree(fn, out);
        }
    }
}

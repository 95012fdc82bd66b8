/* lower.c - the body as resumable C, by edits of the user's own text.
 *
 *     int x = a + await g(b);
 *
 * becomes (with a in a temporary when it may change meanwhile)
 *
 *     struct g__ready f__s1 = g__start(&self->g__1, cx, b);
 *     if (f__s1.poll == AC_PENDING) {
 *         self->a = a;                          what lives across it and isn't placed
 *         self->state = 1;
 *         return AC_PENDING;
 *     f__1:                                     f's switch comes here
 *         f__s1 = g__resume(&self->g__1, cx);
 *         if (f__s1.poll == AC_PENDING)
 *             return AC_PENDING;
 *         a = self->a;
 *     }
 *     int f__r1 = f__s1.value;
 *     int x = a + f__r1;
 *
 * When the child is ready at once nothing is stored. A child that isn't static, or whose value takes more than
 * a register, leaves it in its frame: then it's `if (g__start(..) == AC_PENDING)`, g__poll, and
 * self->g__1.result. Control flow stays structured; only loops whose condition or step awaits become for (;;). Statements without an await keep their text, but
 * for `return` and the names of locals that are placed in the frame. */
#include "lower.h"
#include <string.h>

typedef struct Lowerer {
    Fn *fn;
    Tu *tu;
    Arena *arena;
    Editor *editor;
    bool ok;
    int nloops;
    struct Loop *loop;
} Lowerer;

/* The loop that `continue` belongs to. */
typedef struct Loop {
    struct Loop *outer;
    const char *label; /* continue has to go there; null: continue stays */
    bool used;
} Loop;

static void lower_expr(Lowerer *l, Node *node, Buf *before);
static void lower_stmt(Lowerer *l, Node *node, const Node *parent);
static void lower_quiet_blocks(Lowerer *l, Node *node);
static void pay_at_end(Lowerer *l, Node *block);

/* ---- names ------------------------------------------------------------------------------------- */

static int definition_of(const Fn *fn)
{
    for (int i = 0; i < fn->ndecls; i++)
        if (fn->decls[i].is_definition)
            return fn->decls[i].from;
    return -1;
}

bool is_complete_in(const Fn *fn, const Fn *user)
{
    int at = definition_of(fn);
    return fn->is_leaf || (at >= 0 && at < definition_of(user));
}

const char *address_of_child(const Fn *fn, const Await *await)
{
    const char *self = fn->self, *name = await->child->name;
    if (!await->callee || is_complete_in(await->callee, fn))
        return take_format(fn->tu->scratch, "&%s->%s", self, name);
    return take_format(fn->tu->scratch, "(%s *)%s->%s", await->callee->frame_type, self, name);
}

const char *leaving(const Fn *fn, const char *poll, const char *value)
{
    if (!fn->gives_value)
        return poll;
    return take_format(fn->tu->scratch, "(struct %s__ready){ .poll = %s%s%s }", fn->name, poll, value ? ", .value = " : "",
                       value ? value : "");
}

bool has_states(const Fn *fn)
{
    for (int i = 0; i < fn->nawaits; i++)
        if (fn->awaits[i]->reached)
            return true;
    return false;
}

/* Whether the child's start and resume return its value with what they say. A kept future is polled as others poll it. */
static bool gives_value(const Await *await) { return await->callee && await->callee->gives_value && !await->nfutures; }

/* Whether what the child's start and resume return has to be kept, for the value in it. */
static bool wants_value(const Await *await)
{
    return gives_value(await) && !await->node->discarded;
}

static const char *result_of_child(Lowerer *l, const Await *await)
{
    if (wants_value(await))
        return take_format(l->arena, "%s__s%d.value", l->fn->name, await->state);
    const char *self = l->fn->self, *name = await->child->name;
    const char *type = declare(l->arena, await->type, "*", true);
    if (await->boxed)
        return result_of_box(l->fn, await);
    if (!await->callee)
        return take_format(l->arena, "*(%s)ac_await__result(&%s->%s)", type, self, name);
    if (is_complete_in(await->callee, l->fn))
        return take_format(l->arena, "%s->%s.result", self, name);
    return take_format(l->arena, "*(%s)(%s->%s + %lld)", type, self, name,
                       (long long)await->callee->result_field->offset);
}

/* ---- pieces of text ------------------------------------------------------------------------------ */

static const char *temp_text(Lowerer *l, const Local *temp)
{
    return temp->home == HOME_PLACED || is_pointer_kept(temp) ? place_of_local(l->fn, temp) : temp->name;
}

static const char *temp_declaration(Lowerer *l, const Local *temp)
{
    if (is_pointer_kept(temp))
        return take_format(l->arena, "ac__pointer %s", temp->name);
    return declare(l->arena, temp->type, temp->name, true);
}

/* ---- macros that have to be expanded first ------------------------------------------------------- */

/* The text can't be edited as it stands: it is read again with the call around it expanded. */
static void expand_call(Lowerer *l, int offset)
{
    l->ok = false;
    if (!ask_expansion(l->tu, offset))
        report(l->tu, ERROR, offset, offset, "this comes from a macro whose call isn't to be found, so it can't be translated");
}

static void check_editable(Lowerer *l, const Node *node)
{
    if (node->in_macro)
        expand_call(l, node->from);
}

/* Text that is moved can't begin or end inside of a macro's arguments: `x + y` of `#define ADD(x, y) x + y`. */
static void check_bounds(Lowerer *l, const Node *node)
{
    for (int side = 0; side < 2; side++) {
        int at = side ? node->to : node->from;
        const Change *call = find_call(l->tu, at);
        if (call && call->from < at)
            expand_call(l, at);
    }
}

/* The node's own text, without the parentheses that may stand around it in the source. */
static const char *bare_text(Lowerer *l, const Node *node)
{
    if (node->temp)
        return temp_text(l, node->temp);
    check_bounds(l, node);
    return rendered(l->editor, node->from, node->to);
}

static const char *text_of(Lowerer *l, const Node *node)
{
    const char *text = bare_text(l, node);
    bool open = !node->temp && (node->kind == N_COMMA || node->kind == N_ASSIGN);
    return open ? take_format(l->arena, "(%s)", text) : text;
}

const char *assignment(Arena *arena, const char *to, const Type *type, const char *value)
{
    if (type->has_const)
        return take_format(arena, "__builtin_memcpy((void *)&%s, (const void *)(%s){ %s }, sizeof %s);", to,
                           declare(arena, type, "[1]", true), value, to);
    return take_format(arena, "%s = %s;", to, value);
}

/* A temporary that gets its value in one of several places. */
static void declare_temp(Lowerer *l, Buf *out, const Local *temp)
{
    if (temp->home != HOME_PLACED)
        add_format(out, "%s;\n", temp_declaration(l, temp));
}

static void assign_temp(Lowerer *l, Buf *out, const Local *temp, const char *value)
{
    if (is_pointer_kept(temp)) {
        add_format(out, "%s = (void *)(%s);\n", temp->name, value);
        return;
    }
    add_format(out, "%s\n", assignment(l->arena, temp_text(l, temp), temp->type, value));
}

static void add_temp(Lowerer *l, Buf *out, const Local *temp, const char *value)
{
    if (temp->own_type) { /* a type that the value itself defines */
        add_format(out, "__auto_type %s = %s;\n", temp->name, value);
        return;
    }
    if (temp->home == HOME_PLACED)
        assign_temp(l, out, temp, value);
    else
        add_format(out, is_pointer_kept(temp) ? "%s = (void *)(%s);\n" : "%s = %s;\n", temp_declaration(l, temp), value);
}

/* What remains of a lowered expression whose value nobody wants. */
static void add_discarded(Lowerer *l, Buf *out, const Node *node)
{
    switch (node->kind) {
    case N_AWAIT:
    case N_CONSTANT:
        return;
    case N_AND:
    case N_OR:
    case N_ELVIS:
    case N_COND:
    case N_STMT_EXPR:
        if (node->has_await && !node->temp && (node->kind == N_STMT_EXPR || node->kids[1]->has_await ||
                                               (node->kind == N_COND && node->kids[2]->has_await)))
            return; /* it has been done */
        break;
    case N_COMMA:
        if (node->has_await) {
            add_discarded(l, out, node->kids[1]);
            return;
        }
        break;
    default:
        break;
    }
    const char *text = bare_text(l, node);
    if (node->temp)
        return;
    if (node->kind == N_CALL || node->kind == N_ASSIGN || node->kind == N_STEP || node->type->kind == TYPE_VOID)
        add_format(out, "%s;\n", text);
    else
        add_format(out, "(void)(%s);\n", text);
}

static bool is_saved(const Local *local, const Await *await)
{
    return local->home == HOME_SAVED && has_bit(await->live, local->index);
}

/* A function whose only await stands in a loop leaves there for the first time, or after it was resumed there: then
 * the state and the parameters that don't change are in the frame still. Compilers know which, where they
 * give the start a copy of the body; with more awaits it would take a test. Not where the others are boxed: what comes
 * after those is apart in a body that recurs, as a rule. */
static bool saves_once(const Lowerer *l, const Await *await)
{
    const Fn *fn = l->fn;
    if (await->boxed || !l->loop || fn->labels_as_values || !await->reached)
        return false;
    for (int i = 0; i < fn->nawaits; i++)
        if (fn->awaits[i] != await && !fn->awaits[i]->boxed)
            return false;
    bool saves = false;
    for (int i = 0; i < fn->nparams; i++) {
        const Local *param = fn->params[i];
        if (!param->is_constant || !is_saved(param, await))
            continue;
        if (param->slot->more) /* between two awaits, something else may have been written there */
            return false;
        saves = true;
    }
    return saves;
}

static void add_saves(Lowerer *l, const Await *await, Buf *out)
{
    const Fn *fn = l->fn;
    bool once = saves_once(l, await);
    const char *state = take_format(l->arena, "    %s->%s = %d;\n", fn->self, fn->state_field->name, await->state);
    if (once) {
        if (fn->nawaits == 1)
            add_format(out, "    if (%s == 0) {\n", fn->state);
        else
            add_format(out, "    if (%s != %d) {\n", fn->state, await->state);
        for (int i = 0; i < fn->nlocals; i++)
            if (is_saved(fn->locals[i], await) && fn->locals[i]->is_constant)
                add_save(fn, fn->locals[i], await->state, out);
        add(out, state);
        add(out, "    }\n");
    }
    for (int i = 0; i < fn->nlocals; i++)
        if (is_saved(fn->locals[i], await) && !(once && fn->locals[i]->is_constant))
            add_save(fn, fn->locals[i], await->state, out);
    if (!once)
        add(out, state);
}

/* `if (g__start(..) == AC_PENDING)`; what the child says is kept where that is passed on, or has the value in it. */
static void add_test(const Await *await, const char *said, const char *call, Buf *out)
{
    if (may_say_call(await))
        add_format(out, "if ((%s = %s) != AC_READY)", said, call);
    else if (wants_value(await))
        add_format(out, "%s = %s;\nif (%s.poll == AC_PENDING)", said, call, said);
    else
        add_format(out, "if (%s%s == AC_PENDING)", call, gives_value(await) ? ".poll" : "");
}

/* `if (self->a__said == AC_PENDING) {`: what has finished already is polled no more. */
static void open_said_test(Lowerer *l, const Await *await, const Local *future, Buf *out)
{
    const char *said = place_of_local(l->fn, future->said);
    if (await->may_be_taken)
        add_format(out, "if (%s == AC__TAKEN)\n    ac__future_taken(\"%s\", __FILE__, __LINE__);\n", said, l->fn->name);
    add_format(out, "if (%s == AC_PENDING) {\n", said);
}

/* The value of what the await has waited for. */
static void add_taking(Lowerer *l, const Await *await, Buf *out)
{
    const Local *future = awaited_future(await);
    if (future && future->is_asked)
        add_format(out, "%s = AC__TAKEN;\n", place_of_local(l->fn, future->said));
    if (await->result)
        add_temp(l, out, await->result, result_of_child(l, await));
}

static void add_suspend(Lowerer *l, const Node *node, Buf *out)
{
    Fn *fn = l->fn;
    const Await *await = node->await;
    const Fn *callee = await->callee;
    const char *child = await->boxed || await->is_all ? NULL : address_of_child(fn, await), *args = "", *said = "";
    Local *future = awaited_future(await);
    if (!callee)
        args = text_of(l, node->kids[0]);
    else if (node->nkids > node->through_pointer)
        args = rendered(l->editor, node->args_from, node->args_to);
    const char *pending = leaving(fn, "AC_PENDING", NULL);
    const char *pointer = node->through_pointer ? text_of(l, node->kids[0]) : NULL;
    if (await->choice) /* another compiler has to choose the same */
        add_format(out, "(void)%s;\n", rendered(l->editor, await->choice->from, await->choice->to));
    if (may_say_call(await)) {
        pending = said = take_format(l->arena, "%s__said", fn->name);
    } else if (wants_value(await)) {
        said = take_format(l->arena, "%s__s%d", fn->name, await->state);
        add_format(out, "struct %s__ready ", callee->name);
    }
    if (await->is_over) {
        add_taking(l, await, out);
        return;
    }
    if (future && future->said)
        open_said_test(l, await, future, out);
    if (callee && callee->is_leaf && !callee->has_start && !await->boxed && !await->nfutures) {
        add_format(out, "%s__init(%s%s%s);\n", callee->name, child, *args ? ", " : "", args);
        add_format(out, "if (%s__poll(%s, %s) == AC_PENDING)", callee->name, child, fn->cx);
    } else {
        add_test(await, said, start_of_child(fn, await, args, pointer), out);
    }
    add(out, " {\n");
    add_saves(l, await, out);
    if (await->boxed)
        add_format(out, "    %s->%s = %s__called;\n", fn->self, await->child->name, fn->name);
    if (await->boxed && await->reached && owns_boxes(fn))
        add_format(out, "    ac__own(%s, %s__called, %s, %s__poll_on);\n", fn->cx, fn->name, fn->self, fn->name);
    add_format(out, "    return %s;\n", pending);
    if (await->reached) { /* else nobody goes to the label */
        add_format(out, "%s__%d:\n    ", fn->name, await->state);
        add_test(await, said, poll_of_child(fn, await), out);
        add_format(out, "\n        return %s;\n", pending);
    }
    for (int i = 0; await->reached && i < fn->nlocals; i++)
        if (is_saved(fn->locals[i], await))
            add_restore(fn, fn->locals[i], await->state, out);
    add(out, "}\n");
    if (future && future->said)
        add(out, "}\n");
    add_taking(l, await, out);
    if (await->boxed)
        add_format(out, "ac__return(%s, %s__called);\n", fn->cx, fn->name);
    else if (!await->callee)
        add_format(out, "ac_await__end(%s);\n", child); /* the task's memory, the result in it, goes back */
}

/* ---- expressions ------------------------------------------------------------------------------------ */

static void lower_operands(Lowerer *l, Node **kids, int nkids, Buf *before)
{
    for (int i = 0; i < nkids; i++) {
        Node *kid = kids[i];
        if (!kid)
            continue;
        if (kid->kind == N_INIT || kid->kind == N_BOUND) {
            lower_operands(l, kid->kids, kid->nkids, before);
            continue;
        }
        bool own = kid->kind == N_AND || kid->kind == N_OR || kid->kind == N_ELVIS || kid->kind == N_COND ||
                   kid->kind == N_STMT_EXPR;
        bool split = kid->has_await && own &&
                     (kid->kind == N_STMT_EXPR || kid->kids[1]->has_await ||
                      (kid->kind == N_COND && kid->kids[2]->has_await));
        if (kid->has_await)
            lower_expr(l, kid, before);
        if (kid->temp && !split) {
            check_bounds(l, kid);
            const char *text = rendered(l->editor, kid->from, kid->to);
            add_temp(l, before, kid->temp, kid->kind == N_COMMA ? take_format(l->arena, "(%s)", text) : text);
            replace_text(l->editor, kid->from, kid->to, temp_text(l, kid->temp));
        }
    }
}

static void add_block(Lowerer *l, Buf *out, const Buf *before, const Node *value, Local *temp, bool truth)
{
    if (before->size)
        add(out, before->text);
    if (temp) {
        const char *text = text_of(l, value);
        assign_temp(l, out, temp, truth ? take_format(l->arena, "(%s) != 0", text) : text);
    } else {
        add_discarded(l, out, value);
    }
}

/* && || ?: when an await stands where it may not be reached. */
static void lower_branches(Lowerer *l, Node *node, Buf *before)
{
    Node *test = node->kids[0];
    lower_operands(l, &test, 1, before);
    const char *condition = text_of(l, test);
    Local *temp = node->temp;
    Buf first = { .arena = l->arena }, second = { .arena = l->arena };
    lower_operands(l, &node->kids[1], 1, &first);
    if (node->kind == N_COND)
        lower_operands(l, &node->kids[2], 1, &second);
    switch (node->kind) {
    case N_AND:
    case N_OR: {
        const char *negate = node->kind == N_OR ? "!" : "";
        if (temp) {
            add_temp(l, before, temp, take_format(l->arena, "(%s) != 0", condition));
            condition = temp_text(l, temp);
        }
        add_format(before, *negate ? "if (!(%s)) {\n" : "if (%s) {\n", condition);
        add_block(l, before, &first, node->kids[1], temp, true);
        add(before, "}\n");
        break;
    }
    case N_ELVIS:
        if (temp) {
            add_temp(l, before, temp, condition);
            condition = temp_text(l, temp);
        }
        add_format(before, "if (!(%s)) {\n", condition);
        add_block(l, before, &first, node->kids[1], temp, false);
        add(before, "}\n");
        break;
    default:
        if (temp)
            declare_temp(l, before, temp);
        add_format(before, "if (%s) {\n", condition);
        add_block(l, before, &first, node->kids[1], temp, false);
        add(before, "} else {\n");
        add_block(l, before, &second, node->kids[2], temp, false);
        add(before, "}\n");
    }
    replace_text(l->editor, node->from, node->to, temp ? temp_text(l, temp) : "(void)0");
}

static void lower_stmt_expr(Lowerer *l, Node *node, Buf *before)
{
    Node *body = node->kids[0];
    Node *last = last_of_block(body);
    for (int i = 0; i + 1 < body->nkids; i++)
        lower_stmt(l, body->kids[i], body);
    if (last && node->temp && last->type) {
        Buf value = { .arena = l->arena };
        add(&value, "{\n");
        lower_quiet_blocks(l, last);
        lower_operands(l, &last, 1, &value);
        assign_temp(l, &value, node->temp, text_of(l, last));
        add(&value, "}");
        replace_text(l->editor, last->from, last->end, value.text);
    } else if (last) {
        lower_stmt(l, last, body);
    }
    pay_at_end(l, body);
    if (node->temp)
        declare_temp(l, before, node->temp);
    add_format(before, "%s\n", rendered(l->editor, body->from, body->to));
    replace_text(l->editor, node->from, node->to, node->temp ? temp_text(l, node->temp) : "(void)0");
}

static void lower_expr(Lowerer *l, Node *node, Buf *before)
{
    if (!node || !node->has_await)
        return;
    switch (node->kind) {
    case N_AWAIT: {
        lower_operands(l, node->kids, node->nkids, before);
        add_suspend(l, node, before);
        const char *value = "(void)0";
        if (node->await->result)
            value = temp_text(l, node->await->result);
        else if (node->type->kind != TYPE_VOID && !node->discarded)
            value = result_of_child(l, node->await);
        replace_text(l->editor, node->from, node->to, value);
        return;
    }
    case N_ASSIGN:
        lower_operands(l, &node->kids[1], 1, before);
        lower_operands(l, &node->kids[0], 1, before);
        return;
    case N_AND:
    case N_OR:
    case N_ELVIS:
        if (node->kids[1]->has_await)
            lower_branches(l, node, before);
        else
            lower_operands(l, &node->kids[0], 1, before);
        return;
    case N_COND:
        if (node->kids[1]->has_await || node->kids[2]->has_await)
            lower_branches(l, node, before);
        else
            lower_operands(l, &node->kids[0], 1, before);
        return;
    case N_COMMA:
        lower_operands(l, &node->kids[0], 1, before);
        add_discarded(l, before, node->kids[0]);
        lower_operands(l, &node->kids[1], 1, before);
        replace_text(l->editor, node->from, node->to, text_of(l, node->kids[1]));
        return;
    case N_STMT_EXPR:
        lower_stmt_expr(l, node, before);
        return;
    default:
        lower_operands(l, node->kids, node->nkids, before);
        return;
    }
}

/* ---- declarations --------------------------------------------------------------------------------------- */

static bool is_zero_init(Lowerer *l, const Node *init)
{
    if (init->kind != N_INIT || init->nkids > 1)
        return false;
    if (!init->nkids)
        return find_closing(l->tu->source->text, init->from, init->to) == skip_blank(l->tu->source->text, init->from + 1, init->to);
    const Node *zero = init->kids[0];
    Token token = next_token(l->tu->source->text, init->from + 1, init->to);
    return zero->kind == N_CONSTANT && token.from == zero->from && zero->to == zero->from + 1 &&
           l->tu->source->text[zero->from] == '0';
}

static bool mentions(const Node *node, const Local *local)
{
    if (!node)
        return false;
    for (int i = 0; i < node->nkids; i++)
        if (mentions(node->kids[i], local))
            return true;
    return node->kind == N_REF && node->local == local;
}

/* `T *p = await get(sizeof *p);`: what is done before the declaration needs it. */
static bool mentions_itself(const Node *var)
{
    return var->kids[0] && var->kids[0]->has_await && mentions(var->kids[0], var->local);
}

/* `name = value` for a value that may be an initialiser list or a string. */
static void add_initialised(Lowerer *l, Buf *out, const char *name, const Local *local, const Node *init, const char *value)
{
    const char *type = declare(l->arena, local->type, "", true);
    if (local->type->kind == TYPE_ARRAY)
        add_format(out, "__builtin_memcpy((void *)&%s, (const void *)&(%s)%s%s%s, sizeof %s);\n", name, type,
                   init->kind == N_INIT ? "" : "{ ", value, init->kind == N_INIT ? "" : " }", name);
    else
        add_format(out, "%s\n", assignment(l->arena, name, local->type,
                                           init->kind == N_INIT ? take_format(l->arena, "(%s)%s", type, value) : value));
}

/* The declaration of a variable can't stay as it is written. */
static bool needs_rewriting(const Node *var)
{
    const Local *local = var->local;
    return local->lowered || local->is_owed || local->home == HOME_PLACED ||
           (local->home == HOME_SAVED && (local->type->is_const || local->undefined_ok)) || mentions_itself(var);
}

/* What an expression in the declared type is evaluated for: bounds, and what typeof does. */
static void add_bounds(Lowerer *l, Buf *out, Node *var, int which)
{
    Node *expression = var->kids[which];
    bool lowered = false, some = false;
    for (const BoundUse *use = var->uses; use; use = use->next) {
        if (use->local->decl != expression)
            continue;
        if (!lowered)
            lower_operands(l, &var->kids[which], 1, out);
        lowered = true;
        add_bound(use->local, text_of(l, expression), out);
    }
    for (const BoundUse *use = var->local->type->bounds; use; use = use->next)
        some |= use->local->statement->kind == N_BOUND && expression->from <= use->local->statement->from &&
                use->local->statement->to <= expression->to;
    if (lowered || (!some && !has_effect(expression)))
        return;
    lower_operands(l, &var->kids[which], 1, out);
    add_format(out, "(void)(%s);\n", text_of(l, expression));
}

/* `ac_future(int) a = f(x);`: the call is made ready to be polled, in place. */
static void add_future(Lowerer *l, Buf *out, const Local *local, Node *call)
{
    lower_operands(l, call->kids, call->nkids, out);
    const char *args = call->nkids ? rendered(l->editor, call->args_from, call->args_to) : "";
    add_format(out, "%s__init(%s%s%s);\n", call->await->callee->name, address_of_child(l->fn, call->await), *args ? ", " : "", args);
    if (local->said)
        add_format(out, "%s = AC_PENDING;\n", place_of_local(l->fn, local->said));
}

static void add_variable(Lowerer *l, Buf *out, Node *var)
{
    Local *local = var->local;
    Node *init = var->kids[0];
    if (is_kept_future(local)) {
        add_future(l, out, local, init);
        return;
    }
    for (int i = 1; local->lowered && i < var->nkids; i++)
        add_bounds(l, out, var, i);
    if (local->kind == LOCAL_TYPEDEF)
        return;
    if (local->kind == LOCAL_STATIC) {
        add_static(l->fn, local, init ? bare_text(l, init) : NULL, init && init->kind == N_INIT, out);
        return;
    }
    if (local->cleanup && !local->is_owed)
        report(l->tu, ERROR, var->from, var->to, "the cleanup of '%s' stands in a declaration that is made anew: not supported yet",
               local->name);
    bool early = local->home != HOME_PLACED && mentions_itself(var);
    if (early && is_pointer_kept(local))
        add_variable_object(l->fn, local, NULL, out);
    else if (early)
        add_format(out, "%s;\n", declare(l->arena, local->type, local->name, true));
    if (init)
        lower_operands(l, &var->kids[0], 1, out);
    const char *value = init ? text_of(l, init) : NULL;
    if (early) {
        add_initialised(l, out, is_pointer_kept(local) ? place_of_local(l->fn, local) : local->name, local, init, value);
        return;
    }
    if (is_pointer_kept(local)) {
        add_variable_object(l->fn, local, value, out);
        return;
    }
    if (local->home != HOME_PLACED) {
        if (local->alignment)
            add_format(out, "_Alignas(%d) ", local->alignment);
        add(out, declare(l->arena, local->type, local->name, local->home == HOME_SAVED || local->type->kind != TYPE_ARRAY));
        if (value)
            add_format(out, " = %s", value);
        else if (local->undefined_ok)
            add_format(out, " = %s", zero_of(local->type));
        add(out, ";\n");
        return;
    }
    add_size_assertion(l->fn, local, out);
    const char *place = place_of_local(l->fn, local), *memory = memory_of(l->fn, local);
    if (!init)
        return;
    if (is_zero_init(l, init))
        add_format(out, "__builtin_memset(%s, 0, sizeof %s);\n", memory, place);
    else
        add_initialised(l, out, place, local, init, value);
}

static const char *begin_made(Lowerer *l, int offset)
{
    return take_format(l->arena, MARK "B%d" MARK, offset);
}

static const char *end_made(Lowerer *l, int offset)
{
    return take_format(l->arena, MARK "E%d" MARK, offset);
}

static bool must_split(const Node *node)
{
    for (int i = 0; i < node->nkids; i++)
        if (needs_rewriting(node->kids[i]) || (i && node->kids[i]->has_await))
            return true;
    return false;
}

/* Declarations as made text, each variable for itself. */
static void add_declarations(Lowerer *l, Buf *out, Node *node)
{
    const char *definition = kept_definition(l->editor, node->from, node->kids[0]->local->from);
    add(out, alias_tags(l->fn, node->from, node->to));
    if (definition)
        add_format(out, "%s;\n", definition);
    for (int i = 0; i < node->nkids; i++)
        add_variable(l, out, node->kids[i]);
}

static void add_aliases_before(Lowerer *l, const Node *node)
{
    const char *aliases = alias_tags(l->fn, node->from, node->to);
    if (*aliases)
        insert_before(l->editor, node->from, aliases);
}

/* Made text for a declaration names the types of all its variables. */
static void need_split_types(const Node *node)
{
    if (!node || node->kind == N_UNEVALUATED)
        return;
    if (node->kind == N_DECLARE && must_split(node))
        for (int i = 0; i < node->nkids; i++)
            need_tags(node->kids[i]->local->type);
    for (int i = 0; i < node->nkids; i++)
        need_split_types(node->kids[i]);
}

static void lower_declare(Lowerer *l, Node *node)
{
    bool split = must_split(node);
    if (!split)
        add_aliases_before(l, node);
    if (!split && !node->has_await)
        return;
    if (node->in_macro) {
        int at = node->from;
        for (int i = 0; i < node->nkids && !find_call(l->tu, at); i++)
            at = node->kids[i]->local->from; /* the name alone comes from one */
        expand_call(l, at);
        return;
    }
    if (!split) {
        Buf before = { .arena = l->arena };
        add(&before, begin_made(l, node->from));
        lower_operands(l, &node->kids[0]->kids[0], 1, &before);
        add(&before, end_made(l, node->from));
        insert_before(l->editor, node->from, before.text);
        return;
    }
    Buf out = { .arena = l->arena };
    add(&out, begin_made(l, node->from));
    size_t nothing = out.size;
    add_declarations(l, &out, node);
    /* A label before it needs a statement. */
    add_format(&out, MARK "E%d" MARK "%s", node->to, out.size == nothing ? ";" : "");
    replace_text(l->editor, node->from, node->to, out.text);
}

/* ---- statements ------------------------------------------------------------------------------------------ */

static void wrap(Lowerer *l, Node *node, const Buf *before)
{
    Buf open = { .arena = l->arena };
    add(&open, begin_made(l, node->from));
    add(&open, "{\n");
    add(&open, before->text ? before->text : "");
    add(&open, end_made(l, node->from));
    insert_before(l->editor, node->from, open.text);
    insert_after(l->editor, node->to, " }");
}

/* Before control leaves by a jump. */
static void pay_before(Lowerer *l, Node *jump)
{
    if (!next_owed(jump->owed, jump->kept))
        return;
    if (jump->in_macro && !owes_calls(jump->owed, jump->kept))
        return; /* a VLA's memory may go back later: by the next declaration, or at the end */
    check_editable(l, jump);
    Buf calls = { .arena = l->arena };
    add(&calls, begin_made(l, jump->from));
    add(&calls, "{\n");
    add_owed(l->fn, jump->owed, jump->kept, &calls);
    add(&calls, end_made(l, jump->from));
    insert_before(l->editor, jump->from, calls.text);
    insert_after(l->editor, jump->to, " }");
}

/* Where control falls out of a block. */
static void pay_at_end(Lowerer *l, Node *block)
{
    bool is_body = block == l->fn->body; /* memory goes with the frame's end, which is next */
    if (is_body ? !owes_calls(block->owed, block->kept) : !next_owed(block->owed, block->kept))
        return;
    const Node *last = last_of_block(block);
    if (last && (last->kind == N_RETURN || last->kind == N_GOTO || last->kind == N_BREAK || last->kind == N_CONTINUE))
        return;
    check_editable(l, block);
    Buf calls = { .arena = l->arena };
    add_format(&calls, "%s    ", begin_made(l, block->to - 1)); /* the brace comes next, and stands further left */
    if (is_body)
        add_owed_calls(l->fn, block->owed, block->kept, &calls);
    else
        add_owed(l->fn, block->owed, block->kept, &calls);
    add(&calls, end_made(l, block->to - 1));
    insert_after(l->editor, block->to - 1, calls.text);
}

/* `({ FREED char *s = get(); *s; })`: the value is taken before the block is left. */
static void keep_value(Lowerer *l, Node *block)
{
    Node *last = last_of_block(block);
    if (!next_owed(block->owed, block->kept) || !last || !last->type || last->type->kind == TYPE_VOID)
        return;
    check_editable(l, last);
    const char *statement = last == block->kids[block->nkids - 1] ? "" : "; "; /* a label needs one */
    bool list = last->kind == N_COMMA;
    insert_before(l->editor, last->from,
                  take_format(l->arena, "%s__auto_type %s__value = %s", statement, l->fn->name, list ? "(" : ""));
    insert_after(l->editor, last->to, list ? ")" : "");
    insert_after(l->editor, block->to - 1, take_format(l->arena, "%s__value; ", l->fn->name));
}

static void lower_return(Lowerer *l, Node *node)
{
    Fn *fn = l->fn;
    Node *value = node->kids[0];
    bool owes = owes_calls(node->owed, node->kept);
    Buf out = { .arena = l->arena };
    add(&out, begin_made(l, node->from));
    add(&out, owes ? "{\n" : "{ ");
    const char *result = NULL;
    if (value) {
        lower_operands(l, &node->kids[0], 1, &out);
        if (fn->result->kind == TYPE_VOID)
            add_discarded(l, &out, value);
        else if (!owes || value->kind == N_CONSTANT)
            result = text_of(l, value);
        else {
            result = take_format(l->arena, "%s__value", fn->name);
            add_format(&out, "%s = %s;\n", declare(l->arena, fn->result, result, true), text_of(l, value));
        }
    }
    add_owed_calls(fn, node->owed, node->kept, &out);
    bool in_result = value && value->in_result && !(value->kind == N_AWAIT && wants_value(value->await));
    if (result && !fn->gives_value && (owes || !in_result))
        add_format(&out, "%s%s", assignment(l->arena, take_format(l->arena, "%s->result", fn->self), fn->result, result),
                   owes ? "\n" : " ");
    add_format(&out, owes ? "%sreturn %s;\n}" : "%sreturn %s; }", free_blocks(fn), leaving(fn, "AC_READY", result));
    add_format(&out, MARK "E%d" MARK, node->to);
    replace_text(l->editor, node->from, node->to, out.text);
}

static const char *exit_unless(Lowerer *l, Node *test, Buf *before)
{
    lower_operands(l, &test, 1, before);
    add_format(before, "if (!(%s))\n    break;\n", text_of(l, test));
    return before->text;
}

static void lower_body_of_loop(Lowerer *l, Node *body, const Node *loop_node, Loop *loop)
{
    loop->outer = l->loop;
    l->loop = loop;
    lower_stmt(l, body, loop_node);
    l->loop = loop->outer;
}

static const char *new_continue(Lowerer *l)
{
    return take_format(l->arena, "%s__continue%d", l->fn->name, ++l->nloops);
}

static void lower_while(Lowerer *l, Node *node)
{
    Node *test = node->kids[0], *body = node->kids[1];
    Loop loop = { 0 };
    lower_body_of_loop(l, body, node, &loop);
    if (!test->has_await)
        return;
    check_editable(l, node);
    Buf out = { .arena = l->arena };
    add(&out, begin_made(l, node->from));
    add(&out, "for (;;) {\n");
    Buf before = { .arena = l->arena };
    add(&out, exit_unless(l, test, &before));
    add(&out, end_made(l, body->from));
    replace_text(l->editor, node->from, body->from, out.text);
    insert_after(l->editor, body->end, " }");
}

static void lower_do(Lowerer *l, Node *node)
{
    Node *body = node->kids[0], *test = node->kids[1];
    Loop loop = { .label = test->has_await ? new_continue(l) : NULL };
    lower_body_of_loop(l, body, node, &loop);
    if (!test->has_await)
        return;
    check_editable(l, node);
    replace_text(l->editor, node->from, body->from, take_format(l->arena, "for (;;) { "));
    Buf out = { .arena = l->arena };
    add(&out, begin_made(l, test->from));
    if (loop.used)
        add_format(&out, "%s:;\n", loop.label);
    Buf before = { .arena = l->arena };
    add(&out, exit_unless(l, test, &before));
    add(&out, "}");
    add(&out, end_made(l, node->to));
    replace_text(l->editor, body->end, node->to, out.text);
}

static void lower_for(Lowerer *l, Node *node)
{
    Node *init = node->kids[0], *test = node->kids[1], *step = node->kids[2], *body = node->kids[3];
    const char *aliases = init ? alias_tags(l->fn, init->from, init->to) : "";
    bool split_init = init && (init->kind == N_DECLARE ? init->has_await || must_split(init) || *aliases : init->has_await);
    bool split_test = test && test->has_await, split_step = step && step->has_await;
    Loop loop = { .label = split_step ? new_continue(l) : NULL };
    lower_body_of_loop(l, body, node, &loop);
    if (!split_init && !split_test && !split_step)
        return;
    check_editable(l, node);
    const Editor *e = l->editor;
    Buf head = { .arena = l->arena };
    add(&head, begin_made(l, node->from));
    if (split_init) {
        add(&head, "{\n");
        add(&head, aliases);
        if (init->kind == N_DECLARE) {
            add_declarations(l, &head, init);
        } else {
            lower_operands(l, &node->kids[0], 1, &head);
            add_discarded(l, &head, init);
        }
        add(&head, "for (; ");
    } else if (!init) {
        add(&head, "for (; ");
    } else {
        const char *text = rendered(e, init->from, init->to);
        size_t size = strlen(text);
        add_format(&head, "for (%s%s", text, size && text[size - 1] == ';' ? " " : "; ");
    }
    if (test && !split_test)
        add(&head, rendered(e, test->from, test->to));
    add(&head, "; ");
    if (step && !split_step)
        add(&head, rendered(e, step->from, step->to));
    add(&head, ") {\n");
    if (split_test) {
        Buf before = { .arena = l->arena };
        add(&head, exit_unless(l, test, &before));
    }
    add(&head, end_made(l, body->from));
    replace_text(l->editor, node->from, body->from, head.text);

    Buf tail = { .arena = l->arena };
    if (split_step) {
        add(&tail, begin_made(l, step->from));
        if (loop.used)
            add_format(&tail, "%s:;\n", loop.label);
        lower_operands(l, &node->kids[2], 1, &tail);
        add_discarded(l, &tail, step);
        add(&tail, end_made(l, body->end));
    }
    add(&tail, " }");
    if (next_owed(node->owed, node->kept)) {
        add_format(&tail, "%s\n", begin_made(l, body->end));
        add_owed(l->fn, node->owed, node->kept, &tail);
        add(&tail, end_made(l, body->end));
    }
    if (split_init)
        add(&tail, " }");
    insert_after(l->editor, body->end, tail.text);
}

static void lower_expression_statement(Lowerer *l, Node *node, const Node *parent)
{
    if (!node->has_await)
        return;
    if (node->in_macro) {
        expand_call(l, node->from);
        return;
    }
    Buf before = { .arena = l->arena };
    add(&before, "");
    int to = node->end;
    lower_operands(l, &node, 1, &before);
    const Node *core = node;
    while (core->kind == N_OTHER && core->op == '(' && core->nkids == 1)
        core = core->kids[0];
    Buf out = { .arena = l->arena };
    bool block = parent->kind != N_COMPOUND || core->kind != N_AWAIT;
    if (core->kind == N_AWAIT && core->nkids && strncmp(before.text, "if (", 4))
        block = true;
    add(&out, begin_made(l, node->from));
    add(&out, block ? "{\n" : "");
    add(&out, before.text);
    add_discarded(l, &out, core);
    add(&out, block ? "}" : "");
    add(&out, end_made(l, to));
    replace_text(l->editor, node->from, to, out.text);
}

/* Statement expressions without an await stay where they are, but what stands in them is lowered too:
 * a return in one still leaves the poll function. */
static void lower_quiet_blocks(Lowerer *l, Node *node)
{
    if (!node || node->kind == N_UNEVALUATED)
        return;
    if (node->kind == N_STMT_EXPR) {
        if (!node->has_await) {
            lower_stmt(l, node->kids[0], node);
            if (!node->discarded)
                keep_value(l, node->kids[0]);
        }
        return;
    }
    for (int i = 0; i < node->nkids; i++)
        lower_quiet_blocks(l, node->kids[i]);
}

static void lower_stmt(Lowerer *l, Node *node, const Node *parent)
{
    if (!node)
        return;
    if (node->type || node->kind == N_DECLARE || node->kind == N_RETURN || node->kind == N_ASM ||
        node->kind == N_GOTO_ANY)
        lower_quiet_blocks(l, node);
    else if (node->kind == N_DO)
        lower_quiet_blocks(l, node->kids[1]);
    else if (node->kind == N_IF || node->kind == N_WHILE || node->kind == N_SWITCH || node->kind == N_FOR)
        for (int i = 0; i < (node->kind == N_FOR ? 3 : 1); i++)
            lower_quiet_blocks(l, node->kids[i]);
    switch (node->kind) {
    case N_COMPOUND:
        for (int i = 0; i < node->nkids; i++)
            lower_stmt(l, node->kids[i], node);
        pay_at_end(l, node);
        return;
    case N_CASE:
    case N_LABEL:
        if (node->nkids)
            lower_stmt(l, node->kids[0], node);
        return;
    case N_DECLARE:
        lower_declare(l, node);
        return;
    case N_IF:
    case N_SWITCH: {
        Loop *outer = l->loop;
        for (int i = 1; i < node->nkids; i++)
            lower_stmt(l, node->kids[i], node);
        l->loop = outer;
        if (!node->kids[0]->has_await)
            return;
        check_editable(l, node);
        Buf before = { .arena = l->arena };
        lower_operands(l, &node->kids[0], 1, &before);
        wrap(l, node, &before);
        return;
    }
    case N_WHILE:
        lower_while(l, node);
        return;
    case N_DO:
        lower_do(l, node);
        return;
    case N_FOR:
        lower_for(l, node);
        return;
    case N_RETURN:
        lower_return(l, node);
        return;
    case N_CONTINUE:
        if (l->loop && l->loop->label) {
            l->loop->used = true;
            check_editable(l, node);
            int end = node->from + 8;
            replace_text(l->editor, node->from, end, take_format(l->arena, "goto %s", l->loop->label));
        }
        pay_before(l, node);
        return;
    case N_ASM:
    case N_GOTO_ANY:
        if (node->has_await) {
            check_editable(l, node);
            Buf before = { .arena = l->arena };
            lower_operands(l, node->kids, node->nkids, &before);
            wrap(l, node, &before);
        }
        return;
    case N_BREAK:
    case N_GOTO:
        pay_before(l, node);
        return;
    case N_EMPTY:
        if (node->op == 'a')
            replace_text(l->editor, node->from, node->to, "");
        if (node->op == 's')
            insert_before(l->editor, node->from, "static ");
        if (node->op == 'd') {
            replace_text(l->editor, node->from, node->to, ";");
            return;
        }
        /* What used the typedef may be made text now, which says the type itself. */
        if (node->op == 't' && !node->in_macro && !find_call(l->tu, node->from))
            insert_before(l->editor, node->from, "AC__UNUSED ");
        add_aliases_before(l, node);
        return;
    default:
        if (node->type)
            lower_expression_statement(l, node, parent);
        return;
    }
}

/* ---- names in the frame, and what is not evaluated ------------------------------------------------------------ */

static bool is_word(char c)
{
    return c == '_' || (c | 32) - 'a' + 0u < 26u || c - '0' + 0u < 10u;
}

static void edit_ref(Lowerer *l, const Node *node, bool evaluated)
{
    const Local *local = node->local;
    bool takes = evaluated && local->is_nulled && !node->is_lvalue && !node->tested;
    if (local->home != HOME_PLACED && !is_pointer_kept(local) && !takes)
        return;
    size_t size = strlen(local->name);
    const char *text = l->tu->source->text;
    bool there = !node->in_macro && !strncmp(text + node->from, local->name, size) && !is_word(text[node->from + (int)size]);
    const Change *call = find_call(l->tu, node->from);
    bool hashed = call && call->text; /* the macro stringises or pastes */
    if (!there || hashed) {
        expand_call(l, node->from);
        return;
    }
    const char *place = takes ? take_format(l->arena, "ac__take(%s)", local->name) : place_of_local(l->fn, local);
    replace_text(l->editor, node->from, node->from + (int)size, place);
}

static void edit_literal(Lowerer *l, const Node *node)
{
    const Local *local = node->local;
    if (local->home != HOME_PLACED)
        return;
    if (node->in_macro) {
        expand_call(l, node->from);
        return;
    }
    const char *self = l->fn->self, *field = local->slot->name;
    const char *type = declare(l->arena, local->type, local->type->kind == TYPE_ARRAY ? "(*)" : "*", true);
    bool is_value = node->op == 'v';
    Buf open = { .arena = l->arena };
    add_format(&open, "(*(%s)__builtin_memcpy((void *)%s, ", type, memory_of(l->fn, local));
    if (is_value)
        add_format(&open, "(%s){ (", declare(l->arena, local->type, "[1]", true));
    else
        add(&open, "&");
    insert_before(l->editor, node->from, open.text);
    insert_after(l->editor, node->to, take_format(l->arena, "%s, sizeof %s->%s))", is_value ? ") }" : "", self, field));
}

/* alloca(n): memory that goes when the function ends, suspended or not. */
static void edit_alloca(Lowerer *l, const Node *node)
{
    const char *text = l->tu->source->text;
    int place = node->from >= 0 ? node->from : node->kids[0]->from; /* the first is nowhere in a header's macro */
    const Change *call = find_call(l->tu, place);
    int from = call ? call->from : node->kids[0]->from;
    Token name = next_token(text, from, l->tu->source->size), open = next_token(text, name.to, l->tu->source->size);
    bool known = token_is(text, name, "alloca") || token_is(text, name, "__builtin_alloca") ||
                 token_is(text, name, "__builtin_alloca_with_align");
    if (!known || !token_is(text, open, "(") || (call && call->text)) {
        expand_call(l, place);
        return;
    }
    replace_text(l->editor, name.from, open.to,
                 take_format(l->arena, "%s(&%s->ac__blocks, ", node->op == 'B' ? "ac__alloca_with_align" : "ac__alloca",
                             l->fn->self));
}

/* A _Generic whose choice is known: the probe goes, and what is not chosen. */
static void edit_generic(Lowerer *l, const Node *node)
{
    replace_text(l->editor, node->args_from, node->kids[0]->from, "");
    replace_text(l->editor, node->kids[0]->to, node->args_to, "");
    for (int i = 1; i < node->nkids; i++) {
        const Node *kid = node->kids[i];
        if (kid->kind == N_UNEVALUATED && (kid->op == 'n' || kid->op == 'y'))
            replace_text(l->editor, kid->from, kid->to, kid->op == 'n' ? "ac__not_chosen()" : "(void)0");
    }
}

static void edit_names(Lowerer *l, Node *node, bool evaluated)
{
    if (!node)
        return;
    switch (node->kind) {
    case N_OTHER:
        if (node->op == 'G')
            edit_generic(l, node);
        break;
    case N_REF:
        edit_ref(l, node, evaluated);
        return;
    case N_LITERAL:
        if (evaluated)
            edit_literal(l, node);
        break;
    case N_UNEVALUATED:
        if (node->op == 'n' || node->op == 'y')
            return; /* edit_generic has replaced it */
        evaluated = false;
        break;
    case N_BOUND:
        if (node->local->lowered) {
            replace_text(l->editor, node->from, node->from + 1, take_format(l->arena, "[%s = (", node->local->name));
            replace_text(l->editor, node->to - 1, node->to, ")]");
        }
        break;
    case N_AWAIT:
        if (!evaluated || !node->await) {
            replace_text(l->editor, node->from, node->to,
                         take_format(l->arena, "(*(%s)0)", declare(l->arena, node->type, "*", true)));
            return;
        }
        edit_names(l, node->await->choice, true);
        break;
    case N_CALL:
        if (node->op && l->fn->has_blocks)
            edit_alloca(l, node);
        break;
    case N_SPAWN:
        if (node->through_pointer) {
            spawn_pointer(l->editor, node);
            break;
        }
        replace_text(l->editor, node->from, node->name_to, take_format(l->arena, "%s__%s", node->callee->name, runner_of(node)));
        replace_text(l->editor, node->args_to + 1, node->to, "");
        break;
    default:
        break;
    }
    for (int i = 0; i < node->nkids; i++)
        edit_names(l, node->kids[i], evaluated);
}

/* #if and the like, with what they leave out: decided here, so they aren't decided again in the output. */
static void drop_conditionals(Lowerer *l)
{
    const char *text = l->tu->source->text;
    const Node *body = l->fn->body;
    for (Token token = next_conditional(text, body->from, body->to); token.kind != T_END;
         token = next_conditional(text, token.to, body->to))
        replace_text(l->editor, token.from, token.to, "");
    for (int i = 0; i < l->tu->nskipped; i++) {
        Change skip = l->tu->skipped[i];
        if (skip.from <= l->fn->body->from || skip.to >= l->fn->body->to)
            continue;
        /* From the # that begins it to the # of the directive that ends it. */
        while (skip.from > l->fn->body->from && text[skip.from] != '#' && text[skip.from - 1] != '\n')
            skip.from--;
        while (skip.to > skip.from && text[skip.to - 1] != '\n')
            skip.to--;
        replace_text(l->editor, skip.from, skip.to, "");
    }
}

bool lower_body(Fn *fn, Editor *editor)
{
    Lowerer l = { .fn = fn, .tu = fn->tu, .arena = editor->arena, .editor = editor, .ok = true };
    edit_pointers(fn->tu, editor);
    drop_conditionals(&l);
    bool has_tags = false;
    for (int i = 0; i < fn->nlocals; i++)
        has_tags |= fn->locals[i]->type->tags != NULL;
    if (has_tags)
        need_split_types(fn->body);
    for (int i = 0; i < fn->nawaits; i++) {
        const Fn *callee = fn->awaits[i]->callee;
        for (int k = 0; callee && callee->is_pointer && k < callee->nparams; k++)
            need_tags(callee->params[k]->type);
    }
    l.ok = name_tags(fn, editor);
    l.ok &= edit_type_uses(fn, editor);
    for (int i = 0; i < fn->nparams; i++)
        if (fn->params[i]->lowered)
            edit_names(&l, fn->params[i]->decl, true);
    edit_names(&l, fn->body, true);
    lower_stmt(&l, fn->body, NULL);
    return check_aliases(fn) && l.ok;
}

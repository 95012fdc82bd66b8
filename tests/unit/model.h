/* model.h - functions for the compiler's passes, built by hand.
 *
 *     Local *n = param("n", int_type);
 *     function(list(expression(await(leaf("g", 8, 8))), statement(N_RETURN, use(n))));
 *     build_cfg(fn);
 *     ck_assert_str_eq(dump("cfg"), "...");
 *
 * Each test runs in a process of its own (or with a fresh model after start_model), so what is built
 * hangs off file-level variables. Offsets are all 0 unless a test sets them: there is no text. */
#ifndef MODEL_H
#define MODEL_H
#include "asyncc.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static Tu *tu;
static Fn *fn;
static Type *int_type, *void_type, *pointer_type;

__attribute__((unused)) static Type *type_of(enum type_kind kind, const char *before, int64_t size, int align)
{
    Type *type = take(tu->arena, sizeof *type);
    *type = (Type){ .kind = kind, .before = before, .after = "", .size = size, .align = align };
    type->bare_before = before;
    type->bare_after = "";
    return type;
}

__attribute__((unused)) static Type *record(int64_t size, int align)
{
    return type_of(TYPE_RECORD, "struct record ", size, align);
}

static Fn *add_function(const char *name)
{
    Fn *added = take(tu->arena, sizeof *added);
    added->tu = tu;
    added->name = name;
    added->result = int_type;
    *push(tu->arena, tu->fns, tu->nfns, tu->fns_room) = added;
    return added;
}

static void start_model(void)
{
    Arena *arena = new_arena();
    tu = take(arena, sizeof *tu);
    tu->arena = arena;
    tu->scratch = new_arena();
    tu->work = arena;
    tu->out.arena = arena;
    int_type = type_of(TYPE_SCALAR, "int ", 4, 4);
    pointer_type = type_of(TYPE_SCALAR, "char *", 8, 8);
    void_type = type_of(TYPE_VOID, "void ", -1, 1);
    fn = add_function("f");
    fn->body = take(arena, sizeof *fn->body);
}

static void end_model(void)
{
    free_arena(tu->scratch);
    free_arena(tu->arena);
}

/* A future by hand. */
__attribute__((unused)) static Fn *leaf(const char *name, int64_t size, int align)
{
    Fn *callee = add_function(name);
    callee->is_leaf = true;
    callee->frame_size = size;
    callee->frame_align = align;
    callee->frame_type = take_format(tu->arena, "struct %s__frame", name);
    return callee;
}

/* ---- locals ---- */

__attribute__((unused)) static Local *local(enum local_kind kind, const char *name, Type *type)
{
    Local *local = take(tu->arena, sizeof *local);
    *local = (Local){ .name = name, .field = name, .kind = kind, .type = type, .index = fn->nlocals };
    local->used = true;
    local->in_place = type->kind != TYPE_SCALAR;
    *push(tu->arena, fn->locals, fn->nlocals, fn->locals_room) = local;
    return local;
}

__attribute__((unused)) static Local *param(const char *name, Type *type)
{
    Local *param = local(LOCAL_PARAM, name, type);
    fn->params = fn->locals;
    fn->nparams = fn->nlocals;
    return param;
}

__attribute__((unused)) static Local *var(const char *name, Type *type) { return local(LOCAL_VAR, name, type); }
__attribute__((unused)) static Local *temp(const char *name) { return local(LOCAL_TEMP, name, int_type); }

/* ---- nodes: list(a, b) is { a; b; }, node(N_CALL, f, a) is f(a) ---- */

static Node *make_node(enum node_kind kind, int nkids, Node **kids)
{
    Node *node = take(tu->arena, sizeof *node);
    node->kind = kind;
    node->type = int_type;
    node->nkids = nkids;
    node->kids = take(tu->arena, sizeof *kids * (size_t)(nkids + 1));
    for (int i = 0; i < nkids; i++) {
        node->kids[i] = kids[i];
        if (kids[i] && kids[i]->has_await && kind != N_UNEVALUATED)
            node->has_await = true;
    }
    return node;
}

#define KIDS(...) (int)(sizeof((Node *[]){ __VA_ARGS__ }) / sizeof(Node *)), (Node *[]){ __VA_ARGS__ }
#define node(kind, ...) make_node((kind), KIDS(__VA_ARGS__))
#define list(...) make_node(N_COMPOUND, KIDS(__VA_ARGS__))
#define bare(kind) make_node((kind), 0, NULL)
#define await(callee, ...) make_await((callee), KIDS(NULL, ##__VA_ARGS__))

__attribute__((unused)) static Node *use(Local *local)
{
    Node *node = bare(N_REF);
    node->local = local;
    node->type = local->type;
    return node;
}

/* The local as a place. */
__attribute__((unused)) static Node *at(Local *local)
{
    Node *node = use(local);
    node->is_lvalue = true;
    return node;
}

/* A member of what is at `base`. */
__attribute__((unused)) static Node *member(Node *base)
{
    Node *node = node(N_OTHER, base);
    node->is_lvalue = true;
    return node;
}

__attribute__((unused)) static Node *assign(Node *left, Node *right) { return node(N_ASSIGN, left, right); }

__attribute__((unused)) static Node *declare_var(Local *local, Node *value)
{
    Node *node = node(N_VAR, value);
    node->local = local;
    local->decl = node;
    return node;
}

__attribute__((unused)) static Node *constant(void) { return bare(N_CONSTANT); }

/* await f(kids), whose value goes to a result r1, r2, ... if it has one: see drop(). kids[0] is null. */
__attribute__((unused)) static Node *make_await(Fn *callee, int nkids, Node **kids)
{
    Node *node = make_node(N_AWAIT, nkids - 1, kids + 1);
    Await *await = take(tu->arena, sizeof *await);
    *await = (Await){ .node = node, .callee = callee, .state = fn->nawaits + 1 };
    await->type = node->type = callee ? callee->result : int_type;
    *push(tu->arena, fn->awaits, fn->nawaits, fn->awaits_room) = await;
    node->await = await;
    node->has_await = true;
    if (await->type->kind != TYPE_VOID)
        await->result = local(LOCAL_TEMP, take_format(tu->arena, "r%d", await->state), await->type);
    return node;
}

/* The await's value is read from the child's frame, or isn't read at all. */
__attribute__((unused)) static Node *drop(Node *node)
{
    node->discarded = true;
    node->await->result = NULL;
    return node;
}

__attribute__((unused)) static Node *read_in_place(Node *node)
{
    node->await->result = NULL;
    return node;
}

__attribute__((unused)) static Node *into(Local *temp, Node *node)
{
    node->temp = temp;
    return node;
}

__attribute__((unused)) static Node *label(const char *name, Node *statement)
{
    Node *node = node(N_LABEL, statement);
    node->name = name;
    return node;
}

__attribute__((unused)) static Node *jump(const char *name)
{
    Node *node = bare(N_GOTO);
    node->name = name;
    return node;
}

__attribute__((unused)) static Node *take_address(Local *local)
{
    local->address_taken = local->in_place = true;
    return node(N_ADDRESS, at(local));
}

/* The scope ends the life of these locals. */
__attribute__((unused)) static Node *scope(Node *node, Local *a, Local *b)
{
    a->scope = node;
    if (b)
        b->scope = node;
    return node;
}

__attribute__((unused)) static void function(Node *body) { fn->body = body; }

/* What --dump=PASS says of f, without the name. */
__attribute__((unused)) static const char *dump(const char *pass)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    Tu alone = *tu;
    alone.fns = &fn;
    alone.nfns = 1;
    dump_functions(&alone, pass, out);
    fclose(out);
    char *copy = take_text(tu->arena, text + 2, size - 2);
    free(text);
    return copy;
}

/* main's: runs the cases, says "N passed, N failed". */
__attribute__((unused)) static int run_cases(const char *name, const TTest *const *cases, int ncases)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, start_model, end_model);
    tcase_set_timeout(tcase, 60);
    for (int i = 0; i < ncases; i++)
        tcase_add_test(tcase, cases[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int nfailed = srunner_ntests_failed(runner);
    printf("%d passed, %d failed\n", srunner_ntests_run(runner) - nfailed, nfailed);
    srunner_free(runner);
    return nfailed != 0;
}
#define RUN_CASES(name, ...)                                                        \
    int main(void)                                                                  \
    {                                                                               \
        static const TTest **const cases[] = { __VA_ARGS__ };                 \
        const TTest *all[sizeof cases / sizeof *cases];                             \
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)                   \
            all[i] = *cases[i];                                                     \
        return run_cases(name, all, (int)(sizeof cases / sizeof *cases));           \
    }

#endif

/* scopes.c - what is owed at each way out of a scope, innermost first, and whose cleanups the output calls. */
#include "model.h"

static Fn *g;

static Node *hold(Local *local, const char *cleanup)
{
    local->cleanup = cleanup;
    Node *declaration = node(N_DECLARE, declare_var(local, constant()));
    local->statement = declaration;
    declaration->type = NULL;
    return declaration;
}

/* Names of what is owed, innermost first. */
static const char *owed(const Owed *list, const Owed *kept)
{
    Buf names = { .arena = tu->arena };
    add(&names, "");
    for (list = next_owed(list, kept); list; list = next_owed(list->outer, kept))
        add_format(&names, "%s ", list->local->name);
    return names.text;
}
#define check_owed(node, names) ck_assert_str_eq(owed((node)->owed, (node)->kept), (names))

static Local *held(const char *name) { return var(name, int_type); }

START_TEST(a_return_owes_all_that_is_open_and_a_break_what_the_loop_opened)
{
    g = leaf("g", 8, 8);
    Local *a = held("a"), *b = held("b"), *c = held("c");
    Node *leave = bare(N_BREAK), *again = bare(N_CONTINUE), *back = node(N_RETURN, constant()), *wait = await(g);
    Node *block = list(hold(c, "drop"), again, back, wait), *loop_body = list(hold(b, "drop"), leave, block);
    Node *loop = node(N_WHILE, constant(), loop_body), *body = list(hold(a, "drop"), loop);
    function(scope(body, a, NULL));
    scope(loop_body, b, NULL);
    scope(block, c, NULL);
    find_owed(fn);
    check_owed(leave, "b ");
    check_owed(again, "c b ");
    check_owed(back, "c b a ");
    check_owed(block, "c ");
    check_owed(loop_body, "b ");
    check_owed(body, "a ");
    ck_assert_str_eq(owed(wait->await->owed, NULL), "c b a ");
}
END_TEST

START_TEST(a_variable_is_owed_when_its_initialiser_is_done)
{
    g = leaf("g", 8, 8);
    Local *a = held("a"), *b = held("b");
    Node *wait = await(g), *second = hold(b, "drop");
    second->kids[0]->kids[0] = wait;
    second->has_await = true;
    function(list(hold(a, "drop"), second));
    scope(fn->body, a, b);
    find_owed(fn);
    ck_assert_str_eq(owed(wait->await->owed, NULL), "a ");
    ck_assert(b->is_owed);
    check_owed(fn->body, "b a ");
}
END_TEST

START_TEST(a_goto_owes_what_is_not_open_at_its_label)
{
    g = leaf("g", 8, 8);
    Local *a = held("a"), *b = held("b"), *c = held("c");
    Node *back = jump("again"), *out = jump("out"), *wait = await(g);
    Node *block = list(hold(c, "drop"), wait, back, out);
    function(list(hold(a, "drop"), label("again", bare(N_EMPTY)), list(hold(b, "drop"), block), label("out", bare(N_EMPTY))));
    scope(fn->body, a, NULL);
    scope(fn->body->kids[2], b, NULL);
    scope(block, c, NULL);
    find_owed(fn);
    check_owed(back, "c b ");
    check_owed(out, "c b ");
}
END_TEST

START_TEST(where_no_await_stands_it_is_the_compilers)
{
    g = leaf("g", 8, 8);
    Local *a = held("a"), *b = held("b");
    Node *back = node(N_RETURN, constant()), *block = list(hold(a, "drop"), back);
    function(list(block, await(g), hold(b, "drop")));
    scope(block, a, NULL);
    scope(fn->body, b, NULL);
    find_owed(fn);
    ck_assert(!a->is_owed && !b->is_owed);
    check_owed(back, "");
    check_owed(fn->body, "");
}
END_TEST

START_TEST(what_is_left_with_an_outer_one_that_is_owed_is_owed_too)
{
    g = leaf("g", 8, 8);
    Local *outer = held("outer"), *left = held("left"), *stays = held("stays");
    Node *back = node(N_RETURN, constant());
    Node *with_return = list(hold(left, "drop"), back), *without = list(hold(stays, "drop"));
    function(list(hold(outer, "drop"), await(g), with_return, without));
    scope(fn->body, outer, NULL);
    scope(with_return, left, NULL);
    scope(without, stays, NULL);
    find_owed(fn);
    ck_assert(outer->is_owed && left->is_owed && !stays->is_owed);
    check_owed(back, "left outer ");
    check_owed(with_return, "left ");
    check_owed(without, "");
}
END_TEST

RUN_CASES("scopes", &a_return_owes_all_that_is_open_and_a_break_what_the_loop_opened,
          &a_variable_is_owed_when_its_initialiser_is_done, &a_goto_owes_what_is_not_open_at_its_label,
          &where_no_await_stands_it_is_the_compilers, &what_is_left_with_an_outer_one_that_is_owed_is_owed_too)

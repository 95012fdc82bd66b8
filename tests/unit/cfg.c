/* cfg.c - the order of events, statement form by statement form. A block is shown as
 *     index:  events / how it ends -> where to */
#include "model.h"

static Fn *g;

static void fixture(void)
{
    g = leaf("g", 8, 8);
}

START_TEST(operands_before_an_await_go_to_temporaries_first)
{
    fixture();
    Local *a = param("a", int_type), *b = param("b", int_type), *c = param("c", int_type), *t = temp("t");
    /* a + await g(b) + c: a waits in t, c is read when all is added up */
    function(list(node(N_OTHER, node(N_OTHER, into(t, use(a)), await(g, use(b))), use(c))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a, def t, use b\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use t, use r1, use c\n    return\n");
}
END_TEST

START_TEST(an_assignment_evaluates_its_right_side_first)
{
    fixture();
    Local *x = var("x", int_type), *y = param("y", int_type);
    function(list(assign(at(x), use(y)), assign(at(x), await(g, use(x)))));
    fn->body->kids[1]->op = '+'; /* x += await g(x) */
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use y, def x, use x\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1, use x, def x\n    return\n");
}
END_TEST

START_TEST(a_member_is_a_part_and_its_subscripts_are_read)
{
    fixture();
    Local *s = var("s", record(16, 4)), *i = param("i", int_type), *p = param("p", pointer_type);
    Node *element = node(N_OTHER, member(at(s)), use(i)); /* s.m[i] */
    element->is_lvalue = true;
    Node *pointed = node(N_OTHER, use(p)); /* *p */
    pointed->is_lvalue = true;
    function(list(assign(element, constant()), assign(pointed, use(i)), node(N_STEP, at(i))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use i, part s, use i, use p, use i, def i\n    return\n");
}
END_TEST

START_TEST(a_scalar_in_parentheses_is_assigned_whole)
{
    fixture();
    Local *x = var("x", int_type);
    Node *wrapped = node(N_OTHER, at(x));
    wrapped->is_lvalue = true;
    function(list(assign(wrapped, constant())));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    def x\n    return\n");
}
END_TEST

START_TEST(an_address_is_an_event_and_so_is_an_array_that_decays)
{
    fixture();
    Local *x = var("x", int_type), *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    line->address_taken = true;
    function(list(take_address(x), node(N_ADDRESS, member(at(line))), await(g, at(line))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    address x, address line, address line\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1\n    return\n");
}
END_TEST

START_TEST(operands_that_only_read_need_no_branch)
{
    fixture();
    Local *a = param("a", int_type), *b = param("b", int_type), *c = param("c", int_type);
    function(list(node(N_AND, use(a), node(N_OR, use(b), use(c))), node(N_COND, use(a), use(b), use(c))));
    build_cfg(fn);
    ck_assert_int_eq(fn->nblocks, 1);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a, use b, use c, use a, use b, use c\n    return\n");
}
END_TEST

START_TEST(a_conditional_assignment_is_on_one_path_only)
{
    fixture();
    Local *a = param("a", int_type), *x = var("x", int_type);
    function(list(node(N_AND, use(a), assign(at(x), constant())), use(x)));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a\n    branch -> 1, 2\n"
                                  "  1:\n    def x\n    jump -> 2\n"
                                  "  2:\n    use x\n    return\n");
}
END_TEST

START_TEST(an_await_on_the_right_of_and_is_a_branch_with_a_temporary)
{
    fixture();
    Local *a = param("a", int_type), *t = temp("t"), *x = var("x", int_type);
    function(list(assign(at(x), into(t, node(N_AND, use(a), await(g))))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a\n    branch -> 1, 3\n"
                                  "  1:\n    await 1 g -> 2\n"
                                  "  2:\n    def r1, use r1\n    jump -> 3\n"
                                  "  3:\n    def t, use t, def x\n    return\n");
}
END_TEST

START_TEST(an_await_on_the_left_of_and_is_awaited_once)
{
    fixture();
    Local *b = param("b", int_type), *x = var("x", int_type);
    function(list(node(N_AND, await(g), use(b)), node(N_OR, await(g), assign(at(x), constant()))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1, use b\n    await 2 g -> 2\n"
                                  "  2:\n    def r2, use r2\n    branch -> 4, 3\n"
                                  "  3:\n    def x\n    jump -> 4\n"
                                  "  4:\n    return\n");
}
END_TEST

START_TEST(a_comma_evaluates_its_left_before_an_await_on_its_right)
{
    fixture();
    Local *a = param("a", int_type), *b = param("b", int_type);
    function(list(node(N_COMMA, use(a), await(g, use(b)))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a, use b\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1\n    return\n");
}
END_TEST

START_TEST(awaits_in_both_arms_of_a_condition_exclude_each_other)
{
    fixture();
    Local *a = param("a", int_type);
    function(list(node(N_COND, use(a), drop(await(g)), drop(await(g)))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a\n    branch -> 1, 3\n"
                                  "  1:\n    await 1 g -> 2\n  2:\n    jump -> 5\n"
                                  "  3:\n    await 2 g -> 4\n  4:\n    jump -> 5\n"
                                  "  5:\n    return\n");
}
END_TEST

START_TEST(a_statement_expression_runs_in_its_place)
{
    fixture();
    Local *x = var("x", int_type), *t = temp("t");
    function(list(into(t, node(N_STMT_EXPR, list(declare_var(x, await(g)), use(x))))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1, def x, use x, def t, use t\n    return\n");
}
END_TEST

START_TEST(what_is_not_evaluated_has_no_events)
{
    fixture();
    Local *x = var("x", int_type);
    function(list(node(N_UNEVALUATED, assign(at(x), use(x)))));
    build_cfg(fn);
    ck_assert_int_eq(fn->blocks[0]->nevents, 0);
}
END_TEST

START_TEST(a_declaration_ends_what_was_before_it)
{
    fixture();
    Local *x = var("x", int_type), *y = var("y", int_type), *s = var("s", record(16, 8));
    function(list(node(N_DECLARE, declare_var(x, NULL), declare_var(y, use(x))),
                  declare_var(s, node(N_INIT, take_address(s)))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    declare x, use x, def y, declare s, address s, def s\n    return\n");
}
END_TEST

START_TEST(a_vla_comes_into_being_at_its_declaration)
{
    fixture();
    Local *n = param("n", int_type), *v = var("v", type_of(TYPE_ARRAY, "int ", -1, 4));
    v->type->variable_size = true;
    function(list(node(N_VAR, NULL, use(n))));
    fn->body->kids[0]->local = v;
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use n, declare v, def v\n    return\n");
}
END_TEST

START_TEST(a_compound_literal_is_assigned_where_it_is_evaluated)
{
    fixture();
    Local *object = local(LOCAL_LITERAL, "f__lit1", record(16, 8)), *n = param("n", int_type);
    Node *literal = node(N_LITERAL, node(N_INIT, use(n)));
    literal->local = object;
    literal->is_lvalue = true;
    object->address_taken = true;
    function(list(await(g, node(N_ADDRESS, literal))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use n, def f__lit1, address f__lit1\n    await 1 g -> 1\n"
                                  "  1:\n    def r1, use r1\n    return\n");
}
END_TEST

START_TEST(if_and_else_meet_again)
{
    fixture();
    Local *a = param("a", int_type), *x = var("x", int_type);
    function(list(node(N_IF, use(a), assign(at(x), constant()), bare(N_RETURN)), use(x)));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use a\n    branch -> 1, 3\n  1:\n    def x\n    jump -> 2\n"
                                  "  2:\n    use x\n    return\n  3:\n    return\n");
}
END_TEST

START_TEST(a_loop_tests_steps_and_leaves)
{
    fixture();
    Local *i = var("i", int_type), *n = param("n", int_type), *x = param("x", int_type);
    /* for (int i = 0; i < n; i++) { if (x) break; if (n) continue; await g(); } */
    function(list(node(N_FOR, node(N_DECLARE, declare_var(i, constant())), node(N_OTHER, use(i), use(n)),
                       node(N_STEP, at(i)),
                       list(node(N_IF, use(x), bare(N_BREAK), NULL), node(N_IF, use(n), bare(N_CONTINUE), NULL),
                            drop(await(g))))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    def i\n    jump -> 1\n"
                                  "  1:\n    use i, use n\n    branch -> 2, 9\n"
                                  "  2:\n    use x\n    branch -> 3, 4\n"
                                  "  3:\n    jump -> 9\n"
                                  "  4:\n    use n\n    branch -> 5, 6\n"
                                  "  5:\n    jump -> 8\n"
                                  "  6:\n    await 1 g -> 7\n"
                                  "  7:\n    jump -> 8\n"
                                  "  8:\n    use i, def i\n    jump -> 1\n"
                                  "  9:\n    return\n");
}
END_TEST

START_TEST(an_endless_loop_is_left_by_break_alone)
{
    fixture();
    Local *x = param("x", int_type);
    function(list(node(N_FOR, NULL, NULL, NULL, list(drop(await(g)))), use(x)));
    build_cfg(fn);
    for (int i = 0; i < fn->nblocks; i++) {
        ck_assert_int_eq(fn->blocks[i]->nevents, 0); /* the use of x can't be reached */
        ck_assert_int_ne(fn->blocks[i]->exit, EXIT_RETURN);
    }
}
END_TEST

START_TEST(do_while_0_runs_once)
{
    fixture();
    Local *x = param("x", int_type);
    Node *zero = constant();
    tu->source = take(tu->arena, sizeof *tu->source);
    *tu->source = (Source){ .text = "0", .parse = "0", .size = 1 };
    zero->to = 1;
    function(list(node(N_DO, list(use(x)), zero)));
    build_cfg(fn);
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nnext; k++)
            ck_assert_int_gt(fn->blocks[i]->next[k]->index, i);
}
END_TEST

static Node *switch_case(int op, Node *statement)
{
    Node *node = node(N_CASE, statement);
    node->op = op;
    return node;
}

START_TEST(a_switch_falls_through_and_may_match_nothing)
{
    fixture();
    Local *x = param("x", int_type), *y = var("y", int_type);
    function(list(node(N_SWITCH, use(x),
                       list(switch_case(0, assign(at(y), constant())), switch_case(0, use(y)), bare(N_BREAK)))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    use x\n    switch -> 1, 2, 3\n"
                                  "  1:\n    def y\n    jump -> 2\n"
                                  "  2:\n    use y\n    jump -> 3\n  3:\n    return\n");
    ck_assert_ptr_nonnull(fn->blocks[0]->cases[0]);
    ck_assert_ptr_null(fn->blocks[0]->cases[2]);
}
END_TEST

START_TEST(a_default_takes_what_no_case_does)
{
    fixture();
    Local *x = param("x", int_type);
    function(list(node(N_SWITCH, use(x), list(switch_case('d', use(x)), switch_case(0, bare(N_BREAK))))));
    build_cfg(fn);
    ck_assert_int_eq(fn->blocks[0]->nnext, 2);
}
END_TEST

START_TEST(cases_inside_a_loop_enter_it_in_the_middle)
{
    fixture();
    Local *n = param("n", int_type);
    /* switch (n) { case 0: do { await g(); case 1: await g(); } while (n); } */
    function(list(node(N_SWITCH, use(n),
                       list(switch_case(0, node(N_DO, list(drop(await(g)), switch_case(0, drop(await(g)))), use(n)))))));
    build_cfg(fn);
    const Block *head = fn->blocks[0];
    ck_assert_int_eq(head->nnext, 3);
    ck_assert_ptr_eq(head->next[1]->await, fn->awaits[1]);
    ck_assert_ptr_eq(head->next[0]->next[0]->await, fn->awaits[0]);
    ck_assert_ptr_eq(head->next[0]->next[0]->next[0]->next[0], head->next[1]);
    ck_assert_int_eq(head->next[2]->exit, EXIT_RETURN); /* no case matches */
}
END_TEST

START_TEST(goto_leads_forward_backward_and_into_blocks)
{
    fixture();
    Local *x = param("x", int_type);
    function(list(jump("in"), use(x), node(N_WHILE, use(x), list(label("in", drop(await(g))), jump("out"))),
                  label("out", bare(N_EMPTY))));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    jump -> 1\n  1:\n    await 1 g -> 2\n  2:\n    jump -> 3\n"
                                  "  3:\n    return\n");
}
END_TEST

START_TEST(a_computed_goto_leads_to_every_label)
{
    fixture();
    Local *p = param("p", pointer_type);
    function(list(node(N_GOTO_ANY, use(p)), label("a", bare(N_RETURN)), label("b", drop(await(g)))));
    build_cfg(fn);
    ck_assert_int_eq(fn->blocks[0]->nnext, 2);
    ck_assert_int_eq(fn->blocks[0]->exit, EXIT_SWITCH);
}
END_TEST

START_TEST(scopes_are_entered_and_left_by_every_way_out)
{
    fixture();
    Local *s = var("s", record(16, 8)), *x = param("x", int_type);
    Node *body = list(declare_var(s, NULL), node(N_IF, use(x), bare(N_BREAK), NULL), take_address(s));
    scope(body, s, NULL);
    function(list(node(N_WHILE, use(x), body)));
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    jump -> 1\n"
                                  "  1:\n    use x\n    branch -> 2, 5\n"
                                  "  2:\n    enter s, declare s, use x\n    branch -> 3, 4\n"
                                  "  3:\n    leave s\n    jump -> 5\n"
                                  "  4:\n    address s, leave s\n    jump -> 1\n"
                                  "  5:\n    return\n");
}
END_TEST

START_TEST(goto_leaves_the_scopes_that_do_not_hold_its_label)
{
    fixture();
    Local *inner = var("inner", record(16, 8)), *outer = var("outer", record(16, 8));
    Node *out = label("out", bare(N_EMPTY)), *away = jump("out");
    Node *block = list(away);
    Node *whole = list(block, out);
    whole->from = 0, whole->to = 100;
    block->from = 10, block->to = 50;
    away->from = 20, away->to = 30;
    out->from = 60, out->to = 70;
    scope(whole, outer, NULL);
    scope(block, inner, NULL);
    function(whole);
    build_cfg(fn);
    ck_assert_str_eq(dump("cfg"), "  0:\n    enter outer, enter inner, leave inner\n    jump -> 1\n"
                                  "  1:\n    leave outer\n    return\n");
}
END_TEST

START_TEST(what_is_written_while_a_value_is_in_the_child_is_noted)
{
    fixture();
    Local *s = var("s", record(16, 8)), *x = var("x", int_type), *y = var("y", int_type);
    function(list(declare_var(s, read_in_place(await(g))), assign(at(x), constant()),
                  assign(at(y), await(g))));
    build_cfg(fn);
    ck_assert(has_bit(fn->awaits[0]->overlaps, s->index));
    ck_assert(!has_bit(fn->awaits[0]->overlaps, x->index));
    ck_assert(!has_bit(fn->awaits[1]->overlaps, y->index)); /* r2 has the value by then */
}
END_TEST

START_TEST(deep_nesting_and_long_bodies_are_fast)
{
    fixture();
    Node *deep = constant();
    for (int i = 0; i < 2000; i++)
        deep = node(N_AND, deep, constant());
    Node *blocks = list(deep);
    for (int i = 0; i < 2000; i++)
        blocks = list(blocks);
    function(blocks);
    build_cfg(fn);
    ck_assert_int_eq(fn->nblocks, 1);
}
END_TEST

RUN_CASES("cfg", &operands_before_an_await_go_to_temporaries_first, &an_assignment_evaluates_its_right_side_first,
          &a_member_is_a_part_and_its_subscripts_are_read, &a_scalar_in_parentheses_is_assigned_whole,
          &an_address_is_an_event_and_so_is_an_array_that_decays, &operands_that_only_read_need_no_branch,
          &a_conditional_assignment_is_on_one_path_only, &an_await_on_the_right_of_and_is_a_branch_with_a_temporary,
          &an_await_on_the_left_of_and_is_awaited_once, &a_comma_evaluates_its_left_before_an_await_on_its_right,
          &awaits_in_both_arms_of_a_condition_exclude_each_other, &a_statement_expression_runs_in_its_place,
          &what_is_not_evaluated_has_no_events, &a_declaration_ends_what_was_before_it,
          &a_vla_comes_into_being_at_its_declaration, &a_compound_literal_is_assigned_where_it_is_evaluated,
          &if_and_else_meet_again, &a_loop_tests_steps_and_leaves, &an_endless_loop_is_left_by_break_alone,
          &do_while_0_runs_once, &a_switch_falls_through_and_may_match_nothing, &a_default_takes_what_no_case_does,
          &cases_inside_a_loop_enter_it_in_the_middle, &goto_leads_forward_backward_and_into_blocks,
          &a_computed_goto_leads_to_every_label, &scopes_are_entered_and_left_by_every_way_out,
          &goto_leaves_the_scopes_that_do_not_hold_its_label,
          &what_is_written_while_a_value_is_in_the_child_is_noted, &deep_nesting_and_long_bodies_are_fast)

/* liveness.c - who lives across which await, and where. */
#include "model.h"

static Fn *g;

static void analyse(Node *body)
{
    function(body);
    build_cfg(fn);
    find_live_locals(fn);
}

static bool lives_at(const Local *local, int state) { return has_bit(fn->awaits[state - 1]->live, local->index); }

static Node *wait_g(void)
{
    if (!g || g->tu != tu)
        g = leaf("g", 8, 8);
    return drop(await(g));
}

START_TEST(what_is_read_after_an_await_is_saved)
{
    Local *n = param("n", int_type), *noise = var("noise", int_type);
    analyse(list(declare_var(noise, use(n)), use(noise), wait_g(), node(N_RETURN, use(n))));
    ck_assert_int_eq(n->home, HOME_SAVED);
    ck_assert_int_eq(noise->home, HOME_STACK);
    ck_assert(fn->awaits[0]->reached);
}
END_TEST

START_TEST(what_is_assigned_before_it_is_read_again_is_not)
{
    Local *x = var("x", int_type);
    analyse(list(declare_var(x, constant()), use(x), wait_g(), assign(at(x), constant()), use(x)));
    ck_assert_int_eq(x->home, HOME_STACK);
}
END_TEST

START_TEST(one_path_that_reads_is_enough)
{
    Local *x = var("x", int_type), *c = param("c", int_type);
    analyse(list(declare_var(x, constant()), wait_g(), node(N_IF, use(c), assign(at(x), constant()), NULL), use(x)));
    ck_assert_int_eq(x->home, HOME_SAVED);
}
END_TEST

START_TEST(a_loop_carries_values_around)
{
    Local *i = var("i", int_type), *x = var("x", int_type);
    /* for (i = 0; i; i++) { x = 1; use(x); await g(); } */
    analyse(list(node(N_FOR, assign(at(i), constant()), use(i), node(N_STEP, at(i)),
                      list(declare_var(x, constant()), use(x), wait_g()))));
    ck_assert_int_eq(i->home, HOME_SAVED);
    ck_assert_int_eq(x->home, HOME_STACK);
}
END_TEST

START_TEST(an_array_is_placed_and_a_part_does_not_end_its_value)
{
    Local *s = var("s", record(16, 8));
    analyse(list(declare_var(s, constant()), wait_g(), assign(member(at(s)), constant()), use(s)));
    ck_assert_int_eq(s->home, HOME_PLACED);
    ck_assert(lives_at(s, 1));
}
END_TEST

START_TEST(an_aggregate_that_crosses_nothing_stays_a_c_local)
{
    Local *s = var("s", record(16, 8));
    analyse(list(wait_g(), declare_var(s, constant()), use(s), wait_g()));
    ck_assert_int_eq(s->home, HOME_STACK);
}
END_TEST

START_TEST(whose_address_is_out_lives_to_the_end_of_its_scope)
{
    Local *x = var("x", int_type);
    Node *first = wait_g(), *second = wait_g(), *third = wait_g();
    Node *block = list(first, declare_var(x, constant()), take_address(x), second);
    analyse(list(scope(block, x, NULL), third));
    ck_assert(!lives_at(x, 1)); /* not yet begun */
    ck_assert(lives_at(x, 2));  /* though nobody reads it here */
    ck_assert(!lives_at(x, 3));
    ck_assert_int_eq(x->home, HOME_PLACED);
}
END_TEST

START_TEST(an_address_that_a_loop_left_behind_is_gone_in_the_next_round)
{
    Local *x = var("x", int_type), *c = param("c", int_type);
    Node *first = wait_g(), *second = wait_g();
    Node *block = list(first, declare_var(x, NULL), take_address(x), second);
    analyse(list(node(N_WHILE, use(c), scope(block, x, NULL))));
    ck_assert(!lives_at(x, 1));
    ck_assert(lives_at(x, 2));
}
END_TEST

START_TEST(an_object_whose_address_is_passed_lives_during_the_call)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    line->address_taken = true;
    Fn *callee = leaf("read_line", 32, 8);
    analyse(list(declare_var(line, NULL), drop(await(callee, at(line)))));
    ck_assert_int_eq(line->home, HOME_PLACED);
}
END_TEST

START_TEST(an_operand_that_waits_for_the_next_await_is_saved)
{
    Local *t = temp("t"), *a = param("a", int_type);
    Fn *callee = leaf("h", 8, 8);
    Node *left = await(callee), *right = await(callee);
    analyse(list(node(N_OTHER, into(t, use(a)), left, right)));
    Local *first = fn->awaits[0]->result, *second = fn->awaits[1]->result;
    ck_assert_int_eq(t->home, HOME_SAVED);
    ck_assert(lives_at(t, 1) && lives_at(t, 2));
    ck_assert_int_eq(first->home, HOME_SAVED);
    ck_assert(lives_at(first, 2) && !lives_at(first, 1));
    ck_assert_int_eq(second->home, HOME_STACK);
}
END_TEST

START_TEST(what_may_be_unassigned_is_known)
{
    Local *x = var("x", int_type), *y = var("y", int_type), *c = param("c", int_type);
    analyse(list(declare_var(x, NULL), declare_var(y, constant()),
                 node(N_IF, use(c), assign(at(x), constant()), NULL), wait_g(), use(x), use(y)));
    ck_assert(x->undefined_ok);
    ck_assert(!y->undefined_ok);
    ck_assert(!c->undefined_ok);
}
END_TEST

START_TEST(what_every_path_assigns_is_not_unassigned)
{
    Local *x = var("x", int_type), *c = param("c", int_type);
    analyse(list(declare_var(x, NULL),
                 node(N_IF, use(c), assign(at(x), constant()), assign(at(x), constant())), wait_g(), use(x)));
    ck_assert_int_eq(x->home, HOME_SAVED);
    ck_assert(!x->undefined_ok);
}
END_TEST

START_TEST(an_await_that_cannot_be_reached_keeps_nothing_alive)
{
    Local *x = param("x", int_type);
    analyse(list(bare(N_RETURN), wait_g(), use(x)));
    ck_assert(!fn->awaits[0]->reached);
    ck_assert_int_eq(x->home, HOME_STACK);
}
END_TEST

START_TEST(a_label_jumped_to_backward_is_a_loop)
{
    Local *x = var("x", int_type);
    analyse(list(declare_var(x, constant()), label("again", use(x)), wait_g(), jump("again")));
    ck_assert_int_eq(x->home, HOME_SAVED);
}
END_TEST

START_TEST(an_address_kept_by_a_temporary_counts_as_taken)
{
    Local *s = var("s", int_type), *t = temp("t");
    Node *place = into(t, at(s)); /* sequence.c: t = &s */
    analyse(list(declare_var(s, constant()), node(N_OTHER, place, wait_g())));
    ck_assert(s->address_taken);
    ck_assert_int_eq(s->home, HOME_PLACED);
    ck_assert_int_eq(t->home, HOME_SAVED);
}
END_TEST

/* `line`, an array, as the address of its first element. */
static Node *decayed(Local *line)
{
    Node *node = use(line);
    node->decays = true;
    node->type = type_of(TYPE_SCALAR, "char *", 8, 8);
    node->type->is_pointer = true;
    line->naddresses++;
    return node;
}

static Node *call(const char *lends, Node *argument)
{
    Node *node = node(N_CALL, constant(), argument);
    node->lends = lends;
    return node;
}

START_TEST(an_address_that_is_lent_keeps_nothing_alive)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    Node *body = list(declare_var(line, NULL), call("n", decayed(line)), wait_g());
    function(body);
    lend_addresses(fn);
    analyse(body);
    ck_assert(!line->address_taken);
    ck_assert_int_eq(line->home, HOME_STACK);
}
END_TEST

START_TEST(one_address_that_is_kept_is_enough)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    Node *body = list(declare_var(line, NULL), call("n", decayed(line)), call("k", decayed(line)), wait_g());
    function(body);
    lend_addresses(fn);
    analyse(body);
    ck_assert(line->address_taken);
    ck_assert_int_eq(line->home, HOME_PLACED);
}
END_TEST

START_TEST(an_address_that_comes_back_is_lent_if_nobody_takes_it)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1)), *p = var("p", pointer_type);
    Node *dropped = call("r", decayed(line));
    dropped->discarded = true;
    Node *body = list(declare_var(line, NULL), dropped, wait_g());
    function(body);
    lend_addresses(fn);
    ck_assert(!line->address_taken);
    function(list(declare_var(p, call("r", decayed(line))), wait_g()));
    lend_addresses(fn);
    ck_assert(line->address_taken);
}
END_TEST

START_TEST(what_waits_for_an_await_among_the_arguments_is_not_lent)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    Node *late = node(N_CALL, constant(), decayed(line), await(leaf("h", 8, 8)));
    late->lends = "n-";
    function(list(declare_var(line, NULL), late));
    lend_addresses(fn);
    ck_assert(line->address_taken);
}
END_TEST

START_TEST(what_an_awaited_call_is_lent_lives_until_it_is_done)
{
    Local *line = var("line", type_of(TYPE_ARRAY, "char ", 80, 1));
    Node *late = drop(await(leaf("h", 8, 8), decayed(line)));
    late->lends = "n";
    Node *body = list(declare_var(line, NULL), late, wait_g());
    function(body);
    lend_addresses(fn);
    analyse(body);
    ck_assert_int_eq(line->home, HOME_PLACED);
    int state = late->await->state;
    ck_assert(lives_at(line, state));
    ck_assert(!lives_at(line, 3 - state));
}
END_TEST

START_TEST(a_pointer_that_is_passed_on_is_no_address)
{
    Local *p = var("p", pointer_type);
    Node *body = list(declare_var(p, constant()), call("n", use(p)), wait_g(), use(p));
    pointer_type->is_pointer = true;
    function(body);
    lend_addresses(fn);
    analyse(body);
    ck_assert_int_eq(p->naddresses, 0);
    ck_assert_int_eq(p->home, HOME_SAVED);
}
END_TEST

START_TEST(a_thousand_awaits_with_hundreds_of_locals_are_fast)
{
    Node *statements[1000];
    Local *locals[300];
    for (int i = 0; i < 300; i++)
        locals[i] = var(take_format(tu->arena, "x%d", i), i % 3 ? int_type : record(24, 8));
    for (int i = 0; i < 1000; i++)
        statements[i] = list(assign(at(locals[i % 300]), use(locals[(i + 150) % 300])), wait_g(),
                             node(N_IF, use(locals[i * 7 % 300]), use(locals[i * 11 % 300]), NULL));
    analyse(list(node(N_WHILE, use(locals[0]), make_node(N_COMPOUND, 1000, statements))));
    ck_assert_int_eq(locals[1]->home, HOME_SAVED);
    lay_out_frame(fn);
    ck_assert_int_gt(fn->frame_size, 300 * 4);
}
END_TEST

RUN_CASES("liveness", &what_is_read_after_an_await_is_saved, &what_is_assigned_before_it_is_read_again_is_not,
          &one_path_that_reads_is_enough, &a_loop_carries_values_around,
          &an_array_is_placed_and_a_part_does_not_end_its_value, &an_aggregate_that_crosses_nothing_stays_a_c_local,
          &whose_address_is_out_lives_to_the_end_of_its_scope,
          &an_address_that_a_loop_left_behind_is_gone_in_the_next_round,
          &an_object_whose_address_is_passed_lives_during_the_call,
          &an_operand_that_waits_for_the_next_await_is_saved, &what_may_be_unassigned_is_known,
          &what_every_path_assigns_is_not_unassigned, &an_await_that_cannot_be_reached_keeps_nothing_alive,
          &a_label_jumped_to_backward_is_a_loop, &an_address_kept_by_a_temporary_counts_as_taken,
          &an_address_that_is_lent_keeps_nothing_alive, &one_address_that_is_kept_is_enough,
          &an_address_that_comes_back_is_lent_if_nobody_takes_it,
          &what_waits_for_an_await_among_the_arguments_is_not_lent,
          &what_an_awaited_call_is_lent_lives_until_it_is_done, &a_pointer_that_is_passed_on_is_no_address,
          &a_thousand_awaits_with_hundreds_of_locals_are_fast)

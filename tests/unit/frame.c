/* frame.c - which fields share space, and which mustn't. */
#include "model.h"

static void analyse(Node *body)
{
    function(body);
    order_calls(tu);
    build_cfg(fn);
    find_live_locals(fn);
    lay_out_frame(fn);
}

static bool overlap(const Field *a, const Field *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static const Field *child(int state) { return fn->awaits[state - 1]->child; }

/* What has to hold of any frame. */
static void check_frame(void)
{
    for (int i = 0; i < fn->nfields; i++) {
        const Field *field = &fn->fields[i];
        ck_assert_int_eq(field->offset % field->align, 0);
        ck_assert_int_le(field->offset + field->size, fn->frame_size);
        ck_assert_int_le(field->align, fn->frame_align);
        for (int k = 0; k < i; k++)
            for (int point = 0; point <= fn->nawaits; point++)
                if (has_bit(field->live, point) && has_bit(fn->fields[k].live, point))
                    ck_assert(!overlap(field, &fn->fields[k]));
        if (i)
            ck_assert_int_le(fn->fields[i - 1].offset, field->offset);
    }
    ck_assert_int_eq(fn->frame_size % fn->frame_align, 0);
}

START_TEST(the_example_of_frame_c)
{
    Local *path = param("path", pointer_type), *fd = var("fd", int_type), *n = var("n", int_type);
    Fn *open = leaf("open", 40, 8), *count = leaf("count", 24, 8), *close = leaf("close", 16, 8);
    analyse(list(declare_var(fd, await(open, use(path))), declare_var(n, await(count, use(fd))),
                 drop(await(close, use(fd))), node(N_RETURN, use(n))));
    check_frame();
    /* fd is read as close's argument, so it lives while count is awaited only */
    ck_assert_str_eq(dump("frame"), "  size 48 align 8\n"
                                    "  0 8 path at 0\n"
                                    "  0 40 open__1 at 1\n"
                                    "  0 24 count__2 at 2\n"
                                    "  0 16 close__3 at 3\n"
                                    "  0 4 result\n"
                                    "  16 4 n at 3\n"
                                    "  24 4 fd at 2\n"
                                    "  40 1 state at 0 1 2 3\n");
}
END_TEST

START_TEST(an_unused_parameter_has_no_field)
{
    Local *p = param("p", int_type);
    p->used = false;
    analyse(list(drop(await(leaf("g", 8, 8)))));
    ck_assert_ptr_null(p->slot);
}
END_TEST

START_TEST(a_parameter_that_is_dead_after_the_start_shares_with_children)
{
    Local *p = param("p", pointer_type);
    analyse(list(drop(await(leaf("g", 8, 8), use(p)))));
    ck_assert(overlap(p->slot, child(1)));
    ck_assert_int_eq(p->home, HOME_STACK);
    ck_assert_int_eq(fn->frame_size, 16);
}
END_TEST

START_TEST(saved_locals_of_different_awaits_share)
{
    Local *a = var("a", int_type), *b = var("b", int_type);
    Fn *g = leaf("g", 8, 8);
    analyse(list(declare_var(a, constant()), drop(await(g)), declare_var(b, use(a)), drop(await(g)), use(b)));
    check_frame();
    ck_assert_int_eq(a->slot->offset, b->slot->offset);
}
END_TEST

START_TEST(a_saved_local_shares_with_a_placed_one_that_lives_elsewhere)
{
    Local *a = var("a", int_type), *s = var("s", record(64, 8));
    Fn *g = leaf("g", 8, 8);
    /* s is written while a is a C local, and dead where a is saved */
    analyse(list(declare_var(a, constant()), drop(await(g)), declare_var(s, constant()), use(a), drop(await(g)),
                 use(s)));
    check_frame();
    ck_assert(overlap(a->slot, s->slot));
}
END_TEST

START_TEST(placed_locals_that_meet_between_awaits_do_not_share)
{
    Local *s = var("s", record(64, 8)), *t = var("t", record(64, 8));
    Fn *g = leaf("g", 8, 8);
    /* at no await are both alive, but t is made of s */
    analyse(list(declare_var(s, constant()), drop(await(g)), declare_var(t, constant()), use(s), drop(await(g)),
                 use(t)));
    check_frame();
    ck_assert(!overlap(s->slot, t->slot));
}
END_TEST

START_TEST(placed_locals_of_sibling_scopes_share)
{
    Local *s = var("s", record(64, 8)), *t = var("t", record(64, 8));
    Fn *g = leaf("g", 8, 8);
    Node *first = list(declare_var(s, constant()), take_address(s), drop(await(g)));
    Node *second = list(declare_var(t, constant()), take_address(t), drop(await(g)));
    analyse(list(scope(first, s, NULL), scope(second, t, NULL)));
    check_frame();
    ck_assert_int_eq(s->slot->offset, t->slot->offset);
}
END_TEST

START_TEST(addresses_that_are_out_at_once_do_not_share)
{
    Local *s = var("s", record(64, 8)), *t = var("t", record(64, 8));
    Fn *g = leaf("g", 8, 8);
    Node *body = list(declare_var(s, constant()), take_address(s), drop(await(g)), declare_var(t, constant()),
                      take_address(t), drop(await(g)));
    analyse(scope(body, s, t));
    check_frame();
    ck_assert(!overlap(s->slot, t->slot));
}
END_TEST

START_TEST(a_write_that_nobody_reads_still_hits_no_other)
{
    Local *s = var("s", record(64, 8)), *t = var("t", record(64, 8));
    Fn *g = leaf("g", 8, 8);
    analyse(list(declare_var(t, constant()), drop(await(g)), use(t), declare_var(s, constant()), drop(await(g)),
                 assign(at(t), constant()), use(s)));
    check_frame();
    ck_assert(!overlap(s->slot, t->slot));
}
END_TEST

START_TEST(sibling_children_share)
{
    Fn *g = leaf("g", 100, 4), *h = leaf("h", 60, 16);
    analyse(list(drop(await(g)), drop(await(h))));
    check_frame();
    ck_assert_int_eq(child(1)->offset, child(2)->offset);
    ck_assert_int_eq(fn->frame_align, 16);
    ck_assert_int_eq(fn->frame_size, 112);
}
END_TEST

START_TEST(a_value_read_from_the_child_is_not_overwritten_by_what_takes_it)
{
    Local *s = var("s", record(64, 8));
    Fn *g = leaf("g", 64, 8), *h = leaf("h", 8, 8);
    g->result = s->type;
    analyse(list(declare_var(s, read_in_place(await(g))), drop(await(h)), use(s)));
    check_frame();
    ck_assert(!overlap(s->slot, child(1)));
}
END_TEST

START_TEST(a_struct_result_is_apart_from_what_it_is_made_of)
{
    Local *s = var("s", record(128, 8));
    fn->result = record(64, 8);
    analyse(list(declare_var(s, constant()), drop(await(leaf("g", 8, 8))), node(N_RETURN, member(use(s)))));
    check_frame();
    ck_assert(!overlap(s->slot, fn->result_field));
}
END_TEST

START_TEST(a_struct_that_is_returned_as_it_is_is_the_result)
{
    Local *s = var("s", record(64, 8));
    fn->result = s->type;
    analyse(list(declare_var(s, constant()), drop(await(leaf("g", 8, 8))), node(N_RETURN, use(s))));
    check_frame();
    ck_assert_int_eq(s->slot->offset, fn->result_field->offset);
    ck_assert_int_eq(fn->frame_size, 64 + 8 + 8);
}
END_TEST

START_TEST(one_of_two_structs_whose_addresses_are_out_is_not_the_result)
{
    Local *s = var("s", record(64, 8)), *t = var("t", record(64, 8));
    fn->result = s->type;
    Node *first = node(N_IF, constant(), node(N_RETURN, use(s)), NULL);
    analyse(list(declare_var(s, constant()), declare_var(t, constant()), take_address(s), take_address(t),
                 drop(await(leaf("g", 8, 8))), first, node(N_RETURN, member(node(N_OTHER, constant())))));
    check_frame();
    ck_assert(!overlap(s->slot, fn->result_field));
    ck_assert(!overlap(t->slot, fn->result_field));
}
END_TEST

START_TEST(a_struct_that_a_child_gives_is_the_result)
{
    Fn *below = fn;
    below->result = record(64, 8);
    analyse(list(bare(N_EMPTY)));
    fn = add_function("above");
    fn->result = below->result;
    analyse(list(node(N_RETURN, read_in_place(await(below)))));
    check_frame();
    ck_assert_int_eq(child(1)->offset + below->result_field->offset, fn->result_field->offset);
    ck_assert_int_eq(fn->frame_size, 72);
}
END_TEST

START_TEST(the_padding_at_a_childs_end_is_used)
{
    Fn *below = fn;
    below->result = void_type;
    analyse(list(drop(await(leaf("g", 8, 8)))));
    ck_assert_int_eq(below->frame_size, 16);
    ck_assert_int_eq(below->frame_used, 9);
    fn = add_function("above");
    fn->result = void_type;
    analyse(list(drop(await(below))));
    check_frame();
    ck_assert_int_eq(child(1)->size, 9);
    ck_assert_int_eq(child(1)->extent, 16);
    ck_assert_int_eq(fn->state_field->offset, 9);
    ck_assert_int_eq(fn->frame_size, 16);
}
END_TEST

START_TEST(the_padding_of_a_future_by_hand_is_its_own)
{
    fn->result = void_type;
    analyse(list(drop(await(leaf("g", 16, 8)))));
    ck_assert_int_eq(fn->state_field->offset, 16);
}
END_TEST

START_TEST(a_result_alone_aligns_no_frame)
{
    fn->result = pointer_type;
    Local *s = var("s", record(64, 1));
    analyse(list(declare_var(s, constant()), drop(await(leaf("g", 1, 1))), use(s)));
    check_frame();
    ck_assert_int_eq(fn->frame_align, 1);
    ck_assert_int_eq(fn->frame_size, 66);
    ck_assert_int_eq(fn->result_field->offset % 8, 0);
    ck_assert(fn->result_field->packed);
}
END_TEST

START_TEST(a_result_that_costs_nothing_is_aligned)
{
    fn->result = int_type;
    Local *s = var("s", record(6, 1));
    analyse(list(declare_var(s, constant()), drop(await(leaf("g", 1, 1))), use(s)));
    ck_assert_int_eq(fn->frame_align, 4);
    ck_assert(!fn->result_field->packed);
}
END_TEST

START_TEST(a_void_function_has_no_result)
{
    fn->result = void_type;
    analyse(list(drop(await(leaf("g", 8, 8)))));
    ck_assert_ptr_null(fn->result_field);
    ck_assert_int_eq(fn->frame_size, 16);
}
END_TEST

START_TEST(a_task_handle_is_awaited_in_a_pointer)
{
    Local *t = param("t", pointer_type);
    analyse(list(await(NULL, use(t))));
    ck_assert_int_eq(child(1)->size, 8);
    ck_assert_str_eq(child(1)->name, "task__1");
}
END_TEST

START_TEST(the_state_is_as_wide_as_it_has_to_be)
{
    Node *statements[300];
    Fn *g = leaf("g", 8, 8);
    for (int i = 0; i < 300; i++)
        statements[i] = drop(await(g));
    analyse(make_node(N_COMPOUND, 254, statements));
    ck_assert_int_eq(fn->state_field->size, 2); /* all 300 exist, though 254 are in the body */
}
END_TEST

START_TEST(the_state_of_254_awaits_is_a_byte)
{
    Node *statements[254];
    Fn *g = leaf("g", 8, 8);
    for (int i = 0; i < 254; i++)
        statements[i] = drop(await(g));
    analyse(make_node(N_COMPOUND, 254, statements));
    ck_assert_int_eq(fn->state_field->size, 1);
}
END_TEST

START_TEST(a_function_without_awaits_has_its_arguments_and_a_state)
{
    Local *p = param("p", pointer_type);
    analyse(list(use(p)));
    check_frame();
    ck_assert_str_eq(dump("frame"), "  size 16 align 8\n  0 8 p at 0\n  0 4 result\n  8 1 state at 0\n");
}
END_TEST

START_TEST(children_come_before_their_parents)
{
    Fn *later = add_function("later");
    analyse(list(drop(await(leaf("g", 8, 8)))));
    later->body = list(bare(N_EMPTY));
    Fn *before = fn;
    fn = add_function("caller");
    fn->body = list(drop(await(later)), drop(await(before)));
    order_calls(tu);
    ck_assert_int_lt(later->order, fn->order);
    ck_assert_int_lt(before->order, fn->order);
    ck_assert_ptr_eq(tu->fns[fn->order], fn);
}
END_TEST

START_TEST(a_call_of_itself_is_a_pointer_to_a_box)
{
    analyse(list(drop(await(fn)), drop(await(leaf("g", 24, 8)))));
    ck_assert(fn->awaits[0]->boxed && fn->is_boxed && fn->may_call);
    ck_assert(!fn->awaits[1]->boxed);
    ck_assert_int_eq(child(1)->size, 8);
    ck_assert_int_eq(child(2)->size, 24);
}
END_TEST

START_TEST(what_is_only_declared_is_boxed)
{
    Fn *declared = add_function("declared");
    analyse(list(drop(await(declared))));
    ck_assert(fn->awaits[0]->boxed);
    ck_assert_int_eq(child(1)->size, 8);
}
END_TEST

/* Makes functions 'a', 'b', ..., that await each other as the text says: "ab ba" is a circle of two. Returns
 * the calls that are boxed, in the same way. */
static const char *boxed_calls(const char *calls)
{
    Fn *fns[26] = { 0 };
    Node *statements[26][64];
    int counts[26] = { 0 };
    const char *name = "";
    for (const char *at = calls; *at; at += at[2] ? 3 : 2)
        for (int i = 0; i < 2; i++) {
            int which = at[i] - 'a';
            name = take_format(tu->arena, "%c", at[i]);
            if (!fns[which])
                fns[which] = which ? add_function(name) : fn;
        }
    for (const char *at = calls; *at; at += at[2] ? 3 : 2) {
        fn = fns[at[0] - 'a'];
        statements[at[0] - 'a'][counts[at[0] - 'a']++] = drop(await(fns[at[1] - 'a']));
    }
    for (int i = 0; i < 26; i++)
        if (fns[i])
            fns[i]->body = make_node(N_COMPOUND, counts[i], statements[i]);
    fns[0]->name = "a";
    order_calls(tu);
    Buf found = { .arena = tu->arena };
    add(&found, "");
    for (int i = 0; i < 26; i++)
        for (int k = 0; fns[i] && k < fns[i]->nawaits; k++) {
            const Await *await = fns[i]->awaits[k];
            if (await->boxed)
                add_format(&found, "%s%s%s", found.size ? " " : "", fns[i]->name, await->callee->name);
            else
                ck_assert_int_lt(await->callee->order, fns[i]->order);
        }
    return found.text;
}

START_TEST(one_call_of_a_circle_is_boxed)
{
    ck_assert_str_eq(boxed_calls("ab bc ca cd de"), "ca");
}
END_TEST

START_TEST(the_fewest_calls_of_a_circle_are_boxed)
{
    ck_assert_str_eq(boxed_calls("ab ab ab ab bc bc ca ca ca ba"), "bc bc ba");
}
END_TEST

START_TEST(circles_that_share_a_call_are_broken_there)
{
    /* Each of a, c, d, e is on a way from b back to b by ab alone. */
    ck_assert_str_eq(boxed_calls("bc bd be ca da ea ab"), "ab");
}
END_TEST

START_TEST(circles_of_two_components_are_apart)
{
    ck_assert_str_eq(boxed_calls("ab ba ac cd dc"), "ba dc");
}
END_TEST

START_TEST(large_circles_are_broken_too)
{
    /* All 20 in one, with shortcuts back to the first from every second one. */
    Buf calls = { .arena = tu->arena };
    for (int i = 0; i < 20; i++)
        add_format(&calls, "%s%c%c", i ? " " : "", 'a' + i, 'a' + (i + 1) % 20);
    for (int i = 1; i < 20; i += 2)
        add_format(&calls, " %ca", 'a' + i);
    ck_assert_str_eq(boxed_calls(calls.text), "ab");
}
END_TEST

START_TEST(what_is_spawned_may_be_recursive)
{
    Node *spawn = bare(N_SPAWN);
    spawn->callee = fn;
    fn->spawned = true;
    fn->body = list(spawn);
    order_calls(tu);
    ck_assert(!fn->is_boxed && !fn->may_call);
}
END_TEST

/* Random programs: whatever the analysis says, the rules of check_frame hold. */
START_TEST(random_frames_keep_the_rules)
{
    unsigned seed = 12345;
    for (int round = 0; round < 60; round++) {
        end_model();
        start_model();
        Fn *g = leaf("g", 24, 8);
        Node *statements[60];
        Local *locals[12];
        for (int i = 0; i < 12; i++)
            locals[i] = var(take_format(tu->arena, "x%d", i), i % 3 ? record(1 + i * 5, 1 << i % 4) : int_type);
        for (int i = 0; i < 60; i++) {
            seed = seed * 1103515245 + 12345;
            Local *local = locals[(seed >> 16) % 12];
            unsigned what = (seed >> 8) % 7;
            statements[i] = what < 2   ? drop(await(g))
                            : what < 4 ? assign(at(local), constant())
                            : what < 5 ? node(N_WHILE, use(local), list(drop(await(g)), use(local)))
                                       : node(N_IF, use(local), use(local), NULL);
        }
        analyse(make_node(N_COMPOUND, 60, statements));
        check_frame();
    }
}
END_TEST

START_TEST(two_thousand_fields_are_fast)
{
    Node *statements[4000];
    Fn *g = leaf("g", 24, 8);
    for (int i = 0; i < 2000; i++)
        statements[i] = declare_var(var(take_format(tu->arena, "x%d", i), i % 2 ? int_type : record(24, 8)), constant());
    statements[2000] = drop(await(g));
    for (int i = 0; i < 1999; i++)
        statements[2001 + i] = use(fn->locals[i]);
    analyse(make_node(N_COMPOUND, 4000, statements));
    ck_assert_int_ge(fn->frame_size, 1000 * 28 - 4);
}
END_TEST

RUN_CASES("frame", &the_example_of_frame_c, &an_unused_parameter_has_no_field,
          &a_parameter_that_is_dead_after_the_start_shares_with_children, &saved_locals_of_different_awaits_share,
          &a_saved_local_shares_with_a_placed_one_that_lives_elsewhere,
          &placed_locals_that_meet_between_awaits_do_not_share, &placed_locals_of_sibling_scopes_share,
          &addresses_that_are_out_at_once_do_not_share, &a_write_that_nobody_reads_still_hits_no_other,
          &sibling_children_share, &a_value_read_from_the_child_is_not_overwritten_by_what_takes_it,
          &a_struct_result_is_apart_from_what_it_is_made_of, &a_struct_that_is_returned_as_it_is_is_the_result,
          &one_of_two_structs_whose_addresses_are_out_is_not_the_result, &a_struct_that_a_child_gives_is_the_result,
          &the_padding_at_a_childs_end_is_used, &the_padding_of_a_future_by_hand_is_its_own,
          &a_result_alone_aligns_no_frame, &a_result_that_costs_nothing_is_aligned, &a_void_function_has_no_result,
          &a_task_handle_is_awaited_in_a_pointer, &the_state_is_as_wide_as_it_has_to_be,
          &the_state_of_254_awaits_is_a_byte, &a_function_without_awaits_has_its_arguments_and_a_state,
          &children_come_before_their_parents, &a_call_of_itself_is_a_pointer_to_a_box, &what_is_only_declared_is_boxed,
          &one_call_of_a_circle_is_boxed, &the_fewest_calls_of_a_circle_are_boxed,
          &circles_that_share_a_call_are_broken_there, &circles_of_two_components_are_apart,
          &large_circles_are_broken_too,
          &what_is_spawned_may_be_recursive,
          &random_frames_keep_the_rules, &two_thousand_fields_are_fast)

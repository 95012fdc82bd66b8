/* arena.c - memory, growing arrays and text under construction. */
#include "asyncc.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static Arena *arena;

static void set_up(void) { arena = new_arena(); }
static void tear_down(void) { free_arena(arena); }

START_TEST(blocks_are_zeroed_aligned_and_apart)
{
    char *before = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *block = take(arena, size);
        ck_assert_uint_eq((uintptr_t)block % _Alignof(max_align_t), 0);
        ck_assert_ptr_ne(block, before);
        for (size_t i = 0; i < size; i++)
            ck_assert_int_eq(block[i], 0);
        memset(block, 0x5A, size);
        before = block;
    }
}
END_TEST

START_TEST(a_big_block_leaves_the_current_chunk_in_use)
{
    char *a = take(arena, 16);
    char *big = take(arena, 4 << 20);
    char *b = take(arena, 16);
    memset(big, 1, 4 << 20);
    ck_assert_ptr_eq(b, a + 16);
}
END_TEST

START_TEST(text_is_copied_with_its_zero_byte)
{
    ck_assert_str_eq(take_text(arena, "abcdef", 3), "abc");
    ck_assert_str_eq(take_text(arena, NULL, 0), "");
    ck_assert_str_eq(take_format(arena, "%s %d", "x", 7), "x 7");
    char *longer = take_format(arena, "%5000d", 1);
    ck_assert_uint_eq(strlen(longer), 5000);
}
END_TEST

START_TEST(an_array_grows_and_keeps_what_it_held)
{
    int *v = NULL, n = 0, room = 0;
    for (int i = 0; i < 1000; i++)
        *push(arena, v, n, room) = i;
    ck_assert_int_eq(n, 1000);
    ck_assert_int_ge(room, n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(v[i], i);
}
END_TEST

START_TEST(a_buffer_ends_in_a_zero_byte_after_every_addition)
{
    Buf buf = { .arena = arena };
    add(&buf, "");
    ck_assert_str_eq(buf.text, "");
    size_t size = 0;
    for (int i = 0; i < 300; i++) {
        add_format(&buf, "%d,", i);
        add_bytes(&buf, "a\0b", 3);
        add(&buf, "xyz");
        ck_assert_int_eq(buf.text[buf.size], 0);
        ck_assert_uint_gt(buf.size, size);
        size = buf.size;
    }
    ck_assert_int_eq(memcmp(buf.text, "0,a\0bxyz1,a\0bxyz", 16), 0);
}
END_TEST

START_TEST(a_format_longer_than_the_room_is_whole)
{
    Buf buf = { .arena = arena };
    add_format(&buf, "<%0100000d>", 5);
    ck_assert_uint_eq(buf.size, 100002);
    ck_assert_str_eq(buf.text + 100000, "5>");
}
END_TEST

START_TEST(an_emptied_arena_gives_zeroed_blocks_again)
{
    for (int round = 0; round < 3; round++) {
        char *text = take_text(arena, "abcdefghijklmnop", 16), *big = take(arena, 1 << 20);
        ck_assert_int_eq(text[16], 0);
        char *block = take(arena, 100);
        int *v = NULL, n = 0, room = 0;
        *push(arena, v, n, room) = 1;
        int few = room;
        while (n <= few)
            *push(arena, v, n, room) = 1; /* grows where it stands */
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(block[i], 0);
        for (int i = n; i < room; i++)
            ck_assert_int_eq(v[i], 0);
        for (int i = 0; i < 1 << 20; i += 4096)
            ck_assert_int_eq(big[i], 0);
        Buf buf = { .arena = arena };
        add_bytes(&buf, "", 0);
        ck_assert_str_eq(buf.text, "");
        reserve(&buf, 1000 + 100 * (size_t)round);
        ck_assert_str_eq(buf.text, "");
        memset(buf.text, 0x5A, buf.room);
        memset(block, 0x5A, 100);
        memset(v, 0x5A, (size_t)room * sizeof *v);
        memset(big, 0x5A, 1 << 20);
        empty_arena(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, blocks_are_zeroed_aligned_and_apart);
    tcase_add_test(tests, a_big_block_leaves_the_current_chunk_in_use);
    tcase_add_test(tests, text_is_copied_with_its_zero_byte);
    tcase_add_test(tests, an_array_grows_and_keeps_what_it_held);
    tcase_add_test(tests, a_buffer_ends_in_a_zero_byte_after_every_addition);
    tcase_add_test(tests, a_format_longer_than_the_room_is_whole);
    tcase_add_test(tests, an_emptied_arena_gives_zeroed_blocks_again);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}

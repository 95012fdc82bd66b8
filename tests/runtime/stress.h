/* stress.h - what the storms over the pool share: checks that abort, random numbers, and a board of wakers. */
#ifndef STRESS_H
#define STRESS_H
#include <ac/ac.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ended.h"
#include "sys_memory.h"

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* ---- the library is the one that can be made to fail: there others come between ---- */

static _Atomic uint32_t nplaces;

static void let_others_come(void)
{
    if (atomic_fetch_add_explicit(&nplaces, 1, memory_order_relaxed) * 2654435761u >> 30 == 0)
        sched_yield();
}

bool ac__fails(enum ac__call call, size_t *size)
{
    (void)call;
    (void)size;
    ac__between();
    return false;
}

/* ---- a board of wakers: tasks hang theirs there, threads take them down and wake ---- */

enum { HOOKS = 16 };
static _Atomic(struct ac_waker *) hooks[HOOKS];
static atomic_bool round_ends, is_calm;

/* False: the place is taken, or the wakers may be gone: then it has to go on by itself. */
static bool hang(struct ac_waker *waker, uint32_t random)
{
    if (atomic_load(&is_calm))
        return false;
    struct ac_waker *none = NULL, *mine = ac_waker_clone(waker);
    if (atomic_compare_exchange_strong(&hooks[random % HOOKS], &none, mine))
        return true;
    ac_waker_drop(mine);
    return false;
}

static void take_down(uint32_t random)
{
    struct ac_waker *waker = atomic_exchange(&hooks[random % HOOKS], NULL);
    if (waker == NULL)
        return;
    for (uint32_t i = random / HOOKS % 3; i > 0; i--)
        ac_wake_by_ref(waker);
    ac_wake(waker);
}

static void *wake_things(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    while (!atomic_load(&round_ends))
        take_down(next_random(&seed));
    for (uint32_t i = 0; i < HOOKS; i++)
        take_down(i);
    return NULL;
}

static pthread_t board_threads[2];

/* Two threads that take down and wake what they find. */
static void open_board(uint32_t seed)
{
    atomic_store(&round_ends, false);
    atomic_store(&is_calm, false);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&board_threads[i], NULL, wake_things, (void *)(seed + i));
}

static void close_board(void)
{
    atomic_store(&is_calm, true);
    atomic_store(&round_ends, true);
    for (int i = 0; i < 2; i++)
        pthread_join(board_threads[i], NULL);
    for (uint32_t i = 0; i < HOOKS; i++)
        take_down(i);
}

/* The program: [SEED [ROUNDS]]. */
static int run_rounds(int argc, char **argv, int rounds, void (*run_round)(uint32_t seed, int round))
{
    uint32_t seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 1;
    if (argc > 2)
        rounds = atoi(argv[2]);
    printf("seed %u, %d rounds\n", seed, rounds);
    fflush(stdout);
    for (int round = 0; round < rounds; round++) {
        alarm(120);
        run_round(next_random(&seed), round);
    }
    printf("%d passed, 0 failed\n", rounds);
    return 0;
}
#endif

/* bench.h - what the programs here share: the clock, the optimizer's barrier, the line of output.
 *
 * A program measures what an await costs, and prints for each measurement a line
 *
 *     BENCHMARK/PEER METRIC VALUE UNIT
 *
 * With ONLY="BENCHMARK/PEER METRIC" in the environment it takes that measurement alone: then its
 * instructions can be counted. */
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The value passes through a register that the optimizer can't see into. */
static inline uint64_t opaque(uint64_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x;
}

/* What the leaf of `ready` gives for x, and the sum of that over 0 to n - 1. */
static inline uint64_t leaf_value(uint64_t x) { return opaque(x) * 3 + 1; }
static inline uint64_t leaf_sum(uint64_t n) { return 3 * (n % 2 ? n * ((n - 1) / 2) : n / 2 * (n - 1)) + n; }

static inline void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "check failed: %s\n", what);
        exit(1);
    }
}

static inline int wanted(const char *name, const char *metric)
{
    const char *only = getenv("ONLY");
    size_t size = strlen(name);
    return !only || (!strncmp(only, name, size) && only[size] == ' ' && !strcmp(only + size + 1, metric));
}

/* `started`: what cpu_ns() said before the n operations. */
static inline void report(const char *name, const char *metric, uint64_t started, uint64_t n)
{
    printf("%s %s %.4g ns/op\n", name, metric, (double)(cpu_ns() - started) / (double)n);
    fflush(stdout);
}

static inline uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}
#endif

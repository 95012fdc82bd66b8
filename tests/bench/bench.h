/* bench.h - what the programs here share: the clocks, the optimizer's barrier, the line of output.
 *
 * A program measures what an await or a task costs, and prints for each measurement a line
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

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }
static inline uint64_t wall_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

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

/* What the n operations took. */
static inline void report_ns(const char *name, const char *metric, uint64_t ns, uint64_t n)
{
    printf("%s %s %.4g ns/op\n", name, metric, (double)ns / (double)n);
    fflush(stdout);
}

/* `started`: what cpu_ns() said before the n operations; and what wall_ns() said. */
static inline void report(const char *name, const char *metric, uint64_t started, uint64_t n)
{
    report_ns(name, metric, cpu_ns() - started, n);
}
static inline void report_wall(const char *name, const char *metric, uint64_t started, uint64_t n)
{
    report_ns(name, metric, wall_ns() - started, n);
}

static inline uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}
#endif

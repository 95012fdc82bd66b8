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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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

static inline void report_value(const char *name, const char *metric, double value, const char *unit)
{
    printf("%s %s %.4g %s\n", name, metric, value, unit);
    fflush(stdout);
}

/* What the n operations took. */
static inline void report_ns(const char *name, const char *metric, uint64_t ns, uint64_t n)
{
    report_value(name, metric, (double)ns / (double)n, "ns/op");
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

/* The memory that the process has in its hands. */
static inline long rss_bytes(void)
{
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    check(statm != NULL && fscanf(statm, "%*d %ld", &pages) == 1, "/proc/self/statm");
    fclose(statm);
    return pages * sysconf(_SC_PAGESIZE);
}

/* As many descriptors as the process may have. */
static inline void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static inline uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}

/* For what is written for one thread: argument i, the number of them, may say no other. 77: not offered. */
static inline void offer_one_thread(int argc, char **argv, int i)
{
    if (argument(argc, argv, i, 1) != 1)
        exit(77);
}
#endif

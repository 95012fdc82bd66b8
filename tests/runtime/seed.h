/* seed.h - the seed of a suite's storms: the program's argument, or else 1. It is printed, so that it can be had again. */
#ifndef SEED_H
#define SEED_H
#include <stdio.h>
#include <stdlib.h>

static unsigned storm_seed = 1;

static inline void take_seed(int argc, char **argv)
{
    if (argc > 1)
        storm_seed = (unsigned)strtoul(argv[1], NULL, 0);
    printf("seed %u\n", storm_seed);
    fflush(stdout);
}

/* Of one thread or task, which has a number of its own. */
static inline unsigned seed_for(unsigned number) { return number + (storm_seed - 1) * 2654435761u; }
#endif

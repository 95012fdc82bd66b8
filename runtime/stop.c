/* stop.c - the end of a program that broke a rule. */
#include "exec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ac__future_taken(const char *function, const char *file, int line)
{
    ac__stop(function, "a future is awaited a second time at %s:%d", file, line);
}

void ac__stop(const char *function, const char *why, ...)
{
    char text[512];
    va_list args;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);

    /* One call, so that other threads' output doesn't come between. */
    const struct ac_exec *exec = ac__current;
    if (exec != NULL && exec->running != NULL)
        fprintf(stderr, "asyncc: %s: %s (in a task of '%s')\n", function, text, exec->running->type->name);
    else
        fprintf(stderr, "asyncc: %s: %s\n", function, text);
    abort();
}

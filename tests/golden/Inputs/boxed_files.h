/* A module's header, for async files and plain ones. */
#ifndef BOXED_FILES_H
#define BOXED_FILES_H
#include <ac/future.h>
struct point { double x, y; };
AC_ASYNC int declared_twice(int n);
AC_ASYNC struct point moved(struct point p, double by);
AC_ASYNC int back_and_forth(int n);
struct machine {
    AC_ASYNC int (*step)(int n);
    const char *name;
};
extern const struct machine machines[2];
#endif

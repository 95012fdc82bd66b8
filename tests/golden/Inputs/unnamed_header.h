/* Types without a name, of a header: for header_types.ac. */
#ifndef UNNAMED_HEADER_H
#define UNNAMED_HEADER_H
static struct { int a, b; } pair = { 1, 2 };
static union { int i; char c[sizeof(int)]; } cells[2][3] = { { { 7 } } };
static const struct { int only; } fixed = { 9 };
struct holder { struct { struct { int deep; } in[2]; } *at; int n; };
typedef struct { struct { int x; } member; } lent;
static struct { const int kept; int other; } const_member = { 3, 4 };
#endif

/* grid.h - what every case of the await grid can use: operands, a trace, hand-written leaves.
 *
 * An operand comes in four kinds, for each type of the table below (x is its letter):
 *
 *     op_x(k)       a plain call                          both versions
 *     aw_x(k)       an async function (children.ac)       awaited; its twin is tw_aw_x
 *     hw_x(k)       a leaf future written by hand (here)  awaited; its twin is tw_hw_x
 *     a local or a part of one
 *
 * Each call notes k in the trace and gives a value that depends on k and on how long the trace is,
 * so whatever runs early, late, twice or never changes everything after it. */
#ifndef GRID_H
#define GRID_H
#include <stddef.h>
#include <string.h>

#include <ac/task.h>

/* The twin's temporaries. */
#define Q __attribute__((unused)) __auto_type

enum color { RED, GREEN, BLUE };

struct small {
    int a;
    char b;
    short c;
};

struct big {
    int arr[6];
    double d;
    struct small in;
    unsigned bfu : 5;
    int bfs : 7;
    _Bool bfb : 1;
    long long bfw : 40;
    char name[12];
};

typedef int (*fn2)(int, int);
typedef int vec4 __attribute__((vector_size(16)));

/* What pointers point to. Reset before, and compared after, each run of a case. */
extern int pool[16];
extern struct small smalls[8];
extern struct big bigs[2];

/* X(letter, type), for every type but void. */
#define GRID_TYPES(X) \
    X(b, _Bool) X(c, char) X(h, short) X(i, int) X(u, unsigned) X(l, long long) X(w, unsigned long) \
    X(f, float) X(d, double) X(e, enum color) X(p, int *) X(t, const char *) X(s, struct small) \
    X(S, struct big) X(q, struct small *) X(Q, struct big *) X(F, fn2)

/* val_ makes the value, op_ and the twins call it, tr_ notes a value. */
#define GRID_DECLARE(x, T) \
    T val_##x(int k);      \
    T op_##x(int k);       \
    T tw_hw_##x(int k);    \
    void tr_##x(T value);
GRID_TYPES(GRID_DECLARE)
void op_v(int k);
void tw_hw_v(int k);
void tr_k(int k);
void tr_b2(_Bool value);
int sees(int value); /* notes the value and gives it back */

/* A countdown: not zero for two calls, then zero, and again. */
int lim(int k);

int add2(int a, int b);
int sub2(int a, int b);
int g1f(int a);
int g2f(int a, int b);
int g3f(int a, double b, char c);
double g4f(double a, short b, unsigned c, long long d);
int g5f(int a, const char *b, struct small c, int *d, fn2 e);
struct small mk_s(int a, int b);
struct big mk_S(int a, double b);
struct small both_s(struct small a, struct small b);
int of_s(struct small a);
int of_S(struct big a);
int of_q(const struct small *a);
int of_p(const int *a, int count);
fn2 choose(int a);
int set_i(int k, int *p);      /* changes *p, gives the new value */
int *set_p(int k, int **p);
struct small set_s(int k, struct small *p);

/* How often the operand k suspends in this run. */
int grid_suspends(int k);

static inline void tw_ac_yield_now(void) {}

/* The leaves. A suspension leaves a mark in `left` only, so a leaf polled twice at once shows. */
#define GRID_LEAF(x, T)                                                                             \
    struct hw_##x##__frame {                                                                        \
        int k, left;                                                                                \
        T result;                                                                                   \
    };                                                                                              \
    AC_ASYNC T hw_##x(int k) AC_FRAME(struct hw_##x##__frame);                                      \
    static inline void hw_##x##__init(struct hw_##x##__frame *self, int k)                          \
    {                                                                                               \
        self->k = k;                                                                                \
        self->left = -1;                                                                            \
    }                                                                                               \
    static inline enum ac_poll hw_##x##__poll(struct hw_##x##__frame *self, struct ac_context *cx) \
    {                                                                                               \
        if (self->left < 0) {                                                                       \
            tr_k(self->k);                                                                          \
            self->left = grid_suspends(self->k);                                                    \
        }                                                                                           \
        if (self->left-- > 0) {                                                                     \
            ac_wake_by_ref(cx->waker);                                                              \
            return AC_PENDING;                                                                      \
        }                                                                                           \
        self->result = val_##x(self->k);                                                            \
        tr_k(-self->k);                                                                             \
        return AC_READY;                                                                            \
    }                                                                                               \
    static inline enum ac_poll hw_##x##__cancel(struct hw_##x##__frame *self, struct ac_context *cx) \
    {                                                                                               \
        (void)self;                                                                                 \
        (void)cx;                                                                                   \
        return AC_READY;                                                                            \
    }
GRID_TYPES(GRID_LEAF)

struct hw_v__frame {
    int k, left;
};
AC_ASYNC void hw_v(int k) AC_FRAME(struct hw_v__frame);
static inline void hw_v__init(struct hw_v__frame *self, int k)
{
    self->k = k;
    self->left = -1;
}
static inline enum ac_poll hw_v__poll(struct hw_v__frame *self, struct ac_context *cx)
{
    if (self->left < 0) {
        tr_k(self->k);
        self->left = grid_suspends(self->k);
    }
    if (self->left-- > 0) {
        ac_wake_by_ref(cx->waker);
        return AC_PENDING;
    }
    tr_k(-self->k);
    return AC_READY;
}
static inline enum ac_poll hw_v__cancel(struct hw_v__frame *self, struct ac_context *cx)
{
    (void)self;
    (void)cx;
    return AC_READY;
}

/* The driver's side (support.c). */

struct grid_case {
    const char *name;
    const char *text;
    void (*twin)(void);
    __SIZE_TYPE__ size, align; /* of the frame */
    void (*init)(void *frame);
    enum ac_poll (*start)(void *frame, struct ac_context *cx);
    enum ac_poll (*poll)(void *frame, struct ac_context *cx);
    enum ac_poll (*cancel)(void *frame, struct ac_context *cx);
    void (*elided)(void); /* in an elided build, in place of the four */
};

/* Runs the cases, in every mode, each against its twin. Prints what differs, then a line
 * `N passed, N failed`. @return the exit status. */
int grid_run(int argc, char **argv, const struct grid_case *cases, int ncases, int (*async_main)(int, char **));

/* For the async main, which runs the cases under the runtime's own executor. */
void grid_begin(int n);
void grid_end(int n);
int grid_finish(void);

#endif

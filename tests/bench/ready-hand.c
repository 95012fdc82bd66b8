/* ready-hand.c - what ready.ac measures, written by hand. `call`: a plain call; `hand`: the best state machine that
 * we know: the caller's locals in registers, saved when the child is pending; the child's first poll has an
 * entry of its own, which takes the arguments in registers. */
#include "bench.h"
#include <ac/future.h>

struct leaf {
    uint64_t x, result;
    unsigned char state;
};
struct sum {
    uint64_t i, n, sum;
    struct leaf child;
    unsigned char state;
};

static inline enum ac_poll start_inline(struct leaf *self, struct ac_context *cx, uint64_t x)
{
    (void)cx;
    self->result = leaf_value(x);
    return AC_READY;
}
static __attribute__((noinline)) enum ac_poll start_opaque(struct leaf *self, struct ac_context *cx, uint64_t x)
{
    return start_inline(self, cx, x);
}
static inline enum ac_poll poll_leaf(struct leaf *self, struct ac_context *cx)
{
    return start_inline(self, cx, self->x);
}

#define SUM(name, start_leaf)                                                          \
    static __attribute__((noinline)) enum ac_poll name(struct sum *f, struct ac_context *cx) \
    {                                                                                  \
        uint64_t i = f->i, n = f->n, sum = f->sum;                                     \
        switch (f->state) {                                                            \
        case 0:                                                                        \
            sum = 0;                                                                   \
            for (i = 0; i < n; i++) {                                                  \
                if (start_leaf(&f->child, cx, i) == AC_PENDING) {                      \
                    f->i = i, f->n = n, f->sum = sum, f->state = 1;                    \
                    return AC_PENDING;                                                 \
        case 1:                                                                        \
                    if (poll_leaf(&f->child, cx) == AC_PENDING)                        \
                        return AC_PENDING;                                             \
                }                                                                      \
                sum += f->child.result;                                                \
            }                                                                          \
        }                                                                              \
        f->sum = sum;                                                                  \
        return AC_READY;                                                               \
    }
SUM(sum_inline, start_inline)
SUM(sum_opaque, start_opaque)

static void measure(const char *metric, enum ac_poll (*poll)(struct sum *, struct ac_context *), uint64_t n)
{
    if (!wanted("ready/hand", metric))
        return;
    struct sum f = { .n = n };
    struct ac_context cx = { 0 };
    uint64_t started = cpu_ns();
    check(poll(&f, &cx) == AC_READY && f.sum == leaf_sum(n), metric);
    report("ready/hand", metric, started, n);
}

static inline uint64_t call_inline(uint64_t x) { return leaf_value(x); }
static __attribute__((noinline)) uint64_t call_opaque(uint64_t x) { return leaf_value(x); }

#define MEASURE_CALL(metric, leaf)                    \
    if (wanted("ready/call", metric)) {               \
        uint64_t sum = 0, started = cpu_ns();         \
        for (uint64_t i = 0; i < n; i++)              \
            sum += leaf(i);                           \
        check(sum == leaf_sum(n), metric);            \
        report("ready/call", metric, started, n);     \
    }

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 100000000);
    MEASURE_CALL("inline", call_inline)
    MEASURE_CALL("opaque", call_opaque)
    measure("inline", sum_inline, n);
    measure("opaque", sum_opaque, n);
}

/* chain-ring.c - drives the futures of chain.ac by hand on a ring, and beside them ones that were written by hand. */
#include "ring.h"
#include "bench.h"
#include <stddef.h>

struct ring ring;

/* What a header of chain.ac's would say. */
struct ring10__frame;
extern const struct ac_future_type ring10__future;
void ring10__init(struct ring10__frame *, uint64_t n);

struct hand1 {
    uint64_t i, n, result;
    struct ring_yield__frame child;
    unsigned char state;
};

static inline enum ac_poll poll1(struct hand1 *f, struct ac_context *cx)
{
    switch (f->state) {
    case 0:
        for (f->i = 0; f->i < f->n; f->i++) {
            ring_yield__init(&f->child);
            f->state = 1;
            if (ring_yield__poll(&f->child, cx) == AC_PENDING)
                return AC_PENDING;
            /* fall through */
    case 1:
            if (ring_yield__resume(&f->child, cx) == AC_PENDING)
                return AC_PENDING;
        }
        f->result = f->n;
    }
    return AC_READY;
}

#define HAND(level, inner)                                                                     \
    struct hand##level {                                                                       \
        struct hand##inner child;                                                              \
        uint64_t n, result;                                                                    \
        unsigned char state;                                                                   \
    };                                                                                         \
    static inline enum ac_poll poll##level(struct hand##level *f, struct ac_context *cx)       \
    {                                                                                          \
        switch (f->state) {                                                                    \
        case 0:                                                                                \
            f->child.n = f->n;                                                                 \
            f->child.state = 0;                                                                \
            f->state = 1;                                                                      \
            /* fall through */                                                                 \
        case 1:                                                                                \
            if (poll##inner(&f->child, cx) == AC_PENDING)                                      \
                return AC_PENDING;                                                             \
            f->result = f->child.result + 1;                                                   \
        }                                                                                      \
        return AC_READY;                                                                       \
    }
HAND(2, 1)
HAND(3, 2)
HAND(4, 3)
HAND(5, 4)
HAND(6, 5)
HAND(7, 6)
HAND(8, 7)
HAND(9, 8)
HAND(10, 9)

static enum ac_poll poll_hand(void *frame, struct ac_context *cx) { return poll10(frame, cx); }
static const struct ac_future_type hand = {
    .size = sizeof(struct hand10), .result_offset = offsetof(struct hand10, result), .poll = poll_hand
};

static void init_asyncc(void *frame, uint64_t n) { ring10__init(frame, n); }
static void init_hand(void *frame, uint64_t n) { *(struct hand10 *)frame = (struct hand10){ .n = n }; }

static void measure(const char *name, const struct ac_future_type *type, void (*init)(void *, uint64_t), uint64_t n)
{
    if (!wanted(name, "resume@D=10"))
        return;
    uint64_t started = cpu_ns();
    check(ring_sum(type, init, n, 1) == n + 9, name);
    report(name, "resume@D=10", started, n);
}

void measure_on_ring(uint64_t n);
void measure_on_ring(uint64_t n)
{
    measure("chain/asyncc-ring", &ring10__future, init_asyncc, n);
    measure("chain/hand", &hand, init_hand, n);
}

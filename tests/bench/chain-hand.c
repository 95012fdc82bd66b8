/* chain-hand N D - as chain.ac, for one thread and for D=10: futures on a ring, whose frames stand one inside of the other. */
#include "bench.h"
#include "ring.h"
#include <stddef.h>

struct ring ring;

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

static void init(void *frame, uint64_t n) { *(struct hand10 *)frame = (struct hand10){ .n = n }; }

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 1000000);
    if (argument(argc, argv, 2, 10) != 10)
        return 77;
    uint64_t started = cpu_ns();
    check(ring_sum(&hand, init, n, 1) == n + 9, "chain");
    report("chain/hand", "resume@D=10", started, n);
    return 0;
}

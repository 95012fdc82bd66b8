/* yield-hand N K - as yield.ac, for one thread: a future on a ring, with each local in its frame. */
#include "bench.h"
#include "ring.h"
#include <stddef.h>

struct ring ring;

struct hand {
    uint64_t i, n, sum;
    struct ring_yield__frame child;
    unsigned char state;
};

static enum ac_poll poll_hand(void *frame, struct ac_context *cx)
{
    struct hand *f = frame;
    switch (f->state) {
    case 0:
        for (f->i = 0; f->i < f->n; f->i++) {
            f->sum += opaque(f->i);
            ring_yield__init(&f->child);
            f->state = 1;
            if (ring_yield__poll(&f->child, cx) == AC_PENDING)
                return AC_PENDING;
            /* fall through */
    case 1:
            if (ring_yield__resume(&f->child, cx) == AC_PENDING)
                return AC_PENDING;
        }
    }
    return AC_READY;
}

static const struct ac_future_type hand = {
    .size = sizeof(struct hand), .result_offset = offsetof(struct hand, sum), .poll = poll_hand
};

static void init(void *frame, uint64_t n) { *(struct hand *)frame = (struct hand){ .n = n }; }

int main(int argc, char **argv)
{
    uint64_t n = argument(argc, argv, 1, 10000000), k = argument(argc, argv, 2, 1);
    uint64_t each = n / k, started = cpu_ns();
    check(ring_sum(&hand, init, each, k) == k * (each * (each - 1) / 2), "yield");
    report("yield/hand", "resume", started, each * k);
    return 0;
}

/* yield-ring.c - drives the futures of yield.ac by hand on a ring, and beside them one that was written by hand,
 * with each local in its frame. */
#include "ring.h"
#include "bench.h"
#include <stddef.h>

struct ring ring;

/* What a header of yield.ac's would say. */
struct ring_yielder__frame;
extern const struct ac_future_type ring_yielder__future;
void ring_yielder__init(struct ring_yielder__frame *, uint64_t n);

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

static void init_asyncc(void *frame, uint64_t n) { ring_yielder__init(frame, n); }
static void init_hand(void *frame, uint64_t n) { *(struct hand *)frame = (struct hand){ .n = n }; }

static void measure(const char *name, const struct ac_future_type *type, void (*init)(void *, uint64_t), uint64_t n,
                    uint64_t k, uint64_t sum)
{
    if (!wanted(name, "resume"))
        return;
    uint64_t started = cpu_ns();
    check(ring_sum(type, init, n, k) == sum, name);
    report(name, "resume", started, n * k);
}

void measure_on_ring(uint64_t each, uint64_t k, uint64_t sum);
void measure_on_ring(uint64_t each, uint64_t k, uint64_t sum)
{
    measure("yield/asyncc-ring", &ring_yielder__future, init_asyncc, each, k, sum);
    measure("yield/hand", &hand, init_hand, each, k, sum);
}

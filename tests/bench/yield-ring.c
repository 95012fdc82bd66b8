/* yield-ring.c - drives the futures of yield.ac by hand on a ring, as yield-hand.c does with its own. */
#include "ring.h"
#include "bench.h"

struct ring ring;

/* What a header of yield.ac's would say. */
struct ring_yielder__frame;
extern const struct ac_future_type ring_yielder__future;
void ring_yielder__init(struct ring_yielder__frame *, uint64_t n);

static void init(void *frame, uint64_t n) { ring_yielder__init(frame, n); }

void measure_on_ring(uint64_t each, uint64_t k, uint64_t sum);
void measure_on_ring(uint64_t each, uint64_t k, uint64_t sum)
{
    if (!wanted("yield/asyncc-ring", "resume"))
        return;
    uint64_t started = cpu_ns();
    check(ring_sum(&ring_yielder__future, init, each, k) == sum, "yield");
    report("yield/asyncc-ring", "resume", started, each * k);
}

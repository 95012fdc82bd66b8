/* chain-ring.c - drives the futures of chain.ac by hand on a ring, as chain-hand.c does with its own. */
#include "ring.h"
#include "bench.h"

struct ring ring;

/* What a header of chain.ac's would say. */
struct ring10__frame;
extern const struct ac_future_type ring10__future;
void ring10__init(struct ring10__frame *, uint64_t n);

static void init(void *frame, uint64_t n) { ring10__init(frame, n); }

void measure_on_ring(uint64_t n);
void measure_on_ring(uint64_t n)
{
    if (!wanted("chain/asyncc-ring", "resume@D=10"))
        return;
    uint64_t started = cpu_ns();
    check(ring_sum(&ring10__future, init, n, 1) == n + 9, "chain");
    report("chain/asyncc-ring", "resume@D=10", started, n);
}

/* chain-boxes.c - drives the recursive function of chain.ac by hand on a ring. Apart from chain-ring.c, so that compilers
 * choose there what they chose without it. */
#include "ring.h"
#include "bench.h"

/* What a header of chain.ac's would say. */
struct ring_nested__frame;
extern const struct ac_future_type ring_nested__future;
void ring_nested__init(struct ring_nested__frame *, uint64_t n, uint64_t d);

static uint64_t depth; /* of the one that is initialised next */
static void init(void *frame, uint64_t n) { ring_nested__init(frame, n, depth); }

void measure_boxes_on_ring(uint64_t n, uint64_t d, const char *metric);
void measure_boxes_on_ring(uint64_t n, uint64_t d, const char *metric)
{
    if (!wanted("chain/asyncc-boxed-ring", metric))
        return;
    uint64_t started = cpu_ns();
    depth = d;
    check(ring_sum(&ring_nested__future, init, n, 1) == n + d - 1, "chain");
    report("chain/asyncc-boxed-ring", metric, started, n);
}

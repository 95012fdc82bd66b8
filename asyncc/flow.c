/* flow.c - what may be of each local, on the paths that lead to a place: forward dataflow, as in Aho et al., 2nd ed., 9.3. */
#include "asyncc.h"
#include <string.h>

void flow_states(Fn *fn, const unsigned char *entry, void (*walk)(void *, Block *, unsigned char *state), void *data, bool *last)
{
    Arena *arena = fn->tu->work;
    size_t n = (size_t)fn->nlocals;
    unsigned char *in = take(arena, n * (size_t)fn->nblocks + 1), *state = take(arena, n + 1);
    memcpy(in, entry, n);
    for (bool changed = true; changed;) {
        changed = false;
        for (int b = 0; b < fn->nblocks; b++) {
            Block *block = fn->blocks[b];
            memcpy(state, in + (size_t)b * n, n);
            walk(data, block, state);
            for (int k = 0; k < block->nnext; k++) {
                unsigned char *to = in + (size_t)block->next[k]->index * n;
                for (size_t i = 0; i < n; i++)
                    if ((to[i] | state[i]) != to[i])
                        to[i] |= state[i], changed = true;
            }
        }
    }
    *last = true;
    for (int b = 0; b < fn->nblocks; b++) {
        memcpy(state, in + (size_t)b * n, n);
        walk(data, fn->blocks[b], state);
    }
}

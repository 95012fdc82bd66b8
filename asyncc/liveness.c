/* liveness.c - which locals have to outlive a suspension.
 *
 *     int noise = n % 7;             noise: STACK    dead before the await
 *     char line[80];                 line:  PLACED   its address is out
 *     printf("%d\n", noise);
 *     await read_line(line);         live here: n, line
 *     return 2 * n;                  n:     SAVED    read after it
 *
 * A local whose address isn't taken is live where a later read may see its value: backward dataflow,
 * as in Aho et al., 2nd ed., 9.2.5. One whose address is taken may be read by anyone as long as it
 * exists, so it is live from where it may first have a value, or its address be out, to the end of its
 * scope: forward dataflow (`begun`). Both are kept in the same sets, since a local is of one kind or the other.
 *
 * Which of them may share space belongs to frame.c. */
#include "asyncc.h"

Bits new_bits(Arena *arena, int nbits)
{
    Bits bits = { .nwords = (nbits + 63) / 64 };
    bits.words = take(arena, sizeof *bits.words * (size_t)(bits.nwords + 1));
    return bits;
}

static void copy_bits(Bits to, Bits from)
{
    for (int i = 0; i < to.nwords; i++)
        to.words[i] = from.words[i];
}

static bool add_bits(Bits to, Bits more)
{
    uint64_t fresh = 0;
    for (int i = 0; i < to.nwords; i++) {
        fresh |= more.words[i] & ~to.words[i];
        to.words[i] |= more.words[i];
    }
    return fresh != 0;
}

/* to = gen | (from & ~kill). Whether to has changed. */
static bool transfer(Bits to, Bits from, Bits gen, Bits kill)
{
    uint64_t changed = 0;
    for (int i = 0; i < to.nwords; i++) {
        uint64_t word = gen.words[i] | (from.words[i] & ~kill.words[i]);
        changed |= word ^ to.words[i];
        to.words[i] = word;
    }
    return changed != 0;
}

/* What one block does to a set that flows through it. */
typedef struct Effect {
    Bits gen, kill, in, out;
} Effect;

static Effect *new_effects(Fn *fn)
{
    Arena *arena = fn->tu->work;
    Effect *effects = take(arena, sizeof *effects * (size_t)(fn->nblocks + 1));
    int nwords = (fn->nlocals + 63) / 64;
    uint64_t *words = take(arena, sizeof *words * ((size_t)nwords * (size_t)fn->nblocks * 4 + 1));
    for (int i = 0; i < fn->nblocks; i++) {
        Bits *sets[] = { &effects[i].gen, &effects[i].kill, &effects[i].in, &effects[i].out };
        for (int k = 0; k < 4; k++, words += nwords)
            *sets[k] = (Bits){ words, nwords };
    }
    return effects;
}

static void gen(Effect *effect, int local)
{
    set_bit(effect->gen, local);
    clear_bit(effect->kill, local);
}

static void kill(Effect *effect, int local)
{
    clear_bit(effect->gen, local);
    set_bit(effect->kill, local);
}

static void flow_forward(Fn *fn, Effect *effects)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < fn->nblocks; i++) {
            Block *block = fn->blocks[i];
            transfer(effects[i].out, effects[i].in, effects[i].gen, effects[i].kill);
            for (int k = 0; k < block->nnext; k++) {
                int next = block->next[k]->index;
                changed |= add_bits(effects[next].in, effects[i].out) && next <= i;
            }
        }
    }
}

static void flow_backward(Fn *fn, Effect *effects)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = fn->nblocks; i-- > 0;) {
            Block *block = fn->blocks[i];
            for (int k = 0; k < block->nnext; k++)
                add_bits(effects[i].out, effects[block->next[k]->index].in);
            changed |= transfer(effects[i].in, effects[i].out, effects[i].gen, effects[i].kill);
        }
    }
}

/* The reader sees `&`; an address that a temporary holds is seen only in the events. */
static void mark_addresses(Fn *fn)
{
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nevents; k++) {
            Event event = fn->blocks[i]->events[k];
            if (event.kind == EVENT_ADDRESS)
                event.local->address_taken = event.local->in_place = true;
        }
}

static Effect *find_read_later(Fn *fn)
{
    Effect *effects = new_effects(fn);
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = fn->blocks[i]->nevents; k-- > 0;) {
            Event event = fn->blocks[i]->events[k];
            if (event.local->address_taken || event.kind == EVENT_PART)
                continue;
            if (event.kind == EVENT_USE)
                gen(&effects[i], event.local->index);
            else
                kill(&effects[i], event.local->index);
        }
    flow_backward(fn, effects);
    return effects;
}

static Effect *find_begun(Fn *fn)
{
    Effect *effects = new_effects(fn);
    bool some = false;
    for (int i = 0; i < fn->nlocals; i++)
        some |= fn->locals[i]->address_taken;
    if (!some)
        return effects;
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nevents; k++) {
            Event event = fn->blocks[i]->events[k];
            if (!event.local->address_taken)
                continue;
            if (event.kind == EVENT_ENTER || event.kind == EVENT_LEAVE)
                kill(&effects[i], event.local->index);
            else if (event.kind != EVENT_DECLARE)
                gen(&effects[i], event.local->index);
        }
    for (int i = 0; i < fn->nparams && fn->nblocks; i++)
        if (fn->params[i]->address_taken)
            set_bit(effects[0].in, fn->params[i]->index);
    flow_forward(fn, effects);
    return effects;
}

/* Saving what was never assigned is harmless to the program, but compilers warn of it. */
static void find_undefined(Fn *fn)
{
    Effect *effects = new_effects(fn);
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nevents; k++) {
            Event event = fn->blocks[i]->events[k];
            if (event.kind == EVENT_DEF || event.kind == EVENT_PART) /* of a scalar: a call that it is lent to, asm */
                kill(&effects[i], event.local->index);
            else if (event.kind == EVENT_DECLARE || event.kind == EVENT_ENTER)
                gen(&effects[i], event.local->index);
        }
    for (int i = 0; i < fn->nlocals && fn->nblocks; i++)
        if (fn->locals[i]->kind != LOCAL_PARAM)
            set_bit(effects[0].in, i); /* a jump may lead past the declaration */
    flow_forward(fn, effects);
    for (int i = 0; i < fn->nblocks; i++) {
        if (fn->blocks[i]->exit != EXIT_AWAIT)
            continue;
        for (int k = 0; k < fn->nlocals; k++)
            if (fn->locals[k]->home == HOME_SAVED && has_bit(fn->blocks[i]->await->live, k) &&
                has_bit(effects[i].out, k))
                fn->locals[k]->undefined_ok = true;
    }
}

static void find_constants(Fn *fn)
{
    for (int i = 0; i < fn->nparams; i++)
        fn->params[i]->is_constant = fn->params[i]->home == HOME_SAVED;
    for (int i = 0; i < fn->nblocks; i++)
        for (int k = 0; k < fn->blocks[i]->nevents; k++)
            if (fn->blocks[i]->events[k].kind != EVENT_USE)
                fn->blocks[i]->events[k].local->is_constant = false;
}

/* Where the function is cancelled, what is in the frame has to tell whether it was taken. */
static void find_nulled(const Fn *fn)
{
    for (int i = 0; i < fn->nlocals; i++)
        fn->locals[i]->is_nulled = false;
    for (int i = 0; i < fn->nawaits; i++) {
        const Await *await = fn->awaits[i];
        for (int k = 0; await->reached && await->perhaps_held.words && k < fn->nlocals; k++)
            if (has_bit(await->perhaps_held, k) && has_bit(await->live, k)) {
                fn->locals[k]->is_nulled = true;
                fn->locals[k]->is_constant = false;
            }
    }
}

/* A jump into a block may lead to a read of what that block declares, which then has no value: nothing to keep. */
static void leave_out_of_scope(const Fn *fn, Await *await)
{
    for (int i = 0; i < fn->nlocals; i++) {
        const Node *scope = fn->locals[i]->scope;
        if (scope && await->node && (await->node->from < scope->from || await->node->to > scope->to))
            clear_bit(await->live, i);
    }
}

void find_live_locals(Fn *fn)
{
    Arena *arena = fn->tu->arena;
    mark_addresses(fn);
    Effect *read_later = find_read_later(fn), *begun = find_begun(fn);
    Bits crossing = new_bits(arena, fn->nlocals);
    for (int i = 0; i < fn->nawaits; i++)
        fn->awaits[i]->live = new_bits(arena, fn->nlocals);
    for (int i = 0; i < fn->nblocks; i++) {
        Block *block = fn->blocks[i];
        block->live_in = read_later[i].in;
        add_bits(block->live_in, begun[i].in);
        block->live_out = read_later[i].out;
        add_bits(block->live_out, begun[i].out);
        if (block->exit != EXIT_AWAIT)
            continue;
        copy_bits(block->await->live, block->live_out);
        leave_out_of_scope(fn, block->await);
        block->await->reached = true;
        add_bits(crossing, block->await->live);
    }
    for (int i = 0; i < fn->nlocals; i++) {
        Local *local = fn->locals[i];
        local->home = !has_bit(crossing, i) ? HOME_STACK : local->in_place ? HOME_PLACED : HOME_SAVED;
    }
    for (int i = 0; i < fn->nlocals; i++)
        if (is_kept_future(fn->locals[i])) { /* it is polled where it was made */
            fn->locals[i]->home = HOME_PLACED;
            if (fn->locals[i]->said)
                fn->locals[i]->said->home = HOME_PLACED;
        }
    find_undefined(fn);
    find_constants(fn);
    find_nulled(fn);
}

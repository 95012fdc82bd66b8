/* timer.c - the hierarchical timing wheel of timer.h.
 *
 *     wheel at tick 70 = 1,6        (groups of six bits: 70 = 1 * 64 + 6)
 *     timer for  72 = 1,8           level 0, slot 8
 *     timer for 130 = 2,2           level 1, slot 2; comes to level 0 at tick 128
 *
 * The invariant is that a timer's level is that of the highest group in which its tick and the wheel's
 * differ, or 0. It holds while the wheel moves, as long as it stops at the beginning of each
 * slot that is occupied: until it is there the group stays different, and those above stay equal. So
 * every timer of a level is due before any of the next, and within a level the slots are in order;
 * which is why the next stop is the lowest bit of the lowest level. */
#include "timer.h"

#include <stddef.h>

enum { LEVEL_BITS = 6 };

static unsigned slot_for(const struct ac__wheel *wheel, uint64_t tick)
{
    uint64_t differs = wheel->tick ^ tick;
    unsigned level = differs == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differs)) / LEVEL_BITS;
    return level * AC__WHEEL_SLOTS + (tick >> level * LEVEL_BITS) % AC__WHEEL_SLOTS;
}

static void link_timer(struct ac__wheel *wheel, struct ac__timer *timer)
{
    unsigned slot = slot_for(wheel, timer->tick);
    struct ac__timer *first = wheel->slots[slot];
    if (first == NULL) {
        timer->next = timer->prev = timer;
        wheel->slots[slot] = timer;
        wheel->occupied[slot / AC__WHEEL_SLOTS] |= UINT64_C(1) << slot % AC__WHEEL_SLOTS;
    } else {
        timer->next = first;
        timer->prev = first->prev;
        first->prev->next = timer;
        first->prev = timer;
    }
    timer->slot = (unsigned short)slot;
}

static void unlink_timer(struct ac__wheel *wheel, struct ac__timer *timer)
{
    unsigned slot = timer->slot;
    if (timer->next == timer) {
        wheel->slots[slot] = NULL;
        wheel->occupied[slot / AC__WHEEL_SLOTS] &= ~(UINT64_C(1) << slot % AC__WHEEL_SLOTS);
        return;
    }
    timer->next->prev = timer->prev;
    timer->prev->next = timer->next;
    if (wheel->slots[slot] == timer)
        wheel->slots[slot] = timer->next;
}

void ac__timer_start(struct ac__wheel *wheel, struct ac__timer *timer, uint64_t tick)
{
    timer->tick = tick < wheel->tick ? wheel->tick : tick;
    timer->armed = 1;
    link_timer(wheel, timer);
}

void ac__timer_cancel(struct ac__wheel *wheel, struct ac__timer *timer)
{
    if (!timer->armed)
        return;
    unlink_timer(wheel, timer);
    timer->armed = 0;
}

/* The first occupied slot, by time, and the tick at which it begins. */
static bool first_slot(const struct ac__wheel *wheel, unsigned *slot, uint64_t *tick)
{
    for (unsigned level = 0; level < AC__WHEEL_LEVELS; level++) {
        if (wheel->occupied[level] == 0)
            continue;
        unsigned index = (unsigned)__builtin_ctzll(wheel->occupied[level]);
        unsigned shift = level * LEVEL_BITS;
        /* The top level's groups above it don't exist, and a shift by 64 or more isn't defined. */
        uint64_t above = level + 1 < AC__WHEEL_LEVELS
                             ? wheel->tick >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS)
                             : 0;
        *slot = level * AC__WHEEL_SLOTS + index;
        *tick = above | (uint64_t)index << shift;
        return true;
    }
    return false;
}

bool ac__wheel_next(const struct ac__wheel *wheel, uint64_t *tick)
{
    unsigned slot;
    return first_slot(wheel, &slot, tick);
}

void ac__wheel_turn(struct ac__wheel *wheel, uint64_t to)
{
    unsigned slot;
    uint64_t tick;
    while (first_slot(wheel, &slot, &tick) && tick <= to) {
        wheel->tick = tick;
        struct ac__timer *timer;
        while ((timer = wheel->slots[slot]) != NULL) {
            unlink_timer(wheel, timer);
            if (slot < AC__WHEEL_SLOTS) {
                timer->armed = 0;
                ac_wake_by_ref(timer->waker);
            } else {
                link_timer(wheel, timer);
            }
        }
    }
    if (wheel->tick < to)
        wheel->tick = to;
}

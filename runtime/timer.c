/* timer.c - the hierarchical timing wheel of timer.h.
 *
 *     wheel at tick 1000
 *     timer for 1400                level 0, slot 1400 % 512: it is less than 512 ticks away
 *     timer for 1700                level 1, the slot of 1536 to 2047; comes to level 0 at tick 1536
 *
 * Level 0 is a window that moves with the wheel: its timers are due between the wheel's tick and 511 later, so no two
 * laps meet in a slot. For a timer above, the invariant is that its level is that of the highest group
 * in which its tick and the wheel's differ. It holds while the wheel moves, as long as it stops at the
 * beginning of each slot that is occupied: until it is there the group stays different, and those above stay equal.
 * So every timer of such a level is due before any of the next, and within a level the slots are in order.
 *
 * Timers lie scattered in memory, a cache miss each. Arming touches the last one of the slot and no other; firing
 * walks along the list and unlinks none by itself. */
#include "timer.h"

#include <stddef.h>

_Static_assert(offsetof(struct ac__timer, next) == 0, "before() finds a timer by its next");

static uint64_t shift_of(unsigned level) { return AC__WHEEL_NEAR_BITS + (level - 1) * AC__WHEEL_BITS; }

static unsigned slot_for(const struct ac__wheel *wheel, uint64_t tick)
{
    if (tick - wheel->tick < AC__WHEEL_NEAR)
        return (unsigned)(tick % AC__WHEEL_NEAR);
    /* They are that far apart, so a bit above those of level 0 differs. */
    unsigned highest = 63 - (unsigned)__builtin_clzll(wheel->tick ^ tick);
    unsigned level = 1 + (highest - AC__WHEEL_NEAR_BITS) / AC__WHEEL_BITS;
    return AC__WHEEL_NEAR + (level - 1) * AC__WHEEL_SLOTS
           + (unsigned)((tick >> shift_of(level)) % AC__WHEEL_SLOTS);
}

static void mark_occupied(struct ac__wheel *wheel, unsigned slot)
{
    wheel->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
}
static void mark_empty(struct ac__wheel *wheel, unsigned slot)
{
    wheel->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

static void put_last(struct ac__wheel *wheel, struct ac__timer *timer, unsigned number)
{
    struct ac__wheel_slot *slot = &wheel->slots[number];
    if (slot->first == NULL) {
        slot->end = &slot->first;
        mark_occupied(wheel, number);
    }
    timer->slot = (unsigned short)number;
    timer->next = NULL;
    timer->link = slot->end;
    *slot->end = timer;
    slot->end = &timer->next;
}

static void put_first(struct ac__wheel *wheel, struct ac__timer *timer, unsigned number)
{
    struct ac__wheel_slot *slot = &wheel->slots[number];
    if (slot->first == NULL) {
        put_last(wheel, timer, number);
        return;
    }
    timer->slot = (unsigned short)number;
    timer->next = slot->first;
    timer->link = &slot->first;
    slot->first->link = &timer->next;
    slot->first = timer;
}

void ac__timer_start(struct ac__wheel *wheel, struct ac__timer *timer, uint64_t tick)
{
    timer->tick = tick < wheel->tick ? wheel->tick : tick;
    timer->armed = 1;
    wheel->ntimers++;
    put_last(wheel, timer, slot_for(wheel, timer->tick));
}

void ac__timer_cancel(struct ac__wheel *wheel, struct ac__timer *timer)
{
    if (!timer->armed)
        return;
    struct ac__wheel_slot *slot = &wheel->slots[timer->slot];
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
    else
        slot->end = timer->link;
    if (slot->first == NULL)
        mark_empty(wheel, timer->slot);
    timer->armed = 0;
    wheel->ntimers--;
}

/* The first occupied slot of level 0, by time. */
static bool first_near(const struct ac__wheel *wheel, unsigned *slot, uint64_t *tick)
{
    enum { WORDS = AC__WHEEL_NEAR / 64 };
    unsigned start = (unsigned)(wheel->tick % AC__WHEEL_NEAR);
    for (unsigned i = 0; i <= WORDS; i++) {
        unsigned word = (start / 64 + i) % WORDS;
        uint64_t bits = wheel->occupied[word];
        /* The word in which the window begins is where it ends, too. */
        uint64_t from_start = UINT64_MAX << start % 64;
        if (i == 0)
            bits &= from_start;
        else if (i == WORDS)
            bits &= ~from_start;
        if (bits == 0)
            continue;
        *slot = word * 64 + (unsigned)__builtin_ctzll(bits);
        *tick = wheel->tick + (*slot - start) % AC__WHEEL_NEAR;
        return true;
    }
    return false;
}

/* The first occupied slot above level 0, by time, and the tick at which it begins. */
static bool first_far(const struct ac__wheel *wheel, unsigned *slot, uint64_t *tick)
{
    for (unsigned level = 1; level <= AC__WHEEL_LEVELS; level++) {
        uint64_t bits = wheel->occupied[AC__WHEEL_NEAR / 64 + level - 1];
        if (bits == 0)
            continue;
        unsigned index = (unsigned)__builtin_ctzll(bits);
        /* The top level's groups above it don't exist, and a shift by 64 or more isn't defined. */
        uint64_t shift = shift_of(level), next_shift = shift_of(level + 1);
        uint64_t above = level < AC__WHEEL_LEVELS ? wheel->tick >> next_shift << next_shift : 0;
        *slot = AC__WHEEL_NEAR + (level - 1) * AC__WHEEL_SLOTS + index;
        *tick = above | (uint64_t)index << shift;
        return true;
    }
    return false;
}

/* The slot at which the wheel has to stop next. Of two for one tick it is the one above: its timers were armed before
 * those that went to level 0 at once. */
static bool first_slot(const struct ac__wheel *wheel, unsigned *slot, uint64_t *tick)
{
    unsigned far;
    uint64_t begins;
    if (wheel->ntimers == 0)
        return false;
    bool near = first_near(wheel, slot, tick);
    if (first_far(wheel, &far, &begins) && (!near || begins <= *tick)) {
        *slot = far;
        *tick = begins;
    }
    return true;
}

bool ac__wheel_next(const struct ac__wheel *wheel, uint64_t *tick)
{
    unsigned slot;
    return first_slot(wheel, &slot, tick);
}

/* What was in the slot, as a list that belongs to no slot any more. */
static struct ac__timer *take_all(struct ac__wheel *wheel, unsigned number)
{
    struct ac__timer *first = wheel->slots[number].first;
    wheel->slots[number].first = NULL;
    mark_empty(wheel, number);
    return first;
}

/* The timer before this one, in a list that began at @p first. Its `next` is its first member. */
static struct ac__timer *before(struct ac__timer *const *first, const struct ac__timer *timer)
{
    return timer->link == first ? NULL : (struct ac__timer *)timer->link;
}

static void fire(struct ac__wheel *wheel, unsigned number)
{
    /* A walk along a list waits for each timer's cache miss before it knows of the next. Another one, which comes from
     * the other end at the same pace, waits for its own at the same time; and when they meet, what is left is
     * in the cache. A wake puts a task into a queue and runs nothing, so the list stays as it is. */
    struct ac__timer *const *first = &wheel->slots[number].first;
    const struct ac__timer *other = (struct ac__timer *)wheel->slots[number].end;
    size_t n = 0;
    for (struct ac__timer *timer = take_all(wheel, number), *next; timer != NULL; timer = next) {
        next = timer->next;
        if (other != NULL) {
            __builtin_prefetch(other->waker, 1);
            other = other == timer || other == next ? NULL : before(first, other);
        }
        n++;
        ac_wake_by_ref(timer->waker);
        /* Last, and released: the leaf that sees it may go, without the lock. */
        __atomic_store_n(&timer->armed, 0, __ATOMIC_RELEASE);
    }
    wheel->ntimers -= n;
}

/* Timers for one tick that come down to level 0 were armed before those that are there; so they go before them, the
 * last one first. On other levels there is none for the same tick. */
static void spread(struct ac__wheel *wheel, unsigned number)
{
    struct ac__timer *reversed = NULL;
    for (struct ac__timer *timer = take_all(wheel, number), *next; timer != NULL; timer = next) {
        next = timer->next;
        __builtin_prefetch(next, 1);
        unsigned slot = slot_for(wheel, timer->tick);
        if (slot >= AC__WHEEL_NEAR) {
            put_last(wheel, timer, slot);
        } else {
            timer->next = reversed;
            reversed = timer;
        }
    }
    for (struct ac__timer *timer = reversed, *next; timer != NULL; timer = next) {
        next = timer->next;
        put_first(wheel, timer, slot_for(wheel, timer->tick));
    }
}

void ac__wheel_turn(struct ac__wheel *wheel, uint64_t to)
{
    unsigned slot;
    uint64_t tick;
    while (first_slot(wheel, &slot, &tick) && tick <= to) {
        wheel->tick = tick;
        if (slot < AC__WHEEL_NEAR)
            fire(wheel, slot);
        else
            spread(wheel, slot);
    }
    if (wheel->tick < to)
        wheel->tick = to;
}

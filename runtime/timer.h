/* timer.h - a hierarchical timing wheel.
 *
 * Varghese and Lauck (SOSP 1987), scheme 7, with a wide lowest level: that has a slot for each of the next 512
 * ticks, so that a timer for the next half second is put where it will fire and not touched in between. The levels
 * above, of 64 slots each, take the rest: level 1 has a slot for each 512 ticks, level 2 one for each 64 of those,
 * and so on. There a timer is on the level of the highest group of six bits in which its tick differs from the
 * wheel's, in the slot that its own bits there say. Once the wheel has come to the beginning of that slot, its
 * timers are spread over the levels below. With ten such levels all of uint64_t has its place. */
#ifndef AC__TIMER_H
#define AC__TIMER_H
#include <ac/time.h>
#include <pthread.h>
#include <stdbool.h>

enum {
    AC__WHEEL_NEAR_BITS = 9,
    AC__WHEEL_NEAR = 1 << AC__WHEEL_NEAR_BITS, /* slots of level 0 */
    AC__WHEEL_BITS = 6,
    AC__WHEEL_SLOTS = 1 << AC__WHEEL_BITS, /* of each level above */
    AC__WHEEL_LEVELS = 10,                 /* above level 0       */
    AC__WHEEL_ALL_SLOTS = AC__WHEEL_NEAR + AC__WHEEL_LEVELS * AC__WHEEL_SLOTS,
};

/* A list of timers, first to last. */
struct ac__wheel_slot {
    struct ac__timer *first, **end; /* end is not set while it is empty */
};

struct ac__wheel {
    uint64_t tick;                                /* all timers due at it or before have fired          */
    size_t ntimers;                               /* armed                                              */
    uint64_t occupied[AC__WHEEL_ALL_SLOTS / 64];  /* a bit for each slot that holds a timer             */
    struct ac__wheel_slot slots[AC__WHEEL_ALL_SLOTS]; /* level 0, then those above, the lowest first    */

    /* Of the wheel that a pool's workers share; of one executor's both are null. Whoever uses the wheel or one of
     * its timers holds the lock, under which timers are woken, too. Who has armed one calls `changed`. Only
     * whether a timer has fired may be asked without it: that acquires all that the wheel has done with the timer. */
    pthread_mutex_t *lock;
    void (*changed)(struct ac__wheel *);
};
static inline void ac__wheel_lock(struct ac__wheel *wheel)
{
    if (wheel->lock != NULL)
        pthread_mutex_lock(wheel->lock);
}
static inline void ac__wheel_unlock(struct ac__wheel *wheel)
{
    if (wheel->lock != NULL)
        pthread_mutex_unlock(wheel->lock);
}

/* All of @p wheel zero but its tick: an empty one. A tick is one millisecond of the clock. */
static inline uint64_t ac__tick_after(uint64_t ns) { return ns / AC_MS + (ns % AC_MS != 0); }
static inline uint64_t ac__tick_before(uint64_t ns) { return ns / AC_MS; }
/* The last that can be told in nanoseconds. An executor's wheel, and the pool's, has no timers for later ones. */
#define AC__LAST_TICK (UINT64_MAX / AC_MS)

/* Arms @p timer, which isn't armed, for @p tick. O(1). A tick that has passed is the next one. */
void ac__timer_start(struct ac__wheel *, struct ac__timer *timer, uint64_t tick);
/* Disarms it, if it is armed. O(1). */
void ac__timer_cancel(struct ac__wheel *, struct ac__timer *);

static inline bool ac__timer_has_fired(const struct ac__timer *timer)
{
    return !__atomic_load_n(&timer->armed, __ATOMIC_ACQUIRE);
}

static inline bool ac__wheel_is_empty(const struct ac__wheel *wheel) { return wheel->ntimers == 0; }
/* The tick to which the wheel should be turned next: that of the next timer, or an earlier one at
 * which timers change their level. False when there is no timer. */
bool ac__wheel_next(const struct ac__wheel *, uint64_t *tick);
/* Moves the wheel to @p tick and wakes what is due by then, earlier ticks first, and those of one
 * tick in the order in which they were armed. */
void ac__wheel_turn(struct ac__wheel *, uint64_t tick);
#endif

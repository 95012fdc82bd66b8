/* Timers: the wheel against a list that is searched, and sleeping by a clock that stands still. */
#include "waiting.h"
#include "exec.h"

#include <pthread.h>
#include <unistd.h>

/* ---- the wheel by itself ---- */

/* Each timer notes the order in which it was woken. */
struct alarm {
    struct ac_waker waker;
    struct ac__timer timer;
    uint64_t due;
    unsigned long fired_as; /* 0: not yet */
};
static unsigned long nfired;

static void ring(struct ac_waker *waker) { ((struct alarm *)waker)->fired_as = ++nfired; }
static struct ac_waker *same(struct ac_waker *waker) { return waker; }
static const struct ac_waker_ops alarm_ops = { same, ring, ring, ring };

static void set(struct ac__wheel *wheel, struct alarm *alarm, uint64_t due)
{
    *alarm = (struct alarm){ .waker.ops = &alarm_ops, .due = due };
    alarm->timer.waker = &alarm->waker;
    ac__timer_start(wheel, &alarm->timer, due);
}

START_TEST(a_timer_fires_at_its_tick_and_not_before)
{
    static const uint64_t dues[] = { 0, 1, 63, 64, 65, 127, 128, 4095, 4096, 4097, 262143, 262144, 1000000007,
                                     UINT64_C(1) << 59, UINT64_MAX - 1, UINT64_MAX };
    for (uint64_t start = 0; start < 200; start += 37)
        for (size_t i = 0; i < COUNT(dues); i++) {
            struct ac__wheel wheel = { .tick = start };
            struct alarm alarm;
            uint64_t due = dues[i] < start ? start : dues[i], next;
            set(&wheel, &alarm, due);
            if (due > start) {
                ac__wheel_turn(&wheel, due - 1);
                ck_assert_uint_eq(alarm.fired_as, 0);
                ck_assert_uint_eq(wheel.tick, due - 1);
            }
            ck_assert(ac__wheel_next(&wheel, &next));
            ck_assert_uint_eq(next, due);
            ac__wheel_turn(&wheel, due);
            ck_assert_uint_ne(alarm.fired_as, 0);
            ck_assert(!ac__wheel_next(&wheel, &next));
        }
}
END_TEST

START_TEST(a_tick_that_has_passed_fires_on_the_next_turn)
{
    struct ac__wheel wheel = { .tick = 1000 };
    struct alarm alarm;
    set(&wheel, &alarm, 7);
    ac__wheel_turn(&wheel, 1000);
    ck_assert_uint_ne(alarm.fired_as, 0);
}
END_TEST

START_TEST(timers_of_one_tick_fire_in_the_order_in_which_they_were_armed)
{
    struct ac__wheel wheel = { .tick = 0 };
    struct alarm alarms[20];
    nfired = 0;
    for (int i = 0; i < 20; i++)
        set(&wheel, &alarms[i], 5000);
    ac__timer_cancel(&wheel, &alarms[0].timer);
    ac__timer_cancel(&wheel, &alarms[7].timer);
    ac__timer_cancel(&wheel, &alarms[7].timer); /* no harm in that */
    ac__wheel_turn(&wheel, 9999);
    for (int i = 0, nth = 0; i < 20; i++)
        ck_assert_uint_eq(alarms[i].fired_as, i == 0 || i == 7 ? 0 : (unsigned long)++nth);
}
END_TEST

START_TEST(those_armed_from_afar_come_before_those_armed_near_by)
{
    /* For one tick each, from ever shorter distances: so they start on different levels of the wheel. */
    static const uint64_t starts[] = { 0, 100, 30000, 60000, 98000, 99000, 99800, 99990 };
    struct ac__wheel wheel = { .tick = 0 };
    struct alarm alarms[COUNT(starts)][3];
    nfired = 0;
    for (size_t i = 0; i < COUNT(starts); i++) {
        ac__wheel_turn(&wheel, starts[i]);
        for (int k = 0; k < 3; k++)
            set(&wheel, &alarms[i][k], 100000);
    }
    ac__timer_cancel(&wheel, &alarms[2][1].timer);
    ac__wheel_turn(&wheel, 100000);
    unsigned long nth = 0;
    for (size_t i = 0; i < COUNT(starts); i++)
        for (int k = 0; k < 3; k++)
            ck_assert_uint_eq(alarms[i][k].fired_as, i == 2 && k == 1 ? 0 : ++nth);
    ck_assert(ac__wheel_is_empty(&wheel));
}
END_TEST

START_TEST(a_timer_that_comes_down_at_its_own_tick_fires_before_one_that_was_near)
{
    struct ac__wheel wheel = { .tick = 0 };
    struct alarm afar, near;
    nfired = 0;
    set(&wheel, &afar, 1024); /* where its slot above level 0 begins */
    ac__wheel_turn(&wheel, 600);
    set(&wheel, &near, 1024);
    ac__wheel_turn(&wheel, 1024);
    ck_assert_uint_eq(afar.fired_as, 1);
    ck_assert_uint_eq(near.fired_as, 2);
}
END_TEST

START_TEST(a_timer_that_was_cancelled_is_no_stop)
{
    struct ac__wheel wheel = { .tick = 0 };
    struct alarm cancelled[2], left;
    uint64_t next;
    set(&wheel, &cancelled[0], 10);
    set(&wheel, &left, 300);
    set(&wheel, &cancelled[1], 5000); /* on another level */
    ac__timer_cancel(&wheel, &cancelled[0].timer);
    ac__timer_cancel(&wheel, &cancelled[1].timer);
    ck_assert(ac__wheel_next(&wheel, &next));
    ck_assert_uint_eq(next, 300);
    ac__wheel_turn(&wheel, 300);
    ck_assert(!ac__wheel_next(&wheel, &next));
}
END_TEST

/* xorshift64, seeded: the same run each time. */
static uint64_t random_state = 88172645463325252u;
static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

START_TEST(the_wheel_agrees_with_a_list)
{
    enum { N = 300 };
    static struct alarm alarms[N];
    struct ac__wheel wheel = { .tick = 12345678 };
    for (int i = 0; i < N; i++)
        set(&wheel, &alarms[i], wheel.tick + (random_number() >> (random_number() % 64)) % (1u << 30));
    for (int step = 0; step < 20000; step++) {
        struct alarm *alarm = &alarms[random_number() % N];
        switch (random_number() % 3) {
        case 0:
            ac__timer_cancel(&wheel, &alarm->timer);
            set(&wheel, alarm, wheel.tick + (random_number() >> (random_number() % 64)) % (1u << 30));
            break;
        case 1: {
            uint64_t next, to = wheel.tick + (random_number() >> (random_number() % 64)) % (1u << 20);
            ac__wheel_turn(&wheel, to);
            uint64_t earliest = UINT64_MAX;
            bool agree = true; /* each ck_assert is a note in a file, too slow for this loop */
            for (int i = 0; i < N; i++) {
                bool due = alarms[i].due <= to;
                agree &= alarms[i].timer.armed == !due && (alarms[i].fired_as != 0) == due;
                if (due)
                    set(&wheel, &alarms[i], to + 1 + random_number() % 5000);
                if (alarms[i].due < earliest)
                    earliest = alarms[i].due;
            }
            ck_assert(agree);
            /* The next stop is never late: a timer, or where some change their level. */
            ck_assert(ac__wheel_next(&wheel, &next));
            ck_assert_uint_le(next, earliest);
            ck_assert_uint_gt(next, to);
            break;
        }
        default:
            break;
        }
    }
}
END_TEST

/* ---- sleeping ---- */

struct sleeper {
    int state;
    uint64_t duration_ns, woke_ns;
    struct ac_sleep__frame sleep;
};
static enum ac_poll sleeper__poll(struct sleeper *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep__init(&self->sleep, self->duration_ns), ac_sleep__poll(&self->sleep, cx));
    self->woke_ns = ac_now();
    END;
}
FUTURE(sleeper, struct sleeper);

static uint64_t time_slept(uint64_t duration_ns)
{
    struct sleeper sleeper = { .duration_ns = duration_ns };
    uint64_t start = ac_now();
    ac_block_on_future(&sleeper__type, &sleeper);
    return ac_now() - start;
}

START_TEST(a_paused_clock_jumps_to_the_end_of_a_sleep)
{
    ac_clock_pause();
    static const uint64_t durations[] = { 1, AC_US, AC_MS, AC_MS + 1, 63 * AC_MS, 64 * AC_MS, 5 * AC_S, 86400 * AC_S,
                                          400 * 86400 * AC_S };
    for (size_t i = 0; i < COUNT(durations); i++) {
        uint64_t slept = time_slept(durations[i]);
        ck_assert_uint_ge(slept, durations[i]);
        ck_assert_uint_lt(slept, durations[i] + AC_MS);
    }
}
END_TEST

START_TEST(a_sleep_of_nothing_is_over_at_once)
{
    ac_clock_pause();
    ck_assert_uint_eq(time_slept(0), 0);
}
END_TEST

START_TEST(a_real_sleep_is_never_too_short)
{
    ck_assert_uint_ge(time_slept(3 * AC_MS), 3 * AC_MS);
}
END_TEST

START_TEST(a_resumed_clock_goes_on_from_where_it_stood)
{
    ac_clock_pause();
    uint64_t paused = ac_now();
    ck_assert_uint_eq(ac_now(), paused);
    ac_clock_advance(1000 * AC_S);
    ck_assert_uint_eq(ac_now(), paused + 1000 * AC_S);
    ac_clock_resume();
    ac_clock_resume();
    ck_assert_uint_ge(ac_now(), paused + 1000 * AC_S);
    ck_assert_uint_lt(ac_now(), paused + 2000 * AC_S);
}
END_TEST

START_TEST(a_clock_that_is_moved_very_far_does_not_go_back)
{
    ac_clock_pause();
    ac_clock_advance(UINT64_MAX);
    ck_assert_uint_eq(ac_now(), UINT64_MAX);
}
END_TEST

struct sleepers {
    int state, i;
    ac_task__handle tasks[5];
    struct ac_await__frame await;
    struct ac_sleep__frame sleep;
    uint64_t woke_ns[5];
};
static const uint64_t naps[5] = { 500 * AC_MS, 10 * AC_MS, 70 * AC_MS, 10 * AC_MS, 4200 * AC_MS };

static enum ac_poll sleepers__poll(struct sleepers *self, struct ac_context *cx)
{
    BEGIN(self);
    for (int i = 0; i < 5; i++)
        self->tasks[i] = SPAWN(sleeper, struct sleeper, { .duration_ns = naps[i] });
    for (self->i = 0; self->i < 5; self->i++) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->i]), ac_await__poll(&self->await, cx));
        self->woke_ns[self->i] = ((struct sleeper *)ac_await__result(&self->await))->woke_ns;
        ac_await__end(&self->await);
    }
    END;
}
FUTURE(sleepers, struct sleepers);

START_TEST(sleepers_wake_each_at_his_time_while_others_sleep)
{
    ac_clock_pause();
    uint64_t start = ac_now();
    struct sleepers s = { 0 };
    ac_block_on_future(&sleepers__type, &s);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_ge(s.woke_ns[i] - start, naps[i]);
        ck_assert_uint_le(s.woke_ns[i] - start, naps[i] + AC_MS);
    }
}
END_TEST

static enum ac_poll canceller__poll(struct sleepers *self, struct ac_context *cx)
{
    static struct ac_sleep__frame eternal;
    BEGIN(self);
    ck_assert_int_eq(ac_sleep__start(&eternal, cx, UINT64_MAX), AC_PENDING);
    ck_assert_int_eq(ac_sleep__poll(&eternal, cx), AC_PENDING);
    AWAIT(self, ac_sleep__init(&self->sleep, 10 * AC_MS), ac_sleep__poll(&self->sleep, cx));
    ck_assert_int_eq(ac_sleep__cancel(&eternal, cx), AC_READY);

    /* One that has fired but wasn't polled, and one that never began. */
    ck_assert_int_eq(ac_sleep__start(&eternal, cx, 5 * AC_MS), AC_PENDING);
    AWAIT(self, ac_sleep__init(&self->sleep, 10 * AC_MS), ac_sleep__poll(&self->sleep, cx));
    ck_assert_int_eq(ac_sleep__cancel(&eternal, cx), AC_READY);
    ac_sleep__init(&eternal, 5);
    ck_assert_int_eq(ac_sleep__cancel(&eternal, cx), AC_READY);
    END;
}
FUTURE(canceller, struct sleepers);

START_TEST(a_cancelled_sleep_holds_nobody_up)
{
    ac_clock_pause();
    uint64_t start = ac_now();
    struct sleepers s = { 0 };
    ac_block_on_future(&canceller__type, &s);
    ck_assert_uint_lt(ac_now() - start, 23 * AC_MS);
}
END_TEST

/* Waits for a pipe beside two sleeps that no clock will see the end of. */
struct eternity {
    int state, ends[2];
    char byte;
    struct ac_sleep__frame sleep;
    struct ac_sleep_until__frame until;
    struct ac_read__frame read;
};
static enum ac_poll eternity__poll(struct eternity *self, struct ac_context *cx)
{
    BEGIN(self);
    ck_assert_int_eq(ac_sleep__start(&self->sleep, cx, UINT64_MAX), AC_PENDING);
    ck_assert_int_eq(ac_sleep_until__start(&self->until, cx, UINT64_MAX), AC_PENDING);
    AWAIT(self, ac_read__init(&self->read, self->ends[0], &self->byte, 1), ac_read__poll(&self->read, cx));
    ck_assert_int_eq(ac_sleep_until__poll(&self->until, cx), AC_PENDING);
    ck_assert_int_eq(ac_sleep__cancel(&self->sleep, cx), AC_READY);
    ck_assert_int_eq(ac_sleep_until__cancel(&self->until, cx), AC_READY);
    ck_assert_uint_lt(atomic_load(&cx->exec->parks), 10);
    END;
}
FUTURE(eternity, struct eternity);

static void *write_later(void *fd)
{
    usleep(20000);
    ck_assert_int_eq(write(*(int *)fd, "x", 1), 1);
    return NULL;
}

START_TEST(a_sleep_without_end_neither_moves_a_paused_clock_nor_keeps_the_thread_awake)
{
    struct eternity s = { 0 };
    pthread_t writer;
    ck_assert_int_eq(pipe(s.ends), 0);
    ac_clock_pause();
    uint64_t start = ac_now();
    ck_assert_int_eq(pthread_create(&writer, NULL, write_later, &s.ends[1]), 0);
    ac_block_on_future(&eternity__type, &s);
    ck_assert_uint_eq(ac_now(), start);
    pthread_join(writer, NULL);
    close(s.ends[0]);
    close(s.ends[1]);
}
END_TEST

/* A sleep that is polled by one and then by another. */
static enum ac_poll handed_over__poll(struct sleepers *self, struct ac_context *cx)
{
    static struct ac_sleep__frame sleep;
    static struct probe first, last;
    BEGIN(self);
    probe_init_in(&first, cx);
    probe_init_in(&last, cx);
    ck_assert_int_eq(ac_sleep__start(&sleep, &first.cx, 5 * AC_MS), AC_PENDING);
    ck_assert_int_eq(ac_sleep__poll(&sleep, &last.cx), AC_PENDING);
    AWAIT(self, ac_sleep__init(&self->sleep, 10 * AC_MS), ac_sleep__poll(&self->sleep, cx));
    ck_assert_int_eq(first.wakes, 0);
    ck_assert_int_eq(last.wakes, 1);
    ck_assert_int_eq(ac_sleep__poll(&sleep, &last.cx), AC_READY);
    END;
}
FUTURE(handed_over, struct sleepers);

START_TEST(the_waker_of_the_last_poll_is_woken)
{
    ac_clock_pause();
    struct sleepers s = { 0 };
    ac_block_on_future(&handed_over__type, &s);
}
END_TEST

static enum ac_poll busy__poll(struct sleepers *self, struct ac_context *cx)
{
    if (self->state++ == 0)
        self->tasks[0] = SPAWN(sleeper, struct sleeper, { .duration_ns = AC_MS });
    ac_await__init(&self->await, self->tasks[0]);
    if (ac_await__poll(&self->await, cx) == AC_READY) {
        ac_await__end(&self->await);
        return AC_READY;
    }
    ac_wake_by_ref(cx->waker); /* never lets the executor park */
    return AC_PENDING;
}
FUTURE(busy, struct sleepers);

START_TEST(a_task_that_is_always_ready_does_not_starve_timers)
{
    struct sleepers s = { 0 };
    ac_block_on_future(&busy__type, &s);
}
END_TEST

/* ---- deadlines and intervals ---- */

struct waiter {
    int state, i;
    uint64_t deadline_ns;
    struct ac_sleep_until__frame sleep;
};
static enum ac_poll waiter__poll(struct waiter *self, struct ac_context *cx)
{
    BEGIN(self);
    AWAIT(self, ac_sleep_until__init(&self->sleep, self->deadline_ns), ac_sleep_until__poll(&self->sleep, cx));
    END;
}
FUTURE(waiter, struct waiter);

START_TEST(a_deadline_is_reached_and_not_passed_by_a_tick)
{
    ac_clock_pause();
    static const uint64_t durations[] = { 1, AC_MS, 511 * AC_MS, 512 * AC_MS + 1, 3600 * AC_S };
    for (size_t i = 0; i < COUNT(durations); i++) {
        struct waiter w = { .deadline_ns = ac_now() + durations[i] };
        ac_block_on_future(&waiter__type, &w);
        ck_assert_uint_ge(ac_now(), w.deadline_ns);
        ck_assert_uint_lt(ac_now(), w.deadline_ns + AC_MS);
    }
}
END_TEST

START_TEST(a_deadline_that_has_passed_is_over_at_once)
{
    ac_clock_pause();
    uint64_t start = ac_now(), deadlines[] = { 0, start - 1, start };
    for (size_t i = 0; i < COUNT(deadlines); i++) {
        struct waiter w = { .deadline_ns = deadlines[i] };
        ac_block_on_future(&waiter__type, &w);
        ck_assert_uint_eq(ac_now(), start);
    }
}
END_TEST

/* Takes ticks; before the second one it is held up. */
struct ticker {
    int state, i, n;
    struct ac_interval interval;
    uint64_t held_up_ns, due_ns[8], came_ns[8];
    struct ac_interval_tick__frame tick;
};
static enum ac_poll ticker__poll(struct ticker *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < self->n; self->i++) {
        AWAIT(self, ac_interval_tick__init(&self->tick, &self->interval), ac_interval_tick__poll(&self->tick, cx));
        self->due_ns[self->i] = self->tick.result;
        self->came_ns[self->i] = ac_now();
        if (self->i == 0)
            ac_clock_advance(self->held_up_ns);
    }
    END;
}
FUTURE(ticker, struct ticker);

/* The first tick at 0, then one each 100 ms, of which the second is taken at @p held_up_ms: when they were due, and
 * when they came, in ms. */
static void take_ticks(enum ac_missed missed, uint64_t held_up_ms, const unsigned due_ms[5], const unsigned came_ms[5])
{
    ac_clock_pause();
    ac_clock_advance(AC_MS - ac_now() % AC_MS); /* to a whole tick of the wheel, so that the figures are whole, too */
    uint64_t start = ac_now();
    struct ticker t = { .n = 5, .held_up_ns = held_up_ms * AC_MS };
    ac_interval_init(&t.interval, start, 100 * AC_MS, missed);
    ac_block_on_future(&ticker__type, &t);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(t.due_ns[i] - start, due_ms[i] * AC_MS);
        ck_assert_uint_eq(t.came_ns[i] - start, came_ms[i] * AC_MS);
    }
}

START_TEST(ticks_that_are_taken_in_time_keep_the_pace)
{
    static const unsigned due[5] = { 0, 100, 200, 300, 400 };
    for (int missed = AC_MISSED_BURST; missed <= AC_MISSED_SKIP; missed++)
        take_ticks((enum ac_missed)missed, 30, due, due);
}
END_TEST

START_TEST(a_tick_a_little_late_is_not_missed)
{
    static const unsigned due[5] = { 0, 100, 200, 300, 400 }, came[5] = { 0, 105, 200, 300, 400 };
    for (int missed = AC_MISSED_BURST; missed <= AC_MISSED_SKIP; missed++)
        take_ticks((enum ac_missed)missed, 105, due, came);
}
END_TEST

START_TEST(missed_ticks_come_in_a_burst)
{
    static const unsigned due[5] = { 0, 100, 200, 300, 400 }, came[5] = { 0, 350, 350, 350, 400 };
    take_ticks(AC_MISSED_BURST, 350, due, came);
}
END_TEST

START_TEST(a_missed_tick_delays_the_others)
{
    static const unsigned due[5] = { 0, 100, 450, 550, 650 }, came[5] = { 0, 350, 450, 550, 650 };
    take_ticks(AC_MISSED_DELAY, 350, due, came);
}
END_TEST

START_TEST(missed_ticks_are_skipped)
{
    static const unsigned due[5] = { 0, 100, 400, 500, 600 }, came[5] = { 0, 350, 400, 500, 600 };
    take_ticks(AC_MISSED_SKIP, 350, due, came);
}
END_TEST

START_TEST(a_tick_on_the_point_of_one_missed_leaves_that_out)
{
    static const unsigned due[5] = { 0, 100, 400, 500, 600 }, came[5] = { 0, 300, 400, 500, 600 };
    take_ticks(AC_MISSED_SKIP, 300, due, came);
}
END_TEST

START_TEST(an_interval_that_is_reset_begins_anew)
{
    ac_clock_pause();
    struct ac_interval interval;
    ac_interval_init(&interval, 0, 100 * AC_MS, AC_MISSED_SKIP);
    ac_clock_advance(12345);
    ac_interval_reset(&interval);
    ck_assert_uint_eq(interval.next_ns, ac_now() + 100 * AC_MS);
    interval.period_ns = UINT64_MAX; /* one that never comes */
    ac_interval_reset(&interval);
    ck_assert_uint_eq(interval.next_ns, UINT64_MAX);
}
END_TEST

/* Leaves a tick that it waits for. */
static enum ac_poll leaver__poll(struct ticker *self, struct ac_context *cx)
{
    uint64_t due = self->interval.next_ns;
    ck_assert_int_eq(ac_interval_tick__start(&self->tick, cx, &self->interval), AC_PENDING);
    ck_assert_int_eq(ac_interval_tick__cancel(&self->tick, cx), AC_READY);
    ck_assert_uint_eq(self->interval.next_ns, due);
    return AC_READY;
}
FUTURE(leaver, struct ticker);

START_TEST(a_tick_that_is_cancelled_stays_due)
{
    ac_clock_pause();
    struct ticker t = { .n = 1 };
    ac_interval_init(&t.interval, ac_now() + 50 * AC_MS, AC_S, AC_MISSED_SKIP);
    ac_block_on_future(&leaver__type, &t);
}
END_TEST

/* One who is always late, and one who waits for a turn. */
static enum ac_poll hurried__poll(struct ticker *self, struct ac_context *cx)
{
    BEGIN(self);
    for (; self->n < 1000;) {
        AWAIT(self, ac_interval_tick__init(&self->tick, &self->interval), ac_interval_tick__poll(&self->tick, cx));
        self->n++;
    }
    END;
}
FUTURE(hurried, struct ticker);

static enum ac_poll two__poll(struct sleepers *self, struct ac_context *cx)
{
    BEGIN(self);
    struct ticker hurried = { .n = 0 };
    ac_interval_init(&hurried.interval, 0, 1, AC_MISSED_BURST);
    self->tasks[0] = spawn_copy(&hurried__type, &hurried);
    self->tasks[1] = SPAWN(sleeper, struct sleeper, { .duration_ns = 0 });
    AWAIT(self, ac_await__init(&self->await, self->tasks[1]), ac_await__poll(&self->await, cx));
    ac_await__end(&self->await);
    ck_assert_int_lt(((struct ticker *)(void *)((struct ac_task *)self->tasks[0] + 1))->n, 1000);
    AWAIT(self, ac_await__init(&self->await, self->tasks[0]), ac_await__poll(&self->await, cx));
    ac_await__end(&self->await);
    END;
}
FUTURE(two, struct sleepers);

START_TEST(a_burst_lets_others_run)
{
    struct sleepers s = { 0 };
    ac_block_on_future(&two__type, &s);
}
END_TEST

START_TEST(an_interval_of_nothing)
{
    struct ac_interval interval;
    ac_interval_init(&interval, 0, 0, AC_MISSED_BURST);
}
END_TEST

START_TEST(advancing_a_clock_that_runs) { ac_clock_advance(1); }
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_timer_fires_at_its_tick_and_not_before,
        a_tick_that_has_passed_fires_on_the_next_turn,
        timers_of_one_tick_fire_in_the_order_in_which_they_were_armed,
        those_armed_from_afar_come_before_those_armed_near_by,
        a_timer_that_comes_down_at_its_own_tick_fires_before_one_that_was_near,
        a_timer_that_was_cancelled_is_no_stop,
        the_wheel_agrees_with_a_list,
        a_paused_clock_jumps_to_the_end_of_a_sleep,
        a_sleep_of_nothing_is_over_at_once,
        a_real_sleep_is_never_too_short,
        a_resumed_clock_goes_on_from_where_it_stood,
        a_clock_that_is_moved_very_far_does_not_go_back,
        sleepers_wake_each_at_his_time_while_others_sleep,
        a_cancelled_sleep_holds_nobody_up,
        a_sleep_without_end_neither_moves_a_paused_clock_nor_keeps_the_thread_awake,
        the_waker_of_the_last_poll_is_woken,
        a_task_that_is_always_ready_does_not_starve_timers,
        a_deadline_is_reached_and_not_passed_by_a_tick,
        a_deadline_that_has_passed_is_over_at_once,
        ticks_that_are_taken_in_time_keep_the_pace,
        a_tick_a_little_late_is_not_missed,
        missed_ticks_come_in_a_burst,
        a_missed_tick_delays_the_others,
        missed_ticks_are_skipped,
        a_tick_on_the_point_of_one_missed_leaves_that_out,
        an_interval_that_is_reset_begins_anew,
        a_tick_that_is_cancelled_stays_due,
        a_burst_lets_others_run,
    };
    const TTest *const stops[] = { advancing_a_clock_that_runs, an_interval_of_nothing };
    return run_suite("timer", tests, COUNT(tests), stops, COUNT(stops));
}

/* Channels and oneshots: order, room, ends that close, what a cancelled operation gives back, and that no
 * value is lost or doubled between threads. Meant for ThreadSanitizer as well. The program: [SEED]. */
#include "seed.h"
#include "waiting.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* ---- a channel of int, polled by hand ---- */

struct ends {
    ac_sender(int) in;
    ac_receiver(int) out;
};

static struct ends open_channel(size_t capacity)
{
    struct ends ends;
    ck_assert_int_eq(ac_channel_open(&ends.in, &ends.out, capacity), 0);
    return ends;
}

static void close_channel(struct ends *ends)
{
    ac_sender_close(ends->in);
    ac_receiver_close(ends->out);
}

struct sending {
    struct ac_channel_send__frame frame;
    struct probe probe;
    int value;
};

static int poll_send(struct sending *sending)
{
    if (ac_channel_send__poll(&sending->frame, &sending->probe.cx) == AC_PENDING)
        return -EAGAIN;
    return sending->frame.result;
}

static int begin_send(struct sending *sending, struct ends *ends, int value)
{
    probe_init(&sending->probe);
    sending->value = value;
    ac_channel_send__init(&sending->frame, AC__SENDER(ends->in), &sending->value);
    return poll_send(sending);
}

static void give_up_send(struct sending *sending)
{
    ck_assert_int_eq(ac_channel_send__cancel(&sending->frame, &sending->probe.cx), AC_READY);
}

struct receiving {
    struct ac_channel_receive__frame frame;
    struct probe probe;
    int value;
};

/* The value, which no test has negative, or an error. */
static int poll_receive(struct receiving *receiving)
{
    if (ac_channel_receive__poll(&receiving->frame, &receiving->probe.cx) == AC_PENDING)
        return -EAGAIN;
    return receiving->frame.result < 0 ? receiving->frame.result : receiving->value;
}

static int begin_receive(struct receiving *receiving, struct ends *ends)
{
    probe_init(&receiving->probe);
    ac_channel_receive__init(&receiving->frame, AC__RECEIVER(ends->out), &receiving->value);
    return poll_receive(receiving);
}

static void give_up_receive(struct receiving *receiving)
{
    ck_assert_int_eq(ac_channel_receive__cancel(&receiving->frame, &receiving->probe.cx), AC_READY);
}

/* Without waiting: the value or an error. */
static int receive_now(struct ends *ends)
{
    int value, error = ac_try_receive(ends->out, &value);
    return error < 0 ? error : value;
}

/* ---- values ---- */

START_TEST(values_come_out_in_the_order_in_which_they_went_in)
{
    struct ends ends = open_channel(3);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(ac_try_send(ends.in, 10 * round + i), 0);
        ck_assert_int_eq(ac_try_send(ends.in, 99), -EAGAIN);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(receive_now(&ends), 10 * round + i);
        ck_assert_int_eq(receive_now(&ends), -EAGAIN);
    }
    close_channel(&ends);
}
END_TEST

START_TEST(an_unbounded_channel_takes_all_and_keeps_their_order)
{
    struct ends ends = open_channel(AC_UNBOUNDED);
    unsigned seed = seed_for(1);
    int sent = 0, received = 0;
    for (int i = 0; i < 100; i++) {
        for (unsigned n = random_below(&seed, 2000); n > 0; n--)
            ck_assert_int_eq(ac_try_send(ends.in, sent++), 0);
        for (unsigned n = random_below(&seed, 2000); n > 0 && received < sent; n--)
            ck_assert_int_eq(receive_now(&ends), received++);
    }
    while (received < sent)
        ck_assert_int_eq(receive_now(&ends), received++);
    ck_assert_int_eq(receive_now(&ends), -EAGAIN);
    ck_assert_int_eq(ac_try_send(ends.in, 7), 0); /* is freed with the channel */
    close_channel(&ends);
}
END_TEST

START_TEST(values_of_any_size_are_whole)
{
    struct large { char bytes[3000]; } large, larger;
    struct three { char bytes[3]; };
    ac_sender(struct large) in;
    ac_receiver(struct large) out;
    ac_sender(struct three) in3;
    ac_receiver(struct three) out3;
    for (size_t capacity = 1; capacity <= 2; capacity++) {
        ck_assert_int_eq(ac_channel_open(&in, &out, capacity == 1 ? 7 : AC_UNBOUNDED), 0);
        for (int i = 0; i < 7; i++) {
            memset(&large, 'a' + i, sizeof large);
            ck_assert_int_eq(ac_try_send(in, large), 0);
        }
        for (int i = 0; i < 7; i++) {
            memset(&large, 'a' + i, sizeof large);
            ck_assert_int_eq(ac_try_receive(out, &larger), 0);
            ck_assert_mem_eq(&large, &larger, sizeof large);
        }
        ac_sender_close(in);
        ac_receiver_close(out);
        struct three got = { "" };
        ck_assert_int_eq(ac_channel_open(&in3, &out3, capacity == 1 ? 2 : AC_UNBOUNDED), 0);
        ck_assert_int_eq(ac_try_send(in3, { { 'a', 'b', 'c' } }), 0);
        ck_assert_int_eq(ac_try_receive(out3, &got), 0);
        ck_assert_int_eq(memcmp(got.bytes, "abc", 3), 0);
        ac_sender_close(in3);
        ac_receiver_close(out3);
    }
}
END_TEST

START_TEST(what_cannot_be_opened_leaves_the_handles_as_they_were)
{
    ac_sender(int) in = NULL;
    ac_receiver(int) out = NULL;
    ck_assert_int_eq(ac_channel_open(&in, &out, 0), -EINVAL);
    ck_assert_int_eq(ac_channel_open(&in, &out, SIZE_MAX - 1), -ENOMEM);
    ck_assert_int_eq(ac_channel_open(&in, &out, SIZE_MAX / 8), -ENOMEM);
    ck_assert(in == NULL && out == NULL);
    ac_sender_close(in);
    ac_receiver_close(out);
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_full_channel_lets_senders_in_one_by_one_in_their_order)
{
    struct ends ends = open_channel(1);
    struct sending sends[3];
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(begin_send(&sends[i], &ends, 2 + i), -EAGAIN);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(receive_now(&ends), 1 + i);
        ck_assert_int_eq(ac_try_send(ends.in, 99), -EAGAIN); /* the place is another's */
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(sends[j].probe.wakes, j <= i);
        ck_assert_int_eq(poll_send(&sends[i]), 0);
    }
    ck_assert_int_eq(receive_now(&ends), 4);
    close_channel(&ends);
}
END_TEST

START_TEST(values_go_to_those_who_wait_in_their_order)
{
    struct ends ends = open_channel(8);
    struct receiving receives[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(begin_receive(&receives[i], &ends), -EAGAIN);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ac_try_send(ends.in, i), 0);
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(receives[j].probe.wakes, j <= i);
        ck_assert_int_eq(receive_now(&ends), -EAGAIN); /* it is another's */
    }
    ck_assert_int_eq(poll_receive(&receives[0]), 0);
    ck_assert_int_eq(poll_receive(&receives[2]), -EAGAIN);
    ck_assert_int_eq(poll_receive(&receives[1]), 1);
    give_up_receive(&receives[2]);
    ck_assert_int_eq(ac_try_send(ends.in, 5), 0);
    ck_assert_int_eq(receives[2].probe.wakes, 0);
    ck_assert_int_eq(receive_now(&ends), 5);
    close_channel(&ends);
}
END_TEST

START_TEST(a_cancelled_send_has_sent_nothing_and_its_place_is_the_next_ones)
{
    struct ends ends = open_channel(1);
    struct sending a, b, c;
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    begin_send(&a, &ends, 2);
    begin_send(&b, &ends, 3);
    begin_send(&c, &ends, 4);
    give_up_send(&b);
    ck_assert_int_eq(receive_now(&ends), 1);
    ck_assert_int_eq(a.probe.wakes, 1);
    give_up_send(&a); /* it has been told */
    ck_assert_int_eq(c.probe.wakes, 1);
    ck_assert_int_eq(b.probe.wakes, 0);
    ck_assert_int_eq(poll_send(&c), 0);
    ck_assert_int_eq(receive_now(&ends), 4);
    ck_assert_int_eq(receive_now(&ends), -EAGAIN);
    ck_assert_int_eq(ac_try_send(ends.in, 5), 0);
    close_channel(&ends);
}
END_TEST

START_TEST(a_cancelled_receive_leaves_the_value_to_the_next)
{
    struct ends ends = open_channel(1);
    struct receiving a, b;
    begin_receive(&a, &ends);
    begin_receive(&b, &ends);
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    give_up_receive(&a);
    ck_assert_int_eq(b.probe.wakes, 1);
    give_up_receive(&b);
    ck_assert_int_eq(receive_now(&ends), 1);
    close_channel(&ends);
}
END_TEST

START_TEST(the_waker_of_the_last_poll_is_woken)
{
    struct ends ends = open_channel(1);
    struct receiving a;
    struct probe other;
    probe_init(&other);
    begin_receive(&a, &ends);
    ck_assert_int_eq(ac_channel_receive__poll(&a.frame, &other.cx), AC_PENDING);
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    ck_assert_int_eq(a.probe.wakes, 0);
    ck_assert_int_eq(other.wakes, 1);
    ck_assert_int_eq(poll_receive(&a), 1);
    close_channel(&ends);
}
END_TEST

/* ---- ends ---- */

START_TEST(receiving_ends_when_the_last_sender_is_closed_and_all_is_received)
{
    struct ends ends = open_channel(4);
    ac_sender(int) second = ac_sender_share(ends.in);
    struct receiving a;
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    ac_sender_close(ends.in);
    ck_assert_int_eq(ac_try_send(second, 2), 0);
    ac_sender_close(second);
    ck_assert_int_eq(receive_now(&ends), 1);
    ck_assert_int_eq(begin_receive(&a, &ends), 2);
    ck_assert_int_eq(begin_receive(&a, &ends), -EPIPE);
    ck_assert_int_eq(receive_now(&ends), -EPIPE);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(closing_the_last_sender_wakes_all_who_wait)
{
    struct ends ends = open_channel(4);
    struct receiving a, b;
    begin_receive(&a, &ends);
    begin_receive(&b, &ends);
    ac_sender_close(ends.in);
    ck_assert_int_eq(a.probe.wakes + b.probe.wakes, 2);
    ck_assert_int_eq(poll_receive(&a), -EPIPE);
    give_up_receive(&b);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(receiving_has_not_ended_while_a_value_may_be_given_back)
{
    struct ends ends = open_channel(4);
    struct receiving a, b, c;
    begin_receive(&a, &ends);
    begin_receive(&b, &ends);
    begin_receive(&c, &ends);
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    ac_sender_close(ends.in);
    ck_assert_int_eq(b.probe.wakes, 0);
    give_up_receive(&a);
    ck_assert_int_eq(b.probe.wakes, 1);
    ck_assert_int_eq(c.probe.wakes, 0);
    ck_assert_int_eq(poll_receive(&b), 1);
    ck_assert_int_eq(c.probe.wakes, 1);
    ck_assert_int_eq(poll_receive(&c), -EPIPE);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(sending_ends_when_the_last_receiver_is_closed)
{
    struct ends ends = open_channel(1);
    ac_receiver(int) second = ac_receiver_share(ends.out);
    struct sending a, b;
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    ck_assert_int_eq(begin_send(&a, &ends, 2), -EAGAIN);
    ck_assert_int_eq(begin_send(&b, &ends, 3), -EAGAIN);
    ac_receiver_close(second);
    ck_assert_int_eq(a.probe.wakes, 0);
    ac_receiver_close(ends.out);
    ck_assert_int_eq(poll_send(&a), -EPIPE);
    give_up_send(&b);
    ck_assert_int_eq(ac_try_send(ends.in, 4), -EPIPE);
    ck_assert_int_eq(begin_send(&a, &ends, 5), -EPIPE);
    ac_sender_close(ends.in);
}
END_TEST

START_TEST(a_receiver_that_has_stopped_gets_what_was_sent_before)
{
    struct ends ends = open_channel(2);
    struct sending a;
    struct receiving b;
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    ck_assert_int_eq(ac_try_send(ends.in, 2), 0);
    ck_assert_int_eq(begin_send(&a, &ends, 3), -EAGAIN);
    ac_receiver_stop(ends.out);
    ck_assert_int_eq(poll_send(&a), -EPIPE);
    ck_assert_int_eq(ac_try_send(ends.in, 4), -EPIPE);
    ck_assert_int_eq(receive_now(&ends), 1);
    ck_assert_int_eq(receive_now(&ends), 2);
    ck_assert_int_eq(begin_receive(&b, &ends), -EPIPE);
    close_channel(&ends);
}
END_TEST

START_TEST(a_receiver_that_stops_an_empty_channel_wakes_all_who_wait)
{
    struct ends ends = open_channel(2);
    struct receiving a, b;
    ck_assert_int_eq(begin_receive(&a, &ends), -EAGAIN);
    ck_assert_int_eq(begin_receive(&b, &ends), -EAGAIN);
    ac_receiver_stop(ends.out);
    ck_assert_int_eq(a.probe.wakes, 1);
    ck_assert_int_eq(b.probe.wakes, 1);
    ck_assert_int_eq(poll_receive(&a), -EPIPE);
    ck_assert_int_eq(poll_receive(&b), -EPIPE);
    close_channel(&ends);
}
END_TEST

/* ---- oneshots ---- */

struct shot {
    ac_oneshot_sender(long) in;
    ac_oneshot_receiver(long) out;
    struct ac_oneshot_get__frame frame;
    struct probe probe;
    long value;
};

static void open_oneshot(struct shot *shot)
{
    ck_assert_int_eq(ac_oneshot_open(&shot->in, &shot->out), 0);
    probe_init(&shot->probe);
    shot->value = -1;
    ac_oneshot_get__init(&shot->frame, AC__ONESHOT(shot->out, ac__a_oneshot_receiver), &shot->value);
}

static int poll_shot(struct shot *shot)
{
    if (ac_oneshot_get__poll(&shot->frame, &shot->probe.cx) == AC_PENDING)
        return -EAGAIN;
    return shot->frame.result;
}

START_TEST(a_oneshot_gives_its_value_once)
{
    for (int receiver_first = 0; receiver_first <= 1; receiver_first++) {
        struct shot shot;
        open_oneshot(&shot);
        if (receiver_first)
            ck_assert_int_eq(poll_shot(&shot), -EAGAIN);
        ck_assert_int_eq(ac_oneshot_send(shot.in, 42), 0);
        ck_assert_int_eq(shot.probe.wakes, receiver_first);
        ck_assert_int_eq(poll_shot(&shot), 0);
        ck_assert_int_eq(shot.value, 42);
        ck_assert_int_eq(ac_oneshot_try_receive(shot.out, &shot.value), -EPIPE);
        ac_oneshot_sender_close(shot.in);
        ac_oneshot_receiver_close(shot.out);
    }
}
END_TEST

START_TEST(a_oneshot_whose_sender_is_closed_ends_the_wait)
{
    struct shot shot;
    open_oneshot(&shot);
    ck_assert_int_eq(ac_oneshot_try_receive(shot.out, &shot.value), -EAGAIN);
    ck_assert_int_eq(poll_shot(&shot), -EAGAIN);
    ac_oneshot_sender_close(shot.in);
    ck_assert_int_eq(shot.probe.wakes, 1);
    ck_assert_int_eq(poll_shot(&shot), -EPIPE);
    ck_assert_int_eq(shot.value, -1);
    ac_oneshot_receiver_close(shot.out);
}
END_TEST

START_TEST(a_oneshot_whose_receiver_is_closed_refuses_the_value)
{
    struct shot shot;
    open_oneshot(&shot);
    ac_oneshot_receiver_close(shot.out);
    ck_assert_int_eq(ac_oneshot_send(shot.in, 1), -EPIPE);
    ac_oneshot_sender_close(shot.in);
    ac_oneshot_sender_close((ac_oneshot_sender(long))NULL);
}
END_TEST

START_TEST(a_cancelled_wait_for_a_oneshot_loses_nothing)
{
    for (int sent_first = 0; sent_first <= 1; sent_first++) {
        struct shot shot;
        open_oneshot(&shot);
        ck_assert_int_eq(poll_shot(&shot), -EAGAIN);
        if (sent_first)
            ck_assert_int_eq(ac_oneshot_send(shot.in, 3), 0);
        ac_oneshot_get__cancel(&shot.frame, &shot.probe.cx);
        if (!sent_first)
            ck_assert_int_eq(ac_oneshot_send(shot.in, 3), 0);
        ck_assert_int_eq(shot.probe.wakes, sent_first);
        ck_assert_int_eq(ac_oneshot_try_receive(shot.out, &shot.value), 0);
        ck_assert_int_eq(shot.value, 3);
        ac_oneshot_receiver_close(shot.out);
        ac_oneshot_sender_close(shot.in);
    }
}
END_TEST

START_TEST(a_oneshot_wakes_the_waker_of_the_last_poll)
{
    struct shot shot;
    struct probe other;
    open_oneshot(&shot);
    probe_init(&other);
    ck_assert_int_eq(poll_shot(&shot), -EAGAIN);
    ck_assert_int_eq(ac_oneshot_get__poll(&shot.frame, &other.cx), AC_PENDING);
    ck_assert_int_eq(ac_oneshot_send(shot.in, 3), 0);
    ck_assert_int_eq(shot.probe.wakes, 0);
    ck_assert_int_eq(other.wakes, 1);
    ck_assert_int_eq(poll_shot(&shot), 0);
    ac_oneshot_receiver_close(shot.out);
    ac_oneshot_sender_close(shot.in);
}
END_TEST

/* ---- threads ---- */

enum { SENDERS = 3, EACH = 4000, TASKS = 2 };

/* A sender's values are sender * EACH + 0, 1, 2, ...; how often each was received: */
static atomic_int received[SENDERS * TASKS * EACH];
static atomic_int nreceived;
static bool in_order; /* there is one receiver: each sender's values come in their order */

struct party {
    int state, i, value, newest[SENDERS * TASKS];
    unsigned seed, number;
    ac_sender(int) in;
    ac_receiver(int) out;
    bool drops; /* closes early, now and then */
    union {
        struct ac_channel_send__frame send;
        struct ac_channel_receive__frame receive;
    };
    struct ac_yield_now__frame yield;
};

static enum ac_poll sender__poll(struct party *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < EACH; self->i++) {
        self->value = (int)self->number * EACH + self->i;
        for (;;) { /* until it isn't cancelled */
            ac_channel_send__init(&self->send, AC__SENDER(self->in), &self->value);
            if (ac_channel_send__poll(&self->send, cx) == AC_READY)
                break;
            if (random_below(&self->seed, 4) == 0) {
                AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
                ac_channel_send__cancel(&self->send, cx);
                continue;
            }
            AWAIT(self, (void)0, ac_channel_send__poll(&self->send, cx));
            break;
        }
        if (self->send.result == -EPIPE)
            break;
        ck_assert_int_eq(self->send.result, 0);
    }
    ac_sender_close(self->in);
    END;
}
FUTURE(sender, struct party);

static void note(struct party *self)
{
    int sender = self->value / EACH, i = self->value % EACH;
    ck_assert_int_eq(atomic_fetch_add(&received[self->value], 1), 0);
    atomic_fetch_add(&nreceived, 1);
    if (in_order)
        ck_assert_int_eq(i, self->newest[sender]++);
}

static enum ac_poll receiver__poll(struct party *self, struct ac_context *cx)
{
    BEGIN(self);
    for (;;) {
        ac_channel_receive__init(&self->receive, AC__RECEIVER(self->out), &self->value);
        if (ac_channel_receive__poll(&self->receive, cx) == AC_PENDING) {
            if (random_below(&self->seed, 4) == 0) {
                ac_channel_receive__cancel(&self->receive, cx);
                AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
                continue;
            }
            AWAIT(self, (void)0, ac_channel_receive__poll(&self->receive, cx));
        }
        if (self->receive.result == -EPIPE)
            break;
        ck_assert_int_eq(self->receive.result, 0);
        note(self);
        if (self->drops && random_below(&self->seed, 1000) == 0)
            break;
    }
    ac_receiver_close(self->out);
    END;
}
FUTURE(receiver, struct party);

static enum ac_poll senders__poll(struct party *self, struct ac_context *cx)
{
    (void)cx;
    for (unsigned t = 0; t < TASKS; t++)
        ac_detach(SPAWN(sender, struct party, { .in = ac_sender_share(self->in), .number = self->number * TASKS + t,
                                                .seed = self->seed + t }));
    ac_sender_close(self->in);
    return AC_READY;
}
FUTURE(senders, struct party);

static void *run_senders(void *party)
{
    ac_block_on_future(&senders__type, party);
    return NULL;
}

static void *run_receiver(void *party)
{
    ac_block_on_future(&receiver__type, party);
    return NULL;
}

/* Without an executor. */
static void *run_blocking_receiver(void *argument)
{
    struct party *self = argument;
    while (ac_receive(self->out, &self->value) == 0)
        note(self);
    ac_receiver_close(self->out);
    return NULL;
}

static void run_parties(size_t capacity, int nreceivers, bool drops, unsigned seed)
{
    struct ends ends = open_channel(capacity);
    struct party parties[SENDERS + 2];
    pthread_t threads[SENDERS + 2];
    memset(parties, 0, sizeof parties);
    memset(received, 0, sizeof received);
    nreceived = 0;
    in_order = nreceivers == 1;
    for (int i = 0; i < SENDERS; i++) {
        parties[i].in = ac_sender_share(ends.in);
        parties[i].number = (unsigned)i;
        parties[i].seed = seed_for(seed * 1000 + (unsigned)i);
        pthread_create(&threads[i], NULL, run_senders, &parties[i]);
    }
    ac_sender_close(ends.in);
    for (int i = SENDERS; i < SENDERS + nreceivers; i++) {
        parties[i].out = ac_receiver_share(ends.out);
        parties[i].drops = drops;
        parties[i].seed = seed_for(seed * 1000 + (unsigned)i);
        pthread_create(&threads[i], NULL, i == SENDERS + 1 && !drops ? run_blocking_receiver : run_receiver, &parties[i]);
    }
    ac_receiver_close(ends.out);
    for (int i = 0; i < SENDERS + nreceivers; i++)
        pthread_join(threads[i], NULL);
    if (!drops)
        ck_assert_int_eq(nreceived, SENDERS * TASKS * EACH);
}

START_TEST(each_value_is_received_once_and_in_its_senders_order)
{
    run_parties(3, 1, false, 1);
    run_parties(1, 1, false, 2);
    run_parties(AC_UNBOUNDED, 1, false, 3);
}
END_TEST

START_TEST(several_receivers_share_the_values)
{
    run_parties(3, 2, false, 4);
    run_parties(AC_UNBOUNDED, 2, false, 5);
}
END_TEST

START_TEST(ends_may_close_at_any_time)
{
    for (unsigned seed = 0; seed < 20; seed++)
        run_parties(seed % 2 ? 2 : AC_UNBOUNDED, 1 + (int)seed % 2, true, 10 + seed);
}
END_TEST

static enum ac_poll either__poll(struct party *self, struct ac_context *cx)
{
    return self->in != NULL ? sender__poll(self, cx) : receiver__poll(self, cx);
}
FUTURE(either, struct party);

static void run_parties_on_pool(size_t capacity, unsigned nreceivers, unsigned seed)
{
    struct ends ends = open_channel(capacity);
    struct party parties[SENDERS * TASKS + 2] = { 0 };
    memset(received, 0, sizeof received);
    nreceived = 0;
    in_order = nreceivers == 1;
    for (unsigned i = 0; i < SENDERS * TASKS + nreceivers; i++) {
        parties[i].number = i;
        parties[i].seed = seed_for(seed * 1000 + i);
        if (i < SENDERS * TASKS)
            parties[i].in = ac_sender_share(ends.in);
        else
            parties[i].out = ac_receiver_share(ends.out);
    }
    close_channel(&ends);
    run_crew(&either__type, parties, SENDERS * TASKS + nreceivers);
    ck_assert_int_eq(nreceived, SENDERS * TASKS * EACH);
}

START_TEST(tasks_of_the_pool_lose_and_double_nothing)
{
    run_parties_on_pool(1, 1, 1);
    run_parties_on_pool(5, 2, 2);
    run_parties_on_pool(AC_UNBOUNDED, 2, 3);
}
END_TEST

/* ---- oneshots between threads ---- */

enum { SHOTS = 8000 };
static _Atomic(ac_oneshot_sender(long)) offered;

static void *shoot(void *argument)
{
    unsigned seed = seed_for(5);
    (void)argument;
    for (int i = 0; i < SHOTS; i++) {
        ac_oneshot_sender(long) in;
        while ((in = atomic_exchange(&offered, NULL)) == NULL)
            sched_yield();
        if (i % 4 != 0) {
            int error = ac_oneshot_send(in, i);
            ck_assert(error == 0 || error == -EPIPE);
        }
        for (volatile unsigned delay = random_below(&seed, 100); delay > 0; delay--)
            continue;
        ac_oneshot_sender_close(in);
    }
    return NULL;
}

struct target {
    int state, i;
    unsigned seed;
    long value;
    ac_oneshot_sender(long) in;
    ac_oneshot_receiver(long) out;
    struct ac_oneshot_get__frame get;
};

static enum ac_poll target__poll(struct target *self, struct ac_context *cx)
{
    BEGIN(self);
    for (self->i = 0; self->i < SHOTS; self->i++) {
        ck_assert_int_eq(ac_oneshot_open(&self->in, &self->out), 0);
        while (atomic_load(&offered) != NULL)
            sched_yield();
        atomic_store(&offered, self->in);
        for (volatile unsigned delay = random_below(&self->seed, 200); delay > 0; delay--)
            continue;
        ac_oneshot_get__init(&self->get, AC__ONESHOT(self->out, ac__a_oneshot_receiver), &self->value);
        if (ac_oneshot_get__poll(&self->get, cx) == AC_PENDING) {
            if (random_below(&self->seed, 3) == 0) {
                ac_oneshot_get__cancel(&self->get, cx);
                ac_oneshot_receiver_close(self->out);
                continue;
            }
            AWAIT(self, (void)0, ac_oneshot_get__poll(&self->get, cx));
        }
        ck_assert_int_eq(self->get.result, self->i % 4 != 0 ? 0 : -EPIPE);
        if (self->get.result == 0)
            ck_assert_int_eq(self->value, self->i);
        ac_oneshot_receiver_close(self->out);
    }
    END;
}
FUTURE(target, struct target);

START_TEST(a_oneshot_between_threads_is_received_or_refused)
{
    pthread_t thread;
    struct target target = { .seed = seed_for(1) };
    pthread_create(&thread, NULL, shoot, NULL);
    ac_block_on_future(&target__type, &target);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- stops ---- */

START_TEST(stops_when_an_end_is_closed_twice)
{
    struct ends ends = open_channel(1);
    ac_sender_close(ends.in);
    ac_sender_close(ends.in);
}
END_TEST

START_TEST(stops_when_the_last_handle_is_closed_under_a_wait)
{
    struct ends ends = open_channel(1);
    struct receiving a;
    begin_receive(&a, &ends);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(stops_when_the_last_receiver_is_closed_under_one_who_has_been_given_a_value)
{
    struct ends ends = open_channel(1);
    struct receiving a;
    begin_receive(&a, &ends);
    ac_try_send(ends.in, 1);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(stops_when_the_last_sender_is_closed_under_one_who_has_been_given_room)
{
    struct ends ends = open_channel(1);
    struct sending a;
    ac_try_send(ends.in, 1);
    begin_send(&a, &ends, 2);
    receive_now(&ends);
    ac_sender_close(ends.in);
}
END_TEST

START_TEST(stops_when_the_last_handle_is_closed_under_one_who_does_not_know_yet_that_all_is_over)
{
    struct ends ends = open_channel(1);
    struct receiving a;
    begin_receive(&a, &ends);
    close_channel(&ends);
}
END_TEST

START_TEST(stops_when_a_oneshot_is_closed_under_one_who_has_been_given_its_value)
{
    struct shot shot;
    open_oneshot(&shot);
    poll_shot(&shot);
    ac_oneshot_send(shot.in, 1);
    ac_oneshot_receiver_close(shot.out);
}
END_TEST

/* Then nobody has to poll any more. */
START_TEST(an_end_may_be_closed_when_who_was_told_is_cancelled)
{
    struct ends ends = open_channel(1);
    struct receiving a, b;
    struct sending c;
    begin_receive(&a, &ends);
    ck_assert_int_eq(ac_try_send(ends.in, 1), 0);
    give_up_receive(&a);
    begin_send(&c, &ends, 2);
    ck_assert_int_eq(receive_now(&ends), 1);
    give_up_send(&c);
    begin_receive(&b, &ends);
    ac_sender_close(ends.in);
    give_up_receive(&b);
    ac_receiver_close(ends.out);
}
END_TEST

START_TEST(stops_when_polled_after_it_was_ready)
{
    struct ends ends = open_channel(1);
    struct sending a;
    begin_send(&a, &ends, 1);
    poll_send(&a);
}
END_TEST

START_TEST(stops_when_a_oneshot_is_sent_twice)
{
    struct shot shot;
    open_oneshot(&shot);
    ac_oneshot_send(shot.in, 1);
    ac_oneshot_send(shot.in, 2);
}
END_TEST

START_TEST(stops_when_two_wait_for_a_oneshot)
{
    struct shot shot, second;
    open_oneshot(&shot);
    poll_shot(&shot);
    second = shot;
    ac_oneshot_get__init(&second.frame, AC__ONESHOT(shot.out, ac__a_oneshot_receiver), &second.value);
    poll_shot(&second);
}
END_TEST

START_TEST(stops_when_the_only_thread_waits_for_a_value)
{
    struct ends ends = open_channel(1);
    int value;
    if (!__libc_single_threaded)
        abort(); /* under ThreadSanitizer, which has a thread of its own, it would really wait */
    ac_receive(ends.out, &value);
}
END_TEST

int main(int argc, char **argv)
{
    take_seed(argc, argv);
    const TTest *const tests[] = {
        values_come_out_in_the_order_in_which_they_went_in,
        an_unbounded_channel_takes_all_and_keeps_their_order,
        values_of_any_size_are_whole,
        what_cannot_be_opened_leaves_the_handles_as_they_were,
        a_full_channel_lets_senders_in_one_by_one_in_their_order,
        values_go_to_those_who_wait_in_their_order,
        a_cancelled_send_has_sent_nothing_and_its_place_is_the_next_ones,
        a_cancelled_receive_leaves_the_value_to_the_next,
        the_waker_of_the_last_poll_is_woken,
        receiving_ends_when_the_last_sender_is_closed_and_all_is_received,
        closing_the_last_sender_wakes_all_who_wait,
        receiving_has_not_ended_while_a_value_may_be_given_back,
        sending_ends_when_the_last_receiver_is_closed,
        a_receiver_that_has_stopped_gets_what_was_sent_before,
        an_end_may_be_closed_when_who_was_told_is_cancelled,
        a_receiver_that_stops_an_empty_channel_wakes_all_who_wait,
        a_oneshot_gives_its_value_once,
        a_oneshot_whose_sender_is_closed_ends_the_wait,
        a_oneshot_whose_receiver_is_closed_refuses_the_value,
        a_cancelled_wait_for_a_oneshot_loses_nothing,
        a_oneshot_wakes_the_waker_of_the_last_poll,
        each_value_is_received_once_and_in_its_senders_order,
        several_receivers_share_the_values,
        ends_may_close_at_any_time,
        tasks_of_the_pool_lose_and_double_nothing,
        a_oneshot_between_threads_is_received_or_refused,
    };
    const TTest *const stops[] = {
        stops_when_an_end_is_closed_twice,
        stops_when_the_last_handle_is_closed_under_a_wait,
        stops_when_the_last_receiver_is_closed_under_one_who_has_been_given_a_value,
        stops_when_the_last_sender_is_closed_under_one_who_has_been_given_room,
        stops_when_the_last_handle_is_closed_under_one_who_does_not_know_yet_that_all_is_over,
        stops_when_a_oneshot_is_closed_under_one_who_has_been_given_its_value,
        stops_when_polled_after_it_was_ready,
        stops_when_a_oneshot_is_sent_twice,
        stops_when_two_wait_for_a_oneshot,
        stops_when_the_only_thread_waits_for_a_value,
    };
    return run_suite("channel", tests, COUNT(tests), stops, COUNT(stops));
}

/* channel.c - queues between tasks, bounded and not.
 *
 *     senders --> | room | --> put --> elements --> take --> | items | --> receivers
 *
 * Everything is under one lock. Two *gates* say who may go on: to pass `room` is to own a free place, to
 * pass `items` is to own a value. Who passes and isn't waiting puts or takes at once; who waits is told
 * that he has passed, and puts or takes when he is polled: the place or the value stays his, nobody
 * overtakes him, and if he is cancelled meanwhile it goes to the next. So a send that was
 * cancelled hasn't sent, and a cancelled receive has taken nothing.
 *
 * A process of one thread takes no lock for what is usual: an operation that wakes one at most, as the last thing
 * that it does, for a waker's function may start a thread. So whoever sends or receives has done all else before.
 *
 * Elements stand in blocks. A bounded channel has one, which follows itself: a ring. An unbounded one appends blocks,
 * keeps one that has been emptied for the next that is needed, and frees the others. */
#include "lock.h"

#include "exec.h"
#include "sys_memory.h"

#include <ac/channel.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What needs a stack frame, apart from what is usual and needs none. */
#define NOINLINE __attribute__((noinline))

enum { BLOCK_SIZE = 1024, LEAST_PER_BLOCK = 4 };
enum { BOUNDED = 1, UNBOUNDED };

struct block {
    struct block *next;
    unsigned char elements[];
};

/* Whoever waits: nothing is free. */
struct gate {
    size_t nfree;
    struct ac__waiters waiters;
    /* Have passed, or were sent away, and haven't been polled or cancelled since: they'll use the channel once more. */
    size_t npassed, naway;
};

struct ac_channel {
    unsigned word; /* the lock alone */
    unsigned nsenders, nreceivers;
    bool closed; /* nothing can be sent any more: all receivers are closed, or have stopped */
    bool ended;  /* nothing more will come: that, or all senders are closed                 */
    unsigned char is_usual; /* hasn't ended, and the elements are small: BOUNDED or UNBOUNDED; else 0 */
    bool is_small;          /* they are of 1, 4 or 8 bytes */
    bool bounded;
    size_t size;       /* of an element, bytes          */
    size_t stride;     /* from one to the next, at least 1 */
    size_t block_size; /* bytes of elements in a block  */
    struct gate room, items;
    struct block *head, *tail; /* where the next is taken and put: */
    unsigned char *take_at, *take_end, *put_at, *put_end; /* here, or as the first of the next block */
};

/* For one of the usual operations. @p alone: what ac__alone() has said before. */
static inline void lock(struct ac_channel *channel, bool alone)
{
    if (!alone)
        ac__lock(&channel->word);
}
static inline void unlock(struct ac_channel *channel, bool alone)
{
    if (!alone)
        ac__unlock(&channel->word, 0);
}

/* ---- gates, with the lock ---- */

static inline bool pass(struct gate *gate)
{
    if (gate->nfree == 0)
        return false;
    gate->nfree--;
    return true;
}

/* One more may pass. @p alone: see lock(). */
static inline void open_gate(struct gate *gate, bool alone)
{
    if (gate->waiters.first == NULL) {
        gate->nfree++;
    } else {
        gate->npassed++;
        if (!alone)
            ac__defer_unpark();
        ac__tell_at_once(&gate->waiters, AC__TOLD);
    }
}

/* All who wait are sent away. */
static void close_gate(struct gate *gate)
{
    while (gate->waiters.first != NULL) {
        gate->naway++;
        ac__tell(&gate->waiters, AC__SENT_AWAY);
    }
}

/* ---- elements, with the lock ---- */

static inline bool is_small(size_t size) { return size == 1 || size == 4 || size == 8; }

/* Of those sizes, without a call. Returns the size, which the compiler knows then. */
static inline size_t copy_small(void *to, const void *from, size_t size)
{
    if (__builtin_expect(size == 8, 1)) {
        memcpy(to, from, 8);
        return 8;
    }
    if (size == 4) {
        memcpy(to, from, 4);
        return 4;
    }
    memcpy(to, from, 1);
    return 1;
}

/* Returns how far the next element is. @p quick: may_put_quickly() or may_take_quickly() has said so,
 * here and below. */
static inline size_t copy(void *to, const void *from, const struct ac_channel *channel, bool quick)
{
    if (quick || channel->is_small)
        return copy_small(to, from, channel->size);
    memcpy(to, from, channel->size);
    return channel->stride;
}

static struct block *new_block(const struct ac_channel *channel)
{
    struct block *block = ac__sys_malloc(sizeof *block + channel->block_size);
    if (block != NULL)
        block->next = NULL;
    return block;
}

/* Whether a put has to be preceded by append(). */
static bool needs_block(const struct ac_channel *channel)
{
    return channel->tail == NULL || (channel->put_at == channel->put_end && channel->tail->next == NULL);
}

/* Both return where its first element is. */
static unsigned char *begin_to_put(struct ac_channel *channel, struct block *block)
{
    channel->tail = block;
    channel->put_end = block->elements + channel->block_size;
    return channel->put_at = block->elements;
}
static unsigned char *begin_to_take(struct ac_channel *channel, struct block *block)
{
    channel->head = block;
    channel->take_end = block->elements + channel->block_size;
    return channel->take_at = block->elements;
}

static void append(struct ac_channel *channel, struct block *block)
{
    if (channel->tail != NULL) {
        channel->tail->next = block;
    } else {
        begin_to_put(channel, block);
        begin_to_take(channel, block);
    }
}

/* The last thing that is done. */
static inline void put(struct ac_channel *channel, const void *value, bool quick, bool alone)
{
    unsigned char *at = channel->put_at;
    if (at == channel->put_end)
        at = quick || channel->bounded ? channel->tail->elements : begin_to_put(channel, channel->tail->next);
    channel->put_at = at + copy(at, value, channel, quick);
    open_gate(&channel->items, alone);
}

/* Of an unbounded channel. */
static NOINLINE unsigned char *go_on_to_next(struct ac_channel *channel)
{
    struct block *empty = channel->head;
    unsigned char *at = begin_to_take(channel, empty->next);
    if (channel->tail->next == NULL) {
        empty->next = NULL;
        channel->tail->next = empty;
    } else {
        free(empty);
    }
    return at;
}

/* What is left to be done then is open_gate(&channel->room). */
static inline void take(struct ac_channel *channel, void *value, bool quick)
{
    unsigned char *at = channel->take_at;
    if (at == channel->take_end)
        at = quick || channel->bounded ? channel->head->elements : go_on_to_next(channel);
    channel->take_at = at + copy(value, at, channel, quick);
}

/* ---- the ends ---- */

/* Nothing is there and nothing will come. A value that is owned may be given back: until it has been
 * taken, those who wait go on waiting. */
static bool is_over(const struct ac_channel *channel)
{
    return channel->ended && channel->items.nfree == 0 && channel->items.npassed == 0;
}

int ac_channel_new(void *sender, void *receiver, size_t size, size_t capacity)
{
    if (capacity == 0)
        return -EINVAL;
    bool bounded = capacity != AC_UNBOUNDED;
    size_t stride = size > 0 ? size : 1, ring = 0;
    if (bounded && (__builtin_mul_overflow(capacity, stride, &ring)
                    || ring > PTRDIFF_MAX - sizeof(struct ac_channel) - sizeof(struct block)))
        return -ENOMEM;
    struct ac_channel *channel =
        ac__sys_malloc(sizeof *channel + (bounded ? sizeof(struct block) + ring : 0));
    if (channel == NULL)
        return -ENOMEM;
    *channel = (struct ac_channel){ .nsenders = 1, .nreceivers = 1, .room.nfree = capacity, .size = size,
                                    .stride = stride, .bounded = bounded, .is_small = is_small(size),
                                    .is_usual = !is_small(size) ? 0 : bounded ? BOUNDED : UNBOUNDED };
    if (bounded) {
        struct block *block = (struct block *)(channel + 1);
        block->next = block;
        channel->block_size = ring;
        append(channel, block);
    } else {
        size_t fit = (BLOCK_SIZE - sizeof(struct block)) / stride;
        channel->block_size = (fit < LEAST_PER_BLOCK ? LEAST_PER_BLOCK : fit) * stride;
    }
    memcpy(sender, &channel, sizeof channel);
    memcpy(receiver, &channel, sizeof channel);
    return 0;
}

static void free_channel(struct ac_channel *channel)
{
    if (!channel->bounded)
        for (struct block *block = channel->head, *next; block != NULL; block = next) {
            next = block->next;
            free(block);
        }
    free(channel);
}

static struct ac_channel *share(struct ac_channel *channel, unsigned *owners, const char *function)
{
    ac__lock(&channel->word);
    if (*owners == 0)
        ac__stop(function, "that end of the channel is closed");
    ++*owners;
    ac__unlock(&channel->word, 0);
    return channel;
}

struct ac_channel *ac_channel_share_sender(struct ac_channel *channel)
{
    return share(channel, &channel->nsenders, "ac_sender_share");
}

struct ac_channel *ac_channel_share_receiver(struct ac_channel *channel)
{
    return share(channel, &channel->nreceivers, "ac_receiver_share");
}

/* All who needn't wait any more are sent away. */
static void end_if_due(struct ac_channel *channel)
{
    if (channel->nreceivers == 0)
        channel->closed = true;
    if (channel->closed || channel->nsenders == 0) {
        channel->ended = true;
        channel->is_usual = 0;
    }
    if (channel->closed)
        close_gate(&channel->room);
    if (is_over(channel))
        close_gate(&channel->items);
}

/* One owner less. Unlocks. */
static void leave(struct ac_channel *channel, unsigned *owners, const struct gate *gate, const char *function)
{
    if (*owners == 0)
        ac__stop(function, "that end of the channel has been closed before");
    if (--*owners == 0 && (gate->waiters.first != NULL || gate->npassed + gate->naway > 0))
        ac__stop(function, "the last handle was closed while an operation on it waits");
    end_if_due(channel);
    bool last = channel->nsenders == 0 && channel->nreceivers == 0;
    ac__unlock(&channel->word, 0);
    if (last)
        free_channel(channel);
}

void ac_channel_close_sender(struct ac_channel *channel)
{
    if (channel == NULL)
        return;
    ac__lock(&channel->word);
    leave(channel, &channel->nsenders, &channel->room, "ac_sender_close");
}

void ac_channel_close_receiver(struct ac_channel *channel)
{
    if (channel == NULL)
        return;
    ac__lock(&channel->word);
    leave(channel, &channel->nreceivers, &channel->items, "ac_receiver_close");
}

void ac_channel_stop(struct ac_channel *channel)
{
    ac__lock(&channel->word);
    channel->closed = true;
    end_if_due(channel);
    ac__unlock(&channel->word, 0);
}

/* ---- sending ---- */

/* Whether put() is to follow. @p owned: one has passed the gate. 0, -EPIPE, or -EAGAIN, when there is no room. */
static inline int may_send(struct ac_channel *channel, bool owned)
{
    if (channel->closed)
        return -EPIPE;
    return owned || pass(&channel->room) ? 0 : -EAGAIN;
}

/* Of an unbounded channel: 0, -EPIPE, or -ENOMEM. */
static NOINLINE int send_unbounded(struct ac_channel *channel, const void *value)
{
    struct block *spare = NULL;
    int result = 0;
    ac__lock(&channel->word);
    while (result == 0 && !channel->closed && needs_block(channel)) {
        if (spare == NULL) { /* memory is asked for without the lock */
            ac__unlock(&channel->word, 0);
            spare = new_block(channel);
            ac__lock(&channel->word);
            if (spare == NULL && needs_block(channel))
                result = -ENOMEM;
        } else {
            append(channel, spare);
            spare = NULL;
        }
    }
    if (result == 0)
        result = may_send(channel, false);
    if (result == 0)
        put(channel, value, false, false);
    ac__unlock(&channel->word, 0);
    if (spare != NULL)
        free(spare);
    return result;
}

int ac_channel_try_send(struct ac_channel *channel, const void *value)
{
    if (!channel->bounded)
        return send_unbounded(channel, value);
    bool alone = ac__alone();
    lock(channel, alone);
    int result = may_send(channel, false);
    if (result == 0)
        put(channel, value, false, alone);
    unlock(channel, alone);
    return result;
}

void ac_channel_send__init(struct ac_channel_send__frame *self, struct ac_channel *channel, const void *value)
{
    self->wait.state = AC__FRESH;
    self->channel = channel;
    self->value = value;
}

/* False: nothing has happened since the last poll, or the task has had its share. */
static inline bool is_due(const struct ac__waiter *wait, unsigned state, struct ac_context *cx)
{
    return state == AC__WAITING ? wait->waker != cx->waker : ac__spend(cx);
}

/* With the lock, before anything else: the state, which was @p state before. One who was told is up. */
static inline unsigned arrive(struct gate *gate, const struct ac__waiter *wait, unsigned state)
{
    if (state == AC__WAITING)
        state = ac__waiter_state(wait);
    if (state == AC__TOLD)
        gate->npassed--;
    else if (state == AC__SENT_AWAY)
        gate->naway--;
    return state;
}

/* What is usual needs no lock, and calls nothing but the wake at its end. Unless another block comes next. */
static inline bool may_be_quick(const struct ac_context *cx) { return ac__alone() && cx->budget > 0; }
static inline bool may_put_quickly(const struct ac_channel *channel, const struct ac_context *cx)
{
    return may_be_quick(cx)
           && (channel->is_usual == BOUNDED
               || (channel->is_usual == UNBOUNDED && channel->put_at != channel->put_end));
}
static inline bool may_take_quickly(const struct ac_channel *channel, const struct ac_context *cx)
{
    return may_be_quick(cx)
           && (channel->is_usual == BOUNDED
               || (channel->is_usual == UNBOUNDED && channel->take_at != channel->take_end));
}

/* With the lock: goes on waiting, or begins to. */
static inline void wait_at(struct gate *gate, struct ac__waiter *wait, unsigned state, struct ac_waker *waker)
{
    if (state == AC__FRESH)
        ac__queue(&gate->waiters, wait, waker);
    else
        wait->waker = waker;
}

static inline void finish_send(struct ac_channel_send__frame *self, int result)
{
    ac__waiter_set(&self->wait, AC__OVER);
    self->result = result;
}

/* To a bounded channel. @p state: that of its waiter, before. */
static enum ac_poll send(struct ac_channel_send__frame *self, struct ac_context *cx, unsigned state)
{
    struct ac_channel *channel = self->channel;
    enum ac_poll poll = AC_READY;
    bool alone = ac__alone();
    lock(channel, alone);
    state = arrive(&channel->room, &self->wait, state);
    int result = state == AC__WAITING ? -EAGAIN : may_send(channel, state == AC__TOLD);
    if (result == -EAGAIN) {
        wait_at(&channel->room, &self->wait, state, cx->waker);
        poll = AC_PENDING;
    } else {
        finish_send(self, result);
        if (result == 0)
            put(channel, self->value, false, alone);
    }
    unlock(channel, alone);
    return poll;
}

enum ac_poll ac_channel_send__poll(struct ac_channel_send__frame *self, struct ac_context *cx)
{
    unsigned state = ac__waiter_state(&self->wait);
    if (state == AC__OVER)
        ac__stop("ac_send", "polled after it was ready");
    if (!is_due(&self->wait, state, cx))
        return AC_PENDING;
    if (self->channel->bounded)
        return send(self, cx, state);
    finish_send(self, send_unbounded(self->channel, self->value));
    return AC_READY;
}

enum ac_poll ac_channel_send__start(struct ac_channel_send__frame *self, struct ac_context *cx,
                                    struct ac_channel *channel, const void *value)
{
    if (may_put_quickly(channel, cx) && channel->room.nfree > 0) {
        cx->budget--;
        channel->room.nfree--;
        finish_send(self, 0);
        put(channel, value, true, true);
        return AC_READY;
    }
    ac_channel_send__init(self, channel, value);
    return ac_channel_send__poll(self, cx);
}

/* Leaves the gate: what one owned goes to the next. Not when it is over. */
static void cancel(struct ac_channel *channel, struct gate *gate, struct ac__waiter *wait)
{
    unsigned state = ac__waiter_state(wait);
    if (state != AC__FRESH) {
        ac__lock(&channel->word);
        state = arrive(gate, wait, state);
        if (state == AC__WAITING)
            ac__unqueue(&gate->waiters, wait);
        else if (state == AC__TOLD)
            open_gate(gate, false);
        ac__unlock(&channel->word, 0);
    }
    ac__waiter_set(wait, AC__OVER);
}

enum ac_poll ac_channel_send__cancel(struct ac_channel_send__frame *self, struct ac_context *cx)
{
    (void)cx;
    if (ac__waiter_state(&self->wait) != AC__OVER)
        cancel(self->channel, &self->channel->room, &self->wait);
    return AC_READY;
}

/* ---- receiving ---- */

/* 0, -EPIPE, or -EAGAIN. leave_received() is to follow. */
static inline int receive(struct ac_channel *channel, void *value, bool owned)
{
    if (!owned && !pass(&channel->items))
        return is_over(channel) ? -EPIPE : -EAGAIN;
    take(channel, value, false);
    return 0;
}

/* The last thing that is done: unlocks, when there is room for another. @p result: what receive() has said. */
static inline void leave_received(struct ac_channel *channel, int result, bool alone)
{
    if (result != 0 || !channel->ended) {
        if (result == 0)
            open_gate(&channel->room, alone);
        unlock(channel, alone);
        return;
    }
    /* It may have been the last that there is. */
    if (alone)
        ac__lock(&channel->word);
    open_gate(&channel->room, false);
    end_if_due(channel);
    ac__unlock(&channel->word, 0);
}

int ac_channel_try_receive(struct ac_channel *channel, void *value)
{
    bool alone = ac__alone();
    lock(channel, alone);
    int result = receive(channel, value, false);
    leave_received(channel, result, alone);
    return result;
}

void ac_channel_receive__init(struct ac_channel_receive__frame *self, struct ac_channel *channel, void *value)
{
    self->wait.state = AC__FRESH;
    self->channel = channel;
    self->value = value;
}

static inline void finish_receive(struct ac_channel_receive__frame *self, int result)
{
    ac__waiter_set(&self->wait, AC__OVER);
    self->result = result;
}

/* Whatever the channel and the process are like. */
static NOINLINE enum ac_poll poll_receive(struct ac_channel_receive__frame *self, struct ac_context *cx)
{
    struct ac_channel *channel = self->channel;
    unsigned state = ac__waiter_state(&self->wait);
    if (state == AC__OVER)
        ac__stop("ac_receive", "polled after it was ready");
    if (!is_due(&self->wait, state, cx))
        return AC_PENDING;
    bool alone = ac__alone();
    lock(channel, alone);
    state = arrive(&channel->items, &self->wait, state);
    int result = state == AC__WAITING ? -EAGAIN : receive(channel, self->value, state == AC__TOLD);
    if (result == -EAGAIN)
        wait_at(&channel->items, &self->wait, state, cx->waker);
    else
        finish_receive(self, result);
    leave_received(channel, result, alone);
    return result == -EAGAIN ? AC_PENDING : AC_READY;
}

static inline enum ac_poll receive_quickly(struct ac_channel_receive__frame *self, struct ac_context *cx,
                                           struct ac_channel *channel, void *value)
{
    cx->budget--;
    take(channel, value, true);
    finish_receive(self, 0);
    open_gate(&channel->room, true);
    return AC_READY;
}

enum ac_poll ac_channel_receive__poll(struct ac_channel_receive__frame *self, struct ac_context *cx)
{
    struct ac_channel *channel = self->channel;
    if (may_take_quickly(channel, cx) && ac__waiter_state(&self->wait) == AC__TOLD) {
        channel->items.npassed--;
        return receive_quickly(self, cx, channel, self->value);
    }
    return poll_receive(self, cx);
}

/* One is there. */
static NOINLINE enum ac_poll receive_first(struct ac_channel_receive__frame *self, struct ac_context *cx,
                                           struct ac_channel *channel, void *value)
{
    if (may_take_quickly(channel, cx)) {
        channel->items.nfree--;
        return receive_quickly(self, cx, channel, value);
    }
    ac_channel_receive__init(self, channel, value);
    return poll_receive(self, cx);
}

enum ac_poll ac_channel_receive__start(struct ac_channel_receive__frame *self, struct ac_context *cx,
                                       struct ac_channel *channel, void *value)
{
    if (may_be_quick(cx) && channel->is_usual != 0) {
        if (channel->items.nfree > 0)
            return receive_first(self, cx, channel, value);
        self->channel = channel;
        self->value = value;
        ac__queue(&channel->items.waiters, &self->wait, cx->waker);
        return AC_PENDING;
    }
    ac_channel_receive__init(self, channel, value);
    return poll_receive(self, cx);
}

enum ac_poll ac_channel_receive__cancel(struct ac_channel_receive__frame *self, struct ac_context *cx)
{
    (void)cx;
    if (ac__waiter_state(&self->wait) != AC__OVER)
        cancel(self->channel, &self->channel->items, &self->wait);
    return AC_READY;
}

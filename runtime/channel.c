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
 * Elements stand in blocks. A bounded channel has one, which follows itself: a ring. An unbounded one appends blocks,
 * keeps one that has been emptied for the next that is needed, and frees the others. */
#include "lock.h"

#include "exec.h"
#include "sys_memory.h"

#include <ac/channel.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1024, LEAST_PER_BLOCK = 4 };

struct block {
    struct block *next;
    unsigned char elements[];
};

/* Whoever waits: nothing is free. */
struct gate {
    size_t nfree;
    struct ac__waiters waiters;
    size_t ntold; /* were told, and haven't been polled or cancelled since: they will use the channel once more */
};

struct ac_channel {
    unsigned word; /* the lock alone */
    unsigned nsenders, nreceivers;
    bool stopped; /* nothing more is to be sent */
    bool bounded;
    size_t size;      /* of an element, bytes */
    size_t per_block; /* elements             */
    size_t count;     /* elements that are there, with those that somebody owns */
    struct gate room, items;
    struct block *head, *tail; /* where the next is taken and put: */
    size_t head_at, tail_at;   /* these elements, or the first of the next block */
};

/* ---- gates, with the lock ---- */

static bool pass(struct gate *gate)
{
    if (gate->nfree == 0)
        return false;
    gate->nfree--;
    return true;
}

/* One more may pass. */
static void open_gate(struct gate *gate)
{
    struct ac__waiter *first = gate->waiters.first;
    if (first == NULL) {
        gate->nfree++;
    } else {
        first->wants = 1;
        gate->ntold++;
        ac__tell(&gate->waiters, first);
    }
}

/* All who wait are sent away. */
static void close_gate(struct gate *gate)
{
    struct ac__waiter *first;
    while ((first = gate->waiters.first) != NULL) {
        first->wants = 0;
        gate->ntold++;
        ac__tell(&gate->waiters, first);
    }
}

/* ---- elements, with the lock ---- */

static void copy(void *to, const void *from, size_t size)
{
    switch (size) { /* without a call, for the usual sizes */
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    case 16: memcpy(to, from, 16); break;
    default: memcpy(to, from, size);
    }
}

static struct block *new_block(const struct ac_channel *channel)
{
    struct block *block = ac__sys_malloc(sizeof *block + channel->per_block * channel->size);
    if (block != NULL)
        block->next = NULL;
    return block;
}

/* Whether a put has to be preceded by append(). */
static bool needs_block(const struct ac_channel *channel)
{
    return channel->tail == NULL || (channel->tail_at == channel->per_block && channel->tail->next == NULL);
}

static void append(struct ac_channel *channel, struct block *block)
{
    if (channel->tail != NULL)
        channel->tail->next = block;
    else
        channel->head = channel->tail = block;
}

static void put(struct ac_channel *channel, const void *value)
{
    if (channel->tail_at == channel->per_block) {
        channel->tail = channel->tail->next;
        channel->tail_at = 0;
    }
    copy(channel->tail->elements + channel->tail_at++ * channel->size, value, channel->size);
    channel->count++;
    open_gate(&channel->items);
}

static void take(struct ac_channel *channel, void *value)
{
    if (channel->head_at == channel->per_block) {
        struct block *empty = channel->head;
        channel->head = empty->next;
        channel->head_at = 0;
        if (!channel->bounded && channel->tail->next == NULL) {
            empty->next = NULL;
            channel->tail->next = empty;
        } else if (!channel->bounded) {
            free(empty);
        }
    }
    copy(value, channel->head->elements + channel->head_at++ * channel->size, channel->size);
    channel->count--;
    if (channel->bounded)
        open_gate(&channel->room);
}

/* ---- the ends ---- */

static bool is_closed_to_senders(const struct ac_channel *channel) { return channel->nreceivers == 0 || channel->stopped; }

/* Nothing is there and nothing will come. A value that is owned may be given back: until it has been
 * taken, those who wait go on waiting. */
static bool is_over(const struct ac_channel *channel)
{
    return channel->count == 0 && (channel->nsenders == 0 || channel->stopped);
}

int ac_channel_new(void *sender, void *receiver, size_t size, size_t capacity)
{
    if (capacity == 0)
        return -EINVAL;
    bool bounded = capacity != AC_UNBOUNDED;
    size_t place = size > 0 ? size : 1, ring = 0;
    if (bounded && (__builtin_mul_overflow(capacity, place, &ring)
                    || ring > PTRDIFF_MAX - sizeof(struct ac_channel) - sizeof(struct block)))
        return -ENOMEM;
    struct ac_channel *channel =
        ac__sys_malloc(sizeof *channel + (bounded ? sizeof(struct block) + ring : 0));
    if (channel == NULL)
        return -ENOMEM;
    *channel = (struct ac_channel){ .nsenders = 1, .nreceivers = 1, .bounded = bounded, .size = size };
    if (bounded) {
        channel->per_block = channel->room.nfree = capacity;
        channel->head = channel->tail = (struct block *)(channel + 1);
        channel->head->next = channel->head;
    } else {
        size_t fit = (BLOCK_SIZE - sizeof(struct block)) / place;
        channel->per_block = fit < LEAST_PER_BLOCK ? LEAST_PER_BLOCK : fit;
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

/* One owner less. Unlocks. */
static void leave(struct ac_channel *channel, unsigned *owners, const struct gate *gate, const char *function)
{
    if (*owners == 0)
        ac__stop(function, "that end of the channel has been closed before");
    if (--*owners == 0 && (gate->waiters.first != NULL || gate->ntold > 0))
        ac__stop(function, "the last handle was closed while an operation on it waits");
    if (is_closed_to_senders(channel))
        close_gate(&channel->room);
    if (is_over(channel))
        close_gate(&channel->items);
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
    channel->stopped = true;
    close_gate(&channel->room);
    if (is_over(channel))
        close_gate(&channel->items);
    ac__unlock(&channel->word, 0);
}

/* ---- sending ---- */

/* With the lock, which it may give away and take again for memory. @p owned: one has passed the gate. 0, -EPIPE,
 * -ENOMEM, or -EAGAIN, when there is no room. @p spare: a block to be freed, if it isn't null, after
 * the unlock. */
static int send(struct ac_channel *channel, const void *value, bool owned, struct block **spare)
{
    while (!channel->bounded && !is_closed_to_senders(channel) && needs_block(channel)) {
        if (*spare != NULL) {
            append(channel, *spare);
            *spare = NULL;
            break;
        }
        ac__unlock(&channel->word, 0);
        struct block *block = new_block(channel);
        ac__lock(&channel->word);
        if (block == NULL && needs_block(channel))
            return -ENOMEM;
        *spare = block;
    }
    if (is_closed_to_senders(channel))
        return -EPIPE;
    if (channel->bounded && !owned && !pass(&channel->room))
        return -EAGAIN;
    put(channel, value);
    return 0;
}

int ac_channel_try_send(struct ac_channel *channel, const void *value)
{
    struct block *spare = NULL;
    ac__lock(&channel->word);
    int result = send(channel, value, false, &spare);
    ac__unlock(&channel->word, 0);
    if (spare != NULL)
        free(spare);
    return result;
}

void ac_channel_send__init(struct ac_channel_send__frame *self, struct ac_channel *channel, const void *value)
{
    self->wait.state = AC__FRESH;
    self->channel = channel;
    self->value = value;
}

/* False: nothing has happened since the last poll, or the task has had its share. */
static bool is_due(const struct ac__waiter *wait, struct ac_context *cx, const char *function)
{
    unsigned state = ac__waiter_state(wait);
    if (state == AC__OVER)
        ac__stop(function, "polled after it was ready");
    return state == AC__WAITING ? wait->waker != cx->waker : ac__spend(cx);
}

/* With the lock, before anything else: the state. One who was told is up. */
static unsigned arrive(struct gate *gate, const struct ac__waiter *wait)
{
    unsigned state = ac__waiter_state(wait);
    if (state == AC__TOLD)
        gate->ntold--;
    return state;
}

/* With the lock: goes on waiting, or begins to. */
static void wait_at(struct gate *gate, struct ac__waiter *wait, struct ac_waker *waker)
{
    if (ac__waiter_state(wait) == AC__FRESH)
        ac__queue(&gate->waiters, wait, waker);
    else
        wait->waker = waker;
}

enum ac_poll ac_channel_send__poll(struct ac_channel_send__frame *self, struct ac_context *cx)
{
    struct ac_channel *channel = self->channel;
    struct block *spare = NULL;
    if (!is_due(&self->wait, cx, "ac_send"))
        return AC_PENDING;
    ac__lock(&channel->word);
    unsigned state = arrive(&channel->room, &self->wait);
    int result = -EAGAIN;
    if (state != AC__WAITING)
        result = send(channel, self->value, state == AC__TOLD && self->wait.wants == 1, &spare);
    if (result == -EAGAIN)
        wait_at(&channel->room, &self->wait, cx->waker);
    else
        ac__waiter_set(&self->wait, AC__OVER);
    ac__unlock(&channel->word, 0);
    if (spare != NULL)
        free(spare);
    if (result == -EAGAIN)
        return AC_PENDING;
    self->result = result;
    return AC_READY;
}

enum ac_poll ac_channel_send__start(struct ac_channel_send__frame *self, struct ac_context *cx,
                                    struct ac_channel *channel, const void *value)
{
    ac_channel_send__init(self, channel, value);
    return ac_channel_send__poll(self, cx);
}

/* Leaves the gate: what one owned goes to the next. */
static void cancel(struct ac_channel *channel, struct gate *gate, struct ac__waiter *wait)
{
    unsigned state = ac__waiter_state(wait);
    if (state == AC__WAITING || state == AC__TOLD) {
        ac__lock(&channel->word);
        if (arrive(gate, wait) == AC__WAITING)
            ac__unqueue(&gate->waiters, wait);
        else if (wait->wants == 1)
            open_gate(gate);
        ac__unlock(&channel->word, 0);
    }
    ac__waiter_set(wait, AC__OVER);
}

enum ac_poll ac_channel_send__cancel(struct ac_channel_send__frame *self, struct ac_context *cx)
{
    (void)cx;
    cancel(self->channel, &self->channel->room, &self->wait);
    return AC_READY;
}

/* ---- receiving ---- */

/* With the lock: 0, -EPIPE, or -EAGAIN. */
static int receive(struct ac_channel *channel, void *value, bool owned)
{
    if (!owned && !pass(&channel->items))
        return is_over(channel) ? -EPIPE : -EAGAIN;
    take(channel, value);
    if (is_over(channel))
        close_gate(&channel->items);
    return 0;
}

int ac_channel_try_receive(struct ac_channel *channel, void *value)
{
    ac__lock(&channel->word);
    int result = receive(channel, value, false);
    ac__unlock(&channel->word, 0);
    return result;
}

void ac_channel_receive__init(struct ac_channel_receive__frame *self, struct ac_channel *channel, void *value)
{
    self->wait.state = AC__FRESH;
    self->channel = channel;
    self->value = value;
}

enum ac_poll ac_channel_receive__poll(struct ac_channel_receive__frame *self, struct ac_context *cx)
{
    struct ac_channel *channel = self->channel;
    if (!is_due(&self->wait, cx, "ac_receive"))
        return AC_PENDING;
    ac__lock(&channel->word);
    unsigned state = arrive(&channel->items, &self->wait);
    int result = -EAGAIN;
    if (state != AC__WAITING)
        result = receive(channel, self->value, state == AC__TOLD && self->wait.wants == 1);
    if (result == -EAGAIN)
        wait_at(&channel->items, &self->wait, cx->waker);
    else
        ac__waiter_set(&self->wait, AC__OVER);
    ac__unlock(&channel->word, 0);
    if (result == -EAGAIN)
        return AC_PENDING;
    self->result = result;
    return AC_READY;
}

enum ac_poll ac_channel_receive__start(struct ac_channel_receive__frame *self, struct ac_context *cx,
                                       struct ac_channel *channel, void *value)
{
    ac_channel_receive__init(self, channel, value);
    return ac_channel_receive__poll(self, cx);
}

enum ac_poll ac_channel_receive__cancel(struct ac_channel_receive__frame *self, struct ac_context *cx)
{
    (void)cx;
    cancel(self->channel, &self->channel->items, &self->wait);
    return AC_READY;
}

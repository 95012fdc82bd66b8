/* oneshot.c - one value from one task to another.
 *
 *     word   | WAITING | RECEIVER_GONE | SENDER_GONE | SENT | SLEEPERS LOCKED |
 *
 * Sending writes the value and sets SENT, which releases it to the receiver; whoever finds the other's GONE
 * frees the memory. While nobody waits these are single swaps. A receiver who waits leaves his
 * waker under the lock and sets WAITING; then the sender wakes him under the lock and sets SENT with
 * the operation that releases it: who sees SENT knows that his waker is no longer in use. */
#include "lock.h"

#include "exec.h"
#include "sys_memory.h"

#include <ac/channel.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SENT = 1 << AC__FREE_BITS,
    SENDER_GONE = SENT << 1,
    RECEIVER_GONE = SENT << 2,
    WAITING = SENT << 3,
};

struct ac_oneshot {
    unsigned word;
    bool received; /* the receiver's; he is the only one who changes this and */
    bool awaited;  /* a wait has begun and isn't over, though it may have been told */
    size_t size;
    struct ac_waker *waker; /* while WAITING */
    unsigned char value[];
};

int ac_oneshot_new(void *sender, void *receiver, size_t size)
{
    struct ac_oneshot *oneshot = ac__sys_malloc(sizeof *oneshot + size);
    if (oneshot == NULL)
        return -ENOMEM;
    *oneshot = (struct ac_oneshot){ .size = size };
    memcpy(sender, &oneshot, sizeof oneshot);
    memcpy(receiver, &oneshot, sizeof oneshot);
    return 0;
}

/* Sets a bit, unless @p unless is set, and wakes who waits. Returns what the word was. */
static unsigned set(struct ac_oneshot *oneshot, unsigned bit, unsigned unless)
{
    unsigned word = __atomic_load_n(&oneshot->word, __ATOMIC_ACQUIRE);
    while (!(word & (WAITING | AC__LOCKED | unless)))
        if (ac__swap(&oneshot->word, &word, word | bit, __ATOMIC_ACQ_REL))
            return word;
    if (word & unless) /* perhaps seen by a swap that failed, which acquires nothing; it stays set */
        return __atomic_load_n(&oneshot->word, __ATOMIC_ACQUIRE);
    word = ac__lock(&oneshot->word);
    if (word & WAITING && !(word & unless)) {
        ac__defer_unpark();
        ac_wake_by_ref(oneshot->waker);
    }
    ac__unlock(&oneshot->word, word & unless ? word : (word | bit) & ~(unsigned)WAITING);
    return word;
}

int ac_oneshot_put(struct ac_oneshot *oneshot, const void *value)
{
    if (__atomic_load_n(&oneshot->word, __ATOMIC_RELAXED) & SENT)
        ac__stop("ac_oneshot_send", "this oneshot has been sent before");
    memcpy(oneshot->value, value, oneshot->size);
    return set(oneshot, SENT, RECEIVER_GONE) & RECEIVER_GONE ? -EPIPE : 0;
}

/* One end less. */
static void close(struct ac_oneshot *oneshot, unsigned gone, unsigned other, const char *function)
{
    if (oneshot == NULL)
        return;
    unsigned word = set(oneshot, gone, other);
    if (word & gone)
        ac__stop(function, "that end of the oneshot has been closed before");
    if (word & other)
        free(oneshot);
}

void ac_oneshot_close_sender(struct ac_oneshot *oneshot)
{
    close(oneshot, SENDER_GONE, RECEIVER_GONE, "ac_oneshot_sender_close");
}

void ac_oneshot_close_receiver(struct ac_oneshot *oneshot)
{
    if (oneshot != NULL && __atomic_load_n(&oneshot->awaited, __ATOMIC_RELAXED))
        ac__stop("ac_oneshot_receiver_close", "closed while a task waits for the value");
    close(oneshot, RECEIVER_GONE, SENDER_GONE, "ac_oneshot_receiver_close");
}

/* What an acquired word says: 0 and the value, -EPIPE, or -EAGAIN. */
static int get(struct ac_oneshot *oneshot, unsigned word, void *value)
{
    if (!(word & SENT))
        return word & SENDER_GONE ? -EPIPE : -EAGAIN;
    if (oneshot->received)
        return -EPIPE;
    memcpy(value, oneshot->value, oneshot->size);
    oneshot->received = true;
    return 0;
}

int ac_oneshot_try_get(struct ac_oneshot *oneshot, void *value)
{
    return get(oneshot, __atomic_load_n(&oneshot->word, __ATOMIC_ACQUIRE), value);
}

/* ---- waiting ---- */

/* Atomic only so that a receiver who closes while another thread still waits, which he may not, is stopped in good order. */
static void set_awaited(struct ac_oneshot *oneshot, bool awaited)
{
    __atomic_store_n(&oneshot->awaited, awaited, __ATOMIC_RELAXED);
}

void ac_oneshot_get__init(struct ac_oneshot_get__frame *self, struct ac_oneshot *oneshot, void *value)
{
    self->oneshot = oneshot;
    self->value = value;
    self->state = AC__FRESH;
}

enum ac_poll ac_oneshot_get__poll(struct ac_oneshot_get__frame *self, struct ac_context *cx)
{
    struct ac_oneshot *oneshot = self->oneshot;
    if (self->state == AC__OVER)
        ac__stop("ac_oneshot_receive", "polled after it was ready");
    unsigned word = __atomic_load_n(&oneshot->word, __ATOMIC_ACQUIRE);
    if (!(word & (SENT | SENDER_GONE))) {
        /* Whoever wakes holds the lock, and until he releases it SENT isn't there to be seen. */
        if (self->state == AC__WAITING && self->waker == cx->waker && !(word & AC__LOCKED))
            return AC_PENDING;
        word = ac__lock(&oneshot->word);
        if (word & WAITING && self->state == AC__FRESH)
            ac__stop("ac_oneshot_receive", "two tasks wait for the same value");
        bool waits = !(word & (SENT | SENDER_GONE));
        if (waits) {
            oneshot->waker = self->waker = cx->waker;
            self->state = AC__WAITING;
            set_awaited(oneshot, true);
        }
        ac__unlock(&oneshot->word, waits ? word | WAITING : word);
        if (waits)
            return AC_PENDING;
    }
    if (!ac__spend(cx))
        return AC_PENDING;
    self->result = get(oneshot, word, self->value);
    if (self->state == AC__WAITING)
        set_awaited(oneshot, false);
    self->state = AC__OVER;
    return AC_READY;
}

enum ac_poll ac_oneshot_get__start(struct ac_oneshot_get__frame *self, struct ac_context *cx,
                                   struct ac_oneshot *oneshot, void *value)
{
    ac_oneshot_get__init(self, oneshot, value);
    return ac_oneshot_get__poll(self, cx);
}

enum ac_poll ac_oneshot_get__cancel(struct ac_oneshot_get__frame *self, struct ac_context *cx)
{
    (void)cx;
    if (self->state == AC__WAITING) {
        set_awaited(self->oneshot, false);
        unsigned word = ac__lock(&self->oneshot->word);
        ac__unlock(&self->oneshot->word, word & ~(unsigned)WAITING);
    }
    self->state = AC__OVER;
    return AC_READY;
}

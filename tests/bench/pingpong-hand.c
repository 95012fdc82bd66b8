/* pingpong-hand N - as pingpong.ac, for one thread: two tasks on a ring, two channels of one slot without a lock. */
#include "bench.h"
#include "ring.h"

struct ring ring;

struct channel {
    uint64_t slot;
    bool full;
    struct ac_context *sender, *receiver; /* who waits, or NULL */
};

static void wake_waiting(struct ac_context **waiting)
{
    struct ac_context *cx = *waiting;
    if (cx) {
        *waiting = NULL;
        ring_wake(cx);
    }
}

static enum ac_poll poll_send(struct channel *channel, struct ac_context *cx, uint64_t token)
{
    if (channel->full) {
        channel->sender = cx;
        return AC_PENDING;
    }
    channel->slot = token;
    channel->full = true;
    wake_waiting(&channel->receiver);
    return AC_READY;
}

static enum ac_poll poll_receive(struct channel *channel, struct ac_context *cx, uint64_t *token)
{
    if (!channel->full) {
        channel->receiver = cx;
        return AC_PENDING;
    }
    *token = channel->slot;
    channel->full = false;
    wake_waiting(&channel->sender);
    return AC_READY;
}

struct player {
    struct channel *in, *out;
    uint64_t i, n, token;
    unsigned char state;
};

static enum ac_poll poll_serve(void *frame, struct ac_context *cx)
{
    struct player *self = frame;
    switch (self->state) {
    case 0:
        for (self->i = 0; self->i < self->n; self->i++) {
            self->state = 1;
            /* fall through */
    case 1:
            if (poll_receive(self->in, cx, &self->token) == AC_PENDING)
                return AC_PENDING;
            self->state = 2;
            /* fall through */
    case 2:
            if (poll_send(self->out, cx, self->token + 1) == AC_PENDING)
                return AC_PENDING;
        }
    }
    return AC_READY;
}

static enum ac_poll poll_play(void *frame, struct ac_context *cx)
{
    struct player *self = frame;
    switch (self->state) {
    case 0:
        for (self->i = 0; self->i < self->n; self->i++) {
            self->state = 1;
            /* fall through */
    case 1:
            if (poll_send(self->out, cx, self->token + 1) == AC_PENDING)
                return AC_PENDING;
            self->state = 2;
            /* fall through */
    case 2:
            if (poll_receive(self->in, cx, &self->token) == AC_PENDING)
                return AC_PENDING;
        }
    }
    return AC_READY;
}

static const struct ac_future_type serve = { .size = sizeof(struct player), .poll = poll_serve };
static const struct ac_future_type play = { .size = sizeof(struct player), .poll = poll_play };

static struct player *spawn(const struct ac_future_type *type, struct channel *in, struct channel *out, uint64_t n)
{
    struct player *player = (struct player *)ring_spawn(type)->frame;
    *player = (struct player){ .in = in, .out = out, .n = n };
    return player;
}

int main(int argc, char **argv)
{
    static struct channel there, back;
    uint64_t n = argument(argc, argv, 1, 1000000);
    offer_one_thread(argc, argv, 2);
    ring_open(2);
    uint64_t started = wall_ns();
    spawn(&serve, &there, &back, n);
    const struct player *player = spawn(&play, &back, &there, n);
    ring_run();
    report_wall("pingpong/hand", "roundtrip", started, n);
    check(player->token == 2 * n, "the token");
    return 0;
}

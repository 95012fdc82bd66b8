/* channel_blocking.c - the operations of channel.h for elided programs, and for threads that run no async code. */
#include "park.h"

#include <ac/channel.h>

int ac_channel_send(struct ac_channel *channel, const void *value)
{
    struct ac_channel_send__frame frame;
    ac_channel_send__init(&frame, channel, value);
    AC__PARK_UNTIL("ac_send", ac_channel_send__poll(&frame, &cx));
    return frame.result;
}

int ac_channel_receive(struct ac_channel *channel, void *value)
{
    struct ac_channel_receive__frame frame;
    ac_channel_receive__init(&frame, channel, value);
    AC__PARK_UNTIL("ac_receive", ac_channel_receive__poll(&frame, &cx));
    return frame.result;
}

int ac_oneshot_get(struct ac_oneshot *oneshot, void *value)
{
    struct ac_oneshot_get__frame frame;
    ac_oneshot_get__init(&frame, oneshot, value);
    AC__PARK_UNTIL("ac_oneshot_receive", ac_oneshot_get__poll(&frame, &cx));
    return frame.result;
}

/* The bounded channel of channel.pml, in which a receiver leaves after his first value: the senders may get -EPIPE, and
 * nobody waits for ever. */
#define RECEIVER_LEAVES
#include "channel.pml"

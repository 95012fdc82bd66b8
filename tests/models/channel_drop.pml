/* The bounded channel of channel.pml, in which a receiver leaves after his first value: the senders may get -EPIPE, and
 * nobody waits for ever. */

// MUTATION CLOSING_TELLS_NOBODY: senders that wait don't hear that the last receiver has gone
// MUTATION CANCELLED_KEEPS_ITS_PLACE: one who is cancelled after he was told gives nothing back

#define RECEIVER_LEAVES
#include "channel.pml"

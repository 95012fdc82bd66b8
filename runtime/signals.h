/* signals.h - what registrations for signals share with the futures, and the twins, that wait. */
#ifndef AC__SIGNALS_H
#define AC__SIGNALS_H
#include <ac/signal.h>

/* A number that goes up with each signal that comes, for futex_wait. */
extern unsigned ac__signals_news;
/* What an executor watches: readable again with each signal. Set once there is a registration. */
int ac__signals_descriptor(void);
/* The one-signal set, or for a number that there isn't the empty set. */
static inline uint64_t ac__signals_only(int number) { return number < 1 || number > 64 ? 0 : AC_SIGNAL(number); }
#endif

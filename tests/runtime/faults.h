/* faults.h - what the scenarios of faults.c and faults_parts.c share: the plan of what is to fail, and awaiting
 * with errors that are noted. */
#ifndef FAULTS_H
#define FAULTS_H
#include "support.h"

#include "sys.h"

/* Of a process. */
extern struct plan {
    bool armed;
    enum ac__call call; /* this one fails ... */
    int first, times;   /* so often, from the first-th on, which is 0; */
    int error;          /* with that errno */
    bool every_other;   /* or every other one, of all calls that can, with that errno; */
    bool knows_no_name; /* looking one up would ask the network */
    int nkept;          /* descriptors that the library keeps once it has needed them */
    size_t most;        /* and no call transfers more than so many bytes; 0: any number */
    _Atomic int ncalls[AC__NCALLS];
    _Atomic bool fired;
} plan;

/* Keeps the first error. False: there is one. */
static inline bool note(int *error, ssize_t result)
{
    if (result < 0 && *error == 0)
        *error = (int)result;
    return result >= 0;
}

#define DO(self, member, name, ...)                                                                        \
    AWAIT(self, name##__init(&(self)->leaf.member, __VA_ARGS__), name##__poll(&(self)->leaf.member, cx))
#define NOTE(self, result) note(&(self)->error, (result))
/* Awaits, and leaves if the result is an error. */
#define TRY(self, member, name, ...)                                                                       \
    DO(self, member, name, __VA_ARGS__);                                                                   \
    if (!NOTE(self, (self)->leaf.member.result))                                                           \
    goto out
#define JOIN(self, task)                                                                                   \
    DO(self, join, ac_join, task, NULL);                                                                   \
    NOTE(self, (self)->leaf.join.result)
#define FINISH(self)                                                                                       \
    (self)->state = -1;                                                                                    \
    }                                                                                                      \
    if ((self)->error < 0 && (self)->shared_error != NULL && *(self)->shared_error == 0)                   \
        *(self)->shared_error = (self)->error;                                                             \
    return AC_READY

/* The scenarios of faults_parts.c. */
int run_slabs(void);
int run_blocks(void);
int run_boxes(void);
int run_calls(void);
int run_sync(void);
int run_sync_pool(void);
int run_signals(void);
int run_embedded(void);
int run_large(void);
int run_elided(void);
int run_options(void);
int run_listing(void);
#endif

/* signals.c - registrations for signals.
 *
 *     kernel --handler--> arrived --whoever looks next--> pending of each registration that wants it
 *                  \--> eventfd --> each reactor that watches it --> who waits looks
 *
 * The handler may do little: it sets a bit in one word and writes to the eventfd. What has arrived is handed to the
 * registrations under the lock by the next one to look, be it for itself or not. The eventfd is never read: it
 * is watched edge-triggered, so that each write is an event in every reactor, and none can take it from another. */
#define _GNU_SOURCE
#include "signals.h"

#include "exec.h"
#include "fork.h"
#include "lock.h"
#include "sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MOST = 64 };

unsigned ac__signals_news;

/* At file level, since signals are the process's. */
static struct {
    _Atomic uint64_t arrived; /* set by the handler, taken under the lock */
    _Atomic int eventfd;      /* plus one; 0: none yet. Never closed      */
    pthread_mutex_t lock;
    struct ac_signals *first;
    unsigned nwanted[MOST]; /* registrations that want the number, less 1 */
    struct sigaction before[MOST];
} signals = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A child has the handlers and the registrations, as copies. The eventfd it shares: a signal of the one process makes
 * the other look, for nothing. */
__attribute__((constructor)) static void be_forked(void) { ac__at_fork(AC__FORK_SIGNALS, &signals.lock, NULL); }

int ac__signals_descriptor(void) { return atomic_load(&signals.eventfd) - 1; }

static void note_signal(int number)
{
    int saved_errno = errno;
    atomic_fetch_or(&signals.arrived, AC_SIGNAL(number));
    uint64_t one = 1;
    /* It fails only when the counter is full, after 2^64 signals. */
    ssize_t n = write(ac__signals_descriptor(), &one, sizeof one);
    (void)n;
    __atomic_fetch_add(&ac__signals_news, 1, __ATOMIC_SEQ_CST);
    ac__futex_wake_all(&ac__signals_news);
    errno = saved_errno;
}

/* With the lock. */
static void hand_out(void)
{
    if (atomic_load(&signals.arrived) == 0)
        return;
    uint64_t arrived = atomic_exchange(&signals.arrived, 0);
    for (struct ac_signals *s = signals.first; s != NULL; s = s->next)
        s->pending |= arrived & s->wanted;
}

/* With the lock. What was there is put back for each number of the set that nobody wants any more. */
static void unwant(uint64_t set)
{
    for (int i = 0; i < MOST; i++) {
        struct sigaction is;
        if (!(set >> i & 1) || --signals.nwanted[i] > 0)
            continue;
        if (sigaction(i + 1, NULL, &is) == 0 && is.sa_handler == note_signal)
            sigaction(i + 1, &signals.before[i], NULL);
    }
}

/* With the lock. 0, or a negative errno, and then it has changed nothing. */
static int want(uint64_t set)
{
    struct sigaction ours = { .sa_handler = note_signal, .sa_flags = SA_RESTART | SA_ONSTACK };
    sigfillset(&ours.sa_mask);
    for (int i = 0; i < MOST; i++) {
        if (!(set >> i & 1))
            continue;
        if (signals.nwanted[i] == 0 && ac__sys_sigaction(i + 1, &ours, &signals.before[i]) != 0) {
            unwant(set & ((UINT64_C(1) << i) - 1));
            return -EINVAL;
        }
        signals.nwanted[i]++;
    }
    return 0;
}

/* With the lock. */
static int open_descriptor(void)
{
    if (ac__signals_descriptor() >= 0)
        return 0;
    int fd = ac__sys_eventfd(EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    /* Nobody else knows it, so it is watched edge-triggered. */
    if (!ac__fd_born(fd, 0)) {
        close(fd);
        return -ENOMEM;
    }
    atomic_store(&signals.eventfd, fd + 1);
    return 0;
}

int ac_signals_open(struct ac_signals *self, uint64_t wanted)
{
    const uint64_t never = AC_SIGNAL(SIGKILL) | AC_SIGNAL(SIGSTOP) | AC_SIGNAL(SIGSEGV) | AC_SIGNAL(SIGBUS)
                           | AC_SIGNAL(SIGFPE) | AC_SIGNAL(SIGILL);
    if (wanted == 0 || wanted & never)
        return -EINVAL;
    int saved_errno = errno;
    pthread_mutex_lock(&signals.lock);
    int error = open_descriptor();
    /* What came before it was opened isn't for it. What comes from here on stays where it is until it is listed. */
    hand_out();
    if (error == 0)
        error = want(wanted);
    if (error == 0) {
        ac__between();
        *self = (struct ac_signals){ .next = signals.first, .link = &signals.first, .wanted = wanted };
        if (self->next != NULL)
            self->next->link = &self->next;
        signals.first = self;
    }
    pthread_mutex_unlock(&signals.lock);
    errno = saved_errno;
    return error;
}

void ac_signals_close(struct ac_signals *self)
{
    pthread_mutex_lock(&signals.lock);
    if (self->link == NULL)
        ac__stop("ac_signals_close", "the registration is closed already");
    /* First put back what there was: a signal that comes before that is one of ours. */
    unwant(self->wanted);
    hand_out();
    *self->link = self->next;
    if (self->next != NULL)
        self->next->link = self->link;
    self->link = NULL;
    pthread_mutex_unlock(&signals.lock);
}

int ac_signals_try(struct ac_signals *self)
{
    int number = -EAGAIN;
    pthread_mutex_lock(&signals.lock);
    if (self->link == NULL)
        ac__stop("ac_signals_try", "the registration is closed");
    hand_out();
    if (self->pending != 0) {
        number = __builtin_ctzll(self->pending) + 1;
        self->pending &= self->pending - 1;
    }
    pthread_mutex_unlock(&signals.lock);
    return number;
}

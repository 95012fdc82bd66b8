/* reactor.h - waiting for descriptors, as a struct of functions with one file per system call.
 *
 * The reactor knows each descriptor by an ac__fd, which says what it has heard of it and who waits. Two
 * kinds differ in how they are watched:
 *
 * - Born here, or adopted: connect, listen and accept make descriptors that nobody else knows, and
 *   ac_adopt() is given such; so they are non-blocking, and registered once, edge-triggered, when an operation first finds them
 *   not ready. From then on it is kept in mind whether they may be readable or writable: set by the system's event, cleared by
 *   whoever tried and got EAGAIN, or less than he asked for. While one is clear nobody need try.
 * - Bare: any other. Whether it is ready is asked with poll(2), and a wait registers it for one
 *   event.
 *
 * A number says little, since numbers are used again: descriptor.c counts a *generation* for each
 * number, in one table for the process, that changes when the runtime makes a descriptor and when
 * ac_close() ends it. What was noted under another generation is forgotten. */
#ifndef AC__REACTOR_H
#define AC__REACTOR_H
#include <ac/io.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lock.h"
#include "sys_memory.h"

struct ac_exec;

enum ac__direction { AC__READ, AC__WRITE };

/* What a reactor knows of a descriptor. Lives as long as the reactor: slots are used again.
 *
 * `word` says in one piece what an operation has to know before it tries, so that in a pool, too, it needs no lock for
 * that:
 *
 *     63       36 35             4     3         2         1      0
 *     | tick      | generation     | MARKED | MAY_WRITE | KEPT | MAY_READ |
 *
 * The generation is that of which the rest is true. KEPT: a born one that the system knows, so that the MAY bits are
 * kept, as said above. MARKED: there is, or was, more than bytes to come, of which no more is told once they are read: the
 * peer has said all it will, or sent urgent data. It is never cleared. The tick, never 0, is another after each event:
 * who tried in vain compares it with the one before the try, since an event in between won't come again. (It comes
 * round after 2^27 events. Only if exactly so many, or a multiple, come between a look and the wait after it, while a
 * worker stands still there, are they taken for none.)
 *
 * Events, waits and a new generation change the word under the reactor's lock. Without it a MAY bit is cleared, by who
 * has just emptied a stream, and only if the tick is still the one from before. The rest is used under the lock. */
struct ac__fd {
    int fd;          /* doesn't change */
    bool registered; /* the system knows it; of a bare one that is the better guess */
    /* The generation that the number has now: in descriptor.c's table, or a 0 of a number that never was born. */
    _Atomic(_Atomic unsigned *) now;
    _Atomic uint64_t word;
    struct ac__io_wait *waiters[2];
};

/* The MAY bits are epoll's. */
#define AC__FD_MAY_READ UINT64_C(1)
#define AC__FD_KEPT UINT64_C(2)
#define AC__FD_MAY_WRITE UINT64_C(4)
#define AC__FD_MARKED UINT64_C(8)
#define AC__FD_TICK (UINT64_C(2) << 36) /* from one tick to the next: they are odd */
static inline uint64_t ac__fd_may(enum ac__direction direction) { return AC__FD_MAY_READ << 2 * direction; }
static inline unsigned ac__fd_generation_in(uint64_t word) { return (unsigned)(word >> 4); }
static inline bool ac__is_other_tick(uint64_t word, uint64_t than) { return (word ^ than) >> 36 != 0; }
/* The tick or the generation. */
static inline bool ac__is_other(uint64_t word, uint64_t than) { return (word ^ than) >> 4 != 0; }

/* The slots by their numbers, in chunks of AC__FD_CHUNK, null where none was needed. A larger directory takes the place
 * of one that is too small, which stays for those who are reading it. */
struct ac__fd_directory {
    struct ac__fd_directory *older;
    unsigned nchunks;
    _Atomic(struct ac__fd *) chunks[];
};

struct ac__reactor {
    const struct ac__reactor_ops *ops;
    _Atomic(struct ac__fd_directory *) slots; /* never null: ac__fd_none at first */
    /* Of the reactor that a pool's workers share; of one executor's it is null. Whoever uses a slot or one
     * of its waiters holds it, but for what is said of the word; waiters are woken under it. Several workers may be in
     * `wait` at a time. */
    unsigned *lock;
    /* Whether anyone has ever waited for a descriptor. Set by him, under the lock; never cleared. A busy worker
     * that reads it needn't ask the system, and one that reads it late asks the next time. */
    _Atomic bool watches;
};
static inline void ac__reactor_lock(struct ac__reactor *reactor)
{
    if (reactor->lock != NULL) {
        ac__between();
        ac__lock(reactor->lock);
        ac__defer_unpark();
    }
}
static inline void ac__reactor_unlock(struct ac__reactor *reactor)
{
    if (reactor->lock != NULL)
        ac__unlock(reactor->lock, 0);
}

struct ac__reactor_ops {
    const char *name;
    struct ac__reactor *(*open)(void); /* null and errno when there is none to be had */
    void (*close)(struct ac__reactor *);
    /* Makes the system tell of @p slot. A born one: both directions, until it is closed. A bare
     * one: once, of the directions in which someone waits. 0 or a negative errno; -EPERM
     * for a file that is always ready. */
    int (*watch)(struct ac__reactor *, struct ac__fd *slot);
    /* Waits @p timeout_ms at most, or for ever if it is negative, and hands what has happened to
     * ac__fd_event(). Returns how many descriptors that were. An event ends one wait, if several go on. */
    int (*wait)(struct ac__reactor *, int timeout_ms);
    /* Sets the one alarm, which ends a wait at @p deadline_ns of CLOCK_MONOTONIC; UINT64_MAX: at no time.
     * For reactors in which many wait; the first setting may fail: a negative errno. */
    int (*alarm)(struct ac__reactor *, uint64_t deadline_ns);
    /* One that is readable, for who watches it in another loop, as long as `wait` would find something. */
    int (*descriptor)(const struct ac__reactor *);
    /* ac_close() is about to close @p fd: wakes whoever waits for it. */
    void (*forget)(struct ac__reactor *, int fd);
    /* Ends the wait that goes on, or else the next one. Any thread. */
    void (*unpark)(struct ac__reactor *);
};

/* epoll.c */
extern const struct ac__reactor_ops ac__epoll;

/* ---- descriptor.c ---- */

enum { AC__FD_TABLE_CHUNK = 1024, AC__FD_TABLE_CHUNKS = 1024 }; /* 1 Mi numbers: the most that Linux gives by default */
extern __attribute__((visibility("hidden"))) _Atomic(_Atomic unsigned *) ac__fd_table[AC__FD_TABLE_CHUNKS];
extern __attribute__((visibility("hidden"))) _Atomic unsigned ac__fd_never; /* 0, for those that have no place there */

/* Bits of a generation: born here, or adopted, else bare; and then, no socket; and a stream of bytes in which nothing can
 * stand between them (but for urgent data, which is told), so that who reads less than he asked for has read all: TCP's. Of
 * a pipe's reader nobody can tell whether the writer makes packets. */
enum { AC__FD_BORN = 1, AC__FD_FILE = 2, AC__FD_STREAM = 4 };
/* Where the generation of @p fd is, as long as the process lives; of one that was never born it may be elsewhere later. */
static inline _Atomic unsigned *ac__fd_place(int fd)
{
    if (fd < 0 || fd >= AC__FD_TABLE_CHUNK * AC__FD_TABLE_CHUNKS)
        return &ac__fd_never;
    unsigned at = (unsigned)fd;
    _Atomic unsigned *chunk = atomic_load_explicit(&ac__fd_table[at / AC__FD_TABLE_CHUNK], memory_order_acquire);
    return chunk == NULL ? &ac__fd_never : &chunk[at % AC__FD_TABLE_CHUNK];
}
static inline unsigned ac__fd_generation(int fd)
{
    /* Relaxed: who has the number got it from who made it, by means of his own. */
    return atomic_load_explicit(ac__fd_place(fd), memory_order_relaxed);
}
static inline bool ac__is_born(unsigned generation) { return generation & AC__FD_BORN; }
/* In a slot's word. */
#define AC__FD_IS_FILE ((uint64_t)AC__FD_FILE << 4)
#define AC__FD_IS_STREAM ((uint64_t)AC__FD_STREAM << 4)
/* A descriptor that nobody else knows has been made, with AC__FD_STREAM or 0 / is about to be closed. Any thread. False: its
 * number is too high for the table; it stays bare. */
bool ac__fd_born(int fd, unsigned kind);
void ac__fd_closing(int fd);
/* What the generation of a socket that was made elsewhere has to say: AC__FD_STREAM, if it is TCP's, or 0. A Unix stream has
 * marks in it: reading stops where descriptors come with the bytes. */
unsigned ac__fd_socket_kind(int fd);

/* ---- slot.c ---- */

/* In a pool one who is polled looks at his own link without the lock: null says that whoever woke him is done with him. */
static inline void ac__set_link(struct ac__io_wait *wait, struct ac__io_wait **link)
{
    __atomic_store_n(&wait->link, link, __ATOMIC_RELEASE);
}
static inline bool ac__is_linked(const struct ac__io_wait *wait)
{
    return __atomic_load_n(&wait->link, __ATOMIC_ACQUIRE) != NULL;
}

enum { AC__FD_CHUNK = 64 };

/* In place of a slot, and of a directory: nothing is known. */
extern __attribute__((visibility("hidden"))) struct ac__fd ac__no_fd;
extern __attribute__((visibility("hidden"))) struct ac__fd_directory ac__fd_none;
/* The reactor's slot for @p fd, of whatever generation, or ac__no_fd. Needs no lock. */
static inline struct ac__fd *ac__fd_at(const struct ac__reactor *reactor, int fd)
{
    const struct ac__fd_directory *directory = atomic_load_explicit(&reactor->slots, memory_order_acquire);
    unsigned number = (unsigned)fd / AC__FD_CHUNK; /* of one below zero: more than there ever are */
    if (number >= directory->nchunks)
        return &ac__no_fd;
    struct ac__fd *chunk = atomic_load_explicit(&directory->chunks[number], memory_order_acquire);
    return chunk == NULL ? &ac__no_fd : &chunk[(unsigned)fd % AC__FD_CHUNK];
}
/* The reactor's slot for @p fd, up to date with its generation; null: no memory. */
struct ac__fd *ac__fd_slot(struct ac__reactor *, int fd);
/* Wakes one who has been taken out of his list. Under the lock.
 *
 * Whoever is polled finds by his null link that he has been woken, and by that alone: in a pool it comes last,
 * since he may be gone the moment after, waker and all; who is polled before waits for the lock. On a
 * thread's own executor it comes first, for the waker of a foreign one may poll at once. */
static inline void ac__fd_wake(const struct ac__reactor *reactor, struct ac__io_wait *wait)
{
    struct ac_waker *waker = wait->waker;
    if (reactor->lock == NULL) {
        ac__set_link(wait, NULL);
        ac_wake_by_ref(waker);
    } else {
        ac_wake_by_ref(waker);
        ac__between();
        ac__set_link(wait, NULL);
    }
}
/* Wakes who waits for an event. Under the lock. */
void ac__fd_tell(struct ac__reactor *, struct ac__fd *, unsigned generation, uint64_t what);
/* Something has happened to @p fd, if it is still of that @p generation: wakes who waits for it. @p what: AC__FD_MAY_READ,
 * AC__FD_MAY_WRITE, AC__FD_MARKED. Under the lock. */
static inline void ac__fd_event(struct ac__reactor *reactor, int fd, unsigned generation, uint64_t what)
{
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
    if (ac__fd_generation_in(word) != generation || slot == &ac__no_fd)
        return; /* of a descriptor that was closed between the event and now */
    if (reactor->lock == NULL)
        atomic_store_explicit(&slot->word, (word | what) + AC__FD_TICK, memory_order_relaxed);
    else
        while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, (word | what) + AC__FD_TICK,
                                                      memory_order_release, memory_order_relaxed))
            ;
    struct ac__io_wait *reader = slot->waiters[AC__READ], *writer = slot->waiters[AC__WRITE];
    if (what & AC__FD_MAY_READ && word & AC__FD_KEPT && reader != NULL && reader->next == NULL && writer == NULL) {
        slot->waiters[AC__READ] = NULL; /* by far the usual case */
        ac__fd_wake(reactor, reader);
    } else if (reader != NULL || writer != NULL) {
        ac__fd_tell(reactor, slot, generation, what);
    }
}
/* Takes bits out of the word. Under the lock. */
void ac__fd_clear(const struct ac__reactor *, struct ac__fd *, uint64_t bits);
/* It has been closed: who waits for it by now has begun in between, and will be told no more by the system. Without the lock. */
void ac__fd_closed(struct ac__reactor *, int fd);
/* `forget` of a backend that keeps nothing of its own about a descriptor. */
void ac__fd_forget(struct ac__reactor *, int fd);
void ac__fd_slots_free(struct ac__reactor *);
#endif

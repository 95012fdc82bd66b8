/* reactor.h - waiting for descriptors, as a struct of functions with one file per system call.
 *
 * The reactor knows each descriptor by an ac__fd, which says what it has heard of it and who waits. Two
 * kinds differ in how they are watched:
 *
 * - Born here, or adopted: connect, listen and accept make descriptors that nobody else knows, and
 *   ac_adopt() is given such; so they are non-blocking, and registered once, edge-triggered, when an operation first finds them
 *   not ready. From then on `readable` and `writable` are kept: set by the system's event, cleared by
 *   whoever tried and got EAGAIN. While one is clear nobody need try.
 * - Bare: any other. Whether it is ready is asked with poll(2), and a wait registers it for one
 *   event.
 *
 * A number says little, since numbers are used again: descriptor.c counts a *generation* for each
 * number, in one table for the process, that changes when the runtime makes a descriptor and when
 * ac_close() ends it. What was noted under another generation is forgotten. */
#ifndef AC__REACTOR_H
#define AC__REACTOR_H
#include <ac/io.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ac_exec;

enum ac__direction { AC__READ, AC__WRITE };

/* What a reactor knows of a descriptor. Lives as long as the reactor: slots are used again. */
struct ac__fd {
    int fd;
    unsigned generation; /* of which all that follows is true */
    bool registered;     /* the system knows it */
    bool ready[2];       /* born: may try. By direction, like waiters */
    bool hung_up;        /* the peer has said all it will: reading never blocks again */
    unsigned short tick[2]; /* never 0, and another after each event: see ac__io_block() */
    struct ac__io_wait *waiters[2];
};

struct ac__reactor {
    const struct ac__reactor_ops *ops;
    struct ac__fd **chunks; /* of AC__FD_CHUNK each, by number; null where none was needed */
    unsigned nchunks;
    /* Of the reactor that a pool's workers share; of one executor's it is null. Whoever uses a slot or one
     * of its waiters holds it, and waiters are woken under it. Several workers may be in `wait` at a time. */
    pthread_mutex_t *lock;
    /* Whether anyone has ever waited for a descriptor. Set by him, under the lock; never cleared. A busy worker
     * that reads it needn't ask the system, and one that reads it late asks the next time. */
    _Atomic bool watches;
};
static inline void ac__reactor_lock(struct ac__reactor *reactor)
{
    if (reactor->lock != NULL)
        pthread_mutex_lock(reactor->lock);
}
static inline void ac__reactor_unlock(struct ac__reactor *reactor)
{
    if (reactor->lock != NULL)
        pthread_mutex_unlock(reactor->lock);
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

/* Bits of a generation: born here, or adopted, else bare; and then, no socket. */
enum { AC__FD_BORN = 1, AC__FD_FILE = 2 };
static inline unsigned ac__fd_generation(int fd)
{
    if (fd < 0 || fd >= AC__FD_TABLE_CHUNK * AC__FD_TABLE_CHUNKS)
        return 0;
    unsigned at = (unsigned)fd;
    _Atomic unsigned *chunk = atomic_load_explicit(&ac__fd_table[at / AC__FD_TABLE_CHUNK], memory_order_acquire);
    /* Relaxed: who has the number got it from who made it, by means of his own. */
    return chunk == NULL ? 0 : atomic_load_explicit(&chunk[at % AC__FD_TABLE_CHUNK], memory_order_relaxed);
}
static inline bool ac__is_born(unsigned generation) { return generation & AC__FD_BORN; }
/* A descriptor that nobody else knows has been made / is about to be closed. Any thread. False: its
 * number is too high for the table; it stays bare. */
bool ac__fd_born(int fd);
void ac__fd_closing(int fd);

/* ---- slot.c ---- */

enum { AC__FD_CHUNK = 64 };

/* The reactor's slot for @p fd, of whatever generation, or null. */
static inline struct ac__fd *ac__fd_at(const struct ac__reactor *reactor, int fd)
{
    unsigned number = (unsigned)fd / AC__FD_CHUNK; /* of one below zero: more than there ever are */
    if (number >= reactor->nchunks || reactor->chunks[number] == NULL)
        return NULL;
    return &reactor->chunks[number][(unsigned)fd % AC__FD_CHUNK];
}
/* The same if it is of that generation, else null. */
static inline struct ac__fd *ac__fd_find(const struct ac__reactor *reactor, int fd, unsigned generation)
{
    struct ac__fd *slot = ac__fd_at(reactor, fd);
    return slot != NULL && slot->generation == generation ? slot : NULL;
}
/* The reactor's slot for @p fd, up to date with its generation; null: no memory. */
struct ac__fd *ac__fd_slot(struct ac__reactor *, int fd);
/* Something has happened to @p fd, if it is still of that @p generation: wakes who waits for it. */
void ac__fd_event(struct ac__reactor *, int fd, unsigned generation, bool readable, bool writable,
                  bool hung_up);
/* `forget` of a backend that keeps nothing of its own about a descriptor. */
void ac__fd_forget(struct ac__reactor *, int fd);
void ac__fd_slots_free(struct ac__reactor *);
#endif

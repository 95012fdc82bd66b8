/* support.h - what random functions are made of. Needs no header of the C library's, so that the output can be
 * looked at for targets that have none here. */
#ifndef LAYOUT_SUPPORT_H
#define LAYOUT_SUPPORT_H
#include <ac/task.h>

int printf(const char *, ...);

struct s5 {
    char c[5];
};
struct s24 {
    long long a, b;
    int c;
};
struct s32 {
    _Alignas(32) char c[32];
};

static unsigned long long drawn = 1, hash;

static inline long long source(void)
{
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return (long long)(drawn >> 40) % 100;
}

static inline void sink(long long value)
{
    hash = (hash ^ (unsigned long long)value) * 1099511628211u;
}

/* Out of line: whoever has a buffer's address writes and reads all of it. */
__attribute__((noinline, unused)) static void fill(void *at, unsigned long size)
{
    unsigned char *bytes = at;
    for (unsigned long i = 0; i < size; i++)
        bytes[i] = (unsigned char)(source() + (long long)i);
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline, unused)) static void take(const void *at, unsigned long size)
{
    const unsigned char *bytes = at;
    __asm__ volatile("" : : "r"(at) : "memory");
    for (unsigned long i = 0; i < size; i++)
        sink(bytes[i]);
}

/* The same, and they say that they keep nothing. */
#if __has_attribute(noescape)
#define NOESCAPE __attribute__((noescape))
#else
#define NOESCAPE
#endif
__attribute__((noinline, unused)) static void lent_fill(NOESCAPE void *at, unsigned long size) { fill(at, size); }
__attribute__((noinline, unused)) static void lent_take(NOESCAPE const void *at, unsigned long size) { take(at, size); }

#define MAKE_AND_USE(type, member)                                  \
    __attribute__((unused)) static struct type make_##type(long long seed)              \
    {                                                                                   \
        struct type made;                                                               \
        for (unsigned long i = 0; i < sizeof made.member; i++)                          \
            ((unsigned char *)&made.member)[i] = (unsigned char)(seed + (long long)i);  \
        return made;                                                                    \
    }                                                                                   \
    __attribute__((unused)) static void use_##type(struct type used)                    \
    {                                                                                   \
        take(&used.member, sizeof used.member);                                         \
    }
MAKE_AND_USE(s5, c)
MAKE_AND_USE(s24, b)
MAKE_AND_USE(s32, c)

/* Futures by hand that suspend once. */
struct nap__frame {
    unsigned char state;
};
struct wide__frame {
    long long x, result;
    unsigned char state;
};
struct aligned__frame {
    _Alignas(16) char space[20];
    unsigned char state;
    int result;
};

#if defined __ASYNCC__ || !defined ELIDED
static inline enum ac_poll suspend_once(unsigned char *state, struct ac_context *cx)
{
    if ((*state)++)
        return AC_READY;
    ac_wake_by_ref(cx->waker);
    return AC_PENDING;
}

static inline void nap__init(struct nap__frame *self) { self->state = 0; }
static inline enum ac_poll nap__poll(struct nap__frame *self, struct ac_context *cx)
{
    return suspend_once(&self->state, cx);
}
static inline enum ac_poll nap__cancel(struct nap__frame *self, struct ac_context *cx)
{
    (void)self, (void)cx;
    return AC_READY;
}

static inline void wide__init(struct wide__frame *self, long long x) { *self = (struct wide__frame){ .x = x }; }
static inline enum ac_poll wide__poll(struct wide__frame *self, struct ac_context *cx)
{
    self->result = self->x * 3 + 1;
    return suspend_once(&self->state, cx);
}
static inline enum ac_poll wide__cancel(struct wide__frame *self, struct ac_context *cx)
{
    (void)self, (void)cx;
    return AC_READY;
}

static inline void aligned__init(struct aligned__frame *self, int x)
{
    *self = (struct aligned__frame){ .result = x };
    for (int i = 0; i < 20; i++)
        self->space[i] = (char)(x + i);
}
static inline enum ac_poll aligned__poll(struct aligned__frame *self, struct ac_context *cx)
{
    return suspend_once(&self->state, cx);
}
static inline enum ac_poll aligned__cancel(struct aligned__frame *self, struct ac_context *cx)
{
    (void)self, (void)cx;
    return AC_READY;
}
AC_ASYNC void nap(void) AC_FRAME(struct nap__frame);
AC_ASYNC long long wide(long long) AC_FRAME(struct wide__frame);
AC_ASYNC int aligned(int) AC_FRAME(struct aligned__frame);
#else
static inline void nap(void) {}
static inline long long wide(long long x) { return x * 3 + 1; }
static inline int aligned(int x) { return x; }
#endif
#endif

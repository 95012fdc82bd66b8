/* support.c - the operands of the grid's cases, their trace, and the driver that compares.
 *
 * Each case runs with its twin in these modes: every operand ready at once, every operand
 * suspended once, three times, and some of each. Between two polls the driver overwrites the dead
 * part of the stack, and the frame starts as garbage, is moved once after init, and is exactly as
 * large as it says, for ASan. A last series cancels the future at each of its first suspensions:
 * what it did until then must be a beginning of what the twin did, and after that it does nothing. */
#include "grid.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_TRACE = 3000, MAX_POLLS = 20000 };

struct entry {
    char what; /* letter of the type; k for an operand's number */
    long long value;
};

struct trace {
    struct entry at[MAX_TRACE];
    int count;
};

int pool[16];
struct small smalls[8];
struct big bigs[2];

/* One program runs one case at a time, and what it calls has no parameter to carry this. */
static struct trace trace, expected;
static int limit_calls;
static int mode;
static int wakes;
static sigjmp_buf give_up;
static const char *give_up_why;
static volatile sig_atomic_t can_give_up;
static int npassed, nfailed, quiet;

static const struct grid_case *all_cases;
static int current_ok;

static _Noreturn void stop(const char *why)
{
    give_up_why = why;
    if (can_give_up)
        siglongjmp(give_up, 1);
    fprintf(stderr, "%s\n", why);
    exit(3);
}

static void note(char what, long long value)
{
    if (trace.count == MAX_TRACE)
        stop("runs on without end");
    trace.at[trace.count++] = (struct entry){ what, value };
}

/* Small, of either sign, and different whenever something else happened before. */
static int number(int k) { return (k * 7 + trace.count * 5) % 19 - 4; }

int val_i(int k) { return number(k); }
_Bool val_b(int k) { return number(k) & 1; }
char val_c(int k) { return (char)number(k); }
short val_h(int k) { return (short)(number(k) * 100); }
unsigned val_u(int k) { return (unsigned)number(k); }
long long val_l(int k) { return number(k) * 3000000000LL; }
unsigned long val_w(int k) { return (unsigned long)number(k); }
float val_f(int k) { return (float)number(k) / 4; }
double val_d(int k) { return number(k) / 8.0; }
enum color val_e(int k) { return (enum color)((unsigned)number(k) % 3); }
int *val_p(int k) { return &pool[4 + ((unsigned)number(k) & 3)]; }
struct small *val_q(int k) { return &smalls[(unsigned)number(k) & 7]; }
struct big *val_Q(int k) { return &bigs[(unsigned)number(k) & 1]; }
fn2 val_F(int k) { return number(k) & 1 ? add2 : sub2; }

const char *val_t(int k)
{
    static const char *const texts[] = { "alpha", "beta", "gamma", "delta" };
    return texts[(unsigned)number(k) & 3];
}

struct small val_s(int k)
{
    int n = number(k);
    return (struct small){ n, (char)(n + 1), (short)(n * 2) };
}

struct big val_S(int k)
{
    int n = number(k);
    struct big big = { { n, n + 1, n + 2, n + 3, n + 4, n + 5 }, n / 2.0, { n, (char)n, (short)n }, (unsigned)n & 31, n, n & 1, n * 5000000000LL, "a big one" };
    big.name[0] = (char)('a' + (n & 15));
    return big;
}

void tr_k(int k) { note('k', k); }
void tr_i(int value) { note('i', value); }
void tr_b(_Bool value) { note('b', value); }
void tr_c(char value) { note('c', value); }
void tr_h(short value) { note('h', value); }
void tr_u(unsigned value) { note('u', value); }
void tr_l(long long value) { note('l', value); }
void tr_w(unsigned long value) { note('w', (long long)value); }
void tr_f(float value) { note('f', (long long)(value * 64)); }
void tr_e(enum color value) { note('e', value); }

void tr_d(double value)
{
    long long bits;
    memcpy(&bits, &value, sizeof bits);
    note('d', bits);
}

/* Pointers to locals differ between the versions, so what they point to is shown. */
void tr_p(int *value)
{
    note('p', value >= pool && value < pool + 16 ? value - pool : 1000 + *value);
}

void tr_t(const char *value)
{
    for (; *value; value++)
        note('t', *value);
}

void tr_s(struct small value)
{
    note('s', value.a);
    note('s', value.b * 100000 + value.c);
}

void tr_S(struct big value)
{
    for (int i = 0; i < 6; i++)
        note('S', value.arr[i]);
    tr_d(value.d);
    tr_s(value.in);
    note('S', value.bfu * 1000 + value.bfs * 2 + value.bfb);
    note('S', value.bfw);
    note('S', value.name[0]);
}

void tr_q(struct small *value) { tr_s(*value); }
void tr_Q(struct big *value) { tr_S(*value); }
void tr_F(fn2 value) { note('F', value == add2 ? 1 : value == sub2 ? 2 : 0); }

int sees(int value)
{
    note('n', value);
    return value;
}

#define OPERAND(x, T)      \
    T op_##x(int k)        \
    {                      \
        tr_k(k);           \
        return val_##x(k); \
    }                      \
    T tw_hw_##x(int k)     \
    {                      \
        tr_k(k);           \
        T v = val_##x(k);  \
        tr_k(-k);          \
        return v;          \
    }
GRID_TYPES(OPERAND)

void op_v(int k) { tr_k(k); }

void tw_hw_v(int k)
{
    tr_k(k);
    tr_k(-k);
}

int lim(int k)
{
    tr_k(k);
    return ++limit_calls % 3;
}

int add2(int a, int b)
{
    note('+', a);
    return a + b;
}

int sub2(int a, int b)
{
    note('-', b);
    return a - b;
}

int g1f(int a)
{
    note('1', a);
    return a + 1;
}

int g2f(int a, int b)
{
    note('2', a);
    note('2', b);
    return a * 2 - b;
}

int g3f(int a, double b, char c)
{
    note('3', a);
    tr_d(b);
    note('3', c);
    return a + c;
}

double g4f(double a, short b, unsigned c, long long d)
{
    tr_d(a);
    note('4', b);
    note('4', c);
    note('4', d);
    return a + b;
}

int g5f(int a, const char *b, struct small c, int *d, fn2 e)
{
    note('5', a);
    tr_t(b);
    tr_s(c);
    tr_p(d);
    tr_F(e);
    return a + b[0] + c.a;
}

struct small mk_s(int a, int b)
{
    note('m', a);
    note('m', b);
    return (struct small){ a, (char)b, (short)(a - b) };
}

struct big mk_S(int a, double b)
{
    struct big big = { .arr = { a, a + 1, a + 2, a + 3 }, .d = b, .in = { a, 1, 2 }, .bfu = 9, .bfs = -3 };
    note('m', a);
    return big;
}

struct small both_s(struct small a, struct small b)
{
    tr_s(a);
    tr_s(b);
    return (struct small){ a.a + b.a, a.b, b.c };
}

int of_s(struct small a)
{
    tr_s(a);
    return a.a;
}

int of_S(struct big a)
{
    tr_S(a);
    return a.arr[2];
}

int of_q(const struct small *a)
{
    tr_s(*a);
    return a->c;
}

int of_p(const int *a, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        note('a', a[i]);
        sum += a[i];
    }
    return sum;
}

fn2 choose(int a)
{
    note('c', a);
    return a & 1 ? add2 : sub2;
}

int set_i(int k, int *p)
{
    tr_k(k);
    return *p += k % 4 + 1;
}

int *set_p(int k, int **p)
{
    tr_k(k);
    return *p = &pool[k & 7];
}

struct small set_s(int k, struct small *p)
{
    tr_k(k);
    p->a += k % 4 + 1;
    return *p;
}

int grid_suspends(int k)
{
    switch (mode) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return 3;
    default: /* some of each; the two salts are complements for many operands */
        return (int)((unsigned)(k * 5 + mode) % 4) & 2 ? 0 : 1 + k % 2;
    }
}

static const char *mode_name(int m)
{
    static const char *const names[] = { "ready", "suspended once", "suspended three times", "mixed", "mixed otherwise" };
    return names[m];
}

enum { NMODES = 5 };

static void reset(int m)
{
    mode = m;
    trace.count = 0;
    limit_calls = 0;
    for (int i = 0; i < 16; i++)
        pool[i] = i * 3 + 1;
    for (int i = 0; i < 8; i++)
        smalls[i] = (struct small){ i * 2, (char)i, (short)(i - 3) };
    for (int i = 0; i < 2; i++)
        bigs[i] = (struct big){ .arr = { i, i + 1, i + 2, i + 3, i + 4, i + 5 }, .d = i, .in = { i, 1, 2 }, .name = "global" };
}

static void show_globals(void)
{
    for (int i = 0; i < 16; i++)
        note('G', pool[i]);
    for (int i = 0; i < 8; i++)
        tr_s(smalls[i]);
    for (int i = 0; i < 2; i++)
        tr_S(bigs[i]);
}

static int same_entry(struct entry a, struct entry b) { return a.what == b.what && a.value == b.value; }

static void print_entries(const char *label, const struct trace *t, int from)
{
    printf("    %s", label);
    for (int i = from > 3 ? from - 3 : 0; i < t->count && i < from + 6; i++)
        printf(" %s%c:%lld", i == from ? "*" : "", t->at[i].what, t->at[i].value);
    printf("\n");
}

static void print_failure(const struct grid_case *c, const char *how, const char *why)
{
    nfailed++;
    if (quiet)
        return;
    printf("FAILED %s (%s): %s\n", c->name, how, why);
    if (current_ok)
        printf("%s\n", c->text);
    current_ok = 0;
}

/* @return whether the trace is the expected one, or a beginning of it. */
static int compare(const struct grid_case *c, const char *how, int beginning)
{
    int n = trace.count < expected.count ? trace.count : expected.count, at = 0;
    while (at < n && same_entry(trace.at[at], expected.at[at]))
        at++;
    if (at == n && (trace.count == expected.count || (beginning && trace.count < expected.count))) {
        npassed++;
        return 1;
    }
    print_failure(c, how, "the trace differs");
    if (!quiet) {
        printf("    first difference at entry %d of %d, %d expected\n", at, trace.count, expected.count);
        print_entries("expected:", &expected, at);
        print_entries("actual:  ", &trace, at);
    }
    return 0;
}

/* Driving by hand */

static struct ac_waker *clone_waker(struct ac_waker *waker) { return waker; }
static void count_wake(struct ac_waker *waker)
{
    (void)waker;
    wakes++;
}
static void drop_waker(struct ac_waker *waker) { (void)waker; }
static const struct ac_waker_ops counting = { clone_waker, count_wake, count_wake, drop_waker };

/* Nothing that was on the stack in one poll is there in the next. */
static __attribute__((noinline)) void clobber_stack(void)
{
    volatile unsigned char waste[24 * 1024];
    for (size_t i = 0; i < sizeof waste; i++)
        waste[i] = (unsigned char)(0xc5 + i % 7);
}

static unsigned char *make_frame(const struct grid_case *c)
{
    void *frame;
    if (posix_memalign(&frame, c->align < sizeof(void *) ? sizeof(void *) : c->align, c->size))
        abort();
    memset(frame, 0xa5, c->size);
    return frame;
}

/* @return how often it was pending; with cancel_at >= 0, it is cancelled in place of that poll. */
static int drive(const struct grid_case *c, int use_start, int cancel_at)
{
    struct ac_waker waker = { &counting };
    int pending = 0, cancelling = 0, before = 0;
    unsigned char *frame = make_frame(c);
    enum ac_poll said;
    struct ac_context cx = { .waker = &waker, .budget = 128 };
    if (use_start) {
        clobber_stack();
        wakes = 0;
        said = c->start(frame, &cx);
    } else {
        unsigned char *moved = make_frame(c);
        c->init(frame);
        if (trace.count)
            stop("init ran something");
        memcpy(moved, frame, c->size);
        memset(frame, 0x5a, c->size);
        free(frame);
        frame = moved;
        clobber_stack();
        wakes = 0;
        said = c->poll(frame, &cx);
    }
    while (said == AC_PENDING) {
        if (!wakes && !cancelling)
            stop("pending, and nobody was woken");
        if (++pending > MAX_POLLS)
            stop("pending for ever");
        if (pending == cancel_at) {
            cancelling = 1;
            before = trace.count;
        }
        clobber_stack();
        wakes = 0;
        cx = (struct ac_context){ .waker = &waker, .budget = 128 };
        said = cancelling ? c->cancel(frame, &cx) : c->poll(frame, &cx);
    }
    if (said != AC_READY)
        stop("a poll said neither pending nor ready");
    if (cancelling && trace.count != before)
        stop("something ran after the cancel");
    free(frame);
    return pending;
}

static void catch(int sig)
{
    stop(sig == SIGALRM ? "runs on without end" : sig == SIGABRT ? "aborted" : "crashed");
}

static void run_case(const struct grid_case *c)
{
    for (volatile int m = 0; m < NMODES; m++) {
        reset(m);
        can_give_up = 1;
        if (sigsetjmp(give_up, 1)) {
            can_give_up = 0;
            print_failure(c, "the twin", give_up_why);
            return;
        }
        c->twin();
        show_globals();
        expected = trace;
        reset(m);
        if (c->elided) {
            c->elided();
            show_globals();
            compare(c, "elided", 0);
            return;
        }
        volatile int pending = 0;
        if (sigsetjmp(give_up, 1)) {
            print_failure(c, mode_name(m), give_up_why);
            continue;
        }
        alarm(10);
        pending = drive(c, m & 1, -1);
        alarm(0);
        show_globals();
        /* A cancelled run would leave its mark in a static local, which the twin knows nothing of. */
        if (!compare(c, mode_name(m), 0) || m != 1 || strstr(c->text, "static int"))
            continue;
        for (volatile int at = 1; at <= pending && at <= 6; at++) {
            if (sigsetjmp(give_up, 1)) {
                print_failure(c, "cancelled", give_up_why);
                break;
            }
            reset(m);
            alarm(10);
            drive(c, at & 1, at);
            alarm(0);
            if (!compare(c, "cancelled", 1))
                break;
        }
    }
    can_give_up = 0;
}

/* Under the runtime's executor */

void grid_begin(int n)
{
    (void)n;
    reset(3);
}

void grid_end(int n)
{
    static struct trace actual;
    show_globals();
    actual = trace;
    reset(3);
    all_cases[n].twin();
    show_globals();
    expected = trace;
    trace = actual;
    current_ok = 1;
    compare(&all_cases[n], "under ac_block_on", 0);
}

int grid_finish(void) { return 0; }

#ifdef GRID_ELIDED
/* In an elided build the awaited functions are plain ones. */
#define ELIDED(x, T) \
    T hw_##x(int k) { return tw_hw_##x(k); }
GRID_TYPES(ELIDED)
void hw_v(int k) { tw_hw_v(k); }
void ac_yield_now(void) {}
#endif

int grid_run(int argc, char **argv, const struct grid_case *cases, int ncases, int (*async_main)(int, char **))
{
    quiet = argc > 1 && !strcmp(argv[1], "--quiet");
    all_cases = cases;
    setvbuf(stdout, NULL, _IOLBF, 0);
#ifndef __SANITIZE_ADDRESS__
    static char signal_stack[64 * 1024];
    sigaltstack(&(stack_t){ .ss_sp = signal_stack, .ss_size = sizeof signal_stack }, NULL);
    struct sigaction action = { .sa_handler = catch, .sa_flags = SA_NODEFER | SA_ONSTACK };
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGTRAP };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
#else
    (void)catch;
#endif
    for (int i = 0; i < ncases; i++) {
        current_ok = 1;
        run_case(&cases[i]);
    }
    if (async_main)
        async_main(argc, argv);
    printf("%d passed, %d failed\n", npassed, nfailed);
    return nfailed != 0;
}

/* Tasks' memory: how much a million of them take that are asleep, that it goes back, and that each has its own. */
#include "exec.h"
#include "support.h"
#include <unistd.h>

/* Sanitizers put words of their own beside each of the program's, and take their time. */
#if !AC__SLABS || defined __SANITIZE_THREAD__
#define COUNTED 0
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define COUNTED 0
#endif
#endif
#ifndef COUNTED
#define COUNTED 1
#endif
enum { MANY = COUNTED ? 1000000 : 20000, SLACK = 4 << 20 };

/* Check writes a line to a file for each assertion that it counts, and here are millions. */
static void require(int holds)
{
    if (!holds)
        ck_abort();
}

static long resident_bytes(void)
{
    long pages;
    FILE *statm = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(statm);
    ck_assert_int_eq(fscanf(statm, "%*d %ld", &pages), 1);
    fclose(statm);
    return pages * sysconf(_SC_PAGESIZE);
}

/* A leaf as the whole of a task. */
#define LEAF(name)                                                                                               \
    static enum ac_poll name##__poll_leaf(void *frame, struct ac_context *cx) { return name##__poll(frame, cx); } \
    static const struct ac_future_type name##__leaf = { #name, sizeof(struct name##__frame),                     \
                                                        _Alignof(struct name##__frame), 0, 0, name##__poll_leaf, cancel_nothing, NULL }
LEAF(ac_sleep);
LEAF(ac_notified);
LEAF(ac_yield_now);

static struct ac_notify event;

static ac_task__handle spawn_sleeper(uint64_t i)
{
    struct ac_sleep__frame *frame = ac_task_new(&ac_sleep__leaf);
    require(frame != NULL);
    ac_sleep__init(frame, (1 + i % 1000) * AC_MS);
    return ac_task_spawn_local(frame);
}

static ac_task__handle spawn_listener(uint64_t i)
{
    struct ac_notified__frame *frame = ac_task_new(&ac_notified__leaf);
    (void)i;
    require(frame != NULL);
    ac_notified__init(frame, &event);
    return ac_task_spawn_local(frame);
}

/* Spawns many, lets them fall asleep, weighs them, wakes and joins them. */
struct weigher {
    ac_task__handle (*spawn)(uint64_t i);
    ac_task__handle *tasks;
    int state;
    uint64_t joined;
    long before, asleep;
    struct ac_yield_now__frame yield;
    struct ac_await__frame await;
};

static enum ac_poll weigher__poll(struct weigher *self, struct ac_context *cx)
{
    BEGIN(self);
    self->before = resident_bytes();
    for (uint64_t i = 0; i < MANY; i++)
        self->tasks[i] = self->spawn(i);
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    self->asleep = resident_bytes();
    ac_notify_all(&event);
    while (self->joined < MANY) {
        AWAIT(self, ac_await__init(&self->await, self->tasks[self->joined]), ac_await__poll(&self->await, cx));
        ac_await__end(&self->await);
        self->joined++;
    }
    END;
}
FUTURE(weigher, struct weigher);

static void weigh(ac_task__handle (*spawn)(uint64_t i), long budget)
{
    ac_clock_pause();
    struct weigher weigher = { .spawn = spawn, .tasks = malloc(MANY * sizeof(ac_task__handle)) };
    ck_assert_ptr_nonnull(weigher.tasks);
    memset(weigher.tasks, 1, MANY * sizeof(ac_task__handle)); /* resident from the start */
    ac_block_on_future(&weigher__type, &weigher);
    ck_assert_uint_eq(weigher.joined, MANY);
    if (COUNTED) {
        ck_assert_int_le(weigher.asleep - weigher.before, MANY * budget + SLACK);
        ck_assert_int_le(resident_bytes(), weigher.before + SLACK);
    }
    free(weigher.tasks);
    ac_clock_resume();
}

START_TEST(a_million_tasks_asleep_keep_to_their_budget_and_give_it_back)
{
    weigh(spawn_sleeper, 104);
}
END_TEST

START_TEST(a_million_tasks_that_wait_for_an_event_keep_to_their_budget_and_give_it_back)
{
    weigh(spawn_listener, 104);
}
END_TEST

/* Tasks of many sizes and alignments at a time, each of which fills its frame, and finds it so later. */
enum { SIZES = 700, EACH = 50 };
struct filler {
    int state;
    unsigned size, filled;
    struct ac_yield_now__frame yield;
    unsigned char bytes[];
};

static enum ac_poll filler__poll(struct filler *self, struct ac_context *cx)
{
    BEGIN(self);
    memset(self->bytes, (int)self->size, self->size);
    self->filled = self->size;
    AWAIT(self, ac_yield_now__init(&self->yield), ac_yield_now__poll(&self->yield, cx));
    for (unsigned i = 0; i < self->filled; i++)
        require(self->bytes[i] == self->filled % 256);
    END;
}
static enum ac_poll filler__poll_any(void *frame, struct ac_context *cx) { return filler__poll(frame, cx); }

struct sizes {
    int state;
    struct ac_future_type types[SIZES];
    ac_task__handle tasks[SIZES][EACH];
};

static enum ac_poll sizes__poll(struct sizes *self, struct ac_context *cx)
{
    (void)cx;
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < SIZES; i++) {
            size_t align = (size_t)4 << i % 6;
            self->types[i] = (struct ac_future_type){ .name = "filler", .align = align, .poll = filler__poll_any,
                                                      .size = (sizeof(struct filler) + i + align - 1) / align * align,
                                                      .cancel = cancel_nothing };
            for (unsigned k = 0; k < EACH; k++) {
                struct filler *frame = ac_task_new(&self->types[i]);
                require(frame != NULL);
                require((uintptr_t)frame % align == 0);
                *frame = (struct filler){ .size = i };
                ac_detach(ac_task_spawn_local(frame));
            }
        }
    return AC_READY;
}
FUTURE(sizes, struct sizes);

START_TEST(tasks_of_every_size_and_alignment_have_memory_of_their_own)
{
    static struct sizes sizes;
    ac_block_on_future(&sizes__type, &sizes);
}
END_TEST

/* Tasks that are made on one thread and end on others. */
struct crowd {
    int state;
    unsigned spawned, joined;
    ac_task__handle tasks[1000];
    struct ac_await__frame await;
};

static enum ac_poll crowd__poll(struct crowd *self, struct ac_context *cx)
{
    BEGIN(self);
    for (; self->spawned < COUNT(self->tasks); self->spawned++) {
        struct ac_yield_now__frame *frame = ac_task_new(&ac_yield_now__leaf);
        require(frame != NULL);
        ac_yield_now__init(frame);
        self->tasks[self->spawned] = ac_task_spawn(frame);
        if (self->spawned % 3 == 0)
            ac_detach(self->tasks[self->spawned]);
    }
    for (; self->joined < self->spawned; self->joined++)
        if (self->joined % 3 != 0) {
            AWAIT(self, ac_await__init(&self->await, self->tasks[self->joined]), ac_await__poll(&self->await, cx));
            ac_await__end(&self->await);
        }
    END;
}
FUTURE(crowd, struct crowd);

START_TEST(memory_that_comes_back_on_other_threads_is_used_again)
{
    ac_pool_set_threads(3);
    long before = resident_bytes();
    for (int i = 0; i < 100; i++) {
        struct crowd crowd = { 0 };
        ac_block_on_future(&crowd__type, &crowd);
    }
    ck_assert_int_eq(ac_pool_shutdown(60 * AC_S), 0);
    if (COUNTED)
        ck_assert_int_le(resident_bytes(), before + SLACK);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_million_tasks_asleep_keep_to_their_budget_and_give_it_back,
        a_million_tasks_that_wait_for_an_event_keep_to_their_budget_and_give_it_back,
        tasks_of_every_size_and_alignment_have_memory_of_their_own,
        memory_that_comes_back_on_other_threads_is_used_again,
    };
    return run_suite("memory", tests, COUNT(tests), NULL, 0);
}

/* tests/io/loop_test.c - tasks and descriptors of one loop take turns. */
#include "io/loop.h"
#include "tests/test.h"

enum { MANY = 1000, HALF = MANY / 2, STOP_AT = 100 };

static const struct zn_thread_options usual = { .priority = -1, .policy = -1 };

struct step {
    struct zn_task task;
    int number;
};

static struct {
    struct zn_loop *loop;
    struct zn_task first;
    struct zn_watch watch;
    struct step steps[MANY];
    int signal, ran, ran_when_ready;
    _Atomic int halves;                  /* posted */
    _Atomic bool stopped;                /* in the first one */
} bench;

static void wait_for_half(int count)
{
    while (atomic_load(&bench.halves) < count)
        zn_yield();
}

static void on_ready(struct zn_watch *w, unsigned events)
{
    (void)w;
    (void)events;
    if (bench.ran_when_ready < 0)
        bench.ran_when_ready = bench.ran;
    zn_signal_clear(bench.signal);
}

static void begin_on_loop(struct zn_task *t)
{
    (void)t;
    bench.watch.ready = on_ready;
    CHECK_OK(zn_loop_watch(bench.loop, &bench.watch, bench.signal, false));
    wait_for_half(1);
}

static void count(struct zn_task *t)
{
    struct step *s = ZN_CONTAINER(t, struct step, task);

    CHECK_EQ(s->number, bench.ran, "they run in the order in which they were posted");
    bench.ran++;
    if (s->number != STOP_AT)
        return;
    atomic_store(&bench.stopped, true);
    wait_for_half(2);
}

static void post_half(int half)
{
    for (int i = half * HALF; i < (half + 1) * HALF; i++) {
        bench.steps[i] = (struct step){ .task.run = count, .number = i };
        CHECK(zn_loop_post(bench.loop, &bench.steps[i].task, NULL));
    }
}

/* The loop has taken the first half and is in its midst, the second half is waiting; so is the
 * descriptor, from before. */
static void begin(void)
{
    bench.ran_when_ready = -1;
    CHECK_OK(bench.signal = zn_signal_open());
    zn_signal_raise(bench.signal);
    CHECK_OK(zn_loop_new(&bench.loop, "loop", &usual));
    bench.first.run = begin_on_loop;
    CHECK(zn_loop_post(bench.loop, &bench.first, NULL));
    post_half(0);
    atomic_store(&bench.halves, 1);
    while (!atomic_load(&bench.stopped))
        zn_yield();
    post_half(1);
}

static void end(void)
{
    zn_loop_free(bench.loop);
    zn_sock_close(bench.signal);
}

TEST(all_tasks_run_in_order_before_the_loop_ends)
{
    begin();
    atomic_store(&bench.halves, 2);
    end();
    CHECK_EQ(bench.ran, MANY);
}

static void look_back(struct zn_task *t)
{
    (void)t;
    CHECK(bench.ran_when_ready >= 0, "nobody has looked");
    CHECK(bench.ran_when_ready < HALF, "after %d tasks", bench.ran_when_ready);
}

TEST(descriptors_wait_for_a_few_tasks_at_most)
{
    struct zn_task last = { .run = look_back };

    begin();
    CHECK(zn_loop_post(bench.loop, &last, NULL));
    atomic_store(&bench.halves, 2);
    while (atomic_load(&last.queued))
        zn_yield();
    end();
}

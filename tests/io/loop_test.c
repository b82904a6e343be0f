/* tests/io/loop_test.c - tasks and descriptors of one loop take turns. */
#include "io/loop.h"
#include "tests/test.h"

enum { MANY = 1000 };

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
    _Atomic bool posted;
} bench;

static void wait_for_posts(struct zn_task *t)
{
    (void)t;
    while (!atomic_load(&bench.posted))
        zn_yield();
}

static void count(struct zn_task *t)
{
    struct step *s = ZN_CONTAINER(t, struct step, task);

    CHECK_EQ(s->number, bench.ran, "they run in the order in which they were posted");
    bench.ran++;
}

static void note(struct zn_watch *w, unsigned events)
{
    (void)w;
    (void)events;
    bench.ran_when_ready = bench.ran;
    zn_signal_clear(bench.signal);
}

static void watch(struct zn_task *t)
{
    bench.watch.ready = note;
    CHECK_OK(zn_loop_watch(bench.loop, &bench.watch, bench.signal, false));
    wait_for_posts(t);
}

static void post_many(void)
{
    for (int i = 0; i < MANY; i++) {
        bench.steps[i] = (struct step){ .task.run = count, .number = i };
        CHECK(zn_loop_post(bench.loop, &bench.steps[i].task, NULL));
    }
}

static void begin(void)
{
    bench.ran_when_ready = -1;
    CHECK_OK(bench.signal = zn_signal_open());
    CHECK_OK(zn_loop_new(&bench.loop, "loop", &usual));
    bench.first.run = watch;
    CHECK(zn_loop_post(bench.loop, &bench.first, NULL));
    post_many();
}

static void go(void)
{
    zn_signal_raise(bench.signal);
    atomic_store(&bench.posted, true);
}

static void end(void)
{
    zn_loop_free(bench.loop);
    zn_sock_close(bench.signal);
}

TEST(all_tasks_run_in_order_before_the_loop_ends)
{
    begin();
    go();
    end();
    CHECK_EQ(bench.ran, MANY);
}

static void look_back(struct zn_task *t)
{
    (void)t;
    CHECK(bench.ran_when_ready >= 0, "nobody has looked");
    CHECK(bench.ran_when_ready < MANY / 2, "after %d tasks", bench.ran_when_ready);
}

TEST(descriptors_wait_for_a_few_tasks_at_most)
{
    struct zn_task last = { .run = look_back };

    begin();
    CHECK(zn_loop_post(bench.loop, &last, NULL));
    go();
    while (atomic_load(&last.queued))
        zn_yield();
    end();
}

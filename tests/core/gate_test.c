/* tests/core/gate_test.c - gates: one inside at a time, no work left lying, nobody left asleep;
 * where the system has barriers for all cores, and where it has none. */
#include <sched.h>

#include "platform/platform.h"
#include "tests/test.h"

enum { ROUNDS = 20000 };

static struct {
    struct zn_gate gate;
    long inside;                             /* changed by who is inside */
    _Atomic int posted;                      /* work that was left */
    int done;                                /* and done, by who is inside */
    _Atomic int at, go;                      /* a round begins when all are there */
} it;

static void work(void)
{
    it.done = atomic_load_explicit(&it.posted, memory_order_relaxed);
}

static void leave(void)
{
    while (zn_gate_leave(&it.gate))
        work();
}

static int rounds(void)
{
    return ROUNDS / test_patience();
}

/* Both ways of leaving; the first is what the system allows. */
static void each_way(void (*run)(void))
{
    zn_gate_begin();
    bool light = atomic_load(&zn_gate_light);
    run();
    atomic_store(&zn_gate_light, false);
    run();
    atomic_store(&zn_gate_light, light);
}

/* Waits until all of the threads are here, as closely together as can be. */
static void meet(int threads, int round)
{
    if (atomic_fetch_add(&it.at, 1) + 1 == threads * round)
        atomic_store(&it.go, round);
    for (int i = 0; atomic_load(&it.go) < round; i++)
        if (i > 100)
            sched_yield();
}

static void begin(void)
{
    atomic_store(&it.at, 0);
    atomic_store(&it.go, 0);
    it.inside = 0;
}

static void *pass_and_leave(void *arg)
{
    for (int i = 1; i <= rounds(); i++) {
        meet(2, 2 * i - 1);
        for (int j = i % 5; j >= 0; j--) {
            zn_gate_enter(&it.gate);
            it.inside++;
            leave();
        }
        meet(2, 2 * i);
    }
    return arg;
}

/* One passes a few times while the other leaves work: nobody comes afterwards to find it. */
static void post_meanwhile(void)
{
    begin();
    struct test_thread *other = test_thread_start(pass_and_leave, NULL);
    for (int i = 1; i <= rounds(); i++) {
        meet(2, 2 * i - 1);
        for (volatile int wait = i % 50; wait > 0; wait--)
            ;
        int now = atomic_fetch_add(&it.posted, 1) + 1;
        if (zn_gate_post(&it.gate)) {
            work();
            leave();
        }
        meet(2, 2 * i);                /* both have left */
        CHECK_EQ(it.done, now, "round %d", i);
    }
    test_thread_join(other);
}

TEST(work_is_never_left_lying)
{
    each_way(post_meanwhile);
}

static void *pass(void *arg)
{
    const int *long_stay = arg;

    for (int i = 0; i < rounds(); i++) {
        zn_gate_enter(&it.gate);
        long before = it.inside;
        if (*long_stay && i % 16 == 0)
            sched_yield();                       /* the others fall asleep */
        it.inside = before + 1;
        leave();
        if (i % 7 == 0 && zn_gate_post(&it.gate)) {
            it.inside++;
            work();
            leave();
            zn_gate_enter(&it.gate);
            it.inside--;
            leave();
        }
    }
    return arg;
}

static void pass_together(void)
{
    enum { THREADS = 6 };

    for (int long_stay = 0; long_stay < 2; long_stay++) {
        struct test_thread *threads[THREADS];

        begin();
        for (int i = 0; i < THREADS; i++)
            threads[i] = test_thread_start(pass, &long_stay);
        for (int i = 0; i < THREADS; i++)
            test_thread_join(threads[i]);
        CHECK_EQ(it.inside, (long)THREADS * rounds());
        CHECK_EQ(atomic_load(&it.gate.held), 0);
        CHECK_EQ(atomic_load(&it.gate.notes) & ~ZN_GATE_WORK, 0);
    }
}

TEST(one_is_inside_and_all_get_in)
{
    each_way(pass_together);
}

/* Who finds somebody inside leaves the work to him, and he is told when he leaves. */
TEST(work_waits_for_who_is_inside)
{
    zn_gate_begin();
    CHECK(zn_gate_post(&it.gate));               /* nobody is inside: one goes in */
    CHECK(!zn_gate_post(&it.gate));
    CHECK(!zn_gate_post(&it.gate));
    CHECK(zn_gate_leave(&it.gate));              /* once for both, and inside again */
    CHECK(!zn_gate_try(&it.gate));
    CHECK(!zn_gate_leave(&it.gate));
    CHECK(zn_gate_try(&it.gate));
    CHECK(!zn_gate_leave(&it.gate));
}

/* tests/core/gate_test.c - gates: one inside at a time, no work left lying, nobody left asleep;
 * where the system has barriers for all cores, and where it has none; with and without a thread
 * that the gate is biased to. */
#include <sched.h>

#include "platform/platform.h"
#include "tests/test.h"

enum { ROUNDS = 20000 };

static struct {
    struct zn_gate gate;
    bool lean;                               /* one thread is to be the gate's at all times */
    long inside;                             /* changed by who is inside */
    _Atomic int posted;                      /* work that was left */
    int done;                                /* and done, by who is inside */
    _Atomic int at, go;                      /* a round begins when all are there */
} it;

static void work(void)
{
    it.done = atomic_load_explicit(&it.posted, memory_order_relaxed);
}

static void pause_a_while(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    for (volatile unsigned i = *seed >> 20; i > 0; i--)
        ;
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
    it.lean = true;
    run();
    it.lean = false;
    atomic_store(&zn_gate_light, false);
    run();
    atomic_store(&zn_gate_light, light);
}

/* Who is inside has been patient for long enough: if no other thread has been chosen, the gate
 * is biased to it from the next time on. */
static void be_patient(struct zn_gate *g)
{
    g->again = 1u << 30;
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
    memset(&it.gate, 0, sizeof(it.gate));
}

static void *pass_and_leave(void *arg)
{
    unsigned seed = 1;

    for (int i = 1; i <= rounds(); i++) {
        meet(2, 2 * i - 1);
        for (int j = i % 5; j >= 0; j--) {
            zn_gate_enter(&it.gate);
            it.inside++;
            if (it.lean)
                be_patient(&it.gate);
            while (zn_gate_leave(&it.gate)) {
                work();
                pause_a_while(&seed);            /* who left the work is to see this stay */
            }
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
        if (it.lean)
            be_patient(&it.gate);
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
        CHECK(zn_gate_is_free(&it.gate));
        CHECK_EQ(atomic_load(&it.gate.notes) & ~ZN_GATE_WORK, 0);
    }
}

TEST(one_is_inside_and_all_get_in)
{
    each_way(pass_together);
}

/* The thread of the bias comes all the time, others just often enough to take it back each time
 * that it is given. */
static void *come_now_and_then(void *arg)
{
    unsigned seed = *(const unsigned *)arg;

    while (!atomic_load(&it.go))         /* until there is a bias to be taken back */
        sched_yield();
    for (int i = 0; i < rounds() / 4; i++) {
        pause_a_while(&seed);
        if (i % 2 == 0) {
            zn_gate_enter(&it.gate);
        } else {
            atomic_fetch_add(&it.posted, 1);
            if (!zn_gate_post(&it.gate))
                continue;
            work();
        }
        it.inside++;
        pause_a_while(&seed);
        it.inside--;
        leave();
    }
    atomic_fetch_add(&it.at, 1);
    return arg;
}

TEST(bias_is_taken_back_again_and_again)
{
    enum { OTHERS = 2 };
    struct test_thread *threads[OTHERS];
    unsigned seeds[OTHERS] = { 1, 2 };
    unsigned seed = 3;

    zn_gate_begin();
    begin();
    atomic_store(&it.go, !atomic_load(&zn_gate_light));
    for (int i = 0; i < OTHERS; i++)
        threads[i] = test_thread_start(come_now_and_then, &seeds[i]);
    while (atomic_load(&it.at) < OTHERS) {
        zn_gate_enter(&it.gate);
        CHECK_EQ(it.inside, 0);
        if (it.gate.biased)
            atomic_store(&it.go, true);
        be_patient(&it.gate);
        while (zn_gate_leave(&it.gate)) {
            work();
            pause_a_while(&seed);
        }
    }
    for (int i = 0; i < OTHERS; i++)
        test_thread_join(threads[i]);
    CHECK_EQ(it.done, atomic_load(&it.posted));
    CHECK(it.gate.revoked > 0 || !atomic_load(&zn_gate_light));
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

/* ---- Bias. */

static void pass_often(struct zn_gate *g, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        zn_gate_enter(g);
        while (zn_gate_leave(g))
            ;
    }
}

static bool is_biased(struct zn_gate *g)
{
    return atomic_load(&g->bias) != 0;
}

static void *pass_once(void *gate)
{
    pass_often(gate, 1);
    return NULL;
}

static void *pass_many_times(void *gate)
{
    pass_often(gate, 20 * ZN_GATE_PATIENCE);
    return NULL;
}

static void by_another(void *(*run)(void *), struct zn_gate *g)
{
    test_thread_join(test_thread_start(run, g));
}

TEST(gate_is_biased_to_the_one_that_comes_again_and_again)
{
    struct zn_gate g = { 0 };

    zn_gate_begin();
    if (!atomic_load(&zn_gate_light))
        test_skip("no barriers on every core");
    for (int i = 0; i < 3; i++) {                /* who comes now and then keeps it off */
        pass_often(&g, ZN_GATE_PATIENCE - 1);
        by_another(pass_once, &g);
    }
    CHECK(!is_biased(&g));
    pass_often(&g, ZN_GATE_PATIENCE + 1);
    CHECK(is_biased(&g));
    by_another(pass_once, &g);
    CHECK(!is_biased(&g), "another one has been in");
    CHECK(zn_gate_is_free(&g));
    pass_often(&g, ZN_GATE_PATIENCE + 1);
    CHECK(!is_biased(&g), "it takes twice as long");
    pass_often(&g, ZN_GATE_PATIENCE);
    CHECK(is_biased(&g));
    by_another(pass_many_times, &g);
    CHECK(!is_biased(&g), "to one thread in all its life");
    CHECK(zn_gate_is_free(&g));
}

TEST(work_waits_for_the_thread_of_the_bias)
{
    struct zn_gate g = { 0 };

    zn_gate_begin();
    pass_often(&g, ZN_GATE_PATIENCE + 1);
    CHECK(zn_gate_post(&g));                     /* nobody is inside: its thread goes in */
    CHECK(!zn_gate_try(&g));
    CHECK(!zn_gate_post(&g));
    CHECK(!zn_gate_is_free(&g));
    CHECK(zn_gate_leave(&g));
    CHECK(!zn_gate_leave(&g));
    CHECK(zn_gate_is_free(&g));
}

static void *post_once(void *gate)
{
    CHECK(!zn_gate_post(gate));
    return NULL;
}

TEST(work_of_others_waits_for_the_thread_of_the_bias)
{
    struct zn_gate g = { 0 };

    zn_gate_begin();
    pass_often(&g, ZN_GATE_PATIENCE + 1);
    zn_gate_enter(&g);
    by_another(post_once, &g);
    by_another(post_once, &g);
    CHECK(zn_gate_leave(&g), "once for both");
    CHECK(!is_biased(&g));
    CHECK(!zn_gate_is_free(&g));
    CHECK(!zn_gate_leave(&g));
    CHECK(zn_gate_is_free(&g));
}

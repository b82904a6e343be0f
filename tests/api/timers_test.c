/* tests/api/timers_test.c - times are long enough to be told apart, and waited for with
 * zmq_timers_timeout() itself. */
#include <limits.h>
#include <stdio.h>
#include <zmq.h>

#include "tests/test.h"

static void *timers;
static int fired[10], order[100], fires;

static void note(int id, void *arg)
{
    (void)arg;
    fired[id]++;
    order[fires++] = id;
}

static void wait_due(void)
{
    for (long ms; (ms = zmq_timers_timeout(timers)) > 0;)
        zmq_poll(NULL, 0, ms);
}

/* Until `ms` have passed. */
static void wait_ms(unsigned long ms)
{
    void *watch = zmq_stopwatch_start();
    while (zmq_stopwatch_intermediate(watch) < ms * 1000 + 1000)
        zmq_poll(NULL, 0, 1);
    zmq_stopwatch_stop(watch);
}

TEST(timers_refuse_what_is_none)
{
    int other[8] = { 0 };

    CHECK_ERRNO(zmq_timers_add(NULL, 1, note, NULL), EFAULT);
    CHECK_ERRNO(zmq_timers_add(other, 1, note, NULL), EFAULT);
    CHECK_ERRNO(zmq_timers_cancel(NULL, 1), EFAULT);
    CHECK_ERRNO(zmq_timers_set_interval(NULL, 1, 1), EFAULT);
    CHECK_ERRNO(zmq_timers_reset(NULL, 1), EFAULT);
    CHECK_ERRNO(zmq_timers_timeout(NULL), EFAULT);
    CHECK_ERRNO(zmq_timers_execute(NULL), EFAULT);
    CHECK_ERRNO(zmq_timers_destroy(&timers), EFAULT);

    timers = zmq_timers_new();
    CHECK_ERRNO(zmq_timers_add(timers, 1, NULL, NULL), EFAULT);
    CHECK_ERRNO(zmq_timers_cancel(timers, 1), EINVAL);
    CHECK_ERRNO(zmq_timers_reset(timers, 1), EINVAL);
    CHECK_ERRNO(zmq_timers_set_interval(timers, 1, 1), EINVAL);
    CHECK_EQ(zmq_timers_timeout(timers), -1);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(zmq_timers_destroy(&timers), 0);
    CHECK(timers == NULL);
}

TEST(timers_fire_when_due_and_again)
{
    timers = zmq_timers_new();
    int id = zmq_timers_add(timers, 50, note, NULL);

    CHECK_EQ(id, 1);
    long ms = zmq_timers_timeout(timers);
    CHECK(ms > 30 && ms <= 50, "%ld", ms);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(fired[1], 0);
    for (int i = 1; i <= 3; i++) {
        wait_due();
        CHECK_EQ(zmq_timers_execute(timers), 0);
        CHECK_EQ(fired[1], i);
        CHECK(zmq_timers_timeout(timers) > 0);
    }
    wait_ms(120);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(fired[1], 4, "what was missed is not made up for");
    zmq_timers_destroy(&timers);
}

TEST(timers_fire_in_order_of_time)
{
    static const int want[] = { 2, 4, 3, 1 };

    timers = zmq_timers_new();
    zmq_timers_add(timers, 30, note, NULL);
    zmq_timers_add(timers, 10, note, NULL);
    zmq_timers_add(timers, 20, note, NULL);
    zmq_timers_add(timers, 10, note, NULL);
    wait_ms(35);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(fires, 4);
    CHECK_MEM(order, want, sizeof want);
    zmq_timers_destroy(&timers);
}

/* libzmq still lets a timer be reset that was cancelled since the last execute. */
TEST(timers_cancelled_are_gone)
{
    timers = zmq_timers_new();
    int id = zmq_timers_add(timers, 1, note, NULL);

    CHECK_EQ(zmq_timers_cancel(timers, id), 0);
    CHECK_ERRNO(zmq_timers_cancel(timers, id), EINVAL);
    CHECK_ERRNO(zmq_timers_reset(timers, id), EINVAL);
    CHECK_ERRNO(zmq_timers_set_interval(timers, id, 1), EINVAL);
    CHECK_EQ(zmq_timers_timeout(timers), -1);
    wait_ms(3);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(fires, 0);
    CHECK_EQ(zmq_timers_add(timers, 1, note, NULL), id + 1);
    zmq_timers_destroy(&timers);
}

TEST(timers_count_anew_after_reset_and_set_interval)
{
    timers = zmq_timers_new();
    int id = zmq_timers_add(timers, 300, note, NULL);

    wait_ms(100);
    CHECK(zmq_timers_timeout(timers) <= 200);
    CHECK_EQ(zmq_timers_reset(timers, id), 0);
    CHECK(zmq_timers_timeout(timers) > 200);
    CHECK_EQ(zmq_timers_set_interval(timers, id, 5000), 0);
    CHECK(zmq_timers_timeout(timers) > 4000);
    zmq_timers_destroy(&timers);
}

static void slow(int id, void *arg)
{
    (void)id, (void)arg;
    wait_ms(60);
}

TEST(timers_count_from_the_execute_that_ran_them)
{
    timers = zmq_timers_new();
    zmq_timers_add(timers, 50, slow, NULL);
    wait_due();
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(zmq_timers_timeout(timers), 0);
    zmq_timers_destroy(&timers);
}

enum deed { CANCEL_SELF, CANCEL_NEXT, RESET_NEXT, SLOWER_SELF, ADD };

static void act(int id, void *arg)
{
    note(id, NULL);
    switch (*(enum deed *)arg) {
    case CANCEL_SELF:
        CHECK_EQ(zmq_timers_cancel(timers, id), 0);
        CHECK_ERRNO(zmq_timers_cancel(timers, id), EINVAL);
        break;
    case CANCEL_NEXT:
        CHECK_EQ(zmq_timers_cancel(timers, id + 1), 0);
        break;
    case RESET_NEXT:
        CHECK_EQ(zmq_timers_reset(timers, id + 1), 0);
        break;
    case SLOWER_SELF:
        CHECK_EQ(zmq_timers_set_interval(timers, id, 5000), 0);
        break;
    case ADD:
        CHECK_EQ(zmq_timers_add(timers, 10, note, NULL), 3);
        break;
    }
}

/* libzmq skips a timer that is due when the one before it slows itself down. */
TEST(timers_may_be_changed_by_handlers)
{
    static const struct {
        const char *what;
        enum deed deed;
        int second;
    } cases[] = {
        { "cancel itself", CANCEL_SELF, 1 },
        { "cancel the next one", CANCEL_NEXT, 0 },
        { "reset the next one", RESET_NEXT, 0 },
        { "slow itself down", SLOWER_SELF, 1 },
        { "add one more", ADD, 1 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum deed deed = cases[i].deed;

        memset(fired, 0, sizeof fired);
        fires = 0;
        timers = zmq_timers_new();
        zmq_timers_add(timers, 199, act, &deed);
        zmq_timers_add(timers, 200, note, NULL);
        wait_ms(201);
        CHECK_EQ(zmq_timers_execute(timers), 0);
        CHECK_EQ(fired[1], 1, "%s", cases[i].what);
        CHECK_EQ(fired[2], cases[i].second, "%s", cases[i].what);
        CHECK_EQ(fired[3], 0, "%s", cases[i].what);
        long ms = zmq_timers_timeout(timers);
        CHECK(ms >= 0 && ms <= 200, "%s: %ld", cases[i].what, ms);
        zmq_timers_destroy(&timers);
    }
}

TEST(timers_many_at_once_keep_their_order)
{
    enum { MANY = 2000 };
    static int ids[MANY];

    timers = zmq_timers_new();
    for (int i = 0; i < MANY; i++)
        ids[i] = zmq_timers_add(timers, (size_t)(i * 7919 % MANY) + 100000, note, NULL);
    for (int i = 0; i < MANY; i += 2)
        CHECK_EQ(zmq_timers_cancel(timers, ids[i]), 0);
    for (int i = 1; i < MANY; i += 4)
        CHECK_EQ(zmq_timers_set_interval(timers, ids[i], (size_t)i), 0);
    CHECK(zmq_timers_timeout(timers) <= 1);
    for (int i = 1; i < MANY; i += 4)
        CHECK_EQ(zmq_timers_cancel(timers, ids[i]), 0);
    CHECK(zmq_timers_timeout(timers) > 90000);
    for (int i = 3; i < MANY; i += 4)
        CHECK_EQ(zmq_timers_cancel(timers, ids[i]), 0);
    CHECK_EQ(zmq_timers_timeout(timers), -1);
    zmq_timers_destroy(&timers);
}

/* ---- From here on libzmq 4.3.4 does otherwise: hangs, or crashes. */

TEST(timers_of_no_interval_run_once_an_execute)
{
    timers = zmq_timers_new();
    zmq_timers_add(timers, 0, note, NULL);
    for (int i = 1; i <= 5; i++) {
        CHECK_EQ(zmq_timers_timeout(timers), 0);
        CHECK_EQ(zmq_timers_execute(timers), 0);
        CHECK_EQ(fires, i);
    }
    zmq_timers_destroy(&timers);
}

TEST(timers_of_an_endless_interval_never_fire)
{
    timers = zmq_timers_new();
    zmq_timers_add(timers, SIZE_MAX, note, NULL);
    CHECK(zmq_timers_timeout(timers) > 1000000);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK_EQ(fires, 0);
    zmq_timers_destroy(&timers);
}

static void destroy(int id, void *arg)
{
    (void)id, (void)arg;
    CHECK_EQ(zmq_timers_destroy(&timers), 0);
}

static void nest(int id, void *arg)
{
    note(id, arg);
    CHECK_EQ(zmq_timers_execute(timers), 0);
}

TEST(timers_may_be_executed_and_destroyed_by_handlers)
{
    timers = zmq_timers_new();
    zmq_timers_add(timers, 0, nest, NULL);
    zmq_timers_add(timers, 0, note, NULL);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK(fired[1] >= 1 && fired[2] >= 1);
    zmq_timers_add(timers, 0, destroy, NULL);
    zmq_timers_add(timers, 0, note, NULL);
    CHECK_EQ(zmq_timers_execute(timers), 0);
    CHECK(timers == NULL);
    CHECK_EQ(fired[4], 0);
}

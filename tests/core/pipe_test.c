/* tests/core/pipe_test.c - a writer at its high-water mark while the other side changes it. */
#include "core/pipe.h"

#include <sched.h>

#include "tests/test.h"

static struct {
    struct zn_pipe *pipe;
    _Atomic int at, go;
    _Atomic bool told, woken;            /* the writer: that there is room; not quietly */
} it;

static struct zn_wish on_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    (void)e;
    (void)poster;
    if (what & ZN_POST_WRITE)
        atomic_store(&it.told, true);
    if (what & ZN_POST_WRITE && !(what & ZN_POST_QUIET))
        atomic_store(&it.woken, true);
    return (struct zn_wish){ NULL, 0 };
}

static const struct zn_owner owner = { .post = on_post };

static void begin(void)
{
    CHECK_EQ(zn_pipe_new(&it.pipe, false, false), 0);
    for (int i = 0; i < 2; i++)
        zn_end_own(&it.pipe->end[i], &owner, &it);
}

static void end(void)
{
    zn_end_close(&it.pipe->end[0], NULL);
    zn_end_close(&it.pipe->end[1], NULL);
}

static void send(uint8_t number)
{
    struct zn_frame f = { .data = &number, .size = 1 };

    CHECK_EQ(zn_end_write(&it.pipe->end[0], &f), 0);
    zn_end_flush(&it.pipe->end[0]);
}

static void receive(uint8_t number)
{
    struct zn_frame f;

    CHECK_EQ(zn_end_peek(&it.pipe->end[1], &f), 1);
    CHECK_EQ(f.data[0], number);
    zn_end_next(&it.pipe->end[1]);
}

/* Waits until both threads are here, as closely together as can be. */
static void meet(int round)
{
    if (atomic_fetch_add(&it.at, 1) + 1 == 2 * round)
        atomic_store(&it.go, round);
    for (int i = 0; atomic_load(&it.go) < round; i++)
        if (i > 100)
            sched_yield();
}

static int rounds(void)
{
    return 100000 / test_patience();
}

static void pause_for(int loops)
{
    for (volatile int i = loops; i > 0; i--)
        ;
}

static void *lift_limit(void *arg)
{
    for (int i = 1; i <= rounds(); i++) {
        zn_end_set_hwm(&it.pipe->end[1], -1, -1);
        atomic_store(&it.woken, false);
        meet(3 * i - 2);
        pause_for(i % 7);
        zn_end_set_hwm(&it.pipe->end[1], -1, 0);
        meet(3 * i - 1);
        meet(3 * i);
    }
    return arg;
}

TEST(writer_that_finds_no_room_is_told_of_a_limit_lifted_just_then)
{
    begin();
    zn_end_set_hwm(&it.pipe->end[0], 1, -1);
    send(1);
    struct test_thread *other = test_thread_start(lift_limit, NULL);
    for (int i = 1; i <= rounds(); i++) {
        meet(3 * i - 2);
        pause_for(i % 41);
        bool room = zn_end_writable(&it.pipe->end[0]);
        meet(3 * i - 1);
        bool woken = atomic_load(&it.woken);
        meet(3 * i);
        CHECK(room || woken);
    }
    test_thread_join(other);
    end();
}

TEST(writer_that_was_told_quietly_is_woken_later_though_the_limit_has_gone)
{
    begin();
    zn_end_set_hwm(&it.pipe->end[0], 4, -1);
    for (uint8_t i = 1; i <= 4; i++)
        send(i);
    CHECK(!zn_end_writable(&it.pipe->end[0]));
    receive(1);
    CHECK(atomic_load(&it.told) && !atomic_load(&it.woken));
    zn_end_set_hwm(&it.pipe->end[1], -1, 0);
    for (uint8_t i = 2; i <= 4; i++)
        receive(i);
    CHECK(atomic_load(&it.woken));
    end();
}

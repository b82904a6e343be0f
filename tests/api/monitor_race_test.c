/* monitor_race_test.c - a monitor that is stopped while its socket's I/O thread has events to
 * tell all the time. */

#include "tests/api/api.h"

#include <sched.h>
#include <stdatomic.h>

enum { CONNECTERS = 40, ROUNDS = 1500 };

static _Atomic int told;

/* Each attempt is two or three events, and the next one comes a millisecond later. */
static void connect_in_vain(void *s)
{
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "ipc://%s/nobody", test_dir());
    test_set_int(s, ZMQ_RECONNECT_IVL, 1);
    for (int i = 0; i < CONNECTERS; i++)
        connect_to(s, endpoint);
}

/* It never has to drop an event for want of room, as one with a high-water mark does. */
static void *open_roomy_monitor(void *ctx, void *s, int number)
{
    char name[64];
    void *pair = open_socket(ctx, ZMQ_PAIR);

    snprintf(name, sizeof name, "inproc://monitor-%d", number);
    test_set_int(pair, ZMQ_RCVHWM, 0);
    CHECK_OK(zmq_socket_monitor(s, name, ZMQ_EVENT_ALL));
    connect_to(pair, name);
    return pair;
}

static void *read_until_stopped(void *monitor)
{
    while (next_event(monitor).id != ZMQ_EVENT_MONITOR_STOPPED)
        atomic_fetch_add(&told, 1);
    return NULL;
}

/* The reader sleeps until it is told. So whoever tells it may lose its core at that very moment:
 * to the I/O thread, whose next event waits. */
TEST(nothing_is_told_after_the_monitor_has_stopped)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    int rounds = ROUNDS / test_patience();

    connect_in_vain(s);
    for (int i = 0; i < rounds; i++) {
        void *monitor = open_roomy_monitor(ctx, s, i);
        struct test_thread *reader = test_thread_start(read_until_stopped, monitor);

        for (int events = atomic_load(&told); atomic_load(&told) == events;)
            sched_yield();
        CHECK_OK(zmq_socket_monitor(s, NULL, 0));
        test_thread_join(reader);
        REFUSED(zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "round %d", i);
        close_socket(monitor);
    }
    close_socket(s);
    end_ctx(ctx);
}

/* fd_race_test.c - ZMQ_FD while another thread sends: what comes just as the socket is looked at
 * is told of, too. */

#include "tests/api/api.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>

static struct {
    void *out;
    uint32_t rounds;
    _Atomic uint32_t received;
} it;

static void pause_for(unsigned loops)
{
    for (volatile unsigned i = loops; i > 0; i--)
        ;
}

/* The next one is sent when the last one has been received, and its receiver looks whether there
 * are more: nothing else will wake it if it is not told of this one. A nudge, which is another
 * high-water mark, wakes it for nothing: the message comes about when it looks. */
static void *send_one_by_one(void *arg)
{
    for (uint32_t i = 1; i <= it.rounds; i++) {
        test_set_int(it.out, ZMQ_SNDHWM, 10 + (int)(i % 2));
        pause_for(i * 97 % 8191);
        CHECK_EQ(zmq_send(it.out, &i, sizeof i, 0), sizeof i);
        for (int spins = 0; atomic_load(&it.received) != i; spins++)
            if (spins > 1000)
                sched_yield();
    }
    return arg;
}

static void receive_by_fd(uint32_t how)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    int epoll = epoll_create1(EPOLL_CLOEXEC), fd = test_get_int(in, ZMQ_FD);
    struct epoll_event event = { .events = how };

    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    it.out = open_socket(ctx, ZMQ_PUSH);
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(it.out, "inproc://x");
    it.rounds = 20000 / (uint32_t)test_patience();
    atomic_store(&it.received, 0);
    struct test_thread *sender = test_thread_start(send_one_by_one, NULL);
    for (uint32_t i = 1; i <= it.rounds; i++) {
        uint32_t number;

        while (!(test_get_int(in, ZMQ_EVENTS) & ZMQ_POLLIN))
            CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
        CHECK_EQ(zmq_recv(in, &number, sizeof number, ZMQ_DONTWAIT), sizeof number);
        CHECK_EQ(number, i);
        atomic_store(&it.received, i);
    }
    test_thread_join(sender);
    close(epoll);
    close_socket(it.out);
    close_socket(in);
    end_ctx(ctx);
}

TEST(fd_tells_of_what_comes_while_events_are_read)
{
    receive_by_fd(EPOLLIN);
}

TEST(fd_has_an_edge_for_what_comes_while_events_are_read)
{
    receive_by_fd(EPOLLIN | EPOLLET);
}

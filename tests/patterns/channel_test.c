/* tests/patterns/channel_test.c - CHANNEL, over each transport. */
#include "tests/patterns/net.h"

TEST(channel_tells_what_it_is_and_refuses_what_it_cannot)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_CHANNEL);
    size_t size = sizeof(int);
    int fd;

    CHECK_EQ(test_get_int(s, ZMQ_TYPE), ZMQ_CHANNEL);
    CHECK_EQ(test_get_int(s, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0);
    CHECK_ERRNO(zmq_getsockopt(s, ZMQ_FD, &fd, &size), EINVAL);
    CHECK_ERRNO(zmq_send(s, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_send(s, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(channel_goes_both_ways_in_order)
{
    enum { MESSAGES = 300 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_CHANNEL, *t, endpoint);
        void *b = net_connected(&n, ZMQ_CHANNEL, endpoint);
        int got;

        for (int i = 0; i < MESSAGES; i++)
            CHECK_OK(zmq_send(b, &i, sizeof(i), 0));
        for (int i = 0; i < MESSAGES; i++) {
            CHECK_EQ(net_recv(a, &got, sizeof(got)), sizeof(got));
            CHECK_EQ(got, i, "%s", *t);
            CHECK_OK(zmq_send(a, &i, sizeof(i), 0));
        }
        for (int i = 0; i < MESSAGES; i++) {
            CHECK_EQ(net_recv(b, &got, sizeof(got)), sizeof(got));
            CHECK_EQ(got, i, "%s", *t);
        }
        net_close(&n);
    }
}

/* Whoever comes second gets nothing, and what it says is not heard. */
TEST(channel_has_one_peer_at_a_time)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *s = net_bound(&n, ZMQ_CHANNEL, *t, endpoint);
        void *first = net_connected(&n, ZMQ_CHANNEL, endpoint);

        test_send_strings(first, "first", NULL);
        test_expect_strings(s, "first", NULL);
        void *second = net_connected(&n, ZMQ_CHANNEL, endpoint);
        zmq_send(second, "second", 6, ZMQ_DONTWAIT);
        for (int i = 0; i < 10; i++)
            test_send_strings(s, "x", NULL);
        for (int i = 0; i < 10; i++)
            test_expect_strings(first, "x", NULL);
        CHECK_ERRNO(zmq_recv(second, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CHECK_ERRNO(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(channel_takes_a_new_peer_when_the_first_has_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *s = net_bound(&n, ZMQ_CHANNEL, *t, endpoint);
        void *first = net_connected(&n, ZMQ_CHANNEL, endpoint);

        test_send_strings(first, "1", NULL);
        test_expect_strings(s, "1", NULL);
        net_leave(&n, first);
        net_wait_mute(s);
        void *second = net_connected(&n, ZMQ_CHANNEL, endpoint);
        test_send_strings(second, "2", NULL);
        test_expect_strings(s, "2", NULL);
        test_send_strings(s, "3", NULL);
        test_expect_strings(second, "3", NULL);
        net_close(&n);
    }
}

static void *send_one(void *s)
{
    CHECK_OK(zmq_send(s, "late", 4, 0));
    return NULL;
}

TEST(channel_waits_at_the_high_water_mark)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_CHANNEL), *b = net_socket(&n, ZMQ_CHANNEL);

    test_set_int(a, ZMQ_RCVHWM, 1);
    test_set_int(b, ZMQ_SNDHWM, 1);
    test_bind(a, "inproc", endpoint);
    CHECK_OK(zmq_connect(b, endpoint));
    for (int i = 0; i < 2; i++)
        CHECK_OK(zmq_send(b, "x", 1, ZMQ_DONTWAIT));
    CHECK_ERRNO(zmq_send(b, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK(net_is_mute(b));
    struct test_thread *thread = test_thread_start(send_one, b);
    for (int i = 0; i < 2; i++)
        test_expect_strings(a, "x", NULL);
    test_expect_strings(a, "late", NULL);
    test_thread_join(thread);
    net_close(&n);
}

TEST(channel_drops_multipart_messages_whole)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_CHANNEL, "inproc", endpoint);
    void *pair = net_connected(&n, ZMQ_PAIR, endpoint);

    test_send_strings(pair, "two", "parts", NULL);
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), ZMQ_POLLOUT);
    test_send_strings(pair, "three", "more", "parts", NULL);
    test_send_strings(pair, "one", NULL);
    test_expect_strings(s, "one", NULL);
    net_close(&n);
}

/* ---- Threads: two send, two receive, at each end. */

enum { THREADS = 2, ROUNDS = 300 };

static void *send_many(void *s)
{
    for (int i = 0; i < ROUNDS / test_patience(); i++)
        CHECK_OK(zmq_send(s, "x", 1, 0));
    return NULL;
}

static void *recv_many(void *s)
{
    for (int i = 0; i < ROUNDS / test_patience(); i++)
        test_expect_strings(s, "x", NULL);
    return NULL;
}

TEST(threads_share_a_channel)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *end[2] = { net_bound(&n, ZMQ_CHANNEL, *t, endpoint), NULL };
        struct test_thread *threads[4 * THREADS];
        int count = 0;

        end[1] = net_connected(&n, ZMQ_CHANNEL, endpoint);
        for (int i = 0; i < 2 * THREADS; i++) {
            threads[count++] = test_thread_start(send_many, end[i % 2]);
            threads[count++] = test_thread_start(recv_many, end[i % 2]);
        }
        while (count > 0)
            test_thread_join(threads[--count]);
        net_close(&n);
    }
}

/* tests/patterns/gather_scatter_test.c - GATHER and SCATTER, over each transport. */
#include "tests/patterns/net.h"

enum { WORKERS = 3 };

TEST(gather_and_scatter_go_one_way)
{
    struct net n = net_open();
    void *scatter = net_socket(&n, ZMQ_SCATTER), *gather = net_socket(&n, ZMQ_GATHER);
    size_t size = sizeof(int);
    int fd;

    CHECK_EQ(test_get_int(scatter, ZMQ_TYPE), ZMQ_SCATTER);
    CHECK_EQ(test_get_int(gather, ZMQ_TYPE), ZMQ_GATHER);
    CHECK_EQ(test_get_int(scatter, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(gather, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(scatter, ZMQ_EVENTS), 0);
    CHECK_EQ(test_get_int(gather, ZMQ_EVENTS), 0);
    CHECK_ERRNO(zmq_getsockopt(scatter, ZMQ_FD, &fd, &size), EINVAL);
    CHECK_ERRNO(zmq_recv(scatter, NULL, 0, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(gather, "x", 1, 0), ENOTSUP);
    CHECK_ERRNO(zmq_send(gather, "x", 1, ZMQ_SNDMORE), ENOTSUP);
    CHECK_ERRNO(zmq_send(scatter, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_send(scatter, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_recv(gather, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(scatter_deals_messages_out_in_turn)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *scatter = net_socket(&n, ZMQ_SCATTER), *gather[WORKERS];

        for (int i = 0; i < WORKERS; i++) {
            char endpoint[TEST_ENDPOINT];
            gather[i] = net_bound(&n, ZMQ_GATHER, *t, endpoint);
            CHECK_OK(zmq_connect(scatter, endpoint));
        }
        for (int i = 0; i < 2 * WORKERS; i++)
            test_send_strings(scatter, "x", NULL);
        for (int i = 0; i < WORKERS; i++) {
            test_expect_strings(gather[i], "x", NULL);
            test_expect_strings(gather[i], "x", NULL);
        }
        for (int i = 0; i < WORKERS; i++)
            CHECK_ERRNO(zmq_recv(gather[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(gather_gets_all_messages_of_each_scatter_in_order)
{
    enum { MESSAGES = 300 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *gather = net_bound(&n, ZMQ_GATHER, *t, endpoint), *scatter[WORKERS];
        int next[WORKERS] = { 0 }, frame[2];

        for (int i = 0; i < WORKERS; i++)
            scatter[i] = net_connected(&n, ZMQ_SCATTER, endpoint);
        for (int k = 0; k < MESSAGES; k++)
            for (int i = 0; i < WORKERS; i++) {
                frame[0] = i;
                frame[1] = k;
                CHECK_OK(zmq_send(scatter[i], frame, sizeof(frame), 0));
            }
        for (int i = 0; i < WORKERS; i++)
            net_leave(&n, scatter[i]);
        for (int k = 0; k < MESSAGES * WORKERS; k++) {
            CHECK_EQ(net_recv(gather, frame, sizeof(frame)), sizeof(frame));
            CHECK_EQ(frame[1], next[frame[0]]++, "%s, scatter %d", *t, frame[0]);
        }
        net_close(&n);
    }
}

TEST(scatter_passes_over_a_full_gather_and_waits_when_all_are)
{
    struct net n = net_open();
    void *scatter = net_socket(&n, ZMQ_SCATTER), *gather[2];

    test_set_int(scatter, ZMQ_SNDHWM, 1);
    for (int i = 0; i < 2; i++) {
        char endpoint[TEST_ENDPOINT];
        gather[i] = net_socket(&n, ZMQ_GATHER);
        test_set_int(gather[i], ZMQ_RCVHWM, 1 + 4 * i);
        test_bind(gather[i], "inproc", endpoint);
        CHECK_OK(zmq_connect(scatter, endpoint));
    }
    for (int i = 0; i < 2 + 6; i++)
        CHECK_OK(zmq_send(scatter, "x", 1, ZMQ_DONTWAIT));
    CHECK(net_is_mute(scatter));
    CHECK_ERRNO(zmq_send(scatter, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    for (int i = 0; i < 2; i++)
        test_expect_strings(gather[0], "x", NULL);
    for (int i = 0; i < 2; i++)
        CHECK_OK(zmq_send(scatter, "y", 1, 0));
    for (int i = 0; i < 2; i++)
        test_expect_strings(gather[0], "y", NULL);
    for (int i = 0; i < 6; i++)
        test_expect_strings(gather[1], "x", NULL);
    net_close(&n);
}

TEST(gather_drops_multipart_messages_whole)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *gather = net_bound(&n, ZMQ_GATHER, "inproc", endpoint);
    void *push = net_connected(&n, ZMQ_PUSH, endpoint);

    test_send_strings(push, "two", "parts", NULL);
    CHECK_EQ(test_get_int(gather, ZMQ_EVENTS), 0);
    test_send_strings(push, "three", "more", "parts", NULL);
    test_send_strings(push, "one", NULL);
    test_send_strings(push, "two", "parts", NULL);
    test_expect_strings(gather, "one", NULL);
    CHECK_ERRNO(zmq_recv(gather, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

/* ---- Threads. */

enum { THREADS = 4, ROUNDS = 500 };

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

TEST(threads_share_a_scatter_and_a_gather)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *gather = net_bound(&n, ZMQ_GATHER, *t, endpoint);
        void *scatter = net_connected(&n, ZMQ_SCATTER, endpoint);
        struct test_thread *threads[2 * THREADS];

        for (int i = 0; i < THREADS; i++) {
            threads[2 * i] = test_thread_start(send_many, scatter);
            threads[2 * i + 1] = test_thread_start(recv_many, gather);
        }
        for (int i = 0; i < 2 * THREADS; i++)
            test_thread_join(threads[i]);
        net_close(&n);
    }
}

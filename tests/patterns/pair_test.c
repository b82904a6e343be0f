/* tests/patterns/pair_test.c - PAIR, over each transport. */
#include <stdlib.h>

#include "tests/patterns/net.h"

TEST(pair_talks_both_ways)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *b = net_connected(&n, ZMQ_PAIR, endpoint);

        test_send_strings(b, "one", NULL);
        test_send_strings(b, "two", "", "frames", NULL);
        test_expect_strings(a, "one", NULL);
        test_expect_strings(a, "two", "", "frames", NULL);
        test_send_strings(a, "", NULL);
        test_expect_strings(b, "", NULL);
        net_close(&n);
    }
}

TEST(pair_carries_frames_of_every_size_class)
{
    static const size_t sizes[] = { 0, 1, 33, 34, 255, 256, 1023, 1024, 8192, 1000000 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *b = net_connected(&n, ZMQ_PAIR, endpoint);

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            char *sent = malloc(sizes[i] + 1), *got = malloc(sizes[i] + 1);
            CHECK(sent != NULL && got != NULL);
            for (size_t k = 0; k < sizes[i]; k++)
                sent[k] = (char)(k * 7 + i);

            CHECK_OK(zmq_send(b, sent, sizes[i], 0));
            CHECK_EQ(net_recv(a, got, sizes[i] + 1), sizes[i], "%s", *t);
            CHECK_MEM(got, sent, sizes[i]);
            free(sent);
            free(got);
        }
        net_close(&n);
    }
}

TEST(pair_without_a_peer_takes_nothing)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_PAIR);

    CHECK_ERRNO(zmq_send(s, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    test_set_int(s, ZMQ_SNDTIMEO, 1);
    CHECK_ERRNO(zmq_send(s, "x", 1, 0), EAGAIN);
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0);
    net_close(&n);
}

TEST(pair_send_blocks_until_a_peer_comes)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *b = net_connected(&n, ZMQ_PAIR, endpoint);

        test_send_strings(a, "welcome", NULL);
        test_expect_strings(b, "welcome", NULL);
        net_close(&n);
    }
}

/* The first peer stays; what others say is never heard. */
TEST(pair_has_one_peer)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *monitor = net_monitor(&n, a, ZMQ_EVENT_ACCEPTED);
        void *first = net_connected(&n, ZMQ_PAIR, endpoint);

        test_send_strings(first, "first", NULL);
        test_expect_strings(a, "first", NULL);

        void *second = net_socket(&n, ZMQ_PAIR);
        (void)zmq_connect(second, endpoint);
        (void)zmq_send(second, "second", 6, ZMQ_DONTWAIT);
        if (strcmp(*t, "inproc") != 0) {
            CHECK_EQ(net_event(monitor), ZMQ_EVENT_ACCEPTED);
            CHECK_EQ(net_event(monitor), ZMQ_EVENT_ACCEPTED);
        }
        test_send_strings(first, "first again", NULL);
        test_expect_strings(a, "first again", NULL);
        test_send_strings(a, "hello first", NULL);
        test_expect_strings(first, "hello first", NULL);
        CHECK_ERRNO(zmq_recv(second, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CHECK_OK(zmq_socket_monitor(a, NULL, 0));
        net_close(&n);
    }
}

/* (libzmq may be mute a little before it is ready for another peer.) */
TEST(pair_takes_a_new_peer_when_the_first_has_gone)
{
    if (!ON_ZINC)
        test_skip("a race in libzmq");
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *first = net_connected(&n, ZMQ_PAIR, endpoint);

        test_send_strings(first, "first", NULL);
        test_expect_strings(a, "first", NULL);
        net_leave(&n, first);
        net_wait_mute(a);

        void *second = net_connected(&n, ZMQ_PAIR, endpoint);
        test_send_strings(second, "second", NULL);
        test_expect_strings(a, "second", NULL);
        test_send_strings(a, "hello second", NULL);
        test_expect_strings(second, "hello second", NULL);
        net_close(&n);
    }
}

TEST(pair_still_reads_what_a_peer_said_that_has_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, endpoint);
        void *b = net_connected(&n, ZMQ_PAIR, endpoint);

        test_send_strings(b, "one", NULL);
        test_send_strings(b, "two", "frames", NULL);
        net_leave(&n, b);
        test_expect_strings(a, "one", NULL);
        test_expect_strings(a, "two", "frames", NULL);
        net_wait_mute(a);
        CHECK_ERRNO(zmq_recv(a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

/* Half a message is not sent, and the socket is not stuck inside it. (libzmq's PAIR
 * blocks, and gives the second half to the next peer.) */
TEST(pair_forgets_half_a_message_when_its_peer_goes)
{
    if (!ON_ZINC)
        test_skip("libzmq does otherwise");
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char first[TEST_ENDPOINT], second[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PAIR, *t, first);
        void *b = net_bound(&n, ZMQ_PAIR, *t, second);
        void *s = net_connected(&n, ZMQ_PAIR, first);

        test_send_strings(s, "whole", NULL);
        test_expect_strings(a, "whole", NULL);
        CHECK_OK(zmq_send(s, "half", 4, ZMQ_SNDMORE));
        CHECK_OK(zmq_disconnect(s, first));
        CHECK_OK(zmq_send(s, "the rest", 8, 0));
        net_wait_mute(s);
        CHECK_OK(zmq_connect(s, second));
        test_send_strings(s, "next", NULL);
        test_expect_strings(b, "next", NULL);
        CHECK_ERRNO(zmq_recv(a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

/* The connection that it has no use for is given up before it has begun. */
TEST(pair_that_connects_twice_talks_with_the_first)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoints[2][TEST_ENDPOINT];
        struct net n = net_open();
        void *pair = net_socket(&n, ZMQ_PAIR);
        void *first = net_bound(&n, ZMQ_PAIR, *t, endpoints[0]);
        net_bound(&n, ZMQ_PAIR, *t, endpoints[1]);

        CHECK_OK(zmq_connect(pair, endpoints[0]));
        for (int i = 0; i < 3; i++)
            CHECK_OK(zmq_connect(pair, endpoints[1]));
        test_send_strings(pair, "one", NULL);
        test_expect_strings(first, "one", NULL);
        test_send_strings(first, "two", NULL);
        test_expect_strings(pair, "two", NULL);
        net_close(&n);
    }
}

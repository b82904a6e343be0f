/* tests/patterns/dealer_test.c - DEALER, over each transport. */
#include "base/base.h"
#include "tests/patterns/net.h"

enum { PEERS = 3 };

TEST(dealer_sends_and_receives_as_it_likes)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_DEALER, *t, endpoint);
        void *b = net_connected(&n, ZMQ_DEALER, endpoint);

        test_send_strings(b, "one", NULL);
        test_send_strings(b, "two", "", NULL);
        test_expect_strings(a, "one", NULL);
        test_send_strings(a, "", "three", NULL);
        test_expect_strings(a, "two", "", NULL);
        test_expect_strings(b, "", "three", NULL);
        net_close(&n);
    }
}

TEST(dealer_deals_out_in_turn_and_hears_everyone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *dealer = net_socket(&n, ZMQ_DEALER), *rep[PEERS];

        for (int i = 0; i < PEERS; i++) {
            char endpoint[TEST_ENDPOINT];
            rep[i] = net_bound(&n, ZMQ_REP, *t, endpoint);
            CHECK_OK(zmq_connect(dealer, endpoint));
        }
        for (int i = 0; i < 2 * PEERS; i++)
            test_send_strings(dealer, "", "question", NULL);
        for (int i = 0; i < 2 * PEERS; i++) {
            test_expect_strings(rep[i % PEERS], "question", NULL);
            test_send_strings(rep[i % PEERS], "answer", NULL);
        }
        for (int i = 0; i < 2 * PEERS; i++)
            test_expect_strings(dealer, "", "answer", NULL);
        net_close(&n);
    }
}

TEST(dealer_without_peers_is_mute)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_DEALER, *t, endpoint);

        CHECK_ERRNO(zmq_send(a, "x", 1, ZMQ_DONTWAIT), EAGAIN);
        CHECK_EQ(test_get_int(a, ZMQ_EVENTS), 0);
        void *b = net_connected(&n, ZMQ_DEALER, endpoint);
        net_wait(a, ZMQ_POLLOUT);
        net_leave(&n, b);
        net_wait_mute(a);
        CHECK_ERRNO(zmq_send(a, "x", 1, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

TEST(dealer_forgets_half_a_message_when_its_peer_goes)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char first[TEST_ENDPOINT], second[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_DEALER, *t, first);
        void *b = net_bound(&n, ZMQ_DEALER, *t, second);
        void *s = net_connected(&n, ZMQ_DEALER, first);

        CHECK_OK(zmq_connect(s, second));
        CHECK_OK(zmq_send(s, "half", 4, ZMQ_SNDMORE));
        CHECK_OK(zmq_disconnect(s, first));
        CHECK_OK(zmq_send(s, "the rest", 8, 0));
        for (int i = 0; i < 2; i++)
            test_send_strings(s, "next", "message", NULL);
        for (int i = 0; i < 2; i++)
            test_expect_strings(b, "next", "message", NULL);
        CHECK_ERRNO(zmq_recv(a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

/* What comes to a socket while it is inside a message does not shift it. */
TEST(dealer_keeps_a_message_together_while_peers_come_and_go)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *s = net_socket(&n, ZMQ_DEALER), *peer[PEERS];
        char endpoint[PEERS][TEST_ENDPOINT];

        for (int i = 0; i < PEERS; i++)
            peer[i] = net_bound(&n, ZMQ_DEALER, *t, endpoint[i]);
        CHECK_OK(zmq_connect(s, endpoint[0]));
        CHECK_OK(zmq_connect(s, endpoint[1]));
        test_send_strings(s, "first", NULL);
        CHECK_OK(zmq_send(s, "head", 4, ZMQ_SNDMORE));
        CHECK_OK(zmq_disconnect(s, endpoint[0]));
        CHECK_OK(zmq_connect(s, endpoint[2]));
        CHECK_OK(zmq_send(s, "tail", 4, 0));
        test_expect_strings(peer[1], "head", "tail", NULL);
        net_close(&n);
    }
}

TEST(dealer_probe_tells_a_router_who_is_there)
{
    static const int types[] = { ZMQ_DEALER, ZMQ_REQ, ZMQ_ROUTER };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        for (const char *const *t = test_transports; *t != NULL; t++) {
            char endpoint[TEST_ENDPOINT];
            struct net n = net_open();
            void *router = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
            void *s = net_named(&n, types[i], "prober");

            test_set_int(s, ZMQ_PROBE_ROUTER, 1);
            CHECK_OK(zmq_connect(s, endpoint));
            test_expect_strings(router, "prober", "", NULL);
            net_close(&n);
        }
}

/* The accepting side probes too. */
TEST(dealer_probe_works_from_a_bound_socket)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *dealer = net_named(&n, ZMQ_DEALER, "prober");
        void *router = net_socket(&n, ZMQ_ROUTER);

        test_set_int(dealer, ZMQ_PROBE_ROUTER, 1);
        test_bind(dealer, *t, endpoint);
        CHECK_OK(zmq_connect(router, endpoint));
        net_wait(dealer, ZMQ_POLLOUT);
        test_expect_strings(router, "prober", "", NULL);
        net_close(&n);
    }
}

TEST(dealer_connects_once_to_one_endpoint)
{
    static const int types[] = { ZMQ_DEALER, ZMQ_REQ };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *router = net_bound(&n, ZMQ_ROUTER, "tcp", endpoint);
        void *s = net_named(&n, types[i], "once");

        test_set_int(s, ZMQ_PROBE_ROUTER, 1);
        CHECK_OK(zmq_connect(s, endpoint));
        CHECK_OK(zmq_connect(s, endpoint));
        test_expect_strings(router, "once", "", NULL);

        /* Had there been a second connection, its probe would be before this one's. */
        void *other = net_named(&n, types[i], "other");
        test_set_int(other, ZMQ_PROBE_ROUTER, 1);
        CHECK_OK(zmq_connect(other, endpoint));
        test_expect_strings(router, "other", "", NULL);
        CHECK_ERRNO(zmq_disconnect(s, "tcp://127.0.0.1:1"), ENOENT);
        CHECK_OK(zmq_disconnect(s, endpoint));
        CHECK_ERRNO(zmq_disconnect(s, endpoint), ENOENT);
        net_close(&n);
    }
}

TEST(dealer_still_reads_what_a_peer_said_that_has_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_DEALER, *t, endpoint);
        void *b = net_connected(&n, ZMQ_DEALER, endpoint);

        test_send_strings(b, "one", "frame", NULL);
        test_send_strings(b, "two", NULL);
        net_leave(&n, b);
        net_wait(a, ZMQ_POLLIN);

        char got[8];
        CHECK_EQ(net_recv(a, got, sizeof(got)), 3);
        net_wait_mute(a);
        test_expect_strings(a, "frame", NULL);
        test_expect_strings(a, "two", NULL);
        CHECK_ERRNO(zmq_recv(a, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

/* Also to a binder that comes later, and then not between the parts of a message. */
TEST(dealer_says_hello_before_all_else)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_socket(&n, ZMQ_DEALER), *b = net_socket(&n, ZMQ_DEALER);

        CHECK_OK(zmq_setsockopt(b, ZMQ_HELLO_MSG, "hello", 5));
        test_bind(a, *t, endpoint);
        CHECK_OK(zmq_connect(b, endpoint));
        test_send_strings(b, "one", NULL);
        test_expect_strings(a, "hello", NULL);
        test_expect_strings(a, "one", NULL);
        net_close(&n);
    }

    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_DEALER), *b = net_socket(&n, ZMQ_DEALER);
    CHECK_OK(zmq_setsockopt(a, ZMQ_HELLO_MSG, "welcome", 7));
    CHECK_OK(zmq_setsockopt(b, ZMQ_HELLO_MSG, "hello", 5));
    CHECK_OK(zmq_connect(b, "inproc://hello"));
    test_send_strings(b, "one", NULL);
    CHECK_EQ(zmq_send(b, "two", 3, ZMQ_SNDMORE), 3);
    CHECK_OK(zmq_bind(a, "inproc://hello"));
    test_send_strings(b, "parts", NULL);
    test_expect_strings(a, "hello", NULL);
    test_expect_strings(a, "one", NULL);
    test_expect_strings(a, "two", "parts", NULL);
    test_expect_strings(b, "welcome", NULL);
    net_close(&n);
}

TEST(dealer_says_hello_whole_however_long_it_is)
{
    static const size_t sizes[] = { 65526, 65527, 65536, 70000, 300000 };
    static char hello[300000], got[300001];

    for (size_t i = 0; i < sizeof hello; i++)
        hello[i] = (char)(i * 31 + (i >> 8));
    for (const char *const *t = test_transports; *t != NULL; t++) {
        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            char endpoint[TEST_ENDPOINT];
            struct net n = net_open();
            void *a = net_socket(&n, ZMQ_DEALER), *b = net_socket(&n, ZMQ_DEALER);

            CHECK_OK(zmq_setsockopt(b, ZMQ_HELLO_MSG, hello, sizes[i]));
            test_bind(a, *t, endpoint);
            CHECK_OK(zmq_connect(b, endpoint));
            test_send_strings(b, "one", NULL);
            test_send_strings(b, "two", "parts", NULL);
            CHECK_EQ(zmq_recv(a, got, sizeof got, 0), sizes[i], "%s", *t);
            CHECK_MEM(got, hello, sizes[i]);
            test_expect_strings(a, "one", NULL);
            test_expect_strings(a, "two", "parts", NULL);
            net_close(&n);
        }
    }
}

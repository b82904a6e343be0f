/* tests/patterns/peer_test.c - PEER, over each transport. */
#include "tests/patterns/numbers.h"

static uint32_t connect_peer(void *s, const char *endpoint)
{
    uint32_t number = zmq_connect_peer(s, endpoint);

    CHECK(number != 0, "%s: %s", endpoint, zmq_strerror(errno));
    return number;
}

TEST(peer_tells_what_it_is_and_refuses_what_it_cannot)
{
    struct net n = net_open();
    void *peer = net_socket(&n, ZMQ_PEER);
    size_t size = sizeof(int);
    int fd;

    CHECK_EQ(test_get_int(peer, ZMQ_TYPE), ZMQ_PEER);
    CHECK_EQ(test_get_int(peer, ZMQ_THREAD_SAFE), 1);
    CHECK_EQ(test_get_int(peer, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_ERRNO(zmq_getsockopt(peer, ZMQ_FD, &fd, &size), EINVAL);
    CHECK_ERRNO(zmq_send(peer, "x", 1, 0), EHOSTUNREACH);
    CHECK_ERRNO(zmq_send(peer, "x", 1, ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_recv(peer, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_disconnect_peer(peer, 1), EHOSTUNREACH);
    net_close(&n);
}

TEST(connect_peer_says_why_it_failed)
{
    struct net n = net_open();
    void *peer = net_socket(&n, ZMQ_PEER), *pair = net_socket(&n, ZMQ_PAIR);
    static const struct {
        const char *endpoint;
        int err;
    } cases[] = {
        { NULL, EINVAL },
        { "nonsense", EINVAL },
        { "tcp://127.0.0.1:port", EINVAL },
        { "smtp://127.0.0.1:1", EPROTONOSUPPORT },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_EQ(zmq_connect_peer(peer, cases[i].endpoint), 0);
        CHECK_EQ(errno, cases[i].err, "case %zu", i);
    }
    CHECK_EQ(zmq_connect_peer(NULL, "inproc://a"), 0);
    CHECK_EQ(errno, ENOTSOCK);
    CHECK_EQ(zmq_connect_peer(pair, "inproc://a"), 0);
    CHECK_EQ(errno, ENOTSUP);
    CHECK_ERRNO(zmq_disconnect_peer(pair, 1), ENOTSUP);
    CHECK_ERRNO(zmq_disconnect_peer(NULL, 1), ENOTSOCK);
    test_set_int(peer, ZMQ_IMMEDIATE, 1);
    CHECK_EQ(zmq_connect_peer(peer, "inproc://a"), 0);
    CHECK_EQ(errno, EFAULT);

    CHECK_OK(zmq_ctx_shutdown(n.ctx));
    CHECK_EQ(zmq_connect_peer(peer, "inproc://a"), 0);
    CHECK_EQ(errno, ETERM);
    CHECK_ERRNO(zmq_disconnect_peer(peer, 1), ETERM);
    net_close(&n);
}

TEST(peers_talk_by_number)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PEER, *t, endpoint), *b = net_socket(&n, ZMQ_PEER);
        uint32_t to_a = connect_peer(b, endpoint);

        send_to(b, to_a, "first");
        uint32_t to_b = recv_from(a, "first");
        CHECK(to_b != 0);
        for (int i = 0; i < 3; i++) {
            send_to(a, to_b, "ping");
            CHECK_EQ(recv_from(b, "ping"), to_a, "%s", *t);
            send_to(b, to_a, "pong");
            CHECK_EQ(recv_from(a, "pong"), to_b, "%s", *t);
        }
        net_close(&n);
    }
}

/* Messages wait for whoever is not there yet. */
TEST(peer_has_a_number_before_there_is_anybody)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_socket(&n, ZMQ_PEER), *b = net_socket(&n, ZMQ_PEER);

        test_fixed_endpoint(*t, endpoint);
        uint32_t to_a = connect_peer(b, endpoint);
        send_to(b, to_a, "early");
        CHECK_OK(zmq_bind(a, endpoint));
        uint32_t to_b = recv_from(a, "early");
        send_to(a, to_b, "late");
        CHECK_EQ(recv_from(b, "late"), to_a, "%s", *t);
        net_close(&n);
    }
}

TEST(peer_tells_its_many_peers_apart)
{
    enum { PEERS = 8 };

    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *hub = net_socket(&n, ZMQ_PEER), *peer[PEERS];
        uint32_t number[PEERS];

        for (int i = 0; i < PEERS; i++) {
            char endpoint[TEST_ENDPOINT];
            peer[i] = net_bound(&n, ZMQ_PEER, *t, endpoint);
            number[i] = connect_peer(hub, endpoint);
            for (int j = 0; j < i; j++)
                CHECK(number[j] != number[i]);
        }
        for (int i = PEERS; i-- > 0;) {
            char text[2] = { (char)('a' + i), 0 };
            send_to(hub, number[i], text);
            send_to(peer[i], recv_from(peer[i], text), text);
            CHECK_EQ(recv_from(hub, text), number[i], "%s, peer %d", *t, i);
        }
        net_close(&n);
    }
}

TEST(peer_that_was_disconnected_is_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PEER, *t, endpoint), *b = net_socket(&n, ZMQ_PEER);
        uint32_t to_a = connect_peer(b, endpoint);

        send_to(b, to_a, "x");
        uint32_t to_b = recv_from(a, "x");
        CHECK_OK(zmq_disconnect_peer(b, to_a));
        CHECK_ERRNO(send_to_flags(b, to_a, "x", 0), EHOSTUNREACH);
        CHECK_ERRNO(zmq_disconnect_peer(b, to_a), EHOSTUNREACH);
        wait_unreachable(a, to_b);

        uint32_t again = connect_peer(b, endpoint);
        CHECK(again != to_a);
        send_to(b, again, "y");
        CHECK(recv_from(a, "y") != to_b);
        net_close(&n);
    }
}

/* Else a socket that talks to many, each for a while, would keep something of all of them. */
TEST(peer_that_was_disconnected_is_an_endpoint_no_more)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_PEER, *t, endpoint), *b = net_socket(&n, ZMQ_PEER);
        uint32_t one = connect_peer(b, endpoint), other = connect_peer(b, endpoint);

        CHECK_OK(zmq_disconnect_peer(b, one));
        send_to(b, other, "still there");
        recv_from(a, "still there");
        CHECK_OK(zmq_disconnect_peer(b, other));
        CHECK_ERRNO(zmq_disconnect(b, endpoint), ENOENT);
        CHECK_OK(zmq_unbind(a, endpoint));
        net_close(&n);
    }
}

/* ROUTER's options mean nothing to it: numbers are not the peers' to choose. */
TEST(peer_keeps_its_number_when_the_other_side_comes_back)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *a = net_bound(&n, ZMQ_PEER, "tcp", endpoint), *b = net_socket(&n, ZMQ_PEER);

    test_set_int(b, ZMQ_RECONNECT_IVL, 1);
    uint32_t to_a = connect_peer(b, endpoint);
    void *monitor =
        net_monitor(&n, b, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    send_to(b, to_a, "x");
    recv_from(a, "x");
    net_leave(&n, a);
    while (net_event(monitor) != ZMQ_EVENT_DISCONNECTED)
        continue;
    a = net_socket(&n, ZMQ_PEER);
    CHECK_OK(zmq_bind(a, endpoint));
    send_to(b, to_a, "y");
    send_to(a, recv_from(a, "y"), "z");
    CHECK_EQ(recv_from(b, "z"), to_a);
    net_close(&n);
}

TEST(peer_waits_for_one_that_is_full)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_PEER), *b = net_socket(&n, ZMQ_PEER);

    test_set_int(a, ZMQ_RCVHWM, 1);
    test_set_int(b, ZMQ_SNDHWM, 1);
    test_bind(a, "inproc", endpoint);
    uint32_t to_a = connect_peer(b, endpoint);
    send_to(b, to_a, "1");
    send_to(b, to_a, "2");
    CHECK_ERRNO(send_to_flags(b, to_a, "3", ZMQ_DONTWAIT), EAGAIN);
    recv_from(a, "1");
    send_to(b, to_a, "3");
    recv_from(a, "2");
    recv_from(a, "3");
    net_close(&n);
}

/* ---- Threads: each connects to a peer of its own, all through one socket. */

enum { THREADS = 4, ROUNDS = 100 };

struct caller {
    void *ctx, *shared;
    const char *transport;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    char endpoint[TEST_ENDPOINT];
    struct net n = { .ctx = c->ctx };
    void *own = net_bound(&n, ZMQ_PEER, c->transport, endpoint);
    uint32_t number = connect_peer(c->shared, endpoint);

    for (int i = 0; i < ROUNDS / test_patience(); i++) {
        send_to(c->shared, number, "x");
        recv_from(own, "x");
    }
    CHECK_OK(zmq_disconnect_peer(c->shared, number));
    net_leave(&n, own);
    return NULL;
}

TEST(threads_connect_and_disconnect_peers_of_one_socket)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        struct caller c = { n.ctx, net_socket(&n, ZMQ_PEER), *t };
        struct test_thread *threads[THREADS];

        for (int i = 0; i < THREADS; i++)
            threads[i] = test_thread_start(call, &c);
        for (int i = 0; i < THREADS; i++)
            test_thread_join(threads[i]);
        net_close(&n);
    }
}

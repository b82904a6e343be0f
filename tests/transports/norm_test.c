/* tests/transports/norm_test.c - norm:// over loopback; tests/interop/multicast.py has it on
 * a wire, with losses and with libzmq. */
#include "tests/faults.h"
#include "tests/transports/multicast.h"

#ifdef ZN_HAVE_NORM

CAST_TESTS(norm)

TEST(norm_reaches_one_receiver_by_unicast)
{
    struct cast c = cast_open("norm", FAST);

    snprintf(c.endpoint, sizeof(c.endpoint), "norm://127.0.0.1:%d", test_free_port());
    void *sub = cast_subscriber(&c, ""), *pub = cast_publisher(&c);
    for (unsigned i = 0; i < 50; i++) {
        send_filled(pub, i * 100, i, 0);
        expect_filled(sub, i * 100, i, 0);
    }
    cast_close(&c);
}

TEST(norm_takes_an_id_and_an_interface_by_name)
{
    struct cast c = cast_open("norm", FAST);
    int port = test_free_port();

    snprintf(c.endpoint, sizeof(c.endpoint), "norm://77,lo;239.77.77.77:%d", port);
    void *sub = cast_subscriber(&c, "");
    snprintf(c.endpoint, sizeof(c.endpoint), "norm://78,127.0.0.1;239.77.77.77:%d", port);
    void *pub = cast_publisher(&c);
    test_send_strings(pub, "a", NULL);
    test_expect_strings(sub, "a", NULL);
    cast_close(&c);
}

/* libzmq's process ends itself for these, or takes them and hears nothing. */
TEST(norm_refuses_what_is_no_address)
{
    static const char *const endpoints[] = {
        "norm://239.1.1.1",          "norm://239.1.1.1:",        "norm://239.1.1.1:0",
        "norm://239.1.1.1:x",        "norm://239.1.1.1:70000",   "norm://:5",
        "norm://lo;:5",              "norm://nosuchif;239.1.1.1:5", "norm://name.invalid:5",
        "norm://x,239.1.1.1:5",      "norm://0,239.1.1.1:5",     "norm://lo;*:5",
        "norm://300.1.1.1:5",
    };
    struct cast c = cast_open("norm", FAST);

    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        cast_refuses(&c, endpoints[i], EINVAL);
    cast_close(&c);
}

TEST(norm_refuses_options_that_it_cannot_follow)
{
    struct cast c = cast_open("norm", FAST);

    cast_refuses_option(&c, ZMQ_NORM_SEGMENT_SIZE, 65001, 1);
    cast_refuses_option(&c, ZMQ_NORM_SEGMENT_SIZE, 65000, 0);
    cast_refuses_option(&c, ZMQ_NORM_BLOCK_SIZE, 252, 1);
    cast_refuses_option(&c, ZMQ_NORM_BLOCK_SIZE, 251, 0);
    cast_refuses_option(&c, ZMQ_NORM_NUM_PARITY, 240, 1);
    cast_refuses_option(&c, ZMQ_NORM_NUM_AUTOPARITY, 5, 1);
    cast_refuses_option(&c, ZMQ_NORM_NUM_AUTOPARITY, 4, 0);
    cast_refuses_option(&c, ZMQ_NORM_BUFFER_SIZE, 4194304, 3);
    cast_refuses_option(&c, ZMQ_MULTICAST_HOPS, 256, 3);
    cast_refuses_option(&c, ZMQ_MULTICAST_HOPS, 255, 0);
    cast_refuses_option(&c, ZMQ_TOS, 256, 3);
    cast_close(&c);
}

/* Each takes its messages; what they do to the rate is between libnorm and the network. */
TEST(norm_has_all_its_modes)
{
    for (int mode = ZMQ_NORM_FIXED; mode <= ZMQ_NORM_CCE_ECNONLY; mode++) {
        struct cast c = cast_open("norm", FAST);
        void *sub = cast_subscriber(&c, ""), *pub = cast_socket(&c, ZMQ_PUB);
        test_set_int(pub, ZMQ_NORM_MODE, mode);
        test_set_int(pub, ZMQ_NORM_PUSH, 1);
        test_set_int(pub, ZMQ_NORM_SEGMENT_SIZE, 500);
        test_set_int(pub, ZMQ_NORM_NUM_AUTOPARITY, 2);
        CHECK_OK(zmq_bind(pub, c.endpoint));
        send_filled(pub, 100, 1, ZMQ_SNDMORE);
        send_filled(pub, 200, 2, 0);
        expect_filled(sub, 100, 1, 1);
        expect_filled(sub, 200, 2, 0);
        cast_close(&c);
    }
}

static unsigned receive_all(void *s, unsigned n)
{
    unsigned got = 0;
    while (got < n && zmq_recv(s, NULL, 0, ZMQ_DONTWAIT) >= 0)
        got++;
    return got;
}

/* It begins with ZMQ_RATE: libnorm's slow start, of a segment each half a second, would be
 * overtaken by a publisher that keeps to 64 kbit/s. */
TEST(norm_with_congestion_control_begins_with_the_given_rate)
{
    enum { N = 60, SIZE = 400 };
    struct cast adapts = cast_open("norm", FAST), keeps = cast_open("norm", 64);
    void *quick = cast_subscriber(&adapts, ""), *slow = cast_subscriber(&keeps, "");
    void *pub = cast_socket(&adapts, ZMQ_PUB), *other = cast_publisher(&keeps);
    unsigned left = N, left_slow = N;

    test_set_int(pub, ZMQ_NORM_MODE, ZMQ_NORM_CC);
    CHECK_OK(zmq_bind(pub, adapts.endpoint));
    for (unsigned i = 0; i < N; i++) {
        send_filled(pub, SIZE, i, 0);
        send_filled(other, SIZE, i, 0);
    }
    while (left > 0 && left_slow > 0) {
        zmq_pollitem_t items[] = { { quick, 0, ZMQ_POLLIN, 0 },
                                   { slow, 0, ZMQ_POLLIN, 0 } };
        CHECK(zmq_poll(items, 2, NET_PATIENCE) > 0, "nothing comes");
        left -= receive_all(quick, left);
        left_slow -= receive_all(slow, left_slow);
    }
    CHECK_EQ(left, 0);
    cast_close(&adapts);
    cast_close(&keeps);
}

TEST(norm_says_so_when_there_is_no_memory_or_descriptor)
{
    static const enum zn_fault_kind kinds[] = { ZN_FAULT_ALLOC, ZN_FAULT_CALL };
    struct cast c = cast_open("norm", FAST);
    void *sub = cast_subscriber(&c, ""), *pub = cast_socket(&c, ZMQ_PUB);

    for (int i = 0; i < 2; i++) {
        for (uint64_t n = 1;; n++) {
            faults_arm(kinds[i], n);
            int rc = zmq_bind(pub, c.endpoint), err = errno;
            faults_disarm();
            CHECK(rc == 0 || err == ENOMEM || err == EMFILE || err == EINVAL, "%s: %s",
                  faults_site(), zmq_strerror(err));
            if (rc == 0)
                CHECK_OK(zmq_unbind(pub, c.endpoint));
            if (faults_struck() == 0)
                break;
        }
    }
    CHECK_OK(zmq_bind(pub, c.endpoint));
    test_send_strings(pub, "still", "here", NULL);
    test_expect_strings(sub, "still", "here", NULL);
    cast_close(&c);
}

TEST(norm_is_something_that_the_library_has)
{
    CHECK_EQ(zmq_has("norm"), 1);
}

#else

TEST(norm_is_nothing_that_the_library_has)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_PUB);

    CHECK_EQ(zmq_has("norm"), 0);
    CHECK_ERRNO(zmq_bind(s, "norm://239.1.1.1:5"), EPROTONOSUPPORT);
    net_close(&n);
}

#endif

/* tests/transports/inproc_test.c - what a socket keeps of its connects over inproc. */
#include "tests/api/api.h"

static bool has_nobody(void *s)
{
    return test_get_int(s, ZMQ_EVENTS) == 0;
}

/* As with libzmq: there is no connection that could come again. A socket that meets many that
 * come and go, each by a name of its own, would keep something of all of them. */
TEST(connect_is_forgotten_once_its_peer_has_gone)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);

    for (int bound_first = 0; bound_first < 2; bound_first++) {
        void *in = open_socket(ctx, ZMQ_PULL);
        if (bound_first)
            CHECK_OK(zmq_bind(in, "inproc://x"));
        connect_to(out, "inproc://x");
        if (!bound_first)
            CHECK_OK(zmq_bind(in, "inproc://x"));
        send_text(out, "whole");
        expect_text(in, "whole");
        close_socket(in);
        test_wait_until(has_nobody, out, 10);
        REFUSED(zmq_disconnect(out, "inproc://x"), ENOENT, "%d", bound_first);
    }
    close_socket(out);
    end_ctx(ctx);
}

/* What its peer has left behind is still there, and so is the connect. */
TEST(connect_stays_while_there_is_something_of_its_peer_to_read)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);

    CHECK_OK(zmq_bind(out, "inproc://x"));
    connect_to(in, "inproc://x");
    send_text(out, "first");
    send_text(out, "second");
    close_socket(out);
    expect_text(in, "first");
    CHECK_OK(zmq_disconnect(in, "inproc://x"));
    REFUSED(zmq_recv(in, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "discarded");
    REFUSED(zmq_disconnect(in, "inproc://x"), ENOENT, "twice");
    close_socket(in);
    end_ctx(ctx);
}

/* ---- many ---- */

static double cost_of_closing(int connects, bool bound)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);

    for (int i = 0; i < connects; i++)
        connect_to(out, "inproc://x");
    if (bound)
        CHECK_OK(zmq_bind(in, "inproc://x"));
    double before = test_cpu_seconds();
    close_socket(out);
    double cost = test_cpu_seconds() - before;
    close_socket(in);
    end_ctx(ctx);
    return cost;
}

/* Four times the connects cost some four times as much: not sixteen. */
TEST(closing_many_connects_costs_no_more_than_they_are)
{
    enum { MANY = 20000 };

    for (int bound = 0; bound < 2; bound++) {
        double quarter = cost_of_closing(MANY / 4, bound);
        double whole = cost_of_closing(MANY, bound);
        CHECK(whole < 6 * quarter + 0.1, "%d took %.2f s, %d %.2f s", MANY / 4, quarter,
              MANY, whole);
    }
}

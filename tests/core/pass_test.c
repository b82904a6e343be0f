/* tests/core/pass_test.c - frames that go from one socket to another as they lie. */
#include "core/socket.h"
#include "tests/test.h"
#include "zmq.h"

enum { MANY = 100000 };

static struct zn_pass plenty(void)
{
    return (struct zn_pass){ .frames_most = 1000, .bytes_most = 100000 };
}

/* Two pairs of PAIRs: what goes into outer[i] comes out of inner[i]. */
struct line {
    void *ctx, *outer[2], *inner[2];
};

static void open_line(struct line *l)
{
    static const char *const endpoints[] = { "inproc://one", "inproc://other" };

    l->ctx = zmq_ctx_new();
    for (int i = 0; i < 2; i++) {
        l->outer[i] = test_socket(l->ctx, ZMQ_PAIR);
        l->inner[i] = test_socket(l->ctx, ZMQ_PAIR);
        CHECK_OK(zmq_bind(l->outer[i], endpoints[i]));
        CHECK_OK(zmq_connect(l->inner[i], endpoints[i]));
    }
}

static void close_line(struct line *l)
{
    for (int i = 0; i < 2; i++) {
        CHECK_OK(zmq_close(l->outer[i]));
        CHECK_OK(zmq_close(l->inner[i]));
    }
    CHECK_OK(zmq_ctx_term(l->ctx));
}

TEST(pass_moves_so_many_frames_and_bytes)
{
    struct line l;
    struct zn_pass p;

    open_line(&l);
    test_send_strings(l.outer[0], "a", "bb", "ccc", NULL);
    test_send_strings(l.outer[0], "dddd", NULL);

    p = (struct zn_pass){ .frames_most = 2, .bytes_most = 100 };
    zn_socket_pass(l.inner[0], l.inner[1], &p);
    CHECK_EQ(p.frames, 2);
    CHECK_EQ(p.bytes, 3);
    CHECK_EQ(p.messages, 0);
    CHECK(p.inside);
    test_expect_nothing(l.outer[1], 0);  /* a message is whole, or is not there */

    p = (struct zn_pass){ .frames_most = 100, .bytes_most = 4 };
    zn_socket_pass(l.inner[0], l.inner[1], &p);
    CHECK_EQ(p.frames, 2);
    CHECK_EQ(p.bytes, 7);
    CHECK_EQ(p.messages, 2);
    CHECK(!p.inside);
    test_expect_strings(l.outer[1], "a", "bb", "ccc", NULL);
    test_expect_strings(l.outer[1], "dddd", NULL);

    p = plenty();
    zn_socket_pass(l.inner[0], l.inner[1], &p);
    CHECK_EQ(p.frames, 0);
    close_line(&l);
}

TEST(pass_leaves_what_is_refused_to_be_received)
{
    struct line l;

    open_line(&l);
    void *out = test_socket(l.ctx, ZMQ_PUSH);    /* has nobody to send to */
    test_send_strings(l.outer[0], "one", "two", NULL);
    for (int i = 0; i < 3; i++) {
        struct zn_pass p = plenty();
        zn_socket_pass(l.inner[0], out, &p);
        CHECK_EQ(p.frames, 0);
    }
    test_expect_strings(l.inner[0], "one", "two", NULL);
    CHECK_OK(zmq_close(out));
    close_line(&l);
}

/* Small and large, which is shared. */
TEST(what_is_refused_leaves_its_queue_once_events_are_asked_for)
{
    static const size_t sizes[] = { 1, 10000 };
    static char bytes[10000];

    for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
        void *ctx = zmq_ctx_new(), *out = test_socket(ctx, ZMQ_PUSH);
        void *in = test_socket(ctx, ZMQ_PULL), *nowhere = test_socket(ctx, ZMQ_PUSH);
        struct zn_pass p = plenty();

        test_set_int(out, ZMQ_SNDHWM, 1);
        test_set_int(in, ZMQ_RCVHWM, 1);
        CHECK_OK(zmq_bind(in, "inproc://in"));
        CHECK_OK(zmq_connect(out, "inproc://in"));
        for (int n = 0; n < 2; n++)
            CHECK_OK(zmq_send(out, bytes, sizes[i], ZMQ_DONTWAIT));
        zn_socket_pass(in, nowhere, &p);
        CHECK_ERRNO(zmq_send(out, bytes, sizes[i], ZMQ_DONTWAIT), EAGAIN);
        CHECK_EQ(test_get_int(in, ZMQ_EVENTS), ZMQ_POLLIN);
        CHECK_OK(zmq_send(out, bytes, sizes[i], ZMQ_DONTWAIT));
        for (int n = 0; n < 3; n++)
            CHECK_EQ(zmq_recv(in, bytes, sizeof bytes, ZMQ_DONTWAIT), sizes[i]);
        CHECK_OK(zmq_close(in));
        CHECK_OK(zmq_close(out));
        CHECK_OK(zmq_close(nowhere));
        CHECK_OK(zmq_ctx_term(ctx));
    }
}

/* The first frame is given back while the second one is stuck, then the peer goes. */
TEST(a_message_that_was_given_back_is_whole_when_its_peer_has_gone)
{
    struct line l;
    struct zn_pass p = plenty();
    zmq_msg_t first;

    open_line(&l);
    void *nowhere = test_socket(l.ctx, ZMQ_PUSH);
    test_send_strings(l.outer[0], "a", "bb", "ccc", "dddd", NULL);
    CHECK_OK(zmq_msg_init(&first));
    CHECK_EQ(zmq_msg_recv(&first, l.inner[0], 0), 1);
    zn_socket_pass(l.inner[0], nowhere, &p);
    CHECK_EQ(p.frames, 0);
    CHECK_OK(zn_socket_unread(l.inner[0], (struct zn_msg *)(void *)&first, false));
    CHECK_OK(zmq_disconnect(l.inner[0], "inproc://one"));
    test_expect_strings(l.inner[0], "a", "bb", "ccc", "dddd", NULL);
    test_expect_nothing(l.inner[0], 0);
    CHECK_OK(zmq_msg_close(&first));
    CHECK_OK(zmq_close(nowhere));
    close_line(&l);
}

TEST(pass_does_nothing_with_what_is_no_socket)
{
    struct line l;
    struct zn_pass p = plenty();

    open_line(&l);
    test_send_strings(l.outer[0], "x", NULL);
    zn_socket_pass(l.inner[0], l.inner[0], &p);
    zn_socket_pass(l.inner[0], &p, &p);
    zn_socket_pass(&p, l.inner[0], &p);
    zn_socket_pass(NULL, NULL, &p);
    CHECK_OK(zmq_ctx_shutdown(l.ctx));
    zn_socket_pass(l.inner[0], l.inner[1], &p);
    CHECK_EQ(p.frames, 0);
    close_line(&l);
}

struct crossing {
    void *from, *to;
};

static void *pass_often(void *arg)
{
    const struct crossing *c = arg;

    for (int i = 0; i < MANY; i++) {
        struct zn_pass p = plenty();
        zn_socket_pass(c->from, c->to, &p);
        CHECK_EQ(p.frames, 0);
    }
    return NULL;
}

/* Each has one's lock when it wants the other's. */
TEST(passes_that_cross_do_not_wait_for_each_other)
{
    struct line l;

    open_line(&l);
    struct crossing there = { l.inner[0], l.inner[1] }, back = { l.inner[1], l.inner[0] };
    struct test_thread *other = test_thread_start(pass_often, &back);
    pass_often(&there);
    test_thread_join(other);
    close_line(&l);
}

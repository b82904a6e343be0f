/* hwm_test.c - high-water marks, time-outs of send and recv, and CONFLATE. */

#include "tests/api/sleeper.h"

/* libzmq looks for room only now and then, or when asked for its events. */
static int send_now(void *s, const char *text)
{
    int rc = zmq_send(s, text, strlen(text), ZMQ_DONTWAIT);

    if (rc < 0 && errno == EAGAIN && test_get_int(s, ZMQ_EVENTS) >= 0)
        rc = zmq_send(s, text, strlen(text), ZMQ_DONTWAIT);
    return rc;
}

/* Sends small messages until refused, at most limit; returns how many went. */
static int fill(void *s, int limit)
{
    char text[16];
    int n = 0;

    for (; n < limit; n++) {
        snprintf(text, sizeof text, "%d", n);
        if (send_now(s, text) < 0) {
            CHECK_EQ(errno, EAGAIN);
            break;
        }
    }
    return n;
}

static void expect_numbers(void *s, int from, int to)
{
    char text[16];

    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text, "%d", i);
        expect_text(s, text);
    }
}

static void expect_empty(void *s)
{
    REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "queue should be empty");
}

TEST(inproc_holds_exactly_both_marks_together)
{
    static const struct {
        int sndhwm, rcvhwm, total;
    } cases[] = {
        { 1, 1, 2 },        { 3, 4, 7 },  { 10, 1, 11 }, { 1, 10, 11 },
        { 500, 700, 1200 }, { 0, 5, -1 }, { 5, 0, -1 },  { 0, 0, -1 },
    };
    static const struct {
        int out, in;
    } types[] = {
        { ZMQ_PUSH, ZMQ_PULL },
        { ZMQ_DEALER, ZMQ_DEALER },
        { ZMQ_PAIR, ZMQ_PAIR },
    };
    enum { UNLIMITED = 20000 };

    for (size_t i = 0; i < ZN_COUNT(cases) * ZN_COUNT(types) * 2; i++) {
        size_t c = i % ZN_COUNT(cases), t = i / ZN_COUNT(cases) % ZN_COUNT(types);
        int bind_first = i / ZN_COUNT(cases) / ZN_COUNT(types) == 0;
        int want = cases[c].total < 0 ? UNLIMITED : cases[c].total;
        void *ctx = open_ctx();
        void *out = open_socket(ctx, types[t].out), *in = open_socket(ctx, types[t].in);

        test_set_int(out, ZMQ_SNDHWM, cases[c].sndhwm);
        test_set_int(in, ZMQ_RCVHWM, cases[c].rcvhwm);
        if (bind_first)
            CHECK_OK(zmq_bind(in, "inproc://x"));
        connect_to(out, "inproc://x");
        if (!bind_first)
            CHECK_OK(zmq_bind(in, "inproc://x"));
        CHECK_EQ(fill(out, UNLIMITED), want, "SNDHWM %d, RCVHWM %d, type %d",
                 cases[c].sndhwm, cases[c].rcvhwm, types[t].out);
        expect_numbers(in, 0, want);
        expect_empty(in);
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

/* zinc: libzmq's reader acknowledges in steps of half its mark. */
TEST(every_message_read_makes_room_for_one_more)
{
    void *ctx = open_ctx();
    void *out = open_socket(ctx, ZMQ_PUSH), *in = open_socket(ctx, ZMQ_PULL);

    test_set_int(out, ZMQ_SNDHWM, 3);
    test_set_int(in, ZMQ_RCVHWM, 4);
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    CHECK_EQ(fill(out, 100), 7);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(zmq_recv(in, NULL, 0, 0));
        CHECK_EQ(fill(out, 100), 1, "after %d more", i);
    }
    for (int i = 0; i < 7; i++)
        CHECK_OK(zmq_recv(in, NULL, 0, 0));
    CHECK_EQ(fill(out, 100), 7, "after all");
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

TEST(messages_wait_for_a_first_connection_up_to_the_mark)
{
    static const struct {
        int type, peer;
    } types[] = {
        { ZMQ_PUSH, ZMQ_PULL },
        { ZMQ_DEALER, ZMQ_DEALER },
        { ZMQ_PAIR, ZMQ_PAIR },
    };
    static const int marks[] = { 1, 2, 7, 1000 };

    for (size_t i = 0; i < ZN_COUNT(types) * ZN_COUNT(marks); i++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, types[i % ZN_COUNT(types)].type);
        void *in = open_socket(ctx, types[i % ZN_COUNT(types)].peer);
        int mark = marks[i / ZN_COUNT(types)];
        char endpoint[ENDPOINT_MAX];

        bind_to(in, "tcp://127.0.0.1:*", endpoint);   /* only to learn a free port */
        CHECK_OK(zmq_unbind(in, endpoint));
        test_set_int(out, ZMQ_SNDHWM, mark);
        connect_to(out, endpoint);
        CHECK_EQ(fill(out, 5000), mark, "SNDHWM %d", mark);
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

TEST(mark_counts_messages_not_frames)
{
    void *ctx = open_ctx();
    void *out = open_socket(ctx, ZMQ_PUSH), *in = open_socket(ctx, ZMQ_PULL);

    test_set_int(out, ZMQ_SNDHWM, 2);
    test_set_int(in, ZMQ_RCVHWM, 1);
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 50; j++)              /* never stopped half-way */
            CHECK_OK(zmq_send(out, "part", 4, ZMQ_SNDMORE | ZMQ_DONTWAIT));
        CHECK_OK(zmq_send(out, "last", 4, ZMQ_DONTWAIT));
    }
    REFUSED(zmq_send(out, "part", 4, ZMQ_SNDMORE | ZMQ_DONTWAIT), EAGAIN, "fourth");
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 50; j++)
            expect_flags(in, "part", 1);
        expect_flags(in, "last", 0);
    }
    expect_empty(in);
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

TEST(marks_change_live)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    test_set_int(out, ZMQ_SNDHWM, 3);
    connect_to(out, endpoint);
    CHECK_EQ(fill(out, 2), 2);
    test_set_int(out, ZMQ_SNDHWM, 2000);
    CHECK_EQ(fill(out, 1000), 1000, "raised");
    test_set_int(out, ZMQ_SNDHWM, 5);
    CHECK_EQ(fill(out, 100), 0, "lowered");
    CHECK_OK(zmq_bind(in, endpoint));
    expect_numbers(in, 0, 2);
    expect_numbers(in, 0, 1000);
    expect_empty(in);
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

/* zinc: in libzmq a pipe that was full once waits for its reader all the same. */
TEST(raised_mark_makes_room_in_a_full_queue)
{
    void *ctx = open_ctx();
    void *out = open_socket(ctx, ZMQ_PUSH), *in = open_socket(ctx, ZMQ_PULL);

    test_set_int(out, ZMQ_SNDHWM, 1);
    test_set_int(in, ZMQ_RCVHWM, 1);
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    CHECK_EQ(fill(out, 100), 2);
    test_set_int(out, ZMQ_SNDHWM, 4);
    CHECK_EQ(fill(out, 100), 3, "sender's mark");
    test_set_int(in, ZMQ_RCVHWM, 3);
    CHECK_EQ(fill(out, 100), 2, "receiver's mark");
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

TEST(slow_reader_over_a_transport_stops_the_sender_and_loses_nothing)
{
    enum { BIG = 100 * 1024, MARK = 4 };

    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *in = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];
        static char big[BIG];
        int sent = 0;

        test_set_int(out, ZMQ_SNDHWM, MARK);
        test_set_int(in, ZMQ_RCVHWM, MARK);
        bind_to(in, each_transport[t], endpoint);
        connect_to(out, endpoint);
        test_set_int(out, ZMQ_SNDTIMEO, 300);     /* full for so long: full */
        for (;; sent++) {
            memcpy(big, &sent, sizeof sent);
            if (zmq_send(out, big, BIG, 0) < 0)
                break;
            CHECK(sent < 2000, "no mark stops the sender");
        }
        CHECK_EQ(errno, EAGAIN);
        for (int i = 0, n; i < sent; i++) {
            CHECK_EQ(zmq_recv(in, big, BIG, 0), BIG);
            memcpy(&n, big, sizeof n);
            CHECK_EQ(n, i, "order");
        }
        expect_empty(in);
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

TEST(publisher_drops_for_the_full_peer_and_keeps_the_oldest)
{
    static const int types[] = { ZMQ_PUB, ZMQ_XPUB };

    for (size_t i = 0; i < ZN_COUNT(types); i++) {
        void *ctx = open_ctx(), *pub = open_socket(ctx, types[i]);
        void *slow = open_socket(ctx, ZMQ_SUB), *fast = open_socket(ctx, ZMQ_SUB);

        test_set_int(pub, ZMQ_SNDHWM, 2);
        test_set_int(slow, ZMQ_RCVHWM, 3);
        test_set_int(fast, ZMQ_RCVHWM, 100);
        CHECK_OK(zmq_bind(pub, "inproc://x"));
        connect_to(slow, "inproc://x");
        connect_to(fast, "inproc://x");
        CHECK_OK(zmq_setsockopt(slow, ZMQ_SUBSCRIBE, "", 0));
        CHECK_OK(zmq_setsockopt(fast, ZMQ_SUBSCRIBE, "", 0));
        CHECK_EQ(fill(pub, 50), 50, "PUB never refuses");
        expect_numbers(slow, 0, 5);
        expect_empty(slow);
        expect_numbers(fast, 0, 50);
        expect_empty(fast);
        close_socket(pub);
        close_socket(slow);
        close_socket(fast);
        end_ctx(ctx);
    }
}

TEST(publisher_with_nodrop_refuses_for_all)
{
    void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_XPUB);
    void *slow = open_socket(ctx, ZMQ_SUB), *other = open_socket(ctx, ZMQ_SUB);

    test_set_int(pub, ZMQ_XPUB_NODROP, 1);
    test_set_int(pub, ZMQ_SNDHWM, 2);
    test_set_int(slow, ZMQ_RCVHWM, 3);
    CHECK_OK(zmq_bind(pub, "inproc://x"));
    connect_to(slow, "inproc://x");
    connect_to(other, "inproc://x");
    CHECK_OK(zmq_setsockopt(slow, ZMQ_SUBSCRIBE, "", 0));
    CHECK_OK(zmq_setsockopt(other, ZMQ_SUBSCRIBE, "", 0));
    CHECK_EQ(fill(pub, 50), 5);
    expect_numbers(other, 0, 5);
    expect_empty(other);                          /* nobody got the refused one */
    expect_numbers(slow, 0, 5);
    send_text(pub, "again");
    expect_text(slow, "again");
    close_socket(pub);
    close_socket(slow);
    close_socket(other);
    end_ctx(ctx);
}

TEST(router_drops_for_a_full_peer_unless_mandatory)
{
    for (int mandatory = 0; mandatory < 2; mandatory++) {
        void *ctx = open_ctx(), *router = open_socket(ctx, ZMQ_ROUTER);
        void *dealer = open_socket(ctx, ZMQ_DEALER);
        int sent = 0;

        test_set_int(router, ZMQ_SNDHWM, 1);
        test_set_int(router, ZMQ_ROUTER_MANDATORY, mandatory);
        test_set_int(dealer, ZMQ_RCVHWM, 2);
        CHECK_OK(zmq_setsockopt(dealer, ZMQ_ROUTING_ID, "d", 1));
        CHECK_OK(zmq_bind(router, "inproc://x"));
        connect_to(dealer, "inproc://x");
        for (; sent < 10; sent++) {
            if (zmq_send(router, "d", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
                CHECK_EQ(errno, EAGAIN);
                break;
            }
            CHECK_OK(zmq_send(router, "m", 1, ZMQ_DONTWAIT));
        }
        CHECK_EQ(sent, mandatory ? 3 : 10);
        for (int i = 0; i < 3; i++)
            expect_text(dealer, "m");
        expect_empty(dealer);
        close_socket(router);
        close_socket(dealer);
        end_ctx(ctx);
    }
}

TEST(sockets_without_peers_refuse_or_drop_as_their_pattern_says)
{
    static const struct {
        int type, refuses, events;
    } cases[] = {
        { ZMQ_PAIR, 1, 0 },
        { ZMQ_PUSH, 1, 0 },
        { ZMQ_REQ, 1, 0 },
        { ZMQ_DEALER, 1, 0 },
        { ZMQ_PUB, 0, ZMQ_POLLOUT },
        { ZMQ_XPUB, 0, ZMQ_POLLOUT },
        { ZMQ_XSUB, 0, ZMQ_POLLOUT },
        { ZMQ_ROUTER, 0, ZMQ_POLLOUT },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, cases[i].type);

        CHECK_EQ(test_get_int(s, ZMQ_EVENTS), cases[i].events, "type %d", cases[i].type);
        if (cases[i].refuses)
            REFUSED(zmq_send(s, "x", 1, ZMQ_DONTWAIT), EAGAIN, "type %d", cases[i].type);
        else
            CHECK_EQ(zmq_send(s, "x", 1, ZMQ_DONTWAIT), 1, "type %d", cases[i].type);
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(timeouts_bound_the_wait)
{
    static const int timeouts[] = { 0, 1, 50, 200 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);

    for (size_t i = 0; i < ZN_COUNT(timeouts); i++) {
        test_set_int(s, ZMQ_RCVTIMEO, timeouts[i]);
        test_set_int(s, ZMQ_SNDTIMEO, timeouts[i]);
        long before = now_ms();
        REFUSED(zmq_recv(s, NULL, 0, 0), EAGAIN, "recv, %d ms", timeouts[i]);
        CHECK(now_ms() - before >= timeouts[i] - 1, "recv, %d ms", timeouts[i]);
        before = now_ms();
        REFUSED(zmq_send(s, "x", 1, 0), EAGAIN, "send, %d ms", timeouts[i]);
        CHECK(now_ms() - before >= timeouts[i] - 1, "send, %d ms", timeouts[i]);
    }
    test_set_int(s, ZMQ_RCVTIMEO, -1);
    test_set_int(s, ZMQ_SNDTIMEO, -1);
    REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "DONTWAIT");
    REFUSED(zmq_send(s, "x", 1, ZMQ_DONTWAIT), EAGAIN, "DONTWAIT");
    close_socket(s);
    end_ctx(ctx);
}

static void *send_one_too_many(void *s)
{
    send_text(s, "one too many");
    return NULL;
}

TEST(blocked_send_goes_on_when_the_reader_has_made_room)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *in = open_socket(ctx, ZMQ_PULL);
        static char big[256 * 1024];
        char endpoint[ENDPOINT_MAX];
        int sent = 0;

        test_set_int(out, ZMQ_SNDHWM, 1);
        test_set_int(in, ZMQ_RCVHWM, 1);
        bind_to(in, each_transport[t], endpoint);
        connect_to(out, endpoint);
        test_set_int(out, ZMQ_SNDTIMEO, 200);
        while (zmq_send(out, big, sizeof big, 0) >= 0)
            sent++;
        test_set_int(out, ZMQ_SNDTIMEO, PATIENCE);
        struct test_thread *thread = test_thread_start(send_one_too_many, out);
        for (int i = 0; i < sent; i++)
            CHECK_EQ(zmq_recv(in, big, sizeof big, 0), sizeof big);
        expect_text(in, "one too many");
        test_thread_join(thread);
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

enum { THIRTY = 30 };

static void *send_thirty(void *s)
{
    for (int i = 0; i < THIRTY; i++)
        send_text(s, "x");
    return NULL;
}

/* Though it was to be woken for what would be much room at the old mark. */
TEST(blocked_send_goes_on_when_the_mark_is_raised_or_lifted)
{
    static const struct {
        int mark;
        bool lifted_by_sender;
        int read_before, read_after;
    } cases[] = {
        { 0, false, 1, 0 }, { 1000, false, 1, 0 },        { 1000, true, 1, 0 },
        { 0, true, 1, 0 },  { 0, false, 1, THIRTY - 1 },  { 0, true, 1, THIRTY - 1 },
        { 0, false, 0, 0 }, { 1000, false, 0, THIRTY },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *in = open_socket(ctx, ZMQ_PULL);
        struct sleeper sleeper;

        test_set_int(out, ZMQ_SNDHWM, 5);
        test_set_int(in, ZMQ_RCVHWM, 5);
        CHECK_OK(zmq_bind(in, "inproc://x"));
        connect_to(out, "inproc://x");
        struct test_thread *t = sleeper_start(&sleeper, send_thirty, out);
        for (int n = 0; n < cases[i].read_before; n++)
            expect_text(in, "x");
        test_set_int(cases[i].lifted_by_sender ? out : in,
                     cases[i].lifted_by_sender ? ZMQ_SNDHWM : ZMQ_RCVHWM, cases[i].mark);
        for (int n = 0; n < cases[i].read_after; n++)
            expect_text(in, "x");
        test_thread_join(t);
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

TEST(conflate_keeps_the_last_message_alone)
{
    static const struct {
        int out, in;
    } cases[] = {
        { ZMQ_PUSH, ZMQ_PULL },
        { ZMQ_DEALER, ZMQ_DEALER },
    };

    for (size_t i = 0; i < ZN_COUNT(cases) * 2; i++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, cases[i / 2].out);
        void *in = open_socket(ctx, cases[i / 2].in);
        char endpoint[ENDPOINT_MAX];

        if (i % 2 == 0)
            snprintf(endpoint, sizeof endpoint, "inproc://x");
        else
            snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
        test_set_int(out, ZMQ_CONFLATE, 1);
        test_set_int(out, ZMQ_SNDHWM, 1);         /* which CONFLATE ignores */
        if (i % 2 == 0)
            CHECK_OK(zmq_bind(in, endpoint));
        connect_to(out, endpoint);
        CHECK_EQ(fill(out, 100), 100, "%s", endpoint);
        if (i % 2 == 1)
            CHECK_OK(zmq_bind(in, endpoint));
        expect_text(in, "99");
        send_text(out, "next");
        expect_text(in, "next");
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

TEST(conflate_on_the_subscriber_skips_what_was_not_read)
{
    void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_PUB);
    void *sub = open_socket(ctx, ZMQ_SUB);

    test_set_int(sub, ZMQ_CONFLATE, 1);
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    CHECK_OK(zmq_bind(pub, "inproc://x"));
    connect_to(sub, "inproc://x");
    CHECK_EQ(fill(pub, 100), 100);
    expect_text(sub, "99");
    expect_empty(sub);
    close_socket(pub);
    close_socket(sub);
    end_ctx(ctx);
}

/* Who has looked whether there is something has not had it yet. */
TEST(conflate_keeps_the_last_message_after_a_look)
{
    static const int types[][2] = { { ZMQ_PUSH, ZMQ_PULL }, { ZMQ_DEALER, ZMQ_DEALER } };

    for (size_t i = 0; i < ZN_COUNT(types) * 2; i++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, types[i / 2][0]);
        void *in = open_socket(ctx, types[i / 2][1]);
        zmq_pollitem_t item = { .socket = in, .events = ZMQ_POLLIN };

        if (i % 2 == 1)
            test_get_int(in, ZMQ_FD);             /* which looks after each receive */
        test_set_int(out, ZMQ_CONFLATE, 1);
        CHECK_OK(zmq_bind(in, "inproc://x"));
        connect_to(out, "inproc://x");
        for (int round = 0; round < 3; round++) {
            send_text(out, "old");
            CHECK_EQ(zmq_poll(&item, 1, -1), 1);
            CHECK_EQ(fill(out, 100), 100);
            CHECK_EQ(zmq_poll(&item, 1, -1), 1);
            expect_text(in, "99");
            expect_empty(in);
        }
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

TEST(conflate_of_the_binder_alone_does_nothing_over_inproc)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *in = open_socket(ctx, ZMQ_PULL);

    test_set_int(in, ZMQ_CONFLATE, 1);
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    CHECK_EQ(fill(out, 10), 10);
    expect_numbers(in, 0, 10);
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

/* tests/patterns/reqrep_test.c - REQ and REP, and what they look like to a DEALER or
 * a ROUTER, over each transport. */
#include "tests/patterns/net.h"

static void flag_on(void *s, int option)
{
    test_set_int(s, option, 1);
}

TEST(req_and_rep_ask_and_answer)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *req = net_connected(&n, ZMQ_REQ, endpoint);

        for (int i = 0; i < 3; i++) {
            test_send_strings(req, "question", "", "of frames", NULL);
            test_expect_strings(rep, "question", "", "of frames", NULL);
            test_send_strings(rep, "", "answer", NULL);
            test_expect_strings(req, "", "answer", NULL);
        }
        net_close(&n);
    }
}

TEST(req_and_rep_keep_in_step)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *req = net_connected(&n, ZMQ_REQ, endpoint);

        CHECK_ERRNO(zmq_recv(req, NULL, 0, 0), EFSM);
        CHECK_ERRNO(zmq_send(rep, "x", 1, 0), EFSM);
        CHECK_OK(zmq_send(req, "half", 4, ZMQ_SNDMORE));
        CHECK_ERRNO(zmq_recv(req, NULL, 0, 0), EFSM);
        CHECK_OK(zmq_send(req, "whole", 5, 0));
        CHECK_ERRNO(zmq_send(req, "x", 1, 0), EFSM);

        char got[8];
        CHECK_EQ(net_recv(rep, got, sizeof(got)), 4);
        CHECK_ERRNO(zmq_send(rep, "x", 1, 0), EFSM);
        CHECK_EQ(net_recv(rep, got, sizeof(got)), 5);
        CHECK_ERRNO(zmq_recv(rep, NULL, 0, 0), EFSM);
        CHECK_OK(zmq_send(rep, "half", 4, ZMQ_SNDMORE));
        CHECK_ERRNO(zmq_recv(rep, NULL, 0, 0), EFSM);
        CHECK_OK(zmq_send(rep, "whole", 5, 0));
        CHECK_ERRNO(zmq_send(rep, "x", 1, 0), EFSM);

        CHECK_EQ(net_recv(req, got, sizeof(got)), 4);
        CHECK_ERRNO(zmq_send(req, "x", 1, 0), EFSM);
        CHECK_EQ(net_recv(req, got, sizeof(got)), 5);
        CHECK_ERRNO(zmq_recv(req, NULL, 0, 0), EFSM);
        net_close(&n);
    }
}

TEST(req_and_rep_show_whose_turn_it_is)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *req = net_socket(&n, ZMQ_REQ);

        CHECK_EQ(test_get_int(req, ZMQ_EVENTS), 0);
        CHECK_EQ(test_get_int(rep, ZMQ_EVENTS), 0);
        CHECK_OK(zmq_connect(req, endpoint));
        net_wait(req, ZMQ_POLLOUT);
        test_send_strings(req, "question", NULL);
        CHECK_EQ(test_get_int(req, ZMQ_EVENTS), 0);
        net_wait(rep, ZMQ_POLLIN);
        CHECK_EQ(test_get_int(rep, ZMQ_EVENTS), ZMQ_POLLIN);
        test_expect_strings(rep, "question", NULL);
        CHECK_EQ(test_get_int(rep, ZMQ_EVENTS), ZMQ_POLLOUT);
        test_send_strings(rep, "answer", NULL);
        CHECK_EQ(test_get_int(rep, ZMQ_EVENTS), 0);
        net_wait(req, ZMQ_POLLIN);
        CHECK_EQ(test_get_int(req, ZMQ_EVENTS), ZMQ_POLLIN);
        test_expect_strings(req, "answer", NULL);
        CHECK_EQ(test_get_int(req, ZMQ_EVENTS), ZMQ_POLLOUT);
        net_close(&n);
    }
}

TEST(req_asks_each_rep_in_turn)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *req = net_socket(&n, ZMQ_REQ), *rep[2];

        for (int i = 0; i < 2; i++) {
            char endpoint[TEST_ENDPOINT];
            rep[i] = net_bound(&n, ZMQ_REP, *t, endpoint);
            CHECK_OK(zmq_connect(req, endpoint));
        }
        for (int i = 0; i < 4; i++) {
            test_send_strings(req, "question", NULL);
            test_expect_strings(rep[i % 2], "question", NULL);
            test_send_strings(rep[i % 2], "answer", NULL);
            test_expect_strings(req, "answer", NULL);
        }
        net_close(&n);
    }
}

/* ---- Envelopes. */

TEST(req_puts_a_delimiter_and_on_wish_an_id_before_its_request)
{
    for (int correlate = 0; correlate <= 1; correlate++)
        for (const char *const *t = test_transports; *t != NULL; t++) {
            char endpoint[TEST_ENDPOINT], id[16], got[16];
            uint32_t request[2];
            struct net n = net_open();
            void *router = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
            void *req = net_socket(&n, ZMQ_REQ);

            test_set_int(req, ZMQ_REQ_CORRELATE, correlate);
            CHECK_OK(zmq_connect(req, endpoint));
            for (int i = 0; i < 2; i++) {
                test_send_strings(req, "body", NULL);
                size_t size = net_recv(router, id, sizeof(id));
                CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
                if (correlate) {
                    CHECK_EQ(net_recv(router, &request[i], 4), 4);
                    CHECK_OK(zmq_send(router, &request[i], 4, ZMQ_SNDMORE));
                }
                CHECK_EQ(net_recv(router, got, sizeof(got)), 0);
                CHECK_EQ(net_recv(router, got, sizeof(got)), 4);
                test_send_strings(router, "", "reply", NULL);
                test_expect_strings(req, "reply", NULL);
            }
            if (correlate)
                CHECK_EQ(request[1], request[0] + 1, "ids count up");
            net_close(&n);
        }
}

TEST(rep_gives_the_whole_envelope_back)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);

        test_send_strings(dealer, "hop 1", "hop 2", "", "question", NULL);
        test_send_strings(dealer, "", "", "second", NULL);
        test_expect_strings(rep, "question", NULL);
        test_send_strings(rep, "an", "answer", NULL);
        test_expect_strings(rep, "", "second", NULL);
        test_send_strings(rep, "2nd", NULL);
        test_expect_strings(dealer, "hop 1", "hop 2", "", "an", "answer", NULL);
        test_expect_strings(dealer, "", "2nd", NULL);
        net_close(&n);
    }
}

TEST(rep_drops_what_has_no_envelope)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);

        test_send_strings(dealer, "no delimiter", NULL);
        test_send_strings(dealer, "no", "delimiter", NULL);
        test_send_strings(dealer, "", NULL);
        test_send_strings(dealer, "delimiter", "without body", "", NULL);
        test_send_strings(dealer, "", "question", NULL);
        test_expect_strings(rep, "question", NULL);
        test_send_strings(rep, "answer", NULL);
        test_expect_strings(dealer, "", "answer", NULL);
        net_close(&n);
    }
}

/* POLLIN means a request, not just something that has arrived. (libzmq's REP says
 * POLLIN and then finds nothing.) */
TEST(rep_is_not_readable_for_what_it_drops)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *rep = net_bound(&n, ZMQ_REP, "inproc", endpoint);
    void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);

    if (!ON_ZINC)
        test_skip("libzmq does otherwise");
    test_send_strings(dealer, "no", "delimiter", NULL);
    CHECK_EQ(test_get_int(rep, ZMQ_EVENTS), 0);
    test_send_strings(dealer, "", "question", NULL);
    net_wait(rep, ZMQ_POLLIN);
    test_expect_strings(rep, "question", NULL);
    net_close(&n);
}

/* ---- Peers that go. */

TEST(rep_drops_the_reply_when_its_asker_has_gone)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *gone = net_connected(&n, ZMQ_REQ, endpoint);
        void *stays = net_connected(&n, ZMQ_REQ, endpoint);

        test_send_strings(gone, "question", NULL);
        test_expect_strings(rep, "question", NULL);
        net_leave(&n, gone);
        test_send_strings(stays, "question", NULL);
        CHECK_OK(zmq_send(rep, "to", 2, ZMQ_SNDMORE));
        CHECK_OK(zmq_send(rep, "nobody", 6, 0));
        test_expect_strings(rep, "question", NULL);
        test_send_strings(rep, "answer", NULL);
        test_expect_strings(stays, "answer", NULL);
        net_close(&n);
    }
}

TEST(rep_answers_what_was_asked_before_the_asker_went)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_bound(&n, ZMQ_REP, *t, endpoint);
        void *dealer = net_connected(&n, ZMQ_DEALER, endpoint);

        for (int i = 0; i < 3; i++)
            test_send_strings(dealer, "", "question", NULL);
        net_leave(&n, dealer);
        for (int i = 0; i < 3; i++) {
            test_expect_strings(rep, "question", NULL);
            test_send_strings(rep, "answer", NULL);
        }
        net_close(&n);
    }
}

TEST(req_stays_waiting_when_the_peer_it_asked_goes)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *req = net_bound(&n, ZMQ_REQ, *t, endpoint);
        void *rep = net_connected(&n, ZMQ_REP, endpoint);

        test_send_strings(req, "question", NULL);
        test_expect_strings(rep, "question", NULL);
        net_leave(&n, rep);

        void *other = net_connected(&n, ZMQ_REP, endpoint);
        CHECK_ERRNO(zmq_recv(req, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CHECK_ERRNO(zmq_send(req, "again", 5, ZMQ_DONTWAIT), EFSM);
        CHECK_ERRNO(zmq_recv(other, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        net_close(&n);
    }
}

/* ---- Replies that are none. */

/* A router that has taken the request: [id] read, then its frames. */
static size_t take_request(void *router, char id[16])
{
    char frame[64];
    size_t size = net_recv(router, id, 16);

    while (test_get_int(router, ZMQ_RCVMORE))
        net_recv(router, frame, sizeof(frame));
    return size;
}

static void reply(void *router, const char *id, size_t size, const char *body)
{
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    test_send_strings(router, "", body, NULL);
}

/* Over inproc, since a wire peer that does this loses its connection. */
TEST(req_skips_replies_without_an_envelope)
{
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *router = net_bound(&n, ZMQ_ROUTER, "inproc", endpoint);
    void *req = net_connected(&n, ZMQ_REQ, endpoint);

    test_send_strings(req, "question", NULL);
    size_t size = take_request(router, id);
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    test_send_strings(router, "junk", NULL);
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    test_send_strings(router, "junk", "", "junk", NULL);
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    test_send_strings(router, "", NULL);
    reply(router, id, size, "answer");
    test_expect_strings(req, "answer", NULL);
    net_close(&n);
}

TEST(req_correlating_skips_replies_with_another_id)
{
    char endpoint[TEST_ENDPOINT], id[16];
    uint32_t request, wrong;
    struct net n = net_open();
    void *router = net_bound(&n, ZMQ_ROUTER, "inproc", endpoint);
    void *req = net_socket(&n, ZMQ_REQ);

    flag_on(req, ZMQ_REQ_CORRELATE);
    CHECK_OK(zmq_connect(req, endpoint));
    test_send_strings(req, "question", NULL);
    size_t size = net_recv(router, id, sizeof(id));
    CHECK_EQ(net_recv(router, &request, 4), 4);
    test_expect_strings(router, "", "question", NULL);

    wrong = request + 1;
    reply(router, id, size, "no id");
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(router, &wrong, 4, ZMQ_SNDMORE));
    test_send_strings(router, "", "wrong id", NULL);
    CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(router, &request, 4, ZMQ_SNDMORE));
    test_send_strings(router, "", "answer", NULL);
    test_expect_strings(req, "answer", NULL);
    net_close(&n);
}

TEST(req_hears_only_the_peer_it_asked)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        struct net n = net_open();
        void *req = net_socket(&n, ZMQ_REQ), *router[2];
        char id[2][16];
        size_t size[2];

        flag_on(req, ZMQ_REQ_RELAXED);
        for (int i = 0; i < 2; i++) {
            char endpoint[TEST_ENDPOINT];
            router[i] = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
            CHECK_OK(zmq_connect(req, endpoint));
        }
        for (int i = 0; i < 2; i++) {
            test_send_strings(req, "question", NULL);
            size[i] = take_request(router[i], id[i]);
        }
        reply(router[0], id[0], size[0], "too late");
        reply(router[1], id[1], size[1], "answer");
        test_expect_strings(req, "answer", NULL);
        net_close(&n);
    }
}

/* ---- ZMQ_REQ_RELAXED. */

TEST(req_relaxed_takes_a_late_reply_unless_it_correlates)
{
    for (int correlate = 0; correlate <= 1; correlate++)
        for (const char *const *t = test_transports; *t != NULL; t++) {
            char endpoint[TEST_ENDPOINT], id[16];
            uint32_t request[2];
            struct net n = net_open();
            void *router = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
            void *req = net_socket(&n, ZMQ_REQ);

            flag_on(req, ZMQ_REQ_RELAXED);
            test_set_int(req, ZMQ_REQ_CORRELATE, correlate);
            CHECK_OK(zmq_connect(req, endpoint));
            test_send_strings(req, "first", NULL);
            test_send_strings(req, "second", NULL);
            for (int i = 0; i < 2; i++) {
                size_t size = net_recv(router, id, sizeof(id));
                if (correlate)
                    net_recv(router, &request[i], 4);
                test_expect_strings(router, "", i == 0 ? "first" : "second", NULL);
                CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
                if (correlate)
                    CHECK_OK(zmq_send(router, &request[i], 4, ZMQ_SNDMORE));
                test_send_strings(router, "", i == 0 ? "to first" : "to second", NULL);
            }
            test_expect_strings(req, correlate ? "to second" : "to first", NULL);
            net_close(&n);
        }
}

TEST(req_discards_what_was_waiting_when_it_asks)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], id[16];
        struct net n = net_open();
        void *router = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
        void *req = net_socket(&n, ZMQ_REQ);

        flag_on(req, ZMQ_REQ_RELAXED);
        CHECK_OK(zmq_connect(req, endpoint));
        test_send_strings(req, "first", NULL);
        size_t size = take_request(router, id);
        reply(router, id, size, "to first");
        net_wait(req, ZMQ_POLLIN);
        test_send_strings(req, "second", NULL);
        take_request(router, id);
        reply(router, id, size, "to second");
        test_expect_strings(req, "to second", NULL);
        net_close(&n);
    }
}

TEST(req_relaxed_may_ask_again_in_the_middle_of_a_reply)
{
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], id[16], got[16];
        struct net n = net_open();
        void *router = net_bound(&n, ZMQ_ROUTER, *t, endpoint);
        void *req = net_socket(&n, ZMQ_REQ);

        flag_on(req, ZMQ_REQ_RELAXED);
        CHECK_OK(zmq_connect(req, endpoint));
        test_send_strings(req, "first", NULL);
        size_t size = take_request(router, id);
        CHECK_OK(zmq_send(router, id, size, ZMQ_SNDMORE));
        test_send_strings(router, "", "one", "two", "three", NULL);
        CHECK_EQ(net_recv(req, got, sizeof(got)), 3);
        CHECK(test_get_int(req, ZMQ_RCVMORE));
        test_send_strings(req, "second", NULL);
        take_request(router, id);
        reply(router, id, size, "to second");
        test_expect_strings(req, "to second", NULL);
        net_close(&n);
    }
}

/* ---- Options. */

TEST(req_and_rep_take_the_options_of_dealer_and_router)
{
    static const struct {
        int type, option, ok;
    } cases[] = {
        { ZMQ_REQ, ZMQ_REQ_RELAXED, 1 },      { ZMQ_REQ, ZMQ_REQ_CORRELATE, 1 },
        { ZMQ_REQ, ZMQ_PROBE_ROUTER, 1 },     { ZMQ_REQ, ZMQ_ROUTER_MANDATORY, 0 },
        { ZMQ_REP, ZMQ_ROUTER_MANDATORY, 1 }, { ZMQ_REP, ZMQ_ROUTER_HANDOVER, 1 },
        { ZMQ_REP, ZMQ_PROBE_ROUTER, 1 },     { ZMQ_REP, ZMQ_REQ_RELAXED, 0 },
        { ZMQ_DEALER, ZMQ_PROBE_ROUTER, 1 },  { ZMQ_DEALER, ZMQ_REQ_RELAXED, 0 },
        { ZMQ_ROUTER, ZMQ_PROBE_ROUTER, 1 },  { ZMQ_ROUTER, ZMQ_ROUTER_HANDOVER, 1 },
        { ZMQ_ROUTER, ZMQ_REQ_RELAXED, 0 },   { ZMQ_PAIR, ZMQ_PROBE_ROUTER, 0 },
        { ZMQ_STREAM, ZMQ_STREAM_NOTIFY, 1 }, { ZMQ_ROUTER, ZMQ_STREAM_NOTIFY, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net n = net_open();
        void *s = net_socket(&n, cases[i].type);
        int on = 1, negative = -1;
        size_t size = sizeof(on);

        CHECK_EQ(zmq_setsockopt(s, cases[i].option, &on, sizeof(on)),
                 cases[i].ok ? 0 : -1, "type %d, option %d", cases[i].type,
                 cases[i].option);
        CHECK_ERRNO(zmq_setsockopt(s, cases[i].option, &negative, 4), EINVAL);
        CHECK_ERRNO(zmq_setsockopt(s, cases[i].option, &on, 1), EINVAL);
        CHECK_ERRNO(zmq_getsockopt(s, cases[i].option, &on, &size), EINVAL);
        net_close(&n);
    }
}

/* (libzmq's REP fails an assertion when it answers somebody who has gone.) */
TEST(rep_works_with_every_option_of_router_set)
{
    static const int options[] = { ZMQ_ROUTER_MANDATORY, ZMQ_ROUTER_HANDOVER,
                                   ZMQ_ROUTER_RAW, ZMQ_PROBE_ROUTER };

    if (!ON_ZINC)
        test_skip("libzmq does otherwise");
    for (const char *const *t = test_transports; *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        struct net n = net_open();
        void *rep = net_socket(&n, ZMQ_REP);

        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
            flag_on(rep, options[i]);
        CHECK_OK(zmq_setsockopt(rep, ZMQ_CONNECT_ROUTING_ID, "id", 2));
        test_bind(rep, *t, endpoint);
        for (int i = 0; i < 2; i++) {
            void *req = net_connected(&n, ZMQ_REQ, endpoint);
            test_send_strings(req, "question", NULL);
            test_expect_strings(rep, "question", NULL);
            if (i == 0)
                net_leave(&n, req);
            test_send_strings(rep, "answer", NULL);
            if (i == 1)
                test_expect_strings(req, "answer", NULL);
        }
        net_close(&n);
    }
}

/* tests/patterns/xsub_test.c - XSUB: subscriptions as messages, and messages upstream. */
#include "tests/patterns/pubsub.h"

/* All that XSUB sent before has been told by the time that this is. */
static void expect_marker(void *xpub, void *xsub, const char *marker)
{
    char want[40];

    send_notice(xsub, '+', marker, 0);
    snprintf(want, sizeof(want), "+%s", marker);
    expect_notice(xpub, want);
}

TEST(xsub_subscribes_by_message)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);

        send_notice(xsub, '+', "A", 0);
        expect_notice(xpub, "+A");
        test_send_strings(xpub, "B", NULL);
        test_send_strings(xpub, "A", "second", NULL);
        test_expect_strings(xsub, "A", "second", NULL);
        send_notice(xsub, '-', "A", 0);
        expect_notice(xpub, "-A");
        send_notice(xsub, '+', "", 0);
        expect_notice(xpub, "+");
        test_send_strings(xpub, "B", NULL);
        test_expect_strings(xsub, "B", NULL);
        CHECK_EQ(test_get_int(xsub, ZMQ_EVENTS), ZMQ_POLLOUT);
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_counts_and_cancels_what_it_holds_no_more)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_VERBOSER, 1);    /* tells of all that comes */
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);

        expect_marker(xpub, xsub, "0");              /* connected: each counts */
        send_notice(xsub, '+', "A", 0);
        send_notice(xsub, '+', "A", 0);
        expect_notice(xpub, "+A");
        expect_notice(xpub, "+A");
        send_notice(xsub, '-', "A", 0);
        send_notice(xsub, '-', "never held", 0);
        expect_marker(xpub, xsub, "1");
        send_notice(xsub, '-', "A", 0);
        expect_notice(xpub, "-A");
        send_notice(xsub, '-', "A", 0);
        expect_marker(xpub, xsub, "2");
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_tells_of_every_cancel_if_it_is_to)
{
    better_than_libzmq("libzmq 4.3.4 has no ZMQ_XSUB_VERBOSE_UNSUBSCRIBE");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_VERBOSER, 1);
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);
        test_set_int(xsub, ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, 1);

        expect_marker(xpub, xsub, "0");
        send_notice(xsub, '+', "A", 0);
        send_notice(xsub, '+', "A", 0);
        send_notice(xsub, '-', "A", 0);
        send_notice(xsub, '-', "A", 0);
        expect_notice(xpub, "+A");
        expect_notice(xpub, "+A");
        expect_notice(xpub, "-A");
        expect_notice(xpub, "-A");
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* A subscription within a message of the application's. */
TEST(xsub_sends_frames_upstream_whatever_stands_among_them)
{
    static const struct {
        const char *what;
        int only_first;                              /* of XSUB and of XPUB */
        const char *frames[4], *told[4];
    } cases[] = {
        { "in the middle", 0, { "hi", "+B", "end" }, { "'hi'&", "+B", "'end'" } },
        { "at the end", 0, { "hi", "+B" }, { "'hi'&", "+B" } },
        { "at the start", 0, { "+A", "tail" }, { "+A", "'tail'" } },
        { "twice", 0, { "+A", "+B" }, { "+A", "+B" } },
        { "only first: in the middle",
          1,
          { "hi", "+B", "end" },
          { "'hi'&", "+B&", "'end'" } },
    };

    EACH_TRANSPORT(t)
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new();
        void *xpub = new_socket(ctx, ZMQ_XPUB), *xsub = new_socket(ctx, ZMQ_XSUB);
        test_set_int(xpub, ZMQ_ONLY_FIRST_SUBSCRIBE, cases[i].only_first);
        test_set_int(xsub, ZMQ_ONLY_FIRST_SUBSCRIBE, cases[i].only_first);
        test_bind(xpub, *t, endpoint);
        CHECK_OK(zmq_connect(xsub, endpoint));

        expect_marker(xpub, xsub, "#");
        for (int k = 0; k < 4 && cases[i].frames[k] != NULL; k++) {
            const char *frame = cases[i].frames[k];
            int more = k < 3 && cases[i].frames[k + 1] != NULL ? ZMQ_SNDMORE : 0;
            if (frame[0] == '+')
                send_notice(xsub, '+', frame + 1, more);
            else
                CHECK_OK(zmq_send(xsub, frame, strlen(frame), more));
        }
        for (int k = 0; k < 4 && cases[i].told[k] != NULL; k++) {
            char notice[300];
            CHECK_STR(next_notice(xpub, notice), cases[i].told[k], "%s: %s, %d", *t,
                      cases[i].what, k);
        }
        expect_marker(xpub, xsub, "end");
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* What it holds is what a publisher is told that comes later. */
TEST(xsub_only_first_holds_all_of_a_message_that_begins_with_a_subscription)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT], later[TEST_ENDPOINT], first[300], second[300];
        void *ctx = zmq_ctx_new(), *xsub = new_socket(ctx, ZMQ_XSUB);
        void *early = new_socket(ctx, ZMQ_XPUB), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xsub, ZMQ_ONLY_FIRST_SUBSCRIBE, 1);
        CHECK_OK(zmq_connect(xsub, test_bind(early, *t, endpoint)));

        send_notice(xsub, '+', "A", ZMQ_SNDMORE);
        send_notice(xsub, '+', "B", 0);
        CHECK_OK(zmq_send(xsub, "hi", 2, ZMQ_SNDMORE));
        send_notice(xsub, '+', "C", 0);
        CHECK_OK(zmq_connect(xsub, test_bind(xpub, *t, later)));
        next_notice(xpub, first);
        next_notice(xpub, second);
        CHECK(strcmp(first, "+A") == 0
                  ? strcmp(second, "+B") == 0
                  : strcmp(first, "+B") == 0 && strcmp(second, "+A") == 0,
              "%s, %s", first, second);
        expect_marker(xpub, xsub, "end");
        zmq_close(xsub);
        zmq_close(early);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_ends_a_message_whose_last_frame_was_a_cancel_not_due_yet)
{
    better_than_libzmq("libzmq leaves the message open, and the next one runs into it");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);

        expect_marker(xpub, xsub, "A");
        send_notice(xsub, '+', "A", 0);
        CHECK_OK(zmq_send(xsub, "hi", 2, ZMQ_SNDMORE));
        send_notice(xsub, '-', "A", 0);
        test_send_strings(xsub, "next", NULL);
        test_expect_strings(xpub, "hi", "", NULL);
        test_expect_strings(xpub, "next", NULL);
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_sends_to_all_publishers_and_hears_them_in_turn)
{
    EACH_TRANSPORT(t)
    {
        enum { PEERS = 3 };
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xsub = new_socket(ctx, ZMQ_XSUB), *xpub[PEERS];
        int heard[PEERS] = { 0 };

        send_notice(xsub, '+', "", 0);
        for (int i = 0; i < PEERS; i++) {
            xpub[i] = new_socket(ctx, ZMQ_XPUB);
            CHECK_OK(zmq_connect(xsub, test_bind(xpub[i], *t, endpoint)));
            expect_notice(xpub[i], "+");
        }
        test_send_strings(xsub, "to all", "of you", NULL);
        for (int i = 0; i < PEERS; i++) {
            test_expect_strings(xpub[i], "to all", "of you", NULL);
            CHECK_OK(zmq_send(xpub[i], &"abc"[i], 1, 0));
            CHECK_OK(zmq_send(xpub[i], &"abc"[i], 1, 0));
        }
        for (int i = 0; i < 2 * PEERS; i++) {
            char got;
            CHECK_EQ(zmq_recv(xsub, &got, 1, 0), 1);
            heard[got - 'a']++;
        }
        for (int i = 0; i < PEERS; i++) {
            CHECK_EQ(heard[i], 2);
            zmq_close(xpub[i]);
        }
        zmq_close(xsub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_tells_each_new_publisher_what_it_holds_once)
{
    better_than_libzmq("libzmq notices a new peer only when it is called");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT], first[300], second[300];
        void *ctx = zmq_ctx_new(), *xsub = new_socket(ctx, ZMQ_XSUB);
        test_bind(xsub, *t, endpoint);

        send_notice(xsub, '+', "A", 0);
        send_notice(xsub, '+', "A", 0);
        send_notice(xsub, '+', "B", 0);
        send_notice(xsub, '+', "C", 0);
        send_notice(xsub, '-', "C", 0);
        for (int i = 0; i < 2; i++) {
            void *xpub = new_socket(ctx, ZMQ_XPUB);
            test_set_int(xpub, ZMQ_XPUB_VERBOSER, 1);
            CHECK_OK(zmq_connect(xpub, endpoint));
            next_notice(xpub, first);
            next_notice(xpub, second);
            CHECK((strcmp(first, "+A") == 0 && strcmp(second, "+B") == 0) ||
                      (strcmp(first, "+B") == 0 && strcmp(second, "+A") == 0),
                  "%s, %s", first, second);
            expect_marker(xpub, xsub, "end");
            send_notice(xsub, '-', "end", 0);
            expect_notice(xpub, "-end");
            zmq_close(xpub);
        }
        zmq_close(xsub);
        zmq_ctx_term(ctx);
    }
}

TEST(xsub_does_not_look_at_what_it_receives)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        CHECK_OK(zmq_setsockopt(xpub, ZMQ_XPUB_WELCOME_MSG, "unasked", 7));
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);

        send_notice(xsub, '+', "A", 0);
        expect_notice(xpub, "+A");
        test_expect_strings(xsub, "unasked", NULL);
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

struct proxy {
    void *front, *back;
};

static void *run_proxy(void *arg)
{
    struct proxy *p = arg;

    zmq_proxy(p->front, p->back, NULL);              /* until ETERM */
    zmq_close(p->front);
    zmq_close(p->back);
    return NULL;
}

TEST(subscriptions_pass_through_a_proxy)
{
    EACH_TRANSPORT(t)
    {
        char up[TEST_ENDPOINT], down[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        struct proxy p = { new_socket(ctx, ZMQ_XSUB), new_socket(ctx, ZMQ_XPUB) };
        CHECK_OK(zmq_connect(p.front, test_bind(xpub, *t, up)));
        test_bind(p.back, *t, down);
        struct test_thread *thread = test_thread_start(run_proxy, &p);
        void *a = connected(ctx, ZMQ_SUB, down), *b = connected(ctx, ZMQ_SUB, down);

        subscribe(a, "A");
        expect_notice(xpub, "+A");
        subscribe(b, "B");
        expect_notice(xpub, "+B");
        test_send_strings(xpub, "A", "second", NULL);
        test_send_strings(xpub, "B", NULL);
        test_expect_strings(a, "A", "second", NULL);
        test_expect_strings(b, "B", NULL);
        zmq_close(a);
        expect_notice(xpub, "-A");
        zmq_close(b);
        expect_notice(xpub, "-B");
        zmq_close(xpub);
        CHECK_OK(zmq_ctx_shutdown(ctx));
        test_thread_join(thread);
        zmq_ctx_term(ctx);
    }
}

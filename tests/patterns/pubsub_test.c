/* tests/patterns/pubsub_test.c - PUB and SUB, over every transport. */
#include "tests/patterns/pubsub.h"

/* Publishes "!" until sub, whose last subscription that was, has got one. All that it
 * subscribed to before is known by then. */
static void meet(void *pub, void *sub)
{
    zmq_pollitem_t item = { sub, 0, ZMQ_POLLIN, 0 };

    subscribe(sub, "!");
    for (int i = 0; item.revents == 0; i++) {
        CHECK(i < 2000);
        test_send_strings(pub, "!", NULL);
        CHECK_OK(zmq_poll(&item, 1, 5));
    }
}

/* The next message that is not one of meet()'s; NULL: only those until "." came. */
static const char *next_message(void *sub, char buf[100])
{
    do {
        int n = zmq_recv(sub, buf, 99, 0);
        CHECK(n >= 0, "%s", zmq_strerror(errno));
        buf[n] = '\0';
    } while (strcmp(buf, "!") == 0);
    return strcmp(buf, ".") == 0 ? NULL : buf;
}

static void expect_message(void *sub, const char *want)
{
    char buf[100];

    CHECK_STR(next_message(sub, buf), want);
}

TEST(sub_receives_what_begins_with_a_subscription)
{
    static const struct {
        const char *what, *topics[4], *want[8];
    } cases[] = {
        { "one topic", { "A" }, { "A", "AB", "ABC" } },
        { "two topics, one within the other", { "A", "AB" }, { "A", "AB", "ABC" } },
        { "a longer topic", { "AB" }, { "AB", "ABC" } },
        { "a whole message", { "ABC" }, { "ABC" } },
        { "more than any message", { "ABCD" }, { NULL } },
        { "several", { "B", "ABC", "x" }, { "B", "BA", "ABC" } },
        { "everything", { "" }, { "", "A", "B", "AB", "BA", "ABC" } },
        { "nothing", { NULL }, { NULL } },
    };
    static const char *const sent[] = { "", "A", "B", "AB", "BA", "ABC" };

    EACH_TRANSPORT(t)
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_PUB);
        test_bind(pub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);

        subscribe(sub, ".");
        for (int k = 0; k < 4 && cases[i].topics[k] != NULL; k++)
            subscribe(sub, cases[i].topics[k]);
        meet(pub, sub);
        for (size_t k = 0; k < sizeof(sent) / sizeof(sent[0]); k++)
            CHECK_OK(zmq_send(pub, sent[k], strlen(sent[k]), 0));
        test_send_strings(pub, ".", NULL);
        for (int k = 0; k < 8; k++) {
            char buf[100];
            const char *got = next_message(sub, buf);
            CHECK_STR(got, cases[i].want[k], "%s: %s", *t, cases[i].what);
            if (got == NULL)
                break;
        }
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(sub_counts_how_often_it_subscribed)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_bind(pub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);

        subscribe(sub, "A");
        subscribe(sub, "A");
        unsubscribe(sub, "never subscribed");
        unsubscribe(sub, "A");
        expect_notice(pub, "+A");
        expect_no_notice_before(pub, sub, "1");
        test_send_strings(pub, "A1", NULL);
        test_expect_strings(sub, "A1", NULL);

        unsubscribe(sub, "A");
        expect_notice(pub, "-A");
        unsubscribe(sub, "A");                       /* once too often: nothing */
        expect_no_notice_before(pub, sub, "2");
        test_send_strings(pub, "A2", NULL);
        test_send_strings(pub, "2", NULL);
        test_expect_strings(sub, "2", NULL);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(sub_matches_the_first_frame_and_takes_or_leaves_the_message_whole)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_bind(pub, *t, endpoint);
        void *a = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(a, "A");
        expect_notice(pub, "+A");
        void *b = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(b, "B");
        expect_notice(pub, "+B");

        test_send_strings(pub, "A", "B", "", "A", NULL);
        test_send_strings(pub, "B", "A", NULL);
        test_send_strings(pub, "C", "A", "B", NULL);
        test_send_strings(pub, "A end", NULL);
        test_send_strings(pub, "B end", NULL);
        test_expect_strings(a, "A", "B", "", "A", NULL);
        test_expect_strings(a, "A end", NULL);
        test_expect_strings(b, "B", "A", NULL);
        test_expect_strings(b, "B end", NULL);
        zmq_close(a);
        zmq_close(b);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

/* The welcome message comes unasked, so SUB has to look for itself. */
TEST(sub_leaves_out_what_it_did_not_ask_for)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        CHECK_OK(zmq_setsockopt(pub, ZMQ_XPUB_WELCOME_MSG, "unasked", 7));
        test_bind(pub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);

        subscribe(sub, "A");
        expect_notice(pub, "+A");
        test_expect_nothing(sub, 50);                /* poll does not promise it */
        test_send_strings(pub, "A", NULL);
        test_expect_strings(sub, "A", NULL);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(pub_connects_and_sub_binds_as_well)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *sub = new_socket(ctx, ZMQ_SUB);
        subscribe(sub, "A");
        test_bind(sub, *t, endpoint);
        void *pub = connected(ctx, ZMQ_PUB, endpoint);

        meet(pub, sub);
        test_send_strings(pub, "B", NULL);
        test_send_strings(pub, "A", NULL);
        expect_message(sub, "A");
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(pub_and_sub_refuse_the_other_direction)
{
    char buf[1];
    void *ctx = zmq_ctx_new();
    void *pub = new_socket(ctx, ZMQ_PUB), *sub = new_socket(ctx, ZMQ_SUB);

    CHECK_ERRNO(zmq_send(sub, "", 0, 0), ENOTSUP);
    CHECK_ERRNO(zmq_recv(pub, buf, 1, 0), ENOTSUP);
    CHECK_ERRNO(zmq_recv(sub, buf, 1, ZMQ_DONTWAIT), EAGAIN);
    CHECK_EQ(zmq_send(pub, "to nobody", 9, 0), 9);
    CHECK_EQ(test_get_int(pub, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_EQ(test_get_int(sub, ZMQ_EVENTS), 0);
    CHECK_ERRNO(zmq_setsockopt(pub, ZMQ_SUBSCRIBE, "A", 1), EINVAL);
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, NULL, 0));
    zmq_close(sub);
    zmq_close(pub);
    zmq_ctx_term(ctx);
}

TEST(pub_drops_for_the_peer_that_is_full_and_for_no_other)
{
    enum { SENT = 50, ROOM = 3 + 4 };
    char endpoint[TEST_ENDPOINT], got[8];
    void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);

    test_set_int(pub, ZMQ_SNDHWM, 3);
    test_bind(pub, "inproc", endpoint);              /* where the sum is exact */
    void *slow = new_socket(ctx, ZMQ_SUB), *fast = new_socket(ctx, ZMQ_SUB);
    test_set_int(slow, ZMQ_RCVHWM, 4);
    test_set_int(fast, ZMQ_RCVHWM, 0);
    CHECK_OK(zmq_connect(slow, endpoint));
    CHECK_OK(zmq_connect(fast, endpoint));
    subscribe(slow, "A");
    expect_notice(pub, "+A");
    subscribe(fast, "");
    expect_notice(pub, "+");

    for (int i = 0; i < SENT; i++)
        test_send_strings(pub, "A", "second", NULL);
    for (int i = 0; i < SENT; i++)
        test_expect_strings(fast, "A", "second", NULL);
    for (int i = 0; i < ROOM; i++)
        test_expect_strings(slow, "A", "second", NULL);
    CHECK_ERRNO(zmq_recv(slow, got, sizeof(got), ZMQ_DONTWAIT), EAGAIN);
    zmq_close(slow);
    zmq_close(fast);
    zmq_close(pub);
    zmq_ctx_term(ctx);
}

TEST(pub_shares_large_messages_among_many)
{
    enum { PEERS = 20, SIZE = 300000 };

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB), *sub[PEERS];
        char *big = malloc(SIZE), *got = malloc(SIZE);

        CHECK(big != NULL && got != NULL);
        for (size_t i = 0; i < SIZE; i++)
            big[i] = (char)(i * 31 % 251);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
        test_bind(pub, *t, endpoint);
        for (int i = 0; i < PEERS; i++) {
            sub[i] = connected(ctx, ZMQ_SUB, endpoint);
            subscribe(sub[i], "");
            expect_notice(pub, "+");
        }
        CHECK_EQ(zmq_send(pub, big, SIZE, ZMQ_SNDMORE), SIZE);
        CHECK_EQ(zmq_send(pub, big, 100, 0), 100);
        for (int i = 0; i < PEERS; i++) {
            CHECK_EQ(zmq_recv(sub[i], got, SIZE, 0), SIZE);
            CHECK_MEM(got, big, SIZE);
            CHECK_EQ(zmq_recv(sub[i], got, SIZE, 0), 100);
            CHECK_MEM(got, big, 100);
            zmq_close(sub[i]);
        }
        zmq_close(pub);
        zmq_ctx_term(ctx);
        free(big);
        free(got);
    }
}

/* What each subscriber gets of a buffer is the same memory: a publisher whose subscribers lag
 * holds one copy, not one for each. */
static void expect_one_copy(size_t size)
{
    enum { PEERS = 3 };
    static const char big[100000] = "big";
    char endpoint[TEST_ENDPOINT];
    void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB), *sub[PEERS];
    zmq_msg_t got[PEERS];

    test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
    test_bind(pub, "inproc", endpoint);
    for (int i = 0; i < PEERS; i++) {
        sub[i] = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(sub[i], "");
        expect_notice(pub, "+");
    }
    CHECK_EQ(zmq_send(pub, big, size, 0), size);
    for (int i = 0; i < PEERS; i++) {
        CHECK_OK(zmq_msg_init(&got[i]));
        CHECK_EQ(zmq_msg_recv(&got[i], sub[i], 0), size);
        CHECK_MEM(zmq_msg_data(&got[i]), big, size);
        CHECK(zmq_msg_data(&got[i]) == zmq_msg_data(&got[0]));
    }
    for (int i = 0; i < PEERS; i++) {
        CHECK_OK(zmq_msg_close(&got[i]));
        zmq_close(sub[i]);
    }
    zmq_close(pub);
    zmq_ctx_term(ctx);
}

TEST(pub_copies_a_large_buffer_once_for_all)
{
    expect_one_copy(100000);
    expect_one_copy(1024);               /* within the process */
}

TEST(invert_matching_delivers_what_does_not_match)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        void *a = new_socket(ctx, ZMQ_SUB), *b = new_socket(ctx, ZMQ_SUB);

        test_set_int(pub, ZMQ_INVERT_MATCHING, 1);
        test_set_int(a, ZMQ_INVERT_MATCHING, 1);
        test_set_int(b, ZMQ_INVERT_MATCHING, 1);
        test_bind(pub, *t, endpoint);
        CHECK_OK(zmq_connect(a, endpoint));
        subscribe(a, "A");
        expect_notice(pub, "+A");
        CHECK_OK(zmq_connect(b, endpoint));
        subscribe(b, "B");
        expect_notice(pub, "+B");

        test_send_strings(pub, "A", NULL);
        test_send_strings(pub, "B", NULL);
        test_send_strings(pub, "C", NULL);
        test_expect_strings(a, "B", NULL);
        test_expect_strings(a, "C", NULL);
        test_expect_strings(b, "A", NULL);
        test_expect_strings(b, "C", NULL);
        zmq_close(a);
        zmq_close(b);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

/* ---- Subscriptions are state: never lost, never doubled. */

static void number_topic(char topic[24], int i)
{
    snprintf(topic, 24, "market/%08x/quote", (unsigned)i * 2654435761u);
}

static void subscribe_to_many(void *sub, int count)
{
    char topic[24];

    for (int i = 0; i < count; i++) {
        number_topic(topic, i);
        subscribe(sub, topic);
    }
}

/* Each of the topics once; then the marker. */
static void expect_many(void *pub, void *sub, int count)
{
    char notice[300];

    for (int i = 0; i < count; i++)
        CHECK(strncmp(next_notice(pub, notice), "+market/", 8) == 0, "%s", notice);
    expect_no_notice_before(pub, sub, "end");
}

TEST_TIMEOUT(sub_may_subscribe_to_100000_topics_with_default_options, 120)
{
    enum { COUNT = 100000 };
    better_than_libzmq("libzmq drops subscriptions beyond SNDHWM");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT], topic[24];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);      /* would show doubles */
        test_bind(pub, *t, endpoint);

        void *before = new_socket(ctx, ZMQ_SUB);     /* subscribes, then connects */
        subscribe_to_many(before, COUNT);
        CHECK_OK(zmq_connect(before, endpoint));
        expect_many(pub, before, COUNT);
        zmq_close(before);
        for (int i = 0; i < COUNT + 1; i++) {
            char notice[300];
            CHECK_EQ(next_notice(pub, notice)[0], '-');
        }

        void *after = connected(ctx, ZMQ_SUB, endpoint);
        subscribe_to_many(after, COUNT);
        expect_many(pub, after, COUNT);
        for (int i = 0; i < COUNT; i += 9999) {
            number_topic(topic, i);
            test_send_strings(pub, topic, NULL);
            test_expect_strings(after, topic, NULL);
        }
        zmq_close(after);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST_TIMEOUT(sub_tells_all_its_topics_once_to_a_publisher_that_comes_back, 60)
{
    enum { COUNT = 3000 };
    better_than_libzmq("libzmq replays no more than SNDHWM");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        if (strcmp(*t, "inproc") == 0)
            continue;                                /* its pipes do not come back */
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        CHECK_OK(zmq_bind(pub, test_fixed_endpoint(*t, endpoint)));
        void *sub = new_socket(ctx, ZMQ_SUB);
        test_set_int(sub, ZMQ_RECONNECT_IVL, 10);
        CHECK_OK(zmq_connect(sub, endpoint));
        subscribe_to_many(sub, COUNT);
        subscribe_to_many(sub, COUNT / 2);           /* some of them twice */
        expect_many(pub, sub, COUNT);
        unsubscribe(sub, "end");
        expect_notice(pub, "-end");
        zmq_close(pub);

        pub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
        for (int tries = 0; zmq_bind(pub, endpoint) < 0; tries++) {
            CHECK_EQ(errno, EADDRINUSE);
            CHECK(tries < 10000);
            zmq_poll(NULL, 0, 1);                    /* the old one is closing */
        }
        expect_many(pub, sub, COUNT);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(sub_connected_twice_to_one_endpoint_hears_everything_once)
{
    for (const char *const *t = test_transports_of(TEST_STREAMS); *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
        test_bind(pub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);
        CHECK_OK(zmq_connect(sub, endpoint));

        subscribe(sub, "A");
        expect_notice(pub, "+A");
        expect_no_notice_before(pub, sub, "end");
        test_send_strings(pub, "A", NULL);
        test_send_strings(pub, "end", NULL);
        test_expect_strings(sub, "A", NULL);
        test_expect_strings(sub, "end", NULL);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(a_conflating_sub_keeps_the_newest_message_and_all_its_topics)
{
    better_than_libzmq("libzmq conflates the subscriptions too");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(pub, ZMQ_SNDHWM, 0);            /* drops none of its own accord */
        test_bind(pub, *t, endpoint);
        void *sub = new_socket(ctx, ZMQ_SUB);
        test_set_int(sub, ZMQ_CONFLATE, 1);
        CHECK_OK(zmq_connect(sub, endpoint));
        subscribe(sub, "A");
        subscribe(sub, "B");
        subscribe(sub, "C");
        for (int i = 0; i < 3; i++) {
            char notice[300];
            CHECK_EQ(next_notice(pub, notice)[0], '+');
        }

        char got[8] = "";
        for (int i = 0; i < 1000; i++)
            test_send_strings(pub, "A", NULL);
        test_send_strings(pub, "B", NULL);
        for (int i = 0; got[0] != 'B'; i++) {
            CHECK(i < 1000, "all of them came");
            CHECK_EQ(zmq_recv(sub, got, sizeof(got), 0), 1);
        }
        CHECK_ERRNO(zmq_recv(sub, got, sizeof(got), ZMQ_DONTWAIT), EAGAIN);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

TEST(topics_count_is_the_number_of_distinct_prefixes)
{
    better_than_libzmq("libzmq 4.3.4 has no ZMQ_TOPICS_COUNT");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *pub = new_socket(ctx, ZMQ_XPUB);
        test_bind(pub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);

        CHECK_EQ(test_get_int(pub, ZMQ_TOPICS_COUNT), 0);
        subscribe(sub, "");
        subscribe(sub, "A");
        subscribe(sub, "A");
        subscribe(sub, "AB");
        CHECK_EQ(test_get_int(sub, ZMQ_TOPICS_COUNT), 3);
        expect_notice(pub, "+");
        expect_notice(pub, "+A");
        expect_notice(pub, "+AB");
        CHECK_EQ(test_get_int(pub, ZMQ_TOPICS_COUNT), 3);
        unsubscribe(sub, "");
        expect_notice(pub, "-");
        CHECK_EQ(test_get_int(sub, ZMQ_TOPICS_COUNT), 2);
        CHECK_EQ(test_get_int(pub, ZMQ_TOPICS_COUNT), 2);
        zmq_close(sub);
        zmq_close(pub);
        zmq_ctx_term(ctx);
    }
}

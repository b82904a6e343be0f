/* tests/patterns/xpub_test.c - what XPUB tells its application, and its options. */
#include "tests/patterns/pubsub.h"

/* ---- Which notices are passed up: little plays of three subscribers. A step is who
 * (a, b, c), what (+ subscribe, - unsubscribe, ! leave) and the topic; then what XPUB
 * is told because of it, in any order, words apart. */

enum { STEPS = 12, ACTORS = 3, MOST = 16 };

struct play {
    const char *what;
    int option;
    struct {
        const char *action, *told;
    } steps[STEPS];
};

struct told {
    int count;
    char text[MOST][40];
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void add_told(struct told *told, const char *text, size_t size)
{
    CHECK(told->count < MOST && size < sizeof(told->text[0]));
    memcpy(told->text[told->count], text, size);
    told->text[told->count++][size] = '\0';
}

static void add_words(struct told *told, const char *words)
{
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        add_told(told, words, size);
        words += size + strspn(words + size, " ");
    }
}

/* Who acts subscribes to a marker of its own afterwards: once XPUB is told of that (or,
 * should it leave, of all its cancels) it has been told of everything. */
static void act(void *xpub, void **actors, const struct play *play, int step,
                const char *transport)
{
    const char *action = play->steps[step].action;
    int who = action[0] - 'a';
    struct told want = { 0 }, got = { 0 };
    char marker[16], notice[300];

    add_words(&want, play->steps[step].told);
    if (action[1] == '!') {
        for (int i = 0; i < step; i++)
            if (play->steps[i].action[0] == action[0]) {
                int n = snprintf(marker, sizeof(marker), "-#%d", i);
                add_told(&want, marker, (size_t)n);
            }
        zmq_close(actors[who]);
        actors[who] = NULL;
    } else {
        (action[1] == '+' ? subscribe : unsubscribe)(actors[who], action + 2);
        int n = snprintf(marker, sizeof(marker), "+#%d", step);
        subscribe(actors[who], marker + 1);
        add_told(&want, marker, (size_t)n);
    }

    while (got.count < want.count) {
        next_notice(xpub, notice);
        add_told(&got, notice, strlen(notice));
    }
    qsort(want.text, (size_t)want.count, sizeof(want.text[0]), by_text);
    qsort(got.text, (size_t)got.count, sizeof(got.text[0]), by_text);
    for (int i = 0; i < want.count; i++)
        CHECK_STR(got.text[i], want.text[i], "%s: %s, %s", transport, play->what, action);
}

TEST(xpub_is_told_what_its_options_say)
{
    static const struct play plays[] = {
        { "by default the first and the last of each topic",
          0,
          { { "a+A", "+A" },
            { "a+A", "" },
            { "a+B", "+B" },
            { "b+A", "" },
            { "b+C", "+C" },
            { "b-C", "-C" },
            { "b+C", "+C" },
            { "a!", "-B" },
            { "b!", "-A -C" } } },
        { "verbose: every subscription",
          ZMQ_XPUB_VERBOSE,
          { { "a+A", "+A" },
            { "a+A", "+A" },
            { "b+A", "+A" },
            { "a-A", "" },
            { "a-A", "" },
            { "b-A", "-A" },
            { "a+A", "+A" },
            { "b+A", "+A" },
            { "a!", "" },
            { "b!", "-A" } } },
        { "verboser: every cancel as well",
          ZMQ_XPUB_VERBOSER,
          { { "a+A", "+A" },
            { "a+A", "+A" },
            { "b+A", "+A" },
            { "b+B", "+B" },
            { "a!", "-A" },
            { "b-A", "-A" },
            { "b!", "-B" } } },
        { "manual: everything",
          ZMQ_XPUB_MANUAL,
          { { "a+A", "+A" },
            { "b+A", "+A" },
            { "b+A", "+A" },
            { "b-A", "" },
            { "a+", "+" },
            { "b+", "+" },
            { "c+C", "+C" },
            { "c-C", "-C" },
            { "a!", "- -A" },
            { "b!", "- -A" },
            { "c!", "" } } },
        { "a topic within a topic is another one",
          0,
          { { "a+AB", "+AB" },
            { "b+A", "+A" },
            { "c+ABC", "+ABC" },
            { "b+ABC", "" },
            { "c+", "+" },
            { "b!", "-A" },
            { "a!", "-AB" },
            { "c!", "-ABC -" } } },
    };

    EACH_TRANSPORT(t)
    for (size_t i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB), *actors[ACTORS];
        if (plays[i].option != 0)
            test_set_int(xpub, plays[i].option, 1);
        test_bind(xpub, *t, endpoint);
        for (int k = 0; k < ACTORS; k++)
            actors[k] = connected(ctx, ZMQ_SUB, endpoint);

        for (int k = 0; k < STEPS && plays[i].steps[k].action != NULL; k++)
            act(xpub, actors, &plays[i], k, *t);
        CHECK_ERRNO(zmq_recv(xpub, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        for (int k = 0; k < ACTORS; k++)
            if (actors[k] != NULL)
                zmq_close(actors[k]);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* No ZeroMQ socket cancels what it does not hold, so a DEALER does it. */
TEST(xpub_passes_up_a_cancel_of_what_nobody_holds)
{
    char endpoint[TEST_ENDPOINT];
    void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
    test_bind(xpub, "inproc", endpoint);
    void *peer = connected(ctx, ZMQ_DEALER, endpoint);

    send_notice(peer, '-', "Z", 0);
    expect_notice(xpub, "-Z");
    send_notice(peer, '+', "Z", 0);
    send_notice(peer, '+', "Z", 0);
    send_notice(peer, '-', "Z", 0);
    send_notice(peer, '-', "Z", 0);
    expect_notice(xpub, "+Z");
    expect_notice(xpub, "-Z");
    expect_notice(xpub, "-Z");
    zmq_close(peer);
    zmq_close(xpub);
    zmq_ctx_term(ctx);
}

/* ---- MANUAL. */

TEST(xpub_manual_subscribes_the_peer_that_was_heard_last)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_MANUAL, 1);
        test_bind(xpub, *t, endpoint);
        subscribe(xpub, "nobody was heard yet");
        void *a = connected(ctx, ZMQ_SUB, endpoint);
        void *b = connected(ctx, ZMQ_SUB, endpoint);

        subscribe(a, "A");
        subscribe(a, "XA");
        expect_notice(xpub, "+A");
        expect_notice(xpub, "+XA");
        subscribe(xpub, "XA");                       /* in place of A */
        subscribe(b, "A");
        expect_notice(xpub, "+A");
        subscribe(xpub, "A");
        unsubscribe(xpub, "unknown");

        test_send_strings(xpub, "A1", NULL);
        test_send_strings(xpub, "XA1", NULL);
        test_expect_strings(a, "XA1", NULL);
        test_expect_strings(b, "A1", NULL);

        unsubscribe(b, "A");                         /* not applied by itself */
        expect_notice(xpub, "-A");
        subscribe(b, "A");
        expect_notice(xpub, "+A");
        test_send_strings(xpub, "A2", NULL);
        test_expect_strings(b, "A2", NULL);
        unsubscribe(xpub, "A");
        subscribe(xpub, "A3");
        test_send_strings(xpub, "A2", NULL);
        test_send_strings(xpub, "A3", NULL);
        test_expect_strings(b, "A3", NULL);

        zmq_close(b);
        expect_notice(xpub, "-A");
        subscribe(xpub, "nobody again");
        test_send_strings(xpub, "XA2", NULL);
        test_expect_strings(a, "XA2", NULL);
        zmq_close(a);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xpub_manual_last_value_sends_once_to_the_peer_that_was_heard_last)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_MANUAL_LAST_VALUE, 1);
        test_bind(xpub, *t, endpoint);
        void *a = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(a, "A");
        expect_notice(xpub, "+A");
        subscribe(xpub, "A");
        test_send_strings(xpub, "A to a", NULL);
        void *b = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(b, "A");
        expect_notice(xpub, "+A");
        subscribe(xpub, "A");

        test_send_strings(xpub, "A to b", "second", NULL);
        test_send_strings(xpub, "A to both", NULL);
        test_expect_strings(a, "A to a", NULL);
        test_expect_strings(a, "A to both", NULL);
        test_expect_strings(b, "A to b", "second", NULL);
        test_expect_strings(b, "A to both", NULL);
        zmq_close(a);
        zmq_close(b);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* What is no subscription does not change who was heard last. */
TEST(xpub_manual_takes_no_notice_of_who_sends_other_messages)
{
    EACH_TRANSPORT(t)
    for (int last_value = 0; last_value < 2; last_value++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, last_value ? ZMQ_XPUB_MANUAL_LAST_VALUE : ZMQ_XPUB_MANUAL, 1);
        test_bind(xpub, *t, endpoint);
        void *a = connected(ctx, ZMQ_XSUB, endpoint);
        void *b = connected(ctx, ZMQ_XSUB, endpoint);

        send_notice(a, '+', "A", 0);
        expect_notice(xpub, "+A");
        test_send_strings(b, "hello", "from b", NULL);
        test_expect_strings(xpub, "hello", "from b", NULL);
        subscribe(xpub, "A");                        /* for a */
        test_send_strings(xpub, "A1", NULL);
        test_expect_strings(a, "A1", NULL);
        test_send_strings(b, "hello again", NULL);
        test_expect_strings(xpub, "hello again", NULL);
        test_send_strings(xpub, "A2", NULL);         /* b does not get it in a's place */
        test_expect_strings(a, "A2", NULL);

        send_notice(b, '+', "B", 0);
        expect_notice(xpub, "+B");
        subscribe(xpub, "B");
        test_send_strings(xpub, "B1", NULL);
        test_expect_strings(b, "B1", NULL);
        zmq_close(a);
        zmq_close(b);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* ---- Other options. */

TEST(xpub_welcomes_each_peer_before_anything_else)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        CHECK_OK(zmq_setsockopt(xpub, ZMQ_XPUB_WELCOME_MSG, "welcome", 7));
        test_bind(xpub, *t, endpoint);

        void *a = connected(ctx, ZMQ_XSUB, endpoint);
        send_notice(a, '+', "A", 0);
        expect_notice(xpub, "+A");
        test_expect_strings(a, "welcome", NULL);
        test_send_strings(xpub, "A", NULL);
        test_expect_strings(a, "A", NULL);

        CHECK_OK(zmq_setsockopt(xpub, ZMQ_XPUB_WELCOME_MSG, NULL, 0));
        void *b = connected(ctx, ZMQ_XSUB, endpoint);
        send_notice(b, '+', "B", 0);
        expect_notice(xpub, "+B");
        test_send_strings(xpub, "B", NULL);
        test_expect_strings(b, "B", NULL);
        zmq_close(a);
        zmq_close(b);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xpub_nodrop_waits_for_the_slowest_that_matches)
{
    enum { ROOM = 2 + 2 };
    char endpoint[TEST_ENDPOINT];
    void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);

    test_set_int(xpub, ZMQ_XPUB_NODROP, 1);
    test_set_int(xpub, ZMQ_SNDHWM, 2);
    test_bind(xpub, "inproc", endpoint);             /* where the limit is exact */
    void *slow = new_socket(ctx, ZMQ_SUB), *fast = new_socket(ctx, ZMQ_SUB);
    test_set_int(slow, ZMQ_RCVHWM, 2);
    test_set_int(fast, ZMQ_RCVHWM, 0);
    CHECK_OK(zmq_connect(slow, endpoint));
    CHECK_OK(zmq_connect(fast, endpoint));
    subscribe(slow, "A");
    expect_notice(xpub, "+A");
    subscribe(fast, "");
    expect_notice(xpub, "+");

    for (int i = 0; i < ROOM; i++)
        CHECK_OK(zmq_send(xpub, "A", 1, ZMQ_DONTWAIT));
    CHECK_ERRNO(zmq_send(xpub, "A", 1, ZMQ_DONTWAIT), EAGAIN);
    test_set_int(xpub, ZMQ_SNDTIMEO, 20);
    CHECK_ERRNO(zmq_send(xpub, "A", 1, 0), EAGAIN);
    CHECK_OK(zmq_send(xpub, "B", 1, ZMQ_DONTWAIT));  /* slow has no part in that */
    for (int i = 0; i < ROOM; i++) {
        test_expect_strings(fast, "A", NULL);
        test_expect_strings(slow, "A", NULL);
    }
    test_expect_strings(fast, "B", NULL);            /* and none that was refused */
    test_set_int(xpub, ZMQ_SNDTIMEO, PUBSUB_PATIENCE * test_patience());
    test_send_strings(xpub, "A again", NULL);
    test_expect_strings(slow, "A again", NULL);
    test_expect_strings(fast, "A again", NULL);
    zmq_close(slow);
    zmq_close(fast);
    zmq_close(xpub);
    zmq_ctx_term(ctx);
}

static void *read_slowly(void *sub)
{
    for (int i = 0; i < 200; i++)
        test_expect_strings(sub, "A", NULL);
    return NULL;
}

TEST(xpub_nodrop_loses_nothing_to_a_slow_reader)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_NODROP, 1);
        test_set_int(xpub, ZMQ_SNDHWM, 1);
        test_bind(xpub, *t, endpoint);
        void *sub = new_socket(ctx, ZMQ_SUB);
        test_set_int(sub, ZMQ_RCVHWM, 1);
        CHECK_OK(zmq_connect(sub, endpoint));
        subscribe(sub, "A");
        expect_notice(xpub, "+A");

        struct test_thread *reader = test_thread_start(read_slowly, sub);
        for (int i = 0; i < 200; i++)
            test_send_strings(xpub, "A", NULL);
        test_thread_join(reader);
        zmq_close(sub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xpub_says_no_to_what_its_options_cannot_be)
{
    static const struct {
        const char *what;
        int option, value;
        size_t size;
        int want;
    } cases[] = {
        { "verbose", ZMQ_XPUB_VERBOSE, 2, 4, 0 },
        { "verbose, negative", ZMQ_XPUB_VERBOSE, -1, 4, EINVAL },
        { "verbose, too short", ZMQ_XPUB_VERBOSE, 0, 1, EINVAL },
        { "verboser, negative", ZMQ_XPUB_VERBOSER, -1, 4, EINVAL },
        { "nodrop, negative", ZMQ_XPUB_NODROP, -1, 4, EINVAL },
        { "manual, negative", ZMQ_XPUB_MANUAL, -1, 4, EINVAL },
        { "last value, negative", ZMQ_XPUB_MANUAL_LAST_VALUE, -1, 4, EINVAL },
        { "only first, negative", ZMQ_ONLY_FIRST_SUBSCRIBE, -1, 4, EINVAL },
        { "only first", ZMQ_ONLY_FIRST_SUBSCRIBE, 1, 4, 0 },
        { "subscribe, not manual", ZMQ_SUBSCRIBE, 0, 1, EINVAL },
        { "unsubscribe, not manual", ZMQ_UNSUBSCRIBE, 0, 1, EINVAL },
        { "manual", ZMQ_XPUB_MANUAL, 1, 4, 0 },
        { "subscribe, manual", ZMQ_SUBSCRIBE, 0, 1, 0 },
        { "unsubscribe, manual", ZMQ_UNSUBSCRIBE, 0, 1, 0 },
        { "welcome of any size", ZMQ_XPUB_WELCOME_MSG, 0, 3, 0 },
    };
    static const int types[] = { ZMQ_PUB, ZMQ_XPUB };
    void *ctx = zmq_ctx_new();

    for (size_t k = 0; k < 2; k++) {
        void *s = new_socket(ctx, types[k]);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            int value = 0;
            size_t size = sizeof(value);
            int rc = zmq_setsockopt(s, cases[i].option, &cases[i].value, cases[i].size);
            CHECK_EQ(rc, cases[i].want == 0 ? 0 : -1, "%s", cases[i].what);
            if (rc < 0)
                CHECK_EQ(errno, cases[i].want, "%s", cases[i].what);
            CHECK_ERRNO(zmq_getsockopt(s, cases[i].option, &value, &size), EINVAL);
        }
        zmq_close(s);
    }
    zmq_ctx_term(ctx);
}

/* ---- Messages from below. */

TEST(xpub_receives_what_is_no_subscription_as_it_is)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_bind(xpub, *t, endpoint);
        void *xsub = connected(ctx, ZMQ_XSUB, endpoint);

        CHECK_EQ(test_get_int(xpub, ZMQ_EVENTS), ZMQ_POLLOUT);
        test_send_strings(xsub, "hello", "", "world", NULL);
        test_send_strings(xsub, "", NULL);
        test_send_strings(xsub, "\2 is no sign", NULL);
        test_expect_strings(xpub, "hello", "", "world", NULL);
        test_expect_strings(xpub, "", NULL);
        zmq_pollitem_t item = { xpub, 0, ZMQ_POLLIN, 0 };
        CHECK_EQ(zmq_poll(&item, 1, -1), 1);
        CHECK_EQ(test_get_int(xpub, ZMQ_EVENTS), ZMQ_POLLOUT | ZMQ_POLLIN);
        test_expect_strings(xpub, "\2 is no sign", NULL);
        CHECK_EQ(test_get_int(xpub, ZMQ_EVENTS), ZMQ_POLLOUT);
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* The connection comes up between two frames: the message is whole, and the subscriptions
 * that were held come after it. */
TEST(xsub_message_under_way_when_the_connection_comes_up_is_not_cut)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        void *xsub = connected(ctx, ZMQ_XSUB, test_fixed_endpoint(*t, endpoint));

        send_notice(xsub, '+', "A", 0);
        CHECK_OK(zmq_send(xsub, "hello", 5, ZMQ_SNDMORE));
        CHECK_OK(zmq_setsockopt(xpub, ZMQ_XPUB_WELCOME_MSG, "hi", 2));
        CHECK_OK(zmq_bind(xpub, endpoint));
        test_expect_strings(xsub, "hi", NULL);
        CHECK_OK(zmq_send(xsub, "to", 2, ZMQ_SNDMORE));
        CHECK_OK(zmq_send(xsub, "all", 3, 0));
        test_expect_strings(xpub, "hello", "to", "all", NULL);
        expect_notice(xpub, "+A");
        test_send_strings(xpub, "A", NULL);
        test_expect_strings(xsub, "A", NULL);
        zmq_close(xsub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(xpub_looks_for_subscriptions_in_every_frame_unless_told_not_to)
{
    /* A DEALER over inproc sends what XSUB would see to itself. */
    static const struct {
        const char *what;
        int only_first;
        const char *frames[4], *told[4];
    } cases[] = {
        { "in the middle", 0, { "hi", "+B", "end" }, { "'hi'&", "+B", "'end'" } },
        { "at the end", 0, { "hi", "+B" }, { "'hi'&", "+B" } },
        { "at the start", 0, { "+A", "tail" }, { "+A", "'tail'" } },
        { "only first: in the middle",
          1,
          { "hi", "+B", "end" },
          { "'hi'&", "+B&", "'end'" } },
        { "only first: all of them", 1, { "+A", "+B" }, { "+A", "+B" } },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        if (cases[i].only_first)
            test_set_int(xpub, ZMQ_ONLY_FIRST_SUBSCRIBE, 1);
        test_bind(xpub, "inproc", endpoint);
        void *peer = connected(ctx, ZMQ_DEALER, endpoint);

        for (int k = 0; k < 4 && cases[i].frames[k] != NULL; k++) {
            const char *frame = cases[i].frames[k];
            int more = k < 3 && cases[i].frames[k + 1] != NULL ? ZMQ_SNDMORE : 0;
            if (frame[0] == '+')
                send_notice(peer, '+', frame + 1, more);
            else
                CHECK_OK(zmq_send(peer, frame, strlen(frame), more));
        }
        for (int k = 0; k < 4 && cases[i].told[k] != NULL; k++) {
            char notice[300];
            CHECK_STR(next_notice(xpub, notice), cases[i].told[k], "%s, %d",
                      cases[i].what, k);
        }
        zmq_close(peer);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(notices_carry_the_properties_of_the_peer)
{
    for (const char *const *t = test_transports_of(TEST_STREAMS); *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_bind(xpub, *t, endpoint);
        void *a = connected(ctx, ZMQ_SUB, endpoint);
        zmq_msg_t m;

        subscribe(a, "A");
        CHECK_OK(zmq_msg_init(&m));
        CHECK_EQ(zmq_msg_recv(&m, xpub, 0), 2);
        CHECK_STR(zmq_msg_gets(&m, "Socket-Type"), "SUB");

        void *b = connected(ctx, ZMQ_XSUB, endpoint);
        send_notice(b, '+', "B", 0);
        CHECK_EQ(zmq_msg_recv(&m, xpub, 0), 2);
        CHECK_STR(zmq_msg_gets(&m, "Socket-Type"), "XSUB");

        zmq_close(a);                                /* nobody sent this one */
        CHECK_EQ(zmq_msg_recv(&m, xpub, 0), 2);
        CHECK(zmq_msg_gets(&m, "Socket-Type") == NULL);
        CHECK_OK(zmq_msg_close(&m));
        zmq_close(b);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(notices_wait_without_a_limit)
{
    enum { COUNT = 5000 };

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT], notice[300];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_RCVHWM, 1);
        test_bind(xpub, *t, endpoint);
        void *sub = new_socket(ctx, ZMQ_SUB);
        test_set_int(sub, ZMQ_SNDHWM, 0);            /* for libzmq's sake */
        CHECK_OK(zmq_connect(sub, endpoint));

        for (int i = 0; i < COUNT; i++) {
            char topic[64];
            snprintf(topic, sizeof(topic), "%0*d", 1 + i % 50, i);
            subscribe(sub, topic);
        }
        subscribe(sub, "end");
        int told = 0;
        while (strcmp(next_notice(xpub, notice), "+end") != 0)
            told++;
        CHECK(told > COUNT * 9 / 10 && told <= COUNT);
        zmq_close(sub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* CVE-2021-20236: what one peer subscribes to must not exhaust the stack. */
TEST(a_very_long_topic_may_be_subscribed_to_and_cancelled)
{
    enum { LONG = 300000 };
    better_than_libzmq("libzmq 4.3.4 overflows its stack");
    char *topic = malloc(LONG), *got = malloc(LONG + 1);

    CHECK(topic != NULL && got != NULL);
    for (size_t i = 0; i < LONG; i++)
        topic[i] = (char)('a' + i % 23);
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_bind(xpub, *t, endpoint);
        void *sub = connected(ctx, ZMQ_SUB, endpoint);

        CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, LONG));
        CHECK_EQ(zmq_recv(xpub, got, LONG + 1, 0), LONG + 1);
        CHECK_MEM(got + 1, topic, LONG);
        CHECK_EQ(zmq_send(xpub, topic, LONG - 1, 0), LONG - 1);
        CHECK_EQ(zmq_send(xpub, topic, LONG, 0), LONG);
        CHECK_EQ(zmq_recv(sub, got, LONG, 0), LONG);
        CHECK_OK(zmq_setsockopt(sub, ZMQ_UNSUBSCRIBE, topic, LONG));
        CHECK_EQ(zmq_recv(xpub, got, LONG + 1, 0), LONG + 1);
        CHECK_EQ(got[0], 0);
        CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, LONG));
        CHECK_EQ(zmq_recv(xpub, got, LONG + 1, 0), LONG + 1);
        zmq_close(sub);                              /* cancelled by leaving */
        CHECK_EQ(zmq_recv(xpub, got, LONG + 1, 0), LONG + 1);
        CHECK_EQ(got[0], 0);
        CHECK_MEM(got + 1, topic, LONG);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
    free(topic);
    free(got);
}

TEST(a_connecting_xpub_forgets_what_a_lost_peer_wanted)
{
    better_than_libzmq("libzmq goes on sending to the pipe of the peer that was lost");

    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        if (strcmp(*t, "inproc") == 0)
            continue;                                /* its pipes do not come back */
        void *ctx = zmq_ctx_new(), *sub = new_socket(ctx, ZMQ_SUB);
        CHECK_OK(zmq_bind(sub, test_fixed_endpoint(*t, endpoint)));
        subscribe(sub, "A");
        void *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_RECONNECT_IVL, 10);
        CHECK_OK(zmq_connect(xpub, endpoint));
        expect_notice(xpub, "+A");
        zmq_close(sub);
        expect_notice(xpub, "-A");

        sub = new_socket(ctx, ZMQ_SUB);
        subscribe(sub, "A");
        subscribe(sub, "B");
        for (int tries = 0; zmq_bind(sub, endpoint) < 0; tries++) {
            CHECK_EQ(errno, EADDRINUSE);
            CHECK(tries < 10000);
            zmq_poll(NULL, 0, 1);                    /* the old one is closing */
        }
        char first[300], second[300];
        next_notice(xpub, first);
        next_notice(xpub, second);
        CHECK(strcmp(first, "+A") == 0
                  ? strcmp(second, "+B") == 0
                  : strcmp(first, "+B") == 0 && strcmp(second, "+A") == 0,
              "%s, %s", first, second);
        test_send_strings(xpub, "B", NULL);
        test_expect_strings(sub, "B", NULL);
        zmq_close(sub);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

TEST(a_subscriber_that_leaves_midway_takes_nobody_along)
{
    EACH_TRANSPORT(t)
    {
        char endpoint[TEST_ENDPOINT];
        void *ctx = zmq_ctx_new(), *xpub = new_socket(ctx, ZMQ_XPUB);
        test_set_int(xpub, ZMQ_XPUB_VERBOSER, 1);
        test_bind(xpub, *t, endpoint);
        void *a = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(a, "");
        expect_notice(xpub, "+");
        void *b = connected(ctx, ZMQ_SUB, endpoint);
        subscribe(b, "");
        expect_notice(xpub, "+");

        CHECK_OK(zmq_send(xpub, "1", 1, ZMQ_SNDMORE));
        zmq_close(a);
        expect_notice(xpub, "-");
        void *c = connected(ctx, ZMQ_SUB, endpoint); /* it was not there at the start */
        subscribe(c, "");
        expect_notice(xpub, "+");
        CHECK_OK(zmq_send(xpub, "2", 1, ZMQ_SNDMORE));
        CHECK_OK(zmq_send(xpub, "3", 1, 0));
        test_send_strings(xpub, "next", NULL);
        test_expect_strings(b, "1", "2", "3", NULL);
        test_expect_strings(b, "next", NULL);
        test_expect_strings(c, "next", NULL);
        zmq_close(b);
        zmq_close(c);
        zmq_close(xpub);
        zmq_ctx_term(ctx);
    }
}

/* wire_test.c - zmq.h's sockets against peers that speak every ZMTP by hand. */

#include "tests/api/raw.h"

TEST(greeting_goes_out_at_once_and_is_completed_to_the_peers_version)
{
    static const struct {
        const char *what, *say;
        size_t said;
        const char *hear;
        size_t heard;
    } cases[] = {
        { "3.1", "\3\1", 2, "\3\1NULL", 6 },
        { "3.0", "\3\0", 2, "\3\1NULL", 6 },
        { "3.9, a later minor", "\3\11", 2, "\3\1NULL", 6 },
        { "4.0, a later major", "\4\0", 2, "\3\1NULL", 6 },
        { "2.0", "\1\7", 2, "\3\10", 2 },         /* then the type: PUSH is 8 */
        { "1.0", "\0\7", 2, "\3\10", 2 },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = raw_connect(endpoint);
        char got[8];

        RAW_EXPECT(fd, SIGNATURE);
        RAW_SEND(fd, SIGNATURE);
        RAW_EXPECT(fd, "\3");                     /* before it knows our version */
        raw_send(fd, cases[i].say, cases[i].said);
        raw_recv(fd, got, cases[i].heard - 1);
        CHECK_EQ(memcmp(got, cases[i].hear + 1, cases[i].heard - 1), 0, "%s",
                 cases[i].what);
        close(fd);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(signature_carries_the_length_of_the_routing_id)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX];

    CHECK(zmq_setsockopt(s, ZMQ_ROUTING_ID, "three", 5) == 0);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    int fd = raw_connect(endpoint);
    RAW_EXPECT(fd, "\377\0\0\0\0\0\0\0\6\177");
    close(fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(ready_names_the_type_and_for_some_types_the_identity)
{
    static const struct {
        int type;
        const char *name, *peer;
        int identity;
    } cases[] = {
        { ZMQ_PAIR, "PAIR", "PAIR", 0 },       { ZMQ_PUB, "PUB", "SUB", 0 },
        { ZMQ_SUB, "SUB", "PUB", 0 },          { ZMQ_REQ, "REQ", "REP", 1 },
        { ZMQ_REP, "REP", "REQ", 0 },          { ZMQ_DEALER, "DEALER", "ROUTER", 1 },
        { ZMQ_ROUTER, "ROUTER", "DEALER", 1 }, { ZMQ_PULL, "PULL", "PUSH", 0 },
        { ZMQ_PUSH, "PUSH", "PULL", 0 },       { ZMQ_XPUB, "XPUB", "XSUB", 0 },
        { ZMQ_XSUB, "XSUB", "XPUB", 0 },
    };
    static const char *const ids[] = { "", "my name" };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases) * 2; i++) {
        void *s = open_socket(ctx, cases[i / 2].type);
        const char *name = cases[i / 2].name, *id = ids[i % 2];
        char endpoint[ENDPOINT_MAX], got[600], value[256];
        int flags;

        if (*id)
            CHECK(zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id)) == 0);
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        struct peer p = { raw_connect(endpoint), V31, "" };
        RAW_SEND(p.fd, GREETING_31);
        send_ready(&p, cases[i / 2].peer, "");
        raw_recv(p.fd, got, 64);
        size_t len = zmtp_recv(&p, &flags, got, sizeof got);

        CHECK_EQ(flags, COMMAND, "%s", name);
        CHECK(memcmp(got, "\5READY", 6) == 0);
        CHECK_EQ(ready_property(got, len, "Socket-Type", value), strlen(name), "%s",
                 name);
        CHECK(strcmp(value, name) == 0);
        CHECK_EQ(ready_property(got, len, "Identity", value),
                 cases[i / 2].identity ? (int)strlen(id) : -1, "%s: Identity", name);
        close(p.fd);
        close_socket(s);
    }
    end_ctx(ctx);
}

/* ---- every pattern, in every version ---- */

struct talk {
    void *s;
    struct peer p;
};

static void talk_pair(struct talk *t)
{
    ZMTP_SEND(&t->p, 0, "to you");
    expect_text(t->s, "to you");
    send_text(t->s, "to me");
    ZMTP_EXPECT(&t->p, 0, "to me");
}

static void talk_push(struct talk *t)
{
    char big[300] = { 0 };

    send_flags(t->s, "a", ZMQ_SNDMORE);
    send_flags(t->s, "", ZMQ_SNDMORE);
    CHECK(zmq_send(t->s, big, sizeof big, 0) == sizeof big);
    ZMTP_EXPECT(&t->p, MORE, "a");
    ZMTP_EXPECT(&t->p, MORE, "");
    zmtp_expect(&t->p, 0, big, sizeof big);
}

static void talk_pull(struct talk *t)
{
    static const size_t sizes[] = { 0, 1, 253, 254, 255, 256, 300 };
    char big[300] = { 0 };

    for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
        ZMTP_SEND(&t->p, MORE, "head");
        zmtp_send(&t->p, 0, big, sizes[i]);
        expect_flags(t->s, "head", 1);
        CHECK_EQ(zmq_recv(t->s, big, sizeof big, 0), sizes[i], "size");
        CHECK(test_get_int(t->s, ZMQ_RCVMORE) == 0);
    }
}

static void talk_req(struct talk *t)
{
    for (int i = 0; i < 2; i++) {
        send_text(t->s, "question");
        ZMTP_EXPECT(&t->p, MORE, "");
        ZMTP_EXPECT(&t->p, 0, "question");
        ZMTP_SEND(&t->p, MORE, "");
        ZMTP_SEND(&t->p, 0, "answer");
        expect_text(t->s, "answer");
    }
}

static void talk_rep(struct talk *t)
{
    ZMTP_SEND(&t->p, MORE, "address");
    ZMTP_SEND(&t->p, MORE, "");
    ZMTP_SEND(&t->p, MORE, "one");
    ZMTP_SEND(&t->p, 0, "two");
    expect_flags(t->s, "one", 1);
    expect_flags(t->s, "two", 0);
    send_text(t->s, "answer");
    ZMTP_EXPECT(&t->p, MORE, "address");
    ZMTP_EXPECT(&t->p, MORE, "");
    ZMTP_EXPECT(&t->p, 0, "answer");
}

static void talk_router(struct talk *t)
{
    ZMTP_SEND(&t->p, 0, "hello");
    expect_flags(t->s, "its id", 1);
    expect_text(t->s, "hello");
    send_flags(t->s, "its id", ZMQ_SNDMORE);
    send_flags(t->s, "a", ZMQ_SNDMORE);
    send_text(t->s, "b");
    ZMTP_EXPECT(&t->p, MORE, "a");
    ZMTP_EXPECT(&t->p, 0, "b");
}

static void talk_sub(struct talk *t)
{
    CHECK(zmq_setsockopt(t->s, ZMQ_SUBSCRIBE, "ab", 2) == 0);
    touch_until_readable(t->s, t->p.fd);
    if (t->p.version == V31)
        ZMTP_EXPECT(&t->p, COMMAND, "\11SUBSCRIBEab");
    else
        ZMTP_EXPECT(&t->p, 0, "\1ab");
    ZMTP_SEND(&t->p, 0, "a");                     /* filtered again on this side */
    ZMTP_SEND(&t->p, 0, "abc");
    expect_text(t->s, "abc");
    CHECK(zmq_setsockopt(t->s, ZMQ_UNSUBSCRIBE, "ab", 2) == 0);
    if (t->p.version == V31)
        ZMTP_EXPECT(&t->p, COMMAND, "\6CANCELab");
    else
        ZMTP_EXPECT(&t->p, 0, "\0ab");
}

static void talk_xsub(struct talk *t)
{
    CHECK(zmq_send(t->s, "\1ab", 3, 0) == 3);
    touch_until_readable(t->s, t->p.fd);
    if (t->p.version == V31) {                    /* either form is a subscription */
        char got[32];
        int flags;
        size_t n = zmtp_recv(&t->p, &flags, got, sizeof got);
        CHECK((n == 3 && memcmp(got, "\1ab", 3) == 0) ||
              (n == 12 && memcmp(got, "\11SUBSCRIBEab", 12) == 0));
    } else {
        ZMTP_EXPECT(&t->p, 0, "\1ab");
    }
    ZMTP_SEND(&t->p, 0, "anything");
    expect_text(t->s, "anything");
}

static void talk_xpub(struct talk *t)
{
    ZMTP_SEND(&t->p, 0, "\1ab");
    if (t->p.version == UNVERSIONED) {            /* subscribed to all from the start */
        expect_text(t->s, "\1");
    }
    expect_text(t->s, "\1ab");
    if (t->p.version == V31) {
        ZMTP_SEND(&t->p, COMMAND, "\11SUBSCRIBEcd");
        expect_text(t->s, "\1cd");
        ZMTP_SEND(&t->p, COMMAND, "\6CANCELcd");
        char got[8];
        CHECK(zmq_recv(t->s, got, sizeof got, 0) == 3 && memcmp(got, "\0cd", 3) == 0);
    }
    send_text(t->s, "abc");
    ZMTP_EXPECT(&t->p, 0, "abc");
}

static void talk_pub(struct talk *t)
{
    struct pollfd ready = { t->p.fd, POLLIN, 0 };

    if (t->p.version != UNVERSIONED)
        ZMTP_SEND(&t->p, 0, "\1ab");
    for (long end = now_ms() + PATIENCE; poll(&ready, 1, 5) == 0;) {
        send_text(t->s, "abc");                   /* until the subscription has acted */
        CHECK(now_ms() < end);
    }
    ZMTP_EXPECT(&t->p, 0, "abc");
}

static const struct pattern {
    const char *name, *peer;
    int type;
    void (*talk)(struct talk *);
} patterns[] = {
    { "PAIR", "PAIR", ZMQ_PAIR, talk_pair },
    { "PUSH", "PULL", ZMQ_PUSH, talk_push },
    { "PULL", "PUSH", ZMQ_PULL, talk_pull },
    { "REQ", "REP", ZMQ_REQ, talk_req },
    { "REP", "REQ", ZMQ_REP, talk_rep },
    { "DEALER", "ROUTER", ZMQ_DEALER, talk_pair },
    { "ROUTER", "DEALER", ZMQ_ROUTER, talk_router },
    { "SUB", "PUB", ZMQ_SUB, talk_sub },
    { "XSUB", "XPUB", ZMQ_XSUB, talk_xsub },
    { "XPUB", "XSUB", ZMQ_XPUB, talk_xpub },
    { "PUB", "SUB", ZMQ_PUB, talk_pub },
};

static void talk_all(enum version version, int library_connects)
{
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(patterns); i++) {
        struct talk t = { .s = open_socket(ctx, patterns[i].type) };
        char endpoint[ENDPOINT_MAX];
        int listener = -1, fd;

        fprintf(stderr, "# ZMTP %s, %s\n", version_name[version], patterns[i].name);
        if (library_connects) {
            listener = raw_listen(endpoint);
            connect_to(t.s, endpoint);
            fd = raw_accept(listener);
        } else {
            bind_to(t.s, "tcp://127.0.0.1:*", endpoint);
            fd = raw_connect(endpoint);
        }
        t.p = zmtp_hello(fd, version, patterns[i].peer, "its id");
        patterns[i].talk(&t);
        close(t.p.fd);
        if (listener >= 0)
            close(listener);
        close_socket(t.s);
    }
    end_ctx(ctx);
}

TEST(every_pattern_talks_zmtp_3_1_when_bound)
{
    talk_all(V31, 0);
}
TEST(every_pattern_talks_zmtp_3_0_when_bound)
{
    talk_all(V30, 0);
}
TEST(every_pattern_talks_zmtp_2_0_when_bound)
{
    talk_all(V20, 0);
}
TEST(every_pattern_talks_zmtp_1_0_when_bound)
{
    talk_all(V10, 0);
}
TEST(every_pattern_talks_unversioned_zmtp_when_bound)
{
    talk_all(UNVERSIONED, 0);
}
TEST(every_pattern_talks_zmtp_3_1_when_connected)
{
    talk_all(V31, 1);
}
TEST(every_pattern_talks_zmtp_3_0_when_connected)
{
    talk_all(V30, 1);
}
TEST(every_pattern_talks_zmtp_2_0_when_connected)
{
    talk_all(V20, 1);
}
TEST(every_pattern_talks_zmtp_1_0_when_connected)
{
    talk_all(V10, 1);
}
TEST(every_pattern_talks_unversioned_zmtp_when_connected)
{
    talk_all(UNVERSIONED, 1);
}

/* Where ZMTP 3 was spoken just now the whole greeting comes unasked; a peer that is older
 * after all costs one more attempt, and no message. */
TEST(endpoint_that_spoke_zmtp_3_is_greeted_in_one_piece)
{
    static const enum version older[] = { V20, V10, UNVERSIONED };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(older); i++) {
        void *s = open_socket(ctx, ZMQ_PUSH);
        char endpoint[ENDPOINT_MAX], got[64];
        int listener = raw_listen(endpoint), flags;

        test_set_int(s, ZMQ_RECONNECT_IVL, 1);
        connect_to(s, endpoint);
        struct peer p = zmtp_hello(raw_accept(listener), V31, "PULL", "");
        close(p.fd);

        p.fd = raw_accept(listener);
        raw_recv(p.fd, got, sizeof got);
        CHECK(memcmp(got, GREETING_31, sizeof got) == 0);
        CHECK(zmq_send(s, "whole", 5, 0) == 5);
        if (older[i] == UNVERSIONED)
            RAW_SEND(p.fd, "\1\0");
        else
            raw_send(p.fd, older[i] == V20 ? SIGNATURE "\1\7" : SIGNATURE "\0\7", 12);
        raw_expect_close(p.fd, version_name[older[i]]);
        close(p.fd);

        p = zmtp_hello(raw_accept(listener), older[i], "PULL", "");
        CHECK_EQ(zmtp_recv(&p, &flags, got, sizeof got), 5, "%s", version_name[older[i]]);
        CHECK(memcmp(got, "whole", 5) == 0);
        close(p.fd);
        close(listener);
        close_socket(s);
    }
    end_ctx(ctx);
}

/* Large frames alike in size are read straight into their place, with what comes before them:
 * whatever follows instead must come out just as it is. */
TEST(large_frames_are_received_whole_whatever_follows_them)
{
    static const size_t sizes[] = { 70000, 70000, 70000, 3,     70000, 70000, 70001,
                                    69999, 40000, 40000, 40000, 0,     40000, 200000,
                                    200000, 65527, 65528, 131072, 5000, 5000, 300 };
    enum { ROUNDS = 40 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    static unsigned char data[200000], got[200000];
    unsigned seed = 1;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 31 + (i >> 8));
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t first = round % ZN_COUNT(sizes);
        bool split = round & 1;              /* an empty frame before each */

        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            size_t size = sizes[(first + i * (1 + round / 8)) % ZN_COUNT(sizes)];
            size_t skip = (seed = seed * 1103515245 + 12345) >> 16 & 0xff;
            if (skip > size)
                skip = 0;
            if (split)
                ZMTP_SEND(&p, MORE, "");
            zmtp_send(&p, 0, data + skip, size - skip);

            if (split) {
                CHECK_EQ(zmq_recv(s, got, sizeof got, 0), 0);
                CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 1);
            }
            CHECK_EQ(zmq_recv(s, got, sizeof got, 0), size - skip, "round %u, %zu", round,
                     i);
            CHECK(memcmp(got, data + skip, size - skip) == 0);
        }
    }
    /* The same in one stream, so that reads end anywhere. */
    for (unsigned n = 0; n < 400; n++)
        zmtp_send(&p, 0, data, sizes[n % ZN_COUNT(sizes)]);
    for (unsigned n = 0; n < 400; n++) {
        size_t size = sizes[n % ZN_COUNT(sizes)];
        CHECK_EQ(zmq_recv(s, got, sizeof got, 0), size, "message %u", n);
        CHECK(memcmp(got, data, size) == 0);
    }
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(own_routing_id_reaches_peers_of_every_version)
{
    for (enum version v = 0; v < VERSIONS; v++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
        char endpoint[ENDPOINT_MAX];

        CHECK(zmq_setsockopt(s, ZMQ_ROUTING_ID, "me", 2) == 0);
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        struct peer p = zmtp_connect(endpoint, v, "ROUTER", "");
        CHECK_EQ(strcmp(p.id, "me"), 0, "ZMTP %s: '%s'", version_name[v], p.id);
        close(p.fd);
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(stream_that_comes_byte_by_byte_is_understood)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], ready[64];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    int fd = raw_connect(endpoint);
    for (size_t i = 0; i < 64; i++)
        raw_send(fd, &GREETING_31[i], 1);
    RAW_SEND(fd, "\4\32");
    for (size_t i = 0; i < 26; i++)
        raw_send(fd, &"\5READY\13Socket-Type\0\0\0\4PUSH"[i], 1);
    raw_recv(fd, ready, 64);
    raw_recv(fd, ready, 28);
    for (size_t i = 0; i < 9; i++)
        raw_send(fd, &"\1\2ab\0\3cde"[i], 1);
    expect_flags(s, "ab", 1);
    expect_text(s, "cde");
    close(fd);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq disconnects them. The silent one came last, and with it goes the time that those before it had. */
TEST(peers_of_old_versions_stay_beyond_the_time_for_handshakes)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], signature[10];
    struct peer peers[VERSIONS];

    test_set_int(s, ZMQ_HANDSHAKE_IVL, 500 * test_patience());
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (enum version v = 0; v < VERSIONS; v++)
        peers[v] = zmtp_connect(endpoint, v, "PUSH", "");
    int silent = raw_connect(endpoint);
    raw_recv(silent, signature, sizeof signature);
    raw_expect_close(silent, "a silent peer");
    for (enum version v = 0; v < VERSIONS; v++) {
        zmtp_send(&peers[v], 0, version_name[v], strlen(version_name[v]));
        expect_text(s, version_name[v]);
        close(peers[v].fd);
    }
    close(silent);
    close_socket(s);
    end_ctx(ctx);
}

/* wire_odd_test.c - peers that misbehave, or look as if they did: what is closed, what
 * is ignored, and what is no fault at all. */

#include "tests/api/raw.h"

static const char pull_ready[] = "\5READY\13Socket-Type\0\0\0\4PULL";

/* ---- handshakes that fail or must not ---- */

#define READY(len, props) "\4" len "\5READY" props
#define TYPE(len, name)   "\13Socket-Type\0\0\0" len name

enum outcome { CLOSED, ADMITTED };

TEST(handshake_commands_are_admitted_or_closed)
{
    static const struct {
        const char *what, *say;
        size_t len;
        enum outcome outcome;
    } cases[] = {
#define CASE(what, bytes, outcome) { what, bytes, sizeof(bytes) - 1, outcome }
        CASE("plain READY", READY("\32", TYPE("\4", "PUSH")), ADMITTED),
        CASE("READY in a message frame", "\0\32\5READY" TYPE("\4", "PUSH"), ADMITTED),
        CASE("READY as a long frame", "\6\0\0\0\0\0\0\0\32\5READY" TYPE("\4", "PUSH"),
             ADMITTED),
        CASE("no Socket-Type", READY("\6", ""), ADMITTED),
        CASE("unknown property too", READY("\42", TYPE("\4", "PUSH") "\3X-a\0\0\0\0"),
             ADMITTED),
        CASE("type which may not talk", READY("\31", TYPE("\3", "SUB")), CLOSED),
        CASE("type nobody knows", READY("\32", TYPE("\4", "PUSK")), CLOSED),
        CASE("trailing byte", READY("\33", TYPE("\4", "PUSH") "\1"), CLOSED),
        CASE("truncated value", READY("\32", TYPE("\5", "PUSH")), CLOSED),
        CASE("value of 4 GiB", READY("\32", "\13Socket-Type\377\377\377\377PUSH"),
             CLOSED),
        CASE("truncated name", READY("\7", "\13"), CLOSED),
        CASE("unknown command", "\4\6\5HELLO", CLOSED),
        CASE("name longer than the frame", "\4\6\6READY", CLOSED),
        CASE("empty command", "\4\0", CLOSED),
        CASE("ERROR without detail", "\4\7\5ERROR\0", CLOSED),
        CASE("ERROR with reason", "\4\12\5ERROR\003400", CLOSED),
        CASE("ERROR with bad length", "\4\12\5ERROR\011400", CLOSED),
        CASE("frame of 2^63", "\6\200\0\0\0\0\0\0\0", CLOSED),
#undef CASE
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], ready[64];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct peer p = { raw_connect(endpoint), V31, "" };

        fprintf(stderr, "# %s\n", cases[i].what);
        RAW_SEND(p.fd, GREETING_31);
        raw_recv(p.fd, ready, 64);
        raw_send(p.fd, cases[i].say, cases[i].len);
        if (cases[i].outcome == CLOSED) {
            raw_expect_close(p.fd, cases[i].what);
        } else {
            raw_recv(p.fd, ready, 2 + sizeof pull_ready - 1);
            CHECK(memcmp(ready + 2, pull_ready, sizeof pull_ready - 1) == 0);
            ZMTP_SEND(&p, 0, "admitted");
            expect_text(s, "admitted");
        }
        close(p.fd);
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(greetings_that_cannot_be_served_are_closed)
{
    static const struct {
        const char *what, *say;
        size_t len;
        int zap;
    } cases[] = {
#define CASE(what, bytes, zap) { what, bytes, sizeof(bytes) - 1, zap }
        CASE("mechanism PLAIN", SIGNATURE "\3\1PLAIN" ZERO15 ZERO16 ZERO16, 0),
        CASE("mechanism NULL and junk", SIGNATURE "\3\1NULLx" ZERO15 ZERO16 ZERO16, 0),
        CASE("unversioned, frame of length 0", "\0", 0),
#undef CASE
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = raw_connect(endpoint);

        raw_send(fd, cases[i].say, cases[i].len);
        raw_expect_close(fd, cases[i].what);
        close(fd);
    }
    close_socket(s);
    end_ctx(ctx);
}

/* Bytes for a PULL that has said hello, then what becomes of a good message. */
TEST(odd_frames_are_ignored_or_close_the_connection)
{
    static const struct {
        const char *what, *say;
        size_t len;
        enum outcome outcome;
    } cases[] = {
#define CASE(what, bytes, outcome) { what, bytes, sizeof(bytes) - 1, outcome }
        CASE("unknown command", "\4\4\3FOO", ADMITTED),
        CASE("empty command", "\4\0", ADMITTED),
        CASE("command with a bad name length", "\4\3\11PI", ADMITTED),
        CASE("lower-case ping", "\4\7\4ping\0\0", ADMITTED),
        CASE("READY again", "\4\6\5READY", ADMITTED),
        CASE("ERROR late", "\4\7\5ERROR\0", ADMITTED),
        CASE("command with MORE", "\5\4\3FOO", ADMITTED),
        CASE("long unknown command", "\6\0\0\0\0\0\0\0\4\3FOO", ADMITTED),
        CASE("frame of 101 bytes, limit 100", "\0\145", CLOSED),
        CASE("long frame of 101 bytes, limit 100", "\2\0\0\0\0\0\0\0\145", CLOSED),
        CASE("frame of 2^63", "\2\200\0\0\0\0\0\0\0", CLOSED),
        CASE("frame of 2^64 - 1", "\2\377\377\377\377\377\377\377\377", CLOSED),
        CASE("command over the limit", "\4\145\3FOO", CLOSED),
        CASE("later frame over the limit", "\1\1a\0\145", CLOSED),
#undef CASE
    };
    int64_t limit = 100;
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    CHECK(zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");

        fprintf(stderr, "# %s\n", cases[i].what);
        raw_send(p.fd, cases[i].say, cases[i].len);
        if (cases[i].outcome == CLOSED) {
            raw_expect_close(p.fd, cases[i].what);
        } else {
            ZMTP_SEND(&p, 0, "still here");
            expect_text(s, "still here");
        }
        close(p.fd);
    }
    REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "nothing of the closed ones");
    close_socket(s);
    end_ctx(ctx);
}

/* Bytes of one segment: the messages in front of what closes the connection have come. */
TEST(messages_in_front_of_a_bad_frame_are_received)
{
    static const struct {
        const char *what, *say;
        size_t len;
    } cases[] = {
#define GOOD                 "\0\3one\1\3two\0\5parts"
#define CASE(what, bad) { what, GOOD bad, sizeof(GOOD bad) - 1 }
        CASE("frame over the limit", "\0\145"),
        CASE("frame of 2^63", "\2\200\0\0\0\0\0\0\0"),
        CASE("command over the limit", "\4\145\3FOO"),
        CASE("later frame over the limit", "\1\4half\0\145"),
#undef CASE
#undef GOOD
    };
    int64_t limit = 100;
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    CHECK(zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");

        fprintf(stderr, "# %s\n", cases[i].what);
        raw_send(p.fd, cases[i].say, cases[i].len);
        raw_expect_close(p.fd, cases[i].what);
        expect_text(s, "one");
        expect_flags(s, "two", 1);
        expect_text(s, "parts");
        close(p.fd);
    }
    REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "nothing else");
    close_socket(s);
    end_ctx(ctx);
}

TEST(frames_need_not_be_canonical)
{
    static const struct {
        const char *what, *say;
        size_t len;
        int more;
    } cases[] = {
#define CASE(what, bytes, more) { what, bytes, sizeof(bytes) - 1, more }
        CASE("reserved bits", "\370\1x", 0),
        CASE("reserved bits and MORE",
             "\371\1x"
             "\0\0",
             1),
        CASE("LONG for one byte", "\2\0\0\0\0\0\0\0\1x", 0),
        CASE("commands between frames",
             "\1\1x"
             "\4\4\3FOO"
             "\0\0",
             1),
        CASE("as large as the limit", "\0\1x", 0),
#undef CASE
    };
    int64_t limit = 100;
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], hundred[100] = { 0 };

    CHECK(zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        fprintf(stderr, "# %s\n", cases[i].what);
        raw_send(p.fd, cases[i].say, cases[i].len);
        expect_flags(s, "x", cases[i].more);
        if (cases[i].more)
            expect_text(s, "");
    }
    zmtp_send(&p, 0, hundred, sizeof hundred);
    CHECK(zmq_recv(s, hundred, sizeof hundred, 0) == 100);
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(half_a_message_of_a_broken_connection_is_never_shown)
{
    for (enum version v = 0; v < VERSIONS; v++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];

        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_DISCONNECTED);
        struct peer p = zmtp_connect(endpoint, v, "PUSH", "");
        ZMTP_SEND(&p, 0, "whole");
        ZMTP_SEND(&p, MORE, "half");
        close(p.fd);
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
        p = zmtp_connect(endpoint, v, "PUSH", "");
        ZMTP_SEND(&p, 0, "next");
        expect_text(s, "whole");
        expect_text(s, "next");
        close(p.fd);
        close_socket(monitor);
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(ping_is_answered_with_its_context)
{
    static const struct {
        const char *what, *ping;
        size_t len;
        const char *pong;
        size_t back;
    } cases[] = {
        { "no context", "\4PING\0\0", 7, "\4PONG", 5 },
        { "one byte", "\4PING\0\0x", 8, "\4PONGx", 6 },
        { "16 bytes",
          "\4PING\0\0"
          "0123456789abcdef",
          23, "\4PONG0123456789abcdef", 21 },
        { "17 bytes",
          "\4PING\0\0"
          "0123456789abcdefg",
          24, "\4PONG0123456789abcdef", 21 },
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (enum version v = V31; v <= V30; v++) {
        struct peer p = zmtp_connect(endpoint, v, "PUSH", "");
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            zmtp_send(&p, COMMAND, cases[i].ping, cases[i].len);
            zmtp_expect(&p, COMMAND, cases[i].pong, cases[i].back);
        }
        close(p.fd);
    }
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq reads past the end of such a command. */
TEST(ping_without_ttl_is_not_read_beyond_its_end)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    ZMTP_SEND(&p, COMMAND, "\4PING");
    raw_expect_close(p.fd, "PING without a TTL");
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(replies_a_req_cannot_read_close_the_connection)
{
    static const struct {
        const char *what, *say;
        size_t len;
    } cases[] = {
#define CASE(what, bytes) { what, bytes, sizeof(bytes) - 1 }
        CASE("no delimiter", "\0\1x"),
        CASE("delimiter alone", "\0\0"),
        CASE("three bytes for an id", "\1\3abc"),
        CASE("id, then no delimiter", "\1\4abcd\1\1x"),
#undef CASE
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, ZMQ_REQ);
        char endpoint[ENDPOINT_MAX];

        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        struct peer p = zmtp_connect(endpoint, V31, "REP", "");
        raw_send(p.fd, cases[i].say, cases[i].len);
        raw_expect_close(p.fd, cases[i].what);
        close(p.fd);
        close_socket(s);
    }
    end_ctx(ctx);
}

/* In one segment. */
/* To SUB and its like a subscription comes as a message; a reply has a form. */
TEST(subscriptions_within_a_reply_are_no_part_of_it)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_REQ);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "REP", "");
    CHECK_OK(zmq_send(s, "ask", 3, 0));
    ZMTP_EXPECT(&p, MORE, "");
    ZMTP_EXPECT(&p, 0, "ask");
    ZMTP_SEND(&p, COMMAND, "\11SUBSCRIBEx");
    ZMTP_SEND(&p, MORE, "");
    ZMTP_SEND(&p, COMMAND, "\6CANCELx");
    ZMTP_SEND(&p, MORE, "A");
    ZMTP_SEND(&p, COMMAND, "\11SUBSCRIBEx");
    ZMTP_SEND(&p, 0, "B");
    expect_flags(s, "A", 1);
    expect_text(s, "B");
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(reply_in_front_of_one_that_cannot_be_read_is_received)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_REQ);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "REP", "");
    send_text(s, "question");
    ZMTP_EXPECT(&p, MORE, "");
    ZMTP_EXPECT(&p, 0, "question");
    RAW_SEND(p.fd, "\1\0\0\5right\0\5stray");
    raw_expect_close(p.fd, "stray");
    expect_text(s, "right");
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(reply_which_nobody_awaits_is_skipped)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_REQ);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    test_set_int(s, ZMQ_REQ_CORRELATE, 1);
    struct peer p = zmtp_connect(endpoint, V31, "REP", "");
    char id[4];
    int flags;

    send_text(s, "question");
    CHECK(zmtp_recv(&p, &flags, id, 4) == 4 && flags == MORE);
    ZMTP_EXPECT(&p, MORE, "");
    ZMTP_EXPECT(&p, 0, "question");
    ZMTP_SEND(&p, MORE, "nope");
    ZMTP_SEND(&p, MORE, "");
    ZMTP_SEND(&p, 0, "wrong");
    zmtp_send(&p, MORE, id, 4);
    ZMTP_SEND(&p, MORE, "");
    ZMTP_SEND(&p, 0, "right");
    expect_text(s, "right");
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(connecter_gives_up_after_a_protocol_error)
{
    static const struct {
        const char *what, *say;
        size_t len;
    } cases[] = {
#define CASE(what, bytes) { what, bytes, sizeof(bytes) - 1 }
        CASE("other mechanism", SIGNATURE "\3\1PLAIN" ZERO15 ZERO16 ZERO16),
        CASE("type which may not talk", GREETING_31 READY("\31", TYPE("\3", "SUB"))),
        CASE("ERROR", GREETING_31 "\4\12\5ERROR\003400"),
#undef CASE
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, ZMQ_PUSH), *good = open_socket(ctx, ZMQ_PULL);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
        char bad[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];
        int listener = raw_listen(bad);

        test_set_int(s, ZMQ_RECONNECT_IVL, 1);
        connect_to(s, bad);
        int fd = raw_accept(listener);
        raw_send(fd, cases[i].say, 64);
        if (cases[i].len > 64) {
            char theirs[64 + 28];
            raw_recv(fd, theirs, sizeof theirs);
            raw_send(fd, cases[i].say + 64, cases[i].len - 64);
        }
        raw_expect_close(fd, cases[i].what);
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);

        bind_to(good, "tcp://127.0.0.1:*", endpoint);
        connect_to(s, endpoint);                  /* the I/O thread went on, and yet: */
        struct event e;
        do {
            e = next_event(monitor);
            CHECK_EQ(e.id == ZMQ_EVENT_CONNECT_RETRIED, 0, "%s", cases[i].what);
        } while (e.id != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        close(fd);
        close(listener);
        close_socket(monitor);
        close_socket(s);
        close_socket(good);
    }
    end_ctx(ctx);
}

/* ---- what libzmq gets wrong ---- */

/* zinc: libzmq sends this topic with a short flag and a long length. */
TEST(topic_of_255_bytes_survives_the_way_to_a_3_0_peer)
{
    static const size_t sizes[] = { 253, 254, 255, 256 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_SUB);
    char endpoint[ENDPOINT_MAX], topic[257];

    memset(topic, 't', sizeof topic);
    topic[0] = 1;
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V30, "PUB", "");
    for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
        CHECK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic + 1, sizes[i]) == 0);
        touch_until_readable(s, p.fd);
        zmtp_expect(&p, 0, topic, sizes[i] + 1);
    }
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq reserves what the header claims. */
TEST(header_that_claims_4_gib_reserves_nothing)
{
    enum { CLAIMS = 8 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    struct peer p[CLAIMS], probe;
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    probe = zmtp_connect(endpoint, V31, "PUSH", "");
    for (int i = 0; i < CLAIMS; i++)
        p[i] = zmtp_connect(endpoint, V31, "PUSH", "");
    long before = proc_kb("VmSize:"), resident = proc_kb("VmRSS:");

    for (int i = 0; i < CLAIMS; i++) {
        RAW_SEND(p[i].fd, "\0\5known\2\0\0\0\1\0\0\0\0");
        expect_text(s, "known");                  /* so the header has been read too */
        RAW_SEND(p[i].fd, "x");
    }
    ZMTP_SEND(&probe, 0, "alive");
    expect_text(s, "alive");
    CHECK_EQ(proc_kb("VmSize:") - before < 64 * 1024, 1, "address space");
    CHECK_EQ(proc_kb("VmRSS:") - resident < 16 * 1024, 1, "memory");
    for (int i = 0; i < CLAIMS; i++)
        close(p[i].fd);
    close(probe.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq takes the data for a second handshake command and hangs up. */
TEST(data_right_behind_the_handshake_is_delivered)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    int fd = raw_connect(endpoint);
    RAW_SEND(fd, GREETING_31 READY("\32", TYPE("\4", "PUSH")) "\0\2hi");
    expect_text(s, "hi");
    close(fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(end_of_a_connection_that_comes_with_the_handshake_is_seen)
{
    enum { COUNT = 100, SIZE = 200, ROUNDS = 200 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_DISCONNECTED);
    char endpoint[ENDPOINT_MAX], greeting[64], frame[SIZE];
    static char all[64 + COUNT * (2 + SIZE)];
    size_t size = sizeof(READY("\32", TYPE("\4", "PUSH"))) - 1;

    test_set_int(s, ZMQ_RCVHWM, 0);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    memcpy(all, READY("\32", TYPE("\4", "PUSH")), size);
    for (int i = 0; i < COUNT; i++, size += 2 + SIZE) {
        all[size] = 0;
        all[size + 1] = (char)SIZE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        int fd = raw_connect(endpoint);
        RAW_SEND(fd, GREETING_31);
        raw_recv(fd, greeting, sizeof greeting);
        raw_send(fd, all, size);
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < COUNT; i++)
            CHECK_EQ(zmq_recv(s, frame, sizeof frame, 0), SIZE);
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_DISCONNECTED);
        close(fd);
    }
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* plain_test.c - PLAIN (RFC 24) against a peer of raw bytes, in both roles. */
#include "tests/wire/peer.h"

#include "tests/faults.h"

enum { SERVER_SIDE = true, CLIENT_SIDE = false };

#define HELLO "\5HELLO\5admin\6secret"
#define WELCOME "\7WELCOME"
#define INITIATE "\10INITIATE" TYPE_ROUTER
#define READY "\5READY" TYPE_ROUTER
#define OUR_METADATA TYPE_DEALER "\10Identity\0\0\0\2me"

static const struct zn_security login = { .username = BYTES("admin"),
                                          .password = BYTES("secret") };

static struct zn_handshake_config plain_config(bool as_server)
{
    struct zn_handshake_config config = dealer_config();
    config.mechanism = &zn_mechanism_plain;
    config.security = &login;
    config.as_server = as_server;
    return config;
}

static int tell(struct zn_handshake *hs, struct zn_bytes body)
{
    return say(hs, body.data, body.size);
}

TEST(client_speaks_as_the_rfc_says)
{
    struct zn_handshake_config config = plain_config(CLIENT_SIDE);
    struct zn_handshake hs;

    greet(&hs, &config);
    expect_command(&hs, (struct zn_bytes)BYTES(HELLO));
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(WELCOME)), 0);
    expect_command(&hs, (struct zn_bytes)BYTES("\10INITIATE" OUR_METADATA));
    CHECK(!hs.done);
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(READY)), 0);
    expect_silence(&hs);
    CHECK(hs.done);
    CHECK_EQ(hs.peer_type, ROUTER);
    CHECK(hs.cipher == NULL);
    zn_handshake_fini(&hs);
}

TEST(server_speaks_as_the_rfc_says)
{
    struct zn_handshake_config config = plain_config(SERVER_SIDE);
    struct zn_handshake hs;

    greet(&hs, &config);
    expect_silence(&hs);
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(HELLO)), 0);
    expect_command(&hs, (struct zn_bytes)BYTES(WELCOME));
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(INITIATE)), 0);
    expect_command(&hs, (struct zn_bytes)BYTES("\5READY" OUR_METADATA));
    CHECK(hs.done);
    CHECK_EQ(hs.peer_type, ROUTER);
    zn_handshake_fini(&hs);
}

/* ---- What is refused, and with which code. */

struct refusal {
    const char *what;
    struct zn_bytes in;
    uint32_t error, refused;
};

static void check_refusals(bool as_server, const struct zn_bytes *before, size_t count,
                           const struct refusal *cases, size_t case_count)
{
    for (size_t i = 0; i < case_count; i++) {
        struct zn_handshake_config config = plain_config(as_server);
        struct zn_handshake hs;
        uint8_t ours[256];

        greet(&hs, &config);
        for (size_t j = 0; j < count; j++)
            CHECK_EQ(tell(&hs, before[j]), 0);
        while (hear(&hs, ours, sizeof(ours)) > 0)
            continue;
        CHECK_EQ(tell(&hs, cases[i].in), -EPROTO, "%s", cases[i].what);
        CHECK_EQ(hs.error, cases[i].error, "%s", cases[i].what);
        CHECK_EQ(hs.peer_refused, cases[i].refused, "%s", cases[i].what);
        CHECK(!hs.done);
        expect_silence(&hs);
        zn_handshake_fini(&hs);
    }
}

TEST(server_refuses_what_is_no_hello)
{
    static const struct refusal cases[] = {
        { "nothing", BYTES("\5HELLO"), ZN_ERROR_MALFORMED_HELLO, 0 },
        { "no password", BYTES("\5HELLO\5admin"), ZN_ERROR_MALFORMED_HELLO, 0 },
        { "name cut", BYTES("\5HELLO\5admi"), ZN_ERROR_MALFORMED_HELLO, 0 },
        { "password cut", BYTES("\5HELLO\5admin\6secre"), ZN_ERROR_MALFORMED_HELLO, 0 },
        { "more behind", BYTES(HELLO "x"), ZN_ERROR_MALFORMED_HELLO, 0 },
        { "lower case", BYTES("\5hello\0\0"), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "INITIATE", BYTES(INITIATE), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "WELCOME", BYTES(WELCOME), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "READY", BYTES(READY), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "ERROR",
          BYTES("\5ERROR\3"
                "400"),
          ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "no command", BYTES("\7HELLO"), ZN_ERROR_MALFORMED_COMMAND, 0 },
        { "empty", BYTES(""), ZN_ERROR_MALFORMED_COMMAND, 0 },
    };

    check_refusals(SERVER_SIDE, NULL, 0, cases, ZN_COUNT(cases));
}

TEST(server_refuses_what_is_no_initiate)
{
    static const struct zn_bytes before[] = { BYTES(HELLO) };
    static const struct refusal cases[] = {
        { "HELLO again", BYTES(HELLO), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "bad metadata", BYTES(INITIATE "x"), 0, 0 },
        { "bad type", BYTES("\10INITIATE\13Socket-Type\0\0\0\3PUB"), 0, 0 },
    };

    check_refusals(SERVER_SIDE, before, 1, cases, ZN_COUNT(cases));
}

TEST(client_refuses_what_is_no_welcome)
{
    static const struct refusal cases[] = {
        { "more", BYTES(WELCOME "x"), ZN_ERROR_MALFORMED_WELCOME, 0 },
        { "HELLO", BYTES(HELLO), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "READY", BYTES(READY), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "ERROR",
          BYTES("\5ERROR\3"
                "400"),
          0, 400 },
        { "bad ERROR",
          BYTES("\5ERROR\4"
                "400"),
          ZN_ERROR_MALFORMED_ERROR, 0 },
    };

    check_refusals(CLIENT_SIDE, NULL, 0, cases, ZN_COUNT(cases));
}

TEST(client_refuses_what_is_no_ready)
{
    static const struct zn_bytes before[] = { BYTES(WELCOME) };
    static const struct refusal cases[] = {
        { "WELCOME again", BYTES(WELCOME), ZN_ERROR_UNEXPECTED_COMMAND, 0 },
        { "bad metadata", BYTES(READY "x"), ZN_ERROR_INVALID_METADATA, 0 },
        { "bad type", BYTES("\5READY\13Socket-Type\0\0\0\3PUB"),
          ZN_ERROR_INVALID_METADATA, 0 },
        { "ERROR",
          BYTES("\5ERROR\3"
                "500"),
          0, 500 },
    };

    check_refusals(CLIENT_SIDE, before, 1, cases, ZN_COUNT(cases));
}

/* A frame's header says how large it is; there is no need to wait for the rest. */
TEST(what_is_too_large_is_refused_early)
{
    static const struct {
        const char *what;
        bool as_server;
        struct zn_bytes in;
        uint32_t error;
    } cases[] = {
        { "HELLO", SERVER_SIDE, BYTES("\6\0\0\0\0\0\0\2\7\5HELLO"),
          ZN_ERROR_MALFORMED_HELLO },
        { "not HELLO", SERVER_SIDE, BYTES("\6\0\0\0\0\0\0\2\7\5hello"),
          ZN_ERROR_UNEXPECTED_COMMAND },
        { "longer name", SERVER_SIDE, BYTES("\6\0\0\0\0\0\0\2\7\6HELLOO"),
          ZN_ERROR_UNEXPECTED_COMMAND },
        { "WELCOME", CLIENT_SIDE, BYTES("\6\0\0\0\0\0\0\1\7\7WELCOME"),
          ZN_ERROR_MALFORMED_WELCOME },
        { "ERROR", CLIENT_SIDE, BYTES("\6\0\0\0\0\0\0\1\7\5ERROR\377"),
          ZN_ERROR_MALFORMED_ERROR },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = plain_config(cases[i].as_server);
        size_t header = 9, last = 9 + 1 + (cases[i].as_server ? 5 : 7);
        struct zn_handshake hs;

        greet(&hs, &config);
        for (size_t at = 0; at < last - 1; at++)
            CHECK_EQ(zn_handshake_feed(&hs, cases[i].in.data + at, 1), 1, "%s, %zu",
                     cases[i].what, at);
        CHECK_EQ(zn_handshake_feed(&hs, cases[i].in.data + last - 1, 1), -EPROTO, "%s",
                 cases[i].what);
        CHECK_EQ(hs.error, cases[i].error, "%s", cases[i].what);
        CHECK(hs.in.cap <= 128 && header < last);
        zn_handshake_fini(&hs);
    }
}

TEST(the_longest_texts_go_through)
{
    static const uint8_t text[256] = { 'x' };
    struct zn_security longest = { .username = { text, 255 }, .password = { text, 255 } };
    struct zn_handshake_config config = plain_config(CLIENT_SIDE);
    struct zn_handshake a, b;

    config.security = &longest;
    CHECK_EQ(zn_handshake_init(&a, &config), 0);
    config.as_server = true;
    config.asks = true;
    CHECK_EQ(zn_handshake_init(&b, &config), 0);
    while (!b.waits) {
        converse(&a, &b, 100);
        converse(&b, &a, 100);
    }
    CHECK_EQ(b.credentials.parts[0].size, 255);
    CHECK_EQ(b.credentials.parts[1].size, 255);
    CHECK_EQ(zn_handshake_answer(&b, 200), 0);
    converse_to_the_end(&a, &b, 100, 100);
    zn_handshake_fini(&a);
    zn_handshake_fini(&b);

    longest.password.size = 256;         /* cannot be said */
    config.as_server = false;
    uint8_t greeting[64];
    make_greeting(greeting, "PLAIN");
    CHECK_EQ(zn_handshake_init(&a, &config), 0);
    CHECK_EQ(zn_handshake_feed(&a, greeting, sizeof(greeting)), -EINVAL);
    zn_handshake_fini(&a);
}

/* ---- The authenticator. */

static void ask(struct zn_handshake *hs)
{
    struct zn_handshake_config config = plain_config(SERVER_SIDE);

    config.asks = true;
    greet(hs, &config);
    CHECK_EQ(tell(hs, (struct zn_bytes)BYTES(HELLO)), 0);
    CHECK(hs->waits);
    expect_silence(hs);
    CHECK_STR(hs->credentials.mechanism, "PLAIN");
    CHECK_EQ(hs->credentials.count, 2);
    CHECK(zn_bytes_equal(hs->credentials.parts[0], login.username));
    CHECK(zn_bytes_equal(hs->credentials.parts[1], login.password));
}

TEST(server_asks_before_it_says_welcome)
{
    struct zn_handshake hs;

    ask(&hs);
    CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
    expect_command(&hs, (struct zn_bytes)BYTES(WELCOME));
    CHECK_EQ(hs.credentials.count, 0);
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(INITIATE)), 0);
    CHECK(hs.done);
    CHECK_EQ(hs.peer_type, ROUTER);
    zn_handshake_fini(&hs);
}

TEST(a_client_that_did_not_wait_for_welcome_is_read_on)
{
    struct zn_handshake hs;

    ask(&hs);
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(INITIATE)), 0);
    CHECK(hs.waits);
    CHECK(zn_bytes_equal(hs.credentials.parts[1], login.password));
    CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
    CHECK(hs.done);
    CHECK_MEM(zn_handshake_output(&hs).data, "\4\10" WELCOME "\4\53\5READY", 18);
    zn_handshake_fini(&hs);
}

TEST(who_is_turned_away_may_say_no_more)
{
    struct zn_handshake hs;

    ask(&hs);
    CHECK_EQ(zn_handshake_answer(&hs, 400), 0);
    CHECK_EQ(hs.failure, -EACCES);
    CHECK_EQ(hs.error, 0);
    expect_command(&hs, (struct zn_bytes)BYTES("\5ERROR\3"
                                               "400"));
    CHECK_EQ(tell(&hs, (struct zn_bytes)BYTES(INITIATE)), -EACCES);
    CHECK_EQ(hs.error, ZN_ERROR_UNSPECIFIED);
    zn_handshake_fini(&hs);
}

/* ---- Secrets do not stay. */

static bool holds(const struct zn_handshake_buf *buf, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= buf->cap; i++) {
        if (memcmp(buf->data + i, text, size) == 0)
            return true;
    }
    return false;
}

TEST(passwords_are_cleared_once_they_have_gone_or_been_judged)
{
    struct zn_handshake_config config = plain_config(CLIENT_SIDE);
    struct zn_handshake hs;
    uint8_t ours[64];

    greet(&hs, &config);
    memset(hs.out.data + hs.out.size, 0, hs.out.cap - hs.out.size);
    CHECK(holds(&hs.out, "secret"));
    CHECK(hear(&hs, ours, sizeof(ours)) > 0);
    CHECK(!holds(&hs.out, "secret"));
    zn_handshake_fini(&hs);

    ask(&hs);
    memset(hs.in.data + hs.in.size, 0, hs.in.cap - hs.in.size);
    CHECK(holds(&hs.in, "secret"));
    CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
    CHECK(!holds(&hs.in, "secret"));
    zn_handshake_fini(&hs);
}

/* ---- Nobody gets around it. */

TEST(older_and_other_peers_are_refused)
{
    static const struct {
        const char *what;
        struct zn_bytes in;
        uint32_t error;
    } cases[] = {
        { "1.0", BYTES("\1"), 0 },
        { "1.0, long form", BYTES("\377\0\0\0\0\0\0\0\1\0"), 0 },
        { "1.0 with revision", BYTES(SIGNATURE "\0"), 0 },
        { "2.0", BYTES(SIGNATURE "\1"), 0 },
        { "NULL", BYTES(GREETING_3("\3", "\0")), ZN_ERROR_MECHANISM_MISMATCH },
        { "plain", BYTES(SIGNATURE "\3\0plain\0\0\0\0\0\0\0" ZEROS_8 ZEROS_16 ZEROS_16),
          ZN_ERROR_MECHANISM_MISMATCH },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        for (int role = 0; role < 2; role++) {
            struct zn_handshake_config config = plain_config(role == 1);
            struct zn_handshake hs;

            CHECK_EQ(zn_handshake_init(&hs, &config), 0);
            CHECK_EQ(zn_handshake_feed(&hs, cases[i].in.data, cases[i].in.size), -EPROTO,
                     "%s", cases[i].what);
            CHECK_EQ(hs.error, cases[i].error, "%s", cases[i].what);
            zn_handshake_fini(&hs);
        }
    }
}

TEST(two_of_the_same_role_find_out)
{
    struct zn_handshake_config config = plain_config(CLIENT_SIDE);
    struct zn_handshake a, b;

    greet(&a, &config);
    CHECK_EQ(tell(&a, (struct zn_bytes)BYTES(HELLO)), -EPROTO);
    CHECK_EQ(a.error, ZN_ERROR_UNEXPECTED_COMMAND);
    zn_handshake_fini(&a);

    config.as_server = true;             /* both wait for ever */
    greet(&a, &config);
    greet(&b, &config);
    expect_silence(&a);
    expect_silence(&b);
    zn_handshake_fini(&a);
    zn_handshake_fini(&b);
}

/* ---- Cuts and memory. */

static const char to_client[] = SIGNATURE
    "\3\1PLAIN\0\0\0\0\0\0\0" ZEROS_8 ZEROS_16 ZEROS_16 "\4\10" WELCOME "\4\34" READY;
static const char to_server[] = SIGNATURE
    "\3\1PLAIN\0\0\0\0\0\0\0" ZEROS_8 ZEROS_16 ZEROS_16 "\4\23" HELLO "\4\37" INITIATE;

TEST(input_may_be_cut_anywhere)
{
    static const struct zn_bytes in[] = { BYTES(to_client), BYTES(to_server) };

    for (int role = 0; role < 2; role++) {
        struct zn_handshake_config config = plain_config(role == 1);
        struct outcome whole = { .rc = 0 };

        for (size_t first = in[role].size; first > 0; first--) {
            for (size_t piece = 1; piece < 40; piece += 6) {
                struct zn_handshake hs;

                CHECK_EQ(zn_handshake_init(&hs, &config), 0);
                struct outcome o = feed_cut(&hs, in[role], first, piece, false);
                CHECK(o.done, "%zu, %zu", first, piece);
                if (whole.rc == 0)
                    whole = o;
                check_same(&whole, &o, role == 1 ? "server" : "client", first);
                zn_handshake_fini(&hs);
            }
        }
    }
}

static ptrdiff_t try_without_memory(bool as_server, uint64_t nth)
{
    struct zn_handshake_config config = plain_config(as_server);
    struct zn_handshake hs;

    config.asks = as_server;
    faults_arm(ZN_FAULT_ALLOC, nth);
    ptrdiff_t rc = zn_handshake_init(&hs, &config);
    if (rc < 0)
        return rc;
    const char *in = as_server ? to_server : to_client;
    size_t size = as_server ? sizeof(to_server) - 1 : sizeof(to_client) - 1;
    rc = zn_handshake_feed(&hs, (const uint8_t *)in, size);
    if (rc >= 0 && hs.waits)
        rc = zn_handshake_answer(&hs, 200);
    if (rc >= 0)
        CHECK(hs.done);
    zn_handshake_fini(&hs);
    return rc;
}

TEST(without_memory_it_fails_cleanly_wherever_it_strikes)
{
    for (int role = 0; role < 2; role++) {
        for (uint64_t nth = 1;; nth++) {
            ptrdiff_t rc = try_without_memory(role == 1, nth);
            faults_disarm();
            if (faults_struck() == 0) {
                CHECK(rc >= 0 && nth > 3);
                break;
            }
            CHECK_EQ(rc, -ENOMEM, "the %llu.", (unsigned long long)nth);
        }
    }
}

/* curve_test.c - CURVE's handshake (RFC 26) in both roles, field by field. */
#include "tests/wire/peer.h"

#ifdef ZN_HAVE_SODIUM
#include "tests/faults.h"
#include "tests/wire/curve_other.h"
#include "wire/cipher.h"
#include "wire/mechanisms/curve.h"

/* ---- The exchange. */

#define OUR_METADATA TYPE_DEALER "\10Identity\0\0\0\2me"

static void check_traffic(struct zn_cipher *cipher, struct other *o, bool they_serve)
{
    static const struct {
        uint8_t flags;
        char inner;
    } kinds[] = { { 0, 0 }, { MORE, 1 }, { COMMAND, 2 }, { COMMAND | MORE, 3 } };
    uint8_t out[256], inner[256];
    struct zn_opened opened;
    struct body b;
    uint32_t error = 0;

    CHECK_EQ(cipher->ops->overhead, 33);
    for (size_t i = 0; i < 4 * ZN_COUNT(kinds); i++) {
        uint8_t payload[64];
        size_t size = i * 4;
        memset(payload, (int)i, sizeof(payload));
        ptrdiff_t sealed = cipher->ops->seal(cipher, kinds[i % 4].flags | 2 | 0x80,
                                             size ? payload : NULL, size, out);
        CHECK_EQ(sealed, 33 + size);
        CHECK_EQ(other_read(o, they_serve, out, (size_t)sealed, inner), 1 + size);
        CHECK_EQ(inner[0], kinds[i % 4].inner);
        CHECK_MEM(inner + 1, payload, size);

        memmove(payload + 1, payload, 40);
        payload[0] = (uint8_t)kinds[i % 4].inner;
        other_message(o, they_serve, (const char *)payload, 1 + i, &b);
        CHECK_EQ(cipher->ops->open(cipher, b.bytes, b.size, &opened, &error), 0);
        CHECK_EQ(opened.flags, kinds[i % 4].flags);
        CHECK_EQ(opened.payload.size, i);
        CHECK(opened.payload.data == b.bytes + 33, "in place");
        CHECK_MEM(opened.payload.data, payload + 1, i);
    }
}

TEST(client_speaks_as_the_rfc_says)
{
    struct zn_handshake hs;
    struct other o;
    struct body b;
    uint8_t metadata[BODY_MAX];

    make_keys();
    struct zn_handshake_config config = curve_config(CLIENT_SIDE);
    other_begin(&o, &S);
    greet(&hs, &config);
    hear_body(&hs, &b);
    server_hello(&o, &b);
    server_welcome(&o, &b);
    CHECK_EQ(tell(&hs, &b), 0);
    hear_body(&hs, &b);
    CHECK_EQ(server_initiate(&o, &b, metadata), sizeof(OUR_METADATA) - 1);
    CHECK_MEM(metadata, OUR_METADATA, sizeof(OUR_METADATA) - 1);
    CHECK(!hs.done && hs.cipher == NULL);
    server_ready(&o, &b);
    CHECK_EQ(tell(&hs, &b), 0);
    expect_silence(&hs);
    CHECK(hs.done && hs.cipher != NULL);
    CHECK_EQ(hs.peer_type, ROUTER);
    check_traffic(hs.cipher, &o, true);
    zn_handshake_fini(&hs);
}

static void check_ready(struct zn_handshake *hs, struct other *o)
{
    uint8_t metadata[BODY_MAX];
    struct body b;

    hear_body(hs, &b);
    CHECK_EQ(zn_get_u64(b.bytes + 6), 1);
    CHECK_EQ(client_ready(o, &b, metadata), sizeof(OUR_METADATA) - 1);
    CHECK_MEM(metadata, OUR_METADATA, sizeof(OUR_METADATA) - 1);
    CHECK(hs->done && hs->cipher != NULL);
    CHECK_EQ(hs->peer_type, ROUTER);
}

TEST(server_speaks_as_the_rfc_says)
{
    struct zn_handshake hs;
    struct other o;

    make_keys();
    play_server(&hs, &o, false);
    check_ready(&hs, &o);
    check_traffic(hs.cipher, &o, false);
    zn_handshake_fini(&hs);
}

TEST(server_asks_about_the_clients_key)
{
    struct zn_handshake hs;
    struct other o;

    make_keys();
    play_server(&hs, &o, true);
    CHECK(hs.waits);
    expect_silence(&hs);
    CHECK_STR(hs.credentials.mechanism, "CURVE");
    CHECK_EQ(hs.credentials.count, 1);
    CHECK_EQ(hs.credentials.parts[0].size, KEY);
    CHECK_MEM(hs.credentials.parts[0].data, C.open, KEY);
    CHECK_EQ(zn_handshake_answer(&hs, 200), 0);
    check_ready(&hs, &o);
    zn_handshake_fini(&hs);

    play_server(&hs, &o, true);
    CHECK_EQ(zn_handshake_answer(&hs, 400), 0);
    expect_command(&hs, (struct zn_bytes)BYTES("\5ERROR\3"
                                               "400"));
    CHECK(hs.failure == -EACCES && hs.cipher == NULL);
    struct body b;
    other_message(&o, false, "\0x", 2, &b);
    CHECK_EQ(tell(&hs, &b), -EACCES);
    CHECK_EQ(hs.error, ZN_ERROR_UNSPECIFIED);
    zn_handshake_fini(&hs);
}

/* ---- Every field wrong in turn. */

static void check_server_refuses(struct zn_handshake *hs, const struct body *b,
                                 const char *what, uint32_t error)
{
    CHECK_EQ(tell(hs, b), -EPROTO, "%s", what);
    CHECK_EQ(hs->error, error, "%s", what);
    CHECK(!hs->done && !hs->waits && hs->cipher == NULL, "%s", what);
    expect_silence(hs);
    zn_handshake_fini(hs);
}

TEST(every_field_of_hello_is_checked)
{
    static const struct damage damages[] = {
        { "name length", 0, ZN_ERROR_UNEXPECTED_COMMAND },
        { "name", 5, ZN_ERROR_UNEXPECTED_COMMAND },
        { "major version", 6, ZN_ERROR_MALFORMED_HELLO },
        { "minor version", 7, ZN_ERROR_MALFORMED_HELLO },
        { "padding begins", 8, ZN_ERROR_MALFORMED_HELLO },
        { "padding ends", 79, ZN_ERROR_MALFORMED_HELLO },
        { "C' begins", 80, ZN_ERROR_CRYPTOGRAPHIC },
        { "C' ends", 110, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce begins", 112, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce ends", 119, ZN_ERROR_CRYPTOGRAPHIC },
        { "box begins", 120, ZN_ERROR_CRYPTOGRAPHIC },
        { "text begins", 136, ZN_ERROR_CRYPTOGRAPHIC },
        { "text ends", 199, ZN_ERROR_CRYPTOGRAPHIC },
    };

    make_keys();
    struct zn_handshake_config config = curve_config(SERVER_SIDE);
    for (size_t i = 0; i < ZN_COUNT(damages); i++) {
        struct zn_handshake hs;
        struct other o;
        struct body b;

        other_begin(&o, &C);
        greet(&hs, &config);
        client_hello(&o, &b);
        b.bytes[damages[i].at] ^= i == 0 ? 1 : 0x10;
        check_server_refuses(&hs, &b, damages[i].what, damages[i].error);
    }
}

/* The box holds zeros; a key that everybody can compute with agrees on nothing. */
TEST(hello_with_a_good_box_may_be_wrong)
{
    struct zn_handshake hs;
    struct other o;
    struct body b;
    uint8_t text[64] = { [63] = 1 };

    make_keys();
    struct zn_handshake_config config = curve_config(SERVER_SIDE);
    other_begin(&o, &C);
    greet(&hs, &config);
    client_hello(&o, &b);
    box(b.bytes + 120, text, 64, "CurveZMQHELLO---", b.bytes + 112, S.open, o.own.secret);
    check_server_refuses(&hs, &b, "no zeros", ZN_ERROR_MALFORMED_HELLO);

    greet(&hs, &config);
    client_hello(&o, &b);
    memset(b.bytes + 80, 0, KEY);
    check_server_refuses(&hs, &b, "C' is zero", ZN_ERROR_CRYPTOGRAPHIC);

    greet(&hs, &config);
    o.nonce = 0;
    client_hello(&o, &b);
    check_server_refuses(&hs, &b, "nonce is zero", ZN_ERROR_INVALID_SEQUENCE);

    greet(&hs, &config);
    client_hello(&o, &b);
    b.size--;
    check_server_refuses(&hs, &b, "short", ZN_ERROR_MALFORMED_HELLO);
    greet(&hs, &config);
    b.size += 2;
    check_server_refuses(&hs, &b, "long", ZN_ERROR_MALFORMED_HELLO);

    struct pair other_server;
    crypto_box_keypair(other_server.open, other_server.secret);
    memcpy(server_security.secret_key, other_server.secret, KEY);
    greet(&hs, &config);
    client_hello(&o, &b);
    check_server_refuses(&hs, &b, "for another server", ZN_ERROR_CRYPTOGRAPHIC);
}

/* A server that has said WELCOME. */
static void welcomed(struct zn_handshake *hs, struct other *o)
{
    struct zn_handshake_config config = curve_config(SERVER_SIDE);
    struct body b;

    other_begin(o, &C);
    greet(hs, &config);
    client_hello(o, &b);
    CHECK_EQ(tell(hs, &b), 0);
    hear_body(hs, &b);
    client_welcome(o, &b);
}

TEST(every_field_of_initiate_is_checked)
{
    static const struct damage damages[] = {
        { "name", 8, ZN_ERROR_UNEXPECTED_COMMAND },
        { "cookie's nonce", 9, ZN_ERROR_CRYPTOGRAPHIC },
        { "cookie's tag", 25, ZN_ERROR_CRYPTOGRAPHIC },
        { "cookie's text", 104, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce begins", 105, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce ends", 112, ZN_ERROR_CRYPTOGRAPHIC },
        { "tag", 113, ZN_ERROR_CRYPTOGRAPHIC },
        { "C", 129, ZN_ERROR_CRYPTOGRAPHIC },
        { "vouch", 177, ZN_ERROR_CRYPTOGRAPHIC },
        { "metadata", 258, ZN_ERROR_CRYPTOGRAPHIC },
    };

    make_keys();
    for (size_t i = 0; i < ZN_COUNT(damages); i++) {
        struct zn_handshake hs;
        struct other o;
        struct body b;

        welcomed(&hs, &o);
        client_initiate(&o, &b);
        b.bytes[damages[i].at] ^= 0x10;
        check_server_refuses(&hs, &b, damages[i].what, damages[i].error);
    }
}

TEST(an_initiate_with_good_boxes_may_be_wrong)
{
    struct zn_handshake hs;
    struct other o, stranger;
    struct body b;

    make_keys();
    welcomed(&hs, &o);
    o.vouch_key[0] ^= 1;
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "vouches for another C'", ZN_ERROR_KEY_EXCHANGE);

    welcomed(&hs, &o);
    o.vouch_server[31] ^= 1;
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "meant another S", ZN_ERROR_KEY_EXCHANGE);

    welcomed(&hs, &o);                   /* says it is C, and has not c */
    crypto_box_keypair(stranger.own.open, stranger.own.secret);
    memcpy(o.long_term.secret, stranger.own.secret, KEY);
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "C of somebody else", ZN_ERROR_CRYPTOGRAPHIC);

    welcomed(&hs, &o);
    o.nonce = 1;
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "nonce of HELLO", ZN_ERROR_INVALID_SEQUENCE);

    welcomed(&hs, &o);
    client_initiate(&o, &b);
    b.size = 256;
    check_server_refuses(&hs, &b, "short", ZN_ERROR_MALFORMED_INITIATE);

    welcomed(&hs, &o);
    o.metadata = "\13Socket-Type\0\0\0\3PUB";
    o.metadata_size = 19;
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "type", 0);

    welcomed(&hs, &o);
    o.metadata_size = 18;
    client_initiate(&o, &b);
    check_server_refuses(&hs, &b, "metadata", 0);

    welcomed(&hs, &o);
    client_hello(&o, &b);
    check_server_refuses(&hs, &b, "HELLO again", ZN_ERROR_UNEXPECTED_COMMAND);

    welcomed(&hs, &o);
    memcpy(b.bytes,
           "\5ERROR\3"
           "400",
           b.size = 10);
    check_server_refuses(&hs, &b, "ERROR", ZN_ERROR_UNEXPECTED_COMMAND);
}

/* A cookie belongs to one connection: C' and s' come out of it, and nobody else's. */
TEST(a_cookie_of_another_connection_is_refused)
{
    struct zn_handshake a, b;
    struct other one, two;
    struct body body;

    make_keys();
    welcomed(&a, &one);
    welcomed(&b, &two);
    memcpy(two.cookie, one.cookie, sizeof(two.cookie));
    client_initiate(&two, &body);
    check_server_refuses(&b, &body, "cookie", ZN_ERROR_CRYPTOGRAPHIC);

    client_initiate(&one, &body);        /* a whole INITIATE, replayed */
    welcomed(&b, &two);
    check_server_refuses(&b, &body, "replay", ZN_ERROR_CRYPTOGRAPHIC);
    CHECK_EQ(tell(&a, &body), 0);
    CHECK(a.done);
    zn_handshake_fini(&a);
}

/* Where the secrets lie, for a look at memory. */
static bool holds(const void *memory, size_t size, const void *secret)
{
    for (size_t i = 0; i + KEY <= size; i++) {
        if (memcmp((const uint8_t *)memory + i, secret, KEY) == 0)
            return true;
    }
    return false;
}

TEST(between_welcome_and_initiate_a_server_keeps_no_secret_of_its_client)
{
    struct zn_handshake hs;
    struct other o;
    uint8_t key[KEY];

    make_keys();
    welcomed(&hs, &o);
    enum { STATE = 5 * KEY + 96 };       /* at least: keys and a cookie */
    CHECK(!holds(hs.state, STATE, o.own.open), "C'");
    CHECK(!holds(hs.state, STATE, o.peer), "S'");
    CHECK_EQ(crypto_box_beforenm(key, S.open, o.own.secret), 0);
    CHECK(!holds(hs.state, STATE, key), "of C' and S");
    CHECK_EQ(crypto_box_beforenm(key, o.peer, o.own.secret), 0);
    CHECK(!holds(hs.state, STATE, key), "of C' and S'");
    zn_handshake_fini(&hs);
}

/* ---- The same for what a server says. */

static void said_hello(struct zn_handshake *hs, struct other *o)
{
    struct zn_handshake_config config = curve_config(CLIENT_SIDE);
    struct body b;

    other_begin(o, &S);
    greet(hs, &config);
    hear_body(hs, &b);
    server_hello(o, &b);
}

static void said_initiate(struct zn_handshake *hs, struct other *o)
{
    uint8_t metadata[BODY_MAX];
    struct body b;

    said_hello(hs, o);
    server_welcome(o, &b);
    CHECK_EQ(tell(hs, &b), 0);
    hear_body(hs, &b);
    server_initiate(o, &b, metadata);
}

TEST(every_field_of_welcome_is_checked)
{
    static const struct damage damages[] = {
        { "name", 7, ZN_ERROR_UNEXPECTED_COMMAND },
        { "nonce", 8, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce ends", 23, ZN_ERROR_CRYPTOGRAPHIC },
        { "tag", 24, ZN_ERROR_CRYPTOGRAPHIC },
        { "S'", 40, ZN_ERROR_CRYPTOGRAPHIC },
        { "cookie", 72, ZN_ERROR_CRYPTOGRAPHIC },
        { "end", 167, ZN_ERROR_CRYPTOGRAPHIC },
    };
    struct zn_handshake hs;
    struct other o;
    struct body b;

    make_keys();
    for (size_t i = 0; i < ZN_COUNT(damages); i++) {
        said_hello(&hs, &o);
        server_welcome(&o, &b);
        b.bytes[damages[i].at] ^= 0x10;
        check_server_refuses(&hs, &b, damages[i].what, damages[i].error);
    }
    for (int i = -1; i <= 1; i += 2) {
        said_hello(&hs, &o);
        server_welcome(&o, &b);
        b.size += (size_t)i;
        check_server_refuses(&hs, &b, "size", ZN_ERROR_CRYPTOGRAPHIC);
    }
    said_hello(&hs, &o);
    memset(o.own.open, 0, KEY);
    server_welcome(&o, &b);
    check_server_refuses(&hs, &b, "S' is zero", ZN_ERROR_CRYPTOGRAPHIC);

    said_hello(&hs, &o);                 /* by somebody who is not S */
    struct pair real = S;
    crypto_box_keypair(S.open, S.secret);
    server_welcome(&o, &b);
    S = real;
    check_server_refuses(&hs, &b, "another server", ZN_ERROR_CRYPTOGRAPHIC);
}

TEST(every_field_of_ready_is_checked)
{
    static const struct damage damages[] = {
        { "name", 5, ZN_ERROR_UNEXPECTED_COMMAND },
        { "nonce", 6, ZN_ERROR_CRYPTOGRAPHIC },
        { "nonce ends", 13, ZN_ERROR_CRYPTOGRAPHIC },
        { "tag", 14, ZN_ERROR_CRYPTOGRAPHIC },
        { "metadata", 30, ZN_ERROR_CRYPTOGRAPHIC },
    };
    struct zn_handshake hs;
    struct other o;
    struct body b;

    make_keys();
    for (size_t i = 0; i < ZN_COUNT(damages); i++) {
        said_initiate(&hs, &o);
        server_ready(&o, &b);
        b.bytes[damages[i].at] ^= 0x10;
        check_server_refuses(&hs, &b, damages[i].what, damages[i].error);
    }
    said_initiate(&hs, &o);
    server_ready(&o, &b);
    b.size = 29;
    check_server_refuses(&hs, &b, "short", ZN_ERROR_MALFORMED_READY);

    said_initiate(&hs, &o);
    o.nonce = 0;
    server_ready(&o, &b);
    check_server_refuses(&hs, &b, "nonce is zero", ZN_ERROR_INVALID_SEQUENCE);

    said_initiate(&hs, &o);
    o.metadata_size = 18;
    server_ready(&o, &b);
    check_server_refuses(&hs, &b, "metadata", ZN_ERROR_INVALID_METADATA);

    said_initiate(&hs, &o);
    server_welcome(&o, &b);
    check_server_refuses(&hs, &b, "WELCOME again", ZN_ERROR_UNEXPECTED_COMMAND);

    said_initiate(&hs, &o);
    o.metadata_size = 0;                 /* no type told: as in NULL */
    server_ready(&o, &b);
    CHECK_EQ(tell(&hs, &b), 0);
    CHECK(hs.done);
    CHECK_EQ(hs.peer_type, -1);
    zn_handshake_fini(&hs);
}

TEST(client_is_told_why_it_is_refused)
{
    for (int i = 0; i < 2; i++) {
        struct zn_handshake hs;
        struct other o;

        make_keys();
        if (i == 0)
            said_hello(&hs, &o);
        else
            said_initiate(&hs, &o);
        CHECK_EQ(say(&hs,
                     (const uint8_t *)"\5ERROR\3"
                                      "400",
                     10),
                 -EPROTO);
        CHECK_EQ(hs.error, 0);
        CHECK_EQ(hs.peer_refused, 400);
        zn_handshake_fini(&hs);
    }
}

TEST(what_is_too_large_is_refused_early)
{
    static const struct {
        const char *what;
        bool as_server;
        struct zn_bytes in;
        int rc;
        uint32_t error;
    } cases[] = {
        { "HELLO", SERVER_SIDE, BYTES("\4\311\5HELLO"), -EPROTO,
          ZN_ERROR_MALFORMED_HELLO },
        { "no HELLO", SERVER_SIDE, BYTES("\4\311\5HOLLA"), -EPROTO,
          ZN_ERROR_UNEXPECTED_COMMAND },
        { "WELCOME", CLIENT_SIDE, BYTES("\6\0\0\0\0\0\0\1\7\7WELCOME"), -EPROTO,
          ZN_ERROR_CRYPTOGRAPHIC },
        { "anything", SERVER_SIDE, BYTES("\6\0\0\0\0\0\1\0\0"), -EMSGSIZE, 0 },
    };

    make_keys();
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = curve_config(cases[i].as_server);
        struct zn_handshake hs;

        greet(&hs, &config);
        CHECK_EQ(zn_handshake_feed(&hs, cases[i].in.data, cases[i].in.size), cases[i].rc,
                 "%s", cases[i].what);
        CHECK_EQ(hs.error, cases[i].error, "%s", cases[i].what);
        zn_handshake_fini(&hs);
    }
}

/* ---- Two of ours. */

TEST(two_of_ours_talk_in_every_cut)
{
    make_keys();
    for (size_t piece = 1; piece < 210; piece += 7) {
        struct zn_handshake_config client = curve_config(CLIENT_SIDE),
                                   server = curve_config(SERVER_SIDE);
        struct zn_handshake a, b;
        struct zn_opened opened;
        uint8_t wire[64];
        uint32_t error;

        CHECK_EQ(zn_handshake_init(&a, &client), 0);
        CHECK_EQ(zn_handshake_init(&b, &server), 0);
        converse_to_the_end(&a, &b, piece, 210 - piece);
        CHECK(zn_bytes_equal(b.peer_id, client.routing_id));
        CHECK_EQ(a.cipher->ops->seal(a.cipher, MORE, (const uint8_t *)"hi", 2, wire), 35);
        CHECK_EQ(b.cipher->ops->open(b.cipher, wire, 35, &opened, &error), 0);
        CHECK_EQ(opened.flags, MORE);
        CHECK_MEM(opened.payload.data, "hi", 2);
        zn_handshake_fini(&a);
        zn_handshake_fini(&b);
    }
}

/* All that a client says in one go, without waiting, cannot be; but every cut of HELLO and
 * INITIATE can. */
TEST(commands_may_be_cut_anywhere)
{
    make_keys();
    for (size_t cut = 1; cut < 300; cut++) {
        struct zn_handshake hs;
        struct other o;
        struct body b;
        uint8_t frame[BODY_MAX + 9] = { 4, 200 };

        struct zn_handshake_config config = curve_config(SERVER_SIDE);
        other_begin(&o, &C);
        greet(&hs, &config);
        client_hello(&o, &b);
        memcpy(frame + 2, b.bytes, b.size);
        size_t part = ZN_MIN(cut, 202);
        CHECK_EQ(zn_handshake_feed(&hs, frame, part), part);
        CHECK_EQ(zn_handshake_feed(&hs, frame + part, 202 - part), 202 - part);
        hear_body(&hs, &b);
        client_welcome(&o, &b);
        client_initiate(&o, &b);
        frame[0] = 6;
        zn_put_u64(frame + 1, b.size);
        memcpy(frame + 9, b.bytes, b.size);
        part = ZN_MIN(cut, b.size + 9);
        CHECK_EQ(zn_handshake_feed(&hs, frame, part), part);
        CHECK_EQ(zn_handshake_feed(&hs, frame + part, b.size + 9 - part),
                 b.size + 9 - part);
        CHECK(hs.done);
        zn_handshake_fini(&hs);
    }
}

static int talk_without_memory(uint64_t nth)
{
    struct zn_handshake_config client = curve_config(CLIENT_SIDE),
                               server = curve_config(SERVER_SIDE);
    struct zn_handshake a = { .failure = 0 }, b = { .failure = 0 };
    uint8_t bytes[1024];
    int rc;

    server.asks = true;
    faults_arm(ZN_FAULT_ALLOC, nth);
    rc = zn_handshake_init(&a, &client);
    if (rc < 0)
        return rc;
    rc = zn_handshake_init(&b, &server);
    while (rc == 0 && !(a.done && b.done)) {
        size_t n = hear(&a, bytes, sizeof(bytes));
        ptrdiff_t used = zn_handshake_feed(&b, bytes, n);
        if (used >= 0 && b.waits)
            used = zn_handshake_answer(&b, 200);
        n = used < 0 ? 0 : hear(&b, bytes, sizeof(bytes));
        if (used >= 0)
            used = zn_handshake_feed(&a, bytes, n);
        rc = used < 0 ? (int)used : 0;
    }
    faults_disarm();
    zn_handshake_fini(&a);
    if (b.config.mechanism != NULL)
        zn_handshake_fini(&b);
    return rc;
}

TEST(without_memory_it_fails_cleanly_wherever_it_strikes)
{
    make_keys();
    for (uint64_t nth = 1;; nth++) {
        int rc = talk_without_memory(nth);
        faults_disarm();
        if (faults_struck() == 0) {
            CHECK(rc == 0 && nth > 8);
            break;
        }
        CHECK_EQ(rc, -ENOMEM, "the %llu.", (unsigned long long)nth);
    }
}

TEST(older_peers_are_refused)
{
    static const struct zn_bytes peers[] = { BYTES("\1"), BYTES(SIGNATURE "\0"),
                                             BYTES(SIGNATURE "\1"),
                                             BYTES(GREETING_3("\3", "\1")) };

    make_keys();
    for (size_t i = 0; i < 2 * ZN_COUNT(peers); i++) {
        struct zn_handshake_config config = curve_config(i % 2 == 1);
        struct zn_handshake hs;

        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        CHECK_EQ(zn_handshake_feed(&hs, peers[i / 2].data, peers[i / 2].size), -EPROTO);
        CHECK(!hs.done);
        zn_handshake_fini(&hs);
    }
}

/* ---- Keys. */

TEST(keys_are_made_and_derived)
{
    uint8_t open[KEY], secret[KEY], derived[KEY], again[KEY];

    CHECK_EQ(zn_curve_keypair(open, secret), 0);
    CHECK_EQ(zn_curve_public(derived, secret), 0);
    CHECK_MEM(derived, open, KEY);
    CHECK_EQ(zn_curve_keypair(again, secret), 0);
    CHECK(memcmp(again, open, KEY) != 0);
}
#else
TEST(curve_needs_libsodium)
{
    test_skip("built without CURVE");
}
#endif

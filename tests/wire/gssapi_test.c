/* gssapi_test.c - GSSAPI as far as it goes without a realm: what is malformed, and what
 * comes of having no keys. */
#include "tests/wire/peer.h"

#ifdef ZN_HAVE_GSSAPI
#include <stdlib.h>

enum { SERVER_SIDE = true, CLIENT_SIDE = false };

/* No realm, no tickets, no keys: whatever the machine has. (A file that is no cache of
 * tickets makes the library itself crash.) */
static void leave_the_realm(void)
{
    CHECK_EQ(setenv("KRB5_CONFIG", "/dev/null", 1), 0);
    CHECK_EQ(setenv("KRB5_KTNAME", "/dev/null", 1), 0);
    CHECK_EQ(setenv("KRB5CCNAME", "MEMORY:none", 1), 0);
}

static struct zn_handshake_config gssapi_config(bool as_server,
                                                const struct zn_security *security)
{
    struct zn_handshake_config config = dealer_config();
    config.mechanism = &zn_mechanism_gssapi;
    config.security = security;
    config.as_server = as_server;
    return config;
}

TEST(server_refuses_what_is_no_token)
{
    static const struct zn_security security = { .principal = NULL };
    static const struct {
        const char *what;
        struct zn_bytes in;
        uint32_t error;
    } cases[] = {
        { "no length", BYTES("\10INITIATE"), ZN_ERROR_MALFORMED_INITIATE },
        { "length cut", BYTES("\10INITIATE\0\0\0"), ZN_ERROR_MALFORMED_INITIATE },
        { "token cut", BYTES("\10INITIATE\0\0\0\2x"), ZN_ERROR_MALFORMED_INITIATE },
        { "more", BYTES("\10INITIATE\0\0\0\1xy"), ZN_ERROR_MALFORMED_INITIATE },
        { "huge", BYTES("\10INITIATE\377\377\377\377xy"), ZN_ERROR_MALFORMED_INITIATE },
        { "HELLO", BYTES("\5HELLO"), ZN_ERROR_UNEXPECTED_COMMAND },
        { "READY", BYTES("\5READY"), ZN_ERROR_UNEXPECTED_COMMAND },
        { "MESSAGE", BYTES("\7MESSAGE\0\0\0\0"), ZN_ERROR_UNEXPECTED_COMMAND },
        { "ERROR",
          BYTES("\5ERROR\3"
                "400"),
          ZN_ERROR_UNEXPECTED_COMMAND },
        { "no command", BYTES("\11INITIATE"), ZN_ERROR_MALFORMED_COMMAND },
    };

    leave_the_realm();
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = gssapi_config(SERVER_SIDE, &security);
        struct zn_handshake hs;

        config.asks = true;
        greet(&hs, &config);
        CHECK_EQ(say(&hs, NULL, 0), 0, "libzmq's client says nothing, too");
        expect_silence(&hs);
        CHECK_EQ(say(&hs, cases[i].in.data, cases[i].in.size), -EPROTO, "%s",
                 cases[i].what);
        CHECK_EQ(hs.error, cases[i].error, "%s", cases[i].what);
        CHECK(!hs.waits && !hs.done);
        zn_handshake_fini(&hs);
    }
}

TEST(server_refuses_tokens_that_mean_nothing)
{
    static const struct zn_security security = { .principal = NULL, .plaintext = true };
    static const struct zn_bytes tokens[] = {
        BYTES("\10INITIATE\0\0\0\0"),
        BYTES("\10INITIATE\0\0\0\1x"),
        BYTES("\10INITIATE\0\0\0\15\140\13\6\11\52\206\110\206\367\22\1\2\2"),
        BYTES("\10INITIATE\0\0\0\17\140\15\6\11\52\206\110\206\367\22\1\2\2\1\0"),
    };

    leave_the_realm();
    for (size_t i = 0; i < ZN_COUNT(tokens); i++) {
        struct zn_handshake_config config = gssapi_config(SERVER_SIDE, &security);
        struct zn_handshake hs;

        config.asks = true;
        greet(&hs, &config);
        int rc = say(&hs, tokens[i].data, tokens[i].size);
        CHECK(rc == -EPERM || (rc == -EPROTO && hs.error == ZN_ERROR_CRYPTOGRAPHIC),
              "%zu: %d", i, rc);
        CHECK(!hs.waits && !hs.done);
        expect_silence(&hs);
        zn_handshake_fini(&hs);
    }
}

static void expect_no_start(const char *what, const struct zn_security *security)
{
    struct zn_handshake_config config = gssapi_config(CLIENT_SIDE, security);
    struct zn_handshake hs;
    uint8_t greeting[64];

    make_greeting(greeting, "GSSAPI");
    CHECK_EQ(zn_handshake_init(&hs, &config), 0);
    CHECK_EQ(zn_handshake_feed(&hs, greeting, sizeof(greeting)), -EPERM, "%s", what);
    CHECK_EQ(hs.error, 0, "%s", what);
    zn_handshake_fini(&hs);
}

/* That is not the peer's fault, and may be otherwise at the next attempt. */
TEST(client_without_a_ticket_says_nothing)
{
    leave_the_realm();
    for (int type = 0; type < 3; type++) {
        struct zn_security security = { .service = "zmq@localhost",
                                        .service_type = type };
        expect_no_start("no ticket", &security);
        security.principal = "nobody@NOWHERE";
        security.principal_type = type;
        expect_no_start("no key", &security);
        security.principal = "";
        security.service = NULL;
        expect_no_start("no service", &security);
    }
}

TEST(older_and_other_peers_are_refused)
{
    static const struct zn_security security = { .principal = NULL };
    static const struct zn_bytes peers[] = { BYTES("\1"), BYTES(SIGNATURE "\0"),
                                             BYTES(SIGNATURE "\1"),
                                             BYTES(GREETING_3("\3", "\1")) };

    leave_the_realm();
    for (size_t i = 0; i < 2 * ZN_COUNT(peers); i++) {
        struct zn_handshake_config config = gssapi_config(i % 2 == 1, &security);
        struct zn_handshake hs;

        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        CHECK_EQ(zn_handshake_feed(&hs, peers[i / 2].data, peers[i / 2].size), -EPROTO);
        zn_handshake_fini(&hs);
    }
}
#else
TEST(gssapi_needs_kerberos)
{
    test_skip("built without GSSAPI");
}
#endif

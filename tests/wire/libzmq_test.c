/* libzmq_test.c - our bytes are libzmq's: what Debian's libzmq5 4.3.4 sent to a raw TCP
 * peer that said the same things, captured; and we understand it. */
#include "tests/wire/peer.h"

#define TYPE(length, name) "\13Socket-Type\0\0\0" length name
#define GREETING_OF(signature) signature "\3\1" NAME_NULL ZEROS_16 ZEROS_16
#define NAMED "\xff\0\0\0\0\0\0\0\4\x7f"               /* by "abc" */
#define TEN_I "iiiiiiiiii"
#define I_250                                                                           \
    TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I \
        TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I TEN_I

enum { XPUB = 9 };

static const struct zn_property extra[] = {
    { BYTES("X-a"), BYTES("one") },
    { BYTES("X-b"), BYTES("two") },
};

static const struct {
    const char *what;
    int type;
    struct zn_bytes id;
    size_t extras;
    struct zn_bytes heard, said;         /* by libzmq */
} talks[] = {
    { "PAIR", PAIR, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\32\5READY" TYPE("\4", "PAIR")) },
    { "PUB", PUB, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\31\5READY" TYPE("\3", "PUB")) },
    { "SUB", SUB, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\31\5READY" TYPE("\3", "SUB")) },
    { "XPUB", XPUB, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\32\5READY" TYPE("\4", "XPUB")) },
    { "REQ", REQ, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\46\5READY" TYPE("\3",
                                                       "REQ") "\10Identity\0\0\0\0") },
    { "ROUTER", ROUTER, BYTES(""), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF(SIGNATURE) "\4\51\5READY" TYPE("\6",
                                                       "ROUTER") "\10Identity\0\0\0\0") },
    { "DEALER, all told", DEALER, BYTES("abc"), 2, BYTES(GREETING_3("\3", "\0")),
      BYTES(GREETING_OF(NAMED) "\4\102\5READY" TYPE(
          "\6", "DEALER") "\10Identity\0\0\0\3abc\3X-a\0\0\0\3one\3X-b\0\0\0\3two") },
    { "DEALER, long READY", DEALER, BYTES(I_250), 0, BYTES(GREETING_3("\3", "\1")),
      BYTES(GREETING_OF("\xff\0\0\0\0\0\0\0\xfb\x7f") "\6\0\0\0\0\0\0\1\43\5READY" TYPE(
          "\6", "DEALER") "\10Identity\0\0\0\xfa" I_250) },
    { "to 2.0", DEALER, BYTES("abc"), 0, BYTES(SIGNATURE "\1\5"),
      BYTES(NAMED "\3\5\0\3abc") },
    { "to 1.0 with revision", DEALER, BYTES("abc"), 0, BYTES(SIGNATURE "\0\5"),
      BYTES(NAMED "\3\5\4\0abc") },
    { "to 1.0, longest short id", DEALER, BYTES(I_250 "iii"), 0, BYTES(SIGNATURE "\0\5"),
      BYTES("\xff\0\0\0\0\0\0\0\xfe\x7f\3\5\xfe\0" I_250 "iii") },
    { "to 1.0, shortest long id", DEALER, BYTES(I_250 "iiii"), 0, BYTES(SIGNATURE "\0\5"),
      BYTES("\xff\0\0\0\0\0\0\0\xff\x7f\3\5\xff\0\0\0\0\0\0\0\xff\0" I_250 "iiii") },
    { "to 2.0, longest id", DEALER, BYTES(I_250 "iiiii"), 0, BYTES(SIGNATURE "\1\5"),
      BYTES("\xff\0\0\0\0\0\0\1\0\x7f\3\5\0\xff" I_250 "iiiii") },
    { "to unversioned", DEALER, BYTES("abc"), 0, BYTES("\1"), BYTES(NAMED "abc") },
    { "to unversioned, long form", DEALER, BYTES("abc"), 0,
      BYTES("\xff\0\0\0\0\0\0\0\1\0"), BYTES(NAMED "abc") },
};

static struct zn_handshake_config config_of(size_t i)
{
    struct zn_handshake_config config = dealer_config();
    int type = talks[i].type;

    config.socket_type = type;
    config.peers = UINT32_MAX;
    config.tells_id = type == REQ || type == DEALER || type == ROUTER;
    config.routing_id = talks[i].id;
    config.properties = extra;
    config.property_count = talks[i].extras;
    return config;
}

TEST(handshake_says_byte_for_byte_what_libzmq_says)
{
    for (size_t i = 0; i < ZN_COUNT(talks); i++) {
        struct zn_handshake_config config = config_of(i);
        struct zn_handshake hs;

        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        struct outcome o = feed_cut(&hs, talks[i].heard, SIZE_MAX, 0, true);
        CHECK_EQ(o.said_size, talks[i].said.size, "%s", talks[i].what);
        CHECK(memcmp(o.said, talks[i].said.data, o.said_size) == 0, "%s", talks[i].what);
        zn_handshake_fini(&hs);
    }
}

TEST(handshake_understands_what_libzmq_says)
{
    for (size_t i = 0; i < ZN_COUNT(talks); i++) {
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake hs;

        if (talks[i].said.size <= 64)
            continue;                    /* what it says to older peers is not whole */
        if (talks[i].said.data[11] != 1)
            continue;
        config.peers = UINT32_MAX;
        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        CHECK_EQ(zn_handshake_feed(&hs, talks[i].said.data, talks[i].said.size),
                 talks[i].said.size, "%s", talks[i].what);
        CHECK(hs.done, "%s", talks[i].what);
        CHECK_EQ(hs.version, ZN_ZMTP_3_1, "%s", talks[i].what);
        CHECK_EQ(hs.peer_type, talks[i].type, "%s", talks[i].what);
        CHECK(zn_bytes_equal(hs.peer_id, talks[i].id), "%s", talks[i].what);
        zn_handshake_fini(&hs);
    }
}

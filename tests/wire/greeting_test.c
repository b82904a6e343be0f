/* greeting_test.c - the greeting and what follows it, for peers of every version. */
#include "tests/wire/peer.h"

#define READY_ME "\4\53\5READY" TYPE_DEALER "\10Identity\0\0\0\2me"
#define OUR_SIGNATURE "\xff\0\0\0\0\0\0\0\3\x7f"
#define OUR_GREETING_3 OUR_SIGNATURE "\3\1" NAME_NULL ZEROS_16 ZEROS_16

/* What peers say up to the end of their handshake, and all that we answer. */
static const struct {
    const char *what;
    struct zn_bytes in, out;
    enum zn_zmtp version;
    struct zn_bytes id;
} peers[] = {
    { "3.1", BYTES(GREETING_3("\3", "\1") READY_ROUTER), BYTES(OUR_GREETING_3 READY_ME),
      ZN_ZMTP_3_1, BYTES("") },
    { "3.0", BYTES(GREETING_3("\3", "\0") READY_ROUTER), BYTES(OUR_GREETING_3 READY_ME),
      ZN_ZMTP_3_0, BYTES("") },
    { "3.9", BYTES(GREETING_3("\3", "\11") READY_ROUTER), BYTES(OUR_GREETING_3 READY_ME),
      ZN_ZMTP_3_1, BYTES("") },
    { "revision 2", BYTES(GREETING_3("\2", "\0") READY_ROUTER),
      BYTES(OUR_GREETING_3 READY_ME), ZN_ZMTP_3_1, BYTES("") },
    { "4.0", BYTES(GREETING_3("\4", "\0") READY_ROUTER), BYTES(OUR_GREETING_3 READY_ME),
      ZN_ZMTP_3_1, BYTES("") },
    { "2.0",
      BYTES(SIGNATURE "\1\6"
                      "\0\0"),
      BYTES(OUR_SIGNATURE "\3\5\0\2me"), ZN_ZMTP_2, BYTES("") },
    { "2.0 with a name",
      BYTES(SIGNATURE "\1\6"
                      "\0\4peer"),
      BYTES(OUR_SIGNATURE "\3\5\0\2me"), ZN_ZMTP_2, BYTES("peer") },
    { "2.0 with a long form",
      BYTES(SIGNATURE "\1\6"
                      "\2\0\0\0\0\0\0\0\4peer"),
      BYTES(OUR_SIGNATURE "\3\5\0\2me"), ZN_ZMTP_2, BYTES("peer") },
    { "1.0 with revision",
      BYTES(SIGNATURE "\0\6"
                      "\5\0peer"),
      BYTES(OUR_SIGNATURE "\3\5\3\0me"), ZN_ZMTP_1_REV, BYTES("peer") },
    { "unversioned", BYTES("\1\0"), BYTES(OUR_SIGNATURE "me"), ZN_ZMTP_1, BYTES("") },
    { "unversioned with a name", BYTES("\5\0peer"), BYTES(OUR_SIGNATURE "me"), ZN_ZMTP_1,
      BYTES("peer") },
    { "unversioned, long form", BYTES("\xff\0\0\0\0\0\0\0\5\0peer"),
      BYTES(OUR_SIGNATURE "me"), ZN_ZMTP_1, BYTES("peer") },
};

/* The peer's bytes with traffic behind them. */
static struct zn_bytes with_traffic(size_t i, uint8_t *room)
{
    size_t size = peers[i].in.size;

    memcpy(room, peers[i].in.data, size);
    memcpy(room + size, TRAFFIC, sizeof(TRAFFIC) - 1);
    return (struct zn_bytes){ room, size + sizeof(TRAFFIC) - 1 };
}

static struct outcome meet(struct zn_bytes in, size_t first, size_t piece, bool fenced)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    CHECK_EQ(zn_handshake_init(&hs, &config), 0);
    struct outcome o = feed_cut(&hs, in, first, piece, fenced);
    zn_handshake_fini(&hs);
    return o;
}

TEST(greeting_of_every_version_is_answered_in_kind_and_traffic_left_alone)
{
    for (size_t i = 0; i < ZN_COUNT(peers); i++) {
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake hs;
        uint8_t room[256];

        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        struct outcome o = feed_cut(&hs, with_traffic(i, room), SIZE_MAX, 0, true);
        CHECK_EQ(o.rc, peers[i].in.size, "%s", peers[i].what);
        CHECK(o.done, "%s", peers[i].what);
        CHECK_EQ(o.version, peers[i].version, "%s", peers[i].what);
        CHECK_EQ(o.said_size, peers[i].out.size, "%s", peers[i].what);
        CHECK(memcmp(o.said, peers[i].out.data, o.said_size) == 0, "%s", peers[i].what);
        CHECK(zn_bytes_equal(hs.peer_id, peers[i].id), "%s", peers[i].what);
        CHECK_EQ(hs.peer_type, o.version >= ZN_ZMTP_3_0 ? ROUTER : -1, "%s",
                 peers[i].what);
        CHECK_EQ(zn_handshake_feed(&hs, room, 5), 0, "done: nothing more is taken");
        zn_handshake_fini(&hs);
    }
}

TEST(greeting_comes_out_the_same_at_every_cut)
{
    for (size_t i = 0; i < ZN_COUNT(peers); i++) {
        uint8_t room[256];
        struct zn_bytes in = with_traffic(i, room);
        struct outcome whole = meet(in, SIZE_MAX, 0, false);

        for (size_t cut = 1; cut < in.size; cut++) {
            struct outcome o = meet(in, cut, SIZE_MAX, true);
            check_same(&o, &whole, peers[i].what, cut);
        }
        for (size_t piece = 1; piece < 12; piece++) {
            struct outcome o = meet(in, piece, piece, true);
            check_same(&o, &whole, peers[i].what, piece);
        }
    }
}

TEST(handshake_that_is_cut_short_is_not_done)
{
    for (size_t i = 0; i < ZN_COUNT(peers); i++) {
        for (size_t size = 1; size < peers[i].in.size; size++) {
            struct outcome o =
                meet((struct zn_bytes){ peers[i].in.data, size }, SIZE_MAX, 0, true);
            CHECK_EQ(o.rc, size, "%s, %zu", peers[i].what, size);
            CHECK(!o.done, "%s, %zu", peers[i].what, size);
        }
    }
}

/* Any byte may become anything: it is an error, or less than the peer's bytes are used,
 * or more are wanted; and however it arrives, the same comes of it. */
TEST_TIMEOUT(handshake_with_any_byte_changed_ends_the_same_at_every_cut, 60)
{
    for (size_t i = 0; i < ZN_COUNT(peers); i++) {
        uint8_t room[256];
        struct zn_bytes in = with_traffic(i, room);

        for (size_t at = 0; at < in.size; at++) {
            uint8_t right = room[at];
            for (int change = 1; change < 256; change++) {
                room[at] = (uint8_t)(right ^ change);
                struct outcome whole = meet(in, SIZE_MAX, 0, false);
                struct outcome bytewise = meet(in, 1, 1, false);
                check_same(&whole, &bytewise, peers[i].what, at);
                CHECK(whole.rc >= 0 || whole.rc == -EPROTO || whole.rc == -EMSGSIZE,
                      "%s, %zu", peers[i].what, at);
                CHECK(whole.rc >= 0 || !whole.done, "%s, %zu", peers[i].what, at);
            }
            room[at] = right;
        }
    }
}

TEST(greeting_bytes_without_meaning_are_ignored_and_a_wrong_mechanism_is_not)
{
    static const struct {
        const char *what;
        size_t from, to;
        ptrdiff_t rc;
        uint32_t error;
    } cases[] = {
        { "padding", 1, 9, sizeof(GREETING_3("\3", "\1") READY_ROUTER) - 1, 0 },
        { "mechanism", 12, 32, -EPROTO, 0x11000002 },
        { "as-server, filler", 32, 64, sizeof(GREETING_3("\3", "\1") READY_ROUTER) - 1,
          0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        for (size_t at = cases[i].from; at < cases[i].to; at++) {
            uint8_t in[] = GREETING_3("\3", "\1") READY_ROUTER;
            in[at] ^= 1;
            struct outcome o =
                meet((struct zn_bytes){ in, sizeof(in) - 1 }, SIZE_MAX, 0, false);
            CHECK_EQ(o.rc, cases[i].rc, "%s, %zu", cases[i].what, at);
            CHECK_EQ(o.error, cases[i].error, "%s, %zu", cases[i].what, at);
        }
    }
}

/* RFC 37: the peer's greeting must be known in full before the mechanism speaks. */
TEST(greeting_goes_out_piece_by_piece)
{
    static const struct {
        const char *what, *in;
        size_t size, said;
    } cases[] = {
        { "at once", "", 0, 10 },
        { "FF", "\xff", 1, 10 },
        { "all but the signature's end", "\xff" ZEROS_8, 9, 10 },
        { "signature", SIGNATURE, 10, 11 },
        { "3", SIGNATURE "\3", 11, 64 },
        { "all but one byte", GREETING_3("\3", "\1"), 63, 64 },
        { "whole", GREETING_3("\3", "\1"), 64, 64 + 45 },
        { "2.0", SIGNATURE "\1", 11, 12 },
        { "2.0 with type", SIGNATURE "\1\6", 12, 16 },
        { "unversioned", "\1", 1, 12 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_bytes in = { (const uint8_t *)cases[i].in, cases[i].size };
        struct outcome o = meet(in, SIZE_MAX, 0, true);
        CHECK_EQ(o.rc, cases[i].size, "%s", cases[i].what);
        CHECK_EQ(o.said_size, cases[i].said, "%s", cases[i].what);
    }
}

static struct outcome meet_strictly(struct zn_bytes in,
                                    const struct zn_mechanism *mechanism,
                                    bool versions_3_only)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    config.versions_3_only = versions_3_only;
    config.mechanism = mechanism;
    CHECK_EQ(zn_handshake_init(&hs, &config), 0);
    struct outcome o = feed_cut(&hs, in, SIZE_MAX, 0, true);
    zn_handshake_fini(&hs);
    return o;
}

TEST(older_peers_are_refused_on_demand_and_by_mechanisms_that_protect)
{
    static const struct zn_mechanism closed = { .name = "NULL" };

    for (size_t i = 0; i < ZN_COUNT(peers); i++) {
        bool older = peers[i].version < ZN_ZMTP_3_0;
        struct outcome o = meet_strictly(peers[i].in, &zn_mechanism_null, true);
        CHECK_EQ(o.rc, older ? -EPROTO : (ptrdiff_t)peers[i].in.size, "%s",
                 peers[i].what);
        CHECK_EQ(o.error, 0, "%s", peers[i].what);
        if (older) {
            o = meet_strictly(peers[i].in, &closed, false);
            CHECK_EQ(o.rc, -EPROTO, "%s", peers[i].what);
        }
    }
}

TEST(old_routing_ids_are_bounded_by_their_header_alone)
{
    static const struct {
        const char *what;
        struct zn_bytes in;
        int64_t max;
        ptrdiff_t rc;
    } cases[] = {
        { "1.0, empty frame", BYTES("\0"), -1, -EPROTO },
        { "1.0 at the limit", BYTES("\3\0ab"), 2, 4 },
        { "1.0 over it", BYTES("\4"), 2, -EMSGSIZE },
        { "1.0, huge", BYTES("\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0"), -1, -EMSGSIZE },
        { "1.0 rev, huge", BYTES(SIGNATURE "\0\6\xff\0\0\0\0\0\1\1\1"), -1, -EMSGSIZE },
        { "2.0 at the limit", BYTES(SIGNATURE "\1\6\0\2ab"), 2, 16 },
        { "2.0 over it", BYTES(SIGNATURE "\1\6\0\3"), 2, -EMSGSIZE },
        { "2.0, huge", BYTES(SIGNATURE "\1\6\2\0\0\0\0\0\1\0\1"), -1, -EMSGSIZE },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_handshake_config config = dealer_config();
        struct zn_handshake hs;

        config.max_size = cases[i].max;
        CHECK_EQ(zn_handshake_init(&hs, &config), 0);
        struct outcome o = feed_cut(&hs, cases[i].in, SIZE_MAX, 0, true);
        CHECK_EQ(o.rc, cases[i].rc, "%s", cases[i].what);
        zn_handshake_fini(&hs);
    }
}

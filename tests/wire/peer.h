/* tests/wire/peer.h - what tests of the handshake share: bytes as literals, a side of
 * our own, and feeding it in cuts. */
#ifndef ZN_TESTS_WIRE_PEER_H
#define ZN_TESTS_WIRE_PEER_H

#include "tests/test.h"
#include "wire/handshake.h"
#include "wire/mechanism.h"

#define BYTES(literal)                                  \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

#define ZEROS_8 "\0\0\0\0\0\0\0\0"
#define ZEROS_16 ZEROS_8 ZEROS_8
#define SIGNATURE "\xff\0\0\0\0\0\0\0\1\x7f"
#define NAME_NULL "NULL" ZEROS_16
#define GREETING_3(revision, minor) SIGNATURE revision minor NAME_NULL ZEROS_16 ZEROS_16
#define TYPE_ROUTER "\13Socket-Type\0\0\0\6ROUTER"
#define TYPE_DEALER "\13Socket-Type\0\0\0\6DEALER"
#define READY_ROUTER "\4\51\5READY" TYPE_ROUTER "\10Identity\0\0\0\0"
#define TRAFFIC "\0\1A"

enum { PAIR, PUB, SUB, REQ, REP, DEALER, ROUTER };     /* zmq.h's numbers */

/* A DEALER called "me" that talks to DEALER and ROUTER. */
static inline struct zn_handshake_config dealer_config(void)
{
    return (struct zn_handshake_config){
        .socket_type = DEALER,
        .peers = 1u << DEALER | 1u << ROUTER,
        .routing_id = BYTES("me"),
        .tells_id = true,
        .max_size = -1,
        .mechanism = &zn_mechanism_null,
    };
}

struct outcome {
    ptrdiff_t rc;                        /* bytes used, or an error */
    bool done;
    enum zn_zmtp version;
    uint32_t error, refused;
    uint8_t said[1024];
    size_t said_size;
};

/* Takes what hs has to say, at most limit bytes. */
static inline size_t hear(struct zn_handshake *hs, uint8_t *to, size_t limit)
{
    struct zn_bytes out = zn_handshake_output(hs);
    size_t n = ZN_MIN(out.size, limit);

    if (n > 0)
        memcpy(to, out.data, n);
    zn_handshake_sent(hs, n);
    return n;
}

/* ---- Commands, one by one. */

/* A greeting of 64 bytes that names a mechanism. */
static inline void make_greeting(uint8_t greeting[64], const char *mechanism)
{
    memset(greeting, 0, 64);
    memcpy(greeting, SIGNATURE "\3\1", 12);
    memcpy(greeting + 12, mechanism, strlen(mechanism));
}

/* Begins a handshake with a peer that has sent its greeting; takes ours away. */
static inline void greet(struct zn_handshake *hs,
                         const struct zn_handshake_config *config)
{
    uint8_t greeting[64], ours[64];

    make_greeting(greeting, config->mechanism->name);
    CHECK_EQ(zn_handshake_init(hs, config), 0);
    CHECK_EQ(zn_handshake_feed(hs, greeting, sizeof(greeting)), sizeof(greeting));
    CHECK_EQ(hear(hs, ours, sizeof(ours)), sizeof(ours));
    CHECK_MEM(ours + 12, config->mechanism->name, 20);
}

/* Feeds a command's body, in a frame that ends at an unreadable page. 0 if all of it was
 * used, or the error. */
static inline int say(struct zn_handshake *hs, const uint8_t *body, size_t size)
{
    uint8_t frame[2048] = { 4, (uint8_t)size };
    size_t header = 2;
    const uint8_t *end;

    CHECK(size <= sizeof(frame) - 9);
    if (size > 255) {
        frame[0] = 6;
        zn_put_u64(frame + 1, size);
        header = 9;
    }
    if (size > 0)
        memcpy(frame + header, body, size);
    const uint8_t *p = test_fence(frame, header + size, &end);
    ptrdiff_t used = zn_handshake_feed(hs, p, header + size);
    if (used >= 0)
        CHECK_EQ(used, header + size);
    return used < 0 ? (int)used : 0;
}

/* Takes the one command that hs has to say; its body's size. */
static inline size_t hear_command(struct zn_handshake *hs, uint8_t *body, size_t room)
{
    uint8_t said[2048];
    size_t size = hear(hs, said, sizeof(said));
    bool is_long = size > 0 && said[0] == 6;
    size_t header = is_long ? 9 : 2;

    CHECK(size > header);
    CHECK_EQ(said[0], is_long ? 6 : 4);
    CHECK_EQ(is_long ? zn_get_u64(said + 1) : said[1], size - header);
    CHECK(size - header <= room);
    memcpy(body, said + header, size - header);
    return size - header;
}

static inline void expect_command(struct zn_handshake *hs, struct zn_bytes body)
{
    uint8_t said[2048];

    CHECK_EQ(hear_command(hs, said, sizeof(said)), body.size);
    CHECK_MEM(said, body.data, body.size);
}

static inline void expect_silence(const struct zn_handshake *hs)
{
    CHECK_EQ(zn_handshake_output(hs).size, 0);
}

/* ---- Two of ours. */

/* Moves what one has to say to the other, in pieces. false when it does not speak. */
static inline bool converse(struct zn_handshake *a, struct zn_handshake *b, size_t piece)
{
    uint8_t bytes[512];
    size_t n = hear(a, bytes, ZN_MIN(piece, sizeof(bytes)));

    if (n > 0)
        CHECK_EQ(zn_handshake_feed(b, bytes, n), n);
    return n > 0;
}

static inline void converse_to_the_end(struct zn_handshake *a, struct zn_handshake *b,
                                       size_t piece_a, size_t piece_b)
{
    bool spoke_a, spoke_b;

    do {
        spoke_a = converse(a, b, piece_a);
        spoke_b = converse(b, a, piece_b);
    } while (spoke_a || spoke_b);
    CHECK(a->done && b->done, "%zu, %zu", piece_a, piece_b);
}

/* ---- Cuts. */

/* Feeds bytes up to `first`, then in pieces of `piece`, each ending at an unreadable
 * page when fenced; notes everything that came of it. */
static inline struct outcome feed_cut(struct zn_handshake *hs, struct zn_bytes in,
                                      size_t first, size_t piece, bool fenced)
{
    struct outcome o = { .rc = 0 };
    size_t at = 0, size = first;

    o.said_size = hear(hs, o.said, sizeof(o.said));
    while (o.rc >= 0 && !hs->done && at < in.size) {
        size = ZN_MIN(size, in.size - at);
        const uint8_t *end, *p = in.data + at;
        if (fenced)
            p = test_fence(p, size, &end);
        ptrdiff_t used = zn_handshake_feed(hs, p, size);
        o.rc = used < 0 ? used : o.rc + used;
        if (used >= 0 && !hs->done)
            CHECK_EQ(used, size, "all is used until done");
        o.said_size += hear(hs, o.said + o.said_size, sizeof(o.said) - o.said_size);
        at += size;
        size = piece;
    }
    o.done = hs->done;
    o.version = hs->version;
    o.error = hs->error;
    o.refused = hs->peer_refused;
    return o;
}

static inline void check_same(const struct outcome *a, const struct outcome *b,
                              const char *what, size_t where)
{
    CHECK_EQ(a->rc, b->rc, "%s, %zu", what, where);
    CHECK_EQ(a->done, b->done, "%s, %zu", what, where);
    CHECK_EQ(a->version, b->version, "%s, %zu", what, where);
    CHECK_EQ(a->error, b->error, "%s, %zu", what, where);
    CHECK_EQ(a->refused, b->refused, "%s, %zu", what, where);
    CHECK_EQ(a->said_size, b->said_size, "%s, %zu", what, where);
    CHECK(memcmp(a->said, b->said, a->said_size) == 0, "%s, %zu", what, where);
}

#endif

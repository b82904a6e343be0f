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

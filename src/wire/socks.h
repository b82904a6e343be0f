/* wire/socks.h - what a client of a SOCKS5 proxy says and hears (RFC 1928), with user and
 * password (RFC 1929) where they are given. Pure: whoever has the descriptor moves the bytes.
 *
 * The client offers the one way to say who it is that it means: none, or user and password.
 * Whatever else the proxy answers ends the attempt. The proxy's bytes are asked for to the
 * last and no further: behind them the peer itself speaks. */
#ifndef ZN_WIRE_SOCKS_H
#define ZN_WIRE_SOCKS_H

#include "base/base.h"

enum {
    ZN_SOCKS_TEXT_MAX = 255,             /* of a name, a user, a password */
    ZN_SOCKS_OUT_MAX = 3 + 2 * ZN_SOCKS_TEXT_MAX,
    ZN_SOCKS_IN_MAX = 4 + 1 + ZN_SOCKS_TEXT_MAX + 2
};

enum zn_socks_kind { ZN_SOCKS_IPV4 = 1, ZN_SOCKS_NAME = 3, ZN_SOCKS_IPV6 = 4 };

/* Where to, and who asks. */
struct zn_socks_wish {
    enum zn_socks_kind kind;
    struct zn_bytes host;                /* 4 bytes, 16 bytes, or a name as text */
    uint16_t port;
    struct zn_bytes user, password;      /* user empty: nobody says who asks */
};

struct zn_socks_turn;

struct zn_socks {
    const struct zn_socks_wish *wish;
    const struct zn_socks_turn *turn;
    uint16_t out_size, out_sent, in_size, in_need;
    uint8_t out[ZN_SOCKS_OUT_MAX];
    uint8_t in[ZN_SOCKS_IN_MAX];
};

/* The wish is kept by reference. -EINVAL: it cannot be said. */
int zn_socks_start(struct zn_socks *s, const struct zn_socks_wish *wish);

/* What is to be sent now; size 0: it is the proxy's turn. */
static inline struct zn_bytes zn_socks_output(const struct zn_socks *s)
{
    return (struct zn_bytes){ s->out + s->out_sent, (size_t)(s->out_size - s->out_sent) };
}

static inline void zn_socks_sent(struct zn_socks *s, size_t size)
{
    s->out_sent = (uint16_t)(s->out_sent + size);
}

/* How many bytes may come now. */
static inline size_t zn_socks_wants(const struct zn_socks *s)
{
    return (size_t)(s->in_need - s->in_size);
}

/* Takes at most that many. 1: the way to the peer is open; 0: there is more to say or hear;
 * -EPROTO: that is no SOCKS5; -EACCES: the proxy wants another user, or forbids it; another
 * -errno: why the proxy could not connect. */
int zn_socks_input(struct zn_socks *s, const uint8_t *p, size_t size);

#endif

/* tests/wire/curve_other.h - a client and a server of CURVE that are written from RFC 26
 * alone, with libsodium's calls and offsets into the commands: the other side of tests. */
#ifndef ZN_TESTS_WIRE_CURVE_OTHER_H
#define ZN_TESTS_WIRE_CURVE_OTHER_H

#include <sodium.h>

#include "tests/wire/peer.h"

enum { SERVER_SIDE = true, CLIENT_SIDE = false };
enum { KEY = 32, MAC = 16, BODY_MAX = 4096 };
enum { MORE = 1, COMMAND = 4 };          /* a frame's flags */

struct pair {
    uint8_t open[KEY], secret[KEY];
};

struct body {
    uint8_t bytes[BODY_MAX];
    size_t size;
};

static struct pair S, C;                 /* long-term, of a test's process */
static struct zn_security server_security, client_security;

static inline void make_keys(void)
{
    CHECK(sodium_init() >= 0);
    crypto_box_keypair(S.open, S.secret);
    crypto_box_keypair(C.open, C.secret);
    /* A server need not be told its public key. */
    memcpy(server_security.secret_key, S.secret, KEY);
    memcpy(client_security.public_key, C.open, KEY);
    memcpy(client_security.secret_key, C.secret, KEY);
    memcpy(client_security.server_key, S.open, KEY);
}

static inline struct zn_handshake_config curve_config(bool as_server)
{
    struct zn_handshake_config config = dealer_config();
    config.mechanism = &zn_mechanism_curve;
    config.security = as_server ? &server_security : &client_security;
    config.as_server = as_server;
    return config;
}

/* ---- The RFC's boxes. prefix and what follows it make 24 bytes. */

static inline void nonce_of(uint8_t nonce[24], const char *prefix, const uint8_t *rest)
{
    size_t size = strlen(prefix);
    memcpy(nonce, prefix, size);
    memcpy(nonce + size, rest, 24 - size);
}

static inline void box(uint8_t *out, const uint8_t *text, size_t size, const char *prefix,
                       const uint8_t *rest, const uint8_t *to, const uint8_t *from)
{
    uint8_t nonce[24];
    nonce_of(nonce, prefix, rest);
    CHECK_EQ(crypto_box_easy(out, text, size, nonce, to, from), 0);
}

static inline void unbox(uint8_t *out, const uint8_t *in, size_t size, const char *prefix,
                         const uint8_t *rest, const uint8_t *from, const uint8_t *to)
{
    uint8_t nonce[24];
    nonce_of(nonce, prefix, rest);
    CHECK_EQ(crypto_box_open_easy(out, in, size, nonce, from, to), 0);
}

/* ---- The other side, step by step. What may be spoilt on purpose has a field. */

struct other {
    struct pair own;                     /* C' or S' */
    struct pair long_term;
    uint8_t peer[KEY];                   /* S' or C' */
    uint8_t cookie[96], cookie_key[KEY];
    uint8_t vouch_key[KEY], vouch_server[KEY];   /* client: what the vouch says */
    uint64_t nonce;                      /* the next */
    const char *metadata;
    size_t metadata_size;
    int version;
};

static inline void other_begin(struct other *o, const struct pair *long_term)
{
    *o = (struct other){ .long_term = *long_term, .nonce = 1, .version = 1 };
    crypto_box_keypair(o->own.open, o->own.secret);
    memcpy(o->vouch_key, o->own.open, KEY);
    memcpy(o->vouch_server, S.open, KEY);
    o->metadata = TYPE_ROUTER;
    o->metadata_size = sizeof(TYPE_ROUTER) - 1;
}

static inline void client_hello(struct other *o, struct body *b)
{
    static const uint8_t zeros[64];

    memset(b->bytes, 0, 200);
    memcpy(b->bytes, "\5HELLO", 6);
    b->bytes[6] = (uint8_t)o->version;
    memcpy(b->bytes + 80, o->own.open, KEY);
    zn_put_u64(b->bytes + 112, o->nonce++);
    box(b->bytes + 120, zeros, 64, "CurveZMQHELLO---", b->bytes + 112, S.open,
        o->own.secret);
    b->size = 200;
}

static inline void client_welcome(struct other *o, const struct body *b)
{
    uint8_t text[128];

    CHECK_EQ(b->size, 168);
    CHECK_MEM(b->bytes, "\7WELCOME", 8);
    unbox(text, b->bytes + 24, 144, "WELCOME-", b->bytes + 8, S.open, o->own.secret);
    memcpy(o->peer, text, KEY);
    memcpy(o->cookie, text + KEY, 96);
}

static inline void client_initiate(struct other *o, struct body *b)
{
    uint8_t text[BODY_MAX], both[64];
    size_t size = 128 + o->metadata_size;

    memcpy(b->bytes, "\10INITIATE", 9);
    memcpy(b->bytes + 9, o->cookie, 96);
    zn_put_u64(b->bytes + 105, o->nonce++);
    memcpy(text, o->long_term.open, KEY);
    randombytes_buf(text + 32, 16);
    memcpy(both, o->vouch_key, KEY);
    memcpy(both + KEY, o->vouch_server, KEY);
    box(text + 48, both, 64, "VOUCH---", text + 32, o->peer, o->long_term.secret);
    memcpy(text + 128, o->metadata, o->metadata_size);
    box(b->bytes + 113, text, size, "CurveZMQINITIATE", b->bytes + 105, o->peer,
        o->own.secret);
    b->size = 113 + MAC + size;
}

static inline size_t client_ready(struct other *o, const struct body *b,
                                  uint8_t *metadata)
{
    CHECK(b->size >= 30);
    CHECK_MEM(b->bytes, "\5READY", 6);
    unbox(metadata, b->bytes + 14, b->size - 14, "CurveZMQREADY---", b->bytes + 6,
          o->peer, o->own.secret);
    return b->size - 30;
}

static inline void server_hello(struct other *o, const struct body *b)
{
    static const uint8_t zeros[72];
    uint8_t text[64];

    CHECK_EQ(b->size, 200);
    CHECK_MEM(b->bytes, "\5HELLO\1\0", 8);
    CHECK_MEM(b->bytes + 8, zeros, 72);
    CHECK_EQ(zn_get_u64(b->bytes + 112), 1);
    memcpy(o->peer, b->bytes + 80, KEY);
    unbox(text, b->bytes + 120, 80, "CurveZMQHELLO---", b->bytes + 112, o->peer,
          S.secret);
    CHECK_MEM(text, zeros, 64);
}

static inline void server_welcome(struct other *o, struct body *b)
{
    uint8_t text[128], both[64], nonce[24];

    randombytes_buf(o->cookie_key, KEY);
    randombytes_buf(o->cookie, 16);
    memcpy(both, o->peer, KEY);
    memcpy(both + KEY, o->own.secret, KEY);
    nonce_of(nonce, "COOKIE--", o->cookie);
    crypto_secretbox_easy(o->cookie + 16, both, 64, nonce, o->cookie_key);
    memcpy(text, o->own.open, KEY);
    memcpy(text + KEY, o->cookie, 96);
    memcpy(b->bytes, "\7WELCOME", 8);
    randombytes_buf(b->bytes + 8, 16);
    box(b->bytes + 24, text, 128, "WELCOME-", b->bytes + 8, o->peer, S.secret);
    b->size = 168;
}

static inline size_t server_initiate(struct other *o, const struct body *b,
                                     uint8_t *metadata)
{
    uint8_t text[BODY_MAX], both[64];

    CHECK(b->size >= 257);
    CHECK_MEM(b->bytes, "\10INITIATE", 9);
    CHECK_MEM(b->bytes + 9, o->cookie, 96);
    CHECK_EQ(zn_get_u64(b->bytes + 105), 2);
    unbox(text, b->bytes + 113, b->size - 113, "CurveZMQINITIATE", b->bytes + 105,
          o->peer, o->own.secret);
    CHECK_MEM(text, C.open, KEY);
    unbox(both, text + 48, 80, "VOUCH---", text + 32, text, o->own.secret);
    CHECK_MEM(both, o->peer, KEY);
    CHECK_MEM(both + KEY, S.open, KEY);
    memcpy(metadata, text + 128, b->size - 257);
    return b->size - 257;
}

static inline void server_ready(struct other *o, struct body *b)
{
    memcpy(b->bytes, "\5READY", 6);
    zn_put_u64(b->bytes + 6, o->nonce++);
    box(b->bytes + 14, (const uint8_t *)o->metadata, o->metadata_size, "CurveZMQREADY---",
        b->bytes + 6, o->peer, o->own.secret);
    b->size = 14 + MAC + o->metadata_size;
}

/* A MESSAGE of ours; inner: its flags byte and payload. */
static inline void other_message(struct other *o, bool is_server, const char *inner,
                                 size_t size, struct body *b)
{
    memcpy(b->bytes, "\7MESSAGE", 8);
    zn_put_u64(b->bytes + 8, o->nonce++);
    box(b->bytes + 16, (const uint8_t *)inner, size,
        is_server ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC", b->bytes + 8, o->peer,
        o->own.secret);
    b->size = 16 + MAC + size;
}

static inline size_t other_read(struct other *o, bool is_server, const uint8_t *p,
                                size_t size, uint8_t *inner)
{
    CHECK(size >= 33);
    CHECK_MEM(p, "\7MESSAGE", 8);
    unbox(inner, p + 16, size - 16, is_server ? "CurveZMQMESSAGEC" : "CurveZMQMESSAGES",
          p + 8, o->peer, o->own.secret);
    return size - 32;
}

static inline int tell(struct zn_handshake *hs, const struct body *b)
{
    return say(hs, b->bytes, b->size);
}

static inline void hear_body(struct zn_handshake *hs, struct body *b)
{
    b->size = hear_command(hs, b->bytes, sizeof(b->bytes));
}

/* ---- What the tests share. */

/* One byte of a command that is changed. */
struct damage {
    const char *what;
    size_t at;
    uint32_t error;
};

/* A server of ours that has got HELLO and INITIATE. */
static inline void play_server(struct zn_handshake *hs, struct other *o, bool asks)
{
    struct zn_handshake_config config = curve_config(SERVER_SIDE);
    struct body b;

    config.asks = asks;
    other_begin(o, &C);
    greet(hs, &config);
    expect_silence(hs);
    client_hello(o, &b);
    CHECK_EQ(tell(hs, &b), 0);
    hear_body(hs, &b);
    client_welcome(o, &b);
    client_initiate(o, &b);
    CHECK_EQ(tell(hs, &b), 0);
}

#endif

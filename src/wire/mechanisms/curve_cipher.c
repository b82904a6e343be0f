/* wire/mechanisms/curve_cipher.c - see curve_cipher.h. */
#ifdef ZN_HAVE_SODIUM
#include "wire/mechanisms/curve_cipher.h"

#include <sodium.h>

#include "base/alloc.h"
#include "wire/cipher.h"
#include "wire/frame.h"
#include "wire/handshake.h"
#include "wire/mechanisms/curve.h"

enum { KEY = ZN_CURVE_KEY, TAG = 16, SHORT_NONCE = 8 };

_Static_assert(KEY == crypto_stream_salsa20_KEYBYTES &&
                   SHORT_NONCE == crypto_stream_salsa20_NONCEBYTES,
               "");
_Static_assert(KEY == crypto_onetimeauth_poly1305_KEYBYTES &&
                   TAG == crypto_onetimeauth_poly1305_BYTES,
               "");

/* Where the parts of a message begin, and its size without payload. */
enum {
    MESSAGE_NAME = 8,
    MESSAGE_BOX = MESSAGE_NAME + SHORT_NONCE,
    MESSAGE_FLAGS = MESSAGE_BOX + TAG,
    MESSAGE_MIN = MESSAGE_FLAGS + 1,
};
enum { INNER_MORE = 1, INNER_COMMAND = 2 };

/* Messages one way. All their nonces begin alike, so the key that a box derives from its
 * nonce's first part is made once, and not for each of them. */
struct lane {
    uint8_t key[KEY];
    uint64_t nonce;                      /* the last */
};

struct curve_cipher {
    struct zn_cipher base;
    struct lane out, in;
};

static void open_lane(struct lane *lane, bool from_server, const uint8_t key[KEY],
                      uint64_t nonce)
{
    const char *prefix = from_server ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC";
    crypto_core_hsalsa20(lane->key, (const uint8_t *)prefix, key, NULL);
    lane->nonce = nonce;
}

/* A box is its text under Salsa20 from the 33rd byte of the stream on; the first 32 are the
 * key of its tag (NaCl). A message has room for those before its text. */
_Static_assert((int)MESSAGE_FLAGS == (int)KEY, "");

enum { SMALL = 512, BLOCK = 64 };        /* of a message; of Salsa20 */

/* With vectors libsodium makes four blocks in the time of one. */
#ifdef __SSE2__
enum { AT_ONCE = 4 * BLOCK };
#else
enum { AT_ONCE = BLOCK };
#endif
_Static_assert(SMALL % AT_ONCE == 0, "");

/* The stream for a message of that size, and what makes the last of it quickly; how much
 * that is. */
static size_t make_stream(uint8_t stream[SMALL], size_t size,
                          const uint8_t nonce[SHORT_NONCE], const uint8_t key[KEY])
{
    if (size > BLOCK)
        size = (size + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
    crypto_stream_salsa20(stream, size, nonce, key);
    return size;
}

static void mix(uint8_t *out, const uint8_t *p, const uint8_t *stream, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = p[i] ^ stream[i];
}

static void seal_small(uint8_t *out, const uint8_t *p, size_t size,
                       const uint8_t nonce[SHORT_NONCE], const uint8_t key[KEY],
                       uint8_t tag_key[KEY])
{
    uint8_t stream[SMALL];
    size_t made = make_stream(stream, MESSAGE_MIN + size, nonce, key);

    memcpy(tag_key, stream, KEY);
    out[MESSAGE_FLAGS] ^= stream[MESSAGE_FLAGS];
    mix(out + MESSAGE_MIN, p, stream + MESSAGE_MIN, size);
    sodium_memzero(stream, made);
}

/* From p to out in one pass, but for what fills the first block. */
static void seal_large(uint8_t *out, const uint8_t *p, size_t size,
                       const uint8_t nonce[SHORT_NONCE], const uint8_t key[KEY],
                       uint8_t tag_key[KEY])
{
    size_t first = BLOCK - MESSAGE_MIN;

    memset(out, 0, KEY);
    memcpy(out + MESSAGE_MIN, p, first);
    crypto_stream_salsa20_xor(out, out, BLOCK, nonce, key);
    crypto_stream_salsa20_xor_ic(out + BLOCK, p + first, size - first, nonce, 1, key);
    memcpy(tag_key, out, KEY);
}

static ptrdiff_t seal(struct zn_cipher *c, uint8_t flags, const uint8_t *p, size_t size,
                      uint8_t *out)
{
    struct lane *lane = &((struct curve_cipher *)c)->out;
    uint8_t nonce[SHORT_NONCE], tag_key[KEY];

    if (lane->nonce == UINT64_MAX)
        return -EPROTO;
    zn_put_u64(nonce, ++lane->nonce);
    out[MESSAGE_FLAGS] = (uint8_t)((flags & ZN_FRAME_MORE ? INNER_MORE : 0) |
                                   (flags & ZN_FRAME_COMMAND ? INNER_COMMAND : 0));
    (MESSAGE_MIN + size <= SMALL ? seal_small : seal_large)(out, p, size, nonce,
                                                            lane->key, tag_key);
    memcpy(out, "\7MESSAGE", MESSAGE_NAME);
    memcpy(out + MESSAGE_NAME, nonce, SHORT_NONCE);
    crypto_onetimeauth_poly1305(out + MESSAGE_BOX, out + MESSAGE_FLAGS, 1 + size,
                                tag_key);
    sodium_memzero(tag_key, sizeof(tag_key));
    return (ptrdiff_t)(MESSAGE_MIN + size);
}

static bool tag_fits(const uint8_t *body, size_t size, const uint8_t tag_key[KEY])
{
    return crypto_onetimeauth_poly1305_verify(body + MESSAGE_BOX, body + MESSAGE_FLAGS,
                                              size - MESSAGE_FLAGS, tag_key) == 0;
}

/* The tag is checked before anything is opened. */
static bool open_small(uint8_t *body, size_t size, const uint8_t nonce[SHORT_NONCE],
                       const uint8_t key[KEY])
{
    uint8_t stream[SMALL];
    size_t made = make_stream(stream, size, nonce, key);
    bool fits = tag_fits(body, size, stream);

    if (fits)
        mix(body + MESSAGE_FLAGS, body + MESSAGE_FLAGS, stream + MESSAGE_FLAGS,
            size - MESSAGE_FLAGS);
    sodium_memzero(stream, made);
    return fits;
}

static bool open_large(uint8_t *body, size_t size, const uint8_t nonce[SHORT_NONCE],
                       const uint8_t key[KEY])
{
    uint8_t tag_key[KEY];

    crypto_stream_salsa20(tag_key, KEY, nonce, key);
    bool fits = tag_fits(body, size, tag_key);
    sodium_memzero(tag_key, sizeof(tag_key));
    if (fits)
        crypto_stream_salsa20_xor(body, body, size, nonce, key);
    sodium_memzero(body, KEY);
    return fits;
}

static int refuse(uint32_t *error, uint32_t why)
{
    *error = why;
    return -EPROTO;
}

static int open_message(struct zn_cipher *c, uint8_t *body, size_t size,
                        struct zn_opened *out, uint32_t *error)
{
    struct lane *lane = &((struct curve_cipher *)c)->in;
    uint8_t nonce[SHORT_NONCE];

    if (size < MESSAGE_NAME || memcmp(body, "\7MESSAGE", MESSAGE_NAME) != 0)
        return refuse(error, ZN_ERROR_UNEXPECTED_COMMAND);
    if (size < MESSAGE_MIN)
        return refuse(error, ZN_ERROR_MALFORMED_MESSAGE);
    uint64_t counter = zn_get_u64(body + MESSAGE_NAME);
    if (counter <= lane->nonce)
        return refuse(error, ZN_ERROR_INVALID_SEQUENCE);
    memcpy(nonce, body + MESSAGE_NAME, SHORT_NONCE);
    if (!(size <= SMALL ? open_small : open_large)(body, size, nonce, lane->key))
        return refuse(error, ZN_ERROR_CRYPTOGRAPHIC);

    lane->nonce = counter;
    uint8_t flags = body[MESSAGE_FLAGS]; /* reserved bits are ignored, as a frame's are */
    out->flags = (uint8_t)((flags & INNER_MORE ? ZN_FRAME_MORE : 0) |
                           (flags & INNER_COMMAND ? ZN_FRAME_COMMAND : 0));
    out->payload = (struct zn_bytes){ body + MESSAGE_MIN, size - MESSAGE_MIN };
    return 0;
}

static void free_cipher(struct zn_cipher *c)
{
    sodium_memzero(c, sizeof(struct curve_cipher));
    zn_free(c);
}

static const struct zn_cipher_ops cipher_ops = {
    .overhead = MESSAGE_MIN,
    .seal = seal,
    .open = open_message,
    .free = free_cipher,
};

struct zn_cipher *zn_curve_cipher_new(const uint8_t *key, bool as_server, uint64_t sent,
                                      uint64_t seen)
{
    struct curve_cipher *cipher = zn_zalloc(sizeof(*cipher));

    if (cipher == NULL)
        return NULL;
    cipher->base.ops = &cipher_ops;
    open_lane(&cipher->out, as_server, key, sent);
    open_lane(&cipher->in, !as_server, key, seen);
    return &cipher->base;
}
#else
#include "wire/cipher.h"
#endif

/* wire/mechanisms/curve.c - CURVE (RFC 25, 26). Keys as the RFC names them: S, s are the
 * server's long-term pair, C, c the client's; S', s' and C', c' those of this connection.
 *
 * Between WELCOME and INITIATE a server knows nothing of its client but a key for the
 * cookie that holds C' and s', and the last nonce. Each secret is cleared as soon as nobody
 * needs it any more. */
#ifdef ZN_HAVE_SODIUM
#include "wire/mechanisms/curve.h"

#include <sodium.h>

#include "base/alloc.h"
#include "wire/frame.h"
#include "wire/mechanism.h"
#include "wire/mechanisms/curve_cipher.h"

enum { KEY = ZN_CURVE_KEY, TAG = 16, NONCE = 24, LONG_NONCE = 16, SHORT_NONCE = 8 };
enum { COOKIE = LONG_NONCE + TAG + 2 * KEY, VOUCH = LONG_NONCE + TAG + 2 * KEY };

_Static_assert(KEY == crypto_box_SECRETKEYBYTES && KEY == crypto_box_BEFORENMBYTES, "");
_Static_assert(KEY == crypto_secretbox_KEYBYTES && NONCE == crypto_secretbox_NONCEBYTES,
               "");
_Static_assert(TAG == crypto_box_MACBYTES && NONCE == crypto_box_NONCEBYTES, "");

/* Where the parts of the commands' data begin, and its size. */
enum {
    HELLO_KEY = 2 + 72,
    HELLO_NONCE = HELLO_KEY + KEY,
    HELLO_BOX = HELLO_NONCE + SHORT_NONCE,
    HELLO_ZEROS = 64,
    HELLO_SIZE = HELLO_BOX + TAG + HELLO_ZEROS,

    WELCOME_BOX = LONG_NONCE,
    WELCOME_TEXT = KEY + COOKIE,
    WELCOME_SIZE = WELCOME_BOX + TAG + WELCOME_TEXT,

    INITIATE_NONCE = COOKIE,
    INITIATE_BOX = INITIATE_NONCE + SHORT_NONCE,
    INITIATE_TEXT = KEY + VOUCH,         /* and metadata */
    INITIATE_MIN = INITIATE_BOX + TAG + INITIATE_TEXT,

    READY_BOX = SHORT_NONCE,
    READY_MIN = READY_BOX + TAG,
};

struct curve {                           /* hs->state */
    uint8_t key[KEY];                    /* of S and C', later of S' and C' */
    uint8_t own_secret[KEY];             /* client: c' */
    uint8_t own_public[KEY];             /* client: C' */
    uint8_t peer_key[KEY];               /* client: S'; server: C', then C */
    uint8_t cookie_key[KEY];             /* server */
    uint8_t cookie[COOKIE];              /* client */
    uint64_t sent, seen;                 /* the last short nonces each way */
};

/* ---- Nonces and boxes. */

static void make_short_nonce(uint8_t nonce[NONCE], const char prefix[16],
                             uint64_t counter)
{
    memcpy(nonce, prefix, NONCE - SHORT_NONCE);
    zn_put_u64(nonce + NONCE - SHORT_NONCE, counter);
}

static void make_long_nonce(uint8_t nonce[NONCE], const char prefix[8],
                            const uint8_t bytes[LONG_NONCE])
{
    memcpy(nonce, prefix, NONCE - LONG_NONCE);
    memcpy(nonce + NONCE - LONG_NONCE, bytes, LONG_NONCE);
}

/* The text of that size behind the tag at box becomes a box, in place. */
static void seal_box(uint8_t *box, size_t size, const uint8_t nonce[NONCE],
                     const uint8_t key[KEY])
{
    crypto_box_detached_afternm(box + TAG, box, box + TAG, size, nonce, key);
}

/* The reverse. */
static bool open_box(uint8_t *box, size_t size, const uint8_t nonce[NONCE],
                     const uint8_t key[KEY])
{
    return crypto_box_open_detached_afternm(box + TAG, box + TAG, box, size, nonce,
                                            key) == 0;
}

/* -EPROTO: a key that makes every product the same; nobody honest has one. */
static int agree(struct zn_handshake *hs, uint8_t key[KEY], const uint8_t public_key[KEY],
                 const uint8_t secret_key[KEY])
{
    if (crypto_box_beforenm(key, public_key, secret_key) == 0)
        return 0;
    return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
}

static int take_nonce(struct zn_handshake *hs, const uint8_t bytes[SHORT_NONCE])
{
    struct curve *curve = hs->state;
    uint64_t nonce = zn_get_u64(bytes);

    if (nonce <= curve->seen)
        return zn_handshake_fail(hs, ZN_ERROR_INVALID_SEQUENCE);
    curve->seen = nonce;
    return 0;
}

/* The command's own bytes, in the handshake's buffer, to be opened in place. */
static uint8_t *bytes_of(const struct zn_command *cmd)
{
    return (uint8_t *)(uintptr_t)cmd->data.data;
}

/* ---- Life. */

static int start(struct zn_handshake *hs)
{
    if (sodium_init() < 0)
        return -ENOMEM;
    hs->state = zn_zalloc(sizeof(struct curve));
    return hs->state == NULL ? -ENOMEM : 0;
}

static void drop(void *state)
{
    sodium_memzero(state, sizeof(struct curve));
    zn_free(state);
}

/* ---- What frames become: curve_cipher.c. */

/* The handshake's last word has been said or heard: its key is the traffic's. */
static int finish(struct zn_handshake *hs)
{
    struct curve *curve = hs->state;
    bool as_server = hs->config.as_server;

    hs->cipher = zn_curve_cipher_new(curve->key, as_server, curve->sent, curve->seen);
    if (hs->cipher == NULL)
        return -ENOMEM;
    sodium_memzero(curve->key, KEY);
    return 0;
}

/* ---- The client's side. */

static int put_hello(struct zn_handshake *hs)
{
    uint8_t nonce[NONCE], *p;
    int rc = start(hs);

    if (rc < 0)
        return rc;
    struct curve *curve = hs->state;
    crypto_box_keypair(curve->own_public, curve->own_secret);
    rc = agree(hs, curve->key, hs->config.security->server_key, curve->own_secret);
    if (rc < 0)
        return rc;
    p = zn_handshake_extend(hs, HELLO_SIZE);
    if (p == NULL)
        return -ENOMEM;
    memset(p, 0, HELLO_SIZE);
    p[0] = 1;                            /* version 1.0 */
    memcpy(p + HELLO_KEY, curve->own_public, KEY);
    zn_put_u64(p + HELLO_NONCE, ++curve->sent);
    make_short_nonce(nonce, "CurveZMQHELLO---", curve->sent);
    seal_box(p + HELLO_BOX, HELLO_ZEROS, nonce, curve->key);
    return 0;
}

/* A size that is wrong is what libzmq calls it, too: a box that does not open. */
static int get_welcome(struct zn_handshake *hs, const struct zn_command *cmd)
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], *p = bytes_of(cmd);

    if (cmd->data.size != WELCOME_SIZE)
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    make_long_nonce(nonce, "WELCOME-", p);
    if (!open_box(p + WELCOME_BOX, WELCOME_TEXT, nonce, curve->key))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    p += WELCOME_BOX + TAG;
    memcpy(curve->peer_key, p, KEY);
    memcpy(curve->cookie, p + KEY, COOKIE);
    return agree(hs, curve->key, curve->peer_key, curve->own_secret);
}

/* Writes the vouch, Box[C' + S](C->S'). */
static int make_vouch(struct zn_handshake *hs, uint8_t *vouch)
{
    const struct zn_security *security = hs->config.security;
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], key[KEY];

    int rc = agree(hs, key, curve->peer_key, security->secret_key);
    if (rc < 0)
        return rc;
    randombytes_buf(vouch, LONG_NONCE);
    make_long_nonce(nonce, "VOUCH---", vouch);
    memcpy(vouch + LONG_NONCE + TAG, curve->own_public, KEY);
    memcpy(vouch + LONG_NONCE + TAG + KEY, security->server_key, KEY);
    seal_box(vouch + LONG_NONCE, 2 * KEY, nonce, key);
    sodium_memzero(key, KEY);
    return 0;
}

static int put_initiate(struct zn_handshake *hs)
{
    struct curve *curve = hs->state;
    size_t at = hs->out.size;
    uint8_t nonce[NONCE], *p = zn_handshake_extend(hs, INITIATE_MIN);

    if (p == NULL)
        return -ENOMEM;
    memcpy(p, curve->cookie, COOKIE);
    zn_put_u64(p + INITIATE_NONCE, ++curve->sent);
    memcpy(p + INITIATE_BOX + TAG, hs->config.security->public_key, KEY);
    int rc = make_vouch(hs, p + INITIATE_BOX + TAG + KEY);
    sodium_memzero(curve->own_secret, KEY);
    if (rc == 0)
        rc = zn_handshake_put_metadata(hs);
    if (rc < 0)
        return rc;
    p = hs->out.data + at;               /* it may have moved */
    make_short_nonce(nonce, "CurveZMQINITIATE", curve->sent);
    seal_box(p + INITIATE_BOX, hs->out.size - at - INITIATE_BOX - TAG, nonce, curve->key);
    return 0;
}

static int get_ready(struct zn_handshake *hs, const struct zn_command *cmd)
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], *p = bytes_of(cmd);

    if (cmd->data.size < READY_MIN)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_READY);
    struct zn_bytes list = { p + READY_MIN, cmd->data.size - READY_MIN };
    int rc = take_nonce(hs, p);
    if (rc < 0)
        return rc;
    make_short_nonce(nonce, "CurveZMQREADY---", curve->seen);
    if (!open_box(p + READY_BOX, list.size, nonce, curve->key))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    rc = zn_handshake_take_ready(hs, list);
    return rc < 0 ? rc : finish(hs);
}

/* ---- The server's side. */

static int get_hello(struct zn_handshake *hs, const struct zn_command *cmd)
{
    uint8_t nonce[NONCE], *p = bytes_of(cmd);

    if (cmd->data.size != HELLO_SIZE || p[0] != 1 || p[1] != 0 ||
        !sodium_is_zero(p + 2, HELLO_KEY - 2))
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_HELLO);
    int rc = start(hs);
    if (rc < 0)
        return rc;
    struct curve *curve = hs->state;
    memcpy(curve->peer_key, p + HELLO_KEY, KEY);
    rc = take_nonce(hs, p + HELLO_NONCE);
    if (rc == 0)
        rc = agree(hs, curve->key, curve->peer_key, hs->config.security->secret_key);
    if (rc < 0)
        return rc;
    make_short_nonce(nonce, "CurveZMQHELLO---", curve->seen);
    if (!open_box(p + HELLO_BOX, HELLO_ZEROS, nonce, curve->key))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    if (!sodium_is_zero(p + HELLO_BOX + TAG, HELLO_ZEROS))
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_HELLO);
    return 0;
}

/* Writes the cookie: C' and s' in a box that we alone can open. */
static void make_cookie(struct curve *curve, const uint8_t secret[KEY], uint8_t *cookie)
{
    uint8_t nonce[NONCE], *text = cookie + LONG_NONCE + TAG;

    randombytes_buf(curve->cookie_key, KEY);
    randombytes_buf(cookie, LONG_NONCE);
    make_long_nonce(nonce, "COOKIE--", cookie);
    memcpy(text, curve->peer_key, KEY);
    memcpy(text + KEY, secret, KEY);
    crypto_secretbox_detached(text, cookie + LONG_NONCE, text, (size_t)2 * KEY, nonce,
                              curve->cookie_key);
}

static int put_welcome(struct zn_handshake *hs)
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], secret[KEY], *p = zn_handshake_extend(hs, WELCOME_SIZE);

    if (p == NULL)
        return -ENOMEM;
    randombytes_buf(p, LONG_NONCE);
    make_long_nonce(nonce, "WELCOME-", p);
    uint8_t *text = p + WELCOME_BOX + TAG;
    crypto_box_keypair(text, secret);
    make_cookie(curve, secret, text + KEY);
    sodium_memzero(secret, KEY);
    seal_box(p + WELCOME_BOX, WELCOME_TEXT, nonce, curve->key);
    sodium_memzero(curve->key, KEY);
    sodium_memzero(curve->peer_key, KEY);
    return 0;
}

/* Out of the cookie come C', in peer_key, and s'. */
static int open_cookie(struct zn_handshake *hs, uint8_t *cookie, uint8_t secret[KEY])
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], *text = cookie + LONG_NONCE + TAG;

    make_long_nonce(nonce, "COOKIE--", cookie);
    int rc = crypto_secretbox_open_detached(text, text, cookie + LONG_NONCE,
                                            (size_t)2 * KEY, nonce, curve->cookie_key);
    sodium_memzero(curve->cookie_key, KEY);
    if (rc < 0)
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    memcpy(curve->peer_key, text, KEY);
    memcpy(secret, text + KEY, KEY);
    sodium_memzero(text, (size_t)2 * KEY);
    return 0;
}

/* The client vouches with c that C' is its own, and that it means S: or else somebody whom
 * it trusts could pass its INITIATE on to us. libzmq does not look at S. */
static int check_vouch(struct zn_handshake *hs, const uint8_t client_key[KEY],
                       uint8_t *vouch, const uint8_t secret[KEY])
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], key[KEY], expected[2 * KEY];

    int rc = agree(hs, key, client_key, secret);
    if (rc < 0)
        return rc;
    make_long_nonce(nonce, "VOUCH---", vouch);
    bool opened = open_box(vouch + LONG_NONCE, sizeof(expected), nonce, key);
    sodium_memzero(key, KEY);
    if (!opened)
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    memcpy(expected, curve->peer_key, KEY);
    crypto_scalarmult_base(expected + KEY, hs->config.security->secret_key);
    if (sodium_memcmp(vouch + LONG_NONCE + TAG, expected, sizeof(expected)) != 0)
        return zn_handshake_fail(hs, ZN_ERROR_KEY_EXCHANGE);
    return 0;
}

/* Opens the box and takes its parts; secret is s'. */
static int open_initiate(struct zn_handshake *hs, uint8_t *p, size_t size,
                         const uint8_t secret[KEY])
{
    struct curve *curve = hs->state;
    uint8_t nonce[NONCE], *text = p + INITIATE_BOX + TAG;

    int rc = agree(hs, curve->key, curve->peer_key, secret);
    if (rc == 0)
        rc = take_nonce(hs, p + INITIATE_NONCE);
    if (rc < 0)
        return rc;
    make_short_nonce(nonce, "CurveZMQINITIATE", curve->seen);
    if (!open_box(p + INITIATE_BOX, size - INITIATE_BOX - TAG, nonce, curve->key))
        return zn_handshake_fail(hs, ZN_ERROR_CRYPTOGRAPHIC);
    rc = check_vouch(hs, text, text + KEY, secret);
    memcpy(curve->peer_key, text, KEY);
    return rc;
}

static int get_initiate(struct zn_handshake *hs, const struct zn_command *cmd)
{
    uint8_t secret[KEY], *p = bytes_of(cmd);

    if (cmd->data.size < INITIATE_MIN)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_INITIATE);
    int rc = open_cookie(hs, p, secret);
    if (rc < 0)
        return rc;
    rc = open_initiate(hs, p, cmd->data.size, secret);
    sodium_memzero(secret, KEY);
    if (rc < 0)
        return rc;
    struct zn_bytes list = { p + INITIATE_MIN, cmd->data.size - INITIATE_MIN };
    return zn_handshake_take_metadata(hs, list);
}

static int ask_key(struct zn_handshake *hs)
{
    const struct curve *curve = hs->state;
    hs->credentials.count = 1;
    hs->credentials.parts[0] = (struct zn_bytes){ curve->peer_key, KEY };
    return 0;
}

static int put_ready(struct zn_handshake *hs)
{
    struct curve *curve = hs->state;
    size_t at = hs->out.size;
    uint8_t nonce[NONCE], *p = zn_handshake_extend(hs, READY_MIN);

    if (p == NULL)
        return -ENOMEM;
    int rc = zn_handshake_put_metadata(hs);
    if (rc < 0)
        return rc;
    p = hs->out.data + at;               /* it may have moved */
    zn_put_u64(p, ++curve->sent);
    make_short_nonce(nonce, "CurveZMQREADY---", curve->sent);
    seal_box(p + READY_BOX, hs->out.size - at - READY_MIN, nonce, curve->key);
    return finish(hs);
}

/* ---- The scripts. */

static const struct zn_turn client[] = {
    { "HELLO", .send = put_hello },
    { "WELCOME", .recv = get_welcome, .most = ZN_ERROR_COMMAND_MAX,
      .oversized = ZN_ERROR_CRYPTOGRAPHIC },
    { "INITIATE", .send = put_initiate },
    { "READY", .recv = get_ready },
    { .name = NULL },
};

static const struct zn_turn server[] = {
    { "HELLO", .recv = get_hello, .most = 6 + HELLO_SIZE,
      .oversized = ZN_ERROR_MALFORMED_HELLO },
    { "WELCOME", .send = put_welcome },
    { "INITIATE", .recv = get_initiate },
    { "ZAP", .ask = ask_key },
    { "READY", .send = put_ready },
    { .name = NULL },
};

const struct zn_mechanism zn_mechanism_curve = {
    .name = "CURVE",
    .client = client,
    .server = server,
    .drop = drop,
};

/* ---- Keys. */

int zn_curve_keypair(uint8_t public_key[ZN_CURVE_KEY], uint8_t secret_key[ZN_CURVE_KEY])
{
    if (sodium_init() < 0)
        return -ENOMEM;
    crypto_box_keypair(public_key, secret_key);
    return 0;
}

int zn_curve_public(uint8_t public_key[ZN_CURVE_KEY],
                    const uint8_t secret_key[ZN_CURVE_KEY])
{
    if (sodium_init() < 0)
        return -ENOMEM;
    crypto_scalarmult_base(public_key, secret_key);
    return 0;
}
#else
#include "wire/mechanism.h"
#endif

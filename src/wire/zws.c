/* wire/zws.c - see zws.h. */
#include "wire/zws.h"

#include "base/alloc.h"

enum { FLAG_MORE = 1, FLAG_COMMAND = 2 };          /* RFC 45, Framing */
enum { LONG_HEAD = 9, ROOM = LONG_HEAD - 1 };      /* before a message in fragments */

size_t zn_zws_greeting(uint8_t out[ZN_ZWS_GREETING_MAX], const char *mechanism)
{
    static const uint8_t signature[10] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f };

    memset(out, 0, ZN_ZWS_GREETING_MAX);
    memcpy(out, signature, sizeof signature);
    if (mechanism == NULL) {
        out[10] = 1;                     /* RFC 15: ZMTP 2.0; the type is not looked at */
        return 12;
    }
    out[10] = 3;                         /* RFC 23: ZMTP 3.0, minor 0 */
    memcpy(out + 12, mechanism, strlen(mechanism));
    return 64;
}

/* ---- In. */

void zn_zws_in_fini(struct zn_zws_in *z)
{
    zn_free(z->message);
    z->message = NULL;
}

/* RFC 45's flags as ZMTP's. Those that it does not have are ignored, as libzmq does. */
static int put_head(uint8_t *out, uint8_t flags, uint64_t size)
{
    return zn_frame_encode(out,
                           (flags & FLAG_MORE ? ZN_FRAME_MORE : 0) |
                               (flags & FLAG_COMMAND ? ZN_FRAME_COMMAND : 0),
                           size);
}

/* The next header: 1, 0 if it is not whole, -EPROTO. */
static int take_header(struct zn_zws_in *z, const uint8_t **p, const uint8_t *end)
{
    size_t had = z->head_size;
    size_t n = ZN_MIN(sizeof z->head - had, (size_t)(end - *p));

    if (had == 0) {
        int length = zn_ws_header_decode(*p, end, &z->h);
        if (length != 0) {
            *p += length > 0 ? length : 0;
            return length > 0 ? 1 : length;
        }
    }
    memcpy(z->head + had, *p, n);
    int length = had == 0 ? 0 : zn_ws_header_decode(z->head, z->head + had + n, &z->h);
    if (length < 0)
        return length;
    *p += length > 0 ? (size_t)length - had : n;
    z->head_size = length > 0 ? 0 : (uint8_t)(had + n);
    return length > 0;
}

static bool is_control(const struct zn_ws_header *h)
{
    return h->opcode >= ZN_WS_CLOSE;
}

static int begin_frame(struct zn_zws_in *z)
{
    const struct zn_ws_header *h = &z->h;

    if (h->masked != z->masked)          /* RFC 6455, section 5.1 */
        return -EPROTO;
    z->inside = true;
    z->flagged = false;
    z->at = 0;
    if (is_control(h))
        return 0;
    /* RFC 45: all is binary. Fragments of one message stand together. */
    if (h->opcode != (z->fragments ? ZN_WS_CONTINUATION : ZN_WS_BINARY))
        return -EPROTO;
    if (h->final && !z->fragments)
        return h->size == 0 ? -EPROTO : 0;
    z->fragments = true;
    return h->size > z->limit || z->message_size > z->limit - h->size ? -EMSGSIZE : 0;
}

/* Collects fragments. */
static int collect(struct zn_zws_in *z, const uint8_t *p, size_t n)
{
    size_t want = ROOM + z->message_size + n;
    if (want > z->message_cap) {
        size_t cap = ZN_MAX(want, z->message_cap * 2);
        uint8_t *grown = zn_realloc(z->message, cap);
        if (grown == NULL)
            return -ENOMEM;
        z->message = grown;
        z->message_cap = cap;
    }
    zn_ws_mask(z->message + ROOM + z->message_size, p, n, z->h.key, z->at);
    z->message_size += n;
    return 0;
}

static void copy(const struct zn_zws_in *z, uint8_t *out, const uint8_t *p, size_t n)
{
    if (z->h.masked)
        zn_ws_mask(out, p, n, z->h.key, z->at);
    else
        memmove(out, p, n);
}

/* n bytes of the frame's payload. What they make goes to *out. */
static int take_payload(struct zn_zws_in *z, const uint8_t *p, size_t n, uint8_t **out)
{
    int rc = 0;

    if (is_control(&z->h)) {
        copy(z, z->control + z->at, p, n);
    } else if (z->fragments) {
        rc = collect(z, p, n);
    } else {
        if (!z->flagged) {
            uint8_t flags = *p++;
            if (z->h.masked)
                flags ^= z->h.key[0];
            *out += put_head(*out, flags, z->h.size - 1);
            z->flagged = true;
            z->at++;
            n--;
        }
        copy(z, *out, p, n);
        *out += n;
    }
    z->at += n;
    return rc;
}

/* RFC 6455, section 7.4: some numbers are for one's own use, and nobody may say them. Nor may
 * we: and a CLOSE is answered with what it says. */
static bool may_be_said(unsigned status)
{
    enum {
        FIRST = 1000,
        NO_STATUS = 1005,
        ABNORMAL = 1006,
        TLS_FAILED = 1015,
        END = 5000
    };
    return status >= FIRST && status < END && status != NO_STATUS && status != ABNORMAL &&
           status != TLS_FAILED;
}

/* Half a status is none: section 5.5.1. */
static bool is_fair_close(const uint8_t *payload, size_t size)
{
    return size == 0 || (size >= 2 && may_be_said(zn_get_u16(payload)));
}

static int end_control(struct zn_zws_in *z)
{
    size_t size = (size_t)z->h.size;

    z->heard = true;
    if (z->h.opcode == ZN_WS_PONG)
        return 0;
    z->closed = z->h.opcode == ZN_WS_CLOSE;
    if (z->closed && !is_fair_close(z->control, size))
        return -EPROTO;
    z->reply_opcode = z->closed ? ZN_WS_CLOSE : ZN_WS_PONG;
    z->reply_size = (uint8_t)size;
    memcpy(z->reply, z->control, size);
    return 0;
}

static int end_frame(struct zn_zws_in *z)
{
    z->inside = false;
    if (is_control(&z->h))
        return end_control(z);
    if (z->fragments && z->h.final) {
        z->fragments = false;
        return z->message_size == 0 ? -EPROTO : 0;
    }
    return 0;
}

static bool has_whole(const struct zn_zws_in *z)
{
    return z->message_size > 0 && !z->fragments;
}

ptrdiff_t zn_zws_take(struct zn_zws_in *z, const uint8_t *p, size_t n, uint8_t *out,
                      size_t *made)
{
    const uint8_t *begin = p, *end = p + n;
    uint8_t *at = out;
    int rc = 0;

    while (p < end && rc == 0 && !has_whole(z) && !z->closed) {
        if (!z->inside) {
            rc = take_header(z, &p, end);
            if (rc <= 0)
                continue;
            rc = begin_frame(z);
        }
        size_t part = (size_t)ZN_MIN((uint64_t)(end - p), z->h.size - z->at);
        if (rc == 0 && part > 0) {
            rc = take_payload(z, p, part, &at);
            p += part;
        }
        if (rc == 0 && z->at == z->h.size)
            rc = end_frame(z);
    }
    *made = (size_t)(at - out);
    return rc < 0 ? rc : z->closed ? (ptrdiff_t)n : p - begin;
}

struct zn_bytes zn_zws_whole(struct zn_zws_in *z, uint8_t **block)
{
    uint8_t head[ZN_FRAME_HEADER_MAX];

    *block = NULL;
    if (!has_whole(z))
        return (struct zn_bytes){ NULL, 0 };
    size_t body = z->message_size - 1;
    size_t size = (size_t)put_head(head, z->message[ROOM], body);
    uint8_t *frame = z->message + LONG_HEAD - size;
    memcpy(frame, head, size);           /* ends where the flags were */
    *block = z->message;
    z->message = NULL;
    z->message_size = z->message_cap = 0;
    return (struct zn_bytes){ frame, size + body };
}

uint64_t zn_zws_body_left(const struct zn_zws_in *z)
{
    return z->inside && z->flagged ? z->h.size - z->at : 0;
}

void zn_zws_body_came(struct zn_zws_in *z, uint8_t *p, size_t n)
{
    if (z->h.masked)
        zn_ws_mask(p, p, n, z->h.key, z->at);
    z->at += n;
    z->inside = z->at < z->h.size;
}

/* ---- Out. */

static size_t head_need(const struct zn_zws_out *z)
{
    return z->head_size > 0 && z->head[0] & ZN_FRAME_LONG ? LONG_HEAD : 2;
}

/* Bytes of the frame's header that p had; *whole: those were the last. */
static size_t gather_head(struct zn_zws_out *z, const uint8_t *p, size_t n, bool *whole)
{
    size_t used = 0;

    while (z->head_size < head_need(z) && used < n)
        z->head[z->head_size++] = p[used++];
    *whole = z->head_size == head_need(z);
    return used;
}

/* What is gathered becomes a WebSocket header and the flags. */
static size_t turn_head(struct zn_zws_out *z, uint8_t *out)
{
    struct zn_frame_header h = { .size = 0 };
    const uint8_t *key = NULL;

    (void)zn_frame_decode(z->head, z->head + z->head_size, UINT64_MAX, &h);
    z->head_size = 0;
    z->left = h.size;
    z->at = 1;
    if (z->masks) {
        memcpy(z->key, z->keys, ZN_WS_KEY);
        z->keys += ZN_WS_KEY;
        z->keys_size -= ZN_WS_KEY;
        key = z->key;
    }
    int n = zn_ws_header_encode(out, ZN_WS_BINARY, h.size + 1, key);
    uint8_t flags = (uint8_t)((h.flags & ZN_FRAME_MORE ? FLAG_MORE : 0) |
                              (h.flags & ZN_FRAME_COMMAND ? FLAG_COMMAND : 0));
    out[n] = z->masks ? flags ^ z->key[0] : flags;
    return (size_t)n + 1;
}

static bool can_turn(const struct zn_zws_out *z, size_t room)
{
    return room >= ZN_ZWS_HEAD_MAX && (!z->masks || z->keys_size >= ZN_WS_KEY);
}

void zn_zws_sent(struct zn_zws_out *z, size_t n)
{
    z->left -= n;
    z->at += n;
}

static void put_body(struct zn_zws_out *z, const uint8_t *p, size_t n, uint8_t *out)
{
    if (z->masks)
        zn_ws_mask(out, p, n, z->key, z->at);
    else
        zn_copy(out, p, n);
    zn_zws_sent(z, n);
}

size_t zn_zws_put(struct zn_zws_out *z, const uint8_t *p, size_t n, uint8_t *out,
                  size_t room, size_t *made)
{
    size_t used = ZN_MIN(z->swallow, n), at = 0;
    bool whole;

    z->swallow -= used;
    while (used < n) {
        if (z->left == 0) {
            if (!can_turn(z, room - at))
                break;
            used += gather_head(z, p + used, n - used, &whole);
            if (whole)
                at += turn_head(z, out + at);
            continue;
        }
        if (z->direct > 0 && z->left >= z->direct)
            break;
        size_t part = (size_t)ZN_MIN(z->left, (uint64_t)ZN_MIN(n - used, room - at));
        if (part == 0)
            break;
        put_body(z, p + used, part, out + at);
        used += part;
        at += part;
    }
    *made = at;
    return used;
}

/* transports/websocket.c - see websocket.h. The HTTP upgrade (wire/upgrade.h), then frames that
 * are turned into ZMTP and back (wire/zws.h).
 *
 * In: bytes are read to where the session wants them, a little behind, and turned into ZMTP in
 * place; the body of a large frame is read straight to its place. What came along with
 * something that must go first waits in `rest`.
 *
 * Out: ZMTP is turned into frames on this thread's stack, or, where that is not enough, in
 * `unsent`, and handed down at once. What is taken and does not go through waits there; an idle
 * connection holds nothing.
 *
 * PING is answered here, between frames; ZMTP's heartbeats become PINGs. */
#include "transports/websocket.h"

#include <zmq.h>

#include "core/unsent.h"
#include "wire/handshake.h"
#include "wire/upgrade.h"
#include "wire/zws.h"

enum { OUT = 16 * 1024, DIRECT = 4 * 1024, KEYS = 256 };
enum { STATUS_NORMAL = 1000, STATUS_PROTOCOL = 1002, STATUS_TOO_BIG = 1009 };
/* What sealing may add to a message of ZMQ_MAXMSGSIZE, at most. */
enum { SEAL = 4 * 1024 };

struct buffer {                          /* heap; what is before `at` has been used */
    uint8_t *block;
    const uint8_t *data;
    size_t size, at;
};

struct websocket {
    struct zn_stream stream;
    struct zn_stream *under;
    bool under_open, accepted;
    bool opened;                         /* frames may flow */
    bool said_goodbye;
    int failure;                         /* -errno, once what came before has been read */
    const char *protocols[ZN_UPGRADE_PROTOCOLS];
    uint64_t limit;                      /* of a message, once the peer is known */

    uint8_t *text;                       /* the request, or the answer, as far as it is here */
    size_t text_size;
    char key[ZN_UPGRADE_KEY + 1];

    struct buffer ready;                 /* ZMTP, to be read first */
    struct buffer rest;                  /* then this, as it came */
    struct zn_unsent unsent;
    struct zn_zws_in in;
    struct zn_zws_out out;
    uint8_t greeting[ZN_ZWS_GREETING_MAX];
    uint8_t keys[KEYS];
};

static struct websocket *of(struct zn_stream *st)
{
    return ZN_CONTAINER(st, struct websocket, stream);
}

/* ---- Buffers. */

static size_t left_in(const struct buffer *b)
{
    return b->size - b->at;
}

static void use(struct buffer *b, size_t n)
{
    b->at += n;
    if (b->at < b->size)
        return;
    zn_free(b->block);
    *b = (struct buffer){ 0 };
}

/* A copy; what is in b has been used. */
static int keep(struct buffer *b, const void *p, size_t n)
{
    if (n == 0)
        return 0;
    uint8_t *block = zn_alloc(n);
    if (block == NULL)
        return -ENOMEM;
    memcpy(block, p, n);
    *b = (struct buffer){ .block = block, .data = block, .size = n };
    return 0;
}

/* ---- Out. */

/* All of p goes, or what does not is kept. */
static int push_bytes(struct websocket *w, int fd, const uint8_t *p, size_t n)
{
    struct zn_iov iov = { (void *)(uintptr_t)p, n };
    ptrdiff_t sent = zn_stream_writev(w->under, fd, &iov, 1);
    if (sent == -EAGAIN)
        sent = 0;
    if (sent < 0)
        return (int)sent;
    return zn_unsent_keep(&w->unsent, p + sent, n - (size_t)sent);
}

/* RFC 6455, section 5.3: each frame's mask is its own and cannot be foretold. */
static void renew_keys(struct websocket *w)
{
    if (!w->out.masks || w->out.keys_size >= ZN_WS_KEY)
        return;
    zn_random(w->keys, sizeof w->keys);
    w->out.keys = w->keys;
    w->out.keys_size = sizeof w->keys;
}

static int push_control(struct websocket *w, int fd, enum zn_ws_opcode opcode,
                        const uint8_t *payload, size_t size)
{
    uint8_t frame[ZN_WS_HEADER_MAX + ZN_WS_CONTROL_MAX], key[ZN_WS_KEY] = { 0 };
    if (w->out.masks) {
        renew_keys(w);
        memcpy(key, w->out.keys, ZN_WS_KEY);
        w->out.keys += ZN_WS_KEY;
        w->out.keys_size -= ZN_WS_KEY;
    }
    int n = zn_ws_header_encode(frame, opcode, size, w->out.masks ? key : NULL);
    zn_ws_mask(frame + n, payload, size, key, 0);
    return push_bytes(w, fd, frame, (size_t)n + size);
}

/* What waits, and what is to be said between frames: 0, -EAGAIN while something waits. */
static int push(struct websocket *w, int fd)
{
    int rc = zn_unsent_push(&w->unsent, w->under, fd);
    if (rc < 0 || !w->opened || !zn_zws_between(&w->out))
        return rc;
    if (w->stream.pings) {
        w->stream.pings = false;
        rc = push_control(w, fd, ZN_WS_PING, NULL, 0);
    }
    if (rc == 0 && w->in.reply_opcode != 0 && zn_unsent_left(&w->unsent) == 0) {
        w->said_goodbye |= w->in.reply_opcode == ZN_WS_CLOSE;
        rc = push_control(w, fd, w->in.reply_opcode, w->in.reply, w->in.reply_size);
        w->in.reply_opcode = 0;
    }
    return rc < 0 ? rc : zn_unsent_left(&w->unsent) > 0 ? -EAGAIN : 0;
}

/* ZMTP that is being turned into frames. */
struct batch {
    size_t taken;                        /* of ZMTP */
    size_t made;
    struct zn_iov body;                  /* behind them, as it lies */
    uint8_t *frames;
    size_t cap;
};

/* Goes on in a larger place. False: it is there already, or there is none. */
static bool grow(struct websocket *w, struct batch *b)
{
    if (b->frames == w->unsent.block || !zn_unsent_make_room(&w->unsent))
        return false;
    memcpy(w->unsent.block, b->frames, b->made);
    b->frames = w->unsent.block;
    b->cap = ZN_UNSENT_MAX;
    return true;
}

/* Whether there may be more to take. */
static bool fill(struct websocket *w, const struct zn_iov *iov, struct batch *b)
{
    const uint8_t *p = iov->data;
    size_t at = 0, made;
    while (at < iov->size) {
        renew_keys(w);
        size_t n = zn_zws_put(&w->out, p + at, iov->size - at, b->frames + b->made,
                              b->cap - b->made, &made);
        at += n;
        b->taken += n;
        b->made += made;
        if (at < iov->size && w->out.direct > 0 && w->out.left >= w->out.direct) {
            size_t body = (size_t)ZN_MIN((uint64_t)(iov->size - at), w->out.left);
            b->body = (struct zn_iov){ (void *)(uintptr_t)(p + at), body };
            return false;
        }
        if (n == 0 && !grow(w, b))
            return false;
    }
    return true;
}

/* The first n bytes have gone. */
static int keep_frames(struct websocket *w, const struct batch *b, size_t n)
{
    if (b->frames != w->unsent.block)
        return zn_unsent_keep(&w->unsent, b->frames + n, b->made - n);
    w->unsent.size = b->made;
    w->unsent.at = n;
    return 0;
}

static ptrdiff_t send_batch(struct websocket *w, int fd, struct batch *b)
{
    struct zn_iov iov[2] = { { b->frames, b->made }, b->body };
    int first = b->made == 0, count = b->body.size > 0 ? 2 : 1;
    if (first == count)
        return (ptrdiff_t)b->taken;      /* of a greeting, or half a header */
    ptrdiff_t n = zn_stream_writev(w->under, fd, iov + first, count - first);
    if (n < 0)
        return n;
    if ((size_t)n < b->made) {
        int rc = keep_frames(w, b, (size_t)n);
        return rc < 0 ? rc : (ptrdiff_t)b->taken;
    }
    size_t body = (size_t)n - b->made;
    zn_zws_sent(&w->out, body);
    return (ptrdiff_t)(b->taken + body);
}

static ptrdiff_t websocket_writev(struct zn_stream *st, int fd, const struct zn_iov *iov,
                                  int count)
{
    struct websocket *w = of(st);
    uint8_t frames[OUT];
    struct batch b = { .frames = frames, .cap = OUT };
    int rc = push(w, fd);
    if (rc < 0)
        return rc;
    struct zn_zws_out before = w->out;
    for (int i = 0; i < count && fill(w, &iov[i], &b); i++)
        continue;
    ptrdiff_t n = send_batch(w, fd, &b);
    if (n == -EAGAIN) {
        struct zn_zws_out after = w->out;
        w->out = before;                 /* nothing has gone; only masks are never reused */
        w->out.keys = after.keys;
        w->out.keys_size = after.keys_size;
    }
    return n;
}

static int websocket_flush(struct zn_stream *st, int fd)
{
    struct websocket *w = of(st);
    int rc = push(w, fd);
    return rc < 0 ? rc : zn_stream_flush(w->under, fd);
}

static void websocket_ping(struct zn_stream *st)
{
    st->pings = true;
}

static bool websocket_is_large(const struct zn_stream *st)
{
    const struct websocket *w = ZN_CONTAINER(st, const struct websocket, stream);
    return zn_unsent_is_large(&w->unsent) || zn_stream_is_large(w->under);
}

static void websocket_trim(struct zn_stream *st)
{
    struct websocket *w = of(st);
    zn_unsent_trim(&w->unsent);
    zn_stream_trim(w->under);
}

/* ---- In. */

static size_t give(struct buffer *b, const struct zn_iov *iov, int count)
{
    size_t given = 0;
    for (int i = 0; i < count && left_in(b) > 0; i++) {
        size_t n = ZN_MIN(left_in(b), iov[i].size);
        memcpy(iov[i].data, b->data + b->at, n);
        given += n;
        use(b, n);
    }
    return given;
}

/* Turns n bytes at p into ZMTP at out; what is left of them goes to `rest`, unless it lies
 * there. How much ZMTP; an error waits until that has been read. */
static size_t turn(struct websocket *w, const uint8_t *p, size_t n, uint8_t *out)
{
    size_t made;
    ptrdiff_t used = zn_zws_take(&w->in, p, n, out, &made);
    bool is_rest = left_in(&w->rest) > 0;
    int rc = used < 0 ? (int)used : 0;
    if (rc == 0 && is_rest)
        use(&w->rest, (size_t)used);
    else if (rc == 0)
        rc = keep(&w->rest, p + used, n - (size_t)used);
    struct zn_bytes whole = zn_zws_whole(&w->in, &w->ready.block);
    w->ready.data = whole.data;
    w->ready.size = whole.size;
    if (rc == 0 && w->in.closed)
        rc = -EPIPE;
    if (rc < 0)
        w->failure = rc;
    return made;
}

/* Of a region of that size, how much may be read so that its ZMTP fits. */
static size_t readable(size_t size)
{
    return size - ZN_MIN(size, ZN_ZWS_SLACK(size));
}

/* From what waits. */
static size_t read_rest(struct websocket *w, const struct zn_iov *iov, size_t direct)
{
    const uint8_t *p = w->rest.data + w->rest.at;
    size_t have = left_in(&w->rest);
    if (direct == 0)
        return turn(w, p, ZN_MIN(have, readable(iov->size)), iov->data);
    size_t n = ZN_MIN(have, direct);
    memcpy(iov->data, p, n);
    zn_zws_body_came(&w->in, iov->data, n);
    use(&w->rest, n);
    return n;
}

/* From below. The last of iov is turned in place; what is before it takes the body of the frame
 * that is coming. */
static ptrdiff_t read_below(struct websocket *w, int fd, const struct zn_iov *iov,
                            size_t direct)
{
    const struct zn_iov *last = direct > 0 ? iov + 1 : iov;
    size_t size = readable(last->size);
    uint8_t *to = (uint8_t *)last->data + (last->size - size);
    struct zn_iov below[2] = { { iov->data, direct }, { to, size } };
    int first = direct == 0;
    ptrdiff_t n = zn_stream_readv(w->under, fd, below + first, 2 - first);
    if (n <= 0)
        return n == 0 ? -EPIPE : n;
    size_t body = ZN_MIN((size_t)n, direct);
    if (body > 0)
        zn_zws_body_came(&w->in, iov->data, body);
    size_t more = (size_t)n - body;
    return (ptrdiff_t)(body + (more > 0 ? turn(w, to, more, last->data) : 0));
}

/* What control frames ask for. */
static int mind_control(struct websocket *w, int fd)
{
    if (!w->in.heard)
        return 0;
    w->in.heard = false;
    w->stream.heard = true;
    int rc = push(w, fd);
    return rc == -EAGAIN ? 0 : rc;
}

static void fail(struct websocket *w, int rc)
{
    w->failure = rc;
    if (rc == -EPROTO)
        w->stream.error = ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED;
}

/* Who sends PINGs without end is not all that the loop has to do. */
enum { READS_FOR_NOTHING = 4 };

static ptrdiff_t websocket_readv(struct zn_stream *st, int fd, const struct zn_iov *iov,
                                 int count)
{
    struct websocket *w = of(st);
    /* What a peer may collect before it is known is little, whoever it is. */
    w->in.limit =
        w->stream.trusted ? w->limit : ZN_MIN(w->limit, (uint64_t)ZN_HANDSHAKE_MAX);
    for (int reads = 0; reads < READS_FOR_NOTHING; reads++) {
        if (left_in(&w->ready) > 0)
            return (ptrdiff_t)give(&w->ready, iov, count);
        if (w->failure != 0)
            return w->failure;
        size_t direct = count > 1 ? iov[0].size : 0;
        if (direct > zn_zws_body_left(&w->in))
            return -EINVAL;              /* nobody asks so: a body is announced first */
        ptrdiff_t n = left_in(&w->rest) > 0 ? (ptrdiff_t)read_rest(w, iov, direct)
                                            : read_below(w, fd, iov, direct);
        if (n < 0 && n != -EAGAIN)
            w->failure = (int)n;
        int rc = mind_control(w, fd);
        if (rc < 0 && w->failure == 0)
            w->failure = rc;
        if (w->failure == -EPROTO)
            fail(w, -EPROTO);
        if (n != 0)
            return n;
    }
    w->stream.more = true;
    return -EAGAIN;
}

/* ---- The upgrade. */

static void begin_frames(struct websocket *w, int protocol)
{
    const char *mechanism = strchr(w->protocols[protocol], '/');
    size_t size = zn_zws_greeting(w->greeting, mechanism != NULL ? mechanism + 1 : NULL);
    w->ready = (struct buffer){ .data = w->greeting, .size = size };
    w->out.swallow = size;
    w->opened = true;
    zn_free(w->text);
    w->text = NULL;
}

/* What was wrong is told, as far as the kernel takes it. */
static void turn_away(struct websocket *w, int fd)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n"
                               "Connection: close\r\n"
                               "Content-Length: 0\r\n\r\n";
    struct zn_iov iov = { (void *)(uintptr_t)text, sizeof text - 1 };
    (void)zn_stream_writev(w->under, fd, &iov, 1);
}

static ptrdiff_t answer(struct websocket *w, int fd)
{
    char text[256];
    struct zn_upgrade_request r;
    ptrdiff_t used = zn_upgrade_read_request(w->text, w->text_size, w->protocols, &r);
    if (used == -EPROTO || used == -EMSGSIZE)
        turn_away(w, fd);
    if (used <= 0)
        return used;
    int n = zn_upgrade_write_answer(text, sizeof text, r.key, w->protocols[r.protocol]);
    int rc = n < 0 ? n : push_bytes(w, fd, (const uint8_t *)text, (size_t)n);
    if (rc < 0)
        return rc;
    rc = keep(&w->rest, w->text + used, w->text_size - (size_t)used);
    if (rc == 0)
        begin_frames(w, r.protocol);
    return rc < 0 ? rc : used;
}

static ptrdiff_t hear_answer(struct websocket *w)
{
    int protocol;
    ptrdiff_t used =
        zn_upgrade_read_answer(w->text, w->text_size, w->protocols, w->key, &protocol);
    if (used <= 0)
        return used;
    int rc = keep(&w->rest, w->text + used, w->text_size - (size_t)used);
    if (rc == 0)
        begin_frames(w, protocol);
    return rc < 0 ? rc : used;
}

/* One read, and a look at what there is: 1 when it is whole, 0 when there may be more. */
static int read_text(struct websocket *w, int fd)
{
    uint8_t piece[1024];
    struct zn_iov iov = { piece, sizeof piece };
    ptrdiff_t n = zn_stream_readv(w->under, fd, &iov, 1);
    if (n <= 0)
        return n == 0 ? -EPIPE : (int)n;
    uint8_t *text = zn_realloc(w->text, w->text_size + (size_t)n);
    if (text == NULL)
        return -ENOMEM;
    memcpy(text + w->text_size, piece, (size_t)n);
    w->text = text;
    w->text_size += (size_t)n;
    ptrdiff_t rc = w->accepted ? answer(w, fd) : hear_answer(w);
    return rc > 0 ? 1 : (int)rc;
}

static int upgrade(struct websocket *w, int fd)
{
    int rc = push(w, fd);
    while (rc == 0 && !w->opened)
        rc = read_text(w, fd);
    if (w->opened && rc >= 0)
        rc = push(w, fd);
    if (rc == -EPROTO || rc == -EMSGSIZE) {
        fail(w, -EPROTO);
        rc = -EPROTO;
    }
    return rc == -EAGAIN ? 0 : rc < 0 ? rc : 1;
}

static int websocket_open(struct zn_stream *st, int fd)
{
    struct websocket *w = of(st);
    if (w->under != NULL && !w->under_open) {
        int rc = w->under->ops->open(w->under, fd);
        w->stream.error = w->under->error;
        if (rc <= 0)
            return rc;
        w->under_open = true;
    }
    return upgrade(w, fd);
}

/* ---- Life. */

static void say_goodbye(struct websocket *w, int fd)
{
    uint8_t status[2];
    if (!w->opened || w->said_goodbye || !zn_zws_between(&w->out) ||
        zn_unsent_push(&w->unsent, w->under, fd) < 0)
        return;
    int why = w->failure != 0 ? w->failure : w->stream.why;
    zn_put_u16(status, why == -EPROTO     ? STATUS_PROTOCOL
                       : why == -EMSGSIZE ? STATUS_TOO_BIG
                                          : STATUS_NORMAL);
    (void)push_control(w, fd, ZN_WS_CLOSE, status, sizeof status);
}

static void websocket_free(struct zn_stream *st, int fd)
{
    struct websocket *w = of(st);
    say_goodbye(w, fd);
    zn_stream_free(w->under, fd);
    zn_zws_in_fini(&w->in);
    zn_free(w->ready.block);
    zn_free(w->rest.block);
    zn_unsent_fini(&w->unsent);
    zn_free(w->text);
    zn_free(w);
}

static const struct zn_stream_ops operations = {
    .open = websocket_open,
    .greets = true,
    .readv = websocket_readv,
    .writev = websocket_writev,
    .flush = websocket_flush,
    .ping = websocket_ping,
    .is_large = websocket_is_large,
    .trim = websocket_trim,
    .free = websocket_free,
};

/* RFC 45's names; it has none for CURVE, which is libzmq's, nor for GSSAPI. Without a mechanism
 * nobody can be asked about the peer. */
static void choose_protocols(struct websocket *w, const struct zn_options *o)
{
    static const char *const names[] = {
        [ZMQ_NULL] = "ZWS2.0/NULL",
        [ZMQ_PLAIN] = "ZWS2.0/PLAIN",
        [ZMQ_CURVE] = "ZWS2.0/CURVE",
        [ZMQ_GSSAPI] = "ZWS2.0/GSSAPI",
    };
    w->protocols[0] = names[o->mechanism];
    if (o->mechanism == ZMQ_NULL && o->zap_domain.size == 0)
        w->protocols[1] = "ZWS2.0";
}

static int keep_request(struct websocket *w, const char *host, const char *path)
{
    char text[2 * ZN_ENDPOINT_MAX + 512];
    uint8_t random[16];
    zn_random(random, sizeof random);
    zn_upgrade_key(w->key, random);
    int n = zn_upgrade_write_request(text, sizeof text, host, path, w->key, w->protocols);
    return n < 0 ? n : zn_unsent_keep(&w->unsent, text, (size_t)n);
}

int zn_websocket_new(struct zn_stream *under, const char *host, const char *path,
                     const struct zn_options *o, bool accepted, struct zn_stream **out)
{
    struct websocket *w = zn_zalloc(sizeof *w);
    if (w == NULL) {
        zn_stream_free(under, -1);
        return -ENOMEM;
    }
    w->stream.ops = &operations;
    w->under = under;
    w->accepted = accepted;
    w->in.masked = accepted;
    w->out.masks = !accepted;
    /* A client masks, and TLS copies anyway: then whole batches are better. */
    w->out.direct = accepted && under == NULL ? DIRECT : 0;
    w->limit = o->maxmsgsize < 0 ? SIZE_MAX / 4 : (uint64_t)o->maxmsgsize + SEAL;
    choose_protocols(w, o);
    int rc = accepted ? 0 : keep_request(w, host, path);
    if (rc < 0) {
        websocket_free(&w->stream, -1);
        return rc;
    }
    *out = &w->stream;
    return 0;
}

/* wire/handshake.c - takes bytes in, one step's worth at a time, so that nothing of the
 * traffic behind the handshake is ever swallowed; plays the mechanism's script. */
#include "wire/handshake.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/wipe.h"
#include "wire/cipher.h"
#include "wire/frame.h"
#include "wire/greeting.h"
#include "wire/mechanism.h"

/* ---- Buffers. Passwords may be in them: nothing stays behind in memory given back. */

static void release(struct zn_handshake_buf *buf)
{
    if (buf->data != NULL)
        zn_wipe(buf->data, buf->cap);
    zn_free(buf->data);
}

/* Makes room for extra more bytes behind those in buf. */
static int reserve(struct zn_handshake_buf *buf, size_t extra)
{
    if (buf->cap - buf->size >= extra)
        return 0;
    size_t cap = ZN_MAX(ZN_MAX(buf->size + extra, buf->cap * 2), (size_t)64);
    uint8_t *data = zn_alloc(cap);
    if (data == NULL)
        return -ENOMEM;
    if (buf->size > 0)
        memcpy(data, buf->data, buf->size);
    release(buf);
    buf->data = data;
    buf->cap = cap;
    return 0;
}

static int append(struct zn_handshake_buf *buf, const void *bytes, size_t size)
{
    int rc = reserve(buf, size);
    if (rc == 0 && size > 0) {
        memcpy(buf->data + buf->size, bytes, size);
        buf->size += size;
    }
    return rc;
}

int zn_handshake_put(struct zn_handshake *hs, const void *bytes, size_t size)
{
    return append(&hs->out, bytes, size);
}

uint8_t *zn_handshake_extend(struct zn_handshake *hs, size_t size)
{
    if (reserve(&hs->out, size) < 0)
        return NULL;
    uint8_t *room = hs->out.data + hs->out.size;
    hs->out.size += size;
    return room;
}

/* ---- Life. */

int zn_handshake_init(struct zn_handshake *hs, const struct zn_handshake_config *config)
{
    if (zn_socket_type_name(config->socket_type) == NULL)
        return -EINVAL;
    for (size_t i = 0; i < config->property_count; i++) {
        size_t name = config->properties[i].name.size;
        if (name == 0 || name > 255)
            return -EINVAL;
    }

    *hs = (struct zn_handshake){ .config = *config, .peer_type = -1 };
    return zn_greeting_start(hs);
}

void zn_handshake_fini(struct zn_handshake *hs)
{
    release(&hs->in);
    release(&hs->out);
    release(&hs->held);
    zn_free(hs->peer_properties);
    zn_cipher_free(hs->cipher);
    if (hs->state != NULL)
        hs->config.mechanism->drop(hs->state);
    *hs = (struct zn_handshake){ .peer_type = -1, .failure = -EINVAL };
}

/* ---- Commands. */

/* Appends a whole command; its data is written first, then its size is known. */
static int send_command(struct zn_handshake *hs, const struct zn_turn *turn)
{
    uint8_t header[ZN_FRAME_HEADER_MAX], name_size = (uint8_t)strlen(turn->name);
    size_t start = hs->out.size;

    int rc = 0;
    if (name_size > 0)
        rc = zn_handshake_put(hs, &name_size, 1);
    if (rc == 0)
        rc = zn_handshake_put(hs, turn->name, name_size);
    if (rc == 0)
        rc = turn->send(hs);
    if (rc < 0)
        return rc;

    size_t body = hs->out.size - start;
    size_t size = (size_t)zn_frame_encode(header, ZN_FRAME_COMMAND, body);
    if (zn_handshake_extend(hs, size) == NULL)
        return -ENOMEM;
    memmove(hs->out.data + start + size, hs->out.data + start, body);
    memcpy(hs->out.data + start, header, size);
    return 0;
}

static const struct zn_turn *current_turn(const struct zn_handshake *hs)
{
    const struct zn_mechanism *mechanism = hs->config.mechanism;
    return (hs->config.as_server ? mechanism->server : mechanism->client) + hs->turn;
}

/* The script halts until the answer has come. */
static int ask(struct zn_handshake *hs, const struct zn_turn *turn)
{
    hs->credentials.mechanism = hs->config.mechanism->name;
    int rc = turn->ask(hs);
    hs->waits = rc == 0;
    return rc;
}

static bool is_passed_over(const struct zn_handshake *hs, const struct zn_turn *turn)
{
    if (turn->ask != NULL && !hs->config.asks)
        return true;
    return turn->skip != NULL && turn->skip(hs);
}

/* Says all that is ours to say now; after the script's last turn there is traffic. */
static int speak(struct zn_handshake *hs)
{
    for (;; hs->turn++) {
        const struct zn_turn *turn = current_turn(hs);
        int rc = 0;

        if (is_passed_over(hs, turn))
            continue;
        if (turn->ask != NULL)
            return ask(hs, turn);
        if (turn->send == NULL)
            break;
        rc = send_command(hs, turn);
        if (rc < 0)
            return rc;
    }
    hs->done = current_turn(hs)->name == NULL;
    return 0;
}

/* RFC 26: a client never says ERROR to a server. In NULL neither is. */
static bool gives_up(const struct zn_handshake *hs, const struct zn_command *cmd)
{
    const struct zn_mechanism *mechanism = hs->config.mechanism;
    bool from_client = hs->config.as_server && mechanism->server != mechanism->client;
    return !from_client && zn_command_is(cmd, "ERROR");
}

/* With its twin send_command(), the only code that moves a script on. */
static int recv_command(struct zn_handshake *hs, const struct zn_command *cmd)
{
    const struct zn_turn *turn = current_turn(hs);

    if (gives_up(hs, cmd))
        return zn_handshake_take_error(hs, cmd);
    if (!zn_command_is(cmd, turn->name))
        return zn_handshake_fail(hs, ZN_ERROR_UNEXPECTED_COMMAND);
    int rc = turn->recv(hs, cmd);
    if (rc < 0)
        return rc;
    hs->turn++;
    return speak(hs);
}

/* ---- Frames. */

static bool has_mechanism(const struct zn_handshake *hs)
{
    return hs->version >= ZN_ZMTP_3_0;
}

static bool has_framing_1(const struct zn_handshake *hs)
{
    return hs->version <= ZN_ZMTP_1_REV;
}

int zn_handshake_begin_frames(struct zn_handshake *hs, enum zn_zmtp version)
{
    hs->version = version;
    hs->phase = ZN_PHASE_FRAMES;
    hs->need = hs->in.size > 0 ? hs->in.size : 2;
    return has_mechanism(hs) ? speak(hs) : 0;
}

/* In the ERROR of libzmq's PLAIN servers the name's length and its first letter are one
 * byte, 0x5e. */
static int parse_command(const uint8_t *body, size_t size, struct zn_command *cmd)
{
    static const char odd[] = { 0x5e, 'R', 'R', 'O', 'R' };

    if (size < sizeof odd || memcmp(body, odd, sizeof odd) != 0)
        return zn_command_parse(body, size, cmd);
    cmd->name = (struct zn_bytes){ (const uint8_t *)"ERROR", 5 };
    cmd->data = (struct zn_bytes){ body + sizeof odd, size - sizeof odd };
    return 0;
}

/* Before ZMTP 3, the first frame is the peer's routing id and all there is to wait for.
 * The COMMAND flag is not asked for: libzmq takes READY in a message, too. */
static int on_frame(struct zn_handshake *hs, const uint8_t *body, size_t size)
{
    struct zn_command cmd;

    if (!has_mechanism(hs)) {
        hs->peer_id = (struct zn_bytes){ body, size };
        hs->done = true;
        return 0;
    }
    if (size == 0 && hs->config.mechanism->idles)
        return 0;
    if (size <= 1 || parse_command(body, size, &cmd) < 0)
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_COMMAND);
    return recv_command(hs, &cmd);
}

static bool is_oversized(const struct zn_handshake *hs, uint64_t size)
{
    if (!has_mechanism(hs))
        return false;
    size_t most = current_turn(hs)->most;
    return most > 0 && size > most;
}

/* What it would have been decides how it is refused: the name is awaited, no more. */
static int refuse_oversized(struct zn_handshake *hs, size_t header)
{
    const struct zn_turn *turn = current_turn(hs);
    size_t head = header + 1 + strlen(turn->name);
    struct zn_command cmd = { .name = { NULL, 0 } };

    if (hs->in.size < head) {
        hs->need = head;
        return 0;
    }
    (void)zn_command_parse(hs->in.data + header, hs->in.size - header, &cmd);
    if (gives_up(hs, &cmd))
        return zn_handshake_fail(hs, ZN_ERROR_MALFORMED_ERROR);
    bool named = zn_command_is(&cmd, turn->name);
    return zn_handshake_fail(hs, named ? turn->oversized : ZN_ERROR_UNEXPECTED_COMMAND);
}

/* What has been read is done with, a password perhaps. */
static void await_frame(struct zn_handshake *hs)
{
    if (hs->in.size > 0)
        zn_wipe(hs->in.data, hs->in.size);
    hs->credentials = (struct zn_credentials){ .mechanism = NULL };
    hs->in.size = 0;
    hs->need = 2;
}

/* The header alone decides whether a frame is too large; hs->in has no more room than
 * for bytes that came. */
static int frame_step(struct zn_handshake *hs)
{
    const uint8_t *p = hs->in.data, *end = p + hs->in.size;
    uint64_t limit = ZN_HANDSHAKE_MAX - ZN_FRAME_HEADER_MAX;
    struct zn_frame_header h;

    if (hs->config.max_size >= 0)
        limit = ZN_MIN(limit, (uint64_t)hs->config.max_size);
    int header = has_framing_1(hs) ? zn_frame1_decode(p, end, limit, &h)
                                   : zn_frame_decode(p, end, limit, &h);
    if (header < 0)
        return header;
    if (header == 0) {
        hs->need = hs->in.size + 1;
        return 0;
    }
    if (is_oversized(hs, h.size))
        return refuse_oversized(hs, (size_t)header);
    size_t whole = (size_t)header + (size_t)h.size;
    if (hs->in.size < whole) {
        hs->need = whole;
        return 0;
    }

    int rc = on_frame(hs, p + header, (size_t)h.size);
    if (rc == 0 && !hs->done && !hs->waits)
        await_frame(hs);
    return rc;
}

/* ---- Bytes in. */

static int step(struct zn_handshake *hs)
{
    return hs->phase == ZN_PHASE_FRAMES ? frame_step(hs) : zn_greeting_step(hs);
}

/* How many of the bytes were read: all, unless it is done, waits or has failed. */
static size_t take(struct zn_handshake *hs, const uint8_t *p, size_t n)
{
    size_t used = 0;

    while (hs->failure == 0 && !hs->done && !hs->waits) {
        if (hs->in.size < hs->need) {
            size_t part = ZN_MIN(hs->need - hs->in.size, n - used);
            if (part == 0)
                break;
            hs->failure = append(&hs->in, p + used, part);
            used += part;
        }
        if (hs->failure == 0 && hs->in.size >= hs->need)
            hs->failure = step(hs);
    }
    return used;
}

static int hold(struct zn_handshake *hs, const uint8_t *p, size_t n)
{
    if (n > ZN_HANDSHAKE_MAX - hs->held.size)
        return -EMSGSIZE;
    return append(&hs->held, p, n);
}

ptrdiff_t zn_handshake_feed(struct zn_handshake *hs, const uint8_t *p, size_t n)
{
    const struct zn_mechanism *mechanism = hs->config.mechanism;

    /* A client that was turned away has nothing more to say, but for what it did not say. */
    if (hs->failure == -EACCES && n > 0 && !mechanism->open && !mechanism->idles)
        hs->error = ZN_ERROR_UNSPECIFIED;

    size_t used = take(hs, p, n);
    if (hs->waits && hs->failure == 0 && used < n) {
        hs->failure = hold(hs, p + used, n - used);
        used = n;
    }
    return hs->failure < 0 ? hs->failure : (ptrdiff_t)used;
}

/* ---- The answer of whoever was asked. */

static int refuse(struct zn_handshake *hs, int status)
{
    uint8_t error[] = {
        ZN_FRAME_COMMAND, 10, 5, 'E', 'R', 'R', 'O', 'R', 3, '0', '0', '0'
    };

    if (status != 400 && status != 500)
        return -EACCES;
    error[9] = (uint8_t)('0' + status / 100);
    int rc = zn_handshake_put(hs, error, sizeof(error));
    return rc < 0 ? rc : -EACCES;
}

static int resume(struct zn_handshake *hs)
{
    hs->turn++;
    int rc = speak(hs);
    if (rc == 0 && !hs->done && !hs->waits)
        await_frame(hs);
    return rc;
}

int zn_handshake_answer(struct zn_handshake *hs, int status)
{
    if (hs->failure < 0)
        return hs->failure;
    if (!hs->waits)
        return -EINVAL;
    hs->waits = false;
    hs->failure = status == 200 ? resume(hs) : refuse(hs, status);

    struct zn_bytes kept = zn_handshake_rest(hs);
    hs->held_used += take(hs, kept.data, kept.size);
    return hs->failure == -EACCES ? 0 : hs->failure;
}

struct zn_bytes zn_handshake_rest(const struct zn_handshake *hs)
{
    size_t left = hs->held.size - hs->held_used;
    return (struct zn_bytes){ left > 0 ? hs->held.data + hs->held_used : NULL, left };
}

/* ---- Bytes out. */

struct zn_bytes zn_handshake_output(const struct zn_handshake *hs)
{
    size_t left = hs->out.size - hs->out_sent;
    return (struct zn_bytes){ left > 0 ? hs->out.data + hs->out_sent : NULL, left };
}

void zn_handshake_sent(struct zn_handshake *hs, size_t n)
{
    hs->out_sent += ZN_MIN(n, hs->out.size - hs->out_sent);
    if (hs->out_sent < hs->out.size || hs->out.size == 0)
        return;
    zn_wipe(hs->out.data, hs->out.size);
    hs->out_sent = hs->out.size = 0;
}

/* wire/handshake.c - takes bytes in, one step's worth at a time, so that nothing of the
 * traffic behind the handshake is ever swallowed; plays the mechanism's script. */
#include "wire/handshake.h"

#include <errno.h>

#include "base/alloc.h"
#include "wire/frame.h"
#include "wire/greeting.h"
#include "wire/mechanism.h"

/* ---- Buffers. */

/* Makes room for extra more bytes behind those in buf. */
static int reserve(struct zn_handshake_buf *buf, size_t extra)
{
    if (buf->cap - buf->size >= extra)
        return 0;
    size_t cap = ZN_MAX(ZN_MAX(buf->size + extra, buf->cap * 2), (size_t)64);
    uint8_t *data = zn_realloc(buf->data, cap);
    if (data == NULL)
        return -ENOMEM;
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
    zn_free(hs->in.data);
    zn_free(hs->out.data);
    zn_free(hs->peer_properties);
    *hs = (struct zn_handshake){ .peer_type = -1, .failure = -EINVAL };
}

/* ---- Commands. */

/* Appends a whole command; its data is written first, then its size is known. */
static int send_command(struct zn_handshake *hs, const struct zn_turn *turn)
{
    uint8_t header[ZN_FRAME_HEADER_MAX], name_size = (uint8_t)strlen(turn->name);
    size_t start = hs->out.size;

    int rc = zn_handshake_put(hs, &name_size, 1);
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

/* Says all that is ours to say now; after the script's last turn there is traffic. */
static int speak(struct zn_handshake *hs)
{
    for (; current_turn(hs)->send != NULL; hs->turn++) {
        int rc = send_command(hs, current_turn(hs));
        if (rc < 0)
            return rc;
    }
    hs->done = current_turn(hs)->name == NULL;
    return 0;
}

/* With its twin send_command(), the only code that moves a script on. */
static int recv_command(struct zn_handshake *hs, const struct zn_command *cmd)
{
    const struct zn_turn *turn = current_turn(hs);

    if (zn_command_is(cmd, "ERROR"))
        return zn_handshake_take_error(hs, cmd);
    if (!zn_command_is(cmd, turn->name)) {
        hs->error = ZN_ERROR_UNEXPECTED_COMMAND;
        return -EPROTO;
    }
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
    if (size <= 1 || zn_command_parse(body, size, &cmd) < 0) {
        hs->error = ZN_ERROR_MALFORMED_COMMAND;
        return -EPROTO;
    }
    return recv_command(hs, &cmd);
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
    size_t whole = (size_t)header + (size_t)h.size;
    if (hs->in.size < whole) {
        hs->need = whole;
        return 0;
    }

    int rc = on_frame(hs, p + header, (size_t)h.size);
    if (rc == 0 && !hs->done) {
        hs->in.size = 0;
        hs->need = 2;
    }
    return rc;
}

/* ---- Bytes in, bytes out. */

static int step(struct zn_handshake *hs)
{
    return hs->phase == ZN_PHASE_FRAMES ? frame_step(hs) : zn_greeting_step(hs);
}

ptrdiff_t zn_handshake_feed(struct zn_handshake *hs, const uint8_t *p, size_t n)
{
    size_t used = 0;

    while (hs->failure == 0 && !hs->done) {
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
    return hs->failure < 0 ? hs->failure : (ptrdiff_t)used;
}

struct zn_bytes zn_handshake_output(const struct zn_handshake *hs)
{
    size_t left = hs->out.size - hs->out_sent;
    return (struct zn_bytes){ left > 0 ? hs->out.data + hs->out_sent : NULL, left };
}

void zn_handshake_sent(struct zn_handshake *hs, size_t n)
{
    hs->out_sent += ZN_MIN(n, hs->out.size - hs->out_sent);
    if (hs->out_sent == hs->out.size)
        hs->out_sent = hs->out.size = 0;
}

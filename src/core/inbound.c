/* core/inbound.c - what a peer's frames say: messages, commands, and whether they keep to
 * the rules of the socket's pattern. */
#include "core/sealed.h"
#include "core/traffic.h"

#include "wire/command.h"

/* Of what comes over the wire: ZMQ_MAXMSGSIZE is about what is in it. */
static uint64_t size_limit(const struct zn_session *ss)
{
    int64_t max = ss->route->options.maxmsgsize;
    if (max < 0)
        return (uint64_t)PTRDIFF_MAX / 2;
    return (uint64_t)max + (ss->sealed != NULL ? zn_sealed_overhead(ss->sealed) : 0);
}

int zn_session_head(struct zn_session *ss, const uint8_t *p, const uint8_t *end,
                    struct zn_frame_header *h)
{
    if (ss->version == ZN_ZMTP_1 || ss->version == ZN_ZMTP_1_REV)
        return zn_frame1_decode(p, end, size_limit(ss), h);
    return zn_frame_decode(p, end, size_limit(ss), h);
}

/* A reply must be [request id of 4 bytes] [empty] body: RFC 28. */
enum { REQ_FIRST, REQ_DELIMITER, REQ_BODY };

static int check_req(struct zn_session *ss, uint8_t flags, uint64_t size)
{
    bool more = flags & ZN_FRAME_MORE;
    switch (ss->req_state) {
    case REQ_FIRST:
        if (more && size == 0)
            ss->req_state = REQ_BODY;
        else if (more && size == 4)
            ss->req_state = REQ_DELIMITER;
        else
            return -EPROTO;
        return 0;
    case REQ_DELIMITER:
        if (!more || size != 0)
            return -EPROTO;
        ss->req_state = REQ_BODY;
        return 0;
    default:
        if (!more)
            ss->req_state = REQ_FIRST;
        return 0;
    }
}

/* A message to DISH must be [group] body: RFC 48. */
enum { GROUP_FIRST, GROUP_BODY };

static int check_group(struct zn_session *ss, uint8_t flags, uint64_t size)
{
    bool more = flags & ZN_FRAME_MORE;
    if (ss->req_state == GROUP_FIRST ? !more || size > ZMQ_GROUP_MAX_LENGTH : more)
        return -EPROTO;
    ss->req_state = more ? GROUP_BODY : GROUP_FIRST;
    return 0;
}

static bool checks_frames(const struct zn_session *ss)
{
    return ss->route->socket->pattern->flags &
           (ZN_PAT_REQ_FRAMING | ZN_PAT_GROUP_FRAMING);
}

static int check_frame(struct zn_session *ss, uint8_t flags, uint64_t size)
{
    return ss->route->socket->pattern->flags & ZN_PAT_GROUP_FRAMING
               ? check_group(ss, flags, size)
               : check_req(ss, flags, size);
}

#define PONGS_MAX (64u * 1024)           /* bytes that wait */

static int on_ping(struct zn_session *ss, const struct zn_command *cmd)
{
    uint32_t ttl_ms;
    struct zn_bytes context;
    uint8_t pong[ZN_PONG_FRAME_MAX];
    if (zn_ping_parse(cmd, &ttl_ms, &context) < 0)
        return -EPROTO;
    if (ttl_ms > 0) {
        ss->due[ZN_DUE_TTL] = zn_now() + ttl_ms * ZN_MS;
        ss->heard_ttl = false;
        zn_session_post(ss, ZN_WORK_CONTROL);
    }
    if (ss->urgent_size > PONGS_MAX)
        return 0;                        /* a peer that pings and never reads */
    int rc = zn_session_urgent(ss, pong, zn_pong_frame(pong, context));
    zn_session_post(ss, ZN_WORK_OUT);
    return rc;
}

/* Commands in the data phase. Subscriptions go to the pattern as they are; what is unknown
 * or malformed is ignored, as libzmq does. Where messages have a form, which check_frame()
 * holds them to, they are ignored, too: they would stand within one. */
static int on_command(struct zn_session *ss, const uint8_t *body, size_t size)
{
    struct zn_command cmd;
    if (zn_command_parse(body, size, &cmd) < 0)
        return 0;
    if (zn_command_is(&cmd, "PING"))
        return on_ping(ss, &cmd);
    bool publishes = ss->route->socket->pattern->flags & ZN_PAT_EAGER;
    bool joins = zn_command_is(&cmd, "JOIN") || zn_command_is(&cmd, "LEAVE");
    if (!zn_command_is(&cmd, "SUBSCRIBE") && !zn_command_is(&cmd, "CANCEL") &&
        !(joins && publishes))
        return 0;
    if (checks_frames(ss))
        return 0;
    struct zn_frame f = { .data = body,
                          .size = size,
                          .flags = publishes ? ZN_COMMAND : 0 };
    return zn_queue_write(ss->end->out, &f);
}

/* A run of small frames in version 2 form that will be copied in one piece. */
struct run {
    const uint8_t *start;
    const uint8_t *message;              /* behind the last whole message in it */
    uint32_t messages;
};

static int end_run(struct zn_session *ss, struct run *run, const uint8_t *p)
{
    int rc = 0;
    if (p > run->start)
        rc = zn_queue_append(ss->end->out, run->start, (size_t)(p - run->start),
                             run->messages, (size_t)(p - run->message));
    run->start = run->message = p;
    run->messages = 0;
    return rc;
}

/* Whether a frame can lie in the queue just as it lies here. */
static bool is_plain(const struct zn_session *ss, const struct zn_frame_header *h,
                     uint8_t raw)
{
    return (raw & ~(unsigned)ZN_FRAME_MORE) == 0 && ss->version >= ZN_ZMTP_2 &&
           ss->end->out->slot == NULL && h->size <= 255;
}

int zn_session_frame(struct zn_session *ss, const struct zn_frame *f)
{
    if (f->flags & ZN_FRAME_COMMAND && ss->version >= ZN_ZMTP_3_0)
        return on_command(ss, f->data, f->size);
    if (checks_frames(ss) && check_frame(ss, f->flags, f->size) < 0)
        return -EPROTO;
    struct zn_frame message = *f;
    message.flags &= ZN_MORE;
    return zn_queue_write(ss->end->out, &message);
}

/* Whether small frames can be stepped over with no further question. */
static bool is_simple(const struct zn_session *ss)
{
    return ss->version >= ZN_ZMTP_2 && ss->end->out->slot == NULL && !checks_frames(ss) &&
           size_limit(ss) >= 255;
}

/* Most of what comes in is small frames, one behind the other: steps over those that are
 * whole, as far as one run may reach. */
static const uint8_t *walk(struct run *run, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *upto = end - p > 2 + 255 ? end - (2 + 255) : p;
    if ((size_t)(upto - run->start) > ZN_CHUNK_MAX / 2)
        upto = ZN_MAX(p, run->start + ZN_CHUNK_MAX / 2);
    while (p < upto && p[0] <= ZN_FRAME_MORE) {
        bool last = p[0] == 0;
        p += 2 + p[1];
        run->messages += last;
        run->message = last ? p : run->message;
    }
    return p;
}

ptrdiff_t zn_session_parse(struct zn_session *ss, const uint8_t *p, size_t size,
                           struct zn_frame_header *h)
{
    /* The buffer that is read into is not constant itself. */
    if (ZN_UNLIKELY(ss->sealed != NULL))
        return zn_sealed_parse(ss, (uint8_t *)(uintptr_t)p, size, h);

    const uint8_t *begin = p, *end = p + size;
    struct run run = { p, p, 0 };
    bool checked = checks_frames(ss), simple = is_simple(ss);
    int rc = 0;

    for (;;) {
        if (simple)
            p = walk(&run, p, end);
        int head = zn_session_head(ss, p, end, h);
        if (head == 0)
            h->size = 0;
        if (head < 0) {
            rc = end_run(ss, &run, p);
            return rc < 0 ? rc : head;
        }
        if (head == 0 || h->size > (uint64_t)(end - p - head))
            break;
        size_t length = (size_t)head + (size_t)h->size;
        if (is_plain(ss, h, p[0])) {
            if (checked && check_frame(ss, h->flags, h->size) < 0) {
                rc = end_run(ss, &run, p);
                return rc < 0 ? rc : -EPROTO;
            }
            if ((size_t)(p + length - run.start) > ZN_CHUNK_MAX / 2 &&
                (rc = end_run(ss, &run, p)) < 0)
                return rc;
            p += length;
            if (!(h->flags & ZN_FRAME_MORE)) {
                run.messages++;
                run.message = p;
            }
            continue;
        }
        rc = end_run(ss, &run, p);
        if (rc == 0)
            rc = zn_session_frame(ss, &(struct zn_frame){ .data = p + head,
                                                          .size = (size_t)h->size,
                                                          .flags = h->flags });
        if (rc < 0)
            return rc;
        p += length;
        run.start = run.message = p;
    }
    rc = end_run(ss, &run, p);
    return rc < 0 ? rc : p - begin;
}

/* patterns/req.c - REQ: asks, waits for the answer, asks again (RFC 28).
 *
 * A request is [request id] [empty] [body]..., the id only with ZMQ_REQ_CORRELATE.
 * The reply has the same form and comes from the peer that was asked; all else that
 * arrives is dropped whole. */
#include <errno.h>

#include "patterns/shared/duplex.h"
#include "patterns/shared/probe.h"
#include "zmq.h"

enum step {
    IDLE,                                /* a request may begin */
    ASKING,                              /* its last frame has not been sent yet */
    WAITING,                             /* for the reply */
    READING                              /* the reply, its envelope taken off */
};

struct req {
    struct zn_duplex duplex;             /* first: see duplex.h */
    enum step step;
    uint32_t id;                         /* of the last request, with correlate */
    bool id_sent;                        /* the last request bears it */
    struct zn_end *asked;                /* NULL: gone; anyone may answer for it */

    int correlate, relaxed, probe;
};

static int init(struct zn_socket *s)
{
    struct req *r = zn_socket_state(s);

    r->id = zn_random_u32();
    return zn_duplex_init(s);
}

static int attach(struct zn_socket *s, struct zn_end *e)
{
    const struct req *r = zn_socket_state(s);

    int rc = zn_duplex_attach(s, e);
    if (rc == 0 && r->probe)
        rc = zn_probe(e);
    if (rc < 0)
        zn_duplex_detach(s, e);
    return rc;
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct req *r = zn_socket_state(s);

    if (r->step == READING && zn_fq_reads(&r->duplex.in, e))
        r->step = IDLE;                  /* nothing more is asked of it */
    if (r->asked == e)
        r->asked = NULL;
    zn_duplex_detach(s, e);
}

/* ---- Asking. */

/* What has come until now answers nothing that is still being asked. */
static void discard_waiting(struct zn_socket *s, struct req *r)
{
    struct zn_frame f;

    zn_socket_drop_stuck(s);
    while (zn_fq_peek(&r->duplex.in, s, &f) != NULL)
        zn_fq_skip(&r->duplex.in);
}

/* The envelope. On failure nothing has happened. */
static int begin(struct zn_socket *s, struct req *r)
{
    static const struct zn_frame delimiter = { .flags = ZN_MORE };
    uint32_t id = r->id + 1;             /* in native order: only we read it */
    const struct zn_frame id_frame = { .data = (const uint8_t *)&id,
                                       .size = sizeof(id),
                                       .flags = ZN_MORE };
    int rc = 0;

    if (r->correlate)
        rc = zn_lb_send(&r->duplex.out, &id_frame);
    if (rc == 0)
        rc = zn_lb_send(&r->duplex.out, &delimiter);
    if (rc < 0) {
        zn_lb_rollback(&r->duplex.out);
        return rc;
    }
    r->id = id;
    r->id_sent = r->correlate != 0;
    r->asked = zn_lb_open(&r->duplex.out);
    r->step = ASKING;
    discard_waiting(s, r);
    return 0;
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct req *r = zn_socket_state(s);
    int rc = 0;

    (void)routing_id;
    if ((r->step == WAITING || r->step == READING) && !r->relaxed)
        return -EFSM;
    if (r->step != ASKING)
        rc = begin(s, r);
    if (rc == 0)
        rc = zn_lb_send(&r->duplex.out, f);
    if (rc == 0 && !(f->flags & ZN_MORE))
        r->step = WAITING;
    return rc;
}

/* ---- Being answered. */

/* Steps over a frame that must be these bytes, with more to come. */
static bool match(struct req *r, struct zn_socket *s, const void *bytes, size_t size)
{
    struct zn_frame f;
    struct zn_end *e = zn_fq_peek(&r->duplex.in, s, &f);

    if (!(f.flags & ZN_MORE) || f.size != size ||
        (size > 0 && memcmp(f.data, bytes, size) != 0))
        return false;
    zn_fq_take(&r->duplex.in, &f);
    zn_end_next(e);
    return true;
}

/* Finds the reply and takes its envelope off. */
static bool find_reply(struct zn_socket *s, struct req *r)
{
    struct zn_fair_queue *q = &r->duplex.in;
    struct zn_frame f;
    struct zn_end *e;

    while (r->step == WAITING && (e = zn_fq_peek(q, s, &f)) != NULL) {
        if ((r->asked == NULL || r->asked == e) &&
            (!r->id_sent || match(r, s, &r->id, sizeof(r->id))) && match(r, s, NULL, 0))
            r->step = READING;
        else
            zn_fq_skip(q);
    }
    return r->step == READING;
}

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    struct req *r = zn_socket_state(s);

    if (r->step != WAITING && r->step != READING)
        return -EFSM;
    if (!find_reply(s, r))
        return -EAGAIN;

    int rc = zn_fq_recv(&r->duplex.in, s, in);
    if (rc == 0 && !(in->frame.flags & ZN_MORE)) {
        r->step = IDLE;
        r->asked = NULL;
    }
    return rc;
}

static unsigned events(struct zn_socket *s)
{
    struct req *r = zn_socket_state(s);
    unsigned in = find_reply(s, r) ? ZMQ_POLLIN : 0u;
    bool may_ask = r->step == IDLE || r->step == ASKING || r->relaxed;

    return in | (may_ask && zn_lb_ready(&r->duplex.out) ? ZMQ_POLLOUT : 0u);
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct req *r = zn_socket_state(s);

    switch (option) {
    case ZMQ_REQ_CORRELATE:
        return zn_option_int(value, size, 0, INT_MAX, &r->correlate);
    case ZMQ_REQ_RELAXED:
        return zn_option_int(value, size, 0, INT_MAX, &r->relaxed);
    case ZMQ_PROBE_ROUTER:
        return zn_option_int(value, size, 0, INT_MAX, &r->probe);
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_req = {
    .type = ZMQ_REQ,
    .name = "REQ",
    .peers = 1u << ZMQ_REP | 1u << ZMQ_ROUTER,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_TELLS_ID | ZN_PAT_REQ_FRAMING |
             ZN_PAT_SAME_ENDPOINT_ONCE,
    .state_size = sizeof(struct req),
    .init = init,
    .fini = zn_duplex_fini,
    .attach = attach,
    .readable = zn_duplex_readable,
    .writable = zn_duplex_writable,
    .closed = zn_duplex_closed,
    .detach = detach,
    .send = send_frame,
    .recv = recv_frame,
    .events = events,
    .set = set,
};

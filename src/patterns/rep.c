/* patterns/rep.c - REP: answers one request after the other (RFC 28).
 *
 * A request's envelope (its frames up to the first empty one) is written back to the
 * asker as it is read: the reply is begun there and then, and is dropped if the asker
 * is full or goes. A message without an envelope is no request and is dropped. */
#include <errno.h>

#include "core/options.h"
#include "patterns/shared/fair_queue.h"
#include "zmq.h"

enum step {
    IDLE,                                /* waiting for a request */
    READING,                             /* a request, its envelope taken off */
    REPLYING                             /* the request has been read */
};

struct rep {
    struct zn_fair_queue in;
    enum step step;
    struct zn_end *asker;                /* NULL: the reply goes nowhere */
};

static int init(struct zn_socket *s)
{
    struct rep *r = zn_socket_state(s);

    zn_fq_init(&r->in);
    return 0;
}

static void fini(struct zn_socket *s)
{
    struct rep *r = zn_socket_state(s);

    zn_fq_fini(&r->in);
}

static int attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_fq_attach(&((struct rep *)zn_socket_state(s))->in, e);
}

static void readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct rep *)zn_socket_state(s))->in, e);
}

/* The reply that was begun is never sent. */
static void drop_reply(struct rep *r)
{
    if (r->asker != NULL)
        zn_end_rollback(r->asker);
    r->asker = NULL;
}

static void closed(struct zn_socket *s, struct zn_end *e)
{
    struct rep *r = zn_socket_state(s);

    if (r->asker == e)
        drop_reply(r);
    zn_fq_closed(&r->in, s, e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct rep *r = zn_socket_state(s);

    if (r->asker == e)
        drop_reply(r);
    if (r->step == READING && zn_fq_reads(&r->in, e))
        r->step = zn_socket_keeps(s) ? REPLYING : IDLE;      /* to nobody */
    zn_fq_detach(&r->in, e);
}

/* One frame of the envelope, or one of the reply. -ENOMEM. */
static int answer(struct rep *r, const struct zn_frame *f)
{
    if (r->asker == NULL)
        return 0;

    int rc = zn_end_write(r->asker, f);
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    drop_reply(r);
    return 0;
}

/* Steps over the envelope in front of the queue, beginning the reply with it. 1; 0: it has
 * no end, and the message is gone; -ENOMEM: to be gone on with. */
static int take_envelope(struct zn_socket *s, struct rep *r, struct zn_end *e)
{
    struct zn_frame f;
    bool found = false;

    if (!r->in.more)
        r->asker = e->finished ? NULL : e;
    while (!found && zn_fq_peek(&r->in, s, &f) == e && (f.flags & ZN_MORE)) {
        int rc = answer(r, &f);
        if (rc < 0)
            return rc;
        found = f.size == 0;
        zn_fq_take(&r->in, &f);
        zn_end_next(e);
    }
    if (!found) {
        drop_reply(r);
        zn_fq_skip(&r->in);
    }
    return found;
}

/* 1: a request is being read; 0: there is none, or -ENOMEM. */
static int find_request(struct zn_socket *s, struct rep *r)
{
    struct zn_frame f;
    struct zn_end *e;

    while (r->step == IDLE && (e = zn_fq_peek(&r->in, s, &f)) != NULL) {
        int rc = take_envelope(s, r, e);
        if (rc < 0)
            return rc;
        if (rc > 0)
            r->step = READING;
    }
    return r->step == READING;
}

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    struct rep *r = zn_socket_state(s);

    if (r->step == REPLYING)
        return -EFSM;
    int rc = find_request(s, r);
    if (rc <= 0)
        return rc < 0 ? rc : -EAGAIN;

    rc = zn_fq_recv(&r->in, s, in);
    if (rc == 0 && !(in->frame.flags & ZN_MORE))
        r->step = REPLYING;
    return rc;
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct rep *r = zn_socket_state(s);

    (void)routing_id;
    if (r->step != REPLYING)
        return -EFSM;

    zn_socket_drop_stuck(s);             /* it is answered unread */
    int rc = answer(r, f);
    if (rc == 0 && !(f->flags & ZN_MORE)) {
        if (r->asker != NULL)
            zn_end_flush(r->asker);
        r->asker = NULL;
        r->step = IDLE;
    }
    return rc;
}

static unsigned events(struct zn_socket *s)
{
    struct rep *r = zn_socket_state(s);

    if (r->step == REPLYING)
        return ZMQ_POLLOUT;
    return find_request(s, r) != 0 ? ZMQ_POLLIN : 0u;
}

/* ROUTER's options are accepted, as ever, and mean nothing here. */
static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    int ignored;

    switch (option) {
    case ZMQ_ROUTER_MANDATORY:
    case ZMQ_ROUTER_HANDOVER:
    case ZMQ_ROUTER_RAW:
    case ZMQ_PROBE_ROUTER:
        return zn_option_int(value, size, 0, INT_MAX, &ignored);
    case ZMQ_ROUTER_NOTIFY:
        return zn_option_shared_int(value, size, 0,
                                    ZMQ_NOTIFY_CONNECT | ZMQ_NOTIFY_DISCONNECT,
                                    &zn_socket_options(s)->router_notify);
    case ZMQ_CONNECT_ROUTING_ID:
        return value != NULL && size > 0 ? 0 : -EINVAL;
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_rep = {
    .type = ZMQ_REP,
    .name = "REP",
    .peers = 1u << ZMQ_REQ | 1u << ZMQ_DEALER,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV,
    .state_size = sizeof(struct rep),
    .init = init,
    .fini = fini,
    .attach = attach,
    .readable = readable,
    .closed = closed,
    .detach = detach,
    .send = send_frame,
    .recv = recv_frame,
    .events = events,
    .set = set,
};

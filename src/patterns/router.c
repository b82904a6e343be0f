/* patterns/router.c - ROUTER: talks to each peer by its routing id (RFC 28).
 *
 * A peer takes part once it has a name: see peer_ids.h. Two with one name: the first
 * stays and the second is refused, or with ZMQ_ROUTER_HANDOVER replaces it. The first is then
 * left alone: if its connection were closed it would come back and replace the second. */
#include "patterns/router.h"

#include <errno.h>

#include "patterns/shared/fair_queue.h"
#include "patterns/shared/peer_ids.h"
#include "patterns/shared/probe.h"
#include "zmq.h"

struct router {
    struct zn_fair_queue in;
    struct zn_peer_ids ids;

    struct zn_end *to;                   /* gets the message in hand; NULL: nobody */
    bool sending;                        /* the id frame was taken, not yet the rest */
    struct zn_end *replaced;             /* goes once its message has been received */

    int mandatory, handover, probe;
};

static int init(struct zn_socket *s)
{
    struct router *r = zn_socket_state(s);

    zn_fq_init(&r->in);
    zn_ids_init(&r->ids);
    return 0;
}

static void fini(struct zn_socket *s)
{
    struct router *r = zn_socket_state(s);

    zn_ids_fini(&r->ids);
    zn_fq_fini(&r->in);
}

/* ---- Peers come. */

static int attach(struct zn_socket *s, struct zn_end *e)
{
    struct router *r = zn_socket_state(s);
    int rc = zn_ids_name_chosen(&r->ids, e);

    if (rc > 0)
        rc = zn_fq_attach(&r->in, e);
    if (rc == 0 && r->probe)
        rc = zn_probe(e);
    if (rc < 0) {
        zn_fq_detach(&r->in, e);
        zn_ids_drop(&r->ids, e);
    }
    return rc;
}

/* Nothing goes to e any more; half a message is not sent. */
static void stop_sending(struct router *r, struct zn_end *e)
{
    if (r->to == e) {
        zn_end_rollback(e);
        r->to = NULL;
    }
    zn_ids_unlist(&r->ids, e);
}

/* Takes the name from the end that has it. */
static void replace(struct zn_socket *s, struct router *r, struct zn_end *old)
{
    stop_sending(r, old);
    if (zn_fq_reads(&r->in, old))
        r->replaced = old;
    else
        zn_socket_end_leave(s, old);
}

static void leave_replaced(struct zn_socket *s, struct router *r)
{
    if (r->replaced != NULL && !zn_fq_reads(&r->in, r->replaced))
        zn_socket_end_leave(s, r->replaced);
}

static int name(struct zn_socket *s, struct router *r, struct zn_end *e)
{
    struct zn_bytes id = { e->id, e->id_size };

    if (id.size == 0 || zn_socket_options(s)->router_raw)
        return zn_ids_name_auto(&r->ids, e);

    struct zn_end *old = zn_ids_find(&r->ids, id);
    if (old != NULL && !r->handover)
        return -EADDRINUSE;
    if (old != NULL)
        replace(s, r, old);
    return zn_ids_name(&r->ids, e, id);
}

static int ready(struct zn_socket *s, struct zn_end *e)
{
    struct router *r = zn_socket_state(s);

    if (zn_ids_of(e).data != NULL)
        return 0;                        /* named at its connect, or back again */

    int rc = name(s, r, e);
    if (rc == 0)
        rc = zn_fq_attach(&r->in, e);
    if (rc < 0)
        zn_ids_drop(&r->ids, e);
    return rc;
}

/* ---- Peers go. */

static void readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct router *)zn_socket_state(s))->in, e);
}

static void closed(struct zn_socket *s, struct zn_end *e)
{
    struct router *r = zn_socket_state(s);
    struct zn_frame f;

    /* Gone before it was introduced: that is made up for if it has left word. */
    if (zn_ids_of(e).data == NULL && (zn_end_peek(e, &f) != 1 || ready(s, e) < 0)) {
        zn_socket_end_close(s, e, 0);
        return;
    }
    stop_sending(r, e);
    zn_fq_closed(&r->in, s, e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct router *r = zn_socket_state(s);

    stop_sending(r, e);
    if (r->replaced == e)
        r->replaced = NULL;
    zn_fq_detach(&r->in, e);
    zn_ids_drop(&r->ids, e);
}

/* ---- Messages. */

/* The first frame says who the message is for. */
static int send_id(struct zn_socket *s, const struct zn_frame *f)
{
    struct router *r = zn_socket_state(s);

    leave_replaced(s, r);
    if (!(f->flags & ZN_MORE))
        return 0;                        /* an address and no message */

    struct zn_end *to = zn_ids_find(&r->ids, (struct zn_bytes){ f->data, f->size });
    if (to == NULL && r->mandatory)
        return -EHOSTUNREACH;
    if (to != NULL && !zn_end_writable(to)) {
        if (r->mandatory)
            return -EAGAIN;
        to = NULL;
    }
    r->to = to;
    r->sending = true;
    return 0;
}

/* With ZMQ_ROUTER_RAW there is but one more frame, and an empty one closes. */
static int send_body(struct zn_socket *s, const struct zn_frame *f)
{
    struct router *r = zn_socket_state(s);
    struct zn_frame part = *f;
    bool raw = zn_socket_options(s)->router_raw != 0;

    if (raw)
        part.flags &= (uint8_t)~ZN_MORE;
    if (r->to != NULL && raw && part.size == 0) {
        zn_socket_end_close(s, r->to, -1);
    } else if (r->to != NULL) {
        int rc = zn_end_write(r->to, &part);
        if (rc == -ENOMEM)
            return rc;
        if (rc < 0) {
            zn_end_rollback(r->to);
            r->to = NULL;
        }
    }
    if (!(part.flags & ZN_MORE)) {
        if (r->to != NULL)
            zn_end_flush(r->to);
        r->to = NULL;
        r->sending = false;
    }
    return 0;
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    const struct router *r = zn_socket_state(s);

    (void)routing_id;
    return r->sending ? send_body(s, f) : send_id(s, f);
}

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    struct router *r = zn_socket_state(s);

    leave_replaced(s, r);
    return zn_ids_recv(&r->in, s, in);
}

static bool any_writable(struct zn_socket *s)
{
    for (uint32_t i = 0; i < zn_socket_end_count(s); i++) {
        struct zn_end *e = zn_socket_end(s, i);

        if (zn_ids_of(e).data != NULL && !e->finished && zn_end_writable(e))
            return true;
    }
    return false;
}

static unsigned events(struct zn_socket *s)
{
    struct router *r = zn_socket_state(s);

    leave_replaced(s, r);
    bool out = !r->mandatory || r->sending || any_writable(s);

    return (zn_fq_ready(&r->in, s) ? ZMQ_POLLIN : 0u) | (out ? ZMQ_POLLOUT : 0u);
}

int zn_router_peer_state(struct zn_socket *s, struct zn_bytes id)
{
    int type = zn_socket_pattern(s)->type;

    if (type == ZMQ_REP)
        return -EHOSTUNREACH;            /* knows nobody by name */
    if (type != ZMQ_ROUTER)
        return -ENOTSUP;

    struct router *r = zn_socket_state(s);
    struct zn_end *e = zn_ids_find(&r->ids, id);
    if (e == NULL)
        return -EHOSTUNREACH;
    return zn_end_writable(e) ? ZMQ_POLLOUT : 0;
}

/* ---- Options. */

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct router *r = zn_socket_state(s);
    struct zn_options *o = zn_socket_options(s);

    switch (option) {
    case ZMQ_ROUTER_MANDATORY:
        return zn_option_int(value, size, 0, INT_MAX, &r->mandatory);
    case ZMQ_ROUTER_HANDOVER:
        return zn_option_int(value, size, 0, INT_MAX, &r->handover);
    case ZMQ_PROBE_ROUTER:
        return zn_option_int(value, size, 0, INT_MAX, &r->probe);
    case ZMQ_ROUTER_RAW:
        return zn_option_int(value, size, 0, INT_MAX, &o->router_raw);
    case ZMQ_ROUTER_NOTIFY:
        return zn_option_shared_int(value, size, 0,
                                    ZMQ_NOTIFY_CONNECT | ZMQ_NOTIFY_DISCONNECT,
                                    &o->router_notify);
    case ZMQ_CONNECT_ROUTING_ID:
        return zn_socket_set_next_peer_id(s, value, size);
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_router = {
    .type = ZMQ_ROUTER,
    .name = "ROUTER",
    .peers = 1u << ZMQ_REQ | 1u << ZMQ_DEALER | 1u << ZMQ_ROUTER,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_TELLS_ID | ZN_PAT_WANTS_ID,
    .state_size = sizeof(struct router),
    .init = init,
    .fini = fini,
    .attach = attach,
    .ready = ready,
    .readable = readable,
    .closed = closed,
    .detach = detach,
    .send = send_frame,
    .recv = recv_frame,
    .events = events,
    .set = set,
};

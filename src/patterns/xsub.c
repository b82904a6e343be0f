/* patterns/xsub.c - XSUB (RFC 29): subscribes by messages, 01 + topic and 00 + topic,
 * receives all that arrives, and may send anything else upstream. */
#include "patterns/shared/subscriber.h"

#include <errno.h>
#include <limits.h>
#include <zmq.h>

struct state {
    struct zn_subscriber base;           /* first: shared code knows this part */
    bool more;                           /* inside a message of the application's */
    bool subscribing;                    /* which began with a subscription */
    bool late;                           /* to some ends what is held must still be told */
    int only_first;
};

/* A connection may come up in the middle of a message in which it has a part: it is told of
 * the subscriptions after that. */
static int ready(struct zn_socket *s, struct zn_end *e)
{
    struct state *p = zn_socket_state(s);

    if (!zn_end_open(e))
        return zn_subscriber_ready(s, e);
    e->user = p;
    p->late = true;
    return 0;
}

static void lost(struct zn_socket *s, struct zn_end *e)
{
    e->user = NULL;
    zn_subscriber_lost(s, e);
}

static void tell_late(struct zn_socket *s)
{
    struct state *p = zn_socket_state(s);
    const struct zn_turns *t = &p->base.out.turns;

    p->late = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct zn_end *e = t->ends[i];
        if (e->user == NULL)
            continue;
        e->user = NULL;
        if (zn_subscriber_ready(s, e) < 0)
            zn_socket_try_again(s, e, ZN_POST_READY);
    }
}

/* After a subscription that was to be the last frame of a message to publishers: it
 * was told to them, or (a cancel that is not due yet) an empty frame stands for it. */
static void finish(struct zn_fan_out *out)
{
    static const struct zn_frame empty;

    for (uint32_t i = out->turns.active; i-- > 0;)
        if (!zn_end_open(out->turns.ends[i]))
            zn_fan_out_leave(out, out->turns.ends[i]);
    zn_fan_out_send(out, &empty);
    zn_fan_out_unmark(out);
}

static int send_subscription(struct state *p, const struct zn_frame *f)
{
    struct zn_bytes topic = { f->data + 1, f->size - 1 };

    if (f->data[0] == 0) {
        zn_subscriber_cancel(&p->base, topic, f);
    } else {
        int rc = zn_subscriber_subscribe(&p->base, topic, f);
        if (rc < 0)
            return rc;
    }
    if (p->base.out.more && (f->flags & ZN_MORE) == 0)
        finish(&p->base.out);
    return 0;
}

static int send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct state *p = zn_socket_state(s);
    bool is_one = f->size > 0 && f->data[0] <= 1;
    bool subscribing = p->more ? p->subscribing : is_one;
    int rc = 0;
    (void)routing_id;

    if (is_one && (subscribing || !p->only_first)) {
        rc = send_subscription(p, f);
    } else {
        if (!p->base.out.more)
            zn_fan_out_mark_all(&p->base.out);
        zn_fan_out_send(&p->base.out, f);
    }
    if (rc == 0) {
        p->subscribing = subscribing;
        p->more = (f->flags & ZN_MORE) != 0;
    }
    if (ZN_UNLIKELY(p->late) && !p->more)
        tell_late(s);
    return rc;
}

static int recv(struct zn_socket *s, struct zn_incoming *in)
{
    struct state *p = zn_socket_state(s);

    return zn_fq_recv(&p->base.in, s, in);
}

static unsigned events(struct zn_socket *s)
{
    struct state *p = zn_socket_state(s);

    return zn_fq_ready(&p->base.in, s) ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLOUT;
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct state *p = zn_socket_state(s);

    switch (option) {
    case ZMQ_ONLY_FIRST_SUBSCRIBE:
        return zn_option_int(value, size, 0, INT_MAX, &p->only_first);
    case ZMQ_XSUB_VERBOSE_UNSUBSCRIBE:
        return zn_option_int(value, size, INT_MIN, INT_MAX, &p->base.verbose_cancel);
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_xsub = {
    .type = ZMQ_XSUB,
    .name = "XSUB",
    .peers = 1u << ZMQ_PUB | 1u << ZMQ_XPUB,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_RENEWS | ZN_PAT_NO_LINGER,
    .state_size = sizeof(struct state),
    .init = zn_subscriber_init,
    .fini = zn_subscriber_fini,
    .attach = zn_subscriber_attach,
    .ready = ready,
    .lost = lost,
    .readable = zn_subscriber_readable,
    .closed = zn_subscriber_closed,
    .detach = zn_subscriber_detach,
    .send = send,
    .recv = recv,
    .events = events,
    .set = set,
    .get = zn_subscriber_get,
};

/* patterns/sub.c - SUB (RFC 29): subscribes, and receives what it subscribed to.
 *
 * What arrives is matched once more: publishers may send more than was asked for (ZMTP
 * 1, inproc, multicast, a cancel that crossed a message). */
#include "patterns/shared/subscriber.h"

#include <errno.h>
#include <zmq.h>

#include "core/options.h"

/* Shows the next frame wanted; the end where it lies, or NULL. */
static struct zn_end *next_wanted(struct zn_socket *s, struct zn_frame *f)
{
    struct zn_subscriber *p = zn_socket_state(s);
    bool invert = zn_socket_options(s)->invert_matching;
    struct zn_end *e;

    while ((e = zn_fq_peek(&p->in, s, f)) != NULL) {
        if (p->in.more || e == p->passed ||
            zn_subscriber_wants(p, (struct zn_bytes){ f->data, f->size }) != invert)
            break;
        zn_fq_skip(&p->in);
    }
    return e;
}

static int recv(struct zn_socket *s, struct zn_incoming *in)
{
    struct zn_subscriber *p = zn_socket_state(s);
    struct zn_end *e = next_wanted(s, &in->frame);
    if (e == NULL)
        return -EAGAIN;

    in->end = e;
    in->metadata = e->metadata;
    in->routing_id = 0;
    zn_fq_take(&p->in, &in->frame);
    p->passed = NULL;
    return 0;
}

/* A message that poll has promised is delivered, whatever is cancelled meanwhile. */
static unsigned events(struct zn_socket *s)
{
    struct zn_subscriber *p = zn_socket_state(s);
    struct zn_frame f;

    p->passed = next_wanted(s, &f);
    return p->passed != NULL ? ZMQ_POLLIN : 0;
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_subscriber *p = zn_socket_state(s);

    if (p->passed == e)
        p->passed = NULL;
    zn_subscriber_detach(s, e);
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct zn_subscriber *p = zn_socket_state(s);
    struct zn_bytes topic = { value, size };

    if (value == NULL && size > 0)
        return -EINVAL;
    switch (option) {
    case ZMQ_SUBSCRIBE:
        return zn_subscriber_subscribe(p, topic, NULL);
    case ZMQ_UNSUBSCRIBE:
        zn_subscriber_cancel(p, topic, NULL);
        return 0;
    default:
        return -ENOENT;
    }
}

const struct zn_pattern zn_pattern_sub = {
    .type = ZMQ_SUB,
    .name = "SUB",
    .peers = 1u << ZMQ_PUB | 1u << ZMQ_XPUB,
    .flags = ZN_PAT_RECV | ZN_PAT_RENEWS | ZN_PAT_NO_LINGER | ZN_PAT_CONFLATES |
             ZN_PAT_SAME_ENDPOINT_ONCE,
    .state_size = sizeof(struct zn_subscriber),
    .init = zn_subscriber_init,
    .fini = zn_subscriber_fini,
    .attach = zn_subscriber_attach,
    .ready = zn_subscriber_ready,
    .lost = zn_subscriber_lost,
    .readable = zn_subscriber_readable,
    .closed = zn_subscriber_closed,
    .detach = detach,
    .recv = recv,
    .events = events,
    .set = set,
    .get = zn_subscriber_get,
};

/* patterns/xpub.c - XPUB (RFC 29): PUB, and its application hears of subscriptions. */
#include "patterns/shared/publisher.h"

#include <errno.h>
#include <zmq.h>

static int init(struct zn_socket *s)
{
    struct zn_publisher *p = zn_socket_state(s);

    p->tells = true;
    return zn_publisher_init(s);
}

static int recv(struct zn_socket *s, struct zn_incoming *in)
{
    struct zn_publisher *p = zn_socket_state(s);

    *in = (struct zn_incoming){ .end = NULL };
    if (!zn_notices_take(&p->notices, &in->frame))
        return -EAGAIN;
    in->metadata = p->notices.now.metadata;
    if (p->notices.now.peer != ZN_NO_NOTICE) {
        p->last = p->notices.now.peer;
        p->last_only = p->last_value;
    }
    return 0;
}

static unsigned events(struct zn_socket *s)
{
    const struct zn_publisher *p = zn_socket_state(s);

    return p->notices.count > 0 ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLOUT;
}

const struct zn_pattern zn_pattern_xpub = {
    .type = ZMQ_XPUB,
    .name = "XPUB",
    .peers = 1u << ZMQ_SUB | 1u << ZMQ_XSUB,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_EAGER,
    .state_size = sizeof(struct zn_publisher),
    .init = init,
    .fini = zn_publisher_fini,
    .attach = zn_publisher_attach,
    .ready = zn_publisher_ready,
    .lost = zn_publisher_lost,
    .readable = zn_publisher_readable,
    .closed = zn_publisher_readable,
    .detach = zn_publisher_detach,
    .send = zn_publisher_send,
    .recv = recv,
    .events = events,
    .set = zn_publisher_set,
    .get = zn_publisher_get,
};

/* patterns/pub.c - PUB (RFC 29): publishes; hears subscriptions, tells nobody. */
#include "patterns/shared/publisher.h"

#include <zmq.h>

static unsigned events(struct zn_socket *s)
{
    (void)s;
    return ZMQ_POLLOUT;                  /* who cannot keep up is skipped */
}

const struct zn_pattern zn_pattern_pub = {
    .type = ZMQ_PUB,
    .name = "PUB",
    .peers = 1u << ZMQ_SUB | 1u << ZMQ_XSUB,
    .flags = ZN_PAT_SEND | ZN_PAT_EAGER | ZN_PAT_CONFLATES | ZN_PAT_SAME_ENDPOINT_ONCE,
    .state_size = sizeof(struct zn_publisher),
    .init = zn_publisher_init,
    .fini = zn_publisher_fini,
    .attach = zn_publisher_attach,
    .ready = zn_publisher_ready,
    .lost = zn_publisher_lost,
    .readable = zn_publisher_readable,
    .closed = zn_publisher_readable,
    .detach = zn_publisher_detach,
    .send = zn_publisher_send,
    .events = events,
    .set = zn_publisher_set,
    .get = zn_publisher_get,
};

/* patterns/dealer.c - DEALER: asks and answers in turn, as it likes (RFC 28). */
#include <errno.h>

#include "patterns/shared/duplex.h"
#include "patterns/shared/probe.h"
#include "zmq.h"

struct dealer {
    struct zn_duplex duplex;             /* first: see duplex.h */
    int probe;
};

static int attach(struct zn_socket *s, struct zn_end *e)
{
    const struct dealer *d = zn_socket_state(s);

    int rc = zn_duplex_attach(s, e);
    if (rc == 0 && d->probe)
        rc = zn_probe(e);
    if (rc < 0)
        zn_duplex_detach(s, e);
    return rc;
}

static int set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct dealer *d = zn_socket_state(s);

    if (option == ZMQ_PROBE_ROUTER)
        return zn_option_int(value, size, 0, INT_MAX, &d->probe);
    return -ENOENT;
}

const struct zn_pattern zn_pattern_dealer = {
    .type = ZMQ_DEALER,
    .name = "DEALER",
    .peers = 1u << ZMQ_REP | 1u << ZMQ_DEALER | 1u << ZMQ_ROUTER,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_TELLS_ID | ZN_PAT_CONFLATES |
             ZN_PAT_SAME_ENDPOINT_ONCE,
    .state_size = sizeof(struct dealer),
    .init = zn_duplex_init,
    .fini = zn_duplex_fini,
    .attach = attach,
    .readable = zn_duplex_readable,
    .writable = zn_duplex_writable,
    .closed = zn_duplex_closed,
    .detach = zn_duplex_detach,
    .send = zn_duplex_send,
    .recv = zn_duplex_recv,
    .events = zn_duplex_events,
    .set = set,
};

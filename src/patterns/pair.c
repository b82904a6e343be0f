/* patterns/pair.c - PAIR: two peers, both ways (RFC 31). */
#include <errno.h>

#include "patterns/shared/duplex.h"
#include "zmq.h"

/* One peer at a time: more are turned away. One that has gone does not count, though
 * what it sent may still be waiting to be read. */
static int attach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_duplex *d = zn_socket_state(s);

    if (d->out.turns.count > 0)
        return -EBUSY;
    return zn_duplex_attach(s, e);
}

const struct zn_pattern zn_pattern_pair = {
    .type = ZMQ_PAIR,
    .name = "PAIR",
    .peers = 1u << ZMQ_PAIR,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_ONE_PEER,
    .state_size = sizeof(struct zn_duplex),
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
};

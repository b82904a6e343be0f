/* patterns/pair.c - PAIR: two peers, both ways (RFC 31). */
#include "patterns/shared/duplex.h"
#include "zmq.h"

const struct zn_pattern zn_pattern_pair = {
    .type = ZMQ_PAIR,
    .name = "PAIR",
    .peers = 1u << ZMQ_PAIR,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_ONE_PEER,
    .state_size = sizeof(struct zn_duplex),
    .init = zn_duplex_init,
    .fini = zn_duplex_fini,
    .attach = zn_duplex_attach_only,
    .readable = zn_duplex_readable,
    .writable = zn_duplex_writable,
    .closed = zn_duplex_closed,
    .detach = zn_duplex_detach,
    .send = zn_duplex_send,
    .recv = zn_duplex_recv,
    .events = zn_duplex_events,
};

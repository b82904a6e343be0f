/* patterns/peer.c - PEER: talks to other PEERs, each by its number (RFC 51). */
#include "patterns/shared/numbered.h"
#include "zmq.h"

const struct zn_pattern zn_pattern_peer = {
    .type = ZMQ_PEER,
    .name = "PEER",
    .peers = 1u << ZMQ_PEER,
    .flags = ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_SINGLE | ZN_PAT_THREAD_SAFE,
    .state_size = sizeof(struct zn_numbered),
    .init = zn_numbered_init,
    .fini = zn_numbered_fini,
    .attach = zn_numbered_attach,
    .readable = zn_numbered_readable,
    .closed = zn_numbered_closed,
    .detach = zn_numbered_detach,
    .send = zn_numbered_send,
    .recv = zn_numbered_recv,
    .events = zn_numbered_events,
};

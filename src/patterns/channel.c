/* patterns/channel.c - CHANNEL: two peers, both ways, a frame a message (RFC 52). */
#include "patterns/shared/duplex.h"
#include "patterns/shared/single.h"
#include "zmq.h"

const struct zn_pattern zn_pattern_channel = {
    .type = ZMQ_CHANNEL,
    .name = "CHANNEL",
    .peers = 1u << ZMQ_CHANNEL,
    .flags =
        ZN_PAT_SEND | ZN_PAT_RECV | ZN_PAT_SINGLE | ZN_PAT_THREAD_SAFE | ZN_PAT_ONE_PEER,
    .state_size = sizeof(struct zn_duplex),
    .init = zn_duplex_init,
    .fini = zn_duplex_fini,
    .attach = zn_duplex_attach_only,
    .readable = zn_duplex_readable,
    .writable = zn_duplex_writable,
    .closed = zn_duplex_closed,
    .detach = zn_duplex_detach,
    .send = zn_duplex_send,
    .recv = zn_single_duplex_recv,
    .events = zn_single_duplex_events,
};

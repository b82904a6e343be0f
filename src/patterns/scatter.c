/* patterns/scatter.c - SCATTER: deals messages out to GATHERs in turn (RFC 49). */
#include "patterns/shared/load_balance.h"
#include "zmq.h"

const struct zn_pattern zn_pattern_scatter = {
    .type = ZMQ_SCATTER,
    .name = "SCATTER",
    .peers = 1u << ZMQ_GATHER,
    .flags = ZN_PAT_SEND | ZN_PAT_SINGLE | ZN_PAT_THREAD_SAFE,
    .state_size = sizeof(struct zn_load_balance),
    .init = zn_lb_socket_init,
    .fini = zn_lb_socket_fini,
    .attach = zn_lb_socket_attach,
    .writable = zn_lb_socket_writable,
    .closed = zn_lb_socket_detach,
    .detach = zn_lb_socket_detach,
    .send = zn_lb_socket_send,
    .events = zn_lb_socket_events,
};

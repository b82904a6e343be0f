/* patterns/push.c - PUSH: deals messages out to PULLs in turn (RFC 30). */
#include "patterns/shared/load_balance.h"
#include "zmq.h"

const struct zn_pattern zn_pattern_push = {
    .type = ZMQ_PUSH,
    .name = "PUSH",
    .peers = 1u << ZMQ_PULL,
    .flags = ZN_PAT_SEND | ZN_PAT_CONFLATES,
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

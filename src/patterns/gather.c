/* patterns/gather.c - GATHER: takes messages from SCATTERs in turn (RFC 49). */
#include "patterns/shared/single.h"
#include "zmq.h"

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    return zn_single_recv(zn_socket_state(s), s, in);
}

static unsigned events(struct zn_socket *s)
{
    return zn_single_ready(zn_socket_state(s), s) ? ZMQ_POLLIN : 0u;
}

const struct zn_pattern zn_pattern_gather = {
    .type = ZMQ_GATHER,
    .name = "GATHER",
    .peers = 1u << ZMQ_SCATTER,
    .flags = ZN_PAT_RECV | ZN_PAT_THREAD_SAFE,
    .state_size = sizeof(struct zn_fair_queue),
    .init = zn_fq_socket_init,
    .fini = zn_fq_socket_fini,
    .attach = zn_fq_socket_attach,
    .readable = zn_fq_socket_readable,
    .closed = zn_fq_socket_closed,
    .detach = zn_fq_socket_detach,
    .recv = recv_frame,
    .events = events,
};

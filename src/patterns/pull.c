/* patterns/pull.c - PULL: takes messages from PUSHes in turn (RFC 30). */
#include "patterns/shared/fair_queue.h"
#include "zmq.h"

static int recv_frame(struct zn_socket *s, struct zn_incoming *in)
{
    return zn_fq_recv(zn_socket_state(s), s, in);
}

static unsigned events(struct zn_socket *s)
{
    return zn_fq_ready(zn_socket_state(s), s) ? ZMQ_POLLIN : 0u;
}

const struct zn_pattern zn_pattern_pull = {
    .type = ZMQ_PULL,
    .name = "PULL",
    .peers = 1u << ZMQ_PUSH,
    .flags = ZN_PAT_RECV | ZN_PAT_CONFLATES,
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

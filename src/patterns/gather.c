/* patterns/gather.c - GATHER: takes messages from SCATTERs in turn (RFC 49). */
#include "patterns/shared/single.h"
#include "zmq.h"

static int init(struct zn_socket *s)
{
    zn_fq_init(zn_socket_state(s));
    return 0;
}

static void fini(struct zn_socket *s)
{
    zn_fq_fini(zn_socket_state(s));
}

static int attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_fq_attach(zn_socket_state(s), e);
}

static void readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(zn_socket_state(s), e);
}

static void closed(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_closed(zn_socket_state(s), s, e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_detach(zn_socket_state(s), e);
}

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
    .init = init,
    .fini = fini,
    .attach = attach,
    .readable = readable,
    .closed = closed,
    .detach = detach,
    .recv = recv_frame,
    .events = events,
};

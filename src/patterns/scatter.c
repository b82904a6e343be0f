/* patterns/scatter.c - SCATTER: deals messages out to GATHERs in turn (RFC 49). */
#include "patterns/shared/load_balance.h"
#include "zmq.h"

static int init(struct zn_socket *s)
{
    zn_lb_init(zn_socket_state(s));
    return 0;
}

static void fini(struct zn_socket *s)
{
    zn_lb_fini(zn_socket_state(s));
}

static int attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_lb_attach(zn_socket_state(s), e);
}

static void writable(struct zn_socket *s, struct zn_end *e)
{
    zn_lb_writable(zn_socket_state(s), e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    zn_lb_detach(zn_socket_state(s), e);
}

static int send_frame(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    (void)routing_id;
    return zn_lb_send(zn_socket_state(s), f);
}

static unsigned events(struct zn_socket *s)
{
    return zn_lb_ready(zn_socket_state(s)) ? ZMQ_POLLOUT : 0u;
}

const struct zn_pattern zn_pattern_scatter = {
    .type = ZMQ_SCATTER,
    .name = "SCATTER",
    .peers = 1u << ZMQ_GATHER,
    .flags = ZN_PAT_SEND | ZN_PAT_SINGLE | ZN_PAT_THREAD_SAFE,
    .state_size = sizeof(struct zn_load_balance),
    .init = init,
    .fini = fini,
    .attach = attach,
    .writable = writable,
    .closed = detach,
    .detach = detach,
    .send = send_frame,
    .events = events,
};

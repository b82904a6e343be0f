/* patterns/shared/duplex.c - a load balancer outward and a fair queue inward. */
#include "patterns/shared/duplex.h"

#include <errno.h>

#include "zmq.h"

int zn_duplex_init(struct zn_socket *s)
{
    struct zn_duplex *d = zn_socket_state(s);

    zn_lb_init(&d->out);
    zn_fq_init(&d->in);
    return 0;
}

void zn_duplex_fini(struct zn_socket *s)
{
    struct zn_duplex *d = zn_socket_state(s);

    zn_lb_fini(&d->out);
    zn_fq_fini(&d->in);
}

int zn_duplex_attach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_duplex *d = zn_socket_state(s);

    int rc = zn_lb_attach(&d->out, e);
    if (rc < 0)
        return rc;
    rc = zn_fq_attach(&d->in, e);
    if (rc < 0)
        zn_lb_detach(&d->out, e);
    return rc;
}

/* One that has gone does not count, though what it sent may still be waiting to be read. */
int zn_duplex_attach_only(struct zn_socket *s, struct zn_end *e)
{
    struct zn_duplex *d = zn_socket_state(s);

    if (d->out.turns.count > 0)
        return -EBUSY;
    return zn_duplex_attach(s, e);
}

void zn_duplex_readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct zn_duplex *)zn_socket_state(s))->in, e);
}

void zn_duplex_writable(struct zn_socket *s, struct zn_end *e)
{
    zn_lb_writable(&((struct zn_duplex *)zn_socket_state(s))->out, e);
}

void zn_duplex_closed(struct zn_socket *s, struct zn_end *e)
{
    struct zn_duplex *d = zn_socket_state(s);

    zn_lb_detach(&d->out, e);
    zn_fq_closed(&d->in, s, e);
}

void zn_duplex_detach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_duplex *d = zn_socket_state(s);

    zn_lb_detach(&d->out, e);
    zn_fq_detach(&d->in, e);
}

int zn_duplex_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    (void)routing_id;
    return zn_lb_send(&((struct zn_duplex *)zn_socket_state(s))->out, f);
}

int zn_duplex_recv(struct zn_socket *s, struct zn_incoming *in)
{
    return zn_fq_recv(&((struct zn_duplex *)zn_socket_state(s))->in, s, in);
}

unsigned zn_duplex_events(struct zn_socket *s)
{
    struct zn_duplex *d = zn_socket_state(s);

    return (zn_fq_ready(&d->in, s) ? ZMQ_POLLIN : 0u) |
           (zn_lb_ready(&d->out) ? ZMQ_POLLOUT : 0u);
}

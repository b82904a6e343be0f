/* patterns/shared/single.c - a fair queue of single frames. */
#include "patterns/shared/single.h"

#include <errno.h>

#include "patterns/shared/duplex.h"
#include "zmq.h"

static struct zn_end *peek(struct zn_fair_queue *q, struct zn_socket *s,
                           struct zn_frame *f)
{
    struct zn_end *e;

    while ((e = zn_fq_peek(q, s, f)) != NULL && f->flags & ZN_MORE)
        zn_fq_skip(q);
    return e;
}

int zn_single_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in)
{
    struct zn_end *e = peek(q, s, &in->frame);
    if (e == NULL)
        return -EAGAIN;

    in->end = e;
    in->metadata = e->metadata;
    zn_fq_take(q, &in->frame);
    return 0;
}

bool zn_single_ready(struct zn_fair_queue *q, struct zn_socket *s)
{
    struct zn_frame f;

    return peek(q, s, &f) != NULL;
}

int zn_single_duplex_recv(struct zn_socket *s, struct zn_incoming *in)
{
    return zn_single_recv(&((struct zn_duplex *)zn_socket_state(s))->in, s, in);
}

unsigned zn_single_duplex_events(struct zn_socket *s)
{
    struct zn_duplex *d = zn_socket_state(s);

    return (zn_single_ready(&d->in, s) ? ZMQ_POLLIN : 0u) |
           (zn_lb_ready(&d->out) ? ZMQ_POLLOUT : 0u);
}

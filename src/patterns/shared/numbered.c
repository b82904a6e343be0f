/* patterns/shared/numbered.c - what SERVER and PEER share: peers known by numbers. */
#include "patterns/shared/numbered.h"

#include <errno.h>

#include "patterns/shared/single.h"
#include "zmq.h"

int zn_numbered_init(struct zn_socket *s)
{
    struct zn_numbered *n = zn_socket_state(s);

    zn_fq_init(&n->in);
    zn_map_init(&n->ends);
    n->counter = zn_random_u32();
    return 0;
}

void zn_numbered_fini(struct zn_socket *s)
{
    struct zn_numbered *n = zn_socket_state(s);

    zn_map_fini(&n->ends);
    zn_fq_fini(&n->in);
}

static struct zn_bytes key(const uint32_t *number)
{
    return (struct zn_bytes){ (const uint8_t *)number, sizeof(*number) };
}

static struct zn_end *find(const struct zn_numbered *n, uint32_t number)
{
    return zn_map_get(&n->ends, key(&number));
}

/* Safe to repeat: a number is not given to another one as long as its end is there. */
static void unlist(struct zn_numbered *n, struct zn_end *e)
{
    if (find(n, e->number) == e)
        zn_map_remove(&n->ends, key(&e->number));
}

/* 0 is no number (RFC 41), and after four thousand million peers some may be taken. */
static int list(struct zn_numbered *n, struct zn_end *e)
{
    int rc;

    do {
        e->number = n->counter++;
        rc = e->number == 0 ? -EEXIST : zn_map_put(&n->ends, key(&e->number), e);
    } while (rc == -EEXIST);
    return rc;
}

/* ---- Peers. */

int zn_numbered_attach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_numbered *n = zn_socket_state(s);

    int rc = zn_fq_attach(&n->in, e);
    if (rc < 0)
        return rc;
    rc = list(n, e);
    if (rc < 0)
        zn_fq_detach(&n->in, e);
    else if (e->initiator)
        n->newest = e->number;
    return rc;
}

void zn_numbered_readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(&((struct zn_numbered *)zn_socket_state(s))->in, e);
}

void zn_numbered_closed(struct zn_socket *s, struct zn_end *e)
{
    struct zn_numbered *n = zn_socket_state(s);

    unlist(n, e);
    zn_fq_closed(&n->in, s, e);
}

void zn_numbered_detach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_numbered *n = zn_socket_state(s);

    unlist(n, e);
    zn_fq_detach(&n->in, e);
}

uint32_t zn_numbered_newest(struct zn_socket *s)
{
    return ((struct zn_numbered *)zn_socket_state(s))->newest;
}

int zn_numbered_disconnect(struct zn_socket *s, uint32_t number)
{
    int type = zn_socket_pattern(s)->type;

    if (type != ZMQ_SERVER && type != ZMQ_PEER)
        return -ENOTSUP;

    struct zn_end *e = find(zn_socket_state(s), number);
    if (e == NULL)
        return -EHOSTUNREACH;
    zn_socket_end_forget(s, e);
    return 0;
}

/* ---- Messages. */

int zn_numbered_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct zn_end *e = find(zn_socket_state(s), routing_id);
    if (e == NULL)
        return -EHOSTUNREACH;

    int rc = zn_end_write(e, f);
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? -EHOSTUNREACH : rc;
}

int zn_numbered_recv(struct zn_socket *s, struct zn_incoming *in)
{
    struct zn_numbered *n = zn_socket_state(s);

    int rc = zn_single_recv(&n->in, s, in);
    if (rc == 0)
        in->routing_id = in->end->number;
    return rc;
}

/* Whoever is full, there may be one who is not. */
unsigned zn_numbered_events(struct zn_socket *s)
{
    struct zn_numbered *n = zn_socket_state(s);

    return (zn_single_ready(&n->in, s) ? ZMQ_POLLIN : 0u) | ZMQ_POLLOUT;
}

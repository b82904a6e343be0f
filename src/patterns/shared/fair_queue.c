/* patterns/shared/fair_queue.c - reads from many ends in turn. */
#include "patterns/shared/fair_queue.h"

#include <errno.h>

void zn_fq_init(struct zn_fair_queue *q)
{
    zn_turns_init(&q->turns, offsetof(struct zn_end, in_index));
    q->more = false;
}

void zn_fq_fini(struct zn_fair_queue *q)
{
    zn_turns_fini(&q->turns);
}

int zn_fq_attach(struct zn_fair_queue *q, struct zn_end *e)
{
    /* Active, though it may have nothing yet: `readable` comes only after a peek. */
    return zn_turns_add(&q->turns, e);
}

void zn_fq_detach(struct zn_fair_queue *q, struct zn_end *e)
{
    if (zn_fq_reads(q, e))
        q->more = false;                 /* the rest went with it */
    zn_turns_remove(&q->turns, e);
}

void zn_fq_readable(struct zn_fair_queue *q, struct zn_end *e)
{
    zn_turns_wake(&q->turns, e);
}

void zn_fq_closed(struct zn_fair_queue *q, struct zn_socket *s, struct zn_end *e)
{
    struct zn_frame f;

    if (zn_fq_reads(q, e))
        return;                          /* seen to when its message has been read */
    if (zn_end_peek(e, &f) == -EPIPE)
        zn_socket_end_done(s, e);
    else
        zn_turns_wake(&q->turns, e);
}

struct zn_end *zn_fq_peek_slow(struct zn_fair_queue *q, struct zn_socket *s,
                               struct zn_frame *f)
{
    while (q->turns.active > 0) {
        struct zn_end *e = zn_turns_now(&q->turns);
        int rc = zn_end_peek(e, f);

        if (ZN_LIKELY(rc > 0))
            return e;
        q->more = false;                 /* messages are whole: there was no more */
        if (rc == 0)
            zn_turns_rest(&q->turns, e);
        else
            zn_socket_end_done(s, e);
    }
    return NULL;
}

void zn_fq_skip(struct zn_fair_queue *q)
{
    zn_end_skip(zn_turns_now(&q->turns));
    zn_turns_next(&q->turns);
    q->more = false;
}

int zn_fq_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in)
{
    struct zn_end *e = zn_fq_peek(q, s, &in->frame);
    if (e == NULL)
        return -EAGAIN;

    if (ZN_UNLIKELY(e->in->slot != NULL))
        zn_queue_renew(e->in, &in->frame);
    in->end = e;
    in->metadata = e->metadata;
    in->routing_id = 0;
    zn_fq_take(q, &in->frame);
    return 0;
}

bool zn_fq_ready(struct zn_fair_queue *q, struct zn_socket *s)
{
    struct zn_frame f;

    return q->more || zn_fq_peek(q, s, &f) != NULL;
}

/* ---- A socket that is nothing else. */

int zn_fq_socket_init(struct zn_socket *s)
{
    zn_fq_init(zn_socket_state(s));
    return 0;
}

void zn_fq_socket_fini(struct zn_socket *s)
{
    zn_fq_fini(zn_socket_state(s));
}

int zn_fq_socket_attach(struct zn_socket *s, struct zn_end *e)
{
    return zn_fq_attach(zn_socket_state(s), e);
}

void zn_fq_socket_readable(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_readable(zn_socket_state(s), e);
}

void zn_fq_socket_closed(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_closed(zn_socket_state(s), s, e);
}

void zn_fq_socket_detach(struct zn_socket *s, struct zn_end *e)
{
    zn_fq_detach(zn_socket_state(s), e);
}

/* patterns/shared/fair_queue.h - reads from many ends in turn, one whole message at
 * a time.
 *
 * Threads  The socket's lock.
 * Memory   One pointer an end.
 * Ends     that have ended (-EPIPE) are given back with zn_socket_end_done(): any
 *          call that takes the socket may thereby run the pattern's detach. */
#ifndef ZN_PATTERNS_FAIR_QUEUE_H
#define ZN_PATTERNS_FAIR_QUEUE_H

#include "core/pattern.h"
#include "patterns/shared/turns.h"

struct zn_fair_queue {
    struct zn_turns turns;
    bool more;                           /* inside a message of the end in turn */
};

void zn_fq_init(struct zn_fair_queue *q);
void zn_fq_fini(struct zn_fair_queue *q);

/* What the pattern's operations of these names do. -ENOMEM. */
int zn_fq_attach(struct zn_fair_queue *q, struct zn_end *e);
void zn_fq_detach(struct zn_fair_queue *q, struct zn_end *e);
void zn_fq_readable(struct zn_fair_queue *q, struct zn_end *e);
/* The peer is gone: e too, unless there is something left to read. */
void zn_fq_closed(struct zn_fair_queue *q, struct zn_socket *s, struct zn_end *e);

struct zn_end *zn_fq_peek_slow(struct zn_fair_queue *q, struct zn_socket *s,
                               struct zn_frame *f);
/* Shows the next frame, of the message in hand or else of whoever's turn it is.
 * NULL: there is none. */
static inline struct zn_end *zn_fq_peek(struct zn_fair_queue *q, struct zn_socket *s,
                                        struct zn_frame *f)
{
    if (ZN_LIKELY(q->turns.active > 0)) {
        struct zn_end *e = zn_turns_now(&q->turns);
        if (ZN_LIKELY(zn_queue_peek(e->in, f)))
            return e;
    }
    return zn_fq_peek_slow(q, s, f);
}
/* The frame shown is taken: who shows it, or zn_end_next(), steps over it. */
static inline void zn_fq_take(struct zn_fair_queue *q, const struct zn_frame *f)
{
    q->more = (f->flags & ZN_MORE) != 0;
    if (!q->more)
        zn_turns_next(&q->turns);
}
/* Steps over the frame shown and what is left of its message. */
void zn_fq_skip(struct zn_fair_queue *q);
/* Whether e's message is in hand. */
static inline bool zn_fq_reads(const struct zn_fair_queue *q, const struct zn_end *e)
{
    return q->more && zn_turns_now(&q->turns) == e;
}

/* The pattern's recv and POLLIN, for those that add nothing of their own. */
int zn_fq_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in);
bool zn_fq_ready(struct zn_fair_queue *q, struct zn_socket *s);

/* The operations of a pattern whose whole state this is. */
int zn_fq_socket_init(struct zn_socket *s);
void zn_fq_socket_fini(struct zn_socket *s);
int zn_fq_socket_attach(struct zn_socket *s, struct zn_end *e);
void zn_fq_socket_readable(struct zn_socket *s, struct zn_end *e);
void zn_fq_socket_closed(struct zn_socket *s, struct zn_end *e);
void zn_fq_socket_detach(struct zn_socket *s, struct zn_end *e);

#endif

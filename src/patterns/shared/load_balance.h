/* patterns/shared/load_balance.h - spreads messages over ends that have room, in
 * turn.
 *
 * A message stays with the end that took its first frame. Should that end go midway,
 * nobody gets any of it and the frames still to come are taken and dropped: the
 * sender is never stuck inside a message.
 *
 * Threads  The socket's lock.
 * Memory   One pointer an end. */
#ifndef ZN_PATTERNS_LOAD_BALANCE_H
#define ZN_PATTERNS_LOAD_BALANCE_H

#include "core/pattern.h"
#include "patterns/shared/turns.h"

struct zn_load_balance {
    struct zn_turns turns;
    bool more;                           /* inside a message to the end in turn */
    bool dropping;                       /* inside a message to an end that went */
};

void zn_lb_init(struct zn_load_balance *b);
void zn_lb_fini(struct zn_load_balance *b);

/* What the pattern's operations of these names do; an end that is closed is also no
 * longer part of it, so `closed` calls detach too. -ENOMEM. */
int zn_lb_attach(struct zn_load_balance *b, struct zn_end *e);
void zn_lb_detach(struct zn_load_balance *b, struct zn_end *e);
void zn_lb_writable(struct zn_load_balance *b, struct zn_end *e);

/* The pattern's send and POLLOUT. -EAGAIN: nobody has room (never inside a message);
 * -ENOMEM. */
int zn_lb_send(struct zn_load_balance *b, const struct zn_frame *f);
bool zn_lb_ready(struct zn_load_balance *b);
/* The end that has the unfinished message, or NULL. */
static inline struct zn_end *zn_lb_open(const struct zn_load_balance *b)
{
    return b->more ? zn_turns_now(&b->turns) : NULL;
}
/* Forgets the unfinished message. */
void zn_lb_rollback(struct zn_load_balance *b);

/* The operations of a pattern whose whole state this is. */
int zn_lb_socket_init(struct zn_socket *s);
void zn_lb_socket_fini(struct zn_socket *s);
int zn_lb_socket_attach(struct zn_socket *s, struct zn_end *e);
void zn_lb_socket_writable(struct zn_socket *s, struct zn_end *e);
void zn_lb_socket_detach(struct zn_socket *s, struct zn_end *e);
int zn_lb_socket_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id);
unsigned zn_lb_socket_events(struct zn_socket *s);

#endif

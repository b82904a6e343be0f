/* patterns/shared/duplex.h - a load balancer outward and a fair queue inward: what
 * PAIR, DEALER, REQ, CLIENT and CHANNEL have in common.
 *
 * The functions are a pattern's operations as they are, for a type whose state
 * begins with a struct zn_duplex. */
#ifndef ZN_PATTERNS_DUPLEX_H
#define ZN_PATTERNS_DUPLEX_H

#include "patterns/shared/fair_queue.h"
#include "patterns/shared/load_balance.h"

struct zn_duplex {
    struct zn_load_balance out;
    struct zn_fair_queue in;
};

int zn_duplex_init(struct zn_socket *s);
void zn_duplex_fini(struct zn_socket *s);
int zn_duplex_attach(struct zn_socket *s, struct zn_end *e);
/* For types of one peer at a time: -EBUSY, the others are turned away. */
int zn_duplex_attach_only(struct zn_socket *s, struct zn_end *e);
void zn_duplex_readable(struct zn_socket *s, struct zn_end *e);
void zn_duplex_writable(struct zn_socket *s, struct zn_end *e);
void zn_duplex_closed(struct zn_socket *s, struct zn_end *e);
void zn_duplex_detach(struct zn_socket *s, struct zn_end *e);
int zn_duplex_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id);
int zn_duplex_recv(struct zn_socket *s, struct zn_incoming *in);
unsigned zn_duplex_events(struct zn_socket *s);

#endif

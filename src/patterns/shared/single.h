/* patterns/shared/single.h - a fair queue for types whose messages are single frames
 * (CLIENT and its kin): a multipart message, which only a peer of another kind sends, is
 * dropped whole.
 *
 * Threads  The socket's lock. */
#ifndef ZN_PATTERNS_SINGLE_H
#define ZN_PATTERNS_SINGLE_H

#include "patterns/shared/fair_queue.h"

/* As zn_fq_recv(), zn_fq_ready(). */
int zn_single_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in);
bool zn_single_ready(struct zn_fair_queue *q, struct zn_socket *s);

/* The operations of a type whose state begins with a struct zn_duplex. */
int zn_single_duplex_recv(struct zn_socket *s, struct zn_incoming *in);
unsigned zn_single_duplex_events(struct zn_socket *s);

#endif

/* patterns/router.h - what zmq_socket_get_peer_state() asks of a ROUTER. */
#ifndef ZN_PATTERNS_ROUTER_H
#define ZN_PATTERNS_ROUTER_H

#include "core/pattern.h"

/* ZMQ_POLLOUT: a message to that peer would be taken now; 0: it is full.
 * -EHOSTUNREACH: no such peer; -ENOTSUP: neither ROUTER nor REP. Socket's lock held. */
int zn_router_peer_state(struct zn_socket *s, struct zn_bytes id);

#endif

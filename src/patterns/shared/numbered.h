/* patterns/shared/numbered.h - what SERVER and PEER share: peers known by numbers.
 *
 * A peer has its number from the moment its pipe is there, so one that was connected to can
 * be sent to at once. The functions are a pattern's operations as they are, for a type whose
 * state is a struct zn_numbered.
 *
 * Threads  The socket's lock.
 * Memory   e->number holds a peer's number. One whose peer has gone is no longer found, what
 *          it sent still bears its number. */
#ifndef ZN_PATTERNS_NUMBERED_H
#define ZN_PATTERNS_NUMBERED_H

#include "core/map.h"
#include "patterns/shared/fair_queue.h"

struct zn_numbered {
    struct zn_fair_queue in;
    struct zn_map ends;                  /* e->number -> e */
    uint32_t counter;
    uint32_t newest;                     /* of the last one connected to */
};

int zn_numbered_init(struct zn_socket *s);
void zn_numbered_fini(struct zn_socket *s);
int zn_numbered_attach(struct zn_socket *s, struct zn_end *e);
void zn_numbered_readable(struct zn_socket *s, struct zn_end *e);
void zn_numbered_closed(struct zn_socket *s, struct zn_end *e);
void zn_numbered_detach(struct zn_socket *s, struct zn_end *e);
int zn_numbered_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id);
int zn_numbered_recv(struct zn_socket *s, struct zn_incoming *in);
unsigned zn_numbered_events(struct zn_socket *s);

/* For zmq_connect_peer(): the number of the peer that s has connected to last. */
uint32_t zn_numbered_newest(struct zn_socket *s);
/* zmq_disconnect_peer(): -ENOTSUP: s is neither SERVER nor PEER; -EHOSTUNREACH. */
int zn_numbered_disconnect(struct zn_socket *s, uint32_t number);

#endif

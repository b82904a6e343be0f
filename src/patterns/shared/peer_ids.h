/* patterns/shared/peer_ids.h - peers known by their routing ids: ROUTER, STREAM.
 *
 * An id is the one that the application chose for the peer's endpoint
 * (ZMQ_CONNECT_ROUTING_ID), or the peer's own, or five bytes that we make up: zero
 * and a counter that starts anywhere.
 *
 * Threads  The socket's lock.
 * Memory   e->user holds e's id, from naming to zn_ids_drop(); an end can be
 *          unlisted before: what it sent still bears its id, nothing goes to it. */
#ifndef ZN_PATTERNS_PEER_IDS_H
#define ZN_PATTERNS_PEER_IDS_H

#include "core/map.h"
#include "core/options.h"
#include "core/pattern.h"
#include "patterns/shared/fair_queue.h"

struct zn_peer_ids {
    struct zn_map map;                   /* id -> end */
    uint32_t counter;
};

void zn_ids_init(struct zn_peer_ids *ids);
void zn_ids_fini(struct zn_peer_ids *ids);

/* Names e as the application chose when it connected. 1: named; 0: it chose nothing;
 * -EADDRINUSE, -ENOMEM. */
int zn_ids_name_chosen(struct zn_peer_ids *ids, struct zn_end *e);
/* -EADDRINUSE, -ENOMEM. */
int zn_ids_name(struct zn_peer_ids *ids, struct zn_end *e, struct zn_bytes id);
int zn_ids_name_auto(struct zn_peer_ids *ids, struct zn_end *e);

/* NULL: nobody. */
struct zn_end *zn_ids_find(const struct zn_peer_ids *ids, struct zn_bytes id);
/* Empty if e has no name. */
struct zn_bytes zn_ids_of(const struct zn_end *e);
/* e is no longer found; its name remains. Safe to repeat. */
void zn_ids_unlist(struct zn_peer_ids *ids, struct zn_end *e);
/* Also forgets the name. Safe to repeat. */
void zn_ids_drop(struct zn_peer_ids *ids, struct zn_end *e);

/* A pattern's recv: every message with its sender's id as a first frame. */
int zn_ids_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in);

#endif

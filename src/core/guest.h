/* core/guest.h - how many connections a listener has, altogether and from each address:
 * ZMQ_ZINC_MAX_CONNECTIONS and its kin.
 *
 * Threads  Any: a door has its own lock, taken for a moment.
 * Memory   A door is counted by its listener and by its guests. A guest is all connections
 *          from one address; each is held once. */
#ifndef ZN_CORE_GUEST_H
#define ZN_CORE_GUEST_H

#include "platform/platform.h"

struct zn_door;
struct zn_guest;

/* Limits of 0 are none. NULL: no memory. */
struct zn_door *zn_door_new(int most, int most_per_address);
void zn_door_drop(struct zn_door *d);    /* NULL is fine */

/* A place for one more connection from there. -ECONNREFUSED: there is none; -ENOMEM. */
int zn_door_enter(struct zn_door *d, const struct zn_addr *from, struct zn_guest **out);
void zn_guest_leave(struct zn_guest *g); /* NULL is fine */

#endif

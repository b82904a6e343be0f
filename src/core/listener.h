/* core/listener.h - a bound endpoint: takes connections and makes sessions of them. */
#ifndef ZN_CORE_LISTENER_H
#define ZN_CORE_LISTENER_H

#include "core/socket.h"
#include "core/transport.h"
#include "io/loop.h"

/* Listens on l->fd, which it owns on success, as does l->left. The route's socket is
 * locked. -ENOMEM, ... */
int zn_listener_new(struct zn_route *r, struct zn_loop *loop,
                    const struct zn_listening *l);
/* The descriptor is closed on return: the address is free. The socket is locked. */
void zn_listener_close(struct zn_listener *l);

/* In a forked child: closes the descriptor, nothing else. */
void zn_listener_abandon(struct zn_listener *l);

#endif

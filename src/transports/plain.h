/* transports/plain.h - what transports over stream sockets share: all of it where there is
 * nothing to set but the address (TIPC, vsock), the last steps where there is more. */
#ifndef ZN_TRANSPORTS_PLAIN_H
#define ZN_TRANSPORTS_PLAIN_H

#include "core/transport.h"

/* Binds fd, which it takes over, to `at`, if that is not NULL, and listens; l->fd is set,
 * *bound what the kernel says. */
int zn_plain_listen(int fd, const struct zn_addr *at, const struct zn_options *o,
                    struct zn_listening *l, struct zn_addr *bound, int *failed_fd);
/* Begins to connect fd, which it takes over: as struct zn_transport's open. */
int zn_plain_connect(int fd, const struct zn_addr *to, bool *pending, int *failed_fd);
/* Sets nothing. */
int zn_plain_tune(int fd, const struct zn_options *o, const struct zn_addr *peer);

#endif

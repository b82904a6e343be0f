/* transports/local.h - what the transports over local stream sockets share: ipc and shm.
 *
 * A path is bound only if nobody listens there: a file left behind is replaced, another
 * binder's is not. The file is removed with the listener, unless it is another one by then. */
#ifndef ZN_TRANSPORTS_LOCAL_H
#define ZN_TRANSPORTS_LOCAL_H

#include "core/transport.h"

/* Listens on a path ("@name": abstract), or on one of our own choice if path is NULL; or on
 * the descriptor of ZMQ_USE_FD. Fills in all of l but its text; *bound is the address. */
int zn_local_listen(const char *path, const struct zn_options *o, struct zn_listening *l,
                    struct zn_addr *bound, int *failed_fd);

/* Operations of struct zn_transport. */
void zn_local_unlisten(const struct zn_left *left);
int zn_local_open(const char *address, const struct zn_addr *to,
                  const struct zn_options *o, bool *pending, int *failed_fd);
bool zn_local_admit(int fd, const struct zn_addr *peer, const struct zn_options *o);
void zn_local_peer_address(int fd, const struct zn_addr *a, char *buf, size_t size);

#endif

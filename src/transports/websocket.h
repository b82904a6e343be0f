/* transports/websocket.h - a WebSocket as a stream of ZMTP (core/stream.h), for ws and wss. */
#ifndef ZN_TRANSPORTS_WEBSOCKET_H
#define ZN_TRANSPORTS_WEBSOCKET_H

#include "core/transport.h"

/* On top of `under` (NULL: the descriptor itself), which it owns from then on, failing or
 * not. host and path are what a client asks for. -ENOMEM. */
int zn_websocket_new(struct zn_stream *under, const char *host, const char *path,
                     const struct zn_options *o, bool accepted, struct zn_stream **out);

#endif

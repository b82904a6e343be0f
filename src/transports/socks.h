/* transports/socks.h - a stream that asks a SOCKS5 proxy for the way, see wire/socks.h. */
#ifndef ZN_TRANSPORTS_SOCKS_H
#define ZN_TRANSPORTS_SOCKS_H

#include "core/endpoint.h"
#include "core/options.h"
#include "core/stream.h"

/* For a connection to the proxy that o names, which is to lead to `to`. o must outlive it.
 * -ENOMEM, -EINVAL. */
int zn_socks_stream_new(const struct zn_tcp_name *to, const struct zn_options *o,
                        struct zn_stream **out);

#endif

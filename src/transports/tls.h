/* transports/tls.h - TLS as a stream (core/stream.h), by GnuTLS: 1.2 and 1.3. There is none
 * where ZN_HAVE_GNUTLS is not defined. */
#ifndef ZN_TRANSPORTS_TLS_H
#define ZN_TRANSPORTS_TLS_H

#include "core/options.h"
#include "core/stream.h"

/* Whether the options of the ZMQ_WSS_ family make sense for that side. -EINVAL: a server
 * without certificate and key, or text that is none; -ENOMEM. */
int zn_tls_check(const struct zn_options *o, bool accepted);

/* host: whom a client means, if ZMQ_WSS_HOSTNAME does not say. A client always verifies the
 * server's certificate and its name. As zn_tls_check(). */
int zn_tls_new(const struct zn_options *o, bool accepted, const char *host,
               struct zn_stream **out);

#endif

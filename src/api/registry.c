/* api/registry.c - the two lists: every socket type, every transport. */
#include "core/pattern.h"
#include "core/transport.h"
#include "zmq.h"

extern const struct zn_pattern zn_pattern_pair, zn_pattern_pub, zn_pattern_sub,
    zn_pattern_req, zn_pattern_rep, zn_pattern_dealer, zn_pattern_router, zn_pattern_pull,
    zn_pattern_push, zn_pattern_xpub, zn_pattern_xsub, zn_pattern_stream,
    zn_pattern_server, zn_pattern_client, zn_pattern_radio, zn_pattern_dish,
    zn_pattern_gather, zn_pattern_scatter, zn_pattern_peer, zn_pattern_channel,
    zn_pattern_dgram;

/* clang-format off */
static const struct zn_pattern *const patterns[] = {
    [ZMQ_PAIR] = &zn_pattern_pair,
    [ZMQ_PUB] = &zn_pattern_pub,
    [ZMQ_SUB] = &zn_pattern_sub,
    [ZMQ_REQ] = &zn_pattern_req,
    [ZMQ_REP] = &zn_pattern_rep,
    [ZMQ_DEALER] = &zn_pattern_dealer,
    [ZMQ_ROUTER] = &zn_pattern_router,
    [ZMQ_PULL] = &zn_pattern_pull,
    [ZMQ_PUSH] = &zn_pattern_push,
    [ZMQ_XPUB] = &zn_pattern_xpub,
    [ZMQ_XSUB] = &zn_pattern_xsub,
    [ZMQ_STREAM] = &zn_pattern_stream,
    [ZMQ_SERVER] = &zn_pattern_server,
    [ZMQ_CLIENT] = &zn_pattern_client,
    [ZMQ_RADIO] = &zn_pattern_radio,
    [ZMQ_DISH] = &zn_pattern_dish,
    [ZMQ_GATHER] = &zn_pattern_gather,
    [ZMQ_SCATTER] = &zn_pattern_scatter,
    [ZMQ_DGRAM] = &zn_pattern_dgram,
    [ZMQ_PEER] = &zn_pattern_peer,
    [ZMQ_CHANNEL] = &zn_pattern_channel,
};
/* clang-format on */

const struct zn_pattern *zn_pattern_find(int type)
{
    return type >= 0 && (size_t)type < ZN_COUNT(patterns) ? patterns[type] : NULL;
}

/* clang-format off */
static const struct zn_transport *const transports[] = {
    &zn_transport_tcp,
    &zn_transport_ipc,
    &zn_transport_inproc,
    &zn_transport_udp,
    &zn_transport_ws,
#if ZN_HAVE_SHARED
    &zn_transport_shm,
#endif
#ifdef ZN_HAVE_GNUTLS
    &zn_transport_wss,
#endif
#ifdef ZN_HAVE_PGM
    &zn_transport_pgm,
    &zn_transport_epgm,
#endif
#ifdef ZN_HAVE_NORM
    &zn_transport_norm,
#endif
#ifdef ZN_HAVE_TIPC
    &zn_transport_tipc,
#endif
#ifdef ZN_HAVE_VSOCK
    &zn_transport_vsock,
    &zn_transport_vmci,
#endif
};
/* clang-format on */

const struct zn_transport *zn_transport_find(struct zn_bytes scheme)
{
    for (size_t i = 0; i < ZN_COUNT(transports); i++) {
        const char *name = transports[i]->scheme;
        if (scheme.size == strlen(name) && memcmp(scheme.data, name, scheme.size) == 0)
            return transports[i];
    }
    return NULL;
}

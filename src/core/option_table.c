/* core/option_table.c - one row an option. The setter, the getter, copies, the tests and
 * docs/options.md all read this table; nothing else knows what is legal.
 *
 * Not here, but answered elsewhere: RCVMORE, FD, EVENTS, TYPE, LAST_ENDPOINT,
 * THREAD_SAFE (core/calls.c), and what belongs to one pattern: SUBSCRIBE,
 * UNSUBSCRIBE, XPUB_*, ROUTER_*, STREAM_NOTIFY, PROBE_ROUTER, REQ_*,
 * CONNECT_ROUTING_ID, ONLY_FIRST_SUBSCRIBE, TOPICS_COUNT (src/patterns).
 * Refused, as by a libzmq built without them: CURVE_*, GSSAPI_*, WSS_* and NORM_* where
 * their library is not built in, VMCI_* where the system has no vsock. */
#include <limits.h>
#include <zmq.h>

#include "core/options.h"

/* access: GET, SET, BOTH. The name is made here, where it is not yet a number. */
#define ROW_FOR(access, id, kind, field, lo, hi, unit) \
    [id] = ENTRY(#id, ZN_OPTION_##access, kind, field, lo, hi, unit, ZMQ_NULL, false)
#define ROW(id, kind, field, lo, hi, unit) \
    [id] = ENTRY(#id, ZN_OPTION_BOTH, kind, field, lo, hi, unit, ZMQ_NULL, false)
#define OWN_ROW(id, kind, field, lo, hi, unit)                                      \
    [OWN_PLACE(id)] =                          \
        ENTRY(#id, ZN_OPTION_BOTH, kind, field, lo, hi, unit, ZMQ_NULL, false)
/* Setting it chooses a mechanism; as its client, or (ANY) as whatever this side was. */
#define SECURITY(id, kind, field, lo, hi, unit, mechanism, side) \
    [id] = ENTRY(#id, ZN_OPTION_BOTH, kind, field, lo, hi, unit, mechanism, side)
#define ANY false
#define CLIENT true
/* clang-format off */
#define ENTRY(name, access, kind, field, lo, hi, unit, mechanism, as_client) \
    { name, unit, ZN_OPTION_##kind, access, offsetof(struct zn_options, field), lo, hi, \
      mechanism, as_client }
/* clang-format on */

/* zinc's own numbers are far from libzmq's, their rows right behind. */
#define OWN_FIRST ZMQ_ZINC_MAX_CONNECTIONS
#define OWN_PLACE(id) ((id)-OWN_FIRST + ZMQ_NORM_PUSH + 1)

const struct zn_option zn_option_table[] = {
    ROW(ZMQ_AFFINITY, U64, affinity, 0, 0, "bits"),
    ROW(ZMQ_MAXMSGSIZE, I64, maxmsgsize, 0, 0, "bytes"),
    ROW(ZMQ_ROUTING_ID, BLOB, routing_id, 1, 255, "bytes"),
    ROW(ZMQ_SNDHWM, INT, sndhwm, 0, INT_MAX, "messages"),
    ROW(ZMQ_RCVHWM, INT, rcvhwm, 0, INT_MAX, "messages"),
    ROW(ZMQ_LINGER, INT, linger, -1, INT_MAX, "ms"),
    ROW(ZMQ_RCVTIMEO, INT, rcvtimeo, -1, INT_MAX, "ms"),
    ROW(ZMQ_SNDTIMEO, INT, sndtimeo, -1, INT_MAX, "ms"),
    ROW(ZMQ_IMMEDIATE, INT, immediate, 0, 1, "0 or 1"),
    ROW(ZMQ_CONFLATE, INT, conflate, 0, 1, "0 or 1"),
    ROW(ZMQ_INVERT_MATCHING, FLAG, invert_matching, INT_MIN, INT_MAX, "0 or 1"),
    ROW_FOR(GET, ZMQ_ROUTER_NOTIFY, INT, router_notify, 0, 3, "bits"),

    /* connections */
    ROW(ZMQ_RECONNECT_IVL, INT, reconnect_ivl, -1, INT_MAX, "ms"),
    ROW(ZMQ_RECONNECT_IVL_MAX, INT, reconnect_ivl_max, 0, INT_MAX, "ms"),
    ROW(ZMQ_RECONNECT_STOP, INT, reconnect_stop, INT_MIN, INT_MAX, "bits"),
    ROW(ZMQ_CONNECT_TIMEOUT, INT, connect_timeout, 0, INT_MAX, "ms"),
    ROW(ZMQ_HANDSHAKE_IVL, INT, handshake_ivl, 0, INT_MAX, "ms"),
    ROW(ZMQ_HEARTBEAT_IVL, INT, heartbeat_ivl, 0, INT_MAX, "ms"),
    ROW(ZMQ_HEARTBEAT_TTL, TENTHS, heartbeat_ttl, -99, UINT16_MAX * 100 + 99, "ms"),
    ROW(ZMQ_HEARTBEAT_TIMEOUT, INT, heartbeat_timeout, 0, INT_MAX, "ms"),
    ROW(ZMQ_BACKLOG, INT, backlog, 0, INT_MAX, "connections"),
    ROW(ZMQ_USE_FD, INT, use_fd, -1, INT_MAX, "descriptor"),
    ROW(ZMQ_SNDBUF, INT, sndbuf, -1, INT_MAX, "bytes"),
    ROW(ZMQ_RCVBUF, INT, rcvbuf, -1, INT_MAX, "bytes"),
    ROW(ZMQ_IN_BATCH_SIZE, INT, in_batch_size, 1, INT_MAX, "bytes"),
    ROW(ZMQ_OUT_BATCH_SIZE, INT, out_batch_size, 1, INT_MAX, "bytes"),
    ROW(ZMQ_TOS, INT, tos, 0, INT_MAX, "byte of IP"),
    ROW(ZMQ_PRIORITY, INT, priority, 0, INT_MAX, "priority"),
    ROW_FOR(SET, ZMQ_BUSY_POLL, INT, busy_poll, INT_MIN, INT_MAX, "us"),
    ROW(ZMQ_BINDTODEVICE, NAME, bindtodevice, 1, 16, "interface"),
    ROW(ZMQ_IPV6, INT, ipv6, 0, 1, "0 or 1"),
    ROW(ZMQ_IPV4ONLY, INVERSE, ipv6, 0, 1, "0 or 1"),
    ROW(ZMQ_LOOPBACK_FASTPATH, FLAG, loopback_fastpath, INT_MIN, INT_MAX, "0 or 1"),
    ROW(ZMQ_TCP_KEEPALIVE, INT, tcp_keepalive, -1, 1, "-1, 0 or 1"),
    ROW(ZMQ_TCP_KEEPALIVE_CNT, INT, tcp_keepalive_cnt, -1, INT_MAX, "probes"),
    ROW(ZMQ_TCP_KEEPALIVE_IDLE, INT, tcp_keepalive_idle, -1, INT_MAX, "s"),
    ROW(ZMQ_TCP_KEEPALIVE_INTVL, INT, tcp_keepalive_intvl, -1, INT_MAX, "s"),
    ROW(ZMQ_TCP_MAXRT, INT, tcp_maxrt, 0, INT_MAX, "ms"),
    ROW(ZMQ_SOCKS_PROXY, NAME, socks_proxy, 1, INT_MAX, "host:port"),
    ROW(ZMQ_SOCKS_USERNAME, TEXT, socks_username, 0, 255, "text"),
    ROW(ZMQ_SOCKS_PASSWORD, TEXT, socks_password, 0, 255, "text"),
#ifdef ZN_HAVE_VSOCK
    ROW_FOR(SET, ZMQ_VMCI_BUFFER_SIZE, U64, vmci_buffer_size, 0, 0, "bytes"),
    ROW_FOR(SET, ZMQ_VMCI_BUFFER_MIN_SIZE, U64, vmci_buffer_min_size, 0, 0, "bytes"),
    ROW_FOR(SET, ZMQ_VMCI_BUFFER_MAX_SIZE, U64, vmci_buffer_max_size, 0, 0, "bytes"),
    ROW_FOR(SET, ZMQ_VMCI_CONNECT_TIMEOUT, INT, vmci_connect_timeout, INT_MIN, INT_MAX,
            "ms"),
#endif

    /* multicast */
    ROW(ZMQ_RATE, INT, rate, 1, INT_MAX, "kbit/s"),
    ROW(ZMQ_RECOVERY_IVL, INT, recovery_ivl, 0, INT_MAX, "ms"),
    ROW(ZMQ_MULTICAST_HOPS, INT, multicast_hops, 1, INT_MAX, "hops"),
    ROW(ZMQ_MULTICAST_MAXTPDU, INT, multicast_maxtpdu, 1, INT_MAX, "bytes"),
    ROW(ZMQ_MULTICAST_LOOP, FLAG, multicast_loop, INT_MIN, INT_MAX, "0 or 1"),
#ifdef ZN_HAVE_NORM
    ROW(ZMQ_NORM_MODE, INT, norm_mode, ZMQ_NORM_FIXED, ZMQ_NORM_CCE_ECNONLY, "mode"),
    ROW(ZMQ_NORM_UNICAST_NACK, INT, norm_unicast_nack, 0, 1, "0 or 1"),
    ROW(ZMQ_NORM_BUFFER_SIZE, INT, norm_buffer_size, 1, INT_MAX, "KiB"),
    ROW(ZMQ_NORM_SEGMENT_SIZE, INT, norm_segment_size, 1, INT_MAX, "bytes"),
    ROW(ZMQ_NORM_BLOCK_SIZE, INT, norm_block_size, 1, 255, "segments"),
    ROW(ZMQ_NORM_NUM_PARITY, INT, norm_num_parity, 0, 254, "segments"),
    ROW(ZMQ_NORM_NUM_AUTOPARITY, INT, norm_num_autoparity, 0, 254, "segments"),
    ROW(ZMQ_NORM_PUSH, INT, norm_push, 0, 1, "0 or 1"),
#endif

    /* who the peer is, and what it is told */
    ROW(ZMQ_ZAP_DOMAIN, TEXT, zap_domain, 1, 255, "text"),
    ROW(ZMQ_ZAP_ENFORCE_DOMAIN, FLAG, zap_enforce_domain, INT_MIN, INT_MAX, "0 or 1"),
    SECURITY(ZMQ_PLAIN_SERVER, SIDE, as_server, 0, 1, "0 or 1", ZMQ_PLAIN, ANY),
    SECURITY(ZMQ_PLAIN_USERNAME, LOGIN, plain_username, 1, 255, "text", ZMQ_PLAIN,
             CLIENT),
    SECURITY(ZMQ_PLAIN_PASSWORD, LOGIN, plain_password, 1, 255, "text", ZMQ_PLAIN,
             CLIENT),
#ifdef ZN_HAVE_SODIUM
    SECURITY(ZMQ_CURVE_SERVER, SIDE, as_server, 0, 1, "0 or 1", ZMQ_CURVE, ANY),
    SECURITY(ZMQ_CURVE_PUBLICKEY, KEY, curve_publickey, 32, 41, "key", ZMQ_CURVE, ANY),
    SECURITY(ZMQ_CURVE_SECRETKEY, KEY, curve_secretkey, 32, 41, "key", ZMQ_CURVE, ANY),
    SECURITY(ZMQ_CURVE_SERVERKEY, KEY, curve_serverkey, 32, 41, "key", ZMQ_CURVE, CLIENT),
#endif
#ifdef ZN_HAVE_GSSAPI
    SECURITY(ZMQ_GSSAPI_SERVER, SIDE, as_server, 0, 1, "0 or 1", ZMQ_GSSAPI, ANY),
    SECURITY(ZMQ_GSSAPI_PRINCIPAL, TEXT, gssapi_principal, 1, 255, "name", ZMQ_GSSAPI,
             ANY),
    SECURITY(ZMQ_GSSAPI_SERVICE_PRINCIPAL, TEXT, gssapi_service_principal, 1, 255, "name",
             ZMQ_GSSAPI, CLIENT),
    ROW(ZMQ_GSSAPI_PLAINTEXT, INT, gssapi_plaintext, 0, 1, "0 or 1"),
    ROW(ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, INT, gssapi_principal_nametype, 0, 2, "type"),
    ROW(ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, INT, gssapi_service_principal_nametype, 0,
        2, "type"),
#endif
#ifdef ZN_HAVE_GNUTLS
    ROW_FOR(SET, ZMQ_WSS_KEY_PEM, TEXT, wss_key_pem, 0, INT_MAX, "PEM"),
    ROW_FOR(SET, ZMQ_WSS_CERT_PEM, TEXT, wss_cert_pem, 0, INT_MAX, "PEM"),
    ROW_FOR(SET, ZMQ_WSS_TRUST_PEM, TEXT, wss_trust_pem, 0, INT_MAX, "PEM"),
    ROW_FOR(SET, ZMQ_WSS_HOSTNAME, TEXT, wss_hostname, 0, 255, "name"),
    ROW_FOR(SET, ZMQ_WSS_TRUST_SYSTEM, INT, wss_trust_system, 0, 1, "0 or 1"),
#endif
    ROW_FOR(GET, ZMQ_MECHANISM, INT, mechanism, 0, 3, "ZMQ_NULL .."),
    OWN_ROW(ZMQ_ZINC_MAX_CONNECTIONS, INT, max_connections, 0, INT_MAX, "connections"),
    OWN_ROW(ZMQ_ZINC_MAX_CONNECTIONS_PER_ADDRESS, INT, max_connections_per_address, 0,
            INT_MAX, "connections"),
    OWN_ROW(ZMQ_ZINC_SPIN, INT, spin, 0, 1000, "us"),
    ROW_FOR(SET, ZMQ_TCP_ACCEPT_FILTER, FILTER, accept_filters, 0, 255, "address[/bits]"),
    ROW_FOR(SET, ZMQ_IPC_FILTER_PID, IDS, ipc_pids, 0, 0, "process"),
    ROW_FOR(SET, ZMQ_IPC_FILTER_UID, IDS, ipc_uids, 0, 0, "user"),
    ROW_FOR(SET, ZMQ_IPC_FILTER_GID, IDS, ipc_gids, 0, 0, "group"),
    ROW_FOR(SET, ZMQ_METADATA, PROPERTY, metadata, 0, INT_MAX, "X-name:value"),
    ROW_FOR(SET, ZMQ_HELLO_MSG, BLOB, hello_msg, 0, INT_MAX, "bytes"),
    ROW_FOR(SET, ZMQ_DISCONNECT_MSG, BLOB, disconnect_msg, 0, INT_MAX, "bytes"),
    ROW_FOR(SET, ZMQ_HICCUP_MSG, BLOB, hiccup_msg, 0, INT_MAX, "bytes"),
};

static const struct zn_options defaults = {
    .maxmsgsize = -1,
    .sndhwm = 1000,
    .rcvhwm = 1000,
    .linger = -1,
    .rcvtimeo = -1,
    .sndtimeo = -1,
    .reconnect_ivl = 100,
    .handshake_ivl = 30000,
    .heartbeat_timeout = -1,
    .backlog = 100,
    .use_fd = -1,
    .sndbuf = -1,
    .rcvbuf = -1,
    .in_batch_size = 8192,
    .out_batch_size = 8192,
    .tcp_keepalive = -1,
    .tcp_keepalive_cnt = -1,
    .tcp_keepalive_idle = -1,
    .tcp_keepalive_intvl = -1,
    .rate = 100,
    .recovery_ivl = 10000,
    .multicast_hops = 1,
    .multicast_maxtpdu = 1500,
    .multicast_loop = 1,
    .spin = 60,
    .norm_mode = ZMQ_NORM_CC,
    .norm_buffer_size = 2048,
    .norm_segment_size = 1400,
    .norm_block_size = 16,
    .norm_num_parity = 4,
    .stream_notify = 1,
    .vmci_connect_timeout = -1,
};

void zn_options_init(struct zn_options *o)
{
    *o = defaults;
}

const size_t zn_option_rows = ZN_COUNT(zn_option_table);

const struct zn_option *zn_option_find(int option)
{
    if (option >= OWN_FIRST && option < zn_option_end())
        return &zn_option_table[OWN_PLACE(option)];
    if (option < 0 || option >= OWN_PLACE(OWN_FIRST) ||
        zn_option_table[option].name == NULL)
        return NULL;
    return &zn_option_table[option];
}

int zn_option_end(void)
{
    return ZMQ_ZINC_SPIN + 1;
}

/* core/options.h - every socket option that is not a pattern's own: one row each.
 *
 * The setter, the getter, the tests and docs/options.md read the same table. Values
 * are checked here and nowhere else. */
#ifndef ZN_CORE_OPTIONS_H
#define ZN_CORE_OPTIONS_H

#include "base/base.h"

/* Bytes on the heap, owned; a NUL that does not count follows. Cleared when freed. */
struct zn_blob {
    uint8_t *data;
    size_t size;
};

struct zn_option_list {                  /* repeatable options: X- metadata, filters */
    struct zn_blob *items;
    size_t count;
};

/* TCP_ACCEPT_FILTER, taken apart. */
struct zn_accept_filter {
    char host[64];                       /* numeric */
    int prefix;                          /* bits; -1: all */
};

struct zn_options {
    /* ints (0/1 ones are int too, as the table's rows are) */
    uint64_t affinity;
    int64_t maxmsgsize;
    uint64_t vmci_buffer_size, vmci_buffer_min_size, vmci_buffer_max_size;
    int sndhwm, rcvhwm, rate, recovery_ivl, sndbuf, rcvbuf, linger;
    int reconnect_ivl, reconnect_ivl_max, reconnect_stop, backlog;
    int rcvtimeo, sndtimeo, ipv6, immediate, conflate, tos, priority, busy_poll;
    int tcp_keepalive, tcp_keepalive_cnt, tcp_keepalive_idle, tcp_keepalive_intvl;
    int tcp_maxrt, connect_timeout, handshake_ivl, use_fd;
    int heartbeat_ivl, heartbeat_ttl /* tenths of a second */, heartbeat_timeout;
    int multicast_hops, multicast_maxtpdu, multicast_loop, loopback_fastpath;
    int norm_mode, norm_unicast_nack, norm_buffer_size, norm_segment_size,
        norm_block_size;
    int norm_num_parity, norm_num_autoparity, norm_push;
    int in_batch_size, out_batch_size, zap_enforce_domain, invert_matching;
    _Atomic int router_notify;           /* read here by sessions; set by ROUTER only */
    int stream_notify;                   /* likewise; set by STREAM only */
    int router_raw;
    int mechanism, as_server;            /* what the last security option said */
    int gssapi_plaintext, gssapi_principal_nametype, gssapi_service_principal_nametype;
    int max_connections, max_connections_per_address;
    int spin;
    int wss_trust_system;
    int vmci_connect_timeout;

    /* From here on what is copied, freed or wiped one by one: all zero if none of it is set. */
    uint8_t curve_publickey[32], curve_secretkey[32], curve_serverkey[32];
    struct zn_blob routing_id;
    struct zn_blob plain_username, plain_password;
    struct zn_blob gssapi_principal, gssapi_service_principal;
    struct zn_blob zap_domain, socks_proxy, socks_username, socks_password;
    struct zn_blob bindtodevice;
    struct zn_blob wss_key_pem, wss_cert_pem, wss_trust_pem, wss_hostname;
    struct zn_blob hello_msg, disconnect_msg, hiccup_msg;
    struct zn_option_list metadata;      /* "X-name:value" */
    struct zn_accept_filter *accept_filters;
    size_t accept_filter_count;
    int *ipc_pids;
    size_t ipc_pid_count;
    unsigned *ipc_uids;
    size_t ipc_uid_count;
    unsigned *ipc_gids;
    size_t ipc_gid_count;
};

/* Defaults; linger and ipv6 come from the context and the type. */
void zn_options_init(struct zn_options *o);
void zn_options_fini(struct zn_options *o);
/* A copy of its own (an endpoint keeps the values of its bind or connect). -ENOMEM. */
int zn_options_copy(struct zn_options *to, const struct zn_options *from);

/* One row of the table. */
enum zn_option_kind {
    ZN_OPTION_INT,                       /* lo .. hi */
    ZN_OPTION_FLAG,                      /* any int; counts as 0 or 1 */
    ZN_OPTION_INVERSE,                   /* 0 or 1, kept as its opposite */
    ZN_OPTION_TENTHS,                    /* ms, kept in tenths of a second */
    ZN_OPTION_SIDE,                      /* 1: server of the row's mechanism; 0: not */
    ZN_OPTION_I64,
    ZN_OPTION_U64,
    ZN_OPTION_TEXT,                      /* lo .. hi bytes; a NUL more when read */
    ZN_OPTION_NAME,                      /* likewise; NULL of no bytes clears it */
    ZN_OPTION_LOGIN,                     /* likewise; NULL of no bytes: no mechanism */
    ZN_OPTION_BLOB,                      /* lo .. hi bytes */
    ZN_OPTION_KEY,                       /* 32 bytes, or 40 characters of Z85 */
    ZN_OPTION_PROPERTY,                  /* "X-name:value", one more at each set */
    ZN_OPTION_FILTER,                    /* an address filter, likewise */
    ZN_OPTION_IDS,                       /* a process, user or group, likewise */
    ZN_OPTION_KINDS
};

enum { ZN_OPTION_GET = 1, ZN_OPTION_SET = 2, ZN_OPTION_BOTH = 3 };

struct zn_option {
    const char *name;                    /* "ZMQ_SNDHWM" */
    const char *unit;
    uint8_t kind, access;
    uint16_t offset;                     /* in struct zn_options */
    int lo, hi;
    uint8_t mechanism;                   /* that setting it chooses; ZMQ_NULL: none */
    bool as_client;                      /* with the client's side */
};

/* All of them: option_table.c. A place without a name is no option's. */
extern const struct zn_option zn_option_table[];
extern const size_t zn_option_rows;

/* The row of an option, or NULL. Numbers end below zn_option_end(). */
const struct zn_option *zn_option_find(int option);
int zn_option_end(void);

/* -EINVAL: no such option, not settable, wrong size, out of range. -ENOMEM. */
int zn_options_set(struct zn_options *o, int option, const void *value, size_t size);
/* *size: room in, length out. -EINVAL likewise. */
int zn_options_get(const struct zn_options *o, int option, void *value, size_t *size);

/* For setters and getters elsewhere (socket.c, patterns). */
int zn_option_get_int(int v, void *value, size_t *size);        /* *size exactly 4 */
int zn_option_get_int_loose(int v, void *value, size_t *size);  /* *size >= 4 */
int zn_option_get_text(const char *text, void *value, size_t *size);
int zn_option_get_blob(const struct zn_blob *b, void *value, size_t *size);
int zn_blob_set(struct zn_blob *b, const void *data, size_t size);  /* -ENOMEM */
void zn_blob_fini(struct zn_blob *b);

#endif

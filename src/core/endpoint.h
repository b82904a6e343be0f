/* core/endpoint.h - "scheme://address" taken apart. Pure. */
#ifndef ZN_CORE_ENDPOINT_H
#define ZN_CORE_ENDPOINT_H

#include "base/base.h"

struct zn_endpoint {
    struct zn_bytes scheme;
    const char *address;                 /* NUL-terminated, within the given text */
};

/* -EINVAL: NULL text, no "://", an empty part. */
int zn_endpoint_parse(const char *text, struct zn_endpoint *ep);

/* The parts of tcp's "[SRC:SPORT;]HOST:PORT". Texts are copies, NUL-terminated, brackets
 * taken off hosts. */
struct zn_tcp_name {
    char host[256];
    uint16_t port;
    bool any_host;                       /* "*" */
    bool any_port;                       /* "*" or "0" */
    bool bracketed;
    bool has_source;
    char source_host[256];
    bool source_any_host;
    uint16_t source_port;                /* 0: any */
};

/* For bind: facts/endpoints.md says what is taken and what is EINVAL (atoi's reading of
 * the port included; the part before ';' is ignored). */
int zn_tcp_parse_bind(const char *address, struct zn_tcp_name *name);
/* For connect: the syntactic check only; ports that libzmq takes though they can never
 * work ("host:0", "host:70000") are taken, and can_connect says so. */
int zn_tcp_parse_connect(const char *address, struct zn_tcp_name *name,
                         bool *can_connect);

/* The parts of vsock's "CID:PORT". UINT32_MAX: "*" or "-1", to bind only. -EINVAL; -ENODEV: no
 * CID. */
struct zn_vsock_name {
    uint32_t cid, port;
    bool local;                          /* "@": this machine's own CID */
};
int zn_vsock_parse(const char *address, bool bind, struct zn_vsock_name *name);

/* TIPC: to bind "{TYPE,LOWER[,UPPER]}" or "<*>", to connect "{TYPE,INSTANCE[,DOMAIN]}",
 * "{TYPE,INSTANCE}@Z.C.N" (a domain, too) or "<Z.C.N:REF>". -EINVAL. */
struct zn_tipc_name {
    bool service;                        /* in braces; else a socket */
    bool any;                            /* "<*>" */
    uint32_t type, lower, third;         /* UPPER, or DOMAIN: 0, wherever it is */
    uint32_t node, ref;
};
int zn_tipc_parse(const char *address, bool bind, struct zn_tipc_name *name);

/* The parts of udp's "[INTERFACE;]HOST:PORT". bind: PORT may be "*" or "0"; else it is a
 * number from 1 to 65535. -EINVAL. */
struct zn_udp_name {
    char interface[256];                 /* "": none was given */
    char host[256];
    uint16_t port;
    bool any_host;
};
int zn_udp_parse(const char *address, bool bind, struct zn_udp_name *name);

/* The parts of "[ID,][INTERFACE;]GROUP:PORT" (norm), and of
 * "[INTERFACE;]GROUP[,GROUP...][;GROUP]:PORT" (pgm, epgm), where the last group is the one to
 * send to, if it is another one. Texts are copies; what they name is looked at later. */
struct zn_multicast_name {
    uint32_t id;                         /* norm; 0: none was given */
    char interface[64];                  /* a name, an address; "": not given */
    char group[256];                     /* "": not given (pgm) */
    uint16_t port;
};

/* -EINVAL. A lone part is a group if it starts like an address of that kind. */
int zn_pgm_parse(const char *address, struct zn_multicast_name *name);
int zn_norm_parse(const char *address, struct zn_multicast_name *name);

#endif

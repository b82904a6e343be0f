/* core/transport.h - the operations a transport fills in.
 *
 * One transport is one file in src/transports with one struct zn_transport, listed in
 * src/api/registry.c. A transport is a byte stream, for which core/session.c does all the
 * rest, or has a core/carrier.h for each endpoint (datagrams, multicast), or makes pipes
 * itself (inproc).
 *
 * Threads  listen, check and unlisten run on the caller's thread under its socket's lock;
 *          find, open, tune and admit on I/O threads. Only resolvers block. */
#ifndef ZN_CORE_TRANSPORT_H
#define ZN_CORE_TRANSPORT_H

#include "core/options.h"
#include "core/stream.h"
#include "platform/platform.h"

struct zn_route;
struct zn_socket;

enum { ZN_ENDPOINT_MAX = 512, ZN_TARGETS_MAX = 8 };

/* Where a connect goes. */
struct zn_target {
    char host[256];                      /* to be resolved first, if not empty */
    uint16_t port;
    int count;
    struct zn_addr addrs[ZN_TARGETS_MAX];
};

/* What a listener has made in the file system, and removes, as long as it is still that. */
struct zn_left {
    char path[128];                      /* or "" */
    struct zn_file file, dir;            /* dir: that the file lies in, if it was made for it */
};

struct zn_listening {
    int fd;
    char text[ZN_ENDPOINT_MAX];          /* the endpoint as LAST_ENDPOINT tells it, or "" */
    struct zn_left left;
};

struct zn_transport {
    const char *scheme;
    uint32_t types;                      /* 1u << type of sockets it serves; 0: all */

    /* Instead of all that follows, for what is no byte stream. The whole endpoint. last: what
     * LAST_ENDPOINT will tell, the same unless changed; at least ZN_ENDPOINT_MAX bytes. */
    int (*bind)(struct zn_socket *s, const char *endpoint, char *last);
    int (*connect)(struct zn_socket *s, const char *endpoint, char *last);
    void (*forget)(struct zn_route *r);  /* r is being closed */

    /* What zmq_connect tells its caller at once. */
    int (*check)(const char *address, const struct zn_options *o);
    /* A listening descriptor. The errno of what failed; *failed_fd (or -1) is a descriptor
     * that had been opened and closed again, for the monitor, as is the text. */
    int (*listen)(const char *address, const struct zn_options *o, struct zn_listening *l,
                  int *failed_fd);
    /* Before the descriptor is closed. NULL: nothing is ever left. */
    void (*unlisten)(const struct zn_left *left);
    /* -EINVAL: it can never work; else addresses, or a host to resolve. */
    int (*find)(const char *address, const struct zn_options *o, struct zn_target *t);
    /* Begins to connect: a descriptor, and *pending if it takes time; or -errno, and in
     * *failed_fd the descriptor that had been opened and is closed again. */
    int (*open)(const char *address, const struct zn_addr *to, const struct zn_options *o,
                bool *pending, int *failed_fd);
    /* Sets what every connection gets, accepted (from a peer there) or made (NULL). */
    int (*tune)(int fd, const struct zn_options *o, const struct zn_addr *peer);
    /* What is to lie between the session and fd; NULL in *out: nothing does. -ENOMEM, or what
     * ends the connection. NULL: never anything. */
    int (*stream)(const char *address, const struct zn_options *o, bool accepted,
                  struct zn_stream **out);
    bool (*admit)(int fd, const struct zn_addr *peer, const struct zn_options *o);
    /* "tcp://1.2.3.4:5" */
    void (*name)(const struct zn_addr *a, char *buf, size_t size);
    /* Peer-Address; "" if it is not known. */
    void (*peer_address)(int fd, const struct zn_addr *a, char *buf, size_t size);
    /* Another name under which an endpoint may be registered, for unbind; -ENOENT when
     * there are no more. nth: 0, 1, ... */
    int (*alias)(const char *address, const struct zn_options *o, int nth, char *buf,
                 size_t size);
    /* Writes a connect's endpoint as it is known from then on; NULL: as it was given. */
    int (*full_name)(const char *address, char *buf, size_t size);
};

extern const struct zn_transport zn_transport_tcp, zn_transport_ipc, zn_transport_inproc,
    zn_transport_udp, zn_transport_ws, zn_transport_wss, zn_transport_tipc,
    zn_transport_vsock, zn_transport_vmci, zn_transport_shm, zn_transport_pgm,
    zn_transport_epgm, zn_transport_norm;

/* The registry (src/api/registry.c). NULL: no such scheme. */
const struct zn_transport *zn_transport_find(struct zn_bytes scheme);

#endif

/* core/carrier.h - the far side of a socket's pipe where there is no byte stream: datagrams,
 * multicast. One carrier serves one zmq_bind or zmq_connect.
 *
 * The core has the pipe, the loop, the linger, the end; a transport fills in the operations,
 * puts struct zn_carrier first in a structure of its own, and calls zn_carrier_start() from
 * its own bind and connect.
 *
 * Threads  Operations are called with the carrier's lock held: on the loop's thread, but for
 *          open, and for send, flush, unsent and close when the socket lets go, which happen
 *          on the caller's, so that a port is free when zmq_unbind returns. None may block.
 * Memory   Counted. It holds its route, and through that its socket, until it ends.
 * Waiting  Readiness is edge-triggered: read and send must go on until they may not. */
#ifndef ZN_CORE_CARRIER_H
#define ZN_CORE_CARRIER_H

#include "core/pipe.h"
#include "core/socket.h"
#include "core/transport.h"
#include "io/loop.h"

struct zn_carrier;

enum { ZN_CARRIER_FDS = 4 };

struct zn_carrier_ops {
    size_t size;                         /* of the transport's structure */
    /* Makes descriptors (zn_carrier_add_fd) ready for use, without waiting. The route's
     * options count. last: what LAST_ENDPOINT will tell, unless changed: ZN_ENDPOINT_MAX
     * bytes. On error close is called too. */
    int (*open)(struct zn_carrier *c, const char *address, char *last);
    /* A descriptor has become readable, or there is room in the inbound queue again, or the
     * timer (zn_carrier_set_timer) has fired. Takes what has come, by zn_carrier_room() and
     * zn_carrier_deliver(). 0: that was all, or there is no room; 1: to be called again, when
     * others have had their turn; -errno ends the carrier. */
    int (*read)(struct zn_carrier *c);
    /* Takes one frame; ZN_MORE as usual. 0, or -EAGAIN: the same frame again when a
     * descriptor has room, or the timer has fired; any other -errno ends the carrier. NULL:
     * what the socket sends is thrown away (subscriptions). */
    int (*send)(struct zn_carrier *c, const struct zn_frame *f);
    /* All frames that there are have been given to send: passes on what it kept. As send.
     * NULL: it keeps nothing. */
    int (*flush)(struct zn_carrier *c);
    /* Whether something that send took is still to go: linger is for that too. NULL: no. */
    bool (*unsent)(struct zn_carrier *c);
    /* Closes and frees all that open, read and send made. Called once. */
    void (*close)(struct zn_carrier *c);
};

struct zn_carrier_fd {
    struct zn_watch watch;
    struct zn_carrier *carrier;
    int fd;
};

/* The first member of each transport's structure, which is zeroed otherwise. */
struct zn_carrier {
    const struct zn_carrier_ops *ops;
    struct zn_route *route;              /* held */
    struct zn_loop *loop;                /* its scratch buffer is there for read */

    /* the core's own */
    struct zn_lock lock;                 /* guards what is below, and the transport's part */
    struct zn_carrier_fd fds[ZN_CARRIER_FDS];
    int fd_count;
    uint64_t due;                        /* when to call read; 0: never */
    uint64_t linger_until;               /* 0: not lingering */
    bool open;
    bool full;                           /* send waits */
    bool dead;                           /* the loop's thread only */
    struct zn_end *end;                  /* our side of the pipe */
    struct zn_task task;
    struct zn_timer timer;
    struct zn_retired grave;
    _Atomic uint32_t words;              /* to be seen to by the loop */
    _Atomic uint32_t refs;
    char told[ZN_ENDPOINT_MAX];          /* what LAST_ENDPOINT says, without a scheme */
};

/* ---- For transports. */

/* What a transport's bind (or connect) does: all of it, with ops. Socket locked. */
int zn_carrier_start(struct zn_socket *s, const struct zn_transport *t,
                     const struct zn_carrier_ops *ops, const char *endpoint, bool bound,
                     char *last);

/* In open: fd is to be watched. The transport closes it, in close. */
void zn_carrier_add_fd(struct zn_carrier *c, int fd);
/* In operations: read is to be called at that time (zn_now(); 0: never); sending is tried
 * again then too. Setting it moves it. */
void zn_carrier_set_timer(struct zn_carrier *c, uint64_t at);
/* In read: whether a message may be delivered now. If not, read will be called when one may:
 * what comes meanwhile waits in the kernel, or is read and thrown away. */
bool zn_carrier_room(struct zn_carrier *c);
/* In read: puts one whole message, of count frames, into the inbound queue; ZN_MORE is set
 * for all but the last. Shown to the socket when read has returned. -ENOMEM: dropped. */
int zn_carrier_deliver(struct zn_carrier *c, const struct zn_frame *frames, int count);

/* ---- For the core. */

/* Whether endpoint is another name of c: its scheme and what LAST_ENDPOINT said. */
bool zn_carrier_is_at(const struct zn_carrier *c, const char *endpoint);
/* The socket has let go of the route, and closed the pipe's other end: what can go out goes,
 * and unless it must linger it is closed on return. Gives the route's hold back. */
void zn_carrier_stop(struct zn_carrier *c);
/* In a forked child: closes the descriptors, nothing else. */
void zn_carrier_abandon(struct zn_carrier *c);

#endif

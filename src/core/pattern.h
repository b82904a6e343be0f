/* core/pattern.h - the operations that a socket type fills in.
 *
 * One socket type is one file in src/patterns with one struct zn_pattern, listed
 * in src/api/registry.c. Every operation is called with the socket's lock held and
 * must not block. NULL operations do nothing (send, recv: -ENOTSUP).
 *
 * An end's life, as a pattern sees it:
 *
 *   attach      a peer's pipe has come: for a connect at once (the peer is not known
 *               yet, messages may queue), for a bind when the handshake is done.
 *   ready       the peer is known: e->id, e->metadata, e->peer_version are set. Comes
 *               after attach, and again after each reconnect. -errno refuses the peer
 *               (-EADDRINUSE: its routing id is taken): the connection is closed,
 *               a connecting peer tries again later.
 *   lost        the connection is gone, the pipe stays for the next one (connecting
 *               side only). For patterns with ZN_PAT_RENEWS the outbound queue
 *               has just been emptied; ready follows when the next one is up.
 *   readable    zn_end_peek() will show something (after it had returned 0).
 *   writable    there is room (after zn_end_writable() or write had refused).
 *   closed      the peer takes no more (e->finished); what it sent can still be read.
 *               A pattern that reads lets the core know when all has been read:
 *               zn_socket_end_done(). One that never reads gets detach at once.
 *   detach      forget this end. The core closes it right after.
 */
#ifndef ZN_CORE_PATTERN_H
#define ZN_CORE_PATTERN_H

#include "core/pipe.h"

struct zn_socket;

/* A frame received. If end is set the frame lies in its queue: the core copies it
 * out and then calls zn_end_next(end). Else the bytes are the pattern's own and stay
 * valid until its next operation. */
struct zn_incoming {
    struct zn_frame frame;               /* flags: ZN_MORE if another one follows */
    struct zn_end *end;
    struct zn_end *from;                 /* the bytes are lost with this end, or NULL */
    struct zn_metadata *metadata;        /* the message's properties, or NULL */
    uint32_t routing_id;                 /* SERVER, PEER; else 0 */
    const struct zn_msg *group;          /* DISH: one that has the group; else NULL */
};

enum zn_pattern_flags {
    ZN_PAT_SEND = 1,                     /* zmq_send is allowed */
    ZN_PAT_RECV = 2,                     /* zmq_recv is allowed */
    ZN_PAT_TELLS_ID = 4,                 /* its READY carries Identity */
    ZN_PAT_WANTS_ID = 8,                 /* it needs the peer's routing id (inproc) */
    ZN_PAT_EAGER = 16,                   /* reads in the background: `readable` is
                                            called at once, not at the next call */
    ZN_PAT_RENEWS = 32,                  /* outbound queue is state, written anew */
    ZN_PAT_CONFLATES = 64,               /* ZMQ_CONFLATE has effect */
    ZN_PAT_RAW = 128,                    /* bare bytes, no ZMTP */
    ZN_PAT_SINGLE = 256,                 /* single-frame messages only */
    ZN_PAT_THREAD_SAFE = 512,            /* what ZMQ_THREAD_SAFE answers */
    ZN_PAT_NO_LINGER = 1024,             /* LINGER defaults to 0 */
    ZN_PAT_REQ_FRAMING = 2048,           /* a connection whose replies lack REQ's
                                            envelope is closed */
    ZN_PAT_ONE_PEER = 4096,
    ZN_PAT_SAME_ENDPOINT_ONCE = 8192,    /* a second identical connect does nothing */
    ZN_PAT_GROUP_FRAMING = 16384,        /* a connection whose messages are not a group and
                                            a body is closed */
    ZN_PAT_DATAGRAMS = 32768             /* for transports that name it, and no other */
};

struct zn_pattern {
    int type;                            /* ZMQ_PAIR ... */
    const char *name;                    /* as on the wire: "PAIR" */
    uint32_t peers;                      /* 1u << type for each type it may talk to */
    uint32_t flags;
    size_t state_size;                   /* of zn_socket_state(); starts zeroed */

    int (*init)(struct zn_socket *s);
    void (*fini)(struct zn_socket *s);
    int (*attach)(struct zn_socket *s, struct zn_end *e);
    int (*ready)(struct zn_socket *s, struct zn_end *e);
    void (*lost)(struct zn_socket *s, struct zn_end *e);
    void (*readable)(struct zn_socket *s, struct zn_end *e);
    void (*writable)(struct zn_socket *s, struct zn_end *e);
    void (*closed)(struct zn_socket *s, struct zn_end *e);
    void (*detach)(struct zn_socket *s, struct zn_end *e);

    /* One frame. 0: taken (copied or held). -EAGAIN: block and try again. Any other
     * -errno goes to the caller, who keeps the frame. routing_id: SERVER, PEER. */
    int (*send)(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id);
    /* One frame into *in. -EAGAIN: nothing. */
    int (*recv)(struct zn_socket *s, struct zn_incoming *in);
    unsigned (*events)(struct zn_socket *s);   /* ZMQ_POLLIN | ZMQ_POLLOUT, now */

    /* -ENOENT: not an option of this type (the general table is asked next). */
    int (*set)(struct zn_socket *s, int option, const void *value, size_t size);
    int (*get)(struct zn_socket *s, int option, void *value, size_t *size);
};

/* The registry (src/api/registry.c). NULL: no such type. */
const struct zn_pattern *zn_pattern_find(int type);

/* ---- What the core offers to patterns (socket.c). */

struct zn_options;

void *zn_socket_state(struct zn_socket *s);
struct zn_options *zn_socket_options(struct zn_socket *s);
const struct zn_pattern *zn_socket_pattern(struct zn_socket *s);

/* All ends attached to s: index 0 .. count-1; detaching moves the last one into the
 * gap. */
uint32_t zn_socket_end_count(struct zn_socket *s);
struct zn_end *zn_socket_end(struct zn_socket *s, uint32_t index);

/* ZMQ_CONNECT_ROUTING_ID: the peer of the next connect is to be called that, as often as its
 * connection comes back. -EINVAL, -ENOMEM. */
int zn_socket_set_next_peer_id(struct zn_socket *s, const void *value, size_t size);
/* What was set for e's connect; empty: nothing. */
struct zn_bytes zn_socket_chosen_id(const struct zn_end *e);

/* Forgets a frame that recv has handed out but the application, for want of memory, has
 * not got: an answer to what is not asked any more. In send only. */
void zn_socket_drop_stuck(struct zn_socket *s);
/* In detach: whether the application goes on reading what that end has brought. */
bool zn_socket_keeps(struct zn_socket *s);
/* Memory is short: what was posted to e (enum zn_post) is posted again a little later. */
void zn_socket_try_again(struct zn_socket *s, struct zn_end *e, unsigned what);
/* zn_end_peek() has said -EPIPE: detaches and closes e, which is gone on return. */
void zn_socket_end_done(struct zn_socket *s, struct zn_end *e);
/* Ends the connection behind e on the pattern's own wish: what is queued outbound is
 * still sent for linger_ms (-1: as long as it takes), what came in is discarded.
 * detach is called; e is gone on return. */
void zn_socket_end_close(struct zn_socket *s, struct zn_end *e, int linger_ms);
/* The same for good: nothing is sent any more, and a connect of ours that led there ends. */
void zn_socket_end_forget(struct zn_socket *s, struct zn_end *e);
/* Closes e, but the connection stays, and nothing of it is read, until its peer or the endpoint
 * goes: one that is closed would come back. */
void zn_socket_end_leave(struct zn_socket *s, struct zn_end *e);

/* Writes a subscription (or its cancel) to e in the form that e's peer wants
 * (SUBSCRIBE/CANCEL command for ZMTP 3.1, else a message 01/00 + topic), past any
 * high-water mark, and does not flush. 0 or -ENOMEM. */
int zn_end_write_subscription(struct zn_end *e, bool subscribe, struct zn_bytes topic);

/* Pattern options: an int of exactly four bytes, 0 .. or a flag. -EINVAL. */
int zn_option_int(const void *value, size_t size, int lo, int hi, int *out);
/* The same, for one that I/O threads read. */
int zn_option_shared_int(const void *value, size_t size, int lo, int hi,
                         _Atomic int *out);

/* A random number to start counters at. */
uint32_t zn_random_u32(void);

#endif

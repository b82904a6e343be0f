/* core/pipe.h - two frame queues that join a socket to a peer.
 *
 * An end belongs to an owner: a socket (its calls are made under the socket's
 * lock), a session, one connection's life (by whoever holds its token), or a carrier,
 * what there is instead of one where there is no byte stream (under its lock). What
 * happens at one end is posted to the owner of the other: readable, writable,
 * closed. A pipe lives until both ends have been closed.
 *
 * Rules for socket patterns:
 *   - everything here is called with the socket's lock held, on ends that were
 *     attached to that socket and not yet detached;
 *   - zn_end_peek() shows a frame in place; copy, then zn_end_next(). */
#ifndef ZN_CORE_PIPE_H
#define ZN_CORE_PIPE_H

#include "core/msg.h"
#include "core/queue.h"

struct zn_carrier;
struct zn_end;
struct zn_pipe;
struct zn_route;
struct zn_session;
struct zn_socket;

/* What can be posted to an end's owner. */
enum zn_post {
    ZN_POST_READ = 1,                    /* there is something to read */
    ZN_POST_WRITE = 2,                   /* there is room to write */
    ZN_POST_CLOSED = 4,                  /* the other end has been closed */
    ZN_POST_ATTACH = 8,                  /* a new end for you (inproc) */
    ZN_POST_READY = 16,                  /* the peer is known now (inproc) */
    ZN_POST_QUIET = 32                   /* no need to wake anybody for this */
};

/* What is wanted of whoever posts, once the pipe's lock is gone: who is woken sooner may take
 * this thread's core, and then want that lock. */
struct zn_wish {
    struct zn_socket *socket;            /* held; NULL: nothing */
    unsigned what;
};
enum { ZN_WISH_WAKE = 1, ZN_WISH_WAKE_WRITERS = 2, ZN_WISH_WORK = 4 };

/* What an owner does when something is posted to one of its ends. Called from any
 * thread, with the pipe's lock held: link it somewhere, wake somebody, return. poster:
 * the socket whose lock the caller holds, or NULL. */
struct zn_owner {
    struct zn_wish (*post)(struct zn_end *e, unsigned what, struct zn_socket *poster);
};

struct zn_end {
    /* what sending and receiving look at: a line */
    _Alignas(ZN_CACHE_LINE) struct zn_queue *in;
    struct zn_queue *out;
    struct zn_pipe *pipe;
    struct zn_end *peer;
    union {
        void *who;
        struct zn_socket *socket;
        struct zn_session *session;
        struct zn_carrier *carrier;
    };
    struct zn_metadata *metadata;        /* a socket's end: the peer's properties, or NULL */
    uint32_t metadata_paid;              /* references to hand out */
    uint32_t in_index;                   /* place in a fair queue */
    uint32_t out_index;                  /* place in a load balancer or fan-out */
    bool inproc;
    bool ready;                          /* handshake done, connection up */
    bool finished;                       /* the peer closed: nothing more goes out */
    bool attached;                       /* the pattern has it */

    /* the post box: bits not yet looked at, and the link of the ready list */
    _Alignas(ZN_CACHE_LINE) _Atomic uint32_t posted;
    struct zn_end *ready_next;
    const struct zn_owner *owner;        /* guarded by pipe->lock */

    /* -- a socket's end: the pattern's to read, the core's to write */
    uint8_t *id;                         /* the peer's routing id, heap; or NULL */
    uint16_t id_size;
    uint8_t peer_version;                /* enum zn_zmtp; 0: not known yet */
    bool initiator;                      /* our side connected */
    bool takes_all;                      /* its peers cannot subscribe: multicast */
    bool conflate;

    /* -- a socket's end: the pattern's own */
    bool in_log;                         /* fan-out's: has this message from the log */
    uint8_t log_steps;                   /* so many messages in sequence, at least */
    uint32_t log_serial;                 /* the last of them */
    uint32_t log_chunk;                  /* where its last stretch is */
    uint32_t number;                     /* SERVER, PEER: what it is known by */
    void *user;

    /* -- a socket's end: the core's own */
    uint32_t socket_index;               /* place among the socket's ends */
    bool gone;                           /* closed here, still in the ready list */
    struct zn_route *route;              /* the endpoint it came by, or NULL */
};

struct zn_pipe {
    struct zn_queue queue[2];            /* end[0] writes queue[0], reads queue[1] */
    struct zn_end end[2];
    struct zn_lock lock;                 /* guards what follows, and end[].owner */
    int sndhwm[2], rcvhwm[2];            /* what each side asked for; -1: no say */
    _Atomic int linger_ms;                       /* of a socket that closed its end */
    _Atomic bool left;                   /* by a socket: the connection stays, unread */
    _Atomic uint8_t closed;              /* 1u << end */
};

/* ---- Life. */

/* Both ends, without owners. conflate: for each direction. -ENOMEM. */
int zn_pipe_new(struct zn_pipe **out, bool conflate0, bool conflate1);
/* The pipe that came by r: one end its socket's, not attached yet, the other one (*far) of
 * owner and who. -ENOMEM. */
int zn_pipe_make(struct zn_route *r, bool initiator, const struct zn_owner *owner,
                 void *who, struct zn_end **far);
/* Frees it again, while neither end is known to anybody. */
void zn_pipe_unmake(struct zn_end *far);
/* Says whose e is from now on. */
void zn_end_own(struct zn_end *e, const struct zn_owner *owner, void *who);
/* What side e asks for, in messages; 0 is no limit. Limits of both sides add up. */
void zn_end_set_hwm(struct zn_end *e, int sndhwm, int rcvhwm);
/* The same, later: a writer may have been promised to be woken at the old limit. */
void zn_end_change_hwm(struct zn_end *e, int sndhwm, int rcvhwm);
/* Tells e's owner. */
void zn_end_post(struct zn_end *e, unsigned what, struct zn_socket *poster);
/* Tells the other side that e has read. */
ZN_SELDOM void zn_end_tell_room(struct zn_end *e, enum zn_room room);
/* The owner lets go of e and never touches it again: an unfinished message is rolled
 * back, the other side is told. */
void zn_end_close(struct zn_end *e, struct zn_socket *poster);
/* The same in two steps: after the first nothing is posted to e any more. */
void zn_end_disown(struct zn_end *e, struct zn_socket *poster);
void zn_end_release(struct zn_end *e);
/* Whether the other side has closed. */
bool zn_end_peer_closed(const struct zn_end *e);

/* ---- Reading. */

/* Shows the next frame without taking it: 1, and *f lies in the queue until
 * zn_end_next(); 0: nothing now, READ will be posted when there is; -EPIPE: nothing
 * ever again (the peer is closed and all has been read). */
ZN_SELDOM int zn_end_peek_slow(struct zn_end *e, struct zn_frame *f);
static inline int zn_end_peek(struct zn_end *e, struct zn_frame *f)
{
    return ZN_LIKELY(zn_queue_peek(e->in, f)) ? 1 : zn_end_peek_slow(e, f);
}
/* Steps over the frame that was peeked. */
static inline void zn_end_next(struct zn_end *e)
{
    enum zn_room room = zn_queue_next(e->in);
    if (ZN_UNLIKELY(room != ZN_ROOM_NO_NEWS))
        zn_end_tell_room(e, room);
}
/* Nothing more is read for now, though there may be something: whoever has been promised to
 * be woken when there is more room goes on now. */
void zn_end_pause(struct zn_end *e);
/* Steps over what is left of the message whose frame was peeked, or begun. */
void zn_end_skip(struct zn_end *e);

/* ---- Writing. */

/* Whether a message may begin now. If not, WRITE will be posted when one may. */
bool zn_end_writable(struct zn_end *e);
/* Takes one frame: copies its bytes or holds its content. -EAGAIN: high-water mark
 * (only on a message's first frame; WRITE will be posted), -EPIPE: closed, -ENOMEM
 * (the message so far is kept: write the frame again, or roll back). */
static inline int zn_end_write(struct zn_end *e, const struct zn_frame *f)
{
    if (ZN_UNLIKELY(e->finished))
        return -EPIPE;
    if (ZN_UNLIKELY(!e->out->open && !zn_queue_room(e->out)))
        return -EAGAIN;
    return zn_queue_write(e->out, f);
}
/* The same past any high-water mark: for what must not be lost. */
int zn_end_write_always(struct zn_end *e, const struct zn_frame *f);
/* Forgets the frames of an unfinished message. */
void zn_end_rollback(struct zn_end *e);
/* Publishes every whole message written, and tells the peer if it sleeps. */
ZN_SELDOM void zn_end_tell_news(struct zn_end *e);
static inline void zn_end_flush(struct zn_end *e)
{
    if (ZN_UNLIKELY(zn_queue_publish_lightly(e->out)))
        zn_end_tell_news(e);
}
/* Whether a message has been begun and not ended. */
bool zn_end_open(const struct zn_end *e);

#endif

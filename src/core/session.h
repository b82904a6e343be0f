/* core/session.h - one connection's life: resolve, connect or accept, handshake, traffic,
 * and again.
 *
 * Threads  A session is run by whoever holds its token. Traffic (a queue to the kernel, the
 *          kernel to a queue) may be run by any thread; all else is for its loop's thread.
 *          A thread that finds the token taken leaves word, and goes.
 * Memory   Counted. It holds its route, and through that its socket, until it ends. */
#ifndef ZN_CORE_SESSION_H
#define ZN_CORE_SESSION_H

#include "base/list.h"
#include "core/pipe.h"
#include "core/socket.h"
#include "core/transport.h"
#include "io/loop.h"
#include "wire/handshake.h"

enum zn_phase {
    ZN_PHASE_NEW,                        /* to be started, or accepted and not yet tuned */
    ZN_PHASE_RESOLVING,
    ZN_PHASE_CONNECTING,
    ZN_PHASE_WAITING,                    /* for the next attempt */
    ZN_PHASE_OPENING,                    /* its stream, before the handshake */
    ZN_PHASE_HANDSHAKE,
    ZN_PHASE_TRAFFIC,
    ZN_PHASE_DEAD
};

/* Words left for whoever holds the token. */
enum {
    ZN_WORK_TOKEN = 1,                   /* somebody runs it */
    ZN_WORK_IN = 2,                      /* readable, or room in the inbound queue */
    ZN_WORK_OUT = 4,                     /* something to write, or the kernel has room */
    ZN_WORK_CONTROL = 8,                 /* for the loop's thread */
    ZN_WORK_ROOM = 16,                   /* the kernel has room again */
    ZN_WORK_RESOLVED = 64,
    ZN_WORK_LEND = 128,                  /* a caller wants the descriptor */
    ZN_WORK_HUNG_UP = 32                 /* the kernel says that the peer has gone */
};

/* Deadlines, of which the one timer follows the next. */
enum {
    ZN_DUE_PHASE,
    ZN_DUE_LINGER,
    ZN_DUE_PING,
    ZN_DUE_PONG,
    ZN_DUE_TTL,
    ZN_DUE_LOAN,
    ZN_DUE_TRIM,
    ZN_DUE_COUNT
};

struct zn_guest;
struct zn_sealed;
struct zn_stream;
struct zn_zap;

struct zn_session {
    struct zn_watch watch;
    struct zn_task task;
    struct zn_timer timer;
    struct zn_retired grave;
    struct zn_list link;                 /* in route->sessions, under the socket's lock */
    struct zn_loop *loop;
    struct zn_route *route;
    struct zn_end *end;                  /* our side of the pipe, or NULL */
    _Atomic uint32_t work;
    _Atomic uint32_t later;              /* words that come with the task */
    _Atomic uint32_t refs;
    _Atomic uint8_t stop;                /* the socket wants it to end */
    _Atomic int linger_ms;               /* from then on, if it had been left */
    _Atomic uint8_t phase;               /* enum zn_phase */
    uint8_t version;                     /* enum zn_zmtp */
    bool initiator;
    bool spins;                          /* its loop may stay awake for more */
    bool kernel_full;                    /* wait for ZN_WORK_ROOM */
    bool heard_pong, heard_ttl;          /* something came since we, the peer, pinged */
    bool ping_waits;                     /* the last PING is not with the kernel yet */
    bool ping_counts;                    /* and ZN_DUE_PONG is for its answer */
    bool hung_up;                        /* the kernel says so: read up to the end */
    bool write_failed;                   /* the reader will find out why */
    bool watched;
    int fd;
    struct zn_stream *stream;            /* NULL: bytes go to and from fd as they are */
    int failed;                          /* -errno that ended traffic; 0: none */
    _Atomic uint8_t lent;                /* to a caller that is in its wait now */
    _Atomic uint8_t minded;              /* the loop looks whether it comes back */
    _Atomic int lent_fd;                 /* fd, which the loop does not watch now; or -1 */
    _Atomic uint64_t lent_until;         /* when the last borrower left */
    bool spares;                         /* it has moved large messages: spare.h */
    uint64_t moved;                      /* messages both ways, when last looked at */
    _Atomic uint32_t flushes;            /* how often callers wrote, having no room */
    uint32_t flushes_seen;               /* by the loop */
    uint32_t served;                     /* the loop's round in which it was read last */
    _Atomic uint64_t kicked;                     /* when a caller last found it asleep */
    uint32_t heard;                      /* messages that it had read by then; under the
                                            pipe's lock */

    /* inbound */
    uint8_t *partial;                    /* the start of a frame, heap; or NULL */
    uint32_t partial_size;
    uint8_t req_state;                   /* how much of REQ's envelope has come */
    struct zn_content *big;              /* a large frame that is arriving */
    uint64_t big_size, big_have;
    uint32_t big_before;                 /* size of the one before */
    struct zn_content *big_next;         /* into which the next one is read, if it is like
                                            it; or NULL */
    uint32_t since_big;                  /* bytes that came behind the last one's end */
    uint8_t big_prefix;                  /* so many of them before it, header and all; 0:
                                            there is nothing to be foreseen */
    uint8_t big_flags;

    /* outbound, before the queue: hello message, pong, ping */
    uint8_t *urgent;
    uint32_t urgent_size, urgent_sent;
    struct zn_half half;                 /* how far the first message of the queue is */
    uint32_t written;                    /* bytes that went out, and how many of them when */
    uint32_t written_seen;               /* PONG's time was last set */

    struct zn_sealed *sealed;            /* NULL: frames go as they are */
    uint32_t error;                      /* ZMQ_PROTOCOL_ERROR_ that ended it; or 0 */
    int refused;                         /* the status with which ZAP turned it away */
    struct zn_zap *zap;                  /* a question about this peer; or NULL */
    struct zn_guest *guest;              /* its place at a listener that counts; or NULL */
    struct zn_metadata *metadata;
    struct zn_handshake *handshake;
    char *names;                         /* local, NUL, remote: for the monitor; or NULL */
    struct zn_resolution *resolution;
    struct zn_target *target;
    int target_index;
    int tries;
    uint64_t due[ZN_DUE_COUNT];
};

/* A connecting session, its pipe attached to the socket unless IMMEDIATE. Socket locked. */
int zn_session_connect(struct zn_route *r);
/* An accepted one; takes fd and its guest (or NULL) over. From a loop's thread, no lock
 * held. */
void zn_session_accept(struct zn_route *r, struct zn_loop *loop, int fd,
                       struct zn_guest *guest);
/* The socket lets it go: it ends when its linger does. Socket locked. */
void zn_session_stop(struct zn_session *ss);
/* For the holder of its token. Whether the socket has left it alone (zn_socket_end_leave), or it
 * is to end once what is queued has gone. */
bool zn_session_is_left(const struct zn_session *ss);
bool zn_session_is_let_go(const struct zn_session *ss);

static inline enum zn_phase zn_session_phase(const struct zn_session *ss)
{
    return (enum zn_phase)atomic_load_explicit(&ss->phase, memory_order_relaxed);
}
void zn_session_hold(struct zn_session *ss);
void zn_session_drop(struct zn_session *ss);
/* Runs what is to be done, as far as this thread may. */
void zn_session_run(struct zn_session *ss, bool on_loop);
/* On a caller's thread, which reads too: scratch is its own; awake: it will be back at once.
 * BUSY: somebody else does. OVER: the connection has ended, and is its loop's again. */
enum zn_run { ZN_RUN_BUSY, ZN_RUN_DONE, ZN_RUN_OVER };
enum zn_run zn_session_run_with(struct zn_session *ss, uint8_t *scratch, size_t size,
                                bool awake);
/* The session at the other side of a socket's end, held; NULL: inproc, or gone. */
struct zn_session *zn_session_behind(struct zn_end *e);
/* This thread is about to wait for something. */
void zn_session_caller_waits(void);
/* Hands it to its loop. locked: the socket whose lock the caller holds, or NULL: the loop is
 * woken when that is gone. */
void zn_session_post_from(struct zn_session *ss, unsigned work, struct zn_socket *locked);
void zn_session_post(struct zn_session *ss, unsigned work);
/* The same, by the holder of its token: when others of its loop have had their turn. */
void zn_session_post_later(struct zn_session *ss, unsigned work);

void zn_session_on_task(struct zn_task *t);
extern const struct zn_owner zn_session_owner;

/* ---- traffic.c: by whoever holds the token, in ZN_PHASE_TRAFFIC. 0, or -errno: the
 * connection is to end. */
#define ZN_TURN_LIMIT (8u * 1024 * 1024) /* bytes; then others have their turn */
int zn_session_write(struct zn_session *ss, bool on_loop);
void zn_session_is_full(struct zn_session *ss);     /* the kernel, that is */
/* At most size bytes a read, and about most in all; then the rest is left for later.
 * borrowed: by a caller who has the descriptor on loan and waits for a message: it reads on,
 * or gives it back, when it has had it. */
int zn_session_read(struct zn_session *ss, uint8_t *scratch, size_t size, size_t most,
                    bool borrowed);
/* As zn_sock_readv(); what its stream may still have is seen to. */
ptrdiff_t zn_session_readv(struct zn_session *ss, const struct zn_iov *iov, int count);
/* Reads and throws away, for a socket that has closed its end. */
int zn_session_drain(struct zn_session *ss);
/* Bytes that came behind the handshake. */
int zn_session_feed(struct zn_session *ss, const uint8_t *p, size_t size);
/* Publishes inbound messages as far as the high-water mark lets it. */
void zn_session_publish(struct zn_session *ss);
/* Puts an empty message, or the given one, into the inbound queue. */
int zn_session_inject(struct zn_session *ss, const uint8_t *data, size_t size);
/* Bytes to go out before anything that is queued. -ENOMEM. */
int zn_session_urgent(struct zn_session *ss, const uint8_t *p, size_t size);
/* What there was to write now has been written: the PING that waits, too, unless a message is
 * half out. */
void zn_session_pinged(struct zn_session *ss);
void zn_session_traffic_reset(struct zn_session *ss);
/* Gives back what is kept for the next large message. */
void zn_session_forget_big(struct zn_session *ss);

#endif

/* core/stream.h - what lies between a session and its descriptor where bytes do not go as
 * they are: a proxy to be passed, TLS, WebSocket's frames, rings of shared memory.
 *
 * Through it a session sees what it would see of a plain descriptor: the bytes of ZMTP in
 * order, nothing else. A stream may stand on another one and own it (wss: WebSocket on TLS).
 *
 * Threads  Whoever holds the session's token; open only on its loop's thread.
 * Memory   A transport's `stream` makes it; the session frees it before it closes fd. What it
 *          keeps of bytes on their way is bounded.
 * Waiting  -EAGAIN (open: 0) says that there is nothing to do before fd becomes readable or
 *          writable once more: readiness is edge-triggered, so it must have been exhausted.
 *          After every edge all of open, or flush and readv and writev, are tried. Who sends what
 *          is no ZMTP without end is read for a while only: then readv's -EAGAIN says `more`. */
#ifndef ZN_CORE_STREAM_H
#define ZN_CORE_STREAM_H

#include "platform/platform.h"

struct zn_stream;

struct zn_stream_ops {
    /* Goes on with what comes before ZMTP. 1: that is done; 0: not yet; -errno: the
     * connection is to end (-EPROTO: the peer broke the rules). */
    int (*open)(struct zn_stream *st, int fd);
    /* open belongs to connecting: CONNECTED is told when it is done, a failure is one of the
     * attempt, and the stream is needed no more afterwards. */
    bool connects;
    /* open is a handshake, however old the ZMTP that follows: it is told of, the peer's address
     * is known, and it understands ping. */
    bool greets;
    /* As zn_sock_readv() and zn_sock_writev(). May give, or take, less than there is. readv is
     * given one buffer of 4 KiB or more, or what is left of the body of a frame that has begun
     * (or a part of it), and then such a buffer. */
    ptrdiff_t (*readv)(struct zn_stream *st, int fd, const struct zn_iov *iov, int count);
    ptrdiff_t (*writev)(struct zn_stream *st, int fd, const struct zn_iov *iov,
                        int count);
    /* Passes on what writev took and the kernel has not: 0: there is no such thing any more;
     * -EAGAIN: there is; -errno. NULL: writev keeps nothing back. */
    int (*flush)(struct zn_stream *st, int fd);
    /* Has its own way to see whether the peer is there, instead of ZMTP's PING: the question
     * goes out with the next flush. NULL: it has none. */
    void (*ping)(struct zn_stream *st);
    /* Whether it keeps much memory that it would not need while nothing moves; gives that
     * back. NULL: never. */
    bool (*is_large)(const struct zn_stream *st);
    void (*trim)(struct zn_stream *st);
    /* Says goodbye, if that takes no waiting. fd is about to be closed. */
    void (*free)(struct zn_stream *st, int fd);
};

/* The first member of each stream. */
struct zn_stream {
    const struct zn_stream_ops *ops;
    /* told by the stream */
    bool heard;                          /* the peer is there, though it said no ZMTP */
    bool unread;                         /* writev has used up what fd told of: readv is to
                                            be tried as well */
    bool more;                           /* -EAGAIN from the last readv promises nothing: it is
                                            to be tried again when others have had their turn */
    bool pings;                          /* a ping waits for its place between frames */
    uint32_t error;                      /* ZMQ_PROTOCOL_ERROR_ behind an -EPROTO; or 0 */
    /* told by the session */
    bool trusted;                        /* the handshake is over */
    int why;                             /* the -errno that ends the connection; or 0 */
    /* and before each use: */
    bool awake;                          /* the reader will look again of itself: -EAGAIN
                                            from readv need promise nothing */
    bool polled;                         /* readiness is told by poll(), again and again */
};

/* st NULL: the descriptor itself. */
static inline ptrdiff_t zn_stream_readv(struct zn_stream *st, int fd,
                                        const struct zn_iov *iov, int count)
{
    return ZN_LIKELY(st == NULL) ? zn_sock_readv(fd, iov, count)
                                 : st->ops->readv(st, fd, iov, count);
}

static inline ptrdiff_t zn_stream_writev(struct zn_stream *st, int fd,
                                         const struct zn_iov *iov, int count)
{
    return ZN_LIKELY(st == NULL) ? zn_sock_writev(fd, iov, count)
                                 : st->ops->writev(st, fd, iov, count);
}

static inline int zn_stream_flush(struct zn_stream *st, int fd)
{
    return st == NULL || st->ops->flush == NULL ? 0 : st->ops->flush(st, fd);
}

static inline bool zn_stream_is_large(const struct zn_stream *st)
{
    return st != NULL && st->ops->is_large != NULL && st->ops->is_large(st);
}

static inline void zn_stream_trim(struct zn_stream *st)
{
    if (st != NULL && st->ops->trim != NULL)
        st->ops->trim(st);
}

static inline void zn_stream_free(struct zn_stream *st, int fd)
{
    if (st != NULL)
        st->ops->free(st, fd);
}

#endif

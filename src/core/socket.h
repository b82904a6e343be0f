/* core/socket.h - a socket of any pattern: its lock, its ends, its endpoints.
 *
 * Threads  Everything that works on a socket holds its lock: an application thread that
 *          came through zmq.h, or an I/O thread doing the socket's background work.
 *          Nobody holds two sockets' locks (a monitor's excepted: monitored first), and
 *          nobody who holds one waits for anything. A blocked call waits outside.
 * Posts    What other threads have to say comes through the ready list (zn_end_post). If
 *          it cannot wait for the next call, the socket's lock carries WORK: whoever
 *          holds the lock does it on the way out, else the poster takes the lock.
 * Memory   Counted: the application's handle, each session, each end. Handles are never
 *          given back to the heap, so a closed one is still told from an open one. */
#ifndef ZN_CORE_SOCKET_H
#define ZN_CORE_SOCKET_H

#include <zmq.h>

#include "base/list.h"
#include "core/options.h"
#include "core/pattern.h"
#include "core/spin.h"
#include "io/loop.h"
#include "platform/platform.h"

struct zn_carrier;
struct zn_ctx;
struct zn_listener;
struct zn_session;
struct zn_transport;

#define ZN_HANDLE_OPEN 0x7a6e6373u
#define ZN_HANDLE_CLOSED 0x7a6e6478u

/* What a void * of zmq.h points at. */
struct zn_handle {
    _Atomic uint32_t tag;
    uint32_t stamp;                      /* the process it was made in */
    struct zn_gate lock;
    struct zn_socket *socket;            /* NULL: none any more */
    struct zn_handle *next;              /* among the free ones */
};
_Static_assert(sizeof(struct zn_handle) == ZN_CACHE_LINE || sizeof(void *) != 8,
               "a handle is a cache line");

/* One zmq_bind or zmq_connect: what it said, and the values that the options had then.
 * Under the socket's lock, but for what never changes; counted by sessions. */
struct zn_route {
    struct zn_list link;                 /* in the socket */
    struct zn_list sessions;             /* zn_session.link */
    _Atomic uint32_t refs;
    struct zn_socket *socket;            /* held */
    const struct zn_transport *transport;
    struct zn_options options;
    struct zn_listener *listener;        /* bind */
    struct zn_carrier *carrier;          /* held; NULL: a byte stream, or inproc */
    void *pending;                       /* inproc's: until its name is bound. Its lock's */
    char *text;                          /* the name for unbind and disconnect */
    struct zn_blob peer_id;              /* connect: what its peer is called here; or none */
    bool bound;
    bool closed;                         /* unbound: no peer is let in any more */
};

/* Somebody who waits for several sockets (zmq_poll, zmq_poller). */
struct zn_watcher {
    struct zn_list link;
    struct zn_waiter *waiter;            /* woken, if not NULL */
    int signal;                          /* raised, if >= 0; under the watch lock */
    _Atomic uint32_t wakes;              /* how often there was a reason to */
    bool reads;                          /* waits for something to receive, only */
    bool lasting;                        /* the signal lasts as long as the context does */
};

struct zn_socket {
    /* what each call looks at: a line */
    _Alignas(ZN_CACHE_LINE) struct zn_handle *handle;
    const struct zn_pattern *pattern;
    void *state;
    _Atomic(struct zn_end *) ready;
    struct zn_end *under_way;            /* whose message the application is at, if rcvmore */
    int fd;                              /* ZMQ_FD's signal; -1: never asked for */
    _Atomic bool stopped;                /* ETERM from now on */
    bool closed;                         /* by zmq_close */
    bool rcvmore;
    bool waited;                         /* for a message, and has sent nothing since */
    bool sndmore;                        /* a multipart message is half sent */
    bool has_stuck;
    bool left;                           /* there is something to do after the lock */
    bool fd_raised;                      /* under watch_lock */
    bool fd_seen;                        /* too: EVENTS was read since it was raised */
    bool fd_told;                        /* EVENTS was read and nothing done since */

    /* what those look at who wait, or have news: a line */
    _Alignas(ZN_CACHE_LINE) _Atomic bool news; /* posted, and worth waking for */
    _Atomic uint8_t work_listed;
    struct zn_waiter waiter;
    _Atomic uint32_t writers;            /* callers among those who wait that send */
    _Atomic uint32_t watcher_count;      /* ZMQ_FD counts as one */
    _Atomic uint32_t refs;
    struct zn_spin spin;
    struct zn_end *processing;           /* its box is being emptied */
    struct zn_ctx *ctx;

    struct zn_list ctx_link;             /* under the context's lock */
    struct zn_end **ends;
    uint32_t end_count, end_cap;

    /* to do after the lock */
    struct zn_loop *wake_after;
    struct zn_session *run_after;        /* held: write its queue to the kernel */
    struct zn_socket *work_first;        /* list of sockets that want zn_socket_work() */
    struct zn_socket *work_next;         /* place in somebody's list */

    struct zn_incoming stuck;            /* received, but not handed out yet */
    struct zn_msg unread;                /* what is stuck, if it was given back; else empty */
    struct zn_kept *kept;                /* what comes after that */

    /* ends with posts that could not be seen to, for want of memory: a timer tries again */
    struct zn_end *retries;
    struct zn_loop *retry_loop;          /* NULL: no timer is on its way */
    struct zn_task retry_task;
    struct zn_timer retry_timer;

    struct zn_list routes;
    char *last_endpoint;
    struct zn_blob next_peer_id;         /* the next connect's */
    struct zn_options options;

    struct zn_lock watch_lock;
    struct zn_list watchers;

    struct zn_lock monitor_lock;
    struct zn_handle *monitor;           /* the socket that events go to; or NULL */
    _Atomic uint64_t monitor_events;
    int monitor_version;
};

extern const struct zn_owner zn_socket_owner;

/* ---- Life (under no lock). */

int zn_socket_new(struct zn_ctx *ctx, int type, struct zn_handle **out);
void zn_socket_hold(struct zn_socket *s);
void zn_socket_drop(struct zn_socket *s);

/* Lets go of the lock of whichever socket h belongs to, if any: after doing what was posted
 * to it; and then does what was left to do. */
ZN_SELDOM void zn_handle_unlock_slow(struct zn_handle *h, bool posted);

/* Checks a handle and takes its lock: 0, -ENOTSOCK, or -ETERM in a forked child, which has
 * no I/O threads, and where a lock may be held for ever. only_try: -EBUSY if another thread
 * has it. */
static ZN_ALWAYS int zn_handle_lock_or_try(void *handle, bool only_try,
                                           struct zn_socket **out)
{
    struct zn_handle *h = handle;
    if (h == NULL || ((uintptr_t)h & (sizeof(void *) - 1)) != 0 ||
        atomic_load_explicit(&h->tag, memory_order_relaxed) != ZN_HANDLE_OPEN)
        return -ENOTSOCK;
    if (ZN_UNLIKELY(h->stamp != zn_process_stamp()))
        return -ETERM;
    if (!only_try)
        zn_gate_enter(&h->lock);
    else if (!zn_gate_try(&h->lock))
        return -EBUSY;
    if (ZN_UNLIKELY(atomic_load_explicit(&h->tag, memory_order_relaxed) !=
                    ZN_HANDLE_OPEN)) {
        zn_handle_unlock_slow(h, false);     /* closed while the lock was waited for */
        return -ENOTSOCK;
    }
    *out = h->socket;
    return 0;
}

static ZN_ALWAYS int zn_handle_lock(void *handle, struct zn_socket **out)
{
    return zn_handle_lock_or_try(handle, false, out);
}

static inline void zn_socket_lock(struct zn_socket *s)
{
    zn_gate_enter(&s->handle->lock);
}

static inline void zn_socket_unlock(struct zn_socket *s)
{
    struct zn_handle *h = s->handle;
    if (ZN_UNLIKELY(s->left))
        zn_handle_unlock_slow(h, false);
    else if (ZN_UNLIKELY(zn_gate_leave(&h->lock)))
        zn_handle_unlock_slow(h, true);  /* s may have gone meanwhile */
}

/* The same for two of them: what is left to do is done when neither is locked any more. */
void zn_socket_unlock_both(struct zn_socket *a, struct zn_socket *b);

/* Does what was posted to s. Takes over a hold. Under no lock. */
void zn_socket_work(struct zn_socket *s);
/* Does what was wished for; work, if poster is not NULL, when its lock is gone. Takes the
 * wish's hold over. */
void zn_socket_fulfil(struct zn_wish wish, struct zn_socket *poster);
/* Where zn_loop_post() leaves a loop that is to be woken after the lock: it might take the core
 * of this thread, and then want the lock. */
static inline struct zn_loop **zn_socket_wake_after(struct zn_socket *s)
{
    s->left = true;
    return &s->wake_after;
}
/* After the lock: run a session on this thread. False: there is one already. Takes over a
 * hold if true. */
bool zn_socket_run_after(struct zn_socket *s, struct zn_session *session);

/* ---- Calls of zmq.h, on a locked socket; all -errno. */

int zn_socket_close(struct zn_handle *h);           /* takes the lock itself */
int zn_socket_bind(struct zn_socket *s, const char *endpoint);
int zn_socket_connect(struct zn_socket *s, const char *endpoint);
int zn_socket_unbind(struct zn_socket *s, const char *endpoint);
int zn_socket_set(struct zn_socket *s, int option, const void *value, size_t size);
int zn_socket_get(struct zn_socket *s, int option, void *value, size_t *size);
unsigned zn_socket_events(struct zn_socket *s);     /* empties the ready list first */
int zn_socket_fd(struct zn_socket *s);              /* ZMQ_FD's, of a socket of any type */

/* One frame; they take and give the lock themselves, and block. Ownership of f stays. */
int zn_socket_send(void *handle, const struct zn_frame *f, int flags,
                   uint32_t routing_id);
/* Where a received frame goes: into msg, or else into buf. Returns its size or -errno. */
struct zn_sink {
    struct zn_msg *msg;
    void *buf;
    size_t size;
};
ptrdiff_t zn_socket_recv(void *handle, struct zn_sink *sink, int flags);

/* m, which was received last, is empty from here on, and the next one to be received. rcvmore: as
 * it was before. -errno: nothing happened. */
int zn_socket_unread(void *handle, struct zn_msg *m, bool rcvmore);

/* Moves frames from one socket to another as they lie, without a wait, until so much has been
 * moved, or a socket stops it. Then zn_socket_recv() and zn_socket_send() go on, and tell why:
 * a frame that is refused is received again. */
struct zn_pass {
    uint64_t frames_most, bytes_most;    /* the last frame may be longer */
    uint64_t frames, bytes, messages;    /* moved; messages: their last frames */
    bool inside;                         /* frames of the last message are still to come */
};
void zn_socket_pass(void *from, void *to, struct zn_pass *p);

/* ---- For the core. */

/* Empties the ready list. */
ZN_SELDOM void zn_socket_process_posts(struct zn_socket *s);
static inline void zn_socket_process(struct zn_socket *s)
{
    if (ZN_UNLIKELY(atomic_load_explicit(&s->ready, memory_order_relaxed) != NULL))
        zn_socket_process_posts(s);
}
/* A frame that its pattern has handed out, and for which there was no memory, or no room in
 * the socket to which it was to be passed. It stays where it lies until the next receive, or
 * until its pattern must go on. */
ZN_SELDOM void zn_socket_keep_stuck(struct zn_socket *s, const struct zn_incoming *in);
/* It has been handed out now: its successor is stuck, if there is one. */
void zn_socket_drop_first_stuck(struct zn_socket *s);
/* e goes: what is left of the message that the application has begun to read is kept for it. */
void zn_socket_keep_rest(struct zn_socket *s, struct zn_end *e);
/* Copies what is stuck out of its queue: 0 if nothing is left there, or -ENOMEM. To be
 * called before a pattern that might step over it. */
ZN_SELDOM int zn_socket_rescue_stuck(struct zn_socket *s);
/* For how many nanoseconds a call that waits on s stays awake. */
static inline uint32_t zn_socket_spin(const struct zn_socket *s)
{
    return (uint32_t)s->options.spin * 1000u;
}
void zn_socket_stop(struct zn_socket *s);           /* ETERM; any thread */
static inline bool zn_socket_stopped(const struct zn_socket *s)
{
    return atomic_load_explicit(&s->stopped, memory_order_acquire);
}
void zn_socket_wake(struct zn_socket *s);           /* any thread, s alive */
/* The same, but not for those who only wait for something to receive. */
void zn_socket_wake_writers(struct zn_socket *s);
void zn_socket_wake_as_wished(struct zn_socket *s, unsigned what);      /* ZN_WISH_WAKE... */
/* Makes e an end of s and gives it to the pattern. On error e is still the caller's. */
int zn_socket_attach(struct zn_socket *s, struct zn_end *e);
int zn_socket_ready(struct zn_socket *s, struct zn_end *e);
/* As if e's peer had gone: what has come can still be read. */
void zn_socket_end_lost(struct zn_socket *s, struct zn_end *e);
/* Whether messages that s sends (or receives) replace each other. What else goes through the
 * pipe, as subscriptions do, must not. */
bool zn_socket_conflates(const struct zn_socket *s, const struct zn_options *o,
                         enum zn_pattern_flags direction);
/* The draft messages, if s sends them; o: of the endpoint, or s's own. */
const struct zn_blob *zn_socket_hello(const struct zn_socket *s,
                                      const struct zn_options *o);
const struct zn_blob *zn_socket_goodbye(const struct zn_socket *s,
                                        const struct zn_options *o, bool initiator);
int zn_socket_say_hello(struct zn_socket *s, struct zn_end *e);        /* -ENOMEM */
/* Adds a route to s. NULL: no memory. */
struct zn_route *zn_route_new(struct zn_socket *s, const struct zn_transport *t,
                              const char *text, bool bound);
void zn_route_drop(struct zn_route *r);
/* Whether s is connected there already and its pattern takes no second time. */
bool zn_socket_connects_twice(const struct zn_socket *s, const char *endpoint);
/* Takes r, with all that came by it, off its socket. */
void zn_route_close(struct zn_route *r);
/* An end that came by r has gone: r goes too, if that was all that could come of it. */
void zn_route_lost_end(struct zn_route *r);

void zn_socket_watch(struct zn_socket *s, struct zn_watcher *w);
/* From here on each wake-up raises signal. False, and it does not: wakes is more than seen. */
bool zn_socket_watch_signal(struct zn_socket *s, struct zn_watcher *w, int signal,
                            uint32_t seen);
void zn_socket_unwatch_signal(struct zn_socket *s, struct zn_watcher *w);
void zn_socket_unwatch(struct zn_socket *s, struct zn_watcher *w);

#endif

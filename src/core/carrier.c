/* core/carrier.c - see carrier.h.
 *
 * Whoever has the lock reads the outbound queue; the inbound one is the loop's thread's
 * alone, which shows messages when it has given the lock back: what happens in a socket then
 * may take that socket's lock. The caller of zn_carrier_stop() has the socket's lock
 * already. */
#include "core/carrier.h"

#include <stdio.h>

#include "core/ctx.h"

enum {
    WORD_OUT = 1,                        /* frames to send */
    WORD_IN = 2,                         /* read */
    WORD_ROOM = 4,                       /* send may go on */
    WORD_CONTROL = 8                     /* look whether this is the end */
};

enum { FRAMES_A_TURN = 128, LAST_TURNS = 32 };

static void carrier_drop(struct zn_carrier *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    zn_route_drop(c->route);
    zn_free(c);
}

static void post(struct zn_carrier *c, unsigned words)
{
    atomic_fetch_or_explicit(&c->words, words, memory_order_acq_rel);
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    if (!zn_loop_post(c->loop, &c->task, NULL))
        carrier_drop(c);
}

static struct zn_wish on_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    const struct zn_wish nothing = { NULL, 0 };
    (void)poster;
    if (what & ZN_POST_QUIET)
        return nothing;                  /* it reads on when it is worth it */
    post(e->carrier, (what & ZN_POST_READ ? WORD_OUT : 0u) |
                         (what & ZN_POST_WRITE ? WORD_IN : 0u) |
                         (what & ZN_POST_CLOSED ? WORD_CONTROL : 0u));
    return nothing;
}

static const struct zn_owner owner = { .post = on_post };

/* ---- For transports. */

static void on_ready(struct zn_watch *w, unsigned events);

void zn_carrier_add_fd(struct zn_carrier *c, int fd)
{
    c->fds[c->fd_count++] =
        (struct zn_carrier_fd){ .watch.ready = on_ready, .carrier = c, .fd = fd };
}

void zn_carrier_set_timer(struct zn_carrier *c, uint64_t at)
{
    c->due = at;
}

bool zn_carrier_room(struct zn_carrier *c)
{
    return zn_end_writable(c->end);
}

int zn_carrier_deliver(struct zn_carrier *c, const struct zn_frame *frames, int count)
{
    for (int i = 0; i < count; i++) {
        struct zn_frame f = frames[i];
        f.flags = i < count - 1 ? ZN_MORE : 0;
        if (zn_end_write_always(c->end, &f) < 0) {
            zn_end_rollback(c->end);
            return -ENOMEM;
        }
    }
    return 0;
}

/* ---- Work, under the lock. 0, 1 when there is more for later, or -errno. */

static int send_frames(struct zn_carrier *c)
{
    struct zn_frame f;
    for (int i = 0; i < FRAMES_A_TURN; i++) {
        if (zn_end_peek(c->end, &f) <= 0)
            return 0;
        int rc = c->ops->send != NULL ? c->ops->send(c, &f) : 0;
        if (rc < 0)
            return rc;
        zn_end_next(c->end);
    }
    return 1;
}

static int send_all(struct zn_carrier *c)
{
    if (c->full)
        return 0;
    int rc = send_frames(c);
    if (rc == 0 && c->ops->flush != NULL)
        rc = c->ops->flush(c);
    if (rc != -EAGAIN)
        return rc;
    c->full = true;
    zn_end_pause(c->end);
    return 0;
}

static bool let_go(const struct zn_carrier *c)
{
    return zn_end_peer_closed(c->end);
}

static int work(struct zn_carrier *c, unsigned words)
{
    int sent = 0, got = 0;
    if (words & WORD_ROOM)
        c->full = false;
    if (words & (WORD_OUT | WORD_ROOM))
        sent = send_all(c);
    /* Who has something on its way hears what its receivers say of it. */
    bool hears = !let_go(c) || c->ops->unsent != NULL;
    if (sent >= 0 && words & WORD_IN && hears)
        got = c->ops->read(c);
    if (sent > 0)
        atomic_fetch_or_explicit(&c->words, WORD_OUT, memory_order_relaxed);
    if (got > 0)
        atomic_fetch_or_explicit(&c->words, WORD_IN, memory_order_relaxed);
    return sent < 0 ? sent : got < 0 ? got : sent > 0 || got > 0;
}

static bool has_unsent(struct zn_carrier *c)
{
    struct zn_frame f;
    if (c->ops->send == NULL)
        return false;
    return zn_queue_peek(c->end->in, &f) > 0 ||
           (c->ops->unsent != NULL && c->ops->unsent(c));
}

/* The socket has let go: what is queued goes out as long as its linger says. True if this
 * is the end. */
static bool lingers_out(struct zn_carrier *c)
{
    if (!has_unsent(c))
        return true;
    int linger = atomic_load_explicit(&c->end->pipe->linger_ms, memory_order_relaxed);
    uint64_t now = zn_now();
    if (linger == 0 || (c->linger_until != 0 && c->linger_until <= now))
        return true;
    if (linger > 0 && c->linger_until == 0)
        c->linger_until = now + (uint64_t)linger * ZN_MS;
    return false;
}

static void close_all(struct zn_carrier *c)
{
    c->open = false;
    for (int i = 0; i < c->fd_count; i++) {
        zn_loop_unwatch(c->loop, c->fds[i].fd);
        /* A forked child may look at it: it must never name somebody else's. */
        c->fds[i].fd = -1;
    }
    c->ops->close(c);
}

/* ---- The loop's part. */

static void set_timer(struct zn_carrier *c)
{
    uint64_t next = c->due;
    if (c->linger_until != 0 && (next == 0 || c->linger_until < next))
        next = c->linger_until;
    if (next == 0)
        zn_loop_clear_timer(c->loop, &c->timer);
    else if (!zn_timer_is_set(&c->timer) || c->timer.at != next)
        zn_loop_set_timer(c->loop, &c->timer, next);
}

static void free_carrier(struct zn_retired *r)
{
    carrier_drop(ZN_CONTAINER(r, struct zn_carrier, grave));
}

static void die(struct zn_carrier *c)
{
    c->dead = true;
    zn_loop_clear_timer(c->loop, &c->timer);
    if (c->end != NULL)
        zn_end_close(c->end, NULL);
    zn_loop_add_load(c->loop, -1);
    zn_loop_retire(c->loop, &c->grave);
}

static void run(struct zn_carrier *c, unsigned words)
{
    if (c->dead)
        return;
    zn_lock(&c->lock);
    words |= atomic_exchange_explicit(&c->words, 0, memory_order_acq_rel);
    int rc = c->open ? work(c, words) : -ESHUTDOWN;
    bool over = rc < 0 || (let_go(c) && lingers_out(c));
    if (over && c->open)
        close_all(c);
    if (!over)
        set_timer(c);
    zn_unlock(&c->lock);

    if (c->end != NULL)
        zn_end_flush(c->end);
    if (over)
        die(c);
    else if (rc > 0)
        post(c, 0);
}

static void on_task(struct zn_task *t)
{
    struct zn_carrier *c = ZN_CONTAINER(t, struct zn_carrier, task);
    run(c, 0);
    carrier_drop(c);
}

static void on_ready(struct zn_watch *w, unsigned events)
{
    struct zn_carrier *c = ZN_CONTAINER(w, struct zn_carrier_fd, watch)->carrier;
    run(c, (events & ZN_FD_OUT ? WORD_ROOM : 0u) |
               (events & (ZN_FD_IN | ZN_FD_ERR) ? WORD_IN : 0u));
}

static void on_timer(struct zn_timer *t)
{
    struct zn_carrier *c = ZN_CONTAINER(t, struct zn_carrier, timer);
    zn_lock(&c->lock);
    bool due = c->due != 0 && c->due <= zn_now();
    if (due)
        c->due = 0;
    zn_unlock(&c->lock);
    run(c, due ? WORD_IN | WORD_ROOM : 0u);
}

bool zn_carrier_is_at(const struct zn_carrier *c, const char *endpoint)
{
    const char *scheme = c->route->transport->scheme;
    size_t size = strlen(scheme);
    return strncmp(endpoint, scheme, size) == 0 &&
           strncmp(endpoint + size, "://", 3) == 0 &&
           strcmp(endpoint + size + 3, c->told) == 0;
}

/* ---- Letting go. */

void zn_carrier_stop(struct zn_carrier *c)
{
    int rc = 1;
    zn_lock(&c->lock);
    for (int i = 0; c->open && rc > 0 && i < LAST_TURNS; i++)
        rc = send_all(c);
    if (c->open && (rc < 0 || lingers_out(c)))
        close_all(c);
    zn_unlock(&c->lock);
    post(c, WORD_OUT | WORD_CONTROL);
    carrier_drop(c);
}

void zn_carrier_abandon(struct zn_carrier *c)
{
    for (int i = 0; i < c->fd_count; i++)
        zn_sock_close(c->fds[i].fd);
}

/* ---- Making one. */

static struct zn_carrier *carrier_new(struct zn_route *r, struct zn_loop *loop,
                                      const struct zn_carrier_ops *ops)
{
    struct zn_carrier *c = zn_zalloc(ops->size);
    if (c == NULL)
        return NULL;
    c->ops = ops;
    c->route = r;
    c->loop = loop;
    c->task.run = on_task;
    c->timer.fire = on_timer;
    c->grave.free = free_carrier;
    atomic_store_explicit(&c->refs, 2, memory_order_relaxed);    /* the loop's, r's */
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    r->carrier = c;
    zn_loop_add_load(loop, 1);
    return c;
}

static int watch_all(struct zn_carrier *c)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < c->fd_count; i++)
        rc = zn_loop_watch(c->loop, &c->fds[i].watch, c->fds[i].fd, true);
    return rc;
}

/* The end that the socket has of c, for which there is nobody to subscribe or join. */
static int join_socket(struct zn_carrier *c)
{
    struct zn_socket *s = c->route->socket;
    struct zn_end *e = c->end->peer;
    e->takes_all = true;
    int rc = zn_socket_attach(s, e);
    if (rc < 0)
        return rc;
    rc = zn_socket_ready(s, e);
    if (rc < 0)
        zn_socket_end_close(s, e, 0);
    return rc;
}

/* The pipe comes last: once the socket has its end, only the loop may end the carrier. */
static int carrier_begin(struct zn_carrier *c, const char *address, char *last)
{
    int rc = c->ops->open(c, address, last);
    if (rc == 0)
        rc = watch_all(c);
    if (rc == 0)
        rc = zn_pipe_make(c->route, !c->route->bound, &owner, c, &c->end);
    if (rc < 0)
        return rc;
    rc = join_socket(c);
    if (rc < 0 && !let_go(c)) {
        zn_pipe_unmake(c->end);
        c->end = NULL;
    }
    return rc;
}

/* The part behind "://", if there is one. */
static const char *bare(const char *endpoint)
{
    const char *sep = strstr(endpoint, "://");
    return sep != NULL ? sep + 3 : endpoint;
}

int zn_carrier_start(struct zn_socket *s, const struct zn_transport *t,
                     const struct zn_carrier_ops *ops, const char *endpoint, bool bound,
                     char *last)
{
    if (!bound && zn_socket_connects_twice(s, endpoint))
        return 0;
    struct zn_loop *loop = zn_ctx_loop(s->ctx, s->options.affinity);
    if (loop == NULL)
        return -EMTHREAD;
    struct zn_route *r = zn_route_new(s, t, endpoint, bound);
    if (r == NULL)
        return -ENOMEM;
    struct zn_carrier *c = carrier_new(r, loop, ops);
    if (c == NULL) {
        zn_route_close(r);
        return -ENOMEM;
    }
    zn_lock(&c->lock);
    int rc = carrier_begin(c, bare(endpoint), last);
    c->open = rc == 0;
    snprintf(c->told, sizeof c->told, "%s", bare(last));
    if (rc < 0)
        close_all(c);
    zn_unlock(&c->lock);
    if (rc < 0)
        zn_route_close(r);
    else
        post(c, WORD_OUT | WORD_IN);
    return rc;
}

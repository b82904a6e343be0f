/* core/socket.c - a socket's life, its ready list and its ends. */
#include "core/socket.h"

#include "core/carrier.h"
#include "core/ctx.h"
#include "core/handle.h"
#include "core/listener.h"
#include "core/monitor.h"
#include "core/session.h"
#include "core/transport.h"

/* ---- Life. */

static void socket_init(struct zn_socket *s, struct zn_ctx *ctx,
                        const struct zn_pattern *pattern)
{
    s->ctx = ctx;
    s->pattern = pattern;
    s->fd = -1;
    atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
    zn_list_init(&s->ctx_link);
    zn_list_init(&s->routes);
    zn_list_init(&s->watchers);
    zn_msg_init(&s->unread);
    zn_options_init(&s->options);
}

static void socket_free(struct zn_socket *s)
{
    struct zn_ctx *ctx = s->ctx;
    if (s->handle != NULL)
        zn_handle_free(s->handle);
    if (s->fd >= 0)
        zn_sock_close(s->fd);
    zn_options_fini(&s->options);
    zn_free(s->last_endpoint);
    zn_blob_fini(&s->next_peer_id);
    zn_free(s->ends);
    zn_free(s->state);
    zn_ctx_remove(ctx, s);
    zn_free_lines(s);
}

int zn_socket_new(struct zn_ctx *ctx, int type, struct zn_handle **out)
{
    const struct zn_pattern *pattern = zn_pattern_find(type);
    if (pattern == NULL)
        return -EINVAL;
    struct zn_socket *s = zn_zalloc_lines(sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    socket_init(s, ctx, pattern);

    int rc = zn_ctx_add(ctx, s);
    if (rc < 0) {
        zn_options_fini(&s->options);
        zn_free_lines(s);
        return rc;
    }
    s->state = zn_zalloc(ZN_MAX(pattern->state_size, 1u));
    s->handle = zn_handle_new(s);
    rc = s->state == NULL || s->handle == NULL ? -ENOMEM : 0;
    if (rc == 0 && pattern->init != NULL)
        rc = pattern->init(s);
    if (rc < 0) {
        if (s->handle != NULL)
            atomic_store_explicit(&s->handle->tag, ZN_HANDLE_CLOSED,
                                  memory_order_relaxed);
        socket_free(s);
        return rc;
    }
    *out = s->handle;
    return 0;
}

void zn_socket_hold(struct zn_socket *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

void zn_socket_drop(struct zn_socket *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        zn_handle_free(s->handle);       /* first: nobody comes in any more */
        s->handle = NULL;
        if (s->pattern->fini != NULL)
            s->pattern->fini(s);
        socket_free(s);
    }
}

/* In a forked child, which has none of the threads: the descriptors are closed, what
 * belongs to the parent's threads is left alone. */
static void abandon(struct zn_handle *h)
{
    atomic_store_explicit(&h->tag, ZN_HANDLE_CLOSED, memory_order_relaxed);
    if (!zn_gate_is_free(&h->lock))
        return;                          /* forked amid a change: hands off */
    struct zn_socket *s = h->socket;
    ZN_LIST_EACH (it, &s->routes) {
        struct zn_route *r = ZN_CONTAINER(it, struct zn_route, link);
        if (r->listener != NULL)
            zn_listener_abandon(r->listener);
        if (r->carrier != NULL)
            zn_carrier_abandon(r->carrier);
        ZN_LIST_EACH (at, &r->sessions)
            zn_sock_close(ZN_CONTAINER(at, struct zn_session, link)->fd);
    }
    zn_sock_close(s->fd);
}

/* That of a thread-safe type is in pollers only, where it would tell of what goes on while the
 * socket lingers. Others have been given to the application, which may still look at it. */
static void close_fd(struct zn_socket *s)
{
    if (s->fd < 0 || !(s->pattern->flags & ZN_PAT_THREAD_SAFE))
        return;
    zn_lock(&s->watch_lock);
    zn_sock_close(s->fd);
    s->fd = -1;
    zn_unlock(&s->watch_lock);
    atomic_fetch_sub_explicit(&s->watcher_count, 1, memory_order_seq_cst);
}

/* Nobody can enter any more: the port is free, peers are let go, each with the linger
 * that the socket had. */
int zn_socket_close(struct zn_handle *h)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(h, &s);
    if (rc == -ETERM && h->stamp != zn_process_stamp()) {
        abandon(h);
        return 0;
    }
    if (rc < 0)
        return rc;

    atomic_store_explicit(&h->tag, ZN_HANDLE_CLOSED, memory_order_relaxed);
    s->closed = true;
    zn_socket_drop_stuck(s);
    zn_socket_process(s);
    /* Ends first: else each endpoint would look for its own among all of them. */
    while (s->end_count > 0)
        zn_socket_end_close(s, s->ends[s->end_count - 1], s->options.linger);
    while (!zn_list_empty(&s->routes))
        zn_route_close(ZN_CONTAINER(s->routes.next, struct zn_route, link));
    zn_socket_process(s);
    zn_monitor_stop(s);
    zn_socket_wake(s);
    close_fd(s);
    zn_socket_unlock(s);
    zn_socket_drop(s);
    return 0;
}

/* ---- The ready list. */

/* What an owner of ends must hear at once, though the application may be away. */
static bool is_urgent(const struct zn_socket *s, unsigned what)
{
    if (what & (ZN_POST_ATTACH | ZN_POST_READY | ZN_POST_CLOSED))
        return true;
    return what & ZN_POST_READ && s->pattern->flags & ZN_PAT_EAGER;
}

static void list_ready(struct zn_socket *s, struct zn_end *e, unsigned what)
{
    if (atomic_fetch_or_explicit(&e->posted, what, memory_order_acq_rel) != 0)
        return;
    struct zn_end *head = atomic_load_explicit(&s->ready, memory_order_relaxed);
    do
        e->ready_next = head;
    while (!atomic_compare_exchange_weak_explicit(
        &s->ready, &head, e, memory_order_seq_cst, memory_order_relaxed));
}

static struct zn_wish on_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    struct zn_socket *s = e->socket;
    struct zn_wish wish = { NULL, is_urgent(s, what) ? ZN_WISH_WORK : 0 };
    list_ready(s, e, what);
    if (!(what & ZN_POST_QUIET))
        atomic_store_explicit(&s->news, true, memory_order_release);
    /* An end that goes brings nothing to receive: what it sent was told before. Only patterns
     * that read in the background may make something of it: unsubscriptions. */
    if (what == ZN_POST_CLOSED && !(s->pattern->flags & ZN_PAT_EAGER))
        wish.what |= ZN_WISH_WAKE_WRITERS;
    else if (!(what & ZN_POST_QUIET))
        wish.what |= ZN_WISH_WAKE;
    /* Who has a lock already may as well wake now: the hold could be the last one. */
    if (poster != NULL) {
        zn_socket_wake_as_wished(s, wish.what);
        wish.what &= ZN_WISH_WORK;
    }
    if (wish.what != 0) {
        zn_socket_hold(s);
        wish.socket = s;
    }
    return wish;
}

const struct zn_owner zn_socket_owner = { .post = on_post };

static void release_if_gone(struct zn_end *e)
{
    if (e->gone && atomic_load_explicit(&e->posted, memory_order_acquire) == 0)
        zn_end_release(e);
}

bool zn_socket_conflates(const struct zn_socket *s, const struct zn_options *o,
                         enum zn_pattern_flags direction)
{
    uint32_t flags = s->pattern->flags;
    return o->conflate && flags & ZN_PAT_CONFLATES && flags & (uint32_t)direction;
}

/* Draft messages; see zmq_setsockopt's ZMQ_HELLO_MSG and its kin. */
#define TYPE(t) (1u << (t))
#define HELLO_TYPES                                                        \
    (TYPE(ZMQ_REQ) | TYPE(ZMQ_REP) | TYPE(ZMQ_DEALER) | TYPE(ZMQ_ROUTER) | \
     TYPE(ZMQ_CLIENT) | TYPE(ZMQ_SERVER) | TYPE(ZMQ_PEER))
#define GOODBYE_TYPES \
    (TYPE(ZMQ_REP) | TYPE(ZMQ_ROUTER) | TYPE(ZMQ_SERVER) | TYPE(ZMQ_PEER))
#define HICCUP_TYPES \
    (TYPE(ZMQ_REQ) | TYPE(ZMQ_DEALER) | TYPE(ZMQ_CLIENT) | TYPE(ZMQ_PEER))

static bool is_one_of(const struct zn_socket *s, uint32_t types)
{
    return types >> s->pattern->type & 1;
}

const struct zn_blob *zn_socket_hello(const struct zn_socket *s,
                                      const struct zn_options *o)
{
    return o->hello_msg.size > 0 && is_one_of(s, HELLO_TYPES) ? &o->hello_msg : NULL;
}

const struct zn_blob *zn_socket_goodbye(const struct zn_socket *s,
                                        const struct zn_options *o, bool initiator)
{
    const struct zn_blob *b = initiator ? &o->hiccup_msg : &o->disconnect_msg;
    return b->size > 0 && is_one_of(s, initiator ? HICCUP_TYPES : GOODBYE_TYPES) ? b
                                                                                 : NULL;
}

int zn_socket_say_hello(struct zn_socket *s, struct zn_end *e)
{
    const struct zn_blob *hello = zn_socket_hello(s, &s->options);
    if (hello == NULL)
        return 0;
    struct zn_frame f = { .data = hello->data, .size = hello->size };
    int rc = zn_end_write_always(e, &f);
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? 0 : rc;
}

/* Over inproc nobody is left to write the disconnect message: the queue's writer has gone,
 * so this side may write in its place. */
static void inproc_goodbye(struct zn_socket *s, struct zn_end *e)
{
    const struct zn_blob *bye = zn_socket_goodbye(s, &s->options, false);
    if (!e->inproc || e->initiator || bye == NULL)
        return;
    struct zn_frame f = { .data = bye->data, .size = bye->size };
    if (zn_queue_write(e->in, &f) == 0)
        zn_queue_publish(e->in, e->in->wmsgs);
    if (s->pattern->readable != NULL)
        s->pattern->readable(s, e);
    zn_socket_wake(s);
}

static void on_closed(struct zn_socket *s, struct zn_end *e)
{
    e->finished = true;
    e->ready = false;
    if (e->attached)
        inproc_goodbye(s, e);
    if (e->gone)
        return;
    if (!e->attached) {
        zn_socket_end_close(s, e, 0);
        return;
    }
    if (s->pattern->closed != NULL)
        s->pattern->closed(s, e);
    if (e->gone)
        return;
    struct zn_frame f;
    if (!(s->pattern->flags & (ZN_PAT_RECV | ZN_PAT_EAGER)) ||
        zn_end_peek(e, &f) == -EPIPE)
        zn_socket_end_done(s, e);
}

/* What needs memory that there is not is seen to later: 0, or -ENOMEM. An end that cannot
 * be had for another reason is closed. */
static int welcome(struct zn_socket *s, struct zn_end *e, unsigned what)
{
    int rc = 0;
    if (what & ZN_POST_ATTACH && !e->attached)
        rc = s->closed ? -ETERM : zn_socket_attach(s, e);
    if (rc == 0 && what & ZN_POST_READY)
        rc = zn_socket_ready(s, e);
    if (rc == 0 && what & ZN_POST_READY && !e->initiator)    /* who has said it at once */
        rc = zn_socket_say_hello(s, e);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        zn_socket_end_close(s, e, 0);
    return 0;
}

static void handle_posts(struct zn_socket *s, struct zn_end *e, unsigned what)
{
    const struct zn_pattern *p = s->pattern;
    if (what & (ZN_POST_ATTACH | ZN_POST_READY) && welcome(s, e, what) < 0) {
        zn_socket_try_again(s, e, what);
        return;
    }
    if (what & ZN_POST_READ && !e->gone && e->attached && p->readable != NULL)
        p->readable(s, e);
    if (what & ZN_POST_WRITE && !e->gone && e->attached && p->writable != NULL)
        p->writable(s, e);
    if (what & ZN_POST_CLOSED && !e->gone)
        on_closed(s, e);
}

static void handle_list(struct zn_socket *s, struct zn_end *first)
{
    while (first != NULL) {
        struct zn_end *e = first;
        first = e->ready_next;
        unsigned what = atomic_exchange_explicit(&e->posted, 0, memory_order_acq_rel);
        s->processing = e;
        if (!e->gone)
            handle_posts(s, e, what);
        s->processing = NULL;
        release_if_gone(e);
    }
}

void zn_socket_process_posts(struct zn_socket *s)
{
    /* First: what is posted from here on may be missed below, and is news then. */
    atomic_store_explicit(&s->news, false, memory_order_relaxed);
    struct zn_end *taken =
        atomic_exchange_explicit(&s->ready, NULL, memory_order_acquire);
    struct zn_end *first = NULL;
    while (taken != NULL) {
        struct zn_end *next = taken->ready_next;
        taken->ready_next = first;
        first = taken;
        taken = next;
    }
    handle_list(s, first);
}

/* ---- Second tries. */

#define RETRY (5 * ZN_MS)

static void on_retry_task(struct zn_task *task)
{
    struct zn_socket *s = ZN_CONTAINER(task, struct zn_socket, retry_task);
    zn_loop_set_timer(s->retry_loop, &s->retry_timer, zn_now() + RETRY);
}

static void on_retry_timer(struct zn_timer *timer)
{
    struct zn_socket *s = ZN_CONTAINER(timer, struct zn_socket, retry_timer);
    zn_socket_lock(s);
    struct zn_end *first = s->retries;
    s->retries = NULL;
    s->retry_loop = NULL;
    handle_list(s, first);
    zn_socket_wake(s);
    zn_socket_unlock(s);
    zn_socket_drop(s);
}

void zn_socket_try_again(struct zn_socket *s, struct zn_end *e, unsigned what)
{
    struct zn_loop *loop = s->retry_loop ? s->retry_loop : zn_ctx_loop(s->ctx, 0);
    if (loop == NULL) {                  /* no threads: with the next call, then */
        list_ready(s, e, what);
        return;
    }
    if (atomic_fetch_or_explicit(&e->posted, what, memory_order_acq_rel) != 0)
        return;
    e->ready_next = s->retries;
    s->retries = e;
    if (s->retry_loop != NULL)
        return;
    s->retry_loop = loop;
    s->retry_task.run = on_retry_task;
    s->retry_timer.fire = on_retry_timer;
    zn_socket_hold(s);
    zn_loop_post(loop, &s->retry_task, NULL);
}

/* ---- Ends. */

void *zn_socket_state(struct zn_socket *s)
{
    return s->state;
}

struct zn_options *zn_socket_options(struct zn_socket *s)
{
    return &s->options;
}

const struct zn_pattern *zn_socket_pattern(struct zn_socket *s)
{
    return s->pattern;
}

uint32_t zn_socket_end_count(struct zn_socket *s)
{
    return s->end_count;
}

struct zn_end *zn_socket_end(struct zn_socket *s, uint32_t index)
{
    return s->ends[index];
}

int zn_socket_attach(struct zn_socket *s, struct zn_end *e)
{
    if (s->end_count == s->end_cap) {
        uint32_t cap = s->end_cap ? s->end_cap * 2 : 1;
        struct zn_end **ends = zn_realloc(s->ends, cap * sizeof *ends);
        if (ends == NULL)
            return -ENOMEM;
        s->ends = ends;
        s->end_cap = cap;
    }
    e->socket_index = s->end_count;
    s->ends[s->end_count++] = e;
    e->attached = true;
    int rc = s->pattern->attach != NULL ? s->pattern->attach(s, e) : 0;
    if (rc < 0) {
        e->attached = false;
        s->end_count--;
        return rc;
    }
    zn_socket_hold(s);
    return 0;
}

int zn_socket_ready(struct zn_socket *s, struct zn_end *e)
{
    e->ready = true;
    int rc = s->pattern->ready != NULL ? s->pattern->ready(s, e) : 0;
    if (rc < 0)
        e->ready = false;
    return rc;
}

void zn_socket_end_lost(struct zn_socket *s, struct zn_end *e)
{
    struct zn_end *before = s->processing;
    s->processing = e;
    on_closed(s, e);
    s->processing = before;
    if (before != e)
        release_if_gone(e);
}

static void detach(struct zn_socket *s, struct zn_end *e)
{
    if (!e->attached)
        return;
    zn_socket_keep_rest(s, e);
    if (s->pattern->detach != NULL)
        s->pattern->detach(s, e);
    e->attached = false;
    struct zn_end *last = s->ends[--s->end_count];
    s->ends[e->socket_index] = last;
    last->socket_index = e->socket_index;
    /* Never the last hold: the caller is inside of s. */
    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_relaxed);
}

void zn_socket_end_done(struct zn_socket *s, struct zn_end *e)
{
    struct zn_route *r = e->route;
    detach(s, e);
    e->gone = true;
    e->route = NULL;
    zn_end_disown(e, s);
    if (r != NULL)
        zn_route_lost_end(r);
    if (s->processing != e)
        release_if_gone(e);
}

void zn_socket_end_close(struct zn_socket *s, struct zn_end *e, int linger_ms)
{
    atomic_store_explicit(&e->pipe->linger_ms, linger_ms, memory_order_relaxed);
    zn_socket_end_done(s, e);
}

void zn_socket_end_leave(struct zn_socket *s, struct zn_end *e)
{
    detach(s, e);
    zn_queue_set_hwm(e->in, 1);          /* the session reads no further than that */
    zn_queue_discard(e->in);
    atomic_store_explicit(&e->pipe->left, true, memory_order_relaxed);
    zn_socket_end_close(s, e, s->options.linger);
}

/* Its own connect comes first, lest the end takes it along. */
void zn_socket_end_forget(struct zn_socket *s, struct zn_end *e)
{
    struct zn_route *r = e->route;
    bool ours = r != NULL && !r->bound;
    if (ours)
        e->route = NULL;
    zn_socket_end_close(s, e, 0);
    if (ours)
        zn_route_close(r);
}

uint32_t zn_random_u32(void)
{
    uint32_t v;
    zn_random(&v, sizeof v);
    return v;
}

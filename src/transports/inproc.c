/* transports/inproc.c - inproc://: a name in the context, and pipes without a connection.
 *
 * Connecting makes a pipe and posts its other end to the socket that is bound to the name.
 * Before there is one the pipe waits in the context, and messages queue in it. Names and
 * waiting pipes are guarded by ctx->inproc_lock, inside of which no socket is locked. */
#include <zmq.h>

#include "core/ctx.h"
#include "core/socket.h"
#include "core/transport.h"

/* A pipe that waits for its name to be bound. */
struct pending {
    struct zn_list link;
    struct zn_end *end;                  /* for the binder */
    struct zn_route *route;              /* the connect; NULL: its socket let go */
    int sndhwm, rcvhwm;
    uint8_t *id;                         /* the connecter's; or NULL */
    size_t id_size;
    uint8_t *binder_id;                  /* room for the binder's: to bind cannot fail */
    char name[];
};

static struct zn_bytes bytes_of(const char *name)
{
    return (struct zn_bytes){ (const uint8_t *)name, strlen(name) };
}

/* Tells e who is at the other end, and takes id (heap, or NULL) over; nothing if e has been
 * closed in the meantime. */
static void know(struct zn_end *e, uint8_t *id, size_t size)
{
    zn_lock(&e->pipe->lock);
    if (!(atomic_load(&e->pipe->closed) & (e == &e->pipe->end[0] ? 1 : 2))) {
        e->inproc = true;
        e->id = id;
        e->id_size = (uint16_t)size;
        id = NULL;
    }
    zn_unlock(&e->pipe->lock);
    zn_free(id);
}

/* A copy for know(); NULL in *out if there is nothing to copy. */
static int copy_id(const struct zn_blob *id, uint8_t **out)
{
    *out = NULL;
    if (id->size == 0)
        return 0;
    *out = zn_alloc(id->size);
    if (*out == NULL)
        return -ENOMEM;
    memcpy(*out, id->data, id->size);
    return 0;
}

/* The hello message comes before all others, though the binder may not be there yet. If it is
 * the pattern hears it. */
static int begin(struct zn_socket *s, struct zn_end *e, bool ready)
{
    int rc = ready ? zn_socket_ready(s, e) : 0;
    return rc < 0 ? rc : zn_socket_say_hello(s, e);
}

/* ---- bind. */

enum { ID_MAX = 255 };

static void free_pending(struct pending *p)
{
    zn_free(p->id);
    zn_free(p->binder_id);
    zn_free(p);
}

/* A pipe that was waiting becomes an end of s: as if its connecter had come just now, but
 * what came before had nobody to be posted to. */
static void adopt(struct zn_socket *s, struct zn_route *r, struct pending *p)
{
    struct zn_end *e = p->end;
    const struct zn_blob *id = &r->options.routing_id;
    unsigned what = ZN_POST_ATTACH | ZN_POST_READY | ZN_POST_READ;

    if (id->size > 0) {
        memcpy(p->binder_id, id->data, ZN_MIN(id->size, (size_t)ID_MAX));
        know(e->peer, p->binder_id, id->size);
        p->binder_id = NULL;
    } else {
        know(e->peer, NULL, 0);
    }
    know(e, p->id, p->id_size);
    p->id = NULL;
    zn_end_own(e, &zn_socket_owner, s);
    zn_end_set_hwm(e, r->options.sndhwm, r->options.rcvhwm);
    zn_end_post(e->peer, ZN_POST_READY, s);
    zn_end_post(e, what | (zn_end_peer_closed(e) ? ZN_POST_CLOSED : 0u), s);
    free_pending(p);
}

static void take_pending(struct zn_ctx *ctx, const char *name, struct zn_list *out)
{
    ZN_LIST_EACH (it, &ctx->inproc_pending) {
        struct pending *p = ZN_CONTAINER(it, struct pending, link);
        if (strcmp(p->name, name) != 0)
            continue;
        if (p->route != NULL)
            p->route->pending = NULL;
        p->route = NULL;
        zn_list_remove(&p->link);
        zn_list_append(out, &p->link);
    }
}

static void forget_all(struct zn_ctx *ctx)
{
    while (!zn_list_empty(&ctx->inproc_pending)) {
        struct pending *p = ZN_CONTAINER(ctx->inproc_pending.next, struct pending, link);
        zn_list_remove(&p->link);
        zn_end_close(p->end, NULL);
        free_pending(p);
    }
}

static int bind_name(struct zn_socket *s, const char *endpoint, char *last)
{
    (void)last;
    struct zn_ctx *ctx = s->ctx;
    struct zn_route *r = zn_route_new(s, &zn_transport_inproc, endpoint, true);
    if (r == NULL)
        return -ENOMEM;

    struct zn_list waiting;
    zn_list_init(&waiting);
    zn_lock(&ctx->inproc_lock);
    int rc = zn_map_put(&ctx->inproc_names, bytes_of(r->text), r);
    if (rc == 0)
        take_pending(ctx, r->text, &waiting);
    zn_unlock(&ctx->inproc_lock);
    if (rc < 0) {
        zn_route_close(r);
        return rc == -EEXIST ? -EADDRINUSE : rc;
    }
    while (!zn_list_empty(&waiting)) {
        struct pending *p = ZN_CONTAINER(waiting.next, struct pending, link);
        zn_list_remove(&p->link);
        adopt(s, r, p);
    }
    zn_socket_process(s);
    return 0;
}

/* ---- connect. */

static int wait_for_binder(struct zn_ctx *ctx, struct zn_route *r, struct zn_end *other)
{
    const struct zn_options *o = &r->options;
    size_t size = strlen(r->text) + 1;
    struct pending *p = zn_zalloc(sizeof *p + size);
    if (p == NULL)
        return -ENOMEM;
    p->binder_id = zn_alloc(ID_MAX);
    if (p->binder_id == NULL || copy_id(&o->routing_id, &p->id) < 0) {
        free_pending(p);
        return -ENOMEM;
    }
    p->id_size = o->routing_id.size;
    memcpy(p->name, r->text, size);
    p->end = other;
    p->route = r;
    r->pending = p;
    p->sndhwm = o->sndhwm;
    p->rcvhwm = o->rcvhwm;
    zn_list_append(&ctx->inproc_pending, &p->link);
    ctx->inproc_fini = forget_all;
    return 0;
}

/* Finds the binder (held, in *binder), or leaves the pipe to wait for one. */
static int meet(struct zn_route *r, struct zn_end *e, struct zn_socket **binder)
{
    struct zn_ctx *ctx = r->socket->ctx;
    int rc = 0;
    *binder = NULL;
    zn_lock(&ctx->inproc_lock);
    struct zn_route *b = zn_map_get(&ctx->inproc_names, bytes_of(r->text));
    if (b == NULL) {
        rc = wait_for_binder(ctx, r, e->peer);
    } else {
        uint8_t *his, *mine = NULL;
        *binder = b->socket;
        zn_socket_hold(b->socket);
        rc = copy_id(&b->options.routing_id, &his);
        if (rc == 0 && (rc = copy_id(&r->options.routing_id, &mine)) < 0)
            zn_free(his);
        if (rc == 0) {
            know(e, his, b->options.routing_id.size);
            know(e->peer, mine, r->options.routing_id.size);
        }
        zn_end_set_hwm(e->peer, b->options.sndhwm, b->options.rcvhwm);
    }
    zn_unlock(&ctx->inproc_lock);
    return rc;
}

static int connect_name(struct zn_socket *s, const char *endpoint, char *last)
{
    (void)last;
    struct zn_pipe *p = NULL;
    struct zn_route *r = zn_route_new(s, &zn_transport_inproc, endpoint, false);
    if (r == NULL)
        return -ENOMEM;
    int rc = zn_pipe_new(&p, zn_socket_conflates(s, &s->options, ZN_PAT_SEND),
                         zn_socket_conflates(s, &s->options, ZN_PAT_RECV));
    if (rc < 0)
        goto close_route;

    struct zn_end *e = &p->end[0];
    struct zn_socket *binder;
    e->route = r;
    e->initiator = true;
    zn_end_own(e, &zn_socket_owner, s);
    zn_end_set_hwm(e, s->options.sndhwm, s->options.rcvhwm);
    rc = zn_socket_attach(s, e);
    if (rc < 0) {
        zn_pipe_unmake(e->peer);
        goto close_route;
    }
    rc = meet(r, e, &binder);
    if (rc < 0) {
        if (binder != NULL)
            zn_socket_drop(binder);
        zn_end_close(e->peer, s);
        goto close_route;
    }
    if (binder != NULL) {
        zn_end_own(e->peer, &zn_socket_owner, binder);
        zn_end_post(e->peer, ZN_POST_ATTACH | ZN_POST_READY | ZN_POST_READ, s);
        zn_socket_drop(binder);
    }
    rc = begin(s, e, binder != NULL);
    if (rc == 0)
        return 0;

close_route:
    zn_route_close(r);                   /* and e with it, once it is attached */
    return rc == -EBUSY ? 0 : rc;        /* PAIR has its peer: this one is ignored */
}

/* ---- The end of either. */

static bool is_untouched(const struct zn_end *e)
{
    return atomic_load(&e->in->written) == 0;
}

/* The connect has ended, and what waits is dropped, and returned, unless there are messages in
 * it: whoever binds gets them. */
static struct pending *leave_route(struct pending *p)
{
    if (p == NULL)
        return NULL;
    p->route->pending = NULL;
    p->route = NULL;
    if (!is_untouched(p->end))
        return NULL;
    zn_list_remove(&p->link);
    return p;
}

static void forget(struct zn_route *r)
{
    struct zn_ctx *ctx = r->socket->ctx;
    struct pending *p = NULL;
    zn_lock(&ctx->inproc_lock);
    if (r->bound) {
        if (zn_map_get(&ctx->inproc_names, bytes_of(r->text)) == r)
            zn_map_remove(&ctx->inproc_names, bytes_of(r->text));
    } else {
        p = leave_route(r->pending);
    }
    zn_unlock(&ctx->inproc_lock);
    if (p == NULL)
        return;
    zn_end_close(p->end, r->socket);
    free_pending(p);
}

const struct zn_transport zn_transport_inproc = {
    .scheme = "inproc",
    .bind = bind_name,
    .connect = connect_name,
    .forget = forget,
};

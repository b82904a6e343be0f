/* core/route.c - one zmq_bind or zmq_connect of a socket: from its first copy of the options until
 * the last of its sessions has let go of it. */
#include "core/socket.h"

#include "core/carrier.h"
#include "core/listener.h"
#include "core/session.h"
#include "core/transport.h"

int zn_socket_set_next_peer_id(struct zn_socket *s, const void *value, size_t size)
{
    if (value == NULL || size == 0)
        return -EINVAL;
    return zn_blob_set(&s->next_peer_id, value, size);
}

struct zn_bytes zn_socket_chosen_id(const struct zn_end *e)
{
    const struct zn_route *r = e->route;

    return r == NULL ? (struct zn_bytes){ NULL, 0 }
                     : (struct zn_bytes){ r->peer_id.data, r->peer_id.size };
}

struct zn_route *zn_route_new(struct zn_socket *s, const struct zn_transport *t,
                              const char *text, bool bound)
{
    struct zn_route *r = zn_zalloc(sizeof *r);
    size_t size = strlen(text) + 1;
    if (r == NULL)
        return NULL;
    r->text = zn_alloc(size);
    if (r->text == NULL || zn_options_copy(&r->options, &s->options) < 0) {
        zn_free(r->text);
        zn_free(r);
        return NULL;
    }
    memcpy(r->text, text, size);
    atomic_store_explicit(&r->refs, 1, memory_order_relaxed);
    r->socket = s;
    r->transport = t;
    r->bound = bound;
    if (!bound) {
        r->peer_id = s->next_peer_id;
        s->next_peer_id = (struct zn_blob){ NULL, 0 };
    }
    zn_list_init(&r->sessions);
    zn_list_append(&s->routes, &r->link);
    zn_socket_hold(s);
    return r;
}

void zn_route_drop(struct zn_route *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    zn_options_fini(&r->options);
    zn_blob_fini(&r->peer_id);
    zn_free(r->text);
    struct zn_socket *s = r->socket;
    zn_free(r);
    zn_socket_drop(s);
}

/* Unbinding takes the peers away, as if they had gone themselves: what they have sent can still
 * be read. Patterns that read in the background have read all there is. */
static bool stays_readable(const struct zn_route *r)
{
    const struct zn_socket *s = r->socket;
    return r->bound && !s->closed && r->carrier == NULL &&
           (s->pattern->flags & (ZN_PAT_RECV | ZN_PAT_EAGER)) == ZN_PAT_RECV;
}

static void let_go(struct zn_route *r, struct zn_end *e)
{
    struct zn_socket *s = r->socket;
    if (!stays_readable(r)) {
        zn_socket_end_close(s, e, s->options.linger);
        return;
    }
    atomic_store_explicit(&e->pipe->linger_ms, s->options.linger, memory_order_relaxed);
    e->route = NULL;
    zn_socket_end_lost(s, e);
}

/* It brings nobody any more. */
static void retire(struct zn_route *r)
{
    r->closed = true;
    zn_list_remove(&r->link);
    if (r->listener != NULL)
        zn_listener_close(r->listener);
    r->listener = NULL;
    if (r->transport->forget != NULL)
        r->transport->forget(r);
}

void zn_route_close(struct zn_route *r)
{
    struct zn_socket *s = r->socket;
    retire(r);
    for (uint32_t i = s->end_count; i-- > 0;)
        if (i < s->end_count && s->ends[i]->route == r)
            let_go(r, s->ends[i]);
    ZN_LIST_EACH (it, &r->sessions)
        zn_session_stop(ZN_CONTAINER(it, struct zn_session, link));
    if (r->carrier != NULL)
        zn_carrier_stop(r->carrier);
    r->carrier = NULL;
    zn_route_drop(r);
}

/* What makes pipes itself has made one, and makes no other. Sessions come again, and when they do
 * not, the endpoint is remembered all the same, as libzmq does. */
static bool is_spent(const struct zn_route *r)
{
    return !r->bound && !r->closed && r->transport->connect != NULL && r->carrier == NULL;
}

void zn_route_lost_end(struct zn_route *r)
{
    if (!is_spent(r))
        return;
    retire(r);
    zn_route_drop(r);
}

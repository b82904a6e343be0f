/* core/calls.c - what an application asks of a socket besides messages: endpoints and
 * options. The socket is locked. */
#include "core/socket.h"

#include "core/carrier.h"
#include "core/ctx.h"
#include "core/endpoint.h"
#include "core/listener.h"
#include "core/monitor.h"
#include "core/session.h"
#include "core/transport.h"

/* ---- Endpoints. */

struct place {
    const struct zn_transport *transport;
    const char *address;
};

static bool serves(const struct zn_transport *t, const struct zn_pattern *p)
{
    return t->types != 0 ? t->types >> p->type & 1 : !(p->flags & ZN_PAT_DATAGRAMS);
}

static int find_place(struct zn_socket *s, const char *endpoint, struct place *out)
{
    struct zn_endpoint ep;
    int rc = zn_endpoint_parse(endpoint, &ep);
    if (rc < 0)
        return rc;
    out->transport = zn_transport_find(ep.scheme);
    out->address = ep.address;
    if (out->transport == NULL)
        return -EPROTONOSUPPORT;
    if (!serves(out->transport, s->pattern))
        return -ENOCOMPATPROTO;
    return 0;
}

/* The part of an endpoint behind "://". */
static const char *bare(const char *endpoint)
{
    return strstr(endpoint, "://") + 3;
}

/* The text of ZMQ_LAST_ENDPOINT is made before the deed, which then cannot fail for it. */
static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = zn_alloc(ZN_MAX(size, (size_t)ZN_ENDPOINT_MAX));
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static void set_last_endpoint(struct zn_socket *s, char *text)
{
    zn_free(s->last_endpoint);
    s->last_endpoint = text;
}

static int bind_stream(struct zn_socket *s, const struct place *at, const char *endpoint)
{
    struct zn_loop *loop = zn_ctx_loop(s->ctx, s->options.affinity);
    if (loop == NULL)
        return -EMTHREAD;

    struct zn_listening l = { .fd = -1 };
    int failed_fd = -1;
    int rc = at->transport->listen(at->address, &s->options, &l, &failed_fd);
    if (rc < 0) {
        if (failed_fd >= 0)
            zn_monitor_tell(s, ZMQ_EVENT_CLOSED, (uint64_t)failed_fd, l.text, "");
        zn_monitor_tell(s, ZMQ_EVENT_BIND_FAILED, (uint64_t)-rc, bare(endpoint), "");
        return rc;
    }
    struct zn_route *r = zn_route_new(s, at->transport, l.text, true);
    char *last = copy_text(l.text);
    rc = r == NULL || last == NULL ? -ENOMEM : zn_listener_new(r, loop, &l);
    if (rc < 0) {
        zn_free(last);
        if (r != NULL)
            zn_route_close(r);
        if (at->transport->unlisten != NULL)
            at->transport->unlisten(&l.left);
        zn_sock_close(l.fd);
        return rc;
    }
    set_last_endpoint(s, last);
    zn_monitor_tell(s, ZMQ_EVENT_LISTENING, (uint64_t)l.fd, l.text, "");
    return 0;
}

int zn_socket_bind(struct zn_socket *s, const char *endpoint)
{
    struct place at;
    zn_socket_process(s);
    int rc = find_place(s, endpoint, &at);
    if (rc < 0)
        return rc;
    if (at.transport->bind == NULL)
        return bind_stream(s, &at, endpoint);
    char *last = copy_text(endpoint);
    if (last == NULL)
        return -ENOMEM;
    rc = at.transport->bind(s, endpoint, last);
    if (rc == 0)
        set_last_endpoint(s, last);
    else
        zn_free(last);
    return rc;
}

static struct zn_route *find_route(struct zn_socket *s, const char *text)
{
    ZN_LIST_EACH (it, &s->routes) {
        struct zn_route *r = ZN_CONTAINER(it, struct zn_route, link);
        if (strcmp(r->text, text) == 0)
            return r;
        if (r->carrier != NULL && zn_carrier_is_at(r->carrier, text))
            return r;
    }
    return NULL;
}

bool zn_socket_connects_twice(const struct zn_socket *s, const char *endpoint)
{
    if (!(s->pattern->flags & ZN_PAT_SAME_ENDPOINT_ONCE))
        return false;
    ZN_LIST_EACH (it, &s->routes) {
        const struct zn_route *r = ZN_CONTAINER(it, struct zn_route, link);
        if (!r->bound && strcmp(r->text, endpoint) == 0)
            return true;
    }
    return false;
}

static int connect_stream(struct zn_socket *s, const struct place *at,
                          const char *endpoint)
{
    if (zn_socket_connects_twice(s, endpoint))
        return 0;
    if (zn_ctx_loop(s->ctx, s->options.affinity) == NULL)
        return -EMTHREAD;
    int rc = at->transport->check(at->address, &s->options);
    if (rc < 0)
        return rc;
    struct zn_route *r = zn_route_new(s, at->transport, endpoint, false);
    if (r == NULL)
        return -ENOMEM;
    rc = zn_session_connect(r);
    if (rc < 0)
        zn_route_close(r);
    return rc;
}

int zn_socket_connect(struct zn_socket *s, const char *endpoint)
{
    struct place at;
    zn_socket_process(s);
    int rc = find_place(s, endpoint, &at);
    if (rc < 0)
        return rc;
    char text[ZN_ENDPOINT_MAX];
    if (at.transport->full_name != NULL) {
        rc = at.transport->full_name(at.address, text, sizeof text);
        if (rc < 0)
            return rc;
        endpoint = text;
    }
    char *last = copy_text(endpoint);
    if (last == NULL)
        return -ENOMEM;
    rc = at.transport->connect != NULL ? at.transport->connect(s, endpoint, last)
                                       : connect_stream(s, &at, endpoint);
    if (rc == 0)
        set_last_endpoint(s, last);
    else
        zn_free(last);
    return rc;
}

static int close_routes(struct zn_socket *s, const char *text)
{
    int found = 0;
    struct zn_route *r;
    while ((r = find_route(s, text)) != NULL) {
        zn_route_close(r);
        found++;
    }
    return found;
}

int zn_socket_unbind(struct zn_socket *s, const char *endpoint)
{
    struct place at;
    zn_socket_process(s);
    int rc = find_place(s, endpoint, &at);
    if (rc < 0)
        return rc;
    if (close_routes(s, endpoint) > 0)
        return 0;
    char alias[ZN_ENDPOINT_MAX];
    if (at.transport->alias == NULL)
        return -ENOENT;
    for (int i = 0;
         at.transport->alias(at.address, &s->options, i, alias, sizeof alias) == 0; i++)
        if (close_routes(s, alias) > 0)
            return 0;
    return -ENOENT;
}

/* ---- Options. */

static void apply_hwm(struct zn_socket *s)
{
    for (uint32_t i = 0; i < s->end_count; i++)
        zn_end_change_hwm(s->ends[i], s->options.sndhwm, s->options.rcvhwm);
}

int zn_socket_set(struct zn_socket *s, int option, const void *value, size_t size)
{
    if (zn_socket_stopped(s))
        return -ETERM;
    if (value == NULL && size > 0)
        return -EINVAL;
    int rc = s->pattern->set != NULL ? s->pattern->set(s, option, value, size) : -ENOENT;
    if (rc != -ENOENT)
        return rc;
    rc = zn_options_set(&s->options, option, value, size);
    if (rc == 0 && (option == ZMQ_SNDHWM || option == ZMQ_RCVHWM))
        apply_hwm(s);
    return rc;
}

int zn_socket_fd(struct zn_socket *s)
{
    if (s->fd < 0) {
        int fd = zn_signal_open();
        if (fd < 0)
            return fd;
        zn_lock(&s->watch_lock);
        s->fd = fd;
        /* What happened before counts as just happened. */
        s->fd_raised = true;
        zn_signal_raise(fd);
        zn_unlock(&s->watch_lock);
        atomic_fetch_add_explicit(&s->watcher_count, 1, memory_order_seq_cst);
    }
    return s->fd;
}

static int get_fd(struct zn_socket *s, void *value, size_t *size)
{
    if (s->pattern->flags & ZN_PAT_THREAD_SAFE)
        return -EINVAL;
    int fd = zn_socket_fd(s);
    return fd < 0 ? fd : zn_option_get_int_loose(fd, value, size);
}

int zn_socket_get(struct zn_socket *s, int option, void *value, size_t *size)
{
    if (zn_socket_stopped(s))
        return -ETERM;
    int rc = s->pattern->get != NULL ? s->pattern->get(s, option, value, size) : -ENOENT;
    if (rc != -ENOENT)
        return rc;
    switch (option) {
    case ZMQ_RCVMORE:
        return zn_option_get_int_loose(s->rcvmore, value, size);
    case ZMQ_FD:
        return get_fd(s, value, size);
    case ZMQ_EVENTS:
        return zn_option_get_int_loose((int)zn_socket_events(s), value, size);
    case ZMQ_TYPE:
        return zn_option_get_int(s->pattern->type, value, size);
    case ZMQ_LAST_ENDPOINT:
        return zn_option_get_text(s->last_endpoint ? s->last_endpoint : "", value, size);
    case ZMQ_THREAD_SAFE:
        return zn_option_get_int_loose(!!(s->pattern->flags & ZN_PAT_THREAD_SAFE), value,
                                       size);
    default:
        return zn_options_get(&s->options, option, value, size);
    }
}

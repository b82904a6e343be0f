/* core/monitor.c - see monitor.h. */
#include "core/monitor.h"

#include "core/endpoint.h"

#define ALL_V1 0xffffu

static int put(struct zn_handle *m, const void *data, size_t size, bool more)
{
    struct zn_frame f = { .data = data, .size = size, .flags = more ? ZN_MORE : 0 };
    return zn_socket_send(m, &f, ZMQ_DONTWAIT, 0);
}

/* An event is told whole or not at all. What an end has of one whose next part found no
 * memory is forgotten there; the pattern begins anew with whoever was in turn. */
static void forget_parts(struct zn_handle *m)
{
    struct zn_socket *s;
    if (zn_handle_lock(m, &s) < 0)
        return;
    for (uint32_t i = 0; i < s->end_count; i++)
        zn_end_rollback(s->ends[i]);
    zn_socket_unlock(s);
}

struct part {
    const void *data;
    size_t size;
};

static void put_all(struct zn_handle *m, const struct part *parts, int count)
{
    for (int i = 0; i < count; i++) {
        if (put(m, parts[i].data, parts[i].size, i + 1 < count) == 0)
            continue;
        if (i > 0)
            forget_parts(m);
        return;
    }
}

static void send_v1(struct zn_handle *m, uint64_t event, uint64_t value,
                    const char *where)
{
    uint8_t head[6];
    uint16_t e = (uint16_t)event;
    uint32_t v = (uint32_t)value;
    memcpy(head, &e, sizeof e);
    memcpy(head + 2, &v, sizeof v);
    put_all(m, (struct part[]){ { head, sizeof head }, { where, strlen(where) } }, 2);
}

enum { VALUES_MAX = 2 };

static void send_v2(struct zn_handle *m, uint64_t event, const uint64_t *values,
                    uint64_t count, const char *local, const char *remote)
{
    struct part parts[4 + VALUES_MAX] = { { &event, sizeof event },
                                          { &count, sizeof count } };
    int n = 2;
    for (uint64_t i = 0; i < count && i < VALUES_MAX; i++)
        parts[n++] = (struct part){ &values[i], sizeof values[i] };
    parts[n++] = (struct part){ local, strlen(local) };
    parts[n++] = (struct part){ remote, strlen(remote) };
    put_all(m, parts, n);
}

static void tell_locked(struct zn_socket *s, uint64_t event, const uint64_t *values,
                        uint64_t count, const char *local, const char *remote,
                        bool initiator)
{
    if (s->monitor == NULL || !(s->monitor_events & event))
        return;
    if (s->monitor_version == 1)
        send_v1(s->monitor, event, values[0],
                initiator || local[0] == '\0' ? remote : local);
    else
        send_v2(s->monitor, event, values, count, local, remote);
}

void zn_monitor_tell_connection(struct zn_socket *s, uint64_t event, uint64_t value,
                                const char *local, const char *remote, bool initiator)
{
    if (!(atomic_load_explicit(&s->monitor_events, memory_order_relaxed) & event))
        return;
    zn_lock(&s->monitor_lock);
    tell_locked(s, event, &value, 1, local, remote, initiator);
    zn_unlock(&s->monitor_lock);
}

void zn_monitor_tell(struct zn_socket *s, uint64_t event, uint64_t value,
                     const char *local, const char *remote)
{
    zn_monitor_tell_connection(s, event, value, local, remote, false);
}

bool zn_monitor_wants(struct zn_socket *s)
{
    return atomic_load_explicit(&s->monitor_events, memory_order_relaxed) != 0;
}

void zn_monitor_stop(struct zn_socket *s)
{
    const uint64_t none = 0;
    zn_lock(&s->monitor_lock);
    struct zn_handle *m = s->monitor;
    tell_locked(s, ZMQ_EVENT_MONITOR_STOPPED, &none, 1, "", "", false);
    s->monitor = NULL;                   /* nothing comes after that */
    atomic_store_explicit(&s->monitor_events, 0, memory_order_relaxed);
    zn_unlock(&s->monitor_lock);
    if (m != NULL)
        zn_socket_close(m);
}

static int open_monitor(struct zn_socket *s, const char *endpoint, int type,
                        struct zn_handle **out)
{
    struct zn_socket *m;
    int linger = 0;
    int rc = zn_socket_new(s->ctx, type, out);
    if (rc < 0)
        return rc;
    rc = zn_handle_lock(*out, &m);
    if (rc < 0) {
        zn_socket_close(*out);
        return rc;
    }
    zn_socket_set(m, ZMQ_LINGER, &linger, sizeof linger);
    rc = zn_socket_bind(m, endpoint);
    zn_socket_unlock(m);
    if (rc < 0)
        zn_socket_close(*out);
    return rc;
}

int zn_monitor_start(struct zn_socket *s, const char *endpoint, uint64_t events,
                     int version, int type)
{
    struct zn_endpoint ep;
    if (zn_socket_stopped(s))
        return -ETERM;
    if (version == 1 && events & ~(uint64_t)ALL_V1)
        return -EINVAL;
    if (endpoint == NULL) {
        zn_monitor_stop(s);
        return 0;
    }
    int rc = zn_endpoint_parse(endpoint, &ep);
    if (rc < 0)
        return rc;
    if (!zn_bytes_equal(ep.scheme, (struct zn_bytes){ (const uint8_t *)"inproc", 6 }))
        return -EPROTONOSUPPORT;
    zn_monitor_stop(s);
    if (type != ZMQ_PAIR && type != ZMQ_PUB && type != ZMQ_PUSH)
        return -EINVAL;
    if (version != 1 && version != 2)
        return -EINVAL;

    struct zn_handle *m;
    rc = open_monitor(s, endpoint, type, &m);
    if (rc < 0)
        return rc;
    zn_lock(&s->monitor_lock);
    s->monitor = m;
    s->monitor_version = version;
    atomic_store_explicit(&s->monitor_events, events, memory_order_relaxed);
    zn_unlock(&s->monitor_lock);
    return 0;
}

static uint64_t queued(const struct zn_queue *q)
{
    return atomic_load_explicit(&q->written, memory_order_relaxed) -
           atomic_load_explicit(&q->consumed, memory_order_relaxed);
}

int zn_monitor_pipes_stats(struct zn_socket *s)
{
    int rc = 0;
    zn_lock(&s->monitor_lock);
    if (s->monitor == NULL || !(s->monitor_events & ZMQ_EVENT_PIPES_STATS))
        rc = -EINVAL;
    else if (s->end_count == 0)
        rc = -EAGAIN;
    for (uint32_t i = 0; rc == 0 && i < s->end_count; i++) {
        struct zn_end *e = s->ends[i];
        uint64_t values[2] = { queued(e->out), queued(e->in) };
        const char *where = e->route ? e->route->text : "";
        tell_locked(s, ZMQ_EVENT_PIPES_STATS, values, 2, e->initiator ? "" : where,
                    e->initiator ? where : "", e->initiator);
    }
    zn_unlock(&s->monitor_lock);
    return rc;
}

/* api/socket.c - what zmq.h does with a socket: check, call the core, set errno. */
#include <sys/uio.h>

#include <zmq.h>

#include "api/result.h"
#include "core/monitor.h"
#include "core/socket.h"
#include "patterns/dish.h"
#include "patterns/router.h"
#include "patterns/shared/numbered.h"

_Static_assert(sizeof(zmq_msg_t) == sizeof(struct zn_msg), "one layout for both");

static struct zn_msg *inside(zmq_msg_t *m)
{
    return (struct zn_msg *)(void *)m;
}

/* Calls f on the locked socket. */
typedef int (*locked_fn)(struct zn_socket *s, const char *text);

static int with_text(void *handle, const char *text, locked_fn f)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = zn_socket_stopped(s) ? -ETERM : f(s, text);
    zn_socket_unlock(s);
    return zn_result(rc);
}

int zmq_close(void *handle)
{
    return zn_result(zn_socket_close(handle));
}

int zmq_bind(void *handle, const char *endpoint)
{
    return with_text(handle, endpoint, zn_socket_bind);
}

int zmq_connect(void *handle, const char *endpoint)
{
    return with_text(handle, endpoint, zn_socket_connect);
}

int zmq_unbind(void *handle, const char *endpoint)
{
    return with_text(handle, endpoint, zn_socket_unbind);
}

int zmq_disconnect(void *handle, const char *endpoint)
{
    return with_text(handle, endpoint, zn_socket_unbind);
}

int zmq_setsockopt(void *handle, int option, const void *value, size_t size)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = zn_socket_set(s, option, value, size);
    zn_socket_unlock(s);
    return zn_result(rc);
}

int zmq_getsockopt(void *handle, int option, void *value, size_t *size)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = value == NULL || size == NULL ? -EINVAL : zn_socket_get(s, option, value, size);
    zn_socket_unlock(s);
    return zn_result(rc);
}

/* ---- Sending. */

static int send_bytes(void *handle, const void *buf, size_t size, int flags)
{
    if (buf == NULL && size > 0)
        return zn_result(-EFAULT);
    struct zn_frame f = { .data = buf,
                          .size = size,
                          .flags = flags & ZMQ_SNDMORE ? ZN_MORE : 0 };
    int rc = zn_socket_send(handle, &f, flags, 0);
    return rc < 0 ? zn_result(rc)
                  : zn_result_size(size > INT_MAX ? INT_MAX : (ptrdiff_t)size);
}

int zmq_send(void *handle, const void *buf, size_t size, int flags)
{
    return send_bytes(handle, buf, size, flags);
}

/* Large constant data is referred to, small is copied as any other. */
int zmq_send_const(void *handle, const void *buf, size_t size, int flags)
{
    if (size < ZN_SHARE_SIZE || buf == NULL)
        return send_bytes(handle, buf, size, flags);
    struct zn_content *c = zn_content_wrap((void *)(uintptr_t)buf, size, NULL, NULL);
    if (c == NULL)
        return zn_result(-ENOMEM);
    struct zn_frame f = { .data = buf,
                          .size = size,
                          .content = c,
                          .flags = flags & ZMQ_SNDMORE ? ZN_MORE : 0 };
    int rc = zn_socket_send(handle, &f, flags, 0);
    zn_content_drop(c);
    return rc < 0 ? zn_result(rc)
                  : zn_result_size(size > INT_MAX ? INT_MAX : (ptrdiff_t)size);
}

int zmq_msg_send(zmq_msg_t *msg, void *handle, int flags)
{
    struct zn_msg *m = inside(msg);
    if (msg == NULL || !zn_msg_valid(m))
        return zn_result(-EFAULT);
    struct zn_frame f = zn_msg_frame(m);
    f.flags = flags & ZMQ_SNDMORE ? ZN_MORE : 0;
    f.msg = m;
    int rc = zn_socket_send(handle, &f, flags, zn_msg_routing_id(m));
    if (rc < 0)
        return zn_result(rc);
    ptrdiff_t size = f.size > INT_MAX ? INT_MAX : (ptrdiff_t)f.size;
    zn_msg_empty(m);
    zn_msg_init(m);
    return zn_result_size(size);
}

int zmq_sendmsg(void *handle, zmq_msg_t *msg, int flags)
{
    return zmq_msg_send(msg, handle, flags);
}

int zmq_sendiov(void *handle, struct iovec *iov, size_t count, int flags)
{
    if (iov == NULL || count == 0)
        return zn_result(-EINVAL);
    int rc = 0;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        int f = i + 1 == count ? flags & ~ZMQ_SNDMORE : flags;
        rc = send_bytes(handle, iov[i].iov_base, iov[i].iov_len, f);
    }
    return rc;
}

/* ---- Receiving. */

int zmq_recv(void *handle, void *buf, size_t size, int flags)
{
    if (buf == NULL && size > 0)
        return zn_result(-EFAULT);
    struct zn_sink sink = { .buf = buf, .size = size };
    return zn_result_size(zn_socket_recv(handle, &sink, flags));
}

int zmq_msg_recv(zmq_msg_t *msg, void *handle, int flags)
{
    if (msg == NULL || !zn_msg_valid(inside(msg)))
        return zn_result(-EFAULT);
    struct zn_sink sink = { .msg = inside(msg) };
    return zn_result_size(zn_socket_recv(handle, &sink, flags));
}

int zmq_recvmsg(void *handle, zmq_msg_t *msg, int flags)
{
    return zmq_msg_recv(msg, handle, flags);
}

/* Each part in memory of the C library's heap, which the caller frees. */
int zmq_recviov(void *handle, struct iovec *iov, size_t *count, int flags)
{
    if (iov == NULL || count == NULL || *count == 0)
        return zn_result(-EINVAL);
    size_t room = *count;
    int more = 1;
    for (*count = 0; more && *count < room;) {
        zmq_msg_t msg;
        zmq_msg_init(&msg);
        if (zmq_msg_recv(&msg, handle, flags) < 0)
            return -1;
        size_t size = zmq_msg_size(&msg);
        iov[*count].iov_base = zn_alloc(size > 0 ? size : 1);
        if (iov[*count].iov_base == NULL) {
            zmq_msg_close(&msg);
            return zn_result(-ENOMEM);
        }
        iov[*count].iov_len = size;
        if (size > 0)
            memcpy(iov[*count].iov_base, zmq_msg_data(&msg), size);
        more = zmq_msg_more(&msg);
        zmq_msg_close(&msg);
        ++*count;
    }
    return (int)*count;
}

/* ---- Monitoring. */

int zmq_socket_monitor_versioned(void *handle, const char *endpoint, uint64_t events,
                                 int version, int type)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = zn_monitor_start(s, endpoint, events, version, type);
    zn_socket_unlock(s);
    return zn_result(rc);
}

int zmq_socket_monitor(void *handle, const char *endpoint, int events)
{
    return zmq_socket_monitor_versioned(handle, endpoint, (uint64_t)events, 1, ZMQ_PAIR);
}

int zmq_socket_monitor_pipes_stats(void *handle)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = zn_socket_stopped(s) ? -ETERM : zn_monitor_pipes_stats(s);
    zn_socket_unlock(s);
    return zn_result(rc);
}

/* ---- For one type or another. */

int zmq_socket_get_peer_state(void *handle, const void *id, size_t size)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    if (zn_socket_stopped(s))
        rc = -ETERM;
    else if (s->pattern->type != ZMQ_ROUTER && s->pattern->type != ZMQ_REP)
        rc = -ENOTSUP;
    else
        rc = zn_router_peer_state(s, (struct zn_bytes){ id, size });
    zn_socket_unlock(s);
    return zn_result(rc);
}

int zmq_join(void *handle, const char *group)
{
    return with_text(handle, group, zn_dish_join);
}

int zmq_leave(void *handle, const char *group)
{
    return with_text(handle, group, zn_dish_leave);
}

/* With ZMQ_IMMEDIATE there is nobody to be numbered before the connection is up. */
static int connect_peer(struct zn_socket *s, const char *endpoint)
{
    if (s->pattern->type != ZMQ_PEER)
        return -ENOTSUP;
    return s->options.immediate ? -EFAULT : zn_socket_connect(s, endpoint);
}

uint32_t zmq_connect_peer(void *handle, const char *endpoint)
{
    struct zn_socket *s;
    uint32_t id = 0;
    int rc = zn_handle_lock(handle, &s);
    if (rc == 0) {
        rc = zn_socket_stopped(s) ? -ETERM : connect_peer(s, endpoint);
        if (rc == 0)
            id = zn_numbered_newest(s);
        zn_socket_unlock(s);
    }
    zn_result(rc);
    return id;
}

int zmq_disconnect_peer(void *handle, uint32_t id)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return zn_result(rc);
    rc = zn_socket_stopped(s) ? -ETERM : zn_numbered_disconnect(s, id);
    zn_socket_unlock(s);
    return zn_result(rc);
}

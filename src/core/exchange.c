/* core/exchange.c - sending and receiving: one try under the lock, and the waits between
 * tries outside of it. */
#include "core/socket.h"

#include "core/monitor.h"

/* ZMQ_FD, as libzmq's is used: it becomes readable when something happens. It stays so as
 * long as a message waits, except that it is let down once EVENTS has been read twice with
 * nothing done in between: an event loop that knows of the message must not spin on it. */
static void update_fd(struct zn_socket *s, bool told)
{
    bool in = s->pattern->events(s) & ZMQ_POLLIN;
    bool up = in && !(told && s->fd_told);
    s->fd_told = told && in;
    zn_lock(&s->watch_lock);
    /* A post that came after the look found the signal raised, and left it at that. */
    up = up || atomic_load_explicit(&s->ready, memory_order_seq_cst) != NULL;
    if (up != s->fd_raised) {
        s->fd_raised = up;
        if (up)
            zn_signal_raise(s->fd);
        else
            zn_signal_clear(s->fd);
    }
    zn_unlock(&s->watch_lock);
}

unsigned zn_socket_events(struct zn_socket *s)
{
    zn_socket_process(s);
    unsigned events = s->pattern->events(s);
    if (s->has_stuck)
        events |= ZMQ_POLLIN;
    if (s->fd >= 0)
        update_fd(s, true);
    return events;
}

/* ---- Waiting. */


static uint64_t deadline(int timeout_ms)
{
    return timeout_ms < 0 ? ZN_FOREVER : zn_now() + (uint64_t)timeout_ms * ZN_MS;
}

static uint64_t time_left(uint64_t until)
{
    if (until == ZN_FOREVER)
        return ZN_FOREVER;
    uint64_t now = zn_now();
    return until > now ? until - now : 0;
}

/* One more look, and a sleep if there was nothing. Called and left with the lock held. 0:
 * try again, -EAGAIN: time is up, -EINTR, -ENOTSOCK: closed meanwhile. */
static int sleep_once(struct zn_socket *s, uint32_t key, uint64_t until)
{
    zn_socket_unlock(s);
    int rc = zn_waiter_wait(&s->waiter, key, time_left(until));
    zn_socket_lock(s);
    if (s->closed)
        return -ENOTSOCK;
    if (rc == -ETIMEDOUT)
        return -EAGAIN;
    return rc;
}

typedef ptrdiff_t (*try_fn)(struct zn_socket *s, void *arg);

/* Tries until it works or time is up. Gives the lock back. */
static ptrdiff_t persist(struct zn_socket *s, int timeout_ms, try_fn attempt, void *arg)
{
    uint64_t until = deadline(timeout_ms);
    ptrdiff_t rc;
    zn_socket_hold(s);
    for (;;) {
        uint32_t key = zn_waiter_prepare(&s->waiter);
        rc = attempt(s, arg);
        int slept = rc == -EAGAIN ? sleep_once(s, key, until) : 0;
        zn_waiter_done(&s->waiter);
        if (rc != -EAGAIN)
            break;
        if (slept == -EAGAIN) {
            rc = attempt(s, arg);
            break;
        }
        if (slept < 0) {
            rc = slept;
            break;
        }
    }
    zn_socket_unlock(s);
    zn_socket_drop(s);
    return rc;
}

/* ---- Sending. */

struct sending {
    const struct zn_frame *frame;
    uint32_t routing_id;
};

static ptrdiff_t try_send(struct zn_socket *s, void *arg)
{
    const struct sending *job = arg;
    if (ZN_UNLIKELY(zn_socket_stopped(s)))
        return -ETERM;
    zn_socket_process(s);
    if (s->pattern->send == NULL)
        return -ENOTSUP;
    int rc = s->pattern->send(s, job->frame, job->routing_id);
    if (ZN_UNLIKELY(s->fd >= 0) && rc == 0)
        update_fd(s, false);
    return rc;
}

int zn_socket_send(void *handle, const struct zn_frame *f, int flags, uint32_t routing_id)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return rc;
    if (f->flags & ZN_MORE && s->pattern->flags & ZN_PAT_SINGLE) {
        zn_socket_unlock(s);
        return -EINVAL;
    }
    struct sending job = { f, routing_id };
    ptrdiff_t sent = try_send(s, &job);
    int timeout = s->options.sndtimeo;
    if (ZN_UNLIKELY(sent == -EAGAIN && !(flags & ZMQ_DONTWAIT) && timeout != 0))
        return (int)persist(s, timeout, try_send, &job);
    zn_socket_unlock(s);
    return (int)sent;
}

/* ---- Receiving. */

static int into_msg(const struct zn_incoming *in, struct zn_msg *m)
{
    struct zn_msg fresh;
    const struct zn_frame *f = &in->frame;
    if (f->content != NULL) {
        zn_msg_init_content(&fresh, zn_content_hold(f->content), f->data, f->size);
    } else {
        int rc = zn_msg_init_size(&fresh, f->size);
        if (rc < 0)
            return rc;
        if (f->size > 0)
            memcpy(zn_msg_data(&fresh), f->data, f->size);
    }
    zn_msg_set_more(&fresh, f->flags & ZN_MORE);
    if (in->metadata != NULL)
        zn_msg_set_metadata(&fresh, in->metadata);
    if (in->routing_id != 0)
        zn_msg_set_routing_id(&fresh, in->routing_id);
    zn_msg_close(m);
    *m = fresh;
    return 0;
}

static int hand_out(const struct zn_incoming *in, struct zn_sink *sink)
{
    if (sink->msg != NULL)
        return into_msg(in, sink->msg);
    size_t n = ZN_MIN(in->frame.size, sink->size);
    if (n > 0)
        memcpy(sink->buf, in->frame.data, n);
    return 0;
}

static ptrdiff_t try_recv(struct zn_socket *s, void *arg)
{
    struct zn_sink *sink = arg;
    struct zn_incoming fresh, *in = &s->stuck;
    if (ZN_UNLIKELY(zn_socket_stopped(s)))
        return -ETERM;
    zn_socket_process(s);
    if (s->pattern->recv == NULL)
        return -ENOTSUP;
    if (ZN_LIKELY(!s->has_stuck)) {
        in = &fresh;
        fresh.end = NULL;
        fresh.metadata = NULL;
        fresh.routing_id = 0;
        int rc = s->pattern->recv(s, in);
        if (rc < 0) {
            if (ZN_UNLIKELY(s->fd >= 0))
                update_fd(s, false);
            return rc;
        }
    }
    if (ZN_UNLIKELY(hand_out(in, sink) < 0)) {
        s->stuck = *in;
        s->has_stuck = true;
        return -ENOMEM;
    }
    s->has_stuck = false;
    s->rcvmore = in->frame.flags & ZN_MORE;
    size_t size = in->frame.size;
    if (in->end != NULL)
        zn_end_next(in->end);
    if (ZN_UNLIKELY(s->fd >= 0))
        update_fd(s, false);
    return (ptrdiff_t)size;
}

ptrdiff_t zn_socket_recv(void *handle, struct zn_sink *sink, int flags)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return rc;
    ptrdiff_t got = try_recv(s, sink);
    int timeout = s->options.rcvtimeo;
    if (ZN_UNLIKELY(got == -EAGAIN && !(flags & ZMQ_DONTWAIT) && timeout != 0))
        return persist(s, timeout, try_recv, sink);
    zn_socket_unlock(s);
    return got;
}

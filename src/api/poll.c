/* api/poll.c - zmq_poll, zmq_ppoll and zmq_poller_*: many sockets and descriptors at once.
 *
 * First every item is looked at. If nothing is ready the caller puts a watcher into each
 * socket, looks once more, and sleeps once: on an event count if there are sockets alone,
 * else in poll(2), with one signal descriptor for all of the sockets. */
#include <signal.h>

#include <zmq.h>

#include "api/poll.h"
#include "api/result.h"
#include "core/flush.h"
#include "core/socket.h"

/* One call's watch over its sockets. */
struct watch {
    struct zn_watcher watcher;
    struct zn_socket *socket;            /* held; NULL: no watcher set */
};

struct polling {
    zmq_pollitem_t *items;
    size_t count;
    struct zn_waiter waiter;
    int signal;                          /* -1: sockets alone */
    const void *sigmask;
    struct watch *watches;
    struct zn_pollfd *fds;               /* fds[0] is the signal */
};

/* ---- Looking. */

/* Sets revents of a socket's item; 1 if it is ready, 0, -errno. */
static int look_socket(zmq_pollitem_t *item)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(item->socket, &s);
    if (rc < 0)
        return rc;
    if (zn_socket_stopped(s))
        rc = -ETERM;
    else
        item->revents = (short)(zn_socket_events(s) & (unsigned)item->events);
    zn_socket_unlock(s);
    return rc < 0 ? rc : item->revents != 0;
}

static int look_sockets(struct polling *p)
{
    int ready = 0;
    for (size_t i = 0; i < p->count; i++) {
        p->items[i].revents = 0;
        if (p->items[i].socket == NULL)
            continue;
        int rc = look_socket(&p->items[i]);
        if (rc < 0)
            return rc;
        ready += rc;
    }
    return ready;
}

/* Descriptors, and the signal, for timeout_ns. Adds to ready. */
static int look_fds(struct polling *p, int ready, uint64_t timeout_ns)
{
    if (p->fds == NULL)
        return ready;
    p->fds[0] = (struct zn_pollfd){ .fd = p->signal, .events = ZN_FD_IN };
    for (size_t i = 0; i < p->count; i++) {
        const zmq_pollitem_t *item = &p->items[i];
        bool is_fd = item->socket == NULL;
        p->fds[i + 1] = (struct zn_pollfd){
            .fd = is_fd ? item->fd : -1,
            .events =
                is_fd ? (short)(item->events & (ZN_FD_IN | ZN_FD_OUT | ZN_FD_PRI)) : 0,
        };
    }
    int rc = zn_poll(p->fds, p->count + 1, timeout_ns, p->sigmask);
    if (rc < 0)
        return rc;
    if (p->fds[0].revents != 0 && p->signal >= 0)
        zn_signal_clear(p->signal);
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].socket != NULL)
            continue;
        p->items[i].revents = p->fds[i + 1].revents;
        ready += p->items[i].revents != 0;
    }
    return ready;
}

/* ---- Watching. */

static void unwatch(struct polling *p)
{
    for (size_t i = 0; p->watches != NULL && i < p->count; i++) {
        struct watch *w = &p->watches[i];
        if (w->socket == NULL)
            continue;
        zn_socket_unwatch(w->socket, &w->watcher);
        zn_socket_drop(w->socket);
    }
    zn_free(p->watches);
    p->watches = NULL;
}

static int watch(struct polling *p)
{
    p->watches = zn_zalloc(p->count * sizeof *p->watches);
    if (p->watches == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < p->count; i++) {
        struct watch *w = &p->watches[i];
        struct zn_flush flush = { .count = 0 };
        struct zn_socket *s;
        if (p->items[i].socket == NULL)
            continue;
        int rc = zn_handle_lock(p->items[i].socket, &s);
        if (rc < 0)
            return rc;
        zn_flush_collect(&flush, s);
        zn_socket_hold(s);
        w->socket = s;
        w->watcher.waiter = p->signal < 0 ? &p->waiter : NULL;
        w->watcher.signal = p->signal;
        zn_socket_watch(s, &w->watcher);
        zn_socket_unlock(s);
        zn_flush_run(&flush, false);
    }
    return 0;
}

/* ---- The call. */

/* A timeout beyond this many milliseconds (a hundred years) is as good as that. */
#define LONGEST 3155760000000

static uint64_t to_ns(long ms)
{
    return (uint64_t)ZN_MIN((int64_t)ms, LONGEST) * ZN_MS;
}

static int sleep_once(struct polling *p, uint32_t key, uint64_t until)
{
    if (p->fds != NULL)
        return look_fds(p, 0, zn_time_left(until));
    int rc = zn_waiter_wait(&p->waiter, key, zn_time_left(until));
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* Watchers are set: sleeps and looks until something is ready or time is up. */
static int sleep_and_look(struct polling *p, uint64_t until)
{
    for (;;) {
        bool last = zn_time_left(until) == 0;
        uint32_t key = zn_waiter_prepare(&p->waiter);
        int rc = look_sockets(p);
        if (rc == 0 && !last)
            rc = sleep_once(p, key, until);
        zn_waiter_done(&p->waiter);
        if (rc > 0 || rc < 0 || last) {
            if (rc >= 0 && p->fds != NULL)
                rc = look_fds(p, rc > 0 ? look_sockets(p) : 0, 0);
            return rc;
        }
    }
}

static bool has_fds(const struct polling *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].socket == NULL)
            return true;
    return false;
}

static int use_fds(struct polling *p)
{
    p->fds = zn_alloc((p->count + 1) * sizeof *p->fds);
    if (p->fds == NULL)
        return -ENOMEM;
    return 0;
}

int zn_poll_items(zmq_pollitem_t *items, size_t count, long timeout_ms,
                  const void *sigmask)
{
    struct polling p = {
        .items = items, .count = count, .signal = -1, .sigmask = sigmask
    };
    uint64_t until = timeout_ms < 0 ? ZN_FOREVER : zn_now() + to_ns(timeout_ms);
    int rc = 0;
    if (has_fds(&p) || sigmask != NULL)
        rc = use_fds(&p);
    if (rc == 0)
        rc = look_sockets(&p);
    if (rc >= 0)
        rc = look_fds(&p, rc, 0);
    if (rc == 0 && timeout_ms != 0) {
        if (p.fds != NULL)
            rc = p.signal = zn_signal_open();
        if (rc >= 0)
            rc = watch(&p);
        if (rc >= 0)
            rc = sleep_and_look(&p, until);
        unwatch(&p);
        zn_sock_close(p.signal);
    }
    zn_free(p.fds);
    return rc;
}

/* Nothing to look at: the time passes all the same. */
static int just_wait(long timeout_ms, const void *sigmask)
{
    if (timeout_ms == 0)
        return 0;
    return zn_poll(NULL, 0, timeout_ms < 0 ? ZN_FOREVER : to_ns(timeout_ms), sigmask);
}

static int poll_all(zmq_pollitem_t *items, int count, long timeout_ms,
                    const void *sigmask)
{
    if (count < 0)
        return zn_result(-EINVAL);
    if (count == 0)
        return zn_result(just_wait(timeout_ms, sigmask));
    if (items == NULL)
        return zn_result(-EFAULT);
    return zn_result(zn_poll_items(items, (size_t)count, timeout_ms, sigmask));
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms)
{
    return poll_all(items, count, timeout_ms, NULL);
}

int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout_ms, const sigset_t *sigmask)
{
    return poll_all(items, count, timeout_ms, sigmask);
}

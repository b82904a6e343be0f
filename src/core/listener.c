/* core/listener.c - see listener.h.
 *
 * The descriptor is closed by the application's thread (the port must be free when
 * zmq_unbind returns), so it has a lock of its own: the loop accepts under it. */
#include "core/listener.h"

#include "core/ctx.h"
#include "core/guest.h"
#include "core/monitor.h"
#include "core/session.h"

struct zn_listener {
    struct zn_watch watch;
    struct zn_task task;                 /* to start, and to end, on the loop */
    struct zn_timer timer;               /* backing off */
    struct zn_retired grave;
    struct zn_lock lock;                 /* guards fd */
    struct zn_route *route;              /* held */
    struct zn_loop *loop;
    struct zn_door *door;                /* counts connections; NULL: there is no limit */
    uint32_t round;                      /* the loop's, in which somebody last came */
    int fd;                              /* -1: closed */
    struct zn_left left;
};

/* To find that there is nobody else costs nearly as much as to accept somebody. So only one is
 * taken, but for when somebody came in the loop's last round already. */
enum { ACCEPTS_A_TURN = 64 };

static int most_now(struct zn_listener *l)
{
    uint32_t round = zn_loop_round(l->loop);
    bool crowd = round == l->round + 1;
    l->round = round;
    return crowd ? ACCEPTS_A_TURN : 1;
}

#define BACK_OFF (100 * ZN_MS)

static bool out_of_resources(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

/* No descriptor is left: stop listening for a while, so that the loop does not spin on a
 * connection that it cannot take. */
static void back_off(struct zn_listener *l)
{
    zn_loop_unwatch(l->loop, l->fd);
    zn_loop_set_timer(l->loop, &l->timer, zn_now() + BACK_OFF);
}

static void refuse(struct zn_listener *l, int fd, int error)
{
    zn_sock_close(fd);
    zn_monitor_tell(l->route->socket, ZMQ_EVENT_ACCEPT_FAILED, (uint64_t)-error,
                    l->route->text, "");
}

/* Whether a connection may come in, made ready for use: 0, or -errno. */
static int let_in(struct zn_listener *l, int fd, const struct zn_addr *peer,
                  struct zn_guest **guest)
{
    const struct zn_route *r = l->route;
    if (r->transport->admit != NULL && !r->transport->admit(fd, peer, &r->options))
        return -EACCES;
    int rc = l->door != NULL ? zn_door_enter(l->door, peer, guest) : 0;
    return rc < 0 ? rc : r->transport->tune(fd, &r->options, peer);
}

/* Takes one connection: 0, or -errno when there is none to be had now. */
static int take(struct zn_listener *l, int *out, struct zn_guest **guest)
{
    struct zn_route *r = l->route;
    struct zn_addr peer;
    int fd = zn_sock_accept(l->fd, &peer);
    if (fd == -EAGAIN)
        return fd;
    if (out_of_resources(fd)) {
        zn_monitor_tell(r->socket, ZMQ_EVENT_ACCEPT_FAILED, (uint64_t)-fd, r->text, "");
        back_off(l);
        return fd;
    }
    *out = -1;
    if (fd < 0) {
        zn_monitor_tell(r->socket, ZMQ_EVENT_ACCEPT_FAILED, (uint64_t)-fd, r->text, "");
        return fd == -EBADF || fd == -EINVAL || fd == -ENOTSOCK ? fd : 0;
    }
    *guest = NULL;
    int rc = let_in(l, fd, &peer, guest);
    if (rc == 0) {
        *out = fd;
        return 0;
    }
    zn_guest_leave(*guest);
    refuse(l, fd, rc);
    return 0;
}

static void on_ready(struct zn_watch *w, unsigned events)
{
    struct zn_listener *l = ZN_CONTAINER(w, struct zn_listener, watch);
    (void)events;
    for (int most = most_now(l); most > 0; most--) {
        int fd = -1;
        struct zn_guest *guest = NULL;
        zn_lock(&l->lock);
        int rc = l->fd >= 0 ? take(l, &fd, &guest) : -EBADF;
        if (rc == -EBADF && l->fd >= 0)
            zn_loop_unwatch(l->loop, l->fd);
        zn_unlock(&l->lock);
        if (rc < 0)
            return;
        if (fd >= 0)
            zn_session_accept(
                l->route, zn_ctx_loop(l->route->socket->ctx, l->route->options.affinity),
                fd, guest);
    }
}

static void on_timer(struct zn_timer *t)
{
    struct zn_listener *l = ZN_CONTAINER(t, struct zn_listener, timer);
    zn_lock(&l->lock);
    if (l->fd >= 0 && zn_loop_watch(l->loop, &l->watch, l->fd, false) < 0)
        zn_loop_set_timer(l->loop, &l->timer, zn_now() + BACK_OFF);
    zn_unlock(&l->lock);
}

static void free_listener(struct zn_retired *r)
{
    struct zn_listener *l = ZN_CONTAINER(r, struct zn_listener, grave);
    zn_door_drop(l->door);
    zn_route_drop(l->route);
    zn_free(l);
}

static void end(struct zn_task *t)
{
    struct zn_listener *l = ZN_CONTAINER(t, struct zn_listener, task);
    zn_loop_clear_timer(l->loop, &l->timer);
    zn_loop_add_load(l->loop, -1);
    zn_loop_retire(l->loop, &l->grave);
}

int zn_listener_new(struct zn_route *r, struct zn_loop *loop,
                    const struct zn_listening *from)
{
    const struct zn_options *o = &r->options;
    struct zn_listener *l = zn_zalloc(sizeof *l);
    if (l == NULL)
        return -ENOMEM;
    if (o->max_connections > 0 || o->max_connections_per_address > 0) {
        l->door = zn_door_new(o->max_connections, o->max_connections_per_address);
        if (l->door == NULL) {
            zn_free(l);
            return -ENOMEM;
        }
    }
    l->watch.ready = on_ready;
    l->timer.fire = on_timer;
    l->task.run = end;
    l->grave.free = free_listener;
    l->route = r;
    l->loop = loop;
    l->fd = from->fd;
    l->left = from->left;

    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    r->listener = l;
    int rc = zn_loop_watch(loop, &l->watch, l->fd, false);
    if (rc < 0) {
        r->listener = NULL;
        atomic_fetch_sub_explicit(&r->refs, 1, memory_order_relaxed);
        zn_door_drop(l->door);
        zn_free(l);
        return rc;
    }
    zn_loop_add_load(loop, 1);
    return 0;
}

void zn_listener_close(struct zn_listener *l)
{
    struct zn_route *r = l->route;
    zn_lock(&l->lock);
    int fd = l->fd;
    l->fd = -1;
    zn_loop_unwatch(l->loop, fd);
    if (r->transport->unlisten != NULL)
        r->transport->unlisten(&l->left);
    zn_sock_close(fd);
    zn_unlock(&l->lock);
    zn_monitor_tell(r->socket, ZMQ_EVENT_CLOSED, (uint64_t)fd, r->text, "");
    zn_loop_post(l->loop, &l->task, NULL);
}

void zn_listener_abandon(struct zn_listener *l)
{
    zn_sock_close(l->fd);
}

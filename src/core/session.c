/* core/session.c - a connection from its first attempt to its end; see session.h.
 *
 *   NEW -> RESOLVING -> CONNECTING -> HANDSHAKE -> TRAFFIC -> (WAITING -> ...) DEAD
 *
 * Accepted connections begin with HANDSHAKE, raw ones go to TRAFFIC at once; OPENING comes
 * before either where the transport has a stream (stream.h). All of this runs on the loop's
 * thread, by the holder of the token; traffic.c moves the bytes. */
#include "core/session.h"

#include "core/borrow.h"
#include "core/bulk.h"
#include "core/ctx.h"
#include "core/establish.h"
#include "core/guest.h"
#include "core/monitor.h"
#include "core/sealed.h"
#include "core/spare.h"

void zn_session_set_phase(struct zn_session *ss, enum zn_phase phase)
{
    atomic_store_explicit(&ss->phase, (uint8_t)phase, memory_order_relaxed);
}

void zn_session_hold(struct zn_session *ss)
{
    atomic_fetch_add_explicit(&ss->refs, 1, memory_order_relaxed);
}

void zn_session_drop(struct zn_session *ss)
{
    if (atomic_fetch_sub_explicit(&ss->refs, 1, memory_order_acq_rel) != 1)
        return;
    zn_route_drop(ss->route);
    zn_free(ss->resolution);
    zn_free(ss);
}

/* ---- Timers. */

static void on_timer(struct zn_timer *t)
{
    struct zn_session *ss = ZN_CONTAINER(t, struct zn_session, timer);
    atomic_fetch_or_explicit(&ss->work, ZN_WORK_CONTROL, memory_order_acq_rel);
    zn_session_run(ss, true);
}

void zn_session_due(struct zn_session *ss, int which, uint64_t in_ms)
{
    ss->due[which] = in_ms == 0 ? 0 : zn_now() + in_ms * ZN_MS;
}

static void set_timer(struct zn_session *ss)
{
    uint64_t next = 0;
    for (int i = 0; i < ZN_DUE_COUNT; i++)
        if (ss->due[i] != 0 && (next == 0 || ss->due[i] < next))
            next = ss->due[i];
    if (next == 0)
        zn_loop_clear_timer(ss->loop, &ss->timer);
    else if (!zn_timer_is_set(&ss->timer) || ss->timer.at != next)
        zn_loop_set_timer(ss->loop, &ss->timer, next);
}

static bool is_due(struct zn_session *ss, int which, uint64_t now)
{
    if (ss->due[which] == 0 || ss->due[which] > now)
        return false;
    ss->due[which] = 0;
    return true;
}

static void await_pong(struct zn_session *ss)
{
    const struct zn_options *o = zn_session_options(ss);
    int timeout = o->heartbeat_timeout >= 0 ? o->heartbeat_timeout : o->heartbeat_ivl;
    ss->written_seen = ss->written;
    zn_session_due(ss, ZN_DUE_PONG, (uint64_t)timeout);
}

void zn_session_pinged(struct zn_session *ss)
{
    if (ss->urgent_size > 0 || (ss->stream != NULL && ss->stream->pings))
        return;
    if (ss->ping_counts && ss->due[ZN_DUE_PONG] != 0)
        await_pong(ss);
    ss->ping_waits = ss->ping_counts = false;
}

/* The time runs from the first PING on that nothing has answered. */
static void send_ping(struct zn_session *ss)
{
    uint8_t ping[ZN_PING_FRAME_MAX];
    const struct zn_options *o = zn_session_options(ss);
    int rc = 0;
    zn_session_due(ss, ZN_DUE_PING, (uint64_t)o->heartbeat_ivl);
    if (ss->ping_waits)
        return;
    if (ss->stream != NULL && ss->stream->ops->ping != NULL)
        ss->stream->ops->ping(ss->stream);
    else
        rc = zn_session_urgent(ss, ping, zn_ping_frame(ping, (uint16_t)o->heartbeat_ttl));
    if (rc < 0)
        return;
    atomic_fetch_or_explicit(&ss->work, ZN_WORK_OUT, memory_order_acq_rel);
    ss->ping_waits = true;
    if (ss->due[ZN_DUE_PONG] == 0 || ss->heard_pong) {
        ss->heard_pong = false;
        ss->ping_counts = true;
        await_pong(ss);
    }
}

/* A PING goes between messages. A large one that goes out slowly holds it up: as long as that
 * moves there is somebody who takes it. */
static bool is_held_up(const struct zn_session *ss)
{
    return ss->ping_waits && ss->written != ss->written_seen;
}

static void heartbeat(struct zn_session *ss, uint64_t now)
{
    if (is_due(ss, ZN_DUE_PONG, now) && !ss->heard_pong) {
        if (is_held_up(ss))
            await_pong(ss);
        else
            ss->failed = -ETIMEDOUT;
    }
    if (is_due(ss, ZN_DUE_TTL, now) && !ss->heard_ttl)
        ss->failed = -ETIMEDOUT;
    if (is_due(ss, ZN_DUE_PING, now))
        send_ping(ss);
}

/* ---- Letting go. */

bool zn_session_is_left(const struct zn_session *ss)
{
    return ss->end != NULL && zn_end_peer_closed(ss->end) &&
           atomic_load_explicit(&ss->end->pipe->left, memory_order_relaxed);
}

bool zn_session_is_let_go(const struct zn_session *ss)
{
    return atomic_load_explicit(&ss->stop, memory_order_acquire) ||
           (ss->end != NULL && zn_end_peer_closed(ss->end) && !zn_session_is_left(ss));
}

static bool has_unsent(struct zn_session *ss)
{
    struct zn_frame f;
    return ss->end != NULL &&
           (ss->end->in->sent > 0 || zn_queue_peek(ss->end->in, &f) > 0 ||
            zn_stream_flush(ss->stream, ss->fd) == -EAGAIN);
}

/* The socket has let go: what is queued goes out as long as its linger says. True if this
 * is the end. */
static bool lingers_out(struct zn_session *ss, uint64_t now)
{
    if (!has_unsent(ss))
        return true;
    int linger = zn_session_is_left(ss) ? ss->linger_ms : ss->end->pipe->linger_ms;
    if (linger == 0 || is_due(ss, ZN_DUE_LINGER, now))
        return true;
    if (linger > 0 && ss->due[ZN_DUE_LINGER] == 0)
        zn_session_due(ss, ZN_DUE_LINGER, (uint64_t)linger);
    return false;
}

static void free_session(struct zn_retired *r)
{
    zn_session_drop(ZN_CONTAINER(r, struct zn_session, grave));
}

void zn_session_close_fd(struct zn_session *ss)
{
    if (ss->fd < 0)
        return;
    if (ss->watched)
        zn_loop_unwatch(ss->loop, ss->fd);
    ss->watched = false;
    bool lent = zn_session_is_lent(ss);
    atomic_store_explicit(&ss->lent_fd, -1, memory_order_release);
    atomic_store_explicit(&ss->minded, 0, memory_order_relaxed);
    /* A forked child may look at fd: it must never name somebody else's. */
    int fd = ss->fd;
    ss->fd = -1;
    zn_free(ss->names);
    ss->names = NULL;
    zn_stream_free(ss->stream, fd);
    ss->stream = NULL;
    if (lent)
        zn_sock_shutdown(fd);            /* else it stays open while a borrower polls it */
    zn_sock_close(fd);
}

void zn_session_let_go(struct zn_session *ss)
{
    struct zn_end *end = ss->end;
    ss->end = NULL;
    if (end != NULL)
        zn_end_close(end, NULL);
    zn_guest_leave(ss->guest);
    ss->guest = NULL;
}

void zn_session_die(struct zn_session *ss)
{
    if (zn_session_phase(ss) == ZN_PHASE_DEAD)
        return;
    zn_session_set_phase(ss, ZN_PHASE_DEAD);
    memset(ss->due, 0, sizeof ss->due);
    zn_loop_clear_timer(ss->loop, &ss->timer);
    zn_session_close_fd(ss);
    zn_session_stop_resolving(ss);
    zn_session_traffic_reset(ss);
    if (ss->spares)
        zn_spare_clear();
    zn_handshake_drop(ss);
    zn_metadata_drop(ss->metadata);
    zn_free(ss->target);
    ss->metadata = NULL;
    ss->target = NULL;

    struct zn_socket *s = zn_session_socket(ss);
    zn_socket_lock(s);
    zn_list_remove(&ss->link);
    zn_socket_unlock(s);
    zn_session_let_go(ss);
    zn_free(ss->names);
    ss->names = NULL;
    zn_loop_add_load(ss->loop, -1);
    zn_loop_retire(ss->loop, &ss->grave);
}

void zn_session_stop(struct zn_session *ss)
{
    struct zn_socket *s = zn_session_socket(ss);
    atomic_store_explicit(&ss->linger_ms, s->options.linger, memory_order_relaxed);
    atomic_store_explicit(&ss->stop, 1, memory_order_release);
    zn_session_post_from(ss, ZN_WORK_CONTROL, s);
}

/* ---- The loop's part. */

static void on_phase_due(struct zn_session *ss)
{
    switch (zn_session_phase(ss)) {
    case ZN_PHASE_CONNECTING:
        zn_session_attempt_failed(ss, -ETIMEDOUT);
        break;
    case ZN_PHASE_WAITING:
        zn_session_attempt(ss);
        break;
    case ZN_PHASE_OPENING:
        zn_session_open_failed(ss, -EAGAIN);
        break;
    case ZN_PHASE_HANDSHAKE:
        zn_session_lost(ss, -EAGAIN);
        break;
    default:
        break;
    }
}

/* A connection that was busy and is idle again gives its chunks back. Both halves of both
 * queues are ours under the token and the socket's lock. */
#define TRIM_MS 1000

static uint64_t messages_moved(const struct zn_session *ss)
{
    return ss->end->in->rmsgs + ss->end->out->wmsgs;
}

static void trim(struct zn_session *ss, uint64_t now)
{
    struct zn_queue *in = ss->end->in, *out = ss->end->out;
    if (ss->due[ZN_DUE_TRIM] == 0) {
        if (!ss->spares && !zn_queue_is_large(in, false) &&
            !zn_queue_is_large(out, true) && !zn_stream_is_large(ss->stream) &&
            (ss->sealed == NULL || !zn_sealed_is_large(ss->sealed)))
            return;
        ss->moved = messages_moved(ss);
        zn_session_due(ss, ZN_DUE_TRIM, TRIM_MS);
        return;
    }
    if (!is_due(ss, ZN_DUE_TRIM, now))
        return;
    if (ss->moved != messages_moved(ss)) {
        ss->moved = messages_moved(ss);
        zn_session_due(ss, ZN_DUE_TRIM, TRIM_MS);
        return;
    }
    struct zn_socket *s = zn_session_socket(ss);
    zn_socket_lock(s);
    zn_queue_trim(in);
    zn_queue_trim(out);
    zn_socket_unlock(s);
    if (ss->sealed != NULL)
        zn_sealed_trim(ss->sealed);
    zn_stream_trim(ss->stream);
    zn_session_forget_big(ss);
    if (ss->spares)
        zn_spare_expire();
    zn_bulk_trim(false);
    ss->spares = false;
}

static void control(struct zn_session *ss)
{
    uint64_t now = zn_now();
    if (zn_session_is_let_go(ss) && lingers_out(ss, now)) {
        zn_session_die(ss);
        return;
    }
    if (zn_session_phase(ss) == ZN_PHASE_NEW)
        zn_session_begin(ss);
    if (is_due(ss, ZN_DUE_PHASE, now))
        on_phase_due(ss);
    if (zn_session_phase(ss) == ZN_PHASE_TRAFFIC) {
        if (ss->hung_up && zn_session_is_left(ss))
            ss->failed = -EPIPE;         /* nobody wants what it said before that */
        heartbeat(ss, now);
        zn_session_mind_loan(ss, now);
        trim(ss, now);
    }
}

void zn_session_control(struct zn_session *ss, unsigned words)
{
    enum zn_phase phase = zn_session_phase(ss);
    if (phase == ZN_PHASE_DEAD)
        return;
    if (phase == ZN_PHASE_CONNECTING && words & (ZN_WORK_ROOM | ZN_WORK_IN))
        zn_session_connected(ss, words);
    if (phase == ZN_PHASE_RESOLVING && words & ZN_WORK_RESOLVED)
        zn_session_resolved(ss);
    if (phase == ZN_PHASE_OPENING && words & (ZN_WORK_IN | ZN_WORK_ROOM))
        zn_session_open(ss);
    if (phase == ZN_PHASE_HANDSHAKE && words & (ZN_WORK_IN | ZN_WORK_ROOM))
        zn_session_shake(ss, words);

    control(ss);
    if (ss->failed != 0 && zn_session_phase(ss) == ZN_PHASE_TRAFFIC)
        zn_session_lost(ss, ss->failed);
    if (zn_session_phase(ss) != ZN_PHASE_DEAD)
        set_timer(ss);
}

static void on_ready(struct zn_watch *w, unsigned events)
{
    struct zn_session *ss = ZN_CONTAINER(w, struct zn_session, watch);
    unsigned work = (events & ZN_FD_IN ? ZN_WORK_IN : 0u) |
                    (events & ZN_FD_OUT ? ZN_WORK_ROOM : 0u) |
                    (events & ZN_FD_ERR ? ZN_WORK_HUNG_UP | ZN_WORK_IN : 0u);
    if (ss->stream != NULL)              /* may have to read in order to write, or so */
        work |= ZN_WORK_IN | ZN_WORK_ROOM;
    atomic_fetch_or_explicit(&ss->work, work, memory_order_acq_rel);
    zn_session_run(ss, true);
}

/* ---- Making one. */

static struct zn_session *session_new(struct zn_route *r, struct zn_loop *loop)
{
    struct zn_session *ss = zn_zalloc(sizeof *ss);
    if (ss == NULL)
        return NULL;
    ss->watch.ready = on_ready;
    ss->task.run = zn_session_on_task;
    ss->timer.fire = on_timer;
    ss->grave.free = free_session;
    ss->route = r;
    ss->loop = loop;
    ss->fd = -1;
    ss->spins = r->options.spin >= ZN_LOOP_AWAKE;
    atomic_store_explicit(&ss->lent_fd, -1, memory_order_relaxed);
    atomic_store_explicit(&ss->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    zn_list_init(&ss->link);
    zn_loop_add_load(loop, 1);
    return ss;
}

int zn_session_make_pipe(struct zn_session *ss, struct zn_end **socket_end)
{
    int rc = zn_pipe_make(ss->route, ss->initiator, &zn_session_owner, ss, &ss->end);
    if (rc == 0)
        *socket_end = ss->end->peer;
    return rc;
}

void zn_session_unmake_pipe(struct zn_session *ss)
{
    struct zn_end *mine = ss->end;
    ss->end = NULL;
    zn_pipe_unmake(mine);
}

int zn_session_connect(struct zn_route *r)
{
    struct zn_socket *s = r->socket;
    struct zn_loop *loop = zn_ctx_loop(s->ctx, r->options.affinity);
    if (loop == NULL)
        return -EMTHREAD;
    struct zn_session *ss = session_new(r, loop);
    if (ss == NULL)
        return -ENOMEM;
    ss->initiator = true;

    int rc = 0;
    struct zn_end *e;
    if (!r->options.immediate) {
        rc = zn_session_make_pipe(ss, &e);
        if (rc == 0 && (rc = zn_socket_attach(s, e)) < 0)
            zn_session_unmake_pipe(ss);
    }
    if (rc < 0) {
        zn_loop_add_load(loop, -1);
        zn_session_drop(ss);
        return rc == -EBUSY ? 0 : rc;    /* PAIR has its peer: this one is ignored */
    }
    zn_list_append(&r->sessions, &ss->link);
    zn_session_post_from(ss, ZN_WORK_CONTROL, s);
    return 0;
}

void zn_session_accept(struct zn_route *r, struct zn_loop *loop, int fd,
                       struct zn_guest *guest)
{
    struct zn_socket *s = r->socket;
    struct zn_session *ss = loop != NULL ? session_new(r, loop) : NULL;
    if (ss == NULL) {
        zn_sock_close(fd);
        zn_guest_leave(guest);
        return;
    }
    ss->fd = fd;
    ss->guest = guest;
    zn_socket_lock(s);
    zn_list_append(&r->sessions, &ss->link);
    if (r->closed)
        atomic_store_explicit(&ss->stop, 1, memory_order_relaxed);
    zn_socket_unlock(s);
    zn_session_post(ss, ZN_WORK_CONTROL);
}

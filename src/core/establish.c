/* core/establish.c - getting a session connected: names, addresses, attempts, and what comes
 * of a handshake (shake.c). */
#include "core/establish.h"

#include "core/ctx.h"
#include "core/known.h"
#include "core/monitor.h"
#include "core/resolver.h"
#include "core/zap.h"

#include "wire/frame.h"

static const struct zn_transport *transport_of(const struct zn_session *ss)
{
    return ss->route->transport;
}

static const char *address_of(const struct zn_session *ss)
{
    return strstr(ss->route->text, "://") + 3;
}

/* ---- Telling the monitor. */

/* An attempt, of which only the far side is known. */
static void tell_attempt(struct zn_session *ss, uint64_t event, uint64_t value)
{
    zn_monitor_tell_connection(zn_session_socket(ss), event, value, "", ss->route->text,
                               true);
}

/* Where endpoints have a path, our own has it in its name, too. */
static void add_path(const struct zn_session *ss, char *name)
{
    const char *path = strchr(address_of(ss), '/');
    size_t size = strlen(name);
    if (transport_of(ss)->full_name == NULL)
        return;
    path = path != NULL ? path : "/";
    if (size + strlen(path) < ZN_ENDPOINT_MAX)
        memcpy(name + size, path, strlen(path) + 1);
}

static void learn_names(struct zn_session *ss)
{
    char local[ZN_ENDPOINT_MAX] = "", remote[ZN_ENDPOINT_MAX] = "";
    struct zn_addr a;
    if (!zn_monitor_wants(zn_session_socket(ss)))
        return;
    if (zn_sock_name(ss->fd, &a) == 0)
        transport_of(ss)->name(&a, local, sizeof local);
    if (!ss->initiator && zn_sock_peer(ss->fd, &a) == 0)
        transport_of(ss)->name(&a, remote, sizeof remote);
    if (!ss->initiator)
        add_path(ss, local);
    size_t size = strlen(local) + 1;
    char *names = zn_alloc(size + strlen(remote) + 1);
    if (names == NULL)
        return;
    memcpy(names, local, size);
    memcpy(names + size, remote, strlen(remote) + 1);
    zn_free(ss->names);
    ss->names = names;
}

void zn_session_tell(struct zn_session *ss, uint64_t event, uint64_t value)
{
    if (ss->names == NULL && ss->fd >= 0 && zn_session_phase(ss) >= ZN_PHASE_OPENING)
        learn_names(ss);                 /* a monitor that came later */
    /* Numbers, but what we have connected to is called what the application calls it. */
    const char *local = ss->names ? ss->names : ss->initiator ? "" : ss->route->text;
    const char *remote = ss->initiator ? ss->route->text
                         : ss->names   ? ss->names + strlen(ss->names) + 1
                                       : "";
    zn_monitor_tell_connection(zn_session_socket(ss), event, value, local, remote,
                               ss->initiator);
}

/* ---- Attempts. */

void zn_session_give_up(struct zn_session *ss)
{
    struct zn_route *r = ss->route;
    struct zn_socket *s = zn_session_socket(ss);
    zn_socket_lock(s);
    if (!r->closed)
        zn_route_close(r);
    zn_socket_unlock(s);
    zn_session_die(ss);
}

static uint64_t retry_interval(struct zn_session *ss)
{
    uint64_t ivl = (uint64_t)zn_session_options(ss)->reconnect_ivl;
    uint64_t max = (uint64_t)zn_session_options(ss)->reconnect_ivl_max;
    if (max == 0)
        return ivl + zn_random_u32() % ivl;
    for (int i = 0; i < ss->tries && ivl < max; i++)
        ivl *= 2;
    ss->tries++;
    return ZN_MIN(ivl, max);
}

void zn_session_try_later(struct zn_session *ss)
{
    if (zn_session_options(ss)->reconnect_ivl <= 0) {
        zn_session_give_up(ss);
        return;
    }
    uint64_t ms = retry_interval(ss);
    tell_attempt(ss, ZMQ_EVENT_CONNECT_RETRIED, ms);
    zn_session_set_phase(ss, ZN_PHASE_WAITING);
    zn_session_due(ss, ZN_DUE_PHASE, ms);
}

/* How long the address being tried may take, in ms. One that does not answer must not hold up
 * the next for as long as the kernel has patience, which is minutes. */
enum { NEXT_WAITS = 5000 };

static uint64_t attempt_limit(const struct zn_session *ss)
{
    if (zn_session_options(ss)->connect_timeout > 0)
        return (uint64_t)zn_session_options(ss)->connect_timeout;
    return ss->target_index < ss->target->count ? NEXT_WAITS : 0;
}

/* Opens the next of the addresses that were found. */
static void try_next(struct zn_session *ss, int error)
{
    struct zn_target *t = ss->target;
    while (ss->target_index < t->count) {
        bool pending = false;
        int failed = -1;
        int fd = transport_of(ss)->open(address_of(ss), &t->addrs[ss->target_index++],
                                        zn_session_options(ss), &pending, &failed);
        if (fd < 0) {
            error = fd;
            if (failed >= 0)
                tell_attempt(ss, ZMQ_EVENT_CLOSED, (uint64_t)failed);
            continue;
        }
        ss->fd = fd;
        zn_session_set_phase(ss, ZN_PHASE_CONNECTING);
        if (pending) {
            tell_attempt(ss, ZMQ_EVENT_CONNECT_DELAYED, EINPROGRESS);
            zn_session_due(ss, ZN_DUE_PHASE, attempt_limit(ss));
        }
        int rc = zn_loop_watch(ss->loop, &ss->watch, fd, true);
        ss->watched = rc == 0;
        if (rc < 0)
            zn_session_attempt_failed(ss, rc);
        else                             /* within a machine it stands, though pending */
            zn_session_connected(ss, 0);
        return;
    }
    if (error == -ECONNREFUSED &&
        zn_session_options(ss)->reconnect_stop & ZMQ_RECONNECT_STOP_CONN_REFUSED)
        zn_session_give_up(ss);
    else
        zn_session_try_later(ss);
}

static void on_resolved(struct zn_resolution *q)
{
    struct zn_session *ss = q->arg;
    zn_session_post(ss, ZN_WORK_CONTROL | ZN_WORK_RESOLVED);
    zn_session_drop(ss);
}

static void resolve(struct zn_session *ss)
{
    struct zn_resolution *q = zn_zalloc(sizeof *q);
    if (q == NULL) {
        zn_session_try_later(ss);
        return;
    }
    q->target = *ss->target;
    q->ipv6 = zn_session_options(ss)->ipv6;
    q->arg = ss;
    q->done = on_resolved;
    zn_session_hold(ss);
    ss->resolution = q;
    zn_session_set_phase(ss, ZN_PHASE_RESOLVING);
    if (zn_resolver_ask(zn_session_socket(ss)->ctx, q) < 0) {
        ss->resolution = NULL;
        zn_free(q);
        zn_session_drop(ss);
        zn_session_try_later(ss);
    }
}

void zn_session_stop_resolving(struct zn_session *ss)
{
    struct zn_resolution *q = ss->resolution;
    if (q == NULL || !zn_resolver_forget(zn_session_socket(ss)->ctx, q))
        return;
    ss->resolution = NULL;
    zn_free(q);
    zn_session_drop(ss);
}

void zn_session_resolved(struct zn_session *ss)
{
    struct zn_resolution *q = ss->resolution;
    ss->resolution = NULL;
    *ss->target = q->target;
    zn_free(q);
    ss->target_index = 0;
    try_next(ss, -ENOENT);
}

void zn_session_attempt(struct zn_session *ss)
{
    zn_session_due(ss, ZN_DUE_PHASE, 0);
    if (ss->target == NULL)
        ss->target = zn_zalloc(sizeof *ss->target);
    if (ss->target == NULL) {
        zn_session_try_later(ss);
        return;
    }
    memset(ss->target, 0, sizeof *ss->target);
    ss->target_index = 0;
    if (transport_of(ss)->find(address_of(ss), zn_session_options(ss), ss->target) < 0)
        zn_session_try_later(ss);
    else if (ss->target->host[0] != '\0')
        resolve(ss);
    else
        try_next(ss, -ECONNREFUSED);
}

void zn_session_attempt_failed(struct zn_session *ss, int error)
{
    zn_session_due(ss, ZN_DUE_PHASE, 0);
    int fd = ss->fd;
    zn_session_close_fd(ss);
    tell_attempt(ss, ZMQ_EVENT_CLOSED, (uint64_t)fd);
    try_next(ss, error);
}

/* ---- Handshake: shake.c. */

/* Bytes may flow; who is there is still to be seen. */
static void begin_talk(struct zn_session *ss, unsigned words)
{
    int rc = 0;
    if (zn_session_is_raw(ss)) {
        ss->version = ZN_ZMTP_UNKNOWN;
        rc = zn_session_established(ss, ZN_WORK_IN | ZN_WORK_OUT);
        if (rc < 0)
            zn_session_lost(ss, rc);
        return;
    }
    rc = zn_handshake_start(ss);
    zn_session_set_phase(ss, ZN_PHASE_HANDSHAKE);
    zn_session_due(ss, ZN_DUE_PHASE, (uint64_t)zn_session_options(ss)->handshake_ivl);
    if (rc < 0)
        zn_session_lost(ss, rc);
    else
        zn_session_shake(ss, words);
}

static void tell_connected(struct zn_session *ss)
{
    zn_free(ss->target);
    ss->target = NULL;
    ss->tries = 0;
    learn_names(ss);
    zn_session_tell(ss, ZMQ_EVENT_CONNECTED, (uint64_t)ss->fd);
}

static bool open_connects(const struct zn_session *ss)
{
    return ss->stream != NULL && ss->stream->ops->connects;
}

void zn_session_open_failed(struct zn_session *ss, int error)
{
    if (open_connects(ss))
        zn_session_attempt_failed(ss, error);
    else
        zn_session_lost(ss, error);
}

void zn_session_open(struct zn_session *ss)
{
    int rc = ss->stream->ops->open(ss->stream, ss->fd);
    if (rc == -EPROTO && ss->stream->error == 0)
        ss->stream->error = ZN_ERROR_UNSPECIFIED;
    if (rc < 0)
        zn_session_open_failed(ss, rc);
    if (rc <= 0)
        return;
    if (open_connects(ss)) {
        zn_stream_free(ss->stream, ss->fd);
        ss->stream = NULL;
        tell_connected(ss);
    }
    begin_talk(ss, ss->initiator ? ZN_WORK_IN | ZN_WORK_ROOM : ZN_WORK_IN);
}

/* The connection stands: what lies on it comes first. words: what the kernel says of it. */
static void begin(struct zn_session *ss, unsigned words)
{
    ss->hung_up = words & ZN_WORK_HUNG_UP;
    ss->write_failed = false;
    ss->kernel_full = false;
    ss->failed = 0;
    const struct zn_transport *t = transport_of(ss);
    int rc = 0;
    if (t->stream != NULL)
        rc = t->stream(address_of(ss), zn_session_options(ss), !ss->initiator,
                       &ss->stream);
    bool connects = open_connects(ss);
    if (ss->initiator && !connects)
        tell_connected(ss);
    if (rc < 0) {
        zn_session_lost(ss, rc);
    } else if (ss->stream == NULL) {
        begin_talk(ss, words);
    } else {
        /* The kernel's own limit, which a connect_timeout of 0 stands for, ends no talk. */
        int limit = zn_session_options(ss)->handshake_ivl;
        if (connects && zn_session_options(ss)->connect_timeout > 0)
            limit = zn_session_options(ss)->connect_timeout;
        zn_session_set_phase(ss, ZN_PHASE_OPENING);
        zn_session_due(ss, ZN_DUE_PHASE, (uint64_t)limit);
        zn_session_open(ss);
    }
}

void zn_session_connected(struct zn_session *ss, unsigned words)
{
    struct zn_addr peer;
    int named = zn_sock_peer(ss->fd, &peer);
    int rc = named < 0 ? zn_sock_error(ss->fd) : 0;
    if (rc == 0 && named == -ENOTCONN) {
        if (!(words & ZN_WORK_HUNG_UP))
            return;                      /* not yet: an early event */
        rc = -ECONNRESET;                /* TIPC: connected and lost before we looked */
    }
    if (rc == 0)
        rc = transport_of(ss)->tune(ss->fd, zn_session_options(ss), NULL);
    if (rc < 0) {
        zn_session_attempt_failed(ss, rc);
        return;
    }
    zn_session_due(ss, ZN_DUE_PHASE, 0);
    begin(ss, words | ZN_WORK_ROOM);
}

void zn_session_begin(struct zn_session *ss)
{
    if (ss->initiator) {
        zn_session_attempt(ss);
        return;
    }
    learn_names(ss);
    zn_session_tell(ss, ZMQ_EVENT_ACCEPTED, (uint64_t)ss->fd);
    int rc = zn_loop_watch(ss->loop, &ss->watch, ss->fd, true);
    ss->watched = rc == 0;
    if (rc < 0)
        zn_session_lost(ss, rc);
    else
        begin(ss, ZN_WORK_IN);
}

/* ---- Traffic may flow. */

void zn_session_peer_address(struct zn_session *ss, char *buf, size_t size)
{
    struct zn_addr a;
    buf[0] = '\0';
    if (zn_sock_peer(ss->fd, &a) == 0)
        transport_of(ss)->peer_address(ss->fd, &a, buf, size);
}

/* Names under which we tell what we know, which a peer cannot know better. libzmq believes
 * what it says of them, unless there is something else to tell. */
static bool is_ours(struct zn_bytes name)
{
    static const char *const names[] = { "Peer-Address", "User-Id", "__fd" };
    for (size_t i = 0; i < ZN_COUNT(names); i++)
        if (name.size == strlen(names[i]) && memcmp(name.data, names[i], name.size) == 0)
            return true;
    return false;
}

/* Whether there was a handshake to speak of: not before ZMTP 3, unless the stream's opening
 * was one. */
static bool shook_hands(const struct zn_session *ss)
{
    return ss->version >= ZN_ZMTP_3_0 || (ss->stream != NULL && ss->stream->ops->greets);
}

/* What a message tells of its peer: what we see, what the authenticator said, what the peer
 * says itself; the first of a name counts. NULL in *out: nothing; -ENOMEM. */
static int make_metadata(struct zn_session *ss, struct zn_metadata **out)
{
    struct zn_handshake *hs = ss->handshake;
    *out = NULL;
    if (hs == NULL || !shook_hands(ss))
        return 0;
    char text[ZN_ENDPOINT_MAX];
    int fd = -1;
    size_t told, count = 0;
    const struct zn_property *by_zap = zn_zap_properties(ss->zap, &told);
    struct zn_property *all =
        zn_alloc((1 + told + hs->peer_property_count) * sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    zn_session_peer_address(ss, text, sizeof text);
    if (text[0] != '\0') {
        fd = ss->fd;
        all[count++] = (struct zn_property){ { (const uint8_t *)"Peer-Address", 12 },
                                             { (const uint8_t *)text, strlen(text) } };
    }
    for (size_t i = 0; i < told; i++)
        all[count++] = by_zap[i];
    for (size_t i = 0; i < hs->peer_property_count; i++)
        if (!is_ours(hs->peer_properties[i].name))
            all[count++] = hs->peer_properties[i];
    *out = zn_metadata_new(all, count, fd);
    zn_free(all);
    return *out == NULL ? -ENOMEM : 0;
}

/* Gives the socket's end what is known of the peer, and the pattern its say. Socket locked. */
static int introduce(struct zn_session *ss, struct zn_end *e, struct zn_metadata *md)
{
    struct zn_handshake *hs = ss->handshake;
    zn_metadata_drop_paid(e->metadata, &e->metadata_paid);
    e->metadata = zn_metadata_hold(md);
    e->peer_version = ss->version;
    zn_free(e->id);
    e->id = NULL;
    e->id_size = 0;
    if (hs != NULL && hs->peer_id.size > 0 && hs->peer_id.size <= UINT16_MAX) {
        e->id = zn_alloc(hs->peer_id.size);
        if (e->id == NULL)
            return -ENOMEM;
        memcpy(e->id, hs->peer_id.data, hs->peer_id.size);
        e->id_size = (uint16_t)hs->peer_id.size;
    }
    return zn_socket_ready(zn_session_socket(ss), e);
}

static int join_socket(struct zn_session *ss, struct zn_metadata *md)
{
    struct zn_socket *s = zn_session_socket(ss);
    int rc = 0;
    struct zn_end *e = NULL;

    zn_socket_lock(s);
    zn_socket_process(s);
    if (zn_session_is_left(ss))          /* while it was not connected */
        zn_session_let_go(ss);
    bool fresh = ss->end == NULL;
    if (ss->route->closed || s->closed || atomic_load(&ss->stop))
        rc = -ESHUTDOWN;
    else if (fresh)
        rc = zn_session_make_pipe(ss, &e);
    else
        e = ss->end->peer;
    if (rc == 0 && !fresh && zn_end_peer_closed(ss->end)) {
        /* Only what is queued is still to go. */
    } else if (rc == 0) {
        if (fresh && (rc = zn_socket_attach(s, e)) < 0)
            zn_session_unmake_pipe(ss);
        if (rc == 0 && (rc = introduce(ss, e, md)) < 0 && fresh)
            zn_socket_end_close(s, e, 0);
    } else if (rc == -ESHUTDOWN && !fresh) {
        rc = 0;                          /* lingering */
    }
    zn_socket_unlock(s);
    zn_socket_wake_writers(s);
    return rc;
}

static int say_hello(struct zn_session *ss)
{
    const struct zn_blob *hello =
        zn_socket_hello(zn_session_socket(ss), zn_session_options(ss));
    if (hello == NULL || zn_session_is_raw(ss))
        return 0;
    uint8_t head[ZN_FRAME_HEADER_MAX];
    bool v1 = ss->version < ZN_ZMTP_2;
    int size = v1 ? zn_frame1_encode(head, 0, hello->size)
                  : zn_frame_encode(head, 0, hello->size);
    int rc = zn_session_urgent(ss, head, (size_t)size);
    return rc < 0 ? rc : zn_session_urgent(ss, hello->data, hello->size);
}

bool zn_session_notifies(const struct zn_session *ss, int what)
{
    if (zn_session_is_raw(ss))
        return zn_session_options(ss)->stream_notify;
    if (zn_session_socket(ss)->pattern->type != ZMQ_ROUTER)
        return false;
    return atomic_load_explicit(&zn_session_socket(ss)->options.router_notify,
                                memory_order_relaxed) &
           what;
}

int zn_session_established(struct zn_session *ss, unsigned words)
{
    struct zn_metadata *md;
    int rc = make_metadata(ss, &md);
    if (rc == 0)
        rc = join_socket(ss, md);
    zn_metadata_drop(md);
    if (rc < 0)
        return rc;
    zn_session_due(ss, ZN_DUE_PHASE, 0);
    zn_session_set_phase(ss, ZN_PHASE_TRAFFIC);
    if (ss->stream != NULL)
        ss->stream->trusted = true;
    if (shook_hands(ss) && !zn_session_is_raw(ss)) {
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
        if (zn_session_options(ss)->heartbeat_ivl > 0)
            zn_session_due(ss, ZN_DUE_PING,
                           (uint64_t)zn_session_options(ss)->heartbeat_ivl);
    }
    rc = say_hello(ss);
    if (rc == 0 && zn_session_notifies(ss, ZMQ_NOTIFY_CONNECT))
        rc = zn_session_inject(ss, NULL, 0);
    zn_session_publish(ss);
    zn_handshake_drop(ss);
    atomic_fetch_or(&ss->work, words);
    return rc;
}

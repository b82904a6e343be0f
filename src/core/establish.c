/* core/establish.c - getting a session connected: names, addresses, attempts, and what comes
 * of a handshake (shake.c); and what happens when the connection is lost. */
#include "core/establish.h"

#include "core/ctx.h"
#include "core/known.h"
#include "core/monitor.h"
#include "core/resolver.h"
#include "core/zap.h"

#include "wire/frame.h"

static const struct zn_options *options(const struct zn_session *ss)
{
    return &ss->route->options;
}

static struct zn_socket *socket_of(const struct zn_session *ss)
{
    return ss->route->socket;
}

static const struct zn_transport *transport_of(const struct zn_session *ss)
{
    return ss->route->transport;
}

static const char *address_of(const struct zn_session *ss)
{
    return strstr(ss->route->text, "://") + 3;
}

static bool is_raw(const struct zn_session *ss)
{
    return socket_of(ss)->pattern->flags & ZN_PAT_RAW || options(ss)->router_raw;
}

/* ---- Telling the monitor. */

/* An attempt, of which only the far side is known. */
static void tell_attempt(struct zn_session *ss, uint64_t event, uint64_t value)
{
    zn_monitor_tell_connection(socket_of(ss), event, value, "", ss->route->text, true);
}

/* Where endpoints have a path, our own has it in names, too. */
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
    if (!zn_monitor_wants(socket_of(ss)))
        return;
    if (zn_sock_name(ss->fd, &a) == 0)
        transport_of(ss)->name(&a, local, sizeof local);
    if (zn_sock_peer(ss->fd, &a) == 0)
        transport_of(ss)->name(&a, remote, sizeof remote);
    add_path(ss, ss->initiator ? remote : local);
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
    const char *local = ss->names ? ss->names : ss->initiator ? "" : ss->route->text;
    const char *remote = ss->names ? ss->names + strlen(ss->names) + 1
                         : ss->initiator ? ss->route->text
                                         : "";
    zn_monitor_tell_connection(socket_of(ss), event, value, local, remote, ss->initiator);
}

/* ---- Attempts. */

static void give_up(struct zn_session *ss)
{
    /* As if the application had disconnected: the endpoint is forgotten. */
    struct zn_route *r = ss->route;
    struct zn_socket *s = socket_of(ss);
    zn_socket_lock(s);
    if (!r->closed)
        zn_route_close(r);
    zn_socket_unlock(s);
    zn_session_die(ss);
}

static uint64_t retry_interval(struct zn_session *ss)
{
    uint64_t ivl = (uint64_t)options(ss)->reconnect_ivl;
    uint64_t max = (uint64_t)options(ss)->reconnect_ivl_max;
    if (max == 0)
        return ivl + zn_random_u32() % ivl;
    for (int i = 0; i < ss->tries && ivl < max; i++)
        ivl *= 2;
    ss->tries++;
    return ZN_MIN(ivl, max);
}

static void try_later(struct zn_session *ss)
{
    if (options(ss)->reconnect_ivl <= 0) {
        give_up(ss);
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
    if (options(ss)->connect_timeout > 0)
        return (uint64_t)options(ss)->connect_timeout;
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
                                        options(ss), &pending, &failed);
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
        else if (!pending)
            zn_session_connected(ss, false);
        return;
    }
    if (error == -ECONNREFUSED &&
        options(ss)->reconnect_stop & ZMQ_RECONNECT_STOP_CONN_REFUSED)
        give_up(ss);
    else
        try_later(ss);
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
        try_later(ss);
        return;
    }
    q->target = *ss->target;
    q->ipv6 = options(ss)->ipv6;
    q->arg = ss;
    q->done = on_resolved;
    zn_session_hold(ss);
    ss->resolution = q;
    zn_session_set_phase(ss, ZN_PHASE_RESOLVING);
    if (zn_resolver_ask(socket_of(ss)->ctx, q) < 0) {
        ss->resolution = NULL;
        zn_free(q);
        zn_session_drop(ss);
        try_later(ss);
    }
}

void zn_session_stop_resolving(struct zn_session *ss)
{
    struct zn_resolution *q = ss->resolution;
    if (q == NULL || !zn_resolver_forget(socket_of(ss)->ctx, q))
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
        try_later(ss);
        return;
    }
    memset(ss->target, 0, sizeof *ss->target);
    ss->target_index = 0;
    if (transport_of(ss)->find(address_of(ss), options(ss), ss->target) < 0)
        try_later(ss);
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
static void begin_talk(struct zn_session *ss)
{
    int rc = 0;
    if (is_raw(ss)) {
        ss->version = ZN_ZMTP_UNKNOWN;
        rc = zn_session_established(ss);
        if (rc < 0)
            zn_session_lost(ss, rc);
        return;
    }
    rc = zn_handshake_start(ss);
    zn_session_set_phase(ss, ZN_PHASE_HANDSHAKE);
    zn_session_due(ss, ZN_DUE_PHASE, (uint64_t)options(ss)->handshake_ivl);
    if (rc < 0)
        zn_session_lost(ss, rc);
    else
        zn_session_shake(ss, ss->initiator ? ZN_WORK_IN | ZN_WORK_ROOM : ZN_WORK_IN);
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
    begin_talk(ss);
}

/* The connection stands: what lies on it comes first. */
static void begin(struct zn_session *ss)
{
    ss->hung_up = ss->write_failed = false;
    ss->kernel_full = false;
    ss->failed = 0;
    const struct zn_transport *t = transport_of(ss);
    int rc = 0;
    if (t->stream != NULL)
        rc = t->stream(address_of(ss), options(ss), !ss->initiator, &ss->stream);
    bool connects = open_connects(ss);
    if (ss->initiator && !connects)
        tell_connected(ss);
    if (rc < 0) {
        zn_session_lost(ss, rc);
    } else if (ss->stream == NULL) {
        begin_talk(ss);
    } else {
        /* The kernel's own limit, which a connect_timeout of 0 stands for, ends no talk. */
        int limit = options(ss)->handshake_ivl;
        if (connects && options(ss)->connect_timeout > 0)
            limit = options(ss)->connect_timeout;
        zn_session_set_phase(ss, ZN_PHASE_OPENING);
        zn_session_due(ss, ZN_DUE_PHASE, (uint64_t)limit);
        zn_session_open(ss);
    }
}

void zn_session_connected(struct zn_session *ss, bool hung_up)
{
    int rc = zn_sock_error(ss->fd);
    struct zn_addr peer;
    if (rc == 0 && zn_sock_peer(ss->fd, &peer) == -ENOTCONN) {
        if (!hung_up)
            return;                      /* not yet: an early event */
        rc = -ECONNRESET;                /* TIPC: connected and lost before we looked */
    }
    if (rc == 0)
        rc = transport_of(ss)->tune(ss->fd, options(ss), false);
    if (rc < 0) {
        zn_session_attempt_failed(ss, rc);
        return;
    }
    zn_session_due(ss, ZN_DUE_PHASE, 0);
    begin(ss);
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
        begin(ss);
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
    return zn_socket_ready(socket_of(ss), e);
}

static int join_socket(struct zn_session *ss, struct zn_metadata *md)
{
    struct zn_socket *s = socket_of(ss);
    int rc = 0;
    bool fresh = ss->end == NULL;
    struct zn_end *e = NULL;

    zn_socket_lock(s);
    zn_socket_process(s);
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
    const struct zn_blob *hello = zn_socket_hello(socket_of(ss), options(ss));
    if (hello == NULL || is_raw(ss))
        return 0;
    uint8_t head[ZN_FRAME_HEADER_MAX];
    bool v1 = ss->version < ZN_ZMTP_2;
    int size = v1 ? zn_frame1_encode(head, 0, hello->size)
                  : zn_frame_encode(head, 0, hello->size);
    int rc = zn_session_urgent(ss, head, (size_t)size);
    return rc < 0 ? rc : zn_session_urgent(ss, hello->data, hello->size);
}

/* Whether an empty message tells of a peer that comes (or goes). */
static bool notifies(const struct zn_session *ss, int what)
{
    if (is_raw(ss))
        return options(ss)->stream_notify;
    if (socket_of(ss)->pattern->type != ZMQ_ROUTER)
        return false;
    return socket_of(ss)->options.router_notify & what;
}

int zn_session_established(struct zn_session *ss)
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
    if (shook_hands(ss) && !is_raw(ss)) {
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
        if (options(ss)->heartbeat_ivl > 0)
            zn_session_due(ss, ZN_DUE_PING, (uint64_t)options(ss)->heartbeat_ivl);
    }
    rc = say_hello(ss);
    if (rc == 0 && notifies(ss, ZMQ_NOTIFY_CONNECT))
        rc = zn_session_inject(ss, NULL, 0);
    zn_session_publish(ss);
    zn_handshake_drop(ss);
    atomic_fetch_or(&ss->work, ZN_WORK_IN | ZN_WORK_OUT);
    return rc;
}

/* ---- Losing it. */

/* A peer that broke the rules is not asked again. */
static bool is_fatal(const struct zn_session *ss, int error)
{
    (void)ss;
    return error == -EPROTO || error == -EMSGSIZE;
}

/* The code that belongs to an -EPROTO; 0: it has none. */
static uint32_t protocol_error(const struct zn_session *ss)
{
    const struct zn_handshake *hs = ss->handshake;
    if (ss->error != 0)
        return ss->error;
    if (hs != NULL && hs->error != 0)
        return hs->error;
    return ss->stream != NULL ? ss->stream->error : 0;
}

/* Whether it failed for saying too much to a peer that is older than the last one there. */
static bool was_misjudged(struct zn_session *ss)
{
    const struct zn_handshake *hs = ss->handshake;
    if (hs == NULL || !hs->config.whole_greeting || !ss->initiator)
        return false;
    zn_known_forget(socket_of(ss)->ctx, ss->route->text);
    return !hs->config.versions_3_only && hs->version == ZN_ZMTP_UNKNOWN &&
           hs->error == 0;
}

/* Why there was no handshake, unless that was told already: a refusal of ours. */
static void tell_failed(struct zn_session *ss, int error)
{
    const struct zn_handshake *hs = ss->handshake;
    uint32_t code = protocol_error(ss);
    if (hs != NULL && error == -EPROTO && hs->peer_refused != 0)
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, hs->peer_refused);
    else if (error == -EPROTO && code != 0)
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, code);
    else if (error != -EPROTO && error != -EMSGSIZE && ss->refused == 0)
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, (uint64_t)-error);
}

static bool is_handshaking(struct zn_session *ss)
{
    int phase = atomic_load(&ss->phase);
    return phase == ZN_PHASE_HANDSHAKE || phase == ZN_PHASE_OPENING;
}

static void tell_lost(struct zn_session *ss, int error)
{
    if (is_handshaking(ss))
        tell_failed(ss, error);
    else if (error == -EPROTO && protocol_error(ss) != 0)   /* not sealed or framed well */
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, protocol_error(ss));
    zn_session_tell(ss, ZMQ_EVENT_DISCONNECTED, (uint64_t)ss->fd);
}

/* What the application asked to be told in its own queue. */
static void leave_word(struct zn_session *ss)
{
    if (ss->end == NULL || zn_end_peer_closed(ss->end))
        return;
    zn_queue_rollback(ss->end->out);
    if (notifies(ss, ZMQ_NOTIFY_DISCONNECT))
        zn_session_inject(ss, NULL, 0);
    const struct zn_blob *bye =
        zn_socket_goodbye(socket_of(ss), options(ss), ss->initiator);
    if (bye != NULL)
        zn_session_inject(ss, bye->data, bye->size);
    /* The connection is over: nothing more will ask for room, so all of it is shown. */
    struct zn_queue *q = ss->end->out;
    if (zn_queue_publish(q, q->wmsgs))
        zn_end_post(ss->end->peer, ZN_POST_READ, NULL);
}

/* The pipe stays for the next connection, unless it must not. */
static void prepare_next(struct zn_session *ss, bool was_up)
{
    struct zn_socket *s = socket_of(ss);
    if (ss->end == NULL)
        return;
    if (options(ss)->immediate) {
        struct zn_end *end = ss->end;
        ss->end = NULL;
        zn_end_close(end, NULL);
        return;
    }
    zn_queue_resend(ss->end->in);
    zn_queue_rollback(ss->end->out);
    zn_socket_lock(s);
    struct zn_end *e = ss->end->peer;
    if (was_up && !zn_end_peer_closed(ss->end)) {
        e->ready = false;
        if (s->pattern->flags & ZN_PAT_RENEWS)
            zn_queue_discard(ss->end->in);
        if (s->pattern->lost != NULL)
            s->pattern->lost(s, e);
    }
    zn_socket_unlock(s);
    zn_socket_wake(s);                   /* the pattern may have news of it */
}

void zn_session_lost(struct zn_session *ss, int error)
{
    bool handshaking = is_handshaking(ss);
    bool was_up = atomic_load(&ss->phase) == ZN_PHASE_TRAFFIC;
    bool local = error == -ESHUTDOWN;
    bool fatal = is_fatal(ss, error) && !was_misjudged(ss);
    if (!local)
        tell_lost(ss, error);
    if (was_up)
        leave_word(ss);
    if (ss->stream != NULL)
        ss->stream->why = error;
    zn_session_close_fd(ss);
    zn_session_traffic_reset(ss);
    zn_handshake_drop(ss);
    memset(ss->due, 0, sizeof ss->due);
    ss->failed = 0;
    ss->error = 0;
    ss->refused = 0;

    bool stop =
        handshaking && options(ss)->reconnect_stop & ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED;
    if (!ss->initiator || fatal || local) {
        zn_session_die(ss);
    } else if (stop) {
        give_up(ss);
    } else {
        prepare_next(ss, was_up);
        try_later(ss);
    }
}

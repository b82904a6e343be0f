/* core/lost.c - what happens when a session's connection is lost: who is told, what becomes of
 * its pipe, and whether it is tried again. */
#include "core/establish.h"

#include "core/known.h"

/* A peer that broke the rules is not asked again. */
static bool is_fatal(int error)
{
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
    zn_known_forget(zn_session_socket(ss)->ctx, ss->route->text);
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
    if (zn_session_notifies(ss, ZMQ_NOTIFY_DISCONNECT))
        zn_session_inject(ss, NULL, 0);
    const struct zn_blob *bye =
        zn_socket_goodbye(zn_session_socket(ss), zn_session_options(ss), ss->initiator);
    if (bye != NULL)
        zn_session_inject(ss, bye->data, bye->size);
    /* The connection is over: nothing more will ask for room, so all of it is shown. */
    struct zn_queue *q = ss->end->out;
    if (zn_queue_publish(q, q->wmsgs))
        zn_end_post(ss->end->peer, ZN_POST_READ, NULL);
}

/* The pipe, if it is still there, stays for the next connection. */
static void prepare_next(struct zn_session *ss, bool was_up)
{
    struct zn_socket *s = zn_session_socket(ss);
    if (ss->end == NULL)
        return;
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
    bool over = !ss->initiator || local || (is_fatal(error) && !was_misjudged(ss));
    if (was_up)
        leave_word(ss);
    zn_session_traffic_reset(ss);
    /* Before anybody is told: who sends on hearing of it does not send into this pipe, and who
     * connects finds a place. */
    if (over || zn_session_options(ss)->immediate || zn_session_is_left(ss))
        zn_session_let_go(ss);
    if (!local)
        tell_lost(ss, error);
    if (ss->stream != NULL)
        ss->stream->why = error;
    zn_session_close_fd(ss);
    zn_handshake_drop(ss);
    uint64_t linger = ss->due[ZN_DUE_LINGER];
    memset(ss->due, 0, sizeof ss->due);
    ss->due[ZN_DUE_LINGER] = linger;     /* it runs from when the socket was closed */
    ss->failed = 0;
    ss->error = 0;
    ss->refused = 0;

    bool stop = handshaking && zn_session_options(ss)->reconnect_stop &
                                   ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED;
    if (over) {
        zn_session_die(ss);
    } else if (stop) {
        zn_session_give_up(ss);
    } else {
        prepare_next(ss, was_up);
        zn_session_try_later(ss);
    }
}

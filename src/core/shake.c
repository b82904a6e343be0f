/* core/shake.c - a session's handshake: which mechanism, whose side, bytes in and out, and
 * the question to the authenticator in between. All on the loop's thread. */
#include "core/establish.h"

#include "base/wipe.h"
#include "core/ctx.h"
#include "core/known.h"
#include "core/sealed.h"
#include "core/zap.h"
#include "wire/mechanism.h"

/* A handshake, and what its configuration points at. */
struct shake {
    struct zn_handshake hs;
    struct zn_security security;
    size_t discarded;                    /* bytes that came after a refusal */
    struct zn_property properties[];
};

static struct shake *shake_of(struct zn_session *ss)
{
    return ZN_CONTAINER(ss->handshake, struct shake, hs);
}

void zn_handshake_drop(struct zn_session *ss)
{
    zn_zap_drop(ss->zap);
    ss->zap = NULL;
    if (ss->handshake == NULL)
        return;
    struct shake *k = shake_of(ss);
    zn_handshake_fini(&k->hs);
    zn_wipe(&k->security, sizeof k->security);
    zn_free(k);
    ss->handshake = NULL;
}

/* ---- What the options say. */

static const struct zn_mechanism *mechanism_of(const struct zn_options *o)
{
    switch (o->mechanism) {
    case ZMQ_PLAIN:
        return &zn_mechanism_plain;
#ifdef ZN_HAVE_SODIUM
    case ZMQ_CURVE:
        return &zn_mechanism_curve;
#endif
#ifdef ZN_HAVE_GSSAPI
    case ZMQ_GSSAPI:
        return &zn_mechanism_gssapi;
#endif
    default:
        return &zn_mechanism_null;
    }
}

static const char *text_of(const struct zn_blob *b)
{
    return b->size > 0 ? (const char *)b->data : NULL;
}

static void take_security(struct zn_security *s, const struct zn_options *o)
{
    s->username = (struct zn_bytes){ o->plain_username.data, o->plain_username.size };
    s->password = (struct zn_bytes){ o->plain_password.data, o->plain_password.size };
    memcpy(s->public_key, o->curve_publickey, sizeof s->public_key);
    memcpy(s->secret_key, o->curve_secretkey, sizeof s->secret_key);
    memcpy(s->server_key, o->curve_serverkey, sizeof s->server_key);
    s->principal = text_of(&o->gssapi_principal);
    s->service = text_of(&o->gssapi_service_principal);
    s->principal_type = o->gssapi_principal_nametype;
    s->service_type = o->gssapi_service_principal_nametype;
    s->plaintext = o->gssapi_plaintext;
}

/* Whether an authenticator is to be asked, if there is one. */
static bool asks(const struct zn_options *o)
{
    bool domain = o->zap_domain.size > 0;
    if (o->mechanism == ZMQ_NULL)
        return domain;
    if (!o->as_server)
        return false;
    return o->mechanism == ZMQ_PLAIN || domain || !o->zap_enforce_domain;
}

/* Whether peers come in where there is none: never with a password that nobody looks at. */
static bool may_go_unasked(const struct zn_options *o)
{
    if (o->mechanism == ZMQ_PLAIN)
        return false;
    return o->zap_domain.size == 0 || !o->zap_enforce_domain;
}

/* With ZMQ_ZAP_ENFORCE_DOMAIN nobody is asked for a socket without a domain; for PLAIN that
 * is as if there were nobody. libzmq fails an assertion. */
static bool has_no_domain(const struct zn_options *o)
{
    return o->zap_enforce_domain && o->zap_domain.size == 0;
}

/* "X-name:value" as the option holds it. */
static struct zn_property split(const struct zn_blob *text)
{
    const uint8_t *colon = memchr(text->data, ':', text->size);
    size_t name = (size_t)(colon - text->data);
    return (struct zn_property){ { text->data, name },
                                 { colon + 1, text->size - name - 1 } };
}

int zn_handshake_start(struct zn_session *ss)
{
    const struct zn_options *o = zn_session_options(ss);
    const struct zn_pattern *p = ss->route->socket->pattern;
    size_t count = o->metadata.count;
    struct shake *k = zn_zalloc(sizeof *k + count * sizeof k->properties[0]);
    if (k == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        k->properties[i] = split(&o->metadata.items[i]);
    take_security(&k->security, o);
    struct zn_handshake_config config = {
        .socket_type = p->type,
        .peers = p->peers,
        .routing_id = { o->routing_id.data, o->routing_id.size },
        .tells_id = p->flags & ZN_PAT_TELLS_ID,
        .properties = k->properties,
        .property_count = count,
        .max_size = o->maxmsgsize,
        .mechanism = mechanism_of(o),
        .security = &k->security,
        .as_server = o->mechanism != ZMQ_NULL && o->as_server,
        .asks = asks(o),
        .versions_3_only = o->mechanism != ZMQ_NULL || o->zap_domain.size > 0,
    };
    /* Where a stream greets it decides anew each time, and there is nothing to be saved. */
    bool greets = ss->stream != NULL && ss->stream->ops->greets;
    config.whole_greeting =
        config.versions_3_only ||
        (ss->initiator && !greets &&
         zn_known_to_speak_3(ss->route->socket->ctx, ss->route->text));
    int rc = zn_handshake_init(&k->hs, &config);
    if (rc < 0) {
        zn_wipe(&k->security, sizeof k->security);
        zn_free(k);
        return rc;
    }
    ss->handshake = &k->hs;
    return 0;
}

/* ---- The authenticator. */

static int ask(struct zn_session *ss)
{
    const struct zn_options *o = zn_session_options(ss);
    char address[ZN_ENDPOINT_MAX];
    if (o->mechanism == ZMQ_PLAIN && has_no_domain(o))
        return -EFAULT;
    zn_session_peer_address(ss, address, sizeof address);
    int rc = zn_zap_ask(ss, &ss->handshake->credentials, address, &ss->zap);
    if (rc != -ENOENT)
        return rc;
    return may_go_unasked(o) ? zn_handshake_answer(ss->handshake, 200) : -EFAULT;
}

/* Whether the answer has come, and then what it changes. A handler that goes without one is
 * none. */
static int hear(struct zn_session *ss)
{
    struct zn_zap_answer answer = { .status = 0 };
    int rc = zn_zap_hear(ss->zap, &answer);
    if (rc == -EPROTO)
        ss->error = answer.error;
    if (rc <= 0)
        return rc == -EPIPE ? -EFAULT : rc;
    if (answer.status != 200) {
        ss->refused = answer.status;
        zn_session_tell(ss, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, (uint64_t)answer.status);
    }
    return zn_handshake_answer(ss->handshake, answer.status);
}

/* ---- Bytes. */

static int send_output(struct zn_session *ss)
{
    for (;;) {
        struct zn_bytes out = zn_handshake_output(ss->handshake);
        if (out.size == 0) {
            int rc = zn_stream_flush(ss->stream, ss->fd);
            return rc == -EAGAIN ? 0 : rc;
        }
        struct zn_iov iov = { (void *)(uintptr_t)out.data, out.size };
        ptrdiff_t n = zn_stream_writev(ss->stream, ss->fd, &iov, 1);
        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            return (int)n;
        zn_handshake_sent(ss->handshake, (size_t)n);
    }
}

/* A peer that was turned away is to read why, and to hang up; until it does, or its time is
 * up, nothing that it says is heard. */
static int discard(struct zn_session *ss, size_t n)
{
    struct shake *k = shake_of(ss);
    k->discarded += n;
    return k->hs.error != 0 ? -EPROTO : k->discarded > ZN_HANDSHAKE_MAX ? -EMSGSIZE : 1;
}

struct heard {
    struct zn_bytes rest;                /* what lay behind the handshake, in the loop's buffer */
    bool all;                            /* the kernel has no more, and will tell of it */
};

/* One read: 1 when something has come, 0 when not. */
static int read_some(struct zn_session *ss, struct heard *h)
{
    uint8_t *scratch = zn_loop_scratch(ss->loop);
    struct zn_iov iov = { scratch, ZN_LOOP_SCRATCH };
    ptrdiff_t n = zn_session_readv(ss, &iov, 1);
    h->all = n == -EAGAIN;
    if (n <= 0)
        return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
    h->all = n < ZN_LOOP_SCRATCH && !ss->hung_up && ss->stream == NULL;
    ptrdiff_t used = zn_handshake_feed(ss->handshake, scratch, (size_t)n);
    if (used == -EACCES)
        return discard(ss, (size_t)n);
    if (used == -EPROTO)
        send_output(ss);                 /* our greeting, which lets the peer see why */
    if (used < 0)
        return (int)used;
    h->rest = (struct zn_bytes){ scratch + used, (size_t)(n - used) };
    return 1;
}

/* The same for what had come before the answer. */
static void take_kept(struct zn_session *ss, struct zn_bytes *rest)
{
    uint8_t *scratch = zn_loop_scratch(ss->loop);
    *rest = zn_handshake_rest(ss->handshake);
    if (rest->size > 0)
        memcpy(scratch, rest->data, rest->size);
    rest->data = scratch;
}

/* There are commands that lead nowhere: who sends them without end is not all that the loop
 * has to do, and his time is up at some point. */
enum { READS_A_TURN = 4 };

/* As far as it goes now: 1 when it is done. Who was connected to hears first what has come
 * already, and answers it in one piece: that saves a connection half of its round trips. */
static int go_on(struct zn_session *ss, unsigned words, struct heard *h)
{
    struct zn_handshake *hs = ss->handshake;
    int reads = 0;
    bool listen_first = !(words & ZN_WORK_ROOM) && !hs->waits;
    int rc = listen_first ? read_some(ss, h) : 0;
    if (rc < 0)
        return rc;
    for (;;) {
        if (hs->done)
            return 1;
        rc = send_output(ss);
        if (rc < 0)
            return rc;
        if (hs->waits) {
            rc = ss->zap == NULL ? ask(ss) : hear(ss);
            if (rc < 0 || hs->waits)
                return rc;
            take_kept(ss, &h->rest);
            h->all = false;              /* nobody has read since */
            continue;
        }
        if (h->all)
            return 0;
        if (reads++ == READS_A_TURN) {
            zn_session_post_later(ss, ZN_WORK_IN);
            return 0;
        }
        rc = read_some(ss, h);
        if (rc <= 0)
            return rc;
    }
}

/* What we still have to say of the handshake goes before any message, and as it is. */
static int finish(struct zn_session *ss, const struct heard *h)
{
    struct zn_bytes rest = h->rest;
    struct zn_handshake *hs = ss->handshake;
    struct zn_bytes out = zn_handshake_output(hs);
    int rc = 0;
    ss->version = (uint8_t)hs->version;
    if (ss->initiator && ss->version >= ZN_ZMTP_3_0)
        zn_known_learn(ss->route->socket->ctx, ss->route->text);
    if (hs->cipher != NULL) {
        rc = zn_sealed_begin(ss, hs->cipher, out);
        if (rc == 0)
            hs->cipher = NULL;
    } else if (out.size > 0) {
        rc = zn_session_urgent(ss, out.data, out.size);
    }
    if (rc == 0)
        rc = zn_session_established(ss, h->all ? ZN_WORK_OUT : ZN_WORK_IN | ZN_WORK_OUT);
    if (rc == 0 && rest.size > 0)
        rc = zn_session_feed(ss, rest.data, rest.size);
    if (rc == 0)
        zn_session_publish(ss);
    return rc;
}

void zn_session_shake(struct zn_session *ss, unsigned words)
{
    struct heard heard = { .all = !(words & ZN_WORK_IN) && ss->stream == NULL };
    bool hung_up = words & ZN_WORK_HUNG_UP;
    ss->hung_up |= hung_up;
    int rc = hung_up && ss->handshake->waits ? -EPIPE : go_on(ss, words, &heard);
    if (rc == 0 && hung_up && ss->handshake->waits)
        rc = -EPIPE;                     /* nobody will hear the answer */
    if (rc == 0 && ss->spins)
        zn_loop_expect(ss->loop);
    if (rc == 1)
        rc = finish(ss, &heard);
    if (rc < 0)
        zn_session_lost(ss, rc);
}

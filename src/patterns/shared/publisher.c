/* patterns/shared/publisher.c - what PUB and XPUB share. */
#include "patterns/shared/publisher.h"

#include <errno.h>
#include <limits.h>
#include <zmq.h>

#include "base/alloc.h"

#define FIRST_PEERS 4u
#define PEER_VERSION_1 1                 /* ZN_ZMTP_1: it cannot subscribe */

/* What a publisher knows of an end: e->user. */
struct peer {
    struct zn_holder held, asked;
    uint32_t serial;
    bool more;                           /* inside a message of its */
    bool subscribing;                    /* which began with a subscription */
};

static struct peer *peer_of(const struct zn_end *e)
{
    return e->user;
}

int zn_publisher_init(struct zn_socket *s)
{
    struct zn_publisher *p = zn_socket_state(s);

    zn_fan_out_init(&p->out, true);
    zn_subscriptions_init(&p->held);
    zn_subscriptions_init(&p->asked);
    zn_notices_init(&p->notices);
    return 0;
}

void zn_publisher_fini(struct zn_socket *s)
{
    struct zn_publisher *p = zn_socket_state(s);

    zn_notices_fini(&p->notices);
    zn_subscriptions_fini(&p->asked);
    zn_subscriptions_fini(&p->held);
    zn_fan_out_fini(&p->out);
    zn_blob_fini(&p->welcome);
    zn_free(p->peers);
}

/* ---- Notices, from XPUB's side of the queue. */

static struct zn_notice_source source_of(const struct zn_end *e)
{
    uint64_t peer = (uint64_t)peer_of(e)->serial << 32 | (peer_of(e)->held.id + 1);

    return (struct zn_notice_source){ e->metadata, peer };
}

/* The peer whose notice was received last; NULL: nobody's, or it has gone. */
static struct zn_end *last_peer(const struct zn_publisher *p)
{
    uint32_t id = (uint32_t)p->last;
    if (id == 0 || id > p->peers_used)
        return NULL;

    struct zn_end *e = p->peers[id - 1];
    return e != NULL && source_of(e).peer == p->last ? e : NULL;
}

static int notify(struct zn_publisher *p, const struct zn_end *e, bool subscribe,
                  struct zn_bytes topic)
{
    struct zn_notice_source from = source_of(e);
    uint8_t *out = zn_notices_put(&p->notices, &from, 0, 1 + topic.size);
    if (out == NULL)
        return -ENOMEM;

    out[0] = subscribe;
    if (topic.size > 0)
        memcpy(out + 1, topic.data, topic.size);
    return 0;
}

/* A cancel on behalf of a peer that has left. One for which there is no memory is not
 * told: nobody is there to be told of that either. */
static void notify_cancel(struct zn_publisher *p, const struct zn_subscriptions *subs,
                          uint32_t node)
{
    static const struct zn_notice_source nobody;
    size_t size = zn_prefix_size(&subs->tree, node);
    uint8_t *out = zn_notices_put(&p->notices, &nobody, 0, 1 + size);

    if (out == NULL)
        return;
    out[0] = 0;
    zn_prefix_copy(&subs->tree, node, out + 1, size);
}

/* ---- Subscriptions of peers. */

static int subscribe(struct zn_publisher *p, struct zn_end *e, struct zn_bytes topic)
{
    struct peer *peer = peer_of(e);
    int rc = 0;

    if (!p->manual)
        rc = zn_subscriptions_add(&p->held, &peer->held, topic);
    else if (p->tells)
        rc = zn_subscriptions_add(&p->asked, &peer->asked, topic);
    if (rc < 0 || !p->tells)
        return ZN_MIN(rc, 0);
    if (!p->manual && !p->verbose_subscribe && rc != ZN_SUBS_FIRST)
        return 0;

    bool first = rc == ZN_SUBS_FIRST;
    rc = notify(p, e, true, topic);
    if (rc < 0 && first && !p->manual)   /* so that it is the first one again */
        (void)zn_subscriptions_remove(&p->held, &peer->held, topic);
    return rc;
}

static int cancel(struct zn_publisher *p, struct zn_end *e, struct zn_bytes topic)
{
    struct peer *peer = peer_of(e);
    int change = p->manual ? zn_subscriptions_remove(&p->asked, &peer->asked, topic)
                           : zn_subscriptions_remove(&p->held, &peer->held, topic);

    if (p->tells && (p->manual || p->verbose_cancel || change != ZN_SUBS_SAME))
        return notify(p, e, false, topic);
    return 0;
}

static void tell_asked(void *arg, const struct zn_subscriptions *s, uint32_t node,
                       bool last)
{
    (void)last;                          /* MANUAL: the application keeps count */
    notify_cancel(arg, s, node);
}

static void tell_held(void *arg, const struct zn_subscriptions *s, uint32_t node,
                      bool last)
{
    struct zn_publisher *p = arg;

    if (last || p->verbose_cancel)
        notify_cancel(p, s, node);
}

/* The peer has left, or its connection is gone: so are its subscriptions. */
static void forget(struct zn_publisher *p, struct zn_end *e)
{
    struct peer *peer = peer_of(e);

    zn_subscriptions_drop(&p->asked, &peer->asked, p->tells ? tell_asked : NULL, p);
    zn_subscriptions_drop(&p->held, &peer->held,
                          p->tells && !p->manual && !e->takes_all ? tell_held : NULL, p);
    peer->more = peer->subscribing = false;
}

/* ---- What comes from peers. */

static bool named(const struct zn_frame *f, const char *name, struct zn_bytes *topic)
{
    size_t size = strlen(name);

    if (f->size < size || memcmp(f->data, name, size) != 0)
        return false;
    *topic = (struct zn_bytes){ f->data + size, f->size - size };
    return true;
}

static bool is_group(struct zn_bytes name)
{
    return name.size <= ZMQ_GROUP_MAX_LENGTH &&
           (name.size == 0 || memchr(name.data, 0, name.size) == NULL);
}

/* ZMTP 3.1 (RFC 37): SUBSCRIBE and CANCEL; or JOIN and LEAVE (RFC 48). Other commands mean
 * nothing here. */
static int take_command(struct zn_publisher *p, struct zn_end *e,
                        const struct zn_frame *f)
{
    const char *on = p->groups ? "\x04JOIN" : "\x09SUBSCRIBE";
    const char *off = p->groups ? "\x05LEAVE"
                                : "\x06"
                                  "CANCEL";
    struct zn_bytes topic;
    bool subscribing = named(f, on, &topic);

    if (!subscribing && !named(f, off, &topic))
        return 0;
    if (p->groups && !is_group(topic))
        return 0;                        /* no message has such a group */
    return subscribing ? subscribe(p, e, topic) : cancel(p, e, topic);
}

/* A frame that is no subscription: no reason to answer its sender with MANUAL's options. */
static int keep(struct zn_publisher *p, const struct zn_end *e, const struct zn_frame *f)
{
    struct zn_notice_source from = { e->metadata, ZN_NO_NOTICE };
    uint8_t *out = zn_notices_put(&p->notices, &from, f->flags & ZN_MORE, f->size);
    if (out == NULL)
        return -ENOMEM;
    if (f->size > 0)
        memcpy(out, f->data, f->size);
    return 0;
}

/* On failure nothing has happened. */
static int take_frame(struct zn_publisher *p, struct zn_end *e, const struct zn_frame *f)
{
    struct peer *peer = peer_of(e);
    bool is_one = f->size > 0 && f->data[0] <= 1;
    bool subscribing = peer->more ? peer->subscribing : is_one;
    int rc = 0;

    if (f->flags & ZN_COMMAND)
        return take_command(p, e, f);
    if (p->groups)                       /* RFC 48: RADIO discards what peers send */
        return 0;
    if (is_one && (subscribing || !p->only_first)) {
        struct zn_bytes topic = { f->data + 1, f->size - 1 };
        rc = f->data[0] == 1 ? subscribe(p, e, topic) : cancel(p, e, topic);
    } else if (p->tells) {               /* RFC 29: PUB discards what peers send */
        rc = keep(p, e, f);
    }
    if (rc == 0) {
        peer->subscribing = subscribing;
        peer->more = (f->flags & ZN_MORE) != 0;
    }
    return rc;
}

/* Reads all there is, or as far as there is memory: 0, or -EPIPE. */
static int take_all(struct zn_socket *s, struct zn_end *e)
{
    struct zn_publisher *p = zn_socket_state(s);
    struct zn_frame f;
    int rc;

    while ((rc = zn_end_peek(e, &f)) > 0) {
        if (take_frame(p, e, &f) < 0) {
            zn_socket_try_again(s, e, ZN_POST_READ);
            return 0;
        }
        zn_end_next(e);
    }
    return rc;
}

void zn_publisher_readable(struct zn_socket *s, struct zn_end *e)
{
    if (take_all(s, e) == -EPIPE)
        zn_socket_end_done(s, e);
}

/* ---- Ends. */

static int number(struct zn_publisher *p, struct zn_end *e, uint32_t *id)
{
    while (p->peers_gap < p->peers_used && p->peers[p->peers_gap] != NULL)
        p->peers_gap++;
    if (p->peers_gap == p->peers_cap) {
        uint32_t cap = p->peers_cap == 0 ? FIRST_PEERS : p->peers_cap * 2;
        struct zn_end **peers = zn_realloc(p->peers, cap * sizeof(struct zn_end *));
        if (peers == NULL)
            return -ENOMEM;
        p->peers = peers;
        p->peers_cap = cap;
    }

    *id = p->peers_gap++;
    p->peers_used = ZN_MAX(p->peers_used, *id + 1);
    p->peers[*id] = e;
    return 0;
}

int zn_publisher_attach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_publisher *p = zn_socket_state(s);
    uint32_t id;

    struct peer *peer = zn_zalloc(sizeof(*peer));
    if (peer == NULL)
        return -ENOMEM;
    int rc = zn_fan_out_attach(&p->out, e);
    if (rc < 0)
        goto free_peer;
    rc = number(p, e, &id);
    if (rc < 0)
        goto leave_fan_out;

    peer->held.id = peer->asked.id = id;
    peer->serial = ++p->serial;
    e->user = peer;
    return 0;

leave_fan_out:
    zn_fan_out_detach(&p->out, e);
free_peer:
    zn_free(peer);
    return rc;
}

void zn_publisher_detach(struct zn_socket *s, struct zn_end *e)
{
    struct zn_publisher *p = zn_socket_state(s);
    struct peer *peer = peer_of(e);
    uint32_t id = peer->held.id;

    forget(p, e);
    zn_fan_out_detach(&p->out, e);
    p->peers[id] = NULL;
    p->peers_gap = ZN_MIN(p->peers_gap, id);
    while (p->peers_used > 0 && p->peers[p->peers_used - 1] == NULL)
        p->peers_used--;
    e->user = NULL;
    zn_free(peer);
}

static int welcome(struct zn_publisher *p, struct zn_end *e)
{
    struct zn_frame f = { .data = p->welcome.data, .size = p->welcome.size };

    zn_fan_out_leave(&p->out, e);        /* no other message may be half-written */
    int rc = zn_end_write_always(e, &f);
    if (rc == 0)
        zn_end_flush(e);
    return rc == -EPIPE ? 0 : rc;
}

/* What is held by peers that cannot join, and get the messages of all groups: a zero, which no
 * group's name has in it. */
static const struct zn_bytes all_groups = { (const uint8_t *)"", 1 };

/* For peers that cannot say what they want. They have not said so either: there is no notice,
 * and MANUAL decides nothing. */
static int subscribe_to_all(struct zn_publisher *p, struct zn_end *e)
{
    static const struct zn_bytes all_topics = { NULL, 0 };
    int rc = zn_subscriptions_add(&p->held, &peer_of(e)->held,
                                  p->groups ? all_groups : all_topics);
    return ZN_MIN(rc, 0);
}

int zn_publisher_ready(struct zn_socket *s, struct zn_end *e)
{
    struct zn_publisher *p = zn_socket_state(s);
    int rc = 0;

    if (p->welcome.size > 0)
        rc = welcome(p, e);
    if (rc == 0 && e->takes_all)
        rc = subscribe_to_all(p, e);
    else if (rc == 0 && e->peer_version == PEER_VERSION_1 && !p->groups)
        rc = subscribe(p, e, (struct zn_bytes){ NULL, 0 });
    if (rc == 0)
        (void)take_all(s, e);            /* should it be closed: that is still to come */
    return rc;
}

void zn_publisher_lost(struct zn_socket *s, struct zn_end *e)
{
    struct zn_publisher *p = zn_socket_state(s);
    struct zn_frame f;

    (void)take_all(s, e);                /* of the connection that is gone */
    while (zn_end_peek(e, &f) > 0)       /* no memory for the rest */
        zn_end_next(e);
    forget(p, e);
}

/* ---- What goes to peers. */

/* MANUAL_LAST_VALUE: of those that match only the peer heard last. */
static void keep_last(struct zn_publisher *p)
{
    struct zn_end *e = last_peer(p);
    if (e == NULL)
        return;

    bool matches = e->out_index < p->out.turns.active;
    zn_fan_out_unmark(&p->out);
    if (matches)
        zn_fan_out_mark(&p->out, e);
}

static void mark(struct zn_publisher *p, const struct zn_subscriptions_match *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        zn_fan_out_mark(&p->out, p->peers[m->ids[i]]);
}

static void match(struct zn_publisher *p, bool invert, struct zn_bytes topic)
{
    struct zn_subscriptions_match m = { .walk.topic = topic };

    if (ZN_UNLIKELY(p->groups)) {
        if (zn_subscriptions_exact(&p->held, topic, &m))
            mark(p, &m);
        if (zn_subscriptions_exact(&p->held, all_groups, &m))
            mark(p, &m);
        return;
    }
    while (zn_subscriptions_match(&p->held, &m))
        mark(p, &m);
    if (ZN_UNLIKELY(invert))
        zn_fan_out_invert(&p->out);
}

int zn_publisher_send(struct zn_socket *s, const struct zn_frame *f, uint32_t routing_id)
{
    struct zn_publisher *p = zn_socket_state(s);
    (void)routing_id;

    if (!p->out.more) {
        match(p, zn_socket_options(s)->invert_matching,
              (struct zn_bytes){ f->data, f->size });
        if (ZN_UNLIKELY(p->last_only))
            keep_last(p);
        if (p->nodrop && !zn_fan_out_writable(&p->out)) {
            zn_fan_out_unmark(&p->out);
            return -EAGAIN;
        }
        p->last_only = false;
    }
    zn_fan_out_send(&p->out, f);
    return 0;
}

/* ---- Options. */

static int set_flag(struct zn_publisher *p, int option, int v)
{
    switch (option) {
    case ZMQ_XPUB_VERBOSE:
        p->verbose_subscribe = v;
        p->verbose_cancel = 0;
        return 0;
    case ZMQ_XPUB_VERBOSER:
        p->verbose_subscribe = p->verbose_cancel = v;
        return 0;
    case ZMQ_XPUB_NODROP:
        p->nodrop = v;
        return 0;
    case ZMQ_XPUB_MANUAL:
        p->manual = v;
        return 0;
    case ZMQ_XPUB_MANUAL_LAST_VALUE:
        p->manual = p->last_value = v;
        return 0;
    case ZMQ_ONLY_FIRST_SUBSCRIBE:
        p->only_first = v;
        return 0;
    default:
        return -ENOENT;
    }
}

/* MANUAL: acts for the peer whose notice was received last, if it is still there. */
static int set_manual(struct zn_publisher *p, bool add, struct zn_bytes topic)
{
    struct zn_end *e = last_peer(p);

    if (!p->manual)
        return -EINVAL;
    if (e == NULL)
        return 0;
    if (!add) {
        (void)zn_subscriptions_remove(&p->held, &peer_of(e)->held, topic);
        return 0;
    }
    int rc = zn_subscriptions_add(&p->held, &peer_of(e)->held, topic);
    return ZN_MIN(rc, 0);
}

int zn_publisher_set(struct zn_socket *s, int option, const void *value, size_t size)
{
    struct zn_publisher *p = zn_socket_state(s);
    int v = 0;

    if (value == NULL && size > 0)
        return -EINVAL;
    switch (option) {
    case ZMQ_SUBSCRIBE:
    case ZMQ_UNSUBSCRIBE:
        return set_manual(p, option == ZMQ_SUBSCRIBE, (struct zn_bytes){ value, size });
    case ZMQ_XPUB_WELCOME_MSG:
        return zn_blob_set(&p->welcome, value, size);
    case ZMQ_XPUB_VERBOSE:
    case ZMQ_XPUB_VERBOSER:
    case ZMQ_XPUB_NODROP:
    case ZMQ_XPUB_MANUAL:
    case ZMQ_XPUB_MANUAL_LAST_VALUE:
    case ZMQ_ONLY_FIRST_SUBSCRIBE: {
        int rc = zn_option_int(value, size, 0, INT_MAX, &v);
        return rc < 0 ? rc : set_flag(p, option, v != 0);
    }
    default:
        return -ENOENT;
    }
}

int zn_publisher_get(struct zn_socket *s, int option, void *value, size_t *size)
{
    const struct zn_publisher *p = zn_socket_state(s);

    if (option != ZMQ_TOPICS_COUNT)
        return -ENOENT;
    return zn_option_get_int_loose((int)ZN_MIN(p->held.prefixes, (uint32_t)INT_MAX),
                                   value, size);
}

/* core/kept.c - what a socket has been given by its pattern, or has read on for, and the
 * application has not got: a frame that is stuck, and what comes after it. */
#include "core/socket.h"

/* The rest of a message whose end has gone. */
struct zn_kept {
    struct zn_kept *next;
    struct zn_incoming in;               /* its bytes are a content's */
};

void zn_socket_keep_stuck(struct zn_socket *s, const struct zn_incoming *in)
{
    s->stuck = *in;
    if (in->frame.content != NULL)
        zn_content_hold(in->frame.content);
    zn_metadata_hold(s->stuck.metadata);
    s->has_stuck = true;
}

static void advance_kept(struct zn_socket *s)
{
    struct zn_kept *k = s->kept;
    s->has_stuck = k != NULL;
    if (k == NULL)
        return;
    s->stuck = k->in;
    s->kept = k->next;
    zn_free(k);
}

void zn_socket_drop_first_stuck(struct zn_socket *s)
{
    zn_metadata_drop(s->stuck.metadata);
    if (s->stuck.frame.content != NULL)
        zn_content_drop(s->stuck.frame.content);
    zn_msg_empty(&s->unread);
    zn_msg_init(&s->unread);
    advance_kept(s);
}

void zn_socket_drop_stuck(struct zn_socket *s)
{
    while (s->has_stuck)
        zn_socket_drop_first_stuck(s);
}

bool zn_socket_keeps(struct zn_socket *s)
{
    return s->has_stuck;
}

static struct zn_kept *keep(const struct zn_frame *f, struct zn_metadata *metadata)
{
    struct zn_kept *k = zn_zalloc(sizeof *k);
    if (k == NULL)
        return NULL;
    k->in.frame = *f;
    if (zn_frame_share(&k->in.frame) < 0) {
        zn_free(k);
        return NULL;
    }
    k->in.metadata = zn_metadata_hold(metadata);
    return k;
}

/* Whether the application has had a part of e's message, or is sure to get one. */
static bool has_begun(const struct zn_socket *s, const struct zn_end *e)
{
    const struct zn_incoming *in = &s->stuck;
    if (s->under_way != e || s->closed)
        return false;
    return s->has_stuck && in->end == NULL && in->from == NULL ? in->frame.flags & ZN_MORE
                                                               : s->rcvmore;
}

void zn_socket_keep_rest(struct zn_socket *s, struct zn_end *e)
{
    struct zn_frame f;
    bool begun = has_begun(s, e);
    if (s->under_way == e)
        s->under_way = NULL;
    if (s->has_stuck && (s->stuck.end == e || s->stuck.from == e))
        zn_socket_drop_stuck(s);         /* it still lies in the queue */
    struct zn_kept **last = &s->kept;
    while (*last != NULL)
        last = &(*last)->next;
    for (bool more = begun; more && zn_end_peek(e, &f) > 0; zn_end_next(e)) {
        *last = keep(&f, e->metadata);
        if (*last == NULL)
            break;                       /* no memory: the message is cut off */
        last = &(*last)->next;
        more = f.flags & ZN_MORE;
    }
    if (!s->has_stuck)
        advance_kept(s);
}

int zn_socket_rescue_stuck(struct zn_socket *s)
{
    struct zn_incoming *in = &s->stuck;
    if (in->frame.content == NULL && zn_frame_share(&in->frame) < 0)
        return -ENOMEM;
    if (in->end != NULL)
        zn_end_next(in->end);
    in->end = NULL;
    return 0;
}

/* What is stuck, if anything is, comes after another one: 0, or -ENOMEM. */
static int put_back_stuck(struct zn_socket *s)
{
    if (!s->has_stuck)
        return 0;
    if (zn_socket_rescue_stuck(s) < 0)
        return -ENOMEM;
    struct zn_kept *k = zn_zalloc(sizeof *k);
    if (k == NULL)
        return -ENOMEM;
    k->in = s->stuck;
    k->next = s->kept;
    s->kept = k;
    s->has_stuck = false;
    return 0;
}

/* A DISH's messages are one frame: there is never more than one group to be kept. */
static void unread(struct zn_socket *s, struct zn_msg *m)
{
    s->unread = *m;
    zn_msg_init(m);
    m = &s->unread;
    struct zn_content *c = zn_msg_type(m) == ZN_MSG_SHARED ? m->body.at.content : NULL;
    struct zn_incoming in = { .frame = zn_msg_frame(m),
                              .metadata = m->metadata,
                              .routing_id = zn_msg_routing_id(m),
                              .group = zn_msg_group(m)[0] != '\0' ? m : NULL };
    in.frame.content = c;
    zn_socket_keep_stuck(s, &in);
}

int zn_socket_unread(void *handle, struct zn_msg *m, bool rcvmore)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return rc;
    rc = put_back_stuck(s);
    if (rc == 0) {
        unread(s, m);
        s->rcvmore = rcvmore;
        zn_socket_wake(s);
    }
    zn_socket_unlock(s);
    return rc;
}

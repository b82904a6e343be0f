/* core/pipe.c - see pipe.h. */
#include "core/pipe.h"

#include "core/socket.h"
#include "wire/zmtp.h"

int zn_pipe_new(struct zn_pipe **out, bool conflate0, bool conflate1)
{
    struct zn_pipe *p = zn_zalloc_lines(sizeof *p);
    if (p == NULL)
        return -ENOMEM;
    bool conflate[2] = { conflate0, conflate1 };
    for (int i = 0; i < 2; i++) {
        if (zn_queue_init(&p->queue[i], 0, conflate[i]) < 0) {
            zn_queue_fini(&p->queue[0]);
            zn_free_lines(p);
            return -ENOMEM;
        }
        p->end[i].pipe = p;
        p->end[i].out = &p->queue[i];
        p->end[i].in = &p->queue[1 - i];
        p->end[i].peer = &p->end[1 - i];
        p->end[i].conflate = conflate[i];
        p->sndhwm[i] = p->rcvhwm[i] = -1;
    }
    *out = p;
    return 0;
}

static unsigned side(const struct zn_end *e)
{
    return e == &e->pipe->end[1];
}

/* A socket's own lock is held whenever it works on its ends. */
static struct zn_socket *poster_of(const struct zn_end *e)
{
    return e->owner == &zn_socket_owner ? e->socket : NULL;
}

void zn_end_own(struct zn_end *e, const struct zn_owner *owner, void *who)
{
    zn_lock(&e->pipe->lock);
    e->owner = owner;
    e->who = who;
    zn_unlock(&e->pipe->lock);
}

int zn_pipe_make(struct zn_route *r, bool initiator, const struct zn_owner *owner,
                 void *who, struct zn_end **far)
{
    struct zn_socket *s = r->socket;
    struct zn_pipe *p;
    if (zn_pipe_new(&p, zn_socket_conflates(s, &r->options, ZN_PAT_SEND),
                    zn_socket_conflates(s, &r->options, ZN_PAT_RECV)) < 0)
        return -ENOMEM;
    struct zn_end *e = &p->end[0];
    e->route = r;
    e->initiator = initiator;
    zn_end_own(e, &zn_socket_owner, s);
    zn_end_own(e->peer, owner, who);
    p->queue[0].keeps = p->queue[1].keeps = ZN_SPARES;       /* its owner trims it */
    zn_end_set_hwm(e, s->options.sndhwm, s->options.rcvhwm);
    *far = e->peer;
    return 0;
}

void zn_pipe_unmake(struct zn_end *far)
{
    zn_end_own(far->peer, NULL, NULL);
    zn_end_own(far, NULL, NULL);
    zn_end_release(far->peer);
    zn_end_release(far);
}

static uint32_t sum_hwm(int snd, int rcv)
{
    if (snd == 0 || rcv == 0)
        return 0;
    uint64_t sum = (uint64_t)(snd > 0 ? snd : 0) + (uint64_t)(rcv > 0 ? rcv : 0);
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

void zn_end_set_hwm(struct zn_end *e, int sndhwm, int rcvhwm)
{
    struct zn_pipe *p = e->pipe;
    unsigned me = side(e);
    zn_lock(&p->lock);
    p->sndhwm[me] = sndhwm;
    p->rcvhwm[me] = rcvhwm;
    for (unsigned i = 0; i < 2; i++)
        if (p->queue[i].slot == NULL)
            zn_queue_set_hwm(&p->queue[i], sum_hwm(p->sndhwm[i], p->rcvhwm[1 - i]));
    zn_unlock(&p->lock);

    /* Either side may have been waiting at the old limit. */
    for (unsigned i = 0; i < 2; i++)
        if (atomic_exchange_explicit(&p->queue[i].writer_waiting, 0,
                                     memory_order_seq_cst))
            zn_end_post(&p->end[i], ZN_POST_WRITE, poster_of(e));
}

void zn_end_change_hwm(struct zn_end *e, int sndhwm, int rcvhwm)
{
    zn_end_set_hwm(e, sndhwm, rcvhwm);
    for (unsigned i = 0; i < 2; i++)
        zn_end_post(&e->pipe->end[i], ZN_POST_WRITE, poster_of(e));
}

void zn_end_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    struct zn_wish wish = { NULL, 0 };
    zn_lock(&e->pipe->lock);
    if (e->owner != NULL)
        wish = e->owner->post(e, what, poster);
    zn_unlock(&e->pipe->lock);
    if (wish.socket != NULL)
        zn_socket_fulfil(wish, poster);
}

void zn_end_disown(struct zn_end *e, struct zn_socket *poster)
{
    zn_queue_rollback(e->out);
    struct zn_pipe *p = e->pipe;
    struct zn_wish wish = { NULL, 0 };
    zn_lock(&p->lock);
    e->owner = NULL;
    atomic_fetch_or_explicit(&p->closed, (uint8_t)(1u << side(e)), memory_order_acq_rel);
    if (e->peer->owner != NULL)
        wish = e->peer->owner->post(e->peer, ZN_POST_CLOSED, poster);
    zn_unlock(&p->lock);
    if (wish.socket != NULL)
        zn_socket_fulfil(wish, poster);
}

/* `closed` counts who has said so; these bits count who has let go. */
#define RELEASED(side) (uint8_t)(4u << (side))

void zn_end_release(struct zn_end *e)
{
    struct zn_pipe *p = e->pipe;
    uint8_t mine = RELEASED(side(e));
    zn_metadata_drop_paid(e->metadata, &e->metadata_paid);
    e->metadata = NULL;
    zn_free(e->id);
    e->id = NULL;
    uint8_t was = atomic_fetch_or_explicit(&p->closed, mine, memory_order_acq_rel);
    if (!(was & (RELEASED(0) | RELEASED(1))))
        return;
    zn_queue_fini(&p->queue[0]);
    zn_queue_fini(&p->queue[1]);
    zn_free_lines(p);
}

void zn_end_close(struct zn_end *e, struct zn_socket *poster)
{
    zn_end_disown(e, poster);
    zn_end_release(e);
}

bool zn_end_peer_closed(const struct zn_end *e)
{
    uint8_t closed = atomic_load_explicit(&e->pipe->closed, memory_order_acquire);
    return closed >> (1 - side(e)) & 1;
}

/* ---- Reading. */

int zn_end_peek_slow(struct zn_end *e, struct zn_frame *f)
{
    if (!zn_queue_sleep(e->in))
        return zn_queue_peek(e->in, f);
    if (!zn_end_peer_closed(e))
        return 0;
    return zn_queue_peek(e->in, f) ? 1 : -EPIPE;
}

void zn_end_tell_room(struct zn_end *e, enum zn_room room)
{
    unsigned quiet = room == ZN_ROOM_TELL ? ZN_POST_QUIET : 0;
    zn_end_post(e->peer, ZN_POST_WRITE | quiet, poster_of(e));
}

void zn_end_pause(struct zn_end *e)
{
    if (!e->in->owes_wake)
        return;
    e->in->owes_wake = false;
    zn_end_tell_room(e, ZN_ROOM_WAKE);
}

void zn_end_skip(struct zn_end *e)
{
    struct zn_frame f;
    do {
        if (zn_queue_peek(e->in, &f) == 0)
            return;
        zn_end_next(e);
    } while (f.flags & ZN_MORE);
}

/* ---- Writing. */

bool zn_end_writable(struct zn_end *e)
{
    return !e->finished && (e->out->open || zn_queue_room(e->out));
}

int zn_end_write_always(struct zn_end *e, const struct zn_frame *f)
{
    return e->finished ? -EPIPE : zn_queue_write(e->out, f);
}

static int write_always_pair(struct zn_end *e, const uint8_t *head, size_t head_size,
                             struct zn_bytes topic, uint8_t flags)
{
    uint8_t few[512], *all = few;
    size_t size = head_size + topic.size;
    if (size > sizeof few) {
        all = zn_alloc(size);
        if (all == NULL)
            return -ENOMEM;
    }
    memcpy(all, head, head_size);
    if (topic.size > 0)
        memcpy(all + head_size, topic.data, topic.size);
    struct zn_frame f = { .data = all, .size = size, .flags = flags };
    int rc = zn_end_write_always(e, &f);
    if (all != few)
        zn_free(all);
    return rc;
}

int zn_end_write_subscription(struct zn_end *e, bool subscribe, struct zn_bytes topic)
{
    static const uint8_t on[] = "\x09SUBSCRIBE", off[] = "\x06"
                                                         "CANCEL";
    if (e->peer_version == ZN_ZMTP_3_1) {
        if (subscribe)
            return write_always_pair(e, on, sizeof on - 1, topic, ZN_COMMAND);
        return write_always_pair(e, off, sizeof off - 1, topic, ZN_COMMAND);
    }
    uint8_t first = subscribe ? 1 : 0;
    return write_always_pair(e, &first, 1, topic, 0);
}

void zn_end_rollback(struct zn_end *e)
{
    zn_queue_rollback(e->out);
}

void zn_end_tell_news(struct zn_end *e)
{
    zn_end_post(e->peer, ZN_POST_READ, poster_of(e));
}

bool zn_end_open(const struct zn_end *e)
{
    return e->out->open;
}

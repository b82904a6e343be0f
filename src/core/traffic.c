/* core/traffic.c - messages between a connection and its queues.
 *
 * Out: runs of records go to the kernel as they lie (gather.c). A message counts as sent
 * when its last byte is with the kernel.
 *
 * In: everything is read into one large buffer that connections share, so that an idle one
 * holds none. Headers are walked there; runs of small frames are copied to the queue in one
 * piece; a large frame gets a content of its own, into which the rest is read straight. It
 * grows with what has arrived, not with what was claimed, but to the size of the last one at
 * once: whoever has sent so much may be about to do so again. */
#include "core/traffic.h"

#include "core/sealed.h"
#include "core/session.h"
#include "core/spare.h"

#include "wire/frame.h"

enum { IOVS = 128, V1_HEADS = 32 };
#define WRITE_LIMIT (8u * 1024 * 1024)
#define TURN_LIMIT (8u * 1024 * 1024)    /* then others have their turn */
#define TRICKLE (32u * 1024)
#define BIG_START (64u * 1024)
#define BIG_TRUST (64u * 1024 * 1024)

/* ---- Out. */

int zn_session_urgent(struct zn_session *ss, const uint8_t *p, size_t size)
{
    /* Nothing may come between the parts of a message that is half out. */
    if (ss->urgent_size + size > 64 * 1024)
        return 0;                        /* a peer that pings and never reads */
    uint8_t *grown = zn_realloc(ss->urgent, ss->urgent_size + size);
    if (grown == NULL)
        return -ENOMEM;
    memcpy(grown + ss->urgent_size, p, size);
    ss->urgent = grown;
    ss->urgent_size += (uint32_t)size;
    return 0;
}

/* n bytes have gone, of what is urgent and what came behind it: how many of the latter. */
static size_t urgent_sent(struct zn_session *ss, size_t n)
{
    size_t part = ZN_MIN(n, (size_t)(ss->urgent_size - ss->urgent_sent));
    ss->urgent_sent += (uint32_t)part;
    if (ss->urgent_sent == ss->urgent_size) {
        zn_free(ss->urgent);
        ss->urgent = NULL;
        ss->urgent_size = ss->urgent_sent = 0;
    }
    return n - part;
}

static enum zn_framing framing_of(const struct zn_session *ss)
{
    if (ss->route->socket->pattern->flags & ZN_PAT_RAW || ss->route->options.router_raw)
        return ZN_FRAMING_RAW;
    return ss->version == ZN_ZMTP_1 || ss->version == ZN_ZMTP_1_REV ? ZN_FRAMING_V1
                                                                    : ZN_FRAMING_V2;
}

/* The memory of large messages goes round. */
static void moves_large(struct zn_session *ss)
{
    ss->spares = true;
    zn_spare_live();
}

/* What is urgent goes between messages. */
static bool urgent_may_go(const struct zn_session *ss)
{
    return ss->urgent_size > 0 && (ss->end == NULL || ss->end->in->sent == 0);
}

/* One writev of what is urgent and of what the queue has, which lies behind iov[0]. 0: nothing
 * to write; 1: go on. */
static int write_some(struct zn_session *ss, struct zn_iov *iov, struct zn_gather *g)
{
    bool urgent = urgent_may_go(ss);
    g->count = 0;
    g->bytes = 0;
    if (ss->end != NULL)
        zn_queue_gather(ss->end->in, g);
    if (g->count == 0 && !urgent)
        return 0;
    if (!g->plain && g->bytes >= ZN_SPARE_MIN)
        moves_large(ss);
    if (urgent)
        iov[0] = (struct zn_iov){ ss->urgent + ss->urgent_sent,
                                  ss->urgent_size - ss->urgent_sent };
    ptrdiff_t n = 0;
    if (urgent || g->bytes > 0)
        n = zn_stream_writev(ss->stream, ss->fd, urgent ? iov : g->iov,
                             g->count + urgent);
    if (n < 0)
        return (int)n;
    size_t of_queue = urgent ? urgent_sent(ss, (size_t)n) : (size_t)n;
    if (g->count == 0)
        return 1;
    enum zn_room room = zn_queue_sent(ss->end->in, g, of_queue);
    if (room != ZN_ROOM_NO_NEWS)
        zn_end_tell_room(ss->end, room);
    return 1;
}

void zn_session_is_full(struct zn_session *ss)
{
    ss->kernel_full = true;
    if (ss->end != NULL)
        zn_end_pause(ss->end);
}

int zn_session_write(struct zn_session *ss)
{
    if (ZN_UNLIKELY(ss->sealed != NULL))
        return zn_sealed_write(ss);
    struct zn_iov iov[1 + IOVS];
    uint8_t heads[V1_HEADS][16];
    struct zn_gather g = { .framing = framing_of(ss),
                           .iov = iov + 1,
                           .max = IOVS,
                           .heads = heads,
                           .limit = WRITE_LIMIT };
    if (g.framing != ZN_FRAMING_V2)
        g.max = V1_HEADS;
    size_t total = 0;

    while (!ss->kernel_full) {
        int rc = write_some(ss, iov, &g);
        if (ZN_UNLIKELY(ss->stream != NULL) && rc >= 0) {
            int kept = zn_stream_flush(ss->stream, ss->fd);
            rc = kept < 0 ? kept : rc;
        }
        if (rc == -EAGAIN) {
            zn_session_is_full(ss);
            return 0;
        }
        if (rc < 0)
            return rc;
        if (rc == 0 && (ss->end == NULL || zn_queue_sleep(ss->end->in)))
            return 0;
        total += g.bytes;
        /* Who writes a little, while more keeps coming, writes a lot a little later. */
        bool trickle = rc > 0 && total < TRICKLE;
        if (trickle || total > TURN_LIMIT) {
            zn_session_post_later(ss, ZN_WORK_OUT);
            return 0;
        }
    }
    return 0;
}

/* ---- In. */

void zn_session_publish(struct zn_session *ss)
{
    struct zn_queue *q = ss->end->out;
    uint64_t upto = q->wmsgs;
    uint32_t hwm = atomic_load_explicit(&q->hwm, memory_order_relaxed);
    if (hwm != 0) {
        uint64_t consumed = atomic_load_explicit(&q->consumed, memory_order_acquire);
        if (upto - consumed > hwm) {
            atomic_store_explicit(&q->writer_waiting, 1, memory_order_seq_cst);
            consumed = atomic_load_explicit(&q->consumed, memory_order_seq_cst);
            uint64_t most = consumed + hwm;
            uint64_t already = atomic_load_explicit(&q->written, memory_order_relaxed);
            upto = ZN_MIN(upto, ZN_MAX(most, already));
        }
    }
    if (zn_queue_publish(q, upto))
        zn_end_post(ss->end->peer, ZN_POST_READ, NULL);
}

/* Whether everything parsed has been published: else reading waits. */
static bool published_all(const struct zn_session *ss)
{
    const struct zn_queue *q = ss->end->out;
    return atomic_load_explicit(&q->written, memory_order_relaxed) == q->wmsgs;
}

void zn_session_traffic_reset(struct zn_session *ss)
{
    zn_free(ss->partial);
    ss->partial = NULL;
    ss->partial_size = 0;
    if (ss->big != NULL)
        zn_content_drop(ss->big);
    ss->big = NULL;
    ss->big_before = 0;
    ss->req_state = 0;
    zn_free(ss->urgent);
    ss->urgent = NULL;
    ss->urgent_size = ss->urgent_sent = 0;
    zn_sealed_free(ss->sealed);
    ss->sealed = NULL;
    ss->kernel_full = false;
}

int zn_session_inject(struct zn_session *ss, const uint8_t *data, size_t size)
{
    struct zn_frame f = { .data = data, .size = size };
    return zn_queue_write(ss->end->out, &f);
}

/* A large frame: what came of it so far goes to a content of its own. */
static int begin_big(struct zn_session *ss, const struct zn_frame_header *h,
                     const uint8_t *p, size_t have)
{
    if (h->size >= ZN_SPARE_MIN)
        moves_large(ss);
    size_t trust = ZN_MAX(BIG_START, ss->big_before);
    size_t cap = (size_t)ZN_MIN(h->size, ZN_MAX((uint64_t)have * 2, trust));
    ss->big = zn_content_new(cap);
    if (ss->big == NULL)
        return -ENOMEM;
    memcpy(ss->big->data, p, have);
    ss->big_have = have;
    ss->big_size = h->size;
    ss->big_flags = h->flags;
    return 0;
}

static int grow_big(struct zn_session *ss)
{
    uint64_t want = ZN_MAX((uint64_t)ss->big->size * 2, ss->big_have * 16);
    size_t cap = (size_t)ZN_MIN(ss->big_size, want);
    struct zn_content *c = zn_content_grow(ss->big, cap);
    if (c == NULL)
        return -ENOMEM;
    ss->big = c;
    return 0;
}

static int end_big(struct zn_session *ss)
{
    struct zn_frame f = { .data = ss->big->data,
                          .size = (size_t)ss->big_size,
                          .content = ss->big,
                          .flags = ss->big_flags };
    int rc = ss->sealed != NULL
                 ? zn_sealed_frame(ss, ss->big->data, (size_t)ss->big_size, ss->big)
                 : zn_session_frame(ss, &f);
    zn_content_drop(ss->big);
    ss->big = NULL;
    ss->big_before = (uint32_t)ZN_MIN(ss->big_size, BIG_TRUST);
    return rc;
}

int zn_session_feed(struct zn_session *ss, const uint8_t *p, size_t size)
{
    const uint8_t *end = p + size;
    while (ss->big != NULL && p < end) {
        size_t n = ZN_MIN((size_t)(end - p), (size_t)(ss->big_size - ss->big_have));
        while (ss->big->size - ss->big_have < n)
            if (grow_big(ss) < 0)
                return -ENOMEM;
        memcpy(ss->big->data + ss->big_have, p, n);
        ss->big_have += n;
        p += n;
        if (ss->big_have == ss->big_size) {
            int rc = end_big(ss);
            if (rc < 0)
                return rc;
        }
    }

    struct zn_frame_header h;
    size_t rest = (size_t)(end - p);
    ptrdiff_t used = zn_session_parse(ss, p, rest, &h);
    if (used < 0)
        return (int)used;
    p += used;
    rest -= (size_t)used;
    if (rest == 0)
        return 0;
    if (h.size >= ZN_SHARE_SIZE) {
        int head = zn_session_head(ss, p, end, &h);
        return begin_big(ss, &h, p + head, rest - (size_t)head);
    }
    uint8_t *kept = zn_alloc(rest);
    if (kept == NULL)
        return -ENOMEM;
    memcpy(kept, p, rest);
    ss->partial = kept;
    ss->partial_size = (uint32_t)rest;
    return 0;
}

/* One read: 1 when there may be more, 0 when not, -errno. */
static int read_some(struct zn_session *ss, uint8_t *scratch, size_t size)
{
    struct zn_iov iov[2];
    int count = 0;
    size_t kept = ss->partial_size, direct = 0;
    if (ss->big != NULL) {
        if (ss->big->size == ss->big_have && grow_big(ss) < 0)
            return -ENOMEM;
        direct = (size_t)(ZN_MIN(ss->big_size, ss->big->size) - ss->big_have);
        iov[count++] = (struct zn_iov){ ss->big->data + ss->big_have, direct };
    } else if (kept > 0) {
        memcpy(scratch, ss->partial, kept);
    }
    iov[count++] = (struct zn_iov){ scratch + kept, size - kept };

    ptrdiff_t n = zn_stream_readv(ss->stream, ss->fd, iov, count);
    if (n <= 0)
        return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
    size_t asked = direct + size - kept;
    bool more = (size_t)n == asked || ss->hung_up || ss->stream != NULL;
    ss->heard_pong = ss->heard_ttl = true;

    zn_free(ss->partial);
    ss->partial = NULL;
    ss->partial_size = 0;
    size_t into_big = ZN_MIN((size_t)n, direct);
    int rc = 0;
    if (ss->big != NULL) {
        ss->big_have += into_big;
        if (ss->big_have == ss->big_size)
            rc = end_big(ss);
    }
    size_t left = (size_t)n - into_big + kept;
    if (rc == 0 && left > 0)
        rc = zn_session_feed(ss, scratch, left);
    return rc < 0 ? rc : more;
}

/* The kernel has nothing for now: if nothing can be written either, that was all. */
static int nothing_more(const struct zn_session *ss)
{
    return ss->write_failed ? -EPIPE : 0;
}

int zn_session_drain(struct zn_session *ss)
{
    struct zn_iov iov = { zn_loop_scratch(ss->loop), ZN_LOOP_SCRATCH };
    ptrdiff_t n;
    do
        n = zn_stream_readv(ss->stream, ss->fd, &iov, 1);
    while (n > 0);
    return n == 0 ? -EPIPE : n == -EAGAIN ? nothing_more(ss) : (int)n;
}

int zn_session_read(struct zn_session *ss, uint8_t *scratch, size_t size)
{
    bool raw = framing_of(ss) == ZN_FRAMING_RAW;
    if (raw)
        size = ZN_MIN(size, (size_t)ss->route->options.in_batch_size);
    size_t turns = TURN_LIMIT / (64 * 1024);

    zn_session_publish(ss);
    while (published_all(ss)) {
        int rc;
        if (raw) {
            struct zn_iov iov = { scratch, size };
            ptrdiff_t n = zn_stream_readv(ss->stream, ss->fd, &iov, 1);
            rc = n > 0 ? 1 : n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
            if (n > 0 && zn_session_inject(ss, scratch, (size_t)n) < 0)
                rc = -ENOMEM;
        } else {
            rc = read_some(ss, scratch, size);
        }
        zn_session_publish(ss);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return nothing_more(ss);
        if (--turns == 0) {
            zn_session_post_later(ss, ZN_WORK_IN);
            return 0;
        }
    }
    return 0;
}

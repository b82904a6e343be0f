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
#define TRICKLE (32u * 1024)
#define BIG_START (64u * 1024)
#define BORROWED_LARGE (256u * 1024)
#define BIG_TRUST (64u * 1024 * 1024)
#define FORESEE_MIN ZN_SPARE_MIN
#define PREFIX_MAX 64u                   /* small frames and a header */

/* ---- Out. */

int zn_session_urgent(struct zn_session *ss, const uint8_t *p, size_t size)
{
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

void zn_session_moves(struct zn_session *ss, uint64_t size)
{
    if (size < ZN_SPARE_MIN)
        return;
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
    /* Without bytes to write, too: of a queue of one they may all have gone, and raw framing
     * leaves none of an empty frame. */
    bool some = ss->end != NULL && (g->count > 0 || g->msgs != ss->end->in->rmsgs);
    if (!some && !urgent)
        return 0;
    if (!g->plain)
        zn_session_moves(ss, g->bytes);
    if (urgent)
        iov[0] = (struct zn_iov){ ss->urgent + ss->urgent_sent,
                                  ss->urgent_size - ss->urgent_sent };
    ptrdiff_t n = 0;
    if (urgent || g->bytes > 0)
        n = zn_stream_writev(ss->stream, ss->fd, urgent ? iov : g->iov,
                             g->count + urgent);
    if (n < 0)
        return (int)n;
    ss->written += (uint32_t)n;
    size_t of_queue = urgent ? urgent_sent(ss, (size_t)n) : (size_t)n;
    if (!some)
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

int zn_session_write(struct zn_session *ss, bool on_loop)
{
    if (ZN_UNLIKELY(ss->sealed != NULL))
        return zn_sealed_write(ss);
    struct zn_iov iov[1 + IOVS];
    uint8_t heads[V1_HEADS][16];
    struct zn_gather g = { .framing = framing_of(ss),
                           .half = &ss->half,
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
        if (ZN_UNLIKELY(ss->ping_waits))
            zn_session_pinged(ss);
        if (rc == 0 && (ss->end == NULL || zn_queue_sleep(ss->end->in)))
            return 0;
        total += g.bytes;
        /* Who writes a little, while more keeps coming, writes a lot a little later. Not so
         * a caller: to wake the loop for that costs more than it saves. */
        bool trickle = on_loop && rc > 0 && total < TRICKLE;
        if (trickle || total > ZN_TURN_LIMIT) {
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

/* Whether there is something for the reader. */
static bool has_published(const struct zn_session *ss)
{
    const struct zn_queue *q = ss->end->out;
    return atomic_load_explicit(&q->written, memory_order_relaxed) !=
           atomic_load_explicit(&q->consumed, memory_order_relaxed);
}

void zn_session_forget_big(struct zn_session *ss)
{
    if (ss->big_next != NULL)
        zn_content_drop(ss->big_next);
    ss->big_next = NULL;
    ss->big_prefix = 0;
}

void zn_session_traffic_reset(struct zn_session *ss)
{
    zn_free(ss->partial);
    ss->partial = NULL;
    ss->partial_size = 0;
    if (ss->big != NULL)
        zn_content_drop(ss->big);
    ss->big = NULL;
    zn_session_forget_big(ss);
    ss->big_before = 0;
    ss->since_big = 0;
    ss->req_state = 0;
    zn_free(ss->urgent);
    ss->urgent = NULL;
    ss->urgent_size = ss->urgent_sent = 0;
    ss->ping_waits = ss->ping_counts = false;
    zn_sealed_free(ss->sealed);
    ss->sealed = NULL;
    ss->kernel_full = false;
}

int zn_session_inject(struct zn_session *ss, const uint8_t *data, size_t size)
{
    struct zn_frame f = { .data = data, .size = size };
    return zn_queue_write(ss->end->out, &f);
}

static void start_big(struct zn_session *ss, struct zn_content *c,
                      const struct zn_frame_header *h, size_t have)
{
    zn_session_moves(ss, h->size);
    ss->big = c;
    ss->big_have = have;
    ss->big_size = h->size;
    ss->big_flags = h->flags;
}

/* A large frame: what came of it so far goes to a content of its own. before: how much came
 * between the last one and this one's first byte. */
static int begin_big(struct zn_session *ss, const struct zn_frame_header *h,
                     const uint8_t *p, size_t have, size_t before)
{
    size_t trust = ZN_MAX(BIG_START, ss->big_before);
    size_t cap = (size_t)ZN_MIN(h->size, ZN_MAX((uint64_t)have * 2, trust));
    struct zn_content *c = zn_content_new(cap);
    if (c == NULL)
        return -ENOMEM;
    memcpy(c->data, p, have);
    start_big(ss, c, h, have);
    ss->big_prefix = before <= PREFIX_MAX ? (uint8_t)before : 0;
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
    ss->since_big = 0;
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
    ss->since_big += (uint32_t)used;
    if (rest == 0)
        return 0;
    if (h.size >= ZN_SHARE_SIZE) {
        size_t head = (size_t)zn_session_head(ss, p, end, &h);
        return begin_big(ss, &h, p + head, rest - head, ss->since_big + head);
    }
    uint8_t *kept = zn_alloc(rest);
    if (kept == NULL)
        return -ENOMEM;
    memcpy(kept, p, rest);
    ss->partial = kept;
    ss->partial_size = (uint32_t)rest;
    return 0;
}

/* Large messages often follow each other, alike in size and in what comes before them. Then
 * the next one is read straight into its place: how much of it may be read before its header
 * has been seen, for what turns out to be something else must fit behind it in the buffer. */
static size_t foresee_big(struct zn_session *ss, size_t size)
{
    if (ss->big_prefix == 0 || ss->big_before < FORESEE_MIN || ss->version < ZN_ZMTP_2)
        return 0;
    if (ss->big == NULL ? ss->since_big != 0 : ss->big->size < ss->big_size)
        return 0;                        /* it does not come next */
    if (ss->big_next == NULL)
        ss->big_next = zn_content_new(ss->big_before);
    return ss->big_next == NULL ? 0 : ZN_MIN(ss->big_next->size, size - PREFIX_MAX);
}

/* What came: big_prefix bytes at p, which should end in the header, and `ahead` bytes in the
 * content that was made for them. */
static int take_foreseen(struct zn_session *ss, uint8_t *p, size_t ahead)
{
    struct zn_frame_header h;
    size_t prefix = ss->big_prefix;
    struct zn_content *c = ss->big_next;
    ptrdiff_t used = zn_session_parse(ss, p, prefix, &h);
    if (used < 0)
        return (int)used;
    size_t rest = prefix - (size_t)used;
    bool is_so = rest > 0 && h.size >= ZN_SHARE_SIZE && h.size >= ahead &&
                 h.size <= c->size &&
                 (size_t)zn_session_head(ss, p + used, p + prefix, &h) == rest;
    if (!is_so) {
        memcpy(p + prefix, c->data, ahead);
        zn_session_forget_big(ss);
        ss->since_big += (uint32_t)used;
        return zn_session_feed(ss, p + used, rest + ahead);
    }
    ss->big_next = NULL;
    start_big(ss, c, &h, ahead);
    return ss->big_have == ss->big_size ? end_big(ss) : 0;
}

ptrdiff_t zn_session_readv(struct zn_session *ss, const struct zn_iov *iov, int count)
{
    struct zn_stream *st = ss->stream;
    if (ZN_LIKELY(st == NULL))
        return zn_sock_readv(ss->fd, iov, count);
    st->more = false;
    ptrdiff_t n = zn_stream_readv(st, ss->fd, iov, count);
    if (st->more)
        zn_session_post_later(ss, ZN_WORK_IN);
    return n;
}

/* One read: 1 when there may be more, 0 when not, -errno. */
static int read_some(struct zn_session *ss, uint8_t *scratch, size_t size)
{
    struct zn_iov iov[3];
    int count = 0;
    size_t kept = ss->partial_size, direct = 0, head = size;
    if (ss->big != NULL) {
        if (ss->big->size == ss->big_have && grow_big(ss) < 0)
            return -ENOMEM;
        direct = (size_t)(ZN_MIN(ss->big_size, ss->big->size) - ss->big_have);
        iov[count++] = (struct zn_iov){ ss->big->data + ss->big_have, direct };
    } else if (kept > 0) {
        memcpy(scratch, ss->partial, kept);
    }
    size_t ahead = kept == 0 && ss->stream == NULL ? foresee_big(ss, size) : 0;
    if (ahead > 0) {
        head = ss->big_prefix;
        iov[count++] = (struct zn_iov){ scratch, head };
        iov[count++] = (struct zn_iov){ ss->big_next->data, ahead };
    } else {
        iov[count++] = (struct zn_iov){ scratch + kept, size - kept };
    }

    ptrdiff_t n = zn_session_readv(ss, iov, count);
    if (ss->stream != NULL && ss->stream->heard) {
        ss->stream->heard = false;
        ss->heard_pong = ss->heard_ttl = true;
    }
    if (n <= 0)
        return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
    size_t asked = direct + head - kept + ahead;
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
    if (rc == 0 && ahead > 0 && left > head)
        rc = take_foreseen(ss, scratch, left - head);
    else if (rc == 0 && left > 0)
        rc = zn_session_feed(ss, scratch, left);
    return rc < 0 ? rc : more;
}

/* The kernel has nothing for now: if nothing can be written either, that was all. */
static int nothing_more(const struct zn_session *ss)
{
    bool more = ss->stream != NULL && ss->stream->more;
    return ss->write_failed && !more ? -EPIPE : 0;
}

int zn_session_drain(struct zn_session *ss)
{
    struct zn_iov iov = { zn_loop_scratch(ss->loop), ZN_LOOP_SCRATCH };
    for (size_t had = 0; had < ZN_TURN_LIMIT;) {
        ptrdiff_t n = zn_session_readv(ss, &iov, 1);
        if (n <= 0)
            return n == 0 ? -EPIPE : n == -EAGAIN ? nothing_more(ss) : (int)n;
        had += (size_t)n;
    }
    zn_session_post_later(ss, ZN_WORK_IN);
    return 0;
}

int zn_session_read(struct zn_session *ss, uint8_t *scratch, size_t size, size_t most,
                    bool borrowed)
{
    bool raw = framing_of(ss) == ZN_FRAMING_RAW;
    if (raw)
        size = ZN_MIN(size, (size_t)ss->route->options.in_batch_size);
    size_t turns = most / size;

    zn_session_publish(ss);
    while (published_all(ss)) {
        int rc;
        if (raw) {
            struct zn_iov iov = { scratch, size };
            ptrdiff_t n = zn_session_readv(ss, &iov, 1);
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
        /* A borrower takes a large message while it is still in its core's cache, and comes
         * back for the next. */
        if (borrowed && ss->big_before >= BORROWED_LARGE && has_published(ss))
            return 0;
        if (--turns == 0) {
            zn_session_post_later(ss, ZN_WORK_IN);
            return 0;
        }
    }
    return 0;
}

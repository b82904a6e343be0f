/* core/gather.c - from a queue to the kernel: runs of records become iovecs as they lie,
 * and what the kernel took is stepped over, message by message. */
#include "core/queue.h"
#include "wire/frame.h"

/* One record as it goes out: a header and a body, next to each other or not. */
struct piece {
    const uint8_t *head, *body;
    size_t head_size, body_size;
    uint32_t length;                     /* of the record */
    bool more, shared;
};

static void look(const uint8_t *p, enum zn_framing framing, uint8_t *v1,
                 struct piece *out)
{
    struct zn_frame f;
    out->length = zn_record_parts(p, &f, &out->head, &out->head_size);
    out->body = f.data;
    out->body_size = f.size;
    out->more = f.flags & ZN_MORE;
    out->shared = f.content != NULL;
    if (framing == ZN_FRAMING_RAW) {
        out->head_size = 0;
    } else if (framing == ZN_FRAMING_V1) {
        out->head_size = (size_t)zn_frame1_encode(v1, f.flags & ZN_MORE, f.size);
        out->head = v1;
    }
}

static void add(struct zn_gather *g, const uint8_t *p, size_t size, size_t *skip)
{
    if (*skip >= size) {
        *skip -= size;
        return;
    }
    p += *skip;
    size -= *skip;
    *skip = 0;
    if (size > g->limit - g->bytes)
        size = g->limit - g->bytes;
    g->bytes += size;
    if (g->count > 0) {
        struct zn_iov *last = &g->iov[g->count - 1];
        if ((uint8_t *)last->data + last->size == p) {
            last->size += size;
            return;
        }
    }
    g->iov[g->count++] = (struct zn_iov){ (void *)(uintptr_t)p, size };
}

static void gather_slot(struct zn_queue *q, struct zn_gather *g)
{
    struct zn_frame f;
    size_t skip = (size_t)q->sent;
    g->msgs = q->rmsgs;
    if (zn_queue_peek(q, &f) == 0)
        return;
    if (q->sent == 0)
        zn_queue_renew(q, &f);
    uint8_t *head = g->heads[0];
    int head_size = 0;
    if (g->framing == ZN_FRAMING_V2)
        head_size = zn_frame_encode(head, 0, f.size);
    else if (g->framing == ZN_FRAMING_V1)
        head_size = zn_frame1_encode(head, 0, f.size);
    add(g, head, (size_t)head_size, &skip);
    add(g, f.data, f.size, &skip);
    g->msgs = q->rmsgs + 1;
}

/* Most of what goes out is small frames, one behind the other in one piece, that go as they
 * lie: a run of them is walked here, up to the limit. */
static void gather_run(struct zn_queue *q, struct zn_gather *g, const uint8_t *start,
                       const uint8_t *end, size_t *skip)
{
    const uint8_t *p = start;
    uint64_t msgs = g->msgs;
    size_t room = g->limit - g->bytes;
    while (msgs != q->seen_written && p != end && p[0] <= ZN_MORE &&
           (size_t)(p - start) < room) {
        msgs += 1 - p[0];
        p += 2 + p[1];
    }
    g->msgs = msgs;
    zn_place_skip(&g->upto, (uint32_t)(p - start));
    add(g, start, (size_t)(p - start), skip);
}

/* Where the next write begins: how much of the record there is out already. */
static size_t begin(struct zn_queue *q, struct zn_gather *g)
{
    struct zn_half *half = g->half;
    if (q->sent == 0)
        half->before = 0;
    bool amid = half->before > 0 && half->message == q->rmsgs;
    g->upto = amid ? half->at : zn_queue_place(q);
    g->msgs = q->rmsgs;
    g->plain = !amid || !half->shared;
    return (size_t)(q->sent - (amid ? half->before : 0));
}

void zn_queue_gather(struct zn_queue *q, struct zn_gather *g)
{
    g->count = 0;
    g->bytes = 0;
    if (q->slot != NULL) {
        g->plain = false;
        gather_slot(q, g);
        return;
    }

    q->seen_written = atomic_load_explicit(&q->written, memory_order_acquire);
    if (q->rchunk == NULL && q->rmsgs != q->seen_written) {
        q->rchunk = q->first;
        q->rpos = 0;
    }
    size_t skip = begin(q, g);
    int heads = 0;
    while (g->msgs != q->seen_written && g->count + 2 <= g->max && g->bytes < g->limit) {
        const uint8_t *end, *p = zn_place_look(&g->upto, &end);
        if (g->framing == ZN_FRAMING_V2 && p[0] <= ZN_MORE) {
            gather_run(q, g, p, end, &skip);
            continue;
        }
        if (g->framing == ZN_FRAMING_V1 && heads == g->max)
            break;
        struct piece r;
        look(p, g->framing, g->heads[heads], &r);
        /* The header of a frame that is out already needs no place. */
        heads += g->framing == ZN_FRAMING_V1 && skip < r.head_size;
        add(g, r.head, r.head_size, &skip);
        if (g->bytes < g->limit || skip > 0)
            add(g, r.body, r.body_size, &skip);
        if (r.shared)
            g->plain = false;
        zn_place_skip(&g->upto, r.length);
        g->msgs += !r.more;
    }
}

/* Steps over the records that are out. True: that is the whole message. */
static bool step(struct zn_half *half, uint64_t sent, enum zn_framing framing)
{
    for (;;) {
        const uint8_t *end, *p = zn_place_look(&half->at, &end);
        struct piece r;
        uint8_t v1[16];
        look(p, framing, v1, &r);
        uint64_t upto = half->before + r.head_size + r.body_size;
        if (upto > sent)
            return false;
        half->before = upto;
        half->shared |= r.shared;
        zn_place_skip(&half->at, r.length);
        if (!r.more)
            return true;
    }
}

static enum zn_room consume_message(struct zn_queue *q)
{
    struct zn_frame f;
    enum zn_room room;
    do {
        zn_queue_peek(q, &f);
        room = zn_queue_next(q);
    } while (q->reading);
    return room;
}

static void hand_back(struct zn_queue *q, const struct zn_place *upto)
{
    uint32_t from = q->rpos;
    for (struct zn_chunk *c = q->rchunk; c != NULL; c = c->next, from = 0) {
        uint32_t to = c == upto->chunk ? upto->pos : c->cap;
        if (!zn_chunk_is_stretch(c))
            zn_queue_hand_back(c->data + from, to - from);
        if (c == upto->chunk)
            return;
    }
}

enum zn_room zn_queue_sent(struct zn_queue *q, const struct zn_gather *g, size_t n)
{
    if (g->plain && n == g->bytes && g->bytes < g->limit && g->msgs == q->seen_written) {
        hand_back(q, &g->upto);
        zn_queue_move(q, &g->upto);
        q->since_check += (uint32_t)(g->msgs - q->rmsgs);
        q->rmsgs = g->msgs;
        q->sent = 0;
        atomic_store_explicit(&q->consumed, q->rmsgs, memory_order_release);
        return zn_queue_writer_waits(q);
    }

    enum zn_room room = ZN_ROOM_NO_NEWS;
    q->sent += n;
    if (q->slot != NULL) {
        if (n == g->bytes && g->bytes < g->limit) {
            q->sent = 0;
            room = consume_message(q);
        }
        return room;
    }
    struct zn_half *half = g->half;
    while (q->rmsgs != q->seen_written) {
        if (half->before == 0 || half->message != q->rmsgs)
            *half = (struct zn_half){ .at = zn_queue_place(q), .message = q->rmsgs };
        if (!step(half, q->sent, g->framing))
            break;
        q->sent -= half->before;
        half->before = 0;
        enum zn_room one = consume_message(q);
        room = ZN_MAX(room, one);
    }
    return room;
}

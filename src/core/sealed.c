/* core/sealed.c - see sealed.h.
 *
 * Out: frames are sealed from the queue, where they stay, into a batch of at most 64 KiB, or
 * of one frame that is larger. The next batch is made when the kernel has all of this one.
 * Each frame leaves a mark in its batch: when the kernel has its last byte the queue is
 * told, so a message counts as sent exactly when it has gone, and one that was cut goes out
 * again whole on the next connection, sealed anew.
 *
 * In: frames are opened where they lie, in the buffer that everything is read into, or in the
 * content of a large one. */
#include "core/sealed.h"

#include "core/traffic.h"
#include "wire/cipher.h"

enum { IOVS = 64, MARKS = 256 };
#define BATCH_MIN (2u * 1024)
#define BATCH_MAX (64u * 1024)
#define BATCH_KEEP (256u * 1024)         /* a larger one is not kept for the next frame */
#define TURN_LIMIT (1024u * 1024)        /* sealing takes time: then others have theirs */

struct mark {                            /* where a frame ends */
    size_t sealed;                       /* in the batch */
    size_t plain;                        /* in the queue, from where the batch began */
};

struct batch {
    size_t cap, size, sent;
    size_t told;                         /* plain bytes that the queue has been told of */
    int count, done;                     /* of marks */
    struct mark marks[MARKS];
    uint8_t bytes[];
};

struct zn_sealed {
    struct zn_cipher *cipher;
    struct batch *batch;                 /* NULL: none is needed */
};

/* ---- Life. */

/* An empty batch of that size, at least. */
static struct batch *get_batch(struct zn_sealed *sl, size_t cap)
{
    if (sl->batch != NULL && sl->batch->cap >= cap)
        return sl->batch;
    struct batch *b = zn_alloc(sizeof *b + cap);
    if (b == NULL)
        return NULL;
    memset(b, 0, sizeof *b);
    b->cap = cap;
    zn_free(sl->batch);
    sl->batch = b;
    return b;
}

int zn_sealed_begin(struct zn_session *ss, struct zn_cipher *cipher,
                    struct zn_bytes first)
{
    struct zn_sealed *sl = zn_zalloc(sizeof *sl);
    if (sl == NULL)
        return -ENOMEM;
    if (first.size > 0) {
        struct batch *b = get_batch(sl, ZN_MAX(first.size, (size_t)BATCH_MIN));
        if (b == NULL) {
            zn_free(sl);
            return -ENOMEM;
        }
        memcpy(b->bytes, first.data, first.size);
        b->size = first.size;
    }
    sl->cipher = cipher;
    ss->sealed = sl;
    return 0;
}

void zn_sealed_free(struct zn_sealed *sl)
{
    if (sl == NULL)
        return;
    zn_cipher_free(sl->cipher);
    zn_free(sl->batch);
    zn_free(sl);
}

size_t zn_sealed_overhead(const struct zn_sealed *sl)
{
    return sl->cipher->ops->overhead;
}

bool zn_sealed_is_large(const struct zn_sealed *sl)
{
    return sl->batch != NULL;
}

void zn_sealed_trim(struct zn_sealed *sl)
{
    if (sl->batch == NULL || sl->batch->size > 0)
        return;
    zn_free(sl->batch);
    sl->batch = NULL;
}

/* ---- Out. */

static size_t room_for(const struct zn_sealed *sl, uint64_t size)
{
    return ZN_FRAME_HEADER_MAX + (size_t)size + zn_sealed_overhead(sl);
}

/* Appends a frame to the batch, which has room. Its header depends on what sealing makes of
 * it; libzmq sets no flag in it, where RFC 26 has COMMAND. */
static int seal(struct zn_sealed *sl, const struct zn_frame *f)
{
    struct batch *b = sl->batch;
    uint8_t head[ZN_FRAME_HEADER_MAX], *at = b->bytes + b->size;
    int guess = zn_frame_encode(head, 0, f->size + zn_sealed_overhead(sl));
    ptrdiff_t body = sl->cipher->ops->seal(sl->cipher, f->flags & (ZN_MORE | ZN_COMMAND),
                                           f->data, f->size, at + guess);
    if (body < 0)
        return -ECONNABORTED;            /* the next connection has new keys */
    int is = zn_frame_encode(head, 0, (uint64_t)body);
    if (is != guess)
        memmove(at + is, at + guess, (size_t)body);
    memcpy(at, head, (size_t)is);
    b->size += (size_t)is + (size_t)body;
    return 0;
}

/* Frames that lie in several runs; a header is never cut, nor is a body. */
struct reader {
    const struct zn_iov *iov, *end;
    size_t at;                           /* in *iov */
};

static void step(struct reader *r, size_t n)
{
    r->at += n;
    if (r->at == r->iov->size) {
        r->iov++;
        r->at = 0;
    }
}

/* The next whole frame, and its length with the header; false: there is none. */
static bool next_frame(struct reader *r, struct zn_frame *f, size_t *length)
{
    struct zn_frame_header h;
    if (r->iov == r->end)
        return false;
    const uint8_t *run = r->iov->data;
    int head = zn_frame_decode(run + r->at, run + r->iov->size, UINT64_MAX, &h);
    if (head <= 0)
        return false;
    step(r, (size_t)head);
    *f = (struct zn_frame){ .size = (size_t)h.size, .flags = h.flags };
    *length = (size_t)head + f->size;
    if (f->size == 0)
        return true;
    if (r->iov == r->end || r->iov->size - r->at < f->size)
        return false;
    f->data = (const uint8_t *)r->iov->data + r->at;
    step(r, f->size);
    return true;
}

/* What is urgent goes between messages. */
static int seal_urgent(struct zn_session *ss)
{
    struct zn_iov run = { ss->urgent, ss->urgent_size };
    struct reader r = { &run, &run + 1, 0 };
    struct zn_frame f;
    size_t length, need = 0;
    while (next_frame(&r, &f, &length))
        need += room_for(ss->sealed, f.size);
    if (get_batch(ss->sealed, ZN_MAX(need, (size_t)BATCH_MIN)) == NULL)
        return -ENOMEM;

    int rc = 0;
    r = (struct reader){ &run, &run + 1, 0 };
    while (rc == 0 && next_frame(&r, &f, &length))
        rc = seal(ss->sealed, &f);
    zn_free(ss->urgent);
    ss->urgent = NULL;
    ss->urgent_size = 0;
    return rc;
}

/* Gathers at least the first frame, whole. */
static void gather(struct zn_queue *q, struct zn_gather *g)
{
    struct zn_frame_header h;
    zn_queue_gather(q, g);
    if (g->count == 0)
        return;
    const uint8_t *p = g->iov[0].data;
    int head = zn_frame_decode(p, p + g->iov[0].size, UINT64_MAX, &h);
    size_t whole = (size_t)head + (size_t)h.size;
    if (head > 0 && whole > g->bytes) {
        g->limit = whole;
        zn_queue_gather(q, g);
    }
}

static int seal_queue(struct zn_session *ss)
{
    struct zn_sealed *sl = ss->sealed;
    struct zn_iov iov[IOVS];
    uint8_t heads[1][16];
    struct zn_gather g = { .framing = ZN_FRAMING_V2,
                           .half = &ss->half,
                           .iov = iov,
                           .max = IOVS,
                           .heads = heads,
                           .limit = BATCH_MAX };
    gather(ss->end->in, &g);
    struct reader r = { iov, iov + g.count, 0 };
    struct zn_frame f;
    size_t length, plain = 0;
    if (!next_frame(&r, &f, &length))
        return 0;

    zn_session_moves(ss, f.size);
    size_t want = ZN_MIN(ZN_MAX(g.bytes * 4, (size_t)BATCH_MIN), (size_t)BATCH_MAX);
    struct batch *b = get_batch(sl, ZN_MAX(want, room_for(sl, f.size)));
    if (b == NULL)
        return -ENOMEM;
    do {
        if (b->count == MARKS || b->cap - b->size < room_for(sl, f.size))
            break;
        int rc = seal(sl, &f);
        if (rc < 0)
            return rc;
        plain += length;
        b->marks[b->count++] = (struct mark){ b->size, plain };
    } while (next_frame(&r, &f, &length));
    return 1;
}

/* A new batch: 1, 0 if there is nothing to say, or -errno. */
static int fill(struct zn_session *ss)
{
    if (ss->urgent_size > 0 && (ss->end == NULL || ss->end->in->sent == 0)) {
        int rc = seal_urgent(ss);
        return rc < 0 ? rc : 1;
    }
    return ss->end != NULL ? seal_queue(ss) : 0;
}

/* Tells the queue of the frames that the kernel has. */
static void tell_queue(struct zn_session *ss, struct batch *b)
{
    size_t upto = b->told;
    while (b->done < b->count && b->marks[b->done].sealed <= b->sent)
        upto = b->marks[b->done++].plain;
    size_t n = upto - b->told;
    if (n == 0)
        return;
    b->told = upto;
    struct zn_gather g = {
        .framing = ZN_FRAMING_V2, .half = &ss->half, .bytes = n, .limit = n + 1
    };
    enum zn_room room = zn_queue_sent(ss->end->in, &g, n);
    if (room != ZN_ROOM_NO_NEWS)
        zn_end_tell_room(ss->end, room);
}

/* The batch goes to the kernel; -EAGAIN: not all of it now. */
static int flush(struct zn_session *ss)
{
    struct batch *b = ss->sealed->batch;
    if (b == NULL)
        return 0;
    while (b->sent < b->size) {
        struct zn_iov iov = { b->bytes + b->sent, b->size - b->sent };
        ptrdiff_t n = zn_stream_writev(ss->stream, ss->fd, &iov, 1);
        if (n < 0)
            return (int)n;
        b->sent += (size_t)n;
        ss->written += (uint32_t)n;
        tell_queue(ss, b);
    }
    b->size = b->sent = b->told = 0;
    b->count = b->done = 0;
    if (b->cap > BATCH_KEEP)
        zn_sealed_trim(ss->sealed);
    return 0;
}

int zn_sealed_write(struct zn_session *ss)
{
    size_t total = 0;
    while (!ss->kernel_full) {
        int rc = flush(ss);
        if (rc == 0)
            rc = zn_stream_flush(ss->stream, ss->fd);
        if (rc == -EAGAIN) {
            zn_session_is_full(ss);
            return 0;
        }
        if (rc < 0)
            return rc;
        if (ZN_UNLIKELY(ss->ping_waits))
            zn_session_pinged(ss);
        if (total > TURN_LIMIT) {
            zn_session_post_later(ss, ZN_WORK_OUT);
            return 0;
        }
        rc = fill(ss);
        if (rc < 0)
            return rc;
        if (rc == 0 && (ss->end == NULL || zn_queue_sleep(ss->end->in)))
            return 0;
        if (rc > 0)
            total += ss->sealed->batch->size;
    }
    return 0;
}

/* ---- In. */

int zn_sealed_frame(struct zn_session *ss, uint8_t *body, size_t size,
                    struct zn_content *content)
{
    struct zn_cipher *c = ss->sealed->cipher;
    int64_t max = ss->route->options.maxmsgsize;
    struct zn_opened in;
    int rc = c->ops->open(c, body, size, &in, &ss->error);
    if (rc < 0)
        return rc;
    if (max >= 0 && in.payload.size > (uint64_t)max)
        return -EMSGSIZE;
    struct zn_frame f = { .data = in.payload.data,
                          .size = in.payload.size,
                          .content = content,
                          .flags = in.flags };
    return zn_session_frame(ss, &f);
}

ptrdiff_t zn_sealed_parse(struct zn_session *ss, uint8_t *p, size_t size,
                          struct zn_frame_header *h)
{
    uint8_t *begin = p, *end = p + size;
    for (;;) {
        int head = zn_session_head(ss, p, end, h);
        if (head < 0)
            return head;
        if (head == 0)
            h->size = 0;
        if (head == 0 || h->size > (uint64_t)(end - p - head))
            return p - begin;
        int rc = zn_sealed_frame(ss, p + head, (size_t)h->size, NULL);
        if (rc < 0)
            return rc;
        p += (size_t)head + (size_t)h->size;
    }
}

/* core/queue.c - see queue.h. The hot calls are inline there; here is all the rest but what
 * goes to the kernel (gather.c): chunks, shared contents, the queue of one. */
#include "core/queue.h"

#include "core/bulk.h"
#include "core/spin.h"

/* The queue of one, for CONFLATE: each message replaces the one before. */
struct zn_slot {
    struct zn_lock lock;
    struct zn_content *content;          /* the newest; NULL: it was taken */
    size_t size;                         /* of its message */
    struct zn_content *taken;            /* the reader's */
    size_t taken_size;
};

int zn_queue_init(struct zn_queue *q, uint32_t hwm, bool conflate)
{
    memset(q, 0, sizeof *q);
    q->keeps = 1;
    atomic_store_explicit(&q->reader_asleep, 1, memory_order_relaxed);
    zn_queue_set_hwm(q, conflate ? 0 : hwm);
    if (conflate) {
        q->slot = zn_zalloc(sizeof *q->slot);
        if (q->slot == NULL)
            return -ENOMEM;
    }
    return 0;
}

void zn_queue_set_hwm(struct zn_queue *q, uint32_t hwm)
{
    atomic_store_explicit(&q->hwm, hwm, memory_order_seq_cst);
    atomic_store_explicit(&q->lwm, hwm == 0 ? UINT32_MAX : (hwm + 1) / 2,
                          memory_order_relaxed);
}

/* ---- The writer. */

bool zn_queue_room_slow(struct zn_queue *q)
{
    uint32_t hwm = atomic_load_explicit(&q->hwm, memory_order_relaxed);
    q->seen_consumed = atomic_load_explicit(&q->consumed, memory_order_acquire);
    if (q->wmsgs - q->seen_consumed < hwm)
        return true;
    atomic_store_explicit(&q->writer_waiting, 1, memory_order_seq_cst);
    /* From here on it is told of what is read, and of another limit. */
    q->seen_consumed = atomic_load_explicit(&q->consumed, memory_order_seq_cst);
    hwm = atomic_load_explicit(&q->hwm, memory_order_seq_cst);
    if (hwm != 0 && q->wmsgs - q->seen_consumed >= hwm)
        return false;
    atomic_store_explicit(&q->writer_waiting, 0, memory_order_relaxed);
    return true;
}

static uint32_t next_cap(const struct zn_queue *q, size_t need)
{
    size_t cap = ZN_CHUNK_MIN;
    if (q->wchunk != NULL && !zn_chunk_is_stretch(q->wchunk)) {
        bool lags =
            q->wmsgs - atomic_load_explicit(&q->consumed, memory_order_relaxed) > 4;
        cap = lags ? (size_t)q->wchunk->cap * 4 : q->wchunk->cap;
    }
    cap = ZN_MIN(cap, ZN_CHUNK_MAX);
    return (uint32_t)ZN_MAX(cap, need + 1);
}

static void free_chunk(struct zn_chunk *c)
{
    zn_bulk_free(c, sizeof *c + c->cap);
}

/* One that has been read, or NULL. */
static struct zn_chunk *take_spare(struct zn_queue *q)
{
    if (q->fresh == NULL)
        q->fresh = atomic_exchange_explicit(&q->spare, NULL, memory_order_acquire);
    struct zn_chunk *c = q->fresh;
    if (c != NULL)
        q->fresh = c->next;
    return c;
}

static void keep_spare(struct zn_queue *q, struct zn_chunk *c)
{
    struct zn_chunk *head = atomic_load_explicit(&q->spare, memory_order_relaxed);
    if (head == NULL)
        q->spares = 0;
    if (q->spares >= q->keeps || zn_chunk_is_stretch(c)) {
        free_chunk(c);
        return;
    }
    q->spares++;
    do
        c->next = head;
    while (!atomic_compare_exchange_weak_explicit(
        &q->spare, &head, c, memory_order_release, memory_order_relaxed));
}

static void free_spares(struct zn_queue *q)
{
    struct zn_chunk *c;
    while ((c = take_spare(q)) != NULL)
        free_chunk(c);
}

static void link_chunk(struct zn_queue *q, struct zn_chunk *c)
{
    c->next = NULL;
    if (q->wchunk == NULL) {
        q->first = c;
    } else {
        if (q->stretch_end != 0)
            atomic_store_explicit(&zn_stretch_of(q->wchunk)->end, q->stretch_end,
                                  memory_order_relaxed);
        q->stretch_end = 0;
        q->wchunk->data[q->wpos] = ZN_REC_JUMP;
        q->wchunk->next = c;
    }
    if (q->mchunk == NULL) {
        q->mchunk = c;
        q->mpos = 0;
    }
    q->wchunk = c;
    q->wpos = 0;
}

/* Room for `need` bytes at wpos and a jump behind them. */
static int make_room(struct zn_queue *q, size_t need)
{
    if (q->wchunk != NULL && q->wchunk->cap - q->wpos > need)
        return 0;

    uint32_t cap = next_cap(q, need);
    struct zn_chunk *c;
    while ((c = take_spare(q)) != NULL && (c->cap <= need || c->cap * 2 < cap))
        free_chunk(c);
    if (c == NULL) {
        c = zn_bulk_new(sizeof *c + cap);
        if (c == NULL)
            return -ENOMEM;
        c->cap = cap;
    }
    link_chunk(q, c);
    return 0;
}

static void frame_done(struct zn_queue *q, uint8_t flags)
{
    if (flags & ZN_MORE)
        q->open = true;
    else
        zn_queue_message_done(q);
}

static int write_shared(struct zn_queue *q, const struct zn_frame *f)
{
    struct zn_frame its = *f;
    if (make_room(q, ZN_REF_LENGTH) < 0 || zn_frame_share(&its) < 0)
        return -ENOMEM;
    zn_record_put_ref(q->wchunk->data + q->wpos, its.flags, its.content, its.data,
                      its.size);
    q->wpos += ZN_REF_LENGTH;
    frame_done(q, f->flags);
    return 0;
}

/* Only a message's last frame survives, as with libzmq: conflating queues are not for
 * multipart messages. */
static int write_slot(struct zn_queue *q, const struct zn_frame *f)
{
    if (f->flags & ZN_MORE) {
        q->open = true;
        return 0;
    }
    struct zn_content *c = zn_content_new(f->size);
    if (c == NULL)
        return -ENOMEM;
    if (f->size > 0)
        memcpy(c->data, f->data, f->size);

    zn_lock(&q->slot->lock);
    struct zn_content *old = q->slot->content;
    q->slot->content = c;
    q->slot->size = f->size;
    zn_unlock(&q->slot->lock);
    if (old != NULL)
        zn_content_drop(old);
    zn_queue_message_done(q);
    return 0;
}

int zn_queue_write_slow(struct zn_queue *q, const struct zn_frame *f)
{
    if (q->slot != NULL)
        return write_slot(q, f);
    if (f->size >= ZN_SHARE_SIZE || f->content != NULL)
        return write_shared(q, f);

    size_t need = zn_record_size(f);
    if (make_room(q, need) < 0)
        return -ENOMEM;
    zn_record_put(q->wchunk->data + q->wpos, f);
    q->wpos += (uint32_t)need;
    frame_done(q, f->flags);
    return 0;
}

int zn_queue_append(struct zn_queue *q, const uint8_t *records, size_t size,
                    uint32_t messages, size_t tail)
{
    if (make_room(q, size) < 0)
        return -ENOMEM;
    memcpy(q->wchunk->data + q->wpos, records, size);
    q->wpos += (uint32_t)size;
    if (messages > 0) {
        q->wmsgs += messages;
        q->mchunk = q->wchunk;
        q->mpos = q->wpos - (uint32_t)tail;
        q->open = tail > 0;
    } else {
        q->open = q->open || size > 0;
    }
    return 0;
}

int zn_queue_write_stretch(struct zn_queue *q, struct zn_content *log, uint32_t from,
                           uint32_t to)
{
    struct zn_chunk *c = zn_bulk_new(sizeof *c + ZN_STRETCH_CAP);
    if (c == NULL)
        return -ENOMEM;
    c->cap = ZN_STRETCH_CAP;
    zn_stretch_put(c, log, from);
    link_chunk(q, c);
    q->wpos = ZN_STRETCH_LENGTH;
    q->stretch_end = to;
    zn_queue_message_done(q);
    return 0;
}

/* Drops the contents of the records from (c, pos) to the writer's position. */
static void drop_records(struct zn_queue *q, struct zn_chunk *c, uint32_t pos)
{
    while (c != NULL && (c != q->wchunk || pos < q->wpos)) {
        const uint8_t *p = c->data + pos;
        if (p[0] & ZN_REC_JUMP) {
            c = c->next;
            pos = 0;
            continue;
        }
        zn_record_drop(p);
        pos += zn_record_decode(p, NULL);
    }
}

/* From c to the writer's. */
static void free_chunks(struct zn_queue *q, struct zn_chunk *c)
{
    while (c != NULL) {
        struct zn_chunk *next = c == q->wchunk ? NULL : c->next;
        free_chunk(c);
        c = next;
    }
}

void zn_queue_rollback(struct zn_queue *q)
{
    if (!q->open)
        return;
    q->open = false;
    if (q->slot != NULL || q->mchunk == NULL)
        return;

    drop_records(q, q->mchunk, q->mpos);
    free_chunks(q, q->mchunk == q->wchunk ? NULL : q->mchunk->next);
    q->wchunk = q->mchunk;
    q->wpos = q->mpos;
    q->wchunk->next = NULL;
}

/* So many times before it is done lightly. */
#define CALM 4096u

bool zn_queue_publish_heavy(struct zn_queue *q)
{
    uintptr_t me = zn_thread();
    if (atomic_load_explicit(&q->writer, memory_order_relaxed) != me) {
        q->calm = 0;
        atomic_store_explicit(&q->light, false, memory_order_relaxed);
        atomic_store_explicit(&q->writer, me, memory_order_release);
    } else if (q->calm < CALM) {
        q->calm++;
    } else if (atomic_load_explicit(&zn_gate_light, memory_order_acquire)) {
        atomic_store_explicit(&q->light, true, memory_order_relaxed);
    }
    atomic_exchange_explicit(&q->written, q->wmsgs, memory_order_seq_cst);
    enum zn_sleep was = zn_queue_must_tell(q);
    if (was == ZN_ASLEEP) {
        q->calm = 0;
        atomic_store_explicit(&q->light, false, memory_order_relaxed);
    }
    return was != ZN_AWAKE;
}

/* ---- The reader. */

/* The reader leaves c, at pos: the log is held until then. */
static void leave_stretch(const struct zn_chunk *c, uint32_t pos)
{
    if (zn_chunk_is_stretch(c) && pos == 0)
        zn_record_drop(c->data);
}

struct zn_place zn_queue_place(const struct zn_queue *q)
{
    struct zn_place at = { q->rchunk, q->rpos, 0 };
    if (at.chunk != NULL && zn_chunk_is_stretch(at.chunk))
        at.in_log = zn_stretch_of(at.chunk)->at;
    return at;
}

static int peek_slot(struct zn_queue *q, struct zn_frame *f)
{
    struct zn_slot *slot = q->slot;
    if (slot->taken == NULL) {
        zn_lock(&slot->lock);
        slot->taken = slot->content;
        slot->taken_size = slot->size;
        slot->content = NULL;
        zn_unlock(&slot->lock);
    }
    if (slot->taken == NULL)
        return 0;
    *f = (struct zn_frame){ .data = slot->taken->data,
                            .size = slot->taken_size,
                            .content = slot->taken };
    q->peeked = 0;
    q->peeked_more = false;
    return 1;
}

void zn_queue_renew(struct zn_queue *q, struct zn_frame *f)
{
    struct zn_content *old = NULL;
    zn_lock(&q->slot->lock);
    if (q->slot->content != NULL) {
        old = q->slot->taken;
        q->slot->taken = NULL;
    }
    zn_unlock(&q->slot->lock);
    if (old != NULL) {
        zn_content_drop(old);
        peek_slot(q, f);
    }
}

void zn_queue_move(struct zn_queue *q, const struct zn_place *to)
{
    while (q->rchunk != to->chunk) {
        struct zn_chunk *old = q->rchunk;
        leave_stretch(old, q->rpos);
        q->rchunk = old->next;
        q->rpos = 0;
        keep_spare(q, old);
    }
    if (ZN_UNLIKELY(q->rchunk != NULL && zn_chunk_is_stretch(q->rchunk))) {
        if (to->pos != 0)
            leave_stretch(q->rchunk, q->rpos);
        zn_stretch_of(q->rchunk)->at = to->in_log;
    }
    q->rpos = to->pos;
}

/* A reader close behind a writer that keeps writing takes each message alone, and the cache
 * lines that both use go to and fro for each: several times the price of all the rest. If a
 * stream is that fast, looking away for a moment makes it many messages. */
#define FEW 16u
#define STREAM_GAP 500u                  /* nanoseconds from message to message */
#define STREAM_SURE 4u

static void see_written(struct zn_queue *q)
{
    q->seen_written = atomic_load_explicit(&q->written, memory_order_acquire);
    if (q->seen_written - q->rmsgs - 1 >= FEW)
        return;
    uint64_t now = zn_now();
    bool stream = now - q->looked < (q->rmsgs - q->looked_at) * STREAM_GAP;
    q->closely = stream ? (uint8_t)ZN_MIN(q->closely + 1u, STREAM_SURE) : 0;
    if (q->closely == STREAM_SURE) {
        now = zn_spin_look_away(now);
        q->seen_written = atomic_load_explicit(&q->written, memory_order_acquire);
    }
    q->looked = now;
    q->looked_at = q->rmsgs;
}

int zn_queue_peek_slow(struct zn_queue *q, struct zn_frame *f)
{
    if (q->slot != NULL)
        return peek_slot(q, f);
    if (q->rmsgs == q->seen_written) {
        see_written(q);
        if (q->rmsgs == q->seen_written)
            return 0;
    }
    if (q->rchunk == NULL) {
        q->rchunk = q->first;
        q->rpos = 0;
    }
    const uint8_t *end;
    struct zn_place at = zn_queue_place(q);
    const uint8_t *p = zn_place_look(&at, &end);
    zn_queue_move(q, &at);
    q->peeked = zn_record_decode(p, f);
    q->peeked_more = f->flags & ZN_MORE;
    if (zn_chunk_is_stretch(q->rchunk)) {
        zn_stretch_of(q->rchunk)->peeked = q->peeked;
        q->peeked = 0;                   /* the stretch itself is not over */
    }
    return 1;
}

void zn_queue_next_slow(struct zn_queue *q)
{
    if (q->slot != NULL) {
        if (q->slot->taken != NULL)
            zn_content_drop(q->slot->taken);
        q->slot->taken = NULL;
        return;
    }
    if (zn_chunk_is_stretch(q->rchunk))
        zn_stretch_of(q->rchunk)->at += zn_stretch_of(q->rchunk)->peeked;
    else
        zn_record_drop(q->rchunk->data + q->rpos);
}

enum zn_room zn_queue_writer_waits(struct zn_queue *q)
{
    uint32_t lwm = atomic_load_explicit(&q->lwm, memory_order_relaxed);
    bool wake = q->since_check >= lwm || q->rmsgs == q->seen_written;
    if (wake)
        q->since_check = 0;
    if (lwm == UINT32_MAX && !q->owes_wake)
        return ZN_ROOM_NO_NEWS;
    atomic_thread_fence(memory_order_seq_cst);
    bool waits = atomic_load_explicit(&q->writer_waiting, memory_order_relaxed) &&
                 atomic_exchange_explicit(&q->writer_waiting, 0, memory_order_acq_rel);
    if (!wake) {
        q->owes_wake |= waits;
        return waits ? ZN_ROOM_TELL : ZN_ROOM_NO_NEWS;
    }
    waits |= q->owes_wake;
    q->owes_wake = false;
    return waits ? ZN_ROOM_WAKE : ZN_ROOM_NO_NEWS;
}

bool zn_queue_sleep(struct zn_queue *q)
{
    struct zn_frame f;
    bool here = atomic_load_explicit(&q->writer, memory_order_relaxed) == zn_thread();
    atomic_store_explicit(&q->reader_asleep, here ? ZN_ASLEEP_HERE : ZN_ASLEEP,
                          memory_order_seq_cst);
    if (atomic_load_explicit(&q->light, memory_order_seq_cst) &&
        atomic_load_explicit(&q->writer, memory_order_seq_cst) != zn_thread())
        zn_barrier_on_every_core();
    uint64_t written = atomic_load_explicit(&q->written, memory_order_seq_cst);
    bool some = q->slot != NULL ? peek_slot(q, &f) : written != q->rmsgs;
    if (some)
        atomic_store_explicit(&q->reader_asleep, ZN_AWAKE, memory_order_relaxed);
    return !some;
}

void zn_queue_discard(struct zn_queue *q)
{
    struct zn_frame f;
    while (zn_queue_peek(q, &f) > 0)
        zn_queue_next(q);
    q->sent = 0;
}

void zn_queue_fini(struct zn_queue *q)
{
    if (q->slot != NULL) {
        if (q->slot->content != NULL)
            zn_content_drop(q->slot->content);
        if (q->slot->taken != NULL)
            zn_content_drop(q->slot->taken);
        zn_free(q->slot);
    }
    struct zn_chunk *c = q->rchunk ? q->rchunk : q->first;
    drop_records(q, c, q->rchunk ? q->rpos : 0);
    free_chunks(q, c);
    free_spares(q);
}

bool zn_queue_is_large(const struct zn_queue *q, bool writer)
{
    const struct zn_chunk *c = writer ? q->wchunk : q->rchunk;
    return c != NULL && (c->cap > 4 * ZN_CHUNK_MIN || zn_chunk_is_stretch(c));
}

void zn_queue_trim(struct zn_queue *q)
{
    if (q->open || q->sent != 0 || q->rmsgs != q->wmsgs || q->slot != NULL)
        return;
    struct zn_chunk *c = q->rchunk ? q->rchunk : q->first;
    drop_records(q, c, q->rchunk ? q->rpos : 0);     /* a stretch, at most */
    free_chunks(q, c);
    free_spares(q);
    q->wchunk = q->mchunk = q->rchunk = q->first = NULL;
    q->wpos = q->mpos = q->rpos = q->stretch_end = 0;
}

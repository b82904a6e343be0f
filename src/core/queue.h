/* core/queue.h - a one-way frame queue: one writer, one reader, no lock.
 *
 * Idea     The queue is the wire: it holds records (core/record.h), which lie in chunks in the
 *          form in which they go out; a connection hands runs of them to the kernel as they lie.
 *          What goes to many queues lies in a log, and each has a stretch of it.
 *
 * Threads  Writer calls are for whoever owns the writing end, reader calls for whoever
 *          owns the reading end, one thread at a time each. They share two counts of
 *          messages, `written` and `consumed`, and two flags.
 * Memory   Chunks are made by the writer and freed by the reader; they grow with
 *          traffic. An untouched queue holds none.
 * Whole    A message is shown to the reader all at once, when it has been published;
 *          one that is unfinished can be rolled back. */
#ifndef ZN_CORE_QUEUE_H
#define ZN_CORE_QUEUE_H

#include "core/record.h"
#include "platform/platform.h"

struct zn_slot;

/* Three cache lines: what the writer changes, what the reader changes, and what both look
 * at all the time but hardly ever changes. */
struct zn_queue {
    /* the writer's */
    _Alignas(ZN_CACHE_LINE) struct zn_chunk *wchunk;
    struct zn_chunk *mchunk;             /* where the unfinished message begins */
    uint32_t wpos, mpos;
    uint64_t wmsgs;                      /* messages completed */
    uint64_t seen_consumed;
    struct zn_chunk *fresh;              /* to be written: taken from spare */
    bool open;                           /* inside a message */
    uint16_t calm;                       /* heavy publishing since the reader slept abroad */
    uint32_t stretch_end;                /* of the one in wchunk, which may grow; or 0 */
    _Atomic uint64_t written;            /* messages published */

    /* the reader's */
    _Alignas(ZN_CACHE_LINE) struct zn_chunk *rchunk;
    uint32_t rpos;
    uint32_t peeked;                     /* length of the record last peeked */
    uint64_t rmsgs;                      /* messages read */
    uint64_t seen_written;
    uint64_t sent;                       /* bytes of the first message already out */
    uint32_t since_check;
    bool peeked_more;
    bool owes_wake;                      /* the writer was told, but not woken */
    bool reading;                        /* inside a message */
    uint8_t closely;                     /* how often it has found a few only, in a stream */
    uint8_t spares;                      /* at most so many are in spare */
    _Atomic uint64_t consumed;           /* messages */

    /* both */
    _Alignas(ZN_CACHE_LINE) _Atomic uint8_t
        reader_asleep;              /* tell it of what is published: enum zn_sleep */
    _Atomic uint8_t writer_waiting;      /* tell it when there is room */
    _Atomic bool light;                  /* `writer` publishes without a barrier */
    uint8_t keeps;                       /* so many spares: 1, or ZN_SPARES if it is trimmed */
    _Atomic uintptr_t writer;            /* zn_thread() of who wrote last */
    _Atomic uint32_t hwm;                /* messages; 0: no limit */
    _Atomic uint32_t lwm;                /* look for a waiting writer this often */
    struct zn_chunk *first;              /* the writer's first, for the reader */
    _Atomic(struct zn_chunk *) spare;    /* list of those read, for the writer */
    uint64_t looked;                     /* the reader, for news: when, */
    uint64_t looked_at;                  /* and at which message */
    struct zn_slot *slot;                /* conflating: a queue of one */
};

_Static_assert(sizeof(struct zn_queue) == 3 * ZN_CACHE_LINE || sizeof(void *) != 8,
               "a line each for the writer, the reader and both");

/* The chunks of a stream go round between reader and writer, however far behind the reader
 * may fall: through the heap their memory would go back to the system, and come again. */
#define ZN_SPARES 16u

/* hwm: messages, 0 for no limit. -ENOMEM only if conflate. */
int zn_queue_init(struct zn_queue *q, uint32_t hwm, bool conflate);
/* When neither end is in use any more. */
void zn_queue_fini(struct zn_queue *q);
/* From either side. Queued messages stay, even above a smaller limit. */
void zn_queue_set_hwm(struct zn_queue *q, uint32_t hwm);

/* ---- The writer. */

ZN_SELDOM int zn_queue_write_slow(struct zn_queue *q, const struct zn_frame *f);
ZN_SELDOM bool zn_queue_room_slow(struct zn_queue *q);

/* Whether a message may begin. If not, the reader will report when one may. */
static inline bool zn_queue_room(struct zn_queue *q)
{
    uint32_t hwm = atomic_load_explicit(&q->hwm, memory_order_relaxed);
    return hwm == 0 || q->wmsgs - q->seen_consumed < hwm || zn_queue_room_slow(q);
}

static inline void zn_queue_message_done(struct zn_queue *q)
{
    q->wmsgs++;
    q->open = false;
    q->mchunk = q->wchunk;
    q->mpos = q->wpos;
}

/* The reader has had that memory last: its lines are fetched some messages ahead. */
#define ZN_WRITE_AHEAD 512u

/* Appends a frame: copies it, or holds its content. Does not look at the limit and
 * does not publish. -ENOMEM: nothing was written. */
static inline int zn_queue_write(struct zn_queue *q, const struct zn_frame *f)
{
    if (ZN_UNLIKELY(f->size > 255 || f->content != NULL || q->wchunk == NULL ||
                    q->wchunk->cap - q->wpos <= f->size + 2 || q->slot != NULL))
        return zn_queue_write_slow(q, f);

    uint8_t *p = q->wchunk->data + q->wpos;
    if (q->wchunk->cap - q->wpos > ZN_WRITE_AHEAD)
        ZN_PREFETCH_TO_WRITE(p + ZN_WRITE_AHEAD);
    p[0] = f->flags & (ZN_MORE | ZN_COMMAND);
    p[1] = (uint8_t)f->size;
    zn_copy(p + 2, f->data, f->size);
    q->wpos += 2 + (uint32_t)f->size;
    if (f->flags & ZN_MORE)
        q->open = true;
    else
        zn_queue_message_done(q);
    return 0;
}

/* Appends records in wire form: whole ones, at most ZN_CHUNK_MAX bytes, none large
 * enough to be shared, in which `messages` messages end, the last of them `tail` bytes
 * before the run does. Not for conflating queues. -ENOMEM: nothing was written. */
int zn_queue_append(struct zn_queue *q, const uint8_t *records, size_t size,
                    uint32_t messages, size_t tail);

/* Appends a message that lies in wire form at [from, to) of a log's chunk, which is held: it
 * stays there. Not for conflating queues. -ENOMEM: nothing was written. */
int zn_queue_write_stretch(struct zn_queue *q, struct zn_content *log, uint32_t from,
                           uint32_t to);
/* The same, if the last stretch is one of this log's chunk, and the message comes next in it. */
static inline bool zn_queue_extend(struct zn_queue *q, uint32_t from, uint32_t to)
{
    if (q->stretch_end != from || from == 0)
        return false;
    q->stretch_end = to;
    zn_queue_message_done(q);
    return true;
}

/* Forgets an unfinished message. */
void zn_queue_rollback(struct zn_queue *q);

enum zn_sleep { ZN_AWAKE, ZN_ASLEEP, ZN_ASLEEP_HERE };    /* here: on the writer's thread */

/* Whether the reader sleeps, and where, and is to be told of what has been published: it counts
 * as awake from now on. */
static inline enum zn_sleep zn_queue_must_tell(struct zn_queue *q)
{
    if (atomic_load_explicit(&q->reader_asleep, memory_order_seq_cst) == ZN_AWAKE)
        return ZN_AWAKE;
    return atomic_exchange_explicit(&q->reader_asleep, ZN_AWAKE, memory_order_acq_rel);
}

/* Publishes messages up to number `upto` (wmsgs: all). True if the reader is to be told. */
static inline bool zn_queue_publish(struct zn_queue *q, uint64_t upto)
{
    if (upto == atomic_load_explicit(&q->written, memory_order_relaxed))
        return false;
    atomic_exchange_explicit(&q->written, upto, memory_order_seq_cst);
    return zn_queue_must_tell(q) != ZN_AWAKE;
}

/* The same of all messages, for a writer that does so message by message. Between the store and
 * the look at reader_asleep stands a barrier, a fifth of the price of a send. A thread that has
 * published some thousand times, and no reader has fallen asleep on another one, goes without:
 * the next reader to fall asleep elsewhere has the system run a barrier on every core. */
bool zn_queue_publish_heavy(struct zn_queue *q);
static inline bool zn_queue_publish_lightly(struct zn_queue *q)
{
    if (q->wmsgs == atomic_load_explicit(&q->written, memory_order_relaxed))
        return false;
    if (!atomic_load_explicit(&q->light, memory_order_relaxed) ||
        atomic_load_explicit(&q->writer, memory_order_relaxed) != zn_thread())
        return zn_queue_publish_heavy(q);
    atomic_store_explicit(&q->written, q->wmsgs, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    return ZN_UNLIKELY(atomic_load_explicit(&q->reader_asleep, memory_order_relaxed) !=
                       ZN_AWAKE) &&
           zn_queue_publish_heavy(q);
}

/* The same in two steps, for many queues at once: all are published, then comes one
 * zn_queue_publish_fence(), then each is asked whether it must be told. */
static inline void zn_queue_publish_all(struct zn_queue *q)
{
    atomic_store_explicit(&q->written, q->wmsgs, memory_order_release);
}

static inline void zn_queue_publish_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* ---- The reader. */

ZN_SELDOM int zn_queue_peek_slow(struct zn_queue *q, struct zn_frame *f);
enum zn_room { ZN_ROOM_NO_NEWS, ZN_ROOM_TELL, ZN_ROOM_WAKE };
ZN_SELDOM enum zn_room zn_queue_writer_waits(struct zn_queue *q);
ZN_SELDOM void zn_queue_next_slow(struct zn_queue *q);

/* Shows the next frame of a published message, in place: 1, or 0 if there is none. */
static inline int zn_queue_peek(struct zn_queue *q, struct zn_frame *f)
{
    if (q->rmsgs == q->seen_written || q->rchunk == NULL)
        return zn_queue_peek_slow(q, f);
    const uint8_t *p = q->rchunk->data + q->rpos;
    if (ZN_UNLIKELY(p[0] & (ZN_REC_REF | ZN_REC_JUMP | ZN_LONG)))
        return zn_queue_peek_slow(q, f);
    f->flags = p[0];
    f->size = p[1];
    f->data = p + 2;
    f->content = NULL;
    q->peeked = 2u + p[1];
    q->peeked_more = p[0] & ZN_MORE;
    return 1;
}

/* Of a queue of one: what has been peeked, and nobody has had, gives way to what is newer. */
void zn_queue_renew(struct zn_queue *q, struct zn_frame *f);

/* What has been read is written to, once in each cache line. The writer will fill these bytes
 * again: a line that both cores have read costs it a question to the other one, for which it
 * waits at the next barrier (15 nanoseconds for a message of 32 bytes); a line that is this
 * core's alone it fetches in advance. */
static inline void zn_queue_hand_back(uint8_t *p, uint32_t size)
{
    for (uint32_t i = 0; i < size; i += ZN_CACHE_LINE)
        p[i] = 0;
}

/* Steps over the frame that was peeked. A writer that waits for room is to be told of each
 * message (so that its next try succeeds), but woken only when half of its limit is free or
 * all has been read (so that the two do not take turns message by message). */
static inline enum zn_room zn_queue_next(struct zn_queue *q)
{
    if (ZN_UNLIKELY(q->slot != NULL || q->rchunk->data[q->rpos] & ZN_REC_REF))
        zn_queue_next_slow(q);
    else
        zn_queue_hand_back(q->rchunk->data + q->rpos, q->peeked);
    q->rpos += q->peeked;
    q->reading = q->peeked_more;
    if (q->peeked_more)
        return ZN_ROOM_NO_NEWS;

    q->rmsgs++;
    if (q->rmsgs != q->seen_written && q->slot == NULL) {
        /* Who reads many sockets in turn finds the next message in the cache. */
        ZN_PREFETCH(q->rchunk->data + q->rpos);
        ZN_PREFETCH(q->rchunk->data + q->rpos + ZN_CACHE_LINE);
    }
    atomic_store_explicit(&q->consumed, q->rmsgs, memory_order_release);
    uint32_t lwm = atomic_load_explicit(&q->lwm, memory_order_relaxed);
    if (++q->since_check < lwm && q->rmsgs != q->seen_written &&
        !atomic_load_explicit(&q->writer_waiting, memory_order_relaxed))
        return ZN_ROOM_NO_NEWS;
    return zn_queue_writer_waits(q);
}

/* Falls asleep: the writer will report. False if there is something after all. */
bool zn_queue_sleep(struct zn_queue *q);

/* How frames go out of a connection. */
enum zn_framing { ZN_FRAMING_V2, ZN_FRAMING_V1, ZN_FRAMING_RAW };

/* Where the reader is. */
struct zn_place zn_queue_place(const struct zn_queue *q);

/* How far the first message is out: one of many records goes on from there, not from its
 * beginning each time. */
struct zn_half {
    struct zn_place at;                  /* the first record that is not out as a whole */
    uint64_t before;                     /* bytes of the message that went before it */
    uint64_t message;                    /* which it is: rmsgs */
    bool shared;                         /* some of that refers to a content */
};

struct zn_gather {
    enum zn_framing framing;
    struct zn_half *half;                /* the connection's, zero at first */
    struct zn_iov *iov;
    int max, count;
    uint8_t (*heads)[16];                /* max of them: headers of V1 */
    size_t limit, bytes;
    /* for zn_queue_sent() */
    struct zn_place upto;
    uint64_t msgs;
    bool plain;                          /* no shared content */
};

/* Gathers what can be written to the kernel now, from where the last write ended. */
void zn_queue_gather(struct zn_queue *q, struct zn_gather *g);
/* The reader steps ahead to there, and frees what it has left. */
void zn_queue_move(struct zn_queue *q, const struct zn_place *to);
/* n of g->bytes were written. */
enum zn_room zn_queue_sent(struct zn_queue *q, const struct zn_gather *g, size_t n);
/* The connection is gone: what was sent of an unfinished message is sent again. */
static inline void zn_queue_resend(struct zn_queue *q)
{
    q->sent = 0;
}

/* Drops every published message. */
void zn_queue_discard(struct zn_queue *q);

/* Frees what an empty queue holds. For a caller who owns both ends. */
void zn_queue_trim(struct zn_queue *q);
/* Whether the chunk that its writer is at is a large one. The writer's, or the reader's. */
bool zn_queue_is_large(const struct zn_queue *q, bool writer);

#endif

/* patterns/shared/notices.c - frames that wait for an XPUB's application. */
#include "patterns/shared/notices.h"

#include "base/alloc.h"

#define SMALLEST 480u                    /* of a chunk: data bytes, doubling up to ... */
#define LARGEST 32000u                   /* ... this, or a single larger record */

struct zn_notice_chunk {
    struct zn_notice_chunk *next;
    size_t cap, used, read;
    uint8_t data[];
};

/* A record: kind or frame flags (1), then a source, or a size (8) and the bytes. */
#define SOURCE 0x80u
#define HEAD (1 + sizeof(size_t))
#define SOURCE_SIZE (1 + sizeof(struct zn_notice_source))

void zn_notices_init(struct zn_notices *q)
{
    *q = (struct zn_notices){ .count = 0 };
}

static void drop_head(struct zn_notices *q)
{
    struct zn_notice_chunk *c = q->head;

    q->head = c->next;
    if (q->head == NULL)
        q->tail = NULL;
    zn_free(c);
}

void zn_notices_fini(struct zn_notices *q)
{
    struct zn_frame f;

    while (zn_notices_take(q, &f))       /* each source is held once */
        continue;
    zn_metadata_drop(q->now.metadata);
    zn_notices_init(q);
}

static struct zn_notice_chunk *room(struct zn_notices *q, size_t size)
{
    struct zn_notice_chunk *tail = q->tail;
    if (tail != NULL && tail->cap - tail->used >= size)
        return tail;

    size_t cap = tail == NULL ? SMALLEST : ZN_MIN(tail->cap * 2, LARGEST);
    if (cap < size)
        cap = size;
    struct zn_notice_chunk *c = zn_alloc(sizeof(*c) + cap);
    if (c == NULL)
        return NULL;

    *c = (struct zn_notice_chunk){ .cap = cap };
    if (tail != NULL)
        tail->next = c;
    else
        q->head = c;
    q->tail = c;
    return c;
}

uint8_t *zn_notices_put(struct zn_notices *q, const struct zn_notice_source *from,
                        uint8_t flags, size_t size)
{
    bool moved = from->metadata != q->last.metadata || from->peer != q->last.peer;
    size_t extra = HEAD + (moved ? SOURCE_SIZE : 0);
    if (size > SIZE_MAX - extra - sizeof(struct zn_notice_chunk))
        return NULL;
    struct zn_notice_chunk *c = room(q, extra + size);
    if (c == NULL)
        return NULL;

    uint8_t *p = c->data + c->used;
    if (moved) {
        q->last = *from;
        zn_metadata_hold(from->metadata);
        *p++ = SOURCE;
        memcpy(p, from, sizeof(*from));
        p += sizeof(*from);
    }
    *p++ = flags;
    memcpy(p, &size, sizeof(size));
    c->used += extra + size;
    q->count++;
    return p + sizeof(size);
}

bool zn_notices_take(struct zn_notices *q, struct zn_frame *f)
{
    /* The chunk read last is kept until now: the frame taken last lies in it. */
    if (q->head != NULL && q->head->read == q->head->used)
        drop_head(q);
    if (q->count == 0)
        return false;

    struct zn_notice_chunk *c = q->head;
    const uint8_t *p = c->data + c->read;
    if (*p == SOURCE) {
        zn_metadata_drop(q->now.metadata);
        memcpy(&q->now, p + 1, sizeof(q->now));
        p += SOURCE_SIZE;
    }

    size_t size;
    memcpy(&size, p + 1, sizeof(size));
    *f = (struct zn_frame){ .data = p + HEAD, .size = size, .flags = *p };
    c->read = (size_t)(p - c->data) + HEAD + size;
    q->count--;
    return true;
}

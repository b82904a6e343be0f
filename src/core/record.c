/* core/record.c - see record.h. */
#include "core/record.h"

#include "wire/frame.h"

/* A record that refers to a content. Packed by hand: records have no alignment. A stretch
 * begins like that, up to the content. */
enum {
    REF_HEAD_SIZE = 1,                   /* length of the wire header */
    REF_HEAD = 2,                        /* the wire header, at most 9 bytes */
    REF_CONTENT = 11,
    REF_DATA = REF_CONTENT + sizeof(void *),
    REF_SIZE = REF_DATA + sizeof(void *)
};
_Static_assert(REF_SIZE + sizeof(uint64_t) == ZN_REF_LENGTH, "as record.h says");

void zn_record_put(uint8_t *p, const struct zn_frame *f)
{
    int head = zn_frame_encode(p, f->flags & (ZN_MORE | ZN_COMMAND), f->size);
    if (f->size > 0)
        memcpy(p + head, f->data, f->size);
}

void zn_record_put_ref(uint8_t *p, uint8_t flags, struct zn_content *c,
                       const uint8_t *data, size_t size)
{
    uint64_t wide = size;
    flags &= ZN_MORE | ZN_COMMAND;
    p[REF_HEAD_SIZE] = (uint8_t)zn_frame_encode(p + REF_HEAD, flags, size);
    p[0] = (uint8_t)(flags | ZN_REC_REF);
    memcpy(p + REF_CONTENT, &c, sizeof c);
    memcpy(p + REF_DATA, &data, sizeof data);
    memcpy(p + REF_SIZE, &wide, sizeof wide);
}

struct ref {
    struct zn_content *content;
    const uint8_t *data;
    uint64_t size;
};

static struct ref get_ref(const uint8_t *p)
{
    struct ref r;
    memcpy(&r.content, p + REF_CONTENT, sizeof r.content);
    memcpy(&r.data, p + REF_DATA, sizeof r.data);
    memcpy(&r.size, p + REF_SIZE, sizeof r.size);
    return r;
}

uint32_t zn_record_decode(const uint8_t *p, struct zn_frame *f)
{
    struct zn_frame unused;
    f = f ? f : &unused;
    f->flags = p[0] & (ZN_MORE | ZN_COMMAND);
    if (p[0] & ZN_REC_STRETCH)
        return ZN_STRETCH_LENGTH;        /* shows nothing itself */
    if (p[0] & ZN_REC_REF) {
        struct ref r = get_ref(p);
        f->data = r.data;
        f->size = (size_t)r.size;
        f->content = r.content;
        return ZN_REF_LENGTH;
    }
    f->content = NULL;
    if (p[0] & ZN_LONG) {
        f->size = (size_t)zn_get_u64(p + 1);
        f->data = p + 9;
        return 9 + (uint32_t)f->size;
    }
    f->size = p[1];
    f->data = p + 2;
    return 2 + (uint32_t)f->size;
}

uint32_t zn_record_parts(const uint8_t *p, struct zn_frame *f, const uint8_t **head,
                         size_t *head_size)
{
    uint32_t length = zn_record_decode(p, f);
    bool ref = p[0] & ZN_REC_REF;
    *head = ref ? p + REF_HEAD : p;
    *head_size = ref ? p[REF_HEAD_SIZE] : length - f->size;
    return length;
}

void zn_record_drop(const uint8_t *p)
{
    if (p[0] & ZN_REC_REF)
        zn_content_drop(get_ref(p).content);
}

/* ---- Stretches. */

void zn_stretch_put(struct zn_chunk *c, struct zn_content *log, uint32_t from)
{
    c->data[0] = ZN_REC_REF | ZN_REC_STRETCH;
    zn_content_hold(log);
    memcpy(c->data + REF_CONTENT, &log, sizeof log);
    struct zn_stretch *s = zn_stretch_of(c);
    atomic_init(&s->end, ZN_GROWS);
    s->at = from;
}

/* ---- Reading on. */

static void next_chunk(struct zn_place *at)
{
    at->chunk = at->chunk->next;
    at->pos = 0;
    if (zn_chunk_is_stretch(at->chunk))
        at->in_log = zn_stretch_of(at->chunk)->at;
}

const uint8_t *zn_place_look(struct zn_place *at, const uint8_t **end)
{
    for (;;) {
        const uint8_t *p = at->chunk->data + at->pos;
        *end = NULL;
        if (ZN_LIKELY(!(p[0] & (ZN_REC_JUMP | ZN_REC_STRETCH))))
            return p;
        if (p[0] & ZN_REC_JUMP) {
            next_chunk(at);
            continue;
        }
        /* A message behind it has been published later than this was written. */
        uint32_t ends =
            atomic_load_explicit(&zn_stretch_of(at->chunk)->end, memory_order_relaxed);
        const uint8_t *log = get_ref(p).content->data;
        if (ends != ZN_GROWS)
            *end = log + ends;
        if (at->in_log != ends)
            return log + at->in_log;
        at->pos = ZN_STRETCH_LENGTH;
    }
}

void zn_place_skip(struct zn_place *at, uint32_t size)
{
    if (at->pos == 0 && zn_chunk_is_stretch(at->chunk))
        at->in_log += size;
    else
        at->pos += size;
}

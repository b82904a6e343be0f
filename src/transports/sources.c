/* transports/sources.c - messages of several senders, each put together for itself. */
#include "transports/sources.h"

enum { HELD_MIN = 1024, HEAD_ROOM = 9 };

void zn_sources_init(struct zn_sources *ss, enum zn_lossy_framing framing,
                     const struct zn_options *o)
{
    zn_list_init(&ss->list);
    ss->count = 0;
    ss->framing = framing;
    ss->limit = o->maxmsgsize < 0 ? INT64_MAX : (uint64_t)o->maxmsgsize;
}

void zn_sources_fini(struct zn_sources *ss)
{
    while (!zn_list_empty(&ss->list))
        zn_source_forget(ss, ZN_CONTAINER(ss->list.next, struct zn_source, link));
}

/* ---- Who there is. */

static void put_first(struct zn_sources *ss, struct zn_source *src)
{
    zn_list_remove(&src->link);
    zn_list_append(ss->list.next, &src->link);
}

struct zn_source *zn_source_find(struct zn_sources *ss, uint64_t id)
{
    ZN_LIST_EACH (it, &ss->list) {
        struct zn_source *src = ZN_CONTAINER(it, struct zn_source, link);
        if (src->id != id)
            continue;
        if (it != ss->list.next)
            put_first(ss, src);
        return src;
    }
    return NULL;
}

struct zn_source *zn_source_of(struct zn_sources *ss, uint64_t id)
{
    struct zn_source *src = zn_source_find(ss, id);
    if (src != NULL)
        return src;
    if (ss->count == ZN_SOURCES_MAX)
        zn_source_forget(ss, ZN_CONTAINER(ss->list.prev, struct zn_source, link));
    src = zn_zalloc(sizeof *src);
    if (src == NULL)
        return NULL;
    src->id = id;
    src->reader.framing = (uint8_t)ss->framing;
    zn_list_init(&src->link);
    put_first(ss, src);
    ss->count++;
    return src;
}

void zn_source_forget(struct zn_sources *ss, struct zn_source *src)
{
    zn_list_remove(&src->link);
    ss->count--;
    if (src->held != NULL)
        zn_content_drop(src->held);
    zn_free(src);
}

/* ---- A message in pieces. */

static void drop_held(struct zn_source *src)
{
    if (src->held != NULL)
        zn_content_drop(src->held);
    src->held = NULL;
    src->used = 0;
    src->frames = 0;
}

void zn_source_lose_step(struct zn_source *src)
{
    drop_held(src);
    zn_lossy_lose_step(&src->reader);
}

static int make_room(struct zn_source *src, size_t more)
{
    size_t need = src->used + more, have = src->held == NULL ? 0 : src->held->size;
    if (need <= have)
        return 0;
    size_t size = ZN_MAX(need, ZN_MAX(2 * have, (size_t)HELD_MIN));
    struct zn_content *c =
        src->held == NULL ? zn_content_new(size) : zn_content_grow(src->held, size);
    if (c == NULL)
        return -ENOMEM;
    src->held = c;
    return 0;
}

static int keep(struct zn_source *src, const struct zn_lossy_piece *piece)
{
    int rc = make_room(src, piece->bytes.size + HEAD_ROOM);
    if (rc < 0)
        return rc;
    if (piece->begins) {
        uint8_t flags = piece->more ? ZN_FRAME_MORE : 0;
        src->used +=
            (size_t)zn_frame_encode(src->held->data + src->used, flags, piece->size);
        src->frames++;
    }
    if (piece->bytes.size > 0)
        memcpy(src->held->data + src->used, piece->bytes.data, piece->bytes.size);
    src->used += piece->bytes.size;
    return 0;
}

/* Large frames share the buffer, small ones are copied out of it. */
static void unpack(const struct zn_source *src, struct zn_frame *frames)
{
    const uint8_t *p = src->held->data;
    for (uint32_t i = 0; i < src->frames; i++) {
        struct zn_frame_header h = { 0 };
        p += zn_frame_decode(p, src->held->data + src->used, INT64_MAX, &h);
        frames[i] = (struct zn_frame){ .data = p, .size = (size_t)h.size };
        if (h.size >= ZN_SHARE_SIZE)
            frames[i].content = src->held;
        p += h.size;
    }
}

static int deliver_held(struct zn_source *src, struct zn_carrier *c)
{
    struct zn_frame one, *frames = &one;
    if (src->frames > 1)
        frames = zn_alloc(src->frames * sizeof *frames);
    if (frames == NULL)
        return -ENOMEM;
    unpack(src, frames);
    int rc = zn_carrier_deliver(c, frames, (int)src->frames);
    if (frames != &one)
        zn_free(frames);
    return rc;
}

static int take(struct zn_source *src, struct zn_carrier *c,
                const struct zn_lossy_piece *piece)
{
    if (piece->begins && piece->first) {
        drop_held(src);
        if (piece->ends && !piece->more) {
            struct zn_frame f = { .data = piece->bytes.data, .size = piece->bytes.size };
            return zn_carrier_deliver(c, &f, 1);
        }
    }
    if (src->frames == INT_MAX)
        return -EMSGSIZE;
    int rc = keep(src, piece);
    if (rc < 0 || !piece->ends || piece->more)
        return rc;
    rc = deliver_held(src, c);
    drop_held(src);
    return rc;
}

int zn_source_read(struct zn_sources *ss, struct zn_source *src, struct zn_carrier *c,
                   const uint8_t **p, const uint8_t *end)
{
    struct zn_lossy_piece piece;
    for (;;) {
        if (!zn_carrier_room(c))
            return 1;
        int rc = zn_lossy_read(&src->reader, p, end, ss->limit, &piece);
        if (rc > 0)
            rc = take(src, c, &piece) < 0 ? -ENOMEM : 1;
        if (rc < 0)
            zn_source_lose_step(src);
        if (rc <= 0)
            return 0;
    }
}

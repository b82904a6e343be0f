/* core/msg.c - messages and the contents that they share. */
#include "core/msg.h"

#include <errno.h>

#include "base/alloc.h"
#include "core/bulk.h"
#include "core/spare.h"

_Static_assert(sizeof(struct zn_msg) == ZN_MSG_T_SIZE, "zmq_msg_t has 64 bytes");

/* Where data begins that lies behind its content: aligned for anything. */
#define CONTENT_HEAD ((sizeof(struct zn_content) + 15u) & ~(size_t)15u)

#define GROUP_MAX 255

/* ---- Contents. */

struct zn_content *zn_content_new(size_t size)
{
    if (size > PTRDIFF_MAX - CONTENT_HEAD)   /* no object is larger */
        return NULL;

    struct zn_content *c = size >= ZN_SPARE_MIN ? zn_spare_take(size) : NULL;
    if (c == NULL) {
        c = zn_bulk_new(CONTENT_HEAD + size);
        if (c == NULL)
            return NULL;
        c->size = size;
    }
    atomic_init(&c->refs, 1);
    c->data = (uint8_t *)c + CONTENT_HEAD;
    c->ffn = NULL;
    c->hint = NULL;
    return c;
}

struct zn_content *zn_content_grow(struct zn_content *c, size_t size)
{
    if (size > PTRDIFF_MAX - CONTENT_HEAD)
        return NULL;

    c = zn_bulk_grow(c, CONTENT_HEAD + c->size, CONTENT_HEAD + size);
    if (c == NULL)
        return NULL;

    c->data = (uint8_t *)c + CONTENT_HEAD;
    c->size = size;
    return c;
}

/* Contents of our own have no ffn: these bytes are somebody's who keeps them. */
static void leave(void *data, void *hint)
{
    (void)data;
    (void)hint;
}

struct zn_content *zn_content_wrap(void *data, size_t size, zn_free_fn *ffn, void *hint)
{
    struct zn_content *c = zn_alloc(sizeof *c);
    if (c == NULL)
        return NULL;

    atomic_init(&c->refs, 1);
    c->data = data;
    c->size = size;
    c->ffn = ffn != NULL ? ffn : leave;
    c->hint = hint;
    return c;
}

void zn_content_free(struct zn_content *c)
{
    if (c->ffn != NULL) {
        c->ffn(c->data, c->hint);
        zn_free(c);
    } else if (!zn_spare_keep(c)) {
        zn_content_forget(c);
    }
}

void zn_content_forget(struct zn_content *c)
{
    zn_bulk_free(c, CONTENT_HEAD + c->size);
}

/* ---- Messages. */

static void set_flag(struct zn_msg *m, uint8_t flag)
{
    m->body.bytes[ZN_MSG_FLAGS_AT] |= flag;
}

int zn_msg_init_size(struct zn_msg *m, size_t size)
{
    if (size <= ZN_MSG_INLINE_MAX) {
        zn_msg_begin(m, ZN_MSG_INLINE, size);
        return 0;
    }

    struct zn_content *c = zn_content_new(size);
    if (c == NULL)
        return -ENOMEM;
    zn_msg_init_content(m, c, c->data, size);
    return 0;
}

void zn_msg_init_const(struct zn_msg *m, const void *data, size_t size)
{
    zn_msg_begin(m, ZN_MSG_CONST, 0);
    m->body.at.content = NULL;
    m->body.at.data = data;
    m->body.at.size = size;
}

int zn_msg_init_data(struct zn_msg *m, void *data, size_t size, zn_free_fn *ffn,
                     void *hint)
{
    if (ffn == NULL) {
        zn_msg_init_const(m, data, size);
        return 0;
    }

    struct zn_content *c = zn_content_wrap(data, size, ffn, hint);
    if (c == NULL)
        return -ENOMEM;
    zn_msg_init_content(m, c, data, size);
    return 0;
}

void zn_msg_init_content(struct zn_msg *m, struct zn_content *c, const uint8_t *data,
                         size_t size)
{
    zn_msg_begin(m, ZN_MSG_SHARED, 0);
    m->body.at.content = c;
    m->body.at.data = data;
    m->body.at.size = size;
}

static void drop_group(struct zn_msg *m)
{
    if (m->group.text[ZN_GROUP_ON_HEAP])
        zn_content_drop(m->group.heap);
}

void zn_msg_drop(struct zn_msg *m)
{
    if (zn_msg_type(m) == ZN_MSG_SHARED)
        zn_content_drop(m->body.at.content);
    drop_group(m);
    zn_metadata_drop(m->metadata);
}

/* The flags stay: programs ask zmq_msg_more() after zmq_msg_close(), and libzmq
 * answers. */
int zn_msg_close(struct zn_msg *m)
{
    if (!zn_msg_valid(m))
        return -EFAULT;
    zn_msg_empty(m);
    m->body.bytes[ZN_MSG_TYPE_AT] = 0;
    return 0;
}

int zn_msg_move(struct zn_msg *dst, struct zn_msg *src)
{
    if (!zn_msg_valid(dst) || !zn_msg_valid(src))
        return -EFAULT;
    if (dst == src)
        return 0;

    zn_msg_empty(dst);
    *dst = *src;
    zn_msg_init(src);
    return 0;
}

int zn_msg_copy(struct zn_msg *dst, struct zn_msg *src)
{
    if (!zn_msg_valid(dst) || !zn_msg_valid(src))
        return -EFAULT;
    if (dst == src)
        return 0;

    if (zn_msg_type(src) == ZN_MSG_SHARED) {
        zn_content_hold(src->body.at.content);
        set_flag(src, ZN_MSG_FLAG_SHARED);
    }
    if (src->group.text[ZN_GROUP_ON_HEAP])
        zn_content_hold(src->group.heap);
    zn_metadata_hold(src->metadata);

    zn_msg_empty(dst);
    *dst = *src;
    return 0;
}

uint8_t *zn_msg_data(struct zn_msg *m)
{
    if (!zn_msg_valid(m))
        return NULL;
    if (zn_msg_type(m) == ZN_MSG_INLINE)
        return m->body.bytes;
    return (uint8_t *)(uintptr_t)m->body.at.data;  /* zmq_msg_data() promises no const */
}

size_t zn_msg_size(const struct zn_msg *m)
{
    if (!zn_msg_valid(m))
        return 0;
    return zn_msg_type(m) == ZN_MSG_INLINE ? m->body.bytes[ZN_MSG_SIZE_AT]
                                           : m->body.at.size;
}

bool zn_msg_more(const struct zn_msg *m)
{
    return m->body.bytes[ZN_MSG_FLAGS_AT] & ZN_MSG_FLAG_MORE;
}

void zn_msg_set_more(struct zn_msg *m, bool more)
{
    uint8_t flags = m->body.bytes[ZN_MSG_FLAGS_AT] & (uint8_t)~ZN_MSG_FLAG_MORE;
    m->body.bytes[ZN_MSG_FLAGS_AT] = more ? flags | ZN_MSG_FLAG_MORE : flags;
}

bool zn_msg_shared(const struct zn_msg *m)
{
    return zn_msg_type(m) == ZN_MSG_CONST ||
           (m->body.bytes[ZN_MSG_FLAGS_AT] & ZN_MSG_FLAG_SHARED) != 0;
}

void zn_msg_set_metadata(struct zn_msg *m, struct zn_metadata *md)
{
    zn_metadata_hold(md);
    zn_metadata_drop(m->metadata);
    m->metadata = md;
}

uint32_t zn_msg_routing_id(const struct zn_msg *m)
{
    uint32_t id;
    memcpy(&id, m->body.bytes + ZN_MSG_ROUTING_AT, sizeof id);
    return id;
}

void zn_msg_set_routing_id(struct zn_msg *m, uint32_t id)
{
    memcpy(m->body.bytes + ZN_MSG_ROUTING_AT, &id, sizeof id);
}

/* ---- Groups. */

const char *zn_msg_group(const struct zn_msg *m)
{
    if (!m->group.text[ZN_GROUP_ON_HEAP])
        return m->group.text;
    return (const char *)m->group.heap->data;
}

/* A name too long is cut, as libzmq does; nobody can have joined what is cut off. */
int zn_msg_set_group(struct zn_msg *m, const char *group)
{
    if (group == NULL)
        return -EINVAL;

    size_t size = 0;
    while (size < GROUP_MAX && group[size] != '\0')
        size++;

    if (size <= ZN_GROUP_INLINE_MAX) {
        char text[ZN_GROUP_INLINE_MAX + 2] = "";

        memcpy(text, group, size);       /* it may be m's own, or an older one's */
        drop_group(m);
        memcpy(m->group.text, text, sizeof text);
        return 0;
    }

    struct zn_content *c = zn_content_new(size + 1);
    if (c == NULL)
        return -ENOMEM;
    memcpy(c->data, group, size);
    c->data[size] = '\0';
    drop_group(m);
    m->group.heap = c;
    m->group.text[ZN_GROUP_ON_HEAP] = 1;
    return 0;
}

/* ---- Frames. */

struct zn_frame zn_msg_frame(struct zn_msg *m)
{
    struct zn_frame f = { .data = zn_msg_data(m),
                          .size = zn_msg_size(m),
                          .flags = zn_msg_more(m) ? ZN_MORE : 0 };

    if (zn_msg_type(m) == ZN_MSG_SHARED && m->body.at.content->ffn != NULL)
        f.content = m->body.at.content;
    if (f.size < ZN_SHARE_SIZE)
        return f;

    /* Constant bytes are shared too: all they need is something to count. Without
     * memory for it they are copied. */
    if (zn_msg_type(m) == ZN_MSG_CONST) {
        struct zn_content *c = zn_content_wrap(zn_msg_data(m), f.size, NULL, NULL);
        if (c == NULL)
            return f;
        m->body.at.content = c;
        m->body.bytes[ZN_MSG_TYPE_AT] = ZN_MSG_SHARED;
        set_flag(m, ZN_MSG_FLAG_SHARED);
    }
    f.content = m->body.at.content;
    return f;
}

int zn_frame_share(struct zn_frame *f)
{
    struct zn_content *c =
        f->content != NULL ? zn_content_hold(f->content) : zn_content_new(f->size);
    if (c == NULL)
        return -ENOMEM;
    if (f->content == NULL && f->size > 0)
        memcpy(c->data, f->data, f->size);
    if (f->content == NULL)
        f->data = c->data;
    f->content = c;
    return 0;
}

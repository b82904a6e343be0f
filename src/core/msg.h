/* core/msg.h - message content: what a zmq_msg_t holds and what queues refer to.
 *
 * Threads  A struct zn_msg is its owner's alone. Contents and metadata are counted
 *          and may be held from any thread.
 * Memory   Small bytes live in the message, larger ones in a counted content that
 *          copies share. Metadata (a peer's properties) is counted too. */
#ifndef ZN_CORE_MSG_H
#define ZN_CORE_MSG_H

#include <stdatomic.h>

#include "base/base.h"

typedef void(zn_free_fn)(void *data, void *hint);

/* Bytes that several messages and queues may share. */
struct zn_content {
    _Atomic uint32_t refs;
    uint8_t *data;
    size_t size;                         /* of data; a message may use less of it */
    zn_free_fn *ffn;                     /* NULL: data lies behind this struct,
                                            or needs no freeing */
    void *hint;
};

/* One reference, its data uninitialised; NULL when there is no memory. */
struct zn_content *zn_content_new(size_t size);
/* Takes data over; ffn (may be NULL) runs once, from whichever thread drops the
 * last reference. */
struct zn_content *zn_content_wrap(void *data, size_t size, zn_free_fn *ffn, void *hint);
/* Makes a content of zn_content_new() larger while nobody else holds it; it may move. NULL:
 * no memory, and c is as it was. */
struct zn_content *zn_content_grow(struct zn_content *c, size_t size);
void zn_content_free(struct zn_content *c);
/* Frees one of zn_content_new() for good. */
void zn_content_forget(struct zn_content *c);

static inline struct zn_content *zn_content_hold(struct zn_content *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

static inline void zn_content_drop(struct zn_content *c)
{
    if (atomic_load_explicit(&c->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        zn_content_free(c);
}

struct zn_msg;

/* A frame in somebody's hands: bytes to be copied, or a content to be shared.
 * Nobody owns through this struct: who passes it keeps what it refers to. */
struct zn_frame {
    const uint8_t *data;
    size_t size;
    struct zn_content *content;          /* NULL: copy the bytes; else data and
                                            size lie within the content */
    uint8_t flags;                       /* ZN_MORE, ZN_COMMAND: the wire's own bits */
    const struct zn_msg *msg;            /* zmq_msg_send: whose group RADIO asks for; only
                                            a pattern's send may look at it */
};

#define ZN_MORE 1u
#define ZN_LONG 2u
#define ZN_COMMAND 4u

/* f's bytes become a content's, if they are not yet; of that one hold is the caller's. 0, or -ENOMEM
 * and f is as it was. */
int zn_frame_share(struct zn_frame *f);

/* Frames of this size and more are shared, smaller ones copied. */
#define ZN_SHARE_SIZE 4096

/* What is behind zmq_msg_t: 64 bytes. type tells what body holds; memory that was
 * never initialised, or was closed, matches no type. */
enum zn_msg_type { ZN_MSG_INLINE = 0x71, ZN_MSG_SHARED = 0x72, ZN_MSG_CONST = 0x73 };

#define ZN_MSG_T_SIZE 64
#define ZN_MSG_INLINE_MAX 33
#define ZN_GROUP_INLINE_MAX 14
#define ZN_GROUP_ON_HEAP (ZN_GROUP_INLINE_MAX + 1)  /* index of the byte that says so */

struct zn_metadata;

struct zn_msg {
    struct zn_metadata *metadata;        /* counted, or NULL */
    union {
        uint8_t bytes[ZN_MSG_T_SIZE - sizeof(void *) - (ZN_GROUP_INLINE_MAX + 2)];
        struct {
            struct zn_content *content;  /* ZN_MSG_SHARED */
            const uint8_t *data;         /* ZN_MSG_SHARED, ZN_MSG_CONST */
            size_t size;
        } at;
    } body;
    union {
        char text[ZN_GROUP_INLINE_MAX + 1 + 1]; /* last byte: 1 if group.heap */
        struct zn_content *heap;
    } group;
};

/* bytes[33] is the inline size, bytes[34] type, [35] flags, [36..39] routing id:
 * they stand behind whatever body.at holds. */
#define ZN_MSG_SIZE_AT 33
#define ZN_MSG_TYPE_AT 34
#define ZN_MSG_FLAGS_AT 35
#define ZN_MSG_ROUTING_AT 36

enum { ZN_MSG_FLAG_MORE = 1, ZN_MSG_FLAG_SHARED = 128 };

static inline uint8_t zn_msg_type(const struct zn_msg *m)
{
    return m->body.bytes[ZN_MSG_TYPE_AT];
}

static inline bool zn_msg_valid(const struct zn_msg *m)
{
    return m != NULL && zn_msg_type(m) >= ZN_MSG_INLINE && zn_msg_type(m) <= ZN_MSG_CONST;
}

/* Gives it a type and no properties. */
static inline void zn_msg_begin(struct zn_msg *m, enum zn_msg_type type, size_t size)
{
    m->metadata = NULL;
    m->body.bytes[ZN_MSG_SIZE_AT] = (uint8_t)size;
    m->body.bytes[ZN_MSG_TYPE_AT] = (uint8_t)type;
    m->body.bytes[ZN_MSG_FLAGS_AT] = 0;
    memset(m->body.bytes + ZN_MSG_ROUTING_AT, 0, sizeof(uint32_t));
    m->group.text[0] = '\0';
    m->group.text[ZN_GROUP_ON_HEAP] = 0;
}

static inline void zn_msg_init(struct zn_msg *m)
{
    zn_msg_begin(m, ZN_MSG_INLINE, 0);
}

ZN_SELDOM void zn_msg_drop(struct zn_msg *m);
/* A valid message lets go of all it has, to be initialised again. */
static inline void zn_msg_empty(struct zn_msg *m)
{
    if (zn_msg_type(m) == ZN_MSG_SHARED || m->group.text[ZN_GROUP_ON_HEAP] ||
        m->metadata != NULL)
        zn_msg_drop(m);
}
int zn_msg_init_size(struct zn_msg *m, size_t size);           /* -ENOMEM */
void zn_msg_init_const(struct zn_msg *m, const void *data, size_t size);
int zn_msg_init_data(struct zn_msg *m, void *data, size_t size, zn_free_fn *ffn,
                     void *hint);                               /* -ENOMEM */
/* Takes one reference of c over. */
void zn_msg_init_content(struct zn_msg *m, struct zn_content *c, const uint8_t *data,
                         size_t size);
/* -EFAULT if one is not valid. Onto itself, nothing happens. */
int zn_msg_close(struct zn_msg *m);
int zn_msg_move(struct zn_msg *dst, struct zn_msg *src);
int zn_msg_copy(struct zn_msg *dst, struct zn_msg *src);
uint8_t *zn_msg_data(struct zn_msg *m);                         /* NULL if invalid */
size_t zn_msg_size(const struct zn_msg *m);                     /* 0 if invalid */
bool zn_msg_more(const struct zn_msg *m);                       /* even if closed */
void zn_msg_set_more(struct zn_msg *m, bool more);
bool zn_msg_shared(const struct zn_msg *m);
/* m, which has no group yet, shares that of src. */
static inline void zn_msg_share_group(struct zn_msg *m, const struct zn_msg *src)
{
    m->group = src->group;
    if (src->group.text[ZN_GROUP_ON_HEAP])
        zn_content_hold(src->group.heap);
}
/* Holds md (may be NULL) in place of what was there. */
void zn_msg_set_metadata(struct zn_msg *m, struct zn_metadata *md);
uint32_t zn_msg_routing_id(const struct zn_msg *m);
void zn_msg_set_routing_id(struct zn_msg *m, uint32_t id);
const char *zn_msg_group(const struct zn_msg *m);
int zn_msg_set_group(struct zn_msg *m, const char *group);      /* -EINVAL, -ENOMEM */
/* The message as a frame; valid while m is. A content comes with what is large, and with
 * the application's own memory (zmq_msg_init_data), which is kept until it has been sent. */
struct zn_frame zn_msg_frame(struct zn_msg *m);

/* ---- Properties of the peer that a message came from. */

/* One reference. Copies the properties; where a name stands twice the first one
 * counts. fd: the connection's descriptor, -1 if none. NULL: no memory. */
struct zn_metadata *zn_metadata_new(const struct zn_property *properties, size_t count,
                                    int fd);
struct zn_metadata *zn_metadata_hold(struct zn_metadata *md);   /* NULL is fine */
void zn_metadata_drop(struct zn_metadata *md);                  /* NULL is fine */
/* The same for one who hands out many: references are paid for in advance, *paid are left. */
struct zn_metadata *zn_metadata_hand_out(struct zn_metadata *md, uint32_t *paid);
/* Its own reference as well. */
void zn_metadata_drop_paid(struct zn_metadata *md, uint32_t *paid);
/* NUL-terminated, or NULL if there is no such property (or md is NULL). */
const char *zn_metadata_get(const struct zn_metadata *md, const char *name);
int zn_metadata_fd(const struct zn_metadata *md);               /* -1: none */

#endif

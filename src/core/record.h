/* core/record.h - how frames lie in the chunks of a queue, or of a log.
 *
 * Copied    A record is a frame in ZMTP 2+ form: flags, length, bytes.
 * Shared    A large frame is a record that refers to a content, and carries its wire header
 *           ready made.
 * Stretch   What goes to many queues need not lie in each of them: a stretch is a record that
 *           refers to a part of a log, where records lie one behind the other for all. It is
 *           alone in its chunk, and grows as long as the log and its queue get the same messages.
 * Jump      The rest is in the next chunk. */
#ifndef ZN_CORE_RECORD_H
#define ZN_CORE_RECORD_H

#include "core/msg.h"
#include "platform/platform.h"

struct zn_chunk {
    struct zn_chunk *next;
    uint32_t cap;                        /* of data; one byte is kept for the jump */
    uint8_t data[];
};

/* First byte of a record, beyond the wire's own three bits. */
#define ZN_REC_REF 0x80u                 /* refers to a content */
#define ZN_REC_JUMP 0x40u                /* go on in the next chunk */
#define ZN_REC_STRETCH 0x20u             /* and ZN_REC_REF: alone in its chunk */

#define ZN_CHUNK_MIN 240u
#define ZN_CHUNK_MAX 65000u

/* A frame's record, if it is a copy: its size, and the record. */
static inline size_t zn_record_size(const struct zn_frame *f)
{
    return (f->size > 255 ? 9 : 2) + f->size;
}
void zn_record_put(uint8_t *p, const struct zn_frame *f);

/* One that refers to data in c, which it holds from now on; of ZN_REF_LENGTH bytes. */
enum { ZN_REF_LENGTH = 11 + 2 * sizeof(void *) + sizeof(uint64_t) };
void zn_record_put_ref(uint8_t *p, uint8_t flags, struct zn_content *c,
                       const uint8_t *data, size_t size);

/* Length of the record at p (no jump); what it shows, if f is given. A stretch shows nothing. */
uint32_t zn_record_decode(const uint8_t *p, struct zn_frame *f);
/* The same, and its wire header. */
uint32_t zn_record_parts(const uint8_t *p, struct zn_frame *f, const uint8_t **head,
                         size_t *head_size);
/* Lets go of the content, if it refers to one. */
void zn_record_drop(const uint8_t *p);

/* ---- Stretches. */

struct zn_stretch {
    _Atomic uint32_t end;                /* the writer's; ZN_GROWS: not known yet */
    uint32_t at;                         /* the reader's: so far */
    uint32_t peeked;                     /* length of what it has peeked last */
};
#define ZN_GROWS UINT32_MAX
enum {
    ZN_STRETCH_AT = (ZN_REF_LENGTH + 3) / 4 * 4,
    ZN_STRETCH_LENGTH = ZN_STRETCH_AT + sizeof(struct zn_stretch),
    ZN_STRETCH_CAP = ZN_STRETCH_LENGTH + 1    /* less than any other chunk has */
};
_Static_assert((offsetof(struct zn_chunk, data) + ZN_STRETCH_AT) %
                       _Alignof(struct zn_stretch) ==
                   0,
               "a stretch is aligned");
_Static_assert((unsigned)ZN_STRETCH_CAP < ZN_CHUNK_MIN, "and known by its chunk's size");

/* Whether a stretch lies in c. */
static inline bool zn_chunk_is_stretch(const struct zn_chunk *c)
{
    return c->cap == ZN_STRETCH_CAP;
}

static inline struct zn_stretch *zn_stretch_of(struct zn_chunk *c)
{
    return (struct zn_stretch *)(void *)(c->data + ZN_STRETCH_AT);
}

/* Puts one into c, which has ZN_STRETCH_CAP bytes: it begins at `from` in the log, which it
 * holds, and grows. */
void zn_stretch_put(struct zn_chunk *c, struct zn_content *log, uint32_t from);

/* ---- Reading on. */

/* A place in a queue: steps through chunks and stretches alike. */
struct zn_place {
    struct zn_chunk *chunk;
    uint32_t pos;
    uint32_t in_log;                     /* if a stretch is there: so far in its log */
};

/* The record there, or behind what is over there. There must be one. end: where what lies in
 * one piece with it ends; NULL: that is not known. */
const uint8_t *zn_place_look(struct zn_place *at, const uint8_t **end);
/* Steps over so many bytes of what lies there. */
void zn_place_skip(struct zn_place *at, uint32_t size);

#endif

/* transports/ring.h - a one-way ring of bytes in memory that two processes share.
 *
 * Shared   two counts of bytes that only ever grow, `tail` written and `head` read, and beside
 *          each a word by which its reader asks to be told. A wake-up is not lost: who asks
 *          looks once more afterwards, who is asked publishes before it looks.
 * Trust    Each side keeps its own count to itself and never reads it back. What the peer
 *          says is checked: a count that is not possible is -EPROTO, and nothing outside of
 *          the ring is ever touched. The bytes may be rewritten by the peer at any time:
 *          they are copied out first and looked at only then.
 * Threads  A writer and a reader, one thread at a time each. */
#ifndef ZN_TRANSPORTS_RING_H
#define ZN_TRANSPORTS_RING_H

#include "platform/platform.h"

/* In the shared memory: what the writer writes, what the reader writes. Two cache lines
 * apart, because processors fetch them in pairs. */
struct zn_ring_shared {
    _Alignas(128) _Atomic uint64_t tail;
    _Atomic uint32_t asleep;             /* the reader's: tell me of bytes */
    _Alignas(128) _Atomic uint64_t head;
    _Atomic uint32_t wanted;             /* the writer's: tell me when fewer are left */
};

struct zn_ring_writer {
    struct zn_ring_shared *shared;
    uint8_t *data;
    uint32_t size;                       /* a power of two */
    uint64_t tail, shown;                /* put, and published */
    uint64_t head;                       /* the reader's, when last looked at */
};

struct zn_ring_reader {
    struct zn_ring_shared *shared;
    const uint8_t *data;
    uint32_t size;
    uint64_t head, freed;                /* taken, and published */
    bool asleep;                         /* has asked to be told */
};

void zn_ring_writer_init(struct zn_ring_writer *w, struct zn_ring_shared *shared,
                         uint8_t *data, uint32_t size);
/* How many of `want` bytes may be put if no more than `most` are to lie in the ring. */
ptrdiff_t zn_ring_room(struct zn_ring_writer *w, size_t want, uint32_t most);
/* Copies n bytes for which there is room; not yet to be seen. */
void zn_ring_put(struct zn_ring_writer *w, const void *from, size_t n);
/* Shows what was put. True: the reader sleeps, and is to be told. */
bool zn_ring_show(struct zn_ring_writer *w);
/* Asks to be told when fewer than `left` bytes are in the ring. False: so it is already. */
bool zn_ring_want(struct zn_ring_writer *w, uint32_t left);
/* Whether all has been read, and thus nobody is reading. */
bool zn_ring_is_read(struct zn_ring_writer *w);

void zn_ring_reader_init(struct zn_ring_reader *r, struct zn_ring_shared *shared,
                         const uint8_t *data, uint32_t size);
/* Bytes to be read. */
ptrdiff_t zn_ring_left(const struct zn_ring_reader *r);
/* Copies n of the bytes that are left. */
void zn_ring_take(struct zn_ring_reader *r, void *to, size_t n);
/* Gives the room of what was taken back. True: the writer waits for it, and is to be told. */
bool zn_ring_free(struct zn_ring_reader *r);
/* Asks to be told of bytes. The caller looks once more. */
void zn_ring_sleep(struct zn_ring_reader *r);
/* Need not be told any more. */
void zn_ring_wake(struct zn_ring_reader *r);

#endif

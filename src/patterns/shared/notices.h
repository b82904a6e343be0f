/* patterns/shared/notices.h - frames that wait for an XPUB's application: a queue
 * without a limit, of bytes.
 *
 * Threads  The owner's.
 * Memory   Chunks as they fill, freed as they are read: 9 bytes a frame beyond its
 *          own; where frames come from is written only when it changes. */
#ifndef ZN_PATTERNS_NOTICES_H
#define ZN_PATTERNS_NOTICES_H

#include "core/msg.h"

struct zn_notice_chunk;

/* Whence a frame came. Zeroed: from nobody. */
struct zn_notice_source {
    struct zn_metadata *metadata;
    uint64_t peer;                       /* the owner's */
};

struct zn_notices {
    struct zn_notice_chunk *head, *tail;
    uint64_t count;
    struct zn_notice_source last;        /* of the frame put last */
    struct zn_notice_source now;         /* of the frame taken last; held */
};

void zn_notices_init(struct zn_notices *q);
void zn_notices_fini(struct zn_notices *q);

/* Room for a frame at the end of the queue: size bytes to be filled in before anything
 * else is asked of q. Holds the source's metadata. NULL: no memory. */
uint8_t *zn_notices_put(struct zn_notices *q, const struct zn_notice_source *from,
                        uint8_t flags, size_t size);
/* Takes the first frame; *f and q->now stay as they are until the next take. */
bool zn_notices_take(struct zn_notices *q, struct zn_frame *f);

#endif

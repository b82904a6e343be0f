/* core/spare.h - contents that have just been freed, kept for whoever wants one like it next.
 *
 * A stream of large messages would else take each one's memory fresh from the system, which
 * clears it page by page, and give it back: a quarter of the time that such a message takes.
 *
 * Memory   At most ZN_SPARE_BYTES, and only while there is traffic: what is freed is kept for
 *          as long as a connection has said, a moment ago, that it moves large messages. Each
 *          that says so clears the store when it has been idle for a second, or ends.
 * Threads  Any. */
#ifndef ZN_CORE_SPARE_H
#define ZN_CORE_SPARE_H

#include "core/msg.h"

#define ZN_SPARE_MIN (32u * 1024)        /* smaller ones are the heap's business */
#define ZN_SPARE_BYTES (32u * 1024 * 1024)

/* A connection moves a large message now. */
void zn_spare_live(void);
/* Takes c, of which nobody holds a reference; false: it is to be freed. */
bool zn_spare_keep(struct zn_content *c);
/* One for `size` bytes or somewhat more; NULL: there is none. */
struct zn_content *zn_spare_take(size_t size);
/* Frees all, unless another connection is live. */
void zn_spare_expire(void);
/* Frees all. */
void zn_spare_clear(void);

#endif

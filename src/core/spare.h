/* core/spare.h - large contents that were freed, to be used again.
 *
 * The heap gives large blocks back to the system and takes them from it anew, and the system
 * makes each of their pages again when it is touched: for a message of 1 MiB that is more
 * work than to copy it. So a few are kept.
 *
 * Threads  Any. Nobody waits: while one is at it, the others use the heap.
 * Memory   At most ZN_SPARE_BYTES in a process; given up when connections rest, and with
 *          each context. */
#ifndef ZN_CORE_SPARE_H
#define ZN_CORE_SPARE_H

#include "core/msg.h"

#define ZN_SPARE_MIN (64u * 1024)        /* below that the heap is good at it */
#define ZN_SPARE_BYTES (16u * 1024 * 1024)

/* One of which `cap` bytes can be used; NULL: none fits. */
struct zn_content *zn_spare_take(size_t cap);
/* Keeps c. False: free it. */
bool zn_spare_give(struct zn_content *c);
bool zn_spare_is_kept(void);
/* Frees all. */
void zn_spare_trim(void);

#endif

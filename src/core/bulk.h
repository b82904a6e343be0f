/* core/bulk.h - memory of chunks and contents, much of which may be in use at once.
 *
 * Fresh pages are dear: the system takes a fault for each, and so may a hypervisor below it.
 * While little is in use it is the heap's affair. When more is, as when a queue fills up, it
 * comes from slabs that the system backs with large pages: 512 times fewer faults.
 *
 * Memory   Slabs of 32 MiB, whose pages come when they are first handed out; at most 2 GiB, the
 *          heap has the rest. One empty slab is kept while there is traffic, and up to a megabyte
 *          of what came back last is kept as it is. What is smaller than ZN_BULK_MIN, or larger
 *          than a few megabytes, is never in a slab.
 * Threads  Any. Who gives back waits for nobody. A forked child that inherited slabs leaves them
 *          as they are, and takes from the heap. */
#ifndef ZN_CORE_BULK_H
#define ZN_CORE_BULK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

#define ZN_BULK_MIN (4u * 1024)

void *zn_bulk_new_large(size_t size);
void zn_bulk_free_large(void *p, size_t size);

/* NULL: there is none. */
static inline void *zn_bulk_new(size_t size)
{
    return size < ZN_BULK_MIN ? zn_alloc(size) : zn_bulk_new_large(size);
}
/* size: as it was asked for. */
static inline void zn_bulk_free(void *p, size_t size)
{
    if (size < ZN_BULK_MIN)
        zn_free(p);
    else
        zn_bulk_free_large(p, size);
}
/* Makes it larger; it may move. NULL: there is no memory, and p is as it was. */
void *zn_bulk_grow(void *p, size_t size, size_t larger);
bool zn_bulk_is_in_slab(const void *p);

/* Traffic has ended, somewhere: gives back what is free, unless some was handed out a moment
 * ago (or at once). */
void zn_bulk_trim(bool at_once);

#endif

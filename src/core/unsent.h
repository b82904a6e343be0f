/* core/unsent.h - what a stream has taken from its session, and what lies below it has not yet.
 *
 * Memory   A copy, which goes with its last byte; or ZN_UNSENT_MAX bytes for a batch that is made
 *          in place, which stay for the next one until they are trimmed.
 * Threads  Those of its stream. */
#ifndef ZN_CORE_UNSENT_H
#define ZN_CORE_UNSENT_H

#include "base/alloc.h"
#include "core/stream.h"

#define ZN_UNSENT_MAX (128u * 1024)

struct zn_unsent {
    uint8_t *block;                      /* heap, of `cap` bytes; or NULL */
    size_t cap;
    size_t size, at;                     /* what is before `at` has gone */
};

static inline size_t zn_unsent_left(const struct zn_unsent *u)
{
    return u->size - u->at;
}

static inline size_t zn_unsent_room(const struct zn_unsent *u)
{
    return u->cap - u->size;
}

/* u is empty. False: there is no memory. */
bool zn_unsent_make_room(struct zn_unsent *u);
/* Behind what is there. False: there is no room. */
bool zn_unsent_append(struct zn_unsent *u, const void *p, size_t n);
/* u is empty. A copy; 0 or -ENOMEM. */
int zn_unsent_keep(struct zn_unsent *u, const void *p, size_t n);
/* To what lies below: 0: all has gone; -EAGAIN: not yet; -errno. */
int zn_unsent_push(struct zn_unsent *u, struct zn_stream *below, int fd);

static inline bool zn_unsent_is_large(const struct zn_unsent *u)
{
    return u->cap == ZN_UNSENT_MAX;
}
/* Gives memory back, if u is empty. */
void zn_unsent_trim(struct zn_unsent *u);
void zn_unsent_fini(struct zn_unsent *u);

#endif

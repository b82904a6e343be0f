/* transports/sources.h - the senders that a multicast subscriber hears: each has a stream of
 * its own, and messages of several come interleaved.
 *
 * Threads  All by whoever holds the carrier's lock.
 * Memory   A message that does not lie in one piece is put together in one buffer of its
 *          sender's, which grows with what has come. Senders that were not heard for the
 *          longest time are forgotten when there are too many. */
#ifndef ZN_TRANSPORTS_SOURCES_H
#define ZN_TRANSPORTS_SOURCES_H

#include "base/list.h"
#include "core/carrier.h"
#include "wire/lossy.h"

enum { ZN_SOURCES_MAX = 256 };

struct zn_source {
    struct zn_list link;
    uint64_t id;                         /* what the protocol knows the sender by */
    struct zn_lossy_reader reader;
    /* the message so far: frames in ZMTP 2 form, or NULL */
    struct zn_content *held;
    size_t used;
    uint32_t frames;
};

struct zn_sources {
    struct zn_list list;                 /* last heard first */
    uint32_t count;
    enum zn_lossy_framing framing;
    uint64_t limit;                      /* of a frame's size */
};

void zn_sources_init(struct zn_sources *ss, enum zn_lossy_framing framing,
                     const struct zn_options *o);
void zn_sources_fini(struct zn_sources *ss);

/* The sender of that name, which becomes the one last heard; NULL: not known. */
struct zn_source *zn_source_find(struct zn_sources *ss, uint64_t id);
/* The same; a new one if there was none. NULL: no memory. */
struct zn_source *zn_source_of(struct zn_sources *ss, uint64_t id);
void zn_source_forget(struct zn_sources *ss, struct zn_source *src);

/* Something of src was lost. */
void zn_source_lose_step(struct zn_source *src);
/* Reads on at *p and delivers the messages that end: 0: all of it; 1: there is no room to
 * deliver now, and the rest is to be given again. What is wrong, or finds no memory, makes
 * the source lose step. */
int zn_source_read(struct zn_sources *ss, struct zn_source *src, struct zn_carrier *c,
                   const uint8_t **p, const uint8_t *end);

#endif

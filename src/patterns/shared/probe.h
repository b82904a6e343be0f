/* patterns/shared/probe.h - ZMQ_PROBE_ROUTER: an empty message to each new peer, so
 * that a ROUTER learns of us before we have anything to say. */
#ifndef ZN_PATTERNS_PROBE_H
#define ZN_PATTERNS_PROBE_H

#include "core/pipe.h"

/* 0 or -ENOMEM. Passes any high-water mark: a new peer's queue is empty. */
static inline int zn_probe(struct zn_end *e)
{
    static const struct zn_frame empty = { .data = NULL, .size = 0 };

    int rc = zn_end_write_always(e, &empty);
    if (rc == 0)
        zn_end_flush(e);
    return rc;
}

#endif

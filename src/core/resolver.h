/* core/resolver.h - turns host names into addresses away from the I/O threads, so that a name
 * server that is slow, or never answers, delays nothing but the connections to that name.
 *
 * Each context has a few threads for it, each asking about one name at a time; they come as
 * they are needed and go when there is nothing to ask for a while. A question can be left
 * behind at any time. The system's own call cannot be broken off: a thread that is still in it
 * when the context ends is left to itself, and tidies up when it comes back. */
#ifndef ZN_CORE_RESOLVER_H
#define ZN_CORE_RESOLVER_H

#include "base/list.h"
#include "core/transport.h"

struct zn_ctx;
struct zn_lookup;
struct zn_resolver;

/* A question. done() runs on a thread of the resolver's; target->addrs is filled, count is 0
 * if there is no answer. The caller keeps it alive until then, or until it has forgotten it. */
struct zn_resolution {
    struct zn_list link;
    struct zn_lookup *lookup;            /* NULL: answered */
    struct zn_target target;
    bool ipv6;
    void *arg;
    void (*done)(struct zn_resolution *q);
};

/* -ENOMEM, -EAGAIN: not now. */
int zn_resolver_ask(struct zn_ctx *ctx, struct zn_resolution *q);
/* True: done() will not be called. False: it has been, or is about to be. */
bool zn_resolver_forget(struct zn_ctx *ctx, struct zn_resolution *q);
/* All questions have been answered or forgotten. Waits for no name server. */
void zn_resolver_free(struct zn_resolver *r);

#endif

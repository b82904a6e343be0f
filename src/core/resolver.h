/* core/resolver.h - turns host names into addresses on a thread of its own, so that a slow
 * name server delays nothing but the connection that asked. */
#ifndef ZN_CORE_RESOLVER_H
#define ZN_CORE_RESOLVER_H

#include "core/transport.h"

struct zn_ctx;
struct zn_resolver;

/* A question. done() runs on the resolver's thread; target->addrs is filled, count is 0 if
 * there is no answer. The caller keeps it alive until then. */
struct zn_resolution {
    struct zn_resolution *next;
    struct zn_target target;
    bool ipv6;
    void *arg;
    void (*done)(struct zn_resolution *q);
};

/* The thread starts with the first question. -ENOMEM, -EAGAIN. */
int zn_resolver_ask(struct zn_ctx *ctx, struct zn_resolution *q);
/* All questions have been answered, or are being thrown away. */
void zn_resolver_free(struct zn_resolver *r);

#endif

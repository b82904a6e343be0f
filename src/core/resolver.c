/* core/resolver.c - see resolver.h. */
#include "core/resolver.h"

#include "core/ctx.h"

struct zn_resolver {
    struct zn_lock lock;
    struct zn_waiter waiter;
    struct zn_resolution *first, **last;
    bool stop;
    struct zn_thread *thread;
};

static struct zn_resolution *next_question(struct zn_resolver *r)
{
    zn_lock(&r->lock);
    struct zn_resolution *q = r->first;
    if (q != NULL) {
        r->first = q->next;
        if (r->first == NULL)
            r->last = &r->first;
    }
    zn_unlock(&r->lock);
    return q;
}

static bool stopped(struct zn_resolver *r)
{
    zn_lock(&r->lock);
    bool stop = r->stop;
    zn_unlock(&r->lock);
    return stop;
}

static void resolver_main(void *arg)
{
    struct zn_resolver *r = arg;
    while (!stopped(r)) {
        uint32_t key = zn_waiter_prepare(&r->waiter);
        struct zn_resolution *q = next_question(r);
        if (q == NULL && !stopped(r))
            zn_waiter_wait(&r->waiter, key, ZN_FOREVER);
        zn_waiter_done(&r->waiter);
        if (q == NULL)
            continue;
        int n = zn_resolve(q->target.host, q->target.port, q->ipv6, q->target.addrs,
                           ZN_TARGETS_MAX);
        q->target.count = n > 0 ? n : 0;
        q->done(q);
    }
}

static struct zn_resolver *resolver_new(void)
{
    struct zn_resolver *r = zn_zalloc(sizeof *r);
    if (r == NULL)
        return NULL;
    r->last = &r->first;
    if (zn_thread_start(&r->thread, "ZMQbg/Resolver", NULL, resolver_main, r) < 0) {
        zn_free(r);
        return NULL;
    }
    return r;
}

int zn_resolver_ask(struct zn_ctx *ctx, struct zn_resolution *q)
{
    zn_lock(&ctx->lock);
    if (ctx->resolver == NULL)
        ctx->resolver = resolver_new();
    struct zn_resolver *r = ctx->resolver;
    zn_unlock(&ctx->lock);
    if (r == NULL)
        return -EAGAIN;

    zn_lock(&r->lock);
    q->next = NULL;
    *r->last = q;
    r->last = &q->next;
    zn_unlock(&r->lock);
    zn_waiter_wake(&r->waiter);
    return 0;
}

void zn_resolver_free(struct zn_resolver *r)
{
    if (r == NULL)
        return;
    zn_lock(&r->lock);
    r->stop = true;
    zn_unlock(&r->lock);
    zn_waiter_wake(&r->waiter);
    zn_thread_join(r->thread);
    zn_free(r);
}

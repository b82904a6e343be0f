/* core/resolver.c - see resolver.h.
 *
 * A lookup is one call of the system's resolver, for all who ask for the same while it lasts:
 * a thousand connections to a name that nobody answers for take one thread. It is in the map
 * until it has its answer, and in the queue until a worker takes it.
 *
 * Threads  The lock guards everything here but what a worker does with its own lookup. */
#include "core/resolver.h"

#include "core/ctx.h"

/* Of a context; of the process, threads that were left behind included. */
enum { WORKERS_MAX = 32, EVERYWHERE_MAX = 256 };
#define IDLE (5000 * ZN_MS)

static _Atomic int everywhere;

struct zn_lookup {
    struct zn_list link;                 /* in the queue, or alone */
    struct zn_list askers;
    uint8_t key[3 + 256];
    size_t key_size;
    struct zn_target target;
    bool ipv6, running;
};

struct worker {
    struct zn_list link;                 /* in workers, or idled out */
    struct zn_resolver *resolver;
    struct zn_thread *thread;
    struct zn_lookup *lookup;            /* what it asks the system for; or NULL */
    bool left;                           /* to itself: nobody will join it */
};

struct zn_resolver {
    struct zn_lock lock;
    struct zn_waiter waiter;
    struct zn_map lookups;
    struct zn_list queue, workers, idled_out;
    int queued, idle, count;
    int refs;                            /* the context, and workers left to themselves */
    bool stop;
};

/* ---- Lookups. */

static struct zn_bytes key_of(const struct zn_lookup *l)
{
    return (struct zn_bytes){ l->key, l->key_size };
}

static void name_lookup(struct zn_lookup *l, const struct zn_resolution *q)
{
    size_t size = strlen(q->target.host);
    l->ipv6 = q->ipv6;
    l->target = q->target;
    l->key[0] = q->ipv6;
    zn_put_u16(l->key + 1, q->target.port);
    memcpy(l->key + 3, q->target.host, size);
    l->key_size = 3 + size;
}

/* The one that is on its way, or a new one. */
static struct zn_lookup *get_lookup(struct zn_resolver *r, const struct zn_resolution *q)
{
    struct zn_lookup *l = zn_zalloc(sizeof *l);
    if (l == NULL)
        return NULL;
    name_lookup(l, q);
    struct zn_lookup *known = zn_map_get(&r->lookups, key_of(l));
    if (known != NULL || zn_map_put(&r->lookups, key_of(l), l) < 0) {
        zn_free(l);
        return known;
    }
    zn_list_init(&l->askers);
    zn_list_append(&r->queue, &l->link);
    r->queued++;
    return l;
}

/* Nobody has begun with it. */
static void drop_lookup(struct zn_resolver *r, struct zn_lookup *l)
{
    zn_map_remove(&r->lookups, key_of(l));
    zn_list_remove(&l->link);
    r->queued--;
    zn_free(l);
}

static struct zn_lookup *take_lookup(struct zn_resolver *r)
{
    struct zn_lookup *l = ZN_CONTAINER(r->queue.next, struct zn_lookup, link);
    zn_list_remove(&l->link);
    r->queued--;
    l->running = true;
    return l;
}

/* ---- Workers. The lock is held where it does not say otherwise. */

/* False: there is nothing to do any more. */
static bool await_lookup(struct worker *w)
{
    struct zn_resolver *r = w->resolver;
    uint64_t until = zn_now() + IDLE;
    r->idle++;
    while (!r->stop && zn_list_empty(&r->queue) && zn_time_left(until) > 0) {
        uint32_t key = zn_waiter_prepare(&r->waiter);
        zn_unlock(&r->lock);
        zn_waiter_wait(&r->waiter, key, zn_time_left(until));
        zn_waiter_done(&r->waiter);
        zn_lock(&r->lock);
    }
    r->idle--;
    if (r->stop || zn_list_empty(&r->queue))
        return false;
    w->lookup = take_lookup(r);
    return true;
}

/* Not locked: an asker may let go of all it has. */
static void answer(struct zn_list *askers, const struct zn_target *target)
{
    ZN_LIST_EACH (it, askers) {
        struct zn_resolution *q = ZN_CONTAINER(it, struct zn_resolution, link);
        q->target = *target;
        q->done(q);
    }
}

static void look_up(struct worker *w)
{
    struct zn_resolver *r = w->resolver;
    struct zn_lookup *l = w->lookup;
    struct zn_target *t = &l->target;
    zn_unlock(&r->lock);
    int n = zn_resolve(t->host, t->port, l->ipv6, t->addrs, ZN_TARGETS_MAX);
    t->count = n > 0 ? n : 0;
    zn_lock(&r->lock);
    w->lookup = NULL;
    zn_map_remove(&r->lookups, key_of(l));
    ZN_LIST_EACH (it, &l->askers)
        ZN_CONTAINER(it, struct zn_resolution, link)->lookup = NULL;
    zn_unlock(&r->lock);
    answer(&l->askers, t);
    zn_free(l);
    zn_lock(&r->lock);
}

/* Not locked. */
static void unref(struct zn_resolver *r)
{
    zn_lock(&r->lock);
    bool last = --r->refs == 0;
    zn_unlock(&r->lock);
    if (!last)
        return;
    zn_map_fini(&r->lookups);
    zn_free(r);
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    struct zn_resolver *r = w->resolver;
    zn_lock(&r->lock);
    while (await_lookup(w))
        look_up(w);
    bool left = w->left;
    r->count--;
    if (!r->stop) {
        zn_list_remove(&w->link);
        zn_list_append(&r->idled_out, &w->link);
    }
    zn_unlock(&r->lock);
    if (left) {
        zn_free(w);
        unref(r);
    }
    atomic_fetch_sub_explicit(&everywhere, 1, memory_order_relaxed);
}

static int start_worker(struct zn_resolver *r)
{
    struct worker *w = zn_zalloc(sizeof *w);
    if (w == NULL)
        return -ENOMEM;
    w->resolver = r;
    int rc = -EAGAIN;
    if (atomic_fetch_add_explicit(&everywhere, 1, memory_order_relaxed) < EVERYWHERE_MAX)
        rc = zn_thread_start(&w->thread, "ZMQbg/Resolver", NULL, worker_main, w);
    if (rc < 0) {
        atomic_fetch_sub_explicit(&everywhere, 1, memory_order_relaxed);
        zn_free(w);
        return rc;
    }
    zn_list_append(&r->workers, &w->link);
    r->count++;
    return 0;
}

/* Not locked: these have ended, or have nothing else left to do. */
static void join(struct zn_list *workers)
{
    ZN_LIST_EACH (it, workers) {
        struct worker *w = ZN_CONTAINER(it, struct worker, link);
        zn_thread_join(w->thread);
        zn_free(w);
    }
}

static void move_list(struct zn_list *from, struct zn_list *to)
{
    zn_list_init(to);
    ZN_LIST_EACH (it, from) {
        zn_list_remove(it);
        zn_list_append(to, it);
    }
}

/* ---- For contexts. */

static struct zn_resolver *resolver_new(void)
{
    struct zn_resolver *r = zn_zalloc(sizeof *r);
    if (r == NULL)
        return NULL;
    zn_map_init(&r->lookups);
    zn_list_init(&r->queue);
    zn_list_init(&r->workers);
    zn_list_init(&r->idled_out);
    r->refs = 1;
    return r;
}

static struct zn_resolver *resolver_of(struct zn_ctx *ctx, bool make)
{
    zn_lock(&ctx->lock);
    if (ctx->resolver == NULL && make)
        ctx->resolver = resolver_new();
    struct zn_resolver *r = ctx->resolver;
    zn_unlock(&ctx->lock);
    return r;
}

static int ask(struct zn_resolver *r, struct zn_resolution *q)
{
    struct zn_lookup *l = get_lookup(r, q);
    if (l == NULL)
        return -ENOMEM;
    if (r->queued > r->idle && r->count < WORKERS_MAX && start_worker(r) < 0 &&
        r->count == 0) {
        drop_lookup(r, l);
        return -EAGAIN;
    }
    q->lookup = l;
    zn_list_append(&l->askers, &q->link);
    return 0;
}

int zn_resolver_ask(struct zn_ctx *ctx, struct zn_resolution *q)
{
    struct zn_resolver *r = resolver_of(ctx, true);
    struct zn_list ended;
    if (r == NULL)
        return -ENOMEM;
    zn_lock(&r->lock);
    int rc = ask(r, q);
    move_list(&r->idled_out, &ended);
    zn_unlock(&r->lock);
    zn_waiter_wake(&r->waiter);
    join(&ended);
    return rc;
}

bool zn_resolver_forget(struct zn_ctx *ctx, struct zn_resolution *q)
{
    struct zn_resolver *r = resolver_of(ctx, false);
    zn_lock(&r->lock);
    struct zn_lookup *l = q->lookup;
    if (l != NULL) {
        zn_list_remove(&q->link);
        q->lookup = NULL;
        if (zn_list_empty(&l->askers) && !l->running)
            drop_lookup(r, l);
    }
    zn_unlock(&r->lock);
    return l != NULL;
}

void zn_resolver_free(struct zn_resolver *r)
{
    struct zn_list ended, ending;
    if (r == NULL)
        return;
    zn_lock(&r->lock);
    r->stop = true;
    ZN_LIST_EACH (it, &r->workers) {
        struct worker *w = ZN_CONTAINER(it, struct worker, link);
        if (w->lookup == NULL)
            continue;
        zn_list_remove(&w->link);
        w->left = true;
        r->refs++;
        zn_thread_leave(w->thread);
    }
    move_list(&r->workers, &ending);
    move_list(&r->idled_out, &ended);
    zn_unlock(&r->lock);
    zn_waiter_wake(&r->waiter);
    join(&ending);
    join(&ended);
    unref(r);
}

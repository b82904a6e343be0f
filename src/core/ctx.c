/* core/ctx.c - see ctx.h. */
#include "core/ctx.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/borrow.h"
#include "core/bulk.h"
#include "core/known.h"
#include "core/options.h"
#include "core/resolver.h"
#include "core/socket.h"
#include "core/spare.h"

#define SOCKET_LIMIT 65535

struct zn_ctx *zn_ctx_new(void)
{
    struct zn_ctx *ctx = zn_zalloc(sizeof *ctx);
    if (ctx == NULL)
        return NULL;
    zn_watch_forks();
    zn_gate_begin();
    ctx->stamp = zn_process_stamp();
    zn_list_init(&ctx->sockets);
    zn_list_init(&ctx->inproc_pending);
    zn_map_init(&ctx->inproc_names);
    ctx->io_threads = ZMQ_IO_THREADS_DFLT;
    ctx->max_sockets = ZMQ_MAX_SOCKETS_DFLT;
    ctx->priority = ctx->policy = -1;
    ctx->max_msgsz = INT_MAX;
    ctx->blocky = 1;
    ctx->zero_copy = 1;
    atomic_store_explicit(&ctx->tag, ZN_CTX_OPEN, memory_order_release);
    return ctx;
}

int zn_ctx_check(void *handle)
{
    struct zn_ctx *ctx = handle;
    if (ctx == NULL || ((uintptr_t)ctx & (sizeof(void *) - 1)) != 0)
        return -EFAULT;
    if (atomic_load_explicit(&ctx->tag, memory_order_relaxed) != ZN_CTX_OPEN)
        return -EFAULT;
    return 0;
}

/* From the parent, in a forked child. Whoever had its lock there has it here for ever. */
static bool is_inherited(const struct zn_ctx *ctx)
{
    return ctx->stamp != zn_process_stamp();
}

/* ---- Threads. */

static int start_loop(struct zn_ctx *ctx, int index)
{
    char name[64];
    const char *slash = ctx->name_prefix[0] != '\0' ? "/" : "";
    snprintf(name, sizeof name, "%s%sZMQbg/IO/%d", ctx->name_prefix, slash, index);
    struct zn_thread_options o = { .priority = ctx->priority, .policy = ctx->policy };
    if (ctx->has_cpus) {
        o.cpus = ctx->cpus;
        o.cpus_size = sizeof ctx->cpus;
    }
    return zn_loop_new(&ctx->loops[index], name, &o);
}

static void stop_loops(struct zn_ctx *ctx)
{
    while (ctx->loop_count > 0)
        zn_loop_free(ctx->loops[--ctx->loop_count]);
    zn_free(ctx->loops);
    ctx->loops = NULL;
}

static int start(struct zn_ctx *ctx)
{
    ctx->loops = zn_zalloc((size_t)ZN_MAX(ctx->io_threads, 1) * sizeof *ctx->loops);
    if (ctx->loops == NULL)
        return -ENOMEM;
    while (ctx->loop_count < ctx->io_threads) {
        int rc = start_loop(ctx, ctx->loop_count);
        if (rc < 0) {
            stop_loops(ctx);
            return rc;
        }
        ctx->loop_count++;
    }
    ctx->started = true;
    return 0;
}

struct zn_loop *zn_ctx_loop(struct zn_ctx *ctx, uint64_t affinity)
{
    struct zn_loop *best = NULL;
    for (int i = 0; i < ctx->loop_count; i++) {
        if (affinity != 0 && (i >= 64 || !(affinity >> i & 1)))
            continue;
        if (best == NULL || zn_loop_load(ctx->loops[i]) < zn_loop_load(best))
            best = ctx->loops[i];
    }
    return best;
}

/* ---- Sockets. */

static void set_defaults(const struct zn_ctx *ctx, struct zn_socket *s)
{
    bool lingers = ctx->blocky && !(s->pattern->flags & ZN_PAT_NO_LINGER);
    s->options.ipv6 = ctx->ipv6;
    s->options.linger = lingers ? -1 : 0;
}

int zn_ctx_add(struct zn_ctx *ctx, struct zn_socket *s)
{
    int rc = 0;
    if (is_inherited(ctx))
        return -ETERM;
    zn_lock(&ctx->lock);
    if (ctx->stopped)
        rc = -ETERM;
    else if (ctx->socket_count >= ctx->max_sockets)
        rc = -EMFILE;
    else if (!ctx->started)
        rc = start(ctx);
    if (rc == 0) {
        set_defaults(ctx, s);
        zn_list_append(&ctx->sockets, &s->ctx_link);
        ctx->socket_count++;
    }
    zn_unlock(&ctx->lock);
    return rc;
}

void zn_ctx_remove(struct zn_ctx *ctx, struct zn_socket *s)
{
    zn_lock(&ctx->lock);
    zn_list_remove(&s->ctx_link);
    bool last = --ctx->socket_count == 0;
    if (last)
        zn_waiter_wake(&ctx->empty);
    zn_unlock(&ctx->lock);
}

/* ---- The end. */

int zn_ctx_shutdown(struct zn_ctx *ctx)
{
    if (is_inherited(ctx))
        return 0;
    zn_lock(&ctx->lock);
    ctx->stopped = true;
    ZN_LIST_EACH (it, &ctx->sockets)
        zn_socket_stop(ZN_CONTAINER(it, struct zn_socket, ctx_link));
    zn_unlock(&ctx->lock);
    return 0;
}

static bool is_empty(struct zn_ctx *ctx)
{
    zn_lock(&ctx->lock);
    bool empty = ctx->socket_count == 0;
    zn_unlock(&ctx->lock);
    return empty;
}

static int wait_for_sockets(struct zn_ctx *ctx)
{
    int rc = 0;
    while (rc != -EINTR && !is_empty(ctx)) {
        uint32_t key = zn_waiter_prepare(&ctx->empty);
        rc = is_empty(ctx) ? 0 : zn_waiter_wait(&ctx->empty, key, ZN_FOREVER);
        zn_waiter_done(&ctx->empty);
    }
    return rc == -EINTR && !is_empty(ctx) ? -EINTR : 0;
}

/* In a forked child there are no threads to wait for. */
static int abandon(struct zn_ctx *ctx)
{
    for (int i = 0; i < ctx->loop_count; i++)
        zn_loop_abandon(ctx->loops[i]);
    atomic_store_explicit(&ctx->tag, 0, memory_order_relaxed);
    return 0;
}

int zn_ctx_term(struct zn_ctx *ctx)
{
    if (is_inherited(ctx))
        return abandon(ctx);
    zn_ctx_shutdown(ctx);
    int rc = wait_for_sockets(ctx);
    if (rc < 0)
        return rc;
    atomic_store_explicit(&ctx->tag, 0, memory_order_relaxed);
    zn_resolver_free(ctx->resolver);
    stop_loops(ctx);
    if (ctx->inproc_fini != NULL)
        ctx->inproc_fini(ctx);
    zn_map_fini(&ctx->inproc_names);
    zn_borrowers_free(ctx);
    zn_known_free(ctx);
    zn_spare_clear();
    zn_bulk_trim(true);
    zn_free(ctx);
    return 0;
}

/* ---- Options. */

static int set_cpu(struct zn_ctx *ctx, int cpu, bool add)
{
    if (cpu < 0 || cpu >= ZN_CPUS_MAX * 8)
        return -EINVAL;
    uint8_t bit = (uint8_t)(1u << (cpu % 8));
    if (!add && !(ctx->cpus[cpu / 8] & bit))
        return -EINVAL;
    if (add)
        ctx->cpus[cpu / 8] |= bit;
    else
        ctx->cpus[cpu / 8] &= (uint8_t)~bit;
    ctx->has_cpus = false;
    for (size_t i = 0; i < sizeof ctx->cpus; i++)
        ctx->has_cpus |= ctx->cpus[i] != 0;
    return 0;
}

static int set_prefix(struct zn_ctx *ctx, const void *value, size_t size)
{
    if (size == sizeof(int)) {
        int number;
        memcpy(&number, value, sizeof number);
        snprintf(ctx->name_prefix, sizeof ctx->name_prefix, "%d", number);
        return 0;
    }
    if (size < 1 || size > 16)
        return -EINVAL;
    memcpy(ctx->name_prefix, value, size);
    ctx->name_prefix[size] = '\0';
    return 0;
}

/* Plain ints: where they are kept, and the least that is taken. */
static int *plain(struct zn_ctx *ctx, int option, bool set, int *least)
{
    *least = 0;
    switch (option) {
    case ZMQ_IO_THREADS:
        return &ctx->io_threads;
    case ZMQ_MAX_SOCKETS:
        *least = 1;
        return &ctx->max_sockets;
    case ZMQ_THREAD_PRIORITY:
        return set ? &ctx->priority : NULL;
    case ZMQ_THREAD_SCHED_POLICY:
        return &ctx->policy;
    case ZMQ_MAX_MSGSZ:
        return &ctx->max_msgsz;
    case ZMQ_ZERO_COPY_RECV:
        return &ctx->zero_copy;
    case ZMQ_IPV6:
        return &ctx->ipv6;
    case ZMQ_BLOCKY:
        return &ctx->blocky;
    default:
        return NULL;
    }
}

static bool is_flag(int option)
{
    return option == ZMQ_ZERO_COPY_RECV || option == ZMQ_IPV6 || option == ZMQ_BLOCKY;
}

static int set_locked(struct zn_ctx *ctx, int option, const void *value, size_t size)
{
    if (option == ZMQ_THREAD_NAME_PREFIX)
        return set_prefix(ctx, value, size);
    int v, least;
    if (size != sizeof v)
        return -EINVAL;
    memcpy(&v, value, sizeof v);
    if (option == ZMQ_THREAD_AFFINITY_CPU_ADD || option == ZMQ_THREAD_AFFINITY_CPU_REMOVE)
        return set_cpu(ctx, v, option == ZMQ_THREAD_AFFINITY_CPU_ADD);
    int *place = plain(ctx, option, true, &least);
    if (place == NULL || v < least)
        return -EINVAL;
    *place = is_flag(option) ? v != 0 : v;
    return 0;
}

int zn_ctx_set(struct zn_ctx *ctx, int option, const void *value, size_t size)
{
    if (value == NULL)
        return -EINVAL;
    if (is_inherited(ctx))
        return -ETERM;
    zn_lock(&ctx->lock);
    int rc = set_locked(ctx, option, value, size);
    zn_unlock(&ctx->lock);
    return rc;
}

static int get_locked(struct zn_ctx *ctx, int option, void *value, size_t *size)
{
    int v, least;
    if (option == ZMQ_THREAD_NAME_PREFIX) {
        size_t len = strlen(ctx->name_prefix);
        if (*size < len)
            return -EINVAL;
        memcpy(value, ctx->name_prefix, len);
        *size = len;
        return 0;
    }
    if (option == ZMQ_SOCKET_LIMIT) {
        v = SOCKET_LIMIT;
    } else if (option == ZMQ_MSG_T_SIZE) {
        v = (int)sizeof(zmq_msg_t);
    } else {
        int *place = plain(ctx, option, false, &least);
        if (place == NULL)
            return -EINVAL;
        v = *place;
    }
    if (*size != sizeof v)
        return -EINVAL;
    memcpy(value, &v, sizeof v);
    return 0;
}

int zn_ctx_get(struct zn_ctx *ctx, int option, void *value, size_t *size)
{
    if (value == NULL || size == NULL)
        return -EINVAL;
    if (is_inherited(ctx))
        return -ETERM;
    zn_lock(&ctx->lock);
    int rc = get_locked(ctx, option, value, size);
    zn_unlock(&ctx->lock);
    return rc;
}

/* core/handle.c - what the application holds of a socket. Handles come from slabs that are
 * never given back, and are used again in the order in which they were freed, so that the
 * use of a closed socket is seen and not a crash. */
#include "core/handle.h"

#include "core/ctx.h"

static struct {
    struct zn_lock lock;
    struct zn_handle *first, **last;
    size_t count;
    void *slabs;                         /* so that leak checkers see them held */
    bool watched;                        /* for forks */
} pool;

enum { SLAB = 63 };

struct slab {
    void *next;
    char pad[ZN_CACHE_LINE - sizeof(void *)];
    struct zn_handle handles[SLAB];
};

/* A few free handles are kept back, so that one is not used again at once. */
enum { KEEP = 32 };

static void put(struct zn_handle *h)
{
    h->next = NULL;
    if (pool.last == NULL)
        pool.last = &pool.first;
    *pool.last = h;
    pool.last = &h->next;
    pool.count++;
}

/* In a forked child: some thread of the parent may have been at it. */
static void forget(void)
{
    pool.lock = (struct zn_lock){ 0 };
    pool.first = NULL;
    pool.last = NULL;
    pool.count = 0;
}

static int grow(void)
{
    struct slab *slab = zn_zalloc_lines(sizeof *slab);
    if (slab == NULL)
        return -ENOMEM;
    slab->next = pool.slabs;
    pool.slabs = slab;
    for (int i = 0; i < SLAB; i++)
        put(&slab->handles[i]);
    return 0;
}

struct zn_handle *zn_handle_new(struct zn_socket *s)
{
    struct zn_handle *h = NULL;
    zn_lock(&pool.lock);
    if (!pool.watched)
        zn_when_forked(forget);
    pool.watched = true;
    if (pool.count > KEEP || grow() == 0) {
        h = pool.first;
        pool.first = h->next;
        if (pool.first == NULL)
            pool.last = &pool.first;
        pool.count--;
    }
    zn_unlock(&pool.lock);
    if (h != NULL) {
        h->socket = s;
        h->stamp = zn_process_stamp();
        atomic_store_explicit(&h->tag, ZN_HANDLE_OPEN, memory_order_release);
    }
    return h;
}

void zn_handle_free(struct zn_handle *h)
{
    /* A caller who came too late may be looking at the socket, under the lock. */
    zn_gate_enter(&h->lock);
    h->socket = NULL;
    while (zn_gate_leave(&h->lock))
        ;
    zn_lock(&pool.lock);
    put(h);
    zn_unlock(&pool.lock);
}

/* core/spare.c - see spare.h. A stack: what was freed last is still in the caches. */
#include "core/spare.h"

#include "platform/platform.h"

enum { PLACES = 64 };
#define LIVE (400 * ZN_MS)

static struct {
    struct zn_lock lock;
    struct zn_content *places[PLACES];
    int count;
    size_t bytes;
    _Atomic uint64_t live_until;         /* zn_now() */
} store;

void zn_spare_live(void)
{
    atomic_store_explicit(&store.live_until, zn_now() + LIVE, memory_order_relaxed);
}

static bool is_live(void)
{
    uint64_t until = atomic_load_explicit(&store.live_until, memory_order_relaxed);
    return until != 0 && zn_now() < until;
}

bool zn_spare_keep(struct zn_content *c)
{
    if (c->size < ZN_SPARE_MIN || c->size > ZN_SPARE_BYTES || !is_live() ||
        !zn_lock_try(&store.lock))
        return false;
    bool room = store.count < PLACES && store.bytes + c->size <= ZN_SPARE_BYTES;
    if (room) {
        store.places[store.count++] = c;
        store.bytes += c->size;
    }
    zn_unlock(&store.lock);
    return room;
}

struct zn_content *zn_spare_take(size_t size)
{
    struct zn_content *c = NULL;
    if (atomic_load_explicit(&store.live_until, memory_order_relaxed) == 0 ||
        !zn_lock_try(&store.lock))
        return NULL;
    for (int i = store.count; i-- > 0;) {
        size_t has = store.places[i]->size;
        if (has < size || has / 4 > size / 3)
            continue;
        c = store.places[i];
        store.places[i] = store.places[--store.count];
        store.bytes -= has;
        break;
    }
    zn_unlock(&store.lock);
    return c;
}

void zn_spare_clear(void)
{
    struct zn_content *gone[PLACES];
    if (!zn_lock_try(&store.lock))
        return;
    atomic_store_explicit(&store.live_until, 0, memory_order_relaxed);
    int count = store.count;
    memcpy(gone, store.places, (size_t)count * sizeof gone[0]);
    store.count = 0;
    store.bytes = 0;
    zn_unlock(&store.lock);
    while (count-- > 0)
        zn_content_forget(gone[count]);
}

void zn_spare_expire(void)
{
    if (!is_live())
        zn_spare_clear();
}

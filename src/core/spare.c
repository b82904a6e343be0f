/* core/spare.c - see spare.h. The newest one that fits is taken: it may still be in a cache. */
#include "core/spare.h"

#include "base/alloc.h"

enum { KEPT_MAX = 16 };

static struct {
    _Atomic bool busy;                   /* a forked child may find it so for ever */
    _Atomic size_t bytes;
    unsigned count;
    struct zn_content *kept[KEPT_MAX];   /* oldest first */
} spare;

static bool enter(void)
{
    return !atomic_load_explicit(&spare.busy, memory_order_relaxed) &&
           !atomic_exchange_explicit(&spare.busy, true, memory_order_acquire);
}

static void leave(void)
{
    atomic_store_explicit(&spare.busy, false, memory_order_release);
}

static struct zn_content *take_out(unsigned i)
{
    struct zn_content *c = spare.kept[i];
    spare.count--;
    memmove(spare.kept + i, spare.kept + i + 1, (spare.count - i) * sizeof c);
    size_t bytes = atomic_load_explicit(&spare.bytes, memory_order_relaxed);
    atomic_store_explicit(&spare.bytes, bytes - c->cap, memory_order_relaxed);
    return c;
}

struct zn_content *zn_spare_take(size_t cap)
{
    struct zn_content *c = NULL;
    if (!zn_spare_is_kept() || !enter())
        return NULL;
    for (unsigned i = spare.count; i-- > 0 && c == NULL;)
        if (spare.kept[i]->cap >= cap && spare.kept[i]->cap - cap <= cap / 4)
            c = take_out(i);
    leave();
    return c;
}

bool zn_spare_give(struct zn_content *c)
{
    struct zn_content *old[KEPT_MAX];
    unsigned count = 0;
    if (c->cap > ZN_SPARE_BYTES || !enter())
        return false;
    while (spare.count == KEPT_MAX ||
           atomic_load_explicit(&spare.bytes, memory_order_relaxed) + c->cap >
               ZN_SPARE_BYTES)
        old[count++] = take_out(0);
    spare.kept[spare.count++] = c;
    size_t bytes = atomic_load_explicit(&spare.bytes, memory_order_relaxed);
    atomic_store_explicit(&spare.bytes, bytes + c->cap, memory_order_relaxed);
    leave();
    while (count > 0)
        zn_free(old[--count]);
    return true;
}

bool zn_spare_is_kept(void)
{
    return atomic_load_explicit(&spare.bytes, memory_order_relaxed) > 0;
}

void zn_spare_trim(void)
{
    struct zn_content *old[KEPT_MAX];
    unsigned count = 0;
    if (!zn_spare_is_kept() || !enter())
        return;
    while (spare.count > 0)
        old[count++] = take_out(spare.count - 1);
    leave();
    while (count > 0)
        zn_free(old[--count]);
}

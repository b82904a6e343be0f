/* core/bulk.c - see bulk.h. In a slab memory is taken in units of 1 KiB, first fit, so that
 * what is free gathers at its end; a bit for each unit says whether it is taken. */
#include "core/bulk.h"

#include "platform/platform.h"

enum { UNIT = 1024, UNITS = 32 * 1024, WORDS = UNITS / 64, SLABS = 64 };
#define SLAB_SIZE ((size_t)UNIT * UNITS)
#define LARGE_PAGES (SLAB_SIZE / ZN_LARGE_PAGE)
#define PAGE_WORDS (ZN_LARGE_PAGE / UNIT / 64)
/* What is larger has large pages of its own. */
#define LARGEST ((size_t)4 * 1024 * 1024 - 1)
/* So much in use at once is the heap's, until there is a slab: what keeps about as much in use
 * would have the heap give memory back and take it again all the time. */
#define HEAP_SHARE ((size_t)1024 * 1024)
#define RECENT (400 * ZN_MS)

struct slab {
    uint8_t *base;
    uint32_t used;                       /* units */
    uint32_t lowest;                     /* what lies before it is taken */
    uint32_t too_many;                   /* there is no room for so many in one piece */
    uint32_t present;                    /* a bit for each large page that has memory */
    uint64_t taken[WORDS];
};

static struct {
    struct zn_lock lock;
    struct slab *slabs[SLABS];
    _Atomic int count;
    uint64_t last_taken;                 /* zn_now() */
    _Atomic uint32_t owner;              /* its process's stamp; 0: nobody's yet */
    _Atomic size_t in_use;               /* bytes of what is counted here, heap and all */
} pool;

static bool is_counted(size_t size)
{
    return size >= ZN_BULK_MIN && size <= LARGEST;
}

static uint32_t units_of(size_t size)
{
    return (uint32_t)((size + UNIT - 1) / UNIT);
}

/* False in a forked child that has inherited a pool: somebody may have been at it. */
static bool is_ours(void)
{
    uint32_t owner = atomic_load_explicit(&pool.owner, memory_order_relaxed);
    if (ZN_UNLIKELY(owner == 0)) {
        zn_watch_forks();
        uint32_t me = zn_process_stamp();
        if (atomic_compare_exchange_strong(&pool.owner, &owner, me))
            return true;
    }
    return owner == zn_process_stamp();
}

/* ---- One slab, under the lock. */

/* The first unit from `at` on that is taken, or is free; UNITS: there is none. */
static uint32_t next_unit(const struct slab *s, uint32_t at, bool taken)
{
    while (at < UNITS) {
        uint64_t word = taken ? s->taken[at / 64] : ~s->taken[at / 64];
        word &= UINT64_MAX << at % 64;
        if (word != 0)
            return at / 64 * 64 + zn_lowest_bit(word);
        at = (at / 64 + 1) * 64;
    }
    return UNITS;
}

/* Where n units are free, or -1. */
static int32_t find(struct slab *s, uint32_t n)
{
    s->lowest = next_unit(s, s->lowest, false);
    for (uint32_t at = s->lowest; at < UNITS;) {
        uint32_t end = next_unit(s, at, true);
        if (end - at >= n)
            return (int32_t)at;
        at = next_unit(s, end, false);
    }
    return -1;
}

static void mark(struct slab *s, uint32_t at, uint32_t n, bool taken)
{
    s->used = taken ? s->used + n : s->used - n;
    while (n > 0) {
        uint32_t in_word = ZN_MIN(64 - at % 64, n);
        uint64_t bits = UINT64_MAX >> (64 - in_word) << at % 64;
        if (taken)
            s->taken[at / 64] |= bits;
        else
            s->taken[at / 64] &= ~bits;
        at += in_word;
        n -= in_word;
    }
}

/* Counts the large pages under these bytes among those present. True if one was not. */
static bool make_present(struct slab *s, size_t from, size_t size)
{
    uint32_t before = s->present;
    for (size_t page = from / ZN_LARGE_PAGE; page * ZN_LARGE_PAGE < from + size; page++)
        s->present |= 1u << page;
    return s->present != before;
}

static bool is_free(const struct slab *s, size_t page)
{
    for (size_t i = 0; i < PAGE_WORDS; i++)
        if (s->taken[page * PAGE_WORDS + i] != 0)
            return false;
    return true;
}

static void *take(struct slab *s, uint32_t n, bool *fresh)
{
    if (n >= s->too_many)
        return NULL;
    int32_t at = find(s, n);
    if (at < 0) {
        s->too_many = n;
        return NULL;
    }
    mark(s, (uint32_t)at, n, true);
    *fresh = make_present(s, (size_t)at * UNIT, (size_t)n * UNIT);
    return s->base + (size_t)at * UNIT;
}

/* ---- All of them. */

static struct slab *add_slab(void)
{
    int count = atomic_load_explicit(&pool.count, memory_order_relaxed);
    if (count == SLABS)
        return NULL;
    struct slab *s = zn_zalloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->base = zn_pages_map(SLAB_SIZE);
    s->too_many = UNITS + 1;
    if (s->base == NULL) {
        zn_free(s);
        return NULL;
    }
    pool.slabs[count] = s;
    atomic_store_explicit(&pool.count, count + 1, memory_order_release);
    return s;
}

static void free_slab(struct slab *s)
{
    zn_pages_unmap(s->base, SLAB_SIZE);
    zn_free(s);
}

/* Under the lock; or in a forked child, where nothing changes any more. */
static int find_slab(const void *p)
{
    int count = atomic_load_explicit(&pool.count, memory_order_acquire);
    uintptr_t at = (uintptr_t)p;
    for (int i = 0; i < count; i++)
        if (at - (uintptr_t)pool.slabs[i]->base < SLAB_SIZE)
            return i;
    return -1;
}

static void *take_from_pool(size_t size)
{
    uint32_t n = units_of(size);
    bool fresh = false;
    void *p = NULL;
    zn_lock(&pool.lock);
    int count = atomic_load_explicit(&pool.count, memory_order_relaxed);
    for (int i = 0; p == NULL && i < count; i++)
        p = take(pool.slabs[i], n, &fresh);
    struct slab *s = p == NULL ? add_slab() : NULL;
    if (s != NULL)
        p = take(s, n, &fresh);
    pool.last_taken = zn_now();
    zn_unlock(&pool.lock);
    if (p == NULL)
        return NULL;
    zn_memory_allow(p, (size_t)n * UNIT);
    if (fresh)
        zn_pages_populate(p, (size_t)n * UNIT);
    return p;
}

/* Takes slab i out of the pool. -1: none. */
static struct slab *remove_slab(int i)
{
    if (i < 0)
        return NULL;
    int last = atomic_load_explicit(&pool.count, memory_order_relaxed) - 1;
    struct slab *s = pool.slabs[i];
    pool.slabs[i] = pool.slabs[last];
    atomic_store_explicit(&pool.count, last, memory_order_release);
    return s;
}

static bool is_recent(void)
{
    return pool.last_taken + RECENT > zn_now();
}

/* One that is empty, other than slab i; -1: there is none. */
static int other_empty(int i)
{
    for (int k = atomic_load_explicit(&pool.count, memory_order_relaxed); k-- > 0;)
        if (k != i && pool.slabs[k]->used == 0)
            return k;
    return -1;
}

/* False: it is not from here. */
static bool give_to_pool(void *p, size_t size)
{
    if (atomic_load_explicit(&pool.count, memory_order_acquire) == 0)
        return false;
    if (!is_ours())
        return find_slab(p) >= 0;
    struct slab *gone = NULL;
    zn_lock(&pool.lock);
    int i = find_slab(p);
    if (i >= 0) {
        struct slab *s = pool.slabs[i];
        uint32_t n = units_of(size);
        zn_memory_forbid(p, (size_t)n * UNIT);
        uint32_t at = (uint32_t)(((uint8_t *)p - s->base) / UNIT);
        mark(s, at, n, false);
        s->lowest = ZN_MIN(s->lowest, at);
        s->too_many = UNITS + 1;
        if (s->used == 0)
            gone = remove_slab(is_recent() ? other_empty(i) : i);
    }
    zn_unlock(&pool.lock);
    if (gone != NULL)
        free_slab(gone);
    return i >= 0;
}

void *zn_bulk_new_large(size_t size)
{
    if (!is_counted(size))
        return zn_alloc_huge(size);
    size_t before = atomic_fetch_add_explicit(&pool.in_use, size, memory_order_relaxed);
    bool pooled = before >= HEAP_SHARE ||
                  atomic_load_explicit(&pool.count, memory_order_relaxed) > 0;
    void *p = pooled && is_ours() ? take_from_pool(size) : NULL;
    if (p == NULL)
        p = zn_alloc(size);
    if (p == NULL)
        atomic_fetch_sub_explicit(&pool.in_use, size, memory_order_relaxed);
    return p;
}

void zn_bulk_free_large(void *p, size_t size)
{
    if (is_counted(size)) {
        atomic_fetch_sub_explicit(&pool.in_use, size, memory_order_relaxed);
        if (give_to_pool(p, size))
            return;
    }
    zn_free(p);
}

bool zn_bulk_is_in_slab(const void *p)
{
    if (atomic_load_explicit(&pool.count, memory_order_acquire) == 0)
        return false;
    if (!is_ours())
        return find_slab(p) >= 0;
    zn_lock(&pool.lock);
    int i = find_slab(p);
    zn_unlock(&pool.lock);
    return i >= 0;
}

void *zn_bulk_grow(void *p, size_t size, size_t larger)
{
    if (is_counted(size) && zn_bulk_is_in_slab(p)) {
        void *grown = zn_bulk_new(larger);
        if (grown == NULL)
            return NULL;
        memcpy(grown, p, size);
        zn_bulk_free(p, size);
        return grown;
    }
    void *grown = zn_realloc(p, larger);
    if (grown == NULL)
        return NULL;
    size_t before = is_counted(size) ? size : 0, now = is_counted(larger) ? larger : 0;
    atomic_fetch_add_explicit(&pool.in_use, now - before, memory_order_relaxed);
    return grown;
}

static void give_back_pages(struct slab *s)
{
    for (size_t page = 0; page < LARGE_PAGES; page++)
        if (s->present >> page & 1 && is_free(s, page)) {
            zn_pages_give_back(s->base + page * ZN_LARGE_PAGE, ZN_LARGE_PAGE);
            s->present &= ~(1u << page);
        }
}

void zn_bulk_trim(bool at_once)
{
    if (atomic_load_explicit(&pool.count, memory_order_relaxed) == 0 || !is_ours())
        return;
    zn_lock(&pool.lock);
    bool all = at_once || !is_recent();
    for (int i = atomic_load_explicit(&pool.count, memory_order_relaxed);
         all && i-- > 0;) {
        struct slab *s = pool.slabs[i];
        if (s->used == 0)
            free_slab(remove_slab(i));
        else
            give_back_pages(s);
    }
    zn_unlock(&pool.lock);
}

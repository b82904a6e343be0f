/* core/bulk.c - see bulk.h. In a slab memory is taken in units of 1 KiB, first fit, so that
 * what is free gathers at its end; a bit for each unit says whether it is taken.
 *
 * Who takes memory and who gives it back are often two threads, a sender and a receiver. Who
 * takes has the lock. Who gives back pushes what it has onto a list, without the lock, and who
 * takes marks all of that as free at once, now and then. */
#include "core/bulk.h"

#include "platform/platform.h"

enum { UNIT = 1024, UNITS = 32 * 1024, WORDS = UNITS / 64, SLABS = 64 };
#define SLAB_SIZE ((size_t)UNIT * UNITS)
#define LARGE_PAGES (SLAB_SIZE / ZN_LARGE_PAGE)
#define PAGE_WORDS (ZN_LARGE_PAGE / UNIT / 64)
/* What is larger has large pages of its own. */
#define LARGEST ((size_t)4 * 1024 * 1024 - 1)
/* The list is emptied once for so many that are taken, and for so many bytes that come back. */
#define TAKEN_TURN 16u
#define GIVEN_TURN ((size_t)1024 * 1024)
/* So much in use at once is the heap's, until there is a slab: what keeps about as much in use
 * would have the heap give memory back and take it again all the time. */
#define HEAP_SHARE ((size_t)1024 * 1024)
#define RECENT (400 * ZN_MS)

struct slab {
    uint8_t *base;
    struct slab *next;                   /* of those that are to be freed */
    uint32_t used;                       /* units */
    uint32_t lowest;                     /* what lies before it is taken */
    uint32_t too_many;                   /* there is no room for so many in one piece */
    uint32_t present;                    /* a bit for each large page that has memory */
    uint64_t taken[WORDS];
};

/* What somebody has given back begins with this. */
struct given {
    struct given *next;
    uint32_t units;
};

static struct {
    /* Who takes. */
    _Alignas(ZN_CACHE_LINE) struct zn_lock lock;
    uint32_t turn;                       /* how many were taken */
    uint64_t last_taken;                 /* zn_now(), or somewhat less */
    struct slab *slabs[SLABS];           /* one stays in its place for as long as it lives */
    /* Who gives back. */
    _Alignas(ZN_CACHE_LINE) _Atomic(struct given *) given;
    _Atomic size_t bytes_given;
    /* All. */
    _Alignas(ZN_CACHE_LINE) _Atomic(uint8_t *) bases[SLABS]; /* of the slabs */
    _Atomic int count;                   /* of them */
    _Atomic uint32_t owner;              /* its process's stamp; 0: nobody's yet */
    _Alignas(ZN_CACHE_LINE) _Atomic size_t
        bytes_taken; /* of what is counted, heap and all */
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

/* The large pages under these units, a bit for each. */
static uint32_t pages_of(uint32_t at, uint32_t n)
{
    uint32_t per_page = ZN_LARGE_PAGE / UNIT;
    uint32_t first = at / per_page, last = (at + n - 1) / per_page;
    return UINT32_MAX >> (31 - last) & UINT32_MAX << first;
}

static bool is_free(const struct slab *s, size_t page)
{
    for (size_t i = 0; i < PAGE_WORDS; i++)
        if (s->taken[page * PAGE_WORDS + i] != 0)
            return false;
    return true;
}

/* ---- All of them. */

/* At slot i, where there is none. NULL: no memory. */
static struct slab *add_slab(int i)
{
    struct slab *s = zn_zalloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->base = zn_pages_map(SLAB_SIZE);
    s->too_many = UNITS + 1;
    if (s->base == NULL) {
        zn_free(s);
        return NULL;
    }
    pool.slabs[i] = s;
    atomic_store_explicit(&pool.bases[i], s->base, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool.count, 1, memory_order_relaxed);
    return s;
}

/* Takes slab i out of the pool, and puts it before those that are to be freed. */
static void remove_slab(int i, struct slab **gone)
{
    struct slab *s = pool.slabs[i];
    pool.slabs[i] = NULL;
    atomic_store_explicit(&pool.bases[i], NULL, memory_order_relaxed);
    atomic_fetch_sub_explicit(&pool.count, 1, memory_order_relaxed);
    s->next = *gone;
    *gone = s;
}

static void free_slabs(struct slab *gone)
{
    while (gone != NULL) {
        struct slab *next = gone->next;
        zn_pages_unmap(gone->base, SLAB_SIZE);
        zn_free(gone);
        gone = next;
    }
}

static bool has_slabs(void)
{
    return atomic_load_explicit(&pool.count, memory_order_relaxed) > 0;
}

/* Which slab p is from, -1: none. Without the lock: whoever has p has its slab stay. */
static int slab_of(const void *p)
{
    uintptr_t at = (uintptr_t)p;
    if (at % UNIT != 0 || !has_slabs())
        return -1;
    for (int i = 0; i < SLABS; i++) {
        const uint8_t *base = atomic_load_explicit(&pool.bases[i], memory_order_relaxed);
        if (base != NULL && at - (uintptr_t)base < SLAB_SIZE)
            return i;
    }
    return -1;
}

/* ---- Giving back, under the lock. */

static bool is_recent(void)
{
    return pool.last_taken + RECENT > zn_now();
}

/* One that is empty, other than slab i; -1: there is none. */
static int other_empty(int i)
{
    for (int k = SLABS; k-- > 0;)
        if (k != i && pool.slabs[k] != NULL && pool.slabs[k]->used == 0)
            return k;
    return -1;
}

/* While there is traffic one that is empty stays. */
static void give(void *p, uint32_t n, struct slab **gone)
{
    int i = slab_of(p);
    struct slab *s = pool.slabs[i];
    zn_memory_forbid(p, (size_t)n * UNIT);
    uint32_t at = (uint32_t)(((uint8_t *)p - s->base) / UNIT);
    mark(s, at, n, false);
    s->lowest = ZN_MIN(s->lowest, at);
    s->too_many = UNITS + 1;
    if (s->used == 0) {
        int empty = is_recent() ? other_empty(i) : i;
        if (empty >= 0)
            remove_slab(empty, gone);
    }
}

/* All that was given back. False: nothing was. */
static bool gather(struct slab **gone)
{
    struct given *g = atomic_exchange_explicit(&pool.given, NULL, memory_order_acquire);
    bool any = g != NULL;
    while (g != NULL) {
        struct given *next = g->next;
        give(g, g->units, gone);
        g = next;
    }
    return any;
}

/* ---- Taking, under the lock. */

struct place {
    struct slab *slab;
    uint32_t at, n;                      /* units */
};

static bool find_in(struct slab *s, struct place *place)
{
    if (place->n >= s->too_many)
        return false;
    int32_t at = find(s, place->n);
    if (at < 0) {
        s->too_many = place->n;
        return false;
    }
    place->slab = s;
    place->at = (uint32_t)at;
    return true;
}

static bool find_anywhere(struct place *place)
{
    for (int i = 0; i < SLABS; i++)
        if (pool.slabs[i] != NULL && find_in(pool.slabs[i], place))
            return true;
    return false;
}

static bool find_in_new_slab(struct place *place)
{
    for (int i = 0; i < SLABS; i++)
        if (pool.slabs[i] == NULL) {
            struct slab *s = add_slab(i);
            return s != NULL && find_in(s, place);
        }
    return false;
}

static bool is_present(const struct place *place)
{
    return (pages_of(place->at, place->n) & ~place->slab->present) == 0;
}

/* Before more of the system's memory is used all that was given back is. */
static bool find_place(struct place *place, struct slab **gone)
{
    if (find_anywhere(place) && is_present(place))
        return true;
    if (gather(gone) || place->slab == NULL)
        return find_anywhere(place) || find_in_new_slab(place);
    return true;
}

static void *take_from_pool(size_t size)
{
    struct place place = { NULL, 0, units_of(size) };
    size_t bytes = (size_t)place.n * UNIT;
    struct slab *gone = NULL;
    void *p = NULL;
    bool fresh = false;

    zn_lock(&pool.lock);
    if (pool.turn++ % TAKEN_TURN == 0) {
        pool.last_taken = zn_now();
        gather(&gone);
    }
    if (find_place(&place, &gone)) {
        mark(place.slab, place.at, place.n, true);
        fresh = !is_present(&place);
        place.slab->present |= pages_of(place.at, place.n);
        p = place.slab->base + (size_t)place.at * UNIT;
    }
    zn_unlock(&pool.lock);

    free_slabs(gone);
    if (p == NULL)
        return NULL;
    zn_memory_allow(p, bytes);
    if (fresh)
        zn_pages_populate(p, bytes);
    return p;
}

/* ---- The calls. */

/* Once there are slabs, who takes does not look at what others have given back. */
static bool is_much(size_t taken)
{
    size_t in_use = taken - atomic_load_explicit(&pool.bytes_given, memory_order_relaxed);
    return in_use >= HEAP_SHARE && in_use <= PTRDIFF_MAX;    /* others may be ahead */
}

void *zn_bulk_new_large(size_t size)
{
    if (!is_counted(size))
        return zn_alloc_huge(size);
    size_t taken =
        atomic_fetch_add_explicit(&pool.bytes_taken, size, memory_order_relaxed);
    void *p = NULL;
    if ((has_slabs() || is_much(taken)) && is_ours())
        p = take_from_pool(size);
    if (p == NULL)
        p = zn_alloc(size);
    if (p == NULL)
        atomic_fetch_sub_explicit(&pool.bytes_taken, size, memory_order_relaxed);
    return p;
}

static void put_on_list(void *p, size_t size)
{
    struct given *g = p;
    g->units = units_of(size);
    zn_memory_forbid(g + 1, (size_t)g->units * UNIT - sizeof *g);
    g->next = atomic_load_explicit(&pool.given, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &pool.given, &g->next, g, memory_order_release, memory_order_relaxed))
        ;
}

/* Unless somebody has the lock, who may do it himself. */
static void gather_if_free(void)
{
    struct slab *gone = NULL;
    if (!zn_lock_try(&pool.lock))
        return;
    gather(&gone);
    zn_unlock(&pool.lock);
    free_slabs(gone);
}

void zn_bulk_free_large(void *p, size_t size)
{
    if (!is_counted(size)) {
        zn_free(p);
        return;
    }
    size_t before =
        atomic_fetch_add_explicit(&pool.bytes_given, size, memory_order_relaxed);
    if (slab_of(p) < 0) {
        zn_free(p);
    } else if (is_ours()) {
        put_on_list(p, size);
        if (before / GIVEN_TURN != (before + size) / GIVEN_TURN)
            gather_if_free();
    }
}

bool zn_bulk_is_in_slab(const void *p)
{
    return slab_of(p) >= 0;
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
    atomic_fetch_add_explicit(&pool.bytes_taken, now - before, memory_order_relaxed);
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
    if (!has_slabs() || !is_ours())
        return;
    struct slab *gone = NULL;
    zn_lock(&pool.lock);
    gather(&gone);
    bool all = at_once || !is_recent();
    for (int i = 0; all && i < SLABS; i++) {
        if (pool.slabs[i] == NULL)
            continue;
        if (pool.slabs[i]->used == 0)
            remove_slab(i, &gone);
        else
            give_back_pages(pool.slabs[i]);
    }
    zn_unlock(&pool.lock);
    free_slabs(gone);
}

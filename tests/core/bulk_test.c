/* tests/core/bulk_test.c - memory of chunks and contents: from the heap while there is little,
 * from slabs when there is much. */
#define _DEFAULT_SOURCE
#include "core/bulk.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

#include "tests/faults.h"
#include "tests/test.h"

/* The heap has 1 MiB, a slab 32: there are two of them. */
enum { PAGE = 4096, MANY = 600, FEW = 16, IN_FIRST = 100, SOON = 32 };
#define SIZE ((size_t)64 * 1024)

struct block {
    uint8_t *p;
    size_t size;
};

/* Its bytes tell which one it is. */
static void fill(struct block *b, size_t size)
{
    b->size = size;
    b->p = zn_bulk_new(size);
    CHECK(b->p != NULL);
    memset(b->p, (int)((uintptr_t)b->p / PAGE % 251), size);
}

static void check(const struct block *b)
{
    uint8_t want = (uint8_t)((uintptr_t)b->p / PAGE % 251);
    for (size_t i = 0; i < b->size; i += 509)
        if (b->p[i] != want)
            CHECK(false, "byte %zu of %zu at %p", i, b->size, (void *)b->p);
}

static void drop(struct block *b)
{
    check(b);
    zn_bulk_free(b->p, b->size);
    b->p = NULL;
}

static bool is_in_slab(const struct block *b)
{
    return zn_bulk_is_in_slab(b->p);
}

static void *page_of(const void *p)
{
    return (void *)((uintptr_t)p & ~(uintptr_t)(PAGE - 1));
}

/* Whether the page at p is the process's, and whether there is memory for it. */
static bool is_mapped(const void *p)
{
    unsigned char in_core;
    return mincore(page_of(p), PAGE, &in_core) == 0;
}

static bool is_present(const void *p)
{
    unsigned char in_core = 0;
    return mincore(page_of(p), PAGE, &in_core) == 0 && in_core & 1;
}

static struct block many[MANY];

static void fill_many(void)
{
    for (int i = 0; i < MANY; i++)
        fill(&many[i], SIZE);
}

static void drop_many(void)
{
    for (int i = 0; i < MANY; i++)
        drop(&many[i]);
}

TEST(bulk_is_the_heaps_while_there_is_little)
{
    for (int i = 0; i < 100; i++) {
        fill(&many[0], SIZE);
        CHECK(!is_in_slab(&many[0]));
        drop(&many[0]);
    }
}

TEST(bulk_comes_from_slabs_when_there_is_much)
{
    fill_many();
    int in_slab = 0;
    for (int i = 0; i < MANY; i++)
        in_slab += is_in_slab(&many[i]);
    CHECK(in_slab > MANY / 2, "%d of %d", in_slab, MANY);
    drop_many();
    zn_bulk_trim(true);
}

TEST(bulk_of_all_sizes_keeps_its_bytes)
{
    static const size_t sizes[] = { 1,       4095,    4096,          4144,
                                    32768,   65012,   65536,         65584,
                                    1 << 20, 3 << 20, (4 << 20) - 1, 4 << 20,
                                    5 << 20 };
    static struct block blocks[400];
    uint32_t random = 1;

    memset(blocks, 0, sizeof blocks);
    for (int i = 0; i < 4000; i++) {
        random = random * 1664525u + 1013904223u;
        struct block *b = &blocks[(random >> 8) % ZN_COUNT(blocks)];
        if (b->p != NULL)
            drop(b);
        else if (i < 2000)
            fill(b, sizes[(random >> 20) % (i % 20 == 0 ? ZN_COUNT(sizes) : 7)]);
    }
    for (size_t i = 0; i < ZN_COUNT(blocks); i++)
        if (blocks[i].p != NULL)
            drop(&blocks[i]);
    zn_bulk_trim(true);
}

TEST(bulk_that_was_freed_is_used_again)
{
    fill_many();
    struct block *b = &many[MANY - 1];
    CHECK(is_in_slab(b));
    uint8_t *was = b->p;
    struct block next[SOON];
    bool again = false;
    drop(b);
    for (int i = 0; i < SOON; i++) {
        fill(&next[i], SIZE);
        again = again || next[i].p == was;
    }
    CHECK(again);
    for (int i = 0; i < SOON; i++)
        drop(&next[i]);
    fill(b, SIZE);
    drop_many();
    zn_bulk_trim(true);
}

TEST(bulk_that_is_empty_goes_back_to_the_system)
{
    fill_many();
    uint8_t *p = many[MANY - 1].p;
    CHECK(is_in_slab(&many[MANY - 1]));
    drop_many();
    zn_bulk_trim(true);
    CHECK(!is_mapped(p));
}

/* Of four slabs at most two stay: one that is empty, and one with what came last. */
TEST(bulk_goes_back_though_nobody_takes_any)
{
    enum { IN_SLAB = 512, ALL = 3 * IN_SLAB + 100 };
    static struct block blocks[ALL];
    static uint8_t *was[ALL];

    for (int i = 0; i < ALL; i++) {
        fill(&blocks[i], SIZE);
        was[i] = blocks[i].p;
    }
    for (int i = 0; i < ALL; i++)
        drop(&blocks[i]);
    int mapped = 0;
    for (int i = FEW; i < ALL; i++)
        mapped += is_mapped(was[i]);
    CHECK(mapped <= 2 * IN_SLAB, "%d of %d", mapped, ALL);
    zn_bulk_trim(true);
}

/* The middle of a slab is freed: it keeps its addresses, and loses its memory. */
TEST(bulk_pages_that_nobody_has_go_back_to_the_system)
{
    fill_many();
    struct block kept = many[IN_FIRST];
    uint8_t *later = kept.p + 4 * ZN_LARGE_PAGE;
    CHECK(is_in_slab(&kept));
    CHECK(is_present(later));
    for (int i = 0; i < MANY; i++)
        if (i != IN_FIRST)
            drop(&many[i]);
    zn_bulk_trim(true);
    CHECK(is_mapped(later));
    CHECK(!is_present(later));
    fill_many();                         /* it is used again */
    CHECK(is_present(later));
    drop_many();
    drop(&kept);
    zn_bulk_trim(true);
    CHECK(!is_mapped(later));
}

TEST(bulk_grows_with_its_bytes)
{
    fill_many();
    for (int i = 0; i < 8; i++) {
        struct block *b = &many[i * (MANY / 8)];
        size_t size = b->size;
        uint8_t first = b->p[0];
        for (size_t larger = SIZE * 2; larger <= 8 * 1024 * 1024; larger *= 4) {
            uint8_t *p = zn_bulk_grow(b->p, b->size, larger);
            CHECK(p != NULL);
            *b = (struct block){ p, larger };
            CHECK_EQ(p[0], first);
            CHECK_EQ(p[size - 1], first);
        }
        zn_bulk_free(b->p, b->size);
        fill(b, SIZE);
    }
    drop_many();
    zn_bulk_trim(true);
}

TEST(bulk_without_memory_for_slabs_is_the_heaps)
{
    for (int i = 0; i < FEW; i++)
        fill(&many[i], SIZE);
    struct block *next = &many[FEW];
    for (uint64_t n = 1;; n++) {
        faults_arm(ZN_FAULT_ALLOC, n);
        fill(next, SIZE);
        faults_disarm();
        bool in_slab = is_in_slab(next), struck = faults_struck() > 0;
        CHECK_EQ(in_slab, !struck, "%s", faults_site());
        drop(next);
        if (!struck)
            break;
    }
    faults_arm_from(ZN_FAULT_ALLOC, 1);
    zn_bulk_trim(true);
    CHECK(zn_bulk_new(SIZE) == NULL);
    faults_disarm();
    for (int i = 0; i < FEW; i++)
        drop(&many[i]);
    zn_bulk_trim(true);
}

/* A child frees what it inherited, and has memory of its own. */
TEST(bulk_serves_a_forked_child)
{
    fill_many();
    pid_t child = fork();
    if (child == 0) {
        drop_many();
        fill_many();
        bool ok = true;
        for (int i = 0; i < MANY; i++)
            ok = ok && !is_in_slab(&many[i]);
        drop_many();
        zn_bulk_trim(true);
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    drop_many();
    zn_bulk_trim(true);
}

static void *come_and_go(void *arg)
{
    uint32_t random = (uint32_t)(uintptr_t)arg;
    struct block own[40];

    memset(own, 0, sizeof own);
    for (int i = 0; i < 2000; i++) {
        random = random * 1664525u + 1013904223u;
        struct block *b = &own[(random >> 8) % ZN_COUNT(own)];
        if (b->p != NULL)
            drop(b);
        else
            fill(b, ZN_BULK_MIN + (random >> 20) % 8 * 22000);
        if (i % 100 == 0)
            zn_bulk_trim(i % 200 == 0);
    }
    for (size_t i = 0; i < ZN_COUNT(own); i++)
        if (own[i].p != NULL)
            drop(&own[i]);
    return NULL;
}

TEST(bulk_serves_many_threads)
{
    pthread_t threads[4];

    for (size_t i = 0; i < ZN_COUNT(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)), 0);
    for (size_t i = 0; i < ZN_COUNT(threads); i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    zn_bulk_trim(true);
}

/* ---- One thread takes, another gives back. */

enum { ON_WAY = 64, SENT = 20000 };
static _Atomic(struct block *) way[ON_WAY];

static void *send_blocks(void *arg)
{
    static struct block blocks[ON_WAY * 2];
    (void)arg;
    for (int i = 0; i < SENT; i++) {
        struct block *b = &blocks[i % (ON_WAY * 2)];
        fill(b, ZN_BULK_MIN + (size_t)(i % 7) * 11000);
        while (atomic_load(&way[i % ON_WAY]) != NULL)
            sched_yield();
        atomic_store(&way[i % ON_WAY], b);
    }
    return NULL;
}

TEST(bulk_goes_from_thread_to_thread)
{
    pthread_t sender;

    fill_many();                         /* so that there are slabs */
    CHECK_EQ(pthread_create(&sender, NULL, send_blocks, NULL), 0);
    for (int i = 0; i < SENT; i++) {
        struct block *b;
        while ((b = atomic_load(&way[i % ON_WAY])) == NULL)
            sched_yield();
        struct block mine = *b;
        atomic_store(&way[i % ON_WAY], NULL);
        drop(&mine);
    }
    CHECK_EQ(pthread_join(sender, NULL), 0);
    uint8_t *p = many[MANY - 1].p;
    drop_many();
    zn_bulk_trim(true);
    CHECK(!is_mapped(p));
}

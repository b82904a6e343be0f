/* platform/posix/memory.c - the C library's heap, and the place where tests make it
 * fail. */
#include "platform/platform.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *zn_alloc(size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "alloc"))
        return NULL;
    return malloc(size);
}

void *zn_zalloc(size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "zalloc"))
        return NULL;
    return calloc(1, size);
}

void *zn_realloc(void *p, size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "realloc"))
        return NULL;
    return realloc(p, size);
}

void zn_free(void *p)
{
    free(p);
}

void *zn_alloc_huge(size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "alloc_huge"))
        return NULL;
#ifdef MADV_HUGEPAGE
    void *p = NULL;
    if (posix_memalign(&p, ZN_LARGE_PAGE, size) != 0)
        return NULL;
    madvise(p, size & ~(ZN_LARGE_PAGE - 1), MADV_HUGEPAGE);
    return p;
#else
    return malloc(size);
#endif
}

void zn_pages_populate(void *p, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)p + size) & ~(page - 1);
    if (from < to)
        madvise((void *)from, to - from, MADV_POPULATE_WRITE);
#else
    (void)p, (void)size;
#endif
}

/* Of a mapping that is a large page longer, the part that begins one. */
void *zn_pages_map(size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "pages_map"))
        return NULL;
#ifdef MADV_HUGEPAGE
    uint8_t *all = mmap(NULL, size + ZN_LARGE_PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    size_t before = (0 - (uintptr_t)all) & (ZN_LARGE_PAGE - 1);
    if (before > 0)
        munmap(all, before);
    munmap(all + before + size, ZN_LARGE_PAGE - before);
    madvise(all + before, size, MADV_HUGEPAGE);
    return all + before;
#else
    (void)size;
    return NULL;
#endif
}

void zn_pages_unmap(void *p, size_t size)
{
    zn_memory_allow(p, size);
    munmap(p, size);
}

void zn_pages_give_back(void *p, size_t size)
{
    madvise(p, size, MADV_DONTNEED);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
void zn_memory_forbid(void *p, size_t size)
{
    ASAN_POISON_MEMORY_REGION(p, size);
}
void zn_memory_allow(void *p, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(p, size);
}
#else
void zn_memory_forbid(void *p, size_t size)
{
    (void)p, (void)size;
}
void zn_memory_allow(void *p, size_t size)
{
    (void)p, (void)size;
}
#endif

void *zn_zalloc_lines(size_t size)
{
    size = (size + ZN_CACHE_LINE - 1) & ~(size_t)(ZN_CACHE_LINE - 1);
    if (zn_fault(ZN_FAULT_ALLOC, "zalloc_lines"))
        return NULL;
    void *p = aligned_alloc(ZN_CACHE_LINE, size);
    if (p != NULL)
        memset(p, 0, size);
    return p;
}

void zn_free_lines(void *p)
{
    free(p);
}

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

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

void *zn_alloc_huge(size_t size)
{
    if (zn_fault(ZN_FAULT_ALLOC, "alloc_huge"))
        return NULL;
#ifdef MADV_HUGEPAGE
    void *p = NULL;
    if (posix_memalign(&p, HUGE_PAGE, size) != 0)
        return NULL;
    madvise(p, size & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
    return p;
#else
    return malloc(size);
#endif
}

#define PAGES_MIN ((size_t)32 * 1024)

void *zn_alloc_pages(size_t size)
{
    void *p = zn_alloc(size);
#ifdef MADV_POPULATE_WRITE
    if (p == NULL || size < PAGES_MIN)
        return p;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)p + size) & ~(page - 1);
    madvise((void *)from, to - from, MADV_POPULATE_WRITE);
#endif
    return p;
}

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

/* base/alloc.h - memory, as every layer asks for it. src/platform answers. */
#ifndef ZN_BASE_ALLOC_H
#define ZN_BASE_ALLOC_H

#include <stddef.h>

/* Sizes in bytes. NULL when there is no memory; zn_zalloc clears it. */
void *zn_alloc(size_t size);
void *zn_zalloc(size_t size);
/* For many megabytes, all of which will be used: in larger pages, if the system has them. */
void *zn_alloc_huge(size_t size);
void *zn_realloc(void *p, size_t size);
void zn_free(void *p);

/* Cleared, and beginning a cache line; for zn_free_lines() alone. */
void *zn_zalloc_lines(size_t size);
void zn_free_lines(void *p);

#endif

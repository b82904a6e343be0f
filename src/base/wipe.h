/* base/wipe.h - clears secrets, even where nobody will look again. Pure. */
#ifndef ZN_BASE_WIPE_H
#define ZN_BASE_WIPE_H

#include "base/base.h"

/* A compiler may leave out a plain memset() of memory that is about to be freed. */
static inline void zn_wipe(void *p, size_t size)
{
#if defined(__GNUC__)
    if (size > 0)
        memset(p, 0, size);
    __asm__ __volatile__("" : : "r"(p) : "memory");
#else
    for (volatile uint8_t *q = p; size > 0; size--)
        *q++ = 0;
#endif
}

#endif

/* api/result.h - how results leave: -errno within, errno and -1 (or NULL) without. */
#ifndef ZN_API_RESULT_H
#define ZN_API_RESULT_H

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include "base/base.h"

static inline int zn_result(int rc)
{
    if (ZN_LIKELY(rc >= 0))
        return rc;
    errno = -rc;
    return -1;
}

/* Sizes are returned as int: a larger one as INT_MAX. */
static inline int zn_result_size(ptrdiff_t rc)
{
    return rc > INT_MAX ? INT_MAX : zn_result((int)rc);
}

static inline void *zn_null_result(int rc)
{
    errno = -rc;
    return NULL;
}

#endif

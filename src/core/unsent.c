/* core/unsent.c - see unsent.h. */
#include "core/unsent.h"

static bool renew(struct zn_unsent *u, size_t cap)
{
    uint8_t *block = zn_alloc(cap);
    if (block == NULL)
        return false;
    zn_free(u->block);
    *u = (struct zn_unsent){ .block = block, .cap = cap };
    return true;
}

bool zn_unsent_make_room(struct zn_unsent *u)
{
    return zn_unsent_is_large(u) || renew(u, ZN_UNSENT_MAX);
}

bool zn_unsent_append(struct zn_unsent *u, const void *p, size_t n)
{
    if (n > zn_unsent_room(u))
        return false;
    memcpy(u->block + u->size, p, n);
    u->size += n;
    return true;
}

int zn_unsent_keep(struct zn_unsent *u, const void *p, size_t n)
{
    if (n == 0)
        return 0;
    if (n > zn_unsent_room(u) && !renew(u, n))
        return -ENOMEM;
    (void)zn_unsent_append(u, p, n);
    return 0;
}

int zn_unsent_push(struct zn_unsent *u, struct zn_stream *below, int fd)
{
    while (zn_unsent_left(u) > 0) {
        struct zn_iov iov = { u->block + u->at, zn_unsent_left(u) };
        ptrdiff_t n = zn_stream_writev(below, fd, &iov, 1);
        if (n < 0)
            return (int)n;
        u->at += (size_t)n;
    }
    u->size = u->at = 0;
    if (!zn_unsent_is_large(u))
        zn_unsent_trim(u);
    return 0;
}

void zn_unsent_trim(struct zn_unsent *u)
{
    if (zn_unsent_left(u) == 0)
        zn_unsent_fini(u);
}

void zn_unsent_fini(struct zn_unsent *u)
{
    zn_free(u->block);
    *u = (struct zn_unsent){ 0 };
}

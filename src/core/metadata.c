/* core/metadata.c - the properties of a peer, which its messages refer to.
 *
 * One block of memory: the struct, then name and value of each property, both with
 * their NUL. Peers have a handful of them: a walk finds one. */
#include <stdint.h>

#include "base/alloc.h"
#include "core/msg.h"

struct zn_metadata {
    _Atomic uint32_t refs;
    int fd;
    size_t count;
    char text[];
};

static size_t text_size(const struct zn_property *properties, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += properties[i].name.size + properties[i].value.size + 2;
    return size;
}

static char *put(char *at, struct zn_bytes b)
{
    if (b.size > 0)
        memcpy(at, b.data, b.size);
    at[b.size] = '\0';
    return at + b.size + 1;
}

/* A NUL inside would end the text early and bring names and values out of step. */
static bool is_text(struct zn_bytes b)
{
    return b.size == 0 || memchr(b.data, '\0', b.size) == NULL;
}

struct zn_metadata *zn_metadata_new(const struct zn_property *properties, size_t count,
                                    int fd)
{
    struct zn_metadata *md = zn_alloc(sizeof *md + text_size(properties, count));
    if (md == NULL)
        return NULL;

    atomic_init(&md->refs, 1);
    md->fd = fd;
    md->count = 0;
    char *at = md->text;
    for (size_t i = 0; i < count; i++) {
        struct zn_bytes value = properties[i].value;

        if (!is_text(properties[i].name))
            continue;
        if (!is_text(value))
            value.size = strlen((const char *)value.data);
        at = put(put(at, properties[i].name), value);
        md->count++;
    }
    return md;
}

struct zn_metadata *zn_metadata_hold(struct zn_metadata *md)
{
    if (md != NULL)
        atomic_fetch_add_explicit(&md->refs, 1, memory_order_relaxed);
    return md;
}

static void drop(struct zn_metadata *md, uint32_t count)
{
    if (md != NULL &&
        atomic_fetch_sub_explicit(&md->refs, count, memory_order_acq_rel) == count)
        zn_free(md);
}

void zn_metadata_drop(struct zn_metadata *md)
{
    drop(md, 1);
}

enum { IN_ADVANCE = 64 };

struct zn_metadata *zn_metadata_hand_out(struct zn_metadata *md, uint32_t *paid)
{
    if (md == NULL)
        return NULL;
    if (*paid == 0) {
        atomic_fetch_add_explicit(&md->refs, IN_ADVANCE, memory_order_relaxed);
        *paid = IN_ADVANCE;
    }
    (*paid)--;
    return md;
}

void zn_metadata_drop_paid(struct zn_metadata *md, uint32_t *paid)
{
    drop(md, 1 + *paid);
    *paid = 0;
}

const char *zn_metadata_get(const struct zn_metadata *md, const char *name)
{
    if (md == NULL)
        return NULL;

    const char *at = md->text;
    for (size_t i = 0; i < md->count; i++) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

int zn_metadata_fd(const struct zn_metadata *md)
{
    return md == NULL ? -1 : md->fd;
}

/* core/map.c - open addressing with linear probing, under 3/4 full, removed places
 * included. */
#include "core/map.h"

#include <errno.h>

#include "base/alloc.h"
#include "platform/platform.h"

struct zn_map_slot {
    const uint8_t *key;                  /* NULL: free, or &removed */
    uint32_t size;
    uint32_t hash;                       /* part of it: spares most comparisons */
    void *value;
};

enum { CAP_MIN = 8 };

static const uint8_t removed;            /* its address marks places */
static const uint8_t no_bytes;           /* the key of no bytes needs an address, too */

/* ---- SipHash-1-3: keys come from peers, who must not be able to make them collide. */

static uint64_t rotate(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t hash_of(uint64_t seed, struct zn_bytes key)
{
    uint64_t v[4] = { seed ^ 0x736f6d6570736575u, ~seed ^ 0x646f72616e646f6du,
                      seed ^ 0x6c7967656e657261u, ~seed ^ 0x7465646279746573u };
    const uint8_t *p = key.data;
    size_t left = key.size;
    uint64_t last = (uint64_t)key.size << 56;

    for (; left >= 8; p += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        sip_word(v, word);
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << 8 * i;
    sip_word(v, last);

    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- Places. */

static bool holds(const struct zn_map_slot *s)
{
    return s->key != NULL && s->key != &removed;
}

/* The place of key, or NULL. */
static struct zn_map_slot *find(const struct zn_map *m, struct zn_bytes key,
                                uint64_t hash)
{
    if (m->count == 0)
        return NULL;

    for (size_t i = (size_t)hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct zn_map_slot *s = &m->slots[i];

        if (s->key == NULL)
            return NULL;
        if (s->hash == hash >> 32 && holds(s) &&
            zn_bytes_equal((struct zn_bytes){ s->key, s->size }, key))
            return s;
    }
}

/* Puts into the first place that holds nothing; there always is one. */
static struct zn_map_slot *place(struct zn_map_slot *slots, size_t cap, uint64_t hash)
{
    size_t i = (size_t)hash & (cap - 1);
    while (holds(&slots[i]))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static int resize(struct zn_map *m, size_t cap)
{
    struct zn_map_slot *slots = zn_zalloc(cap * sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;

    for (size_t i = 0; i < m->cap; i++) {
        struct zn_map_slot *s = &m->slots[i];
        if (holds(s)) {
            struct zn_bytes key = { s->key, s->size };
            *place(slots, cap, hash_of(m->seed, key)) = *s;
        }
    }
    zn_free(m->slots);
    m->slots = slots;
    m->cap = cap;
    m->used = m->count;
    return 0;
}

/* Room for one more. Grows only if it is entries, not removed places, that fill it. */
static int reserve(struct zn_map *m)
{
    if (m->cap == 0) {
        zn_random(&m->seed, sizeof m->seed);
        return resize(m, CAP_MIN);
    }
    if (m->used + 1 <= m->cap / 4 * 3)
        return 0;
    return resize(m, m->count >= m->cap / 2 ? m->cap * 2 : m->cap);
}

/* ---- The map. */

void zn_map_init(struct zn_map *m)
{
    *m = (struct zn_map){ 0 };
}

void zn_map_fini(struct zn_map *m)
{
    zn_free(m->slots);
    zn_map_init(m);
}

void *zn_map_get(const struct zn_map *m, struct zn_bytes key)
{
    if (m->count == 0)
        return NULL;
    const struct zn_map_slot *s = find(m, key, hash_of(m->seed, key));
    return s == NULL ? NULL : s->value;
}

int zn_map_put(struct zn_map *m, struct zn_bytes key, void *value)
{
    if (key.size > UINT32_MAX)
        return -ENOMEM;
    if (zn_map_get(m, key) != NULL)
        return -EEXIST;
    int rc = reserve(m);
    if (rc < 0)
        return rc;

    uint64_t hash = hash_of(m->seed, key);
    struct zn_map_slot *s = place(m->slots, m->cap, hash);
    m->used += s->key == NULL;
    m->count++;
    *s = (struct zn_map_slot){ .key = key.data == NULL ? &no_bytes : key.data,
                               .size = (uint32_t)key.size,
                               .hash = (uint32_t)(hash >> 32),
                               .value = value };
    return 0;
}

void *zn_map_remove(struct zn_map *m, struct zn_bytes key)
{
    if (m->count == 0)
        return NULL;
    struct zn_map_slot *s = find(m, key, hash_of(m->seed, key));
    if (s == NULL)
        return NULL;

    void *value = s->value;
    size_t next = ((size_t)(s - m->slots) + 1) & (m->cap - 1);
    s->key = &removed;
    if (m->slots[next].key == NULL) {    /* no search goes past here */
        s->key = NULL;
        m->used--;
    }
    m->count--;
    if (m->cap > CAP_MIN && m->count < m->cap / 8)
        (void)resize(m, m->cap / 2);     /* without memory it just stays large */
    return value;
}

void zn_map_each(const struct zn_map *m, void (*each)(void *value, void *arg), void *arg)
{
    for (size_t i = 0; i < m->cap; i++)
        if (holds(&m->slots[i]))
            each(m->slots[i].value, arg);
}

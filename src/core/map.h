/* core/map.h - a hash map from bytes to a pointer: routing ids, inproc names.
 *
 * Threads  The owner's.
 * Memory   Keys are not copied: they live with the value they lead to. Open
 *          addressing; 24 bytes a place, under 3/4 full; shrinks after growth. Values
 *          must not be NULL. */
#ifndef ZN_CORE_MAP_H
#define ZN_CORE_MAP_H

#include "base/base.h"

struct zn_map_slot;

struct zn_map {
    struct zn_map_slot *slots;
    size_t cap, count, used;             /* used: counts removed places too */
    uint64_t seed;                       /* random: peers choose routing ids */
};

void zn_map_init(struct zn_map *m);      /* no memory until the first put */
void zn_map_fini(struct zn_map *m);
void *zn_map_get(const struct zn_map *m, struct zn_bytes key);
/* key must stay where it is until removed. -EEXIST, -ENOMEM. */
int zn_map_put(struct zn_map *m, struct zn_bytes key, void *value);
/* The value, or NULL if there was none. */
void *zn_map_remove(struct zn_map *m, struct zn_bytes key);
/* Calls each(value, arg) for every entry; each must not change the map. */
void zn_map_each(const struct zn_map *m, void (*each)(void *value, void *arg), void *arg);

#endif

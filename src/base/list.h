/* base/list.h - an intrusive, circular, doubly linked list.
 *
 * A link that is in no list points at itself, so removal is safe to repeat. */
#ifndef ZN_BASE_LIST_H
#define ZN_BASE_LIST_H

#include "base/base.h"

struct zn_list {
    struct zn_list *next, *prev;
};

static inline void zn_list_init(struct zn_list *l)
{
    l->next = l->prev = l;
}

static inline bool zn_list_empty(const struct zn_list *l)
{
    return l->next == l;
}

static inline void zn_list_append(struct zn_list *l, struct zn_list *item)
{
    item->prev = l->prev;
    item->next = l;
    l->prev->next = item;
    l->prev = item;
}

static inline void zn_list_remove(struct zn_list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    zn_list_init(item);
}

#define ZN_LIST_EACH(it, list) \
    for (struct zn_list *it = (list)->next, *it##_next = it->next; it != (list); \
         it = it##_next, it##_next = it->next)

#endif

/* patterns/shared/turns.c - ends that take turns. */
#include "patterns/shared/turns.h"

#include <errno.h>

#include "base/alloc.h"

#define FIRST_CAP 4u

static uint32_t *place_of(const struct zn_turns *t, struct zn_end *e)
{
    return (uint32_t *)(void *)((char *)e + t->place);
}

static void put(struct zn_turns *t, uint32_t i, struct zn_end *e)
{
    t->ends[i] = e;
    *place_of(t, e) = i;
}

static void swap(struct zn_turns *t, uint32_t i, uint32_t j)
{
    struct zn_end *e = t->ends[i];

    put(t, i, t->ends[j]);
    put(t, j, e);
}

static bool is_heap(const struct zn_turns *t)
{
    return t->ends != &t->only;
}

static int resize(struct zn_turns *t, uint32_t cap)
{
    struct zn_end **ends = zn_realloc(is_heap(t) ? t->ends : NULL, cap * sizeof(*ends));
    if (ends == NULL)
        return -ENOMEM;

    if (!is_heap(t))
        ends[0] = t->only;
    t->ends = ends;
    t->cap = cap;
    return 0;
}

void zn_turns_fini(struct zn_turns *t)
{
    if (is_heap(t))
        zn_free(t->ends);
    zn_turns_init(t, t->place);
}

int zn_turns_add(struct zn_turns *t, struct zn_end *e)
{
    if (t->cap == 0) {
        t->ends = &t->only;
        t->cap = 1;
    } else if (t->count == t->cap) {
        int rc = resize(t, ZN_MAX(t->cap * 2, FIRST_CAP));
        if (rc < 0)
            return rc;
    }
    put(t, t->count, e);
    t->count++;
    zn_turns_wake(t, e);
    return 0;
}

bool zn_turns_has(const struct zn_turns *t, const struct zn_end *e)
{
    uint32_t i = *(const uint32_t *)(const void *)((const char *)e + t->place);

    return i < t->count && t->ends[i] == e;
}

void zn_turns_wake(struct zn_turns *t, struct zn_end *e)
{
    if (!zn_turns_has(t, e) || *place_of(t, e) < t->active)
        return;
    swap(t, *place_of(t, e), t->active);
    t->active++;
}

void zn_turns_rest(struct zn_turns *t, struct zn_end *e)
{
    uint32_t i = *place_of(t, e), last = --t->active;

    swap(t, i, last);
    if (t->current == last)
        t->current = i;                  /* whose turn it is has moved there */
    if (t->current >= t->active)
        t->current = 0;
}

void zn_turns_remove(struct zn_turns *t, struct zn_end *e)
{
    if (!zn_turns_has(t, e))
        return;
    if (*place_of(t, e) < t->active)
        zn_turns_rest(t, e);
    swap(t, *place_of(t, e), t->count - 1);
    t->count--;

    /* Peers that came in a burst leave no memory behind; failing to shrink is fine. */
    if (t->cap > FIRST_CAP && t->count < t->cap / 4)
        (void)resize(t, t->cap / 2);
}

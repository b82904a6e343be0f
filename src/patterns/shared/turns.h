/* patterns/shared/turns.h - ends that take turns.
 *
 * An array of ends: those that have something to give (or room to take) stand in
 * front, `active` of them; the others rest behind until they are woken. Waking,
 * resting and removing are O(1), since each end knows its place.
 *
 * Threads  The socket's lock.
 * Memory   One pointer an end; shrinks when most have gone. */
#ifndef ZN_PATTERNS_TURNS_H
#define ZN_PATTERNS_TURNS_H

#include <stddef.h>

#include "core/pipe.h"

struct zn_turns {
    struct zn_end **ends;
    uint32_t count, active, current, cap;
    struct zn_end *only;                 /* where ends points while it has but one place */
    uint32_t place;                      /* offset of an end's index in this array */
};

/* place: offsetof(struct zn_end, in_index) or out_index. No memory until an add. */
static inline void zn_turns_init(struct zn_turns *t, size_t place)
{
    *t = (struct zn_turns){ .place = (uint32_t)place };
}

void zn_turns_fini(struct zn_turns *t);

/* Adds e, active. -ENOMEM. */
int zn_turns_add(struct zn_turns *t, struct zn_end *e);
/* Nothing happens if e is not there. */
void zn_turns_remove(struct zn_turns *t, struct zn_end *e);
bool zn_turns_has(const struct zn_turns *t, const struct zn_end *e);
/* e takes part again; nothing happens if it does already or is not there. */
void zn_turns_wake(struct zn_turns *t, struct zn_end *e);
/* e, which is active, steps back; if it was its turn, it is another one's now. */
void zn_turns_rest(struct zn_turns *t, struct zn_end *e);

/* Whose turn it is. Only while active > 0. */
static inline struct zn_end *zn_turns_now(const struct zn_turns *t)
{
    return t->ends[t->current];
}

static inline void zn_turns_next(struct zn_turns *t)
{
    if (++t->current >= t->active)
        t->current = 0;
}

#endif

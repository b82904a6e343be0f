/* core/spin.h - a wait that stays awake at first.
 *
 * Waking a core that sleeps costs more than all the rest of a message's way. So a caller
 * whose waits have been short looks again and again for a while: at most ZMQ_ZINC_SPIN, and
 * only as long as that has paid of late. Now and then it is tried all the same, for things
 * change. One core is always left to others of this process.
 *
 * Threads  What waits teach may be mixed up by several that wait at once: no harm is done. */
#ifndef ZN_CORE_SPIN_H
#define ZN_CORE_SPIN_H

#include <stdatomic.h>

#include "base/base.h"

/* What recent waits teach about the next one. */
struct zn_spin {
    _Atomic uint32_t usual;              /* nanoseconds that a wait takes, averaged */
    _Atomic uint32_t waits;
    _Atomic uint64_t ended;              /* when the last wait did */
};

/* Looks once: whether the wait is over. */
typedef bool (*zn_spin_fn)(void *arg);

/* Whether a wait stays awake, for `most` nanoseconds if need be. */
bool zn_spin_pays(struct zn_spin *spin, uint32_t most);
/* Stays awake, from begin on. rings: nothing but this enters the kernel. True: look said so. */
bool zn_spin_wait(struct zn_spin *spin, uint32_t most, uint64_t begin, bool rings,
                  zn_spin_fn look, void *arg);
/* The wait is over, slept or not. */
void zn_spin_learn(struct zn_spin *spin, uint32_t most, uint64_t begin);

/* A caller who has caught up with a sender would get one message at a time from there on,
 * with all that a wait costs both of them. Looking away for a moment makes it several. Returns
 * when that was over. */
uint64_t zn_spin_look_away(uint64_t begin);

#endif

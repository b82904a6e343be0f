/* core/spin.c - see spin.h. A gap in the loop means that somebody else wants the core. */
#include "core/spin.h"

#include "platform/platform.h"

#define ALONE 10000u                     /* nanoseconds, before others may have the core */
#define ALONE_IN_RINGS 1500u             /* once, where nothing else enters the kernel */
#define GAP 50000u
#define TRIAL 32u                        /* so many waits from one trial to the next */
#define LOOK_AWAY 2000u

bool zn_spin_pays(struct zn_spin *spin, uint32_t most)
{
    if (zn_cores() < 2 || most == 0)
        return false;
    uint32_t usual = atomic_load_explicit(&spin->usual, memory_order_relaxed);
    uint32_t n = atomic_load_explicit(&spin->waits, memory_order_relaxed);
    atomic_store_explicit(&spin->waits, n + 1, memory_order_relaxed);
    return usual < most || n % TRIAL == 0;
}

void zn_spin_learn(struct zn_spin *spin, uint32_t most, uint64_t begin)
{
    uint64_t now = zn_now();
    atomic_store_explicit(&spin->ended, now, memory_order_relaxed);
    uint32_t usual = atomic_load_explicit(&spin->usual, memory_order_relaxed);
    uint32_t took = (uint32_t)ZN_MIN(now - begin, (uint64_t)most * 4);
    usual = took <= most / 2 ? ZN_MIN(usual, took) : usual - usual / 8 + took / 8;
    atomic_store_explicit(&spin->usual, usual, memory_order_relaxed);
}

static _Atomic unsigned spinners;

static bool join_spinners(void)
{
    unsigned n = atomic_load_explicit(&spinners, memory_order_relaxed);
    return n + 1 < zn_cores() &&
           atomic_compare_exchange_strong_explicit(
               &spinners, &n, n + 1, memory_order_relaxed, memory_order_relaxed);
}

bool zn_spin_wait(struct zn_spin *spin, uint32_t most, uint64_t begin, bool rings,
                  zn_spin_fn look, void *arg)
{
    uint64_t now = begin, last = begin;
    uint64_t alone = rings ? ALONE_IN_RINGS : ALONE;
    bool over = false;
    if (!join_spinners()) {
        zn_yield();                      /* others may bring what is wanted meanwhile */
        return look(arg);
    }
    while (!over && now - begin < most) {
        for (int i = 0; i < 16 && !over; i++)
            over = look(arg);
        if (now - begin > alone) {       /* whom we wait for may want this very core */
            alone = ALONE;
            zn_yield();
        }
        now = zn_now();
        if (now - last > GAP) {
            atomic_store_explicit(&spin->usual, most * 4, memory_order_relaxed);
            break;
        }
        last = now;
    }
    atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
    return over;
}

uint64_t zn_spin_look_away(uint64_t begin)
{
    uint64_t now;
    while ((now = zn_now()) - begin < LOOK_AWAY)
        for (int i = 0; i < 8; i++)
            zn_relax();
    return now;
}

/* tests/faults.c - the test side of the seam: which call is to fail. */
#include "tests/faults.h"

#ifdef ZN_FAULTS

static struct {
    _Atomic bool armed, sticky;
    _Atomic uint64_t count, at;
} kinds[ZN_FAULT_KINDS];

static _Atomic uint64_t struck;
static _Atomic(const char *) last_site;

static void arm(enum zn_fault_kind kind, uint64_t n, bool sticky)
{
    atomic_store(&kinds[kind].armed, false);
    atomic_store(&struck, 0);
    atomic_store(&last_site, NULL);
    atomic_store(&kinds[kind].count, 0);
    atomic_store(&kinds[kind].at, n);
    atomic_store(&kinds[kind].sticky, sticky);
    atomic_store(&kinds[kind].armed, true);
}

void faults_arm(enum zn_fault_kind kind, uint64_t n)
{
    arm(kind, n, false);
}

void faults_arm_from(enum zn_fault_kind kind, uint64_t n)
{
    arm(kind, n, true);
}

void faults_disarm(void)
{
    for (int i = 0; i < ZN_FAULT_KINDS; i++)
        atomic_store(&kinds[i].armed, false);
}

uint64_t faults_count(enum zn_fault_kind kind)
{
    return atomic_load(&kinds[kind].count);
}

uint64_t faults_struck(void)
{
    return atomic_load(&struck);
}

const char *faults_site(void)
{
    const char *site = atomic_load(&last_site);
    return site != NULL ? site : "";
}

bool zn_fault(enum zn_fault_kind kind, const char *site)
{
    if (!atomic_load_explicit(&kinds[kind].armed, memory_order_relaxed))
        return false;

    uint64_t nth = atomic_fetch_add(&kinds[kind].count, 1) + 1;
    uint64_t at = atomic_load(&kinds[kind].at);
    if (at == 0 || nth < at || (nth > at && !atomic_load(&kinds[kind].sticky)))
        return false;
    atomic_fetch_add(&struck, 1);
    atomic_store(&last_site, site);
    return true;
}

#endif

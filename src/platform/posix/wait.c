/* platform/posix/wait.c - locks, gates and event counts over Linux futexes. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(_Atomic uint32_t *word, int op, uint32_t val, const struct timespec *t)
{
    return syscall(SYS_futex, (uint32_t *)(void *)word, op | FUTEX_PRIVATE_FLAG, val, t,
                   NULL, 0);
}

/* Who holds a lock does so for tens of nanoseconds, most often. */
static bool take_soon(_Atomic uint32_t *word)
{
    for (int i = 0; i < 60; i++) {
        if (atomic_load_explicit(word, memory_order_relaxed) == 0 && zn_take(word))
            return true;
        zn_relax();
    }
    return false;
}

/* ---- Locks. */

void zn_lock_slow(struct zn_lock *l)
{
    if (take_soon(&l->word))
        return;
    /* Who gets here may share the lock with sleepers: WAITED stays. */
    while (atomic_exchange_explicit(&l->word, ZN_LOCK_HELD | ZN_LOCK_WAITED,
                                    memory_order_acquire) != 0)
        futex(&l->word, FUTEX_WAIT, ZN_LOCK_HELD | ZN_LOCK_WAITED, NULL);
}

void zn_unlock_slow(struct zn_lock *l)
{
    atomic_store_explicit(&l->word, 0, memory_order_seq_cst);
    futex(&l->word, FUTEX_WAKE, 1, NULL);
}

/* ---- Gates. */

_Atomic bool zn_gate_light;

static bool barrier_on_every_core(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

static void begin(void)
{
    atomic_store_explicit(
        &zn_gate_light, barrier_on_every_core(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
        memory_order_release);
}

void zn_gate_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
}

/* A note has been left. From here on, whoever is inside has yet to leave, and will see it. */
static void make_note_seen(void)
{
    if (barrier_on_every_core(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return;
    /* Forbidden since (seccomp): gates are light no more, and who was just leaving has left. */
    if (atomic_exchange_explicit(&zn_gate_light, false, memory_order_seq_cst))
        zn_sleep(ZN_MS);
    atomic_thread_fence(memory_order_seq_cst);
}

void zn_gate_enter_slow(struct zn_gate *g)
{
    if (take_soon(&g->held))
        return;
    atomic_fetch_add_explicit(&g->notes, ZN_GATE_WAITER, memory_order_seq_cst);
    make_note_seen();
    while (!zn_gate_try(g))
        futex(&g->held, FUTEX_WAIT, 1, NULL);
    atomic_fetch_sub_explicit(&g->notes, ZN_GATE_WAITER, memory_order_relaxed);
}

/* Nobody is inside any more, or somebody else, who sees the notes as well. */
bool zn_gate_leave_slow(struct zn_gate *g)
{
    for (;;) {
        uint32_t notes = atomic_load_explicit(&g->notes, memory_order_seq_cst);
        if (!(notes & ZN_GATE_WORK) || !zn_gate_try(g)) {
            if (notes >= ZN_GATE_WAITER)
                futex(&g->held, FUTEX_WAKE, 1, NULL);
            return false;
        }
        notes = atomic_fetch_and_explicit(&g->notes, ~ZN_GATE_WORK, memory_order_acquire);
        if (notes & ZN_GATE_WORK)
            return true;
        atomic_store_explicit(&g->held, 0, memory_order_seq_cst);
    }
}

bool zn_gate_post(struct zn_gate *g)
{
    if (zn_gate_try(g))
        return true;
    uint32_t notes =
        atomic_fetch_or_explicit(&g->notes, ZN_GATE_WORK, memory_order_seq_cst);
    if (notes & ZN_GATE_WORK)
        return false;                    /* whose note that is sees to it */
    if (!take_soon(&g->held)) {
        make_note_seen();
        if (!zn_gate_try(g))
            return false;
    }
    atomic_fetch_and_explicit(&g->notes, ~ZN_GATE_WORK, memory_order_acquire);
    return true;
}

/* ---- Event counts. */

uint32_t zn_waiter_prepare(struct zn_waiter *w)
{
    atomic_fetch_add_explicit(&w->sleepers, 1, memory_order_seq_cst);
    return atomic_load_explicit(&w->seq, memory_order_seq_cst);
}

void zn_waiter_done(struct zn_waiter *w)
{
    atomic_fetch_sub_explicit(&w->sleepers, 1, memory_order_seq_cst);
}

/* A wait without a timeout is restarted after a signal handler that was installed
 * with SA_RESTART; one with a timeout never is. So forever is a day at a time. */
#define LONG_WAIT (86400ull * 1000000000u)

int zn_waiter_wait(struct zn_waiter *w, uint32_t key, uint64_t timeout_ns)
{
    if (timeout_ns == 0)
        return -ETIMEDOUT;

    uint64_t ns = ZN_MIN(timeout_ns, LONG_WAIT);
    struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
                          .tv_nsec = (long)(ns % 1000000000u) };
    if (futex(&w->seq, FUTEX_WAIT, key, &t) == 0 || errno == EAGAIN)
        return 0;
    if (errno == EINTR)
        return -EINTR;
    return timeout_ns > LONG_WAIT ? 0 : -ETIMEDOUT;
}

void zn_waiter_wake_slow(struct zn_waiter *w)
{
    atomic_fetch_add_explicit(&w->seq, 1, memory_order_seq_cst);
    futex(&w->seq, FUTEX_WAKE, INT_MAX, NULL);
}

/* platform/posix/wait.c - locks and event counts over Linux futexes. */
#define _GNU_SOURCE
#include "platform/platform.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(_Atomic uint32_t *word, int op, uint32_t val, const struct timespec *t)
{
    return syscall(SYS_futex, (uint32_t *)(void *)word, op | FUTEX_PRIVATE_FLAG, val, t,
                   NULL, 0);
}

#define SPINS 60

void zn_lock_slow(struct zn_lock *l)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t is = atomic_load_explicit(&l->word, memory_order_relaxed);
        if (!(is & ZN_LOCK_HELD) && atomic_compare_exchange_weak_explicit(
                                        &l->word, &is, is | ZN_LOCK_HELD,
                                        memory_order_acquire, memory_order_relaxed))
            return;
        zn_relax();
    }
    for (;;) {
        /* Who gets here may share the lock with sleepers: keep WAITED set. */
        uint32_t is = atomic_load_explicit(&l->word, memory_order_relaxed);
        if (!(is & ZN_LOCK_HELD)) {
            if (atomic_compare_exchange_weak_explicit(
                    &l->word, &is, is | ZN_LOCK_HELD | ZN_LOCK_WAITED,
                    memory_order_acquire, memory_order_relaxed))
                return;
            continue;
        }
        if (!(is & ZN_LOCK_WAITED) && !atomic_compare_exchange_weak_explicit(
                                          &l->word, &is, is | ZN_LOCK_WAITED,
                                          memory_order_relaxed, memory_order_relaxed))
            continue;
        futex(&l->word, FUTEX_WAIT, is | ZN_LOCK_WAITED, NULL);
    }
}

/* The slow way out: somebody waits, or has left work in the meantime. */
bool zn_unlock_slow(struct zn_lock *l)
{
    for (;;) {
        uint32_t is = atomic_load_explicit(&l->word, memory_order_relaxed);
        if (is & ZN_LOCK_WORK) {
            atomic_fetch_and_explicit(&l->word, ~ZN_LOCK_WORK, memory_order_acquire);
            return true;
        }
        if (atomic_compare_exchange_weak_explicit(&l->word, &is, 0, memory_order_seq_cst,
                                                  memory_order_relaxed)) {
            if (is & ZN_LOCK_WAITED)
                futex(&l->word, FUTEX_WAKE, 1, NULL);
            return false;
        }
    }
}

bool zn_lock_post(struct zn_lock *l)
{
    uint32_t is = atomic_load_explicit(&l->word, memory_order_relaxed);
    for (;;) {
        uint32_t to = is & ZN_LOCK_HELD ? is | ZN_LOCK_WORK : is | ZN_LOCK_HELD;
        if (atomic_compare_exchange_weak_explicit(&l->word, &is, to, memory_order_acq_rel,
                                                  memory_order_relaxed))
            return !(is & ZN_LOCK_HELD);
    }
}

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

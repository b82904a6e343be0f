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

/* Patience doubles so many times: then a revocation, some 20 microseconds, is nothing beside
 * the calls between two. */
enum { MOST_REVOKED = 8 };

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

/* Whoever was between two steps of those that need no barrier has taken the second one. */
static void let_steps_end(bool always)
{
    if (barrier_on_every_core(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return;
    /* Not had, or forbidden since (seccomp): who leaves runs a barrier from now on. */
    if (atomic_exchange_explicit(&zn_gate_light, false, memory_order_seq_cst) || always)
        zn_sleep(ZN_MS);
    atomic_thread_fence(memory_order_seq_cst);
}

void zn_barrier_on_every_core(void)
{
    let_steps_end(true);
}

/* A note has been left. From here on, whoever is inside has yet to leave, and will see it. */
static void make_note_seen(void)
{
    let_steps_end(false);
}

static bool is_own(struct zn_gate *g)
{
    return atomic_load_explicit(&g->thread, memory_order_relaxed) == zn_thread();
}

/* The bias begins when its thread, now inside, leaves. */
static void give_bias(struct zn_gate *g)
{
    if (!atomic_load_explicit(&zn_gate_light, memory_order_acquire) ||
        atomic_load_explicit(&g->notes, memory_order_relaxed) != 0)
        return;
    g->number = g->number % (UINT32_MAX >> 2) + 1;
    g->rest = ZN_GATE_BIASED | g->number << 2;
}

/* One thread more is inside, by `held`. */
static void count(struct zn_gate *g)
{
    g->biased = false;
    if (ZN_LIKELY(is_own(g))) {
        if (++g->again >> g->revoked >= ZN_GATE_PATIENCE)
            give_bias(g);
    } else if (g->number == 0) {
        atomic_store_explicit(&g->thread, zn_thread(), memory_order_relaxed);
        g->again = 0;
    }
}

/* The end of a bias that has been taken back: by who did that, if nobody was inside, or by its
 * thread, not inside, at any time. One of them goes in. */
static bool settle(struct zn_gate *g, uint32_t number)
{
    uint32_t is = ZN_GATE_BIASED | number << 2;
    if (!atomic_compare_exchange_strong_explicit(
            &g->held, &is, ZN_GATE_HELD, memory_order_acquire, memory_order_relaxed))
        return false;
    g->biased = false;
    g->rest = ZN_GATE_FREE;
    g->again = 0;
    if (g->revoked < MOST_REVOKED)
        g->revoked++;
    return true;
}

/* The same, by its thread, not inside but maybe about to leave. False: that is another thread; or
 * the bias has not been taken back, or is settled. */
static bool settle_own(struct zn_gate *g)
{
    uint32_t held = atomic_load_explicit(&g->held, memory_order_acquire);
    /* From the first bias on, `thread` does not change. */
    return (held & ZN_GATE_STATE) == ZN_GATE_BIASED && is_own(g) &&
           atomic_load_explicit(&g->bias, memory_order_acquire) == 0 &&
           settle(g, held >> 2);
}

/* The caller has left a note. False: somebody is inside, or just about to be, and will see it.
 * That note may have been seen, though, before the bias was found gone: hence another one. And
 * the thread of the bias may have settled it, and left, before that: hence the loop. */
static bool take_back(struct zn_gate *g)
{
    for (;;) {
        uint32_t number = atomic_load_explicit(&g->bias, memory_order_acquire);
        if (number == 0 || is_own(g))
            return false;
        if (!atomic_compare_exchange_strong_explicit(
                &g->bias, &number, 0, memory_order_release, memory_order_relaxed))
            return false;
        atomic_fetch_or_explicit(&g->notes, ZN_GATE_WORK, memory_order_seq_cst);
        zn_barrier_on_every_core();
        if (atomic_load_explicit(&g->inside, memory_order_acquire) != 0)
            return false;
        if (settle(g, number) || zn_gate_try(g))
            return true;
    }
}

/* The bias was taken back just as its thread went in by it. */
bool zn_gate_step_back(struct zn_gate *g)
{
    atomic_store_explicit(&g->inside, 0, memory_order_seq_cst);
    return settle_own(g);
}

bool zn_gate_try_held(struct zn_gate *g)
{
    if (zn_take(&g->held)) {
        count(g);
        return true;
    }
    return atomic_load_explicit(&g->inside, memory_order_relaxed) == 0 && settle_own(g);
}

static bool try_soon(struct zn_gate *g)
{
    if (!take_soon(&g->held))
        return false;
    count(g);
    return true;
}

static void wait_for_change(struct zn_gate *g)
{
    uint32_t held = atomic_load_explicit(&g->held, memory_order_seq_cst);
    bool biased = (held & ZN_GATE_STATE) == ZN_GATE_BIASED &&
                  atomic_load_explicit(&g->bias, memory_order_seq_cst) != 0;
    if (held != ZN_GATE_FREE && !biased)
        futex(&g->held, FUTEX_WAIT, held, NULL);
}

static void enter_slow(struct zn_gate *g)
{
    if (try_soon(g))
        return;
    atomic_fetch_add_explicit(&g->notes, ZN_GATE_WAITER, memory_order_seq_cst);
    make_note_seen();
    while (!zn_gate_try(g) && !take_back(g))
        wait_for_change(g);
    atomic_fetch_sub_explicit(&g->notes, ZN_GATE_WAITER, memory_order_relaxed);
}

void zn_gate_enter_held(struct zn_gate *g)
{
    if (ZN_UNLIKELY(!zn_gate_try_held(g)))
        enter_slow(g);
}

/* Who is inside takes WORK from the notes. That of one who takes the bias back just now goes
 * with it: so, if it was ours, what has become of it is settled here. */
static bool take_work(struct zn_gate *g)
{
    uint32_t notes =
        atomic_fetch_and_explicit(&g->notes, ~ZN_GATE_WORK, memory_order_seq_cst);
    if (g->biased && settle_own(g))
        atomic_store_explicit(&g->inside, 0, memory_order_seq_cst);
    return notes & ZN_GATE_WORK;
}

/* Nobody is inside any more, or somebody else, who sees the notes as well. The thread of the bias
 * may have to settle what has become of it. */
bool zn_gate_leave_slow(struct zn_gate *g)
{
    for (;;) {
        bool in = settle_own(g);
        uint32_t notes = atomic_load_explicit(&g->notes, memory_order_seq_cst);
        if (!in && (!(notes & ZN_GATE_WORK) || !zn_gate_try(g))) {
            if (notes >= ZN_GATE_WAITER)
                futex(&g->held, FUTEX_WAKE, 1, NULL);
            return false;
        }
        if (take_work(g))
            return true;
        zn_gate_stand_aside(g);
        atomic_thread_fence(memory_order_seq_cst);
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
    if (!try_soon(g)) {
        make_note_seen();
        if (!zn_gate_try(g) && !take_back(g))
            return false;
    }
    take_work(g);
    return true;
}

/* ---- Threads. */

uintptr_t zn_thread_slow(void)
{
    return (uintptr_t)pthread_self();
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

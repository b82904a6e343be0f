/* core/flush.c - see flush.h. */
#include "core/flush.h"

#include "core/session.h"

/* So many ends are looked at: more are a loop's work, and it is busy with them. */
#define LOOK_AT 64u

static bool has_unsent(const struct zn_end *e)
{
    const struct zn_queue *q = e->out;
    return !atomic_load_explicit(&q->reader_asleep, memory_order_relaxed) &&
           atomic_load_explicit(&q->written, memory_order_relaxed) !=
               atomic_load_explicit(&q->consumed, memory_order_relaxed);
}

void zn_flush_collect(struct zn_flush *flush, struct zn_socket *s)
{
    uint32_t count = ZN_MIN(s->end_count, LOOK_AT);
    for (uint32_t i = 0; i < count && flush->count < ZN_FLUSH_MAX; i++) {
        if (!has_unsent(s->ends[i]))
            continue;
        struct zn_session *ss = zn_session_behind(s->ends[i]);
        if (ss != NULL)
            flush->sessions[flush->count++] = ss;
    }
}

void zn_flush_run(struct zn_flush *flush, bool full)
{
    uint64_t now = flush->count > 0 ? zn_now() : 0;
    for (int i = 0; i < flush->count; i++) {
        struct zn_session *ss = flush->sessions[i];
        atomic_store_explicit(&ss->kicked, now, memory_order_relaxed);
        if (full)
            atomic_fetch_add_explicit(&ss->flushes, 1, memory_order_relaxed);
        atomic_fetch_or_explicit(&ss->work, ZN_WORK_OUT, memory_order_acq_rel);
        zn_session_run(ss, false);
        zn_session_drop(ss);
    }
    flush->count = 0;
}

/* ---- Held back. */

static _Thread_local struct zn_flush *held;

void zn_flush_hold_back(struct zn_flush *flush)
{
    flush->count = 0;
    held = flush;
}

void zn_flush_let_go(void)
{
    struct zn_flush *flush = held;
    held = NULL;
    if (flush != NULL)
        zn_flush_run(flush, false);
}

bool zn_flush_keep(struct zn_session *ss)
{
    if (held == NULL || held->count == ZN_FLUSH_MAX)
        return false;
    zn_session_hold(ss);
    held->sessions[held->count++] = ss;
    return true;
}

bool zn_flush_keeps(void)
{
    return held != NULL && held->count > 0;
}

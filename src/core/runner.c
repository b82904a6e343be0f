/* core/runner.c - who moves a session's bytes, and when: the token, the words that are left for
 * whoever holds it, and what becomes of a message that has just been queued: its sender writes
 * it, or the loop does. See session.h. */
#include "core/session.h"

#include "core/borrow.h"
#include "core/establish.h"
#include "core/flush.h"
#include "core/stream.h"

/* ---- The token. */

void zn_session_post_from(struct zn_session *ss, unsigned work, struct zn_socket *locked)
{
    atomic_fetch_or_explicit(&ss->work, work, memory_order_acq_rel);
    zn_session_hold(ss);
    if (!zn_loop_post(ss->loop, &ss->task,
                      locked != NULL ? zn_socket_wake_after(locked) : NULL))
        zn_session_drop(ss);
}

void zn_session_post(struct zn_session *ss, unsigned work)
{
    zn_session_post_from(ss, work, NULL);
}

void zn_session_post_later(struct zn_session *ss, unsigned work)
{
    atomic_fetch_or_explicit(&ss->later, work, memory_order_acq_rel);
    zn_session_post(ss, 0);
}

void zn_session_on_task(struct zn_task *t)
{
    struct zn_session *ss = ZN_CONTAINER(t, struct zn_session, task);
    uint32_t later = atomic_exchange_explicit(&ss->later, 0, memory_order_acq_rel);
    atomic_fetch_or_explicit(&ss->work, later, memory_order_acq_rel);
    zn_session_run(ss, true);
    zn_session_drop(ss);
}

/* Who runs a session: its loop, or a caller's thread with a buffer of its own, or without. */
struct runner {
    bool on_loop;
    bool awake;                          /* and looks again of itself */
    unsigned may;                        /* the words it may act on */
    uint8_t *scratch;
    size_t size;
};

/* A loop that serves several at once reads a little from each in turn: what it has read is
 * still in the caches when it comes to the application, and the buffers that many have filled
 * are few. */
#define SHARED_READ (32u * 1024)
#define SHARED_READ_TURN (64u * 1024)

static int read_in(struct zn_session *ss, const struct runner *by)
{
    if (zn_session_is_let_go(ss))
        return by->on_loop ? zn_session_drain(ss) : 0;
    size_t size = by->size, most = ZN_TURN_LIMIT;
    if (by->on_loop && zn_loop_serves_others(ss->loop, &ss->served)) {
        size = ZN_MIN(size, (size_t)SHARED_READ);
        most = SHARED_READ_TURN;
    }
    return zn_session_read(ss, by->scratch, size, most,
                           !by->on_loop && zn_session_is_lent(ss));
}

/* Callers who run into the high-water mark write before they wait for room (flush.h). As long
 * as they do the loop would only come in their way; what they leave in the end it finds when
 * it looks again. */
static bool left_to_callers(struct zn_session *ss)
{
    uint32_t flushes = atomic_load_explicit(&ss->flushes, memory_order_relaxed);
    bool since = flushes != ss->flushes_seen;
    ss->flushes_seen = flushes;
    if (!since) {
        zn_loop_note_send(ss->loop);
        return false;
    }
    atomic_fetch_or_explicit(&ss->later, ZN_WORK_OUT, memory_order_acq_rel);
    zn_session_hold(ss);
    if (!zn_loop_defer(ss->loop, &ss->task))
        zn_session_drop(ss);
    return true;
}

/* Traffic, as far as the words say. */
static void move(struct zn_session *ss, unsigned words, const struct runner *by)
{
    int rc = 0;
    if (by->on_loop && ss->spins)
        zn_loop_expect(ss->loop);
    if (words & ZN_WORK_ROOM)
        ss->kernel_full = false;
    if (words & ZN_WORK_HUNG_UP)
        ss->hung_up = true;
    if (ss->stream != NULL) {
        ss->stream->polled = !by->on_loop && zn_session_is_lent(ss);
        ss->stream->awake = by->awake && ss->stream->polled;
    }
    if (by->on_loop && words & ZN_WORK_OUT && left_to_callers(ss))
        words &= ~(unsigned)ZN_WORK_OUT;
    if (words & (ZN_WORK_OUT | ZN_WORK_ROOM) && !ss->write_failed) {
        rc = zn_session_write(ss, by->on_loop);
        if (rc < 0) {
            /* What the peer sent before it went is still to be read: the reader ends
             * the connection. */
            ss->write_failed = true;
            ss->hung_up = true;
            if (by->may & ZN_WORK_IN)
                words |= ZN_WORK_IN;
        }
    }
    if (ss->stream != NULL && ss->stream->unread) {
        ss->stream->unread = false;
        atomic_fetch_or_explicit(&ss->work, ZN_WORK_IN, memory_order_acq_rel);
    }
    /* Only for the borrower itself, who must know what it has to poll. */
    if (words & ZN_WORK_LEND && !by->on_loop)
        zn_session_lend(ss);
    if (words & ZN_WORK_IN && ss->failed == 0) {
        rc = read_in(ss, by);
        if (rc < 0)
            ss->failed = rc;
    }
}

/* What a caller's thread leaves to the loop, once it has done its part. */
static unsigned left_to_loop(const struct zn_session *ss, const struct runner *by)
{
    unsigned left = 0;
    if (zn_session_phase(ss) != ZN_PHASE_TRAFFIC)
        return 0;
    if (ss->write_failed && !(by->may & ZN_WORK_IN))
        left |= ZN_WORK_IN;
    if (ss->failed != 0 || zn_end_peer_closed(ss->end) ||
        (ss->kernel_full && zn_session_is_lent(ss)) ||
        (ss->due[ZN_DUE_TRIM] == 0 && (ss->spares || zn_stream_is_large(ss->stream))))
        left |= ZN_WORK_CONTROL;
    return left;
}

static enum zn_run run_on_caller(struct zn_session *ss, const struct runner *by)
{
    unsigned words =
        atomic_fetch_and_explicit(&ss->work, ZN_WORK_TOKEN, memory_order_acq_rel);
    unsigned left = words & ~(unsigned)ZN_WORK_TOKEN & ~by->may;
    if (zn_session_phase(ss) != ZN_PHASE_TRAFFIC)
        left = words & ~(unsigned)ZN_WORK_TOKEN;
    else
        move(ss, words & by->may, by);
    left |= left_to_loop(ss, by);
    bool over = zn_session_phase(ss) != ZN_PHASE_TRAFFIC || ss->failed != 0;
    if (over && by->may & ZN_WORK_LEND)  /* its descriptor is not to be polled any more */
        atomic_store_explicit(&ss->lent_fd, -1, memory_order_release);
    unsigned is = atomic_fetch_and_explicit(&ss->work, ~(uint32_t)ZN_WORK_TOKEN,
                                            memory_order_acq_rel);
    /* Somebody may have left word in the meantime. */
    if (left != 0 || is & ~(unsigned)ZN_WORK_TOKEN)
        zn_session_post(ss, left != 0 ? left | ZN_WORK_CONTROL : 0);
    return over ? ZN_RUN_OVER : ZN_RUN_DONE;
}

static void run_on_loop(struct zn_session *ss)
{
    const struct runner by = { .on_loop = true,
                               .may = ~0u,
                               .scratch = zn_loop_scratch(ss->loop),
                               .size = ZN_LOOP_SCRATCH };
    uint32_t is;
    do {
        unsigned words =
            atomic_fetch_and_explicit(&ss->work, ZN_WORK_TOKEN, memory_order_acq_rel);
        words &= ~(unsigned)ZN_WORK_TOKEN;
        if (words != 0 && zn_session_phase(ss) == ZN_PHASE_TRAFFIC)
            move(ss, words, &by);
        zn_session_control(ss, words);
        is = ZN_WORK_TOKEN;
    } while (!atomic_compare_exchange_strong_explicit(
        &ss->work, &is, 0, memory_order_acq_rel, memory_order_relaxed));
}

/* False: somebody else has it, and will see the words that were left. */
static bool take_token(struct zn_session *ss)
{
    return !(atomic_fetch_or_explicit(&ss->work, ZN_WORK_TOKEN, memory_order_acq_rel) &
             ZN_WORK_TOKEN);
}

void zn_session_run(struct zn_session *ss, bool on_loop)
{
    const struct runner by = { .may = ZN_WORK_OUT };
    if (!take_token(ss))
        return;
    if (on_loop)
        run_on_loop(ss);
    else
        run_on_caller(ss, &by);
}

enum zn_run zn_session_run_with(struct zn_session *ss, uint8_t *scratch, size_t size,
                                bool awake)
{
    const struct runner by = { .awake = awake,
                               .may = ZN_WORK_OUT | ZN_WORK_IN | ZN_WORK_HUNG_UP |
                                      ZN_WORK_LEND,
                               .scratch = scratch,
                               .size = size };
    return take_token(ss) ? run_on_caller(ss, &by) : ZN_RUN_BUSY;
}

/* Sends closer together than this are a stream: the loop takes them in batches. So are all
 * of a loop that is looking for them anyway. */
#define STREAM_GAP 30000u

/* Whether this send answers a message that its caller has waited for, with no other one
 * there: ping-pong, in which the caller will wait again next. A proxy never waits that way. */
static bool answers(struct zn_socket *poster, const struct zn_end *mine)
{
    const struct zn_queue *in = mine->out;
    bool waited = poster->waited;
    poster->waited = false;
    return waited && atomic_load_explicit(&in->consumed, memory_order_relaxed) ==
                         atomic_load_explicit(&in->written, memory_order_relaxed);
}

/* Whether the caller has read something from this peer since he last sent it something. Then
 * they talk, and what is sent now would not be joined by more if it waited: no stream, whatever
 * else the caller and the loop may do. */
static bool converses(struct zn_session *ss, const struct zn_end *mine)
{
    uint32_t heard =
        (uint32_t)atomic_load_explicit(&mine->out->consumed, memory_order_relaxed);
    bool more = heard != ss->heard;
    ss->heard = heard;
    return more;
}

/* A caller who goes round many connections sends streams too, though each gets one message
 * only: so many it writes itself, without a wait or a pause. */
#define ROW 8u

static _Thread_local struct {
    uint64_t last;                       /* when there was one */
    unsigned count;
} row;

void zn_session_caller_waits(void)
{
    row.count = 0;
}

static bool is_in_a_row(uint64_t now)
{
    if (now - row.last > STREAM_GAP)
        row.count = 0;
    row.last = now;
    return ++row.count > ROW;
}

static struct zn_wish on_post(struct zn_end *e, unsigned what, struct zn_socket *poster)
{
    const struct zn_wish nothing = { NULL, 0 };
    struct zn_session *ss = e->session;
    if (what & ZN_POST_QUIET)
        return nothing;                  /* it reads on when it is worth it */
    unsigned work = (what & ZN_POST_READ ? ZN_WORK_OUT : 0u) |
                    (what & ZN_POST_WRITE ? ZN_WORK_IN : 0u) |
                    (what & ZN_POST_CLOSED ? ZN_WORK_CONTROL : 0u);
    if (work == ZN_WORK_IN && zn_session_awaits_borrower(ss))
        return nothing;
    if (work == ZN_WORK_OUT && poster != NULL &&
        zn_session_phase(ss) == ZN_PHASE_TRAFFIC) {
        if (zn_flush_keep(ss))
            return nothing;
        uint64_t now = zn_now();
        uint64_t last = atomic_load_explicit(&ss->kicked, memory_order_relaxed);
        atomic_store_explicit(&ss->kicked, now, memory_order_relaxed);
        bool talks = converses(ss, e);
        bool alone = now - last > STREAM_GAP &&
                     (talks || (!zn_loop_streams(ss->loop) && !is_in_a_row(now)));
        if ((alone || answers(poster, e)) && zn_socket_run_after(poster, ss)) {
            zn_session_hold(ss);
            atomic_fetch_or_explicit(&ss->work, work, memory_order_acq_rel);
            return nothing;
        }
    }
    zn_session_post_from(ss, work, poster);
    return nothing;
}

const struct zn_owner zn_session_owner = { .post = on_post };

struct zn_session *zn_session_behind(struct zn_end *e)
{
    struct zn_session *ss = NULL;
    zn_lock(&e->pipe->lock);
    if (e->peer->owner == &zn_session_owner) {
        ss = e->peer->session;
        zn_session_hold(ss);
    }
    zn_unlock(&e->pipe->lock);
    return ss;
}

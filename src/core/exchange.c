/* core/exchange.c - sending and receiving: one try under the lock, and the waits between
 * tries outside of it. */
#include "core/socket.h"

#include "core/borrow.h"
#include "core/flush.h"
#include "core/monitor.h"

/* ZMQ_FD, as libzmq's is used: it becomes readable when something happens. It stays so as
 * long as a message waits, except that it is let down once EVENTS has been read twice with
 * nothing done in between: an event loop that knows of the message must not spin on it. */
static ZN_SELDOM void update_fd(struct zn_socket *s, bool told)
{
    bool in = s->has_stuck || s->pattern->events(s) & ZMQ_POLLIN;
    bool up = in && !(told && s->fd_told);
    s->fd_told = told && in;
    zn_lock(&s->watch_lock);
    /* A post that came after the look found the signal raised, and left it at that. */
    bool posted = atomic_load_explicit(&s->ready, memory_order_seq_cst) != NULL;
    up = up || posted;
    s->fd_seen = true;
    if (up != s->fd_raised || posted) {
        s->fd_raised = up;
        if (up)
            zn_signal_raise(s->fd);
        else
            zn_signal_clear(s->fd);
    }
    zn_unlock(&s->watch_lock);
}

unsigned zn_socket_events(struct zn_socket *s)
{
    zn_socket_process(s);
    if (ZN_UNLIKELY(s->has_stuck))
        return zn_socket_rescue_stuck(s) < 0 ? ZMQ_POLLIN
                                             : s->pattern->events(s) | ZMQ_POLLIN;
    unsigned events = s->pattern->events(s);
    if (s->fd >= 0)
        update_fd(s, true);
    return events;
}

/* ---- Waiting. */

static ptrdiff_t try_recv(struct zn_socket *s, void *arg);
static ptrdiff_t try_send(struct zn_socket *s, void *arg);

static uint64_t deadline(int timeout_ms)
{
    return timeout_ms < 0 ? ZN_FOREVER : zn_now() + (uint64_t)timeout_ms * ZN_MS;
}

/* A blocked call. */
struct wait {
    struct zn_socket *socket;
    uint64_t until;
    uint32_t key;
    bool borrows;                        /* waits for the kernel itself: */
    struct zn_loan loan;
    struct zn_watcher watcher;
    uint32_t wakes;                      /* of the watcher's, when last looked at */
};

/* Under the lock. */
static void borrow(struct wait *w)
{
    zn_loan_init(&w->loan);
    w->borrows = zn_loan_add(&w->loan, w->socket);
    if (!w->borrows)
        return;
    w->watcher = (struct zn_watcher){ .signal = -1, .reads = true, .lasting = true };
    zn_socket_watch(w->socket, &w->watcher);
}

static void give_back(struct wait *w)
{
    if (!w->borrows)
        return;
    zn_loan_end(&w->loan);
    zn_socket_unwatch(w->socket, &w->watcher);
}

/* From here on no wake-up is missed. */
static void prepare(struct wait *w)
{
    if (w->borrows)
        w->wakes = atomic_load_explicit(&w->watcher.wakes, memory_order_seq_cst);
    else
        w->key = zn_waiter_prepare(&w->socket->waiter);
}

static void done(struct wait *w)
{
    if (!w->borrows)
        zn_waiter_done(&w->socket->waiter);
}

/* Waits for the descriptors and the socket's wake-ups, and reads. 0, -ETIMEDOUT, -EINTR. */
static int wait_for_kernel(struct wait *w, uint64_t ns)
{
    struct zn_pollfd fds[1 + ZN_LOAN_MAX];
    if (zn_loan_settle(&w->loan) ||
        !zn_socket_watch_signal(w->socket, &w->watcher, zn_loan_signal(&w->loan),
                                w->wakes))
        return 0;
    int rc = zn_loan_poll(&w->loan, fds, 1, ns, NULL);
    zn_socket_unwatch_signal(w->socket, &w->watcher);
    if (rc >= 0)
        zn_loan_take(&w->loan, fds, 1);
    return rc < 0 ? rc : 0;
}

/* Called and left with the lock held. 0: try again, -EAGAIN: time is up, -EINTR, -ENOTSOCK:
 * closed meanwhile. */
static int sleep_once(struct wait *w)
{
    struct zn_socket *s = w->socket;
    zn_socket_unlock(s);
    uint64_t ns = zn_time_left(w->until);
    int rc = w->borrows ? wait_for_kernel(w, ns) : zn_waiter_wait(&s->waiter, w->key, ns);
    zn_socket_lock(s);
    if (s->closed)
        return -ENOTSOCK;
    if (rc == -ETIMEDOUT || (rc == 0 && ns == 0))
        return -EAGAIN;
    return rc;
}

/* That there is room is told message by message, for those who come and try. One who waits
 * for it goes on when there is much: the two would take turns message by message. */
static bool has_news(void *arg)
{
    struct wait *w = arg;
    const struct zn_socket *s = w->socket;
    if (atomic_load_explicit(&s->news, memory_order_acquire) || zn_socket_stopped(s))
        return true;
    if (w->borrows)
        zn_loan_read(&w->loan);
    if (w->loan.count == 0)
        zn_relax();
    return false;
}

typedef ptrdiff_t (*try_fn)(struct zn_socket *s, void *arg);

static ptrdiff_t stay_awake(struct wait *w, uint64_t begin, try_fn attempt, void *arg)
{
    struct zn_socket *s = w->socket;
    bool stream = attempt == try_recv && s->waited;
    uint32_t most = zn_socket_spin(s);
    zn_socket_unlock(s);
    if (stream)
        zn_spin_look_away(begin);
    bool posted =
        zn_spin_wait(&s->spin, most, begin, w->borrows && w->loan.streams, has_news, w);
    zn_socket_lock(s);
    if (s->closed)
        return -ENOTSOCK;
    atomic_store_explicit(&s->news, false, memory_order_relaxed);
    return posted ? attempt(s, arg) : -EAGAIN;
}

/* What this caller has queued goes out before it waits. */
static ptrdiff_t flush(struct zn_socket *s, try_fn attempt, void *arg)
{
    struct zn_flush flush = { .count = 0 };
    zn_flush_collect(&flush, s);
    if (flush.count == 0 && !zn_flush_keeps())
        return -EAGAIN;
    zn_socket_unlock(s);
    zn_flush_let_go();
    zn_flush_run(&flush, attempt == try_send);
    zn_socket_lock(s);
    return s->closed ? -ENOTSOCK : attempt(s, arg);
}

/* Tries until it works or time is up. Gives the lock back. */
static ZN_SELDOM ptrdiff_t persist(struct zn_socket *s, int timeout_ms, try_fn attempt,
                                   void *arg)
{
    uint64_t begin = zn_now();
    zn_session_caller_waits();
    struct wait w = { .socket = s, .until = deadline(timeout_ms) };
    zn_socket_hold(s);
    uint32_t writes = attempt == try_send;
    atomic_fetch_add_explicit(&s->writers, writes, memory_order_seq_cst);
    ptrdiff_t rc = flush(s, attempt, arg);
    if (rc == -EAGAIN && attempt == try_recv && zn_loan_pays(s, begin))
        borrow(&w);
    if (rc == -EAGAIN && zn_spin_pays(&s->spin, zn_socket_spin(s)))
        rc = stay_awake(&w, begin, attempt, arg);
    while (rc == -EAGAIN) {
        prepare(&w);
        rc = attempt(s, arg);
        int slept = rc == -EAGAIN ? sleep_once(&w) : 0;
        done(&w);
        if (rc != -EAGAIN)
            break;
        if (slept == -EAGAIN) {
            rc = attempt(s, arg);
            break;
        }
        if (slept < 0)
            rc = slept;
    }
    atomic_fetch_sub_explicit(&s->writers, writes, memory_order_relaxed);
    if (attempt == try_recv)
        s->waited = rc >= 0;
    zn_spin_learn(&s->spin, zn_socket_spin(s), begin);
    give_back(&w);
    zn_socket_unlock(s);
    zn_socket_drop(s);
    return rc;
}

/* ---- Sending. */

struct sending {
    const struct zn_frame *frame;
    uint32_t routing_id;
};

/* Some patterns have messages of one frame only. */
static ZN_ALWAYS bool takes(const struct zn_socket *s, const struct zn_frame *f)
{
    return !(f->flags & ZN_MORE && s->pattern->flags & ZN_PAT_SINGLE);
}

static ZN_ALWAYS ptrdiff_t send_once(struct zn_socket *s, const struct zn_frame *f,
                                     uint32_t routing_id)
{
    if (ZN_UNLIKELY(zn_socket_stopped(s)))
        return -ETERM;
    zn_socket_process(s);
    if (ZN_UNLIKELY(s->pattern->send == NULL))
        return -ENOTSUP;
    if (ZN_UNLIKELY(s->has_stuck) && zn_socket_rescue_stuck(s) < 0)
        return -ENOMEM;
    int rc = s->pattern->send(s, f, routing_id);
    if (ZN_UNLIKELY(s->fd >= 0) && rc == 0)
        update_fd(s, false);
    return rc;
}

static ptrdiff_t try_send(struct zn_socket *s, void *arg)
{
    const struct sending *job = arg;
    return send_once(s, job->frame, job->routing_id);
}

int zn_socket_send(void *handle, const struct zn_frame *f, int flags, uint32_t routing_id)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return rc;
    if (!takes(s, f)) {
        zn_socket_unlock(s);
        return -EINVAL;
    }
    ptrdiff_t sent = send_once(s, f, routing_id);
    if (ZN_UNLIKELY(sent == -EAGAIN) && !(flags & ZMQ_DONTWAIT) &&
        s->options.sndtimeo != 0) {
        struct sending job = { f, routing_id };
        return (int)persist(s, s->options.sndtimeo, try_send, &job);
    }
    zn_socket_unlock(s);
    return (int)sent;
}

/* ---- Receiving. */

static ZN_ALWAYS void set_properties(const struct zn_incoming *in, struct zn_msg *m)
{
    if (in->frame.flags & ZN_MORE)
        zn_msg_set_more(m, true);
    if (in->routing_id != 0)
        zn_msg_set_routing_id(m, in->routing_id);
    if (ZN_UNLIKELY(in->group != NULL))
        zn_msg_share_group(m, in->group);
}

static struct zn_metadata *hold_metadata(const struct zn_incoming *in)
{
    struct zn_end *e = in->end;
    return e != NULL && e->metadata == in->metadata
               ? zn_metadata_hand_out(e->metadata, &e->metadata_paid)
               : zn_metadata_hold(in->metadata);
}

/* Without memory m is as it was. */
static int into_msg_slow(const struct zn_incoming *in, struct zn_msg *m)
{
    struct zn_msg fresh;
    const struct zn_frame *f = &in->frame;
    if (f->content != NULL) {
        zn_msg_init_content(&fresh, zn_content_hold(f->content), f->data, f->size);
    } else {
        int rc = zn_msg_init_size(&fresh, f->size);
        if (rc < 0)
            return rc;
        if (f->size > 0)
            memcpy(zn_msg_data(&fresh), f->data, f->size);
    }
    fresh.metadata = hold_metadata(in);
    set_properties(in, &fresh);
    zn_msg_empty(m);
    *m = fresh;
    return 0;
}

static ZN_ALWAYS int into_msg(const struct zn_incoming *in, struct zn_msg *m)
{
    const struct zn_frame *f = &in->frame;
    if (ZN_UNLIKELY(f->size > ZN_MSG_INLINE_MAX || f->content != NULL))
        return into_msg_slow(in, m);
    /* Who receives into one message again and again has it hold its peer's metadata already. */
    bool same = m->metadata == in->metadata;
    if (same)
        m->metadata = NULL;
    zn_msg_empty(m);
    zn_msg_begin(m, ZN_MSG_INLINE, f->size);
    m->metadata = same ? in->metadata : hold_metadata(in);
    zn_copy(m->body.bytes, f->data, f->size);
    set_properties(in, m);
    return 0;
}

static ZN_ALWAYS int hand_out(const struct zn_incoming *in, const struct zn_sink *sink)
{
    if (sink->msg != NULL)
        return into_msg(in, sink->msg);
    zn_copy(sink->buf, in->frame.data, ZN_MIN(in->frame.size, sink->size));
    return 0;
}

/* What was stuck comes first. */
static ZN_SELDOM ptrdiff_t recv_stuck(struct zn_socket *s, const struct zn_sink *sink)
{
    struct zn_incoming *in = &s->stuck;
    if (hand_out(in, sink) < 0)
        return -ENOMEM;
    s->rcvmore = in->frame.flags & ZN_MORE;
    size_t size = in->frame.size;
    if (in->end != NULL)
        zn_end_next(in->end);
    zn_socket_drop_first_stuck(s);
    return (ptrdiff_t)size;
}

static ZN_ALWAYS int show_next(struct zn_socket *s, struct zn_incoming *in)
{
    in->end = in->from = NULL;
    in->metadata = NULL;
    in->routing_id = 0;
    in->group = NULL;
    int rc = s->pattern->recv(s, in);
    if (rc == 0 && ZN_UNLIKELY(in->frame.flags & ZN_MORE))
        s->under_way = in->end != NULL ? in->end : in->from;
    return rc;
}

static ZN_ALWAYS void step_over(struct zn_socket *s, const struct zn_incoming *in)
{
    s->rcvmore = in->frame.flags & ZN_MORE;
    if (in->end != NULL)
        zn_end_next(in->end);
}

static ZN_ALWAYS ptrdiff_t take_next(struct zn_socket *s, const struct zn_sink *sink)
{
    struct zn_incoming in;
    int rc = show_next(s, &in);
    if (rc < 0)
        return rc;
    if (ZN_UNLIKELY(hand_out(&in, sink) < 0)) {
        zn_socket_keep_stuck(s, &in);
        return -ENOMEM;
    }
    step_over(s, &in);
    return (ptrdiff_t)in.frame.size;
}

static ZN_ALWAYS ptrdiff_t recv_once(struct zn_socket *s, const struct zn_sink *sink)
{
    if (ZN_UNLIKELY(zn_socket_stopped(s)))
        return -ETERM;
    zn_socket_process(s);
    if (ZN_UNLIKELY(s->pattern->recv == NULL))
        return -ENOTSUP;
    ptrdiff_t got = ZN_UNLIKELY(s->has_stuck) ? recv_stuck(s, sink) : take_next(s, sink);
    if (ZN_UNLIKELY(s->fd >= 0) && got != -ENOMEM)
        update_fd(s, false);
    return got;
}

static ptrdiff_t try_recv(struct zn_socket *s, void *arg)
{
    return recv_once(s, arg);
}

/* Who looks in vain holds nothing, as with libzmq: there are programs that ask for the size of
 * what came, and not whether something did. */
static ZN_SELDOM void empty(const struct zn_sink *sink)
{
    if (sink->msg == NULL)
        return;
    zn_msg_empty(sink->msg);
    zn_msg_init(sink->msg);
}

ptrdiff_t zn_socket_recv(void *handle, struct zn_sink *sink, int flags)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(handle, &s);
    if (rc < 0)
        return rc;
    ptrdiff_t got = recv_once(s, sink);
    if (ZN_UNLIKELY(got == -EAGAIN)) {
        empty(sink);
        if (!(flags & ZMQ_DONTWAIT) && s->options.rcvtimeo != 0)
            return persist(s, s->options.rcvtimeo, try_recv, sink);
    }
    zn_socket_unlock(s);
    return got;
}

/* ---- From one socket to another. */

static bool is_plain(const struct zn_socket *s)
{
    return !zn_socket_stopped(s) && !s->has_stuck && s->fd < 0;
}

static void pass(struct zn_socket *from, struct zn_socket *to, struct zn_pass *p)
{
    struct zn_incoming in;
    while (p->frames < p->frames_most && p->bytes < p->bytes_most) {
        if (show_next(from, &in) < 0)
            return;
        struct zn_frame f = in.frame;
        f.flags &= ZN_MORE;
        f.msg = in.group;
        if (!takes(to, &f) || to->pattern->send(to, &f, in.routing_id) < 0) {
            zn_socket_keep_stuck(from, &in);
            return;
        }
        step_over(from, &in);
        p->inside = f.flags & ZN_MORE;
        p->frames++;
        p->messages += !p->inside;
        p->bytes += f.size;
    }
}

/* But for monitors, the only place where a thread has two sockets' locks. For the second one it
 * does not wait. */
void zn_socket_pass(void *from, void *to, struct zn_pass *p)
{
    struct zn_socket *a, *b;
    if (from == to || zn_handle_lock(from, &a) < 0)
        return;
    if (zn_handle_lock_or_try(to, true, &b) < 0) {
        zn_socket_unlock(a);
        return;
    }
    zn_socket_process(a);
    zn_socket_process(b);
    if (is_plain(a) && is_plain(b) && a->pattern->recv != NULL &&
        b->pattern->send != NULL)
        pass(a, b, p);
    zn_socket_unlock_both(a, b);
}

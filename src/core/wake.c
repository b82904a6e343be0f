/* core/wake.c - how a socket's lock is left, with what was posted meanwhile and what had to wait
 * for that; and who is woken. */
#include "core/socket.h"

#include "core/session.h"

/* ---- The lock, and what is left to do after it. */

/* What waits until the lock has been given back. */
struct left {
    struct zn_loop *wake;
    struct zn_session *run;
    struct zn_socket *work;
};

static struct left take_left(struct zn_socket *s)
{
    struct left left = { s->wake_after, s->run_after, s->work_first };
    s->wake_after = NULL;
    s->run_after = NULL;
    s->work_first = NULL;
    s->left = false;
    return left;
}

static void put_left(struct zn_socket *s, const struct left *left)
{
    s->wake_after = left->wake;
    s->run_after = left->run;
    s->work_first = left->work;
    s->left = left->wake != NULL || left->run != NULL || left->work != NULL;
}

static void do_left(struct left *left)
{
    if (left->wake != NULL)
        zn_loop_wake(left->wake);
    if (left->run != NULL) {
        zn_session_run(left->run, false);
        zn_session_drop(left->run);
    }
    while (left->work != NULL) {
        struct zn_socket *s = left->work;
        left->work = s->work_next;
        /* From here on others may list it again. */
        atomic_store_explicit(&s->work_listed, 0, memory_order_seq_cst);
        zn_socket_work(s);
    }
}

/* False: h has no socket, or one that is about to be freed, for which nobody posts. */
static bool hold_socket(struct zn_handle *h)
{
    if (h->socket == NULL)
        return false;
    uint32_t refs = atomic_load_explicit(&h->socket->refs, memory_order_relaxed);
    while (refs > 0)
        if (atomic_compare_exchange_weak_explicit(&h->socket->refs, &refs, refs + 1,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

/* Gives the lock of s back, once all that was posted meanwhile has been done. The caller holds
 * s, and with it its context's loops. */
static struct left leave(struct zn_socket *s, bool posted)
{
    for (;;) {
        if (posted)
            zn_socket_process(s);
        struct left left = take_left(s);
        posted = zn_gate_leave(&s->handle->lock);
        if (!posted)
            return left;
        put_left(s, &left);
    }
}

void zn_handle_unlock_slow(struct zn_handle *h, bool posted)
{
    while (!hold_socket(h)) {
        posted = zn_gate_leave(&h->lock);
        if (!posted)
            return;
    }
    struct zn_socket *s = h->socket;
    struct left left = leave(s, posted);
    do_left(&left);
    zn_socket_drop(s);
}

void zn_socket_unlock_both(struct zn_socket *a, struct zn_socket *b)
{
    zn_socket_hold(b);
    struct left left = leave(b, false);
    zn_socket_unlock(a);
    do_left(&left);
    zn_socket_drop(b);
}

bool zn_socket_run_after(struct zn_socket *s, struct zn_session *session)
{
    if (s->run_after != NULL)
        return false;
    s->run_after = session;
    s->left = true;
    return true;
}

void zn_socket_work(struct zn_socket *s)
{
    if (zn_gate_post(&s->handle->lock)) {
        zn_socket_process(s);
        zn_socket_unlock(s);
    }
    zn_socket_drop(s);
}

/* ---- Waking. */

static void wake(struct zn_socket *s, bool readers)
{
    if (readers || atomic_load_explicit(&s->writers, memory_order_seq_cst) != 0)
        zn_waiter_wake(&s->waiter);
    if (ZN_LIKELY(atomic_load_explicit(&s->watcher_count, memory_order_seq_cst) == 0))
        return;
    int lasting[4], count = 0;           /* to be raised without the lock */
    zn_lock(&s->watch_lock);
    /* Who waits for edges has had the one of what he has looked at. */
    if (s->fd >= 0 && (!s->fd_raised || s->fd_seen)) {
        s->fd_raised = true;
        s->fd_seen = false;
        zn_signal_raise(s->fd);
    }
    ZN_LIST_EACH (it, &s->watchers) {
        struct zn_watcher *w = ZN_CONTAINER(it, struct zn_watcher, link);
        if (w->reads && !readers)
            continue;
        atomic_fetch_add_explicit(&w->wakes, 1, memory_order_seq_cst);
        if (w->waiter != NULL)
            zn_waiter_wake(w->waiter);
        if (w->signal >= 0 && w->lasting && count < (int)ZN_COUNT(lasting))
            lasting[count++] = w->signal;
        else if (w->signal >= 0)
            zn_signal_raise(w->signal);
    }
    zn_unlock(&s->watch_lock);
    for (int i = 0; i < count; i++)
        zn_signal_raise(lasting[i]);
}

void zn_socket_wake(struct zn_socket *s)
{
    wake(s, true);
}

void zn_socket_wake_writers(struct zn_socket *s)
{
    wake(s, false);
}

void zn_socket_wake_as_wished(struct zn_socket *s, unsigned what)
{
    if (what & ZN_WISH_WAKE)
        zn_socket_wake(s);
    else if (what & ZN_WISH_WAKE_WRITERS)
        zn_socket_wake_writers(s);
}

static void work_later(struct zn_socket *s, struct zn_socket *poster)
{
    if (poster == NULL) {
        zn_socket_work(s);
    } else if (atomic_exchange_explicit(&s->work_listed, 1, memory_order_seq_cst)) {
        zn_socket_drop(s);               /* whoever listed it will do ours too */
    } else {
        s->work_next = poster->work_first;
        poster->work_first = s;
        poster->left = true;
    }
}

void zn_socket_fulfil(struct zn_wish wish, struct zn_socket *poster)
{
    zn_socket_wake_as_wished(wish.socket, wish.what);
    if (wish.what & ZN_WISH_WORK)
        work_later(wish.socket, poster);
    else
        zn_socket_drop(wish.socket);
}

void zn_socket_watch(struct zn_socket *s, struct zn_watcher *w)
{
    zn_lock(&s->watch_lock);
    zn_list_append(&s->watchers, &w->link);
    zn_unlock(&s->watch_lock);
    atomic_fetch_add_explicit(&s->watcher_count, 1, memory_order_seq_cst);
}

bool zn_socket_watch_signal(struct zn_socket *s, struct zn_watcher *w, int signal,
                            uint32_t seen)
{
    zn_lock(&s->watch_lock);
    bool still = atomic_load_explicit(&w->wakes, memory_order_relaxed) == seen;
    w->signal = still ? signal : -1;
    zn_unlock(&s->watch_lock);
    return still;
}

void zn_socket_unwatch_signal(struct zn_socket *s, struct zn_watcher *w)
{
    zn_lock(&s->watch_lock);
    w->signal = -1;
    zn_unlock(&s->watch_lock);
}

void zn_socket_unwatch(struct zn_socket *s, struct zn_watcher *w)
{
    zn_lock(&s->watch_lock);
    zn_list_remove(&w->link);
    zn_unlock(&s->watch_lock);
    atomic_fetch_sub_explicit(&s->watcher_count, 1, memory_order_seq_cst);
}

void zn_socket_stop(struct zn_socket *s)
{
    atomic_store_explicit(&s->stopped, true, memory_order_seq_cst);
    zn_socket_wake(s);
}

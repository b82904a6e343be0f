/* api/poll.c - zmq_poll, zmq_ppoll and zmq_poller_*: many sockets and descriptors at once.
 *
 * First every item is looked at. If nothing is ready the caller puts a watcher into each
 * socket, looks once more, stays awake for a moment if that has paid of late, and sleeps: on
 * an event count if there are sockets alone, else in poll(2), with one signal descriptor for
 * all of the sockets. Connections of sockets that have few it borrows, as zmq_recv does
 * (core/borrow.h): then it polls their descriptors too, and reads them itself. */
#include <signal.h>

#include <zmq.h>

#include "api/poll.h"
#include "api/result.h"
#include "core/borrow.h"
#include "core/flush.h"
#include "core/socket.h"

/* One call's watch over its sockets. */
struct watch {
    struct zn_watcher watcher;
    struct zn_socket *socket;            /* held; NULL: no watcher set */
    uint32_t wakes;                      /* of the watcher's, when last looked at */
};

enum { FEW = 8 };

struct polling {
    zmq_pollitem_t *items;
    size_t count;
    struct zn_waiter waiter;
    const void *sigmask;
    struct watch *watches;               /* NULL: not yet */
    struct zn_socket *first;             /* of the sockets: its spin is the call's; or NULL */
    uint32_t spin;                       /* for so many nanoseconds */
    struct zn_loan loan;
    int signal;                          /* raised by what happens to sockets; less than 0:
                                            there is none */
    int own;                             /* the same, if it is this call's; or less than 0 */
    bool has_fds;                        /* of the caller's */
    struct zn_pollfd *fds;               /* the signal, those of items, those on loan */

    struct watch few_watches[FEW];       /* for most calls these are enough */
    struct zn_pollfd few_fds[1 + FEW + ZN_LOAN_MAX];
};

/* ---- Looking. */

/* Sets revents of a socket's item; 1 if it is ready, 0, -errno. */
static int look_socket(zmq_pollitem_t *item)
{
    struct zn_socket *s;
    int rc = zn_handle_lock(item->socket, &s);
    if (rc < 0)
        return rc;
    if (zn_socket_stopped(s))
        rc = -ETERM;
    else
        item->revents = (short)(zn_socket_events(s) & (unsigned)item->events);
    zn_socket_unlock(s);
    return rc < 0 ? rc : item->revents != 0;
}

static int look_sockets(struct polling *p)
{
    int ready = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].socket == NULL)
            continue;
        p->items[i].revents = 0;
        int rc = look_socket(&p->items[i]);
        if (rc < 0)
            return rc;
        ready += rc;
    }
    return ready;
}

static int count_fds(struct polling *p)
{
    int ready = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].socket != NULL)
            continue;
        p->items[i].revents = p->fds[i + 1].revents;
        ready += p->items[i].revents != 0;
    }
    return ready;
}

static void list_fds(struct polling *p)
{
    p->fds[0] = (struct zn_pollfd){ .fd = p->signal, .events = ZN_FD_IN };
    for (size_t i = 0; i < p->count; i++) {
        const zmq_pollitem_t *item = &p->items[i];
        bool is_fd = item->socket == NULL;
        p->fds[i + 1] = (struct zn_pollfd){
            .fd = is_fd ? item->fd : -1,
            .events =
                is_fd ? (short)(item->events & (ZN_FD_IN | ZN_FD_OUT | ZN_FD_PRI)) : 0,
        };
    }
}

/* The caller's descriptors, without waiting. */
static int look_fds(struct polling *p)
{
    if (!p->has_fds && p->sigmask == NULL)
        return 0;
    list_fds(p);
    p->fds[0].fd = -1;
    int rc = zn_poll(p->fds, p->count + 1, 0, p->sigmask);
    return rc < 0 ? rc : count_fds(p);
}

/* All items. Sockets come last: to look at one may lower its ZMQ_FD, which can be an item too. */
static int look(struct polling *p)
{
    int fds = look_fds(p);
    int sockets = look_sockets(p);
    if (fds < 0 || sockets < 0)
        return sockets < 0 ? sockets : fds;
    return fds + sockets;
}

/* ---- Watching. */

static void unwatch(struct polling *p)
{
    for (size_t i = 0; p->watches != NULL && i < p->count; i++) {
        struct watch *w = &p->watches[i];
        if (w->socket == NULL)
            continue;
        zn_socket_unwatch(w->socket, &w->watcher);
        zn_socket_drop(w->socket);
    }
    if (p->watches != p->few_watches)
        zn_free(p->watches);
    p->watches = NULL;
}

/* Puts a watcher into each socket, and borrows what it can. */
static int watch(struct polling *p, uint64_t now)
{
    p->watches = p->few_watches;
    if (p->count > FEW)
        p->watches = zn_alloc(p->count * sizeof *p->watches);
    if (p->watches == NULL)
        return -ENOMEM;
    memset(p->watches, 0, p->count * sizeof *p->watches);
    for (size_t i = 0; i < p->count; i++) {
        struct watch *w = &p->watches[i];
        struct zn_flush flush = { .count = 0 };
        struct zn_socket *s;
        if (p->items[i].socket == NULL)
            continue;
        int rc = zn_handle_lock(p->items[i].socket, &s);
        if (rc < 0)
            return rc;
        zn_flush_collect(&flush, s);
        zn_socket_hold(s);
        w->socket = s;
        w->watcher.waiter = &p->waiter;
        w->watcher.signal = -1;
        zn_socket_watch(s, &w->watcher);
        if (p->first == NULL) {
            p->first = s;
            p->spin = zn_socket_spin(s);
        }
        if (p->items[i].events & ZMQ_POLLIN && zn_loan_pays(p->first, now))
            zn_loan_add(&p->loan, s);
        zn_socket_unlock(s);
        zn_flush_run(&flush, false);
    }
    return 0;
}

/* ---- Waiting. */

/* From here on no wake-up is missed. */
static void remember_wakes(struct polling *p)
{
    for (size_t i = 0; i < p->count; i++)
        p->watches[i].wakes =
            atomic_load_explicit(&p->watches[i].watcher.wakes, memory_order_seq_cst);
}

static bool was_woken(void *arg)
{
    struct polling *p = arg;
    for (size_t i = 0; i < p->count; i++)
        if (atomic_load_explicit(&p->watches[i].watcher.wakes, memory_order_acquire) !=
            p->watches[i].wakes)
            return true;
    zn_loan_read(&p->loan);
    if (p->loan.count == 0)
        zn_relax();
    return false;
}

static void unwatch_signals(struct polling *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->watches[i].socket != NULL)
            zn_socket_unwatch_signal(p->watches[i].socket, &p->watches[i].watcher);
}

/* False: something has happened already. */
static bool watch_signals(struct polling *p)
{
    bool still = true;
    for (size_t i = 0; i < p->count && still; i++) {
        struct watch *w = &p->watches[i];
        w->watcher.lasting = w->socket != NULL && w->socket->ctx == p->loan.ctx;
        still = w->socket == NULL ||
                zn_socket_watch_signal(w->socket, &w->watcher, p->signal, w->wakes);
    }
    if (!still)
        unwatch_signals(p);
    return still;
}

/* A program that is at its limit of descriptors still has those that it polls, which may be what
 * it gets others back by. */
#define WITHOUT_SIGNAL (10 * ZN_MS)

/* How much of ns it may sleep. */
static uint64_t open_signal(struct polling *p, uint64_t ns)
{
    if (p->signal >= 0 || p->first == NULL)
        return ns;
    p->signal = p->own = zn_signal_open();
    return p->signal >= 0 ? ns : ZN_MIN(ns, WITHOUT_SIGNAL);
}

/* How many descriptors of the caller's are ready, or 0, -errno. */
static int sleep_in_poll(struct polling *p, uint64_t ns)
{
    ns = open_signal(p, ns);
    if (zn_loan_settle(&p->loan) || !watch_signals(p))
        return 0;
    list_fds(p);
    int rc;
    if (p->loan.count > 0) {
        rc = zn_loan_poll(&p->loan, p->fds, p->count + 1, ns, p->sigmask);
    } else {
        rc = zn_poll(p->fds, p->count + 1, ns, p->sigmask);
        if (rc > 0 && p->fds[0].revents != 0)
            zn_signal_clear(p->signal);
    }
    unwatch_signals(p);
    if (rc < 0)
        return rc == -ETIMEDOUT ? 0 : rc;
    if (p->loan.count > 0)
        zn_loan_take(&p->loan, p->fds, p->count + 1);
    return rc == 0 ? 0 : count_fds(p);
}

static int sleep_once(struct polling *p, uint32_t key, uint64_t until)
{
    if (p->fds != NULL)
        return sleep_in_poll(p, zn_time_left(until));
    int rc = zn_waiter_wait(&p->waiter, key, zn_time_left(until));
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* Stays awake for a moment, if all that could happen would be seen so. */
static int spin_and_look(struct polling *p, uint64_t begin)
{
    if (p->has_fds || p->sigmask != NULL || p->first == NULL || p->count > FEW ||
        !zn_spin_pays(&p->first->spin, p->spin))
        return 0;
    remember_wakes(p);
    int rc = look_sockets(p);
    if (rc != 0)
        return rc;
    bool woken =
        zn_spin_wait(&p->first->spin, p->spin, begin, p->loan.streams, was_woken, p);
    return woken ? look_sockets(p) : 0;
}

/* Watchers are set: waits and looks until something is ready or time is up. */
static int wait_and_look(struct polling *p, uint64_t begin, uint64_t until)
{
    int rc = spin_and_look(p, begin);
    while (rc == 0) {
        bool last = zn_time_left(until) == 0;
        bool counts = p->fds == NULL;    /* events, that is */
        uint32_t key = counts ? zn_waiter_prepare(&p->waiter) : 0;
        remember_wakes(p);
        rc = look_sockets(p);
        if (rc == 0 && !last)
            rc = sleep_once(p, key, until);
        if (counts)
            zn_waiter_done(&p->waiter);
        if (last)
            break;
    }
    return rc < 0 || !p->has_fds ? rc : look(p);
}

/* ---- The call. */

/* A timeout beyond this many milliseconds (a hundred years) is as good as that. */
#define LONGEST 3155760000000

static uint64_t to_ns(int64_t ms)
{
    return (uint64_t)ZN_MIN(ms, LONGEST) * ZN_MS;
}

static bool has_fds(const struct polling *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].socket == NULL)
            return true;
    return false;
}

static int use_fds(struct polling *p)
{
    size_t places = 1 + p->count + ZN_LOAN_MAX;
    if (p->fds == NULL)
        p->fds = p->count <= FEW ? p->few_fds : zn_alloc(places * sizeof *p->fds);
    return p->fds == NULL ? -ENOMEM : 0;
}

static int poll_on(struct polling *p, uint64_t until)
{
    uint64_t begin = zn_now();
    zn_session_caller_waits();
    int rc = watch(p, begin);
    if (rc == 0 && p->loan.count > 0) {
        rc = use_fds(p);
        p->signal = zn_loan_signal(&p->loan);
    }
    if (rc == 0)
        rc = wait_and_look(p, begin, until);
    if (p->first != NULL)
        zn_spin_learn(&p->first->spin, p->spin, begin);
    zn_loan_end(&p->loan);
    unwatch(p);
    zn_sock_close(p->own);
    return rc;
}

int zn_poll_items(zmq_pollitem_t *items, size_t count, long timeout_ms,
                  const void *sigmask)
{
    struct polling p;
    memset(&p, 0, offsetof(struct polling, few_watches));
    p.items = items;
    p.count = count;
    p.signal = p.own = -1;
    p.sigmask = sigmask;
    zn_loan_init(&p.loan);
    uint64_t until = timeout_ms < 0 ? ZN_FOREVER : zn_now() + to_ns(timeout_ms);
    int rc = 0;
    p.has_fds = has_fds(&p);
    if (p.has_fds || sigmask != NULL)
        rc = use_fds(&p);
    if (rc == 0)
        rc = look(&p);
    if (rc == 0 && timeout_ms != 0)
        rc = poll_on(&p, until);
    if (p.fds != p.few_fds)
        zn_free(p.fds);
    return rc;
}

/* Nothing to look at: the time passes all the same. */
static int just_wait(long timeout_ms, const void *sigmask)
{
    if (timeout_ms == 0)
        return 0;
    return zn_poll(NULL, 0, timeout_ms < 0 ? ZN_FOREVER : to_ns(timeout_ms), sigmask);
}

static int poll_all(zmq_pollitem_t *items, int count, long timeout_ms,
                    const void *sigmask)
{
    if (count < 0)
        return zn_result(-EINVAL);
    if (count == 0)
        return zn_result(just_wait(timeout_ms, sigmask));
    if (items == NULL)
        return zn_result(-EFAULT);
    return zn_result(zn_poll_items(items, (size_t)count, timeout_ms, sigmask));
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms)
{
    return poll_all(items, count, timeout_ms, NULL);
}

int zmq_ppoll(zmq_pollitem_t *items, int count, long timeout_ms, const sigset_t *sigmask)
{
    return poll_all(items, count, timeout_ms, sigmask);
}

/* io/loop.c - see loop.h. Timers are a pairing heap; posted tasks a stack that is taken
 * whole and turned round. */
#include "io/loop.h"

enum { BATCH = 256 };

/* So many tasks are run before the descriptors are looked at again: to make thousands of
 * connections takes a while, in which those that there are shall not wait. */
enum { TASKS_A_TURN = 64 };

struct zn_loop {
    int poller;
    int wake;                            /* a signal: tasks are waiting */
    _Atomic(struct zn_task *) tasks;
    _Atomic uint32_t asleep;
    _Atomic uint32_t load;
    _Atomic bool stop;
    struct zn_thread *thread;

    struct zn_timer *first_timer;        /* the next to fire */
    struct zn_retired *retired;
    uint64_t now;
    struct zn_task *due;                 /* taken, to be run before more are taken */
    struct zn_task *deferred;            /* to the end of a doze */
    bool sends;                          /* were among the tasks of this turn */
    uint64_t last_sends;                 /* when there were any */
    uint64_t doze_until;
    _Atomic bool streams;                /* doze_until is set, and sends wait for it */
    bool expects;                        /* more, soon */
    uint32_t expected, came;             /* how often, and how often it was so */
    uint32_t round, served, served_before;   /* how many, in this one and in the last */
    uint8_t *scratch;
};

/* ---- Timers: a pairing heap. It lies in the timers themselves, so that none is ever
 * lost for want of memory. */

/* Puts the later of two heaps under the earlier one. */
static struct zn_timer *meld(struct zn_timer *a, struct zn_timer *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    if (b->at < a->at) {
        struct zn_timer *later = a;
        a = b;
        b = later;
    }
    b->next = a->child;
    if (b->next != NULL)
        b->next->link = &b->next;
    b->link = &a->child;
    a->child = b;
    a->next = NULL;
    return a;
}

/* Makes one heap of the children of a timer that goes. */
static struct zn_timer *meld_children(struct zn_timer *t)
{
    struct zn_timer *pairs = NULL, *all = NULL;
    while (t != NULL) {
        struct zn_timer *a = t, *b = t->next;
        t = b != NULL ? b->next : NULL;
        a->next = NULL;
        if (b != NULL)
            b->next = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct zn_timer *next = pairs->next;
        pairs->next = NULL;
        all = meld(all, pairs);
        pairs = next;
    }
    return all;
}

static void set_first(struct zn_loop *loop, struct zn_timer *t)
{
    loop->first_timer = t;
    if (t != NULL)
        t->link = &loop->first_timer;
}

void zn_loop_set_timer(struct zn_loop *loop, struct zn_timer *t, uint64_t at)
{
    zn_loop_clear_timer(loop, t);
    t->at = at;
    t->child = t->next = NULL;
    set_first(loop, meld(loop->first_timer, t));
}

void zn_loop_clear_timer(struct zn_loop *loop, struct zn_timer *t)
{
    if (!zn_timer_is_set(t))
        return;
    *t->link = t->next;
    if (t->next != NULL)
        t->next->link = t->link;
    t->link = NULL;
    set_first(loop, meld(loop->first_timer, meld_children(t->child)));
}

static void fire_timers(struct zn_loop *loop)
{
    while (loop->first_timer != NULL && loop->first_timer->at <= loop->now) {
        struct zn_timer *t = loop->first_timer;
        zn_loop_clear_timer(loop, t);
        t->fire(t);
    }
}

/* ---- Tasks. */

void zn_loop_wake(struct zn_loop *loop)
{
    zn_signal_raise(loop->wake);
}

bool zn_loop_post(struct zn_loop *loop, struct zn_task *t, struct zn_loop **wake)
{
    if (atomic_exchange_explicit(&t->queued, 1, memory_order_acq_rel))
        return false;
    struct zn_task *head = atomic_load_explicit(&loop->tasks, memory_order_relaxed);
    do
        t->next = head;
    while (!atomic_compare_exchange_weak_explicit(
        &loop->tasks, &head, t, memory_order_seq_cst, memory_order_relaxed));
    if (!atomic_load_explicit(&loop->asleep, memory_order_seq_cst) ||
        !atomic_exchange_explicit(&loop->asleep, 0, memory_order_acq_rel))
        return true;
    if (wake != NULL && *wake == NULL)
        *wake = loop;
    else
        zn_loop_wake(loop);
    return true;
}

bool zn_loop_defer(struct zn_loop *loop, struct zn_task *t)
{
    if (atomic_exchange_explicit(&t->queued, 1, memory_order_acq_rel))
        return false;
    t->next = loop->deferred;
    loop->deferred = t;
    return true;
}

static void take_tasks(struct zn_loop *loop)
{
    struct zn_task *taken =
        atomic_exchange_explicit(&loop->tasks, NULL, memory_order_acquire);
    loop->due = loop->deferred;
    loop->deferred = NULL;
    while (taken != NULL) {
        struct zn_task *next = taken->next;
        taken->next = loop->due;
        loop->due = taken;
        taken = next;
    }
}

static void run_tasks(struct zn_loop *loop)
{
    if (loop->due == NULL)
        take_tasks(loop);
    for (int n = 0; n < TASKS_A_TURN && loop->due != NULL; n++) {
        struct zn_task *t = loop->due;
        loop->due = t->next;
        atomic_store_explicit(&t->queued, 0, memory_order_release);
        t->run(t);
    }
}

/* ---- The thread. */

static void bury(struct zn_loop *loop)
{
    while (loop->retired != NULL) {
        struct zn_retired *r = loop->retired;
        loop->retired = r->next;
        r->free(r);
    }
}

/* Sends that come close together are a stream. Then the loop looks for them every now and
 * then of itself, so that they come in batches and nobody has to wake it for each. If all that
 * there is has been deferred, it sleeps a little longer, and whoever brings something new wakes
 * it: its turns would only take the cores from those who move the messages. */
#define DOZE 50000u
#define LONG_DOZE 200000u
#define STREAM_GAP (DOZE + 20000u)

static void set_doze(struct zn_loop *loop, uint64_t until, bool sends)
{
    loop->doze_until = until;
    atomic_store_explicit(&loop->streams, sends, memory_order_relaxed);
}

static void watch_for_stream(struct zn_loop *loop)
{
    uint64_t now = zn_now();
    if (loop->sends) {
        if (loop->now - loop->last_sends < STREAM_GAP)
            set_doze(loop, now + DOZE, true);
        loop->last_sends = now;
    } else if (loop->deferred != NULL) {
        set_doze(loop, now + LONG_DOZE, false);
    }
    loop->sends = false;
}

/* Whether there is something to do before the loop may sleep. From here on whoever brings
 * something wakes it. */
static bool is_busy(struct zn_loop *loop)
{
    atomic_store_explicit(&loop->asleep, 1, memory_order_seq_cst);
    return atomic_load_explicit(&loop->tasks, memory_order_seq_cst) != NULL ||
           atomic_load_explicit(&loop->stop, memory_order_seq_cst);
}

static uint64_t time_to_sleep(struct zn_loop *loop)
{
    if (loop->due != NULL)
        return 0;
    if (loop->doze_until > 0) {
        uint64_t now = zn_now(), until = loop->doze_until;
        if (loop->first_timer != NULL)
            until = ZN_MIN(until, loop->first_timer->at);
        bool patient = !atomic_load_explicit(&loop->streams, memory_order_relaxed);
        if (until > now)
            return patient && is_busy(loop) ? 0 : until - now;
        set_doze(loop, 0, false);
    }
    if (is_busy(loop) || loop->deferred != NULL)
        return 0;
    if (loop->first_timer == NULL)
        return ZN_FOREVER;
    uint64_t now = zn_now();
    /* Whole milliseconds are good enough for timers. */
    return loop->first_timer->at > now ? ZN_MAX(loop->first_timer->at - now, ZN_MS) : 0;
}

/* The next message, or a peer's answer, may come sooner than this thread could fall asleep and
 * be woken. It is waited for awake as long as that has been so of late. */
#define EXPECT_TRIAL 16u

static bool has_tasks(struct zn_loop *loop)
{
    return atomic_load_explicit(&loop->tasks, memory_order_relaxed) != NULL;
}

static int wait_awake(struct zn_loop *loop, struct zn_poller_event *events)
{
    if (!loop->expects || loop->due != NULL || zn_cores() < 2)
        return 0;
    loop->expects = false;
    bool pays = loop->came * 2 >= loop->expected;
    if (++loop->expected % EXPECT_TRIAL != 0 && !pays)
        return 0;
    if (loop->expected >= 64) {
        loop->expected /= 2;
        loop->came /= 2;
    }
    uint64_t begin = zn_now();
    int n = 0;
    do {
        n = zn_poller_wait(loop->poller, events, BATCH, 0);
        if (n == 0)
            zn_yield();
    } while (n == 0 && zn_now() - begin < ZN_LOOP_AWAKE * 1000u && !has_tasks(loop));
    loop->came += n > 0 || has_tasks(loop);
    return n;
}

bool zn_loop_serves_others(struct zn_loop *loop, uint32_t *last)
{
    if (*last != loop->round)
        loop->served++;
    *last = loop->round;
    return loop->served > 1 || loop->served_before > 1;
}

static void loop_main(void *arg)
{
    struct zn_loop *loop = arg;
    struct zn_poller_event events[BATCH];

    while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
        int n = wait_awake(loop, events);
        if (n <= 0)
            n = zn_poller_wait(loop->poller, events, BATCH, time_to_sleep(loop));
        atomic_store_explicit(&loop->asleep, 0, memory_order_relaxed);
        loop->now = zn_now();
        loop->round++;
        loop->served_before = loop->served;
        loop->served = 0;
        for (int i = 0; i < n; i++) {
            struct zn_watch *w = events[i].udata;
            if (w == NULL)
                zn_signal_clear(loop->wake);
            else
                w->ready(w, events[i].events);
        }
        run_tasks(loop);
        if (loop->sends || loop->deferred != NULL)
            watch_for_stream(loop);
        fire_timers(loop);
        bury(loop);
    }
    while (loop->due != NULL || loop->deferred != NULL || has_tasks(loop))
        run_tasks(loop);
    bury(loop);
}

static void loop_close(struct zn_loop *loop)
{
    zn_sock_close(loop->wake);
    zn_sock_close(loop->poller);
    zn_free(loop->scratch);
    zn_free(loop);
}

int zn_loop_new(struct zn_loop **out, const char *name,
                const struct zn_thread_options *options)
{
    struct zn_loop *loop = zn_zalloc(sizeof *loop);
    if (loop == NULL)
        return -ENOMEM;
    loop->wake = -1;
    loop->now = zn_now();

    int rc = loop->poller = zn_poller_open();
    if (rc >= 0)
        rc = loop->wake = zn_signal_open();
    if (rc >= 0)
        rc = zn_poller_add(loop->poller, loop->wake, NULL, false);
    if (rc >= 0) {
        loop->scratch = zn_alloc(ZN_LOOP_SCRATCH);
        rc = loop->scratch == NULL ? -ENOMEM : 0;
    }
    if (rc >= 0)
        rc = zn_thread_start(&loop->thread, name, options, loop_main, loop);
    if (rc < 0) {
        loop_close(loop);
        return rc;
    }
    *out = loop;
    return 0;
}

void zn_loop_free(struct zn_loop *loop)
{
    atomic_store_explicit(&loop->stop, true, memory_order_seq_cst);
    zn_signal_raise(loop->wake);
    zn_thread_join(loop->thread);
    loop_close(loop);
}

void zn_loop_abandon(struct zn_loop *loop)
{
    zn_sock_close(loop->wake);
    zn_sock_close(loop->poller);
}

uint32_t zn_loop_load(const struct zn_loop *loop)
{
    return atomic_load_explicit(&loop->load, memory_order_relaxed);
}

bool zn_loop_streams(const struct zn_loop *loop)
{
    return atomic_load_explicit(&loop->streams, memory_order_relaxed);
}

void zn_loop_note_send(struct zn_loop *loop)
{
    loop->sends = true;
}

void zn_loop_expect(struct zn_loop *loop)
{
    loop->expects = true;
}

void zn_loop_add_load(struct zn_loop *loop, int delta)
{
    atomic_fetch_add_explicit(&loop->load, (uint32_t)delta, memory_order_relaxed);
}

int zn_loop_watch(struct zn_loop *loop, struct zn_watch *w, int fd, bool edge)
{
    return zn_poller_add(loop->poller, fd, w, edge);
}

void zn_loop_unwatch(struct zn_loop *loop, int fd)
{
    zn_poller_remove(loop->poller, fd);
}

void zn_loop_retire(struct zn_loop *loop, struct zn_retired *r)
{
    r->next = loop->retired;
    loop->retired = r;
}

uint8_t *zn_loop_scratch(struct zn_loop *loop)
{
    return loop->scratch;
}

uint64_t zn_loop_now(const struct zn_loop *loop)
{
    return loop->now;
}

uint32_t zn_loop_round(const struct zn_loop *loop)
{
    return loop->round;
}

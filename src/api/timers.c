/* api/timers.c - zmq_timers_*: repeating timers that run when they are asked to.
 *
 * A binary heap ordered by time, then by when it was set; a map finds a timer by its
 * id. What is due is first taken off the heap, then run: handlers may add, cancel and
 * reset at will, and a timer of no interval runs once at each execute (libzmq never
 * returns from that one). */
#include <limits.h>
#include <zmq.h>

#include "api/result.h"
#include "base/list.h"
#include "core/map.h"
#include "platform/platform.h"

#define TIMERS_TAG 0x7a6e746du

enum { NOT_QUEUED = -1 };

struct timer {
    int id;
    bool cancelled;
    bool running;                        /* its handler is: freed after */
    ptrdiff_t at;                        /* in the heap, or NOT_QUEUED */
    uint64_t due, order;
    uint64_t interval;                   /* ns */
    zmq_timer_fn *handler;
    void *arg;
    struct zn_list link;                 /* in `due`, while an execute lasts */
};

struct timers {
    uint32_t tag;
    int last_id;
    unsigned executing;                  /* handlers may execute, too */
    bool destroyed;                      /* by a handler: freed after */
    uint64_t orders;
    struct timer **heap;
    size_t count, cap;
    struct zn_list due;
    struct zn_map by_id;
};

static struct timers *check(void *handle)
{
    struct timers *t = handle;
    return t == NULL || t->tag != TIMERS_TAG ? NULL : t;
}

static struct zn_bytes key_of(const int *id)
{
    return (struct zn_bytes){ (const uint8_t *)id, sizeof *id };
}

static struct timer *find(const struct timers *t, int id)
{
    return zn_map_get(&t->by_id, key_of(&id));
}

/* ---- The heap. */

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct timers *t, size_t at, struct timer *x)
{
    t->heap[at] = x;
    x->at = (ptrdiff_t)at;
}

static void rise(struct timers *t, size_t at, struct timer *x)
{
    while (at > 0 && earlier(x, t->heap[(at - 1) / 2])) {
        put(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(t, at, x);
}

static void sink(struct timers *t, size_t at, struct timer *x)
{
    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < t->count && earlier(t->heap[child + 1], t->heap[child]))
            child++;
        if (child >= t->count || !earlier(t->heap[child], x))
            break;
        put(t, at, t->heap[child]);
        at = child;
    }
    put(t, at, x);
}

static void dequeue(struct timers *t, struct timer *x)
{
    zn_list_remove(&x->link);
    if (x->at == NOT_QUEUED)
        return;

    size_t at = (size_t)x->at;
    struct timer *last = t->heap[--t->count];

    x->at = NOT_QUEUED;
    if (last == x)
        return;
    if (at > 0 && earlier(last, t->heap[(at - 1) / 2]))
        rise(t, at, last);
    else
        sink(t, at, last);
}

/* There is room: zmq_timers_add() made it. */
static void queue(struct timers *t, struct timer *x, uint64_t now)
{
    dequeue(t, x);
    x->due = x->interval > UINT64_MAX - now ? UINT64_MAX : now + x->interval;
    x->order = t->orders++;
    rise(t, t->count++, x);
}

/* Room for every timer there is, and one more. */
static int reserve(struct timers *t)
{
    if (t->by_id.count < t->cap)
        return 0;

    size_t cap = t->cap == 0 ? 8 : t->cap * 2;
    struct timer **heap = zn_realloc(t->heap, cap * sizeof(struct timer *));
    if (heap == NULL)
        return -ENOMEM;
    t->heap = heap;
    t->cap = cap;
    return 0;
}

/* ---- The calls. */

void *zmq_timers_new(void)
{
    struct timers *t = zn_zalloc(sizeof *t);
    if (t == NULL)
        return zn_null_result(-ENOMEM);

    t->tag = TIMERS_TAG;
    zn_list_init(&t->due);
    zn_map_init(&t->by_id);
    return t;
}

static void free_timer(void *value, void *arg)
{
    struct timer *x = value;

    (void)arg;
    if (x->running)
        x->cancelled = true;
    else
        zn_free(x);
}

static void free_timers(struct timers *t)
{
    zn_map_each(&t->by_id, free_timer, NULL);
    zn_map_fini(&t->by_id);
    zn_free(t->heap);
    t->heap = NULL;
    t->count = 0;
    zn_list_init(&t->due);
    if (t->executing > 0)
        t->destroyed = true;
    else
        zn_free(t);
}

int zmq_timers_destroy(void **timers)
{
    struct timers *t = timers == NULL ? NULL : check(*timers);
    if (t == NULL)
        return zn_result(-EFAULT);

    t->tag = 0;
    *timers = NULL;
    free_timers(t);
    return 0;
}

static uint64_t to_ns(uint64_t ms)
{
    return ms > UINT64_MAX / ZN_MS ? UINT64_MAX : ms * ZN_MS;
}

int zmq_timers_add(void *timers, size_t interval, zmq_timer_fn handler, void *arg)
{
    struct timers *t = check(timers);
    if (t == NULL || handler == NULL)
        return zn_result(-EFAULT);
    if (t->last_id == INT_MAX || reserve(t) < 0)
        return zn_result(-ENOMEM);

    struct timer *x = zn_zalloc(sizeof *x);
    if (x == NULL)
        return zn_result(-ENOMEM);
    x->id = t->last_id + 1;
    x->at = NOT_QUEUED;
    x->interval = to_ns(interval);
    x->handler = handler;
    x->arg = arg;
    zn_list_init(&x->link);

    int rc = zn_map_put(&t->by_id, key_of(&x->id), x);
    if (rc < 0) {
        zn_free(x);
        return zn_result(rc);
    }
    t->last_id = x->id;
    queue(t, x, zn_now());
    return x->id;
}

int zmq_timers_cancel(void *timers, int timer_id)
{
    struct timers *t = check(timers);
    if (t == NULL)
        return zn_result(-EFAULT);

    struct timer *x = find(t, timer_id);
    if (x == NULL)
        return zn_result(-EINVAL);
    zn_map_remove(&t->by_id, key_of(&x->id));
    dequeue(t, x);
    free_timer(x, NULL);
    return 0;
}

int zmq_timers_set_interval(void *timers, int timer_id, size_t interval)
{
    struct timers *t = check(timers);
    if (t == NULL)
        return zn_result(-EFAULT);

    struct timer *x = find(t, timer_id);
    if (x == NULL)
        return zn_result(-EINVAL);
    x->interval = to_ns(interval);
    queue(t, x, zn_now());
    return 0;
}

int zmq_timers_reset(void *timers, int timer_id)
{
    struct timers *t = check(timers);
    if (t == NULL)
        return zn_result(-EFAULT);

    struct timer *x = find(t, timer_id);
    if (x == NULL)
        return zn_result(-EINVAL);
    queue(t, x, zn_now());
    return 0;
}

/* Rounded up: who waits that long finds the timer due. */
long zmq_timers_timeout(void *timers)
{
    struct timers *t = check(timers);
    if (t == NULL)
        return zn_result(-EFAULT);
    if (!zn_list_empty(&t->due))
        return 0;
    if (t->count == 0)
        return -1;

    uint64_t now = zn_now(), due = t->heap[0]->due;
    if (due <= now)
        return 0;
    uint64_t ms = (due - now - 1) / ZN_MS + 1;
    return ms > LONG_MAX ? LONG_MAX : (long)ms;
}

/* Runs one, and queues it again unless its handler has done so, or has cancelled it. */
static void run(struct timers *t, struct timer *x, uint64_t now)
{
    zn_list_remove(&x->link);
    if (x->running)                      /* its handler is executing, in vain */
        return;

    x->running = true;
    x->handler(x->id, x->arg);
    x->running = false;
    if (x->cancelled)
        zn_free(x);
    else if (x->at == NOT_QUEUED)
        queue(t, x, now);
}

int zmq_timers_execute(void *timers)
{
    struct timers *t = check(timers);
    if (t == NULL)
        return zn_result(-EFAULT);

    uint64_t now = zn_now();
    while (t->count > 0 && t->heap[0]->due <= now) {
        struct timer *x = t->heap[0];
        dequeue(t, x);
        zn_list_append(&t->due, &x->link);
    }

    t->executing++;
    while (!zn_list_empty(&t->due))
        run(t, ZN_CONTAINER(t->due.next, struct timer, link), now);
    t->executing--;
    if (t->destroyed && t->executing == 0)
        zn_free(t);
    return 0;
}

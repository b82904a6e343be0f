/* transports/ring.c - see ring.h.
 *
 * Publishing is an exchange and not a store: it must be seen before the other side's word is
 * read. On x86 that is one locked instruction, where a store and a fence would be two. */
#include "transports/ring.h"

void zn_ring_writer_init(struct zn_ring_writer *w, struct zn_ring_shared *shared,
                         uint8_t *data, uint32_t size)
{
    *w = (struct zn_ring_writer){ .shared = shared, .data = data, .size = size };
}

static int look_at_head(struct zn_ring_writer *w)
{
    uint64_t head = atomic_load_explicit(&w->shared->head, memory_order_seq_cst);
    if (head - w->head > w->shown - w->head)     /* it only grows, up to what was shown */
        return -EPROTO;
    w->head = head;
    return 0;
}

static size_t room(const struct zn_ring_writer *w, uint32_t most)
{
    uint64_t used = w->tail - w->head;
    return used < most ? (size_t)(most - used) : 0;
}

ptrdiff_t zn_ring_room(struct zn_ring_writer *w, size_t want, uint32_t most)
{
    most = ZN_MIN(most, w->size);
    if (room(w, most) < want && look_at_head(w) < 0)
        return -EPROTO;
    return (ptrdiff_t)ZN_MIN(room(w, most), want);
}

void zn_ring_put(struct zn_ring_writer *w, const void *from, size_t n)
{
    size_t at = (size_t)(w->tail & (w->size - 1));
    size_t first = ZN_MIN(n, w->size - at);
    memcpy(w->data + at, from, first);
    if (first < n)
        memcpy(w->data, (const uint8_t *)from + first, n - first);
    w->tail += n;
}

bool zn_ring_show(struct zn_ring_writer *w)
{
    struct zn_ring_shared *s = w->shared;
    w->shown = w->tail;
    atomic_exchange_explicit(&s->tail, w->tail, memory_order_seq_cst);
    return atomic_load_explicit(&s->asleep, memory_order_seq_cst) != 0 &&
           atomic_exchange_explicit(&s->asleep, 0, memory_order_seq_cst) != 0;
}

bool zn_ring_want(struct zn_ring_writer *w, uint32_t left)
{
    struct zn_ring_shared *s = w->shared;
    atomic_exchange_explicit(&s->wanted, left, memory_order_seq_cst);
    /* One that cannot be is found out when room is looked for. */
    if (look_at_head(w) == 0 && w->tail - w->head >= left)
        return true;
    atomic_store_explicit(&s->wanted, 0, memory_order_relaxed);
    return false;
}

bool zn_ring_is_read(struct zn_ring_writer *w)
{
    return look_at_head(w) == 0 && w->head == w->tail;
}

void zn_ring_reader_init(struct zn_ring_reader *r, struct zn_ring_shared *shared,
                         const uint8_t *data, uint32_t size)
{
    *r = (struct zn_ring_reader){ .shared = shared, .data = data, .size = size };
}

ptrdiff_t zn_ring_left(const struct zn_ring_reader *r)
{
    uint64_t tail = atomic_load_explicit(&r->shared->tail, memory_order_seq_cst);
    uint64_t left = tail - r->head;
    return left <= r->size ? (ptrdiff_t)left : -EPROTO;
}

void zn_ring_take(struct zn_ring_reader *r, void *to, size_t n)
{
    size_t at = (size_t)(r->head & (r->size - 1));
    size_t first = ZN_MIN(n, r->size - at);
    memcpy(to, r->data + at, first);
    if (first < n)
        memcpy((uint8_t *)to + first, r->data, n - first);
    r->head += n;
}

bool zn_ring_free(struct zn_ring_reader *r)
{
    struct zn_ring_shared *s = r->shared;
    r->freed = r->head;
    atomic_exchange_explicit(&s->head, r->head, memory_order_seq_cst);
    uint32_t wanted = atomic_load_explicit(&s->wanted, memory_order_seq_cst);
    if (ZN_LIKELY(wanted == 0))
        return false;
    /* Who waits writes nothing: so this is the tail that it waits with. */
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_seq_cst);
    return tail - r->head < wanted &&
           atomic_exchange_explicit(&s->wanted, 0, memory_order_seq_cst) != 0;
}

void zn_ring_sleep(struct zn_ring_reader *r)
{
    r->asleep = true;
    atomic_exchange_explicit(&r->shared->asleep, 1, memory_order_seq_cst);
}

void zn_ring_wake(struct zn_ring_reader *r)
{
    r->asleep = false;
    atomic_store_explicit(&r->shared->asleep, 0, memory_order_relaxed);
}

/* fuzz/shm_ring.c - a ring whose other side writes whatever it likes into what is shared: no
 * byte outside of the ring is touched, and no more is read or written than there can be. */
#include <stdlib.h>

#include "transports/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 256 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* One step of ours, on either side. */
static void step(struct zn_ring_writer *w, struct zn_ring_reader *r, uint8_t what,
                 uint8_t n)
{
    static uint8_t bytes[SIZE];
    ptrdiff_t rc;

    switch (what % 8) {
    case 0:
        rc = zn_ring_room(w, n, n % 3 ? SIZE : n);
        check(rc == -EPROTO || (rc >= 0 && rc <= n && rc <= SIZE));
        if (rc > 0)
            zn_ring_put(w, bytes, (size_t)rc);
        break;
    case 1:
        zn_ring_show(w);
        break;
    case 2:
        zn_ring_want(w, n);
        break;
    case 3:
        zn_ring_is_read(w);
        break;
    case 4:
        rc = zn_ring_left(r);
        check(rc == -EPROTO || (rc >= 0 && rc <= SIZE));
        if (rc > 0)
            zn_ring_take(r, bytes, ZN_MIN((size_t)rc, (size_t)n));
        break;
    case 5:
        zn_ring_free(r);
        break;
    case 6:
        zn_ring_sleep(r);
        break;
    default:
        zn_ring_wake(r);
        break;
    }
}

/* One lie of the peer's: into a count, exact or near what it was. */
static const uint8_t *lie(struct zn_ring_shared *s, uint8_t what, const uint8_t *p)
{
    uint64_t value = zn_get_u64(p);
    if (what & 1)
        atomic_store(&s->tail, value);
    if (what & 2)
        atomic_store(&s->head, value);
    if (what & 4)
        atomic_fetch_add(&s->tail, p[0]);
    if (what & 8)
        atomic_fetch_add(&s->head, p[1]);
    if (what & 16)
        atomic_store(&s->asleep, (uint32_t)value);
    if (what & 32)
        atomic_store(&s->wanted, (uint32_t)value);
    return p + 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *p = data, *end = data + size;
    struct zn_ring_shared *shared = aligned_alloc(128, 2 * sizeof *shared);
    uint8_t *out = zn_zalloc(SIZE), *in = zn_zalloc(SIZE);
    struct zn_ring_writer w;
    struct zn_ring_reader r;

    check(shared != NULL && out != NULL && in != NULL);
    memset(shared, 0, 2 * sizeof *shared);
    zn_ring_writer_init(&w, &shared[0], out, SIZE);
    zn_ring_reader_init(&r, &shared[1], in, SIZE);
    while (end - p >= 2) {
        uint8_t what = p[0], n = p[1];
        p += 2;
        if (what & 128 && end - p >= 8)
            p = lie(&shared[n & 1], what, p);
        else
            step(&w, &r, what, n);
    }
    free(shared);
    zn_free(out);
    zn_free(in);
    return 0;
}

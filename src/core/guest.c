/* core/guest.c - see guest.h. */
#include "core/guest.h"

#include "core/map.h"

enum { HOST_MAX = 64 };

struct zn_door {
    _Atomic uint32_t refs;
    struct zn_lock lock;                 /* guards what follows, and the guests */
    int count, most, most_per_address;
    struct zn_map guests;                /* by host */
};

struct zn_guest {
    struct zn_door *door;
    int count;
    bool counts;                         /* it has an address of its own */
    char host[HOST_MAX];                 /* "-" for all peers by ipc, which have none */
};

struct zn_door *zn_door_new(int most, int most_per_address)
{
    struct zn_door *d = zn_zalloc(sizeof *d);
    if (d == NULL)
        return NULL;
    atomic_store_explicit(&d->refs, 1, memory_order_relaxed);
    d->most = most;
    d->most_per_address = most_per_address;
    zn_map_init(&d->guests);
    return d;
}

void zn_door_drop(struct zn_door *d)
{
    if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    zn_map_fini(&d->guests);
    zn_free(d);
}

static struct zn_bytes name_of(const struct zn_guest *g)
{
    return (struct zn_bytes){ (const uint8_t *)g->host, strlen(g->host) };
}

/* The guest of that host, a new one if need be; NULL: no memory. */
static struct zn_guest *find_guest(struct zn_door *d, const struct zn_guest *like)
{
    struct zn_guest *g = zn_map_get(&d->guests, name_of(like));
    if (g != NULL)
        return g;
    g = zn_alloc(sizeof *g);
    if (g == NULL)
        return NULL;
    *g = *like;
    if (zn_map_put(&d->guests, name_of(g), g) < 0) {
        zn_free(g);
        return NULL;
    }
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return g;
}

static bool is_full(int count, int most)
{
    return most > 0 && count >= most;
}

static int enter(struct zn_door *d, const struct zn_guest *like, struct zn_guest **out)
{
    if (is_full(d->count, d->most))
        return -ECONNREFUSED;
    struct zn_guest *g = find_guest(d, like);
    if (g == NULL)
        return -ENOMEM;
    if (g->counts && is_full(g->count, d->most_per_address))
        return -ECONNREFUSED;            /* it is not new: it has others */
    g->count++;
    d->count++;
    *out = g;
    return 0;
}

int zn_door_enter(struct zn_door *d, const struct zn_addr *from, struct zn_guest **out)
{
    struct zn_guest like = { .door = d, .host = "-" };
    like.counts = zn_addr_family(from) != ZN_AF_LOCAL &&
                  zn_addr_host_text(from, like.host, sizeof like.host) == 0;
    zn_lock(&d->lock);
    int rc = enter(d, &like, out);
    zn_unlock(&d->lock);
    return rc;
}

void zn_guest_leave(struct zn_guest *g)
{
    if (g == NULL)
        return;
    struct zn_door *d = g->door;
    zn_lock(&d->lock);
    d->count--;
    bool last = --g->count == 0;
    if (last)
        zn_map_remove(&d->guests, name_of(g));
    zn_unlock(&d->lock);
    if (!last)
        return;
    zn_free(g);
    zn_door_drop(d);
}

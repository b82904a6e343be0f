/* patterns/shared/peer_ids.c - peers known by their routing ids. */
#include "patterns/shared/peer_ids.h"

#include <errno.h>

#include "base/alloc.h"

#define AUTO_ID_SIZE 5

struct name {
    size_t size;
    uint8_t bytes[];
};

void zn_ids_init(struct zn_peer_ids *ids)
{
    zn_map_init(&ids->map);
    ids->counter = zn_random_u32();
}

void zn_ids_fini(struct zn_peer_ids *ids)
{
    zn_map_fini(&ids->map);
}

int zn_ids_name_chosen(struct zn_peer_ids *ids, struct zn_end *e)
{
    struct zn_bytes chosen = zn_socket_chosen_id(e);

    if (chosen.size == 0)
        return 0;
    int rc = zn_ids_name(ids, e, chosen);
    return rc < 0 ? rc : 1;
}

int zn_ids_name(struct zn_peer_ids *ids, struct zn_end *e, struct zn_bytes id)
{
    struct name *n = zn_alloc(sizeof(*n) + id.size);
    if (n == NULL)
        return -ENOMEM;
    n->size = id.size;
    memcpy(n->bytes, id.data, id.size);

    int rc = zn_map_put(&ids->map, (struct zn_bytes){ n->bytes, n->size }, e);
    if (rc < 0)
        goto free_name;

    e->user = n;
    return 0;

free_name:
    zn_free(n);
    return rc == -EEXIST ? -EADDRINUSE : rc;
}

int zn_ids_name_auto(struct zn_peer_ids *ids, struct zn_end *e)
{
    uint8_t id[AUTO_ID_SIZE] = { 0 };
    int rc;

    /* Peers choose their ids as they like, one of ours too. */
    do {
        zn_put_u32(id + 1, ids->counter++);
        rc = zn_ids_name(ids, e, (struct zn_bytes){ id, sizeof(id) });
    } while (rc == -EADDRINUSE);
    return rc;
}

struct zn_end *zn_ids_find(const struct zn_peer_ids *ids, struct zn_bytes id)
{
    return zn_map_get(&ids->map, id);
}

struct zn_bytes zn_ids_of(const struct zn_end *e)
{
    const struct name *n = e->user;

    return n == NULL ? (struct zn_bytes){ NULL, 0 }
                     : (struct zn_bytes){ n->bytes, n->size };
}

void zn_ids_unlist(struct zn_peer_ids *ids, struct zn_end *e)
{
    struct zn_bytes id = zn_ids_of(e);

    /* Its id may be somebody else's by now. */
    if (id.data != NULL && zn_map_get(&ids->map, id) == e)
        zn_map_remove(&ids->map, id);
}

void zn_ids_drop(struct zn_peer_ids *ids, struct zn_end *e)
{
    zn_ids_unlist(ids, e);
    zn_free(e->user);
    e->user = NULL;
}

int zn_ids_recv(struct zn_fair_queue *q, struct zn_socket *s, struct zn_incoming *in)
{
    if (q->more)
        return zn_fq_recv(q, s, in);

    struct zn_frame f;
    struct zn_end *e = zn_fq_peek(q, s, &f);
    if (e == NULL)
        return -EAGAIN;

    struct zn_bytes id = zn_ids_of(e);

    q->more = true;                      /* e's message is in hand, all of it to come */
    in->frame = (struct zn_frame){ .data = id.data, .size = id.size, .flags = ZN_MORE };
    in->end = NULL;
    in->from = e;
    in->metadata = e->metadata;
    in->routing_id = 0;
    return 0;
}

/* patterns/shared/prefix_tree.c - byte strings found by being a prefix. */
#include "patterns/shared/prefix_tree.h"

#include "platform/platform.h"

#define SIZE_MASK 0x0fu
#define MARKED 0x40u
#define FREED 0x80u

#define FIRST_BITS 4u
#define MAX_EDGES (1u << 28)             /* four bits of a place tell strangers off */

/* ---- The table of edges: open addressing. A place holds a node's number in its low
 * bits and, in those that the number does not need, part of its hash: a stranger is
 * told from the one wanted without a look at the node. */

static uint64_t hash(const struct zn_prefix_tree *t, uint32_t parent, uint8_t byte)
{
    uint64_t h = ((uint64_t)parent << 8 | byte) ^ t->seed;

    h *= 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
    return h * 0xd6e8feb86659fd93u;
}

static uint32_t slot_of(const struct zn_prefix_tree *t, uint64_t h)
{
    return (uint32_t)(h >> (64 - t->bits));
}

static uint32_t id_mask(const struct zn_prefix_tree *t)
{
    return ((uint32_t)1 << t->bits) - 1;
}

static uint32_t tag_of(const struct zn_prefix_tree *t, uint64_t h)
{
    return (uint32_t)(h >> 16) & ~id_mask(t);
}

/* The place of the edge, or the empty one at which it was missed. */
static uint32_t edge_slot(const struct zn_prefix_tree *t, uint32_t parent, uint8_t byte)
{
    uint64_t h = hash(t, parent, byte);
    uint32_t mask = id_mask(t), tag = tag_of(t, h), i = slot_of(t, h);

    while (t->table[i] != 0) {
        if ((t->table[i] & ~mask) == tag) {
            const struct zn_prefix_node *n = &t->nodes[t->table[i] & mask];
            if (n->parent == parent && n->bytes[0] == byte)
                break;
        }
        i = (i + 1) & mask;
    }
    return i;
}

/* The child's number; 0: there is none. */
static uint32_t child_of(const struct zn_prefix_tree *t, uint32_t parent, uint8_t byte)
{
    if (t->nodes[parent].children == 0)
        return 0;
    return t->table[edge_slot(t, parent, byte)] & id_mask(t);
}

static void put_edge(struct zn_prefix_tree *t, uint32_t id)
{
    const struct zn_prefix_node *n = &t->nodes[id];
    uint64_t h = hash(t, n->parent, n->bytes[0]);
    uint32_t i = slot_of(t, h);

    while (t->table[i] != 0)
        i = (i + 1) & id_mask(t);
    t->table[i] = tag_of(t, h) | id;
}

/* Empties the place, and moves up those behind it that had been pushed past it. */
static void remove_edge(struct zn_prefix_tree *t, uint32_t id)
{
    uint32_t mask = id_mask(t);
    uint32_t gap = edge_slot(t, t->nodes[id].parent, t->nodes[id].bytes[0]);

    for (uint32_t i = (gap + 1) & mask; t->table[i] != 0; i = (i + 1) & mask) {
        const struct zn_prefix_node *n = &t->nodes[t->table[i] & mask];
        uint32_t home = slot_of(t, hash(t, n->parent, n->bytes[0]));

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            t->table[gap] = t->table[i];
            gap = i;
        }
    }
    t->table[gap] = 0;
}

static bool grow_table(struct zn_prefix_tree *t, uint32_t bits)
{
    uint32_t *old = t->table, old_mask = old == NULL ? 0 : id_mask(t);
    uint32_t *table = zn_zalloc(sizeof(*table) << bits);
    if (table == NULL)
        return false;

    if (t->seed == 0)
        zn_random(&t->seed, sizeof(t->seed));
    t->table = table;
    t->bits = bits;
    if (old != NULL)
        for (uint32_t i = 0; i <= old_mask; i++)
            if (old[i] != 0)
                put_edge(t, old[i] & old_mask);
    zn_free(old);
    return true;
}

/* ---- Nodes. */

static bool grow_nodes(struct zn_prefix_tree *t, uint64_t want)
{
    uint64_t cap = ZN_MAX(want, (uint64_t)t->cap + t->cap / 2 + 3);
    bool alone = t->nodes == &t->root;
    struct zn_prefix_node *nodes =
        zn_realloc(alone ? NULL : t->nodes, (size_t)cap * sizeof(*nodes));
    if (nodes == NULL)
        return false;

    if (alone)
        nodes[0] = t->root;
    t->nodes = nodes;
    t->cap = (uint32_t)cap;
    return true;
}

/* Room for so many more, so that what follows cannot fail halfway. */
static bool reserve(struct zn_prefix_tree *t, size_t more)
{
    if (more > MAX_EDGES || t->edges + more > MAX_EDGES)
        return false;

    /* Numbers come from 1 + the most that ever lived at once, so that those of a table
     * filled to three quarters always fit its places' low bits. */
    uint64_t edges = t->edges + more;
    if (t->used - 1 - t->edges < more && edges + 1 > t->cap && !grow_nodes(t, edges + 1))
        return false;

    uint32_t bits = t->table == NULL ? FIRST_BITS : t->bits;
    while (edges * 4 > ((uint64_t)3 << bits))
        bits++;
    return (t->table != NULL && bits == t->bits) || grow_table(t, bits);
}

/* Without its edge. */
static uint32_t new_node(struct zn_prefix_tree *t, uint32_t parent, const uint8_t *bytes,
                         uint8_t size)
{
    uint32_t id = t->free;
    if (id != 0)
        t->free = t->nodes[id].parent;
    else
        id = t->used++;

    struct zn_prefix_node *n = &t->nodes[id];
    *n = (struct zn_prefix_node){ .parent = parent, .size = size };
    memcpy(n->bytes, bytes, size);
    t->edges++;
    return id;
}

static uint32_t add_child(struct zn_prefix_tree *t, uint32_t parent, const uint8_t *bytes,
                          uint8_t size)
{
    uint32_t id = new_node(t, parent, bytes, size);
    t->nodes[parent].children++;
    if (parent == 0)
        t->first[bytes[0] >> 6] |= (uint64_t)1 << (bytes[0] & 63);
    put_edge(t, id);
    return id;
}

static void free_node(struct zn_prefix_tree *t, uint32_t id)
{
    struct zn_prefix_node *n = &t->nodes[id];

    remove_edge(t, id);
    t->nodes[n->parent].children--;
    if (n->parent == 0)
        t->first[n->bytes[0] >> 6] &= ~((uint64_t)1 << (n->bytes[0] & 63));
    t->edges--;
    n->size = FREED;
    n->parent = t->free;
    t->free = id;
}

/* Puts a node over id that holds its first size bytes, and has its edge. id keeps its number,
 * value and children, and loses those bytes. */
static uint32_t split(struct zn_prefix_tree *t, uint32_t id, uint8_t size)
{
    struct zn_prefix_node *n = &t->nodes[id];
    uint32_t *edge = &t->table[edge_slot(t, n->parent, n->bytes[0])];
    uint32_t over = new_node(t, n->parent, n->bytes, size);
    uint8_t left = (uint8_t)((n->size & SIZE_MASK) - size);

    *edge = (*edge & ~id_mask(t)) | over;
    n->parent = over;
    n->size = (uint8_t)((n->size & ~SIZE_MASK) | left);
    memmove(n->bytes, n->bytes + size, left);
    t->nodes[over].children = 1;
    put_edge(t, id);
    return over;
}

/* ---- The tree. */

void zn_prefix_tree_init(struct zn_prefix_tree *t)
{
    *t = (struct zn_prefix_tree){ .used = 1, .cap = 1 };
    t->nodes = &t->root;
}

void zn_prefix_tree_fini(struct zn_prefix_tree *t)
{
    zn_free(t->table);
    if (t->nodes != &t->root)
        zn_free(t->nodes);
    zn_prefix_tree_init(t);
}

static uint8_t common(const struct zn_prefix_node *n, struct zn_bytes rest)
{
    size_t most = ZN_MIN(n->size & SIZE_MASK, rest.size);
    uint8_t same = 1;                    /* the edge has matched the first one */

    while (same < most && n->bytes[same] == rest.data[same])
        same++;
    return same;
}

/* One step down from node towards the end of rest; what was passed of the next node is
 * in *same, which may fall short of its end. 0: no such way. */
static uint32_t step(const struct zn_prefix_tree *t, uint32_t node, struct zn_bytes rest,
                     uint8_t *same)
{
    uint32_t id = child_of(t, node, rest.data[0]);
    if (id != 0)
        *same = common(&t->nodes[id], rest);
    return id;
}

bool zn_prefix_down_slow(const struct zn_prefix_tree *t, struct zn_prefix_walk *w)
{
    struct zn_bytes rest = { w->topic.data + w->depth, w->topic.size - w->depth };
    uint8_t same;
    uint32_t id = step(t, w->node, rest, &same);

    if (id == 0 || same < (t->nodes[id].size & SIZE_MASK))
        return false;
    w->node = id;
    w->depth += same;
    return true;
}

uint32_t zn_prefix_find(const struct zn_prefix_tree *t, struct zn_bytes key)
{
    struct zn_prefix_walk w = { .topic = key };

    while (zn_prefix_down(t, &w))
        continue;
    return w.depth == key.size ? w.node : ZN_PREFIX_NONE;
}

uint32_t zn_prefix_insert(struct zn_prefix_tree *t, struct zn_bytes key)
{
    struct zn_prefix_walk w = { .topic = key };
    while (zn_prefix_down(t, &w))
        continue;
    if (w.depth == key.size)
        return w.node;

    struct zn_bytes rest = { key.data + w.depth, key.size - w.depth };
    uint8_t same = 0;
    uint32_t cut = step(t, w.node, rest, &same), node = w.node;
    size_t more = (rest.size - same + ZN_PREFIX_FRAGMENT - 1) / ZN_PREFIX_FRAGMENT;
    if (!reserve(t, more + (cut != 0)))
        return ZN_PREFIX_NONE;

    if (cut != 0)
        node = split(t, cut, same);
    for (size_t at = same; at < rest.size; at += ZN_PREFIX_FRAGMENT)
        node = add_child(t, node, rest.data + at,
                         (uint8_t)ZN_MIN(rest.size - at, ZN_PREFIX_FRAGMENT));
    return node;
}

void zn_prefix_prune(struct zn_prefix_tree *t, uint32_t node)
{
    while (node != 0 && t->nodes[node].value == 0 && t->nodes[node].children == 0) {
        uint32_t parent = t->nodes[node].parent;
        free_node(t, node);
        node = parent;
    }
    if (t->edges == 0 && t->nodes != &t->root) {
        struct zn_prefix_node root = t->nodes[0];
        zn_prefix_tree_fini(t);
        t->root = root;
    }
}

size_t zn_prefix_size(const struct zn_prefix_tree *t, uint32_t node)
{
    size_t size = 0;

    for (; node != 0; node = t->nodes[node].parent)
        size += t->nodes[node].size & SIZE_MASK;
    return size;
}

void zn_prefix_copy(const struct zn_prefix_tree *t, uint32_t node, uint8_t *out,
                    size_t size)
{
    for (; node != 0; node = t->nodes[node].parent) {
        size_t part = t->nodes[node].size & SIZE_MASK;
        size -= part;
        memcpy(out + size, t->nodes[node].bytes, part);
    }
}

uint32_t zn_prefix_next(const struct zn_prefix_tree *t, uint32_t node)
{
    for (uint32_t i = node + 1; i < t->used; i++)
        if ((t->nodes[i].size & FREED) == 0 && t->nodes[i].value != 0)
            return i;
    return 0;
}

bool zn_prefix_marked(const struct zn_prefix_tree *t, uint32_t node)
{
    return (t->nodes[node].size & MARKED) != 0;
}

void zn_prefix_mark(struct zn_prefix_tree *t, uint32_t node, bool marked)
{
    struct zn_prefix_node *n = &t->nodes[node];

    n->size = (uint8_t)(marked ? n->size | MARKED : n->size & ~MARKED);
}

/* patterns/shared/prefix_tree.h - byte strings with a number each, found by being a
 * prefix of a topic.
 *
 * Idea     A compressed trie whose edges lie in one hash table, keyed by (node, next
 *          byte). Nodes are all of one size, 24 bytes, and keep their number for
 *          life, so others may refer to them; a node knows its parent, so the
 *          string is read upwards and nothing ever recurses, however deep a peer
 *          makes it. Strings longer than a node holds run through several.
 * Threads  The owner's.
 * Memory   None beyond this struct for the empty string; about 45 bytes a string of
 *          20 bytes when there are many; all given back when the last one goes. The
 *          struct must stay where it was initialised. */
#ifndef ZN_PATTERNS_PREFIX_TREE_H
#define ZN_PATTERNS_PREFIX_TREE_H

#include "base/base.h"

#define ZN_PREFIX_NONE UINT32_MAX
#define ZN_PREFIX_FRAGMENT 13u           /* bytes of the string in one node */

struct zn_prefix_node {
    uint32_t parent;                     /* of a free node: the next free one */
    uint32_t value;                      /* the owner's; 0: no string ends here */
    uint16_t children;
    uint8_t size;                        /* of bytes, and flags: see the source */
    uint8_t bytes[ZN_PREFIX_FRAGMENT];
};

struct zn_prefix_tree {
    struct zn_prefix_node *nodes;        /* by number; 0 is the empty string's */
    uint32_t used, cap;
    uint32_t free;                       /* first free node, 0: none */
    uint32_t edges;                      /* nodes alive, but the root */
    uint32_t *table;                     /* of 1 << bits places */
    uint32_t bits;
    uint64_t seed;                       /* random: peers choose the strings */
    uint64_t first[4];                   /* bytes at which some string begins */
    struct zn_prefix_node root;          /* what nodes points at while it is alone */
};

void zn_prefix_tree_init(struct zn_prefix_tree *t);
void zn_prefix_tree_fini(struct zn_prefix_tree *t);

/* The node at which key ends, made if need be; the caller gives it a value other than
 * 0, or prunes it. ZN_PREFIX_NONE: no memory, nothing has changed. */
uint32_t zn_prefix_insert(struct zn_prefix_tree *t, struct zn_bytes key);
/* The node at which key ends (its value may be 0), or ZN_PREFIX_NONE. */
uint32_t zn_prefix_find(const struct zn_prefix_tree *t, struct zn_bytes key);
/* Frees the node, unless it has a value or children, and what it alone kept. */
void zn_prefix_prune(struct zn_prefix_tree *t, uint32_t node);

/* The string that ends at a node: its size, and its bytes into out. */
size_t zn_prefix_size(const struct zn_prefix_tree *t, uint32_t node);
void zn_prefix_copy(const struct zn_prefix_tree *t, uint32_t node, uint8_t *out,
                    size_t size);

/* The node after this one that has a value, in no order; 0 begins with the first one
 * that is not the root. 0: that was all. */
uint32_t zn_prefix_next(const struct zn_prefix_tree *t, uint32_t node);

/* A flag on a node for whoever needs to tell nodes seen from nodes not seen. */
bool zn_prefix_marked(const struct zn_prefix_tree *t, uint32_t node);
void zn_prefix_mark(struct zn_prefix_tree *t, uint32_t node, bool marked);

static inline uint32_t zn_prefix_value(const struct zn_prefix_tree *t, uint32_t node)
{
    return t->nodes[node].value;
}

static inline void zn_prefix_set(struct zn_prefix_tree *t, uint32_t node, uint32_t value)
{
    t->nodes[node].value = value;
}

/* The way down a topic, node by node:
 *
 *     struct zn_prefix_walk w = { .topic = topic };
 *     do
 *         if (zn_prefix_value(t, w.node) != 0) ...
 *     while (zn_prefix_down(t, &w)); */
struct zn_prefix_walk {
    struct zn_bytes topic;
    size_t depth;                        /* bytes of topic passed */
    uint32_t node;
};

bool zn_prefix_down_slow(const struct zn_prefix_tree *t, struct zn_prefix_walk *w);

/* Most topics end here, at their first byte, when there are few strings. */
static inline bool zn_prefix_down(const struct zn_prefix_tree *t,
                                  struct zn_prefix_walk *w)
{
    if (w->depth == w->topic.size || t->nodes[w->node].children == 0)
        return false;
    if (w->depth == 0) {
        uint8_t b = w->topic.data[0];
        if ((t->first[b >> 6] >> (b & 63) & 1) == 0)
            return false;
    }
    return zn_prefix_down_slow(t, w);
}

#endif

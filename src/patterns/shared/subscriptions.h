/* patterns/shared/subscriptions.h - who wants which topics: prefixes, and for each
 * the holders, those who subscribed to it.
 *
 * Idea     A prefix tree whose values are a holder's number, or a set of them when
 *          several hold the prefix. Each holder lists the nodes where it stands, so
 *          one that leaves costs what it held, not what all hold.
 * Threads  The owner's.
 * Memory   About 50 bytes a prefix of 20 bytes with one holder; 8 bytes for each
 *          further holder. Nothing for one that holds nothing. */
#ifndef ZN_PATTERNS_SUBSCRIPTIONS_H
#define ZN_PATTERNS_SUBSCRIPTIONS_H

#include "patterns/shared/prefix_tree.h"

/* One who subscribes. Zeroed memory holds nothing; id is the owner's choice, below
 * 2^31, and must not change while it holds anything. */
struct zn_holder {
    uint32_t id;
    uint32_t count;                      /* prefixes held */
    uint32_t *nodes;                     /* where; some may no longer be so */
    uint32_t used, cap;
};

struct zn_id_set;

struct zn_subscriptions {
    struct zn_prefix_tree tree;
    struct zn_id_set **sets;
    uint32_t sets_used, sets_cap;
    uint32_t prefixes;                   /* held by anybody */
};

void zn_subscriptions_init(struct zn_subscriptions *s);
/* Holders that held something only await zn_holder_fini(). */
void zn_subscriptions_fini(struct zn_subscriptions *s);
void zn_holder_fini(struct zn_holder *who);

enum zn_subscriptions_change {
    ZN_SUBS_SAME,                        /* others hold the prefix as well */
    ZN_SUBS_FIRST,                       /* added: nobody held it before */
    ZN_SUBS_LAST,                        /* removed: nobody holds it any more */
    ZN_SUBS_UNKNOWN                      /* nobody held it anyway */
};

/* who holds prefix from now on; holding it twice is holding it once. One of the above,
 * or -ENOMEM: nothing has changed. */
int zn_subscriptions_add(struct zn_subscriptions *s, struct zn_holder *who,
                         struct zn_bytes prefix);
/* who does not hold prefix any more. One of the above. */
int zn_subscriptions_remove(struct zn_subscriptions *s, struct zn_holder *who,
                            struct zn_bytes prefix);

/* who holds nothing any more. Tells of each prefix while it is still in the tree, at
 * node; tell may be NULL and must not change s. */
typedef void(zn_subscriptions_tell)(void *arg, const struct zn_subscriptions *s,
                                    uint32_t node, bool last);
void zn_subscriptions_drop(struct zn_subscriptions *s, struct zn_holder *who,
                           zn_subscriptions_tell *tell, void *arg);

/* The holders of one prefix of a topic, and of the next one:
 *
 *     struct zn_subscriptions_match m = { .walk.topic = topic };
 *     while (zn_subscriptions_match(s, &m))
 *         for (uint32_t i = 0; i < m.count; i++)
 *             m.ids[i] ...                   (one may come for several prefixes) */
struct zn_subscriptions_match {
    struct zn_prefix_walk walk;
    const uint32_t *ids;
    uint32_t count;
    uint32_t single;
    bool begun;
};

bool zn_subscriptions_show(const struct zn_subscriptions *s, uint32_t value,
                           struct zn_subscriptions_match *m);

/* The holders of topic itself alone, in m; false: there are none. */
bool zn_subscriptions_exact(const struct zn_subscriptions *s, struct zn_bytes topic,
                            struct zn_subscriptions_match *m);

static inline bool zn_subscriptions_match(const struct zn_subscriptions *s,
                                          struct zn_subscriptions_match *m)
{
    if (m->begun && !zn_prefix_down(&s->tree, &m->walk))
        return false;
    m->begun = true;

    for (;;) {
        uint32_t value = zn_prefix_value(&s->tree, m->walk.node);
        if (value != 0)
            return zn_subscriptions_show(s, value, m);
        if (!zn_prefix_down(&s->tree, &m->walk))
            return false;
    }
}

#endif

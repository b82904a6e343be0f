/* patterns/shared/subscriptions.c - who wants which topics. */
#include "patterns/shared/subscriptions.h"

#include <errno.h>

#include "base/alloc.h"

/* A node's value: 0, a lone holder's id + 1, or MANY + the place of a set. */
#define MANY 0x80000000u

/* Several holders: a sorted array, to be handed out whole, at 4 bytes a holder. */
struct zn_id_set {
    uint32_t node;                       /* whose value leads here */
    uint32_t count, cap;
    uint32_t ids[];                      /* ascending */
};

/* ---- Sets. */

static struct zn_id_set *set_resize(struct zn_id_set *set, uint32_t cap)
{
    set = zn_realloc(set, sizeof(*set) + cap * sizeof(set->ids[0]));
    if (set != NULL)
        set->cap = cap;
    return set;
}

/* Where id is, or would have to be put. */
static uint32_t set_find(const struct zn_id_set *set, uint32_t id)
{
    uint32_t lo = 0, hi = set->count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (set->ids[mid] < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Turns a lone holder's node into one of two. */
static int set_new(struct zn_subscriptions *s, uint32_t node, uint32_t a, uint32_t b)
{
    if (s->sets_used == s->sets_cap) {
        uint32_t cap = s->sets_cap + s->sets_cap / 2 + 4;
        struct zn_id_set **sets = zn_realloc(s->sets, cap * sizeof(struct zn_id_set *));
        if (sets == NULL)
            return -ENOMEM;
        s->sets = sets;
        s->sets_cap = cap;
    }

    struct zn_id_set *set = set_resize(NULL, 2);
    if (set == NULL)
        return -ENOMEM;
    set->node = node;
    set->count = 2;
    set->ids[0] = ZN_MIN(a, b);
    set->ids[1] = ZN_MAX(a, b);
    s->sets[s->sets_used] = set;
    zn_prefix_set(&s->tree, node, MANY + s->sets_used++);
    return 0;
}

/* Turns a node of two holders, of which one is left, into a lone holder's. */
static void set_end(struct zn_subscriptions *s, uint32_t place)
{
    struct zn_id_set *set = s->sets[place], *last = s->sets[--s->sets_used];

    s->sets[place] = last;               /* the last one fills the gap */
    zn_prefix_set(&s->tree, last->node, MANY + place);
    zn_prefix_set(&s->tree, set->node, set->ids[0] + 1);
    zn_free(set);
    if (s->sets_used == 0) {
        zn_free(s->sets);
        s->sets = NULL;
        s->sets_cap = 0;
    }
}

static int set_add(struct zn_subscriptions *s, uint32_t place, uint32_t id)
{
    struct zn_id_set *set = s->sets[place];
    uint32_t i = set_find(set, id);

    if (set->count == set->cap) {
        set = set_resize(set, set->cap * 2);
        if (set == NULL)
            return -ENOMEM;
        s->sets[place] = set;
    }
    memmove(&set->ids[i + 1], &set->ids[i], (set->count - i) * sizeof(set->ids[0]));
    set->ids[i] = id;
    set->count++;
    return 0;
}

static void set_remove(struct zn_subscriptions *s, uint32_t place, uint32_t id)
{
    struct zn_id_set *set = s->sets[place];
    uint32_t i = set_find(set, id);

    set->count--;
    memmove(&set->ids[i], &set->ids[i + 1], (set->count - i) * sizeof(set->ids[0]));
    if (set->count == 1) {
        set_end(s, place);
    } else if (set->count <= set->cap / 4) {
        set = set_resize(set, set->cap / 2);
        if (set != NULL)                 /* else it stays as it is */
            s->sets[place] = set;
    }
}

/* ---- Holders of a node. */

static bool holds(const struct zn_subscriptions *s, uint32_t node, uint32_t id)
{
    uint32_t value = zn_prefix_value(&s->tree, node);
    if ((value & MANY) == 0)
        return value == id + 1;

    const struct zn_id_set *set = s->sets[value - MANY];
    uint32_t i = set_find(set, id);
    return i < set->count && set->ids[i] == id;
}

static int add_holder(struct zn_subscriptions *s, uint32_t node, uint32_t id)
{
    uint32_t value = zn_prefix_value(&s->tree, node);

    if (value & MANY)
        return set_add(s, value - MANY, id);
    if (value != 0)
        return set_new(s, node, value - 1, id);
    zn_prefix_set(&s->tree, node, id + 1);
    s->prefixes++;
    return 0;
}

/* The node may be gone afterwards. */
static int remove_holder(struct zn_subscriptions *s, uint32_t node, uint32_t id)
{
    uint32_t value = zn_prefix_value(&s->tree, node);

    if (value & MANY) {
        set_remove(s, value - MANY, id);
        return ZN_SUBS_SAME;
    }
    zn_prefix_set(&s->tree, node, 0);
    zn_prefix_prune(&s->tree, node);
    s->prefixes--;
    return ZN_SUBS_LAST;
}

/* ---- A holder's list of nodes. What it no longer holds is left in there until
 * it makes half of the list: only then is it worth looking for. A number may have
 * gone to another string meanwhile, which does no harm. */

static void list_tidy(struct zn_subscriptions *s, struct zn_holder *who)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < who->used; i++) {
        uint32_t node = who->nodes[i];
        if (node < s->tree.used && holds(s, node, who->id) &&
            !zn_prefix_marked(&s->tree, node)) {
            zn_prefix_mark(&s->tree, node, true);
            who->nodes[kept++] = node;
        }
    }
    for (uint32_t i = 0; i < kept; i++)
        zn_prefix_mark(&s->tree, who->nodes[i], false);
    who->used = kept;
}

/* Room for one more. */
static int list_reserve(struct zn_subscriptions *s, struct zn_holder *who)
{
    if (who->used < who->cap)
        return 0;
    if (who->count < who->used / 2)
        list_tidy(s, who);
    if (who->used < who->cap)
        return 0;

    uint32_t cap = who->cap + who->cap / 2 + 2;
    uint32_t *nodes = zn_realloc(who->nodes, cap * sizeof(*nodes));
    if (nodes == NULL)
        return -ENOMEM;
    who->nodes = nodes;
    who->cap = cap;
    return 0;
}

void zn_holder_fini(struct zn_holder *who)
{
    zn_free(who->nodes);
    *who = (struct zn_holder){ .id = who->id };
}

/* ---- The whole. */

void zn_subscriptions_init(struct zn_subscriptions *s)
{
    *s = (struct zn_subscriptions){ .prefixes = 0 };
    zn_prefix_tree_init(&s->tree);
}

void zn_subscriptions_fini(struct zn_subscriptions *s)
{
    for (uint32_t i = 0; i < s->sets_used; i++)
        zn_free(s->sets[i]);
    zn_free(s->sets);
    zn_prefix_tree_fini(&s->tree);
    zn_subscriptions_init(s);
}

int zn_subscriptions_add(struct zn_subscriptions *s, struct zn_holder *who,
                         struct zn_bytes prefix)
{
    int rc = list_reserve(s, who);
    if (rc < 0)
        return rc;
    uint32_t node = zn_prefix_insert(&s->tree, prefix);
    if (node == ZN_PREFIX_NONE)
        return -ENOMEM;
    if (holds(s, node, who->id))
        return ZN_SUBS_SAME;

    bool first = zn_prefix_value(&s->tree, node) == 0;
    rc = add_holder(s, node, who->id);   /* cannot fail if it is the first */
    if (rc < 0)
        return rc;
    who->nodes[who->used++] = node;
    who->count++;
    return first ? ZN_SUBS_FIRST : ZN_SUBS_SAME;
}

int zn_subscriptions_remove(struct zn_subscriptions *s, struct zn_holder *who,
                            struct zn_bytes prefix)
{
    uint32_t node = zn_prefix_find(&s->tree, prefix);

    if (node == ZN_PREFIX_NONE || zn_prefix_value(&s->tree, node) == 0)
        return ZN_SUBS_UNKNOWN;
    if (!holds(s, node, who->id))
        return ZN_SUBS_SAME;

    if (--who->count == 0)
        zn_holder_fini(who);
    return remove_holder(s, node, who->id);
}

void zn_subscriptions_drop(struct zn_subscriptions *s, struct zn_holder *who,
                           zn_subscriptions_tell *tell, void *arg)
{
    for (uint32_t i = 0; i < who->used && who->count > 0; i++) {
        uint32_t node = who->nodes[i];
        if (node >= s->tree.used || !holds(s, node, who->id))
            continue;
        if (tell != NULL)
            tell(arg, s, node, (zn_prefix_value(&s->tree, node) & MANY) == 0);
        (void)remove_holder(s, node, who->id);
        who->count--;
    }
    zn_holder_fini(who);
}

bool zn_subscriptions_show(const struct zn_subscriptions *s, uint32_t value,
                           struct zn_subscriptions_match *m)
{
    if (value & MANY) {
        const struct zn_id_set *set = s->sets[value - MANY];
        m->ids = set->ids;
        m->count = set->count;
    } else {
        m->single = value - 1;
        m->ids = &m->single;
        m->count = 1;
    }
    return true;
}

bool zn_subscriptions_exact(const struct zn_subscriptions *s, struct zn_bytes topic,
                            struct zn_subscriptions_match *m)
{
    uint32_t node = zn_prefix_find(&s->tree, topic);
    uint32_t value = node == ZN_PREFIX_NONE ? 0 : zn_prefix_value(&s->tree, node);

    return value != 0 && zn_subscriptions_show(s, value, m);
}

/* tests/patterns/subscriptions_test.c - the index of subscriptions against a model of
 * it that is too simple to be wrong: a list of strings with flags. */
#include "patterns/shared/subscriptions.h"

#include <stdlib.h>

#include "tests/faults.h"
#include "tests/test.h"

enum { SUBSCRIBERS = 6, STRINGS = 300, LONGEST = 60 };

struct model {
    uint8_t bytes[STRINGS][LONGEST];
    size_t size[STRINGS];
    bool held[STRINGS][SUBSCRIBERS];
};

static uint32_t rolled = 1;

static uint32_t roll(uint32_t sides)
{
    rolled = rolled * 1664525u + 1013904223u;
    return (rolled >> 8) % sides;
}

/* Few letters, and many strings that begin as others do. */
static void make_strings(struct model *m, uint32_t letters)
{
    for (size_t i = 0; i < STRINGS; i++) {
        size_t from = i == 0 || roll(3) == 0 ? 0 : m->size[roll((uint32_t)i)];
        size_t size = i == 0 ? 0 : roll(2) ? roll(6) : roll(LONGEST);

        if (from > 0 && from < size)
            memcpy(m->bytes[i], m->bytes[roll((uint32_t)i)], from);
        else
            from = 0;
        for (size_t k = from; k < size; k++)
            m->bytes[i][k] = (uint8_t)(roll(letters) * 37);
        m->size[i] = size;
    }
    for (size_t i = 0; i < STRINGS; i++)             /* no string stands twice */
        for (size_t k = 0; k < i; k++)
            if (m->size[i] == m->size[k] &&
                memcmp(m->bytes[i], m->bytes[k], m->size[i]) == 0) {
                m->size[i] = LONGEST;
                memcpy(m->bytes[i], &i, sizeof(i));
                memset(m->bytes[i] + sizeof(i), 0xee, LONGEST - sizeof(i));
            }
}

static struct zn_bytes string(const struct model *m, size_t i)
{
    return (struct zn_bytes){ m->bytes[i], m->size[i] };
}

static int holders(const struct model *m, size_t i)
{
    int n = 0;

    for (int who = 0; who < SUBSCRIBERS; who++)
        n += m->held[i][who];
    return n;
}

static bool begins(struct zn_bytes topic, struct zn_bytes prefix)
{
    return prefix.size <= topic.size &&
           (prefix.size == 0 || memcmp(topic.data, prefix.data, prefix.size) == 0);
}

static void check_match(const struct model *m, const struct zn_subscriptions *s,
                        struct zn_bytes topic)
{
    int want[SUBSCRIBERS] = { 0 }, got[SUBSCRIBERS] = { 0 };
    struct zn_subscriptions_match match = { .walk.topic = topic };

    for (size_t i = 0; i < STRINGS; i++)
        for (int who = 0; who < SUBSCRIBERS; who++)
            want[who] += m->held[i][who] && begins(topic, string(m, i));
    while (zn_subscriptions_match(s, &match))
        for (uint32_t i = 0; i < match.count; i++)
            got[match.ids[i]]++;
    for (int who = 0; who < SUBSCRIBERS; who++)
        CHECK_EQ(got[who], want[who], "subscriber %d, topic of %zu", who, topic.size);
}

struct told {
    const struct model *m;
    int who;
    uint32_t count;
};

static void tell(void *arg, const struct zn_subscriptions *s, uint32_t node, bool last)
{
    struct told *told = arg;
    uint8_t text[LONGEST];
    size_t size = zn_prefix_size(&s->tree, node);

    CHECK(size <= LONGEST);
    zn_prefix_copy(&s->tree, node, text, size);
    for (size_t i = 0; i < STRINGS; i++)
        if (zn_bytes_equal(string(told->m, i), (struct zn_bytes){ text, size })) {
            CHECK(told->m->held[i][told->who]);
            CHECK_EQ(last, holders(told->m, i) == 1, "string %zu", i);
            told->count++;
            return;
        }
    CHECK(false, "told of a string that nobody made");
}

static void leave(struct model *m, struct zn_subscriptions *s, struct zn_holder *who)
{
    struct told told = { m, (int)who->id, 0 };
    uint32_t count = who->count;

    zn_subscriptions_drop(s, who, tell, &told);
    CHECK_EQ(told.count, count);
    CHECK_EQ(who->count, 0);
    for (size_t i = 0; i < STRINGS; i++)
        m->held[i][told.who] = false;
}

static void subscribe(struct model *m, struct zn_subscriptions *s, struct zn_holder *who,
                      size_t i)
{
    int before = holders(m, i);

    CHECK_EQ(zn_subscriptions_add(s, who, string(m, i)),
             before == 0 ? ZN_SUBS_FIRST : ZN_SUBS_SAME, "string %zu", i);
    m->held[i][who->id] = true;
}

static void cancel(struct model *m, struct zn_subscriptions *s, struct zn_holder *who,
                   size_t i)
{
    int before = holders(m, i);
    bool alone = before == 1 && m->held[i][who->id];

    CHECK_EQ(zn_subscriptions_remove(s, who, string(m, i)),
             before == 0 ? ZN_SUBS_UNKNOWN
             : alone     ? ZN_SUBS_LAST
                         : ZN_SUBS_SAME,
             "string %zu", i);
    m->held[i][who->id] = false;
}

static void play(uint32_t seed, uint32_t letters, int moves)
{
    static struct model m;
    struct zn_subscriptions s;
    struct zn_holder who[SUBSCRIBERS];

    rolled = seed;
    memset(&m, 0, sizeof(m));
    memset(who, 0, sizeof(who));
    make_strings(&m, letters);
    zn_subscriptions_init(&s);
    for (uint32_t i = 0; i < SUBSCRIBERS; i++)
        who[i].id = i;

    for (int move = 0; move < moves; move++) {
        struct zn_holder *w = &who[roll(SUBSCRIBERS)];
        uint32_t what = roll(100), lean = (uint32_t)(move / 500) % 2 ? 30 : 60;
        size_t i = roll(STRINGS);

        if (what == 0)
            leave(&m, &s, w);
        else if (what < lean)
            subscribe(&m, &s, w, i);
        else
            cancel(&m, &s, w, i);
        if (move % 7 == 0)
            check_match(&m, &s, string(&m, roll(STRINGS)));
    }

    uint32_t prefixes = 0;
    for (size_t i = 0; i < STRINGS; i++)
        prefixes += holders(&m, i) > 0;
    CHECK_EQ(s.prefixes, prefixes);
    for (int i = 0; i < SUBSCRIBERS; i++)
        leave(&m, &s, &who[i]);
    CHECK_EQ(s.prefixes, 0);
    CHECK_EQ(s.tree.edges, 0);
    CHECK(s.tree.table == NULL && s.tree.nodes == &s.tree.root,
          "nothing is kept when nothing is held");
    zn_subscriptions_fini(&s);
}

TEST(subscriptions_agree_with_a_naive_model)
{
    for (uint32_t seed = 1; seed <= 12; seed++)
        play(seed * 77, seed % 3 == 0 ? 2 : seed % 3 == 1 ? 7 : 256, 4000);
}

/* A peer may make the tree as deep as it likes (CVE-2021-20236). */
TEST(subscriptions_neither_recurse_nor_slow_down_with_depth)
{
    enum { DEEP = 100000, STEP = 97 };
    struct zn_subscriptions s;
    struct zn_holder who = { .id = 3 };
    uint8_t *topic = malloc(DEEP);

    CHECK(topic != NULL);
    memset(topic, 'a', DEEP);
    zn_subscriptions_init(&s);
    for (size_t size = 0; size <= DEEP; size += STEP)
        CHECK_EQ(zn_subscriptions_add(&s, &who, (struct zn_bytes){ topic, size }),
                 ZN_SUBS_FIRST, "%zu", size);
    CHECK_EQ(zn_subscriptions_add(&s, &who, (struct zn_bytes){ topic, DEEP }),
             ZN_SUBS_FIRST);

    struct zn_subscriptions_match m = { .walk.topic = { topic, DEEP } };
    uint32_t matches = 0;
    while (zn_subscriptions_match(&s, &m))
        matches++;
    CHECK_EQ(matches, DEEP / STEP + 2);
    CHECK_EQ(zn_subscriptions_remove(&s, &who, (struct zn_bytes){ topic, DEEP }),
             ZN_SUBS_LAST);
    zn_subscriptions_drop(&s, &who, NULL, NULL);
    CHECK_EQ(s.prefixes, 0);
    zn_subscriptions_fini(&s);
    free(topic);
}

TEST(subscriptions_tell_bytes_apart_wherever_they_differ)
{
    struct zn_subscriptions s;
    struct zn_holder who = { .id = 0 };
    uint8_t topic[40];

    zn_subscriptions_init(&s);
    memset(topic, 'x', sizeof(topic));
    for (unsigned b = 0; b < 256; b++)
        for (size_t at = 0; at < sizeof(topic); at += 13) {
            topic[at] = (uint8_t)b;
            int rc =
                zn_subscriptions_add(&s, &who, (struct zn_bytes){ topic, sizeof(topic) });
            CHECK_EQ(rc, b == 'x' && at > 0 ? ZN_SUBS_SAME : ZN_SUBS_FIRST, "%u", b);
            topic[at] = 'x';
        }
    CHECK_EQ(s.prefixes, 255 * 4 + 1);
    zn_subscriptions_drop(&s, &who, NULL, NULL);
    zn_subscriptions_fini(&s);
}

TEST(subscriptions_of_many_on_one_prefix_come_in_one_piece)
{
    enum { MANY = 1000 };
    static struct zn_holder who[MANY];
    struct zn_subscriptions s;
    struct zn_bytes all = { NULL, 0 };

    zn_subscriptions_init(&s);
    for (uint32_t i = 0; i < MANY; i++) {
        who[i].id = i * 7 % MANY;                    /* not in order */
        CHECK_EQ(zn_subscriptions_add(&s, &who[i], all),
                 i == 0 ? ZN_SUBS_FIRST : ZN_SUBS_SAME);
    }

    struct zn_subscriptions_match m = { .walk.topic = { (const uint8_t *)"t", 1 } };
    CHECK(zn_subscriptions_match(&s, &m));
    CHECK_EQ(m.count, MANY);
    CHECK(!zn_subscriptions_match(&s, &m));
    for (uint32_t i = 0; i < MANY; i++)
        zn_subscriptions_drop(&s, &who[i], NULL, NULL);
    CHECK_EQ(s.prefixes, 0);
    zn_subscriptions_fini(&s);
}

/* Each allocation in turn fails: the call that needed it changes nothing, and works
 * when repeated. */
TEST(subscriptions_stay_as_they_were_when_memory_runs_out)
{
    static const char *const topics[] = { "",    "A",  "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                          "ABC", "AB", "a",
                                          "b",   "c",  "d",
                                          "e",   "f",  "g" };
    enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

    for (uint64_t nth = 1, struck = 1; struck != 0; nth++) {
        struct zn_subscriptions s;
        struct zn_holder who[3] = { { .id = 0 }, { .id = 1 }, { .id = 2 } };

        zn_subscriptions_init(&s);
        faults_arm(ZN_FAULT_ALLOC, nth);
        for (size_t i = 0; i < TOPICS * 3; i++) {
            struct zn_bytes topic = { (const uint8_t *)topics[i / 3],
                                      strlen(topics[i / 3]) };
            int want = i % 3 == 0 ? ZN_SUBS_FIRST : ZN_SUBS_SAME;
            int rc = zn_subscriptions_add(&s, &who[i % 3], topic);
            if (rc == -ENOMEM) {
                CHECK_EQ(s.prefixes, (i + 2) / 3);
                rc = zn_subscriptions_add(&s, &who[i % 3], topic);
            }
            CHECK_EQ(rc, want, "allocation %d, %zu", (int)nth, i);
        }
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(who[i].count, TOPICS);
            zn_subscriptions_drop(&s, &who[i], NULL, NULL);
        }
        CHECK_EQ(s.tree.edges, 0);
        struck = faults_struck();
        faults_disarm();
        zn_subscriptions_fini(&s);
    }
}

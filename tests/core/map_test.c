/* tests/core/map_test.c */
#include "core/map.h"

#include <stdlib.h>

#include "tests/faults.h"
#include "tests/test.h"

enum { MANY = 20000 };

struct entry {
    uint32_t key;
    bool in;
};

static struct zn_bytes key_of(const struct entry *e)
{
    return (struct zn_bytes){ (const uint8_t *)&e->key, sizeof e->key };
}

static void count_one(void *value, void *arg)
{
    CHECK(((struct entry *)value)->in);
    ++*(size_t *)arg;
}

static size_t walk(const struct zn_map *m)
{
    size_t count = 0;
    zn_map_each(m, count_one, &count);
    return count;
}

TEST(map_without_entries_holds_no_memory_and_finds_nothing)
{
    struct zn_map m;
    struct zn_bytes key = { (const uint8_t *)"key", 3 };

    zn_map_init(&m);
    CHECK(m.slots == NULL);
    CHECK(zn_map_get(&m, key) == NULL);
    CHECK(zn_map_remove(&m, key) == NULL);
    CHECK_EQ(walk(&m), 0);
    zn_map_fini(&m);
}

TEST(map_tells_keys_by_bytes_and_length)
{
    static const struct zn_bytes keys[] = {
        { NULL, 0 },
        { (const uint8_t *)"a", 1 },
        { (const uint8_t *)"a\0", 2 },
        { (const uint8_t *)"\0a", 2 },
        { (const uint8_t *)"0123456", 7 },
        { (const uint8_t *)"01234567", 8 },
        { (const uint8_t *)"012345678", 9 },
        { (const uint8_t *)"0123456701234567", 16 },
    };
    struct zn_map m;
    int values[ZN_COUNT(keys)];

    zn_map_init(&m);
    for (size_t i = 0; i < ZN_COUNT(keys); i++)
        CHECK_EQ(zn_map_put(&m, keys[i], &values[i]), 0, "key %zu", i);
    for (size_t i = 0; i < ZN_COUNT(keys); i++) {
        CHECK(zn_map_get(&m, keys[i]) == &values[i], "key %zu", i);
        CHECK_EQ(zn_map_put(&m, keys[i], &values[0]), -EEXIST, "key %zu", i);
    }
    for (size_t i = 0; i < ZN_COUNT(keys); i++) {
        CHECK(zn_map_remove(&m, keys[i]) == &values[i], "key %zu", i);
        CHECK(zn_map_remove(&m, keys[i]) == NULL, "key %zu", i);
    }
    CHECK_EQ(m.count, 0);
    zn_map_fini(&m);
}

TEST(map_agrees_with_a_plain_array_through_random_changes)
{
    struct zn_map m;
    struct entry *entries = calloc(MANY, sizeof *entries);
    uint32_t random = 1;
    size_t count = 0;

    zn_map_init(&m);
    for (uint32_t i = 0; i < MANY; i++)
        entries[i].key = i * 7919;
    for (int step = 0; step < 400000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t span = step < 200000 ? MANY : MANY / 100;
        struct entry *e = &entries[(random >> 8) % span];
        void *want = e->in ? e : NULL;

        CHECK(zn_map_get(&m, key_of(e)) == want);
        if (e->in) {
            CHECK(zn_map_remove(&m, key_of(e)) == e);
            count--;
        } else {
            CHECK_EQ(zn_map_put(&m, key_of(e), e), 0);
            count++;
        }
        e->in = !e->in;
        CHECK_EQ(m.count, count);
    }
    CHECK_EQ(walk(&m), count);
    zn_map_fini(&m);
    free(entries);
}

TEST(map_gives_memory_back_when_it_empties)
{
    struct zn_map m;
    struct entry *entries = calloc(MANY, sizeof *entries);

    zn_map_init(&m);
    for (uint32_t i = 0; i < MANY; i++) {
        entries[i] = (struct entry){ i, true };
        CHECK_EQ(zn_map_put(&m, key_of(&entries[i]), &entries[i]), 0);
    }
    size_t full = m.cap;
    CHECK(full < MANY * 3u, "%zu places", full);
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(zn_map_remove(&m, key_of(&entries[i])) == &entries[i]);
    CHECK(m.cap <= 16, "%zu places", m.cap);
    zn_map_fini(&m);
    free(entries);
}

TEST(map_does_not_grow_by_turnover)
{
    struct zn_map m;
    struct entry entries[10] = { { 0, false } };

    zn_map_init(&m);
    for (uint32_t i = 0; i < 100000; i++) {
        struct entry *e = &entries[i % 10];

        if (i >= 10)
            CHECK(zn_map_remove(&m, key_of(e)) == e);
        e->key = i;
        CHECK_EQ(zn_map_put(&m, key_of(e), e), 0);
    }
    CHECK(m.cap <= 64, "%zu places", m.cap);
    zn_map_fini(&m);
}

TEST(map_without_memory_keeps_what_it_has)
{
    struct zn_map m;
    struct entry entries[100];
    size_t held = 0;

    zn_map_init(&m);
    for (uint32_t i = 0; i < ZN_COUNT(entries); i++) {
        entries[i].key = i;
        faults_arm(ZN_FAULT_ALLOC, 1);
        int rc = zn_map_put(&m, key_of(&entries[i]), &entries[i]);
        faults_disarm();
        entries[i].in = rc == 0;
        if (rc < 0) {
            CHECK_EQ(rc, -ENOMEM);
            CHECK(zn_map_get(&m, key_of(&entries[i])) == NULL);
            CHECK_EQ(zn_map_put(&m, key_of(&entries[i]), &entries[i]), 0);
            entries[i].in = true;
        }
        CHECK_EQ(m.count, ++held);
    }
    CHECK_EQ(walk(&m), held);
    faults_arm_from(ZN_FAULT_ALLOC, 1);
    for (uint32_t i = 0; i < ZN_COUNT(entries); i++)
        CHECK(zn_map_remove(&m, key_of(&entries[i])) == &entries[i]);
    faults_disarm();
    zn_map_fini(&m);
}

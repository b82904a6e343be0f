/* tests/patterns/turns_test.c - the array behind fair queue and load balancer. */
#include "patterns/shared/turns.h"

#include <stdlib.h>

#include "tests/test.h"

enum { ENDS = 40 };

static void check_whole(const struct zn_turns *t)
{
    CHECK(t->active <= t->count);
    CHECK(t->active == 0 ? t->current == 0 : t->current < t->active);
    for (uint32_t i = 0; i < t->count; i++)
        CHECK_EQ(t->ends[i]->in_index, i, "ends know their places");
}

TEST(turns_go_round_all_that_are_active)
{
    static struct zn_end end[3];
    struct zn_turns t;

    zn_turns_init(&t, offsetof(struct zn_end, in_index));
    for (int i = 0; i < 3; i++)
        CHECK_EQ(zn_turns_add(&t, &end[i]), 0);
    for (int i = 0; i < 6; i++) {
        CHECK(zn_turns_now(&t) == &end[i % 3], "turn %d", i);
        zn_turns_next(&t);
    }
    zn_turns_rest(&t, &end[0]);
    for (int i = 0; i < 4; i++) {
        CHECK(zn_turns_now(&t) != &end[0]);
        zn_turns_next(&t);
    }
    zn_turns_wake(&t, &end[0]);
    zn_turns_wake(&t, &end[0]);
    CHECK_EQ(t.active, 3);
    zn_turns_fini(&t);
}

TEST(turns_forget_who_was_never_there)
{
    static struct zn_end in, out;
    struct zn_turns t;

    zn_turns_init(&t, offsetof(struct zn_end, in_index));
    zn_turns_remove(&t, &out);
    CHECK_EQ(zn_turns_add(&t, &in), 0);
    zn_turns_remove(&t, &out);
    zn_turns_wake(&t, &out);
    CHECK(zn_turns_has(&t, &in) && !zn_turns_has(&t, &out));
    zn_turns_remove(&t, &in);
    zn_turns_remove(&t, &in);
    CHECK_EQ(t.count, 0);
    zn_turns_fini(&t);
}

/* Whose turn it is stays so while others come, go, rest and wake: a message in hand
 * depends on it. */
TEST(turns_stay_with_the_end_in_turn)
{
    static struct zn_end end[ENDS];
    struct zn_turns t;

    srand(1);
    zn_turns_init(&t, offsetof(struct zn_end, in_index));
    for (int step = 0; step < 20000; step++) {
        struct zn_end *now = t.active > 0 ? zn_turns_now(&t) : NULL;
        struct zn_end *e = &end[rand() % ENDS];
        int what = rand() % 4;

        if (e == now) {
            zn_turns_next(&t);
        } else if (!zn_turns_has(&t, e)) {
            CHECK_EQ(zn_turns_add(&t, e), 0);
        } else if (what == 0) {
            zn_turns_remove(&t, e);
        } else if (what == 1 && e->in_index < t.active) {
            zn_turns_rest(&t, e);
        } else {
            zn_turns_wake(&t, e);
        }
        check_whole(&t);
        if (e != now && now != NULL)
            CHECK(zn_turns_now(&t) == now, "step %d", step);
    }
    while (t.count > 0) {
        zn_turns_remove(&t, t.ends[rand() % (int)t.count]);
        check_whole(&t);
    }
    CHECK(t.cap <= 8, "memory is given back");
    zn_turns_fini(&t);
}

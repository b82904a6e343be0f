/* tests/core/spare_test.c - contents that are kept for the next large message. */
#include "core/spare.h"

#include "base/alloc.h"

#include "tests/test.h"

static struct zn_content *make(size_t size)
{
    struct zn_content *c = zn_content_new(size);
    CHECK(c != NULL);
    return c;
}

TEST(spare_keeps_nothing_unless_a_connection_is_live)
{
    struct zn_content *c = make(ZN_SPARE_MIN);

    CHECK(!zn_spare_keep(c));
    CHECK(zn_spare_take(ZN_SPARE_MIN) == NULL);
    zn_content_drop(c);
}

TEST(spare_hands_out_what_fits)
{
    static const struct {
        size_t has, wanted;
        bool fits;
    } cases[] = {
        { 65536, 65536, true },    { 65536, 60000, true },
        { 65536, 65537, false },         /* too small */
        { 1 << 20, 65536, false },       /* a waste */
        { 40000, 32768, true },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_content *c = make(cases[i].has);
        zn_spare_live();
        CHECK(zn_spare_keep(c), "case %zu", i);
        struct zn_content *got = zn_spare_take(cases[i].wanted);
        CHECK_EQ(got == c, cases[i].fits, "case %zu", i);
        if (got != NULL)
            zn_content_free(got);
        zn_spare_clear();
    }
}

TEST(spare_is_bounded_in_bytes_and_places)
{
    struct zn_content *large[10];
    size_t kept = 0;

    for (size_t i = 0; i < ZN_COUNT(large); i++)
        large[i] = make(ZN_SPARE_BYTES / 4);
    zn_spare_live();
    for (size_t i = 0; i < ZN_COUNT(large); i++)
        if (zn_spare_keep(large[i]))
            kept++;
        else
            zn_content_forget(large[i]);
    CHECK_EQ(kept, 4);
    zn_spare_clear();

    struct zn_content *small[100];
    kept = 0;
    for (size_t i = 0; i < ZN_COUNT(small); i++)
        small[i] = make(ZN_SPARE_MIN);
    zn_spare_live();
    for (size_t i = 0; i < ZN_COUNT(small); i++)
        if (zn_spare_keep(small[i]))
            kept++;
        else
            zn_content_forget(small[i]);
    CHECK(kept > 0 && kept < 100, "%zu", kept);
    zn_spare_clear();
    CHECK(zn_spare_take(ZN_SPARE_MIN) == NULL);
}

TEST(spare_small_contents_are_the_heaps_business)
{
    struct zn_content *c = make(ZN_SPARE_MIN - 1);

    zn_spare_live();
    CHECK(!zn_spare_keep(c));
    zn_spare_clear();
    zn_content_drop(c);
}

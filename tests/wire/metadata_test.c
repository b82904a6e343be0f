/* metadata_test.c - property lists. */
#include "tests/test.h"
#include "wire/metadata.h"

#include <stdlib.h>

static struct zn_bytes text(const char *s)
{
    return (struct zn_bytes){ (const uint8_t *)s, strlen(s) };
}

TEST(metadata_count_accepts_whole_lists_only)
{
    static const struct {
        const char *what, *in;
        size_t len;
        int want;
    } cases[] = {
        { "empty", "", 0, 0 },
        { "one", "\1a\0\0\0\1x", 7, 1 },
        { "empty value", "\1a\0\0\0\0", 6, 1 },
        { "empty name", "\0\0\0\0\1x", 6, 1 },
        { "two", "\1a\0\0\0\1x\1b\0\0\0\0", 13, 2 },
        { "trailing byte", "\1a\0\0\0\1x\1", 8, -EPROTO },
        { "trailing zero", "\1a\0\0\0\1x\0", 8, -EPROTO },
        { "value cut", "\1a\0\0\0\2x", 7, -EPROTO },
        { "value of 4 GiB", "\1a\xff\xff\xff\xffx", 7, -EPROTO },
        { "name cut", "\5a", 2, -EPROTO },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        const uint8_t *end, *p = test_fence(cases[i].in, cases[i].len, &end);
        CHECK_EQ(zn_metadata_count((struct zn_bytes){ p, cases[i].len }), cases[i].want,
                 "%s", cases[i].what);
    }
}

TEST(metadata_cut_anywhere_inside_a_property_is_refused)
{
    static const char list[] = "\3abc\0\0\0\2xy\1d\0\0\0\1z";
    enum { SIZE = sizeof(list) - 1, FIRST = 10 };

    for (size_t cut = 0; cut <= SIZE; cut++) {
        const uint8_t *end, *p = test_fence(list, cut, &end);
        int want = cut == 0 ? 0 : cut == FIRST ? 1 : cut == SIZE ? 2 : -EPROTO;
        CHECK_EQ(zn_metadata_count((struct zn_bytes){ p, cut }), want, "%zu", cut);
    }
}

TEST(metadata_parse_keeps_the_first_of_a_name)
{
    static const char list[] = "\1a\0\0\0\1x\1b\0\0\0\1y\1a\0\0\0\1z\1A\0\0\0\1w";
    struct zn_bytes bytes = { (const uint8_t *)list, sizeof(list) - 1 };
    struct zn_property properties[4];

    CHECK_EQ(zn_metadata_count(bytes), 4);
    CHECK_EQ(zn_metadata_parse(bytes, properties), 3);
    CHECK(zn_bytes_equal(*zn_metadata_find(properties, 3, text("a")), text("x")));
    CHECK(zn_bytes_equal(*zn_metadata_find(properties, 3, text("b")), text("y")));
    CHECK(zn_bytes_equal(*zn_metadata_find(properties, 3, text("A")), text("w")));
    CHECK(zn_metadata_find(properties, 3, text("B")) == NULL);
}

TEST(metadata_parse_undoes_put)
{
    static const struct zn_property written[] = {
        { { (const uint8_t *)"X-a", 3 }, { (const uint8_t *)"one", 3 } },
        { { (const uint8_t *)"X-b", 3 }, { NULL, 0 } },
    };
    uint8_t bytes[64], *p = bytes;
    struct zn_property read[2];
    size_t size = 0;

    for (size_t i = 0; i < ZN_COUNT(written); i++) {
        size += zn_property_size(&written[i]);
        p = zn_property_put(p, &written[i]);
    }
    CHECK_EQ(p - bytes, size);
    CHECK_EQ(zn_metadata_parse((struct zn_bytes){ bytes, size }, read), 2);
    for (size_t i = 0; i < ZN_COUNT(written); i++) {
        CHECK(zn_bytes_equal(read[i].name, written[i].name));
        CHECK(zn_bytes_equal(read[i].value, written[i].value));
    }
}

TEST(metadata_of_too_many_properties_is_refused)
{
    enum { EACH = 5 };
    uint8_t *bytes = calloc(ZN_METADATA_MAX + 1, EACH);

    CHECK_EQ(zn_metadata_count((struct zn_bytes){ bytes, ZN_METADATA_MAX * EACH }),
             ZN_METADATA_MAX);
    CHECK_EQ(zn_metadata_count((struct zn_bytes){ bytes, (ZN_METADATA_MAX + 1) * EACH }),
             -EPROTO);
    free(bytes);
}

/* tests/base/z85_test.c */
#include "base/z85.h"

#include "tests/test.h"

TEST(z85_encodes_the_rfc_example_and_back)
{
    static const uint8_t bytes[8] = { 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B };
    char text[11];
    uint8_t back[8];

    CHECK_EQ(zn_z85_encode(text, bytes, sizeof bytes), 0);
    CHECK_STR(text, "HelloWorld");
    CHECK_EQ(zn_z85_decode(back, text), 0);
    CHECK_MEM(back, bytes, sizeof bytes);
}

TEST(z85_every_word_survives)
{
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t in[4], out[4];
        char text[6];

        zn_put_u32(in, i * 2654435761u);
        CHECK_EQ(zn_z85_encode(text, in, 4), 0);
        CHECK_EQ(zn_z85_decode(out, text), 0, "%s", text);
        CHECK_MEM(in, out, 4);
    }
}

TEST(z85_encode_wants_whole_words)
{
    uint8_t bytes[8] = { 0 };
    char text[16];

    for (size_t size = 0; size <= sizeof bytes; size++)
        CHECK_EQ(zn_z85_encode(text, bytes, size), size % 4 == 0 ? 0 : -EINVAL, "%zu",
                 size);
    CHECK_EQ(zn_z85_encode(text, bytes, 0), 0);
    CHECK_STR(text, "");
}

TEST(z85_decode_refuses_what_is_not_z85)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "", -EINVAL },       { "0", -EINVAL },
        { "0000", -EINVAL },   { "00000", 0 },
        { "000000", -EINVAL }, { "%nSc0", 0 },
        { "%nSc1", -EINVAL },  { "#####", -EINVAL },
        { "~0000", -EINVAL },  { "0000~", -EINVAL },
        { "00 00", -EINVAL },  { "0000\"", -EINVAL },
        { "00,00", -EINVAL }, { "\xff\xff\xff\xff\xff", -EINVAL },
        { "0000000000", 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        uint8_t out[16];
        CHECK_EQ(zn_z85_decode(out, cases[i].text), cases[i].want, "%s", cases[i].text);
    }
}

TEST(z85_decode_stays_within_text_and_room)
{
    const uint8_t *end;
    const char *text = (const char *)test_fence("HelloWorld", 11, &end);
    uint8_t out[9];

    out[8] = 0xEE;
    CHECK_EQ(zn_z85_decode(out, text), 0);
    CHECK_EQ(out[8], 0xEE);
}

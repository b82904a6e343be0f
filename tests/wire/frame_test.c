/* frame_test.c - frame headers of both framings. */
#include "tests/test.h"
#include "wire/frame.h"

#define SEVENTH "\0\0\0\0\0\0\0"

struct decode_case {
    const char *what;
    const char *in;
    size_t len;
    uint64_t limit;
    int want;
    uint8_t flags;
    uint64_t size;
};

typedef int (*decoder)(const uint8_t *p, const uint8_t *end, uint64_t limit,
                       struct zn_frame_header *h);

static void check_decode(decoder decode, const struct decode_case *c)
{
    struct zn_frame_header h = { 0 };
    const uint8_t *end, *p = test_fence(c->in, c->len, &end);

    CHECK_EQ(decode(p, end, c->limit, &h), c->want, "%s", c->what);
    if (c->want > 0) {
        CHECK_EQ(h.flags, c->flags, "%s", c->what);
        CHECK_EQ(h.size, c->size, "%s", c->what);
    }
}

TEST(frame_decode_reports_length_or_want_or_error)
{
    static const struct decode_case cases[] = {
        { "nothing yet", "", 0, 99, 0, 0, 0 },
        { "flags only", "\0", 1, 99, 0, 0, 0 },
        { "short", "\0\5", 2, 99, 2, 0, 5 },
        { "short, more behind", "\1\5abc", 5, 99, 2, ZN_FRAME_MORE, 5 },
        { "empty", "\0\0", 2, 0, 2, 0, 0 },
        { "command", "\4\5", 2, 99, 2, ZN_FRAME_COMMAND, 5 },
        { "reserved bits", "\xf8\5", 2, 99, 2, 0xf8, 5 },
        { "short at the limit", "\0\5", 2, 5, 2, 0, 5 },
        { "short over the limit", "\0\5", 2, 4, -EMSGSIZE, 0, 0 },
        { "long, cut", "\2\0", 2, 99, 0, 0, 0 },
        { "long, cut last", "\2" SEVENTH, 8, 99, 0, 0, 0 },
        { "long", "\2" SEVENTH "\1", 9, 99, 9, ZN_FRAME_LONG, 1 },
        { "long and more", "\3\0\0\0\0\0\0\1\0", 9, 256, 9, 3, 256 },
        { "long over the limit", "\2\0\0\0\0\0\0\1\0", 9, 255, -EMSGSIZE, 0, 0 },
        { "beyond 2^63", "\2\xff\xff\xff\xff\xff\xff\xff\xff", 9, INT64_MAX, -EMSGSIZE, 0,
          0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        check_decode(zn_frame_decode, &cases[i]);
}

TEST(frame1_decode_reports_length_or_want_or_error)
{
    static const struct decode_case cases[] = {
        { "nothing yet", "", 0, 99, 0, 0, 0 },
        { "length only", "\5", 1, 99, 0, 0, 0 },
        { "no room for flags", "\0", 1, 99, -EPROTO, 0, 0 },
        { "empty", "\1\0", 2, 0, 2, 0, 0 },
        { "short", "\5\1", 2, 4, 2, ZN_FRAME_MORE, 4 },
        { "reserved bits", "\5\xfe", 2, 4, 2, 0, 4 },
        { "over the limit, flags not here", "\6", 1, 4, -EMSGSIZE, 0, 0 },
        { "longest short", "\xfe\0", 2, 999, 2, 0, 253 },
        { "long, cut in length", "\xff" SEVENTH, 8, 999, 0, 0, 0 },
        { "long, cut before flags", "\xff" SEVENTH "\5", 9, 999, 0, 0, 0 },
        { "long", "\xff" SEVENTH "\5\1", 10, 999, 10, ZN_FRAME_MORE, 4 },
        { "long of nothing", "\xff" SEVENTH "\0\0", 10, 999, -EPROTO, 0, 0 },
        { "long over the limit", "\xff" SEVENTH "\6", 9, 4, -EMSGSIZE, 0, 0 },
        { "largest", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 10, INT64_MAX, -EMSGSIZE,
          0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        check_decode(zn_frame1_decode, &cases[i]);
}

TEST(frame_decode_undoes_encode_and_wants_more_at_every_cut)
{
    static const uint64_t sizes[] = { 0,   1,     252,   253,        254,      255,
                                      256, 65535, 65536, UINT32_MAX, INT64_MAX };
    static const struct {
        int (*encode)(uint8_t *p, uint8_t flags, uint64_t size);
        decoder decode;
        uint64_t first_long;
        int short_header, long_header;
    } framings[] = {
        { zn_frame1_encode, zn_frame1_decode, 254, 2, 10 },
        { zn_frame_encode, zn_frame_decode, 256, 2, 9 },
    };

    for (size_t i = 0; i < ZN_COUNT(sizes) * ZN_COUNT(framings) * 2; i++) {
        uint64_t size = sizes[i / 4];
        size_t f = i / 2 % 2;
        uint8_t bytes[ZN_FRAME_HEADER_MAX], flags = i % 2 ? ZN_FRAME_MORE : 0;
        int len = framings[f].encode(bytes, flags, size);
        struct zn_frame_header h;
        const uint8_t *end;

        CHECK_EQ(len, size >= framings[f].first_long ? framings[f].long_header
                                                     : framings[f].short_header);
        for (int cut = 0; cut <= len; cut++) {
            const uint8_t *p = test_fence(bytes, (size_t)cut, &end);
            CHECK_EQ(framings[f].decode(p, end, INT64_MAX, &h), cut < len ? 0 : len,
                     "size %llu cut at %d", (unsigned long long)size, cut);
        }
        CHECK_EQ(h.size, size);
        CHECK_EQ(h.flags & ZN_FRAME_MORE, flags);
    }
}

TEST(frame1_has_no_room_for_the_command_flag)
{
    uint8_t out[ZN_FRAME_HEADER_MAX];

    CHECK_EQ(zn_frame1_encode(out, ZN_FRAME_COMMAND | ZN_FRAME_MORE, 0), 2);
    CHECK_EQ(out[1], ZN_FRAME_MORE);
}

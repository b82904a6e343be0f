/* command_test.c - commands taken apart, PING and PONG. */
#include "tests/test.h"
#include "wire/command.h"

TEST(command_parse_finds_name_and_data_or_refuses)
{
    static const struct {
        const char *what, *in;
        size_t len;
        int want;
        const char *name;
        size_t data;
    } cases[] = {
        { "nothing", "", 0, -EPROTO, "", 0 },
        { "no name", "\0", 1, 0, "", 0 },
        { "no name, data", "\0abc", 4, 0, "", 3 },
        { "name", "\5READY", 6, 0, "READY", 0 },
        { "name and data", "\5READYabc", 9, 0, "READY", 3 },
        { "name cut", "\5READ", 5, -EPROTO, "", 0 },
        { "only a length", "\1", 1, -EPROTO, "", 0 },
        { "long length", "\xffREADY", 6, -EPROTO, "", 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_command cmd;
        const uint8_t *end, *p = test_fence(cases[i].in, cases[i].len, &end);

        CHECK_EQ(zn_command_parse(p, cases[i].len, &cmd), cases[i].want, "%s",
                 cases[i].what);
        if (cases[i].want == 0) {
            CHECK(zn_command_is(&cmd, cases[i].name), "%s", cases[i].what);
            CHECK_EQ(cmd.data.size, cases[i].data, "%s", cases[i].what);
        }
    }
}

TEST(command_names_are_compared_exactly)
{
    struct zn_command cmd;

    CHECK_EQ(zn_command_parse((const uint8_t *)"\4PING\0\0", 7, &cmd), 0);
    CHECK(zn_command_is(&cmd, "PING"));
    CHECK(!zn_command_is(&cmd, "ping"));
    CHECK(!zn_command_is(&cmd, "PIN"));
    CHECK(!zn_command_is(&cmd, "PINGS"));
    CHECK(!zn_command_is(&cmd, ""));
}

TEST(ping_parse_gives_milliseconds_and_a_short_context)
{
    static const struct {
        const char *what, *in;
        size_t len;
        int want;
        uint32_t ttl;
        size_t context;
    } cases[] = {
        { "no TTL", "\4PING", 5, -EPROTO, 0, 0 },
        { "half a TTL", "\4PING\0", 6, -EPROTO, 0, 0 },
        { "bare", "\4PING\0\1", 7, 0, 100, 0 },
        { "beyond 16 bits of ms", "\4PING\2\x90", 7, 0, 65600, 0 },
        { "largest", "\4PING\xff\xff", 7, 0, 6553500, 0 },
        { "context", "\4PING\0\0abc", 10, 0, 0, 3 },
        { "full context",
          "\4PING\0\0"
          "0123456789abcdef",
          23, 0, 0, 16 },
        { "long context",
          "\4PING\0\0"
          "0123456789abcdefg",
          24, 0, 0, 16 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_command cmd;
        struct zn_bytes context;
        uint32_t ttl;
        const uint8_t *end, *p = test_fence(cases[i].in, cases[i].len, &end);

        CHECK_EQ(zn_command_parse(p, cases[i].len, &cmd), 0, "%s", cases[i].what);
        CHECK_EQ(zn_ping_parse(&cmd, &ttl, &context), cases[i].want, "%s", cases[i].what);
        if (cases[i].want == 0) {
            CHECK_EQ(ttl, cases[i].ttl, "%s", cases[i].what);
            CHECK_EQ(context.size, cases[i].context, "%s", cases[i].what);
        }
    }
}

TEST(ping_and_pong_frames_are_whole_frames)
{
    static const uint8_t text[] = "0123456789abcdefg";
    uint8_t ping[ZN_PING_FRAME_MAX], pong[ZN_PONG_FRAME_MAX];

    CHECK_EQ(zn_ping_frame(ping, 0x0102), 9);
    CHECK_MEM(ping, "\4\7\4PING\1\2", 9);
    CHECK_EQ(zn_pong_frame(pong, (struct zn_bytes){ NULL, 0 }), 7);
    CHECK_MEM(pong, "\4\5\4PONG", 7);
    CHECK_EQ(zn_pong_frame(pong, (struct zn_bytes){ text, 17 }), ZN_PONG_FRAME_MAX);
    CHECK_MEM(pong, "\4\25\4PONG0123456789abcdef", ZN_PONG_FRAME_MAX);
}

/* tests/wire/datagram_test.c - a message to a group as one datagram. */
#include "wire/datagram.h"

#include "tests/test.h"

TEST(group_datagram_is_taken_apart_or_refused)
{
    static const struct {
        const char *what, *bytes;
        size_t size;
        int want;
        size_t group, body;
    } cases[] = {
        { "nothing", "", 0, -EPROTO, 0, 0 },
        { "no group, no body", "\0", 1, 0, 0, 0 },
        { "no group", "\0body", 5, 0, 0, 4 },
        { "no body", "\2TV", 3, 0, 2, 0 },
        { "both", "\2TVnews", 7, 0, 2, 4 },
        { "zeros are bytes", "\2\0\0\0", 4, 0, 2, 1 },
        { "a group that is missing", "\1", 1, -EPROTO, 0, 0 },
        { "a group that is cut", "\3TV", 3, -EPROTO, 0, 0 },
        { "the longest claim", "\xffTV", 3, -EPROTO, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_bytes group, body;
        const uint8_t *end, *p = test_fence(cases[i].bytes, cases[i].size, &end);

        int rc = zn_group_decode((struct zn_bytes){ p, cases[i].size }, &group, &body);
        CHECK_EQ(rc, cases[i].want, "%s", cases[i].what);
        if (rc < 0)
            continue;
        CHECK(group.data == p + 1 && group.size == cases[i].group, "%s", cases[i].what);
        CHECK(body.data + body.size == end && body.size == cases[i].body, "%s",
              cases[i].what);
    }
}

TEST(group_datagram_of_each_length_survives_the_way_there_and_back)
{
    uint8_t name[255], datagram[ZN_GROUP_HEAD_MAX + 1];

    memset(name, 'n', sizeof(name));
    for (size_t size = 0; size <= sizeof(name); size++) {
        struct zn_bytes group, body;
        size_t head = zn_group_encode(datagram, (struct zn_bytes){ name, size });
        const uint8_t *end;

        CHECK_EQ(head, 1 + size);
        datagram[head] = 'b';
        const uint8_t *p = test_fence(datagram, head + 1, &end);
        CHECK_EQ(zn_group_decode((struct zn_bytes){ p, head + 1 }, &group, &body), 0);
        CHECK_EQ(group.size, size);
        CHECK_MEM(group.data, name, size);
        CHECK(body.size == 1 && body.data[0] == 'b');
    }
}

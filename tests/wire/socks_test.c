/* socks_test.c - the client's side of SOCKS5. */
#include "tests/test.h"
#include "wire/socks.h"

#define TEXT(s)                             \
    {                                       \
        (const uint8_t *)(s), sizeof(s) - 1 \
    }
#define REPLY_4 "\5\0\0\1\12\0\0\1\4\70"
#define REPLY_6 "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\4\70"
#define REPLY_NAME "\5\0\0\3\4some\4\70"
#define PEER "ZMTP"

/* What is wished, said, and heard in return: all of it, each turn's after the last. */
static const struct talk {
    const char *what;
    struct zn_socks_wish wish;
    struct zn_bytes said, heard;
} talks[] = {
    { "a name",
      { ZN_SOCKS_NAME, TEXT("example.org"), 5555, { 0 }, { 0 } },
      TEXT("\5\1\0"
           "\5\1\0\3\13example.org\25\263"),
      TEXT("\5\0" REPLY_4) },
    { "IPv4",
      { ZN_SOCKS_IPV4, TEXT("\300\0\2\1"), 80, { 0 }, { 0 } },
      TEXT("\5\1\0"
           "\5\1\0\1\300\0\2\1\0\120"),
      TEXT("\5\0" REPLY_6) },
    { "IPv6",
      { ZN_SOCKS_IPV6,
        TEXT("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"),
        65535,
        { 0 },
        { 0 } },
      TEXT("\5\1\0"
           "\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\377\377"),
      TEXT("\5\0" REPLY_NAME) },
    { "a login",
      { ZN_SOCKS_NAME, TEXT("h"), 1, TEXT("me"), TEXT("secret") },
      TEXT("\5\1\2"
           "\1\2me\6secret"
           "\5\1\0\3\1h\0\1"),
      TEXT("\5\2"
           "\1\0" REPLY_4) },
    { "a login without password",
      { ZN_SOCKS_NAME, TEXT("h"), 1, TEXT("me"), { 0 } },
      TEXT("\5\1\2"
           "\1\2me\0"
           "\5\1\0\3\1h\0\1"),
      TEXT("\5\2"
           "\1\0"
           "\5\0\0\3\0\0\0") },
};

/* How much of what is heard goes to each call, and where it ends. */
struct outcome {
    int rc;
    size_t heard, said_size;
    uint8_t said[3 * ZN_SOCKS_OUT_MAX];
};

static void speak(struct zn_socks *s, size_t piece, struct outcome *o)
{
    for (;;) {
        struct zn_bytes out = zn_socks_output(s);
        size_t n = out.size < piece ? out.size : piece;

        if (n == 0)
            return;
        CHECK(o->said_size + n <= sizeof o->said);
        memcpy(o->said + o->said_size, out.data, n);
        o->said_size += n;
        zn_socks_sent(s, n);
    }
}

static struct outcome converse(const struct zn_socks_wish *wish, const uint8_t *heard,
                               size_t size, size_t piece)
{
    struct outcome o = { 0 };
    struct zn_socks s;

    CHECK_EQ(zn_socks_start(&s, wish), 0);
    while (o.rc == 0) {
        speak(&s, piece, &o);
        size_t n = zn_socks_wants(&s);

        CHECK(n > 0);
        n = n < piece ? n : piece;
        n = n < size - o.heard ? n : size - o.heard;
        if (n == 0)
            break;
        o.rc = zn_socks_input(&s, heard + o.heard, n);
        o.heard += n;
    }
    return o;
}

TEST(socks_leads_to_a_peer_and_takes_no_byte_of_it)
{
    for (size_t i = 0; i < ZN_COUNT(talks); i++) {
        const struct talk *t = &talks[i];
        uint8_t all[64];

        memcpy(all, t->heard.data, t->heard.size);
        memcpy(all + t->heard.size, PEER, sizeof(PEER) - 1);
        for (size_t piece = 1; piece < sizeof all; piece++) {
            struct outcome o =
                converse(&t->wish, all, t->heard.size + sizeof(PEER) - 1, piece);
            CHECK_EQ(o.rc, 1, "%s by %zu", t->what, piece);
            CHECK_EQ(o.heard, t->heard.size, "%s by %zu", t->what, piece);
            CHECK_EQ(o.said_size, t->said.size, "%s by %zu", t->what, piece);
            CHECK_MEM(o.said, t->said.data, o.said_size);
        }
    }
}

TEST(socks_waits_for_the_rest_of_what_is_cut_anywhere)
{
    for (size_t i = 0; i < ZN_COUNT(talks); i++)
        for (size_t cut = 0; cut < talks[i].heard.size; cut++) {
            const uint8_t *end, *p = test_fence(talks[i].heard.data, cut, &end);
            struct outcome o = converse(&talks[i].wish, p, cut, 600);

            CHECK_EQ(o.rc, 0, "%s, %zu bytes", talks[i].what, cut);
            CHECK_EQ(o.heard, cut, "%s", talks[i].what);
        }
}

/* Only the address that the proxy tells is of no meaning; its size is. */
static bool means_nothing(const struct talk *t, size_t at)
{
    size_t reply = t->wish.user.size > 0 ? 4 : 2;
    size_t address = reply + 4 + (t->heard.data[reply + 3] == ZN_SOCKS_NAME);

    return at >= address;
}

TEST(socks_ends_with_each_byte_that_is_wrong)
{
    for (size_t i = 0; i < ZN_COUNT(talks); i++)
        for (size_t at = 0; at < talks[i].heard.size; at++)
            for (int wrong = 1; wrong < 256; wrong++) {
                uint8_t bad[64];
                size_t size = talks[i].heard.size;

                memcpy(bad, talks[i].heard.data, size);
                bad[at] = (uint8_t)(bad[at] ^ wrong);
                struct outcome o = converse(&talks[i].wish, bad, size, 600);
                if (means_nothing(&talks[i], at))
                    CHECK_EQ(o.rc, 1, "%s, byte %zu", talks[i].what, at);
                else
                    CHECK(o.rc != 1 || o.heard < size, "%s, byte %zu ^ %d", talks[i].what,
                          at, wrong);
            }
}

TEST(socks_tells_why_a_proxy_refused)
{
    static const struct {
        const char *what;
        struct zn_bytes heard;
        int want;
    } cases[] = {
        { "SOCKS4", TEXT("\4"), -EPROTO },
        { "HTTP", TEXT("H"), -EPROTO },
        { "no such way", TEXT("\5\377"), -EACCES },
        { "a way not offered", TEXT("\5\2"), -EACCES },
        { "version of reply", TEXT("\5\0\4"), -EPROTO },
        { "failure", TEXT("\5\0\5\1"), -ECONNABORTED },
        { "forbidden", TEXT("\5\0\5\2"), -EACCES },
        { "network", TEXT("\5\0\5\3"), -ENETUNREACH },
        { "host", TEXT("\5\0\5\4"), -EHOSTUNREACH },
        { "refused", TEXT("\5\0\5\5"), -ECONNREFUSED },
        { "TTL", TEXT("\5\0\5\6"), -ETIMEDOUT },
        { "command", TEXT("\5\0\5\7"), -EOPNOTSUPP },
        { "address type", TEXT("\5\0\5\10"), -EAFNOSUPPORT },
        { "unassigned", TEXT("\5\0\5\11"), -EPROTO },
        { "the last", TEXT("\5\0\5\377"), -EPROTO },
        { "reserved", TEXT("\5\0\5\0\1"), -EPROTO },
        { "type 0", TEXT("\5\0\5\0\0\0"), -EPROTO },
        { "type 2", TEXT("\5\0\5\0\0\2"), -EPROTO },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_bytes b = cases[i].heard;

        for (size_t piece = 1; piece <= 4; piece++) {
            struct outcome o = converse(&talks[0].wish, b.data, b.size, piece);
            CHECK_EQ(o.rc, cases[i].want, "%s by %zu", cases[i].what, piece);
        }
    }
}

TEST(socks_wants_a_login_accepted)
{
    static const struct {
        struct zn_bytes heard;
        int want;
    } cases[] = {
        { TEXT("\5\0"), -EACCES },           /* would let anybody: we meant to log in */
        { TEXT("\5\2\1\1"), -EACCES },
        { TEXT("\5\2\1\377"), -EACCES },
        { TEXT("\5\2\5"), -EPROTO },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_bytes b = cases[i].heard;
        CHECK_EQ(converse(&talks[3].wish, b.data, b.size, 600).rc, cases[i].want, "%zu",
                 i);
    }
}

TEST(socks_takes_texts_of_255_bytes_and_no_more)
{
    static uint8_t text[ZN_SOCKS_TEXT_MAX + 1],
        reply[300] = { 5, 2, 1, 0, 5, 0, 0, 3, 255 };
    struct zn_bytes most = { text, ZN_SOCKS_TEXT_MAX }, more = { text, sizeof text };
    struct zn_socks_wish wish = { ZN_SOCKS_NAME, most, 1, most, most };
    struct zn_socks s;
    struct outcome o = converse(&wish, reply, sizeof reply, 600);

    CHECK_EQ(o.rc, 1);
    CHECK_EQ(o.heard, 4 + ZN_SOCKS_IN_MAX);
    CHECK_EQ(o.said_size, 3 + ZN_SOCKS_OUT_MAX + 7 + ZN_SOCKS_TEXT_MAX);

    wish.host = more;
    CHECK_EQ(zn_socks_start(&s, &wish), -EINVAL);
    wish.host = (struct zn_bytes){ text, 0 };
    CHECK_EQ(zn_socks_start(&s, &wish), -EINVAL);
    wish.kind = ZN_SOCKS_IPV4;
    wish.host = most;
    CHECK_EQ(zn_socks_start(&s, &wish), -EINVAL);
    wish = (struct zn_socks_wish){ ZN_SOCKS_NAME, most, 1, more, most };
    CHECK_EQ(zn_socks_start(&s, &wish), -EINVAL);
    wish = (struct zn_socks_wish){ ZN_SOCKS_NAME, most, 1, most, more };
    CHECK_EQ(zn_socks_start(&s, &wish), -EINVAL);
}

TEST(socks_refuses_more_than_it_wants)
{
    struct zn_socks s;

    CHECK_EQ(zn_socks_start(&s, &talks[0].wish), 0);
    CHECK_EQ(zn_socks_wants(&s), 2);
    CHECK_EQ(zn_socks_input(&s, (const uint8_t *)"\5\0\5", 3), -EPROTO);
}

TEST(socks_forgets_its_password_once_it_was_said)
{
    struct zn_socks s;

    CHECK_EQ(zn_socks_start(&s, &talks[3].wish), 0);
    CHECK_EQ(zn_socks_input(&s, (const uint8_t *)"\5\2", 2), 0);
    CHECK(memcmp(s.out + 5, "secret", 6) == 0);
    CHECK_EQ(zn_socks_input(&s, (const uint8_t *)"\1\0", 2), 0);
    for (size_t i = 0; i + 6 <= sizeof s.out; i++)
        CHECK(memcmp(s.out + i, "secret", 6) != 0);
}

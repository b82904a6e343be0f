/* tests/core/endpoint_test.c - the cases were put to libzmq 4.3.4 as well. */
#include "core/endpoint.h"

#include "tests/test.h"

TEST(endpoint_has_a_scheme_and_an_address)
{
    static const struct {
        const char *text, *scheme, *address;
    } cases[] = {
        { "tcp://*:5555", "tcp", "*:5555" },
        { "inproc://a b", "inproc", "a b" },
        { "ipc:///tmp/x://y", "ipc", "/tmp/x://y" },
        { "TCP://a:1", "TCP", "a:1" },
        { NULL, NULL, NULL },
        { "", NULL, NULL },
        { "tcp", NULL, NULL },
        { "tcp:", NULL, NULL },
        { "tcp:/a:1", NULL, NULL },
        { "tcp://", NULL, NULL },
        { "://a", NULL, NULL },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_endpoint ep;
        int rc = zn_endpoint_parse(cases[i].text, &ep);
        const char *what = cases[i].text == NULL ? "NULL" : cases[i].text;

        CHECK_EQ(rc, cases[i].scheme == NULL ? -EINVAL : 0, "%s", what);
        if (rc < 0)
            continue;
        CHECK_EQ(ep.scheme.size, strlen(cases[i].scheme), "%s", what);
        CHECK_MEM(ep.scheme.data, cases[i].scheme, ep.scheme.size);
        CHECK_STR(ep.address, cases[i].address);
    }
}

TEST(tcp_bind_reads_ports_as_libzmq_does)
{
    static const struct {
        const char *text;
        int rc, port;
        bool any;
    } cases[] = {
        { "h:5555", 0, 5555, false },   { "h:*", 0, 0, true },
        { "h:0", 0, 0, true },          { "h:", -EINVAL, 0, false },
        { "h", -EINVAL, 0, false },     { "h:x", -EINVAL, 0, false },
        { "h:!", -EINVAL, 0, false },   { "h:**", -EINVAL, 0, false },
        { "h:00", -EINVAL, 0, false },  { "h: 0", -EINVAL, 0, false },
        { "h:+0", -EINVAL, 0, false },  { "h:5a", 0, 5, false },
        { "h:65535", 0, 65535, false }, { "h:65536", -EINVAL, 0, false },
        { "h:65537", 0, 1, false },     { "h:70000", 0, 4464, false },
        { "h:-1", 0, 65535, false },    { "h:99999999999999999999", 0, 65535, false },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_tcp_name name;
        int rc = zn_tcp_parse_bind(cases[i].text, &name);

        CHECK_EQ(rc, cases[i].rc, "%s", cases[i].text);
        if (rc < 0)
            continue;
        CHECK_EQ(name.port, cases[i].port, "%s", cases[i].text);
        CHECK_EQ(name.any_port, cases[i].any, "%s", cases[i].text);
    }
}

TEST(tcp_bind_takes_hosts_out_of_brackets_and_zones)
{
    static const struct {
        const char *text, *host;
        bool bracketed, any;
    } cases[] = {
        { "*:1", "*", false, true },
        { "[*]:1", "*", true, true },
        { "*%lo:1", "*", false, true },
        { "127.0.0.1:1", "127.0.0.1", false, false },
        { "[127.0.0.1]:1", "127.0.0.1", true, false },
        { "127.0.0.1%lo:1", "127.0.0.1", false, false },
        { "::1:1", "::1", false, false },
        { "[fe80::1%lo]:1", "fe80::1%lo", true, false },
        { "[::1:1", "[::1", false, false },
        { "::1]:1", "::1]", false, false },
        { ":1", "", false, false },
        { "[]:1", "", true, false },
        { "a:1;b:2", "b", false, false },
        { "127.0.0.1:*:1", "127.0.0.1:*", false, false },
        { "x%:1", NULL, false, false },
        { "[fe80::1%]:1", NULL, false, false },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_tcp_name name;
        int rc = zn_tcp_parse_bind(cases[i].text, &name);

        CHECK_EQ(rc, cases[i].host == NULL ? -EINVAL : 0, "%s", cases[i].text);
        if (rc < 0)
            continue;
        CHECK_STR(name.host, cases[i].host, "%s", cases[i].text);
        CHECK_EQ(name.bracketed, cases[i].bracketed, "%s", cases[i].text);
        CHECK_EQ(name.any_host, cases[i].any, "%s", cases[i].text);
    }
}

TEST(tcp_connect_checks_characters_and_the_last_colon)
{
    static const struct {
        const char *text;
        int rc;
        bool can;
    } cases[] = {
        { "a:1", 0, true },          { "a_b:1", 0, true },
        { "[::1]:5", 0, true },      { "::1:5", 0, true },
        { "a..b:1", 0, true },       { "9:9", 0, true },
        { "a%b:5", 0, true },        { "a:0", 0, false },
        { "a:5a", 0, false },        { "a:70000", 0, false },
        { "a:65536", 0, false },     { "a:65535", 0, true },
        { ":5", 0, false },          { "[::1]", 0, false },
        { "a:5*", 0, false },        { "lo:*;a:5", 0, true },
        { "lo:5;b:1", 0, true },     { "a;b:1", 0, false },
        { "b:1;", 0, false },        { "a:1;b", 0, false },
        { "a:x;b:1", 0, false },     { "a:1;b:2;c:3", 0, true },
        { "a", -EINVAL, false },     { "a:", -EINVAL, false },
        { "a:*", -EINVAL, false },   { "*:5", -EINVAL, false },
        { ";b:1", -EINVAL, false },  { "/p:1", -EINVAL, false },
        { "_a:1", -EINVAL, false },  { "-a:1", -EINVAL, false },
        { "a b:1", -EINVAL, false }, { "a:5:", -EINVAL, false },
        { "a:*5", -EINVAL, false },  { "a:-5", -EINVAL, false },
        { "a:5/x", -EINVAL, false }, { ".a:1", -EINVAL, false },
        { "a:1 ", -EINVAL, false },  { "a:+1", -EINVAL, false },
        { "%:1", -EINVAL, false },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_tcp_name name;
        bool can;
        int rc = zn_tcp_parse_connect(cases[i].text, &name, &can);

        CHECK_EQ(rc, cases[i].rc, "%s", cases[i].text);
        if (rc == 0)
            CHECK_EQ(can, cases[i].can, "%s", cases[i].text);
    }
}

TEST(tcp_connect_tells_source_from_destination)
{
    struct zn_tcp_name name;
    bool can;

    CHECK_EQ(zn_tcp_parse_connect("lo:*;[::1]:5555", &name, &can), 0);
    CHECK(can && name.has_source && name.bracketed);
    CHECK_STR(name.source_host, "lo");
    CHECK_EQ(name.source_port, 0);
    CHECK_STR(name.host, "::1");
    CHECK_EQ(name.port, 5555);

    CHECK_EQ(zn_tcp_parse_connect("127.0.0.1:17;localhost:1", &name, &can), 0);
    CHECK(can && !name.source_any_host);
    CHECK_EQ(name.source_port, 17);

    CHECK_EQ(zn_tcp_parse_connect("localhost:1", &name, &can), 0);
    CHECK(can && !name.has_source);
}

TEST(tcp_names_that_are_too_long_are_refused)
{
    char text[400];
    struct zn_tcp_name name;
    bool can;

    memset(text, 'a', sizeof text);
    memcpy(text + 255, ":1", 3);
    CHECK_EQ(zn_tcp_parse_bind(text, &name), 0);
    memset(text, 'a', sizeof text);
    memcpy(text + 256, ":1", 3);
    CHECK_EQ(zn_tcp_parse_bind(text, &name), -EINVAL);
    CHECK_EQ(zn_tcp_parse_connect(text, &name, &can), 0);
    CHECK(!can);
}

TEST(udp_endpoints_are_taken_apart)
{
    static const struct {
        const char *text;
        int bind, connect;
        const char *interface, *host;
        uint16_t port;
    } cases[] = {
        { "127.0.0.1:5555", 0, 0, "", "127.0.0.1", 5555 },
        { "lo;239.1.1.1:1", 0, 0, "lo", "239.1.1.1", 1 },
        { "*;239.1.1.1:1", 0, 0, "*", "239.1.1.1", 1 },
        { "[::1]:65535", 0, 0, "", "::1", 65535 },
        { "eth0;[ff12::1%eth0]:5", 0, 0, "eth0", "ff12::1%eth0", 5 },
        { "[fe80::1];[ff12::1]:5", 0, 0, "fe80::1", "ff12::1", 5 },
        { "*:7", 0, 0, "", "*", 7 },
        { "a:*", 0, -EINVAL, "", "a", 0 },
        { "a:0", 0, -EINVAL, "", "a", 0 },
        { "a:65536", -EINVAL, -EINVAL, "", "", 0 },
        { "a:-1", -EINVAL, -EINVAL, "", "", 0 },
        { "a:+1", -EINVAL, -EINVAL, "", "", 0 },
        { "a:1x", -EINVAL, -EINVAL, "", "", 0 },
        { "a:**", -EINVAL, -EINVAL, "", "", 0 },
        { "a:", -EINVAL, -EINVAL, "", "", 0 },
        { "a", -EINVAL, -EINVAL, "", "", 0 },
        { ":1", -EINVAL, -EINVAL, "", "", 0 },
        { ";a:1", -EINVAL, -EINVAL, "", "", 0 },
        { "a;", -EINVAL, -EINVAL, "", "", 0 },
        { "a;:1", -EINVAL, -EINVAL, "", "", 0 },
        { "", -EINVAL, -EINVAL, "", "", 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        for (int bind = 0; bind < 2; bind++) {
            struct zn_udp_name name;
            int rc = zn_udp_parse(cases[i].text, bind, &name);
            CHECK_EQ(rc, bind ? cases[i].bind : cases[i].connect, "%s", cases[i].text);
            if (rc < 0)
                continue;
            CHECK_STR(name.interface, cases[i].interface);
            CHECK_STR(name.host, cases[i].host);
            CHECK_EQ(name.port, cases[i].port);
            CHECK_EQ(name.any_host, strcmp(name.host, "*") == 0);
        }
}

TEST(udp_names_that_are_too_long_are_refused)
{
    char text[600];
    struct zn_udp_name name;

    memset(text, 'a', sizeof(text));
    memcpy(text + 255, ":1", 3);
    CHECK_EQ(zn_udp_parse(text, true, &name), 0);
    memset(text, 'a', sizeof(text));
    memcpy(text + 256, ":1", 3);
    CHECK_EQ(zn_udp_parse(text, true, &name), -EINVAL);
    memset(text, 'a', sizeof(text));
    memcpy(text + 256, ";a:1", 5);
    CHECK_EQ(zn_udp_parse(text, false, &name), -EINVAL);
}

TEST(vsock_reads_numbers_any_and_our_own)
{
    static const struct {
        const char *text;
        int bind, connect;
        uint32_t cid, port;
        bool local;
    } cases[] = {
        { "1:5", 0, 0, 1, 5, false },
        { "0:0", 0, 0, 0, 0, false },
        { "4294967294:4294967294", 0, 0, UINT32_MAX - 1, UINT32_MAX - 1, false },
        { "@:7", 0, 0, 0, 7, true },
        { "*:*", 0, -EINVAL, UINT32_MAX, UINT32_MAX, false },
        { "-1:-1", 0, -EINVAL, UINT32_MAX, UINT32_MAX, false },
        { "2:*", 0, -EINVAL, 2, UINT32_MAX, false },
        { "@:*", 0, -EINVAL, 0, UINT32_MAX, true },
        { "", -EINVAL, -EINVAL, 0, 0, false },
        { "5", -EINVAL, -EINVAL, 0, 0, false },
        { "5:", -EINVAL, -EINVAL, 0, 0, false },
        { "5: 6", -EINVAL, -EINVAL, 0, 0, false },
        { "5:+6", -EINVAL, -EINVAL, 0, 0, false },
        { "5:*6", -EINVAL, -EINVAL, 0, 0, false },
        { "5:-11", -EINVAL, -EINVAL, 0, 0, false },
        { "5:4294967295", -EINVAL, -EINVAL, 0, 0, false },
        { "5:99999999999999999999999", -EINVAL, -EINVAL, 0, 0, false },
        { "4294967295:5", -ENODEV, -ENODEV, 0, 0, false },
        { "name:5", -ENODEV, -ENODEV, 0, 0, false },
        { "*1:5", -ENODEV, -ENODEV, 0, 0, false },
        { ":5", -ENODEV, -ENODEV, 0, 0, false },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        for (int bind = 0; bind < 2; bind++) {
            struct zn_vsock_name n;
            int want = bind ? cases[i].bind : cases[i].connect;

            CHECK_EQ(zn_vsock_parse(cases[i].text, bind, &n), want, "%s", cases[i].text);
            if (want < 0)
                continue;
            CHECK_EQ(n.local, cases[i].local, "%s", cases[i].text);
            CHECK(n.local || n.cid == cases[i].cid, "%s", cases[i].text);
            CHECK_EQ(n.port, cases[i].port, "%s", cases[i].text);
        }
}

TEST(tipc_reads_services_and_sockets)
{
    static const struct {
        const char *text;
        int bind, connect;
        struct zn_tipc_name want;        /* of third: as bound */
        uint32_t domain;
    } cases[] = {
        { "{5555,0,9}", 0, 0, { true, false, 5555, 0, 9, 0, 0 }, 9 },
        { "{5555, 1, 3}", 0, 0, { true, false, 5555, 1, 3, 0, 0 }, 3 },
        { "{ 5555,1 }", 0, 0, { true, false, 5555, 1, 1, 0, 0 }, 0 },
        { "{4294967295,0,4294967295}",
          0,
          0,
          { true, false, UINT32_MAX, 0, UINT32_MAX, 0, 0 },
          UINT32_MAX },
        { "{5555,4,2}", -EINVAL, 0, { true, false, 5555, 4, 2, 0, 0 }, 2 },
        { "{5555,4}@1.2.3", -EINVAL, 0, { true, false, 5555, 4, 0, 0, 0 }, 0x01002003 },
        { "<*>", 0, -EINVAL, { false, true, 0, 0, 0, 0, 0 }, 0 },
        { "<1.2.3:4>", -EINVAL, 0, { false, false, 0, 0, 0, 0x01002003, 4 }, 0 },
        { "<255.4095.4095:4294967295>",
          -EINVAL,
          0,
          { false, false, 0, 0, 0, UINT32_MAX, UINT32_MAX },
          0 },
        { "<256.0.0:1>", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<0.4096.0:1>", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<0.0.4096:1>", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<0.0.0:4294967296>", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{4294967296,0}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2,3,4}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2,3}@1.1.1", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2}@1.1", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2}@", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,-2}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2,}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1,2", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{1}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{}", -EINVAL, -EINVAL, { 0 }, 0 },
        { "{", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<*", -EINVAL, -EINVAL, { 0 }, 0 },
        { "<*>x", -EINVAL, -EINVAL, { 0 }, 0 },
        { "", -EINVAL, -EINVAL, { 0 }, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        for (int bind = 0; bind < 2; bind++) {
            const struct zn_tipc_name *w = &cases[i].want;
            struct zn_tipc_name n;
            int want = bind ? cases[i].bind : cases[i].connect;

            CHECK_EQ(zn_tipc_parse(cases[i].text, bind, &n), want, "%s %d", cases[i].text,
                     bind);
            if (want < 0)
                continue;
            CHECK(n.service == w->service && n.any == w->any, "%s", cases[i].text);
            CHECK(n.type == w->type && n.lower == w->lower, "%s", cases[i].text);
            CHECK_EQ(n.third, bind ? w->third : cases[i].domain, "%s", cases[i].text);
            CHECK(n.node == w->node && n.ref == w->ref, "%s", cases[i].text);
        }
}

static void check_multicast(int (*parse)(const char *, struct zn_multicast_name *),
                            const char *text, int rc, const char *interface,
                            const char *group, int port, uint32_t id)
{
    struct zn_multicast_name n;

    CHECK_EQ(parse(text, &n), rc, "%s", text);
    if (rc < 0)
        return;
    CHECK_STR(n.interface, interface, "%s", text);
    CHECK_STR(n.group, group, "%s", text);
    CHECK_EQ(n.port, port, "%s", text);
    CHECK_EQ(n.id, id, "%s", text);
}

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

TEST(pgm_endpoints_are_taken_apart)
{
    static const struct {
        const char *text;
        int rc;
        const char *interface, *group;
        int port;
    } cases[] = {
        { "eth0;239.1.1.1:5", 0, "eth0", "239.1.1.1", 5 },
        { "10.0.0.1;239.1.1.1:65535", 0, "10.0.0.1", "239.1.1.1", 65535 },
        { ";239.1.1.1:5", 0, "", "239.1.1.1", 5 },
        { "239.1.1.1:5", 0, "", "239.1.1.1", 5 },
        { "224.0.0.1:5", 0, "", "224.0.0.1", 5 },
        { "10.0.0.1:5", 0, "10.0.0.1", "", 5 },
        { "eth0:5", 0, "eth0", "", 5 },
        { "ff:5", 0, "ff", "", 5 },
        { ":5", 0, "", "", 5 },
        { "eth0;239.1.1.1,239.1.1.2;239.1.1.3:5", 0, "eth0",
          "239.1.1.1,239.1.1.2;239.1.1.3", 5 },
        { ";ff08::1:5", 0, "", "ff08::1", 5 },
        { "ff08::1:5", 0, "", "ff08::1", 5 },
        { "eth0;239.1.1.1", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:0", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:x", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:5x", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:-5", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1: 5", -EINVAL, NULL, NULL, 0 },
        { "eth0;239.1.1.1:65536", -EINVAL, NULL, NULL, 0 },
        { LONG_64 ";239.1.1.1:5", -EINVAL, NULL, NULL, 0 },
        { ";" LONG_64 LONG_64 LONG_64 LONG_64 ":5", -EINVAL, NULL, NULL, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        check_multicast(zn_pgm_parse, cases[i].text, cases[i].rc, cases[i].interface,
                        cases[i].group, cases[i].port, 0);
}

TEST(norm_endpoints_are_taken_apart)
{
    static const struct {
        const char *text;
        int rc;
        const char *interface, *group;
        int port;
        uint32_t id;
    } cases[] = {
        { "239.1.1.1:5", 0, "", "239.1.1.1", 5, 0 },
        { "10.0.0.2:5", 0, "", "10.0.0.2", 5, 0 },
        { "eth0;239.1.1.1:5", 0, "eth0", "239.1.1.1", 5, 0 },
        { "7,eth0;239.1.1.1:5", 0, "eth0", "239.1.1.1", 5, 7 },
        { "4294967294,239.1.1.1:5", 0, "", "239.1.1.1", 5, 4294967294 },
        { "[ff08::1]:5", 0, "", "ff08::1", 5, 0 },
        { "239.1.1.1", -EINVAL, NULL, NULL, 0, 0 },
        { "239.1.1.1:", -EINVAL, NULL, NULL, 0, 0 },
        { "239.1.1.1:0", -EINVAL, NULL, NULL, 0, 0 },
        { "239.1.1.1:x", -EINVAL, NULL, NULL, 0, 0 },
        { "239.1.1.1:65536", -EINVAL, NULL, NULL, 0, 0 },
        { ":5", -EINVAL, NULL, NULL, 0, 0 },
        { "eth0;:5", -EINVAL, NULL, NULL, 0, 0 },
        { "0,239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { "4294967295,239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { "x,239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { "7x,239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { "-7,239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { ",239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
        { LONG_64 ";239.1.1.1:5", -EINVAL, NULL, NULL, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        check_multicast(zn_norm_parse, cases[i].text, cases[i].rc, cases[i].interface,
                        cases[i].group, cases[i].port, cases[i].id);
}

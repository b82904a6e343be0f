/* addr_test.c - what is made of the answers of the system's resolver, which here is ours. */
#include "platform/platform.h"
#include "tests/test.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

static const char *const *answers;
static int asked_family, freed, system_error;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo **end = out;

    CHECK_STR(host, "name");
    CHECK_STR(service, "7");
    asked_family = hints->ai_family;
    *out = NULL;
    for (const char *const *a = answers; *a != NULL; a++) {
        struct addrinfo *i = calloc(1, sizeof *i);
        struct sockaddr_in6 *in6 = calloc(1, sizeof *in6);
        struct sockaddr_in *in = (void *)in6;
        bool v6 = strchr(*a, ':') != NULL;

        i->ai_family = v6 ? AF_INET6 : AF_INET;
        in6->sin6_family = (sa_family_t)i->ai_family;
        if (strcmp(*a, "other") == 0)    /* a family that is nobody's */
            i->ai_family = in6->sin6_family = AF_UNSPEC;
        else
            CHECK_EQ(inet_pton(i->ai_family, *a,
                               v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr),
                     1);
        i->ai_addr = (void *)in6;
        i->ai_addrlen = v6 ? sizeof *in6 : sizeof *in;
        *end = i;
        end = &i->ai_next;
    }
    errno = system_error;
    return *out != NULL ? 0 : system_error != 0 ? EAI_SYSTEM : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
    freed++;
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_addr);
        free(list);
        list = next;
    }
}

TEST(addresses_come_from_both_families_by_turns)
{
    static const struct {
        const char *what, *in[12], *want[9];
    } cases[] = {
        { "one", { "10.0.0.1" }, { "10.0.0.1" } },
        { "four first",
          { "10.0.0.1", "10.0.0.2", "::1", "::2" },
          { "10.0.0.1", "::1", "10.0.0.2", "::2" } },
        { "six first",
          { "::1", "::2", "::3", "10.0.0.1" },
          { "::1", "10.0.0.1", "::2", "::3" } },
        { "more of one than there is room for",
          { "::1", "::2", "::3", "::4", "::5", "::6", "::7", "::8", "::9", "10.0.0.1" },
          { "::1", "10.0.0.1", "::2", "::3", "::4", "::5", "::6", "::7" } },
        { "another family", { "other", "10.0.0.1" }, { "10.0.0.1" } },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct zn_addr got[8];
        int want = 0, count;

        answers = cases[i].in;
        count = zn_resolve("name", 7, true, got, 8);
        for (; cases[i].want[want] != NULL; want++) {
            char text[64];
            CHECK(want < count, "%s", cases[i].what);
            CHECK_OK(zn_addr_host_text(&got[want], text, sizeof text));
            CHECK_STR(text, cases[i].want[want], "%s", cases[i].what);
        }
        CHECK_EQ(count, want, "%s", cases[i].what);
        CHECK_EQ(freed, i + 1);
    }
}

TEST(addresses_are_asked_for_by_family)
{
    static const char *const one[] = { "10.0.0.1", NULL }, *const none[] = { NULL };
    static const char *const odd[] = { "other", NULL };
    struct zn_addr got[8];

    answers = one;
    CHECK_EQ(zn_resolve("name", 7, true, got, 8), 1);
    CHECK_EQ(asked_family, AF_UNSPEC);
    CHECK_EQ(zn_resolve("name", 7, false, got, 8), 1);
    CHECK_EQ(asked_family, AF_INET);
    answers = none;
    CHECK_EQ(zn_resolve("name", 7, true, got, 8), -ENOENT);
    system_error = EIO;
    CHECK_EQ(zn_resolve("name", 7, true, got, 8), -ENOENT);
    system_error = EMFILE;               /* which says nothing about the name */
    CHECK_EQ(zn_resolve("name", 7, true, got, 8), -EMFILE);
    answers = odd;
    CHECK_EQ(zn_resolve("name", 7, true, got, 8), -ENOENT);
}

TEST(loopback_addresses_are_told_from_others)
{
    static const struct {
        const char *host;
        bool is;
    } rows[] = { { "127.0.0.1", true },
                 { "127.255.0.9", true },
                 { "128.0.0.1", false },
                 { "10.0.0.127", false },
                 { "::1", true },
                 { "::2", false },
                 { "::ffff:127.0.0.1", true },
                 { "::ffff:10.0.0.1", false } };

    for (size_t i = 0; i < ZN_COUNT(rows); i++) {
        struct zn_addr a;
        CHECK_OK(zn_addr_numeric(&a, rows[i].host, 1));
        CHECK_EQ(zn_addr_is_loopback(&a), rows[i].is, "%s", rows[i].host);
    }
}

TEST(addresses_are_told_as_they_are_written)
{
    static const char *const hosts[] = { "0.0.0.0",       "1.2.3.4",
                                         "10.99.100.109", "255.255.255.255",
                                         "127.0.0.200",   "::1",
                                         "fe80::1:2" };

    for (size_t i = 0; i < ZN_COUNT(hosts); i++) {
        struct zn_addr a;
        char text[INET6_ADDRSTRLEN];
        size_t size = strlen(hosts[i]) + 1;

        CHECK_OK(zn_addr_numeric(&a, hosts[i], 7));
        CHECK_OK(zn_addr_host_text(&a, text, size));
        CHECK_STR(text, hosts[i]);
        CHECK_EQ(zn_addr_host_text(&a, text, size - 1), -EINVAL, "%s", hosts[i]);
    }
}

TEST(numeric_addresses_of_ipv4_have_many_forms)
{
    static const char *const same[] = { "10.0.0.1",  "10.1",      "10.0.1",
                                        "0xa.0.0.1", "0xa000001", "012.0.0.1",
                                        "167772161", "10.0.0.0x1" };
    static const char *const wrong[] = { "",           "10.0.0.1 ",  " 10.0.0.1",
                                         "10.0.0.1\t", "10.0.0.",    "10.0.0.256",
                                         "10.0.0.0.1", "a",          "beef",
                                         "0x",         "10.0.0.1/8", "09.0.0.1",
                                         "4294967296" };

    for (size_t i = 0; i < ZN_COUNT(same); i++) {
        struct zn_addr a;
        char text[INET6_ADDRSTRLEN];
        CHECK_EQ(zn_addr_numeric(&a, same[i], 1), 0, "%s", same[i]);
        CHECK_OK(zn_addr_host_text(&a, text, sizeof text));
        CHECK_STR(text, "10.0.0.1");
    }
    for (size_t i = 0; i < ZN_COUNT(wrong); i++) {
        struct zn_addr a;
        CHECK_EQ(zn_addr_numeric(&a, wrong[i], 1), -EINVAL, "\"%s\"", wrong[i]);
    }
}

TEST(ipv4_is_mapped_and_back)
{
    struct zn_addr a, b;

    CHECK_OK(zn_addr_numeric(&a, "10.0.0.1", 7));
    CHECK_OK(zn_addr_numeric(&b, "::ffff:10.0.0.1", 7));
    CHECK(zn_addr_unmap_v4(&b));
    CHECK_EQ(a.size, b.size);
    CHECK_MEM(a.bytes, b.bytes, a.size);
    CHECK(zn_addr_unmap_v4(&b));
    CHECK_MEM(a.bytes, b.bytes, a.size);
    zn_addr_map_v4(&b);
    CHECK_EQ(zn_addr_family(&b), ZN_AF_INET6);

    CHECK_OK(zn_addr_numeric(&b, "::10.0.0.1", 7));
    CHECK(!zn_addr_unmap_v4(&b));
    CHECK_EQ(zn_addr_family(&b), ZN_AF_INET6);
}

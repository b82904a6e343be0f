/* tests/transports/pgm_test.c - pgm:// and epgm:// over loopback; tests/interop/multicast.py
 * has them on a wire, with losses and with libzmq. */
#include "tests/transports/multicast.h"

#ifdef ZN_HAVE_PGM

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

CAST_TESTS(pgm)
CAST_TESTS(epgm)

TEST(epgm_takes_an_interface_by_name_or_network)
{
    static const char *const interfaces[] = { "lo", "127.0.0.1", "127.0.0.1/32" };
    struct cast c = cast_open("epgm", FAST);
    int port = test_free_port();

    for (size_t i = 0; i < sizeof interfaces / sizeof *interfaces; i++) {
        snprintf(c.endpoint, sizeof(c.endpoint), "epgm://%s;239.77.77.77:%d",
                 interfaces[i], port);
        void *sub = cast_subscriber(&c, ""), *pub = cast_publisher(&c);
        test_send_strings(pub, "a", NULL);
        test_expect_strings(sub, "a", NULL);
        net_leave(&c.net, sub);
        net_leave(&c.net, pub);
    }
    cast_close(&c);
}

/* OpenPGM has something to say of lo, and would write it there. */
TEST(epgm_leaves_standard_output_to_the_program)
{
    FILE *file = tmpfile();
    CHECK(file != NULL && fflush(stdout) == 0);
    int output = dup(STDOUT_FILENO);
    CHECK(output >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);

    struct cast c = cast_open("epgm", FAST);
    snprintf(c.endpoint, sizeof(c.endpoint), "epgm://lo;239.77.77.77:%d",
             test_free_port());
    cast_publisher(&c);
    cast_close(&c);

    CHECK_EQ(lseek(STDOUT_FILENO, 0, SEEK_END), 0);
    CHECK(dup2(output, STDOUT_FILENO) >= 0);
    close(output);
    fclose(file);
}

TEST(epgm_receives_groups_and_sends_to_another_one)
{
    struct cast c = cast_open("epgm", FAST);
    int port = test_free_port();

    snprintf(c.endpoint, sizeof(c.endpoint),
             "epgm://lo;239.77.77.1,239.77.77.2;239.77.77.3:%d", port);
    void *sub = cast_subscriber(&c, "");
    for (int i = 1; i <= 2; i++) {
        snprintf(c.endpoint, sizeof(c.endpoint), "epgm://lo;239.77.77.9;239.77.77.%d:%d",
                 i, port);
        void *pub = cast_publisher(&c);
        test_send_strings(pub, "a", NULL);
        test_expect_strings(sub, "a", NULL);
    }
    cast_close(&c);
}

/* libzmq's process ends itself for some of these. */
TEST(epgm_refuses_what_is_no_address)
{
    static const char *const endpoints[] = {
        "epgm://lo;239.1.1.1",
        "epgm://lo;239.1.1.1:",
        "epgm://lo;239.1.1.1:0",
        "epgm://lo;239.1.1.1:x",
        "epgm://lo;239.1.1.1:70000",
        "epgm://nosuchif;239.1.1.1:5",
        "epgm://192.0.2.77;239.1.1.1:5",
        "epgm://lo;10.0.0.1:5",
        "epgm://lo;name.invalid:5",
        "epgm://lo;239.1.1.1,:5",
        "epgm://lo;239.1.1.1;;:5",
        "epgm://lo;239.1.1.1;239.1.1.2;239.1.1.3:5",
        "epgm://lo;239.1.1.1;239.1.1.2,239.1.1.3:5",
        "epgm://1.2.3.4/x;239.1.1.1:5",
        "epgm://lo;300.1.1.1:5",
        "epgm://lo;0.0.0.0:5",
    };
    struct cast c = cast_open("epgm", FAST);

    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        cast_refuses(&c, endpoints[i], EINVAL);
    cast_close(&c);
}

TEST(epgm_refuses_options_that_it_cannot_follow)
{
    struct cast c = cast_open("epgm", FAST);

    cast_refuses_option(&c, ZMQ_RATE, 11, 1);        /* less than a packet in a second */
    cast_refuses_option(&c, ZMQ_RATE, 12, 0);
    cast_refuses_option(&c, ZMQ_RATE, INT32_MAX, 0);
    cast_refuses_option(&c, ZMQ_RECOVERY_IVL, 0, 0);
    cast_refuses_option(&c, ZMQ_RECOVERY_IVL, INT32_MAX, 0);
    cast_refuses_option(&c, ZMQ_MULTICAST_MAXTPDU, 127, 3);
    cast_refuses_option(&c, ZMQ_MULTICAST_MAXTPDU, 128, 0);
    cast_refuses_option(&c, ZMQ_MULTICAST_MAXTPDU, 65536, 3);
    cast_refuses_option(&c, ZMQ_MULTICAST_HOPS, 256, 3);
    cast_refuses_option(&c, ZMQ_MULTICAST_HOPS, 255, 0);
    cast_refuses_option(&c, ZMQ_SNDBUF, 100000, 0);
    cast_refuses_option(&c, ZMQ_RCVBUF, 100000, 0);
    cast_close(&c);
}

TEST(epgm_packets_are_as_large_as_they_may_be)
{
    static const int sizes[] = { 128, 300, 1500, 9000, 65000 };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cast c = cast_open("epgm", FAST);
        void *sub = cast_socket(&c, ZMQ_SUB), *pub = cast_socket(&c, ZMQ_PUB);
        test_set_int(sub, ZMQ_MULTICAST_MAXTPDU, sizes[i]);
        test_set_int(pub, ZMQ_MULTICAST_MAXTPDU, sizes[i]);
        CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
        CHECK_OK(zmq_connect(sub, c.endpoint));
        CHECK_OK(zmq_connect(pub, c.endpoint));
        for (unsigned k = 0; k < 4; k++) {
            send_filled(pub, 10000, k, 0);
            expect_filled(sub, 10000, k, 0);
        }
        cast_close(&c);
    }
}

TEST(pgm_needs_a_permission)
{
    struct cast c = cast_open("pgm", FAST);

    if (geteuid() == 0)
        CHECK_EQ(seteuid(65534), 0);
    cast_refuses(&c, c.endpoint, EPERM);
    if (getuid() == 0)
        CHECK_EQ(seteuid(0), 0);
    cast_close(&c);
}

TEST(pgm_is_something_that_the_library_has)
{
    CHECK_EQ(zmq_has("pgm"), 1);
}

/* ---- A source made by hand: PGM (RFC 3208, section 8) in UDP. */

enum { SPM = 0, ODATA = 4 };

struct source {
    int fd;
    struct sockaddr_in to;
    uint8_t name[6];
    uint32_t sent, spms;                 /* the next one's number, of data and of SPMs */
};

static struct source source_open(const struct cast *c, uint8_t name)
{
    struct source s = { .fd = socket(AF_INET, SOCK_DGRAM, 0),
                        .to = { .sin_family = AF_INET },
                        .name = { 1, 2, 3, 4, 5, name } };
    struct in_addr lo = { htonl(INADDR_LOOPBACK) };
    char group[32];
    int port;

    CHECK_EQ(sscanf(strchr(c->endpoint, ';') + 1, "%31[0-9.]:%d", group, &port), 2);
    s.to.sin_port = htons((uint16_t)port);
    CHECK_EQ(inet_pton(AF_INET, group, &s.to.sin_addr), 1);
    CHECK_OK(setsockopt(s.fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo));
    return s;
}

static uint16_t sum_of(const uint8_t *p, size_t size)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put32(uint8_t *p, uint32_t v)
{
    v = htonl(v);
    memcpy(p, &v, 4);
}

static void source_send(struct source *s, uint8_t type, const void *data, size_t size)
{
    uint8_t p[2000] = { 0x12, 0x34 };
    size_t head = type == SPM ? 36 : 24;
    uint16_t sum;

    memcpy(p + 2, &s->to.sin_port, 2);
    p[4] = type;
    memcpy(p + 8, s->name, 6);
    if (type == SPM) {
        put32(p + 16, s->spms++);
        put32(p + 24, s->sent - 1);      /* leading edge */
        p[29] = 1;                       /* IPv4 */
        put32(p + 32, INADDR_LOOPBACK);
    } else {
        p[14] = (uint8_t)(size >> 8);
        p[15] = (uint8_t)size;
        put32(p + 16, s->sent++);
    }
    if (size > 0)
        memcpy(p + head, data, size);
    sum = htons(sum_of(p, head + size));
    memcpy(p + 6, &sum, 2);
    CHECK_EQ(sendto(s->fd, p, head + size, 0, (struct sockaddr *)&s->to, sizeof s->to),
             head + size);
}

#define SAY(source, literal) source_send(source, ODATA, literal, sizeof(literal) - 1)

TEST(epgm_hears_a_source_made_by_hand)
{
    struct cast c = cast_open("epgm", FAST);
    void *sub = cast_subscriber(&c, "");
    struct source s = source_open(&c, 1);

    source_send(&s, SPM, NULL, 0);
    SAY(&s, "\0\0\6\0hello\2\1a\3\0bc");
    test_expect_strings(sub, "hello", NULL);
    test_expect_strings(sub, "a", "bc", NULL);
    SAY(&s, "\0\0\7\0hel");              /* cut, in frame and header */
    SAY(&s, "\377\377lo");
    SAY(&s, "\0\1!\377\0\0\0");
    SAY(&s, "\377\377\0\0\0\0\5\0four");
    test_expect_strings(sub, "hello!", NULL);
    test_expect_strings(sub, "four", NULL);
    close(s.fd);
    cast_close(&c);
}

static void *subscriber_that_gives_up(struct cast *c)
{
    void *sub = cast_socket(c, ZMQ_SUB);

    test_set_int(sub, ZMQ_RECOVERY_IVL, 100);
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    CHECK_OK(zmq_connect(sub, c->endpoint));
    return sub;
}

TEST(epgm_starts_over_after_a_loss_that_nobody_repairs)
{
    struct cast c = cast_open("epgm", FAST);
    void *sub = subscriber_that_gives_up(&c);
    struct source s = source_open(&c, 1), other = source_open(&c, 2);

    source_send(&s, SPM, NULL, 0);
    source_send(&other, SPM, NULL, 0);
    SAY(&s, "\0\0\2\0a\4\1beg");         /* whose second frame, and all of c, is lost */
    SAY(&other, "\0\0\6\1other");
    s.sent++;
    SAY(&s, "\377\377end of a frame of c");
    SAY(&s, "\0\2xx\2\0d");
    SAY(&other, "\377\377\5\0half");
    test_expect_strings(sub, "a", NULL);
    test_expect_strings(sub, "other", "half", NULL);
    /* OpenPGM goes on when it hears from the source again. */
    test_set_int(sub, ZMQ_RCVTIMEO, 50);
    char got[8] = "";
    for (int i = 0; zmq_recv(sub, got, sizeof got, 0) < 0; i++) {
        CHECK(errno == EAGAIN && i < 20 * 10 * test_patience());
        source_send(&s, SPM, NULL, 0);
    }
    CHECK_STR(got, "d");
    close(s.fd);
    close(other.fd);
    cast_close(&c);
}

TEST(epgm_survives_nonsense)
{
    struct cast c = cast_open("epgm", FAST);
    void *sub = subscriber_that_gives_up(&c), *pub = cast_publisher(&c);
    struct source s = source_open(&c, 1);

    source_send(&s, SPM, NULL, 0);
    SAY(&s, "");
    SAY(&s, "\0");
    SAY(&s, "\0\0");
    SAY(&s, "\0\0\0\0\0\0");
    SAY(&s, "\0\0\377\377\377\377\377\377\377\377\377\377x");
    SAY(&s, "\0\0\377\177\377\377\377\377\377\377\377\377x");
    SAY(&s, "\0\7xx");
    SAY(&s, "\377\376xx");
    for (unsigned seed = 0; seed < 150; seed++) {
        uint8_t bytes[100];
        fill(bytes, sizeof bytes, seed);
        bytes[0] = 0;
        bytes[1] = seed & 3;
        source_send(&s, ODATA, bytes, seed % sizeof bytes);
        if (seed % 10 == 0)
            CHECK(sendto(s.fd, bytes, seed % sizeof bytes, 0, (struct sockaddr *)&s.to,
                         sizeof s.to) >= 0);
    }
    char got[8] = "";
    int size = 0;
    test_set_int(sub, ZMQ_RCVTIMEO, 50);
    for (int i = 0; size != 6 || memcmp(got, "\1\2mine", 6) != 0; i++) {
        CHECK(i < 2000 * test_patience());
        test_send_strings(pub, "\1\2mine", NULL);
        size = zmq_recv(sub, got, sizeof got, 0);
        CHECK(size >= 0 || errno == EAGAIN);
    }
    close(s.fd);
    cast_close(&c);
}

static bool are_few_fds(void *most)
{
    return test_count_fds() <= *(int *)most;
}

static void closed_sockets_leave_nothing_behind(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);

    cast_publisher(&c);
    cast_subscriber(&c, "");
    int before = test_count_fds();
    for (int i = 0; i < 4; i++) {
        net_leave(&c.net, cast_publisher(&c));
        net_leave(&c.net, cast_subscriber(&c, ""));
    }
    test_wait_until(are_few_fds, &before, 10);
    cast_close(&c);
}

TEST(epgm_sockets_that_are_closed_leave_no_descriptor_while_others_live)
{
    closed_sockets_leave_nothing_behind("epgm");
}

TEST(pgm_sockets_that_are_closed_leave_no_descriptor_while_others_live)
{
    closed_sockets_leave_nothing_behind("pgm");
}

/* More sources than are remembered, each with a message that it does not end. */
TEST(epgm_forgets_sources_when_there_are_too_many)
{
    struct cast c = cast_open("epgm", FAST);
    void *sub = cast_subscriber(&c, "");
    struct source s = source_open(&c, 0);

    for (int i = 0; i < 600; i++) {
        s.name[4] = (uint8_t)(i >> 8);
        s.name[5] = (uint8_t)i;
        s.sent = 0;
        SAY(&s, "\0\0\2\0a\4\1beg");
        test_expect_strings(sub, "a", NULL);
    }
    close(s.fd);
    cast_close(&c);
}

#else

TEST(pgm_is_nothing_that_the_library_has)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_PUB);

    CHECK_EQ(zmq_has("pgm"), 0);
    CHECK_ERRNO(zmq_bind(s, "epgm://lo;239.1.1.1:5"), EPROTONOSUPPORT);
    net_close(&n);
}

#endif

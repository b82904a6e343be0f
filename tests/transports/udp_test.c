/* tests/transports/udp_test.c - udp://: its endpoints, its datagrams, its limits. */
#include "tests/transports/udp.h"

#include <sys/wait.h>

/* The longest datagram that a RADIO sends, and the longest that there is. */
enum { RADIO_MAX = 8192, DATAGRAM_MAX = 65507 };

/* ---- Endpoints. */

TEST(udp_serves_radio_dish_and_dgram_alone_each_from_its_side)
{
    static const int others[] = { ZMQ_PAIR,   ZMQ_PUB,    ZMQ_SUB,    ZMQ_REQ,
                                  ZMQ_REP,    ZMQ_DEALER, ZMQ_ROUTER, ZMQ_PULL,
                                  ZMQ_PUSH,   ZMQ_XPUB,   ZMQ_XSUB,   ZMQ_STREAM,
                                  ZMQ_SERVER, ZMQ_CLIENT, ZMQ_GATHER, ZMQ_SCATTER };
    struct net n = net_open();

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        void *s = net_socket(&n, others[i]);
        CHECK_ERRNO(zmq_bind(s, "udp://127.0.0.1:*"), ENOCOMPATPROTO);
        CHECK_ERRNO(zmq_connect(s, "udp://127.0.0.1:5555"), ENOCOMPATPROTO);
    }
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH),
         *dgram = net_socket(&n, ZMQ_DGRAM);
    CHECK_ERRNO(zmq_bind(radio, "udp://127.0.0.1:*"), ENOCOMPATPROTO);
    CHECK_ERRNO(zmq_connect(dish, "udp://127.0.0.1:5555"), ENOCOMPATPROTO);
    CHECK_ERRNO(zmq_connect(dgram, "udp://127.0.0.1:5555"), ENOCOMPATPROTO);
    CHECK_EQ(zmq_has("udp"), 0, "as libzmq, whose only answer it is");
    net_close(&n);
}

TEST(udp_refuses_what_is_no_address)
{
    static const struct {
        const char *endpoint;
        int bind, connect;               /* errno; 0: it works */
    } cases[] = {
        { "udp://", EINVAL, EINVAL },
        { "udp://127.0.0.1", EINVAL, EINVAL },
        { "udp://127.0.0.1:", EINVAL, EINVAL },
        { "udp://127.0.0.1:x", EINVAL, EINVAL },
        { "udp://127.0.0.1:-1", EINVAL, EINVAL },
        { "udp://127.0.0.1: 1", EINVAL, EINVAL },
        { "udp://127.0.0.1:65536", EINVAL, EINVAL },
        { "udp://127.0.0.1:5555x", EINVAL, EINVAL },
        { "udp://:5555", EINVAL, EINVAL },
        { "udp://;239.1.1.1:5555", EINVAL, EINVAL },
        { "udp://lo;127.0.0.1:5555", EINVAL, EINVAL },
        { "udp://nosuch0;239.1.1.1:5555", ENODEV, ENODEV },
        { "udp://192.0.2.77;239.1.1.1:5555", ENODEV, ENODEV },
        { "udp://nosuch.invalid:5555", ENODEV, EINVAL },
        { "udp://[::1]:5555", ENODEV, EINVAL },
        { "udp://*:5555", -1, EINVAL },
        { "udp://127.0.0.1:0", 0, EINVAL },
        { "udp://127.0.0.1:*", 0, EINVAL },
        { "udp://lo:*", 0, EINVAL },
        { "udp://*:*", 0, EINVAL },
        { "udp://localhost:5555", ENODEV, 0 },
        { "udp://255.255.255.255:5555", -1, 0 },
        { "udp://192.0.2.77:5555", EADDRNOTAVAIL, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct net n = net_open();
        void *dish = net_socket(&n, ZMQ_DISH), *radio = net_socket(&n, ZMQ_RADIO);
        int rc, fds = test_count_fds();

        errno = 0;
        if (cases[i].bind >= 0) {
            rc = zmq_bind(dish, cases[i].endpoint);
            CHECK_EQ(rc < 0 ? errno : 0, cases[i].bind, "bind %s", cases[i].endpoint);
            CHECK_EQ(test_count_fds(), fds + (rc == 0), "bind %s", cases[i].endpoint);
        }
        fds = test_count_fds();
        rc = zmq_connect(radio, cases[i].endpoint);
        CHECK_EQ(rc < 0 ? errno : 0, cases[i].connect, "connect %s", cases[i].endpoint);
        CHECK_EQ(test_count_fds(), fds + (rc == 0), "connect %s", cases[i].endpoint);
        net_close(&n);
    }
}

TEST(udp_endpoints_are_told_in_numbers_without_a_scheme)
{
    struct net n = net_open();
    void *dish = net_socket(&n, ZMQ_DISH), *radio = net_socket(&n, ZMQ_RADIO);
    char endpoint[TEST_ENDPOINT], want[TEST_ENDPOINT];

    int port = udp_bind(dish, endpoint);
    snprintf(want, sizeof(want), "udp://127.0.0.1:%d", port);
    CHECK_STR(endpoint, want);

    snprintf(endpoint, sizeof(endpoint), "udp://localhost:%d", port);
    CHECK_OK(zmq_connect(radio, endpoint));
    size_t size = sizeof(want);
    CHECK_OK(zmq_getsockopt(radio, ZMQ_LAST_ENDPOINT, want, &size));
    CHECK_STR(want, endpoint + 6, "of a connect: what was given");
    net_close(&n);
}

/* At once: the port is free when zmq_unbind, or zmq_close, returns. */
TEST(udp_ports_are_taken_and_free_again_at_once)
{
    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_DISH), *b = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT];

    udp_bind(a, endpoint);
    CHECK_ERRNO(zmq_bind(b, endpoint), EADDRINUSE);
    CHECK_ERRNO(zmq_unbind(a, "udp://127.0.0.1:1"), ENOENT);
    CHECK_ERRNO(zmq_unbind(a, strstr(endpoint, "127")), EINVAL);
    CHECK_ERRNO(zmq_unbind(a, "udp://127.0.0.1:2"), ENOENT);
    CHECK_OK(zmq_unbind(a, "udp://127.0.0.1:*"));
    CHECK_OK(zmq_bind(a, "udp://127.0.0.1:*"));
    CHECK_OK(zmq_bind(a, endpoint));
    CHECK_OK(zmq_unbind(a, endpoint));
    CHECK_OK(zmq_unbind(a, "udp://127.0.0.1:*"));
    /* Several of one name are told apart by what they are told to be. */
    char first[TEST_ENDPOINT], second[TEST_ENDPOINT];
    udp_bind(a, first);
    udp_bind(a, second);
    CHECK_OK(zmq_unbind(a, first));
    CHECK_ERRNO(zmq_unbind(a, first), ENOENT);
    CHECK_ERRNO(zmq_bind(b, second), EADDRINUSE);
    CHECK_OK(zmq_unbind(a, second));
    CHECK_ERRNO(zmq_unbind(a, "udp://127.0.0.1:*"), ENOENT);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(zmq_bind(b, endpoint));
        CHECK_ERRNO(zmq_bind(a, endpoint), EADDRINUSE);
        CHECK_OK(zmq_unbind(b, endpoint));
        CHECK_ERRNO(zmq_unbind(b, endpoint), ENOENT);
        CHECK_OK(zmq_bind(a, endpoint));
        net_leave(&n, a);
        a = net_socket(&n, ZMQ_DISH);
    }
    net_close(&n);
}

TEST(udp_needs_an_io_thread)
{
    void *ctx = zmq_ctx_new();

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IO_THREADS, 0));
    void *dish = test_socket(ctx, ZMQ_DISH), *radio = test_socket(ctx, ZMQ_RADIO);
    CHECK_ERRNO(zmq_bind(dish, "udp://127.0.0.1:*"), EMTHREAD);
    CHECK_ERRNO(zmq_connect(radio, "udp://127.0.0.1:5555"), EMTHREAD);
    CHECK_OK(zmq_close(dish));
    CHECK_OK(zmq_close(radio));
    CHECK_OK(zmq_ctx_term(ctx));
}

/* ---- Messages. */

TEST(radio_reaches_the_dishes_that_joined_over_udp)
{
    static char body[RADIO_MAX];
    static const size_t sizes[] = { 0, 1, 254, 255, 256, 4095, 4096, RADIO_MAX - 3 };
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH),
         *other = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT], group[ZMQ_GROUP_MAX_LENGTH + 1] = { 0 };

    memset(group, 'G', ZMQ_GROUP_MAX_LENGTH);
    memset(body, 'b', sizeof(body));
    udp_bind(dish, endpoint);
    CHECK_OK(zmq_connect(radio, endpoint));
    udp_bind(other, endpoint);
    CHECK_OK(zmq_connect(radio, endpoint));
    CHECK_OK(zmq_join(dish, "TV"));
    CHECK_OK(zmq_join(dish, group));
    CHECK_OK(zmq_join(other, ""));

    send_group(radio, "T", "no");
    send_group(radio, "TV2", "no");
    CHECK_OK(zmq_send(radio, "all", 3, 0));
    expect_group(other, "", "all");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK_OK(send_bytes(radio, "TV", body, sizes[i]));
        expect_bytes(dish, "TV", body, sizes[i]);
    }
    send_group(radio, group, "long");
    expect_group(dish, group, "long");
    CHECK_OK(zmq_leave(dish, "TV"));
    send_group(radio, "TV", "no");
    send_group(radio, group, "yes");
    expect_group(dish, group, "yes");
    net_close(&n);
}

/* Who cannot join gets everything; who can is asked as ever. */
TEST(radio_serves_udp_and_tcp_side_by_side)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT], got[8];
    int port, fd = raw_open(&port);

    net_wait(radio, ZMQ_POLLOUT);
    test_bind(radio, "tcp", endpoint);
    CHECK_OK(zmq_join(dish, "b"));
    CHECK_OK(zmq_connect(dish, endpoint));
    snprintf(endpoint, sizeof(endpoint), "udp://127.0.0.1:%d", port);
    CHECK_OK(zmq_connect(radio, endpoint));
    send_group(radio, "a", "1");
    raw_expect(fd, "\1a1", 3);

    zmq_pollitem_t item = { dish, 0, ZMQ_POLLIN, 0 };
    do {                                 /* until its JOIN has come */
        send_group(radio, "b", "2");
        raw_expect(fd, "\1b2", 3);
    } while (CHECK_OK(zmq_poll(&item, 1, 1)) == 0);
    expect_group(dish, "b", "2");
    send_group(radio, "b", "last");
    raw_expect(fd, "\1blast", 6);
    while (net_recv(dish, got, sizeof(got)) != 4)
        continue;

    CHECK_OK(zmq_disconnect(radio, endpoint));
    CHECK_ERRNO(zmq_disconnect(radio, endpoint), ENOENT);
    send_group(radio, "b", "tcp");
    expect_group(dish, "b", "tcp");
    CHECK(recv(fd, got, 1, MSG_DONTWAIT) < 0, "it was sent to after the disconnect");
    CHECK_EQ(errno, EAGAIN);
    close(fd);
    net_close(&n);
}

TEST(datagrams_of_radio_and_dish_are_length_group_body)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];
    uint8_t want[1 + ZMQ_GROUP_MAX_LENGTH + 1] = { ZMQ_GROUP_MAX_LENGTH };
    int port, fd = raw_open(&port);

    snprintf(endpoint, sizeof(endpoint), "udp://127.0.0.1:%d", port);
    CHECK_OK(zmq_connect(radio, endpoint));
    CHECK_OK(zmq_send(radio, "hello", 5, 0));
    raw_expect(fd, "\0hello", 6);
    send_group(radio, "TV", "");
    raw_expect(fd, "\2TV", 3);
    CHECK_OK(send_bytes(radio, "TV", "\0a\0", 3));
    raw_expect(fd, "\2TV\0a\0", 6);
    memset(want + 1, 'x', ZMQ_GROUP_MAX_LENGTH);
    want[sizeof(want) - 1] = '\0';
    CHECK_OK(send_bytes(radio, (const char *)want + 1, "!", 1));
    want[sizeof(want) - 1] = '!';
    raw_expect(fd, want, sizeof(want));

    port = udp_bind(dish, endpoint);
    CHECK_OK(zmq_join(dish, "TV"));
    CHECK_OK(zmq_join(dish, ""));
    raw_send(fd, port, "\2TVnews", 7);
    expect_group(dish, "TV", "news");
    raw_send(fd, port, "\2TV", 3);
    expect_group(dish, "TV", "");
    raw_send(fd, port, "\0", 1);
    expect_group(dish, "", "");
    raw_send(fd, port, "\0\0\0", 3);
    expect_bytes(dish, "", "\0\0", 2);
    close(fd);
    net_close(&n);
}

/* libzmq's DISH would cut it. */
TEST(radio_drops_what_is_too_long_for_a_datagram)
{
    static char body[100000], want[RADIO_MAX];
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO);
    char endpoint[TEST_ENDPOINT];
    int port, fd = raw_open(&port);

    snprintf(endpoint, sizeof(endpoint), "udp://127.0.0.1:%d", port);
    CHECK_OK(zmq_connect(radio, endpoint));
    CHECK_OK(send_bytes(radio, "gr", body, RADIO_MAX - 2));
    CHECK_OK(send_bytes(radio, "gr", body, 65536));
    CHECK_OK(send_bytes(radio, "gr", body, sizeof(body)));
    CHECK_OK(send_bytes(radio, "gr", body, RADIO_MAX - 3));
    memcpy(want, "\2gr", 3);
    raw_expect(fd, want, RADIO_MAX);
    close(fd);
    net_close(&n);
}

/* ---- Hostile, or odd. */

TEST(hostile_datagrams_do_no_harm)
{
    static uint8_t large[DATAGRAM_MAX];
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        { "", 0 },        { "\1", 1 },          { "\xff", 1 },       { "\3TV", 3 },
        { "\xffTV", 3 },  { "\4TV\0\0", 5 },    { "\2tvcase", 7 },   { "\3TV\0nul", 7 },
        { "\1\0", 2 },    { "\0TV", 3 },        { "\2TVx\0y", 6 },   { "\1Tshort", 7 },
    };
    struct net n = net_open();
    void *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];
    int ignored, fd = raw_open(&ignored);
    int port = udp_bind(dish, endpoint);

    CHECK_OK(zmq_join(dish, "TV"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        raw_send(fd, port, bad[i].bytes, bad[i].size);
        if (bad[i].size >= 3 && memcmp(bad[i].bytes, "\2TV", 3) == 0)
            expect_bytes(dish, "TV", bad[i].bytes + 3, bad[i].size - 3);
        raw_send(fd, port, "\2TVgood", 7);
        expect_group(dish, "TV", "good");
    }
    for (int first = 0; first < 256; first++) {
        memset(large, first, sizeof(large));
        raw_send(fd, port, large, sizeof(large));
        raw_send(fd, port, "\2TVgood", 7);
        expect_group(dish, "TV", "good");
    }
    memset(large, 'L', sizeof(large));
    memcpy(large, "\2TV", 3);
    raw_send(fd, port, large, sizeof(large));
    expect_bytes(dish, "TV", large + 3, sizeof(large) - 3);
    close(fd);
    net_close(&n);
}

TEST(dish_drops_what_exceeds_maxmsgsize)
{
    struct net n = net_open();
    void *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];
    int64_t max = 4;
    int ignored, fd = raw_open(&ignored);

    CHECK_OK(zmq_setsockopt(dish, ZMQ_MAXMSGSIZE, &max, sizeof(max)));
    int port = udp_bind(dish, endpoint);
    CHECK_OK(zmq_join(dish, "TV"));
    raw_send(fd, port, "\2TV12345", 8);
    raw_send(fd, port, "\2TV1234", 7);
    expect_group(dish, "TV", "1234");
    close(fd);
    net_close(&n);
}

/* ---- Limits, linger, ends. */

/* What is full is read no more; what is read makes room for what comes then. */
TEST(dish_at_its_high_water_mark_loses_datagrams_and_nothing_else)
{
    enum { MARK = 10, FLOOD = 5000 };
    struct net n = net_open();
    void *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];
    uint8_t datagram[1024] = "\1F", got[sizeof(datagram)];
    int ignored, fd = raw_open(&ignored);
    unsigned next = 0, seen = 0, last = 0;

    test_set_int(dish, ZMQ_RCVHWM, MARK);
    test_set_int(dish, ZMQ_RCVBUF, 16384);
    int port = udp_bind(dish, endpoint);
    CHECK_OK(zmq_join(dish, "F"));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < FLOOD; i++) {
            next++;
            memcpy(datagram + 2, &next, sizeof(next));
            raw_send(fd, port, datagram, sizeof(datagram));
        }
        unsigned before = seen;
        zmq_pollitem_t item = { dish, 0, ZMQ_POLLIN, 0 };
        while (CHECK_OK(zmq_poll(&item, 1, seen == before ? NET_PATIENCE : 50)) > 0) {
            unsigned number;
            CHECK_EQ(net_recv(dish, got, sizeof(got)), sizeof(datagram) - 2);
            memcpy(&number, got, sizeof(number));
            CHECK(number > last && number <= next, "%u after %u", number, last);
            last = number;
            seen++;
        }
        CHECK(seen >= before + MARK, "round %d: %u", round, seen - before);
        CHECK(seen < next, "nothing was lost: the flood was none");
    }
    close(fd);
    net_close(&n);
}

/* A bare socket's buffer holds them all. */
TEST(radio_sends_what_it_has_before_it_closes)
{
    enum { MESSAGES = 100 };
    void *ctx = zmq_ctx_new(), *radio = zmq_socket(ctx, ZMQ_RADIO);
    char endpoint[TEST_ENDPOINT];
    int port, fd = raw_open(&port);

    snprintf(endpoint, sizeof(endpoint), "udp://127.0.0.1:%d", port);
    CHECK_OK(zmq_connect(radio, endpoint));
    for (int i = 0; i < MESSAGES; i++)
        CHECK_OK(zmq_send(radio, &i, sizeof(i), 0));
    CHECK_OK(zmq_close(radio));
    CHECK_OK(zmq_ctx_term(ctx));
    for (int i = 0; i < MESSAGES; i++) {
        uint8_t want[1 + sizeof(i)] = { 0 };
        memcpy(want + 1, &i, sizeof(i));
        raw_expect(fd, want, sizeof(want));
    }
    close(fd);
}

/* In a forked child the descriptors can be closed, and the parent's go on. */
TEST(forked_child_closes_what_it_inherited)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];

    udp_bind(dish, endpoint);
    CHECK_OK(zmq_connect(radio, endpoint));
    CHECK_OK(zmq_join(dish, "g"));
    int fds = test_count_fds();
    pid_t child = fork();
    if (child == 0) {
        CHECK_OK(zmq_close(radio));
        CHECK_OK(zmq_close(dish));
        CHECK_EQ(test_count_fds(), fds - 2);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    send_group(radio, "g", "still");
    expect_group(dish, "g", "still");
    net_close(&n);
}

static void *wait_for_message(void *dish)
{
    char byte;
    int rc = zmq_recv(dish, &byte, 1, 0);
    return (void *)(intptr_t)(rc < 0 ? errno : 0);
}

TEST(a_dish_that_waits_hears_of_the_end)
{
    void *ctx = zmq_ctx_new(), *dish = test_socket(ctx, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];

    udp_bind(dish, endpoint);
    struct test_thread *t = test_thread_start(wait_for_message, dish);
    CHECK_OK(zmq_ctx_shutdown(ctx));
    CHECK_EQ((intptr_t)test_thread_join(t), ETERM);
    CHECK_OK(zmq_close(dish));
    CHECK_OK(zmq_ctx_term(ctx));
}

/* ---- Threads. */

enum { SENDERS = 2, EACH = 300 };

static void *send_many(void *radio)
{
    static _Atomic int senders;
    int me = senders++;

    for (int i = 0; i < EACH; i++) {
        int body[2] = { me, i };
        CHECK_EQ(send_bytes(radio, me == 0 ? "zero" : "one", body, sizeof(body)),
                 sizeof(body));
    }
    return NULL;
}

/* Each thread's stay whole and in order. Loopback and a large buffer lose none. */
TEST(threads_may_share_a_radio_over_udp)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *dish = net_socket(&n, ZMQ_DISH);
    char endpoint[TEST_ENDPOINT];
    struct test_thread *threads[SENDERS];
    int next[SENDERS] = { 0 };

    test_set_int(dish, ZMQ_RCVBUF, 1 << 20);
    udp_bind(dish, endpoint);
    CHECK_OK(zmq_join(dish, "zero"));
    CHECK_OK(zmq_join(dish, "one"));
    CHECK_OK(zmq_connect(radio, endpoint));
    for (int i = 0; i < SENDERS; i++)
        threads[i] = test_thread_start(send_many, radio);
    for (int i = 0; i < SENDERS * EACH; i++) {
        int body[2];
        CHECK_EQ(net_recv(dish, body, sizeof(body)), sizeof(body));
        CHECK_EQ(body[1], next[body[0]]++);
    }
    for (int i = 0; i < SENDERS; i++)
        test_thread_join(threads[i]);
    net_close(&n);
}

struct churn {
    void *ctx;
    int port;
};

static void *come_and_go(void *arg)
{
    struct churn *c = arg;
    char endpoint[TEST_ENDPOINT];
    int ignored, fd = raw_open(&ignored);

    for (int i = 0; i < 200; i++) {
        void *dish = test_socket(c->ctx, ZMQ_DISH);
        int port = udp_bind(dish, endpoint);
        raw_send(fd, port, "\0x", 2);
        if (i % 2)
            CHECK_OK(zmq_unbind(dish, "udp://127.0.0.1:*"));
        CHECK_OK(zmq_close(dish));
    }
    close(fd);
    return NULL;
}

/* Datagrams come in while their socket goes. */
TEST(sockets_may_go_while_datagrams_come)
{
    struct churn c = { zmq_ctx_new(), 0 };
    struct test_thread *a = test_thread_start(come_and_go, &c),
                       *b = test_thread_start(come_and_go, &c);

    test_thread_join(a);
    test_thread_join(b);
    CHECK_OK(zmq_ctx_term(c.ctx));
}

/* ---- Options. */

/* The type of service of the next datagram that comes to fd. */
static int tos_of_next(int fd)
{
    char bytes[64], control[64];
    struct iovec iov = { bytes, sizeof(bytes) };
    struct msghdr m = { .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof(control) };
    struct pollfd p = { fd, POLLIN, 0 };

    CHECK_EQ(CHECK_OK(poll(&p, 1, NET_PATIENCE)), 1);
    CHECK_OK(recvmsg(fd, &m, 0));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
            return *(uint8_t *)CMSG_DATA(c);
    return -1;
}

TEST(options_of_sockets_count_over_udp)
{
    struct net n = net_open();
    void *radio = net_socket(&n, ZMQ_RADIO), *lost = net_socket(&n, ZMQ_RADIO);
    char endpoint[TEST_ENDPOINT];
    int port, fd = raw_open(&port), one = 1;

    CHECK_OK(setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one)));
    snprintf(endpoint, sizeof(endpoint), "udp://127.0.0.1:%d", port);
    test_set_int(radio, ZMQ_TOS, 0x28);
    CHECK_OK(zmq_setsockopt(radio, ZMQ_BINDTODEVICE, "lo", 2));
    CHECK_OK(zmq_connect(radio, endpoint));
    send_group(radio, "g", "x");
    CHECK_EQ(tos_of_next(fd), 0x28);

    CHECK_OK(zmq_setsockopt(lost, ZMQ_BINDTODEVICE, "nosuch0", 7));
    CHECK_ERRNO(zmq_connect(lost, endpoint), ENODEV);
    close(fd);
    net_close(&n);
}

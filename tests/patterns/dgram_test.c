/* tests/patterns/dgram_test.c - DGRAM: an address and a body, over UDP. */
#include "tests/transports/udp.h"

enum { BODY_MAX = 65507 };

static void send_to(void *dgram, const char *address, const void *body, size_t size)
{
    CHECK_OK(zmq_send(dgram, address, strlen(address), ZMQ_SNDMORE));
    CHECK_EQ(CHECK_OK(zmq_send(dgram, body, size, 0)), size);
}

/* The next message is this one; where it came from, as it is told. */
static void expect(void *dgram, const void *body, size_t size, char from[TEST_ENDPOINT])
{
    static uint8_t got[BODY_MAX + 1];
    size_t length = net_recv(dgram, from, TEST_ENDPOINT);

    CHECK(length > 0 && length < TEST_ENDPOINT && from[length - 1] == '\0',
          "an address of %d bytes", (int)length);
    CHECK_EQ(strlen(from), length - 1);
    CHECK_EQ(test_get_int(dgram, ZMQ_RCVMORE), 1);
    CHECK_EQ(net_recv(dgram, got, sizeof(got)), size);
    CHECK_MEM(got, body, size);
    CHECK_EQ(test_get_int(dgram, ZMQ_RCVMORE), 0);
}

static void local(char address[TEST_ENDPOINT], int port)
{
    snprintf(address, TEST_ENDPOINT, "127.0.0.1:%d", port);
}

TEST(dgram_tells_what_it_is)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);

    CHECK_EQ(test_get_int(s, ZMQ_TYPE), ZMQ_DGRAM);
    CHECK_EQ(test_get_int(s, ZMQ_THREAD_SAFE), 0, "as libzmq says, though it is");
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0, "nowhere to send from");
    CHECK_ERRNO(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    CHECK_ERRNO(zmq_send(s, "127.0.0.1:1", 11, ZMQ_DONTWAIT | ZMQ_SNDMORE), EAGAIN);
    CHECK_OK(zmq_bind(s, "udp://127.0.0.1:*"));
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), ZMQ_POLLOUT);
    CHECK_ERRNO(zmq_join(s, "g"), ENOTSUP);
    CHECK_ERRNO(zmq_bind(s, "tcp://127.0.0.1:*"), ENOCOMPATPROTO);
    CHECK_ERRNO(zmq_connect(s, "tcp://127.0.0.1:5555"), ENOCOMPATPROTO);
    CHECK_ERRNO(zmq_bind(s, "inproc://x"), ENOCOMPATPROTO);
    CHECK_ERRNO(zmq_connect(s, "udp://127.0.0.1:5555"), ENOCOMPATPROTO);
    net_close(&n);
}

TEST(dgram_has_one_address)
{
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);
    char a[TEST_ENDPOINT], b[TEST_ENDPOINT];
    int port = udp_bind(s, a), fds = test_count_fds();

    CHECK_ERRNO(zmq_bind(s, "udp://127.0.0.1:*"), EADDRINUSE);
    CHECK_EQ(udp_bound(s, b), port, "the first one");
    CHECK_EQ(test_count_fds(), fds);
    CHECK_OK(zmq_unbind(s, "udp://127.0.0.1:*"));
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0);
    CHECK_OK(zmq_bind(s, a));
    CHECK_EQ(test_get_int(s, ZMQ_EVENTS), ZMQ_POLLOUT);
    net_close(&n);
}

TEST(dgrams_talk_to_each_other_and_to_anybody)
{
    static uint8_t large[BODY_MAX];
    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_DGRAM), *b = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], to_a[TEST_ENDPOINT], to_b[TEST_ENDPOINT],
        to_raw[TEST_ENDPOINT], from[TEST_ENDPOINT];
    int raw_port, fd = raw_open(&raw_port);
    int a_port = udp_bind(a, endpoint);

    local(to_a, a_port);
    local(to_b, udp_bind(b, endpoint));
    local(to_raw, raw_port);
    memset(large, 'L', sizeof(large));

    send_to(a, to_b, "hello", 5);
    expect(b, "hello", 5, from);
    CHECK_STR(from, to_a);
    CHECK_OK(zmq_send(b, from, strlen(from) + 1, ZMQ_SNDMORE));    /* as it was told */
    CHECK_OK(zmq_send(b, "", 0, 0));
    expect(a, "", 0, from);
    CHECK_STR(from, to_b);
    send_to(a, to_b, large, sizeof(large));
    expect(b, large, sizeof(large), from);
    send_to(a, to_a, "\0\0", 2);
    expect(a, "\0\0", 2, from);
    CHECK_STR(from, to_a);

    send_to(a, to_raw, "to a bare socket", 16);
    raw_expect(fd, "to a bare socket", 16);
    send_to(a, to_raw, "", 0);
    raw_expect(fd, "", 0);
    raw_send(fd, a_port, "", 0);
    expect(a, "", 0, from);
    CHECK_STR(from, to_raw);
    raw_send(fd, a_port, large, sizeof(large));
    expect(a, large, sizeof(large), from);
    CHECK_STR(from, to_raw);
    close(fd);
    net_close(&n);
}

TEST(dgram_sends_an_address_and_a_body_and_nothing_else)
{
    static const char *const bad[] = {
        "",
        "x",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        ":5555",
        "127.0.0.1:65536",
        "127.0.0.1:+1",
        "127.0.0.1: 1",
        "localhost:5555",
        "127.0.0.1:55 ",
        "::1:5555",
        "[127.0.0.1]:5555",
        "[::1:5555",
        "[]:5555",
        "1.2.3.4.5:6",
        "udp://127.0.0.1:5555",
        "*:5555",
    };
    static char long_text[1000];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], address[TEST_ENDPOINT], from[TEST_ENDPOINT];

    local(address, udp_bind(s, endpoint));
    memset(long_text, '1', sizeof(long_text));
    CHECK_ERRNO(zmq_send(s, "alone", 5, 0), EINVAL);
    CHECK_ERRNO(zmq_send(s, address, strlen(address), 0), EINVAL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_ERRNO(zmq_send(s, bad[i], strlen(bad[i]), ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_send(s, long_text, sizeof(long_text), ZMQ_SNDMORE), EINVAL);
    CHECK_ERRNO(zmq_send(s, "127.0.0.1:1\0", 13, ZMQ_SNDMORE), EINVAL);

    /* What was refused changes nothing: the body is still to come. */
    CHECK_OK(zmq_send(s, address, strlen(address), ZMQ_SNDMORE));
    CHECK_ERRNO(zmq_send(s, "more", 4, ZMQ_SNDMORE), EINVAL);
    CHECK_OK(zmq_send(s, "body", 4, 0));
    expect(s, "body", 4, from);
    net_close(&n);
}

TEST(dgram_refuses_what_no_datagram_can_hold)
{
    static uint8_t large[BODY_MAX + 1];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], address[TEST_ENDPOINT], from[TEST_ENDPOINT];

    local(address, udp_bind(s, endpoint));
    CHECK_OK(zmq_send(s, address, strlen(address), ZMQ_SNDMORE));
    CHECK_ERRNO(zmq_send(s, large, sizeof(large), 0), EMSGSIZE);
    CHECK_OK(zmq_send(s, large, BODY_MAX, 0));
    expect(s, large, BODY_MAX, from);
    net_close(&n);
}

/* Nobody is told, as with UDP itself; what follows goes its way. */
TEST(dgram_drops_what_cannot_be_sent)
{
    static const char *const nowhere[] = { "[::1]:5555", "[ff02::1]:5555", "0.0.0.0:1",
                                           "127.0.0.1:1", "240.0.0.1:5555" };
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], address[TEST_ENDPOINT], from[TEST_ENDPOINT];

    local(address, udp_bind(s, endpoint));
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        send_to(s, nowhere[i], "lost", 4);
        send_to(s, address, "found", 5);
        expect(s, "found", 5, from);
    }
    net_close(&n);
}

TEST(dgram_speaks_ipv6_where_it_is_asked_to)
{
    struct net n = net_open();
    void *a = net_socket(&n, ZMQ_DGRAM), *b = net_socket(&n, ZMQ_DGRAM);
    char endpoint[TEST_ENDPOINT], to[TEST_ENDPOINT], from[TEST_ENDPOINT];

    test_set_int(a, ZMQ_IPV6, 1);
    if (zmq_bind(a, "udp://[::1]:*") < 0)
        test_skip("no IPv6 here");
    int port = udp_bound(a, endpoint);
    snprintf(to, sizeof(to), "[::1]:%d", port);
    CHECK_STR(endpoint + 6, to);
    send_to(a, to, "six", 3);
    expect(a, "six", 3, from);
    CHECK_STR(from, to);

    /* One for both: IPv4 addresses look as ever. */
    CHECK_OK(zmq_unbind(a, "udp://[::1]:*"));
    CHECK_OK(zmq_bind(a, "udp://*:*"));
    port = udp_bound(a, endpoint);
    snprintf(to, sizeof(to), "[::]:%d", port);
    CHECK_STR(endpoint + 6, to);
    local(to, udp_bind(b, endpoint));
    send_to(a, to, "four", 4);
    expect(b, "four", 4, from);
    CHECK_EQ(strncmp(from, "127.0.0.1:", 10), 0, "%s", from);
    send_to(b, from, "back", 4);
    expect(a, "back", 4, from);
    CHECK_STR(from, to);
    net_close(&n);
}

/* ---- Two threads. */

enum { MESSAGES = 2000, WINDOW = 64 };

struct side {
    void *socket;
    char peer[TEST_ENDPOINT];
};

static void *echo(void *arg)
{
    struct side *s = arg;
    char from[TEST_ENDPOINT];
    int i;

    do {
        size_t size = net_recv(s->socket, from, sizeof(from));
        CHECK_EQ(net_recv(s->socket, &i, sizeof(i)), sizeof(i));
        CHECK_OK(zmq_send(s->socket, from, size, ZMQ_SNDMORE));
        CHECK_OK(zmq_send(s->socket, &i, sizeof(i), 0));
    } while (i < MESSAGES - 1);
    return NULL;
}

struct window {
    struct side side;
    _Atomic int sent, received;
};

static void *send_numbers(void *arg)
{
    struct window *w = arg;

    for (int i = 0; i < MESSAGES; i++) {
        while (i - w->received >= WINDOW)
            poll(NULL, 0, 1);
        send_to(w->side.socket, w->side.peer, &i, sizeof(i));
    }
    return NULL;
}

TEST(one_thread_may_send_on_a_dgram_while_another_receives)
{
    struct net n = net_open();
    struct window w = { .side.socket = net_socket(&n, ZMQ_DGRAM) };
    struct side other = { .socket = net_socket(&n, ZMQ_DGRAM) };
    char endpoint[TEST_ENDPOINT], from[TEST_ENDPOINT];

    udp_bind(w.side.socket, endpoint);
    local(w.side.peer, udp_bind(other.socket, endpoint));
    struct test_thread *echoes = test_thread_start(echo, &other),
                       *sends = test_thread_start(send_numbers, &w);
    for (int i = 0; i < MESSAGES; i++) {
        expect(w.side.socket, &i, sizeof(i), from);
        CHECK_STR(from, w.side.peer);
        w.received = i + 1;
    }
    test_thread_join(sends);
    test_thread_join(echoes);
    net_close(&n);
}

/* At its mark it blocks, or says EAGAIN; nothing that was taken is lost but by the network. */
TEST(dgram_sends_all_before_it_closes)
{
    enum { COUNT = 200 };
    void *ctx = zmq_ctx_new(), *s = zmq_socket(ctx, ZMQ_DGRAM);
    char address[TEST_ENDPOINT];
    int port, fd = raw_open(&port);

    local(address, port);
    test_set_int(s, ZMQ_SNDHWM, 3);
    CHECK_OK(zmq_bind(s, "udp://127.0.0.1:*"));
    for (int i = 0; i < COUNT; i++)
        send_to(s, address, &i, sizeof(i));
    CHECK_OK(zmq_close(s));
    CHECK_OK(zmq_ctx_term(ctx));
    for (int i = 0; i < COUNT; i++)
        raw_expect(fd, &i, sizeof(i));
    close(fd);
}

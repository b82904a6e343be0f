/* tests/patterns/stream_test.c - STREAM against plain TCP sockets and itself. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/patterns/net.h"

enum { ID = 5 };

/* ---- The plain side. */

static int plain(int fd)
{
    struct timeval patience = { NET_PATIENCE / 1000, 0 };

    CHECK_OK(fd);
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
    return fd;
}

static int plain_connect(const char *endpoint)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int fd = plain(socket(AF_INET, SOCK_STREAM, 0));

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    CHECK_OK(connect(fd, (struct sockaddr *)&a, sizeof(a)));
    return fd;
}

static int plain_listen(char endpoint[TEST_ENDPOINT])
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t size = sizeof(a);
    int fd = plain(socket(AF_INET, SOCK_STREAM, 0));

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_OK(bind(fd, (struct sockaddr *)&a, size));
    CHECK_OK(listen(fd, 8));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&a, &size));
    snprintf(endpoint, TEST_ENDPOINT, "tcp://127.0.0.1:%d", ntohs(a.sin_port));
    return fd;
}

static void plain_expect(int fd, const char *text)
{
    char got[64];

    CHECK_EQ(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
    CHECK_MEM(got, text, strlen(text));
}

/* ---- The STREAM side. */

/* Receives a message: its id, and text ("" for a notice). */
static size_t expect(void *s, char id[16], const char *text)
{
    char got[64];
    size_t size = net_recv(s, id, 16);

    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 1);
    CHECK_EQ(net_recv(s, got, sizeof(got)), strlen(text));
    CHECK_MEM(got, text, strlen(text));
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 0);
    return size;
}

static void send_to(void *s, const char *id, size_t size, const char *text)
{
    CHECK_OK(zmq_send(s, id, size, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(s, text, strlen(text), 0));
}

TEST(stream_accepts_plain_connections)
{
    char endpoint[TEST_ENDPOINT], a[16], b[16], again[16];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_STREAM, "tcp", endpoint);

    int one = plain_connect(endpoint);
    CHECK_EQ(expect(s, a, ""), ID);
    CHECK_EQ(a[0], 0);
    int two = plain_connect(endpoint);
    CHECK_EQ(expect(s, b, ""), ID);
    CHECK(memcmp(a, b, ID) != 0, "each connection has its own id");

    CHECK_EQ(send(one, "hello", 5, 0), 5);
    expect(s, again, "hello");
    CHECK_MEM(again, a, ID);
    send_to(s, b, ID, "to two");
    send_to(s, a, ID, "to one");
    plain_expect(one, "to one");
    plain_expect(two, "to two");
    close(one);
    close(two);
    net_close(&n);
}

struct known {
    void *socket;
    const char *id;
};

static bool is_unknown(void *arg)
{
    struct known *k = arg;

    zmq_recv(k->socket, NULL, 0, ZMQ_DONTWAIT);         /* libzmq works when called */

    if (zmq_send(k->socket, k->id, ID, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EHOSTUNREACH;
    CHECK_OK(zmq_send(k->socket, "x", 1, 0));
    return false;
}

TEST(stream_tells_when_a_connection_has_gone)
{
    char endpoint[TEST_ENDPOINT], id[16], again[16];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_STREAM, "tcp", endpoint);
    int fd = plain_connect(endpoint);

    expect(s, id, "");
    CHECK_EQ(send(fd, "bye", 3, 0), 3);
    close(fd);
    expect(s, again, "bye");
    CHECK_MEM(again, id, ID);
    expect(s, again, "");
    CHECK_MEM(again, id, ID);
    test_wait_until(is_unknown, &(struct known){ s, id }, 10);
    CHECK_ERRNO(zmq_recv(s, again, 1, ZMQ_DONTWAIT), EAGAIN);
    net_close(&n);
}

TEST(stream_closes_a_connection_with_an_empty_message)
{
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_STREAM, "tcp", endpoint);
    int fd = plain_connect(endpoint);

    expect(s, id, "");
    send_to(s, id, ID, "last words");
    send_to(s, id, ID, "");
    plain_expect(fd, "last words");
    net_wait_closed(s, fd);
    CHECK_ERRNO(zmq_recv(s, id, 1, ZMQ_DONTWAIT), EAGAIN);      /* no notice */
    CHECK_ERRNO(zmq_send(s, id, ID, ZMQ_SNDMORE), EHOSTUNREACH);
    close(fd);
    net_close(&n);
}

TEST(stream_connects_to_a_plain_listener)
{
    char endpoint[TEST_ENDPOINT], id[16], got[16];
    size_t size = sizeof(id);
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_STREAM);
    int listener = plain_listen(endpoint);

    CHECK_OK(zmq_connect(s, endpoint));
    CHECK_OK(zmq_getsockopt(s, ZMQ_ROUTING_ID, id, &size));
    CHECK_EQ(size, ID);
    int fd = plain(accept(listener, NULL, NULL));
    expect(s, got, "");
    CHECK_MEM(got, id, ID);
    send_to(s, id, ID, "hello");
    plain_expect(fd, "hello");
    CHECK_EQ(send(fd, "hi", 2, 0), 2);
    expect(s, got, "hi");
    CHECK_MEM(got, id, ID);
    close(fd);
    close(listener);
    net_close(&n);
}

/* Up, down, up again: a connection that we made keeps its id. */
TEST(stream_reconnects_under_the_same_id)
{
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_STREAM);
    int listener = plain_listen(endpoint);

    test_set_int(s, ZMQ_RECONNECT_IVL, 1);
    CHECK_OK(zmq_setsockopt(s, ZMQ_CONNECT_ROUTING_ID, "chosen", 6));
    CHECK_OK(zmq_connect(s, endpoint));
    int fd = plain(accept(listener, NULL, NULL));
    CHECK_EQ(expect(s, id, ""), 6);
    CHECK_MEM(id, "chosen", 6);
    close(fd);
    CHECK_EQ(expect(s, id, ""), 6);                     /* gone */
    fd = plain(accept(listener, NULL, NULL));
    CHECK_EQ(expect(s, id, ""), 6);                     /* back */
    CHECK_MEM(id, "chosen", 6);
    send_to(s, "chosen", 6, "hello again");
    plain_expect(fd, "hello again");
    close(fd);
    close(listener);
    net_close(&n);
}

/* (libzmq makes an id up.) */
TEST(stream_immediate_keeps_a_chosen_id_for_its_endpoint)
{
    char endpoint[TEST_ENDPOINT], nobody[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_STREAM);

    if (!ON_ZINC)
        test_skip("libzmq does otherwise");
    int listener = plain_listen(endpoint);
    close(plain_listen(nobody));
    test_set_int(s, ZMQ_IMMEDIATE, 1);
    test_set_int(s, ZMQ_RECONNECT_IVL, 1);
    CHECK_OK(zmq_setsockopt(s, ZMQ_CONNECT_ROUTING_ID, "chosen", 6));
    CHECK_OK(zmq_connect(s, endpoint));
    int fd = plain(accept(listener, NULL, NULL));
    CHECK_EQ(expect(s, id, ""), 6);
    CHECK_MEM(id, "chosen", 6);
    CHECK_OK(zmq_setsockopt(s, ZMQ_CONNECT_ROUTING_ID, "other", 5));
    CHECK_OK(zmq_connect(s, nobody));
    close(fd);
    CHECK_EQ(expect(s, id, ""), 6);                     /* gone */
    fd = plain(accept(listener, NULL, NULL));
    CHECK_EQ(expect(s, id, ""), 6);                     /* back */
    CHECK_MEM(id, "chosen", 6);
    close(fd);
    close(listener);
    net_close(&n);
}

TEST(stream_without_notices_tells_of_data_only)
{
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_STREAM);

    test_set_int(s, ZMQ_STREAM_NOTIFY, 0);
    test_bind(s, "tcp", endpoint);
    int fd = plain_connect(endpoint);
    CHECK_EQ(send(fd, "one", 3, 0), 3);
    expect(s, id, "one");
    close(fd);
    fd = plain_connect(endpoint);
    CHECK_EQ(send(fd, "two", 3, 0), 3);
    expect(s, id, "two");
    close(fd);
    net_close(&n);
}

TEST(stream_send_refuses_or_swallows_what_goes_nowhere)
{
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_STREAM, "tcp", endpoint);
    int fd = plain_connect(endpoint);

    CHECK_EQ(test_get_int(s, ZMQ_EVENTS) & ZMQ_POLLOUT, ZMQ_POLLOUT);
    expect(s, id, "");
    CHECK_ERRNO(zmq_send(s, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    CHECK_OK(zmq_send(s, id, ID, 0));                   /* no message follows, */
    CHECK_OK(zmq_send(s, "swallowed", 9, 0));           /* yet this is taken for it */
    CHECK_OK(zmq_send(s, id, ID, ZMQ_SNDMORE));
    CHECK_OK(zmq_send(s, "more ", 5, ZMQ_SNDMORE));     /* MORE means nothing here */
    send_to(s, id, ID, "data");
    plain_expect(fd, "more data");
    close(fd);
    net_close(&n);
}

/* Bytes are bytes: in order, complete, cut wherever a read ended. */
TEST(stream_moves_a_lot_of_bytes_both_ways)
{
    enum { TOTAL = 300000, PIECE = 3000 };
    static uint8_t sent[TOTAL], got[TOTAL];
    char endpoint[TEST_ENDPOINT], id[16];
    struct net n = net_open();
    void *s = net_bound(&n, ZMQ_STREAM, "tcp", endpoint);
    int fd = plain_connect(endpoint);

    for (size_t i = 0; i < TOTAL; i++)
        sent[i] = (uint8_t)(i * 31 >> 3);
    expect(s, id, "");
    for (size_t at = 0; at < TOTAL; at += PIECE) {
        CHECK_OK(zmq_send(s, id, ID, ZMQ_SNDMORE));
        CHECK_OK(zmq_send(s, sent + at, PIECE, 0));
    }
    CHECK_EQ(recv(fd, got, TOTAL, MSG_WAITALL), TOTAL);
    CHECK_MEM(got, sent, TOTAL);

    memset(got, 0, sizeof(got));
    CHECK_EQ(send(fd, sent, TOTAL, 0), TOTAL);
    for (size_t at = 0; at < TOTAL;) {
        CHECK_EQ(net_recv(s, id, sizeof(id)), ID);
        size_t size = net_recv(s, got + at, TOTAL - at);
        CHECK(size > 0 && size <= 8192, "%zu bytes at once", size);
        at += size;
    }
    CHECK_MEM(got, sent, TOTAL);
    close(fd);
    net_close(&n);
}

TEST(stream_talks_to_stream)
{
    for (const char *const *t = test_transports_of(TEST_RAW); *t != NULL; t++) {
        char endpoint[TEST_ENDPOINT], a_id[16], b_id[16];
        struct net n = net_open();
        void *a = net_bound(&n, ZMQ_STREAM, *t, endpoint);
        void *b = net_connected(&n, ZMQ_STREAM, endpoint);

        expect(a, b_id, "");
        expect(b, a_id, "");
        send_to(b, a_id, ID, "ping");
        expect(a, b_id, "ping");
        send_to(a, b_id, ID, "pong");
        expect(b, a_id, "pong");
        net_close(&n);
    }
}

/* (libzmq aborts.) */
TEST(stream_refuses_a_chosen_id_that_is_taken)
{
    char endpoint[TEST_ENDPOINT];
    struct net n = net_open();
    void *s = net_socket(&n, ZMQ_STREAM);

    if (!ON_ZINC)
        test_skip("libzmq does otherwise");
    int listener = plain_listen(endpoint);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(zmq_setsockopt(s, ZMQ_CONNECT_ROUTING_ID, "id", 2));
        if (i == 0)
            CHECK_OK(zmq_connect(s, endpoint));
        else
            CHECK_ERRNO(zmq_connect(s, endpoint), EADDRINUSE);
    }
    close(listener);
    net_close(&n);
}

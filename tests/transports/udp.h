/* transports/udp.h - RADIO, DISH and DGRAM over UDP, and bare sockets that talk to them. */
#ifndef ZN_TESTS_TRANSPORTS_UDP_H
#define ZN_TESTS_TRANSPORTS_UDP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/patterns/net.h"

/* ---- Sockets of the library's. */

static inline void udp_endpoint(char endpoint[TEST_ENDPOINT], const char *address)
{
    snprintf(endpoint, TEST_ENDPOINT, "udp://%s", address);
}

/* Where s is bound, for others to send to: LAST_ENDPOINT has no scheme. Its port. */
static inline int udp_bound(void *s, char endpoint[TEST_ENDPOINT])
{
    char last[TEST_ENDPOINT - 6];
    size_t size = sizeof(last);

    CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, last, &size));
    udp_endpoint(endpoint, last);
    return atoi(strrchr(last, ':') + 1);
}

/* A DISH or DGRAM on some port of 127.0.0.1. */
static inline int udp_bind(void *s, char endpoint[TEST_ENDPOINT])
{
    CHECK_OK(zmq_bind(s, "udp://127.0.0.1:*"));
    return udp_bound(s, endpoint);
}

static inline int send_bytes(void *radio, const char *group, const void *data,
                             size_t size)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_buffer(&m, data, size));
    CHECK_OK(zmq_msg_set_group(&m, group));
    int rc = zmq_msg_send(&m, radio, 0), err = errno;
    CHECK_OK(zmq_msg_close(&m));
    errno = err;
    return rc;
}

static inline void send_group(void *radio, const char *group, const char *text)
{
    CHECK_OK(send_bytes(radio, group, text, strlen(text)));
}

static inline void expect_bytes(void *dish, const char *group, const void *data,
                                size_t size)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    int n = zmq_msg_recv(&m, dish, 0);
    CHECK(n >= 0, "nothing came to %s: %s", group, zmq_strerror(errno));
    CHECK_STR(zmq_msg_group(&m), group);
    CHECK_EQ(n, size);
    CHECK_MEM(zmq_msg_data(&m), data, size);
    CHECK_EQ(zmq_msg_more(&m), 0);
    CHECK_OK(zmq_msg_close(&m));
}

static inline void expect_group(void *dish, const char *group, const char *text)
{
    expect_bytes(dish, group, text, strlen(text));
}

/* ---- Bare sockets. */

static inline struct sockaddr_in udp_loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int raw_open(int *port)
{
    struct sockaddr_in a = udp_loopback(0);
    socklen_t size = sizeof(a);
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

    CHECK_OK(bind(fd, (struct sockaddr *)&a, size));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&a, &size));
    *port = ntohs(a.sin_port);
    return fd;
}

static inline void raw_send(int fd, int port, const void *data, size_t size)
{
    struct sockaddr_in a = udp_loopback(port);

    CHECK_EQ(CHECK_OK(sendto(fd, data, size, 0, (struct sockaddr *)&a, sizeof(a))), size);
}

/* The next datagram: its size. */
static inline size_t raw_recv(int fd, void *buf, size_t size)
{
    struct pollfd p = { fd, POLLIN, 0 };

    CHECK_EQ(CHECK_OK(poll(&p, 1, NET_PATIENCE)), 1, "no datagram came");
    return (size_t)CHECK_OK(recv(fd, buf, size, 0));
}

/* The next datagram is this one. */
static inline void raw_expect(int fd, const void *data, size_t size)
{
    static uint8_t got[65536];

    CHECK_EQ(raw_recv(fd, got, sizeof(got)), size);
    CHECK_MEM(got, data, size);
}

#endif

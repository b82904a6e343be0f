/* raw.h - a peer made of a bare socket that speaks any ZMTP by hand.
 *
 * raw_x moves bytes; zmtp_x speaks frames in the version of the handshake. All
 * reads are bounded by PATIENCE and end the test when they fail. */

#ifndef TESTS_API_RAW_H
#define TESTS_API_RAW_H

#include "tests/api/api.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum version { V31, V30, V20, V10, UNVERSIONED, VERSIONS };

static const char *const version_name[] = { "3.1", "3.0", "2.0", "1.0", "unversioned" };

struct peer {
    int fd;
    enum version version;
    char id[256];                                 /* the library's routing id */
};

static inline int raw_ready(int fd)
{
    struct timeval t = { PATIENCE / 1000, 0 };
    int one = 1;

    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* A listener of bare TCP; endpoint is what to hand to zmq_connect. */
static inline int raw_listen(char endpoint[ENDPOINT_MAX])
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 16) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    snprintf(endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%d", ntohs(a.sin_port));
    return raw_ready(fd);
}

static inline int raw_accept(int listener)
{
    return raw_ready(accept(listener, NULL, NULL));
}

static inline int raw_connect(const char *endpoint)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return raw_ready(fd);
}

static inline void raw_send(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        CHECK(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

#define RAW_SEND(fd, literal) raw_send(fd, literal, sizeof(literal) - 1)

/* Reads exactly len bytes. */
static inline void raw_recv(int fd, void *data, size_t len)
{
    for (size_t have = 0; have < len;) {
        ssize_t n = recv(fd, (char *)data + have, len - have, 0);
        CHECK(n > 0);
        have += (size_t)n;
    }
}

#define RAW_EXPECT(fd, literal)                                                 \
    do {                                                                        \
        char got_[sizeof(literal)];                                             \
        raw_recv(fd, got_, sizeof(literal) - 1);                                \
        CHECK(memcmp(got_, literal, sizeof(literal) - 1) == 0);                 \
    } while (0)

/* Waits for the other side to close, whatever it still says before. */
static inline void raw_expect_close(int fd, const char *what)
{
    char sink[4096];
    ssize_t n;

    while ((n = recv(fd, sink, sizeof sink, 0)) > 0)
        ;
    CHECK_EQ(n == 0 || errno == ECONNRESET, 1, "%s: not closed", what);
}

/* A libzmq socket does its background work only when it is called: calls it until
 * bytes have come to fd. */
static inline void touch_until_readable(void *s, int fd)
{
    struct pollfd ready = { fd, POLLIN, 0 };

    for (long end = now_ms() + PATIENCE; poll(&ready, 1, 5) == 0;) {
        test_get_int(s, ZMQ_EVENTS);
        CHECK(now_ms() < end);
    }
}

/* ---- greetings ---- */

#define SIGNATURE "\377\0\0\0\0\0\0\0\1\177"
#define ZERO15    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZERO16    "\0" ZERO15
#define GREETING(minor) SIGNATURE "\3" minor "NULL" ZERO16 ZERO16 ZERO16
#define GREETING_31 GREETING("\1")
#define GREETING_30 GREETING("\0")

/* ---- frames ---- */

static inline void put_be(unsigned char *p, uint64_t v, int bytes)
{
    for (int i = bytes; i-- > 0; v >>= 8)
        p[i] = (unsigned char)v;
}

static inline uint64_t get_be(const unsigned char *p, int bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | *p++;
    return v;
}

enum { MORE = 1, LONG = 2, COMMAND = 4 };

static inline void zmtp_send(struct peer *p, int flags, const void *data, size_t len)
{
    unsigned char head[10];
    size_t n;

    if (p->version >= V10 && len + 1 < 255) {
        head[0] = (unsigned char)(len + 1);
        head[1] = (unsigned char)flags;
        n = 2;
    } else if (p->version >= V10) {
        head[0] = 0xff;
        put_be(head + 1, len + 1, 8);
        head[9] = (unsigned char)flags;
        n = 10;
    } else {
        head[0] = (unsigned char)(flags | (len > 255 ? LONG : 0));
        put_be(head + 1, len, len > 255 ? 8 : 1);
        n = len > 255 ? 9 : 2;
    }
    raw_send(p->fd, head, n);
    raw_send(p->fd, data, len);
}

#define ZMTP_SEND(p, flags, literal) zmtp_send(p, flags, literal, sizeof(literal) - 1)

/* Reads one frame of at most size bytes; returns its length. */
static inline size_t zmtp_recv(struct peer *p, int *flags, void *data, size_t size)
{
    unsigned char head[9];
    size_t len;

    raw_recv(p->fd, head, 1);
    if (p->version >= V10) {
        len = head[0];
        if (len == 0xff) {
            raw_recv(p->fd, head, 8);
            len = (size_t)get_be(head, 8);
        }
        CHECK(len > 0);
        len--;
        raw_recv(p->fd, head, 1);
        *flags = head[0];
    } else {
        *flags = head[0] & ~LONG;
        int wide = head[0] & LONG ? 8 : 1;
        raw_recv(p->fd, head, (size_t)wide);
        len = (size_t)get_be(head, wide);
    }
    CHECK(len <= size);
    raw_recv(p->fd, data, len);
    return len;
}

static inline void zmtp_expect(struct peer *p, int flags, const void *data, size_t len)
{
    char got[1024];
    int got_flags;

    CHECK_EQ(zmtp_recv(p, &got_flags, got, sizeof got), len, "ZMTP %s, length",
             version_name[p->version]);
    CHECK_EQ(got_flags, flags, "ZMTP %s, flags", version_name[p->version]);
    CHECK(memcmp(got, data, len) == 0);
}

#define ZMTP_EXPECT(p, flags, literal) zmtp_expect(p, flags, literal, sizeof(literal) - 1)

/* Finds a property in the body of a READY; returns its length, or -1. */
static inline int ready_property(const char *body, size_t len, const char *name,
                                 char value[256])
{
    for (size_t at = 6; at < len;) {
        size_t name_len = (unsigned char)body[at];
        const char *its_name = body + at + 1;
        size_t value_len = (size_t)get_be((const unsigned char *)its_name + name_len, 4);
        if (name_len == strlen(name) && memcmp(its_name, name, name_len) == 0) {
            CHECK(value_len < 256);
            memcpy(value, its_name + name_len + 4, value_len);
            value[value_len] = 0;
            return (int)value_len;
        }
        at += 1 + name_len + 4 + value_len;
    }
    return -1;
}

static inline void send_ready(struct peer *p, const char *type, const char *id)
{
    char body[600] = "\5READY\13Socket-Type";
    size_t at = 18;

    put_be((unsigned char *)body + at, strlen(type), 4);
    memcpy(body + at + 4, type, strlen(type));
    at += 4 + strlen(type);
    memcpy(body + at, "\10Identity", 9);
    put_be((unsigned char *)body + at + 9, strlen(id), 4);
    memcpy(body + at + 13, id, strlen(id));
    at += 13 + strlen(id);
    zmtp_send(p, COMMAND, body, at);
}

/* Says hello as type with routing id, in either direction of connecting, and
 * reads everything which the library says before its first message. */
static inline struct peer zmtp_hello(int fd, enum version version, const char *type,
                                     const char *id)
{
    struct peer p = { fd, version, "" };
    char got[600];
    int flags = 0;
    size_t len;

    raw_recv(fd, got, 10);                        /* signature, not waiting for ours */
    CHECK(got[0] == '\377' && got[9] == '\177');
    len = (size_t)get_be((unsigned char *)got + 1, 8) - 1;

    switch (version) {
    case V31:
    case V30:
        raw_send(fd, version == V31 ? GREETING_31 : GREETING_30, 64);
        raw_recv(fd, got, 54);
        CHECK(got[0] == 3);
        send_ready(&p, type, id);
        len = zmtp_recv(&p, &flags, got, sizeof got);
        CHECK(flags == COMMAND && memcmp(got, "\5READY", 6) == 0);
        ready_property(got, len, "Identity", p.id);
        return p;
    case V20:
    case V10:
        raw_send(fd, SIGNATURE, 10);
        raw_send(fd, version == V20 ? "\1\0" : "\0\0", 2);
        raw_recv(fd, got, 2);
        CHECK(got[0] == 3);                       /* then its type */
        zmtp_send(&p, 0, id, strlen(id));
        len = zmtp_recv(&p, &flags, p.id, sizeof p.id - 1);
        p.id[len] = 0;
        return p;
    default:                                      /* its signature was a frame's head */
        zmtp_send(&p, 0, id, strlen(id));
        raw_recv(fd, p.id, len);
        return p;
    }
}

static inline struct peer zmtp_connect(const char *endpoint, enum version version,
                                       const char *type, const char *id)
{
    return zmtp_hello(raw_connect(endpoint), version, type, id);
}

/* Whether the machine does. */
static inline int has_ipv6(void)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    int ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

#endif

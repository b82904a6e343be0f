/* tests/patterns/net.h - a context and its sockets, opened and closed together, for
 * tests of the socket types.
 *
 * Every wait is bounded by NET_PATIENCE: a bound, never a pace. */
#ifndef ZN_TESTS_PATTERNS_NET_H
#define ZN_TESTS_PATTERNS_NET_H

#include <stdio.h>
#include <sys/socket.h>
#include <zmq.h>

#include "tests/test.h"

/* Against libzmq (built without ZN_FAULTS), what zinc does differently is left out. */
#ifdef ZN_FAULTS
#define ON_ZINC 1
#else
#define ON_ZINC 0
#endif

#define NET_PATIENCE (10000 * test_patience())
#define NET_SOCKETS 40

struct net {
    void *ctx;
    void *sockets[NET_SOCKETS];
    size_t count;
};

static inline struct net net_open(void)
{
    struct net n = { .ctx = zmq_ctx_new() };

    CHECK(n.ctx != NULL);
    return n;
}

/* LINGER 0, and timeouts that bound every wait. */
static inline void *net_socket(struct net *n, int type)
{
    CHECK(n->count < NET_SOCKETS);
    void *s = test_socket(n->ctx, type);

    test_set_int(s, ZMQ_RCVTIMEO, NET_PATIENCE);
    test_set_int(s, ZMQ_SNDTIMEO, NET_PATIENCE);
    n->sockets[n->count++] = s;
    return s;
}

/* With a routing id of its own. */
static inline void *net_named(struct net *n, int type, const char *id)
{
    void *s = net_socket(n, type);

    CHECK_OK(zmq_setsockopt(s, ZMQ_ROUTING_ID, id, strlen(id)));
    return s;
}

static inline void *net_bound(struct net *n, int type, const char *transport,
                              char endpoint[TEST_ENDPOINT])
{
    void *s = net_socket(n, type);

    test_bind(s, transport, endpoint);
    return s;
}

static inline void *net_connected(struct net *n, int type, const char *endpoint)
{
    void *s = net_socket(n, type);

    CHECK_OK(zmq_connect(s, endpoint));
    return s;
}

/* Closes one socket before the others. What it has sent is still delivered. */
static inline void net_leave(struct net *n, void *s)
{
    size_t i = 0;

    while (n->sockets[i] != s)
        i++;
    n->sockets[i] = n->sockets[--n->count];
    test_set_int(s, ZMQ_LINGER, -1);
    CHECK_OK(zmq_close(s));
}

static inline void net_close(struct net *n)
{
    for (size_t i = 0; i < n->count; i++)
        CHECK_OK(zmq_close(n->sockets[i]));
    CHECK_OK(zmq_ctx_term(n->ctx));
}

/* Waits until all of these events are there. */
static inline void net_wait(void *s, short events)
{
    zmq_pollitem_t item = { s, 0, events, 0 };

    while ((item.revents & events) != events)
        CHECK(zmq_poll(&item, 1, NET_PATIENCE) > 0, "waited for events %d", events);
}

static inline bool net_is_mute(void *s)
{
    return (test_get_int(s, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0;
}

/* Waits until s has nobody left to send to. */
static inline void net_wait_mute(void *s)
{
    test_wait_until(net_is_mute, s, 10);
}

/* Receives a frame: its size; bytes beyond size are cut off. */
static inline size_t net_recv(void *s, void *buf, size_t size)
{
    int rc = zmq_recv(s, buf, size, 0);

    CHECK(rc >= 0, "recv: %s", zmq_strerror(errno));
    return (size_t)rc;
}

struct net_closing {
    void *socket;
    int fd;
};

static inline bool net_is_closed(void *arg)
{
    struct net_closing *c = arg;
    char byte;

    test_get_int(c->socket, ZMQ_EVENTS);
    return recv(c->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Waits until s has closed its connection to fd. libzmq works only while it is called,
 * so it is. */
static inline void net_wait_closed(void *s, int fd)
{
    test_wait_until(net_is_closed, &(struct net_closing){ s, fd }, 10);
}

/* A monitor of these events; closed with the net. */
static inline void *net_monitor(struct net *n, void *s, int events)
{
    char name[TEST_ENDPOINT];

    test_endpoint("inproc", name);
    CHECK_OK(zmq_socket_monitor(s, name, events));
    return net_connected(n, ZMQ_PAIR, name);
}

/* Waits for the next event: its number. */
static inline int net_event(void *monitor)
{
    uint8_t frame[6];
    char endpoint[TEST_ENDPOINT];
    uint16_t event;

    CHECK_EQ(net_recv(monitor, frame, sizeof(frame)), 6);
    net_recv(monitor, endpoint, sizeof(endpoint));
    memcpy(&event, frame, sizeof(event));
    return event;
}

#endif

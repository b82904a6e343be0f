/* tests/patterns/pubsub.h - what the tests of PUB, SUB, XPUB and XSUB share.
 *
 * Some rows say what zinc does better than libzmq on purpose. So that the rest can be
 * checked against libzmq itself, they are skipped when TEST_LIBZMQ is set. */
#ifndef ZN_TESTS_PUBSUB_H
#define ZN_TESTS_PUBSUB_H

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "tests/test.h"

enum { PUBSUB_PATIENCE = 10000 };        /* ms; a bound, never a pace */

#define EACH_TRANSPORT(t) for (const char *const *t = test_transports; *t != NULL; t++)

static inline bool on_libzmq(void)
{
    return getenv("TEST_LIBZMQ") != NULL;
}

static inline void better_than_libzmq(const char *how)
{
    if (on_libzmq())
        test_skip(how);
}

static inline void *new_socket(void *ctx, int type)
{
    void *s = test_socket(ctx, type);

    test_set_int(s, ZMQ_RCVTIMEO, PUBSUB_PATIENCE * test_patience());
    test_set_int(s, ZMQ_SNDTIMEO, PUBSUB_PATIENCE * test_patience());
    return s;
}

static inline void *connected(void *ctx, int type, const char *endpoint)
{
    void *s = new_socket(ctx, type);

    CHECK_OK(zmq_connect(s, endpoint));
    return s;
}

static inline void subscribe(void *s, const char *topic)
{
    CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic)));
}

static inline void unsubscribe(void *s, const char *topic)
{
    CHECK_OK(zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, topic, strlen(topic)));
}

/* A subscription (or a cancel) as a message, to send or to expect. */
static inline void send_notice(void *s, char sign, const char *topic, int flags)
{
    char buf[300];

    buf[0] = sign == '+';
    strcpy(buf + 1, topic);
    CHECK_OK(zmq_send(s, buf, 1 + strlen(topic), flags));
}

/* Receives a notice: "+topic" or "-topic", or what it is if it is none, in quotes; a
 * trailing '&' if more follows. */
static inline const char *next_notice(void *s, char buf[300])
{
    char got[256];
    int n = zmq_recv(s, got, sizeof(got), 0);

    CHECK(n >= 0, "%s", zmq_strerror(errno));
    CHECK(n <= (int)sizeof(got));
    const char *more = test_get_int(s, ZMQ_RCVMORE) ? "&" : "";
    if (n > 0 && got[0] >= 0 && got[0] <= 1)
        snprintf(buf, 300, "%c%.*s%s", got[0] ? '+' : '-', n - 1, got + 1, more);
    else
        snprintf(buf, 300, "'%.*s'%s", n, got, more);
    return buf;
}

static inline void expect_notice(void *s, const char *want)
{
    char buf[300];

    CHECK_STR(next_notice(s, buf), want);
}

/* Whatever s is told from now on, it has not been told anything yet: all that was sent
 * to it before the marker that `by` sends now has been seen. */
static inline void expect_no_notice_before(void *s, void *by, const char *marker)
{
    char want[300];

    subscribe(by, marker);
    snprintf(want, sizeof(want), "+%s", marker);
    expect_notice(s, want);
}

#endif

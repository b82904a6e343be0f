/* transports/multicast.h - what pgm, epgm and norm have in common, tried over the loopback
 * interface, in one process: a group and a port of each test's own. */
#ifndef ZN_TESTS_TRANSPORTS_MULTICAST_H
#define ZN_TESTS_TRANSPORTS_MULTICAST_H

#include <stdlib.h>
#include <unistd.h>

#include "tests/patterns/net.h"

enum { FAST = 20000, SLOW = 200 };      /* kbit/s */

struct cast {
    struct net net;
    const char *scheme;
    int rate;
    char endpoint[TEST_ENDPOINT];
};

static inline struct cast cast_open(const char *scheme, int rate)
{
    struct cast c = { .net = net_open(), .scheme = scheme, .rate = rate };
    int port = test_free_port();

    if (strcmp(scheme, "norm") == 0)     /* libnorm forgets one of each instance */
        test_forgive_fds("anon_inode:[eventpoll]");
    if (strcmp(scheme, "pgm") == 0 && geteuid() != 0)
        test_skip("pgm:// needs raw sockets");
    snprintf(c.endpoint, sizeof(c.endpoint), "%s://127.0.0.1;239.77.%d.%d:%d", scheme,
             port >> 8, port & 255, port);
    return c;
}

static inline void *cast_socket(struct cast *c, int type)
{
    void *s = net_socket(&c->net, type);

    test_set_int(s, ZMQ_RATE, c->rate);
    if (strcmp(c->scheme, "norm") == 0)
        test_set_int(s, ZMQ_NORM_MODE, ZMQ_NORM_FIXED);
    return s;
}

static inline void *cast_publisher(struct cast *c)
{
    void *s = cast_socket(c, ZMQ_PUB);

    CHECK_OK(zmq_bind(s, c->endpoint));
    return s;
}

static inline void *cast_subscriber(struct cast *c, const char *topic)
{
    void *s = cast_socket(c, ZMQ_SUB);

    CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic)));
    CHECK_OK(zmq_connect(s, c->endpoint));
    return s;
}

static inline void cast_close(struct cast *c)
{
    net_close(&c->net);
}

/* ---- Frames that say of whom they are, and which. */

static inline void fill(uint8_t *p, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

static inline void send_filled(void *s, size_t size, unsigned seed, int flags)
{
    uint8_t *p = malloc(size + 1);

    CHECK(p != NULL);
    fill(p, size, seed);
    CHECK_EQ(zmq_send(s, p, size, flags), size);
    free(p);
}

static inline void expect_filled(void *s, size_t size, unsigned seed, int more)
{
    uint8_t *p = malloc(size + 1), *want = malloc(size + 1);

    CHECK(p != NULL && want != NULL);
    CHECK_EQ(zmq_recv(s, p, size + 1, 0), size, "frame %u", seed);
    fill(want, size, seed);
    CHECK_MEM(p, want, size);
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), more, "frame %u", seed);
    free(p);
    free(want);
}

/* ---- Cases. */

static inline void cast_carries_frames_of_all_sizes(const char *scheme)
{
    static const size_t sizes[] = { 0,    1,    252,  253,   254,   255,   256,
                                    1389, 1399, 1424, 1425,  1426,  1427,  1428,
                                    1434, 1438, 1446, 1448,  3000,  4095,  4096,
                                    8191, 8192, 8193, 20000, 65535, 65536, 100000 };
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_subscriber(&c, ""), *pub = cast_publisher(&c);

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        send_filled(pub, sizes[i], i, 0);
        expect_filled(sub, sizes[i], i, 0);
        send_filled(pub, sizes[i], i, ZMQ_SNDMORE);
        send_filled(pub, 3, i, ZMQ_SNDMORE);
        send_filled(pub, sizes[i] / 2, i, 0);
        expect_filled(sub, sizes[i], i, 1);
        expect_filled(sub, 3, i, 1);
        expect_filled(sub, sizes[i] / 2, i, 0);
    }
    cast_close(&c);
}

static inline void cast_batches_stay_in_order(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_subscriber(&c, ""), *pub = cast_publisher(&c);

    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 100; i++)
            send_filled(pub, i * 5, round + i, i % 3 ? ZMQ_SNDMORE : 0);
        send_filled(pub, 1, 0, 0);
        for (unsigned i = 0; i < 100; i++)
            expect_filled(sub, i * 5, round + i, i % 3 != 0);
        expect_filled(sub, 1, 0, 0);
    }
    cast_close(&c);
}

static inline void cast_subscribers_filter(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *a = cast_subscriber(&c, "a"), *b = cast_subscriber(&c, "b");
    void *x = cast_socket(&c, ZMQ_XSUB), *pub = cast_publisher(&c);

    CHECK_OK(zmq_bind(x, c.endpoint));   /* which is the same */
    test_send_strings(pub, "b1", NULL);
    test_send_strings(pub, "a1", "x", NULL);
    test_send_strings(pub, "c", "a", NULL);
    test_send_strings(pub, "b2", NULL);
    test_send_strings(pub, "a2", NULL);
    test_expect_strings(a, "a1", "x", NULL);
    test_expect_strings(a, "a2", NULL);
    test_expect_strings(b, "b1", NULL);
    test_expect_strings(b, "b2", NULL);
    test_expect_strings(x, "b1", NULL);
    test_expect_strings(x, "a1", "x", NULL);
    test_expect_strings(x, "c", "a", NULL);
    test_expect_strings(x, "b2", NULL);
    test_expect_strings(x, "a2", NULL);
    CHECK_OK(zmq_setsockopt(b, ZMQ_SUBSCRIBE, "c", 1));
    test_send_strings(pub, "c2", NULL);
    test_send_strings(pub, "b3", NULL);
    test_expect_strings(b, "c2", NULL);
    test_expect_strings(b, "b3", NULL);
    cast_close(&c);
}

static inline void cast_xpub_sends_to_all_and_hears_nobody(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_subscriber(&c, "t"), *xpub = cast_socket(&c, ZMQ_XPUB);

    CHECK_OK(zmq_connect(xpub, c.endpoint));
    test_send_strings(xpub, "no", NULL);
    test_send_strings(xpub, "topic", NULL);
    test_expect_strings(sub, "topic", NULL);
    CHECK_ERRNO(zmq_recv(xpub, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    cast_close(&c);
}

/* In the middle of messages, of which it gets whole ones alone. */
static inline void cast_late_subscriber_hears_what_follows(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *first = cast_subscriber(&c, ""), *pub = cast_publisher(&c), *late = NULL;

    for (unsigned i = 0; i < 40; i++) {
        if (i == 20)
            late = cast_subscriber(&c, "");
        send_filled(pub, 5000 + i, i, ZMQ_SNDMORE);
        send_filled(pub, i, i, 0);
        expect_filled(first, 5000 + i, i, 1);
        expect_filled(first, i, i, 0);
    }
    uint8_t *p = malloc(6000), *want = malloc(6000);
    int size = zmq_recv(late, p, 6000, 0);
    CHECK(size >= 5020 && size < 5040, "%d", size);
    for (int i = size - 5000; i < 40; i++) {
        fill(want, (size_t)size, (unsigned)i);
        CHECK_EQ(size, 5000 + i);
        CHECK_MEM(p, want, (size_t)size);
        CHECK_EQ(test_get_int(late, ZMQ_RCVMORE), 1);
        expect_filled(late, (size_t)i, (unsigned)i, 0);
        if (i < 39)
            size = zmq_recv(late, p, 6000, 0);
    }
    free(p);
    free(want);
    cast_close(&c);
}

/* Which publisher's message it was: the next of that one. */
static inline unsigned expect_whole(void *sub, const unsigned *next, unsigned frames)
{
    uint8_t first[701], frame[701];

    CHECK_EQ(zmq_recv(sub, first, sizeof first, 0), 700);
    CHECK_EQ(first[1], next[first[0]], "publisher %u", first[0]);
    CHECK_EQ(first[2], 0);
    for (unsigned f = 1; f < frames; f++) {
        CHECK_EQ(test_get_int(sub, ZMQ_RCVMORE), 1);
        CHECK_EQ(zmq_recv(sub, frame, sizeof frame, 0), 700);
        CHECK_EQ(frame[0], first[0]);
        CHECK_EQ(frame[1], first[1]);
        CHECK_EQ(frame[2], f);
    }
    CHECK_EQ(test_get_int(sub, ZMQ_RCVMORE), 0);
    return first[0];
}

/* Their packets come interleaved, their messages do not. */
static inline void cast_messages_of_several_publishers_stay_whole(const char *scheme)
{
    enum { PUBLISHERS = 4, MESSAGES = 25, FRAMES = 4 };
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_subscriber(&c, ""), *pubs[PUBLISHERS];
    unsigned next[PUBLISHERS] = { 0 };

    for (unsigned p = 0; p < PUBLISHERS; p++)
        pubs[p] = cast_publisher(&c);
    for (unsigned m = 0; m < MESSAGES; m++) {
        for (unsigned f = 0; f < FRAMES; f++)
            for (unsigned p = 0; p < PUBLISHERS; p++) {
                uint8_t frame[700] = { (uint8_t)p, (uint8_t)m, (uint8_t)f };
                CHECK_OK(zmq_send(pubs[p], frame, sizeof frame,
                                  f + 1 < FRAMES ? ZMQ_SNDMORE : 0));
            }
        for (unsigned i = 0; i < PUBLISHERS; i++)
            next[expect_whole(sub, next, FRAMES)]++;
    }
    cast_close(&c);
}

/* Nobody waits: what there is no room for is dropped, whole messages of it. */
static inline void cast_publisher_never_waits(const char *scheme)
{
    enum { MESSAGES = 3000 };
    struct cast c = cast_open(scheme, SLOW);
    void *sub = cast_subscriber(&c, ""), *pub = cast_socket(&c, ZMQ_PUB);

    test_set_int(pub, ZMQ_SNDHWM, 5);
    if (strcmp(scheme, "norm") == 0)
        test_set_int(pub, ZMQ_NORM_BUFFER_SIZE, 64);
    CHECK_OK(zmq_connect(pub, c.endpoint));
    for (unsigned i = 0; i < MESSAGES; i++) {
        char frame[1000] = "";
        snprintf(frame, sizeof frame, "%u", i);
        CHECK_OK(zmq_send(pub, frame, sizeof frame, ZMQ_DONTWAIT));
    }
    long last = -1;
    for (int i = 0; i < 5; i++) {
        char frame[1001] = "";
        CHECK_EQ(zmq_recv(sub, frame, sizeof frame, 0), 1000);
        long number = strtol(frame, NULL, 10);
        CHECK(number > last && number < MESSAGES);
        last = number;
    }
    cast_close(&c);
}

/* A limit of five, and all of them come: the rest waits below. */
static inline void cast_slow_subscriber_keeps_the_order(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_socket(&c, ZMQ_SUB), *pub = cast_publisher(&c);

    test_set_int(sub, ZMQ_RCVHWM, 5);
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    CHECK_OK(zmq_connect(sub, c.endpoint));
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 60; i++)
            send_filled(pub, 50 + i * 20, i, i % 2 ? 0 : ZMQ_SNDMORE);
        for (unsigned i = 0; i < 60; i++)
            expect_filled(sub, 50 + i * 20, i, i % 2 == 0);
    }
    cast_close(&c);
}

static inline void cast_linger_sends_what_is_queued(const char *scheme)
{
    struct cast c = cast_open(scheme, 2000);
    void *sub = cast_subscriber(&c, ""), *pub = cast_publisher(&c);

    for (unsigned i = 0; i < 30; i++)
        send_filled(pub, 3000, i, 0);
    net_leave(&c.net, pub);
    for (unsigned i = 0; i < 30; i++)
        expect_filled(sub, 3000, i, 0);
    cast_close(&c);
}

/* And a linger that has an end ends. */
static inline void cast_linger_ends(const char *scheme)
{
    struct cast c = cast_open(scheme, 13);
    void *pub = cast_publisher(&c);

    for (unsigned i = 0; i < 900; i++)
        send_filled(pub, 3000, i, 0);
    test_set_int(pub, ZMQ_LINGER, 50);
    cast_close(&c);
}

static inline void cast_too_large_messages_are_dropped(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *sub = cast_socket(&c, ZMQ_SUB), *pub = cast_publisher(&c);
    int64_t limit = 1000;

    CHECK_OK(zmq_setsockopt(sub, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
    CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0));
    CHECK_OK(zmq_connect(sub, c.endpoint));
    send_filled(pub, 1000, 1, 0);
    expect_filled(sub, 1000, 1, 0);
    send_filled(pub, 5000, 2, 0);
    send_filled(pub, 7, 3, ZMQ_SNDMORE);
    send_filled(pub, 1001, 4, 0);
    /* What stands in the same packet may be lost with it. */
    char got[8] = "";
    int size;
    test_set_int(sub, ZMQ_RCVTIMEO, 20);
    do {
        test_send_strings(pub, "next", NULL);
        size = zmq_recv(sub, got, sizeof got, 0);
        CHECK(size >= 0 || errno == EAGAIN);
    } while (size < 0);
    CHECK_EQ(size, 4);
    CHECK_MEM(got, "next", 4);
    cast_close(&c);
}

static inline void cast_unbound_can_be_bound_again(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *pub = cast_publisher(&c), *sub = cast_subscriber(&c, "");
    char last[TEST_ENDPOINT];
    size_t size = sizeof last;

    CHECK_OK(zmq_getsockopt(pub, ZMQ_LAST_ENDPOINT, last, &size));
    CHECK_STR(last, c.endpoint);
    for (int i = 0; i < 3; i++) {
        test_send_strings(pub, "a", NULL);
        test_expect_strings(sub, "a", NULL);
        CHECK_OK(zmq_unbind(pub, c.endpoint));
        CHECK_ERRNO(zmq_unbind(pub, c.endpoint), ENOENT);
        CHECK_OK(zmq_send(pub, "lost", 4, 0));
        CHECK_OK(zmq_disconnect(sub, c.endpoint));
        CHECK_OK(zmq_bind(pub, c.endpoint));
        CHECK_OK(zmq_connect(sub, c.endpoint));
    }
    test_send_strings(pub, "b", NULL);
    test_expect_strings(sub, "b", NULL);
    cast_close(&c);
}

static inline void cast_tells_no_events(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);
    void *pub = cast_socket(&c, ZMQ_PUB), *monitor = net_socket(&c.net, ZMQ_PAIR);
    void *sub = cast_subscriber(&c, "");

    CHECK_OK(zmq_socket_monitor(pub, "inproc://m", ZMQ_EVENT_ALL));
    CHECK_OK(zmq_connect(monitor, "inproc://m"));
    CHECK_OK(zmq_bind(pub, c.endpoint));
    test_send_strings(pub, "a", NULL);
    test_expect_strings(sub, "a", NULL);
    CHECK_OK(zmq_unbind(pub, c.endpoint));
    CHECK_ERRNO(zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    cast_close(&c);
}

static inline void cast_serves_publishers_and_subscribers_alone(const char *scheme)
{
    struct cast c = cast_open(scheme, FAST);

    for (int type = ZMQ_PAIR; type <= ZMQ_CHANNEL; type++) {
        if (type == ZMQ_PUB || type == ZMQ_SUB || type == ZMQ_XPUB || type == ZMQ_XSUB)
            continue;
        void *s = net_socket(&c.net, type);
        CHECK_ERRNO(zmq_bind(s, c.endpoint), ENOCOMPATPROTO);
        CHECK_ERRNO(zmq_connect(s, c.endpoint), ENOCOMPATPROTO);
    }
    cast_close(&c);
}

/* Bind and connect, to send and to receive, alike. */
static inline void cast_refuses(struct cast *c, const char *endpoint, int err)
{
    static const int types[] = { ZMQ_PUB, ZMQ_SUB };

    for (int i = 0; i < 4; i++) {
        void *s = test_socket(c->net.ctx, types[i & 1]);
        errno = 0;
        CHECK_EQ(i & 2 ? zmq_bind(s, endpoint) : zmq_connect(s, endpoint), -1, "%s",
                 endpoint);
        CHECK_EQ(errno, err, "%s", endpoint);
        CHECK_OK(zmq_close(s));
    }
}

/* value is refused by whoever sends (1), receives (2), or both (3), at endpoint. */
static inline void cast_refuses_option(struct cast *c, int option, int value, int by)
{
    static const int types[] = { ZMQ_PUB, ZMQ_SUB };

    for (int i = 0; i < 2; i++) {
        void *s = test_socket(c->net.ctx, types[i]);
        test_set_int(s, option, value);
        errno = 0;
        int rc = zmq_connect(s, c->endpoint);
        CHECK_EQ(rc, by & (1 << i) ? -1 : 0, "option %d, %d", option, value);
        CHECK_EQ(errno, rc < 0 ? EINVAL : errno, "option %d, %d", option, value);
        CHECK_OK(zmq_close(s));
    }
}

#define CAST_TESTS(scheme)                                                          \
    TEST(scheme##_carries_frames_of_all_sizes)                                      \
    {                                                                               \
        cast_carries_frames_of_all_sizes(#scheme);                                  \
    }                                                                               \
    TEST(scheme##_batches_stay_in_order)                                            \
    {                                                                               \
        cast_batches_stay_in_order(#scheme);                                        \
    }                                                                               \
    TEST(scheme##_subscribers_filter)                                               \
    {                                                                               \
        cast_subscribers_filter(#scheme);                                           \
    }                                                                               \
    TEST(scheme##_xpub_sends_to_all_and_hears_nobody)                               \
    {                                                                               \
        cast_xpub_sends_to_all_and_hears_nobody(#scheme);                           \
    }                                                                               \
    TEST(scheme##_late_subscriber_hears_what_follows)                               \
    {                                                                               \
        cast_late_subscriber_hears_what_follows(#scheme);                           \
    }                                                                               \
    TEST(scheme##_messages_of_several_publishers_stay_whole)                        \
    {                                                                               \
        cast_messages_of_several_publishers_stay_whole(#scheme);                    \
    }                                                                               \
    TEST(scheme##_publisher_never_waits)                                            \
    {                                                                               \
        cast_publisher_never_waits(#scheme);                                        \
    }                                                                               \
    TEST(scheme##_slow_subscriber_keeps_the_order)                                  \
    {                                                                               \
        cast_slow_subscriber_keeps_the_order(#scheme);                              \
    }                                                                               \
    TEST(scheme##_linger_sends_what_is_queued)                                      \
    {                                                                               \
        cast_linger_sends_what_is_queued(#scheme);                                  \
    }                                                                               \
    TEST(scheme##_linger_ends)                                                      \
    {                                                                               \
        cast_linger_ends(#scheme);                                                  \
    }                                                                               \
    TEST(scheme##_too_large_messages_are_dropped)                                   \
    {                                                                               \
        cast_too_large_messages_are_dropped(#scheme);                               \
    }                                                                               \
    TEST(scheme##_unbound_can_be_bound_again)                                       \
    {                                                                               \
        cast_unbound_can_be_bound_again(#scheme);                                   \
    }                                                                               \
    TEST(scheme##_tells_no_events)                                                  \
    {                                                                               \
        cast_tells_no_events(#scheme);                                              \
    }                                                                               \
    TEST(scheme##_serves_publishers_and_subscribers_alone)                          \
    {                                                                               \
        cast_serves_publishers_and_subscribers_alone(#scheme);                      \
    }

#endif

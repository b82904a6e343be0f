/* api.h - what the tests of zmq.h share: sockets with bounded waits, messages
 * as strings, and a monitor to wait on.
 *
 * Threads  As zmq.h; nothing here keeps state.
 * Failure  Every helper ends the test when its call fails, unless it returns int
 *          "like zmq_x". Waits last at most PATIENCE ms: a bound, never a pace. */

#ifndef TESTS_API_H
#define TESTS_API_H

#include "src/base/base.h"
#include "tests/test.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* A child of a process whose other threads may be inside the sanitizer's own allocator waits
 * for them for ever, if it goes on to use it; glibc's takes care of that. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define API_NO_LIFE_AFTER_FORK
#endif
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define API_NO_LIFE_AFTER_FORK
#endif

enum { ENDPOINT_MAX = 300 };

#define PATIENCE (10000 * test_patience())

/* call must return -1 (or NULL cast to long) with errno want. */
#define REFUSED(call, want, ...)                                                \
    do {                                                                        \
        errno = 0;                                                              \
        CHECK_EQ((call), -1, __VA_ARGS__);                                      \
        CHECK_EQ(errno, (want), __VA_ARGS__);                                   \
    } while (0)

static inline long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void *open_ctx(void)
{
    void *ctx = zmq_ctx_new();

    CHECK(ctx != NULL);
    return ctx;
}

static inline void *open_socket(void *ctx, int type)
{
    void *s = test_socket(ctx, type);             /* LINGER 0 */

    test_set_int(s, ZMQ_RCVTIMEO, PATIENCE);
    test_set_int(s, ZMQ_SNDTIMEO, PATIENCE);
    return s;
}

static inline void close_socket(void *s)
{
    CHECK_EQ(zmq_close(s), 0, "close");
}

static inline void end_ctx(void *ctx)
{
    CHECK_EQ(zmq_ctx_term(ctx), 0, "term");
}

/* Binds s to address (wildcards allowed) and reports where that is. */
static inline void bind_to(void *s, const char *address, char endpoint[ENDPOINT_MAX])
{
    size_t len = ENDPOINT_MAX;

    CHECK_EQ(zmq_bind(s, address), 0, "bind %s", address);
    CHECK_EQ(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &len), 0, "%s", address);
}

static inline void connect_to(void *s, const char *endpoint)
{
    CHECK_EQ(zmq_connect(s, endpoint), 0, "connect %s", endpoint);
}

/* The transports on which every pattern must behave alike. */
#if defined(ZN_FAULTS) && defined(__linux__)
static const char *const each_transport[] = { "tcp://127.0.0.1:*", "ipc://*",
                                              "inproc://x", "ws://127.0.0.1:*",
                                              "shm://*" };
#else
static const char *const each_transport[] = { "tcp://127.0.0.1:*", "ipc://*",
                                              "inproc://x", "ws://127.0.0.1:*" };
#endif
enum { TRANSPORTS = sizeof each_transport / sizeof each_transport[0] };

static inline void send_flags(void *s, const char *text, int flags)
{
    CHECK_EQ(zmq_send(s, text, strlen(text), flags), (int)strlen(text), "send '%s'",
             text);
}

static inline void send_text(void *s, const char *text)
{
    send_flags(s, text, 0);
}

/* Receives one frame and compares it, and whether more follow. */
static inline void expect_flags(void *s, const char *text, int more)
{
    char got[512];
    int n = zmq_recv(s, got, sizeof got - 1, 0);

    CHECK_EQ(n, (int)strlen(text), "waiting for '%s'", text);
    got[n] = 0;
    CHECK(memcmp(got, text, (size_t)n) == 0);
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), more, "more after '%s'", text);
}

static inline void expect_text(void *s, const char *text)
{
    expect_flags(s, text, 0);
}

/* Waits until every event asked for is there at once. */
static inline void wait_events(void *s, short events)
{
    zmq_pollitem_t item = { s, 0, events, 0 };
    long end = now_ms() + PATIENCE;

    do
        CHECK(zmq_poll(&item, 1, PATIENCE) >= 0 && now_ms() < end);
    while ((item.revents & events) != events);
}

struct event {
    int id;
    uint32_t value;
    char endpoint[ENDPOINT_MAX];
};

static inline void *open_monitor(void *ctx, void *s, int mask)
{
    static int count;
    char name[64];
    void *pair = open_socket(ctx, ZMQ_PAIR);

    snprintf(name, sizeof name, "inproc://monitor-%d", count++);
    CHECK_EQ(zmq_socket_monitor(s, name, mask), 0, "monitor");
    connect_to(pair, name);
    return pair;
}

static inline struct event next_event(void *monitor)
{
    struct event e = { 0 };
    unsigned char frame[6];
    uint16_t id;

    CHECK_EQ(zmq_recv(monitor, frame, sizeof frame, 0), 6, "event");
    memcpy(&id, frame, 2);
    memcpy(&e.value, frame + 2, 4);
    e.id = id;
    int n = zmq_recv(monitor, e.endpoint, sizeof e.endpoint - 1, 0);
    CHECK(n >= 0 && test_get_int(monitor, ZMQ_RCVMORE) == 0);
    return e;
}

/* Skips events until one of id comes. */
static inline struct event wait_event(void *monitor, int id)
{
    struct event e;

    do
        e = next_event(monitor);
    while (e.id != id);
    return e;
}

/* kB of this process, by the name of a /proc/self/status row. */
static inline long proc_kb(const char *row)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");

    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, row, strlen(row)) == 0)
            kb = strtol(line + strlen(row) + 1, NULL, 10);
    fclose(f);
    return kb;
}

#endif

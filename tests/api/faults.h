/* api/faults.h - scripts of sockets that go on while calls of the library fail; see
 * faults_test.c.
 *
 * Failure  A call that fails for want of memory, descriptors or the like is made again.
 *          Any other errno ends the test, and so does one that never succeeds. */
#ifndef TESTS_API_FAULTS_H
#define TESTS_API_FAULTS_H

#include "tests/faults.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

/* One run of a scenario. */
struct net {
    void *ctx;
    const char *transport;
    char endpoint[TEST_ENDPOINT];        /* of the last bind */
    unsigned seq;                        /* of the last message */
};

/* What is sent: one small frame; several, an empty one among them; one of 100 KiB. */
enum { SMALL, PARTS, LARGE, SHAPES };

/* Makes the call until it succeeds. */
#define KEEP(call)                           \
    while ((call) == -1 && net_again(#call)) \
    continue
/* The same, but EAGAIN is an answer. */
#define KEEP_TRYING(call)                                       \
    while ((call) == -1 && errno != EAGAIN && net_again(#call)) \
    continue

static bool net_sticky;                  /* calls fail until enough have */
enum { STRIKES = 4, TRIES = 60, WAITS = 3000 };

static inline bool net_struck(void)
{
    return faults_struck() > 0;
}

static inline void net_calm(void)
{
    if (net_sticky && faults_struck() >= STRIKES)
        faults_disarm();
}

static inline bool net_again(const char *what)
{
    static const int sane[] = { ENOMEM, EMFILE,  EAGAIN,       EADDRINUSE,
                                EINVAL, ENOBUFS, EHOSTUNREACH, ENODEV };
    static const char *last;
    static int tries;
    int error = errno;
    bool known = false;

    for (size_t i = 0; i < sizeof sane / sizeof sane[0]; i++)
        known |= sane[i] == error;
    CHECK(known, "%s: %s (%s)", what, zmq_strerror(error), faults_site());
    tries = what == last ? tries + 1 : 0;
    last = what;
    CHECK(tries < TRIES, "%s: again and again %s (%s)", what, zmq_strerror(error),
          faults_site());
    net_calm();
    if (error == EHOSTUNREACH || error == EAGAIN) {
        struct timespec t = { 0, 1000000 };
        nanosleep(&t, NULL);             /* until the peer is back */
    }
    return true;
}

/* What should have come has not, yet. */
static inline void net_wait_more(int *waits)
{
    net_calm();
    if (*waits > 5)
        faults_disarm();
    CHECK(++*waits < WAITS, "what was sent never arrives");
}

/* ---- Sockets. */

static inline void net_set(void *s, int option, int value)
{
    KEEP(zmq_setsockopt(s, option, &value, sizeof value));
}

static inline void *net_socket(struct net *net, int type)
{
    void *s;

    while ((s = zmq_socket(net->ctx, type)) == NULL && net_again("zmq_socket"))
        continue;
    net_set(s, ZMQ_LINGER, 0);
    net_set(s, ZMQ_RECONNECT_IVL, 1);
    net_set(s, ZMQ_RCVTIMEO, 2 * test_patience());
    net_set(s, ZMQ_SNDTIMEO, 100 * test_patience());
    return s;
}

static inline void net_close(void *s)
{
    CHECK_OK(zmq_close(s));
}

static inline void net_bind(struct net *net, void *s)
{
    size_t size = TEST_ENDPOINT;

    test_endpoint(net->transport, net->endpoint);
    KEEP(zmq_bind(s, net->endpoint));
    CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, net->endpoint, &size));
}

static inline void net_connect(struct net *net, void *s)
{
    KEEP(zmq_connect(s, net->endpoint));
}

static inline bool net_more(void *s)
{
    int more = 0;
    size_t size = sizeof more;

    CHECK_OK(zmq_getsockopt(s, ZMQ_RCVMORE, &more, &size));
    return more;
}

/* ---- Messages: "T", the number, the shape; then bytes that follow from those. */

enum { FRAME_MAX = 100 * 1024 };

/* Fills in a frame of a message; *size says how long it is. False: it was the last. */
static inline bool net_frame(int shape, unsigned seq, int i, char *buf, size_t *size)
{
    static const size_t parts[] = { 12, 0, 300, 2000 };

    *size = shape == SMALL ? 12 : shape == LARGE ? FRAME_MAX : parts[i];
    memset(buf, (int)('a' + (seq + (unsigned)i) % 26), *size);
    if (i == 0) {
        char head[16];
        snprintf(head, sizeof head, "T%09u%d.", seq, shape);
        memcpy(buf, head, 12);
    }
    return shape == PARTS && i < 3;
}

static inline void net_send(void *s, int shape, unsigned seq)
{
    static char buf[FRAME_MAX];
    size_t size;
    bool more = true;

    for (int i = 0; more; i++) {
        more = net_frame(shape, seq, i, buf, &size);
        KEEP(zmq_send(s, buf, size, more ? ZMQ_SNDMORE : 0));
    }
}

/* What the library says of its own accord: a hello, a notice, a probe. */
static inline bool net_is_word(zmq_msg_t *m)
{
    const char *p = zmq_msg_data(m);

    return zmq_msg_size(m) < 12 || p[0] != 'T' || p[1] < '0' || p[1] > '9';
}

/* The rest of a message, which must be whole: its shape. */
static inline int net_recv_rest(void *s, unsigned *seq, zmq_msg_t *first)
{
    static char want[FRAME_MAX];
    const char *p = zmq_msg_data(first);
    size_t size;
    int shape = p[10] - '0';

    *seq = (unsigned)(strtoul(p + 1, NULL, 10) / 10);
    for (int i = 0;; i++) {
        bool more = net_frame(shape, *seq, i, want, &size);
        CHECK_EQ(zmq_msg_size(first), size, "frame %d", i);
        CHECK_MEM(zmq_msg_data(first), want, size);
        CHECK_EQ(zmq_msg_more(first), more, "frame %d", i);
        if (!more)
            return shape;
        KEEP(zmq_msg_recv(first, s, 0));
    }
}

/* Receives one message, words apart: its shape, or -1 if none came. */
static inline int net_recv(void *s, unsigned *seq)
{
    zmq_msg_t m;
    int n;

    net_calm();
    CHECK_OK(zmq_msg_init(&m));
    do
        KEEP_TRYING(n = zmq_msg_recv(&m, s, 0));
    while (n >= 0 && net_is_word(&m));
    if (n >= 0)
        n = net_recv_rest(s, seq, &m);
    CHECK_OK(zmq_msg_close(&m));
    return n;
}

/* Sends from one to the other until it arrives. */
static inline void net_converse(struct net *net, void *from, void *to, int shape)
{
    unsigned seq = ++net->seq, got = 0;
    int waits = 0;

    while (got != seq) {
        net_send(from, shape, seq);
        if (net_recv(to, &got) < 0)
            net_wait_more(&waits);
    }
}

/* A ROUTER's: the id of the next message's sender; 0 if none comes. */
static inline size_t net_recv_id(void *router, char id[256])
{
    zmq_msg_t m;
    int n;

    CHECK_OK(zmq_msg_init(&m));
    KEEP_TRYING(n = zmq_msg_recv(&m, router, 0));
    if (n >= 0) {
        CHECK(n > 0 && n <= 255 && zmq_msg_more(&m), "an id of %d bytes", n);
        memcpy(id, zmq_msg_data(&m), (size_t)n);
    }
    CHECK_OK(zmq_msg_close(&m));
    return n < 0 ? 0 : (size_t)n;
}

/* One message of a peer's, or a notice; false if none comes. */
static inline bool net_recv_routed(void *router, char id[256], size_t *id_size,
                                   unsigned *seq)
{
    zmq_msg_t m;

    *seq = 0;
    *id_size = net_recv_id(router, id);
    if (*id_size == 0)
        return false;
    CHECK_OK(zmq_msg_init(&m));
    KEEP(zmq_msg_recv(&m, router, 0));
    if (!net_is_word(&m))
        net_recv_rest(router, seq, &m);
    CHECK_OK(zmq_msg_close(&m));
    return true;
}

/* The client's message goes to the ROUTER and comes back. Connections may be lost. */
static inline void net_echo(struct net *net, void *client, void *router, int shape)
{
    unsigned seq = ++net->seq, got = 0;
    char id[256];
    size_t id_size;
    int waits = 0;

    while (got != seq) {
        net_send(client, shape, seq);
        while (net_recv_routed(router, id, &id_size, &got) && got != seq)
            continue;
        if (got == seq) {
            int rc;

            got = 0;
/* That connection may be gone, and its name with it. */
            while ((rc = zmq_send(router, id, id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT)) ==
                       -1 &&
                   errno != EAGAIN && errno != EHOSTUNREACH && net_again("zmq_send"))
                continue;
            if (rc >= 0)
                net_send(router, shape, seq);
            while (net_recv(client, &got) >= 0 && got != seq)
                continue;
        }
        if (got != seq)
            net_wait_more(&waits);
    }
}

/* ---- Runs. */

typedef void scenario(struct net *net);

static inline void net_run(scenario *body, const char *transport)
{
    struct net net = { .transport = transport };

    while ((net.ctx = zmq_ctx_new()) == NULL && net_again("zmq_ctx_new"))
        continue;
    body(&net);
    faults_disarm();
    CHECK_OK(zmq_ctx_term(net.ctx));
}

/* Faults gone, all is as ever. */
static inline void net_check_sane(const char *transport)
{
    struct net net = { .ctx = zmq_ctx_new(), .transport = transport };
    void *a = net_socket(&net, ZMQ_PAIR), *b = net_socket(&net, ZMQ_PAIR);

    net_bind(&net, a);
    net_connect(&net, b);
    net_converse(&net, a, b, PARTS);
    net_close(a);
    net_close(b);
    CHECK_OK(zmq_ctx_term(net.ctx));
}

/* All of the first, then some. Failures that last reach the same places again and again:
 * some are enough. */
static inline uint64_t net_stride(uint64_t n, uint64_t total)
{
    enum { ALL = 200, SOME = 40 };

    if (net_sticky)
        return n < 10 ? 1 : 3;
    return n < ALL ? 1 : 1 + (total > ALL ? total - ALL : 0) / SOME;
}

static inline void net_hunt(scenario *body, const char *transport,
                            enum zn_fault_kind kind, bool sticky)
{
    uint64_t total, struck, n = 1;
    int fds = test_count_fds();

    net_sticky = sticky;
    faults_arm(kind, 0);
    net_run(body, transport);
    total = faults_count(kind);
    fprintf(stderr, "%s: %d calls\n", transport, (int)total);
    do {
        fprintf(stderr, "%s %s %d\n", transport,
                kind == ZN_FAULT_ALLOC ? "alloc" : "call", (int)n);
        if (sticky)
            faults_arm_from(kind, n);
        else
            faults_arm(kind, n);
        net_run(body, transport);
        struck = faults_struck();
        CHECK_EQ(test_count_fds(), fds, "descriptors left (%s)", faults_site());
        n += net_stride(n, total);
    } while (struck > 0 || n <= total);
    net_check_sane(transport);
}

static const char *const net_everywhere[] = { "inproc", "ipc", "tcp", NULL };
static const char *const net_connections[] = { "ipc", "tcp", NULL };
static const char *const net_tcp_only[] = { "tcp", NULL };
#define EVERYWHERE net_everywhere
#define CONNECTIONS net_connections
#define TCP_ONLY net_tcp_only

static inline void net_hunt_all(scenario *body, const char *const *transports,
                                enum zn_fault_kind kind, bool sticky)
{
    (void)net_everywhere, (void)net_connections, (void)net_tcp_only;
    for (; *transports != NULL; transports++)
        if (!sticky || strcmp(*transports, "ipc") != 0)
            net_hunt(body, *transports, kind, sticky);
}

#define FAULT_TEST(name, text, transports, kind, sticky)       \
    TEST_TIMEOUT(name##_##text, 60)                            \
    {                                                          \
        net_hunt_all(name, transports, kind, sticky);          \
    }
/* One process for each kind of failure. */
#define FAULT_TESTS(name, transports)                                                \
    FAULT_TEST(name, without_an_allocation, transports, ZN_FAULT_ALLOC, false)       \
    FAULT_TEST(name, without_memory_for_a_while, transports, ZN_FAULT_ALLOC, true)   \
    FAULT_TEST(name, without_a_system_call, transports, ZN_FAULT_CALL, false)        \
    FAULT_TEST(name, without_the_system_for_a_while, transports, ZN_FAULT_CALL, true)

#endif

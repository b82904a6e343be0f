/* tests/core/carrier_test.c - carriers, by a transport made for it: a message is a datagram
 * of a pair of local sockets, of which the test has the other one. */
#include "core/carrier.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "core/transport.h"
#include "tests/test.h"

#define PATIENCE (10000 * test_patience())

/* What the transport is told to do, and what it has done. */
static struct {
    int fd;                              /* the test's side */
    int open_error;
    _Atomic int send_result;             /* for every frame; 0: it goes out */
    _Atomic int read_result;             /* for every read, once something has come */
    _Atomic bool keeps;                  /* what is sent goes out by flush */
    _Atomic bool stuck;                  /* flush gets nothing out */
    _Atomic int opened, closed, flushes, timers;
    _Atomic uint64_t timer;              /* nanoseconds from each read or send; 0: none */
} fake;

struct carrier {
    struct zn_carrier base;
    int fd;
    char kept[16][64];
    int kept_count;
};

static int open_pair(struct zn_carrier *c, const char *address, char *last)
{
    struct carrier *f = (struct carrier *)c;
    int pair[2];

    CHECK_STR(address, "address");
    CHECK_STR(last, "fake://address");
    snprintf(last, ZN_ENDPOINT_MAX, "fake://told");
    fake.opened++;
    f->fd = -1;
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair));
    fake.fd = pair[0];
    f->fd = pair[1];
    zn_carrier_add_fd(c, f->fd);
    return fake.open_error;
}

static void set_timer(struct zn_carrier *c)
{
    if (fake.timer != 0)
        zn_carrier_set_timer(c, zn_now() + fake.timer);
}

static int read_pair(struct zn_carrier *c)
{
    struct carrier *f = (struct carrier *)c;
    char bytes[64];

    set_timer(c);
    fake.timers++;
    if (!zn_carrier_room(c))
        return 0;
    ssize_t n = recv(f->fd, bytes, sizeof(bytes), 0);
    if (n < 0)
        return 0;
    struct zn_frame frame = { .data = (uint8_t *)bytes, .size = (size_t)n };
    CHECK_EQ(zn_carrier_deliver(c, &frame, 1), 0);
    return fake.read_result < 0 ? fake.read_result : 1;
}

static int send_pair(struct zn_carrier *c, const struct zn_frame *frame)
{
    struct carrier *f = (struct carrier *)c;

    set_timer(c);
    if (fake.send_result < 0)
        return fake.send_result;
    if (fake.keeps) {
        CHECK(f->kept_count < 16 && frame->size < 64);
        memcpy(f->kept[f->kept_count], frame->data, frame->size);
        f->kept[f->kept_count++][frame->size] = '\0';
        return 0;
    }
    return send(f->fd, frame->data, frame->size, 0) < 0 ? -EAGAIN : 0;
}

static int flush_pair(struct zn_carrier *c)
{
    struct carrier *f = (struct carrier *)c;

    fake.flushes++;
    set_timer(c);
    if (f->kept_count > 0 && fake.stuck)
        return -EAGAIN;
    for (int i = 0; i < f->kept_count; i++)
        CHECK_OK(send(f->fd, f->kept[i], strlen(f->kept[i]), 0));
    f->kept_count = 0;
    return 0;
}

static bool unsent_pair(struct zn_carrier *c)
{
    return ((struct carrier *)c)->kept_count > 0;
}

static void close_pair(struct zn_carrier *c)
{
    fake.closed++;
    close(((struct carrier *)c)->fd);
}

static const struct zn_carrier_ops both_ways = {
    .size = sizeof(struct carrier),
    .open = open_pair,
    .read = read_pair,
    .send = send_pair,
    .flush = flush_pair,
    .unsent = unsent_pair,
    .close = close_pair,
};

static const struct zn_carrier_ops in_only = {
    .size = sizeof(struct carrier),
    .open = open_pair,
    .read = read_pair,
    .close = close_pair,
};

static const struct zn_transport transport = { .scheme = "fake" };

static int start_with(void *socket, const struct zn_carrier_ops *ops, bool bound)
{
    struct zn_socket *s;
    char last[ZN_ENDPOINT_MAX] = "fake://address";

    CHECK_EQ(zn_handle_lock(socket, &s), 0);
    int rc = zn_carrier_start(s, &transport, ops, "fake://address", bound, last);
    zn_socket_unlock(s);
    return rc;
}

static void *open_socket(void *ctx, int type)
{
    void *s = test_socket(ctx, type);

    test_set_int(s, ZMQ_RCVTIMEO, PATIENCE);
    test_set_int(s, ZMQ_SNDTIMEO, PATIENCE);
    return s;
}

/* What zmq_unbind and zmq_disconnect do; no scheme of that name is registered. */
static void stop(void *socket)
{
    struct zn_socket *s;

    CHECK_EQ(zn_handle_lock(socket, &s), 0);
    CHECK(!zn_list_empty(&s->routes));
    zn_route_close(ZN_CONTAINER(s->routes.next, struct zn_route, link));
    zn_socket_unlock(s);
}

static void expect(const char *text)
{
    struct pollfd p = { fake.fd, POLLIN, 0 };
    char got[64] = "";

    CHECK_EQ(CHECK_OK(poll(&p, 1, PATIENCE)), 1, "\"%s\" does not come", text);
    CHECK_OK(recv(fake.fd, got, sizeof(got) - 1, 0));
    CHECK_STR(got, text);
}

static void end(void *ctx)
{
    CHECK_OK(zmq_ctx_term(ctx));
    CHECK_EQ(fake.closed, fake.opened);
    close(fake.fd);
}

static bool is_closed(void *arg)
{
    (void)arg;
    return fake.closed == fake.opened;
}

/* ---- Both ways. */

TEST(carrier_takes_messages_both_ways)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_DEALER);

    CHECK_EQ(start_with(s, &both_ways, true), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(zmq_send(s, "out", 3, 0));
        expect("out");
        CHECK_OK(send(fake.fd, "in", 2, 0));
        test_expect_strings(s, "in", NULL);
    }
    CHECK(fake.flushes >= 3);
    CHECK_OK(zmq_close(s));
    end(ctx);
}

/* Nobody can subscribe by a carrier. */
TEST(publishers_send_everything_to_a_carrier)
{
    static const struct {
        int type, manual;
    } cases[] = { { ZMQ_PUB, 0 }, { ZMQ_XPUB, 0 }, { ZMQ_XPUB, 1 }, { ZMQ_RADIO, 0 } };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = zmq_ctx_new(), *s = open_socket(ctx, cases[i].type);
        char byte;
        if (cases[i].manual)
            test_set_int(s, ZMQ_XPUB_MANUAL, 1);
        CHECK_EQ(start_with(s, &both_ways, true), 0);
        CHECK_OK(zmq_send(s, "news", 4, 0));
        if (cases[i].type == ZMQ_RADIO)
            expect("");                  /* the group */
        expect("news");
        stop(s);
        CHECK_OK(zmq_send(s, "nobody", 6, 0));
        if (cases[i].type == ZMQ_XPUB)
            CHECK_ERRNO(zmq_recv(s, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
        CHECK_OK(zmq_close(s));
        CHECK_OK(zmq_ctx_term(ctx));
        CHECK_EQ(fake.closed, fake.opened);
        CHECK_EQ(recv(fake.fd, &byte, 1, 0), -1, "nothing else was sent");
        close(fake.fd);
    }
}

TEST(subscriptions_are_thrown_away_where_nothing_is_sent)
{
    static const int types[] = { ZMQ_SUB, ZMQ_XSUB };
    char topic[16], byte;

    for (size_t t = 0; t < ZN_COUNT(types); t++) {
        void *ctx = zmq_ctx_new(), *s = open_socket(ctx, types[t]);
        CHECK_EQ(start_with(s, &in_only, false), 0);
        for (int i = 0; i < 3000; i++) {
            int n = snprintf(topic, sizeof(topic), "%ctopic%d",
                             types[t] == ZMQ_SUB ? ' ' : 1, i);
            if (types[t] == ZMQ_SUB)
                CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic + 1, (size_t)n - 1));
            else
                CHECK_OK(zmq_send(s, topic, (size_t)n, 0));
        }
        CHECK_OK(send(fake.fd, "no", 2, 0));
        CHECK_OK(send(fake.fd, "topic2999!", 10, 0));
        if (types[t] == ZMQ_XSUB)
            test_expect_strings(s, "no", NULL);
        test_expect_strings(s, "topic2999!", NULL);
        if (types[t] == ZMQ_SUB) {
            CHECK_EQ(start_with(s, &in_only, false), 0, "once is enough");
            CHECK_EQ(fake.opened, 1);
        }
        CHECK_OK(zmq_close(s));
        CHECK_OK(zmq_ctx_term(ctx));
        CHECK_EQ(recv(fake.fd, &byte, 1, 0), -1);
        close(fake.fd);
    }
}

/* At the mark it is not read; once there is room it is, without anything new coming. */
TEST(carrier_is_read_as_far_as_there_is_room)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PULL);
    char byte;

    test_set_int(s, ZMQ_RCVHWM, 2);
    CHECK_EQ(start_with(s, &in_only, true), 0);
    for (char i = 'a'; i <= 'h'; i++)
        CHECK_OK(send(fake.fd, &i, 1, 0));
    for (char i = 'a'; i <= 'h'; i++) {
        CHECK_EQ(CHECK_OK(zmq_recv(s, &byte, 1, 0)), 1);
        CHECK_EQ(byte, i);
    }
    CHECK_OK(zmq_close(s));
    end(ctx);
}

/* ---- Waiting to send. */

static bool has_fired(void *arg)
{
    (void)arg;
    return fake.timers >= 5;
}

TEST(carrier_tries_again_when_its_timer_fires)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PUSH);

    fake.timer = 2 * ZN_MS;
    fake.send_result = -EAGAIN;
    CHECK_EQ(start_with(s, &both_ways, true), 0);
    CHECK_OK(zmq_send(s, "late", 4, 0));
    test_wait_until(has_fired, NULL, 10);
    fake.send_result = 0;
    expect("late");
    CHECK_OK(zmq_close(s));
    end(ctx);
}

static bool has_flushed(void *arg)
{
    (void)arg;
    return fake.flushes >= 3;
}

/* What the transport has kept counts as unsent. */
TEST(carrier_lingers_for_what_its_transport_keeps)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PUSH);

    fake.timer = 2 * ZN_MS;
    fake.keeps = fake.stuck = true;
    CHECK_EQ(start_with(s, &both_ways, true), 0);
    CHECK_OK(zmq_send(s, "one", 3, 0));
    test_wait_until(has_flushed, NULL, 10);
    test_set_int(s, ZMQ_LINGER, -1);
    CHECK_OK(zmq_send(s, "two", 3, 0));
    CHECK_OK(zmq_close(s));
    fake.flushes = 0;
    test_wait_until(has_flushed, NULL, 10);
    CHECK_EQ(fake.closed, 0, "it does not linger");
    fake.stuck = false;
    expect("one");
    expect("two");
    end(ctx);
}

TEST(carrier_lingers_no_longer_than_it_may)
{
    static const int lingers[] = { 0, 30 };

    for (size_t i = 0; i < ZN_COUNT(lingers); i++) {
        void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PUSH);
        uint64_t begin = zn_now();

        fake.send_result = -EAGAIN;
        CHECK_EQ(start_with(s, &both_ways, true), 0);
        CHECK_OK(zmq_send(s, "never", 5, 0));
        test_set_int(s, ZMQ_LINGER, lingers[i]);
        CHECK_OK(zmq_close(s));
        if (lingers[i] == 0)
            CHECK_EQ(fake.closed, fake.opened, "closed at once");
        CHECK_OK(zmq_ctx_term(ctx));
        CHECK_EQ(fake.closed, fake.opened);
        CHECK(zn_now() - begin >= (uint64_t)lingers[i] * ZN_MS);
        close(fake.fd);
    }
}

/* Takes all that is there; next is the number of the first. */
static int take_numbers(int next)
{
    char got[16] = "", want[16];

    while (recv(fake.fd, got, sizeof(got) - 1, 0) > 0) {
        snprintf(want, sizeof(want), "%d", next++);
        CHECK_STR(got, want);
        memset(got, 0, sizeof(got));
    }
    return next;
}

/* A sender that is blocked by the mark goes on with the carrier, which goes on when the
 * system has room again: for a local socket that is when most of its buffer is free. */
TEST(carrier_that_was_full_lets_its_sender_go_on)
{
    enum { COUNT = 5000 };
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PUSH);
    char text[16];
    int got = 0;

    test_set_int(s, ZMQ_SNDHWM, 4);
    CHECK_EQ(start_with(s, &both_ways, true), 0);
    for (int sent = 0; sent < COUNT; sent++) {
        snprintf(text, sizeof(text), "%d", sent);
        if (zmq_send(s, text, strlen(text), ZMQ_DONTWAIT) >= 0)
            continue;
        CHECK_EQ(errno, EAGAIN);
        got = take_numbers(got);
        CHECK_OK(zmq_send(s, text, strlen(text), 0));
    }
    test_set_int(s, ZMQ_LINGER, -1);
    CHECK_OK(zmq_close(s));
    while (got < COUNT) {
        struct pollfd p = { fake.fd, POLLIN, 0 };
        CHECK_EQ(CHECK_OK(poll(&p, 1, PATIENCE)), 1, "%d came", got);
        got = take_numbers(got);
    }
    end(ctx);
}

/* ---- Ends. */

TEST(carrier_that_cannot_open_leaves_nothing)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PUSH);

    fake.open_error = -ENODEV;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(start_with(s, &both_ways, true), -ENODEV);
        CHECK_EQ(fake.closed, i + 1);
        close(fake.fd);
        CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0);
    }
    fake.open_error = 0;
    CHECK_EQ(start_with(s, &both_ways, true), 0);
    CHECK_OK(zmq_close(s));
    end(ctx);
}

/* A PAIR has one peer: a second carrier is refused, the first one stays. */
TEST(carrier_that_the_pattern_refuses_leaves_nothing)
{
    void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_PAIR);

    CHECK_EQ(start_with(s, &both_ways, true), 0);
    int first = fake.fd;
    CHECK_EQ(start_with(s, &both_ways, true), -EBUSY);
    CHECK_EQ(fake.closed, 1);
    close(fake.fd);
    fake.fd = first;
    CHECK_OK(zmq_send(s, "first", 5, 0));
    expect("first");
    CHECK_OK(zmq_close(s));
    end(ctx);
}

TEST(carrier_that_fails_ends_and_the_socket_lives_on)
{
    static const struct {
        int in, out;
    } cases[] = { { -EIO, 0 }, { 0, -EIO } };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = zmq_ctx_new(), *s = open_socket(ctx, ZMQ_DEALER);

        fake.read_result = cases[i].in;
        fake.send_result = cases[i].out;
        CHECK_EQ(start_with(s, &both_ways, true), 0);
        CHECK_OK(send(fake.fd, "last", 4, 0));
        test_expect_strings(s, "last", NULL);
        if (cases[i].out < 0)
            CHECK_OK(zmq_send(s, "x", 1, 0));
        test_wait_until(is_closed, NULL, 10);
        close(fake.fd);
        stop(s);
        fake.read_result = fake.send_result = 0;
        CHECK_EQ(start_with(s, &both_ways, true), 0);
        CHECK_OK(send(fake.fd, "next", 4, 0));
        test_expect_strings(s, "next", NULL);
        CHECK_OK(zmq_close(s));
        CHECK_OK(zmq_ctx_term(ctx));
        CHECK_EQ(fake.closed, fake.opened);
        close(fake.fd);
    }
}

/* security.h - sockets with credentials, and an authenticator that a test plays itself. */
#ifndef TESTS_API_SECURITY_H
#define TESTS_API_SECURITY_H

#include "tests/api/api.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

struct key_pair {
    char public_key[41], secret_key[41];
};

static inline struct key_pair new_keys(void)
{
    struct key_pair k;
    CHECK_OK(zmq_curve_keypair(k.public_key, k.secret_key));
    return k;
}

static inline void set_text(void *s, int option, const char *text)
{
    CHECK_OK(zmq_setsockopt(s, option, text, strlen(text)));
}

static inline bool has_mechanism(int mechanism)
{
    return mechanism == ZMQ_CURVE ? zmq_has("curve") : mechanism < ZMQ_CURVE;
}

/* A pair of sockets that suit each other. */
static inline void secure(int mechanism, void *server, void *client)
{
    switch (mechanism) {
    case ZMQ_PLAIN:
        test_set_int(server, ZMQ_PLAIN_SERVER, 1);
        set_text(client, ZMQ_PLAIN_USERNAME, "bob");
        set_text(client, ZMQ_PLAIN_PASSWORD, "secret");
        break;
    case ZMQ_CURVE: {
        struct key_pair s = new_keys(), c = new_keys();
        test_set_int(server, ZMQ_CURVE_SERVER, 1);
        set_text(server, ZMQ_CURVE_SECRETKEY, s.secret_key);
        set_text(client, ZMQ_CURVE_SERVERKEY, s.public_key);
        set_text(client, ZMQ_CURVE_PUBLICKEY, c.public_key);
        set_text(client, ZMQ_CURVE_SECRETKEY, c.secret_key);
        break;
    }
    default:
        break;
    }
}

/* ---- The authenticator: a socket that the test reads and answers itself. */

static inline void *open_zap(void *ctx)
{
    void *zap = open_socket(ctx, ZMQ_REP);
    CHECK_OK(zmq_bind(zap, ZAP_ENDPOINT));
    return zap;
}

static inline void expect_request(void *zap, const char *domain, const char *address,
                                  const char *id, const char *mechanism)
{
    expect_flags(zap, "1.0", 1);
    expect_flags(zap, "1", 1);
    expect_flags(zap, domain, 1);
    expect_flags(zap, address, 1);
    expect_flags(zap, id, 1);
    expect_flags(zap, mechanism, strcmp(mechanism, "NULL") != 0);
}

/* Reads one request, whatever it says. */
static inline void take_request(void *zap)
{
    char sink[256];
    do
        CHECK(zmq_recv(zap, sink, sizeof sink, 0) >= 0);
    while (test_get_int(zap, ZMQ_RCVMORE));
}

static inline void answer_with(void *zap, const char *status, const char *user,
                               const void *metadata, size_t size)
{
    send_flags(zap, "1.0", ZMQ_SNDMORE);
    send_flags(zap, "1", ZMQ_SNDMORE);
    send_flags(zap, status, ZMQ_SNDMORE);
    send_flags(zap, "text", ZMQ_SNDMORE);
    send_flags(zap, user, ZMQ_SNDMORE);
    CHECK_EQ(zmq_send(zap, metadata, size, 0), size);
}

static inline void answer(void *zap, const char *status)
{
    take_request(zap);
    answer_with(zap, status, "bob", "", 0);
}

/* ---- What a monitor tells next, connecting and retrying left aside. */

static inline struct event next_outcome(void *monitor)
{
    struct event e;
    do
        e = next_event(monitor);
    while (!(e.id & (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED)));
    return e;
}

static inline void expect_outcome(void *monitor, int id, uint32_t value, const char *what)
{
    struct event e = next_outcome(monitor);
    CHECK_EQ(e.id, id, "%s: event, of value 0x%x", what, e.value);
    if (id != ZMQ_EVENT_DISCONNECTED)
        CHECK_EQ(e.value, value, "%s: value of event 0x%x", what, id);
}

#define EXPECT_LOST(monitor, what) \
    expect_outcome(monitor, ZMQ_EVENT_DISCONNECTED, 0, what)
#define EXPECT_UP(monitor, what) \
    expect_outcome(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0, what)

/* Two sockets, each with its monitor. */
struct couple {
    void *ctx, *server, *client, *on_server, *on_client;
    char endpoint[ENDPOINT_MAX];
};

static inline struct couple open_couple(int server_type, int client_type)
{
    struct couple c = { .ctx = open_ctx() };
    c.server = open_socket(c.ctx, server_type);
    c.client = open_socket(c.ctx, client_type);
    c.on_server = open_monitor(c.ctx, c.server, ZMQ_EVENT_ALL);
    c.on_client = open_monitor(c.ctx, c.client, ZMQ_EVENT_ALL);
    return c;
}

static inline void join_couple(struct couple *c, const char *address)
{
    bind_to(c->server, address, c->endpoint);
    connect_to(c->client, c->endpoint);
}

static inline void close_couple(struct couple *c)
{
    close_socket(c->client);
    close_socket(c->server);
    close_socket(c->on_client);
    close_socket(c->on_server);
    end_ctx(c->ctx);
}

#endif

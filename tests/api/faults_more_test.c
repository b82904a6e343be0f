/* faults_more_test.c - as faults_test.c: what sockets do besides talking. Endpoints come
 * and go, servers start late and again; polls, monitors, options; STREAM; conflation. */
#include "tests/api/faults.h"

#include <poll.h>

/* ---- Endpoints. */

/* Where a server will be bound that is not there yet. */
static void plan(struct net *net)
{
    test_fixed_endpoint(net->transport, net->endpoint);
}

static void late_server(struct net *net)
{
    plan(net);
    void *push = net_socket(net, ZMQ_PUSH), *dealer = net_socket(net, ZMQ_DEALER);
    void *pull, *rep = net_socket(net, ZMQ_DEALER);
    char first[TEST_ENDPOINT];

    net_connect(net, push);
    net_send(push, PARTS, ++net->seq);
    pull = net_socket(net, ZMQ_PULL);
    KEEP(zmq_bind(pull, net->endpoint));
    net_converse(net, push, pull, LARGE);

    memcpy(first, net->endpoint, sizeof first);
    plan(net);
    KEEP(zmq_setsockopt(dealer, ZMQ_ROUTING_ID, "client", 6));
    net_connect(net, dealer);
    KEEP(zmq_setsockopt(rep, ZMQ_ROUTING_ID, "server", 6));
    KEEP(zmq_bind(rep, net->endpoint));
    net_converse(net, dealer, rep, SMALL);
    net_converse(net, rep, dealer, PARTS);
    net_close(dealer);
    net_close(rep);
    net_close(push);
    net_close(pull);
}

static void restart(struct net *net)
{
    void *client = net_socket(net, ZMQ_SUB), *server;
    plan(net);
    KEEP(zmq_setsockopt(client, ZMQ_SUBSCRIBE, "T", 1));
    net_connect(net, client);
    for (int i = 0; i < 2; i++) {
        server = net_socket(net, ZMQ_PUB);
        KEEP(zmq_bind(server, net->endpoint));
        net_converse(net, server, client, PARTS);
        net_close(server);
    }
    net_close(client);
}

/* An endpoint that was let go is free for the next one. */
static void come_and_go(struct net *net)
{
    void *server = net_socket(net, ZMQ_PULL), *client = net_socket(net, ZMQ_PUSH);

    for (int i = 0; i < 2; i++) {
        net_bind(net, server);
        net_connect(net, client);
        net_converse(net, client, server, SMALL);
        KEEP(zmq_disconnect(client, net->endpoint));
        KEEP(zmq_unbind(server, net->endpoint));
    }
    net_close(client);
    net_close(server);
}

/* A name is looked up on another thread. */
static void by_name(struct net *net)
{
    void *server = net_socket(net, ZMQ_PULL), *client = net_socket(net, ZMQ_PUSH);
    char name[TEST_ENDPOINT];

    net_bind(net, server);
    snprintf(name, sizeof name, "tcp://localhost%s", strrchr(net->endpoint, ':'));
    KEEP(zmq_connect(client, name));
    net_converse(net, client, server, SMALL);
    net_close(client);
    net_close(server);
}

static void immediate(struct net *net)
{
    void *server = net_socket(net, ZMQ_PULL), *client = net_socket(net, ZMQ_PUSH);

    net_bind(net, server);
    net_set(client, ZMQ_IMMEDIATE, 1);
    net_connect(net, client);
    net_converse(net, client, server, SMALL);
    net_converse(net, client, server, LARGE);
    net_close(client);
    net_close(server);
}

/* ---- Waiting for several. */

static void polls(struct net *net)
{
    void *a = net_socket(net, ZMQ_PAIR), *b = net_socket(net, ZMQ_PAIR), *poller;
    zmq_pollitem_t items[2] = { { .socket = b, .events = ZMQ_POLLIN },
                                { .fd = 0, .events = 0 } };
    zmq_poller_event_t event;
    int fd, waits = 0;
    size_t size = sizeof fd;
    unsigned got;

    net_bind(net, b);
    net_connect(net, a);
    net_converse(net, a, b, SMALL);
    KEEP(zmq_getsockopt(b, ZMQ_FD, &fd, &size));
    while ((poller = zmq_poller_new()) == NULL && net_again("zmq_poller_new"))
        continue;
    KEEP(zmq_poller_add(poller, b, NULL, ZMQ_POLLIN));
    KEEP(zmq_poller_add_fd(poller, fd, NULL, ZMQ_POLLIN));
    items[1] = (zmq_pollitem_t){ .fd = fd, .events = 0 };

    do {
        int ready;
        net_send(a, SMALL, ++net->seq);
        KEEP(ready = zmq_poll(items, 1 + (waits & 1), 5));
        KEEP_TRYING(zmq_poller_wait(poller, &event, 5));
        for (got = 0; got != net->seq;)
            if (net_recv(b, &got) < 0)
                break;
        if (ready == 0 || got != net->seq)
            net_wait_more(&waits);
    } while (got != net->seq);
    CHECK_OK(zmq_poller_destroy(&poller));
    net_close(a);
    net_close(b);
}

/* ---- The monitor: events are whole, and those of a new connection come. */

static bool next_event(void *monitor, int version, uint64_t *event)
{
    zmq_msg_t m;
    int n, frames = 1;

    CHECK_OK(zmq_msg_init(&m));
    KEEP_TRYING(n = zmq_msg_recv(&m, monitor, 0));
    if (n >= 0) {
        uint16_t short_event;
        CHECK_EQ(n, version == 1 ? 6 : 8, "an event's head");
        memcpy(&short_event, zmq_msg_data(&m), 2);
        *event = short_event;
        if (version == 2)
            memcpy(event, zmq_msg_data(&m), 8);
    }
    while (n >= 0 && zmq_msg_more(&m)) {
        KEEP(zmq_msg_recv(&m, monitor, 0));
        frames++;
    }
    CHECK(n < 0 || frames == (version == 1 ? 2 : 5), "an event of %d frames", frames);
    CHECK_OK(zmq_msg_close(&m));
    return n >= 0;
}

static void watch(struct net *net, int version)
{
    static const char *const name = "inproc://watch";
    void *server = net_socket(net, ZMQ_PULL), *client = net_socket(net, ZMQ_PUSH);
    void *monitor = net_socket(net, ZMQ_PAIR);
    uint64_t event;

    KEEP(zmq_socket_monitor_versioned(server, name, ZMQ_EVENT_ALL, version, ZMQ_PAIR));
    KEEP(zmq_connect(monitor, name));
    net_bind(net, server);
    net_connect(net, client);
    net_converse(net, client, server, SMALL);
    while (next_event(monitor, version, &event))
        CHECK(event != 0);
    KEEP(zmq_socket_monitor(server, NULL, 0));
    while (next_event(monitor, version, &event))
        CHECK(event != 0);
    net_converse(net, client, server, SMALL);
    net_close(monitor);
    net_close(client);
    net_close(server);
}

static void monitor_v1(struct net *net)
{
    watch(net, 1);
}

static void monitor_v2(struct net *net)
{
    watch(net, 2);
}

/* ---- Patterns with ways of their own. */

static void conflate(struct net *net)
{
    void *server = net_socket(net, ZMQ_PULL), *client = net_socket(net, ZMQ_PUSH);

    net_set(server, ZMQ_CONFLATE, 1);
    net_set(client, ZMQ_CONFLATE, 1);
    net_bind(net, server);
    net_connect(net, client);
    net_converse(net, client, server, SMALL);
    net_converse(net, client, server, LARGE);
    net_close(client);
    net_close(server);
}

static void manual(struct net *net)
{
    void *x = net_socket(net, ZMQ_XPUB), *s = net_socket(net, ZMQ_SUB);
    unsigned seq = ++net->seq, got = 0;
    int waits = 0;

    net_set(x, ZMQ_XPUB_MANUAL, 1);
    net_bind(net, x);
    KEEP(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "T", 1));
    net_connect(net, s);
    while (got != seq) {
        char notice[64];
        int n;

        KEEP_TRYING(n = zmq_recv(x, notice, sizeof notice, 0));
        if (n > 0 && notice[0] == 1)
            KEEP(zmq_setsockopt(x, ZMQ_SUBSCRIBE, "T", 1));
        net_send(x, PARTS, seq);
        if (net_recv(s, &got) < 0)
            net_wait_more(&waits);
    }
    net_close(s);
    net_close(x);
}

/* Bytes from one STREAM to another, which is known by the id that came with its notice. */
static void stream(struct net *net)
{
    void *server = net_socket(net, ZMQ_STREAM), *client = net_socket(net, ZMQ_STREAM);
    char id[256], got[16];
    int n, waits = 0;
    size_t size = sizeof id;

    net_bind(net, server);
    net_connect(net, client);
    KEEP(zmq_getsockopt(client, ZMQ_ROUTING_ID, id, &size));
    for (bool arrived = false; !arrived;) {
        int rc;
        KEEP_TRYING(rc = zmq_send(client, id, size, ZMQ_SNDMORE | ZMQ_DONTWAIT));
        if (rc >= 0)
            KEEP(zmq_send(client, "hello", 5, 0));
        do {
            char from[16];
            KEEP_TRYING(n = zmq_recv(server, from, sizeof from, 0));
            if (n >= 0)
                KEEP(n = zmq_recv(server, got, sizeof got, 0));
            arrived |= n >= 5 && memcmp(got, "hello", 5) == 0;
        } while (n >= 0);
        if (!arrived)
            net_wait_more(&waits);
    }
    net_close(client);
    net_close(server);
}

/* ---- Options and messages. */

static void options(struct net *net)
{
    static const char text[] =
        "long enough that no small buffer holds it, whatever it is";
    void *s = net_socket(net, ZMQ_DEALER);
    zmq_msg_t m, copy;
    char *data;

    KEEP(zmq_setsockopt(s, ZMQ_ROUTING_ID, text, sizeof text));
    KEEP(zmq_setsockopt(s, ZMQ_METADATA, "X-a:b", 5));
    KEEP(zmq_setsockopt(s, ZMQ_METADATA, "X-c:d", 5));
    KEEP(zmq_setsockopt(s, ZMQ_SOCKS_PROXY, text, sizeof text - 1));
    KEEP(zmq_setsockopt(s, ZMQ_HELLO_MSG, text, sizeof text));
    KEEP(zmq_setsockopt(s, ZMQ_BINDTODEVICE, "lo", 2));
    KEEP(zmq_msg_init_size(&m, 1000));
    KEEP(zmq_msg_init_buffer(&copy, text, sizeof text));
    CHECK_OK(zmq_msg_copy(&copy, &m));
    CHECK_OK(zmq_msg_close(&copy));
    CHECK_OK(zmq_msg_close(&m));
    data = malloc(100);
    CHECK(data != NULL);
    KEEP(zmq_msg_init_data(&m, data, 100, NULL, NULL));
    CHECK_OK(zmq_msg_close(&m));
    free(data);
    net_close(s);
}

/* ---- A frame received for which there was no memory. */

static void *ctx;

static void two(int server_type, const char *id, int client_type, void *s[2])
{
    char endpoint[TEST_ENDPOINT];

    ctx = zmq_ctx_new();
    s[0] = test_socket(ctx, server_type);
    s[1] = test_socket(ctx, client_type);
    if (id != NULL)
        CHECK_OK(zmq_setsockopt(s[0], ZMQ_ROUTING_ID, id, strlen(id)));
    if (client_type == ZMQ_SUB)
        CHECK_OK(zmq_setsockopt(s[1], ZMQ_SUBSCRIBE, "", 0));
    if (client_type == ZMQ_REQ)
        test_set_int(s[1], ZMQ_REQ_RELAXED, 1);
    test_bind(s[0], "inproc", endpoint);
    CHECK_OK(zmq_connect(s[1], endpoint));
}

static void finish(void *s[2])
{
    CHECK_OK(zmq_close(s[0]));
    CHECK_OK(zmq_close(s[1]));
    CHECK_OK(zmq_ctx_term(ctx));
}

static void fail_to_receive(void *s)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    faults_arm(ZN_FAULT_ALLOC, 1);
    CHECK_ERRNO(zmq_msg_recv(&m, s, 0), ENOMEM);
    faults_disarm();
    CHECK_OK(zmq_msg_close(&m));
}

static const char one[] = "one, of more bytes than there are in a message itself";
static const char name[] = "a name of more bytes than there are in a message itself";

TEST(frame_without_memory_is_received_later)
{
    void *s[2];

    two(ZMQ_PUSH, NULL, ZMQ_PULL, s);
    test_send_strings(s[0], one, one, NULL);
    fail_to_receive(s[1]);
    fail_to_receive(s[1]);
    CHECK(test_get_int(s[1], ZMQ_EVENTS) & ZMQ_POLLIN);
    faults_arm_from(ZN_FAULT_ALLOC, 1);
    CHECK(test_get_int(s[1], ZMQ_EVENTS) & ZMQ_POLLIN);
    faults_disarm();
    test_send_strings(s[0], "two", NULL);
    test_expect_strings(s[1], one, one, NULL);
    test_expect_strings(s[1], "two", NULL);
    finish(s);
}

TEST(frame_without_memory_outlives_its_sender_and_its_subscription)
{
    void *s[2];

    two(ZMQ_PUB, NULL, ZMQ_SUB, s);
    test_send_strings(s[0], one, NULL);
    fail_to_receive(s[1]);
    CHECK_OK(zmq_setsockopt(s[1], ZMQ_UNSUBSCRIBE, "", 0));
    CHECK(test_get_int(s[1], ZMQ_EVENTS) & ZMQ_POLLIN);
    CHECK_OK(zmq_close(s[0]));
    CHECK(test_get_int(s[1], ZMQ_EVENTS) & ZMQ_POLLIN);
    test_expect_strings(s[1], one, NULL);
    s[0] = test_socket(ctx, ZMQ_PUB);
    finish(s);
}

TEST(id_without_memory_goes_with_its_peer)
{
    void *s[2], *other;
    char endpoint[TEST_ENDPOINT];
    size_t size = sizeof endpoint;

    two(ZMQ_DEALER, name, ZMQ_ROUTER, s);
    test_send_strings(s[0], "lost", NULL);
    fail_to_receive(s[1]);
    CHECK_OK(zmq_getsockopt(s[1], ZMQ_LAST_ENDPOINT, endpoint, &size));
    CHECK_OK(zmq_disconnect(s[1], endpoint));
    other = test_socket(ctx, ZMQ_DEALER);
    CHECK_OK(zmq_setsockopt(other, ZMQ_ROUTING_ID, "other", 5));
    test_bind(other, "inproc", endpoint);
    CHECK_OK(zmq_connect(s[1], endpoint));
    test_send_strings(other, one, NULL);
    test_expect_strings(s[1], "other", one, NULL);
    CHECK_OK(zmq_close(other));
    finish(s);
}

TEST(id_without_memory_comes_before_its_message)
{
    void *s[2];

    two(ZMQ_DEALER, name, ZMQ_ROUTER, s);
    test_send_strings(s[0], one, NULL);
    fail_to_receive(s[1]);
    test_expect_nothing(s[0], 0);
    CHECK(test_get_int(s[1], ZMQ_EVENTS) & ZMQ_POLLIN);
    test_expect_strings(s[1], name, one, NULL);
    finish(s);
}

TEST(reply_without_memory_is_none_to_the_next_request)
{
    void *s[2];

    two(ZMQ_REP, NULL, ZMQ_REQ, s);
    test_send_strings(s[1], "first", NULL);
    test_expect_strings(s[0], "first", NULL);
    test_send_strings(s[0], one, NULL);
    fail_to_receive(s[1]);
    test_send_strings(s[1], "second", NULL);
    test_expect_strings(s[0], "second", NULL);
    test_send_strings(s[0], "answer", NULL);
    test_expect_strings(s[1], "answer", NULL);
    finish(s);
}

FAULT_TESTS(late_server, EVERYWHERE)
FAULT_TESTS(restart, CONNECTIONS)
FAULT_TESTS(come_and_go, EVERYWHERE)
FAULT_TESTS(by_name, TCP_ONLY)
FAULT_TESTS(immediate, CONNECTIONS)
FAULT_TESTS(polls, EVERYWHERE)
FAULT_TESTS(monitor_v1, CONNECTIONS)
FAULT_TESTS(monitor_v2, CONNECTIONS)
FAULT_TESTS(conflate, EVERYWHERE)
FAULT_TESTS(manual, EVERYWHERE)
FAULT_TESTS(stream, TCP_ONLY)
FAULT_TESTS(options, TCP_ONLY)

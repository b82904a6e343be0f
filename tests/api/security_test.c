/* security_test.c - what PLAIN and CURVE promise: every pattern works under them, nobody gets
 * in with the wrong credentials, and what goes over the wire sealed arrives whole, unchanged
 * and once. */
#include "tests/api/raw.h"
#include "tests/api/security.h"
#include "tests/faults.h"

static const int guarded[] = { ZMQ_PLAIN, ZMQ_CURVE };
static const char *const names[] = { "NULL", "PLAIN", "CURVE", "GSSAPI" };

static void need_curve(void)
{
    if (!zmq_has("curve"))
        test_skip("no CURVE");
}

/* ---- Patterns. */

static void talk(void *server, int server_type, void *client, int client_type)
{
    if (server_type == ZMQ_PULL) {
        test_send_strings(client, "a", "", "b", NULL);
        test_expect_strings(server, "a", "", "b", NULL);
    } else if (server_type == ZMQ_REP) {
        send_text(client, "question");
        expect_text(server, "question");
        send_text(server, "answer");
        expect_text(client, "answer");
    } else if (server_type == ZMQ_ROUTER) {
        test_send_strings(client, "question", NULL);
        expect_flags(server, "client", 1);
        expect_text(server, "question");
        test_send_strings(server, "client", "answer", "more", NULL);
        test_expect_strings(client, "answer", "more", NULL);
    } else if (server_type == ZMQ_PAIR) {
        send_text(client, "to");
        expect_text(server, "to");
        send_text(server, "fro");
        expect_text(client, "fro");
    } else if (server_type == ZMQ_XPUB) {
        expect_text(server, "\1topic");
        test_send_strings(server, "noise", NULL);
        test_send_strings(server, "topic", "news", NULL);
        test_expect_strings(client, "topic", "news", NULL);
        if (client_type == ZMQ_SUB)
            CHECK_OK(zmq_setsockopt(client, ZMQ_UNSUBSCRIBE, "topic", 5));
        else
            CHECK_EQ(zmq_send(client, "\0topic", 6, 0), 6);
        char got[8];
        CHECK_EQ(zmq_recv(server, got, sizeof got, 0), 6);
        CHECK_MEM(got, "\0topic", 6);
    }
}

TEST_TIMEOUT(every_pattern_works_under_every_mechanism, 60)
{
    static const int pairs[][2] = {
        { ZMQ_PULL, ZMQ_PUSH },   { ZMQ_REP, ZMQ_REQ },  { ZMQ_ROUTER, ZMQ_DEALER },
        { ZMQ_ROUTER, ZMQ_REQ },  { ZMQ_PAIR, ZMQ_PAIR }, { ZMQ_XPUB, ZMQ_SUB },
        { ZMQ_XPUB, ZMQ_XSUB },
    };

    for (size_t m = 0; m < ZN_COUNT(guarded); m++) {
        for (size_t p = 0; has_mechanism(guarded[m]) && p < ZN_COUNT(pairs); p++) {
            for (int t = 0; t < 2; t++) {
                for (int client_binds = 0; client_binds < 2; client_binds++) {
                    void *ctx = open_ctx(), *zap = open_zap(ctx);
                    void *server = open_socket(ctx, pairs[p][0]);
                    void *client = open_socket(ctx, pairs[p][1]);
                    char endpoint[ENDPOINT_MAX];

                    secure(guarded[m], server, client);
                    set_text(client, ZMQ_ROUTING_ID, "client");
                    if (pairs[p][1] == ZMQ_SUB)
                        set_text(client, ZMQ_SUBSCRIBE, "topic");
                    bind_to(client_binds ? client : server, each_transport[t], endpoint);
                    connect_to(client_binds ? server : client, endpoint);
                    if (pairs[p][1] == ZMQ_XSUB)
                        CHECK_EQ(zmq_send(client, "\1topic", 6, 0), 6);
                    answer(zap, "200");
                    if (pairs[p][1] == ZMQ_REQ && pairs[p][0] == ZMQ_ROUTER) {
                        send_text(client, "question");
                        expect_flags(server, "client", 1);
                        expect_flags(server, "", 1);
                        expect_text(server, "question");
                        test_send_strings(server, "client", "", "answer", NULL);
                        expect_text(client, "answer");
                    } else {
                        talk(server, pairs[p][0], client, pairs[p][1]);
                    }
                    close_socket(client);
                    close_socket(server);
                    close_socket(zap);
                    end_ctx(ctx);
                }
            }
        }
    }
}

/* zinc: with libzmq such a REQ never hears the answer. */
TEST(asker_may_be_the_server_of_a_mechanism)
{
    for (size_t m = 0; m < ZN_COUNT(guarded); m++) {
        if (!has_mechanism(guarded[m]))
            continue;
        struct couple c = open_couple(ZMQ_REQ, ZMQ_REP);
        void *zap = open_zap(c.ctx);

        secure(guarded[m], c.server, c.client);
        join_couple(&c, "tcp://127.0.0.1:*");
        answer(zap, "200");
        send_text(c.server, "question");
        expect_text(c.client, "question");
        send_text(c.client, "answer");
        expect_text(c.server, "answer");
        close_socket(zap);
        close_couple(&c);
    }
}

/* ---- Who does not get in. */

TEST(mechanisms_that_differ_are_told_to_both_sides_and_not_tried_again)
{
    for (int server = ZMQ_NULL; server <= ZMQ_CURVE; server++) {
        for (int client = ZMQ_NULL; client <= ZMQ_CURVE; client++) {
            if (server == client || !has_mechanism(server) || !has_mechanism(client))
                continue;
            struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
            void *zap = open_zap(c.ctx), *other = open_socket(c.ctx, ZMQ_PUSH);

            secure(server, c.server, other);
            secure(client, other, c.client);
            join_couple(&c, "tcp://127.0.0.1:*");
            expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, names[server]);
            EXPECT_LOST(c.on_server, names[server]);
            expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                           ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, names[client]);
            EXPECT_LOST(c.on_client, names[client]);
            test_expect_nothing(c.on_client, 10);
            close_socket(other);
            close_socket(zap);
            close_couple(&c);
        }
    }
}

TEST(two_clients_have_nothing_to_say_to_each_other)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    set_text(c.server, ZMQ_PLAIN_USERNAME, "bob");
    set_text(c.client, ZMQ_PLAIN_USERNAME, "bob");
    join_couple(&c, "tcp://127.0.0.1:*");
    struct event e = next_outcome(c.on_server);
    if (e.id == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        CHECK_EQ(e.value, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
    else                                          /* the other one was quicker */
        CHECK_EQ(e.id, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    EXPECT_LOST(c.on_server, "two clients");
    close_couple(&c);
}

TEST(two_servers_wait_for_each_other_until_time_is_up)
{
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    test_set_int(c.server, ZMQ_PLAIN_SERVER, 1);
    test_set_int(c.client, ZMQ_PLAIN_SERVER, 1);
    test_set_int(c.server, ZMQ_HANDSHAKE_IVL, 50);
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EAGAIN, "servers");
    expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE, "servers");
    close_couple(&c);
}

TEST(wrong_server_key_is_told_by_the_server)
{
    need_curve();
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    struct key_pair other = new_keys();

    secure(ZMQ_CURVE, c.server, c.client);
    set_text(c.client, ZMQ_CURVE_SERVERKEY, other.public_key);
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, "server key");
    EXPECT_LOST(c.on_server, "server key");
    expect_outcome(c.on_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE,
                   "server key");
    EXPECT_LOST(c.on_client, "server key");
    wait_event(c.on_client, ZMQ_EVENT_CONNECT_RETRIED);
    close_couple(&c);
}

/* The client's secret key is not that of the public key it shows. */
TEST(stolen_public_key_is_of_no_use)
{
    need_curve();
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
    struct key_pair other = new_keys();

    secure(ZMQ_CURVE, c.server, c.client);
    set_text(c.client, ZMQ_CURVE_PUBLICKEY, other.public_key);
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, "public key");
    EXPECT_LOST(c.on_server, "public key");
    close_couple(&c);
}

/* PLAIN and CURVE clients have a code for it, where NULL has none. */
TEST(socket_types_that_do_not_suit_are_told)
{
    for (size_t m = 0; m < ZN_COUNT(guarded); m++) {
        if (!has_mechanism(guarded[m]))
            continue;
        struct couple c = open_couple(ZMQ_PULL, ZMQ_PUB);
        void *zap = open_zap(c.ctx);

        secure(guarded[m], c.server, c.client);
        join_couple(&c, "tcp://127.0.0.1:*");
        if (guarded[m] == ZMQ_PLAIN)     /* whose client says so only afterwards */
            answer(zap, "200");
        EXPECT_LOST(c.on_server, names[guarded[m]]);
        struct event e = next_outcome(c.on_client);
        CHECK(e.id == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
                  e.id == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
              "event 0x%x", e.id);
        close_socket(zap);
        close_couple(&c);
    }
}

/* The same in the second version of events, which name both ends. */
TEST(version_2_of_a_refusal_names_both_ends)
{
    void *ctx = open_ctx(), *zap = open_zap(ctx), *s = open_socket(ctx, ZMQ_PULL);
    void *client = open_socket(ctx, ZMQ_PUSH), *monitor = open_socket(ctx, ZMQ_PAIR);
    char endpoint[ENDPOINT_MAX], remote[ENDPOINT_MAX];
    uint64_t event, count, value;

    CHECK_OK(zmq_socket_monitor_versioned(s, "inproc://m2",
                                          ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 2, ZMQ_PAIR));
    connect_to(monitor, "inproc://m2");
    secure(ZMQ_PLAIN, s, client);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    connect_to(client, endpoint);
    answer(zap, "400");
    CHECK_EQ(zmq_recv(monitor, &event, sizeof event, 0), sizeof event);
    CHECK_EQ(zmq_recv(monitor, &count, sizeof count, 0), sizeof count);
    CHECK_EQ(zmq_recv(monitor, &value, sizeof value, 0), sizeof value);
    CHECK_EQ(event, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    CHECK_EQ(count, 1);
    CHECK_EQ(value, 400);
    expect_flags(monitor, endpoint, 1);
    int n = zmq_recv(monitor, remote, sizeof remote - 1, 0);
    CHECK(n > 16 && memcmp(remote, "tcp://127.0.0.1:", 16) == 0);
    close_socket(client);
    close_socket(s);
    close_socket(monitor);
    close_socket(zap);
    end_ctx(ctx);
}

/* zinc: libzmq's clients know the odd one alone. */
TEST(plain_client_knows_both_forms_of_error)
{
    static const char *const errors[] = { "\4\12\5ERROR\003400", "\4\11\136RROR\003400" };

    for (size_t i = 0; i < ZN_COUNT(errors); i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
        char endpoint[ENDPOINT_MAX], sink[64 + 2 + 6 + 4 + 1];
        int listener = raw_listen(endpoint);

        set_text(s, ZMQ_PLAIN_USERNAME, "bob");
        connect_to(s, endpoint);
        int fd = raw_accept(listener);
        RAW_SEND(fd, SIGNATURE "\3\1PLAIN" ZERO15 ZERO16 ZERO16);
        raw_recv(fd, sink, sizeof sink);         /* greeting and HELLO */
        raw_send(fd, errors[i], strlen(errors[i]));
        expect_outcome(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400, errors[i]);
        EXPECT_LOST(monitor, errors[i]);
        close(fd);
        close(listener);
        close_socket(s);
        close_socket(monitor);
        end_ctx(ctx);
    }
}

/* Without Kerberos around nobody gets in, and nothing else happens. */
TEST(gssapi_without_credentials_fails_and_does_no_harm)
{
    if (!zmq_has("gssapi"))
        test_skip("no GSSAPI");
    struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);

    test_set_int(c.server, ZMQ_GSSAPI_SERVER, 1);
    set_text(c.client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "nobody@localhost");
    test_set_int(c.client, ZMQ_HANDSHAKE_IVL, 2000);
    test_set_int(c.server, ZMQ_HANDSHAKE_IVL, 2000);
    join_couple(&c, "tcp://127.0.0.1:*");
    struct event e = next_outcome(c.on_client);
    CHECK(e.id != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    EXPECT_LOST(c.on_client, "gssapi");
    test_expect_nothing(c.server, 0);
    close_couple(&c);
}

/* ---- What is sealed. */

static struct couple open_sealed(int server_type, int client_type)
{
    need_curve();
    struct couple c = open_couple(server_type, client_type);
    secure(ZMQ_CURVE, c.server, c.client);
    return c;
}

static unsigned char byte_at(size_t message, size_t i)
{
    return (unsigned char)(message * 31 + i * 13 + (i >> 8));
}

static void send_sized(void *s, size_t number, size_t size, int flags)
{
    zmq_msg_t m;
    CHECK_OK(zmq_msg_init_size(&m, size));
    unsigned char *p = zmq_msg_data(&m);
    for (size_t i = 0; i < size; i++)
        p[i] = byte_at(number, i);
    CHECK_EQ(zmq_msg_send(&m, s, flags), (int)size);
}

static void expect_sized(void *s, size_t number, size_t size, bool more)
{
    zmq_msg_t m;
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, s, 0), (int)size, "message %zu", number);
    CHECK_EQ(zmq_msg_more(&m), more, "message %zu", number);
    const unsigned char *p = zmq_msg_data(&m);
    for (size_t i = 0; i < size; i++)
        CHECK(p[i] == byte_at(number, i), "message %zu, byte %zu", number, i);
    CHECK_OK(zmq_msg_close(&m));
}

static void *send_sizes(void *s);
static const size_t sizes[] = { 0,     1,     221,   222,    223,   254,     255,
                                256,   4061,  4062,  4063,   4095,  4096,    4097,
                                65500, 65536, 70000, 131072, 1 << 20, 8 << 20, 3 };

static void *send_sizes(void *s)
{
    for (size_t i = 0; i < ZN_COUNT(sizes); i++)
        send_sized(s, i, sizes[i], i % 3 == 1 ? ZMQ_SNDMORE : 0);
    return NULL;
}

static void *send_both(void *s)
{
    send_sizes(s);
    return send_sizes(s);
}

TEST_TIMEOUT(messages_of_all_sizes_are_sealed_and_opened, 60)
{
    for (int t = 0; t < 2; t++) {
        for (int back = 0; back < 2; back++) {
            struct couple c = open_sealed(ZMQ_PAIR, ZMQ_PAIR);
            join_couple(&c, each_transport[t]);
            void *to = back ? c.client : c.server;
            struct test_thread *sender =
                test_thread_start(send_both, back ? c.server : c.client);
            for (int round = 0; round < 2; round++)
                for (size_t i = 0; i < ZN_COUNT(sizes); i++)
                    expect_sized(to, i, sizes[i], i % 3 == 1);
            test_thread_join(sender);
            close_couple(&c);
        }
    }
}

static void *send_many(void *s)
{
    for (uint32_t i = 0; i < 20000; i++)
        CHECK_EQ(zmq_send(s, &i, sizeof i, 0), sizeof i);
    return NULL;
}

TEST(many_small_messages_keep_their_order_both_ways)
{
    struct couple c = open_sealed(ZMQ_PAIR, ZMQ_PAIR);
    uint32_t got;

    join_couple(&c, "tcp://127.0.0.1:*");
    struct test_thread *there = test_thread_start(send_many, c.client);
    for (uint32_t i = 0; i < 20000; i++) {
        CHECK_EQ(zmq_recv(c.server, &got, sizeof got, 0), sizeof got);
        CHECK_EQ(got, i);
    }
    test_thread_join(there);
    struct test_thread *back = test_thread_start(send_many, c.server);
    for (uint32_t i = 0; i < 20000; i++) {
        CHECK_EQ(zmq_recv(c.client, &got, sizeof got, 0), sizeof got);
        CHECK_EQ(got, i);
    }
    test_thread_join(back);
    close_couple(&c);
}

TEST(conflating_sockets_conflate_under_curve)
{
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);

    test_set_int(c.server, ZMQ_CONFLATE, 1);
    test_set_int(c.client, ZMQ_CONFLATE, 1);
    bind_to(c.server, "tcp://127.0.0.1:*", c.endpoint);
    connect_to(c.client, c.endpoint);
    for (int i = 0; i < 100; i++)
        send_text(c.client, "old");
    send_text(c.client, "last");
    char got[8] = "";
    while (strcmp(got, "last") != 0) {
        int n = zmq_recv(c.server, got, sizeof got - 1, 0);
        CHECK(n > 0);
        got[n] = '\0';
    }
    close_couple(&c);
}

TEST(hello_messages_and_heartbeats_are_sealed)
{
    struct couple c = open_sealed(ZMQ_ROUTER, ZMQ_DEALER);

    CHECK_OK(zmq_setsockopt(c.server, ZMQ_HELLO_MSG, "hello", 5));
    test_set_int(c.client, ZMQ_HEARTBEAT_IVL, 10);
    test_set_int(c.client, ZMQ_HEARTBEAT_TIMEOUT, 1000);
    test_set_int(c.client, ZMQ_HEARTBEAT_TTL, 1000);
    join_couple(&c, "tcp://127.0.0.1:*");
    expect_text(c.client, "hello");
    EXPECT_UP(c.on_client, "heartbeats");
    test_expect_nothing(c.on_client, 1500);      /* else its time would be up */
    send_text(c.client, "still there");
    char id[8];
    CHECK_EQ(zmq_recv(c.server, id, sizeof id, 0), 5);
    expect_text(c.server, "still there");
    close_couple(&c);
}

/* zinc: libzmq counts what sealing adds. */
TEST(message_limit_is_about_messages_not_their_seals)
{
    static const int64_t limit = 5000;
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);

    CHECK_OK(zmq_setsockopt(c.server, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
    join_couple(&c, "tcp://127.0.0.1:*");
    send_sized(c.client, 1, 5000, 0);
    expect_sized(c.server, 1, 5000, false);
    send_sized(c.client, 2, 5001, 0);
    EXPECT_UP(c.on_server, "limit");
    EXPECT_LOST(c.on_server, "limit");
    close_couple(&c);
}

TEST(messages_that_were_queued_go_out_before_a_closed_socket_ends)
{
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);

    test_set_int(c.client, ZMQ_LINGER, -1);
    join_couple(&c, "tcp://127.0.0.1:*");
    for (size_t i = 0; i < 500; i++)
        send_sized(c.client, i, 10000, 0);
    CHECK_OK(zmq_close(c.client));
    for (size_t i = 0; i < 500; i++)
        expect_sized(c.server, i, 10000, false);
    close_socket(c.server);
    close_socket(c.on_client);
    close_socket(c.on_server);
    end_ctx(c.ctx);
}

/* ---- A wire in between, which cuts, changes and repeats. */

struct relay {
    int listener, stop[2];
    char endpoint[ENDPOINT_MAX], *to;
    long cut_after;                      /* bytes towards the server; 0: never */
    long grows_by;                       /* for each next connection */
    int cuts;                            /* how often; then never again */
    _Atomic int flips, repeats;          /* do it to the next bytes towards the server */
    struct test_thread *thread;
};

/* Moves what is there; false: this connection is over. */
static bool pass(struct relay *r, int from, int to, bool inbound, long *left)
{
    unsigned char buf[4096];
    size_t room = sizeof buf;
    if (inbound && *left > 0 && (size_t)*left < room)
        room = (size_t)*left;
    ssize_t n = recv(from, buf, room, 0);
    if (n <= 0)
        return false;
    if (inbound && r->flips && r->flips--)
        buf[n - 1] ^= 1;
    int times = inbound && r->repeats && r->repeats-- ? 2 : 1;
    for (int i = 0; i < times; i++)
        for (ssize_t at = 0; at < n;) {
            ssize_t sent = send(to, buf + at, (size_t)(n - at), MSG_NOSIGNAL);
            if (sent < 0)
                return false;
            at += sent;
        }
    if (inbound && *left > 0 && (*left -= n) == 0)
        return false;
    return true;
}

static bool relay_once(struct relay *r)
{
    struct pollfd first[] = { { r->listener, POLLIN, 0 }, { r->stop[0], POLLIN, 0 } };
    poll(first, 2, -1);
    if (first[1].revents)
        return false;
    int client = raw_accept(r->listener), server = raw_connect(r->to);
    long left = r->cuts > 0 ? r->cut_after : 0;
    bool on = true, stopped = false;
    while (on && !stopped) {
        struct pollfd fds[] = { { client, POLLIN, 0 },
                                { server, POLLIN, 0 },
                                { r->stop[0], POLLIN, 0 } };
        poll(fds, 3, -1);
        stopped = fds[2].revents;
        if (fds[0].revents)
            on = pass(r, client, server, true, &left);
        if (on && fds[1].revents)
            on = pass(r, server, client, false, &left);
    }
    r->cuts -= r->cuts > 0;
    r->cut_after += r->grows_by;
    close(client);
    close(server);
    return !stopped;
}

static void *relay_main(void *arg)
{
    while (relay_once(arg))
        ;
    return NULL;
}

static void start_relay(struct relay *r, char *to)
{
    r->to = to;
    r->listener = raw_listen(r->endpoint);
    CHECK_OK(pipe(r->stop));
    r->thread = test_thread_start(relay_main, r);
}

static void stop_relay(struct relay *r)
{
    CHECK_EQ(write(r->stop[1], "x", 1), 1);
    test_thread_join(r->thread);
    close(r->stop[0]);
    close(r->stop[1]);
    close(r->listener);
}

enum { CUT_MESSAGES = 4000 };

static size_t size_of(size_t number)
{
    return number * 37 % 3000 + (number % 50 == 0 ? 100000 : 0);
}

static void *send_numbered(void *s)
{
    for (size_t i = 0; i < CUT_MESSAGES; i++) {
        CHECK_EQ(zmq_send(s, &i, sizeof i, ZMQ_SNDMORE), sizeof i);
        send_sized(s, i, size_of(i), 0);
    }
    return NULL;
}

/* Each message that was cut is sent again, whole; what the kernel had may be lost; nothing
 * comes twice. */
TEST_TIMEOUT(connections_that_break_leave_messages_whole_and_single, 60)
{
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);
    struct relay r = { .cut_after = 20011, .grows_by = 30011, .cuts = 20 };
    static bool came[CUT_MESSAGES];
    size_t number, count = 0;

    test_set_int(c.client, ZMQ_RECONNECT_IVL, 1);
    test_set_int(c.client, ZMQ_SNDBUF, 16384);
    bind_to(c.server, "tcp://127.0.0.1:*", c.endpoint);
    start_relay(&r, c.endpoint);
    connect_to(c.client, r.endpoint);
    struct test_thread *sender = test_thread_start(send_numbered, c.client);
    do {
        CHECK_EQ(zmq_recv(c.server, &number, sizeof number, 0), sizeof number);
        CHECK(test_get_int(c.server, ZMQ_RCVMORE) == 1 && number < CUT_MESSAGES);
        expect_sized(c.server, number, size_of(number), false);
        CHECK(!came[number], "%zu came twice", number);
        came[number] = true;             /* perhaps beside those of the next connection */
        count++;
    } while (number < CUT_MESSAGES - 1);
    test_thread_join(sender);
    CHECK_EQ(r.cuts, 0);
    CHECK(count > CUT_MESSAGES / 10, "%zu came", count);
    stop_relay(&r);
    close_couple(&c);
}

TEST(sealed_frames_that_were_changed_end_the_connection)
{
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);
    struct relay r = { .cuts = 0 };

    bind_to(c.server, "tcp://127.0.0.1:*", c.endpoint);
    start_relay(&r, c.endpoint);
    connect_to(c.client, r.endpoint);
    send_text(c.client, "good");
    expect_text(c.server, "good");
    r.flips = 1;
    send_text(c.client, "evil");
    EXPECT_UP(c.on_server, "changed");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC, "changed");
    EXPECT_LOST(c.on_server, "changed");
    test_expect_nothing(c.server, 10);
    stop_relay(&r);
    close_couple(&c);
}

/* CVE-2014-7203 is about nonces that come again. */
TEST(sealed_frames_that_are_repeated_end_the_connection)
{
    struct couple c = open_sealed(ZMQ_PULL, ZMQ_PUSH);
    struct relay r = { .cuts = 0 };

    bind_to(c.server, "tcp://127.0.0.1:*", c.endpoint);
    start_relay(&r, c.endpoint);
    connect_to(c.client, r.endpoint);
    send_text(c.client, "first");
    expect_text(c.server, "first");
    r.repeats = 1;
    send_text(c.client, "once");
    expect_text(c.server, "once");
    EXPECT_UP(c.on_server, "repeated");
    expect_outcome(c.on_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE, "repeated");
    EXPECT_LOST(c.on_server, "repeated");
    test_expect_nothing(c.server, 10);
    stop_relay(&r);
    close_couple(&c);
}

/* ---- Without memory. */

#define KEEP(call) \
    while ((call) < 0) \
    CHECK(errno == ENOMEM || errno == ENOBUFS, "%s: %s", #call, strerror(errno))

static void answer_anyhow(void *zap)
{
    static const char *const frames[] = { "1.0", "1",   "200",
                                          "",    "bob", "\4Role\0\0\0\5admin" };
    char sink[256];
    do
        KEEP(zmq_recv(zap, sink, sizeof sink, 0));
    while (test_get_int(zap, ZMQ_RCVMORE));
    for (size_t i = 0; i < ZN_COUNT(frames); i++) {
        bool last = i + 1 == ZN_COUNT(frames);
        size_t size = last ? 14 : strlen(frames[i]);
        KEEP(zmq_send(zap, frames[i], size, last ? 0 : ZMQ_SNDMORE));
    }
}

static void send_anyhow(void *s, const char *big, size_t size)
{
    KEEP(zmq_send(s, "small", 5, ZMQ_SNDMORE));
    KEEP(zmq_send(s, big, size, 0));
}

/* One allocation after the other fails; a message comes in the end, if not the first: what
 * was with the kernel when a connection broke is lost. */
static bool survives(int mechanism, uint64_t n)
{
    static char big[10000], got[10001];
    void *ctx = open_ctx(), *zap = open_zap(ctx);
    void *server = open_socket(ctx, ZMQ_PULL), *client = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    secure(mechanism, server, client);
    test_set_int(client, ZMQ_RECONNECT_IVL, 1);
    bind_to(server, "tcp://127.0.0.1:*", endpoint);
    faults_arm(ZN_FAULT_ALLOC, n);
    KEEP(zmq_connect(client, endpoint));
    send_anyhow(client, big, sizeof big);
    long end = now_ms() + PATIENCE;
    for (bool came = false; !came;) {
        zmq_pollitem_t items[] = { { zap, 0, ZMQ_POLLIN, 0 },
                                   { server, 0, ZMQ_POLLIN, 0 } };
        int ready = -1;
        KEEP(ready = zmq_poll(items, 2, 50));
        if (ready == 0)
            send_anyhow(client, big, sizeof big);
        CHECK(now_ms() < end, "allocation %llu, at %s", (unsigned long long)n,
              faults_site());
        if (items[0].revents)
            answer_anyhow(zap);
        came = items[1].revents;
    }
    int size = -1;
    KEEP(size = zmq_recv(server, got, sizeof got, 0));
    CHECK_EQ(size, 5);
    KEEP(size = zmq_recv(server, got, sizeof got, 0));
    CHECK_EQ(size, sizeof big);
    faults_disarm();
    bool struck = faults_struck() > 0;
    close_socket(client);
    close_socket(server);
    close_socket(zap);
    end_ctx(ctx);
    return struck;
}

TEST_TIMEOUT(handshakes_and_sealed_traffic_survive_failing_allocations, 60)
{
    for (size_t m = 0; m < ZN_COUNT(guarded); m++)
        for (uint64_t n = 1; has_mechanism(guarded[m]) && survives(guarded[m], n); n++)
            CHECK(n < 500);
}

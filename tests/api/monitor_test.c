/* monitor_test.c - the events of a socket's life, their order and their values. */

#include "tests/api/raw.h"

#include <sys/stat.h>

static int is_socket_fd(uint32_t fd)
{
    struct stat st;

    return fstat((int)fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static struct event expect_event(void *monitor, int id, const char *endpoint)
{
    struct event e = next_event(monitor);

    CHECK_EQ(e.id, id, "event on %s", e.endpoint);
    if (endpoint != NULL)
        CHECK_STR(e.endpoint, endpoint);
    return e;
}

TEST(both_sides_tell_of_a_connection_from_its_start_to_its_end)
{
    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_PULL);
        void *client = open_socket(ctx, ZMQ_PUSH);
        void *on_server = open_monitor(ctx, server, ZMQ_EVENT_ALL);
        void *on_client = open_monitor(ctx, client, ZMQ_EVENT_ALL);
        char endpoint[ENDPOINT_MAX];

        bind_to(server, each_transport[t], endpoint);
        CHECK(is_socket_fd(expect_event(on_server, ZMQ_EVENT_LISTENING, endpoint).value));
        connect_to(client, endpoint);
        if (t == 0)
            CHECK_EQ(expect_event(on_client, ZMQ_EVENT_CONNECT_DELAYED, endpoint).value,
                     EINPROGRESS);
        CHECK(is_socket_fd(expect_event(on_client, ZMQ_EVENT_CONNECTED, endpoint).value));
        CHECK(is_socket_fd(expect_event(on_server, ZMQ_EVENT_ACCEPTED, endpoint).value));
        CHECK_EQ(expect_event(on_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint).value,
                 0);
        CHECK_EQ(expect_event(on_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint).value,
                 0);

        close_socket(client);                     /* which says nothing of it itself */
        expect_event(on_client, ZMQ_EVENT_MONITOR_STOPPED, "");
        expect_event(on_server, ZMQ_EVENT_DISCONNECTED, endpoint);
        CHECK_OK(zmq_unbind(server, endpoint));
        expect_event(on_server, ZMQ_EVENT_CLOSED, endpoint);
        close_socket(server);
        expect_event(on_server, ZMQ_EVENT_MONITOR_STOPPED, "");
        close_socket(on_client);
        close_socket(on_server);
        end_ctx(ctx);
    }
}

TEST(connecter_tells_of_each_attempt_that_is_refused)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    test_set_int(s, ZMQ_RECONNECT_IVL, 10);
    connect_to(s, endpoint);
    for (int i = 0; i < 3; i++) {
        expect_event(monitor, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
        expect_event(monitor, ZMQ_EVENT_CLOSED, endpoint);
        uint32_t ms = expect_event(monitor, ZMQ_EVENT_CONNECT_RETRIED, endpoint).value;
        CHECK(ms >= 10 && ms < 20, "%d ms", (int)ms);
    }
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(connecter_tells_of_a_lost_connection_and_its_next)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];
    int listener = raw_listen(endpoint);

    test_set_int(s, ZMQ_RECONNECT_IVL, 10);
    connect_to(s, endpoint);
    for (int i = 0; i < 3; i++) {
        expect_event(monitor, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
        expect_event(monitor, ZMQ_EVENT_CONNECTED, endpoint);
        struct peer p = zmtp_hello(raw_accept(listener), V31, "PUSH", "");
        expect_event(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
        close(p.fd);
        expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
        expect_event(monitor, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
    }
    close(listener);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(what_is_sent_on_hearing_of_a_loss_reaches_those_who_remain)
{
    void *ctx = open_ctx(), *push = open_socket(ctx, ZMQ_PUSH);
    void *stays = open_socket(ctx, ZMQ_PULL);
    void *monitor =
        open_monitor(ctx, push, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    char endpoint[ENDPOINT_MAX];

    bind_to(push, "tcp://127.0.0.1:*", endpoint);
    connect_to(stays, endpoint);
    expect_event(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
    for (int i = 0; i < 100; i++) {
        void *leaves = open_socket(ctx, ZMQ_PULL);
        connect_to(leaves, endpoint);
        expect_event(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
        close_socket(leaves);
        expect_event(monitor, ZMQ_EVENT_DISCONNECTED, NULL);
        send_text(push, "one");
        send_text(push, "two");
        expect_text(stays, "one");
        expect_text(stays, "two");
    }
    close_socket(push);
    close_socket(stays);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(connections_are_told_by_the_name_that_was_given)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *in = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, out, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED);
    char endpoint[ENDPOINT_MAX], name[ENDPOINT_MAX + 16];

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    snprintf(name, sizeof name, "tcp://localhost%s", strrchr(endpoint, ':'));
    connect_to(out, name);
    expect_event(monitor, ZMQ_EVENT_CONNECTED, name);
    close_socket(in);
    expect_event(monitor, ZMQ_EVENT_DISCONNECTED, name);
    close_socket(out);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(failed_binds_are_told)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *first = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_BIND_FAILED | ZMQ_EVENT_CLOSED);
    char endpoint[ENDPOINT_MAX], missing[ENDPOINT_MAX];

    bind_to(first, "tcp://127.0.0.1:*", endpoint);
    snprintf(missing, sizeof missing, "ipc://%s/none/x", test_dir());
    CHECK_ERRNO(zmq_bind(s, endpoint), EADDRINUSE);
    expect_event(monitor, ZMQ_EVENT_CLOSED, "");
    CHECK_EQ(expect_event(monitor, ZMQ_EVENT_BIND_FAILED, NULL).value, EADDRINUSE);
    CHECK_ERRNO(zmq_bind(s, missing), ENOENT);
    expect_event(monitor, ZMQ_EVENT_CLOSED, missing);
    CHECK_EQ(expect_event(monitor, ZMQ_EVENT_BIND_FAILED, NULL).value, ENOENT);
    CHECK_EQ(zmq_bind(s, "tcp://127.0.0.1:http"), -1);
    CHECK_EQ(expect_event(monitor, ZMQ_EVENT_BIND_FAILED, "127.0.0.1:http").value,
             EINVAL);
    close_socket(first);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

/* zinc: in libzmq the errno is lost while the event is sent. */
TEST(failed_bind_keeps_its_errno_when_it_is_told)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *first = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_BIND_FAILED);
    char endpoint[ENDPOINT_MAX];

    bind_to(first, "tcp://127.0.0.1:*", endpoint);
    REFUSED(zmq_bind(s, endpoint), EADDRINUSE, "taken");
    REFUSED(zmq_bind(s, "tcp://no-such-nic:*"), ENODEV, "no interface");
    close_socket(first);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(handshakes_that_fail_say_why)
{
    static const struct {
        const char *what, *say;
        size_t len;
        int id;
        uint32_t value;
    } cases[] = {
#define CASE(what, bytes, id, value) { what, bytes, sizeof(bytes) - 1, id, value }
        CASE("other mechanism", SIGNATURE "\3\1PLAIN" ZERO15 ZERO16 ZERO16,
             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
             ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH),
        CASE("unknown command", GREETING_31 "\4\6\5HELLO",
             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
             ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND),
        CASE("ERROR with a bad length", GREETING_31 "\4\12\5ERROR\011400",
             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
             ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR),
        CASE("ERROR 400", GREETING_31 "\4\12\5ERROR\003400",
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400),
#undef CASE
    };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX], greeting[64];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = raw_connect(endpoint);

        expect_event(monitor, ZMQ_EVENT_ACCEPTED, endpoint);
        raw_send(fd, cases[i].say, 64);
        if (cases[i].len > 64) {
            raw_recv(fd, greeting, 64);
            raw_send(fd, cases[i].say + 64, cases[i].len - 64);
        }
        struct event e = next_event(monitor);
        CHECK_EQ(e.id, cases[i].id, "%s", cases[i].what);
        CHECK_EQ(e.value, cases[i].value, "%s", cases[i].what);
        raw_expect_close(fd, cases[i].what);
        close(fd);
        expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    }
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(peer_that_leaves_during_the_handshake_gives_no_detail)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    int fd = raw_connect(endpoint);
    expect_event(monitor, ZMQ_EVENT_ACCEPTED, endpoint);
    RAW_SEND(fd, SIGNATURE);
    close(fd);
    expect_event(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(handshake_that_stands_still_is_ended)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    test_set_int(s, ZMQ_HANDSHAKE_IVL, 50);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    int fd = raw_connect(endpoint);
    RAW_SEND(fd, SIGNATURE);
    raw_expect_close(fd, "stands still");
    wait_event(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    close(fd);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq calls each of their losses a handshake that failed. */
TEST(old_peers_come_and_go_without_a_handshake_event)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    for (enum version v = V20; v < VERSIONS; v++) {
        struct peer p = zmtp_connect(endpoint, v, "PUSH", "");
        ZMTP_SEND(&p, 0, "hi");
        expect_text(s, "hi");
        close(p.fd);
        expect_event(monitor, ZMQ_EVENT_ACCEPTED, endpoint);
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_DISCONNECTED, "ZMTP %s",
                 version_name[v]);
    }
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: likewise. */
TEST(raw_peers_come_and_go_without_a_handshake_event)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_STREAM);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    close(raw_connect(endpoint));
    expect_event(monitor, ZMQ_EVENT_ACCEPTED, endpoint);
    expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(filtered_peers_are_told_as_failed_accepts)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_setsockopt(s, ZMQ_TCP_ACCEPT_FILTER, "10.0.0.0/8", 10));
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    int fd = raw_connect(endpoint);
    expect_event(monitor, ZMQ_EVENT_ACCEPT_FAILED, endpoint);
    raw_expect_close(fd, "filtered");
    close(fd);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(mask_selects_and_inproc_is_silent)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_CLOSED | ZMQ_EVENT_MONITOR_STOPPED);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_bind(s, "inproc://x"));
    connect_to(out, "inproc://x");
    send_text(out, "hi");
    expect_text(s, "hi");
    bind_to(s, "tcp://127.0.0.1:*", endpoint);    /* LISTENING is not asked for */
    CHECK_OK(zmq_unbind(s, endpoint));
    expect_event(monitor, ZMQ_EVENT_CLOSED, endpoint);
    close_socket(out);
    close_socket(s);
    expect_event(monitor, ZMQ_EVENT_MONITOR_STOPPED, "");
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(monitor_can_be_stopped_replaced_and_named_again)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *a = open_socket(ctx, ZMQ_PAIR), *b = open_socket(ctx, ZMQ_PAIR);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_socket_monitor(s, "inproc://a", ZMQ_EVENT_ALL));
    connect_to(a, "inproc://a");
    CHECK_OK(zmq_socket_monitor(s, "inproc://b", ZMQ_EVENT_ALL));
    expect_event(a, ZMQ_EVENT_MONITOR_STOPPED, "");
    connect_to(b, "inproc://b");
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(b, ZMQ_EVENT_LISTENING, endpoint);
    CHECK_OK(zmq_socket_monitor(s, NULL, 0));
    expect_event(b, ZMQ_EVENT_MONITOR_STOPPED, "");
    CHECK_OK(zmq_socket_monitor(s, NULL, 0));     /* none: fine too */
    bind_to(s, "tcp://127.0.0.1:*", endpoint);    /* unseen */
    close_socket(a);
    close_socket(b);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- version 2 ---- */

struct event2 {
    uint64_t id, count, value[2];
    char local[ENDPOINT_MAX], remote[ENDPOINT_MAX];
};

static uint64_t recv_u64(void *s)
{
    uint64_t v = 0;

    CHECK_EQ(zmq_recv(s, &v, sizeof v, 0), 8);
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 1);
    return v;
}

static struct event2 next_event2(void *s)
{
    struct event2 e = { 0 };

    e.id = recv_u64(s);
    e.count = recv_u64(s);
    CHECK(e.count >= 1 && e.count <= 2);
    for (uint64_t i = 0; i < e.count; i++)
        e.value[i] = recv_u64(s);
    CHECK_OK(zmq_recv(s, e.local, sizeof e.local - 1, 0));
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 1);
    CHECK_OK(zmq_recv(s, e.remote, sizeof e.remote - 1, 0));
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), 0);
    return e;
}

static struct event2 expect_event2(void *monitor, uint64_t id)
{
    struct event2 e = next_event2(monitor);

    CHECK_EQ(e.id, id);
    return e;
}

/* zinc: Debian's libzmq has no zmq_socket_monitor_versioned. */
TEST(version_2_names_both_ends)
{
    static const struct {
        int type, reader;
    } types[] = {
        { ZMQ_PAIR, ZMQ_PAIR },
        { ZMQ_PUSH, ZMQ_PULL },
        { ZMQ_PUB, ZMQ_SUB },
    };

    for (size_t i = 0; i < ZN_COUNT(types); i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
        void *monitor = open_socket(ctx, types[i].reader),
             *server = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];

        if (types[i].reader == ZMQ_SUB)
            CHECK_OK(zmq_setsockopt(monitor, ZMQ_SUBSCRIBE, "", 0));
        CHECK_OK(zmq_socket_monitor_versioned(s, "inproc://m", ZMQ_EVENT_ALL_V2, 2,
                                              types[i].type));
        connect_to(monitor, "inproc://m");
        bind_to(server, "tcp://127.0.0.1:*", endpoint);
        connect_to(s, endpoint);
        struct event2 e = expect_event2(monitor, ZMQ_EVENT_CONNECT_DELAYED);
        CHECK_EQ(e.value[0], EINPROGRESS);
        CHECK_STR(e.local, "");
        CHECK_STR(e.remote, endpoint);
        e = expect_event2(monitor, ZMQ_EVENT_CONNECTED);
        CHECK_EQ(strncmp(e.local, "tcp://127.0.0.1:", 16), 0, "%s", e.local);
        CHECK_STR(e.remote, endpoint);
        CHECK(is_socket_fd((uint32_t)e.value[0]));
        e = expect_event2(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        CHECK_STR(e.remote, endpoint);
        CHECK_OK(zmq_socket_monitor(s, NULL, 0));
        e = expect_event2(monitor, ZMQ_EVENT_MONITOR_STOPPED);
        CHECK_STR(e.local, "");
        CHECK_STR(e.remote, "");
        close_socket(server);
        close_socket(s);
        close_socket(monitor);
        end_ctx(ctx);
    }
}

/* zinc: as above. */
TEST(version_2_tells_the_pipes_lengths)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_socket(ctx, ZMQ_PAIR);

    REFUSED(zmq_socket_monitor_pipes_stats(s), EINVAL, "not asked for");
    CHECK_OK(zmq_socket_monitor_versioned(s, "inproc://m", ZMQ_EVENT_PIPES_STATS, 2,
                                          ZMQ_PAIR));
    connect_to(monitor, "inproc://m");
    REFUSED(zmq_socket_monitor_pipes_stats(s), EAGAIN, "no pipe");
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(s, "inproc://x");
    for (int i = 0; i < 3; i++)
        send_text(s, "x");
    CHECK_OK(zmq_socket_monitor_pipes_stats(s));
    test_get_int(in, ZMQ_EVENTS);                 /* both ends are asked */
    test_get_int(s, ZMQ_EVENTS);
    struct event2 e = expect_event2(monitor, ZMQ_EVENT_PIPES_STATS);
    CHECK_EQ(e.count, 2);
    CHECK_EQ(e.value[0], 3, "outbound");
    CHECK_EQ(e.value[1], 0, "inbound");
    close_socket(s);
    close_socket(in);
    close_socket(monitor);
    end_ctx(ctx);
}

/* zinc: as above. */
TEST(versioned_monitor_refuses_bad_arguments)
{
    static const int types[] = { ZMQ_SUB, ZMQ_REQ, ZMQ_DEALER, ZMQ_PULL, 99, -1 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);

    for (size_t i = 0; i < ZN_COUNT(types); i++)
        REFUSED(zmq_socket_monitor_versioned(s, "inproc://m", ZMQ_EVENT_ALL, 2, types[i]),
                EINVAL, "type %d", types[i]);
    REFUSED(zmq_socket_monitor_versioned(s, "inproc://m", ZMQ_EVENT_ALL_V2, 1, ZMQ_PAIR),
            EINVAL, "bit 16 in version 1");
    REFUSED(zmq_socket_monitor_versioned(NULL, "inproc://m", 1, 2, ZMQ_PAIR), ENOTSOCK,
            "NULL");
    REFUSED(zmq_socket_monitor_versioned(s, "tcp://127.0.0.1:*", 1, 2, ZMQ_PAIR),
            EPROTONOSUPPORT, "tcp");
    close_socket(s);
    end_ctx(ctx);
}

/* ---- what must not happen ---- */

/* zinc: libzmq waits for a reader of each event. */
TEST(monitor_nobody_reads_never_blocks_the_socket)
{
    enum { EVENTS = 3000 };                       /* more than any default mark holds */
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_socket_monitor(s, "inproc://unread", ZMQ_EVENT_ALL));
    for (int i = 0; i < EVENTS; i++) {
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        CHECK_OK(zmq_unbind(s, endpoint));
    }
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    send_text(out, "hi");
    expect_text(s, "hi");
    close_socket(s);
    close_socket(out);
    end_ctx(ctx);
}

TEST(monitor_reader_may_leave_first)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    expect_event(monitor, ZMQ_EVENT_LISTENING, endpoint);
    CHECK_OK(zmq_socket_monitor(s, NULL, 0));
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(monitor_that_comes_later_knows_the_connection)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX], any[ENDPOINT_MAX];

    bind_to(in, "tcp://*:*", any);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%s", strrchr(any, ':') + 1);
    connect_to(out, endpoint);
    send_text(out, "here");
    expect_text(in, "here");
    void *monitor = open_monitor(ctx, in, ZMQ_EVENT_DISCONNECTED);
    close_socket(out);
    expect_event(monitor, ZMQ_EVENT_DISCONNECTED, endpoint);
    close_socket(in);
    close_socket(monitor);
    end_ctx(ctx);
}

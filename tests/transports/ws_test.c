/* ws_test.c - ws:// as others see it: peers made of bare sockets, on either side. That every
 * pattern works over it is what tests of patterns show, which go over each transport. */
#include "tests/transports/ws.h"

/* ---- Names. */

TEST(endpoints_have_a_path)
{
    static const struct {
        const char *bind, *path;
    } cases[] = {
        { "ws://127.0.0.1:*", "/" },
        { "ws://127.0.0.1:*/", "/" },
        { "ws://*:*/a", "/a" },
        { "ws://lo:*/a/b?c=d", "/a/b?c=d" },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        char endpoint[ENDPOINT_MAX], again[ENDPOINT_MAX];
        size_t size = sizeof again;
        void *server = open_socket(ctx, ZMQ_PULL), *client = open_socket(ctx, ZMQ_PUSH);
        bind_to(server, cases[i].bind, endpoint);
        CHECK(strncmp(endpoint, "ws://", 5) == 0, "%s", endpoint);
        CHECK_STR(strchr(endpoint + 5, '/'), cases[i].path);
        connect_to(client, endpoint);
        CHECK_OK(zmq_getsockopt(client, ZMQ_LAST_ENDPOINT, again, &size));
        CHECK_STR(again, endpoint);
        send_text(client, "hello");
        expect_text(server, "hello");
        CHECK_OK(zmq_disconnect(client, endpoint));
        CHECK_OK(zmq_unbind(server, endpoint));
        REFUSED(zmq_unbind(server, endpoint), ENOENT, "%s again", endpoint);
        close_socket(client);
        close_socket(server);
    }
    end_ctx(ctx);
}

TEST(monitors_tell_the_path)
{
    static const char *const addresses[] = { "ws://127.0.0.1:*/xy", "ws://127.0.0.1:*" };

    for (int i = 0; i < 2; i++) {
        struct couple c = open_couple(ZMQ_PULL, ZMQ_PUSH);
        join_couple(&c, addresses[i]);
        CHECK_STR(wait_event(c.on_server, ZMQ_EVENT_ACCEPTED).endpoint, c.endpoint);
        CHECK_STR(wait_event(c.on_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED).endpoint,
                  c.endpoint);
        CHECK_STR(wait_event(c.on_client, ZMQ_EVENT_CONNECTED).endpoint, c.endpoint);
        CHECK_STR(wait_event(c.on_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED).endpoint,
                  c.endpoint);
        close_couple(&c);
    }
}

TEST(no_path_and_the_path_slash_are_one_name)
{
    void *ctx = open_ctx(), *client = open_socket(ctx, ZMQ_REQ),
         *server = open_socket(ctx, ZMQ_REP);
    char endpoint[ENDPOINT_MAX];
    size_t size = sizeof endpoint;

    connect_to(client, "ws://127.0.0.1:9");
    CHECK_OK(zmq_getsockopt(client, ZMQ_LAST_ENDPOINT, endpoint, &size));
    CHECK_STR(endpoint, "ws://127.0.0.1:9/");
    CHECK_OK(zmq_disconnect(client, "ws://127.0.0.1:9/"));
    REFUSED(zmq_disconnect(client, "ws://127.0.0.1:9"), ENOENT, "gone");
    connect_to(client, "ws://127.0.0.1:9");
    CHECK_OK(zmq_disconnect(client, "ws://127.0.0.1:9"));

    bind_to(server, "ws://127.0.0.1:*", endpoint);
    endpoint[strlen(endpoint) - 1] = '\0';
    CHECK_OK(zmq_unbind(server, endpoint));
    close_socket(client);
    close_socket(server);
    end_ctx(ctx);
}

TEST(endpoints_that_cannot_be_are_refused)
{
    static const struct {
        int type;
        const char *bind, *connect;
        int error;
    } cases[] = {
        { ZMQ_REQ, "ws://127.0.0.1", "ws://127.0.0.1", EINVAL },
        { ZMQ_REQ, "ws://127.0.0.1/path", "ws://127.0.0.1/path", EINVAL },
        { ZMQ_REQ, "ws://127.0.0.1:port/", "ws://127.0.0.1:port/", EINVAL },
        { ZMQ_REQ, "ws://127.0.0.1:*/a b", "ws://127.0.0.1:9/a b", EINVAL },
        { ZMQ_REQ, "ws://127.0.0.1:*/a\r\nX: b", "ws://127.0.0.1:9/a\r\nX: b", EINVAL },
        { ZMQ_REQ, "ws://localhost:*", NULL, ENODEV },
        { ZMQ_REQ, "ws://nope9:*", NULL, ENODEV },
        { ZMQ_REQ, NULL, "ws://127.0.0.1:*", EINVAL },
        { ZMQ_REQ, NULL, "ws://[::1]:9", EINVAL },
        { ZMQ_STREAM, "ws://127.0.0.1:*", "ws://127.0.0.1:9", ENOCOMPATPROTO },
        { ZMQ_DGRAM, "ws://127.0.0.1:*", "ws://127.0.0.1:9", ENOCOMPATPROTO },
    };
    char path[1024] = "ws://127.0.0.1:9/";
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, cases[i].type);
        if (cases[i].bind != NULL)
            REFUSED(zmq_bind(s, cases[i].bind), cases[i].error, "%s", cases[i].bind);
        if (cases[i].connect != NULL)
            REFUSED(zmq_connect(s, cases[i].connect), cases[i].error, "%s",
                    cases[i].connect);
        close_socket(s);
    }
    void *router = open_socket(ctx, ZMQ_ROUTER);
    test_set_int(router, ZMQ_ROUTER_RAW, 1);
    REFUSED(zmq_bind(router, "ws://127.0.0.1:*"), ENOCOMPATPROTO, "raw");
    REFUSED(zmq_connect(router, "ws://127.0.0.1:9"), ENOCOMPATPROTO, "raw");
    close_socket(router);
    void *s = open_socket(ctx, ZMQ_PAIR);
    memset(path + strlen(path), 'x', sizeof path - 1 - strlen(path));
    REFUSED(zmq_connect(s, path), EINVAL, "long");
    REFUSED(zmq_bind(s, path), EINVAL, "long");
    set_text(s, ZMQ_SOCKS_PROXY, "127.0.0.1:1080");
    REFUSED(zmq_connect(s, "ws://127.0.0.1:9"), ENOTSUP, "by a proxy");
    close_socket(s);
    end_ctx(ctx);
}

TEST(hosts_are_looked_up_in_the_background)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_REQ);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);

    connect_to(s, "ws://no-such-host.invalid:9/");
    CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(ipv6_has_its_brackets)
{
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_PULL),
         *client = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    test_set_int(server, ZMQ_IPV6, 1);
    test_set_int(client, ZMQ_IPV6, 1);
    if (zmq_bind(server, "ws://[::1]:*/p") < 0) {
        close_socket(client);
        close_socket(server);
        end_ctx(ctx);
        test_skip("no IPv6 here");
    }
    CHECK_OK(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint,
                            &(size_t){ sizeof endpoint }));
    CHECK(strncmp(endpoint, "ws://[::1]:", 11) == 0, "%s", endpoint);
    connect_to(client, endpoint);
    send_text(client, "hello");
    expect_text(server, "hello");
    close_socket(client);
    close_socket(server);
    end_ctx(ctx);
}

/* ---- A server of the library. */

struct served {
    void *ctx, *socket, *monitor;
    char endpoint[ENDPOINT_MAX];
};

static struct served serve(int type)
{
    struct served s = { .ctx = open_ctx() };
    s.socket = open_socket(s.ctx, type);
    s.monitor = open_monitor(s.ctx, s.socket, ZMQ_EVENT_ALL);
    bind_to(s.socket, "ws://127.0.0.1:*", s.endpoint);
    return s;
}

static void stop(struct served *s)
{
    close_socket(s->socket);
    close_socket(s->monitor);
    end_ctx(s->ctx);
}

TEST(server_speaks_zmtp_with_its_commands)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = ws_client(s.endpoint, "ZWS2.0/NULL");

    WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PULL");
    WS_SAY(&p, READY("\4PUSH"));
    WS_SAY(&p, "\1one");
    WS_SAY(&p, "\0");
    WS_SAY(&p, "\x40three");             /* flags that there are not mean nothing */
    expect_flags(s.socket, "one", 1);
    expect_flags(s.socket, "", 0);
    expect_flags(s.socket, "three", 0);
    EXPECT_UP(s.monitor, "with a mechanism");
    close(p.fd);
    EXPECT_LOST(s.monitor, "it went");
    stop(&s);
}

/* RFC 45, No Mechanism. */
TEST(server_without_a_mechanism_exchanges_routing_ids)
{
    struct served s = serve(ZMQ_ROUTER);
    struct ws_peer p = ws_client(s.endpoint, "ZWS2.0");

    WS_HEAR(&p, "\0");
    WS_SAY(&p, "\0me");
    WS_SAY(&p, "\1part");
    WS_SAY(&p, "\0question");
    expect_flags(s.socket, "me", 1);
    expect_flags(s.socket, "part", 1);
    expect_flags(s.socket, "question", 0);
    send_flags(s.socket, "me", ZMQ_SNDMORE);
    send_flags(s.socket, "answer", 0);
    WS_HEAR(&p, "\0answer");
    close(p.fd);
    stop(&s);
}

/* Which is all that browsers have: so there, too, it is told, named and kept alive. */
TEST(server_without_a_mechanism_tells_of_peers_and_pings_them)
{
    struct served s = { .ctx = open_ctx() };
    s.socket = open_socket(s.ctx, ZMQ_PULL);
    test_set_int(s.socket, ZMQ_HEARTBEAT_IVL, 30);
    test_set_int(s.socket, ZMQ_HEARTBEAT_TIMEOUT, 300);
    s.monitor = open_monitor(s.ctx, s.socket, ZMQ_EVENT_ALL);
    bind_to(s.socket, "ws://127.0.0.1:*", s.endpoint);

    struct ws_peer p = ws_client(s.endpoint, "ZWS2.0");
    WS_HEAR(&p, "\0");
    WS_SAY(&p, "\0");
    EXPECT_UP(s.monitor, "ZWS2.0");
    for (int i = 0; i < 20; i++) {
        WS_EXPECT(&p, FIN | PING, "");
        WS_SEND(&p, FIN | PONG, "");
    }
    WS_SEND(&p, FIN | PING, "and you?");
    ws_await(&p, FIN | PONG);
    WS_SAY(&p, "\0hello");
    zmq_msg_t m;
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, s.socket, 0), 5);
    CHECK_STR(zmq_msg_gets(&m, "Peer-Address"), "127.0.0.1");
    CHECK(zmq_msg_gets(&m, "Socket-Type") == NULL);
    CHECK_OK(zmq_msg_close(&m));
    EXPECT_LOST(s.monitor, "it answers no more");
    close(p.fd);
    stop(&s);
}

TEST(subscriptions_are_messages)
{
    struct served s = serve(ZMQ_XPUB);
    static const char *const protocols[] = { "ZWS2.0/NULL", "ZWS2.0" };

    for (int i = 0; i < 2; i++) {
        struct ws_peer p = ws_client(s.endpoint, protocols[i]);
        if (i == 0) {
            WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4XPUB");
            WS_SAY(&p, READY("\3SUB"));
        } else {
            WS_HEAR(&p, "\0");
            WS_SAY(&p, "\0");
        }
        WS_SAY(&p, "\0\1abc");
        expect_text(s.socket, "\1abc");
        send_text(s.socket, "abcdef");
        WS_HEAR(&p, "\0abcdef");
        if (i == 0)
            WS_SAY(&p, "\2\6CANCELabc"); /* ZMTP 3.1's form is understood, too */
        else
            WS_SAY(&p, "\0\0abc");
        char got[16];
        CHECK_EQ(zmq_recv(s.socket, got, sizeof got, 0), 4, "%s", protocols[i]);
        CHECK_MEM(got, "\0abc", 4);
        close(p.fd);
    }
    stop(&s);
}

TEST(requests_may_come_in_any_pieces)
{
    struct served s = serve(ZMQ_PULL);
    static const char text[] =
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: " SAMPLE_KEY "\r\n"
        "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n";

    for (size_t cut = 1; cut < sizeof text - 1; cut += 13) {
        struct ws_peer p = { raw_connect(s.endpoint), true };
        char answer[512];
        raw_send(p.fd, text, cut);
        raw_send(p.fd, text + cut, sizeof text - 1 - cut);
        ws_text(p.fd, answer, sizeof answer);
        WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PULL");
        WS_SAY(&p, READY("\4PUSH"));
        WS_SAY(&p, "\0hello");
        expect_text(s.socket, "hello");
        close(p.fd);
    }
    stop(&s);
}

/* A client that does not wait for the answer. */
TEST(frames_right_behind_the_request_are_heard)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = { raw_connect(s.endpoint), true };

    ws_request(p.fd, "ZWS2.0");
    WS_SAY(&p, "\0");
    WS_SAY(&p, "\0early");
    expect_text(s.socket, "early");
    close(p.fd);
    stop(&s);
}

#define HEADERS \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " SAMPLE_KEY "\r\n"

TEST(requests_that_are_not_fair_are_turned_away_and_told)
{
    static const char *const cases[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HEADERS "\r\n",
        "GET / HTTP/1.1\r\n" HEADERS "Sec-WebSocket-Protocol: chat\r\n\r\n",
        "GET / HTTP/1.1\r\n" HEADERS "Sec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n\r\n",
        "GET / HTTP/1.0\r\n" HEADERS "Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n",
        "POST / HTTP/1.1\r\n" HEADERS "Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n",
        GREETING_31,                     /* tcp's peer */
    };
    struct served s = serve(ZMQ_PULL);

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = raw_connect(s.endpoint);
        raw_send(fd, cases[i], i == ZN_COUNT(cases) - 1 ? 64 : strlen(cases[i]));
        RAW_EXPECT(fd, "HTTP/1.1 400 Bad Request\r\n");
        raw_expect_close(fd, cases[i]);
        expect_outcome(s.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED, cases[i]);
        EXPECT_LOST(s.monitor, cases[i]);
        close(fd);
    }
    stop(&s);
}

TEST(requests_without_an_end_are_cut_off)
{
    struct served s = serve(ZMQ_PULL);
    int fd = raw_connect(s.endpoint);
    char text[16384] = "GET / HTTP/1.1\r\nX: ";

    memset(text + 19, 'x', sizeof text - 19);
    raw_send(fd, text, sizeof text);
    raw_expect_close(fd, "16 KiB");
    expect_outcome(s.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED, "16 KiB");
    close(fd);
    stop(&s);
}

TEST(silent_peers_are_let_go_at_every_stage)
{
    struct served s = { .ctx = open_ctx() };
    s.socket = open_socket(s.ctx, ZMQ_PULL);
    test_set_int(s.socket, ZMQ_HANDSHAKE_IVL, 100);
    s.monitor = open_monitor(s.ctx, s.socket, ZMQ_EVENT_ALL);
    bind_to(s.socket, "ws://127.0.0.1:*", s.endpoint);

    for (int stage = 0; stage < 3; stage++) {
        struct ws_peer p = { .client = true };
        if (stage == 2)
            p = ws_client(s.endpoint, "ZWS2.0/NULL");
        else
            p.fd = raw_connect(s.endpoint);
        if (stage == 1)
            RAW_SEND(p.fd, "GET / HTTP/1.1\r\n");
        raw_expect_close(p.fd, "silent");
        expect_outcome(s.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EAGAIN, "silent");
        EXPECT_LOST(s.monitor, "silent");
        close(p.fd);
    }
    stop(&s);
}

static struct ws_peer pushed(struct served *s)
{
    struct ws_peer p = ws_client(s->endpoint, "ZWS2.0/NULL");
    WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PULL");
    WS_SAY(&p, READY("\4PUSH"));
    EXPECT_UP(s->monitor, "PUSH");
    return p;
}

TEST(fragments_become_one_message_with_pings_between)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = pushed(&s);
    char *large = calloc(1, 300001), *got = malloc(300001);

    WS_SEND(&p, BINARY, "\0");
    WS_SEND(&p, FIN | PING, "there?");
    WS_SEND(&p, CONTINUATION, "in ");
    WS_SEND(&p, CONTINUATION, "");
    WS_SEND(&p, FIN | CONTINUATION, "pieces");
    WS_SAY(&p, "\0behind");
    WS_EXPECT(&p, FIN | PONG, "there?");
    expect_text(s.socket, "in pieces");
    expect_text(s.socket, "behind");

    for (int i = 1; i < 300001; i++)
        large[i] = (char)(i * 7);
    ws_send(&p, BINARY, large, 100000);
    ws_send(&p, CONTINUATION, large + 100000, 100000);
    ws_send(&p, FIN | CONTINUATION, large + 200000, 100001);
    WS_SAY(&p, "\0behind");
    CHECK_EQ(zmq_recv(s.socket, got, 300001, 0), 300000);
    CHECK_MEM(got, large + 1, 300000);
    expect_text(s.socket, "behind");
    free(large);
    free(got);
    close(p.fd);
    stop(&s);
}

TEST(pings_are_answered_with_what_they_say)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = pushed(&s);
    char most[125];

    memset(most, 'm', sizeof most);
    WS_SEND(&p, FIN | PING, "");
    WS_EXPECT(&p, FIN | PONG, "");
    ws_send(&p, FIN | PING, most, sizeof most);
    ws_expect(&p, FIN | PONG, most, sizeof most);
    WS_SEND(&p, FIN | PONG, "nobody asked");
    WS_SAY(&p, "\0all is well");
    expect_text(s.socket, "all is well");
    close(p.fd);
    stop(&s);
}

TEST(close_is_echoed_and_ends_the_connection)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = pushed(&s);

    WS_SAY(&p, "\0last");
    WS_SEND(&p, FIN | CLOSE, "\x03\xe9going");
    WS_EXPECT(&p, FIN | CLOSE, "\x03\xe9going");
    raw_expect_close(p.fd, "closed");
    expect_text(s.socket, "last");
    EXPECT_LOST(s.monitor, "closed");
    close(p.fd);
    stop(&s);
}

TEST(the_library_says_goodbye)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = pushed(&s);

    CHECK_OK(zmq_unbind(s.socket, s.endpoint));
    WS_EXPECT(&p, FIN | CLOSE, "\x03\xe8");
    raw_expect_close(p.fd, "unbound");
    close(p.fd);
    stop(&s);
}

TEST(frames_that_break_the_rules_end_their_connection_alone)
{
    static const struct {
        const char *what;
        int first;
        const char *payload;
        size_t size;
        bool unmasked;
    } cases[] = {
        { "text", FIN | TEXT, "\0text", 5, false },
        { "no flags", FIN | BINARY, "", 0, false },
        { "not masked", FIN | BINARY, "\0a", 2, true },
        { "a reserved bit", FIN | 0x40 | BINARY, "\0a", 2, false },
        { "an unknown opcode", FIN | 3, "\0a", 2, false },
        { "a ping in fragments", PING, "a", 1, false },
        { "a continuation of nothing", FIN | CONTINUATION, "\0a", 2, false },
        { "half a status", FIN | CLOSE, "a", 1, false },
        { "a status of no meaning", FIN | CLOSE, "\x03\xe7", 2, false },
        { "no status, as a status", FIN | CLOSE, "\x03\xed", 2, false },
        { "an abnormal end", FIN | CLOSE, "\x03\xee", 2, false },
        { "a failure of TLS", FIN | CLOSE, "\x03\xf7why", 5, false },
        { "a status beyond all", FIN | CLOSE, "\x13\x88", 2, false },
    };
    struct served s = serve(ZMQ_PULL);
    struct ws_peer other = pushed(&s);

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct ws_peer p = pushed(&s);
        WS_SAY(&p, "\0before");
        p.client = !cases[i].unmasked;
        ws_send(&p, cases[i].first, cases[i].payload, cases[i].size);
        p.client = true;
        WS_SAY(&p, "\0after");
        WS_EXPECT(&p, FIN | CLOSE, "\x03\xea");
        raw_expect_close(p.fd, cases[i].what);
        expect_text(s.socket, "before");
        expect_outcome(s.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED, cases[i].what);
        EXPECT_LOST(s.monitor, cases[i].what);
        close(p.fd);
    }
    WS_SAY(&other, "\0still here");
    expect_text(s.socket, "still here");
    close(other.fd);
    stop(&s);
}

TEST(messages_over_the_limit_end_their_connection)
{
    char bytes[1002] = { 0 };

    for (int fragments = 0; fragments < 2; fragments++) {
        struct served s = { .ctx = open_ctx() };
        int64_t limit = 1000;
        s.socket = open_socket(s.ctx, ZMQ_PULL);
        CHECK_OK(zmq_setsockopt(s.socket, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
        s.monitor = open_monitor(s.ctx, s.socket, ZMQ_EVENT_ALL);
        bind_to(s.socket, "ws://127.0.0.1:*", s.endpoint);
        struct ws_peer p = pushed(&s);
        if (fragments)
            ws_send(&p, BINARY, bytes, 500);
        ws_send(&p, FIN | (fragments ? CONTINUATION : BINARY), bytes,
                fragments ? 501 : 1001);
        CHECK_EQ(zmq_recv(s.socket, bytes, sizeof bytes, 0), 1000, "at the limit");
        if (fragments)
            ws_send(&p, BINARY, bytes, 500);
        ws_send(&p, FIN | (fragments ? CONTINUATION : BINARY), bytes,
                fragments ? 502 : 1002);
        RAW_EXPECT(p.fd, "\x88\x02\x03\xf1");   /* 1009: too big */
        raw_expect_close(p.fd, "over the limit");
        EXPECT_LOST(s.monitor, "over the limit");
        close(p.fd);
        stop(&s);
    }
}

/* Who has not yet said who it is may not have much kept for it. */
TEST(strangers_may_not_make_it_collect)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = ws_client(s.endpoint, "ZWS2.0/NULL");
    char *bytes = calloc(1, 40000);

    ws_send(&p, BINARY, bytes, 40000);
    ws_send(&p, CONTINUATION, bytes, 40000);
    raw_expect_close(p.fd, "80,000 bytes of nothing");
    EXPECT_LOST(s.monitor, "80,000 bytes of nothing");
    free(bytes);
    close(p.fd);
    stop(&s);
}

TEST(a_frame_that_claims_4_gib_reserves_nothing)
{
    struct served s = serve(ZMQ_PULL);
    struct ws_peer p = pushed(&s);
    long before = proc_kb("VmSize:");

    RAW_SEND(p.fd, "\x82\xff\0\0\0\1\0\0\0\0\0\0\0\0\0some");
    RAW_SEND(p.fd, "\0\0\0\0");
    struct ws_peer other = pushed(&s);
    WS_SAY(&other, "\0hello");
    expect_text(s.socket, "hello");
    CHECK(proc_kb("VmSize:") - before < 1024 * 1024);
    close(other.fd);
    close(p.fd);
    stop(&s);
}

/* ---- A client of the library. */

struct called {
    void *ctx, *socket, *monitor;
    int listener;
    char endpoint[ENDPOINT_MAX];
};

static struct called await_call(int type)
{
    struct called c = { .ctx = open_ctx() };
    char tcp[ENDPOINT_MAX];
    c.listener = raw_listen(tcp);
    snprintf(c.endpoint, sizeof c.endpoint, "ws%.200s/some/path", tcp + 3);
    c.socket = open_socket(c.ctx, type);
    test_set_int(c.socket, ZMQ_RECONNECT_IVL, 10);
    c.monitor = open_monitor(c.ctx, c.socket, ZMQ_EVENT_ALL);
    return c;
}

static void hang_up(struct called *c)
{
    close_socket(c->socket);
    close_socket(c->monitor);
    end_ctx(c->ctx);
    close(c->listener);
}

static struct ws_peer pulling(struct called *c)
{
    struct ws_peer p = ws_server(c->listener, "ZWS2.0/NULL");
    WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PUSH");
    WS_SAY(&p, READY("\4PULL"));
    EXPECT_UP(c->monitor, "PULL");
    return p;
}

TEST(client_asks_as_rfc_6455_and_45_say)
{
    struct called c = await_call(ZMQ_PUSH);
    char text[2048], want[2048], keys[2][25];

    for (int i = 0; i < 2; i++) {
        connect_to(c.socket, c.endpoint);
        int fd = raw_accept(c.listener);
        ws_text(fd, text, sizeof text);
        memcpy(keys[i], strstr(text, "Sec-WebSocket-Key: ") + 19, 24);
        keys[i][24] = '\0';
        snprintf(want, sizeof want,
                 "GET /some/path HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                 "Sec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n",
                 (int)strcspn(c.endpoint + 5, "/"), c.endpoint + 5, keys[i]);
        CHECK_STR(text, want);
        CHECK_OK(zmq_disconnect(c.socket, c.endpoint));
        raw_expect_close(fd, "disconnected");
        close(fd);
    }
    CHECK(strcmp(keys[0], keys[1]) != 0);
    hang_up(&c);
}

TEST(client_masks_each_frame_anew)
{
    struct called c = await_call(ZMQ_PUSH);
    unsigned char frames[200][11];
    int same = 0;

    connect_to(c.socket, c.endpoint);
    struct ws_peer p = pulling(&c);
    for (int i = 0; i < 200; i++)
        send_text(c.socket, "same");
    for (int i = 0; i < 200; i++) {
        raw_recv(p.fd, frames[i], 11);
        CHECK_EQ(frames[i][0], FIN | BINARY);
        CHECK_EQ(frames[i][1], 0x80 | 5);
        for (int k = 0; k < 5; k++)
            CHECK_EQ(frames[i][6 + k] ^ frames[i][2 + k % 4], "\0same"[k]);
        same += i > 0 && memcmp(frames[i] + 2, frames[i - 1] + 2, 4) == 0;
    }
    CHECK_EQ(same, 0);
    close(p.fd);
    hang_up(&c);
}

TEST(client_may_be_answered_without_a_mechanism)
{
    struct called c = await_call(ZMQ_DEALER);
    set_text(c.socket, ZMQ_ROUTING_ID, "me");
    test_set_int(c.socket, ZMQ_HEARTBEAT_IVL, 1000);

    connect_to(c.socket, c.endpoint);
    struct ws_peer p = ws_server(c.listener, "ZWS2.0");
    WS_HEAR(&p, "\0me");
    WS_SAY(&p, "\0you");
    WS_SAY(&p, "\1a");
    WS_SAY(&p, "\0b");
    expect_flags(c.socket, "a", 1);
    expect_flags(c.socket, "b", 0);
    send_text(c.socket, "c");
    WS_HEAR(&p, "\0c");
    ws_await(&p, FIN | PING);
    close(p.fd);
    hang_up(&c);
}

TEST(client_may_be_answered_otherwise_the_next_time)
{
    struct called c = await_call(ZMQ_PUSH);

    connect_to(c.socket, c.endpoint);
    for (int i = 0; i < 4; i++) {
        struct ws_peer p = ws_server(c.listener, i % 2 ? "ZWS2.0" : "ZWS2.0/NULL");
        if (i % 2) {
            WS_HEAR(&p, "\0");
            WS_SAY(&p, "\0");
        } else {
            WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PUSH");
            WS_SAY(&p, READY("\4PULL"));
        }
        EXPECT_UP(c.monitor, "again");
        send_text(c.socket, "hello");
        WS_HEAR(&p, "\0hello");
        close(p.fd);
        EXPECT_LOST(c.monitor, "closed");
    }
    hang_up(&c);
}

/* "ZWS2.0" has no place for credentials. */
TEST(client_with_a_mechanism_offers_nothing_less)
{
    static const char *const offers[] = { "Sec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n",
                                          "Sec-WebSocket-Protocol: ZWS2.0/CURVE\r\n",
                                          "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n" };
    for (int i = 0; i < 3; i++) {
        struct called c = await_call(ZMQ_PUSH);
        void *other = open_socket(c.ctx, ZMQ_PULL);
        char text[2048];
        if (i == 1 && !zmq_has("curve")) {
            close_socket(other);
            hang_up(&c);
            continue;
        }
        if (i == 2)
            set_text(c.socket, ZMQ_ZAP_DOMAIN, "domain");
        secure(i == 2 ? ZMQ_NULL : i == 0 ? ZMQ_PLAIN : ZMQ_CURVE, other, c.socket);
        connect_to(c.socket, c.endpoint);
        int fd = raw_accept(c.listener);
        ws_text(fd, text, sizeof text);
        CHECK(strstr(text, offers[i]) != NULL, "%s", text);
        close(fd);
        close_socket(other);
        hang_up(&c);
    }
}

TEST(client_tries_again_where_a_proxy_says_not_now)
{
    struct called c = await_call(ZMQ_PUSH);
    char text[2048];

    connect_to(c.socket, c.endpoint);
    for (int i = 0; i < 2; i++) {
        int fd = raw_accept(c.listener);
        ws_text(fd, text, sizeof text);
        RAW_SEND(fd, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        raw_expect_close(fd, "503");
        expect_outcome(c.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ECONNREFUSED,
                       "503");
        EXPECT_LOST(c.monitor, "503");
        close(fd);
    }
    struct ws_peer p = pulling(&c);
    send_text(c.socket, "at last");
    WS_HEAR(&p, "\0at last");
    close(p.fd);
    hang_up(&c);
}

TEST(client_believes_no_answer_that_is_not_fair)
{
    static const char *const cases[] = {
        "SSH-2.0-x\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " SAMPLE_ACCEPT "\r\n"
        "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n",
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct called c = await_call(ZMQ_PUSH);
        char text[2048];
        connect_to(c.socket, c.endpoint);
        int fd = raw_accept(c.listener);
        ws_text(fd, text, sizeof text);
        raw_send(fd, cases[i], strlen(cases[i]));
        raw_expect_close(fd, cases[i]);
        expect_outcome(c.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED, cases[i]);
        EXPECT_LOST(c.monitor, cases[i]);
        test_expect_nothing(c.monitor, 50);      /* it does not come back */
        close(fd);
        hang_up(&c);
    }
}

TEST(client_takes_no_masked_frames)
{
    struct called c = await_call(ZMQ_PUSH);

    connect_to(c.socket, c.endpoint);
    struct ws_peer p = pulling(&c);
    p.client = true;
    WS_SEND(&p, FIN | PING, "masked");
    raw_expect_close(p.fd, "masked");
    expect_outcome(c.monitor, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                   ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED, "masked");
    close(p.fd);
    hang_up(&c);
}

TEST(heartbeats_are_pings)
{
    struct called c = await_call(ZMQ_PUSH);
    test_set_int(c.socket, ZMQ_HEARTBEAT_IVL, 30);
    test_set_int(c.socket, ZMQ_HEARTBEAT_TIMEOUT, 300);

    connect_to(c.socket, c.endpoint);
    struct ws_peer p = pulling(&c);
    for (int i = 0; i < 20; i++) {
        WS_EXPECT(&p, FIN | PING, "");
        WS_SEND(&p, FIN | PONG, "");
    }
    send_text(c.socket, "alive");
    int first;
    char got[16];
    while (ws_recv(&p, &first, got, sizeof got) == 0)
        WS_SEND(&p, FIN | PONG, "");
    CHECK_MEM(got, "\0alive", 6);
    ws_await(&p, FIN | CLOSE);           /* nothing is said any more: it gives up */
    EXPECT_LOST(c.monitor, "silence");
    close(p.fd);
    hang_up(&c);
}

TEST(what_was_cut_off_goes_out_again)
{
    struct called c = await_call(ZMQ_PUSH);
    static char large[4 << 20];

    connect_to(c.socket, c.endpoint);
    struct ws_peer p = pulling(&c);
    large[0] = 'a';
    CHECK_EQ(zmq_send(c.socket, large, sizeof large, 0), sizeof large);
    raw_recv(p.fd, large, 1000);
    close(p.fd);
    EXPECT_LOST(c.monitor, "cut");
    p = pulling(&c);
    char *got = malloc(sizeof large + 1);
    int first;
    CHECK_EQ(ws_recv(&p, &first, got, sizeof large + 1), sizeof large + 1);
    CHECK_MEM(got, "\0a", 2);
    free(got);
    close(p.fd);
    hang_up(&c);
}

/* A peer that does not read for a while: nothing is lost, pongs included. */
TEST(full_kernels_hold_nothing_up_for_good)
{
    struct served s = serve(ZMQ_PUSH);
    struct ws_peer p = ws_client(s.endpoint, "ZWS2.0/NULL");
    enum { COUNT = 600, SIZE = 20000 };
    char *bytes = malloc(SIZE + 1), *got = malloc(SIZE + 1);
    int first, pongs = 0, messages = 0;

    WS_HEAR(&p, "\2\5READY\13Socket-Type\0\0\0\4PUSH");
    WS_SAY(&p, READY("\4PULL"));
    for (int i = 0; i < COUNT; i++) {
        memset(bytes, i, SIZE);
        CHECK_EQ(zmq_send(s.socket, bytes, SIZE, 0), SIZE);
    }
    WS_SEND(&p, FIN | PING, "are you there");
    while (messages < COUNT || pongs == 0) {
        size_t n = ws_recv(&p, &first, got, SIZE + 1);
        if (first == (FIN | PONG)) {
            CHECK_EQ(n, 13);
            pongs++;
            continue;
        }
        CHECK_EQ(n, SIZE + 1);
        memset(bytes, messages, SIZE);
        CHECK_MEM(got + 1, bytes, SIZE);
        messages++;
    }
    free(bytes);
    free(got);
    close(p.fd);
    stop(&s);
}

/* socks_test.c - tcp through SOCKS5 proxies: microsocks, and one that answers by script. */
#include "tests/api/raw.h"
#include "tests/transports/proxy.h"

/* ---- A real proxy. */

static void set_text(void *s, int option, const char *text)
{
    CHECK_OK(zmq_setsockopt(s, option, text, strlen(text)));
}

static void use_proxy(void *s, int port)
{
    char text[32];

    snprintf(text, sizeof text, "127.0.0.1:%d", port);
    set_text(s, ZMQ_SOCKS_PROXY, text);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
}

static void log_in(void *s, const char *user, const char *password)
{
    set_text(s, ZMQ_SOCKS_USERNAME, user);
    set_text(s, ZMQ_SOCKS_PASSWORD, password);
}

static void exchange(void *a, void *b)
{
    static char large[1 << 20], got[sizeof large + 1];

    send_text(a, "there");
    expect_text(b, "there");
    memset(large, 'x', sizeof large);
    CHECK_EQ(zmq_send(b, large, sizeof large, 0), sizeof large);
    CHECK_EQ(zmq_recv(a, got, sizeof got, 0), sizeof large);
    CHECK_MEM(got, large, sizeof large);
}

TEST(socks_proxy_carries_messages_both_ways)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    struct proxy proxy = { .port = test_free_port() };

    proxy_start(&proxy);
    for (size_t i = 0; i < ZN_COUNT(hosts); i++) {
        void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER),
             *client = open_socket(ctx, ZMQ_DEALER);
        char endpoint[ENDPOINT_MAX], to[ENDPOINT_MAX];

        bind_to(server, "tcp://127.0.0.1:*", endpoint);
        snprintf(to, sizeof to, "tcp://%s%s", hosts[i], strrchr(endpoint, ':'));
        use_proxy(client, proxy.port);
        connect_to(client, to);
        exchange(client, server);
        close_socket(client);
        close_socket(server);
        end_ctx(ctx);
    }
    proxy_stop(&proxy);
}

TEST(socks_proxy_takes_the_right_user_and_password_only)
{
    static const char *const wrong[][2] = {
        { "me", "guess" }, { "you", "secret" }, { "me", "" }, { "", "" }
    };
    struct proxy proxy = { .port = test_free_port(), .user = "me", .password = "secret" };
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER),
         *client = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX];

    proxy_start(&proxy);
    bind_to(server, "tcp://127.0.0.1:*", endpoint);
    use_proxy(client, proxy.port);
    for (size_t i = 0; i < ZN_COUNT(wrong); i++) {
        void *stranger = open_socket(ctx, ZMQ_DEALER);
        void *monitor = open_monitor(ctx, stranger, ZMQ_EVENT_ALL);

        use_proxy(stranger, proxy.port);
        log_in(stranger, wrong[i][0], wrong[i][1]);
        connect_to(stranger, endpoint);
        for (int turn = 0; turn < 3; turn++) {
            CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_DELAYED, "%zu", i);
            CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CLOSED, "%zu", i);
            CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_RETRIED, "%zu", i);
        }
        close_socket(stranger);
        close_socket(monitor);
    }
    log_in(client, "me", "secret");
    connect_to(client, endpoint);
    exchange(client, server);
    close_socket(client);
    close_socket(server);
    end_ctx(ctx);
    proxy_stop(&proxy);
}

TEST(socks_proxy_that_goes_and_comes_is_found_again)
{
    struct proxy proxy = { .port = test_free_port() };
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER),
         *client = open_socket(ctx, ZMQ_DEALER);
    void *monitor = open_monitor(ctx, client, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    bind_to(server, "tcp://127.0.0.1:*", endpoint);
    use_proxy(client, proxy.port);
    connect_to(client, endpoint);
    for (int i = 0; i < 3; i++) {
        wait_event(monitor, ZMQ_EVENT_CLOSED);
        wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
        proxy_start(&proxy);
        exchange(client, server);
        proxy_stop(&proxy);
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    }
    close_socket(client);
    close_socket(monitor);
    close_socket(server);
    end_ctx(ctx);
}

TEST(socks_proxy_that_finds_nobody_is_asked_again)
{
    struct proxy proxy = { .port = test_free_port() };
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER),
         *client = open_socket(ctx, ZMQ_DEALER);
    void *monitor = open_monitor(ctx, client, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    proxy_start(&proxy);
    use_proxy(client, proxy.port);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    connect_to(client, endpoint);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CLOSED);
        struct event e = next_event(monitor);
        CHECK_EQ(e.id, ZMQ_EVENT_CONNECT_RETRIED);
        CHECK_STR(e.endpoint, endpoint);
    }
    CHECK_OK(zmq_bind(server, endpoint));
    exchange(client, server);
    close_socket(client);
    close_socket(monitor);
    close_socket(server);
    end_ctx(ctx);
    proxy_stop(&proxy);
}

TEST(socks_proxy_leads_a_stream_socket_as_well)
{
    struct proxy proxy = { .port = test_free_port() };
    void *ctx = open_ctx(), *stream = open_socket(ctx, ZMQ_STREAM);
    char endpoint[ENDPOINT_MAX], id[5];

    proxy_start(&proxy);
    int listener = raw_listen(endpoint);
    use_proxy(stream, proxy.port);
    connect_to(stream, endpoint);
    CHECK_EQ(zmq_recv(stream, id, 5, 0), 5);
    expect_text(stream, "");
    int fd = raw_accept(listener);
    CHECK_EQ(zmq_send(stream, id, 5, ZMQ_SNDMORE), 5);
    send_text(stream, "bytes");
    RAW_EXPECT(fd, "bytes");

    close(fd);
    close(listener);
    close_socket(stream);
    end_ctx(ctx);
    proxy_stop(&proxy);
}

/* ---- A proxy by script. */

struct scripted {
    void *ctx, *client, *monitor;
    int listener;
};

static struct scripted script_begin(const char *to)
{
    struct scripted x = { .ctx = open_ctx() };
    char proxy[ENDPOINT_MAX];

    x.listener = raw_listen(proxy);
    x.client = open_socket(x.ctx, ZMQ_DEALER);
    x.monitor = open_monitor(x.ctx, x.client, ZMQ_EVENT_ALL);
    set_text(x.client, ZMQ_SOCKS_PROXY, proxy + strlen("tcp://"));
    test_set_int(x.client, ZMQ_RECONNECT_IVL, 5);
    if (to != NULL)
        connect_to(x.client, to);
    return x;
}

static void script_end(struct scripted *x)
{
    close(x->listener);
    close_socket(x->client);
    close_socket(x->monitor);
    end_ctx(x->ctx);
}

#define GRANTED "\5\0\0\1\0\0\0\0\0\0"

TEST(socks_says_to_the_proxy_what_was_connected_to)
{
#define CASE(to, request)                \
    {                                    \
        to, request, sizeof(request) - 1 \
    }
    static const struct {
        const char *to, *request;
        size_t size;
    } cases[] = {
        CASE("tcp://some.host:7", "\5\1\0\3\11some.host\0\7"),
        CASE("tcp://192.0.2.1:65535", "\5\1\0\1\300\0\2\1\377\377"),
        CASE("tcp://[::1]:7", "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\7"),
        CASE("tcp://[fe80::1%lo]:7", "\5\1\0\4\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\7"),
        CASE("tcp://lo:*;some.host:7", "\5\1\0\3\11some.host\0\7"),
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        struct scripted x = script_begin(cases[i].to);
        int fd = raw_accept(x.listener);
        char got[64];

        RAW_EXPECT(fd, "\5\1\0");
        RAW_SEND(fd, "\5\0");
        raw_recv(fd, got, cases[i].size);
        CHECK_MEM(got, cases[i].request, cases[i].size);
        RAW_SEND(fd, GRANTED);
        struct peer p = zmtp_hello(fd, V31, "DEALER", "");
        send_text(x.client, "through");
        ZMTP_EXPECT(&p, 0, "through");
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECTED);
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        close(fd);
        script_end(&x);
    }
}

TEST(socks_is_through_before_anybody_is_told_so)
{
    struct scripted x = script_begin("tcp://some.host:7");
    int fd = raw_accept(x.listener);

    CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
    RAW_EXPECT(fd, "\5\1\0");
    RAW_SEND(fd, "\5\0");
    RAW_EXPECT(fd, "\5\1\0\3\11some.host\0\7");
    test_expect_nothing(x.monitor, 50);
    RAW_SEND(fd, GRANTED);
    CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECTED);
    close(fd);
    CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_DISCONNECTED);
    CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    script_end(&x);
}

TEST(socks_reads_answers_that_come_byte_by_byte_or_with_what_follows)
{
    static const char answers[] = "\5\0" GRANTED GREETING_31;
    struct scripted x = script_begin("tcp://some.host:7");

    for (int pass = 0; pass < 2; pass++) {
        int fd = raw_accept(x.listener);

        if (pass == 1)                   /* all at once, before anything was asked */
            raw_send(fd, answers, sizeof answers - 1);
        for (size_t i = 0; pass == 0 && i < sizeof answers - 1; i++)
            raw_send(fd, answers + i, 1);
        RAW_EXPECT(fd, "\5\1\0"
                       "\5\1\0\3\11some.host\0\7");
        RAW_EXPECT(fd, SIGNATURE);
        wait_event(x.monitor, ZMQ_EVENT_CONNECTED);
        close(fd);
    }
    script_end(&x);
}

TEST(socks_tries_again_after_each_odd_answer)
{
#define ODD(what, answer)                \
    {                                    \
        what, answer, sizeof(answer) - 1 \
    }
    static const struct {
        const char *what, *answer;
        size_t size;
    } cases[] = {
        ODD("nothing", ""),
        ODD("half an answer", "\5"),
        ODD("SOCKS4", "\0\132\0\0\0\0\0\0"),
        ODD("HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"),
        ODD("no way", "\5\377"),
        ODD("login", "\5\2"),
        ODD("refused", "\5\0\5\5\0\1\0\0\0\0\0\0"),
        ODD("unassigned reply", "\5\0\5\377\0\1\0\0\0\0\0\0"),
        ODD("reserved", "\5\0\5\0\1\1\0\0\0\0\0\0"),
        ODD("kind of address", "\5\0\5\0\0\2\0\0\0\0\0\0"),
        ODD("reply cut", "\5\0\5\0\0\4\0\0\0\0\0\0"),
        ODD("a name cut", "\5\0\5\0\0\3\377abc"),
    };
    struct scripted x = script_begin("tcp://some.host:7");

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = raw_accept(x.listener);

        raw_send(fd, cases[i].answer, cases[i].size);
        shutdown(fd, SHUT_WR);
        raw_expect_close(fd, cases[i].what);
        close(fd);
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECT_DELAYED, "%s",
                 cases[i].what);
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CLOSED, "%s", cases[i].what);
        CHECK_EQ(next_event(x.monitor).id, ZMQ_EVENT_CONNECT_RETRIED, "%s",
                 cases[i].what);
    }
    int fd = raw_accept(x.listener);
    RAW_SEND(fd, "\5\0" GRANTED);
    wait_event(x.monitor, ZMQ_EVENT_CONNECTED);
    close(fd);
    script_end(&x);
}

TEST(socks_waits_for_a_silent_proxy_no_longer_than_it_may)
{
    static const int options[] = { ZMQ_HANDSHAKE_IVL, ZMQ_CONNECT_TIMEOUT };

    for (size_t i = 0; i < ZN_COUNT(options); i++) {
        struct scripted x = script_begin(NULL);

        test_set_int(x.client, options[i], 30);
        connect_to(x.client, "tcp://some.host:7");
        int fd = raw_accept(x.listener);
        RAW_EXPECT(fd, "\5\1\0");
        wait_event(x.monitor, ZMQ_EVENT_CLOSED);
        wait_event(x.monitor, ZMQ_EVENT_CONNECT_RETRIED);
        raw_expect_close(fd, "a silent proxy");
        close(fd);
        script_end(&x);
    }
}

TEST(socks_ends_at_once_with_its_socket)
{
    struct scripted x = script_begin("tcp://some.host:7");
    int fd = raw_accept(x.listener);

    RAW_EXPECT(fd, "\5\1\0");
    script_end(&x);                      /* while the proxy owes an answer */
    raw_expect_close(fd, "its socket was closed");
    close(fd);
}

TEST(socks_proxy_that_is_refused_is_left_if_that_was_wished)
{
    struct scripted x = script_begin(NULL);

    test_set_int(x.client, ZMQ_RECONNECT_STOP, ZMQ_RECONNECT_STOP_CONN_REFUSED);
    connect_to(x.client, "tcp://some.host:7");
    int fd = raw_accept(x.listener);
    RAW_SEND(fd, "\5\0\5\5\0\1\0\0\0\0\0\0");
    wait_event(x.monitor, ZMQ_EVENT_CLOSED);
    raw_expect_close(fd, "the proxy was refused");
    test_expect_nothing(x.monitor, 50);
    REFUSED(zmq_disconnect(x.client, "tcp://some.host:7"), ENOENT, "already gone");
    close(fd);
    script_end(&x);
}

TEST(socks_proxies_without_sense_are_never_asked_and_nobody_is_led_past_them)
{
    static const char *const proxies[] = { "127.0.0.1",  "127.0.0.1:0",
                                           "127.0.0.1:", "127.0.0.1:*",
                                           "::",         "lo:*;127.0.0.1:1",
                                           "[::1",       "not a proxy",
                                           ":70000" };
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX];

    bind_to(server, "tcp://127.0.0.1:*", endpoint);
    for (size_t i = 0; i < ZN_COUNT(proxies); i++) {
        void *client = open_socket(ctx, ZMQ_DEALER);
        void *monitor = open_monitor(ctx, client, ZMQ_EVENT_ALL);

        set_text(client, ZMQ_SOCKS_PROXY, proxies[i]);
        test_set_int(client, ZMQ_RECONNECT_IVL, 5);
        connect_to(client, endpoint);
        for (int turn = 0; turn < 3; turn++)
            CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_RETRIED, "%s", proxies[i]);
        close_socket(client);
        close_socket(monitor);
    }
    close_socket(server);
    end_ctx(ctx);
}

TEST(socks_proxy_concerns_connects_of_tcp_alone)
{
    static const char *const addresses[] = { "ipc://*", "inproc://x" };
    void *ctx = open_ctx(), *server = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX];

    set_text(server, ZMQ_SOCKS_PROXY, "127.0.0.1:1");
    for (size_t i = 0; i < ZN_COUNT(addresses); i++) {
        void *client = open_socket(ctx, ZMQ_DEALER);

        bind_to(server, addresses[i], endpoint);
        set_text(client, ZMQ_SOCKS_PROXY, "127.0.0.1:1");
        connect_to(client, endpoint);
        exchange(client, server);
        close_socket(client);
        CHECK_OK(zmq_unbind(server, endpoint));
    }
    bind_to(server, "tcp://127.0.0.1:*", endpoint);
    void *direct = open_socket(ctx, ZMQ_DEALER);
    set_text(direct, ZMQ_SOCKS_PROXY, "127.0.0.1:1");
    CHECK_OK(zmq_setsockopt(direct, ZMQ_SOCKS_PROXY, NULL, 0));
    connect_to(direct, endpoint);
    exchange(direct, server);
    close_socket(direct);
    close_socket(server);
    end_ctx(ctx);
}

/* heartbeat_test.c - peers that fall silent, and those that only seem to. */

#include "tests/api/raw.h"
#include "tests/api/security.h"

TEST(pings_go_out_with_their_ttl_and_silence_ends_the_connection)
{
    for (enum version v = V31; v <= V30; v++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
        char endpoint[ENDPOINT_MAX];

        test_set_int(s, ZMQ_HEARTBEAT_IVL, 50);
        test_set_int(s, ZMQ_HEARTBEAT_TTL, 2000);
        test_set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 200);
        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        struct peer p = zmtp_connect(endpoint, v, "PUSH", "");
        for (int i = 0; i < 5; i++) {             /* kept alive for 250 ms and more */
            ZMTP_EXPECT(&p, COMMAND, "\4PING\0\24");
            ZMTP_SEND(&p, COMMAND, "\4PONG");
        }
        wait_event(monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        raw_expect_close(p.fd, "silent since");
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
        close(p.fd);
        close_socket(monitor);
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(any_frame_is_a_sign_of_life)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    test_set_int(s, ZMQ_HEARTBEAT_IVL, 40);
    test_set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 400);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    for (int i = 0; i < 20; i++) {                /* twice the time-out in all */
        ZMTP_EXPECT(&p, COMMAND, "\4PING\0\0");
        ZMTP_SEND(&p, 0, "a message, no PONG");
        expect_text(s, "a message, no PONG");
    }
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(ttl_of_the_peer_ends_the_connection_when_it_falls_silent)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    ZMTP_SEND(&p, COMMAND, "\4PING\0\1");         /* a tenth of a second */
    ZMTP_EXPECT(&p, COMMAND, "\4PONG");
    raw_expect_close(p.fd, "silent");
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq counts the milliseconds in 16 bits: 65.6 s become 64 ms. */
TEST(ttl_of_more_than_65_seconds_is_not_cut)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    struct peer short_lived = zmtp_connect(endpoint, V31, "PUSH", "");
    ZMTP_SEND(&p, COMMAND, "\4PING\2\220");       /* 656 tenths */
    ZMTP_EXPECT(&p, COMMAND, "\4PONG");
    ZMTP_SEND(&short_lived, COMMAND, "\4PING\0\2");
    raw_expect_close(short_lived.fd, "after 200 ms");
    ZMTP_SEND(&p, 0, "still here");
    expect_text(s, "still here");
    close(p.fd);
    close(short_lived.fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(connecter_comes_back_after_a_heartbeat_was_missed)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int listener = raw_listen(endpoint);

    test_set_int(s, ZMQ_HEARTBEAT_IVL, 20);
    test_set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 50);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    connect_to(s, endpoint);
    struct peer p = zmtp_hello(raw_accept(listener), V31, "PULL", "");
    raw_expect_close(p.fd, "silent");
    close(p.fd);
    p = zmtp_hello(raw_accept(listener), V31, "PULL", "");
    send_text(s, "to the second");
    int flags;
    char body[64];
    size_t n;
    do
        n = zmtp_recv(&p, &flags, body, sizeof body);
    while (flags == COMMAND);
    CHECK(n == 13 && memcmp(body, "to the second", 13) == 0);
    close(p.fd);
    close(listener);
    close_socket(s);
    end_ctx(ctx);
}

/* However long it is compared with the interval: counted in PINGs, which come as long as the
 * connection stands. */
TEST(silence_is_noticed_one_timeout_after_the_first_ping_without_an_answer)
{
    enum { INTERVAL = 50, PINGS = 20 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], frame[9];
    ssize_t n;
    int count = 0;

    test_set_int(s, ZMQ_HEARTBEAT_IVL, INTERVAL);
    test_set_int(s, ZMQ_HEARTBEAT_TIMEOUT, PINGS * INTERVAL);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    ZMTP_EXPECT(&p, COMMAND, "\4PING\0\0");
    ZMTP_SEND(&p, COMMAND, "\4PONG");
    while ((n = recv(p.fd, frame, sizeof frame, MSG_WAITALL)) == sizeof frame)
        count++;
    CHECK_EQ(n, 0, "closed");
    CHECK(count > 0 && count < PINGS * 3 / 2, "%d unanswered", count);
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- a message that goes out slowly, to a peer that is never silent for long ---- */

enum { SIZE = 8 << 20, BUFFER = 65536, INTERVAL = 100, TIMEOUT = 1500 };

static char *slow_message(void)
{
    char *data = malloc(SIZE);

    CHECK(data != NULL);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 31 + (i >> 8));
    return data;
}

static void *open_beating(void *ctx)
{
    void *s = open_socket(ctx, ZMQ_PUSH);

    test_set_int(s, ZMQ_SNDBUF, BUFFER);
    test_set_int(s, ZMQ_HEARTBEAT_IVL, INTERVAL);
    test_set_int(s, ZMQ_HEARTBEAT_TIMEOUT, TIMEOUT);
    return s;
}

static void shrink(int fd)
{
    int size = BUFFER;

    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
}

/* Reads a little at a time for twice as long as silence may last; then what there is. */
static size_t recv_slowly(int fd, void *data, size_t size, long began)
{
    enum { PIECE = 8192, PAUSE = 5 };

    if (now_ms() - began < 2 * (INTERVAL + TIMEOUT)) {
        poll(NULL, 0, PAUSE);
        size = size < PIECE ? size : PIECE;
    }
    ssize_t n = recv(fd, data, size, 0);
    return n > 0 ? (size_t)n : 0;
}

/* Answers PINGs until a long frame begins; returns its length. */
static uint64_t expect_long_frame(struct peer *p)
{
    unsigned char head[9];                        /* both have nine bytes */

    for (;;) {
        raw_recv(p->fd, head, sizeof head);
        if (head[0] == LONG)
            return get_be(head + 1, 8);
        CHECK_MEM(head, "\4\7\4PING\0\0", sizeof head);
        ZMTP_SEND(p, COMMAND, "\4PONG");
    }
}

TEST(ping_waits_behind_a_message_that_goes_out_slowly)
{
    void *ctx = open_ctx(), *s = open_beating(ctx);
    char endpoint[ENDPOINT_MAX], *data = slow_message(), *got = malloc(SIZE);

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V31, "PULL", "");
    shrink(p.fd);
    CHECK_EQ(zmq_send(s, data, SIZE, 0), SIZE);
    CHECK_EQ(expect_long_frame(&p), SIZE);
    long began = now_ms();
    for (size_t have = 0, n; have < SIZE; have += n) {
        n = recv_slowly(p.fd, got + have, SIZE - have, began);
        CHECK(n > 0, "after %zu bytes", have);
    }
    CHECK_MEM(got, data, SIZE);
    ZMTP_EXPECT(&p, COMMAND, "\4PING\0\0");
    ZMTP_SEND(&p, COMMAND, "\4PONG");
    CHECK_EQ(zmq_send(s, data, 300, 0), 300);
    CHECK_EQ(expect_long_frame(&p), 300);
    free(data);
    free(got);
    close(p.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* One connection from the listener to the endpoint, slow on the way there. */
struct link {
    int listener;
    char endpoint[ENDPOINT_MAX];
};

static void *run_link(void *arg)
{
    struct link *l = arg;
    struct pollfd fds[2] = { { raw_accept(l->listener), POLLIN, 0 },
                             { raw_connect(l->endpoint), POLLIN, 0 } };
    char data[BUFFER];
    long began = now_ms();
    size_t n = 1;

    while (n > 0 && poll(fds, 2, PATIENCE) > 0) {
        int from = fds[0].revents != 0 ? 0 : 1;
        n = recv_slowly(fds[from].fd, data, sizeof data, from == 0 ? began : 0);
        raw_send(fds[!from].fd, data, n);
    }
    close(fds[0].fd);
    close(fds[1].fd);
    return NULL;
}

TEST(message_that_goes_out_slowly_arrives_at_the_first_attempt)
{
    static const int mechanisms[] = { ZMQ_NULL, ZMQ_CURVE };
    char *data = slow_message(), *got = malloc(SIZE);

    for (size_t i = 0; i < ZN_COUNT(mechanisms); i++) {
        void *ctx = open_ctx(), *s = open_beating(ctx), *in = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];
        struct link l = { .listener = raw_listen(endpoint) };

        if (!has_mechanism(mechanisms[i]))
            test_skip("no CURVE");
        secure(mechanisms[i], in, s);
        bind_to(in, "tcp://127.0.0.1:*", l.endpoint);
        shrink(l.listener);
        struct test_thread *thread = test_thread_start(run_link, &l);
        connect_to(s, endpoint);
        CHECK_EQ(zmq_send(s, data, SIZE, 0), SIZE);
        CHECK_EQ(zmq_recv(in, got, SIZE, 0), SIZE, "mechanism %d", mechanisms[i]);
        CHECK_MEM(got, data, SIZE);
        send_text(s, "next");
        expect_text(in, "next");
        close_socket(s);
        test_thread_join(thread);
        close(l.listener);
        close_socket(in);
        end_ctx(ctx);
    }
    free(data);
    free(got);
}

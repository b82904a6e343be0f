/* reconnect_test.c - peers that come late, go, come back or never speak. */

#include "tests/api/raw.h"

#include <sys/un.h>

static void free_endpoint(char endpoint[ENDPOINT_MAX])
{
    snprintf(endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%d", test_free_port());
}

/* A listener of bare TCP on the port of an endpoint that was used before. */
static int raw_listen_at(const char *endpoint)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    CHECK_OK(bind(fd, (struct sockaddr *)&a, sizeof a));
    CHECK_OK(listen(fd, 16));
    return raw_ready(fd);
}

/* ---- any order ---- */

TEST(peers_meet_in_any_order_of_start)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *req = open_socket(ctx, ZMQ_REQ),
             *rep = open_socket(ctx, ZMQ_REP);
        char endpoint[ENDPOINT_MAX];

        if (t == 0)
            free_endpoint(endpoint);
        else if (t == 1)
            snprintf(endpoint, sizeof endpoint, "ipc://%s/late", test_dir());
        else
            snprintf(endpoint, sizeof endpoint, "inproc://late");
        connect_to(req, endpoint);
        send_text(req, "early");
        CHECK_OK(zmq_bind(rep, endpoint));
        expect_text(rep, "early");
        send_text(rep, "answer");
        expect_text(req, "answer");
        close_socket(req);
        close_socket(rep);
        end_ctx(ctx);
    }
}

TEST(client_survives_restarts_of_its_server)
{
    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *client = open_socket(ctx, ZMQ_DEALER);
        void *monitor = open_monitor(ctx, client, ZMQ_EVENT_DISCONNECTED);
        char endpoint[ENDPOINT_MAX];

        if (t == 0)
            free_endpoint(endpoint);
        else
            snprintf(endpoint, sizeof endpoint, "ipc://%s/restart", test_dir());
        test_set_int(client, ZMQ_RECONNECT_IVL, 5);
        connect_to(client, endpoint);
        for (int i = 0; i < 3; i++) {
            void *own = open_ctx(), *server = open_socket(own, ZMQ_DEALER);

            CHECK_OK(zmq_bind(server, endpoint));
            send_text(client, "question");
            expect_text(server, "question");
            send_text(server, "answer");
            expect_text(client, "answer");
            close_socket(server);
            end_ctx(own);
            wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
        }
        close_socket(monitor);
        close_socket(client);
        end_ctx(ctx);
    }
}

TEST(messages_queued_while_nobody_is_there_go_to_the_next_connection)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX], text[16];
    int listener = raw_listen(endpoint);

    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    connect_to(s, endpoint);
    struct peer p = zmtp_hello(raw_accept(listener), V31, "PULL", "");
    send_text(s, "first");
    ZMTP_EXPECT(&p, 0, "first");
    close(listener);
    close(p.fd);
    wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%d", i);
        send_flags(s, text, ZMQ_SNDMORE);
        send_text(s, "end");
    }
    listener = raw_listen_at(endpoint);
    p = zmtp_hello(raw_accept(listener), V31, "PULL", "");
    for (int i = 0; i < 50; i++) {
        int n = snprintf(text, sizeof text, "%d", i);
        zmtp_expect(&p, MORE, text, (size_t)n);
        ZMTP_EXPECT(&p, 0, "end");
    }
    close(p.fd);
    close(listener);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

static void replay(int touch)
{
    enum { TOPICS = 100 };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_SUB);
    char endpoint[ENDPOINT_MAX], topic[16];
    int listener = raw_listen(endpoint);

    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    for (int i = 0; i < TOPICS; i++) {
        int n = snprintf(topic, sizeof topic, "t%d", i);
        CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, (size_t)n));
        CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, (size_t)n));   /* counted */
        CHECK_OK(zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, topic, (size_t)n));
    }
    connect_to(s, endpoint);
    for (int round = 0; round < 3; round++) {
        struct peer p = zmtp_hello(raw_accept(listener), V31, "PUB", "");
        int seen[TOPICS] = { 0 }, flags;

        if (touch)
            touch_until_readable(s, p.fd);
        for (int i = 0; i < TOPICS; i++) {
            char body[64] = "";
            size_t n = zmtp_recv(&p, &flags, body, sizeof body - 1);
            CHECK_EQ(flags, COMMAND);
            CHECK(n > 11 && memcmp(body, "\11SUBSCRIBEt", 11) == 0);
            seen[atoi(body + 11)]++;
        }
        for (int i = 0; i < TOPICS; i++)
            CHECK_EQ(seen[i], 1, "topic %d, round %d", i, round);
        close(p.fd);
    }
    close(listener);
    close_socket(s);
    end_ctx(ctx);
}

TEST(subscriptions_are_all_replayed_to_the_next_connection)
{
    replay(1);
}

/* zinc: libzmq does it at the application's next call. */
TEST(subscriptions_are_replayed_while_nobody_calls)
{
    replay(0);
}

TEST(immediate_waits_for_a_connection_and_forgets_with_it)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    char nobody[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];

    free_endpoint(nobody);
    test_set_int(s, ZMQ_IMMEDIATE, 1);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    connect_to(s, nobody);
    REFUSED(zmq_send(s, "x", 1, ZMQ_DONTWAIT), EAGAIN, "nobody there yet");

    void *in = open_socket(ctx, ZMQ_PULL);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(s, endpoint);
    for (int i = 0; i < 20; i++) {                /* none is lost to the other */
        send_text(s, "only to the connected");
        expect_text(in, "only to the connected");
    }
    close_socket(s);
    close_socket(in);
    end_ctx(ctx);
}

/* ---- intervals ---- */

struct intervals {
    const char *what;
    int ivl, max, least[4], most[4];
};

static void check_intervals(const struct intervals *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_CONNECT_RETRIED);
        char endpoint[ENDPOINT_MAX];
        long before = now_ms(), sum = 0;

        free_endpoint(endpoint);
        test_set_int(s, ZMQ_RECONNECT_IVL, cases[i].ivl);
        test_set_int(s, ZMQ_RECONNECT_IVL_MAX, cases[i].max);
        connect_to(s, endpoint);
        for (int j = 0; j < 4; j++) {
            int ms = (int)next_event(monitor).value;
            CHECK(ms >= cases[i].least[j] && ms <= cases[i].most[j], "%s: %d ms",
                  cases[i].what, ms);
            CHECK(now_ms() - before >= sum - 1, "and they are kept");
            sum += ms;
        }
        close_socket(monitor);
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(intervals_between_attempts_follow_the_options)
{
    static const struct intervals cases[] = {
        { "with a random part", 20, 0, { 20, 20, 20, 20 }, { 39, 39, 39, 39 } },
        { "doubling to a cap", 10, 40, { 10, 20, 40, 40 }, { 19, 29, 49, 49 } },
    };

    check_intervals(cases, ZN_COUNT(cases));
}

/* zinc: as later libzmq; 4.3.4 adds its random part to these as well. */
TEST(doubled_intervals_are_exact)
{
    static const struct intervals cases[] = {
        { "doubling to a cap", 10, 40, { 10, 20, 40, 40 }, { 10, 20, 40, 40 } },
    };

    check_intervals(cases, ZN_COUNT(cases));
}

/* Waits until the I/O thread has served another connection of s from end to end, and
 * checks that no retry was told before. */
static void expect_no_retry(void *ctx, void *s, void *monitor)
{
    void *good = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    struct event e;

    bind_to(good, "tcp://127.0.0.1:*", endpoint);
    connect_to(s, endpoint);
    do {
        e = next_event(monitor);
        CHECK(e.id != ZMQ_EVENT_CONNECT_RETRIED, "%s", e.endpoint);
    } while (e.id != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    close_socket(good);
}

TEST(interval_of_minus_one_never_tries_again)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    free_endpoint(endpoint);
    test_set_int(s, ZMQ_RECONNECT_IVL, -1);
    connect_to(s, endpoint);
    wait_event(monitor, ZMQ_EVENT_CLOSED);
    expect_no_retry(ctx, s, monitor);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: what has stopped is no endpoint any more; libzmq's, whose handshake was lost, is. */
TEST(reconnect_stops_where_the_option_says)
{
    static const struct {
        const char *what;
        int flags, refused, stops;
    } cases[] = {
        { "refused, flag set", ZMQ_RECONNECT_STOP_CONN_REFUSED, 1, 1 },
        { "refused, other flag", ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED, 1, 0 },
        { "handshake lost, flag set", ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED, 0, 1 },
        { "handshake lost, other flag", ZMQ_RECONNECT_STOP_CONN_REFUSED, 0, 0 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
        void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
        char endpoint[ENDPOINT_MAX];
        int listener = raw_listen(endpoint);

        fprintf(stderr, "# %s\n", cases[i].what);
        if (cases[i].refused)
            close(listener);
        test_set_int(s, ZMQ_RECONNECT_IVL, 5);
        test_set_int(s, ZMQ_RECONNECT_STOP, cases[i].flags);
        connect_to(s, endpoint);
        if (!cases[i].refused)
            close(raw_accept(listener));
        if (!cases[i].stops)
            wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
        else {
            wait_event(monitor,
                       cases[i].refused ? ZMQ_EVENT_CLOSED : ZMQ_EVENT_DISCONNECTED);
            expect_no_retry(ctx, s, monitor);
            REFUSED(zmq_disconnect(s, endpoint), ENOENT, "%s", cases[i].what);
        }
        if (!cases[i].refused)
            close(listener);
        close_socket(monitor);
        close_socket(s);
        end_ctx(ctx);
    }
}

/* The file that a listener has left behind when it was killed. */
static void leave_stale_file(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(a.sun_path, path, strlen(path));
    CHECK_OK(bind(fd, (struct sockaddr *)&a, sizeof a));
    close(fd);
}

/* zinc: libzmq does so over tcp and the like. */
TEST(reconnect_stops_over_ipc_too)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "ipc://%s/stale", test_dir());
    leave_stale_file(endpoint + strlen("ipc://"));
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    test_set_int(s, ZMQ_RECONNECT_STOP, ZMQ_RECONNECT_STOP_CONN_REFUSED);
    connect_to(s, endpoint);
    wait_event(monitor, ZMQ_EVENT_CLOSED);
    expect_no_retry(ctx, s, monitor);
    REFUSED(zmq_disconnect(s, endpoint), ENOENT, "stopped");
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(peer_that_never_speaks_is_left_after_handshake_ivl)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];
    int listener = raw_listen(endpoint);

    test_set_int(s, ZMQ_HANDSHAKE_IVL, 30);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    connect_to(s, endpoint);
    int silent = raw_accept(listener);
    wait_event(monitor, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
    raw_expect_close(silent, "silent");
    close(silent);
    close(raw_accept(listener));                  /* it does come again */
    close(listener);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(connect_timeout_ends_an_attempt_that_gets_no_answer)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];
    int fds[8], listener = raw_listen(endpoint);

    CHECK_OK(listen(listener, 0));                /* fill its queue: SYNs get no answer */
    for (size_t i = 0; i < ZN_COUNT(fds); i++) {
        struct sockaddr_in a = { .sin_family = AF_INET };
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(connect(fds[i], (struct sockaddr *)&a, sizeof a) == 0 ||
              errno == EINPROGRESS);
    }
    test_set_int(s, ZMQ_CONNECT_TIMEOUT, 50);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    connect_to(s, endpoint);
    for (int i = 0; i < 2; i++) {
        wait_event(monitor, ZMQ_EVENT_CONNECT_DELAYED);
        wait_event(monitor, ZMQ_EVENT_CLOSED);
        wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
    }
    for (size_t i = 0; i < ZN_COUNT(fds); i++)
        close(fds[i]);
    close(listener);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- routing ids ---- */

/* zinc: libzmq ignores the newcomer for ever. */
TEST(taken_routing_id_is_refused_and_admitted_once_free)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_ROUTER);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_DISCONNECTED);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer first = zmtp_connect(endpoint, V31, "DEALER", "name");
    ZMTP_SEND(&first, 0, "first");
    expect_flags(s, "name", 1);
    expect_text(s, "first");
    struct peer second = zmtp_connect(endpoint, V31, "DEALER", "name");
    raw_expect_close(second.fd, "taken");
    wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    close(second.fd);
    ZMTP_SEND(&first, 0, "undisturbed");
    expect_flags(s, "name", 1);
    expect_text(s, "undisturbed");
    close(first.fd);
    wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    second = zmtp_connect(endpoint, V31, "DEALER", "name");
    ZMTP_SEND(&second, 0, "second");
    expect_flags(s, "name", 1);
    expect_text(s, "second");
    close(second.fd);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* A ROUTER, and two peers of one name, of which the second has taken it. */
struct handover {
    void *ctx, *s, *monitor;
    char endpoint[ENDPOINT_MAX];
    struct peer first, second;
};

static struct peer say_hello(struct handover *h, const char *name, const char *text)
{
    struct peer p = zmtp_connect(h->endpoint, V31, "DEALER", name);

    zmtp_send(&p, 0, text, strlen(text));
    expect_flags(h->s, name, 1);
    expect_text(h->s, text);
    return p;
}

static void second_is_heard(struct handover *h, const char *text)
{
    zmtp_send(&h->second, 0, text, strlen(text));
    expect_flags(h->s, "name", 1);
    expect_text(h->s, text);
}

static void second_is_reached(struct handover *h)
{
    send_flags(h->s, "name", ZMQ_SNDMORE);
    send_text(h->s, "to the second");
    ZMTP_EXPECT(&h->second, 0, "to the second");
}

static void hand_over(struct handover *h)
{
    h->ctx = open_ctx();
    h->s = open_socket(h->ctx, ZMQ_ROUTER);
    h->monitor = open_monitor(h->ctx, h->s, ZMQ_EVENT_DISCONNECTED);
    test_set_int(h->s, ZMQ_ROUTER_HANDOVER, 1);
    bind_to(h->s, "tcp://127.0.0.1:*", h->endpoint);
    h->first = say_hello(h, "name", "first");
    h->second = say_hello(h, "name", "second");
    second_is_reached(h);
}

static void end_handover(struct handover *h)
{
    close_socket(h->monitor);
    close_socket(h->s);
    end_ctx(h->ctx);
    close(h->second.fd);
}

/* If it were closed a peer that connects again would take the name back. */
TEST(handover_leaves_the_old_connection_open)
{
    struct handover h;
    char byte;

    hand_over(&h);
    struct peer third = say_hello(&h, "third", "its loop has been round");
    CHECK_EQ(recv(h.first.fd, &byte, 1, MSG_DONTWAIT), -1);
    CHECK_EQ(errno, EAGAIN);
    close(h.first.fd);
    wait_event(h.monitor, ZMQ_EVENT_DISCONNECTED);
    second_is_reached(&h);
    second_is_heard(&h, "undisturbed");
    close(third.fd);
    end_handover(&h);
}

/* zinc: libzmq does not notice that it goes, either. */
TEST(handover_leaves_the_old_connection_unread_until_it_goes)
{
    struct handover h;

    hand_over(&h);
    for (int i = 0; i < 3; i++)
        ZMTP_SEND(&h.first, 0, "unheard");
    second_is_heard(&h, "undisturbed");
    close(h.first.fd);
    wait_event(h.monitor, ZMQ_EVENT_DISCONNECTED);
    second_is_reached(&h);
    second_is_heard(&h, "undisturbed still");
    end_handover(&h);
}

/* What was queued for it goes as long as ZMQ_LINGER says in the end. */
TEST(handover_does_not_hold_up_the_end)
{
    enum { SIZE = 1 << 20, MESSAGES = 32 };      /* more than the kernel takes */
    static char large[SIZE];
    struct handover h;

    hand_over(&h);
    for (int i = 0; i < MESSAGES; i++) {
        send_flags(h.s, "name", ZMQ_SNDMORE);
        CHECK_OK(zmq_send(h.s, large, SIZE, 0));
    }
    test_set_int(h.s, ZMQ_LINGER, -1);
    struct peer third = say_hello(&h, "name", "third");
    test_set_int(h.s, ZMQ_LINGER, 0);
    close(third.fd);
    end_handover(&h);
    close(h.first.fd);
}

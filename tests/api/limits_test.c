/* limits_test.c - many peers, many subscriptions, no descriptors left. */

#include "tests/api/raw.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- descriptors ---- */

/* Lets this process open no more than room further descriptors. */
static struct rlimit limit_descriptors(int room)
{
    struct rlimit before, now;
    int next = dup(0);

    CHECK_OK(next);
    close(next);
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    now = before;
    now.rlim_cur = (rlim_t)(next + room);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &now));
    return before;
}

/* Forks a process, with a limit of its own, that holds count connections to endpoint
 * until it is killed. */
static pid_t start_clients(const char *endpoint, int count, const struct rlimit *limit)
{
    int ready[2];
    char c;

    CHECK_OK(pipe(ready));
    pid_t child = fork();
    CHECK_OK(child);
    if (child == 0) {
        CHECK_OK(setrlimit(RLIMIT_NOFILE, limit));
        for (int i = 0; i < count; i++)
            raw_connect(endpoint);
        CHECK(write(ready[1], "x", 1) == 1);
        for (;;)
            pause();
    }
    CHECK(read(ready[0], &c, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void stop_clients(pid_t child)
{
    kill(child, SIGKILL);
    CHECK(waitpid(child, NULL, 0) == child);
}

static long cpu_ms(void)
{
    struct rusage use;

    CHECK_OK(getrusage(RUSAGE_SELF, &use));
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
           (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}

enum { CLIENTS = 40, ROOM = 12 };

static bool none_left(void *unused)
{
    int fd = dup(0);

    (void)unused;
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static void serve_at_the_limit(int watch_cpu)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ACCEPTED);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct rlimit before = limit_descriptors(ROOM);
    pid_t child = start_clients(endpoint, CLIENTS, &before);
    test_wait_until(none_left, NULL, 10);
    if (watch_cpu) {                              /* the one wait on time: a rate */
        long used = cpu_ms();
        poll(NULL, 0, 1000);
        used = cpu_ms() - used;
        CHECK(used < 20 * test_patience(), "%ld ms of CPU in a second", used);
    }
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    for (int i = 0; i < CLIENTS; i++)             /* the rest, in the queue since */
        next_event(monitor);
    stop_clients(child);

    struct peer p = zmtp_connect(endpoint, V31, "PUSH", "");
    ZMTP_SEND(&p, 0, "served again");
    expect_text(s, "served again");
    close(p.fd);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

TEST(accept_without_descriptors_is_told_as_failed)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ACCEPT_FAILED);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct rlimit before = limit_descriptors(ROOM);
    pid_t child = start_clients(endpoint, CLIENTS, &before);
    CHECK_EQ(next_event(monitor).value, EMFILE);
    stop_clients(child);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(listener_without_descriptors_serves_again_when_there_are_some)
{
    serve_at_the_limit(0);
}

/* zinc: libzmq's listener keeps a core busy meanwhile. */
TEST(listener_without_descriptors_backs_off)
{
    serve_at_the_limit(1);
}

/* zinc: libzmq aborts. */
TEST(calls_without_descriptors_fail_and_do_no_harm)
{
    for (int room = 0; room < 12; room++) {
        struct rlimit before = limit_descriptors(room);
        void *ctx = zmq_ctx_new();

        if (ctx != NULL) {
            void *s = zmq_socket(ctx, ZMQ_PULL), *t = zmq_socket(ctx, ZMQ_PUSH);
            char endpoint[ENDPOINT_MAX] = "";
            size_t len = sizeof endpoint;
            int fd;

            CHECK(s != NULL || errno == EMFILE, "socket: %d", errno);
            if (s != NULL && t != NULL) {
                int linger = 0;
                zmq_setsockopt(t, ZMQ_LINGER, &linger, sizeof linger);
                if (zmq_bind(s, "tcp://127.0.0.1:*") == 0) {
                    CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &len));
                    zmq_connect(t, endpoint);
                    zmq_send(t, "x", 1, ZMQ_DONTWAIT);
                } else {
                    CHECK_EQ(errno, EMFILE, "bind");
                }
                len = sizeof fd;
                if (zmq_getsockopt(s, ZMQ_FD, &fd, &len) < 0)
                    CHECK_EQ(errno, EMFILE, "ZMQ_FD");
            }
            if (s != NULL)
                close_socket(s);
            if (t != NULL)
                close_socket(t);
            end_ctx(ctx);
        } else {
            CHECK_EQ(errno, EMFILE, "ctx_new");
        }
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    }
}

/* Nor is one left to ask the system for its interfaces with: that is not as if there were none. */
TEST(interfaces_are_not_denied_for_want_of_descriptors)
{
    static const struct {
        int type;
        const char *endpoint;
    } cases[] = {
        { ZMQ_PULL, "tcp://lo:*" },
        { ZMQ_PULL, "ws://lo:*" },
        { ZMQ_DISH, "udp://lo:5" },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, cases[i].type);
        struct rlimit before = limit_descriptors(0);
        CHECK_ERRNO(zmq_bind(s, cases[i].endpoint), EMFILE);
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(connecter_without_descriptors_connects_once_there_are_some)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    void *monitor = open_monitor(ctx, out, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    test_set_int(out, ZMQ_RECONNECT_IVL, 5);
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    struct rlimit before = limit_descriptors(0);
    connect_to(out, endpoint);
    for (int i = 0; i < 3; i++)
        wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    send_text(out, "at last");
    expect_text(in, "at last");
    close_socket(monitor);
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

static void *send_to(void *s)
{
    send_text(s, "woken");
    return NULL;
}

/* zinc: libzmq's has been there from the start. Once asked for it stays. */
TEST(fd_is_made_when_it_is_first_asked_for)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    int fd;
    size_t size = sizeof fd;

    struct rlimit before = limit_descriptors(0);
    CHECK_ERRNO(zmq_getsockopt(s, ZMQ_FD, &fd, &size), EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    fd = test_get_int(s, ZMQ_FD);
    before = limit_descriptors(0);
    CHECK_EQ(test_get_int(s, ZMQ_FD), fd);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    close_socket(s);
    end_ctx(ctx);
}

/* Who accepts connections of his own beside us polls both, and must go on doing so. */
TEST(poll_needs_no_descriptor_of_its_own)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    int fds[2];

    CHECK_OK(pipe(fds));
    CHECK_OK(zmq_bind(in, "inproc://here"));
    connect_to(out, "inproc://here");
    zmq_pollitem_t items[] = {
        { in, 0, ZMQ_POLLIN, 0 },
        { NULL, fds[0], ZMQ_POLLIN, 0 },
    };
    struct rlimit before = limit_descriptors(0);
    CHECK_EQ(zmq_poll(items, 2, 1), 0);
    struct test_thread *thread = test_thread_start(send_to, out);
    CHECK_EQ(zmq_poll(items, 2, -1), 1);
    CHECK_EQ(items[0].revents, ZMQ_POLLIN);
    test_thread_join(thread);
    expect_text(in, "woken");
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_EQ(zmq_poll(items, 2, -1), 1);
    CHECK_EQ(items[1].revents, ZMQ_POLLIN);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    close(fds[0]);
    close(fds[1]);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* ---- peers ---- */

TEST(router_serves_a_thousand_peers)
{
    enum { PEERS = 1000 };
    static struct peer peers[PEERS];
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_ROUTER);
    char endpoint[ENDPOINT_MAX], id[32];

    test_set_int(s, ZMQ_ROUTER_MANDATORY, 1);
    test_set_int(s, ZMQ_BACKLOG, PEERS);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (int i = 0; i < PEERS; i++) {
        snprintf(id, sizeof id, "peer %d", i);
        peers[i] = zmtp_connect(endpoint, V31, "DEALER", id);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PEERS; i++)
            ZMTP_SEND(&peers[i], 0, "ask");
        for (int i = 0; i < PEERS; i++) {
            int n = zmq_recv(s, id, sizeof id, 0);
            CHECK(n > 5);
            expect_text(s, "ask");
            CHECK_EQ(zmq_send(s, id, (size_t)n, ZMQ_SNDMORE), n);
            CHECK_EQ(zmq_send(s, id, (size_t)n, 0), n);
        }
        for (int i = 0; i < PEERS; i++) {
            int n = snprintf(id, sizeof id, "peer %d", i);
            zmtp_expect(&peers[i], 0, id, (size_t)n);
        }
    }
    for (int i = 0; i < PEERS; i++)
        close(peers[i].fd);
    close_socket(s);
    end_ctx(ctx);
}

TEST(message_reaches_a_thousand_subscribers)
{
    enum { PEERS = 1000 };
    static struct peer peers[PEERS];
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_XPUB);
    char endpoint[ENDPOINT_MAX];

    test_set_int(s, ZMQ_XPUB_VERBOSE, 1);
    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = zmtp_connect(endpoint, V31, "SUB", "");
        ZMTP_SEND(&peers[i], COMMAND, "\11SUBSCRIBEnews");
    }
    for (int i = 0; i < PEERS; i++)
        expect_text(s, "\1news");
    send_text(s, "old");
    send_text(s, "news of the day");
    for (int i = 0; i < PEERS; i++) {
        ZMTP_EXPECT(&peers[i], 0, "news of the day");
        close(peers[i].fd);
    }
    close_socket(s);
    end_ctx(ctx);
}

static void come_and_go(void *monitor, const char *endpoint, int times)
{
    for (int i = 0; i < times; i++) {
        struct peer p = zmtp_connect(endpoint, V31, "SUB", "");
        ZMTP_SEND(&p, COMMAND, "\11SUBSCRIBEnews");
        close(p.fd);
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
    }
}

/* zinc: libzmq keeps each until the application's next call. */
TEST_TIMEOUT(publisher_nobody_calls_does_not_grow, 60)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUB);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_DISCONNECTED);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    come_and_go(monitor, endpoint, 200);
    long before = proc_kb("VmRSS:");
    come_and_go(monitor, endpoint, 2000);
    long grown = proc_kb("VmRSS:") - before;
    if (test_patience() == 1)                     /* sanitizers keep what is freed */
        CHECK(grown < 1024, "%ld KiB for 2,000 peers", grown);
    close_socket(monitor);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- subscriptions ---- */

/* Binds a publisher, counts the subscriptions until each topic has come once. */
static void *expect_subscriptions(void *ctx, const char *endpoint, int count)
{
    void *pub = open_socket(ctx, ZMQ_XPUB);
    unsigned char *seen = calloc((size_t)count, 1);
    char got[32];

    CHECK(seen != NULL);
    CHECK_OK(zmq_bind(pub, endpoint));
    for (int i = 0; i < count; i++) {
        int n = zmq_recv(pub, got, sizeof got - 1, 0);
        CHECK(n > 1 && got[0] == 1, "after %d", i);
        got[n] = 0;
        CHECK_EQ(seen[atoi(got + 2)]++, 0, "%s again", got + 1);
    }
    free(seen);
    send_text(pub, "t99999 is heard");
    return pub;
}

/* zinc: libzmq loses what does not fit its high-water mark. */
TEST_TIMEOUT(hundred_thousand_subscriptions_survive_a_restart, 60)
{
    enum { TOPICS = 100000 };
    void *ctx = open_ctx(), *sub = open_socket(ctx, ZMQ_SUB);
    char endpoint[ENDPOINT_MAX], topic[16];

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    connect_to(sub, endpoint);
    for (int i = 0; i < TOPICS; i++) {
        int n = snprintf(topic, sizeof topic, "t%d", i);
        CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, (size_t)n));
    }
    for (int round = 0; round < 2; round++) {
        void *own = open_ctx(), *pub = expect_subscriptions(own, endpoint, TOPICS);
        expect_text(sub, "t99999 is heard");
        close_socket(pub);
        end_ctx(own);
    }
    close_socket(sub);
    end_ctx(ctx);
}

/* zinc: as above. */
TEST(subscriptions_added_while_connected_are_not_lost_either)
{
    enum { TOPICS = 20000 };

    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *sub = open_socket(ctx, ZMQ_SUB),
             *pub = open_socket(ctx, ZMQ_XPUB);
        char endpoint[ENDPOINT_MAX], topic[16], got[32];

        bind_to(pub, each_transport[t], endpoint);
        connect_to(sub, endpoint);
        for (int i = 0; i < TOPICS; i++) {
            int n = snprintf(topic, sizeof topic, "t%d", i);
            CHECK_OK(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, (size_t)n));
        }
        for (int i = 0; i < TOPICS; i++)
            CHECK(zmq_recv(pub, got, sizeof got, 0) > 1, "%s: after %d",
                  each_transport[t], i);
        send_text(pub, "t19999");
        expect_text(sub, "t19999");
        close_socket(sub);
        close_socket(pub);
        end_ctx(ctx);
    }
}

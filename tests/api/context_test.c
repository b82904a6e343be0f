/* context_test.c - the life of a context: shutdown, linger, limits, signals. */

#include "tests/api/raw.h"
#include "tests/api/sleeper.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- shutdown ends whatever blocks ---- */

struct blocked {
    void *socket;
    int rc, error;
    int (*call)(void *socket);
};

static int call_recv(void *s)
{
    return zmq_recv(s, NULL, 0, 0);
}
static int call_send(void *s)
{
    return zmq_send(s, "x", 1, 0);
}
static int call_poll(void *s)
{
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };
    return zmq_poll(&item, 1, -1);
}
static int call_msg_recv(void *s)
{
    zmq_msg_t m;
    zmq_msg_init(&m);
    int rc = zmq_msg_recv(&m, s, 0), error = errno;
    zmq_msg_close(&m);
    errno = error;
    return rc;
}

static void *block(void *arg)
{
    struct blocked *b = arg;

    b->rc = b->call(b->socket);
    b->error = b->rc < 0 ? errno : 0;
    close_socket(b->socket);
    return NULL;
}

static const struct {
    const char *name;
    int type;
    int (*call)(void *);
} blockers[] = {
    { "recv", ZMQ_PULL, call_recv },
    { "msg_recv", ZMQ_SUB, call_msg_recv },
    { "send", ZMQ_PUSH, call_send },
    { "poll", ZMQ_DEALER, call_poll },
};

TEST(term_and_shutdown_end_blocked_calls_with_eterm)
{
    for (size_t i = 0; i < ZN_COUNT(blockers) * 2; i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, blockers[i / 2].type);
        struct blocked blocked = { .socket = s, .call = blockers[i / 2].call };
        struct sleeper sleeper;

        test_set_int(s, ZMQ_RCVTIMEO, -1);
        test_set_int(s, ZMQ_SNDTIMEO, -1);
        struct test_thread *t = sleeper_start(&sleeper, block, &blocked);
        if (i % 2 == 0)
            CHECK_OK(zmq_ctx_shutdown(ctx));
        end_ctx(ctx);
        test_thread_join(t);
        CHECK_EQ(blocked.rc, -1, "%s", blockers[i / 2].name);
        CHECK_EQ(blocked.error, ETERM, "%s", blockers[i / 2].name);
    }
}

TEST(after_shutdown_every_call_says_eterm_until_close)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };
    int value = 0;
    size_t len = sizeof value;

    CHECK_OK(zmq_ctx_shutdown(ctx));
    CHECK_OK(zmq_ctx_shutdown(ctx));              /* again is fine */
    REFUSED(zmq_send(s, "x", 1, 0), ETERM, "send");
    REFUSED(zmq_send(s, "x", 1, ZMQ_DONTWAIT), ETERM, "send");
    REFUSED(zmq_recv(s, NULL, 0, 0), ETERM, "recv");
    REFUSED(zmq_recv(s, NULL, 0, ZMQ_DONTWAIT), ETERM, "recv");
    REFUSED(zmq_bind(s, "inproc://x"), ETERM, "bind");
    REFUSED(zmq_bind(s, "nonsense"), ETERM, "bind");
    REFUSED(zmq_connect(s, "tcp://127.0.0.1:1"), ETERM, "connect");
    REFUSED(zmq_unbind(s, "inproc://x"), ETERM, "unbind");
    REFUSED(zmq_disconnect(s, "inproc://x"), ETERM, "disconnect");
    REFUSED(zmq_setsockopt(s, ZMQ_LINGER, &value, len), ETERM, "setsockopt");
    REFUSED(zmq_getsockopt(s, ZMQ_LINGER, &value, &len), ETERM, "getsockopt");
    REFUSED(zmq_getsockopt(s, ZMQ_EVENTS, &value, &len), ETERM, "EVENTS");
    REFUSED(zmq_poll(&item, 1, 0), ETERM, "poll");
    REFUSED(zmq_poll(&item, 1, -1), ETERM, "poll");
    REFUSED(zmq_socket_monitor(s, "inproc://m", ZMQ_EVENT_ALL), ETERM, "monitor");
    REFUSED(zmq_socket_monitor_pipes_stats(s), ETERM, "pipes_stats");
    REFUSED(zmq_socket_get_peer_state(s, "x", 1), ETERM, "peer_state");
    CHECK_NULL(zmq_socket(ctx, ZMQ_PAIR), ETERM);
    close_socket(s);
    end_ctx(ctx);
}

TEST(term_without_sockets_returns_at_once)
{
    void *ctx = open_ctx();

    end_ctx(ctx);
    ctx = open_ctx();
    CHECK_OK(zmq_ctx_shutdown(ctx));
    CHECK_NULL(zmq_socket(ctx, ZMQ_PAIR), ETERM);
    CHECK_EQ(zmq_ctx_destroy(ctx), 0);
    ctx = zmq_init(0);
    CHECK(ctx != NULL);
    CHECK_EQ(zmq_term(ctx), 0);
}

/* ---- linger ---- */

struct term {
    void *ctx;
    long ended;
};

static void *term(void *arg)
{
    struct term *t = arg;

    end_ctx(t->ctx);
    t->ended = now_ms();
    return NULL;
}

TEST(term_waits_for_lingering_messages_as_told)
{
    static const struct {
        const char *what;
        int linger;
        long least, most;
    } cases[] = {
        { "linger 0", 0, 0, 5000 },
        { "linger 1", 1, 0, 5000 },
        { "linger 300", 300, 290, 8000 },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
        char endpoint[ENDPOINT_MAX];

        snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
        connect_to(s, endpoint);
        send_text(s, "never to arrive");
        test_set_int(s, ZMQ_LINGER, cases[i].linger);
        long before = now_ms();
        close_socket(s);
        CHECK(now_ms() - before < 5000, "zmq_close never waits");
        end_ctx(ctx);
        long took = now_ms() - before;
        CHECK(took >= cases[i].least && took < cases[i].most, "%s: %ld ms", cases[i].what,
              took);
    }
}

static void *accept_and_close(void *arg)
{
    int *listener = arg;
    intptr_t count = 0;

    for (int fd; (fd = accept(*listener, NULL, NULL)) >= 0 || errno == EAGAIN; count++)
        close(fd);
    return (void *)count;
}

TEST(linger_ends_though_connections_are_lost_again_and_again)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int listener = raw_listen(endpoint);
    struct test_thread *thread = test_thread_start(accept_and_close, &listener);

    test_set_int(s, ZMQ_RECONNECT_IVL, 20);
    test_set_int(s, ZMQ_LINGER, 400);
    connect_to(s, endpoint);
    send_text(s, "never to arrive");
    close_socket(s);
    end_ctx(ctx);
    shutdown(listener, SHUT_RD);
    CHECK((intptr_t)test_thread_join(thread) > 1, "lost while it lingered");
    close(listener);
}

TEST(infinite_linger_delivers_to_a_peer_that_comes_after_term_began)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    void *other = open_ctx(), *in = open_socket(other, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    struct term t = { ctx, 0 };

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    test_set_int(s, ZMQ_LINGER, -1);
    connect_to(s, endpoint);
    for (int i = 0; i < 1000; i++)
        send_text(s, "it arrives");
    close_socket(s);
    struct test_thread *thread = test_thread_start(term, &t);
    CHECK_OK(zmq_bind(in, endpoint));
    for (int i = 0; i < 1000; i++)
        expect_text(in, "it arrives");
    test_thread_join(thread);
    close_socket(in);
    end_ctx(other);
}

TEST(lingering_messages_are_all_written_before_term_returns)
{
    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *other = open_ctx(), *in = open_socket(other, ZMQ_PULL);
        static char big[1 << 20];
        char endpoint[ENDPOINT_MAX];
        struct term term_arg = { ctx, 0 };

        bind_to(in, each_transport[t], endpoint);
        test_set_int(out, ZMQ_LINGER, -1);
        connect_to(out, endpoint);
        for (int i = 0; i < 32; i++)
            CHECK_EQ(zmq_send(out, big, sizeof big, 0), sizeof big);
        close_socket(out);
        struct test_thread *thread = test_thread_start(term, &term_arg);
        for (int i = 0; i < 32; i++)
            CHECK_EQ(zmq_recv(in, big, sizeof big, 0), sizeof big);
        test_thread_join(thread);
        close_socket(in);
        end_ctx(other);
    }
}

/* More than the kernel takes; zinc: libzmq drops it at an unbind. */
static void expect_big_after_ending(void *out, void *in, const char *endpoint,
                                    int (*end)(void *, const char *))
{
    static char big[1 << 20];

    for (int i = 0; i < 32; i++)
        CHECK_EQ(zmq_send(out, big, sizeof big, 0), sizeof big);
    CHECK_OK(end(out, endpoint));
    for (int i = 0; i < 32; i++)
        CHECK_EQ(zmq_recv(in, big, sizeof big, 0), sizeof big, "message %d", i);
}

TEST(what_is_queued_lingers_after_unbind_and_disconnect)
{
    for (int t = 0; t < TRANSPORTS; t++)
        for (int binds = 0; binds < 2; binds++) {
            void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
            void *in = open_socket(ctx, ZMQ_PULL);
            char endpoint[ENDPOINT_MAX];

            test_set_int(out, ZMQ_LINGER, -1);
            bind_to(binds ? out : in, each_transport[t], endpoint);
            connect_to(binds ? in : out, endpoint);
            expect_big_after_ending(out, in, endpoint,
                                    binds ? zmq_unbind : zmq_disconnect);
            close_socket(out);
            close_socket(in);
            end_ctx(ctx);
        }
}

TEST(linger_defaults_depend_on_type_and_blocky)
{
    static const struct {
        int type, linger;
    } cases[] = {
        { ZMQ_PAIR, -1 }, { ZMQ_PUB, -1 }, { ZMQ_SUB, 0 }, { ZMQ_REQ, -1 },
        { ZMQ_REP, -1 }, { ZMQ_DEALER, -1 }, { ZMQ_ROUTER, -1 }, { ZMQ_PULL, -1 },
        { ZMQ_PUSH, -1 }, { ZMQ_XPUB, -1 }, { ZMQ_XSUB, 0 }, { ZMQ_STREAM, -1 },
    };

    for (int blocky = 1; blocky >= 0; blocky--) {
        void *ctx = open_ctx();

        CHECK_OK(zmq_ctx_set(ctx, ZMQ_BLOCKY, blocky));
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            void *s = zmq_socket(ctx, cases[i].type);
            CHECK_EQ(test_get_int(s, ZMQ_LINGER), blocky ? cases[i].linger : 0, "type %d",
                     cases[i].type);
            close_socket(s);
        }
        end_ctx(ctx);
    }
}

TEST(term_ends_a_pending_inproc_connect)
{
    for (int linger = -1; linger <= 0; linger++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);

        test_set_int(s, ZMQ_LINGER, linger);
        connect_to(s, "inproc://nobody");
        send_text(s, "to nobody");
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(inproc_messages_outlive_the_socket_that_sent_them)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH);

    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    send_text(out, "one");
    send_text(out, "two");
    close_socket(out);                            /* LINGER 0 */
    expect_text(in, "one");
    expect_text(in, "two");
    close_socket(in);
    end_ctx(ctx);
}

TEST(contexts_do_not_share_inproc_names)
{
    void *a = open_ctx(), *b = open_ctx();
    void *in_a = open_socket(a, ZMQ_PULL), *in_b = open_socket(b, ZMQ_PULL);
    void *out = open_socket(b, ZMQ_PUSH);

    CHECK_OK(zmq_bind(in_a, "inproc://x"));
    CHECK_OK(zmq_bind(in_b, "inproc://x"));
    connect_to(out, "inproc://x");
    send_text(out, "to b");
    expect_text(in_b, "to b");
    REFUSED(zmq_recv(in_a, NULL, 0, ZMQ_DONTWAIT), EAGAIN, "a");
    close_socket(in_a);
    end_ctx(a);
    send_text(out, "b lives on");
    expect_text(in_b, "b lives on");
    close_socket(in_b);
    close_socket(out);
    end_ctx(b);
}

/* ---- limits ---- */

TEST(max_sockets_gives_emfile_and_a_close_makes_room)
{
    void *ctx = open_ctx(), *s[5];

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_MAX_SOCKETS, 5));
    for (int i = 0; i < 5; i++)
        s[i] = open_socket(ctx, ZMQ_PAIR);
    CHECK_NULL(zmq_socket(ctx, ZMQ_PAIR), EMFILE);
    close_socket(s[0]);
    long end = now_ms() + PATIENCE;
    while ((s[0] = zmq_socket(ctx, ZMQ_PAIR)) == NULL)   /* once it has been reaped */
        CHECK(errno == EMFILE && now_ms() < end);
    for (int i = 0; i < 5; i++)
        close_socket(s[i]);
    end_ctx(ctx);
}

TEST(context_without_io_threads_serves_inproc_alone)
{
    void *ctx = open_ctx();

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IO_THREADS, 0));
    void *in = open_socket(ctx, ZMQ_PULL), *out = open_socket(ctx, ZMQ_PUSH);
    REFUSED(zmq_bind(in, "tcp://127.0.0.1:*"), EMTHREAD, "bind");
    REFUSED(zmq_connect(out, "tcp://127.0.0.1:1"), EMTHREAD, "connect");
    REFUSED(zmq_bind(in, "ipc://@zinc-emthread"), EMTHREAD, "ipc");
    CHECK_OK(zmq_bind(in, "inproc://x"));
    connect_to(out, "inproc://x");
    send_text(out, "hi");
    expect_text(in, "hi");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(several_io_threads_serve_together)
{
    enum { PAIRS = 16 };
    void *ctx = open_ctx(), *in[PAIRS], *out[PAIRS];
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IO_THREADS, 4));
    for (int i = 0; i < PAIRS; i++) {
        in[i] = open_socket(ctx, ZMQ_PULL);
        out[i] = open_socket(ctx, ZMQ_PUSH);
        uint64_t mask = 1ull << (i % 4);
        CHECK_OK(zmq_setsockopt(out[i], ZMQ_AFFINITY, &mask, sizeof mask));
        bind_to(in[i], "tcp://127.0.0.1:*", endpoint);
        connect_to(out[i], endpoint);
        send_text(out[i], "hi");
    }
    for (int i = 0; i < PAIRS; i++) {
        expect_text(in[i], "hi");
        close_socket(in[i]);
        close_socket(out[i]);
    }
    end_ctx(ctx);
}

TEST(affinity_to_no_io_thread_is_emthread)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    uint64_t mask = 2;                            /* there is only thread 0 */

    CHECK_OK(zmq_setsockopt(s, ZMQ_AFFINITY, &mask, sizeof mask));
    REFUSED(zmq_bind(s, "tcp://127.0.0.1:*"), EMTHREAD, "bind");
    close_socket(s);
    end_ctx(ctx);
}

/* ---- signals ---- */

static void on_signal(int number)
{
    (void)number;
}

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

    sigemptyset(&action.sa_mask);
    CHECK_OK(sigaction(number, &action, NULL));
}

/* Forks a child that sends SIGUSR1 to us again and again until it is killed: so the
 * signal comes while we block, whenever that is. */
static pid_t start_signals(void)
{
    pid_t parent = getpid(), child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        while (kill(parent, SIGUSR1) == 0)
            poll(NULL, 0, 20);
        _exit(0);
    }
    return child;
}

static void stop_signals(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0)
        CHECK_EQ(errno, EINTR);
}

static void interrupt_all(int flags)
{
    for (size_t i = 0; i < ZN_COUNT(blockers); i++) {
        void *ctx = open_ctx(), *s = open_socket(ctx, blockers[i].type);

        test_set_int(s, ZMQ_RCVTIMEO, -1);
        test_set_int(s, ZMQ_SNDTIMEO, -1);
        handle(SIGUSR1, flags);
        pid_t child = start_signals();
        REFUSED(blockers[i].call(s), EINTR, "%s", blockers[i].name);
        stop_signals(child);
        close_socket(s);
        end_ctx(ctx);
    }
}

TEST(signal_handler_ends_blocked_calls_with_eintr)
{
    interrupt_all(0);
}
TEST(signal_handler_ends_them_under_sa_restart_too)
{
    interrupt_all(SA_RESTART);
}

TEST(interrupted_term_may_be_called_again)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);

    handle(SIGUSR1, 0);
    pid_t child = start_signals();
    REFUSED(zmq_ctx_term(ctx), EINTR, "the socket is still open");
    stop_signals(child);
    REFUSED(zmq_send(s, "x", 1, 0), ETERM, "shut down already");
    close_socket(s);
    end_ctx(ctx);
}

TEST(name_prefix_is_any_number_and_a_text_is_read_as_one)
{
    static const int numbers[] = { -1, INT_MIN, INT_MAX, 0 };
    void *ctx = zmq_ctx_new();

    for (size_t i = 0; i < ZN_COUNT(numbers); i++) {
        CHECK_OK(zmq_ctx_set(ctx, ZMQ_THREAD_NAME_PREFIX, numbers[i]));
        errno = 0;
        CHECK_EQ(zmq_ctx_get(ctx, ZMQ_THREAD_NAME_PREFIX), numbers[i]);
        CHECK_EQ(errno, 0);
    }
    CHECK_OK(zmq_ctx_set_ext(ctx, ZMQ_THREAD_NAME_PREFIX, "-12 pigs", 8));
    CHECK_EQ(zmq_ctx_get(ctx, ZMQ_THREAD_NAME_PREFIX), -12);
    CHECK_OK(zmq_ctx_set_ext(ctx, ZMQ_THREAD_NAME_PREFIX, "9999999999999999", 16));
    zmq_ctx_get(ctx, ZMQ_THREAD_NAME_PREFIX);         /* some number: no overflow */
    CHECK_OK(zmq_ctx_term(ctx));
}

static void *set_often(void *ctx)
{
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(zmq_ctx_set(ctx, ZMQ_IPV6, i & 1));
        CHECK_OK(zmq_ctx_set(ctx, ZMQ_BLOCKY, i & 1));
    }
    return NULL;
}

TEST(context_may_be_set_while_sockets_are_made)
{
    void *ctx = open_ctx();
    struct test_thread *setter = test_thread_start(set_often, ctx);

    for (int i = 0; i < 300; i++)
        close_socket(open_socket(ctx, ZMQ_PUSH));
    test_thread_join(setter);
    end_ctx(ctx);
}

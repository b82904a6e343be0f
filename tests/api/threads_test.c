/* threads_test.c - contexts, sockets and messages among several threads. Meant for the
 * thread sanitizer as well. */

#include "tests/api/api.h"

#include <stdatomic.h>

enum { THREADS = 4 };

static int rounds(int full)
{
    return full / test_patience();                /* sanitizers are slow */
}

/* Runs work(arg[i]) in THREADS threads and waits for them all. */
static void run_threads(void *(*work)(void *), void *args, size_t size)
{
    struct test_thread *threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        threads[i] = test_thread_start(work, (char *)args + (size_t)i * size);
    for (int i = 0; i < THREADS; i++)
        test_thread_join(threads[i]);
}

/* ---- what libzmq allows as well ---- */

struct talker {
    void *ctx;
    int number;
};

static void *talk(void *arg)
{
    struct talker *t = arg;

    for (int round = 0; round < rounds(40); round++) {
        for (int i = 0; i < TRANSPORTS; i++) {
            void *in = open_socket(t->ctx, ZMQ_PULL),
                 *out = open_socket(t->ctx, ZMQ_PUSH);
            char endpoint[ENDPOINT_MAX], name[64];

            snprintf(name, sizeof name, "inproc://%d", t->number);
            bind_to(in, i < 2 ? each_transport[i] : name, endpoint);
            connect_to(out, endpoint);
            for (int j = 0; j < 20; j++)
                send_text(out, "hi");
            for (int j = 0; j < 20; j++)
                expect_text(in, "hi");
            close_socket(round % 2 ? in : out);
            close_socket(round % 2 ? out : in);
        }
    }
    return NULL;
}

TEST(threads_with_sockets_of_their_own_share_a_context)
{
    void *ctx = open_ctx();
    struct talker talkers[THREADS];

    for (int i = 0; i < THREADS; i++)
        talkers[i] = (struct talker){ ctx, i };
    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IO_THREADS, 2));
    run_threads(talk, talkers, sizeof talkers[0]);
    end_ctx(ctx);
}

static void *live_alone(void *arg)
{
    (void)arg;
    for (int round = 0; round < rounds(20); round++) {
        struct talker t = { open_ctx(), 0 };
        void *s = open_socket(t.ctx, ZMQ_PUB);
        char endpoint[ENDPOINT_MAX];

        bind_to(s, "tcp://127.0.0.1:*", endpoint);
        close_socket(s);
        end_ctx(t.ctx);
    }
    return NULL;
}

TEST(contexts_come_and_go_side_by_side)
{
    char args[THREADS];

    run_threads(live_alone, args, 1);
}

static void *use_migrated(void *s)
{
    send_text(s, "from another thread");
    return NULL;
}

TEST(socket_may_move_to_another_thread)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    for (int i = 0; i < 50; i++) {
        send_text(out, "from the first");
        test_thread_join(test_thread_start(use_migrated, out));
        expect_text(in, "from the first");
        expect_text(in, "from another thread");
    }
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* Connects before, while and after the other binds. */
static void *connect_and_send(void *ctx)
{
    void *s = open_socket(ctx, ZMQ_PUSH);

    connect_to(s, "inproc://race");
    send_text(s, "x");
    close_socket(s);
    return NULL;
}

TEST(inproc_bind_and_connects_may_race)
{
    for (int round = 0; round < rounds(200); round++) {
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        struct test_thread *threads[THREADS];

        for (int i = 0; i < THREADS; i++) {
            if (i == round % THREADS)
                CHECK_OK(zmq_bind(in, "inproc://race"));
            threads[i] = test_thread_start(connect_and_send, ctx);
        }
        for (int i = 0; i < THREADS; i++)
            expect_text(in, "x");
        for (int i = 0; i < THREADS; i++)
            test_thread_join(threads[i]);
        close_socket(in);
        end_ctx(ctx);
    }
}

static void *serve_until_term(void *s)
{
    char got[64];

    for (;;) {
        int n = zmq_recv(s, got, sizeof got, 0);
        if (n < 0 || zmq_send(s, got, (size_t)n, 0) < 0)
            break;
    }
    CHECK_EQ(errno, ETERM);
    close_socket(s);
    return NULL;
}

static void *ask(void *arg)
{
    void *req = *(void **)arg;

    for (int i = 0; i < rounds(500); i++) {
        char text[32];
        snprintf(text, sizeof text, "%p %d", arg, i);
        send_text(req, text);
        expect_text(req, text);
    }
    return NULL;
}

static void *proxy(void *arg)
{
    void **ends = arg;

    REFUSED(zmq_proxy(ends[0], ends[1], NULL), ETERM, "ends with the context");
    close_socket(ends[0]);
    close_socket(ends[1]);
    return NULL;
}

TEST(proxy_between_clients_and_workers_until_the_context_ends)
{
    void *ctx = open_ctx(), *clients[THREADS];
    void *ends[2] = { open_socket(ctx, ZMQ_ROUTER), open_socket(ctx, ZMQ_DEALER) };
    struct test_thread *workers[THREADS], *middle;
    char endpoint[ENDPOINT_MAX];

    bind_to(ends[0], "tcp://127.0.0.1:*", endpoint);
    CHECK_OK(zmq_bind(ends[1], "inproc://workers"));
    for (int i = 0; i < THREADS; i++) {
        void *rep = open_socket(ctx, ZMQ_REP);
        test_set_int(rep, ZMQ_RCVTIMEO, -1);
        connect_to(rep, "inproc://workers");
        workers[i] = test_thread_start(serve_until_term, rep);
        clients[i] = open_socket(ctx, ZMQ_REQ);
        connect_to(clients[i], endpoint);
    }
    test_set_int(ends[0], ZMQ_RCVTIMEO, -1);
    test_set_int(ends[1], ZMQ_RCVTIMEO, -1);
    middle = test_thread_start(proxy, ends);
    run_threads(ask, clients, sizeof clients[0]);
    for (int i = 0; i < THREADS; i++)
        close_socket(clients[i]);
    end_ctx(ctx);
    for (int i = 0; i < THREADS; i++)
        test_thread_join(workers[i]);
    test_thread_join(middle);
}

TEST(hundreds_of_sockets_live_in_one_context)
{
    enum { MANY = 500 };
    void *ctx = open_ctx(), *s[MANY], *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    for (int i = 0; i < MANY; i++) {
        s[i] = open_socket(ctx, ZMQ_PUSH);
        connect_to(s[i], endpoint);
        send_text(s[i], "x");
    }
    for (int i = 0; i < MANY; i++)
        expect_text(in, "x");
    for (int i = 0; i < MANY; i++)
        close_socket(s[i]);
    close_socket(in);
    end_ctx(ctx);
}

/* ---- one socket in several threads ---- */

enum { EACH = 20000, PARTS = 3 };

struct sender {
    void *socket;
    int number;
};

struct frame {
    int sender, message, part;
};

static void *send_numbered(void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < rounds(EACH); i++) {
        struct frame f = { s->number, i, 0 };
        CHECK_EQ(zmq_send(s->socket, &f, sizeof f, 0), sizeof f);
    }
    return NULL;
}

/* zinc: libzmq's sockets are for one thread at a time. */
TEST(shared_sender_stays_whole)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        void *out = open_socket(ctx, ZMQ_PUSH);
        struct sender senders[THREADS];
        struct test_thread *threads[THREADS];
        int next[THREADS] = { 0 };
        char endpoint[ENDPOINT_MAX];

        bind_to(in, each_transport[t], endpoint);
        connect_to(out, endpoint);
        for (int i = 0; i < THREADS; i++) {
            senders[i] = (struct sender){ out, i };
            threads[i] = test_thread_start(send_numbered, &senders[i]);
        }
        for (int i = 0; i < THREADS * rounds(EACH); i++) {
            struct frame f;
            CHECK_EQ(zmq_recv(in, &f, sizeof f, 0), sizeof f);
            CHECK_EQ(f.message, next[f.sender]++, "each thread's in order, once");
        }
        for (int i = 0; i < THREADS; i++)
            test_thread_join(threads[i]);
        close_socket(in);
        close_socket(out);
        end_ctx(ctx);
    }
}

struct receiver {
    void *socket;
    _Atomic int *left;
    _Atomic unsigned char *seen;
};

static void *receive_shared(void *arg)
{
    struct receiver *r = arg;
    int number;

    while (atomic_fetch_sub(r->left, 1) > 0) {
        CHECK_EQ(zmq_recv(r->socket, &number, sizeof number, 0), sizeof number);
        CHECK_EQ(atomic_fetch_add(&r->seen[number], 1), 0, "message %d, twice", number);
    }
    return NULL;
}

/* zinc: as above. */
TEST(shared_receiver_hands_each_message_to_one_thread)
{
    static _Atomic unsigned char seen[EACH];

    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        void *out = open_socket(ctx, ZMQ_PUSH);
        struct receiver receivers[THREADS];
        struct test_thread *threads[THREADS];
        _Atomic int left = rounds(EACH);
        char endpoint[ENDPOINT_MAX];

        memset((void *)seen, 0, sizeof seen);
        bind_to(in, each_transport[t], endpoint);
        connect_to(out, endpoint);
        for (int i = 0; i < THREADS; i++) {
            receivers[i] = (struct receiver){ in, &left, seen };
            threads[i] = test_thread_start(receive_shared, &receivers[i]);
        }
        for (int i = 0; i < rounds(EACH); i++)
            CHECK_EQ(zmq_send(out, &i, sizeof i, 0), sizeof i);
        for (int i = 0; i < THREADS; i++)
            test_thread_join(threads[i]);
        close_socket(in);
        close_socket(out);
        end_ctx(ctx);
    }
}

static void *echo_back(void *s)
{
    char text[8];

    for (int i = 0; i < rounds(EACH); i++) {
        CHECK_EQ(zmq_recv(s, text, sizeof text, 0), 1);
        CHECK_EQ(zmq_send(s, text, 1, 0), 1);
    }
    return NULL;
}

static void *send_many(void *s)
{
    for (int i = 0; i < rounds(EACH); i++)
        CHECK_EQ(zmq_send(s, "x", 1, 0), 1);
    return NULL;
}

/* zinc: as above. */
TEST(one_thread_may_send_while_another_receives)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_DEALER),
         *b = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX], text[8];

    bind_to(a, "tcp://127.0.0.1:*", endpoint);
    connect_to(b, endpoint);
    struct test_thread *echo = test_thread_start(echo_back, a);
    struct test_thread *sender = test_thread_start(send_many, b);
    for (int i = 0; i < rounds(EACH); i++) {
        CHECK_EQ(zmq_recv(b, text, sizeof text, 0), 1);
        test_get_int(b, ZMQ_EVENTS);
    }
    test_thread_join(sender);
    test_thread_join(echo);
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

struct blocked {
    void *socket;
    _Atomic int started;
};

static void *block_in_recv(void *arg)
{
    struct blocked *b = arg;

    atomic_store(&b->started, 1);
    errno = 0;
    CHECK_EQ(zmq_recv(b->socket, NULL, 0, 0), -1);
    CHECK(errno == ENOTSOCK || errno == ETERM, "errno %d", errno);
    return NULL;
}

static bool has_started(void *b)
{
    return atomic_load(&((struct blocked *)b)->started) != 0;
}

/* zinc: as above. */
TEST(close_from_another_thread_ends_a_blocked_call)
{
    for (int round = 0; round < rounds(50); round++) {
        void *ctx = open_ctx();
        struct blocked b = { open_socket(ctx, ZMQ_PULL), 0 };

        test_set_int(b.socket, ZMQ_RCVTIMEO, -1);
        struct test_thread *thread = test_thread_start(block_in_recv, &b);
        if (round % 2)                            /* in the call, or on its way there */
            test_wait_until(has_started, &b, 10);
        close_socket(b.socket);
        test_thread_join(thread);
        end_ctx(ctx);
    }
}

/* ---- messages ---- */

static _Atomic int freed;

static void count_free(void *data, void *hint)
{
    (void)hint;
    free(data);
    atomic_fetch_add(&freed, 1);
}

static void *copy_and_close(void *m)
{
    zmq_msg_t copy;

    CHECK_OK(zmq_msg_init(&copy));
    for (int i = 0; i < rounds(10000); i++)
        CHECK_OK(zmq_msg_copy(&copy, m));
    CHECK_OK(zmq_msg_close(&copy));
    CHECK_OK(zmq_msg_close(m));
    return NULL;
}

TEST(copies_of_a_message_may_end_in_any_thread)
{
    zmq_msg_t m, copies[THREADS];

    CHECK_OK(zmq_msg_init_data(&m, malloc(1000), 1000, count_free, NULL));
    for (int i = 0; i < THREADS; i++) {
        CHECK_OK(zmq_msg_init(&copies[i]));
        CHECK_OK(zmq_msg_copy(&copies[i], &m));
    }
    CHECK_OK(zmq_msg_close(&m));
    run_threads(copy_and_close, copies, sizeof copies[0]);
    CHECK_EQ(freed, 1);
}

static void *count_up(void *counter)
{
    for (int i = 0; i < 10000; i++)
        zmq_atomic_counter_inc(counter);
    return NULL;
}

TEST(atomic_counter_counts_every_thread)
{
    void *counter = zmq_atomic_counter_new();
    struct test_thread *threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        threads[i] = test_thread_start(count_up, counter);
    for (int i = 0; i < THREADS; i++)
        test_thread_join(threads[i]);
    CHECK_EQ(zmq_atomic_counter_value(counter), THREADS * 10000);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 1);
    zmq_atomic_counter_set(counter, 1);
    CHECK_EQ(zmq_atomic_counter_inc(counter), 1);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 1);
    CHECK_EQ(zmq_atomic_counter_dec(counter), 0);
    zmq_atomic_counter_destroy(&counter);
    CHECK(counter == NULL);
}

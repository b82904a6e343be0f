/* poll_wait_test.c - callers of zmq_poll that come back all the time: they wait awake, and for
 * the kernel itself (core/borrow.h). Nobody may notice but by the clock. */

#include "tests/api/api.h"

#include <signal.h>
#include <sys/time.h>

enum { ROUNDS = 400 };

/* ---- two who take turns ---- */

static int poll_in(zmq_pollitem_t *items, int count, long timeout)
{
    int rc;

    do
        rc = zmq_poll(items, count, timeout);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* Answers what it is asked, until its context ends. */
static void *answer_all(void *s)
{
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };
    char text[32];

    for (;;) {
        int rc = poll_in(&item, 1, -1);
        if (rc < 0)
            break;
        CHECK_EQ(rc, 1);
        CHECK_EQ(item.revents, ZMQ_POLLIN);
        int size = zmq_recv(s, text, sizeof text, ZMQ_DONTWAIT);
        CHECK(size >= 0, "poll has said so");
        CHECK_EQ(zmq_send(s, text, (size_t)size, 0), size);
    }
    CHECK_EQ(errno, ETERM);
    close_socket(s);
    return NULL;
}

static void ask(void *s, int n)
{
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };
    char text[32];

    snprintf(text, sizeof text, "%d", n);
    send_text(s, text);
    CHECK_EQ(poll_in(&item, 1, PATIENCE), 1);
    expect_text(s, text);
}

/* One who asks, and a thread that answers. */
struct turns {
    void *ctx, *req;
    struct test_thread *thread;
};

static struct turns open_turns(const char *address)
{
    struct turns t = { .ctx = open_ctx() };
    void *rep = open_socket(t.ctx, ZMQ_REP);
    char endpoint[ENDPOINT_MAX];

    t.req = open_socket(t.ctx, ZMQ_REQ);
    bind_to(rep, address, endpoint);
    connect_to(t.req, endpoint);
    t.thread = test_thread_start(answer_all, rep);
    return t;
}

static void close_turns(struct turns *t)
{
    close_socket(t->req);
    CHECK_OK(zmq_ctx_shutdown(t->ctx));
    test_thread_join(t->thread);
    end_ctx(t->ctx);
}

TEST(callers_that_poll_can_take_turns)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct turns turns = open_turns(each_transport[t]);
        void *req = turns.req;

        for (int n = 0; n < ROUNDS; n++)
            ask(req, n);
        close_turns(&turns);
    }
}

/* ---- many at once ---- */

static struct {
    void *in[8], *out[8];
    int pipe[2], count;
    zmq_pollitem_t items[9];
} set;

static void open_set(void *ctx, int count, bool with_pipe)
{
    set.count = count;
    for (int i = 0; i < count; i++) {
        char endpoint[ENDPOINT_MAX], inproc[ENDPOINT_MAX];
        const char *address = each_transport[i % TRANSPORTS];
        snprintf(inproc, sizeof inproc, "inproc://%d", i);
        set.in[i] = open_socket(ctx, ZMQ_PULL);
        set.out[i] = open_socket(ctx, ZMQ_PUSH);
        bind_to(set.in[i], strcmp(address, "inproc://x") == 0 ? inproc : address,
                endpoint);
        connect_to(set.out[i], endpoint);
        set.items[i] = (zmq_pollitem_t){ set.in[i], 0, ZMQ_POLLIN, 0 };
    }
    CHECK_OK(pipe(set.pipe));
    set.items[count] = (zmq_pollitem_t){ NULL, set.pipe[0], ZMQ_POLLIN, 0 };
    set.count += with_pipe;
}

static void close_set(int count)
{
    for (int i = 0; i < count; i++) {
        close_socket(set.in[i]);
        close_socket(set.out[i]);
    }
    close(set.pipe[0]);
    close(set.pipe[1]);
}

/* What comes is told of, by the right item, and nothing else is. */
static void *send_in_turn(void *unused)
{
    for (int n = 0; n < ROUNDS; n++) {
        int i = n * 7 % set.count;
        if (set.items[i].socket == NULL)
            CHECK_EQ(write(set.pipe[1], "x", 1), 1);
        else
            send_text(set.out[i], "x");
    }
    return unused;
}

static void expect_in_turn(int sockets)
{
    int came[9] = { 0 }, all = 0;

    while (all < ROUNDS) {
        int ready = poll_in(set.items, set.count, PATIENCE), seen = 0;
        CHECK(ready > 0);
        for (int i = 0; i < set.count; i++) {
            if (!set.items[i].revents)
                continue;
            char c;
            CHECK_EQ(set.items[i].revents, ZMQ_POLLIN);
            if (i < sockets)
                expect_text(set.in[i], "x");
            else
                CHECK_EQ(read(set.pipe[0], &c, 1), 1);
            came[i]++;
            seen++;
            all++;
        }
        CHECK_EQ(seen, ready);
    }
    for (int i = 0; i < set.count; i++)
        CHECK(came[i] >= ROUNDS / set.count, "item %d: %d times", i, came[i]);
}

TEST(several_sockets_and_a_descriptor_are_polled_at_once)
{
    for (int with_pipe = 0; with_pipe < 2; with_pipe++)
        for (int sockets = 1; sockets <= 8; sockets += 7 - 4 * with_pipe) {
            void *ctx = open_ctx();
            open_set(ctx, sockets, with_pipe);
            struct test_thread *thread = test_thread_start(send_in_turn, NULL);
            expect_in_turn(sockets);
            test_thread_join(thread);
            close_set(sockets);
            end_ctx(ctx);
        }
}

/* Each socket has as many connections as may be borrowed, each loop has few; all of them together
 * are too many. */
TEST(several_sockets_of_many_connections_are_polled_at_once)
{
    enum { SOCKETS = 3, EACH = 4 };
    void *ctx = open_ctx(), *far = open_ctx(), *in[SOCKETS], *out[SOCKETS * EACH];
    zmq_pollitem_t items[SOCKETS];

    CHECK_OK(zmq_ctx_set(ctx, ZMQ_IO_THREADS, 4));
    for (int i = 0; i < SOCKETS; i++) {
        char endpoint[ENDPOINT_MAX];
        in[i] = open_socket(ctx, ZMQ_PULL);
        bind_to(in[i], "tcp://127.0.0.1:*", endpoint);
        items[i] = (zmq_pollitem_t){ in[i], 0, ZMQ_POLLIN, 0 };
        for (int k = 0; k < EACH; k++) {
            out[i * EACH + k] = open_socket(far, ZMQ_PUSH);
            connect_to(out[i * EACH + k], endpoint);
        }
    }
    for (int n = 0; n < ROUNDS; n++) {
        int k = n * 7 % (SOCKETS * EACH);
        send_text(out[k], "x");
        CHECK_EQ(poll_in(items, SOCKETS, PATIENCE), 1);
        CHECK_EQ(items[k / EACH].revents, ZMQ_POLLIN);
        expect_text(in[k / EACH], "x");
    }
    for (int k = 0; k < SOCKETS * EACH; k++)
        close_socket(out[k]);
    for (int i = 0; i < SOCKETS; i++)
        close_socket(in[i]);
    end_ctx(far);
    end_ctx(ctx);
}

/* ---- those who do other things in between ---- */

TEST(who_polls_may_wait_otherwise_and_go_away)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct turns turns = open_turns(each_transport[t]);
        void *req = turns.req;

        for (int n = 0; n < 5 * 40; n++) {
            ask(req, n);
            if (n % 40 == 20) {                   /* what was on loan goes back meanwhile */
                zmq_pollitem_t item = { req, 0, ZMQ_POLLIN, 0 };
                struct timespec a_while = { 0, 5000000 };
                send_text(req, "later");
                nanosleep(&a_while, NULL);
                CHECK_EQ(zmq_poll(&item, 1, PATIENCE), 1);
                expect_text(req, "later");
            }
            if (n % 40 == 30) {                   /* by zmq_recv, and by ZMQ_FD */
                send_text(req, "recv");
                expect_text(req, "recv");
                send_text(req, "events");
                wait_events(req, ZMQ_POLLIN);
                expect_text(req, "events");
            }
        }
        close_turns(&turns);
    }
}

TEST(poll_of_a_lively_connection_still_ends_in_time)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct turns turns = open_turns(each_transport[t]);
        void *req = turns.req;
        zmq_pollitem_t item = { req, 0, ZMQ_POLLIN, 0 };

        for (int n = 0; n < 100; n++)
            ask(req, n);
        long begin = now_ms();
        CHECK_EQ(zmq_poll(&item, 1, 30), 0);
        CHECK(now_ms() - begin >= 30, "no sooner");
        for (int n = 0; n < 100; n++)
            ask(req, n);
        close_turns(&turns);
    }
}

/* ---- ends ---- */

static void on_signal(int number)
{
    (void)number;
}

/* A signal ends a wait for borrowed descriptors as any other. */
TEST(signal_ends_the_poll_of_a_lively_connection)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct turns turns = open_turns("tcp://127.0.0.1:*");
    void *req = turns.req;
    zmq_pollitem_t item = { req, 0, ZMQ_POLLIN, 0 };

    sigemptyset(&action.sa_mask);
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    for (int n = 0; n < 100; n++)
        ask(req, n);
    /* Again and again: one may come before the wait has begun. */
    struct itimerval each = { { 0, 20000 }, { 0, 20000 } }, none = { { 0, 0 }, { 0, 0 } };
    CHECK_OK(setitimer(ITIMER_REAL, &each, NULL));
    REFUSED(zmq_poll(&item, 1, PATIENCE), EINTR, "a signal");
    CHECK_OK(setitimer(ITIMER_REAL, &none, NULL));
    close_turns(&turns);
}

/* The peer hangs up while its connection is on loan: the socket connects again, and the poll
 * that slept through it reports what comes then. */
TEST(poll_outlives_the_connection_that_it_borrowed)
{
    for (int t = 0; t < 2; t++) {                 /* tcp, ipc: endpoints to bind again */
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];
        zmq_pollitem_t item = { in, 0, ZMQ_POLLIN, 0 };

        bind_to(in, each_transport[t], endpoint);
        for (int life = 0; life < 10; life++) {
            void *out = open_socket(ctx, ZMQ_PUSH);
            connect_to(out, endpoint);
            for (int n = 0; n < 20; n++) {
                send_text(out, "x");
                CHECK_EQ(zmq_poll(&item, 1, PATIENCE), 1);
                expect_text(in, "x");
            }
            close_socket(out);
        }
        close_socket(in);
        end_ctx(ctx);
    }
}

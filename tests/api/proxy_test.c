/* tests/api/proxy_test.c - a proxy in a thread of its own, steered over inproc. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

#include "tests/faults.h"
#include "tests/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a proxy stands between: the four sockets, and how it ended. */
struct bench {
    void *ctx, *front, *back, *capture, *control;
    void *client, *server, *watcher, *steer;
    struct test_thread *thread;
    int rc, err;
};

static void *run_proxy(void *arg)
{
    struct bench *b = arg;

    errno = 0;
    b->rc = zmq_proxy_steerable(b->front, b->back, b->capture, b->control);
    b->err = errno;
    return NULL;
}

static void pair_up(void *bound, void *connected, const char *endpoint)
{
    CHECK_OK(zmq_bind(bound, endpoint));
    CHECK_OK(zmq_connect(connected, endpoint));
}

static void *limited(void *ctx, int type, int hwm)
{
    void *s = test_socket(ctx, type);
    test_set_int(s, ZMQ_SNDHWM, hwm);
    test_set_int(s, ZMQ_RCVHWM, hwm);
    return s;
}

/* client - front | back - server; hwm of all, 0: none. */
static void set_up(struct bench *b, const int types[4], int hwm, int control, int steer)
{
    memset(b, 0, sizeof *b);
    b->ctx = zmq_ctx_new();
    b->client = limited(b->ctx, types[0], hwm);
    b->front = limited(b->ctx, types[1], hwm);
    b->back = limited(b->ctx, types[2], hwm);
    b->server = limited(b->ctx, types[3], hwm);
    b->control = test_socket(b->ctx, control);
    b->steer = test_socket(b->ctx, steer);
    pair_up(b->front, b->client, "inproc://front");
    pair_up(b->control, b->steer, "inproc://control");
}

static void start(struct bench *b)
{
    b->thread = test_thread_start(run_proxy, b);
}

static void finish(struct bench *b)
{
    void *sockets[] = { b->front, b->back, b->capture, b->control,
                        b->client, b->server, b->watcher, b->steer };

    if (b->thread != NULL)
        test_thread_join(b->thread);
    for (size_t i = 0; i < COUNT(sockets); i++)
        if (sockets[i] != NULL)
            CHECK_OK(zmq_close(sockets[i]));
    CHECK_OK(zmq_ctx_term(b->ctx));
}

static void terminate(struct bench *b)
{
    test_send_strings(b->steer, "TERMINATE", NULL);
    test_thread_join(b->thread);
    CHECK_EQ(b->rc, 0);
    b->thread = NULL;
}

/* A proxy in this thread, for one turn of each direction: it is told to end before it starts. */
static int take_a_turn(struct bench *b)
{
    test_send_strings(b->steer, "TERMINATE", NULL);
    return zmq_proxy_steerable(b->front, b->back, b->capture, b->control);
}

static const int rpc[4] = { ZMQ_REQ, ZMQ_ROUTER, ZMQ_DEALER, ZMQ_REP };
static const int line[4] = { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUSH, ZMQ_PULL };

TEST(proxy_wants_two_sockets)
{
    void *ctx = zmq_ctx_new();
    void *s = test_socket(ctx, ZMQ_PULL);

    CHECK_ERRNO(zmq_proxy(NULL, s, NULL), EFAULT);
    CHECK_ERRNO(zmq_proxy(s, NULL, NULL), EFAULT);
    CHECK_ERRNO(zmq_proxy_steerable(NULL, NULL, NULL, s), EFAULT);
    zmq_close(s);
    zmq_ctx_term(ctx);
}

TEST(proxy_carries_whole_messages_both_ways)
{
    struct bench b;

    set_up(&b, rpc, 0, ZMQ_PAIR, ZMQ_PAIR);
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    for (int i = 0; i < 100; i++) {
        test_send_strings(b.client, "one", "", "three", NULL);
        test_expect_strings(b.server, "one", "", "three", NULL);
        test_send_strings(b.server, "answer", "too", NULL);
        test_expect_strings(b.client, "answer", "too", NULL);
    }
    terminate(&b);
    finish(&b);
}

TEST(proxy_shows_everything_to_the_capture)
{
    struct bench b;

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    b.capture = test_socket(b.ctx, ZMQ_PUSH);
    b.watcher = test_socket(b.ctx, ZMQ_PULL);
    pair_up(b.capture, b.watcher, "inproc://capture");
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    test_send_strings(b.client, "a", "b", NULL);
    test_send_strings(b.client, "c", NULL);
    test_expect_strings(b.watcher, "a", "b", NULL);
    test_expect_strings(b.watcher, "c", NULL);
    test_expect_strings(b.server, "a", "b", NULL);
    test_expect_strings(b.server, "c", NULL);
    terminate(&b);
    finish(&b);
}

/* What a burst has queued is held back, but not while the proxy waits in the middle of it. */
TEST(proxy_writes_what_it_has_before_its_capture_blocks)
{
    static const char *const messages[] = { "a", "b", "c" };
    struct bench b;
    char endpoint[TEST_ENDPOINT];

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    b.capture = limited(b.ctx, ZMQ_PUSH, 1);
    b.watcher = limited(b.ctx, ZMQ_PULL, 1);
    pair_up(b.capture, b.watcher, "inproc://capture");
    test_bind(b.back, "tcp", endpoint);
    CHECK_OK(zmq_connect(b.server, endpoint));
    test_send_strings(b.back, "hello", NULL);    /* it is there, and speaks */
    test_expect_strings(b.server, "hello", NULL);
    for (size_t i = 0; i < COUNT(messages); i++)
        test_send_strings(b.client, messages[i], NULL);
    start(&b);
    for (size_t i = 0; i + 1 < COUNT(messages); i++)
        test_expect_strings(b.server, messages[i], NULL);
    for (size_t i = 0; i < COUNT(messages); i++)
        test_expect_strings(b.watcher, messages[i], NULL);
    test_expect_strings(b.server, messages[2], NULL);
    terminate(&b);
    finish(&b);
}

TEST(proxy_ends_with_its_context)
{
    struct bench b;

    set_up(&b, rpc, 0, ZMQ_PAIR, ZMQ_PAIR);
    start(&b);
    CHECK_OK(zmq_ctx_shutdown(b.ctx));
    test_thread_join(b.thread);
    CHECK_EQ(b.rc, -1);
    CHECK_EQ(b.err, ETERM);
    b.thread = NULL;
    finish(&b);
}

TEST(proxy_pauses_and_resumes)
{
    struct bench b;

    set_up(&b, line, 0, ZMQ_REP, ZMQ_REQ);
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    test_send_strings(b.steer, "PAUSE", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_send_strings(b.client, "waits", NULL);
    test_expect_nothing(b.server, 50);
    test_send_strings(b.steer, "RESUME", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_expect_strings(b.server, "waits", NULL);
    test_send_strings(b.steer, "TERMINATE", NULL);
    test_expect_strings(b.steer, "", NULL);
    finish(&b);
    CHECK_EQ(b.rc, 0);
}

TEST(proxy_takes_no_notice_of_unknown_commands)
{
    struct bench b;

    set_up(&b, line, 0, ZMQ_REP, ZMQ_REQ);
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    test_send_strings(b.steer, "pause", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_send_strings(b.steer, "", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_send_strings(b.steer, "PAUSED", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_send_strings(b.steer, "PAUSE", "TERMINATE", NULL);
    test_expect_strings(b.steer, "", NULL);
    test_send_strings(b.client, "still here", NULL);
    test_expect_strings(b.server, "still here", NULL);
    test_send_strings(b.steer, "TERMINATE", NULL);
    test_expect_strings(b.steer, "", NULL);
    finish(&b);
}

TEST(proxy_counts_frames_and_bytes)
{
    struct bench b;
    static const uint64_t want[8] = { 4, 8, 3, 9, 3, 9, 4, 8 };

    set_up(&b, rpc, 0, ZMQ_PAIR, ZMQ_PAIR);
    b.client = (zmq_close(b.client), test_socket(b.ctx, ZMQ_DEALER));
    b.server = (zmq_close(b.server), test_socket(b.ctx, ZMQ_DEALER));
    CHECK_OK(zmq_setsockopt(b.client, ZMQ_ROUTING_ID, "me", 2));
    CHECK_OK(zmq_connect(b.client, "inproc://front"));
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    test_send_strings(b.client, "x", NULL);           /* "me" "x": 2 frames, 3 bytes */
    test_send_strings(b.client, "yyy", NULL);         /* 2 frames, 5 bytes */
    test_expect_strings(b.server, "me", "x", NULL);
    test_expect_strings(b.server, "me", "yyy", NULL);
    test_send_strings(b.server, "me", "1234", "567", NULL);   /* 3 frames, 9 bytes */
    test_expect_strings(b.client, "1234", "567", NULL);
    test_send_strings(b.steer, "STATISTICS", NULL);
    for (size_t i = 0; i < COUNT(want); i++) {
        uint64_t number = 0;
        CHECK_EQ(zmq_recv(b.steer, &number, sizeof number, 0), sizeof number);
        CHECK_EQ(number, want[i], "number %zu", i);
        CHECK_EQ(test_get_int(b.steer, ZMQ_RCVMORE), i + 1 < COUNT(want));
    }
    terminate(&b);
    finish(&b);
}

TEST(proxy_of_one_socket_sends_back_what_comes)
{
    struct bench b;

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    zmq_close(b.front);
    zmq_close(b.back);
    zmq_close(b.client);
    b.front = b.back = test_socket(b.ctx, ZMQ_DEALER);
    b.client = test_socket(b.ctx, ZMQ_DEALER);
    pair_up(b.front, b.client, "inproc://loop");
    start(&b);
    test_send_strings(b.client, "and", "back", NULL);
    test_expect_strings(b.client, "and", "back", NULL);
    terminate(&b);
    b.back = NULL;
    finish(&b);
}

TEST(proxy_loses_nothing_when_its_output_fills_up)
{
    static const int types[][4] = {
        { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUSH, ZMQ_PULL },
        { ZMQ_DEALER, ZMQ_ROUTER, ZMQ_DEALER,
          ZMQ_DEALER }, /* which adds who it is from */
    };
    enum { MANY = 5000 };

    for (size_t i = 0; i < COUNT(types); i++) {
        struct bench b;

        set_up(&b, types[i], 7, ZMQ_PAIR, ZMQ_PAIR);
        pair_up(b.back, b.server, "inproc://back");
        start(&b);
        for (int sent = 0, received = 0; received < MANY;) {
            char out[16], in[16] = "", more[16] = "";

            for (; sent < MANY; sent++) {
                snprintf(out, sizeof out, "%d", sent);
                if (zmq_send(b.client, out, strlen(out), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
                    break;
                CHECK_OK(zmq_send(b.client, out, strlen(out), 0));
            }
            for (int n = 0; n < 5 && received < sent; n++, received++) {
                snprintf(out, sizeof out, "%d", received);
                if (types[i][1] == ZMQ_ROUTER)
                    CHECK_EQ(zmq_recv(b.server, in, sizeof in - 1, 0), 5);
                CHECK_OK(zmq_recv(b.server, in, sizeof in - 1, 0));
                CHECK_OK(zmq_recv(b.server, more, sizeof more - 1, 0));
                in[strlen(out)] = more[strlen(out)] = '\0';
                CHECK_STR(in, out);
                CHECK_STR(more, out);
                CHECK(!test_get_int(b.server, ZMQ_RCVMORE));
            }
        }
        terminate(&b);
        finish(&b);
    }
}

/* The processor time of the whole process while `ms` pass, in ms. */
static long busy_ms(long ms)
{
    clock_t before = clock();
    zmq_poll(NULL, 0, ms);
    return (long)((clock() - before) * 1000 / CLOCKS_PER_SEC);
}

TEST(proxy_without_anybody_behind_it_rests_and_takes_nothing)
{
    struct bench b;
    int taken = 0;

    set_up(&b, line, 10, ZMQ_PAIR, ZMQ_PAIR);
    start(&b);
    test_set_int(b.client, ZMQ_SNDTIMEO, 100);
    while (zmq_send(b.client, "x", 1, 0) == 1)
        taken++;
    CHECK_EQ(taken, 20, "what the two high-water marks allow");
    long busy = busy_ms(300);
    CHECK(busy < 60 * test_patience(), "%ld ms", busy);
    pair_up(b.back, b.server, "inproc://back");
    terminate(&b);
    finish(&b);
}

TEST(proxy_rests_while_paused_and_while_its_output_is_full)
{
    static const char *const cases[] = { "PAUSE", "go on" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench b;

        set_up(&b, line, 10, ZMQ_REP, ZMQ_REQ);
        pair_up(b.back, b.server, "inproc://back");
        start(&b);
        test_send_strings(b.steer, cases[i], NULL);
        test_expect_strings(b.steer, "", NULL);
        test_set_int(b.client, ZMQ_SNDTIMEO, 100);
        while (zmq_send(b.client, "x", 1, 0) == 1)
            ;
        long busy = busy_ms(300);
        CHECK(busy < 60 * test_patience(), "%s: %ld ms", cases[i], busy);
        test_send_strings(b.steer, "TERMINATE", NULL);
        test_expect_strings(b.steer, "", NULL);
        finish(&b);
    }
}

/* XPUB_NODROP: the output says that it can take messages, and yet does not. */
TEST(proxy_rests_and_stays_steerable_when_a_subscriber_blocks_all)
{
    static const int types[4] = { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUB, ZMQ_SUB };
    struct bench b;

    set_up(&b, types, 10, ZMQ_REP, ZMQ_REQ);
    test_set_int(b.back, ZMQ_XPUB_NODROP, 1);
    CHECK_OK(zmq_setsockopt(b.server, ZMQ_SUBSCRIBE, "", 0));
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    test_set_int(b.client, ZMQ_SNDTIMEO, 100);
    while (zmq_send(b.client, "x", 1, 0) == 1)
        ;
    long busy = busy_ms(300);
    CHECK(busy < 60 * test_patience(), "%ld ms", busy);
    test_expect_strings(b.server, "x", NULL);
    test_send_strings(b.steer, "TERMINATE", NULL);
    test_expect_strings(b.steer, "", NULL);
    finish(&b);
}

/* ---- What goes from socket to socket as it lies. */

static uint8_t byte_of(size_t frame, size_t i)
{
    return (uint8_t)(frame * 31 + i * 7 + (i >> 8));
}

static void send_frame(void *s, size_t frame, size_t size, bool more)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_size(&m, size));
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)zmq_msg_data(&m))[i] = byte_of(frame, i);
    CHECK_EQ(zmq_msg_send(&m, s, more ? ZMQ_SNDMORE : 0), size);
}

static void expect_frame(void *s, size_t frame, size_t size, bool more)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, s, 0), size, "frame %zu", frame);
    CHECK_EQ(zmq_msg_more(&m), more, "frame %zu", frame);
    for (size_t i = 0; i < size; i++)
        if (((uint8_t *)zmq_msg_data(&m))[i] != byte_of(frame, i))
            CHECK(false, "frame %zu, byte %zu", frame, i);
    CHECK_OK(zmq_msg_close(&m));
}

/* Inline, copied, shared, larger than a burst; and messages of more frames than that. */
TEST(proxy_carries_frames_of_all_sizes)
{
    static const size_t sizes[] = { 0,    1,    33,   34,    255,    256,
                                    4095, 4096, 4097, 65536, 300000, 2 };
    static const char *const transports[] = { "inproc", "tcp" };
    enum { TIMES = 40, FRAMES = 3000 };     /* every other time one message */

    for (size_t t = 0; t < COUNT(transports); t++) {
        struct bench b;
        char endpoint[TEST_ENDPOINT];

        set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
        test_bind(b.back, transports[t], endpoint);
        CHECK_OK(zmq_connect(b.server, endpoint));
        start(&b);
        for (size_t n = 0; n < TIMES; n++)
            for (size_t i = 0; i < COUNT(sizes); i++)
                send_frame(b.client, n + i, sizes[i], n % 2 == 0 && i + 1 < COUNT(sizes));
        for (size_t i = 0; i < FRAMES; i++)
            send_frame(b.client, i, i % 40, i + 1 < FRAMES);
        for (size_t n = 0; n < TIMES; n++)
            for (size_t i = 0; i < COUNT(sizes); i++)
                expect_frame(b.server, n + i, sizes[i],
                             n % 2 == 0 && i + 1 < COUNT(sizes));
        for (size_t i = 0; i < FRAMES; i++)
            expect_frame(b.server, i, i % 40, i + 1 < FRAMES);
        terminate(&b);
        finish(&b);
    }
}

TEST(proxy_keeps_the_group_of_a_message)
{
    static const int types[4] = { ZMQ_RADIO, ZMQ_DISH, ZMQ_RADIO, ZMQ_DISH };
    struct bench b;
    zmq_msg_t m;

    set_up(&b, types, 0, ZMQ_PAIR, ZMQ_PAIR);
    CHECK_OK(zmq_join(b.front, "news"));
    CHECK_OK(zmq_join(b.server, "news"));
    pair_up(b.back, b.server, "inproc://back");
    start(&b);
    CHECK_OK(zmq_msg_init(&m));
    for (bool come = false; !come;) {    /* once both have joined */
        CHECK_OK(zmq_msg_init_size(&m, 3));
        memcpy(zmq_msg_data(&m), "new", 3);
        CHECK_OK(zmq_msg_set_group(&m, "news"));
        CHECK_EQ(zmq_msg_send(&m, b.client, 0), 3);
        zmq_pollitem_t item = { .socket = b.server, .events = ZMQ_POLLIN };
        come = CHECK_OK(zmq_poll(&item, 1, 10)) > 0;
    }
    CHECK_EQ(zmq_msg_recv(&m, b.server, 0), 3);
    CHECK_STR(zmq_msg_group(&m), "news");
    CHECK_OK(zmq_msg_close(&m));
    terminate(&b);
    finish(&b);
}

/* zinc: libzmq has lost the frame, and leaves the rest. */
TEST(proxy_ends_with_what_its_output_says)
{
    static const struct {
        int types[4];
        int err;
    } cases[] = {
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_ROUTER, ZMQ_DEALER }, EHOSTUNREACH },
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_SCATTER, ZMQ_GATHER }, EINVAL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench b;

        set_up(&b, cases[i].types, 0, ZMQ_PAIR, ZMQ_PAIR);
        if (cases[i].types[2] == ZMQ_ROUTER)
            test_set_int(b.back, ZMQ_ROUTER_MANDATORY, 1);
        pair_up(b.back, b.server, "inproc://back");
        test_send_strings(b.client, "nobody", "here", NULL);
        start(&b);
        test_thread_join(b.thread);
        CHECK_EQ(b.rc, -1, "case %zu", i);
        CHECK_EQ(b.err, cases[i].err, "case %zu", i);
        b.thread = NULL;
        test_expect_strings(b.front, "nobody", "here", NULL);
        finish(&b);
    }
}

/* ---- What a proxy leaves behind. */

/* Memory of the application's, each with a count of how often it was given back. */
enum { LENT = 200 };

static int given_back[LENT];

static void take_back(void *data, void *hint)
{
    memset(data, 'x', 4096);
    free(data);
    __atomic_fetch_add((int *)hint, 1, __ATOMIC_RELAXED);
}

static int send_lent(void *s, size_t frame, size_t size, int flags)
{
    zmq_msg_t m;
    uint8_t *data = malloc(size);

    CHECK(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(frame, i);
    CHECK_OK(zmq_msg_init_data(&m, data, size, take_back, &given_back[frame]));
    int rc = zmq_msg_send(&m, s, flags);
    if (rc < 0) {
        CHECK_OK(zmq_msg_close(&m));
        given_back[frame] = 0;
    }
    return rc;
}

static size_t large(size_t frame)
{
    static const size_t sizes[] = { 4096, 300000, 5000, 65536, 10000 };

    return sizes[frame % COUNT(sizes)];
}

TEST(proxy_carries_large_frames_whole_while_its_output_fills_up)
{
    static const char *const transports[] = { "inproc", "tcp" };

    for (size_t t = 0; t < COUNT(transports); t++) {
        struct bench b;
        char endpoint[TEST_ENDPOINT];

        memset(given_back, 0, sizeof given_back);
        set_up(&b, line, 2, ZMQ_PAIR, ZMQ_PAIR);
        test_bind(b.back, transports[t], endpoint);
        CHECK_OK(zmq_connect(b.server, endpoint));
        start(&b);
        for (size_t sent = 0, received = 0; received < LENT;) {
            while (sent < LENT && send_lent(b.client, sent, large(sent),
                                            ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
                CHECK_OK(send_lent(b.client, sent + 1, large(sent + 1), 0));
                sent += 2;
            }
            for (int n = 0; n < 3 && received < sent; n++, received += 2) {
                expect_frame(b.server, received, large(received), true);
                expect_frame(b.server, received + 1, large(received + 1), false);
            }
        }
        terminate(&b);
        finish(&b);
        for (int i = 0; i < LENT; i++)
            CHECK_EQ(given_back[i], 1, "%s: frame %d", transports[t], i);
    }
}

/* As many as the marks allow: half of them are in front of the proxy then, and stay there. A
 * sender that waits is told of much room alone; one that tries finds room for one. */
static void fill_up(struct bench *b, size_t messages)
{
    for (size_t i = 0; i < 2 * messages; i += 2) {
        while (send_lent(b->client, i, large(i), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
            zmq_poll(NULL, 0, 1);
        CHECK_OK(send_lent(b->client, i + 1, large(i + 1), 0));
    }
}

static void expect_messages(void *s, size_t from, size_t until)
{
    for (size_t i = 2 * from; i < 2 * until; i++)
        expect_frame(s, i, large(i), i % 2 == 0);
}

TEST(proxy_that_ends_while_its_output_is_full_leaves_whole_messages)
{
    static const struct {
        int types[4];
        bool shutdown;                   /* or told to end */
    } cases[] = {
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUSH, ZMQ_PULL }, false },
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUSH, ZMQ_PULL }, true },
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUB, ZMQ_SUB }, false },    /* which is held */
        { { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUB, ZMQ_SUB }, true },
    };
    enum { HWM = 2, OUT = 2 * HWM, ALL = 2 * OUT };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench b;

        memset(given_back, 0, sizeof given_back);
        set_up(&b, cases[i].types, HWM, ZMQ_PAIR, ZMQ_PAIR);
        if (cases[i].types[2] == ZMQ_PUB) {
            test_set_int(b.back, ZMQ_XPUB_NODROP, 1);
            CHECK_OK(zmq_setsockopt(b.server, ZMQ_SUBSCRIBE, "", 0));
        }
        pair_up(b.back, b.server, "inproc://back");
        start(&b);
        fill_up(&b, ALL);
        if (cases[i].shutdown) {
            CHECK_OK(zmq_ctx_shutdown(b.ctx));
            test_thread_join(b.thread);
            CHECK_EQ(b.err, ETERM);
            b.thread = NULL;
        } else {
            terminate(&b);
            expect_messages(b.server, 0, OUT);
            expect_messages(b.front, OUT, ALL);
        }
        finish(&b);
        for (int k = 0; k < 2 * ALL; k++)
            CHECK_EQ(given_back[k], 1, "case %zu, frame %d", i, k);
    }
}

/* XPUB_NODROP: a frame is held, and nothing of its message has been sent. */
TEST(proxy_gives_back_the_frame_that_it_holds)
{
    static const int types[4] = { ZMQ_PUSH, ZMQ_PULL, ZMQ_PUB, ZMQ_SUB };
    struct bench b;

    set_up(&b, types, 1, ZMQ_PAIR, ZMQ_PAIR);
    test_set_int(b.back, ZMQ_XPUB_NODROP, 1);
    CHECK_OK(zmq_setsockopt(b.server, ZMQ_SUBSCRIBE, "", 0));
    pair_up(b.back, b.server, "inproc://back");
    test_send_strings(b.client, "sent", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    test_send_strings(b.client, "sent too", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    int fd = test_get_int(b.front, ZMQ_FD);
    CHECK(fd >= 0);
    test_send_strings(b.client, "held", "and", "more than fits in line, of it", NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(take_a_turn(&b), 0);
        CHECK(test_get_int(b.front, ZMQ_EVENTS) & ZMQ_POLLIN);
        CHECK(!test_get_int(b.front, ZMQ_RCVMORE));
    }
    test_expect_strings(b.server, "sent", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    test_expect_strings(b.server, "sent too", NULL);
    test_expect_strings(b.server, "held", "and", "more than fits in line, of it", NULL);
    test_send_strings(b.client, "sent", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    test_send_strings(b.client, "sent too", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    test_send_strings(b.client, "for the next", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };
    CHECK_EQ(zmq_poll(&item, 1, 0), 1);
    test_expect_strings(b.front, "for the next", NULL);
    finish(&b);
}

TEST(proxy_gives_back_a_message_with_its_group)
{
    static const char long_name[] =
        "a group whose name is too long to lie in its message";
    static const char *const groups[] = { "news", long_name };
    static const int types[4] = { ZMQ_RADIO, ZMQ_DISH, ZMQ_PUB, ZMQ_SUB };

    for (size_t i = 0; i < COUNT(groups); i++) {
        struct bench b;
        zmq_msg_t m;

        set_up(&b, types, 1, ZMQ_PAIR, ZMQ_PAIR);
        CHECK_OK(zmq_join(b.front, groups[i]));
        test_set_int(b.back, ZMQ_XPUB_NODROP, 1);
        CHECK_OK(zmq_setsockopt(b.server, ZMQ_SUBSCRIBE, "", 0));
        pair_up(b.back, b.server, "inproc://back");
        CHECK_OK(zmq_msg_init(&m));
        for (int n = 0; n < 3; n++) {    /* two have room */
            for (bool come = false; !come;) {    /* once it has joined */
                CHECK_OK(zmq_msg_init_size(&m, 3));
                memcpy(zmq_msg_data(&m), "new", 3);
                CHECK_OK(zmq_msg_set_group(&m, groups[i]));
                CHECK_EQ(zmq_msg_send(&m, b.client, 0), 3);
                zmq_pollitem_t item = { .socket = b.front, .events = ZMQ_POLLIN };
                come = CHECK_OK(zmq_poll(&item, 1, 10)) > 0;
            }
            CHECK_EQ(take_a_turn(&b), 0);
        }
        CHECK_EQ(zmq_msg_recv(&m, b.front, 0), 3);
        CHECK_STR(zmq_msg_group(&m), groups[i]);
        CHECK_OK(zmq_msg_close(&m));
        finish(&b);
    }
}

/* The end whose message is given back goes, so that all of the message is the socket's. */
TEST(proxy_gives_back_what_its_peer_has_left)
{
    static const int types[4] = { ZMQ_PUSH, ZMQ_PULL, ZMQ_ROUTER, ZMQ_DEALER };
    struct bench b;

    set_up(&b, types, 0, ZMQ_PAIR, ZMQ_PAIR);
    test_set_int(b.back, ZMQ_ROUTER_MANDATORY, 1);
    pair_up(b.back, b.server, "inproc://back");
    CHECK_OK(zmq_close(b.client));
    b.client = test_socket(b.ctx, ZMQ_PUSH);
    pair_up(b.client, b.front, "inproc://client");
    test_send_strings(b.client, "nobody", "here", "yet", NULL);
    CHECK_ERRNO(take_a_turn(&b), EHOSTUNREACH);
    CHECK_OK(zmq_disconnect(b.front, "inproc://client"));
    CHECK_ERRNO(take_a_turn(&b), EHOSTUNREACH);
    CHECK_ERRNO(take_a_turn(&b), EHOSTUNREACH);
    test_expect_strings(b.front, "nobody", "here", "yet", NULL);
    finish(&b);
}

/* The body of a datagram is its last part: this one is refused when its address has been taken. */
TEST(proxy_gives_back_the_middle_of_a_message_as_that)
{
    static const int types[4] = { ZMQ_PUSH, ZMQ_PULL, ZMQ_DGRAM, ZMQ_PULL };
    struct bench b;
    char endpoint[TEST_ENDPOINT];

    set_up(&b, types, 0, ZMQ_PAIR, ZMQ_PAIR);
    snprintf(endpoint, sizeof endpoint, "udp://127.0.0.1:%d", test_free_port());
    CHECK_OK(zmq_bind(b.back, endpoint));
    test_send_strings(b.client, endpoint + strlen("udp://"), "body", "more", NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_ERRNO(take_a_turn(&b), EINVAL);
        CHECK(test_get_int(b.front, ZMQ_RCVMORE));
    }
    test_expect_strings(b.front, "body", "more", NULL);
    finish(&b);
}

/* A call that fails amid a message leaves the rest for the next one. */
TEST(proxy_without_memory_goes_on_where_it_stopped)
{
    static const size_t sizes[] = { 10, 5000, 100, 70000, 0 };

    for (uint64_t n = 1;; n++) {
        struct bench b;

        set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
        pair_up(b.back, b.server, "inproc://back");
        if (n % 2 == 0)                  /* message by message, frame by frame */
            b.capture = test_socket(b.ctx, ZMQ_PUB);
        for (size_t i = 0; i < 2 * COUNT(sizes); i++)
            send_frame(b.client, i, sizes[i % COUNT(sizes)], (i + 1) % COUNT(sizes) != 0);
        test_send_strings(b.steer, "TERMINATE", NULL);
        faults_arm(ZN_FAULT_ALLOC, (n + 1) / 2);
        int rc = zmq_proxy_steerable(b.front, b.back, b.capture, b.control);
        int err = errno;
        faults_disarm();
        CHECK(rc == 0 || err == ENOMEM, "%d", err);
        CHECK_EQ(take_a_turn(&b), 0);
        for (size_t i = 0; i < 2 * COUNT(sizes); i++)
            expect_frame(b.server, i, sizes[i % COUNT(sizes)],
                         (i + 1) % COUNT(sizes) != 0);
        finish(&b);
        if (faults_struck() == 0 && n % 2 == 0)
            break;
    }
}

static void shut_down(void *data, void *ctx)
{
    (void)data;
    CHECK_OK(zmq_ctx_shutdown(ctx));
}

/* The beginning of a message has gone with the output: its rest is no message. zinc: libzmq
 * leaves it, as if it were. */
TEST(proxy_drops_the_rest_of_what_its_output_took_with_it)
{
    struct bench b;
    zmq_msg_t m;
    static char bytes[1];
    void *other = zmq_ctx_new();

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    CHECK_OK(zmq_close(b.back));
    b.back = test_socket(other, ZMQ_PUB);        /* has nobody to send to: it lets go at once */
    b.capture = test_socket(b.ctx, ZMQ_PUB);
    CHECK_OK(zmq_msg_init_data(&m, bytes, 1, shut_down, other));
    CHECK_EQ(zmq_msg_send(&m, b.client, ZMQ_SNDMORE), 1);
    test_send_strings(b.client, "of", "it", NULL);
    test_send_strings(b.client, "whole", "again", NULL);
    CHECK_ERRNO(take_a_turn(&b), ETERM);
    test_expect_strings(b.front, "whole", "again", NULL);
    CHECK_OK(zmq_close(b.back));
    b.back = NULL;
    CHECK_OK(zmq_ctx_term(other));
    finish(&b);
}

/* zinc: libzmq has lost the part that was refused, and leaves the rest. */
TEST(proxy_ends_when_its_capture_refuses_and_shows_it_whole_messages)
{
    struct bench b;

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    pair_up(b.back, b.server, "inproc://back");
    b.capture = test_socket(b.ctx, ZMQ_PUSH);
    b.watcher = test_socket(b.ctx, ZMQ_PULL);
    test_set_int(b.capture, ZMQ_SNDTIMEO, 1);
    CHECK_OK(zmq_bind(b.capture, "inproc://capture"));
    test_send_strings(b.client, "a", "b", "c", NULL);
    CHECK_ERRNO(take_a_turn(&b), EAGAIN);
    CHECK_OK(zmq_connect(b.watcher, "inproc://capture"));
    CHECK_EQ(take_a_turn(&b), 0);
    test_expect_strings(b.watcher, "a", "b", "c", NULL);
    test_expect_strings(b.server, "a", "b", "c", NULL);
    finish(&b);
}

/* What has no room is not received: else it would be shown once more by the next proxy. */
TEST(proxy_shows_its_capture_nothing_that_has_no_room)
{
    static const char *const messages[] = { "1", "2", "3", "4" };
    struct bench b;

    set_up(&b, line, 0, ZMQ_PAIR, ZMQ_PAIR);
    test_set_int(b.back, ZMQ_SNDHWM, 1);
    test_set_int(b.server, ZMQ_RCVHWM, 1);
    pair_up(b.back, b.server, "inproc://back");
    b.capture = test_socket(b.ctx, ZMQ_PUSH);
    b.watcher = test_socket(b.ctx, ZMQ_PULL);
    pair_up(b.capture, b.watcher, "inproc://capture");
    for (size_t i = 0; i < COUNT(messages); i++)
        test_send_strings(b.client, messages[i], "part", NULL);
    CHECK_EQ(take_a_turn(&b), 0);
    CHECK_EQ(take_a_turn(&b), 0);
    for (size_t i = 0; i < COUNT(messages); i++) {
        test_expect_strings(b.server, messages[i], "part", NULL);
        CHECK_EQ(take_a_turn(&b), 0);
    }
    for (size_t i = 0; i < COUNT(messages); i++)
        test_expect_strings(b.watcher, messages[i], "part", NULL);
    CHECK_ERRNO(zmq_recv(b.watcher, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
    finish(&b);
}

TEST(device_is_a_proxy_whatever_its_type)
{
    void *s = NULL;

    CHECK_ERRNO(zmq_device(ZMQ_QUEUE, s, s), EFAULT);
    CHECK_ERRNO(zmq_device(77, s, s), EFAULT);
}

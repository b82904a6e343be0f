/* messages_test.c - messages of every size, by every call, over every transport. */

#include "tests/api/raw.h"

#include <stdatomic.h>
#include <sys/uio.h>

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8));
}

static void fill(void *data, size_t size)
{
    unsigned char *p = data;

    for (size_t i = 0; i < size; i++)
        p[i] = pattern(i);
}

static void check_filled(const void *data, size_t size, size_t whole)
{
    const unsigned char *p = data;
    size_t bad = 0;

    for (size_t i = 0; i < size; i++)
        bad += p[i] != pattern(i);
    CHECK_EQ(bad, 0, "bytes differ in a message of %zu", whole);
}

struct link {
    void *ctx, *out, *in;
};

static struct link open_link(const char *address)
{
    struct link l = { .ctx = open_ctx() };
    char endpoint[ENDPOINT_MAX];

    l.in = open_socket(l.ctx, ZMQ_PAIR);
    l.out = open_socket(l.ctx, ZMQ_PAIR);
    bind_to(l.in, address, endpoint);
    connect_to(l.out, endpoint);
    return l;
}

static void close_link(struct link *l)
{
    close_socket(l->in);
    close_socket(l->out);
    end_ctx(l->ctx);
}

/* ---- sizes ---- */

static const size_t sizes[] = {
    0,    1,     2,     28,    29,    30,     31,     32,      33,      34,      35,
    63,   64,    65,    253,   254,   255,    256,    257,     511,     512,     1000,
    1023, 1024,  1025,  2048,  4095,  4096,   4097,   8180,    8191,    8192,    8193,
    8200, 16384, 65535, 65536, 65537, 100000, 262144, 1048575, 1048576, 1048577,
};

static void send_sized(void *s, size_t size, int flags)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_size(&m, size));
    CHECK_EQ(zmq_msg_size(&m), size);
    fill(zmq_msg_data(&m), size);
    CHECK_EQ(zmq_msg_send(&m, s, flags), size);
    CHECK_EQ(zmq_msg_size(&m), 0, "empty once sent");
    CHECK_OK(zmq_msg_close(&m));
}

static void expect_sized(void *s, size_t size, int more)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, s, 0), size);
    CHECK_EQ(zmq_msg_size(&m), size);
    check_filled(zmq_msg_data(&m), size, size);
    CHECK_EQ(zmq_msg_more(&m), more);
    CHECK_EQ(zmq_msg_get(&m, ZMQ_MORE), more);
    CHECK_OK(zmq_msg_close(&m));
}

TEST(single_messages_of_every_size_arrive_whole)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            send_sized(l.out, sizes[i], 0);
            expect_sized(l.in, sizes[i], 0);
        }
        for (size_t i = 0; i < ZN_COUNT(sizes); i++)   /* and in one run */
            send_sized(l.out, sizes[i], 0);
        for (size_t i = 0; i < ZN_COUNT(sizes); i++)
            expect_sized(l.in, sizes[i], 0);
        close_link(&l);
    }
}

TEST(one_multipart_message_of_all_sizes_arrives_whole)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (size_t i = 0; i < ZN_COUNT(sizes); i++)
            send_sized(l.out, sizes[i], i + 1 < ZN_COUNT(sizes) ? ZMQ_SNDMORE : 0);
        for (size_t i = 0; i < ZN_COUNT(sizes); i++)
            expect_sized(l.in, sizes[i], i + 1 < ZN_COUNT(sizes));
        close_link(&l);
    }
}

TEST(message_of_ten_thousand_frames_arrives_whole)
{
    enum { FRAMES = 10000 };

    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (int i = 0; i < FRAMES; i++)
            CHECK_EQ(zmq_send(l.out, &i, sizeof i, i + 1 < FRAMES ? ZMQ_SNDMORE : 0),
                     sizeof i);
        for (int i = 0, got; i < FRAMES; i++) {
            CHECK_EQ(zmq_recv(l.in, &got, sizeof got, 0), sizeof got);
            CHECK_EQ(got, i);
            CHECK_EQ(test_get_int(l.in, ZMQ_RCVMORE), i + 1 < FRAMES);
        }
        close_link(&l);
    }
}

TEST(message_of_64_mib_arrives_whole)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        send_sized(l.out, 64u << 20, ZMQ_SNDMORE);
        send_sized(l.out, 3, 0);
        expect_sized(l.in, 64u << 20, 1);
        expect_sized(l.in, 3, 0);
        close_link(&l);
    }
}

TEST(many_small_messages_keep_their_order)
{
    enum { MESSAGES = 100000, BATCH = 500 };

    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (int i = 0; i < MESSAGES; i += BATCH) {
            for (int j = i; j < i + BATCH; j++)
                CHECK_EQ(zmq_send(l.out, &j, sizeof j, 0), sizeof j);
            for (int j = i, got; j < i + BATCH; j++) {
                CHECK_EQ(zmq_recv(l.in, &got, sizeof got, 0), sizeof got);
                CHECK_EQ(got, j);
            }
        }
        close_link(&l);
    }
}

/* ---- the ways to send and receive ---- */

TEST(recv_cuts_to_the_buffer_and_tells_the_full_size)
{
    static const struct {
        size_t size, room;
    } cases[] = {
        { 10, 0 },     { 10, 1 },         { 10, 9 }, { 10, 10 }, { 10, 11 },
        { 5000, 100 }, { 100000, 99999 }, { 0, 0 },  { 0, 5 },
    };

    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            static unsigned char got[100001];
            size_t room = cases[i].room, size = cases[i].size;

            memset(got, 0xee, sizeof got);
            send_sized(l.out, size, 0);
            CHECK_EQ(zmq_recv(l.in, got, room, 0), size);
            check_filled(got, room < size ? room : size, size);
            CHECK_EQ(got[room < size ? room : size], 0xee, "nothing beyond");
        }
        send_text(l.out, "and the rest is gone");
        expect_text(l.in, "and the rest is gone");
        close_link(&l);
    }
}

TEST(constant_data_is_sent_as_it_lies)
{
    static const char text[] = "a constant of more than thirty-three bytes, never copied";

    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        CHECK_EQ(zmq_send_const(l.out, text, sizeof text, ZMQ_SNDMORE), sizeof text);
        CHECK_EQ(zmq_send_const(l.out, text, 5, ZMQ_SNDMORE), 5);
        CHECK_EQ(zmq_send_const(l.out, text, 0, 0), 0);
        char got[100];
        CHECK_EQ(zmq_recv(l.in, got, sizeof got, 0), sizeof text);
        CHECK_STR(got, text);
        CHECK_EQ(zmq_recv(l.in, got, sizeof got, 0), 5);
        CHECK_EQ(zmq_recv(l.in, got, sizeof got, 0), 0);
        CHECK_EQ(test_get_int(l.in, ZMQ_RCVMORE), 0);
        close_link(&l);
    }
}

TEST(old_names_send_and_receive_too)
{
    struct link l = open_link("inproc://x");
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_size(&m, 2));
    memcpy(zmq_msg_data(&m), "hi", 2);
    CHECK_EQ(zmq_sendmsg(l.out, &m, 0), 2);
    CHECK_EQ(zmq_recvmsg(l.in, &m, 0), 2);
    CHECK_MEM(zmq_msg_data(&m), "hi", 2);
    CHECK_OK(zmq_msg_close(&m));
    close_link(&l);
}

TEST(iov_calls_send_and_receive_the_parts_of_a_message)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);
        static char big[3000];
        struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { big, sizeof big } }, in[5];
        size_t count = 5;

        CHECK_EQ(zmq_sendiov(l.out, out, 3, ZMQ_SNDMORE), sizeof big, "size of the last");
        CHECK_EQ(zmq_recviov(l.in, in, &count, 0), 3);
        CHECK_EQ(count, 3);
        for (size_t i = 0; i < 3; i++) {
            CHECK_EQ(in[i].iov_len, out[i].iov_len);
            if (out[i].iov_len > 0)
                CHECK_MEM(in[i].iov_base, out[i].iov_base, out[i].iov_len);
            free(in[i].iov_base);
        }
        CHECK_EQ(zmq_sendiov(l.out, out, 2, 0), 0, "two messages");
        expect_flags(l.in, "ab", 0);
        expect_flags(l.in, "", 0);
        close_link(&l);
    }
}

/* ---- who frees what ---- */

static _Atomic int freed;

static void count_free(void *data, void *hint)
{
    CHECK(hint == &freed);
    free(data);
    atomic_fetch_add(&freed, 1);
}

static void init_counted(zmq_msg_t *m, size_t size)
{
    char *data = malloc(size + 1);

    CHECK(data != NULL);
    fill(data, size);
    CHECK_OK(zmq_msg_init_data(m, data, size, count_free, &freed));
    CHECK(zmq_msg_data(m) == data, "used where it lies");
}

static bool all_freed(void *want)
{
    return atomic_load(&freed) == *(int *)want;
}

TEST(free_function_runs_exactly_once_wherever_the_message_ends)
{
    static const size_t lengths[] = { 0, 1, 20, 33, 100, 5000, 200000 };
    int want = 0;

    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);

        for (size_t i = 0; i < ZN_COUNT(lengths); i++) {
            zmq_msg_t m, copy;

            init_counted(&m, lengths[i]);         /* closed unsent */
            CHECK_OK(zmq_msg_close(&m));
            CHECK_EQ(freed, ++want, "%zu bytes, closed", lengths[i]);

            init_counted(&m, lengths[i]);         /* copied, then closed twice */
            CHECK_OK(zmq_msg_init(&copy));
            CHECK_OK(zmq_msg_copy(&copy, &m));
            CHECK_OK(zmq_msg_close(&m));
            CHECK_EQ(freed, want, "%zu bytes, a copy is left", lengths[i]);
            check_filled(zmq_msg_data(&copy), lengths[i], lengths[i]);
            CHECK_OK(zmq_msg_close(&copy));
            CHECK_EQ(freed, ++want, "%zu bytes, copies closed", lengths[i]);

            init_counted(&m, lengths[i]);         /* sent and received */
            CHECK_EQ(zmq_msg_send(&m, l.out, 0), lengths[i]);
            expect_sized(l.in, lengths[i], 0);
            want++;
            test_wait_until(all_freed, &want, 10);
        }
        zmq_msg_t m;                              /* never received */
        init_counted(&m, 5000);
        CHECK_OK(zmq_msg_send(&m, l.out, 0));
        close_link(&l);
        CHECK_EQ(freed, ++want, "dropped at the end");
    }
}

TEST(free_function_runs_once_for_many_receivers)
{
    enum { SUBS = 5 };

    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_XPUB), *sub[SUBS];
        char endpoint[ENDPOINT_MAX];
        zmq_msg_t m;
        int want = 1;

        atomic_store(&freed, 0);
        bind_to(pub, each_transport[t], endpoint);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
        for (int i = 0; i < SUBS; i++) {
            sub[i] = open_socket(ctx, ZMQ_SUB);
            CHECK_OK(zmq_setsockopt(sub[i], ZMQ_SUBSCRIBE, "", 0));
            connect_to(sub[i], endpoint);
            expect_text(pub, "\1");
        }
        init_counted(&m, 100000);
        CHECK_OK(zmq_msg_send(&m, pub, 0));
        for (int i = 0; i < SUBS; i++)
            expect_sized(sub[i], 100000, 0);
        test_wait_until(all_freed, &want, 10);
        for (int i = 0; i < SUBS; i++)
            close_socket(sub[i]);
        close_socket(pub);
        end_ctx(ctx);
        CHECK_EQ(freed, 1);
    }
}

TEST(refused_send_leaves_the_message_to_the_caller)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUSH);
    zmq_msg_t m;

    init_counted(&m, 100);
    REFUSED(zmq_msg_send(&m, s, ZMQ_DONTWAIT), EAGAIN, "no peer");
    CHECK_EQ(freed, 0);
    check_filled(zmq_msg_data(&m), 100, 100);
    CHECK_OK(zmq_msg_close(&m));
    CHECK_EQ(freed, 1);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- moves, copies, properties ---- */

TEST(move_and_copy_keep_the_bytes)
{
    for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
        zmq_msg_t a, b, c;

        CHECK_OK(zmq_msg_init_size(&a, sizes[i]));
        fill(zmq_msg_data(&a), sizes[i]);
        CHECK_OK(zmq_msg_init_size(&b, 50));      /* what it held is released */
        CHECK_OK(zmq_msg_move(&b, &a));
        CHECK_EQ(zmq_msg_size(&a), 0);
        CHECK_EQ(zmq_msg_size(&b), sizes[i]);
        check_filled(zmq_msg_data(&b), sizes[i], sizes[i]);
        CHECK_OK(zmq_msg_init_size(&c, 5000));
        CHECK_OK(zmq_msg_copy(&c, &b));
        CHECK_OK(zmq_msg_copy(&a, &c));
        CHECK_EQ(zmq_msg_get(&c, ZMQ_SHARED), zmq_msg_get(&b, ZMQ_SHARED));
        if (sizes[i] <= 29)
            CHECK_EQ(zmq_msg_get(&c, ZMQ_SHARED), 0, "%zu bytes", sizes[i]);
        if (sizes[i] > 33)
            CHECK_EQ(zmq_msg_get(&c, ZMQ_SHARED), 1, "%zu bytes", sizes[i]);
        CHECK_OK(zmq_msg_close(&b));
        check_filled(zmq_msg_data(&c), sizes[i], sizes[i]);
        CHECK_OK(zmq_msg_close(&c));
        check_filled(zmq_msg_data(&a), sizes[i], sizes[i]);
        CHECK_OK(zmq_msg_close(&a));
    }
}

/* ---- a message whose end goes while it is read ---- */

static void expect_part(void *s, const char *text, size_t size, bool more,
                        const char *what)
{
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, s, ZMQ_DONTWAIT), (int)size, "%s: %s", what,
             zmq_strerror(errno));
    CHECK_MEM(zmq_msg_data(&m), text, size);
    CHECK_EQ(zmq_msg_more(&m), more, "%s", what);
    CHECK_EQ(test_get_int(s, ZMQ_RCVMORE), more, "%s", what);
    CHECK_OK(zmq_msg_close(&m));
}

/* libzmq: fails an assertion. */
static void let_go_amid(const char *address, bool disconnects, int in_type, int out_type)
{
    static char large[100000];
    void *ctx = open_ctx(), *in = open_socket(ctx, in_type),
         *out = open_socket(ctx, out_type);
    char endpoint[ENDPOINT_MAX];

    memset(large, 'L', sizeof large);
    bind_to(disconnects ? out : in, address, endpoint);
    connect_to(disconnects ? in : out, endpoint);
    if (out_type == ZMQ_ROUTER) {                    /* to whom? */
        send_text(in, "it is me");
        zmq_msg_t id;
        CHECK_OK(zmq_msg_init(&id));
        CHECK_OK(zmq_msg_recv(&id, out, 0));
        expect_text(out, "it is me");
        CHECK_OK(zmq_msg_send(&id, out, ZMQ_SNDMORE));
    }
    if (in_type == ZMQ_REP)
        send_flags(out, "", ZMQ_SNDMORE);
    send_flags(out, "begin", ZMQ_SNDMORE);
    send_flags(out, "", ZMQ_SNDMORE);
    CHECK_OK(zmq_send(out, large, sizeof large, ZMQ_SNDMORE));
    send_text(out, "end");
    while ((test_get_int(in, ZMQ_EVENTS) & ZMQ_POLLIN) == 0)
        continue;
    if (in_type == ZMQ_ROUTER)
        CHECK_OK(zmq_recv(in, large, 0, 0));         /* whose? The message has begun. */
    else
        expect_part(in, "begin", 5, true, address);
    CHECK_OK(disconnects ? zmq_disconnect(in, endpoint) : zmq_unbind(in, endpoint));
    CHECK((test_get_int(in, ZMQ_EVENTS) & ZMQ_POLLIN) != 0, "%s", address);
    if (in_type == ZMQ_ROUTER)
        expect_part(in, "begin", 5, true, address);
    expect_part(in, "", 0, true, address);
    expect_part(in, large, sizeof large, true, address);
    expect_part(in, "end", 3, false, address);
    if (in_type == ZMQ_REP)
        send_text(in, "who would hear it?");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(message_that_is_being_read_stays_whole_when_its_endpoint_goes)
{
    static const int types[][2] = { { ZMQ_PULL, ZMQ_PUSH },
                                    { ZMQ_PAIR, ZMQ_PAIR },
                                    { ZMQ_DEALER, ZMQ_ROUTER },
                                    { ZMQ_ROUTER, ZMQ_DEALER },
                                    { ZMQ_REP, ZMQ_DEALER } };

    for (int t = 0; t < TRANSPORTS; t++)
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            /* inproc's pipes stay when a name is unbound */
            if (types[i][1] != ZMQ_ROUTER && strncmp(each_transport[t], "inproc", 6) != 0)
                let_go_amid(each_transport[t], false, types[i][0], types[i][1]);
            let_go_amid(each_transport[t], true, types[i][0], types[i][1]);
        }
}

TEST(rest_of_a_message_goes_with_its_socket)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        struct link l = open_link(each_transport[t]);
        char endpoint[ENDPOINT_MAX];
        size_t size = sizeof endpoint;

        send_flags(l.out, "a", ZMQ_SNDMORE);
        send_flags(l.out, "b", ZMQ_SNDMORE);
        send_text(l.out, "c");
        expect_flags(l.in, "a", 1);
        CHECK_OK(zmq_getsockopt(l.in, ZMQ_LAST_ENDPOINT, endpoint, &size));
        CHECK_OK(zmq_unbind(l.in, endpoint));
        close_link(&l);                              /* the sanitizer sees what is left */
    }
}

TEST(properties_tell_of_the_peer)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_ROUTER),
         *out = open_socket(ctx, ZMQ_DEALER);
    char endpoint[ENDPOINT_MAX];
    zmq_msg_t m;

    CHECK_OK(zmq_setsockopt(out, ZMQ_ROUTING_ID, "me", 2));
    CHECK_OK(zmq_setsockopt(out, ZMQ_METADATA, "X-hello:world", 13));
    bind_to(in, "tcp://127.0.0.1:*", endpoint);
    connect_to(out, endpoint);
    send_flags(out, "a", ZMQ_SNDMORE);
    send_text(out, "b");
    CHECK_OK(zmq_msg_init(&m));
    for (int frame = 0; frame < 3; frame++) {     /* the routing id's frame as well */
        CHECK_OK(zmq_msg_recv(&m, in, 0));
        CHECK_STR(zmq_msg_gets(&m, "Socket-Type"), "DEALER");
        CHECK_STR(zmq_msg_gets(&m, "Identity"), "me");
        CHECK_STR(zmq_msg_gets(&m, "Peer-Address"), "127.0.0.1");
        CHECK_STR(zmq_msg_gets(&m, "X-hello"), "world");
        CHECK_NULL(zmq_msg_gets(&m, "x-hello"), EINVAL);
        CHECK_NULL(zmq_msg_gets(&m, "User-Id"), EINVAL);
        CHECK(zmq_msg_get(&m, ZMQ_SRCFD) > 2);
    }
    zmq_msg_t copy;
    CHECK_OK(zmq_msg_init(&copy));
    CHECK_OK(zmq_msg_copy(&copy, &m));
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
    CHECK_STR(zmq_msg_gets(&m, "X-hello"), "world");   /* they outlive it all */
    CHECK_STR(zmq_msg_gets(&copy, "X-hello"), "world");
    CHECK_OK(zmq_msg_close(&m));
    CHECK_STR(zmq_msg_gets(&copy, "X-hello"), "world");
    CHECK_OK(zmq_msg_close(&copy));
}

TEST(inproc_and_old_peers_have_no_properties)
{
    struct link l = open_link("inproc://x");
    void *old = open_socket(l.ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init(&m));
    send_text(l.out, "x");
    CHECK_OK(zmq_msg_recv(&m, l.in, 0));
    CHECK_NULL(zmq_msg_gets(&m, "Socket-Type"), EINVAL);
    REFUSED(zmq_msg_get(&m, ZMQ_SRCFD), EINVAL, "inproc");
    bind_to(old, "tcp://127.0.0.1:*", endpoint);
    struct peer p = zmtp_connect(endpoint, V20, "PUSH", "");
    ZMTP_SEND(&p, 0, "x");
    CHECK_OK(zmq_msg_recv(&m, old, 0));
    CHECK_NULL(zmq_msg_gets(&m, "Socket-Type"), EINVAL);
    CHECK_OK(zmq_msg_close(&m));
    close(p.fd);
    close_socket(old);
    close_link(&l);
}

TEST(message_is_64_opaque_bytes)
{
    CHECK_EQ(sizeof(zmq_msg_t), 64);
    CHECK_EQ(_Alignof(zmq_msg_t), _Alignof(void *));
    CHECK_EQ(sizeof(zmq_pollitem_t), 2 * sizeof(void *));
}

/* zinc: Debian's libzmq has none of the draft calls. */
TEST(draft_message_calls)
{
    char group[300] = { 0 };
    zmq_msg_t m;

    CHECK_OK(zmq_msg_init_buffer(&m, "copied", 6));
    CHECK_MEM(zmq_msg_data(&m), "copied", 6);
    CHECK_EQ(zmq_msg_routing_id(&m), 0);
    REFUSED(zmq_msg_set_routing_id(&m, 0), EINVAL, "none");
    CHECK_OK(zmq_msg_set_routing_id(&m, 77));
    CHECK_EQ(zmq_msg_routing_id(&m), 77);
    CHECK_STR(zmq_msg_group(&m), "");
    CHECK_OK(zmq_msg_set_group(&m, "short"));
    CHECK_STR(zmq_msg_group(&m), "short");
    memset(group, 'g', 255);
    CHECK_OK(zmq_msg_set_group(&m, group));
    CHECK_STR(zmq_msg_group(&m), group);
    CHECK_OK(zmq_msg_close(&m));
}

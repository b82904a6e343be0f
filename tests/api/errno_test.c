/* errno_test.c - each error that the manual names for each call, and the calls that
 * must not harm the process however they are misused. */

#include "tests/api/api.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/uio.h>

/* ---- handles ---- */

TEST(null_and_foreign_handles_are_enotsock)
{
    static char junk[4096];
    void *handles[] = { NULL, junk };
    zmq_msg_t m;

    zmq_msg_init(&m);
    for (size_t i = 0; i < ZN_COUNT(handles); i++) {
        void *s = handles[i];
        int value = 0;
        size_t len = sizeof value;
        struct iovec part = { junk, 1 };

        REFUSED(zmq_close(s), ENOTSOCK, "close");
        REFUSED(zmq_setsockopt(s, ZMQ_LINGER, &value, len), ENOTSOCK, "setsockopt");
        REFUSED(zmq_getsockopt(s, ZMQ_LINGER, &value, &len), ENOTSOCK, "getsockopt");
        REFUSED(zmq_bind(s, "inproc://x"), ENOTSOCK, "bind");
        REFUSED(zmq_connect(s, "inproc://x"), ENOTSOCK, "connect");
        REFUSED(zmq_unbind(s, "inproc://x"), ENOTSOCK, "unbind");
        REFUSED(zmq_disconnect(s, "inproc://x"), ENOTSOCK, "disconnect");
        REFUSED(zmq_send(s, "x", 1, 0), ENOTSOCK, "send");
        REFUSED(zmq_send_const(s, "x", 1, 0), ENOTSOCK, "send_const");
        REFUSED(zmq_recv(s, junk, 1, 0), ENOTSOCK, "recv");
        REFUSED(zmq_msg_send(&m, s, 0), ENOTSOCK, "msg_send");
        REFUSED(zmq_msg_recv(&m, s, 0), ENOTSOCK, "msg_recv");
        REFUSED(zmq_sendmsg(s, &m, 0), ENOTSOCK, "sendmsg");
        REFUSED(zmq_recvmsg(s, &m, 0), ENOTSOCK, "recvmsg");
        REFUSED(zmq_sendiov(s, &part, 1, 0), ENOTSOCK, "sendiov");
        len = 1;
        REFUSED(zmq_recviov(s, &part, &len, 0), ENOTSOCK, "recviov");
        REFUSED(zmq_socket_monitor(s, "inproc://m", ZMQ_EVENT_ALL), ENOTSOCK, "monitor");
    }
    CHECK_OK(zmq_msg_close(&m));
}

TEST(closed_sockets_are_enotsock)
{
    void *ctx = open_ctx(), *keep = open_socket(ctx, ZMQ_PAIR);
    void *s = open_socket(ctx, ZMQ_PAIR);
    zmq_pollitem_t item = { s, 0, ZMQ_POLLIN, 0 };

    (void)keep;                                   /* the context stays in use */
    close_socket(s);
    REFUSED(zmq_close(s), ENOTSOCK, "close");
    REFUSED(zmq_send(s, "x", 1, 0), ENOTSOCK, "send");
    REFUSED(zmq_recv(s, NULL, 0, 0), ENOTSOCK, "recv");
    REFUSED(zmq_bind(s, "inproc://x"), ENOTSOCK, "bind");
    REFUSED(zmq_poll(&item, 1, 0), ENOTSOCK, "poll");
    close_socket(keep);
    end_ctx(ctx);
}

TEST(bad_contexts_are_efault)
{
    static char junk[4096];

    REFUSED(zmq_ctx_term(NULL), EFAULT, "term");
    REFUSED(zmq_ctx_term(junk), EFAULT, "term");
    REFUSED(zmq_ctx_shutdown(NULL), EFAULT, "shutdown");
    REFUSED(zmq_ctx_shutdown(junk), EFAULT, "shutdown");
    REFUSED(zmq_ctx_destroy(NULL), EFAULT, "destroy");
    REFUSED(zmq_term(NULL), EFAULT, "zmq_term");
    CHECK_NULL(zmq_socket(NULL, ZMQ_PAIR), EFAULT);
    CHECK_NULL(zmq_socket(junk, ZMQ_PAIR), EFAULT);
    CHECK_NULL(zmq_init(-1), EINVAL);
}

TEST(unknown_socket_types_are_einval)
{
    static const int types[] = { -1, 21, 100, INT_MAX, INT_MIN };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(types); i++)
        CHECK_NULL(zmq_socket(ctx, types[i]), EINVAL);
    end_ctx(ctx);
}

/* ---- directions and states ---- */

TEST(wrong_direction_is_enotsup)
{
    static const struct {
        int type, sends, receives;
    } cases[] = {
        { ZMQ_PUB, 1, 0 },
        { ZMQ_PUSH, 1, 0 },
        { ZMQ_SUB, 0, 1 },
        { ZMQ_PULL, 0, 1 },
    };
    void *ctx = open_ctx();

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = open_socket(ctx, cases[i].type);
        zmq_msg_t m;

        CHECK_OK(zmq_msg_init_size(&m, 100));
        for (int flags = 0; flags <= ZMQ_DONTWAIT; flags += ZMQ_DONTWAIT) {
            if (!cases[i].sends) {
                REFUSED(zmq_send(s, "x", 1, flags), ENOTSUP, "type %d", cases[i].type);
                REFUSED(zmq_msg_send(&m, s, flags), ENOTSUP, "type %d", cases[i].type);
                CHECK_EQ(zmq_msg_size(&m), 100, "still the caller's");
            }
            if (!cases[i].receives) {
                REFUSED(zmq_recv(s, NULL, 0, flags), ENOTSUP, "type %d", cases[i].type);
                REFUSED(zmq_msg_recv(&m, s, flags), ENOTSUP, "type %d", cases[i].type);
            }
        }
        CHECK_OK(zmq_msg_close(&m));
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(req_and_rep_keep_their_steps)
{
    void *ctx = open_ctx(), *req = open_socket(ctx, ZMQ_REQ),
         *rep = open_socket(ctx, ZMQ_REP);

    CHECK_OK(zmq_bind(rep, "inproc://x"));
    connect_to(req, "inproc://x");
    REFUSED(zmq_recv(req, NULL, 0, 0), EFSM, "nothing asked");
    REFUSED(zmq_send(rep, "x", 1, 0), EFSM, "nothing to answer");
    for (int i = 0; i < 2; i++) {
        send_flags(req, "a", ZMQ_SNDMORE);
        REFUSED(zmq_recv(req, NULL, 0, 0), EFSM, "half a request");
        send_text(req, "b");
        REFUSED(zmq_send(req, "x", 1, 0), EFSM, "a second request");
        expect_flags(rep, "a", 1);
        REFUSED(zmq_send(rep, "x", 1, 0), EFSM, "half read");
        expect_text(rep, "b");
        REFUSED(zmq_recv(rep, NULL, 0, 0), EFSM, "not answered yet");
        send_flags(rep, "c", ZMQ_SNDMORE);
        REFUSED(zmq_recv(rep, NULL, 0, 0), EFSM, "half answered");
        send_text(rep, "d");
        REFUSED(zmq_send(rep, "x", 1, 0), EFSM, "answered");
        expect_flags(req, "c", 1);
        REFUSED(zmq_send(req, "x", 1, 0), EFSM, "answer half read");
        expect_text(req, "d");
    }
    close_socket(req);
    close_socket(rep);
    end_ctx(ctx);
}

TEST(unknown_routes_are_ehostunreach)
{
    void *ctx = open_ctx(), *router = open_socket(ctx, ZMQ_ROUTER);
    void *stream = open_socket(ctx, ZMQ_STREAM);

    CHECK_EQ(zmq_send(router, "nobody", 6, ZMQ_SNDMORE), 6, "dropped");
    CHECK_EQ(zmq_send(router, "x", 1, 0), 1, "dropped");
    test_set_int(router, ZMQ_ROUTER_MANDATORY, 1);
    REFUSED(zmq_send(router, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH, "mandatory");
    REFUSED(zmq_send(stream, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH, "STREAM");
    close_socket(router);
    close_socket(stream);
    end_ctx(ctx);
}

/* ---- endpoints (tables of them are in endpoint_test.c) ---- */

TEST(endpoint_errors)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *t = open_socket(ctx, ZMQ_PULL);

    REFUSED(zmq_bind(s, "nonsense"), EINVAL, "bind");
    REFUSED(zmq_connect(s, "nonsense"), EINVAL, "connect");
    REFUSED(zmq_unbind(s, "nonsense"), EINVAL, "unbind");
    REFUSED(zmq_disconnect(s, "nonsense"), EINVAL, "disconnect");
    REFUSED(zmq_unbind(s, NULL), EINVAL, "unbind NULL");
    REFUSED(zmq_disconnect(s, NULL), EINVAL, "disconnect NULL");
    REFUSED(zmq_bind(s, "nothing://x"), EPROTONOSUPPORT, "bind");
    REFUSED(zmq_connect(s, "nothing://x"), EPROTONOSUPPORT, "connect");
    REFUSED(zmq_unbind(s, "nothing://x"), EPROTONOSUPPORT, "unbind");
    REFUSED(zmq_unbind(s, "inproc://x"), ENOENT, "never bound");
    REFUSED(zmq_disconnect(s, "tcp://127.0.0.1:1"), ENOENT, "never connected");
    CHECK_OK(zmq_bind(s, "inproc://x"));
    REFUSED(zmq_bind(t, "inproc://x"), EADDRINUSE, "taken");
    CHECK_OK(zmq_unbind(s, "inproc://x"));
    REFUSED(zmq_unbind(s, "inproc://x"), ENOENT, "gone");
    CHECK_OK(zmq_bind(t, "inproc://x"));
    close_socket(s);
    close_socket(t);
    end_ctx(ctx);
}

/* zinc: libzmq aborts. */
TEST(null_endpoints_are_einval)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);

    REFUSED(zmq_bind(s, NULL), EINVAL, "bind");
    REFUSED(zmq_connect(s, NULL), EINVAL, "connect");
    close_socket(s);
    end_ctx(ctx);
}

TEST(monitor_errors)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL),
         *t = open_socket(ctx, ZMQ_PAIR);

    REFUSED(zmq_socket_monitor(s, "tcp://127.0.0.1:*", ZMQ_EVENT_ALL), EPROTONOSUPPORT,
            "tcp");
    REFUSED(zmq_socket_monitor(s, "nonsense", ZMQ_EVENT_ALL), EINVAL, "no scheme");
    REFUSED(zmq_socket_monitor(s, "inproc://m", -1), EINVAL, "unknown bits");
    REFUSED(zmq_socket_monitor(s, "inproc://m", 1 << 16), EINVAL, "version 2's bit");
    CHECK_OK(zmq_bind(t, "inproc://taken"));
    REFUSED(zmq_socket_monitor(s, "inproc://taken", ZMQ_EVENT_ALL), EADDRINUSE, "taken");
    CHECK_OK(zmq_socket_monitor(s, NULL, 0));
    close_socket(s);
    close_socket(t);
    end_ctx(ctx);
}

/* ---- scattered sends ---- */

TEST(iov_calls_check_their_arrays)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);
    struct iovec part = { "x", 1 };
    size_t none = 0, one = 1;

    REFUSED(zmq_sendiov(s, &part, 0, 0), EINVAL, "no part");
    REFUSED(zmq_sendiov(s, NULL, 1, 0), EINVAL, "NULL");
    REFUSED(zmq_recviov(s, &part, &none, 0), EINVAL, "no part");
    REFUSED(zmq_recviov(s, NULL, &one, 0), EINVAL, "NULL");
    REFUSED(zmq_recviov(s, &part, NULL, 0), EINVAL, "NULL");
    REFUSED(zmq_sendiov(s, &part, 1, ZMQ_DONTWAIT), EAGAIN, "nobody there");
    REFUSED(zmq_recviov(s, &part, &one, ZMQ_DONTWAIT), EAGAIN, "nothing there");
    close_socket(s);
    end_ctx(ctx);
}

/* ---- messages ---- */

TEST(message_calls_check_what_can_be_checked)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);
    zmq_msg_t m, closed;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_init(&closed));
    CHECK_OK(zmq_msg_close(&closed));
    REFUSED(zmq_msg_close(&closed), EFAULT, "closed twice");
    REFUSED(zmq_msg_move(&m, &closed), EFAULT, "move");
    REFUSED(zmq_msg_copy(&m, &closed), EFAULT, "copy");
    REFUSED(zmq_msg_recv(&closed, s, ZMQ_DONTWAIT), EFAULT, "recv into a closed one");
    REFUSED(zmq_msg_init_size(&m, SIZE_MAX), ENOMEM, "overflow");
    REFUSED(zmq_msg_init_size(&m, SIZE_MAX - 100), ENOMEM, "too large");
    CHECK_OK(zmq_msg_init(&m));
    REFUSED(zmq_msg_get(&m, 99), EINVAL, "unknown property");
    REFUSED(zmq_msg_get(&m, ZMQ_SRCFD), EINVAL, "no connection");
    REFUSED(zmq_msg_set(&m, ZMQ_MORE, 1), EINVAL, "nothing can be set");
    CHECK_NULL(zmq_msg_gets(&m, "Socket-Type"), EINVAL);
    CHECK_NULL(zmq_msg_gets(&m, "X-any"), EINVAL);
    CHECK_EQ(zmq_msg_get(&m, ZMQ_MORE), 0);
    CHECK_EQ(zmq_msg_get(&m, ZMQ_SHARED), 0);
    CHECK_OK(zmq_msg_close(&m));
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq aborts on each of these. */
TEST(closed_messages_do_no_harm)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PUB);
    zmq_msg_t m, junk;

    memset(&junk, 0xa5, sizeof junk);
    CHECK_OK(zmq_msg_init_size(&m, 100));
    CHECK_OK(zmq_msg_close(&m));
    CHECK_EQ(zmq_msg_size(&m), 0, "closed");
    CHECK(zmq_msg_data(&m) == NULL);
    CHECK_EQ(zmq_msg_more(&m), 0);
    REFUSED(zmq_msg_send(&m, s, 0), EFAULT, "closed");
    REFUSED(zmq_msg_send(&junk, s, 0), EFAULT, "never initialised");
    REFUSED(zmq_msg_close(&junk), EFAULT, "never initialised");
    CHECK_EQ(zmq_msg_size(&junk), 0, "never initialised");
    CHECK_EQ(zmq_msg_init_data(&m, NULL, 10, NULL, NULL), -1, "10 bytes at NULL");
    close_socket(s);
    end_ctx(ctx);
}

/* zinc: libzmq writes through the NULL. */
static void count_free(void *data, void *count)
{
    (void)data;
    atomic_fetch_add((_Atomic int *)count, 1);
}

static void init_counted(zmq_msg_t *m, _Atomic int *freed)
{
    static char data[100];

    CHECK_OK(zmq_msg_init_data(m, data, sizeof data, count_free, freed));
}

static _Atomic int freed_by_waiter;

static bool waiter_has_freed(void *arg)
{
    (void)arg;
    return atomic_load(&freed_by_waiter) == 1;
}

static void *receive_until_term(void *s)
{
    zmq_msg_t m;

    init_counted(&m, &freed_by_waiter);
    REFUSED(zmq_msg_recv(&m, s, 0), ETERM, "nothing ever comes");
    CHECK_EQ(zmq_msg_size(&m), 0);
    CHECK_OK(zmq_msg_close(&m));
    return NULL;
}

TEST(receiving_in_vain_empties_the_message)
{
    static const int types[] = { ZMQ_PAIR, ZMQ_SUB,  ZMQ_REP,  ZMQ_DEALER, ZMQ_ROUTER,
                                 ZMQ_PULL, ZMQ_XPUB, ZMQ_XSUB, ZMQ_STREAM };
    void *ctx = open_ctx();
    _Atomic int freed = 0;
    zmq_msg_t m;

    for (int i = 0; i < (int)ZN_COUNT(types); i++) {
        void *s = open_socket(ctx, types[i]);

        init_counted(&m, &freed);
        REFUSED(zmq_msg_recv(&m, s, ZMQ_DONTWAIT), EAGAIN, "type %d", types[i]);
        CHECK_EQ(zmq_msg_size(&m), 0, "type %d", types[i]);
        CHECK_EQ(freed, i + 1, "type %d", types[i]);
        CHECK_OK(zmq_msg_close(&m));
        close_socket(s);
    }

    void *req = open_socket(ctx, ZMQ_REQ);        /* does not look at all */
    freed = 0;
    init_counted(&m, &freed);
    REFUSED(zmq_msg_recv(&m, req, ZMQ_DONTWAIT), EFSM, "not its turn");
    CHECK_EQ(zmq_msg_size(&m), 100);
    CHECK_EQ(freed, 0);
    CHECK_OK(zmq_msg_close(&m));
    close_socket(req);

    void *pull = open_socket(ctx, ZMQ_PULL);      /* one that waits does so before that */
    struct test_thread *thread = test_thread_start(receive_until_term, pull);
    test_wait_until(waiter_has_freed, NULL, 10);
    CHECK_OK(zmq_ctx_shutdown(ctx));
    test_thread_join(thread);
    close_socket(pull);
    end_ctx(ctx);
}

TEST(recv_into_null_with_room_is_refused_or_harmless)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PAIR),
         *b = open_socket(ctx, ZMQ_PAIR);

    CHECK_OK(zmq_bind(a, "inproc://x"));
    connect_to(b, "inproc://x");
    send_text(b, "first");
    zmq_recv(a, NULL, 10, 0);
    send_text(b, "second");
    send_text(b, "end");
    char got[16] = "";
    while (strcmp(got, "end") != 0) {
        int n = zmq_recv(a, got, sizeof got - 1, 0);
        CHECK(n >= 0);
        got[n] = 0;
    }
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

TEST(unknown_send_flags_are_ignored_or_einval)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PAIR),
         *b = open_socket(ctx, ZMQ_PAIR);

    CHECK_OK(zmq_bind(a, "inproc://x"));
    connect_to(b, "inproc://x");
    errno = 0;
    int rc = zmq_send(b, "x", 1, 0x40);
    CHECK(rc == 1 || (rc == -1 && errno == EINVAL));
    send_text(b, "end");
    if (rc == 1)
        expect_text(a, "x");
    expect_text(a, "end");
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

/* ---- the rest of zmq.h ---- */

TEST(proxy_errors)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PAIR);

    REFUSED(zmq_proxy(NULL, s, NULL), EFAULT, "no front");
    REFUSED(zmq_proxy(s, NULL, NULL), EFAULT, "no back");
    REFUSED(zmq_proxy_steerable(NULL, s, NULL, NULL), EFAULT, "no front");
    REFUSED(zmq_proxy_steerable(s, NULL, NULL, NULL), EFAULT, "no back");
    close_socket(s);
    end_ctx(ctx);
}

static void on_timer(int id, void *arg)
{
    *(int *)arg = id;
}

TEST(timer_errors)
{
    void *timers = zmq_timers_new(), *none = NULL;
    int fired = 0;

    REFUSED(zmq_timers_destroy(&none), EFAULT, "none");
    REFUSED(zmq_timers_add(NULL, 1, on_timer, NULL), EFAULT, "NULL");
    REFUSED(zmq_timers_add(timers, 1, NULL, NULL), EFAULT, "no handler");
    REFUSED(zmq_timers_cancel(timers, 1), EINVAL, "unknown");
    REFUSED(zmq_timers_set_interval(timers, 1, 1), EINVAL, "unknown");
    REFUSED(zmq_timers_reset(timers, 1), EINVAL, "unknown");
    REFUSED(zmq_timers_timeout(NULL), EFAULT, "NULL");
    REFUSED(zmq_timers_execute(NULL), EFAULT, "NULL");
    CHECK_EQ(zmq_timers_timeout(timers), -1, "none");
    CHECK_EQ(zmq_timers_add(timers, 1, on_timer, &fired), 1);
    CHECK_EQ(zmq_timers_add(timers, 100000, on_timer, &fired), 2);
    while (fired == 0) {
        CHECK_OK(poll(NULL, 0, (int)zmq_timers_timeout(timers)));
        CHECK_OK(zmq_timers_execute(timers));
    }
    CHECK_EQ(fired, 1);
    CHECK_OK(zmq_timers_cancel(timers, 1));
    REFUSED(zmq_timers_cancel(timers, 1), EINVAL, "cancelled");
    CHECK(zmq_timers_timeout(timers) > 1000);
    CHECK_OK(zmq_timers_set_interval(timers, 2, 50));
    CHECK(zmq_timers_timeout(timers) <= 50);
    CHECK_OK(zmq_timers_reset(timers, 2));
    CHECK_OK(zmq_timers_destroy(&timers));
    CHECK(timers == NULL);
}

/* zinc: libzmq reads through the NULL. */
TEST(null_places_of_handles_are_efault)
{
    REFUSED(zmq_timers_destroy(NULL), EFAULT, "timers");
    CHECK_EQ(zmq_has(NULL), 0);
}

TEST(z85_refuses_what_it_cannot_code)
{
    static const char *const bad[] = { "", "abc", "abcdef", "abcd\"", "%nSc1", "#####" };
    uint8_t bytes[8] = { 0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b };
    char text[16];

    CHECK(zmq_z85_encode(text, bytes, 8) == text);
    CHECK_STR(text, "HelloWorld");
    CHECK(zmq_z85_decode(bytes, "HelloWorld") == bytes);
    CHECK_EQ(bytes[0], 0x86);
    CHECK_EQ(bytes[7], 0x5b);
    CHECK_NULL(zmq_z85_encode(text, bytes, 3), EINVAL);
    for (size_t i = 0; i < ZN_COUNT(bad); i++)
        CHECK_NULL(zmq_z85_decode(bytes, bad[i]), EINVAL);
}

TEST(strerror_knows_zmqs_own_numbers)
{
    static const struct {
        int number;
        const char *text;
    } cases[] = {
        { EFSM, "Operation cannot be accomplished in current state" },
        { ENOCOMPATPROTO, "The protocol is not compatible with the socket type" },
        { ETERM, "Context was terminated" },
        { EMTHREAD, "No thread available" },
        { EHOSTUNREACH, "Host unreachable" },
    };

    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        CHECK_STR(zmq_strerror(cases[i].number), cases[i].text);
    CHECK_STR(zmq_strerror(EAGAIN), strerror(EAGAIN));
    CHECK(zmq_strerror(123456) != NULL);
    errno = EINTR;
    CHECK_EQ(zmq_errno(), EINTR);
}

/* tipc_test.c - tipc://: addresses, and what the kernel has of them. Traffic: tests/patterns,
 * where there is TIPC, and below. */
#include "tests/api/api.h"

#include <sys/socket.h>

static void *new_socket(void *ctx)
{
    void *s = open_socket(ctx, ZMQ_DEALER);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    return s;
}

/* Built in, and the kernel has it. */
static bool has_tipc(void)
{
    int fd = socket(AF_TIPC, SOCK_STREAM, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && zmq_has("tipc");
}

/* A type of service that nobody else has. */
static unsigned own_type(void)
{
    static unsigned n;
    return 200000 + (unsigned)getpid() * 64 + n++;
}

TEST(tipc_addresses_that_are_refused)
{
    static const char *const both[] = { "tipc://x",        "tipc://*",
                                        "tipc://{5555}",   "tipc://{a,b}",
                                        "tipc://{5555,",   "tipc://{5555,1",
                                        "tipc://5555,1,2", "tipc://<1.1.1>",
                                        "tipc://<>",       "tipc://{5555,1}x" };
    static const char *const binds[] = { "tipc://{5555,3,2}", "tipc://<1.1.1:5>",
                                         "tipc://{5555,1}@1.1.1" };
    static const char *const connects[] = { "tipc://<*>", "tipc://<1.1:5>",
                                            "tipc://{5555,0}@0", "tipc://<1.1.1:5>x" };
    void *ctx = open_ctx(), *s = new_socket(ctx);

    if (!zmq_has("tipc"))
        test_skip("built without TIPC");
    for (size_t i = 0; i < ZN_COUNT(both); i++) {
        REFUSED(zmq_bind(s, both[i]), EINVAL, "%s", both[i]);
        REFUSED(zmq_connect(s, both[i]), EINVAL, "%s", both[i]);
    }
    for (size_t i = 0; i < ZN_COUNT(binds); i++)
        REFUSED(zmq_bind(s, binds[i]), EINVAL, "%s", binds[i]);
    for (size_t i = 0; i < ZN_COUNT(connects); i++)
        REFUSED(zmq_connect(s, connects[i]), EINVAL, "%s", connects[i]);
    close_socket(s);
    end_ctx(ctx);
}

TEST(tipc_addresses_that_connect_takes)
{
    static const char *const cases[] = { "tipc://{5555,0}",      "tipc://{5555, 1, 16777216}",
                                         "tipc://{5555,0}@1.1.1", "tipc://<1.1.1:5>" };
    void *ctx = open_ctx();

    if (!zmq_has("tipc"))
        test_skip("built without TIPC");
    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        void *s = new_socket(ctx);
        char last[ENDPOINT_MAX];
        size_t size = sizeof last;

        connect_to(s, cases[i]);
        CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, last, &size));
        CHECK_STR(last, cases[i]);
        CHECK_OK(zmq_disconnect(s, cases[i]));
        close_socket(s);
    }
    end_ctx(ctx);
}

TEST(tipc_that_the_kernel_does_not_have_is_said_at_bind_alone)
{
    void *ctx = open_ctx(), *s = new_socket(ctx);

    if (has_tipc() || !zmq_has("tipc"))
        test_skip("this kernel has TIPC, or it is not built in");
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    REFUSED(zmq_bind(s, "tipc://{5555,0,0}"), EAFNOSUPPORT, "a range");
    CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_BIND_FAILED);
    REFUSED(zmq_bind(s, "tipc://<*>"), EAFNOSUPPORT, "a socket");
    CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_BIND_FAILED);
    connect_to(s, "tipc://{5555,0}");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(tipc_finds_an_instance_in_a_range_and_a_socket_by_its_reference)
{
    if (!has_tipc())
        test_skip("no TIPC here");
    for (int i = 0; i < 4; i++) {
        static const char *const binds[] = { "tipc://{%u,0,9}", "tipc://{%u,4}",
                                             "tipc://<*>", "tipc://{%u, 0, 9}" };
        static const char *const connects[] = { "tipc://{%u,4}", "tipc://{%u, 4, 0}",
                                                NULL, "tipc://{%u,9}@0.0.0" };
        void *ctx = open_ctx(), *a = new_socket(ctx), *b = new_socket(ctx);
        void *monitor = open_monitor(ctx, b, ZMQ_EVENT_ALL);
        unsigned type = own_type();
        char at[64], to[64], endpoint[ENDPOINT_MAX];

        snprintf(at, sizeof at, binds[i], type);
        bind_to(a, at, endpoint);
        CHECK(strncmp(endpoint, "tipc://<", 8) == 0, "%s", endpoint);
        if (connects[i] != NULL)
            snprintf(to, sizeof to, connects[i], type);
        connect_to(b, connects[i] != NULL ? to : endpoint);
        send_text(b, "found");
        expect_text(a, "found");
        send_text(a, "back");
        expect_text(b, "back");
        wait_event(monitor, ZMQ_EVENT_CONNECTED);
        CHECK_OK(zmq_unbind(a, endpoint));
        wait_event(monitor, ZMQ_EVENT_DISCONNECTED);
        close_socket(a);
        close_socket(b);
        close_socket(monitor);
        end_ctx(ctx);
    }
}

TEST(tipc_tries_again_what_is_not_there)
{
    void *ctx = open_ctx(), *a = new_socket(ctx), *b = new_socket(ctx);
    void *monitor = open_monitor(ctx, b, ZMQ_EVENT_ALL);
    char address[64];

    if (!has_tipc())
        test_skip("no TIPC here");
    snprintf(address, sizeof address, "tipc://{%u,7}", own_type());
    connect_to(b, address);
    for (int i = 0; i < 3; i++) {
        wait_event(monitor, ZMQ_EVENT_CLOSED);
        wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
    }
    CHECK_OK(zmq_bind(a, address));
    send_text(b, "there now");
    expect_text(a, "there now");
    close_socket(a);
    close_socket(b);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(tipc_reserved_types_are_the_kernels)
{
    void *ctx = open_ctx(), *s = new_socket(ctx);

    if (!has_tipc())
        test_skip("no TIPC here");
    REFUSED(zmq_bind(s, "tipc://{1,2,3}"), EACCES, "a type below 64");
    close_socket(s);
    end_ctx(ctx);
}

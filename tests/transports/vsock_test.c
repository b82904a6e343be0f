/* vsock_test.c - vsock:// and vmci://: addresses, and what the kernel has of them. Traffic:
 * tests/patterns, where the machine reaches itself, and below. */
#include "tests/api/api.h"

#include <sys/socket.h>

static const char *const schemes[] = { "vsock", "vmci" };

static void *new_socket(void *ctx)
{
    void *s = open_socket(ctx, ZMQ_DEALER);
    test_set_int(s, ZMQ_RECONNECT_IVL, 5);
    return s;
}

/* Built in, and the kernel has it. */
static bool has_vsock(void)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && zmq_has("vsock");
}

TEST(vsock_addresses_that_are_refused)
{
    static const struct {
        const char *address;
        int bind, connect;               /* 0: not looked at here */
    } cases[] = {
        { "1", EINVAL, EINVAL },
        { "*", EINVAL, EINVAL },
        { "1:", EINVAL, EINVAL },
        { "1:x", EINVAL, EINVAL },
        { "1:5x", EINVAL, EINVAL },
        { "1:-2", EINVAL, EINVAL },
        { "1:4294967295", EINVAL, EINVAL },
        { "1:5:6", EINVAL, EINVAL },
        { "host:5", ENODEV, ENODEV },
        { ":5", ENODEV, ENODEV },
        { "-2:5", ENODEV, ENODEV },
        { "4294967295:5", ENODEV, ENODEV },
        { "1x:5", ENODEV, ENODEV },
        { "@@:5", ENODEV, ENODEV },
        { "*:5", 0, EINVAL },
        { "1:*", 0, EINVAL },
        { "-1:5", 0, EINVAL },
        { "1:-1", 0, EINVAL },
    };
    void *ctx = open_ctx(), *s = new_socket(ctx);

    if (!zmq_has("vsock"))
        test_skip("built without vsock");
    for (size_t i = 0; i < ZN_COUNT(cases); i++)
        for (size_t k = 0; k < ZN_COUNT(schemes); k++) {
            char endpoint[64];
            snprintf(endpoint, sizeof endpoint, "%s://%s", schemes[k], cases[i].address);
            if (cases[i].bind != 0)
                REFUSED(zmq_bind(s, endpoint), cases[i].bind, "%s", endpoint);
            if (cases[i].connect != 0)
                REFUSED(zmq_connect(s, endpoint), cases[i].connect, "%s", endpoint);
        }
    close_socket(s);
    end_ctx(ctx);
}

TEST(vsock_is_bound_and_reported_in_numbers)
{
    static const struct {
        const char *address, *reported;  /* up to the port */
    } cases[] = { { "*:*", "*:" }, { "-1:-1", "*:" }, { "*:@", NULL } };

    if (!has_vsock())
        test_skip("no vsock here");
    for (size_t k = 0; k < ZN_COUNT(schemes); k++)
        for (size_t i = 0; i < ZN_COUNT(cases); i++) {
            void *ctx = open_ctx(), *s = new_socket(ctx), *other = new_socket(ctx);
            char endpoint[ENDPOINT_MAX], want[64];

            snprintf(endpoint, sizeof endpoint, "%s://%s", schemes[k], cases[i].address);
            if (cases[i].reported == NULL) {
                REFUSED(zmq_bind(s, endpoint), EINVAL, "%s", endpoint);
            } else {
                bind_to(s, endpoint, endpoint);
                snprintf(want, sizeof want, "%s://%s", schemes[k], cases[i].reported);
                CHECK(strncmp(endpoint, want, strlen(want)) == 0, "%s", endpoint);
                CHECK(atol(endpoint + strlen(want)) > 1023, "%s", endpoint);
                REFUSED(zmq_bind(other, endpoint), EADDRINUSE, "%s", endpoint);
                CHECK_OK(zmq_unbind(s, endpoint));
                CHECK_OK(zmq_bind(other, endpoint));
            }
            close_socket(s);
            close_socket(other);
            end_ctx(ctx);
        }
}

TEST(vsock_knows_this_machine_by_at)
{
    void *ctx = open_ctx(), *s = new_socket(ctx);
    char endpoint[ENDPOINT_MAX];

    if (!has_vsock())
        test_skip("no vsock here");
    if (zmq_bind(s, "vsock://@:*") < 0) {
        CHECK_EQ(errno, ENODEV);
        CHECK_ERRNO(zmq_connect(s, "vsock://@:7"), ENODEV);
    } else {
        size_t size = sizeof endpoint;
        CHECK_OK(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &size));
        CHECK(endpoint[8] >= '0' && endpoint[8] <= '9', "%s", endpoint);
        CHECK_OK(zmq_connect(s, "vsock://@:7"));
    }
    close_socket(s);
    end_ctx(ctx);
}

TEST(vsock_that_the_kernel_does_not_have_is_said_at_bind_alone)
{
    void *ctx = open_ctx(), *s = new_socket(ctx);

    if (has_vsock() || !zmq_has("vsock"))
        test_skip("this kernel has vsock, or it is not built in");
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);
    REFUSED(zmq_bind(s, "vsock://*:*"), EAFNOSUPPORT, "bind");
    CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_BIND_FAILED);
    connect_to(s, "vsock://2:7");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(next_event(monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

TEST(vsock_tries_again_what_is_not_there)
{
    void *ctx = open_ctx(), *s = new_socket(ctx);
    void *monitor = open_monitor(ctx, s, ZMQ_EVENT_ALL);

    if (!has_vsock())
        test_skip("no vsock here");
    test_set_int(s, ZMQ_CONNECT_TIMEOUT, 50);
    connect_to(s, "vsock://99:7");       /* no such machine */
    for (int i = 0; i < 2; i++) {
        wait_event(monitor, ZMQ_EVENT_CLOSED);
        wait_event(monitor, ZMQ_EVENT_CONNECT_RETRIED);
    }
    close_socket(s);
    close_socket(monitor);
    end_ctx(ctx);
}

static bool reaches_itself(void)
{
    for (const char *const *t = test_transports; *t != NULL; t++)
        if (strcmp(*t, "vsock") == 0)
            return true;
    return false;
}

TEST(vmci_carries_messages_with_buffers_of_the_size_wished)
{
    static char large[1 << 20], got[sizeof large];
    uint64_t size = 128 * 1024, least = 4096, most = 1 << 20;
    void *ctx = open_ctx(), *a = new_socket(ctx), *b = new_socket(ctx);
    char endpoint[ENDPOINT_MAX];

    if (!reaches_itself())
        test_skip("this machine does not reach itself by vsock");
    for (int i = 0; i < 2; i++) {
        void *s = i == 0 ? a : b;
        CHECK_OK(zmq_setsockopt(s, ZMQ_VMCI_BUFFER_SIZE, &size, sizeof size));
        CHECK_OK(zmq_setsockopt(s, ZMQ_VMCI_BUFFER_MIN_SIZE, &least, sizeof least));
        CHECK_OK(zmq_setsockopt(s, ZMQ_VMCI_BUFFER_MAX_SIZE, &most, sizeof most));
        test_set_int(s, ZMQ_VMCI_CONNECT_TIMEOUT, 1500);
    }
    bind_to(a, "vmci://1:*", endpoint);
    connect_to(b, endpoint);
    memset(large, 'x', sizeof large);
    CHECK_EQ(zmq_send(b, large, sizeof large, 0), sizeof large);
    zmq_msg_t m;
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, a, 0), sizeof large);
    CHECK_MEM(zmq_msg_data(&m), large, sizeof large);
    CHECK_STR(zmq_msg_gets(&m, "Peer-Address"), "1");
    CHECK_OK(zmq_msg_close(&m));
    CHECK_EQ(zmq_send(a, large, sizeof large, 0), sizeof large);
    CHECK_EQ(zmq_recv(b, got, sizeof got, 0), sizeof large);
    CHECK_MEM(got, large, sizeof large);
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

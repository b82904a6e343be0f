/* tests/test_api.c - what tests over zmq.h share. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

const char *const test_transports[] = { "inproc", "ipc", "tcp", "ws", NULL };

char *test_endpoint(const char *transport, char buf[TEST_ENDPOINT])
{
    static _Atomic int counter;
    int n = atomic_fetch_add(&counter, 1);

    if (strcmp(transport, "tcp") == 0 || strcmp(transport, "ws") == 0)
        snprintf(buf, TEST_ENDPOINT, "%s://127.0.0.1:*", transport);
    else if (strcmp(transport, "ipc") == 0)
        snprintf(buf, TEST_ENDPOINT, "ipc://%s/%d", test_dir(), n);
    else
        snprintf(buf, TEST_ENDPOINT, "%s://test-%d", transport, n);
    return buf;
}

char *test_bind(void *socket, const char *transport, char buf[TEST_ENDPOINT])
{
    size_t size = TEST_ENDPOINT;
    CHECK_OK(zmq_bind(socket, test_endpoint(transport, buf)));
    CHECK_OK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, buf, &size));
    return buf;
}

int test_free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_OK(fd);
    CHECK_OK(bind(fd, (struct sockaddr *)&a, size));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&a, &size));
    close(fd);
    return ntohs(a.sin_port);
}

void *test_socket(void *ctx, int type)
{
    void *s = zmq_socket(ctx, type);
    CHECK(s != NULL, "type %d: %s", type, zmq_strerror(errno));
    test_set_int(s, ZMQ_LINGER, 0);
    return s;
}

void test_set_int(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    CHECK(rc == 0, "option %d to %d: %s", option, value, zmq_strerror(errno));
}

int test_get_int(void *socket, int option)
{
    int value = 0;
    size_t size = sizeof value;
    int rc = zmq_getsockopt(socket, option, &value, &size);
    CHECK(rc == 0, "option %d: %s", option, zmq_strerror(errno));
    CHECK_EQ(size, sizeof value);
    return value;
}

void test_send_strings(void *socket, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    for (const char *s = first; s != NULL;) {
        const char *next = va_arg(args, const char *);
        CHECK_EQ(CHECK_OK(zmq_send(socket, s, strlen(s), next != NULL ? ZMQ_SNDMORE : 0)),
                 strlen(s));
        s = next;
    }
    va_end(args);
}

void test_expect_strings(void *socket, const char *first, ...)
{
    int before = test_get_int(socket, ZMQ_RCVTIMEO), frame = 0;
    va_list args;

    test_set_int(socket, ZMQ_RCVTIMEO, 10000 * test_patience());
    va_start(args, first);
    for (const char *s = first; s != NULL; frame++) {
        const char *next = va_arg(args, const char *);
        zmq_msg_t m;
        CHECK_OK(zmq_msg_init(&m));
        int size = zmq_msg_recv(&m, socket, 0);
        CHECK(size >= 0, "frame %d, \"%s\": %s", frame, s, zmq_strerror(errno));
        CHECK((size_t)size == strlen(s) && memcmp(zmq_msg_data(&m), s, strlen(s)) == 0,
              "frame %d: \"%.*s\", wanted \"%s\"", frame, size,
              (const char *)zmq_msg_data(&m), s);
        CHECK_EQ(zmq_msg_more(&m) != 0, next != NULL, "more after frame %d, \"%s\"",
                 frame, s);
        CHECK_OK(zmq_msg_close(&m));
        s = next;
    }
    va_end(args);
    test_set_int(socket, ZMQ_RCVTIMEO, before);
}

void test_expect_nothing(void *socket, int ms)
{
    zmq_pollitem_t item = { socket, 0, ZMQ_POLLIN, 0 };
    CHECK_EQ(CHECK_OK(zmq_poll(&item, 1, ms)), 0, "something arrived");
}

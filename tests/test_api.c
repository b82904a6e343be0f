/* tests/test_api.c - what tests over zmq.h share. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#ifdef ZN_HAVE_VSOCK
#include <linux/vm_sockets.h>
#endif

/* ---- The transports. One row each, and every pattern is tried over it. */

static bool has_shm(void)
{
    return zmq_has("shm");
}

#ifdef ZN_HAVE_TIPC
static bool has_tipc(void)
{
    int fd = socket(AF_TIPC, SOCK_STREAM, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && zmq_has("tipc");
}
#endif

#ifdef ZN_HAVE_VSOCK
/* Whether the machine reaches itself: that is a module of its own. */
static bool has_vsock(void)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK,
                             .svm_cid = VMADDR_CID_LOCAL,
                             .svm_port = VMADDR_PORT_ANY };
    socklen_t size = sizeof a;
    int l = socket(AF_VSOCK, SOCK_STREAM, 0);
    int c = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
    struct pollfd ready = { c, POLLOUT, 0 };
    bool works = zmq_has("vsock") && bind(l, (void *)&a, sizeof a) == 0 &&
                 listen(l, 1) == 0 && getsockname(l, (void *)&a, &size) == 0;
    works = works && (connect(c, (void *)&a, sizeof a) == 0 || errno == EINPROGRESS) &&
            poll(&ready, 1, 300 * test_patience()) == 1;
    size = sizeof error;
    works =
        works && getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    close(l);
    close(c);
    return works;
}
#endif

/* In addresses $D is the test's directory, $F a free port, $N a number that no other endpoint
 * of this process has, $U one that none of another has either. */
static const struct transport {
    const char *name;
    const char *address;
    const char *fixed;                   /* that can be known before; NULL: address is */
    bool (*works)(void);                 /* NULL: everywhere */
    bool stream, raw;
} rows[] = {
    { "inproc", "inproc://test-$N", NULL, NULL, false, false },
    { "ipc", "ipc://$D/$N", NULL, NULL, true, true },
    { "tcp", "tcp://127.0.0.1:*", "tcp://127.0.0.1:$F", NULL, true, true },
    { "shm", "shm://test-$U", NULL, has_shm, true, true },
    { "ws", "ws://127.0.0.1:*", "ws://127.0.0.1:$F", NULL, true, false },
#ifdef ZN_HAVE_TIPC
    { "tipc", "tipc://{$U,0}", NULL, has_tipc, true, true },
#endif
#ifdef ZN_HAVE_VSOCK
    { "vsock", "vsock://1:*", "vsock://1:$U", has_vsock, true, true },
#endif
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool belongs(const struct transport *t, enum test_kind kind)
{
    bool works = t->works == NULL || t->works();
    if (kind == TEST_ABSENT)
        return !works;
    return works && (kind != TEST_STREAMS || t->stream) && (kind != TEST_RAW || t->raw);
}

const char *const *test_transports_of(enum test_kind kind)
{
    static const char *lists[TEST_KINDS][ROWS + 1];
    size_t count = 0;

    if (lists[kind][0] == NULL)
        for (size_t i = 0; i < ROWS; i++)
            if (belongs(&rows[i], kind))
                lists[kind][count++] = rows[i].name;
    return lists[kind];
}

static void put_field(char field, int n, char *buf, size_t size)
{
    switch (field) {
    case 'D':
        snprintf(buf, size, "%s", test_dir());
        break;
    case 'F':
        snprintf(buf, size, "%d", test_free_port());
        break;
    case 'U':
        snprintf(buf, size, "%ld", 100000 + (long)getpid() * 256 + n % 256);
        break;
    default:
        snprintf(buf, size, "%d", n);
        break;
    }
}

static char *fill_in(const char *address, char buf[TEST_ENDPOINT])
{
    static _Atomic int counter;
    int n = atomic_fetch_add(&counter, 1);
    size_t at = 0;

    for (const char *p = address; *p != '\0'; p++) {
        CHECK(at + 1 < TEST_ENDPOINT);
        if (*p == '$') {
            put_field(*++p, n, buf + at, TEST_ENDPOINT - at);
            at = strlen(buf);
        } else {
            buf[at++] = *p;
            buf[at] = '\0';
        }
    }
    return buf;
}

static const struct transport *row_of(const char *transport)
{
    size_t i = 0;
    while (i < ROWS && strcmp(rows[i].name, transport) != 0)
        i++;
    CHECK(i < ROWS, "no transport %s", transport);
    return &rows[i];
}

char *test_endpoint(const char *transport, char buf[TEST_ENDPOINT])
{
    return fill_in(row_of(transport)->address, buf);
}

char *test_fixed_endpoint(const char *transport, char buf[TEST_ENDPOINT])
{
    const struct transport *t = row_of(transport);
    return fill_in(t->fixed != NULL ? t->fixed : t->address, buf);
}

/* ---- Sockets. */

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

/* oracle_test.c - the handshakes that have secrets, and the frames behind them, with Debian's
 * libzmq5 itself, loaded beside us: in both roles, over a TCP connection of our own. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/wire/peer.h"
#include "wire/cipher.h"
#include "wire/frame.h"
#include "wire/mechanisms/curve.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_TSAN 1                        /* which knows nothing of that library's locks */
#endif
#endif

/* ---- libzmq: its calls, by their names. */

static struct {
    void *library;
    void *(*ctx_new)(void);
    int (*ctx_term)(void *);
    void *(*socket)(void *, int);
    int (*close)(void *);
    int (*setsockopt)(void *, int, const void *, size_t);
    int (*getsockopt)(void *, int, void *, size_t *);
    int (*bind)(void *, const char *);
    int (*connect)(void *, const char *);
    int (*send)(void *, const void *, size_t, int);
    int (*recv)(void *, void *, size_t, int);
    int (*has)(const char *);
} lib;

static void load(void *call, const char *name)
{
    void *found = dlsym(lib.library, name);
    CHECK(found != NULL, "%s", name);
    memcpy(call, &found, sizeof(found));
}

static void load_libzmq(void)
{
    lib.library = dlopen("libzmq.so.5", RTLD_NOW | RTLD_LOCAL);
#ifdef IS_TSAN
    test_skip("not under ThreadSanitizer");
#endif
    if (lib.library == NULL)
        test_skip("there is no libzmq.so.5");
    load(&lib.ctx_new, "zmq_ctx_new");
    load(&lib.ctx_term, "zmq_ctx_term");
    load(&lib.socket, "zmq_socket");
    load(&lib.close, "zmq_close");
    load(&lib.setsockopt, "zmq_setsockopt");
    load(&lib.getsockopt, "zmq_getsockopt");
    load(&lib.bind, "zmq_bind");
    load(&lib.connect, "zmq_connect");
    load(&lib.send, "zmq_send");
    load(&lib.recv, "zmq_recv");
    load(&lib.has, "zmq_has");
}

static void set(void *socket, int option, const void *value, size_t size)
{
    CHECK_EQ(lib.setsockopt(socket, option, value, size), 0, "option %d", option);
}

static void set_int(void *socket, int option, int value)
{
    set(socket, option, &value, sizeof(value));
}

/* ---- Keys and passwords, and their options. */

static struct zn_security our, their;

static void set_security(void *socket, const struct zn_mechanism *mechanism,
                         bool they_serve)
{
    if (mechanism == &zn_mechanism_plain) {
        set_int(socket, ZMQ_PLAIN_SERVER, they_serve);
        if (!they_serve) {
            set(socket, ZMQ_PLAIN_USERNAME, "admin", 5);
            set(socket, ZMQ_PLAIN_PASSWORD, "secret", 6);
        }
        return;
    }
    set_int(socket, ZMQ_CURVE_SERVER, they_serve);
    set(socket, ZMQ_CURVE_SECRETKEY, their.secret_key, 32);
    if (!they_serve) {
        set(socket, ZMQ_CURVE_PUBLICKEY, their.public_key, 32);
        set(socket, ZMQ_CURVE_SERVERKEY, our.public_key, 32);
    }
}

static void make_secrets(const struct zn_mechanism *mechanism)
{
    our.username = (struct zn_bytes)BYTES("admin");
    our.password = (struct zn_bytes)BYTES("secret");
    if (mechanism == &zn_mechanism_plain)
        return;
    CHECK_EQ(zn_curve_keypair(our.public_key, our.secret_key), 0);
    CHECK_EQ(zn_curve_keypair(their.public_key, their.secret_key), 0);
    memcpy(our.server_key, their.public_key, 32);
}

/* libzmq's PLAIN server lets nobody in unasked: this says yes once. */
static void *say_yes(void *handler)
{
    char frame[256];
    int more = 1;
    size_t size = sizeof(more);

    while (more) {
        CHECK(lib.recv(handler, frame, sizeof(frame), 0) >= 0);
        CHECK_EQ(lib.getsockopt(handler, ZMQ_RCVMORE, &more, &size), 0);
    }
    CHECK_EQ(lib.send(handler, "1.0", 3, ZMQ_SNDMORE), 3);
    CHECK_EQ(lib.send(handler, "1", 1, ZMQ_SNDMORE), 1);
    CHECK_EQ(lib.send(handler, "200", 3, ZMQ_SNDMORE), 3);
    CHECK_EQ(lib.send(handler, "OK", 2, ZMQ_SNDMORE), 2);
    CHECK_EQ(lib.send(handler, "", 0, ZMQ_SNDMORE), 0);
    CHECK_EQ(lib.send(handler, "", 0, 0), 0);
    return NULL;
}

/* ---- A connection. */

static int listen_somewhere(char *endpoint, size_t room)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(at);
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

    CHECK_OK(bind(fd, (struct sockaddr *)&at, size));
    CHECK_OK(listen(fd, 1));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&at, &size));
    snprintf(endpoint, room, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
    return fd;
}

static int connect_to(const char *endpoint)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));

    at.sin_port = htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10));
    CHECK_OK(connect(fd, (struct sockaddr *)&at, sizeof(at)));
    return fd;
}

static void send_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        CHECK(sent > 0);
        p += sent;
        n -= (size_t)sent;
    }
}

static void recv_all(int fd, uint8_t *p, size_t n)
{
    CHECK_EQ(recv(fd, p, n, MSG_WAITALL), n);
}

/* Byte by byte, so that what is behind the handshake stays in the kernel. */
static void shake(struct zn_handshake *hs, int fd)
{
    while (!hs->done) {
        uint8_t bytes[512];
        size_t n = hear(hs, bytes, sizeof(bytes));
        send_all(fd, bytes, n);
        if (n > 0)
            continue;
        recv_all(fd, bytes, 1);
        ptrdiff_t used = zn_handshake_feed(hs, bytes, 1);
        CHECK_EQ(used, 1, "code %x, refused %u", hs->error, hs->peer_refused);
        if (hs->waits) {
            CHECK_EQ(hs->credentials.count,
                     hs->config.mechanism == &zn_mechanism_plain ? 2 : 1);
            CHECK_EQ(zn_handshake_answer(hs, 200), 0);
        }
    }
    uint8_t last[512];
    send_all(fd, last, hear(hs, last, sizeof(last)));
}

static void send_frame(struct zn_handshake *hs, int fd, uint8_t flags, const char *text)
{
    uint8_t frame[512] = { flags, (uint8_t)strlen(text) };
    size_t size = strlen(text);

    memcpy(frame + 2, text, size);
    if (hs->cipher != NULL) {
        size = (size_t)hs->cipher->ops->seal(hs->cipher, flags, (const uint8_t *)text,
                                             size, frame + 2);
        frame[0] = 0;
        frame[1] = (uint8_t)size;
    }
    send_all(fd, frame, 2 + size);
}

static void expect_frame(struct zn_handshake *hs, int fd, uint8_t flags, const char *text)
{
    uint8_t frame[512];
    struct zn_opened opened;
    uint32_t error = 0;

    recv_all(fd, frame, 2);
    recv_all(fd, frame + 2, frame[1]);
    opened = (struct zn_opened){ frame[0], { frame + 2, frame[1] } };
    if (hs->cipher != NULL)
        CHECK_EQ(hs->cipher->ops->open(hs->cipher, frame + 2, frame[1], &opened, &error),
                 0, "code %x", error);
    CHECK_EQ(opened.flags, flags);
    CHECK_EQ(opened.payload.size, strlen(text));
    CHECK_MEM(opened.payload.data, text, strlen(text));
}

static void expect_message(void *socket, const char *text)
{
    char buf[64] = "";
    CHECK_EQ(lib.recv(socket, buf, sizeof(buf), 0), strlen(text));
    CHECK_STR(buf, text);
}

/* ---- The talk. */

static void talk(void *socket, int fd, const struct zn_mechanism *mechanism,
                 bool we_serve)
{
    struct zn_handshake_config config = dealer_config();
    struct zn_handshake hs;

    config.mechanism = mechanism;
    config.security = &our;
    config.as_server = config.asks = we_serve;
    CHECK_EQ(zn_handshake_init(&hs, &config), 0);
    shake(&hs, fd);
    CHECK_EQ(hs.peer_type, DEALER);
    CHECK_EQ(hs.cipher != NULL, mechanism != &zn_mechanism_plain);

    send_frame(&hs, fd, ZN_FRAME_MORE, "hello");
    send_frame(&hs, fd, 0, "");
    send_frame(&hs, fd, ZN_FRAME_COMMAND, "\4PING\1\1hi");
    send_frame(&hs, fd, 0, "there");
    expect_message(socket, "hello");
    expect_message(socket, "");
    expect_message(socket, "there");
    CHECK_EQ(lib.send(socket, "good", 4, ZMQ_SNDMORE), 4);
    CHECK_EQ(lib.send(socket, "bye", 3, 0), 3);
    expect_frame(&hs, fd, ZN_FRAME_COMMAND, "\4PONGhi");
    expect_frame(&hs, fd, ZN_FRAME_MORE, "good");
    expect_frame(&hs, fd, 0, "bye");
    zn_handshake_fini(&hs);
    close(fd);
}

static void talk_with_libzmq(const struct zn_mechanism *mechanism, bool we_serve)
{
    struct test_thread *thread = NULL;
    char endpoint[64];
    size_t size = sizeof(endpoint);
    void *handler = NULL;
    int fd;

    make_secrets(mechanism);
    void *ctx = lib.ctx_new();
    void *socket = lib.socket(ctx, ZMQ_DEALER);
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_RCVTIMEO, 10000);
    set_security(socket, mechanism, !we_serve);
    if (!we_serve && mechanism == &zn_mechanism_plain) {
        handler = lib.socket(ctx, ZMQ_REP);
        CHECK_EQ(lib.bind(handler, "inproc://zeromq.zap.01"), 0);
        thread = test_thread_start(say_yes, handler);
    }
    if (we_serve) {
        int listener = listen_somewhere(endpoint, sizeof(endpoint));
        CHECK_EQ(lib.connect(socket, endpoint), 0);
        fd = (int)CHECK_OK(accept(listener, NULL, NULL));
        close(listener);
    } else {
        CHECK_EQ(lib.bind(socket, "tcp://127.0.0.1:*"), 0);
        CHECK_EQ(lib.getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
        fd = connect_to(endpoint);
    }
    talk(socket, fd, mechanism, we_serve);
    if (thread != NULL)
        test_thread_join(thread);
    if (handler != NULL)
        lib.close(handler);
    lib.close(socket);
    lib.ctx_term(ctx);
    dlclose(lib.library);
}

TEST(plain_client_is_served_by_libzmq)
{
    load_libzmq();
    talk_with_libzmq(&zn_mechanism_plain, false);
}

TEST(plain_server_serves_libzmq)
{
    load_libzmq();
    talk_with_libzmq(&zn_mechanism_plain, true);
}

#ifdef ZN_HAVE_SODIUM
TEST(curve_client_is_served_by_libzmq)
{
    load_libzmq();
    if (!lib.has("curve"))
        test_skip("this libzmq has no CURVE");
    talk_with_libzmq(&zn_mechanism_curve, false);
}

TEST(curve_server_serves_libzmq)
{
    load_libzmq();
    if (!lib.has("curve"))
        test_skip("this libzmq has no CURVE");
    talk_with_libzmq(&zn_mechanism_curve, true);
}
#endif

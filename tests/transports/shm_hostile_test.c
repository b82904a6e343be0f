/* transports/shm_hostile_test.c - shm:// and peers that are no zinc, or lie: each costs one
 * connection, which the monitor hears of, and nothing else.
 *
 * The peer is made by hand of a socket and a memory, from what shm.c's header says. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/transports/shm.h"

enum { HELLO = 16, RING = 64 * 1024, COUNTS = 4096, SIZE = COUNTS + 2 * RING };
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* ---- A peer made by hand. */

static struct sockaddr_un local(const char *endpoint, socklen_t *size)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const char *name = endpoint + strlen("shm://");

    if (name[0] == '/') {
        strcpy(a.sun_path, name);
        *size = sizeof a;
    } else {
        int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "zinc-shm/%s", name);
        *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)n;
    }
    return a;
}

static int bounded(int fd)
{
    struct timeval t = { PATIENCE / 1000, 0 };

    CHECK_OK(fd);
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    return fd;
}

static int hand_connect(const char *endpoint)
{
    socklen_t size;
    struct sockaddr_un a = local(endpoint, &size);
    int fd = bounded(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

    CHECK_OK(connect(fd, (struct sockaddr *)&a, size));
    return fd;
}

static int hand_listen(const char *endpoint)
{
    socklen_t size;
    struct sockaddr_un a = local(endpoint, &size);
    int fd = bounded(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

    CHECK_OK(bind(fd, (struct sockaddr *)&a, size));
    CHECK_OK(listen(fd, 8));
    return fd;
}

static void make_hello(uint8_t p[HELLO], int kind, uint32_t ring)
{
    memset(p, 0, HELLO);
    memcpy(p, "\0zincshm", 8);
    p[8] = 1;
    p[9] = (uint8_t)kind;
    zn_put_u32(p + 12, ring);
}

static void send_fds(int s, const void *data, size_t size, const int *fds, size_t count)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec iov = { (void *)(uintptr_t)data, size };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (count > 0) {
        memset(&control, 0, sizeof control);
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
    }
    CHECK_EQ(sendmsg(s, &m, MSG_NOSIGNAL), (ssize_t)size);
}

static int memory(size_t size, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK_OK(fd);
    CHECK_OK(ftruncate(fd, (off_t)size));
    CHECK_OK(fcntl(fd, F_ADD_SEALS, seals));
    return fd;
}

/* The connection ends: what the other side still says is read over. */
static void expect_end(int fd)
{
    char buf[256];
    ssize_t n;

    do
        n = recv(fd, buf, sizeof buf, 0);
    while (n > 0);
    CHECK(n == 0 || errno == ECONNRESET, "%s", strerror(errno));
    close(fd);
}

/* ---- Somebody to talk to. */

struct host {
    void *ctx, *socket, *heard;
    char endpoint[ENDPOINT_MAX];
};

static struct host host_new(const char *address)
{
    struct host h = { .ctx = open_ctx() };

    h.socket = open_socket(h.ctx, ZMQ_PULL);
    h.heard = open_monitor(h.ctx, h.socket, ZMQ_EVENT_DISCONNECTED);
    bind_to(h.socket, address, h.endpoint);
    return h;
}

/* It is as well as ever, and nothing is left of those that were here. */
static void host_end(struct host *h)
{
    void *out = open_socket(h->ctx, ZMQ_PUSH);

    CHECK_EQ(shm_count_maps(), 0);
    connect_to(out, h->endpoint);
    send_text(out, "well");
    expect_text(h->socket, "well");
    close_socket(out);
    close_socket(h->socket);
    close_socket(h->heard);
    end_ctx(h->ctx);
}

static void expect_refusal(struct host *h, int fd)
{
    expect_end(fd);
    wait_event(h->heard, ZMQ_EVENT_DISCONNECTED);
}

/* ---- No zinc. */

TEST(what_says_anything_else_is_refused)
{
    static const struct {
        const char *what, *bytes;
        size_t size;
    } cases[] = {
        { "ZMTP", "\xff\0\0\0\0\0\0\0\1\x7f\3", 11 },
        { "its first byte", "\xff", 1 },
        { "HTTP", "GET / HTTP/1.1\r\n\r\n", 18 },
        { "almost", "\0zincshM", 8 },
        { "another version", "\0zincshm\2\1\0\0\0\1\0\0", 16 },
        { "an answer", "\0zincshm\1\2\0\0\0\1\0\0", 16 },
        { "an offer of nothing", "\0zincshm\1\1\0\0\0\1\0\0", 16 },
    };
    struct host h = host_new("shm://*");

    for (size_t i = 0; i < ZN_COUNT(cases); i++) {
        int fd = hand_connect(h.endpoint);
        CHECK_EQ(send(fd, cases[i].bytes, cases[i].size, MSG_NOSIGNAL),
                 (ssize_t)cases[i].size, "%s", cases[i].what);
        expect_refusal(&h, fd);
    }
    close(hand_connect(h.endpoint));     /* says nothing, and goes */
    wait_event(h.heard, ZMQ_EVENT_DISCONNECTED);
    host_end(&h);
}

TEST(silent_peer_has_the_time_of_a_handshake)
{
    struct host h = { .ctx = open_ctx() };

    h.socket = open_socket(h.ctx, ZMQ_PULL);
    h.heard = open_monitor(h.ctx, h.socket, ZMQ_EVENT_DISCONNECTED);
    test_set_int(h.socket, ZMQ_HANDSHAKE_IVL, 50 * test_patience());
    bind_to(h.socket, "shm://*", h.endpoint);
    int fd = hand_connect(h.endpoint);
    CHECK_EQ(send(fd, "\0zin", 4, MSG_NOSIGNAL), 4);
    expect_refusal(&h, fd);
    host_end(&h);
}

/* On one path, one speaks ipc and the other shm. */
static void refuse_each_other(const char *bound, const char *connected)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *out = open_socket(ctx, ZMQ_PUSH), *well = open_socket(ctx, ZMQ_PUSH);
    int ends = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    void *heard = open_monitor(ctx, in, ends), *told = open_monitor(ctx, out, ends);
    void *by_shm = strcmp(bound, "shm") == 0 ? heard : told;
    char path[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];

    snprintf(path, sizeof path, "%s://%s/both", bound, test_dir());
    bind_to(in, path, endpoint);
    snprintf(path, sizeof path, "%s://%s/both", connected, test_dir());
    connect_to(out, path);
    struct event e = wait_event(by_shm, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    CHECK_EQ(e.value, ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED);
    wait_event(heard, ZMQ_EVENT_DISCONNECTED);
    wait_event(told, ZMQ_EVENT_DISCONNECTED);
    connect_to(well, endpoint);
    send_text(well, "well");
    expect_text(in, "well");
    close_socket(in);
    close_socket(out);
    close_socket(well);
    close_socket(heard);
    close_socket(told);
    end_ctx(ctx);
}

TEST(ipc_and_shm_refuse_each_other)
{
    refuse_each_other("shm", "ipc");
    refuse_each_other("ipc", "shm");
}

TEST(listener_that_is_no_zinc_is_left)
{
    static const struct {
        const char *bytes;
        size_t size;
    } answers[] = {
        { "\xff\0\0\0\0\0\0\0\1\x7f", 10 },
        { "\0zincshm\1\1\0\0\0\1\0\0", 16 },
        { "\0zincshm\2\2\0\0\0\1\0\0", 16 },
    };

    for (size_t i = 0; i < ZN_COUNT(answers); i++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *told = open_monitor(ctx, out, ZMQ_EVENT_DISCONNECTED);
        char name[ENDPOINT_MAX];
        shm_name(name);
        int listener = hand_listen(name);
        connect_to(out, name);
        int fd = bounded(accept(listener, NULL, NULL));
        CHECK_EQ(send(fd, answers[i].bytes, answers[i].size, MSG_NOSIGNAL),
                 (ssize_t)answers[i].size);
        expect_end(fd);
        wait_event(told, ZMQ_EVENT_DISCONNECTED);
        close(listener);
        close_socket(out);
        close_socket(told);
        end_ctx(ctx);
    }
}

/* ---- Memory that could end us. */

static void offer(struct host *h, uint32_t ring, const int *fds, size_t count)
{
    uint8_t hello[HELLO];
    int fd = hand_connect(h->endpoint);

    make_hello(hello, 1, ring);
    send_fds(fd, hello, sizeof hello, fds, count);
    expect_refusal(h, fd);
}

static void offer_one(struct host *h, uint32_t ring, int memory)
{
    offer(h, ring, &memory, 1);
    close(memory);
}

TEST(memory_that_is_not_sound_is_refused)
{
    struct host h = host_new("shm://*");
    char path[200];
    int fds = test_count_fds();

    offer_one(&h, RING, memory(SIZE, 0));                       /* may shrink */
    offer_one(&h, RING, memory(SIZE, F_SEAL_GROW | F_SEAL_SEAL));
    offer_one(&h, RING, memory(SIZE, F_SEAL_SHRINK | F_SEAL_GROW));
    offer_one(&h, RING, memory(SIZE, SEALS | F_SEAL_WRITE));
    offer_one(&h, RING, memory(SIZE - 1, SEALS));               /* lies about its size */
    offer_one(&h, RING, memory(SIZE + 4096, SEALS));
    offer_one(&h, RING, memory(0, SEALS));
    offer_one(&h, RING - 1, memory(COUNTS + 2 * (RING - 1), SEALS));
    offer_one(&h, 0, memory(COUNTS, SEALS));
    offer_one(&h, 2048, memory(COUNTS + 2 * 2048, SEALS));
    offer_one(&h, 1u << 31, memory(SIZE, SEALS));
    offer_one(&h, 32u << 20, memory(COUNTS + (64u << 20), SEALS));

    snprintf(path, sizeof path, "%s/file", test_dir());
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_OK(file);
    CHECK_OK(ftruncate(file, SIZE));
    offer_one(&h, RING, file);
    offer_one(&h, RING, open("/dev/zero", O_RDWR | O_CLOEXEC));

    int two[] = { memory(SIZE, SEALS), memory(SIZE, SEALS) };
    offer(&h, RING, two, 2);
    close(two[0]);
    close(two[1]);
    test_wait_until(shm_has_fds, &fds, 10);
    host_end(&h);
}

/* ---- A peer that keeps to the opening, and then does not. */

/* As in ring.h. */
struct counts {
    _Alignas(128) _Atomic uint64_t tail;
    _Atomic uint32_t asleep;
    _Alignas(128) _Atomic uint64_t head;
    _Atomic uint32_t wanted;
};

struct liar {
    int fd, memory;
    struct counts *counts;               /* [0]: ours to write */
    uint8_t *out, *in;
};

static struct liar liar_new(struct host *h)
{
    struct liar l = { hand_connect(h->endpoint), memory(SIZE, SEALS), NULL, NULL, NULL };
    uint8_t hello[HELLO], answer[HELLO];

    void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, l.memory, 0);
    CHECK(map != MAP_FAILED);
    l.counts = map;
    l.out = (uint8_t *)map + COUNTS;
    l.in = l.out + RING;
    make_hello(hello, 1, RING);
    send_fds(l.fd, hello, sizeof hello, &l.memory, 1);
    CHECK_EQ(recv(l.fd, answer, HELLO, MSG_WAITALL), HELLO);
    make_hello(hello, 2, RING);
    CHECK_MEM(answer, hello, HELLO);
    return l;
}

static void bell(struct liar *l)
{
    CHECK_EQ(send(l->fd, "", 1, MSG_NOSIGNAL), 1);
}

static void liar_end(struct liar *l, struct host *h)
{
    expect_refusal(h, l->fd);
    close(l->memory);
    munmap(l->counts, SIZE);
}

static bool has_spoken(void *arg)
{
    struct liar *l = arg;
    return atomic_load(&l->counts[1].tail) >= 64;
}

/* Up to where the greetings have been said. */
static void greet(struct liar *l)
{
    uint8_t greeting[64] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1, 'N', 'U', 'L', 'L'
    };

    memcpy(l->out, greeting, sizeof greeting);
    atomic_store(&l->counts[0].tail, sizeof greeting);
    bell(l);
    test_wait_until(has_spoken, l, 10);
}

TEST(size_cannot_be_changed_under_us)
{
    struct host h = host_new("shm://*");
    struct liar l = liar_new(&h);

    CHECK(ftruncate(l.memory, 0) < 0 && errno == EPERM);
    CHECK(ftruncate(l.memory, SIZE * 2) < 0 && errno == EPERM);
    CHECK(fcntl(l.memory, F_ADD_SEALS, F_SEAL_WRITE) < 0);
    greet(&l);
    CHECK_OK(madvise(l.counts, SIZE, MADV_REMOVE));      /* what it can do */
    bell(&l);
    shutdown(l.fd, SHUT_WR);
    liar_end(&l, &h);
    host_end(&h);
}

TEST(counts_that_lie_end_the_connection)
{
    static const struct {
        const char *what;
        uint64_t tail, head;
    } lies[] = {
        { "more than a ring", 64 + RING + 1, 0 },
        { "much more", UINT64_MAX / 2, 0 },
        { "less than before", 63, 0 },
        { "more read than was written", 64, 1 << 20 },
        { "far more read", 64, UINT64_MAX },
        { "both", UINT64_MAX, UINT64_MAX },
    };
    struct host h = host_new("shm://*");

    for (size_t i = 0; i < ZN_COUNT(lies); i++) {
        struct liar l = liar_new(&h);
        greet(&l);
        atomic_store(&l.counts[1].head, lies[i].head);
        atomic_store(&l.counts[0].tail, lies[i].tail);
        if (lies[i].tail == 64) {        /* so that there is an answer to be written */
            static const uint8_t ready[] = "\x04\x19\5READY\xbSocket-Type\0\0\0\4PUSH";
            memcpy(l.out + 64, ready, sizeof ready - 1);
            atomic_store(&l.counts[0].tail, 64 + sizeof ready - 1);
        }
        bell(&l);
        liar_end(&l, &h);
    }
    host_end(&h);
}

TEST(bells_without_end_are_one_connections_matter)
{
    struct host h = host_new("shm://*");
    struct liar l = liar_new(&h);
    char bells[4096] = "";
    int fd = l.fd, sent = 0;

    /* It is either ended, or hears them all and goes on. */
    for (; sent < 20000 && send(fd, bells, sizeof bells, MSG_NOSIGNAL) > 0; sent++)
        continue;
    shutdown(fd, SHUT_WR);
    liar_end(&l, &h);
    host_end(&h);
}

/* The bytes of a ring are copied before they are looked at: garbage is ZMTP's matter. */
TEST(garbage_in_the_ring_ends_the_connection)
{
    struct host h = host_new("shm://*");
    struct liar l = liar_new(&h);

    memset(l.out, 0, RING);              /* a frame without a length */
    atomic_store(&l.counts[0].tail, RING);
    bell(&l);
    liar_end(&l, &h);
    host_end(&h);
}

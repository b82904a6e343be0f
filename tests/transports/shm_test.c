/* transports/shm_test.c - what shm:// promises beyond what every transport does (the tests of
 * patterns and of zmq.h go over it too): addresses, who is let in, memory, processes that die.
 *
 * Peers that are no zinc, or lie: shm_hostile_test.c. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/api/security.h"
#include "tests/transports/shm.h"

/* ---- Addresses. */

TEST(names_are_the_machines_and_free_when_their_socket_goes)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PULL),
         *b = open_socket(ctx, ZMQ_PULL);
    char name[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];

    shm_name(name);
    bind_to(a, name, endpoint);
    CHECK_STR(endpoint, name);
    REFUSED(zmq_bind(b, name), EADDRINUSE, "taken");
    close_socket(a);
    bind_to(b, name, endpoint);
    CHECK_OK(zmq_unbind(b, endpoint));
    bind_to(b, name, endpoint);
    close_socket(b);
    end_ctx(ctx);
}

TEST(wildcards_are_names_of_their_own)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PULL),
         *b = open_socket(ctx, ZMQ_PUSH);
    char first[ENDPOINT_MAX], second[ENDPOINT_MAX];

    bind_to(a, "shm://*", first);
    bind_to(a, "shm://*", second);
    CHECK(strcmp(first, second) != 0 && strlen(first) == strlen("shm://") + 32);
    connect_to(b, second);
    send_text(b, "hello");
    expect_text(a, "hello");
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

TEST(path_is_a_file_that_goes_with_its_socket)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PULL),
         *b = open_socket(ctx, ZMQ_PUSH);
    char name[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];
    struct stat st;

    snprintf(name, sizeof name, "shm://%s/socket", test_dir());
    bind_to(a, name, endpoint);
    CHECK_STR(endpoint, name);
    CHECK(stat(name + strlen("shm://"), &st) == 0 && S_ISSOCK(st.st_mode));
    REFUSED(zmq_bind(b, name), EADDRINUSE, "taken");
    connect_to(b, name);
    send_text(b, "hello");
    expect_text(a, "hello");
    close_socket(a);
    CHECK(stat(name + strlen("shm://"), &st) < 0);
    close_socket(b);
    end_ctx(ctx);
}

TEST(bad_addresses_are_refused)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char longest[ENDPOINT_MAX];

    memset(longest, 'x', sizeof longest);
    memcpy(longest, "shm://", 6);
    longest[6 + 97] = '\0';
    CHECK_OK(zmq_bind(s, longest));
    longest[6 + 97] = 'x';
    longest[6 + 98] = '\0';
    REFUSED(zmq_bind(s, longest), ENAMETOOLONG, "bind");
    REFUSED(zmq_connect(s, longest), ENAMETOOLONG, "connect");
    REFUSED(zmq_bind(s, "shm://"), EINVAL, "no name");
    REFUSED(zmq_connect(s, "shm://*"), EINVAL, "any name");
    REFUSED(zmq_bind(s, "shm:///nowhere/at/all"), ENOENT, "no such directory");
    close_socket(s);
    end_ctx(ctx);
}

TEST(monitor_and_messages_tell_who_is_there)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    void *heard = open_monitor(ctx, in, ZMQ_EVENT_ALL),
         *told = open_monitor(ctx, out, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX], who[100];
    zmq_msg_t m;

    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    CHECK_STR(wait_event(heard, ZMQ_EVENT_LISTENING).endpoint, endpoint);
    CHECK_STR(wait_event(heard, ZMQ_EVENT_ACCEPTED).endpoint, endpoint);
    wait_event(heard, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    CHECK_STR(wait_event(told, ZMQ_EVENT_CONNECTED).endpoint, endpoint);
    wait_event(told, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    send_text(out, "hello");
    CHECK_OK(zmq_msg_init(&m));
    CHECK_EQ(zmq_msg_recv(&m, in, 0), 5);
    snprintf(who, sizeof who, "localhost:%d:%d:%d", (int)geteuid(), (int)getegid(),
             (int)getpid());
    CHECK_STR(zmq_msg_gets(&m, "Peer-Address"), who);
    CHECK_OK(zmq_msg_close(&m));
    close_socket(in);
    wait_event(told, ZMQ_EVENT_DISCONNECTED);
    close_socket(out);
    close_socket(heard);
    close_socket(told);
    end_ctx(ctx);
}

/* ---- Who is let in. */

static void expect_refusal(int option, const void *value, size_t size)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    void *heard = open_monitor(ctx, in, ZMQ_EVENT_ALL);
    char endpoint[ENDPOINT_MAX];

    CHECK_OK(zmq_setsockopt(in, option, value, size));
    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    CHECK_EQ(wait_event(heard, ZMQ_EVENT_ACCEPT_FAILED).value, EACCES);
    close_socket(in);
    close_socket(out);
    close_socket(heard);
    end_ctx(ctx);
}

TEST(filters_of_ipc_hold)
{
    pid_t pid = getppid();
    uid_t uid = geteuid() + 1;
    gid_t gid = getegid() + 1;

    expect_refusal(ZMQ_IPC_FILTER_PID, &pid, sizeof pid);
    expect_refusal(ZMQ_IPC_FILTER_UID, &uid, sizeof uid);
    expect_refusal(ZMQ_IPC_FILTER_GID, &gid, sizeof gid);
}

/* A child of another user that sends one message. */
static pid_t send_as(uid_t uid, const char *endpoint)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child != 0)
        return child;
    if (setgid((gid_t)uid) != 0 || setuid(uid) != 0)
        _exit(1);
    alarm(20);
    void *ctx = zmq_ctx_new(), *out = zmq_socket(ctx, ZMQ_PUSH);
    if (zmq_connect(out, endpoint) != 0 || zmq_send(out, "hello", 5, 0) != 5)
        _exit(1);
    zmq_close(out);
    zmq_ctx_term(ctx);
    _exit(0);
}

static void end_child(pid_t child)
{
    kill(child, SIGKILL);
    CHECK(waitpid(child, NULL, 0) == child);
}

TEST(names_are_for_one_user_unless_a_filter_says_otherwise)
{
    enum { NOBODY = 65534 };
    uid_t uid = NOBODY;
    char endpoint[ENDPOINT_MAX];

    if (geteuid() != 0)
        test_skip("only root can be somebody else");
#ifdef API_NO_LIFE_AFTER_FORK
    test_skip("not with a sanitizer's allocator");
#endif
    for (int let_in = 0; let_in < 2; let_in++) {
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
        void *heard = open_monitor(ctx, in, ZMQ_EVENT_ACCEPT_FAILED);
        if (let_in)
            CHECK_OK(zmq_setsockopt(in, ZMQ_IPC_FILTER_UID, &uid, sizeof uid));
        bind_to(in, "shm://*", endpoint);
        pid_t child = send_as(NOBODY, endpoint);
        if (let_in)
            expect_text(in, "hello");
        else
            CHECK_EQ(wait_event(heard, ZMQ_EVENT_ACCEPT_FAILED).value, EACCES);
        end_child(child);
        close_socket(in);
        close_socket(heard);
        end_ctx(ctx);
    }
}

TEST(mechanisms_work)
{
    static const int mechanisms[] = { ZMQ_NULL, ZMQ_CURVE };
    static char big[300000], got[sizeof big];

    memset(big, 'b', sizeof big);
    for (size_t i = 0; i < ZN_COUNT(mechanisms); i++) {
        if (!has_mechanism(mechanisms[i]))
            continue;
        void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PAIR),
             *out = open_socket(ctx, ZMQ_PAIR);
        char endpoint[ENDPOINT_MAX];
        secure(mechanisms[i], in, out);
        bind_to(in, "shm://*", endpoint);
        connect_to(out, endpoint);
        send_text(out, "small");
        expect_text(in, "small");
        CHECK_EQ(zmq_send(in, big, sizeof big, 0), (int)sizeof big);
        CHECK_EQ(zmq_recv(out, got, sizeof got, 0), (int)sizeof got);
        CHECK_MEM(big, got, sizeof big);
        close_socket(in);
        close_socket(out);
        end_ctx(ctx);
    }
}

/* ---- Messages of all sizes. */

static void fill(unsigned char *p, size_t size, uint32_t seed)
{
    for (size_t i = 0; i + 4 <= size; i += 4) {
        seed = seed * 1664525u + 1013904223u;
        memcpy(p + i, &seed, 4);
    }
}

TEST_TIMEOUT(messages_of_any_size_arrive_whole, 120)
{
    static const size_t sizes[] = {
        0,       1,        255,    256,     4095,          4096,    65535,
        65536,   65537,    262144, 1 << 20, (2 << 20) - 9, 2 << 20, (2 << 20) + 1,
        5000000, 64 << 20, 3,      0
    };
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];

    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    for (int more = 0; more < 2; more++) {       /* each a message, then all of them one */
        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            zmq_msg_t m;
            CHECK_OK(zmq_msg_init_size(&m, sizes[i]));
            fill(zmq_msg_data(&m), sizes[i], (uint32_t)i);
            int flags = more && i + 1 < ZN_COUNT(sizes) ? ZMQ_SNDMORE : 0;
            CHECK_EQ(zmq_msg_send(&m, out, flags), (int)sizes[i]);
        }
        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            zmq_msg_t m;
            CHECK_OK(zmq_msg_init(&m));
            CHECK_EQ(zmq_msg_recv(&m, in, 0), (int)sizes[i], "size %zu", sizes[i]);
            CHECK_EQ(zmq_msg_more(&m), more && i + 1 < ZN_COUNT(sizes));
            unsigned char *want = calloc(1, sizes[i] + 1);
            CHECK(want != NULL);
            fill(want, sizes[i], (uint32_t)i);
            size_t whole = sizes[i] & ~(size_t)3;
            CHECK(memcmp(want, zmq_msg_data(&m), whole) == 0, "size %zu", sizes[i]);
            free(want);
            CHECK_OK(zmq_msg_close(&m));
        }
    }
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* Both rings full again and again, with a thread that sends and one that receives on either
 * side: whoever sleeps is woken, whichever of the two hears its bell. */
struct flow {
    void *socket;
    int count;
};

static size_t flow_size(int i)
{
    static const size_t sizes[] = { 700000, 30, 65536, 5, 3000000, 1000, 100000 };
    return sizes[(size_t)i % ZN_COUNT(sizes)];
}

static void *flow_out(void *arg)
{
    struct flow *f = arg;

    for (int i = 0; i < f->count; i++) {
        zmq_msg_t m;
        CHECK_OK(zmq_msg_init_size(&m, flow_size(i)));
        memset(zmq_msg_data(&m), i, flow_size(i));
        CHECK_EQ(zmq_msg_send(&m, f->socket, 0), (int)flow_size(i), "message %d", i);
    }
    return NULL;
}

static void *flow_in(void *arg)
{
    struct flow *f = arg;

    for (int i = 0; i < f->count; i++) {
        zmq_msg_t m;
        CHECK_OK(zmq_msg_init(&m));
        CHECK_EQ(zmq_msg_recv(&m, f->socket, 0), (int)flow_size(i), "message %d", i);
        const unsigned char *p = zmq_msg_data(&m);
        CHECK(p[0] == (unsigned char)i && memcmp(p, p + 1, flow_size(i) - 1) == 0,
              "message %d", i);
        CHECK_OK(zmq_msg_close(&m));
    }
    return NULL;
}

TEST_TIMEOUT(both_ways_at_once, 120)
{
    void *ctx = open_ctx(), *a = open_socket(ctx, ZMQ_PAIR),
         *b = open_socket(ctx, ZMQ_PAIR);
    struct flow flows[] = { { a, 700 }, { b, 700 } };
    struct test_thread *threads[4];
    char endpoint[ENDPOINT_MAX];

    for (size_t i = 0; i < 2; i++) {
        test_set_int(flows[i].socket, ZMQ_SNDHWM, 3);
        test_set_int(flows[i].socket, ZMQ_RCVHWM, 3);
        test_set_int(flows[i].socket, ZMQ_RCVTIMEO, PATIENCE * test_patience());
        test_set_int(flows[i].socket, ZMQ_SNDTIMEO, PATIENCE * test_patience());
    }
    bind_to(a, "shm://*", endpoint);
    connect_to(b, endpoint);
    for (size_t i = 0; i < 2; i++) {
        threads[2 * i] = test_thread_start(flow_out, &flows[i]);
        threads[2 * i + 1] = test_thread_start(flow_in, &flows[i]);
    }
    for (size_t i = 0; i < 4; i++)
        test_thread_join(threads[i]);
    close_socket(a);
    close_socket(b);
    end_ctx(ctx);
}

/* ---- High-water marks, and coming again. */

TEST(queue_of_an_absent_peer_is_exact)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    char name[ENDPOINT_MAX], text[16];
    int sent = 0;

    shm_name(name);
    test_set_int(out, ZMQ_SNDHWM, 7);
    connect_to(out, name);
    for (;; sent++) {
        snprintf(text, sizeof text, "%d", sent);
        if (zmq_send(out, text, strlen(text), ZMQ_DONTWAIT) < 0)
            break;
    }
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(sent, 7);
    CHECK_OK(zmq_bind(in, name));
    for (int i = 0; i < sent; i++) {
        snprintf(text, sizeof text, "%d", i);
        expect_text(in, text);
    }
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* Small messages do not fill the ring: a receiver that reads nothing is felt soon, when a
 * window of 256 KiB and its loop's buffer are full. */
TEST(sender_of_small_messages_is_held_near_the_marks)
{
    enum { SIZE = 1000, MARK = 10, ON_THEIR_WAY = (256 + 128) * 1024 / SIZE };
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX], buf[SIZE] = "";
    int sent = 0;

    test_set_int(out, ZMQ_SNDHWM, MARK);
    test_set_int(in, ZMQ_RCVHWM, MARK);
    test_set_int(out, ZMQ_SNDTIMEO, 300);
    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    for (;; sent++) {
        memcpy(buf, &sent, sizeof sent);
        if (zmq_send(out, buf, SIZE, 0) < 0)
            break;
    }
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 2 * MARK && sent <= 2 * MARK + ON_THEIR_WAY + 1, "%d", sent);
    for (int i = 0, got; i < sent; i++) {
        CHECK_EQ(zmq_recv(in, buf, SIZE, 0), SIZE);
        memcpy(&got, buf, sizeof got);
        CHECK_EQ(got, i);
    }
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(connection_comes_again_when_its_peer_does)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    char name[ENDPOINT_MAX], text[16];

    shm_name(name);
    test_set_int(out, ZMQ_RECONNECT_IVL, 10);
    connect_to(out, name);
    for (int i = 0; i < 10; i++) {
        void *in = open_socket(ctx, ZMQ_PULL),
             *heard = open_monitor(ctx, out, ZMQ_EVENT_DISCONNECTED);
        CHECK_OK(zmq_bind(in, name));
        snprintf(text, sizeof text, "round %d", i);
        send_text(out, text);
        expect_text(in, text);
        close_socket(in);
        wait_event(heard, ZMQ_EVENT_DISCONNECTED);
        CHECK_OK(zmq_socket_monitor(out, NULL, 0));
        close_socket(heard);
    }
    close_socket(out);
    end_ctx(ctx);
}

/* ---- Memory. */

TEST(connection_at_rest_gives_its_pages_back)
{
    enum { SIZE = 3000000 };
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    static char buf[SIZE];

    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    send_text(out, "hello");
    expect_text(in, "hello");
    CHECK(shm_resident_kb() <= 64, "%ld kB before", shm_resident_kb());
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(zmq_send(out, buf, SIZE, 0), SIZE);
        CHECK_EQ(zmq_recv(in, buf, SIZE, 0), SIZE);
    }
    CHECK(shm_resident_kb() > 2000, "%ld kB", shm_resident_kb());
    test_wait_until(shm_is_small, NULL, 10);
    send_text(out, "again");
    expect_text(in, "again");
    CHECK_EQ(shm_count_maps(), 2, "one for each side");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
    CHECK_EQ(shm_count_maps(), 0);
}

/* A child keeps nothing of what its parent had mapped. */
TEST(forked_child_shares_no_ring)
{
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL),
         *out = open_socket(ctx, ZMQ_PUSH);
    char endpoint[ENDPOINT_MAX];
    int status;

    bind_to(in, "shm://*", endpoint);
    connect_to(out, endpoint);
    send_text(out, "before");
    expect_text(in, "before");
    CHECK_EQ(shm_count_maps(), 2);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        int maps = shm_count_maps();
        zmq_ctx_term(ctx);
        _exit(maps);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    send_text(out, "after");
    expect_text(in, "after");
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

/* ---- Processes that die. */

/* Messages that tell whether they are whole: number, size, then bytes that follow from both. */
static size_t victim_size(uint32_t number)
{
    static const size_t sizes[] = { 16, 40, 300, 5000, 70000, 1500000, 24 };
    return sizes[number % ZN_COUNT(sizes)];
}

static void victim(const char *endpoint)
{
    void *ctx = zmq_ctx_new(), *out = zmq_socket(ctx, ZMQ_PUSH);
    static unsigned char buf[1500000];

    if (zmq_connect(out, endpoint) != 0)
        _exit(1);
    for (uint32_t i = 0;; i++) {
        size_t size = victim_size(i);
        fill(buf, size, i);
        memcpy(buf, &i, sizeof i);
        if (zmq_send(out, buf, size, 0) < 0)
            _exit(1);
    }
}

static uint32_t check_whole(void *in)
{
    static unsigned char want[1500000];
    zmq_msg_t m;
    uint32_t number;

    CHECK_OK(zmq_msg_init(&m));
    CHECK_OK(zmq_msg_recv(&m, in, 0));
    CHECK(zmq_msg_size(&m) >= 16);
    memcpy(&number, zmq_msg_data(&m), sizeof number);
    CHECK_EQ(zmq_msg_size(&m), victim_size(number), "message %u", number);
    fill(want, zmq_msg_size(&m), number);
    memcpy(want, &number, sizeof number);
    CHECK_MEM(zmq_msg_data(&m), want, zmq_msg_size(&m));
    CHECK_OK(zmq_msg_close(&m));
    return number;
}

/* A process that sends once it is told to. Forked before there is a context: a sanitizer's
 * allocator does not like it later. */
struct child {
    pid_t pid;
    int gate;
};

static struct child child_new(void (*work)(const char *endpoint), const char *endpoint)
{
    int gate[2];

    CHECK_OK(pipe2(gate, O_CLOEXEC));
    struct child c = { fork(), gate[1] };
    CHECK(c.pid >= 0);
    if (c.pid == 0) {
        char go;
        close(gate[1]);
        alarm(120);
        if (read(gate[0], &go, 1) == 1)
            work(endpoint);
        _exit(0);
    }
    close(gate[0]);
    return c;
}

static void child_go(struct child *c)
{
    CHECK_EQ(write(c->gate, "x", 1), 1);
}

static void child_kill(struct child *c)
{
    end_child(c->pid);
    close(c->gate);
}

/* Each round leaves one descriptor less, its gate. The first may leave what a context keeps; or
 * a later one, as the signal that ends a poll, which is made when a wait follows soon enough on
 * the one before. */
static void check_returned(int *fds)
{
    enum { SIGNALS = 1 };

    test_wait_until(shm_has_no_maps, NULL, 10);
    *fds = *fds == 0 ? test_count_fds() + SIGNALS : *fds - 1;
    test_wait_until(shm_has_fds, fds, 10);
}

/* Reads all that is whole, until the connection has ended. What came just before it did may be
 * seen only by the next look. */
static void read_to_the_end(void *in, void *heard)
{
    zmq_pollitem_t items[] = { { in, 0, ZMQ_POLLIN, 0 }, { heard, 0, ZMQ_POLLIN, 0 } };

    for (bool over = false, more = true; more;) {
        bool last = over;
        CHECK(zmq_poll(items, 2, over ? 0 : PATIENCE) > 0 || over);
        if (items[0].revents != 0)
            check_whole(in);
        if (items[1].revents != 0)
            over = next_event(heard).id == ZMQ_EVENT_DISCONNECTED;
        more = !last || items[0].revents != 0;
    }
}

TEST_TIMEOUT(peer_killed_while_it_sends_leaves_nothing_behind, 120)
{
    enum { ROUNDS = 30 };
    char name[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];
    struct child children[ROUNDS];
    uint32_t seed = 99;

    shm_name(name);
    for (int i = 0; i < ROUNDS; i++)
        children[i] = child_new(victim, name);
    void *ctx = open_ctx(), *in = open_socket(ctx, ZMQ_PULL);
    void *heard = open_monitor(ctx, in, ZMQ_EVENT_DISCONNECTED);
    test_set_int(in, ZMQ_RCVHWM, 10);    /* else most of the time goes into what is queued */
    bind_to(in, name, endpoint);
    int fds = 0;
    for (int i = 0; i < ROUNDS; i++) {
        child_go(&children[i]);
        seed = seed * 1664525u + 1013904223u;
        uint32_t last = check_whole(in);
        for (uint32_t n = 0; n < (seed >> 16) % 60; n++, last++)
            CHECK_EQ(check_whole(in), last + 1);
        child_kill(&children[i]);
        read_to_the_end(in, heard);
        check_returned(&fds);
    }
    close_socket(in);
    close_socket(heard);
    end_ctx(ctx);
}

static void sink(const char *endpoint)
{
    void *ctx = zmq_ctx_new(), *in = zmq_socket(ctx, ZMQ_PULL);
    zmq_msg_t m;

    if (zmq_connect(in, endpoint) != 0 || zmq_msg_init(&m) != 0)
        _exit(1);
    while (zmq_msg_recv(&m, in, 0) >= 0)
        continue;
    _exit(0);
}

TEST_TIMEOUT(peer_killed_while_it_receives_leaves_nothing_behind, 120)
{
    enum { ROUNDS = 15, BATCH = 40 };
    char name[ENDPOINT_MAX], endpoint[ENDPOINT_MAX];
    static unsigned char buf[1500000];
    struct child children[ROUNDS];

    shm_name(name);
    for (int i = 0; i < ROUNDS; i++)
        children[i] = child_new(sink, name);
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *heard =
        open_monitor(ctx, out, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    bind_to(out, name, endpoint);
    int fds = 0;
    for (int i = 0; i < ROUNDS; i++) {
        child_go(&children[i]);
        /* Before that the last one's queue may still be there, and take all. */
        wait_event(heard, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        for (uint32_t n = 0; n < BATCH + (uint32_t)i; n++)
            CHECK_OK(zmq_send(out, buf, victim_size(n), 0));
        child_kill(&children[i]);
        wait_event(heard, ZMQ_EVENT_DISCONNECTED);
        check_returned(&fds);
    }
    close_socket(out);
    close_socket(heard);
    end_ctx(ctx);
}

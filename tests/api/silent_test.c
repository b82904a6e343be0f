/* silent_test.c - what peers that are not known yet can do to a listener: say nothing, stop
 * midway, claim much, or take their time. CVE-2020-15166 and its kin. */

#include "tests/api/raw.h"
#include "tests/api/security.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

enum { CROWD_MAX = 5000, FDS_MAX = 65536 };

#define GREETING_OF(mechanism) SIGNATURE "\3\1" mechanism ZERO15 ZERO16 ZERO16
#define GREETING_PLAIN         GREETING_OF("PLAIN")
#define GREETING_CURVE         GREETING_OF("CURVE")
#define READY_OF_PUSH          "\4\32\5READY\13Socket-Type\0\0\0\4PUSH"
#define HELLO_OF_BOB           "\4\21\5HELLO\3bob\6secret"

static bool sanitized(void)
{
    return test_patience() > 1;
}

/* ---- listeners ---- */

static const int mechanisms[] = { ZMQ_NULL, ZMQ_PLAIN, ZMQ_CURVE };
static const char *const mechanism_name[] = { "NULL", "PLAIN", "CURVE" };

struct host {
    void *ctx, *socket, *zap;            /* zap answers nobody unless the test does */
    int mechanism;
    struct key_pair keys;
    char endpoint[ENDPOINT_MAX];
};

/* Still to be bound. */
static struct host open_host(int type, int mechanism)
{
    struct host h = { .ctx = open_ctx(), .mechanism = mechanism };

    h.zap = open_zap(h.ctx);
    h.socket = open_socket(h.ctx, type);
    test_set_int(h.socket, ZMQ_BACKLOG, CROWD_MAX);
    test_set_int(h.socket, ZMQ_HANDSHAKE_IVL, 600 * 1000);
    if (mechanism == ZMQ_PLAIN)
        test_set_int(h.socket, ZMQ_PLAIN_SERVER, 1);
    if (mechanism == ZMQ_CURVE) {
        h.keys = new_keys();
        test_set_int(h.socket, ZMQ_CURVE_SERVER, 1);
        set_text(h.socket, ZMQ_CURVE_SECRETKEY, h.keys.secret_key);
        set_text(h.socket, ZMQ_ZAP_DOMAIN, "nobody asks");
        test_set_int(h.socket, ZMQ_ZAP_ENFORCE_DOMAIN, 0);
    }
    return h;
}

static void bind_host(struct host *h)
{
    bind_to(h->socket, "tcp://127.0.0.1:*", h->endpoint);
}

static void close_host(struct host *h)
{
    close_socket(h->socket);
    close_socket(h->zap);
    end_ctx(h->ctx);
}

/* ---- the crowd ---- */

static int crowd[CROWD_MAX];
static bool mine[FDS_MAX];

/* Both ends of each connection are descriptors of this process. */
static int crowd_size(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = ZN_MIN(limit.rlim_max, (rlim_t)FDS_MAX);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    return (int)ZN_MIN((limit.rlim_cur - 200) / 2, sanitized() ? 500u : CROWD_MAX);
}

static bool has_fds(void *count)
{
    return test_count_fds() == *(int *)count;
}

static void await_fds(int count)
{
    test_wait_until(has_fds, &count, 10 * test_patience());
}

/* Nothing is left in the kernel for any connection that the library has. */
static bool all_read(void *unused)
{
    DIR *d = opendir("/proc/self/fd");
    int left = 0;

    (void)unused;
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL && left == 0;) {
        int fd = atoi(e->d_name), n = 0, is_listener = 0;
        socklen_t len = sizeof n;
        if (fd >= FDS_MAX || mine[fd] ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listener, &len) < 0)
            continue;
        if (!is_listener && ioctl(fd, FIONREAD, &n) == 0)
            left = n;
    }
    closedir(d);
    return left == 0;
}

/* Waits until the loop has dealt with all that came: it is one thread, so it has when it
 * answers the greeting of somebody new. */
static void await_loop(const struct host *h)
{
    static const char *const greetings[] = { GREETING_31, GREETING_PLAIN,
                                             GREETING_CURVE };
    char got[64];

    test_wait_until(all_read, NULL, 10 * test_patience());
    int fds = test_count_fds(), fd = raw_connect(h->endpoint);
    raw_send(fd, greetings[h->mechanism], 64);
    raw_recv(fd, got, sizeof got);
    close(fd);
    await_fds(fds);
}

static int join_crowd(const char *endpoint, const char *said, size_t size)
{
    int fd = raw_connect(endpoint);

    CHECK(fd < FDS_MAX);
    mine[fd] = true;
    raw_send(fd, said, size);
    return fd;
}

static void leave_crowd(int fd)
{
    mine[fd] = false;
    close(fd);
}

/* All of them connect and say the same. */
static void gather(const struct host *h, int count, const char *said, size_t size)
{
    int before = test_count_fds();

    for (int i = 0; i < count; i++)
        crowd[i] = join_crowd(h->endpoint, said, size);
    await_fds(before + 2 * count);
    await_loop(h);
}

static void disperse(int count)
{
    for (int i = 0; i < count; i++)
        leave_crowd(crowd[i]);
}

/* ---- time ---- */

enum { TRIES = 15, ROUNDS = 4 };

struct cost {
    long wall, cpu;                      /* microseconds */
};

static long clock_us(clockid_t id)
{
    struct timespec t;

    CHECK_OK(clock_gettime(id, &t));
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *open_client(const struct host *h)
{
    void *client = open_socket(h->ctx, ZMQ_REQ);

    if (h->mechanism == ZMQ_PLAIN)
        set_text(client, ZMQ_PLAIN_USERNAME, "bob");
    if (h->mechanism == ZMQ_CURVE) {
        struct key_pair keys = new_keys();
        set_text(client, ZMQ_CURVE_SERVERKEY, h->keys.public_key);
        set_text(client, ZMQ_CURVE_PUBLICKEY, keys.public_key);
        set_text(client, ZMQ_CURVE_SECRETKEY, keys.secret_key);
    }
    return client;
}

/* Somebody new connects, shakes hands, asks and is answered. */
static void *serve_one(const struct host *h, struct cost *cost)
{
    void *client = open_client(h);
    long wall = clock_us(CLOCK_MONOTONIC), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID);

    connect_to(client, h->endpoint);
    send_text(client, "ask");
    if (h->mechanism != ZMQ_NULL)
        answer(h->zap, "200");
    expect_text(h->socket, "ask");
    send_text(h->socket, "answer");
    expect_text(client, "answer");
    cost->wall = clock_us(CLOCK_MONOTONIC) - wall;
    cost->cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return client;
}

static int compare(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static struct cost median(const struct cost *costs)
{
    long wall[TRIES], cpu[TRIES];

    for (int i = 0; i < TRIES; i++) {
        wall[i] = costs[i].wall;
        cpu[i] = costs[i].cpu;
    }
    qsort(wall, TRIES, sizeof wall[0], compare);
    qsort(cpu, TRIES, sizeof cpu[0], compare);
    return (struct cost){ wall[TRIES / 2], cpu[TRIES / 2] };
}

/* By turns, so that whatever else the machine does is the same for both. Nobody leaves
 * before the end: leaving costs, too, but later. */
static void measure(const struct host *host, struct cost *result)
{
    struct cost costs[2][TRIES];
    void *clients[2][TRIES];

    for (int i = 0; i < TRIES; i++)
        for (int h = 0; h < 2; h++)
            clients[h][i] = serve_one(&host[h], &costs[h][i]);
    for (int h = 0; h < 2; h++) {
        result[h] = median(costs[h]);
        for (int i = 0; i < TRIES; i++)
            close_socket(clients[h][i]);
    }
}

/* A wake-up costs some microseconds, so 5,000 of them would cost many milliseconds; a look
 * at each of 5,000, a hundred microseconds for each of at least five turns of the loop.
 * Processor time shows that on a busy machine, too; but loops that wait for an answer awake,
 * which one host's may and the other's may not, use some of it: 30 microseconds each time. */
static bool is_as_quick(const struct cost *c)
{
    return c[1].wall <= 3 * c[0].wall + 2000 * test_patience() &&
           c[1].cpu <= c[0].cpu * 5 / 4 + 200 * test_patience();
}

static void compare_to_quiet(int mechanism)
{
    int count = crowd_size();
    struct host host[2] = { open_host(ZMQ_REP, mechanism),
                            open_host(ZMQ_REP, mechanism) };
    struct cost cost[2];

    bind_host(&host[0]);
    bind_host(&host[1]);
    gather(&host[1], count, "", 0);
    for (int round = 0;; round++) {
        measure(host, cost);
        printf("%s: %ld us (CPU %ld) alone, %ld (%ld) beside %d\n",
               mechanism_name[mechanism], cost[0].wall, cost[0].cpu, cost[1].wall,
               cost[1].cpu, count);
        if (is_as_quick(cost))
            break;
        CHECK(round < ROUNDS, "%s: %ld us (CPU %ld) alone, %ld (%ld) beside %d",
              mechanism_name[mechanism], cost[0].wall, cost[0].cpu, cost[1].wall,
              cost[1].cpu, count);
    }
    disperse(count);
    close_host(&host[0]);
    close_host(&host[1]);
}

TEST_TIMEOUT(five_thousand_silent_connections_delay_no_newcomer, 120)
{
    for (size_t i = 0; i < ZN_COUNT(mechanisms); i++)
        if (has_mechanism(mechanisms[i]))
            compare_to_quiet(mechanisms[i]);
}

/* ---- memory ---- */

enum { SILENT_BYTES = 3072 };

/* One measurement a process: memory that was given back would hide what the next takes. */
static void weigh(int mechanism, const char *said, size_t size)
{
    int count = crowd_size();
    struct host h = open_host(ZMQ_ROUTER, mechanism);

    bind_host(&h);
    await_loop(&h);
    memset(crowd, -1, sizeof crowd);
    long before = proc_kb("VmRSS:"), space = proc_kb("VmSize:");
    gather(&h, count, said, size);
    long each = (proc_kb("VmRSS:") - before) * 1024 / count;
    space = proc_kb("VmSize:") - space;
    printf("%d connections: %ld bytes each, %ld kB reserved\n", count, each, space);
    if (!sanitized()) {
        CHECK(each <= SILENT_BYTES, "%ld bytes for a connection", each);
        CHECK(space <= 128 * 1024, "%ld kB reserved", space);
    }
    disperse(count);
    close_host(&h);
}

TEST_TIMEOUT(silent_connection_costs_little_memory, 60)
{
    weigh(ZMQ_NULL, "", 0);
}

TEST_TIMEOUT(half_a_command_costs_little_memory, 60)
{
    static const char said[] = GREETING_31 "\4\32\5READY\13Sock";
    weigh(ZMQ_NULL, said, sizeof said - 1);
}

TEST_TIMEOUT(half_a_hello_of_curve_costs_little_memory, 60)
{
    static const char said[] = GREETING_CURVE "\4\310\5HELLO\1\0" ZERO16 ZERO16;

    if (!has_mechanism(ZMQ_CURVE))
        test_skip("built without CURVE");
    weigh(ZMQ_CURVE, said, sizeof said - 1);
}

/* The most that a handshake may say: what is claimed is not reserved. */
TEST_TIMEOUT(command_that_claims_64_kib_costs_little_memory, 60)
{
    static const char said[] = GREETING_31 "\6\0\0\0\0\0\0\375\350\5READY\13Sock";
    weigh(ZMQ_NULL, said, sizeof said - 1);
}

TEST_TIMEOUT(command_that_claims_4_gib_is_not_waited_for, 60)
{
    static const char claim[] = "\6\0\0\0\1\0\0\0\0";
    static const char *const greetings[] = { GREETING_31, GREETING_PLAIN,
                                             GREETING_CURVE };
    int count = crowd_size() / 10;

    for (size_t m = 0; m < ZN_COUNT(mechanisms); m++) {
        if (!has_mechanism(mechanisms[m]))
            continue;
        struct host h = open_host(ZMQ_ROUTER, mechanisms[m]);
        char said[64 + sizeof claim];

        memcpy(said, greetings[m], 64);
        memcpy(said + 64, claim, sizeof claim);
        bind_host(&h);
        await_loop(&h);
        int fds = test_count_fds();
        long before = proc_kb("VmRSS:"), space = proc_kb("VmSize:");
        for (int i = 0; i < count; i++)
            crowd[i] = join_crowd(h.endpoint, said, 64 + sizeof claim - 1);
        await_fds(fds + count);          /* the library's have been closed */
        if (!sanitized()) {
            CHECK(proc_kb("VmRSS:") - before <= count * SILENT_BYTES / 1024);
            CHECK(proc_kb("VmSize:") - space < 64 * 1024);
        }
        for (int i = 0; i < count; i++)
            raw_expect_close(crowd[i], mechanism_name[m]);
        disperse(count);
        close_host(&h);
    }
}

/* ---- all that a peer can leave unfinished ---- */

struct remark {
    const char *what;
    int mechanism;
    const char *bytes;
    size_t size;
};

static const struct remark remarks[] = {
#define SAID(what, mechanism, bytes)              \
    {                                             \
        what, mechanism, bytes, sizeof(bytes) - 1 \
    }
    SAID("nothing", ZMQ_NULL, ""),
    SAID("one byte", ZMQ_NULL, "\377"),
    SAID("signature", ZMQ_NULL, SIGNATURE),
    SAID("greeting", ZMQ_NULL, GREETING_31),
    SAID("half a READY", ZMQ_NULL,
         GREETING_31 "\4\47\5READY\10Identity\0\0\0\4evil\13Socket-Type\0\0"),
    SAID("READY that is judged", ZMQ_NULL, GREETING_31 READY_OF_PUSH),
    SAID("nothing", ZMQ_PLAIN, ""),
    SAID("greeting", ZMQ_PLAIN, GREETING_PLAIN),
    SAID("half a HELLO", ZMQ_PLAIN, GREETING_PLAIN "\4\21\5HELLO\3bob\6"),
    SAID("HELLO that is judged", ZMQ_PLAIN, GREETING_PLAIN HELLO_OF_BOB),
    SAID("nothing", ZMQ_CURVE, ""),
    SAID("greeting", ZMQ_CURVE, GREETING_CURVE),
    SAID("half a HELLO", ZMQ_CURVE, GREETING_CURVE "\4\310\5HELLO\1\0" ZERO16),
#undef SAID
};

enum { OF_EACH = 3 };

/* Some of each kind; how many they are. */
static int gather_all_kinds(const struct host *h)
{
    int count = 0;

    for (size_t i = 0; i < ZN_COUNT(remarks) * OF_EACH; i++) {
        const struct remark *r = &remarks[i / OF_EACH];
        if (r->mechanism == h->mechanism)
            crowd[count++] = join_crowd(h->endpoint, r->bytes, r->size);
    }
    return count;
}

/* ---- no part in patterns ---- */

static const struct {
    int type, partner;
} pairs[] = {
    { ZMQ_PUSH, ZMQ_PULL },     { ZMQ_DEALER, ZMQ_DEALER }, { ZMQ_PAIR, ZMQ_PAIR },
    { ZMQ_ROUTER, ZMQ_DEALER }, { ZMQ_PUB, ZMQ_SUB },
};

enum { SNDHWM = 2, RCVHWM = 3 };

static int send_to(void *s, int type, const char *whom, const char *text)
{
    if (type == ZMQ_ROUTER &&
        zmq_send(s, whom, strlen(whom), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    return zmq_send(s, text, 1, ZMQ_DONTWAIT);
}

/* Nobody is there to send to. */
static void expect_alone(void *s, int type, const char *what)
{
    char sink[8];

    if (type == ZMQ_ROUTER)
        REFUSED(send_to(s, type, "evil", "x"), EHOSTUNREACH, "%s, ROUTER", what);
    else if (type == ZMQ_PUB)
        CHECK_EQ(send_to(s, type, "", "x"), 1);
    else
        REFUSED(send_to(s, type, "", "x"), EAGAIN, "%s, type %d", what, type);
    if (type != ZMQ_ROUTER && type != ZMQ_PUB)
        CHECK_EQ(test_get_int(s, ZMQ_EVENTS), 0, "%s, type %d", what, type);
    if (type != ZMQ_PUSH && type != ZMQ_PUB)
        REFUSED(zmq_recv(s, sink, sizeof sink, ZMQ_DONTWAIT), EAGAIN, "%s, type %d", what,
                type);
}

/* The one that is known gets everything, as much as both marks say and no more. */
static void expect_one_partner(struct host *h, int type, int partner)
{
    void *known = open_socket(h->ctx, partner);
    int sent = 0;

    test_set_int(known, ZMQ_RCVHWM, RCVHWM);
    set_text(known, ZMQ_ROUTING_ID, "known");
    if (partner == ZMQ_SUB)
        set_text(known, ZMQ_SUBSCRIBE, "");
    connect_to(known, "inproc://known");
    while (sent < 100 && send_to(h->socket, type, "known", &"0123456789"[sent % 10]) == 1)
        sent++;
    if (type == ZMQ_PUB)
        CHECK_EQ(sent, 100, "never held");
    else
        CHECK_EQ(sent, SNDHWM + RCVHWM, "%s, type %d", mechanism_name[h->mechanism],
                 type);
    for (int i = 0; i < SNDHWM + RCVHWM; i++)
        expect_text(known, (char[]){ "0123456789"[i], '\0' });
    close_socket(known);
}

TEST_TIMEOUT(unfinished_handshakes_take_no_part_in_patterns, 60)
{
    for (size_t i = 0; i < ZN_COUNT(pairs) * ZN_COUNT(mechanisms); i++) {
        int mechanism = mechanisms[i % ZN_COUNT(mechanisms)];
        int type = pairs[i / ZN_COUNT(mechanisms)].type;
        if (!has_mechanism(mechanism))
            continue;
        struct host h = open_host(type, mechanism);
        set_text(h.socket, ZMQ_ZAP_DOMAIN, "zone");
        test_set_int(h.socket, ZMQ_SNDHWM, SNDHWM);
        if (type == ZMQ_ROUTER)
            test_set_int(h.socket, ZMQ_ROUTER_MANDATORY, 1);
        bind_host(&h);
        CHECK_OK(zmq_bind(h.socket, "inproc://known"));
        int before = test_count_fds(), count = gather_all_kinds(&h);
        await_fds(before + 2 * count);
        await_loop(&h);
        expect_alone(h.socket, type, mechanism_name[mechanism]);
        expect_one_partner(&h, type, pairs[i / ZN_COUNT(mechanisms)].partner);
        disperse(count);
        close_host(&h);
    }
}

/* ---- each has its time ---- */

enum { SHORT_IVL = 250 };

static struct host open_impatient(int mechanism, void **monitor)
{
    struct host h = open_host(ZMQ_PULL, mechanism);

    set_text(h.socket, ZMQ_ZAP_DOMAIN, "zone");
    test_set_int(h.socket, ZMQ_HANDSHAKE_IVL, SHORT_IVL);
    *monitor = open_monitor(h.ctx, h.socket, ZMQ_EVENT_ALL);
    bind_host(&h);
    return h;
}

/* A failure without a protocol error, then the end of the same connection. */
static void expect_timeout(void *monitor, bool *accepted)
{
    for (;;) {
        struct event e = next_event(monitor);
        if (e.id == ZMQ_EVENT_LISTENING)
            continue;
        if (e.id == ZMQ_EVENT_ACCEPTED) {
            CHECK(e.value < FDS_MAX && !accepted[e.value]);
            accepted[e.value] = true;
            continue;
        }
        CHECK_EQ(e.id, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        CHECK_EQ(e.value, EAGAIN);
        break;
    }
    struct event e = next_event(monitor);
    CHECK_EQ(e.id, ZMQ_EVENT_DISCONNECTED);
    CHECK(e.value < FDS_MAX && accepted[e.value]);
    accepted[e.value] = false;
}

TEST_TIMEOUT(handshake_interval_ends_every_unfinished_handshake, 60)
{
    for (size_t m = 0; m < ZN_COUNT(mechanisms); m++) {
        static bool accepted[FDS_MAX];
        void *monitor;
        if (!has_mechanism(mechanisms[m]))
            continue;
        struct host h = open_impatient(mechanisms[m], &monitor);
        int before = test_count_fds();
        long start = now_ms();
        int count = gather_all_kinds(&h);

        for (int i = 0; i < count; i++) {
            expect_timeout(monitor, accepted);
            CHECK(now_ms() - start >= SHORT_IVL - 1, "%s: too early", mechanism_name[m]);
        }
        for (int i = 0; i < count; i++)
            raw_expect_close(crowd[i], mechanism_name[m]);
        await_fds(before + count);       /* theirs; none of ours */
        disperse(count);
        close_socket(monitor);
        close_host(&h);
    }
}

/* Long commands, each begun behind its greeting; zeros follow. */
static const struct {
    const char *head;
    size_t size;
} drips[] = {
#define DRIP(bytes)              \
    {                            \
        bytes, sizeof(bytes) - 1 \
    }
    DRIP(GREETING_31 "\6\0\0\0\0\0\0\352\140\5READY\1X\0\0\352\0"),
    DRIP(GREETING_PLAIN "\6\0\0\0\0\0\0\2\0\5HELLO\377"),
    DRIP(GREETING_CURVE "\4\310\5HELLO\1\0"),
#undef DRIP
};

/* Connects and says the head's first bytes at once, then one by one; how long it was listened
 * to, from before it connected. */
static long drip(const char *endpoint, const char *head, size_t size, size_t at_once)
{
    long start = now_ms();
    int fd = raw_connect(endpoint);
    ssize_t n = 0;
    char sink[256];

    raw_send(fd, head, at_once);
    for (size_t i = at_once; n >= 0; i++) {
        n = send(fd, i < size ? head + i : "", 1, MSG_NOSIGNAL);
        poll(NULL, 0, 4);                /* its pace */
        while (n >= 0 && (n = recv(fd, sink, sizeof sink, MSG_DONTWAIT)) > 0)
            ;
        n = n < 0 && errno == EAGAIN ? 0 : -1;
        CHECK(now_ms() - start < PATIENCE, "still listened to");
    }
    close(fd);
    return now_ms() - start;
}

TEST_TIMEOUT(bytes_that_drip_in_do_not_extend_the_time, 60)
{
    for (size_t m = 0; m < ZN_COUNT(mechanisms); m++)
        for (size_t at_once = 0; at_once <= 64; at_once += 64) {
            static bool accepted[FDS_MAX];
            void *monitor;
            if (!has_mechanism(mechanisms[m]))
                continue;
            struct host h = open_impatient(mechanisms[m], &monitor);
            long ms = drip(h.endpoint, drips[m].head, drips[m].size, at_once);
            CHECK(ms >= SHORT_IVL - 1, "%s: %ld ms", mechanism_name[m], ms);
            expect_timeout(monitor, accepted);
            close_socket(monitor);
            close_host(&h);
        }
}

/* ---- lengths that overflow (CVE-2019-6250, CVE-2021-20235) ---- */

/* The header of a frame that claims so much, in each version. */
static size_t put_claim(unsigned char *to, enum version version, uint64_t size)
{
    to[0] = version >= V10 ? 0xff : LONG;
    put_be(to + 1, size, 8);
    to[9] = 0;                           /* flags, where they come behind */
    return version >= V10 ? 10 : 9;
}

TEST(lengths_that_overflow_harm_nobody)
{
    static const uint64_t sizes[] = { UINT64_MAX,    UINT64_MAX - 8, UINT64_MAX - 64,
                                      1ull << 63,    INT64_MAX,      INT64_MAX - 64,
                                      1ull << 62,    1ull << 40,     UINT32_MAX };
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];

    bind_to(s, "tcp://127.0.0.1:*", endpoint);
    struct peer probe = zmtp_connect(endpoint, V31, "PUSH", "");
    long space = proc_kb("VmSize:");
    for (int v = 0; v < VERSIONS; v++)
        for (size_t i = 0; i < ZN_COUNT(sizes); i++) {
            struct peer p = zmtp_connect(endpoint, (enum version)v, "PUSH", "");
            unsigned char bytes[10 + 256];
            size_t head = put_claim(bytes, p.version, sizes[i]);

            memset(bytes + head, 'x', 256);
            ZMTP_SEND(&p, 0, "before");
            expect_text(s, "before");
            raw_send(p.fd, bytes, head + 256);
            ZMTP_SEND(&probe, 0, "alive");
            expect_text(s, "alive");
            CHECK(proc_kb("VmSize:") - space < 64 * 1024 || sanitized(), "%s, %d",
                  version_name[v], (int)i);
            close(p.fd);
        }
    test_expect_nothing(s, 10);
    close(probe.fd);
    close_socket(s);
    end_ctx(ctx);
}

/* ---- what a PUB is told besides subscriptions (CVE-2021-20237) ---- */

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void tell_pub(void *pub, struct peer *p, int count)
{
    for (int i = 0; i < count; i++) {
        ZMTP_SEND(p, MORE, "\2no subscription");
        ZMTP_SEND(p, 0, X64);
        ZMTP_SEND(p, 0, "\1topic");
        ZMTP_SEND(p, 0, "\0topic");
        if (i % 50 == 0)
            send_text(pub, "news");      /* it reads when it is called */
    }
    ZMTP_SEND(p, 0, "\1end");
    for (struct pollfd ready = { p->fd, POLLIN, 0 }; poll(&ready, 1, 1) == 0;)
        send_text(pub, "end");
    ZMTP_EXPECT(p, 0, "end");
    ZMTP_SEND(p, 0, "\0end");
}

TEST_TIMEOUT(messages_to_a_pub_leave_nothing_behind, 60)
{
    enum { MESSAGES = 5000 };
    void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_PUB);
    char endpoint[ENDPOINT_MAX];

    bind_to(pub, "tcp://127.0.0.1:*", endpoint);
    for (long i = 0, before = 0; i < 3; i++) {
        struct peer p = { raw_connect(endpoint), V31, "" };
        int flags;
        char got[256];

        RAW_SEND(p.fd, GREETING_31 "\4\144\5READY\13Socket-Type\0\0\0\3SUB"
                                   "\3X-a\0\0\0\103" X64 "yyy");
        raw_recv(p.fd, got, 64);
        zmtp_recv(&p, &flags, got, sizeof got);
        tell_pub(pub, &p, MESSAGES);
        if (i == 0)
            before = proc_kb("VmRSS:");
        if (!sanitized())
            CHECK(proc_kb("VmRSS:") - before < 512, "%ld kB more",
                  proc_kb("VmRSS:") - before);
        close(p.fd);
    }
    close_socket(pub);
    end_ctx(ctx);
}

/* resolver_test.c - names: every address is tried, and whoever waits for a name server waits
 * alone. The answers are the test's own, see zn_fault_resolve. */
#include "tests/api/raw.h"

#include <pthread.h>
#include <signal.h>

#include "platform/platform.h"

/* ---- A resolver by script. */

/* "N" has the addresses set for it; names that begin with "dead" are answered when `release`
 * is set; others do not exist. */
static struct {
    const char *hosts[8];
    int count;
    _Atomic int asked, asked_own, asked_dead, asked_ipv6, waiting;
    _Atomic bool release, deaf;
} script;

static bool is_released(void *arg)
{
    (void)arg;
    return atomic_load(&script.release);
}

static int by_script(const char *host, uint16_t port, bool ipv6, struct zn_addr *out,
                     int max)
{
    sigset_t blocked;

    atomic_fetch_add(&script.asked, 1);
    atomic_fetch_add(&script.asked_own, strncmp(host, "own", 3) == 0);
    atomic_fetch_add(&script.asked_ipv6, ipv6);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    atomic_store(&script.deaf, sigismember(&blocked, SIGTERM) == 1 &&
                                   sigismember(&blocked, SIGUSR1) == 1);
    if (strncmp(host, "dead", 4) == 0) {
        atomic_fetch_add(&script.asked_dead, 1);
        atomic_fetch_add(&script.waiting, 1);
        test_wait_until(is_released, NULL, 60);
        atomic_fetch_sub(&script.waiting, 1);
    }
    if (strcmp(host, "nobody") == 0)
        return -ENOENT;
    CHECK(script.count <= max);
    for (int i = 0; i < script.count; i++)
        CHECK_EQ(zn_addr_numeric(&out[i], script.hosts[i], port), 0);
    return script.count > 0 ? script.count : -ENOENT;
}

static void answer_with(const char *first, const char *second)
{
    script.hosts[0] = first;
    script.hosts[1] = second;
    script.count = (first != NULL) + (second != NULL);
    atomic_store(&zn_fault_resolve, by_script);
}

static bool nobody_waits(void *arg)
{
    (void)arg;
    return atomic_load(&script.waiting) == 0;
}

static bool somebody_waits(void *count)
{
    return atomic_load(&script.waiting) >= *(int *)count;
}

static void wait_for_askers(int count)
{
    test_wait_until(somebody_waits, &count, 10);
}

/* ---- */

struct pair {
    void *ctx, *server, *client, *monitor;
    char endpoint[ENDPOINT_MAX], port[16];
};

static struct pair pair_open(const char *address)
{
    struct pair p = { .ctx = open_ctx() };

    p.server = open_socket(p.ctx, ZMQ_DEALER);
    p.client = open_socket(p.ctx, ZMQ_DEALER);
    p.monitor = open_monitor(p.ctx, p.client, ZMQ_EVENT_ALL);
    bind_to(p.server, address, p.endpoint);
    snprintf(p.port, sizeof p.port, "%s", strrchr(p.endpoint, ':'));
    test_set_int(p.client, ZMQ_RECONNECT_IVL, 5);
    return p;
}

static void connect_by(struct pair *p, const char *name)
{
    char to[ENDPOINT_MAX];

    snprintf(to, sizeof to, "tcp://%s%s", name, p->port);
    connect_to(p->client, to);
}

static void pair_talk(struct pair *p)
{
    send_text(p->client, "ping");
    expect_text(p->server, "ping");
}

static void pair_close(struct pair *p)
{
    close_socket(p->client);
    close_socket(p->monitor);
    close_socket(p->server);
    end_ctx(p->ctx);
}

TEST(address_that_refuses_is_followed_by_the_next)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");

    answer_with("127.0.0.2", "127.0.0.1");
    connect_by(&p, "name");
    pair_talk(&p);
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CLOSED);
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECTED);
    CHECK_EQ(atomic_load(&script.asked), 1);
    CHECK(atomic_load(&script.deaf), "signals reach the resolver's thread");
    pair_close(&p);
}

TEST(all_addresses_of_a_name_are_tried_before_it_is_asked_for_again)
{
    static const char *const hosts[8] = { "127.0.0.2", "127.0.0.3", "127.0.0.4",
                                          "127.0.0.5", "127.0.0.6", "127.0.0.7",
                                          "127.0.0.8", "127.0.0.1" };
    struct pair p = pair_open("tcp://127.0.0.1:*");

    memcpy(script.hosts, hosts, sizeof hosts);
    script.count = 7;                    /* none of them listens */
    atomic_store(&zn_fault_resolve, by_script);
    connect_by(&p, "name");
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 7; i++) {
            CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_DELAYED, "%d", i);
            CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CLOSED, "%d", i);
        }
        CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    }
    close_socket(p.client);
    close_socket(p.monitor);
    script.count = 8;
    p.client = open_socket(p.ctx, ZMQ_DEALER);
    p.monitor = open_monitor(p.ctx, p.client, ZMQ_EVENT_ALL);
    connect_by(&p, "other");
    pair_talk(&p);
    pair_close(&p);
}

TEST(both_families_are_tried_with_ipv6_and_one_without)
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct pair p = pair_open("tcp://127.0.0.1:*");

        answer_with(ipv6 ? "::1" : "127.0.0.2", "127.0.0.1");
        atomic_store(&script.asked_ipv6, 0);
        test_set_int(p.client, ZMQ_IPV6, ipv6);
        connect_by(&p, "name");
        pair_talk(&p);
        CHECK_EQ(atomic_load(&script.asked_ipv6), ipv6);
        pair_close(&p);
    }
}

TEST(localhost_is_found_whatever_families_it_has)
{
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct pair p = pair_open("tcp://127.0.0.1:*");

        test_set_int(p.client, ZMQ_IPV6, ipv6);
        connect_by(&p, "localhost");
        pair_talk(&p);
        pair_close(&p);
    }
}

/* A listener that takes nobody: what comes when its queue is full is not answered. */
struct mute {
    int fd, fillers[8];
    struct sockaddr_in at;
};

static struct mute mute_open(int port)
{
    struct mute m = { .at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) } };

    m.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    m.fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_OK(bind(m.fd, (struct sockaddr *)&m.at, sizeof m.at));
    CHECK_OK(listen(m.fd, 0));
    for (size_t i = 0; i < ZN_COUNT(m.fillers); i++) {
        m.fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(m.fillers[i], (struct sockaddr *)&m.at, sizeof m.at);
    }
    return m;
}

static void mute_close(struct mute *m)
{
    for (size_t i = 0; i < ZN_COUNT(m->fillers); i++)
        close(m->fillers[i]);
    close(m->fd);
}

TEST(address_that_never_answers_does_not_hold_up_the_next)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    struct mute m = mute_open(atoi(p.port + 1));

    answer_with("127.0.0.2", "127.0.0.1");
    connect_by(&p, "name");
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_DELAYED);
    CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CLOSED);
    pair_talk(&p);
    pair_close(&p);
    mute_close(&m);
}

/* ---- Those who wait. */

TEST(name_that_is_never_answered_delays_nobody_else)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    void *dead = open_socket(p.ctx, ZMQ_DEALER);
    int threads = test_count_threads();

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < 200; i++)        /* as many connections as one likes to one name */
        connect_to(dead, "tcp://dead:7");
    for (int i = 0; i < 30; i++) {
        char to[ENDPOINT_MAX];
        snprintf(to, sizeof to, "tcp://dead%d:7", i);
        connect_to(dead, to);
    }
    wait_for_askers(31);
    CHECK_EQ(atomic_load(&script.asked_dead), 31);
    CHECK(test_count_threads() <= threads + 32);
    connect_by(&p, "name");
    pair_talk(&p);
    CHECK_EQ(atomic_load(&script.waiting), 31);
    close_socket(dead);
    pair_close(&p);                      /* zmq_ctx_term, while all of them wait */
    CHECK_EQ(atomic_load(&script.waiting), 31);
    atomic_store(&script.release, true);
    test_wait_until(nobody_waits, NULL, 10);
}

TEST(connection_may_go_while_its_name_is_looked_up)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    char to[ENDPOINT_MAX];

    answer_with("127.0.0.1", NULL);
    snprintf(to, sizeof to, "tcp://dead%s", p.port);
    for (int i = 0; i < 10; i++) {
        connect_to(p.client, to);
        wait_for_askers(1);
        CHECK_OK(zmq_disconnect(p.client, to));
    }
    CHECK_EQ(atomic_load(&script.asked_dead), 1);   /* each joined the first one's lookup */
    connect_to(p.client, to);
    atomic_store(&script.release, true);
    pair_talk(&p);
    pair_close(&p);
}

TEST(questions_that_nobody_began_with_are_forgotten)
{
    void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < 100; i++) {      /* more than there are threads for */
        char to[ENDPOINT_MAX];
        snprintf(to, sizeof to, "tcp://dead%d:7", i);
        connect_to(s, to);
    }
    wait_for_askers(32);
    close_socket(s);
    end_ctx(ctx);
    atomic_store(&script.release, true);
    test_wait_until(nobody_waits, NULL, 10);
    CHECK_EQ(atomic_load(&script.asked_dead), 32);
}

static bool all_dead_asked(void *count)
{
    return atomic_load(&script.asked_dead) == *(int *)count;
}

TEST(questions_wait_for_a_thread_and_are_answered_in_turn)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    void *dead = open_socket(p.ctx, ZMQ_DEALER);

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < 100; i++) {
        char to[ENDPOINT_MAX];
        snprintf(to, sizeof to, "tcp://dead%d:7", i);
        connect_to(dead, to);
    }
    wait_for_askers(32);
    connect_by(&p, "name");
    test_expect_nothing(p.monitor, 20);
    atomic_store(&script.release, true);
    pair_talk(&p);
    test_wait_until(all_dead_asked, &(int){ 100 }, 10);
    close_socket(dead);
    pair_close(&p);
}

TEST(name_without_answer_is_asked_for_at_each_attempt)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");

    answer_with("127.0.0.1", NULL);
    connect_by(&p, "nobody");
    for (int i = 0; i < 3; i++)
        CHECK_EQ(next_event(p.monitor).id, ZMQ_EVENT_CONNECT_RETRIED);
    CHECK(atomic_load(&script.asked) >= 3);
    pair_close(&p);
}

/* Where a connection is to begin is this machine's to know: a name server, which is waited for on
 * the spot, is not asked. */
TEST(nobody_is_asked_for_the_address_to_connect_from)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    void *other = open_socket(p.ctx, ZMQ_DEALER), *monitor;
    char to[ENDPOINT_MAX];

    answer_with("127.0.0.1", NULL);
    monitor = open_monitor(p.ctx, other, ZMQ_EVENT_CONNECT_RETRIED);
    test_set_int(other, ZMQ_RECONNECT_IVL, 5);
    snprintf(to, sizeof to, "tcp://dead:0;127.0.0.1%s", p.port);
    connect_to(other, to);
    for (int i = 0; i < 3; i++)
        next_event(monitor);
    connect_by(&p, "127.0.0.1");
    pair_talk(&p);
    CHECK_EQ(atomic_load(&script.asked), 0);
    close_socket(other);
    close_socket(monitor);
    pair_close(&p);
}

/* Answers come while their askers go. Who asks for the same name shares an answer that is on
 * its way: each question that is waited for has a name of its own. */
TEST(answers_and_departures_may_meet)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    char to[ENDPOINT_MAX];

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < 300; i++) {
        bool waits = i % 3 == 0;
        int asked = atomic_load(&script.asked_own);
        snprintf(to, sizeof to, "tcp://%s%d%s", waits ? "own" : "name", waits ? i : 0,
                 p.port);
        connect_to(p.client, to);
        while (waits && atomic_load(&script.asked_own) == asked)
            sched_yield();
        CHECK_OK(zmq_disconnect(p.client, to));
    }
    connect_to(p.client, to);
    pair_talk(&p);
    pair_close(&p);
}

TEST_TIMEOUT(contexts_leave_a_bounded_number_of_threads_behind, 60)
{
    enum { CONTEXTS = 300, BOUND = 256 };
    int before = test_count_threads(), most = 0;

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < CONTEXTS; i++) {
        int waiting = atomic_load(&script.waiting) + 1;
        void *ctx = open_ctx(), *s = open_socket(ctx, ZMQ_DEALER);

        connect_to(s, "tcp://dead:7");
        if (waiting <= BOUND)
            wait_for_askers(waiting);
        close_socket(s);
        end_ctx(ctx);
        most = ZN_MAX(most, test_count_threads());
    }
    CHECK_EQ(atomic_load(&script.waiting), BOUND);
    CHECK(most <= before + BOUND + 4, "%d threads", most);
    atomic_store(&script.release, true);
    test_wait_until(nobody_waits, NULL, 20);
}

static bool has_asked(void *times)
{
    return atomic_load(&script.asked) >= *(int *)times;
}

static bool only(void *threads)
{
    return test_count_threads() == *(int *)threads;
}

TEST(threads_go_when_there_is_nothing_to_ask_and_come_again)
{
    struct pair p = pair_open("tcp://127.0.0.1:*");
    int threads = test_count_threads();

    answer_with("127.0.0.1", NULL);
    for (int i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "name%d", i);
        connect_by(&p, name);
        pair_talk(&p);
        test_wait_until(has_asked, &(int){ i + 1 }, 10);
        CHECK(test_count_threads() > threads);
        if (i == 0)
            test_wait_until(only, &threads, 15);
    }
    pair_close(&p);
}

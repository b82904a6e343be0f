/* load_test.c - many peers at once, peers that do not read, and nothing to do at all. */

#include "tests/api/raw.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static bool sanitized(void)
{
    return test_patience() > 1;
}

/* ---- one subscriber that does not read ---- */

enum { WINDOW = 50, WINDOWS = 60, NEWS = 4096 };

struct news {
    int number;
    char rest[NEWS - sizeof(int)];
};

static void *open_subscriber(void *ctx, int mark, const char *endpoint)
{
    void *s = open_socket(ctx, ZMQ_SUB);

    test_set_int(s, ZMQ_RCVHWM, mark);
    test_set_int(s, ZMQ_RCVBUF, 16 * 1024);
    CHECK_OK(zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0));
    connect_to(s, endpoint);
    return s;
}

static long voluntary_switches(void)
{
    struct rusage use;

    CHECK_OK(getrusage(RUSAGE_THREAD, &use));
    return use.ru_nvcsw;
}

/* Sends a window full and reads it again at the other side; how often the publisher had to
 * wait for somebody. */
static long pass_window(void *pub, void *fast, int from)
{
    static struct news item;
    long waits = voluntary_switches();

    for (int i = from; i < from + WINDOW; i++) {
        item.number = i;
        CHECK_EQ(zmq_send(pub, &item, sizeof item, 0), sizeof item);
    }
    waits = voluntary_switches() - waits;
    for (int i = from; i < from + WINDOW; i++) {
        CHECK_EQ(zmq_recv(fast, &item, sizeof item, 0), sizeof item, "message %d", i);
        CHECK_EQ(item.number, i, "the fast one lost some");
    }
    return waits;
}

/* What the stalled one has: all from the first on, until its queue was full. */
static int count_kept(void *slow)
{
    static struct news item;
    int n = 0;

    while (zmq_recv(slow, &item, sizeof item, n == 0 ? 0 : ZMQ_DONTWAIT) > 0 &&
           item.number == n)
        n++;
    return n;
}

TEST_TIMEOUT(subscriber_that_does_not_read_costs_the_others_nothing, 60)
{
    for (int t = 0; t < TRANSPORTS; t++) {
        void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_XPUB);
        char endpoint[ENDPOINT_MAX];
        long waits = 0;

        /* Twice: a message can be read before its sender knows that it is gone. */
        test_set_int(pub, ZMQ_SNDHWM, 2 * WINDOW);
        test_set_int(pub, ZMQ_SNDBUF, 16 * 1024);
        test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
        bind_to(pub, each_transport[t], endpoint);
        void *slow = open_subscriber(ctx, 10, endpoint);
        void *fast = open_subscriber(ctx, WINDOW, endpoint);
        expect_text(pub, "\1");
        expect_text(pub, "\1");
        for (int i = 0; i < WINDOWS; i++)
            waits += pass_window(pub, fast, i * WINDOW);
        CHECK(waits < WINDOW * WINDOWS / 10, "%s: publisher waited %ld times", endpoint,
              waits);
        int kept = count_kept(slow);
        CHECK(kept >= 10 && kept < WINDOW * WINDOWS, "%s: %d kept, never full", endpoint,
              kept);
        close_socket(slow);
        close_socket(fast);
        close_socket(pub);
        end_ctx(ctx);
    }
}

/* ---- thousands of peers of one ROUTER ---- */

enum { REQUESTS = 8, CROWD_MAX = 10000 };

/* A process full of peers, which does one thing a letter: C(onnect), A(sk), R(ead). */
struct crowd {
    int count;
    int orders, answers;
    pid_t child;
};

static void crowd_main(int count, const char *endpoint, int orders, int answers)
{
    static struct peer peers[CROWD_MAX];
    char what, id[32];

    while (read(orders, &what, 1) == 1) {
        for (int i = 0; i < count; i++) {
            int n = snprintf(id, sizeof id, "%d", i);
            if (what == 'C')
                peers[i] = zmtp_connect(endpoint, V31, "DEALER", id);
            for (int j = 0; what == 'A' && j < REQUESTS; j++)
                ZMTP_SEND(&peers[i], 0, "ask");
            for (int j = 0; what == 'R' && j < REQUESTS; j++)
                zmtp_expect(&peers[i], 0, id, (size_t)n);
        }
        CHECK(write(answers, &what, 1) == 1);
    }
    _exit(0);
}

static struct crowd start_crowd(int count, const char *endpoint)
{
    struct crowd c = { .count = count };
    int orders[2], answers[2];

    CHECK_OK(pipe(orders));
    CHECK_OK(pipe(answers));
    CHECK_OK(c.child = fork());
    if (c.child == 0) {
        close(orders[1]);
        crowd_main(count, endpoint, orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    c.orders = orders[1];
    c.answers = answers[0];
    return c;
}

static void tell_crowd(struct crowd *c, char what)
{
    CHECK(write(c->orders, &what, 1) == 1);
}

static void await_crowd(struct crowd *c)
{
    char what;

    CHECK(read(c->answers, &what, 1) == 1, "the peers' process died");
}

static void end_crowd(struct crowd *c)
{
    int status;

    close(c->orders);
    close(c->answers);
    CHECK(waitpid(c->child, &status, 0) == c->child);
    CHECK_EQ(status, 0);
}

/* Nothing is left in the kernel for any socket of this process. */
static bool all_read(void *unused)
{
    DIR *d = opendir("/proc/self/fd");
    int left = 0;

    (void)unused;
    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL && left == 0;) {
        int n = 0;
        socklen_t len = sizeof n;
        if (getsockopt(atoi(e->d_name), SOL_SOCKET, SO_TYPE, &n, &len) < 0)
            continue;
        n = 0;
        if (ioctl(atoi(e->d_name), FIONREAD, &n) == 0)
            left = n;
    }
    closedir(d);
    return left == 0;
}

/* Waits until the loop has read all that there is. It is one thread: when it has shaken
 * hands with somebody new, it is done with what it read before. */
static void await_loop(const char *endpoint)
{
    test_wait_until(all_read, NULL, 10);
    close(zmtp_connect(endpoint, V31, "DEALER", "last").fd);
}

/* Answers every request, and looks at the shares after each round. */
static void serve_crowd(void *router, int count)
{
    int *served = calloc((size_t)count, sizeof *served);
    char id[32], text[8];

    CHECK(served != NULL);
    for (int round = 1; round <= REQUESTS; round++) {
        int least = REQUESTS, most = 0;
        for (int i = 0; i < count; i++) {
            int n = zmq_recv(router, id, sizeof id - 1, 0);
            CHECK(n > 0, "request %d of round %d", i, round);
            id[n] = '\0';
            CHECK(atoi(id) < count);
            served[atoi(id)]++;
            CHECK_EQ(zmq_recv(router, text, sizeof text, 0), 3);
            CHECK_EQ(zmq_send(router, id, (size_t)n, ZMQ_SNDMORE), n);
            CHECK_EQ(zmq_send(router, id, (size_t)n, 0), n);
        }
        for (int i = 0; i < count; i++) {
            least = ZN_MIN(least, served[i]);
            most = ZN_MAX(most, served[i]);
        }
        CHECK(most < 2 * least || round == 1, "round %d: %d for one, %d for another",
              round, most, least);
    }
    free(served);
}

static int crowd_size(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    return (int)ZN_MIN(limit.rlim_cur - 200, sanitized() ? 1000u : CROWD_MAX);
}

TEST_TIMEOUT(router_serves_ten_thousand_peers_fairly_and_in_little_memory, 120)
{
    enum { IDLE_BYTES = 3072, USED_BYTES = 6144 };
    int count = crowd_size();
    char endpoint[ENDPOINT_MAX];

    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", test_free_port());
    struct crowd crowd = start_crowd(count, endpoint);
    void *ctx = open_ctx(), *router = open_socket(ctx, ZMQ_ROUTER);
    test_set_int(router, ZMQ_ROUTER_MANDATORY, 1);
    test_set_int(router, ZMQ_BACKLOG, 1000);
    CHECK_OK(zmq_bind(router, endpoint));
    await_loop(endpoint);

    long before = proc_kb("VmRSS:");
    tell_crowd(&crowd, 'C');
    await_crowd(&crowd);
    await_loop(endpoint);
    long idle = (proc_kb("VmRSS:") - before) * 1024 / count;

    tell_crowd(&crowd, 'A');
    await_crowd(&crowd);
    await_loop(endpoint);
    serve_crowd(router, count);
    tell_crowd(&crowd, 'R');
    await_crowd(&crowd);
    long used = (proc_kb("VmRSS:") - before) * 1024 / count;

    printf("%d peers: %ld bytes each, %ld after traffic\n", count, idle, used);
    if (!sanitized()) {
        CHECK(idle <= IDLE_BYTES, "%ld bytes for an idle peer", idle);
        CHECK(used <= USED_BYTES, "%ld bytes for a peer after traffic", used);
    }
    end_crowd(&crowd);
    close_socket(router);
    end_ctx(ctx);
}

/* ---- a producer faster than its consumer ---- */

enum { BIG = 1024 * 1024 };

static char big[BIG];

static bool send_big(void *out, int number, int flags)
{
    memcpy(big, &number, sizeof number);
    int rc = zmq_send(out, big, BIG, flags);
    CHECK(rc == BIG || errno == EAGAIN);
    return rc == BIG;
}

/* Sends the numbers from sent on up to most, until ms have passed; returns how far it came. */
static int fill(void *out, int sent, int most, long ms)
{
    for (long end = now_ms() + ms; sent < most && now_ms() < end;)
        if (send_big(out, sent, ZMQ_DONTWAIT))
            sent++;
        else
            poll(NULL, 0, 1);
    return sent;
}

struct consumer {
    void *socket;
    int count;
};

static void *consume(void *arg)
{
    struct consumer *c = arg;
    static char buf[BIG];
    int got;

    for (int i = 0; i < c->count; i++) {
        CHECK_EQ(zmq_recv(c->socket, buf, BIG, 0), BIG, "message %d", i);
        memcpy(&got, buf, sizeof got);
        CHECK_EQ(got, i);
    }
    return NULL;
}

/* One message does not fit the kernel's buffers, so that they count for none. At most one
 * is on its way: the kernel has all of it, the reader has not. shm's ring holds more. */
static int on_their_way(const char *address)
{
    enum { RING = 2 * 1024 * 1024 };

    if (strncmp(address, "inproc", 6) == 0)
        return 0;
    return strncmp(address, "shm", 3) == 0 ? 1 + RING / BIG : 1;
}

static void stop_at_mark(const char *address, int sndhwm, int rcvhwm)
{
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
    void *in = open_socket(ctx, ZMQ_PULL);
    int mark = sndhwm + rcvhwm;
    char endpoint[ENDPOINT_MAX];

    test_set_int(out, ZMQ_SNDHWM, sndhwm);
    test_set_int(out, ZMQ_SNDBUF, 16 * 1024);
    test_set_int(in, ZMQ_RCVHWM, rcvhwm);
    test_set_int(in, ZMQ_RCVBUF, 16 * 1024);
    bind_to(in, address, endpoint);
    connect_to(out, endpoint);
    int sent = fill(out, 0, mark, PATIENCE);
    CHECK_EQ(sent, mark, "%s: marks of %d + %d", address, sndhwm, rcvhwm);
    sent = fill(out, sent, mark + 10, 50);        /* full for so long: full */
    CHECK(sent <= mark + on_their_way(address), "%s: %d held with marks of %d + %d",
          address, sent, sndhwm, rcvhwm);

    /* It goes on as soon as it is read. */
    struct consumer consumer = { in, sent + 2 * mark };
    struct test_thread *thread = test_thread_start(consume, &consumer);
    while (sent < consumer.count)
        CHECK(send_big(out, sent++, 0), "%s: no room though all is read", address);
    test_thread_join(thread);
    close_socket(out);
    close_socket(in);
    end_ctx(ctx);
}

TEST_TIMEOUT(fast_producer_is_held_at_both_marks_on_every_transport, 60)
{
    static const struct {
        int sndhwm, rcvhwm;
    } marks[] = { { 1, 1 }, { 1, 4 }, { 4, 1 }, { 5, 7 } };

    for (int t = 0; t < TRANSPORTS; t++)
        for (size_t i = 0; i < ZN_COUNT(marks); i++)
            stop_at_mark(each_transport[t], marks[i].sndhwm, marks[i].rcvhwm);
}

/* The one that makes room stops, the kernel being full, before half of the limit is free. */
TEST(blocked_sender_goes_on_when_its_connection_can_take_no_more)
{
    for (int t = 0; t < 2; t++) {
        void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH);
        void *in = open_socket(ctx, ZMQ_PULL);
        char endpoint[ENDPOINT_MAX];

        test_set_int(out, ZMQ_SNDHWM, 5);
        test_set_int(out, ZMQ_SNDBUF, 16 * 1024);
        test_set_int(out, ZMQ_SNDTIMEO, -1);      /* or else it would try again at the end */
        test_set_int(out, ZMQ_LINGER, 0);
        test_set_int(in, ZMQ_RCVHWM, 7);
        test_set_int(in, ZMQ_RCVBUF, 16 * 1024);
        bind_to(in, each_transport[t], endpoint);
        connect_to(out, endpoint);
        for (int i = 0; i < 12; i++)
            CHECK(send_big(out, i, 0));
        close_socket(out);
        close_socket(in);
        end_ctx(ctx);
    }
}

/* ---- nothing to do ---- */

enum { TASKS_MAX = 64 };

/* How often this process's threads have run, those of old apart. */
static long count_switches(const int *old, int old_count)
{
    DIR *d = opendir("/proc/self/task");
    long sum = 0;

    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[64], line[128];
        bool is_old = e->d_name[0] == '.';
        for (int i = 0; i < old_count; i++)
            is_old = is_old || old[i] == atoi(e->d_name);
        if (is_old)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/status", atoi(e->d_name));
        FILE *f = fopen(path, "r");
        CHECK(f != NULL);
        while (fgets(line, sizeof line, f) != NULL)
            if (strstr(line, "ctxt_switches:") != NULL)
                sum += strtol(strchr(line, ':') + 1, NULL, 10);
        fclose(f);
    }
    closedir(d);
    return sum;
}

static int list_tasks(int *tasks)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;

    CHECK(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL && n < TASKS_MAX;)
        if (e->d_name[0] != '.')
            tasks[n++] = atoi(e->d_name);
    closedir(d);
    return n;
}

static long cpu_us(void)
{
    struct rusage use;

    CHECK_OK(getrusage(RUSAGE_SELF, &use));
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
}

static void *echo_until_term(void *s)
{
    char text[16];

    for (;;) {
        int n = zmq_recv(s, text, sizeof text, 0);
        if (n < 0 || zmq_send(s, text, (size_t)n, 0) < 0)
            break;
    }
    CHECK_EQ(errno, ETERM);
    close_socket(s);
    return NULL;
}

/* A second without work; false if somebody found some. */
static bool rest(const int *tasks, int count, long *switches, long *cpu)
{
    *switches = count_switches(tasks, count);
    *cpu = cpu_us();
    poll(NULL, 0, 1000);                          /* the one wait on time: a rate */
    *switches = count_switches(tasks, count) - *switches;
    *cpu = cpu_us() - *cpu;
    return *switches <= 3 && *cpu < 10000 * test_patience();
}

TEST_TIMEOUT(idle_context_uses_no_cpu_and_wakes_nobody, 60)
{
    int tasks[TASKS_MAX], count = list_tasks(tasks);
    void *ctx = open_ctx(), *client[TRANSPORTS];
    struct test_thread *thread[TRANSPORTS];
    long switches, cpu;

    for (int t = 0; t < TRANSPORTS; t++) {
        void *server = open_socket(ctx, ZMQ_REP);
        char endpoint[ENDPOINT_MAX];
        test_set_int(server, ZMQ_RCVTIMEO, -1);
        bind_to(server, each_transport[t], endpoint);
        client[t] = open_socket(ctx, ZMQ_REQ);
        connect_to(client[t], endpoint);
        thread[t] = test_thread_start(echo_until_term, server);
        for (int i = 0; i < 200; i++) {
            send_text(client[t], "anybody?");
            expect_text(client[t], "anybody?");
        }
    }
    for (int tries = 0; !rest(tasks, count, &switches, &cpu); tries++)
        CHECK(tries < 10, "idle for a second: %ld switches, %ld us of CPU", switches,
              cpu);
    for (int t = 0; t < TRANSPORTS; t++)
        close_socket(client[t]);
    CHECK_OK(zmq_ctx_shutdown(ctx));
    for (int t = 0; t < TRANSPORTS; t++)
        test_thread_join(thread[t]);
    end_ctx(ctx);
}

/* ---- a backlog, and its end ---- */

/* Of this process, in MiB. */
static long resident(void)
{
    long all, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f != NULL);
    CHECK_EQ(fscanf(f, "%ld %ld", &all, &pages), 2);
    fclose(f);
    return pages / (1024 * 1024 / sysconf(_SC_PAGESIZE));
}

static bool has_shrunk_to(void *most)
{
    return resident() <= *(long *)most;
}

TEST(memory_of_a_backlog_goes_back_to_the_system_when_it_is_over)
{
    enum { COUNT = 1000, SIZE = 64 * 1024, MIB = COUNT * SIZE / (1024 * 1024) };
    void *ctx = open_ctx(), *out = open_socket(ctx, ZMQ_PUSH),
         *in = open_socket(ctx, ZMQ_PULL);
    char endpoint[ENDPOINT_MAX];
    zmq_msg_t m;

    if (sanitized())
        test_skip("sanitizers keep what was freed");
    test_set_int(out, ZMQ_SNDHWM, 0);
    test_set_int(in, ZMQ_RCVHWM, 0);
    bind_to(out, "tcp://127.0.0.1:*", endpoint);
    connect_to(in, endpoint);
    long before = resident();
    for (int i = 0; i < COUNT; i++) {
        CHECK_OK(zmq_msg_init_size(&m, SIZE));
        memset(zmq_msg_data(&m), i, SIZE);
        CHECK_EQ(zmq_msg_send(&m, out, 0), SIZE);
    }
    CHECK(resident() >= before + MIB / 2, "it was %ld MiB and is %ld", before,
          resident());
    CHECK_OK(zmq_msg_init(&m));
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(zmq_msg_recv(&m, in, 0), SIZE);
        CHECK_EQ(((uint8_t *)zmq_msg_data(&m))[SIZE - 1], (uint8_t)i);
    }
    CHECK_OK(zmq_msg_close(&m));
    test_wait_until(has_shrunk_to, &(long){ before + MIB / 8 }, 10);
    close_socket(in);
    close_socket(out);
    end_ctx(ctx);
}

TEST(what_many_subscribers_have_not_read_yet_is_in_memory_once)
{
    enum {
        SUBS = 100,
        COUNT = 1000,
        SIZE = 1000,
        MIB = COUNT * SIZE / (1024 * 1024) + 1
    };
    void *ctx = open_ctx(), *pub = open_socket(ctx, ZMQ_XPUB), *subs[SUBS];
    char endpoint[ENDPOINT_MAX], text[SIZE] = { 0 };

    if (sanitized())
        test_skip("sanitizers keep what was freed");
    test_set_int(pub, ZMQ_SNDHWM, COUNT);
    test_set_int(pub, ZMQ_XPUB_VERBOSE, 1);
    test_set_int(pub, ZMQ_SNDBUF, 16 * 1024);
    bind_to(pub, "tcp://127.0.0.1:*", endpoint);
    for (int i = 0; i < SUBS; i++) {
        subs[i] = open_subscriber(ctx, 1, endpoint);
        CHECK_EQ(zmq_recv(pub, text, 1, 0), 1);
    }
    long before = resident();
    for (int n = 0; n < COUNT; n++) {
        memcpy(text, &n, sizeof n);
        CHECK_EQ(zmq_send(pub, text, SIZE, 0), SIZE);
    }
    /* Copies for each would be 95 MiB; the first messages are copies. */
    CHECK(resident() < before + 20 * MIB, "it was %ld MiB and is %ld", before,
          resident());
    for (int i = 0; i < SUBS; i++)
        for (int n = 0; n < COUNT; n++) {
            int got;
            CHECK_EQ(zmq_recv(subs[i], text, SIZE, 0), SIZE, "message %d", n);
            memcpy(&got, text, sizeof got);
            CHECK_EQ(got, n);
        }
    for (int i = 0; i < SUBS; i++)
        close_socket(subs[i]);
    close_socket(pub);
    end_ctx(ctx);
}

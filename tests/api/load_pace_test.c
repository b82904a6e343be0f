/* load_pace_test.c - messages that come one at a time, or a few at once, wait for nobody:
 * zinc's loop takes close sends in batches (io/loop.c), which must not be felt. */

#include "tests/api/api.h"

/* Nobody else shall have disturbed one of so many tries. */
enum { TRIES = 25, SAMPLES_MAX = 400 };

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at)
{
    struct timespec t = { (time_t)(at / 1000000000u), (long)(at % 1000000000u) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

/* ---- a pair of sockets, one of which a thread reads ---- */

struct pair {
    void *ctx, *out, *in;
    struct test_thread *reader;
    int count;                                    /* to come */
    uint64_t took[SAMPLES_MAX];                   /* from send to receive, each */
};

static struct pair pair;

static void open_pair(const char *address)
{
    char endpoint[ENDPOINT_MAX];

    pair.ctx = open_ctx();
    pair.in = open_socket(pair.ctx, ZMQ_PAIR);
    pair.out = open_socket(pair.ctx, ZMQ_PAIR);
    bind_to(pair.in, address, endpoint);
    connect_to(pair.out, endpoint);
    send_text(pair.out, "up?");
    expect_text(pair.in, "up?");
}

static void close_pair(void)
{
    close_socket(pair.out);
    close_socket(pair.in);
    end_ctx(pair.ctx);
}

static void send_stamp(void *s)
{
    uint64_t now = now_ns();

    CHECK_EQ(zmq_send(s, &now, sizeof now, 0), sizeof now);
}

static uint64_t age_of_next(void *s)
{
    uint64_t then;

    CHECK_EQ(zmq_recv(s, &then, sizeof then, 0), sizeof then);
    return now_ns() - then;
}

static void *read_all(void *unused)
{
    for (int i = 0; i < pair.count; i++)
        pair.took[i] = age_of_next(pair.in);
    return unused;
}

static void *echo_all(void *unused)
{
    for (int i = 0; i < pair.count; i++) {
        pair.took[i] = age_of_next(pair.in);
        send_stamp(pair.in);
    }
    return unused;
}

/* ---- pings and paces ---- */

static uint64_t ping_pong(int count)
{
    pair.count = count;
    pair.reader = test_thread_start(echo_all, NULL);
    for (int i = 0; i < count; i++) {
        send_stamp(pair.out);
        age_of_next(pair.out);
    }
    test_thread_join(pair.reader);
    return median(pair.took, count);
}

static uint64_t paced(int count, uint64_t gap)
{
    pair.count = count;
    pair.reader = test_thread_start(read_all, NULL);
    uint64_t at = now_ns();
    for (int i = 0; i < count; i++) {
        sleep_until(at += gap);
        send_stamp(pair.out);
    }
    test_thread_join(pair.reader);
    return median(pair.took, count);
}

/* A reader that has slept is slower to wake than one that has just asked, and a core that
 * has slept too: hence the margin. */
TEST_TIMEOUT(paced_messages_arrive_as_soon_as_answers_do, 60)
{
    static const struct {
        uint64_t gap;
        int count;
    } paces[] = { { 100000, 400 }, { 1000000, 100 }, { 10000000, 20 } };
    enum { TIMES = 10, MARGIN = 400000 };

    for (int t = 0; t < TRANSPORTS; t++) {
        open_pair(each_transport[t]);
        for (size_t i = 0; i < ZN_COUNT(paces); i++) {
            uint64_t answer = 0, message = 0;
            bool good = false;
            for (int tries = 0; tries < TRIES && !good; tries++) {
                answer = ping_pong(SAMPLES_MAX);
                message = paced(paces[i].count, paces[i].gap);
                good = message <= TIMES * answer + MARGIN * (uint64_t)test_patience();
            }
            printf("%s, one each %d us: %d ns, in turns %d ns\n", each_transport[t],
                   (int)(paces[i].gap / 1000), (int)message, (int)answer);
            CHECK(good, "%s, one each %d us: %d ns, in turns %d ns", each_transport[t],
                  (int)(paces[i].gap / 1000), (int)message, (int)answer);
        }
        close_pair();
    }
}

/* ---- bursts ---- */

enum { BURSTS = 15, BURST_MAX = 20 };

/* The time that the last of a burst takes, in the median of some. */
static uint64_t last_of_burst(int size)
{
    uint64_t last[BURSTS];

    pair.count = BURSTS * size;
    pair.reader = test_thread_start(read_all, NULL);
    uint64_t at = now_ns();
    for (int i = 0; i < BURSTS; i++) {
        sleep_until(at += 2000000);
        for (int j = 0; j < size; j++)
            send_stamp(pair.out);
    }
    test_thread_join(pair.reader);
    for (int i = 0; i < BURSTS; i++)
        last[i] = pair.took[(i + 1) * size - 1];
    return median(last, BURSTS);
}

TEST_TIMEOUT(last_message_of_a_burst_is_not_kept_back, 60)
{
    enum { BOUND = 1000000 };

    for (int t = 0; t < TRANSPORTS; t++) {
        open_pair(each_transport[t]);
        for (int size = 2; size <= BURST_MAX; size++) {
            uint64_t took = UINT64_MAX;
            for (int tries = 0; tries < TRIES && took > BOUND; tries++)
                took = last_of_burst(size);
            CHECK(took <= BOUND * (uint64_t)test_patience(), "%s, %d: %d ns",
                  each_transport[t], size, (int)took);
        }
        close_pair();
    }
}

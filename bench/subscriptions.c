/* subscriptions - one subscriber of many topics: how soon its publisher knows them all, the
 * memory each takes on either side, and then how many messages a second are matched, of
 * which every other one is wanted. */
#include "bench.h"

static long topics, count;

/* They share beginnings, as topics do. */
static size_t write_topic(char topic[32], long number)
{
    return (size_t)snprintf(topic, 32, "weather.%08ld.", number * 7919 % topics);
}

static void subscribe(const char *endpoint, void *unused, double figures[])
{
    void *ctx;
    char topic[32];
    zmq_msg_t m;

    (void)unused;
    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_SUB);
    bench_set(s, ZMQ_RCVHWM, 0);
    bench_set(s, ZMQ_SNDHWM, 0);
    TRY(zmq_connect(s, endpoint));
    long rss = bench_rss();
    figures[0] = bench_now();
    for (long i = 0; i < topics; i++) {
        snprintf(topic, sizeof topic, "weather.%08ld.", i);
        TRY(zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic)));
    }
    figures[1] = (double)(bench_rss() - rss);
    TRY(zmq_msg_init(&m));
    for (long i = 0; i < (count + 1) / 2; i++)
        TRY(zmq_msg_recv(&m, s, 0));
    figures[2] = bench_now();
    TRY(zmq_msg_close(&m));
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
}

int main(int argc, char **argv)
{
    void *ctx;
    char topic[32];
    double figures[BENCH_FIGURES];

    bench_need(argc, 3, "subscriptions <bind-to> <topic-count> <message-count>");
    topics = bench_number(argv[2], "topic-count", 1);
    count = bench_number(argv[3], "message-count", 1);

    struct bench_child child = bench_fork(subscribe, NULL);
    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_XPUB);
    bench_set(s, ZMQ_RCVHWM, 0);
    bench_set(s, ZMQ_SNDHWM, 0);         /* nothing is lost */
    long rss = bench_rss();
    bench_bind(s, argv[1], &child);
    for (long i = 0; i < topics; i++)
        TRY(zmq_recv(s, topic, sizeof topic, 0));
    double known = bench_now(), cpu = bench_cpu();
    rss = bench_rss() - rss;
    for (long i = 0; i < count; i++) {
        size_t n = write_topic(topic, i);
        topic[0] = i % 2 == 0 ? 'w' : 'W';               /* the second is nobody's */
        TRY(zmq_send(s, topic, n, 0));
    }
    bench_join(&child, figures);
    cpu = bench_cpu() - cpu;

    double n = (double)topics;
    printf("topic count: %ld\n", topics);
    bench_print("subscribed", n / (known - figures[0]), "1/s");
    bench_print("publisher's memory per topic", (double)rss / n, "B");
    bench_print("subscriber's memory per topic", figures[1] / n, "B");
    bench_print("matched", (double)count / (figures[2] - known), "msg/s");
    bench_print("CPU per message", cpu / (double)count * 1e6, "us");
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

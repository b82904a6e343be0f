/* fan_out - one publisher, many subscribers in another process that all want everything:
 * deliveries a second until the last has arrived. CPU per delivery is the publisher's. */
#include "bench.h"

static long peers, count;
static size_t size;

static void subscribe(const char *endpoint, void *unused, double figures[])
{
    void *ctx, **s;
    zmq_msg_t m;

    (void)unused;
    TRY_PTR(s, calloc((size_t)peers, sizeof *s));
    TRY_PTR(ctx, zmq_ctx_new());
    TRY(zmq_ctx_set(ctx, ZMQ_MAX_SOCKETS, (int)peers + 16));
    TRY(zmq_msg_init(&m));
    for (long i = 0; i < peers; i++) {
        s[i] = bench_socket(ctx, ZMQ_SUB);
        bench_set(s[i], ZMQ_RCVHWM, 0);
        TRY(zmq_setsockopt(s[i], ZMQ_SUBSCRIBE, "", 0));
        TRY(zmq_connect(s[i], endpoint));
    }
    for (long n = 0; n < count; n++)
        for (long i = 0; i < peers; i++)
            bench_recv(s[i], &m, size);
    figures[0] = bench_now();
    TRY(zmq_msg_close(&m));
    for (long i = 0; i < peers; i++)
        TRY(zmq_close(s[i]));
    TRY(zmq_ctx_term(ctx));
    free(s);
}

int main(int argc, char **argv)
{
    void *ctx;
    char topic[8];
    double figures[BENCH_FIGURES];

    bench_need(argc, 4,
               "fan_out <bind-to> <subscriber-count> <message-size> <message-count>");
    peers = bench_number(argv[2], "subscriber-count", 1);
    size = (size_t)bench_number(argv[3], "message-size", 0);
    count = bench_number(argv[4], "message-count", 1);

    struct bench_child child = bench_fork(subscribe, NULL);
    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_XPUB);
    bench_set(s, ZMQ_SNDHWM, 0);         /* nothing is lost */
    bench_set(s, ZMQ_XPUB_VERBOSE, 1);
    bench_set(s, ZMQ_BACKLOG, 1000);
    bench_bind(s, argv[1], &child);
    for (long i = 0; i < peers; i++)
        TRY(zmq_recv(s, topic, sizeof topic, 0));
    double begin = bench_now(), cpu = bench_cpu();
    bench_pour(s, size, count);
    bench_join(&child, figures);
    cpu = bench_cpu() - cpu;

    double all = (double)peers * (double)count;
    printf("subscriber count: %ld\n", peers);
    printf("message size: %zu [B]\n", size);
    printf("message count: %ld\n", count);
    bench_print("deliveries", all / (figures[0] - begin), "1/s");
    bench_print("CPU per delivery", cpu / all * 1e6, "us");
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

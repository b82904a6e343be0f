/* connections - many DEALERs in one process, one ROUTER in another that answers them: how
 * soon all are connected and answered, the memory each takes on either side, and then how
 * many answers come a second when all of them ask at once, some rounds long. */
#include "bench.h"

static long peers, rounds;

static void ask_all(void **s)
{
    char text[8];
    for (long i = 0; i < peers; i++)
        TRY(zmq_send(s[i], "ask", 3, 0));
    for (long i = 0; i < peers; i++)
        TRY(zmq_recv(s[i], text, sizeof text, 0));
}

static void be_peers(const char *endpoint, void *unused, double figures[])
{
    void *ctx, **s;

    (void)unused;
    TRY_PTR(s, calloc((size_t)peers, sizeof *s));
    TRY_PTR(ctx, zmq_ctx_new());
    TRY(zmq_ctx_set(ctx, ZMQ_MAX_SOCKETS, (int)peers + 16));
    long rss = bench_rss();
    double begin = bench_now();
    for (long i = 0; i < peers; i++) {
        s[i] = bench_socket(ctx, ZMQ_DEALER);
        TRY(zmq_connect(s[i], endpoint));
    }
    ask_all(s);
    figures[0] = bench_now() - begin;
    figures[1] = (double)(bench_rss() - rss);
    begin = bench_now();
    for (long i = 0; i < rounds; i++)
        ask_all(s);
    figures[2] = bench_now() - begin;
    for (long i = 0; i < peers; i++)
        TRY(zmq_close(s[i]));
    TRY(zmq_ctx_term(ctx));
    free(s);
}

static void answer(void *s, long count)
{
    char id[256], text[8];
    for (long i = 0; i < count; i++) {
        int n = zmq_recv(s, id, sizeof id, 0);
        TRY(n);
        TRY(zmq_recv(s, text, sizeof text, 0));
        TRY(zmq_send(s, id, (size_t)n, ZMQ_SNDMORE));
        TRY(zmq_send(s, text, 3, 0));
    }
}

int main(int argc, char **argv)
{
    void *ctx;
    double figures[BENCH_FIGURES];

    bench_need(argc, 3, "connections <bind-to> <connection-count> <round-count>");
    peers = bench_number(argv[2], "connection-count", 1);
    rounds = bench_number(argv[3], "round-count", 1);

    struct bench_child child = bench_fork(be_peers, NULL);
    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_ROUTER);
    bench_set(s, ZMQ_BACKLOG, 1000);
    long rss = bench_rss();
    bench_bind(s, argv[1], &child);
    answer(s, peers);
    rss = bench_rss() - rss;
    double cpu = bench_cpu();
    answer(s, peers * rounds);
    cpu = bench_cpu() - cpu;
    bench_join(&child, figures);

    double n = (double)peers, all = n * (double)rounds;
    printf("connection count: %ld\n", peers);
    bench_print("connected and answered", n / figures[0], "1/s");
    bench_print("memory per accepted connection", (double)rss / n, "B");
    bench_print("memory per connecting socket", figures[1] / n, "B");
    bench_print("answers", all / figures[2], "1/s");
    bench_print("CPU per answer", cpu / all * 1e6, "us");
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

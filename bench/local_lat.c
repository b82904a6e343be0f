/* local_lat - the answering side of a latency measurement: see remote_lat.c. */
#include "bench.h"

int main(int argc, char **argv)
{
    void *ctx;

    bench_need(argc, 3, "local_lat <bind-to> <message-size> <roundtrip-count>");
    size_t size = (size_t)bench_number(argv[2], "message-size", 0);
    long count = bench_number(argv[3], "roundtrip-count", 1);

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_REP);
    TRY(zmq_bind(s, argv[1]));
    double cpu = bench_pong(s, size, count);
    bench_print("CPU per message", cpu / (double)(count - count / 10) / 2 * 1e6, "us");
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

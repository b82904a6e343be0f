/* remote_thr - sends to local_thr, as fast as it can. */
#include "bench.h"

int main(int argc, char **argv)
{
    void *ctx;

    bench_need(argc, 3, "remote_thr <connect-to> <message-size> <message-count>");
    size_t size = (size_t)bench_number(argv[2], "message-size", 0);
    long count = bench_number(argv[3], "message-count", 1);

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_PUSH);
    TRY(zmq_connect(s, argv[1]));
    double cpu = bench_cpu();
    bench_pour(s, size, count);
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));              /* when the kernel has the last of them */
    bench_print("CPU per message", (bench_cpu() - cpu) / (double)count * 1e6, "us");
    return 0;
}

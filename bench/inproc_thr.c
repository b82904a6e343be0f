/* inproc_thr - one thread sends to another, as fast as it can. The clock runs from the first
 * message to the last. CPU per message is that of both threads. */
#include "bench.h"

static struct bench_stream stream;
static void *ctx;

static void pour(void *unused)
{
    (void)unused;
    void *s = bench_socket(ctx, ZMQ_PUSH);
    TRY(zmq_connect(s, "inproc://thr"));
    bench_pour(s, stream.size, stream.count);
    TRY(zmq_close(s));
}

int main(int argc, char **argv)
{
    bench_need(argc, 2, "inproc_thr <message-size> <message-count>");
    stream.size = (size_t)bench_number(argv[1], "message-size", 0);
    stream.count = bench_number(argv[2], "message-count", 2);

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_PULL);
    TRY(zmq_bind(s, "inproc://thr"));
    struct bench_stream mine = stream;
    void *thread = zmq_threadstart(pour, NULL);
    bench_drain(s, &mine);
    zmq_threadclose(thread);
    bench_print_stream(&mine);
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

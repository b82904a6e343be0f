/* proxy_thr - one thread sends to another through zmq_proxy() in a third, as fast as it can.
 * The clock runs from the first message to the last. CPU per message is that of all. */
#include "bench.h"

static struct bench_stream stream;
static void *ctx;

static void pour(void *unused)
{
    (void)unused;
    void *s = bench_socket(ctx, ZMQ_PUSH);
    TRY(zmq_connect(s, "inproc://front"));
    bench_pour(s, stream.size, stream.count);
    TRY(zmq_close(s));
}

static void pass_on(void *unused)
{
    (void)unused;
    void *front = bench_socket(ctx, ZMQ_PULL), *back = bench_socket(ctx, ZMQ_PUSH);
    TRY(zmq_bind(front, "inproc://front"));
    TRY(zmq_connect(back, "inproc://back"));
    bench_try(zmq_proxy(front, back, NULL) == -1 && zmq_errno() == ETERM, "zmq_proxy");
    TRY(zmq_close(front));
    TRY(zmq_close(back));
}

int main(int argc, char **argv)
{
    bench_need(argc, 2, "proxy_thr <message-size> <message-count>");
    stream.size = (size_t)bench_number(argv[1], "message-size", 0);
    stream.count = bench_number(argv[2], "message-count", 2);

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_PULL);
    TRY(zmq_bind(s, "inproc://back"));
    struct bench_stream mine = stream;
    void *proxy = zmq_threadstart(pass_on, NULL);
    void *sender = zmq_threadstart(pour, NULL);
    bench_drain(s, &mine);
    zmq_threadclose(sender);
    TRY(zmq_close(s));
    TRY(zmq_ctx_shutdown(ctx));
    zmq_threadclose(proxy);
    bench_print_stream(&mine);
    TRY(zmq_ctx_term(ctx));
    return 0;
}

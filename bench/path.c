/* path - a hundred messages sent, then received, in one thread and again: what a message's
 * way costs when nobody waits. instructions.py counts it. */
#include "bench.h"

enum { BATCH = 100 };

int main(int argc, char **argv)
{
    void *ctx;
    char endpoint[300];
    size_t length = sizeof endpoint;
    zmq_msg_t m;

    bench_need(argc, 3, "path <bind-to> <message-size> <message-count>");
    size_t size = (size_t)bench_number(argv[2], "message-size", 0);
    long count = bench_number(argv[3], "message-count", BATCH);

    TRY_PTR(ctx, zmq_ctx_new());
    void *in = bench_socket(ctx, ZMQ_PULL), *out = bench_socket(ctx, ZMQ_PUSH);
    TRY(zmq_bind(in, argv[1]));
    TRY(zmq_getsockopt(in, ZMQ_LAST_ENDPOINT, endpoint, &length));
    TRY(zmq_connect(out, endpoint));
    TRY(zmq_msg_init(&m));
    for (long sent = 0; sent < count; sent += BATCH) {
        bench_pour(out, size, BATCH);
        for (int i = 0; i < BATCH; i++)
            bench_recv(in, &m, size);
    }
    TRY(zmq_msg_close(&m));
    TRY(zmq_close(in));
    TRY(zmq_close(out));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

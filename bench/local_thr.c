/* local_thr - receives what remote_thr sends, as fast as it can. The clock runs from the
 * first message to the last. CPU per message is this side's; remote_thr tells its own. */
#include "bench.h"

int main(int argc, char **argv)
{
    void *ctx;

    bench_need(argc, 3, "local_thr <bind-to> <message-size> <message-count>");
    struct bench_stream stream = { .size =
                                       (size_t)bench_number(argv[2], "message-size", 0),
                                   .count = bench_number(argv[3], "message-count", 2) };

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_PULL);
    TRY(zmq_bind(s, argv[1]));
    bench_drain(s, &stream);
    bench_print_stream(&stream);
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

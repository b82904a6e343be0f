/* remote_lat - messages go to local_lat and come back, one at a time; a latency is half of
 * the way there and back. The first tenth warms up and does not count. CPU per message is
 * this side's; local_lat tells its own, and both together are what a message costs. */
#include "bench.h"

int main(int argc, char **argv)
{
    void *ctx;

    bench_need(argc, 3, "remote_lat <connect-to> <message-size> <roundtrip-count>");
    struct bench_pings p = { .size = (size_t)bench_number(argv[2], "message-size", 0),
                             .count = bench_number(argv[3], "roundtrip-count", 1) };

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_REQ);
    TRY(zmq_connect(s, argv[1]));
    bench_ping(s, &p);
    bench_print_pings(&p);
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

/* inproc_lat - messages go from one thread to another and come back, one at a time. The
 * first tenth warms up and does not count. CPU per message is that of both threads. */
#include "bench.h"

static struct bench_pings pings;
static void *ctx;

static void pong(void *unused)
{
    (void)unused;
    void *s = bench_socket(ctx, ZMQ_REP);
    TRY(zmq_connect(s, "inproc://lat"));
    bench_pong(s, pings.size, pings.count);
    TRY(zmq_close(s));
}

int main(int argc, char **argv)
{
    bench_need(argc, 2, "inproc_lat <message-size> <roundtrip-count>");
    pings.size = (size_t)bench_number(argv[1], "message-size", 0);
    pings.count = bench_number(argv[2], "roundtrip-count", 1);

    TRY_PTR(ctx, zmq_ctx_new());
    void *s = bench_socket(ctx, ZMQ_REQ);
    TRY(zmq_bind(s, "inproc://lat"));
    struct bench_pings mine = pings;
    void *thread = zmq_threadstart(pong, NULL);
    bench_ping(s, &mine);
    zmq_threadclose(thread);
    bench_print_pings(&mine);
    TRY(zmq_close(s));
    TRY(zmq_ctx_term(ctx));
    return 0;
}

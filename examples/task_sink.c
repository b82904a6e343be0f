/* task_sink - the pipeline's lower end: collects the results of all workers.
 *
 * A PULL socket takes from everybody who is connected, fairly. The first message is the
 * ventilator's start of the batch; a hundred results follow, and the time is told.
 *
 *     task_sink [ENDPOINT]                         cc task_sink.c -lzmq */
#include <stdio.h>
#include <time.h>
#include <zmq.h>

static long now_ms(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://*:5558";
    void *context = zmq_ctx_new();
    void *receiver = zmq_socket(context, ZMQ_PULL);
    char message[16];

    if (zmq_bind(receiver, endpoint) != 0) {
        fprintf(stderr, "%s: %s\n", endpoint, zmq_strerror(zmq_errno()));
        return 1;
    }
    if (zmq_recv(receiver, message, sizeof message, 0) < 0)
        return 1;
    long start = now_ms();
    for (int i = 0; i < 100; i++)
        if (zmq_recv(receiver, message, sizeof message, 0) < 0)
            return 1;
    printf("100 results in %ld ms\n", now_ms() - start);

    zmq_close(receiver);
    zmq_ctx_term(context);
    return 0;
}

/* task_ventilator - the pipeline's upper end: hands out a hundred tasks.
 *
 * A PUSH socket deals its messages out to all connected workers in turn. Wait with Enter
 * until the workers are there, or the first to connect gets everything. A task is the
 * number of milliseconds that it takes. The sink is told when the batch starts.
 *
 *     task_ventilator [ENDPOINT [SINK]]            cc task_ventilator.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://*:5557";
    const char *sink_endpoint = argc > 2 ? argv[2] : "tcp://localhost:5558";
    int total = 0;
    void *context = zmq_ctx_new();
    void *workers = zmq_socket(context, ZMQ_PUSH);
    void *sink = zmq_socket(context, ZMQ_PUSH);

    if (zmq_bind(workers, endpoint) != 0 || zmq_connect(sink, sink_endpoint) != 0) {
        fprintf(stderr, "%s, %s: %s\n", endpoint, sink_endpoint,
                zmq_strerror(zmq_errno()));
        return 1;
    }
    puts("press Enter when the workers are ready");
    getchar();

    zmq_send(sink, "start", 5, 0);
    srand(1);                                    /* the same tasks every time */
    for (int i = 0; i < 100; i++) {
        char task[16];
        int ms = rand() % 100 + 1;
        total += ms;
        zmq_send(workers, task, (size_t)snprintf(task, sizeof task, "%d", ms), 0);
    }
    printf("100 tasks, %d ms of work\n", total);

    zmq_close(workers);
    zmq_close(sink);
    zmq_ctx_term(context);                       /* returns when all tasks are out */
    return 0;
}

/* task_worker - the pipeline's middle: takes a task, does it, passes the result on.
 *
 * It connects to both ends, so that any number of workers can come and go while the
 * ventilator and the sink stay. It runs until it is stopped.
 *
 *     task_worker [VENTILATOR [SINK]]              cc task_worker.c -lzmq */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

int main(int argc, char **argv)
{
    const char *source = argc > 1 ? argv[1] : "tcp://localhost:5557";
    const char *target = argc > 2 ? argv[2] : "tcp://localhost:5558";
    void *context = zmq_ctx_new();
    void *tasks = zmq_socket(context, ZMQ_PULL);
    void *results = zmq_socket(context, ZMQ_PUSH);

    if (zmq_connect(tasks, source) != 0 || zmq_connect(results, target) != 0) {
        fprintf(stderr, "%s, %s: %s\n", source, target, zmq_strerror(zmq_errno()));
        return 1;
    }
    for (;;) {
        char task[16];
        int size = zmq_recv(tasks, task, sizeof task - 1, 0);
        if (size < 0 || size >= (int)sizeof task)
            break;
        task[size] = '\0';
        struct timespec work = { 0, atoi(task) * 1000000L };
        nanosleep(&work, NULL);
        zmq_send(results, "", 0, 0);
    }
    zmq_close(tasks);
    zmq_close(results);
    zmq_ctx_term(context);
    return 0;
}
